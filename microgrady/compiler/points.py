"""The arguments of a batch, taken apart into points."""

from __future__ import annotations

import functools
from typing import Any

from microgrady.compiler.axes import Axes, Axis
from microgrady.compiler.columns import converted, divisible, is_scalar, require_plain_blocks, unsuitable
from microgrady.compiler.signature import Arguments, Place, Signature
from microgrady.containers import Misfit, kind_of
from microgrady.inputs import describe, is_array, is_dask_array, is_number
from microgrady.trees import NOTHING, NUMBER, Shape, Structure, array_of, container_of, refuse_none, separate
from microgrady.trees import count as size_of
from microgrady.value import Value


class Batch:
    """The arguments of one call, taken apart into points.

    Attributes:
        count: How many points there are.
        arguments: The arguments of one point. Of their parts, those that differ from point to point are zeros.
        columns: For each of these parts None, if it is the same for all points, or an array of its numbers at all
            points, of whatever type float64 holds, with the points along the first axis.
        holds_values: Whether one of these arrays holds Values.
        is_lazy: Whether there are arrays of Dask's among the parts or the columns. The number of points is then nan if
            they do not know it.
        first: Which point of a larger batch the first one is.
    """

    def __init__(
        self, signature: Signature, arguments: Arguments, columns: list[Any], count: int, first: int = 0
    ) -> None:
        self.count = count
        self.first = first
        self.is_lazy = False
        self.arguments = arguments
        self.columns = columns
        self.holds_values = any(column is not None and column.dtype == object for column in columns)
        self._signature = signature
        self._fixed = [*arguments.parts]  # with their Values

    @property
    def function_name(self) -> str:
        """What messages call the function."""
        return self._signature.name

    @property
    def values(self) -> dict[int, Value]:
        """The Values among what is the same for all points, by their position among the numbers of a point."""
        return self.arguments.values

    @functools.cached_property
    def names(self) -> list[str]:
        """What guards call the numbers of a point."""
        given = zip(self.arguments.places, self.arguments.structures, strict=True)
        return [name for place, structure in given for name in structure.leaf_names(self._signature.name_of(place))]

    @functools.cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of each part of a point: None for a number."""
        return tuple(part.shape if is_array(part) else None for part in self.arguments.parts)

    @property
    def batched(self) -> tuple[bool, ...]:
        """For each number of a point whether each point has its own."""
        given = zip(self.shapes, self.columns, strict=True)
        return tuple(column is not None for shape, column in given for _ in range(size_of(shape)))

    @property
    def has_none(self) -> bool:
        """Whether None stands somewhere among the numbers."""
        return any(structure.has_none for structure in self.arguments.structures)

    def entries(self, point: int) -> list[Any]:
        """Return the numbers of a point, in order: floats and Values. Without points they are ones."""
        found: list[Any] = []
        for fixed, column in zip(self._fixed_entries, self.columns, strict=True):
            if fixed is not None:
                found += fixed
            else:
                found += _entries(column[point]) if self.count else [1.0] * size_of(column.shape[1:])
        return found

    @functools.cached_property
    def _fixed_entries(self) -> list[list[Any] | None]:
        """The numbers of each part that is the same for all points; None for the others."""
        parts = zip(self._fixed, self.columns, strict=True)
        return [_entries(part) if column is None else None for part, column in parts]

    def numbers(self, point: int) -> list[float]:
        """Return the numbers of a point, in order, as floats."""
        return [entry._number if type(entry) is Value else entry for entry in self.entries(point)]

    def at(self, point: int) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a point as the function gets them: those given by position, and those by name."""
        return self.arguments.with_numbers(self.entries(point))


def _entries(part: Any) -> list[Any]:
    """Return the numbers in a part of the arguments: floats and Values."""
    entries = part.ravel().tolist() if is_array(part) else [part]
    return [entry if type(entry) is Value else float(entry) for entry in entries]


def batch_of(
    signature: Signature, axes: Axes, args: tuple[Any, ...], kwargs: dict[str, Any], differentiate: bool = False
) -> Batch:
    """Take the arguments of one call apart into points.

    Args:
        signature: That of the function.
        axes: Where the points are.
        args: The arguments that are given by position.
        kwargs: Those that are given by name.
        differentiate: Whether the derivatives by the Values among them are asked for, besides the value.

    Raises:
        TypeError: An argument is not made of numbers.
        ValueError: It has no such axis, or arguments have different numbers of points, or none has any.
        ImportError: NumPy is not installed.
    """
    try:
        import numpy  # noqa: F401
    except ImportError as error:
        raise ImportError('vmap needs NumPy: pip install "microgrady[jit]"') from error
    reader = _Reader(signature, args, kwargs)
    given: list[tuple[Place, Any]] = [*enumerate(args), *kwargs.items()]
    for place, argument in given:
        axis = axes.of(place, len(args), signature.name)
        if signature.is_static(place):
            signature.add_static(reader.arguments, place, argument)
        else:
            reader.add(place, argument, axis)
    return reader.batch(differentiate)


class _Reader:
    """What takes the arguments of one call apart."""

    def __init__(self, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.arguments = Arguments(args, kwargs)
        self._signature = signature
        self._inside = f"in vmap of {signature.name},"
        self._columns: list[Any] = []
        self._is_lazy = False
        self._first: tuple[int, str, int] | None = None  # the number of points in what, along which axis of it
        self._place: Place = 0
        self._argument: Any = None

    def add(self, place: Place, argument: Any, axis: Axis) -> None:
        """Add an argument that is not static, with its points along an axis."""
        self._place, self._argument = place, argument
        where = self._signature.name_of(place)
        try:
            structure = self._collect(argument, axis, where)
            if structure.has_none:
                refuse_none(structure, self._read_fixed, structure.shapes != ())
        except Misfit as misfit:
            raise misfit.located(where) from misfit.__cause__
        except RecursionError as error:
            raise RecursionError(f"{where} holds itself, or is nested too deep") from error
        self.arguments.places.append(place)
        self.arguments.structures.append(structure)

    def batch(self, differentiate: bool) -> Batch:
        """Return the batch, when all arguments have been added."""
        if self._first is None:
            if self._columns:
                raise self._refusal("no argument has an axis with points: in_axes is None for all of them")
            if self.arguments.static:
                raise self._refusal("no argument has an axis with points: all of them are static")
            raise self._refusal("there is no argument with points")
        batch = Batch(self._signature, self.arguments, self._columns, self._first[0])
        batch.is_lazy = self._is_lazy
        self.arguments.complete(differentiate)
        return batch

    def _collect(self, tree: Any, axis: Axis, where: str) -> Structure:
        """Return the structure that a tree has at one point, and add what is in it."""
        if axis is None:
            parts, structure = separate(tree, where, self._read_fixed)
            self.arguments.parts += parts
            self._columns += [None] * len(parts)
            return structure
        if tree is None:
            return NOTHING
        kind = type(tree)
        if type(axis) is int and (array := divisible(tree, where, self._inside)) is not None:
            return self._add_column(array, axis, where)
        how = None if is_scalar(tree) else kind_of(kind)
        if how is None:
            raise self._misplaced(tree, axis, where)
        if hasattr(tree, "indptr"):
            raise TypeError(f"{self._inside} {where} is a sparse matrix, which has no axis of points: pass toarray()")
        keys, contents = how.open(tree)
        axes = [axis] * len(contents) if type(axis) is int else axis.of_contents(kind, keys, len(contents))
        if axes is None:
            raise self._misplaced(tree, axis, where)
        steps = how.steps(keys, len(contents))
        children = [
            self._collect(branch, each, where + step) for branch, each, step in zip(contents, axes, steps, strict=True)
        ]
        try:
            return container_of(tree, keys, children)
        except Misfit as misfit:
            raise misfit.located(where) from misfit.__cause__

    def _read_fixed(self, thing: Any) -> tuple[list[Any], Structure]:
        """Read what is the same for all points."""
        if is_dask_array(thing):
            require_plain_blocks(thing, self._signature.name_of(self._place), self._inside)
            self._is_lazy = True
            self.arguments.are_numeric.append(True)
            return [thing], self._array_of(thing.shape, self._signature.name_of(self._place))
        if not is_array(thing) and not is_number(thing) and hasattr(type(thing), "__array__"):
            thing = converted(thing, self._signature.name_of(self._place))
        return self._signature.read(self.arguments.are_numeric, self._place, self._argument, thing)

    def _add_column(self, array: Any, axis: int, where: str) -> Structure:
        if not array.ndim and is_array(array):
            raise self._misplaced(array.item(), axis, where)
        if not -array.ndim <= axis < array.ndim:
            raise self._refusal(f"{where} has no axis {axis}, as its shape is {array.shape}")
        column = array
        if axis:
            import numpy

            column = numpy.moveaxis(array, axis, 0)
        self._is_lazy = self._is_lazy or not is_array(array)
        found = column.shape[0]
        if self._first is None:
            self._first = found, where, axis
        elif found != self._first[0] and not (found != found and self._first[0] != self._first[0]):
            count, other, along = self._first
            raise self._refusal(
                f"all arguments must have as many points, but {other} has {_amount(count)} along axis {along} and "
                f"{where} has {_amount(found)} along axis {axis}"
            )
        self._columns.append(column)
        rest = column.shape[1:]
        if not rest:
            self.arguments.parts.append(0.0)
            return NUMBER
        structure = self._array_of(rest, where)
        self.arguments.parts.append(_zeros(rest))
        self.arguments.are_numeric.append(True)
        return structure

    def _array_of(self, shape: tuple[int, ...], where: str) -> Structure:
        if any(length != length for length in shape):
            raise self._refusal(
                f"Dask must know the shape of {where} at a point: call its compute_chunk_sizes() before"
            )
        return array_of(shape)

    def _refusal(self, sentence: str) -> ValueError:
        return ValueError(f"{self._inside} {sentence}")

    def _misplaced(self, thing: Any, axis: Axis, where: str) -> Exception:
        """Return what to raise for something that has no such axis or contents as in_axes say."""
        if type(axis) is not int:
            return self._refusal(
                f"in_axes for {where} is a {axis.kind.__name__} of {len(axis.children)}, but {where} is another "
                f"structure: {describe(thing)}"
            )
        if not is_scalar(thing):
            return unsuitable(thing, where, self._inside)
        cure = "None in in_axes makes it the same for all points"
        if isinstance(self._place, str):
            cure = f"give {self._place} by position, with None in in_axes, to have it the same for all points"
        return self._refusal(f"{where} is one number, {describe(thing)}, which has no axis {axis}: {cure}")


def _amount(count: float) -> str:
    """Return how many points there are, in words; it is nan where Dask does not know."""
    return str(count) if count == count else "an unknown number (call its compute_chunk_sizes() before)"


@functools.lru_cache(maxsize=256)
def _zeros(shape: tuple[int, ...]) -> Any:
    """Return what stands for the array that each point has."""
    import numpy

    return numpy.broadcast_to(0.0, shape)
