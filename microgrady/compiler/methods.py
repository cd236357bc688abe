"""Compiled methods: one compiled function for each object."""

from __future__ import annotations

import copy
import functools
import types
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from microgrady.inputs import describe
from microgrady.value import Value

if TYPE_CHECKING:
    from microgrady.compiler.jit import Jitted

HELD = 128  # objects of classes without weak references for which something compiled is kept


class Methods:
    """What has been compiled of one method, object by object, for as long as the object lives."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Callable[[], Any], Jitted]] = {}  # by the id of the object
        self._held: list[int] = []

    def of(self, instance: Any) -> Jitted | None:
        """What is there for an object."""
        known = self._known.get(id(instance))
        return known[1] if known is not None and known[0]() is instance else None

    def keep(self, instance: Any, jitted: Jitted) -> Callable[[], Any]:
        """Keep something for an object; gives what refers to the object without keeping it alive, where that can be."""
        key = id(instance)
        try:
            reference: Callable[[], Any] = weakref.ref(instance, functools.partial(self._forget, key))
        except TypeError:  # its class has slots, and none for this
            reference = functools.partial(_same, instance)
            self._held.append(key)
            for oldest in self._held[:-HELD]:
                self._known.pop(oldest, None)
            del self._held[:-HELD]
        self._known[key] = reference, jitted
        return reference

    def _forget(self, key: int, reference: Any) -> None:
        if key in self._known and self._known[key][0] is reference:
            del self._known[key]


def _same(thing: Any) -> Any:
    return thing


class BoundMethod:
    """A compiled method of one object: what was compiled for this object alone.

    An object that is a number or a container of numbers is an argument like the others.
    """

    __slots__ = ("__func__", "__self__", "_before", "_jitted")
    __func__: Jitted
    __self__: Any
    _jitted: Jitted
    _before: tuple[Any, ...]

    def __init__(self, method: Jitted, instance: object) -> None:
        self.__setstate__((method, instance))

    def __getstate__(self) -> tuple[Jitted, Any]:
        return self.__func__, self.__self__

    def __setstate__(self, state: tuple[Jitted, Any]) -> None:
        self.__func__, self.__self__ = state
        self._jitted, self._before = self.__func__._compiled_for(self.__self__)

    def __deepcopy__(self, memo: dict[int, Any]) -> BoundMethod:
        return BoundMethod(self.__func__, copy.deepcopy(self.__self__, memo))

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """As a call of what `jit` gives."""
        __tracebackhide__ = True
        return self._jitted(*self._before, *args, **kwargs)

    def backward(self, /, *args: Any, **kwargs: Any) -> float:
        """As `Jitted.backward`."""
        value: float = self._jitted.backward(*self._before, *args, **kwargs)
        return value

    def graph(self, /, *args: Any, **kwargs: Any) -> list[Value]:
        """As `Jitted.graph`."""
        values: list[Value] = self._jitted.graph(*self._before, *args, **kwargs)
        return values

    @property
    def __wrapped__(self) -> Any:
        """The method of the object."""
        return types.MethodType(self.__func__.__wrapped__, self.__self__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundMethod) and self.__self__ is other.__self__ and self.__func__ is other.__func__

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.__func__))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__name__", "__qualname__"):
            raise AttributeError(name)  # also before the others are there
        return getattr(self._jitted, name)

    def __repr__(self) -> str:
        return f"<{self._jitted!r} for {describe(self.__self__)}>"
