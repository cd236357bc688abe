"""Axes: the arguments of a batch taken apart into points, and their results put together."""

from __future__ import annotations

import functools
import numbers
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from microgrady.compiler.signature import Arguments, Place, Signature, is_numeric
from microgrady.containers import Misfit, kind_of
from microgrady.inputs import as_number, describe, is_array, is_number
from microgrady.trees import (
    NOTHING,
    NUMBER,
    Shape,
    Structure,
    array_of,
    container_of,
    refuse_none,
    separate,
)
from microgrady.trees import count as size_of
from microgrady.value import Value

# What in_axes and out_axes say of something: the axis along which its points are, None where there is none, or so much
# of each thing in it.
Axis = Any  # int | None | Nested, which mypy cannot follow through the recursion


class Nested(NamedTuple):
    """What in_axes or out_axes say of a container, thing by thing.

    Attributes:
        kind: The class of the container.
        keys: What its contents are called; None: positions from 0 on.
        children: What is said of each.
    """

    kind: type
    keys: tuple[Any, ...] | None
    children: tuple[Axis, ...]

    def of_contents(self, kind: type | None, keys: tuple[Any, ...] | None, count: int) -> Sequence[Axis] | None:
        """Return what is said of each thing in a container; None if that is another kind of container."""
        if kind is not self.kind or count != len(self.children):
            return None
        if keys == self.keys:
            return self.children
        known = dict(zip(self.keys or (), self.children, strict=True))
        return [known[key] for key in keys or ()] if known.keys() == {*(keys or ())} else None


class Axes:
    """Where the points of a batch are in its arguments and in its results.

    Args:
        in_axes: For the arguments that are given by position: an axis or None for all of them, or a tuple or list of
            what is said of each.
        out_axes: The same of what the function returns.

    Attributes:
        given: The two, as they were given.
        outputs: What is said of the results.

    Raises:
        TypeError: There is something else in them than whole numbers and None.
    """

    def __init__(self, in_axes: Any = 0, out_axes: Any = 0) -> None:
        self.given = in_axes, out_axes
        self._each: tuple[Axis, ...] | None = None
        if isinstance(in_axes, (tuple, list)):
            self._each = tuple(_read_axes(entry, f"in_axes[{place}]") for place, entry in enumerate(in_axes))
        elif in_axes is None or _is_axis(in_axes):
            self._all = None if in_axes is None else operator.index(in_axes)
        else:
            raise TypeError(f"in_axes must be an int, None, or a tuple or list of these, not {describe(in_axes)}")
        self.outputs = _read_axes(out_axes, "out_axes")

    def of(self, place: Place, count: int, name: str) -> Axis:
        """Return what is said of an argument.

        Args:
            place: Where it is given.
            count: How many are given by position.
            name: What messages call the function.
        """
        if isinstance(place, str):
            return 0
        if self._each is None:
            return self._all
        if len(self._each) != count:
            raise ValueError(
                f"in vmap of {name}, in_axes has {_counted(len(self._each), 'entry', 'entries')}, but "
                f"{_counted(count, 'argument is', 'arguments are')} given by position; those that are given by name "
                "are mapped over axis 0"
            )
        return self._each[place]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _is_axis(thing: Any) -> bool:
    return isinstance(thing, numbers.Integral) and not isinstance(thing, bool)


def _read_axes(thing: Any, where: str) -> Axis:
    if thing is None:
        return None
    if _is_axis(thing):
        return operator.index(thing)
    how = None if isinstance(thing, (bool, str)) else kind_of(type(thing))
    if how is None:
        raise TypeError(f"{where} must be an int, None, or a container of these, not {describe(thing)}")
    keys, contents = how.open(thing)
    steps = how.steps(keys, len(contents))
    children = (_read_axes(entry, where + step) for entry, step in zip(contents, steps, strict=True))
    return Nested(type(thing), keys, tuple(children))


class Batch:
    """The arguments of one call, taken apart into points.

    Attributes:
        count: How many points there are.
        arguments: The arguments of one point. Of their parts, those that differ from point to point are zeros.
        columns: For each of these parts None, if it is the same for all points, or an array of its numbers at all
            points, of whatever type float64 holds, with the points along the first axis.
        holds_values: Whether one of these arrays holds Values.
    """

    def __init__(self, signature: Signature, arguments: Arguments, columns: list[Any], count: int) -> None:
        self.count = count
        self.arguments = arguments
        self.columns = columns
        self.holds_values = any(column is not None and column.dtype == object for column in columns)
        self._signature = signature
        self._fixed = [*arguments.parts]  # with their Values

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
    def has_none(self) -> bool:
        """Whether None stands somewhere among the numbers."""
        return any(structure.has_none for structure in self.arguments.structures)

    def entries(self, point: int) -> list[Any]:
        """Return the numbers of a point, in order: floats and Values. Without points they are ones."""
        found: list[Any] = []
        for part, column in zip(self._fixed, self.columns, strict=True):
            if column is not None and not self.count:
                found += [1.0] * size_of(column.shape[1:])
            elif is_array(there := part if column is None else column[point]):
                found += map(_as_entry, there.ravel().tolist())
            else:
                found.append(_as_entry(there))
        return found

    def numbers(self, point: int) -> list[float]:
        """Return the numbers of a point, in order, as floats."""
        return [entry._number if type(entry) is Value else entry for entry in self.entries(point)]

    def parts(self, point: int) -> list[Any]:
        """Return the parts of a point: floats, and arrays of whatever type they came in."""
        if self.count:
            given = zip(self.arguments.parts, self.columns, strict=True)
            parts = [part if column is None else column[point] for part, column in given]
            return [part if is_array(part) else float(part) for part in parts]
        return [part if is_array(part) else 1.0 for part in self.arguments.parts]

    def at(self, point: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a point as the function gets them: those given by position, and those by name."""
        arguments = self.arguments
        args, kwargs = [*arguments.args], {**arguments.kwargs}
        entries = self.entries(point)
        start = 0
        for place, structure in zip(arguments.places, arguments.structures, strict=True):
            stop = start + structure.count
            argument = structure.rebuild(entries[start:stop])
            if isinstance(place, int):
                args[place] = argument
            else:
                kwargs[place] = argument
            start = stop
        return tuple(args), kwargs


def _as_entry(thing: Any) -> Any:
    return thing if type(thing) is Value else float(thing)


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
    """
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
        self._columns: list[Any] = []
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
            raise self._refusal(
                "no argument has an axis with points: in_axes is None for all of them"
                if self._columns or self.arguments.static
                else "there is no argument with points"
            )
        batch = Batch(self._signature, self.arguments, self._columns, self._first[0])
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
        if type(axis) is int and (array := self._as_array(tree, where)) is not None:
            return self._add_column(array, axis, where)
        how = None if _is_scalar(tree) else kind_of(kind)
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
        if not is_array(thing) and not is_number(thing) and hasattr(type(thing), "__array__"):
            thing = _converted(thing, self._signature.name_of(self._place))
        return self._signature.read(self.arguments.are_numeric, self._place, self._argument, thing)

    def _as_array(self, tree: Any, where: str) -> Any:
        """Return what is to be divided into points as an array of numbers or Values; None for other things."""
        kind = type(tree)
        if kind is list:
            kinds = _kinds_of_numbers(tree)
            if kinds is not None:
                return self._array_of_list(tree, Value in kinds, where)
            self._require_no_mixture(tree, where)
            return None
        if is_array(tree):
            return self._numeric(tree, where)
        if _is_scalar(tree) or not hasattr(kind, "__array__"):
            return None
        return self._numeric(_converted(tree, where), where)

    def _require_no_mixture(self, tree: list[Any], where: str) -> None:
        """Raise if there are numbers in a list, and something else that is not made of numbers."""
        if any(map(_is_scalar, tree)):
            for place, thing in enumerate(tree):
                if not _is_scalar(thing) and not hasattr(type(thing), "__array__") and kind_of(type(thing)) is None:
                    raise self._misplaced(thing, 0, f"{where}[{place}]")

    def _array_of_list(self, numbers: list[Any], holds_values: bool, where: str) -> Any:
        import numpy

        from microgrady.arrays.subclass import entries

        try:
            return entries(numbers, where).view(numpy.ndarray) if holds_values else numpy.array(numbers, numpy.float64)
        except OverflowError:
            raise OverflowError(f"{self._inside} {where} holds a number that is too large for a float") from None
        except (ValueError, TypeError):
            raise self._refusal(f"{where} is a list of numbers whose rows differ in length") from None

    def _numeric(self, array: Any, where: str) -> Any:
        """Return an array, of floats where it is one of objects without Values."""
        import numpy

        if type(array).__name__ not in ("ndarray", "memmap", "Array"):
            raise TypeError(
                f"{self._inside} {where} must be a plain NumPy array, not a {type(array).__name__}, which calculates "
                "in its own way: pass numpy.asarray of it"
            )
        if array.dtype != object:
            if is_numeric(array):
                return array.view(numpy.ndarray)
            wide = ", which is wider than float64" if array.dtype.kind == "f" else ""
            raise TypeError(f"{self._inside} {where} must be an array of real numbers, not of {array.dtype}{wide}")
        entries = array.ravel().tolist()
        for position, entry in enumerate(entries):
            if type(entry) is not Value and type(entry) is not float:
                entries[position] = as_number(entry)
                if entries[position] is None:
                    raise TypeError(
                        f"{self._inside} {where} must be an array of real numbers or Values, but {where}.flat"
                        f"[{position}] is {describe(entry)}"
                    )
        if Value in {*map(type, entries)}:
            return numpy.fromiter(entries, object, len(entries)).reshape(array.shape)
        return numpy.array(entries, dtype=numpy.float64).reshape(array.shape)

    def _add_column(self, array: Any, axis: int, where: str) -> Structure:
        import numpy

        if not array.ndim:
            raise self._misplaced(array.item(), axis, where)
        if not -array.ndim <= axis < array.ndim:
            raise self._refusal(f"{where} has no axis {axis}, as its shape is {array.shape}")
        column = numpy.moveaxis(array, axis, 0)
        if self._first is None:
            self._first = len(column), where, axis
        elif len(column) != self._first[0]:
            count, other, along = self._first
            raise self._refusal(
                f"all arguments must have as many points, but {other} has {count} along axis {along} and {where} has "
                f"{len(column)} along axis {axis}"
            )
        self._columns.append(column)
        rest = column.shape[1:]
        if not rest:
            self.arguments.parts.append(0.0)
            return NUMBER
        self.arguments.parts.append(numpy.broadcast_to(0.0, rest))
        self.arguments.are_numeric.append(True)
        return array_of(rest)

    @property
    def _inside(self) -> str:
        return f"in vmap of {self._signature.name},"

    def _refusal(self, sentence: str) -> ValueError:
        return ValueError(f"{self._inside} {sentence}")

    def _misplaced(self, thing: Any, axis: Axis, where: str) -> Exception:
        """Return what to raise for something that has no such axis or contents as in_axes say."""
        if type(axis) is not int:
            return self._refusal(
                f"in_axes for {where} is a {axis.kind.__name__} of {len(axis.children)}, but {where} is another "
                f"structure: {describe(thing)}"
            )
        if not _is_scalar(thing):
            return TypeError(
                f"{self._inside} {where} must be an array, a list of numbers or a structure of these, not "
                f"{describe(thing)}"
            )
        cure = "None in in_axes makes it the same for all points"
        if isinstance(self._place, str):
            cure = f"give {self._place} by position, with None in in_axes, to have it the same for all points"
        return self._refusal(f"{where} is one number, {describe(thing)}, which has no axis {axis}: {cure}")


def _is_scalar(thing: Any) -> bool:
    return type(thing) is Value or is_number(thing)


def _converted(thing: Any, where: str) -> Any:
    """Return what NumPy makes of something that says how to make an array of it."""
    import numpy

    try:
        return numpy.asarray(thing)
    except Exception as error:
        raise TypeError(f"no array can be made of {where}, a {type(thing).__name__}: {error}") from error


def _kinds_of_numbers(tree: list[Any]) -> set[type] | None:
    """Return of which types the numbers and Values in nested lists are; None if there is something else in them."""
    one_of_each = {type(thing): thing for thing in tree}
    kinds = {*one_of_each} - {list}
    if not all(_is_scalar(one_of_each[kind]) for kind in kinds):
        return None
    if len(kinds) < len(one_of_each):
        for inner in tree:
            if type(inner) is list:
                found = _kinds_of_numbers(inner)
                if found is None:
                    return None
                kinds |= found
    return kinds


class Results:
    """The results of a batch, in their places.

    Args:
        structure: That of what the function returns for one point.
        out_axes: Along which axes the points go, as `Axes.outputs` has it.
        count: How many points there are.
        reduced: "sum" or "mean" if they are folded; None if not.
        name: What messages call the function.

    Attributes:
        structure: The structure.
        arrays: An array for each part of the structure, with the points along the axis that is asked for; none if the
            results are folded.

    Raises:
        ValueError: The results have no such axes or another structure.
        TypeError: Sparse matrices would have to be put into one array.
    """

    def __init__(self, structure: Structure, out_axes: Axis, count: int, reduced: str | None, name: str) -> None:
        self.arrays: list[Any] = []
        self.structure = structure
        self._axes: list[int | None] = []
        self._name = name
        self._count = count
        if reduced is None:
            self._spread(structure, out_axes, f"the result of {name}")
            self._allocate()

    def _spread(self, structure: Structure, axis: Axis, where: str) -> None:
        """Note the axis of each part of a structure."""
        if structure.kind is None:
            shape = structure.shape or ()
            if isinstance(axis, Nested) or (axis is not None and not -len(shape) - 1 <= axis <= len(shape)):
                raise self._misplaced(structure, axis, where)
            self._axes.append(None if axis is None else axis % (len(shape) + 1))
            return
        if structure is NOTHING:
            return
        if hasattr(structure.rest, "indptr"):
            raise TypeError(
                f"vmap of {self._name} would have to put the sparse matrices of all points into one array: let "
                f"{where} be dense, or fold them with reduce"
            )
        count = len(structure.children)
        axes = axis.of_contents(structure.kind, structure.keys, count) if isinstance(axis, Nested) else [axis] * count
        if axes is None:
            raise self._misplaced(structure, axis, where)
        for child, each, step in zip(structure.children, axes, structure.steps(), strict=True):
            self._spread(child, each, where + step)

    def _misplaced(self, structure: Structure, axis: Axis, where: str) -> ValueError:
        if isinstance(axis, Nested):
            given = f"is a {axis.kind.__name__} of {len(axis.children)}"
            return ValueError(
                f"in vmap of {self._name}, out_axes for {where} {given}, but that is another structure: {structure!r}"
            )
        axes = len(structure.shape or ()) + 1
        return ValueError(
            f"in vmap of {self._name}, out_axes asks for axis {axis} of {where}, which has "
            f"{_counted(axes, 'axis', 'axes')} with that of the points"
        )

    def _allocate(self) -> None:
        import numpy

        self._columns = []  # views of the arrays with the points first
        for shape, axis in zip(self.structure.shapes, self._axes, strict=True):
            rest, first = shape or (), axis or 0
            array = _new_array((*rest[:first], self._count, *rest[first:]))
            self.arrays.append(array)
            self._columns.append(numpy.moveaxis(array, first, 0))

    @property
    def columns(self) -> list[tuple[int, int]]:
        """For each number of a result where that of the first point is, and how many bytes on the next one."""
        import numpy

        found: list[tuple[int, int]] = []
        for column in self._columns if self.arrays else ():
            places = numpy.array(column.__array_interface__["data"][0])
            for length, stride in zip(column.shape[1:], column.strides[1:], strict=True):
                places = numpy.add.outer(places, numpy.arange(length) * stride)
            found += [(place, column.strides[0]) for place in places.ravel().tolist()]
        return found

    @property
    def has_fixed(self) -> bool:
        """Whether a result is asked for without an axis: as it is for all points."""
        return None in self._axes

    def put(self, place: int, column: Any) -> None:
        """Put the numbers of one part in their place: an array with the points along its first axis."""
        if column.dtype != object:
            self._columns[place][...] = column
            return
        import numpy

        from microgrady.arrays.subclass import wrapped

        self.arrays[place] = wrapped(numpy.moveaxis(column.view(numpy.ndarray), 0, self._axes[place] or 0).copy())

    def require_independent(self, depends: Sequence[bool]) -> None:
        """Raise if a result is asked for without an axis that differs from point to point.

        Args:
            depends: For each number of a result whether it may differ.

        Raises:
            ValueError: One does.
        """
        start = 0
        names = self.structure.leaf_names(f"the result of {self._name}")
        for column, axis in zip(self._columns if self.arrays else (), self._axes, strict=False):
            stop = start + size_of(column.shape[1:])
            if axis is None and any(depends[start:stop]):
                raise ValueError(
                    f"in vmap of {self._name}, out_axes is None for {names[start]}, which differs from point to point"
                )
            start = stop

    def assemble(self) -> Any:
        """Return the arrays in the structure of a result."""
        return self.structure.assemble(
            array if axis is not None else _first(array) for array, axis in zip(self.arrays, self._axes, strict=True)
        )

    def assemble_reduced(self, numbers: Sequence[float]) -> Any:
        """Return numbers in the structure of a result, as the function returns it for one point."""
        return self.structure.rebuild(numbers)


HUGE = 1 << 21  # bytes of the larger pages that processors know
LARGE = 1 << 22  # bytes from which on NumPy asks the system for such pages


def _new_array(shape: tuple[int, ...]) -> Any:
    """Return an array that is not filled: a large one on whole large pages, which the system has sooner at hand."""
    import numpy

    size = size_of(shape)
    if 8 * size < LARGE:
        return numpy.empty(shape)
    room = numpy.empty((-(-8 * size // HUGE) + 1) * HUGE // 8)
    start = -room.__array_interface__["data"][0] % HUGE // 8
    return room[start : start + size].reshape(shape)


def _first(array: Any) -> Any:
    import numpy

    if array.ndim == 1:
        return array[:1].tolist()[0] if len(array) else numpy.nan
    return array[0].copy() if len(array) else numpy.full(array.shape[1:], numpy.nan)
