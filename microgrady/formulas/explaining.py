"""The chain rule for one derivative, in numbers: `explain`."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from microgrady.formulas.grouping import followed_operands, formula_of, from_outside, grouped
from microgrady.formulas.names import short_names, shortened, told_apart
from microgrady.formulas.paths import Arrow, Paths, in_figures
from microgrady.formulas.writing import (
    NUMBERS,
    TEXT,
    Level,
    Notation,
    in_parentheses,
    local_derivative,
    number_text,
    total_derivative,
)
from microgrady.inputs import describe, require_precision
from microgrady.selections import operands_of, order_of, still_follows
from microgrady.tracebacks import entrance
from microgrady.tracing import escaping
from microgrady.value import Value, topological_order

MOST_PATHS, LONGEST_PATH = 5, 12  # with more, or longer ones, the explanation goes step by step
MOST_ROWS = 24  # of a table; of more, those at its beginning and at its end are shown
MOST_SHARES = 4  # of one sum
WIDEST = 60  # letters of a formula
Thing = TypeVar("Thing")
CHANGED = "recorded before a leaf was changed"
ZERO = " (a zero contributes zero)"


@dataclass(frozen=True)
class Section:
    """A sentence, and the rows of a table that follow it."""

    sentence: str
    rows: tuple[tuple[str, ...], ...] = ()

    def text(self) -> str:
        """Return it for a page of letters of one width."""
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = ("    ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in self.rows)
        return "\n".join([self.sentence, *(f"    {line}".rstrip() for line in lines)])

    def html(self) -> str:
        """Return it for a page of HTML."""
        cells = (
            "".join(f"<td style='text-align: left; padding-right: 1em'>{html.escape(cell)}</td>" for cell in row)
            for row in self.rows
        )
        table = f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>" if self.rows else ""
        return f"<p>{html.escape(self.sentence)}</p>{table}"


@dataclass(frozen=True)
class Explanation:
    """How a derivative comes about. Printed, and in notebooks, it is the explanation itself.

    Attributes:
        derivative: The derivative.
    """

    derivative: float
    _sections: tuple[Section, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """The explanation in plain text."""
        return "\n\n".join(section.text() for section in self._sections)

    @property
    def html(self) -> str:
        """The explanation in HTML, to be put into a page."""
        return f"<div>{''.join(section.html() for section in self._sections)}</div>"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


@entrance
def explain(output: Value, value: Value, *, precision: int = 4) -> Explanation:
    """Explain how a derivative comes about by the chain rule, in numbers.

    First come the operations between the two Values, with their local derivatives. Where few short paths lead from one
    to the other, the product along each path follows, and their sum; else the derivative of the output by one result
    after the other, from the output back. Of long tables the beginning and the end are shown. No `grad` is read or
    changed.

    Args:
        output: What is differentiated.
        value: By what: any Value that it was calculated from.
        precision: Significant digits of the numbers, 1 to 17.

    Returns:
        The explanation: `print` writes it, notebooks show it as a table, and it has `text`, `html` and `derivative`.

    Raises:
        TypeError: `output` or `value` is not a Value.
        ValueError: `precision` is not such a number.

    Example:
        >>> import microgrady as mg
        >>> w, x = Value(-3.0, "w"), Value(2.0, "x")
        >>> y = mg.tanh(w * x + 6.88)
        >>> y.label = "y"
        >>> print(mg.explain(y, x))
        ∂y/∂x = -1.503 at x = 2: for a small change of x, y changes -1.503 times as much.
        <BLANKLINE>
        The operations from x to y, with their local derivatives:
            v1 = w · x = -3 · 2 = -6              dv1/dx = -3
            v2 = v1 + 6.88 = -6 + 6.88 = 0.88     dv2/dv1 = 1
            y = tanh(v2) = tanh(0.88) = 0.7064    dy/dv2 = 0.501
        <BLANKLINE>
        One path leads from x to y. ∂y/∂x is its product:
            x → v1 → v2 → y    -3 · 1 · 0.501 = -1.503
    """
    for thing in (output, value):
        if not isinstance(thing, Value):
            raise TypeError(f"explain takes an output and a Value to differentiate it by, not {describe(thing)}")
    require_precision(precision)
    escaping(output, "mg.explain(v, x)")
    order = topological_order(output)
    if all(one is not value for one in order):
        return _unconnected(order, output, value)
    return _Chain(order, output, value, precision).explanation()


def _unconnected(order: Sequence[Value], output: Value, value: Value) -> Explanation:
    start, end = (shortened(one.label) or word for one, word in ((value, "this Value"), (output, "the output")))
    derivative = f"The derivative of {end} by {start} is 0"
    sentence = f"{derivative}: {end} was not calculated from {start}."
    if any(one is value for one in order_of(output)):
        sentence = f"{derivative}: only the condition of a where, or what it has left out, was calculated from {start}."
    elif any(one is output for one in topological_order(value)):
        sentence += f" The other way round, explain takes the result first: {start} was calculated from {end}."
    elif value.label and any(one.label == value.label for one in order):
        sentence += f" It was calculated from another Value with the label {start}: was {start} made anew since?"
    return Explanation(0.0, (Section(sentence),))


class _Step:
    """What is written as one formula, and so is one step of the chain rule.

    Args:
        values: The results that are written in it, operands first; the last one is the result of the formula.
        followed: What the derivative goes through, unlike what a `where` has not selected, and its condition.

    Attributes:
        selects: Whether a derivative of zero is exact here: in a `where`, for instance.
        arrows: What leads to it, from where the Value has an influence.
    """

    def __init__(self, values: list[Value], followed: Collection[Value]) -> None:
        self.values, self.result = values, values[-1]
        self.operands = followed_operands(values, followed)
        self.selects = any(value.op is not None and value.op.piecewise for value in values)
        self.arrows: list[Arrow] = []

    @property
    def is_current(self) -> bool:
        """Whether the result is that of the numbers that the leaves have now."""
        return all(map(still_follows, self.values))

    def shares(self, adjoint: float) -> dict[Value, float]:
        """Return what each operand from outside gets of an adjoint of the result."""
        found = from_outside(self.values, adjoint)
        return {operand: share for operand, share in found if isinstance(operand, Value) and operand in self.operands}


class _Chain:
    """What is between a Value and the output that was calculated from it.

    Args:
        order: The graph, operands first.
        output: The last of it.
        value: One of it.
        precision: Significant digits.
    """

    def __init__(self, order: Sequence[Value], output: Value, value: Value, precision: int) -> None:
        self.output, self.value, self.precision = output, value, precision
        shown = order_of(output)
        self.inside = grouped(shown, (output, value))
        self.steps = self._steps(order, shown)
        self.names = told_apart(short_names(shown, skip=self.inside), self._mentioned())
        self.adjoints: dict[Value, float] = {output: 1.0}
        self.shares: dict[Value, list[tuple[Arrow, float]]] = {}
        self._go_back()

    def _steps(self, order: Sequence[Value], shown: Sequence[Value]) -> list[_Step]:
        """Return the steps in which the Value has an influence."""
        within: dict[Value, list[Value]] = {}
        for one in shown:
            if one in self.inside:
                within.setdefault(self.inside[one], []).append(one)
        steps, active, followed = [], {self.value}, frozenset(order)
        for one in order:
            if one is self.value or one.op is None:
                continue
            if any(isinstance(operand, Value) and operand in active for operand in one.operands):
                active.update((one, self.inside.get(one, one)))
            if one in active and one not in self.inside:
                steps.append(_Step([*within.get(one, []), one], followed))
        return steps

    def _mentioned(self) -> Iterator[Value]:
        """Yield what the explanation mentions, what it is about first."""
        yield from (self.value, self.output)
        for step in self.steps:
            for one in step.values:
                operands = (operand for operand in operands_of(one) if isinstance(operand, Value))
                yield from (operand for operand in operands if operand not in self.inside)
            yield step.result

    def _go_back(self) -> None:
        """Find the derivative of the output by each result, and what it is the sum of."""
        reached = {self.value, *(step.result for step in self.steps)}
        for step in reversed(self.steps):
            partials, shares = step.shares(1.0), step.shares(self.adjoints.get(step.result, 0.0))
            for operand, partial in partials.items():
                if operand in reached:
                    arrow = Arrow(operand, step.result, partial, step.selects)
                    step.arrows.append(arrow)
                    self.shares.setdefault(operand, []).append((arrow, shares[operand]))
                    self.adjoints[operand] = self.adjoints.get(operand, 0.0) + shares[operand]

    def explanation(self) -> Explanation:
        """Write the explanation."""
        derivative = self.adjoints[self.value]
        if self.value is self.output:
            sentence = f"{self.total(self.value)} = 1: it is the derivative of {self.names[self.value]} by itself."
            return Explanation(derivative, (Section(sentence),))
        way = f"from {self.names[self.value]} to {self.names[self.output]}"
        operations = Section(
            f"The operations {way}, with their local derivatives:", _rows(self.steps, self._operation, "operations")
        )
        return Explanation(derivative, (self._answer(derivative), operations, self._paths(way) or self._way_back(way)))

    def _answer(self, derivative: float) -> Section:
        start, end = self.names[self.value], self.names[self.output]
        number = self.number(derivative)
        amount = {"1": "as much", "-1": "as much, the other way"}.get(number, f"{number} times as much")
        meaning = f"for a small change of {start}, {end} changes {amount}"
        if derivative == 0.0:
            meaning = f"a small change of {start} does not change {end}, or by far less than it"
        elif math.isnan(derivative):
            meaning = f"{end} has no derivative by {start} there"
        elif math.isinf(derivative):
            meaning = f"the slope of {end} is infinite there"
        users = (step for step in self.steps if any(arrow.operand is self.value for arrow in step.arrows))
        is_current = all(step.is_current for step in users)
        place = f"at {self.valued(self.value)}" if is_current else CHANGED
        return Section(f"{self.total(self.value)} = {number} {place}: {meaning}.")

    def _operation(self, step: _Step) -> tuple[str, ...]:
        """Return a row: how a result was made, in names and in numbers, and its local derivatives."""
        result = step.result
        formula = self._made(result, self.names, TEXT)
        parts = [self.names[result], formula if len(formula) <= WIDEST else formula[: WIDEST - 1] + "…"]
        if not step.is_current:
            parts[-1] += f" ({CHANGED})"
        elif len(formula) <= WIDEST:
            numbers = {
                operand: number_text(operand.data, self.precision)
                for operand, _ in from_outside(step.values)
                if isinstance(operand, Value)
            }
            parts.append(self._made(result, numbers, NUMBERS))
        parts.append(self.number(result.data))
        local = [f"{self.local(arrow)} = {self.number(arrow.partial)}" for arrow in step.arrows[:MOST_SHARES]]
        return " = ".join(dict.fromkeys(parts)), ", ".join(local + ["…"] * (len(step.arrows) > MOST_SHARES))

    def _made(self, result: Value, names: Mapping[Value, str], notation: Notation) -> str:
        """Write how a result was made, to stand between equals signs: a comparison in parentheses."""
        return notation.beside(formula_of(result, names, self.inside, notation, self.precision), Level.OR)

    def _paths(self, way: str) -> Section | None:
        """Write the product along each path; None if there are too many, or too long ones."""
        nodes = [self.value, *(step.result for step in self.steps)]
        arrows = (arrow for step in self.steps for arrow in step.arrows)
        paths = Paths(nodes, arrows, self.adjoints, self.names, self.precision)
        count, longest = paths.counts[self.value], {self.output: 0}
        for node in reversed(nodes[:-1]):
            longest[node] = 1 + max(longest[arrow.result] for arrow in paths.arrows[node])
        self.path_count = count
        if count > MOST_PATHS or longest[self.value] > LONGEST_PATH:
            return None
        rows = [paths.product(path) for path in paths.from_value(self.value)]
        if count == 1:
            return Section(f"One path leads {way}. {self.total(self.value)} is its product:", tuple(rows))
        rows.append(("sum", self.number(self.adjoints[self.value])))
        return Section(f"{count} paths lead {way}. {self.total(self.value)} is the sum of their products:", tuple(rows))

    def _way_back(self, way: str) -> Section:
        """Write the derivative of the output by one result after the other, from the output back."""
        count = self.path_count
        leads = "One path leads" if count == 1 else f"{in_figures(count).capitalize()} paths lead"
        nodes = [self.value, *(step.result for step in self.steps)]
        sentence = f"{leads} {way}. Step by step from the output back, each derivative is the sum over what uses it:"
        return Section(sentence, _rows(list(reversed(nodes)), self._sum, "steps"))

    def _sum(self, node: Value) -> tuple[str, ...]:
        """Return a row: the derivative of the output by a result, as a sum."""
        if node is self.output:
            return (f"{self.total(node)} = 1",)
        shares = self.shares[node]
        symbols: list[str] = []
        numbers: list[str] = []
        for arrow, share in shares[:MOST_SHARES]:
            adjoint = self.adjoints[arrow.result]
            symbols.append(f"{self.total(arrow.result)} · {self.local(arrow)}")
            is_zero = share == 0.0 and not math.isfinite(adjoint * arrow.partial)
            factors = self.number(adjoint), in_parentheses(self.number(arrow.partial)).text
            if numbers:  # behind a plus sign
                factors = in_parentheses(factors[0]).text, factors[1]
            numbers.append("0" if is_zero else " · ".join(factors))
        more = [f"… ({len(shares) - MOST_SHARES:,} more)"] * (len(shares) > MOST_SHARES)
        remark = ZERO if "0" in numbers else ""
        total = self.number(self.adjoints[node])
        left = f"{self.total(node)} = {' + '.join(symbols + more)}"
        return (f"{left} = {' + '.join(numbers + more)} = {total}{remark}",)

    def total(self, value: Value) -> str:
        """Write the derivative of the output by a Value, along all paths."""
        return total_derivative(self.names[self.output], self.names[value])

    def local(self, arrow: Arrow) -> str:
        """Write a local derivative."""
        return local_derivative(self.names[arrow.result], self.names[arrow.operand])

    def valued(self, value: Value) -> str:
        """Write a Value with its number."""
        return f"{self.names[value]} = {self.number(value.data)}"

    def number(self, number: float) -> str:
        """Write a number, without the sign of a zero."""
        return number_text(number + 0.0, self.precision)


def _rows(things: Sequence[Thing], row: Callable[[Thing], tuple[str, ...]], what: str) -> tuple[tuple[str, ...], ...]:
    """Return a row for each thing, but for those in the middle where they are too many."""
    if len(things) <= MOST_ROWS:
        return tuple(map(row, things))
    half = MOST_ROWS // 2
    above, below = map(row, things[:half]), [row(thing) for thing in things[-half:]]
    gap = [f"… {len(things) - 2 * half:,} {what} …", *[""] * (len(below[0]) - 1)]
    return (*above, tuple(gap), *below)
