"""Legends that cover nothing of what they explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.figures import add_legend, path_on_page, settle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

PLACES = [f"{row} {column}" for row in ("upper", "lower", "center") for column in ("right", "left", "center")][:-1]
CLEARANCE = 3.0  # points from a legend to a line
SIZE, WIDTH = 8.3, 0.9  # points; as a share of the width that there is for the axes, if that is more than theirs
NOTHING = ("None", "none", "", " ")  # markers and styles of lines that draw none
BACKGROUND = "_background"  # the label of lines that a legend may cover


def place_legend(axes: Axes) -> Legend:
    """Add the legend where it covers no line, no point and no text: in the axes if there is such a place, else above.

    Call it when all else is drawn.
    """
    settle(axes)
    point = axes.figure.dpi / 72
    lines = [line for line in axes.lines if line.get_visible() and line.get_label() != BACKGROUND]
    texts = [text.get_window_extent() for text in axes.texts if text.get_text()]
    for place in PLACES:
        legend = add_legend(axes, place)
        box = legend.get_window_extent().padded(CLEARANCE * point)
        if not box.count_overlaps(texts) and not any(covers(box, line, point) for line in lines):
            return legend
    return put_above(axes)


def covers(box: Bbox, line: Line2D, point: float) -> bool:
    """Return whether a box covers a part of a line, or one of its markers."""
    path = path_on_page(line)
    if str(line.get_linestyle()) not in NOTHING and path.intersects_bbox(box, filled=False):
        return True
    # Of paths of a single point, nothing crosses the box.
    return has_markers(line) and bool(box.padded(line.get_markersize() / 2 * point).count_contains(path.vertices))


def has_markers(line: Line2D) -> bool:
    """Return whether the points of a line are marked."""
    return str(line.get_marker()) not in NOTHING


def put_above(axes: Axes) -> Legend:
    """Put the legend above the axes, in as few rows as there is width for, and their title above it."""
    legend = wide_legend(axes, columns=len(axes.get_legend_handles_labels()[0]))
    point = axes.figure.dpi / 72
    height = legend.get_window_extent().height
    if axes.get_title():
        axes.set_title(axes.get_title(), fontsize=axes.title.get_fontsize(), pad=height / point + 6.0)
    figure = axes.figure.figure
    if figure.get_layout_engine() is None:  # nothing else makes room for it
        place = axes.get_position(original=True)
        axes.set_position((place.x0, place.y0, place.width, place.height - height / axes.figure.bbox.height))
    settle(axes)
    return legend


def wide_legend(axes: Axes, columns: int) -> Legend:
    """Return a legend above the axes with so many columns, or as many as are not wider than the axes."""
    # Above what is written there. At the other end, there may be a power of ten for the numbers along the axis.
    box, texts = axes.get_window_extent(), [text.get_window_extent().y1 for text in axes.texts if text.get_text()]
    top = (max([box.y1, *texts]) - box.y0) / box.height
    options: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, top), "borderaxespad": 0.2}
    while True:
        legend = axes.legend(ncols=columns, fontsize=SIZE, frameon=False, **options)
        if legend.get_window_extent().width <= box.width:
            return legend
        if columns == 1:
            break
        columns -= 1
    # A legend that is wider than the part of the figure for these axes would leave no room for them.
    size = SIZE * min(1.0, WIDTH * room_across(axes) / legend.get_window_extent().width)
    return axes.legend(fontsize=size, frameon=False, **options)


def room_across(axes: Axes) -> float:
    """Return the width of the part of the figure that is there for these axes, in pixels."""
    part, figure = axes.get_subplotspec(), axes.figure.figure
    if part is None:
        return float(axes.bbox.width)
    columns = part.colspan
    return float(figure.bbox.width) * len(columns) / part.get_gridspec().ncols
