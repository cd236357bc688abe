"""What Python, NumPy and micrograd's users ask of a Value besides arithmetic and comparisons.

The functions here are methods of Value, in which they stand by name.
"""

from __future__ import annotations

import functools
import math
import numbers
import operator
from collections.abc import Callable
from typing import Any, NoReturn

from microgrady.inputs import is_number
from microgrady.later import ask
from microgrady.refusals import with_powers
from microgrady.tracing import compare, escaping, recorders, rounds_to


def whole(rounding: Callable[[float], int], value: Any) -> int:
    """Return the number of a Value, rounded. For those that record it lies where it is rounded to that."""
    number = value._number
    if not math.isfinite(number):
        if recorders:
            compare("==", value, value if math.isnan(number) else number, not math.isnan(number))
        return rounding(number)  # which raises
    rounded = rounding(number)
    if recorders:
        rounds_to(rounding, value, rounded)
    return rounded


# What rounds to a whole number gives a plain one, since its derivative is 0 wherever it has one.


def trunc(value: Any) -> int:
    """Return the whole part, as an int."""
    return whole(math.trunc, value)


def floor(value: Any) -> int:
    """Return the largest whole number that is not above the Value, as an int."""
    return whole(math.floor, value)


def ceil(value: Any) -> int:
    """Return the smallest whole number that is not below the Value, as an int."""
    return whole(math.ceil, value)


def nearest(value: Any, digits: Any = None) -> int:
    """Return the nearest whole number, as an int."""
    if digits is None:
        return whole(round, value)
    places = operator.index(digits)
    printed = f'f"{{v:.{places}f}}" or ' if places >= 0 else ""
    raise TypeError(
        f"round(v, {places}) of a Value would have the derivative 0: round the number that you print, "
        f"{printed}round(v.data, {places}), or write mg.round(v, {places}) where steps are meant"
    )


def index(value: Any) -> NoReturn:
    """Refuse to be an int."""
    if recorders:
        escaping(value, "range(v) or an index")
    raise TypeError("a Value is not an int: write int(v) where a whole number is meant")


def never_equal(value: Any, symbol: str, other: Any) -> Any:
    """Leave it to something else than a real number whether it equals a Value."""
    if recorders and isinstance(other, numbers.Number):
        escaping(value, f"{symbol} with a {type(other).__name__}")
    return NotImplemented


def no_attribute(name: str) -> AttributeError:
    """Return the error for an attribute that a Value does not have, with what to write instead."""
    hint = _attribute_hint(name)
    sentence = f"'Value' object has no attribute {name!r}{hint}"
    # Python itself would look for names that are spelt alike, and add another one.
    return AttributeError(sentence, name=name, obj=None) if hint else AttributeError(sentence)


@functools.cache  # as programs ask for the same ones again and again, to see what they have got
def _attribute_hint(name: str) -> str:
    value = ask("value").Value
    public = [one for one in (*vars(value), *ask("primitives").public_methods()) if not one.startswith("_")]
    return ask("suggestions").attribute_hint(name, public)  # type: ignore[no-any-return]


def no_power(left: Any, right: Any) -> Any:
    """Refuse `^`, which is a power on paper and not in Python, between numbers."""
    if all(is_number(operand) or type(operand).__name__ == "Value" for operand in (left, right)):
        raise refused_power()
    return NotImplemented


def refused_power() -> TypeError:
    """Return the error for `^`."""
    return TypeError(f"{_NO_POWER}: write {with_powers()}")


def is_refused_power(error: Exception) -> bool:
    """Return whether an error is that one, which says more than what `^` of floats raises."""
    return isinstance(error, TypeError) and str(error).startswith(_NO_POWER)


_NO_POWER = "^ is not a power in Python"


def wrong_count(name: str, wanted: int, given: int) -> str:
    """Say that an operation was called with another number of operands."""
    return f"{name} takes {wanted} operand{'s' * (wanted > 1)}, not {given or 'none'}"


def result_cannot_be_assigned(operation: str) -> AttributeError:
    """Return the error for `data` of a result."""
    return AttributeError(
        f"the data of a result cannot be assigned, and this Value is a result of {operation}: assign the data of a "
        "leaf and compute anew"
    )


# Text.


def formatted(value: Any, specification: str) -> str:
    """Return the number as f-strings write it."""
    if recorders:
        escaping(value, "format(v)")
    return format(value._number, specification)


def text(value: Any) -> str:
    """Return the number as print writes it."""
    if recorders:
        escaping(value, "str(v)")
    return str(value._number)


def representation(value: Any) -> str:
    """Return what a prompt shows: the number, the label, the derivative and the operation."""
    parts = [repr(value._number)]
    if value._label:
        parts.append(repr(value.label))
    if value._grad:
        parts.append(f"grad={value._grad!r}")
    if value._primitive is not None:
        parts.append(f"op={value._primitive.name}")
    return f"Value({', '.join(parts)})"


def notebook_latex(value: Any) -> str | None:
    """Return what a notebook shows instead of that: the formula and the number of what has a label, else nothing."""
    return ask("formulas").notebook_latex(value) if value._label else None


def names(value: Any) -> list[str]:
    """Return the names of the attributes and methods that are for people."""
    return sorted({*object.__dir__(value), *ask("primitives").public_methods()})


# Pickles and copies.


def twin(value: Any) -> Any:
    """Return a Value with the same operands, or another leaf."""
    op = value._primitive
    if recorders and op is None:
        escaping(value, "copy.copy(v)")
    right = None if op is None else value._right  # of a leaf it may be a stand-in, see reverse_pass
    copy = ask("value").make_node(value._number, op, value._left, right, value._left_partial, value._right_partial)
    copy._label, copy._grad = value._label, value._grad
    return copy


def reduced_value(value: Any) -> Any:
    """Return what pickles and copies of a Value are made of."""
    return ask("pickling").reduce_value(value)


def reduced_primitive(entry: Any) -> Any:
    """Return what pickles of a primitive are made of."""
    return ask("pickling").reduce_primitive(entry)


def itself(thing: Any, memo: Any = None) -> Any:
    """Return the very thing, which copies of what refers to it share."""
    return thing


# NumPy asks a Value these before it takes it for an object that it knows nothing of.


def array_ufunc(value: Any, ufunc: Any, method: Any, *operands: Any, **options: Any) -> Any:
    """Apply one of NumPy's universal functions."""
    return ask("arrays").apply_universal(ufunc, method, operands, options)


def array_function(value: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Apply another function of NumPy's."""
    return ask("arrays").apply_function(function, types, args, kwargs)


def conjugate(value: Any) -> Any:
    """Return this Value, which is real: NumPy's var, std and vdot ask."""
    return value


# The names by which micrograd's users know the operands and the operation.


def previous(value: Any) -> set[Any]:
    """Return the operands that are Values."""
    return {operand for operand in value.operands if type(operand) is type(value)}


def operation(value: Any) -> str:
    """Return the sign of the operation, of a power with its exponent, as micrograd writes it."""
    op = value._primitive
    if op is None:
        return ""
    return (
        f"**{value._right_partial:g}"
        if op is ask("value").primitives["pow"] and value._right is None
        else str(op.symbol)
    )
