"""The functions of the C library by their names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple


class Called(NamedTuple):
    """A function of the C library that machine code calls.

    Attributes:
        name: Its name.
        operand_count: How many operands it has.
        width: How many numbers each operand is: more than 1 for a function of vectors.
    """

    name: str
    operand_count: int
    width: int = 1


@cache
def library_function(name: str, count: int) -> Any:
    """Return a function of the C library, which takes doubles and returns one: what machine code calls.

    Raises:
        AttributeError: There is none.
    """
    import ctypes

    for library in _places():
        try:
            function = ctypes.CDLL(library)[name]  # a new object each time, of which the types can be set
        except (OSError, TypeError, AttributeError):
            continue
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * count
        return function
    raise AttributeError(f"the C library has no function {name!r}")


def _places() -> Iterator[str | None]:
    """Yield where the C library may be: mostly in the program itself, so that it need not be searched for."""
    yield None
    from ctypes.util import find_library

    yield find_library("m")
    yield "ucrtbase"
