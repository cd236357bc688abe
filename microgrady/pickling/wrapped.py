"""What is made of a function: the parts that last, and where it stands in a module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class Wrapped:
    """What is made of a function, and lasts as long as its parts are the same."""

    __wrapped__: Callable[..., Any]

    def _parts(self) -> dict[str, Any]:
        """Return what lasts: the attributes but for those that `_restore` makes of the others."""
        return dict(self.__dict__)

    def _restore(self, parts: dict[str, Any]) -> None:
        """Set up a new object from such attributes. Objects among them may not be complete yet."""
        self.__dict__.update(parts)


def is_global(function: Any) -> bool:
    """Return whether a function stands in a module under its name, as it is or in a wrapper: then pickles name it."""
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
