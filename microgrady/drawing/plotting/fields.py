"""A function of two numbers as pictures need it: its values on a grid, its gradient, cuts through it, and paths."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.checking.evaluation import OUTSIDE
from microgrady.drawing.plotting.figures import (
    LARGEST,
    Interval,
    as_float,
    is_constant,
    name_in_labels,
    one_number,
    unseen,
    value_at,
    written,
)
from microgrady.drawing.plotting.sampling import number_at
from microgrady.drawing.plotting.tangents import Line, tangent
from microgrady.formulas.writing import total_derivative
from microgrady.introspection import parameters_of
from microgrady.transforms import value_and_grad
from microgrady.value import Value

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

CUT_VALUES = 241  # along a cut
LONGEST = 0.9  # of the distance between two arrows
ROOTS = (1, 2, 4, 8, 16)  # of the gradient's size, of which the first that leaves few arrows short is taken
SHORT, FEW = 0.2, 0.1  # of the longest; of all


@dataclass(frozen=True)
class Field:
    """A function of two numbers, and where it is drawn.

    Attributes:
        f: The function.
        ends: The intervals of its two numbers.
        names: Those of its two numbers.
    """

    f: Callable[[Any, Any], Any]
    ends: tuple[Interval, Interval]
    names: tuple[str, str]

    @property
    def name(self) -> str:
        """The name of the function."""
        return name_in_labels(self.f)

    @property
    def title(self) -> str:
        """The function as it is called."""
        return f"{self.name}({', '.join(self.names)})"

    def width(self, axis: int) -> float:
        """Return the width of one of the intervals."""
        return self.ends[axis][1] - self.ends[axis][0]


@dataclass(frozen=True)
class Path:
    """Points that belong together in their order, as those of a descent; one path among several has a name."""

    name: str
    points: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Cut:
    """What a function does where one of its numbers stays as it is.

    Attributes:
        field: The function.
        fixed: Which number that is, 0 or 1.
        point: Where the tangent of the cut is.
        line: The tangent.
    """

    field: Field
    fixed: int
    point: tuple[float, float]
    line: Line

    @property
    def title(self) -> str:
        """Where the cut is, and the partial derivative that is its slope."""
        fixed, free = self.field.names[self.fixed], self.field.names[1 - self.fixed]
        partial, where = total_derivative(self.field.name, free), f"at {free} = {written(self.line.x)}"
        cut = f"{fixed} = {written(self.point[self.fixed])}"
        if math.isnan(self.line.slope):
            return f"{cut}: no {partial} {where}, a {self.line.kind}"
        return f"{cut}: {partial} = {written(self.line.slope)} {where}"


def names_of(f: Callable[[Any, Any], Any]) -> tuple[str, str]:
    """Return the names of the first two parameters of a function, or x and y."""
    names = parameters_of(f).by_position[:2]
    return (names[0], names[1]) if len(names) == 2 else ("x", "y")


# Values


def values(field: Field, count: int) -> tuple[Array, Array, Array, str]:
    """Return the values on a grid, in rows along the first number, nan for what cannot be drawn; and a title.

    Raises:
        ValueError: None of them can be.
        Exception: The function raises this, and has no value anywhere.
    """
    import numpy

    raised: list[Exception] = []

    def height(*point: float) -> float:
        try:
            return value_at(field.f, *point)
        except OUTSIDE as error:
            raised[:] = [error]
            return math.nan

    x, y = (numpy.linspace(*ends, count) for ends in field.ends)
    z = numpy.array([[height(float(across), float(up)) for across in x] for up in y])
    sizes = abs(z[numpy.isfinite(z)])
    z[~(abs(z) <= LARGEST)] = numpy.nan
    if not numpy.isfinite(z).any():
        if raised and not sizes.size:
            raise raised[0]
        where = " and ".join(f"{name} in {ends!r}" for name, ends in zip(field.names, field.ends, strict=True))
        found = f"value up to {LARGEST:g}" if sizes.size else "finite value"
        raise ValueError(f"{field.name} has no {found} for {where}")
    return x, y, z, f"{field.title}{unseen(float(sizes.max()), LARGEST)}"


def range_of(z: Array) -> Interval:
    """Return the lowest and the highest value, or what is around a constant."""
    import numpy

    low, high = float(numpy.nanmin(z)), float(numpy.nanmax(z))
    if is_constant(low, high):
        size = max(abs(low), abs(high)) or 1.0
        return low - size, high + size
    return low, high


# The gradient


def gradient_rows(field: Field, count: int) -> Array:
    """Return a row for each arrow: its place and the gradient there, where that is finite and not zero."""
    import numpy

    f = field.f

    def run(x: Value, y: Value) -> Any:
        return one_number(f, f(x, y))

    run.__name__ = field.name
    differentiate = value_and_grad(run, (0, 1))
    rows: list[tuple[float, ...]] = []
    for up in middles(field.ends[1], count):
        for across in middles(field.ends[0], count):
            try:
                value, slopes = differentiate(across, up)
            except OUTSIDE:  # left blank, or raised again if there is no value anywhere
                continue
            found = [as_float(number) for number in (value, *slopes)]
            if all(map(math.isfinite, found)) and any(found[1:]):
                rows.append((across, up, *found[1:]))
    return numpy.array(rows, dtype=numpy.float64).reshape(-1, 4)


def middles(ends: Interval, count: int) -> list[float]:
    """Return evenly spaced points, half as far from the ends as from each other."""
    return [ends[0] + (ends[1] - ends[0]) * (2 * index + 1) / (2 * count) for index in range(count)]


def arrows(field: Field, rows: Array, count: int) -> tuple[Array, Array, str]:
    """Return how far each arrow leads along both axes, and what they say of the size of the gradient.

    An arrow has the direction of the gradient. Its length is measured in the picture: in widths along x and in
    heights along y.
    """
    import numpy

    dx, dy = rows[:, 2], rows[:, 3]
    # Divided by the largest first, as squares would overflow.
    size = abs(rows[:, 2:]).max()
    dx, dy = dx / size, dy / size
    lengths = numpy.hypot(dx, dy)
    steepness = lengths / lengths.max()
    with numpy.errstate(divide="ignore", invalid="ignore"):
        root = next((n for n in ROOTS if numpy.quantile(steepness ** (1 / n), FEW) >= SHORT), ROOTS[-1])
        in_picture = numpy.hypot(dx / field.width(0), dy / field.width(1))
        factor = LONGEST / count * steepness ** (1 / root) / in_picture
    factor[~numpy.isfinite(factor)] = 0.0  # below the smallest float, beside the largest
    sizes = [written(float(length) * float(size), 3) for length in (lengths.min(), lengths.max())]
    return factor * dx, factor * dy, f"gradient, size {' to '.join(dict.fromkeys(sizes))}"


# Cuts


def cut_at(field: Field, fixed: int, point: tuple[float, float]) -> Cut:
    """Return a cut, and its tangent in a point.

    Raises:
        ValueError: The function is not finite in the point, or its derivative is nan.
    """
    value = value_at(field.f, *point)
    if not abs(value) <= LARGEST:
        raise ValueError(
            f"a tangent of a cut needs a value that can be drawn, and {field.name} at {point!r} is {value!r}: choose "
            f"the point by cuts of {' and '.join(field.names)}"
        )
    return Cut(field, fixed, point, tangent(section(field, fixed, point), point[1 - fixed]))


def middle_of_cut(field: Field, fixed: int, point: tuple[float, float]) -> tuple[float, float]:
    """Return a point, or if there is no value, the middle of the longest part of the cut through it that has some."""
    import numpy

    if abs(number_at(section(field, fixed, point), point[1 - fixed])) <= LARGEST:
        return point
    free, heights = cut_curve(field, fixed, point)
    edges = numpy.flatnonzero(numpy.diff(numpy.isfinite(heights), prepend=False, append=False)).reshape(-1, 2)
    if not edges.size:
        return point
    first, beyond = max(edges.tolist(), key=lambda ends: ends[1] - ends[0])
    found = float(free[(first + beyond - 1) // 2])
    return (found, point[1]) if fixed else (point[0], found)


def section(field: Field, fixed: int, point: tuple[float, float]) -> Callable[[Any], Any]:
    """Return the function with one of its numbers as it is in a point, as a function of the other one."""
    f, constant = field.f, point[fixed]

    @functools.wraps(f, updated=())
    def run(free: Any) -> Any:
        return f(free, constant) if fixed else f(constant, free)

    run.__name__ = field.name
    return run


def cut_curve(field: Field, fixed: int, point: tuple[float, float]) -> tuple[Array, Array]:
    """Return a cut as a curve: the number that is free, and the values, nan for what cannot be drawn."""
    import numpy

    free = numpy.linspace(*field.ends[1 - fixed], CUT_VALUES)
    f = section(field, fixed, point)
    heights = numpy.array([number_at(f, float(number)) for number in free])
    heights[~(abs(heights) <= LARGEST)] = numpy.nan
    return free, heights
