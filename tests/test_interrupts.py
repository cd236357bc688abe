"""Signals and forks while functions are compiled: nothing breaks, nothing hangs, and the next call is right."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import pytest

from tests import processes

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

ROOT = Path(__file__).parents[1]

PROLOGUE = """
import os, random, signal, threading, time
import microgrady as mg
from microgrady import jit

def interrupt(*_):
    raise KeyboardInterrupt

def long(x, operations=1500, k=1.0):
    y = x
    for _ in range(operations // 3):
        y = mg.sin(y) + x * k
    return y

def compiled_for(operations, k):
    return jit(lambda x: long(x, operations, k))

def right(compiled, *args):
    found, expected = compiled(*args), compiled.__wrapped__(*args)
    assert found == expected, (found, expected)
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX signals and forks")


def run(program: str, *, seconds: float = 120) -> str:
    """What a program prints, in a process of its own, which must end well and in time."""
    source = PROLOGUE + textwrap.dedent(program)
    forks_are_tried = ["-W", "ignore:This process:DeprecationWarning"]  # forks among threads: Python 3.12 warns of them
    found = processes.run([sys.executable, *forks_are_tried, "-c", source], cwd=ROOT, seconds=seconds)
    assert found.returncode == 0, (found.returncode, found.stdout[-2000:], found.stderr[-4000:])
    assert found.stderr == ""
    return found.stdout


@pytest.mark.slow
def test_many_interrupts_while_llvm_compiles_leave_nothing_broken() -> None:
    out = run(
        """
        signal.signal(signal.SIGALRM, interrupt)
        generator = random.Random(1)
        compiled = compiled_for(90, 1.5)
        right(compiled, 0.5)
        path, = compiled.paths
        interrupts, stop = 0, time.monotonic() + 6
        while interrupts < 100 and time.monotonic() < stop:
            path._code = None
            try:
                signal.setitimer(signal.ITIMER_REAL, generator.uniform(0.0001, 0.02))
                path.run([0.5])
                path._code = None
                path.run([0.5])
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupts += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            compiled._fastcall = None
            right(compiled, 0.25)
            if interrupts % 20 == 0:
                right(compiled_for(30, float(interrupts)), 0.25)
        print(interrupts)
        """
    )
    assert int(out) > 50


@pytest.mark.slow
def test_after_many_interrupts_of_first_calls_the_next_call_is_right() -> None:
    out = run(
        """
        signal.signal(signal.SIGALRM, interrupt)
        generator = random.Random(3)
        k, interrupts, stop = 0.0, 0, time.monotonic() + 8
        while interrupts < 100 and time.monotonic() < stop:
            k += 1.0
            compiled = compiled_for(60, k)
            try:
                signal.setitimer(signal.ITIMER_REAL, generator.uniform(0.0001, 0.02))
                compiled(0.5)
                compiled.backward(0.5)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupts += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            right(compiled, 0.5)
            right(compiled, 0.25)
            assert len(compiled.paths) <= 2
        print(interrupts)
        """
    )
    assert int(out) > 50


def test_an_interrupt_while_llvm_compiles_is_raised_when_it_has_ended() -> None:
    out = run(
        """
        signal.signal(signal.SIGALRM, interrupt)
        compiled = jit(lambda x: long(x, 3000), optimize=False)  # which takes LLVM longest
        right(compiled, 0.5)
        path, = compiled.paths
        takes = path.compile_seconds
        for _ in range(2):
            path._code, path.compile_seconds = None, 0.0
            signal.setitimer(signal.ITIMER_REAL, takes / 4, takes / 8)
            try:
                try:
                    path.run([0.5])
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                print("interrupted")
            right(compiled, 0.5)
        """
    )
    assert out == "interrupted\n" * 2


def test_interrupts_of_operations_that_python_computes_end_the_machine_code() -> None:
    out = run(
        """
        signal.signal(signal.SIGALRM, interrupt)
        slow = mg.primitive("slow", lambda x: x + 1.0, lambda y, x: 1.0)
        def function(x):
            for _ in range(300):
                x = slow(x)
            return x
        compiled = jit(function)
        right(compiled, 0.5)
        generator = random.Random(2)
        interrupts, stop = 0, time.monotonic() + 4
        while interrupts < 200 and time.monotonic() < stop:
            try:
                signal.setitimer(signal.ITIMER_REAL, generator.uniform(0.0001, 0.002))
                for _ in range(40):
                    assert compiled(0.5) == 300.5
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupts += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert compiled(1.5) == 301.5
        print(interrupts)
        """
    )
    assert int(out) > 20


@pytest.mark.slow
def test_a_signal_handler_may_compile_call_and_fork_while_the_main_thread_and_others_compile() -> None:
    out = run(
        """
        handled, busy, stop = 0, False, time.monotonic() + 3
        def handler(*_):
            global handled, busy
            if busy:
                return
            busy = True
            handled += 1
            right(compiled_for(60, float(handled)), 0.5)
            right(same, 0.5)  # which may be compiled just now
            if handled % 5 == 0:
                child = os.fork()
                if not child:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    signal.signal(signal.SIGALRM, signal.SIG_DFL)
                    signal.alarm(30)
                    try:
                        right(compiled_for(60, 77.0), 0.5)
                        os._exit(0)
                    finally:
                        os._exit(1)
                assert os.waitpid(child, 0)[1] == 0
            busy = False
        def others():
            k = 0.0
            while time.monotonic() < stop:
                k -= 1.0
                compiled_for(60, k)(0.5)
        same = compiled_for(300, 1.0)
        thread = threading.Thread(target=others)
        thread.start()
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.007)
        k = 1.0
        while time.monotonic() < stop:
            k += 1.0
            same = compiled_for(300, k)
            right(same, 0.5)
            right(same, 0.25)
            assert len(same.paths) == 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        thread.join()
        print(handled)
        """
    )
    assert int(out) > 3


def test_children_that_are_forked_while_other_threads_compile_call_and_compile() -> None:
    run(
        """
        known, weight = jit(lambda x: mg.sin(x) * 2), mg.Value(2.0)
        right(known, 1.0)
        right(compiled_for(300, 1.0), 0.5)  # no child should find a module that was being imported by another thread
        shared, graph, stop = jit(lambda x: weight * long(x, 300)), weight * weight, False
        def compile_others():
            k = 0.0
            while not stop:
                k += 1.0
                compiled_for(300, k)(0.5)
        def compile_shared():
            while not stop:
                shared._branches.clear()
                shared.backward(0.5)
                graph.backward()
        for function in (compile_others, compile_shared):
            threading.Thread(target=function, daemon=True).start()
        for number in range(20):
            child = os.fork()
            if not child:
                signal.alarm(30)
                try:
                    right(known, 0.5)
                    right(compiled_for(30, 7.0), 0.5)
                    assert shared(0.25) == 2.0 * long(0.25, 300)
                    shared.backward(0.25)
                    graph.backward()
                    os._exit(0)
                finally:
                    os._exit(1)
            assert os.waitpid(child, 0)[1] == 0
        stop = True
        """
    )


def test_python_ends_well_while_a_thread_compiles_and_after_that_still_compiles() -> None:
    out = run(
        """
        import atexit
        from microgrady.compiler.backends import worker
        def forever():
            k = 0.0
            while True:
                k += 1.0
                compiled_for(300, k)(0.5)
        last = compiled_for(30, 5.0)
        def at_exit():
            right(last, 0.5)
            print("right")
        atexit.unregister(worker._at_exit)
        atexit.register(at_exit)
        atexit.register(worker._at_exit)  # is called first
        threading.Thread(target=forever, daemon=True).start()
        time.sleep(0.3)
        """
    )
    assert out == "right\n"


def test_llvm_has_room_where_the_calling_thread_has_little() -> None:
    run(
        """
        def work():
            right(compiled_for(3000, 1.0), 0.5)
        threading.stack_size(256 * 1024)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert threading.stack_size() == 256 * 1024
        """
    )
