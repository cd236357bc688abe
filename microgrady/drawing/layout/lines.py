"""A page that is too wide, broken into lines as a text is: arrows go on at the left of the next line."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from microgrady.drawing.layout.levels import OUTSIDE, Key, Level, Net, Point, Target
from microgrady.drawing.layout.stops import Stop

Thing = tuple[float, float, bool, float]

TRACK = 4.0  # between arrows on the way to the next line
CORNER = 4.0  # the radius of their corners
GAP = 2 * CORNER  # above and below them


class Lines:
    """Levels below each other.

    Args:
        things: As for a `Level`.
        columns: The column of each.
        nets: The arrows, by the number of the box where they start.
        first: The first column of each line.
    """

    def __init__(
        self, things: Sequence[Thing], columns: Sequence[int], nets: dict[int, Net], first: Sequence[int]
    ) -> None:
        self.line_of = [bisect_right(first, column) - 1 for column in columns]
        columns = self._with_late_leaves(columns, nets)
        self.line_of = numbered(self.line_of)  # a line may have had leaves alone
        self.place = [0] * len(things)
        self.inside: list[list[int]] = [[] for _ in set(self.line_of)]
        for thing, line in enumerate(self.line_of):
            self.place[thing] = len(self.inside[line])
            self.inside[line].append(thing)
        self.nets = [self._nets(nets, line) for line in range(len(self.inside))]
        self.levels = [
            Level([things[thing] for thing in inside], numbered([columns[thing] for thing in inside]), found)
            for inside, found in zip(self.inside, self.nets, strict=True)
        ]
        self._arrange()
        self.arrivals: dict[int, Stop] = {}  # a page has nothing around it
        self.departures: dict[int, Stop] = {}
        self.stops: list[Stop] = [self._stop(thing) for thing in range(len(things))]

    def _with_late_leaves(self, columns: Sequence[int], nets: dict[int, Net]) -> list[int]:
        """Put each leaf into the first line that uses it, and return all columns, with room for more between them."""
        spread, uses, results = [2 * column for column in columns], defaultdict[int, list[int]](list), set[int]()
        for net in nets.values():
            for target in net.targets.values():
                uses[net.source].append(target.thing)
                results.add(target.thing)
        for leaf in uses.keys() - results:
            column, user = min((columns[thing], thing) for thing in uses[leaf])
            if self.line_of[user] > self.line_of[leaf]:
                self.line_of[leaf] = self.line_of[user]
                spread[leaf] = 2 * column - 1
        return spread

    def _nets(self, nets: dict[int, Net], line: int) -> dict[int, Net]:
        """Return the arrows of one line, those that come from the lines above and go on to those below included."""
        found: dict[int, Net] = {}
        for name, net in nets.items():
            start = self.line_of[net.source]
            targets: dict[Key, Target] = {
                key: replace(target, thing=self.place[target.thing])
                for key, target in net.targets.items()
                if self.line_of[target.thing] == line
            }
            goes_on = any(self.line_of[target.thing] > line for target in net.targets.values())
            if start > line or not (targets or goes_on):
                continue
            if goes_on:
                targets[OUTSIDE] = Target(OUTSIDE)
            found[name] = Net(self.place[net.source], net.port) if start == line else Net(OUTSIDE)
            found[name].targets = targets
        return found

    def _arrange(self) -> None:
        """Find where the lines stand, and in which order arrows leave each."""
        self.leaving = [
            sorted(level.departures, key=lambda name: level.departures[name].middle) for level in self.levels
        ]
        self.left = max([TRACK * len(names) for names in self.leaving[:-1]], default=0.0) + CORNER
        self.tops, top = [0.0], 0.0
        for level, names in zip(self.levels[:-1], self.leaving, strict=False):
            top += level.height + 2 * GAP + TRACK * len(names)
            self.tops.append(top)
        self.height = top + self.levels[-1].height
        ends = [
            level.width + TRACK * len(names) + CORNER for level, names in zip(self.levels, self.leaving, strict=True)
        ]
        self.width = self.left + max(ends)

    def _stop(self, thing: int) -> Stop:
        """Return where a thing stands on the page."""
        line = self.line_of[thing]
        inner = self.levels[line].stops[self.place[thing]]
        stop = Stop(inner.width, inner.height, has_ports=inner.has_ports)
        stop.start, stop.middle = self.left + inner.start, self.tops[line] + inner.middle
        return stop

    def way(self, name: int, key: Key) -> list[Point]:
        """Return the points of the curves along which an arrow leads, as `Level.way` does."""
        passed = [line for line, nets in enumerate(self.nets) if name in nets]
        last = next(line for line in passed if key in self.nets[line][name].targets)
        points = self._shifted(passed[0], name, OUTSIDE if last > passed[0] else key)
        for line, below in pairwise(passed[: passed.index(last) + 1]):
            following = self._shifted(below, name, OUTSIDE if below < last else key)
            points += [*self._to_next(line, name, points[-1], following[0]), *following[1:]]
        return points

    def _shifted(self, line: int, name: int, key: Key) -> list[Point]:
        """Return the way through one line."""
        return [(self.left + x, self.tops[line] + y) for x, y in self.levels[line].way(name, key)]

    def _to_next(self, line: int, name: int, start: Point, end: Point) -> list[Point]:
        """Return the way from the end of a line to the start of the next: none of these cross if none need to."""
        rank = self.leaving[line].index(name)
        count = len(self.leaving[line])
        right = start[0] + TRACK * (count - rank)
        level = self.tops[line] + self.levels[line].height + GAP + TRACK * (count - rank - 0.5)
        left = end[0] - TRACK * (rank + 1)
        return list(rounded([start, (right, start[1]), (right, level), (left, level), (left, end[1]), end]))


def numbered(columns: Sequence[int]) -> list[int]:
    """Number columns, or lines, from 0 with none left out."""
    places = {column: place for place, column in enumerate(sorted(set(columns)))}
    return [places[column] for column in columns]


def rounded(corners: Sequence[Point]) -> Iterator[Point]:
    """Yield the points of the curves along lines from corner to corner, after the first one."""
    at = corners[0]
    for corner, following in pairwise(corners[1:]):
        before, after = towards(corner, at), towards(corner, following)
        yield from straight(at, before)
        yield from (corner, corner, after)
        at = after
    yield from straight(at, corners[-1])


def towards(corner: Point, other: Point) -> Point:
    """Return the point where the curve around a corner begins, or ends."""
    sides = [
        0.0 if here == there else CORNER if there > here else -CORNER for here, there in zip(corner, other, strict=True)
    ]
    return corner[0] + sides[0], corner[1] + sides[1]


def straight(start: Point, end: Point) -> Iterator[Point]:
    """Yield the points of a line as a curve, after the first one."""
    for share in (1 / 3, 2 / 3, 1.0):
        yield start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def broken(widths: Sequence[float], longest: float) -> list[int]:
    """Choose the first column of each line, so that the lines are about as long as each other.

    Args:
        widths: The width of each column with the room before it.
        longest: The width of a line; one that has a single column may be longer.

    Returns:
        The columns, from 0.
    """
    count = len(filled(widths, longest))
    low, high = 0.0, longest
    for _ in range(20):
        middle = (low + high) / 2
        if len(filled(widths, middle)) > count:
            low = middle
        else:
            high = middle
    return filled(widths, high)


def filled(widths: Sequence[float], longest: float) -> list[int]:
    """Choose the first column of each line, with as much in each as there is room for."""
    starts, used = [0], 0.0
    for column, width in enumerate(widths):
        if used and used + width > longest:
            starts.append(column)
            used = 0.0
        used += width
    return starts
