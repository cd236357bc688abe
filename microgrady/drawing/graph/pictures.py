"""Boxes and arrows as a picture."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import graphviz

from microgrady.drawing.graph.boxes import Arrow, Box
from microgrady.drawing.graph.folding import Frame, Part
from microgrady.drawing.graph.labels import box_label, box_size, broken, common, spread, times, wrapped
from microgrady.drawing.graph.placement import Path, Placement
from microgrady.drawing.layout.placing import Node
from microgrady.drawing.render import Picture
from microgrady.drawing.style import (
    EDGE,
    FRAME,
    GRAPH,
    LEAF,
    LEFT_OUT,
    LOOP,
    NEXT_TURN,
    NODE,
    NOT_FINITE,
    PALE,
    RESULT,
    SCOPE,
    tint,
)
from microgrady.formulas.expressions import formula as expression
from microgrady.formulas.grouping import formula_of
from microgrady.formulas.names import shortened
from microgrady.formulas.writing import TEXT, local_derivative
from microgrady.inputs import FLOAT_DIGITS
from microgrady.selections import operands_of, selects
from microgrady.value import Value

PLURALS = {"operation": "operations", "leaf": "leaves", "box": "boxes"}
FRAME_WIDTH = 60  # letters in a line of a frame's title
CAPTION_WIDTH = 60  # the same of the text below a picture
MOST_IN_WORDS = 500  # letters of the formulas that are said to those who do not see a picture


@dataclass(frozen=True)
class Look:
    """How the boxes of one picture look.

    Args:
        names: What each Value is called in formulas.
        inside: For each Value that is written in the formula of another one, that other one.
        gradients: The gradients that are known; None if they are not to be seen.
        strongest: The largest of them, for the colours; None for no colours.
        outputs: The Values with a thick frame.
        precision: Significant digits.
        direction: The direction of the graph.
    """

    names: Mapping[Value, str]
    inside: Mapping[Value, Value]
    gradients: Mapping[Value, float] | None
    strongest: float | None
    outputs: frozenset[Value]
    precision: int
    direction: str


class Boxes:
    """A box for each result, whose title is the formula that made it.

    Args:
        boxes: The boxes.
        look: How they look.
    """

    numbers_have_boxes: ClassVar[bool] = False
    reading: ClassVar[str] = "on each arrow: the local derivative, unless it is 1"

    def __init__(self, boxes: Sequence[Box], look: Look) -> None:
        self.boxes, self.look = boxes, look
        self.titles: dict[tuple[Part, int], str] = {}
        self.texts_of: dict[Box, tuple[str, int, list[str]]] = {}
        self.placement = Placement(look.direction)

    def picture(self) -> Picture:
        """Draw the boxes and what leads to them."""
        self.placement.caption = self.caption()
        self.placement.is_folded = any(len(box.part.blocks) > 1 for box in self.boxes)
        label = r"\n".join(wrapped(line, CAPTION_WIDTH) for line in self.placement.caption)
        graph = GRAPH | {"rankdir": self.look.direction, "label": label}
        picture = Picture(graph_attr=graph, node_attr=NODE, edge_attr=EDGE)
        picture.box_count = len(self.boxes)
        picture.node_titles = {name: text for box in self.boxes for name, text in self.node_titles(box)}
        picture.alternative = self.alternative()
        paths: dict[Box, Path] = {}
        self.add_frames(picture, self.boxes, paths)
        for box in self.boxes:
            for name, size in self.sizes(box):
                self.placement.nodes[name] = Node(*size, paths[box])
        picture.placement = self.placement
        for box in self.boxes:
            self.add_arrows(picture, box)
            for arrow in box.arrows:
                name = f"{self.boxes[arrow.tail].name}->{self.arrow_end(box)}"
                picture.edge_titles.setdefault(name, []).append(self.derivative(arrow, box))
        return picture

    def arrow_end(self, box: Box) -> str:
        """Return the name of the node where the arrows to a box end."""
        return box.name

    def derivative(self, arrow: Arrow, box: Box) -> str:
        """Write the local derivative on an arrow in full."""
        ends = box.part, self.boxes[arrow.tail].part
        if self.look.gradients is None or any(part.kind == "scope" or len(part.blocks) > 1 for part in ends):
            return ""
        written = local_derivative(*(self.look.names[part.results[0]] for part in ends))
        return f"{written} = {spread(arrow.partials, FLOAT_DIGITS)}"

    def node_titles(self, box: Box) -> list[tuple[str, str]]:
        """Return the names of the nodes of a box, with what is shown beside the mouse on each."""
        return [(box.name, self.in_full(box))]

    def in_full(self, box: Box) -> str:
        """Say what is in a box, with all digits of its numbers."""
        part, count = box.part, times([len(box.part.blocks)])
        if part.kind == "scope":
            return ", ".join([scopes_title(part) + count, *contents(part)])
        return ", ".join([self.title_of(part, FLOAT_DIGITS) + count, *self.lines(box, FLOAT_DIGITS)])

    def add_frames(
        self,
        picture: graphviz.Digraph,
        boxes: Iterable[Box],
        paths: dict[Box, Path],
        path: Path = (),
        depth: int = 0,
    ) -> None:
        """Add boxes, those that are in a frame at this depth within that frame, and note the path to each."""
        framed: defaultdict[Frame, list[Box]] = defaultdict(list)
        for box in boxes:
            if len(box.part.frames) == depth:
                self.add_box(picture, box)
                paths[box] = path
            else:
                framed[box.part.frames[depth]].append(box)
        for number, inside in enumerate(framed.values()):
            together = frames_of_all(inside, depth)
            inner = (*path, f"{path[-1] if path else 'cluster'}_{number}")
            title = ", ".join(map(frame_title, together))
            self.placement.titles[inner] = "\n".join(broken(title, FRAME_WIDTH))
            attributes = (LOOP if together[0].turns else FRAME) | {"label": wrapped(title, FRAME_WIDTH)}
            with picture.subgraph(name=inner[-1], graph_attr=attributes) as frame:
                self.add_frames(frame, inside, paths, inner, depth + len(together))

    def add_box(self, picture: graphviz.Digraph, box: Box) -> None:
        """Add the box of a part."""
        part, look = box.part, self.look
        label = box_label(*self.texts(box), look.direction)
        if part.kind == "scope":
            picture.node(box.name, label, **SCOPE)
            return
        results = part.results
        style = dict(LEAF if results[0].op is None else RESULT)
        style["fillcolor"] = self.fill(results)
        if not look.outputs.isdisjoint(results):
            style["penwidth"] = "2.5"
        if not box.is_selected:
            style |= {"color": PALE, "fontcolor": PALE}
        if not self.is_finite(box):
            style |= NOT_FINITE if box.is_selected else NOT_FINITE | {"fillcolor": PALE}
        picture.node(box.name, label, **style)

    def texts(self, box: Box) -> tuple[str, int, list[str]]:
        """Return the title of a box, how many it stands for, and the lines below."""
        if box not in self.texts_of:
            part, count = box.part, len(box.part.blocks)
            self.texts_of[box] = (
                (scopes_title(part), count, contents(part))
                if part.kind == "scope"
                else (self.title_of(part), count, self.lines(box, self.look.precision))
            )
        return self.texts_of[box]

    def sizes(self, box: Box) -> list[tuple[str, tuple[float, float]]]:
        """Return the names of the nodes of a box, operands before results, with their sizes."""
        return [(box.name, box_size(*self.texts(box)))]

    def lines(self, box: Box, precision: int) -> list[str]:
        """Say what the value and the gradient of a box are."""
        results = box.part.results
        lines = [f"value {spread([result.data for result in results], precision)}"]
        if self.look.gradients:
            missing = "no gradient yet" if box.is_selected else "no gradient"  # backward() leaves out what a where does
            known = self.gradients_of(results)
            lines.append(f"gradient {spread(known, precision)}" if known else missing)
        return lines

    def gradients_of(self, results: Sequence[Value]) -> list[float]:
        """Return the gradients that are known of some Values, and to be seen."""
        known = self.look.gradients or {}
        return [known[result] for result in results if result in known]

    def is_finite(self, box: Box) -> bool:
        """Return whether no number in a box is a nan or an infinity; of a folded scope none is shown."""
        results = [] if box.part.kind == "scope" else box.part.results
        return all(map(math.isfinite, [*(result.data for result in results), *self.gradients_of(results)]))

    def fill(self, results: Sequence[Value]) -> str:
        """Return the colour of a box, by the largest of its gradients; two colours if they have both signs."""
        strongest, known = self.look.strongest, self.gradients_of(results)
        if strongest is None or not known:
            return "white"
        least, most = min(known), max(known)
        if least < 0.0 < most:
            return (
                f"{tint(least, strongest)}:{tint(most, strongest)}"  # from the left to the right, as the range is said
            )
        return tint(max(known, key=abs), strongest)

    def title_of(self, part: Part, precision: int | None = None) -> str:
        """Say what a part is: its formula, or what its formulas have in common."""
        digits = self.look.precision if precision is None or not has_numbers(part) else precision
        if (part, digits) not in self.titles:
            found = common(self.title(result, digits) for result in part.results)
            self.titles[part, digits] = found or " or ".join(dict.fromkeys(map(self.pattern, part.results)))
        return self.titles[part, digits]

    def title(self, value: Value, precision: int, *, nested: bool = False) -> str:
        """Return the name of a Value with the formula that made it, from its operands or, nested, from the leaves."""
        short = self.look.names[value]
        name = value.label if short == shortened(value.label) else short
        if value.op is None:
            return name
        return f"{name} = {expression(value, precision=precision) if nested else self.formula(value, precision)}"

    def formula(self, value: Value, precision: int) -> str:
        """Write what made a Value, in the names of its operands."""
        return formula_of(value, self.look.names, self.look.inside, TEXT, precision).text

    def pattern(self, value: Value) -> str:
        """Write what made a Value, with dots for its operands."""
        if value.op is None:
            return "leaf"
        dots = [TEXT.name("…")] * len(operands_of(value))
        return (TEXT.call("where", dots) if selects(value) else TEXT.apply(value.op, dots)).text

    def add_arrows(self, picture: graphviz.Digraph, box: Box) -> None:
        """Add the arrows that lead to a box."""
        for arrow in box.arrows:
            self.add_arrow(picture, arrow, self.arrow_end(box))

    def add_arrow(self, picture: graphviz.Digraph, arrow: Arrow, head: str, *, with_ones: bool = False) -> None:
        """Add an arrow, with its derivative unless that is 1."""
        style: dict[str, str] = {}
        text = ""
        if self.look.gradients is not None:
            text = spread(arrow.partials, self.look.precision)
            text = "" if text == "1" and not with_ones else text
        if arrow.comes_back:
            style |= NEXT_TURN
            text = f"next turn: {text}" if text else "next turn"
        if not arrow.is_selected:
            style |= LEFT_OUT
        self.add_edge(picture, self.boxes[arrow.tail].name, head, text, style)

    def add_edge(
        self, picture: graphviz.Digraph, tail: str, head: str, text: str = "", style: Mapping[str, str] | None = None
    ) -> None:
        """Add an arrow between two nodes."""
        self.placement.edges.append((tail, head, text))
        # The spaces keep the label off its arrow.
        picture.edge(tail, head, f" {text} " if text else None, **(style or {}))

    def alternative(self) -> str:
        """Say what the picture shows, for those who do not see it."""
        return f"the graph of {self.in_words()}, in {counted(len(self.boxes), 'box')}"

    def in_words(self) -> str:
        """Say how the outputs were computed: in one formula each, or in those of all boxes if they are few."""
        outputs = [box.part for box in self.boxes if not self.look.outputs.isdisjoint(box.part.results)]
        if all(box.part.kind != "scope" and len(box.part.blocks) == 1 for box in self.boxes):
            made = [self.title_of(box.part) for box in self.boxes if box.part.results[0].op is not None]
            if len(", ".join(made)) <= MOST_IN_WORDS:
                whole = [self.title(part.results[0], self.look.precision, nested=True) for part in outputs]
                return ", ".join(made) if any("\n" in text for text in whole) else " and ".join(whole)
        return " and ".join(self.title_of(part) for part in outputs)

    def caption(self) -> list[str]:
        """Say below the picture how to read it, and what was folded."""
        look = self.look
        lines = []
        if look.gradients is not None and any(box.arrows for box in self.boxes):
            lines.append(self.reading)
            if not look.gradients:
                lines.append("no gradients yet: backward() computes them")
            elif look.strongest is not None:
                lines.append("orange: positive gradients, blue: negative, stronger: larger")
        if any(box.is_selected and not self.is_finite(box) for box in self.boxes):
            lines.append("white on black: nan or infinite")
        if not all(box.is_selected for box in self.boxes):
            lines.append("pale: left out by a where")
        if any(len(box.part.blocks) > 1 or box.part.kind == "scope" for box in self.boxes):
            lines += self.folding([value for box in self.boxes for block in box.part.blocks for value in block.values])
        return lines

    def folding(self, values: Sequence[Value]) -> list[str]:
        """Say what was folded, by an example from the picture."""
        leaves = sum(value.op is None for value in values)
        counts = [(len(values) - leaves, "operation"), (leaves, "leaf"), (len(self.boxes), "box")]
        lines = ["{} on {} in {}".format(*(counted(count, noun) for count, noun in counts))]
        several = [box.part for box in self.boxes if len(box.part.blocks) > 1]
        if several:
            ranges = [(part, spread([result.data for result in part.results], self.look.precision)) for part in several]
            part, example = max(ranges, key=lambda found: (" … " in found[1], len(found[0].blocks)))
            count = f"{len(part.blocks):,}"
            ends = f", from {example.replace(' … ', ' to ')}" if " … " in example else ""
            lines.append(f"× {count}: {count} alike{ends}")
        if any(box.part.kind == "scope" for box in self.boxes):
            lines.append("grey: a folded scope")
        return lines


def frames_of_all(boxes: Sequence[Box], depth: int) -> list[Frame]:
    """Return the frames from a depth on that are around the same boxes: those of single scopes are drawn as one."""
    first = boxes[0].part.frames
    end = depth + 1
    while (
        end < len(first)
        and len(first[depth].scopes) == len(first[end].scopes) == 1
        and all(box.part.frames[end : end + 1] == first[end : end + 1] for box in boxes)
    ):
        end += 1
    return list(first[depth:end])


def frame_title(frame: Frame) -> str:
    """Say what a frame is around."""
    if frame.turns:
        return f"loop of {frame.turns:,} turns"
    return common([scope.name for scope in frame.scopes]) + times([len(frame.scopes)])


def has_numbers(part: Part) -> bool:
    """Return whether there are numbers in the formulas of a part, which depend on the precision."""
    return any(
        not isinstance(operand, Value)
        for block in part.blocks
        for value in block.values
        for operand in operands_of(value)
    )


def scopes_title(part: Part) -> str:
    """Say which scopes a box stands for."""
    return common([block.scope.name for block in part.blocks if block.scope is not None])


def contents(part: Part) -> list[str]:
    """Say what is in a folded scope."""
    leaves = [sum(value.op is None for value in block.values) for block in part.blocks]
    operations = [len(block.values) - count for block, count in zip(part.blocks, leaves, strict=True)]
    counts = [(operations, "operation"), (leaves, "leaf")]
    return [f"{PLURALS[noun]}: {spread(found, FLOAT_DIGITS)}" for found, noun in counts if any(found)]


def counted(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count:,} {noun if count == 1 else PLURALS[noun]}"
