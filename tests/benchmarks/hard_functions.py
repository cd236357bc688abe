"""Functions on which gradient checkers go wrong, in random families: minima, steps, kinks of the slope, cusps.

A trial is a function, a point, the right derivative and some wrong ones. The right one must raise no alarm,
none of the wrong ones may match.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from microgrady.checking import Verdict, judge, numeric_derivative

Function = Callable[[float], float]


@dataclass(frozen=True)
class Trial:
    """A derivative, and wrong claims about it.

    Attributes:
        name: The function and the point.
        function: In floats.
        point: Where.
        right: The derivative there; nan if there is none.
        wrong: Claims that must not match.
        open: Whether "not differentiable" is as good an answer.
    """

    name: str
    function: Function
    point: float
    right: float
    wrong: tuple[float, ...]
    open: bool = False


Family = Callable[[random.Random], Trial]


def beside(right: float, scale: float) -> tuple[float, ...]:
    """Wrong claims beside a right one, where slopes around are of that size."""
    far = max(abs(right), scale)
    return (
        right + 0.01 * far,
        right - 0.01 * far,
        right + far,
        right - 3 * far,
        *(() if right == 0.0 else (0.0, -right)),
    )


# Minima at which all residuals are exactly 0


def integer_least_squares(r: random.Random) -> Trial:
    """Sums of squares of polynomials with integer coefficients, at an integer."""
    point = r.choice((-1, 1)) * r.randrange(1, 30)
    rows = []
    scale = 0.0
    for _ in range(r.randrange(1, 6)):
        a, b = r.randrange(-9, 10), r.randrange(1, 10)
        rows.append((a, b, a * point * point + b * point))
        scale += (2 * a * point + b) ** 2 * abs(point)

    def function(x: float) -> float:
        return sum((a * x**2 + b * x - c) ** 2 for a, b, c in rows)

    return Trial(f"{rows} at {point}", function, float(point), 0.0, beside(0.0, max(scale, 1.0)))


def squares_of_products(r: random.Random) -> Trial:
    """Squares of products of distances to roots, at a root."""
    roots = [float(r.randrange(-9, 10)) / r.choice((1, 2, 4)) for _ in range(r.randrange(1, 4))]
    point = roots[0] or 1.0
    roots[0] = point
    size = 10.0 ** r.uniform(-3, 3)
    slope = math.prod(abs(point - root) or 1.0 for root in roots[1:])

    def function(x: float) -> float:
        return float(size * math.prod(x - root for root in roots) ** 2)

    wide = size * slope**2 * abs(point)
    return Trial(f"{size}*prod(x-{roots})^2 at {point}", function, point, 0.0, beside(0.0, wide))


def powers_of_distances(r: random.Random) -> Trial:
    """(x^n - c)^k at an exact root, k even or larger than 2."""
    n, k, point = r.choice((1, 2, 3)), r.choice((2, 3, 4, 6)), float(r.randrange(1, 40)) / r.choice((1, 2, 8))
    c, size = point**n, 10.0 ** r.uniform(-3, 3)
    wide = size * (n * c) ** k / point
    return Trial(f"(x^{n}-{c})^{k} at {point}", lambda x: size * (x**n - c) ** k, point, 0.0, beside(0.0, wide))


def smooth_residuals(r: random.Random) -> Trial:
    """Squares of smooth residuals that vanish as floats at the point."""
    a, b, point = r.uniform(0.5, 3), r.uniform(0.1, 2), r.uniform(0.1, 3)
    inner: Function = r.choice(
        (
            lambda x: 1 + a * math.exp(b * x),
            lambda x: a * math.sin(b * x),
            lambda x: a * math.tanh(b * x) + 1,
            lambda x: a / (1 + math.exp(-b * x)),
            lambda x: math.log(a + b * x),
            lambda x: math.sqrt(a + x) * b,
            lambda x: a * x**b,
        )
    )
    target, power = inner(point), r.choice((2, 2, 4))
    slope = abs(inner(point * 1.001) - inner(point * 0.999)) / (0.002 * point)
    wide = (slope * point) ** power / point
    function = lambda x: (inner(x) - target) ** power  # noqa: E731
    return Trial(f"residual a={a} b={b} at {point}", function, point, 0.0, beside(0.0, max(wide, 1e-3)))


def minima_with_offset(r: random.Random) -> Trial:
    """A minimum whose value is not 0: the same residuals and a constant."""
    base = r.choice((integer_least_squares, squares_of_products, smooth_residuals))(r)
    offset = r.choice((1.0, 5.0, -3.0, 1e3, 1e-6))
    return Trial(f"{offset} + {base.name}", lambda x: offset + base.function(x), base.point, 0.0, base.wrong)


# Steps


def _away(r: random.Random) -> float:
    """A point between two whole numbers, at times right beside one."""
    reach = r.choice((100.0, 1e3, 1e6))
    point = r.uniform(-reach, reach)
    if r.random() < 0.3:
        point = round(point) + r.choice((-1, 1)) * 10.0 ** r.uniform(-9, -2)
    return point


def _at_step(x: float) -> bool:
    """Whether a whole number is nearer than the smallest usable step."""
    return abs(x - round(x)) < 1e-12 * abs(x)


def steps(r: random.Random) -> Trial:
    """floor, ceil, trunc and round."""
    point = _away(r)
    name, function = r.choice(
        (("floor", math.floor), ("ceil", math.ceil), ("trunc", math.trunc), ("round", lambda x: math.floor(x + 0.5)))
    )
    near = _at_step(point + 0.5 if name == "round" else point)
    return Trial(f"{name} at {point!r}", lambda x: float(function(x)), point, 0.0, (1.0, -1.0, 0.1, 0.01), near)


def quotients_in_steps(r: random.Random) -> Trial:
    """x // d, and what is left: x % d."""
    point = _away(r)
    d = r.choice((1.0, 2.0, 0.5, 3.0, 0.1, 7.5, 360.0))
    near = _at_step(point / d)
    if r.random() < 0.5:
        return Trial(f"{point!r} // {d}", lambda x: x // d, point, 0.0, (1.0, -1.0, 1 / d, 0.1 / d), near)
    return Trial(f"{point!r} % {d}", lambda x: x % d, point, 1.0, (0.0, -1.0, 1.01, 0.9, 2.0), near)


def mixed_steps(r: random.Random) -> Trial:
    """Steps with a slope beside: x floor(x), floor(x) + sin(x), decimals cut off, (x % 1)^2."""
    point = _away(r)
    kind, near = r.randrange(4), _at_step(point)
    if kind == 0:
        right = float(math.floor(point))
        wrong = beside(right, 1.0)
        return Trial(f"x floor(x) at {point!r}", lambda x: x * math.floor(x), point, right, wrong, near)
    if kind == 1:
        right = math.cos(point)
        wrong = (right + 1, right + 0.1, right - 0.1)
        return Trial(f"floor(x)+sin(x) at {point!r}", lambda x: math.floor(x) + math.sin(x), point, right, wrong, near)
    if kind == 2:  # the slope 1 would be right if the function were x, rounded
        digits = r.choice((1, 2, 3))
        near = _at_step(point * 10**digits + 0.5)
        return Trial(f"round({point!r}, {digits})", lambda x: round(x, digits), point, 0.0, (-1.0, 0.1, 2.0), near)
    right = 2 * (point % 1.0)
    wrong = (right + 1, right - 0.1, -1.0)
    return Trial(f"(x%1)^2 at {point!r}", lambda x: (x % 1.0) ** 2, point, right, wrong, near)


# A continuous slope with a kink


def _bent(r: random.Random) -> tuple[str, Function, Function]:
    """A function whose slope has a kink at 0, and its slope."""
    a, c = 10.0 ** r.uniform(-1, 1), r.choice((1.0, 4.0, 16.0))
    choices: tuple[tuple[str, Function, Function], ...] = (
        ("sqrt(c+min(y,0)^2)", lambda y: math.sqrt(c + min(y, 0.0) ** 2), lambda y: min(y, 0.0) / math.sqrt(c + y * y)),
        ("cos(relu(y))", lambda y: math.cos(max(y, 0.0)), lambda y: -math.sin(max(y, 0.0))),
        ("relu^2", lambda y: max(y, 0.0) ** 2, lambda y: 2 * max(y, 0.0)),
        ("y|y|", lambda y: y * abs(y), lambda y: 2 * abs(y)),
        ("c+a y|y|", lambda y: c + a * y * abs(y), lambda y: 2 * a * abs(y)),
        ("y+relu^2", lambda y: y + max(y, 0.0) ** 2, lambda y: 1 + 2 * max(y, 0.0)),
        ("sin(y)+a y|y|", lambda y: math.sin(y) + a * y * abs(y), lambda y: math.cos(y) + 2 * a * abs(y)),
        ("huber", lambda y: y * y / 2 + y if y < 0 else y, lambda y: min(y, 0.0) + 1),
        ("elu", lambda y: math.expm1(y) if y < 0 else y, lambda y: math.exp(min(y, 0.0))),
        ("exp(relu^2)", lambda y: math.exp(max(y, 0.0) ** 2), lambda y: 2 * max(y, 0.0) * math.exp(max(y, 0.0) ** 2)),
        ("clip^2", lambda y: min(max(y, 0.0), 1.0) ** 2, lambda y: 2 * y if 0 < y < 1 else 0.0),
        ("relu^3", lambda y: max(y, 0.0) ** 3, lambda y: 3 * max(y, 0.0) ** 2),
        ("y^2 relu", lambda y: c + y * y * max(y, 0.0), lambda y: 3 * max(y, 0.0) ** 2),
        ("cosh(relu)", lambda y: math.cosh(max(y, 0.0)), lambda y: math.sinh(max(y, 0.0))),
    )  # fmt: skip
    return r.choice(choices)


def bent_slopes(r: random.Random) -> Trial:
    """The kink of the slope exactly at the point, scaled and shifted."""
    name, function, slope = _bent(r)
    unit = r.choice((1.0, 1.0, 10.0 ** r.uniform(-3, 3)))
    shift = r.choice((0.0, 0.0, 1.0, -2.5, r.uniform(-10, 10)))
    right = slope(0.0) * unit
    wide = unit * min(1.0, abs(shift) * unit or 1.0)
    whole = f"{name} of {unit}(x-{shift})"
    return Trial(whole, lambda x: function(unit * (x - shift)), shift, right, beside(right, wide))


def near_bent_slopes(r: random.Random) -> Trial:
    """The same beside the point."""
    name, function, slope = _bent(r)
    shift = r.choice((0.0, 1.0, -2.5, r.uniform(-10, 10)))
    distance = r.choice((-1, 1)) * 10.0 ** r.uniform(-12, -1)
    point = shift + distance
    right = slope(point - shift)
    wide = min(1.0, abs(shift) or 1.0)
    whole = f"{name} of x-{shift} at {point!r}"
    return Trial(
        whole, lambda x: function(x - shift), point, right, (right + 0.01 * wide, right - 0.01 * wide, right + wide)
    )


# Cusps, poles and kinks beside the point


def cusps(r: random.Random) -> Trial:
    """c + a |x - p|^q, with p very near."""
    power = r.uniform(0.3, 0.9)
    a, c = r.choice((-1, 1)) * 10.0 ** r.uniform(-1, 1), r.choice((0.0, 1.0, -3.0))
    point = r.choice((1.0, 1.0, r.uniform(0.5, 20), -r.uniform(0.5, 20)))
    exponent = r.uniform(-9, -8) if r.random() < 0.5 else r.uniform(-12, -3)
    place = point + r.choice((-1, 1)) * 10.0**exponent
    distance = point - place
    right = a * power * abs(distance) ** (power - 1) * math.copysign(1.0, distance)
    name = f"{c}+{a}|x-{place!r}|^{power} at {point!r}"
    wrong = (0.0, -right, right * 1.01, right * 0.99, 2 * right)
    return Trial(
        name, lambda x: c + a * abs(x - place) ** power, point, right, wrong, abs(distance) < 5e-12 * abs(point)
    )


def _inner(r: random.Random, place: float) -> tuple[str, Function, Function]:
    """A function that vanishes at the place, but for roundings, and its slope."""
    b, s = r.uniform(0.5, 10), 10.0 ** r.uniform(-3, 3)
    target = math.sqrt(place * place + b * b)
    choices: tuple[tuple[str, Function, Function], ...] = (
        ("x-p", lambda x: x - place, lambda x: 1.0),
        ("s(x-p)", lambda x: s * (x - place), lambda x: s),
        ("sx-sp", lambda x: s * x - s * place, lambda x: s),
        ("hypot(x,b)-c", lambda x: math.sqrt(x * x + b * b) - target, lambda x: x / math.sqrt(x * x + b * b)),
        ("x^2-p^2", lambda x: x * x - place * place, lambda x: 2 * x),
        ("x/p-1", lambda x: x / place - 1, lambda x: 1 / place),
        ("exp(x/p)-e", lambda x: math.exp(x / place) - math.e, lambda x: math.exp(x / place) / place),
        (
            "sin(pi x/p)",
            lambda x: math.sin(math.pi * x / place),
            lambda x: math.pi / place * math.cos(math.pi * x / place),
        ),
    )
    return r.choice(choices)


def _singular(r: random.Random) -> tuple[str, Function, Function]:
    """A function with a cusp, a kink, a pole or a jump at 0, and its slope."""
    q = r.uniform(0.3, 0.9)
    choices: tuple[tuple[str, Function, Function], ...] = (
        (f"|y|^{q}", lambda y: abs(y) ** q, lambda y: q * abs(y) ** (q - 1) * math.copysign(1.0, y)),
        ("sqrt|y|", lambda y: math.sqrt(abs(y)), lambda y: math.copysign(0.5 / math.sqrt(abs(y)), y)),
        (
            "log(1+sqrt|y|)",
            lambda y: math.log1p(math.sqrt(abs(y))),
            lambda y: math.copysign(0.5 / math.sqrt(abs(y)) / (1 + math.sqrt(abs(y))), y),
        ),
        ("|y|", abs, lambda y: math.copysign(1.0, y)),
        ("relu", lambda y: max(y, 0.0), lambda y: float(y > 0)),
        ("log|y|", lambda y: math.log(abs(y)), lambda y: 1 / y),
        ("y log|y|", lambda y: y * math.log(abs(y)), lambda y: math.log(abs(y)) + 1),
        ("jump", lambda y: float(y > 0), lambda y: 0.0),
    )
    return r.choice(choices)


def hidden_singularities(r: random.Random) -> Trial:
    """A cusp, kink, pole or jump of an inner function, nearer than about any usable step."""
    point = r.choice((1.0, r.uniform(0.5, 20), -r.uniform(0.5, 20), r.uniform(1, 9) * 10.0 ** r.uniform(-3, 3)))
    place = point + r.choice((-1, 1)) * abs(point) * 10.0 ** r.uniform(-16, -11)
    (inside, inner, inner_slope), (outside, outer, outer_slope) = _inner(r, place), _singular(r)
    unit, a = 1 / abs(point), r.choice((-1, 1)) * 10.0 ** r.uniform(-2, 2)
    rests: tuple[tuple[str, Function, Function], ...] = (
        ("0", lambda x: 0.0, lambda x: 0.0),
        ("1", lambda x: 1.0, lambda x: 0.0),
        ("0.01 x", lambda x: 0.01 * x, lambda x: 0.01),
        ("sin", lambda x: math.sin(unit * x), lambda x: unit * math.cos(unit * x)),
    )
    rest_name, rest, rest_slope = r.choice(rests)
    y = inner(point)
    if y == 0.0:  # the singularity is at the point
        return hidden_singularities(r)
    right = rest_slope(point) + a * outer_slope(y) * inner_slope(point)
    far = tuple(wrong for wrong in (rest_slope(point), 1e9 * unit) if abs(wrong - right) > 0.01 * abs(right))
    wrong = far if right == 0.0 else (-right, 1.01 * right, 0.99 * right, 2 * right, *far)
    name = f"{rest_name} + {a} {outside}({inside}), p={place!r} at {point!r}"
    return Trial(name, lambda x: rest(x) + a * outer(inner(x)), point, right, wrong, True)


def poles(r: random.Random) -> Trial:
    """A pole or a logarithm very near."""
    point = r.choice((1.0, r.uniform(0.5, 20)))
    place = point + r.choice((-1, 1)) * 10.0 ** r.uniform(-12, -3)
    d = point - place
    choices: tuple[tuple[str, Function, float], ...] = (
        ("1/(x-p)", lambda x: 1 / (x - place), -1 / d**2),
        ("log|x-p|", lambda x: math.log(abs(x - place)), 1 / d),
        ("x+1e-9/(x-p)", lambda x: x + 1e-9 / (x - place), 1 - 1e-9 / d**2),
        ("1/(x-p)^2", lambda x: 1 / (x - place) ** 2, -2 / d**3),
        ("(x-p)log|x-p|", lambda x: (x - place) * math.log(abs(x - place)), math.log(abs(d)) + 1),
    )
    name, function, right = r.choice(choices)
    wrong = (0.0, -right, right * 1.01, right * 0.99, 2 * right)
    return Trial(f"{name}, p={place!r} at {point!r}", function, point, right, wrong, abs(d) < 2e-12 * point)


def kinks(r: random.Random) -> Trial:
    """A kink or a jump very near."""
    point = r.choice((1.0, r.uniform(0.5, 20), -r.uniform(0.5, 20)))
    place = point + r.choice((-1, 1)) * 10.0 ** r.uniform(-12, -3)
    sign = math.copysign(1.0, point - place)
    after = float(point > place)
    a, c = 10.0 ** r.uniform(-1, 1), r.choice((0.0, 1.0, 5.0))
    choices: tuple[tuple[str, Function, float, float], ...] = (
        ("c+a|x-p|", lambda x: c + a * abs(x - place), a * sign, a),
        ("c+a relu(x-p)", lambda x: c + a * max(x - place, 0.0), a * after, a),
        ("sin+a relu(x-p)", lambda x: math.sin(x) + a * max(x - place, 0.0), math.cos(point) + a * after, a),
        ("sin+jump", lambda x: math.sin(x) + a * (x > place), math.cos(point), a),
        ("jump", lambda x: c + a * (x > place), 0.0, a),
        ("exp(|x-p|)", lambda x: math.exp(abs(x - place)), sign * math.exp(abs(point - place)), 1.0),
    )
    name, function, right, wide = r.choice(choices)
    near = abs(point - place) < 4e-12 * abs(point)
    wrong = (right + 0.01 * wide, right - 0.01 * wide, right + wide, right - wide)
    return Trial(f"{name} a={a} c={c} p={place!r} at {point!r}", function, point, right, wrong, near)


# Few digits


def _offset(r: random.Random, offset: float) -> tuple[str, Function, float, float]:
    """A function of ordinary size, its slope, and a point."""
    point = r.uniform(0.1, 3)
    choices: tuple[tuple[str, Function, float], ...] = (
        ("sin", math.sin, math.cos(point)),
        ("x^2", lambda x: x * x, 2 * point),
        ("exp", math.exp, math.exp(point)),
        ("log", math.log, 1 / point),
        ("3x", lambda x: 3 * x, 3.0),
        ("sin 50x", lambda x: math.sin(50 * x), 50 * math.cos(50 * point)),
        ("tanh", math.tanh, 1 / math.cosh(point) ** 2),
        ("x^3", lambda x: x**3, 3 * point**2),
    )
    name, function, right = r.choice(choices)
    return f"{offset}+{name} at {point!r}", lambda x: offset + function(x), right, point


def few_digits(r: random.Random) -> Trial:
    """A large constant beside a function: of its digits few are left, or none."""
    offset = r.choice((-1, 1)) * 10.0 ** r.uniform(8, 17)
    name, function, right, point = _offset(r, offset)
    wrong: tuple[float, ...] = (-right, 1.01 * right, 0.99 * right, 2 * right)
    if 100 * math.ulp(offset) < min(1.0, abs(right * point)):  # or else it is a constant, but for its rounding
        wrong = (0.0, *wrong)
    return Trial(name, function, point, right, wrong)


def cancelling_digits(r: random.Random) -> Trial:
    """The constant taken away again: what is left moves in small steps."""
    offset = r.choice((-1, 1)) * 10.0 ** r.uniform(4, 10)
    name, function, right, point = _offset(r, offset)
    wrong = (-right, 1.01 * right, 0.99 * right, 2 * right)
    return Trial(f"{name} - {offset}", lambda x: function(x) - offset, point, right, wrong)


ROUGH = (0.0, 1.0, -1.0, 10.0, 1000.0)


def rough_functions(r: random.Random) -> Trial:
    """Nowhere differentiable, as far as floats go; the estimate itself is a wrong claim too."""
    a, b = r.choice(((0.5, 3), (0.5, 13), (0.7, 7), (0.9, 11), (0.3, 5), (0.5, 2)))
    terms = range(math.ceil(40 / math.log2(b)) + 8)
    choices: tuple[tuple[str, Function], ...] = (
        ("Weierstrass", lambda x: sum(a**n * math.cos(b**n * math.pi * x) for n in terms)),
        ("Weierstrass of sines", lambda x: sum(a**n * math.sin(b**n * math.pi * x) for n in terms)),
        ("Takagi", lambda x: sum(abs(2**n * x - round(2**n * x)) / 2**n for n in range(50))),
        ("1+Weierstrass", lambda x: 1 + sum(a**n * math.cos(b**n * math.pi * x) for n in terms)),
        ("x + rough", lambda x: x + sum(a**n * math.cos(b**n * (x + 0.3)) for n in terms)),
        ("x + Takagi", lambda x: x + sum(abs(3**n * x - round(3**n * x)) / 3**n for n in range(33))),
    )
    name, function = r.choice(choices)
    # At 0, where floats are dense, a sum of so many sines is smooth.
    points = (0.5, 1.0, r.uniform(-2, 2)) if "sines" in name else (0.0, 0.0, 0.5, 1.0, r.uniform(-2, 2))
    point = r.choice(points)
    # An even sum of finitely many terms does have the slope 0 there.
    return Trial(f"{name} a={a} b={b} at {point!r}", function, point, math.nan, ROUGH[point == 0.0 :], True)


def fast_waves(r: random.Random) -> Trial:
    """sin(w x), with up to a billion waves in a unit."""
    w, point = 10.0 ** r.uniform(3, 10), r.choice((0.0, 1.0, r.uniform(-3, 3)))
    c = r.choice((0.0, 1.0))
    if r.random() < 0.5:
        right = w * math.cos(w * point)
        if abs(math.cos(w * point)) < 1e-2:
            point, right = 0.0, w
        return Trial(
            f"{c}+sin({w} x) at {point!r}", lambda x: c + math.sin(w * x), point, right, (0.0, -right, 1.01 * right)
        )
    right = -w * math.sin(w * point)
    return Trial(
        f"{c}+cos({w} x) at {point!r}", lambda x: c + math.cos(w * x), point, right, (right + 0.1 * w, right - 0.1 * w)
    )


def number_line_ends(r: random.Random) -> Trial:
    """Plain polynomials at subnormal numbers and near the largest float."""
    point = r.choice(
        (
            5e-324,
            -5e-324,
            1e-323,
            1e-320,
            1e-310,
            2.2e-308,
            -3e-308,
            1e-300,
            1.7e308,
            -1.7e308,
            1e308,
            1e300,
            1.79e308,
            math.ldexp(r.uniform(1, 2), r.choice((-1070, -1050, -1022, 1020, 1023))),
        )
    )
    choices: tuple[tuple[str, Function, float, tuple[float, ...]], ...] = (
        ("x", lambda x: x, 1.0, (0.0, -1.0, 1.01)),
        ("3x", lambda x: 3 * x, 3.0, (0.0, -3.0, 3.03)),
        ("x*x", lambda x: x * x, 2 * point, (1.0, -1.0) if abs(point) < 1 else (0.0,)),
        ("1+x", lambda x: 1 + x, 1.0, (0.0, 2.0, 1.01)),
        ("x/7", lambda x: x / 7, 1 / 7, (0.0, -1 / 7, 0.15)),
        ("|x|", abs, math.copysign(1.0, point), (2.0, 0.5)),
        ("sin x/1e9", lambda x: math.sin(x / 1e9), math.cos(point / 1e9) / 1e9, (2.0,)),
        ("x^3", lambda x: x * x * x, 3 * point * point, (1.0, -1.0) if abs(point) < 1 else (0.0,)),
        ("exp", lambda x: math.exp(x), math.exp(point) if point < 700 else math.inf, (2.0, -1.0)),
        ("x+x*x", lambda x: x + x * x, 1.0 + 2 * point, (0.0, 2.0)),
    )
    # Beyond 1e100 neighbouring floats are many waves apart.
    name, function, right, wrong = r.choice(
        [c for c in choices if _defined(c[1], point) and (abs(point) < 1e100 or "sin" not in c[0])]
    )
    return Trial(f"{name} at {point!r}", function, point, right, wrong, name == "|x|")


def _defined(function: Function, point: float) -> bool:
    try:
        return math.isfinite(function(point))
    except (OverflowError, TypeError):
        return False


FAMILIES: tuple[tuple[Family, int], ...] = (
    (integer_least_squares, 800),
    (squares_of_products, 300),
    (powers_of_distances, 300),
    (smooth_residuals, 600),
    (minima_with_offset, 300),
    (steps, 900),
    (quotients_in_steps, 600),
    (mixed_steps, 600),
    (bent_slopes, 4200),
    (near_bent_slopes, 2100),
    (cusps, 1974),
    (hidden_singularities, 1200),
    (poles, 600),
    (kinks, 900),
    (few_digits, 600),
    (cancelling_digits, 600),
    (rough_functions, 300),
    (fast_waves, 600),
    (number_line_ends, 600),
)


@dataclass
class Found:
    """What was said of the trials of a family.

    Attributes:
        alarms: Names of the trials whose right derivative was refused.
        misses: Names of those of which a wrong one matched.
        right: How often each verdict was given on a right derivative, and
        wrong: on a wrong one.
        calls: Of the function, in each trial.
    """

    alarms: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    calls: list[int] = field(default_factory=list)

    def add(self, trial: Trial) -> None:
        """One more trial."""
        estimate = numeric_derivative(trial.function, trial.point)
        self.calls.append(estimate.evaluations)
        described = f"{trial.name}: right {trial.right!r}, {estimate.kind} {estimate.value!r} ± {estimate.error:.2g}"
        claims = trial.wrong
        if trial.right == trial.right:
            verdict = judge(trial.right, estimate)
            self.right[str(verdict)] += 1
            broken = verdict is Verdict.NOT_DIFFERENTIABLE and not trial.open
            if verdict is Verdict.MISMATCH or broken:
                self.alarms.append(described)
        else:
            claims = (*claims, *filter(None, [estimate.value]))
        for claim in claims:
            verdict = judge(claim, estimate)
            self.wrong[str(verdict)] += 1
            if verdict is Verdict.MATCH:
                self.misses.append(f"{described}, claim {claim!r}")


def survey(family: Family, count: int, first: int = 0) -> Found:
    """Try `count` functions of a family, from seed `first` on."""
    found = Found()
    for seed in range(first, first + count):
        found.add(family(random.Random(f"{family.__name__} {seed}")))
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--family", default="", help="this one alone")
    parser.add_argument("--show", type=int, default=0, help="how many failures to print")


def run(options: argparse.Namespace) -> None:
    """Print a line for each family."""
    layout = "{:24} {:>6} {:>12} {:>6} {:>23} {:>9}"
    print(layout.format("family", "cases", "false alarms", "misses", "right: match/break/open", "calls"))
    for family, count in FAMILIES:
        if options.family not in family.__name__:
            continue
        found = survey(family, count, options.first)
        verdicts = (Verdict.MATCH, Verdict.NOT_DIFFERENTIABLE, Verdict.INCONCLUSIVE)
        said = " / ".join(str(found.right[str(verdict)]) for verdict in verdicts)
        calls = f"{statistics.median(found.calls):g} / {max(found.calls)}"
        print(layout.format(family.__name__, count, len(found.alarms), len(found.misses), said, calls), flush=True)
        for failure in [*found.alarms[: options.show], *found.misses[: options.show]]:
            print("   ", failure)
