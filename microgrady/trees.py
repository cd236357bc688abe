"""Nested arguments as data: from lists, dicts, arrays and registered classes to a list of numbers, and back."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from microgrady.comparisons import Undecided
from microgrady.containers import BUILT_IN, DICTS, SEQUENCES, Blank, Kind, Misfit, kind_of, with_types
from microgrady.containers import register as register
from microgrady.inputs import as_number, describe, is_array
from microgrady.value import Value

Shape = tuple[int, ...] | None  # of an array; None for a number

# What is read of a thing that is not a container: the numbers in it and its structure. It raises Misfit.
Reader = Callable[[Any], "tuple[list[Any], Structure]"]

_TEXT, _FLOATS, _PLAIN = {str}, {float}, {float, Value}
_SCALARS = {int, bool, str}  # what is certainly not a container


@dataclass(frozen=True, eq=False, repr=False)
class Structure:
    """How numbers and arrays are nested: a container with structures in it, or a single number or array.

    Two structures are equal if they are of one kind, have equal keys of equal types in one order, equal shapes, and are
    equal in what belongs to the containers besides. So the function that takes a nested argument cannot tell the
    arguments of equal structures apart, but by their numbers.

    Args:
        kind: The class of the container; None for a number or an array.
        keys: What its contents are called: the keys of a dict, the names of fields. None: positions from 0 on.
        children: The structures of its contents, in order.
        rest: What belongs to the container besides, such as its attributes.
        shape: That of an array; None for a number.
    """

    kind: type | None
    keys: tuple[Any, ...] | None = None
    children: tuple[Structure, ...] = ()
    rest: Any = None
    shape: Shape = None

    # Whether there is nothing of users' classes in it, so that the same object may serve for equal ones, and be kept.
    is_shared: ClassVar[bool] = False

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """For each number (None) and each array (its shape), in order."""
        found: tuple[Shape, ...] | None = self.__dict__.get("_shapes")
        if found is None:
            inside: list[Shape] = [self.shape] if self.kind is None else []
            for child in self.children:
                inside += child.shapes
            found = self.__dict__["_shapes"] = tuple(inside)
        return found

    @property
    def count(self) -> int:
        """How many numbers there are, those of arrays among them."""
        return sum(map(count, self.shapes))

    @property
    def has_none(self) -> bool:
        """Whether None stands somewhere among the numbers."""
        found: bool | None = self.__dict__.get("_has_none")
        if found is None:
            found = self.__dict__["_has_none"] = self is NOTHING or any(child.has_none for child in self.children)
        return found

    def assemble(self, parts: Iterable[Any]) -> Any:
        """Put `parts`, one for each number and each array, in their places.

        Raises:
            TypeError: A container does not hold what it is given.
        """
        try:
            return self._filled(iter(parts))
        except Misfit as misfit:
            raise misfit.located("the structure") from misfit.__cause__

    def _filled(self, parts: Iterator[Any]) -> Any:
        kind = self.kind
        if kind is None:
            return next(parts)
        if kind is not dict and "_is_flat" in self.__dict__:
            return kind(itertools.islice(parts, len(self.children)))
        contents = [next(parts) if child is NUMBER else child._filled(parts) for child in self.children]
        if kind is dict:
            return dict(zip(self.keys, contents))  # type: ignore[arg-type]  # noqa: B905  (takes as long again)
        return self._how().make(kind, self.keys, self.rest, contents)

    def rebuild(self, numbers: Sequence[Any]) -> Any:
        """Put `numbers`, as many as `flatten` gave, in their places.

        Raises:
            TypeError: A container does not hold what it is given.
        """
        if self is NUMBER:
            return numbers[0]
        if "_is_flat" in self.__dict__ and self.kind is not dict:
            return self.kind(numbers)  # type: ignore[misc]
        if self.shapes.count(None) == len(self.shapes):
            return self.assemble(numbers)
        parts: list[Any] = []
        start = 0
        for shape in self.shapes:
            stop = start + count(shape)
            parts.append(numbers[start] if shape is None else make_array(numbers[start:stop], shape))
            start = stop
        return self.assemble(parts)

    def places(self) -> list[tuple[str, str]]:
        """Return for each number how to write the way to it through containers, and then that through an array."""
        if self.kind is None:
            indices = itertools.product(*map(range, self.shape or ()))
            return [("", "".join(f"[{index}]" for index in place)) for place in indices]
        return [
            (step + outer, inner)
            for step, child in zip(self.steps(), self.children, strict=True)
            for outer, inner in child.places()
        ]

    def leaf_names(self, prefix: str = "") -> list[str]:
        """Return how to write each number, in the order of `flatten`, where the whole is called `prefix`.

        Example:
            >>> flatten({"w": [1, 2], "b": 3}, "p")[1].leaf_names("p")
            ["p['w'][0]", "p['w'][1]", "p['b']"]
        """
        if self.kind is None:
            return [prefix + inner.replace("][", ", ") for _, inner in self.places()]
        labels = self._how().labels(self.rest)
        if labels is not None:
            return [prefix + label for label in labels]
        return [
            name
            for step, child in zip(self.steps(), self.children, strict=True)
            for name in child.leaf_names(prefix + step)
        ]

    def numbers_of(self, tree: Any, what: str, whole: str) -> list[Any]:
        """Return the numbers of something with the same structure, in the order of this one.

        Dicts may have their keys in another order, and lists may stand for tuples and arrays.

        Args:
            tree: It.
            what: What it is, for the message.
            whole: What this structure is that of.

        Raises:
            TypeError: Something in `tree` is not a number.
            ValueError: It has another structure.
        """
        numbers, structure = flatten(tree, what)
        order = self.order_in(structure)
        if order is None:
            difference = _difference(structure, self)
            raise ValueError(f"{what} must have the structure of {whole}, but is {describe(tree)}{difference}")
        return [numbers[place] for place in order]

    def order_in(self, other: Structure) -> Iterable[int] | None:
        """Return where each number of this structure stands in another one; None if that has others.

        Labels are found by what they say. Without labels on both sides the positions count.
        """
        if other == self:
            return range(self.count)
        ways: list[tuple[list[str], list[str]]] = [(self.leaf_names(), other.leaf_names())]
        if not (self._has_labels and other._has_labels):
            ways.append((["".join(place) for place in self.places()], ["".join(place) for place in other.places()]))
        for wanted, there in ways:
            known = {name: position for position, name in enumerate(there)}
            if known.keys() == set(wanted) and len(known) == len(wanted) == len(there):
                return [known[name] for name in wanted]
        return None

    @property
    def _has_labels(self) -> bool:
        return self.kind is not None and (
            self._how().labels(self.rest) is not None or any(child._has_labels for child in self.children)
        )

    def steps(self) -> list[str]:
        """Return how to write that one takes something out of the container, for each of its contents."""
        return self._how().steps(self.keys, len(self.children))

    def _how(self) -> Kind:
        assert self.kind is not None
        found = kind_of(self.kind)
        if found is None:
            raise LookupError(f"{self.kind.__name__} is not registered: call microgrady.trees.register for it first")
        return found

    def _identity(self) -> Any:
        keys, rest = self.keys, self.rest
        if keys is not None and not {*map(type, keys)} <= _TEXT:
            keys = tuple(map(with_types, keys))
        return self.kind, self.shape, keys, rest if rest is None or type(rest) is Blank else with_types(rest)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Structure):
            return NotImplemented
        return bool(self._identity() == other._identity()) and self.children == other.children

    def __hash__(self) -> int:
        found: int | None = self.__dict__.get("_hash")
        if found is None:
            try:
                others = (child for child in self.children if child is not NUMBER)
                found = hash((self._identity(), len(self.children), *others))
            except TypeError as error:
                if self.rest is None or type(self.rest) is Blank or _is_hashable(self.rest):
                    raise
                raise TypeError(
                    f"what a {self.kind.__name__ if self.kind else 'number'} is besides its numbers must be hashable, "
                    f"so that a compiled function can tell whether it is still the same, not {describe(self.rest)}"
                ) from error
            self.__dict__["_hash"] = found
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.kind, self.keys, self.children, self.rest, self.shape)

    def __repr__(self) -> str:
        if self.kind is None:
            return "number" if self.shape is None else f"array{list(self.shape)}"
        inside = ", ".join(step + ": " + repr(child) for step, child in zip(self.steps(), self.children, strict=True))
        return f"<{self.kind.__name__} {inside}>" if inside else f"<{self.kind.__name__}>"


def _difference(given: Structure, wanted: Structure) -> str:
    """Say how a structure is another one than it should be, if it has another shape or count."""
    if given.shape != wanted.shape and None not in (given.shape, wanted.shape):
        return f": its shape is {given.shape}, not {wanted.shape}"
    if given.count > wanted.count:
        return f": it has {given.count} numbers, not {wanted.count}"
    return f": it has {given.count} of {wanted.count} numbers" if given.count != wanted.count else ""


LONGEST = 1000  # of the flat lists and tuples whose structures are made once
_IS_SHARED = operator.attrgetter("is_shared")


def _shared(structure: Structure) -> Structure:
    structure.__dict__["is_shared"] = True
    return structure


NUMBER = _shared(Structure(None))
NOTHING = _shared(Structure(type(None)))


@functools.lru_cache(maxsize=256)
def array_of(shape: tuple[int, ...]) -> Structure:
    """Return the structure of an array of this shape."""
    return _shared(Structure(None, shape=shape))


def _flat(kind: type, keys: tuple[str, ...] | None, length: int) -> Structure:
    """Return the structure of a list, a tuple or a dict of numbers."""
    return _short_flat(kind, keys, length) if length <= LONGEST else _new_flat(kind, keys, length)


def _new_flat(kind: type, keys: tuple[str, ...] | None, length: int) -> Structure:
    made = _shared(Structure(kind, keys, (NUMBER,) * length))
    made.__dict__.update(_is_flat=True, _has_none=False, _shapes=(None,) * length)
    return made


_short_flat = functools.lru_cache(maxsize=256)(_new_flat)


@functools.lru_cache(maxsize=256)
def _short(kind: type, keys: tuple[str, ...] | None, children: tuple[Structure, ...]) -> Structure:
    return _shared(Structure(kind, keys, children))


def _built_in(kind: type, keys: tuple[Any, ...] | None, children: Sequence[Structure]) -> Structure:
    """Return the structure of a list, a tuple or a dict: if short, the same one each time, which is fast to compare."""
    if not (keys is None or {*map(type, keys)} <= _TEXT):  # 1 and True are equal, but not the same key
        return Structure(kind, keys, tuple(children))
    if {*map(id, children)} == {id(NUMBER)}:
        return _flat(kind, keys, len(children))
    if len(children) <= LONGEST and all(map(_IS_SHARED, children)):
        return _short(kind, keys, tuple(children))
    return Structure(kind, keys, tuple(children))


def _restored(kind: Any, keys: Any, children: Any, rest: Any, shape: Any) -> Structure:
    if kind is None:
        return NUMBER if shape is None else array_of(shape)
    if kind in BUILT_IN:
        return _built_in(kind, keys, children)
    return Structure(kind, keys, children, rest, shape)


def _is_hashable(thing: Any) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True


def count(shape: tuple[int, ...] | None) -> int:
    """Return how many numbers an array of this shape has; one for None, a single number."""
    return math.prod(shape or ())


def make_array(entries: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Return a NumPy array of `entries`: float64 if all are floats, else one that can hold Values."""
    import numpy

    from microgrady.arrays.subclass import wrapped

    if all(isinstance(entry, float) for entry in entries):
        return numpy.array(entries, dtype=numpy.float64).reshape(shape)
    # Assigned together, each entry would be asked whether it is a sequence.
    return wrapped(numpy.fromiter(entries, object, len(entries)).reshape(shape))


def flatten(tree: Any, what: str, read: Reader | None = None, none: bool = True) -> tuple[list[Any], Structure]:
    """Return the numbers in `tree`, in order, and its structure.

    Args:
        tree: A real number, a Value, a NumPy array, or a container of such things: a list, a tuple, a dict, a dataclass
            or an object of a registered class. None may
            stand beside numbers for what is missing, under a key of a dict or in a field.
        what: What `tree` is, for the message.
        read: Reads what is not a container, where that may be something else than a number, a Value or a NumPy array.
            Containers that cannot be made anew are then not refused.
        none: Whether None may stand there. Not in what a function returns, unless its arguments have some:
            most likely a `return` was forgotten.

    Returns:
        A list of floats and Values, and the structure, which takes such a list back.

    Raises:
        TypeError: Something in `tree` is not one of these; the message says where.

    Example:
        >>> numbers, structure = flatten({"w": [1, 2], "b": 3}, "the point")
        >>> numbers
        [1.0, 2.0, 3.0]
        >>> structure.rebuild("xyz")
        {'w': ['x', 'y'], 'b': 'z'}
    """
    return _collection(tree, what, read or read_numbers, read is None, none)


def separate(tree: Any, what: str, read: Reader) -> tuple[list[Any], Structure]:
    """Return what is read in `tree`, in order, and its structure: as `flatten`, but arrays may stay whole.

    Args:
        tree: As for `flatten`.
        what: What `tree` is, for the message.
        read: Reads what is neither a float or a Value nor a container of them: a number, an array as one or as the
            numbers in it. It raises Misfit.

    Returns:
        A list of floats, Values and arrays, and the structure, of which `assemble` takes it back if no array was
        read as numbers, and `rebuild` the numbers one by one.

    Example:
        >>> separate(({"w": 1.0}, [2.0]), "the arguments", read_numbers)
        ([1.0, 2.0], <tuple [0]: <dict ['w']: number>, [1]: <list [0]: number>>)
    """
    return _collection(tree, what, read, True, True)


def _collection(tree: Any, what: str, read: Reader, anew: bool, none: bool) -> tuple[list[Any], Structure]:
    found: list[Any] = []
    try:
        structure = collect(tree, found, read, anew)
        if structure.has_none:
            refuse_none(structure, read, none and structure.shapes != ())
    except Misfit as misfit:
        raise misfit.located(what) from misfit.__cause__
    except RecursionError as error:
        raise RecursionError(f"{what} holds itself, or is nested too deep") from error
    return found, structure


def refuse_none(structure: Structure, read: Reader, but_named: bool) -> None:
    """Say of the first None, or the first that has no name, that it is not a number."""
    if structure is NOTHING:
        read(None)
    has_names = structure.keys is not None or hasattr(structure.kind, "_fields")
    for position, child in enumerate(structure.children):
        if child is NOTHING and but_named and has_names:
            continue
        try:
            refuse_none(child, read, but_named)
        except Misfit as misfit:
            misfit.steps.append(structure.steps()[position])
            raise


def collect(tree: Any, found: list[Any], read: Reader, anew: bool) -> Structure:
    """Return the structure of a tree, and add what is read of it to what was found.

    Args:
        tree: The tree.
        found: The numbers and arrays so far.
        read: Reads what is not a container.
        anew: Whether a container is refused that cannot be made anew.
    """
    kind = type(tree)
    if kind is float or kind is Value:
        found.append(tree)
        return NUMBER
    if kind is list or kind is tuple or kind is dict:
        names, inside = (tuple(tree), list(tree.values())) if kind is dict else (None, tree)
        if {*map(type, inside)} <= _PLAIN and (names is None or {*map(type, names)} <= _TEXT):
            found += inside
            return _flat(kind, names, len(inside))
        how = SEQUENCES if names is None else DICTS
        return _built_in(kind, names, _collected(inside, found, read, anew, how, names))
    other = None if kind in _SCALARS else kind_of(kind)
    if other is None:
        parts, structure = read(tree)
        found += parts
        return structure
    if tree is None:
        return NOTHING
    keys, contents = other.open(tree)
    try:
        rest = other.rest(tree)
    except Misfit:
        if anew:
            raise
        rest = None
    return Structure(kind, keys, tuple(_collected(contents, found, read, anew, other, keys)), rest)


def container_of(tree: Any, keys: tuple[Any, ...] | None, children: Sequence[Structure]) -> Structure:
    """Return the structure of a container of which keys and contents, whose structures these are, have been taken.

    Raises:
        Misfit: It cannot be made anew.
    """
    kind = type(tree)
    if kind in BUILT_IN:
        return _built_in(kind, keys, children)
    how = kind_of(kind)
    assert how is not None
    return Structure(kind, keys, tuple(children), how.rest(tree))


def _collected(
    contents: Sequence[Any], found: list[Any], read: Reader, anew: bool, how: Kind, keys: Any
) -> list[Structure]:
    """Return the structures of what is in a container with these keys."""
    children: list[Structure] = []
    try:
        for branch in contents:  # no comprehension, as it is asked below how far it came
            if type(branch) is float:  # which `collect` would do as well, but this is faster
                found.append(branch)
                children.append(NUMBER)
            else:
                children.append(collect(branch, found, read, anew))
    except Misfit as misfit:
        misfit.steps.append(how.steps(keys, len(contents))[len(children)])
        raise
    return children


def read_numbers(thing: Any) -> tuple[list[Any], Structure]:
    """Read a number, or those in an array.

    Raises:
        Misfit: It is something else.
    """
    if isinstance(thing, Undecided):  # what is a number at the end of a recording is not decided
        thing = thing.mask()
    if not is_array(thing):
        return [_number(thing)], NUMBER
    if thing.dtype.kind in "mM":  # of which `tolist` makes numbers
        raise _refusal(thing)
    entries: list[Any] = thing.ravel().tolist()
    if {*map(type, entries)} != _FLOATS:
        try:
            for position, entry in enumerate(entries):
                entries[position] = _number(entry)
        except Misfit as misfit:
            misfit.steps.append(f".flat[{position}]")
            raise
    return entries, array_of(thing.shape)


def _number(thing: Any) -> Any:
    if isinstance(thing, Undecided):
        thing = thing.mask()
    number = thing if isinstance(thing, Value) else as_number(thing)
    if number is None:
        raise _refusal(thing)
    return number


def _refusal(thing: Any) -> Misfit:
    kind = type(thing)
    is_users = kind.__module__.partition(".")[0] not in sys.stdlib_module_names and not hasattr(kind, "__array__")
    cure = f"; microgrady.trees.register lets a {kind.__name__} stand there" if is_users else ""
    return Misfit(
        "{} must be a real number, a Value, or a list, tuple, dict or NumPy array of these, not "
        + describe(thing)
        + cure
    )


def detach(tree: Any) -> Any:
    """The numbers in a nested structure, without the graphs behind them: the way to leave derivatives out on purpose.

    Args:
        tree: A Value, an array, or a container of such things, in any depth: a list, a tuple, a dict, a dataclass or an
            object of a registered class.

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
    """Return a nested structure with what `function` gives in the place of each Value. Anything else in it stays."""
    try:
        return _mapped(tree, function)
    except Misfit as misfit:
        raise misfit.located("the structure") from misfit.__cause__


def _mapped(tree: Any, function: Callable[[Value], Any], around: tuple[int, ...] = ()) -> Any:
    if isinstance(tree, Value):
        return function(tree)
    if is_array(tree) and tree.dtype == object:
        old = tree.ravel().tolist()
        entries = [_mapped(entry, function) for entry in old]
        numbers = [as_number(entry) for entry in entries]
        if None not in numbers:
            return make_array(numbers, tree.shape)
        unchanged = all(map(operator.is_, entries, old))
        return tree if unchanged else make_array(entries, tree.shape)
    how = kind_of(type(tree))
    if how is None or id(tree) in around:  # the latter holds itself
        return tree
    keys, contents = how.open(tree)
    around = (*around, id(tree))
    new = [_mapped(branch, function, around) for branch in contents]
    if all(map(operator.is_, new, contents)):
        return tree
    return how.make(type(tree), keys, how.rest(tree), new)
