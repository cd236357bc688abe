"""How the checker calls a function: with plain numbers, with Values where those will not do, and afresh each time."""

from __future__ import annotations

import fractions
import itertools
import math
import pathlib
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrady as mg
from microgrady import Value
from microgrady.checking import check_gradient, is_differentiable, numeric_derivative
from microgrady.checking.evaluation import plain

WEIGHT = Value(2.0)


def hole(x: Any) -> Any:
    return mg.where(x == 0, 1.0, mg.sin(x) / x)


def elementwise(p: Any) -> Any:
    return mg.where(p == 0, 1.0, mg.sin(p) / p).sum()


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x: x.tanh(), 0.5),
        (lambda x: x.exp().log1p(), -0.5),
        (hole, 0.0),
        (lambda p: hole(p[0]), [0.0]),
        (lambda p: hole(p[0]), np.array([0.0])),
        (elementwise, np.array([0.0, 1.0])),
        (lambda x: 1 / (1 + math.e**-x), -1000.0),
        (lambda x: mg.where(x > 0, x**-0.5, x), -1.0),
        (lambda x: mg.where(x < 0, x, mg.exp(-(2**x))), 2000.0),
        (lambda x: mg.tanh(1e300 * x**2) + x, 1e10),
        (lambda x: WEIGHT * x**2, 3.0),
        (lambda p: [WEIGHT * p[0], {"b": p[1] * p[0]}], [3.0, 4.0]),
        (lambda p: np.exp(p) @ p, np.array([0.5, 1.5])),
        (lambda p: (WEIGHT * p) @ p, np.array([0.5, 1.5])),
        (lambda p: sum(entry.tanh() for entry in p["a"]), {"a": np.array([0.5, 1.5])}),
    ],
)
def test_what_grad_takes_can_be_checked(f: Callable[..., Any], point: Any) -> None:
    report = check_gradient(f, point)
    assert report.ok, f"\n{report}"


def test_second_derivatives_and_directions_are_checked_on_values_too() -> None:
    assert check_gradient(lambda x, y: x.tanh() * y.exp(), 0.5, 0.25, order=2)
    assert check_gradient(lambda p: sum(entry.tanh() for entry in p), np.linspace(-1.0, 1.0, 20), directions=3)
    assert check_gradient(lambda x: x**3, 2.0, gradient=lambda x: 3.0 * (2.0 * x.log()).exp())


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x: x.tanh(), 0.5),
        (lambda x: WEIGHT * x, 3.0),
        (hole, 0.0),
        (lambda x: mg.where(x > 0, x**-0.5, x), -1.0),
    ],
)
def test_a_single_derivative_is_estimated_on_values_too(f: Callable[[Any], Any], point: float) -> None:
    estimate = numeric_derivative(f, point)
    assert abs(estimate.value - plain(mg.grad(f)(point), "the slope")[0][0]) <= estimate.error


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: np.float32(3.0), 0.0),
        (lambda x: np.float64(x) ** 2, 4.0),
        (lambda x: np.array(x**2), 4.0),
        (lambda x: np.array(Value(x) ** 2, dtype=object), 4.0),
        (lambda x: fractions.Fraction(1, 3), 0.0),
        (lambda x: 7, 0.0),
        (lambda x: x > 1, 0.0),
        (lambda x: np.bool_(x > 1), 0.0),
    ],
)
def test_results_are_numbers_of_any_kind(f: Callable[[Any], Any], slope: float) -> None:
    assert check_gradient(f, 2.0, gradient=slope)
    estimate = numeric_derivative(f, 2.0)
    assert abs(estimate.value - slope) <= estimate.error


def test_a_function_that_changes_its_arguments_gets_fresh_ones_at_each_call() -> None:
    def f(p: Any) -> Any:
        p["list"][0] = p["list"][0] * 3.0
        p["array"] *= 2.0
        result = p["list"][0] ** 2 * p["array"].sum() + p.pop("number")
        p["list"].clear()
        return result

    point = {"list": [1.0, 2.0], "array": np.array([1.0, 2.0]), "number": 3.0}
    report = check_gradient(f, point)
    assert [entry.claimed for entry in report.entries] == [108.0, 0.0, 18.0, 18.0, 1.0]
    assert report.ok
    assert point["list"] == [1.0, 2.0]
    assert list(point["array"]) == [1.0, 2.0]  # type: ignore[call-overload]

    def gradient(p: Any) -> Any:
        p *= 2.0
        return p

    assert check_gradient(lambda p: (p**2).sum(), np.array([1.0, 2.0]), gradient=gradient)


def test_a_function_that_returns_the_same_array_each_time_is_read_at_once() -> None:
    buffer = np.zeros(2)

    def f(x: Any) -> Any:
        buffer[:] = (float(x) ** 2, float(x) ** 3)
        return buffer

    assert check_gradient(f, 2.0, gradient=[4.0, 12.0])


class OwnError(ValueError):
    """An error that somebody tells from others by its class."""


def raise_own(x: Any) -> Any:
    raise OwnError("mine")


@pytest.mark.parametrize(
    ("f", "error", "sentence"),
    [
        (lambda x: {"there": x}["missing"], KeyError, "missing"),
        (lambda x: x.tanh() + undefined, NameError, "undefined"),  # type: ignore[name-defined]  # noqa: F821
        (lambda x: x.tahn(), AttributeError, "'Value' object has no attribute 'tahn'"),
        (lambda x: [1.0][int(x)], IndexError, "list index out of range"),
        (raise_own, OwnError, "mine"),
    ],
)
def test_a_mistake_in_the_function_comes_out_as_it_is(f: Any, error: type[Exception], sentence: str) -> None:
    for function, gradient in ((f, None), (lambda x: x, f)):
        with pytest.raises(error, match=sentence) as raised:
            check_gradient(function, 1.0, gradient=gradient)
        assert any(entry.path == pathlib.Path(__file__) for entry in raised.traceback[1:])
        assert raised.value.__notes__[0].endswith((f"raises {error.__name__} at x = 1.0", "at the point"))
    with pytest.raises(error, match=sentence):
        numeric_derivative(f, 1.0)
    if not issubclass(error, ValueError):
        with pytest.raises(error, match=sentence):
            is_differentiable(f, 1.0)


@pytest.mark.parametrize(
    "f", [lambda x: x**-1, lambda x: 1 / x, lambda x: mg.log(x), lambda x: 2 ** (3000 + x), lambda x: (x - 1) ** 0.5]
)
def test_a_point_outside_the_domain_is_one_whatever_plain_numbers_do_there(f: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match=r"the function is not defined at x = 0.0: the result is -?(inf|nan)"):
        check_gradient(f, 0.0)
    assert not is_differentiable(f, 0.0)


@pytest.mark.parametrize("result", [None, "1.0", 1j, np.complex128(1j), {1.0}, [1.0, None], np.array(["a"])])
def test_results_that_are_no_numbers_are_refused_in_a_sentence(result: Any) -> None:
    with pytest.raises(TypeError, match=r"^the result of the function at x = 1.0.* must be a real number or a nested"):
        check_gradient(lambda x: result, 1.0)
    with pytest.raises(TypeError, match=r"f\(1.0\) must be a real number, not"):
        numeric_derivative(lambda x: result, 1.0)


def test_what_cannot_be_called_is_no_function() -> None:
    with pytest.raises(TypeError, match=r"is_differentiable takes a function, not int \(3\)"):
        is_differentiable(3, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is_differentiable takes the point"):
        is_differentiable(mg.sin)


@pytest.mark.parametrize("point", [math.nan, math.inf, [1.0, -math.inf], np.array([math.nan])])
def test_points_that_are_not_finite_are_refused(point: Any) -> None:
    with pytest.raises(ValueError, match=r"the point must be finite numbers, not p\S* = (nan|-?inf)"):
        check_gradient(lambda p: 1.0, point, gradient=0.0)


def test_no_warning_of_numpy_comes_from_a_look_beyond_the_domain() -> None:
    assert check_gradient(lambda p: np.sqrt(p).sum(), np.array([1e-9, 1.0]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert check_gradient(lambda p: np.sqrt(p).sum(), np.array([1e-9, 1.0]))
        assert numeric_derivative(np.sqrt, 1e-9).kind == "smooth"
    assert caught == []


def random_number(x: Any) -> Any:
    return x * x + random.random()


def counter(later: int) -> Callable[[Any], Any]:
    calls = itertools.count()
    return lambda x: x * x + (next(calls) >= later)


@pytest.mark.parametrize("options", [{}, {"order": 2}, {"directions": 2}])
@pytest.mark.parametrize("make", [lambda: random_number, lambda: counter(1), lambda: counter(10)])
def test_a_function_that_is_random_or_keeps_state_proves_nothing(make: Any, options: Any) -> None:
    report = check_gradient(make(), 3.0, gradient=2.0 if options.get("order") == 2 else 6.0, **options)
    assert {str(entry.verdict) for entry in report.entries} == {"inconclusive"}
    assert report.entries[0].remark() == "inconclusive (two values at one point)"
    assert "the function gave two values at one point: " in str(report)
    assert "It is random or keeps state" in " ".join(report._repr_html_().split())
    assert report.to_dict()["remarks"] == list(report.remarks)
    assert not report


def test_only_the_results_that_change_are_in_doubt() -> None:
    report = check_gradient(lambda x: [x * x, x + random.random()], 3.0, gradient=[6.0, 1.0])
    assert [str(entry.verdict) for entry in report.entries] == ["match", "inconclusive"]
    assert report.remarks[0].count("at result[1]") == 1


def test_a_function_that_has_nothing_left_to_give_is_named() -> None:
    numbers = iter([2.0])
    report = check_gradient(lambda x: next(numbers) * x, 1.0, gradient=2.0)
    assert str(report.entries[0].verdict) == "inconclusive"
    assert report.remarks[0].startswith(
        "the function gave two values at one point: 2.0 and then an error, StopIteration"
    )
    few = iter([2.0, 2.0])
    with pytest.raises(StopIteration) as raised:
        check_gradient(lambda x: next(few) * x, 1.0)
    assert "2.0 and then an error, StopIteration" in raised.value.__notes__[1]


def test_a_function_that_gives_more_numbers_later_is_named() -> None:
    calls = itertools.count()
    report = check_gradient(lambda x: [x] * (1 + (next(calls) > 3)), 2.0, gradient=[1.0])
    assert str(report.entries[0].verdict) == "inconclusive"
    assert "2.0 and then 2 numbers instead of 1" in report.remarks[0]


def test_a_claim_that_is_random_proves_nothing() -> None:
    report = check_gradient(lambda p: p[0] * p[1], [2.0, 3.0], gradient=lambda p: [random.random(), 2.0])
    assert {entry.remark() for entry in report.entries} == {"inconclusive (two claims at one point)"}
    assert report.remarks[0].startswith("the claimed gradient gave two values at one point: 0.")


def test_zeros_of_either_sign_are_no_change() -> None:
    signs = itertools.cycle([0.0, -0.0])
    assert check_gradient(lambda x: next(signs), 1.0, gradient=0.0).remarks == ()
