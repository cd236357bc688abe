"""jit: machine code for recorded functions."""

from microgrady.compiler.compiled import Jitted
from microgrady.compiler.jit import jit

__all__ = ["Jitted", "jit"]
