"""What batches of points cost, against heyoka, numba, JAX, AADC and NumPy, and what memory they take."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy

from tests.benchmarks import batch_peers as peers
from tests.benchmarks import batch_programs as programs
from tests.benchmarks.timing import (
    SMALL,
    STARTS,
    Array,
    Cost,
    Table,
    cost_of,
    fresh,
    peak_memory,
    quartiles_in_brackets,
    seconds_in_words,
)

ROW = "{:<42}{:>10}{:>12}{:>11}{:>22}{:>22}{:>12}{:>10}  {}"

NOTES = f"""
First call: with recording and compiling, but not the imports: the median of {STARTS} fresh processes, each of which
then measures the calls, or of one process above a size of {SMALL:,}. One call: arrays in, new arrays out, unless the
name says otherwise; JAX's arrays are there already; the median. Then what it comes to for a point, and how many times
the call of another engine it takes, with the quartiles of that ratio in brackets: a sample takes microgrady's call,
the other's, this one, microgrady's, ..., in turn. Difference: the largest one of an entry to that of SciPy's formulas,
relative to the entry, or to the median of its row where that is larger. Memory: what the peak of a fresh process grows
by in the first call, the input being there and all imported. The last column says what is aimed at. All threads of an
engine share one core and time is that of the processor, but for the table of threads, where it is on the clock."""


def difference_by_entries(found: Array, expected: Array) -> float:
    """Return the largest difference, relative to the entry, or to the median of its row where that is larger."""
    sizes = numpy.abs(expected)
    scale = numpy.maximum(sizes, numpy.median(sizes, axis=-1, keepdims=True))
    return float(numpy.max(numpy.abs(found - expected) / scale))


@dataclass(frozen=True)
class BatchTable(Table):
    """Engines that compute the same batch.

    Attributes:
        default: The engine of microgrady's that all are held against.
        aims: What is aimed at, by engine.
        one_core: Whether all threads of an engine share one core.
        memory: Whether memory is measured, too.
    """

    difference: Callable[[Array, Array], float] = difference_by_entries
    tolerance: float = 1e-9
    default: str = peers.OURS
    aims: Mapping[str, str] = field(default_factory=dict)
    one_core: bool = True
    memory: bool = False


def _market_rows(points: int) -> Array:
    return programs.black_scholes_of_arrays(*programs.market(points))


def _option_rows(points: int) -> Array:
    *market, kind = programs.mixed_market(points)
    rows = programs.black_scholes_of_arrays(*market)
    spot, strike, rate, _, time = market
    discount = numpy.exp(-rate * time)
    # A put is a call that one has sold for what the parity says.
    parity = numpy.stack(
        (strike * discount - spot, -numpy.ones(points), discount, -time * strike * discount, 0 * spot, 0 * spot)
    )
    parity[5] = -rate * strike * discount
    return rows + numpy.where(kind > 0.0, 0.0, parity)


def _huber_rows(points: int) -> Array:
    apart = numpy.subtract(*programs.pairs(points))
    bent = numpy.abs(apart)
    slope = numpy.clip(apart, -1.0, 1.0)
    return numpy.stack((numpy.where(bent <= 1.0, 0.5 * apart * apart, bent - 0.5), slope, -slope))


TABLES = {
    "black-scholes": BatchTable(
        "Black-Scholes, 5 derivatives, {:,}",
        peers.black_scholes_engines(),
        peers.NUMBA,
        programs.market,
        _market_rows,
        (1_000_000,),
        aims={
            peers.EXACT: "at most numba's",
            peers.HEYOKA: "at least 1.5x ours",
            peers.NUMBA: "at least 2.4x ours",
            peers.JAX: "at least 3.5x ours",
            peers.AADC: "at least 8x ours",
        },
    ),
    "threads": BatchTable(
        "The same on all cores, {:,}",
        peers.threaded_engines(),
        peers.HEYOKA_THREADS,
        programs.market,
        _market_rows,
        (1_000_000,),
        default=peers.TWO,
        aims={peers.ONE: "at least 1.8x that of two"},
        one_core=False,
    ),
    "implied": BatchTable(
        "Implied volatility, 2 derivatives, {:,}",
        peers.implied_engines(),
        peers.NUMBA,
        lambda points: programs.quotes(points)[:3],
        programs.implied_volatility_expected,
        (100_000,),
        aims={peers.OURS: "at most 2x numba's"},
    ),
    "split": BatchTable(
        "Calls and puts, 5 derivatives, {:,}",
        peers.split_engines(),
        peers.WITHOUT,
        programs.mixed_market,
        _option_rows,
        (1_000_000,),
        aims={peers.OURS: "at most 2.5x that without"},
    ),
    "huber": BatchTable(
        "Huber's loss, 2 derivatives, {:,}",
        peers.huber_engines(),
        peers.WITHOUT,
        programs.pairs,
        _huber_rows,
        (1_000_000,),
        aims={peers.OURS: "at most 2.5x that without"},
    ),
    "mean": BatchTable(
        "Mean of 10 derivatives, {:,}",
        peers.mean_engines(),
        peers.NUMBA,
        programs.samples,
        programs.logistic_expected,
        (10_000_000,),
        default=peers.MEAN,
        aims={peers.MEAN: "memory under 100 MB"},
        memory=True,
    ),
    "overhead": BatchTable(
        "Black-Scholes, 5 derivatives, {:,}",
        peers.black_scholes_engines(),
        peers.NUMBA,
        programs.market,
        _market_rows,
        (10,),
        aims={peers.OURS: "a call under 5 us, the first 0.1 s"},
    ),
    "wave": BatchTable(
        "sin(x) * y + x, {:,}",
        peers.wave_engines(),
        peers.NUMBA,
        programs.pairs,
        lambda points: programs.wave_of_arrays(*programs.pairs(points)),
        (10,),
        aims={peers.OURS: "a call under 5 us"},
    ),
}


def measured(key: str, name: str, size: int, samples: int, beside: Sequence[str]) -> Cost:
    """Return what an engine of a table costs. To be called in a fresh process."""
    if TABLES[key].one_core:
        peers.on_one_core()
    return cost_of(TABLES[key], name, size, samples, beside)


def memory_of(key: str, name: str, size: int) -> float:
    """Return the bytes by which the first call raises the peak. To be called in a fresh process."""
    table = TABLES[key]
    batch, engine = table.point(size), table.engines[name]
    for module in engine.modules:
        importlib.import_module(module)
    before = peak_memory()
    returned = engine.make(size)(batch)
    after = peak_memory()
    del returned
    return after - before


def row_of(key: str, name: str, size: int, samples: int, beside: Sequence[str]) -> str:
    """Return a line of a table, from one or several processes."""
    table = TABLES[key]
    engine, starts = table.engines[name], STARTS if size <= SMALL else 1
    costs: list[Cost] = [fresh(measured, key, name, size, math.ceil(samples / starts), beside) for _ in range(starts)]
    cells = []
    for other in (table.default, table.reference):
        ratios = [ratio for cost in costs for ratio in cost.ratios.get(other, [])]
        cells.append("1x" if other == name else quartiles_in_brackets(ratios) if ratios else "-")
    call = statistics.median(second for cost in costs for second in cost.calls)
    return ROW.format(
        name,
        f"{statistics.median(cost.first for cost in costs):.3g} s" if engine.compiles else "-",
        seconds_in_words(call),
        f"{1e9 * call / size:,.1f} ns",
        *cells,
        f"{max(cost.difference for cost in costs):.1g}" if engine.read is not None else "-",
        f"{fresh(memory_of, key, name, size) / 1e6:,.0f} MB" if table.memory else "",
        table.aims.get(name, ""),
    )


def print_table(key: str, size: int, ours: bool, samples: int) -> None:
    """Print a line for each engine, also where it is not there."""
    table = TABLES[key]
    against = "to that without" if table.reference == peers.WITHOUT else f"to {table.reference.partition(',')[0]}'s"
    memory = "memory" if table.memory else ""
    print(
        ROW.format(
            table.title.format(size), "first call", "one call", "a point", "to ours", against, "difference", memory, ""
        )
    )
    names = [name for name in table.engines if name.startswith("microgrady") or not ours]
    beside = [name for name in (table.default, table.reference) if name in names]
    for name in names:
        try:
            line = row_of(key, name, size, samples, beside)
        except ImportError as error:
            line = f"{name:<42}  not installed ({error})"
        print(line.rstrip(), flush=True)
    print()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--ours", action="store_true", help="microgrady's alone, without the peers")
    parser.add_argument("--samples", type=int, default=15, help="how often each is measured (default: 15)")
    parser.add_argument("--points", type=int, help="how many, instead of those of each table")
    names = list(TABLES)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="TABLE", help=", ".join(names))


def run(options: argparse.Namespace) -> None:
    """Print the tables."""
    if options.samples < 1:
        raise SystemExit("--samples must be at least 1")
    if options.points is not None and options.points < 1:
        raise SystemExit("--points must be at least 1")
    if importlib.util.find_spec("llvmlite") is None:
        raise SystemExit('vmap needs llvmlite: pip install "microgrady[jit]"')
    for key, table in TABLES.items():
        if key in options.only:
            for size in [options.points] if options.points else table.sizes:
                print_table(key, size, options.ours, options.samples)
    print(NOTES)
