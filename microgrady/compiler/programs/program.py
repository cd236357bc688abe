"""A recorded function as a flat list of operations, simplified where IEEE 754 allows it."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from microgrady.arithmetic.backend import Backend, Operand
from microgrady.inputs import describe
from microgrady.pickling.graphs import PrimitiveInPickle
from microgrady.value import Primitive, Value, primitives

Place = int  # an operand: from 0 on the inputs and then the results, in order; below 0 the constants, -1 the first

_NEG, _ADD, _SUB, _MUL = (primitives[name] for name in ("neg", "add", "sub", "mul"))

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


class Program:
    """One path through a function: its operations in order, the guards among them, the outputs.

    Attributes:
        inputs: How many numbers come in.
        constants: The numbers that are always the same.
        ops: The primitive of each result.
        lefts: The place of each result's first operand.
        rights: That of its second one; that of the first once more where there is but one.
        guards: The comparisons, each with the number of results that come before it.
        outputs: The places of what comes out.
        recorded: How many operations the graph had before it was simplified.
    """

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.constants: list[float] = []
        self.ops: list[Primitive] = []
        self.lefts: list[Place] = []
        self.rights: list[Place] = []
        self.guards: list[tuple[int, Guard]] = []
        self.outputs: list[Place] = []
        self.recorded = 0

    def evaluate(self, numbers: Iterable[float]) -> list[float] | Guard:
        """The outputs, or the first guard that does not hold: what machine code does, in plain Python."""
        values = list(numbers)
        places = [*values, *([0.0] * len(self.ops)), *reversed(self.constants)]
        start = 0
        for stop, guard in [*self.guards, (len(self.ops), None)]:
            for index in range(start, stop):
                op = self.ops[index]
                operands = (places[self.lefts[index]], places[self.rights[index]])[: len(op.rules)]
                places[self.inputs + index] = float(op.evaluate(*operands))
            start = stop
            if guard and COMPARISONS[guard.symbol](places[guard.left], places[guard.right]) != guard.outcome:
                return guard
        return [places[place] for place in self.outputs]

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
        places = [*self.lefts, *self.rights, *self.outputs, *(p for guard in guards for p in (guard.left, guard.right))]
        typed = (
            all(type(number) is int for number in (self.inputs, *positions, *places))
            and all(type(number) is float for number in self.constants)
            and all(guard.symbol in COMPARISONS and type(guard.outcome) is bool for guard in guards)
            and len(self.ops) == len(self.lefts) == len(self.rights)
        )
        if not typed or min(places, default=0) < -len(self.constants) or not self._is_in_order():
            raise ValueError("a pickled program is damaged: its operations do not follow from each other")

    def _is_in_order(self) -> bool:
        """Whether each operand is there before it is used."""
        first, count = self.inputs, len(self.ops)
        used = [(place, first + index) for row in (self.lefts, self.rights) for index, place in enumerate(row)]
        used += [(place, first + count) for place in self.outputs]
        used += [(max(guard.left, guard.right), first + position) for position, guard in self.guards]
        return all(place < there for place, there in used) and all(
            0 <= position <= count for position, _ in self.guards
        )


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
        simplify = _SIMPLER.get(op.name)
        if simplify is not None:
            place = simplify(self, left, right)
            if place is not None:
                return place
        key = (op, right, left) if op in (_ADD, _MUL) and right < left else (op, left, right)
        place = self._shared.get(key)
        if place is None:
            program = self.program
            place = self._shared[key] = program.inputs + len(program.ops)
            program.ops.append(op)
            program.lefts.append(left)
            program.rights.append(right)
        return place

    def guard(self, symbol: str, left: Place, right: Place, outcome: bool) -> None:
        """A comparison; those that hold anyway are left out."""
        guard = Guard(symbol, left, right, outcome)
        if (left >= 0 or right >= 0) and guard not in self._guards:
            self._guards.add(guard)
            self.program.guards.append((len(self.program.ops), guard))

    def _number(self, place: Place) -> float:
        return self.program.constants[-1 - place]

    def _is(self, place: Place, number: float) -> bool:
        return place < 0 and self._constants.get(struct.pack("d", number)) == place

    def _negated(self, place: Place) -> Place | None:
        """What the result at a place is the opposite of, if it was computed so."""
        index = place - self.program.inputs
        return self.program.lefts[index] if index >= 0 and self.program.ops[index] is _NEG else None

    def finish(self, outputs: list[Place]) -> Program:
        """The program without what no output and no guard needs."""
        program = self.program
        program.outputs = outputs
        first = program.inputs
        alive = bytearray(len(program.ops))
        for place in (*outputs, *(place for _, guard in program.guards for place in (guard.left, guard.right))):
            if place >= first:
                alive[place - first] = True
        for index in range(len(program.ops) - 1, -1, -1):
            if alive[index]:
                for place in (program.lefts[index], program.rights[index]):
                    if place >= first:
                        alive[place - first] = True
        # Where each place goes. Constants keep theirs.
        moved = list(range(first))
        before = [0]
        for needed in alive:
            moved.append(first + before[-1])
            before.append(before[-1] + needed)

        def move(place: Place) -> Place:
            return moved[place] if place >= 0 else place

        kept = [index for index, needed in enumerate(alive) if needed]
        program.ops = [program.ops[index] for index in kept]
        program.lefts = [move(program.lefts[index]) for index in kept]
        program.rights = [move(program.rights[index]) for index in kept]
        program.guards = [
            (before[position], Guard(guard.symbol, move(guard.left), move(guard.right), guard.outcome))
            for position, guard in program.guards
        ]
        program.outputs = [move(place) for place in outputs]
        return program


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
        return builder.result(_NEG, other, other) if builder._is(constant, -1.0) else None
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


def _gated(builder: Builder, gate: Place, x: Place) -> Place | None:
    if gate < 0:
        return builder.constant(0.0) if builder._number(gate) == 0.0 else builder.result(_MUL, gate, x)
    if x < 0 and math.isfinite(builder._number(x)):
        return builder.result(_MUL, gate, x)
    return None


_SIMPLER: dict[str, Callable[[Builder, Place, Place], Place | None]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "pow": _pow,
    "gated": _gated,
    "where": lambda builder, a, b: a,
    "argument": lambda builder, a, b: a,
    "instead": lambda builder, a, b: a,
}
