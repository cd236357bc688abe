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

from microgrady import Value, primitive
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
    relative: float = 0.0


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


HALF, ROOT_PI = mpf(0.5), mpmath.sqrt(mpmath.pi)

# To tell 1 + 1e-320 from 1, or find a remainder of 1e300 by 1e-300, takes more than 50 digits.
MANY_DIGITS = {
    *("add", "sub", "floordiv", "mod", "fmod", "hypot", "atan2", "logaddexp", "log1p", "atan", "asinh", "acosh"),
    *("maximum", "minimum", "unit", "over_square", "one_minus_square", "softplus", "sigmoid", "asin", "acos", "atanh"),
    "exp_share",
}

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
    "erf": one(mpmath.erf, lambda x: 2 / ROOT_PI * mpmath.exp(-x * x), EVERYWHERE),
    "erfc": one(
        mpmath.erfc, lambda x: -2 / ROOT_PI * mpmath.exp(-x * x), [x for x in EVERYWHERE if x < 1e10], value_ulps=5.0
    ),
    "gamma": one(
        mpmath.gamma,
        lambda x: mpmath.gamma(x) * mpmath.digamma(x),
        [x for x in POSITIVE if x < 171.0] + [-0.3, -0.5, -1.5, -2.7, -10.2, -100.5],
        relative=1e-12,
    ),
    "lgamma": one(
        lambda x: mpmath.re(mpmath.loggamma(x)),
        mpmath.digamma,
        POSITIVE + NEAR_ONE + [-0.3, -0.5, -1.5, -2.7, -10.2, -100.5],
        relative=1e-12,
    ),
    "digamma": one(
        mpmath.digamma, lambda x: mpmath.zeta(2, x) if x < 1e8 else 1 / x + 1 / (2 * x**2), POSITIVE, relative=1e-12
    ),
    "sigmoid": one(logistic, lambda x: logistic(x) * logistic(-x), EVERYWHERE),
    "softplus": one(lambda x: mpmath.log1p(mpmath.exp(x)), logistic, [x for x in EVERYWHERE if x < 1e10]),
    "relu": one(lambda x: max(x, mpf(0)), lambda x: mpf(x > 0), EVERYWHERE),
    "greater": two(lambda a, b: mpf(a > b), zero, zero, pairs(EVERYWHERE, EVERYWHERE)),
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
    "div_square": two(
        lambda a, b: a / b**2, lambda a, b: 1 / b**2, lambda a, b: -2 * a / b**3, pairs(EVERYWHERE, EVERYWHERE)
    ),
    "exp_share": two(
        lambda a, b: logistic(a - b),
        lambda a, b: logistic(a - b) * logistic(b - a),
        lambda a, b: -logistic(a - b) * logistic(b - a),
        pairs(EVERYWHERE[::5], EVERYWHERE[::7]),
    ),
    "where": one(lambda x: x, lambda x: mpf(1), EVERYWHERE),
    "argument": one(lambda x: x, lambda x: mpf(1), EVERYWHERE),
    "gated": two(lambda g, x: g * x, lambda g, x: x, lambda g, x: g, pairs(EVERYWHERE, EVERYWHERE)),
}
# Of two operands one at most may be a Value here: the order of polygamma is a number.
TESTED_ELSEWHERE = {"polygamma"}


def test_every_entry_of_the_table_has_an_exact_counterpart() -> None:
    assert {name for name, entry in primitives.items() if entry.evaluate.__module__.startswith("microgrady")} - set(
        TABLE
    ) <= TESTED_ELSEWHERE
    assert set(TABLE) <= set(primitives)


@pytest.mark.parametrize("name", TABLE)
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
            assert_close(result.data, expected, entry.value_ulps, entry.relative, f"{name}{point}")
            assert function(*point) == result.data or math.isnan(result.data)
            for position, partial in enumerate(entry.partials):
                reference = partial(*exact)
                if not mpmath.isnan(reference):
                    where = f"the derivative of {name}{point} by operand {position}"
                    assert_close(values[position].grad, reference, entry.partial_ulps, entry.relative, where)
                    assert values[position].grad == result.partials[position] or values[0] is values[-1]


def assert_close(found: float, exact: Any, allowed: float, relative: float, where: str) -> None:
    if relative:
        error = abs(mpf(found) - exact) if math.isfinite(found) else mpf(0 if math.isinf(float(exact)) else "inf")
        assert error <= relative * max(abs(exact), 1) or error <= relative * abs(exact), f"{where}: {found} {exact}"
    else:
        assert ulps(found, exact) <= allowed, f"{where}: {found}, exactly {mpmath.nstr(exact, 20)}"


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
    assert "unfinished" not in primitives
