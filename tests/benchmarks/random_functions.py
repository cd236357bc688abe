"""How honest the error bounds are, on random smooth functions: two families, true derivatives by mpmath."""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath

from microgrady.checking import Verdict, judge, numeric_derivative

Formula = Callable[[Any, Any], Any]  # of a namespace (PLAIN or EXACT) and x
Family = Callable[[int], tuple[Formula, float]]

WRONG_FACTORS = (1.001, 0.999, -1.0, 0.0, 2.0)
# A derivative below this part of the slopes around is zero for every purpose, and so are its multiples.
INVISIBLE = 1e-12


class Plain:
    """The functions of `math`, with failures as it raises them."""

    sin, cos, exp, tanh = math.sin, math.cos, math.exp, math.tanh
    sqrt, log, cosh, erf = math.sqrt, math.log, math.cosh, math.erf

    @staticmethod
    def const(value: float) -> float:
        """A number of the namespace."""
        return value


class Exact:
    """The same in mpmath."""

    sin, cos, exp, tanh = mpmath.sin, mpmath.cos, mpmath.exp, mpmath.tanh
    sqrt, log, cosh, erf = mpmath.sqrt, mpmath.log, mpmath.cosh, mpmath.erf
    const = mpmath.mpf


def _leaf(r: random.Random) -> Formula:
    a, b = r.uniform(-2, 2), r.uniform(-2, 2)
    return lambda m, u: m.const(a) * u + m.const(b)


def _tree(r: random.Random, depth: int) -> Formula:
    if depth == 0:
        return _leaf(r)
    kind = r.randrange(9)
    inner = _tree(r, depth - 1)
    if kind == 0:
        return lambda m, u: m.sin(inner(m, u))
    if kind == 1:
        return lambda m, u: m.tanh(inner(m, u))
    if kind == 2:
        return lambda m, u: m.exp(m.sin(inner(m, u)))
    if kind == 3:
        a, b, c = (r.uniform(-1, 1) for _ in range(3))

        def polynomial(m: Any, u: Any) -> Any:
            t = inner(m, u)
            return ((m.const(a) * t + m.const(b)) * t + m.const(c)) * t + 1

        return polynomial
    if kind == 4:
        return lambda m, u: 1 / (1 + inner(m, u) ** 2)
    other = _tree(r, depth - 1)
    if kind == 5:
        return lambda m, u: inner(m, u) + other(m, u)
    if kind == 6:
        return lambda m, u: inner(m, u) * other(m, u)
    if kind == 7:
        return lambda m, u: inner(m, u) / (2 + m.cos(other(m, u)))
    return lambda m, u: m.exp(-(inner(m, u) ** 2) / 4)


def trees(seed: int) -> tuple[Formula, float]:
    """Trees of sin, exp, tanh, polynomials, rationals; scales and offsets of x and f; and the point."""
    r = random.Random(seed)
    tree = _tree(r, r.choice((1, 2, 2, 3)))
    size = 10 ** r.uniform(-20, 20) if r.random() < 0.5 else 1.0
    offset = size * 10 ** r.uniform(0, 9) * r.choice((-1, 1)) if r.random() < 0.25 else 0.0
    stretch = 10 ** r.uniform(-6, 6) if r.random() < 0.5 else 1.0
    shift = r.uniform(-3, 3) if r.random() < 0.7 else 0.0
    point = r.uniform(-3, 3) / stretch if r.random() < 0.9 else 0.0
    if r.random() < 0.1:
        stretch, point = 10 ** r.uniform(0, 4), r.uniform(-100, 100)

    def formula(m: Any, x: Any) -> Any:
        inner = tree(m, m.const(stretch) * x + m.const(shift))
        return m.const(size) * inner + m.const(offset)

    return formula, point


def shapes(seed: int) -> tuple[Formula, float]:
    """Waves, powers, logarithms, pulses, quotients, iterations; scales and offsets; and the point."""
    r = random.Random(seed + 10**6)
    kind = r.randrange(6)
    unit = 10 ** r.uniform(-8, 8) if r.random() < 0.5 else 1.0
    size = 10 ** r.uniform(-15, 15) if r.random() < 0.5 else 1.0
    offset = size * r.uniform(-1, 1) * 10 ** r.uniform(0, 6) if r.random() < 0.2 else 0.0
    terms = [(r.uniform(-1, 1), r.uniform(0.1, 20), r.uniform(0, 6)) for _ in range(4)]
    a, b, c = r.uniform(0.2, 3), r.uniform(-3, 3), r.uniform(0.5, 2)
    point = r.uniform(0.1, 5) * unit

    def waves(m: Any, u: Any) -> Any:
        return sum(m.const(k) * m.sin(m.const(w) * u + m.const(p)) for k, w, p in terms)

    def powers(m: Any, u: Any) -> Any:
        return u ** m.const(b) * m.exp(-m.const(a) * u)

    def logarithms(m: Any, u: Any) -> Any:
        return m.log(m.const(a) + u * u) * m.sqrt(m.const(c) + u)

    def pulse(m: Any, u: Any) -> Any:
        return m.exp(-(((u - m.const(c)) * m.const(10 * a)) ** 2)) + u / 10

    def quotient(m: Any, u: Any) -> Any:
        return (u**3 - m.const(b) * u) / (m.const(a) + m.cosh(u)) + m.erf(u - m.const(c))

    def iterated(m: Any, u: Any) -> Any:
        for _ in range(6):
            u = m.const(a) * m.sin(u) + m.const(c)
        return u

    shape = (waves, powers, logarithms, pulse, quotient, iterated)[kind]

    def formula(m: Any, x: Any) -> Any:
        return m.const(size) * shape(m, x / m.const(unit)) + m.const(offset)

    return formula, point


FAMILIES: tuple[Family, ...] = (trees, shapes)


def truth(formula: Formula, point: float) -> float:
    """The derivative at the exact float that the point is, by a central difference in 120 digits."""
    with mpmath.workdps(120):
        x = mpmath.mpf(point)
        h = mpmath.mpf(10) ** -45 * (abs(x) or mpmath.mpf(10) ** -10)
        return float((formula(Exact, x + h) - formula(Exact, x - h)) / (2 * h))


def plain(formula: Formula) -> Callable[[float], float]:
    """The formula as a function of a float."""
    return lambda x: float(formula(Plain, x))


@dataclass
class Study:
    """What was found on the functions of one family.

    Attributes:
        inside: How often the true derivative was within the bound.
        bounds: Relative to the true derivative.
        errors: The true ones, relative too.
        calls: Of f.
        times: In seconds, without the calls of f; empty unless they are asked for.
        right: The verdicts on the true derivative.
        missed: How often a wrong claim matched.
        hidden: How often nothing was said of a wrong claim.
    """

    inside: int = 0
    bounds: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    right: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    hidden: int = 0

    def add(self, formula: Formula, point: float, timed: bool) -> None:
        """One more function."""
        function, exact = plain(formula), truth(formula, point)
        start = time.perf_counter()
        estimate = numeric_derivative(function, point)
        whole = time.perf_counter() - start
        if timed:
            start = time.perf_counter()
            for _ in range(estimate.evaluations):
                function(point)
            self.times.append(whole - (time.perf_counter() - start))
        distance = abs(estimate.value - exact)
        self.inside += distance <= estimate.error
        self.calls.append(estimate.evaluations)
        if exact:
            self.bounds.append(estimate.error / abs(exact))
            self.errors.append(distance / abs(exact))
        self.right[str(judge(exact, estimate))] += 1
        for factor in WRONG_FACTORS:
            verdict = judge(exact * factor, estimate)
            self.missed += verdict is Verdict.MATCH and abs(exact) > INVISIBLE * estimate.scale
            self.hidden += verdict is Verdict.INCONCLUSIVE


def study(family: Family, first: int, count: int, timed: bool = False) -> Study:
    """Estimate the derivatives of `count` functions of a family, from seed `first` on."""
    found = Study()
    for seed in range(first, first + count):
        found.add(*family(seed), timed)
    return found


def _share(values: list[float] | list[int], percent: int) -> float:
    return sorted(values)[min(len(values) * percent // 100, len(values) - 1)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--count", type=int, default=10_000, help="functions of each family (default: 10000)")


def run(options: argparse.Namespace) -> None:
    """Print coverage, tightness, calls, own time and verdicts for each family."""
    first, count = options.first, options.count
    if count < 1:
        raise SystemExit(f"--count must be at least 1, not {count}")
    for family in FAMILIES:
        found = study(family, first, count, timed=True)
        calls, microseconds = found.calls, [1e6 * seconds for seconds in found.times]
        bound, error = statistics.median(found.bounds), statistics.median(found.errors)
        print(f"{family.__name__}, seeds {first} to {first + count - 1}")
        print(f"  true derivative within the bound: {100 * found.inside / count:.3f}%")
        print(f"  median relative bound {bound:.1e}, median true error {error:.1e}")
        print(f"  calls of f: median {statistics.median(calls):g}, 99% {_share(calls, 99)}, at most {max(calls)}")
        shares = ", ".join(f"{percent}% {_share(microseconds, percent):.0f}" for percent in (50, 95, 99))
        print(f"  own time in microseconds: {shares}, at most {max(microseconds):.0f}")
        print("  right claims: " + ", ".join(f"{number} {verdict}" for verdict, number in found.right.most_common()))
        wrong = len(WRONG_FACTORS) * count
        print(f"  wrong claims: {found.missed} match, {found.hidden} inconclusive, of {wrong}", flush=True)
