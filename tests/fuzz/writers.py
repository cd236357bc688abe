"""Writers that are killed or interrupted: the file is the old one or a new one, and whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.processes import started

# Both pictures are written over and over, so that a signal comes at any moment of it.
WRITER = """
import sys
from pathlib import Path
from microgrady.files import write_whole

contents = [letter * int(sys.argv[2]) for letter in (b"a", b"b")]
print("ready", flush=True)
try:
    while True:
        for content in contents:
            write_whole(Path(sys.argv[1]), content)
except KeyboardInterrupt:
    pass
"""


def case(chance: random.Random) -> None:
    """One writer, ended by Ctrl-C or killed."""
    size = chance.choice((0, 1, 4096, 100_000, 3_000_000))
    number = chance.choice((signal.SIGKILL, signal.SIGINT, signal.SIGTERM))
    with tempfile.TemporaryDirectory() as name:
        target = Path(name, "a.svg")
        old = b"old" * chance.choice((0, 1, 1000))
        target.write_bytes(old)
        mode = chance.choice((0o600, 0o640, 0o644))
        target.chmod(mode)
        start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        command = [sys.executable, "-c", start + WRITER, str(target), str(size)]
        with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0.0, 0.05))
            writer.send_signal(number)
            _, errors = writer.communicate(timeout=60)
        found, left = target.read_bytes(), [path.name for path in Path(name).iterdir() if path != target]
        what = f"after signal {number} to a writer of {size} bytes"
        assert found in (old, b"a" * size, b"b" * size), f"the file has {len(found)} bytes, {found[:20]!r}, {what}"
        assert target.stat().st_mode & 0o777 == mode, f"the file has mode {target.stat().st_mode:o} {what}"
        assert errors == "", f"{errors} {what}"
        # What is killed cannot tidy up.
        assert number != signal.SIGINT or not left, f"{left} is left {what}"
