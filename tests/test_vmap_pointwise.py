"""vmap inside other transforms and on Values: the function runs point by point, and keeps derivatives."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="vmap needs llvmlite")
pytest.importorskip("numpy")

import numpy as np

import microgrady as mg
from microgrady import Value
from microgrady.compiler.fold import PIECE, fold
from tests.compiled import same_bits

X, W = np.array([0.5, -1.0, 2.0]), np.arange(6.0).reshape(2, 3) - 2
NUMBERS = st.floats(-3.0, 3.0)


def wave(x: Any, w: Any = 1.5) -> Any:
    """Two ways, and functions whose rounding shows."""
    return mg.sin(w * x) if x > 0 else mg.exp(x) * w


def wave_slope(x: float, w: float) -> float:
    return math.cos(w * x) * x if x > 0 else math.exp(x)


def test_gradients_by_what_is_the_same_for_all_points() -> None:
    batched = mg.vmap(wave, in_axes=(0, None))
    assert mg.grad(lambda w: mg.sum(batched(X, w)))(0.7) == pytest.approx(sum(wave_slope(x, 0.7) for x in X))
    reduced = mg.vmap(wave, in_axes=(0, None), reduce="mean")
    assert mg.grad(lambda w: reduced(X, w))(0.7) == pytest.approx(sum(wave_slope(x, 0.7) for x in X) / 3)
    assert mg.grad(lambda w: reduced(X, w))(0.7) == mg.vmap(mg.grad(wave, 1), (0, None), reduce="mean", exact=True)(
        X, 0.7
    )


def test_jacobians_by_the_points_are_diagonal() -> None:
    jacobian = mg.jacobian(mg.vmap(wave))(X)
    np.testing.assert_array_equal(jacobian, np.diag(mg.vmap(mg.grad(wave), exact=True)(X)))
    by_list = mg.jacobian(lambda points: mg.vmap(wave)(points))(X.tolist())
    np.testing.assert_array_equal(np.array(by_list), jacobian)


def test_other_transforms_take_it_as_well() -> None:
    total = mg.vmap(lambda x, y: x**2 * y, reduce="sum")
    np.testing.assert_array_equal(mg.hessian(total)(X, 2 * X), np.diag(4 * X))
    value, slope = mg.jvp(lambda x: mg.vmap(lambda x: x * x)(x))(X, np.ones(3))
    assert (value.tolist(), slope.tolist()) == ((X * X).tolist(), (2 * X).tolist())
    assert mg.value_and_grad(total)(X, X)[1].tolist() == (2 * X * X).tolist()
    assert mg.check_gradient(total, X, 2 * X)


def both(x: Any, tree: Any) -> Any:
    return {"y": x * tree["w"], "z": (tree["b"] + 0 * x, mg.sum(x))}


def test_axes_and_structures_mean_the_same_inside() -> None:
    batched = mg.vmap(both, in_axes=(1, {"w": None, "b": 0}), out_axes={"y": 1, "z": (0, -1)})
    tree = {"b": X, "w": np.array([2.0, 3.0])}
    outside = batched(W, tree)
    inside = mg.grad(lambda w: (w, batched(W * w, tree)), has_aux=True)(1.0)[1]
    for one, other in ((outside["y"], inside["y"]), *zip(outside["z"], inside["z"], strict=True)):
        np.testing.assert_array_equal(one, other)
    slope = mg.jacobian(lambda w: batched(w, tree))(W)
    assert slope["y"].shape == (2, 3, 2, 3)
    assert slope["z"][1].tolist() == [[[float(k == j) for j in range(3)]] * 2 for k in range(3)]


def test_what_is_the_same_for_all_points_stays_one_value() -> None:
    w = Value(3.0)
    batched = mg.vmap(lambda x, w: (x * w, w), in_axes=(0, None), out_axes=(0, None))
    products, same = batched(X, w)
    assert same is w
    np.sum(products).backward()
    assert w.grad == X.sum()
    assert mg.grad(lambda w: batched(X, w)[1])(2.0) == 1.0
    with pytest.raises(ValueError, match=r"out_axes is None for the result of .*\[1\], which differs"):
        mg.vmap(lambda x, w: (w, x * w), in_axes=(0, None), out_axes=(0, None))(X, w)
    zero = [Value(1.0), Value(2.0)]  # the numbers are equal, and the derivatives are not
    with pytest.raises(ValueError, match=r"out_axes is None for the result of <lambda>, which differs"):
        mg.vmap(lambda x: x * 0.0, out_axes=None)(zero)


def test_values_among_the_points_give_values() -> None:
    points = [Value(x) for x in X]
    found = mg.vmap(wave)(points)
    assert [type(entry) for entry in found] == [Value] * 3
    np.sum(found).backward()
    assert [point.grad for point in points] == [mg.grad(wave)(x) for x in X]
    assert mg.vmap(lambda row: row[0] * row[1])(np.array([points, points])).shape == (2,)
    assert mg.vmap(wave)(np.array(points[:1])).tolist()[0].data == wave(X[0])


def test_it_is_a_part_of_compiled_functions() -> None:
    total = mg.jit(lambda w: mg.sum(mg.vmap(wave, in_axes=(0, None))(X, w)))
    assert total(0.7) == sum(mg.vmap(wave, (0, None), exact=True)(X, 0.7))
    assert total(0.3) == sum(mg.vmap(wave, (0, None), exact=True)(X, 0.3))
    assert len(total.paths) == 1
    pairs = mg.vmap(mg.vmap(wave, in_axes=(0, None)), in_axes=(None, 0), out_axes=1, exact=True)(X, W[0])
    assert pairs.shape == (3, 2 + 1)
    assert same_bits(pairs.ravel().tolist(), [interpreted(x, w) for x in X for w in W[0]])
    assert mg.vmap(mg.jit(wave), exact=True)(X).tolist() == mg.vmap(wave, exact=True)(X).tolist()


def interpreted(x: float, w: float) -> float:
    return float(wave(Value(x), w).data)


@settings(max_examples=60)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40), st.sampled_from(["sum", "mean"]))
def test_exact_kernels_have_the_bits_of_the_function(points: list[tuple[float, float]], reduce: Any) -> None:
    x, w = [x for x, _ in points], [w for _, w in points]
    expected = [interpreted(*point) for point in points]
    assert same_bits(EXACT(x, w).tolist(), expected)
    assert same_bits(FOLDED[reduce](x, w), fold(expected, reduce))


EXACT = mg.vmap(wave, exact=True)
FOLDED = {reduce: mg.vmap(wave, reduce=reduce, exact=True) for reduce in ("sum", "mean")}


@pytest.mark.parametrize("count", [1, 7, 8, 9, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5])
def test_sums_have_the_order_that_the_interpreted_fold_has(count: int) -> None:
    x = np.linspace(-2.0, 2.0, count)
    terms = EXACT(x, x).tolist()
    for reduce in ("sum", "mean"):
        assert same_bits(FOLDED[reduce](x, x), fold(terms, reduce))


@pytest.mark.parametrize("values", [False, True])
def test_an_error_says_at_which_point(values: bool) -> None:
    def picky(x: Any) -> Any:
        if x > 1:
            raise RuntimeError("too large")
        return x

    points: Any = [Value(x) for x in X] if values else X
    with pytest.raises(RuntimeError, match="too large") as caught:
        mg.vmap(picky)(points)
    assert caught.value.__notes__ == ["in vmap of picky, at point 2: x = 2.0"]
    with pytest.raises(RuntimeError) as caught:
        mg.vmap(mg.vmap(picky), in_axes=1)(np.array([[0.0, 0.5], [0.0, 2.0]]))
    assert [note.partition(":")[0] for note in caught.value.__notes__] == ["in vmap of picky, at point 1"] * 2


class Model:
    """Its methods have the object before the arguments that have axes."""

    def __init__(self, weight: float) -> None:
        self.weight = Value(weight)

    @mg.vmap(in_axes=(0, None))
    def outputs(self, x: Any, shift: Any) -> Any:
        """For each point."""
        return self.weight * x + shift

    @mg.vmap(reduce="sum")
    def loss(self, x: Any, y: Any) -> Any:
        """For all."""
        return (self.weight * x - y) ** 2


def test_methods_take_points_as_functions_do() -> None:
    model, other = Model(2.0), Model(-1.0)
    assert model.outputs(X, 1.0).tolist() == (2 * X + 1).tolist()
    assert other.outputs(X, 1.0).tolist() == (1 - X).tolist()
    assert model.loss(X, X) == (X * X).sum()
    assert model.loss.backward(X, X) == (X * X).sum()
    assert model.weight.grad == 2 * (X * X).sum()
    with pytest.raises(ValueError, match="in_axes has 2 entries, but 1 argument is given by position"):
        model.outputs(X, shift=X)


AXES = mg.vmap(both, in_axes=(1, {"w": None, "b": 0}), out_axes={"y": 1, "z": (0, -1)})


@pytest.mark.parametrize("copied", [lambda thing: pickle.loads(pickle.dumps(thing)), copy.deepcopy])
def test_axes_go_with_it_into_copies(copied: Callable[[Any], Any]) -> None:
    tree = {"b": X, "w": np.array([2.0, 3.0])}
    again = copied(mg.vmap(both, in_axes=(1, {"w": None, "b": 0}), out_axes={"y": 1, "z": (0, -1)}))
    np.testing.assert_array_equal(again(W, tree)["y"], AXES(W, tree)["y"])


def test_options_of_a_decorator_are_those_of_the_function() -> None:
    @mg.vmap(in_axes=(None, 0), reduce="sum", static_argnames="n", threads=1, exact=True, max_paths=5)
    def powers(w: Any, x: Any, n: int = 2) -> Any:
        """Its documentation."""
        return w * x**n

    assert powers(2.0, X, n=1) == 2 * X.sum()
    assert (powers.__name__, powers.__doc__) == ("powers", "Its documentation.")
