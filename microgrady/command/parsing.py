"""Typed arithmetic as steps: what Python's grammar says of numbers, names, operators and calls, and nothing else.

The steps come with operands before what is done with them. Operators wait on a stack until one comes that binds less
closely (E. W. Dijkstra's shunting yard, 1961), so that no nesting is too deep and each wrong place has
a sentence of its own.
"""

from __future__ import annotations

import keyword
import re
import shutil
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal, NamedTuple

NOT_ALLOWED = "only numbers, names, arithmetic, comparisons, 'a if c else b' and microgrady's functions are let through"

_NUMBER = r"0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
# What others write where Python has something else, and what that is.
_MISSPELT = {
    "^": "a power is written **",
    "²": "a square is written x**2",
    "³": "a cube is written x**3",
    "&&": "write and",
    "&": "write and",
    "||": "write or",
    "|": "write abs(x) for |x|, and or between conditions",
    "!": "write not; x! is gamma(x + 1)",
    "<>": "write !=",
    "=<": "write <=",
    "=>": "write >=",
    "=": "equality is written ==; what a name stands for comes after the expression, as in x=2",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "×": "write *",
    "·": "write *",
    "⋅": "write *",
    "∗": "write *",
    "÷": "write /",
    "−": "write -, the minus of the keyboard",
    "–": "write -, the minus of the keyboard",
    "—": "write -, the minus of the keyboard",
    "√": "write sqrt(x)",
    "π": "write pi",
    "∞": "write inf",
    "°": "write x * pi / 180",
    "[": "write parentheses, ( and )",
    "]": "write parentheses, ( and )",
    "{": "write parentheses, ( and )",
    "}": "write parentheses, ( and )",
    "?": "write a if condition else b",
    ";": "there is one expression",
}
# Words that stand between operands elsewhere.
_WORDS = {"mod": "%", "div": "//", "times": "*", "over": "/", "plus": "+", "minus": "-"}
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>{_NUMBER})|(?P<name>[^\W\d]\w*)|(?P<strange>&&|\|\||<>|=<|=>|<<|>>|:=|@)"
    r"|(?P<operator>\*\*|//|<=|>=|==|!=|[-+*/%<>(),])|(?P<unknown>\S))"
)
# How closely an operator binds. A sign binds less closely than a power on its right.
_TERNARY, _OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER = range(9)
_BINDING = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARISON),
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
    "**": _POWER,
}
_LONGEST_HINT = 24  # characters of an operand that is shown again

Kind = Literal["number", "name", "operator", "end"]


class Span(NamedTuple):
    """A stretch of a line of text, in characters."""

    line: str
    start: int
    stop: int


class InputError(ValueError):
    """Bad input: one sentence, and the span where it went wrong.

    Example:
        >>> print(InputError("3x is not a number", Span("x = 3x", 4, 6)))
            x = 3x
                ^^
        3x is not a number
    """

    def __init__(self, sentence: str, span: Span) -> None:
        super().__init__(sentence, span)
        self.sentence = sentence
        self.span = span

    def __str__(self) -> str:
        line, start, stop = self.span
        # Of a long line, what stands around the span.
        room = max(20, min(70, shutil.get_terminal_size().columns - 6))
        begin = max(0, min(start - room // 2, len(line) - room))
        shown = "".join(letter if letter.isprintable() else " " for letter in line[begin : begin + room])
        before, marked = shown[: start - begin], shown[start - begin : stop - begin]
        return f"    {shown}\n    {' ' * _columns(before)}{'^' * max(1, _columns(marked))}\n{self.sentence}"


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


class Token(NamedTuple):
    """A word of the source.

    Attributes:
        kind: What it is; "and" and the like are operators.
        text: As it is read; the letters of a name can be written in several ways.
        start: Where it begins in the source.
        stop: Where it ends.
    """

    kind: Kind
    text: str
    start: int
    stop: int


class Step(NamedTuple):
    """One step of a computation with a stack.

    Attributes:
        kind: Put a number there or what a name stands for; or replace the last `operand_count` entries by what an
            operator makes of them, by 1.0 or 0.0 for whether they compare so, or by a function's value.
        text: The number, the name, the operator, or the comparisons, with a space between them.
        operand_count: How many entries it takes.
        start: Where what it stands for begins in the source.
        stop: Where it ends.
    """

    kind: Literal["number", "name", "operator", "comparison", "call"]
    text: str
    operand_count: int
    start: int
    stop: int


@dataclass
class _Pending:
    """An operator, or an open parenthesis, that waits for what is on its right.

    Attributes:
        text: The operator; "(" for a parenthesis; a function's name for those around its arguments.
        binding: How closely it binds; -1 for a parenthesis.
        operand_count: How many operands it takes; how many commas a call has.
        token: Where it is.
        opening: The parenthesis itself.
    """

    text: str
    binding: int
    operand_count: int
    token: Token
    opening: Token | None = None


def normalise(name: str) -> str:
    """Return a name as Python reads it: the letters of one identifier can be written in several ways.

    Example:
        >>> normalise("ﬁt")
        'fit'
    """
    return unicodedata.normalize("NFKC", name)


def span_in(source: str, start: int, stop: int) -> Span:
    r"""Return a stretch of a text as a span: what of it is on its first line.

    Example:
        >>> span_in("a +\n b.c", 5, 8)
        Span(line=' b.c', start=1, stop=4)
    """
    begin = source.rfind("\n", 0, start) + 1
    line = source[begin:].partition("\n")[0]
    return Span(line, start - begin, min(stop - begin, len(line)))


def parse(source: str, functions: Container[str] = ()) -> list[Step]:
    """Translate an expression into steps.

    Args:
        source: What was typed.
        functions: The names of functions. Messages tell by them where a name lacks its parenthesis, or has one
            although it is not a function.

    Returns:
        The steps.

    Raises:
        InputError: It is not an expression, or something in it is not let through.

    Example:
        >>> [step.text for step in parse("-x**2 + atan2(y, 1)")]
        ['x', '2', '**', '-', 'y', '1', 'atan2', '+']
    """
    return _Parser(source, functions).steps_of_all()


class _Parser:
    """One reading of a source, from left to right."""

    def __init__(self, source: str, functions: Container[str]) -> None:
        self.source = source
        self.functions = functions
        self.tokens = self._scan()
        self.steps: list[Step] = []
        self.pending: list[_Pending] = []
        self.position = 0

    def steps_of_all(self) -> list[Step]:
        """Return the steps of the whole source."""
        wants_operand = True
        while (token := self.tokens[self.position]).kind != "end":
            wants_operand = self._operand(token) if wants_operand else self._operator(token)
            self.position += 1
        if wants_operand:
            raise self._missing(token)
        self._reduce(_TERNARY)
        if self.pending:
            opening = self.pending[-1].opening or self.pending[-1].token
            problem = "needs an else: a if condition else b" if opening.text == "if" else "is not closed"
            raise self._error(f"this {opening.text} {problem}", opening)
        return self.steps

    def _scan(self) -> list[Token]:
        """Return the words of the source, and one behind them that ends it."""
        tokens: list[Token] = []
        position, end = 0, len(self.source.rstrip())
        while position < end:
            found = _TOKEN.match(self.source, position)
            assert found is not None  # the last alternative takes any letter
            kind, text = found.lastgroup, found[found.lastgroup or 0]
            start, position = found.end() - len(text), found.end()
            if kind == "number":
                tokens.append(Token("number", text, start, position))
            elif kind == "operator":
                tokens.append(Token("operator", text, start, position))
            elif kind == "name" and text.isidentifier():
                tokens.append(self._word(text, start))
            else:
                tokens.append(Token("operator", text, start, position))
                raise self._strange(tokens)
        tokens.append(Token("end", "", end, end))
        return tokens

    def _word(self, text: str, start: int) -> Token:
        name = normalise(text)
        token = Token("operator" if keyword.iskeyword(name) else "name", name, start, start + len(text))
        if token.kind == "operator" and name not in ("and", "or", "not", "if", "else"):
            hint = "; equality is written ==" if name == "is" else ""
            raise self._error(f"{name} is a word of Python that is not let through here{hint}", token)
        return token

    def _strange(self, tokens: list[Token]) -> InputError:
        """Return what to say of letters that begin nothing, the last of the tokens."""
        *before, token = tokens
        # Of a name, the letter that none may have, as in x².
        strange = (letter for letter in token.text if not f"a{letter}".isidentifier())
        sign = next(strange) if token.text[0].isidentifier() else token.text
        start = token.start + token.text.index(sign)
        where = Token("operator", sign, start, start + len(sign))
        left = before[-1].text if before and before[-1].kind in ("name", "number") else ""
        right = re.match(r"\s*(\w+)\b(?!\()", self.source[where.stop :])
        power = re.match(r"\s*(\d+)\s*(?:\(([^()]*)\)|([a-z_]\w*))", self.source[where.stop :])
        if sign == "^" and left in self.functions and power:  # sin^2(x), as it is written by hand
            return self._error(f"{_MISSPELT['^']}: write {left}({power[2] or power[3] or 'x'})**{power[1]}", where)
        if sign == "^" and left in self.functions:
            called = right[1] if right else "..."
            return self._error(f"{left} is a function: write {left}({called})", where)
        if sign == "^" and left and right:
            return self._error(f"{_MISSPELT['^']}: write {left}**{right[1]}", where)
        if sign == "." and left in ("math", "np", "numpy", "mg", "microgrady", "torch", "jnp"):
            called = re.match(r"\w*", self.source[where.stop :])
            name = called[0] if called and called[0] else "sin"
            return self._error(f"functions have plain names: write {name} without {left}.", where)
        if sign == "." and (called := re.match(r"(\w+)\(", self.source[where.stop :])) and called[1] in self.functions:
            return self._error(f"functions have plain names: write {called[1]}({left or '...'})", where)
        shown = sign if sign.isprintable() else f"the character {sign!a}"
        return self._error(f"{shown} is not let through: {_MISSPELT.get(sign, NOT_ALLOWED)}", where)

    def _operand(self, token: Token) -> bool:
        """Take what may stand where an operand is due. Return whether one is still due."""
        following = self.tokens[self.position + 1]
        if token.kind == "number":
            self._require_number(token, following)
            self.steps.append(Step("number", token.text, 0, token.start, token.stop))
            return False
        if token.kind == "name" and following.text == "(":
            self._require_function(token)
            self.pending.append(_Pending(token.text, -1, 0, token, following))
            self.position += 1
            return True
        if token.kind == "name":
            self.steps.append(Step("name", token.text, 0, token.start, token.stop))
            return False
        if token.text in "+-" or token.text == "not":
            binding = _NOT if token.text == "not" else _SIGN
            if binding == _NOT and self.pending and self.pending[-1].binding > _NOT:
                raise self._error("put parentheses around what not applies to, and around not itself", token)
            self.pending.append(_Pending(token.text, binding, 1, token))
            return True
        if token.text == "(":
            self.pending.append(_Pending("(", -1, 0, token, token))
            return True
        before = self.tokens[self.position - 1].text if self.position else ""
        if token.text == ")" and before == "(" and self.pending[-1].text != "(":
            self._close(token, arguments=0)
            return False
        raise self._missing(token)

    def _require_number(self, token: Token, following: Token) -> None:
        if following.kind == "number":
            if following.start == token.stop:
                both = token._replace(stop=following.stop)
                raise self._error(f"{self.source[both.start : both.stop]} is not a number", both)
            raise self._beside(token, following)
        try:
            number_of(token.text)
        except ValueError:
            raise self._error(f"{token.text} is not a number", token) from None

    def _require_function(self, token: Token) -> None:
        """Refuse a name before a parenthesis that is used as a number elsewhere, or is a single letter."""
        if token.text in self.functions:
            return
        alone = any(
            word.text == token.text and after.text != "("
            for word, after in zip(self.tokens, self.tokens[1:], strict=False)
        )
        if alone or (len(token.text) == 1 and token.text not in self.functions):
            raise self._beside(token, self.tokens[self.position + 1], f"{token.text} is not a function: ")

    def _operator(self, token: Token) -> bool:
        """Take what may stand behind an operand. Return whether another one is due."""
        text = token.text
        if token.kind in ("name", "number") or text == "(":
            raise self._beside(self.tokens[self.position - 1], token)
        if text == ")":
            self._close(token, arguments=1)
            return False
        if text == ",":
            self._reduce(_TERNARY)
            if not self.pending or self.pending[-1].text in ("(", "if"):
                raise self._error(
                    "a comma stands between the arguments of a function; a decimal point is written .", token
                )
            self.pending[-1].operand_count += 1
        elif text == "if":
            self._reduce(_OR)
            self.pending.append(_Pending("if", -1, 0, token))
        elif text == "else":
            self._reduce(_TERNARY)
            if not self.pending or self.pending[-1].text != "if":
                raise self._error("this else has no if before it: a if condition else b", token)
            self.pending[-1] = _Pending("if", _TERNARY, 3, token)
        elif text == "not":
            raise self._error(NOT_ALLOWED, token)
        else:
            self._binary(token)
        return True

    def _binary(self, token: Token) -> None:
        binding = _BINDING[token.text]
        # Powers are taken from the right, everything else from the left; comparisons make a chain.
        self._reduce(binding + (binding in (_POWER, _COMPARISON)))
        if binding == _COMPARISON and self.pending and self.pending[-1].binding == _COMPARISON:
            self.pending[-1].text += f" {token.text}"
            self.pending[-1].operand_count += 1
        else:
            self.pending.append(_Pending(token.text, binding, 2, token))

    def _reduce(self, least: int) -> None:
        """Apply the operators that wait, back to a parenthesis or to one that binds less closely."""
        while self.pending and self.pending[-1].binding >= max(least, 0):
            last = self.pending.pop()
            kind: Literal["operator", "comparison"] = "comparison" if last.binding == _COMPARISON else "operator"
            self.steps.append(Step(kind, last.text, last.operand_count, last.token.start, last.token.stop))

    def _close(self, token: Token, arguments: int) -> None:
        self._reduce(_TERNARY)
        if not self.pending:
            raise self._error("there is no ( for this )", token)
        last = self.pending.pop()
        if last.text == "if" and last.opening is None:
            raise self._error("this if needs an else: a if condition else b", last.token)
        if last.token is not last.opening:
            self.steps.append(Step("call", last.text, last.operand_count + arguments, last.token.start, token.stop))

    def _missing(self, token: Token) -> InputError:
        """Return what to say where an operand is due and something else comes."""
        if not self.position:
            what = f"something is missing before {token.text}" if token.text else "the expression is empty"
            return self._error("there is no ( for this )" if token.text == ")" else what, token)
        before = self.tokens[self.position - 1]
        if token.kind == "end":
            return self._error(f"something is missing after {before.text}", token)
        return self._error(f"something is missing between {before.text} and {token.text}", token)

    def _beside(self, left: Token, right: Token, reason: str = "") -> InputError:
        """Return what to say of two operands without an operator between them."""
        both = left._replace(stop=right.stop)
        if left.kind == "name" and left.text in self.functions:
            return self._error(f"{left.text} is a function: write {left.text}({self._shown(right)})", both)
        if right.text in _WORDS:
            return self._error(f"{right.text} is written {_WORDS[right.text]}", right)
        if left.kind == "number" and right.text.lower() == "e" and left.stop == right.start:
            typed = self.source[left.start : right.stop]
            return self._error(f"write {left.text} * e, or for a power of ten its exponent, as in {typed}3", both)
        if left.kind == right.kind == "number":
            return self._error(f"an operator is missing between {left.text} and {right.text}", both)
        return self._error(f"{reason}write {self._shown(left)} * {self._shown(right)}", both)

    def _shown(self, token: Token) -> str:
        """Return an operand as it was typed, where it is short: a number, a name, a call, or what is in parentheses."""
        index = self.tokens.index(token)
        called = token.text in self.functions and self.tokens[index + 1].text == "("
        other = index
        if called or token.text == "(":
            other = self._partner(index + called, 1)
        elif token.text == ")":
            other = self._partner(index, -1)
            other -= other > 0 and self.tokens[other - 1].text in self.functions
        first, last = self.tokens[min(index, other)], self.tokens[max(index, other)]
        text = self.source[first.start : last.stop]
        return text if len(text) <= _LONGEST_HINT and "\n" not in text else "(...)"

    def _partner(self, index: int, step: int) -> int:
        """Return the parenthesis that belongs to this one, forwards or backwards; the end where there is none."""
        depth = 0
        while 0 <= index < len(self.tokens) - 1:
            depth += {"(": 1, ")": -1}.get(self.tokens[index].text, 0)
            if depth == 0:
                return index
            index += step
        return max(index, 0)

    def _error(self, sentence: str, token: Token) -> InputError:
        return InputError(sentence, span_in(self.source, token.start, token.stop))


def number_of(text: str) -> float:
    """Return the float that a number stands for; one with hundreds of digits is inf, as 1e400 is.

    Example:
        >>> number_of("0xff"), number_of("1_000"), number_of("1e400")
        (255.0, 1000.0, inf)
    """
    if text[:2].lower() not in ("0x", "0o", "0b"):
        return float(text)
    try:
        return float(int(text, 0))
    except OverflowError:
        return float("inf")
