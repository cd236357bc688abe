"""The arguments of a call: the numbers in them, and how they are nested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microgrady.containers import outline, with_types
from microgrady.inputs import as_number, is_array, is_number
from microgrady.trees import Structure, flatten
from microgrady.value import Value


class NotANumberError(TypeError):
    """An argument is not made of numbers."""


class Arguments:
    """The arguments of one call.

    Attributes:
        tree: Those that are numbers, positional and named ones.
        call: Calls the function with others in their place.
        parts: The numbers in order, in floats and arrays.
        shapes: Of each number (None) and array.
        key: Equal for arguments of one structure, with the same static ones.
        values: The Values among them, by their place.
    """

    def __init__(self, tree: Any, static: Any, call: Callable[[Any], Any]) -> None:
        self.tree = tree
        self.call = call
        self.parts: list[Any] = []
        self.shapes: list[tuple[int, ...] | None] = []
        self.values: dict[int, Value] = {}
        self._count = 0
        self.key: tuple[Any, ...] = (self._outline(tree), static)

    def _outline(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is float:
            return self._number(tree)
        if isinstance(tree, dict):
            return (
                outline(tree),
                # 1 and True are one key of a dict, but the function may be given the one or the other.
                *(
                    (name if type(name) is str else with_types(name), self._outline(part))
                    for name, part in tree.items()
                ),
            )
        if isinstance(tree, (list, tuple)):
            return (outline(tree), *map(self._outline, tree))
        if is_array(tree):
            _require_plain(tree)
            if is_numeric(tree):
                self.parts.append(tree)
                self.shapes.append(tree.shape)
                self._count += tree.size
                return tree.shape
        if kind is Value:
            self.values[self._count] = tree
            return self._number(tree._number)
        number = as_number(tree)
        if number is not None:
            return self._number(number)
        # An array of Values, which has its elements one by one; or what is refused with a sentence.
        try:
            numbers, _ = flatten(tree, "an argument of a compiled function")
        except TypeError as error:
            raise NotANumberError(*error.args) from None
        for number in numbers:
            self._outline(number)
        return (object, tree.shape)

    def numbers(self) -> tuple[list[float], Structure]:
        """All numbers one by one, those of Values too, and the structure that takes such a list back."""
        found, structure = flatten(self.tree, "the arguments")
        return [number._number if isinstance(number, Value) else number for number in found], structure

    def _number(self, number: float) -> None:
        self.parts.append(number)
        self.shapes.append(None)
        self._count += 1


def is_argument(thing: Any) -> bool:
    """Whether something is a number or a container that may have numbers in it."""
    return isinstance(thing, (list, tuple, dict, Value)) or is_array(thing) or is_number(thing)


def is_numeric(array: Any) -> bool:
    """Whether float64 holds the elements of a NumPy array, which are no objects."""
    return array.dtype.kind in "fiub" and array.dtype.itemsize <= 8


def _require_plain(array: Any) -> None:
    if type(array).__name__ not in ("ndarray", "memmap", "Array"):
        raise TypeError(
            f"compiled functions take plain NumPy arrays, not {type(array).__name__}, which calculates in its own way: "
            "pass numpy.asarray of it"
        )
    if array.dtype.kind == "f" and not is_numeric(array):
        raise TypeError(f"compiled functions calculate in float64, which {array.dtype} is too wide for")
