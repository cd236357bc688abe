"""A curve that becomes its tangent the closer one looks, or stays bent where it has none."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.drawing.animation.pages import check_file
from microgrady.drawing.plotting.arguments import check_function, check_interval
from microgrady.drawing.plotting.curves import draw_background, height_of, set_limits
from microgrady.drawing.plotting.figures import (
    BLUE,
    Interval,
    import_plotting,
    name_in_labels,
    write_plain_minus,
    written,
)
from microgrady.drawing.plotting.films import PlotAnimation
from microgrady.drawing.plotting.legends import put_above
from microgrady.drawing.plotting.sampling import sample
from microgrady.drawing.plotting.tangents import Line, tangent, tangent_points
from microgrady.drawing.style import INK
from microgrady.inputs import require_number
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

STEP = math.sqrt(2.0)  # a window is so many times wider than the next
ONE_LINE = 0.003  # of the height of the picture: a curve that is nowhere farther from a line is hidden behind it
CLOSEST, CLOSEST_BREAK = 2.0**20, 2.0**10  # beyond that rounding would be seen; and enough to see that nothing changes
FIRST_FRAME, FRAME, LAST_FRAME = 1500, 250, 4000  # milliseconds
SIZE = (6.0, 4.5)  # inches
ASIDE = 0.15  # inches beside the axes, for half a number
TICKS = 4  # along each axis, as numbers become long


@entrance
def animate_zoom(
    f: Callable[[Any], Any],
    interval: Iterable[float],
    x: float,
    *,
    closer: float | None = None,
    to: str | os.PathLike[str] | None = None,
) -> ZoomAnimation:
    """Show how a curve becomes its tangent the closer one looks, which is what a derivative says.

    Both axes are magnified alike around the point, which stays where it is in the picture, and so does the tangent. At
    a kink the curve stays bent, however close one looks. Each frame says how wide its window is.

    Args:
        f: The function. It is called with a Value and may return a plain number.
        interval: The two ends of the first window.
        x: Where to look, a number in the interval.
        closer: How many times narrower the last window is, 2 to 2**20; by default until curve and tangent cannot be
            told apart, and 1024 times where there is no tangent.
        to: A file to write: a page (.html), which is one file that needs no network, with a slider, buttons and keys;
            or a .gif. It is written as a whole or not at all.

    Returns:
        The animation, which Jupyter displays. It has the `widths` of the windows.

    Raises:
        TypeError: An argument has the wrong type, or `f` does not return one number.
        ValueError: The interval is not two finite numbers in ascending order or too narrow, `x` is not in it, `f` is
            not finite there, `closer` is not one of those allowed, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> film = mg.animate_zoom(lambda x: x**2, (0, 2), 1, closer=4)
        >>> [round(width, 2) for width in film.widths]
        [2.0, 1.41, 1.0, 0.71, 0.5]
        >>> print(film.titles[-1])
        4 times closer: the window is 0.5 wide
        curve and tangent differ by up to 5.7% of its height
    """
    check_function(f, None, "animate_zoom")
    ends = check_interval(interval, "the interval")
    (point,) = tangent_points(require_number(x, "the point"), ends, "the point")
    most = None if closer is None else require_number(closer, "closer")
    if most is not None and not 2.0 <= most <= CLOSEST:
        raise ValueError(f"closer must be a number from 2 to {CLOSEST:g}, not {closer!r}")
    target = check_file(to)
    import_plotting("PIL.Image")
    animation = ZoomAnimation(f, ends, tangent(f, point), most)
    if target is not None:
        animation.save(target)
    return animation


@dataclass(frozen=True)
class Window:
    """What is seen of a curve.

    Attributes:
        closer: How many times narrower it is than the first.
        across: Its ends along the horizontal axis.
        up: Its ends along the vertical axis.
        x: The points of the curve.
        y: Its values there.
    """

    closer: float
    across: Interval
    up: Interval
    x: Array
    y: Array

    @property
    def width(self) -> float:
        """How wide it is."""
        return self.across[1] - self.across[0]

    def distance(self, line: Line) -> float:
        """Return how far the curve is from a line at most, as a share of the height, or of the width if it is upright.

        What is outside of the window is as far as its edge.
        """
        import numpy

        inside = numpy.isfinite(self.y)
        x, y = self.x[inside], self.y[inside]
        if math.isinf(line.slope):
            seen = (y >= self.up[0]) & (y <= self.up[1])
            return float(abs(x[seen] - line.x).max(initial=0.0)) / self.width
        heights = numpy.clip(y, *self.up) - numpy.clip(line.y + line.slope * (x - line.x), *self.up)
        return float(abs(heights).max(initial=0.0)) / (self.up[1] - self.up[0])


def windows(f: Callable[[Any], Any], ends: Interval, line: Line, most: float | None) -> list[Window]:
    """Return the windows around a point, each narrower than the one before."""
    found: list[Window] = []
    broken = math.isnan(line.slope)
    last = most or (CLOSEST_BREAK if broken else CLOSEST)
    height: Interval = (0.0, 0.0)
    for number in range(math.ceil(round(math.log(last, STEP), 6)) + 1):
        closer = min(STEP**number, last)
        across = around(line.x, ends, closer)
        curves = sample(f, across, 0)
        if not found:
            height = height_of(curves.limits, [line])
        found.append(Window(closer, across, around(line.y, height, closer), *curves.curves[0]))
        if most is None and not broken and found[-1].distance(line) < ONE_LINE:
            break
    return found


def around(middle: float, ends: Interval, closer: float) -> Interval:
    """Return an interval that is so many times narrower, with this number at the same part of it."""
    return middle - (middle - ends[0]) / closer, middle + (ends[1] - middle) / closer


class ZoomAnimation(PlotAnimation):
    """A curve seen from closer and closer. Made by `animate_zoom`.

    Args:
        f: The function.
        ends: Those of the first window.
        line: The tangent, if there is one.
        most: How many times narrower the last window is; None for as many as are needed.

    Attributes:
        widths: Those of the windows.
    """

    name = "A curve from closer and closer"

    def __init__(self, f: Callable[[Any], Any], ends: Interval, line: Line, most: float | None) -> None:
        self._windows = windows(f, ends, line, most)
        self.widths = [window.width for window in self._windows]
        self.titles = [title(window, line) for window in self._windows]
        between = [FRAME] * (len(self.titles) - 2)
        self.durations = [FIRST_FRAME, *between, LAST_FRAME][-len(self.titles) :]
        figure = import_plotting("matplotlib.figure").Figure(figsize=SIZE, layout="constrained")
        figure.get_layout_engine().set(w_pad=ASIDE)
        self._axes: Axes = figure.subplots()
        self._draw(name_in_labels(f), line)
        self.show(len(self.titles) - 1)  # with the longest numbers along the axes
        put_above(self._axes)
        # From now on everything stays where it is.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")

    def _draw(self, name: str, line: Line) -> None:
        """Draw what changes only its place: the curve, the tangent and the point."""
        axes = self._axes
        draw_background(axes)
        (self._curve,) = axes.plot([], [], color=BLUE, linewidth=2.4, label=f"{name}(x)")
        if math.isinf(line.slope):
            axes.axvline(line.x, color=INK, linewidth=1.2, linestyle="--", label=line.title)
        elif not math.isnan(line.slope):
            axes.axline((line.x, line.y), slope=line.slope, color=INK, linewidth=1.2, linestyle="--", label=line.title)
        label = line.title if math.isnan(line.slope) else None
        axes.plot(line.x, line.y, "o", color=INK, markersize=6, zorder=4, label=label)
        axes.set_xlabel("x")
        axes.set_ylabel(f"{name}(x)")
        axes.locator_params(nbins=TICKS)
        axes.ticklabel_format(useOffset=False)
        write_plain_minus([axes])

    def show(self, number: int) -> Axes:
        """Make the figure show a frame.

        Args:
            number: Its place in `widths`.

        Returns:
            The Axes.
        """
        window = self._windows[number]
        self._curve.set_data(window.x, window.y)
        set_limits(self._axes, window.across, window.up)
        if self._axes.get_title():
            self._axes.title.set_text(self.titles[number])
        else:
            self._axes.set_title(self.titles[number], fontsize="medium")
        return self._axes

    def __repr__(self) -> str:
        return f"<ZoomAnimation of {len(self.widths)} frames, {written(self._windows[-1].closer)} times closer>"


def title(window: Window, line: Line) -> str:
    """Return what a frame says: how wide the window is, and how curve and tangent differ in it."""
    closer = f"{written(window.closer)} times closer: " if window.closer > 1.0 else ""
    return f"{closer}the window is {written(window.width, 3)} wide\n{difference(window, line)}"


def difference(window: Window, line: Line) -> str:
    """Say how curve and tangent differ in a window."""
    if math.isnan(line.slope):
        return f"{'still ' * (window.closer > 1.0)}a {line.kind}, and no tangent"
    distance = window.distance(line)
    percent = 100 * distance
    if distance < ONE_LINE:
        return "curve and tangent cannot be told apart"
    side = "width" if math.isinf(line.slope) else "height"
    return f"curve and tangent differ by up to {written(percent, 2 if percent < 99.5 else 3)}% of its {side}"
