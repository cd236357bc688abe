"""Tables of operations and of what may stand for them: how a row is written, and where it fits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from microgrady.compiler.programs.program import Place, Program
from microgrady.functions import add, mul
from microgrady.value import Primitive, Value

COMMUTATIVE = (add, mul)  # to the last bit

# What a row's functions do: a parameter by its name, a constant, or an operation on such.
Term = str | float | tuple[Primitive, tuple[Any, ...]]


@dataclass(frozen=True)
class Row:
    """An operation, and what may stand for it.

    Attributes:
        pattern: The operation, as a function of numbers that may be any. Of sums and products it is meant in both
            orders.
        result: What may stand for it, as a function of the same numbers.
        why: Why both are the same to the last bit.
        constant: If given, the first number is a constant for which this holds.
    """

    pattern: Callable[..., Any]
    result: Callable[..., Any]
    why: str
    constant: Callable[[float], bool] | None = None


Found = dict[str, Place]  # the places of a row's parameters


_CONSTANT = "constant"  # what a row may ask of an operand, besides a number or an operation


class _Case:
    """A row in terms, with its operands in one order, but None for the number by which it is found."""

    def __init__(
        self,
        operands: tuple[Term | None, ...],
        result: Term,
        constant: tuple[str, Callable[[float], bool]] | None,
    ) -> None:
        self.operands = operands
        self.result = result
        self.constant = constant

    def match(self, program: Program, operands: Sequence[Place]) -> Found | None:
        """Return where the parameters are, if the row fits."""
        found: Found = {}
        for position, term in enumerate(self.operands):
            if term is not None and not _fits(term, operands[position], program, found):
                return None
        if self.constant is not None:
            name, holds = self.constant
            if found[name] >= 0 or not holds(program.constants[-1 - found[name]]):
                return None
        return found


class Table:
    """Rows, found by the operation and by what its operands are.

    Args:
        rows: Where several fit, one of them is found.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        # For each operation that a row is about, and for each of its operands: what rows ask of it (a number, any
        # constant, the result of an operation), and those rows. Most operations are passed over without a closer look.
        self._cases: dict[Primitive, tuple[dict[Any, list[_Case]], ...]] = {}
        # Rows that ask nothing.
        self._plain: dict[Primitive, _Case] = {}
        for row in rows:
            self._add(row)

    def _add(self, row: Row) -> None:
        names = list(inspect.signature(row.pattern).parameters)
        numbers = [Value(0.5, name) for name in names]
        pattern, result = _term(row.pattern(*numbers)), _term(row.result(*numbers))
        assert isinstance(pattern, tuple)
        op, operands = pattern
        constant = None if row.constant is None else (names[0], row.constant)
        for order in (operands, operands[::-1]) if op in COMMUTATIVE else (operands,):
            asked = [_CONSTANT if constant and term == names[0] else _asked(term) for term in order]
            telling = next((number for number, what in enumerate(asked) if what is not None), None)
            if telling is None:
                self._plain[op] = _Case(order, result, constant)
                continue
            terms = [None if isinstance(term, float) and at == telling else term for at, term in enumerate(order)]
            by_operand = self._cases.setdefault(op, tuple({} for _ in order))
            by_operand[telling].setdefault(asked[telling], []).append(_Case(tuple(terms), result, constant))

    @property
    def ops(self) -> Set[Primitive]:
        """The operations that rows are about."""
        return self._plain.keys() | self._cases.keys()

    def find(self, program: Program, op: Primitive, operands: tuple[Place, ...]) -> tuple[Term, Found] | None:
        """Return the result of a row that fits an operation, and where its parameters are."""
        by_operand = self._cases.get(op)
        if by_operand is None:
            plain = self._plain.get(op)
            found = None if plain is None else plain.match(program, operands)
            return None if plain is None or found is None else (plain.result, found)
        first, ops = program.input_count, program.ops
        for position, cases in enumerate(by_operand):
            place = operands[position]
            if place >= first:
                likely = cases.get(ops[place - first])
            elif place < 0:
                likely = cases.get(_key(program.constants[-1 - place]))
                if _CONSTANT in cases:
                    likely = [*(likely or ()), *cases[_CONSTANT]]
            else:
                continue
            if likely is None:
                continue
            for case in likely:
                found = case.match(program, operands)
                if found is not None:
                    return case.result, found
        return None


def _key(number: float) -> Any:
    """Return what stands for a number among others, of which 0.0 equals -0.0."""
    return number or str(number)


def _asked(term: Term) -> Any:
    if isinstance(term, float):
        return _key(term)
    return term[0] if isinstance(term, tuple) else None


def _term(thing: Any) -> Term:
    if not isinstance(thing, Value):
        return float(thing)
    return thing.label if thing.op is None else (thing.op, tuple(map(_term, thing.operands)))


def _fits(term: Term, place: Place, program: Program, found: Found) -> bool:
    """Return whether a term can be what stands at a place; `found` gets the places of the parameters in it."""
    if isinstance(term, str):
        return found.setdefault(term, place) == place
    if isinstance(term, float):
        return place < 0 and bool(_key(program.constants[-1 - place]) == _key(term))
    index = place - program.input_count
    if index < 0 or program.ops[index] is not term[0]:
        return False
    operands = program.operands(index)
    for position, inner in enumerate(term[1]):  # noqa: SIM110 (which would take longer)
        if not _fits(inner, operands[position], program, found):
            return False
    return True
