"""The curves of a function of one number and its derivatives: together in one picture, or each in its own panel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.arguments import check_function, check_panels
from microgrady.drawing.plotting.figures import (
    COLOURS,
    GRID,
    LARGEST_OF_CURVES,
    LINE_STYLES,
    Interval,
    fit_names,
    name_in_labels,
    unseen,
)
from microgrady.drawing.plotting.legends import BACKGROUND
from microgrady.drawing.style import FAINT_INK, INK
from microgrady.inputs import describe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from microgrady.drawing.plotting.sampling import Sample
    from microgrady.drawing.plotting.tangents import Line

PRIMES = ("", "\N{PRIME}", "\N{DOUBLE PRIME}", "\N{TRIPLE PRIME}", "\N{QUADRUPLE PRIME}")
MARGIN = 0.05  # of the height of the curves, above and below them
FUNCTION, DERIVATIVE = 2.0, 1.6  # points, the width of their lines


def check_places(f: Callable[..., Any], ax: Any, panels: Any, orders: int) -> tuple[list[Axes] | None, bool]:
    """Return the Axes to draw on, None for new ones, and whether each curve has its own.

    Raises:
        TypeError: `ax` is neither Axes, nor a sequence of them, nor None, or `panels` is not a bool.
        ValueError: There are not as many Axes as curves.
    """
    if panels is not None and not isinstance(panels, bool):
        raise TypeError(f"panels is True or False, or None where Axes or their number decide, not {describe(panels)}")
    several = ax is not None and hasattr(ax, "__iter__")
    check_function(f, None if several else ax, "plot")
    apart = orders > 0 and (several or ax is None if panels is None else panels)
    count = orders + 1 if apart else 1
    names = f"{name_in_labels(f)} with {orders} derivative{'s' * (orders != 1)}{' in panels' * apart}"
    return check_panels(ax, count, "ax", f"{names} needs"), apart


# Drawing


def draw_together(axes: Axes, curves: Sample, ends: Interval, name: str, lines: Iterable[Line]) -> None:
    """Draw the function and its derivatives in one picture, in which another function may be.

    The limits are set so that the points of the lines, too, are in the picture.
    """
    before = (axes.get_xlim(), axes.get_ylim()) if axes.has_data() else None
    drawn = axes.get_legend_handles_labels()[1]
    taken = len(drawn)
    draw_background(axes)
    for order in range(len(curves.curves)):
        style = LINE_STYLES[(taken + order) % len(LINE_STYLES)]
        draw_curve(axes, curves, order, name, COLOURS[(taken + order) % len(COLOURS)], style)
    limits = [ends, height_of(curves.limits, lines)]
    if before is not None:
        limits = [(min(*new, *old), max(*new, *old)) for new, old in zip(limits, before, strict=True)]
    set_limits(axes, *limits)
    axes.set_xlabel(axes.get_xlabel() or "x")
    if axes.get_ylabel() in drawn:  # the legend tells the functions apart
        axes.set_ylabel("")
    elif not drawn:
        axes.set_ylabel(axes.get_ylabel() or f"{name}(x)")
    say_end(axes, any(curves.ends), curves.limits[0])
    fit_names(axes)


def draw_apart(
    panels: Sequence[Axes], curves: Sample, ends: Interval, name: str, tangents: Sequence[Line], others: Sequence[Line]
) -> None:
    """Draw the function and, below it, each derivative; the slopes of tangents are heights in the second panel."""
    for order, axes in enumerate(panels):
        draw_background(axes)
        draw_curve(axes, curves, order, name, COLOURS[order], "-")
        lines = [*tangents, *others] if order == 0 else []
        set_limits(axes, ends, height_of([curves.limits[order]], lines))
        axes.set_ylabel(f"{name}{PRIMES[order]}(x)", color=COLOURS[order])
        say_end(axes, curves.ends[order], curves.limits[order])
        for line in tangents:
            axes.axvline(line.x, color=INK, linewidth=1.0, linestyle=":", zorder=1.9, label=BACKGROUND)
    panels[-1].set_xlabel("x")
    for axes in panels:
        fit_names(axes)
    for line in tangents:
        mark_height(panels[1], line)


def draw_background(axes: Axes) -> None:
    """Draw the grid, and lines at zero."""
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for zero in (axes.axhline, axes.axvline):
        zero(0.0, color=FAINT_INK, linewidth=0.8, zorder=1.5, label=BACKGROUND)


def draw_curve(axes: Axes, curves: Sample, order: int, name: str, colour: str, style: Any) -> None:
    """Draw the function or one of its derivatives."""
    axes.plot(
        *curves.curves[order],
        color=colour,
        linestyle=style,
        linewidth=FUNCTION if order == 0 else DERIVATIVE,
        label=f"{name}{PRIMES[order]}(x)",
    )


def height_of(limits: Iterable[Interval], lines: Iterable[Line]) -> Interval:
    """Return the limits of a picture of curves with these limits, and of the points of these lines."""
    heights = [*(end for interval in limits for end in interval), *(y for line in lines for _, y in line.points)]
    low, high = min(heights), max(heights)
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def set_limits(axes: Axes, across: Interval, up: Interval) -> None:
    """Set the limits of both axes."""
    axes.set_xlim(across)
    axes.set_ylim(up)


def say_end(axes: Axes, ends: bool, limits: Interval) -> None:
    """Write above the picture that a curve goes on where the picture does not, or is too small for it."""
    text = unseen(math.inf if ends else max(map(abs, limits)), LARGEST_OF_CURVES).removeprefix(", ")
    place: dict[str, Any] = {"transform": axes.transAxes, "horizontalalignment": "right"}
    if text:
        axes.text(1.0, 1.01, text, fontsize="small", color=INK, verticalalignment="bottom", **place)


def mark_height(axes: Axes, line: Line) -> None:
    """Mark the slope of a tangent as a height of the derivative, if there is a tangent and the picture is so high."""
    low, high = axes.get_ylim()
    if low <= line.slope <= high:
        axes.plot(line.x, line.slope, "o", markersize=6, color=INK, zorder=4, clip_on=False)
