"""A program whose loops are loops: what backends write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from microgrady.compiler.programs.program import COMPARISONS, Guard, Program
from microgrady.value import Primitive

Register = int  # the number of a result, or of what is carried from turn to turn, while it need not be in memory


class Moving(NamedTuple):
    """A whole number that depends on the turns of the loops around it.

    Attributes:
        start: What it is in the first turn of all, or is counted from.
        steps: How much it grows with each turn of each loop around it, the outermost first.
        table: If given, `steps` lead through the table of indices, from here on, and what stands there is added.
    """

    start: int
    steps: tuple[int, ...] = ()
    table: int | None = None

    def number(self, turns: Sequence[int], indices: Sequence[int]) -> int:
        """Return the number in some turns."""
        moved = sum(step * turn for step, turn in zip(self.steps, turns, strict=False))
        return self.start + (moved if self.table is None else indices[self.table + moved])


class Element(NamedTuple):
    """A number in memory, or in the table of constants.

    Attributes:
        at: Which one.
        is_constant: Whether it stands in the table.
        is_input: Whether it is one of the inputs in every turn, so that it stays as it is.
    """

    at: Moving
    is_constant: bool = False
    is_input: bool = False


Operand = float | Register | Element


class Compute(NamedTuple):
    """A step that makes a number.

    Attributes:
        register: The number of the result; after a loop it is that of its last turn.
        op: What is done.
        operands: What it is done to.
        store: Where in memory the result is put, if others need it there.
    """

    register: Register
    op: Primitive
    operands: tuple[Operand, ...]
    store: Moving | None


class Copy(NamedTuple):
    """A step that only gives a number a register: one from memory, which a loop uses in each turn, or another."""

    register: Register
    operand: Operand


class Store(NamedTuple):
    """A step that puts a number into memory."""

    operand: Operand
    to: Moving


class Require(NamedTuple):
    """A step that goes on only where a guard holds.

    Attributes:
        number: The number of the guard, counted from 1.
        symbol: How the comparison is written in Python.
        operands: What is compared.
        outcome: What has to come out.
    """

    number: Moving
    symbol: str
    operands: tuple[Operand, ...]
    outcome: bool


class Carried(NamedTuple):
    """A number that each turn of a loop has from the turn before.

    Attributes:
        register: Its number; in a turn it is what `following` was in the turn before.
        first: What the first turn has instead.
        following: What the next turn gets: a result of this one.
    """

    register: Register
    first: Operand
    following: Register


@dataclass
class Loop:
    """A step that does others again and again: at least once.

    Attributes:
        count: How many turns.
        depth: How many loops are around it.
        carried: What goes from turn to turn.
        body: What a turn does.
    """

    count: Moving
    depth: int
    carried: list[Carried] = field(default_factory=list)
    body: list[Step] = field(default_factory=list)


Step = Compute | Copy | Store | Require | Loop


@dataclass
class LoopedProgram:
    """A program with loops, and where its numbers are in memory: its inputs, then its outputs, then others.

    Attributes:
        program: The same without loops.
        size: How many numbers there are in memory.
        numbers: The table of constants.
        indices: The table of indices.
        pieces: The steps, cut into stretches that hand numbers on in memory alone.
    """

    program: Program
    size: int = 0
    numbers: list[float] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    pieces: list[list[Step]] = field(default_factory=list)

    def steps(self) -> Iterator[Step]:
        """Yield all steps as they are written, those of a loop after it."""
        for piece in self.pieces:
            yield from _all(piece)

    def evaluate(self, numbers: Sequence[float]) -> list[float] | Guard:
        """Return the outputs, or the first guard that does not hold: what machine code does, in plain Python."""
        first = len(numbers)
        memory = [*numbers, *[0.0] * (self.size - first)]
        for piece in self.pieces:
            failed = _Evaluation(self, memory).run(piece, ())
            if failed:
                return self.program.guards[failed - 1][1]
        return memory[first : first + len(self.program.outputs)]


def _all(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step, Loop):
            yield from _all(step.body)


class _Evaluation:
    """One run of a piece."""

    def __init__(self, looped: LoopedProgram, memory: list[float]) -> None:
        self.looped = looped
        self.memory = memory
        self.registers: dict[Register, float] = {}

    def run(self, steps: Sequence[Step], turns: tuple[int, ...]) -> int:
        """Do steps in some turns of the loops around them; return 0, or the number of the guard that does not hold."""
        indices = self.looped.indices
        for step in steps:
            if isinstance(step, Compute):
                result = float(step.op.evaluate(*(self.number(operand, turns) for operand in step.operands)))
                self.registers[step.register] = result
                if step.store is not None:
                    self.memory[step.store.number(turns, indices)] = result
            elif isinstance(step, Copy):
                self.registers[step.register] = self.number(step.operand, turns)
            elif isinstance(step, Store):
                self.memory[step.to.number(turns, indices)] = self.number(step.operand, turns)
            elif isinstance(step, Require):
                operands = [self.number(operand, turns) for operand in step.operands]
                if COMPARISONS[step.symbol](*operands) != step.outcome:
                    return step.number.number(turns, indices)
            else:
                failed = self.repeat(step, turns)
                if failed:
                    return failed
        return 0

    def repeat(self, loop: Loop, turns: tuple[int, ...]) -> int:
        """Do all turns of a loop, and return as `run` does."""
        held = [self.number(carried.first, turns) for carried in loop.carried]
        for turn in range(loop.count.number(turns, self.looped.indices)):
            for carried, number in zip(loop.carried, held, strict=True):
                self.registers[carried.register] = number
            failed = self.run(loop.body, (*turns, turn))
            if failed:
                return failed
            held = [self.registers[carried.following] for carried in loop.carried]
        return 0

    def number(self, operand: Operand, turns: tuple[int, ...]) -> float:
        """Return what an operand is in some turns."""
        if isinstance(operand, float):
            return operand
        if isinstance(operand, int):
            return self.registers[operand]
        array = self.looped.numbers if operand.is_constant else self.memory
        return array[operand.at.number(turns, self.looped.indices)]
