"""Programs that tests start: what hangs is ended and told, and what outlives its parent keeps nobody waiting."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.processes import TooLateError, run

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", '''
import os, time
def the_child_hangs(): time.sleep(600)
print(os.getpid())
the_child_hangs()
'''])
def the_parent_hangs(): child.wait()
"""


def has_ended(process: int, seconds: float = 10.0) -> bool:
    """Whether a process, which was killed, comes to its end, be it as an entry that no parent fetches."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def test_output_errors_and_status_are_those_of_the_program() -> None:
    done = run([sys.executable, "-c", "import sys; print('π'); print('no', file=sys.stderr); sys.exit(3)"])
    assert (done.stdout, done.stderr, done.returncode) == ("π\n", "no\n", 3)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_what_hangs_is_ended_with_its_children_and_tells_where_each_stood() -> None:
    with pytest.raises(TooLateError, match="no end after 3 s") as caught:
        run([sys.executable, "-c", PARENT + "the_parent_hangs()"], seconds=3)
    assert "the_parent_hangs" in str(caught.value)
    assert "the_child_hangs" in str(caught.value)
    assert has_ended(int(caught.value.output))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_child_that_outlives_the_program_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.processes.GRACE", 0.5)
    start = time.monotonic()
    done = run([sys.executable, "-c", PARENT + "time.sleep(1)"])
    assert time.monotonic() - start < 60
    assert done.returncode == 0
    assert has_ended(int(done.stdout))
