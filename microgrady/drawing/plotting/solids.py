"""A function of two numbers as a surface in space, over a floor with contours and arrows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.contours import (
    CUT_COLOURS,
    ENDS,
    MOST_DOTS,
    PATH_COLOURS,
    contour_levels,
    path_title,
    shades,
)
from microgrady.drawing.plotting.fields import Cut, Field, Path, arrows, cut_curve, gradient_rows, range_of, values
from microgrady.drawing.plotting.figures import LINE_STYLES, Interval, import_plotting, written
from microgrady.drawing.style import FAINT_INK, INK

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

VALUES, ARROWS = 40, 10  # to each side
FLOOR = 0.5  # how far the floor is below the lowest value, as a share of the range of values
ELEVATION, AZIMUTH = 32, -58  # from where one looks, in degrees
ZOOM = 1.1
NUMBERS, STEPS = 6, (1, 2, 5, 10)  # along an axis at most, and the steps between them, but for a power of ten
HEAD, SHAFT = 0.035, 0.003  # of an arrow, as shares of the floor: how long the head is, half of how thick the shaft is
TANGENT_WIDTH, TANGENT_HEIGHT = 0.22, 0.4  # the most that a tangent reaches to each side, of the box
PIECES = 600  # into which paths are divided, about, so that they lie on the surface also between their points


def draw_in_space(axes: Any, field: Field, spacing: str, paths: Sequence[Path], cuts: Sequence[Cut]) -> Any:
    """Draw all of it on Axes3D, and return the arrows if there are any."""
    rows, (x, y, z, title) = gradient_rows(field, ARROWS), values(field, VALUES)
    axes.set_title(title, fontsize="medium")
    low, high = range_of(z)
    floor = low - FLOOR * (high - low)
    levels = contour_levels(z, spacing)
    # Matplotlib's own order, by the distance of whole things, would hide lines that lie on the surface.
    axes.computed_zorder = False
    draw_floor(axes, x, y, z, levels, floor)
    quiver = draw_arrows(axes, field, rows, floor)
    draw_faces(axes, x, y, z, levels)
    for cut, colour in zip(cuts, CUT_COLOURS, strict=False):
        draw_cut(axes, cut, colour, (low, high), floor)
    for path, colour, style in zip(paths, PATH_COLOURS, LINE_STYLES, strict=False):
        draw_path(axes, path, colour, style, (x, y, z), floor, alone=len(paths) == 1)
    axes.set(xlim=field.ends[0], ylim=field.ends[1], zlim=(floor, high), xlabel=field.names[0], ylabel=field.names[1])
    write_scales(axes, low, high)
    axes.view_init(ELEVATION, AZIMUTH)
    axes.set_box_aspect(None, zoom=ZOOM)
    axes.M = axes.get_proj()  # else a layout would place the numbers by the limits before these
    for artist in (*axes.lines, *axes.collections):
        # Nothing leaves the box, which is a little larger than the axes; its numbers make room for it.
        artist.set(clip_on=False, in_layout=False)
    return quiver


def write_scales(axes: Any, low: float, high: float) -> None:
    """Write few numbers along the axes, and none below the lowest value."""
    ticker = import_plotting("matplotlib.ticker")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.MaxNLocator(NUMBERS, steps=STEPS))
    ticks = ticker.MaxNLocator(NUMBERS, steps=STEPS).tick_values(low, high)
    beyond = (high - low) / 50
    axes.set_zticks([tick for tick in ticks if low - beyond <= tick <= high])


def draw_faces(axes: Any, x: Array, y: Array, z: Array, levels: Sequence[float]) -> None:
    """Draw the surface: a face between each four neighbours that are finite."""
    import numpy

    last = len(x) - 1
    corners = [
        numpy.broadcast_arrays(x[None, i : i + last], y[j : j + last, None], z[j : j + last, i : i + last])
        for j, i in ((0, 0), (0, 1), (1, 1), (1, 0))
    ]
    # In rows of four corners with three numbers each.
    faces = numpy.array(corners).transpose(2, 3, 0, 1).reshape(-1, 4, 3)
    faces = faces[numpy.isfinite(faces).all(axis=(1, 2))]
    middles = (faces[:, :, 2] / 4).sum(axis=1)
    colours = shades(levels)
    add_polygons(
        axes,
        faces,
        facecolors=colours["cmap"](colours["norm"](middles)),
        edgecolors=FAINT_INK,
        linewidths=0.15,
        alpha=0.85,
        zorder=2,
    )


def add_polygons(axes: Any, polygons: Array, **options: Any) -> Any:
    """Draw filled polygons."""
    art3d = import_plotting("mpl_toolkits.mplot3d.art3d")
    collection = art3d.Poly3DCollection(polygons, **options)
    axes.add_collection3d(collection, autolim=False)
    return collection


def draw_floor(axes: Any, x: Array, y: Array, z: Array, levels: Sequence[float], floor: float) -> None:
    """Draw the contours on the floor."""
    import numpy

    axes.contour(
        *(x, y, numpy.ma.masked_invalid(z), levels),
        zdir="z",
        offset=floor,
        colors=FAINT_INK,
        linewidths=0.5,
        linestyles="solid",
        zorder=1,
    )


def draw_arrows(axes: Any, field: Field, rows: Array, floor: float) -> Any:
    """Draw the arrows of the gradient on the floor."""
    import numpy

    if not rows.size:
        return None
    across, up, label = arrows(field, rows, ARROWS)
    shapes = numpy.array(
        [
            flat_arrow(field, (row[0], row[1]), (dx, dy), floor)
            for row, dx, dy in zip(rows, across, up, strict=True)
            if dx or dy
        ]
    )
    return add_polygons(axes, shapes, facecolors=INK, edgecolors=INK, linewidths=0.4, zorder=1.5, label=label)


def flat_arrow(
    field: Field, middle: tuple[float, float], step: tuple[float, float], floor: float
) -> list[tuple[float, float, float]]:
    """Return the corners of an arrow that lies on the floor.

    Its shape is that of the picture: along x and y it is measured in widths and heights of the floor.
    """
    width, height = field.width(0), field.width(1)
    length = math.hypot(step[0] / width, step[1] / height)
    head = min(HEAD, length / 2)
    # Along the arrow and across it, from its middle.
    outline = [
        (-length / 2, SHAFT),
        (length / 2 - head, SHAFT),
        (length / 2 - head, head / 2),
        (length / 2, 0.0),
        (length / 2 - head, -head / 2),
        (length / 2 - head, -SHAFT),
        (-length / 2, -SHAFT),
    ]
    right, up = step[0] / width / length, step[1] / height / length
    return [
        (middle[0] + (along * right - across * up) * width, middle[1] + (along * up + across * right) * height, floor)
        for along, across in outline
    ]


def draw_cut(axes: Any, cut: Cut, colour: str, span: Interval, floor: float) -> None:
    """Draw the curve of a cut, what it cuts out down to the floor, and its tangent."""
    import numpy

    free, heights = cut_curve(cut.field, cut.fixed, cut.point)
    beyond = 0.02 * (span[1] - span[0])
    heights[(heights < span[0] - beyond) | (heights > span[1] + beyond)] = numpy.nan
    axes.plot(*in_space(cut, free, heights), color=colour, linewidth=2.0, zorder=4, label=cut.title)
    axes.plot(*in_space(cut, free, numpy.full_like(free, floor)), color=colour, linewidth=1.0, zorder=1.6)
    draw_curtain(axes, cut, free, heights, floor, colour)
    width, height = TANGENT_WIDTH * cut.field.width(1 - cut.fixed), TANGENT_HEIGHT * (span[1] - span[0])
    x, z, slope = cut.line.x, cut.line.y, cut.line.slope
    if numpy.isfinite(slope):
        reach = min(width, height / abs(slope)) if slope else width
        ends = numpy.array([x - reach, x + reach]), numpy.array([z - reach * slope, z + reach * slope])
    else:
        ends = numpy.array([x, x]), numpy.array([z - height, z + height])
    if not numpy.isnan(slope):
        axes.plot(*in_space(cut, *ends), color=INK, linewidth=1.8, linestyle=(0, (4, 1.5)), zorder=4.5)
    axes.plot(*in_space(cut, [x], [z]), "o", color=INK, markersize=6, markeredgecolor="white", zorder=5)


def draw_curtain(axes: Any, cut: Cut, free: Array, heights: Array, floor: float, colour: str) -> None:
    """Draw the plane of a cut, from the floor to the curve."""
    import numpy

    on_floor = numpy.full_like(free, floor)
    corners = [
        in_space(cut, free[part], level[part])
        for part, level in (
            (slice(None, -1), on_floor),
            (slice(1, None), on_floor),
            (slice(1, None), heights),
            (slice(None, -1), heights),
        )
    ]
    pieces = numpy.array(corners).transpose(2, 0, 1)
    pieces = pieces[numpy.isfinite(pieces).all(axis=(1, 2))]
    add_polygons(axes, pieces, facecolors=colour, edgecolors="none", alpha=0.15, zorder=3)


def in_space(cut: Cut, free: Any, heights: Any) -> tuple[Any, Any, Any]:
    """Return points of a cut as their three coordinates."""
    fixed = [cut.point[cut.fixed]] * len(free)
    return (free, fixed, heights) if cut.fixed else (fixed, free, heights)


def draw_path(
    axes: Any, path: Path, colour: str, style: Any, grid: tuple[Array, Array, Array], floor: float, alone: bool
) -> None:
    """Draw a path on the surface and on the floor, as far as it is inside of the picture."""
    import numpy

    points = numpy.array(path.points)
    label = None if alone else path_title(path)
    # A path is drawn in pieces, since a straight line from point to point would leave the surface.
    steps = len(points) - 1
    pieces = numpy.linspace(0.0, steps, steps * max(1, PIECES // max(steps, 1)) + 1)
    line = numpy.stack([numpy.interp(pieces, numpy.arange(steps + 1), points[:, axis]) for axis in (0, 1)], axis=1)
    x, y, z = on_surface(line, *grid)
    options: dict[str, Any] = {"color": colour, "zorder": 4}
    axes.plot(x, y, z, linewidth=1.8, linestyle=style, label=label, **options)
    axes.plot(x, y, numpy.where(numpy.isnan(z), z, floor), linewidth=1.0, linestyle=style, **options | {"zorder": 1.6})
    x, y, z = on_surface(points, *grid)
    if len(points) <= MOST_DOTS:
        axes.plot(x, y, z, ".", markersize=6, **options)
    for (name, marker, size), place in zip(ENDS, (0, -1), strict=True):
        label = f"{name} ({', '.join(map(written, path.points[place]))})" if alone else None
        at = [number[[place]] for number in (x, y, z)]
        axes.plot(*at, marker, markersize=size, markeredgecolor="white", label=label, **options | {"zorder": 5})


def on_surface(points: Array, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
    """Return points of the surface, between the values of its grid; nan for those outside."""
    import numpy

    across, up = (
        (points[:, axis] - ends[0]) / (ends[-1] - ends[0]) * (len(ends) - 1) for axis, ends in ((0, x), (1, y))
    )
    last = len(x) - 1
    inside = (across >= 0) & (across <= last) & (up >= 0) & (up <= last)
    i, j = (numpy.where(inside, number, 0.0).astype(int).clip(0, last - 1) for number in (across, up))
    right, over = numpy.where(inside, across - i, numpy.nan), up - j
    lower = z[j, i] * (1 - right) + z[j, i + 1] * right
    upper = z[j + 1, i] * (1 - right) + z[j + 1, i + 1] * right
    heights = lower * (1 - over) + upper * over
    return numpy.where(inside, points[:, 0], numpy.nan), numpy.where(inside, points[:, 1], numpy.nan), heights
