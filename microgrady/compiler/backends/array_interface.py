"""Arrays of NumPy in machine code: how it reads them and makes new ones, by NumPy's own interface for C.

The fields of an array and the places in the table of functions are part of that interface, so they are the same in
NumPy 1 and 2. Nothing is believed that has not been looked at in this process, and where something else is found,
arrays go in and out by way of Python.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

# Where fields stand behind the head that all objects have, in bytes.
DATA, DIMENSIONS, SHAPE, STRIDES, DTYPE, FLAGS = 0, 8, 16, 24, 40, 48  # of an array
BYTE_ORDER, TYPE_NUMBER = 10, 12  # of a dtype

C_CONTIGUOUS, ALIGNED = 0x1, 0x100  # some of the flags
DOUBLE = 12  # the type number of float64
NATIVE = "="  # the order of bytes

_MODULES = "numpy._core._multiarray_umath", "numpy.core._multiarray_umath"  # of NumPy 2 and 1, which import them
_VERSIONS = {0x01000009, 0x02000000}  # of the interface, in NumPy 1 and 2
_VERSION, _NEW = 0, 93  # places in the table of functions


class ArrayInterface(NamedTuple):
    """What machine code needs to know of NumPy.

    Attributes:
        kind: The class of arrays.
        new: The address of the function that makes an array.
    """

    kind: type
    new: int


@functools.cache
def array_interface() -> ArrayInterface | None:
    """Return what there is to know of the NumPy of this process; None if it is not installed or not as expected."""
    try:
        import numpy

        functions = next(sys.modules[name] for name in _MODULES if name in sys.modules)
        capsule: Any = functions._ARRAY_API
        open_capsule = ctypes.pythonapi.PyCapsule_GetPointer
        open_capsule.restype, open_capsule.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        table = ctypes.cast(open_capsule(capsule, None), ctypes.POINTER(ctypes.c_void_p))
        version = ctypes.PYFUNCTYPE(ctypes.c_uint)(table[_VERSION] or 0)()
    except Exception:  # whatever there is instead of NumPy
        return None
    found = ArrayInterface(numpy.ndarray, table[_NEW] or 0)
    samples = [numpy.zeros((2, 3)), numpy.zeros((4, 6))[:, ::2], numpy.zeros(5, ">f8"), numpy.zeros((), "<i4")]
    if version in _VERSIONS and found.new and all(_is_laid_out(sample) for sample in samples):
        return found
    return None


@functools.cache
def address_reader() -> Callable[[Any], int]:
    """Return the function that tells where the first number of an array is, in the way that takes least."""
    if array_interface() is None:
        return lambda array: int(array.__array_interface__["data"][0])
    read, field = ctypes.c_ssize_t.from_address, object.__basicsize__ + DATA
    return lambda array: read(id(array) + field).value


def _is_laid_out(array: Any) -> bool:
    """Return whether the fields of an array, and those of its dtype, stand where they are expected."""
    head = object.__basicsize__
    if type(array).__basicsize__ < head + FLAGS + 4 or type(array.dtype).__basicsize__ < head + TYPE_NUMBER + 4:
        return False
    start, dtype = id(array) + head, id(array.dtype) + head
    return (
        ctypes.c_void_p.from_address(start + DATA).value == array.__array_interface__["data"][0]
        and ctypes.c_int.from_address(start + DIMENSIONS).value == array.ndim
        and ctypes.c_void_p.from_address(start + DTYPE).value == id(array.dtype)
        and ctypes.c_int.from_address(start + FLAGS).value == array.flags.num
        and ctypes.c_char.from_address(dtype + BYTE_ORDER).value == array.dtype.byteorder.encode()
        and ctypes.c_int.from_address(dtype + TYPE_NUMBER).value == array.dtype.num
        and _numbers_at(start + SHAPE, array.ndim) == array.shape
        and _numbers_at(start + STRIDES, array.ndim) == array.strides
    )


def _numbers_at(place: int, length: int) -> tuple[int, ...]:
    """Return the numbers that the pointer at a place points to."""
    if not length:
        return ()
    return tuple((ctypes.c_ssize_t * length).from_address(ctypes.c_void_p.from_address(place).value or 0))
