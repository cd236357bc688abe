"""The order in which the results of a batch are added up: the same whatever computes them, and on how many cores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

PIECE = 16_384  # points whose sum is made by itself
LANES = 8  # sums that are made side by side in a piece, whatever vectors the computer has


def fold(terms: Sequence[Any], reduce: str) -> Any:
    """Return the sum or the mean of numbers, floats or Values.

    Kernels add in this order, to the last bit: in each piece eight sums, then these, and then those of the pieces.

    Args:
        terms: The numbers, point by point.
        reduce: "sum" or "mean".

    Example:
        >>> fold([1.0, 2.0, 4.5], "sum"), fold([1.0, 2.0, 4.5], "mean")
        (7.5, 2.5)
    """
    sums = NeighbourSums(-(-len(terms) // PIECE))
    for piece, start in enumerate(range(0, len(terms), PIECE)):
        lanes: list[Any] = [0.0] * LANES
        for place, term in enumerate(terms[start : start + PIECE]):
            lanes[place % LANES] = lanes[place % LANES] + term
        sums.add(piece, over_lanes(lanes))
    return finished(0.0 if sums.total is None else sums.total, len(terms), reduce)


def over_lanes(lanes: Sequence[Any]) -> Any:
    """Return the sum of the eight sums of a piece."""
    a, b, c, d, e, f, g, h = lanes
    return ((a + e) + (c + g)) + ((b + f) + (d + h))


def finished(total: Any, count: int, reduce: str) -> Any:
    """Return the sum or the mean of so many numbers, of which the sum is given; without numbers the mean is nan."""
    if reduce == "sum":
        return total
    return total / count if count else math.nan


class NeighbourSums:
    """The sum of pieces that come in any order: those of neighbours are added, as soon as both are there.

    So are the sums of neighbouring pairs, and so on. What has no neighbour goes up as it is.

    Args:
        count: How many pieces there are.

    Attributes:
        total: The sum, when all pieces have come; None before, and if there are none.

    Example:
        >>> sums = NeighbourSums(3)
        >>> for piece in (2, 0, 1):
        ...     sums.add(piece, float(piece))
        >>> sums.total
        3.0
    """

    def __init__(self, count: int) -> None:
        self.total: Any = None
        self._count = count
        self._waiting: dict[tuple[int, int], Any] = {}  # by the height and the place there

    def add(self, place: int, total: Any) -> None:
        """Add what a piece comes to."""
        height, count = 0, self._count
        while count > 1:
            if place ^ 1 < count:
                neighbour = self._waiting.pop((height, place ^ 1), None)
                if neighbour is None:
                    self._waiting[height, place] = total
                    return
                total = neighbour + total if place % 2 else total + neighbour
            height, place, count = height + 1, place // 2, (count + 1) // 2
        self.total = total
