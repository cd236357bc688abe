"""Machine code kept on disk, for the next process."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from microgrady.drawing.render import write_whole

_HEAD = b"microgrady machine code 1\n"


def key_of(*parts: str) -> str:
    """A name for all that the machine code depends on."""
    digest = hashlib.sha256(_HEAD)
    for part in parts:
        digest.update(struct.pack("<q", len(part)) + part.encode())
    return digest.hexdigest()


def load(folder: Path, key: str) -> list[bytes]:
    """What was saved under a key; nothing where there is no such file, or it is cut short or foreign."""
    try:
        contents = _file(folder, key).read_bytes()
    except OSError:
        return []
    body = contents[len(_HEAD) + 32 :]
    if contents[: len(_HEAD)] != _HEAD or hashlib.sha256(body).digest() != contents[len(_HEAD) : len(_HEAD) + 32]:
        return []
    found = []
    while body:
        (length,) = struct.unpack_from("<q", body)
        found.append(body[8 : 8 + length])
        body = body[8 + length :]
    return found


def save(folder: Path, key: str, objects: list[bytes]) -> None:
    """Keep machine code: the file is there as a whole or not at all, whoever else writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    body = b"".join(struct.pack("<q", len(contents)) + contents for contents in objects)
    write_whole(_file(folder, key), _HEAD + hashlib.sha256(body).digest() + body)


def _file(folder: Path, key: str) -> Path:
    return folder / f"{key}.bin"
