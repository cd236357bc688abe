"""where, clip, sum, mean, prod and dot: on floats, Values and arrays, and what they refuse."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value

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
    assert [[float(entry) for entry in row] for row in result] == [[5.0, 5.0], [1.0, 2.0]]
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
