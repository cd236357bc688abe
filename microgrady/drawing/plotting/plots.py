"""A function of one number as a curve, with its derivatives, tangents and secants."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.arguments import check_file, check_interval
from microgrady.drawing.plotting.curves import PRIMES, check_places, draw_apart, draw_together
from microgrady.drawing.plotting.figures import LARGEST_OF_CURVES, name_in_labels, panels_to_draw_on, write_figure
from microgrady.drawing.plotting.legends import place_legend
from microgrady.drawing.plotting.sampling import sample
from microgrady.drawing.plotting.tangents import (
    MOST_FRAMES,
    MOST_SECANTS,
    animate_secants,
    draw_lines,
    straight_lines,
)
from microgrady.drawing.render import format_of
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DERIVATIVES = len(PRIMES) - 1
BELOW = 0.65  # of the height of the panel of the function: that of a derivative


@entrance
def plot(
    f: Callable[[Any], Any],
    interval: Iterable[float],
    *,
    derivatives: int = 1,
    tangent_at: float | Iterable[float] | None = None,
    secants: int | Iterable[float] | None = None,
    panels: bool | None = None,
    ax: Axes | Iterable[Axes] | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw a function of one number and its derivatives, which microgrady computes.

    The function stands above its derivatives, on one horizontal axis: where the curve rises, its derivative is above
    zero, and the slope of a tangent is a height below it. A curve is interrupted where it jumps, has a pole or is not
    finite. Of one that climbs without end the picture shows most, but not all, and so of a derivative beside which, in
    the same panel, the function would be a flat line.

    Args:
        f: The function. It is called with a Value and may return a plain number. Where no derivatives are drawn, it
            may also be one that takes plain numbers only, such as `math.sin`.
        interval: The two ends of what is drawn of the horizontal axis.
        derivatives: How many of the derivatives are drawn, 0 to 4.
        tangent_at: Where to draw the tangent: a number in the interval or several. The point is marked and the slope is
            written beside it. At a kink or a jump there is no tangent, which is written instead.
        secants: Lines through the point `tangent_at` and another of the curve, to see them close in on the tangent. An
            int says how many, with steps that halve, from the largest power of two for which there is room; a sequence
            of numbers has the steps themselves, which may be negative. The legend has their slopes.
        panels: Whether the function and each derivative have panels of their own, above each other, which is so by
            default; False draws all curves in one.
        ax: Where to draw; by default a new figure. All curves are drawn in Axes that are given; several in a sequence
            are the panels.
        to: A file to write, in one of `microgrady.drawing.FORMATS`, or a .gif if there are secants: an animation with a
            frame for each and the tangent last. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on, of several panels those of the function; `axes.figure.axes` has all of a new
        figure. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type, or `f` does not return one number.
        ValueError: The interval is not two finite numbers in ascending order or too narrow, another argument is not one
            of those allowed, `f` is not finite where it has to be, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> axes = mg.plot(lambda x: x**2 + mg.sin(x), (-3, 3), tangent_at=1)
        >>> [text.get_text() for text in axes.get_legend().get_texts()]
        ['f(x)', 'tangent']
        >>> [text.get_text() for text in axes.texts]
        ['slope 2.54']
    """
    orders = check_orders(derivatives)
    given, apart = check_places(f, ax, panels, orders)
    ends = check_interval(interval, "the interval", LARGEST_OF_CURVES)
    target = check_file(to, animated=secants is not None)
    animated = target is not None and format_of(target) == "gif"
    tangents, lines = straight_lines(f, tangent_at, secants, ends, MOST_FRAMES if animated else MOST_SECANTS)
    curves = sample(f, ends, orders, shared=not apart)
    with panels_to_draw_on(given, orders + 1 if apart else 1, target, below=BELOW if apart else 0.0) as drawn:
        axes = drawn[0]
        if apart:
            draw_apart(drawn, curves, ends, name_in_labels(f), tangents, lines)
        else:
            draw_together(axes, curves, ends, name_in_labels(f), [*tangents, *lines])
        if animated and target is not None:
            animate_secants(axes, target, lines, tangents[0])
        else:
            draw_lines(axes, lines, tangents, f, ends)
            if not apart or tangents:
                place_legend(axes)
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
