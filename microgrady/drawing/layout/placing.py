"""The search for places on the whole page: for the height with which it looks best, and then for all in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from microgrady.drawing.layout.levels import ARROW_HEAD, OUTSIDE, Key, Point, Target
from microgrady.drawing.layout.rooms import CAPTION, PADDING, WELL_FILLED, Room
from microgrady.drawing.layout.stops import ENTRIES_MARGIN, ENTRY

# A picture that is wider or narrower than this is hard to read, and so is an empty one; a few boxes have room anyway.
WIDEST, NARROWEST, VERY_FEW = 2.6, 0.9, 5
MOST_IN_LINES = 200  # nodes: of more, a page in lines is too high to be looked at
MISFIT, EMPTY, PASSING = 0.1, 8.0, 0.15
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
) -> Layout:
    """Find a place for everything.

    Args:
        nodes: The boxes; operands before results, but for loops.
        edges: The arrows.
        titles: The width and the height of the title of each frame, by the path to it.
        down: Whether arrows lead down, rather than to the right.
        in_lines: Whether a page that is too wide is broken into lines.

    Returns:
        The places. The same graph has the same ones.
    """
    return Placing(nodes, edges, titles, down=down, in_lines=in_lines and not down).layout()


class Placing:
    """The search for places; as for `place`."""

    def __init__(
        self,
        nodes: Sequence[Node],
        edges: Sequence[Edge],
        titles: Mapping[tuple[str, ...], Point],
        *,
        down: bool,
        in_lines: bool,
    ) -> None:
        self.nodes, self.edges, self.titles, self.down = nodes, edges, titles, down
        needed = [0.0] * len(nodes)
        for edge in edges:
            needed[edge.head] += max(ENTRY, edge.label[0 if down else 1] + 1.0)
        self.rooms: dict[tuple[str, ...], Room] = {(): Room((), (0.0, 0.0), down=down)}
        self.page = self.rooms[()]
        self.page.in_lines = in_lines and len(nodes) <= MOST_IN_LINES
        for index, node in enumerate(nodes):
            along, across = self._turned((node.width, node.height))
            across = max(across, needed[index] + ENTRIES_MARGIN)
            self._room(node.frames).add(index, (along, across))
        for index in range(len(edges)):
            self._enter(index)
        self.inwards = sorted(self.rooms.values(), key=lambda room: len(room.path), reverse=True)
        self._choose_columns()
        for room in self.inwards:
            room.fill()

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
        """Try several heights of the page, and take that for which it is best."""
        for room in self.inwards:
            room.plan()
        sizes = [
            size
            for room in self.inwards
            for member, size in zip(room.members, room.sizes, strict=True)
            if not isinstance(member, Room)
        ]
        heights = [height for _, height in sizes]
        total, least, best = sum(heights) + 100.0, math.inf, [room.columns for room in self.inwards]
        height = max(max(heights, default=0.0) + 12.0, total / FEW)
        while True:
            cost = self._cost(self.page.estimate(height))
            if cost < least:
                least, best = cost, [room.columns for room in self.inwards]
            if height >= total:
                break
            height *= STEP if len(sizes) < FEW else LONG_STEP
        for room, columns in zip(self.inwards, best, strict=True):
            room.columns = columns

    def _cost(self, passed: int) -> float:
        """Return how bad the page is: of a shape that does not fit, empty, or with many arrows that pass others."""
        along, across = self.page.width, self.page.height
        width, height = self._turned((along, across))
        height += CAPTION
        filled, shape = self.page.covered() / (width * height), width / height
        misfit = max(0.0, math.log(shape / WIDEST), math.log(NARROWEST / shape))
        passing = passed / max(1, len(self.nodes))
        empty = max(0.0, WELL_FILLED - filled) if len(self.nodes) > VERY_FEW else 0.0
        return MISFIT * misfit + EMPTY * empty + PASSING * passing - 0.5 * filled

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
                else:
                    nodes[member] = self._rectangle(at, (stop.width, stop.height))
        frames, titles = {}, {}
        for room in self.inwards:
            if room.path:
                frame = frames[room.path] = self._rectangle(corners[room.path], (room.width, room.height))
                width, height = room.title
                titles[room.path] = frame.left + PADDING + width / 2, frame.top + PADDING / 2 + height / 2
        courses = [self._course(index, corners) for index in range(len(self.edges))]
        width, height = self._turned((self.page.width, self.page.height))
        return Layout([nodes[index] for index in range(len(self.nodes))], courses, frames, titles, width, height)

    def _rectangle(self, at: Point, size: Point) -> Rectangle:
        """Return a place, in the directions of the picture."""
        return Rectangle(*self._turned(at), *self._turned(size))

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
