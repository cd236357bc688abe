"""In which order things stand in their columns, so that few arrows cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence

from microgrady.drawing.layout.stops import Link, Stop, pack

PATIENCE = 5  # rounds without a better order
MOST_LINKS = 12  # at a thing that is swapped with its neighbour


def order(columns: list[list[Stop]], rounds: int) -> None:
    """Order each column, by turns from the left and from the right; the best order found stays."""
    start(columns)
    best, least, waited = [list(column) for column in columns], crossings(columns), 0
    for turn in range(rounds):
        if not least or waited > PATIENCE:
            break
        sweep(columns, from_left=turn % 2 == 1)
        if turn % 4 >= 2:
            swap(columns)
        found = crossings(columns)
        waited += 1
        if found < least:
            best, least, waited = [list(column) for column in columns], found, 0
    for column, ordered in zip(columns, best, strict=True):
        column[:] = ordered
        pack(column)


def start(columns: Sequence[list[Stop]]) -> None:
    """Order all as a walk from the last results to their operands meets them: a tree has no crossings then."""
    number: dict[Stop, int] = {}
    for column in reversed(columns):
        for stop in column:
            pending = [stop]
            while pending:
                found = pending.pop()
                if found not in number:
                    number[found] = len(number)
                    pending += [link.left for link in reversed(found.before)]
    for column in columns:
        column.sort(key=lambda stop: (stop.leads_back, number[stop]))
        pack(column)


def sweep(columns: Sequence[list[Stop]], *, from_left: bool) -> None:
    """Put each stop at the mean height of what it is joined to on the one side, or else on the other."""
    for column in columns if from_left else reversed(columns):
        for stop in column:
            first, second = (stop.before, stop.after) if from_left else (stop.after, stop.before)
            stop.key = (
                _mean(first, from_left, stop)
                if first
                else _mean(second, not from_left, stop)
                if second
                else stop.middle
            )
        column.sort(key=_key)
        pack(column)


def _key(stop: Stop) -> tuple[bool, float]:
    return stop.leads_back, stop.key


def _mean(links: Sequence[Link], at_left: bool, stop: Stop) -> float:
    """Return where the middle of a stop would be best for some of its links."""
    if at_left:
        total = sum([link.left.middle + link.leaves - link.enters for link in links])
    else:
        total = sum([link.right.middle + link.enters - link.leaves for link in links])
    return total / len(links)


def crossings(columns: Sequence[Sequence[Stop]]) -> int:
    """Count the crossings between all neighbouring columns."""
    total = 0
    for column in columns:
        ends = sorted(
            [(stop.middle + link.leaves, link.right.middle + link.enters) for stop in column for link in stop.after]
        )
        passed: list[float] = []
        for _, end in ends:
            total += len(passed) - bisect_right(passed, end)
            insort(passed, end)
    return total


def swap(columns: Sequence[list[Stop]]) -> None:
    """Swap neighbours in a column where that takes crossings away."""
    for column in columns:
        for place in range(len(column) - 1):
            upper, lower = column[place], column[place + 1]
            if max(len(upper.before), len(upper.after), len(lower.before), len(lower.after)) > MOST_LINKS:
                continue
            if upper.leads_back or lower.leads_back:
                continue
            now = then = 0
            for ups, lows in (
                ([x.left.middle + x.leaves for x in upper.before], [x.left.middle + x.leaves for x in lower.before]),
                ([x.right.middle + x.enters for x in upper.after], [x.right.middle + x.enters for x in lower.after]),
            ):
                for up in ups:
                    for low in lows:
                        now += up > low
                        then += up < low
            if then < now:
                column[place], column[place + 1] = lower, upper
        pack(column)
