"""The functions of `ieee` once more, as machine code: in the operations of a `Machine`, with the same results.

Each takes the machine and its operands, variables or constants, and gives the operand of the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from microgrady.arithmetic import special

if TYPE_CHECKING:
    from microgrady.arithmetic.backend import Condition, Machine, Operand

Form = Callable[..., "Operand"]


# What is an instruction of its own, and so a method of the machine.
INSTRUCTIONS = {"neg", "add", "sub", "mul", "div", "sqrt", "abs", "floor", "ceil", "trunc", "copysign"}


def operation(name: str) -> Form:
    """An instruction, or else a function of the C library."""
    if name in INSTRUCTIONS:
        return lambda machine, *operands: getattr(machine, name)(*operands)
    return lambda machine, *operands: machine.call(name, *operands)


def same(machine: Machine, x: Operand) -> Operand:
    """The operand itself."""
    return x


def multiple(factor: float) -> Form:
    """The product of the operand and a number."""
    return lambda machine, x: machine.mul(x, factor)


def floor_divide(machine: Machine, a: Operand, b: Operand) -> Operand:
    """As Python's float.__floordiv__ has it: the remainder is exact, so the quotient is nearly a whole number."""
    remainder = machine.call("fmod", a, b)
    quotient = machine.div(machine.sub(a, remainder), b)
    below = machine.both(machine.negated(machine.equal(remainder, 0.0)), _signs_differ(machine, remainder, b))
    quotient = machine.select(below, machine.sub(quotient, 1.0), quotient)
    whole = machine.floor(quotient)
    whole = machine.select(
        machine.less(0.5, machine.sub(quotient, whole)),
        machine.add(whole, 1.0),
        whole,
    )
    true_quotient = machine.div(a, b)
    result = machine.select(machine.equal(quotient, 0.0), machine.copysign(0.0, true_quotient), whole)
    return machine.select(machine.equal(b, 0.0), true_quotient, result)


def modulo(machine: Machine, a: Operand, b: Operand) -> Operand:
    """The remainder with the sign of b."""
    remainder = machine.call("fmod", a, b)
    moved = machine.select(_signs_differ(machine, remainder, b), machine.add(remainder, b), remainder)
    return machine.select(machine.equal(remainder, 0.0), machine.copysign(0.0, b), moved)


def remainder(machine: Machine, a: Operand, b: Operand) -> Operand:
    """The library's, where a zero has the sign of a, which not all libraries give it."""
    result = machine.call("remainder", a, b)
    return machine.select(machine.equal(result, 0.0), machine.copysign(0.0, a), result)


def _signs_differ(machine: Machine, remainder: Operand, b: Operand) -> Condition:
    return machine.less(machine.mul(machine.copysign(1.0, remainder), b), 0.0)


def power(machine: Machine, a: Operand, b: Operand) -> Operand:
    """A product for a square, else a call."""
    return machine.choose(
        machine.equal(b, 2.0),
        lambda: machine.mul(a, a),
        lambda: machine.call("pow", a, b),
    )


def cbrt(machine: Machine, x: Operand) -> Operand:
    """The library's root and a step of Newton's."""
    root = machine.call("cbrt", x)
    excess = machine.sub(machine.div(x, machine.mul(root, root)), root)
    mended = machine.add(root, machine.div(excess, 3.0))
    size = machine.abs(root)
    return machine.select(
        machine.both(machine.less(0.0, size), machine.less(size, math.inf)),
        mended,
        root,
    )


def sech(machine: Machine, x: Operand) -> Operand:
    """1 / cosh(x) by way of exp(-abs(x))."""
    small = _small_exp(machine, x)
    return machine.div(machine.mul(2.0, small), machine.add(1.0, machine.mul(small, small)))


def _small_exp(machine: Machine, x: Operand) -> Operand:
    return machine.call("exp", machine.neg(machine.abs(x)))


def sigmoid(machine: Machine, x: Operand) -> Operand:
    """Both forms of it share one exponential."""
    return _sigmoid(machine, x, _small_exp(machine, x))


def _sigmoid(machine: Machine, x: Operand, small: Operand) -> Operand:
    return machine.div(machine.select(machine.less(x, 0.0), small, 1.0), machine.add(1.0, small))


def softplus(machine: Machine, x: Operand) -> Operand:
    """Likewise."""
    logarithm = machine.call("log1p", _small_exp(machine, x))
    return machine.select(machine.less_equal(x, 0.0), logarithm, machine.add(x, logarithm))


def log_sigmoid(machine: Machine, x: Operand) -> Operand:
    """A softplus turned round."""
    return machine.neg(softplus(machine, machine.neg(x)))


def logaddexp(machine: Machine, a: Operand, b: Operand) -> Operand:
    """The larger operand and what the smaller one adds to it."""
    logarithm = machine.call("log1p", _small_exp(machine, machine.sub(a, b)))
    return machine.select(
        machine.equal(a, b),
        machine.add(a, math.log(2.0)),
        machine.add(largest(machine, a, b), logarithm),
    )


def exp_share(machine: Machine, a: Operand, b: Operand) -> Operand:
    """A sigmoid and what rounding took from its operand."""
    return machine.select(_both_shares_are_zero(machine, a, b), 0.0, _exp_shares(machine, a, b)[0])


def exp_share_slope(machine: Machine, a: Operand, b: Operand) -> Operand:
    """The shares of both operands, from one exponential."""
    share, other = _exp_shares(machine, a, b)
    return machine.select(_both_shares_are_zero(machine, a, b), 0.0, machine.mul(share, other))


def _both_shares_are_zero(machine: Machine, a: Operand, b: Operand) -> Condition:
    return machine.both(machine.equal(a, -math.inf), machine.equal(b, -math.inf))


def _exp_shares(machine: Machine, a: Operand, b: Operand) -> tuple[Operand, Operand]:
    difference = machine.sub(a, b)
    small = _small_exp(machine, difference)
    share = _sigmoid(machine, difference, small)
    other = _sigmoid(machine, machine.neg(difference), small)
    back = machine.sub(difference, a)
    rest = machine.sub(machine.sub(a, machine.sub(difference, back)), machine.add(b, back))
    finite = machine.less(machine.abs(difference), math.inf)
    more = machine.mul(share, machine.add(1.0, machine.mul(rest, other)))
    less = machine.mul(other, machine.sub(1.0, machine.mul(rest, share)))
    return machine.select(finite, more, share), machine.select(finite, less, other)


def copysign(machine: Machine, a: Operand, b: Operand) -> Operand:
    """The sign of a nan, which processors choose, is left alone."""
    return machine.select(_is_nan(machine, b), machine.abs(a), machine.copysign(a, b))


def largest(machine: Machine, a: Operand, b: Operand) -> Operand:
    """b if it is nan or not exceeded."""
    return machine.select(machine.either(machine.less_equal(a, b), _is_nan(machine, b)), b, a)


def smallest(machine: Machine, a: Operand, b: Operand) -> Operand:
    """Likewise."""
    return machine.select(machine.either(machine.less_equal(b, a), _is_nan(machine, b)), b, a)


def _is_nan(machine: Machine, x: Operand) -> Condition:
    return machine.negated(machine.equal(x, x))


def relu(machine: Machine, x: Operand) -> Operand:
    """The larger of x and 0."""
    return machine.select(machine.less_equal(x, 0.0), 0.0, x)


def greater(machine: Machine, a: Operand, b: Operand) -> Operand:
    """1 or 0, or nan where the operands are not ordered."""
    return machine.select(machine.less(b, a), 1.0, machine.select(machine.less_equal(a, b), 0.0, math.nan))


def sign(machine: Machine, x: Operand) -> Operand:
    """The difference of two comparisons with 0."""
    return machine.sub(greater(machine, x, 0.0), greater(machine, 0.0, x))


def power_of_two(machine: Machine, a: Operand, b: Operand) -> Operand:
    """1, 2**600 or 2**-600."""
    x, y = machine.abs(a), machine.abs(b)
    small = machine.both(machine.less(x, 1e-150), machine.less(y, 1e-150))
    large = machine.either(machine.less(1e150, x), machine.less(1e150, y))
    return machine.select(small, 2.0**600, machine.select(large, 2.0**-600, 1.0))


def hypot(machine: Machine, a: Operand, b: Operand) -> Operand:
    """The root of the squares, scaled."""
    scale = power_of_two(machine, a, b)
    x, y = machine.mul(a, scale), machine.mul(b, scale)
    root = machine.sqrt(machine.add(machine.mul(x, x), machine.mul(y, y)))
    infinite = machine.either(
        machine.equal(machine.abs(a), math.inf),
        machine.equal(machine.abs(b), math.inf),
    )
    return machine.select(infinite, math.inf, machine.div(root, scale))


def unit(machine: Machine, a: Operand, b: Operand) -> Operand:
    """An operand by the hypotenuse, scaled."""
    scale = power_of_two(machine, a, b)
    scale = machine.select(machine.less(scale, 1.0), 0.25, scale)
    x = machine.mul(a, scale)
    length = hypot(machine, x, machine.mul(b, scale))
    return machine.select(machine.equal(length, 0.0), 0.0, machine.div(x, length))


def over_square(machine: Machine, a: Operand, b: Operand) -> Operand:
    """An operand by the sum of the squares, scaled."""
    scale = power_of_two(machine, a, b)
    x, y = machine.mul(a, scale), machine.mul(b, scale)
    return machine.mul(machine.div(x, machine.add(machine.mul(x, x), machine.mul(y, y))), scale)


def over_square_slope(machine: Machine, a: Operand, b: Operand) -> Operand:
    """The difference and the sum of the operands, each by the sum of the squares, scaled."""
    scale = power_of_two(machine, a, b)
    x, y = machine.mul(a, scale), machine.mul(b, scale)
    square = machine.add(machine.mul(x, x), machine.mul(y, y))
    difference = machine.mul(machine.div(machine.sub(y, x), square), scale)
    return machine.mul(difference, machine.mul(machine.div(machine.add(y, x), square), scale))


def over_positive(machine: Machine, a: Operand, b: Operand) -> Operand:
    """A quotient, zero for two zeros and nan below."""
    zeros = machine.both(machine.equal(a, 0.0), machine.equal(b, 0.0))
    quotient = machine.select(zeros, 0.0, machine.div(a, b))
    return machine.select(machine.less(b, 0.0), math.nan, quotient)


def one_minus_square(machine: Machine, x: Operand) -> Operand:
    """As a product."""
    return machine.mul(machine.sub(1.0, x), machine.add(1.0, x))


def _in_normal_range(machine: Machine, x: Operand) -> Condition:
    size = machine.abs(x)
    return machine.both(machine.less(1e-290, size), machine.less(size, math.inf))


def div_square(machine: Machine, a: Operand, b: Operand) -> Operand:
    """Two divisions, or where the first loses digits two others."""
    quotient = machine.div(a, b)
    size = machine.abs(quotient)
    return machine.choose(
        machine.both(machine.less(0.0, size), machine.less(size, 1e-290)),
        lambda: machine.mul(
            machine.mul(a, machine.div(2.0**60, b)),
            machine.div(2.0**-60, b),
        ),
        lambda: machine.div(quotient, b),
    )


def power_log(machine: Machine, a: Operand, b: Operand) -> Operand:
    """In two halves where the whole power leaves the range."""
    whole, logarithm = power(machine, a, b), machine.call("log", a)

    def in_halves() -> Operand:
        half = power(machine, a, machine.div(b, 2.0))
        return machine.mul(machine.mul(half, logarithm), half)

    positive = machine.both(machine.less(0.0, a), machine.less(a, math.inf))
    product = machine.choose(
        machine.either(_in_normal_range(machine, whole), machine.negated(positive)),
        lambda: machine.mul(whole, logarithm),
        in_halves,
    )
    zero = machine.both(machine.equal(a, 0.0), machine.less_equal(0.0, b))
    return machine.select(zero, 0.0, product)


def scaled_power(machine: Machine, factor: Operand, a: Operand, b: Operand, whole: float) -> Operand:
    """A factor and a power, in two halves where the power alone leaves the range."""
    finite = machine.less(machine.abs(b), math.inf)
    fractional = machine.both(finite, machine.negated(machine.equal(b, machine.floor(b))))
    return machine.choose(
        machine.both(machine.both(machine.less(-math.inf, a), machine.less(a, 0.0)), fractional),
        lambda: math.nan,
        lambda: _real_power(machine, factor, a, b, whole),
    )


def _real_power(machine: Machine, factor: Operand, a: Operand, b: Operand, whole: float) -> Operand:
    lower, size = machine.sub(b, whole), machine.abs(a)
    finite = machine.less(machine.abs(b), math.inf)
    rest = machine.select(finite, _lost(machine, b, whole), 0.0)
    alone = power(machine, a, lower)

    def regained(almost: Operand) -> Operand:
        ordinary = machine.both(machine.less(0.0, machine.abs(almost)), machine.less(machine.abs(almost), math.inf))
        return machine.choose(
            machine.either(machine.equal(rest, 0.0), machine.negated(ordinary)),
            lambda: almost,
            lambda: machine.mul(almost, machine.add(1.0, machine.mul(rest, machine.call("log", size)))),
        )

    def in_halves() -> Operand:
        half = power(machine, size, machine.div(lower, 2.0))
        sign = power(machine, machine.copysign(1.0, a), lower)
        return regained(machine.mul(machine.mul(factor, machine.mul(sign, half)), half))

    inside = machine.both(machine.both(machine.less(0.0, size), machine.less(size, math.inf)), finite)
    return machine.choose(
        _in_normal_range(machine, alone),
        lambda: regained(machine.mul(factor, alone)),
        lambda: machine.choose(inside, in_halves, lambda: machine.mul(factor, alone)),
    )


def _lost(machine: Machine, b: Operand, whole: float) -> Operand:
    difference = machine.sub(b, whole)
    back = machine.sub(difference, b)
    return machine.add(machine.sub(b, machine.sub(difference, back)), machine.sub(-whole, back))


def power_slope(machine: Machine, a: Operand, b: Operand) -> Operand:
    """0 or a product for the commonest exponents."""
    return machine.choose(
        machine.equal(b, 0.0),
        lambda: 0.0,
        lambda: machine.choose(
            machine.equal(b, 2.0),
            lambda: machine.mul(2.0, a),
            lambda: scaled_power(machine, b, a, b, 1.0),
        ),
    )


def power_curve(machine: Machine, a: Operand, b: Operand) -> Operand:
    """A constant for the commonest exponents."""
    return machine.choose(
        machine.either(machine.equal(b, 0.0), machine.equal(b, 1.0)),
        lambda: 0.0,
        lambda: machine.choose(
            machine.equal(b, 2.0),
            lambda: 2.0,
            lambda: scaled_power(machine, machine.mul(b, machine.sub(b, 1.0)), a, b, 2.0),
        ),
    )


def power_mixed(machine: Machine, a: Operand, b: Operand) -> Operand:
    """A power and a logarithm, or their limit."""

    def at_zero() -> Operand:
        infinity = machine.select(machine.equal(b, 0.0), math.inf, machine.copysign(math.inf, machine.neg(b)))
        return machine.select(machine.less(1.0, b), 0.0, infinity)

    def elsewhere() -> Operand:
        factor = machine.add(1.0, machine.mul(b, machine.call("log", a)))
        return machine.choose(
            machine.both(machine.equal(a, math.inf), machine.less(b, 1.0)),
            lambda: 0.0,
            lambda: machine.choose(
                machine.less(0.0, a), lambda: scaled_power(machine, factor, a, b, 1.0), lambda: math.nan
            ),
        )

    zero = machine.both(machine.equal(a, 0.0), machine.equal(b, b))
    return machine.choose(zero, at_zero, elsewhere)


def xlogy(machine: Machine, x: Operand, y: Operand) -> Operand:
    """A product that is zero where its factor is."""
    return _product_with(machine, "log", x, y)


def xlog1py(machine: Machine, x: Operand, y: Operand) -> Operand:
    """A product that is zero where its factor is."""
    return _product_with(machine, "log1p", x, y)


def _product_with(machine: Machine, logarithm: str, x: Operand, y: Operand) -> Operand:
    zero = machine.both(machine.equal(x, 0.0), machine.equal(y, y))
    return machine.choose(zero, lambda: 0.0, lambda: machine.mul(x, machine.call(logarithm, y)))


def gated(machine: Machine, gate: Operand, x: Operand) -> Operand:
    """A product that is zero where its gate is."""
    return machine.select(machine.equal(gate, 0.0), 0.0, machine.mul(gate, x))


def polynomial(machine: Machine, coefficients: Sequence[float], x: Operand) -> Operand:
    """By Horner's rule."""
    result: Operand = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        result = machine.add(machine.mul(result, x), coefficient)
    return result


def _ratio(machine: Machine, over: Sequence[float], under: Sequence[float], x: Operand) -> Operand:
    return machine.div(polynomial(machine, over, x), polynomial(machine, under, x))


def digamma(machine: Machine, x: Operand) -> Operand:
    """By reflection below 0."""

    def reflected() -> Operand:
        rest = machine.sub(x, machine.floor(machine.add(x, 0.5)))
        cotangent = machine.div(math.pi, machine.call("tan", machine.mul(math.pi, rest)))
        result = machine.sub(_positive_digamma(machine, machine.sub(1.0, x)), cotangent)
        regular = machine.either(machine.less(0.0, rest), machine.less(rest, 0.0))
        pole = machine.neg(machine.copysign(math.inf, x))
        return machine.select(machine.equal(x, 0.0), pole, machine.select(regular, result, math.nan))

    return machine.choose(machine.less_equal(x, 0.0), reflected, lambda: _positive_digamma(machine, x))


def _positive_digamma(machine: Machine, x: Operand) -> Operand:
    def far() -> Operand:
        inverse = machine.div(1.0, x)
        z = machine.mul(inverse, inverse)
        front = machine.sub(machine.call("log", x), machine.div(0.5, x))
        return machine.sub(front, machine.mul(z, polynomial(machine, special.DIGAMMA_FAR, z)))

    def near() -> Operand:
        shifted: Operand = x
        shift: Operand = 0.0
        for _ in range(8):
            large = machine.less(2.0, shifted)
            lower = machine.sub(shifted, 1.0)
            shift = machine.select(large, machine.add(shift, machine.div(1.0, lower)), shift)
            shifted = machine.select(large, lower, shifted)
        small = machine.less(shifted, 1.0)
        shift = machine.select(small, machine.div(-1.0, shifted), shift)
        shifted = machine.select(small, machine.add(shifted, 1.0), shifted)
        distance = shifted
        for part in special.DIGAMMA_ZERO:
            distance = machine.sub(distance, part)
        ratio = _ratio(machine, special.DIGAMMA_OVER, special.DIGAMMA_UNDER, machine.sub(shifted, 1.0))
        scaled = machine.mul(distance, special.DIGAMMA_SCALE)
        return machine.add(shift, machine.add(scaled, machine.mul(distance, ratio)))

    return machine.choose(machine.less_equal(10.0, x), far, near)


def gamma_slope(machine: Machine, x: Operand) -> Operand:
    """A product, of which the first factor is taken where it is larger if it would lose digits."""
    slope = digamma(machine, x)

    def lifted() -> Operand:
        product = machine.mul(slope, machine.call("tgamma", machine.add(x, 24.0)))
        for k in range(23, -1, -1):
            product = machine.div(product, machine.add(x, float(k)))
        return product

    return machine.choose(
        machine.both(machine.less(-192.0, x), machine.less(x, -150.0)),
        lifted,
        lambda: machine.mul(machine.call("tgamma", x), slope),
    )


def erfcx(machine: Machine, x: Operand) -> Operand:
    """Three ratios of polynomials, and what a negative operand adds."""
    size = machine.abs(x)

    def near() -> Operand:
        z = machine.mul(x, x)
        ratio = _ratio(machine, special.ERF_OVER, special.ERF_UNDER, z)
        return machine.mul(machine.call("exp", z), machine.sub(1.0, machine.mul(x, ratio)))

    def beyond() -> Operand:
        inverse = machine.div(1.0, size)
        z = machine.mul(inverse, inverse)
        ratio = _ratio(machine, special.FAR_OVER, special.FAR_UNDER, z)
        return machine.div(machine.sub(1.0 / special.ROOT_PI, machine.mul(z, ratio)), size)

    def far() -> Operand:
        result = machine.choose(
            machine.less_equal(size, 4.0),
            lambda: _ratio(machine, special.ERFCX_OVER, special.ERFCX_UNDER, size),
            beyond,
        )
        return machine.choose(
            machine.less_equal(0.0, x),
            lambda: result,
            lambda: machine.sub(machine.mul(2.0, _exp_of_square(machine, x, 1.0)), result),
        )

    return machine.choose(machine.less(size, 0.46875), near, far)


def _exp_of_square(machine: Machine, x: Operand, sign: float) -> Operand:
    size = smallest(machine, machine.abs(x), 30.0)
    front = machine.mul(machine.floor(machine.mul(size, 1024.0)), 1.0 / 1024.0)
    rest = machine.mul(machine.sub(size, front), machine.add(size, front))
    square = machine.mul(front, front)
    if sign < 0.0:
        square, rest = machine.neg(square), machine.neg(rest)
    return machine.mul(machine.call("exp", square), machine.call("exp", rest))


def erfc_hazard(machine: Machine, x: Operand) -> Operand:
    """By erfc where it is nearly 2, else by erfcx."""
    return machine.choose(
        machine.less(x, -5.0),
        lambda: machine.div(_exp_of_square(machine, x, -1.0), machine.call("erfc", x)),
        lambda: machine.div(1.0, erfcx(machine, x)),
    )


def log_erfc(machine: Machine, x: Operand) -> Operand:
    """By erf where that is small, else by erfcx."""
    return machine.choose(
        machine.less(x, 0.5),
        lambda: machine.call("log1p", machine.neg(machine.call("erf", x))),
        lambda: machine.sub(machine.call("log", erfcx(machine, x)), machine.mul(x, x)),
    )


def sinc(machine: Machine, x: Operand) -> Operand:
    """The sine of an angle that was reduced exactly, by the angle."""
    turns = machine.floor(machine.add(machine.mul(0.5, x), 0.5))
    rest = machine.sub(x, machine.mul(2.0, turns))
    beyond = machine.less(0.5, machine.abs(rest))
    rest = machine.select(beyond, machine.sub(machine.copysign(1.0, rest), rest), rest)
    sine = machine.call("sin", machine.mul(math.pi, rest))
    return machine.select(machine.equal(x, 0.0), 1.0, machine.div(sine, machine.mul(math.pi, x)))


def first(machine: Machine, a: Operand, b: Operand) -> Operand:
    """The first operand."""
    return a
