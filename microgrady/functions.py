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
from microgrady.inputs import describe
from microgrady.value import Primitive, methods, primitives, user_primitives

Rule = Callable[..., Any]


def define(
    name: str,
    *rules: Rule,
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


# What rules are made of.

SMALLEST, LARGEST = math.ulp(0.0), sys.float_info.max
LN2, LN10, ROOT_PI = math.log(2.0), math.log(10.0), math.sqrt(math.pi)


def _square(x: Any) -> Any:
    return x * x


def _exp_minus_square(x: Any) -> Any:
    """Return exp(-x**2) without the error of rounding x**2: the square of the front part of x is exact."""
    x = clip_high(clip_low(x, -30.0), 30.0)
    front = trunc(x * 1024.0) * (1.0 / 1024.0)
    return exp(-front * front) * exp((front - x) * (front + x))


def _hazard_slope(y: Any, x: Any) -> Any:
    below = masked_product(greater(0.0, x), y * (2.0 / ROOT_PI * y - 2.0 * x))
    return below - masked_product(1.0 - greater(0.0, x), y * (y * erfcx_slope(1.0, x)))


def _power_by_base(y: Any, a: Any, b: Any) -> Any:
    return 2.0 * a if type(b) is float and b == 2.0 else power_slope(a, b)


def _curve_by_base(y: Any, a: Any, b: Any) -> Any:
    """Return the next derivative after y = b * (b - 1) * a**(b - 2): from y where that has no bounds, else anew."""
    growing = greater(1.0, fabs(a)) * greater(fabs(a), 0.0) * greater(2.0, b)
    anew = masked_product(b, power_curve(a, b - 1.0)) * exp(masked_product(_lost(b), _bounded_log(a)))
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


def _bounded_log(a: Any) -> Any:
    return log(clip_high(clip_low(fabs(a), SMALLEST), LARGEST))


def _zero(y: Any) -> Any:
    """Return 0, or nan where the value is nan and so has no derivative."""
    return greater(y, y)


def _one(y: Any) -> Any:
    return 1.0 + _zero(y)


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
neg = define("neg", lambda y, x: -1.0, symbol="-", aliases=("negative",))
add = define("add", lambda y, a, b: 1.0, lambda y, a, b: 1.0, symbol="+")
sub = define("sub", lambda y, a, b: 1.0, lambda y, a, b: -1.0, symbol="-")
mul = define("mul", lambda y, a, b: b, lambda y, a, b: a, symbol="*")
div: Primitive = define(
    "div", lambda y, a, b: div(1.0, b), lambda y, a, b: -div_square(a, b), symbol="/", singular=True)
floordiv = define(
    "floordiv", lambda y, a, b: 0.0, lambda y, a, b: 0.0, symbol="//", piecewise=True, aliases=("floor_divide",))
mod = define(
    "mod", lambda y, a, b: _one(y), lambda y, a, b: _zero(y) - floordiv(a, b), symbol="%", singular=True)
pow = define("pow", _power_by_base, lambda y, a, b: power_log(a, b), symbol="**", singular=True, aliases=("power",))
fabs = define("abs", lambda y, x: sign(x), piecewise=True, aliases=("fabs", "absolute"), value=abs)

# Exponentials and logarithms.
exp = define("exp", lambda y, x: y, singular=True)
exp2: Primitive = define("exp2", lambda y, x: exp2(x - 1.0) * (2.0 * LN2), singular=True)
expm1 = define("expm1", lambda y, x: exp(x), singular=True)
log = define("log", lambda y, x: over_positive(1.0, x), singular=True)
log2 = define("log2", lambda y, x: over_positive(1.0 / LN2, x), singular=True)
log10 = define("log10", lambda y, x: over_positive(1.0 / LN10, x), singular=True)
log1p = define("log1p", lambda y, x: over_positive(1.0, 1.0 + x), singular=True)
logaddexp = define("logaddexp", lambda y, a, b: exp_share(a, b), lambda y, a, b: exp_share(b, a), singular=True)
xlogy = define("xlogy", lambda y, x, z: log(z), lambda y, x, z: over_positive(x, z), singular=True)
xlog1py = define("xlog1py", lambda y, x, z: log1p(z), lambda y, x, z: over_positive(x, 1.0 + z), singular=True)

# Roots.
sqrt = define("sqrt", lambda y, x: div(0.5, y), symbol="√", singular=True)
cbrt = define("cbrt", lambda y, x: div(1.0, 3.0 * (y * y)), symbol="∛", singular=True)
hypot = define("hypot", lambda y, a, b: unit(a, b), lambda y, a, b: unit(b, a), singular=True)

# Trigonometry.
radians = define("radians", lambda y, x: floats.DEGREE, aliases=("deg2rad",))
degrees = define("degrees", lambda y, x: floats.RADIAN, aliases=("rad2deg",))
sin = define("sin", lambda y, x: cos(x))
cos: Primitive = define("cos", lambda y, x: -sin(x))
tan = define("tan", lambda y, x: _square(div(1.0, cos(x))), singular=True)
asin = define("asin", lambda y, x: div(1.0, sqrt(one_minus_square(x))), singular=True, aliases=("arcsin",))
acos = define("acos", lambda y, x: div(-1.0, sqrt(one_minus_square(x))), singular=True, aliases=("arccos",))
atan = define("atan", lambda y, x: _square(div(1.0, hypot(1.0, x))), aliases=("arctan",))
atan2 = define(
    "atan2", lambda y, a, b: over_square(b, a), lambda y, a, b: -over_square(a, b), singular=True, aliases=("arctan2",))

# Hyperbolic functions.
sinh = define("sinh", lambda y, x: cosh(x), singular=True)
cosh: Primitive = define("cosh", lambda y, x: sinh(x), singular=True)
tanh = define("tanh", lambda y, x: _square(sech(x)))
asinh = define("asinh", lambda y, x: div(1.0, hypot(1.0, x)), aliases=("arcsinh",))
acosh = define("acosh", lambda y, x: div(1.0, sqrt(x - 1.0) * sqrt(x + 1.0)), singular=True, aliases=("arccosh",))
atanh = define("atanh", lambda y, x: over_positive(1.0, one_minus_square(x)), singular=True, aliases=("arctanh",))

# Error and gamma functions. Their derivatives of every order are polygamma, erfcx_slope and sinc_slope of an order.
erf = define("erf", lambda y, x: 2.0 / ROOT_PI * _exp_minus_square(x))
erfc = define("erfc", lambda y, x: -2.0 / ROOT_PI * _exp_minus_square(x))
erfcx: Primitive = define("erfcx", lambda y, x: erfcx_slope(1.0, x), singular=True)
erfcx_slope: Primitive = define(
    "erfcx_slope", lambda y, n, x: math.nan, lambda y, n, x: erfcx_slope(n + 1.0, x), singular=True)
erfc_hazard = define("erfc_hazard", _hazard_slope, singular=True)  # exp(-x**2) / erfc(x)
log_erfc = define("log_erfc", lambda y, x: -2.0 / ROOT_PI * erfc_hazard(x), singular=True)
gamma = define("gamma", lambda y, x: gamma_slope(x), symbol="Γ", singular=True)
gamma_slope: Primitive = define(
    "gamma_slope", lambda y, x: y * digamma(x) + gamma(x) * polygamma(1.0, x), singular=True)
lgamma = define("lgamma", lambda y, x: digamma(x), singular=True, aliases=("gammaln",))
digamma: Primitive = define("digamma", lambda y, x: polygamma(1.0, x), symbol="ψ", singular=True, aliases=("psi",))
polygamma: Primitive = define(
    "polygamma", lambda y, n, x: math.nan, lambda y, n, x: polygamma(n + 1.0, x), singular=True)
sinc = define("sinc", lambda y, x: math.pi**2 * x * sinc_slope(1.0, x))  # sin(pi * x) / (pi * x)
sinc_slope: Primitive = define(
    "sinc_slope", lambda y, n, x: math.nan, lambda y, n, x: math.pi**2 * x * sinc_slope(n + 1.0, x), singular=True)

# What neurons are made of.
sigmoid: Primitive = define("sigmoid", lambda y, x: _square(0.5 * sech(0.5 * x)), symbol="σ", aliases=("expit",))
softplus = define("softplus", lambda y, x: sigmoid(x))
log_sigmoid = define("log_sigmoid", lambda y, x: sigmoid(-x), aliases=("log_expit",))
relu = define("relu", lambda y, x: greater(x, 0.0), piecewise=True)

# Selecting and rounding.
greater: Primitive = define("greater", lambda y, a, b: 0.0, lambda y, a, b: 0.0, symbol=">", piecewise=True)
maximum = define("maximum", lambda y, a, b: _larger(a, b), lambda y, a, b: _larger(b, a), symbol="max", piecewise=True)
minimum = define("minimum", lambda y, a, b: _larger(b, a), lambda y, a, b: _larger(a, b), symbol="min", piecewise=True)
clip_low = define(
    "clip_low", lambda y, x, low: 1.0 - greater(low, x), lambda y, x, low: greater(low, x), piecewise=True)
clip_high = define(
    "clip_high", lambda y, x, high: 1.0 - greater(x, high), lambda y, x, high: greater(x, high), piecewise=True)
floor = define("floor", lambda y, x: 0.0, piecewise=True)
ceil = define("ceil", lambda y, x: 0.0, piecewise=True)
trunc = define("trunc", lambda y, x: 0.0, piecewise=True)
round = define("round", lambda y, x: 0.0, piecewise=True, aliases=("rint",), value=floats.rint)
round_to = define("round_to", lambda y, x, n: 0.0, lambda y, x, n: 0.0, piecewise=True)
sign: Primitive = define("sign", lambda y, x: 0.0, piecewise=True)
copysign: Primitive = define(
    "copysign", lambda y, a, b: sign(a) * copysign(1.0, b), lambda y, a, b: 0.0, piecewise=True)
fmod = define(
    "fmod", lambda y, a, b: _one(y), lambda y, a, b: _zero(y) - _truncated_quotient(a, b), singular=True)
remainder = define(
    "remainder", lambda y, a, b: _one(y), lambda y, a, b: round(div(y, b) - div(a, b)) + _zero(y), singular=True)

# What rules need so that their own derivatives are as good: their obvious forms cancel or overflow.
one_minus_square: Primitive = define("one_minus_square", lambda y, x: -2.0 * x)
sech: Primitive = define("sech", lambda y, x: -y * tanh(x))
unit: Primitive = define(  # a / hypot(a, b)
    "unit", lambda y, a, b: unit(b, a) * over_square(b, a), lambda y, a, b: -y * over_square(b, a), singular=True)
over_square: Primitive = define(  # a / (a**2 + b**2): the derivative of the complex 1 / z is -1 / z**2
    "over_square", lambda y, a, b: over_square_slope(a, b), lambda y, a, b: -2.0 * y * over_square(b, a), singular=True)
over_square_slope: Primitive = define(  # (b**2 - a**2) / (a**2 + b**2)**2
    "over_square_slope", _next_over_square_by_first, _next_over_square_by_second, singular=True)
over_positive: Primitive = define(  # a / b; nan for a negative b: the slope of a logarithm
    "over_positive", lambda y, a, b: over_positive(1.0, b), lambda y, a, b: -over_positive(y, b), singular=True)
div_square: Primitive = define(  # a / b**2
    "div_square", lambda y, a, b: div_square(1.0, b), lambda y, a, b: div(-2.0 * y, b), singular=True)
power_log: Primitive = define(  # a**b * log(a)
    "power_log", lambda y, a, b: power_mixed(a, b), lambda y, a, b: _square(power_log(a, 0.5 * b)), singular=True)
power_slope = define(  # b * a**(b - 1)
    "power_slope", lambda y, a, b: power_curve(a, b), lambda y, a, b: power_mixed(a, b), singular=True)
power_curve: Primitive = define(  # b * (b - 1) * a**(b - 2)
    "power_curve", _curve_by_base, _curve_by_exponent, singular=True)
power_mixed: Primitive = define(  # a**(b - 1) * (1 + b * log(a))
    "power_mixed", _curve_by_exponent, _mixed_by_exponent, singular=True)
exp_share: Primitive = define(  # exp(a) / (exp(a) + exp(b))
    "exp_share", lambda y, a, b: exp_share_slope(a, b), lambda y, a, b: -exp_share_slope(a, b))
exp_share_slope: Primitive = define(  # exp(a + b) / (exp(a) + exp(b))**2
    "exp_share_slope", lambda y, a, b: _next_share(y, a, b), lambda y, a, b: _next_share(y, b, a))

# What transforms need: the operand itself, a product that is zero where its mask is, and a, differentiated as b.
selected = define("where", lambda y, x: 1.0)
argument = define("argument", lambda y, x: 1.0)
masked_product = define("masked_product", lambda y, mask, x: x, lambda y, mask, x: mask, symbol="*", singular=True)
instead = define("instead", lambda y, a, b: 0.0, lambda y, a, b: 1.0, piecewise=True)
# fmt: on


def primitive(
    name: str,
    evaluate: Callable[..., float],
    *rules: Rule,
    symbol: str | None = None,
    singular: bool = False,
    piecewise: bool = False,
    slope: Callable[[float, float], float] | None = None,
    native: str | Callable[..., Any] | None = None,
    aliases: tuple[str, ...] = (),
) -> Primitive:
    """Add an operation: this one call makes it work on floats, Values and arrays, to any derivative.

    Args:
        name: What it is called in pictures, messages and pickles. A method of Values has it, too, unless it is that of
            a built-in operation, as it may well be.
        evaluate: The value: one or two floats in, a float out.
        *rules: One for each operand: the partial derivative by it, as a function of the result and
            the operands, `rule(y, x)` or `rule(y, a, b)`. Write it with microgrady's functions, so that
            it can be differentiated again.
        symbol: A shorter sign for pictures; the name if None.
        singular: A partial can be infinite or nan at finite operands. A derivative of zero that comes
            from above then stays zero.
        piecewise: The operation selects or rounds: a partial of zero is exact, and stays zero also
            against an infinite derivative from above.
        slope: The rule of an operation of one operand once more, for floats alone: the same float, sooner.
        native: How it is written as machine code, to the same bits: the name of a function of the C library, or a
            function of a `microgrady.arithmetic.backend.Backend` and the operands that writes with the
            backend's methods. None: compiled code calls `evaluate`.
        aliases: Further names, by which NumPy calls it as a method of an array's elements.

    Returns:
        The primitive: call it.

    Raises:
        TypeError: `evaluate` or a rule cannot be called, or `native` is neither a name nor a function.
        ValueError: there are not one or two rules, the name is not an identifier, or `native` cannot be the name of a
            function in C.

    Example:
        >>> import microgrady as mg
        >>> bell = mg.primitive("bell", lambda x: math.exp(-x * x), lambda y, x: -2.0 * x * y)
        >>> mg.grad(bell)(2.0) == -4.0 * math.exp(-4.0)
        True
    """
    if not all(callable(function) for function in (evaluate, *rules, *([] if slope is None else [slope]))):
        raise TypeError(f"the value, the rules and the slope of primitive {name!r} must be functions")
    if not isinstance(symbol, (str, type(None))):
        raise TypeError(f"the symbol of primitive {name!r} must be a str, not {describe(symbol)}")
    if slope is not None and len(rules) != 1:
        raise ValueError(f"primitive {name!r} has {len(rules)} rules, and slope stands for a single one")
    if not (native is None or isinstance(native, str) or callable(native)):
        raise TypeError(f"the native of primitive {name!r} must be a function or its name, not {describe(native)}")
    if isinstance(native, str) and not (native.isidentifier() and native.isascii()):
        raise ValueError(f"the native of primitive {name!r} must be the name of a function in C, not {native!r}")
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"a primitive's name must be an identifier, not {describe(name)}")
    if not 1 <= len(rules) <= 2:
        raise ValueError(f"primitive {name!r} needs 1 or 2 rules, not {len(rules)}")
    entry = user_primitives[str(name)] = Primitive(str(name))
    entry.evaluate, entry.slope = evaluate, slope or rules[0]
    entry.lower = lowered.lowering(native) if isinstance(native, str) else native
    entry.rules, entry.symbol = rules, str(symbol or name)
    entry.singular, entry.piecewise = bool(singular), bool(piecewise)
    add_methods(entry, (entry.name, *aliases))
    return entry


def is_built_in(entry: object) -> bool:
    """Return whether something is an operation of the table, and not a user's that may have the same name."""
    return isinstance(entry, Primitive) and primitives.get(entry.name) is entry


def add_methods(entry: Primitive, names: tuple[str, ...]) -> None:
    """Make an operation of a user's a method of Values, by those of the names that the table leaves free."""
    methods.update(dict.fromkeys((name for name in names if not is_built_in(methods.get(name))), entry))


def offered() -> set[Primitive]:
    """Return the operations that the package offers."""
    import microgrady

    public = [globals()[name] for name in microgrady._HOMES[__name__].split()]
    return {entry for entry in public if isinstance(entry, Primitive)}


def public_methods() -> list[str]:
    """Return the methods of a Value that are for people: of functions that the package offers, and of users' own."""
    public = offered()
    return [name for name, entry in methods.items() if entry in public or not is_built_in(entry)]
