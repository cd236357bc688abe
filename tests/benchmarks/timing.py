"""What engines cost: the first call in a fresh process, then samples of calls in turn with others."""

from __future__ import annotations

import contextlib
import gc
import importlib
import math
import multiprocessing
import sys
import time
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy

Array = Any  # of NumPy
Call = Callable[[Array], Any]
Clock = Callable[[], float]

DEFAULT = "microgrady, jit"  # the engine that the others are held against
STARTS = 3  # fresh processes that measure an engine
SMALL = 1000  # what is larger is measured in one
SAMPLE = 0.03  # seconds; a sample repeats a call for as long
TOLERANCE = 1e-8  # of the gradient


def difference_to_largest(found: Array, expected: Array) -> float:
    """Return the largest difference of an entry, relative to the largest entry."""
    return float(numpy.max(numpy.abs(found - expected)) / numpy.max(numpy.abs(expected)))


@dataclass(frozen=True)
class Engine:
    """A way to the numbers.

    Attributes:
        make: Makes the function that is called, for a size.
        modules: What is imported before time is taken.
        clock: Which time counts.
        compiles: Whether the first call differs from those after it.
        read: Takes the gradient from what a call returns; None if there is none.
        largest: Up to which size it is measured, and up to which one with `--slow`.
    """

    make: Callable[[int], Call]
    modules: tuple[str, ...] = ()
    clock: Clock = time.process_time
    compiles: bool = True
    read: Callable[[Any], Array] | None = lambda returned: returned[1]
    largest: tuple[float, float] = (math.inf, math.inf)


@dataclass(frozen=True)
class Table:
    """Engines that do the same.

    Attributes:
        title: With a place for the size.
        engines: By their names.
        reference: The engine that all are held against besides microgrady's.
        point: Where a call of a size is made.
        expected: The gradient there.
        sizes: Those that are measured.
        slow_sizes: Those that are measured with `--slow`, too.
        difference: Of a gradient that an engine gives and that which is expected.
        tolerance: Of the difference: beyond, an engine computes something else.
    """

    title: str
    engines: Mapping[str, Engine]
    reference: str
    point: Callable[[int], Array]
    expected: Callable[[int], Array]
    sizes: tuple[int, ...]
    slow_sizes: tuple[int, ...] = ()
    difference: Callable[[Array, Array], float] = difference_to_largest
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Cost:
    """What one process measured of an engine.

    Attributes:
        first: Seconds of the first call.
        calls: Seconds of a call, by sample.
        ratios: To the engines that it was held against, by their names and by sample.
        code: Bytes of machine code that LLVM wrote in the first call.
        difference: Of the gradient to that which is expected.
    """

    first: float
    calls: list[float]
    ratios: dict[str, list[float]]
    code: int
    difference: float


def fresh(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, in which nothing has been imported, compiled or allocated yet."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_memory() -> float:
    """Return the most bytes that this process has had in memory."""
    resource = importlib.import_module("resource")
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def sampler(function: Callable[..., Any], arguments: Sequence[Any], clock: Clock) -> Iterator[float]:
    """Yield seconds of a call, sample after sample."""
    names = {f"x{k}": argument for k, argument in enumerate(arguments)}
    # timeit would switch the garbage collector off.
    timer = timeit.Timer(f"f({', '.join(names)})", "gc.enable()", clock, {**names, "f": function, "gc": gc})
    calls = 1
    while (passed := timer.timeit(calls)) < SAMPLE:
        calls = max(2 * calls, int(calls * SAMPLE / max(passed, 1e-6)))
    while True:
        yield timer.timeit(calls) / calls


def cost_of(table: Table, name: str, size: int, samples: int, beside: Sequence[str]) -> Cost:
    """Return what an engine costs, held against others. To be called in a fresh process."""
    engine, x = table.engines[name], table.point(size)
    for module in engine.modules:
        importlib.import_module(module)
    with machine_code() as objects:
        start = engine.clock()
        call = engine.make(size)
        returned = call(x)
        first = engine.clock() - start
    code = sum(map(text_bytes, objects))
    difference = 0.0
    if engine.read is not None:
        difference = table.difference(engine.read(returned), table.expected(size))
        if not difference < table.tolerance:
            raise ArithmeticError(f"{name} gives another gradient: the difference is {difference:.1g}")
    calls = {name: call}
    for other in beside:
        if other != name:
            try:
                calls[other] = table.engines[other].make(size)
            except ImportError:
                continue
            calls[other](x)
    # In turn: the machine may be faster now than a second ago.
    samplers = {each: sampler(function, [x], engine.clock) for each, function in calls.items()}
    taken = [{each: next(seconds) for each, seconds in samplers.items()} for _ in range(samples)]
    ratios = {other: [sample[name] / sample[other] for sample in taken] for other in beside if other in calls}
    return Cost(first, [sample[name] for sample in taken], ratios, code, difference)


@contextlib.contextmanager
def machine_code() -> Iterator[list[bytes]]:
    """Return a list that gets each file of machine code that microgrady loads meanwhile."""
    objects: list[bytes] = []
    try:
        reference = importlib.import_module("llvmlite.binding").ObjectFileRef
    except ImportError:  # nor is there machine code
        yield objects
        return
    original = reference.from_data

    def from_data(contents: bytes) -> Any:
        objects.append(contents)
        return original(contents)

    reference.from_data = from_data
    try:
        yield objects
    finally:
        reference.from_data = original


def text_bytes(contents: bytes) -> int:
    """Return how many bytes of instructions are in a file of machine code."""
    file = importlib.import_module("llvmlite.binding").ObjectFileRef.from_data(contents)
    return sum(section.size() for section in file.sections() if section.is_text())


def quartiles_in_brackets(ratios: list[float]) -> str:
    """Return the median of ratios, and their quartiles."""
    digits = 3 if min(ratios) > 0.1 else 2
    low, middle, high = (f"{ratio:.{digits}g}" if ratio < 1000 else f"{ratio:.0f}" for ratio in quartiles(ratios))
    return f"{middle}x [{low}-{high}]"


def quartiles(ratios: list[float]) -> list[float]:
    """Return the first quartile, the median and the third."""
    found: list[float] = numpy.percentile(ratios, (25, 50, 75)).tolist()
    return found


def seconds_in_words(seconds: float) -> str:
    """Return seconds with a unit that suits them."""
    return f"{1e6 * seconds:.3g} us" if seconds < 1e-3 else f"{1e6 * seconds:,.0f} us"
