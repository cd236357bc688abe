"""The graph of Values as a picture from which the chain rule can be read."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import graphviz

from microgrady.drawing.graph.folding import Block, Frame, Part, fold
from microgrady.drawing.graph.labels import box_label, common, quoted, spread, times, titles, wrapped
from microgrady.drawing.render import Picture, check_target, write_picture
from microgrady.drawing.style import (
    DIGITS,
    EDGE,
    FRAME,
    GRAPH,
    LEAF,
    NODE,
    NUMBER,
    NUMBER_ARROW,
    OPERATION,
    RESULT,
    SCOPE,
    STRAIGHT_ARROWS,
    tint,
)
from microgrady.inputs import FLOAT_DIGITS, describe
from microgrady.value import Value, topological_order

DIRECTIONS = ("LR", "TB")
PLURALS = {"operation": "operations", "leaf": "leaves", "box": "boxes"}
FRAME_WIDTH = 60  # letters in a line of a frame's title
# Bending arrows around what is in their way takes Graphviz seconds where they pass more boxes than this, all together,
# and makes a tangle of them.
MOST_PASSED = 600


def draw(
    *outputs: Value,
    to: str | os.PathLike[str] | None = None,
    precision: int = DIGITS,
    colour: bool = True,
    direction: str = "LR",
    depth: int | None = None,
    max_nodes: int | None = 200,
) -> Picture:
    """Draw the graph of one or more Values.

    Every Value is a box with its label (or the formula that made it), its value and its gradient: rounded for a leaf,
    with a thick frame for an output. Every operation is a small dark node, and a number is a dashed box. On an arrow
    stands the local derivative of the operation by that operand, so the product along a path to the output is that
    path's share of the gradient.

    What was made in a `microgrady.scope` is framed. A graph with too many boxes is folded: parts that are alike become
    one box, "× 16", with the range of their numbers; a sum of many terms becomes one operation; a scope becomes one
    box. The picture says below what was folded.

    Args:
        outputs: The Values to draw, with all that they were computed from.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. It is written as a whole or not at all.
        precision: Significant digits of the numbers, 1 to 17.
        colour: Whether boxes are the darker, the larger their gradient.
        direction: "LR" from left to right or "TB" from top to bottom.
        depth: How many scopes within each other are shown open, 0 for none and 100 at most; None for as many as fit.
        max_nodes: About how many boxes there are at most; None for any number.

    Returns:
        The picture, to be displayed by Jupyter or rendered to a file. It needs no `dot` program. The same graph gives
        the same DOT source.

    Raises:
        TypeError: An output is not a Value, or `to` is not a path.
        ValueError: There are no outputs, `to` has an unknown format or folder, or another argument is not one of those
            allowed.
        RuntimeError: `to` is given and nothing that renders is installed.

    Example:
        >>> import microgrady as mg
        >>> x, y = mg.Value(2.0, "x"), mg.Value(3.0, "y")
        >>> z = x * y
        >>> z.backward()
        >>> picture = mg.draw(z)
        >>> [line.strip() for line in picture.body if "->" in line]
        ['v0 -> o2 [label=" 3 "]', 'v1 -> o2 [label=" 2 "]', 'o2 -> v2']
    """
    check_outputs(outputs)
    check_look(precision, direction)
    check_sizes(depth, max_nodes)
    target = None if to is None else check_target(to)
    order = topological_order(*outputs)
    gradients = computed_gradients(order, outputs)
    strongest = max((abs(g) for g in gradients.values() if math.isfinite(g)), default=0.0) if colour else None
    look = Look(titles(order, precision), gradients, strongest, frozenset(outputs), precision, direction)
    picture = picture_of(folded(order, outputs, depth, max_nodes), look)
    if target is not None:
        write_picture(picture, target)
    return picture


def check_outputs(outputs: tuple[object, ...]) -> None:
    """Refuse what cannot be drawn, with a sentence that says what came and what is allowed."""
    if not outputs:
        raise ValueError("draw takes at least one Value, and none came")
    for output in outputs:
        if not isinstance(output, Value):
            raise TypeError(
                f"draw takes Values, such as the result of a function called with Values, not {describe(output)}"
            )


def check_look(precision: object, direction: object) -> None:
    """Refuse a precision or a direction that there is not."""
    if not isinstance(precision, int) or isinstance(precision, bool) or not 1 <= precision <= FLOAT_DIGITS:
        raise ValueError(f"precision is an int from 1 to {FLOAT_DIGITS}, not {precision!r}")
    if direction not in DIRECTIONS:
        raise ValueError(f"direction is {' or '.join(map(repr, DIRECTIONS))}, not {direction!r}")


def check_sizes(depth: object, max_nodes: object) -> None:
    """Refuse what is neither None nor an int from the least one up."""
    for name, size, least in (("depth", depth, 0), ("max_nodes", max_nodes, 1)):
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < least):
            raise ValueError(f"{name} is an int from {least} up or None, not {size!r}")


def computed_gradients(order: Iterable[Value], outputs: Iterable[Value]) -> dict[Value, float]:
    """Return the gradients that backward passes have computed, and leave out the others.

    A zero counts as computed where a pass from one of the outputs has gone through.
    """
    reached = set(topological_order(*(output for output in outputs if output.grad != 0.0)))
    return {value: value.grad for value in order if value in reached or value.grad != 0.0}


@dataclass(eq=False)
class Arrow:
    """The arrows that lead from one box to another, or to its operation, as the same operand.

    Args:
        tail: The place of the box that they come from.
        partials: The local derivatives.
        uses: How often each block uses each other one so; more than once only in sums.
    """

    tail: int
    partials: list[float] = field(default_factory=list)
    uses: Counter[tuple[Block, Block]] = field(default_factory=Counter)


@dataclass(eq=False)
class Box:
    """A part of the graph, what leads to it, and its name in DOT.

    Args:
        part: The part.
        index: The place of its first result in the order of the graph.
        arrows: What leads to it from other boxes, in the order of the operands.
        numbers: The numbers among the operands of each block, by their position.
    """

    part: Part
    index: int
    arrows: list[Arrow]
    numbers: dict[int, list[list[float]]]

    @property
    def name(self) -> str:
        """The name of its node."""
        return f"v{self.index}"

    @property
    def operation(self) -> str:
        """The name of the node of its operation."""
        return f"o{self.index}"


@dataclass(frozen=True)
class Look:
    """How the boxes of one picture look.

    Args:
        titles: What each Value is called.
        gradients: The gradients that are known.
        strongest: The largest of them, for the colours; None for no colours.
        outputs: The Values with a thick frame.
        precision: Significant digits.
        direction: The direction of the graph.
    """

    titles: Mapping[Value, str]
    gradients: Mapping[Value, float]
    strongest: float | None
    outputs: frozenset[Value]
    precision: int
    direction: str


def boxes_of(parts: Sequence[Part], order: Sequence[Value]) -> list[Box]:
    """Find which parts lead to which."""
    index = {value: i for i, value in enumerate(order)}
    block_of = {value: block for part in parts for block in part.blocks for value in block.values}
    part_of = {block: i for i, part in enumerate(parts) for block in part.blocks}
    boxes = []
    for part in parts:
        arrows: dict[Hashable, Arrow] = {}
        numbers: dict[int, list[list[float]]] = {}
        for block in part.blocks:
            own: dict[int, list[float]] = {}
            for value in block.values:
                for position, (operand, partial) in enumerate(zip(value.operands, value.partials, strict=True)):
                    place = position if part.kind == "value" else 0
                    if not isinstance(operand, Value):
                        own.setdefault(place, []).append(operand)
                    elif (source := block_of[operand]) is not block:
                        arrow = arrows.setdefault((part_of[source], place), Arrow(part_of[source]))
                        arrow.partials.append(partial)
                        arrow.uses[block, source] += 1
            for place, found in own.items():
                numbers.setdefault(place, []).append(found)
        boxes.append(Box(part, index[part.results[0]], list(arrows.values()), numbers))
    return boxes


def folded(order: Sequence[Value], outputs: Sequence[Value], depth: int | None, max_nodes: int | None) -> list[Box]:
    """Fold a graph into so few boxes that its arrows can be followed, too."""
    boxes = boxes_of(fold(order, outputs, depth, max_nodes), order)
    while max_nodes is not None and max_nodes > 1 and boxes_passed(boxes) > MOST_PASSED:
        max_nodes //= 2
        boxes = boxes_of(fold(order, outputs, depth, max_nodes), order)
    return boxes


def picture_of(boxes: Sequence[Box], look: Look) -> Picture:
    """Draw the boxes and what leads to them."""
    text = caption([box.part for box in boxes], look.gradients, look.strongest is not None)
    arrows = STRAIGHT_ARROWS if boxes_passed(boxes) > MOST_PASSED else {}
    graph = GRAPH | {"rankdir": look.direction, "label": text} | arrows
    picture: Picture = Picture(graph_attr=graph, node_attr=NODE, edge_attr=EDGE)
    add_frames(picture, boxes, look)
    for box in boxes:
        add_arrows(picture, box, boxes, look.precision)
    return picture


def boxes_passed(boxes: Sequence[Box]) -> int:
    """Estimate how many boxes all arrows together pass by."""
    levels = [0] * len(boxes)
    for head, box in enumerate(boxes):
        levels[head] = max((levels[arrow.tail] + 1 for arrow in box.arrows if arrow.tail < head), default=0)
    # What nothing leads to stands just before its first use.
    first_use: dict[int, int] = {}
    for head, box in enumerate(boxes):
        for arrow in box.arrows:
            first_use[arrow.tail] = min(levels[head], first_use.get(arrow.tail, levels[head]))
    for tail, level in first_use.items():
        if not boxes[tail].arrows:
            levels[tail] = level - 1
    return sum(abs(levels[head] - levels[arrow.tail]) - 1 for head, box in enumerate(boxes) for arrow in box.arrows)


def add_frames(picture: graphviz.Digraph, boxes: Sequence[Box], look: Look, depth: int = 0, name: str = "") -> None:
    """Add the boxes, those that are in a frame at this depth within that frame."""
    framed: defaultdict[Frame, list[Box]] = defaultdict(list)
    for box in boxes:
        if len(box.part.frames) == depth:
            add_box(picture, box, look)
        else:
            framed[box.part.frames[depth]].append(box)
    for number, (outer, inside) in enumerate(framed.items()):
        title = common([scope.name for scope in outer.scopes]) + times([len(outer.scopes)])
        inner_name = f"{name}_{number}"
        with picture.subgraph(
            name=f"cluster{inner_name}", graph_attr=FRAME | {"label": wrapped(title, FRAME_WIDTH)}
        ) as frame:
            add_frames(frame, inside, look, depth + 1, inner_name)


def add_box(picture: graphviz.Digraph, box: Box, look: Look) -> None:
    """Add the box of a part, and the node of its operation."""
    part, results = box.part, box.part.results
    count = times([len(part.blocks)])
    if part.kind == "scope":
        title = common([block.scope.name for block in part.blocks if block.scope is not None])
        picture.node(box.name, box_label(title + count, contents(part), look.direction), **SCOPE)
        return
    known = [look.gradients[result] for result in results if result in look.gradients]
    lines = [
        f"value {spread([result.data for result in results], look.precision)}",
        f"gradient {spread(known, look.precision)}" if known else "no gradient yet",
    ]
    fill = "white" if look.strongest is None else tint(max(known, key=abs, default=None), look.strongest)
    style = LEAF if results[0].op is None else RESULT
    if not look.outputs.isdisjoint(results):
        style = style | {"penwidth": "2.5"}
    label = box_label(title_of(part, look.titles) + count, lines, look.direction)
    picture.node(box.name, label, fillcolor=fill, **style)
    symbols = dict.fromkeys(result.op.symbol for result in results if result.op is not None)
    if symbols:
        picture.node(box.operation, quoted(" ".join(symbols)) if len(symbols) < 4 else "…", **OPERATION)
    for position, found in box.numbers.items():
        text = spread([number for numbers in found for number in numbers], look.precision)
        picture.node(f"{box.operation}n{position}", text + times(list(map(len, found))), **NUMBER)


def title_of(part: Part, names: Mapping[Value, str]) -> str:
    """Say what a part is: what its Values are called, if they have that in common."""
    if part.kind == "sum" and not any(result.label for result in part.results):
        terms = spread([len(block.values) + 1 for block in part.blocks], FLOAT_DIGITS)
        return f"sum of {terms} terms"
    kinds = dict.fromkeys("leaf" if result.op is None else result.op.name for result in part.results)
    return common([names[result] for result in part.results]) or " or ".join(kinds)


def contents(part: Part) -> list[str]:
    """Say what is in a folded scope."""
    leaves = [sum(value.op is None for value in block.values) for block in part.blocks]
    operations = [len(block.values) - count for block, count in zip(part.blocks, leaves, strict=True)]
    counts = [(operations, "operation"), (leaves, "leaf")]
    return [f"{PLURALS[noun]}: {spread(found, FLOAT_DIGITS)}" for found, noun in counts if any(found)]


def counted(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count:,} {noun if count == 1 else PLURALS[noun]}"


def add_arrows(picture: graphviz.Digraph, box: Box, boxes: Sequence[Box], precision: int) -> None:
    """Add the arrows to a folded scope, or to the operation of a box and from there to the box."""
    if box.part.kind == "scope":
        for arrow in box.arrows:
            picture.edge(boxes[arrow.tail].name, box.name)
        return
    for arrow in box.arrows:
        # The spaces keep the label off its arrow.
        label = f" {spread(arrow.partials, precision)}{times(arrow.uses.values())} "
        picture.edge(boxes[arrow.tail].name, box.operation, label)
    for position in box.numbers:
        picture.edge(f"{box.operation}n{position}", box.operation, **NUMBER_ARROW)
    if box.part.results[0].op is not None:
        picture.edge(box.operation, box.name)


def caption(parts: Sequence[Part], gradients: Mapping[Value, float], colour: bool) -> str:
    """Say below the picture how to read it, and what was folded."""
    reading = "on each arrow: the local derivative"
    if colour and gradients:
        reading += "; darker: a larger gradient"
    values = [value for part in parts for block in part.blocks for value in block.values]
    if len(values) == len(parts):
        return reading
    leaves = sum(value.op is None for value in values)
    counts = [(len(values) - leaves, "operation"), (leaves, "leaf"), (len(parts), "box")]
    folded = "{} on {} in {}".format(*(counted(count, noun) for count, noun in counts))
    if any(len(part.blocks) > 1 for part in parts):
        folded += "; × 16: so many in one, a … b: between these their numbers lie"
    if any(part.kind == "scope" for part in parts):
        folded += "; grey: a folded scope"
    return rf"{reading}\n{folded}"
