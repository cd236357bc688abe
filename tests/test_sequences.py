"""Functions of many operands or of a sequence: on floats, Values and arrays, compiled, and what they refuse."""

from __future__ import annotations

import math
import statistics
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from tests.plain import plain

NUMBERS = st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=8)


# where.


@pytest.mark.parametrize("condition", [True, 1, 2.5, -1, Value(3.0), Fraction(1, 2), math.nan])
def test_where_takes_the_first_when_the_condition_holds(condition: Any) -> None:
    a, b = Value(2.0), Value(3.0)
    result = mg.where(condition, a, b)
    result.backward()
    assert (result.data, a.grad, b.grad) == (2.0, 1.0, 0.0)


@pytest.mark.parametrize("condition", [False, 0, 0.0, -0.0, Value(0.0), Fraction(0)])
def test_where_takes_the_second_when_it_does_not(condition: Any) -> None:
    a, b = Value(2.0), Value(3.0)
    result = mg.where(condition, a, b)
    result.backward()
    assert (result.data, a.grad, b.grad) == (3.0, 0.0, 1.0)


def test_where_of_numbers_is_a_float() -> None:
    assert mg.where(True, 1, 2) == 1.0
    assert type(mg.where(True, 1, 2)) is float
    assert type(mg.where(False, 1, Fraction(1, 2))) is float


def test_where_with_a_value_in_any_place_is_a_value_with_a_backward_pass() -> None:
    cases: list[tuple[Any, Any, Any, list[float]]] = [
        (Value(1.0), 2.0, 3.0, [0.0]),
        (True, 2.0, Value(3.0), [0.0]),
        (True, Value(2.0), 3.0, [1.0]),
        (False, Value(2.0), Value(3.0), [0.0, 1.0]),
    ]
    for condition, a, b, slopes in cases:
        result = mg.where(condition, a, b)
        assert type(result) is Value
        result.backward()
        assert [argument.grad for argument in (condition, a, b) if isinstance(argument, Value)] == slopes


def test_where_goes_element_by_element_over_arrays_and_broadcasts() -> None:
    np = pytest.importorskip("numpy")
    condition = np.array([True, False, True])
    assert mg.where(condition, np.array([1, 2, 3]), 0).tolist() == [1.0, 0.0, 3.0]
    assert mg.where(condition, 1.0, 2.0).dtype == np.float64
    x = Value(5.0)
    result = mg.where(np.array([[True], [False]]), x, np.array([1.0, 2.0]))
    assert [[plain(entry) for entry in row] for row in result] == [[5.0, 5.0], [1.0, 2.0]]
    mg.sum(result).backward()
    assert x.grad == 2.0
    assert mg.where(np.array([x, Value(0.0)]), 1.0, 2.0).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("thing", ["a", None, 1j, [1.0], Decimal(1)])
def test_where_refuses_what_is_no_number_in_any_place(thing: Any) -> None:
    message = f"of where must be a real number, not {type(thing).__name__}"
    for arguments in ((thing, 1.0, 2.0), (True, thing, 2.0), (True, 1.0, thing), (False, thing, 2.0)):
        with pytest.raises(TypeError, match=message):
            mg.where(*arguments)


# clip.


@pytest.mark.parametrize(
    ("x", "low", "high", "value", "slope"),
    [
        (0.5, -1, 1, 0.5, 1.0),
        (-1.0, -1, 1, -1.0, 1.0),
        (1.0, -1, 1, 1.0, 1.0),
        (-2.0, -1, 1, -1.0, 0.0),
        (2.0, -1, 1, 1.0, 0.0),
        (2.0, None, 1, 1.0, 0.0),
        (2.0, 1, None, 2.0, 1.0),
        (math.inf, -1, 1, 1.0, 0.0),
        (-math.inf, -1, 1, -1.0, 0.0),
        (5.0, 2, 1, 1.0, 0.0),
    ],
)
def test_clip_has_the_value_and_slope_of_the_part_it_is_in(
    x: float, low: float | None, high: float | None, value: float, slope: float
) -> None:
    assert mg.clip(x, low, high) == value
    variable = Value(x)
    result = mg.clip(variable, low, high)
    result.backward()
    assert (result.data, variable.grad) == (value, slope)


def test_clip_without_bounds_is_the_number() -> None:
    x = Value(5.0)
    result = mg.clip(x, None, None)
    result.backward()
    assert (result.data, x.grad) == (5.0, 1.0)
    assert type(mg.clip(5, None, None)) is float


def test_clip_differentiates_its_bounds_where_they_hold() -> None:
    assert mg.grad(mg.clip, (0, 1, 2))(-2.0, -1.0, 1.0) == (0.0, 1.0, 0.0)
    assert mg.grad(mg.clip, (0, 1, 2))(2.0, -1.0, 1.0) == (0.0, 0.0, 1.0)
    assert mg.grad(mg.clip, (0, 1, 2))(0.0, -1.0, 1.0) == (1.0, 0.0, 0.0)


def test_clip_goes_element_by_element_over_arrays() -> None:
    np = pytest.importorskip("numpy")
    assert mg.clip(np.array([-2, 0, 2]), -1, 1).tolist() == [-1.0, 0.0, 1.0]
    assert mg.clip(np.array([-2, 0, 2]), np.array([-3, 1, 0]), None).tolist() == [-2.0, 1.0, 2.0]
    assert math.isnan(mg.clip(math.nan, -1.0, 1.0))


def test_clip_refuses_what_is_no_number() -> None:
    for arguments in (("a", 0, 1), (1.0, "a", 1), (1.0, 0, "a"), ("a", None, None), (None, 0, 1), (1j, None, None)):
        with pytest.raises(TypeError, match=r"real number.* not (str|NoneType|complex)"):
            mg.clip(*arguments)


# sum, mean, prod, dot.


@given(NUMBERS)
def test_sum_mean_and_prod_have_the_values_of_python_and_the_slopes_of_the_textbook(numbers: list[float]) -> None:
    count = len(numbers)
    assert mg.sum(numbers) == pytest.approx(sum(numbers), rel=1e-14)
    assert mg.mean(numbers) == pytest.approx(sum(numbers) / count, rel=1e-14)
    assert mg.prod(numbers) == pytest.approx(math.prod(numbers), rel=1e-14)
    assert mg.grad(mg.sum)(numbers) == [1.0] * count
    assert mg.grad(mg.mean)(numbers) == pytest.approx([1.0 / count] * count, rel=1e-15)
    others = [math.prod(numbers[:k] + numbers[k + 1 :]) for k in range(count)]
    assert mg.grad(mg.prod)(numbers) == pytest.approx(others, rel=1e-12, abs=1e-300)


@given(NUMBERS)
def test_dot_is_the_sum_of_products(numbers: list[float]) -> None:
    others = [float(k) - 2.5 for k in range(len(numbers))]
    assert mg.dot(numbers, others) == pytest.approx(sum(map(lambda x, y: x * y, numbers, others)), rel=1e-12, abs=1e-9)
    assert mg.grad(mg.dot, (0, 1))(numbers, others) == (others, numbers)


def test_the_derivative_of_a_product_with_zeros_is_right() -> None:
    assert mg.grad(mg.prod)([0.0, 2.0, 3.0]) == [6.0, 0.0, 0.0]
    assert mg.grad(mg.prod)([0.0, 2.0, 0.0]) == [0.0, 0.0, 0.0]


def test_values_and_numbers_mix() -> None:
    x = Value(2.0)
    assert mg.sum([1, x, Fraction(1, 2)]).data == 3.5
    assert mg.mean([x, 4]).data == 3.0
    assert mg.prod((x, 3, x)).data == 12.0
    assert mg.dot([x, 1], [3, x]).data == 8.0
    mg.dot([x, 1], [3, x]).backward()
    assert x.grad == 4.0


def test_results_of_numbers_are_floats() -> None:
    for result in (mg.sum([1, 2]), mg.mean([1, 3]), mg.prod([2, 3]), mg.dot([1], [2]), mg.sum([True]), mg.sum([5])):
        assert type(result) is float


def test_any_iterable_will_do() -> None:
    assert mg.sum(iter([1, 2])) == 3.0
    assert mg.sum(k for k in range(4)) == 6.0
    assert mg.prod(range(1, 5)) == 24.0
    assert mg.mean((1, 2)) == 1.5


def test_nothing_sums_to_zero_and_multiplies_to_one_and_has_no_mean() -> None:
    assert mg.sum([]) == 0.0
    assert mg.prod([]) == 1.0
    assert mg.dot([], []) == 0.0
    for result in (mg.sum([]), mg.prod([]), mg.dot([], [])):
        assert type(result) is float
    with pytest.raises(ValueError, match="mean takes at least one number"):
        mg.mean([])


def test_all_elements_of_an_array_count() -> None:
    np = pytest.importorskip("numpy")
    array = np.array([[1, 2], [3, 4]])
    assert mg.sum(array) == 10.0
    assert mg.mean(array) == 2.5
    assert mg.prod(array) == 24.0
    assert mg.dot(array, array) == 30.0
    assert mg.sum(np.array(3.0)) == 3.0
    assert mg.sum(np.zeros((0, 2))) == 0.0
    values = np.array([[Value(1.0), Value(2.0)]])
    mg.mean(values).backward()
    assert [value.grad for value in values.flat] == [0.5, 0.5]


def test_a_long_sum_is_differentiated() -> None:
    values = [Value(0.1) for _ in range(20_000)]
    mg.sum(values).backward()
    assert all(value.grad == 1.0 for value in values)


@pytest.mark.parametrize("name", ["sum", "mean", "prod"])
@pytest.mark.parametrize("thing", [5, 2.5, "ab", None, Value(1.0), 1j])
def test_what_is_no_sequence_is_refused(name: str, thing: Any) -> None:
    with pytest.raises(
        TypeError, match=f"{name} takes a sequence of Values and real numbers, not {type(thing).__name__}"
    ):
        getattr(mg, name)(thing)
    with pytest.raises(TypeError, match=f"dot takes a sequence of Values and real numbers, not {type(thing).__name__}"):
        mg.dot([1.0], thing)


@pytest.mark.parametrize("name", ["sum", "mean", "prod"])
@pytest.mark.parametrize("thing", ["a", None, 1j, [1.0], Decimal(1)])
def test_a_term_that_is_no_number_is_refused(name: str, thing: Any) -> None:
    with pytest.raises(TypeError, match=f"each term of {name} must be a real number, not {type(thing).__name__}"):
        getattr(mg, name)([1.0, thing])
    with pytest.raises(TypeError, match=f"each term of dot must be a real number, not {type(thing).__name__}"):
        mg.dot([thing], [1.0])


def test_dot_refuses_sequences_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="same length, not of 1 and 2"):
        mg.dot([1.0], [1.0, 2.0])


# A start, many operands, a base.


def test_sum_and_prod_begin_with_their_start() -> None:
    x = Value(2.0)
    assert mg.sum([1, x], 10).data == 13.0
    assert mg.sum([], start=x) is x
    assert mg.sum([3.0], start=x).data == 5.0
    assert mg.prod([3.0, x], start=2).data == 12.0
    assert mg.prod([], start=5) == 5.0
    assert mg.grad(lambda x: mg.prod([2.0, 3.0], start=x))(1.0) == 6.0
    with pytest.raises(TypeError, match=r"the start of sum must be a real number, not str"):
        mg.sum([1.0], start="a")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"the start of prod must be a real number, not list"):
        mg.prod([1.0], start=[])  # type: ignore[call-overload]


def test_log_takes_a_base() -> None:
    assert mg.log(8, 2) == 3.0
    assert mg.log(Value(81.0), 3).data == pytest.approx(4.0, rel=1e-15)
    x, base = 5.0, 3.0
    slopes = mg.grad(mg.log, (0, 1))(x, base)
    assert slopes == pytest.approx((1 / (x * math.log(base)), -math.log(x) / (base * math.log(base) ** 2)), rel=1e-14)
    assert mg.jit(lambda x, b: mg.log(x, b))(8.0, 2.0) == 3.0
    with pytest.raises(TypeError, match="log takes a number and, if need be, a base, but 3 operands were given"):
        mg.log(1.0, 2.0, 3.0)


def test_hypot_maximum_and_minimum_take_many_operands() -> None:
    values = [Value(x) for x in (2.0, -3.0, 6.0)]
    assert mg.hypot(*values).data == 7.0
    assert (mg.hypot(), mg.hypot(-3)) == (0.0, 3.0)
    assert mg.maximum(*values).data == 6.0
    assert mg.minimum(*values, -5.0).data == -5.0
    assert mg.grad(lambda p: mg.hypot(*p))([2.0, -3.0, 6.0]) == pytest.approx([2 / 7, -3 / 7, 6 / 7], rel=1e-15)
    assert mg.grad(lambda p: mg.maximum(*p))([1.0, 3.0, 2.0]) == [0.0, 1.0, 0.0]
    assert mg.grad(lambda p: mg.minimum(*p))([1.0, 1.0, 2.0]) == [0.5, 0.5, 0.0]
    with pytest.raises(TypeError, match=r"hypot takes numbers, not a list.*write norm\(values\)"):
        mg.hypot([3.0, 4.0])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"maximum takes 2 operands or more, but 1 were given: write maximum\(\*values"):
        mg.maximum([1.0, 2.0])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="sin takes 1 operand"):
        mg.sin(1.0, 2.0)


def test_functions_of_many_operands_take_arrays() -> None:
    np = pytest.importorskip("numpy")
    a, b = np.array([1.0, 4.0]), np.array([2.0, 3.0])
    assert mg.maximum(a, b, 2.5).tolist() == [2.5, 4.0]
    assert mg.hypot(a, b, 2.0).tolist() == [3.0, math.sqrt(29.0)]
    assert mg.log(a, 2.0).tolist() == [0.0, 2.0]
    assert mg.sinc(a).tolist() == [0.0, 0.0]
    assert mg.modf(a + 0.5)[0].tolist() == [0.5, 0.5]


# Lengths, spread, softmax.


@pytest.mark.parametrize("order", [1, 2, 3, 2.5, 7, math.inf])
@given(numbers=st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=9))
def test_norm_is_that_of_numpy(order: float, numbers: list[float]) -> None:
    np = pytest.importorskip("numpy")
    scale = max(map(abs, numbers)) or 1.0
    expected = float(np.linalg.norm(np.array(numbers) / scale, order)) * scale
    assert mg.norm(numbers, order) == pytest.approx(expected, rel=1e-13, abs=1e-320)


@pytest.mark.parametrize("order", [1, 2, 3, 2.5, math.inf])
@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_norm_and_its_slopes_do_not_overflow_on_the_way(order: float, size: float) -> None:
    numbers = [3.0 * size, -4.0 * size, 0.5 * size]
    with_one = mg.norm([3.0, -4.0, 0.5], order)
    assert mg.norm(numbers, order) == pytest.approx(with_one * size, rel=1e-14)
    slopes = mg.grad(lambda p: mg.norm(p, order))
    assert slopes(numbers) == pytest.approx(slopes([3.0, -4.0, 0.5]), rel=1e-13)


def test_norm_of_a_matrix_is_that_of_its_elements_and_that_of_nothing_is_zero() -> None:
    np = pytest.importorskip("numpy")
    assert mg.norm(np.array([[1.0, 2.0], [2.0, 4.0]])) == 5.0
    assert [mg.norm([], order) for order in (1, 2, 3, math.inf)] == [0.0] * 4


def test_a_long_norm_is_accurate() -> None:
    numbers = [math.sin(k) for k in range(10_000)]
    assert mg.norm(numbers) == pytest.approx(math.sqrt(math.fsum(x * x for x in numbers)), rel=2e-15)


@pytest.mark.parametrize(
    ("order", "error"), [("a", TypeError), (0.5, ValueError), (math.nan, ValueError), (-1, ValueError)]
)
def test_norm_refuses_an_order_that_gives_no_norm(order: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="the order of norm must be"):
        mg.norm([1.0], order)


def test_dist_is_that_of_math() -> None:
    assert mg.dist([1.0, 2.0, 3.0], (4.0, 6.0, 3.0)) == math.dist([1, 2, 3], [4, 6, 3])
    assert mg.grad(lambda p: mg.dist(p, [0.0, 0.0]))([3.0, 4.0]) == [0.6, 0.8]
    with pytest.raises(ValueError, match="dist takes two sequences of the same length, not of 1 and 2"):
        mg.dist([1.0], [1.0, 2.0])


@given(NUMBERS)
def test_var_and_std_are_those_of_statistics(numbers: list[float]) -> None:
    assert mg.var(numbers) == pytest.approx(statistics.pvariance(numbers), rel=1e-9, abs=1e-12)
    assert mg.std(numbers) == pytest.approx(statistics.pstdev(numbers), rel=1e-9, abs=1e-12)
    if len(numbers) > 1:
        assert mg.std(numbers, ddof=1) == pytest.approx(statistics.stdev(numbers), rel=1e-9, abs=1e-12)


def test_var_and_std_need_more_numbers_than_ddof() -> None:
    for function in (mg.var, mg.std):
        with pytest.raises(ValueError, match="takes more numbers than ddof, not 1"):
            function([1.0], 1)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=8))
def test_softmax_and_logsumexp_agree_with_their_definition(numbers: list[float]) -> None:
    largest = max(numbers)
    powers = [math.exp(x - largest) for x in numbers]
    total = math.fsum(powers)
    assert mg.softmax(numbers) == pytest.approx([power / total for power in powers], rel=1e-12, abs=1e-300)
    assert mg.logsumexp(numbers) == pytest.approx(largest + math.log(total), rel=1e-14, abs=1e-12)
    assert mg.grad(mg.logsumexp)(numbers) == pytest.approx([power / total for power in powers], rel=1e-11, abs=1e-300)
    shares = mg.softmax(numbers)
    slopes = mg.grad(lambda p: mg.softmax(p)[0])(numbers)
    exact = [shares[0] * ((k == 0) - share) for k, share in enumerate(shares)]
    assert slopes == pytest.approx(exact, abs=1e-15)


def test_softmax_masks_with_minus_infinity_and_keeps_the_shape_of_an_array() -> None:
    np = pytest.importorskip("numpy")
    assert mg.softmax([-math.inf, 0.0, 0.0]) == [0.0, 0.5, 0.5]
    assert mg.grad(lambda p: mg.softmax(p)[1])([-math.inf, 0.0, 0.0]) == [0.0, 0.25, -0.25]
    shares = mg.softmax(np.array([[0.0, 0.0], [0.0, 0.0]]))
    assert shares.dtype == np.float64
    assert shares.tolist() == [[0.25, 0.25], [0.25, 0.25]]
    values = mg.softmax(np.array([Value(1.0), Value(1.0)]))
    assert [value.data for value in values] == [0.5, 0.5]
    assert mg.logsumexp([-math.inf, -math.inf]) == -math.inf
    assert mg.grad(mg.logsumexp)([-math.inf, -math.inf]) == [0.0, 0.0]
    assert mg.grad(mg.logsumexp)([-math.inf, 2.0]) == [0.0, 1.0]
    for function in (mg.softmax, mg.logsumexp):
        with pytest.raises(ValueError, match=f"{function.__name__} takes at least one number, not none"):
            function([])


# What is compiled.


@pytest.mark.parametrize(
    "function",
    [
        lambda p: mg.norm(p),
        lambda p: mg.norm(p, 3),
        lambda p: mg.norm(p, math.inf),
        lambda p: mg.std(p),
        lambda p: mg.logsumexp(p),
        lambda p: mg.softmax(p)[1],
        lambda p: mg.fsum(p),
        lambda p: mg.dist(p, [1.0, 2.0, 3.0]),
        lambda p: mg.log(p[0], p[1]) + mg.hypot(*p) + mg.maximum(*p),
        lambda p: mg.sinc(p[0]) + mg.erfcx(p[1]) * mg.log_erfc(p[2]) + mg.xlogy(p[0], p[1]),
        lambda p: mg.norm(p) ** 2,
    ],
)
def test_compiled_they_give_the_same_bits_and_slopes_and_need_no_second_path(function: Any) -> None:
    pytest.importorskip("llvmlite")
    value, slopes = mg.jit(function), mg.jit(mg.grad(function))
    for point in ([0.3, 1.7, 2.5], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [1e-3, 5.0, 1e-5]):
        assert value(point) == pytest.approx(function(point), rel=0.0, nan_ok=True)
        assert slopes(point) == pytest.approx(mg.grad(function)(point), rel=1e-14, abs=1e-300, nan_ok=True)
    assert len(value.paths) == len(slopes.paths) == 1


@pytest.mark.parametrize("name", ["isnan", "isinf", "isfinite"])
def test_questions_about_a_number_are_guards_of_a_compiled_function(name: str) -> None:
    pytest.importorskip("llvmlite")
    question = getattr(mg, name)
    compiled = mg.jit(lambda x: 1.0 if question(x) else 2.0)
    for x in (1.0, math.nan, math.inf, -math.inf, 0.0, 1.7e308):
        assert compiled(x) == (1.0 if getattr(math, name)(x) else 2.0)
        assert question(x) is question(Value(x)) is getattr(math, name)(x)


def test_isclose_and_frexp_are_guards_of_a_compiled_function() -> None:
    pytest.importorskip("llvmlite")
    close = mg.jit(lambda x: 1.0 if mg.isclose(x, 1.0, rel_tol=1e-3) else 2.0)
    assert [close(x) for x in (1.0005, 1.1, math.inf, 1.0)] == [1.0, 2.0, 2.0, 1.0]
    taken_apart = mg.jit(lambda x: mg.frexp(x)[0] + mg.frexp(x)[1])
    for x in (6.0, 5.0, 0.25, -3.0, 5e-324, 1.7976931348623157e308, 0.0, -0.0):
        assert taken_apart(x) == sum(math.frexp(x))
