"""How a map is drawn: ovals with dots in them, what stands beside the dots, and arrows between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.figures import BLUE, GREEN, ORANGE, PURPLE, VERMILION, import_plotting
from microgrady.drawing.plotting.letters import give_font
from microgrady.drawing.style import FAINT_INK, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

# In the picture, which is 1 wide and 1 high.
MARGIN, GAP = 0.03, 0.24  # beside the ovals; between two of them, as a share of their width
OVAL_HEIGHT, MIDDLE = 0.86, 0.47
ROWS_HEIGHT = 0.66  # from the first to the last dot, if there are many
ROW_HEIGHT = 0.14  # from dot to dot, if there are few
TITLE_HEIGHT, TITLE_WIDTH = 0.95, 0.8  # the width is that of an oval
ROUNDNESS = 0.4  # of the corners, as a share of the width
# Points, since dots and texts are as large on small axes as on large ones.
DOT_SIZE, SHORT_OF_DOT, BEFORE_TEXT = 7, 7, 4  # from the middle of a dot, and from its text, to an arrow
TEXT_OFFSET, TEXT_SIZE, SMALLEST_TEXT, PADDING = 8, 10.0, 4.0, 6
SMALLEST_WORD = 6.5  # longer words are shortened, unlike numbers
LINE_HEIGHT = 1.3  # from text to text, as a share of their size
FAR = 3.0  # a text that is farther than that from the height of its dot has a line to it
MIDDLE_COLOURS = (GREEN, PURPLE, ORANGE)

Place = tuple[float, float]


@dataclass
class Oval:
    """One oval of a map.

    Attributes:
        middle: The middle of the oval, from left to right.
        heights: Those of the dots, from bottom to top.
        texts: What stands beside the dots.
        colour: That of the dots.
        on_scale: Whether the heights are those of numbers on the number line that ovals share.
        to_left: Whether the texts stand on the left of the dots.
        hit: Which dots are full.
        places: Where the dots are.
        ends: Where the arrows end that lead into the oval.
    """

    middle: float
    heights: list[float]
    texts: list[str]
    colour: str
    on_scale: bool
    to_left: bool
    hit: set[int]
    places: list[Place] = field(default_factory=list)
    ends: list[Place] = field(default_factory=list)


def draw_map(
    axes: Axes,
    names: Sequence[str],
    numbers: Sequence[Sequence[float | None]],
    texts: Sequence[list[str]],
    arrows: Sequence[Sequence[int]],
) -> None:
    """Draw a chain of functions.

    Args:
        axes: Where to draw.
        names: Those of the functions.
        numbers: The elements of each oval from bottom to top, None for those that are not numbers.
        texts: What stands beside each element.
        arrows: For each function and each element of its domain, which element of the next oval its image is.
    """
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    axes.set_axis_off()
    axes.figure.figure.draw_without_rendering()  # from now on the axes are as large as they will be
    width, height = size_of(axes)
    count = len(numbers)
    oval_width = (1.0 - 2 * MARGIN) / (count + GAP * (count - 1))
    placed = heights(numbers, height)
    room = oval_width * width - 2 * PADDING
    ovals = [
        Oval(
            middle=MARGIN + oval_width * (0.5 + index * (1.0 + GAP)),
            heights=placed[index][0],
            texts=[
                shortened(axes, text, room) if number is None else text
                for text, number in zip(texts[index], numbers[index], strict=True)
            ],
            colour=BLUE if index == 0 else VERMILION if index == count - 1 else MIDDLE_COLOURS[index - 1],
            on_scale=placed[index][1],
            to_left=index < count - 1,
            hit=set(arrows[index - 1]) if index else set(range(len(numbers[0]))),
        )
        for index in range(count)
    ]
    draw_ovals(axes, ovals, oval_width, names)
    for oval in ovals:
        draw_dots(axes, oval, (room, ROWS_HEIGHT * height), oval is not ovals[0])
    for (left, right), targets in zip(itertools.pairwise(ovals), arrows, strict=True):
        for place, target in zip(left.places, targets, strict=True):
            draw_arrow(axes, place, right.ends[target])


def size_of(axes: Axes) -> tuple[float, float]:
    """Return the width and the height of axes in points."""
    box, points = axes.get_window_extent(), 72 / axes.figure.figure.dpi
    return box.width * points, box.height * points


# Heights


def heights(ovals: Sequence[Sequence[float | None]], room: float) -> list[tuple[list[float], bool]]:
    """Return the heights of the dots of each oval, and whether they are those of numbers on a common scale.

    They are if at least two ovals have numbers alone, and on axes of this height in points no dots touch each other.
    """
    numeric = [[number for number in oval if number is not None] if None not in oval else None for oval in ovals]
    common = [number for oval in numeric if oval for number in oval]
    unit = max(map(abs, common), default=0.0) or 1.0  # divided by it first, since differences could overflow
    low, high = min(common, default=0.0) / unit, max(common, default=0.0) / unit

    def height(number: float) -> float:
        return MIDDLE + (ROWS_HEIGHT * ((number / unit - low) / (high - low) - 0.5) if high > low else 0.0)

    scaled = [None if oval is None else [height(number) for number in oval] for oval in numeric]
    gaps = [above - below for oval in scaled if oval for below, above in itertools.pairwise(oval)]
    fits = sum(oval is not None for oval in scaled) > 1 and room * min(gaps, default=1.0) >= DOT_SIZE
    return [
        (on_scale, True) if fits and on_scale is not None else (even_heights(len(oval)), False)
        for oval, on_scale in zip(ovals, scaled, strict=True)
    ]


def even_heights(count: int) -> list[float]:
    """Return evenly spaced heights."""
    step = min(ROW_HEIGHT, ROWS_HEIGHT / max(count - 1, 1))
    return [MIDDLE + step * (row - (count - 1) / 2) for row in range(count)]


def apart(wanted: Sequence[float], distance: float) -> list[float]:
    """Return ascending places with at least that distance, the nearest to those that are wanted.

    Neighbours that are too close to each other move as one, to where they are as near as possible on the whole.
    """
    groups: list[tuple[float, int]] = []
    for index, place in enumerate(wanted):
        total, count = place - index * distance, 1
        while groups and groups[-1][0] / groups[-1][1] > total / count:
            total, count = total + groups[-1][0], count + groups[-1][1]
            groups.pop()
        groups.append((total, count))
    starts = [total / count for total, count in groups for _ in range(count)]
    return [start + index * distance for index, start in enumerate(starts)]


# Drawing


def draw_ovals(axes: Axes, ovals: Sequence[Oval], width: float, names: Sequence[str]) -> None:
    """Draw the ovals with the number line, the titles, and the names of the functions between these."""
    patches = import_plotting("matplotlib.patches")
    across, down = size_of(axes)
    for oval in ovals:
        patch = patches.FancyBboxPatch(
            (oval.middle - width / 2, MIDDLE - OVAL_HEIGHT / 2),
            *(width, OVAL_HEIGHT),
            boxstyle=f"round,pad=0,rounding_size={ROUNDNESS * min(width, OVAL_HEIGHT * down / across)}",
            mutation_aspect=across / down,
            facecolor="#f6f8fa",
            edgecolor=FAINT_INK,
            linewidth=1.2,
        )
        axes.add_patch(patch)
    titles = [write(axes, ovals[end].middle, title) for end, title in ((0, "domain"), (-1, "codomain"))]
    for title in titles:
        fit(title, TITLE_WIDTH * width * across)
    beside = [width_of(titles[0]), *[0.0] * (len(ovals) - 2), width_of(titles[1])]
    for name, (left, right), taken in zip(names, itertools.pairwise(ovals), itertools.pairwise(beside), strict=True):
        text = write(axes, (left.middle + right.middle) / 2, name, style="italic")
        fit(text, (right.middle - left.middle) * across - max(taken) - PADDING)


def write(axes: Axes, x: float, text: str, **options: Any) -> Text:
    """Write a title."""
    return axes.text(x, TITLE_HEIGHT, text, horizontalalignment="center", color=INK, **options)


def fit(text: Text, room: float) -> None:
    """Make a text smaller, and then shorter, if it is wider than there is room for, in points."""
    width = width_of(text)
    if width > room:
        text.set_fontsize(max(SMALLEST_TEXT, float(text.get_fontsize()) * room / width))
    while text.get_fontsize() == SMALLEST_TEXT and width_of(text) > room and len(text.get_text()) > 2:
        text.set_text(f"{text.get_text()[:-2]}…")


def width_of(text: Text) -> float:
    """Return the width of a text in points."""
    give_font(text)
    figure = text.get_figure(root=True)
    assert figure is not None
    return text.get_window_extent().width * 72 / figure.dpi


def draw_dots(axes: Axes, oval: Oval, room: tuple[float, float], entered: bool) -> None:
    """Draw the dots of an oval with their texts, which share a size for which there is room, in the middle together."""
    across, down = size_of(axes)
    size = min(TEXT_SIZE, room[1] / max(len(oval.texts) - 1, 1) / LINE_HEIGHT)
    widths = text_widths(axes, oval.texts, size)
    smaller = max(SMALLEST_TEXT, size * min(1.0, (room[0] - TEXT_OFFSET - DOT_SIZE / 2) / max(widths)))
    widths, size = [width * smaller / size for width in widths], smaller
    side = -1 if oval.to_left else 1
    x = oval.middle - side * (TEXT_OFFSET + max(widths) - DOT_SIZE / 2) / 2 / across
    oval.places = oval.ends = [(x, height) for height in oval.heights]
    if oval.on_scale:
        reach = OVAL_HEIGHT / 2 - 0.02
        axes.vlines(x, MIDDLE - reach, MIDDLE + reach, colors="#c8ccd0", linewidth=1.0, zorder=1.5)
    draw_markers(axes, oval)
    wanted = [height * down for height in oval.heights]
    moved = [place - height for place, height in zip(apart(wanted, LINE_HEIGHT * size), wanted, strict=True)]
    for text, place, shift in zip(oval.texts, oval.places, moved, strict=True):
        write_beside(axes, text, place, side, shift, size)
    if entered and oval.to_left:  # the arrows end at the texts, which stand on their side of the dots
        oval.ends = [
            (x - (TEXT_OFFSET + width + BEFORE_TEXT - SHORT_OF_DOT) / across, height + shift / down)
            for width, height, shift in zip(widths, oval.heights, moved, strict=True)
        ]


def shortened(axes: Axes, text: str, room: float) -> str:
    """Return a word, or as many of its letters as can be read where there is room for them and a dot, in points."""
    share = (room - TEXT_OFFSET - DOT_SIZE / 2) / text_widths(axes, [text], SMALLEST_WORD)[0]
    return text if share >= 1.0 else f"{text[: max(1, int(share * len(text)) - 1)]}…"


def text_widths(axes: Axes, texts: Sequence[str], size: float) -> list[float]:
    """Return the widths in points of texts of a size."""
    trials = [axes.text(0, 0, text, fontsize=size) for text in texts]
    widths = [width_of(trial) for trial in trials]
    for trial in trials:
        trial.remove()
    return widths


def draw_markers(axes: Axes, oval: Oval) -> None:
    """Draw the dots, hollow where no arrow arrives."""
    for full, face in ((True, oval.colour), (False, "white")):
        chosen = [place for index, place in enumerate(oval.places) if (index in oval.hit) is full]
        if chosen:
            axes.plot(
                *zip(*chosen, strict=True), "o", color=oval.colour, markerfacecolor=face, markersize=DOT_SIZE, zorder=3
            )


def write_beside(axes: Axes, text: str, place: Place, side: int, shift: float, size: float) -> None:
    """Write beside a dot, with a line from it if that is far above or below."""
    line = {"arrowstyle": "-", "color": FAINT_INK, "linewidth": 0.6, "shrinkA": 0, "shrinkB": DOT_SIZE / 2}
    far = abs(shift) > FAR
    axes.annotate(
        text,
        place,
        xytext=(side * TEXT_OFFSET, shift),
        textcoords="offset points",
        arrowprops=line | {"relpos": ((1 - side) / 2, 0.5)} if far else None,
        horizontalalignment="left" if side > 0 else "right",
        verticalalignment="center_baseline",
        fontsize=size,
        color=INK,
    )


def draw_arrow(axes: Axes, start: Place, end: Place) -> None:
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
