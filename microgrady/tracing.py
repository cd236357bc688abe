"""The runs of functions on Values: which of them go on, and what they are told of their Values.

No thread has a flag that says "inside", which Ctrl-C could leave behind. A run is executed by a generator, and Python
itself knows whether it executes that: a run whose generator is not being executed is over, whatever has ended it.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from microgrady.comparisons import Comparison
from microgrady.forks import at_fork
from microgrady.introspection import frame_outside, is_code_of
from microgrady.refusals import advice, explained


class Run:
    """One run of a function on Values.

    Args:
        title: What runs what, for messages: "grad of f".
        inputs: The Values that the function gets.
        since: A mark. What was made before it is from outside of the function.

    Attributes:
        refusal: The first conversion of a Value to a float that was refused in it.
    """

    def __init__(self, title: str, inputs: list[Any], since: int) -> None:
        self.title = title
        self.inputs = {id(value): value for value in inputs}  # by identity: no Value may be hashed in a recording
        self.since = since
        self.refusal: TypeError | None = None
        self._thread = threading.get_ident()
        self._body: Any = None
        self._stopped: StopIteration | None = None

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns.

        Raises:
            TypeError: It turned a Value into a float, and caught the refusal, or NumPy could not take its Values.
        """
        __tracebackhide__ = True
        self._body = self._execute(function, args, kwargs)
        try:
            output = next(self._body)
        finally:
            _forget(self)
            self._body = None  # which refers back
        if self._stopped is not None:
            raise self._stopped
        if self.refusal is not None:
            raise self.refusal
        return output

    def _execute(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Any]:
        __tracebackhide__ = True
        self._begin()
        try:
            output = function(*args, **kwargs)
        except StopIteration as stopped:  # which no generator can raise
            self._stopped, output = stopped, None
        except (TypeError, AttributeError) as error:
            better = explained(error)
            if better is None:
                raise
            raise better from error
        yield output

    def _begin(self) -> None:
        runs.append(self)

    @property
    def goes_on(self) -> bool:
        """Whether the function is being executed."""
        return self._body is not None and bool(self._body.gi_running)

    @property
    def is_here(self) -> bool:
        """Whether it is this thread that executes it."""
        return self._thread == threading.get_ident()

    def depends(self, value: Any) -> bool:
        """Return whether a Value depends on the inputs or, in the run's own thread, on a Value from outside."""
        return self._reaches(value, self.is_here)

    def _reaches(
        self, value: Any, outside: bool, unrelated: Collection[int] = (), related: Collection[int] = ()
    ) -> bool:
        """Return whether the graph of a Value reaches the inputs or, if asked for, a Value from outside.

        Of nodes that are known to be `unrelated` or `related` it is not asked again.
        """
        seen = {id(value)}
        stack = [value]
        while stack:
            node = stack.pop()
            if id(node) in self.inputs or id(node) in related or (outside and node._mark < self.since):
                return True
            if node._primitive is None or node._mark < self.since:
                continue
            for operand in (node._left, node._right):
                if operand is not None and id(operand) not in seen and id(operand) not in unrelated:
                    seen.add(id(operand))
                    stack.append(operand)
        return False


class Recorder(Run):
    """A run that records a function to compile it, and so is told what depends on the numbers."""

    def __init__(self, title: str, inputs: list[Any], since: int) -> None:
        super().__init__(title, inputs, since)
        self._threads = threading.enumerate()
        # What other threads compared, by ids, which no other Value can take while these are kept.
        self._related: dict[int, Any] = {}
        self._unrelated: dict[int, Any] = {}
        self._lock = threading.RLock()  # a signal handler may compare while its thread has it

    def _begin(self) -> None:
        super()._begin()
        recorders.append(self)

    def hears(self, *operands: Any) -> bool:
        """Return whether a comparison of these may decide which way the function goes."""
        return self.is_here or any(self._concerns(value) for value in operands if hasattr(value, "_mark"))

    def _concerns(self, value: Any) -> bool:
        """Return whether a Value that another thread compares has to do with the function."""
        if value._primitive is None and value._mark < self.since and id(value) not in self.inputs:
            # A parameter. A thread that was not there before is likely to work for the function; if it does not,
            # the comparison is one more guard that does no harm.
            return threading.current_thread() not in self._threads
        with self._lock:
            if id(value) in self._unrelated:
                return False
            related = self._reaches(value, False, self._unrelated, self._related)
            (self._related if related else self._unrelated)[id(value)] = value
        return related

    def compared(self, symbol: str, left: Any, right: Any, outcome: bool) -> None:
        """Note how a comparison came out."""
        raise NotImplementedError

    def decided(self, symbol: str, left: Any, right: Any, outcome: bool) -> bool:
        """Note a comparison, and return how it comes out."""
        self.compared(symbol, left, right, outcome)
        return outcome

    def refuse(self, action: str) -> None:
        """Raise, as `action` would make a constant of a number that depends on the arguments."""
        raise NotImplementedError

    def refuse_change(self, action: str) -> None:
        """Raise, as a program could not change what is about to be changed."""
        raise NotImplementedError


# The runs that go on in any thread, and those of them that record. Both lists are mostly empty, and Values then only
# look whether they are.
runs: list[Run] = []
recorders: list[Recorder] = []


def _forget(run: Run) -> None:
    runs_and_recorders: tuple[list[Any], ...] = (runs, recorders)
    for running in runs_and_recorders:
        with contextlib.suppress(ValueError):
            running.remove(run)


def _going(running: Sequence[Run]) -> Iterator[Any]:
    """Yield those that go on, the innermost first. Others, which an interrupt has left, are dropped."""
    for run in tuple(reversed(running)):
        if run.goes_on:
            yield run
        else:
            _forget(run)


def _forget_other_threads() -> None:
    for run in tuple(runs):
        if not run.is_here:
            _forget(run)


at_fork(lambda: None, lambda: None, _forget_other_threads)  # in the child they do not run


def run_here() -> Run | None:
    """Return the innermost run of this thread."""
    return next((run for run in _going(runs) if run.is_here), None) if runs else None


def recorder_of(value: Any) -> Recorder | None:
    """Return what records in this thread, or another thread's recorder whose inputs the Value depends on."""
    return next((recorder for recorder in _going(recorders) if recorder.hears(value)), None) if recorders else None


def is_input_elsewhere(values: list[Any]) -> bool:
    """Return whether one of the Values is an input of a run that goes on."""
    return any(id(value) in run.inputs for run in _going(runs) for value in values)


# Values call the six below while anything records, before they do what is said.


def comparison(symbol: str, left: Any, right: Any, outcome: bool) -> bool:
    """Return how a comparison came out: for those whose function it may decide not before it is asked for."""
    hearing = [recorder for recorder in _going(recorders) if recorder.hears(left, right)]
    undecided: Any = Comparison(symbol, left, right, outcome, hearing) if hearing else outcome
    return undecided  # type: ignore[no-any-return]  # it is used as a bool


def compare(symbol: str, left: Any, right: Any, outcome: bool) -> None:
    """Tell those whose function a comparison may decide how it came out."""
    for recorder in _going(recorders):
        if recorder.hears(left, right):
            recorder.compared(symbol, left, right, outcome)


def rounds_to(rounding: Callable[[float], int], value: Any, whole: int) -> None:
    """Tell those whose function it may decide between which numbers a Value lies that was rounded to `whole`."""
    if abs(whole) >= 2**52:  # from where on every float is whole
        compare("==", value, whole, True)
        return
    low: float = whole
    high: float = whole
    if rounding is round:
        low, high = whole - 0.5, whole + 0.5
        closed_low = closed_high = whole % 2 == 0
    else:
        closed_low = rounding is math.floor or (rounding is math.trunc and whole > 0)
        closed_high = rounding is math.ceil or (rounding is math.trunc and whole < 0)
        low -= not closed_low
        high += not closed_high
    compare(">=" if closed_low else ">", value, float(low), True)
    compare("<=" if closed_high else "<", value, float(high), True)


def escaping(value: Any, action: str) -> None:
    """Tell those whose function it concerns by which action the number in a Value escapes from the graph."""
    for recorder in _going(recorders):
        if recorder.depends(value):
            recorder.refuse(action)


def changing(value: Any, action: str) -> None:
    """Tell those whose function it concerns by which action something in a Value changes."""
    for recorder in _going(recorders):
        if recorder.is_here or id(value) in recorder.inputs:
            recorder.refuse_change(action)


def hashing(value: Any) -> None:
    """Tell those whose function it concerns that a Value is hashed, unless the package itself does so."""
    frame = frame_outside("microgrady.value")
    if frame is None or not is_code_of(frame, "microgrady"):
        escaping(value, "a set, a dict or hash(v)")


def refusal(value: Any) -> TypeError:
    """Return the error for a Value that is about to become a float. Every run that it matters to keeps it.

    A function may catch it and return something else, whose derivative would then be wrong without a word.
    """
    here = run_here()
    subject = "a Value" if here is None else f"inside {here.title} a Value"
    error = TypeError(f"{subject} must not become a float, or its derivative would be lost: {advice()}")
    for run in _going(runs):
        if run.refusal is None and run.depends(value):
            run.refusal = error
    return error
