"""What the tests of compiled functions share: functions to compile, and how their numbers are compared."""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.jit import jit
from tests.plain import plain

Function = Callable[..., Any]
Pair = collections.namedtuple("Pair", "a b")
INF, NAN = math.inf, math.nan
AWKWARD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-320, 1e-160, 1e160, -1e308, INF, -INF, NAN]


def interpreted(function: Function, *args: float) -> float:
    """What the function gives on Values, one by one."""
    result = function(*map(Value, args))
    return plain(result)


def same_bits(found: Any, expected: Any) -> bool:
    """Equal, the sign of zero included; every nan is like every other."""
    if isinstance(expected, float):
        if math.isnan(expected):
            return isinstance(found, float) and math.isnan(found)
        return isinstance(found, float) and found.hex() == expected.hex()
    return len(found) == len(expected) and all(map(same_bits, found, expected))


def close(found: float, expected: float, tolerance: float = 1e-14) -> bool:
    if not math.isfinite(expected):
        return same_bits(float(found), float(expected))
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=1e-300)


def halvings(x: Any) -> Any:
    """A loop whose length depends on the data."""
    count = 0
    while x > 1:
        x = x / 2
        count += 1
    return x + count


def logistic(x: Any, rate: Any = 3.7) -> Any:
    for _ in range(5):
        x = rate * x * (1 - x)
    return mg.sin(x) + mg.exp(-x) / (1 + x**2)


@jit
def decorated(x: Any) -> Any:
    return mg.sin(x) * 3 if x > 0 else mg.cos(x) - 1


def rosenbrock(p: Any) -> Any:
    return mg.sum([100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(p)])
