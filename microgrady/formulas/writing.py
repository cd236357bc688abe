"""How an operation is written: as Python does it, or with the signs of pictures.

Parentheses stand only where the reader needs them. Each text carries the level on which its outermost operation binds,
and an operation asks for its operands on the levels that can stand beside it. The levels are those of Python's grammar:
https://docs.python.org/3/reference/expressions.html#operator-precedence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from microgrady import functions
from microgrady.inputs import FLOAT_DIGITS
from microgrady.value import Primitive, primitives

# https://www.w3.org/TR/xml/#charsets
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What makes of a name an expression, "a - b", unless it stands in brackets: "p['learning-rate']", "f(a, b)".
LOOSE = re.compile(r"[\s+\-*/%^&|<>=,;:@~·×÷−]")
BRACKETS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)")


class Level(IntEnum):
    """How closely an operation binds its operands, from the loosest to what nothing can tear apart."""

    NOT = 0
    COMPARISON = 1
    OR = 2
    XOR = 3
    AND = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    POWER = 8
    ATOM = 9


class Written(NamedTuple):
    """An expression as text.

    Attributes:
        text: The text.
        level: How closely its outermost operation binds.
    """

    text: str
    level: Level


class Operator(NamedTuple):
    """An operator between two operands.

    Attributes:
        sign: How it is written, with the spaces around it.
        level: How closely it binds.
        left: How closely its left operand must bind to need no parentheses.
        right: The same of its right operand.
    """

    sign: str
    level: Level
    left: Level
    right: Level


class Form(NamedTuple):
    """A formula with gaps for the operands.

    Attributes:
        text: The formula, in which {0} and {1} are the operands, and {2} and {3} the same where a term of a sum would
            need no parentheses.
        level: How closely it binds.
        left: How closely the first operand must bind to need no parentheses.
        right: The same of the second one.
    """

    text: str
    level: Level
    left: Level = Level.NOT
    right: Level = Level.NOT


OPERATORS: dict[Primitive, Operator] = {
    functions.add: Operator(" + ", Level.SUM, Level.SUM, Level.PRODUCT),
    functions.sub: Operator(" - ", Level.SUM, Level.SUM, Level.PRODUCT),
    functions.mul: Operator(" * ", Level.PRODUCT, Level.PRODUCT, Level.SIGN),
    functions.div: Operator(" / ", Level.PRODUCT, Level.PRODUCT, Level.SIGN),
    functions.floordiv: Operator(" // ", Level.PRODUCT, Level.PRODUCT, Level.SIGN),
    functions.mod: Operator(" % ", Level.PRODUCT, Level.PRODUCT, Level.SIGN),
    functions.pow: Operator("**", Level.POWER, Level.ATOM, Level.SIGN),
}
LOGIC = {
    "&": Operator(" & ", Level.AND, Level.AND, Level.SUM),
    "|": Operator(" | ", Level.OR, Level.OR, Level.XOR),
    **{
        sign: Operator(f" {sign} ", Level.COMPARISON, Level.OR, Level.OR) for sign in ("<", "<=", ">", ">=", "==", "!=")
    },
}
COMPARISONS = {
    functions.less: "<",
    functions.less_equal: "<=",
    functions.greater: ">",
    functions.equal: "==",
}
# How pictures write the operations that only derivatives need.
FORMS = {
    functions.over_positive: Form("{0} / {1}", Level.PRODUCT, Level.PRODUCT, Level.SIGN),
    functions.div_square: Form("{0} / {1}**2", Level.PRODUCT, Level.PRODUCT, Level.ATOM),
    functions.over_square: Form("{0} / ({0}**2 + {1}**2)", Level.PRODUCT, Level.ATOM, Level.ATOM),
    functions.unit: Form("{0} / hypot({0}, {1})", Level.PRODUCT, Level.PRODUCT),
    functions.sech: Form("1 / cosh({0})", Level.PRODUCT),
    functions.one_minus_square: Form("1 - {0}**2", Level.SUM, Level.ATOM),
    functions.exp_minus_square: Form("exp(-{0}**2)", Level.ATOM, Level.ATOM),
    functions.power_log: Form("{0}**{1} · log({0})", Level.PRODUCT, Level.ATOM, Level.SIGN),
    functions.power_slope: Form("{1} · {0}**({1} - 1)", Level.PRODUCT, Level.ATOM, Level.SIGN),
}
# What gives its operand as it is.
IDENTITIES = {functions.selected, functions.argument}


class Notation:
    """How formulas are written: this class as Python reads them, or with a dot for the product as pictures have them.

    Args:
        is_python: Whether Python must be able to read it, with the functions of this package.
        forms: What is written otherwise than by its operator or as a call.
    """

    def __init__(self, is_python: bool, forms: Mapping[Primitive, Form]) -> None:
        self.is_python, self.forms = is_python, forms

    def name(self, label: str) -> Written:
        """Write a name. What is not a word stands in parentheses inside of something."""
        if label.isascii() and label.isidentifier():  # as almost all are
            return Written(label, Level.ATOM)
        text = visible(label)
        return Written(text, level_of_name(text))

    def number(self, number: float, precision: int) -> Written:
        """Write a number with so many significant digits; Python reads -0 as 0, and so needs -0.0."""
        text = number_text(number, precision)
        if text == "-0" and self.is_python:
            text = "-0.0"
        return Written(text, Level.SIGN if text.startswith("-") else Level.ATOM)

    def apply(self, op: Primitive, operands: Sequence[Written]) -> Written:
        """Write an operation of the table, or a user's, with its operands in order."""
        if op is functions.argument or (op in IDENTITIES and self.is_python):
            return operands[0]
        if op in self.forms:
            form = self.forms[op]
            texts = [self.beside(*each) for each in zip(operands, (form.left, form.right), strict=False)]
            texts += [""] * (2 - len(operands)) + [self.beside(operand, Level.SUM) for operand in operands]
            return Written(form.text.format(*texts), form.level)
        if op is functions.neg:
            return Written(f"-{self.beside(operands[0], Level.POWER)}", Level.SIGN)
        if op in OPERATORS:
            return self.between(OPERATORS[op], operands)
        if op in (functions.kept, functions.dropped):  # what is missing adds nothing, not even a sign to a zero
            nothing = self.number(-0.0 if self.is_python else 0.0, FLOAT_DIGITS)
            mask, term = operands
            return self.call("where", (mask, term, nothing) if op is functions.kept else (mask, nothing, term))
        if op in COMPARISONS and not self.is_python:
            return self.logic(COMPARISONS[op], operands)
        if op is functions.masked_product and not self.is_python:
            return self.between(OPERATORS[functions.mul], operands)
        return self.call(self.function_name(op), operands)

    def function_name(self, op: Primitive) -> str:
        """Return what an operation is called: pictures are short of room and write max and min."""
        if op is functions.selected:
            return "selected"
        is_short = not self.is_python and op.symbol.isascii() and op.symbol.isidentifier()
        return op.symbol if is_short and primitives.get(op.name) is op else visible(op.name)

    def call(self, name: str, operands: Sequence[Written]) -> Written:
        """Write a function with its operands."""
        return Written(f"{name}({', '.join(operand.text for operand in operands)})", Level.ATOM)

    def between(self, operator: Operator, operands: Sequence[Written]) -> Written:
        """Write an operator between its operands."""
        left, right = operands
        sign = operator.sign if self.is_python else operator.sign.replace(" * ", " · ")
        return Written(f"{self.beside(left, operator.left)}{sign}{self.beside(right, operator.right)}", operator.level)

    def logic(self, sign: str, operands: Sequence[Written]) -> Written:
        """Write a condition: a comparison, two of them joined by "&" or "|", or the opposite of one by "not"."""
        if sign == "not":
            return Written(f"not {self.beside(operands[0], Level.COMPARISON)}", Level.NOT)
        return self.between(LOGIC[sign], operands)

    def beside(self, operand: Written, level: Level) -> str:
        """Write an operand, in parentheses if it binds less closely than an operation beside it asks for."""
        return operand.text if operand.level >= level else f"({operand.text})"


class Numbers(Notation):
    """How formulas are written whose names are numbers: what begins with a sign stands in parentheses on the right."""

    def name(self, label: str) -> Written:
        """Write a number that stands for a name."""
        return Written(label, Level.SIGN if label.startswith("-") else Level.ATOM)

    def between(self, operator: Operator, operands: Sequence[Written]) -> Written:
        """Write an operator between its operands."""
        left, right = operands
        if right.level >= operator.right:
            right = in_parentheses(right.text)
        return super().between(operator, (left, right))


PYTHON = Notation(is_python=True, forms={})
TEXT = Notation(is_python=False, forms=FORMS)
NUMBERS = Numbers(is_python=False, forms=FORMS)


def in_parentheses(text: str) -> Written:
    """Return a number, in parentheses if it is negative, as it is written behind an operator."""
    return Written(f"({text})" if text.startswith("-") else text, Level.ATOM)


def total_derivative(output: str, value: str) -> str:
    """Write the derivative of an output along all paths, by their names."""
    return f"∂{_beside_a_sign(output)}/∂{_beside_a_sign(value)}"


def local_derivative(result: str, operand: str) -> str:
    """Write the derivative of one operation by one of its operands, by their names."""
    return f"d{_beside_a_sign(result)}/d{_beside_a_sign(operand)}"


def _beside_a_sign(name: str) -> str:
    return TEXT.beside(TEXT.name(name), Level.ATOM)


def number_text(number: float, precision: int) -> str:
    """Write a number.

    Args:
        number: The number.
        precision: Significant digits; from 17 on the shortest text from which Python reads the same number.

    Returns:
        The text, without a point where no digits follow it.
    """
    return repr(float(number)).removesuffix(".0") if precision >= FLOAT_DIGITS else f"{number:.{precision}g}"


def level_of_name(text: str) -> Level:
    """Return how closely a name binds: one that could be an expression may have to stand in parentheses."""
    return Level.NOT if LOOSE.search(BRACKETS.sub("", text)) else Level.ATOM


def visible(label: str) -> str:
    """Return a name on one line, without what no page can show."""
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", " ".join(label.split()))
