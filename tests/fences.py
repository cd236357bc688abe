"""Arrays beside memory that must not be touched: a process that reads or writes there ends at once."""

from __future__ import annotations

import ctypes
import math
import mmap
from typing import Any

import numpy as np

PAGE = mmap.PAGESIZE
_FORBIDDEN = 0  # PROT_NONE


def fenced(shape: Any, dtype: Any = np.float64, at_end: bool = True) -> Any:
    """Return an array without content that ends where a forbidden page begins, or begins where one ends."""
    kind = np.dtype(dtype)
    shape = shape if isinstance(shape, tuple) else (shape,)
    size = kind.itemsize * math.prod(map(int, shape))
    pages = max(1, -(-size // PAGE))
    room = mmap.mmap(-1, (pages + 2) * PAGE)
    first = ctypes.addressof(ctypes.c_char.from_buffer(room))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    for fence in (first, first + (pages + 1) * PAGE):
        if protect(ctypes.c_void_p(fence), ctypes.c_size_t(PAGE), _FORBIDDEN):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = (pages + 1) * PAGE - size if at_end else PAGE
    return np.ndarray(shape, kind, room, offset)


def copied(array: Any, at_end: bool = True) -> Any:
    """Return a fenced copy of an array."""
    copy = fenced(array.shape, array.dtype, at_end)
    copy[...] = array
    return copy
