"""A zero adjoint contributes zero, and an operand that is not selected gets no derivative."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import microgrady as mg
from tests.derivatives import INF, NAN, WAYS, Function, hessian

ZEROED: dict[str, tuple[Function, tuple[float, ...]]] = {
    "where, sqrt": (lambda x: mg.where(x > 0, mg.sqrt(x), 0.0), (0.0,)),
    "where, log": (lambda x: mg.where(x > 0, mg.log(x), 0.0), (0.0,)),
    "where, x log x": (lambda x: mg.where(x > 0, x * mg.log(x), 0.0), (0.0,)),
    "where, 1 / x": (lambda x: mg.where(x != 0, 1 / x, 0.0), (0.0,)),
    "where, sqrt of a negative number": (lambda x: mg.where(x > 0, mg.sqrt(x), 0.0), (-1.0,)),
    "where, an unselected power": (lambda x: mg.where(x > 0, x**0.5, x * 0.0), (0.0,)),
    "0 * sqrt": (lambda x: 0 * mg.sqrt(x), (0.0,)),
    "sqrt * 0": (lambda x: mg.sqrt(x) * 0.0, (0.0,)),
    "0 * cbrt": (lambda x: 0 * mg.cbrt(x), (0.0,)),
    "0 * log": (lambda x: 0 * mg.log(x), (0.0,)),
    "0 * log of a negative number": (lambda x: 0 * mg.log(x), (-1.0,)),
    "0 * log2": (lambda x: 0 * mg.log2(x), (0.0,)),
    "0 * log10": (lambda x: 0 * mg.log10(x), (0.0,)),
    "0 * log1p": (lambda x: 0 * mg.log1p(x), (-1.0,)),
    "0 * (1 / x)": (lambda x: 0 * (1 / x), (0.0,)),
    "(x / y) * 0": (lambda x, y: (x / y) * 0, (1.0, 0.0)),
    "0 * x**-1": (lambda x: 0 * x**-1, (0.0,)),
    "0 * x**0.5": (lambda x: 0 * x**0.5, (0.0,)),
    "0 * x**y": (lambda x, y: 0 * x**y, (0.0, -1.0)),
    "0 * (-1)**y": (lambda y: 0 * (-1.0) ** y, (1.0,)),
    "0 * x % y": (lambda x, y: 0 * (x % y), (1.0, 0.0)),
    "0 * fmod": (lambda x, y: 0 * mg.fmod(x, y), (1.0, 0.0)),
    "0 * asin": (lambda x: 0 * mg.asin(x), (1.0,)),
    "0 * acos": (lambda x: 0 * mg.acos(x), (-1.0,)),
    "0 * acosh": (lambda x: 0 * mg.acosh(x), (1.0,)),
    "0 * atanh": (lambda x: 0 * mg.atanh(x), (1.0,)),
    "0 * atan2": (lambda x, y: 0 * mg.atan2(x, y), (0.0, 0.0)),
    "0 * hypot": (lambda x, y: 0 * mg.hypot(x, y), (0.0, 0.0)),
    "0 * exp": (lambda x: 0 * mg.exp(x), (800.0,)),
    "0 * sinh": (lambda x: 0 * mg.sinh(x), (800.0,)),
    "0 * cosh": (lambda x: 0 * mg.cosh(x), (-800.0,)),
    "0 * tan": (lambda x: 0 * mg.tan(x), (INF,)),
    "0 * sin": (lambda x: 0 * mg.sin(x), (INF,)),
    "0 * (inf * x)": (lambda x: 0 * (INF * x), (1.0,)),
    "0 * (x * y)": (lambda x, y: 0 * (x * y), (INF, NAN)),
    "0 * sqrt(x) through a chain": (lambda x: 0 * (3 * mg.sin(mg.sqrt(x)) + 1), (0.0,)),
    "maximum(sqrt, 1)": (lambda x: mg.maximum(mg.sqrt(x), 1.0), (0.0,)),
    "minimum(1 / x, 1)": (lambda x: mg.minimum(1 / x, 1.0), (0.0,)),
    "clip(log)": (lambda x: mg.clip(mg.log(x), -1.0, 1.0), (0.0,)),
    "relu(log)": (lambda x: mg.relu(mg.log(x)), (0.0,)),
    "floor(sqrt)": (lambda x: mg.floor(mg.sqrt(x)), (0.0,)),
    "sqrt // 2": (lambda x: mg.sqrt(x) // 2, (0.0,)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ZEROED)
def test_a_zero_adjoint_contributes_zero(name: str, way: Callable[..., list[float]]) -> None:
    function, point = ZEROED[name]
    assert way(function, *point) == [0.0] * len(point)


@pytest.mark.parametrize("name", ZEROED)
def test_a_zero_adjoint_contributes_zero_to_second_derivatives(name: str) -> None:
    function, point = ZEROED[name]
    assert hessian(function, *point) == [0.0] * len(point) ** 2


@pytest.mark.parametrize("name", ["0 * sqrt", "0 * lgamma"])
def test_a_zero_adjoint_contributes_zero_to_third_derivatives(name: str) -> None:
    function: Function = (lambda x: 0 * mg.sqrt(x)) if name == "0 * sqrt" else (lambda x: 0 * mg.lgamma(x))
    assert mg.grad(function)(0.0) == 0.0
    assert mg.grad(mg.grad(function))(0.0) == 0.0
    assert mg.grad(mg.grad(mg.grad(function)))(0.0) == 0.0


@pytest.mark.parametrize("way", WAYS)
def test_a_factor_that_is_a_variable_at_zero_blocks_an_infinite_derivative_too(
    way: Callable[..., list[float]],
) -> None:
    assert way(lambda z, x: z * mg.sqrt(x), 0.0, 0.0) == [0.0, 0.0]
    assert way(lambda z, x: z * mg.log(x), 0.0, 0.0) == [-INF, 0.0]
    assert way(lambda x: x * mg.sqrt(x), 0.0) == [0.0]


def test_the_mixed_derivative_through_a_variable_at_zero_is_not_lost() -> None:
    assert hessian(lambda z, x: z * mg.sqrt(x), 0.0, 0.0) == [0.0, INF, INF, 0.0]
    assert hessian(lambda z, x: z * mg.sqrt(x), 0.0, 4.0) == [0.0, 0.25, 0.25, 0.0]
    assert hessian(lambda z, x: z * mg.log(x), 0.0, 4.0) == [0.0, 0.25, 0.25, 0.0]
    assert hessian(lambda z, x: z / x, 0.0, 2.0) == [0.0, -0.25, -0.25, 0.0]
    assert hessian(lambda z, x: z * mg.exp(x), 0.0, 0.0) == [0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("way", WAYS)
def test_an_adjoint_that_is_not_zero_lets_infinite_derivatives_through(way: Callable[..., list[float]]) -> None:
    assert way(lambda x: 3 * mg.sqrt(x), 0.0) == [INF]
    assert way(lambda x: mg.where(x >= 0, mg.sqrt(x), 0.0), 0.0) == [INF]
    assert way(lambda x: -mg.log(x), 0.0) == [-INF]


# An operand that is not selected has no derivative, whatever comes from above.


UNSELECTED: dict[str, tuple[Function, tuple[float, ...], int]] = {
    "where": (lambda x, y: mg.where(x < 0, x, y), (1.0, 0.0), 0),
    "where, the second": (lambda x, y: mg.where(x >= 0, x, y), (0.0, 1.0), 1),
    "maximum": (mg.maximum, (-1.0, 0.0), 0),
    "maximum, the second": (mg.maximum, (0.0, -1.0), 1),
    "minimum": (mg.minimum, (1.0, 0.0), 0),
    "minimum, the second": (mg.minimum, (0.0, 1.0), 1),
    "clip from below": (lambda x, low: mg.clip(x, low, None), (-1.0, 0.0), 0),
    "clip from above": (lambda x, high: mg.clip(x, None, high), (1.0, 0.0), 0),
    "the low bound of clip": (lambda x, low: mg.clip(x, low, 1.0), (0.0, -1.0), 1),
    "the high bound of clip": (lambda x, high: mg.clip(x, -1.0, high), (0.0, 1.0), 1),
    "relu": (lambda x, y: mg.relu(x) + y, (-1.0, 0.0), 0),
    "floor": (lambda x, y: mg.floor(x) + y, (0.5, 0.0), 0),
    "floor division": (lambda x, y: x // 1 + y, (0.5, 0.0), 0),
}
ABOVE: dict[str, Function] = {
    "sqrt": mg.sqrt,
    "log": mg.log,
    "inverse": lambda y: 1 / y,
    "times inf": lambda y: y * INF,
    "times nan": lambda y: y * NAN,
    "plus and times nan": lambda y: NAN * (y + 1.0),
    "root of a square": lambda y: mg.sqrt(y * y),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("name", UNSELECTED)
def test_an_unselected_operand_gets_no_derivative_from_infinite_and_nan_adjoints(
    name: str, above: str, way: Callable[..., list[float]]
) -> None:
    function, point, unselected = UNSELECTED[name]
    slopes = way(lambda *operands: ABOVE[above](function(*operands)), *point)
    assert slopes[unselected] == 0.0
    other = slopes[1 - unselected]
    assert not math.isfinite(other), "the adjoint was to be infinite or nan"


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("name", UNSELECTED)
def test_an_unselected_operand_gets_no_second_derivative_either(name: str, above: str) -> None:
    function, point, unselected = UNSELECTED[name]
    second = hessian(lambda *operands: ABOVE[above](function(*operands)), *point)
    other = 1 - unselected
    assert second[3 * unselected] == 0.0
    assert second[2 * unselected + other] == 0.0
    assert second[2 * other + unselected] == 0.0


def test_a_tie_shares_second_derivatives_as_it_shares_first_ones() -> None:
    assert hessian(lambda x, y: mg.maximum(x, y) ** 2, 3.0, 3.0) == [0.5, 0.5, 0.5, 0.5]


def test_what_a_zero_that_stays_zero_costs() -> None:
    assert mg.grad(lambda x: mg.sqrt(x) ** 2)(0.0) == 0.0
    assert mg.grad(lambda x: mg.sqrt(x) ** 2)(1e-300) == pytest.approx(1.0)
