"""jit: machine code for recorded functions."""

from microgrady.compiler.jit import Jitted, jit

__all__ = ["Jitted", "jit"]
