"""What jit's first call costs and the calls after it, against numba, CasADi, AADC, heyoka, JAX and plain Python."""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.util
import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy

import microgrady
from microgrady.compiler.jit import jit
from microgrady.trees import flatten
from tests.benchmarks import peers
from tests.benchmarks.programs import PROGRAMS, point_of, valley_hessian_by_hand
from tests.benchmarks.timing import (
    DEFAULT,
    SMALL,
    STARTS,
    Cost,
    Table,
    cost_of,
    fresh,
    quartiles_in_brackets,
    sampler,
    seconds_in_words,
)

ROW = "{:<32}{:>11}{:>11}{:>22}{:>23}{:>10}{:>11}"
SMALL_ROW = "{:<36}" + "{:>34}" * 2

NOTES = f"""
First call: with all that comes before the first result (recording, simplifying and compiling; for CasADi building the
function and its gradient), but not the imports: the median of {STARTS} fresh processes, each of which then measures the
calls, or of one process above a size of {SMALL:,}. One call: an array of NumPy in, a new one out; the median. Then how
many times the call of another engine it takes, with the quartiles of that ratio in brackets: a sample takes
microgrady's call, the other's, this one, microgrady's, ..., in turn. Code: the instructions that LLVM wrote.
Difference: the largest one of an entry to that of the interpreted microgrady's gradient, or of the Hessian written by
hand, relative to the largest entry. Time is that of the processor, except for JAX, which computes in threads of its
own: there all is time on the clock. AADC's "forward and reverse alone" runs at a point that is there already. CasADi's
buffers and numba give the entries of a Hessian, not a matrix."""


def _table(title: str, key: str, sizes: tuple[int, ...], slow: tuple[int, ...], *leaving_out: str) -> Table:
    program = PROGRAMS[key]
    return Table(
        title,
        peers.engines_of(program, leaving_out),
        peers.NUMBA,
        lambda size: program.inputs(size)[0],
        program.expected,
        sizes,
        slow,
    )


_FEW = (peers.OPTIMIZED, peers.CASADI_PLAIN, peers.AADC_CALL, peers.LOOP)
TABLES = {
    "rosenbrock": _table("Rosenbrock, {:,} variables", "rosenbrock", (1000, 10_000), (100_000,)),
    "network": _table("MLP 2-16-16-1, {:,} points", "network", (100,), (1000,), *_FEW, peers.HEYOKA),
    "pairs": _table("All pairs of {:,} points", "pairs", (300,), (), *_FEW, peers.HEYOKA),
    "recurrence": _table("sin, exp, tanh, {:,} turns", "recurrence", (1000,), (), *_FEW),
    "hessian": Table(
        "Sparse Hessian, {:,} variables",
        peers.hessian_engines(),
        peers.CASADI,
        point_of,
        lambda variables: valley_hessian_by_hand(point_of(variables)),
        (1000, 10_000),
    ),
}
TEN = "ten"


def measured(key: str, name: str, size: int, samples: int, beside: Sequence[str]) -> Cost:
    """Return what an engine of a table costs. To be called in a fresh process."""
    return cost_of(TABLES[key], name, size, samples, beside)


def row_of(key: str, name: str, size: int, samples: int, beside: Sequence[str]) -> str:
    """Return a line of a table, from one or several processes."""
    table = TABLES[key]
    engine, starts = table.engines[name], STARTS if size <= SMALL else 1
    costs: list[Cost] = [fresh(measured, key, name, size, math.ceil(samples / starts), beside) for _ in range(starts)]
    cells = []
    for other in (DEFAULT, table.reference):
        ratios = [ratio for cost in costs for ratio in cost.ratios.get(other, [])]
        cells.append("1x" if other == name else quartiles_in_brackets(ratios) if ratios else "-")
    code = costs[0].code
    return ROW.format(
        name,
        f"{statistics.median(cost.first for cost in costs):.3g} s" if engine.compiles else "-",
        seconds_in_words(statistics.median(second for cost in costs for second in cost.calls)),
        *cells,
        f"{code / 1e3:,.1f} kB" if code and name.startswith("microgrady") else "-",
        f"{max(cost.difference for cost in costs):.1g}" if engine.read is not None else "-",
    )


def print_table(key: str, size: int, options: argparse.Namespace) -> None:
    """Print a line for each engine, also where it is not there."""
    table = TABLES[key]
    against = f"to {table.reference.partition(' ')[0].strip(',')}'s"
    print(ROW.format(table.title.format(size), "first call", "one call", "to jit's", against, "code", "difference"))
    names = [name for name in table.engines if name.startswith("microgrady") or not options.ours]
    beside = [name for name in (DEFAULT, table.reference) if name in names]
    for name in names:
        if size > table.engines[name].largest[options.slow]:
            line = f"{name:<32}  takes too long{'' if options.slow else ' (--slow)'}"
        else:
            try:
                line = row_of(key, name, size, options.samples, beside)
            except ImportError as error:
                line = f"{name:<32}  not installed ({error})"
        print(line, flush=True)
    print()


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
SMALL_CASES: tuple[tuple[str, Callable[[], tuple[Callable[..., Any], Callable[..., Any]]]], ...] = (
    (DEFAULT, _ten_jitted),
    (peers.NUMBA, _ten_in_numba),
    ("Python, gradient written by hand", lambda: (_ten_on_floats, _ten_by_hand)),
)


def small_costs(number: int, samples: int) -> list[tuple[list[float], list[float]]]:
    """For the value, and for the value with its gradient: seconds of a call, and ratios to microgrady's."""
    _, make = SMALL_CASES[number]
    found = []
    for ours, theirs in zip(_ten_jitted(), make(), strict=True):
        result, expected = (flatten(function(0.7, 0.3), "the result")[0] for function in (theirs, ours))
        if not numpy.allclose(result, expected, rtol=1e-14):
            raise ArithmeticError(f"{SMALL_CASES[number][0]} gives {result}, not {expected}")
        samplers = (sampler(function, (0.7, 0.3), time.process_time) for function in (ours, theirs))
        taken = list(itertools.islice(zip(*samplers, strict=False), samples))
        found.append(([mine for _, mine in taken], [mine / base for base, mine in taken]))
    return found


def print_small(ours: bool, samples: int) -> None:
    """Print what a call of ten operations costs."""
    print(SMALL_ROW.format("Ten operations on two floats", "value", "value and gradient"))
    for number, (name, _) in enumerate(SMALL_CASES):
        if ours and name == peers.NUMBA:
            continue
        try:
            costs = fresh(small_costs, number, samples)
        except ImportError as error:
            print(f"{name:<36}  not installed ({error})")
            continue
        cells = [
            f"{1e9 * statistics.median(calls):.0f} ns  {'1x' if name == DEFAULT else quartiles_in_brackets(ratios)}"
            for calls, ratios in costs
        ]
        print(SMALL_ROW.format(name, *cells), flush=True)
    print()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--ours", action="store_true", help="microgrady's alone, without the peers")
    parser.add_argument("--slow", action="store_true", help="larger sizes, and engines that take minutes, too")
    parser.add_argument("--samples", type=int, default=15, help="how often each is measured (default: 15)")
    names = [*TABLES, TEN]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="TABLE", help=", ".join(names))


def run(options: argparse.Namespace) -> None:
    """Print the tables."""
    if options.samples < 1:
        raise SystemExit("--samples must be at least 1")
    if importlib.util.find_spec("llvmlite") is None:
        raise SystemExit('jit needs llvmlite: pip install "microgrady[jit]"')
    for key, table in TABLES.items():
        if key in options.only:
            for size in table.sizes + table.slow_sizes * options.slow:
                print_table(key, size, options)
    if TEN in options.only:
        print_small(options.ours, options.samples)
    print(NOTES)
