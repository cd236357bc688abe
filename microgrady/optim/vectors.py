"""Nested arguments as one vector of float64, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from microgrady.containers import Misfit
from microgrady.inputs import is_array, require_numpy
from microgrady.trees import Structure, array_of, count, read_numbers, separate
from microgrady.value import Value

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Vector = NDArray[float64]


def vector_of(tree: Any, what: str, values: bool = False) -> tuple[Vector, Structure]:
    """Return a new vector of the numbers in a nested argument, in the order of `flatten`, and its structure.

    Args:
        tree: It.
        what: What it is, for messages.
        values: Whether leaf Values stand for their numbers.

    Raises:
        TypeError: Something in it is not a number, or is a Value that does not stand for its number.
        ValueError: There are no numbers in it.
    """
    numpy = require_numpy("optim")
    parts, structure = separate(tree, what, _whole)
    if not structure.count:
        raise ValueError(f"there are no numbers in {what}")
    if Value in {*map(type, parts)}:
        parts = [_number_of(part, what, values) for part in parts]
    if None in {*structure.shapes} and len({*structure.shapes}) == 1:
        return numpy.array(parts, dtype=numpy.float64), structure
    return numpy.concatenate([numpy.ravel(part) for part in parts], dtype=numpy.float64), structure


def _whole(thing: Any) -> tuple[list[Any], Structure]:
    """Read an array of floats as it is, and anything else number by number."""
    if is_array(thing) and thing.dtype.kind in "fiub":
        return [thing], array_of(thing.shape)
    numbers, structure = read_numbers(thing)
    if structure.shape is None:
        return numbers, structure
    if Value in {*map(type, numbers)}:
        raise Misfit("{} is an array of Values: take mg.detach of it for one of numbers")
    return [require_numpy("optim").array(numbers)], structure


def _number_of(part: Any, what: str, values: bool) -> Any:
    if not isinstance(part, Value):
        return part
    if values and part.op is None:
        return part.data
    raise TypeError(
        f"{what} must be numbers, but there is {part!r} in it: an optimiser is not differentiated, "
        "and mg.detach leaves derivatives out on purpose"
    )


def nested_of(vector: Vector, structure: Structure) -> Any:
    """Return numbers in a structure: the opposite of `vector_of`. Arrays look into the vector."""
    return structure.assemble(_parts_of(vector, structure))


def _parts_of(vector: Vector, structure: Structure) -> list[Any]:
    """Return the floats and arrays that a vector has for a structure."""
    if {*structure.shapes} == {None}:
        return list(vector.tolist())
    parts: list[Any] = []
    start = 0
    for shape in structure.shapes:
        stop = start + count(shape)
        parts.append(float(vector[start]) if shape is None else vector[start:stop].reshape(shape))
        start = stop
    return parts


def vector_like(tree: Any, structure: Structure, what: str, whole: str, values: bool = False) -> Vector:
    """Return the numbers of something with the structure of something else, in the order of that.

    Raises:
        TypeError: Something in it is not a number.
        ValueError: It has another structure than `whole`.
    """
    vector, other = vector_of(tree, what, values)
    if other == structure:
        return vector
    order = structure.order_in(other)
    if order is None:
        raise ValueError(f"{what} must have the structure of {whole}, {structure!r}, but has {other!r}")
    return vector[list(order)]


def apply_updates(params: Any, updates: Any) -> Any:
    """Return parameters that an optimiser's updates are added to.

    Args:
        params: Numbers, leaf Values and arrays, nested in lists, tuples, dicts and registered classes.
        updates: The updates, in the same structure, as an optimiser's `update` returns them.

    Returns:
        The same with new floats, new leaf Values with the old labels, and new float64 arrays; None stays None.
        `params` are as they were.

    Raises:
        TypeError: Something in one of them is not a number.
        ValueError: The two have different structures.

    Example:
        >>> import microgrady as mg
        >>> mg.optim.apply_updates({"w": [1.0, 2.0], "b": 3.0}, {"w": [0.5, 0.25], "b": -1.0})
        {'w': [1.5, 2.25], 'b': 2.0}
    """
    numpy = require_numpy("optim.apply_updates")
    numbers, structure = vector_of(params, "the parameters", values=True)
    updated = vector_like(updates, structure, "the updates", "the parameters")
    with numpy.errstate(all="ignore"):
        updated += numbers
    old, _ = separate(params, "the parameters", _whole)
    pairs = zip(old, _parts_of(updated, structure), strict=True)
    return structure.assemble([Value(part, was.label) if isinstance(was, Value) else part for was, part in pairs])
