"""Frames and what is in them: each is laid out by itself, and then is a box of the picture around it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from microgrady.drawing.layout.columns import CLEARANCE, Plan
from microgrady.drawing.layout.levels import OUTSIDE, Level, Net, Point
from microgrady.drawing.layout.lines import Lines, broken

PADDING = 5.0  # of a frame, around what is in it and its title
FILLINGS = (1.0, 0.8, 0.62, 0.5)  # parts of the height that are tried for the columns of a frame
# The widths of lines that are tried, in points: in a column of 800 pixels their letters are 9 to 13 pixels high.
LINES = (1000.0, 850.0, 1200.0)
CAPTION = 36.0  # the height of the text below a picture
PASSING_COSTS = 5000.0  # square points, for each column that an arrow passes


class Room:
    """A frame, or the whole page.

    Args:
        path: The frames around it and itself; empty for the page.
        title: The size of its title.
        down: Whether arrows lead down.
    """

    level: Level | Lines
    planned: Plan

    def __init__(self, path: tuple[str, ...], title: Point, *, down: bool) -> None:
        self.path, self.title, self.down = path, title, down
        self.members: list[int | Room] = []
        self.places: dict[int | Room, int] = {}
        self.sizes: list[Point] = []  # of the members, along the arrows and across them
        self.above: list[float] = []  # how much of each size is above the box that arrows enter
        self.nets: dict[int, Net] = {}
        self.columns: list[int] = []
        self.width = self.height = 0.0
        self.left = self.top = 0.0  # of the contents

    def add(self, member: int | Room, size: Point = (0.0, 0.0), above: float = 0.0) -> None:
        """Add a node, with what is above it, or a frame; the size of a frame follows."""
        self.above.append(above)
        self.places[member] = len(self.members)
        self.members.append(member)
        self.sizes.append(size)

    def net(self, tail: int, source: int) -> Net:
        """Return the arrows from a node, which start at a member or outside."""
        return self.nets.setdefault(tail, Net(source))

    def plan(self) -> None:
        """Find what the columns follow from, when all arrows are known."""
        labels = [0.0] * len(self.members)
        arrows = []
        for net in self.nets.values():
            for target in net.targets.values():
                arrows.append((net.source, target.thing))
                if target.thing != OUTSIDE and target.port is None:
                    labels[target.thing] = max(labels[target.thing], target.straight_end)
        self.planned = Plan(len(self.members), arrows, labels)
        self.beside = Counter(self.depth(member) for member in self.members if isinstance(member, Room))

    def depth(self, member: int | Room) -> int:
        """Return how many things stand before a member at least."""
        return self.planned.depth[self.places[member]]

    def estimate(self, available: float) -> int:
        """Choose the columns for a height that is available, and estimate the size.

        Returns:
            How many columns all arrows together pass.
        """
        inside, lanes = available - (self.title[1] + 2 * PADDING if self.path else 0.0), 0
        for member in self.members:
            if isinstance(member, Room):
                lanes += member.estimate(inside / self.beside[self.depth(member)] - CLEARANCE)
                self.sizes[self.places[member]] = member.width, member.height
        heights = [height for _, height in self.sizes]
        least, passed = math.inf, 0
        for part in FILLINGS:
            columns = self.planned.columns(heights, inside * part)
            width, height, found = self.planned.size(columns, self.sizes)
            cost = width * max(height, inside) + found * PASSING_COSTS
            if cost < least:
                least, self.columns, self.width, self.height, passed = cost, columns, width, height, found
        if self.path:
            self.width += 2 * PADDING
            self.height += self.title[1] + 2 * PADDING
        return lanes + passed

    def covered(self) -> float:
        """Return the area of all boxes in it, each as wide as its column."""
        area, widths = 0.0, dict[int, float]()
        for member, column, (width, _) in zip(self.members, self.columns, self.sizes, strict=True):
            if isinstance(member, Room):
                area += member.covered()
            else:
                widths[column] = max(widths.get(column, 0.0), width)
        return area + sum(
            widths[column] * height
            for member, column, (_, height) in zip(self.members, self.columns, self.sizes, strict=True)
            if not isinstance(member, Room)
        )

    def fill(self, first: Sequence[int] = ()) -> None:
        """Lay out what is in it, when all frames in it are laid out.

        Args:
            first: The first column of each line; none for a single line.
        """
        for tail, net in self.nets.items():
            if net.source != OUTSIDE:
                if isinstance(inner := self.members[net.source], Room):
                    net.port = inner.level.departures[tail].middle + inner.top - inner.height / 2
                else:
                    net.port = self.above[net.source] / 2
            for target in net.targets.values():
                if target.thing != OUTSIDE and isinstance(inner := self.members[target.thing], Room):
                    target.port = inner.level.arrivals[tail].middle + inner.top - inner.height / 2
        things = []
        for member, size, above in zip(self.members, self.sizes, self.above, strict=True):
            if isinstance(member, Room):
                things.append((member.width, member.height, True, 0.0))
            else:
                things.append((*size, False, above))
        if first:
            self.level = Lines(things, self.columns, self.nets, first)
        else:
            self.level = Level(things, self.columns, self.nets)
        self._measure()

    def breaks(self) -> list[tuple[int, ...]]:
        """Return how the page can be broken into lines when it is laid out in one."""
        level = self.level
        assert isinstance(level, Level)
        if level.width <= min(LINES):
            return []
        pairs = ((net.source, target.thing) for net in self.nets.values() for target in net.targets.values())
        if any(self.columns[tail] >= self.columns[head] for tail, head in pairs):
            return []  # an arrow leads back
        ends = [start + width for start, width in zip(level.starts, level.widths, strict=True)]
        widths = [end - before for before, end in pairwise([0.0, *ends])]
        found = dict.fromkeys(tuple(broken(widths, longest)) for longest in LINES)
        return [first for first in found if len(first) > 1]

    def _measure(self) -> None:
        """Find the size, with the title."""
        self.width, self.height = self.level.width, self.level.height
        if not self.path:
            return
        width, height = self.title
        self.left = self.top = PADDING
        if self.down:
            self.left += height
            # The title stands at the left of where arrows come in.
            first = min((stop.middle for stop in self.level.arrivals.values()), default=math.inf)
            self.top = max(PADDING, width + 2 * PADDING - first)
            self.height = max(self.height + self.top, width + PADDING) + PADDING
        else:
            self.top += height
            self.height += self.top + PADDING
            self.width = max(self.width, width)
        self.width += self.left + PADDING
