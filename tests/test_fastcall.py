"""The built-in function by which floats get into machine code."""

from __future__ import annotations

import functools
import gc
import sys
import tracemalloc
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value, jit
from tests.threads import run_in_threads

pytest.importorskip("llvmlite", reason="needs llvmlite")

WEIGHT = Value(3.0)


def opened(function: Any, *args: float) -> Any:
    """The fast call of a function that has been compiled for these arguments."""
    compiled = jit(function)
    assert compiled(*args) == compiled(*args)
    assert compiled._fastcall is not None
    return compiled._fastcall


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x * y,
        lambda x, y: (x, y),
        lambda x, y: [x + y],
        lambda x, y: (x * y, (y, [x, (x + 1,)]), [], ()),
        lambda x, y: (2.0, x),
        lambda x, y: (x * WEIGHT, y),
        lambda x, y: [x * float(k) + y for k in range(600)],  # too much for the stack
        lambda x, y: functools.reduce(lambda inside, _: [y, (inside,)], range(40), x),
        mg.value_and_grad(lambda x, y: x * mg.sin(y), argnums=(0, 1)),
    ],
)
def test_it_gives_what_the_function_gives(function: Any) -> None:
    fastcall = opened(function, 1.5, -2.0)
    for point in ((0.5, 3.0), (-0.0, 8.0), (1e308, 1e3)):
        assert repr(fastcall(*point)) == repr(jit(function)(*point))


def test_anything_but_floats_is_left_to_others() -> None:
    fastcall = opened(lambda x, y: x + y, 1.0, 2.0)
    for args in ((), (1.0,), (1.0, 2.0, 3.0), (1, 2.0), (1.0, True), (1.0, Value(2.0)), (1.0, "2"), (None, None)):
        assert fastcall(*args) is float
    numpy = pytest.importorskip("numpy")
    assert fastcall(1.0, numpy.float64(2.0)) is float


def test_another_branch_is_left_to_others() -> None:
    fastcall = opened(lambda x: x if x > 0 else -x, 2.0)
    assert fastcall(3.0) == 3.0
    assert fastcall(-3.0) is float
    assert fastcall(float("nan")) is float


@pytest.mark.parametrize(
    "function",
    [
        lambda x: {"a": x},  # only tuples and lists
        lambda x: mg.polygamma(1.0, x),  # Python is called back
        lambda x: functools.reduce(lambda inside, _: [inside], range(150), x),  # much of the stack
    ],
)
def test_what_needs_python_has_no_fast_call(function: Any) -> None:
    compiled = jit(function)
    assert compiled(2.0) == compiled(2.0)
    assert compiled._fastcall is None


def test_inside_a_transform_it_stays_shut() -> None:
    double = jit(lambda x: 2 * x)
    assert double(1.0) == double(2.0) / 2 == 2.0
    assert mg.grad(lambda x: x * double(3.0) + double(x))(1.0) == 8.0
    outer = jit(lambda x: jit(lambda y: x * y)(2.0))
    assert [outer(x) for x in (1.0, 5.0, 7.0)] == [2.0, 10.0, 14.0]


def test_it_keeps_nothing_and_frees_nothing_that_it_should_not() -> None:
    fastcall = opened(lambda x, y: (x * y, [y, (x,)]) if x > 0 else x, 1.0, 2.0)
    arguments = (3.25, 4.5)
    gc.collect()  # what earlier tests have left
    before = [sys.getrefcount(thing) for thing in (float, *arguments)]
    tracemalloc.start()
    try:
        for _ in range(2000):
            fastcall(*arguments)
            fastcall(-1.0, 2.0)
            fastcall(1, 2)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 10_000
    finally:
        tracemalloc.stop()
    assert [sys.getrefcount(thing) for thing in (float, *arguments)] == before


@pytest.mark.usefixtures("frequent_switches")
def test_threads_use_it_at_once() -> None:
    fastcall = opened(lambda x, y: (x * y, x + y), 1.0, 2.0)

    def work(index: int) -> None:
        for k in range(500):
            assert fastcall(float(index), float(k)) == (float(index * k), float(index + k))

    run_in_threads(work)
