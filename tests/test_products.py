"""Products with the jacobian: `jvp`, along a vector, and `vjp`, by a seed."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, grad, hvp, jacobian, jvp, vjp
from microgrady.functions import masked_product
from tests.test_transforms_laws import POINT, PROGRAMS, Program, close, run

Function = Callable[..., Any]
VECTOR = st.tuples(*[st.floats(-2.0, 2.0)] * 3)


def compiled(function: Function, **options: Any) -> Any:
    pytest.importorskip("llvmlite", reason="jit needs llvmlite")
    return mg.jit(function, **options)


def several(p: Any) -> list[Any]:
    return [p[0] * p[1], mg.sin(p[1]), p[0] + 2.0 * p[1], 5.0]


# What comes out.


def test_the_value_and_the_derivative_along_a_vector() -> None:
    value, tangent = jvp(several)([2.0, 3.0], [1.0, 10.0])
    assert value == several([2.0, 3.0])
    assert tangent == [23.0, 10.0 * math.cos(3.0), 21.0, 0.0]
    assert jvp(lambda x: x**3)(2.0, 1.0) == (8.0, 12.0)
    assert jvp(lambda x: 3.0)(2.0, 1.0) == (3.0, 0.0)
    assert jvp(lambda x: x)(2, 5) == (2.0, 5.0)


def test_the_value_and_what_takes_a_seed_to_derivatives() -> None:
    value, pullback = vjp(several)([2.0, 3.0])
    assert value == several([2.0, 3.0])
    assert pullback([1.0, 0.0, 0.0, 0.0]) == [3.0, 2.0]
    assert pullback([1, 2, 10, 7]) == [13.0, 22.0 + 2.0 * math.cos(3.0)]
    assert pullback([0.0, 0.0, 0.0, 1.0]) == [0.0, 0.0]
    value, pullback = vjp(lambda x: x**3)(2.0)
    assert (value, pullback(1.0), pullback(0.5)) == (8.0, 12.0, 6.0)
    assert repr(pullback) == "<pullback of <lambda>>"


def test_structures_are_kept() -> None:
    def model(p: Any) -> Any:
        return {"loss": p["w"] * p["b"], "all": (p["w"], [p["b"]])}

    point, vector = {"w": 2.0, "b": 3.0}, {"b": 1.0, "w": 10.0}
    value, tangent = jvp(model)(point, vector)
    assert value == {"loss": 6.0, "all": (2.0, [3.0])}
    assert tangent == {"loss": 32.0, "all": (10.0, [1.0])}
    assert vjp(model)(point)[1]({"loss": 1.0, "all": (0.0, [4.0])}) == {"w": 3.0, "b": 6.0}


def test_arrays() -> None:
    np = pytest.importorskip("numpy")
    x, v = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.5, -1.0]])
    value, tangent = jvp(lambda x: x @ x)(x, v)
    assert value.dtype == tangent.dtype == np.float64
    assert (value == x @ x).all()
    assert (tangent == x @ v + v @ x).all()
    value, pullback = vjp(lambda x: x @ x)(x)
    assert (pullback(v) == v @ x.T + x.T @ v).all()
    assert pullback(v.tolist()).dtype == np.float64


def test_arguments_are_selected_as_elsewhere() -> None:
    def scaled(x: Any, factor: Any, *, power: Any = 2.0) -> Any:
        return factor * x**power

    assert jvp(scaled, 1)(3.0, 2.0, 1.0) == (18.0, 9.0)
    assert jvp(scaled, (0, 1))(3.0, 2.0, (1.0, 10.0)) == (18.0, 102.0)
    assert jvp(scaled, -1)(3.0, 2.0, 1.0) == (18.0, 9.0)
    assert jvp(scaled, argnames="factor")(3.0, 1.0, factor=2.0) == (18.0, 9.0)
    assert vjp(scaled, (0, 1))(3.0, 2.0)[1](1.0) == (12.0, 9.0)
    assert vjp(scaled, argnames=("power", "x"))(x=3.0, factor=2.0, power=1.0)[1](1.0) == (6.0 * math.log(3.0), 2.0)


def test_with_aux_there_are_three_as_in_jax() -> None:
    def with_aux(x: Any) -> Any:
        return x * x, {"note": "square", "double": 2.0 * x}

    assert jvp(with_aux, has_aux=True)(3.0, 1.0) == (9.0, 6.0, {"note": "square", "double": 6.0})
    value, pullback, aux = vjp(with_aux, has_aux=True)(3.0)
    assert (value, pullback(1.0), aux) == (9.0, 6.0, {"note": "square", "double": 6.0})


def test_kinks_and_zeros_are_as_in_the_reverse_pass() -> None:
    def kinked(p: Any) -> list[Any]:
        x, y = p
        return [
            abs(x),
            mg.relu(x),
            mg.maximum(x, y),
            mg.sqrt(x),
            x**0.0,
            mg.where(x > 0.0, mg.sqrt(x), 0.0),
            mg.norm(p),
        ]

    slopes = jacobian(kinked)([0.0, 0.0])
    assert jvp(kinked)([0.0, 0.0], [1.0, 0.0])[1] == [row[0] for row in slopes]
    assert jvp(kinked)([0.0, 0.0], [0.0, 1.0])[1] == [row[1] for row in slopes]
    pullback = vjp(kinked)([0.0, 0.0])[1]
    assert [pullback([float(i == j) for j in range(7)]) for i in range(7)] == slopes


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 0.0 * mg.sqrt(x),
        lambda x: mg.sqrt(mg.relu(x)),
        lambda x: mg.relu(-mg.sqrt(x)),
        lambda x: mg.sqrt(x) ** 3,
        lambda x: mg.exp(-1.0 / abs(x)) + mg.log(mg.clip(x, 1.0, 2.0)),
        lambda x: masked_product(x, mg.sqrt(x)),
    ],
    ids=["zero times", "relu inside", "relu outside", "power", "exp and clip", "masked"],
)
def test_a_zero_contributes_zero_beside_what_is_infinite(function: Function) -> None:
    along = jvp(function)
    assert along(0.0, 1.0)[1] == compiled(along)(0.0, 1.0)[1] == vjp(function)(0.0)[1](1.0) == 0.0
    general = compiled(along)
    general(1.5, 1.0)  # what it records holds at other points, too
    assert general(0.0, 1.0)[1] == general(0.0, 0.0)[1] == along(0.0, 0.0)[1] == 0.0
    assert jvp(lambda x: mg.sqrt(x))(0.0, 0.0)[1] == 0.0


# Laws.


@given(PROGRAMS, POINT, VECTOR, VECTOR)
def test_both_are_products_with_the_jacobian(program: Program, point: Any, vector: Any, seed: Any) -> None:
    def results(p: Any) -> Any:
        y = run(program, p)
        return y, y * p[0], mg.sin(y) + p[2]

    rows = jacobian(results)(point)
    value, tangent = jvp(results)(point, vector)
    again, pullback = vjp(results)(point)
    assert value == again == results(point)
    assert close(tangent, [sum(a * b for a, b in zip(row, vector, strict=True)) for row in rows])
    columns = list(zip(*rows, strict=True))
    assert close(pullback(seed), [sum(a * b for a, b in zip(seed, column, strict=True)) for column in columns])


@given(PROGRAMS, POINT, VECTOR)
def test_second_derivatives_agree_in_all_orders(program: Program, point: Any, vector: Any) -> None:
    def function(p: Any) -> Any:
        return run(program, p)

    expected = hvp(function)(point, vector)
    assert close(jvp(grad(function))(point, vector)[1], expected)
    assert close(grad(lambda p: jvp(function)(p, vector)[1])(point), expected)
    assert close(grad(lambda p: mg.dot(vjp(function)(p)[1](1.0), vector))(point), expected)
    twice = jvp(lambda p: jvp(function)(p, vector)[1])(point, vector)[1]
    assert close([twice], [sum(a * b for a, b in zip(expected, vector, strict=True))])


@settings(max_examples=20)
@given(PROGRAMS, POINT, VECTOR, VECTOR)
def test_compiled_ones_give_the_same(program: Program, point: Any, vector: Any, seed: Any) -> None:
    def results(p: Any) -> Any:
        y = run(program, p)
        return y, y * p[0], p[2]

    def back(p: Any, seed: Any) -> Any:
        value, pullback = vjp(results)(p)
        return value, pullback(seed)

    assert close(compiled(jvp(results))(point, vector)[1], jvp(results)(point, vector)[1], 1e-12)
    assert close(compiled(back)(point, seed)[1], back(point, seed)[1], 1e-12)


def test_nested_variables_are_not_confused() -> None:
    assert jvp(lambda x: x * jvp(lambda y: x + y)(x, 1.0)[1])(1.0, 1.0)[1] == 1.0
    assert grad(lambda x: x * vjp(lambda y: x + y)(x)[1](1.0))(1.0) == 1.0
    assert grad(lambda v: jvp(lambda x: x**3)(2.0, v)[1])(1.0) == 12.0
    assert grad(lambda u: vjp(lambda x: x**3)(2.0)[1](u))(1.0) == 12.0


def test_derivatives_that_depend_on_values_are_values() -> None:
    w = Value(3.0)
    for derivative in (jvp(lambda x: w * x**2)(2.0, 1.0)[1], vjp(lambda x: w * x**2)(2.0)[1](1.0)):
        assert isinstance(derivative, Value)
        derivative.backward()
    assert w.grad == 8.0
    value, tangent = jvp(lambda x: x**2)(2.0, w)
    assert (value, tangent.data, grad(lambda v: v * 4.0)(w.data)) == (4.0, 12.0, 4.0)


@pytest.mark.parametrize(
    ("function", "curvature"),
    [
        (lambda p: mg.norm(p) ** 2, 2.0),
        (lambda p: (3.0 * mg.hypot(p[0], p[1])) ** 2, 18.0),
        (lambda p: (mg.hypot(p[0], p[1]) * (2.0 + p[0])) ** 2, 8.0),
        (lambda p: mg.hypot(mg.hypot(p[0], p[1]), 2.0 * mg.norm(p)) ** 2, 10.0),
        (lambda p: -(mg.norm(p) / 2.0) * mg.norm(p) + 3.0, -1.0),
    ],
    ids=["square", "scaled", "times another", "of hypots", "product"],
)
def test_derivatives_of_tangents_hold_at_the_origin(function: Function, curvature: float) -> None:
    along = [1.0, 0.5]
    expected = [curvature, 0.5 * curvature]
    assert hvp(function)([0.0, 0.0], along) == expected
    assert grad(lambda p: jvp(function)(p, along)[1])([0.0, 0.0]) == expected
    assert jvp(grad(function))([0.0, 0.0], along)[1] == expected
    assert compiled(grad(lambda p: jvp(function)(p, along)[1]))([0.0, 0.0]) == expected
    point = [0.3, -0.4]
    assert grad(lambda p: jvp(function)(p, along)[1])(point) == pytest.approx(hvp(function)(point, along), rel=1e-13)


# Cost.


def test_the_cost_does_not_grow_with_the_number_of_results() -> None:
    def results(x: Any) -> list[Any]:
        y = x[0]
        for _ in range(50):
            y = mg.sin(y)
        return [y * a for a in x]

    point = [0.5] * 100
    forward = compiled(jvp(results))
    forward(point, point)
    backward = compiled(lambda x, u: vjp(results)(x)[1](u))
    backward(point, point)
    for jitted in (forward, backward):
        (path,) = jitted.paths
        assert path.operations < 6 * 150


def test_depth_does_not_matter() -> None:
    def deep(x: Any) -> Any:
        y = x
        for _ in range(20_000):
            y = 0.5 * y + x
        return y

    assert jvp(deep)(1.0, 1.0) == (2.0, 2.0)
    assert vjp(deep)(1.0)[1](1.0) == 2.0


# Compiled, pickled, wrong.


def test_compiled_functions_and_leaves() -> None:
    w = Value(3.0, "w")
    fast = compiled(jvp(lambda x: [w * x**2, x]))
    assert fast(2.0, 1.0) == ([12.0, 2.0], [12.0, 1.0])
    w.data = 1.0
    assert fast(2.0, 1.0) == ([4.0, 2.0], [4.0, 1.0])
    with pytest.raises(TypeError, match="Pullback"):
        compiled(vjp(lambda x: x**2))(2.0)


def test_pickling_and_methods() -> None:
    again = pickle.loads(pickle.dumps(jvp(several)))
    assert again([2.0, 3.0], [1.0, 10.0]) == jvp(several)([2.0, 3.0], [1.0, 10.0])
    assert pickle.loads(pickle.dumps(vjp(several)))([2.0, 3.0])[1]([1.0, 0.0, 0.0, 0.0]) == [3.0, 2.0]
    for duplicate in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match=r"pullback of several> holds the record of a run.*pickle vjp"):
            duplicate(vjp(several)([2.0, 3.0])[1])

    class Model:
        weight = 3.0

        def of(self, x: Any) -> Any:
            return self.weight * x**2

        along: Any = jvp(of, 1)

    assert Model().along(2.0, 1.0) == (12.0, 12.0)
    assert jvp(Model().of)(2.0, 1.0) == (12.0, 12.0)
    assert repr(jvp(several)) == "<jvp(several)>"


def test_vectors_and_seeds_of_another_structure_are_refused() -> None:
    with pytest.raises(ValueError, match="the vector of jvp must have the structure of the argument, but is list"):
        jvp(several)([2.0, 3.0], [1.0])
    wrong: Any = vjp(several)([2.0, 3.0])[1]
    with pytest.raises(ValueError, match="the seed for several must have the structure of what the function returned"):
        wrong([1.0])
    with pytest.raises(TypeError, match=r"the vector of jvp\[0\] must be a real number"):
        jvp(several)([2.0, 3.0], ["a", 1.0])
    with pytest.raises(TypeError, match=r"the seed for several.*must be a real number"):
        vjp(several)([2.0, 3.0])[1](None)
    with pytest.raises(TypeError, match="jvp takes the arguments of several and then the vector"):
        jvp(several)([2.0, 3.0])
    with pytest.raises(ValueError, match="out of range"):
        jvp(several, 3)([2.0, 3.0], [1.0, 1.0])
    for transform in (jvp, vjp):
        with pytest.raises(TypeError, match=f"{transform.__name__} takes a function, not float"):
            transform(3.0)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"inside vjp of .* a Value must not become a float"):
        vjp(lambda x: math.sin(x))(1.0)


def test_jax_gives_the_same() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[peers]'")
    jax.config.update("jax_enable_x64", True)

    def theirs(x: Any, y: Any) -> Any:
        return jax.numpy.sin(x) * y, x / y

    def ours(x: Any, y: Any) -> Any:
        return mg.sin(x) * y, x / y

    value, tangent = jax.jvp(theirs, (0.5, 2.0), (1.0, 10.0))
    found, along = jvp(ours, (0, 1))(0.5, 2.0, (1.0, 10.0))
    assert found == pytest.approx(tuple(map(float, value)), rel=1e-15)
    assert along == pytest.approx(tuple(map(float, tangent)), rel=1e-14)
    value, pull = jax.vjp(theirs, 0.5, 2.0)
    found, pullback = vjp(ours, (0, 1))(0.5, 2.0)
    assert pullback((1.0, 10.0)) == pytest.approx(tuple(map(float, pull((1.0, 10.0)))), rel=1e-14)
