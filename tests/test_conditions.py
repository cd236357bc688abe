"""Comparisons of arrays in a recording: they select without deciding, and are arrays of bools where need be."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

pytest.importorskip("numpy")
pytest.importorskip("llvmlite", reason="jit needs llvmlite")

import numpy as np

from microgrady.arrays.conditions import Conditions
from microgrady.compiler.jit import jit
from tests.compiled import Function

WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
SELECTING: dict[str, Function] = {
    "np.where": lambda a: np.where(a > 0, np.sqrt(a), a * 2),
    "np.where of a number": lambda a: np.where(a[0] > 0, a, -a) + (a[1] > 0) * a,
    "mg.where": lambda a: mg.where(a > 0, mg.sqrt(a), a * 2),
    "mg.where of numbers": lambda a: mg.where(a > 0, 1.0, 2.0) * a,
    "np.where of conditions": lambda a: np.where(a > 0, a < 2, 3.0),
    "all comparisons": lambda a: sum(np.where(c, a, 1.0) for c in (a < 1, a <= 1, a >= 1, a == 1, a != 1)),
    "a number on the left": lambda a: np.where(0 < a, a, -a),  # noqa: SIM300
    "two arrays": lambda a: np.where(a > a[::-1], a, WEIGHTS),
    "by floats": lambda a: np.where(a < WEIGHTS, a, WEIGHTS),
    "broadcast": lambda a: np.where(a[:, None] > a[None, :2], a[:, None], 0.0),
    "times an array": lambda a: (a > 0) * a + a * (a < 1),
    "times floats": lambda a: (a > 0) * WEIGHTS + WEIGHTS * (a < 1) + (a > 2) * 0.5,
    "minus": lambda a: a - (a > 0),
    "a sum": lambda a: (a > 0).sum() * a + np.sum(a > 1),
    "a mean": lambda a: (a > 0).mean() * a + np.mean(a > 1),
    "a sum of rows": lambda a: (a[:, None] > a[None, :]).sum(axis=1) * a,
    "mg.sum": lambda a: mg.sum(a > 0) * a,
    "a function": lambda a: mg.sin(a > 0) * a,
    "and, or, xor": lambda a: np.where(((a > 0) & (a < 2)) | ((a < -1) ^ (a < -2)), a, 0.0),
    "and bools": lambda a: np.where((a > 0) & (WEIGHTS > 2), a, 0.0) + np.where(True & (a < 1), a, 0.0),
    "not": lambda a: np.where(~(a > 0), a, -2 * a),
    "logical functions": lambda a: np.where(np.logical_or(a > 2, np.logical_not(a > 0)), a, -a),
    "np.select": lambda a: np.select([a > 2, a > 0], [a * a, -a], 7.0) + np.select([a > 1], [a]),
    "isnan": lambda a: np.where(np.isnan(a), 0.0, a) + mg.where(mg.isnan(a), 0.0, a),
    "isfinite, isinf": lambda a: np.where(np.isfinite(a), a, 1.0) * np.where(mg.isinf(a), 2.0, 3.0),
    "signbit": lambda a: np.where(np.signbit(a), a, 2 * a),
    "nan_to_num": lambda a: np.nan_to_num(a),
    "fmax, fmin": lambda a: np.fmax(a, 0.5) + np.fmin(a, 2.0),
    "heaviside": lambda a: np.heaviside(a, 0.5) * a,
    "interp": lambda a: np.interp(a, [-1.0, 0.0, 2.0], [3.0, 1.0, 5.0]) + np.interp(a, [1.0], [2.0], left=0.0),
    "clip": lambda a: np.clip(a, -1, 1) + a.clip(0),
    "maximum": lambda a: np.maximum(a, 0.5) + np.minimum(a, 2) + np.abs(a) + np.sign(a),
    "max": lambda a: a.max() + np.min(a) + np.amax(a),
    "astype": lambda a: (a > 0).astype(float) * 3,
    "norms": lambda a: np.linalg.norm(a, 0) + np.linalg.norm(a, np.inf),
    "parts": lambda a: np.where((a > 0)[1:3], a[1:3], 0) * np.where((a > 1)[0], 1.0, 2.0),
    "shapes": lambda a: np.where((a[:4] > 0).reshape(2, 2).T.ravel(), a[:4], 0),
    "changed": lambda a: changed(a),
    "assigned": lambda a: assigned(a),
    "returned": lambda a: [a > 0, {"isnan": np.isnan(a)}],
}
DECIDING: dict[str, Function] = {
    "boolean index": lambda a: a[a > 0] * 2,
    "boolean index of floats": lambda a: WEIGHTS[a > 0],
    "assignment": lambda a: cleared(a),
    "any": lambda a: a if (a > 0).any() else -a,
    "np.any": lambda a: a if np.any(a > 0) else -a,
    "all": lambda a: a if np.all(a[:2] > 0) else -a,
    "if": lambda a: a if (a > 0)[0] else -a,
    "if of one element": lambda a: a if a[:1] > 0 else -a,
    "count": lambda a: a * np.count_nonzero(a > 0),
    "ints": lambda a: a * ((a > 0) * 2),
    "iteration": lambda a: mg.sum([x for x, c in zip(a, a > 0, strict=True) if c] + [1.0]),
    "nonzero": lambda a: a[np.nonzero(a > 0)],
    "np.where of one": lambda a: a[np.where(a > 0)],
    "tolist": lambda a: a * np.array((a > 0).tolist()),
    "asarray": lambda a: a * np.asarray(a > 0),
    "astype int": lambda a: a * (a > 0).astype(int),
    "astype bool": lambda a: a[(a > 0).astype(bool)],
    "of a list": lambda a: a[np.array([x > 0 for x in a])],
    "bool + bool": lambda a: a * ((a > 0) + (a > 1)),
    "piecewise": lambda a: np.piecewise(a, [a > 0], [lambda x: x * 2, lambda x: -x]),
    "copied": lambda a: a[copy.deepcopy(a > 0)] * pickle.loads(pickle.dumps(a > 0)).sum(),
    "a text": lambda a: a * len(str(a > 0)) * len(repr(a > 0)),
    "argmax": lambda a: a[np.argmax(a[:2])],
    "out": lambda a: a * np.multiply(WEIGHTS, a > 0, out=np.empty(5)),
    "a mask of bools": lambda a: a[(WEIGHTS > 2) & np.asarray(a > 0)],
}
A = np.array([1.0, -2.0, 0.0, math.nan, 3.0])
POINTS = [A, -A, A + 1, A * 0, np.copysign(math.inf, A), np.array([-0.5, 0.5, 1.5, 2.0, -1.0])]


def changed(a: Any) -> Any:
    condition = a > 0
    condition[0] = True
    condition[1:3] = a[1:3] < 1
    return np.where(condition, a, 0.0)


def assigned(a: Any) -> Any:
    result = mg.array(np.zeros(5))
    result[:] = a > 0
    result[0] = a[0] < 1
    return result


def cleared(a: Any) -> Any:
    result = a.copy()
    result[result < 0] = 0
    return result


def floats(result: Any) -> list[Any]:
    if isinstance(result, list):
        return [number for part in result for number in floats(part)]
    if isinstance(result, dict):
        return [number for part in result.values() for number in floats(part)]
    return np.asarray(mg.detach(result), dtype=float).ravel().tolist()


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", SELECTING)
def test_what_selects_is_one_path(name: str) -> None:
    compiled = jit(SELECTING[name])
    for point in POINTS:
        expected = SELECTING[name](mg.array([Value(x) for x in point]))
        np.testing.assert_array_equal(floats(compiled(point)), floats(expected))
    assert [path.guards for path in compiled.paths] == [()]


@pytest.mark.parametrize("name", [name for name in SELECTING if name != "returned"])
def test_derivatives_of_what_selects_are_one_path(name: str) -> None:
    derivative = mg.grad(lambda a: np.sum(SELECTING[name](a)))
    compiled = jit(derivative)
    for point in POINTS[-1], POINTS[-1] * 2, POINTS[-1] - 0.25:
        np.testing.assert_array_equal(compiled(point), derivative(point))
    assert [path.guards for path in compiled.paths] == [()]


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", DECIDING)
def test_what_asks_for_bools_decides(name: str) -> None:
    compiled = jit(DECIDING[name], max_paths=1000)
    for point in [*POINTS, *POINTS]:
        expected = DECIDING[name](mg.array([Value(x) for x in point]))
        np.testing.assert_array_equal(floats(compiled(point)), floats(expected))
    assert len(compiled.paths) > 1


def test_outside_of_recordings_there_are_arrays_of_bools() -> None:
    a = mg.array([Value(1.0), -2.0])
    for found in (a > 0, a == 1, np.isnan(a), mg.isfinite(a), np.signbit(a)):
        assert type(found).__name__ in ("ndarray", "Array")
        assert found.dtype == bool


def test_in_a_recording_an_array_without_values_gives_bools() -> None:
    kinds: list[Any] = []

    def function(x: Any) -> Any:
        kinds.append((mg.array([1.0, 2.0]) > 1).dtype)
        return x

    assert jit(function)(1.0) == 1.0
    assert kinds == [np.dtype(bool)]


def test_conditions_that_got_out_are_bools() -> None:
    kept: list[Any] = []

    def function(a: Any) -> Any:
        kept[:] = [a > 0]
        return a * 2

    compiled = jit(function)
    compiled(A)
    (condition,) = kept
    assert isinstance(condition, Conditions)
    assert (condition.shape, condition.ndim, condition.size, len(condition)) == ((5,), 1, 5, 5)
    assert condition.dtype.kind == "b"
    assert condition.tolist() == [True, False, False, False, True]
    assert (condition * WEIGHTS).tolist() == [1.0, 0.0, 0.0, 0.0, 5.0]
    assert np.where(condition, 1.0, 2.0).tolist() == [1.0, 2.0, 2.0, 2.0, 1.0]
    assert compiled.paths[0].guards == ()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(condition)
    used = jit(lambda x: np.sum(np.where(condition, x, 1.0)))
    assert used(3.0) == 9.0
