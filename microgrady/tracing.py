"""What runs a function on Values knows of it: which transform, and who wants to be told of comparisons."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Protocol


class Recorder(Protocol):
    """What compiles a function, and therefore wants to know of all in it that depends on the numbers.

    Attributes:
        since: A mark. What was made before it is from outside of the function.
    """

    since: int

    def compared(self, symbol: str, left: Any, right: Any, outcome: bool) -> None:
        """A comparison was made, and decides which way the function goes."""

    def leaving(self, value: Any, action: str) -> None:
        """A Value is about to become a plain number. Raises if that would make it a constant in silence."""

    def changing(self, action: str) -> None:
        """Something is about to be changed that a program could not change. Raises."""


class _Tracing(threading.local):
    """What goes on in this thread.

    Attributes:
        transform: The transform that runs a function, for messages; empty outside. It decides what float() may do.
        recorder: What records, if anything does.
        own_work: Whether the package itself looks at Values, which it may hash.
    """

    transform = ""
    recorder: Recorder | None = None
    own_work = False


tracing = _Tracing()

# Not empty while any thread records: only then is it asked whether this thread does.
recorders: list[Recorder] = []


@contextlib.contextmanager
def own_work() -> Iterator[None]:
    """While the package's own code keeps Values in sets and dicts, which in a recorded function would be wrong."""
    outer = tracing.own_work
    tracing.own_work = True
    try:
        yield
    finally:
        tracing.own_work = outer


def leave(value: Any, action: str) -> None:
    """Called before the number in a Value gets out of the graph; `action` says by what."""
    if recorders and tracing.recorder is not None:
        tracing.recorder.leaving(value, action)
