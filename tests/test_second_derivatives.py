"""Second derivatives: against mpmath, at the far ends, at limits, and at the origin of a length."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
from mpmath import mp, mpf

import microgrady as mg
from microgrady.value import primitives
from tests.derivatives import HUGE, INF, TINY, WAYS, Function, hessian, same
from tests.ulp import ulps

PI = mpmath.pi


def logistic(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def sech(x: Any) -> Any:
    return 2 / (mpmath.exp(x) + mpmath.exp(-x))


ORDINARY = [1e-3, 0.1, 0.3, 0.5, 0.77, 1.0, 1.5, 2.0, 3.7, 6.0, 10.0]
FAR = [20.0, 26.0, 37.0, 50.0, 300.0, 355.0, 360.0, 400.0, 709.5, 745.0, 800.0, 1e5, 1e16, 1e77, 1e103, 1e154, 1e160]
FAR += [1e200, 1e300, HUGE]
NEAR = [TINY, 1e-310, 1e-200, 1e-100, 1e-20, 1e-8]
POSITIVE = [*NEAR, *ORDINARY, *FAR]
EVERYWHERE = [0.0, *POSITIVE, *(-x for x in POSITIVE)]
INSIDE = [x for x in EVERYWHERE if abs(x) < 1.0]
INSIDE = [*INSIDE, 0.999, -0.999, 1 - 1e-10, 1 - 2**-53]

SECOND: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "exp": (mpmath.exp, EVERYWHERE),
    "exp2": (lambda x: mpf(2) ** x * mpmath.log(2) ** 2, EVERYWHERE),
    "expm1": (mpmath.exp, EVERYWHERE),
    "log": (lambda x: -1 / x**2, POSITIVE),
    "log2": (lambda x: -1 / x**2 / mpmath.log(2), POSITIVE),
    "log10": (lambda x: -1 / x**2 / mpmath.log(10), POSITIVE),
    "log1p": (lambda x: -1 / (1 + x) ** 2, [*POSITIVE, *(-abs(x) for x in INSIDE)]),
    "sqrt": (lambda x: -1 / (4 * x * mpmath.sqrt(x)), POSITIVE),
    "cbrt": (lambda x: -2 / (9 * x * mpmath.cbrt(abs(x)) ** 2), [x for x in EVERYWHERE if x]),
    "sin": (lambda x: -mpmath.sin(x), EVERYWHERE),
    "cos": (lambda x: -mpmath.cos(x), EVERYWHERE),
    "tan": (lambda x: 2 * mpmath.tan(x) / mpmath.cos(x) ** 2, EVERYWHERE),
    "asin": (lambda x: x / mpmath.sqrt(1 - x * x) ** 3, INSIDE),
    "acos": (lambda x: -x / mpmath.sqrt(1 - x * x) ** 3, INSIDE),
    "atan": (lambda x: -2 * x / (1 + x * x) ** 2, EVERYWHERE),
    "sinh": (mpmath.sinh, EVERYWHERE),
    "cosh": (mpmath.cosh, EVERYWHERE),
    "tanh": (lambda x: -2 * mpmath.tanh(x) * sech(x) ** 2, EVERYWHERE),
    "asinh": (lambda x: -x / mpmath.sqrt(1 + x * x) ** 3, EVERYWHERE),
    "acosh": (lambda x: -x / mpmath.sqrt(x * x - 1) ** 3, [1 + 2**-52, 1 + 1e-10, *(x for x in POSITIVE if x > 1.0)]),
    "atanh": (lambda x: 2 * x / (1 - x * x) ** 2, INSIDE),
    "erf": (lambda x: -4 * x / mpmath.sqrt(PI) * mpmath.exp(-x * x), EVERYWHERE),
    "erfc": (lambda x: 4 * x / mpmath.sqrt(PI) * mpmath.exp(-x * x), EVERYWHERE),
    "sigmoid": (lambda x: -logistic(x) * logistic(-x) * mpmath.tanh(x / 2), EVERYWHERE),
    "softplus": (lambda x: logistic(x) * logistic(-x), EVERYWHERE),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivative_agrees_with_mpmath_also_at_the_far_ends(name: str) -> None:
    exact, points = SECOND[name]
    second = mg.grad(mg.grad(primitives[name]))
    for x in points:
        with mp.workdps(750):
            reference = exact(mpf(x))
            found = second(x)
            # Near zero the second derivative of an odd function is the difference of two products of order 1.
            absolute = 1e-15 if abs(x) < 1.0 else 0.0
            near = math.isfinite(found) and abs(mpf(found) - reference) <= absolute
            assert near or ulps(found, reference) <= 100.0, (
                f"{name}''({x}) is {found}, not {mpmath.nstr(reference, 17)}"
            )


@pytest.mark.parametrize("name", ["asin", "tanh", "atanh", "sigmoid"])
def test_second_derivative_of_an_odd_function_keeps_its_digits_near_zero(name: str) -> None:
    exact = SECOND[name][0]
    second = mg.grad(mg.grad(primitives[name]))
    for x in (1e-3, 1e-8, 1e-20, -1e-200):
        with mp.workdps(750):
            assert ulps(second(x), exact(mpf(x))) <= 100.0, f"{name}''({x}) is {second(x)}"


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (mg.tanh, 800.0, 0.0),
        (mg.tanh, -INF, 0.0),
        (mg.sigmoid, 800.0, 0.0),
        (mg.sigmoid, -800.0, 0.0),
        (mg.softplus, 800.0, 0.0),
        (mg.softplus, -800.0, 0.0),
        (mg.erf, 50.0, 0.0),
        (mg.erfc, 50.0, 0.0),
        (mg.erf, INF, 0.0),
        (mg.grad(mg.erf), -INF, 0.0),
        (mg.grad(mg.grad(mg.erfc)), INF, 0.0),
        (mg.atan, 1e300, 0.0),
        (mg.exp, -800.0, 0.0),
        (mg.relu, 0.0, 0.0),
        (abs, 0.0, 0.0),
        (lambda x: x**2, 0.0, 2.0),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: x**1, 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x**1.5, 0.0, INF),
        (lambda x: x**-1, 0.0, INF),
        (lambda x: x**3, -2.0, -12.0),
        (lambda x: 1 / x, 0.0, INF),
        (lambda x: x * x, INF, 2.0),
    ],
)
def test_second_derivative_at_a_limit_is_no_nan(function: Function, x: float, expected: float) -> None:
    assert mg.grad(mg.grad(function))(x) == expected


def hypot_second(a: Any, b: Any) -> list[Any]:
    r = mpmath.hypot(a, b)
    return [b * b / r**3, -a * b / r**3, -a * b / r**3, a * a / r**3]


def atan2_second(a: Any, b: Any) -> list[Any]:
    q = (a * a + b * b) ** 2
    return [-2 * a * b / q, (a * a - b * b) / q, (a * a - b * b) / q, 2 * a * b / q]


def logaddexp_second(a: Any, b: Any) -> list[Any]:
    s = logistic(a - b) * logistic(b - a)
    return [s, -s, -s, s]


def pow_second(a: Any, b: Any) -> list[Any]:
    mixed = a ** (b - 1) * (1 + b * mpmath.log(a))
    return [b * (b - 1) * a ** (b - 2), mixed, mixed, a**b * mpmath.log(a) ** 2]


SECOND_OF_TWO: dict[str, Callable[[Any, Any], list[Any]]] = {
    "mul": lambda a, b: [mpf(0), mpf(1), mpf(1), mpf(0)],
    "div": lambda a, b: [mpf(0), -1 / b**2, -1 / b**2, 2 * a / b**3],
    "hypot": hypot_second,
    "atan2": atan2_second,
    "logaddexp": logaddexp_second,
    "pow": pow_second,
}
SIZES = [0.1, 0.5, 1.0, 1.5, 2.0, 3.7]


@pytest.mark.parametrize("name", SECOND_OF_TWO)
def test_second_derivatives_by_two_operands_agree_with_mpmath_at_ordinary_points(name: str) -> None:
    for a, b in itertools.product(SIZES, [*SIZES, *(-x for x in SIZES)]):
        with mp.workdps(60):
            reference = SECOND_OF_TWO[name](mpf(a), mpf(b))
        scale = max(abs(float(entry)) for entry in reference)
        for found, exact in zip(hessian(primitives[name], a, b), reference, strict=True):
            assert abs(found - float(exact)) <= 1e-13 * scale, f"{name}({a}, {b}): {found}, not {exact}"


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("pow", (1e-150, 3.0)),  # the value underflows, its derivatives do not
        ("pow", (1e-200, 1.7)),
        ("pow", (1e-150, 2.5)),
        ("pow", (HUGE, 1.5)),  # the value overflows, its derivatives do not
        ("pow", (1e150, 2.5)),
        ("pow", (1e-310, 0.999)),
        ("pow", (1e100, -2.0)),
        ("pow", (1e-80, 4.0)),
        ("div", (1e-150, 1e150)),
        ("div", (1e-100, 1e100)),
        ("div", (3.0, 1e100)),
        ("atan2", (1e80, 300.0)),
        ("atan2", (3.0, 1e100)),
        ("atan2", (3e100, 1e100)),
        ("atan2", (1e-80, 3e-80)),
        ("hypot", (3e200, 4e200)),
        ("hypot", (3e-200, 4e-200)),
        ("logaddexp", (700.0, -30.0)),
        ("logaddexp", (1e300, 1e300)),
    ],
)
def test_second_derivatives_by_two_operands_agree_with_mpmath_at_the_far_ends(
    name: str, point: tuple[float, float]
) -> None:
    with mp.workdps(750):
        reference = [float(entry) for entry in SECOND_OF_TWO[name](*map(mpf, point))]
    for found, exact in zip(hessian(primitives[name], *point), reference, strict=True):
        assert same(found, exact, 1e-9, 1e-322), f"{found}, not {exact}"


# The origin of a length.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_length_of_nothing_has_no_slope(count: int, way: Callable[..., list[float]]) -> None:
    point = [0.0] * count
    for order in (2, 1, 3, 2.5, INF):
        assert way(lambda *p, order=order: mg.norm(p, order), *point) == point
    assert way(lambda *p: mg.dist(p, point), *point) == point
    assert way(lambda *p: mg.hypot(*p), *point) == point


SQUARES: dict[str, tuple[Function, float]] = {
    "norm": (lambda *p: mg.norm(p) ** 2, 2.0),
    "half of it": (lambda *p: mg.norm(p) ** 2 / 2, 1.0),
    "hypot": (lambda *p: 3.0 * mg.pow(mg.hypot(*p), 2), 6.0),
    "dist": (lambda *p: mg.dist(p, [0.0] * len(p)) ** 2.0, 2.0),
    "a product": (lambda *p: mg.norm(p) * mg.norm(p), 2.0),
    "a product of one": (lambda *p: (lambda length: -(length * length))(mg.norm(p)), -2.0),
    "a sum": (lambda *p: (lambda length: length**2 + 4 * length**2)(mg.norm(p)), 10.0),
    "a bell": (lambda *p: mg.exp(-(mg.norm(p) ** 2)), -2.0),
    "a cube": (lambda *p: mg.norm(p) ** 3, 0.0),
    "a fourth power": (lambda *p: mg.norm(p) ** 4, 0.0),
}


@pytest.mark.parametrize("name", SQUARES)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_second_derivatives_of_the_square_of_a_length_are_right_at_the_origin(name: str, count: int) -> None:
    function, diagonal = SQUARES[name]
    expected = [diagonal if i == j else 0.0 for i in range(count) for j in range(count)]
    assert hessian(function, *[0.0] * count) == expected
    direction = [1.0, -2.0, 3.0, 0.5, 4.0][:count]
    product = mg.hvp(lambda p: function(*p))([0.0] * count, direction)
    assert product == [diagonal * x for x in direction]


@pytest.mark.parametrize("name", SQUARES)
def test_second_derivatives_of_the_square_of_a_length_are_right_elsewhere(name: str) -> None:
    function = SQUARES[name][0]
    point = [0.3, -0.2, 0.4]
    direct: dict[str, Function] = {
        "norm": lambda s: s,
        "half of it": lambda s: s / 2,
        "hypot": lambda s: 3.0 * s,
        "dist": lambda s: s,
        "a product": lambda s: s,
        "a product of one": lambda s: -s,
        "a sum": lambda s: 5.0 * s,
        "a bell": lambda s: mg.exp(-s),
        "a cube": lambda s: s**1.5,
        "a fourth power": lambda s: s**2,
    }
    exact = hessian(lambda *p: direct[name](mg.sum([x * x for x in p])), *point)
    assert hessian(function, *point) == pytest.approx(exact, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [0.0, 0.1, -1e300, 1e-300, 1 / 3])
def test_the_spread_of_equal_numbers_has_no_slope(number: float, way: Callable[..., list[float]]) -> None:
    point = [number] * 3
    assert way(lambda *p: mg.std(p), *point) == [0.0] * 3
    assert way(lambda *p: mg.var(p), *point) == [0.0] * 3
