"""Loops kept as loops: from a program that is one long line to one that is written with the loops that it was.

[repeats.py](repeats.py) finds what repeats, [nests.py](nests.py) holds each step in the loops around it,
[operands.py](operands.py) finds how its operands are reached, and [storage.py](storage.py) what is where in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from microgrady.compiler.programs.looped import (
    Carried,
    Compute,
    Load,
    Loop,
    LoopedProgram,
    Moving,
    Require,
    Step,
    Store,
)
from microgrady.compiler.programs.lower import cheaper
from microgrady.compiler.programs.nests import Leaf, Nest, Outline
from microgrady.compiler.programs.operands import Operands
from microgrady.compiler.programs.program import Program
from microgrady.compiler.programs.repeats import find_repeats
from microgrady.compiler.programs.storage import Storage

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]


def with_loops(program: Program) -> LoopedProgram | None:
    """Return a program with the loops that it has; None where they would not pay."""
    found = find_repeats(program)
    if found is None:
        return None
    outline = Outline(*found)
    operands = Operands(outline)
    for leaf in outline.leaves:
        leaf.operands = [operands.find(places[leaf.steps], leaf.nest) for places in _columns(outline, leaf)]
    return _Writer(outline, Storage(outline, operands)).write()


def _columns(outline: Outline, leaf: Leaf) -> list[Array]:
    steps, result = outline.steps, int(outline.steps.results[leaf.steps[0]])
    is_binary = result < 0 or len(outline.program.ops[result - outline.first].rules) == 2
    return [steps.lefts, steps.rights] if is_binary else [steps.lefts]


class _Writer:
    """What writes the steps."""

    def __init__(self, outline: Outline, storage: Storage) -> None:
        self._outline = outline
        self._storage = storage
        self._program = outline.program

    def write(self) -> LoopedProgram:
        """Return the program with loops."""
        looped = self._storage.looped
        looped.pieces = [list(self._body(root)) for root in self._outline.roots]
        looped.pieces[0][:0] = self._storage.fills
        return looped

    def _body(self, nest: Nest) -> Iterator[Step]:
        for entry in nest.entries:
            yield from self._loop(entry) if isinstance(entry, Nest) else self._step(entry)
        for where, found, cells in self._storage.copies:
            if where is nest:
                yield Store(self._storage.operand(found), self._storage.moving(cells, nest))

    def _loop(self, nest: Nest) -> Iterator[Step]:
        assert nest.around is not None
        for register, waiting in nest.held.values():
            yield Load(register, self._storage.element(waiting))
        carried = [
            Carried(each.register, self._storage.operand(each.first), each.following) for each in nest.carried.values()
        ]
        count = self._storage.moving(nest.counts, nest.around)
        yield Loop(count, nest.depth - 1, carried, list(self._body(nest)))
        yield from nest.stores

    def _step(self, leaf: Leaf) -> Iterator[Step]:
        operands = tuple(map(self._storage.operand, leaf.operands))
        results = self._outline.steps.results[leaf.steps]
        if results[0] < 0:
            guard = self._program.guards[-1 - int(results[0])][1]
            yield Require(self._storage.moving(-results, leaf.nest), guard.symbol, operands, guard.outcome)
            return
        op, operands = cheaper(self._program.ops[int(results[0]) - self._outline.first], operands)
        stores = [] if leaf.output is None else [leaf.output]
        if leaf.is_stored:
            stores.append((leaf.level, Moving(leaf.base, tuple(leaf.strides[: leaf.level]))))
        own: list[Moving] = []
        for level, to in stores:
            if level == leaf.nest.depth:
                own.append(to)
            else:
                leaf.nest.path[level].stores.append(Store(leaf.register, to))
        yield Compute(leaf.register, op, operands, own[0] if own else None)
        yield from (Store(leaf.register, to) for to in own[1:])
