"""What comparisons of Values give while something records: bools that are decided when somebody asks for them.

A comparison that decides which way a function goes becomes a guard of what is recorded. One that only selects between
two numbers, as in `where`, need not decide anything: it is recorded as a mask, the number 1 or 0.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, TypeGuard

from microgrady.later import ask


def _arithmetic(operation: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return an operator and its reflection: with a Value of the mask, with a number of the bool."""

    def applied(self: Condition, other: Any) -> Any:
        mine = self._operand(other)
        return NotImplemented if mine is NotImplemented else operation(mine, other)

    def reflected(self: Condition, other: Any) -> Any:
        mine = self._operand(other)
        return NotImplemented if mine is NotImplemented else operation(other, mine)

    return applied, reflected


def _logic(symbol: str, operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return an operator that joins two conditions, of which none is decided yet."""

    def joined(self: Condition, other: Any) -> Any:
        if is_condition(other):
            return Combination(symbol, self, other) if self.is_open or other.is_open else operation(bool(self), other)
        if _is_bool(other):
            if symbol == "^":
                return negated(self) if other else self
            return self if bool(other) == (symbol == "&") else bool(other)
        return NotImplemented if _is_array(other) else operation(bool(self), other)

    return joined


def _decided(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that decides first."""
    return lambda self, *others: operation(bool(self), *others)


class Undecided:
    """A bool that is decided when somebody asks for it, or an array of such."""

    __slots__ = ()

    @property
    def is_open(self) -> bool:
        """Whether it can still be decided: else it is a bool like others."""
        raise NotImplementedError

    def mask(self) -> Any:
        """Return 1 where it holds, else 0, in Values where it is not decided, which this does not change."""
        raise NotImplementedError

    def number(self) -> Any:
        """Return the same, but floats where nobody can decide anything any more."""
        raise NotImplementedError

    # NumPy asks these before it takes it for an object that it knows nothing of.

    def __array_ufunc__(self, ufunc: Any, method: Any, *operands: Any, **options: Any) -> Any:
        return ask("arrays").apply_universal(ufunc, method, operands, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return ask("arrays").apply_function(function, types, args, kwargs)


class Condition(Undecided):
    """One such bool, which is used as a bool: `if`, `while`, `not`, `int()` and `==` ask for it."""

    __slots__ = ("_mask",)
    _mask: Any

    def mask(self) -> Any:
        """Return the Value that is 1 where it holds, else 0."""
        if self._mask is None:
            self._mask = self._recorded()
        return self._mask

    def number(self) -> Any:
        """Return the mask while it is open, else a float."""
        return self.mask() if self.is_open else float(bool(self))

    def _recorded(self) -> Any:
        raise NotImplementedError

    def __bool__(self) -> bool:
        raise NotImplementedError

    def _operand(self, other: Any) -> Any:
        """Return as what it stands beside another operand; NotImplemented for an array, which goes by elements."""
        if hasattr(type(other), "_mark"):  # a Value
            return self.number()
        return NotImplemented if _is_array(other) and not is_condition(other) else bool(self)

    __add__, __radd__ = _arithmetic(operator.add)
    __sub__, __rsub__ = _arithmetic(operator.sub)
    __mul__, __rmul__ = _arithmetic(operator.mul)
    __truediv__, __rtruediv__ = _arithmetic(operator.truediv)
    __floordiv__, __rfloordiv__ = _arithmetic(operator.floordiv)
    __mod__, __rmod__ = _arithmetic(operator.mod)
    __pow__, __rpow__ = _arithmetic(operator.pow)
    __divmod__, __rdivmod__ = _arithmetic(divmod)
    __lshift__, __rlshift__ = _arithmetic(operator.lshift)
    __rshift__, __rrshift__ = _arithmetic(operator.rshift)
    __and__ = __rand__ = _logic("&", operator.and_)
    __or__ = __ror__ = _logic("|", operator.or_)
    __xor__ = __rxor__ = _logic("^", operator.xor)
    __eq__, __ne__ = _decided(operator.eq), _decided(operator.ne)
    __lt__, __le__ = _decided(operator.lt), _decided(operator.le)
    __gt__, __ge__ = _decided(operator.gt), _decided(operator.ge)
    __neg__, __pos__, __invert__ = _decided(operator.neg), _decided(operator.pos), _decided(lambda own: ~int(own))
    __abs__, __round__ = _decided(operator.abs), _decided(round)
    __trunc__, __floor__, __ceil__ = _decided(math.trunc), _decided(math.floor), _decided(math.ceil)
    __int__, __index__ = _decided(int), _decided(int)
    __float__, __complex__ = _decided(float), _decided(complex)
    __hash__, __repr__, __str__, __format__ = _decided(hash), _decided(repr), _decided(str), _decided(format)

    def __getattr__(self, name: str) -> Any:
        if not hasattr(bool, name):
            raise AttributeError(f"'bool' object has no attribute {name!r}")
        return getattr(bool(self), name)

    def __reduce__(self) -> Any:
        return bool, (bool(self),)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        """Return an array of no dimensions: where NumPy knows of no Values, it gets a bool."""
        import numpy

        return numpy.array(bool(self), *args, **kwargs)


class Comparison(Condition):
    """A comparison of Values.

    Args:
        symbol: How it is written.
        left: A Value.
        right: A Value or a real number.
        outcome: Whether it holds.
        recorders: Those who must know if it decides anything.
    """

    __slots__ = ("_left", "_outcome", "_recorders", "_right", "_symbol")

    def __init__(self, symbol: str, left: Any, right: Any, outcome: bool, recorders: list[Any]) -> None:
        self._symbol, self._left, self._right, self._outcome = symbol, left, right, outcome
        self._recorders = recorders
        self._mask = None

    def __bool__(self) -> bool:
        if self._recorders:
            recorders, self._recorders = self._recorders, []
            for recorder in recorders:
                if recorder.goes_on:
                    self._outcome = recorder.decided(self._symbol, self._left, self._right, self._outcome)
        return self._outcome

    @property
    def is_open(self) -> bool:
        """Whether it is not decided, and one goes on who must know."""
        return any(recorder.goes_on for recorder in self._recorders)

    def _recorded(self) -> Any:
        table = ask("table")
        symbol, left, right = self._symbol, self._left, self._right
        if not hasattr(type(right), "_mark"):
            symbol, right = with_a_float(symbol, right)
        if symbol in ("==", "!="):
            equal = table.equal(left, right)
            return equal if symbol == "==" else 1.0 - equal
        compare = table.less_equal if "=" in symbol else table.less
        return compare(left, right) if "<" in symbol else compare(right, left)


class Combination(Condition):
    """Two conditions, joined.

    Args:
        symbol: "&", "|" or "^".
        first: One condition.
        second: The other one.
    """

    __slots__ = ("_first", "_second", "_symbol")

    def __init__(self, symbol: str, first: Condition, second: Condition) -> None:
        self._symbol, self._first, self._second = symbol, first, second
        self._mask = None

    def __bool__(self) -> bool:
        if self._symbol == "^":
            return bool(self._first) is not bool(self._second)
        if self._symbol == "&":
            return bool(self._first) and bool(self._second)
        return bool(self._first) or bool(self._second)

    @property
    def is_open(self) -> bool:
        """Whether one of both is."""
        return self._first.is_open or self._second.is_open

    def _recorded(self) -> Any:
        table = ask("table")
        first, second = number_of(self._first), number_of(self._second)
        if self._symbol == "^":
            return 1.0 - table.equal(first, second)
        return table.mul(first, second) if self._symbol == "&" else table.maximum(first, second)


class Negation(Condition):
    """The opposite of a condition, as `~` makes it in arrays.

    Args:
        condition: The condition.
    """

    __slots__ = ("_condition",)

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        self._mask = None

    def __bool__(self) -> bool:
        return not self._condition

    @property
    def is_open(self) -> bool:
        """Whether the condition is."""
        return self._condition.is_open

    def _recorded(self) -> Any:
        return 1.0 - self._condition.mask()


def is_condition(thing: object) -> TypeGuard[Condition]:
    """Return whether something is a bool that may not be decided yet."""
    return isinstance(thing, Condition)


def negated(condition: Any) -> Any:
    """Return the opposite of a condition or a bool, without deciding it."""
    return Negation(condition) if is_condition(condition) and condition.is_open else not condition


def number_of(thing: Any) -> Any:
    """Return conditions as 1 or 0, in Values where they are not decided; anything else as it is."""
    return thing.number() if isinstance(thing, Undecided) else thing


def with_a_float(symbol: str, number: Any) -> tuple[str, float]:
    """Return a comparison with a float that holds for the same floats as one with any real number.

    Python compares exactly: between an int or a fraction that is not a float and its neighbours lies no float.
    """
    try:
        nearest = float(number)
    except OverflowError:
        nearest = math.inf if number > 0 else -math.inf
    if nearest == number:
        return symbol, nearest
    if symbol in ("==", "!="):
        return symbol, math.nan
    if symbol in ("<", "<="):
        return "<=", nearest if nearest < number else math.nextafter(nearest, -math.inf)
    return ">=", nearest if nearest > number else math.nextafter(nearest, math.inf)


def _is_bool(thing: Any) -> bool:
    kind = type(thing)
    return kind is bool or (kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_"))


def _is_array(thing: Any) -> bool:
    return getattr(type(thing), "__array_ufunc__", None) is not None
