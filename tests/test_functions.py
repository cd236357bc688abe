"""The table: every entry against mpmath, and its conventions."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import pytest
from mpmath import mp, mpf

from microgrady import Value, grad, primitive
from microgrady.arithmetic import floats
from microgrady.primitives import user_primitives
from microgrady.value import primitives
from tests.ulp import ulps

Exact = Callable[..., Any]

TINY = [5e-324, 1e-310, 2.3e-308]
SIZES = [*TINY, 1e-300, 1e-200, 1e-100, 1e-20, 1e-9, 1e-4, 0.1, 0.3, 0.5, 0.77, 1.0, 1.5, 2.0, 3.7, 10.0, 25.5, 30.0]
HUGE = [100.0, 300.0, 360.0, 700.0, 709.5, 745.0, 1e3, 1e9, 1e16, 1e100, 1e160, 1e200, 1e300, 1.7e308]
POSITIVE = SIZES + HUGE
EVERYWHERE = [*POSITIVE, *(-x for x in POSITIVE)]
NEAR_ONE = [1 - 2**-53, 1 - 1e-10, 0.999, 0.9, 1 + 2**-52, 1 + 1e-10, 1.001]
UNIT = [x for x in (*SIZES, *NEAR_ONE) if x < 1]


def random_floats(points: list[float], count: int = 60) -> list[float]:
    """Floats between the smallest and largest of each sign in `points`, evenly over the exponents."""
    generator = random.Random(1)
    found = []
    for sign in (1.0, -1.0):
        sizes = [math.log(abs(x)) for x in points if x and math.copysign(1.0, x) == sign]
        if sizes:
            found += [sign * math.exp(generator.uniform(min(sizes), max(sizes))) for _ in range(count)]
            found += [sign * min(math.exp(max(sizes)), generator.uniform(0.0, 8.0)) for _ in range(count)]
    return [x for x in found if min(points) <= x <= max(points)]


@dataclass
class Entry:
    """An operation exactly: its value, its partials, points to try, the errors allowed."""

    value: Exact
    partials: tuple[Exact, ...]
    points: list[Any]
    value_ulps: float = 2.0
    partial_ulps: float = 8.0
    absolute: float = 0.0


def one(value: Exact, partial: Exact, points: list[float], **bounds: float) -> Entry:
    return Entry(value, (partial,), [(x,) for x in [*points, *random_floats(points)]], **bounds)


def two(value: Exact, by_a: Exact, by_b: Exact, points: list[tuple[float, float]], **bounds: float) -> Entry:
    return Entry(value, (by_a, by_b), points, **bounds)


def pairs(a: list[float], b: list[float]) -> list[tuple[float, float]]:
    left, right = random_floats(a, 100), random_floats(b, 100)
    random.Random(2).shuffle(right)
    return [*itertools.product(a, b), *zip(left, right, strict=False)]


def sech(x: Any) -> Any:
    return 2 / (mpmath.exp(x) + mpmath.exp(-x))


def logistic(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def sign(x: Any) -> Any:
    return mpf((x > 0) - (x < 0))


def truncate(x: Any) -> Any:
    return mpmath.floor(x) if x > 0 else mpmath.ceil(x)


def zero(*operands: Any) -> Any:
    return mpf(0)


def power_points() -> list[tuple[float, float]]:
    exponents = [
        -1000.0,
        -7.3,
        -3.0,
        -2.5,
        -1.0,
        -0.3,
        -1e-20,
        1e-20,
        0.1,
        1 / 3,
        0.5,
        0.999,
        1.0,
        1.7,
        2.0,
        3.0,
        300.3,
        1e10,
    ]
    points = pairs(POSITIVE + NEAR_ONE, exponents)
    points += itertools.product([-0.3, -2.0, -1e-200, -1e200, -5e-324], [-301.0, -3.0, -2.0, 1.0, 2.0, 3.0, 8.0, 301.0])
    return points


def power_by_both(a: Any, b: Any) -> Any:
    """Where its two terms do not cancel and neither leaves the range."""
    factor = 1 + b * mpmath.log(a) if a > 1e-300 else mpf(0)
    return mpmath.power(a, b - 1) * factor if abs(factor) > HALF else mpmath.nan


def root_pi() -> Any:
    return mpmath.sqrt(mpmath.pi)


def hazard_slope(x: Any) -> Any:
    hazard = mpmath.exp(-x * x) / mpmath.erfc(x)
    return hazard * (2 / root_pi() * hazard - 2 * x)


HALF = mpf(0.5)
NEGATIVE = [-0.3, -0.5, -1.5, -2.7, -3.1, -7.45, -10.2, -100.5, -160.3, -170.6, -1e-5, -1e-100]
BESIDE_POLES = [-0.999999999999, -1.000000001, -2.0 + 2**-30, -3.00001, -20.0001, -171.0 - 2**-30]

# To tell 1 + 1e-320 from 1, or find a remainder of 1e300 by 1e-300, takes more than 50 digits.
MANY_DIGITS = {
    *("add", "sub", "floordiv", "mod", "fmod", "hypot", "atan2", "logaddexp", "log1p", "atan", "asinh", "acosh"),
    *("maximum", "minimum", "unit", "over_square", "one_minus_square", "softplus", "sigmoid", "asin", "acos", "atanh"),
    *("exp_share", "exp_share_slope", "over_square_slope", "remainder", "xlog1py", "log_erfc", "erfc_hazard"),
    *("log_sigmoid", "sinc"),
}

MASKED = list(itertools.product([0.0, 1.0], EVERYWHERE))  # a mask is 0 or 1

TABLE = {
    "neg": one(lambda x: -x, lambda x: mpf(-1), EVERYWHERE),
    "add": two(lambda a, b: a + b, lambda a, b: mpf(1), lambda a, b: mpf(1), pairs(EVERYWHERE, EVERYWHERE)),
    "sub": two(lambda a, b: a - b, lambda a, b: mpf(1), lambda a, b: mpf(-1), pairs(EVERYWHERE, EVERYWHERE)),
    "mul": two(lambda a, b: a * b, lambda a, b: b, lambda a, b: a, pairs(EVERYWHERE, EVERYWHERE)),
    "div": two(lambda a, b: a / b, lambda a, b: 1 / b, lambda a, b: -a / b**2, pairs(EVERYWHERE, EVERYWHERE)),
    "floordiv": two(lambda a, b: mpmath.floor(a / b), zero, zero, pairs(EVERYWHERE, EVERYWHERE)),
    "mod": two(
        lambda a, b: a - b * mpmath.floor(a / b),
        lambda a, b: mpf(1),
        lambda a, b: -mpmath.floor(a / b),
        pairs(EVERYWHERE, EVERYWHERE),
    ),
    "pow": two(
        lambda a, b: mpmath.power(a, b),
        lambda a, b: b * mpmath.power(a, b - 1),
        lambda a, b: mpmath.power(a, b) * mpmath.log(a) if a > 0 else mpmath.nan,
        power_points(),
    ),
    "abs": one(abs, sign, EVERYWHERE),
    "exp": one(mpmath.exp, mpmath.exp, EVERYWHERE),
    "exp2": one(lambda x: mpf(2) ** x, lambda x: mpf(2) ** x * mpmath.log(2), EVERYWHERE),
    "expm1": one(mpmath.expm1, mpmath.exp, EVERYWHERE),
    "log": one(mpmath.log, lambda x: 1 / x, POSITIVE + NEAR_ONE),
    "log2": one(lambda x: mpmath.log(x) / mpmath.log(2), lambda x: 1 / (x * mpmath.log(2)), POSITIVE + NEAR_ONE),
    "log10": one(mpmath.log10, lambda x: 1 / (x * mpmath.log(10)), POSITIVE + NEAR_ONE),
    "log1p": one(mpmath.log1p, lambda x: 1 / (1 + x), POSITIVE + [-x for x in UNIT]),
    "logaddexp": two(
        # Near a result of 0 the larger operand and the logarithm cancel: see the function.
        lambda a, b: max(a, b) + mpmath.log1p(mpmath.exp(-abs(a - b))),
        lambda a, b: logistic(a - b),
        lambda a, b: logistic(b - a),
        [(a, b) for a, b in pairs(EVERYWHERE[::2], EVERYWHERE[::3]) if max(a, b) >= 0],
    ),
    "sqrt": one(mpmath.sqrt, lambda x: HALF / mpmath.sqrt(x), POSITIVE),
    "cbrt": one(lambda x: sign(x) * mpmath.cbrt(abs(x)), lambda x: 1 / (3 * mpmath.cbrt(abs(x)) ** 2), EVERYWHERE),
    "hypot": two(
        lambda a, b: mpmath.hypot(a, b),
        lambda a, b: a / mpmath.hypot(a, b),
        lambda a, b: b / mpmath.hypot(a, b),
        pairs(EVERYWHERE, EVERYWHERE),
    ),
    "sin": one(mpmath.sin, mpmath.cos, EVERYWHERE),
    "cos": one(mpmath.cos, lambda x: -mpmath.sin(x), EVERYWHERE),
    "tan": one(mpmath.tan, lambda x: 1 / mpmath.cos(x) ** 2, EVERYWHERE),
    "asin": one(mpmath.asin, lambda x: 1 / mpmath.sqrt(1 - x * x), UNIT + [-x for x in UNIT]),
    "acos": one(mpmath.acos, lambda x: -1 / mpmath.sqrt(1 - x * x), UNIT + [-x for x in UNIT]),
    "atan": one(mpmath.atan, lambda x: 1 / (1 + x * x), EVERYWHERE),
    "atan2": two(
        mpmath.atan2,
        lambda a, b: b / (a * a + b * b),
        lambda a, b: -a / (a * a + b * b),
        pairs(EVERYWHERE, EVERYWHERE),
    ),
    "sinh": one(mpmath.sinh, mpmath.cosh, EVERYWHERE),
    "cosh": one(mpmath.cosh, mpmath.sinh, EVERYWHERE),
    "tanh": one(mpmath.tanh, lambda x: sech(x) ** 2, EVERYWHERE),
    "asinh": one(mpmath.asinh, lambda x: 1 / mpmath.sqrt(1 + x * x), EVERYWHERE),
    "acosh": one(mpmath.acosh, lambda x: 1 / mpmath.sqrt(x * x - 1), [x for x in POSITIVE + NEAR_ONE if x > 1]),
    "atanh": one(mpmath.atanh, lambda x: 1 / (1 - x * x), UNIT + [-x for x in UNIT]),
    "erf": one(mpmath.erf, lambda x: 2 / root_pi() * mpmath.exp(-x * x), EVERYWHERE),
    "erfc": one(
        mpmath.erfc, lambda x: -2 / root_pi() * mpmath.exp(-x * x), [x for x in EVERYWHERE if x < 1e10], value_ulps=5.0
    ),
    "erfcx": one(
        lambda x: mpmath.exp(x * x) * mpmath.erfc(x),
        lambda x: 2 * x * mpmath.exp(x * x) * mpmath.erfc(x) - 2 / root_pi(),
        [x for x in EVERYWHERE if x < 1e15],
        value_ulps=4.0,
    ),
    "log_erfc": one(
        lambda x: mpmath.log(mpmath.erfc(x)),
        lambda x: -2 / root_pi() * mpmath.exp(-x * x) / mpmath.erfc(x),
        [x for x in EVERYWHERE if abs(x) < 1e10],
    ),
    "erfc_hazard": one(
        lambda x: mpmath.exp(-x * x) / mpmath.erfc(x),
        hazard_slope,
        [x for x in EVERYWHERE if -26.0 < x < 1e10],
        value_ulps=4.0,
        partial_ulps=12.0,
    ),
    "gamma": one(
        mpmath.gamma,
        lambda x: mpmath.gamma(x) * mpmath.digamma(x),
        [*(x for x in POSITIVE if x < 171.0), *NEGATIVE, *BESIDE_POLES],
        value_ulps=5.0,
        partial_ulps=12.0,
        absolute=1e-15,
    ),
    "gamma_slope": one(
        lambda x: mpmath.gamma(x) * mpmath.digamma(x),
        lambda x: mpmath.gamma(x) * (mpmath.digamma(x) ** 2 + mpmath.polygamma(1, x)),
        [*(x for x in POSITIVE if x < 171.0), *NEGATIVE, *BESIDE_POLES],
        value_ulps=20.0,
        partial_ulps=20.0,
        absolute=1e-15,
    ),
    "lgamma": one(
        lambda x: mpmath.re(mpmath.loggamma(x)),
        mpmath.digamma,
        [*POSITIVE, *NEAR_ONE, *NEGATIVE, *BESIDE_POLES, *(2.0 + x for x in (1e-10, -1e-13, 1e-5)), -2.457024738220801],
        value_ulps=5.0,
        absolute=1e-15,
    ),
    "digamma": one(
        mpmath.digamma,
        lambda x: mpmath.zeta(2, x) if 0 < x < 1e8 else mpmath.polygamma(1, x) if x < 0 else 1 / x + 1 / (2 * x**2),
        [*POSITIVE, *NEGATIVE, *BESIDE_POLES, 1.4616321449683623, 1.4616321449683625, 1.46163, 1.4],
        value_ulps=5.0,
        absolute=1e-15,
    ),
    "sinc": one(
        lambda x: mpmath.sincpi(x),
        lambda x: (mpmath.cospi(x) - mpmath.sincpi(x)) / x,
        [x for x in EVERYWHERE if abs(x) < 1e100],
        partial_ulps=8.0,
        absolute=1e-15,
    ),
    "sigmoid": one(logistic, lambda x: logistic(x) * logistic(-x), EVERYWHERE),
    "softplus": one(lambda x: mpmath.log1p(mpmath.exp(x)), logistic, [x for x in EVERYWHERE if x < 1e10]),
    "log_sigmoid": one(
        lambda x: -mpmath.log1p(mpmath.exp(-x)), lambda x: logistic(-x), [x for x in EVERYWHERE if x > -1e10]
    ),
    "relu": one(lambda x: max(x, mpf(0)), lambda x: mpf(x > 0), EVERYWHERE),
    "sign": one(sign, zero, EVERYWHERE),
    "round": one(mpmath.nint, zero, EVERYWHERE),
    "round_to": two(lambda x, n: mpf(f"{float(x):.2f}"), zero, zero, [(x, 2.0) for x in EVERYWHERE if abs(x) < 1e9]),
    "radians": one(lambda x: x * mpmath.pi / 180, lambda x: mpmath.pi / 180, EVERYWHERE),
    "degrees": one(lambda x: x * 180 / mpmath.pi, lambda x: 180 / mpmath.pi, [x for x in EVERYWHERE if abs(x) < 1e306]),
    "remainder": two(
        lambda a, b: a - b * mpmath.nint(a / b),
        lambda a, b: mpf(1),
        lambda a, b: -mpmath.nint(a / b),
        pairs(EVERYWHERE, EVERYWHERE),
    ),
    "xlogy": two(
        lambda x, y: x * mpmath.log(y),
        lambda x, y: mpmath.log(y),
        lambda x, y: x / y,
        pairs(EVERYWHERE, POSITIVE + NEAR_ONE),
    ),
    "xlog1py": two(
        lambda x, y: x * mpmath.log1p(y),
        lambda x, y: mpmath.log1p(y),
        lambda x, y: x / (1 + y),
        pairs(EVERYWHERE[::3], (POSITIVE + [-x for x in UNIT])[::2]),
    ),
    "greater": two(lambda a, b: mpf(a > b), zero, zero, pairs(EVERYWHERE, EVERYWHERE)),
    "less": two(lambda a, b: mpf(a < b), zero, zero, pairs(EVERYWHERE, EVERYWHERE)),
    "less_equal": two(lambda a, b: mpf(a <= b), zero, zero, pairs(EVERYWHERE, EVERYWHERE)),
    "equal": two(lambda a, b: mpf(a == b), zero, zero, pairs(EVERYWHERE, EVERYWHERE)),
    "maximum": two(
        max, lambda a, b: HALF * (1 + sign(a - b)), lambda a, b: HALF * (1 + sign(b - a)), pairs(EVERYWHERE, EVERYWHERE)
    ),
    "minimum": two(
        min, lambda a, b: HALF * (1 + sign(b - a)), lambda a, b: HALF * (1 + sign(a - b)), pairs(EVERYWHERE, EVERYWHERE)
    ),
    "clip_low": two(
        max, lambda x, low: mpf(x >= low), lambda x, low: mpf(x < low), pairs(EVERYWHERE, [-1.0, 0.3, 2.0])
    ),
    "clip_high": two(
        min, lambda x, high: mpf(x <= high), lambda x, high: mpf(x > high), pairs(EVERYWHERE, [-1.0, 0.3, 2.0])
    ),
    "floor": one(mpmath.floor, zero, EVERYWHERE),
    "ceil": one(mpmath.ceil, zero, EVERYWHERE),
    "trunc": one(truncate, zero, EVERYWHERE),
    "fmod": two(
        lambda a, b: a - b * truncate(a / b),
        lambda a, b: mpf(1),
        lambda a, b: -truncate(a / b),
        pairs(EVERYWHERE, EVERYWHERE),
    ),
    "copysign": two(
        lambda a, b: abs(a) * sign(b), lambda a, b: sign(a) * sign(b), zero, pairs(EVERYWHERE, [-2.0, 3.0])
    ),
    "one_minus_square": one(lambda x: 1 - x * x, lambda x: -2 * x, EVERYWHERE),
    "sech": one(sech, lambda x: -sech(x) * mpmath.tanh(x), EVERYWHERE),
    "unit": two(
        lambda a, b: a / mpmath.hypot(a, b),
        lambda a, b: b * b / mpmath.hypot(a, b) ** 3,
        lambda a, b: -a * b / mpmath.hypot(a, b) ** 3,
        pairs(EVERYWHERE[::2], EVERYWHERE[::3]),
    ),
    "over_square": two(
        lambda a, b: a / (a * a + b * b),
        lambda a, b: (b * b - a * a) / (a * a + b * b) ** 2,
        lambda a, b: -2 * a * b / (a * a + b * b) ** 2,
        [(a, b) for a, b in pairs(EVERYWHERE[::2], EVERYWHERE[::3]) if 1e-150 < abs(a) < 1e150 > abs(b) > 1e-150],
    ),
    "over_square_slope": two(
        lambda a, b: (b - a) * (b + a) / (a * a + b * b) ** 2,
        lambda a, b: 2 * a * (a * a - 3 * b * b) / (a * a + b * b) ** 3,
        lambda a, b: 2 * b * (3 * a * a - b * b) / (a * a + b * b) ** 3,
        [
            *((a, b) for a, b in pairs(EVERYWHERE[::2], EVERYWHERE[::3]) if 1e-90 < abs(a) < 1e90 > abs(b) > 1e-90),
            *[(1.0, 1.0 + 2**-52), (3.0, 3.0), (0.1, 0.1 - 1e-12), (-2.0, 2.0 + 1e-10)],
        ],
        value_ulps=4.0,
        partial_ulps=1000.0,
    ),
    "over_positive": two(
        lambda a, b: a / b, lambda a, b: 1 / b, lambda a, b: -a / b**2, pairs([1.0, 0.3, -7.0], POSITIVE)
    ),
    "power_log": two(
        lambda a, b: mpmath.power(a, b) * mpmath.log(a),
        lambda a, b: mpmath.power(a, b - 1) * (1 + b * mpmath.log(a)),
        lambda a, b: mpmath.power(a, b) * mpmath.log(a) ** 2,
        list(itertools.product([0.1, 0.5, 1.5, 2.0, 30.0], [-3.0, -0.5, 0.5, 2.0, 7.5])),
        value_ulps=4.0,
        partial_ulps=20.0,
    ),
    "power_slope": two(
        lambda a, b: b * mpmath.power(a, b - 1),
        lambda a, b: b * (b - 1) * mpmath.power(a, b - 2),
        power_by_both,
        power_points(),
        partial_ulps=20.0,
    ),
    "power_curve": two(
        lambda a, b: b * (b - 1) * mpmath.power(a, b - 2),
        lambda a, b: b * (b - 1) * (b - 2) * mpmath.power(a, b - 3),
        lambda a, b: mpmath.nan,
        power_points(),
        value_ulps=8.0,
        partial_ulps=20.0,
    ),
    "power_mixed": two(
        power_by_both,
        lambda a, b: mpmath.nan,
        lambda a, b: mpmath.nan,
        [(a, b) for a, b in power_points() if a > 1e-300 and not mpmath.isnan(power_by_both(mpf(a), mpf(b)))],
        value_ulps=20.0,
    ),
    "exp_minus_square": one(
        lambda x: mpmath.exp(-x * x),
        lambda x: -2 * x * mpmath.exp(-x * x),
        [x for x in EVERYWHERE if abs(x) < 26.6 or abs(x) > 27.3],  # between are results of few digits
        value_ulps=3.0,
    ),
    "div_square": two(
        lambda a, b: a / b**2, lambda a, b: 1 / b**2, lambda a, b: -2 * a / b**3, pairs(EVERYWHERE, EVERYWHERE)
    ),
    "exp_share": two(
        lambda a, b: logistic(a - b),
        lambda a, b: logistic(a - b) * logistic(b - a),
        lambda a, b: -logistic(a - b) * logistic(b - a),
        pairs(EVERYWHERE[::5], EVERYWHERE[::7]),
    ),
    "exp_share_slope": two(
        lambda a, b: logistic(a - b) * logistic(b - a),
        lambda a, b: logistic(a - b) * logistic(b - a) * mpmath.tanh((b - a) / 2),
        lambda a, b: logistic(a - b) * logistic(b - a) * mpmath.tanh((a - b) / 2),
        [*pairs(EVERYWHERE[::5], EVERYWHERE[::7]), (1.0, 1.0 + 1e-12), (700.0, 700.0 - 1e-9), (0.1, 0.3)],
        value_ulps=4.0,
    ),
    "instead": two(lambda a, b: a, zero, lambda a, b: mpf(1), pairs([1.0, -2.0], [3.0])),
    "where": one(lambda x: x, lambda x: mpf(1), EVERYWHERE),
    "argument": one(lambda x: x, lambda x: mpf(1), EVERYWHERE),
    "kept": two(lambda g, x: x * (g != 0), zero, lambda g, x: mpf(g != 0), MASKED),
    "dropped": two(lambda g, x: x * (g == 0), zero, lambda g, x: mpf(g == 0), MASKED),
    "masked_product": two(lambda g, x: g * x, lambda g, x: x, lambda g, x: g, pairs(EVERYWHERE, EVERYWHERE)),
}
# Of two operands one at most may be a Value here: an order is a number.
TESTED_ELSEWHERE = {"polygamma", "erfcx_slope", "sinc_slope"}


def test_every_entry_of_the_table_has_an_exact_counterpart() -> None:
    assert TABLE.keys() | TESTED_ELSEWHERE == primitives.keys()


SLOW = {"hypot", "logaddexp"}  # whose points need hundreds of digits


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in TABLE]
)
def test_value_and_derivatives_agree_with_mpmath_over_the_whole_range(name: str) -> None:
    entry = TABLE[name]
    function = primitives[name]
    for point in entry.points:
        with mp.workdps(700 if name in MANY_DIGITS else 50):
            exact = [mpf(x) for x in point]
            values = [Value(x) for x in point]
            result = function(*values)
            result.backward()
            expected = entry.value(*exact)
            assert_close(result.data, expected, entry.value_ulps, entry.absolute, f"{name}{point}")
            assert function(*point) == result.data or math.isnan(result.data)
            for position, partial in enumerate(entry.partials):
                reference = partial(*exact)
                if not mpmath.isnan(reference):
                    where = f"the derivative of {name}{point} by operand {position}"
                    assert_close(values[position].grad, reference, entry.partial_ulps, entry.absolute, where)
                    assert values[position].grad == result.partials[position] or values[0] is values[-1]


def assert_close(found: float, exact: Any, allowed: float, absolute: float, where: str) -> None:
    """Within so many ulp, or absolutely within the rounding of 1 where the function has zeros that are no floats."""
    near = math.isfinite(found) and abs(mpf(found) - exact) <= absolute
    assert near or ulps(found, exact) <= allowed, f"{where}: {found}, exactly {mpmath.nstr(exact, 20)}"


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (TypeError, {"symbol": 5}),
        (TypeError, {"slope": "a"}),
        (ValueError, {"slope": lambda y, x: 1.0, "rules": 2}),
    ],
)
def test_a_refused_primitive_leaves_nothing_behind(error: type[Exception], arguments: dict[str, Any]) -> None:
    rules = [lambda y, *operands: 1.0] * arguments.pop("rules", 1)
    with pytest.raises(error, match="unfinished"):
        primitive("unfinished", lambda *operands: 1.0, *rules, **arguments)
    assert "unfinished" not in user_primitives


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_exponential_of_a_square_does_not_suffer_from_the_rounding_of_the_square(sign: float) -> None:
    for x in [0.0, -0.0, 1e-300, *EVERYWHERE, *random_floats(EVERYWHERE, 1000), *(k / 37.0 for k in range(1000))]:
        if abs(x) < 26.5:
            with mp.workdps(50):
                exact = mp.exp(sign * mp.mpf(x) ** 2)
                assert abs(floats.exp_of_square(x, sign) - exact) <= 2.5 * math.ulp(float(exact))
    assert [floats.exp_of_square(x, sign) for x in (-30.0, 1e300, math.inf)] == [0.0 if sign < 0.0 else math.inf] * 3
    assert math.isnan(floats.exp_of_square(math.nan, sign))


# Derivatives of higher orders, by differences of the exact function in many digits.

ROUNDING = {"floordiv", "mod", "fmod", "remainder", "floor", "ceil", "trunc", "round", "round_to", "sign", "greater"}
ROUNDING |= {"less", "less_equal", "equal"}
SELECTING = {"where", "argument", "masked_product", "kept", "dropped", "instead", "abs", "relu", "copysign"}
SELECTING |= {"maximum", "minimum", "clip_low", "clip_high"}
SPECIAL = {"gamma", "gamma_slope", "lgamma", "digamma", "sinc"}  # slow in many digits, and tested below
HIGH = {"over_square_slope"}  # it is a second derivative itself, and its own are those of the fourth order
SMOOTH = [name for name in TABLE if name not in ROUNDING | SELECTING | SPECIAL | HIGH]
# Where the function is a ratio or a sum with zeros of its derivatives that are no floats, relative to its scale.
LOOSE = {"power_log": 60.0, "power_slope": 60.0, "power_curve": 60.0, "power_mixed": 200.0, "unit": 200.0}
LOOSE |= {"over_square": 1000.0, "over_square_slope": 1000.0, "exp_share_slope": 200.0, "erfc_hazard": 200.0}


def difference(function: Exact, point: list[Any], orders: tuple[int, ...]) -> Any:
    """A mixed derivative by central differences."""
    for position, order in enumerate(orders):
        if order:
            step = abs(point[position]) * mpf(10) ** -30
            rest = (*orders[:position], 0, *orders[position + 1 :])
            total = mpf(0)
            for k in range(order + 1):
                moved = [*point]
                moved[position] += (mpf(order) / 2 - k) * step
                total += (-1) ** k * mpmath.binomial(order, k) * difference(function, moved, rest)
            return total / step**order
    return function(*point)


def higher(function: Any, orders: tuple[int, ...], point: tuple[float, ...]) -> float:
    for position, order in enumerate(orders):
        for _ in range(order):
            function = grad(function, position)
    return float(function(*point))


def some_points(name: str) -> list[tuple[float, ...]]:
    generator = random.Random(name)
    points = [point for point in TABLE[name].points if all(1e-100 < abs(x) < 1e40 for x in point)]
    chosen = generator.sample(points, min(len(points), 12))
    if len(chosen[0]) == 2 and not name.startswith(
        ("pow", "xlog", "over_positive")
    ):  # what cancels where operands are nearly equal
        for exponent in (-15, -10, -5, -2):
            a = generator.uniform(0.1, 5.0)
            chosen += [(a, a * (1 + 10.0**exponent)), (a, -a), (a, a * (1 - 10.0**exponent))]
    return chosen


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("name", SMOOTH)
def test_second_and_third_derivatives_agree_with_mpmath(name: str, order: int) -> None:
    entry = TABLE[name]
    for point in some_points(name):
        for orders in [(order,)] if len(point) == 1 else [(k, order - k) for k in range(order + 1)]:
            with mp.workdps(500):
                exact = difference(entry.value, [mpf(x) for x in point], orders)
                if not isinstance(exact, mpf) or mpmath.isnan(exact) or not (exact == 0 or 1e-300 < abs(exact) < 1e300):
                    continue
                found = higher(primitives[name], orders, point)
                scale = abs(entry.value(*[mpf(x) for x in point])) / abs(mpf(point[0])) ** order
                near = math.isfinite(found) and abs(mpf(found) - exact) <= 1e-14 * scale
                where = f"the derivative {orders} of {name}{point}"
                assert near or ulps(found, exact) <= LOOSE.get(name, 40.0), f"{where}: {found}, exactly {float(exact)}"


@pytest.mark.parametrize(
    ("name", "exact", "points"),
    [
        ("gamma", mpmath.gamma, [0.3, 1.2, 3.7, 25.5, 150.0, -0.4, -2.6, -7.45]),
        ("lgamma", lambda x: mpmath.re(mpmath.loggamma(x)), [1e-5, 0.3, 1.2, 3.7, 25.5, 1e10, -0.4, -2.6, -1.000001]),
        ("digamma", mpmath.digamma, [1e-5, 0.3, 1.2, 3.7, 25.5, 1e10, -0.4, -2.6, -1.000001]),
        ("sinc", mpmath.sincpi, [1e-9, 0.1, 0.3, 0.5, 0.8, 1.3, 2.6, 10.3, -0.7, 1e5]),
    ],
)
def test_derivatives_of_special_functions_agree_with_mpmath_to_the_fourth_order(
    name: str, exact: Exact, points: list[float]
) -> None:
    for x in points:
        for order in range(1, 5):
            with mp.workdps(260):
                reference = difference(exact, [mpf(x)], (order,))
                found = higher(primitives[name], (order,), (x,))
                near = abs(mpf(found) - reference) <= (1e-13 if name == "sinc" else 0)
                assert near or abs(mpf(found) - reference) <= 1e-12 * abs(reference), f"{order} of {name}({x}): {found}"


@pytest.mark.parametrize("order", range(9))
def test_sinc_is_right_to_every_order_at_zero(order: int) -> None:
    with mp.workdps(40):
        exact = 0 if order % 2 else (-1) ** (order // 2) * mpmath.pi**order / (order + 1)
    assert higher(primitives["sinc"], (order,), (0.0,)) == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, 6.0])
@pytest.mark.parametrize("x", [1e-10, 0.3, 1.7, 12.0, 1e5, 1e100, -0.3, -2.6, -3.000001, -20.4])
def test_polygamma_agrees_with_mpmath_also_below_zero(order: float, x: float) -> None:
    with mp.workdps(100):
        exact = (
            mpmath.polygamma(int(order), mpf(x))
            if x < 1e20
            else (-1) ** (int(order) + 1) * mpmath.gamma(order) / mpf(x) ** int(order)
        )
        found = primitives["polygamma"](order, x)
        assert ulps(found, exact) <= 40.0 or abs(mpf(found) - exact) <= 1e-14 * mpmath.pi**order


@pytest.mark.parametrize(
    ("orders", "expected"),
    [((2, 0), -1.276e200), ((1, 1), None), ((0, 2), None)],
)
def test_second_derivatives_of_a_power_of_a_tiny_base_do_not_overflow_on_the_way(
    orders: tuple[int, int], expected: float | None
) -> None:
    point = (1.4965e-182, 2.8577e-164)
    found = higher(primitives["pow"], orders, point)
    assert expected is None or found == pytest.approx(expected, rel=1e-3)
    with mp.workdps(900):
        assert ulps(found, difference(mpmath.power, [mpf(x) for x in point], orders)) <= 20.0


@pytest.mark.parametrize(
    ("a", "b"), [(1.0 + 2**-52, 2.0**53 + 2), (1.0 - 2**-53, 2.0**54), (1.0 + 2**-50, 2.0**53 + 6)]
)
def test_the_slope_of_a_power_is_right_for_exponents_that_have_no_predecessor(a: float, b: float) -> None:
    with mp.workdps(100):
        exact = mpf(b) * mpmath.power(mpf(a), mpf(b) - 1)
        assert ulps(grad(primitives["pow"])(a, b), exact) <= 8.0


def test_the_mixed_derivative_of_a_power_of_zero_is_its_limit() -> None:
    assert higher(primitives["pow"], (1, 1), (0.0, 1.0)) == -math.inf
    assert higher(primitives["pow"], (1, 1), (0.0, 0.5)) == -math.inf
    assert higher(primitives["pow"], (1, 1), (0.0, 1.5)) == 0.0
    assert higher(primitives["pow"], (1, 1), (0.0, 3.0)) == 0.0


@pytest.mark.parametrize("point", [(1.457e308, 1.457e308), (1e308, -1.7e308), (5e-324, 1e-320), (1e300, 1e-300)])
def test_second_derivatives_of_hypot_are_right_where_it_overflows_or_has_few_digits(point: tuple[float, float]) -> None:
    for orders in ((2, 0), (1, 1), (0, 2)):
        with mp.workdps(900):
            a, b = (mpf(x) for x in point)
            factor = {(2, 0): b * b, (1, 1): -a * b, (0, 2): a * a}[orders]
            assert ulps(higher(primitives["hypot"], orders, point), factor / mpmath.hypot(a, b) ** 3) <= 8.0


def test_exp2_has_a_slope_up_to_where_that_overflows() -> None:
    for x in (1023.5, 1024.0, 1024.3, 1024.528, -1073.0, -1050.5):
        with mp.workdps(50):
            assert ulps(grad(primitives["exp2"])(x), mpf(2) ** mpf(x) * mpmath.log(2)) <= 2.0
