"""Arrays of Values and numbers: NumPy's functions on them have NumPy's values and the right derivatives."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from tests import processes

np = pytest.importorskip("numpy")

Function = Callable[..., Any]
POINT = np.array([0.5, 1.5, -0.7, 2.5])
MATRIX = np.array([[2.0, 0.3, -1.0, 0.5], [0.1, 3.0, 0.4, -0.2], [1.0, -0.6, 4.0, 0.8], [0.7, 0.2, -0.3, 5.0]])


def positive(p: Any) -> Any:
    """A positive definite matrix."""
    return MATRIX @ MATRIX.T + np.outer(p, p)


def stored(p: Any, empty: Any) -> Any:
    """What a function does that fills an array element by element."""
    empty[0] = p[0] ** 2
    empty[1] = 3
    empty[2] = p[1] * p[2]
    return np.sum(np.exp(empty))


def added_at(p: Any) -> Any:
    sums = np.zeros_like(p)
    np.add.at(sums, [0, 0, 1], p[:3])
    return np.sum(sums**2)


def changed_in_place(p: Any) -> Any:
    p = p.copy()
    p *= 2
    p += 1.0
    p /= 3.0
    p **= 2
    p[1:] -= p[:-1]
    return np.sum(p)


def copied_to(p: Any) -> Any:
    target = np.zeros_like(p)
    np.copyto(target, p, where=p > 0)
    return np.sum(target**2)


# Each function is checked against itself on floats, against finite differences and against what is compiled of it.
FUNCTIONS: dict[str, Function] = {
    # Values and numbers in one array.
    "exp of where": lambda p: np.sum(np.exp(np.where(p > 1, p, 0.0))),
    "log of clip": lambda p: np.sum(np.log(np.clip(p, 1e-9, None))),
    "log of clip, a method": lambda p: np.sum(np.log(p.clip(0.1, 2.0))),
    "exp of concatenate": lambda p: np.sum(np.exp(np.concatenate([p, np.ones(2)]))),
    "exp of stack": lambda p: np.sum(np.exp(np.stack([p, np.ones(4)]))),
    "exp of hstack": lambda p: np.sum(np.exp(np.hstack([p[0], np.ones(4)]))),
    "exp of append": lambda p: np.sum(np.exp(np.append(p, 1.0))),
    "exp of block": lambda p: np.sum(np.exp(np.block([[np.diag(p), np.ones((4, 1))]]))),
    "exp of pad": lambda p: np.sum(np.exp(np.pad(p, 1))),
    "exp of insert and delete": lambda p: np.sum(np.exp(np.insert(np.delete(p, 0), 1, 2.0))),
    "exp of select": lambda p: np.sum(np.exp(np.select([p > 1, p > 0], [p, np.sin(p)], 0.0))),
    "exp of triu": lambda p: np.sum(np.exp(np.triu(np.outer(p, p)))),
    "square of c_": lambda p: np.sum(np.c_[p, np.ones(4)] ** 2),
    # Element by element.
    "hypot": lambda p: np.hypot(0.7, p[0]) + np.sum(np.hypot(p, 1.0)),
    "sinc": lambda p: np.sum(np.sinc(p)),
    "logaddexp": lambda p: np.logaddexp(p[0], 1.0) + np.sum(np.logaddexp2(p, 0.5)),
    "copysign": lambda p: np.sum(np.copysign(p, -1.0)),
    "radians": lambda p: np.sum(np.radians(np.where(p > 1, p, 0.0)) + np.deg2rad(p) + np.rad2deg(p) + np.degrees(p)),
    "nan_to_num": lambda p: np.sum(np.nan_to_num(p) * p),
    "sign": lambda p: np.sum(np.sign(p) * p),
    "square and reciprocal": lambda p: np.sum(np.square(p) + np.reciprocal(p)),
    "cbrt": lambda p: np.sum(np.cbrt(np.abs(p))),
    "exp2 and log1p": lambda p: np.sum(np.exp2(p) + np.log1p(p**2)),
    "heaviside": lambda p: np.sum(np.heaviside(p, 0.5) * p),
    "fmax and fmin": lambda p: np.sum(np.fmax(p, 1.0) * np.fmin(p, 2.0)),
    "powers": lambda p: np.sum(np.abs(p) ** 1.5 + 2.0**p + p**-1 + p**3 + np.float_power(np.abs(p), 0.3)),
    "remainders": lambda p: np.sum(np.mod(p, 0.4) + np.fmod(p, 0.32) + p // 0.32 + p % 0.61 + np.divmod(p, 0.43)[1]),
    "modf": lambda p: np.sum(np.modf(p)[0]),
    "round and rint": lambda p: np.sum((np.round(p + 0.1) + np.rint(p + 0.3)) * p),
    "floor, ceil, trunc and fix": lambda p: np.sum(
        (np.floor(p + 0.1) + np.ceil(p + 0.1) + np.trunc(p) + np.fix(p)) * p
    ),
    "interp": lambda p: np.sum(np.interp(p, [-1.0, 0.0, 1.0, 2.0], [0.0, 1.0, 4.0, 9.0])),
    "interp by its heights": lambda p: np.interp(0.7, [-1.0, 0.0, 1.0, 2.0], p),
    "interp by its places": lambda p: np.interp(0.7, np.cumsum(p**2), [0.0, 1.0, 4.0, 9.0]),
    "piecewise": lambda p: np.sum(np.piecewise(p, [p > 1, p <= 1], [lambda t: t**2, np.exp])),
    "polyval": lambda p: np.polyval(p, 0.7) + np.sum(np.polyval([1.0, 2.0, 3.0], p)),
    "vectorize": lambda p: np.sum(np.vectorize(lambda t: t**2)(p)),
    "a logical condition": lambda p: np.sum(np.where(np.logical_and(p > 0, ~(p > 2)), p * p, 1.0)),
    "isfinite and isnan": lambda p: np.sum(p[np.isfinite(p) & ~np.isnan(p) & ~np.isinf(p)] ** 2),
    "signbit": lambda p: np.sum(np.where(np.signbit(p), -p, p * p)),
    "allclose": lambda p: np.sum(p) * (1.0 if np.allclose(p, p) and not np.array_equal(p, p * 2) else 0.0),
    "any and all": lambda p: np.sum(p) * np.any(p > 0) * np.all(p) * (p.any() is not False),
    "i0": lambda p: np.sum(np.i0(p)),
    # Sums and the like.
    "max and min": lambda p: np.max(p) * p.min() + np.amax(p.reshape(2, 2), axis=0)[1] + np.ptp(p) ** 2,
    "max of two axes": lambda p: np.max(np.outer(p, p).reshape(2, 2, 4), axis=(0, 2)) @ [1.0, 2.0],
    "max that keeps dimensions": lambda p: np.sum(
        np.max(p.reshape(2, 2), axis=(0, 1), keepdims=True) - p.reshape(2, 2)
    ),
    "prod": lambda p: np.prod(p) + p.prod() + np.sum(np.cumprod(p)),
    "cumsum": lambda p: np.sum(np.cumsum(p) ** 2) + np.sum(p.cumsum() ** 2),
    "reductions": lambda p: np.logaddexp.reduce(p) + np.multiply.reduce(p) + np.add.reduce(p) + np.hypot.reduce(p),
    "accumulate": lambda p: np.sum(np.maximum.accumulate(p) + np.add.accumulate(p)),
    "outer": lambda p: np.sum(np.minimum.outer(p, p) + np.multiply.outer(p, np.ones(4))),
    "where=": lambda p: np.sum(p, where=p > 0) + np.max(p, where=p < 2, initial=0.0) + np.mean(p, where=p > 0),
    "mean": lambda p: np.mean(p) + p.mean() + np.sum(np.mean(p.reshape(2, 2), axis=0) ** 2),
    "var": lambda p: np.var(p) + p.var(ddof=1) + np.sum(np.var(p.reshape(2, 2), axis=1, keepdims=True)),
    "std": lambda p: np.std(p) + p.std(ddof=1) + np.sum(np.std(p.reshape(2, 2), axis=1, keepdims=True)),
    "average": lambda p: np.average(p, weights=[1.0, 2.0, 3.0, 4.0]) ** 2,
    "median": lambda p: np.median(p) ** 2 + np.median(p[:3]),
    "percentile": lambda p: np.percentile(p, 30) ** 2 + np.sum(np.quantile(p, [0.3, 0.8]) ** 2),
    "nansum and so on": lambda p: np.nansum(p**2) + np.nanmean(p) + np.nanmax(p) + np.nanstd(p),
    "cov and corrcoef": lambda p: np.sum(np.cov(p, np.arange(4.0))) + np.corrcoef(p, [1.0, 3.0, 2.0, 5.0])[0, 1],
    "trapezoid": lambda p: (np.trapezoid if hasattr(np, "trapezoid") else np.trapz)(p, dx=0.5),
    "diff and gradient": lambda p: np.sum(np.diff(p) ** 2) + np.sum(np.gradient(p) ** 2) + np.sum(np.ediff1d(p) ** 3),
    "sort": lambda p: np.sum(np.sort(p) * np.arange(4)) + np.sum(p[np.argsort(p)] * np.arange(4)) + sorted(p)[1],
    "argmax": lambda p: p[np.argmax(p)] * p[p.argmin()] + p[np.searchsorted(np.sort(p), 0.7) - 1],
    "digitize and bincount": lambda p: np.sum(np.digitize(p, [0.0, 1.0]) * p) + np.bincount([0, 1, 1, 0], p)[1] ** 2,
    # Linear algebra.
    "norms": lambda p: np.linalg.norm(p, 3) + np.linalg.norm(p, 1) + np.linalg.norm(p, np.inf) + np.linalg.norm(p),
    "norm along an axis": lambda p: np.sum(np.linalg.norm(p.reshape(2, 2), axis=1)),
    "norms of a matrix": lambda p: sum(
        np.linalg.norm(p.reshape(2, 2), kind) for kind in ("fro", 1, -1, np.inf, -np.inf)
    ),
    "det": lambda p: np.linalg.det(MATRIX + np.outer(p, p)) + np.linalg.det(p.reshape(2, 2)),
    "dets of a stack": lambda p: np.sum(np.linalg.det(np.stack([p.reshape(2, 2), p[::-1].reshape(2, 2)]))),
    "inv": lambda p: np.sum(np.linalg.inv(MATRIX + np.outer(p, p)) * MATRIX),
    "solve": lambda p: (
        np.sum(np.linalg.solve(MATRIX * p, p) ** 2) + np.sum(np.linalg.solve(MATRIX * p, np.eye(4)) ** 3)
    ),
    "slogdet": lambda p: np.linalg.slogdet(positive(p))[1] + np.linalg.slogdet(-positive(p)).logabsdet,
    "cholesky": lambda p: np.sum(np.linalg.cholesky(positive(p)) * MATRIX),
    "matrix_power": lambda p: np.sum(np.linalg.matrix_power(MATRIX * p, 3) + np.linalg.matrix_power(MATRIX * p, -1)),
    "multi_dot": lambda p: np.linalg.multi_dot([p, MATRIX, MATRIX, p]),
    "einsum": lambda p: np.einsum("i,ij,j", p, MATRIX, p) + np.einsum("i,ij,j", p, MATRIX, p, optimize=True),
    "products": lambda p: np.dot(p, MATRIX @ p) + np.inner(p, p) + np.vdot(p, p) + np.sum(np.tensordot(p, p, 0)),
    "outer, kron and cross": lambda p: np.sum(np.outer(p, p) ** 2) + np.sum(np.kron(p, p)) + np.cross(p[:3], p[1:])[0],
    "convolve": lambda p: np.sum(np.convolve(p, [1.0, 2.0, 1.0]) ** 2),
    "trace and diagonal": lambda p: np.trace(np.diag(p)) + np.sum(np.diagonal(np.outer(p, p))),
    # Making arrays, storing in them.
    "zeros_like": lambda p: stored(p, np.zeros_like(p)),
    "zeros_like, of floats": lambda p: stored(p, np.zeros_like(p, dtype=float)),
    "zeros, like=": lambda p: stored(p, np.zeros(3, like=p)),
    "mg.array": lambda p: stored(p, mg.array(np.zeros(3))),
    "full_like": lambda p: np.sum(np.full_like(p, p[1]) ** 2) + np.sum(np.ones_like(p) * p),
    "linspace": lambda p: np.sum(np.linspace(p[0], p[1], 5) ** 2) + np.linspace(0.0, p[2], 3, endpoint=False)[1],
    "vander and meshgrid": lambda p: np.sum(np.vander(p, 3)) + np.sum(np.meshgrid(p, p)[0] ** 2),
    "add.at": added_at,
    "copyto": copied_to,
    "in place": changed_in_place,
    "out=": lambda p: np.sum(np.exp(p, out=np.zeros_like(p))) + np.sum(np.log(p, out=np.zeros_like(p), where=p > 0)),
    "astype": lambda p: np.sum(p.astype(float) ** 2) * np.sum((p > 0).astype(float)),
    # Indexing and shapes.
    "fancy indices": lambda p: np.sum(np.exp(p[[0, 0, 2]])) + np.sum(p[p > 0] ** 2) + np.take(p, [1]) @ [2.0],
    "tile, repeat and roll": lambda p: np.sum(np.tile(p, 2) ** 2) + np.sum(np.repeat(p, 2)) + np.sum(np.roll(p, 1) * p),
    "reshape and transpose": lambda p: np.sum(p.reshape(2, 2).T @ MATRIX[:2, :2]) + np.sum(np.squeeze(p[None, :]) ** 2),
    "apply_along_axis": lambda p: np.sum(np.apply_along_axis(lambda row: row[0] * row[1], 1, p.reshape(2, 2))),
    "plain Python": lambda p: sum(t * t for t in p) + max(p) + sum(p.tolist()) + len(p),
    "asarray": lambda p: np.sum(np.exp(np.asarray(p))) + np.sum(np.sin(np.array(p))),
}


# Later NumPys have np.trunc alone.
fix_may_be_deprecated = pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")


@fix_may_be_deprecated
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_numpy_have_the_values_of_floats_and_the_derivatives_of_finite_differences(name: str) -> None:
    function = FUNCTIONS[name]
    value, slope = mg.value_and_grad(function)(POINT)
    assert type(value) is float
    assert value == pytest.approx(float(function(POINT)), rel=1e-12)
    assert (slope.dtype, slope.shape) == (np.float64, (4,))
    report = mg.check_gradient(function, POINT, gradient=lambda p: slope)
    assert report.ok, report


@fix_may_be_deprecated
def test_functions_of_numpy_are_compiled_to_the_same_numbers() -> None:
    pytest.importorskip("llvmlite")
    for name, function in FUNCTIONS.items():
        value, slope = mg.value_and_grad(function)(POINT)
        compiled = mg.jit(mg.value_and_grad(function))
        for _ in range(2):
            found = compiled(POINT)
            assert found[0] == value, name
            assert np.allclose(found[1], slope, rtol=1e-13, atol=1e-13), name


def test_second_derivatives_of_linear_algebra_match_finite_differences() -> None:
    for name in ("det", "inv", "solve", "slogdet", "cholesky", "norms", "std"):
        report = mg.check_gradient(FUNCTIONS[name], POINT, order=2, tolerance=1e-4)
        assert all(str(entry.verdict) != "mismatch" for entry in report.entries), report


def test_a_function_gets_an_array_of_this_class_from_every_transform() -> None:
    kinds = []

    def function(p: Any) -> Any:
        kinds.append(type(p).__name__)
        assert isinstance(p, np.ndarray)
        assert p.dtype == object
        return np.sum(p * p)

    for transform in (mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian):
        transform(function)(POINT)
    mg.hvp(function)(POINT, POINT)
    if pytest.importorskip("llvmlite"):
        mg.jit(function)(POINT)
    assert set(kinds) == {"Array"}


# The determinant of a singular matrix still has derivatives: its cofactors.


def leibniz(matrix: Any) -> Any:
    """The determinant by Laplace's expansion, without any division."""
    if len(matrix) == 1:
        return matrix[0][0]
    minors = [[row[:k] + row[k + 1 :] for row in matrix[1:]] for k in range(len(matrix))]
    return mg.sum([(-1.0) ** k * matrix[0][k] * leibniz(minor) for k, minor in enumerate(minors)])


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 2.0], [2.0, 4.0]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[0.0, 1.0], [1.0, 0.0]],
        [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]],
        [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]],
        [[0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 0.0, 3.0]],
        [[0.0] * 3] * 3,
        [[0.0] * 4] * 4,
        [[5.0]],
    ],
)
def test_determinants_of_singular_matrices_have_the_derivatives_of_the_expansion(matrix: list[list[float]]) -> None:
    point = np.array(matrix)
    expected = mg.grad(lambda a: leibniz(a.tolist()))
    assert mg.grad(np.linalg.det)(point) == pytest.approx(expected(point), abs=1e-12)
    assert mg.hessian(np.linalg.det)(point) == pytest.approx(mg.jacobian(expected)(point), abs=1e-12)


def test_linear_algebra_refuses_what_numpy_refuses() -> None:
    for function in (np.linalg.inv, lambda a: np.linalg.solve(a, [1.0, 2.0])):
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            mg.jacobian(function)(np.array([[1.0, 2.0], [2.0, 4.0]]))
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        mg.grad(np.linalg.det)(np.ones((2, 3)))
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        mg.jacobian(np.linalg.cholesky)(-np.eye(2))
    with pytest.raises(ValueError, match="right side"):
        mg.jacobian(lambda a: np.linalg.solve(a, [1.0, 2.0, 3.0]))(np.eye(2))
    sign, logarithm = np.linalg.slogdet(mg.array(np.zeros((2, 2))))
    assert (float(sign), float(logarithm)) == (0.0, -math.inf)


# Conventions.


def test_ties_of_maximum_are_split_in_half_and_clip_has_slope_1_at_its_bounds() -> None:
    assert mg.grad(lambda p: np.maximum(p[0], p[1]))(np.array([2.0, 2.0])).tolist() == [0.5, 0.5]
    assert mg.grad(lambda p: np.max(p))(np.array([2.0, 2.0])).tolist() == [0.5, 0.5]
    assert mg.grad(lambda p: np.sum(np.minimum(p, 2.0)))(np.array([2.0, 1.0])).tolist() == [0.5, 1.0]
    for function in (lambda p: np.sum(np.clip(p, -1.0, 1.0)), lambda p: np.sum(p.clip(-1.0, 1.0))):
        assert mg.grad(function)(np.array([-1.0, 1.0, 0.0, 3.0])).tolist() == [1.0, 1.0, 1.0, 0.0]
    assert mg.grad(lambda p: np.sum(np.clip(p, 0.0, None)))(np.array([0.0])).tolist() == [1.0]


def test_norms_and_deviations_have_derivative_0_where_they_have_a_kink() -> None:
    for function in (np.linalg.norm, np.std, lambda p: np.linalg.norm(p, 3), lambda p: p.std(ddof=1)):
        assert mg.grad(function)(np.array([0.0, 0.0, 0.0])).tolist() == [0.0, 0.0, 0.0]
    assert mg.grad(np.std)(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]


def test_ieee_754_holds_for_the_plain_numbers_of_an_array() -> None:
    array = mg.array([Value(0.0), 0.0, 1e200, -8.0])
    with np.errstate(all="ignore"):
        assert (1.0 / array).tolist() == [math.inf, math.inf, 1e-200, -0.125]
        assert (array**2).tolist() == [0.0, 0.0, math.inf, 64.0]
        assert math.isnan((array ** (1 / 3)).tolist()[3])
        assert math.isnan((array % 0.0).tolist()[1])
        assert np.log(array).tolist()[:2] == [-math.inf, -math.inf]
        assert (array**-1).tolist()[1] == math.inf


def test_universal_functions_of_scipy_are_the_tables() -> None:
    special = pytest.importorskip("scipy.special")
    point = np.array([0.3, 0.6, 0.9])
    for function in (
        *(special.expit, special.log_expit, special.logit, special.erf, special.erfc, special.gamma, special.gammaln),
        *(special.psi, special.log1p, special.exp2, special.cbrt, lambda p: special.xlogy(p, p + 1.0)),
    ):
        assert mg.jacobian(function)(point).diagonal() == pytest.approx(
            [mg.numeric_derivative(function, x).value for x in point], rel=1e-8
        )
    mixed = mg.grad(lambda p: np.sum(special.expit(np.where(p > 0.5, p, 0.0))))(point)
    assert mixed[0] == 0.0
    assert all(mixed[1:] > 0.0)


# Values by themselves.


def test_functions_of_numpy_take_single_values() -> None:
    for function, exact in (
        (lambda v: np.hypot(0.7, v), 2.0 / math.hypot(0.7, 2.0)),
        (lambda v: np.logaddexp(v, 1.0), 1.0 / (1.0 + math.exp(-1.0))),
        (lambda v: np.float64(3.0) * v, 3.0),
        (lambda v: np.float64(3.0) / v, -0.75),
        (lambda v: np.array(3.0) ** v, 9.0 * math.log(3.0)),
        (lambda v: np.clip(v, 0.0, 3.0) * np.exp(v), 3.0 * math.exp(2.0)),
        (lambda v: np.where(v > 1.0, v * v, 0.0), 4.0),
        (lambda v: np.interp(v, [0.0, 4.0], [0.0, 8.0]), 2.0),
        (lambda v: np.sum(np.linspace(0.0, v, 3)), 1.5),
        (lambda v: np.sum(np.array([1.0, 2.0]) * v), 3.0),
        (lambda v: np.sum(v - np.array([1.0, 2.0])), 2.0),
        (lambda v: np.maximum(v, 1.0) + np.sum(v) + np.square(v), 6.0),
        (lambda v: np.stack([v, 1.0]) @ np.array([2.0, 3.0]), 2.0),
    ):
        assert mg.grad(function)(2.0) == pytest.approx(exact, rel=1e-15)


def test_masked_arrays_of_numpy_keep_the_derivative() -> None:
    masked = np.ma.array([1.0, 2.0, 4.0], mask=[False, True, False])
    for function in (
        lambda v: (masked * v).sum(),
        lambda v: (v * masked).sum(),
        lambda v: np.ma.multiply(v, masked).sum(),
        lambda v: (masked + v).sum() * 2.5,
        lambda v: (masked - v).sum() * -2.5,
        lambda v: (np.ma.array([v, v, v], mask=masked.mask) * masked).sum(),
    ):
        assert mg.grad(function)(3.0) == 5.0
    with pytest.raises(TypeError, match="Cannot cast"):
        masked *= mg.Value(2.0)


def test_questions_about_values_are_answered_with_bools() -> None:
    v = Value(2.0)
    for answer in (np.isfinite(v), np.float64(1.0) < v, np.less(1.0, v), np.allclose(v, 2.0)):
        assert type(answer) in (bool, np.bool_)
        assert answer
    assert not np.isnan(v)
    assert not np.isinf(v)
    array = mg.array([v, math.nan, -math.inf])
    assert np.isnan(array).dtype == bool
    assert np.isnan(array).tolist() == [False, True, False]
    assert np.isinf(array).tolist() == [False, False, True]
    assert np.isfinite(array).tolist() == [True, False, False]
    assert np.signbit(array).tolist() == [False, False, True]
    assert (array > 0).dtype == bool


def test_compiled_functions_and_transforms_take_arrays_of_the_class_as_arguments() -> None:
    point = mg.array([1.0, 2.0])
    slope = mg.grad(lambda p: np.sum(p**3))(point)
    assert type(slope) is np.ndarray
    assert slope.tolist() == [3.0, 12.0]
    assert mg.check_gradient(lambda p: np.sum(np.exp(p)), point).ok
    x = Value(3.0)
    assert [entry.data for entry in mg.gradients(np.sum(mg.array([x, x * x])), mg.array([x]))] == [7.0]
    pytest.importorskip("llvmlite")
    compiled = mg.jit(lambda p: np.sum(np.exp(p)))
    assert compiled(point) == compiled(np.array([1.0, 2.0])) == compiled(point)
    assert isinstance(compiled(mg.array([x, 1.0])), Value)


# The class.


def test_an_array_is_made_of_numbers_values_lists_and_arrays() -> None:
    v = Value(2.0)
    array = mg.array([[v, 1], [np.float32(0.5), True]])
    assert isinstance(array, np.ndarray)
    assert (array.dtype, array.shape) == (object, (2, 2))
    assert array[0, 0] is v
    assert [type(entry) for entry in array.ravel()[1:].tolist()] == [float] * 3
    assert mg.array(v).shape == ()
    assert mg.array([]).shape == (0,)
    copied = mg.array(array)
    copied[0, 0] = 1.0
    assert array[0, 0] is v
    assert mg.array(np.asfortranarray([[1, 2], [3, 4]])).tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("thing", ["a", [1.0, None], [[1.0], [1.0, 2.0]], [1j], {"a": 1.0}, [object()]])
def test_an_array_of_anything_else_is_refused(thing: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"mg\.array must"):
        mg.array(thing)


def test_elements_that_are_assigned_are_numbers() -> None:
    array = mg.array(np.zeros((2, 2)))
    array[0, 0] = 3
    array[0, 1] = np.array([4])
    array[1] = [Value(1.0), 2]
    assert [[type(entry) for entry in row] for row in array.tolist()] == [[float, float], [Value, float]]
    array[:] = 7
    assert array.tolist() == [[7.0, 7.0], [7.0, 7.0]]
    for thing in ("a", None, 1j):
        with pytest.raises(TypeError, match="assigned to an element"):
            array[0, 0] = thing


def test_views_share_their_elements_and_stay_of_the_class() -> None:
    array = mg.array(np.arange(6.0).reshape(2, 3))
    for view in (array[0], array.T, array[:, ::2], array.reshape(3, 2), array.ravel(), array[None]):
        assert type(view) is type(array)
        view[(0,) * view.ndim] = Value(9.0)
        assert array[0, 0].data == 9.0
        array[0, 0] = 0.0
    assert array.copy()[0, 1] == 1.0
    assert [type(row) for row in array] == [type(array)] * 2


def test_arrays_are_copied_and_pickled_with_their_graph() -> None:
    x = Value(2.0, "x")
    array = mg.array([x * 3, 1.0])
    for twin in (copy.deepcopy(array), pickle.loads(pickle.dumps(array))):
        assert type(twin) is type(array)
        assert twin[0].data == 6.0
        twin[0].backward()
        assert twin[0].operands[0].grad == 3.0
    assert x.grad == 0.0
    assert copy.copy(array)[0] is array[0]


def test_functions_of_the_table_give_arrays_of_the_class_for_it_and_of_floats_for_floats() -> None:
    x = Value(0.5)
    assert type(mg.exp(mg.array([x, 1.0]))).__name__ == "Array"
    assert type(mg.where(np.array([True, False]), x, 0.0)).__name__ == "Array"
    assert mg.exp(np.zeros(2)).dtype == np.float64
    assert mg.exp(mg.array([0.0, 1.0])).dtype == object


def test_microgrady_does_not_import_numpy_by_itself() -> None:
    code = "import sys, microgrady as mg; mg.grad(lambda x: x * x)(2.0); mg.array; sys.exit('numpy' in sys.modules)"
    assert processes.run([sys.executable, "-c", code]).returncode == 0


def test_operators_do_not_warn_of_nan_however_often_they_have_met_it() -> None:
    holes = mg.array([math.nan, 3.0])
    for _ in range(200):
        for result in (holes * Value(2.0), Value(2.0) * holes, holes + 1.0, 1.0 - holes):
            assert math.isnan(mg.detach(result)[0])


def test_quantiles_leave_out_nan_where_they_are_asked_to() -> None:
    holes = np.array([[math.nan, 3.0, 1.0], [2.0, math.nan, 5.0]])
    for axis in (None, 0, 1):
        for keepdims in (False, True):
            of_values: Any = np.nanpercentile(mg.array(holes) * Value(1.0), 30.0, axis=axis, keepdims=keepdims)
            expected = np.nanpercentile(holes, 30.0, axis=axis, keepdims=keepdims)
            assert np.allclose(mg.detach(of_values), expected)
    gradient = mg.grad(lambda p: np.nanquantile(np.concatenate([p, [math.nan]]), 0.25))(np.array([5.0, 1.0, 2.0]))
    assert gradient.tolist() == [0.0, 0.5, 0.5]


def test_a_number_without_a_method_is_told_what_to_write_and_other_attributes_are_not() -> None:
    with pytest.raises(AttributeError, match=r"write mg\.hypot\(\.\.\.\); where NumPy asks.*write mg\.array"):
        mg.grad(lambda p: np.hypot(0.7, np.array([p[0]]))[0])(POINT)
    for name in ("nothing", "jit_of_mine"):
        with pytest.raises(AttributeError, match=rf"attribute '{name}'$"):
            mg.grad(lambda p, name=name: getattr(1.0, name) * p[0])(POINT)


# What cannot work says what to write.


def storing(p: Any) -> Any:
    found = np.zeros(2)
    found[0] = p[0]
    return found[0]


def adding_in_place(p: Any) -> Any:
    found = np.zeros(4)
    found += p
    return np.sum(found)


@pytest.mark.parametrize(
    "function",
    [
        storing,
        adding_in_place,
        lambda p: np.sum(np.asarray(p, dtype=float)),
        lambda p: np.sum(np.array([p[0], 1.0], dtype=float)),
        lambda p: np.sum(np.exp(p, out=np.zeros(4))),
        lambda p: np.add.at(np.zeros(4), [0], p[:1]),
    ],
)
def test_values_for_an_array_of_floats_are_refused_with_what_to_write(function: Function) -> None:
    with pytest.raises(TypeError, match=r"mg\.array\(np\.zeros\(n\)\).*mg\.detach"):
        mg.grad(function)(POINT)


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        (lambda p: np.fft.fft(p)[0], r"np\.fft\.fft\(np\.eye\(n\)\)"),
        (lambda p: np.linalg.lstsq(MATRIX, p)[0][0], r"np\.linalg\.solve\(a\.T @ a, a\.T @ b\)"),
        (lambda p: np.linalg.pinv(np.outer(p, p))[0, 0], r"np\.linalg\.solve\(a\.T @ a, a\.T\)"),
        (lambda p: np.fft.rfft(p)[0], r"np\.fft\.rfft\(np\.eye\(n\)\)"),
        (lambda p: np.nanquantile(p, [0.1, 0.2])[0], r"ask for one share"),
        (lambda p: np.linalg.det(np.array([[p[0], 1.0], [2.0, p[1]]])), r"write mg\.array\(\[\.\.\.\]\) for np\.array"),
        (lambda p: np.polyfit(np.arange(4.0), p, 1)[0], r"np\.vander"),
        (lambda p: np.linalg.eigvalsh(np.outer(p, p))[0], r"^np\.linalg\.eigvalsh does not take Values.*mg\.detach"),
        (lambda p: np.linalg.svd(np.outer(p, p))[1][0], r"mg\.detach"),
        (lambda p: np.frexp(p)[0][0], r"no function frexp.*mg\.detach"),
        (lambda p: np.sum(np.exp(np.array([p[0], 1.0]))), r"mg\.array\(\[\.\.\.\]\) for np\.array"),
        (lambda p: np.linalg.det(np.array([[p[0], 1.0], [2.0, 3.0]])), r"mg\.array\(\[\.\.\.\]\) for np\.array"),
        (lambda p: np.sum(p, dtype=np.float32), r"calculate in float64, not in float32"),
        (lambda p: p.astype(np.float32)[0], r"calculate in float64, not in float32"),
        (lambda p: np.round(p, 2)[0], r"round the numbers that you print"),
        (lambda p: np.percentile(p, 30, method="nearest"), r"'linear'"),
    ],
)
def test_what_numpy_cannot_do_with_values_is_refused_with_what_to_write(function: Function, advice: str) -> None:
    for transform in (mg.grad, mg.jit):
        if transform is mg.jit:
            pytest.importorskip("llvmlite")
        with pytest.raises(TypeError, match=advice) as caught:
            transform(function)(POINT)
        assert not str(caught.value).startswith("loop of ufunc")


def test_other_errors_of_a_function_come_through_as_they_are() -> None:
    def fail(p: Any) -> Any:
        raise TypeError("on purpose")

    for transform in (mg.grad, mg.jacobian):
        with pytest.raises(TypeError, match=r"^on purpose$"):
            transform(fail)(POINT)


def test_sparse_matrices_say_what_to_write() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(MATRIX)
    with pytest.raises(TypeError, match=r"a\.toarray\(\)"):
        mg.jacobian(lambda p: matrix @ p)(POINT)
    assert mg.jacobian(lambda p: matrix.toarray() @ p)(POINT).tolist() == MATRIX.tolist()
