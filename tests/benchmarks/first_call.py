"""What the stages of jit's first call cost, in microseconds an operation, and how time and memory grow."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import importlib.util
import itertools
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy

import microgrady
from microgrady.compiler.jit import jit
from tests.benchmarks.programs import PROGRAMS, Array
from tests.benchmarks.timing import fresh, peak_memory

Function = Callable[[Any], Any]

ROW = "{:<20}{:>10}{:>7}" + "{:>10}" * 5 + "{:>8}" * 3 + "{:>9}{:>8}"
RUN, GRADIENT = "run", "gradient"
REST = "rest"
STAGES = (RUN, GRADIENT, "building", "searching", "lowering", "writing", "LLVM", REST)

# Stage, module, and where the module has what the stage begins with. What begins meanwhile counts for itself.
BOUNDARIES = (
    ("building", "microgrady.compiler.compiled", "Recording"),
    ("searching", "microgrady.compiler.path", "best_loops"),
    ("searching", "microgrady.compiler.path", "with_loops"),
    ("lowering", "microgrady.compiler.path", "CompiledPath.lowered"),
    ("writing", "microgrady.compiler.path", "CompiledProgram"),
    ("LLVM", "microgrady.compiler.backends.compiled_program", "Executable"),
)
IR = "microgrady.compiler.backends.compiled_program", "llvm_modules"  # writes while LLVM asks for it

NOTES = """
Microseconds of the processor for each operation that is compiled: the run of the function, its gradient, building and
simplifying the program, searching its loops, taking cheaper operations, writing LLVM's IR, LLVM with loading what it
made, and all else, such as the call itself. Each program runs in a fresh process, LLVM having been loaded before."""


class Stopwatch:
    """Seconds by stage, where those of a stage within another count for the inner one alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open = [REST]
        self._since = time.process_time()

    def _turn(self) -> None:
        now = time.process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count for a stage meanwhile."""
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts for a stage while it runs."""

        def run(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return run

    def timed_generator(self, name: str, function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """Return a generator function that counts for a stage while it makes the next thing."""

        def run(*args: Any) -> Iterator[Any]:
            things = function(*args)
            while True:
                with self.stage(name):
                    thing = next(things, None)
                if thing is None:
                    return
                yield thing

        return run

    def attach(self) -> None:
        """Have the compiler's stages counted, for the rest of this process."""
        for stage, module, path in BOUNDARIES:
            _replace(module, path, functools.partial(self.timed, stage))
        _replace(*IR, functools.partial(self.timed_generator, "writing"))


def _replace(module: str, path: str, change: Callable[[Any], Any]) -> None:
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, name, change(getattr(owner, name)))


@dataclass(frozen=True)
class Growth:
    """What the first call took: operations that were compiled, seconds by stage, and bytes at the peak."""

    operations: int
    seconds: dict[str, float]
    memory: float

    @property
    def together(self) -> float:
        """All seconds."""
        return sum(self.seconds.values())


def _rounds(count: int) -> tuple[Function, Array]:
    def rounds(x: Any) -> Any:
        y = x[0]
        for _ in range(count // 4):
            y = microgrady.sin(y * x[0]) * x[1] + x[2]
        return y

    return rounds, numpy.array([0.9, 1.1, 0.3])


def _program(name: str, size: Callable[[int], float], count: int) -> tuple[Function, Array]:
    program, found = PROGRAMS[name], max(2, round(size(count)))
    return program.closed(microgrady, found), program.inputs(found)[0]


# What makes a function and its point from about how many operations it shall have, and whether with its gradient.
FAMILIES: dict[str, tuple[Callable[[int], tuple[Function, Array]], bool]] = {
    "products, sums, sin": (_rounds, False),
    "Rosenbrock": (functools.partial(_program, "rosenbrock", lambda count: count / 16), True),
    "MLP 2-16-16-1": (functools.partial(_program, "network", lambda count: count / 1900), True),
    "all pairs": (functools.partial(_program, "pairs", lambda count: math.sqrt(count / 4.5)), True),
}


def growth_of(family: str, count: int) -> Growth:
    """Return what the first call of a program of about `count` operations costs. To be called in a fresh process."""
    make, differentiate = FAMILIES[family]
    function, x = make(count)
    jit(lambda x: x + 1.0)(1.0)  # so that LLVM is there
    watch = Stopwatch()
    watch.attach()
    timed = watch.timed(RUN, function)
    if differentiate:
        timed = watch.timed(GRADIENT, microgrady.value_and_grad(timed))
    compiled, before = jit(timed), peak_memory()
    with watch.stage(REST):
        compiled(x)
    memory = peak_memory() - before
    return Growth(compiled.paths[0].operations, dict(watch.seconds), memory)


def print_growth(largest: int) -> dict[str, list[Growth]]:
    """Print what programs of 1,000 operations and more cost, and return it."""
    print(ROW.format("First call, us/op", "operations", *STAGES, "all", "time", "memory"))
    counts = list(itertools.takewhile(lambda count: count <= largest, (10**k for k in itertools.count(3))))
    found: dict[str, list[Growth]] = {family: [] for family in FAMILIES}
    for family, count in itertools.product(FAMILIES, counts):
        # The peak that a process begins with is what the one that started it has: no peer may be imported in this one.
        growth: Growth = fresh(growth_of, family, count)
        found[family].append(growth)
        each = [1e6 * growth.seconds.get(stage, 0.0) / growth.operations for stage in STAGES]
        cells = [
            *(f"{number:.2f}" for number in (*each, sum(each))),
            f"{growth.together:.3g} s",
            f"{growth.memory / 1e6:,.0f} MB",
        ]
        print(ROW.format(family, f"{growth.operations:,}", *cells), flush=True)
    return found


def draw_growth(found: dict[str, list[Growth]], to: str) -> None:
    """Draw seconds and memory against operations, on logarithmic scales."""
    pyplot = importlib.import_module("matplotlib.pyplot")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
    for number, (family, growths) in enumerate(found.items()):
        operations, colour = [growth.operations for growth in growths], f"C{number}"
        left.loglog(operations, [growth.together for growth in growths], "o-", c=colour, label=family)
        llvm = [growth.seconds["LLVM"] for growth in growths]
        left.loglog(operations, llvm, "o--", c=colour, label=f"{family}: LLVM")
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
    parser.add_argument(
        "--largest", type=int, default=100_000, help="operations of the largest program (default: 100,000)"
    )
    parser.add_argument("--plot", metavar="FILE", help="draw cost against size: an .svg, .png or .pdf")


def run(options: argparse.Namespace) -> None:
    """Print a table of growing programs."""
    if options.largest < 1000:
        raise SystemExit("--largest must be at least 1000")
    if importlib.util.find_spec("llvmlite") is None:
        raise SystemExit('jit needs llvmlite: pip install "microgrady[jit]"')
    found = print_growth(options.largest)
    print(NOTES)
    if options.plot:
        draw_growth(found, options.plot)
