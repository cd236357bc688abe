"""Series and DataFrames of pandas among nested arguments: arrays with labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microgrady.containers import Kind, with_types


class Labels:
    """What a Series or DataFrame is but for its numbers: equal for those with the same labels and names.

    Args:
        axes: The index of a Series, the index and the columns of a DataFrame.
        name: That of a Series.
    """

    def __init__(self, axes: Sequence[Any], name: Any) -> None:
        self.axes = tuple(axes)
        self.name = name

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array of numbers."""
        return tuple(map(len, self.axes))

    def _outline(self) -> Any:
        axes = ((type(axis), str(axis.dtype), tuple(axis.names), tuple(axis.tolist())) for axis in self.axes)
        return with_types((self.name, *axes))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and bool(self._outline() == other._outline())

    def __hash__(self) -> int:
        return hash(self._outline())


class _Frames(Kind):
    """Series and DataFrames. What is in one is the array of its numbers.

    A derivative with more axes than that, such as a second one, is a plain array.
    """

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        return None, [container.to_numpy()]

    def rest(self, container: Any) -> Any:
        return Labels(container.axes, getattr(container, "name", None) if container.ndim == 1 else None)

    def make(self, kind: Any, keys: Any, rest: Any, contents: list[Any]) -> Any:
        import numpy

        (numbers,) = contents
        if not isinstance(numbers, numpy.ndarray) or numbers.shape != rest.shape:
            return numbers  # a derivative of an array, which has axes of its own
        numbers = numbers.view(numpy.ndarray)
        if len(rest.axes) == 1:
            made = kind(numbers, index=rest.axes[0], name=rest.name)
        else:
            made = kind(numbers, index=rest.axes[0], columns=rest.axes[1])
        return made if numbers.dtype != object else made.infer_objects()

    def steps(self, keys: Any, count: int) -> list[str]:
        return [""]

    def labels(self, rest: Any) -> list[str] | None:
        if not all(axis.is_unique for axis in rest.axes):
            return None
        if len(rest.axes) == 1:
            return [f"[{label!r}]" for label in rest.axes[0].tolist()]
        rows, columns = (axis.tolist() for axis in rest.axes)
        return [f"[{column!r}][{row!r}]" for row in rows for column in columns]


FRAMES = _Frames()
