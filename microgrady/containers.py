"""Lists, tuples and dicts of any kind, made anew with other contents."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from microgrady.inputs import describe

BUILT_IN = (dict, list, tuple)


def filler(container: Any, what: str) -> Callable[[Any], Any]:
    """What makes containers that are as a given one, but for what is in them.

    A named tuple, an OrderedDict, a Counter or a class derived from list, tuple or dict stays what it is, with its
    attributes; a defaultdict keeps its default.

    Args:
        container: A list, tuple or dict. What is in it is not kept.
        what: What it is, for the message.

    Returns:
        A function of a new list (for lists and tuples) or dict (with the same keys).

    Raises:
        TypeError: A container of this kind does not hold what it is given: at once, or when the function is called.

    Example:
        >>> import collections
        >>> filler(collections.defaultdict(list, {"a": 1}), "the point")({"a": 2})
        defaultdict(<class 'list'>, {'a': 2})
    """
    kind: Any = type(container)
    if kind in BUILT_IN:
        return kind  # type: ignore[no-any-return]
    if isinstance(container, tuple):
        attributes = dict(getattr(container, "__dict__", {}))
        return lambda contents: _checked(lambda: _tuple(kind, contents, attributes), contents, kind, what)
    # What was in it, maybe a graph of Values, is not to be held.
    nothing: Any = dict.fromkeys(container, 0.0) if isinstance(container, dict) else [0.0] * len(container)
    blank = _checked(lambda: _refilled(container, nothing), nothing, kind, what)
    return lambda contents: _checked(lambda: _refilled(blank, contents), contents, kind, what)


def _tuple(kind: Any, contents: list[Any], attributes: dict[str, Any]) -> Any:
    made = getattr(kind, "_make", kind)(contents)  # named tuples have a constructor of their own
    derived = kind.__new__ is not tuple.__new__ or kind.__init__ is not object.__init__
    if attributes and (hasattr(kind, "_make") or not derived):  # else the constructor makes them of the contents
        made.__dict__.update(attributes)
    return made


def _refilled(container: Any, contents: Any) -> Any:
    made = copy.copy(container)
    if isinstance(contents, list):
        made[:] = contents
    else:
        for key, thing in contents.items():
            made[key] = thing
    return made


def _checked(make: Callable[[], Any], contents: Any, kind: type, what: str) -> Any:
    """A new container, if it is of the kind and has the contents, the same and in the same order."""
    try:
        made = make()
        keys, there = (list(made), list(made.values())) if isinstance(contents, dict) else ([], list(made))
        wanted = list(contents.values()) if isinstance(contents, dict) else contents
        right = type(made) is kind and len(there) == len(wanted)
        right = right and all(map(lambda a, b: a is b, there, wanted)) and keys == (list(contents) if keys else [])
    except Exception as error:
        raise TypeError(_refusal(kind, what)) from error
    if not right:
        raise TypeError(_refusal(kind, what))
    return made


def _refusal(kind: type, what: str) -> str:
    plain = next(base for base in BUILT_IN if issubclass(kind, base)).__name__
    return f"{what} is a {kind.__name__}, which cannot be made anew with Values in it: pass a plain {plain} instead"


def outline(container: Any) -> Any:
    """Equal for containers that are alike but for what is in them: of one kind, with equal attributes and default.

    Raises:
        TypeError: An attribute cannot be compared.
    """
    kind = type(container)
    if kind in BUILT_IN:
        return kind
    attributes = {
        name: attribute
        for name, attribute in getattr(container, "__dict__", {}).items()
        if not (isinstance(container, dict) and container.get(name) is attribute)  # its items, once more
    }
    try:
        known = tuple((name, with_types(attributes[name])) for name in sorted(attributes))
        hash(known)
    except TypeError:
        raise TypeError(
            f"a {kind.__name__} has attributes, of which a compiled function could not tell whether they are still the "
            f"same: {describe(attributes)}"
        ) from None
    return (kind, _default(getattr(container, "default_factory", None)), known)


def _default(factory: Any) -> Any:
    code = getattr(factory, "__code__", None)
    if code is None or factory.__closure__:
        return factory
    return (code, factory.__defaults__)  # a lambda that is written at a call is another one each time


def with_types(thing: Any) -> Any:
    """Something hashable together with its types: 1, 1.0 and True are equal, but not the same.

    Example:
        >>> with_types((1, "a")) == with_types((True, "a"))
        False
    """
    if isinstance(thing, tuple):
        return (type(thing), *map(with_types, thing))
    if isinstance(thing, frozenset):
        return (type(thing), frozenset(map(with_types, thing)))
    return (type(thing), thing.hex() if isinstance(thing, float) else thing)  # -0.0 equals 0.0, and nan not itself
