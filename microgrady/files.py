"""Files that are written as a whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path


def write_whole(target: Path, content: bytes) -> None:
    """Write a file as a whole or, when that fails or is interrupted, not at all.

    A file that is there keeps its permissions, and a link goes on to lead to what it led to.

    Args:
        target: The file.
        content: All of it.

    Raises:
        OSError: It cannot be written; the message names the file, and what was there is as it was.
    """
    final = Path(os.path.realpath(target))
    try:
        old = final.stat()
    except FileNotFoundError:
        old = None
    if old is not None and not stat.S_ISREG(old.st_mode):
        final.write_bytes(content)  # a device or a pipe
        return
    if old is not None and not os.access(final, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is there and cannot be written to", str(target))
    temporary = final.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        # Nobody who cannot read the old file gets to read the new one, not even for a moment.
        temporary.touch(0o666 if old is None else 0o600, exist_ok=False)
        temporary.write_bytes(content)
        if old is not None:
            temporary.chmod(stat.S_IMODE(old.st_mode))
        temporary.replace(final)
    except OSError as error:
        raise OSError(
            error.errno, f"{error.strerror or error} in the folder {str(final.parent)!r}", str(target)
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
