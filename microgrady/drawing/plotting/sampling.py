"""A function and its derivatives at so many points that the lines between them look like the curves."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.checking.evaluation import OUTSIDE
from microgrady.drawing.plotting.arguments import refuse_a_pair
from microgrady.drawing.plotting.figures import (
    LARGEST_OF_CURVES,
    ROUNDING,
    Interval,
    as_float,
    is_constant,
    name_in_labels,
    one_number,
    value_at,
)
from microgrady.transforms import gradients, value_and_grad
from microgrady.value import Value

if TYPE_CHECKING:
    from numpy import bool_, float64
    from numpy.typing import NDArray

    Array = NDArray[float64]
    Flags = NDArray[bool_]

FIRST = (256, 256, 256, 128, 128)  # pieces to begin with, by order: high derivatives take their time
FINEST = 2**14  # those that a straight line does not fit are halved, down to a sixteenth of a pixel
MOST = 9000  # points in all, where no second derivative is asked for; half as many for each order above
DEVIATION = 0.002  # of the height of the picture: a curve that bends by more between three points is halved
DISAGREEMENT = 0.01  # the same, where the slopes at the ends of a piece say that it should end elsewhere
STEEP, TORN = 0.05, 0.01  # the same: a piece that rises by more is halved, or is looked into for a jump
BEYOND = 0.5  # heights of the picture beyond its edges: what is farther out is not looked at
PROBES = 128  # jumps and ends of the domain that are looked into, at most, for each curve
BISECTIONS = 40  # the look into one: from there on, neighbouring floats are next
SUMMITS = 4  # places where a curve is looked at whether it has a bound
LATE, STILL_CLIMBS = 6, 1e-3  # it has one if so many bisections add no more than that, in heights of the fence or of
# what it has climbed before
HIGH = 1e6  # heights of the fence that are proof enough
FENCE = 2.0  # interquartile ranges beyond the quartiles, as in Tukey's box plots, are shown of a curve with a pole
QUARTILES = ((0.25, 0.75), (0.1, 0.9), (0.02, 0.98), (0.0, 1.0))  # the later ones for curves that are mostly flat
OUTLYING = 10.0  # heights of the function beyond it: what few values of a derivative reach farther out is not shown


@dataclass(frozen=True)
class Sample:
    """The curves of a function and its derivatives.

    Attributes:
        curves: For each curve its points, ascending, and its values there, both nan where it is interrupted;
            first the function, then its derivatives.
        limits: For each curve the lower and the upper end of what a picture should show of it.
        ends: For each curve whether it goes on above the largest number that is drawn.
    """

    curves: list[tuple[Array, Array]]
    limits: list[Interval]
    ends: list[bool]


def derivatives_at(f: Callable[..., Any], x: float, orders: int) -> list[float]:
    """Return the value of `f` and its derivatives up to an order of at least 1, from one recording of `f`.

    Raises:
        TypeError: `f` does not return one number, or makes a float of a Value, which would lose the derivative.
    """
    recorded: list[Any] = []

    def run(argument: Value) -> Any:
        result = one_number(f, f(argument))
        recorded[:] = [argument, result]
        return result

    run.__name__ = name_in_labels(f)
    found = list(value_and_grad(run)(x))
    argument, derivative = recorded
    if orders > 1 and isinstance(derivative, Value):
        derivative = gradients(derivative, argument)
        for _ in range(orders - 1):
            derivative = gradients(derivative, argument)
            found.append(derivative)
    found += [0.0] * (orders + 1 - len(found))
    return [as_float(number) for number in found]


def number_at(f: Callable[..., Any], x: float) -> float:
    """Return the value of a function of plain numbers, nan where it raises what Python's do outside of their domain."""
    try:
        return value_at(f, x)
    except OUTSIDE:
        return math.nan


def sample(f: Callable[..., Any], interval: Interval, orders: int, shared: bool = True) -> Sample:
    """Return the curves of `f` and its derivatives, for a picture in which they share the axes or have their own.

    Without derivatives, `f` may be a function of plain numbers alone, such as `math.sin`.

    Raises:
        TypeError: as for `derivatives_at`.
        ValueError: `f` is finite nowhere in the interval.
    """
    return _Sampling(f, interval, orders, shared).run()


class _Sampling:
    """The points so far.

    Attributes:
        x: The points, ascending.
        y: For each curve a row of values. There is one row more than curves where only the function is drawn,
            since the slopes tell where it must be looked at more closely.
        finest: The width of the narrowest pieces.
        drawn: How many rows are drawn.
        orders: How many derivatives are computed, none of a function that takes no Values.
        shared: Whether all curves are in one picture.
        limits: The lower and the upper end of the picture of each curve, as far as they are known.
        ends: For each curve whether larger numbers than are drawn have been met.
        raised: What the function raised where it has no value, if it has raised anything.
    """

    def __init__(self, f: Callable[..., Any], interval: Interval, orders: int, shared: bool) -> None:
        import numpy

        self.f = f
        self.interval = interval
        self.finest = (interval[1] - interval[0]) / FINEST
        self.drawn = orders + 1
        self.orders = max(orders, 1)
        self.shared = shared
        self.limits: list[Interval] = []
        self.ends = [False] * (self.orders + 1)
        self.raised: Exception | None = None
        self.x: Array = numpy.unique(numpy.linspace(*interval, FIRST[orders] + 1))
        self.y = self.first_rows()

    def first_rows(self) -> Array:
        """Return the values at the first points, and find out whether the function takes Values."""
        try:
            return self.rows(self.x)
        except TypeError as error:
            refuse_a_pair(self.f, "plot", error)
            if self.drawn > 1:
                self.advise(error)
                raise
        self.orders = 0
        return self.rows(self.x)

    def advise(self, error: TypeError) -> None:
        """Add to an error that the function itself can be drawn, if it can be."""
        with contextlib.suppress(Exception):
            number_at(self.f, float(self.x[0]))
            error.add_note(f"plot(..., derivatives=0) draws {name_in_labels(self.f)} without its derivatives")

    def rows(self, points: Array) -> Array:
        """Return the values at these points, nan for what cannot be drawn."""
        import numpy

        columns = [self.column(float(x), self.orders) for x in points]
        return numpy.array(columns, dtype=numpy.float64).reshape(-1, self.orders + 1).T

    def column(self, x: float, orders: int) -> list[float]:
        """Return the values at one point; where a function has no value, it has no derivatives either."""
        try:
            column = derivatives_at(self.f, x, orders) if self.orders else [value_at(self.f, x)]
        except OUTSIDE as error:
            self.raised = error
            column = [math.nan] * (orders + 1)
        drawable = [abs(value) <= LARGEST_OF_CURVES for value in column]
        for row, value in enumerate(column):
            self.ends[row] |= LARGEST_OF_CURVES < abs(value) < math.inf
        return [value if all(drawable[: row + 1]) else math.nan for row, value in enumerate(column)]

    def at(self, row: int, x: float) -> float:
        """Return the value of one curve at one point."""
        return self.column(x, max(row, 1) if self.orders else 0)[row]

    def add(self, points: Array) -> None:
        """Add the values at some points."""
        import numpy

        x = numpy.concatenate((self.x, points))
        y = numpy.concatenate((self.y, self.rows(points)), axis=1)
        self.x, places = numpy.unique(x, return_index=True)
        self.y = y[:, places]

    def run(self) -> Sample:
        """Return the curves, when all points are found that they need."""
        import numpy

        if not numpy.isfinite(self.y[0]).any():
            if self.raised is not None and self.orders:  # else it may be one of Python's, outside of its domain
                raise self.raised
            low, high = self.interval
            found = f"no value up to {LARGEST_OF_CURVES:g}" if self.ends[0] else "no finite value"
            raise ValueError(f"{name_in_labels(self.f)} has {found} between {low!r} and {high!r}")
        rows = range(self.drawn)
        # From evenly spaced points, before the steep parts get more of them.
        around = [self.fence(row) for row in rows]
        most = [self.fence(row, QUARTILES[:1]) for row in rows]
        fences = [around[row] if self.is_unbounded(row) else None for row in rows]
        self.set_limits(fences, most)
        self.refine()
        before = [self.largest(row) for row in rows]
        self.add_ends()
        for row in rows:
            # A curve that oscillates may climb without a summit that leads to the next.
            if self.largest(row) > HIGH * max(before[row], around[row][1] - around[row][0]):
                fences[row] = around[row]
        self.set_limits(fences, most)
        return Sample([self.curve(row) for row in rows], self.limits, [self.is_cut_off(row) for row in rows])

    def is_cut_off(self, row: int) -> bool:
        """Return whether a curve goes on above the largest number that is drawn, and not only beyond the picture."""
        high = max(map(abs, self.limits[row])) > LARGEST_OF_CURVES / HIGH
        return self.ends[row] and (high or self.largest(row) == 0.0)

    # What a picture should show

    def largest(self, row: int) -> float:
        """Return the largest size that a curve has so far."""
        import numpy

        return float(abs(self.y[row][numpy.isfinite(self.y[row])]).max(initial=0.0))

    def fence(self, row: int, choices: Sequence[Interval] = QUARTILES) -> Interval:
        """Return the range in which most of a curve lies, by the first of these quartiles that differ."""
        import numpy

        y = self.y[row][numpy.isfinite(self.y[row])]
        low = high = 0.0
        for shares in choices:
            low, high = map(float, numpy.quantile(y, shares)) if y.size else (0.0, 0.0)
            if low < high:
                break
        beyond = FENCE * (high - low)
        return max(float(y.min(initial=math.inf)), low - beyond), min(float(y.max(initial=-math.inf)), high + beyond)

    def is_unbounded(self, row: int) -> bool:
        """Return whether a curve climbs for ever somewhere: at a pole, or where a logarithm ends."""
        import numpy

        low, high = self.fence(row)
        y = self.y[row]
        height = numpy.where(numpy.isfinite(y), abs(y), -1.0)
        around = numpy.concatenate(([0.0], height, [0.0]))
        neighbours = numpy.stack((around[:-2], around[2:]))
        is_summit = (height >= neighbours.max(axis=0)) & ((y < low) | (y > high))
        is_end = (height >= 0.0) & (neighbours.min(axis=0) < 0.0)
        places = numpy.flatnonzero(is_summit | is_end)
        highest = sorted(map(int, places), key=lambda place: -height[place])[:SUMMITS]
        return any(self.climbs(row, place, high - low) for place in highest)

    def climbs(self, row: int, place: int, height: float) -> bool:
        """Return whether a curve climbs for ever near one of the points."""
        left, middle, right = (float(self.x[min(max(place + side, 0), self.x.size - 1)]) for side in (-1, 0, 1))
        reached = [abs(float(self.y[row][place]))]
        for _ in range(BISECTIONS):
            between = left + (middle - left) / 2, middle + (right - middle) / 2
            heights = [abs(self.at(row, x)) if x not in (left, middle, right) else math.nan for x in between]
            if heights[0] > reached[-1] and not heights[1] > heights[0]:
                middle, right = between[0], middle
            elif heights[1] > reached[-1]:
                left, middle = middle, between[1]
            else:
                left, right = between
            reached.append(max(h for h in (reached[-1], *heights) if h == h))
            if reached[-1] > HIGH * max(height, reached[0]):
                return True
            # What ends where numbers are too large to be drawn has climbed far, and climbs less and less.
            far = max(height, reached[-1] - reached[0])
            if len(reached) > LATE and reached[-1] <= reached[-1 - LATE] + STILL_CLIMBS * far:
                return False
        return reached[-1] > reached[0] + height

    def set_limits(self, fences: list[Interval | None], most: list[Interval]) -> None:
        """Set the limits, given the range of each curve without bound and that in which most of each curve lies."""
        import numpy

        ranges: list[Interval] = []
        for row, fence in enumerate(fences):
            y = self.y[row][numpy.isfinite(self.y[row])]
            if not y.size:
                ranges.append((0.0, 0.0) if not self.shared else ranges[0])
                continue
            low, high = fence or (float(y.min()), float(y.max()))
            if ranges and self.shared:
                # Beside a few steep places of a derivative, the function itself would be a flat line.
                room = OUTLYING * (ranges[0][1] - ranges[0][0])
                low = max(low, min(most[row][0], ranges[0][0] - room))
                high = min(high, max(most[row][1], ranges[0][1] + room))
            ranges.append((low, high))
        if self.shared:
            ranges = [(min(low for low, _ in ranges), max(high for _, high in ranges))] * len(ranges)
        usual = max(map(abs, ranges[0]))
        self.limits = []
        for low, high in ranges:
            self.limits.append(self.opened(low, high, usual))
            usual /= self.interval[1] - self.interval[0]

    def opened(self, low: float, high: float, usual: float) -> Interval:
        """Return limits with room above and below where a curve is constant, but for rounding.

        Args:
            low: The lower limit.
            high: The upper one.
            usual: The size of a derivative with which the function would change by its own size in the interval.
        """
        size = max(abs(low), abs(high))
        if self.limits and not self.shared and usual:
            if size <= ROUNDING * usual < math.inf:  # what remains where all cancels
                return -usual, usual
            # Whether a derivative is positive is seen beside zero, if that is not far.
            if size <= 2 * (high - low):
                low, high = min(low, 0.0), max(high, 0.0)
        return (low - (size or 1.0), high + (size or 1.0)) if is_constant(low, high) else (low, high)

    # Where to look more closely

    def refine(self) -> None:
        """Halve the pieces that are not like straight lines."""
        import numpy

        while True:
            middles = self.x[:-1] + numpy.diff(self.x) / 2
            wanted = numpy.any([self.is_coarse(row) for row in range(self.drawn)], axis=0)
            wanted &= numpy.diff(self.x) > 1.5 * self.finest
            wanted &= (self.x[:-1] < middles) & (middles < self.x[1:])
            if not wanted.any() or self.x.size + wanted.sum() > MOST >> max(self.orders - 1, 0):
                return
            self.add(middles[wanted])

    def shown(self, row: int) -> Array:
        """Return a curve in heights of the picture, cut off well outside of it."""
        import numpy

        with numpy.errstate(over="ignore"):
            low, high = self.limits[row]
            heights = (self.y[row] - low) / (high - low)
        cut: Array = numpy.clip(heights, -BEYOND, 1 + BEYOND)
        return cut

    def is_coarse(self, row: int) -> Flags:
        """Return which pieces of a curve a straight line does not fit."""
        import numpy

        x, y = self.x, self.shown(row)
        width, rise = numpy.diff(x), numpy.diff(y)
        ends = numpy.isfinite(y)
        coarse: Flags = (abs(rise) > STEEP) | (ends[1:] != ends[:-1])
        chord = y[:-2] + width[:-1] / (width[:-1] + width[1:]) * (y[2:] - y[:-2])
        bent = abs(y[1:-1] - chord) > DEVIATION
        coarse[:-1] |= bent
        coarse[1:] |= bent
        if row < self.orders:  # the next row has the slopes
            inside = (y > -BEYOND) & (y < 1 + BEYOND)
            with numpy.errstate(over="ignore", invalid="ignore"):
                low, high = self.limits[row]
                slope = self.y[row + 1] / (high - low)
                disagreement = abs(rise - width * (slope[:-1] / 2 + slope[1:] / 2))
            coarse |= (disagreement > DISAGREEMENT) & inside[:-1] & inside[1:]
        return coarse

    def add_ends(self) -> None:
        """Add the last points before a curve leaves its domain, where it may still rise steeply."""
        import numpy

        ends: list[float] = []
        for row in range(self.drawn):
            finite = numpy.isfinite(self.y[row])
            for place in numpy.flatnonzero(finite[1:] != finite[:-1])[:PROBES]:
                inside, outside = self.x[place : place + 2][:: 1 if finite[place] else -1]
                for _ in range(BISECTIONS):
                    middle = inside + (outside - inside) / 2
                    inside, outside = (middle, outside) if math.isfinite(self.at(row, middle)) else (inside, middle)
                ends.append(inside)
        self.add(numpy.array(ends, dtype=numpy.float64))

    # The lines

    def curve(self, row: int) -> tuple[Array, Array]:
        """Return the line of a curve, interrupted where it jumps."""
        import numpy

        rise = abs(numpy.diff(self.shown(row)))
        narrow = numpy.diff(self.x) < 1.5 * self.finest
        places = numpy.flatnonzero((rise > TORN) & narrow)[:PROBES]
        torn = [place + 1 for place in places if self.is_torn(row, *map(float, self.x[place : place + 2]))]
        return numpy.insert(self.x, torn, numpy.nan), numpy.insert(self.y[row], torn, numpy.nan)

    def is_torn(self, row: int, left: float, right: float) -> bool:
        """Return whether a curve jumps or has a pole between two points, and does not only rise steeply."""
        low, high = self.at(row, left), self.at(row, right)
        first = abs(high - low)
        for _ in range(BISECTIONS):
            middle = left + (right - left) / 2
            if not left < middle < right:
                break
            between = self.at(row, middle)
            if math.isnan(between):
                return True
            if abs(between - low) > abs(high - between):
                right, high = middle, between
            else:
                left, low = middle, between
        return abs(high - low) > first / 2
