"""A recorded function as a flat list of operations, simplified where IEEE 754 allows it."""

from __future__ import annotations

import math
import operator
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from microgrady.arithmetic.backend import Backend, Operand
from microgrady.inputs import describe
from microgrady.pickling.graphs import PrimitiveInPickle
from microgrady.value import Primitive, Value, primitives

T = TypeVar("T")
Place = int  # an operand: from 0 on the inputs and then the results, in order; below 0 the constants, -1 the first

NEG, _ADD, _SUB, _MUL = (primitives[name] for name in ("neg", "add", "sub", "mul"))

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
        right: That of its right one.
        outcome: What it gave.
    """

    symbol: str
    left: Place
    right: Place
    outcome: bool


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
        operands: The places of what it compares.
    """

    number: int
    guard: Guard
    operands: tuple[Place, ...]


# Every kind of step has `operands`. Who only asks what is read, such as a layout, need not know the kinds.
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

    def operands(self, index: int) -> tuple[Place, ...]:
        """Return the places of the operands of an operation, of which the first is number 0."""
        left = self._lefts[index]
        return (left, self._rights[index]) if len(self.ops[index].rules) == 2 else (left,)

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
        count = len(self.ops)
        stop = count if stop is None else stop
        guards = self.guards
        first = bisect_left(guards, start, key=_position)
        last = len(guards) if stop == count else bisect_left(guards, stop, key=_position)
        for number in range(first, last):
            position, guard = guards[number]
            yield from self._operations(start, position)
            yield Check(number + 1, guard, (guard.left, guard.right))
            start = position
        yield from self._operations(start, stop)

    def _operations(self, start: int, stop: int) -> Iterator[Operation]:
        operands, input_count = self.operands, self.input_count
        for index in range(start, stop):
            yield Operation(input_count + index, self.ops[index], operands(index))

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
        travelled, codes = state["ops"]
        found = [op.get() for op in travelled]
        self.__dict__.update(state)
        self.ops = [found[code] for code in codes]
        self._require_sound()

    def _require_sound(self) -> None:
        """Refuse what `Builder` never makes: machine code trusts all of this, and a pickle may say anything."""
        guards = [guard for _, guard in self.guards]
        positions = [position for position, _ in self.guards]
        compared = [place for guard in guards for place in (guard.left, guard.right)]
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

    def _is_in_order(self) -> bool:
        """Whether each operand is there before it is used."""
        there = self.input_count
        for step in self.steps():
            if max(step.operands) >= there:
                return False
            there += isinstance(step, Operation)
        return all(place < there for place in self.outputs)


def _position(entry: tuple[int, Guard]) -> int:
    return entry[0]


def write(op: Primitive, backend: Backend, *operands: Operand) -> Operand:
    """Write an operation that has a lowered form.

    Raises:
        TypeError: The form gives something else than an operand of the backend.
    """
    assert op.lower is not None
    result = op.lower(backend, *operands)
    if not isinstance(result, (str, float)):
        raise TypeError(
            f"the native of primitive {op.name!r} must give what a method of the backend gives, or a float, "
            f"not {describe(result)}"
        )
    return result


class Builder:
    """Makes a program of a graph: constants folded, common subexpressions shared, dead parts dropped."""

    def __init__(self, inputs: list[Value]) -> None:
        self.program = Program(len(inputs))
        self.places: dict[Value, Place] = {value: place for place, value in enumerate(inputs)}
        self._constants: dict[bytes, Place] = {}
        self._shared: dict[tuple[Primitive, Place, Place], Place] = {}
        self._guards: set[Guard] = set()

    def constant(self, number: float) -> Place:
        """The place of a number."""
        key = struct.pack("d", number)  # by its bits: 0.0 equals -0.0, nan not even itself
        place = self._constants.get(key)
        if place is None:
            self.program.constants.append(number)
            place = self._constants[key] = -len(self.program.constants)
        return place

    def add(self, node: Value) -> None:
        """A Value, whose operands are there already."""
        op = node._primitive
        if op is None:
            if node not in self.places:
                self.places[node] = self.constant(node._number)
            return
        self.program.recorded += 1
        left = self.place_of(node._left, node._left_partial)
        right = self.place_of(node._right, node._right_partial) if len(op.rules) == 2 else left
        self.places[node] = self.result(op, left, right)

    def place_of(self, operand: Value | None, number: float) -> Place:
        """The place of an operand: of a Value, or of `number` where there is none."""
        return self.constant(number) if operand is None else self.places[operand]

    def result(self, op: Primitive, left: Place, right: Place) -> Place:
        """The place of the result of an operation, which may be there already or need no operation."""
        if left < 0 and right < 0:
            operands = (self._number(left), self._number(right))[: len(op.rules)]
            return self.constant(float(op.evaluate(*operands)))
        simplify = _SIMPLER.get(op)
        if simplify is not None:
            place = simplify(self, left, right)
            if place is not None:
                return place
        key = (op, right, left) if op in (_ADD, _MUL) and right < left else (op, left, right)
        place = self._shared.get(key)
        if place is None:
            place = self._shared[key] = self.program.append(op, (left, right))
        return place

    def guard(self, symbol: str, left: Place, right: Place, outcome: bool) -> None:
        """A comparison; those that hold anyway are left out."""
        guard = Guard(symbol, left, right, outcome)
        if (left >= 0 or right >= 0) and guard not in self._guards:
            self._guards.add(guard)
            self.program.guards.append((len(self.program.ops), guard))

    def _number(self, place: Place) -> float:
        return self.program.constant(place)

    def _is(self, place: Place, number: float) -> bool:
        return place < 0 and self._constants.get(struct.pack("d", number)) == place

    def _negated(self, place: Place) -> Place | None:
        """What the result at a place is the opposite of, if it was computed so."""
        index = place - self.program.input_count
        return self.program.operands(index)[0] if index >= 0 and self.program.ops[index] is NEG else None

    def finish(self, outputs: list[Place]) -> Program:
        """The program without what no output and no guard needs."""
        program = self.program
        first = program.input_count
        alive = bytearray(len(program.ops))

        def need(places: Iterable[Place]) -> None:
            for place in places:
                if place >= first:
                    alive[place - first] = True

        need(outputs)
        for _, guard in program.guards:
            need((guard.left, guard.right))
        for index in range(len(program.ops) - 1, -1, -1):
            if alive[index]:
                need(program.operands(index))
        return self._without_the_dead(alive, outputs)

    def _without_the_dead(self, alive: bytearray, outputs: list[Place]) -> Program:
        program, smaller = self.program, Program(self.program.input_count)
        smaller.constants, smaller.recorded = program.constants, program.recorded
        # Where each place goes. Constants keep theirs.
        moved = list(range(program.input_count))

        def move(places: Iterable[Place]) -> list[Place]:
            return [moved[place] if place >= 0 else place for place in places]

        for step in program.steps():
            operands = step.operands
            if isinstance(step, Operation):
                needed = alive[step.place - program.input_count]
                moved.append(smaller.append(step.op, move(operands)) if needed else -1)
            else:
                left, right = move(operands)
                guard = Guard(step.guard.symbol, left, right, step.guard.outcome)
                smaller.guards.append((len(smaller.ops), guard))
        smaller.outputs = move(outputs)
        return smaller


# What gives the same bits with fewer operations. Each takes the operands' places and gives a place, or None.
# What IEEE 754 forbids is not here: x + 0 is another number for x = -0, x - x is nan for an infinite x.


def _add(builder: Builder, a: Place, b: Place) -> Place | None:
    if a < 0 or b < 0:
        if builder._is(b, -0.0):
            return a
        if builder._is(a, -0.0):
            return b
    if (inner := builder._negated(b)) is not None:
        return builder.result(_SUB, a, inner)
    if (inner := builder._negated(a)) is not None:
        return builder.result(_SUB, b, inner)
    return None


def _sub(builder: Builder, a: Place, b: Place) -> Place | None:
    if b < 0:
        return a if builder._is(b, 0.0) else None
    inner = builder._negated(b)
    return None if inner is None else builder.result(_ADD, a, inner)


def _mul(builder: Builder, a: Place, b: Place) -> Place | None:
    if a < 0 or b < 0:
        constant, other = (a, b) if a < 0 else (b, a)
        if builder._is(constant, 1.0):
            return other
        return builder.result(NEG, other, other) if builder._is(constant, -1.0) else None
    first = builder._negated(a)
    if first is None:
        return None
    second = builder._negated(b)
    return None if second is None else builder.result(_MUL, first, second)


def _div(builder: Builder, a: Place, b: Place) -> Place | None:
    return a if builder._is(b, 1.0) else None


def _neg(builder: Builder, a: Place, b: Place) -> Place | None:
    return builder._negated(a)


def _pow(builder: Builder, a: Place, b: Place) -> Place | None:
    if builder._is(b, 1.0):
        return a
    if builder._is(b, 0.0) or builder._is(b, -0.0):
        return builder.constant(1.0)
    return builder.result(_MUL, a, a) if builder._is(b, 2.0) else None


def _masked_product(builder: Builder, gate: Place, x: Place) -> Place | None:
    if gate < 0:
        return builder.constant(0.0) if builder._number(gate) == 0.0 else builder.result(_MUL, gate, x)
    if x < 0 and math.isfinite(builder._number(x)):
        return builder.result(_MUL, gate, x)
    return None


_SIMPLER: dict[Primitive, Callable[[Builder, Place, Place], Place | None]] = {
    _ADD: _add,
    _SUB: _sub,
    _MUL: _mul,
    primitives["div"]: _div,
    NEG: _neg,
    primitives["pow"]: _pow,
    primitives["masked_product"]: _masked_product,
    primitives["where"]: lambda builder, a, b: a,
    primitives["argument"]: lambda builder, a, b: a,
    primitives["instead"]: lambda builder, a, b: a,
}
