"""Locks that are free in a child process, whichever thread had them when the process was forked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any


def free_after_fork(lock: Any) -> Any:
    """Return the lock, a reentrant one, which from now on is taken while a process forks.

    So what it guards is whole in the child. Only for locks that live as long as the process and are held for a
    short time.
    """
    at_fork(lock.acquire, lock.release, lock.release)
    return lock


def at_fork(before: Callable[[], Any], in_parent: Callable[[], Any], in_child: Callable[[], Any]) -> None:
    """Have functions called around each fork, on systems that can fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


class LockOfOneProcess:
    """A reentrant lock. A forked child has another one, which is free.

    For locks that may be held for long, under which another thread keeps nothing half done that matters.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()

    def here(self) -> Any:
        """Return this process's lock, for a `with` statement."""
        if self._process != os.getpid():
            self._lock, self._process = threading.RLock(), os.getpid()
        return self._lock
