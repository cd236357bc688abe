"""Run what a tracer interrupts, as Ctrl-C would."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class Interruption(BaseException):
    """Raised by a tracer."""


def interrupted(action: Callable[[], object], trace: Callable[..., Any]) -> bool:
    """Whether a tracer interrupts `action`; the tracer before it, of a debugger or of a measurement, comes back."""
    previous = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 asks for it before a tracer is set
    sys.settrace(trace)
    try:
        action()
    except Interruption:
        return True
    finally:
        sys.settrace(previous)
    return False
