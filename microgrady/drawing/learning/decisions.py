"""What a model decides in the plane of two features: regions, the boundary between them, and the points."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.drawing.learning.models import Model, certainty, decided, margins
from microgrady.drawing.learning.points import Points, check_points, class_name, classes_of
from microgrady.drawing.plotting.arguments import check_function
from microgrady.drawing.plotting.contours import MOST_STRETCHED
from microgrady.drawing.plotting.figures import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    VERMILION,
    Interval,
    add_legend,
    axes_to_draw_on,
    import_plotting,
    is_constant,
    write_figure,
)
from microgrady.drawing.render import check_target
from microgrady.drawing.style import INK
from microgrady.inputs import describe, is_iterable, is_whole
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.transforms import Bbox
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

# In an order in which the first few are far apart with every kind of colour vision. In grey print the shapes tell them
# apart.
CLASS_COLOURS = (BLUE, VERMILION, "#f0e442", "#882255", "#56b4e9", "#6e4b1e", PURPLE, "#4b0092", ORANGE, GREEN)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
LARGER = {"*": 1.6, "P": 1.25, "X": 1.25, "^": 1.15, "v": 1.15, "<": 1.15, ">": 1.15}  # to look as large as the others
FINE, COARSE = 200, 60  # decisions to each side: of a compiled model, and of one that runs point by point
MARGIN = 0.12  # of the width of all points, on each side of them
FAINTEST, STRONGEST = 0.14, 0.5  # of the colour of a class, where a model is not sure and where it is
LARGEST_DOT, SMALLEST_DOT, DOTS_AREA = 42.0, 8.0, 9000.0  # square points, of one marker, and of all
PLACES = [f"{row} {side}" for row in ("upper", "lower", "center") for side in ("right", "left", "center")][:-1]
MOST_TICKS = 6  # below the picture, which may be narrow: more would touch each other
CLEARANCE = 5.0  # points from the legend to the middle of a marker
BESIDE = 1.02  # in widths of the axes: where a legend stands that has no place in them


@entrance
def plot_decision(
    model: Callable[..., Any],
    X: Any,
    y: Any,
    *,
    features: Iterable[int] | None = None,
    ax: Axes | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw what a model decides: a region for each class, the boundary between them, and the points with their labels.

    A model that gives one number decides by its sign, as after training with `nn.hinge` or `nn.binary_cross_entropy`:
    for the second class where it is above zero. One that gives several decides for the class of the largest. The
    stronger a colour, the surer the model is, by the probabilities that sigmoid and softmax make of its numbers. The
    title tells how many of the points it is right about. Where it gives nan the picture is left white.

    Args:
        model: A model, or any function of a sequence of features, or of two numbers. It gives a number or several.
        X: The points, in rows: a NumPy array, nested lists, a table of pandas.
        y: Their labels: 0 to K-1, -1 and 1, or K others of any kind, in ascending order.
        features: The columns of X to draw, needed if there are more than two. The others are fixed at their mean, so
            that points are drawn where they are in the plane, and may be decided about otherwise than the plane there.
        ax: Where to draw; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type, or the model gives neither a number nor a list of numbers.
        ValueError: X and y are of different lengths, have nan or do not fit the model, there are more than two
            features and none chosen, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> axes = mg.plot_decision(lambda x, y: x * y, [(1, 1), (-1, -1), (1, -1), (-1, 1)], [1, 1, 0, 0])
        >>> axes.get_title()
        'right about 4 of 4 points (100%)'
    """
    check_function(model, ax, "plot_decision")
    points = check_points(X, y, "plot_decision")
    plane = plane_of(points, features)
    target = None if to is None else check_target(to)
    asked = Model(model, points.features.shape[1], "plot_decision")
    answers = asked.outputs(points.features)
    classes = classes_of(points.labels, answers.shape[1], asked.name)
    outputs = asked.outputs(plane.grid(FINE if asked.is_compiled else COARSE))
    with axes_to_draw_on(ax, target) as axes:
        draw_regions(axes, plane, outputs)
        draw_points(axes, plane, points, classes)
        set_limits(axes, plane)
        axes.set_title(score(answers, points.labels, classes), fontsize="medium")
        place_legend(axes, plane)
        write_figure(axes, target)
    return axes


# The plane


@dataclass(frozen=True)
class Plane:
    """The plane of two features.

    Attributes:
        columns: Which they are.
        names: How they are called.
        places: Where the points are in it, in rows.
        x_ends: Its ends.
        y_ends: Its ends.
        origin: What the features are that are not in it.
    """

    columns: tuple[int, int]
    names: tuple[str, str]
    places: Array
    x_ends: Interval
    y_ends: Interval
    origin: Array

    def grid(self, steps: int) -> Array:
        """Return the points of a grid, row by row from the bottom, each with all features."""
        import numpy

        across, up = (numpy.linspace(*ends, steps) for ends in (self.x_ends, self.y_ends))
        points = numpy.tile(self.origin, (steps * steps, 1))
        points[:, self.columns[0]] = numpy.tile(across, steps)
        points[:, self.columns[1]] = numpy.repeat(up, steps)
        return points


def plane_of(points: Points, features: object) -> Plane:
    """Return the plane of two features, wide enough for all points.

    Raises:
        TypeError: `features` is not a pair of integers.
        ValueError: They are not two different columns, or not chosen where there are more.
    """
    first, second = columns = check_columns(features, points.features.shape[1])
    x_ends, y_ends = (with_margin(points.features[:, column]) for column in columns)
    names = points.names[first], points.names[second]
    origin = (points.features / len(points.features)).sum(axis=0)
    return Plane(columns, names, points.features[:, columns], x_ends, y_ends, origin)


def check_columns(features: Any, width: int) -> tuple[int, int]:
    """Return the two columns to draw."""
    if features is None:
        if width > 2:
            raise ValueError(
                f"X has {width} features, and a picture shows two: choose them with features=(i, j), and the others "
                "are fixed at their mean"
            )
        return 0, 1
    chosen = list(features) if is_iterable(features) and not isinstance(features, str | bytes) else []
    if len(chosen) != 2 or not all(map(is_whole, chosen)):
        raise TypeError(f"features must be the numbers of two columns of X, such as (0, 1), not {describe(features)}")
    if not all(-width <= column < width for column in chosen) or (chosen[0] - chosen[1]) % width == 0:
        raise ValueError(f"features must be two different columns of X, of 0 to {width - 1}, not {tuple(chosen)!r}")
    return int(chosen[0]) % width, int(chosen[1]) % width


def with_margin(numbers: Array) -> Interval:
    """Return the ends of an axis that has all these numbers and some room around them."""
    low, high = float(numbers.min()), float(numbers.max())
    if is_constant(low, high):
        return low - max(1.0, abs(low)), high + max(1.0, abs(high))
    room = MARGIN * (high - low)
    return low - room, high + room


# Drawing


def shades(outputs: Array) -> Array:
    """Return the colour of each point: that of the class decided for, mixed with white where the model is not sure."""
    import numpy

    to_rgb = import_plotting("matplotlib.colors").to_rgb
    colours = numpy.array([to_rgb(colour) for colour in CLASS_COLOURS] + [(1.0, 1.0, 1.0)])
    which = decided(outputs)  # -1 is the last, which is white
    strength = FAINTEST + (STRONGEST - FAINTEST) * numpy.nan_to_num(certainty(outputs))
    mixed: Array = 1.0 + strength[:, None] * (colours[which] - 1.0)
    return mixed


def draw_regions(axes: Axes, plane: Plane, outputs: Array) -> tuple[AxesImage, list[Any]]:
    """Draw the regions and their boundary, and return the picture of the ones and the lines of the other."""
    steps = round(len(outputs) ** 0.5)
    width, height = (ends[1] - ends[0] for ends in (plane.x_ends, plane.y_ends))
    half_x, half_y = width / (steps - 1) / 2, height / (steps - 1) / 2  # the middles of the outermost are at the ends
    image = axes.imshow(
        shades(outputs).reshape(steps, steps, 3),
        extent=(plane.x_ends[0] - half_x, plane.x_ends[1] + half_x, plane.y_ends[0] - half_y, plane.y_ends[1] + half_y),
        origin="lower",
        interpolation="bilinear",
        aspect="auto",
        zorder=0,
    )
    return image, draw_boundary(axes, plane, outputs)


def draw_boundary(axes: Axes, plane: Plane, outputs: Array) -> list[Any]:
    """Draw the lines on which two classes are decided for equally."""
    import numpy

    steps = round(len(outputs) ** 0.5)
    x, y = numpy.linspace(*plane.x_ends, steps), numpy.linspace(*plane.y_ends, steps)
    above = margins(outputs)
    above = above[:, 1:] if outputs.shape[1] <= 2 else above  # of two classes one has the whole boundary
    lines = []
    for column in above.T:
        if numpy.nanmin(column, initial=numpy.inf) < 0.0 < numpy.nanmax(column, initial=-numpy.inf):
            # Their size does not matter, and matplotlib takes a range of very small numbers for rounding.
            level = numpy.ma.masked_invalid((column / numpy.nanmax(abs(column))).reshape(steps, steps))
            lines.append(axes.contour(x, y, level, [0.0], colors=INK, linewidths=1.4, linestyles="solid", zorder=2))
    return lines


def draw_points(axes: Axes, plane: Plane, points: Points, classes: Sequence[Hashable]) -> None:
    """Draw the points of each class in its colour and with its marker."""
    area = min(LARGEST_DOT, max(SMALLEST_DOT, DOTS_AREA / len(points.labels)))
    for place, label in enumerate(classes):
        chosen = plane.places[[each == label for each in points.labels]]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=area * LARGER.get(MARKERS[place], 1.0),
            marker=MARKERS[place],
            color=CLASS_COLOURS[place],
            edgecolors=INK,
            linewidths=0.6 if area > SMALLEST_DOT else 0.3,
            zorder=3,
            label=class_name(label),
        )


def set_limits(axes: Axes, plane: Plane) -> None:
    """Set the limits, with equal scales unless the picture would be very long, and name the features."""
    width, height = (ends[1] - ends[0] for ends in (plane.x_ends, plane.y_ends))
    alike = 1 / MOST_STRETCHED <= width / height <= MOST_STRETCHED
    axes.set_aspect("equal" if alike else "auto")
    axes.set(xlim=plane.x_ends, ylim=plane.y_ends, xlabel=plane.names[0], ylabel=plane.names[1])
    axes.locator_params(axis="x", nbins=MOST_TICKS)


def score(answers: Array, labels: Sequence[Hashable], classes: Sequence[Hashable]) -> str:
    """Return in words how many of the points a model is right about."""
    right = sum(
        place >= 0 and classes[place] == label for place, label in zip(decided(answers).tolist(), labels, strict=True)
    )
    # Not all, and not none, is never called so by rounding.
    percent = right / len(labels) if right in (0, len(labels)) else min(max(right / len(labels), 0.001), 0.999)
    points = "point" if len(labels) == 1 else "points"
    return f"right about {right:,} of {len(labels):,} {points} ({100 * percent:.3g}%)"


def place_legend(axes: Axes, plane: Plane) -> None:
    """Add the legend where it covers no point: in the picture if there is such a place, else beside it."""
    axes.figure.figure.draw_without_rendering()  # which gives the axes their final place
    for place in PLACES:
        if not covers(axes, add_legend(axes, place).get_window_extent(), plane.places):
            return
    legend = add_legend(axes, "upper left")
    legend.set_bbox_to_anchor((BESIDE, 1.0), axes.transAxes)
    legend.borderaxespad = 0.0
    if axes.figure.figure.get_layout_engine() is not None:
        for _ in range(3):  # as the axes keep their shape, each time comes closer to what it needs
            axes.figure.figure.draw_without_rendering()
    else:  # nothing else makes room for it
        width = legend.get_window_extent().width / axes.figure.bbox.width
        left = axes.get_position(original=True)
        axes.set_position((left.x0, left.y0, (left.width - width) / BESIDE, left.height))


def covers(axes: Axes, box: Bbox, places: Array) -> bool:
    """Return whether a box covers any of the points."""
    wider = box.padded(CLEARANCE * axes.figure.dpi / 72)
    return bool(wider.count_contains(axes.transData.transform(places)))
