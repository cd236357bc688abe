"""What stands in a column of a picture, and what joins neighbouring columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from microgrady.drawing.layout.columns import CLEARANCE, LANE_CLEARANCE

ENTRY, ENTRIES_MARGIN = 6.0, 4.0  # between arrows that enter the same box, and above and below them


class Stop:
    """A box, a frame, an end at the frame's border, or an arrow where it passes a column.

    Args:
        width: Along the arrows.
        height: Across them.
        is_lane: Whether it is an arrow that passes, or an end of one.
        has_ports: Whether arrows enter it at places of their own.
        leads_back: Whether it is an arrow that passes from the right to the left: below all else.
        above: How much of the height is above the box that arrows enter and leave.
    """

    __slots__ = (
        "above",
        "after",
        "before",
        "column",
        "has_ports",
        "height",
        "is_lane",
        "key",
        "leads_back",
        "middle",
        "returning",
        "start",
        "width",
    )

    def __init__(
        self,
        width: float,
        height: float,
        *,
        is_lane: bool = False,
        has_ports: bool = False,
        leads_back: bool = False,
        above: float = 0.0,
    ) -> None:
        self.width, self.height, self.above = width, height, above
        self.is_lane, self.has_ports, self.leads_back = is_lane, has_ports, leads_back
        self.column = 0
        self.start = 0.0  # along the arrows
        self.middle = 0.0  # across them
        self.key = 0.0  # by which its column is sorted
        self.before: list[Link] = []
        self.returning: list[Link] = []  # what enters it from arrows that lead back
        self.after: list[Link] = []


class Link:
    """A piece of an arrow, or of several from the same box, between neighbouring columns.

    Args:
        left: Where it starts.
        right: Where it ends.
        label: The size of its label across the arrows; 0 for none.
        leaves: Where it leaves what is on its left, from the middle of that.
        enters: Where it enters what is on its right, from the middle of that.
    """

    __slots__ = ("enters", "label", "leads_back", "leaves", "left", "right", "weight")

    def __init__(self, left: Stop, right: Stop, label: float = 0.0, leaves: float = 0.0, enters: float = 0.0) -> None:
        self.left, self.right, self.label = left, right, label
        self.leaves, self.enters = leaves, enters
        self.weight = 1.0 + 2.0 * left.is_lane + 2.0 * right.is_lane
        # An arrow that leads back turns around within a column.
        self.leads_back = left.column == right.column
        if self.leads_back:
            right.returning.append(self)
        else:
            left.after.append(self)
            right.before.append(self)


def distance(upper: Stop, lower: Stop) -> float:
    """Return how far apart the middles of neighbours in a column are at least."""
    clear = LANE_CLEARANCE if upper.is_lane or lower.is_lane else CLEARANCE
    return (upper.height + lower.height) / 2 + clear


def packed_height(column: Sequence[Stop]) -> float:
    """Return the height of a column without any room to spare."""
    if not column:
        return 0.0
    apart = sum(distance(upper, lower) for upper, lower in pairwise(column))
    return apart + (column[0].height + column[-1].height) / 2


def pack(column: Sequence[Stop]) -> None:
    """Put the stops of a column as near to each other as they may be, around 0."""
    if not column:
        return
    middle = column[0].height / 2 - packed_height(column) / 2
    column[0].middle = middle
    for upper, lower in pairwise(column):
        middle += distance(upper, lower)
        lower.middle = middle
