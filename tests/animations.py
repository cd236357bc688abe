"""What the tests of animations share: graphs to animate."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

import microgrady as mg
from microgrady import Value


def neuron() -> Value:
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    y: Value = mg.tanh(w * x + b)
    y.label = "y"
    return y


def loss() -> Value:
    """Ten operations, three paths from each weight, and numbers among the operands."""
    w1, x1, w2, x2 = (Value(v, n) for v, n in [(-3, "w1"), (2, "x1"), (1, "w2"), (0.5, "x2")])
    y: Value = mg.tanh(x1 * w1 + x2 * w2 + Value(6.8813735870195432, "b"))
    result: Value = (y - 1) ** 2 + 0.01 * (w1 * w1 + w2 * w2)
    result.label = "L"
    return result


def image_of(content: bytes) -> Any:
    return Image.open(io.BytesIO(content))


def network() -> Value:
    """The loss of a network with 2 inputs, 3 hidden neurons and 1 output."""
    layer = [Value(0.5, "x1"), Value(-1.0, "x2")]
    for number, size in enumerate((3, 1), start=1):
        neurons = []
        for neuron in range(1, size + 1):
            total: Any = Value(0.1 * neuron, f"b{number}{neuron}")
            for slot, x in enumerate(layer, start=1):
                total = total + Value((neuron - 2 * slot + number) / 4, f"w{number}{neuron}{slot}") * x
            neurons.append(mg.tanh(total))
        layer = neurons
    layer[0].label = "y"
    return layer[0]
