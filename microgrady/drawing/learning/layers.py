"""The parameters of a model in layers, and each layer's in units, as their names tell them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from microgrady.inputs import describe
from microgrady.trees import flatten

NEURONS, BIAS = "neurons", "b"  # as mg.nn has them in the names of parameters


@dataclass
class Layer:
    """Units side by side: the neurons of a layer, or the rows of a matrix of parameters.

    Attributes:
        name: For labels.
        has_neurons: Whether the units are neurons, which have all their weights from what they are given.
        weights: Those of each unit, in order.
        biases: That of each unit that has one.
    """

    name: str
    has_neurons: bool
    weights: dict[int, list[Any]] = field(default_factory=dict)
    biases: dict[int, Any] = field(default_factory=dict)

    @property
    def units(self) -> list[int]:
        """Which units there are."""
        return sorted(self.weights.keys() | self.biases.keys())

    @property
    def width(self) -> int:
        """How many weights a unit has, or the one that has most."""
        return max(map(len, self.weights.values()), default=0)

    def parameters(self, unit: int) -> list[Any]:
        """Return the weights of a unit and then its bias."""
        return self.weights.get(unit, []) + ([self.biases[unit]] if unit in self.biases else [])


def layers_of(model: Any, what: str) -> list[Layer]:
    """Return the layers of a model, in order.

    Args:
        model: A Module, or something nested with Values in it.
        what: What needs them, for messages.

    Raises:
        TypeError: It is something else.
        ValueError: It has no parameters.
    """
    found: dict[str, Layer] = {}
    for name, parameter in named(model, what):
        steps = re.findall(r"\w+", name)
        layer, unit, rest = located(steps)
        has_neurons = len(rest) > 0 and NEURONS in steps
        group = found.setdefault(layer, Layer(layer_name(layer), has_neurons))
        if has_neurons and rest == [BIAS]:
            group.biases[unit] = parameter
        else:
            group.weights.setdefault(unit, []).append(parameter)
    if not found:
        raise ValueError(f"{what} needs parameters, and this {type(model).__name__} has none")
    return list(found.values())


def named(model: Any, what: str) -> Iterable[tuple[str, Any]]:
    """Return the parameters of a model with their names."""
    if not isinstance(model, type) and callable(getattr(model, "named_parameters", None)):
        is_neuron = hasattr(model, "w") and hasattr(model, BIAS) and not hasattr(model, NEURONS)
        return [(f"{NEURONS}.0.{name}" if is_neuron else name, value) for name, value in model.named_parameters()]
    try:
        numbers, structure = flatten(model, "the model")
    except TypeError:
        numbers = []
    if not numbers or numbers == [model]:
        raise TypeError(
            f"{what} takes a model, a layer, or something nested with parameters in it, not {describe(model)}"
        )
    return zip(structure.leaf_names(), numbers, strict=True)


def located(steps: list[str]) -> tuple[str, int, list[str]]:
    """Return the layer that a parameter is in, which of its units it belongs to, and what it is there.

    Example:
        >>> located(["layers", "0", "neurons", "3", "w", "1"])
        ('layers.0', 3, ['w', '1'])
        >>> located(["weights", "3", "1"])
        ('weights', 3, ['1'])
    """
    places = [place for place, step in enumerate(steps[:-1]) if step == NEURONS and steps[place + 1].isdecimal()]
    if places:
        start = places[-1]
        return ".".join(steps[:start]), int(steps[start + 1]), steps[start + 2 :]
    end = len(steps)
    while end and steps[end - 1].isdecimal():
        end -= 1
    # A list of layers that are lists: the last two numbers are the row and the place in it.
    end = max(end, len(steps) - 2)
    unit = int(steps[end]) if end < len(steps) else 0
    return ".".join(steps[:end]), unit, steps[end + 1 :]


def layer_name(path: str) -> str:
    """Return how a layer is called in labels."""
    counted = re.fullmatch(r"layers\.(\d+)", path)
    return f"layer {counted[1]}" if counted else path or "layer"
