"""The whole numbers of a program with loops, such as indices, as expressions of C.

What does not move by a fixed step with the turns of all loops is looked up in a table. Tables are made anew: by the
turns of those loops alone by which it does not move so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.compiler.programs.looped import (
    Compute,
    Copy,
    Element,
    Loop,
    LoopedProgram,
    Moving,
    Operand,
    Require,
    Step,
    Store,
)
from microgrady.compiler.programs.repeats import turns_of

if TYPE_CHECKING:
    import numpy

    Numbers = numpy.ndarray[Any, Any]

Span = tuple[int, int]  # from the first number that is used to behind the last one

_COUNTERS = "ijkmnpq"


def counter(depth: int) -> str:
    """Return the name of the variable that counts the turns of a loop with so many around it."""
    return _COUNTERS[depth] if depth < len(_COUNTERS) else f"i{depth}"


def whole_text(start: int, steps: Iterable[int], added: str = "") -> str:
    """Return a whole number that grows with the turns of loops, as people write it.

    Args:
        start: What it is in the first turn of each.
        steps: How much it grows with each turn of each, the outermost first.
        added: What else is added to it.

    Example:
        >>> whole_text(0, [3, 1]), whole_text(-1, [0, 1]), whole_text(99, [-1, -2]), whole_text(4, [])
        ('3 * i + j', 'j - 1', '99 - i - 2 * j', '4')
    """
    named = [(step, counter(depth)) for depth, step in enumerate(steps) if step]
    terms = [(step > 0, name if abs(step) == 1 else f"{abs(step)} * {name}") for step, name in named]
    if added:
        terms.insert(0, (True, added))
    if start or not terms:
        terms.append((start >= 0, str(abs(start))))
    terms.sort(key=lambda term: not term[0])  # sums begin with what is added
    text = "".join(f" {'+' if is_added else '-'} {term}" for is_added, term in terms)
    return text.removeprefix(" + ") if terms[0][0] else f"-{text[3:]}"


@dataclass
class _LookedUp:
    """A whole number that is looked up: what stands in a table, and what moves by fixed steps.

    Attributes:
        table: The table, of which the first number is 0.
        strides: How far each turn of each loop leads through it.
        steps: How much is added with each turn of each loop.
        start: What is added besides.
    """

    table: tuple[int, ...]
    strides: Sequence[int]
    steps: Sequence[int]
    start: int


class WholeNumbers:
    """The whole numbers of a program.

    Attributes:
        spans: From where to where indices lead, in memory and in the table of constants.
        tables: The tables, by their names, as far as expressions have used them.
    """

    def __init__(self, looped: LoopedProgram) -> None:
        import numpy

        self.spans: dict[str, set[Span]] = {"memory": set(), "numbers": set()}
        self.tables: dict[str, list[int]] = {}
        self._names: dict[tuple[int, ...], str] = {}
        self._looked_up: dict[tuple[int, Moving], _LookedUp] = {}
        self._indices = numpy.array(looped.indices, numpy.int64)
        for piece in looped.pieces:
            self._look(piece, 0, [], 1)

    def text(self, moving: Moving, nest: int, less: int = 0) -> str:
        """Return a whole number that is so much less, in the body of a loop.

        Args:
            moving: The number.
            nest: The `id` of the loop; 0 outside of all.
            less: What is subtracted.
        """
        found = self._looked_up.get((nest, moving))
        if found is None:
            return whole_text(moving.start - less, moving.steps)
        start = found.start - less
        name = self._names.get(found.table)
        if name is None:
            name = self._names[found.table] = f"indices_{len(self._names) + 1}"
            self.tables[name] = [number + start for number in found.table]
        rest = start - self.tables[name][0]
        return whole_text(rest, found.steps, f"{name}[{whole_text(0, found.strides)}]")

    def _look(self, steps: Sequence[Step], nest: int, turns: list[Numbers], times: int) -> None:
        """Note where the whole numbers of steps lead.

        Args:
            steps: The steps.
            nest: The `id` of the loop around them; 0 outside of all.
            turns: For each loop around them, in which turn it is: a column with an entry for each time they are done.
            times: How often that is.
        """
        import numpy

        for step in steps:
            for kind, moving in _movings(step):
                numbers = numpy.full(times, moving.start if moving.table is None else moving.table)
                for each, column in zip(moving.steps, turns, strict=False):
                    numbers += each * column
                if moving.table is not None:
                    numbers = self._indices[numbers] + moving.start
                    self._looked_up[nest, moving] = _look_up(numbers, turns)
                if kind:
                    self.spans[kind].add((int(numbers.min()), int(numbers.max()) + 1))
                if isinstance(step, Loop) and moving is step.count:
                    rows = numpy.repeat(numpy.arange(times), numbers)
                    inner = [*(column[rows] for column in turns), turns_of(numbers)]
                    self._look(step.body, id(step), inner, len(rows))


def _look_up(numbers: Numbers, turns: Sequence[Numbers]) -> _LookedUp:
    """Return how to look up numbers, one for each of some turns, in a table that is as small as can be."""
    import numpy

    levels, steps = list(range(len(turns))), [0] * len(turns)
    for level in range(len(turns)):
        others = [column for other, column in enumerate(turns) if other != level]
        second = numpy.flatnonzero(numpy.logical_and.reduce([turns[level] == 1, *(column == 0 for column in others)]))
        step = int(numbers[second[0]] - numbers[0]) if len(second) else 0
        rest = numbers - step * turns[level]
        fewer = [other for other in levels if other != level]
        table, at, _ = _table(rest, turns, fewer)
        if (table[at] == rest).all():
            levels, steps[level], numbers = fewer, step, rest
    table, _, strides = _table(numbers, turns, levels)
    start = int(table[0])
    return _LookedUp(tuple((table - start).tolist()), strides, steps, start)


def _table(numbers: Numbers, turns: Sequence[Numbers], levels: Sequence[int]) -> tuple[Numbers, Numbers, list[int]]:
    """Return a table by the turns of some loops, where each number stands in it, and the strides that lead there."""
    import numpy

    strides, length = [0] * len(turns), 1
    at = numpy.zeros(len(numbers), numpy.int64)
    for level in reversed(levels):
        strides[level] = length
        at += length * turns[level]
        length *= int(turns[level].max()) + 1
    table = numpy.full(length, numbers[0])
    table[at] = numbers
    return table, at, strides


def _movings(step: Step) -> Iterator[tuple[str, Moving]]:
    """Yield what a step uses: the kind of numbers, if they are any, and which."""
    operands: Sequence[Operand] = ()
    if isinstance(step, Compute):
        operands = step.operands
        if step.store is not None:
            yield "memory", step.store
    elif isinstance(step, Copy):
        operands = [step.operand]
    elif isinstance(step, Store):
        operands = [step.operand]
        yield "memory", step.to
    elif isinstance(step, Require):
        operands = step.operands
        yield "", step.number
    else:
        operands = [carried.first for carried in step.carried]
        yield "", step.count
    for operand in operands:
        if isinstance(operand, Element):
            yield "numbers" if operand.is_constant else "memory", operand.at
