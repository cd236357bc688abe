"""The results of a batch, put together in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microgrady.compiler.axes import Axis, Nested, counted
from microgrady.trees import NOTHING, Structure
from microgrady.trees import count as size_of


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
        axes: That axis for each of them; None for what is asked for once.

    Raises:
        ValueError: The results have no such axes or another structure.
        TypeError: Sparse matrices would have to be put into one array.
    """

    def __init__(self, structure: Structure, out_axes: Axis, count: int, reduced: str | None, name: str) -> None:
        self.arrays: list[Any] = []
        self.structure = structure
        self.axes: list[int | None] = []
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
            self.axes.append(None if axis is None else axis % (len(shape) + 1))
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
            f"{counted(axes, 'axis', 'axes')} with that of the points"
        )

    def _allocate(self) -> None:
        import numpy

        from microgrady.compiler.large_arrays import new_array

        self._columns = []  # views of the arrays with the points first
        for shape, axis in zip(self.structure.shapes, self.axes, strict=True):
            rest, first = shape or (), axis or 0
            array = new_array((*rest[:first], self._count, *rest[first:]))
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
        """Whether a result of some points is asked for without an axis: as it is for all of them."""
        return None in self.axes and self._count > 0

    def put(self, place: int, column: Any) -> None:
        """Put the numbers of one part in their place: an array with the points along its first axis."""
        if column.dtype != object:
            self._columns[place][...] = column
            return
        import numpy

        from microgrady.arrays.subclass import wrapped

        self.arrays[place] = wrapped(numpy.moveaxis(column.view(numpy.ndarray), 0, self.axes[place] or 0).copy())

    def require_independent(self, depends: Sequence[bool]) -> None:
        """Raise if a result is asked for without an axis that differs from point to point.

        Args:
            depends: For each number of a result whether it may differ.

        Raises:
            ValueError: One does.
        """
        start = 0
        names = self.structure.leaf_names(f"the result of {self._name}")
        for column, axis in zip(self._columns if self.arrays else (), self.axes, strict=False):
            stop = start + size_of(column.shape[1:])
            if axis is None and any(depends[start:stop]):
                raise ValueError(
                    f"in vmap of {self._name}, out_axes is None for {names[start]}, which differs from point to point"
                )
            start = stop

    def differences(self) -> list[bool]:
        """Return for each number of a result whether it differs from point to point."""
        import numpy

        found: list[bool] = []
        for column in self._columns:
            numbers = column.reshape(self._count, size_of(column.shape[1:]))
            same = (numbers == numbers[:1]) | (numpy.isnan(numbers) & numpy.isnan(numbers[:1]))
            found += (~same.all(0)).tolist()
        return found

    def assemble(self) -> Any:
        """Return the arrays in the structure of a result."""
        return self.structure.assemble(self.parts())

    def parts(self) -> list[Any]:
        """Return the arrays, and what is asked for once."""
        given = zip(self.arrays, self.axes, strict=True)
        return [array if axis is not None else _first(array) for array, axis in given]

    def assemble_reduced(self, numbers: Sequence[float]) -> Any:
        """Return numbers in the structure of a result, as the function returns it for one point."""
        return self.structure.rebuild(numbers)


def _first(array: Any) -> Any:
    import numpy

    if array.ndim == 1:
        return array[:1].tolist()[0] if len(array) else numpy.nan
    return array[0].copy() if len(array) else numpy.full(array.shape[1:], numpy.nan)
