"""Modules: objects with parameters in them, which are nested arguments by themselves."""

from __future__ import annotations

import collections
import itertools
import numbers
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from microgrady.containers import BUILT_IN, Kind, Misfit, kind_of, know, with_types
from microgrady.inputs import is_array
from microgrady.leaves import clear_gradients
from microgrady.value import Value


class Module:
    """A model, or a part of one: any object whose attributes have parameters in them.

    Parameters are the Values in the attributes, and in lists, tuples, dicts, arrays and other Modules there, at any
    depth. A model is a nested argument by itself: `grad(f)(model)` gives a model with derivatives in the place of
    Values. Floats and arrays are numbers in it as well, and not parameters; ints, strs, functions and all else stay
    as they are. So do fields of a dataclass with static=True in their metadata.

    Example:
        >>> import microgrady as mg
        >>> class Line(mg.nn.Module):
        ...     def __init__(self):
        ...         self.slope, self.offset = mg.Value(2.0), mg.Value(1.0)
        ...     def __call__(self, x):
        ...         return self.slope * x + self.offset
        >>> line = Line()
        >>> [name for name, value in line.named_parameters()]
        ['slope', 'offset']
        >>> (line(3.0) ** 2).backward()
        >>> line.slope.grad, line.offset.grad
        (42.0, 14.0)
        >>> line.zero_grad()
        >>> found = mg.grad(lambda line: line(3.0) ** 2)(line)
        >>> found.slope.data, found.offset.data
        (42.0, 14.0)
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        base = next((base for base in BUILT_IN if issubclass(cls, base)), None)
        if base is not None:
            raise TypeError(
                f"{cls.__name__} is a Module and a {base.__name__} in one: keep the {base.__name__} in an attribute"
            )
        know(cls, MODULES)

    if not TYPE_CHECKING:  # type checkers know which attributes there are

        def __getattr__(self, name):
            """Refuse a name that there is not, with what to write instead."""
            from microgrady.suggestions import OF_MODELS  # for an error: it is not needed to calculate

            try:
                return object.__getattribute__(self, name)  # which raises, or what a property raises is raised again
            except AttributeError as error:
                if name in OF_MODELS and not hasattr(type(self), name):
                    raise AttributeError(f"{error}{OF_MODELS[name]}", name=name, obj=None) from None
                raise

    def parameters(self) -> list[Value]:
        """Return all parameters, each once, in the order of the attributes.

        Raises:
            TypeError: A part of the model holds a part that it is in, or parameters are in a set.
        """
        contents = self._read().contents
        if {*map(type, contents)} <= {Value, float}:  # then there are no arrays, which may have some in them
            return [thing for thing in contents if type(thing) is Value]
        return [value for _, value in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Return all parameters with their names, such as layers.0.neurons.1.w.0, in the order of `parameters()`.

        Raises:
            TypeError: As for `parameters`.
        """
        reader = self._read()
        found: dict[int, tuple[str, Value]] = {}
        for name, thing in zip(reader.names(), reader.contents, strict=True):
            if type(thing) is Value:
                found.setdefault(id(thing), (name, thing))
            elif is_array(thing):
                for step, value in _values(thing):
                    found.setdefault(id(value), (name + step, value))
        return list(found.values())

    def _read(self) -> _Reader:
        reader = _Reader()
        try:
            reader.read(self, "")
        except Misfit as misfit:
            raise misfit.located(type(self).__name__) from misfit.__cause__
        return reader

    def zero_grad(self) -> None:
        """Set the derivatives of all parameters to zero.

        Raises:
            TypeError: As for `parameters`.
            ValueError: A parameter is the result of an operation, and so cannot be trained.
        """
        found = list(self.parameters())  # of which a class may have its own idea, as with micrograd
        for value in found:
            if value._primitive is not None:
                names = {id(known): name for name, known in self.named_parameters()}
                raise ValueError(
                    f"{names.get(id(value), 'a parameter')} of the {type(self).__name__} is the result of "
                    f"{value._primitive.name}, which cannot be trained: make the parameter Value(v.data), and keep "
                    "results elsewhere than in a Module"
                )
        clear_gradients(found)


def _values(array: Any) -> Iterator[tuple[str, Value]]:
    """Yield the Values in an array, with what is to be appended to its name."""
    if array.dtype == object:
        import numpy

        for place in numpy.ndindex(array.shape):
            if isinstance(array[place], Value):
                yield "".join(f".{index}" for index in place), array[place]


class _Fixed:
    """What stays as it is, equal if it is equal and of one type."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Fixed) and bool(with_types(self.thing) == with_types(other.thing))

    def __hash__(self) -> int:
        return hash(with_types(self.thing))

    def __repr__(self) -> str:
        return repr(self.thing)


class _Again(int):
    """The number of a part that is in the model once more, counted as the parts are met."""

    __slots__ = ()


# What a part of a model is: the position of a number, something fixed, a part that was met before, or a container with
# its kind, the names of what is in it, what it is besides, and its parts; or the positions, if these are numbers.
_Part: TypeAlias = "int | _Again | _Fixed | tuple[type, _Fixed | None, Any, tuple[_Part, ...] | range]"


class _Reader:
    """Takes a model apart.

    Attributes:
        contents: The numbers and arrays; a Value that is met again is not listed again.
    """

    def __init__(self) -> None:
        self.contents: list[Any] = []
        self._names: list[tuple[str, Any]] = []  # for each of the contents that of what it is in, and its own there
        self._places: dict[int, int] = {}  # of Values among the contents
        # The parts by their identities; all are kept, so that no two have had one identity.
        self._met: dict[int, tuple[_Again, Any]] = {}
        self._around: set[int] = set()

    def names(self) -> list[str]:
        """Return what the contents are called."""
        return [f"{outer}{inner}" for outer, inner in self._names]

    def read(self, container: Any, name: str) -> Any:
        """Return what a container is but for the numbers in it, and add these to the contents."""
        kind, identity = type(container), id(container)
        if identity in self._around:
            raise Misfit(f"{{}} holds itself: {_written(name)} is a {kind.__name__} that it is in")
        if identity in self._met:
            return self._met[identity][0]
        self._met[identity] = (_Again(len(self._met)), container)
        self._around.add(identity)
        if isinstance(container, Module):
            (keys, inside), rest, fixed = _attributes(container), None, _static(kind)
        else:
            how = kind_of(kind)
            assert how is not None
            (keys, inside), rest, fixed = how.open(container), how.rest(container), frozenset()
        keyed = range(len(inside)) if keys is None else keys
        outer = f"{name}." if name else ""
        parts = (None if fixed else self._read_row(inside, outer, keyed)) or tuple(
            _Fixed(thing) if key in fixed else self._read_thing(thing, outer, key)
            for key, thing in zip(keyed, inside, strict=True)
        )
        self._around.remove(identity)
        return kind, None if keys is None else _Fixed(keys), rest, parts

    def _read_row(self, inside: Sequence[Any], outer: str, keys: Sequence[Any]) -> range | None:
        """Return the positions of what is in a container, if these are floats or Values that have not been met."""
        kinds = {*map(type, inside)}
        places = range(len(self.contents), len(self.contents) + len(inside))
        if kinds == {Value}:
            identities = {*map(id, inside)}
            if len(identities) < len(inside) or not self._places.keys().isdisjoint(identities):
                return None
            self._places.update(zip(map(id, inside), places, strict=True))
        elif kinds != {float}:
            return None
        self._names += zip(itertools.repeat(outer), keys)
        self.contents += inside
        return places

    def _read_thing(self, thing: Any, outer: str, key: Any) -> Any:
        if type(thing) is Value:
            place = self._places.setdefault(id(thing), len(self.contents))
            return self._added(thing, outer, key) if place == len(self.contents) else place
        if _is_numeric(thing):
            return self._added(thing, outer, key)
        if thing is None or isinstance(thing, (str, numbers.Number)) or kind_of(type(thing)) is None:
            if isinstance(thing, (set, frozenset, collections.deque)) and any(map(_has_parameters, thing)):
                raise Misfit(
                    f"{{}} has parameters in {_written(f'{outer}{key}')}, a {type(thing).__name__}: "
                    "keep them in a list or a dict"
                )
            return _Fixed(thing)
        return self.read(thing, f"{outer}{key}")

    def _added(self, number: Any, outer: str, key: Any) -> int:
        self._names.append((outer, key))
        self.contents.append(number)
        return len(self.contents) - 1


def _is_numeric(thing: Any) -> bool:
    """Return whether something is a number of a nested argument, and not a whole number, which may be a size."""
    if type(thing) is float:
        return True
    if is_array(thing):
        return thing.dtype.kind in "fiubO"
    return isinstance(thing, numbers.Real) and not isinstance(thing, numbers.Integral)


def _has_parameters(thing: Any) -> bool:
    return isinstance(thing, (Value, Module))


def _attributes(module: Module) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
    """Return the names of a Module's attributes, and these."""
    slots = [name for name in _slots(type(module)) if hasattr(module, name)]
    return (*vars(module), *slots), [*vars(module).values(), *(getattr(module, name) for name in slots)]


def _slots(kind: type) -> list[str]:
    found: list[str] = []
    for base in kind.__mro__:
        names = base.__dict__.get("__slots__", ())
        found += [names] if isinstance(names, str) else names
    return [name for name in found if name not in ("__dict__", "__weakref__")]


def _static(kind: Any) -> frozenset[str]:
    """Return the fields of a dataclass that are marked as static."""
    fields = getattr(kind, "__dataclass_fields__", {})
    return frozenset(name for name, field in fields.items() if field.metadata.get("static"))


def _written(name: str) -> str:
    """Return how to write that one takes something out of a model by its name, such as .layers[0].w[1].

    Example:
        >>> _written("layers.0.w.1")
        '.layers[0].w[1]'
    """
    return "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in name.split("."))


class _Outline:
    """What a model is but for the numbers in it; equal for models that differ in nothing else.

    Args:
        root: The part that is the whole.
    """

    def __init__(self, root: Any) -> None:
        self._root = root

    def filled(self, contents: Sequence[Any]) -> Any:
        """Return a new model with these numbers in it."""
        return _made(self._root, contents, [])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Outline) and bool(self._root == other._root)

    def __hash__(self) -> int:
        return hash(self._root)

    def __repr__(self) -> str:
        return repr(self._root)


def _made(part: Any, contents: Sequence[Any], met: list[Any]) -> Any:
    """Make a part of a model anew, and add it to those that may be met again."""
    if type(part) is int:
        return contents[part]
    if type(part) is _Fixed:
        return part.thing
    if type(part) is _Again:
        return met[part]
    kind, fixed, rest, parts = part
    keys: Any = None if fixed is None else fixed.thing
    place = len(met)
    met.append(object.__new__(kind) if issubclass(kind, Module) else None)
    inside = (
        list(contents[parts.start : parts.stop])
        if type(parts) is range
        else [_made(each, contents, met) for each in parts]
    )
    made = met[place]
    if made is None:
        how = kind_of(kind)
        assert how is not None
        made = met[place] = how.make(kind, keys, rest, inside)
        return made
    slots = _slots(kind)
    for name, thing in zip(keys, inside, strict=True):
        if name in slots:
            object.__setattr__(made, name, thing)
        else:
            vars(made)[name] = thing
    return made


class _Modules(Kind):
    """Modules, whose numbers are all in one row, whatever they are in."""

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        reader = _Reader()
        reader.read(container, "")
        return tuple(reader.names()), reader.contents

    def rest(self, container: Any) -> Any:
        return _Outline(_Reader().read(container, ""))

    def make(self, kind: type, keys: Any, rest: Any, contents: list[Any]) -> Any:
        return rest.filled(contents)

    def steps(self, keys: Any, count: int) -> list[str]:
        return [_written(name) for name in keys]


MODULES = _Modules()
know(Module, MODULES)
