"""The thread in which LLVM works: no signal handler runs there, and no process is forked while it does.

Python runs signal handlers in the main thread, between any two steps of its code. One that raises there, as
Ctrl-C does, would leave things of LLVM's freed half or twice, and one that compiles would find LLVM at work.
So whoever needs LLVM hands a function to another thread and waits. Such a thread lives as long as there is work.
"""

from __future__ import annotations

import _thread
import atexit
import sys
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from microgrady.forks import at_fork

T = TypeVar("T")

_STACK = 16 << 20  # bytes; where the program has asked for small stacks, they are too small for LLVM

_jobs: deque[Any] = deque()  # what is to do, and references to each `Held` that is gone
_things: dict[Any, Any] = {}  # what is held, by such references
_draining = _thread.allocate_lock()  # whoever has it takes the jobs, one after the other
_working = threading.RLock()  # whoever has it uses LLVM, or wants that nobody does
_turnstile = threading.RLock()  # passed before each job, so that who keeps it gets at `_working` after the present one
_ends: list[bool] = []  # not empty once Python is about to exit


class _Here(threading.local):
    """Whether this thread is one in which LLVM works."""

    working = False


_here = _Here()


class _Job:
    """A function to call, and then what it returned or raised."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.thread = _thread.get_ident()
        self.done = False
        self.ended = _thread.allocate_lock()
        self.ended.acquire()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)  # what stands in them should not die in another thread
            self.error = error
        self.done = True
        self.ended.release()


class Held:
    """A keeper of a thing of LLVM's. Once this is gone, the thing dies where LLVM works, before the next function.

    The thing itself stands elsewhere: the collector of cycles would end it together with what holds it. And the
    number of steps in Python between the two ends, in which a signal handler could raise, is zero.

    Args:
        thing: What to keep. Nothing else may refer to it.
    """

    def __init__(self, thing: Any) -> None:
        reference = weakref.ref(self, _jobs.append)
        hash(reference)  # as long as it can be computed
        _things[reference] = thing


def run_in_worker(function: Callable[[], T]) -> T:
    """Call a function in the thread where LLVM works, and wait.

    A signal handler that raises meanwhile is heeded when the function has ended, unless another one does so before;
    then the work goes on by itself.

    Returns:
        What the function returns.

    Raises:
        BaseException: What the function raises, or the signal handler.
    """
    if _here.working:  # the collector has called something there that compiles
        return function()
    if _ends:
        with _working:
            return function()
    job = _Job(function)
    _jobs.append(job)
    _start()
    interrupt: BaseException | None = None
    while not job.done:
        try:
            job.ended.acquire()
        except BaseException as error:
            interrupt = interrupt or error
    if interrupt is not None:
        raise interrupt
    if job.error is not None:
        raise job.error
    found: T = job.result
    return found


def _start() -> None:
    previous = threading.stack_size()
    try:
        if 0 < previous < _STACK:
            threading.stack_size(_STACK)
        _thread.start_new_thread(_work, ())
    except RuntimeError:  # there are no threads, or no more of them
        _work()
    finally:
        threading.stack_size(previous)


def _work() -> None:
    outer, _here.working = _here.working, True
    try:
        # What comes after another thread has found no more jobs, it finds when it has given up `_draining`.
        while _jobs and _draining.acquire(blocking=False):
            try:
                _drain()
            finally:
                _draining.release()
    finally:
        _here.working = outer


def _drain() -> None:
    while _jobs:
        with _turnstile:
            pass
        with _working:
            job = _jobs.popleft()
            if isinstance(job, _Job):
                job.run()
            else:
                _things.pop(job, None)


_taken_by_forks: list[list[Any]] = []  # the innermost fork's last: a signal handler may fork as well


def _before_fork() -> None:
    taken = []
    binding = sys.modules.get("llvmlite.binding.ffi")
    # Others may use LLVM too. llvmlite has one lock for all of it, of which a child could not free itself.
    other = getattr(getattr(getattr(binding, "lib", None), "_lock", None), "_lock", None)
    for lock in (_turnstile, _working, other):
        if lock is not None:
            lock.acquire()
            taken.append(lock)
    _taken_by_forks.append(taken)


def _after_fork() -> None:
    for lock in reversed(_taken_by_forks.pop()):
        lock.release()


def _in_child() -> None:
    global _draining
    _after_fork()
    _draining = _thread.allocate_lock()
    # The thread that works has stayed behind, as have those that wait for it, but for this one in a signal handler.
    kept = [job for job in _jobs if not isinstance(job, _Job) or job.thread == _thread.get_ident()]
    _jobs.clear()
    _jobs.extend(kept)
    if any(isinstance(job, _Job) for job in kept):
        _start()


def _at_exit() -> None:
    _turnstile.acquire()
    _working.acquire()  # both for ever: LLVM must not be at work when its library is unloaded
    _ends.append(True)


at_fork(_before_fork, _after_fork, _in_child)
atexit.register(_at_exit)
