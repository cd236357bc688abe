"""Which results are written within the formula of another one, as they have no place of their own."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from microgrady.formulas.patterns import Reader, written
from microgrady.formulas.writing import TEXT, Level, Notation, Written
from microgrady.functions import add, clip_high, kept, selected, sub
from microgrady.scopes import path_of
from microgrady.selections import operands_of, partials_of, selects
from microgrady.value import Primitive, Value, stays_zero

SUMS = {add, sub}
LONGEST_SUM = 8  # terms; those of a longer one are just counted


def op_of(value: Value) -> Primitive | None:
    """Return the operation that made a Value."""
    return value.op


def grouped(order: Sequence[Value], outputs: Collection[Value], sums: bool = True) -> dict[Value, Value]:
    """Find the results that are written within the formula of another one.

    Those are what `where` and `clip` are recorded as beside their result, the condition of a `where` that is used for
    it alone, and the unnamed sums and differences that are only there for another one. All of a group were made in the
    same scope.

    Args:
        order: The Values, operands before results.
        outputs: Those that keep a place of their own.
        sums: Whether sums of sums are one.

    Returns:
        For each of them the result in whose formula it ends up.
    """
    return Grouping(order, outputs, sums).inside


class Grouping:
    """The search for what is written within the formula of something else, from the outputs to the leaves."""

    def __init__(self, order: Sequence[Value], outputs: Collection[Value], sums: bool) -> None:
        self.uses: dict[Value, int] = {}  # no Counter: where a function is recorded, nobody else may hash Values
        for value in order:
            for operand in operands_of(value):
                if isinstance(operand, Value):
                    self.uses[operand] = self.uses.get(operand, 0) + 1
        self.outputs = frozenset(outputs)
        self.reader = Reader(op_of, operands_of)
        self.inside: dict[Value, Value] = {}
        self.conditions: set[Value] = set()
        for value in reversed(order):
            op = value.op
            if (
                value in self.conditions
                or op is clip_high
                or (op is add and self.may_select(value))
                or (op is selected and selects(value))
            ):
                self.look_into(value)
            elif sums and op in SUMS:
                self.join_terms(value)

    def look_into(self, value: Value) -> None:
        """Join what is recorded for a result that may be a condition, a `where` or a `clip`."""
        reading = self.reader.read(value, value in self.conditions)
        if not all(self.may_join(part, value) for part in reading.parts):
            return
        root = self.inside.get(value, value)
        self.inside.update(dict.fromkeys(reading.parts, root))
        uses = max(1, len(reading.parts))  # the two parts of a `where` both have its condition
        for part, is_condition in reading.operands:
            if is_condition and isinstance(part, Value) and self.may_join(part, value, uses) and self.holds(part):
                self.conditions.add(part)
                self.inside[part] = root

    def join_terms(self, value: Value) -> None:
        """Join the sums that are terms of a sum."""
        for part in value.operands:
            if not isinstance(part, Value) or part.op not in SUMS or self.may_select(part):
                continue
            if self.may_join(part, value):
                self.inside[part] = self.inside.get(value, value)

    def may_join(self, part: Value, value: Value, uses: int = 1) -> bool:
        """Return whether an operand is there for one result alone, and made in the same scope."""
        return (
            self.uses[part] == uses
            and not part.label
            and part not in self.outputs
            and path_of(part._label) == path_of(value._label)
        )

    def may_select(self, value: Value) -> bool:
        """Return whether a sum can be what a `where` is recorded as."""
        first = value.operands[0]
        return isinstance(first, Value) and first.op is kept

    def holds(self, part: Value) -> bool:
        """Return whether a result can be written as a condition."""
        return part.op is not None and self.reader.read(part, True).form is not part.op


def from_outside(values: Sequence[Value], adjoint: float = 1.0) -> Iterator[tuple[Value | float, float]]:
    """Yield what a result is made from, in the order of its formula, with what each gets of an adjoint.

    Values come first, each once, and then the numbers, one by one.

    Args:
        values: What is written in the formula, operands before results, and the result last.
        adjoint: The derivative of an output by the result; with 1 each operand gets the local derivative.
    """
    if len(values) == 1 and adjoint == 1.0 and not selects(values[0]):  # as it is mostly
        yield from with_partials(values[0])
        return
    adjoints = {values[-1]: adjoint}
    numbers: list[float] = []
    for value in reversed(values):
        here = adjoints.get(value, 0.0)
        for operand, partial in zip(operands_of(value), partials_of(value), strict=True):
            if not isinstance(operand, Value):
                numbers.append(operand)
                continue
            share = 0.0 if here == 0.0 else here * partial
            if math.isnan(share) and stays_zero(here, partial, value.op):
                share = 0.0
            adjoints[operand] = adjoints[operand] + share if operand in adjoints else share
    within, found = set(values), set[Value]()
    for start in reversed(values):  # what is written in one formula is all reached from the result
        pending = [start]
        while pending:
            value = pending.pop()
            if value in found:
                continue
            found.add(value)
            if value in within:
                pending += [operand for operand in reversed(operands_of(value)) if isinstance(operand, Value)]
            else:
                yield value, adjoints[value]
    for number in reversed(numbers):
        yield number, 0.0


def followed_operands(values: Iterable[Value], followed: Collection[Value]) -> set[Value]:
    """Return the operands that derivatives go on to from what is written in one formula.

    Args:
        values: What is written in the formula.
        followed: What derivatives go through, unlike what a `where` has not selected, and its condition.
    """
    within = (value for value in values if value in followed)
    return {operand for value in within for operand in value.operands if isinstance(operand, Value)}


def with_partials(value: Value) -> list[tuple[Value | float, float]]:
    """Return what a result that is alone in its formula is made from, as `from_outside` yields it."""
    pairs = list(zip(value.operands, value.partials, strict=True))
    if len(pairs) == 2:
        (first, left), (second, right) = pairs
        if first is second:
            return [(first, left + right)]
        if not isinstance(first, Value):
            return pairs[::-1]
    return pairs


def formula_of(
    value: Value,
    names: Mapping[Value, str],
    inside: Mapping[Value, Value],
    notation: Notation = TEXT,
    precision: int = 4,
    most_terms: int = LONGEST_SUM,
) -> Written:
    """Write how a result was made, over the names of its operands, with what is written within it.

    The zero that Python's `sum` begins with is left out, unless Python is to read the formula.

    Args:
        value: The result, which is not within another one.
        names: What its operands are called.
        inside: What is written within which formula, as `grouped` finds it.
        notation: How formulas are written.
        precision: Significant digits of the numbers.
        most_terms: A sum of more terms is just counted.

    Returns:
        The formula.
    """
    if inside.keys().isdisjoint(value.operands) and not selects(value):  # as it is mostly
        assert value.op is not None
        operands = [
            notation.name(names[operand]) if isinstance(operand, Value) else notation.number(operand, precision)
            for operand in value.operands
        ]
        return notation.apply(value.op, operands)
    terms = terms_of(value, inside, with_zeros=notation.is_python) if value.op in SUMS else []
    if len(terms) > most_terms:
        return Written(f"sum of {len(terms):,} terms", Level.SUM)

    def without_zero(operand: Value | float) -> Value | float:
        while isinstance(operand, Value) and inside.get(operand) is value and adds_to_zero(operand):
            operand = operand.operands[1]
        return operand

    def without_zeros(part: Value) -> tuple[Value | float, ...]:
        return tuple(map(without_zero, operands_of(part)))

    reads = operands_of if notation.is_python else without_zeros
    reader = Reader(op_of, reads, lambda part: inside.get(part) is value)

    def named(part: Value, is_condition: bool) -> Written | None:
        return None if part is value or inside.get(part) is value else notation.name(names[part])

    return written(value, reader, named, notation, precision)


def adds_to_zero(value: Value) -> bool:
    """Return whether a Value is what Python's `sum` begins with: 0 plus something."""
    first = value.operands[0]
    return value.op is add and isinstance(first, float) and first == 0.0


def terms_of(value: Value, inside: Mapping[Value, Value], with_zeros: bool = True) -> list[Value | float]:
    """Return the terms of a sum, those of the sums within it among them, in order.

    Args:
        value: The sum.
        inside: What is written within which formula.
        with_zeros: Whether the zeros that sums within it begin with are terms.
    """
    terms: list[Value | float] = []
    waiting: list[Value | float] = [value]
    while waiting:
        term = waiting.pop()
        if term is value or (isinstance(term, Value) and term.op in SUMS and inside.get(term) is value):
            skipped = 0 if with_zeros or term is value or not adds_to_zero(term) else 1
            waiting.extend(reversed(term.operands[skipped:]))
        else:
            terms.append(term)
    return terms
