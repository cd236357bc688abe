"""What pictures cost to make, and how much of their page is boxes."""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import microgrady as mg
from microgrady import Value, nn
from microgrady.drawing.render import Picture
from microgrady.value import topological_order
from tests.svg_geometry import Geometry

ROW = "{:<44}{:>9}{:>8}{:>10}{:>10}{:>17}{:>9}"
HEADINGS = ("", "Values", "boxes", "draw s", "SVG s", "page in pt", "density")

NOTES = """
draw: folding, and making the picture; SVG: finding the places of boxes and arrows, and rendering them, with the
embedded Graphviz unless there is a dot program. Density is the share of the page that boxes take. Each is the median
of the samples, after one run that is not counted, in one thread."""


def network(sizes: tuple[int, ...]) -> Value:
    """A multilayer perceptron, with its gradients."""
    output = nn.MLP(sizes[0], list(sizes[1:]), activation="tanh", seed=0)([0.3 * i + 0.2 for i in range(sizes[0])])
    output.backward()
    return output  # type: ignore[no-any-return]


def loop(turns: int) -> Value:
    """One number that goes through a loop."""
    x: Any = Value(0.5, "x")
    a, b = Value(0.9, "a"), Value(0.1, "b")
    for _ in range(turns):
        x = mg.sin(x * a) + b
    x.backward()
    return x  # type: ignore[no-any-return]


def tangle(count: int) -> tuple[Value, ...]:
    """So many Values, each made of two random ones before it, and the ends that nothing uses."""
    generator = random.Random(0)
    values: list[Any] = [Value(generator.random(), f"x{i}") for i in range(count // 10)]
    while len(values) < count:
        left, right = generator.sample(values, 2)
        values.append(left * right)
    used = {id(operand) for value in values for operand in value.operands}
    return tuple(value for value in values if id(value) not in used)


def star(uses: int) -> Value:
    """One leaf that is used again and again."""
    x = Value(1.5, "x")
    return mg.sum([x * float(i + 2) for i in range(uses)])


def points(count: int) -> Value:
    """The loss of a network over many points: about 100,000 Values for 350 of them."""
    model = nn.MLP(2, [8, 8, 1], activation="tanh", seed=0)
    losses = [(model([0.01 * i, 0.02 * i]) - 1.0) ** 2 for i in range(count)]
    loss: Value = mg.mean(losses)
    loss.backward()
    return loss


CASES: dict[str, tuple[Callable[[], Value | tuple[Value, ...]], dict[str, Any]]] = {
    "network 2-3-1": (lambda: network((2, 3, 1)), {}),
    "network 3-4-4-1": (lambda: network((3, 4, 4, 1)), {}),
    "network 4-8-8-1, 200 boxes at most": (lambda: network((4, 8, 8, 1)), {}),
    "one leaf used 190 times": (lambda: star(190), {}),
    "200 random operations": (lambda: tangle(200), {}),
    "a loop of 300 turns, all boxes": (lambda: loop(300), {"max_nodes": None}),
    "a loop of 3,000 turns, all boxes": (lambda: loop(3000), {"max_nodes": None}),
    "a loop of 33,000 turns, folded": (lambda: loop(33_000), {}),
    "a network at 500 points, folded": (lambda: points(500), {}),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--samples", type=int, default=3, help="how often each picture is made (default: 3)")


def run(options: argparse.Namespace) -> None:
    """Print the table."""
    mg.draw(Value(1.0) * 2.0).pipe("svg")  # loads the renderer
    print(ROW.format(*HEADINGS))
    for name, (make, settings) in CASES.items():
        made = make()
        print(row(name, made if isinstance(made, tuple) else (made,), settings, options.samples), flush=True)
    print(NOTES)
    output = network((2, 3, 1))
    start = time.perf_counter()
    size = len(mg.animate(output).gif())
    print(f"\nA GIF of the 2-3-1 network: {time.perf_counter() - start:.1f} s, {size / 1e6:.2f} MB.")


def row(name: str, outputs: tuple[Value, ...], settings: dict[str, Any], samples: int) -> str:
    """Measure one picture."""
    drawn, rendered, svg = [], [], ""
    for sample in range(samples + 1):
        start = time.perf_counter()
        picture: Picture = mg.draw(*outputs, **settings)
        between = time.perf_counter()
        svg = picture.plain_svg()
        if sample:
            drawn.append(between - start)
            rendered.append(time.perf_counter() - between)
    page = Geometry(svg)
    count, seconds = len(topological_order(*outputs)), map(statistics.median, (drawn, rendered))
    return ROW.format(
        name,
        f"{count:,}",
        len(page.boxes),
        *(f"{each:.2f}" for each in seconds),
        f"{page.width:,.0f} x {page.height:,.0f}",
        f"{page.density:.2f}",
    )
