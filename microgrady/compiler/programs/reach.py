"""What the steps of a program with loops reach in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from microgrady.compiler.programs.looped import (
    Compute,
    Copy,
    Element,
    Loop,
    LoopedProgram,
    Moving,
    Operand,
    Step,
    Store,
)


class Reach:
    """What a program takes from memory and puts there, as ranges of indices that hold all that is reached.

    Args:
        looped: The program.
        without: Steps that are left out.

    Attributes:
        reads: What it takes: each element, with the range of its indices.
        writes: What it puts: where, with the range of the indices.
    """

    def __init__(self, looped: LoopedProgram, without: Collection[Store] = ()) -> None:
        self.reads: dict[Element, range] = {}
        self.writes: dict[Moving, range] = {}
        self._indices = looped.indices
        self._without = without
        for piece in looped.pieces:
            self._follow(piece, ())

    def _follow(self, steps: Sequence[Step], counts: tuple[int, ...]) -> None:
        """Note what steps reach that stand in loops of at most so many turns."""
        for step in steps:
            if isinstance(step, Store) and step in self._without:
                continue
            for operand in _operands(step):
                if isinstance(operand, Element) and not operand.is_constant:
                    self._add(self.reads, operand, self._range(operand.at, counts))
            to = step.store if isinstance(step, Compute) else step.to if isinstance(step, Store) else None
            if to is not None:
                self._add(self.writes, to, self._range(to, counts))
            if isinstance(step, Loop):
                self._follow(step.body, (*counts, self._range(step.count, counts)[-1]))

    def _add(self, found: dict[Element, range] | dict[Moving, range], key: Element | Moving, some: range) -> None:
        known = found.setdefault(key, some)  # type: ignore[arg-type]  # it is a key of that dict
        found[key] = range(min(known.start, some.start), max(known.stop, some.stop))  # type: ignore[index]

    def _range(self, moving: Moving, counts: tuple[int, ...]) -> range:
        """Return a range that holds a whole number in all turns of loops that have at most so many."""
        low = high = 0
        for step, count in zip(moving.steps, counts, strict=False):
            low += min(0, step * (count - 1))
            high += max(0, step * (count - 1))
        if moving.table is not None:
            entries = self._indices[moving.table + low : moving.table + high + 1]
            low, high = min(entries), max(entries)
        return range(moving.start + low, moving.start + high + 1)


def _operands(step: Step) -> Iterator[Operand]:
    if isinstance(step, Loop):
        yield from (carried.first for carried in step.carried)
    elif isinstance(step, (Copy, Store)):
        yield step.operand
    else:
        yield from step.operands
