"""A recorded function as a flat list of steps: operations, and guards between them."""

from __future__ import annotations

import functools
import operator
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from microgrady.pickling.graphs import PrimitiveInPickle
from microgrady.value import Primitive

T = TypeVar("T")
Place = int  # an operand: from 0 on the inputs and then the results, in order; below 0 the constants, -1 the first

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Guard:
    """A comparison that the recorded path depends on.

    Attributes:
        symbol: How it is written in Python.
        left: The place of its left operand.
        right: The place of its right one.
        outcome: Whether it held when the path was recorded.
    """

    symbol: str
    left: Place
    right: Place
    outcome: bool

    @property
    def operands(self) -> tuple[Place, Place]:
        """The places of what it compares."""
        return self.left, self.right


class Operation(NamedTuple):
    """A step that makes a number.

    Attributes:
        place: The place of the result.
        op: What is done.
        operands: The places of what it is done to.
    """

    place: Place
    op: Primitive
    operands: tuple[Place, ...]


class Check(NamedTuple):
    """A step that goes on only where a guard holds.

    Attributes:
        number: The number of the guard, counted from 1.
        guard: What has to hold.
    """

    number: int
    guard: Guard

    @property
    def operands(self) -> tuple[Place, ...]:
        """The places of what it compares."""
        return self.guard.operands


# Every kind of step has `operands`. Only what runs or writes steps tells the kinds apart; what asks for the places that
# are read, such as a layout, uses `reads`.
Step = Operation | Check


class Program:
    """One path through a function: its operations in order, the guards among them, the outputs.

    Attributes:
        input_count: How many numbers come in.
        constants: The numbers that are always the same.
        ops: The primitive of each result.
        guards: The comparisons, each with the number of results that come before it.
        outputs: The places of what comes out.
        recorded: How many operations the graph had before it was simplified.
    """

    def __init__(self, input_count: int) -> None:
        self.input_count = input_count
        self.constants: list[float] = []
        self.ops: list[Primitive] = []
        # One list for each operand; what has but one operand has it in both. Others read them by `operands`.
        self._lefts: list[Place] = []
        self._rights: list[Place] = []
        self.guards: list[tuple[int, Guard]] = []
        self.outputs: list[Place] = []
        self.recorded = 0

    def append(self, op: Primitive, operands: Sequence[Place]) -> Place:
        """Add an operation at the end, and return the place of its result."""
        self.ops.append(op)
        self._lefts.append(operands[0])
        self._rights.append(operands[-1])
        return self.input_count + len(self.ops) - 1

    def fill(self, ops: list[Primitive], lefts: list[Place], rights: list[Place]) -> None:
        """Take operations from columns, as `ops` and `columns` have them."""
        self.ops, self._lefts, self._rights = ops, lefts, rights

    def put(self, index: int, op: Primitive, operands: Sequence[Place]) -> None:
        """Put an operation in the place of another."""
        self.ops[index] = op
        self._lefts[index], self._rights[index] = operands[0], operands[-1]

    def operands(self, index: int) -> tuple[Place, ...]:
        """Return the places of the operands of an operation, of which the first is number 0."""
        left = self._lefts[index]
        return (left, self._rights[index]) if len(self.ops[index].rules) == 2 else (left,)

    def columns(self) -> tuple[list[Place], list[Place]]:
        """Return the places of the left operands and of the right ones; what has but one operand has it in both."""
        return self._lefts, self._rights

    def constant(self, place: Place) -> float:
        """Return the number at a place below 0."""
        return self.constants[-1 - place]

    def look_up(self, places: Iterable[Place], known: Sequence[T]) -> list[T | float]:
        """Return what stands at places: constants as they are, the others as `known` has them, from place 0 on."""
        return [self.constants[-1 - place] if place < 0 else known[place] for place in places]

    def steps(self, start: int = 0, stop: int | None = None) -> Iterator[Step]:
        """Yield what is done, in order.

        Args:
            start: The index of the first operation. The guards before it come with it.
            stop: The index behind the last one; None for all. The guards behind the very last operation come with it.
        """
        stop = len(self.ops) if stop is None else stop
        for number, (position, guard) in self._guards(start, stop):
            if start < position:
                yield from self._operations(start, position)
            yield Check(number, guard)
            start = position
        yield from self._operations(start, stop)

    def reads(self, start: int, stop: int) -> Iterator[Place]:
        """Yield the places of all operands of the same steps, in any order."""
        compared = (guard.operands for _, (_, guard) in self._guards(start, stop))
        return chain(self._lefts[start:stop], self._rights[start:stop], *compared)

    def _guards(self, start: int, stop: int) -> Iterable[tuple[int, tuple[int, Guard]]]:
        """Return the entries of `guards` that go with operations, each with its number."""
        first = bisect_left(self.guards, start, key=_position)
        last = len(self.guards) if stop == len(self.ops) else bisect_left(self.guards, stop, key=_position)
        return enumerate(self.guards[first:last], first + 1)

    def _operations(self, start: int, stop: int) -> Iterator[Operation]:
        ops, places = self.ops[start:stop], range(self.input_count + start, self.input_count + stop)
        columns = zip(ops, self._lefts[start:stop], self._rights[start:stop], strict=True)
        operands = [(left, right) if len(op.rules) == 2 else (left,) for op, left, right in columns]
        return map(_operation, zip(places, ops, operands, strict=True))

    def copy(self) -> Program:
        """Return a program that can be changed alone."""
        twin = Program(self.input_count)
        twin.__dict__.update((name, part[:] if isinstance(part, list) else part) for name, part in vars(self).items())
        return twin

    def evaluate(self, numbers: Iterable[float]) -> list[float] | Guard:
        """Return the outputs, or the first guard that does not hold: what machine code does, in plain Python."""
        known = list(numbers)
        for step in self.steps():
            operands = self.look_up(step.operands, known)
            if isinstance(step, Operation):
                known.append(float(step.op.evaluate(*operands)))
            elif COMPARISONS[step.guard.symbol](*operands) != step.guard.outcome:
                return step.guard
        return self.look_up(self.outputs, known)

    def __getstate__(self) -> dict[str, Any]:
        numbers: dict[Primitive, int] = {}
        codes = [numbers.setdefault(op, len(numbers)) for op in self.ops]
        return {**self.__dict__, "ops": ([PrimitiveInPickle(op) for op in numbers], codes)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        primitives, codes = state["ops"]
        found = [op.get() for op in primitives]
        self.__dict__.update(state)
        self.ops = [found[code] for code in codes]
        self._require_sound()

    def _require_sound(self) -> None:
        """Refuse what `Builder` never makes: machine code trusts all of this, and a pickle may say anything."""
        guards = [guard for _, guard in self.guards]
        positions = [position for position, _ in self.guards]
        compared = [place for guard in guards for place in guard.operands]
        places = [*self._lefts, *self._rights, *self.outputs, *compared]
        typed = (
            all(type(number) is int for number in (self.input_count, *positions, *places))
            and self.input_count >= 0
            and all(type(number) is float for number in self.constants)
            and all(guard.symbol in COMPARISONS and type(guard.outcome) is bool for guard in guards)
            and len(self.ops) == len(self._lefts) == len(self._rights)
            and [0, *positions, len(self.ops)] == sorted([0, *positions, len(self.ops)])
        )
        if not typed or min(places, default=0) < -len(self.constants) or not self._is_in_order():
            raise ValueError("a pickled program is damaged: its operations do not follow from each other")

    def require_like(self, other: Program) -> None:
        """Raise ValueError if it cannot be another one in another order: what comes in and out must be as much."""
        sizes = [(program.input_count, len(program.outputs), len(program.guards)) for program in (self, other)]
        if sizes[0] != sizes[1]:
            raise ValueError("a pickled program is damaged: it is kept in two orders, which do not agree")

    def _is_in_order(self) -> bool:
        """Return whether each operand is there before it is used."""
        there = self.input_count
        for step in self.steps():
            if max(step.operands) >= there:
                return False
            there += isinstance(step, Operation)
        return all(place < there for place in self.outputs)


_operation = functools.partial(tuple.__new__, Operation)  # from its parts, in half the time that Operation(...) takes


def _position(entry: tuple[int, Guard]) -> int:
    return entry[0]
