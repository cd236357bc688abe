"""Programs full of loops: compiled in any way, they give the bits of the interpreter, and the same guards fail."""

from __future__ import annotations

import inspect
import math
import random
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from tests.compiled import INF, NAN
from tests.fuzz.loops import Function, LoopSource, points_of, require_same

COUNT = 24
REGULAR = [0.25 * k - 2.0 for k in range(COUNT)]
NUMBERS = [math.sin(3.0 * k) for k in range(COUNT)]
FLAGS = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0] * 4
WHOLE = [2.0] * COUNT
AWKWARD = [NAN if k == 5 else INF if k == 11 else -0.0 if k == 17 else k - 7.5 for k in range(COUNT)]
ORDER = [(7 * k + 3) % COUNT for k in range(COUNT)]  # which does not move by a fixed step
WEIGHTS = [[math.cos(k * j + 1.0) for k in range(8)] for j in range(12)]

sources = st.randoms(use_true_random=False)


def plain_loop(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for k in range(COUNT):
        total = total + mg.sin(x[k]) * x[k]
    return [total]


def with_neighbours(x: Sequence[Any]) -> list[Any]:
    return [sum(100 * (x[k + 1] - x[k] ** 2) ** 2 + (1 - x[k]) ** 2 for k in range(COUNT - 1))]


def nested(x: Sequence[Any]) -> list[Any]:
    layer = [mg.tanh(sum(w * x[k] for k, w in enumerate(row))) for row in WEIGHTS]
    return [sum(signal * x[8 + k] for k, signal in enumerate(layer)), layer[3]]


def triangular(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for i in range(COUNT):
        for j in range(i + 1, COUNT):
            apart = x[i] - x[j]
            total = total + 1 / (1 + apart * apart)
    return [total]


def growing(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for i in range(COUNT):
        for j in range(i):
            total = total + x[j] * REGULAR[i] * x[i]
    return [total]


def irregular_ends(x: Sequence[Any]) -> list[Any]:
    sums: list[Any] = []
    for k in range(COUNT):
        here = x[k] * x[k]
        if k > 0:
            here = here + sums[k - 1] * 0.5
        if k == COUNT - 1:
            here = mg.exp(here)
        sums.append(here)
    return [mg.sum(sums), sums[0], sums[-1]]


def carried(x: Sequence[Any]) -> list[Any]:
    a, b = x[0], x[1]
    for k in range(100):
        a, b = b, mg.tanh(a + x[k % COUNT] * b) - 0.25 * a
    return [a, b]


def data(x: Sequence[Any]) -> list[Any]:
    results = []
    for numbers in (REGULAR, NUMBERS, FLAGS, WHOLE, AWKWARD):
        total = 0.0
        for k in range(COUNT):
            total = total + numbers[k] * x[k] + mg.maximum(x[k], numbers[k])
        results.append(total)
    return results


def through_a_table(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for k in range(COUNT):
        there = mg.sin(x[ORDER[k]]) * REGULAR[ORDER[k]]
        total = total * 0.5 + there * x[k] - there * there
    return [total]


def backwards(x: Sequence[Any]) -> list[Any]:
    value = 0.0
    for k in reversed(range(COUNT)):  # Horner's scheme
        value = value * 0.5 + x[k]
    total = 0.0
    for k in range(0, COUNT, 2):
        total = total + x[k] * x[-1 - k] * value
    return [value, total]


def guarded(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for k in range(COUNT):
        total = total + x[k] * NUMBERS[k] if x[k] < 50.0 else total - mg.log(x[k])
    return [total]


def guarded_triangle(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for i in range(COUNT):
        for j in range(i):
            if abs(x[i] - x[j]) < 50.0:
                total = total + x[i] * x[j]
    return [total]


def zero_adjoints(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for k in range(COUNT):
        total = total + NUMBERS[k] * mg.sqrt(mg.maximum(x[k], 0.0)) + 0.0 * mg.log(x[k] - POINT[k])
    return [total]


SHAPES: list[Function] = [
    plain_loop,
    with_neighbours,
    nested,
    triangular,
    growing,
    irregular_ends,
    carried,
    data,
    through_a_table,
    backwards,
    guarded,
    guarded_triangle,
    zero_adjoints,
]
POINT = [math.cos(2.0 * k) for k in range(COUNT)]
# The guards of the first turn, of one in the middle and of the last fail, and of several.
CHANGED: list[dict[int, float]] = [{}, {0: 60.0}, {11: 60.0}, {COUNT - 1: 60.0}, {5: NAN, 20: 60.0}, {3: 0.0, 9: -INF}]


def changed(numbers: dict[int, float]) -> list[float]:
    return [numbers.get(k, number) for k, number in enumerate(POINT)]


@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "gradient"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.__name__))
def test_loops_of_every_shape_are_found_and_give_the_same_bits(shape: Function, with_gradient: bool) -> None:
    points = list(map(changed, CHANGED))
    in_c = shutil.which("cc") is not None
    compiled = require_same(shape, inspect.getsource(shape), points, with_gradient, in_c)
    assert compiled.paths[0].loops


def law_of(examples: int, with_gradient: bool, in_c: bool) -> Callable[[], None]:
    @settings(max_examples=examples, deadline=None)
    @given(sources)
    def law(chance: random.Random) -> None:
        source = LoopSource(chance)
        require_same(source.function(), source, points_of(chance, source.count), with_gradient, in_c)

    return law


@pytest.mark.slow
@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "gradient"])
def test_compiled_loops_give_the_same_bits_and_the_same_guards(with_gradient: bool) -> None:
    law_of(20, with_gradient, in_c=False)()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "gradient"])
def test_loops_in_c_give_the_same_bits_and_the_same_guards(with_gradient: bool) -> None:
    law_of(4, with_gradient, in_c=True)()
