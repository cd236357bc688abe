"""The error of difference quotients, which is why derivatives are not computed by them."""

from __future__ import annotations

import itertools
import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from microgrady.checking import numeric_derivative
from microgrady.checking.estimate import BREAKS, Estimate, Kind
from microgrady.drawing.plotting.arguments import check_file, check_function
from microgrady.drawing.plotting.figures import (
    BLUE,
    GREEN,
    GRID,
    LARGEST,
    VERMILION,
    axes_to_draw_on,
    crossings,
    fit_names,
    is_cut,
    name_in_labels,
    path_on_page,
    settle,
    write_figure,
    write_powers,
    written,
)
from microgrady.drawing.plotting.legends import place_legend
from microgrady.drawing.plotting.sampling import derivatives_at, number_at
from microgrady.drawing.style import FAINT_INK, INK
from microgrady.inputs import require_number
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

SMALLEST, PER_DECADE = -16, 12  # the exponent of the smallest step; steps for each power of ten
EPSILON = 2.0**-53  # the relative error of rounding once
ROOM = 3.0  # above the largest error and below the smallest
LEAST_HEIGHT = 1e6  # from the lowest error in the picture to the highest
ABOVE = 0.025  # of the height: so far are the marks of the one quotient above those of the other
TEXT_DISTANCE = 3  # points from a line to its text, both across and up
CLEARANCES = (7, 14, 21)  # points around a text: the more of these are free of other lines, the better
PLACES = [(part + 0.5) / 50 for part in range(50)]  # of a text along its line


@entrance
def plot_errors(
    f: Callable[[Any], Any],
    x: float,
    *,
    ax: Axes | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw the errors of difference quotients against their step, both on logarithmic scales.

    The forward difference is (f(x + δ) - f(x)) / δ, the central one (f(x + δ) - f(x - δ)) / (2δ), for δ from 1 down to
    1e-16; their errors are the distances from the derivative that microgrady computes. Wide steps miss how the curve
    bends: the error falls with δ, and with δ² for the central one. Narrow steps leave little of f(x + δ) - f(x) but the
    rounding of the two: the error rises with 1/δ. Thin lines show both, as computed from the derivatives of f and the
    rounding of a float. The best step of each is marked, and horizontal lines show what `microgrady.numeric_derivative`
    promises and what it reaches. An error of exactly zero, for which a logarithmic scale has no place, is marked at the
    bottom; those of a constant are all so, and nothing is left to theory.

    Args:
        f: The function. It is called with a Value and may return a plain number.
        x: The point.
        ax: Where to draw; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type, or `f` does not return one number.
        ValueError: `x`, or `f` or its derivative there, is not finite, `f` has a kink or a jump there, or `to` has an
            unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    The theory is in Nocedal and Wright, *Numerical Optimization* (2006), section 8.1.

    Example:
        >>> import microgrady as mg
        >>> axes = mg.plot_errors(mg.exp, 1.0)
        >>> axes.get_xscale(), axes.get_yscale()
        ('log', 'log')
    """
    check_function(f, ax, "plot_errors")
    point = require_number(x, "the point")
    if not math.isfinite(point):
        raise ValueError(f"the point must be a finite number, not {x!r}")
    target = check_file(to)
    taylor = finite_derivatives(f, point)
    estimate = smooth_estimate(f, point)
    steps = [10.0 ** (-count / PER_DECADE) for count in range(-SMALLEST * PER_DECADE + 1)]
    forward, central = quotient_errors(f, point, taylor, steps)
    with axes_to_draw_on(ax, target) as axes:
        prepare(axes, name_in_labels(f), point, taylor[1])
        set_limits(axes, [*forward, *central, abs(estimate.value - taylor[1]), estimate.error])
        guides = draw_guides(axes, point, taylor) if any(forward) or any(central) else []
        draw_errors(axes, steps, forward, "forward difference", BLUE, "-", 0.0)
        draw_errors(axes, steps, central, "central difference", VERMILION, "--", ABOVE)
        draw_estimate(axes, estimate, taylor[1])
        write_guides(axes, guides)
        place_legend(axes)
        write_figure(axes, target)
    return axes


# The errors


def finite_derivatives(f: Callable[[Any], Any], x: float) -> list[float]:
    """Return the value of f and its first three derivatives.

    Raises:
        ValueError: The value or the first derivative is not finite.
    """
    found = derivatives_at(f, x, 3)
    if not all(map(math.isfinite, found[:2])):
        name = name_in_labels(f)
        raise ValueError(f"{name} and its derivative must be finite at {x!r}, and are {found[0]!r} and {found[1]!r}")
    return found


def smooth_estimate(f: Callable[[Any], Any], x: float) -> Estimate:
    """Return the derivative that `numeric_derivative` finds.

    Raises:
        ValueError: f has none there, but a kink, a jump or an infinite slope: there is nothing to measure errors from.
    """
    estimate = numeric_derivative(f, x)
    if estimate.kind in BREAKS:
        found = f"an {estimate.kind}" if estimate.kind == Kind.INFINITE_SLOPE else f"a {estimate.kind}"
        raise ValueError(f"{name_in_labels(f)} has {found} at {x!r}, and no derivative from which errors are measured")
    return estimate


def quotient_errors(
    f: Callable[[Any], Any], x: float, taylor: list[float], steps: list[float]
) -> tuple[list[float], list[float]]:
    """Return the errors of the forward and of the central difference for each step, nan outside the domain of f."""
    forward, central = [], []
    for step in steps:
        after, before = number_at(f, x + step), number_at(f, x - step)
        forward.append(abs((after - taylor[0]) / step - taylor[1]))
        central.append(abs((after - before) / (2 * step) - taylor[1]))
    return forward, central


def best(steps: list[float], errors: list[float]) -> int:
    """Return which step has the least error."""
    return min(range(len(steps)), key=lambda index: errors[index] if errors[index] == errors[index] else math.inf)


# Drawing


def prepare(axes: Axes, name: str, x: float, slope: float) -> None:
    """Set the scales, the title and the grid."""
    axes.set(xscale="log", yscale="log", xlabel="step δ", ylabel=f"|difference quotient - {name}′(x)|")
    axes.set_title(f"{name}′({written(x)}) = {written(slope)}", fontsize="medium")
    axes.grid(True, color=GRID, linewidth=0.6)
    write_powers(axes.xaxis, axes.yaxis)
    fit_names(axes)


def set_limits(axes: Axes, errors: list[float]) -> None:
    """Set the limits so that all errors are in the picture that have a place on a logarithmic scale."""
    shown = [error for error in errors if sys.float_info.min < error <= LARGEST] or [EPSILON]
    low, high = min(shown) / ROOM, max(shown) * ROOM
    wider = math.sqrt(max(LEAST_HEIGHT / (high / low), 1.0))
    axes.set_xlim(10.0**SMALLEST, 1.0)
    axes.set_ylim(low / wider, high * wider)


def draw_guides(axes: Axes, x: float, taylor: list[float]) -> list[tuple[Line2D, str]]:
    """Draw the errors of the curve and of rounding, as theory has them. Return these lines with their texts."""
    value, slope, bend, twist = map(abs, taylor)
    # f(x + δ) and f(x) are rounded, and so is x + δ.
    rounding = EPSILON * (2 * value + abs(x) * slope)
    guides = (bend / 2, 1, "∝ δ"), (twist / 6, 2, "∝ δ²"), (rounding, -1, "∝ 1/δ")
    return [(line, text) for factor, power, text in guides for line in draw_guide(axes, factor, power)]


def draw_guide(axes: Axes, factor: float, power: int) -> list[Line2D]:
    """Draw the line factor * δ**power, if any of it is in the picture."""
    if not 0.0 < factor <= LARGEST:
        return []
    # Logarithms, since the powers of small steps may be below the smallest float.
    low, high = (math.log10(end) for end in axes.get_ylim())
    ends = sorted((end - math.log10(factor)) / power for end in (low, high))
    first, last = max(ends[0], SMALLEST), min(ends[1], 0.0)
    if first >= last:
        return []
    steps = [10.0**first, 10.0**last]
    return axes.plot(steps, [factor * step**power for step in steps], color=FAINT_INK, linewidth=0.9, zorder=1.8)


def write_guides(axes: Axes, guides: list[tuple[Line2D, str]]) -> None:
    """Write the texts beside their lines, when all other lines are drawn."""
    settle(axes)
    taken: list[Bbox] = []
    for line, text in guides:
        taken.append(write_guide(axes, line, text, taken))


def write_guide(axes: Axes, line: Line2D, text: str, taken: list[Bbox]) -> Bbox:
    """Write a text beside a line, within the picture and where other lines are far, and return what it takes up."""
    point = axes.figure.dpi / 72
    others = [path_on_page(other) for other in axes.lines if other is not line]
    label = axes.annotate(text, (1.0, 1.0), (0.0, 0.0), textcoords="offset points", fontsize="small", color=FAINT_INK)

    def cost(place: float, side: int) -> tuple[bool, int, float]:
        put_beside(label, line, place, side)
        box = label.get_window_extent()
        hidden = is_cut(axes, box) or box.count_overlaps(taken) > 0
        around = [box.padded(clearance * point) for clearance in CLEARANCES]
        near = sum(crossings(others, wider) for wider in around)
        return hidden, near, abs(place - 0.5)

    put_beside(label, line, *min(itertools.product(PLACES, (-1, 1)), key=lambda choice: cost(*choice)))
    return label.get_window_extent()


def put_beside(label: Annotation, line: Line2D, place: float, side: int) -> None:
    """Put a text to the left (-1) or to the right (1) of a line, at this part of the way from its start to its end."""
    import numpy

    (x, y), (last_x, last_y) = numpy.asarray(line.get_xydata(), dtype=numpy.float64).tolist()
    label.xy = x ** (1 - place) * last_x**place, y ** (1 - place) * last_y**place
    up = -side if last_y > y else side
    label.set_position((TEXT_DISTANCE * side, TEXT_DISTANCE * up))
    label.set_horizontalalignment("left" if side > 0 else "right")
    label.set_verticalalignment("bottom" if up > 0 else "top")


def draw_errors(
    axes: Axes, steps: list[float], errors: list[float], name: str, colour: str, style: str, bottom: float
) -> None:
    """Draw the errors of one of the quotients, and mark the best step; those of zero at the bottom, or so far above."""
    at = best(steps, errors)
    zeros = [step for step, error in zip(steps, errors, strict=True) if error == 0.0]
    if len(zeros) < len(steps):
        axes.plot(
            steps,
            [error if error > 0.0 else math.nan for error in errors],
            color=colour,
            linestyle=style,
            linewidth=1.5,
            marker="D",
            markevery=[at],
            markeredgecolor=INK,
            label=f"{name}: best δ = {written(steps[at], 2)}, error {written(errors[at], 2)}",
        )
    if zeros:
        place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False, "color": colour}
        axes.plot(zeros, [bottom] * len(zeros), "v", markersize=4, zorder=4, **place)
        axes.plot(steps[at], bottom, "D", markeredgecolor=INK, zorder=5, **place)
        often = "for every δ" if len(zeros) == len(steps) else f"for {len(zeros)} of {len(steps)} δ"
        axes.plot([], [], "v", markersize=4, color=colour, label=f"{name}: error 0 {often}")


def draw_estimate(axes: Axes, estimate: Estimate, slope: float) -> None:
    """Draw the bound that `numeric_derivative` promises, and the error that it has."""
    kind = "" if estimate.kind == Kind.SMOOTH else f" ({estimate.kind})"
    draw_level(axes, estimate.error, f"numeric_derivative: bound {written(estimate.error, 2)}{kind}", "-.")
    error = abs(estimate.value - slope)
    draw_level(axes, error, f"numeric_derivative: error {written(error, 2)}", ":")


def draw_level(axes: Axes, error: float, label: str, style: str) -> None:
    """Draw an error as a horizontal line, or only name it where a logarithmic scale has no place for it."""
    ends = axes.get_xlim() if sys.float_info.min < error <= LARGEST else ()
    axes.plot(ends, [error] * len(ends), color=GREEN, linestyle=style, linewidth=1.5, label=label)
