"""A function of two numbers as contours, with its gradient as arrows and a descent as a path."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.figures import (
    LARGEST,
    VERMILION,
    Interval,
    add_legend,
    as_float,
    axes_to_draw_on,
    check_file,
    check_function,
    check_interval,
    check_numbers,
    import_plotting,
    is_constant,
    name_in_labels,
    one_number,
    told_apart,
    value_at,
    write_figure,
    written,
)
from microgrady.drawing.style import FAINT_INK, INK
from microgrady.inputs import describe
from microgrady.tracebacks import entrance
from microgrady.transforms import value_and_grad
from microgrady.value import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

# To each side of the picture. An even number of values does not meet what is special in the middle, as at 0 / 0.
VALUES, ARROWS = 80, 15
LEVELS = 12  # contours, about
CROWDED = 0.2  # half of the values are within that part of their range: evenly spaced levels would show little
LONGEST = 0.9  # of the distance between two arrows
ROOTS = (1, 2, 4, 8, 16)  # of the gradient's size, of which the first that leaves few arrows short is taken
SHORT, FEW = 0.2, 0.1  # of the longest; of all
MOST_STRETCHED = 4.0  # a picture that is longer than that does not have equal scales
MOST_DOTS = 60  # a longer path is a line without dots
# One hue, ordered by its lightness alone: for grey print and for every kind of colour vision. Even the darkest leaves
# arrows and path legible.
PALE, DARK = "#f4f8fc", "#6aa3d5"


@entrance
def plot_surface(
    f: Callable[[Any, Any], Any],
    x_interval: Iterable[float],
    y_interval: Iterable[float] | None = None,
    *,
    path: Iterable[Iterable[float]] | None = None,
    ax: Axes | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw a function of two numbers by its contours and its gradient, which microgrady computes.

    The arrows point where the function rises most steeply. Their length grows with the size of the gradient or, to keep
    small gradients visible beside large ones, with a root of it, which the title names. Where most values lie in a
    small part of their range, the levels of the contours are not evenly spaced but such that there is as much of the
    picture between any two. What is not finite is left blank.

    Args:
        f: The function. It is called with two Values.
        x_interval: The two ends of the horizontal axis.
        y_interval: Those of the vertical one; by default the same.
        path: Points (x, y), for instance those that a descent has gone through. Start and end are marked.
        ax: Where to draw; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type, or `f` does not return one number.
        ValueError: An interval is not two finite numbers in ascending order, the path is empty or has something else
            than pairs of finite numbers, `f` is finite nowhere, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> def bowl(x, y):
        ...     return x**2 + 3 * y**2
        >>> point, path = [2.0, 1.0], []
        >>> for _ in range(20):
        ...     path.append(point)
        ...     point = [p - 0.1 * slope for p, slope in zip(point, mg.grad(bowl, (0, 1))(*point))]
        >>> axes = mg.plot_surface(bowl, (-3, 3), path=path)
        >>> print(axes.get_title())
        bowl(x, y)
        arrows: the gradient, length in proportion to |gradient|
    """
    check_function(f, ax, "plot_surface")
    x_ends = check_interval(x_interval, "x_interval")
    y_ends = x_ends if y_interval is None else check_interval(y_interval, "y_interval")
    points = [] if path is None else check_path(path)
    target = check_file(to)
    rows, grid = gradient_rows(f, x_ends, y_ends), values(f, x_ends, y_ends)
    with axes_to_draw_on(ax, target) as axes:
        draw_contours(axes, *grid, f"{name_in_labels(f)}(x, y)")
        caption = draw_arrows(axes, rows, x_ends[1] - x_ends[0], y_ends[1] - y_ends[0])
        draw_path(axes, points)
        set_limits(axes, x_ends, y_ends)
        axes.set_title(f"{name_in_labels(f)}(x, y){caption}", fontsize="medium")
        write_figure(axes, target)
    return axes


def check_path(path: Any) -> list[list[float]]:
    """Return points of two finite numbers each, as floats."""
    if isinstance(path, str | bytes | Mapping | Set) or not isinstance(path, Iterable):
        raise TypeError(f"the path must be a sequence of points (x, y), not {describe(path)}")
    points = [check_numbers(point, "the two coordinates of a point of the path") for point in path]
    if not points:
        raise ValueError("the path must have at least one point, and there is none")
    for point in points:
        if len(point) != 2:
            raise ValueError(f"a point of the path has two coordinates, and {point!r} has {len(point)}")
    return points


# The function


def values(f: Callable[[Any, Any], Any], x_ends: Interval, y_ends: Interval) -> tuple[Array, Array, Array]:
    """Return the values on a grid, in rows along x, nan for what cannot be drawn.

    Raises:
        ValueError: None of them can be.
    """
    import numpy

    x, y = numpy.linspace(*x_ends, VALUES), numpy.linspace(*y_ends, VALUES)
    z = numpy.array([[value_at(f, float(across), float(up)) for across in x] for up in y])
    z[~(abs(z) <= LARGEST)] = numpy.nan
    if not numpy.isfinite(z).any():
        raise ValueError(f"{name_in_labels(f)} has no finite value for x in {x_ends!r} and y in {y_ends!r}")
    return x, y, z


def gradient_rows(f: Callable[[Any, Any], Any], x_ends: Interval, y_ends: Interval) -> Array:
    """Return a row for each arrow: its x and y, and the gradient there, where that is finite and not zero."""
    import numpy

    def run(x: Value, y: Value) -> Any:
        return one_number(f, f(x, y))

    run.__name__ = name_in_labels(f)
    differentiate = value_and_grad(run, (0, 1))
    rows: list[tuple[float, ...]] = []
    for up in middles(y_ends):
        for across in middles(x_ends):
            value, slopes = differentiate(across, up)
            found = [as_float(number) for number in (value, *slopes)]
            if all(map(math.isfinite, found)) and any(found[1:]):
                rows.append((across, up, *found[1:]))
    return numpy.array(rows, dtype=numpy.float64).reshape(-1, 4)


def middles(ends: Interval) -> list[float]:
    """Return evenly spaced points, half as far from the ends as from each other."""
    return [ends[0] + (ends[1] - ends[0]) * (2 * index + 1) / (2 * ARROWS) for index in range(ARROWS)]


# Drawing


def set_limits(axes: Axes, x_ends: Interval, y_ends: Interval) -> None:
    """Set the limits, with equal scales unless the picture would be very long."""
    if 1 / MOST_STRETCHED <= (x_ends[1] - x_ends[0]) / (y_ends[1] - y_ends[0]) <= MOST_STRETCHED:
        axes.set_aspect("equal")
    axes.set(xlim=x_ends, ylim=y_ends, xlabel="x", ylabel="y")


def contour_levels(z: Array) -> list[float]:
    """Return the levels of the contours: round numbers, ascending, with all values between the first and the last."""
    import numpy

    finite = z[numpy.isfinite(z)]
    low, first_quarter, last_quarter, high = map(float, numpy.quantile(finite, (0.0, 0.25, 0.75, 1.0)))
    if is_constant(low, high):
        size = max(abs(low), abs(high)) or 1.0
        return [low - size, high + size]
    if last_quarter - first_quarter > CROWDED * (high - low):
        return even_steps(low, high)
    return even_shares(finite)


def even_steps(low: float, high: float) -> list[float]:
    """Return evenly spaced levels."""
    ticker = import_plotting("matplotlib.ticker")
    # Matplotlib takes a range of very small numbers for nothing but rounding.
    exponent = math.floor(math.log10(max(abs(low), abs(high))))
    unit = 10.0**exponent
    levels = ticker.MaxNLocator(LEVELS).tick_values(low / unit, high / unit)
    # By way of text, which gives the float that is nearest to the decimal number.
    return [float(f"{level:.15g}e{exponent}") for level in levels]


def even_shares(finite: Array) -> list[float]:
    """Return levels with about as many values between any two, rounded to a small part of their distance."""
    import numpy

    quantiles = [float(level) for level in numpy.quantile(finite, numpy.linspace(0.0, 1.0, LEVELS + 1))]
    levels = {rounded(quantiles[0], quantiles[1] - quantiles[0], math.floor)}
    levels |= {rounded(quantiles[-1], quantiles[-1] - quantiles[-2], math.ceil)}
    for below, level, above in zip(quantiles, quantiles[1:], quantiles[2:], strict=False):
        levels.add(rounded(level, min(level - below, above - level), round))
    return sorted(levels)


def rounded(level: float, distance: float, to_whole: Callable[[float], int]) -> float:
    """Return a level with two digits of its distance to the next."""
    if not distance:
        return level
    digits = 1 - math.floor(math.log10(distance))
    return float(f"{to_whole(level * 10.0**digits)}e{-digits}") if abs(digits) < 300 else level


def draw_contours(axes: Axes, x: Array, y: Array, z: Array, name: str) -> None:
    """Draw the contours, with a colour for each step from one to the next, and the bar that tells them."""
    import numpy

    colors = import_plotting("matplotlib.colors")
    levels = contour_levels(z)
    shades = colors.LinearSegmentedColormap.from_list("pale to dark", [PALE, DARK])
    norm = colors.BoundaryNorm(levels, shades.N)
    masked = numpy.ma.masked_invalid(z)
    filled = axes.contourf(x, y, masked, levels, cmap=shades, norm=norm)
    axes.contour(x, y, masked, levels, colors=FAINT_INK, linewidths=0.6, linestyles="solid")
    # As high as the picture, also where equal scales make that less high than there is room for.
    beside = axes.inset_axes((1.03, 0.0, 0.04, 1.0))
    # The levels around a constant are not values of it.
    low, high = float(masked.min()), float(masked.max())
    ticks = [low / 2 + high / 2] if is_constant(low, high) else levels
    bar = axes.figure.colorbar(filled, cax=beside, ticks=ticks, label=name)
    bar.minorticks_off()
    bar.ax.set_yticklabels(told_apart(ticks))


def draw_arrows(axes: Axes, rows: Array, width: float, height: float) -> str:
    """Draw the arrows, each with its middle where the gradient is that, and say how long they are.

    An arrow has the direction of the gradient. Its length is measured in the picture: in widths along x and in
    heights along y.
    """
    import numpy

    if not rows.size:
        return ""
    x, y, dx, dy = rows.T
    # Divided by the largest first, as squares would overflow.
    size = abs(rows[:, 2:]).max()
    dx, dy = dx / size, dy / size
    steepness = numpy.hypot(dx, dy) / numpy.hypot(dx, dy).max()
    with numpy.errstate(divide="ignore", invalid="ignore"):
        root = next((n for n in ROOTS if numpy.quantile(steepness ** (1 / n), FEW) >= SHORT), ROOTS[-1])
        factor = LONGEST / ARROWS * steepness ** (1 / root) / numpy.hypot(dx / width, dy / height)
    factor[~numpy.isfinite(factor)] = 0.0  # below the smallest float, beside the largest
    axes.quiver(
        *(x, y, factor * dx, factor * dy),
        angles="xy",
        scale_units="xy",
        scale=1.0,
        pivot="mid",
        width=0.003,
        color=INK,
        zorder=3,
    )
    size_of_gradient = "|gradient|" if root == 1 else f"|gradient|$^{{1/{root}}}$"
    return f"\narrows: the gradient, length in proportion to {size_of_gradient}"


def draw_path(axes: Axes, points: Sequence[Sequence[float]]) -> None:
    """Draw the path, if there is one, with its start and its end."""
    if not points:
        return
    x, y = [point[0] for point in points], [point[1] for point in points]
    dots = "." if len(points) <= MOST_DOTS else ""
    axes.plot(x, y, color=VERMILION, linewidth=1.8, marker=dots, markersize=6, zorder=4)
    for name, marker, size, place in (("start", "o", 8, 0), ("end", "*", 14, -1)):
        axes.plot(
            x[place],
            y[place],
            linestyle="none",
            marker=marker,
            markersize=size,
            color=VERMILION,
            markeredgecolor="white",
            zorder=5,
            label=f"{name} ({written(x[place])}, {written(y[place])})",
        )
    add_legend(axes)
