"""Files that nobody but this user has written: what is run or believed comes from such files alone.

Owner and permissions say who can have written a file that is there. They say nothing of one that the user has
unpacked or copied from elsewhere, so what is believed is signed too, with a key that every user has in a place of
their own. Where systems have no owners and permissions of this kind (Windows), the key is all there is.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from pathlib import Path

_KEY_LENGTH = 32  # bytes
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def require_private(folder: Path) -> None:
    """Check that nobody else can put files into a folder, if it is there.

    Raises:
        PermissionError: It belongs to another user, or others can write to it or take its place.
    """
    if not _has_owners():
        return
    folder = Path(os.path.realpath(folder))
    for place in (folder, *folder.parents):
        try:
            found = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        if place == folder and found.st_uid != os.geteuid():
            raise PermissionError(f"the folder {str(place)!r} belongs to another user: name one of your own")
        # In a folder of all, such as /tmp, the sticky bit keeps others from moving what is not theirs. To a group
        # belong the folders above of many users who are alone in it.
        others = _OTHERS_WRITE if place == folder else 0 if found.st_mode & stat.S_ISVTX else stat.S_IWOTH
        if found.st_mode & others:
            raise PermissionError(
                f"others can write to the folder {str(place)!r}: take that from them (chmod go-w) or name another one"
            )


def make_private(folder: Path) -> None:
    """Make a folder, with those above it, that only this user can enter, unless it is there.

    Raises:
        PermissionError: As for `require_private`.
        OSError: It cannot be made.
    """
    for place in reversed([folder, *folder.parents]):
        if not place.exists():
            place.mkdir(mode=0o700, exist_ok=True)
    require_private(folder)


def read_private(file: Path, secret: bool = False) -> bytes | None:
    """Return what is in a file that nobody but this user has written, or else None.

    Args:
        file: The file. Links are not followed.
        secret: Whether others must not be able to read it either.
    """
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")]
    try:
        descriptor = os.open(file, os.O_RDONLY | sum(flags))
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)  # of what is open, whatever bears the name by now
        forbidden = stat.S_IRWXG | stat.S_IRWXO if secret else _OTHERS_WRITE
        if not stat.S_ISREG(found.st_mode):
            return None
        if _has_owners() and (found.st_uid != os.geteuid() or found.st_mode & forbidden):
            return None
        with open(descriptor, "rb", closefd=False) as opened:
            return opened.read()
    finally:
        os.close(descriptor)


def write_private(file: Path, contents: bytes, replace: bool = True) -> None:
    """Write a file that others can neither read nor write, as a whole or not at all. It replaces links.

    Args:
        file: The file, in a folder that is there.
        contents: All of it.
        replace: Whether to replace what is there.

    Raises:
        FileExistsError: Something is there that must not be replaced.
        OSError: It cannot be written.
    """
    temporary = file.with_name(f".{secrets.token_hex(8)}.tmp")
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")]
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | sum(flags), 0o600)
        with open(descriptor, "wb") as opened:
            opened.write(contents)
        if replace:
            temporary.replace(file)
        else:
            os.link(temporary, file)  # unlike renaming, it fails where another process was faster
    finally:
        temporary.unlink(missing_ok=True)


def user_key() -> bytes:
    """Return this user's secret, which is made when it is first asked for.

    It stands in `microgrady/key` in the folder for the state of programs: `$XDG_STATE_HOME` or `~/.local/state`, on
    Windows `%LOCALAPPDATA%`. One that others could have read, or written, is replaced.

    Raises:
        OSError: It is not there and cannot be written.
    """
    file = _state_folder() / "microgrady" / "key"
    key = read_private(file, secret=True)
    if key is not None and len(key) == _KEY_LENGTH:
        return key
    make_private(file.parent)
    new = secrets.token_bytes(_KEY_LENGTH)
    try:
        write_private(file, new, replace=False)
    except OSError:  # there is something, or the system has no hard links
        key = read_private(file, secret=True)
        if key is not None and len(key) == _KEY_LENGTH:
            return key  # another process has just made it
        write_private(file, new)
    return new


def _state_folder() -> Path:
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME"
    named = os.environ.get(variable, "")
    if os.path.isabs(named):
        return Path(named)
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise FileNotFoundError(f"this user has no folder for a key: {error}") from None


def _has_owners() -> bool:
    return hasattr(os, "geteuid")
