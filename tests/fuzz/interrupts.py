"""Ctrl-C at random moments: nothing that was going on stays behind."""

from __future__ import annotations

import contextlib
import contextvars
import math
import pickle
import random
import signal
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import microgrady as mg
from microgrady import Value
from microgrady.scopes import open_scopes, unlabelled
from microgrady.tracing import recorder_of, run_here


class Interrupts:
    """What raises KeyboardInterrupt after a time, but not once the action is over."""

    armed = False

    def __init__(self) -> None:
        self.kept: list[KeyboardInterrupt] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """What the signal does."""
        if self.armed:
            raise KeyboardInterrupt

    def during(self, action: Callable[[], object], delay: float) -> bool:
        """Call, with an interrupt after `delay` seconds. Return whether it came in time."""
        previous, hook = signal.signal(signal.SIGALRM, self), sys.unraisablehook
        try:
            sys.unraisablehook = id  # it may come where Python cannot raise it
            try:
                self.armed = True
                signal.setitimer(signal.ITIMER_REAL, max(delay, 1e-6))
                action()
            finally:
                self.armed = False
                signal.setitimer(signal.ITIMER_REAL, 0.0)
        except KeyboardInterrupt as interrupt:
            # As long as somebody has it, with all frames that it went through, nothing of them tidies up by itself.
            self.kept.append(interrupt)
            return True
        finally:
            signal.signal(signal.SIGALRM, previous)
            sys.unraisablehook = hook
        return False


def function(x: Any, y: Any) -> Any:
    for _ in range(10):
        x = mg.sin(x) * y if x > y else mg.tanh(x + y)
    return x


COMPILED = mg.jit(lambda x: x * 2.0 if x > 0 else -x)


def in_scopes() -> None:
    for _ in range(20):
        with mg.scope("outer"), mg.scope("inner"):
            mg.sin(Value(1.0))


def in_a_decorated_scope() -> None:
    @mg.scope("decorated")
    def inside() -> Any:
        return mg.sin(Value(1.0))

    for _ in range(20):
        inside()


def picture_of(target: Path) -> Callable[[], object]:
    return lambda: mg.draw(function(Value(0.3, "x"), Value(0.7, "y")), to=target)


def actions(folder: Path) -> dict[str, Callable[[], object]]:
    """What is interrupted."""
    fast = mg.jit(mg.value_and_grad(function, (0, 1)))
    return {
        "grad": lambda: [mg.grad(function, (0, 1))(0.3, 0.7) for _ in range(20)],
        "grad of grad": lambda: mg.grad(mg.grad(lambda x: function(x, 0.7)))(0.3),
        "hessian": lambda: mg.hessian(lambda p: function(*p))([0.3, 0.7]),
        "jit": lambda: mg.jit(mg.value_and_grad(function, (0, 1)))(0.3, 0.7),
        "jit, calls": lambda: [fast(0.3 + i / 1000, 0.7) for i in range(50)],
        "scopes": in_scopes,
        "decorated scopes": in_a_decorated_scope,
        "draw": picture_of(folder / "a.svg"),
        "check": lambda: mg.check_gradient(function, 0.3, 0.7),
        "pickle": lambda: pickle.loads(pickle.dumps(function(Value(0.3), Value(0.7)))),
        "numeric": lambda: mg.numeric_derivative(lambda x: function(x, 0.7), 0.3),
    }


def seconds_of(action: Callable[[], object]) -> float:
    """How long an action takes once all is warm."""
    action()
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


@contextlib.contextmanager
def folder_with_a_picture() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "a.svg").write_text("<svg/>")
        yield Path(name)


def require_clean(folder: Path, what: str) -> None:
    """Raise if something of an interrupted action is still there."""
    assert (open_scopes, unlabelled()) == ([], ""), f"a scope is open after an interrupt of {what}"
    assert (recorder_of(None), run_here()) == (None, None), f"a run goes on after an interrupt of {what}"
    x = Value(3.0)
    assert (math.floor(x), int(x)) == (3, 3), f"numbers are refused after {what}"
    assert mg.grad(lambda x: x**3)(2.0) == 12.0, f"a gradient is wrong after {what}"
    assert COMPILED(3.0) == 6.0, f"a compiled function is wrong after {what}"
    (x * x).backward()
    assert x.grad == 6.0, f"backward is wrong after {what}"
    xml.etree.ElementTree.fromstring((folder / "a.svg").read_text(encoding="utf-8"))
    left = [path.name for path in folder.iterdir() if path.name != "a.svg"]
    assert not left, f"files are left after an interrupt of {what}: {left}"


def interrupted(chance: random.Random) -> None:
    """Some interrupts of one action, each with a look at what is left."""
    interrupts = Interrupts()
    with folder_with_a_picture() as folder:
        name, action = chance.choice(list(actions(folder).items()))
        seconds = seconds_of(action)
        for _ in range(chance.randint(1, 10)):
            interrupts.during(action, chance.uniform(0.0, 1.2 * seconds))
            require_clean(folder, name)
        assert mg.jit(lambda x: x * x)(3.0) == 9.0, f"what is compiled after {name} is wrong"
        started = time.monotonic()
        action()
        assert time.monotonic() - started < 60.0, f"{name} is slow after interrupts"


def case(chance: random.Random) -> None:
    """In a context of its own, so that a scope that stays open does not count for later cases."""
    contextvars.copy_context().run(interrupted, chance)
