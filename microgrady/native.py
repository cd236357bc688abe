"""The functions of `ieee` once more, as machine code: in the operations of a `Machine`, with the same results.

Each takes the machine and its operands, variables or constants, and gives the operand of the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from microgrady.machine import Condition, Machine, Operand

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
    difference = machine.sub(a, b)
    small = _small_exp(machine, difference)
    share = _sigmoid(machine, difference, small)
    other = _sigmoid(machine, machine.neg(difference), small)
    back = machine.sub(difference, a)
    rest = machine.sub(machine.sub(a, machine.sub(difference, back)), machine.add(b, back))
    return machine.select(
        machine.less(machine.abs(difference), math.inf),
        machine.mul(share, machine.add(1.0, machine.mul(rest, other))),
        share,
    )


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
    """1 or 0."""
    return machine.select(machine.less(b, a), 1.0, 0.0)


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
    return machine.div(x, hypot(machine, x, machine.mul(b, scale)))


def over_square(machine: Machine, a: Operand, b: Operand) -> Operand:
    """An operand by the sum of the squares, scaled."""
    scale = power_of_two(machine, a, b)
    x, y = machine.mul(a, scale), machine.mul(b, scale)
    return machine.mul(machine.div(x, machine.add(machine.mul(x, x), machine.mul(y, y))), scale)


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


def power_slope(machine: Machine, a: Operand, b: Operand) -> Operand:
    """Likewise."""
    return machine.choose(
        machine.equal(b, 0.0),
        lambda: 0.0,
        lambda: machine.choose(
            machine.equal(b, 2.0),
            lambda: machine.mul(2.0, a),
            lambda: _power_slope(machine, a, b),
        ),
    )


def _power_slope(machine: Machine, a: Operand, b: Operand) -> Operand:
    lower = machine.sub(b, 1.0)
    finite = machine.less(machine.abs(b), math.inf)
    lost = machine.select(finite, machine.sub(b, machine.add(lower, 1.0)), 0.0)
    whole = power(machine, a, lower)
    product = machine.mul(b, whole)

    def regained(almost: Operand) -> Operand:
        return machine.choose(
            machine.equal(lost, 0.0),
            lambda: almost,
            lambda: machine.mul(
                almost,
                machine.add(1.0, machine.mul(lost, machine.call("log", machine.abs(a)))),
            ),
        )

    def in_halves() -> Operand:
        half = power(machine, machine.abs(a), machine.div(lower, 2.0))
        sign = power(machine, machine.copysign(1.0, a), lower)
        return regained(machine.mul(machine.mul(b, machine.mul(sign, half)), half))

    size = machine.abs(a)
    inside = machine.both(machine.less(0.0, size), machine.less(size, math.inf))
    return machine.choose(
        _in_normal_range(machine, whole),
        lambda: regained(product),
        lambda: machine.choose(
            machine.both(inside, finite),
            in_halves,
            lambda: product,
        ),
    )


def gated(machine: Machine, gate: Operand, x: Operand) -> Operand:
    """A product that is zero where its gate is."""
    return machine.select(machine.equal(gate, 0.0), 0.0, machine.mul(gate, x))
