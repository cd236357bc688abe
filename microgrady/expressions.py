"""Expressions that somebody types: parsed as Python, held to arithmetic, and computed without running any of it."""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
import math
import operator
import sys
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import microgrady
from microgrady.composites import clip, where
from microgrady.functions import add, div, floordiv, mod, mul, neg, pow, sub
from microgrady.value import Primitive, methods

Function = Callable[..., Any]

CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e}


def _public_functions() -> dict[str, Function]:
    """The table's public part by every name that it gives them, NumPy's names and symbols such as max among them."""
    exported = [getattr(microgrady, name) for name in microgrady.__all__]
    public = {entry for entry in exported if isinstance(entry, Primitive)}
    symbols = {entry.symbol: entry for entry in public if entry.symbol.isidentifier()}
    names = {name: entry for name, entry in methods.items() if entry in public}
    return {**symbols, **names, "clip": clip, "where": where}


FUNCTIONS = _public_functions()

_SIGNS: dict[type[ast.unaryop], Function] = {
    ast.UAdd: lambda x: x,
    ast.USub: neg,
    ast.Not: lambda x: float(not x),
}
_ARITHMETIC: dict[type[ast.operator], Function] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Div: div,
    ast.FloorDiv: floordiv,
    ast.Mod: mod,
    ast.Pow: pow,
}
_COMPARISONS: dict[type[ast.cmpop], Function] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
NOT_ALLOWED = "only numbers, names, arithmetic, comparisons, 'a if c else b' and microgrady's functions are let through"


class Place(NamedTuple):
    """A stretch of a line of text, in characters."""

    line: str
    start: int
    stop: int


class InputError(ValueError):
    """Bad input: one sentence, and the place where it went wrong.

    Example:
        >>> print(InputError("3x is no number", Place("x = 3x", 4, 6)))
            x = 3x
                ^^
        3x is no number
    """

    def __init__(self, sentence: str, place: Place) -> None:
        super().__init__(sentence, place)
        self.sentence = sentence
        self.place = place

    def __str__(self) -> str:
        line, start, stop = self.place
        # Of a long line, what stands around the place.
        begin = max(0, min(start - 30, len(line) - 70))
        shown = "".join(letter if letter.isprintable() else " " for letter in line[begin : begin + 70])
        marks = "^" * max(1, min(stop - begin, 70) - (start - begin))
        return f"    {shown}\n    {' ' * (start - begin)}{marks}\n{self.sentence}"


class _Call(NamedTuple):
    function: Function
    arity: int


# One step of a computation with a stack: put a number there, or what a name stands for, or call.
_Step = float | str | _Call


class Expression:
    """A typed expression, as a function of the names in it.

    It takes numbers or Values and follows IEEE 754, as microgrady does: 1 / 0 is inf. All numbers in it
    are floats. A comparison gives 1.0 or 0.0. Of 'a if condition else b' both are computed and one is selected,
    likewise with `and` and `or`: nothing that is let through could tell the difference.

    Args:
        source: What was typed.
        constants: Names that stand for numbers.

    Attributes:
        source: What was typed, without white space around it.
        names: The other names in it, in the order of their first appearance, and where that is.

    Raises:
        InputError: it is no expression, or there is something in it that is not let through.

    Example:
        >>> from microgrady import Value
        >>> expression = Expression("tanh(w * x + b)")
        >>> list(expression.names)
        ['w', 'x', 'b']
        >>> expression(Value(-3.0), 2.0, 6.0)
        Value(0.0, op=tanh)
    """

    def __init__(self, source: str, constants: Mapping[str, float] = CONSTANTS) -> None:
        # Python, too, counts a carriage return and its like as the end of a line.
        self.source = "\n".join(source.strip().splitlines())
        self.names: dict[str, Place] = {}
        self._constants = constants
        self._steps = self._translate(_parse(self.source))
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in self.names]
        )

    def __call__(self, *numbers: Any) -> Any:
        """The value where the names stand for `numbers`: a Value if it depends on one, else a float."""
        if len(numbers) != len(self.names):
            raise TypeError(f"the expression has {len(self.names)} name(s), {len(numbers)} number(s) given")
        known = dict(zip(self.names, numbers, strict=True))
        stack: list[Any] = []
        for step in self._steps:
            if isinstance(step, _Call):
                first = len(stack) - step.arity
                operands = stack[first:]
                del stack[first:]
                stack.append(step.function(*operands))
            else:
                stack.append(known[step] if isinstance(step, str) else step)
        return stack[0]

    def _translate(self, root: ast.expr) -> list[_Step]:
        """The steps, operands before what is done with them; without recursion, since a sum may have many terms."""
        steps: list[_Step] = []
        pending: list[ast.expr | _Step] = [root]
        while pending:
            item = pending.pop()
            if isinstance(item, ast.expr):
                step, operands = self._step(item)
                pending.append(step)
                pending.extend(reversed(operands))
            else:
                steps.append(item)
        return steps

    def _step(self, node: ast.expr) -> tuple[_Step, list[ast.expr]]:
        """What is done at this node, and with which others. Only what is named here is let through."""
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return _as_float(number), []
            case ast.Name():
                return self._name(node), []
            case ast.UnaryOp(op, operand) if type(op) in _SIGNS:
                return _Call(_SIGNS[type(op)], 1), [operand]
            case ast.BinOp(left, op, right):
                return _Call(self._operator(_ARITHMETIC, op, left, right), 2), [left, right]
            case ast.Compare(left, ops, comparators):
                operands = [left, *comparators]
                links = [self._operator(_COMPARISONS, *link) for link in zip(ops, operands, comparators, strict=False)]
                return _Call(functools.partial(_compare, links), len(operands)), operands
            case ast.BoolOp(op, operands):
                return _Call(_first_false if isinstance(op, ast.And) else _first_true, len(operands)), operands
            case ast.IfExp(test, chosen, other):
                return _Call(lambda test, chosen, other: chosen if test else other, 3), [test, chosen, other]
            case ast.Call():
                return self._call(node), node.args
        raise self._error(NOT_ALLOWED, node)

    def _name(self, node: ast.Name) -> _Step:
        if node.id in FUNCTIONS:
            raise self._error(f"{node.id} is a function: call it, as in {node.id}(...)", node)
        if node.id in self._constants:
            return self._constants[node.id]
        if node.id not in self.names:
            self.names[node.id] = self._place(node)
        return node.id

    def _operator(self, table: Mapping[Any, Function], op: ast.AST, left: ast.expr, right: ast.expr) -> Function:
        if type(op) in table:
            return table[type(op)]
        # `ast` does not say where an operator is: it is what stands between its operands, besides parentheses.
        line, start, stop = self._place(left)
        if left.lineno == right.lineno:
            symbol = line[stop : self._place(right).start].strip("() \t")
            start = line.index(symbol, stop)
            stop = start + len(symbol)
        hint = "; a power is written **" if isinstance(op, ast.BitXor) else ""
        raise InputError(NOT_ALLOWED + hint, Place(line, start, stop))

    def _call(self, node: ast.Call) -> _Call:
        if not isinstance(node.func, ast.Name):
            raise self._error("only microgrady's functions can be called, each by its plain name", node.func)
        name = node.func.id
        if name not in FUNCTIONS:
            similar = difflib.get_close_matches(name, FUNCTIONS, n=1)
            hint = f"did you mean {similar[0]}?" if similar else "--help lists those that there are"
            raise self._error(f"there is no function called {name}; {hint}", node.func)
        if node.keywords:
            raise self._error(f"{name} takes its arguments by position, without a keyword", node.keywords[0])
        arity = arity_of(FUNCTIONS[name])
        if len(node.args) != arity:
            raise self._error(f"{name} takes {arity} argument{'s' * (arity > 1)}, not {len(node.args)}", node)
        return _Call(FUNCTIONS[name], arity)

    def _error(self, sentence: str, node: ast.expr | ast.keyword) -> InputError:
        return InputError(sentence, self._place(node))

    def _place(self, node: ast.expr | ast.keyword) -> Place:
        """Where the node is, or the first line of it; `ast` counts in bytes of UTF-8."""
        line = self.source.split("\n")[node.lineno - 1]
        in_bytes = line.encode()
        start = len(in_bytes[: node.col_offset].decode())
        if node.end_lineno != node.lineno:
            return Place(line, start, len(line))
        return Place(line, start, len(in_bytes[: node.end_col_offset].decode()))


def arity_of(function: Function) -> int:
    """How many arguments a function of the table takes.

    Example:
        >>> arity_of(FUNCTIONS["atan2"]), arity_of(FUNCTIONS["where"])
        (2, 3)
    """
    return len(function.rules) if isinstance(function, Primitive) else len(inspect.signature(function).parameters)


def normalise(name: str) -> str:
    """A name as Python reads it: the letters of one identifier can be written in several ways.

    Example:
        >>> normalise("ﬁt")
        'fit'
    """
    return unicodedata.normalize("NFKC", name)


def _parse(source: str) -> ast.expr:
    lines = source.split("\n")
    everything = Place(lines[0], 0, len(lines[0]))
    if not source:
        raise InputError("the expression is empty", everything)
    limit = sys.getrecursionlimit()
    try:
        # The parser counts the terms of a sum as levels. It needs little of the stack for each of them.
        sys.setrecursionlimit(max(limit, 5000))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, mode="eval").body
    except SyntaxError as error:
        line = lines[min(error.lineno or 1, len(lines)) - 1]
        start = min(error.offset - 1, len(line)) if error.offset and error.offset > 0 else len(line)
        on_one_line = error.end_lineno == error.lineno and error.end_offset
        stop = min(error.end_offset - 1, len(line)) if on_one_line and error.end_offset else start + 1
        raise InputError(f"this is no expression: {error.msg}", Place(line, start, stop)) from None
    except (RecursionError, MemoryError):
        raise InputError("the expression is nested too deeply", Place(lines[0], 0, 1)) from None
    except ValueError as error:  # a character that no source may have
        raise InputError(f"this is no expression: {error}", everything) from None
    finally:
        sys.setrecursionlimit(limit)


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number with hundreds of digits, which is inf as 1e400 is
        return math.inf


def _compare(links: list[Function], *operands: Any) -> float:
    return float(all(link(a, b) for link, a, b in zip(links, operands, operands[1:], strict=False)))


def _first_false(*operands: Any) -> Any:
    return next((operand for operand in operands if not operand), operands[-1])


def _first_true(*operands: Any) -> Any:
    return next((operand for operand in operands if operand), operands[-1])
