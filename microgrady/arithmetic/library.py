"""The functions of the C library by their names."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def library_function(name: str, count: int) -> Any:
    """Return a function of the C library, which takes doubles and returns one: what machine code calls.

    Raises:
        AttributeError: There is none.
    """
    import ctypes
    import ctypes.util

    for library in (None, ctypes.util.find_library("m"), "ucrtbase"):
        try:
            function = ctypes.CDLL(library)[name]  # a new object each time, of which the types can be set
        except (OSError, TypeError, AttributeError):
            continue
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * count
        return function
    raise AttributeError(f"the C library has no function {name!r}")
