"""Pickles that something happened to: an exception or an object that can be used, never a crash, never foreign code."""

from __future__ import annotations

import contextlib
import functools
import io
import pickle
import random
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import microgrady as mg
from microgrady import Value
from tests.fuzz.floats import ordinary


def doubled(x: Any) -> Any:
    """A function of a module, which pickles by its name."""
    return x * 2.0 if x > 0 else mg.sin(x)


class Careful(pickle.Unpickler):
    """Let only through what whole pickles refer to."""

    def find_class(self, module: str, name: str) -> Any:
        """What is looked up, if it is one of ours or plainly harmless."""
        harmless = module in ("array", "copyreg", "collections") or (
            module == "builtins" and name in ("dict", "list", "tuple", "set", "frozenset", "object", "float", "str")
        )
        if not (harmless or module.partition(".")[0] == "microgrady" or (module, name) == (__name__, "doubled")):
            raise pickle.UnpicklingError(f"{module}.{name} is not let through")
        return super().find_class(module, name)


def graph(chance: random.Random) -> list[Value]:
    """Some Values that share others, in scopes or not."""
    found = [Value(ordinary(chance), f"x{i}") for i in range(3)]
    with mg.scope("some") if chance.random() < 0.3 else contextlib.nullcontext():
        for _ in range(chance.randint(1, 30)):
            found.append(mg.tanh(chance.choice(found) * chance.choice(found)) + chance.choice(found))
    return found


def use(thing: Any) -> None:
    """Do with an object what one does with it."""
    for part in thing if isinstance(thing, (list, tuple)) else [thing]:
        if isinstance(part, Value):
            part.backward()
            repr(part)
            pickle.dumps(part)
        elif isinstance(part, mg.Jitted):
            part(0.5)


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Let pickles that ask for gigabytes fail at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + (1 << 30), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def case(chance: random.Random) -> None:
    """A pickle with some bytes changed, left out or doubled."""
    compiled = mg.jit(chance.choice((doubled, mg.grad(doubled), functools.partial(doubled))))
    compiled(0.5)
    things = (lambda: graph(chance), lambda: graph(chance)[-1], lambda: compiled, lambda: mg.grad(doubled))
    thing: Any = chance.choice(things)()
    data = bytearray(pickle.dumps(thing, chance.randint(2, pickle.HIGHEST_PROTOCOL)))
    use(pickle.loads(bytes(data)))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1:
                data[place] = chance.randrange(256)
            case 2:
                del data[place : place + chance.randint(1, 8)]
            case 3:
                data[place:place] = data[place : place + chance.randint(1, 8)]
        if len(data) < 2:
            return
    with contextlib.suppress(Exception), little_memory():
        use(Careful(io.BytesIO(bytes(data))).load())
