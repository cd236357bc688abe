"""The pictures of the README: `python notebooks/gallery.py` makes them, `--check` compares them with the saved ones.

Versions of the drawing libraries differ in a few pixels, so pictures are compared as they look, not byte by byte.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image, ImageSequence

import microgrady as mg
from microgrady import Value, data, nn, optim
from microgrady.drawing.render import font_file

PICTURES = Path(__file__).parent / "pictures"
# A picture may differ by so much in its width and height, and so many of its squares of 16 by 16 pixels may differ
# clearly in lightness, all as a share of the whole.
SIZE, CLEARLY, SQUARES = 0.05, 0.05, 0.01


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
    mg.draw(loss, to=to, direction="TB")


def secants(to: Path) -> None:
    """Secants closing in on a tangent."""
    mg.plot(lambda x: x * mg.sin(x), (-1, 4), derivatives=0, tangent_at=1, secants=4, to=to)


def descent(to: Path) -> None:
    """Gradient descent on Himmelblau's function."""

    def himmelblau(x: Value, y: Value) -> Value:
        return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2

    slopes = mg.grad(himmelblau, argnums=(0, 1))
    path = [(0.2, -0.4)]
    for _ in range(60):
        path.append(tuple(p - 0.01 * slope for p, slope in zip(path[-1], slopes(*path[-1]), strict=True)))
    mg.plot_surface(himmelblau, (-5, 5), path=path, to=to)


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


GALLERY: dict[str, Callable[[Path], None]] = {
    "neuron.svg": neuron,
    "backward.gif": backward,
    "network.svg": network,
    "secants.svg": secants,
    "descent.svg": descent,
    "decision.svg": decision,
    "training.gif": training,
}


def frames(picture: Path) -> list[Image.Image]:
    """Return the frames of a picture, a single one for an SVG."""
    if picture.suffix == ".gif":
        with Image.open(picture) as animation:
            return [frame.convert("L") for frame in ImageSequence.Iterator(animation)]
    svg = re.sub("<style.*?</style>", "", picture.read_text(encoding="utf-8"), flags=re.DOTALL)
    png = bytes(resvg_py.svg_to_bytes(svg, dpi=96, font_files=[str(font_file())], background="white"))
    return [Image.open(io.BytesIO(png)).convert("L")]


def texts(picture: Path) -> set[str]:
    """Return what is written in an SVG, as far as it is text."""
    return set(re.findall("<text[^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8")))


def difference(new: Path, saved: Path) -> str:
    """Say how two pictures differ, or nothing if they look the same."""
    if not saved.exists():
        return "is not there"
    if new.suffix == ".svg" and texts(new) != texts(saved):
        return f"does not say {', '.join(map(repr, texts(new) ^ texts(saved)))}, or does no longer"
    ours, theirs = frames(new), frames(saved)
    if len(ours) != len(theirs):
        return f"has {len(theirs)} frames, not {len(ours)}"
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if any(abs(p - q) > SIZE * p for p, q in zip(a.size, b.size, strict=True)):
            return f"is {b.size} in size, not {a.size}"
        squares = max(1, a.width // 16), max(1, a.height // 16)
        levels = [np.asarray(image.resize(squares, Image.Resampling.BOX), dtype=np.float64) / 255 for image in (a, b)]
        off = float((np.abs(levels[0] - levels[1]) > CLEARLY).mean())
        if off > SQUARES:
            return f"differs in {off:.0%} of frame {number}"
    return ""


def main() -> int:
    """Make the pictures, or compares them with the saved ones."""
    parser = argparse.ArgumentParser(description="Make the pictures of the README.")
    parser.add_argument("--check", action="store_true", help="compare with the saved ones instead of writing them")
    check = parser.parse_args().check
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, make in GALLERY.items():
            target = (Path(folder) if check else PICTURES) / name
            make(target)
            if check and (found := difference(target, PICTURES / name)):
                wrong += 1
                print(f"{name} {found}", file=sys.stderr)
    print(f"{len(GALLERY) - wrong} of {len(GALLERY)} pictures {'look as saved' if check else 'made'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
