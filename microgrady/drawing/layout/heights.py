"""How high things stand in their columns, so that arrows are straight."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from microgrady.drawing.layout.stops import ENTRIES_MARGIN, ENTRY, Link, Stop, distance

MOST_APART = 24.0  # arrows that enter the same box


def settle(columns: Sequence[Sequence[Stop]], low: float, high: float, rounds: int) -> None:
    """Move all stops up and down within their order until the arrows are as straight as they can be."""
    for turn in range(rounds):
        spread_entries(columns)
        for column in columns if turn % 2 else reversed(columns):
            _by_means(column, low, high, both=turn > 1, from_left=turn % 2 == 1)
    for turn in range(rounds):
        spread_entries(columns)
        for column in columns if turn % 2 else reversed(columns):
            _by_medians(column, low, high)
        straighten(columns, low, high)
    spread_entries(columns)


def straighten(columns: Sequence[Sequence[Stop]], low: float, high: float) -> None:
    """Lead each arrow straight through as many columns as there is room for it at one height."""
    upper: dict[Stop, Stop] = {}
    lower: dict[Stop, Stop] = {}
    for column in columns:
        for stop, following in pairwise(column):
            upper[following], lower[stop] = stop, following
    for column in columns:
        for stop in column:
            if stop.is_lane and not any(link.left.is_lane for link in stop.before):
                lanes = [stop]
                while (link := next((link for link in lanes[-1].after if link.right.is_lane), None)) is not None:
                    lanes.append(link.right)
                source = stop.before[0] if stop.before else None
                level = source.left.middle + source.leaves if source else stop.middle
                _straighten_lanes(lanes, level, [_room(lane, upper, lower, low, high) for lane in lanes])


def _room(lane: Stop, upper: dict[Stop, Stop], lower: dict[Stop, Stop], low: float, high: float) -> tuple[float, float]:
    """Return between which heights a lane can be moved."""
    above, below = upper.get(lane), lower.get(lane)
    return (
        low + lane.height / 2 if above is None else above.middle + distance(above, lane),
        high - lane.height / 2 if below is None else below.middle - distance(lane, below),
    )


def _straighten_lanes(lanes: Sequence[Stop], level: float, rooms: Sequence[tuple[float, float]]) -> None:
    """Move the lanes of an arrow to few heights, each as near to the one before as can be."""
    start = 0
    while start < len(lanes):
        least, most = rooms[start]
        end = start + 1
        while end < len(lanes) and max(least, rooms[end][0]) <= min(most, rooms[end][1]):
            least, most = max(least, rooms[end][0]), min(most, rooms[end][1])
            end += 1
        level = max(least, min(level, most))
        for lane in lanes[start:end]:
            lane.middle = level
        start = end


def spread_entries(columns: Sequence[Sequence[Stop]]) -> None:
    """Let the arrows that enter a box do so in the order in which they come."""
    for column in columns:
        for stop in column:
            if not stop.is_lane and not stop.has_ports:
                spread_over(stop, stop.before + stop.returning)


def spread_over(stop: Stop, links: list[Link]) -> None:
    """Spread the ends of arrows over the side of a box, with room for a label above each that has one."""
    if not links:
        return
    links.sort(key=_source)
    needs = [link.label + 1.0 if link.label else ENTRY for link in links]
    height = stop.height - stop.above
    spare = max(0.0, height - sum(needs) - ENTRIES_MARGIN) / len(links)
    needs = [min(need + spare, max(MOST_APART, need)) for need in needs]
    offset = -sum(needs[1:]) / 2
    # The first label stays beside the box.
    offset = max(offset, links[0].label + 1.0 - height / 2) + stop.above / 2
    for link, need in zip(links, [0.0, *needs[1:]], strict=True):
        offset += need
        link.enters = offset


def _source(link: Link) -> float:
    return link.left.middle + link.leaves


def _by_means(column: Sequence[Stop], low: float, high: float, *, both: bool, from_left: bool) -> None:
    """Put the stops where the squares of the slopes are least."""
    blocks: list[list[float]] = []  # weighted sum, weight, count
    shifts = _shifts(column)
    for stop, shift in zip(column, shifts, strict=True):
        total = weight = 0.0
        if both or from_left or not stop.after:
            for link in stop.before:
                total += link.weight * (link.left.middle + link.leaves - link.enters)
                weight += link.weight
        if both or not from_left or not stop.before:
            for link in stop.after:
                total += link.weight * (link.right.middle + link.enters - link.leaves)
                weight += link.weight
        if not weight:
            total, weight = stop.middle * 0.01, 0.01
        blocks.append([total - weight * shift, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    _put(column, shifts, [(total / weight, int(count)) for total, weight, count in blocks], low, high)


def _by_medians(column: Sequence[Stop], low: float, high: float) -> None:
    """Put the stops where the sum of the heights of all slopes is least: then most arrows are quite straight."""
    blocks: list[tuple[list[tuple[float, float]], float, float, int]] = []  # wishes, their median, middles, count
    shifts = _shifts(column)
    for stop, shift in zip(column, shifts, strict=True):
        wishes = [(link.left.middle + link.leaves - link.enters - shift, link.weight) for link in stop.before]
        wishes += [(link.right.middle + link.enters - link.leaves - shift, link.weight) for link in stop.after]
        wishes.sort()
        block = (wishes, median(wishes, stop.middle - shift), stop.middle - shift, 1)
        while blocks and blocks[-1][1] >= block[1]:
            other = blocks.pop()
            merged = sorted(other[0] + block[0])
            middle = (other[2] * other[3] + block[2] * block[3]) / (other[3] + block[3])
            block = (merged, median(merged, middle), middle, other[3] + block[3])
        blocks.append(block)
    _put(column, shifts, [(block[1], block[3]) for block in blocks], low, high)


def _shifts(column: Sequence[Stop]) -> list[float]:
    """Return how far each stop is below the first one where there is no room to spare."""
    apart = (distance(upper, lower) for upper, lower in pairwise(column))
    return list(accumulate(apart, initial=0.0))[: len(column)]


def median(wishes: Sequence[tuple[float, float]], present: float) -> float:
    """Return the weighted median that is nearest to what is."""
    if not wishes:
        return present
    half = sum([weight for _, weight in wishes]) / 2
    passed = 0.0
    for place, (wish, weight) in enumerate(wishes):
        passed += weight
        if passed > half:
            return wish
        if passed == half:
            return min(max(present, wish), wishes[place + 1][0])
    return wishes[-1][0]


def _put(
    column: Sequence[Stop], shifts: Sequence[float], blocks: Sequence[tuple[float, int]], low: float, high: float
) -> None:
    """Set the middles, within the page."""
    if not column:
        return
    low += column[0].height / 2
    high = max(low, high - column[-1].height / 2 - shifts[-1])
    places = iter(zip(column, shifts, strict=True))
    for middle, count in blocks:
        at = min(max(middle, low), high)
        for _ in range(count):
            stop, shift = next(places)
            stop.middle = at + shift
