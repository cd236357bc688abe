"""A program that ends with a signal if a batch reads or writes anything beside its arrays."""

from __future__ import annotations

import functools
import itertools
import random
import sys
from typing import Any
from unittest import mock

import numpy as np

import microgrady as mg
from microgrady.compiler import batch_path, batch_worker
from microgrady.compiler.backends.simd import ALIGNMENT, Access, Kernel, Pattern, lanes_of_host
from microgrady.compiler.options import BatchOptions
from tests.fences import PAGE, copied, fenced
from tests.looped_programs import INPUTS, OUTPUTS, LoopMaker

COUNTS = (*range(1, 18), 40)
OPTIONS = BatchOptions(64, None, None, None, True, 1, False)


def function(x: Any, y: Any, z: Any) -> Any:
    """A function of two numbers and an array, with two ways."""
    total = x * y + mg.exp(x)
    for k in range(3):
        total = total + z[k] * mg.sin(z[k])
    return (total, z * x) if x > 0.5 else (total - y, z)


def kernels(width: int) -> None:
    """Run kernels of random programs, all of what they get being fenced."""
    for seed in range(2):
        program = LoopMaker(random.Random(seed), seed % 2 == 1).make()
        for listed, access in itertools.product((False, True), (Access.CONSECUTIVE, Access.STRIDED)):
            accesses = (Access.FIXED, *[access] * (INPUTS - 1))
            kernel = Kernel(program, Pattern(accesses, (access,) * OUTPUTS, listed), width, True)
            loaded = batch_path.LoadedKernel(kernel, 0, OPTIONS)
            if len(sys.argv) > 1:
                run(kernel, loaded, PAGE // 8, True, width)
            for count, at_end in itertools.product((*range(width, 2 * width + 2), 40), (True, False)):
                if not listed or count % width == 0:
                    run(kernel, loaded, count, at_end)


def run(kernel: Kernel, loaded: Any, count: int, at_end: bool, beyond: int = 0) -> None:
    """Run a kernel at some points, and beyond them."""
    columns = [fenced(count, at_end=at_end) for _ in range(INPUTS - 1 + OUTPUTS)]
    for column in columns[: INPUTS - 1]:
        column[:] = np.arange(count) / 7
    table = copied(np.array([(column.ctypes.data, 8) for column in columns], np.int64), at_end)
    memory = fenced(kernel.memory_size - ALIGNMENT, np.uint8, at_end)
    codes = fenced(count, np.int32, at_end)
    points = copied(np.arange(count)[::-1], at_end)
    start = points.ctypes.data if kernel.pattern.listed else 0
    if memory.ctypes.data % ALIGNMENT == 0:
        fixed = copied(np.full(INPUTS, 0.5), at_end)
        loaded.run(*(each.ctypes.data for each in (table, fixed, memory, codes)), start, count + beyond)


def calls(width: int, exact: bool, **options: Any) -> None:
    """Call a function for any number of points."""
    vmapped = mg.vmap(mg.jacobian(function, (0, 2)), exact=exact, threads=1, **options)
    for count, at_end in itertools.product(COUNTS, (True, False)):
        place = functools.partial(copied, at_end=at_end)
        x, y, z = place(np.linspace(0.0, 1.0, count)), place(np.ones(count, "f4")), place(np.ones((count, 3)))
        with mock.patch.object(np, "empty", functools.partial(fenced, at_end=at_end)):
            vmapped(x, y, z)
            vmapped(x[::-1], y, np.asfortranarray(z))


if __name__ == "__main__":
    for lanes in sorted({4, lanes_of_host()}):
        with (
            mock.patch.object(batch_worker, "lanes_of_host", lambda lanes=lanes: lanes),
            mock.patch.object(batch_path, "lanes_of_host", lambda lanes=lanes: lanes),
        ):
            kernels(lanes)
            calls(lanes, True)
            calls(lanes, False)
            calls(lanes, True, reduce="sum")
    print("whole")
