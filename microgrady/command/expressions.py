"""Expressions that somebody types: held to arithmetic, and computed without running any of it as Python."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import microgrady
from microgrady.command.parsing import InputError, Span, Step, number_of, parse, span_in
from microgrady.formulas.grouping import op_of
from microgrady.formulas.patterns import Reader
from microgrady.functions import (
    add,
    div,
    equal,
    floordiv,
    greater,
    hypot,
    less,
    less_equal,
    log,
    maximum,
    minimum,
    mod,
    mul,
    neg,
    pow,
    sub,
)
from microgrady.primitives import offered
from microgrady.selections import operands_of
from microgrady.sequences import clip, isfinite, isinf, isnan, where
from microgrady.suggestions import FUNCTIONS as OTHER_WORDS
from microgrady.suggestions import instead_of
from microgrady.value import Primitive, Value, methods

Function = Callable[..., Any]

CONSTANTS: dict[str, float] = {
    "pi": math.pi,
    "π": math.pi,
    "e": math.e,
    "tau": math.tau,
    "inf": math.inf,
    "nan": math.nan,
}


def _public_functions() -> dict[str, Function]:
    """Return the public functions of the table by each of their names, also NumPy's and symbols such as max."""
    public = offered()
    symbols = {entry.symbol: entry for entry in public if entry.symbol.isidentifier()}
    names = {name: entry for name, entry in methods.items() if entry in public}
    tests = {"isnan": isnan, "isinf": isinf, "isfinite": isfinite}
    decided = {name: functools.partial(_decided, test) for name, test in tests.items()}
    return {**symbols, **names, **decided, "clip": clip, "where": where, "round": _rounded}


def _decided(test: Function, x: Any) -> float:
    return float(test(x))


def _rounded(x: Any, digits: Any = 0.0) -> Any:
    """Round to decimal places, a whole number although all numbers in an expression are floats."""
    places = digits.data if isinstance(digits, Value) else digits
    if not places.is_integer():
        raise ValueError(f"the decimal places of round are a whole number, not {places:g}")
    return microgrady.round(x, int(places))


# 1.0 or 0.0; of Values a Value, so that formulas and pictures show the condition.
_COMPARISONS: dict[str, Function] = {
    "<": less,
    "<=": less_equal,
    ">": greater,
    ">=": lambda a, b: less_equal(b, a),
    "==": equal,
    "!=": lambda a, b: sub(1.0, equal(a, b)),
}
FUNCTIONS = _public_functions()

# Where more than the table's number of operands mean something, too: at least, and at most.
_ARITIES: dict[Primitive, tuple[int, float]] = {
    log: (1, 2),
    hypot: (1, math.inf),
    maximum: (2, math.inf),
    minimum: (2, math.inf),
}

_OPERATORS: dict[tuple[str, int], Function] = {
    ("+", 1): lambda x: x,
    ("-", 1): neg,
    ("not", 1): lambda x: sub(1.0, x) if _is_mask(x) else equal(x, 0.0),
    ("+", 2): add,
    ("-", 2): sub,
    ("*", 2): mul,
    ("/", 2): div,
    ("//", 2): floordiv,
    ("%", 2): mod,
    ("**", 2): pow,
    ("and", 2): lambda a, b: mul(a, b) if _is_mask(a) and _is_mask(b) else where(a, b, a),
    ("or", 2): lambda a, b: maximum(a, b) if _is_mask(a) and _is_mask(b) else where(a, a, b),
    ("if", 3): lambda chosen, test, other: where(test, chosen, other),
}


class _Call(NamedTuple):
    function: Function
    arity: int


# One step of a computation with a stack: put a number there, or what a name stands for, or call.
_Step = float | str | _Call


class Expression:
    """A typed expression, as a function of the names in it.

    It takes numbers or Values and follows IEEE 754, as microgrady does: 1 / 0 is inf. All numbers in it
    are floats. A comparison gives 1.0 or 0.0. Of 'a if condition else b', and with
    `and` and `or`, both are computed and one is selected: nothing that is let through could tell the difference.

    Args:
        source: What was typed.
        constants: Names that stand for numbers.

    Attributes:
        source: What was typed, without white space around it.
        names: The other names in it, in the order of their first appearance, and where that is.

    Raises:
        InputError: It is not an expression, or there is something in it that is not let through.

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
        self.names: dict[str, Span] = {}
        self._constants = constants
        self._steps = [self._translated(step) for step in parse(self.source, FUNCTIONS)]
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in self.names]
        )

    def __call__(self, *numbers: Any) -> Any:
        """Return the value where the names stand for `numbers`: a Value if it depends on one, else a float."""
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

    def _translated(self, step: Step) -> _Step:
        match step.kind:
            case "number":
                return number_of(step.text)
            case "name":
                return self._name(step)
            case "operator":
                return _Call(_OPERATORS[step.text, step.operand_count], step.operand_count)
            case "comparison":
                links = [_COMPARISONS[symbol] for symbol in step.text.split()]
                return _Call(functools.partial(_compare, links), step.operand_count)
        return self._call(step)

    def _name(self, step: Step) -> _Step:
        name = step.text
        if name in FUNCTIONS:
            raise self._error(f"{name} is a function: call it, as in {name}(x)", step)
        if name in self._constants:
            return self._constants[name]
        self.names.setdefault(name, span_in(self.source, step.start, step.stop))
        return name

    def _call(self, step: Step) -> _Call:
        name = step.text
        if name not in FUNCTIONS:
            name_alone = step._replace(stop=step.start + len(name))
            if name in self._constants:
                raise self._error(f"{name} is a number and not a function: write {name} * (...)", name_alone)
            raise self._error(f"there is no function called {name}; {hint_for(name)}", name_alone)
        least, most = arities_of(FUNCTIONS[name])
        if not least <= step.operand_count <= most:
            allowed = f"{least}" if least == most else f"{least} or more" if most == math.inf else f"{least} to {most}"
            raise self._error(f"{name} takes {allowed} argument{'s' * (most > 1)}, not {step.operand_count}", step)
        return _Call(FUNCTIONS[name], step.operand_count)

    def _error(self, sentence: str, step: Step) -> InputError:
        return InputError(sentence, span_in(self.source, step.start, step.stop))


def hint_for(name: str) -> str:
    """Return what to write in the place of a function that there is not.

    Example:
        >>> hint_for("ln"), hint_for("exp10")
        ('did you mean log?', 'write 10**x')
    """
    found = instead_of(name, FUNCTIONS, OTHER_WORDS)
    if found in FUNCTIONS:
        return f"did you mean {found}?"
    return f"write {found}" if found else "--help lists those that there are"


def arities_of(function: Function) -> tuple[int, float]:
    """Return how many arguments a function takes: at least, and at most.

    Example:
        >>> arities_of(FUNCTIONS["atan2"]), arities_of(FUNCTIONS["where"])
        ((2, 2), (3, 3))
    """
    if isinstance(function, Primitive):
        if function in _ARITIES:
            return _ARITIES[function]
        return len(function.rules), len(function.rules)
    parameters = inspect.signature(function).parameters.values()
    by_position = [each for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    most = math.inf if any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in by_position) else len(by_position)
    needed = [each for each in by_position if each.default is inspect.Parameter.empty]
    return len([each for each in needed if each.kind is not inspect.Parameter.VAR_POSITIONAL]), most


def _is_mask(operand: Any) -> bool:
    return isinstance(operand, Value) and Reader(op_of, operands_of).is_mask(operand)


def _compare(links: list[Function], *operands: Any) -> Any:
    return functools.reduce(mul, map(lambda link, a, b: link(a, b), links, operands, operands[1:]))
