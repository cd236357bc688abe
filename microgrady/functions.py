"""The table: every operation once, with its value, its derivative rules and its symbol.

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
from microgrady.value import Primitive, methods, primitives

built_in: set[str] = set()


def primitive(
    name: str,
    evaluate: Callable[..., float],
    *rules: Callable[..., Any],
    symbol: str | None = None,
    singular: bool = False,
    piecewise: bool = False,
    slope: Callable[[float, float], float] | None = None,
    native: str | Callable[..., Any] | None = None,
    aliases: tuple[str, ...] = (),
) -> Primitive:
    """Add an operation: this one call makes it work on floats, Values and arrays, to any derivative.

    Args:
        name: What it is called in pictures, messages and pickles.
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
        ValueError: there are not one or two rules, the name is that of a built-in operation, or `native` cannot be
            the name of a function in C.

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
    taken = built_in.intersection((name, *aliases))
    if taken or not 1 <= len(rules) <= 2:
        problem = (
            f"cannot be called {min(taken)}: that is built in" if taken else f"needs 1 or 2 rules, not {len(rules)}"
        )
        raise ValueError(f"primitive {name!r} {problem}")
    name = str(name)
    entry = primitives.get(name)
    if entry is None or entry.rules:  # else it is an operator's, which value.py has begun
        entry = primitives[name] = Primitive(name)
    entry.symbol, entry.evaluate, entry.rules = str(symbol or name), evaluate, rules
    entry.singular, entry.piecewise = bool(singular), bool(piecewise)
    entry.slope, entry.lower = slope or rules[0], lowered.lowering(native) if isinstance(native, str) else native
    methods.update(dict.fromkeys((name, *aliases), entry))
    return entry


def _square(x: Any) -> Any:
    return x * x


def _in_radians(x: float) -> float:
    """The angle of x degrees, in radians."""
    return x * DEGREE


def _in_degrees(x: float) -> float:
    """The angle of x radians, in degrees."""
    return x * RADIAN


def _log_sigmoid(x: float) -> float:
    """log(1 / (1 + exp(-x))), without overflow."""
    return -floats.softplus(-x)


def _exp_minus_square(x: Any) -> Any:
    """exp(-x**2) without the error of rounding x**2: x is split so that the square of the front part is exact."""
    x = clip_high(clip_low(x, -30.0), 30.0)
    front = trunc(x * 1024.0) * (1.0 / 1024.0)
    return exp(-front * front) * exp((front - x) * (front + x))


def _power_by_base(y: Any, a: Any, b: Any) -> Any:
    return 2.0 * a if type(b) is float and b == 2.0 else power_slope(a, b)


def _curve_by_base(y: Any, a: Any, b: Any) -> Any:
    """The next derivative after b * (b - 1) * a**(b - 2), from it where it grows without bounds, else anew."""
    growing = greater(1.0, fabs(a)) * greater(fabs(a), 0.0) * greater(2.0, b)
    anew = masked_product(b, power_curve(a, b - 1.0)) * exp(masked_product(_lost(b), _bounded_log(a)))
    return masked_product(growing, (b - 2.0) * div(y, a)) + masked_product(1.0 - growing, anew)


def _curve_by_exponent(y: Any, a: Any, b: Any) -> Any:
    """The derivative of b * (b - 1) * a**(b - 2) by b, and of a**(b - 1) * (1 + b * log(a)) by a."""
    lower = b - 2.0
    return masked_product(2.0 * b - 1.0, pow(a, lower)) + masked_product(b * (b - 1.0), power_log(a, lower))


def _lost(b: Any) -> Any:
    """What rounding takes from b - 1, as in `floats.lost`."""
    difference = b - 1.0
    back = difference - b
    return (b - (difference - back)) + (-1.0 - back)


def _bounded_log(a: Any) -> Any:
    return log(clip_high(clip_low(fabs(a), SMALLEST), LARGEST))


def _undefined(y: Any) -> Any:
    """0, or nan where the value is nan and so has no derivative."""
    return greater(y, y)


def _truncated_quotient(a: Any, b: Any) -> Any:
    """trunc(a / b), where a / b is not first rounded up to a whole number."""
    return copysign(1.0, a) * copysign(1.0, b) * floordiv(abs(a), abs(b))


LN2, LN10 = math.log(2.0), math.log(10.0)
DEGREE, RADIAN = math.pi / 180.0, 180.0 / math.pi
SMALLEST, LARGEST = math.ulp(0.0), sys.float_info.max


# The operators. Python calls the first nine for +, -, *, /, //, %, ** and abs().
neg = primitive("neg", lambda x: -x, lambda y, x: -1.0, symbol="-", aliases=("negative",), native="neg")
add = primitive("add", lambda a, b: a + b, lambda y, a, b: 1.0, lambda y, a, b: 1.0, symbol="+", native="add")
sub = primitive("sub", lambda a, b: a - b, lambda y, a, b: 1.0, lambda y, a, b: -1.0, symbol="-", native="sub")
mul = primitive("mul", lambda a, b: a * b, lambda y, a, b: b, lambda y, a, b: a, symbol="*", native="mul")
div: Primitive = primitive(
    "div",
    floats.divide,
    lambda y, a, b: div(1.0, b),
    lambda y, a, b: -div_square(a, b),
    symbol="/",
    singular=True,
    native="div",
)
floordiv = primitive(
    "floordiv",
    floats.floor_divide,
    lambda y, a, b: 0.0,
    lambda y, a, b: 0.0,
    symbol="//",
    piecewise=True,
    native=lowered.floordiv,
)
mod = primitive(
    "mod",
    floats.modulo,
    lambda y, a, b: 1.0 + _undefined(y),
    lambda y, a, b: _undefined(y) - floordiv(a, b),
    symbol="%",
    singular=True,
    native=lowered.mod,
)
pow = primitive(
    "pow",
    floats.power,
    _power_by_base,
    lambda y, a, b: power_log(a, b),
    symbol="**",
    singular=True,
    aliases=("power",),
    native=lowered.pow,
)
fabs = primitive("abs", abs, lambda y, x: sign(x), piecewise=True, aliases=("fabs", "absolute"), native="abs")

# Exponentials and logarithms.
exp = primitive("exp", floats.exp, lambda y, x: y, singular=True, slope=floats.slope_of_exp, native="exp")
exp2: Primitive = primitive("exp2", floats.exp2, lambda y, x: exp2(x - 1.0) * (2.0 * LN2), singular=True, native="exp2")
expm1 = primitive("expm1", floats.expm1, lambda y, x: exp(x), singular=True, native="expm1")
log = primitive(
    "log", floats.log, lambda y, x: over_positive(1.0, x), singular=True, slope=floats.slope_of_log, native="log"
)
log2 = primitive("log2", floats.log2, lambda y, x: over_positive(1.0 / LN2, x), singular=True, native="log2")
log10 = primitive("log10", floats.log10, lambda y, x: over_positive(1.0 / LN10, x), singular=True, native="log10")
log1p = primitive("log1p", floats.log1p, lambda y, x: over_positive(1.0, 1.0 + x), singular=True, native="log1p")
logaddexp = primitive(
    "logaddexp",
    floats.logaddexp,
    lambda y, a, b: exp_share(a, b),
    lambda y, a, b: exp_share(b, a),
    singular=True,
    native=lowered.logaddexp,
)
xlogy = primitive(
    "xlogy",  # x * log(y), also for x = 0
    floats.xlogy,
    lambda y, x, z: log(z),
    lambda y, x, z: over_positive(x, z),
    singular=True,
    native=lowered.xlogy,
)
xlog1py = primitive(
    "xlog1py",
    floats.xlog1py,
    lambda y, x, z: log1p(z),
    lambda y, x, z: over_positive(x, 1.0 + z),
    singular=True,
    native=lowered.xlog1py,
)

# Roots.
sqrt = primitive(
    "sqrt", floats.sqrt, lambda y, x: div(0.5, y), symbol="√", singular=True, slope=floats.slope_of_sqrt, native="sqrt"
)
cbrt = primitive(
    "cbrt", floats.cbrt, lambda y, x: div(1.0, 3.0 * (y * y)), symbol="∛", singular=True, native=lowered.cbrt
)
hypot = primitive(
    "hypot", floats.hypot, lambda y, a, b: unit(a, b), lambda y, a, b: unit(b, a), singular=True, native=lowered.hypot
)

# Trigonometry.
radians = primitive("radians", _in_radians, lambda y, x: DEGREE, aliases=("deg2rad",), native=lowered.radians)
degrees = primitive("degrees", _in_degrees, lambda y, x: RADIAN, aliases=("rad2deg",), native=lowered.degrees)
sin = primitive("sin", floats.sin, lambda y, x: cos(x), slope=floats.slope_of_sin, native="sin")
cos: Primitive = primitive("cos", floats.cos, lambda y, x: -sin(x), slope=floats.slope_of_cos, native="cos")
tan = primitive("tan", floats.tan, lambda y, x: _square(div(1.0, cos(x))), singular=True, native="tan")
asin = primitive(
    "asin",
    floats.asin,
    lambda y, x: div(1.0, sqrt(one_minus_square(x))),
    singular=True,
    aliases=("arcsin",),
    native="asin",
)
acos = primitive(
    "acos",
    floats.acos,
    lambda y, x: div(-1.0, sqrt(one_minus_square(x))),
    singular=True,
    aliases=("arccos",),
    native="acos",
)
atan = primitive("atan", math.atan, lambda y, x: _square(div(1.0, hypot(1.0, x))), aliases=("arctan",), native="atan")
atan2 = primitive(
    "atan2",
    math.atan2,
    lambda y, a, b: over_square(b, a),
    lambda y, a, b: -over_square(a, b),
    singular=True,
    aliases=("arctan2",),
    native="atan2",
)

# Hyperbolic functions.
sinh = primitive("sinh", floats.sinh, lambda y, x: cosh(x), singular=True, native="sinh")
cosh: Primitive = primitive("cosh", floats.cosh, lambda y, x: sinh(x), singular=True, native="cosh")
tanh = primitive("tanh", floats.tanh, lambda y, x: _square(sech(x)), slope=floats.slope_of_tanh, native="tanh")
asinh = primitive("asinh", math.asinh, lambda y, x: div(1.0, hypot(1.0, x)), aliases=("arcsinh",), native="asinh")
acosh = primitive(
    "acosh",
    floats.acosh,
    lambda y, x: div(1.0, sqrt(x - 1.0) * sqrt(x + 1.0)),
    singular=True,
    aliases=("arccosh",),
    native="acosh",
)
atanh = primitive(
    "atanh",
    floats.atanh,
    lambda y, x: over_positive(1.0, one_minus_square(x)),
    singular=True,
    aliases=("arctanh",),
    native="atanh",
)

# Error and gamma functions.
erf = primitive("erf", math.erf, lambda y, x: 2.0 / math.sqrt(math.pi) * _exp_minus_square(x), native="erf")
erfc = primitive("erfc", math.erfc, lambda y, x: -2.0 / math.sqrt(math.pi) * _exp_minus_square(x), native="erfc")
erfcx: Primitive = primitive(
    "erfcx", special.erfcx, lambda y, x: erfcx_slope(1.0, x), singular=True, native=lowered.erfcx
)
log_erfc = primitive(
    "log_erfc",
    special.log_erfc,
    lambda y, x: -2.0 / math.sqrt(math.pi) * erfc_hazard(x),
    singular=True,
    native=lowered.log_erfc,
)
gamma = primitive("gamma", special.gamma, lambda y, x: gamma_slope(x), symbol="Γ", singular=True, native="tgamma")
lgamma = primitive("lgamma", special.lgamma, lambda y, x: digamma(x), singular=True, native="lgamma")
digamma: Primitive = primitive(
    "digamma",
    special.digamma,
    lambda y, x: polygamma(1.0, x),
    symbol="ψ",
    singular=True,
    native=lowered.digamma,
)
polygamma: Primitive = primitive(
    "polygamma", special.polygamma, lambda y, n, x: math.nan, lambda y, n, x: polygamma(n + 1.0, x), singular=True
)
sinc = primitive(
    "sinc",  # sin(pi * x) / (pi * x), as NumPy and PyTorch have it
    special.sinc,
    lambda y, x: math.pi**2 * x * sinc_slope(1.0, x),
    native=lowered.sinc,
)

# What neurons are made of.
sigmoid: Primitive = primitive(
    "sigmoid",
    floats.sigmoid,
    lambda y, x: _square(0.5 * sech(0.5 * x)),
    symbol="σ",
    slope=floats.slope_of_sigmoid,
    native=lowered.sigmoid,
)
softplus = primitive("softplus", floats.softplus, lambda y, x: sigmoid(x), native=lowered.softplus)
log_sigmoid = primitive("log_sigmoid", _log_sigmoid, lambda y, x: sigmoid(-x), native=lowered.log_sigmoid)
relu = primitive(
    "relu", floats.relu, lambda y, x: greater(x, 0.0), piecewise=True, slope=floats.slope_of_relu, native=lowered.relu
)

# Selecting and rounding.
greater: Primitive = primitive(
    "greater",
    floats.greater,
    lambda y, a, b: 0.0,
    lambda y, a, b: 0.0,
    symbol=">",
    piecewise=True,
    native=lowered.greater,
)
maximum = primitive(
    "maximum",
    floats.largest,
    lambda y, a, b: 0.5 * (1.0 + greater(a, b) - greater(b, a)),
    lambda y, a, b: 0.5 * (1.0 + greater(b, a) - greater(a, b)),
    symbol="max",
    piecewise=True,
    native=lowered.maximum,
)
minimum = primitive(
    "minimum",
    floats.smallest,
    lambda y, a, b: 0.5 * (1.0 + greater(b, a) - greater(a, b)),
    lambda y, a, b: 0.5 * (1.0 + greater(a, b) - greater(b, a)),
    symbol="min",
    piecewise=True,
    native=lowered.minimum,
)
clip_low = primitive(
    "clip_low",
    floats.largest,
    lambda y, x, low: 1.0 - greater(low, x),
    lambda y, x, low: greater(low, x),
    piecewise=True,
    native=lowered.maximum,
)
clip_high = primitive(
    "clip_high",
    floats.smallest,
    lambda y, x, high: 1.0 - greater(x, high),
    lambda y, x, high: greater(x, high),
    piecewise=True,
    native=lowered.minimum,
)
floor = primitive("floor", floats.floor, lambda y, x: 0.0, piecewise=True, native="floor")
ceil = primitive("ceil", floats.ceil, lambda y, x: 0.0, piecewise=True, native="ceil")
round = primitive("round", floats.rint, lambda y, x: 0.0, piecewise=True, native="rint", aliases=("rint",))
round_to = primitive("round_to", floats.round_to, lambda y, x, n: 0.0, lambda y, x, n: 0.0, piecewise=True)
sign: Primitive = primitive("sign", floats.sign, lambda y, x: 0.0, piecewise=True, native=lowered.sign)
trunc = primitive("trunc", floats.trunc, lambda y, x: 0.0, piecewise=True, native="trunc")
fmod = primitive(
    "fmod",
    floats.fmod,
    lambda y, a, b: 1.0 + _undefined(y),
    lambda y, a, b: _undefined(y) - _truncated_quotient(a, b),
    singular=True,
    native="fmod",
)
remainder = primitive(
    "remainder",
    floats.remainder,
    lambda y, a, b: 1.0 + _undefined(y),
    lambda y, a, b: round(div(y, b) - div(a, b)) + _undefined(y),
    singular=True,
    native=lowered.remainder,
)
copysign: Primitive = primitive(
    "copysign",
    floats.copysign,
    lambda y, a, b: sign(a) * copysign(1.0, b),
    lambda y, a, b: 0.0,
    piecewise=True,
    native=lowered.copysign,
)

# What rules need so that their own derivatives are as good: their obvious forms cancel or overflow.
one_minus_square: Primitive = primitive(
    "one_minus_square", lambda x: (1.0 - x) * (1.0 + x), lambda y, x: -2.0 * x, native=lowered.one_minus_square
)
sech: Primitive = primitive("sech", floats.sech, lambda y, x: -y * tanh(x), native=lowered.sech)
unit: Primitive = primitive(
    "unit",
    floats.unit,
    lambda y, a, b: unit(b, a) * over_square(b, a),
    lambda y, a, b: -y * over_square(b, a),
    singular=True,
    native=lowered.unit,
)
over_square: Primitive = primitive(
    "over_square",  # a / (a**2 + b**2): the derivative of the complex 1 / z is -1 / z**2
    floats.over_square,
    lambda y, a, b: over_square_slope(a, b),
    lambda y, a, b: -2.0 * y * over_square(b, a),
    singular=True,
    native=lowered.over_square,
)
over_square_slope: Primitive = primitive(
    "over_square_slope",  # (b**2 - a**2) / (a**2 + b**2)**2
    floats.over_square_slope,
    lambda y, a, b: 2.0 * over_square(a, b) * (_square(over_square(a, b)) - 3.0 * _square(over_square(b, a))),
    lambda y, a, b: 2.0 * over_square(b, a) * (3.0 * _square(over_square(a, b)) - _square(over_square(b, a))),
    singular=True,
    native=lowered.over_square_slope,
)
over_positive: Primitive = primitive(
    "over_positive",  # a / b; nan for a negative b: the slope of a logarithm
    floats.over_positive,
    lambda y, a, b: over_positive(1.0, b),
    lambda y, a, b: -over_positive(y, b),
    singular=True,
    native=lowered.over_positive,
)
power_log: Primitive = primitive(
    "power_log",  # a**b * log(a)
    floats.power_log,
    lambda y, a, b: power_mixed(a, b),
    lambda y, a, b: _square(power_log(a, 0.5 * b)),
    singular=True,
    native=lowered.power_log,
)
power_slope: Primitive = primitive(
    "power_slope",  # b * a**(b - 1)
    floats.power_slope,
    lambda y, a, b: power_curve(a, b),
    lambda y, a, b: power_mixed(a, b),
    singular=True,
    native=lowered.power_slope,
)
power_curve: Primitive = primitive(
    "power_curve",  # b * (b - 1) * a**(b - 2)
    floats.power_curve,
    _curve_by_base,
    _curve_by_exponent,
    singular=True,
    native=lowered.power_curve,
)
power_mixed: Primitive = primitive(
    "power_mixed",  # a**(b - 1) * (1 + b * log(a))
    floats.power_mixed,
    _curve_by_exponent,
    lambda y, a, b: 2.0 * power_log(a, b - 1.0) + masked_product(b, _square(power_log(a, 0.5 * (b - 1.0)))),
    singular=True,
    native=lowered.power_mixed,
)
div_square: Primitive = primitive(
    "div_square",  # a / b**2
    floats.div_square,
    lambda y, a, b: div_square(1.0, b),
    lambda y, a, b: div(-2.0 * y, b),
    singular=True,
    native=lowered.div_square,
)
exp_share: Primitive = primitive(
    "exp_share",  # exp(a) / (exp(a) + exp(b))
    floats.exp_share,
    lambda y, a, b: exp_share_slope(a, b),
    lambda y, a, b: -exp_share_slope(a, b),
    native=lowered.exp_share,
)
exp_share_slope: Primitive = primitive(
    "exp_share_slope",  # exp(a + b) / (exp(a) + exp(b))**2
    floats.exp_share_slope,
    lambda y, a, b: masked_product(y, tanh(0.5 * (b - a))),
    lambda y, a, b: masked_product(y, tanh(0.5 * (a - b))),
    native=lowered.exp_share_slope,
)
gamma_slope: Primitive = primitive(
    "gamma_slope",  # gamma(x) * digamma(x)
    special.gamma_slope,
    lambda y, x: y * digamma(x) + gamma(x) * polygamma(1.0, x),
    singular=True,
    native=lowered.gamma_slope,
)
erfcx_slope: Primitive = primitive(
    "erfcx_slope",  # the derivative of erfcx of an order
    special.erfcx_slope,
    lambda y, n, x: math.nan,
    lambda y, n, x: erfcx_slope(n + 1.0, x),
    singular=True,
)
erfc_hazard: Primitive = primitive(
    "erfc_hazard",  # exp(-x**2) / erfc(x)
    special.erfc_hazard,
    lambda y, x: (
        masked_product(greater(0.0, x), y * (2.0 / math.sqrt(math.pi) * y - 2.0 * x))
        - masked_product(1.0 - greater(0.0, x), y * (y * erfcx_slope(1.0, x)))
    ),
    singular=True,
    native=lowered.erfc_hazard,
)
sinc_slope: Primitive = primitive(
    "sinc_slope",  # (1 / u * d/du)**n of sin(u) / u, at u = pi * x
    special.sinc_slope,
    lambda y, n, x: math.nan,
    lambda y, n, x: math.pi**2 * x * sinc_slope(n + 1.0, x),
    singular=True,
)

# What transforms need: the operand itself, and a product that is zero where its mask is.
selected = primitive("where", lambda x: x, lambda y, x: 1.0, native=lowered.where)
argument = primitive("argument", lambda x: x, lambda y, x: 1.0, native=lowered.where)
masked_product: Primitive = primitive(
    "masked_product",
    lambda mask, x: mask * x if mask else 0.0,
    lambda y, mask, x: x,
    lambda y, mask, x: mask,
    symbol="*",
    singular=True,
    native=lowered.masked_product,
)

instead = primitive(
    "instead",  # a, of which the derivative is that of b
    lambda a, b: a,
    lambda y, a, b: 0.0,
    lambda y, a, b: 1.0,
    piecewise=True,
    native=lowered.instead,
)

built_in.update(methods)


def offered() -> set[Primitive]:
    """The operations that the package offers."""
    import microgrady

    public = [globals()[name] for name in microgrady._HOMES[__name__].split()]
    return {entry for entry in public if isinstance(entry, Primitive)}


def public_methods() -> list[str]:
    """The methods of a Value that are for people: of functions that the package offers, and of users' own."""
    public = offered()
    return [name for name, entry in methods.items() if entry in public or name not in built_in]
