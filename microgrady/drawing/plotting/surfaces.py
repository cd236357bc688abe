"""A function of two numbers, seen from above or in space, with its gradient as arrows, cuts, and descents as paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Literal

from microgrady.drawing.plotting.arguments import check_file, check_function, check_interval, check_numbers
from microgrady.drawing.plotting.contours import MOST_PATHS, draw_from_above
from microgrady.drawing.plotting.fields import Cut, Field, Path, cut_at, middle_of_cut, names_of
from microgrady.drawing.plotting.figures import axes_to_draw_on, import_plotting, write_figure
from microgrady.drawing.plotting.legends import SIZE, WIDTH, room_across
from microgrady.drawing.plotting.solids import draw_in_space
from microgrady.drawing.style import INK
from microgrady.inputs import describe, is_iterable, require_number
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

KINDS, SPACINGS = ("contours", "surface"), ("equal", "shares")
DISTANCE = 6  # points from the names of the axes to the legend
MANY_ENTRIES = 2  # with more than that, they stand in two columns if these are not too wide


@entrance
def plot_surface(
    f: Callable[[Any, Any], Any],
    x_interval: Iterable[float],
    y_interval: Iterable[float] | None = None,
    *,
    kind: Literal["contours", "surface"] = "contours",
    cuts: Mapping[str, float] | None = None,
    path: Any = None,
    levels: Literal["equal", "shares"] = "equal",
    ax: Axes | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw a function of two numbers by its contours or as a surface, with its gradient, which microgrady computes.

    The arrows point where the function rises most steeply. A longer arrow is a larger gradient; where sizes differ
    very much, lengths differ less, so that small gradients can be seen beside large ones. The legend says from what
    size to what size they go. What is not finite is left blank. The axes have the names of the function's parameters.

    Args:
        f: The function. It is called with two Values.
        x_interval: The two ends of the axis of its first number.
        y_interval: Those of the second one; by default the same.
        kind: "contours" shows the function from above, "surface" in space, over a floor with contours and arrows.
        cuts: Which parameters stay as they are, and at which number: with `{"x": 1}` one sees what the function does
            along y where x is 1. The slope of that curve is the partial derivative by y, which the legend tells for
            the point that both cuts go through or, of a single cut, for its middle; where the function has no value
            there, for the middle of the longest part that has some. A surface shows the tangent there.
        path: Points (x, y), for instance those that a descent has gone through. Start and end are marked. Or several
            paths, in a list or in a dict that gives their names.
        levels: "equal" has the contours at equal distances of the value. "shares" has as much of the picture between
            any two of them, which shows more where most values lie in a small part of their range.
        ax: Where to draw; by default a new figure. For a surface, made with `projection="3d"`.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type, or `f` does not return one number.
        ValueError: An interval is not two finite numbers in ascending order or too narrow, a cut is not in it or at no
            parameter, a path is empty or has something else than pairs of finite numbers, `f` is finite nowhere or not
            where a cut needs it, `kind` or `levels` is not one of its words, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> def bowl(w, b):
        ...     return w**2 + 3 * b**2
        >>> point, path = [2.0, 1.0], []
        >>> for _ in range(20):
        ...     path.append(point)
        ...     point = [p - 0.1 * slope for p, slope in zip(point, mg.grad(bowl, (0, 1))(*point))]
        >>> axes = mg.plot_surface(bowl, (-3, 3), path=path, cuts={"w": 2, "b": 1})
        >>> for text in axes.get_legend().get_texts():
        ...     print(text.get_text())
        gradient, size 0.8 to 17.7
        w = 2: ∂bowl/∂b = 6 at b = 1
        b = 1: ∂bowl/∂w = 4 at w = 2
        start (2, 1)
        end (0.02882, 2.749e-08)
    """
    check_function(f, ax, "plot_surface")
    check_word(kind, KINDS, "kind")
    check_word(levels, SPACINGS, "levels")
    x_ends = check_interval(x_interval, "x_interval")
    y_ends = x_ends if y_interval is None else check_interval(y_interval, "y_interval")
    field = Field(f, (x_ends, y_ends), names_of(f))
    paths = [] if path is None else check_paths(path)
    places = check_cuts(cuts, field)
    projection = check_projection(ax, kind)
    target = check_file(to)
    found = cuts_through(field, places)
    with axes_to_draw_on(ax, target, projection) as axes:
        draw = draw_in_space if kind == "surface" else draw_from_above
        quiver = draw(axes, field, levels, paths, found)
        draw_legend(axes, quiver)
        write_figure(axes, target)
    return axes


# What is asked for


def check_word(word: object, words: Sequence[str], what: str) -> None:
    """Refuse what is not one of some words.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(word, str) or word not in words:
        raise ValueError(f"{what} is {' or '.join(map(repr, words))}, not {word!r}")


def check_projection(ax: Any, kind: str) -> str | None:
    """Return the projection of matplotlib for a kind of picture, and refuse Axes with another one.

    Raises:
        ValueError: They have another one.
    """
    space = kind == "surface"
    if ax is not None and (ax.name == "3d") != space:
        made = 'made with projection="3d"' if space else 'made without projection="3d"'
        raise ValueError(f"kind={kind!r} needs Axes {made}, and these have the projection {ax.name!r}")
    return "3d" if space else None


def check_paths(path: Any) -> list[Path]:
    """Return one path, or several with their names.

    Raises:
        TypeError: It is neither.
        ValueError: A path has no points or one that is not two finite numbers, or there are too many paths.
    """
    if isinstance(path, Mapping):
        several = {str(name): points for name, points in path.items()}
    else:
        if not is_sequence(path):
            raise TypeError(f"the path must be a sequence of points (x, y), not {describe(path)}")
        items = [list(item) if is_sequence(item) else item for item in path]
        # Of a path, each item is a point, which holds numbers; of several, a path, which holds points.
        if not (items and is_sequence(items[0]) and items[0] and is_sequence(items[0][0])):
            return [Path("", check_points(items))]
        several = {f"path {number}": points for number, points in enumerate(items, 1)}
    if not 1 <= len(several) <= MOST_PATHS:
        raise ValueError(f"there can be 1 to {MOST_PATHS} paths in a picture, not {len(several) or 'none'}")
    return [Path(name, check_points(points)) for name, points in several.items()]


def is_sequence(thing: object) -> bool:
    """Return whether a thing holds others in an order."""
    return is_iterable(thing) and not isinstance(thing, str | bytes | Mapping | Set)


def check_points(points: Any) -> list[list[float]]:
    """Return points of two finite numbers each, as floats."""
    if not is_sequence(points):
        raise TypeError(f"the path must be a sequence of points (x, y), not {describe(points)}")
    found = [check_numbers(point, "the two coordinates of a point of the path") for point in points]
    if not found:
        raise ValueError("the path must have at least one point, and there is none")
    for point in found:
        if len(point) != 2:
            raise ValueError(f"a point of the path has two coordinates, and {point!r} has {len(point)}")
    return found


def check_cuts(cuts: Any, field: Field) -> dict[int, float]:
    """Return which of the two numbers stay as they are, and at what.

    Raises:
        TypeError: That is not a dict of numbers.
        ValueError: A name is not that of a parameter, or a number is outside of the picture.
    """
    if cuts is None:
        return {}
    if not isinstance(cuts, Mapping):
        example = f'{{"{field.names[0]}": {(field.ends[0][0] + field.ends[0][1]) / 2:g}}}'
        raise TypeError(f"cuts must be a dict of a parameter and its number, such as {example}, not {describe(cuts)}")
    found = {}
    for name, given in cuts.items():
        if name not in field.names:
            names = " and ".join(map(repr, field.names))
            raise ValueError(f"the parameters of {field.name} are {names}, and cuts has {name!r}")
        axis, number = field.names.index(name), require_number(given, f"the number of the cut {name!r}")
        low, high = field.ends[axis]
        if not low <= number <= high:
            raise ValueError(
                f"a cut must lie in the picture, where {name} goes from {low!r} to {high!r}, not {number!r}"
            )
        found[axis] = number
    return found


def cuts_through(field: Field, places: Mapping[int, float]) -> list[Cut]:
    """Return the cuts, each with its tangent where they meet, or in its middle."""
    middle = [low / 2 + high / 2 for low, high in field.ends]
    point = (places.get(0, middle[0]), places.get(1, middle[1]))
    if len(places) == 1:
        point = middle_of_cut(field, next(iter(places)), point)
    return [cut_at(field, fixed, point) for fixed in sorted(places)]


# The legend


def draw_legend(axes: Axes, quiver: Any) -> None:
    """Draw the legend, with an arrow for the arrows, below the picture, of which it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    # Arrows first, then lines in the order in which they were drawn.
    order = sorted(range(len(handles)), key=lambda index: handles[index] is not quiver)
    entries = [handles[index] for index in order], [labels[index] for index in order]
    options: dict[str, Any] = {"framealpha": 0.9, "handler_map": {} if quiver is None else {quiver: arrow_in_legend()}}
    transforms = import_plotting("matplotlib.transforms")
    down = transforms.ScaledTranslation(0.0, -room_below(axes) / 72, axes.figure.figure.dpi_scale_trans)
    options |= {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "bbox_transform": axes.transAxes + down}
    room, size = WIDTH * room_across(axes), SIZE
    for columns in (2, 1) if len(labels) > MANY_ENTRIES else (1,):
        legend = axes.legend(*entries, fontsize=size, borderaxespad=0.0, ncols=columns, **options)
        width = legend.get_window_extent().width
        if width <= room:
            break
    else:  # a legend that is wider than the part of the figure for these axes would leave no room for them
        legend = axes.legend(*entries, fontsize=size * room / width, borderaxespad=0.0, **options)
    if axes.figure.figure.get_layout_engine() is None:
        make_room(axes, legend)


def make_room(axes: Axes, legend: Legend) -> None:
    """Make axes less high, so that the legend below them is in the part of the figure that is there for them."""
    part, figure, place = axes.get_subplotspec(), axes.figure.figure, axes.get_position(original=True)
    height = float(figure.bbox.height)
    last = part is None or part.rowspan.stop == part.get_gridspec().nrows
    beyond = (DISTANCE * figure.dpi / 72 if last else place.y0 * height) - float(legend.get_window_extent().y0)
    if beyond > 0.0:
        axes.set_position((place.x0, place.y0 + beyond / height, place.width, place.height - beyond / height))
        axes.apply_aspect()


def room_below(axes: Any) -> float:
    """Return how many points below the axes the legend begins: below their numbers and names."""
    figure = axes.figure.figure
    figure.draw_without_rendering()
    boxes = [axis.get_tightbbox(figure.canvas.get_renderer()) for axis in (axes.xaxis, axes.yaxis)]
    lowest = min((box.y0 for box in boxes if box is not None), default=axes.bbox.y0)
    return DISTANCE + max(0.0, float(axes.bbox.y0 - lowest) * 72 / float(figure.dpi))


def arrow_in_legend() -> Any:
    """Return what draws an arrow into a legend."""
    patches, handler = import_plotting("matplotlib.patches"), import_plotting("matplotlib.legend_handler")

    def draw(*, xdescent: float, ydescent: float, width: float, height: float, **_: Any) -> Any:
        head = 0.8 * height
        return patches.FancyArrow(
            *(-xdescent, height / 2 - ydescent, width, 0.0),
            width=0.08 * height,
            length_includes_head=True,
            head_width=head,
            head_length=head,
            color=INK,
        )

    return handler.HandlerPatch(patch_func=draw, update_func=lambda *_: None)
