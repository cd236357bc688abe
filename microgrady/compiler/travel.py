"""How a function gets into another process."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from typing import Any


class ByName:
    """A function of a module, which may stand there under its name as it is or compiled."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def find(self, wrapper: type | None = None) -> Any:
        """The function: out of a `wrapper` that stands under its name."""
        found = sys.modules.get(self.module) or __import__(self.module, fromlist=["*"])
        for part in self.name.split("."):
            found = getattr(found, part)
        return found._function if wrapper is not None and isinstance(found, wrapper) else found


def portable(function: Callable[..., Any] | None, wrapper: type) -> Any:
    """What can be pickled of a function: its name, itself where something can pickle it, or nothing."""
    by_name = ByName(getattr(function, "__module__", "") or "", getattr(function, "__qualname__", ""))
    try:
        if by_name.find(wrapper) is function:
            return by_name
    except (ImportError, AttributeError, ValueError):
        pass
    try:
        pickle.dumps(function)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return function
