"""A function of one number as a curve, with its derivatives, tangents and secants."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.figures import (
    COLOURS,
    GRID,
    LARGEST_OF_CURVES,
    LINE_STYLES,
    Interval,
    add_legend,
    axes_to_draw_on,
    check_file,
    check_function,
    check_interval,
    name_in_labels,
    write_figure,
)
from microgrady.drawing.plotting.sampling import Sample, sample
from microgrady.drawing.plotting.tangents import (
    MOST_FRAMES,
    MOST_SECANTS,
    Line,
    animate_secants,
    draw_lines,
    ends_of,
    straight_lines,
)
from microgrady.drawing.render import format_of
from microgrady.drawing.style import FAINT_INK
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRIMES = ("", "\N{PRIME}", "\N{DOUBLE PRIME}", "\N{TRIPLE PRIME}", "\N{QUADRUPLE PRIME}")
MOST_DERIVATIVES = len(PRIMES) - 1
MARGIN = 0.05  # of the height of the curves, above and below them


@entrance
def plot(
    f: Callable[[Any], Any],
    interval: Iterable[float],
    *,
    derivatives: int = 1,
    tangent_at: float | Iterable[float] | None = None,
    secants: int | Iterable[float] | None = None,
    ax: Axes | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw a function of one number and its derivatives, which microgrady computes.

    A curve is interrupted where it jumps, has a pole or is not finite. Of one that climbs without end the picture shows
    most, but not all, and so of a derivative beside which the function would be a flat line.

    Args:
        f: The function. It is called with a Value and may return a plain number.
        interval: The two ends of what is drawn of the horizontal axis.
        derivatives: How many of the derivatives are drawn, 0 to 4.
        tangent_at: Where to draw the tangent: a number in the interval or several. The point is marked and the slope is
            written beside it. At a kink or a jump there is no tangent, which is written instead.
        secants: Lines through the point `tangent_at` and another of the curve, to see them close in on the tangent. An
            int says how many, with steps that halve, from the largest power of two for which there is room; a sequence
            of numbers has the steps themselves, which may be negative. The legend has their slopes.
        ax: Where to draw; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`, or a .gif if there are secants: an animation with a
            frame for each and the tangent last. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type, or `f` does not return one number.
        ValueError: The interval is not two finite numbers in ascending order, another argument is not one of those
            allowed, `f` is not finite where it has to be, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> axes = mg.plot(lambda x: x**2 + mg.sin(x), (-3, 3), tangent_at=1)
        >>> [text.get_text() for text in axes.get_legend().get_texts()]
        ['f(x)', 'f′(x)', 'tangent']
        >>> [text.get_text() for text in axes.texts]
        ['slope 2.54']
    """
    check_function(f, ax, "plot")
    ends = check_interval(interval, "the interval", LARGEST_OF_CURVES)
    orders = check_orders(derivatives)
    target = check_file(to, animated=secants is not None)
    animated = target is not None and format_of(target) == "gif"
    tangents, lines = straight_lines(f, tangent_at, secants, ends, MOST_FRAMES if animated else MOST_SECANTS)
    curves = sample(f, ends, orders)
    with axes_to_draw_on(ax, target) as axes:
        draw_curves(axes, curves, ends, name_in_labels(f), [*tangents, *lines])
        if animated and target is not None:
            animate_secants(axes, target, lines, tangents[0])
        else:
            draw_lines(axes, lines, tangents, f, ends)
            write_figure(axes, target)
    return axes


def check_orders(derivatives: int) -> int:
    """Return how many derivatives are to be drawn.

    Raises:
        ValueError: It is not an int, or there are not so many.
    """
    if not isinstance(derivatives, Integral) or not 0 <= derivatives <= MOST_DERIVATIVES:
        raise ValueError(f"derivatives is an int from 0 to {MOST_DERIVATIVES}, not {derivatives!r}")
    return int(derivatives)


def draw_curves(axes: Axes, curves: Sample, ends: Interval, name: str, lines: Iterable[Line]) -> None:
    """Draw the function and its derivatives, and set the limits so that the points of the lines are in the picture."""
    before = (axes.get_xlim(), axes.get_ylim()) if axes.has_data() else None
    taken = len(axes.get_legend_handles_labels()[0])  # another function may be there
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for zero in (axes.axhline, axes.axvline):
        zero(0.0, color=FAINT_INK, linewidth=0.8, zorder=1.5)
    for order, (x, y) in enumerate(curves.curves):
        place = taken + order
        axes.plot(
            x,
            y,
            color=COLOURS[place % len(COLOURS)],
            linestyle=LINE_STYLES[place % len(LINE_STYLES)],
            linewidth=2.0 if order == 0 else 1.6,
            label=f"{name}{PRIMES[order]}(x)",
        )
    heights = [curves.low, curves.high, *(y for line in lines for _, y in ends_of(line))]
    low, high = min(heights), max(heights)
    margin = MARGIN * (high - low)
    limits = [ends, (low - margin, high + margin)]
    if before is not None:
        limits = [(min(*new, *old), max(*new, *old)) for new, old in zip(limits, before, strict=True)]
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])
    axes.set_xlabel(axes.get_xlabel() or "x")
    axes.set_ylabel(axes.get_ylabel() or f"{name}(x)")
    add_legend(axes)
