"""Interruptions before any instruction, as by Ctrl-C: nothing is left behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value, value
from microgrady.scopes import open_scopes, path_of
from microgrady.tracing import recorder_of, recorders, run_here, runs
from tests.tracers import Interruption, interrupted

Function = Callable[..., Any]


# Interrupts.


@pytest.fixture(autouse=True)
def _free_locks() -> Iterator[None]:
    """Give back the lock of marks, which in plain Python a `with` statement keeps if it is interrupted as it ends."""
    yield
    lock: Any = value.leaf_lock
    while lock._is_owned():
        lock.release()


def interrupted_everywhere(action: Function, check: Function, step: int = 1, limit: int = 20_000) -> int:
    """Run `action` anew until it ends, and raise before the next instruction of the package each time."""
    lost: list[type[BaseException] | None] = []
    for stop in range(0, limit, step):
        remaining = [stop]

        def trace(frame: Any, event: str, argument: Any, remaining: list[int] = remaining) -> Any:
            if not frame.f_globals.get("__name__", "").startswith("microgrady."):
                return None
            frame.f_trace_opcodes = True
            if event == "opcode":
                remaining[0] -= 1
                if remaining[0] < 0:
                    sys.settrace(None)
                    raise Interruption
            return trace

        hook = sys.unraisablehook
        sys.unraisablehook = lambda unraisable: lost.append(unraisable.exc_type)
        try:
            ended = not interrupted(action, trace)
        finally:
            sys.unraisablehook = hook
        check()
        if ended and not lost:
            return stop
        assert lost in ([], [Interruption])  # Python itself ends an exception where a generator is closed
        lost.clear()
    pytest.fail("the action did not come to its end")


def nothing_is_left() -> None:
    assert run_here() is None
    assert recorder_of(None) is None
    assert path_of(Value(1.0)._label) == ()
    assert (runs, recorders, open_scopes) == ([], [], [])


def test_an_interrupt_before_any_instruction_of_grad_leaves_nothing_behind() -> None:
    slope = mg.grad(lambda x: mg.grad(lambda y: x * y * y)(x))
    assert interrupted_everywhere(lambda: slope(3.0), nothing_is_left) > 100
    assert slope(3.0) == 12.0


def test_an_interrupt_before_any_instruction_of_a_recording_leaves_nothing_behind() -> None:
    from microgrady.compiler.programs.recording import Recording

    def record() -> None:
        Recording(lambda inputs: inputs[0] if inputs[0] > 1.0 else mg.exp(inputs[0]), "function", [2.0], [0])

    assert interrupted_everywhere(record, nothing_is_left) > 100


def test_an_interrupt_before_any_instruction_of_a_scope_leaves_nothing_behind() -> None:
    def scoped() -> None:
        with mg.scope("outer"):
            Value(1.0)
            with mg.scope("inner"):
                Value(1.0)
            Value(2.0)

    assert interrupted_everywhere(scoped, nothing_is_left) > 20


def test_an_interrupt_in_an_inner_scope_leaves_the_outer_one_open() -> None:
    def inner() -> None:
        with mg.scope("inner"):
            Value(1.0)

    def check() -> None:
        assert [scope.name for scope in path_of(Value(1.0)._label)] == ["outer"]

    with mg.scope("outer"):
        assert interrupted_everywhere(inner, check) > 10
    nothing_is_left()


def test_an_interrupt_in_an_inner_gradient_leaves_the_outer_one() -> None:
    def function(x: Any) -> Any:
        def check() -> None:
            assert run_here() is not None
            assert run_here().title == "grad of function"  # type: ignore[union-attr]

        interrupted_everywhere(lambda: mg.grad(lambda y: y * y)(2.0), check, step=3)
        return x * x

    assert mg.grad(function)(3.0) == 6.0
    nothing_is_left()


def test_a_function_may_raise_stop_iteration() -> None:
    with pytest.raises(StopIteration, match="over"):
        mg.grad(lambda x: next(iter(())) if x > 5.0 else stop())(1.0)
    nothing_is_left()


def stop() -> None:
    raise StopIteration("over")


# Scopes.


def test_a_scope_is_entered_by_a_stack_and_by_hand() -> None:
    import contextlib

    with contextlib.ExitStack() as stack:
        stack.enter_context(mg.scope("first"))
        stack.enter_context(mg.scope("second"))
        assert [scope.name for scope in path_of(Value(1.0)._label)] == ["first", "second"]
    opening = mg.scope("by hand")
    opening.__enter__()
    assert [scope.name for scope in path_of(Value(1.0)._label)] == ["by hand"]
    opening.__exit__(None, None, None)
    nothing_is_left()
