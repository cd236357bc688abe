"""The backward pass: what it adds up, at any depth, interrupted, in threads, and the record that it differentiates."""

from __future__ import annotations

import gc
import itertools
import linecache
import math
import signal
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.tracing import run_here
from tests.threads import run_in_threads, run_on_a_small_stack
from tests.tracers import Interruption, interrupted


def test_the_expression_of_the_readme_of_micrograd() -> None:
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + mg.relu(b + a)
    d += 3 * d + mg.relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert f"{g.data:.4f}" == "24.7041"
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_gradients_of_leaves_add_up_and_those_of_results_are_of_the_last_call() -> None:
    x = Value(3.0)
    y = x * x
    z = y * 2
    z.backward()
    assert (x.grad, y.grad, z.grad) == (12.0, 2.0, 1.0)
    z.backward()
    assert (x.grad, y.grad, z.grad) == (24.0, 2.0, 1.0)
    y.backward()
    assert (x.grad, y.grad) == (30.0, 1.0)
    x.grad = 0
    z.backward(seed=10)
    assert (x.grad, y.grad, z.grad) == (120.0, 20.0, 10.0)


def test_two_outputs_that_share_a_result_add_up_in_the_leaves() -> None:
    x = Value(2.0)
    shared = mg.exp(x)
    a, b = shared * 2, shared * 3
    a.backward()
    b.backward()
    assert x.grad == pytest.approx(5 * shared.data, rel=1e-15)
    assert shared.grad == 3.0


def test_backward_of_a_leaf_adds_the_seed_to_it() -> None:
    x = Value(3.0)
    x.backward()
    x.backward(2.5)
    assert x.grad == 3.5


def test_a_seed_of_zero_adds_nothing_also_through_infinite_derivatives() -> None:
    x = Value(0.0)
    mg.sqrt(x).backward(0.0)
    assert x.grad == 0.0


def test_a_value_used_as_both_operands_counts_twice() -> None:
    x = Value(3.0)
    for result, slope in ((x + x, 2.0), (x - x, 0.0), (x * x, 6.0), (x / x, 0.0)):
        x.grad = 0.0
        result.backward()
        assert x.grad == pytest.approx(slope, abs=1e-16)


def test_a_graph_with_two_to_the_sixty_paths_is_walked_node_by_node() -> None:
    x = y = Value(1.0)
    for _ in range(60):
        y = y + y
    y.backward()
    assert (y.data, x.grad) == (2.0**60, 2.0**60)
    assert mg.gradients(y, x).data == 2.0**60


def test_a_result_is_visited_after_all_that_use_it_whatever_the_order_of_the_operands() -> None:
    for shapes in itertools.product([0, 1], repeat=4):
        x = Value(2.0)
        first = x * 3
        second = first * 5
        third = first + second if shapes[0] else second + first
        fourth = third * first if shapes[1] else first * third
        fifth = fourth + second if shapes[2] else second + fourth
        output = fifth - x if shapes[3] else x - fifth
        output.backward()
        sign = 1.0 if shapes[3] else -1.0
        assert x.grad == sign * (6 * 3 * 3 * 2 * 2.0 + 15.0 - 1.0)
        assert mg.gradients(output, x).data == x.grad


STEPS: dict[str, Callable[[Value, Value], Value]] = {
    "left": lambda x, y: y + 1.0,
    "right": lambda x, y: 1.0 + y,
    "leaf": lambda x, y: y + x,
    "both": lambda x, y: y * 0.5 + y * 0.5,
}


def chain(length: int, kind: str) -> tuple[Value, Value]:
    x = y = Value(1.0)
    step = STEPS[kind]
    for _ in range(length):
        y = step(x, y)
    return x, y


@pytest.mark.parametrize(
    ("kind", "length", "slope"),
    [("left", 1_000_000, 1.0), ("right", 1_000_000, 1.0), ("leaf", 300_000, 300_001.0), ("both", 300_000, 1.0)],
)
def test_a_long_chain_is_differentiated_and_freed(kind: str, length: int, slope: float) -> None:
    x, y = chain(length, kind)
    y.backward()
    assert x.grad == slope
    del y
    gc.collect()


def test_a_deep_chain_is_differentiated_and_freed_on_a_small_stack() -> None:
    outcome: list[float] = []

    def work() -> None:
        for kind in ("left", "right", "leaf", "both"):
            x, y = chain(10_000, kind)
            y.backward()
            slope = mg.gradients(y, x)
            outcome.append(x.grad - slope.data)
            del y, slope

    run_on_a_small_stack(work)
    assert outcome == [0.0] * 4


def test_a_graph_holds_no_cycle_and_is_freed_with_its_output() -> None:
    gc.collect()
    gc.disable()
    try:
        before = sum(type(thing) is Value for thing in gc.get_objects())
        x, y = chain(1000, "both")
        y.backward()
        del x, y
        after = sum(type(thing) is Value for thing in gc.get_objects())
    finally:
        gc.enable()
    assert after == before


# The record.


def test_backward_differentiates_the_record_also_after_a_leaf_was_changed() -> None:
    x, y = Value(2.0), Value(5.0)
    z = x * y + mg.sin(x)
    x.data, y.data = 100.0, -3.0
    z.backward()
    assert x.grad == 5.0 + math.cos(2.0)
    assert y.grad == 2.0
    assert z.data == 10.0 + math.sin(2.0)


def test_gradients_refuses_a_record_that_no_longer_holds_and_names_the_leaf() -> None:
    x, y = Value(2.0, "width"), Value(5.0)
    z = x * x * y
    x.data = 3.0
    with pytest.raises(RuntimeError, match="width"):
        mg.gradients(z, x)


def test_gradients_notices_a_changed_leaf_where_only_the_partial_tells() -> None:
    x = Value(3.0, "width")
    square = x * x
    x.data = -3.0
    with pytest.raises(RuntimeError, match="width"):
        mg.gradients(square, x)
    y = Value(1.0, "height")
    zero = 0.0 * mg.exp(y * Value(0.0))
    y.data = 2.0
    with pytest.raises(RuntimeError, match="height"):
        mg.gradients(zero, y)


def test_gradients_goes_on_when_a_leaf_was_assigned_the_same_number() -> None:
    x = Value(2.0)
    z = x * x
    x.data = 2.0
    assert mg.gradients(z, x).data == 4.0
    nothing = Value(math.nan)
    z = nothing * 2
    nothing.data = math.nan
    assert mg.gradients(z, nothing).data == 2.0


# Interruption.


def at_a_context_manager(frame: Any) -> bool:
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return "with " in line


def interrupt_after(events: int) -> Callable[..., Any]:
    remaining = [events]

    def trace(frame: Any, event: str, argument: Any) -> Any:
        # An exception between the last line of a `with` and its exit, which a tracer can raise but a
        # signal cannot, would defeat any `with` of Python.
        if event == "line" and "microgrady" in frame.f_code.co_filename and not at_a_context_manager(frame):
            remaining[0] -= 1
            if remaining[0] < 0:
                raise Interruption
        return trace

    return trace


@pytest.mark.parametrize("run", ["backward", "gradients", "grad"])
def test_an_interruption_at_any_line_leaves_the_graph_usable(run: str) -> None:
    x, w = Value(0.5), Value(2.0)
    shared = mg.exp(x * w)
    y = shared * shared + mg.sin(shared) * x
    y.backward()
    expected = (x.grad, w.grad)
    runs: dict[str, Callable[[], object]] = {
        "backward": y.backward,
        "gradients": lambda: mg.gradients(y, [x, w]),
        "grad": lambda: mg.grad(lambda factor: factor * y)(2.0),
    }
    for events in range(0, 2000, 7):
        completed = not interrupted(runs[run], interrupt_after(events))
        x.grad = w.grad = 0.0
        y.backward()
        assert (x.grad, w.grad) == expected
        assert [slope.data for slope in mg.gradients(y, [x, w])] == pytest.approx(expected, rel=1e-15)
        assert run_here() is None
        if completed:
            return
    pytest.fail("no run came to its end")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.usefixtures("without_collections")
def test_ctrl_c_during_backward_leaves_the_graph_usable() -> None:
    x, y = chain(30_000, "both")

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for delay in (0.002, 0.02, 0.06):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                y.backward()
            except KeyboardInterrupt:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            x.grad = 0.0
            y.backward()
            assert x.grad == 1.0
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_an_exception_in_a_rule_leaves_no_half_recorded_graph() -> None:
    def refuse(y: Any, x: Any) -> Any:
        raise ArithmeticError("no derivative today")

    broken = mg.primitive("broken_for_a_test", lambda x: x, refuse)
    x = Value(1.0)
    with pytest.raises(ArithmeticError):
        broken(x)
    with pytest.raises(ArithmeticError):
        mg.grad(broken)(1.0)
    assert run_here() is None
    (x * 3).backward()
    assert x.grad == 3.0


# Threads.


@pytest.mark.usefixtures("frequent_switches")
def test_threads_that_share_leaves_add_up_exactly() -> None:
    leaves = [Value(float(k)) for k in range(5)]

    def work(index: int) -> None:
        for _ in range(60):
            y = leaves[0] * 1.0
            for leaf in leaves[1:]:
                y = y + leaf * 2.0 + y * 0.0
            y.backward()

    run_in_threads(work)
    assert [leaf.grad for leaf in leaves] == [480.0] + [960.0] * 4


@pytest.mark.usefixtures("frequent_switches")
def test_threads_each_have_their_transform() -> None:
    def work(index: int) -> None:
        for k in range(40):
            if index % 2:
                assert mg.grad(mg.grad(lambda x: x**3))(float(k)) == 6.0 * k
            else:
                assert run_here() is None
                y = Value(float(k))
                mg.exp(y * y * 0.001).backward()

    run_in_threads(work)
