"""Functions made of functions, by transforms and by jit: how they are pickled and copied by their parts."""

from __future__ import annotations

import copy
import functools
import pickle
import sys
import types
import warnings
from typing import Any

from microgrady.inputs import describe
from microgrady.introspection import frame_outside
from microgrady.pickling.fingerprint import Fingerprint
from microgrady.pickling.wrapped import Wrapped, found, is_global


class Wrapper(Wrapped):
    """A function made of another one. Pickles and copies are made of its parts, above all of that other function.

    Where a module has it under the name of that function, as the result of a decorator, a pickle only names it, as
    pickles do with functions. A deep copy is made of a deep copy of the function, so that a method of a copied object
    belongs to the copy.
    """

    _place = ""  # in a class

    def __set_name__(self, owner: type, name: str) -> None:
        self._place = f"{owner.__qualname__}.{name}"

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        return _global_name(self) or super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        return {**self._parts(), "__wrapped__": _apart(self.__wrapped__)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._restore({**state, "__wrapped__": _together(state["__wrapped__"])})

    def __copy__(self) -> Any:
        return self  # as functions do

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = memo[id(self)] = type(self).__new__(type(self))
        function = deep_copy(self.__wrapped__, memo)
        _warn_of_originals(self, memo)
        if function is self.__wrapped__:
            memo[id(self)] = self
            return self
        twin._restore({**self._parts(), "__wrapped__": function})
        return twin


def _warn_of_originals(wrapper: Wrapper, memo: dict[int, Any]) -> None:
    if Fingerprint(wrapper).leaves_behind(memo):
        warnings.warn(
            f"the copy of {wrapper!r} uses the Values of the original, to which its function refers by names of a "
            "module: give them to it as arguments, or let it be a method or refer to them in a function around it",
            RuntimeWarning,
            stacklevel=2,
        )


def _global_name(wrapper: Wrapper) -> str | None:
    """Return the name under which a wrapper stands in its module, if the loading process will find it there."""
    function: Any = wrapper
    while isinstance(function, Wrapped):
        function = function.__wrapped__
    for name in (str(getattr(function, "__qualname__", "")), wrapper._place):
        if found(wrapper, name) is wrapper:
            pickler = pickler_by_value()
            return None if pickler is not None and _goes_by_value(wrapper.__module__, pickler) else name
    return None


def pickler_by_value() -> Any:
    """Return the pickler at work, if it is one that pickles functions by what they are made of, as cloudpickle does.

    What is pickled is not told by which pickler. But the code that asks for its parts is a method of that pickler.
    """
    frame = frame_outside("microgrady", "copyreg")
    pickler = None if frame is None else frame.f_locals.get("self")
    plain: Any = pickle._Pickler
    if isinstance(pickler, plain):
        return None if pickler.dispatch.get(types.FunctionType) is plain.dispatch[types.FunctionType] else pickler
    return pickler if isinstance(pickler, pickle.Pickler) and hasattr(pickler, "reducer_override") else None


def _goes_by_value(module: str, pickler: Any) -> bool:
    """Return whether a pickler by value assumes that other processes cannot import a module."""
    makers = [sys.modules.get(kind.__module__) for kind in type(pickler).__mro__]
    registries = [getattr(maker, "list_registry_pickle_by_value", set) for maker in makers]
    return module == "__main__" or any(module in registry() for registry in registries)


class _Method:
    """A bound method in a pickle. Python would look its name up at the object, where an attribute may have it."""

    function: Any
    instance: Any


class _Partial:
    """A functools.partial in a pickle. Its own way of being pickled fails where an argument refers to it."""

    function: Any
    args: tuple[Any, ...]
    keywords: dict[str, Any]


def _apart(function: Any) -> Any:
    if type(function) is types.MethodType:
        method = _Method()
        method.function, method.instance = _apart(function.__func__), function.__self__
        return method
    if type(function) is functools.partial:
        partial = _Partial()
        partial.function, partial.args, partial.keywords = _apart(function.func), function.args, function.keywords
        return partial
    return function


def _together(parts: Any) -> Any:
    if type(parts) is _Method:
        return types.MethodType(_together(parts.function), parts.instance)
    if type(parts) is _Partial:
        return functools.partial(_together(parts.function), *parts.args, **parts.keywords)
    return parts


def deep_copy(thing: Any, memo: dict[int, Any]) -> Any:
    """Return a deep copy that also has copies of functions, closed over copies of what the originals are closed over.

    `copy.deepcopy` shares functions. A function of a module, and what it refers to, is shared here, too.

    Args:
        thing: A function, or anything else.
        memo: That of `copy.deepcopy`.

    Raises:
        TypeError: A function is closed over something that cannot be copied.
    """
    if id(thing) in memo:
        return memo[id(thing)]
    kind = type(thing)
    if kind is types.ModuleType:
        return thing
    if kind is types.MethodType:
        return types.MethodType(thing.__func__, deep_copy(thing.__self__, memo))
    if kind is functools.partial:
        arguments, keywords = deep_copy([*thing.args], memo), deep_copy(thing.keywords, memo)
        return functools.partial(deep_copy(thing.func, memo), *arguments, **keywords)
    if kind is types.FunctionType:
        return _copy_of_function(thing, memo)
    if kind in (list, dict, tuple):
        return _copy_of_container(thing, memo)
    return copy.deepcopy(thing, memo)


def _copy_of_container(container: Any, memo: dict[int, Any]) -> Any:
    if type(container) is tuple:
        entries = [deep_copy(entry, memo) for entry in container]
        if id(container) not in memo:  # else an entry refers to it
            changed = any(new is not old for new, old in zip(entries, container, strict=True))
            memo[id(container)] = tuple(entries) if changed else container
        return memo[id(container)]
    twin = memo[id(container)] = type(container)()
    if type(container) is list:
        twin.extend(deep_copy(entry, memo) for entry in container)
    else:
        twin.update((deep_copy(key, memo), deep_copy(entry, memo)) for key, entry in container.items())
    return twin


def _copy_of_function(function: Any, memo: dict[int, Any]) -> Any:
    if is_global(function) or not (function.__closure__ or function.__defaults__ or function.__kwdefaults__):
        return function
    cells = [memo.setdefault(id(cell), types.CellType()) for cell in function.__closure__ or ()]
    twin = types.FunctionType(function.__code__, function.__globals__, function.__name__, None, tuple(cells))
    memo[id(function)] = twin  # it may refer to itself
    changed = False
    for name, cell, old in zip(function.__code__.co_freevars, cells, function.__closure__ or (), strict=True):
        if _is_empty(cell) and not _is_empty(old):
            cell.cell_contents = _copied(old.cell_contents, memo, function, name)
        if not _is_empty(cell):
            changed |= cell.cell_contents is not old.cell_contents and cell.cell_contents is not twin
    twin.__defaults__ = _copied(function.__defaults__, memo, function, "defaults")
    twin.__kwdefaults__ = _copied(function.__kwdefaults__, memo, function, "defaults")
    changed |= twin.__defaults__ is not function.__defaults__ or bool(twin.__kwdefaults__)
    functools.update_wrapper(twin, function, updated=())
    twin.__dict__.clear()
    twin.__dict__.update(_copied(dict(function.__dict__), memo, function, "attributes"))
    if not changed:
        memo[id(function)] = function
    return memo[id(function)]


def _is_empty(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False


def _copied(thing: Any, memo: dict[int, Any], function: Any, name: str) -> Any:
    try:
        return deep_copy(thing, memo)
    except (TypeError, copy.Error) as error:
        raise TypeError(
            f"{function.__qualname__} cannot be copied, as its {name} cannot be, which is {describe(thing)}"
        ) from error
