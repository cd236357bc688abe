"""The numbers of a nested argument that an optimiser of flat arrays varies, and their bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from microgrady.containers import kind_of
from microgrady.inputs import as_number, describe, is_array
from microgrady.nn.module import Module
from microgrady.trees import NUMBER, Structure, array_of, flatten
from microgrady.value import Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[Any]

Pair: TypeAlias = tuple[float, float]
FREE: Pair = (-math.inf, math.inf)


class Variables:
    """The variables in a nested argument: an array of them is a point, and can be put into the argument's structure.

    A Value that stands in several places is one variable. Numbers of a Module that are not Values are none.

    Args:
        argument: The argument.

    Attributes:
        start: The numbers that the variables have in it.
        names: How to write each of them, where it stands first.
        leaves: The Values that the variables are; None for floats.
        places: For each number of the argument which variable it is; None if it is none.
        structure: That of the argument.

    Raises:
        TypeError: Something in the argument is not a number.
        ValueError: There is nothing to vary, a number is nan or infinite, or a Value is the result of an operation.
    """

    def __init__(self, argument: Any) -> None:
        self._numbers, self.structure = flatten(argument, "x0")
        names = self.structure.leaf_names("x0")
        known: dict[int, int] = {}  # the place of a Value that has been met
        self.places: list[int | None] = []
        self.start: list[float] = []
        self.names: list[str] = []
        self.leaves: list[Value | None] = []
        for number, name, is_free in zip(self._numbers, names, _are_free(self.structure), strict=True):
            value = number if isinstance(number, Value) else None
            if value is None and not is_free:
                self.places.append(None)
                continue
            place = known.get(id(value), len(self.start))
            self.places.append(place)
            if place == len(self.start):
                if value is not None:
                    known[id(value)] = place
                self.start.append(_starting(number, name))
                self.names.append(name)
                self.leaves.append(value)
        if not self.start:
            raise ValueError(f"x0 has no numbers that can be varied: it is {describe(argument)}")
        self._is_array = self.structure == array_of((len(self.start),))

    def argument(self, point: Vector) -> Any:
        """Return the argument with the numbers of a point, floats or Values, in it."""
        return point if self._is_array else self.filled(point.tolist())

    def filled(self, numbers: Sequence[Any]) -> Any:
        """Return the argument with these numbers as its variables."""
        return self._with(numbers, self._numbers)

    def slopes(self, gradient: Vector) -> Any:
        """Return derivatives in the structure of the argument: 0 for numbers that are not varied."""
        return self._with(gradient.tolist(), [0.0] * len(self.places))

    def _with(self, numbers: Sequence[Any], others: Sequence[Any]) -> Any:
        pairs = zip(self.places, others, strict=True)
        return self.structure.rebuild([other if place is None else numbers[place] for place, other in pairs])

    def assign(self, numbers: list[float]) -> None:
        """Assign the numbers of a point to the Values among the variables, if none of them is nan or infinite."""
        if all(map(math.isfinite, numbers)):
            for leaf, number in zip(self.leaves, numbers, strict=True):
                if leaf is not None:
                    leaf.data = number

    def bounds(self, tree: Any) -> list[Pair]:
        """Return the lower and the upper bound of each variable.

        Args:
            tree: A pair of numbers or None (for no bound) for each number, in the structure of the argument; one pair,
                or None, for all in a part of it. Keys of a dict can be left out. Or a list of pairs, one for each
                number in order, as SciPy has it.

        Raises:
            TypeError: Something there is not a pair.
            ValueError: There are bounds for what the argument has not, or a lower bound is above the upper one.
        """
        flat = isinstance(tree, (list, tuple)) or (is_array(tree) and tree.ndim > 0)
        if flat and len(tree) == self.structure.count and all(each is None or _is_pair(each) for each in tree):
            found = [_pair(each) for each in tree]
        else:
            found = list(_bounds(tree, self.structure, "bounds"))
        result = [FREE] * len(self.start)
        for place, (low, high) in zip(self.places, found, strict=True):
            if place is None:
                continue
            least, most = result[place]
            if not (low <= high and low <= most and least <= high):  # the former of one number, the latter of two
                name = self.names[place]
                raise ValueError(
                    f"the lower bound of {name} must not be above the upper one, but they are {low} and {high}"
                )
            result[place] = max(least, low), min(most, high)
        return result


def _starting(number: Any, name: str) -> float:
    """Return a number to start at."""
    if isinstance(number, Value):
        if number._primitive is not None:
            raise ValueError(
                f"{name} is the result of {number._primitive.name}, which cannot be varied: start at its .data, or at "
                "the Values that it is made of"
            )
        number = number._number
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite to start there, but is {number}")
    return float(number)


def _are_free(structure: Structure, in_module: bool = False) -> Iterator[bool]:
    """Yield for each number whether it is varied though it is not a Value: it is if it is not in a Module."""
    if structure.kind is None:
        yield from [not in_module] * structure.count
    else:
        in_module = in_module or issubclass(structure.kind, Module)
        for child in structure.children:
            yield from _are_free(child, in_module)


def _is_pair(thing: Any) -> bool:
    """Return whether a thing is a pair of bounds, and not one of two things that have some."""
    if not (isinstance(thing, (list, tuple)) or (is_array(thing) and thing.ndim == 1)) or len(thing) != 2:
        return False
    return all(bound is None or as_number(bound) is not None for bound in thing)


def _pair(thing: Any) -> Pair:
    low, high = (None, None) if thing is None else thing
    return FREE[0] if low is None else float(low), FREE[1] if high is None else float(high)


def _bounds(tree: Any, structure: Structure, where: str) -> Iterator[Pair]:
    """Yield the bounds of each number in a structure."""
    if tree is None or _is_pair(tree):
        yield from [_pair(tree)] * structure.count
        return
    keys, contents = _opened(tree, where)
    steps, children = _parts(structure)
    if keys is None:
        if len(contents) != len(children) or not children:
            raise ValueError(
                f"{where} must be a pair (low, high), None for no bounds, or have the structure of that part of x0, "
                f"which is {structure}, but is {describe(tree)}"
            )
        inside = list(contents)
    else:
        by_key = dict(zip(keys, contents, strict=True))
        known = dict(zip(structure.keys or range(len(children)), steps, strict=True))
        for key in by_key:
            if key not in known:
                raise ValueError(f"{where}: x0 has no {key!r} there, but {', '.join(map(repr, known))}")
        inside = [by_key.get(key) for key in known]
    for part, step, child in zip(inside, steps, children, strict=True):
        yield from _bounds(part, child, where + step)


def _opened(tree: Any, where: str) -> tuple[Any, Sequence[Any]]:
    """Return the keys and the contents of something with bounds in it."""
    if is_array(tree) and tree.ndim:
        return None, list(tree)
    how = kind_of(type(tree))
    if how is None or is_array(tree):
        raise TypeError(f"{where} must be a pair (low, high) of numbers or None, not {describe(tree)}")
    return how.open(tree)


def _parts(structure: Structure) -> tuple[list[str], Sequence[Structure]]:
    """Return how to write each part of a container or an array, and the structures of these; none of a number."""
    if structure.kind is not None:
        return structure.steps(), structure.children
    if not structure.shape:
        return [], []
    count, *rest = structure.shape
    return [f"[{index}]" for index in range(count)], [array_of(tuple(rest)) if rest else NUMBER] * count
