"""What is in one frame, or in none: the places of things in their columns, and the ways of the arrows between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from microgrady.drawing.layout.columns import LANE
from microgrady.drawing.layout.crossings import order
from microgrady.drawing.layout.heights import settle
from microgrady.drawing.layout.stops import Link, Stop, packed_height

Point = tuple[float, float]
Key = int | tuple[str, ...]

OUTSIDE = -1  # in place of a thing or of an arrow, for what is beyond the frame
ARROW_HEAD = 7.0
LINE = 3.0  # an arrow leads straight on for so long before its head
TURN = 24.0  # room for an arrow that turns back
LEAST_CURVE, MOST_CURVE, SLOPE = 7.0, 44.0, 0.07  # room for curves, and how it grows with their height
STRAIGHT, NOT_CURVED = 0.5, 7.0  # curves lower than this, and the room for them
ROUNDS, WORK = 12, 60_000  # the most rounds of a search, and the links in all of them together


@dataclass(eq=False)
class Target:
    """Where an arrow leads to, or several that enter the same frame.

    Args:
        thing: The place of a thing, or OUTSIDE.
        label: How much room the label takes along the arrow, and across it.
        port: Where it enters a frame, from the middle of that; None for a box.
    """

    thing: int
    label: Point = (0.0, 0.0)
    port: float | None = None

    @property
    def straight_end(self) -> float:
        """How far the arrow leads straight on before its end."""
        return self.label[0] + ARROW_HEAD + LINE


@dataclass(eq=False)
class Net:
    """All arrows from one box.

    Args:
        source: The place of the thing where they start, or OUTSIDE.
        port: Where they leave it, from its middle.
        targets: Where they lead to: by their numbers, OUTSIDE, or the path of a frame.
        lanes: Where they pass columns, after their start.
        returns: Where they pass columns on the way back.
        links: Their last pieces, by their target.
        trunk: Their common way.
        known: How many of its points lead to the lane in a column.
    """

    source: int
    port: float = 0.0
    targets: dict[Key, Target] = field(default_factory=dict)
    lanes: dict[int, Stop] = field(default_factory=dict)
    returns: dict[int, Stop] = field(default_factory=dict)
    links: dict[Key, Link] = field(default_factory=dict)
    trunk: Way | None = None
    known: dict[int, int] = field(default_factory=dict)


class Way:
    """Bézier curves in a row.

    Args:
        points: Those of the first curves; at least the start.
    """

    def __init__(self, points: list[Point]) -> None:
        self.points = points
        self.ends_straight = False

    @property
    def settled(self) -> int:
        """How many points stay whatever comes next: not those of a line that may become longer."""
        return len(self.points) - 3 * self.ends_straight

    def line_to(self, along: float) -> None:
        """Go straight on."""
        start, across = self.points[-1]
        if abs(along - start) < 1e-6:
            return
        if self.ends_straight:
            start, _ = self.points[-4]
            del self.points[-3:]
        third = (along - start) / 3
        self.points += [(start + third, across), (along - third, across), (along, across)]
        self.ends_straight = True

    def curve_to(self, along: float, across: float) -> None:
        """Go on, and to another height."""
        start, level = self.points[-1]
        if abs(across - level) < 0.05:
            self.line_to(along)
            return
        middle = (start + along) / 2
        self.points += [(middle, level), (middle, across), (along, across)]
        self.ends_straight = False

    def turn_to(self, across: float, room: float) -> None:
        """Turn back at another height; to the left if the room is negative."""
        along, level = self.points[-1]
        self.points += [(along + room, level), (along + room, across), (along, across)]
        self.ends_straight = False


class Level:
    """Boxes and frames in columns, with the arrows between them.

    Args:
        things: The width (along the arrows) and the height of each, whether it is a frame, and how much of the height
            is above the box that arrows enter.
        columns: The column of each.
        nets: The arrows, by the number of the box where they start.
    """

    def __init__(
        self, things: Sequence[tuple[float, float, bool, float]], columns: Sequence[int], nets: dict[int, Net]
    ) -> None:
        self.nets = nets
        self.stops = [Stop(width, height, has_ports=framed, above=above) for width, height, framed, above in things]
        self.arrivals: dict[int, Stop] = {}
        self.departures: dict[int, Stop] = {}
        self._make_columns(columns)
        links = sum(len(stop.after) for column in self.columns for stop in column) + 1
        rounds = max(2, min(ROUNDS, WORK // links))
        order(self.columns, 2 * rounds)
        self.height = max(map(packed_height, self.columns), default=0.0)
        settle(self.columns, 0.0, self.height, rounds)
        self._measure()

    def _make_columns(self, columns: Sequence[int]) -> None:
        """Put all into columns, with one before for arrows from outside, and one after for those to the outside."""
        arrive = any(net.source == OUTSIDE for net in self.nets.values())
        leave = any(OUTSIDE in net.targets for net in self.nets.values())
        self.columns: list[list[Stop]] = [[] for _ in range(arrive + max(columns, default=-1) + 1 + leave)]
        for stop, column in zip(self.stops, columns, strict=True):
            stop.column = column + arrive
            self.columns[stop.column].append(stop)
        for stops in self.columns:  # what stands in one column is equally wide: tidier, and less of the page is empty
            boxes = [stop for stop in stops if not stop.has_ports]
            widest = max((stop.width for stop in boxes), default=0.0)
            for stop in boxes:
                stop.width = widest
        for name, net in self.nets.items():
            source = self.stops[net.source] if net.source != OUTSIDE else self._lane(0)
            if net.source == OUTSIDE:
                self.arrivals[name] = source
            net.lanes, net.returns, net.trunk = {source.column: source}, {}, None
            for key, target in net.targets.items():
                if target.thing == OUTSIDE:
                    stop = self.departures[name] = self._lane(len(self.columns) - 1)
                else:
                    stop = self.stops[target.thing]
                if stop.column > source.column:
                    self._lead_on(net, key, source, stop)
                else:
                    self._lead_back(net, key, source, stop)

    def _lead_on(self, net: Net, key: Key, source: Stop, stop: Stop) -> None:
        """Lead an arrow through the columns on its way."""
        target = net.targets[key]
        last = source
        for column in range(max(net.lanes), stop.column - 1):
            last = net.lanes[column]
            lane = net.lanes[column + 1] = self._lane(column + 1)
            Link(last, lane, leaves=net.port if last is source else 0.0)
        last = net.lanes[stop.column - 1]
        leaves = net.port if last is source else 0.0
        net.links[key] = Link(last, stop, target.label[1], leaves, target.port or 0.0)

    def _lead_back(self, net: Net, key: Key, source: Stop, stop: Stop) -> None:
        """Lead an arrow back to a column before its start, below all else."""
        for column in range(min([source.column + 1, *net.returns]) - 1, stop.column - 1, -1):
            lane = net.returns[column] = self._lane(column, leads_back=True)
            if column < source.column:
                Link(lane, net.returns[column + 1])
        target = net.targets[key]
        net.links[key] = Link(net.returns[stop.column], stop, target.label[1], 0.0, target.port or 0.0)

    def _lane(self, column: int, *, leads_back: bool = False) -> Stop:
        """Make room for an arrow in a column."""
        lane = Stop(0.0, LANE, is_lane=True, leads_back=leads_back)
        lane.column = column
        self.columns[column].append(lane)
        return lane

    def _measure(self) -> None:
        """Find where the columns begin, with room for curves and labels between them."""
        count = len(self.columns)
        self.ends, turns = [0.0] * (count + 1), [0.0] * (count + 1)
        for net in self.nets.values():
            for key, target in net.targets.items():
                if target.thing != OUTSIDE:
                    at_left = self.stops[target.thing].column
                    if target.port is None:
                        self.ends[at_left] = max(self.ends[at_left], target.straight_end)
                    if net.links[key].leads_back:
                        turns[at_left] = turns[self.stops[net.source].column + 1] = TURN
        self.widths = [max(stop.width for stop in column) if column else 0.0 for column in self.columns]
        self.starts: list[float] = []
        self.curves: list[float] = []
        at = 0.0
        for place, column in enumerate(self.columns):
            self.curves.append(max(curve_room(column), turns[place], NOT_CURVED if place else 0.0))
            at += self.curves[place] + self.ends[place]
            self.starts.append(at)
            for stop in column:
                is_leaf = not stop.before and not stop.is_lane
                stop.start = at + (self.widths[place] - stop.width if is_leaf else 0.0)
            at += self.widths[place]
        self.curves.append(turns[count])
        self.width = at + turns[count]

    def way(self, name: int, key: Key) -> list[Point]:
        """Return the points of the curves along which an arrow leads.

        Args:
            name: The number of the box where it starts.
            key: Which one it is: its number, OUTSIDE, or the path of the frame that it enters.
        """
        net = self.nets[name]
        target = net.targets[key]
        stop = self.departures[name] if target.thing == OUTSIDE else self.stops[target.thing]
        link = net.links[key]
        if link.leads_back:
            way = self._way_back(net, stop, link.enters)
        else:
            way = self._way_on(net, stop.column - 1)
            self._to_next(way, stop.column, stop.middle + link.enters)
        way.line_to(stop.start)
        return way.points

    def _way_on(self, net: Net, last: int) -> Way:
        """Return the way of arrows from their start to their lane in a column."""
        if net.trunk is None:
            first = min(net.lanes)
            source = net.lanes[first]
            net.trunk = Way([(source.start + source.width, source.middle + net.port)])
            net.known = {first: 1}
            for column in range(first + 1, max(net.lanes) + 1):
                self._to_next(net.trunk, column, net.lanes[column].middle)
                net.known[column] = net.trunk.settled
        return Way(net.trunk.points[: net.known[last]])

    def _to_next(self, way: Way, column: int, level: float) -> None:
        """Go on to where the labels before a column begin."""
        way.line_to(self.starts[column - 1] + self.widths[column - 1])
        way.curve_to(self.starts[column] - self.ends[column], level)

    def _way_back(self, net: Net, stop: Stop, enters: float) -> Way:
        """Return the way of an arrow to a column before its start."""
        source = self.stops[net.source]
        way = Way([(source.start + source.width, source.middle + net.port)])
        way.line_to(self.starts[source.column] + self.widths[source.column])
        way.turn_to(net.returns[source.column].middle, self.curves[source.column + 1])
        for column in range(source.column, stop.column, -1):
            way.line_to(self.starts[column] - self.ends[column])
            way.curve_to(self.starts[column - 1] + self.widths[column - 1], net.returns[column - 1].middle)
        way.line_to(self.starts[stop.column] - self.ends[stop.column])
        way.turn_to(stop.middle + enters, -self.curves[stop.column])
        return way


def curve_room(column: Sequence[Stop]) -> float:
    """Return how much room the curves that lead to a column need."""
    links = [link for stop in column for link in stop.before]
    if not links:
        return 0.0
    drop = max(abs(link.right.middle + link.enters - link.left.middle - link.leaves) for link in links)
    return NOT_CURVED if drop < STRAIGHT else min(MOST_CURVE, LEAST_CURVE + SLOPE * drop)
