"""Batches on several threads: the same bits whatever their number, and nothing is left of what Ctrl-C interrupts."""

from __future__ import annotations

import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.compiler.parallel import Caller, StoppedError, do_pieces, usable_cores
from tests import processes
from tests.threads import join, run_in_threads, start

pytest.importorskip("llvmlite", reason="vmap needs llvmlite")
np = pytest.importorskip("numpy", reason="vmap needs NumPy")

ROOT = Path(__file__).parents[1]
THREADS = (1, 2, 3, 7)


def turning(x: Any, y: Any) -> Any:
    """A function with a loop of a different number of turns for each point."""
    turns = 0.0
    while x > 1.0:
        x = x * 0.5 + 0.01 * mg.sin(y)
        turns += 1.0
    return mg.exp(-x) * y + turns


def points(count: int, seed: int = 0) -> tuple[Any, Any]:
    chance = np.random.default_rng(seed)
    return np.minimum(chance.exponential(2.0, count), 7.0), chance.uniform(-1.0, 1.0, count)


# Pieces.


@pytest.mark.parametrize("threads", THREADS)
def test_each_piece_is_done_once(threads: int) -> None:
    done: list[int] = []
    reported: list[int] = []
    workers: list[int] = []

    def new_worker(caller: Caller) -> Callable[[int], None]:
        workers.append(threading.get_ident())
        return done.append

    do_pieces(50, threads, new_worker, reported.append)
    assert sorted(done) == list(range(50))
    assert sum(reported) == 50
    assert len(workers) <= threads


@pytest.mark.parametrize("threads", THREADS)
def test_what_the_first_of_the_pieces_raises_is_raised(threads: int) -> None:
    done: list[int] = []

    def work(piece: int) -> None:
        done.append(piece)
        if piece in (5, 6, 9):
            time.sleep(0.02 * (piece == 5))
            raise ValueError(piece)

    with pytest.raises(ValueError, match="5"):
        do_pieces(1000, threads, lambda caller: work, lambda count: None)
    assert len(done) < 100


@pytest.mark.parametrize("threads", THREADS)
def test_the_calling_thread_does_what_it_is_asked_for(threads: int) -> None:
    here = threading.get_ident()
    found: list[int] = []

    def new_worker(caller: Caller) -> Callable[[int], None]:
        def work(piece: int) -> None:
            found.append(caller.ask(lambda: piece if threading.get_ident() == here else -1))
            with pytest.raises(KeyError, match="none"):
                caller.ask(lambda: dict[str, int]()["none"])

        return work

    do_pieces(20, threads, new_worker, lambda count: None)
    assert sorted(found) == list(range(20))


def test_when_the_calling_thread_is_interrupted_the_others_end() -> None:
    ended = threading.Semaphore(0)

    def new_worker(caller: Caller) -> Callable[[int], None]:
        def work(piece: int) -> None:
            try:
                if piece == 0:
                    caller.ask(lambda: (_ for _ in ()).throw(KeyboardInterrupt))
                while True:
                    caller.require()
                    time.sleep(0.001)
            except StoppedError:
                ended.release()
                raise

        return work

    with pytest.raises(KeyboardInterrupt):
        do_pieces(10, 2, new_worker, lambda count: None)
    assert all(ended.acquire(timeout=60) for _ in range(2))


# The same bits.


@pytest.mark.parametrize("reduce", [None, "sum", "mean"])
def test_the_number_of_threads_changes_no_bit(reduce: Any) -> None:
    x, y = points(40_000)
    found = [mg.vmap(mg.value_and_grad(turning, (0, 1)), reduce=reduce, threads=threads)(x, y) for threads in THREADS]
    for value, (slope_x, slope_y) in found[1:]:
        assert np.array_equal(value, found[0][0])
        assert np.array_equal(slope_x, found[0][1][0])
        assert np.array_equal(slope_y, found[0][1][1])


def test_leaves_get_the_same_bits_from_any_number_of_threads() -> None:
    x, y = points(40_000)
    gradients = set()
    for threads in THREADS:
        weight, bias = Value(0.3), Value(-0.7)
        loss = mg.vmap(
            lambda x, y, w=weight, b=bias: turning(x, y) * w if y > 0.0 else (x * b - y) ** 2,
            reduce="mean",
            threads=threads,
        )
        gradients.add((loss.backward(x, y), weight.grad, bias.grad))
    assert len(gradients) == 1


def test_as_many_threads_as_there_are_cores() -> None:
    assert usable_cores() >= 1
    seen = set()

    def new_worker(caller: Caller) -> Callable[[int], None]:
        seen.add(threading.get_ident())
        return lambda piece: time.sleep(0.01)

    do_pieces(20, 3, new_worker, lambda count: None)
    assert 1 <= len(seen) <= 3
    assert threading.get_ident() not in seen


def test_the_function_is_recorded_in_the_calling_thread() -> None:
    threads = set()

    def function(x: Any) -> Any:
        threads.add(threading.get_ident())
        return mg.sin(x) if x > 0 else mg.cos(x) if x > -1 else x

    x = np.concatenate([np.ones(40_000), -np.ones(20_000) / 2, -2 * np.ones(50)])
    found = mg.vmap(function, threads=3, max_paths=2)
    with pytest.warns(RuntimeWarning, match="max_paths=2"):
        found(x)
    assert threads == {threading.get_ident()}


# Several callers.


@pytest.mark.usefixtures("frequent_switches")
def test_callers_that_meet_new_paths_at_once_get_what_each_would_get_alone() -> None:
    expected = {seed: mg.vmap(turning, exact=True)(*points(300, seed)) for seed in range(6)}
    shared = mg.vmap(turning, exact=True)

    def work(number: int) -> None:
        for turn in range(4):
            seed = (number + turn) % 6
            assert np.array_equal(shared(*points(300, seed)), expected[seed])

    run_in_threads(work, 6)
    assert len({path.guards for path in shared.paths}) == len(shared.paths)
    assert sum(path.points for path in shared.paths) == 6 * 4 * 300


@pytest.mark.usefixtures("frequent_switches")
def test_callers_that_meet_new_leaves_at_once_add_up_exactly() -> None:
    leaves = [Value(float(k)) for k in range(6)]

    def function(x: Any) -> Any:
        for k, leaf in enumerate(leaves):
            if x < k + 0.5:
                return leaf * x
        return x

    shared = mg.vmap(function, reduce="sum")

    def work(number: int) -> None:
        for _ in range(20):
            shared.backward([float(number), 7.0])

    run_in_threads(work, 6)
    assert [leaf.grad for leaf in leaves] == [20.0 * k for k in range(6)]


def test_a_leaf_that_another_thread_differentiates_by_is_not_taken_for_a_number() -> None:
    inside, go_on = threading.Event(), threading.Event()
    borrowed: list[Any] = []

    def outer(w: Any) -> Any:
        borrowed.append(w)
        inside.set()
        assert go_on.wait(60)
        return w * w

    slopes: list[Any] = []
    other = start(lambda: slopes.append(mg.grad(outer)(3.0)))
    assert inside.wait(60)
    found = mg.vmap(lambda x: x * borrowed[0])([1.0, 2.0])
    go_on.set()
    join(other)
    assert [float(getattr(entry, "data", entry)) for entry in found] == [3.0, 6.0]
    assert slopes == [6.0]


# Errors, bars and interrupts.


@pytest.mark.parametrize("threads", THREADS)
def test_an_error_says_at_which_point_it_came_up(threads: int) -> None:
    def function(x: Any) -> Any:
        if x < 0:
            raise ValueError("negative")
        return mg.sqrt(x)

    x = np.ones(100_000)
    x[[40_001, 90_000]] = -1.0
    with pytest.raises(ValueError, match=r"negative.*40,?001"):
        mg.vmap(function, threads=threads)(x)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_bar_shows_all_points(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tqdm = pytest.importorskip("tqdm", reason="draws the bar")
    bars = []

    class Bar(tqdm.tqdm):  # type: ignore[misc, name-defined]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            bars.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    x, y = points(40_000)
    vmapped = mg.vmap(turning, progress=True, threads=threads)
    vmapped(x, y)
    assert [(bar.n, bar.total) for bar in bars] == [(40_000, 40_000)]
    assert np.array_equal(vmapped(x, y), mg.vmap(turning)(x, y))


PROLOGUE = """
import gc, os, signal, sys, threading, time
import numpy as np
import microgrady as mg

gc.disable()  # an interrupt that comes while what was collected is told of is lost

def long(x, operations=30_000):
    for _ in range(operations // 2):
        x = mg.sin(x) + 0.5
    return x

def endless(x):
    if x < 0:
        while True:
            x = x * 1.0
    return mg.exp(x)

def interrupted(function, *args, after):
    sent = []
    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    timer = threading.Timer(after, send)
    try:
        timer.start()  # which may be interrupted, too
        function(*args)
        timer.join()
        time.sleep(1)
    except KeyboardInterrupt:
        return time.perf_counter() - sent[0]
    raise AssertionError("it ended before")
"""


def run(program: str) -> str:
    """What a program prints, in a process of its own, which must end well and in time."""
    source = PROLOGUE + textwrap.dedent(program)
    found = processes.run([sys.executable, "-c", source], cwd=ROOT)
    assert found.returncode == 0, (found.returncode, found.stdout[-2000:], found.stderr[-4000:])
    assert found.stderr == ""
    return found.stdout


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_a_long_batch_at_once(threads: int) -> None:
    out = run(f"""
        vmapped = mg.vmap(long, threads={threads}, optimize=False)
        short, x = np.linspace(0, 1, 9), np.linspace(0, 1, 3_000_000)
        expected = vmapped(short)
        vmapped(x[:40_000])
        print(max(interrupted(vmapped, x, after=0.3 * k) for k in range(1, 3)))
        assert np.array_equal(vmapped(short), expected)
        """)
    assert float(out) < 2.0  # 0.2 where nothing else runs


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_a_recording_without_end(threads: int) -> None:
    out = run(f"""
        vmapped = mg.vmap(endless, threads={threads})
        x = np.ones(50_000)
        vmapped(x)
        x[40_000] = -1.0
        print(max(interrupted(vmapped, x, after=0.4) for k in range(2)))
        assert np.allclose(vmapped(np.ones(3)), np.exp(1.0), rtol=1e-14)
        print(interrupted(mg.vmap(endless, threads={threads}), -x, after=0.4))
        """)
    assert max(map(float, out.split())) < 2.0


def test_interrupts_at_any_time_of_a_first_call_leave_nothing_behind() -> None:
    out = run("""
        def function(x):
            while x > 1:
                x = x * 0.6 + 0.1 * mg.sin(x)
            return x
        x = np.random.default_rng(0).exponential(6.0, 40_000)
        expected = mg.vmap(function)(x)
        count, after = 0, 0.001
        while count < 8:
            vmapped = mg.vmap(function, threads=1 + count % 2)
            try:
                interrupted(vmapped, x, after=after)
            except AssertionError:
                break
            count, after = count + 1, after + 0.012
            assert np.array_equal(vmapped(x), expected)
            assert len({path.guards for path in vmapped.paths}) == len(vmapped.paths)
        print(count)
        """)
    assert int(out) > 3


def test_memory_does_not_grow_with_the_number_of_points() -> None:
    out = run("""
        import resource
        weights = [mg.Value(0.1 * k) for k in range(10)]
        def loss(x, y):
            z = sum((w * mg.sin(k * x) for k, w in enumerate(weights)), 0.0 * x)
            return (z - y) ** 2
        mean = mg.vmap(loss, reduce="mean", threads=2)
        x = np.linspace(-1, 1, 2_000_000)
        mean.backward(x[:100_000], x[:100_000])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        mean.backward(x, x)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        """)
    assert int(out) < 20_000  # kilobytes; an array of one derivative would be 16,000


def test_a_forked_process_goes_on_by_itself() -> None:
    out = run("""
        vmapped = mg.vmap(lambda x: mg.sin(x) if x > 0 else x, threads=2)
        x = np.ones(50_000)
        vmapped(x)
        child = os.fork()
        if child == 0:
            assert vmapped(-x)[0] == -1.0
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """)
    assert int(out) == 7
