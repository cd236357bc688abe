"""What jit's first call costs and the calls after it, against numba, CasADi, JAX and plain Python."""

from __future__ import annotations

import argparse
import functools
import gc
import importlib
import importlib.util
import itertools
import math
import multiprocessing
import statistics
import sys
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy

import microgrady
from microgrady.compiler.jit import jit
from microgrady.trees import flatten
from tests.benchmarks import eager

Array = Any  # of NumPy
Call = Callable[[Array], tuple[float, Array]]
Clock = Callable[[], float]

VARIABLES, FEW = 1000, 100
DEFAULT, LOOP, NUMBA = "microgrady, jit", "JAX, jit of the same loop", "numba, gradient written by hand"
STARTS = 3  # fresh processes that measure an engine
SAMPLE = 0.03  # seconds; a sample repeats a call for as long
ROW = "{:<36}{:>15}{:>15}{:>24}{:>14}"
SMALL_ROW = "{:<36}" + "{:>34}" * 2
SIZE_ROW = "{:<28}{:>12}{:>14}{:>14}{:>12}{:>16}"

NOTES = f"""
First call: with all that comes before the first result (recording, simplifying and compiling; for CasADi building the
function and its gradient), but not the imports: the median of {STARTS} fresh processes, each of which then measures the
calls. One call: an array of NumPy in, a new one out; the median. Then how many times microgrady's it takes, with the
quartiles of that ratio in brackets: a sample takes microgrady's call, this one, microgrady's, ..., in turn. Difference:
the largest relative one between an entry of the gradient and the interpreted microgrady's. Time is that of the
processor, except for JAX, which computes in threads of its own: there all is time on the clock."""


def valley(x: Sequence[Any]) -> Any:
    """Rosenbrock's function as a plain loop."""
    return eager.rosenbrock(None, x)


def valley_by_hand(x: Array) -> tuple[float, Array]:
    """Its value and gradient written by hand as a loop, for numba."""
    total, slope = 0.0, numpy.zeros(len(x))
    for i in range(len(x) - 1):
        bend, rest = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        total += 100.0 * bend * bend + rest * rest
        slope[i] -= 400.0 * x[i] * bend + 2.0 * rest
        slope[i + 1] = 200.0 * bend
    return total, slope


def valley_of_arrays(x: Any) -> Any:
    """Its value from whole arrays."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def valley_of_arrays_by_hand(x: Array) -> tuple[float, Array]:
    """Its value and gradient from whole arrays, written by hand."""
    head, slope = x[:-1], numpy.zeros(len(x))
    bend, rest = x[1:] - head * head, 1.0 - head
    slope[:-1] = -400.0 * head * bend - 2.0 * rest
    slope[1:] += 200.0 * bend
    return float(100.0 * (bend @ bend) + rest @ rest), slope


@dataclass(frozen=True)
class Engine:
    """A way to the value and the gradient.

    Attributes:
        make: Makes the function that is called, for a number of variables.
        modules: What is imported before time is taken.
        clock: Which time counts.
        compiles: Whether the first call differs from those after it.
        differentiates: Whether there is a gradient.
    """

    make: Callable[[int], Call]
    modules: tuple[str, ...] = ()
    clock: Clock = time.process_time
    compiles: bool = True
    differentiates: bool = True


def _jitted(optimize: bool | None) -> Engine:
    return Engine(lambda _: jit(microgrady.value_and_grad(valley), optimize=optimize), ("llvmlite.binding",))


def numba_by_hand(variables: int) -> Call:
    """Numba's compilation of the loop written by hand, without fastmath."""
    compiled: Call = importlib.import_module("numba").njit(valley_by_hand)
    return compiled


def _casadi_function(variables: int) -> Any:
    casadi = importlib.import_module("casadi")
    x = casadi.SX.sym("x", variables)
    total = valley([x[i] for i in range(variables)])
    return casadi.Function("valley", [x], [total, casadi.gradient(total, x)])


def casadi_buffers(variables: int) -> Call:
    """CasADi's SX, called through memory that it shares."""
    buffer, trigger = _casadi_function(variables).buffer()
    point, value, slope = numpy.zeros(variables), numpy.zeros(1), numpy.zeros(variables)
    buffer.set_arg(0, point.data)
    buffer.set_res(0, value.data)
    buffer.set_res(1, slope.data)
    held = buffer, trigger  # the trigger alone would not keep the buffer

    def call(x: Array) -> tuple[float, Array]:
        point[:] = x
        held[1]()
        return float(value[0]), slope.copy()

    return call


def casadi_call(variables: int) -> Call:
    """CasADi's SX, called as its documentation does."""
    function = _casadi_function(variables)

    def call(x: Array) -> tuple[float, Array]:
        value, slope = function(x)
        return float(value), slope.full().ravel()

    return call


def jax_jit(function: Callable[[Any], Any], variables: int) -> Call:
    """JAX in double precision."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(jax.value_and_grad(function))

    def call(x: Array) -> tuple[float, Array]:
        value, slope = compiled(x)
        slope.block_until_ready()
        return float(value), numpy.asarray(slope)

    return call


ENGINES: dict[str, Engine] = {
    DEFAULT: _jitted(None),
    "microgrady, jit(optimize=True)": _jitted(True),
    "microgrady, interpreted": Engine(lambda _: microgrady.value_and_grad(valley), compiles=False),
    NUMBA: Engine(numba_by_hand, ("numba",)),
    "CasADi SX, buffers": Engine(casadi_buffers, ("casadi",)),
    "CasADi SX, plain call": Engine(casadi_call, ("casadi",)),
    "JAX, jit of whole arrays": Engine(functools.partial(jax_jit, valley_of_arrays), ("jax",), time.perf_counter),
    LOOP: Engine(functools.partial(jax_jit, valley), ("jax",), time.perf_counter),
    "NumPy, gradient written by hand": Engine(lambda _: valley_of_arrays_by_hand, compiles=False),
    "Python, the value alone, on floats": Engine(
        lambda _: lambda x: (valley(x.tolist()), None), compiles=False, differentiates=False
    ),
}


@dataclass(frozen=True)
class Cost:
    """What one process measured of an engine: seconds, ratios to microgrady's call, difference of the gradient."""

    first: float
    calls: list[float]
    ratios: list[float]
    difference: float


def fresh(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, in which nothing has been imported, compiled or allocated yet."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _sampler(function: Callable[..., Any], arguments: Sequence[Any], clock: Clock) -> Iterator[float]:
    """Seconds of a call, sample after sample."""
    names = {f"x{k}": argument for k, argument in enumerate(arguments)}
    # timeit would switch the garbage collector off.
    timer = timeit.Timer(f"f({', '.join(names)})", "gc.enable()", clock, {**names, "f": function, "gc": gc})
    calls = 1
    while (passed := timer.timeit(calls)) < SAMPLE:
        calls = max(2 * calls, int(calls * SAMPLE / max(passed, 1e-6)))
    while True:
        yield timer.timeit(calls) / calls


def point_of(variables: int) -> Array:
    """Where the function is computed."""
    return numpy.random.default_rng(1).uniform(-1.5, 1.5, variables)


def cost_of(name: str, variables: int, samples: int) -> Cost:
    """What an engine costs. To be called in a fresh process."""
    engine, x = ENGINES[name], point_of(variables)
    for module in engine.modules:
        importlib.import_module(module)
    start = engine.clock()
    call = engine.make(variables)
    slope = call(x)[1]
    first = engine.clock() - start
    ours = ENGINES[DEFAULT].make(variables)
    ours(x)
    # In turn: the machine may be faster now than a second ago.
    pairs = zip(_sampler(ours, [x], engine.clock), _sampler(call, [x], engine.clock), strict=False)
    taken = list(itertools.islice(pairs, samples))
    expected = microgrady.value_and_grad(valley)(x)[1]
    difference = float(numpy.max(numpy.abs(slope - expected) / numpy.abs(expected))) if engine.differentiates else 0.0
    return Cost(first, [mine for _, mine in taken], [mine / base for base, mine in taken], difference)


def _in_brackets(ratios: list[float]) -> str:
    low, middle, high = (f"{ratio:.3g}" if ratio < 1000 else f"{ratio:.0f}" for ratio in _quartiles(ratios))
    return f"{middle}x [{low}-{high}]"


def _quartiles(ratios: list[float]) -> list[float]:
    quartiles: list[float] = numpy.percentile(ratios, (25, 50, 75)).tolist()
    return quartiles


def row_of(name: str, variables: int, samples: int, starts: int) -> str:
    """A line of the table, from several processes."""
    engine = ENGINES[name]
    costs: list[Cost] = [fresh(cost_of, name, variables, math.ceil(samples / starts)) for _ in range(starts)]
    calls = statistics.median(second for cost in costs for second in cost.calls)
    ratios = [ratio for cost in costs for ratio in cost.ratios]
    return ROW.format(
        name,
        f"{statistics.median(cost.first for cost in costs):.3g} s" if engine.compiles else "-",
        f"{1e6 * calls:.3g} us" if calls < 1e-3 else f"{1e6 * calls:,.0f} us",
        "1x" if name == DEFAULT else _in_brackets(ratios),
        f"{max(cost.difference for cost in costs):.1g}" if engine.differentiates else "-",
    )


def print_table(names: Sequence[str], variables: int, samples: int) -> list[str]:
    """Print a line for each engine that is installed, and return sentences about the others."""
    print(ROW.format(f"Rosenbrock, {variables:,} variables", "first call", "one call", "to jit's", "difference"))
    missing = []
    for name in names:
        try:
            print(row_of(name, variables, samples, 1 if name == LOOP else STARTS), flush=True)
        except ImportError as error:
            missing.append(f"{name}: not installed and left out ({error})")
    print()
    return missing


# A function so small that what a call from Python costs is all of it.


def ten(library: Any, x: Any, y: Any) -> Any:
    """Ten operations on two numbers."""
    return library.sin(x * y) + library.exp(x - y * y) / (1.0 + x * x) - y


def _ten_by_hand(x: float, y: float) -> tuple[float, tuple[float, float]]:
    product, divisor, growth = x * y, 1.0 + x * x, math.exp(x - y * y)
    quotient, slope = growth / divisor, math.cos(product)
    by_x = slope * y + quotient - 2.0 * x * quotient / divisor
    return math.sin(product) + quotient - y, (by_x, slope * x - 2.0 * y * quotient - 1.0)


def _ten_on_floats(x: float, y: float) -> float:
    return math.sin(x * y) + math.exp(x - y * y) / (1.0 + x * x) - y


def _ten_jitted() -> tuple[Callable[..., Any], Callable[..., Any]]:
    function = functools.partial(ten, microgrady)
    return jit(function), jit(microgrady.value_and_grad(function, argnums=(0, 1)))


def _ten_in_numba() -> tuple[Callable[..., Any], Callable[..., Any]]:
    compiled = importlib.import_module("numba").njit
    return compiled(_ten_on_floats), compiled(_ten_by_hand)


# name, what makes the value and the value with its gradient
SMALL: tuple[tuple[str, Callable[[], tuple[Callable[..., Any], Callable[..., Any]]]], ...] = (
    (DEFAULT, _ten_jitted),
    (NUMBA, _ten_in_numba),
    ("Python, gradient written by hand", lambda: (_ten_on_floats, _ten_by_hand)),
)


def small_costs(number: int, samples: int) -> list[tuple[list[float], list[float]]]:
    """For the value, and for the value with its gradient: seconds of a call, and ratios to microgrady's."""
    _, make = SMALL[number]
    found = []
    for ours, theirs in zip(_ten_jitted(), make(), strict=True):
        result, expected = (flatten(function(0.7, 0.3), "the result")[0] for function in (theirs, ours))
        if not numpy.allclose(result, expected, rtol=1e-14):
            raise ArithmeticError(f"{SMALL[number][0]} gives {result}, not {expected}")
        samplers = (_sampler(function, (0.7, 0.3), time.process_time) for function in (ours, theirs))
        taken = list(itertools.islice(zip(*samplers, strict=False), samples))
        found.append(([mine for _, mine in taken], [mine / base for base, mine in taken]))
    return found


def print_small(ours: bool, samples: int) -> list[str]:
    """Print what a call of ten operations costs, and return sentences about what is not installed."""
    print(SMALL_ROW.format("Ten operations on two floats", "value", "value and gradient"))
    missing = []
    for number, (name, _) in enumerate(SMALL):
        if ours and name == NUMBA:
            continue
        try:
            costs = fresh(small_costs, number, samples)
        except ImportError as error:
            missing.append(f"{name}: not installed and left out ({error})")
            continue
        cells = [
            f"{1e9 * statistics.median(calls):.0f} ns  {'1x' if name == DEFAULT else _in_brackets(ratios)}"
            for calls, ratios in costs
        ]
        print(SMALL_ROW.format(name, *cells), flush=True)
    print()
    return missing


# How compilation grows with the program.


@dataclass(frozen=True)
class Growth:
    """What the first call took: operations of the simplified program, seconds, and bytes at the peak."""

    operations: int
    recording: float
    compiling: float
    memory: float


def _rounds(count: int) -> tuple[Callable[[Any], Any], Array]:
    def rounds(x: Any) -> Any:
        y = x[0]
        for _ in range(count // 4):
            y = microgrady.sin(y * x[0]) * x[1] + x[2]
        return y

    return rounds, numpy.array([0.9, 1.1, 0.3])


def _valley_gradient(count: int) -> tuple[Callable[[Any], Any], Array]:
    return microgrady.value_and_grad(valley), point_of(max(2, count // 16))  # each variable costs 16 operations


FAMILIES: dict[str, Callable[[int], tuple[Callable[[Any], Any], Array]]] = {
    "products, sums, sin": _rounds,
    "Rosenbrock with gradient": _valley_gradient,
}


def _peak() -> float:
    resource = importlib.import_module("resource")
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def growth_of(family: str, count: int) -> Growth:
    """What the first call of a program of about `count` operations costs. To be called in a fresh process."""
    function, x = FAMILIES[family](count)
    recording = []

    def timed(x: Any) -> Any:
        start = time.process_time()
        result = function(x)
        recording.append(time.process_time() - start)
        return result

    jit(lambda x: x + 1.0)(1.0)  # so that LLVM is there
    compiled, before, start = jit(timed), _peak(), time.process_time()
    compiled(x)
    seconds = time.process_time() - start
    return Growth(compiled.paths[0].operations, recording[0], seconds - recording[0], _peak() - before)


def sizes(largest: int) -> dict[str, list[Growth]]:
    """Print what programs of 1,000 operations and more cost, and return it."""
    print(SIZE_ROW.format("First call", "operations", "recording", "compiling", "together", "memory at peak"))
    counts = list(itertools.takewhile(lambda count: count <= largest, (10**k for k in itertools.count(3))))
    found: dict[str, list[Growth]] = {family: [] for family in FAMILIES}
    for family, count in itertools.product(FAMILIES, counts):
        # The peak that a process begins with is what the one that started it has: no peer may be imported in this one.
        growth: Growth = fresh(growth_of, family, count)
        found[family].append(growth)
        together = (growth.recording + growth.compiling) / growth.operations
        print(
            SIZE_ROW.format(
                family,
                f"{growth.operations:,}",
                f"{growth.recording:.3g} s",
                f"{growth.compiling:.3g} s",
                f"{1e6 * together:.3g} us/op",
                f"{growth.memory / 1e6:,.0f} MB",
            ),
            flush=True,
        )
    return found


def draw_sizes(found: dict[str, list[Growth]], to: str) -> None:
    """Seconds and memory against operations, on logarithmic scales."""
    pyplot = importlib.import_module("matplotlib.pyplot")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
    for number, (family, growths) in enumerate(found.items()):
        operations, colour = [growth.operations for growth in growths], f"C{number}"
        left.loglog(operations, [growth.compiling for growth in growths], "o-", c=colour, label=f"{family}: compiling")
        left.loglog(operations, [growth.recording for growth in growths], "o--", c=colour, label=f"{family}: recording")
        right.loglog(operations, [growth.memory / 1e6 for growth in growths], "o-", c=colour)
    left.set(xlabel="operations", ylabel="seconds", title="First call: time")
    right.set(xlabel="operations", ylabel="megabytes at the peak", title="First call: memory")
    right.set_ylim(bottom=1.0)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2)
    figure.savefig(to)
    pyplot.close(figure)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--ours", action="store_true", help="microgrady's alone, without the peers")
    parser.add_argument("--slow", action="store_true", help="JAX's jit of the loop with 1,000 variables: a minute more")
    parser.add_argument("--samples", type=int, default=15, help="how often each is measured (default: 15)")
    parser.add_argument(
        "--largest", type=int, default=100_000, help="operations of the largest program (default: 100,000)"
    )
    parser.add_argument("--plot", metavar="FILE", help="draw cost against size: an .svg, .png or .pdf")


def run(options: argparse.Namespace) -> None:
    """Print a table of Rosenbrock's function, one of a tiny function, and one of growing programs."""
    if options.samples < 1 or options.largest < 1000:
        raise SystemExit("--samples must be at least 1 and --largest at least 1000")
    if importlib.util.find_spec("llvmlite") is None:
        raise SystemExit('jit needs llvmlite: pip install "microgrady[jit]"')
    names = [name for name in ENGINES if name.startswith("microgrady") or not options.ours]
    missing = print_table([name for name in names if options.slow or name != LOOP], VARIABLES, options.samples)
    if LOOP in names and not options.slow:
        missing += print_table([DEFAULT, LOOP], FEW, options.samples)
        missing.append(f"{LOOP} takes a minute to compile with {VARIABLES:,} variables (--slow): {FEW} on both sides")
    missing += print_small(options.ours, options.samples)
    found = sizes(options.largest)
    print("\n".join([NOTES, *missing]))
    if options.plot:
        draw_sizes(found, options.plot)
