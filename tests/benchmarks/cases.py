"""Derivatives to try a gradient checker on: correct ones, wrong ones, and points without one.

A smooth case is a function written once for a namespace (`math` or `mpmath`), a point and a scale:
the size of slope that the function has around the point, against which a zero is a zero. Its true
derivative is computed by mpmath from the same formula, at the exact float that the point is.
"""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mpmath

Function = Callable[[float], float]
Formula = Callable[[Any, Any], Any]  # of a namespace (math or PRECISE) and x


@dataclass(frozen=True)
class Case:
    """A correct derivative.

    Attributes:
        name: The function and the point.
        function: In floats.
        point: Where.
        truth: The derivative there.
        scale: The size of slope that the function has around the point, against which a zero is a zero.
    """

    name: str
    function: Function
    point: float
    truth: float
    scale: float


@dataclass(frozen=True)
class Break:
    """A point without a derivative, and what it is: "kink", "jump" or "infinite slope"."""

    name: str
    function: Function
    point: float
    kind: str


class _Precise:
    """The functions of mpmath with math's names."""

    lgamma = staticmethod(mpmath.loggamma)

    def __getattr__(self, name: str) -> Any:
        return getattr(mpmath.mp, name)


PRECISE = _Precise()


def single(x: float) -> float:
    """Rounded to float32."""
    return float(struct.unpack("f", struct.pack("f", x))[0])


def truth_of(formula: Formula, point: float) -> float:
    """The derivative of a formula, by a central difference in 700 digits."""
    with mpmath.workdps(700):
        x = mpmath.mpf(point)
        h = abs(x) * mpmath.mpf(10) ** -60 if point else mpmath.mpf(10) ** -330
        return float(mpmath.re((formula(PRECISE, x + h) - formula(PRECISE, x - h)) / (2 * h)))


def _real(formula: Formula) -> Function:
    def function(x: float) -> float:
        return float(formula(math, x))

    return function


def _float32(formula: Formula) -> Function:
    def function(x: float) -> float:
        return single(formula(math, x))

    return function


def _iterate(m: Any, x: Any, times: int) -> Any:
    for _ in range(times):
        x = x + m.sin(x) / 3
    return x


def _logistic(x: Any, times: int, rate: float) -> Any:
    for _ in range(times):
        x = rate * x * (1 - x)
    return x


def _horner(x: Any, coefficients: tuple[float, ...]) -> Any:
    total = x * 0
    for coefficient in coefficients:
        total = total * x + coefficient
    return total


def _product(x: Any, count: int) -> Any:
    total = x * 0 + 1
    for root in range(1, count + 1):
        total = total * (x - root)
    return total


def _newton(m: Any, x: Any) -> Any:
    guess = x * 0 + 1
    for _ in range(12):
        guess = (guess + x / guess) / 2
    return guess


# Name, formula, points. The scale is that of the derivative itself.
FORMULAS: list[tuple[str, Formula, tuple[float, ...]]] = [
    ("sin", lambda m, x: m.sin(x), (1.0, 100.0, 1e-300, 1e-8, 0.0, 1e5, 1e9)),
    ("cos", lambda m, x: m.cos(x), (1.0, 0.5, 0.01)),
    ("exp", lambda m, x: m.exp(x), (1.0, -20.0, 0.0, 1e-300, 1e-10, 300.0, -300.0, 700.0, -700.0)),
    ("log", lambda m, x: m.log(x), (1.0, 1e-300, 1e-12, 1e12, 1e300, 0.5)),
    ("sqrt", lambda m, x: m.sqrt(x), (1.0, 1e-300, 1e-9, 1e200)),
    ("cbrt", lambda m, x: m.cbrt(x), (1e-12, 8.0)),
    ("tan", lambda m, x: m.tan(x), (1.5, 1.57, 0.1)),
    ("tanh", lambda m, x: m.tanh(x), (0.3, 5.0, 15.0, -2.0)),
    ("asin", lambda m, x: m.asin(x), (0.5, 1 - 1e-3, 1 - 1e-6, 1 - 1e-9, 1 - 1e-12)),
    ("acosh", lambda m, x: m.acosh(x), (1 + 1e-6, 3.0)),
    ("atan", lambda m, x: m.atan(x), (0.1, 1e3, 1e6)),
    ("asinh", lambda m, x: m.asinh(x), (1e10, 1e-10)),
    ("log1p", lambda m, x: m.log1p(x), (1e-300, -1 + 1e-9, 1e-5)),
    ("erf", lambda m, x: m.erf(x), (0.5, 2.5, 4.0)),
    ("erfc", lambda m, x: m.erfc(x), (3.0, 10.0, 25.0)),
    ("gamma", lambda m, x: m.gamma(x), (5.0, 1e-6, 20.5, -1.5)),
    ("lgamma", lambda m, x: m.lgamma(x), (10.0, 0.01, 1e5)),
    ("x", lambda m, x: x * 1, (0.0, 1.0, 1e300, 1e-300)),
    ("3x", lambda m, x: 3 * x, (1e9, -1e-20)),
    ("x^2", lambda m, x: x * x, (1e9, 3.0, 1e-100, 1e150)),
    ("1/x", lambda m, x: 1 / x, (1e-5, 3.0, 1e100, -1e-150)),
    ("x^-7", lambda m, x: x**-7, (1e-5, 3.0)),
    ("x^100", lambda m, x: x**100, (1.0, 1.5, 900.0)),
    ("x^1000", lambda m, x: x**1000, (1.0, 0.9)),
    ("x^0.3", lambda m, x: x**0.3, (1e-10, 2.0)),
    ("x^x", lambda m, x: x**x, (2.0, 0.1, 20.0)),
    ("exp(-1/x^2)", lambda m, x: m.exp(-1 / x**2), (0.1, 0.05, 0.5, 3.0)),
    ("exp(1/x)", lambda m, x: m.exp(1 / x), (0.01, -0.01)),
    ("sin(1000x)", lambda m, x: m.sin(1000 * x), (1.0, 10.0, 1000.0, 0.3, 0.0)),
    ("sin(1e6x)", lambda m, x: m.sin(1000000 * x), (1.0, 10.0, 1000.0, 0.01)),
    ("sin(1e12x)", lambda m, x: m.sin(10**12 * x), (0.0,)),
    ("x+sin(1e4x)/1e4", lambda m, x: x + m.sin(10000 * x) / 10000, (1.0, 7.0)),
    ("x^2+1e-6sin(1e5x)", lambda m, x: x * x + m.sin(100000 * x) / 10**6, (1.0,)),
    ("sin(1/x)", lambda m, x: m.sin(1 / x), (0.001, 0.01)),
    ("cos(x^2)", lambda m, x: m.cos(x * x), (30.0, 1.0)),
    ("1e9+sin", lambda m, x: 10**9 + m.sin(x), (1.0, 0.0)),
    ("1e9+x^2", lambda m, x: 10**9 + x * x, (3.0,)),
    ("1e9+exp(x)", lambda m, x: 10**9 + m.exp(x), (2.0,)),
    ("1e9+sin(1000x)", lambda m, x: 10**9 + m.sin(1000 * x), (1.0,)),
    ("1e6+log", lambda m, x: 10**6 + m.log(x), (2.0, 0.01)),
    ("1+1e-6sin", lambda m, x: 1 + m.sin(x) / 10**6, (1.0,)),
    ("3+sin(x/1e9)", lambda m, x: 3 + m.sin(x / 10**9), (1.0, 0.0)),
    ("1e-20sin", lambda m, x: m.sin(x) * m.exp(-46), (1.0, 0.0, 3.0)),
    ("1e-20x", lambda m, x: x * 1e-20, (1.0, 0.0)),
    ("1e20x^3", lambda m, x: x**3 * 1e20, (1.0, -0.02)),
    ("1e-300exp", lambda m, x: 1e-300 * m.exp(x), (0.5,)),
    ("1e-310x^2", lambda m, x: 1e-310 * x * x, (1.0,)),
    ("1e300tanh", lambda m, x: 1e300 * m.tanh(x), (0.2,)),
    ("1/(1+x^2)", lambda m, x: 1 / (1 + x * x), (5.0, 1000.0, 0.1)),
    ("1/(1+(1e4x)^2)", lambda m, x: 1 / (1 + 10**8 * x * x), (1e-4, 0.1, 1e-5)),
    ("1/(1+1e8(x-1)^2)", lambda m, x: 1 / (1 + 10**8 * (x - 1) ** 2), (1.0001, 1.0 + 1e-6)),
    ("sigmoid", lambda m, x: 1 / (1 + m.exp(-x)), (0.0, 10.0, 30.0, -30.0, -300.0)),
    ("softplus", lambda m, x: m.log1p(m.exp(x)), (-30.0, 2.0, -5.0)),
    ("gauss", lambda m, x: m.exp(-x * x / 2), (0.5, 8.0, 20.0)),
    ("narrow gauss", lambda m, x: m.exp(-((x - 1) ** 2) * 10**10), (1.00001, 1.0 + 3e-5)),
    ("(1-cos)/x^2", lambda m, x: (1 - m.cos(x)) / x**2, (0.1, 0.01, 0.001)),
    ("(exp-1)/x", lambda m, x: (m.exp(x) - 1) / x, (1e-3, 1e-5, 0.5)),
    ("(1+x)^2-1-2x", lambda m, x: (1 + x) ** 2 - 1 - 2 * x, (0.5, 0.01)),
    ("sqrt(1+x)-sqrt(x)", lambda m, x: m.sqrt(1 + x) - m.sqrt(x), (100.0, 1e4)),
    ("log(exp+1)-x", lambda m, x: m.log(m.exp(x) + 1) - x, (5.0,)),
    ("x^2-2", lambda m, x: x * x - 2, (math.sqrt(2.0),)),
    ("(x-1)(x-2)(x-3)", lambda m, x: (x - 1) * (x - 2) * (x - 3), (1.0, 2.0, 3.0, 1e3)),
    ("Wilkinson 8", lambda m, x: _product(x, 8), (3.0, 7.5)),
    ("Horner", lambda m, x: _horner(x, (1.0, -4.0, 6.0, -4.0, 1.0)), (1.1, 2.0)),
    ("Chebyshev 30", lambda m, x: m.cos(30 * m.acos(x)), (0.3, 0.99, -0.45)),
    ("x-sin(x)", lambda m, x: x - m.sin(x), (0.1, 1.0)),
    ("iterated map", lambda m, x: _iterate(m, x, 20), (0.5, 2.0)),
    ("logistic 10", lambda m, x: _logistic(x, 10, 3.9), (0.3, 0.41)),
    ("logistic 25", lambda m, x: _logistic(x, 25, 3.7), (0.3,)),
    ("Newton sqrt", lambda m, x: _newton(m, x), (2.0, 100.0)),
    ("sum of exps", lambda m, x: m.exp(x) + m.exp(-50 * x), (0.01, 1.0)),
    ("sum of scales", lambda m, x: 10**6 * x + m.sin(50 * x), (1.0,)),
    ("tanh(1e6(x-1))", lambda m, x: m.tanh(10**6 * (x - 1)), (1.0, 1.0 + 1e-6)),
    ("tanh(1e12(x-1))", lambda m, x: m.tanh(10**12 * (x - 1)), (1.0,)),
    ("smooth abs", lambda m, x: m.sqrt(x * x + 1e-12), (1e-6, 1e-3, 1.0)),
    ("log(cosh)", lambda m, x: m.log(m.cosh(x)), (0.3, 10.0)),
    ("Planck", lambda m, x: x**3 / (m.exp(x) - 1), (1.0, 20.0)),
    ("Black-Scholes like", lambda m, x: x * m.erfc(m.log(x / 100) * -3) / 2, (90.0, 110.0)),
    ("distance", lambda m, x: m.sqrt((x - 3) ** 2 + 16), (0.0, 2.9)),
    ("pendulum energy", lambda m, x: 9.81 * (1 - m.cos(x)) + x * x / 2, (0.001, 1.0)),
    ("relu right", lambda m, x: x if x > 0 else 0 * x, (2.0, 1e-6, 1e-200)),
    ("|x-(1+1e-3)|", lambda m, x: abs(x - 1.001), (1.0,)),
    ("|x-(1+1e-6)|", lambda m, x: abs(x - 1.000001), (1.0,)),
    ("|x-(1+1e-9)|", lambda m, x: abs(x - 1.000000001), (1.0,)),
    ("5+|x-(1+1e-3)|", lambda m, x: 5 + abs(x - 1.001), (1.0,)),
    ("5+|x-(1+1e-6)|", lambda m, x: 5 + abs(x - 1.000001), (1.0,)),
    ("5+|x-(1+1e-9)|", lambda m, x: 5 + abs(x - 1.000000001), (1.0,)),
    ("exp|x-(1-1e-5)|", lambda m, x: m.exp(abs(x - 0.99999)), (1.0,)),
    ("max(x^2,x+1)", lambda m, x: max(x * x, x + 1), (1.6181, 1.5, 2.0)),
    ("Huber", lambda m, x: x * x / 2 if abs(x) < 1 else abs(x) - 0.5, (0.999, 1.001, 1.0, -3.0)),
    ("step 1e-3 away", lambda m, x: m.sin(x) + (1 if x > 1.001 else 0), (1.0,)),
    ("step 1e-6 away", lambda m, x: m.exp(x) + (1 if x < 0.999999 else 0), (1.0,)),
    ("x^3 sign", lambda m, x: x**3 if x > 0 else -(x**3), (0.1, 1e-4)),
    ("leaky relu", lambda m, x: x if x > 0 else 0.01 * x, (-0.5, -1e-7, 3.0)),
    ("1e5exp(x/10)", lambda m, x: m.exp(x / 10) * 1e5, (1.0,)),
    ("two exps", lambda m, x: m.exp(m.exp(x)), (1.0, 2.0, 5.0)),
    ("log log", lambda m, x: m.log(m.log(x)), (1.001, 10.0)),
    ("x exp(-x) far", lambda m, x: x * m.exp(-x), (30.0, 200.0)),
    ("sqrt(x^2+1)", lambda m, x: m.sqrt(x * x + 1), (1e-3, 1e8)),
    ("arrhenius", lambda m, x: 1e13 * m.exp(-12000 / x), (300.0, 1000.0)),
    ("relativity", lambda m, x: 1 / m.sqrt(1 - x * x / 9e16), (1e3, 1e6, 2.9e8)),
    ("kepler", lambda m, x: x - 0.9 * m.sin(x), (0.1, 3.0)),
]

# Derivatives that are exactly zero: name, function, point, scale.
ZEROS: list[tuple[str, Function, float, float]] = [
    ("constant", lambda x: 5.0, 1.0, 5.0),
    ("constant at 0", lambda x: 5.0, 0.0, 5.0),
    ("zero", lambda x: 0.0, 1.0, 1.0),
    ("0*sin", lambda x: 0.0 * math.sin(x), 2.0, 1.0),
    ("constant 1e-20", lambda x: 1e-20, 3.0, 1e-20),
    ("constant 1e20", lambda x: 1e20, 3.0, 1e20),
    ("constant at 1e9", lambda x: -7.5, 1e9, 1e-8),
    ("constant at 1e-300", lambda x: -7.5, 1e-300, 1.0),
    ("x^2 at 0", lambda x: x * x, 0.0, 1.0),
    ("cos at 0", math.cos, 0.0, 1.0),
    ("cosh at 0", math.cosh, 0.0, 1.0),
    ("x^4 at 0", lambda x: x**4, 0.0, 1.0),
    ("(x-1)^2 at 1", lambda x: (x - 1) ** 2, 1.0, 1.0),
    ("5+(x-1)^2 at 1", lambda x: 5 + (x - 1) ** 2, 1.0, 1.0),
    ("1e-20(x-1)^2 at 1", lambda x: 1e-20 * (x - 1) ** 2, 1.0, 1e-20),
    ("1e20 (x-3)^2 at 3", lambda x: 1e20 * (x - 3) ** 2, 3.0, 1e20),
    ("gauss at 0", lambda x: math.exp(-x * x), 0.0, 1.0),
    ("cos(1000x) at 0", lambda x: math.cos(1000 * x), 0.0, 1000.0),
    ("x^3 at 0", lambda x: x**3, 0.0, 1.0),
    ("exp(-1/x^2) at 0", lambda x: math.exp(-1 / x**2) if x else 0.0, 0.0, 1.0),
    ("relu flat", lambda x: max(x, 0.0), -1.0, 1.0),
    ("relu flat 1e-3", lambda x: max(x, 0.0), -1e-3, 1.0),
    ("relu flat 1e-6", lambda x: max(x - 1, 0.0), 1 - 1e-6, 1.0),
    ("relu flat 1e-9", lambda x: max(x - 1, 0.0), 1 - 1e-9, 1.0),
    ("5+relu flat 1e-6", lambda x: 5 + max(x - 1, 0.0), 1 - 1e-6, 1.0),
    ("relu squared at 0", lambda x: max(x, 0.0) ** 2, 0.0, 1.0),
    ("floor", lambda x: float(math.floor(x)), 2.5, 1.0),
    ("round", lambda x: float(round(x)), 7.2, 1.0),
    ("clip", lambda x: min(max(x, -1.0), 1.0), 3.0, 1.0),
    ("sign", lambda x: math.copysign(1.0, x), 1e-5, 1.0),
    ("|x|^1.5 at 0", lambda x: abs(x) ** 1.5, 0.0, 1.0),
    ("x|x| at 0", lambda x: x * abs(x), 0.0, 1.0),
    ("1e9+cos at 0", lambda x: 1e9 + math.cos(x), 0.0, 1.0),
    ("float32 cos at 0", lambda x: single(math.cos(x)), 0.0, 1.0),
    ("sin^2+cos^2", lambda x: math.sin(x) ** 2 + math.cos(x) ** 2, 1.0, 1.0),
]

# The same, with values rounded to float32.
ROUNDED: list[tuple[str, Formula, tuple[float, ...]]] = [
    ("float32 sin", lambda m, x: m.sin(x), (1.0, 0.3)),
    ("float32 exp", lambda m, x: m.exp(x), (1.0, -3.0)),
    ("float32 x^2", lambda m, x: x * x, (3.0,)),
    ("float32 log", lambda m, x: m.log(x), (5.0,)),
    ("float32 sigmoid", lambda m, x: 1 / (1 + m.exp(-x)), (0.5,)),
    ("float32 gauss", lambda m, x: m.exp(-x * x / 2), (1.0,)),
]

BREAKS: list[Break] = [
    Break("|x|", abs, 0.0, "kink"),
    Break("|x-1|", lambda x: abs(x - 1), 1.0, "kink"),
    Break("5+|x-1|", lambda x: 5 + abs(x - 1), 1.0, "kink"),
    Break("1e-20|x-1|", lambda x: 1e-20 * abs(x - 1), 1.0, "kink"),
    Break("1e20|x-1|", lambda x: 1e20 * abs(x - 1), 1.0, "kink"),
    Break("1e9+|x-1|", lambda x: 1e9 + abs(x - 1), 1.0, "kink"),
    Break("5x+1e-4|x-1|", lambda x: 5 * x + 1e-4 * abs(x - 1), 1.0, "kink"),
    Break("|x-1e9|", lambda x: abs(x - 1e9), 1e9, "kink"),
    Break("|x-1e-9|", lambda x: abs(x - 1e-9), 1e-9, "kink"),
    Break("relu", lambda x: max(x, 0.0), 0.0, "kink"),
    Break("relu(x-2)", lambda x: max(x - 2, 0.0), 2.0, "kink"),
    Break("leaky relu", lambda x: x if x > 0 else 0.01 * x, 0.0, "kink"),
    Break("|sin|", lambda x: abs(math.sin(x)), math.pi, "kink"),
    Break("|sin(1000x)|", lambda x: abs(math.sin(1000 * x)), 0.0, "kink"),
    Break("exp|x|", lambda x: math.exp(abs(x)), 0.0, "kink"),
    Break("exp(-|x|)", lambda x: math.exp(-abs(x)), 0.0, "kink"),
    Break("max(x^2,x)", lambda x: max(x * x, x), 1.0, "kink"),
    Break("min(x,3-x)", lambda x: min(x, 3 - x), 1.5, "kink"),
    Break("clip", lambda x: min(max(x, -1.0), 1.0), 1.0, "kink"),
    Break("sqrt(x^2)", lambda x: math.sqrt(x * x), 0.0, "kink"),
    Break("kink 1e-14 away", lambda x: abs(x - (1 + 1e-14)), 1.0, "kink"),
    Break("5+kink 1e-13 away", lambda x: 5 + abs(x - (1 + 1e-13)), 1.0, "kink"),
    Break("max(sin,cos)", lambda x: max(math.sin(x), math.cos(x)), math.pi / 4, "kink"),
    Break("float32 |x-1|", lambda x: single(5 + abs(x - 1)), 1.0, "kink"),
    Break("x mod 1 at 2", lambda x: x % 1.0, 2.0, "jump"),
    Break("floor", lambda x: float(math.floor(x)), 3.0, "jump"),
    Break("step at 1", lambda x: float(x >= 1), 1.0, "jump"),
    Break("step at 1, open", lambda x: float(x > 1), 1.0, "jump"),
    Break("sign", lambda x: math.copysign(1.0, x), 0.0, "jump"),
    Break("5x+step", lambda x: 5 * x + (x >= 1), 1.0, "jump"),
    Break("small step", lambda x: math.sin(x) + 1e-4 * (x >= 1), 1.0, "jump"),
    Break("1e-20 step", lambda x: 1e-20 * (x >= 1), 1.0, "jump"),
    Break("spike", lambda x: float(x == 1), 1.0, "jump"),
    Break("hole", lambda x: math.cos(x) if x else 3.0, 0.0, "jump"),
    Break("atan(1/x)", lambda x: math.atan(1 / x) if x else 0.0, 0.0, "jump"),
    Break("round", lambda x: float(math.floor(x + 0.5)), 2.5, "jump"),
    Break("step at 1e9", lambda x: float(x >= 1e9), 1e9, "jump"),
    Break("sqrt", math.sqrt, 0.0, "infinite slope"),
    Break("5+sqrt", lambda x: 5 + math.sqrt(x), 0.0, "infinite slope"),
    Break("cbrt", math.cbrt, 0.0, "infinite slope"),
    Break("5+cbrt(x-1)", lambda x: 5 + math.cbrt(x - 1), 1.0, "infinite slope"),
    Break("sqrt|x-1|", lambda x: math.sqrt(abs(x - 1)), 1.0, "infinite slope"),
    Break("sqrt|x|", lambda x: math.sqrt(abs(x)), 0.0, "infinite slope"),
    Break("asin at 1", math.asin, 1.0, "infinite slope"),
    Break("acos at -1", math.acos, -1.0, "infinite slope"),
    Break("acosh at 1", math.acosh, 1.0, "infinite slope"),
    Break("x log x", lambda x: x * math.log(x) if x else 0.0, 0.0, "infinite slope"),
    Break("x^0.7", lambda x: x**0.7 if x >= 0 else math.nan, 0.0, "infinite slope"),
    Break("sqrt(1-x^2)", lambda x: math.sqrt(1 - x * x), 1.0, "infinite slope"),
    Break("1e-20sqrt", lambda x: 1e-20 * math.sqrt(x), 0.0, "infinite slope"),
]

# Slopes at the end of the domain, from the one side that there is.
EDGES: list[tuple[str, Function, float, float, float]] = [
    ("x^2 on x>=0", lambda x: x * x + 3 * x if x >= 0 else math.nan, 0.0, 3.0, 3.0),
    ("exp on x>=1", lambda x: math.exp(x) if x >= 1 else math.log(-1.0), 1.0, math.e, 3.0),
    ("sin on x<=1", lambda x: math.sin(x) if x <= 1 else math.inf, 1.0, math.cos(1.0), 1.0),
    ("5+3x on x>=0", lambda x: 5 + 3 * x if x >= 0 else math.nan, 1e-12, 3.0, 3.0),
    ("sqrt^3", lambda x: math.sqrt(x) ** 3, 0.0, 0.0, 1.0),
    ("3+sqrt^5 at 1", lambda x: 3 + math.sqrt(x - 1) ** 5, 1.0, 0.0, 1.0),
]


@functools.cache
def smooth_cases() -> tuple[Case, ...]:
    """All correct derivatives."""
    cases = []
    for formulas, wrap in ((FORMULAS, _real), (ROUNDED, _float32)):
        for name, formula, points in formulas:
            for point in points:
                truth = truth_of(formula, point)
                cases.append(Case(f"{name} at {point!r}", wrap(formula), point, truth, abs(truth)))
    cases += [Case(name, function, point, 0.0, scale) for name, function, point, scale in ZEROS]
    cases += [Case(f"{n}, edge", f, point, truth, scale) for n, f, point, truth, scale in EDGES]
    return tuple(cases)


def planted(case: Case) -> Iterator[tuple[str, float]]:
    """Wrong claims for a case: what is wrong, and the claim."""
    truth, scale = case.truth, case.scale
    if truth == 0.0:
        for size in (1e-3, -0.1, 1.0, 1e6):
            yield f"{size:g} of the scale for zero", size * scale
        return
    yield "0.1% too large", truth * 1.001
    yield "0.1% too small", truth * 0.999
    yield "1% too small", truth * 0.99
    yield "sign", -truth
    yield "factor 2", truth * 2
    yield "zero", 0.0
    yield "missing term", truth * 0.75
