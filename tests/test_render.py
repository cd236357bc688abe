"""The embedded Graphviz while processes fork and signals come: no picture waits for ever, and each is whole."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("wasmtime", reason="pictures need it where the dot program is missing")

ROOT = Path(__file__).parents[1]

PROLOGUE = """
import functools, os, signal, threading, time
import microgrady as mg
from microgrady.drawing.render import render_embedded

def picture(operations):
    return mg.draw(functools.reduce(lambda y, _: mg.sin(y), range(operations), mg.Value(1.0, "x"))).source

small, large = picture(2), picture(100)
whole = render_embedded(small)
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX signals and forks")


def run(program: str) -> None:
    """Run a program in a process of its own, which must end well and in time."""
    source = PROLOGUE + textwrap.dedent(program)
    found = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr[-4000:]


def test_a_child_renders_that_is_forked_while_another_thread_renders() -> None:
    run(
        """
        stop = False
        def others():
            while not stop:
                render_embedded(large)
        thread = threading.Thread(target=others)
        thread.start()
        for _ in range(10):
            time.sleep(0.005)
            child = os.fork()
            if not child:
                signal.alarm(30)
                os._exit(render_embedded(small) != whole)
            assert os.waitpid(child, 0)[1] == 0
        stop = True
        thread.join()
        """
    )


def test_a_child_renders_after_a_failure_of_what_its_parent_has_compiled() -> None:
    run(
        """
        child = os.fork()
        if not child:
            signal.alarm(30)
            try:
                render_embedded("a -> -> b")
            except RuntimeError:
                os._exit(render_embedded(small) != whole)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        """
    )


def test_a_signal_handler_renders_while_its_thread_does() -> None:
    run(
        """
        handled, inside = 0, False
        def handler(*_):
            global handled, inside
            if not inside:
                inside = True
                assert render_embedded(small) == whole
                handled += 1
                inside = False
        signal.signal(signal.SIGALRM, handler)
        expected = render_embedded(large)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        stop = time.monotonic() + 3
        while time.monotonic() < stop:
            assert render_embedded(large) == expected
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert handled > 3
        """
    )
