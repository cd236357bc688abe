"""Machine code kept on disk, for the next process.

Machine code is run, so only what this user has compiled is taken from disk: each file is signed with the user's key,
together with its name, which stands for all that the machine code depends on.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from pathlib import Path

from microgrady.compiler.backends.private import make_private, read_private, require_private, user_key, write_private

_HEAD = b"microgrady machine code 2\n"
_SIGNATURE = hashlib.sha256().digest_size


def key_of(*parts: str) -> str:
    """Return a name for all that the machine code depends on."""
    digest = hashlib.sha256(_HEAD)
    for part in parts:
        encoded = part.encode()
        digest.update(struct.pack("<q", len(encoded)) + encoded)
    return digest.hexdigest()


def load(folder: Path, key: str) -> list[bytes]:
    """Return what this user saved under a key: nothing if the file is not there, or anything is wrong with it."""
    try:
        require_private(folder)
        contents = read_private(_file(folder, key))
        if contents is None or not contents.startswith(_HEAD):
            return []
        signature = contents[len(_HEAD) : len(_HEAD) + _SIGNATURE]
        body = contents[len(_HEAD) + _SIGNATURE :]
        if not hmac.compare_digest(signature, _signed(key, body)):
            return []
    except OSError:
        return []
    return _unpacked(body)


def save(folder: Path, key: str, objects: list[bytes]) -> None:
    """Keep machine code: the file is there as a whole or not at all, whoever else writes it.

    Raises:
        OSError: It cannot be kept, or not so that others could not change it.
    """
    make_private(folder)
    body = b"".join(struct.pack("<q", len(contents)) + contents for contents in objects)
    write_private(_file(folder, key), _HEAD + _signed(key, body) + body)


def _signed(key: str, body: bytes) -> bytes:
    return hmac.digest(user_key(), _HEAD + key.encode() + b"\n" + body, "sha256")


def _unpacked(body: bytes) -> list[bytes]:
    found = []
    while body:
        (length,) = struct.unpack_from("<q", body)
        found.append(body[8 : 8 + length])
        body = body[8 + length :]
    return found


def _file(folder: Path, key: str) -> Path:
    return folder / f"{key}.bin"
