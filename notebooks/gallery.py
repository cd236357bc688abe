"""The pictures of the README: `python notebooks/gallery.py` makes them, `--check` compares them with the saved ones.

The README shows one picture of each chapter, too: that is what a cell of the chapter draws, whose code is run here.

`--check` also compares the pictures inside of the chapters. `python notebooks/execute.py --check` does that, too, when
it runs the chapters for their texts; where both scripts are run, as in `.ci/run`, `--check --readme` leaves it to the
other one.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import random
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
from comparison import difference
from matplotlib import pyplot as plt

import microgrady as mg
from microgrady import Value, data, nn, optim
from microgrady.drawing.plotting.figures import write_figure
from microgrady.drawing.render import Picture
from microgrady.files import write_whole

FOLDER = Path(__file__).parent
PICTURES = FOLDER / "pictures"


def neuron(to: Path) -> None:
    """A neuron, forward and backward."""
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    y = mg.tanh(w * x + b)
    y.label = "y"
    y.backward()
    mg.draw(y, to=to)


def backward(to: Path) -> None:
    """The same neuron, step by step."""
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    y = mg.tanh(w * x + b)
    y.label = "y"
    mg.animate(y, to=to)


def network(to: Path) -> None:
    """A network of 33 neurons and its loss over 100 points."""
    generator = random.Random(1)
    sizes = (2, 16, 16, 1)
    layers = [
        [
            ([Value(generator.gauss(0, 0.5), f"w{i}{j}") for j in range(inputs)], Value(0.0, f"b{i}"))
            for i in range(outputs)
        ]
        for inputs, outputs in zip(sizes, sizes[1:])  # noqa: B905, RUF007
    ]
    losses = []
    for _ in range(100):
        signals = [Value(generator.uniform(-1, 1), f"x{i}") for i in (1, 2)]
        target = 1.0 if signals[0] * signals[1] > 0 else -1.0
        for number, layer in enumerate(layers, 1):
            with mg.scope(f"layer {number}"):
                signals = [mg.tanh(mg.dot(weights, signals) + bias) for weights, bias in layer]
        with mg.scope("loss"):
            losses.append((signals[0] - target) ** 2)
    loss = mg.mean(losses)
    loss.label = "loss"
    loss.backward()
    mg.draw(loss, to=to)


def secants(to: Path) -> None:
    """Secants closing in on a tangent."""
    mg.plot(lambda x: x * mg.sin(x), (-1, 4), derivatives=0, tangent_at=1, secants=4, to=to)


def descent(to: Path) -> None:
    """Gradient descent on Himmelblau's function, from two points."""

    def himmelblau(x: Value, y: Value) -> Value:
        return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2

    slopes = mg.grad(himmelblau, argnums=(0, 1))
    paths = {}
    for start in ((0.2, -0.4), (-0.8, -0.4)):
        path = paths[f"from {start}"] = [start]
        for _ in range(60):
            x, y = (p - 0.01 * slope for p, slope in zip(path[-1], slopes(*path[-1]), strict=True))
            path.append((x, y))
    mg.plot_surface(himmelblau, (-5, 5), path=paths, levels="shares", to=to)


def cuts(to: Path) -> None:
    """A surface in space with two cuts, whose slopes are the partial derivatives."""

    def saddle(x: Value, y: Value) -> Value:
        return x * x - y * y + x * y / 2

    mg.plot_surface(saddle, (-2, 2), kind="surface", cuts={"x": 1, "y": -0.5}, to=to)


def zoom(to: Path) -> None:
    """A curve that becomes its tangent the closer one looks."""
    mg.animate_zoom(lambda x: x * mg.sin(x), (-1, 4), 1, to=to)


def decision(to: Path) -> None:
    """What a network has learnt of a spiral of three arms."""
    X, _, y, _ = data.split(*data.spiral(300), fraction=0.2, seed=0)
    model = nn.MLP(2, [16, 16, 3], activation="tanh", seed=0)
    nn.fit(model, nn.cross_entropy, X, y, optim.Adam(model, lr=0.02), 100, progress=False)
    mg.plot_decision(model, X, y, to=to)


def training(to: Path) -> None:
    """How a network learns the boundary between two moons."""
    X, y = data.moons(100, noise=0.15)
    model = nn.MLP(2, [16, 16, 1], seed=0)
    optimizer = optim.Adam(model, lr=0.02)
    mg.animate_training(
        model, nn.binary_cross_entropy, X, y, optimizer, 44, batch_size=20, frames=12, progress=False, to=to
    )


def cell(chapter: str, text: str, to: Path) -> None:
    """What a cell of a chapter draws, a graph or a plot: the first cell with that text in it."""
    cells = json.loads((FOLDER / chapter).read_text(encoding="utf-8"))["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    last = next(place for place, code in enumerate(codes) if text in code)
    names: dict[str, Any] = {}
    for code in codes[: last + 1]:
        plt.close("all")
        with contextlib.redirect_stdout(io.StringIO()):
            shown = run(code, names)
    if isinstance(shown, Picture):
        write_whole(to, shown.pipe("svg"))
    else:
        write_figure(plt.gca(), to)
    plt.close("all")


def run(code: str, names: dict[str, Any]) -> Any:
    """Run the code of a cell, and return the value of its last line, if that is an expression."""
    lines, last = ast.parse(code).body, None
    if isinstance(lines[-1], ast.Expr):
        last = ast.Expression(lines[-1].value)
        del lines[-1]
    exec(compile(ast.Module(lines, []), "cell", "exec"), names)
    return None if last is None else eval(compile(last, "cell", "eval"), names)


GALLERY: dict[str, Callable[[Path], None]] = {
    "neuron.svg": neuron,
    "backward.gif": backward,
    "network.svg": network,
    "secants.svg": secants,
    "zoom.gif": zoom,
    "descent.svg": descent,
    "cuts.svg": cuts,
    "decision.svg": decision,
    "training.gif": training,
    "chapter_1.svg": partial(cell, "1_functions.ipynb", "plot_map(square,"),
    "chapter_2.svg": partial(cell, "2_derivatives.ipynb", "secants="),
    "chapter_3.svg": partial(cell, "3_nested_functions.ipynb", "plot_map("),
    "chapter_4.svg": partial(cell, "4_chain_rule.ipynb", "y = u * v"),
    "chapter_5.svg": partial(cell, "5_several_inputs.ipynb", "cuts=cuts"),
    "chapter_6.svg": partial(cell, "6_gradients_to_trust.ipynb", "mg.plot(claim"),
    "chapter_7.svg": partial(cell, "7_batches.ipynb", "axes.imshow("),
    "chapter_8.svg": partial(cell, "8_networks.ipynb", "(5, 30, 100, 1000)"),
}


def check_readme(folder: Path) -> int:
    """Make the pictures of the README in another folder, and return how many do not look as saved."""
    wrong = 0
    for name, make in GALLERY.items():
        make(folder / name)
        saved = PICTURES / name
        found = difference((folder / name).read_bytes(), saved.read_bytes()) if saved.exists() else "is not there"
        if found:
            wrong += 1
            print(f"{name} {found}", file=sys.stderr)
    return wrong


def check_chapters() -> int:
    """Run the chapters, and return in how many of them the pictures do not look as saved."""
    import nbformat  # with what `execute` needs, it is left out where chapters are
    from execute import different_pictures, executed

    wrong = 0
    for path in sorted(FOLDER.glob("*.ipynb")):
        saved = nbformat.read(path, as_version=4)
        different = different_pictures(saved, executed(saved))
        wrong += bool(different)
        for line in different:
            print(f"{path.name}: {line}", file=sys.stderr)
    return wrong


def main() -> int:
    """Make the pictures, or compare them with the saved ones."""
    parser = argparse.ArgumentParser(description="Make the pictures of the README.")
    parser.add_argument("--check", action="store_true", help="compare with the saved ones instead of writing them")
    parser.add_argument("--readme", action="store_true", help="leave out the pictures inside of the chapters")
    arguments = parser.parse_args()
    mpl.use("agg")  # without windows
    if not arguments.check:
        for name, make in GALLERY.items():
            make(PICTURES / name)
        print(f"made {len(GALLERY)} pictures")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        wrong = check_readme(Path(folder))
    print(f"{len(GALLERY) - wrong} of {len(GALLERY)} pictures of the README look as saved")
    if not arguments.readme:
        in_chapters = check_chapters()
        print(f"the pictures in the chapters {'differ' if in_chapters else 'look as saved'}")
        wrong += in_chapters
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
