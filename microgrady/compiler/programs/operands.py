"""How the operands of steps in loops are reached: from which register, or from which place in memory.

The numbers of a loop stay in registers where only the same turn or the next one needs them, or only the last turn's is
needed at all. Others have a place in memory for each turn of the loops whose turns are told apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from microgrady.compiler.programs.looped import (
    Carried,
    Compute,
    Element,
    Load,
    Loop,
    LoopedProgram,
    Moving,
    Operand,
    Register,
    Require,
    Step,
    Store,
)
from microgrady.compiler.programs.loops import Part, Repeated, Steps, find_loops, size_of, turns_of
from microgrady.compiler.programs.lower import cheaper
from microgrady.compiler.programs.program import Place, Program

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

PIECE = 256  # steps that are written into one function, if loops do not make it longer
COPIES = 64  # outputs that are copied one by one


def with_loops(program: Program) -> LoopedProgram | None:
    """Return a program with the loops that it has; None where they would not pay."""
    found = find_loops(program)
    return None if found is None else _Writer(*found).write()


class _Nest:
    """The inside of a loop; or, for each piece of the program, what is outside of all loops.

    Attributes:
        path: The loops from the outermost to this one.
        counts: How many turns this one has, each time that it is done.
        begins: Its turns are numbered from 0 over all times; with which each time begins.
        times: For each of its turns, which time it belongs to: the number of a turn of the loop around.
        turns: For each loop of the path, in which turn it is: a column as long as this loop has turns.
        last: For each loop of the path, whether that is its last turn.
        within: For each loop of the path, the number of its turn.
        loop: What is written.
        entries: What stands in its body, in order.
    """

    def __init__(self, around: _Nest | None, counts: Array, piece: int) -> None:
        import numpy

        self.around = around
        self.piece = piece
        self.counts = counts
        self.entries: list[_Leaf | _Nest] = []
        self.carried: dict[tuple[Any, ...], _Carried] = {}
        self.held: dict[bytes, _Held] = {}
        self.stores: list[Store] = []  # after the loop
        self.path: list[_Nest] = []
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

    def shared(self, other: _Nest) -> int:
        """Return how many loops are around both this and another one."""
        pairs = zip(self.path, other.path, strict=False)
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] is pair[1], pairs))


@dataclass
class _Waiting:
    """An operand that is in memory or in a table, before it is known where."""

    places: Array
    nest: _Nest


_Found = float | Register | _Waiting


@dataclass
class _Carried:
    register: Register
    first: _Found
    following: Register


@dataclass
class _Held:
    register: Register
    waiting: _Waiting


@dataclass(eq=False)
class _Leaf:
    """A step that is written once.

    Attributes:
        register: The number of its result.
        nest: Where it stands.
        steps: Which steps of the program it does, in order.
        operands: What it is done to.
        kept: For each loop around it, whether results of all turns are needed in memory.
        level: How many of these loops the memory is written in; after the others only their last result is.
        base: Where the first result is in memory; -1 if none is.
        strides: How far apart the results of two turns are there, for each loop.
        output: How many loops are around where it is put into the outputs, and where that is; None if it is none.
    """

    register: Register
    nest: _Nest
    steps: Array
    operands: list[_Found] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)
    level: int = 0
    is_stored: bool = False
    base: int = -1
    strides: list[int] = field(default_factory=list)
    output: tuple[int, Moving] | None = None


class _Writer:
    """What makes a program with loops of one without, and the loops that were found in it."""

    def __init__(self, steps: Steps, parts: Sequence[Part]) -> None:
        import numpy

        self.steps = steps
        self.program = steps.program
        self.first = self.program.input_count
        self.looped = LoopedProgram(self.program)
        self.roots: list[_Nest] = []
        self.leaves: list[_Leaf] = []
        self._leaf_of = numpy.empty(len(self.program.ops), numpy.int64)  # which leaf makes a result
        self._turn_of = numpy.empty(len(self.program.ops), numpy.int64)  # and in which of its turns
        self._fills: dict[Place, int] = {}  # constants that stand in memory, and where
        self._tables: dict[bytes, int] = {}
        self._copies: list[tuple[_Nest, _Found, Array]] = []  # what goes out otherwise than where it is made, and where
        self._size = self.first + len(self.program.outputs)
        size = PIECE + 1
        for part in parts:
            size += size_of(part)
            if size > PIECE:
                self.roots.append(_Nest(None, numpy.ones(1, numpy.int64), len(self.roots)))
                size = size_of(part)
            self._place(part, self.roots[-1])
        self._registers = itertools.count(len(self.leaves))

    def _place(self, part: Part, nest: _Nest) -> None:
        if isinstance(part, Repeated):
            inside = _Nest(nest, part.counts, nest.piece)
            for inner in part.body:
                self._place(inner, inside)
            return
        leaf = _Leaf(len(self.leaves), nest, part.steps, kept=[False] * nest.depth)
        self.leaves.append(leaf)
        nest.entries.append(leaf)
        results = self.steps.results[part.steps]
        if results[0] >= 0:
            self._leaf_of[results - self.first] = leaf.register
            self._turn_of[results - self.first] = range(len(results))

    def write(self) -> LoopedProgram:
        """Return the program with loops."""
        for leaf in self.leaves:
            leaf.operands = [self._find(column[leaf.steps], leaf.nest) for column in self._columns(leaf)]
        self._place_outputs()
        for leaf in self.leaves:
            if leaf.is_stored:
                self._give_memory(leaf)
        self.looped.pieces = [list(self._body(root)) for root in self.roots]
        fills = [Store(self.program.constant(place), Moving(cell)) for place, cell in self._fills.items()]
        self.looped.pieces[0][:0] = fills
        self.looped.size = self._size
        return self.looped

    def _columns(self, leaf: _Leaf) -> list[Array]:
        result = int(self.steps.results[leaf.steps[0]])
        is_binary = result < 0 or len(self.program.ops[result - self.first].rules) == 2
        return [self.steps.lefts, self.steps.rights] if is_binary else [self.steps.lefts]

    # Where operands are found.

    def _find(self, places: Array, nest: _Nest) -> _Found:
        """Return what stands at places, one for each turn of a nest."""
        if nest.depth == 0:
            return self._find_outside(int(places[0]), nest)
        if (places == places[0]).all() and places[0] < 0:
            return self.program.constant(int(places[0]))
        outside = places[nest.begins]
        if (outside[nest.times] == places).all() and not self._is_made_in(outside, nest):
            return self._hold(outside, nest)
        found = self._find_in_turn(places, nest)
        if found is None:
            for level in range(nest.depth - 1, -1, -1):
                found = self._find_carried(places, nest, level)
                if found is not None:
                    break
        return self._wait(places, nest) if found is None else found

    def _find_outside(self, place: Place, nest: _Nest) -> _Found:
        import numpy

        if place < 0:
            return self.program.constant(place)
        if place >= self.first:
            leaf, turn = self._maker(place)
            if leaf.nest.piece == nest.piece and all(last[turn] for last in leaf.nest.last):
                return leaf.register
        return self._wait(numpy.array([place]), nest)

    def _maker(self, place: Place) -> tuple[_Leaf, int]:
        """Return the leaf that makes a result, and in which of its turns it does."""
        return self.leaves[self._leaf_of[place - self.first]], int(self._turn_of[place - self.first])

    def _is_made_in(self, places: Array, nest: _Nest) -> bool:
        import numpy

        makers = numpy.unique(self._leaf_of[places[places >= self.first] - self.first])
        return any(nest in self.leaves[maker].nest.path for maker in makers.tolist())

    def _hold(self, places: Array, nest: _Nest) -> _Found:
        """Return what does not change in the turns of a loop, and is taken from memory before it."""
        assert nest.around is not None
        found = self._find(places, nest.around)
        if not isinstance(found, _Waiting):
            return found
        key = places.tobytes()
        if key not in nest.held:
            nest.held[key] = _Held(next(self._registers), found)
        return nest.held[key].register

    def _single_maker(self, places: Array) -> tuple[_Leaf, Array] | None:
        """Return the one leaf that makes all results at places, and in which of its turns; None for several."""
        if places.min() < self.first:
            return None
        makers = self._leaf_of[places - self.first]
        return (self.leaves[makers[0]], self._turn_of[places - self.first]) if (makers == makers[0]).all() else None

    def _find_in_turn(self, places: Array, nest: _Nest) -> _Found | None:
        """Return the register of what the same turn has made."""
        made = self._single_maker(places)
        if made is None or made[0].nest.piece != nest.piece:
            return None
        leaf, at = made
        shared = leaf.nest.shared(nest)
        for level in range(leaf.nest.depth):
            is_shared = level < shared
            holds = leaf.nest.turns[level][at] == nest.turns[level] if is_shared else leaf.nest.last[level][at]
            if not holds.all():
                return None
        return leaf.register

    def _find_carried(self, places: Array, nest: _Nest, level: int) -> _Found | None:
        """Return the register of what the turn before has made of the loop at a level of the path."""
        import numpy

        later = nest.turns[level] > 0
        made = self._single_maker(places[later]) if later.any() else None
        loop = nest.path[level]
        if made is None or loop not in made[0].nest.path:
            return None
        leaf, at = made
        for inner in range(leaf.nest.depth):
            if inner > level:
                holds = leaf.nest.last[inner][at]
            else:
                holds = leaf.nest.turns[inner][at] + (inner == level) == nest.turns[inner][later]
            if not holds.all():
                return None
        assert loop.around is not None
        times = loop.times[nest.within[level]]
        first = numpy.empty(len(loop.counts), numpy.int64)
        first[times[~later]] = places[~later]
        if not (first[times[~later]] == places[~later]).all():
            return None
        key = (leaf.register, first.tobytes())
        if key not in loop.carried:
            loop.carried[key] = _Carried(next(self._registers), self._find(first, loop.around), leaf.register)
        return loop.carried[key].register

    def _wait(self, places: Array, nest: _Nest) -> _Waiting:
        """Return an operand that is read from memory, and note of whose results that needs to have which."""
        import numpy

        results = numpy.flatnonzero(places >= self.first)
        makers = self._leaf_of[places[results] - self.first]
        at = self._turn_of[places[results] - self.first]
        for maker in numpy.unique(makers).tolist():
            leaf = self.leaves[maker]
            leaf.is_stored = True
            if leaf.nest.depth:
                chosen = makers == maker
                self._note(leaf, at[chosen], nest, results[chosen])
        if len(results) < len(places) and places.max() >= 0:
            for place in numpy.unique(places[places < 0]).tolist():
                self._fills.setdefault(place, self._size)
                self._size = max(self._size, self._fills[place] + 1)
        return _Waiting(places, nest)

    def _note(self, leaf: _Leaf, at: Array, nest: _Nest, rows: Array) -> None:
        """Note what is read of a leaf: results of some of its turns, in some of the turns of the nest that reads."""
        shared = leaf.nest.shared(nest)
        level = shared
        for inner in range(leaf.nest.depth):
            if inner < shared:
                holds = leaf.nest.turns[inner][at] == nest.turns[inner][rows]
            else:
                holds = leaf.nest.last[inner][at]
            if not holds.all():
                leaf.kept[inner] = True
                level = max(level, inner + 1)
        leaf.level = max(leaf.level, level)

    # Where results are put.

    def _place_outputs(self) -> None:
        """Have results put at once where they go out, or copied at the end."""
        import numpy

        outputs = numpy.array(self.program.outputs, numpy.int64)
        last_use = {place: number for number, place in enumerate(self.program.outputs)}
        made = numpy.array(sorted(number for place, number in last_use.items() if place >= self.first), numpy.int64)
        makers = self._leaf_of[outputs[made] - self.first]
        done = numpy.zeros(len(outputs), bool)
        order = numpy.argsort(makers, kind="stable")
        made, makers = made[order], makers[order]
        bounds = numpy.flatnonzero(numpy.diff(makers, prepend=-1, append=-1)).tolist()
        for start, stop in itertools.pairwise(bounds):
            numbers = made[start:stop]
            leaf = self.leaves[makers[start]]
            leaf.output = self._output_of(leaf, self._turn_of[outputs[numbers] - self.first], numbers)
            done[numbers] = leaf.output is not None
        copied = numpy.flatnonzero(~done)
        if len(copied):
            self._copy(outputs[copied], copied)

    def _output_of(self, leaf: _Leaf, at: Array, numbers: Array) -> tuple[int, Moving] | None:
        """Return where a leaf puts outputs, if it can: all turns of some loops have one, and these stand on a line."""
        import numpy

        depth = leaf.nest.depth
        level = depth
        while level and leaf.nest.last[level - 1][at].all():
            level -= 1
        nest = leaf.nest.path[level - 1] if level else self.roots[leaf.nest.piece]
        total = len(nest.times) if level else 1
        if len(numbers) != total:
            return None
        cells = numpy.empty(total, numpy.int64)
        cells[leaf.nest.within[level - 1][at] if level else numpy.zeros(1, numpy.int64)] = self.first + numbers
        moving = self._on_a_line(cells, nest)
        return None if moving is None else (level, moving)

    def _copy(self, places: Array, numbers: Array) -> None:
        import numpy

        root = _Nest(None, numpy.ones(1, numpy.int64), len(self.roots))
        self.roots.append(root)
        if len(places) <= COPIES:
            for place, number in zip(places.tolist(), numbers.tolist(), strict=True):
                self._copies.append((root, self._find(numpy.array([place]), root), numpy.array([self.first + number])))
            return
        for chosen in (places < 0, places >= 0):
            if chosen.any():
                nest = _Nest(root, numpy.array([chosen.sum()]), root.piece)
                self._copies.append((nest, self._find(places[chosen], nest), self.first + numbers[chosen]))

    def _give_memory(self, leaf: _Leaf) -> None:
        """Give the results of a leaf places, those of the outputs if they are put there and nothing more is needed."""
        path = leaf.nest.path
        if leaf.output is not None and leaf.level <= leaf.output[0]:
            leaf.base, leaf.strides = leaf.output[1].start, list(leaf.output[1].steps)
            leaf.strides += [0] * (len(path) - len(leaf.strides))
            leaf.is_stored = False
            return
        leaf.strides = [0] * len(path)
        leaf.base, length = self._size, 1
        for level in range(len(path) - 1, -1, -1):
            if leaf.kept[level]:
                leaf.strides[level] = length
                length *= int(path[level].counts.max())
        self._size += length

    # What is written.

    def _body(self, nest: _Nest) -> Iterator[Step]:
        for entry in nest.entries:
            if isinstance(entry, _Nest):
                yield from self._loop(entry)
            else:
                yield from self._step(entry)
        for where, found, cells in self._copies:
            if where is nest:
                yield Store(self._operand(found), self._moving(cells, nest))

    def _loop(self, nest: _Nest) -> Iterator[Step]:
        assert nest.around is not None
        for held in nest.held.values():
            yield Load(held.register, self._element(held.waiting))
        carried = [Carried(each.register, self._operand(each.first), each.following) for each in nest.carried.values()]
        count = self._moving(nest.counts, nest.around)
        yield Loop(count, nest.depth - 1, carried, list(self._body(nest)))
        yield from nest.stores

    def _step(self, leaf: _Leaf) -> Iterator[Step]:
        operands = tuple(map(self._operand, leaf.operands))
        results = self.steps.results[leaf.steps]
        if results[0] < 0:
            guard = self.program.guards[-1 - int(results[0])][1]
            yield Require(self._moving(-results, leaf.nest), guard.symbol, operands, guard.outcome)
            return
        index = int(results[0]) - self.first
        op, operands = cheaper(self.program.ops[index], operands)
        depth, own = leaf.nest.depth, None
        stores = [] if leaf.output is None else [leaf.output]
        if leaf.is_stored:
            stores.append((leaf.level, Moving(leaf.base, tuple(leaf.strides[: leaf.level]))))
        for level, to in stores:
            if level < depth:
                leaf.nest.path[level].stores.append(Store(leaf.register, to))
            elif own is None:
                own = to
        yield Compute(leaf.register, op, operands, own)
        yield from (Store(leaf.register, to) for level, to in stores if level == depth and to is not own)

    def _operand(self, found: _Found) -> Operand:
        return self._element(found) if isinstance(found, _Waiting) else found

    def _element(self, waiting: _Waiting) -> Element:
        import numpy

        places, nest = waiting.places, waiting.nest
        if places.max() < 0:
            constants = numpy.array(self.program.constants)[-1 - places]
            table, steps = self._table(constants.view(numpy.int64), nest)
            return Element(Moving(self._put(self.looped.numbers, table.view(numpy.float64)), steps), True)
        cells = places.copy()
        for place in numpy.unique(places[places < 0]).tolist():
            cells[places == place] = self._fills[place]
        results = numpy.flatnonzero(places >= self.first)
        makers = self._leaf_of[places[results] - self.first]
        at = self._turn_of[places[results] - self.first]
        for maker in numpy.unique(makers).tolist():
            leaf, chosen = self.leaves[maker], makers == maker
            cell: Any = leaf.base
            for turns, stride in zip(leaf.nest.turns, leaf.strides, strict=True):
                cell = cell + stride * turns[at[chosen]]
            cells[results[chosen]] = cell
        return Element(self._moving(cells, nest), is_input=bool(places.min() >= 0 and places.max() < self.first))

    def _moving(self, numbers: Array, nest: _Nest) -> Moving:
        """Return a whole number that is so in the turns of a nest."""
        moving = self._on_a_line(numbers, nest)
        if moving is None:
            start = int(numbers.min())
            table, steps = self._table(numbers - start, nest)
            moving = Moving(start, steps, self._put(self.looped.indices, table))
        return moving

    def _on_a_line(self, numbers: Array, nest: _Nest) -> Moving | None:
        import numpy

        steps = []
        expected = numpy.full(len(numbers), numbers[0])
        for level, turns in enumerate(nest.turns):
            others = [column for inner, column in enumerate(nest.turns) if inner != level]
            second = numpy.flatnonzero(numpy.logical_and.reduce([turns == 1, *(column == 0 for column in others)]))
            step = int(numbers[second[0]] - numbers[0]) if len(second) else 0
            steps.append(step)
            expected += step * turns
        return Moving(int(numbers[0]), tuple(steps)) if (expected == numbers).all() else None

    def _table(self, numbers: Array, nest: _Nest) -> tuple[Array, tuple[int, ...]]:
        """Return a table of numbers that are so in the turns of a nest, and the steps that lead through it."""
        import numpy

        levels = list(range(nest.depth))
        table, steps = self._rectangle(numbers, nest, levels)
        for level in range(nest.depth):
            fewer = [other for other in levels if other != level]
            smaller, shorter = self._rectangle(numbers, nest, fewer)
            at = sum((step * turns for step, turns in zip(shorter, nest.turns, strict=True)), numpy.zeros(1, int))
            if (smaller[at] == numbers).all():  # so it does not matter in which turn of this loop it is
                levels, table, steps = fewer, smaller, shorter
        return table, steps

    def _rectangle(self, numbers: Array, nest: _Nest, levels: Sequence[int]) -> tuple[Array, tuple[int, ...]]:
        import numpy

        steps, length = [0] * nest.depth, 1
        for level in reversed(levels):
            steps[level] = length
            length *= int(nest.path[level].counts.max())
        table = numpy.zeros(length, numbers.dtype)
        at = sum((step * turns for step, turns in zip(steps, nest.turns, strict=True)), numpy.zeros(1, int))
        table[numpy.broadcast_to(at, numbers.shape)] = numbers
        return table, tuple(steps)

    def _put(self, tables: list[Any], table: Array) -> int:
        """Return where a table stands, which may be there already."""
        key = table.dtype.char.encode() + table.tobytes()
        if key not in self._tables:
            self._tables[key] = len(tables)
            tables += table.tolist()
        return self._tables[key]
