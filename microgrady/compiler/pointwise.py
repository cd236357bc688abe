"""A batch without kernels: the function runs for one point after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microgrady.compiler.axes import Axis
from microgrady.compiler.fold import fold
from microgrady.compiler.points import Batch
from microgrady.compiler.results import Results
from microgrady.inputs import same_numbers
from microgrady.trees import Structure, count, flatten, make_array
from microgrady.value import Value, topological_order

SHOWN = 8  # numbers of a point that the note of an error shows


def pointwise(function: Callable[..., Any], batch: Batch, out_axes: Axis, reduce: str | None, name: str) -> Any:
    """Return what a function gives for the points of a batch, in floats or Values.

    Args:
        function: What to run for each point.
        batch: The points. If there are none, the function runs at ones, to show how its results are nested.
        out_axes: Along which axes of the results the points go.
        reduce: "sum" or "mean" to fold the results; None not to.
        name: What messages call the function.

    Raises:
        TypeError: The function returns something that is not a number, or another structure for another point.
        Exception: What the function raises, with a note that says at which point.
    """
    __tracebackhide__ = True
    found: list[list[Any]] = []
    structure: Structure | None = None
    for point in range(batch.count or 1):
        numbers, nested = _numbers_at(function, batch, point, name)
        structure = structure or nested
        require_like(nested, structure, point, 0, name)
        found.append(numbers)
    assert structure is not None
    del found[batch.count :]
    results = Results(structure, out_axes, batch.count, reduce, name)
    if reduce is not None:
        columns = zip(*found, strict=True) if found else [()] * structure.count
        return results.assemble_reduced([fold(column, reduce) for column in columns])
    if results.has_fixed:
        results.require_independent(_differences(found, batch))
    start = 0
    for place, shape in enumerate(structure.shapes):
        stop = start + count(shape)
        entries = [number for numbers in found for number in numbers[start:stop]]
        results.put(place, make_array(entries, (batch.count, *(shape or ()))))
        start = stop
    return results.assemble()


def _numbers_at(function: Callable[..., Any], batch: Batch, point: int, name: str) -> tuple[list[Any], Structure]:
    __tracebackhide__ = True
    args, kwargs = batch.at(point)
    try:
        returned = function(*args, **kwargs)
    except Exception as error:
        note_point(error, batch, point, name)
        raise
    return flatten(returned, f"in vmap of {name}, the result", none=batch.has_none)


def note_point(error: Exception, batch: Batch, point: int, name: str) -> None:
    """Let an error say at which point of a batch it came up: in its message, if that is all it has, and in a note."""
    where = f"at point {batch.first + point}" if batch.count else "at ones, to know what it returns"
    if len(error.args) == 1 and isinstance(error.args[0], str) and str(error) == error.args[0]:
        error.args = (f"{error.args[0]} ({where})",)
    names, numbers = batch.names[:SHOWN], batch.numbers(point)
    shown = ", ".join(f"{label} = {number!r}" for label, number in zip(names, numbers, strict=False))
    more = ", ..." if len(batch.names) > SHOWN else ""
    error.add_note(f"in vmap of {name}, {where}: {shown}{more}")


def _differences(found: list[list[Any]], batch: Batch) -> list[bool]:
    """Return for each number of a result whether it differs from point to point, or its derivative may."""
    values = [entry for numbers in found for entry in numbers if isinstance(entry, Value)]
    columns = [column for column in batch.columns if column is not None and column.dtype == object]
    reached = {id(entry) for column in columns for entry in column.ravel().tolist() if isinstance(entry, Value)}
    for node in topological_order(*values) if reached else ():
        if id(node._left) in reached or id(node._right) in reached:
            reached.add(id(node))
    return [
        any(id(entry) in reached for entry in entries)
        or not same_numbers([_number_in(entries[0])] * len(entries), map(_number_in, entries))
        for entries in zip(*found, strict=True)
    ]


def require_like(found: Structure, first: Structure, point: int, other: int, name: str) -> None:
    """Raise if a result has another structure than that of another point.

    Raises:
        TypeError: It has.
    """
    if found != first:
        raise TypeError(
            f"in vmap of {name}, all points must have results of one structure, but that of point {point} is "
            f"{found!r}, and that of point {other} is {first!r}"
        )


def _number_in(entry: Any) -> float:
    number: float = entry._number if isinstance(entry, Value) else entry
    return number
