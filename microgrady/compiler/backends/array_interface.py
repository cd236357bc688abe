"""Arrays of NumPy in machine code: how it reads them and makes new ones, by NumPy's own interface for C.

The fields of an array and the places in the table of functions are part of that interface, so they are the same in
NumPy 1 and 2. Nothing is believed that has not been looked at in this process, and where something else is found,
arrays go in and out by way of Python.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any, NamedTuple

# Where fields stand behind the head that all objects have, in bytes.
_DATA, _DIMENSIONS, _SHAPE, _DTYPE, _FLAGS = 0, 8, 16, 40, 48  # of an array
_BYTE_ORDER, _TYPE_NUMBER = 10, 12  # of a dtype

_MODULES = "numpy._core._multiarray_umath", "numpy.core._multiarray_umath"  # of NumPy 2 and 1, which import them
_VERSIONS = {0x01000009, 0x02000000}  # of the interface, in NumPy 1 and 2
_VERSION, _NEW = 0, 93  # places in the table of functions
_C_CONTIGUOUS = 1  # one of the flags
_DOUBLE = 12  # the type number of float64
_NATIVE = "="  # the order of bytes


class ArrayInterface(NamedTuple):
    """What machine code needs to know of NumPy.

    Attributes:
        kind: The class of arrays.
        head: How many bytes of an object come before its own fields.
        new: The address of the function that makes an array.
    """

    kind: type
    head: int
    new: int

    def check_lines(self, array: str, shape: tuple[int, ...], right: str, wrong: str) -> list[str]:
        """Return the LLVM IR that goes to `right` if an array holds doubles in a row and has a shape, else to `wrong`.

        Args:
            array: The variable of the array, with which the names of others begin.
            shape: The shape.
            right: A label. It must not be that of a block that has been written.
            wrong: A label.
        """
        tests = [
            *self._test(array, "dimensions", _DIMENSIONS, "i32", len(shape)),
            *self._field(array, "flags", _FLAGS, "i32"),
            f"  {array}.row = and i32 {array}.flags, {_C_CONTIGUOUS}",
            f"  {array}.row.right = icmp ne i32 {array}.row, 0",
            *self._field(array, "dtype", _DTYPE, "ptr"),
            *self._test(f"{array}.dtype", "type", _TYPE_NUMBER, "i32", _DOUBLE),
            *self._test(f"{array}.dtype", "order", _BYTE_ORDER, "i8", ord(_NATIVE)),
        ]
        names = ["dimensions", "row", "dtype.type", "dtype.order"]
        # There are as many lengths as dimensions only.
        lengths = self._field(array, "shape", _SHAPE, "ptr")
        for axis, length in enumerate(shape):
            lengths += [
                f"  {array}.axis{axis}.p = getelementptr i64, ptr {array}.shape, i64 {axis}",
                f"  {array}.axis{axis} = load i64, ptr {array}.axis{axis}.p, align 8",
                f"  {array}.axis{axis}.right = icmp eq i64 {array}.axis{axis}, {length}",
            ]
        inside = f"{array[1:]}.shaped"
        return [
            *tests,
            *_all_or(names, array, inside, wrong),
            f"{inside}:",
            *lengths,
            *_all_or([f"axis{axis}" for axis in range(len(shape))], array, right, wrong),
        ]

    def data_lines(self, array: str) -> list[str]:
        """Return the LLVM IR that puts the address of the elements of an array into the variable `<array>.data`."""
        return self._field(array, "data", _DATA, "ptr")

    def new_lines(self, array: str, shape: tuple[int, ...], failed: str) -> tuple[str, list[str]]:
        """Return the LLVM IR that makes an array of doubles, and the address of its elements in `<array>.data`.

        It wants the class of arrays in the variable `%ndarray` and the address of the function in `%new`.

        Args:
            array: The variable of the array.
            shape: The shape.
            failed: The label to go to, with the error set, where there is no memory.

        Returns:
            What stands outside of the function, and the lines inside.
        """
        name, type_of_shape = f"@{array[1:]}.shape", f"[{len(shape)} x i64]"
        own = "ptr null, ptr null, i32 0, i32 0, ptr null"  # neither strides nor data nor flags of another one
        made = f"{array[1:]}.made"
        lines = [
            f"  {array} = call ptr %new(ptr %ndarray, i32 {len(shape)}, ptr {name}, i32 {_DOUBLE}, {own})",
            f"  {array}.none = icmp eq ptr {array}, null",
            f"  br i1 {array}.none, label %{failed}, label %{made}",
            f"{made}:",
            *self.data_lines(array),
        ]
        return f"{name} = private constant {type_of_shape} [{', '.join(f'i64 {length}' for length in shape)}]", lines

    def _field(self, thing: str, name: str, offset: int, kind: str) -> list[str]:
        """Return what loads a field into `<thing>.<name>`."""
        return [
            f"  {thing}.{name}.p = getelementptr i8, ptr {thing}, i64 {self.head + offset}",
            f"  {thing}.{name} = load {kind}, ptr {thing}.{name}.p",
        ]

    def _test(self, thing: str, name: str, offset: int, kind: str, expected: int) -> list[str]:
        """Return what loads a field, and puts into `<thing>.<name>.right` whether it is what it should be."""
        return [
            *self._field(thing, name, offset, kind),
            f"  {thing}.{name}.right = icmp eq {kind} {thing}.{name}, {expected}",
        ]


def _all_or(names: list[str], thing: str, right: str, wrong: str) -> list[str]:
    """Return what goes to `right` if all of some tests of a thing hold, else to `wrong`."""
    lines, whole = [], "true"
    for name in names:
        lines.append(f"  {thing}.{name}.all = and i1 {whole}, {thing}.{name}.right")
        whole = f"{thing}.{name}.all"
    return [*lines, f"  br i1 {whole}, label %{right}, label %{wrong}"]


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
    found = ArrayInterface(numpy.ndarray, object.__basicsize__, table[_NEW] or 0)
    samples = [numpy.zeros((2, 3)), numpy.zeros((4, 6))[:, ::2], numpy.zeros(5, ">f8"), numpy.zeros((), "<i4")]
    if version in _VERSIONS and found.new and all(_is_laid_out(sample, found.head) for sample in samples):
        return found
    return None


def _is_laid_out(array: Any, head: int) -> bool:
    """Return whether the fields of an array, and those of its dtype, stand where they are expected."""
    if type(array).__basicsize__ < head + _FLAGS + 4 or type(array.dtype).__basicsize__ < head + _TYPE_NUMBER + 4:
        return False
    start, dtype = id(array) + head, id(array.dtype) + head
    return (
        ctypes.c_void_p.from_address(start + _DATA).value == array.__array_interface__["data"][0]
        and ctypes.c_int.from_address(start + _DIMENSIONS).value == array.ndim
        and ctypes.c_void_p.from_address(start + _DTYPE).value == id(array.dtype)
        and ctypes.c_int.from_address(start + _FLAGS).value == array.flags.num
        and ctypes.c_char.from_address(dtype + _BYTE_ORDER).value == array.dtype.byteorder.encode()
        and ctypes.c_int.from_address(dtype + _TYPE_NUMBER).value == array.dtype.num
        and _numbers_at(start + _SHAPE, array.ndim) == array.shape
    )


def _numbers_at(place: int, length: int) -> tuple[int, ...]:
    """Return the numbers that the pointer at a place points to."""
    if not length:
        return ()
    return tuple((ctypes.c_ssize_t * length).from_address(ctypes.c_void_p.from_address(place).value or 0))
