"""How a graph becomes a program: operations are numbered, shared, and left out where nothing needs them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from microgrady.compiler.programs.program import Guard, Place, Program
from microgrady.compiler.programs.rows import COMMUTATIVE, Found, Term
from microgrady.compiler.programs.simplify import TABLE
from microgrady.inputs import describe
from microgrady.value import Primitive, Value, fresh_marks, topological_order

_bits = struct.Struct("d").pack  # by which 0.0 is another number than -0.0, and nan is itself
_HALF = 1 << 31  # more than there are places, or constants


class Builder:
    """What adds Values, constants and guards to a program, each once.

    Args:
        program: What to add to.
        inputs: The leaves that are its inputs.
        is_regular: Whether what is done with constants is left as it is, and not shared: then the same is done in each
            turn of a loop over data, in which two numbers may be equal, or one of them 1.

    Attributes:
        program: What has been added to.
        coincidences: How often it mattered what number a constant is.
    """

    def __init__(self, program: Program, inputs: Sequence[Value] = (), is_regular: bool = False) -> None:
        self.program = program
        self._ops, (self._lefts, self._rights) = program.ops, program.columns()
        self.coincidences = 0
        self._is_regular = is_regular
        self._inputs = inputs  # kept, so that no other Value gets the identity of one
        self._leaves: dict[int, Place] = {id(leaf): place for place, leaf in enumerate(inputs)}
        self._zero = fresh_marks(2 * _HALF) + _HALF  # where a result has been added, its mark less this is its place
        self._constants = {_key(number): -1 - index for index, number in enumerate(program.constants)}
        self._shared: dict[Primitive, dict[int, Place]] = {}  # by both places in one number
        self._guards: set[Guard] = set()

    def constant(self, number: float) -> Place:
        """Return the place of a number."""
        key = _key(number)
        place = self._constants.get(key)
        if place is None:
            self.program.constants.append(number)
            place = self._constants[key] = -len(self.program.constants)
        return place

    def place(self, thing: Any) -> Place:
        """Return the place of a Value or a number, after all that it depends on has been added."""
        if not isinstance(thing, Value):
            return self.constant(float(thing))
        recorded = 0
        waiting: list[Value] = [thing]
        while waiting:
            node = waiting[-1]
            left, right = node._left, node._right
            if self._is_there(node):
                waiting.pop()
            elif left is not None and not self._is_there(left):  # so the first operand is the first to be added
                waiting.append(left)
            elif right is not None and not self._is_there(right):
                waiting.append(right)
            else:
                waiting.pop()
                recorded += 1
                self._add(node)
        self.program.recorded += recorded
        return self._place_of(thing)

    def _is_there(self, node: Value) -> bool:
        """Return whether `_place_of` knows a place: leaves need not be added."""
        return node._primitive is None or -_HALF <= node._mark - self._zero < _HALF - 1  # which new ones have

    def _place_of(self, node: Value) -> Place:
        if node._primitive is not None:
            return node._mark - self._zero
        place = self._leaves.get(id(node))
        return self.constant(node._number) if place is None else place

    def _add(self, node: Value) -> None:
        op = node._primitive
        assert op is not None
        left = self.constant(node._left_partial) if node._left is None else self._place_of(node._left)
        if len(op.rules) == 1:
            place = self.result(op, (left,))
        else:
            right = self.constant(node._right_partial) if node._right is None else self._place_of(node._right)
            place = self.result(op, (left, right))
        node._mark = self._zero + place

    def result(self, op: Primitive, operands: tuple[Place, ...]) -> Place:
        """Return the place of the result of an operation, which may be there already or need no operation."""
        program = self.program
        left, right = operands[0], operands[-1]
        if left < 0 and right < 0:
            return self.constant(float(op.evaluate(*[program.constants[-1 - place] for place in operands])))
        has_constant = left < 0 or right < 0
        if has_constant and self._is_regular:
            return program.append(op, operands)
        simpler = TABLE.find(program, op, operands)
        if simpler is not None:
            self.coincidences += has_constant
            return self.built(*simpler)
        if right < left and op in COMMUTATIVE:
            left, right = right, left
        shared = self._shared.get(op)
        if shared is None:
            shared = self._shared[op] = {}
        key = left * (2 * _HALF) + right
        place = shared.get(key)
        if place is None:
            place = shared[key] = program.input_count + len(self._ops)
            self._ops.append(op)  # as program.append does, without a call
            self._lefts.append(operands[0])
            self._rights.append(operands[-1])
        elif has_constant:
            self.coincidences += 1
        return place

    def built(self, term: Term, found: Found) -> Place:
        """Return the place of what a row gives, where its parameters are in such places."""
        if isinstance(term, tuple):
            return self.result(term[0], tuple([self.built(operand, found) for operand in term[1]]))
        return found[term] if isinstance(term, str) else self.constant(term)

    def guard(self, symbol: str, left: Place, right: Place, outcome: bool) -> bool:
        """Add a comparison, unless it holds anyway; return whether it was added."""
        guard = Guard(symbol, left, right, outcome)
        if (left < 0 and right < 0) or guard in self._guards:
            return False
        self._guards.add(guard)
        self.add_guard(symbol, left, right, outcome)
        return True

    def add_guard(self, symbol: str, left: Place, right: Place, outcome: bool) -> None:
        """Add a comparison."""
        self.program.guards.append((len(self.program.ops), Guard(symbol, left, right, outcome)))

    def finish(self, outputs: list[Place]) -> Program:
        """Return the program, without what no output and no guard needs."""
        program = self.program
        program.outputs = outputs
        first = program.input_count
        alive = bytearray(len(self._ops))
        compared = [place for _, guard in program.guards for place in guard.operands]
        for place in (*outputs, *compared):
            if place >= first:
                alive[place - first] = 1
        for index in range(len(alive) - 1, -1, -1):
            if alive[index]:
                left, right = self._lefts[index], self._rights[index]
                if left >= first:
                    alive[left - first] = 1
                if right >= first:
                    alive[right - first] = 1
        if 0 in alive:
            self._keep(alive)
        return program

    def _keep(self, alive: bytearray) -> None:
        """Leave out the operations that are not alive (1, else 0), and give the others their new places."""
        program, ops, lefts, rights = self.program, self._ops, self._lefts, self._rights
        first = program.input_count
        moved = list(range(first))  # where each place goes; constants stay where they are
        kept = 0
        for index in range(len(alive)):
            moved.append(first + kept)
            if alive[index]:
                left, right = lefts[index], rights[index]
                ops[kept] = ops[index]
                lefts[kept] = left if left < 0 else moved[left]
                rights[kept] = right if right < 0 else moved[right]
                kept += 1
        del ops[kept:], lefts[kept:], rights[kept:]
        moved += [first + kept, *range(-len(program.constants), 0)]  # which Python counts from the end
        program.guards = [
            (moved[first + position] - first, Guard(guard.symbol, moved[guard.left], moved[guard.right], guard.outcome))
            for position, guard in program.guards
        ]
        program.outputs = [moved[place] for place in program.outputs]


def _key(number: float) -> Any:
    """Return what stands for a number among others."""
    return _bits(number) if number == 0.0 or number != number else number


def leaves_from_outside(roots: list[Value], since: int, name: str) -> list[Value]:
    """Return the leaves made before a run, in the order in which they are first used.

    Args:
        roots: What it has made that is needed.
        since: A mark that was drawn before it.
        name: That of the function, for messages.

    Raises:
        TypeError: A result was made before it, too.
    """
    found: dict[int, Value] = {}
    for node in roots:
        _note_if_from_outside(node, since, name, found)
    for node in topological_order(*roots, since=since):
        if node._primitive is not None:
            _note_if_from_outside(node._left, since, name, found)
            _note_if_from_outside(node._right, since, name, found)
    return list(found.values())


def _note_if_from_outside(value: Value | None, since: int, name: str, found: dict[int, Value]) -> None:
    if value is None or value._mark >= since:
        return
    if value._primitive is not None:
        raise TypeError(
            f"jit of {name}: the function uses {describe(value)}, a result that was computed outside of it and "
            "would never change: compute it inside, or pass it as an argument"
        )
    found[id(value)] = value
