"""Runs tests in threads: in several at once, or in one with a small stack."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import microgrady as mg

# CPython 3.13 itself recurses some thousand objects deep before it frees a chain piece by piece. The
# compiled engine has its own way, which needs less.
PATIENT = mg.engine_kind() == "python" and sys.version_info >= (3, 13)
SMALL_STACK = (4096 if PATIENT else 256) * 1024


def run_in_threads(work: Callable[[int], None], count: int = 8) -> None:
    """Call `work` with 0, 1, ... in as many threads at once; what one raises fails the test."""
    failures: list[BaseException] = []
    start = threading.Barrier(count)

    def guarded(index: int) -> None:
        try:
            start.wait()
            work(index)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def run_on_a_small_stack(work: Callable[[], None]) -> None:
    """Call `work` in a thread that has a small stack."""
    previous = threading.stack_size(SMALL_STACK)
    try:
        run_in_threads(lambda index: work(), 1)
    finally:
        threading.stack_size(previous)
