"""The operations of the table on floats, as IEEE 754 has them: a float for every float, where Python raises.

Each function has the name of its operation (but for Python's own `abs` and `round`), and `slope_of_` before it in
what gives the derivative of a common one sooner than its rule.

An overflow is inf, a pole is inf with the sign that C99 gives it, anything else off the domain is nan.
"""

from __future__ import annotations

import math
import math as libm  # where this module is compiled, the C library itself, which raises nothing (see floats.pxd)
from collections.abc import Callable

Function = Callable[..., float]
DEGREE, RADIAN = math.pi / 180.0, 180.0 / math.pi


def _total(
    function: Function,
    off_domain: Function = lambda x: math.nan,
    overflow: Function = lambda x: math.inf,
) -> Function:
    """`function` of one operand, with a value where it would raise ValueError or OverflowError."""

    def evaluate(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return off_domain(x)
        except OverflowError:
            return overflow(x)

    evaluate.__doc__ = function.__doc__
    return evaluate


def _pole(at: float, infinity: float) -> Function:
    return lambda x: infinity if x == at else math.nan


def _signed_infinity(x: float) -> float:
    return math.copysign(math.inf, x)


def _is_odd(b: float) -> bool:
    return math.fmod(b, 2.0) in (-1.0, 1.0)


def _rounded(function: Callable[[float], int], meaning: str) -> Function:
    # From 2**52 on every float is whole. The sign goes back on because an int has no -0.
    def evaluate(x: float) -> float:
        return math.copysign(float(function(x)), x) if abs(x) < 2.0**52 else x

    evaluate.__doc__ = f"{meaning}, as a float."
    return evaluate


exp2 = _total(math.exp2)
expm1 = _total(math.expm1)
log2 = _total(math.log2, _pole(0.0, -math.inf))
log10 = _total(math.log10, _pole(0.0, -math.inf))
log1p = _total(math.log1p, _pole(-1.0, -math.inf))
tan = _total(math.tan)
asin, acos = _total(math.asin), _total(math.acos)
atan, atan2, asinh, erf, erfc = math.atan, math.atan2, math.asinh, math.erf, math.erfc  # which never raise
sinh = _total(math.sinh, overflow=_signed_infinity)
cosh = _total(math.cosh)
acosh = _total(math.acosh)
atanh = _total(math.atanh, lambda x: _signed_infinity(x) if abs(x) == 1.0 else math.nan)
floor = _rounded(math.floor, "The largest whole number that is not above x")
ceil = _rounded(math.ceil, "The smallest whole number that is not below x")
trunc = _rounded(math.trunc, "The whole part of x")


def exp(x: float) -> float:
    """e**x."""
    try:
        return libm.exp(x)
    except OverflowError:
        return math.inf


def log(x: float) -> float:
    """The natural logarithm."""
    try:
        return libm.log(x)
    except ValueError:
        return -math.inf if x == 0.0 else math.nan


def sqrt(x: float) -> float:
    """The square root."""
    try:
        return libm.sqrt(x)
    except ValueError:
        return math.nan


def sin(x: float) -> float:
    """The sine."""
    try:
        return libm.sin(x)
    except ValueError:
        return math.nan


def cos(x: float) -> float:
    """The cosine."""
    try:
        return libm.cos(x)
    except ValueError:
        return math.nan


def tanh(x: float) -> float:
    """The hyperbolic tangent."""
    return libm.tanh(x)


def pow(a: float, b: float) -> float:
    """a**b; nan where that is complex. A square is a product, which is rounded correctly and costs less."""
    if b == 2.0:
        return a * a
    try:
        return libm.pow(a, b)
    except ValueError:
        if a != 0.0:
            return math.nan
        return math.copysign(math.inf, a) if _is_odd(b) else math.inf
    except OverflowError:
        return -math.inf if a < 0.0 and _is_odd(b) else math.inf


def fmod(a: float, b: float) -> float:
    """The remainder of a / b, with the sign of a."""
    try:
        return math.fmod(a, b)
    except ValueError:
        return math.nan


def neg(x: float) -> float:
    """-x."""
    return -x


def add(a: float, b: float) -> float:
    """a + b."""
    return a + b


def sub(a: float, b: float) -> float:
    """a - b."""
    return a - b


def mul(a: float, b: float) -> float:
    """a * b."""
    return a * b


def div(a: float, b: float) -> float:
    """a / b."""
    if b != 0.0:
        return a / b
    return math.nan if a == 0.0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


def floordiv(a: float, b: float) -> float:
    """a // b."""
    return a // b if b != 0.0 else div(a, b)


def mod(a: float, b: float) -> float:
    """a % b, with the sign of b."""
    return a % b if b != 0.0 else math.nan


def cbrt(x: float) -> float:
    """The cube root to within 1 ulp: C libraries are up to 4 off, which a step of Newton's mends."""
    root = math.cbrt(x)
    return root + (x / (root * root) - root) / 3.0 if root and math.isfinite(root) else root


def radians(x: float) -> float:
    """The angle of x degrees, in radians."""
    return x * DEGREE


def degrees(x: float) -> float:
    """The angle of x radians, in degrees."""
    return x * RADIAN


def sech(x: float) -> float:
    """1 / cosh(x), also where cosh(x) overflows."""
    small = libm.exp(-abs(x))
    return 2.0 * small / (1.0 + small * small)


def exp_of_square(x: float, sign: float) -> float:
    """exp(sign * x**2), with what rounding takes from the square put back: the square of the front part of x is exact.

    x counts up to 30.
    """
    size = abs(x)
    if size != size:
        return size
    if size > 30.0:
        size = 30.0
    front = libm.floor(size * 1024.0) * (1.0 / 1024.0)
    square = size * size
    lost = sign * ((front * front - square) + (size - front) * (size + front))
    almost = exp(sign * square)
    return almost + almost * lost if sign < 0.0 else almost * (1.0 + lost)  # which may be infinite


def exp_minus_square(x: float) -> float:
    """exp(-x**2) without the error of rounding x**2."""
    return exp_of_square(x, -1.0)


def power_of_two(a: float, b: float) -> float:
    """1, or what brings the larger of two very large or very small numbers to where its square is in range."""
    x, y = abs(a), abs(b)
    if x < 1e-150 and y < 1e-150:
        return 2.0**600
    return 2.0**-600 if x > 1e150 or y > 1e150 else 1.0


def hypot(a: float, b: float) -> float:
    """sqrt(a**2 + b**2), where the squares neither overflow nor lose digits."""
    if abs(a) == math.inf or abs(b) == math.inf:
        return math.inf
    scale = power_of_two(a, b)
    x, y = a * scale, b * scale
    return sqrt(x * x + y * y) / scale


def unit(a: float, b: float) -> float:
    """a / hypot(a, b), also where hypot(a, b) overflows or has lost digits; 0 at the origin."""
    scale = power_of_two(a, b)
    if scale < 1.0:
        scale = 0.25  # enough for hypot; more would take digits from an a that is far smaller than b
    length = hypot(a * scale, b * scale)
    return a * scale / length if length != 0.0 else 0.0


def over_square(a: float, b: float) -> float:
    """a / (a**2 + b**2), also where the squares overflow or lose digits."""
    scale = power_of_two(a, b)
    x, y = a * scale, b * scale
    return div(x, x * x + y * y) * scale


def over_square_slope(a: float, b: float) -> float:
    """(b - a) * (b + a) / (a**2 + b**2)**2, also where the squares overflow or lose digits."""
    scale = power_of_two(a, b)
    x, y = a * scale, b * scale
    square = x * x + y * y
    return div(y - x, square) * scale * (div(y + x, square) * scale)


def over_positive(a: float, b: float) -> float:
    """a / b for a b that is not negative, else nan; a zero over zero is zero."""
    if b < 0.0:
        return math.nan
    return div(a, b) if a != 0.0 or b != 0.0 else 0.0


def in_normal_range(x: float) -> bool:
    """Whether x is neither zero, infinite or nan nor so small that it may have lost digits."""
    return 1e-290 < abs(x) < math.inf


def div_square(a: float, b: float) -> float:
    """a / b**2, also where a / b is so small that it has lost digits, which dividing by b again would bring up."""
    quotient = div(a, b)
    if 0.0 < abs(quotient) < 1e-290:
        return a * div(2.0**60, b) * div(2.0**-60, b)
    return div(quotient, b)


def power_log(a: float, b: float) -> float:
    """a**b * log(a), also where a**b over- or underflows; 0 for a = 0 and b >= 0, as PyTorch has it."""
    if a == 0.0 and b >= 0.0:
        return 0.0
    whole = pow(a, b)
    if in_normal_range(whole) or not 0.0 < a < math.inf:
        return whole * log(a)
    half = pow(a, b / 2.0)
    return half * log(a) * half


def _is_complex(a: float, b: float) -> bool:
    return -math.inf < a < 0.0 and abs(b) < math.inf and b != math.floor(b)


def lost(b: float, whole: float) -> float:
    """What rounding takes from b - whole (Knuth's two-sum); it tells at the ends of the range of a power's base."""
    if not abs(b) < math.inf:
        return 0.0
    difference = b - whole
    back = difference - b
    return (b - (difference - back)) + (-whole - back)


def scaled_power(factor: float, a: float, b: float, whole: float) -> float:
    """factor * a**(b - whole), also where the power alone over- or underflows, or b - whole is rounded."""
    if _is_complex(a, b):
        return math.nan
    size, lower = abs(a), b - whole
    rest = lost(b, whole)
    result = pow(a, lower)
    if in_normal_range(result):
        result = factor * result
    elif 0.0 < size < math.inf and abs(b) < math.inf:
        half = pow(size, lower / 2.0)
        result = factor * (pow(math.copysign(1.0, a), lower) * half) * half
    else:
        return factor * result
    return result if rest == 0.0 or not 0.0 < abs(result) < math.inf else result * (1.0 + rest * log(size))


def power_slope(a: float, b: float) -> float:
    """b * a**(b - 1); 0 for b = 0, as PyTorch has it."""
    if b == 0.0:
        return 0.0
    return 2.0 * a if b == 2.0 else scaled_power(b, a, b, 1.0)


def power_curve(a: float, b: float) -> float:
    """b * (b - 1) * a**(b - 2); 0 for b = 0 and b = 1."""
    if b == 0.0 or b == 1.0:
        return 0.0
    return 2.0 if b == 2.0 else scaled_power(b * (b - 1.0), a, b, 2.0)


def power_mixed(a: float, b: float) -> float:
    """a**(b - 1) * (1 + b * log(a)), and its limits for a = 0 and an infinite a."""
    if a == 0.0 and b == b:
        return 0.0 if b > 1.0 else math.copysign(math.inf, -b) if b != 0.0 else math.inf
    if a == math.inf and b < 1.0:
        return 0.0
    return scaled_power(1.0 + b * log(a), a, b, 1.0) if a > 0.0 else math.nan


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), in the form that neither overflows nor loses digits."""
    if x < 0.0:
        small = libm.exp(x)
        return small / (1.0 + small)
    return 1.0 / (1.0 + libm.exp(-x))


def softplus(x: float) -> float:
    """log(1 + exp(x)), without overflow."""
    return math.log1p(math.exp(x)) if x <= 0.0 else x + math.log1p(math.exp(-x))


def log_sigmoid(x: float) -> float:
    """log(1 / (1 + exp(-x))), without overflow."""
    return -softplus(-x)


def logaddexp(a: float, b: float) -> float:
    """log(exp(a) + exp(b)), without overflow; near a result of 0 to within the rounding of the larger operand."""
    if a == b:
        return a + math.log(2.0)  # infinities too, of which the difference is nan
    return maximum(a, b) + math.log1p(math.exp(-abs(a - b)))


def exp_share(a: float, b: float) -> float:
    """exp(a) / (exp(a) + exp(b)), without overflow; 0 where both exponentials are 0."""
    if a == b == -math.inf:
        return 0.0
    difference = a - b
    share = sigmoid(difference)
    if not abs(difference) < math.inf:
        return share
    # What rounding took from the difference (Knuth's two-sum).
    rest = (a - (difference - (difference - a))) - (b + (difference - a))
    return share * (1.0 + rest * sigmoid(-difference))


def exp_share_slope(a: float, b: float) -> float:
    """The product of the shares of a and b."""
    return exp_share(a, b) * exp_share(b, a)


def copysign(a: float, b: float) -> float:
    """The size of a with the sign of b; a nan counts as positive, since IEEE 754 leaves its sign open."""
    return abs(a) if b != b else math.copysign(a, b)


def one_minus_square(x: float) -> float:
    """1 - x**2."""
    return (1.0 - x) * (1.0 + x)


def maximum(a: float, b: float) -> float:
    """The larger of a and b; nan if either is."""
    return a if a > b or a != a else b


def relu(x: float) -> float:
    """The larger of x and 0."""
    return x if x > 0.0 or x != x else 0.0


def minimum(a: float, b: float) -> float:
    """The smaller of a and b; nan if either is."""
    return a if a < b or a != a else b


clip_low, clip_high = maximum, minimum


def greater(a: float, b: float) -> float:
    """1 if a is greater than b, 0 if not, nan if one of them is nan."""
    if a > b:
        return 1.0
    return 0.0 if a <= b else math.nan


def less(a: float, b: float) -> float:
    """1 if a is less than b, else 0, also if one of them is nan."""
    return 1.0 if a < b else 0.0


def less_equal(a: float, b: float) -> float:
    """1 if a is less than b or equal, else 0, also if one of them is nan."""
    return 1.0 if a <= b else 0.0


def equal(a: float, b: float) -> float:
    """1 if a equals b, else 0."""
    return 1.0 if a == b else 0.0


def sign(x: float) -> float:
    """-1, 0 or 1."""
    return greater(x, 0.0) - greater(0.0, x)


def rint(x: float) -> float:
    """The nearest whole number; of two the even one."""
    return math.copysign(float(round(x)), x) if abs(x) < 2.0**52 else x


def round_to(x: float, digits: float) -> float:
    """`x` rounded to so many decimal places."""
    if not abs(digits) < 2.0**31:
        return math.nan
    try:
        return round(x, int(digits))
    except OverflowError:
        return _signed_infinity(x)


def remainder(a: float, b: float) -> float:
    """What is left of a when the whole number of b nearest to a / b is taken away."""
    try:
        return math.remainder(a, b)
    except ValueError:
        return math.nan


def xlogy(x: float, y: float) -> float:
    """x * log(y); 0 for x = 0."""
    return x * log(y) if x != 0.0 or y != y else 0.0


def xlog1py(x: float, y: float) -> float:
    """x * log(1 + y); 0 for x = 0."""
    return x * log1p(y) if x != 0.0 or y != y else 0.0


def where(x: float) -> float:
    """x."""
    return x


argument = where


def instead(a: float, b: float) -> float:
    """a, of which the derivative is that of b."""
    return a


def masked_product(mask: float, x: float) -> float:
    """mask * x; 0 where the mask is 0."""
    return mask * x if mask else 0.0


def kept(mask: float, x: float) -> float:
    """x where the mask is not 0; else -0.0, which changes nothing that it is added to."""
    return x if mask != 0.0 else -0.0


def dropped(mask: float, x: float) -> float:
    """x where the mask is 0, else -0.0."""
    return x if mask == 0.0 else -0.0


# The derivatives of the commonest functions, from their result y and their operand x: what their
# rules give for floats, bit by bit, without the detour over the table.


def slope_of_exp(y: float, x: float) -> float:
    """exp(x)."""
    return y


def slope_of_log(y: float, x: float) -> float:
    """1 / x, on the domain."""
    return over_positive(1.0, x)


def slope_of_sqrt(y: float, x: float) -> float:
    """1 / (2 * sqrt(x))."""
    return div(0.5, y)


def slope_of_sin(y: float, x: float) -> float:
    """cos(x)."""
    return cos(x)


def slope_of_cos(y: float, x: float) -> float:
    """-sin(x)."""
    return -sin(x)


def slope_of_tanh(y: float, x: float) -> float:
    """sech(x)**2."""
    s = sech(x)
    return s * s


def slope_of_relu(y: float, x: float) -> float:
    """1 for a positive x, 0 for another number, nan for nan."""
    return greater(x, 0.0)


def slope_of_sigmoid(y: float, x: float) -> float:
    """(sech(x / 2) / 2)**2."""
    s = 0.5 * sech(0.5 * x)
    return s * s
