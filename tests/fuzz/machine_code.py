"""Files of machine code that something happened to: the numbers are right, whatever is in the folder."""

from __future__ import annotations

import random
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import microgrady as mg

FUNCTIONS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: mg.exp(x) * mg.sin(y) if x > 0 else mg.tanh(x),
]
POINT = (0.75, 3.0)


def damage(chance: random.Random, files: list[Path]) -> None:
    """Change one file: bits of it, its length, or put another one in its place."""
    path = chance.choice(files)
    content = bytearray(path.read_bytes())
    match chance.randrange(5):
        case 0:
            path.write_bytes(content[: chance.randrange(len(content) + 1)])
        case 1:
            for _ in range(chance.randint(1, 3)):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            path.write_bytes(content)
        case 2:
            path.write_bytes(chance.choice(files).read_bytes())
        case 3:
            path.write_bytes(chance.randbytes(chance.randrange(500)))
        case 4:
            place = chance.randrange(len(content))
            path.write_bytes(content[:place] + chance.randbytes(chance.randint(1, 16)) + content[place:])


def case(chance: random.Random) -> None:
    """A folder with the code of several functions, some of it damaged, read by new ones."""
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a folder or a file that is not taken is warned of
        expected = [mg.jit(f, cache=name)(*POINT) for f in FUNCTIONS]
        files = [path for path in Path(name).rglob("*") if path.is_file()]
        for _ in range(chance.randint(1, 3)):
            if files:
                damage(chance, files)
        found = [mg.jit(f, cache=name)(*POINT) for f in FUNCTIONS]
    assert found == expected, f"{found} instead of {expected}"
