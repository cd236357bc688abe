"""Large arrays for results: on large pages of memory, which serve again once nobody has the array any more.

The system gives out memory page by page, filled with zeros. For a function of a few operations that takes longer than
to compute the results. So some memory is kept for the next call.
"""

from __future__ import annotations

import functools
import math
import sys
import threading
from typing import Any

import numpy

from microgrady.forks import free_after_fork

HUGE = 1 << 21  # bytes of the larger pages that processors know
LARGE = 1 << 22  # bytes from which on NumPy asks the system for such pages
GIVEN_BACK = 1 << 17  # bytes from which on the C library gives memory back to the system that is freed
KEPT = 1 << 27  # bytes that are kept at most

_rooms: list[Any] = []  # arrays of bytes, of which those that are given out are parts
_lock = free_after_fork(threading.RLock())


def new_array(shape: tuple[int, ...]) -> Any:
    """Return a float64 array that is not filled.

    Example:
        >>> new_array((2, 3)).shape
        (2, 3)
    """
    size = 8 * math.prod(shape)
    if size < LARGE:
        if size >= GIVEN_BACK:
            _have_freed_memory_kept()
        return numpy.empty(shape)
    room = _room(-(-size // HUGE) * HUGE + HUGE)
    start = -room.__array_interface__["data"][0] % HUGE
    return room[start : start + size].view(numpy.float64).reshape(shape)


@functools.cache
def _have_freed_memory_kept() -> None:
    """Have the C library keep the memory of arrays that are freed, for others.

    glibc gives it back to the system, unless the process has once freed a block that is as large. So one is allocated
    and freed, of the 32 MB up to which this counts; after it up to 64 MB are kept. It is never filled, so it takes no
    memory itself.
    """
    numpy.empty((1 << 25) - (1 << 13), numpy.uint8)


def _room(size: int) -> Any:
    """Return so many bytes: some that nobody has any more, or others, which are kept for later if they fit."""
    with _lock:
        for place in range(len(_rooms)):
            if len(_rooms[place]) == size and _references(place) == _ALONE:
                return _rooms[place]
        room = numpy.empty(size, numpy.uint8)
        _rooms.append(room)
        while sum(map(len, _rooms)) > KEPT:
            del _rooms[0]  # of which the memory is freed when the last array in it is
        return room


def _references(place: int) -> int:
    return sys.getrefcount(_rooms[place])


def _references_to_none_else() -> int:
    """Return how many references are counted to what is among the rooms alone."""
    _rooms.append(numpy.empty(1, numpy.uint8))
    found = _references(-1)
    _rooms.clear()
    return found


_ALONE = _references_to_none_else()
