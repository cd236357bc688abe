"""What type checkers are told of operations and operators: what they return for Values, for numbers and for arrays.

They believe a decorator, which returns what it is given. So the engine itself stays free of overloads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, overload

if TYPE_CHECKING:
    from numbers import Real

    from numpy import floating, integer, ndarray

    from microgrady.value import Value

    Array: TypeAlias = ndarray[Any, Any]
    Operand: TypeAlias = "Value | float | Real | floating[Any] | integer[Any]"


class Operation(Protocol):
    """How a primitive is called. The first line is also what a transform or `jit` of a primitive goes by."""

    @overload
    def __call__(self, x: float, /, *others: float) -> float: ...
    @overload
    def __call__(self, x: Value, /, *others: Value | float) -> Value: ...
    @overload
    def __call__(self, a: float, b: Value, /, *others: Value | float) -> Value: ...
    @overload
    def __call__(self, a: float, b: float, c: Value, /, *others: Value | float) -> Value: ...
    @overload
    def __call__(self, x: Array, /, *others: Array | Value | float) -> Array: ...
    @overload
    def __call__(self, x: Value | float, y: Array, /) -> Array: ...
    @overload
    def __call__(self, *operands: Value | float) -> Value | float: ...


class Operator(Protocol):
    """How an operator of a Value is called with the other operand."""

    @overload
    def __call__(self, other: Operand, /) -> Value: ...
    @overload
    def __call__(self, other: Array, /) -> Array: ...


def operation(call: Callable[..., Any]) -> Operation:
    """Tell type checkers how a primitive is called."""
    return call


def operator(call: Callable[..., Any]) -> Operator:
    """Tell type checkers how an operator of a Value is called."""
    return call
