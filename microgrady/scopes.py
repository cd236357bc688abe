"""Scopes: names for parts of a computation, by which pictures group and fold it.

A scope rides on the label of each Value made in it, so that a Value outside of scopes pays nothing.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any


class Scope:
    """One run through a `with scope(...)`, inside those around it.

    It is open while its lock is held. A `with` takes and releases a lock without executing Python code that Ctrl-C
    could interrupt, so that no scope stays open by mistake.

    Args:
        name: What pictures call it.
        outer: The scopes around it, the outermost first.
    """

    __slots__ = ("_entry", "lock", "name", "path")

    def __init__(self, name: str, outer: tuple[Scope, ...]) -> None:
        self.name = name
        self.path: tuple[Scope, ...] = (*outer, self)
        self.lock = threading.Lock()
        self._entry: Callable[[], Any] = type(None)

    def __getstate__(self) -> tuple[str, tuple[Scope, ...]]:
        return self.name, self.path[:-1]

    def __setstate__(self, state: tuple[str, tuple[Scope, ...]]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def is_open(self) -> bool:
        """Whether its `with` is being executed, or is about to be: then there is something that takes the lock."""
        return self.lock.locked() or self._entry() is not None

    def opening(self) -> Callable[[], Any]:
        """Return what opens the scope when it is called."""
        take = self.lock.__enter__
        self._entry = weakref.ref(take)
        return take


class ScopedLabel(str):
    """The label of a Value that was made in a scope."""

    __slots__ = ("is_locked", "scope")
    scope: Scope
    is_locked: Callable[[], bool]  # that of the scope, which is asked for each Value

    def __new__(cls, label: str, scope: Scope) -> ScopedLabel:
        """Return a label, which is compared and written as any other str, with its scope."""
        scoped = super().__new__(cls, label)
        scoped.scope = scope
        scoped.is_locked = scope.lock.locked
        return scoped

    @property
    def path(self) -> tuple[Scope, ...]:
        """The scopes, the outermost first."""
        return self.scope.path

    def relabelled(self, label: str) -> ScopedLabel:
        """Return another label in the same scope."""
        return ScopedLabel(label, self.scope)

    def __getnewargs__(self) -> tuple[str, Scope]:  # type: ignore[override]
        return str(self), self.scope

    def __getstate__(self) -> None:
        """Return nothing: a label is made anew of these."""


# Not empty while any thread is in a scope: only then is it asked which scope is this thread's. What has been
# closed is found closed when the next Value is made.
open_scopes: list[Scope] = []
_unlabelled: ContextVar[str] = ContextVar("unlabelled", default="")


def unlabelled() -> str:
    """Return the label of a new Value that has not been given one."""
    label = _unlabelled.get()
    if type(label) is ScopedLabel and (label.is_locked() or label.scope.is_open):
        return label
    for scope in tuple(open_scopes):
        if not scope.is_open:
            with contextlib.suppress(ValueError):  # another thread may have found it, too
                open_scopes.remove(scope)
    outer = next((scope for scope in reversed(path_of(label)) if scope.is_open), None)
    label = ScopedLabel("", outer) if outer else ""
    _unlabelled.set(label)
    return label


def relabelled(old: str, label: str) -> str:
    """Return the label, with what the old one carries."""
    return old.relabelled(label) if isinstance(old, ScopedLabel) else str(label)


def path_of(label: str) -> tuple[Scope, ...]:
    """Return the scopes that a label carries, the outermost first."""
    return label.path if isinstance(label, ScopedLabel) else ()


def scope(name: str) -> Opening:
    """Name the part of a computation that runs inside it: a layer, a step, a loss.

    A picture frames what was made in one run through a scope, and folds it into one box where the graph is
    large. Scopes nest, and belong to a thread or an asynchronous task (a generator that pauses inside a scope leaves it
    open for whoever runs in between).

    Args:
        name: What pictures call it. Repeated parts may have the same name or differ in a number.

    Returns:
        A context manager, which is a decorator, too.

    Raises:
        TypeError: `name` is not a str.
        ValueError: `name` is empty.

    Example:
        >>> import microgrady as mg
        >>> x = mg.Value(2.0, "x")
        >>> with mg.scope("activation"):
        ...     y = mg.tanh(x)
        >>> "label=activation" in mg.draw(y).source
        True
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a scope is a str, not {type(name).__name__}")
    if not name.strip():
        raise ValueError(f"the name of a scope is not empty, as {name!r} is")
    return Opening(name)


class _Enter:
    """The `__enter__` of an `Opening`: a `with` that looks it up gets what takes the lock of a new scope."""

    def __get__(self, opening: Any, owner: type) -> Any:
        return self if opening is None else opening.open()

    def __call__(self, opening: Opening) -> bool:
        return bool(opening.open()())


class _Exit:
    """The `__exit__` of an `Opening`: what releases the lock of the latest scope."""

    def __get__(self, opening: Any, owner: type) -> Any:
        return self if opening is None else opening.latest.lock.__exit__

    def __call__(self, opening: Opening, *error: Any) -> None:
        opening.latest.lock.__exit__(*error)


class Opening(contextlib.ContextDecorator):
    """What `scope` returns: a context manager, and a decorator."""

    __enter__ = _Enter()
    __exit__ = _Exit()

    def __init__(self, name: str) -> None:
        self.name = name

    def _recreate_cm(self) -> Opening:
        return Opening(self.name)  # as the decorated function may run in several threads at once

    def open(self) -> Callable[[], Any]:
        """Make a scope, which is open as soon as what this returns is called."""
        self.latest = scope = Scope(self.name, path_of(unlabelled()))
        opening = scope.opening()
        try:
            _unlabelled.set(ScopedLabel("", scope))
            open_scopes.append(scope)
            return opening
        except BaseException:
            del opening  # else the scope would be open as long as somebody has the exception, and so this frame
            raise
