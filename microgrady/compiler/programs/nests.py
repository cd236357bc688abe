"""Where the steps of a program with loops stand: each is written once, in the loops that were found around it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from microgrady.compiler.programs.looped import Moving, Register, Store
from microgrady.compiler.programs.repeats import Part, Repeated, Steps, size_of, turns_of
from microgrady.value import Primitive

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

PIECE = 256  # steps that are written into one function, if loops do not make it longer


class Nest:
    """The inside of a loop; or, for each piece of the program, what is outside of all loops.

    Attributes:
        around: That of the loop around it.
        piece: In which piece of the program it is.
        path: The loops from the outermost to this one.
        counts: How many turns this one has, each time that it is done.
        begins: Its turns are numbered from 0 over all times; with which each time begins.
        times: For each of its turns, which time it belongs to: the number of a turn of the loop around.
        turns: For each loop of the path, in which turn it is: a column as long as this loop has turns.
        last: For each loop of the path, whether that is its last turn.
        within: For each loop of the path, the number of its turn.
        entries: What stands in its body, in order.
        carried: What goes from one of its turns to the next.
        held: What is taken from memory before it.
        stores: What is put into memory after it.
    """

    def __init__(self, around: Nest | None, counts: Array, piece: int) -> None:
        import numpy

        self.around = around
        self.piece = piece
        self.counts = counts
        self.entries: list[Leaf | Nest] = []
        self.carried: dict[tuple[Any, ...], CarriedOver] = {}
        self.held: dict[bytes, tuple[Register, Waiting]] = {}
        self.stores: list[Store] = []
        self.path: list[Nest] = []
        self.turns: list[Array] = []
        self.last: list[Array] = []
        self.within: list[Array] = []
        if around is not None:
            self.begins = counts.cumsum() - counts
            self.times = numpy.repeat(numpy.arange(len(counts)), counts)
            own = turns_of(counts)
            self.path = [*around.path, self]
            self.turns = [*(column[self.times] for column in around.turns), own]
            self.last = [*(column[self.times] for column in around.last), own == counts[self.times] - 1]
            self.within = [*(column[self.times] for column in around.within), numpy.arange(len(own))]
            around.entries.append(self)

    @property
    def depth(self) -> int:
        """How many loops are around what stands in it."""
        return len(self.path)

    def shared(self, other: Nest) -> int:
        """Return how many loops are around both this and another one."""
        pairs = zip(self.path, other.path, strict=False)
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] is pair[1], pairs))


@dataclass(eq=False)
class Waiting:
    """An operand that is in memory or in a table, before it is known where.

    Attributes:
        places: The places of the program, one for each turn of the nest.
        nest: Where it is used.
        parts: Who makes those of them that are results, as `Outline.by_maker` has it.
    """

    places: Array
    nest: Nest
    parts: list[tuple[Leaf, Array, Array]]


Found = float | Register | Waiting


@dataclass
class CarriedOver:
    """What each turn of a loop has from the turn before, and the first one from elsewhere."""

    register: Register
    first: Found
    following: Register


@dataclass(eq=False)
class Leaf:
    """A step that is written once.

    Attributes:
        register: The number of its result.
        nest: Where it stands.
        steps: Which steps of the program it does, in order.
        is_guard: Whether it is one.
        op: What is done; None of a guard, and of what has come to be a copy of its operand.
        operands: What it is done to.
        is_stored: Whether others need results of it in memory.
        kept: For each loop around it, whether results of all turns are needed there.
        level: How many of these loops the memory is written in; after the others only their last result is.
        output: How many loops are around where it is put into the outputs, and where that is; None if it is none.
        strides: How far apart the results of two turns are in memory, for each loop.
        base: Where the first result is in memory.
    """

    register: Register
    nest: Nest
    steps: Array
    is_guard: bool = False
    op: Primitive | None = None
    operands: list[Found] = field(default_factory=list)
    is_stored: bool = False
    kept: list[bool] = field(default_factory=list)
    level: int = 0
    output: tuple[int, Moving] | None = None
    strides: list[int] = field(default_factory=list)
    base: int = -1

    def cells(self, at: Array) -> Any:
        """Return how far from the first result those of some turns are in memory."""
        columns = zip(self.nest.turns, self.strides, strict=True)
        return sum((stride * turns[at] for turns, stride in columns), 0 * at)


class Outline:
    """All steps in their places, and who makes which result.

    Attributes:
        steps: The steps of the program.
        first: The place of the first result.
        roots: The outside of all loops, piece by piece.
        leaves: What is written, in order.
    """

    def __init__(self, steps: Steps, parts: Sequence[Part]) -> None:
        import numpy

        self.steps = steps
        self.program = steps.program
        self.first = self.program.input_count
        self.roots: list[Nest] = []
        self.leaves: list[Leaf] = []
        self._makers = numpy.empty(len(self.program.ops), numpy.int64)
        self._turns = numpy.empty(len(self.program.ops), numpy.int64)
        size = PIECE
        for part in _cut(parts):
            size += size_of(part)
            if size > PIECE:
                self.add_root()
                size = size_of(part)
            self._place(part, self.roots[-1])
        self._registers = itertools.count(len(self.leaves))

    def add_root(self) -> Nest:
        """Begin a piece."""
        import numpy

        self.roots.append(Nest(None, numpy.ones(1, numpy.int64), len(self.roots)))
        return self.roots[-1]

    def fresh_register(self) -> Register:
        """Return a number that no register has."""
        return next(self._registers)

    def makers(self, places: Array) -> tuple[Array, Array]:
        """Return which leaves make the results at places, and in which of their turns."""
        return self._makers[places - self.first], self._turns[places - self.first]

    def by_maker(self, places: Array) -> list[tuple[Leaf, Array, Array]]:
        """Return for each leaf that makes one of the results at places its turns, and for which of the places."""
        import numpy

        rows = numpy.flatnonzero(places >= self.first)
        makers, turns = self.makers(places[rows])
        if not len(rows):
            return []
        if (makers == makers[0]).all():  # as most often
            return [(self.leaves[makers[0]], turns, rows)]
        order = numpy.argsort(makers, kind="stable")
        bounds = numpy.flatnonzero(numpy.diff(makers[order], prepend=-1, append=-1)).tolist()
        chosen = [order[start:stop] for start, stop in itertools.pairwise(bounds)]
        return [(self.leaves[makers[some[0]]], turns[some], rows[some]) for some in chosen]

    def _place(self, part: Part, nest: Nest) -> None:
        import numpy

        if isinstance(part, Repeated):
            inside = Nest(nest, part.counts, nest.piece)
            for inner in part.body:
                self._place(inner, inside)
            return
        first = len(self.leaves)
        done = numpy.arange(part.start, part.stop) if isinstance(part, range) else part.steps
        for steps in done[:, None] if isinstance(part, range) else [done]:
            leaf = Leaf(len(self.leaves), nest, steps, kept=[False] * nest.depth)
            self.leaves.append(leaf)
            nest.entries.append(leaf)
        results, numbers = self.steps.results[done], numpy.arange(len(done))
        made = results >= 0
        places, numbers = results[made] - self.first, numbers[made]
        self._makers[places] = first + numbers if isinstance(part, range) else first
        self._turns[places] = 0 if isinstance(part, range) else numbers


def _cut(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield parts of which none is longer than a piece, if loops do not make it so."""
    for part in parts:
        if isinstance(part, range):
            for start in range(part.start, part.stop, PIECE):
                yield range(start, min(start + PIECE, part.stop))
        else:
            yield part
