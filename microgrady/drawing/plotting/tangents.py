"""Tangents and secants: straight lines through a point of a curve."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from microgrady.checking import numeric_derivative
from microgrady.checking.estimate import Kind
from microgrady.drawing.plotting.arguments import check_numbers
from microgrady.drawing.plotting.figures import (
    LARGEST_OF_CURVES,
    Interval,
    crossings,
    is_cut,
    name_in_labels,
    path_on_page,
    settle,
    value_at,
    write_animation,
    written,
)
from microgrady.drawing.plotting.legends import BACKGROUND, place_legend
from microgrady.drawing.plotting.sampling import derivatives_at, number_at
from microgrady.drawing.style import INK, mixed
from microgrady.inputs import describe, is_number

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation

MOST_SECANTS, MOST_FRAMES = 10, 120  # in a picture, more are a blur
# One hue by its lightness, from the widest secant to the closest.
PALEST, STRONGEST = (222, 165, 202), (122, 30, 92)
# Points from the point to its slope; from the line to it, where there is no room beside the point; and, where there is
# none along the line either.
BESIDE, FROM_LINE, FARTHER = 16, 4, (32, 48)
ALONG = 12  # points from place to place along the line
TEXT_EIGHTHS = (0, 1, -1, 4, 3, -3, 2, -2)  # of a turn, from across the line: the better of two that are as free first
LEAST_ASIDE = 0.1  # of the distance: what is less to one side is written in the middle, above or below
BEND_WIDTH = 0.05  # of the interval: how far the curve is followed to see to which side it bends
SECANT_TIME, TANGENT_TIME = 900, 2700  # milliseconds

Place = tuple[tuple[float, float], float, float]  # of a text: a point, how far from it, and in which direction


@dataclass(frozen=True)
class Line:
    """A straight line through a point of the curve.

    Attributes:
        x: Of the point.
        y: Of the point.
        slope: Of the line; infinite for an upright one, nan for none.
        step: From the point to the other one that a secant goes through; 0 for a tangent.
        kind: What the function does at the point.
    """

    x: float
    y: float
    slope: float
    step: float = 0.0
    kind: Kind = Kind.SMOOTH

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points of the curve that the line goes through."""
        first = (self.x, self.y)
        return [first, (self.x + self.step, self.y + self.slope * self.step)] if self.step else [first]

    @property
    def title(self) -> str:
        """What the line is, and its slope."""
        if self.step:
            return f"δ = {written(self.step)}: slope {written(self.slope)}"
        return f"no tangent: {self.kind}" if math.isnan(self.slope) else f"tangent: slope {written(self.slope)}"


# What is asked for


def straight_lines(
    f: Callable[[Any], Any], tangent_at: object, secants: object, ends: Interval, most: int
) -> tuple[list[Line], list[Line]]:
    """Return the tangents and the secants that are asked for.

    Raises:
        TypeError: What is asked for has the wrong type.
        ValueError: A point is not in the interval, there are secants without the one point that they go through or
            more than `most`, or `f` is not finite where it has to be.
    """
    points = tangent_points(tangent_at, ends)
    steps = secant_steps(secants, points, ends, most)
    tangents = [tangent(f, x) for x in points]
    return tangents, [secant(f, tangents[0], step) for step in steps]


def tangent_points(tangent_at: object, ends: Interval, what: str = "tangent_at") -> list[float]:
    """Return the points in which tangents are asked for, by the argument of this name."""
    if tangent_at is None:
        return []
    points = check_numbers([tangent_at] if is_number(tangent_at) else tangent_at, what)
    if not points:
        raise ValueError(f"{what} must be a number or several, and none came")
    for x in points:
        if not ends[0] <= x <= ends[1]:
            raise ValueError(f"{what} must lie in the interval from {ends[0]!r} to {ends[1]!r}, and {x!r} does not")
    return points


def secant_steps(secants: object, points: Sequence[float], ends: Interval, most: int) -> list[float]:
    """Return the steps of the secants that are asked for."""
    if secants is None:
        return []
    if len(points) != 1:
        raise ValueError(
            f"secants need the one point that they go through, and tangent_at has {len(points) or 'none'}: "
            "give a number in the interval as tangent_at"
        )
    if isinstance(secants, bool) or (is_number(secants) and not isinstance(secants, Integral)):
        raise TypeError(f"secants is an int, or a sequence of steps, not {describe(secants)}")
    x = points[0]
    given = None if isinstance(secants, Integral) else check_numbers(secants, "the steps of secants")
    count = int(secants) if isinstance(secants, Integral) else len(given or ())
    if not 1 <= count <= most:
        raise ValueError(f"there can be 1 to {most} secants here, not {count}")
    steps = halved(x, ends, count) if given is None else given
    for step in steps:
        if not ends[0] <= x + step <= ends[1]:
            raise ValueError(
                f"secants must end in the interval from {ends[0]!r} to {ends[1]!r}, and with the step {step!r} that "
                f"from {x!r} does not"
            )
        if x + step == x:
            raise ValueError(f"a secant needs two points, and with the step {step!r} from {x!r} there is but one")
    return steps


def halved(x: float, ends: Interval, count: int) -> list[float]:
    """Return so many steps, each half of the one before, to the right if there is some room."""
    left, right = x - ends[0], ends[1] - x
    sign, room = (1.0, right) if right >= left / 4 else (-1.0, left)
    first = 2.0 ** math.floor(math.log2(room))
    if not ends[0] <= x + sign * first <= ends[1]:  # the room has been rounded up
        first /= 2
    return [sign * math.ldexp(first, -halving) for halving in range(count)]


# The lines


def tangent(f: Callable[[Any], Any], x: float) -> Line:
    """Return the tangent, if there is one: at a kink a derivative is only a convention.

    Raises:
        ValueError: `f` is not finite there, or its derivative is nan.
    """
    y, slope = derivatives_at(f, x, 1)
    if not math.isfinite(y):
        raise ValueError(f"{name_in_labels(f)} has no tangent at {x!r}: its value there is {y!r}")
    kind = numeric_derivative(f, x).kind
    if kind in (Kind.KINK, Kind.JUMP):
        return Line(x, y, math.nan, kind=kind)
    if kind == Kind.INFINITE_SLOPE and not math.isinf(slope):
        slope = math.inf
    if math.isnan(slope):
        raise ValueError(f"{name_in_labels(f)} has no tangent at {x!r}: its derivative there is nan")
    return Line(x, y, slope, kind=kind)


def secant(f: Callable[[Any], Any], tangent: Line, step: float) -> Line:
    """Return the line through the point of the tangent and the one that is a step away.

    Raises:
        ValueError: `f` is not finite there.
    """
    other = tangent.x + step
    y = value_at(f, other)
    if not math.isfinite(y):
        raise ValueError(f"{name_in_labels(f)} has no secant from {tangent.x!r} to {other!r}: its value there is {y!r}")
    return Line(tangent.x, tangent.y, (y - tangent.y) / (other - tangent.x), step)


# Drawing


def draw_lines(
    axes: Axes, secants: Sequence[Line], tangents: Sequence[Line], f: Callable[[Any], Any], ends: Interval
) -> None:
    """Draw all secants, each stronger than the one before, and the tangents."""
    for index, line in enumerate(secants):
        share = index / (len(secants) - 1) if len(secants) > 1 else 1.0
        draw_line(axes, line, shade(share), line.title)
    existing = [line for line in tangents if not math.isnan(line.slope)]
    for line in tangents:
        draw_line(axes, line, INK, line.title if secants else "tangent" if line in existing[:1] else "")
    if tangents and not secants:
        settle(axes)
    for line in () if secants else tangents:
        write_slope(axes, line, bend(f, line, ends))


def draw_line(axes: Axes, line: Line, colour: str, label: str) -> list[Line2D]:
    """Draw one line across the picture and mark its points."""
    points = line.points
    drawn = axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        linestyle="none",
        marker="o",
        markersize=6 if not line.step else 4.5,
        color=colour,
        zorder=4 if not line.step else 3,
        clip_on=False,
        # A legend has no use for a point without its line.
        label=label if math.isnan(line.slope) else None,
    )
    if math.isnan(line.slope):
        return drawn
    x, y = zip(*ends_of(axes, line), strict=True)
    return drawn + axes.plot(x, y, color=colour, linewidth=1.2, zorder=3.5 if not line.step else 2.5, label=label)


def ends_of(axes: Axes, line: Line) -> list[tuple[float, float]]:
    """Return where a line begins and ends in the picture, or where its numbers become too large."""
    if math.isinf(line.slope):
        return [(line.x, float(end)) for end in axes.get_ylim()]
    ends = []
    for x in map(float, axes.get_xlim()):
        y = line.y + line.slope * (x - line.x)
        if abs(y) > LARGEST_OF_CURVES:
            y = math.copysign(LARGEST_OF_CURVES, y)
            x = line.x + (y - line.y) / line.slope
        ends.append((x, y))
    return ends


def shade(share: float) -> str:
    """Return the colour of a secant, from the widest (0) to the closest (1)."""
    return mixed(PALEST, STRONGEST, share)


def bend(f: Callable[[Any], Any], line: Line, ends: Interval) -> float:
    """Return how far the curve is above the line beside its point; negative where it is below."""
    width = BEND_WIDTH * (ends[1] - ends[0])
    slope = 0.0 if math.isnan(line.slope) else line.slope
    around = max(ends[0], line.x - width), min(ends[1], line.x + width)
    above = [number_at(f, x) - line.y - slope * (x - line.x) for x in around]
    return sum(distance / 2 for distance in above if math.isfinite(distance))


def write_slope(axes: Axes, line: Line, bend: float) -> None:
    """Write the slope beside the point, or else along the line: in the picture, on few other lines, off the curve."""
    text = slope_text(axes, line)
    point = axes.figure.dpi / 72
    background = [path_on_page(drawn) for drawn in axes.lines if drawn.get_label() == BACKGROUND]
    others = [path_on_page(drawn) for drawn in axes.lines if drawn.get_label() != BACKGROUND]
    dots = [path_on_page(drawn).vertices for drawn in axes.lines if str(drawn.get_marker()) == "o"]
    texts = [other.get_window_extent() for other in axes.texts if other is not text]

    def cost(place: Place) -> tuple[bool, int, int]:
        put(text, place)
        box = text.get_window_extent()
        covered = box.padded(BESIDE / 4 * point)
        hidden = sum(map(covered.count_contains, dots)) + box.count_overlaps(texts) + crossings(others, box)
        return is_cut(axes, box), hidden, crossings(background, box)

    best, least = None, (True, math.inf, math.inf)
    for place in text_places(axes, line, bend):
        found = cost(place)
        if best is None or found < least:
            best, least = place, found
        if least == (False, 0, 0):
            break
    if best is not None:
        put(text, best)


def text_places(axes: Axes, line: Line, bend: float) -> Iterator[Place]:
    """Yield where the slope may be written, the better places first."""
    up = rise(axes, line)
    across = up + math.copysign(math.pi / 2, -bend)
    for eighth in TEXT_EIGHTHS:
        yield (line.x, line.y), BESIDE, across + eighth * math.pi / 4
    step, frame = ALONG * axes.figure.dpi / 72, axes.get_window_extent()
    x, y = axes.transData.transform((line.x, line.y))
    for number in range(1, 1 + int((frame.width + frame.height) / step) if not math.isnan(line.slope) else 0):
        for distance in (number * step, -number * step):
            there = x + distance * math.cos(up), y + distance * math.sin(up)
            if frame.contains(*there):
                at = tuple(map(float, axes.transData.inverted().transform(there)))
                yield from (((at[0], at[1]), FROM_LINE, across + turn) for turn in (0.0, math.pi))
    for far in FARTHER:
        for eighth in TEXT_EIGHTHS:
            yield (line.x, line.y), far, across + eighth * math.pi / 4


def slope_text(axes: Axes, line: Line) -> Annotation:
    """Write the slope, at the point itself."""
    return axes.annotate(
        line.title if math.isnan(line.slope) else f"slope {written(line.slope)}",
        (line.x, line.y),
        xytext=(0.0, 0.0),
        textcoords="offset points",
        fontsize="small",
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
        zorder=5,
    )


def put(text: Annotation, place: Place) -> None:
    """Put a text so many points from a place, in this direction from it."""
    text.xy, distance, angle = place
    right, up = math.cos(angle), math.sin(angle)
    text.set_position((distance * right, distance * up))
    text.set_horizontalalignment("center" if abs(right) < LEAST_ASIDE else "left" if right > 0.0 else "right")
    text.set_verticalalignment("bottom" if up > 0.0 else "top")


def rise(axes: Axes, line: Line) -> float:
    """Return the angle at which a line rises on the page."""
    if math.isinf(line.slope):
        return math.pi / 2
    if math.isnan(line.slope):
        return 0.0
    (left, bottom), (right, top) = axes.transData.transform(ends_of(axes, line))
    return math.atan2(top - bottom, right - left)


# Animation


def animate_secants(axes: Axes, target: Path, secants: Sequence[Line], tangent: Line) -> None:
    """Write the secants one after the other, and the tangent at the end, which stays."""
    # All are there from the beginning, so that the legend finds a place where none of them will be.
    drawn = [(line, draw_line(axes, line, shade(1.0), "")) for line in secants]
    drawn.append((tangent, draw_line(axes, tangent, INK, "")))
    axes.set_title(tangent.title)
    if len(axes.get_legend_handles_labels()[0]) > 1:
        place_legend(axes)

    def show(line: Line) -> None:
        axes.title.set_text(line.title)
        for other, artists in drawn:
            for artist in artists:
                artist.set_visible(other is line)

    frames = [functools.partial(show, line) for line, _ in drawn]
    write_animation(axes, target, frames, [SECANT_TIME] * len(secants) + [TANGENT_TIME])
