"""Operations that have no machine form: machine code calls Python back."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

from microgrady.value import Primitive


class _Failures(threading.local):
    """What a function called back has raised, in this thread."""

    error: BaseException | None = None


_failures = _Failures()
_callbacks: dict[str, tuple[Any, Primitive]] = {}


def callback_name(op: Primitive) -> str:
    """The name by which machine code calls the value of a primitive."""
    name = f"python.{op.name}.{id(op)}"
    if name not in _callbacks:

        def evaluate(*operands: float) -> float:
            try:
                return float(op.evaluate(*operands))
            except BaseException as error:
                _failures.error = _failures.error or error
                return float("nan")

        kind = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * len(op.rules))
        _callbacks[name] = kind(evaluate), op  # kept for ever, as machine code may call it at any time
    return name


def callback_addresses(names: set[str]) -> dict[str, int]:
    """Where those of these names are that `callback_name` gave."""
    return {name: ctypes.cast(_callbacks[name][0], ctypes.c_void_p).value or 0 for name in names & _callbacks.keys()}


def raise_failure() -> None:
    """Raise what a function called back in this thread has raised."""
    error, _failures.error = _failures.error, None
    if error is not None:
        raise error
