"""The array class that functions of arrays get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from microgrady.arrays import functions, universal
from microgrady.arrays.conditions import truths as truths
from microgrady.comparisons import Undecided, number_of
from microgrady.inputs import as_number, describe
from microgrady.value import Value


class Array(numpy.ndarray[Any, Any]):
    """An array of Values and numbers, on which NumPy's functions are microgrady's. Made by `microgrady.array`."""

    # What views have of their own would have to be copied to each.
    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: Any, *operands: Any, **options: Any) -> Any:
        return wrapped(universal.apply(ufunc, method, operands, options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return apply_function(function, types, args, kwargs)

    def __setitem__(self, place: Any, value: Any) -> None:
        if type(value) is not Value and type(value) is not float:
            value = entries(number_of(value), "what is assigned to an element of mg.array")
            if value.size == 1 and value.ndim:
                value = value.reshape(())
            if not value.ndim:
                value = value.item()
        super().__setitem__(place, value)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a copy: of this class where floats are asked for, which Values are; of bools or ints by the data."""
        kind = numpy.dtype(dtype)
        if kind.kind in "bui" or not universal.holds_values(self):
            plain = self.view(numpy.ndarray).astype(kind)
            return wrapped(plain)
        universal.require_double(kind)
        return self.copy()

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> Any:
        """Return the elements between two bounds, as `microgrady.clip` keeps them."""
        return numpy.clip(self, min, max, out=out, **options)

    def std(self, *args: Any, **kwargs: Any) -> Any:
        """Return the standard deviation, as `numpy.std` gives it; the derivative at equal numbers is 0."""
        return numpy.std(self, *args, **kwargs)

    def round(self, decimals: Any = 0, out: Any = None) -> Any:
        """Return the elements rounded to whole numbers, whose derivative is 0."""
        return numpy.round(self, decimals, out)


def entries(values: Any, what: str) -> Any:
    """Make a new array of objects, floats and Values, from what NumPy makes one of.

    Raises:
        TypeError: An element is neither a number nor a Value.
        ValueError: Rows differ in length.
    """
    try:
        found = numpy.array(values, dtype=object, order="C")
    except ValueError as error:
        raise ValueError(f"{what} must have rows of one length: {error}") from None
    flat = found.reshape(-1)
    for place, element in enumerate(flat.tolist()):
        if type(element) is not Value and type(element) is not float:
            number = element.item() if isinstance(element, numpy.ndarray) and element.size == 1 else as_number(element)
            if number is None:
                kinds = "real numbers and Values, in rows of one length"
                raise TypeError(f"{what} must be of {kinds}, not of {describe(element)}")
            flat[place] = number
    return found


def wrapped(result: Any) -> Any:
    """Return results with each array of objects in this class."""
    if isinstance(result, numpy.ndarray):
        return result.view(Array) if result.dtype == object and type(result) is numpy.ndarray else result
    if type(result) in (tuple, list):
        return type(result)(map(wrapped, result))
    if isinstance(result, tuple) and hasattr(result, "_make"):
        return result._make(map(wrapped, result))
    return result


def mapped(function: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """Apply `function` element by element, broadcast.

    Returns:
        A float64 array if no operand is of this class and all results are floats, else an array of this class.
    """
    results = universal.elementwise(function, *operands)
    ours = any(isinstance(operand, Array) for operand in operands)
    if isinstance(results, numpy.ndarray) and not ours and all(isinstance(result, float) for result in results.flat):
        return results.astype(numpy.float64)
    return wrapped(results)


def apply_universal(ufunc: Any, method: str, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return what NumPy's universal functions give for a Value among their operands."""
    return wrapped(universal.apply(ufunc, method, operands, options))


def apply_function(function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Return what NumPy's other functions give for arrays of Values and for single ones."""
    if not all(issubclass(kind, (numpy.ndarray, Value, Undecided)) for kind in types):
        return NotImplemented
    if any(issubclass(kind, Undecided) for kind in types):
        return wrapped(functions.on_conditions(function, args, kwargs))
    return wrapped(functions.call(function, args, kwargs, _boxed))


def _boxed(argument: Any) -> Any:
    return wrapped(universal.base(argument)) if isinstance(argument, Value) else argument
