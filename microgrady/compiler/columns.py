"""What is divided into the points of a batch: arrays, and what arrays are made of."""

from __future__ import annotations

from typing import Any

from microgrady.compiler.signature import is_numeric
from microgrady.containers import kind_of
from microgrady.inputs import as_number, describe, is_array, is_dask_array, is_number
from microgrady.value import Value


def divisible(tree: Any, where: str, inside: str) -> Any:
    """Return an array of numbers or Values of something, if there is one to make of it.

    Args:
        tree: Something in an argument.
        where: What messages call it.
        inside: How they begin.

    Returns:
        An array of numbers that float64 holds, or of objects if there are Values among them; it may be one of Dask's.
        None for structures, and
        for what is not made of numbers.

    Raises:
        TypeError: It is an array of something else.
        ValueError: It is a list of numbers whose rows differ in length.
    """
    kind = type(tree)
    if is_array(tree):
        return _numeric(tree, where, inside)
    if kind is list:
        kinds = _kinds_of_numbers(tree)
        if kinds is None:
            _require_no_mixture(tree, where, inside)
            return None
        return _array_of_list(tree, Value in kinds, where, inside)
    if is_dask_array(tree):
        require_plain_blocks(tree, where, inside)
        return tree
    if is_scalar(tree) or not hasattr(kind, "__array__"):
        return None
    return _numeric(converted(tree, where), where, inside)


def is_scalar(thing: Any) -> bool:
    """Return whether something is a number or a Value."""
    return type(thing) is Value or is_number(thing)


def require_plain_blocks(array: Any, where: str, inside: str) -> None:
    """Raise if an array of Dask's is not one of numbers in blocks of NumPy's.

    Raises:
        TypeError: It is not.
    """
    blocks = type(array._meta)
    if not (is_array(array._meta) and blocks.__name__ == "ndarray"):
        raise TypeError(f"{inside} the blocks of {where} must be plain NumPy arrays, not {blocks.__name__}")
    if not is_numeric(array):
        raise TypeError(f"{inside} {where} must be an array of real numbers, not of {array.dtype}")


def converted(thing: Any, where: str) -> Any:
    """Return what NumPy makes of something that says how to make an array of it."""
    import numpy

    if type(thing).__module__.partition(".")[0] == "dask":
        raise TypeError(
            f"{where} is a {type(thing).__name__} of Dask's, of which only arrays can be taken: a DataFrame or Series "
            "has to_dask_array(lengths=True)"
        )
    try:
        return numpy.asarray(thing)
    except Exception as error:
        raise TypeError(f"no array can be made of {where}, a {type(thing).__name__}: {error}") from error


def _kinds_of_numbers(tree: list[Any]) -> set[type] | None:
    """Return of which types the numbers and Values in nested lists are; None if there is something else in them."""
    one_of_each = {type(thing): thing for thing in tree}
    kinds = {*one_of_each} - {list}
    if not all(is_scalar(one_of_each[kind]) for kind in kinds):
        return None
    if len(kinds) < len(one_of_each):
        for inner in tree:
            if type(inner) is list:
                found = _kinds_of_numbers(inner)
                if found is None:
                    return None
                kinds |= found
    return kinds


def _require_no_mixture(tree: list[Any], where: str, inside: str) -> None:
    """Raise if there are numbers in a list, and something else that is not made of numbers."""
    if any(map(is_scalar, tree)):
        for place, thing in enumerate(tree):
            if not is_scalar(thing) and not hasattr(type(thing), "__array__") and kind_of(type(thing)) is None:
                raise unsuitable(thing, f"{where}[{place}]", inside)


def unsuitable(thing: Any, where: str, inside: str) -> TypeError:
    """Return what to raise for something that is not made of numbers."""
    return TypeError(
        f"{inside} {where} must be an array, a list of numbers or a structure of these, not {describe(thing)}; what is "
        "not to be calculated with goes into an argument of its own, named in static_argnames"
    )


def _array_of_list(numbers: list[Any], holds_values: bool, where: str, inside: str) -> Any:
    import numpy

    from microgrady.arrays.subclass import entries

    try:
        return entries(numbers, where).view(numpy.ndarray) if holds_values else numpy.array(numbers, numpy.float64)
    except OverflowError:
        raise OverflowError(f"{inside} {where} holds a number that is too large for a float") from None
    except (ValueError, TypeError):
        raise ValueError(f"{inside} {where} is a list of numbers whose rows differ in length") from None


def _numeric(array: Any, where: str, inside: str) -> Any:
    """Return an array, of floats where it is one of objects without Values."""
    if type(array).__name__ not in ("ndarray", "memmap", "Array"):
        raise TypeError(
            f"{inside} {where} must be a plain NumPy array, not a {type(array).__name__}, which calculates in its own "
            "way: pass numpy.asarray of it"
        )
    if is_numeric(array):
        return array
    if array.dtype == object:
        return _of_objects(array, where, inside)
    wide = ", which is wider than float64" if array.dtype.kind == "f" else ""
    raise TypeError(f"{inside} {where} must be an array of real numbers, not of {array.dtype}{wide}")


def _of_objects(array: Any, where: str, inside: str) -> Any:
    import numpy

    entries = array.ravel().tolist()
    for position, entry in enumerate(entries):
        if type(entry) is not Value and type(entry) is not float:
            entries[position] = as_number(entry)
            if entries[position] is None:
                raise TypeError(
                    f"{inside} {where} must be an array of real numbers or Values, but {where}.flat[{position}] is "
                    f"{describe(entry)}"
                )
    if Value in {*map(type, entries)}:
        return numpy.fromiter(entries, object, len(entries)).reshape(array.shape)
    return numpy.array(entries, dtype=numpy.float64).reshape(array.shape)
