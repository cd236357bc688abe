"""NumPy's universal functions on Values: element by element, they are the table's functions."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy

from microgrady.arrays.conditions import decided, entries_of, truths
from microgrady.comparisons import Condition, Undecided, negated, number_of
from microgrady.functions import (
    copysign,
    div,
    floordiv,
    greater,
    log,
    log1p,
    logaddexp,
    maximum,
    minimum,
    mod,
    pow,
)
from microgrady.inputs import FLOAT_ARRAY_HINT, as_number, comparable
from microgrady.protocols import refused_power
from microgrady.sequences import clip, isfinite, isinf, isnan, ldexp, modf, select
from microgrady.tracing import recorders
from microgrady.value import Value, methods

Function = Callable[..., Any]

# Here NumPy's own loops over objects are right: they use the operators of the elements, numbers among them too.
OPERATORS: dict[Any, Function | None] = {
    numpy.add: operator.add,
    numpy.subtract: operator.sub,
    numpy.multiply: operator.mul,
    numpy.negative: operator.neg,
    numpy.positive: operator.pos,
    numpy.absolute: operator.abs,
    numpy.square: lambda x: x * x,
    numpy.conjugate: operator.pos,
    numpy.less: operator.lt,
    numpy.less_equal: operator.le,
    numpy.greater: operator.gt,
    numpy.greater_equal: operator.ge,
    numpy.equal: operator.eq,
    numpy.not_equal: operator.ne,
    **dict.fromkeys(getattr(numpy, name) for name in ("matmul", "vecdot", "matvec", "vecmat") if hasattr(numpy, name)),
}
COMPARISONS = {
    numpy.less,
    numpy.less_equal,
    numpy.greater,
    numpy.greater_equal,
    numpy.equal,
    numpy.not_equal,
}
LOGIC = {numpy.logical_and, numpy.logical_or, numpy.logical_xor, numpy.logical_not}


PREDICATES: dict[str, Function] = {
    "isnan": isnan,
    "isfinite": isfinite,
    "isinf": isinf,
    "signbit": lambda x: copysign(1.0, x) < 0.0,
}


def quotient(a: Any, b: Any) -> Any:
    """Return a / b by IEEE 754, also where both are plain numbers."""
    return a / b if type(a) is Value or type(b) is Value else div(a, b)


def _power(a: Any, b: Any) -> Any:
    return a**b if type(a) is Value or type(b) is Value else pow(a, b)


def _not_nan(choose: Function) -> Function:
    def function(a: Any, b: Any) -> Any:
        return select(isnan(a), b, select(isnan(b), a, choose(a, b)))

    return function


# What the table does not need, or what NumPy means by a name; by others it finds a function as a method of Values.
FUNCTIONS: dict[str, Function] = {
    "divide": quotient,
    "power": _power,
    "float_power": _power,
    "remainder": mod,
    "divmod": lambda a, b: (floordiv(a, b), mod(a, b)),
    "modf": modf,
    "reciprocal": lambda x: quotient(1.0, x),
    "heaviside": lambda x, middle: select(x == 0.0, middle, greater(x, 0.0) + 0.0 * x),
    "logaddexp2": lambda a, b: logaddexp(a * math.log(2.0), b * math.log(2.0)) * (1.0 / math.log(2.0)),
    "ldexp": lambda x, exponent: ldexp(x, int(exponent)),
    "fmax": _not_nan(maximum),
    "fmin": _not_nan(minimum),
    "clip": clip,
    "logit": lambda x: log(x) - log1p(-x),
}


def apply(ufunc: Any, method: str, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the result of a universal function, or of one of its methods, as numbers or arrays of NumPy's own class.

    Raises:
        TypeError: The table has no such function, or Values would have to go into an array of floats.
    """
    if any(isinstance(operand, Undecided) for operand in operands):
        return on_conditions(ufunc, method, operands, options)
    if method == "__call__" and not options and not any(map(_has_axes, operands)):
        numbers = [_number(operand, comparable if ufunc in COMPARISONS else as_number) for operand in operands]
        if all(number is not None for number in numbers):
            return _on_numbers(ufunc)(*numbers)
    arrays = list(map(base, operands))
    if any(map(_is_foreign, operands)):
        return getattr(ufunc, method)(*arrays, **options)  # which asks the other class, as nothing here has a say now
    if not options and method == "__call__":
        if ufunc in OPERATORS and ufunc not in COMPARISONS:
            with numpy.errstate(
                invalid="ignore"
            ):  # NumPy would warn where plain Python asks a number whether it is nan
                return _with_shapes(ufunc, arrays)
        quick = _by_operators(ufunc, arrays)
        if quick is not None:
            return quick
    with numpy.errstate(all="ignore"):  # NumPy would warn where nan is compared, and of what IEEE 754 answers
        return _apply(ufunc, method, operands, arrays, options)


def _with_shapes(ufunc: Any, arrays: list[Any]) -> Any:
    """Call a universal function; an error about shapes says which they are, as NumPy's of a matrix product does not."""
    try:
        return ufunc(*arrays)
    except ValueError as error:
        if ufunc.signature is None or "mismatch" not in str(error):
            raise
        shapes = [numpy.shape(array) for array in arrays]
        hint = ""
        if len(shapes[0]) == 2 and shapes[0][0] == shapes[1][0]:
            hint = f": the first, transposed, would be {shapes[0][::-1]}"
        text = f"{ufunc.__name__} takes as many columns as the other has rows, not shapes {shapes[0]} and {shapes[1]}"
        raise ValueError(text + hint) from None


# On conditions, what of two bools makes a third.
JOINING: dict[Any, Function] = {
    numpy.logical_and: operator.and_,
    numpy.logical_or: operator.or_,
    numpy.logical_xor: operator.xor,
    numpy.logical_not: negated,
    numpy.bitwise_and: operator.and_,
    numpy.bitwise_or: operator.or_,
    numpy.bitwise_xor: operator.xor,
    numpy.invert: negated,
}


def on_conditions(ufunc: Any, method: str, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return what a universal function gives for conditions: without deciding them, as long as that is possible.

    They are joined as conditions. Beside Values and floats, and in a sum, they are 1 or 0. Else NumPy gets bools.
    """
    others = [operand for operand in operands if not isinstance(operand, Undecided)]
    if method == "__call__" and not options and ufunc in JOINING and all(map(_is_truth, others)):
        return truths(elementwise(JOINING[ufunc], *map(entries_of, operands)))
    into_objects = all(out is None or out.dtype == object for out in options.get("out", ()))
    counted = ufunc is numpy.add and method == "reduce" and options.get("dtype") is None
    if into_objects and ufunc not in JOINING and (counted or any(map(_is_inexact, others))):
        return apply(ufunc, method, tuple(map(number_of, operands)), options)
    return getattr(ufunc, method)(*map(decided, operands), **options)


def _is_truth(operand: Any) -> bool:
    return isinstance(operand, bool) or getattr(getattr(operand, "dtype", None), "kind", "") == "b"


def _is_inexact(operand: Any) -> bool:
    """Return whether calculations with an operand give Values or floats."""
    return isinstance(operand, (Value, float)) or getattr(getattr(operand, "dtype", None), "kind", "") in ("f", "O")


def _apply(ufunc: Any, method: str, operands: tuple[Any, ...], arrays: list[Any], options: dict[str, Any]) -> Any:
    if method == "at":
        return _at(ufunc, arrays, operands[0])
    outs = options.pop("out", None)
    _set_type_aside(ufunc, options)
    if options.get("where") is True:
        del options["where"]
    if "where" in options:
        options["where"] = _truth(options["where"])
    result = _with_out(ufunc, method, arrays, options, outs) if outs else _call(ufunc, method, arrays, options)
    if "where" in options and isinstance(result, numpy.ndarray) and result.dtype == object and not outs:
        unset = elementwise(lambda entry: entry is None, result).astype(bool)
        result[unset] = 0.0  # NumPy leaves such places as they happen to be
    return result


def base(operand: Any) -> Any:
    """Return an operand as NumPy's own loops take it: no longer of a class that has a say."""
    if isinstance(operand, numpy.ndarray):
        return operand if type(operand) is numpy.ndarray else operand.view(numpy.ndarray)
    if isinstance(operand, (Value, Condition)):
        box = numpy.empty((), object)
        box[()] = operand
        return box
    return operand


def holds_values(array: Any) -> bool:
    """Return whether any element of an array of objects is a Value."""
    return any(isinstance(element, Value) for element in array.ravel().tolist())


def store(target: Any, result: Any) -> None:
    """Put results into an array of any type.

    Raises:
        TypeError: They are Values, and the array has floats.
    """
    if target.dtype != object and holds_values(numpy.asarray(result, dtype=object)):
        raise TypeError(f"an array of {target.dtype} cannot hold Values: {FLOAT_ARRAY_HINT}")
    target.view(numpy.ndarray)[...] = result


def as_objects(array: Any) -> Any:
    """Return an array of objects, which may be the same one."""
    return numpy.asarray(base(array), dtype=object)


def elementwise(function: Function, *operands: Any) -> Any:
    """Apply a function of numbers to the elements of arrays, broadcast."""
    with numpy.errstate(all="ignore"):
        return numpy.frompyfunc(function, len(operands), 1)(*[base(operand) for operand in operands])


def _number(operand: Any, convert: Function) -> Any:
    if isinstance(operand, numpy.ndarray):
        if operand.ndim:
            return None
        operand = operand.item()
    return operand if type(operand) is Value or type(operand) is float else convert(operand)


def _has_axes(operand: Any) -> bool:
    return isinstance(operand, numpy.ndarray) and operand.ndim > 0


def _is_foreign(operand: Any) -> bool:
    """Return whether another library's class has a say, too: a data frame, for example."""
    kind = type(operand)
    if issubclass(kind, (numpy.ndarray, Value, float, int)):
        return False
    return getattr(kind, "__array_ufunc__", None) is not None


def _function(ufunc: Any) -> Function:
    name = ufunc.__name__
    function = PREDICATES.get(name) or FUNCTIONS.get(name) or methods.get(name)
    if ufunc is numpy.bitwise_xor:
        raise refused_power()
    if function is None:
        raise TypeError(
            f"microgrady has no function {name}, which NumPy was to apply to Values: write it with the functions that "
            "microgrady has, or apply it to mg.detach(...) of them where no derivative is meant"
        )
    return function


def _on_numbers(ufunc: Any) -> Function:
    if ufunc in LOGIC:
        return lambda *numbers: ufunc(*map(bool, numbers))
    return OPERATORS.get(ufunc) or _function(ufunc)


def _set_type_aside(ufunc: Any, options: dict[str, Any]) -> None:
    """Drop the options that say of what type the elements are, which are Values whatever they say."""
    for name in ("casting", "order", "subok"):
        options.pop(name, None)
    kind = options.pop("dtype", None)
    if kind is not None and ufunc not in COMPARISONS and ufunc not in LOGIC:
        require_double(kind)


def require_double(kind: Any) -> None:
    """Raise if elements of a type were asked for that Values have not."""
    named = numpy.dtype(getattr(kind, "type", kind))
    if named not in (numpy.dtype(object), numpy.dtype(numpy.float64)):
        raise TypeError(f"Values calculate in float64, not in {named}: leave the dtype out, or take mg.detach first")


def _truth(mask: Any) -> Any:
    mask = base(decided(mask))
    return mask.astype(bool) if isinstance(mask, numpy.ndarray) and mask.dtype == object else mask


def _call(ufunc: Any, method: str, arrays: list[Any], options: dict[str, Any]) -> Any:
    if ufunc in LOGIC:
        return getattr(ufunc, method)(*map(_truth, arrays), **options)
    if ufunc in COMPARISONS and method == "__call__" and recorders and not options:
        return truths(ufunc(*arrays, dtype=object))
    if ufunc in OPERATORS:
        if method == "reduce" and "where" in options:
            options.setdefault("initial", ufunc.identity)  # which NumPy does not assume of objects
        result = getattr(ufunc, method)(*arrays, **options)
        return result if method == "__call__" or numpy.size(arrays[0]) else _with_floats(result)
    if all(set(loop) <= {"O", "-", ">"} for loop in ufunc.types):  # numpy.frompyfunc and numpy.vectorize made it
        return getattr(ufunc, method)(*arrays, **options)
    function = _function(ufunc)
    operation = numpy.frompyfunc(function, ufunc.nin, ufunc.nout)
    if method == "reduce":
        return _reduce(ufunc, operation, arrays[0], **options)
    result = getattr(operation, method)(*arrays, **options)
    if ufunc.__name__ in PREDICATES:
        return truths(result) if isinstance(result, numpy.ndarray) else result
    return result


def _by_operators(ufunc: Any, arrays: list[Any]) -> Any:
    """Quotients and whole powers by NumPy's loops, which take the least time; None where plain numbers would raise."""
    whole = ufunc is numpy.power and isinstance(arrays[1], (int, float)) and float(arrays[1]).is_integer()
    if not whole and ufunc is not numpy.divide:
        return None
    try:
        return ufunc(*arrays)
    except ArithmeticError:
        return None


def _reduce(
    ufunc: Any,
    operation: Any,
    array: Any,
    axis: Any = 0,
    keepdims: bool = False,
    **options: Any,
) -> Any:
    array = as_objects(array)
    if axis is None or isinstance(axis, tuple):
        axes = range(array.ndim) if axis is None else [place % array.ndim for place in axis]
        shape = tuple(1 if place in axes else length for place, length in enumerate(array.shape))
        kept = [place for place in range(array.ndim) if place not in axes]
        lines = array.transpose(*kept, *axes).reshape(*[array.shape[place] for place in kept], -1)
        if "where" in options:
            mask = numpy.broadcast_to(options["where"], array.shape)
            options["where"] = mask.transpose(*kept, *axes).reshape(lines.shape)
        result = _reduce(ufunc, operation, lines, -1, **options)
        return as_objects(result).reshape(shape) if keepdims else result
    if not array.size and "initial" not in options:
        raise ValueError(f"{ufunc.__name__} needs at least one number, but the array has the shape {array.shape}")
    return operation.reduce(array, axis=axis, keepdims=keepdims, **options)


def _with_floats(result: Any) -> Any:
    """NumPy's sum of no elements at all is the int 0."""
    if type(result) is int:
        return float(result)
    if isinstance(result, numpy.ndarray) and result.dtype == object:
        return elementwise(lambda entry: float(entry) if type(entry) is int else entry, result)
    return result


def _with_out(ufunc: Any, method: str, arrays: list[Any], options: dict[str, Any], outs: tuple[Any, ...]) -> Any:
    if "where" in options and method != "reduce":
        buffers = tuple(numpy.array(base(out), dtype=object) for out in outs)
        direct = ufunc in OPERATORS and ufunc not in COMPARISONS
        operation = ufunc if direct else numpy.frompyfunc(_on_numbers(ufunc), ufunc.nin, ufunc.nout)
        getattr(operation, method)(*arrays, out=buffers, **options)
        results = buffers
    elif ufunc in OPERATORS and method == "__call__" and all(out.dtype == object for out in outs):
        ufunc(*arrays, out=tuple(map(base, outs)), **options)
        return outs[0]
    else:
        result = _call(ufunc, method, arrays, options)
        results = result if isinstance(result, tuple) else (result,)
    for out, result in zip(outs, results, strict=True):
        if out is not None:
            store(out, result)
    return outs[0] if len(outs) == 1 else outs


def _at(ufunc: Any, arrays: list[Any], target: Any) -> None:
    buffer = as_objects(arrays[0])
    operation = ufunc if ufunc in OPERATORS else numpy.frompyfunc(_function(ufunc), ufunc.nin, ufunc.nout)
    operation.at(buffer, *arrays[1:])
    if buffer is not arrays[0]:
        store(target, buffer)
