"""A built-in function of Python's that takes floats straight to machine code and brings the results back.

Its own instructions take the floats out of their objects and put the results into new ones, which
takes less time than one operation in Python does. Only functions of CPython's stable interface are called.
"""

from __future__ import annotations

import ctypes
import itertools
import sys
from typing import Any

from microgrady.compiler.backends.callbacks import INTERFACE
from microgrady.trees import NUMBER, Structure

LARGEST = 500  # doubles, which stand on the stack: less than the page that compilers probe for

# What is called besides, in the same interface. The first argument of the built-in function is the type float.
_INTERFACE = {
    **INTERFACE,
    "PyObject_Type": "ptr @PyObject_Type(ptr)",
    "Py_IncRef": "void @Py_IncRef(ptr)",
    "PyErr_Occurred": "ptr @PyErr_Occurred()",
    "PyTuple_New": "ptr @PyTuple_New(i64)",
    "PyTuple_SetItem": "i32 @PyTuple_SetItem(ptr, i64, ptr)",
    "PyList_New": "ptr @PyList_New(i64)",
    "PyList_SetItem": "i32 @PyList_SetItem(ptr, i64, ptr)",
}
_METH_FASTCALL = 0x0080


def is_possible(structure: Structure, size: int) -> bool:
    """Return whether results of such a structure, numbers in tuples and lists, can be made of so many doubles."""
    known = sys.implementation.name == "cpython" and sys.maxsize > 2**32
    return known and size <= LARGEST and _is_plain(structure)


def _is_plain(structure: Structure) -> bool:
    return structure is NUMBER or (structure.kind in (tuple, list) and all(map(_is_plain, structure.children)))


def fastcall_lines(inputs: int, first_output: int, size: int, structure: Structure) -> list[str]:
    """Return the LLVM IR of `call`, which takes `inputs` floats to `run` and returns the outputs.

    Args:
        inputs: How many floats it takes.
        first_output: Where the outputs begin in the doubles.
        size: How many doubles there are.
        structure: How they are nested in tuples and lists.

    Returns:
        A function that takes what METH_FASTCALL passes. It returns the type float itself where it has
        no result: other arguments were given, or a guard does not hold.
    """
    results: list[str] = []
    root = _Objects(results, first_output).make(structure)
    return [
        *(f"declare {declaration}" for declaration in _INTERFACE.values()),
        "define ptr @call(ptr %float, ptr %arguments, i64 %count) {",
        "entry:",
        f"  %memory = alloca double, i64 {size}, align 8",
        f"  %right = icmp eq i64 %count, {inputs}",
        f"  br i1 %right, label %{'argument0' if inputs else 'compute'}, label %other",
        *(line for number in range(inputs) for line in _argument_lines(number, inputs)),
        "compute:",
        "  %failed = call i32 @run(ptr %memory)",
        "  %fine = icmp eq i32 %failed, 0",
        "  br i1 %fine, label %result, label %other",
        "other:",
        "  call void @Py_IncRef(ptr %float)",
        "  ret ptr %float",
        "result:",
        *results,
        "  %error = call ptr @PyErr_Occurred()",
        "  %good = icmp eq ptr %error, null",
        "  br i1 %good, label %done, label %broken",
        "done:",
        f"  ret ptr {root}",
        "broken:",
        "  ret ptr null",
        "}",
    ]


def _argument_lines(k: int, inputs: int) -> list[str]:
    """Return what puts an argument into its double if its type is float."""
    return [
        f"argument{k}:",
        f"  %p{k} = getelementptr ptr, ptr %arguments, i64 {k}",
        f"  %o{k} = load ptr, ptr %p{k}, align 8",
        f"  %t{k} = call ptr @PyObject_Type(ptr %o{k})",
        f"  call void @Py_DecRef(ptr %t{k})",
        f"  %k{k} = icmp eq ptr %t{k}, %float",
        f"  br i1 %k{k}, label %number{k}, label %other",
        f"number{k}:",
        f"  %d{k} = call double @PyFloat_AsDouble(ptr %o{k})",
        f"  %m{k} = getelementptr double, ptr %memory, i64 {k}",
        f"  store double %d{k}, ptr %m{k}, align 8",
        f"  br label %{f'argument{k + 1}' if k + 1 < inputs else 'compute'}",
    ]


class _Objects:
    """A writer of what makes floats, tuples and lists."""

    def __init__(self, lines: list[str], first_output: int) -> None:
        self.lines = lines
        self.count = 0
        self._outputs = itertools.count(first_output)

    def make(self, structure: Structure) -> str:
        """Write what makes an object, and return its variable."""
        self.count += 1
        name = f"%r{self.count}"
        if structure is NUMBER:
            self.lines += [
                f"  {name}.p = getelementptr double, ptr %memory, i64 {next(self._outputs)}",
                f"  {name}.d = load double, ptr {name}.p, align 8",
                f"  {name} = call ptr @PyFloat_FromDouble(double {name}.d)",
            ]
            return name
        kind = "Tuple" if structure.kind is tuple else "List"
        block = f"made{self.count}"
        self.lines += [
            f"  {name} = call ptr @Py{kind}_New(i64 {len(structure.children)})",
            f"  {name}.k = icmp eq ptr {name}, null",
            f"  br i1 {name}.k, label %broken, label %{block}",
            f"{block}:",
        ]
        for place, child in enumerate(structure.children):
            item = self.make(child)
            self.lines.append(f"  call i32 @Py{kind}_SetItem(ptr {name}, i64 {place}, ptr {item})")
        return name


class _Definition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


def interface_addresses() -> dict[str, int]:
    """Return where the functions of CPython are that machine code calls."""
    return {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in _INTERFACE}


def builtin_function(address: int, keeper: Any) -> Any:
    """Return the built-in function at an address, which keeps `keeper`, who has its machine code, alive."""
    definition = _Definition(b"compiled", address, _METH_FASTCALL, None)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
    return new(ctypes.addressof(definition), float, (definition, keeper))  # the last one, its module, it keeps
