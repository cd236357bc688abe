"""Boxes and arrows as a picture, with operations as circles and numbers as dashed boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import graphviz

from microgrady.drawing.graph.boxes import Box
from microgrady.drawing.graph.folding import Block
from microgrady.drawing.graph.labels import quoted, spread, times
from microgrady.drawing.graph.pictures import Boxes
from microgrady.drawing.graph.texts import text_size
from microgrady.drawing.style import LEFT_OUT, NODE, NUMBER, NUMBER_ARROW, OPERATION, PALE
from microgrady.formulas.grouping import op_of
from microgrady.formulas.patterns import Reader
from microgrady.inputs import FLOAT_DIGITS
from microgrady.selections import operands_of
from microgrady.value import Primitive


class Circles(Boxes):
    """An operation is a dark circle, its result a box, and a number a dashed box."""

    numbers_have_boxes: ClassVar[bool] = True
    reading: ClassVar[str] = "on each arrow: the local derivative"

    def add_box(self, picture: graphviz.Digraph, box: Box) -> None:
        """Add the box of a part, and the nodes of its operation and its numbers."""
        super().add_box(picture, box)
        if box.part.kind == "scope":
            return
        if text := self.symbols(box):
            picture.node(box.operation, quoted(text), **OPERATION | ({} if box.is_selected else {"fillcolor": PALE}))
        for name, text in self.numbers(box, self.look.precision):
            picture.node(name, text, **NUMBER)

    def node_titles(self, box: Box) -> list[tuple[str, str]]:
        """Return the names of the nodes of a box, with what is shown beside the mouse on each."""
        titles = super().node_titles(box)
        if box.part.kind != "scope" and self.symbols(box):
            titles.append((box.operation, self.title_of(box.part, FLOAT_DIGITS) + times([len(box.part.blocks)])))
        return titles + self.numbers(box, FLOAT_DIGITS)

    def symbols(self, box: Box) -> str:
        """Return what is written in the circle of a box; "" if it has none."""
        symbols = dict.fromkeys(symbol for block in box.part.blocks if (symbol := symbol_of(block)))
        return " ".join(symbols) if len(symbols) < 4 else "…"

    def numbers(self, box: Box, precision: int) -> list[tuple[str, str]]:
        """Return the names and the texts of the boxes of numbers that lead to a box."""
        return [
            (
                f"{box.operation}n{position}",
                spread([number for numbers in found for number in numbers], precision) + times(list(map(len, found))),
            )
            for position, found in box.numbers.items()
        ]

    def sizes(self, box: Box) -> list[tuple[str, tuple[float, float]]]:
        """Return the names of the nodes of a box, operands before results, with their sizes."""
        sizes = super().sizes(box)
        if box.part.kind == "scope":
            return sizes
        if text := self.symbols(box):
            sizes.insert(0, (box.operation, node_size(text, OPERATION)))
        return [(name, node_size(text, NUMBER)) for name, text in self.numbers(box, self.look.precision)] + sizes

    def arrow_end(self, box: Box) -> str:
        """Return the name of the node where the arrows to a box end."""
        return box.name if box.part.kind == "scope" else box.operation

    def add_arrows(self, picture: graphviz.Digraph, box: Box) -> None:
        """Add the arrows to a folded scope, or to the operation of a box and from there to the box."""
        if box.part.kind == "scope":
            super().add_arrows(picture, box)
            return
        for arrow in box.arrows:
            self.add_arrow(picture, arrow, self.arrow_end(box), with_ones=True)
        for position in box.numbers:
            self.add_edge(picture, f"{box.operation}n{position}", box.operation, style=NUMBER_ARROW)
        if box.part.results[0].op is not None:
            self.add_edge(picture, box.operation, box.name, style={} if box.is_selected else LEFT_OUT)


def symbol_of(block: Block) -> str:
    """Return the sign of the operation of a block, or the name of what is recorded as several; "" for a leaf."""
    form: Primitive | str | None = block.result.op
    if block.kind == "group":
        form = Reader(op_of, operands_of).read(block.result).form
    return form.symbol if isinstance(form, Primitive) else form or ""


def node_size(text: str, style: Mapping[str, str]) -> tuple[float, float]:
    """Return the width and the height of a node around a text, in points."""
    margins = [72 * float(margin) for margin in style["margin"].split(",")]
    least = [72 * float(style[side]) for side in ("width", "height")]
    around = math.sqrt(2) if style["shape"] == "ellipse" else 1.0
    inner = text_size(text, float(NODE["fontsize"]))
    width, height = ((side + 2 * margin) * around for side, margin in zip(inner, (margins * 2)[:2], strict=True))
    return max(width, least[0]), max(height, least[1])


STYLES = {"boxes": Boxes, "circles": Circles}
