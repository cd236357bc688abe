"""What networks are trained on, from the same numbers in every library."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from microgrady import data

Array = Any  # of NumPy
Layers = list[tuple[Array, Array]]  # for each layer a matrix with a row for each neuron, and the biases

DIGITS = (64, 32, 10)
MOONS = (2, 16, 16, 1)
ALPHA = 1e-4  # of the squares of the weights, as in micrograd's demo
ROUND = 100  # steps of micrograd's demo, after which its learning rate begins anew here


def moons_rate(k: int) -> float:
    """Return the learning rate of a step of micrograd's demo."""
    return 1.0 - 0.9 * (k % ROUND) / ROUND


@dataclass(frozen=True)
class Task:
    """A network, and what it learns.

    Attributes:
        kind: The name among `TASKS`.
        widths: How many numbers go in, how many neurons each layer has.
        X: A row for each sample.
        y: Of digits their classes, of moons -1 or 1.
        batch: How many samples a step takes.
        layers: The weights at the beginning.
    """

    kind: str
    widths: Sequence[int]
    X: Array
    y: Array
    batch: int
    layers: Layers

    @property
    def steps(self) -> int:
        """Return how many steps go through all samples."""
        return len(self.X) // self.batch

    def rows(self, k: int) -> slice:
        """Return which samples the k-th step takes."""
        start = k % self.steps * self.batch
        return slice(start, start + self.batch)


def first_layers(widths: Sequence[int]) -> Layers:
    """Return weights by Glorot's rule, and biases of zero."""
    generator = numpy.random.default_rng(0)
    return [
        (generator.uniform(-1.0, 1.0, (height, width)) * numpy.sqrt(6.0 / (width + height)), numpy.zeros(height))
        for width, height in itertools.pairwise(widths)
    ]


def flat(layers: Layers) -> Array:
    """Return all numbers, neuron by neuron, each with its bias last."""
    return numpy.concatenate([numpy.column_stack((weights, biases)).ravel() for weights, biases in layers])


def split_digits() -> tuple[Array, Array, Array, Array]:
    """Return four fifths of the digits and the others, then their classes."""
    return data.split(*data.digits(), fraction=0.2, seed=0)


def digits(batch: int) -> Task:
    """Return whole batches of the digits that are learnt."""
    samples, _, classes, _ = split_digits()
    whole = len(samples) // batch * batch
    return Task("digits", DIGITS, samples[:whole], classes[:whole], batch, first_layers(DIGITS))


def moons(batch: int) -> Task:
    """Return moons, all of which are one batch."""
    points, classes = data.moons(batch, noise=0.1, seed=0)
    return Task("moons", MOONS, points, 2 * classes - 1, batch, first_layers(MOONS))


TASKS: dict[str, Callable[[int], Task]] = {"digits": digits, "moons": moons}
