"""Every way to a derivative gives the same bits, but for the sign of a zero: also at zeros, infinities and nan."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value, functions
from microgrady.value import Primitive
from tests.plain import plain

SPECIAL = [
    0.0,
    -0.0,
    math.inf,
    -math.inf,
    math.nan,
    5e-324,
    -1e-310,
    1e308,
    -1.7e308,
    1.0,
    -1.0,
    0.5,
    2.0,
    -3.0,
    1e-160,
]
NEED_SCIPY = {"gamma", "lgamma", "digamma", "polygamma"}
NEED_MASKS = {"kept", "dropped"}  # an operand of theirs is 0 or 1
TABLE = [entry for entry in vars(functions).values() if isinstance(entry, Primitive)]
TABLE = [entry for entry in TABLE if entry.name not in NEED_SCIPY | NEED_MASKS]
UNARY = [entry for entry in TABLE if len(entry.rules) == 1]
BINARY = [entry for entry in TABLE if len(entry.rules) == 2]
Step = tuple[Primitive, tuple[Any, ...]]  # an operand is a number, or the index of an earlier result


def random_steps(chance: random.Random) -> list[Step]:
    steps: list[Step] = []
    for made in range(2, 2 + chance.randint(1, 4)):
        if chance.random() < 0.45:
            steps.append((chance.choice(UNARY), (chance.randrange(made),)))
        else:
            other = chance.choice([chance.randrange(made), chance.choice(SPECIAL)])
            operands = [chance.randrange(made), other]
            chance.shuffle(operands)
            steps.append((chance.choice(BINARY), tuple(operands)))
    return steps


def follow(steps: list[Step], x: Any, y: Any) -> Any:
    found = [x, y]
    for entry, operands in steps:
        found.append(entry(*(found[operand] if isinstance(operand, int) else operand for operand in operands)))
    return found[-1]


def ways(function: Callable[..., Any], recorded: Any, x: float, y: float) -> dict[str, list[float]]:
    a, b = Value(x), Value(y)
    output = function(a, b)
    slopes = [slope.data for slope in mg.gradients(output, [a, b])]
    output.backward()
    value, gradient = mg.value_and_grad(function, (0, 1))(x, y)
    return {
        "backward": [output.data, a.grad, b.grad],
        "gradients": [output.data, *slopes],
        "grad": [value, *gradient],
        "jit of grad": recorded.evaluate([x, y]),
    }


def unpacked(function: Callable[..., Any], arguments: list[Any]) -> Any:
    return function(*arguments)


def alike(found: list[float], expected: list[float]) -> bool:
    """Equal bits but for the signs of zero and nan; finite sums of several shares may be rounded in another order."""
    return all(
        a == b or (a != a and b != b) or (math.isfinite(a) and math.isclose(a, b, rel_tol=1e-13))
        for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("seed", range(8))
def test_every_way_gives_the_same_derivative_of_random_programs_at_special_numbers(seed: int) -> None:
    from microgrady.compiler.programs.recording import Recording

    chance = random.Random(seed)
    for _ in range(120):
        steps = random_steps(chance)

        def function(x: Any, y: Any, steps: list[Step] = steps) -> Any:
            return follow(steps, x, y)

        if not isinstance(function(Value(1.0), Value(1.0)), Value):
            continue
        both = mg.value_and_grad(function, (0, 1))
        recorded = Recording(functools.partial(unpacked, both), "a program", [0.3, 0.7]).program
        for _ in range(3):
            x, y = chance.choice(SPECIAL), chance.choice(SPECIAL)
            found = ways(function, recorded, x, y)
            for way, numbers in found.items():
                words = [(entry.name, operands) for entry, operands in steps]
                assert alike(numbers, found["backward"]), (words, (x, y), way, numbers, found["backward"])


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, math.inf, math.nan])
def test_a_zero_partial_against_an_infinite_adjoint_is_nan_in_every_way(x: float) -> None:
    def function(y: Any) -> Any:
        return (y * 0.0) / 0.0

    y = Value(x)
    output = function(y)
    output.backward()
    assert math.isnan(y.grad)
    for slope in (mg.gradients(output, y).data, mg.grad(function)(x), mg.jit(mg.grad(function))(x)):
        assert math.isnan(slope)


@pytest.mark.parametrize("x", [0.0, 1.0, -0.0])
def test_the_sign_of_a_nan_means_nothing_interpreted_and_compiled(x: float) -> None:
    pytest.importorskip("llvmlite")
    signed: list[Callable[..., Any]] = [
        lambda x: mg.copysign(2.0, x / x),
        lambda x: mg.copysign(2.0, -(x / x)),
        lambda x: mg.copysign(x + 3.0, mg.sqrt(-1.0 - x)),
        lambda x: mg.copysign(x + 3.0, (x - x) * math.inf),
        lambda x: mg.copysign(2.0, mg.copysign(x / x, -1.0)),
        lambda x: mg.fmod(x + 5.0, x / x),
    ]
    for function in signed:
        compiled = mg.jit(function)
        expected = plain(function(Value(x)))
        for _ in range(2):
            assert compiled(x) == expected or math.isnan(expected)
    assert plain(mg.copysign(2.0, Value(math.nan))) == plain(mg.copysign(2.0, Value(-math.nan))) == 2.0
