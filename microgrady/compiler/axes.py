"""Axes: where the points of a batch are in its arguments, and where they are to be in its results."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from microgrady.compiler.signature import Place
from microgrady.containers import kind_of
from microgrady.inputs import describe, is_whole

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
        elif in_axes is None or is_whole(in_axes):
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
                f"in vmap of {name}, in_axes has {counted(len(self._each), 'entry', 'entries')}, but "
                f"{counted(count, 'argument is', 'arguments are')} given by position; those that are given by name "
                "are mapped over axis 0"
            )
        return self._each[place]


def counted(count: int, one: str, many: str) -> str:
    """Return how many of something there are, in words."""
    return f"{count} {one if count == 1 else many}"


def _read_axes(thing: Any, where: str) -> Axis:
    if thing is None:
        return None
    if is_whole(thing):
        return operator.index(thing)
    how = None if isinstance(thing, (bool, str)) else kind_of(type(thing))
    if how is None:
        raise TypeError(f"{where} must be an int, None, or a container of these, not {describe(thing)}")
    keys, contents = how.open(thing)
    steps = how.steps(keys, len(contents))
    children = (_read_axes(entry, where + step) for entry, step in zip(contents, steps, strict=True))
    return Nested(type(thing), keys, tuple(children))
