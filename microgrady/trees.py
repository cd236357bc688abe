"""Nested arguments: from lists, tuples, dicts and arrays to a flat list of numbers, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from microgrady.containers import filler
from microgrady.inputs import as_number, describe, is_array
from microgrady.value import Value


class Structure:
    """How numbers and arrays are nested.

    Attributes:
        shapes: For each number (None) and each array (its shape), in order.
    """

    def __init__(self, shapes: list[tuple[int, ...] | None], build: Callable[[Iterator[Any]], Any]) -> None:
        self.shapes = shapes
        self._build = build

    def __reduce__(self) -> tuple[Any, ...]:
        return _structure_of, (self.rebuild([0.0] * sum(map(count, self.shapes))),)

    def assemble(self, parts: Iterable[Any]) -> Any:
        """Put `parts`, one for each number and each array, in their places."""
        return self._build(iter(parts))

    def rebuild(self, numbers: Sequence[Any]) -> Any:
        """Put `numbers`, as many as `flatten` gave, in their places."""
        parts: list[Any] = []
        start = 0
        for shape in self.shapes:
            stop = start + count(shape)
            parts.append(numbers[start] if shape is None else make_array(numbers[start:stop], shape))
            start = stop
        return self.assemble(parts)


def _structure_of(template: Any) -> Structure:
    return flatten(template, "a template")[1]


def count(shape: tuple[int, ...] | None) -> int:
    """How many numbers an array of this shape has; one for None, a single number."""
    return math.prod(shape or ())


def make_array(entries: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """A NumPy array of `entries`: float64 if all are floats, else one that can hold Values."""
    import numpy

    from microgrady.arrays.subclass import wrapped

    if all(isinstance(entry, float) for entry in entries):
        return numpy.array(entries, dtype=numpy.float64).reshape(shape)
    # Assigned together, each entry would be asked whether it is a sequence.
    return wrapped(numpy.fromiter(entries, object, len(entries)).reshape(shape))


def flatten(tree: Any, what: str) -> tuple[list[Any], Structure]:
    """The numbers in `tree`, in order, and its structure.

    Args:
        tree: A real number, a Value, or a list, tuple, dict or NumPy array of such things.
        what: What `tree` is, for the message.

    Returns:
        A list of floats and Values, and the structure, which takes such a list back.

    Raises:
        TypeError: something in `tree` is none of these; the message says where.

    Example:
        >>> numbers, structure = flatten({"w": [1, 2], "b": 3}, "the point")
        >>> numbers
        [1.0, 2.0, 3.0]
        >>> structure.rebuild("xyz")
        {'w': ['x', 'y'], 'b': 'z'}
    """
    numbers: list[Any] = []
    shapes: list[tuple[int, ...] | None] = []
    return numbers, Structure(shapes, _collect(tree, what, numbers, shapes))


def _collect(
    tree: Any, what: str, numbers: list[Any], shapes: list[tuple[int, ...] | None]
) -> Callable[[Iterator[Any]], Any]:
    if isinstance(tree, dict):
        parts = {key: _collect(branch, f"{what}[{key!r}]", numbers, shapes) for key, branch in tree.items()}
        fill = filler(tree, what)
        return lambda found: fill({key: part(found) for key, part in parts.items()})
    if isinstance(tree, (list, tuple)):
        branches = [_collect(branch, f"{what}[{place}]", numbers, shapes) for place, branch in enumerate(tree)]
        fill = filler(tree, what)
        return lambda found: fill([branch(found) for branch in branches])
    if is_array(tree):
        numbers.extend(_number(entry, f"{what}.flat[{place}]") for place, entry in enumerate(tree.ravel().tolist()))
        shapes.append(tree.shape)
    else:
        numbers.append(_number(tree, what))
        shapes.append(None)
    return next


def _number(thing: Any, what: str) -> Any:
    number = thing if isinstance(thing, Value) else as_number(thing)
    if number is None:
        raise TypeError(
            f"{what} must be a real number, a Value, or a list, tuple, dict or NumPy array of these, "
            f"not {describe(thing)}"
        )
    return number


def detach(tree: Any) -> Any:
    """The numbers in a nested structure, without the graphs behind them: the way to leave derivatives out on purpose.

    Args:
        tree: A Value, an array, or a list, tuple or dict of such things, in any depth.

    Returns:
        The same with floats for Values, and float64 arrays for arrays of Values and numbers. Anything else in it
        stays as it is.

    Raises:
        TypeError: A function is being compiled, and a number that depends on its arguments would become a constant.

    Example:
        >>> import microgrady as mg
        >>> w = mg.Value(2.0)
        >>> detach({"loss": w * w, "step": 3, "name": "first"})
        {'loss': 4.0, 'step': 3, 'name': 'first'}
    """
    return map_values(tree, lambda value: value.data)


def map_values(tree: Any, function: Callable[[Value], Any]) -> Any:
    """A nested structure with what `function` gives in the place of each Value. Anything else in it stays."""
    if isinstance(tree, Value):
        return function(tree)
    if isinstance(tree, dict):
        branches = {key: map_values(branch, function) for key, branch in tree.items()}
        changed = any(branch is not tree[key] for key, branch in branches.items())
        return filler(tree, "the structure")(branches) if changed else tree
    if isinstance(tree, (list, tuple)):
        found = [map_values(branch, function) for branch in tree]
        changed = any(new is not old for new, old in zip(found, tree, strict=True))
        return filler(tree, "the structure")(found) if changed else tree
    if is_array(tree) and tree.dtype == object:
        entries = [map_values(entry, function) for entry in tree.ravel().tolist()]
        numbers = [as_number(entry) for entry in entries]
        return make_array(entries if any(number is None for number in numbers) else numbers, tree.shape)
    return tree


def paths(tree: Any, prefix: str = "") -> list[str]:
    """How to write each number of `tree`, in the order of `flatten`.

    Example:
        >>> paths({"w": [1, 2], "b": 3}, "p")
        ["p['w'][0]", "p['w'][1]", "p['b']"]
    """
    if isinstance(tree, dict):
        return [path for key, branch in tree.items() for path in paths(branch, f"{prefix}[{key!r}]")]
    if isinstance(tree, (list, tuple)):
        return [path for place, branch in enumerate(tree) for path in paths(branch, f"{prefix}[{place}]")]
    if is_array(tree):
        import numpy

        return [prefix + (f"[{', '.join(map(str, place))}]" if place else "") for place in numpy.ndindex(tree.shape)]
    return [prefix]
