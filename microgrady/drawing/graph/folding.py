"""Which Values share a box: folding scopes and repeated parts until a graph fits a picture.

Two steps. First Values are taken together to blocks: those of a scope that is not shown open, and those that are
written in one formula, as the terms of a sum. Then blocks that are alike become one part, "× 16". Alike are blocks of
the same kind with operands and users that are alike: the coarsest such partition is found by refinement (R. Paige and
R. E. Tarjan, "Three partition refinement algorithms", SIAM Journal on Computing 16, 1987), one step of the graph a
round. Where even that has too many parts, as in a long loop, whose turns all differ in their distance from the end,
refinement stops early: parts are then alike as far as a few steps around them show.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Literal

from microgrady.scopes import Scope, path_of
from microgrady.selections import has_known_condition, operands_of
from microgrady.value import Value

A_NUMBER = -1  # in place of an operand's block
# What is folded halfway reads best with few boxes.
FULLER = 8
# So many frames within each other can still be told apart, and Graphviz lays them out at once.
DEEPEST = 20
# Each frame is a level of recursion, here and in Graphviz.
MOST_FRAMES = 100


class Likeness(IntEnum):
    """What two blocks must have in common to be alike, from the least to the most."""

    ROLE = 0  # a leaf, a result or an output
    KIND = 1  # and the operation
    PATTERN = 2  # and labels and scopes, but for the digits in their names
    EXACT = 3  # and those digits and all numbers


@dataclass(eq=False, slots=True)  # there are as many as Values in a graph
class Block:
    """Values that are drawn as one: a single one, those of one formula, or a scope's.

    Args:
        kind: What it is.
        path: The scopes shown open around it, the outermost first.
        values: The Values in it, operands before results.
        scope: The scope that it is, if it is one.
    """

    kind: Literal["value", "group", "scope"]
    path: tuple[Scope, ...]
    values: list[Value] = field(default_factory=list)
    scope: Scope | None = None

    @property
    def result(self) -> Value:
        """The last Value in the block: what a formula comes to."""
        return self.values[-1]

    def box_count(self, with_numbers: bool) -> int:
        """Count its box, and those of the numbers among its operands where they have boxes."""
        if self.kind == "scope" or not with_numbers:
            return 1
        numbers = sum(not isinstance(operand, Value) for value in self.values for operand in operands_of(value))
        numbers -= sum(map(has_known_condition, self.values))
        return 1 + (min(numbers, 1) if self.kind == "group" else numbers)


@dataclass(eq=False)
class Frame:
    """What surrounds the boxes of a scope, of several whose parts are alike, or of a loop.

    Args:
        scopes: The scopes, all at the same depth; none for a loop.
        turns: How often a loop goes around.
    """

    scopes: list[Scope]
    turns: int = 0


@dataclass(eq=False)
class Part:
    """What one box of the picture stands for: blocks that are alike, mostly just one.

    Args:
        blocks: The blocks, in the order of the graph.
        frames: The frames around the box, the outermost first.
    """

    blocks: list[Block] = field(default_factory=list)
    frames: tuple[Frame, ...] = ()

    @cached_property
    def kind(self) -> str:
        """What its blocks are; single Values and groups that share a box count as Values."""
        kinds = {block.kind for block in self.blocks}
        return kinds.pop() if len(kinds) == 1 else "value"

    @property
    def results(self) -> list[Value]:
        """What each of its blocks comes to."""
        return [block.result for block in self.blocks]


def fold(
    order: Sequence[Value],
    outputs: Iterable[Value],
    depth: int | None,
    max_nodes: int | None,
    inside: Mapping[Value, Value],
    *,
    with_numbers: bool = False,
) -> list[Part]:
    """Find what to draw as one box, so that there are not too many boxes.

    Repeated parts are folded first, and then scopes from the innermost outwards. Nothing is folded unless there are
    more boxes than allowed.

    Args:
        order: The Values, operands before results.
        outputs: Those that share a box only with each other.
        depth: How many scopes within each other are shown open; None for as many as fit, up to 20.
        max_nodes: The most boxes; None for any number.
        inside: For each Value that is written in the formula of another one, that other one.
        with_numbers: Whether numbers have boxes of their own. Then Values share a formula only where it folds.

    Returns:
        The parts, operands before results but for loops.
    """
    kept = frozenset(outputs)
    deepest = max((len(path_of(value._label)) for value in order), default=0)
    shown = min(deepest, DEEPEST if depth is None else min(depth, MOST_FRAMES))
    blocks = blocks_of(order, kept, shown, {} if with_numbers else inside)
    if max_nodes is None or sum(block.box_count(with_numbers) for block in blocks) <= max_nodes:
        return framed([Part([block]) for block in blocks])
    if with_numbers:
        blocks = blocks_of(order, kept, shown, inside)
    network = Network(blocks, with_numbers)
    found = settled_parts(network, kept, max_nodes)
    if depth is None and found is None:
        # The deepest level that fits, by bisection: it lies from `fits` up and below `shown`.
        fits = -1
        while shown - fits > 1:
            level = (shown + fits) // 2
            closer = Network(blocks_of(order, kept, level, inside), with_numbers)
            parts = settled_parts(closer, kept, max_nodes)
            if parts is None:
                shown, network = level, closer
            else:
                fits, found = level, parts
        if found is not None:
            found = loop_of_scopes(network, kept, max_nodes) or found
    return found or stopped_parts(network, kept, max_nodes)


def settled_parts(network: Network, outputs: frozenset[Value], max_nodes: int) -> list[Part] | None:
    """Join what is alike in all that is around it, if that makes few enough boxes."""
    tried: list[int] | None = None
    for likeness in (Likeness.EXACT, Likeness.PATTERN):
        first = network.colours(outputs, likeness, max_nodes)
        if first is not None and first != tried:  # without digits and numbers to tell them apart, it is the same search
            tried = first
            classes, settled = network.refine(first, max_nodes)
            if settled:
                return framed(parts_of(network.blocks, classes))
    return None


def loop_of_scopes(network: Network, outputs: frozenset[Value], max_nodes: int) -> list[Part] | None:
    """Join what is alike as far as a few steps around it show, if that makes a loop of most of what there is.

    It says more than the scope around the loop, folded into a single box.
    """
    classes = stopped_classes(network, outputs, max_nodes, Likeness.PATTERN)
    return framed(parts_of(network.blocks, classes)) if classes and network.is_loop(classes) else None


def stopped_parts(network: Network, outputs: frozenset[Value], max_nodes: int) -> list[Part]:
    """Join what is alike as far as a few steps around it show, or at least in itself."""
    blocks = network.blocks
    for likeness in (Likeness.PATTERN, Likeness.KIND, Likeness.ROLE):
        if classes := stopped_classes(network, outputs, max_nodes, likeness):
            parts = parts_of(blocks, classes)
            return framed(parts) if likeness == Likeness.PATTERN else parts
    return parts_of(blocks, [colour(block, outputs, Likeness.ROLE) for block in blocks])


def stopped_classes(
    network: Network, outputs: frozenset[Value], max_nodes: int, likeness: Likeness
) -> list[int] | None:
    """Return the class of each block where the search stops early; None if even those are too many."""
    first = network.colours(outputs, likeness, max_nodes)
    if first is None or network.box_count(first) > max_nodes:
        return None
    # A loop reads best with its first and its last turn beside those that are alike.
    return network.refine(first, min(max_nodes // FULLER, 2 * network.box_count(first)))[0]


def blocks_of(
    order: Sequence[Value], outputs: frozenset[Value], depth: int, inside: Mapping[Value, Value]
) -> list[Block]:
    """Join the Values of each scope that is not shown open, but for outputs, and those of each formula."""
    blocks: dict[Hashable, Block] = {}
    homes = homes_of(order)
    for value in order:
        path = path_of(value._label)
        key: Hashable = inside.get(value, value)
        if value in homes:
            block = Block("value", homes[value][:depth])
        elif len(path) > depth and value not in outputs:
            key = path[depth]
            block = blocks.pop(key) if key in blocks else Block("scope", path[:depth], scope=path[depth])
        else:
            block = blocks.pop(key) if key in blocks else Block("value" if key is value else "group", path[:depth])
        block.values.append(value)
        blocks[key] = block  # anew, so that blocks stand in the order of their results
    return list(blocks.values())


def homes_of(order: Iterable[Value]) -> dict[Value, tuple[Scope, ...]]:
    """Find the leaves from outside of all scopes that are used in one scope only, as its parameters are."""
    homes: dict[Value, tuple[Scope, ...] | None] = {}
    for value in order:
        path = path_of(value._label)
        for operand in operands_of(value):
            if isinstance(operand, Value) and operand.op is None and not path_of(operand._label):
                homes[operand] = path if homes.setdefault(operand, path) == path else None
    return {leaf: path for leaf, path in homes.items() if path}


def colours(blocks: Sequence[Block], outputs: frozenset[Value], likeness: Likeness, most: int) -> list[int] | None:
    """Number the blocks so that those with the same number have in common what `likeness` asks for.

    Returns:
        The numbers, or None if there are more different ones than `most`.
    """
    numbers: dict[Hashable, int] = {}
    found = []
    for block in blocks:
        found.append(numbers.setdefault(colour(block, outputs, likeness), len(numbers)))
        if len(numbers) > most:
            return None
    return found


def colour(block: Block, outputs: frozenset[Value], likeness: Likeness) -> Hashable:
    """Return what a block is, as far as `likeness` looks."""
    kind, values = block.kind, block.values
    result = values[-1]
    op = result.op
    found: list[Hashable] = [op is None, not outputs.isdisjoint(values), kind == "scope"]
    if likeness >= Likeness.KIND:
        found += [kind, kind != "scope" and op]
        if kind == "group":
            found.append(frozenset(value.op for value in values))
        elif kind == "value":
            found += [isinstance(operand, Value) for operand in operands_of(result)]
    if likeness >= Likeness.PATTERN:
        found += [spelled(scope.name, likeness) for scope in block.path]
        if block.scope is None:
            found.append(spelled(result.label, likeness))
        else:
            found.append(spelled(block.scope.name, likeness))
            found.append(frozenset(Counter(value.op for value in values).items()))
    if likeness == Likeness.EXACT and kind != "scope":
        found += [operand for value in values for operand in operands_of(value) if not isinstance(operand, Value)]
        found.append(len(values))
    return tuple(found)


@lru_cache(maxsize=1000)
def spelled(name: str, likeness: Likeness) -> str:
    """Return a name, without its digits unless they matter."""
    return name if likeness == Likeness.EXACT else re.sub(r"\d+", "#", name)


def parts_of(blocks: Sequence[Block], classes: Sequence[Hashable]) -> list[Part]:
    """Make one part of the blocks of each class."""
    parts: dict[Hashable, Part] = {}
    for block, class_ in zip(blocks, classes, strict=True):
        parts.setdefault(class_, Part()).blocks.append(block)
    return list(parts.values())


def framed(parts: list[Part]) -> list[Part]:
    """Give the parts their frames: scopes that have a part in common share one."""
    frames: dict[Scope, Frame] = {}
    for part in parts:
        for depth, outer in enumerate(part.blocks[0].path):
            joined = frames.setdefault(outer, Frame([outer]))
            for block in part.blocks:
                other = frames.setdefault(block.path[depth], Frame([block.path[depth]]))
                if other is not joined:
                    small, joined = sorted((other, joined), key=lambda frame: len(frame.scopes))
                    joined.scopes += small.scopes
                    frames.update(dict.fromkeys(small.scopes, joined))
    for part in parts:
        part.frames = tuple(frames[scope] for scope in part.blocks[0].path)
    return parts


class Network:
    """Which blocks use which, and the search for those that are alike."""

    def __init__(self, blocks: Sequence[Block], with_numbers: bool = False) -> None:
        self.blocks = blocks
        place = {value: index for index, block in enumerate(blocks) for value in block.values}
        self.operands: list[tuple[int, ...]] = []
        self.uses: list[list[tuple[int, int]]] = [[] for _ in blocks]  # the users, and which operand they use it as
        self.boxes = [block.box_count(with_numbers) for block in blocks]
        self.ordered = [block.kind == "value" for block in blocks]
        self.known: dict[Likeness, list[int] | None] = {}
        for index, block in enumerate(blocks):
            used = [
                place[operand] if isinstance(operand, Value) else A_NUMBER
                for value in block.values
                for operand in operands_of(value)
            ]
            if not self.ordered[index]:
                used = sorted(set(used) - {index})
            self.operands.append(tuple(used))
            for position, operand in enumerate(used):
                if operand != A_NUMBER:
                    self.uses[operand].append((index, position if self.ordered[index] else 0))

    def colours(self, outputs: frozenset[Value], likeness: Likeness, most: int) -> list[int] | None:
        """Return what `colours` finds for the blocks, which is kept: the outputs and the most are always the same."""
        if likeness not in self.known:
            self.known[likeness] = colours(self.blocks, outputs, likeness, most)
        return self.known[likeness]

    def box_count(self, classes: Sequence[int]) -> int:
        """Count the boxes if each class is one, with its numbers beside it."""
        return sum(dict(zip(classes, self.boxes, strict=True)).values())

    def is_loop(self, classes: Sequence[int]) -> bool:
        """Return whether most blocks are in classes that follow from themselves."""
        before: dict[int, set[int]] = {class_: set() for class_ in classes}
        for class_, operands in zip(classes, self.operands, strict=True):
            before[class_].update(classes[operand] for operand in operands if operand != A_NUMBER)
        looped = set()
        for class_ in before:
            seen: set[int] = set()
            pending = set(before[class_])
            while pending:
                seen |= pending
                pending = set().union(*(before[other] for other in pending)) - seen
            if class_ in seen:
                looped.add(class_)
        return 2 * sum(class_ in looped for class_ in classes) > len(classes)

    def refine(self, colours: Sequence[int], max_boxes: int) -> tuple[list[int], bool]:
        """Divide the classes until the blocks in each have operands and users of the same classes.

        Args:
            colours: The class of each block to begin with.
            max_boxes: Where to stop before there are more boxes.

        Returns:
            The class of each block, and whether the search came to its end.
        """
        classes = list(colours)
        sizes = dict(Counter(classes))
        boxes = self.box_count(classes)
        candidates: Iterable[int] = range(len(classes))
        while boxes <= max_boxes:
            moved = self.split(classes, sizes, candidates)
            boxes += sum(self.boxes[group[0]] for group in moved)
            if boxes > max_boxes:
                return classes, False
            if not moved:
                return classes, True
            for group in moved:
                sizes[classes[group[0]]] -= len(group)
                new = len(sizes)
                sizes[new] = len(group)
                for index in group:
                    classes[index] = new
            # Only what is next to a block of a new class can be told apart by it.
            near = {other for group in moved for index in group for other, _ in self.uses[index]}
            near.update(other for group in moved for index in group for other in self.operands[index])
            candidates = sorted(near - {A_NUMBER})
        return classes, False

    def split(self, classes: Sequence[int], sizes: dict[int, int], candidates: Iterable[int]) -> list[list[int]]:
        """Find the groups of blocks that differ from the rest of their class."""
        groups: defaultdict[int, dict[Hashable, list[int]]] = defaultdict(dict)
        for index in candidates:
            if sizes[classes[index]] > 1:
                groups[classes[index]].setdefault(self.signature(index, classes), []).append(index)
        moved: list[list[int]] = []
        for class_, found in groups.items():
            different = list(found.values())
            if sum(map(len, different)) == sizes[class_]:
                different.remove(max(different, key=len))
            moved += different
        return moved

    def signature(self, index: int, classes: Sequence[int]) -> Hashable:
        """Return the classes around a block; how many users there are of a class does not matter."""
        operands = [A_NUMBER if operand == A_NUMBER else classes[operand] for operand in self.operands[index]]
        users = frozenset((classes[user], position) for user, position in self.uses[index])
        return tuple(operands) if self.ordered[index] else frozenset(operands), users
