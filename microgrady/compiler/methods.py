"""Compiled methods: one compiled function for each object."""

from __future__ import annotations

import copy
import functools
import types
import weakref
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from microgrady.compiler.signature import Signature, is_argument
from microgrady.inputs import describe
from microgrady.pickling.callables import Wrapper
from microgrady.value import Value

HELD = 128  # objects of classes without weak references for which something compiled is kept

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class Bindable(Wrapper, Generic[P, R]):
    """What is compiled of a function, which may be a method: then of the method of each object anew.

    An object that is a number or a container of numbers is an argument like the others.
    """

    _signature: Signature
    _function: Callable[..., Any]

    def _restore(self, parts: dict[str, Any]) -> None:
        super()._restore(parts)
        self._function = self.__wrapped__
        self._methods: Methods[Self] = Methods()

    def _made_of(self, function: Callable[..., Any]) -> Self:
        """Return the like of another function."""
        raise NotImplementedError

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(
        self: Bindable[Concatenate[S, Q], R], instance: S, owner: type[S] | None = None
    ) -> BoundMethod[Q, R]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Self: ...  # that of a static method

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None or not self._binds else BoundMethod(self, instance)

    @functools.cached_property
    def _binds(self) -> bool:
        """Whether the function takes an object of which it is a method, as those of builtins do not."""
        kind = type(self._function)
        return hasattr(kind, "__get__") and not issubclass(kind, (types.MethodType, staticmethod))

    def _is_method_of(self, first: Any) -> bool:
        """Return whether a first argument is the object of the method, and not to be calculated with."""
        if is_argument(first) or not self._binds or self._signature.is_first_static:
            return False
        name = self._signature.name
        return self._signature.parameters[:1] in (("self",), ("cls",)) or any(
            vars(kind).get(name) is self for kind in type(first).__mro__
        )

    def _for_object(self, instance: Any) -> tuple[Self, tuple[Any, ...]]:
        """Return what is compiled of the method for one object, and the arguments that it takes before the others."""
        compiled = self._methods.of(instance)
        if compiled is None:
            if is_argument(instance) or self._signature.is_first_static:
                return self, (instance,)
            compiled = self._made_of(types.MethodType(self._function, instance))
            instance_of = self._methods.keep(instance, compiled)
            # What is compiled for an object must not keep it alive.
            compiled._function = compiled.__wrapped__ = functools.partial(_call_method, self._function, instance_of)
        return compiled, ()

    def with_its_object(self) -> Self:
        """Return the like of this one that owns the object whose method it is; itself, if it is not of a method."""
        function = self._function
        if isinstance(function, functools.partial) and function.func is _call_method:
            method, instance_of = function.args
            return self._made_of(types.MethodType(method, instance_of()))
        return self


def _call_method(function: Callable[..., Any], instance_of: Callable[[], Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(instance_of(), *args, **kwargs)


C = TypeVar("C")


class Methods(Generic[C]):
    """What has been compiled of one method, object by object, for as long as the object lives."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Callable[[], Any], C]] = {}  # by the id of the object
        self._held: list[int] = []

    def of(self, instance: Any) -> C | None:
        """Return what has been kept for an object, if anything."""
        known = self._known.get(id(instance))
        return known[1] if known is not None and known[0]() is instance else None

    def keep(self, instance: Any, compiled: C) -> Callable[[], Any]:
        """Keep something for an object.

        Returns:
            What refers to the object without keeping it alive, where that can be.
        """
        key = id(instance)
        try:
            reference: Callable[[], Any] = weakref.ref(instance, functools.partial(self._forget, key))
        except TypeError:  # its class has slots, and none for this
            reference = functools.partial(_same, instance)
            self._held.append(key)
            for oldest in self._held[:-HELD]:
                self._known.pop(oldest, None)
            del self._held[:-HELD]
        self._known[key] = reference, compiled
        return reference

    def _forget(self, key: int, reference: Any) -> None:
        if key in self._known and self._known[key][0] is reference:
            del self._known[key]


def _same(thing: Any) -> Any:
    return thing


class BoundMethod(Generic[P, R]):
    """A compiled method of one object: what was compiled for this object alone."""

    __slots__ = ("__func__", "__self__", "_before", "_compiled")

    def __init__(self, method: Bindable[..., Any], instance: object) -> None:
        self.__setstate__((method, instance))

    def __getstate__(self) -> tuple[Bindable[..., Any], Any]:
        return self.__func__, self.__self__

    def __setstate__(self, state: tuple[Bindable[..., Any], Any]) -> None:
        # Typed here, as a descriptor in the class would be taken for what it gives.
        self.__func__: Bindable[..., Any] = state[0]
        self.__self__: Any = state[1]
        self._compiled: Any
        self._before: tuple[Any, ...]
        self._compiled, self._before = self.__func__._for_object(self.__self__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(self.__func__, copy.deepcopy(self.__self__, memo))

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload  # a method that takes Values is called with numbers
    def __call__(
        self: BoundMethod[Concatenate[Value, Q], Value], x: float, /, *args: Value | float, **kwargs: Any
    ) -> float: ...

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method as `Jitted.__call__` calls a function."""
        __tracebackhide__ = True
        return self._compiled(*self._before, *args, **kwargs)

    def backward(self, /, *args: P.args, **kwargs: P.kwargs) -> float:
        """Run the method and its backward pass as `Jitted.backward` does."""
        value: float = self._compiled.backward(*self._before, *args, **kwargs)
        return value

    def graph(self, /, *args: P.args, **kwargs: P.kwargs) -> list[Value]:
        """Return the program as `Jitted.graph` does."""
        values: list[Value] = self._compiled.graph(*self._before, *args, **kwargs)
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
        return getattr(self._compiled, name)

    def __repr__(self) -> str:
        return f"<{self._compiled!r} for {describe(self.__self__)}>"
