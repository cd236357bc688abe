"""The search for places on the whole page: for the height with which it looks best, and then for all in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from microgrady.drawing.layout.levels import ARROW_HEAD, LINE, OUTSIDE, Key, Point, Target
from microgrady.drawing.layout.rooms import CAPTION, PADDING, Room
from microgrady.drawing.layout.stops import ENTRIES_MARGIN, ENTRY

# A picture that is wider or narrower than this is hard to read, and so is an empty one; a few boxes have room anyway.
WIDEST, NARROWEST, VERY_FEW = 2.6, 0.9, 5
MOST_IN_LINES = 200  # nodes: of more, a page in lines is too high to be looked at
STACKED = 4.0  # between a box and the one above it, beside what the arrow needs
SMALL = 60  # nodes: fewer should take a third of the page, and FILLED is a bit more
WELL_FILLED, FILLED = 0.345, 0.335
MISFIT, EMPTY, SMALL_LETTERS = 0.1, 8.0, 0.35
# Arrows that pass columns: in a small picture, what is alike should stand side by side rather than fill the page.
PASSING, PASSING_IN_SMALL = 0.15, 0.6
READABLE, HIGHEST = 1050.0, 1.6  # the width in points of a page with large letters; its height in widths
GOOD = -0.15  # the cost of a page than which no better one is looked for
TOO_LARGE = 50.0  # more than all else
NOT_FILLED = 1.0  # what it costs at least that a page is emptier than that
# Pages that are laid out, those where none of the first is filled, and how often each is broken into lines.
EFFORT, MOST_EFFORT, MOST_BREAKS = 3, 12, 3
MARGIN = 4.0  # Graphviz's, around the page
Columns = tuple[tuple[int, ...], ...]  # of each room
STEP, FEW, LONG_STEP = 1.1, 300, 1.6  # from one height that is tried to the next; for few things, and for more


@dataclass(frozen=True)
class Node:
    """A box to place.

    Args:
        width: Its width.
        height: Its height.
        frames: The names of the frames around it, the outermost first.
    """

    width: float
    height: float
    frames: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edge:
    """An arrow to lead.

    Args:
        tail: The place of the node where it starts.
        head: That of the node where it ends.
        label: Width and height of its label.
    """

    tail: int
    head: int
    label: Point = (0.0, 0.0)


@dataclass(frozen=True)
class Rectangle:
    """A place in the picture, in points from the left and from the top.

    Args:
        left: The left side.
        top: The upper side.
        width: The width.
        height: The height.
    """

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Course:
    """Where an arrow goes.

    Args:
        points: Those of its Bézier curves.
        tip: Where its head ends.
        label: The middle of its label.
    """

    points: list[Point]
    tip: Point
    label: Point


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Args:
        nodes: The nodes.
        courses: The arrows.
        frames: The frames, by the path to them.
        titles: The middles of their titles.
        width: The width of all.
        height: The height of all.
    """

    nodes: list[Rectangle]
    courses: list[Course]
    frames: dict[tuple[str, ...], Rectangle]
    titles: dict[tuple[str, ...], Point]
    width: float
    height: float


def place(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    titles: Mapping[tuple[str, ...], Point],
    *,
    down: bool = False,
    in_lines: bool = True,
    may_be_empty: bool = False,
    within: Point | None = None,
) -> Layout:
    """Find a place for everything.

    Args:
        nodes: The boxes; operands before results, but for loops.
        edges: The arrows.
        titles: The width and the height of the title of each frame, by the path to it.
        down: Whether arrows lead down, rather than to the right.
        in_lines: Whether a page that is too wide is broken into lines.
        may_be_empty: Whether that may leave more than two thirds of it white.
        within: The width and the height that the page should have at most, in points; None where it may be larger.

    Returns:
        The places. The same graph has the same ones.
    """
    best: Placing | None = None
    for stacks in stackings(nodes, edges):
        found = Placing(
            nodes,
            edges,
            titles,
            stacks,
            down=down,
            in_lines=in_lines and not down,
            may_be_empty=may_be_empty,
            within=within,
        )
        if best is None or found.cost < best.cost:
            best = found
        if best.cost < GOOD:
            break
    assert best is not None
    return best.layout()


def stackings(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[dict[int, int]]:
    """Return which nodes may stand above others: those that nothing leads to, above the only one that they lead to.

    Returns:
        For each way to choose them, the arrows between them and what they stand above, by the latter.
    """
    if len(nodes) > MOST_IN_LINES:
        return [{}]
    ends = Counter(edge.head for edge in edges)
    starts = Counter(edge.tail for edge in edges)
    # Of two products, both beside their leaves, one would look different where a factor is 1 and has no label.
    labelled = {edge.head for edge in edges if edge.label[0]}
    with_labels: dict[int, int] = {}
    without: dict[int, int] = {}
    for index, edge in enumerate(edges):
        is_alone = ends[edge.tail] == 0 and starts[edge.tail] == 1
        tail, head = nodes[edge.tail], nodes[edge.head]
        if is_alone and tail.frames == head.frames:
            if edge.head not in labelled:
                without.setdefault(edge.head, index)
            elif edge.label[0] < max(tail.width, head.width) / 2 - LINE:  # it stands between them, beside the arrow
                with_labels.setdefault(edge.head, index)
    found = [{}, without, with_labels | without]
    return [stacks for place, stacks in enumerate(found) if stacks not in found[:place]]


class Placing:
    """The search for places; as for `place`."""

    def __init__(
        self,
        nodes: Sequence[Node],
        edges: Sequence[Edge],
        titles: Mapping[tuple[str, ...], Point],
        stacks: Mapping[int, int],
        *,
        down: bool,
        in_lines: bool,
        may_be_empty: bool,
        within: Point | None,
    ) -> None:
        self.within = within
        self.nodes, self.edges, self.titles, self.down = nodes, edges, titles, down
        self.in_lines, self.may_be_empty = in_lines and len(nodes) <= MOST_IN_LINES, may_be_empty
        self.is_small = len(nodes) <= SMALL
        self.effort = EFFORT if self.is_small else 1
        self.stacks = stacks
        self.stacked = set(stacks.values())
        above = {edges[index].tail for index in self.stacked}
        needed = [0.0] * len(nodes)
        for index, edge in enumerate(edges):
            if index not in self.stacked:
                needed[edge.head] += max(ENTRY, edge.label[0 if down else 1] + 1.0)
        self.rooms: dict[tuple[str, ...], Room] = {(): Room((), (0.0, 0.0), down=down)}
        self.page = self.rooms[()]
        for index, node in enumerate(nodes):
            if index in above:
                continue
            along, across = self._turned((node.width, node.height))
            across = max(across, needed[index] + ENTRIES_MARGIN)
            extra = 0.0
            if index in stacks:
                edge = edges[stacks[index]]
                length, height = self._turned((nodes[edge.tail].width, nodes[edge.tail].height))
                extra = height + self._gap(edge)
                along = max(along, length)
            self._room(node.frames).add(index, (along, across + extra), extra)
        for index in range(len(edges)):
            if index not in self.stacked:
                self._enter(index)
        self.inwards = sorted(self.rooms.values(), key=lambda room: len(room.path), reverse=True)
        self._choose_columns()

    def _gap(self, edge: Edge) -> float:
        """Return the room between a node and the one above it, for the arrow and its label."""
        return ARROW_HEAD + LINE + STACKED + self._turned(edge.label)[1]

    def _turned(self, size: Point) -> Point:
        """Turn a width and a height to what is along the arrows and across them, or back."""
        return size[::-1] if self.down else size

    def _room(self, path: tuple[str, ...]) -> Room:
        """Return a frame, made with those around it."""
        if path not in self.rooms:
            outer = self._room(path[:-1])
            room = self.rooms[path] = Room(path, self.titles.get(path, (0.0, 0.0)), down=self.down)
            outer.add(room)
        return self.rooms[path]

    def _steps(self, index: int) -> list[tuple[Room, Key]]:
        """Return the rooms through which an arrow leads, and which of the arrows there it is."""
        edge = self.edges[index]
        tail, head = self.nodes[edge.tail].frames, self.nodes[edge.head].frames
        shared = 0
        while shared < min(len(tail), len(head)) and tail[shared] == head[shared]:
            shared += 1
        steps: list[tuple[Room, Key]] = [(self.rooms[tail[:depth]], OUTSIDE) for depth in range(len(tail), shared, -1)]
        steps += [(self.rooms[head[:depth]], head[: depth + 1]) for depth in range(shared, len(head))]
        return [*steps, (self.rooms[head], index)]

    def _enter(self, index: int) -> None:
        """Add an arrow to the rooms through which it leads."""
        edge = self.edges[index]
        member: int | Room | None = edge.tail
        for room, key in self._steps(index):
            source = OUTSIDE if member is None else room.places[member]
            targets = room.net(edge.tail, source).targets
            if key == OUTSIDE:
                targets.setdefault(key, Target(OUTSIDE))
                member = room
                continue
            if isinstance(key, int):
                targets[key] = Target(room.places[edge.head], self._turned(edge.label))
            else:
                targets.setdefault(key, Target(room.places[self.rooms[key]], port=0.0))
            member = None

    def _choose_columns(self) -> None:
        """Try several heights of the page, and take that for which it is best when it is laid out."""
        for room in self.inwards:
            room.plan()
        heights = [
            size[1]
            for room in self.inwards
            for member, size in zip(room.members, room.sizes, strict=True)
            if not isinstance(member, Room)
        ]
        total, tried = sum(heights) + 100.0, dict[Columns, tuple[float, int]]()
        height = max(max(heights, default=0.0) + 12.0, total / FEW)
        while True:
            passed = self.page.estimate(height)
            tried.setdefault(tuple(tuple(room.columns) for room in self.inwards), (self._estimate(passed), passed))
            if height >= total:
                break
            height *= STEP if len(heights) < FEW else LONG_STEP
        promising = sorted(tried.items(), key=lambda entry: entry[1])
        self.cost, columns, lines = math.inf, promising[0][0], tuple[int, ...]()
        for place, (found, (_, passed)) in enumerate(promising):
            if place >= self.effort and (self.cost < NOT_FILLED or place >= MOST_EFFORT or not self.is_small):
                break
            self._fill(found, ())
            for first in [(), *self._breaks()]:
                if first:
                    self.page.fill(first)
                cost = self._cost(passed)
                if cost < self.cost:
                    self.cost, columns, lines = cost, found, first
        self._fill(columns, lines)

    def _breaks(self) -> list[tuple[int, ...]]:
        """Return how the page can be broken into lines."""
        return self.page.breaks()[: MOST_BREAKS if self.is_small else 1] if self.in_lines else []

    def _fill(self, columns: Columns, lines: Sequence[int]) -> None:
        """Lay out all rooms with these columns, and the page with these lines."""
        for room, own in zip(self.inwards, columns, strict=True):
            room.columns = list(own)
            room.fill(lines if room is self.page else ())

    def _estimate(self, passed: int) -> float:
        """Return how bad a page probably is: of a shape that does not fit, empty, or with many arrows that pass."""
        width, height = self._turned((self.page.width, self.page.height))
        height += CAPTION
        filled, shape = self.page.covered() / (width * height), width / height
        misfit = max(0.0, math.log(shape / WIDEST), math.log(NARROWEST / shape))
        empty = max(0.0, WELL_FILLED - filled) if len(self.nodes) > VERY_FEW else 0.0
        cost = MISFIT * misfit + EMPTY * empty + self._passing(passed) - 0.5 * filled + self._excess(width, height)
        return cost if self.in_lines else cost + SMALL_LETTERS * max(0.0, math.log(width / READABLE))

    def _cost(self, passed: int) -> float:
        """Return how bad a page is that is laid out: empty, with small letters in a column of text, or high."""
        width, height = self._turned((self.page.width, self.page.height))
        width, height = width + 2 * MARGIN, height + CAPTION + 2 * MARGIN
        filled = self._covered() / (width * height)
        wide, high = max(0.0, math.log(width / READABLE)), max(0.0, math.log(height / width / HIGHEST))
        cost = MISFIT * high + self._passing(passed) + self._excess(width, height)
        if self.may_be_empty:
            return cost + max(0.0, WELL_FILLED - filled) + 2 * SMALL_LETTERS * wide
        cost += EMPTY * max(0.0, WELL_FILLED - filled) + SMALL_LETTERS * wide - 0.5 * filled
        return cost + (NOT_FILLED + EMPTY * (FILLED - filled) if self.is_small and filled < FILLED else 0.0)

    def _excess(self, width: float, height: float) -> float:
        """Return what it costs that a page is larger than it should be."""
        if self.within is None:
            return 0.0
        return TOO_LARGE * max(0.0, math.log(width / self.within[0]), math.log(height / self.within[1]))

    def _passing(self, passed: int) -> float:
        """Return what it costs that arrows pass so many columns."""
        return (PASSING_IN_SMALL if self.is_small else PASSING) * passed / max(1, len(self.nodes))

    def _covered(self) -> float:
        """Return the area of all boxes when they are laid out."""
        return sum(
            stop.width * (stop.height - (self._gap(self.edges[self.stacks[member]]) if member in self.stacks else 0.0))
            for room in self.inwards
            for stop, member in zip(room.level.stops, room.members, strict=True)
            if not isinstance(member, Room)
        )

    def layout(self) -> Layout:
        """Say where everything stands on the page."""
        corners: dict[tuple[str, ...], Point] = {(): (0.0, 0.0)}  # along the arrows and across them
        nodes: dict[int, Rectangle] = {}
        for room in reversed(self.inwards):
            along, across = corners[room.path]
            for member, stop in zip(room.members, room.level.stops, strict=True):
                at = along + room.left + stop.start, across + room.top + stop.middle - stop.height / 2
                if isinstance(member, Room):
                    corners[member.path] = at
                elif member in self.stacks:
                    edge = self.edges[self.stacks[member]]
                    above = room.above[room.places[member]]
                    nodes[edge.tail] = self._rectangle(at, (stop.width, above - self._gap(edge)))
                    nodes[member] = self._rectangle((at[0], at[1] + above), (stop.width, stop.height - above))
                else:
                    nodes[member] = self._rectangle(at, (stop.width, stop.height))
        frames, titles = {}, {}
        for room in self.inwards:
            if room.path:
                frame = frames[room.path] = self._rectangle(corners[room.path], (room.width, room.height))
                width, height = room.title
                titles[room.path] = frame.left + PADDING + width / 2, frame.top + PADDING / 2 + height / 2
        courses = [
            self._stacked_course(edge, nodes[edge.tail], nodes[edge.head])
            if index in self.stacked
            else self._course(index, corners)
            for index, edge in enumerate(self.edges)
        ]
        width, height = self._turned((self.page.width, self.page.height))
        return Layout([nodes[index] for index in range(len(self.nodes))], courses, frames, titles, width, height)

    def _rectangle(self, at: Point, size: Point) -> Rectangle:
        """Return a place, in the directions of the picture."""
        return Rectangle(*self._turned(at), *self._turned(size))

    def _stacked_course(self, edge: Edge, tail: Rectangle, head: Rectangle) -> Course:
        """Lead an arrow from a node to the one below it."""
        along, start = self._turned((tail.left, tail.top))
        length, height = self._turned((tail.width, tail.height))
        along, start = along + length / 2, start + height
        _, end = self._turned((head.left, head.top))
        points = [(along, start + share * (end - ARROW_HEAD - start)) for share in (0.0, 1 / 3, 2 / 3, 1.0)]
        width, height = self._turned(edge.label)
        label = along - 2.0 - width / 2, start + 1.0 + height / 2
        return Course([self._turned(point) for point in points], self._turned((along, end)), self._turned(label))

    def _course(self, index: int, corners: Mapping[tuple[str, ...], Point]) -> Course:
        """Put the way of an arrow together from those through the rooms."""
        edge = self.edges[index]
        points: list[Point] = []
        for room, key in self._steps(index):
            along, across = corners[room.path]
            along, across = along + room.left, across + room.top
            found = [(along + x, across + y) for x, y in room.level.way(edge.tail, key)]
            if points:
                (x, y), (end, level) = points[-1], found[0]
                points += [(x + (end - x) / 3, y), (end - (end - x) / 3, level)]
            points += found
        tip = points[-1]
        # The last piece is straight, and longer than the head.
        points[-1] = tip[0] - ARROW_HEAD, tip[1]
        points[-2] = min(points[-2][0], points[-1][0]), tip[1]
        along, across = self._turned(edge.label)
        label = tip[0] - ARROW_HEAD - 1.0 - along / 2, tip[1] - across / 2 - 0.5
        return Course([self._turned(point) for point in points], self._turned(tip), self._turned(label))
