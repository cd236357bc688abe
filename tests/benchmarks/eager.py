"""What a value and a gradient cost, against the same function on plain floats: microgrady and its peers."""

from __future__ import annotations

import argparse
import functools
import gc
import importlib
import io
import itertools
import math
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import microgrady
from microgrady.drawing.render import check_target
from microgrady.files import write_whole
from microgrady.value import topological_order

Function = Callable[[Any, Sequence[Any]], Any]  # of a namespace with sin, exp, tanh and relu, and the inputs

ROUNDS, POINTS = 1000, 100
ROW = "{:<26}" + "{:>28}" * 4 + "{:>14}"
SAMPLE = 0.03  # seconds; a sample repeats a function for as long

NOTES = """
Each cell: the median of nanoseconds an operation, then times the plain floats with the quartiles of that ratio in
brackets. A sample takes the function on floats, its value and gradient, the function on floats, ..., in turn; time is
that of the processor, with the garbage collector on. Bytes a node: those that Python's allocators handed out for a
graph that has been differentiated. A dash: the library lacks a function of the loop, or has memory of its own."""


def rosenbrock(library: Any, x: Sequence[Any]) -> Any:
    """Rosenbrock's function as a loop."""
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def rosenbrock_in_products(library: Any, x: Sequence[Any]) -> Any:
    """The same with products, which cost plain floats less than powers."""
    total = 0.0
    for i in range(len(x) - 1):
        a, b = x[i + 1] - x[i] * x[i], 1 - x[i]
        total = total + 100 * (a * a) + b * b
    return total


def loop(library: Any, x: Sequence[Any]) -> Any:
    """A loop of sin, exp, tanh and products."""
    sin, exp, tanh = library.sin, library.exp, library.tanh
    y = x[0]
    for _ in range(ROUNDS):
        y = sin(y * x[0]) * exp(-0.5 * y * y) + tanh(x[0] * y + 0.25)
    return y


def network_output(weights: Sequence[Any], signals: Sequence[Any], bent: Callable[[Any], Any]) -> Any:
    """The output of a network 2-16-16-1, of which each neuron has its bias before its weights."""
    k = 0
    for height in WIDTHS[1:]:
        following = []
        for _ in range(height):
            s = weights[k]
            k += 1
            for signal in signals:
                s = s + weights[k] * signal
                k += 1
            following.append(bent(s) if height > 1 else s)
        signals = following
    return signals[0]


def network(library: Any, x: Sequence[Any]) -> Any:
    """The squared error of a network with relu and weights x, over 100 points."""
    generator, loss = random.Random(2), 0.0
    for _ in range(POINTS):
        point = generator.gauss(0.0, 1.0), generator.gauss(0.0, 1.0)
        loss = loss + (network_output(x, point, library.relu) - 1.0) ** 2
    return loss


def _numbers(count: int) -> list[float]:
    generator = random.Random(1)
    return [generator.uniform(-1.5, 1.5) for _ in range(count)]


WIDTHS = (2, 16, 16, 1)
WEIGHTS = sum((width + 1) * height for width, height in itertools.pairwise(WIDTHS))

# name, function, point
CASES: tuple[tuple[str, Function, list[float]], ...] = (
    ("Rosenbrock, 2,000 variables", rosenbrock, _numbers(2000)),
    ("the same in products", rosenbrock_in_products, _numbers(2000)),
    ("sin, exp, tanh, products", loop, [0.7]),
    ("MLP 2-16-16-1, 100 points", network, [0.5 * x for x in _numbers(WEIGHTS)]),
)
FLOATS = SimpleNamespace(sin=math.sin, exp=math.exp, tanh=math.tanh, relu=lambda x: x if x > 0.0 else 0.0)


@dataclass(frozen=True)
class Engine:
    """A library: its name, its functions, what makes an input of a float, and value and gradient in its own way."""

    name: str
    library: Any
    leaf: Callable[[float], Any]
    backward: Callable[[Any], None] = lambda output: output.backward()
    value_and_gradient: Callable[[Function, list[float]], Any] | None = None
    traced: bool = True  # whether Python's allocators see its memory

    def run(self, function: Function, point: list[float]) -> Any:
        """The value and the gradient."""
        if self.value_and_gradient is not None:
            return self.value_and_gradient(function, point)
        leaves = [self.leaf(x) for x in point]
        output = function(self.library, leaves)
        self.backward(output)
        return output.data, [leaf.grad for leaf in leaves]


def _ours(module: ModuleType) -> Engine:
    kind = "compiled" if module.engine_kind() == "compiled" else "plain Python"
    return Engine(f"microgrady, {kind}", module, module.Value)


class _Sources(MetaPathFinder):
    """What finds the .py of every module of microgrady, also where a compiled one lies beside it."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Where the module is; None for those of others."""
        if not _is_ours(name):
            return None
        folder = str(Path(microgrady.__file__).parents[1]) if path is None else path[0]
        return FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == "microgrady"


def plain_python() -> ModuleType:
    """A second microgrady, from the same sources without the compiled modules."""
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)}
    sources = _Sources()
    sys.meta_path.insert(0, sources)
    try:
        package = importlib.import_module("microgrady")
        for name in (*package.__all__, "value", "arithmetic"):
            getattr(package, name)  # now, while the modules behind it are found there
        return package
    finally:
        sys.meta_path.remove(sources)
        for name in filter(_is_ours, list(sys.modules)):
            del sys.modules[name]
        sys.modules.update(ours)


def micrograd() -> Engine:
    """Has products, powers and relu, and recurses."""
    value = importlib.import_module("micrograd.engine").Value
    sys.setrecursionlimit(1_000_000)
    return Engine("micrograd", SimpleNamespace(relu=lambda x: x.relu()), value)


def pytorch() -> Engine:
    """On tensors of one number each."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    leaf = functools.partial(torch.tensor, dtype=torch.float64, requires_grad=True)
    return Engine(f"PyTorch {torch.__version__.partition('+')[0]}, scalars", torch, leaf, traced=False)


def autograd() -> Engine:
    """On the elements of an array."""
    numpy = importlib.import_module("autograd.numpy")
    slope = importlib.import_module("autograd").value_and_grad
    library = SimpleNamespace(sin=numpy.sin, exp=numpy.exp, tanh=numpy.tanh, relu=lambda x: numpy.maximum(x, 0.0))
    return Engine(
        "autograd, scalars",
        library,
        float,
        value_and_gradient=lambda function, point: slope(lambda x: function(library, x))(numpy.array(point)),
        traced=False,
    )


PEERS = (micrograd, pytorch, autograd)


def _seconds(work: Callable[[], Any], least: float) -> float:
    """Processor time of one call, from as many calls as take `least` seconds."""
    calls = 0
    start = time.process_time()
    while True:
        work()
        calls += 1
        passed = time.process_time() - start
        if passed >= least:
            return passed / calls


def measure(engine: Engine, function: Function, point: list[float], samples: int) -> tuple[float, list[float]]:
    """The median of the seconds of a value and gradient, and its sorted ratios to the function on floats."""
    seconds, ratios = [], []
    engine.run(function, point)
    gc.collect()  # how often it runs from here on depends on how much there was at its last full run
    for _ in range(samples):
        plain = _seconds(lambda: function(FLOATS, point), SAMPLE)
        ours = _seconds(lambda: engine.run(function, point), SAMPLE)
        seconds.append(ours)
        ratios.append(ours / plain)
    return statistics.median(seconds), sorted(ratios)


def operations_of(function: Function, point: list[float]) -> int:
    """How many results the graph of a function has."""
    output = function(microgrady, [microgrady.Value(x) for x in point])
    return sum(node.op is not None for node in topological_order(output))


def bytes_a_node(engine: Engine) -> float:
    """Memory of Rosenbrock's graph after the backward pass, by its results."""
    _, function, point = CASES[0]
    held = [engine.leaf(0.0) for _ in range(100_000)]  # more than what a library keeps of freed memory
    leaves = [engine.leaf(0.5)] * len(point)  # else what a backward pass keeps of each is counted among the results
    gc.collect()
    tracemalloc.start()
    try:
        output = function(engine.library, leaves)
        engine.backward(output)
        gc.collect()
        memory = tracemalloc.get_traced_memory()[0]
        del held
        return memory / operations_of(function, point)
    finally:
        tracemalloc.stop()


def _quartiles(sample: list[float]) -> tuple[int, int, int]:
    return len(sample) // 4, len(sample) // 2, len(sample) - 1 - len(sample) // 4


def _row(engine: Engine, samples: int) -> str:
    cells = []
    for _, function, point in CASES:
        try:
            seconds, ratios = measure(engine, function, point, samples)
        except AttributeError:
            cells.append("-")
            continue
        low, middle, high = (f"{ratios[k]:.3g}" if ratios[k] < 100 else f"{ratios[k]:.0f}" for k in _quartiles(ratios))
        cells.append(f"{1e9 * seconds / operations_of(function, point):.0f}  {middle}x [{low}-{high}]")
    memory = f"{bytes_a_node(engine):.0f}" if engine.traced else "-"
    return ROW.format(engine.name, *cells, memory)


def sizes(engine: Engine, largest: int) -> list[tuple[int, float]]:
    """Numbers of operations from 1,000 up, and the seconds to build, differentiate and free a graph of so many."""

    def seconds(count: int) -> float:
        def chain(library: Any, x: Sequence[Any]) -> Any:
            y = x[0]
            for _ in range(count // 2):
                y = y * 0.999 + x[0]
            return y

        return min(_seconds(lambda: engine.run(chain, [1.0]), SAMPLE) for _ in range(3))

    counts = itertools.takewhile(lambda count: count <= largest, (10**k for k in itertools.count(3)))
    return [(count, seconds(count)) for count in counts]


def draw_sizes(lines: dict[str, list[tuple[int, float]]], to: str) -> None:
    """Seconds against results, both on logarithmic scales."""
    pyplot = importlib.import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")
    for name, points in lines.items():
        axes.loglog(*zip(*points, strict=True), marker="o", label=name)
    axes.set(xlabel="operations", ylabel="seconds: value, gradient and freeing", title="Cost against size")
    axes.grid(alpha=0.3)
    axes.legend()
    content = io.BytesIO()
    figure.savefig(content, format=Path(to).suffix[1:].lower())
    write_whole(Path(to), content.getvalue())
    pyplot.close(figure)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--ours", action="store_true", help="microgrady's alone, without the peers")
    parser.add_argument("--samples", type=int, default=15, help="how often each is measured (default: 15)")
    parser.add_argument("--largest", type=int, default=1_000_000, help="operations of the largest graph")
    parser.add_argument("--plot", metavar="FILE", help="draw cost against size: an .svg, .png or .pdf")


def run(options: argparse.Namespace) -> None:
    """Print the table, a line for each engine that is installed, and the cost of graphs of growing size."""
    if options.samples < 1 or options.largest < 1000:
        raise SystemExit("--samples must be at least 1 and --largest at least 1000")
    if options.plot:
        check_target(options.plot)
    makers: list[Callable[[], Engine]] = [lambda: _ours(microgrady)]
    missing = []
    if microgrady.engine_kind() == "compiled":
        makers.append(lambda: _ours(plain_python()))
    else:
        missing.append("the compiled engine is not installed and left out")
    print(ROW.format("", *(name for name, *_ in CASES), "bytes a node"))
    ours = []
    for make in (*makers, *(() if options.ours else PEERS)):  # made in turn: what one imports may slow the others
        try:
            engine = make()
        except ImportError as error:
            missing.append(f"{make.__name__} is not installed and left out ({error})")
            continue
        print(_row(engine, options.samples if make in makers else max(1, options.samples // 5)), flush=True)
        if make in makers:
            ours.append(engine)
    print("\n".join([NOTES, *missing, ""]))
    lines = {engine.name: sizes(engine, options.largest) for engine in ours}
    for name, points in lines.items():
        costs = ", ".join(f"{1e9 * seconds / count:.0f} at {count:.0e}" for count, seconds in points)
        print(f"{name}: nanoseconds an operation by the number of operations: {costs}")
    if options.plot:
        draw_sizes(lines, options.plot)
