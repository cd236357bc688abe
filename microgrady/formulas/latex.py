"""How formulas are written in LaTeX, as far as matplotlib, too, knows it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from microgrady import functions
from microgrady.formulas.writing import (
    COMPARISONS,
    IDENTITIES,
    LOGIC,
    OPERATORS,
    Form,
    Level,
    Notation,
    Operator,
    Written,
    level_of_name,
    number_text,
    visible,
)
from microgrady.value import Primitive

GREEK = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega
Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
"""
# Functions whose names LaTeX has, by ours.
KNOWN = {
    functions.log: "log",
    functions.sin: "sin",
    functions.cos: "cos",
    functions.tan: "tan",
    functions.asin: "arcsin",
    functions.acos: "arccos",
    functions.atan: "arctan",
    functions.sinh: "sinh",
    functions.cosh: "cosh",
    functions.tanh: "tanh",
    functions.maximum: "max",
    functions.minimum: "min",
    functions.gamma: "Gamma",
    functions.digamma: "psi",
    functions.sigmoid: "sigma",
}
SIGNS = {
    "<": "<",
    "<=": r"\leq",
    ">": ">",
    ">=": r"\geq",
    "==": "=",
    "!=": r"\neq",
    "&": r"\wedge",
    "|": r"\vee",
}
# What stands for signs that would be commands.
ESCAPED = {
    " ": r"\ ",
    "_": r"\_",
    "%": r"\%",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "&": r"\wedge ",
    "#": r"\sharp ",
    "^": r"\uparrow ",
    "~": r"\sim ",
    "\\": r"\backslash ",
    '"': "\N{RIGHT DOUBLE QUOTATION MARK}",
    "`": "\N{LEFT SINGLE QUOTATION MARK}",
}
# A name with indices, and primes: "x_i", "w0_2", "p[0][1]"; one of several letters only with numbers: "loss2".
INDEXED = re.compile(rf"([^\W\d_]|{'|'.join(GREEK.split())})((?:_?\d+)?(?:_\w+)?(?:\[\w+\])*)(['′]*)")
NUMBERED = re.compile(r"([^\W\d_]+)((?:_?\d+)*(?:\[\d+\])*)(['′]*)")

FORMS = {
    functions.div: Form(r"\frac{{{0}}}{{{1}}}", Level.POWER),
    functions.pow: Form(r"{0}^{{{1}}}", Level.POWER, Level.ATOM),
    functions.floordiv: Form(r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor", Level.ATOM),
    functions.mod: Form(r"{0} \ \mathrm{{mod}} \ {1}", Level.COMPARISON, Level.SIGN, Level.SIGN),
    functions.fabs: Form(r"\left|{0}\right|", Level.ATOM),
    functions.floor: Form(r"\left\lfloor {0} \right\rfloor", Level.ATOM),
    functions.ceil: Form(r"\left\lceil {0} \right\rceil", Level.ATOM),
    functions.sqrt: Form(r"\sqrt{{{0}}}", Level.ATOM),
    functions.cbrt: Form(r"\sqrt[3]{{{0}}}", Level.ATOM),
    functions.hypot: Form(r"\sqrt{{{0}^{{2}} + {1}^{{2}}}}", Level.ATOM, Level.ATOM, Level.ATOM),
    functions.exp: Form(r"e^{{{0}}}", Level.POWER),
    functions.exp2: Form(r"2^{{{0}}}", Level.POWER),
    functions.expm1: Form(r"e^{{{0}}} - 1", Level.SUM),
    functions.log2: Form(r"\log_{{2}}\left({0}\right)", Level.POWER),
    functions.log10: Form(r"\log_{{10}}\left({0}\right)", Level.POWER),
    functions.logaddexp: Form(r"\log\left(e^{{{0}}} + e^{{{1}}}\right)", Level.POWER),
    functions.softplus: Form(r"\log\left(1 + e^{{{0}}}\right)", Level.POWER),
    functions.xlogy: Form(r"{0} \cdot \log\left({1}\right)", Level.PRODUCT, Level.PRODUCT),
    functions.lgamma: Form(r"\log\left|\Gamma\left({0}\right)\right|", Level.POWER),
    functions.polygamma: Form(r"\psi^{{\left({0}\right)}}\left({1}\right)", Level.POWER),
    functions.one_minus_square: Form(r"1 - {0}^{{2}}", Level.SUM, Level.ATOM),
    functions.exp_minus_square: Form(r"e^{{-{0}^{{2}}}}", Level.POWER, Level.ATOM),
    functions.unit: Form(r"\frac{{{2}}}{{\sqrt{{{0}^{{2}} + {1}^{{2}}}}}}", Level.POWER, Level.ATOM, Level.ATOM),
    functions.over_square: Form(r"\frac{{{2}}}{{{0}^{{2}} + {1}^{{2}}}}", Level.POWER, Level.ATOM, Level.ATOM),
    functions.over_positive: Form(r"\frac{{{0}}}{{{1}}}", Level.POWER),
    functions.div_square: Form(r"\frac{{{0}}}{{{1}^{{2}}}}", Level.POWER, Level.NOT, Level.ATOM),
    functions.power_log: Form(r"{0}^{{{1}}} \cdot \log\left({2}\right)", Level.PRODUCT, Level.ATOM),
    functions.power_slope: Form(r"{1} \cdot {0}^{{{3} - 1}}", Level.PRODUCT, Level.ATOM, Level.PRODUCT),
}


class Latex(Notation):
    """LaTeX."""

    def __init__(self) -> None:
        super().__init__(is_python=False, forms=FORMS)

    def name(self, label: str) -> Written:
        """Write a name: a letter or several, an index below it where it ends in one, Greek letters by their names."""
        text = visible(label)
        match = INDEXED.fullmatch(text) or NUMBERED.fullmatch(text)
        if match is None:
            return Written(upright(text), level_of_name(text))
        stem, indices, primes = match.groups()
        below = ",".join(map(letters, re.findall(r"[^\W_]+", indices)))
        text = letters(stem) + (f"_{{{below}}}" if below else "") + primes
        return Written(text, Level.POWER if primes else Level.ATOM)

    def number(self, number: float, precision: int) -> Written:
        """Write a number, a very large or small one with a power of ten."""
        text = number_text(number, precision)
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        mantissa, _, exponent = digits.partition("e")
        level = Level.SIGN if sign else Level.ATOM
        if not exponent:
            return Written(sign + {"inf": r"\infty", "nan": r"\mathrm{nan}"}.get(digits, digits), level)
        power = f"10^{{{int(exponent)}}}"
        if mantissa == "1":
            return Written(sign + power, Level.SIGN if sign else Level.POWER)
        return Written(rf"{sign}{mantissa} \cdot {power}", Level.PRODUCT)

    def apply(self, op: Primitive, operands: Sequence[Written]) -> Written:
        """Write an operation of the table, or a user's, with its operands in order."""
        if op in IDENTITIES:
            return operands[0]
        if op in COMPARISONS:  # 1 where it holds, else 0: the bracket of Iverson
            return Written(rf"\left[{self.logic(COMPARISONS[op], operands).text}\right]", Level.ATOM)
        if op is functions.log1p:
            inner = self.between(OPERATORS[functions.add], (Written("1", Level.ATOM), operands[0]))
            return self.call(r"\log", [inner])
        return super().apply(op, operands)

    def function_name(self, op: Primitive) -> str:
        """Return the command for a function, or its name in upright letters."""
        return rf"\{KNOWN[op]}" if op in KNOWN else upright(op.name)

    def call(self, name: str, operands: Sequence[Written]) -> Written:
        """Write a function with its operands."""
        command = name if name.startswith("\\") else upright(name)
        # As the base of a power it stands in parentheses.
        return Written(rf"{command}\left({', '.join(operand.text for operand in operands)}\right)", Level.POWER)

    def between(self, operator: Operator, operands: Sequence[Written]) -> Written:
        """Write an operator between its operands; sums of sums and products of products need no parentheses."""
        left, right = operands
        is_associative = operator.sign in (" + ", " * ")
        level = operator.level if is_associative else operator.right
        if right.text.startswith("-") and operator.level in (Level.SUM, Level.PRODUCT):
            level = Level.ATOM  # a minus sign does not follow another sign
        sign = operator.sign.replace("*", r"\cdot")
        return Written(f"{self.beside(left, operator.left)}{sign}{self.beside(right, level)}", operator.level)

    def logic(self, sign: str, operands: Sequence[Written]) -> Written:
        """Write a condition."""
        if sign == "not":
            return Written(rf"\neg {self.beside(operands[0], Level.SUM)}", Level.SUM)
        return self.between(LOGIC[sign]._replace(sign=f" {SIGNS[sign]} "), operands)

    def beside(self, operand: Written, level: Level) -> str:
        """Write an operand, in parentheses if an operation beside it asks for them."""
        return operand.text if operand.level >= level else rf"\left({operand.text}\right)"


LATEX = Latex()


def letters(name: str) -> str:
    """Write a name without an index: one letter is slanted, several are upright."""
    if name in GREEK.split():
        return rf"\{name}"
    return name if len(name) == 1 or name.isdigit() else upright(name)


def upright(text: str) -> str:
    """Write text in upright letters, so that all its signs are seen."""
    return rf"\mathrm{{{''.join(ESCAPED.get(sign, sign) for sign in text)}}}"
