"""A function of two numbers seen from above: contours, arrows, lines of cuts, paths."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.fields import Cut, Field, Path, arrows, gradient_rows, range_of, values
from microgrady.drawing.plotting.figures import (
    BLUE,
    GREEN,
    LINE_STYLES,
    ORANGE,
    PURPLE,
    VERMILION,
    fit_names,
    import_plotting,
    is_constant,
    told_apart,
    written,
)
from microgrady.drawing.style import FAINT_INK, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.quiver import Quiver
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

# To each side of the picture. An even number of values does not meet what is special in the middle, as at 0 / 0.
VALUES, ARROWS = 80, 15
LEVELS = 12  # contours, about
MOST_STRETCHED = 4.0  # a picture that is longer than that does not have equal scales
MOST_DOTS = 60  # a longer path is a line without dots
PATH_COLOURS, CUT_COLOURS = (VERMILION, BLUE, ORANGE, INK), (GREEN, PURPLE)
MOST_PATHS = len(PATH_COLOURS)
# One hue, ordered by its lightness alone: for grey print and for every kind of colour vision. Even the darkest leaves
# arrows and path legible.
PALE, DARK = "#f4f8fc", "#6aa3d5"


def draw_from_above(axes: Axes, field: Field, levels: str, paths: Sequence[Path], cuts: Sequence[Cut]) -> Quiver | None:
    """Draw all of it, and return the arrows if there are any."""
    rows, (x, y, z, title) = gradient_rows(field, ARROWS), values(field, VALUES)
    axes.set_title(title, fontsize="medium")
    draw_contours(axes, x, y, z, field.title, levels)
    quiver = draw_arrows(axes, field, rows)
    for cut, colour in zip(cuts, CUT_COLOURS, strict=False):
        draw_cut(axes, cut, colour)
    for path, colour, style in zip(paths, PATH_COLOURS, LINE_STYLES, strict=False):
        draw_path(axes, path, colour, style, alone=len(paths) == 1)
    set_limits(axes, field)
    return quiver


def set_limits(axes: Axes, field: Field) -> None:
    """Set the limits, with equal scales unless the picture would be very long."""
    if 1 / MOST_STRETCHED <= field.width(0) / field.width(1) <= MOST_STRETCHED:
        axes.set_aspect("equal")
    axes.set(xlim=field.ends[0], ylim=field.ends[1], xlabel=field.names[0], ylabel=field.names[1])


# Levels


def contour_levels(z: Array, levels: str) -> list[float]:
    """Return the levels of the contours: round numbers, ascending, with all values between the first and the last."""
    import numpy

    finite = z[numpy.isfinite(z)]
    low, high = range_of(z)
    if is_constant(float(finite.min()), float(finite.max())):
        return [low, high]
    return even_steps(low, high) if levels == "equal" else even_shares(finite)


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


def shades(levels: Sequence[float]) -> dict[str, Any]:
    """Return the colours of matplotlib, one for each step from a level to the next."""
    colors = import_plotting("matplotlib.colors")
    colours = colors.LinearSegmentedColormap.from_list("pale to dark", [PALE, DARK])
    return {"cmap": colours, "norm": colors.BoundaryNorm(levels, colours.N)}


# Drawing


def draw_contours(axes: Axes, x: Array, y: Array, z: Array, name: str, spacing: str) -> None:
    """Draw the contours, with a colour for each step from one to the next, and the bar that tells them."""
    import numpy

    levels = contour_levels(z, spacing)
    masked = numpy.ma.masked_invalid(z)
    filled = axes.contourf(x, y, masked, levels, **shades(levels))
    axes.contour(x, y, masked, levels, colors=FAINT_INK, linewidths=0.6, linestyles="solid")
    # As high as the picture, also where equal scales make that less high than there is room for.
    beside = axes.inset_axes((1.03, 0.0, 0.04, 1.0))
    # The levels around a constant are not values of it.
    low, high = float(masked.min()), float(masked.max())
    ticks = [low / 2 + high / 2] if is_constant(low, high) else levels
    bar = axes.figure.colorbar(filled, cax=beside, ticks=ticks, label=name)
    bar.minorticks_off()
    bar.ax.set_yticklabels(told_apart(ticks))
    fit_names(bar.ax)


def draw_arrows(axes: Axes, field: Field, rows: Array) -> Quiver | None:
    """Draw the arrows, each with its middle where the gradient is that."""
    if not rows.size:
        return None
    across, up, label = arrows(field, rows, ARROWS)
    return axes.quiver(
        *(rows[:, 0], rows[:, 1], across, up),
        angles="xy",
        scale_units="xy",
        scale=1.0,
        pivot="mid",
        width=0.003,
        color=INK,
        zorder=3,
        label=label,
    )


def draw_cut(axes: Axes, cut: Cut, colour: str) -> None:
    """Draw the line of a cut, and the point in which the partial derivative is its slope."""
    draw = axes.axhline if cut.fixed else axes.axvline
    draw(cut.point[cut.fixed], color=colour, linewidth=1.8, zorder=3.5, label=cut.title)
    axes.plot(*cut.point, "o", color=INK, markersize=6, markeredgecolor="white", zorder=5)


def draw_path(axes: Axes, path: Path, colour: str, style: Any, alone: bool) -> None:
    """Draw a path with its start and its end, which the legend tells; of several paths it tells the names."""
    x, y = zip(*path.points, strict=True)
    dots = "." if len(x) <= MOST_DOTS else ""
    options: dict[str, Any] = {"color": colour, "zorder": 4}
    label = "" if alone else path_title(path)
    axes.plot(x, y, linewidth=1.8, linestyle=style, marker=dots, markersize=6, label=label or None, **options)
    for (name, marker, size), place in zip(ENDS, (0, -1), strict=True):
        label = f"{name} ({written(x[place])}, {written(y[place])})"
        axes.plot(
            *(x[place], y[place]),
            linestyle="none",
            marker=marker,
            markersize=size,
            markeredgecolor="white",
            label=label if alone else None,
            **options | {"zorder": 5},
        )


ENDS = (("start", "o", 8), ("end", "*", 14))


def path_title(path: Path) -> str:
    """Return the name of a path, and where it ends."""
    steps = len(path.points) - 1
    end = ", ".join(map(written, path.points[-1]))
    return f"{path.name}: {steps} step{'s' * (steps != 1)} to ({end})"
