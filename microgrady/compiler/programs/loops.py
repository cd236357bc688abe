"""Loops kept as loops: from a program that is one long line to one that is written with the loops that it was.

[repeats.py](repeats.py) finds what repeats, [nests.py](nests.py) holds each step in the loops around it,
[operands.py](operands.py) finds how its operands are reached, and [storage.py](storage.py) what is where in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from microgrady.compiler.programs.bodies import fill_in, needed_registers
from microgrady.compiler.programs.levels import in_levels
from microgrady.compiler.programs.looped import (
    Carried,
    Compute,
    Copy,
    Loop,
    LoopedProgram,
    Moving,
    Require,
    Step,
    Store,
)
from microgrady.compiler.programs.nests import Leaf, Nest, Outline
from microgrady.compiler.programs.operands import Operands
from microgrady.compiler.programs.program import Program
from microgrady.compiler.programs.repeats import LEAST, Part, Steps, find_repeats, has_numpy, loops_in, size_of
from microgrady.compiler.programs.storage import Storage

ENOUGH = 256  # where no more steps are left, no other order is tried
LEVELS = 4.0  # what a step costs in the order of levels, in which much goes through memory
LITTLE, MUCH = 1.5, 4.0  # so many times the operations may be done in order that loops are found
LONG = 1 << 14  # of more operations than that, compiling takes most of the time: then it is MUCH
# To find and compile loops takes as long as compiling so many operations of straight code, of which those beyond the
# first EASY take less effort.
KEPT_COST, LOOP_COST = 4.0, 64.0  # for each operation that is kept, and for each loop
FEW_LOOPS = 2  # that cost nothing, as short code is worth something as well
EASY, EFFORT = 2000, 3.0


def with_loops(program: Program) -> LoopedProgram | None:
    """Return a program with the loops that it has; None where they would not pay."""
    found = find_repeats(program)
    return None if found is None else _written(*found)


def best_loops(program: Program, regular: Callable[[], Program]) -> LoopedProgram | None:
    """Return a program with loops: of several that do the same the one whose loops are the best; None for none.

    Args:
        program: The program.
        regular: Makes a longer one, that does the same in each turn of a loop over data.
    """
    if len(program.ops) + len(program.guards) < LEAST:
        return None
    best, price = None, float(len(program.ops))
    for candidate, factor in _candidates(program, regular):
        found = find_repeats(candidate)
        kept = len(candidate.ops) if found is None else sum(map(size_of, found[1]))
        if found is not None and kept * factor < price and _pays(program, found[1]):
            best, price = found, kept * factor
        if best is not None and price <= max(ENOUGH, len(program.ops) / 64):
            break
    return None if best is None else _written(*best)


def _pays(program: Program, parts: list[Part]) -> bool:
    """Return whether loops take no longer to compile than a program without them; many small ones run no faster."""
    cost = KEPT_COST * sum(map(size_of, parts)) + LOOP_COST * max(0, sum(map(loops_in, parts)) - FEW_LOOPS)
    straight = len(program.ops)
    return cost < (straight if straight <= EASY else straight / EFFORT)


def _candidates(program: Program, regular: Callable[[], Program]) -> Iterator[tuple[Program, float]]:
    """Yield programs that do the same, and how much more is paid for each of their steps."""
    yield program, 1.0
    if not has_numpy():
        return
    longer = regular()
    ratio = len(longer.ops) / max(1, len(program.ops))
    # What is calculated anew in each turn takes its time in each call, and to compile what is not in loops once.
    pays = longer is not program and ratio <= (MUCH if len(program.ops) > LONG else LITTLE)
    if pays:
        yield longer, ratio
    if len(program.ops) <= 2 * EASY:
        return  # to search on would take as long as to compile it
    if any(op.lower is None for op in set(program.ops)):
        return  # Python's functions are called in the order in which the user's function does
    yield in_levels(program), LEVELS
    if pays:
        yield in_levels(longer), LEVELS * ratio


def _written(steps: Steps, parts: list[Part]) -> LoopedProgram:
    outline = Outline(steps, parts)
    operands = Operands(outline)
    fill_in(outline, operands)
    storage = Storage(outline, operands)
    return _Writer(outline, storage).write()


class _Writer:
    """What writes the steps."""

    def __init__(self, outline: Outline, storage: Storage) -> None:
        self._outline = outline
        self._storage = storage
        self._needed = needed_registers(outline, [found for _, found, _ in storage.copies])

    def write(self) -> LoopedProgram:
        """Return the program with loops."""
        looped = self._storage.looped
        looped.pieces = [list(self._body(root)) for root in self._outline.roots]
        looped.pieces[0][:0] = self._storage.fills
        return looped

    def _body(self, nest: Nest) -> Iterator[Step]:
        for entry in nest.entries:
            if isinstance(entry, Nest):
                yield from self._loop(entry)
            elif entry.is_guard:
                yield self._guard(entry)
            elif entry.register in self._needed:
                yield from self._step(entry)
        for where, found, cells in self._storage.copies:
            if where is nest:
                yield Store(self._storage.operand(found), self._storage.moving(cells, nest))

    def _loop(self, nest: Nest) -> Iterator[Step]:
        assert nest.around is not None
        body = list(self._body(nest))
        if not body:
            return
        for register, waiting in nest.held.values():
            if register in self._needed:
                yield Copy(register, self._storage.element(waiting))
        carried = [
            Carried(each.register, self._storage.operand(each.first), each.following)
            for each in nest.carried.values()
            if each.register in self._needed
        ]
        yield Loop(self._storage.moving(nest.counts, nest.around), nest.depth - 1, carried, body)
        yield from nest.stores

    def _guard(self, leaf: Leaf) -> Require:
        numbers = -self._outline.steps.results[leaf.steps]
        guard = self._outline.program.guards[int(numbers[0]) - 1][1]
        operands = tuple(map(self._storage.operand, leaf.operands))
        return Require(self._storage.moving(numbers, leaf.nest), guard.symbol, operands, guard.outcome)

    def _step(self, leaf: Leaf) -> Iterator[Step]:
        stores = [] if leaf.output is None else [leaf.output]
        if leaf.is_stored:
            stores.append((leaf.level, Moving(leaf.base, tuple(leaf.strides[: leaf.level]))))
        here: list[Moving] = []
        for level, to in stores:
            if level == leaf.nest.depth:
                here.append(to)
            else:
                leaf.nest.path[level].stores.append(Store(leaf.register, to))
        operands = tuple(map(self._storage.operand, leaf.operands))
        if leaf.op is None:
            yield Copy(leaf.register, operands[0])
        else:
            yield Compute(leaf.register, leaf.op, operands, here.pop(0) if here else None)
        yield from (Store(leaf.register, to) for to in here)
