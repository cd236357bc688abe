"""A function as a map: points on one side, their images on the other, and an arrow from each to its image."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.figures import (
    BLUE,
    ROUNDING,
    VERMILION,
    axes_to_draw_on,
    check_file,
    check_function,
    check_numbers,
    import_plotting,
    name_in_labels,
    told_apart,
    value_at,
    write_figure,
)
from microgrady.drawing.style import FAINT_INK, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 12
# In the picture, which is 1 wide and 1 high.
DOMAIN, CODOMAIN = (0.24, 0.47), (0.76, 0.47)  # the middles of the ovals
OVAL_WIDTH, OVAL_HEIGHT = 0.42, 0.86
ROWS_HEIGHT = 0.66  # from the first to the last dot, if there are many
ROW_HEIGHT = 0.14  # from dot to dot, if there are few
DOT_OFFSET = 0.06  # of the dots from the middle, towards the other oval
TITLE_HEIGHT = 0.95
# Points, since dots and numbers are as large on small axes as on large ones.
TEXT_OFFSET, SHORT_OF_DOT = 8, 7  # from the middle of a dot to its number, and to an arrow


def plot_map(
    f: Callable[[Any], Any],
    points: Iterable[float],
    *,
    ax: Axes | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw a function as a map from its domain to its codomain.

    Each point is a dot in the left oval, each image a dot in the right one, and an arrow leads from each point to its
    image. Points with the same image share its dot; images that differ only by rounding count as the same. In both
    ovals the numbers ascend from bottom to top; their distances mean nothing.

    Args:
        f: The function. It is called with a Value and may return a plain number.
        points: The points, 1 to 12 different numbers.
        ax: Where to draw; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type, or `f` does not return one number.
        ValueError: There are no points or too many, one is not finite or has no image, since `f` is nan there, or `to`
            has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> axes = mg.plot_map(lambda x: x**2, [-2, -1, 0, 1, 2])
        >>> [text.get_text() for text in axes.texts]
        ['domain', 'codomain', 'f', '−2', '−1', '0', '1', '2', '0', '1', '4']
    """
    check_function(f, ax, "plot_map")
    domain = sorted(set(check_numbers(points, "the points")))
    if not 1 <= len(domain) <= MOST_POINTS:
        raise ValueError(f"a map shows 1 to {MOST_POINTS} points, not {len(domain) or 'none'}")
    target = check_file(to)
    images = [image(f, x) for x in domain]
    codomain = distinct(images)
    with axes_to_draw_on(ax, target) as axes:
        axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
        axes.set_axis_off()
        draw_ovals(axes, name_in_labels(f))
        left, right = dot_places(DOMAIN, DOT_OFFSET, len(domain)), dot_places(CODOMAIN, -DOT_OFFSET, len(codomain))
        draw_dots(axes, left, told_apart(domain), -TEXT_OFFSET, BLUE)
        draw_dots(axes, right, told_apart(codomain), TEXT_OFFSET, VERMILION)
        for place, y in zip(left, images, strict=True):
            draw_arrow(axes, place, right[nearest(y, codomain)])
        write_figure(axes, target)
    return axes


# Points and images


def image(f: Callable[[Any], Any], x: float) -> float:
    """Return the image of a point.

    Raises:
        ValueError: It has none.
    """
    y = value_at(f, x)
    if math.isnan(y):
        raise ValueError(f"{x!r} is not in the domain of {name_in_labels(f)}: its value there is nan")
    return y


def distinct(images: Iterable[float]) -> list[float]:
    """Return the different images, ascending; of those that differ by rounding, one."""
    ordered = sorted(set(images))
    rounding = ROUNDING * max((abs(y) for y in ordered if math.isfinite(y)), default=0.0)
    found = ordered[:1]
    for y in ordered[1:]:
        if y - found[-1] > rounding:
            found.append(y)
    return found


def nearest(y: float, codomain: Sequence[float]) -> int:
    """Return which of the different images one is."""
    return codomain.index(y) if y in codomain else min(range(len(codomain)), key=lambda i: abs(codomain[i] - y))


# Drawing


def dot_places(middle: tuple[float, float], offset: float, count: int) -> list[tuple[float, float]]:
    """Return where the dots of an oval are, from bottom to top."""
    step = min(ROW_HEIGHT, ROWS_HEIGHT / max(count - 1, 1))
    return [(middle[0] + offset, middle[1] + step * (row - (count - 1) / 2)) for row in range(count)]


def draw_ovals(axes: Axes, name: str) -> None:
    """Draw the ovals with their titles, and the name of the function between these."""
    ellipse = import_plotting("matplotlib.patches").Ellipse
    for middle, title in ((DOMAIN, "domain"), (CODOMAIN, "codomain")):
        axes.add_patch(
            ellipse(middle, OVAL_WIDTH, OVAL_HEIGHT, facecolor="#f6f8fa", edgecolor=FAINT_INK, linewidth=1.2)
        )
        axes.text(middle[0], TITLE_HEIGHT, title, horizontalalignment="center", color=INK)
    axes.text(
        (DOMAIN[0] + CODOMAIN[0]) / 2, TITLE_HEIGHT, name, horizontalalignment="center", color=INK, style="italic"
    )


def draw_dots(
    axes: Axes, places: Sequence[tuple[float, float]], texts: Sequence[str], offset: float, colour: str
) -> None:
    """Draw the dots of one oval, with their numbers beside them."""
    axes.plot([x for x, _ in places], [y for _, y in places], "o", color=colour, markersize=7, zorder=3)
    for (x, y), text in zip(places, texts, strict=True):
        side = "right" if offset < 0.0 else "left"
        axes.annotate(
            text,
            (x, y),
            xytext=(offset, 0),
            textcoords="offset points",
            horizontalalignment=side,
            verticalalignment="center_baseline",
            color=INK,
        )


def draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw the arrow from a point to its image."""
    arrow = import_plotting("matplotlib.patches").FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=12,
        shrinkA=SHORT_OF_DOT,
        shrinkB=SHORT_OF_DOT,
        color=INK,
        linewidth=1.0,
        zorder=2,
    )
    axes.add_patch(arrow)
