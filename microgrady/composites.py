"""Functions of three operands or of a whole sequence, made of the table's operations."""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

from microgrady.functions import chosen, clip_high, clip_low
from microgrady.inputs import describe, is_array, map_arrays, require_number
from microgrady.value import Value, make_node


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`; the one that is not selected gets no derivative.

    Args:
        condition: A bool, a number or a Value (true if not 0), or a NumPy array of these.
        a: A Value, a number or an array.
        b: Likewise.

    Returns:
        A Value if any argument is one, else a float; an array if any argument is an array.

    Raises:
        TypeError: an argument is none of these.

    Example:
        >>> from microgrady import Value, sqrt
        >>> x = Value(0.0)
        >>> y = where(x > 0, sqrt(x), 0.0)
        >>> y.backward()
        >>> y.data, x.grad
        (0.0, 0.0)
    """
    if any(is_array(argument) for argument in (condition, a, b)):
        return map_arrays(where, (condition, a, b))
    if not isinstance(condition, Value):
        condition = require_number(condition, "the condition of where")
    for operand in (a, b):
        if not isinstance(operand, Value):
            require_number(operand, "an operand of where")
    selected = a if condition else b
    if isinstance(selected, Value) or not any(isinstance(argument, Value) for argument in (condition, a, b)):
        return chosen(selected)
    # A result all the same, so that backward() can be called whichever way the condition went.
    return make_node(float(selected), chosen, None, None, float(selected), 0.0)


def clip(x: Any, low: Any, high: Any) -> Any:
    """`x` kept between `low` and `high`, either of which may be None; the derivative is 1 at the bounds.

    Example:
        >>> clip(5.0, -1.0, 1.0)
        1.0
    """
    return clip_high(clip_low(x, -math.inf if low is None else low), math.inf if high is None else high)


def _terms(values: Any, what: str) -> list[Any]:
    if isinstance(values, (Value, str)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{what} takes a sequence of Values and real numbers, not {describe(values)}")
    flat = values.ravel() if is_array(values) else values
    return [term if isinstance(term, Value) else require_number(term, f"each term of {what}") for term in flat]


def sum(values: Any) -> Any:
    """The sum of a sequence of Values and numbers, or of all elements of an array; 0.0 if there are none.

    Example:
        >>> sum([1, 2.5])
        3.5
    """
    terms = _terms(values, "sum")
    return functools.reduce(operator.add, terms) if terms else 0.0


def mean(values: Any) -> Any:
    """The arithmetic mean of a sequence of Values and numbers.

    Raises:
        ValueError: there are none.

    Example:
        >>> mean([1, 2.5])
        1.75
    """
    terms = _terms(values, "mean")
    if not terms:
        raise ValueError("mean takes at least one number, not none")
    return sum(terms) / len(terms)


def prod(values: Any) -> Any:
    """The product of a sequence of Values and numbers; 1.0 if there are none.

    Example:
        >>> prod([2, 2.5])
        5.0
    """
    terms = _terms(values, "prod")
    return functools.reduce(operator.mul, terms) if terms else 1.0


def dot(a: Any, b: Any) -> Any:
    """The sum of the products of two sequences of the same length.

    Raises:
        ValueError: their lengths differ.

    Example:
        >>> dot([1, 2], [3, 4])
        11.0
    """
    left, right = _terms(a, "dot"), _terms(b, "dot")
    if len(left) != len(right):
        raise ValueError(f"dot takes two sequences of the same length, not of {len(left)} and {len(right)}")
    return sum([x * y for x, y in zip(left, right, strict=True)])
