"""Which column of a picture each thing stands in: operands to the left of results, and no column too high."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

CURVE = 26.0  # about, between columns
CLEARANCE = 7.0  # between two things in a column
LANE, LANE_CLEARANCE = 1.0, 4.5  # the height of an arrow that passes a column, and between it and what is beside it
CHANNEL = LANE + LANE_CLEARANCE  # what it takes of the column
MISSES = 30  # so many of the next things may be too high for what is left of a column


def sorted_by_arrows(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """Sort things so that few arrows lead back, none where there are no loops; the first comes as early as it can."""
    missing, after = [0] * count, [list[int]() for _ in range(count)]
    for tail, head in arrows:
        if tail != head:
            missing[head] += 1
            after[tail].append(head)
    ready = [thing for thing in range(count) if not missing[thing]]
    left, found, is_done = iter(range(count)), list[int](), [False] * count
    while len(found) < count:
        # Where there is a loop, it is entered at its first thing.
        thing = heapq.heappop(ready) if ready else next(other for other in left if not is_done[other])
        if is_done[thing]:
            continue
        is_done[thing] = True
        found.append(thing)
        for head in after[thing]:
            missing[head] -= 1
            if not missing[head] and not is_done[head]:
                heapq.heappush(ready, head)
    return found


class Plan:
    """What the columns of some things follow from.

    Args:
        count: How many things there are.
        arrows: From which things arrows lead to which; -1 for what is outside.
        labels: How much room each needs at its left for labels.
    """

    def __init__(self, count: int, arrows: Sequence[tuple[int, int]], labels: Sequence[float]) -> None:
        self.labels = labels
        self.found = sorted_by_arrows(count, [arrow for arrow in arrows if min(arrow) >= 0])
        place = {thing: i for i, thing in enumerate(self.found)}
        self.after: list[list[int]] = [[] for _ in range(count)]
        self.before: list[list[int]] = [[] for _ in range(count)]
        self.departs, self.arrives = [False] * count, [False] * count
        for tail, head in arrows:
            if tail < 0:
                self.arrives[head] |= head >= 0
            elif head < 0:
                self.departs[tail] = True
            elif place[tail] < place[head]:
                self.after[tail].append(head)
                self.before[head].append(tail)
        self.depth = [0] * count
        for thing in self.found:
            for operand in self.before[thing]:
                self.depth[thing] = max(self.depth[thing], self.depth[operand] + 1)

    def columns(self, heights: Sequence[float], limit: float) -> list[int]:
        """Choose the column of each thing, from the right: as near to its users as the height of the columns allows.

        Args:
            heights: The height of each thing.
            limit: That of the columns.

        Returns:
            The column of each, counted from the left.
        """
        missing = [len(users) for users in self.after]
        # An operation on the longest way from the left goes first; of leaves the one that has waited for longest.
        ready = [(-self.depth[thing], 0, thing) for thing in self.found if not missing[thing]]
        heapq.heapify(ready)
        is_open, passing = list(self.departs), sum(self.departs)
        columns, column, waited = [0] * len(heights), 0, 0
        while ready:
            for thing in list(_filling(ready, heights, is_open, limit - CHANNEL * passing)):
                columns[thing] = column
                passing -= is_open[thing]
                for operand in self.before[thing]:
                    missing[operand] -= 1
                    if not is_open[operand]:
                        is_open[operand] = True
                        passing += 1
                    if not missing[operand]:
                        waited += 1
                        heapq.heappush(ready, (-self.depth[operand], waited, operand))
            column += 1
        return [column - 1 - each for each in columns]

    def size(self, columns: Sequence[int], sizes: Sequence[tuple[float, float]]) -> tuple[float, float, int]:
        """Estimate the width and the height, and count how often an arrow passes a column."""
        count = max(columns, default=0) + 1
        heights, widths, labels = [0.0] * count, [0.0] * count, [0.0] * count
        ends, lanes = [0] * (count + 1), 0
        for thing, column in enumerate(columns):
            heights[column] += sizes[thing][1] + CLEARANCE
            widths[column] = max(widths[column], sizes[thing][0])
            labels[column] = max(labels[column], self.labels[thing])
            last = max([columns[user] for user in self.after[thing]], default=0)
            if self.departs[thing]:
                last = count
            if last > column + 1:
                lanes += last - column - 1
                ends[column + 1] += 1
                ends[last] -= 1
        passing = 0
        for column in range(count):
            passing += ends[column]
            heights[column] += passing * CHANNEL
        return sum(widths) + sum(labels) + CURVE * count, max(heights), lanes


def _filling(
    ready: list[tuple[int, int, int]], heights: Sequence[float], is_open: Sequence[bool], room: float
) -> Iterator[int]:
    """Take from what is ready as much as fits into a column, at least one thing."""
    kept: list[tuple[int, int, int]] = []
    found: list[int] = []
    while ready and len(kept) < MISSES:
        entry = heapq.heappop(ready)
        thing = entry[2]
        needed = heights[thing] + CLEARANCE - CHANNEL * is_open[thing]
        if found and needed > room:
            kept.append(entry)
        else:
            room -= needed
            found.append(thing)
    for entry in kept:
        heapq.heappush(ready, entry)
    return iter(found)
