"""Run tests in threads, which must end in time: in several at once, or in one with a small stack."""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable, Iterable

import microgrady as mg

# CPython 3.13 itself recurses some thousand objects deep before it frees a chain piece by piece. The
# compiled engine has its own way, which needs less.
PATIENT = mg.engine_kind() == "python" and sys.version_info >= (3, 13)
SMALL_STACK = (4096 if PATIENT else 256) * 1024
PATIENCE = 120.0  # seconds that a thread may take


def start(*works: Callable[[], object]) -> list[threading.Thread]:
    """Start a thread for each function. One that hangs does not keep Python from ending."""
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def join(threads: Iterable[threading.Thread]) -> None:
    """Wait for threads to end, which they must in time."""
    stop = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, stop - time.monotonic()))
        assert not thread.is_alive(), f"a thread did not end in {PATIENCE:g} s"


def run_in_threads(work: Callable[[int], None], count: int = 8) -> None:
    """Call `work` with 0, 1, ... in as many threads at once; what one raises fails the test."""
    failures: list[BaseException] = []
    together = threading.Barrier(count, timeout=PATIENCE)

    def guarded(index: int) -> None:
        try:
            together.wait()
            work(index)
        except BaseException as failure:
            failures.append(failure)

    join(start(*(functools.partial(guarded, index) for index in range(count))))
    assert not failures, failures


def run_on_a_small_stack(work: Callable[[], None]) -> None:
    """Call `work` in a thread that has a small stack."""
    previous = threading.stack_size(SMALL_STACK)
    try:
        run_in_threads(lambda index: work(), 1)
    finally:
        threading.stack_size(previous)
