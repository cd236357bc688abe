"""What stands in the boxes of a picture: titles, numbers, and their quoting for DOT."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Collection, Iterable, Sequence

from microgrady.drawing.graph.texts import LINE_HEIGHT, text_width
from microgrady.drawing.style import NODE
from microgrady.formulas.writing import number_text, visible

TITLE_WIDTH, TITLE_LINES = 24, 3
NUMBER = re.compile(r"(\d+)")
MARGINS = (8.0, 4.0)  # Graphviz's, around each field of a record


def box_label(title: str, count: int, lines: Sequence[str], direction: str) -> str:
    """Build a label of two fields, the title above the lines, for Graphviz's record shapes.

    Args:
        title: The text of the first field.
        count: What it stands for so many of, which is said below the title unless it is one.
        lines: The lines of the second field.
        direction: The direction of the graph, with which Graphviz turns the fields around.

    Returns:
        The label, quoted.
    """
    fields = r"\n".join(map(quoted, head(title, count))) + "|" + "".join(rf"{line}\l" for line in lines)
    return fields if direction == "LR" else f"{{{fields}}}"


def box_size(title: str, count: int, lines: Sequence[str]) -> tuple[float, float]:
    """Return the width and the height of a box with such a label, in points."""
    size = float(NODE["fontsize"])
    above = head(title, count)
    width = max([text_width(line, size) for line in [*above, *lines]], default=0.0)
    return width + 2 * MARGINS[0], (max(len(above), 1) + len(lines)) * LINE_HEIGHT * size + 4 * MARGINS[1]


def head(title: str, count: int) -> list[str]:
    """Return the lines of the first field of a box: its title, and what it stands for so many of."""
    return [*broken(title, TITLE_WIDTH), *([f"× {count:,}"] if count > 1 else [])]


def broken(title: str, width: int) -> list[str]:
    """Break a title into a few lines; what is too long for those is left out."""
    return textwrap.wrap(visible(title), width, max_lines=TITLE_LINES, placeholder=" …")


def wrapped(title: str, width: int) -> str:
    """Break a title into a few lines and quote them."""
    return r"\n".join(map(quoted, broken(title, width)))


def evenly_wrapped(text: str, width: int) -> str:
    """Break a text into as few lines as fit a width, no line much shorter than the others, and quote them."""
    lines = broken(text, width)
    for fewer in range(len(text) // len(lines), width):
        narrower = broken(text, fewer)
        if len(narrower) == len(lines) and narrower[-1][-1:] == lines[-1][-1:]:  # and nothing more is left out
            return wrapped(text, fewer)
    return wrapped(text, width)


def spread(numbers: Collection[float], precision: int) -> str:
    """Write a number, or the least and the largest of several; nan, which has no place between them, is added."""
    ordered = sorted(number for number in numbers if not math.isnan(number))
    ends = [number_text(number, precision) for number in ordered[:1] + ordered[-1:]]
    text = " … ".join(dict.fromkeys(ends))
    return text if len(ordered) == len(numbers) else f"{text}, nan".removeprefix(", ")


def times(counts: Collection[int]) -> str:
    """Say how many something stands for, unless it is one; from the least to the most where that differs."""
    ends = [f"{count:,}" for count in sorted({min(counts), max(counts)})]
    return "" if ends == ["1"] else f" × {' … '.join(ends)}"


def common(names: Iterable[str]) -> str:
    """Return what names have in common, "…" for the numbers in them that differ; "" if more than numbers does."""
    different = list(dict.fromkeys(names))
    if len({NUMBER.sub("0", name) for name in different}) != 1:
        return ""
    found = NUMBER.split(different[0])
    alike = set(range(1, len(found), 2))  # the places of numbers that all names have
    for name in different:
        if not alike:
            break
        texts = NUMBER.split(name)
        alike -= {place for place in alike if texts[place] != found[place]}
    return "".join(text if place % 2 == 0 or place in alike else "…" for place, text in enumerate(found))


def quoted(text: str) -> str:
    """Quote text so that it appears in a label as it is, but in one line: Graphviz can fail at a line break."""
    return re.sub(r"([\\{}|<>])", r"\\\1", visible(text)).replace("&", "&amp;")
