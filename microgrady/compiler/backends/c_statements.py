"""Statements of C as a person would write them: a number that is used once stands where it is used."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from microgrady.arithmetic.backend import Backend, Operand
from microgrady.arithmetic.library import Called
from microgrady.compiler.backends.c import FORMS, HIDDEN

WIDTH = 120  # columns of a line
INDENT = "    "

# How tightly operators bind, the loosest first.
_SELECT, _EITHER, _BOTH, _EQUAL, _LESS, _SUM, _PRODUCT, _UNARY, _ATOM = range(9)

# How tightly the whole of an operation binds, and how tightly its operands must, so as to need no parentheses.
_LEVELS = {
    "neg": (_UNARY, _ATOM),
    "add": (_SUM, _SUM, _PRODUCT),
    "sub": (_SUM, _SUM, _PRODUCT),
    "mul": (_PRODUCT, _PRODUCT, _UNARY),
    "div": (_PRODUCT, _PRODUCT, _UNARY),
    "select": (_SELECT, _EITHER, _EITHER, _EITHER),
    "less": (_LESS, _SUM, _SUM),
    "less_equal": (_LESS, _SUM, _SUM),
    "equal": (_EQUAL, _SUM, _SUM),
    "negated": (_UNARY, _ATOM),
    "both": (_BOTH, _EQUAL, _EQUAL),
    "either": (_EITHER, _EQUAL, _EQUAL),
}
COMPARED = (_SUM, _SUM)  # how tightly both sides of a comparison must bind
_UPDATES = {f"{{}} {operator} {{}}": operator for operator in "+-*/"}


@dataclass
class Statement:
    """A statement, or the head of a block.

    Attributes:
        before: How it begins.
        form: The expression in it, with `{}` for each operand.
        operands: The operands.
        levels: How tightly each must bind.
        after: How it ends.
        target: The variable or array that it makes or changes, if nothing else comes of it.
        level: How tightly the expression binds, if it may stand where the variable is used.
        changes: Whether it changes a variable or memory that others read.
        bodies: What it decides about: the body of a loop, or both branches of an `if`.
    """

    before: str
    form: str = ""
    operands: Sequence[Operand] = ()
    levels: Sequence[int] = (0,)
    after: str = ";"
    target: str = ""
    level: int | None = None
    changes: bool = False
    bodies: list[list[Statement]] = field(default_factory=list)


class StatementBackend(Backend):
    """A writer that appends statements to the body of one function.

    Attributes:
        block: Where to append.
        made: The variables that are made once, and never changed.
        changing: The variables and elements of arrays that statements change.
    """

    def __init__(self) -> None:
        self.called: set[Called] = set()
        self.block: list[Statement] = []
        self.made: set[str] = set()
        self.changing: set[str] = set()
        self._count = 0

    def emit(self, operation: str, *operands: Operand) -> str:
        """Write the declaration of a number."""
        return self._make("double", operation, operands)

    def emit_condition(self, operation: str, *operands: Operand) -> str:
        """Write the declaration of a condition, an int."""
        return self._make("int", operation, operands)

    def emit_call(self, name: str, *operands: Operand) -> str:
        """Write a call of a function of <math.h>."""
        self.called.add(Called(name, len(operands)))
        function = f"library_{name}" if name in HIDDEN else name
        return self.declare("double", f"{function}({', '.join(['{}'] * len(operands))})", operands)

    def emit_choice(self, condition: str, then: Callable[[], Operand], otherwise: Callable[[], Operand]) -> str:
        """Write an if statement."""
        variable, outer = self.fresh(), self.block
        bodies: list[list[Statement]] = []
        for branch in (then, otherwise):
            self.block = []
            self.block.append(Statement(f"{variable} = ", "{}", [branch()], target=variable))
            bodies.append(self.block)
        self.block = outer
        self.block.append(Statement("if (", "{}", [condition], after=") {", target=variable, bodies=bodies))
        self.made.add(variable)
        return variable

    def declare(
        self, kind: str, form: str, operands: Sequence[Operand], level: int = _ATOM, levels: Sequence[int] | None = None
    ) -> str:
        """Write the declaration of a variable that is never changed, and return it."""
        variable = self.fresh()
        levels = levels or [0] * len(operands)
        self.block.append(Statement(f"const {kind} {variable} = ", form, operands, levels, ";", variable, level))
        self.made.add(variable)
        return variable

    def fresh(self) -> str:
        """Return a name that was not used yet."""
        self._count += 1
        return f"v{self._count}"

    def assign(self, before: str, operand: Operand, variable: str = "") -> None:
        """Write what puts a number into a variable or an element of an array."""
        self.block.append(Statement(f"{before} = ", "{}", [operand], target=variable, changes=True))

    def _make(self, kind: str, operation: str, operands: Sequence[Operand]) -> str:
        level, *levels = _LEVELS.get(operation, [_ATOM] + [0] * len(operands))
        return self.declare(kind, FORMS[operation], operands, level, levels)


def number_text(constant: float) -> str:
    """Return a constant as people write it: C reads the very float from the shortest digits that tell it apart.

    Example:
        >>> number_text(2.0), number_text(0.1), number_text(-math.inf)
        ('2.0', '0.1', '-INFINITY')
    """
    if math.isnan(constant):
        return "NAN"
    digits = "INFINITY" if math.isinf(constant) else repr(abs(constant))
    return f"-{digits}" if math.copysign(1.0, constant) < 0.0 else digits


def array_of(operand: str) -> str:
    """Return the name of the array that a number is an element of; a variable as it is."""
    return operand.partition("[")[0]


def _alive(block: Sequence[Statement]) -> list[Statement]:
    """Return statements without those that make what nothing reads."""
    sources: dict[str, list[Operand]] = {}
    pending: list[Operand] = []
    for statement in _all(block):
        to = sources.setdefault(statement.target, []) if statement.target else pending
        to.extend(statement.operands)
    needed: set[Operand] = set()
    while pending:
        operand = pending.pop()
        if isinstance(operand, str) and (name := array_of(operand)) not in needed:
            needed.add(name)
            pending.extend(sources.get(name, ()))
    return _kept(block, needed)


def _all(block: Sequence[Statement]) -> Iterator[Statement]:
    for statement in block:
        yield statement
        for body in statement.bodies:
            yield from _all(body)


def _kept(block: Sequence[Statement], needed: Container[Operand]) -> list[Statement]:
    kept: list[Statement] = []
    for statement in block:
        bodies = [_kept(body, needed) for body in statement.bodies]
        if statement.target in needed if statement.target else any(bodies) or not bodies:
            kept.append(replace(statement, bodies=bodies))
    return kept


def lines_of(backend: StatementBackend) -> list[str]:
    """Return the lines of the statements that a backend has got, without those that nothing needs."""
    block = _alive(backend.block)
    reads = Counter(operand for statement in _all(block) for operand in statement.operands)
    texts = _Printer(reads, backend).texts(block, INDENT)
    return [line for text in texts for line in text.lines]


@dataclass
class _Text:
    """A statement in C.

    Attributes:
        expression: The expression in it.
        level: How tightly that binds.
        changing: Whether that depends on what statements change.
        update: If it does something to a variable: the operator, the variable, and the right operand.
        lines: The statement on its own.
    """

    expression: str
    level: int = _ATOM
    changing: bool = False
    update: tuple[str, Operand, str] | None = None
    lines: list[str] = field(default_factory=list)

    def within(self, level: int) -> str:
        """Return the expression as an operand that must bind so tightly."""
        return self.expression if self.level >= level else f"({self.expression})"


_Waiting = dict[Operand, _Text]  # by the variable: what is read once, and has not been read yet


class _Printer:
    """What makes text of statements.

    Args:
        reads: How often each variable is read.
        backend: What knows the variables.
    """

    def __init__(self, reads: Mapping[Operand, int], backend: StatementBackend) -> None:
        self._reads = reads
        self._backend = backend

    def texts(self, block: Sequence[Statement], indent: str) -> list[_Text]:
        """Return the text of each statement of a block; of what stands in another one, no lines are left."""
        texts: list[_Text] = []
        waiting: _Waiting = {}
        unsteady: list[str] = []  # of those, what a change would make another number
        for statement in block:
            write = self._choice if len(statement.bodies) == 2 else self._statement
            text = write(statement, waiting, indent)
            texts.append(text)
            name = statement.target
            if statement.changes:
                for other in unsteady:
                    waiting.pop(other, None)
                unsteady.clear()
            elif text.expression and self._reads[name] == 1 and name in self._backend.made:
                waiting[name] = text
                if text.changing:
                    unsteady.append(name)
        return texts

    def _statement(self, statement: Statement, waiting: _Waiting, indent: str) -> _Text:
        room = WIDTH - len(indent + statement.before + statement.after)
        text = self._expression(statement.form, statement.operands, statement.levels, waiting, room)
        before, expression = statement.before, text.expression
        if text.update and before == f"{text.update[1]} = ":
            operator, target, expression = text.update
            before = f"{target} {operator}= "
        text.lines = [f"{indent}{before}{expression}{statement.after}"]
        text.level = text.level if statement.level is None or statement.form == "{}" else statement.level
        for body in statement.bodies:
            inner = self.texts(body, indent + INDENT)
            text.lines += [*(line for each in inner for line in each.lines), f"{indent}}}"]
        return text

    def _choice(self, statement: Statement, waiting: _Waiting, indent: str) -> _Text:
        """Write a conditional expression, or an if statement if that takes more lines."""
        target = statement.target
        branches = [self.texts(body, indent + INDENT) for body in statement.bodies]
        results = [texts[-1] for texts in branches]
        are_short = not any(text.lines for texts in branches for text in texts[:-1])
        before = f"{indent}const double {target} = "
        if are_short:
            condition = self._operand(statement.operands[0], waiting)
            parts = [text.within(_EITHER) for text in (condition, *results)]
            expression = FORMS["select"].format(*parts)
            if len(before + expression) < WIDTH:
                self._use(statement.operands, waiting)
                changing = any(text.changing for text in (condition, *results))
                return _Text(expression, _SELECT, changing, lines=[f"{before}{expression};"])
        text = self._statement(replace(statement, bodies=[]), waiting, indent)
        then, otherwise = ([line for text in texts for line in text.lines] for texts in branches)
        lines = [f"{indent}double {target};", *text.lines, *then, f"{indent}}} else {{", *otherwise, f"{indent}}}"]
        return _Text("", lines=lines)

    def _expression(
        self, form: str, operands: Sequence[Operand], levels: Sequence[int], waiting: _Waiting, room: int
    ) -> _Text:
        """Return an expression in which operands that wait stand, if there is room."""
        parts = [self._operand(operand, waiting) for operand in operands]
        within = [part.within(level) for part, level in zip(parts, levels, strict=True)]
        folded = [index for index, operand in enumerate(operands) if operand in waiting]
        while folded and len(form.format(*within)) > room:
            longest = max(folded, key=lambda index: len(within[index]))
            folded.remove(longest)
            parts[longest] = self._operand(operands[longest], {})
            within[longest] = parts[longest].expression
        self._use([operands[index] for index in folded], waiting)
        if form == "{}":
            return replace(parts[0], lines=[])
        text = _Text(form.format(*within), changing=any(part.changing for part in parts))
        if form in _UPDATES and 0 not in folded:
            text.update = _UPDATES[form], operands[0], parts[1].expression
        return text

    def _operand(self, operand: Operand, waiting: _Waiting) -> _Text:
        if operand in waiting:
            return waiting[operand]
        if isinstance(operand, str):
            return _Text(operand, changing=operand in self._backend.changing)
        constant = number_text(operand)
        return _Text(constant, _UNARY if constant.startswith("-") else _ATOM)

    def _use(self, operands: Sequence[Operand], waiting: _Waiting) -> None:
        """Leave out the lines of what stands somewhere else now."""
        for operand in operands:
            if operand in waiting:
                waiting.pop(operand).lines = []
