"""What all plots share: their Axes and colours, the checks of what they are given, and the files they write."""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microgrady import traced
from microgrady.checking.evaluation import evaluate
from microgrady.drawing.extras import import_extra
from microgrady.drawing.plotting.pages import for_pages
from microgrady.drawing.render import FORMATS, check_target, endings, format_of
from microgrady.drawing.style import DIGITS
from microgrady.drawing.svg import PNG_ZOOM
from microgrady.files import write_whole
from microgrady.formulas.writing import number_text
from microgrady.inputs import FLOAT_DIGITS, as_number, describe, require_function
from microgrady.introspection import name_of, signature_of
from microgrady.value import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.path import Path as PagePath
    from matplotlib.transforms import Bbox

Interval = tuple[float, float]

# Okabe and Ito, "Color Universal Design" (2008): told apart with every kind of colour vision. The styles of
# the lines tell them apart in grey print.
BLUE, VERMILION, GREEN, PURPLE, ORANGE = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)
LINE_STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5)))
GRID = "#d9d9d9"

# How many numbers the functions take that these draw.
INPUTS = {"plot": 1, "plot_errors": 1, "plot_surface": 2}

FIRST_PANEL = 0.6  # of the usual height of a figure, where panels are of different height
PNG_DOTS, GIF_DOTS = 96 * PNG_ZOOM, 100  # an inch
ROUNDING = 1e-12  # relative: numbers that are nearer to each other differ only by what a function rounds inside
LARGEST = 1e300  # of the numbers that are drawn: matplotlib multiplies them
LARGEST_OF_CURVES = 1e307  # it only subtracts those of lines
MOST_BETWEEN = 2e3  # times the smallest: up to that a logarithmic scale has ticks between the powers of ten
DATES = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}  # what would make files of the same call differ


# Matplotlib


def import_plotting(name: str) -> Any:
    """Import a module of matplotlib, or of Pillow, when a plot is made: they are optional, and slow to import.

    Raises:
        RuntimeError: It is not installed.
    """
    return import_extra(name, "plots")


@contextlib.contextmanager
def axes_to_draw_on(ax: Axes | None, target: Path | None, projection: str | None = None) -> Iterator[Axes]:
    """Yield the Axes that were given, or new ones, which are given up when drawing on them fails."""
    with panels_to_draw_on(None if ax is None else [ax], 1, target, projection) as (axes,):
        yield axes


@contextlib.contextmanager
def panels_to_draw_on(
    given: Sequence[Axes] | None,
    count: int,
    target: Path | None,
    projection: str | None = None,
    below: float = 0.0,
) -> Iterator[Sequence[Axes]]:
    """Yield the Axes that were given, or so many new ones below each other, which are given up when drawing fails.

    All new ones have the same height, and the figure its usual one; or the others this part of that of the first, with
    a figure that leaves the first more than half of its usual height.

    New ones are made by pyplot, and by nothing else: only its figures are shown at the end of a notebook's cell, and by
    `pyplot.show()` at the end of a script. It keeps every figure until it is closed, and so a figure that has been
    written to a file is closed at once, which leaves it as good as before for everything but being shown. In an
    interactive session it stays: notebooks show it and then close it themselves.
    """
    if given is not None:
        yield given
        write_plain_minus(given)
        return
    pyplot = import_plotting("matplotlib.pyplot")
    shares = [1.0, *[below or 1.0] * (count - 1)]
    width, height = pyplot.rcParams["figure.figsize"]
    size = width, height * max(1.0, FIRST_PANEL * sum(shares)) if below else height
    shape = {"figsize": size, "height_ratios": shares, "subplot_kw": {"projection": projection}}
    figure, grid = pyplot.subplots(count, squeeze=False, sharex=True, layout="constrained", **shape)
    finished = False
    try:
        yield list(grid[:, 0])
        write_plain_minus(figure.axes)
        finished = True
    finally:
        if not finished or (target is not None and not pyplot.isinteractive()):
            pyplot.close(figure)


def write_plain_minus(panels: Iterable[Any]) -> None:
    """Write the numbers along the axes with the minus of a keyboard, so that a number copied from a picture is one.

    The setting of matplotlib that says so is read when a figure is shown, which may be after the call of a plot, and
    belongs to the user.
    """
    for axes in panels:
        for name in ("xaxis", "yaxis", "zaxis"):
            if hasattr(axes, name):
                getattr(axes, name).get_major_formatter().fix_minus = str
        write_plain_minus(axes.child_axes)


def add_legend(axes: Axes, place: Any = "best") -> Legend:
    """Add the legend, or renew it, at one of matplotlib's places."""
    legend: Legend = axes.legend(loc=place, fontsize="small", framealpha=0.9)
    return legend


def make_logarithmic(axes: Axes, low: float, high: float) -> None:
    """Make the vertical scale logarithmic, with ticks at 1, 2 and 5 times powers of ten if there is room for them."""
    ticker = import_plotting("matplotlib.ticker")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0) if high <= MOST_BETWEEN * low else (1.0,)))
    write_powers(axes.yaxis)


def write_powers(*scales: Axis) -> None:
    """Write the numbers along logarithmic scales as Python does, such as 1e-06."""
    ticker = import_plotting("matplotlib.ticker")
    for scale in scales:
        scale.set_major_formatter(ticker.FuncFormatter(lambda number, _: written(number)))
        scale.set_minor_formatter(ticker.NullFormatter())


def settle(axes: Axes) -> None:
    """Give the axes the place that they have in the end, after which it can be asked what is where."""
    figure = axes.figure.figure
    engine = figure.get_layout_engine()
    if engine is None:
        axes.apply_aspect()
    else:
        engine.execute(figure)


def is_cut(axes: Axes, box: Bbox) -> bool:
    """Return whether a part of a box is outside of the picture."""
    frame = axes.get_window_extent()
    return not all(frame.contains(x, y) for x, y in box.corners())


def crossings(paths: Iterable[PagePath], box: Bbox) -> int:
    """Return how many paths go through a box."""
    return sum(path.intersects_bbox(box, filled=False) for path in paths)


def path_on_page(line: Line2D) -> PagePath:
    """Return where a line is in the figure, in pixels."""
    return line.get_transform().transform_path(line.get_path())


# Files


def check_file(to: str | os.PathLike[str] | None, animated: bool = False) -> Path | None:
    """Check that a picture, or an animation, can be written there, before anything is drawn.

    Raises:
        TypeError: `to` is not a path.
        ValueError: The name does not end in a known format, or the folder does not exist.
    """
    if to is None:
        return None
    if not animated and isinstance(to, str | os.PathLike) and format_of(Path(to)) == "gif":
        raise ValueError(
            f"a .gif shows secants one after the other, and {os.fspath(to)!r} would have none: give secants, or name "
            f"the file {endings(FORMATS)}"
        )
    return check_target(to, (*FORMATS, "gif") if animated else FORMATS)


def write_figure(axes: Axes, target: Path | None) -> None:
    """Write the whole figure, in the format that the name ends in."""
    if target is not None:
        write_whole(target, rendered(axes, format_of(target), PNG_DOTS))


def write_animation(axes: Axes, target: Path, frames: Sequence[Callable[[], object]], durations: Sequence[int]) -> None:
    """Write an animated GIF, which begins anew for ever. The arguments are those of `animated`."""
    write_whole(target, animated(axes, frames, durations))


def animated(axes: Axes, frames: Sequence[Callable[[], object]], durations: Sequence[int]) -> bytes:
    """Return an animated GIF, which begins anew for ever.

    Args:
        axes: What is shown.
        frames: One for each frame: they change what is shown.
        durations: How long each frame is shown, in milliseconds.
    """
    pillow = import_plotting("PIL.Image")
    images = []
    for show in frames:
        show()
        image = pillow.open(io.BytesIO(rendered(axes, "png", GIF_DOTS))).convert("RGB")
        images.append(image.quantize(dither=pillow.Dither.NONE))
    content = io.BytesIO()
    first, *others = images
    first.save(content, "GIF", save_all=True, append_images=others, duration=list(durations), loop=0)
    return content.getvalue()


def rendered(axes: Axes, format: str, dots: int) -> bytes:
    """Return the figure as a file; the same bytes for the same figure."""
    matplotlib = import_plotting("matplotlib")
    content = io.BytesIO()
    # Text stays text, which can be selected and searched, and numbers have the minus of a keyboard.
    settings = {"svg.fonttype": "none", "pdf.fonttype": 42, "axes.unicode_minus": False}
    with matplotlib.rc_context({"svg.hashsalt": "microgrady", **settings}):
        # Axes may be in a figure inside a figure, whose figure is the outermost.
        figure = axes.figure.figure
        figure.savefig(content, format=format, dpi=dots, metadata=DATES.get(format))
    return for_pages(content.getvalue().decode(), figure).encode() if format == "svg" else content.getvalue()


# What plots are given


def check_function(f: Any, ax: object, what: str) -> None:
    """Refuse what is not a function or not Axes, and find out whether there is something to draw with.

    Raises:
        TypeError: `f` cannot be called, or `ax` is neither Axes nor None.
        RuntimeError: Matplotlib is not installed.
    """
    require_function(what, f)
    if what in INPUTS:
        check_inputs(f, what, INPUTS[what])
    axes = import_plotting("matplotlib.axes")
    if ax is not None and not isinstance(ax, axes.Axes):
        raise TypeError(f"ax must be matplotlib Axes or None, not {describe(ax)}")


def check_inputs(f: Callable[..., Any], what: str, count: int) -> None:
    """Refuse a function that cannot be called with so many numbers.

    Raises:
        TypeError: It takes more, or fewer.
    """
    signature = signature_of(f)
    if signature is None:
        return
    try:
        signature.bind(*[0.0] * count)
    except TypeError:
        names = [name for name, one in signature.parameters.items() if one.default is one.empty]
        takes = f"{what} draws a function of {('one number', 'two numbers')[count - 1]}, but {name_of(f)} takes"
        if count == 1 and len(names) == 2:
            fixed = f"lambda {names[0]}: f({names[0]}, 1.0)"
            raise TypeError(
                f"{takes} two, {' and '.join(names)}: fix one, as in {what}({fixed}, ...), or draw both by "
                "plot_surface(f, ...)"
            ) from None
        raise TypeError(f"{takes} {len(names)}{': ' * bool(names)}{', '.join(names)}") from None


def check_panels(panels: Any, count: int, name: str, what: str) -> list[Axes] | None:
    """Return the Axes that were given for so many panels, as a list; None if none were.

    Args:
        panels: The Axes.
        count: How many there must be.
        name: Of the argument.
        what: What needs so many, with its verb, for the message.

    Raises:
        TypeError: They are not Axes.
        ValueError: There are more or fewer.
    """
    kind = import_plotting("matplotlib.axes").Axes
    if panels is None:
        return None
    given: list[Any] = [panels] if isinstance(panels, kind) else list(panels) if isinstance(panels, Iterable) else [0]
    if not all(isinstance(each, kind) for each in given):
        raise TypeError(f"{name} must be matplotlib Axes, one for each panel, or None, not {describe(panels)}")
    if len(given) != count:
        raise ValueError(f"{what} {count} Axes, not {len(given)}")
    return given


def check_numbers(numbers: Any, what: str) -> list[float]:
    """Return a sequence of finite numbers as floats.

    Raises:
        TypeError: It is not one.
        ValueError: A number is not finite.
    """
    readable = isinstance(numbers, Iterable) and not isinstance(numbers, str | bytes | Mapping | Set)
    found = [as_number(item) for item in numbers] if readable else [None]
    known = [number for number in found if number is not None]
    if len(known) < len(found):
        raise TypeError(f"{what} must be real numbers in a sequence, not {describe(numbers)}")
    if not all(map(math.isfinite, known)):
        raise ValueError(f"{what} must be finite numbers, not {describe(numbers)}")
    return known


def check_interval(interval: object, what: str, largest: float = LARGEST) -> Interval:
    """Return two finite numbers in ascending order, up to the largest that can be drawn, as floats.

    Raises:
        TypeError: They are not numbers in a sequence.
        ValueError: They are not two, not finite, not ascending, or too large to be drawn.
    """
    ends = check_numbers(interval, f"the two ends of {what}")
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError(f"{what} must be two finite numbers in ascending order, such as (-3, 3), not {interval!r}")
    if max(map(abs, ends)) > largest:
        raise ValueError(f"{what} must not reach beyond {largest:g} to be drawn, and {interval!r} does")
    return ends[0], ends[1]


def value_at(f: Callable[..., Any], *point: float) -> float:
    """Return the value of a function, as a float.

    Raises:
        TypeError: It is not a real number.
    """

    def read(result: Any) -> float:
        return as_float(one_number(f, result))

    return evaluate(f, point, read)


def as_float(number: Any) -> float:
    """Return a number as a float; it may be a Value, where a function uses Values from outside."""
    return float(number.data if isinstance(number, Value) else number)


def one_number(f: Callable[..., Any], result: Any) -> Any:
    """Return what a function returned, if it is a Value or a real number.

    Raises:
        TypeError: It is something else.
    """
    return traced.one_number(result, name_in_labels(f), "a plot")


# Words and numbers


def is_constant(low: float, high: float) -> bool:
    """Return whether the lowest and the highest value differ by rounding only."""
    return not high - low > ROUNDING * max(abs(low), abs(high))


def name_in_labels(f: Callable[..., Any]) -> str:
    """Return the name of a function for labels: "f" for one that has none."""
    name = name_of(f, "f").replace("<lambda>", "f")
    # Matplotlib leaves labels with an underscore in front out of legends, and reads what is between dollars as TeX.
    return name.lstrip("_").replace("$", r"\$") or "f"


def written(number: float, digits: int = DIGITS) -> str:
    """Return a number for a label, with so many significant digits."""
    return number_text(number + 0.0, digits).replace("inf", "\N{INFINITY}")


def told_apart(numbers: Sequence[float]) -> list[str]:
    """Return different numbers for labels, with the usual digits, or as many as tell them apart."""
    return next(
        texts
        for digits in range(DIGITS, FLOAT_DIGITS + 1)
        if len(set(texts := [written(number, digits) for number in numbers])) == len(numbers)
    )
