"""Functions made of other ones: the attributes that they keep, and where they stand in a module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class Wrapped:
    """A function made of another one, with attributes of its own."""

    __wrapped__: Callable[..., Any]

    def _parts(self) -> dict[str, Any]:
        """Return the attributes to keep: all but those that `_restore` computes from the others."""
        return dict(self.__dict__)

    def _restore(self, parts: dict[str, Any]) -> None:
        """Set up a new object from such attributes. Objects among them may not be complete yet."""
        self.__dict__.update(parts)


def is_global(function: Any) -> bool:
    """Return whether a module has a function, or a wrapper of it, under its name: then pickles only name it."""
    there = found(function, str(getattr(function, "__qualname__", "")))
    while isinstance(there, Wrapped) and there is not function:
        there = there.__wrapped__
    return there is function


def found(function: Any, name: str) -> Any:
    """Return what stands under a name in the module of a function."""
    there: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for part in name.split("."):
        there = getattr(there, part, None)
    return there
