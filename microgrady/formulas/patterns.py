"""What was written as one thing and is recorded as several: reading it back.

`where` on a comparison is recorded as the sum of what is kept and what is dropped, or by what it has selected, `clip`
as two bounds, conditions as numbers that are 1 or 0. A reader serves whatever graph there is: Values, or the places of
a compiler's program.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from microgrady.formulas.writing import COMPARISONS, Notation, Written
from microgrady.functions import (
    add,
    clip_high,
    clip_low,
    dropped,
    equal,
    kept,
    maximum,
    mul,
    selected,
    sub,
)
from microgrady.value import Primitive

Node = TypeVar("Node")

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", "==": "=="}


class Operand(NamedTuple, Generic[Node]):
    """An operand of what was written.

    Attributes:
        node: The node, or a number.
        is_condition: Whether it stands where Python takes a condition.
    """

    node: Node | float
    is_condition: bool = False


class Reading(NamedTuple, Generic[Node]):
    """What was written.

    Attributes:
        form: An operation, or "where", "clip", "not", "&", "|" or the sign of a comparison.
        operands: Its operands, in order.
        parts: The nodes that are recorded for it beside its result.
    """

    form: Primitive | str
    operands: tuple[Operand[Node], ...]
    parts: tuple[Node, ...] = ()


class Reader(Generic[Node]):
    """What reads the nodes of one graph.

    Args:
        op_of: Returns the operation that made a node; None for a leaf.
        operands_of: Returns the operands of a node; numbers are floats.
        is_part: Returns whether a node may be read as a part of what uses it, and so has no place of its own.
    """

    def __init__(
        self,
        op_of: Callable[[Node], Primitive | None],
        operands_of: Callable[[Node], Sequence[Node | float]],
        is_part: Callable[[Node], bool] = lambda node: True,
    ) -> None:
        self.op_of, self.operands_of, self.is_part = op_of, operands_of, is_part
        self.masks: set[Node] = set()  # what is known to be made of comparisons: of a long condition, all at once

    def read(self, node: Node, as_condition: bool = False) -> Reading[Node]:
        """Read a result.

        Args:
            node: The node, which is not a leaf.
            as_condition: Whether it stands where Python takes a condition.
        """
        op, operands = self.op_of(node), self.operands_of(node)
        assert op is not None
        found = self._condition(op, operands) if as_condition else None
        if op is add:
            found = self._where(operands)
        elif op is clip_high:
            found = self._clip(operands)
        elif op is selected and len(operands) == 3:
            found = Reading("where", (Operand(operands[0], True), Operand(operands[1]), Operand(operands[2])))
        return found or Reading(op, tuple(map(Operand, operands)))

    def _made_by(self, operand: Node | float) -> Primitive | None:
        """Return the operation that made an operand which may be read as a part of what uses it."""
        return None if isinstance(operand, float) or not self.is_part(operand) else self.op_of(operand)

    def _where(self, terms: Sequence[Node | float]) -> Reading[Node] | None:
        first, second = terms
        if self._made_by(first) is not kept or self._made_by(second) is not dropped:
            return None
        assert not isinstance(first, float)
        assert not isinstance(second, float)
        (mask, one), (same, other) = self.operands_of(first), self.operands_of(second)
        if type(mask) is not type(same) or len({mask, same}) > 1:  # a set, as Values compare by their numbers
            return None
        return Reading("where", (Operand(mask, True), Operand(one), Operand(other)), (first, second))

    def _clip(self, operands: Sequence[Node | float]) -> Reading[Node] | None:
        inner, high = operands
        if self._made_by(inner) is not clip_low:
            return None
        assert not isinstance(inner, float)
        number, low = self.operands_of(inner)
        return Reading("clip", (Operand(number), Operand(low), Operand(high)), (inner,))

    def _condition(self, op: Primitive, operands: Sequence[Node | float]) -> Reading[Node] | None:
        left, right = operands[0], operands[-1]
        if op in COMPARISONS:
            sign = COMPARISONS[op]
            if isinstance(left, float):  # as `x > 0` is recorded, too
                left, right, sign = right, left, _MIRRORED[sign]
            return Reading(sign, (Operand(left), Operand(right)))
        if op is sub and left == 1.0 and isinstance(left, float) and not isinstance(right, float):
            if self._made_by(right) is equal:
                return Reading("!=", tuple(map(Operand, self.operands_of(right))), (right,))
            return Reading("not", (Operand(right, True),)) if self.is_mask(right) else None
        if op in (mul, maximum) and all(map(self.is_mask, operands)):
            return Reading("&" if op is mul else "|", (Operand(left, True), Operand(right, True)))
        return None

    def is_mask(self, operand: Node | float) -> bool:
        """Return whether an operand is made of comparisons alone, and so 1 where something holds and else 0."""
        pending, seen = [operand], set[Node]()
        while pending:
            one = pending.pop()
            if isinstance(one, float):
                if one not in (0.0, 1.0):
                    return False
            elif one not in seen and one not in self.masks and (op := self.op_of(one)) not in COMPARISONS:
                if op not in (mul, maximum, sub):
                    return False
                seen.add(one)
                left, right = self.operands_of(one)
                if op is sub and not (isinstance(left, float) and left == 1.0):
                    return False
                pending += (left, right)
        self.masks |= seen
        return True


def written(
    start: Node | float,
    reader: Reader[Node],
    named: Callable[[Node, bool], Written | None],
    notation: Notation,
    precision: int,
    deepest: int = sys.maxsize,
    as_condition: bool = False,
) -> Written:
    """Write how a result was made, without recursion, so that it may be of any depth.

    Args:
        start: The result, or a number.
        reader: What reads the graph.
        named: Returns how a node is referred to, as a number or where Python takes a condition; None where it is
            written out.
        notation: How formulas are written.
        precision: Significant digits of the numbers.
        deepest: So many operations within each other are written out; what is deeper becomes dots.
        as_condition: Whether the result stands where Python takes a condition.

    Returns:
        The formula.
    """
    done: list[Written] = []
    waiting: list[tuple[Operand[Node] | Reading[Node], int]] = [(Operand(start, as_condition), 0)]
    while waiting:
        entry, depth = waiting.pop()
        if isinstance(entry, Reading):
            count = len(entry.operands)
            done[-count:] = [formed(entry, done[-count:], notation)]
        elif isinstance(entry.node, float):
            done.append(
                notation.name(str(bool(entry.node))) if entry.is_condition else notation.number(entry.node, precision)
            )
        elif (name := named(entry.node, entry.is_condition)) is not None:
            done.append(name)
        elif depth == deepest:
            done.append(notation.name("..."))
        else:
            reading = reader.read(entry.node, entry.is_condition)
            waiting.append((reading, depth))
            waiting.extend((operand, depth + 1) for operand in reversed(reading.operands))
    return done[0]


def formed(reading: Reading[Node], operands: Sequence[Written], notation: Notation) -> Written:
    """Write what was read, with its operands as they are written."""
    form = reading.form
    if isinstance(form, Primitive):
        return notation.apply(form, operands)
    if form == "where":
        return notation.call(form, operands)
    if form == "clip":  # a bound that is not there is recorded as an infinite one
        number, *bounds = operands
        for index, end in enumerate((-math.inf, math.inf)):
            bound = reading.operands[1 + index].node
            if isinstance(bound, float) and bound == end:
                bounds[index] = notation.name("None")
        return notation.call(form, [number, *bounds])
    return notation.logic(form, operands)
