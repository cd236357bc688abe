"""What value.py tells the compiler of the engine, where plain Python reads it: nothing.

It stands in for the module `cython`, which need not be installed to run microgrady.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Kind = TypeVar("Kind", bound=type)
compiled = False


def cclass(kind: Kind) -> Kind:
    """Mark a class of C, of which the .pxd has the fields."""
    return kind


def freelist(size: int) -> Callable[[Kind], Kind]:
    """Mark a class whose instances take the memory of those that were freed, of so many at most."""
    return lambda kind: kind


def no_gc(kind: Kind) -> Kind:
    """Mark a class through whose instances no cycle of references runs, so that nobody need search for one."""
    return kind
