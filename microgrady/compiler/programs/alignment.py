"""Which results stand side by side in memory, so that a loop which reads one after the other needs no table.

The first turn of a loop, and the last one, are often steps of their own. What they make is read in one go with what the
loop makes, and so has its place before or behind that, as if it had been made there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.compiler.programs.nests import Leaf, Outline, Waiting

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

FEW = 8  # so many numbers at most are copied to stand on a line with others, and so far apart may results be
DIMENSIONS = 3  # of an array beside which others are put, at most
BITS = 20  # of a coordinate
SAMPLE = 64  # turns by which a line is guessed


class Box:
    """An array in memory: the results of one leaf, and those of others before, behind and between them.

    Attributes:
        levels: The loops around the leaf whose turns are coordinates of the array.
        lows: The lowest value of each coordinate.
        highs: One more than the highest value of each.
        taken: The coordinates of all its numbers, packed into one each.
    """

    def __init__(self, leaf: Leaf) -> None:
        self.levels = [level for level, is_kept in enumerate(leaf.kept) if is_kept]
        self.lows = [0] * len(self.levels)
        self.highs = [int(leaf.nest.path[level].counts.max()) for level in self.levels]
        self.taken: set[int] = set()
        self.base = -1

    def strides(self) -> list[int]:
        """Return how far apart numbers are whose coordinates differ by one."""
        found, length = [0] * len(self.levels), 1
        for dimension in range(len(self.levels) - 1, -1, -1):
            found[dimension] = length
            length *= self.highs[dimension] - self.lows[dimension]
        return found

    def size(self) -> int:
        """Return how many numbers it has place for."""
        size = 1
        for low, high in zip(self.lows, self.highs, strict=True):
            size *= high - low
        return size

    def take(self, columns: Sequence[Array], count: int) -> bool:
        """Take `count` places at coordinates, a column for each; return whether all of them were free, and near."""
        lows = [min(low, int(column.min())) for low, column in zip(self.lows, columns, strict=True)]
        highs = [max(high, int(column.max()) + 1) for high, column in zip(self.highs, columns, strict=True)]
        for low, high, lowest, highest in zip(self.lows, self.highs, lows, highs, strict=True):
            if highest - lowest > 2 * (high - low) + FEW or highest - lowest >= 1 << (BITS - 2):
                return False
        packed: Any = 0
        for column in columns:
            packed = (packed << BITS) + column + (1 << (BITS - 1))
        places = set(packed.tolist())
        if len(places) != count or not self.taken.isdisjoint(places):
            return False
        self.taken |= places
        self.lows, self.highs = lows, highs
        return True


@dataclass
class Spot:
    """Where the results of a leaf are in a box.

    Attributes:
        box: The box.
        slopes: For each coordinate of the box how much it grows with each loop around the leaf.
        starts: For each coordinate its value in the first turn.
    """

    box: Box
    slopes: list[list[int]]
    starts: list[int]

    def coordinates(self, leaf: Leaf, at: Array) -> list[Array]:
        """Return the coordinates of the results of some turns."""
        found = []
        for slopes, start in zip(self.slopes, self.starts, strict=True):
            column: Array = 0 * at + start
            for slope, turns in zip(slopes, leaf.nest.turns, strict=True):
                if slope:
                    column = column + slope * turns[at]
            found.append(column)
        return found


class Alignment:
    """The boxes of all leaves whose results are needed in memory.

    Attributes:
        copies: For operands that also read what is not a result: of which row a copy stands at which coordinates.
    """

    def __init__(self, outline: Outline, leaves: Iterable[Leaf]) -> None:
        self.copies: dict[Waiting, list[tuple[int, Box, list[int]]]] = {}
        self._outline = outline
        self._spots = {leaf: _own_spot(leaf) for leaf in leaves}
        self._hosts = {leaf: leaf for leaf in self._spots}
        self._is_host: set[Leaf] = set()  # of others than itself

    def boxes(self) -> Iterable[Box]:
        """Return all boxes, each once."""
        return {id(spot.box): spot.box for spot in self._spots.values()}.values()

    def place(self) -> None:
        """Tell the leaves where their results are, once the boxes have their places."""
        for leaf, spot in self._spots.items():
            strides = spot.box.strides()
            moved = [start - low for start, low in zip(spot.starts, spot.box.lows, strict=True)]
            leaf.base = spot.box.base + _product(strides, moved)
            columns = list(zip(*spot.slopes, strict=True)) if spot.slopes else [()] * len(leaf.kept)
            leaf.strides = [_product(strides, column) for column in columns]

    def align(self, waiting: Waiting) -> None:
        """Put the results that an operand reads side by side, as far as they have no places yet."""
        import numpy

        nest = waiting.nest
        parts = sorted(waiting.parts, key=lambda part: -len(part[2]))
        others = numpy.flatnonzero(waiting.places < self._outline.first)
        if not parts or len(parts) + len(others) < 2 or len(others) > FEW or not nest.depth:
            return
        leaf, at, rows = parts[0]
        spot = self._spots.get(leaf)
        if spot is None or not 0 < len(spot.starts) <= DIMENSIONS:
            return
        self._note_own(leaf, spot)
        lines = []
        for coordinate in spot.coordinates(leaf, at):
            fitted = _fit(coordinate, [turns[rows] for turns in nest.turns])
            if fitted is None:
                return
            start, slopes = fitted
            line: Array = 0 * nest.times + start
            for slope, turns in zip(slopes, nest.turns, strict=True):
                line = line + slope * turns
            lines.append(line)
        for other, others_at, others_rows in parts[1:]:
            self._put_beside(leaf, other, others_at, [line[others_rows] for line in lines])
        for row in others.tolist():
            if spot.box.take([line[row : row + 1] for line in lines], 1):
                self.copies.setdefault(waiting, []).append((row, spot.box, [int(line[row]) for line in lines]))

    def _note_own(self, leaf: Leaf, spot: Spot) -> None:
        if not spot.box.taken:
            import numpy

            everywhere = spot.coordinates(leaf, numpy.arange(len(leaf.steps)))
            spot.box.take(everywhere, _count(leaf))

    def _put_beside(self, host: Leaf, leaf: Leaf, at: Array, columns: Sequence[Array]) -> None:
        """Put the results of a leaf into the box of another one, if those of some turns can be at such coordinates."""
        import numpy

        if leaf not in self._spots or leaf in self._is_host or self._hosts[leaf] is not leaf or leaf is host:
            return
        box, everywhere = self._spots[host].box, numpy.arange(len(leaf.steps))
        starts, slopes = [], []
        for column in columns:
            kept = [level for level, is_kept in enumerate(leaf.kept) if is_kept]
            fitted = _fit(column, [leaf.nest.turns[level][at] for level in kept])
            if fitted is None:
                return
            starts.append(fitted[0])
            grows = dict(zip(kept, fitted[1], strict=True))
            slopes.append([grows.get(level, 0) for level in range(len(leaf.kept))])
        spot = Spot(box, slopes, starts)
        if not box.take(spot.coordinates(leaf, everywhere), _count(leaf)):
            return
        self._spots[leaf] = spot
        self._hosts[leaf] = self._hosts[host]
        self._is_host.add(self._hosts[host])


def _own_spot(leaf: Leaf) -> Spot:
    box = Box(leaf)
    slopes = [[int(level == dimension) for level in range(len(leaf.kept))] for dimension in box.levels]
    return Spot(box, slopes, [0] * len(slopes))


def _count(leaf: Leaf) -> int:
    """Return how many results of a leaf have places of their own."""
    import numpy

    packed: Any = numpy.zeros(len(leaf.steps), numpy.int64)
    for is_kept, turns in zip(leaf.kept, leaf.nest.turns, strict=True):
        if is_kept:
            packed = packed * (int(turns.max()) + 1) + turns
    return len(numpy.unique(packed))


def _product(strides: Sequence[int], coordinates: Sequence[int]) -> int:
    return sum(stride * coordinate for stride, coordinate in zip(strides, coordinates, strict=True))


def _fit(numbers: Array, columns: Sequence[Array]) -> tuple[int, list[int]] | None:
    """Return whole numbers by which `numbers` is a start plus multiples of columns; None if there are none."""
    import numpy

    sample = numpy.unique(numpy.linspace(0, len(numbers) - 1, SAMPLE).astype(int))
    matrix = numpy.stack([numpy.ones(len(sample)), *(column[sample].astype(float) for column in columns)], axis=1)
    solution = numpy.linalg.lstsq(matrix, numbers[sample].astype(float), rcond=None)[0]
    start, *slopes = solution.round().astype(numpy.int64).tolist()
    expected: Any = start + sum(slope * column for slope, column in zip(slopes, columns, strict=True))
    return (start, slopes) if (expected == numbers).all() else None
