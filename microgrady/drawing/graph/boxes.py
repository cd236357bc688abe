"""The boxes of a picture, and the arrows between them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from microgrady.drawing.graph.folding import Block, Frame, Part
from microgrady.formulas.grouping import from_outside, op_of
from microgrady.formulas.patterns import Reader
from microgrady.functions import add
from microgrady.selections import has_held, has_known_condition, operands_of, partials_of, selects
from microgrady.value import Value


@dataclass(eq=False)
class Arrow:
    """What leads from one box to another.

    Args:
        tail: The place of the box where it starts.
        partials: The local derivatives of what it leads to, by what it starts at; none if that is a folded scope.
        comes_back: Whether it leads to the next turn of a loop.
        is_selected: Whether something follows from it, unlike from the operand that a `where` leaves out.
    """

    tail: int
    partials: list[float] = field(default_factory=list)
    comes_back: bool = False
    is_selected: bool = True


@dataclass(eq=False)
class Box:
    """A part of the graph with its place in the picture.

    Args:
        part: What the box stands for.
        index: The place of its first result in the order of the graph, which names its nodes.
        arrows: What leads to it from other boxes, in the order of the operands.
        numbers: The numbers among the operands of each block, by their position.
        is_selected: Whether any output follows from it.
    """

    part: Part
    index: int
    arrows: list[Arrow] = field(default_factory=list)
    numbers: dict[int, list[list[float]]] = field(default_factory=dict)
    is_selected: bool = True

    @property
    def name(self) -> str:
        """The name of its node."""
        return f"v{self.index}"

    @property
    def operation(self) -> str:
        """The name of the node of its operation, where that has one."""
        return f"o{self.index}"


def boxes_of(parts: Sequence[Part], order: Sequence[Value], outputs: frozenset[Value], *, by_slot: bool) -> list[Box]:
    """Find which parts lead to which.

    Args:
        parts: The parts of the graph.
        order: Its Values, operands before results.
        outputs: What is not left out although nothing follows from it.
        by_slot: Whether an operand that is used twice has two arrows, each with its partial derivative; else it has
            one, with their sum.

    Returns:
        A box for each part.
    """
    index = {value: i for i, value in enumerate(order)}
    part_of = {value: i for i, part in enumerate(parts) for block in part.blocks for value in block.values}
    boxes = []
    for part in parts:
        arrows: dict[Hashable, Arrow] = {}
        numbers: dict[int, list[list[float]]] = {}
        for block in part.blocks:
            own: dict[int, list[float]] = {}
            unselected = operand_left_out(block)
            uses = operands_by_slot(block) if by_slot and part.kind == "value" else operands_from_outside(block)
            for slot, operand, partial in uses:
                if not isinstance(operand, Value):
                    own.setdefault(slot, []).append(operand)
                    continue
                tail = part_of[operand]
                arrow = arrows.get((tail, slot))
                if arrow is None:
                    arrow = arrows[tail, slot] = Arrow(tail, is_selected=False)
                if part.kind != "scope":  # which has no result, and so no derivative
                    arrow.partials.append(partial + 0.0)  # no sign on a zero
                arrow.is_selected |= operand is not unselected
            for slot, found in own.items():
                numbers.setdefault(slot, []).append(found)
        boxes.append(Box(part, index[part.results[0]], list(arrows.values()), numbers))
    mark_left_out(boxes, outputs)
    mark_loops(boxes)
    return boxes


def operands_by_slot(block: Block) -> Iterator[tuple[int, Value | float, float]]:
    """Yield the slot of each operand of a single Value, the operand, and the derivative by it.

    A condition that is True or False is none of them: it stands in the formula alone.
    """
    result = block.result
    for slot, (operand, partial) in enumerate(zip(operands_of(result), partials_of(result), strict=True)):
        if slot or not has_known_condition(result):
            yield slot, operand, partial


def operands_from_outside(block: Block) -> Iterator[tuple[int, Value | float, float]]:
    """Yield what comes to a block from outside, as operands of one slot."""
    for operand, partial in from_outside(block.values):
        yield 0, operand, partial


def operand_left_out(block: Block) -> Value | None:
    """Return the Value that a block leaves out, if it is a `where` and nothing else in it uses that Value."""
    if not selects(block.result) and (block.kind != "group" or block.result.op is not add):
        return None
    reading = Reader(op_of, operands_of).read(block.result)
    if block.kind == "scope" or reading.form != "where":
        return None
    condition, first, second = (operand.node for operand in reading.operands)
    if selects(block.result):
        holds = has_held(block.result)
    else:
        holds = bool(condition.data if isinstance(condition, Value) else condition)
    taken, other = (first, second) if holds else (second, first)
    if not isinstance(other, Value) or other is taken:
        return None
    used = sum(operand is other for value in block.values for operand in operands_of(value))
    return other if used == 1 else None


def mark_left_out(boxes: Sequence[Box], outputs: frozenset[Value]) -> None:
    """Find the boxes from which no output follows, since a `where` leaves them out."""
    selected = [not outputs.isdisjoint(box.part.results) for box in boxes]
    leads_on = [False] * len(boxes)
    for head in reversed(range(len(boxes))):
        selected[head] |= not leads_on[head]
        boxes[head].is_selected = selected[head]
        for arrow in boxes[head].arrows:
            arrow.is_selected &= selected[head]
            leads_on[arrow.tail] = True
            if arrow.tail < head:
                selected[arrow.tail] |= arrow.is_selected
            else:
                boxes[arrow.tail].is_selected = True


def mark_loops(boxes: Sequence[Box]) -> None:
    """Frame the boxes of each loop, and mark the arrows that lead to its next turn.

    Only folding makes loops: what an operation follows from was there before it.
    """
    returns = [(arrow, head) for head, box in enumerate(boxes) for arrow in box.arrows if arrow.tail >= head]
    if not returns:
        return
    after: list[list[int]] = [[] for _ in boxes]
    for head, box in enumerate(boxes):
        for arrow in box.arrows:
            after[arrow.tail].append(head)
    before = [[arrow.tail for arrow in box.arrows] for box in boxes]
    loop_of: dict[int, set[int]] = {}
    for arrow, head in returns:
        around = reached(after, head) & reached(before, arrow.tail)
        arrow.comes_back = bool(around)
        for place in tuple(around):
            around |= loop_of.get(place, set())
        loop_of.update(dict.fromkeys(around, around))
    for loop in {id(found): sorted(found) for found in loop_of.values()}.values():
        turns = max(len(boxes[place].part.blocks) for place in loop)
        frame, paths = Frame([], turns), [boxes[place].part.frames for place in loop]
        depth = sum(1 for _ in takewhile(lambda frames: len(set(frames)) == 1, zip(*paths, strict=False)))
        for place, path in zip(loop, paths, strict=True):
            boxes[place].part.frames = (*path[:depth], frame, *path[depth:])


def reached(neighbours: Sequence[Sequence[int]], start: int) -> set[int]:
    """Return all that is reached from a place, itself included."""
    seen, pending = {start}, [start]
    while pending:
        for place in neighbours[pending.pop()]:
            if place not in seen:
                seen.add(place)
                pending.append(place)
    return seen
