"""What all plots share: their Axes and colours, the files they write, and what they write of functions and numbers."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microgrady import traced
from microgrady.checking.evaluation import evaluate
from microgrady.drawing.extras import import_extra
from microgrady.drawing.plotting.letters import give_fonts, warn_of_missing, without_warnings_of_glyphs
from microgrady.drawing.plotting.pages import for_pages
from microgrady.drawing.render import format_of
from microgrady.drawing.style import DIGITS
from microgrady.drawing.svg import PNG_ZOOM
from microgrady.files import write_whole
from microgrady.formulas.writing import number_text
from microgrady.inputs import FLOAT_DIGITS
from microgrady.introspection import name_of
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

FIRST_PANEL = 0.6  # of the usual height of a figure, where panels are of different height
SHORT_NAME, SMALLEST_NAME = 12, 5.0  # letters of a name that fits everywhere; points
PNG_DOTS, GIF_DOTS = 96 * PNG_ZOOM, 100  # an inch
ROUNDING = 1e-12  # relative: numbers that are nearer to each other differ only by what a function rounds inside
LARGEST = 1e300  # of the numbers that are drawn: matplotlib multiplies them
LARGEST_OF_CURVES = 1e307  # it only subtracts those of lines
SMALLEST = 1e-280  # it takes what is smaller for rounding
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
        with without_warnings_of_glyphs():
            yield list(grid[:, 0])
        write_plain_minus(figure.axes)
        give_fonts(figure)
        finished = True
    finally:
        if not finished or (target is not None and not pyplot.isinteractive()):
            pyplot.close(figure)


def write_plain_minus(panels: Iterable[Any]) -> None:
    """Write the numbers along the axes with the minus of a keyboard, so that a number copied from a picture is one.

    What is added to all of them is written with all digits, of which matplotlib leaves out those beyond the tenth.

    The setting of matplotlib that says so is read when a figure is shown, which may be after the call of a plot, and
    belongs to the user.
    """
    for axes in panels:
        for name in ("xaxis", "yaxis", "zaxis"):
            if hasattr(axes, name):
                formatter = getattr(axes, name).get_major_formatter()
                formatter.fix_minus = str
                if hasattr(formatter, "get_useOffset"):
                    formatter.format_data = functools.partial(with_all_digits, formatter.format_data)
        write_plain_minus(axes.child_axes)


def with_all_digits(write: Callable[[float], str], number: float) -> str:
    """Return a number as matplotlib writes it, unless it leaves out digits."""
    text = write(number)
    try:
        return text if float(text) == number else repr(float(number))
    except ValueError:  # it is TeX
        return text


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
    give_fonts(figure)
    engine = figure.get_layout_engine()
    if engine is None:
        axes.apply_aspect()
    else:
        engine.execute(figure)


def fit_names(axes: Axes) -> None:
    """Write the name of the vertical axis so small that it is not longer than the axis."""
    name = axes.yaxis.label
    if len(name.get_text()) <= SHORT_NAME:
        return
    settle(axes)
    share = axes.get_window_extent().height / name.get_window_extent().height
    if share < 1.0:
        name.set_fontsize(max(SMALLEST_NAME, share * float(name.get_fontsize())))


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
    # Axes may be in a figure inside a figure, whose figure is the outermost.
    figure = axes.figure.figure
    if format == "svg":
        give_fonts(figure)
    else:
        warn_of_missing(figure)
    with without_warnings_of_glyphs(), matplotlib.rc_context({"svg.hashsalt": "microgrady", **settings}):
        figure.savefig(content, format=format, dpi=dots, metadata=DATES.get(format))
    return for_pages(content.getvalue().decode(), figure).encode() if format == "svg" else content.getvalue()


# Values


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


def unseen(size: float, largest: float) -> str:
    """Say, as the end of a title, that numbers up to a size are not all drawn."""
    if size > largest:
        return f", not drawn beyond {written(largest)}"
    return f", up to {written(size)}: too small to be drawn" if 0.0 < size < SMALLEST else ""


def told_apart(numbers: Sequence[float]) -> list[str]:
    """Return different numbers for labels, with the usual digits, or as many as tell them apart."""
    return next(
        texts
        for digits in range(DIGITS, FLOAT_DIGITS + 1)
        if len(set(texts := [written(number, digits) for number in numbers])) == len(numbers)
    )
