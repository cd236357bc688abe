"""Programs that tests start: each ends in time, or is ended with all that it started and says where it stood."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PATIENCE = 120.0  # seconds that a program may take
GRACE = 5.0  # seconds for what it started, after it has ended, and for the stacks of what hangs


class TooLateError(AssertionError):
    """A program did not end in time.

    Attributes:
        output: What it had printed.
    """

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def run(
    command: Sequence[str | Path],
    *,
    seconds: float = PATIENCE,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with what it prints.

    Raises:
        TooLateError: It did not end. The message has the stacks of all threads of all its Python processes.
    """
    environment = {**(os.environ if env is None else env), "PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1"}
    # Files instead of pipes: what a program has started, and what outlives it, would hold a pipe open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        files: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": errors}
        in_time = True
        with started(command, cwd=cwd, env=environment, **files) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                in_time = False
                _abort(process)
        shown, told = _text(output), _text(errors)
    if not in_time:
        raise TooLateError(f"no end after {seconds:g} s; printed {shown!r}, and on stderr:\n{told}", shown)
    return subprocess.CompletedProcess(command, process.returncode, shown, told)


@contextlib.contextmanager
def started(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a program in a process group of its own, of which nothing is left afterwards."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is not None:
            _await_the_rest(process)
        _kill(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait()


def _signal(process: subprocess.Popen[Any], number: int) -> bool:
    """Send a signal to the whole group, and return whether there was one."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _abort(process: subprocess.Popen[Any]) -> None:
    """Let Python's fault handler, in each process, write where it stands."""
    if hasattr(os, "killpg"):
        _signal(process, signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def _await_the_rest(process: subprocess.Popen[Any]) -> None:
    """Wait for what removes, after the program's end, what it has left behind."""
    if hasattr(os, "killpg"):
        stop = time.monotonic() + GRACE
        while _signal(process, 0) and time.monotonic() < stop:
            time.sleep(0.01)


def _kill(process: subprocess.Popen[Any]) -> None:
    if hasattr(os, "killpg"):
        _signal(process, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()


def _text(file: Any) -> str:
    file.seek(0)
    text: str = file.read().decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n")
