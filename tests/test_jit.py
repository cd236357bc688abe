"""jit: arguments and results of every kind, and how it composes with the transforms."""

from __future__ import annotations

import functools
import math
import operator
from fractions import Fraction
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.compiled import Jitted
from microgrady.compiler.jit import jit
from tests.compiled import (
    AWKWARD,
    Function,
    Pair,
    close,
    decorated,
    halvings,
    interpreted,
    logistic,
    rosenbrock,
    same_bits,
)


@jit(static_argnames="power", max_paths=3)
def with_options(x: Any, power: int) -> Any:
    return mg.exp(x) ** power


def test_the_first_call_and_all_later_ones_give_the_bits_of_the_function() -> None:
    compiled = jit(logistic)
    for x in (0.1, 0.1, 0.9, *AWKWARD):
        assert same_bits(compiled(x), interpreted(logistic, x))
        assert same_bits(compiled(x), interpreted(logistic, x))
    assert len(compiled.paths) == 1


def test_it_is_a_decorator_with_options_and_without() -> None:
    assert decorated(1.0) == math.sin(1.0) * 3
    assert decorated.__name__ == "decorated"
    assert with_options(0.5, 2) == with_options(0.5, power=2)
    assert same_bits(with_options(0.5, power=3), interpreted(lambda x: mg.exp(x) ** 3, 0.5))
    assert isinstance(decorated, Jitted)
    assert isinstance(with_options, Jitted)


def nested(tree: Any, *, bias: Any = 0.0) -> Any:
    return {"sum": tree["w"][0] * tree["w"][1][0] + bias, "rest": (tree["b"], [tree["w"][1][1] * 2])}


def test_lists_tuples_and_dicts_go_in_and_come_out() -> None:
    compiled = jit(nested)
    for scale in (1.0, 2.0, -0.5):
        tree = {"w": [scale, (3.0, 4)], "b": True}
        for _ in range(2):
            assert compiled(tree) == {"sum": 3.0 * scale, "rest": (1.0, [8.0])}
            assert compiled(tree, bias=1.5) == {"sum": 3.0 * scale + 1.5, "rest": (1.0, [8.0])}


def test_named_tuples_keep_their_type() -> None:
    compiled = jit(lambda pair: Pair(pair.b, pair.a * 2))
    for _ in range(2):
        assert compiled(Pair(1.0, 2.0)) == Pair(2.0, 2.0)
        assert type(compiled(Pair(1.0, 2.0))) is Pair


def test_arrays_go_in_and_come_out_as_new_float64_arrays() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda a, b: (a @ b + 1, mg.sum(a), np.exp(b)))
    matrix, vector = np.arange(6).reshape(2, 3), np.array([0.5, -1.0, 2.0])
    first = compiled(matrix, vector)
    kept = [np.array(part) for part in first]
    second = compiled(matrix[:, ::-1], np.float32(2.0) * vector.astype(np.float32))
    assert all(np.array_equal(part, old) for part, old in zip(first, kept, strict=True))
    assert np.array_equal(first[0], matrix @ vector + 1)
    assert np.array_equal(second[0], matrix[:, ::-1] @ (2 * vector) + 1)
    assert (second[0].dtype, second[0].shape, second[2].shape) == (np.float64, (2,), (3,))
    assert type(second[1]) is float
    assert len(compiled.paths) == 1


def test_an_array_changed_after_the_call_changes_no_result() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda a: a)
    point = np.array([1.0, 2.0])
    for _ in range(2):
        result = compiled(point)
        point[0] += 5.0
        assert result[0] == point[0] - 5.0


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0), (2, 1, 2)])
def test_arrays_of_any_shape(shape: tuple[int, ...]) -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda a: [a, mg.sum(a) * 2])
    for start in (1.0, 2.0):
        array = np.full(shape, start)
        result = compiled(array)
        assert result[0].shape == shape
        assert np.array_equal(result[0], array)
        assert result[1] == array.sum() * 2


def test_another_structure_is_recorded_anew() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda p: mg.sum(p))
    assert compiled([1.0, 2.0]) == compiled((1.0, 2.0)) == compiled(np.array([1.0, 2.0])) == 3.0
    assert compiled([1.0, 2.0, 4.0]) == compiled(np.array([1.0, 2.0, 4.0])) == 7.0
    assert compiled(np.array([[1.0, 2.0]])) == compiled(np.array([1, 2])) == 3.0
    assert len(compiled.paths) == 6
    assert compiled([5.0, 6.0]) == 11.0


def test_functions_of_nothing_and_results_of_nothing() -> None:
    for _ in range(2):
        assert jit(list)() == []
        assert jit(lambda x: {})(1.0) == {}
        assert jit(lambda: 2)() == 2.0
    constant = jit(lambda x: [3, x, x, 0.5])
    assert constant(1.0) == constant(1.0) == [3.0, 1.0, 1.0, 0.5]


def test_numbers_of_every_kind_are_floats() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda x: x / 3)
    for number in (2, 2.0, True, Fraction(1, 2), np.float32(0.1), np.int8(3), np.bool_(True)):
        assert compiled(number) == compiled(number) == float(number) / 3
    assert len(compiled.paths) == 1


def test_static_arguments_are_told_apart_by_value_and_type() -> None:
    def function(x: Any, kind: Any) -> Any:
        return x + 1 if kind is True else x * 2 if isinstance(kind, int) else x * 3 if kind == 1.0 else -x

    compiled = jit(function, static_argnames=["kind"])
    for _ in range(2):
        for kind in (1, True, 1.0, "one", None):
            assert compiled(5.0, kind) == compiled(5.0, kind=kind) == function(5.0, kind)


def test_static_arguments_in_any_position_and_with_defaults() -> None:
    def function(first: Any, x: Any, last: Any = 3) -> Any:
        return [x * k for k in range(last)] if first == "list" else x

    compiled = jit(function, static_argnames=("first", "last"))
    for _ in range(2):
        assert compiled("list", 2.0) == [0.0, 2.0, 4.0]
        assert compiled("list", 2.0, 2) == compiled(last=2, x=2.0, first="list") == [0.0, 2.0]
        assert compiled("other", 2.0) == 2.0


def test_static_arguments_behind_any_number_of_others() -> None:
    def function(*numbers: Any, scale: int) -> Any:
        return (numbers[0] * 10 + numbers[1]) * scale

    compiled = jit(function, static_argnames="scale")
    for first in (1.0, 5.0, -2.0):
        for scale in (2, 3):
            assert compiled(first, 2.0, scale=scale) == (first * 10 + 2.0) * scale


def test_keywords_and_defaults() -> None:
    def function(x: Any, *rest: Any, power: Any = 2, **more: Any) -> Any:
        return x**power + mg.sum(rest) + more.get("extra", 0)

    compiled = jit(function)
    for x in (2.0, 3.0):
        assert compiled(x) == x**2
        assert compiled(x, 1.0, 2.0, power=3) == x**3 + 3
        assert compiled(x, power=3.0, extra=4) == x**3 + 4


@pytest.mark.parametrize("transform", [mg.grad, mg.value_and_grad, mg.hessian, mg.jacobian])
def test_it_composes_with_every_transform(transform: Function) -> None:
    compiled = jit(transform(rosenbrock))
    for point in ([1.5, -0.5, 2.0], [0.0, 1.0, -1.0], [1e3, 2.0, 1e-3]):
        found, expected = compiled(point), transform(rosenbrock)(point)
        assert mg.jacobian(lambda x: [x])(0.0) == [1.0]  # nothing is left behind
        flat_found, flat_expected = leaves_of(found), leaves_of(expected)
        assert len(flat_found) == len(flat_expected)
        assert all(map(close, flat_found, flat_expected))
        assert same_bits(leaves_of(compiled(point)), flat_found)


def leaves_of(tree: Any) -> list[float]:
    return [tree] if isinstance(tree, float) else [leaf for branch in tree for leaf in leaves_of(branch)]


def test_hvp_and_argnums_and_arrays() -> None:
    np = pytest.importorskip("numpy")
    product = jit(mg.hvp(rosenbrock))
    point, vector = np.array([1.5, -0.5, 2.0]), np.array([1.0, 2.0, -1.0])
    for factor in (1.0, 2.0):
        found = product(point * factor, vector)
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, mg.hvp(rosenbrock)(point * factor, vector), rtol=1e-13)
    slope = jit(mg.grad(lambda x, y: x * y**2, argnums=(1, 0)))
    assert slope(2.0, 3.0) == slope(2.0, 3.0) == (12.0, 9.0)
    matrix = jit(mg.jacobian(lambda a: a @ np.array([[1.0, 2.0], [3.0, 4.0]])))
    assert matrix(np.zeros(2)).tolist() == matrix(np.ones(2)).tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_a_compiled_function_is_differentiated_as_the_function_is() -> None:
    compiled = jit(halvings)
    assert mg.grad(compiled)(6.0) == mg.grad(halvings)(6.0) == 0.125
    assert mg.hessian(jit(rosenbrock))([1.0, 2.0]) == mg.hessian(rosenbrock)([1.0, 2.0])
    x = Value(6.0)
    result = compiled(x)
    assert isinstance(result, Value)
    result.backward()
    assert (result.data, x.grad) == (halvings(6.0), 0.125)
    assert compiled.paths == ()  # it was the function itself that ran


def test_jit_in_jit_in_grad_in_jit() -> None:
    inner = jit(lambda x: x**3)
    outer = jit(lambda x: inner(x) + 1)
    both = jit(mg.grad(outer))
    for x in (1.0, 2.0, -3.0):
        assert outer(x) == x**3 + 1
        assert both(x) == 3 * x**2
        assert jit(jit(inner))(x) == x**3
    assert inner.paths == ()


def test_what_wraps_a_compiled_function_has_its_own_options() -> None:
    inner = jit(halvings, max_paths=1)
    outer = jit(inner, max_paths=8)
    assert [outer(x) for x in (1.0, 2.0, 4.0)] == [1.0, 2.0, 3.0]  # and warns of nothing
    assert len(outer.paths) == 3
    assert inner.paths == ()


def test_callable_objects_keep_their_attributes_to_themselves() -> None:
    class Doubled:
        def __init__(self, function: Function) -> None:
            self._function, self._name, self._static, self._signatures = function, 5, ("x",), 7

        def __call__(self, x: Any) -> Any:
            return 2 * self._function(x)

    compiled = jit(Doubled(lambda x: x * x))
    assert compiled(3.0) == compiled(3.0) == 18.0


def test_methods() -> None:
    class Model:
        def __init__(self, weight: float) -> None:
            self.weight = Value(weight)

        @jit(static_argnames="self")
        def predict(self, x: Any) -> Any:
            return self.weight * x

    one, two = Model(2.0), Model(5.0)
    for x in (1.0, 3.0):
        assert (one.predict(x), two.predict(x)) == (2.0 * x, 5.0 * x)
    one.weight.data = 7.0
    assert (one.predict(1.0), two.predict(1.0)) == (7.0, 5.0)
    bound = jit(Model(3.0).predict)
    assert bound(2.0) == bound(2.0) == 6.0
    assert one.predict.backward(3.0) == 21.0
    assert (one.weight.grad, two.weight.grad) == (3.0, 0.0)


def test_what_is_no_plain_function() -> None:
    assert jit(mg.sin)(1.0) == math.sin(1.0)
    assert jit(functools.partial(pow, 2.0))(3.0) == 8.0
    assert jit(operator.mul)(2.0, 3.0) == 6.0
