"""Scopes: names for parts of a computation, by which pictures group and fold it.

A scope rides on the label of each Value made in it, so that a Value outside of scopes pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager


class Scope:
    """One run through a `with scope(...)`, inside those around it.

    Args:
        name: What pictures call it.
        outer: The scopes around it, the outermost first.
    """

    __slots__ = ("name", "path")

    def __init__(self, name: str, outer: tuple[Scope, ...]) -> None:
        self.name = name
        self.path: tuple[Scope, ...] = (*outer, self)

    def __getstate__(self) -> tuple[str, tuple[Scope, ...]]:
        return self.name, self.path[:-1]

    def __setstate__(self, state: tuple[str, tuple[Scope, ...]]) -> None:
        name, outer = state
        self.name, self.path = name, (*outer, self)


class ScopedLabel(str):
    """The label of a Value that was made in a scope."""

    __slots__ = ("scope",)
    scope: Scope

    def __new__(cls, label: str, scope: Scope) -> ScopedLabel:
        """A label, which is compared and written as any other str, with its scope."""
        scoped = super().__new__(cls, label)
        scoped.scope = scope
        return scoped

    def __getnewargs__(self) -> tuple[str, Scope]:  # type: ignore[override]
        return str(self), self.scope


# Not empty while any thread is in a scope: only then is it asked which scope is this thread's.
open_scopes: list[Scope] = []
_unlabelled: ContextVar[str] = ContextVar("unlabelled", default="")


def unlabelled() -> str:
    """The label of a new Value that has not been given one."""
    return _unlabelled.get()


def relabelled(old: str, label: str) -> str:
    """The label, in the scope of the old one."""
    return ScopedLabel(label, old.scope) if type(old) is ScopedLabel else str(label)


def path_of(label: str) -> tuple[Scope, ...]:
    """The scopes that a label carries, the outermost first."""
    return label.scope.path if type(label) is ScopedLabel else ()


def scope(name: str) -> _GeneratorContextManager[None]:
    """Names the part of a computation that runs inside it: a layer, a step, a loss.

    A picture frames what was made in one run through a scope, and folds it into one box where the graph is
    large. Scopes nest, and belong to a thread or an asynchronous task (a generator that pauses inside a scope leaves it
    open for whoever runs in between).

    Args:
        name: What pictures call it. Repeated parts may have the same name or differ in a number.

    Returns:
        A context manager, which is a decorator, too.

    Raises:
        TypeError: `name` is no str.
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
    return _open(name)


@contextmanager
def _open(name: str) -> Iterator[None]:
    opened = Scope(name, path_of(_unlabelled.get()))
    before = _unlabelled.set(ScopedLabel("", opened))
    open_scopes.append(opened)
    try:
        yield
    finally:
        open_scopes.remove(opened)
        _unlabelled.reset(before)
