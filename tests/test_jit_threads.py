"""Compiled functions in many threads at once, and in little memory."""

from __future__ import annotations

import gc
import math
import warnings
from pathlib import Path
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.jit import jit
from tests.compiled import interpreted, logistic, same_bits
from tests.threads import run_in_threads


def test_threads_call_one_function_at_once() -> None:
    compiled = jit(mg.grad(logistic))
    expected = {number: compiled(number / 10) for number in range(8)}

    def work(number: int) -> None:
        for _ in range(2000):
            assert compiled(number / 10) == expected[number]

    run_in_threads(work)


def test_first_calls_of_threads_at_once_record_each_way_once() -> None:
    def function(x: Any) -> Any:
        y = x
        for _ in range(100):
            y = mg.sin(y) + x
        return y if x > 0 else -y

    compiled = jit(function, max_paths=2)

    def work(number: int) -> None:
        x = 0.5 if number % 2 else -0.5
        assert same_bits(compiled(x), interpreted(function, x))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_in_threads(work)
    assert len(compiled.paths) == 2


def test_threads_add_up_the_gradients_of_shared_leaves() -> None:
    weight = Value(2.0)
    compiled = jit(lambda x: weight * x)

    def work(number: int) -> None:
        for _ in range(500):
            compiled.backward(1.0)

    run_in_threads(work, 4)
    assert weight.grad == 2000.0


def resident() -> int:
    """The memory that this process occupies, in bytes."""
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("needs /proc")
    return int(status.read_text().split()[1]) * 4096


def test_small_compilations_do_not_pile_up_in_memory() -> None:
    def compile_one(number: int) -> None:
        compiled = jit(lambda x: mg.sin(x * number) + number if x > 0 else x)
        assert compiled(1.0) == math.sin(number) + number
        assert compiled(-1.0) == -1.0

    for number in range(30):
        compile_one(number)
    gc.collect()
    before = resident()
    for number in range(100):
        compile_one(number)
    gc.collect()
    assert resident() - before < 8e6
