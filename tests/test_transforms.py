"""The transforms: positions, structures, nesting, and what they refuse."""

from __future__ import annotations

import collections
import inspect
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from mpmath import mp

import microgrady as mg
from microgrady import Value, grad, gradients, hessian, hvp, jacobian, value_and_grad
from microgrady.tracing import run_here

Function = Callable[..., Any]
Pair = collections.namedtuple("Pair", "a b")
TRANSFORMS: dict[str, Callable[..., Function]] = {
    "grad": grad,
    "value_and_grad": value_and_grad,
    "jacobian": jacobian,
    "hessian": hessian,
}


# gradients.


def test_gradients_are_values_that_can_be_differentiated_again() -> None:
    x, y = Value(2.0), Value(3.0)
    output = x**3 * y
    by_x, by_y = gradients(output, [x, y])
    assert (by_x.data, by_y.data) == (36.0, 8.0)
    assert [slope.data for slope in gradients(by_x, [x, y])] == [36.0, 12.0]
    assert gradients(gradients(by_x, x), x).data == 18.0


def test_gradients_read_and_write_no_grad() -> None:
    x = Value(2.0)
    middle = x * x
    output = mg.sin(middle)
    output.backward()
    before = (x.grad, middle.grad, output.grad)
    gradients(output, [x, middle])
    assert (x.grad, middle.grad, output.grad) == before


def test_gradients_keep_the_structure_of_the_inputs() -> None:
    np = pytest.importorskip("numpy")
    x, y, z = Value(2.0), Value(3.0), Value(5.0)
    found = gradients(x * y * z, {"pair": Pair(x, y), "array": np.array([[z, x]])})
    assert type(found["pair"]) is Pair
    assert (found["pair"].a.data, found["pair"].b.data) == (15.0, 10.0)
    assert found["array"].shape == (1, 2)
    assert [entry.data for entry in found["array"].flat] == [6.0, 15.0]


def test_gradients_by_a_result_on_the_way_hold_it_fixed_no_further() -> None:
    x = Value(2.0)
    middle = x * x
    output = middle * middle + x
    assert gradients(output, middle).data == 8.0
    assert [slope.data for slope in gradients(output, [middle, x])] == [8.0, 33.0]
    assert gradients(output, output).data == 1.0


def test_the_gradient_by_an_input_that_is_not_used_is_exactly_zero() -> None:
    x, unused = Value(2.0), Value(math.nan)
    assert gradients(mg.sqrt(x), [unused])[0].data == 0.0
    assert grad(lambda x, y: x * x, (0, 1))(2.0, math.inf) == (4.0, 0.0)
    assert grad(lambda x: 5.0)(2.0) == 0.0
    assert grad(lambda p: p[0])([1.0, math.nan]) == [1.0, 0.0]
    assert hessian(lambda p: p[0] ** 2)([1.0, 2.0]) == [[2.0, 0.0], [0.0, 0.0]]


def test_gradients_refuses_what_is_no_value() -> None:
    x = Value(1.0)
    with pytest.raises(TypeError, match="output of gradients must be a Value, not float"):
        gradients(3.0, x)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="inputs of gradients must be Values, not float"):
        gradients(x * 2, [x, 3.0])
    with pytest.raises(TypeError, match="str"):
        gradients(x * 2, "x")


# Positions.


def weighted(a: Any, b: Any, c: Any) -> Any:
    return a * b**2 * c**3


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (0, 72.0),
        (1, 48.0),
        (2, 108.0),
        (-1, 108.0),
        (-3, 72.0),
        ((0,), (72.0,)),
        ((0, 1, 2), (72.0, 48.0, 108.0)),
        ((2, 0), (108.0, 72.0)),
        ((-1, 1), (108.0, 48.0)),
    ],
)
def test_argnums_select_arguments(argnums: Any, expected: Any) -> None:
    point = (1.0, 3.0, 2.0)
    assert grad(weighted, argnums)(*point) == expected
    assert value_and_grad(weighted, argnums)(*point) == (72.0, expected)
    assert jacobian(weighted, argnums)(*point) == expected


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("argnums", [1, -2, 5, (0, 1), (-2,)])
def test_argnums_out_of_range_are_refused(transform: str, argnums: Any) -> None:
    with pytest.raises(ValueError, match="out of range: 1 positional"):
        TRANSFORMS[transform](lambda x: x * x, argnums)(2.0)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("argnums", ["x", 1.0, [0], (), (0, "x")])
def test_argnums_that_are_no_positions_are_refused(transform: str, argnums: Any) -> None:
    with pytest.raises(TypeError, match="argnums must be an int or a tuple of ints"):
        TRANSFORMS[transform](lambda x: x, argnums)


@pytest.mark.parametrize("argnums", [(0, 0), (0, -2), (1, -1)])
def test_an_argument_named_twice_is_refused_or_right(argnums: tuple[int, int]) -> None:
    try:
        found = grad(lambda x, y: x * y, argnums)(2.0, 3.0)
    except ValueError:
        return
    assert found == tuple((3.0, 2.0)[position] for position in argnums)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_transform_takes_functions_only(transform: str) -> None:
    with pytest.raises(TypeError, match=f"{transform} takes a function, not int"):
        TRANSFORMS[transform](5)


def test_keyword_arguments_are_passed_on_and_not_differentiated() -> None:
    def power(x: Any, *, exponent: int = 2) -> Any:
        return x**exponent

    assert grad(power)(3.0, exponent=3) == 27.0
    assert grad(power)(3.0) == 6.0
    assert hvp(power)(3.0, 2.0, exponent=3) == 36.0


def cube(x: Any) -> Any:
    """x to the third."""
    return x**3


def test_a_transformed_function_has_a_name_that_tells() -> None:
    assert grad(cube).__name__ == "grad(cube)"
    assert hessian(cube).__name__ == "hessian(cube)"
    assert grad(cube).__doc__ == cube.__doc__


# Structures.


def test_the_gradient_of_a_plain_number_is_a_float_whatever_its_kind() -> None:
    for x in (3, 3.0, True + 2, Fraction(3)):
        slope = grad(lambda x: x * x)(x)
        assert type(slope) is float
        assert slope == 6.0


def test_the_gradient_has_the_structure_of_the_argument() -> None:
    point = {"list": [1, 2.0], "tuple": (3, (4,)), "pair": Pair(5, [6]), "empty": [], "none": {}}

    def function(p: Any) -> Any:
        terms = [p["list"][0], p["list"][1], p["tuple"][0], p["tuple"][1][0], p["pair"].a, p["pair"].b[0]]
        return mg.sum([k * term**2 for k, term in enumerate(terms, 1)])

    slope = grad(function)(point)
    assert slope == {"list": [2.0, 8.0], "tuple": (18.0, (32.0,)), "pair": Pair(50.0, [72.0]), "empty": [], "none": {}}
    assert type(slope["pair"]) is Pair
    assert type(slope["tuple"]) is tuple
    assert list(slope) == list(point)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (0,), (2, 3), (0, 3), (2, 1, 2)])
@pytest.mark.parametrize("dtype", ["int64", "float64", "float32", "uint8", "bool"])
def test_the_gradient_by_an_array_is_a_float64_array_of_its_shape(shape: tuple[int, ...], dtype: str) -> None:
    np = pytest.importorskip("numpy")
    array = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    slope = grad(lambda a: np.sum(a * a) if a.size else 0.0)(array)
    assert isinstance(slope, np.ndarray)
    assert slope.dtype == np.float64
    assert slope.shape == shape
    assert np.array_equal(slope, 2.0 * array.astype(float))


def test_arrays_nest_in_other_structures() -> None:
    np = pytest.importorskip("numpy")
    point = {"w": np.array([[1, 2], [3, 4]]), "b": [np.array([5, 6]), 7]}
    slope = grad(lambda p: np.sum(p["w"] @ p["b"][0]) * p["b"][1])(point)
    assert slope["w"].tolist() == [[35.0, 42.0], [35.0, 42.0]]
    assert slope["b"][0].tolist() == [28.0, 42.0]
    assert slope["b"][1] == 56.0


def test_an_array_in_column_order_is_not_transposed() -> None:
    np = pytest.importorskip("numpy")
    weights = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for array in (np.asfortranarray(np.ones((2, 3))), np.ones((3, 2)).T, np.ones((4, 6))[::2, ::2]):
        assert np.array_equal(grad(lambda a: np.sum(weights * a))(array), weights)


def test_empty_arguments_have_empty_gradients() -> None:
    np = pytest.importorskip("numpy")
    assert grad(lambda p: 1.0)([]) == []
    assert grad(lambda p: mg.sum(p))(()) == ()
    assert grad(lambda p: 0.0)({}) == {}
    assert hessian(lambda p: mg.sum(p))(np.zeros(0)).shape == (0, 0)
    assert jacobian(lambda x: [])(1.0) == []


def test_the_jacobian_has_the_structure_of_the_result_over_that_of_the_argument() -> None:
    np = pytest.importorskip("numpy")
    assert jacobian(lambda x: [x, x * x, 3.0])(2.0) == [1.0, 4.0, 0.0]
    found = jacobian(lambda p: {"product": p["a"] * p["b"], "rest": (p["b"], 1)})({"a": 2, "b": 3})
    assert found == {"product": {"a": 3.0, "b": 2.0}, "rest": ({"a": 0.0, "b": 1.0}, {"a": 0.0, "b": 0.0})}
    matrix = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert np.array_equal(jacobian(lambda v: matrix @ v)(np.ones(3)), matrix)
    block = jacobian(lambda v: np.outer(v, v))(np.array([1.0, 2.0]))
    assert block.shape == (2, 2, 2)
    assert block.tolist() == [[[2.0, 0.0], [2.0, 1.0]], [[2.0, 1.0], [0.0, 4.0]]]
    by_both = jacobian(lambda v, k: v * k, (0, 1))(np.array([1.0, 2.0]), 3.0)
    assert by_both[0].tolist() == [[3.0, 0.0], [0.0, 3.0]] if isinstance(by_both, tuple) else True


def test_the_hessian_of_several_arguments_is_a_tuple_of_tuples() -> None:
    assert hessian(lambda x, y: x * x * y, (0, 1))(2.0, 3.0) == ((6.0, 4.0), (4.0, 0.0))
    assert hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0}) == {
        "a": {"a": 6.0, "b": 4.0},
        "b": {"a": 4.0, "b": 0.0},
    }


def test_the_argument_is_not_changed_and_not_kept() -> None:
    np = pytest.importorskip("numpy")
    point = {"a": [1, 2], "b": np.array([3, 4])}
    grad(lambda p: p["a"][0] * p["b"][1])(point)
    assert point["a"] == [1, 2]
    assert point["b"].dtype == np.int64


# Higher derivatives and nesting.


def test_the_fifth_derivative_of_tanh_is_right_to_nine_digits() -> None:
    derivative: Function = mg.tanh
    for order in range(1, 6):
        derivative = grad(derivative)
        for x in (-2.0, -0.7, 0.0, 0.3, 1.5, 4.0):
            with mp.workdps(60):
                exact = mpmath.diff(mpmath.tanh, mpmath.mpf(x), order)
            assert derivative(x) == pytest.approx(float(exact), rel=1e-9, abs=1e-9), (order, x)


def test_derivatives_of_a_polynomial_end_in_zeros() -> None:
    derivative: Function = lambda x: x**4 - 3 * x**2 + x  # noqa: E731
    for expected in (32.0 - 12.0 + 1.0, 48.0 - 6.0, 48.0, 24.0, 0.0, 0.0):
        derivative = grad(derivative)
        assert derivative(2.0) == expected


def test_inner_and_outer_variables_are_not_confused() -> None:
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0) == 12.0
    assert grad(lambda x: grad(lambda y: y * y)(x * x))(3.0) == 12.0
    assert grad(lambda x: grad(lambda x: x**3)(x) * x)(2.0) == 36.0
    assert grad(lambda x: x * grad(lambda y: x)(2.0))(5.0) == 0.0
    assert grad(lambda x: grad(lambda y: grad(lambda z: x * y * z)(1.0))(1.0))(1.0) == 1.0
    assert grad(lambda x: grad(lambda y: y * mg.exp(x * y))(1.0))(0.5) == pytest.approx(2.5 * math.exp(0.5), rel=1e-14)


def test_a_closure_that_escapes_from_a_transform_is_not_confused() -> None:
    # Siskind and Pearlmutter, "Nesting forward-mode AD in a functional framework", 2008; Manzyuk et al., 2019.
    def curried(x: Any) -> Function:
        return lambda function: lambda y: function(x + y)

    def shifted_derivative(function: Function) -> Function:
        return lambda y: grad(lambda x: curried(x)(function)(y))(0.0)

    found = shifted_derivative(shifted_derivative(mg.exp))(1.0)
    assert found == pytest.approx(math.e, rel=1e-14)

    kept: list[Any] = []

    def keep(x: Any) -> Any:
        kept.append(x)
        return x * x

    assert grad(keep)(3.0) == 6.0
    assert grad(lambda y: y * kept[0].data)(2.0) == 3.0
    slope = grad(lambda y: y * y * kept[0])(2.0)
    assert slope.data == 12.0


def test_the_same_value_as_two_arguments_is_two_variables() -> None:
    x = Value(3.0)
    by_first, by_second = grad(lambda a, b: a * a * b, (0, 1))(x, x)
    assert (by_first.data, by_second.data) == (18.0, 9.0)
    assert gradients(by_first, x).data == 12.0
    total = grad(lambda v: mg.sum(grad(lambda a, b: a * a * b, (0, 1))(v, v)))(3.0)
    assert total == 18.0  # the derivative of 2 * v * v + v * v


def test_an_outer_value_that_the_function_reaches_by_another_way_is_a_constant_to_it() -> None:
    x = Value(3.0)
    slope = grad(lambda a: a * x)(x)
    assert slope.data == 3.0
    assert gradients(slope, x).data == 1.0


def test_a_closure_over_an_outer_value_gives_connected_values() -> None:
    w = Value(5.0, "w")
    slope = grad(lambda x: w * x * x)(3.0)
    assert isinstance(slope, Value)
    assert slope.data == 30.0
    slope.backward()
    assert w.grad == 6.0
    value, slopes = value_and_grad(lambda p: w * w * p[0])([3.0, 1.0])
    assert isinstance(value, Value)
    assert [entry.data for entry in slopes] == [25.0, 0.0]
    assert gradients(slopes[0], w).data == 10.0
    matrix = hessian(lambda p: w * p[0] * p[1])([1.0, 2.0])
    assert gradients(matrix[0][1], w).data == 1.0
    result = w * w
    assert gradients(grad(lambda x: x * result)(2.0), w).data == 10.0


def test_a_value_made_inside_the_function_is_a_constant_and_does_not_connect() -> None:
    slope = grad(lambda x: x * Value(4.0) * x)(3.0)
    assert type(slope) is float
    assert slope == 24.0


def test_backward_inside_a_transform_does_not_disturb_it() -> None:
    w = Value(2.0)
    outer = w * w

    def function(x: Any) -> Any:
        y = x * outer
        outer.backward()
        y.backward()
        return y * x

    slope = grad(function)(3.0)
    assert slope.data == 24.0
    assert gradients(slope, w).data == 24.0


def test_an_argument_that_is_a_value_gives_values() -> None:
    x = Value(2.0)
    second = grad(grad(lambda x: x**3))(x)
    assert second.data == 12.0
    assert gradients(second, x).data == 6.0
    assert x.grad == 0.0


def test_control_flow_of_python_is_followed() -> None:
    def root(a: Any) -> Any:
        x = a if a > 1 else 1 / a
        while abs(x * x - a) > 1e-12 * a:
            x = (x + a / x) / 2
        return x

    assert grad(root)(2.0) == pytest.approx(0.5 / math.sqrt(2.0), rel=1e-9)
    assert grad(lambda x: x if x > 0 else -x)(-2) == -1.0


# Hessian-vector products.


def test_hvp_is_the_hessian_times_the_vector() -> None:
    np = pytest.importorskip("numpy")
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(4, 4))

    def function(v: Any) -> Any:
        return np.sum(np.tanh(matrix @ v) * v) + mg.exp(v[0] * v[1]) / (1 + v[2] ** 2)

    point, vector = generator.normal(size=4), generator.normal(size=4)
    full = hessian(function)(point)
    assert full == pytest.approx(full.T, rel=1e-12, abs=1e-13)
    found = hvp(function)(point, vector)
    assert found.dtype == np.float64
    assert found == pytest.approx(full @ vector, rel=1e-12, abs=1e-13)


def test_hvp_keeps_structures_and_takes_argnums() -> None:
    assert hvp(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0}, {"a": 1.0, "b": 10.0}) == {"a": 46.0, "b": 4.0}
    assert hvp(lambda x, y: x * x * y, (0, 1))(2.0, 3.0, (1.0, 10.0)) == (46.0, 4.0)
    assert hvp(lambda x, y: x * x * y)(2.0, 3.0, 2.0) == 12.0
    assert hvp(lambda x: x**3)(2, 1) == 12.0
    assert hvp(lambda p: mg.sum(p))([1.0, 2.0], [1.0, 1.0]) == [0.0, 0.0]


def test_hvp_matches_the_keys_of_a_dict_not_their_order() -> None:
    def function(p: Any) -> Any:
        return p["a"] ** 2 * p["b"]

    try:
        found = hvp(function)({"a": 2.0, "b": 3.0}, {"b": 10.0, "a": 1.0})
    except ValueError:
        return
    assert found == {"a": 46.0, "b": 4.0}


@pytest.mark.parametrize("vector", [[1.0], [1.0, 2.0, 3.0], 1.0, {"a": 1.0, "b": 2.0}, [[1.0, 2.0]], {}])
def test_hvp_refuses_a_vector_of_another_structure(vector: Any) -> None:
    with pytest.raises(ValueError, match="structure of the argument"):
        hvp(lambda p: p[0] * p[1])([1.0, 2.0], vector)


def test_hvp_says_what_it_takes() -> None:
    with pytest.raises(TypeError, match="and then the vector"):
        hvp(lambda x: x * x)(1.0)
    with pytest.raises(TypeError, match=r"vector of hvp.*str"):
        hvp(lambda x: x * x)(1.0, "v")


# Bad input.


@pytest.mark.parametrize("transform", ["grad", "value_and_grad", "hessian"])
@pytest.mark.parametrize("returned", [[1.0], None, "1", 1j, (1.0, 2.0), {}])
def test_a_function_that_returns_no_number_is_refused(transform: str, returned: Any) -> None:
    def function(x: Any) -> Any:
        return returned

    with pytest.raises(TypeError, match=rf"one number, but function returned {type(returned).__name__}"):
        TRANSFORMS[transform](function)(1.0)


def test_a_function_that_returns_an_array_is_refused_by_grad() -> None:
    np = pytest.importorskip("numpy")
    with pytest.raises(TypeError, match=r"returned ndarray .*jacobian"):
        grad(lambda x: np.array([x, x]))(1.0)
    assert grad(lambda x: np.array(x * x))(3.0) == 6.0


@pytest.mark.parametrize("returned", [None, "1", 1j, [None]])
def test_jacobian_refuses_a_result_that_is_no_number(returned: Any) -> None:
    with pytest.raises(TypeError, match="the result of"):
        jacobian(lambda x: returned)(1.0)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("argument", ["x", None, 1j, [1.0, "x"], {"a": None}, object(), {1.0, 2.0}])
def test_an_argument_that_is_no_number_is_refused(transform: str, argument: Any) -> None:
    with pytest.raises(TypeError, match="must be a real number, a Value, or a list, tuple, dict or NumPy array"):
        TRANSFORMS[transform](lambda x: x)(argument)


def test_an_argument_that_is_no_number_is_located() -> None:
    with pytest.raises(TypeError, match=r"\['w'\]\[1\] must be .* not str"):
        grad(lambda p: p["w"][0])({"w": [1.0, "x"]})


def test_arrays_that_hold_no_real_numbers_are_refused() -> None:
    np = pytest.importorskip("numpy")
    for array in (np.array(["a"]), np.array([1j]), np.array([None])):
        with pytest.raises(TypeError, match="must be a real number"):
            grad(lambda a: a[0])(array)


def numpy_detaching() -> list[Function]:
    try:
        import numpy as np
    except ImportError:
        return []

    def store(v: Any) -> Any:
        array = np.zeros(2)
        array[0] = v
        return array[0]

    return [
        store,
        lambda v: np.array([v, 1.0], dtype=float)[0],
        lambda v: np.array([v]).astype(np.float64)[0],
        lambda v: np.float64(v),
    ]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_turning_a_value_into_a_float_inside_a_transform_is_refused_with_advice(transform: str) -> None:
    detaching: list[Function] = [
        math.sin,
        float,
        lambda v: math.hypot(v, 1.0),
        lambda v: math.fsum([v, v]),
        lambda v: complex(v).real,
        lambda v: mg.exp(v) * math.exp(v),
        lambda v: grad(lambda w: w * float(v))(1.0),
        *numpy_detaching(),
    ]
    for function in detaching:
        with pytest.raises(TypeError, match=r"inside .* must not become a float.* v\.data "):
            TRANSFORMS[transform](lambda x, function=function: function(x))(1.0)
        assert run_here() is None


def test_data_is_the_way_to_leave_a_derivative_out() -> None:
    assert grad(lambda x: x * math.sin(x.data))(1.0) == math.sin(1.0)


def test_comparisons_and_whole_numbers_are_no_detaching() -> None:
    assert grad(lambda x: x * int(x) + x * math.floor(x) + x * (x > 1))(2.5) == 5.0


def test_an_exception_of_the_function_comes_through_and_leaves_no_transform_on() -> None:
    def fail(x: Any) -> Any:
        raise ZeroDivisionError("on purpose")

    for transform in TRANSFORMS.values():
        with pytest.raises(ZeroDivisionError, match="on purpose"):
            transform(fail)(1.0)
    assert run_here() is None


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian, hvp])
def test_what_a_transform_gives_tells_what_it_is_made_of(transform: Any) -> None:
    made = transform(cube)
    assert made.__wrapped__ is cube
    assert (made.__doc__, made.__module__) == (cube.__doc__, cube.__module__)
    assert repr(made) == f"<{transform.__name__}(cube)>"
    assert inspect.signature(made) == inspect.signature(cube)


@pytest.mark.parametrize("transform", [grad, jacobian, hessian])
def test_what_a_transform_gives_is_a_method_in_a_class_and_takes_arguments_of_any_name(transform: Any) -> None:
    class Curve:
        factor = 2.0
        slope = transform(lambda self, x: self.factor * x**3, argnums=1)

    assert Curve().slope(3.0) == Curve.slope(Curve(), 3.0) == transform(lambda x: 2.0 * x**3)(3.0)
    assert grad(lambda x, self: self * x)(2.0, self=3.0) == 3.0
