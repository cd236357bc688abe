"""What the compilers are measured with: functions that are loops over single numbers, and their gradients by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

import microgrady
from tests.benchmarks import eager

Array = Any  # of NumPy
Both = tuple[float, Array]  # a value and a gradient

WIDTHS = eager.WIDTHS
TURNS = eager.ROUNDS


@dataclass(frozen=True)
class Program:
    """A function in the ways in which engines want it.

    Attributes:
        function: The loop over single numbers, as a user writes it. It takes a namespace with sin, exp and tanh, the
            variables, and the data.
        by_hand: Value and gradient, written by hand for numba. It takes the variables and the data.
        inputs: Makes the variables and the data for a size.
        of_arrays: The function of whole arrays, where there is such a form; with a namespace as `function`.
        of_arrays_by_hand: Value and gradient of whole arrays, written by hand for NumPy.
    """

    function: Callable[..., Any]
    by_hand: Callable[..., Both]
    inputs: Callable[[int], tuple[Array, ...]]
    of_arrays: Callable[..., Any] | None = None
    of_arrays_by_hand: Callable[..., Both] | None = None

    def closed(self, library: Any, size: int) -> Callable[[Any], Any]:
        """Return the loop as a function of the variables alone."""
        _, *data = self.inputs(size)
        return lambda x: self.function(library, x, *data)

    def expected(self, size: int) -> Array:
        """Return the gradient as the interpreted microgrady has it."""
        return microgrady.value_and_grad(self.closed(microgrady, size))(self.inputs(size)[0])[1]


# Rosenbrock's function.


def valley_by_hand(x: Array) -> Both:
    """Value and gradient of Rosenbrock's function, in one loop that writes each entry once."""
    slope = numpy.empty_like(x)
    total, here, carried = 0.0, x[0], 0.0
    for i in range(len(x) - 1):
        following = x[i + 1]
        bend, rest = following - here * here, 1.0 - here
        total += 100.0 * bend * bend + rest * rest
        slope[i] = carried - 400.0 * here * bend - 2.0 * rest
        carried = 200.0 * bend
        here = following
    slope[-1] = carried
    return total, slope


def _valley_of_arrays(library: Any, x: Any) -> Any:
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def valley_of_arrays_by_hand(x: Array) -> Both:
    """Value and gradient of Rosenbrock's function from whole arrays."""
    head, slope = x[:-1], numpy.zeros(len(x))
    bend, rest = x[1:] - head * head, 1.0 - head
    slope[:-1] = -400.0 * head * bend - 2.0 * rest
    slope[1:] += 200.0 * bend
    return float(100.0 * (bend @ bend) + rest @ rest), slope


def point_of(variables: int) -> Array:
    """Return where Rosenbrock's function is computed."""
    return numpy.random.default_rng(1).uniform(-1.5, 1.5, variables)


def valley_hessian_by_hand(x: Array) -> Array:
    """Return the entries of the Hessian of Rosenbrock's function, which has three diagonals, row by row."""
    last = len(x) - 1
    entries = numpy.empty(3 * last + 1)
    carried, place = 0.0, 0
    for i in range(last):
        if i > 0:
            entries[place] = -400.0 * x[i - 1]
            place += 1
        entries[place] = carried + 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0
        entries[place + 1] = -400.0 * x[i]
        place += 2
        carried = 200.0
    entries[place] = -400.0 * x[last - 1]
    entries[place + 1] = carried
    return entries


# The squared error of a network with tanh, by its weights.


def _network(library: Any, x: Sequence[Any], points: Array, targets: Array) -> Any:
    loss = 0.0
    for point, target in zip(points.tolist(), targets.tolist(), strict=True):
        loss = loss + (eager.network_output(x, point, library.tanh) - target) ** 2
    return loss


def _network_by_hand(x: Array, points: Array, targets: Array) -> Both:
    width, height, end = points.shape[1], 16, len(x) - 17  # where each layer begins: 0, `middle` and `end`
    middle = height * (width + 1)
    slope = numpy.zeros(len(x))
    first, second, by_first = numpy.empty(height), numpy.empty(height), numpy.empty(height)
    loss = 0.0
    for n in range(len(points)):
        for j in range(height):
            k = j * (width + 1)
            s = x[k]
            for i in range(width):
                s += x[k + 1 + i] * points[n, i]
            first[j] = math.tanh(s)
        for j in range(height):
            k = middle + j * (height + 1)
            s = x[k]
            for i in range(height):
                s += x[k + 1 + i] * first[i]
            second[j] = math.tanh(s)
        s = x[end]
        for i in range(height):
            s += x[end + 1 + i] * second[i]
        loss += (s - targets[n]) ** 2
        by_output = 2.0 * (s - targets[n])
        slope[end] += by_output
        by_first[:] = 0.0
        for j in range(height):
            slope[end + 1 + j] += by_output * second[j]
            by_sum = by_output * x[end + 1 + j] * (1.0 - second[j] * second[j])
            k = middle + j * (height + 1)
            slope[k] += by_sum
            for i in range(height):
                slope[k + 1 + i] += by_sum * first[i]
                by_first[i] += by_sum * x[k + 1 + i]
        for j in range(height):
            by_sum = by_first[j] * (1.0 - first[j] * first[j])
            k = j * (width + 1)
            slope[k] += by_sum
            for i in range(width):
                slope[k + 1 + i] += by_sum * points[n, i]
    return loss, slope


def _network_of_arrays(library: Any, x: Any, points: Any, targets: Any) -> Any:
    signals, k = points, 0
    for width, height in itertools.pairwise(WIDTHS):
        layer = x[k : k + height * (width + 1)].reshape(height, width + 1)
        k += height * (width + 1)
        signals = signals @ layer[:, 1:].T + layer[:, 0]
        if height > 1:
            signals = library.tanh(signals)
    return ((signals[:, 0] - targets) ** 2).sum()


def _network_inputs(points: int) -> tuple[Array, ...]:
    generator = numpy.random.default_rng(2)
    where = generator.normal(size=(points, WIDTHS[0]))
    return generator.uniform(-0.75, 0.75, eager.WEIGHTS), where, numpy.sin(where[:, 0]) * where[:, 1]


# Springs between all pairs of points on a line.


def _springs(library: Any, x: Sequence[Any]) -> Any:
    total = 0.0
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            apart = x[i] - x[j]
            square = apart * apart
            total = total + square * square
    return total


def _springs_by_hand(x: Array) -> Both:
    total, slope = 0.0, numpy.zeros(len(x))
    for i in range(len(x)):
        here, pull = x[i], 0.0
        for j in range(i + 1, len(x)):
            apart = here - x[j]
            square = apart * apart
            total += square * square
            force = 4.0 * square * apart
            pull += force
            slope[j] -= force
        slope[i] += pull
    return total, slope


def _springs_of_arrays(library: Any, x: Any) -> Any:
    return 0.5 * ((x[:, None] - x) ** 4).sum()  # each pair stands there twice


# A recurrence that spends its time in functions of the C library.


def _recurrence_by_hand(x: Array) -> Both:
    start = x[0]
    y, slope = start, 1.0  # by the one variable, so that going forward is best
    for _ in range(TURNS):
        product, growth, bent = y * start, math.exp(-0.5 * y * y), math.tanh(start * y + 0.25)
        wave = math.sin(product)
        by_product = math.cos(product) * growth + (1.0 - bent * bent)
        slope = by_product * (slope * start + y) - wave * growth * y * slope
        y = wave * growth + bent
    return y, numpy.array([slope])


PROGRAMS = {
    "rosenbrock": Program(
        eager.rosenbrock,
        valley_by_hand,
        lambda variables: (point_of(variables),),
        _valley_of_arrays,
        valley_of_arrays_by_hand,
    ),
    "network": Program(_network, _network_by_hand, _network_inputs, _network_of_arrays),
    "pairs": Program(_springs, _springs_by_hand, lambda points: (point_of(points),), _springs_of_arrays),
    "recurrence": Program(eager.loop, _recurrence_by_hand, lambda _: (numpy.array([0.7]),)),
}
