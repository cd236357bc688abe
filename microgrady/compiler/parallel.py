"""Work in pieces, in several threads."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

WAKE = 0.05  # seconds after which threads that wait look how far the others are


def usable_cores() -> int:
    """Return how many cores this process may use: fewer than there are, where OMP_NUM_THREADS says so.

    Dask and joblib set it for their processes, of which each has a share of the cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(1, min(cores, int(share))) if share.isdecimal() else cores


class StoppedError(Exception):
    """What is being done need not be done any more: the calling thread was interrupted."""


class Caller:
    """The thread that has asked for some work, as the threads see it that do pieces.

    Python interrupts only the main thread, so what may last for ever is called there.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._errands: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._is_gone = False

    def ask(self, function: Callable[[], T]) -> T:
        """Have the calling thread call a function, and return what it returns."""
        if threading.get_ident() == self._thread:
            return function()
        answer: Future[T] = Future()
        self._errands.put((answer, function))
        while not answer.done():
            self.require()
            wait([answer], WAKE)
        return answer.result()

    def require(self) -> None:
        """Raise if the calling thread does not wait any more."""
        if self._is_gone:
            raise StoppedError

    def serve(self, seconds: float) -> None:
        """Call a function for another thread, if one asks for it within some time."""
        try:
            errand = self._errands.get(timeout=seconds)
        except Empty:
            return
        if errand is None:
            return
        answer, function = errand
        try:
            answer.set_result(function())
        except Exception as error:
            answer.set_exception(error)

    def wake(self) -> None:
        """Let the calling thread look what there is."""
        self._errands.put(None)

    def leave(self) -> None:
        """Let the other threads end as soon as they can."""
        self._is_gone = True


def do_pieces(
    count: int, threads: int, new_worker: Callable[[Caller], Callable[[int], None]], report: Callable[[int], None]
) -> None:
    """Do all pieces of some work, in any order, and return when they are done.

    What a piece raises is raised, that of the first piece if there are several; then no more pieces are begun. So it is
    with Ctrl-C, after which it is not waited for those that have begun.

    Args:
        count: How many pieces there are.
        threads: In how many threads they are done; 1 for this one.
        new_worker: Called in each thread: returns what does a piece, by its number.
        report: Called in this thread with how many pieces have been done since the last call.
    """
    caller = Caller()
    if threads == 1 or count == 1:
        work = new_worker(caller)
        for piece in range(count):
            work(piece)
            report(1)
        return
    crew = _Crew(count, new_worker, caller)
    executor = ThreadPoolExecutor(min(threads, count), "microgrady")
    reported = 0
    try:
        working = {executor.submit(crew.work) for _ in range(min(threads, count))}
        while working:
            caller.serve(WAKE)
            working = {each for each in working if not each.done()}
            done, reported = crew.done - reported, crew.done
            report(done)
    finally:
        caller.leave()
        executor.shutdown(wait=False)
    if crew.errors:
        raise min(crew.errors, key=lambda entry: entry[0])[1]


class _Crew:
    """What the threads have in common.

    Attributes:
        done: How many pieces have been done.
        errors: What pieces raised, each with the number of the piece.
    """

    def __init__(self, count: int, new_worker: Callable[[Caller], Callable[[int], None]], caller: Caller) -> None:
        self.done = 0
        self.errors: list[tuple[int, BaseException]] = []
        self._waiting: Iterator[int] = iter(range(count))
        self._new_worker = new_worker
        self._caller = caller
        self._lock = threading.Lock()

    def work(self) -> None:
        """Do pieces until there are no more."""
        piece = -1
        try:
            work = self._new_worker(self._caller)
            while not self.errors:
                with self._lock:
                    piece = next(self._waiting, -1)
                if piece < 0:
                    break
                work(piece)
                with self._lock:
                    self.done += 1
        except BaseException as error:
            self.errors.append((piece, error))
        self._caller.wake()


@contextlib.contextmanager
def progress_bar(count: int, name: str, shown: bool) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how many points have been done, for a bar if one is to be shown.

    Raises:
        ImportError: tqdm, which draws it, is not installed.
    """
    if not shown:
        yield lambda points: None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        raise ImportError('progress=True needs tqdm: pip install "microgrady[progress]"') from None
    with tqdm(total=count, desc=f"vmap of {name}", unit=" points", unit_scale=True, leave=False) as bar:

        def advance(points: int) -> None:
            bar.update(min(points, count - bar.n))  # the last piece may have fewer

        yield advance
