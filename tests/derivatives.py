"""What the tests of conventions share: the ways to a derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import microgrady as mg
from microgrady import Value

Function = Callable[..., Any]
INF, NAN, HUGE, TINY = math.inf, math.nan, 1.7976931348623157e308, 5e-324


def same(found: float, expected: float, relative: float = 1e-12, absolute: float = 0.0) -> bool:
    if math.isnan(expected) or math.isinf(expected):
        return found == expected or (math.isnan(found) and math.isnan(expected))
    return found == expected or math.isclose(found, expected, rel_tol=relative, abs_tol=absolute)


def by_backward(function: Function, *point: float) -> list[float]:
    values = [Value(x) for x in point]
    function(*values).backward()
    return [value.grad for value in values]


def by_gradients(function: Function, *point: float) -> list[float]:
    values = [Value(x) for x in point]
    return [slope.data for slope in mg.gradients(function(*values), values)]


def by_grad(function: Function, *point: float) -> list[float]:
    return list(mg.grad(function, tuple(range(len(point))))(*point))


def by_grad_of_values(function: Function, *point: float) -> list[float]:
    """As inside another transform, where derivatives are Values."""
    slopes = mg.grad(function, tuple(range(len(point))))(*map(Value, point))
    return [slope.data if isinstance(slope, Value) else slope for slope in slopes]


WAYS: list[Callable[..., list[float]]] = [by_backward, by_gradients, by_grad, by_grad_of_values]


def hessian(function: Function, *point: float) -> list[float]:
    """All second derivatives, row by row."""
    rows = mg.hessian(lambda p: function(*p))(list(point))
    return [entry for row in rows for entry in row]
