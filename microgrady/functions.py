"""The table: every operation once, with its derivative rules and its symbol.

A rule is written with the functions that the table itself defines, so one rule serves floats (the
backward pass), Values (derivatives of derivatives) and whatever else those functions take. The forms
are the numerically stable ones: derivatives are good to a few ulp also at the ends of the range.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from microgrady.arithmetic import floats, lowered, special
from microgrady.value import Primitive, methods, primitives


def row(
    name: str,
    *rules: Callable[..., Any],
    symbol: str | None = None,
    singular: bool = False,
    piecewise: bool = False,
    aliases: tuple[str, ...] = (),
    value: Callable[..., float] | None = None,
) -> Primitive:
    """Add a row to the table; `primitive` explains the parts.

    What the row does not say is found by the operation's name: its value in `floats` or else in `special`, a slope
    that is sooner computed than by its rule in `floats`, how it is written as machine code in `lowered`.
    """
    entry = primitives.setdefault(name, Primitive(name))  # value.py has begun those of the operators
    entry.evaluate = value or getattr(floats, name, None) or getattr(special, name)
    entry.slope, entry.lower = getattr(floats, f"slope_of_{name}", rules[0]), getattr(lowered, name, None)
    entry.rules, entry.symbol, entry.singular, entry.piecewise = rules, symbol or name, singular, piecewise
    methods.update(dict.fromkeys((name, *aliases), entry))
    return entry


LN2, LN10, ROOT_PI = math.log(2.0), math.log(10.0), math.sqrt(math.pi)


def _square(x: Any) -> Any:
    return x * x


def _hazard_slope(y: Any, x: Any) -> Any:
    below = masked_product(greater(0.0, x), y * (2.0 / ROOT_PI * y - 2.0 * x))
    return below - masked_product(1.0 - greater(0.0, x), y * (y * erfcx_slope(1.0, x)))


def _power_by_base(y: Any, a: Any, b: Any) -> Any:
    return 2.0 * a if type(b) is float and b == 2.0 else power_slope(a, b)


def _curve_by_base(y: Any, a: Any, b: Any) -> Any:
    """Return the next derivative after y = b * (b - 1) * a**(b - 2): from y where that has no bounds, else anew."""
    growing = greater(1.0, fabs(a)) * greater(fabs(a), 0.0) * greater(2.0, b)
    anew = masked_product(b, power_curve(a, b - 1.0))
    anew = anew * exp(masked_product(_lost(b), log(clip_high(clip_low(fabs(a), math.ulp(0.0)), sys.float_info.max))))
    return masked_product(growing, (b - 2.0) * div(y, a)) + masked_product(1.0 - growing, anew)


def _curve_by_exponent(y: Any, a: Any, b: Any) -> Any:
    """Return the derivative of b * (b - 1) * a**(b - 2) by b, and of a**(b - 1) * (1 + b * log(a)) by a."""
    lower = b - 2.0
    return masked_product(2.0 * b - 1.0, pow(a, lower)) + masked_product(b * (b - 1.0), power_log(a, lower))


def _mixed_by_exponent(y: Any, a: Any, b: Any) -> Any:
    return 2.0 * power_log(a, b - 1.0) + masked_product(b, _square(power_log(a, 0.5 * (b - 1.0))))


def _lost(b: Any) -> Any:
    """Return what rounding takes from b - 1, as in `floats.lost`."""
    difference = b - 1.0
    back = difference - b
    return (b - (difference - back)) + (-1.0 - back)


def _next_over_square_by_first(y: Any, a: Any, b: Any) -> Any:
    return 2.0 * over_square(a, b) * (_square(over_square(a, b)) - 3.0 * _square(over_square(b, a)))


def _next_over_square_by_second(y: Any, a: Any, b: Any) -> Any:
    return 2.0 * over_square(b, a) * (3.0 * _square(over_square(a, b)) - _square(over_square(b, a)))


def _zero(y: Any) -> Any:
    """Return 0, or nan where the value is nan and so has no derivative."""
    return greater(y, y)


def _truncated_quotient(a: Any, b: Any) -> Any:
    """Return trunc(a / b), where a / b is not first rounded up to a whole number."""
    return copysign(1.0, a) * copysign(1.0, b) * floordiv(abs(a), abs(b))


def _next_share(y: Any, a: Any, b: Any) -> Any:
    return masked_product(y, tanh(0.5 * (b - a)))


def _larger(a: Any, b: Any) -> Any:
    """Return 1 where a is the larger one, 0 where b is, and 1/2 where they are equal."""
    return 0.5 * (1.0 + greater(a, b) - greater(b, a))


# The table. A rule is a function of the result and the operands; there is one for each operand.
# fmt: off

# The operators. Python calls them for -, +, -, *, /, //, %, ** and abs().
neg = row("neg", lambda y, x: -1.0, symbol="-", aliases=("negative",))
add = row("add", lambda y, a, b: 1.0, lambda y, a, b: 1.0, symbol="+")
sub = row("sub", lambda y, a, b: 1.0, lambda y, a, b: -1.0, symbol="-")
mul = row("mul", lambda y, a, b: b, lambda y, a, b: a, symbol="*")
div: Primitive = row("div", lambda y, a, b: div(1.0, b), lambda y, a, b: -div_square(a, b), symbol="/", singular=True)
floordiv = row(
    "floordiv", lambda y, a, b: 0.0, lambda y, a, b: 0.0, symbol="//", piecewise=True, aliases=("floor_divide",))
mod = row("mod", lambda y, a, b: 1.0 + _zero(y), lambda y, a, b: _zero(y) - floordiv(a, b), symbol="%", singular=True)
pow = row("pow", _power_by_base, lambda y, a, b: power_log(a, b), symbol="**", singular=True, aliases=("power",))
fabs = row("abs", lambda y, x: sign(x), piecewise=True, aliases=("fabs", "absolute"), value=abs)

# Exponentials and logarithms.
exp = row("exp", lambda y, x: y, singular=True)
exp2: Primitive = row("exp2", lambda y, x: exp2(x - 1.0) * (2.0 * LN2), singular=True)
expm1 = row("expm1", lambda y, x: exp(x), singular=True)
log = row("log", lambda y, x: over_positive(1.0, x), singular=True)
log2 = row("log2", lambda y, x: over_positive(1.0 / LN2, x), singular=True)
log10 = row("log10", lambda y, x: over_positive(1.0 / LN10, x), singular=True)
log1p = row("log1p", lambda y, x: over_positive(1.0, 1.0 + x), singular=True)
logaddexp = row("logaddexp", lambda y, a, b: exp_share(a, b), lambda y, a, b: exp_share(b, a), singular=True)
xlogy = row("xlogy", lambda y, x, z: log(z), lambda y, x, z: over_positive(x, z), singular=True)
xlog1py = row("xlog1py", lambda y, x, z: log1p(z), lambda y, x, z: over_positive(x, 1.0 + z), singular=True)

# Roots.
sqrt = row("sqrt", lambda y, x: div(0.5, y), symbol="√", singular=True)
cbrt = row("cbrt", lambda y, x: div(1.0, 3.0 * (y * y)), symbol="∛", singular=True)
hypot = row("hypot", lambda y, a, b: unit(a, b), lambda y, a, b: unit(b, a), singular=True)

# Trigonometry.
radians = row("radians", lambda y, x: floats.DEGREE, aliases=("deg2rad",))
degrees = row("degrees", lambda y, x: floats.RADIAN, aliases=("rad2deg",))
sin = row("sin", lambda y, x: cos(x))
cos: Primitive = row("cos", lambda y, x: -sin(x))
tan = row("tan", lambda y, x: _square(div(1.0, cos(x))), singular=True)
asin = row("asin", lambda y, x: div(1.0, sqrt(one_minus_square(x))), singular=True, aliases=("arcsin",))
acos = row("acos", lambda y, x: div(-1.0, sqrt(one_minus_square(x))), singular=True, aliases=("arccos",))
atan = row("atan", lambda y, x: _square(div(1.0, hypot(1.0, x))), aliases=("arctan",))
atan2 = row(
    "atan2", lambda y, a, b: over_square(b, a), lambda y, a, b: -over_square(a, b), singular=True, aliases=("arctan2",))

# Hyperbolic functions.
sinh = row("sinh", lambda y, x: cosh(x), singular=True)
cosh: Primitive = row("cosh", lambda y, x: sinh(x), singular=True)
tanh = row("tanh", lambda y, x: _square(sech(x)))
asinh = row("asinh", lambda y, x: div(1.0, hypot(1.0, x)), aliases=("arcsinh",))
acosh = row("acosh", lambda y, x: div(1.0, sqrt(x - 1.0) * sqrt(x + 1.0)), singular=True, aliases=("arccosh",))
atanh = row("atanh", lambda y, x: over_positive(1.0, one_minus_square(x)), singular=True, aliases=("arctanh",))

# Error and gamma functions. Their derivatives of every order are polygamma, erfcx_slope and sinc_slope of an order.
erf = row("erf", lambda y, x: 2.0 / ROOT_PI * exp_minus_square(x))
erfc = row("erfc", lambda y, x: -2.0 / ROOT_PI * exp_minus_square(x))
erfcx: Primitive = row("erfcx", lambda y, x: erfcx_slope(1.0, x), singular=True)
erfcx_slope: Primitive = row(
    "erfcx_slope", lambda y, n, x: math.nan, lambda y, n, x: erfcx_slope(n + 1.0, x), singular=True)
erfc_hazard = row("erfc_hazard", _hazard_slope, singular=True)  # exp(-x**2) / erfc(x)
log_erfc = row("log_erfc", lambda y, x: -2.0 / ROOT_PI * erfc_hazard(x), singular=True)
gamma = row("gamma", lambda y, x: gamma_slope(x), symbol="Γ", singular=True)
gamma_slope: Primitive = row("gamma_slope", lambda y, x: y * digamma(x) + gamma(x) * polygamma(1.0, x), singular=True)
lgamma = row("lgamma", lambda y, x: digamma(x), singular=True, aliases=("gammaln",))
digamma: Primitive = row("digamma", lambda y, x: polygamma(1.0, x), symbol="ψ", singular=True, aliases=("psi",))
polygamma: Primitive = row("polygamma", lambda y, n, x: math.nan, lambda y, n, x: polygamma(n + 1.0, x), singular=True)
sinc = row("sinc", lambda y, x: math.pi**2 * x * sinc_slope(1.0, x))  # sin(pi * x) / (pi * x)
sinc_slope: Primitive = row(
    "sinc_slope", lambda y, n, x: math.nan, lambda y, n, x: math.pi**2 * x * sinc_slope(n + 1.0, x), singular=True)

# What neurons are made of.
sigmoid: Primitive = row("sigmoid", lambda y, x: _square(0.5 * sech(0.5 * x)), symbol="σ", aliases=("expit",))
softplus = row("softplus", lambda y, x: sigmoid(x))
log_sigmoid = row("log_sigmoid", lambda y, x: sigmoid(-x), aliases=("log_expit",))
relu = row("relu", lambda y, x: greater(x, 0.0), piecewise=True)

# Selecting and rounding.
greater: Primitive = row("greater", lambda y, a, b: 0.0, lambda y, a, b: 0.0, symbol=">", piecewise=True)
less: Primitive = row("less", lambda y, a, b: 0.0, lambda y, a, b: 0.0, symbol="<", piecewise=True)
less_equal = row("less_equal", lambda y, a, b: 0.0, lambda y, a, b: 0.0, symbol="<=", piecewise=True)
equal = row("equal", lambda y, a, b: 0.0, lambda y, a, b: 0.0, symbol="==", piecewise=True)
maximum = row("maximum", lambda y, a, b: _larger(a, b), lambda y, a, b: _larger(b, a), symbol="max", piecewise=True)
minimum = row("minimum", lambda y, a, b: _larger(b, a), lambda y, a, b: _larger(a, b), symbol="min", piecewise=True)
clip_low = row("clip_low", lambda y, x, low: 1.0 - greater(low, x), lambda y, x, low: greater(low, x), piecewise=True)
clip_high = row(
    "clip_high", lambda y, x, high: 1.0 - greater(x, high), lambda y, x, high: greater(x, high), piecewise=True)
floor, ceil, trunc = (row(name, lambda y, x: 0.0, piecewise=True) for name in ["floor", "ceil", "trunc"])
round = row("round", lambda y, x: 0.0, piecewise=True, aliases=("rint",), value=floats.rint)
round_to = row("round_to", lambda y, x, n: 0.0, lambda y, x, n: 0.0, piecewise=True)
sign: Primitive = row("sign", lambda y, x: 0.0, piecewise=True)
copysign: Primitive = row("copysign", lambda y, a, b: sign(a) * copysign(1.0, b), lambda y, a, b: 0.0, piecewise=True)
fmod = row("fmod", lambda y, a, b: 1.0 + _zero(y), lambda y, a, b: _zero(y) - _truncated_quotient(a, b), singular=True)
remainder = row(
    "remainder", lambda y, a, b: 1.0 + _zero(y), lambda y, a, b: round(div(y, b) - div(a, b)) + _zero(y), singular=True)

# What rules need so that their own derivatives are as good: their obvious forms cancel or overflow.
one_minus_square: Primitive = row("one_minus_square", lambda y, x: -2.0 * x)
exp_minus_square: Primitive = row(  # exp(-x**2), which is 0 beyond 30
    "exp_minus_square", lambda y, x: -2.0 * clip_high(clip_low(x, -30.0), 30.0) * y)
sech: Primitive = row("sech", lambda y, x: -y * tanh(x))
unit: Primitive = row(  # a / hypot(a, b)
    "unit", lambda y, a, b: unit(b, a) * over_square(b, a), lambda y, a, b: -y * over_square(b, a), singular=True)
over_square: Primitive = row(  # a / (a**2 + b**2): the derivative of the complex 1 / z is -1 / z**2
    "over_square", lambda y, a, b: over_square_slope(a, b), lambda y, a, b: -2.0 * y * over_square(b, a), singular=True)
over_square_slope: Primitive = row(  # (b**2 - a**2) / (a**2 + b**2)**2
    "over_square_slope", _next_over_square_by_first, _next_over_square_by_second, singular=True)
over_positive: Primitive = row(  # a / b; nan for a negative b: the slope of a logarithm
    "over_positive", lambda y, a, b: over_positive(1.0, b), lambda y, a, b: -over_positive(y, b), singular=True)
div_square: Primitive = row(  # a / b**2
    "div_square", lambda y, a, b: div_square(1.0, b), lambda y, a, b: div(-2.0 * y, b), singular=True)
power_log: Primitive = row(  # a**b * log(a)
    "power_log", lambda y, a, b: power_mixed(a, b), lambda y, a, b: _square(power_log(a, 0.5 * b)), singular=True)
power_slope = row(  # b * a**(b - 1)
    "power_slope", lambda y, a, b: power_curve(a, b), lambda y, a, b: power_mixed(a, b), singular=True)
power_curve: Primitive = row(  # b * (b - 1) * a**(b - 2)
    "power_curve", _curve_by_base, _curve_by_exponent, singular=True)
power_mixed: Primitive = row(  # a**(b - 1) * (1 + b * log(a))
    "power_mixed", _curve_by_exponent, _mixed_by_exponent, singular=True)
exp_share: Primitive = row(  # exp(a) / (exp(a) + exp(b))
    "exp_share", lambda y, a, b: exp_share_slope(a, b), lambda y, a, b: -exp_share_slope(a, b))
exp_share_slope: Primitive = row(  # exp(a + b) / (exp(a) + exp(b))**2
    "exp_share_slope", lambda y, a, b: _next_share(y, a, b), lambda y, a, b: _next_share(y, b, a))

# What transforms need: the operand, a product that is zero where its mask is, the terms of `where`, a derived as b is.
selected = row("where", lambda y, x: 1.0)
argument = row("argument", lambda y, x: 1.0)
masked_product = row("masked_product", lambda y, mask, x: x, lambda y, mask, x: mask, symbol="*", singular=True)
kept = row("kept", lambda y, mask, x: 0.0, lambda y, mask, x: mask, piecewise=True)
dropped = row("dropped", lambda y, mask, x: 0.0, lambda y, mask, x: 1.0 - mask, piecewise=True)
instead = row("instead", lambda y, a, b: 0.0, lambda y, a, b: 1.0, piecewise=True)
# fmt: on
