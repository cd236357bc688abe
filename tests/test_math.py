"""`import microgrady as math`: every name of Python's math, with its numbers."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

NAMES = [name for name in dir(math) if not name.startswith("_")]
CONSTANTS = ["e", "inf", "nan", "pi", "tau"]
# What is about whole numbers or about the floats themselves is Python's own.
OF_PYTHON = ["comb", "factorial", "gcd", "isqrt", "lcm", "nextafter", "perm", "ulp"]
# What gives whole numbers there and floats here, since a result may be a Value.
ROUNDED = ["ceil", "floor", "trunc"]
ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "acosh": [(1.5,), (3.0,)],
    "atan2": [(1.0, -2.0), (-0.0, -1.0)],
    "copysign": [(2.0, -1.0)],
    "dist": [([1.0, 2.0], [4.0, 6.0])],
    "fma": [(2.0, 3.0, 4.0)],
    "fmod": [(-7.0, 3.0)],
    "frexp": [(-6.0,), (0.0,), (5e-324,)],
    "fsum": [([0.1] * 10,), ([1e100, 1.0, -1e100],), ([],)],
    "hypot": [(3.0, 4.0), (2.0, 3.0, 6.0), (), (-2.0,)],
    "isclose": [(1.0, 1.0 + 1e-10), (1.0, 1.1), (math.inf, math.inf), (math.inf, 1.0), (math.nan, math.nan)],
    "ldexp": [
        (0.75, 3),
        (1.0, -1074),
        (1.0, -1075),
        (0.5, 1024),
        (5e-324, 2000),
        (5e-324, 2097),
        (0.0, 5000),
        (1e300, -2050),
        (3.0, -(10**9)),
    ],
    "log": [(3.0,), (8.0, 2.0), (1000, 10)],
    "modf": [(-2.5,), (math.inf,), (-3.0,), (1e300,)],
    "pow": [(2.0, 0.5), (-2.0, 3.0)],
    "prod": [([2.0, 3.0],), ([],)],
    "remainder": [(7.0, 2.0), (-5.0, 3.0), (5.0, math.inf), (2.5, 1.0), (-4.0, 2.0)],
    "sumprod": [([1.0, 2.0], [3.0, 4.0])],
    **{name: [(x,) for x in (1.0, math.inf, -math.inf, math.nan)] for name in ("isfinite", "isinf", "isnan")},
    **{name: [(1.0,), (0.3,), (0.5,)] for name in ("acos", "asin")},
    "atanh": [(0.3,), (-0.9,)],
}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_math_exists(name: str) -> None:
    assert hasattr(mg, name)


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_are_those_of_math(name: str) -> None:
    assert repr(getattr(mg, name)) == repr(getattr(math, name))


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return all(map(same, found, expected))
    if isinstance(expected, bool) or expected != expected:
        return bool(found is expected) or (found != found and expected != expected)
    close = math.isclose(found, expected, rel_tol=2e-15)
    return close and math.copysign(1.0, found) == math.copysign(1.0, expected)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {*CONSTANTS, *OF_PYTHON}])
def test_functions_have_the_values_of_math_on_numbers_and_on_values(name: str) -> None:
    ours, theirs = getattr(mg, name), getattr(math, name)
    for arguments in ARGUMENTS.get(name, [(0.3,), (1.0,), (2.5,)]):
        try:
            expected = theirs(*arguments)
        except OverflowError:
            expected = math.inf
        assert same(ours(*arguments), expected), arguments
        if arguments and isinstance(arguments[0], float):
            found = ours(Value(arguments[0]), *arguments[1:])
            plain = (
                tuple(part.data if isinstance(part, Value) else part for part in found)
                if type(found) is tuple
                else found
            )
            assert same(plain.data if isinstance(plain, Value) else plain, expected), arguments


@pytest.mark.parametrize("name", OF_PYTHON)
def test_what_is_about_whole_numbers_is_pythons_own(name: str) -> None:
    assert getattr(mg, name) is getattr(math, name)


@pytest.mark.parametrize("name", ["comb", "factorial", "gcd", "isqrt", "lcm", "perm"])
def test_whole_numbers_are_not_made_of_values_in_silence(name: str) -> None:
    arguments = [Value(3.0), 2] if name in {"comb", "perm"} else [Value(3.0)]
    with pytest.raises(TypeError, match=r"int\(v\)"):
        getattr(mg, name)(*arguments)


@pytest.mark.parametrize("name", ROUNDED)
def test_rounding_gives_floats(name: str) -> None:
    assert type(getattr(mg, name)(2.5)) is float


def test_a_module_written_for_math_runs_on_values() -> None:
    source = inspect.cleandoc(
        """
        def haversine(a, b):
            phi, theta = math.radians(a[0]), math.radians(b[0])
            half = math.sin((theta - phi) / 2) ** 2
            half += math.cos(phi) * math.cos(theta) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
            return 6371.0 * 2 * math.atan2(math.sqrt(half), math.sqrt(1 - half))
        """
    )
    plain: dict[str, Any] = {"math": math}
    exec(source, plain)
    ours: dict[str, Any] = {"math": mg}
    exec(source, ours)
    a, b = (52.5, 13.4), (48.1, 11.6)
    assert ours["haversine"](a, b) == pytest.approx(plain["haversine"](a, b), rel=1e-15)
    assert mg.check_gradient(lambda a: ours["haversine"](a, b), list(a)).ok


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: mg.ldexp(1.0, 2.0), r"the exponent of ldexp must be an int, not float \(2.0\)"),
        (lambda: mg.ldexp("a", 2), "not str"),
        (lambda: mg.round(1.5, 2.5), r"the decimal places of round must be an int, not float \(2.5\)"),
        (lambda: mg.round(1.5, 2, 3), "round takes a number and, if need be, the decimal places, but 3 were given"),
        (lambda: mg.isnan("a"), "the operand of isnan must be a real number, not str"),
        (lambda: mg.isclose(1.0, "a"), "an operand of isclose must be a real number, not str"),
        (lambda: mg.frexp("a"), "the operand of frexp must be a real number, not str"),  # type: ignore[call-overload]
        (lambda: mg.modf("a"), "not str"),
        (lambda: mg.fma("a", 1.0, Value(2.0)), "an operand of fma must be a real number, not str"),
        (lambda: mg.radians("a"), "radians takes Values, real numbers and NumPy arrays, not str"),  # type: ignore[call-overload]
        (lambda: mg.fsum(3.0), "fsum takes a sequence of Values and real numbers, not float"),  # type: ignore[call-overload]
    ],
)
def test_what_is_no_number_is_refused_by_name(function: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        function()


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match="the rel_tol of isclose must not be negative"):
        mg.isclose(1.0, 2.0, rel_tol=-1.0)


@pytest.mark.parametrize(
    ("function", "x", "slope"),
    [
        (lambda x: mg.modf(x)[0], -2.5, 1.0),
        (lambda x: mg.modf(x)[1], -2.5, 0.0),
        (lambda x: mg.frexp(x)[0], 6.0, 0.125),
        (lambda x: mg.ldexp(x, -3), 6.0, 0.125),
        (lambda x: mg.ldexp(x, 1030), 1e-10, math.ldexp(1.0, 1000) * 2.0**23 * 128.0),
        (lambda x: mg.fma(x, 3.0, x), 6.0, 4.0),
        (lambda x: mg.remainder(x, 3.0), 5.0, 1.0),
        (lambda x: mg.remainder(8.0, x), 3.0, -3.0),
        (lambda x: mg.fsum([x, x, 1.0]), 6.0, 2.0),
        (lambda x: mg.round(x, 2), 6.0, 0.0),
        (mg.round, 6.2, 0.0),
        (mg.sign, 6.2, 0.0),
        (mg.degrees, 6.2, 180.0 / math.pi),
    ],
)
def test_they_are_differentiated(function: Any, x: float, slope: float) -> None:
    assert mg.grad(function)(x) == slope


@pytest.mark.parametrize("x", [2.675, -0.125, 1e300, math.inf, 2.5, -2.5, 0.5, 1e16, -0.2])
def test_round_is_that_of_python(x: float) -> None:
    assert same(mg.round(x, 2), round(x, 2))
    assert mg.round(Value(x), -1).data == round(x, -1)
    if math.isfinite(x):
        assert mg.round(x) == round(x)
        assert same(mg.round(x), math.copysign(float(round(x)), x))
    assert mg.round(x, None) == mg.round(x)  # type: ignore[call-overload]
