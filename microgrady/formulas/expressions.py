"""A result as text, from its operations back to the names of its leaves: `formula` and `latex`."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from microgrady.formulas.grouping import adds_to_zero, grouped, op_of
from microgrady.formulas.latex import LATEX
from microgrady.formulas.patterns import Reader, written
from microgrady.formulas.writing import IDENTITIES, OPERATORS, PYTHON, Notation, Written, visible
from microgrady.functions import clip_high, clip_low, dropped, kept, neg
from microgrady.inputs import FLOAT_DIGITS, describe, require_precision
from microgrady.scopes import Scope, path_of
from microgrady.selections import operands_of, order_of, selects
from microgrady.tracebacks import entrance
from microgrady.value import Primitive, Value, topological_order

WIDEST = {PYTHON: 100, LATEX: 300}  # a formula that is longer is written in several lines
MOST_LINES, FEWEST_LINES = 100, 3
RECORDED_FOR = {kept: "where", dropped: "where", clip_low: "clip", clip_high: "clip"}
MOST_IN_NOTEBOOKS = 100  # Values of a graph that a notebook shows as a formula


class Line(NamedTuple):
    """A result that has a line of its own.

    Attributes:
        name: What it is called.
        text: Its formula.
    """

    name: str
    text: str


@entrance
def formula(output: Value, *, precision: int = FLOAT_DIGITS, max_lines: int | None = MOST_LINES) -> str:
    """Return how a Value was computed, as Python.

    Labels are the names, with an underscore behind words of Python and functions that are called; leaves and shared
    results without one are v1, v2, ... What is used more than once, has a
    label, or would make a line too long stands on a line of its own, `v1 = ...`, above the formula of the output.
    Operations are written with the functions of this package; those that only derivatives use are in
    `microgrady.functions`.

    Args:
        output: The Value.
        precision: Significant digits of the numbers, 1 to 17; with 17 Python reads the same numbers again.
        max_lines: The most lines. Where there would be more, those in the middle are left out, and a comment says
            how many; None for all.

    Returns:
        The text, with which Python computes the same number, unless lines are left out.

    Raises:
        TypeError: `output` is not a Value.
        ValueError: `precision` or `max_lines` is not such a number.

    Example:
        >>> import microgrady as mg
        >>> x, w = Value(2.0, "x"), Value(-3.0, "w")
        >>> print(mg.formula((x * w + 1) ** 2))
        (x * w + 1)**2
        >>> h = mg.tanh(x * w)
        >>> print(mg.formula(h * h - h))
        v1 = tanh(x * w)
        v1 * v1 - v1
    """
    _require(output, precision, max_lines, "formula")
    page = Page(output, PYTHON, precision)
    lines = [f"{name} = {text}" for name, text in page.lines]
    return "\n".join([*_shown(lines, max_lines, "# {} lines left out"), page.last.text])


@entrance
def latex(output: Value, *, precision: int = 4, max_lines: int | None = MOST_LINES) -> str:
    r"""Return how a Value was computed, in LaTeX, for a formula on a line of its own.

    Several lines, as `formula` has them, are aligned at their equals signs. A name that ends in a number has it as an
    index, and Greek letters are written as such. A notebook shows a Value that has a label in this way.

    Args:
        output: The Value.
        precision: Significant digits of the numbers, 1 to 17.
        max_lines: The most lines. Where there would be more, those in the middle are left out; None for all.

    Returns:
        The text, without dollar signs around it.

    Raises:
        TypeError: `output` is not a Value.
        ValueError: `precision` or `max_lines` is not such a number.

    Example:
        >>> import microgrady as mg
        >>> x, w = Value(2.0, "x"), Value(-3.0, "w1")
        >>> print(mg.latex(mg.sqrt(x) / (1 + mg.exp(-w * x))))
        \frac{\sqrt{x}}{1 + e^{-w_{1} \cdot x}}
    """
    _require(output, precision, max_lines, "latex")
    page = Page(output, LATEX, precision)
    if not page.lines:
        return page.last.text
    return _aligned(page, _named(page, output), page.last.text, max_lines)


def notebook_latex(value: Value) -> str | None:
    """Return what a notebook shows of a Value: its formula and its number, if it has a label and the graph is small."""
    if not value.label.strip():
        return None
    if value.op is None:
        return f"${LATEX.name(value.label).text} = {LATEX.number(value.data, 4).text}$"
    if len(topological_order(value)) > MOST_IN_NOTEBOOKS:
        return None
    page = Page(value, LATEX, 4)
    text = f"{page.last.text} = {LATEX.number(value.data, 4).text}"
    name = _named(page, value)
    return rf"$\displaystyle {name} = {text}$" if not page.lines else f"$${_aligned(page, name, text, None)}$$"


def _named(page: Page, output: Value) -> str:
    return LATEX.name(page.name_for(output)).text


def _aligned(page: Page, name: str, text: str, max_lines: int | None) -> str:
    lines = [f"{line.name} &= {line.text}" for line in page.lines]
    rows = [*_shown(lines, max_lines, r"&\vdots"), f"{name} &= {text}"]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _shown(lines: list[str], max_lines: int | None, gap: str) -> list[str]:
    """Return the lines above the last, but for those in the middle where they are too many."""
    if max_lines is None or len(lines) < max_lines:
        return lines
    above, below = max_lines // 2 - 1, (max_lines - 1) // 2
    return [*lines[:above], gap.format(f"{len(lines) - above - below:,}"), *lines[len(lines) - below :]]


def _require(output: object, precision: object, max_lines: object, what: str) -> None:
    if not isinstance(output, Value):
        raise TypeError(f"{what} takes a Value, not {describe(output)}")
    require_precision(precision)
    if max_lines is not None and (not isinstance(max_lines, int) or max_lines < FEWEST_LINES):
        raise ValueError(f"max_lines is an int from {FEWEST_LINES} on, or None, not {max_lines!r}")


class Page:
    """The lines that a result is written in.

    Args:
        output: The result.
        notation: How formulas are written.
        precision: Significant digits of the numbers.

    Attributes:
        lines: Those above the last one.
        last: The formula of the result.
    """

    def __init__(self, output: Value, notation: Notation, precision: int) -> None:
        self.notation, self.precision = notation, precision
        order = order_of(output)
        self.inside = grouped(order, (output,), sums=False)
        self.reader = Reader(op_of, operands_of, lambda part: part in self.inside)
        self.taken = {visible(value.label) for value in order}
        self.words = self.words_of({value.op for value in order if value.op is not None})
        self.given: set[str] = set()
        self.scopes: dict[Scope, int] = {}  # numbered as their leaves get names
        self.numbers = count(1)
        self.after: dict[str, dict[int, int]] = {}  # for each label numbers that are taken, and one behind them
        self.uses: dict[Value, int] = {}
        self.conditions: set[Value] = set()  # what is nothing but the condition of something
        self.count_uses(order)
        self.texts: dict[Value, Written] = {}
        self.names: set[Value] = set()  # those of which the text is a name
        self.lines: list[Line] = []
        for value in order:
            if value.op is not None and value is not output and value not in self.inside:
                self.write(value)
        self.last = self.reference(output, output) if output.op is None else self.compose(output)

    def words_of(self, ops: set[Primitive]) -> set[str]:
        """Return the words of the formulas, which cannot be names for Python: of functions, and of numbers."""
        called = {op for op in ops if op is not neg and op not in OPERATORS and op not in IDENTITIES}
        words = {RECORDED_FOR.get(op) or self.notation.function_name(op) for op in called}
        return words | {"inf", "nan"}

    def count_uses(self, order: list[Value]) -> None:
        """Count how often each Value is referred to, and find those that are conditions each time."""
        numbers: set[Value] = set()
        for value in reversed(order):
            if value.op is None or value in self.inside:
                continue
            if value in numbers:
                self.conditions.discard(value)
            for operand, is_condition in self.references(value):
                self.uses[operand] = self.uses.get(operand, 0) + 1
                (self.conditions if is_condition else numbers).add(operand)

    def references(self, value: Value) -> Iterator[tuple[Value, bool]]:
        """Yield the operands that a formula refers to, and whether as conditions."""
        if self.is_plain(value):
            yield from ((operand, False) for operand in value.operands if isinstance(operand, Value))
            return
        waiting = [self.reader.read(value, value in self.conditions)]
        while waiting:
            for operand, is_condition in waiting.pop().operands:
                if isinstance(operand, float):
                    continue
                if operand in self.inside:
                    waiting.append(self.reader.read(operand, is_condition))
                else:
                    yield operand, is_condition

    def is_plain(self, value: Value) -> bool:
        """Return whether nothing else was written than the operation that is recorded; mostly it is so."""
        if value in self.conditions or selects(value):
            return False
        return self.inside.keys().isdisjoint(value.operands)

    def write(self, value: Value) -> None:
        """Write a result within what uses it or, where that would be repetition, on a line of its own."""
        self.texts[value] = self.compose(value)
        operand = value.operands[0]
        is_operand = value.op in IDENTITIES and not selects(value) and isinstance(operand, Value)
        if is_operand and operand in self.names and not value.label.strip():
            self.names.add(value)
        elif value.label.strip() or self.uses[value] > 1:
            self.set_apart(value)

    def compose(self, value: Value) -> Written:
        """Write a formula, of which parts get lines of their own as long as it is too long."""
        while len((text := self.compose_once(value)).text) > WIDEST[self.notation]:
            parts = [operand for operand, _ in self.references(value) if operand not in self.names]
            if not parts:
                break
            self.set_apart(max(parts, key=lambda part: len(self.texts[part].text)))
        return text

    def compose_once(self, value: Value) -> Written:
        """Write a formula with what its operands are written as so far."""

        def refer(node: Value, is_condition: bool) -> Written | None:
            return None if node is value or node in self.inside else self.reference(node, value, is_condition)

        if not self.is_plain(value):
            is_condition = value in self.conditions
            return written(value, self.reader, refer, self.notation, self.precision, as_condition=is_condition)
        assert value.op is not None
        operand = value.operands[-1]
        if isinstance(operand, Value) and adds_to_zero(value) and self.is_passed_on(value):
            return self.reference(operand, value)
        operands = [
            self.reference(operand, value)
            if isinstance(operand, Value)
            else self.notation.number(operand, self.precision)
            for operand in value.operands
        ]
        return self.notation.apply(value.op, operands)

    def is_passed_on(self, value: Value) -> bool:
        """Return whether what adds to zero may be left out; Python may not, to which -0.0 + 0 is another zero."""
        return not self.notation.is_python and self.uses.get(value) == 1 and not value.label.strip()

    def reference(self, value: Value, user: Value, is_condition: bool = False) -> Written:
        """Return how the formula of its user refers to an operand; a leaf gets its name when it is first met."""
        if value.op is None and value not in self.names:
            self.texts[value] = self.notation.name(self.name_for(value, path_of(user._label)))
            self.names.add(value)
        text = self.texts[value]
        if is_condition and value not in self.conditions:
            return self.notation.logic("!=", (text, self.notation.number(0.0, FLOAT_DIGITS)))
        return text

    def set_apart(self, value: Value) -> None:
        """Give a result a line of its own."""
        name = self.notation.name(self.name_for(value))
        self.lines.append(Line(name.text, self.texts[value].text))
        self.texts[value] = name
        self.names.add(value)

    def name_for(self, value: Value, scopes: tuple[Scope, ...] = ()) -> str:
        """Return a name that no other Value has.

        What has one label is told apart by numbers. Leaves that are first used in one scope, such as the weights of
        one neuron, have the same number if possible.
        """
        label = visible(value.label)
        if self.notation.is_python and (label in self.words or keyword.iskeyword(label)):
            label += "_"  # "lambda", for one
        name = label or self.next_number()
        number = self.scopes.setdefault(scopes[-1], len(self.scopes) + 1) if scopes else 1
        if name in self.given:
            name = self.numbered(label, max(number, 2))
        self.given.add(name)
        return name

    def numbered(self, label: str, number: int) -> str:
        """Return a name with the first number from one on that is free. What is taken is jumped over."""
        after, passed = self.after.setdefault(label, {}), []
        while (name := f"{label}_{number}") in self.taken or name in self.given:
            passed.append(number)
            number = after.get(number, number + 1)
        after.update(dict.fromkeys(passed, number))
        return name

    def next_number(self) -> str:
        """Return the next of v1, v2, ... that is nobody's label."""
        return next(name for name in (f"v{number}" for number in self.numbers) if name not in self.taken)
