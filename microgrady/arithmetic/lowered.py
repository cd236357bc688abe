"""The operations of the table once more, in the instructions of a `Backend`, to the same bits as on floats.

Each function has the name of its operation. It takes the backend and the operands, variables or constants, and
returns the operand of the result. An operation that has no function here is computed by Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from microgrady.arithmetic import floats, special

if TYPE_CHECKING:
    from microgrady.arithmetic.backend import Backend, Condition, Operand

Lowering = Callable[..., "Operand"]


INSTRUCTIONS = {"neg", "add", "sub", "mul", "div", "sqrt", "abs", "floor", "ceil", "trunc", "rint", "copysign"}


def lowering(name: str) -> Lowering:
    """Return what writes an instruction, a method of the backend, or else a call of a function of the C library."""
    if name in INSTRUCTIONS:
        return lambda backend, *operands: getattr(backend, name)(*operands)
    return lambda backend, *operands: backend.call(name, *operands)


neg, add, sub, mul, div = map(lowering, ("neg", "add", "sub", "mul", "div"))
sqrt, abs, floor, ceil, trunc = map(lowering, ("sqrt", "abs", "floor", "ceil", "trunc"))
exp, exp2, expm1 = map(lowering, ("exp", "exp2", "expm1"))
log, log2, log10, log1p = map(lowering, ("log", "log2", "log10", "log1p"))
sin, cos, tan, asin, acos, atan, atan2 = map(lowering, ("sin", "cos", "tan", "asin", "acos", "atan", "atan2"))
sinh, cosh, tanh, asinh, acosh, atanh = map(lowering, ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"))
erf, erfc, gamma, lgamma = map(lowering, ("erf", "erfc", "tgamma", "lgamma"))
round, fmod = map(lowering, ("rint", "fmod"))


def where(backend: Backend, x: Operand) -> Operand:
    """The operand itself."""
    return x


argument = where


def instead(backend: Backend, a: Operand, b: Operand) -> Operand:
    """The first operand."""
    return a


def radians(backend: Backend, x: Operand) -> Operand:
    """A multiple of the operand."""
    return backend.mul(x, floats.DEGREE)


def degrees(backend: Backend, x: Operand) -> Operand:
    """A multiple of the operand."""
    return backend.mul(x, floats.RADIAN)


def floordiv(backend: Backend, a: Operand, b: Operand) -> Operand:
    """As Python's float.__floordiv__ has it: the remainder is exact, so the quotient is nearly a whole number."""
    remainder = backend.call("fmod", a, b)
    quotient = backend.div(backend.sub(a, remainder), b)
    below = backend.both(backend.negated(backend.equal(remainder, 0.0)), _signs_differ(backend, remainder, b))
    quotient = backend.select(below, backend.sub(quotient, 1.0), quotient)
    whole = backend.floor(quotient)
    whole = backend.select(
        backend.less(0.5, backend.sub(quotient, whole)),
        backend.add(whole, 1.0),
        whole,
    )
    true_quotient = backend.div(a, b)
    result = backend.select(backend.equal(quotient, 0.0), backend.copysign(0.0, true_quotient), whole)
    return backend.select(backend.equal(b, 0.0), true_quotient, result)


def mod(backend: Backend, a: Operand, b: Operand) -> Operand:
    """The remainder with the sign of b."""
    remainder = backend.call("fmod", a, b)
    moved = backend.select(_signs_differ(backend, remainder, b), backend.add(remainder, b), remainder)
    return backend.select(backend.equal(remainder, 0.0), backend.copysign(0.0, b), moved)


def remainder(backend: Backend, a: Operand, b: Operand) -> Operand:
    """The library's, where a zero has the sign of a, which not all libraries give it."""
    result = backend.call("remainder", a, b)
    return backend.select(backend.equal(result, 0.0), backend.copysign(0.0, a), result)


def _signs_differ(backend: Backend, remainder: Operand, b: Operand) -> Condition:
    return backend.less(backend.mul(backend.copysign(1.0, remainder), b), 0.0)


def pow(backend: Backend, a: Operand, b: Operand) -> Operand:
    """A product for a square, else a call."""
    if not backend.exact:
        return _quick_power(backend, a, b)
    return backend.choose(
        backend.equal(b, 2.0),
        lambda: backend.mul(a, a),
        lambda: backend.call("pow", a, b),
    )


def _quick_power(backend: Backend, a: Operand, b: Operand) -> Operand:
    """Write products, quotients and roots for the commonest exponents, which round 3 times at most, else a call."""
    if isinstance(a, str) and b in (1.0, 2.0, 3.0, 4.0, -1.0, -2.0):
        base = a if b > 0.0 else backend.div(1.0, a)
        if b in (1.0, -1.0):
            return base
        square = backend.mul(base, base)
        return square if b in (2.0, -2.0) else backend.mul(square, square if b == 4.0 else base)
    if isinstance(a, str) and b in (0.5, -0.5, 1.5):
        root = backend.sqrt(backend.add(a, 0.0))  # that of -0.0 is 0.0 for a power
        root = backend.select(backend.equal(a, -math.inf), math.inf, root)
        return root if b == 0.5 else backend.div(1.0, root) if b < 0.0 else backend.mul(backend.abs(a), root)
    return backend.call("pow", a, b)


def cbrt(backend: Backend, x: Operand) -> Operand:
    """The library's root and a step of Newton's."""
    root = backend.call("cbrt", x)
    if not backend.exact:
        return root
    excess = backend.sub(backend.div(x, backend.mul(root, root)), root)
    mended = backend.add(root, backend.div(excess, 3.0))
    size = backend.abs(root)
    return backend.select(
        backend.both(backend.less(0.0, size), backend.less(size, math.inf)),
        mended,
        root,
    )


def sech(backend: Backend, x: Operand) -> Operand:
    """1 / cosh(x) by way of exp(-abs(x))."""
    small = _small_exp(backend, x)
    return backend.div(backend.mul(2.0, small), backend.add(1.0, backend.mul(small, small)))


def _small_exp(backend: Backend, x: Operand) -> Operand:
    return backend.call("exp", backend.neg(backend.abs(x)))


def sigmoid(backend: Backend, x: Operand) -> Operand:
    """Both forms of it share one exponential."""
    return _sigmoid(backend, x, _small_exp(backend, x))


def _sigmoid(backend: Backend, x: Operand, small: Operand) -> Operand:
    return backend.div(backend.select(backend.less(x, 0.0), small, 1.0), backend.add(1.0, small))


def softplus(backend: Backend, x: Operand) -> Operand:
    """The logarithm of 1 and the exponential of a number that is not positive."""
    logarithm = backend.call("log1p", _small_exp(backend, x))
    return backend.select(backend.less_equal(x, 0.0), logarithm, backend.add(x, logarithm))


def log_sigmoid(backend: Backend, x: Operand) -> Operand:
    """A softplus turned round."""
    return backend.neg(softplus(backend, backend.neg(x)))


def logaddexp(backend: Backend, a: Operand, b: Operand) -> Operand:
    """The larger operand and what the smaller one adds to it."""
    logarithm = backend.call("log1p", _small_exp(backend, backend.sub(a, b)))
    return backend.select(
        backend.equal(a, b),
        backend.add(a, math.log(2.0)),
        backend.add(maximum(backend, a, b), logarithm),
    )


def exp_share(backend: Backend, a: Operand, b: Operand) -> Operand:
    """A sigmoid and what rounding took from its operand."""
    return backend.select(_both_shares_are_zero(backend, a, b), 0.0, _exp_shares(backend, a, b)[0])


def exp_share_slope(backend: Backend, a: Operand, b: Operand) -> Operand:
    """The shares of both operands, from one exponential."""
    share, other = _exp_shares(backend, a, b)
    return backend.select(_both_shares_are_zero(backend, a, b), 0.0, backend.mul(share, other))


def _both_shares_are_zero(backend: Backend, a: Operand, b: Operand) -> Condition:
    return backend.both(backend.equal(a, -math.inf), backend.equal(b, -math.inf))


def _exp_shares(backend: Backend, a: Operand, b: Operand) -> tuple[Operand, Operand]:
    difference = backend.sub(a, b)
    small = _small_exp(backend, difference)
    share = _sigmoid(backend, difference, small)
    other = _sigmoid(backend, backend.neg(difference), small)
    back = backend.sub(difference, a)
    rest = backend.sub(backend.sub(a, backend.sub(difference, back)), backend.add(b, back))
    finite = backend.less(backend.abs(difference), math.inf)
    more = backend.mul(share, backend.add(1.0, backend.mul(rest, other)))
    less = backend.mul(other, backend.sub(1.0, backend.mul(rest, share)))
    return backend.select(finite, more, share), backend.select(finite, less, other)


def copysign(backend: Backend, a: Operand, b: Operand) -> Operand:
    """The sign of a nan, which processors choose, is left alone."""
    return backend.select(_is_nan(backend, b), backend.abs(a), backend.copysign(a, b))


def maximum(backend: Backend, a: Operand, b: Operand) -> Operand:
    """b if it is nan or not exceeded by a."""
    return backend.select(backend.either(backend.less_equal(a, b), _is_nan(backend, b)), b, a)


def minimum(backend: Backend, a: Operand, b: Operand) -> Operand:
    """b if it is nan or does not exceed a."""
    return backend.select(backend.either(backend.less_equal(b, a), _is_nan(backend, b)), b, a)


clip_low, clip_high = maximum, minimum


def _is_nan(backend: Backend, x: Operand) -> Condition:
    return backend.negated(backend.equal(x, x))


def relu(backend: Backend, x: Operand) -> Operand:
    """The larger of x and 0."""
    return backend.select(backend.less_equal(x, 0.0), 0.0, x)


def greater(backend: Backend, a: Operand, b: Operand) -> Operand:
    """1 or 0, or nan where the operands are not ordered."""
    return backend.select(backend.less(b, a), 1.0, backend.select(backend.less_equal(a, b), 0.0, math.nan))


def sign(backend: Backend, x: Operand) -> Operand:
    """The difference of two comparisons with 0."""
    return backend.sub(greater(backend, x, 0.0), greater(backend, 0.0, x))


def power_of_two(backend: Backend, a: Operand, b: Operand) -> Operand:
    """1, 2**600 or 2**-600."""
    x, y = backend.abs(a), backend.abs(b)
    small = backend.both(backend.less(x, 1e-150), backend.less(y, 1e-150))
    large = backend.either(backend.less(1e150, x), backend.less(1e150, y))
    return backend.select(small, 2.0**600, backend.select(large, 2.0**-600, 1.0))


def hypot(backend: Backend, a: Operand, b: Operand) -> Operand:
    """The root of the squares, scaled."""
    scale = power_of_two(backend, a, b)
    x, y = backend.mul(a, scale), backend.mul(b, scale)
    root = backend.sqrt(backend.add(backend.mul(x, x), backend.mul(y, y)))
    infinite = backend.either(
        backend.equal(backend.abs(a), math.inf),
        backend.equal(backend.abs(b), math.inf),
    )
    return backend.select(infinite, math.inf, backend.div(root, scale))


def unit(backend: Backend, a: Operand, b: Operand) -> Operand:
    """An operand by the hypotenuse, scaled."""
    scale = power_of_two(backend, a, b)
    scale = backend.select(backend.less(scale, 1.0), 0.25, scale)
    x = backend.mul(a, scale)
    length = hypot(backend, x, backend.mul(b, scale))
    return backend.select(backend.equal(length, 0.0), 0.0, backend.div(x, length))


def over_square(backend: Backend, a: Operand, b: Operand) -> Operand:
    """An operand by the sum of the squares, scaled."""
    scale = power_of_two(backend, a, b)
    x, y = backend.mul(a, scale), backend.mul(b, scale)
    return backend.mul(backend.div(x, backend.add(backend.mul(x, x), backend.mul(y, y))), scale)


def over_square_slope(backend: Backend, a: Operand, b: Operand) -> Operand:
    """The difference and the sum of the operands, each by the sum of the squares, scaled."""
    scale = power_of_two(backend, a, b)
    x, y = backend.mul(a, scale), backend.mul(b, scale)
    square = backend.add(backend.mul(x, x), backend.mul(y, y))
    difference = backend.mul(backend.div(backend.sub(y, x), square), scale)
    return backend.mul(difference, backend.mul(backend.div(backend.add(y, x), square), scale))


def over_positive(backend: Backend, a: Operand, b: Operand) -> Operand:
    """A quotient, zero for two zeros and nan below."""
    zeros = backend.both(backend.equal(a, 0.0), backend.equal(b, 0.0))
    quotient = backend.select(zeros, 0.0, backend.div(a, b))
    return backend.select(backend.less(b, 0.0), math.nan, quotient)


def one_minus_square(backend: Backend, x: Operand) -> Operand:
    """As a product."""
    return backend.mul(backend.sub(1.0, x), backend.add(1.0, x))


def _in_normal_range(backend: Backend, x: Operand) -> Condition:
    size = backend.abs(x)
    return backend.both(backend.less(1e-290, size), backend.less(size, math.inf))


def div_square(backend: Backend, a: Operand, b: Operand) -> Operand:
    """Two divisions, or where the first loses digits two others."""
    quotient = backend.div(a, b)
    size = backend.abs(quotient)

    def two_others() -> Operand:
        return backend.mul(backend.mul(a, backend.div(2.0**60, b)), backend.div(2.0**-60, b))

    def once_more() -> Operand:
        if backend.exact:
            return backend.div(quotient, b)
        divisor = backend.abs(b)
        return backend.choose(  # the reciprocal is often there already, as another derivative
            backend.both(backend.less(1e-300, divisor), backend.less(divisor, 1e300)),
            lambda: backend.mul(quotient, backend.div(1.0, b)),
            lambda: backend.div(quotient, b),
        )

    return backend.choose(
        backend.both(backend.less(0.0, size), backend.less(size, 1e-290)),
        two_others,
        once_more,
    )


def power_log(backend: Backend, a: Operand, b: Operand) -> Operand:
    """In two halves where the whole power leaves the range."""
    whole, logarithm = pow(backend, a, b), backend.call("log", a)

    def in_halves() -> Operand:
        half = pow(backend, a, backend.div(b, 2.0))
        return backend.mul(backend.mul(half, logarithm), half)

    positive = backend.both(backend.less(0.0, a), backend.less(a, math.inf))
    product = backend.choose(
        backend.either(_in_normal_range(backend, whole), backend.negated(positive)),
        lambda: backend.mul(whole, logarithm),
        in_halves,
    )
    zero = backend.both(backend.equal(a, 0.0), backend.less_equal(0.0, b))
    return backend.select(zero, 0.0, product)


def scaled_power(backend: Backend, factor: Operand, a: Operand, b: Operand, whole: float) -> Operand:
    """A factor and a power, in two halves where the power alone leaves the range."""
    finite = backend.less(backend.abs(b), math.inf)
    fractional = backend.both(finite, backend.negated(backend.equal(b, backend.floor(b))))
    return backend.choose(
        backend.both(backend.both(backend.less(-math.inf, a), backend.less(a, 0.0)), fractional),
        lambda: math.nan,
        lambda: _real_power(backend, factor, a, b, whole),
    )


def _real_power(backend: Backend, factor: Operand, a: Operand, b: Operand, whole: float) -> Operand:
    lower, size = backend.sub(b, whole), backend.abs(a)
    finite = backend.less(backend.abs(b), math.inf)
    rest = backend.select(finite, _lost(backend, b, whole), 0.0)
    alone = pow(backend, a, lower)

    def regained(almost: Operand) -> Operand:
        ordinary = backend.both(backend.less(0.0, backend.abs(almost)), backend.less(backend.abs(almost), math.inf))
        nothing = backend.equal(rest, 0.0)
        if not backend.exact:  # less than an ulp is gained where the logarithm is small
            little = backend.both(backend.less(1 / 16, size), backend.less(size, 16.0))
            nothing = backend.either(nothing, backend.both(backend.less_equal(backend.abs(rest), 2.0**-54), little))
        return backend.choose(
            backend.either(nothing, backend.negated(ordinary)),
            lambda: almost,
            lambda: backend.mul(almost, backend.add(1.0, backend.mul(rest, backend.call("log", size)))),
        )

    def in_halves() -> Operand:
        half = pow(backend, size, backend.div(lower, 2.0))
        sign = pow(backend, backend.copysign(1.0, a), lower)
        return regained(backend.mul(backend.mul(factor, backend.mul(sign, half)), half))

    inside = backend.both(backend.both(backend.less(0.0, size), backend.less(size, math.inf)), finite)
    return backend.choose(
        _in_normal_range(backend, alone),
        lambda: regained(backend.mul(factor, alone)),
        lambda: backend.choose(inside, in_halves, lambda: backend.mul(factor, alone)),
    )


def _lost(backend: Backend, b: Operand, whole: float) -> Operand:
    difference = backend.sub(b, whole)
    back = backend.sub(difference, b)
    return backend.add(backend.sub(b, backend.sub(difference, back)), backend.sub(-whole, back))


def power_slope(backend: Backend, a: Operand, b: Operand) -> Operand:
    """0 or a product for the commonest exponents."""
    return backend.choose(
        backend.equal(b, 0.0),
        lambda: 0.0,
        lambda: backend.choose(
            backend.equal(b, 2.0),
            lambda: backend.mul(2.0, a),
            lambda: scaled_power(backend, b, a, b, 1.0),
        ),
    )


def power_curve(backend: Backend, a: Operand, b: Operand) -> Operand:
    """A constant for the commonest exponents."""
    return backend.choose(
        backend.either(backend.equal(b, 0.0), backend.equal(b, 1.0)),
        lambda: 0.0,
        lambda: backend.choose(
            backend.equal(b, 2.0),
            lambda: 2.0,
            lambda: scaled_power(backend, backend.mul(b, backend.sub(b, 1.0)), a, b, 2.0),
        ),
    )


def power_mixed(backend: Backend, a: Operand, b: Operand) -> Operand:
    """A power and a logarithm, or their limit."""

    def at_zero() -> Operand:
        infinity = backend.select(backend.equal(b, 0.0), math.inf, backend.copysign(math.inf, backend.neg(b)))
        return backend.select(backend.less(1.0, b), 0.0, infinity)

    def elsewhere() -> Operand:
        factor = backend.add(1.0, backend.mul(b, backend.call("log", a)))
        return backend.choose(
            backend.both(backend.equal(a, math.inf), backend.less(b, 1.0)),
            lambda: 0.0,
            lambda: backend.choose(
                backend.less(0.0, a), lambda: scaled_power(backend, factor, a, b, 1.0), lambda: math.nan
            ),
        )

    zero = backend.both(backend.equal(a, 0.0), backend.equal(b, b))
    return backend.choose(zero, at_zero, elsewhere)


def xlogy(backend: Backend, x: Operand, y: Operand) -> Operand:
    """A product that is zero where its factor is."""
    return _product_with(backend, "log", x, y)


def xlog1py(backend: Backend, x: Operand, y: Operand) -> Operand:
    """A product that is zero where its factor is."""
    return _product_with(backend, "log1p", x, y)


def _product_with(backend: Backend, logarithm: str, x: Operand, y: Operand) -> Operand:
    zero = backend.both(backend.equal(x, 0.0), backend.equal(y, y))
    return backend.choose(zero, lambda: 0.0, lambda: backend.mul(x, backend.call(logarithm, y)))


def masked_product(backend: Backend, mask: Operand, x: Operand) -> Operand:
    """A product that is zero where its mask is."""
    return backend.select(backend.equal(mask, 0.0), 0.0, backend.mul(mask, x))


def less(backend: Backend, a: Operand, b: Operand) -> Operand:
    """A condition as a number."""
    return backend.select(backend.less(a, b), 1.0, 0.0)


def less_equal(backend: Backend, a: Operand, b: Operand) -> Operand:
    """A condition as a number."""
    return backend.select(backend.less_equal(a, b), 1.0, 0.0)


def equal(backend: Backend, a: Operand, b: Operand) -> Operand:
    """A condition as a number."""
    return backend.select(backend.equal(a, b), 1.0, 0.0)


def kept(backend: Backend, mask: Operand, x: Operand) -> Operand:
    """The operand, unless the mask is zero."""
    return backend.select(backend.equal(mask, 0.0), -0.0, x)


def dropped(backend: Backend, mask: Operand, x: Operand) -> Operand:
    """The operand, if the mask is zero."""
    return backend.select(backend.equal(mask, 0.0), x, -0.0)


def polynomial(backend: Backend, coefficients: Sequence[float], x: Operand) -> Operand:
    """By Horner's rule."""
    result: Operand = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        result = backend.add(backend.mul(result, x), coefficient)
    return result


def _ratio(backend: Backend, over: Sequence[float], under: Sequence[float], x: Operand) -> Operand:
    return backend.div(polynomial(backend, over, x), polynomial(backend, under, x))


def digamma(backend: Backend, x: Operand) -> Operand:
    """By reflection below 0."""

    def reflected() -> Operand:
        rest = backend.sub(x, backend.floor(backend.add(x, 0.5)))
        cotangent = backend.div(math.pi, backend.call("tan", backend.mul(math.pi, rest)))
        result = backend.sub(_positive_digamma(backend, backend.sub(1.0, x)), cotangent)
        regular = backend.either(backend.less(0.0, rest), backend.less(rest, 0.0))
        pole = backend.neg(backend.copysign(math.inf, x))
        return backend.select(backend.equal(x, 0.0), pole, backend.select(regular, result, math.nan))

    return backend.choose(backend.less_equal(x, 0.0), reflected, lambda: _positive_digamma(backend, x))


def _positive_digamma(backend: Backend, x: Operand) -> Operand:
    def far() -> Operand:
        inverse = backend.div(1.0, x)
        z = backend.mul(inverse, inverse)
        front = backend.sub(backend.call("log", x), backend.div(0.5, x))
        return backend.sub(front, backend.mul(z, polynomial(backend, special.DIGAMMA_FAR, z)))

    def near() -> Operand:
        shifted: Operand = x
        shift: Operand = 0.0
        for _ in range(8):
            large = backend.less(2.0, shifted)
            lower = backend.sub(shifted, 1.0)
            shift = backend.select(large, backend.add(shift, backend.div(1.0, lower)), shift)
            shifted = backend.select(large, lower, shifted)
        small = backend.less(shifted, 1.0)
        shift = backend.select(small, backend.div(-1.0, shifted), shift)
        shifted = backend.select(small, backend.add(shifted, 1.0), shifted)
        distance = shifted
        for part in special.DIGAMMA_ZERO:
            distance = backend.sub(distance, part)
        ratio = _ratio(backend, special.DIGAMMA_OVER, special.DIGAMMA_UNDER, backend.sub(shifted, 1.0))
        scaled = backend.mul(distance, special.DIGAMMA_SCALE)
        return backend.add(shift, backend.add(scaled, backend.mul(distance, ratio)))

    return backend.choose(backend.less_equal(10.0, x), far, near)


def gamma_slope(backend: Backend, x: Operand) -> Operand:
    """A product, of which the first factor is taken where it is larger if it would lose digits."""
    slope = digamma(backend, x)

    def lifted() -> Operand:
        product = backend.mul(slope, backend.call("tgamma", backend.add(x, 24.0)))
        for k in range(23, -1, -1):
            product = backend.div(product, backend.add(x, float(k)))
        return product

    return backend.choose(
        backend.both(backend.less(-192.0, x), backend.less(x, -150.0)),
        lifted,
        lambda: backend.mul(backend.call("tgamma", x), slope),
    )


def erfcx(backend: Backend, x: Operand) -> Operand:
    """Three ratios of polynomials, and what a negative operand adds."""
    size = backend.abs(x)

    def near() -> Operand:
        z = backend.mul(x, x)
        ratio = _ratio(backend, special.ERF_OVER, special.ERF_UNDER, z)
        return backend.mul(backend.call("exp", z), backend.sub(1.0, backend.mul(x, ratio)))

    def beyond() -> Operand:
        inverse = backend.div(1.0, size)
        z = backend.mul(inverse, inverse)
        ratio = _ratio(backend, special.FAR_OVER, special.FAR_UNDER, z)
        return backend.div(backend.sub(1.0 / special.ROOT_PI, backend.mul(z, ratio)), size)

    def far() -> Operand:
        result = backend.choose(
            backend.less_equal(size, 4.0),
            lambda: _ratio(backend, special.ERFCX_OVER, special.ERFCX_UNDER, size),
            beyond,
        )
        return backend.choose(
            backend.less_equal(0.0, x),
            lambda: result,
            lambda: backend.sub(backend.mul(2.0, _exp_of_square(backend, x, 1.0)), result),
        )

    return backend.choose(backend.less(size, 0.46875), near, far)


def _exp_of_square(backend: Backend, x: Operand, sign: float) -> Operand:
    size = minimum(backend, backend.abs(x), 30.0)
    square = backend.mul(size, size)
    almost = backend.call("exp", backend.mul(sign, square))
    if backend.exact:
        front = backend.mul(backend.floor(backend.mul(size, 1024.0)), 1.0 / 1024.0)
        rest = backend.mul(backend.sub(size, front), backend.add(size, front))
        lost = backend.add(backend.sub(backend.mul(front, front), square), rest)
    else:
        lost = backend.fma(size, size, backend.neg(square))
    lost = backend.mul(sign, lost)
    if sign < 0.0:
        return backend.add(almost, backend.mul(almost, lost))
    return backend.mul(almost, backend.add(1.0, lost))  # which may be infinite


def exp_minus_square(backend: Backend, x: Operand) -> Operand:
    """An exponential, and what rounding took from the square."""
    return _exp_of_square(backend, x, -1.0)


def erfc_hazard(backend: Backend, x: Operand) -> Operand:
    """By erfc where it is nearly 2, else by erfcx."""
    return backend.choose(
        backend.less(x, -5.0),
        lambda: backend.div(_exp_of_square(backend, x, -1.0), backend.call("erfc", x)),
        lambda: backend.div(1.0, erfcx(backend, x)),
    )


def log_erfc(backend: Backend, x: Operand) -> Operand:
    """By erf where that is small, else by erfcx."""
    return backend.choose(
        backend.less(x, 0.5),
        lambda: backend.call("log1p", backend.neg(backend.call("erf", x))),
        lambda: backend.sub(backend.call("log", erfcx(backend, x)), backend.mul(x, x)),
    )


def sinc(backend: Backend, x: Operand) -> Operand:
    """The sine of an angle that was reduced exactly, by the angle."""
    turns = backend.floor(backend.add(backend.mul(0.5, x), 0.5))
    rest = backend.sub(x, backend.mul(2.0, turns))
    beyond = backend.less(0.5, backend.abs(rest))
    rest = backend.select(beyond, backend.sub(backend.copysign(1.0, rest), rest), rest)
    sine = backend.call("sin", backend.mul(math.pi, rest))
    return backend.select(backend.equal(x, 0.0), 1.0, backend.div(sine, backend.mul(math.pi, x)))
