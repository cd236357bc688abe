"""The registry of containers: how one of each kind is taken apart, and made anew with other contents."""

from __future__ import annotations

import copy
import dataclasses
import functools
import numbers
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from microgrady.inputs import describe, is_array
from microgrady.later import ask
from microgrady.value import Value

BUILT_IN = (dict, list, tuple)

Container = TypeVar("Container")


class Misfit(Exception):  # noqa: N818  (no error of its own: `located` makes a TypeError of it)
    """Something in a nested structure is not what may be there.

    Attributes:
        sentence: What to say, with {} for where it is.
        steps: The way to it, from the end on.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.steps: list[str] = []

    def located(self, what: str) -> TypeError:
        """Return what to raise if the whole is called `what`."""
        return TypeError(self.sentence.replace("{}", what + "".join(reversed(self.steps)), 1))


class Kind:
    """How containers of one kind, or of a family of kinds, are taken apart and made anew.

    What is in a container is named by keys; None stands for the positions from 0 on.
    """

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        """Return the keys, and what is in the container."""
        raise NotImplementedError

    def rest(self, container: Any) -> Any:
        """Return what must be known to make such a container anew besides; nothing of what is in it.

        Raises:
            Misfit: It cannot be made anew.
        """
        return None

    def make(self, kind: type, keys: Any, rest: Any, contents: list[Any]) -> Any:
        """Make a container anew.

        Raises:
            Misfit: It does not hold what it is given.
        """
        raise NotImplementedError

    def steps(self, keys: Any, count: int) -> list[str]:
        """Return how to write that one takes something out of the container, for each thing in it."""
        return [f"[{key!r}]" for key in (range(count) if keys is None else keys)]

    def labels(self, rest: Any) -> list[str] | None:
        """Return how to write that one takes each number out of the container, where it has names for them."""
        return None


class _Nothing(Kind):
    """None, which holds no numbers."""

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        return None, ()

    def make(self, kind: type, keys: Any, rest: Any, contents: list[Any]) -> Any:
        return None


class _Sequences(Kind):
    """Lists and tuples, named tuples among them, and classes derived from these."""

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        return None, container

    def rest(self, container: Any) -> Any:
        kind: Any = type(container)
        if kind is list or kind is tuple:
            return None
        _require_no_fields(kind)
        if isinstance(container, list):
            return Blank(_emptied(container))
        attributes = {} if _derives(kind) else dict(getattr(container, "__dict__", {}))
        _checked(lambda: _tuple(kind, list(container), attributes), list(container), kind)
        return Blank(kind, attributes) if attributes else None

    def make(self, kind: type, keys: Any, rest: Any, contents: list[Any]) -> Any:
        if kind is list:
            return contents
        if kind is tuple:
            return tuple(contents)
        if issubclass(kind, list):
            return _checked(lambda: _refilled(rest.container, contents), contents, kind)
        attributes = {} if rest is None else rest.attributes
        return _checked(lambda: _tuple(kind, contents, attributes), contents, kind)


class _Dicts(Kind):
    """Dicts and classes derived from these: an OrderedDict, a defaultdict, a Counter."""

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        return tuple(container), list(container.values())

    def rest(self, container: Any) -> Any:
        if type(container) is dict:
            return None
        _require_no_fields(type(container))
        return Blank(_emptied(container))

    def make(self, kind: type, keys: Any, rest: Any, contents: list[Any]) -> Any:
        items = dict(zip(keys, contents, strict=True))
        return items if kind is dict else _checked(lambda: _refilled(rest.container, items), items, kind)


class _Registered(Kind):
    """A class of a user's own.

    Args:
        parts: How to take an object apart.
        put_together: The opposite.
    """

    def __init__(self, parts: Callable[[Any], tuple[Any, Any]], put_together: Callable[[Any, Any], Any]) -> None:
        self.parts = parts
        self.put_together = put_together
        self._sound: set[int] = set()  # how many parts those had that were made anew as they were

    def _apart(self, container: Any) -> tuple[Any, Any]:
        found = self.parts(container)
        if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[0], BUILT_IN):
            name = type(container).__name__
            raise Misfit(
                f"{{}} is a {name}, and the parts of a {name} must be a pair of a dict or a list of what is in it and "
                f"of what it is besides, not {describe(found)}"
            )
        return found

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        inside = self._apart(container)[0]
        return (tuple(inside), list(inside.values())) if isinstance(inside, dict) else (None, inside)

    def rest(self, container: Any) -> Any:
        inside, rest = self._apart(container)
        if len(inside) not in self._sound:  # not at each call, which would take twice as long
            keys, contents = self.open(container)
            again, there = self.open(self.make(type(container), keys, rest, list(contents)))
            if again != keys or len(there) != len(contents):
                raise Misfit(
                    f"{{}} is a {type(container).__name__}, which is another one when it is made anew of its parts: "
                    f"these are then {_named(again, there)} instead of {_named(keys, contents)}"
                )
            self._sound.add(len(inside))
        return rest

    def make(self, kind: type, keys: Any, rest: Any, contents: list[Any]) -> Any:
        made = self.put_together(rest, contents if keys is None else dict(zip(keys, contents, strict=True)))
        if type(made) is not kind:
            name = kind.__name__
            raise Misfit(f"{{}} is a {name}, and what makes a {name} anew must return one, not {describe(made)}")
        return made

    def steps(self, keys: Any, count: int) -> list[str]:
        if keys is None:
            return super().steps(keys, count)
        return [f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]" for key in keys]


def _named(keys: tuple[Any, ...] | None, contents: Sequence[Any]) -> str:
    return str(len(contents) if keys is None else list(keys))


@dataclasses.dataclass(frozen=True)
class _Fields:
    """The fields of a dataclass.

    Attributes:
        open: The names of those that may have numbers in them.
        given: Those of them that its constructor takes.
        static: Those marked as static, which stay what they are, and whether the constructor takes them.
        derived: Those that its constructor makes of the others.
        has_constructor: Whether there is code of the class that runs when an object is made.
    """

    open: tuple[str, ...]
    given: frozenset[str]
    static: dict[str, bool]
    derived: tuple[str, ...]
    has_constructor: bool


@functools.lru_cache(maxsize=256)
def _fields(kind: Any) -> _Fields:
    fields = dataclasses.fields(kind)
    generated = getattr(getattr(kind.__init__, "__code__", None), "co_filename", "") == "<string>"
    has_constructor = hasattr(kind, "__post_init__") or not generated
    static = {field.name: field.init for field in fields if field.metadata.get("static")}
    others = [field for field in fields if field.name not in static]
    derived = tuple(field.name for field in others if has_constructor and not field.init)
    given = frozenset(field.name for field in others if field.init)
    return _Fields(tuple(f.name for f in others if f.name not in derived), given, static, derived, has_constructor)


class _Dataclasses(Kind):
    """Dataclasses, whose fields have names.

    Fields with static=True in their metadata, as JAX and equinox have it, are kept as they are. Where a class has a
    `__post_init__` or a constructor of its own, that one runs, so that fields with init=False, which it makes of the
    others, are made of those that are there.
    """

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        kind: type = type(container)
        names = tuple(name for name in _fields(kind).open if hasattr(container, name))
        return names, [getattr(container, name) for name in names]

    def rest(self, container: Any) -> Any:
        kind: type = type(container)
        fields = _fields(kind)
        static = {name: getattr(container, name) for name in fields.static if hasattr(container, name)}
        if fields.derived:
            names, contents = self.open(container)
            made = _constructed(kind, {**dict(zip(names or (), contents, strict=True)), **static})
            for name in fields.derived:
                known = getattr(container, name, None)  # None in a gradient that the constructor would not take
                if known is not None and not _is_same(getattr(made, name, None), known):
                    raise Misfit(
                        f"{{}} is a {kind.__name__}, whose constructor does not make its field {name} anew "
                        "as it is: let __post_init__ make it of the other fields, or mark it with "
                        "field(init=False, metadata={'static': True})"
                    )
        return tuple(static.items()) or None

    def make(self, kind: type, keys: Any, rest: Any, contents: list[Any]) -> Any:
        fields = _fields(kind)
        known = {**dict(zip(keys, contents, strict=True)), **dict(rest or ())}
        made = _constructed(kind, known) if fields.has_constructor else None
        if made is None:
            # A gradient need not be what the constructor demands, such as positive.
            made = object.__new__(kind)
            known.update(dict.fromkeys(fields.derived))
        for name, thing in known.items():
            if getattr(made, name, made) is not thing:
                object.__setattr__(made, name, thing)  # also of one that is frozen, or that the constructor changed
        return made

    def steps(self, keys: Any, count: int) -> list[str]:
        return [f".{name}" for name in keys]


def _constructed(kind: Any, known: dict[str, Any]) -> Any:
    """Return what the constructor of a dataclass makes of its fields; None where it raises."""
    fields = _fields(kind)
    try:
        return kind(**{name: thing for name, thing in known.items() if fields.static.get(name, name in fields.given)})
    except Exception:
        return None


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two things are equal, Values by their numbers, in which no recording takes part."""
    if isinstance(one, Value) and isinstance(other, Value):
        one, other = one._number, other._number
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if is_array(one) and is_array(other):
        return bool(one.shape == other.shape) and _is_same(one.ravel().tolist(), other.ravel().tolist())
    try:
        return one is other or bool(one == other) or bool(one != one and other != other)
    except Exception:
        return False


NOTHING, SEQUENCES, DICTS, DATACLASSES = _Nothing(), _Sequences(), _Dicts(), _Dataclasses()
_REGISTERED: dict[type, Kind] = {type(None): NOTHING, list: SEQUENCES, tuple: SEQUENCES, dict: DICTS}


def kind_of(kind: type) -> Kind | None:
    """Return how objects of a class are taken apart; None if they are not containers."""
    found = _REGISTERED.get(kind)
    if found is not None:
        return found
    if issubclass(kind, dict):
        return DICTS
    if issubclass(kind, (list, tuple)):
        return SEQUENCES
    if hasattr(kind, "__dataclass_fields__"):
        return None if hasattr(kind, "__float__") else DATACLASSES  # it may be a number of a user's own
    pandas = sys.modules.get("pandas")  # no Series exists before somebody has imported it
    if pandas is not None and issubclass(kind, (getattr(pandas, "Series", ()), getattr(pandas, "DataFrame", ()))):
        frames: Kind = ask("frames").FRAMES
        return frames
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and issubclass(kind, getattr(sparse, "csr_array", ())):
        matrices: Kind = ask("matrices").MATRICES
        return matrices
    return None


def know(kind: type, how: Kind) -> None:
    """Let objects of a class of the package's own be containers."""
    _REGISTERED[kind] = how


def register(
    kind: type[Container], parts: Callable[[Container], tuple[Any, Any]], make: Callable[[Any, Any], Container]
) -> None:
    """Let objects of a class stand among nested arguments and results, as lists and dicts do.

    Lists, tuples, named tuples, dicts, classes derived from these, dataclasses, Series and DataFrames are known
    already. Of a dataclass, fields with `metadata={"static": True}` are kept as they are, and `__post_init__` runs. A
    registered class that is derived from one of these is taken apart as it was registered; classes derived from a
    registered one are registered on their own.

    Args:
        kind: The class.
        parts: A function of an object. It returns a pair: what is in the object, in a dict or a list, nested as one
            likes; and what the object is besides, None if nothing, which is kept as it is. `jit` asks that the latter
            is hashable, and records anew where it is another one. It may be called more than once.
        make: The opposite, a function of the second part and of a dict or list such as the first. It returns a new
            object, also where numbers have become Values or arrays; its parts have the same keys, or are as many.

    Raises:
        TypeError: `kind` is not a class, or `parts` or `make` cannot be called.
        ValueError: Objects of the class are numbers, or their kind is known already.

    Example:
        >>> import microgrady as mg
        >>> class Line:
        ...     def __init__(self, slope, offset, unit="m"):
        ...         self.slope, self.offset, self.unit = slope, offset, unit
        >>> mg.trees.register(
        ...     Line,
        ...     lambda line: ({"slope": line.slope, "offset": line.offset}, line.unit),
        ...     lambda unit, inside: Line(inside["slope"], inside["offset"], unit),
        ... )
        >>> found = mg.grad(lambda line, x: (line.slope * x + line.offset) ** 2)(Line(2.0, 1.0), 3.0)
        >>> found.slope, found.offset, found.unit
        (42.0, 14.0, 'm')
    """
    if not isinstance(kind, type):
        raise TypeError(f"register takes a class first, not {describe(kind)}")
    for name, function in (("parts", parts), ("make", make)):
        if not callable(function):
            raise TypeError(f"{name} of {kind.__name__} must be a function, not {describe(function)}")
    numpy = sys.modules.get("numpy")
    arrays = () if numpy is None else (numpy.ndarray, numpy.generic)
    if issubclass(kind, (Value, numbers.Real, *arrays)):
        raise ValueError(f"register takes classes of containers, but a {kind.__name__} is a number or an array itself")
    if kind in _REGISTERED and not isinstance(_REGISTERED[kind], _Registered):
        raise ValueError(f"a {kind.__name__} is a container without being registered")
    _REGISTERED[kind] = _Registered(parts, make)


class Blank:
    """What a container is but for what is in it: equal for such as are of one kind, with equal attributes and default.

    Args:
        container: One with zeros in it, or its class.
        attributes: Its attributes; None: those that it has.
    """

    def __init__(self, container: Any, attributes: dict[str, Any] | None = None) -> None:
        self.container = container
        self.attributes = dict(getattr(container, "__dict__", {})) if attributes is None else attributes

    def _outline(self) -> Any:
        container = self.container
        kind = container if isinstance(container, type) else type(container)
        attributes = {
            name: attribute
            for name, attribute in self.attributes.items()
            if not (isinstance(container, dict) and container.get(name) is attribute)  # its items, once more
        }
        default = None if kind is container else getattr(container, "default_factory", None)
        return kind, _default(default), tuple((name, with_types(attributes[name])) for name in sorted(attributes))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Blank) and bool(self._outline() == other._outline())

    def __hash__(self) -> int:
        outline = self._outline()
        try:
            return hash(outline)
        except TypeError:
            raise TypeError(
                f"a {outline[0].__name__} has attributes, of which a compiled function could not tell whether they are "
                f"still the same: {describe(self.attributes)}"
            ) from None


def _default(factory: Any) -> Any:
    code = getattr(factory, "__code__", None)
    if code is None or factory.__closure__:
        return factory
    return (code, factory.__defaults__)  # a lambda that is written at a call is another one each time


def _require_no_fields(kind: type) -> None:
    """Raise if a class of lists or dicts is a dataclass, too: what is in its fields would be no part of it."""
    if hasattr(kind, "__dataclass_fields__") and _fields(kind).open:
        plain = next(base for base in BUILT_IN if issubclass(kind, base)).__name__
        raise Misfit(
            f"{{}} is a {kind.__name__}, a dataclass and a {plain} in one: microgrady.trees.register says what is in it"
        )


def _emptied(container: Any) -> Any:
    """Return a copy of a list or dict with zeros in it: what was in it, maybe a graph of Values, is not to be held."""
    zeros: Any = dict.fromkeys(container, 0.0) if isinstance(container, dict) else [0.0] * len(container)
    return _checked(lambda: _refilled(container, zeros), zeros, type(container))


def _tuple(kind: Any, contents: list[Any], attributes: dict[str, Any]) -> Any:
    made = getattr(kind, "_make", kind)(contents)  # named tuples have a constructor of their own
    if attributes:
        made.__dict__.update(attributes)
    return made


def _derives(kind: Any) -> bool:
    """Return whether the constructor of a tuple makes its attributes of what is in it."""
    return not hasattr(kind, "_make") and (kind.__new__ is not tuple.__new__ or kind.__init__ is not object.__init__)


def _refilled(container: Any, contents: Any) -> Any:
    made = copy.copy(container)
    if isinstance(contents, list):
        made[:] = contents
    else:
        for key, thing in contents.items():
            made[key] = thing
    return made


def _checked(make: Callable[[], Any], contents: Any, kind: type) -> Any:
    """Return a new container, if it is of the kind and has the contents, the same and in the same order."""
    plain = next(base for base in BUILT_IN if issubclass(kind, base)).__name__
    refusal = f"{{}} is a {kind.__name__}, which cannot be made anew with Values in it: pass a plain {plain} instead"
    try:
        made = make()
        keys, there = (list(made), list(made.values())) if isinstance(contents, dict) else ([], list(made))
        wanted = list(contents.values()) if isinstance(contents, dict) else contents
        right = type(made) is kind and len(there) == len(wanted)
        right = right and all(map(lambda a, b: a is b, there, wanted)) and keys == (list(contents) if keys else [])
    except Exception as error:
        raise Misfit(refusal) from error
    if not right:
        raise Misfit(refusal)
    return made


def with_types(thing: Any) -> Any:
    """Return something hashable together with its types: 1, 1.0 and True are equal, but not the same.

    Example:
        >>> with_types((1, "a")) == with_types((True, "a"))
        False
    """
    if isinstance(thing, tuple):
        return (type(thing), *map(with_types, thing))
    if isinstance(thing, frozenset):
        return (type(thing), frozenset(map(with_types, thing)))
    return (type(thing), thing.hex() if isinstance(thing, float) else thing)  # -0.0 equals 0.0, and nan not itself
