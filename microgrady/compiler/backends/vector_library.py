"""Functions of the C library that work on vectors: those of libmvec, which is a part of glibc on x86-64.

Where there is no libmvec, as in other C libraries and on other systems, or the processor lacks the instructions, there
are none. They take and return vectors in registers, and treat nan, infinities, zeros and the ends of domains as the
functions of single numbers do, which they call for such lanes.
"""

from __future__ import annotations

import ctypes
import functools

from microgrady.arithmetic.library import Called
from microgrady.compiler.backends.host import features

# The largest error that was found in glibc 2.36, in ulp: of vectors of 8, and of 4; against long doubles, among 3
# million points each, of all sizes and near the ends of ranges, and 40 million for cos, exp, sin and tan. None treats a
# nan, an infinity or a zero otherwise than the function of single numbers, so none needs mending. Others are not used.
MEASURED = {
    "acos": (1.7, 1.8),
    "acosh": (1.6, 2.7),
    "asin": (2.5, 2.5),
    "asinh": (1.4, 2.2),
    "atan": (2.5, 2.5),
    "atan2": (2.8, 2.8),
    "atanh": (1.4, 2.0),
    "cbrt": (1.8, 2.8),
    "cos": (3.6, 3.6),
    "cosh": (2.0, 2.0),
    "erf": (2.5, 2.5),
    "erfc": (1.8, 1.8),
    "exp": (3.2, 3.2),
    "exp10": (1.8, 1.8),
    "exp2": (1.1, 1.7),
    "expm1": (2.1, 3.0),
    "hypot": (1.3, 1.2),
    "log": (1.6, 1.6),
    "log10": (1.9, 2.1),
    "log1p": (1.9, 1.6),
    "log2": (1.8, 2.1),
    "pow": (1.0, 1.0),
    "sin": (3.4, 3.4),
    "sinh": (2.0, 2.0),
    "tan": (3.7, 3.4),
    "tanh": (1.2, 2.2),
}

# By the number of lanes: what the processor must have, and how the functions are called that use it (in the vector
# function ABI of x86-64).
_KINDS = {8: ("avx512f", "_ZGVeN8"), 4: ("avx2", "_ZGVdN4")}


@functools.cache
def vector_function(function: Called) -> int:
    """Return the address of a function of vectors; 0 if there is none."""
    feature, prefix = _KINDS.get(function.width, ("", ""))
    library = _libmvec()
    if library is None or feature not in features() or function.name not in MEASURED:
        return 0
    try:
        found = library[f"{prefix}{'v' * function.operand_count}_{function.name}"]
    except AttributeError:
        return 0
    return ctypes.cast(found, ctypes.c_void_p).value or 0


@functools.cache
def _libmvec() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libmvec.so.1")
    except OSError:
        return None
