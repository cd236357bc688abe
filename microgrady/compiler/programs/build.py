"""How a graph becomes a program: operations are numbered, shared, and left out where nothing needs them."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from microgrady.compiler.programs.program import Guard, Place, Program
from microgrady.compiler.programs.rows import COMMUTATIVE, Found, Term
from microgrady.compiler.programs.simplify import TABLE
from microgrady.value import Primitive, Value

_bits = struct.Struct("d").pack  # by which 0.0 is another number than -0.0, and nan is itself


class Builder:
    """What adds Values, constants and guards to a program, each once.

    Args:
        program: What to add to.
        inputs: The Values that are its inputs.
    """

    def __init__(self, program: Program, inputs: Iterable[Value] = ()) -> None:
        self.program = program
        self._places: dict[Value, Place] = {value: place for place, value in enumerate(inputs)}
        self._constants = {_bits(number): -1 - index for index, number in enumerate(program.constants)}
        self._shared: dict[tuple[Any, ...], Place] = {}
        self._guards: set[Guard] = set()

    def constant(self, number: float) -> Place:
        """Return the place of a number."""
        key = _bits(number)
        place = self._constants.get(key)
        if place is None:
            self.program.constants.append(number)
            place = self._constants[key] = -len(self.program.constants)
        return place

    def place(self, thing: Any) -> Place:
        """Return the place of a Value or a number, after all that it depends on has been added."""
        if not isinstance(thing, Value):
            return self.constant(float(thing))
        places, constant = self._places, self.constant
        recorded = 0
        waiting: list[Any] = [thing]
        while waiting:
            node = waiting.pop()
            if type(node) is tuple:
                node, operands = node  # which has waited for its operands
            elif node in places:
                continue
            else:
                operands = node.operands
                missing = [each for each in operands if type(each) is Value and each not in places]
                if missing:
                    waiting.append((node, operands))
                    waiting += missing[::-1]  # so that the first operand is the first to be added
                    continue
            if node.op is None:
                places[node] = constant(node._number)
            else:
                recorded += 1
                at = [places[each] if type(each) is Value else constant(each) for each in operands]
                places[node] = self.result(node.op, at)
        self.program.recorded += recorded
        return places[thing]

    def result(self, op: Primitive, operands: list[Place]) -> Place:
        """Return the place of the result of an operation, which may be there already or need no operation."""
        program = self.program
        if operands[0] < 0 and operands[-1] < 0 and max(operands) < 0:  # which most are not, as the first two tell
            return self.constant(float(op.evaluate(*map(program.constant, operands))))
        simpler = TABLE.find(program, op, operands)
        if simpler is not None:
            return self.built(*simpler)
        key: tuple[Any, ...] = (op, *operands)
        if op in COMMUTATIVE and operands[1] < operands[0]:
            key = (op, operands[1], operands[0])
        place = self._shared.get(key)
        if place is None:
            place = self._shared[key] = program.append(op, operands)
        return place

    def built(self, term: Term, found: Found) -> Place:
        """Return the place of what a row gives, where its parameters are in such places."""
        if isinstance(term, tuple):
            return self.result(term[0], [self.built(operand, found) for operand in term[1]])
        return found[term] if isinstance(term, str) else self.constant(term)

    def guard(self, symbol: str, left: Place, right: Place, outcome: bool) -> None:
        """Add a comparison, unless it holds anyway."""
        guard = Guard(symbol, left, right, outcome)
        if (left >= 0 or right >= 0) and guard not in self._guards:
            self._guards.add(guard)
            self.program.guards.append((len(self.program.ops), guard))

    def finish(self, outputs: list[Place]) -> Program:
        """Return the program, without what no output and no guard needs."""
        program = self.program
        program.outputs = outputs
        first = program.input_count
        alive = bytearray(len(program.ops))
        for places in (outputs, *(guard.operands for _, guard in program.guards)):
            for place in places:
                if place >= first:
                    alive[place - first] = 1
        for index in range(len(alive) - 1, -1, -1):
            if alive[index]:
                for place in program.operands(index):
                    if place >= first:
                        alive[place - first] = 1
        program.keep(alive)
        return program
