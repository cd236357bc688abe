"""Random floats, and when two of them are the same."""

from __future__ import annotations

import math
import random
import struct

ENDS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 5e-324, -1e-310, 1e-160, 1e160, 1.7e308, -1e308]
BEYOND = [math.inf, -math.inf, math.nan]


def ordinary(chance: random.Random) -> float:
    """A number of everyday size without anything special about it."""
    return chance.uniform(-3.0, 3.0)


def any_float(chance: random.Random) -> float:
    """A number of any kind: everyday ones, round ones, the ends of the range, infinities and nan."""
    kind = chance.random()
    if kind < 0.5:
        return ordinary(chance)
    if kind < 0.65:
        return float(chance.randint(-4, 4))
    if kind < 0.8:
        return chance.choice((-1.0, 1.0)) * float(10.0 ** chance.uniform(-12.0, 12.0))
    if kind < 0.95:
        return chance.choice(ENDS)
    return chance.choice(BEYOND)


def same_bits(a: float, b: float) -> bool:
    """Whether two numbers are the same to the last bit, the sign of a zero included; one nan is as good as another."""
    return (a != a and b != b) or struct.pack("<d", a) == struct.pack("<d", b)


def same_number(a: float, b: float) -> bool:
    """Whether two numbers are the same, but for the sign of a zero."""
    return a == b or (a != a and b != b)
