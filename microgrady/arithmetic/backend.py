"""The instructions in which the operations of the table are written, once for all backends."""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from microgrady.arithmetic import floats
from microgrady.arithmetic.library import Called, library_function

Operand = str | float  # a variable of the backend, or a constant
Condition = str | bool


class Backend(ABC):
    """A writer of instructions on doubles, in IEEE 754 arithmetic that nothing reorders or contracts.

    Operands and results are variables, which are strings of the backend, or constants, which are
    floats. What depends on constants alone is computed at once, so an operation whose operands are
    partly constants becomes shorter by itself: a condition on constants is a bool, and of `choose` only
    the branch that it selects is written.

    Attributes:
        called: The functions of the C library that were called.
        exact: Whether results must have the bits of the operations on floats. If not they may be off by 4 ulp, as those
            of functions of vectors are, and nan, infinities and the signs of zeros are the same.
    """

    called: set[Called]
    exact = True

    def neg(self, x: Operand) -> Operand:
        """-x."""
        return self._number("neg", operator.neg, x)

    def add(self, a: Operand, b: Operand) -> Operand:
        """a + b."""
        return self._number("add", operator.add, a, b)

    def sub(self, a: Operand, b: Operand) -> Operand:
        """a - b."""
        return self._number("sub", operator.sub, a, b)

    def mul(self, a: Operand, b: Operand) -> Operand:
        """a * b."""
        return self._number("mul", operator.mul, a, b)

    def div(self, a: Operand, b: Operand) -> Operand:
        """a / b; inf or nan where b is 0."""
        return self._number("div", floats.div, a, b)

    def sqrt(self, x: Operand) -> Operand:
        """The square root."""
        return self._number("sqrt", floats.sqrt, x)

    def abs(self, x: Operand) -> Operand:
        """The magnitude."""
        return self._number("abs", abs, x)

    def floor(self, x: Operand) -> Operand:
        """The largest whole number not above x."""
        return self._number("floor", floats.floor, x)

    def ceil(self, x: Operand) -> Operand:
        """The smallest whole number not below x."""
        return self._number("ceil", floats.ceil, x)

    def trunc(self, x: Operand) -> Operand:
        """x without its fraction."""
        return self._number("trunc", floats.trunc, x)

    def rint(self, x: Operand) -> Operand:
        """The nearest whole number; of two the even one."""
        return self._number("rint", floats.rint, x)

    def fma(self, a: Operand, b: Operand, c: Operand) -> Operand:
        """a * b + c, rounded once: for forms that need not be exact, as not every processor has such an instruction."""
        return self._number("fma", library_function("fma", 3), a, b, c)

    def copysign(self, a: Operand, b: Operand) -> Operand:
        """The magnitude of a with the sign of b."""
        return self._number("copysign", math.copysign, a, b)

    def call(self, name: str, *operands: Operand) -> Operand:
        """The function `name` of the C library."""
        if all(type(operand) is float for operand in operands):
            return float(library_function(name, len(operands))(*operands))
        return self.emit_call(name, *operands)

    def less(self, a: Operand, b: Operand) -> Condition:
        """Whether a < b; False if either is nan, as for all comparisons."""
        return self._condition("less", operator.lt, a, b)

    def less_equal(self, a: Operand, b: Operand) -> Condition:
        """Whether a <= b."""
        return self._condition("less_equal", operator.le, a, b)

    def equal(self, a: Operand, b: Operand) -> Condition:
        """Whether a == b."""
        return self._condition("equal", operator.eq, a, b)

    def negated(self, condition: Condition) -> Condition:
        """Whether the condition does not hold."""
        return not condition if isinstance(condition, bool) else self.emit_condition("negated", condition)

    def both(self, first: Condition, second: Condition) -> Condition:
        """Whether both conditions hold."""
        if isinstance(first, bool):
            return first and second
        return self.both(second, first) if isinstance(second, bool) else self.emit_condition("both", first, second)

    def either(self, first: Condition, second: Condition) -> Condition:
        """Whether one of the conditions holds, or both."""
        if isinstance(first, bool):
            return first or second
        return self.either(second, first) if isinstance(second, bool) else self.emit_condition("either", first, second)

    def select(self, condition: Condition, a: Operand, b: Operand) -> Operand:
        """a if the condition holds, else b; both have been computed."""
        if isinstance(condition, bool):
            return a if condition else b
        return self.emit("select", condition, a, b)

    def choose(self, condition: Condition, then: Callable[[], Operand], otherwise: Callable[[], Operand]) -> Operand:
        """The result of `then` if the condition holds, else of `otherwise`: the other one has no effect."""
        if isinstance(condition, bool):
            return then() if condition else otherwise()
        return self.emit_choice(condition, then, otherwise)

    @abstractmethod
    def emit(self, operation: str, *operands: Operand) -> str:
        """Write an instruction that results in a number, one of the methods above by its name; return the variable."""

    @abstractmethod
    def emit_condition(self, operation: str, *operands: Operand) -> str:
        """Write an instruction that results in a condition; return its variable."""

    @abstractmethod
    def emit_call(self, name: str, *operands: Operand) -> str:
        """Write a call of the C library, and add it to `called`; return the variable of its result."""

    @abstractmethod
    def emit_choice(self, condition: str, then: Callable[[], Operand], otherwise: Callable[[], Operand]) -> str:
        """Write both branches, and what selects the result of one; return its variable."""

    def _number(self, operation: str, function: Callable[..., Any], *operands: Operand) -> Operand:
        for operand in operands:
            if type(operand) is str:
                return self.emit(operation, *operands)
        return float(function(*operands))

    def _condition(self, operation: str, function: Callable[..., Any], *operands: Operand) -> Condition:
        if all(type(operand) is float for operand in operands):
            return bool(function(*operands))
        return self.emit_condition(operation, *operands)
