"""A built-in function of Python's that takes floats and arrays straight to machine code and brings the results back.

Its own instructions take the numbers out of their objects and put the results into new ones, which takes less time
than a few operations in Python do. Besides NumPy's interface, only functions of CPython's stable one are called.
"""

from __future__ import annotations

import ctypes
import itertools
import sys
from dataclasses import dataclass
from typing import Any

from microgrady.compiler.backends.array_interface import ArrayInterface, array_interface
from microgrady.compiler.backends.callbacks import INTERFACE
from microgrady.trees import Shape, Structure, count

ON_STACK = 500  # doubles that stand on the stack: less than the page that compilers probe for
MOST = 500  # objects that come in and go out: instructions are written for each

# What is called besides, in the same interface.
_INTERFACE = {
    **INTERFACE,
    "PyObject_Type": "ptr @PyObject_Type(ptr)",
    "Py_IncRef": "void @Py_IncRef(ptr)",
    "PyErr_Occurred": "ptr @PyErr_Occurred()",
    "PyLong_AsVoidPtr": "ptr @PyLong_AsVoidPtr(ptr)",
    "PyTuple_New": "ptr @PyTuple_New(i64)",
    "PyTuple_GetItem": "ptr @PyTuple_GetItem(ptr, i64)",
    "PyTuple_SetItem": "i32 @PyTuple_SetItem(ptr, i64, ptr)",
    "PyList_New": "ptr @PyList_New(i64)",
    "PyList_GetItem": "ptr @PyList_GetItem(ptr, i64)",
    "PyList_SetItem": "i32 @PyList_SetItem(ptr, i64, ptr)",
    "PyEval_SaveThread": "ptr @PyEval_SaveThread()",
    "PyEval_RestoreThread": "void @PyEval_RestoreThread(ptr)",
}
_COPY = "mg.memmove"
_METH_FASTCALL = 0x0080


@dataclass(frozen=True)
class Form:
    """What a fast call takes and what it returns.

    Attributes:
        shapes: Of the arguments: None for a float, the shape of an array.
        leaves: How many floats stand in a list that is one more argument; 0 for no such argument.
        structure: That of the result.
    """

    shapes: tuple[Shape, ...]
    leaves: int
    structure: Structure

    @property
    def has_arrays(self) -> bool:
        """Whether arrays come or go."""
        return any(shape is not None for shape in (*self.shapes, *self.structure.shapes))

    @property
    def is_possible(self) -> bool:
        """Whether there can be a fast call: there are numbers and arrays in tuples and lists, and not too many."""
        known = sys.implementation.name == "cpython" and sys.maxsize > 2**32
        few = len(self.shapes) + len(self.structure.shapes) <= MOST
        return known and few and _is_plain(self.structure) and (not self.has_arrays or array_interface() is not None)


def _is_plain(structure: Structure) -> bool:
    return structure.kind in (None, tuple, list) and all(map(_is_plain, structure.children))


def fastcall_lines(form: Form, first_output: int, size: int, is_long: bool) -> list[str]:
    """Return the LLVM IR of `call`, which takes arguments to `run` and returns the outputs.

    Args:
        form: What comes and goes.
        first_output: Where the outputs begin in the doubles.
        size: How many doubles there are.
        is_long: Whether other threads may run meanwhile.

    Returns:
        A function that takes what METH_FASTCALL passes, the constants of `builtin_function` first. It returns the type
        float itself where it has no result: other arguments were given, a guard does not hold, or the memory is in use.
    """
    memory = _Stack(size) if size <= ON_STACK else _Global(size)
    interface = array_interface() if form.has_arrays else None
    arguments = _Arguments(form, interface)
    results = _Objects(interface, first_output)
    results.make(form.structure, None)
    release_thread = "  %thread = call ptr @PyEval_SaveThread()"
    take_thread = "  call void @PyEval_RestoreThread(ptr %thread)"
    return [
        *(f"declare {declaration}" for declaration in _INTERFACE.values()),
        f"declare ptr @{_COPY}(ptr, ptr, i64)",
        *memory.outside,
        *results.outside,
        "define ptr @call(ptr %constants, ptr %arguments, i64 %count) {",
        "entry:",
        *memory.entry,
        "  %root = alloca ptr, align 8",
        "  store ptr null, ptr %root, align 8",
        "  %float = call ptr @PyTuple_GetItem(ptr %constants, i64 0)",
        *(_INTERFACE_LINES if interface else []),
        *arguments.check_lines(),
        "take:",
        *memory.take,
        "taken:",
        *arguments.copy_lines(),
        *([release_thread] if is_long else []),
        "  %failed = call i32 @run(ptr %memory)",
        *([take_thread] if is_long else []),
        "  %fine = icmp eq i32 %failed, 0",
        "  br i1 %fine, label %result, label %unfit",
        "result:",
        *results.lines,
        "  %error = call ptr @PyErr_Occurred()",
        "  %good = icmp eq ptr %error, null",
        "  br i1 %good, label %done, label %broken",
        "done:",
        *memory.leave,
        "  %whole = load ptr, ptr %root, align 8",
        "  ret ptr %whole",
        "broken:",
        *memory.leave,
        "  %parts = load ptr, ptr %root, align 8",
        "  call void @Py_DecRef(ptr %parts)",
        "  ret ptr null",
        "unfit:",
        *memory.leave,
        "  br label %other",
        "other:",
        "  call void @Py_IncRef(ptr %float)",
        "  ret ptr %float",
        "}",
    ]


_INTERFACE_LINES = (
    "  %ndarray = call ptr @PyTuple_GetItem(ptr %constants, i64 1)",
    "  %new.o = call ptr @PyTuple_GetItem(ptr %constants, i64 2)",
    "  %new = call ptr @PyLong_AsVoidPtr(ptr %new.o)",
)


class _Stack:
    """Memory of each call's own."""

    def __init__(self, size: int) -> None:
        self.outside: list[str] = []
        self.entry = [f"  %memory = alloca double, i64 {size}, align 64"]
        self.take = ["  br label %taken"]
        self.leave: list[str] = []


class _Global:
    """Memory that goes from call to call. A call that comes meanwhile, from another thread, goes another way."""

    def __init__(self, size: int) -> None:
        self.outside = [
            "@used = internal global i32 0, align 64",
            f"@doubles = internal global [{size} x double] zeroinitializer, align 64",
        ]
        self.entry = ["  %memory = getelementptr double, ptr @doubles, i64 0"]
        self.take = [
            "  %was = atomicrmw xchg ptr @used, i32 1 acquire",
            "  %free = icmp eq i32 %was, 0",
            "  br i1 %free, label %taken, label %other",
        ]
        self.leave = ["  store atomic i32 0, ptr @used release, align 4"]


class _Arguments:
    """A writer of what looks at the arguments, and of what then copies the numbers in them into memory."""

    def __init__(self, form: Form, interface: ArrayInterface | None) -> None:
        self.form = form
        self.interface = interface

    def check_lines(self) -> list[str]:
        """Return what goes to `take` if there are as many arguments as expected, of the right types and shapes."""
        shapes, leaves = self.form.shapes, self.form.leaves
        blocks = [*(f"argument{k}" for k in range(len(shapes))), "take"]
        lines = [
            f"  %right = icmp eq i64 %count, {len(shapes) + bool(leaves)}",
            f"  br i1 %right, label %{blocks[0]}, label %other",
        ]
        for k, shape in enumerate(shapes):
            kind, found = ("%float", blocks[k + 1]) if shape is None else ("%ndarray", f"array{k}")
            lines += [
                f"{blocks[k]}:",
                f"  %a{k}.p = getelementptr ptr, ptr %arguments, i64 {k}",
                f"  %a{k} = load ptr, ptr %a{k}.p, align 8",
                f"  %a{k}.t = call ptr @PyObject_Type(ptr %a{k})",
                f"  call void @Py_DecRef(ptr %a{k}.t)",
                f"  %a{k}.k = icmp eq ptr %a{k}.t, {kind}",
                f"  br i1 %a{k}.k, label %{found}, label %other",
            ]
            if shape is not None:
                assert self.interface is not None
                lines += [f"{found}:", *self.interface.check_lines(f"%a{k}", shape, blocks[k + 1], "other")]
        return lines

    def copy_lines(self) -> list[str]:
        """Return what copies the numbers of all arguments, and then of the list of leaves."""
        lines: list[str] = []
        start = 0
        for k, shape in enumerate(self.form.shapes):
            lines.append(f"  %m{k} = getelementptr double, ptr %memory, i64 {start}")
            if shape is None:
                lines += [
                    f"  %d{k} = call double @PyFloat_AsDouble(ptr %a{k})",
                    f"  store double %d{k}, ptr %m{k}, align 8",
                ]
            elif count(shape):
                assert self.interface is not None
                lines += [*self.interface.data_lines(f"%a{k}"), _copy(f"%m{k}", f"%a{k}.data", shape)]
            start += count(shape)
        return [*lines, *(self._leaf_lines(start) if self.form.leaves else [])]

    def _leaf_lines(self, start: int) -> list[str]:
        return [
            f"  %list.p = getelementptr ptr, ptr %arguments, i64 {len(self.form.shapes)}",
            "  %list = load ptr, ptr %list.p, align 8",
            "  br label %leaf",
            "leaf:",
            "  %number = phi i64 [0, %taken], [%next, %leaf]",
            "  %leaf.o = call ptr @PyList_GetItem(ptr %list, i64 %number)",
            "  %leaf.d = call double @PyFloat_AsDouble(ptr %leaf.o)",
            f"  %place = add i64 %number, {start}",
            "  %leaf.m = getelementptr double, ptr %memory, i64 %place",
            "  store double %leaf.d, ptr %leaf.m, align 8",
            "  %next = add i64 %number, 1",
            f"  %more = icmp ult i64 %next, {self.form.leaves}",
            "  br i1 %more, label %leaf, label %compute",
            "compute:",
        ]


def _copy(to: str, source: str, shape: tuple[int, ...]) -> str:
    return f"  call ptr @{_COPY}(ptr {to}, ptr {source}, i64 {8 * count(shape)})"


class _Objects:
    """A writer of what makes floats, arrays, tuples and lists.

    Each is put at once into the tuple or the list that it is part of, so that all of them end with the first one.
    """

    def __init__(self, interface: ArrayInterface | None, first_output: int) -> None:
        self.interface = interface
        self.outside: list[str] = []
        self.lines: list[str] = []
        self._names = (f"%r{number}" for number in itertools.count())
        self._next_output = first_output

    def make(self, structure: Structure, parent: str | None) -> None:
        """Write what makes an object, and what calls `parent` with it, or keeps it as the first one."""
        name = next(self._names)
        keep = f"  store ptr {name}, ptr %root, align 8" if parent is None else f"  {parent}, ptr {name})"
        if structure.kind is not None:
            self._make_container(name, structure, keep)
            return
        output = f"getelementptr double, ptr %memory, i64 {self._next_output}"
        self.lines.append(f"  {name}.p = {output}")
        self._next_output += count(structure.shape)
        if structure.shape is None:
            self.lines += [
                f"  {name}.d = load double, ptr {name}.p, align 8",
                f"  {name} = call ptr @PyFloat_FromDouble(double {name}.d)",
                keep,
            ]
        else:
            assert self.interface is not None
            outside, lines = self.interface.new_lines(name, structure.shape, "broken")
            self.outside.append(outside)
            self.lines += [*lines, keep, _copy(f"{name}.data", f"{name}.p", structure.shape)]

    def _make_container(self, name: str, structure: Structure, keep: str) -> None:
        kind = "Tuple" if structure.kind is tuple else "List"
        self.lines += [
            f"  {name} = call ptr @Py{kind}_New(i64 {len(structure.children)})",
            f"  {name}.k = icmp eq ptr {name}, null",
            f"  br i1 {name}.k, label %broken, label %{name[1:]}.made",
            f"{name[1:]}.made:",
            keep,
        ]
        for place, child in enumerate(structure.children):
            self.make(child, f"call i32 @Py{kind}_SetItem(ptr {name}, i64 {place}")


class _Definition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


def interface_addresses() -> dict[str, int]:
    """Return where the functions of CPython and of C are that machine code calls."""
    functions = {name: getattr(ctypes.pythonapi, name) for name in _INTERFACE}
    functions[_COPY] = ctypes.memmove
    return {name: ctypes.cast(function, ctypes.c_void_p).value or 0 for name, function in functions.items()}


def builtin_function(address: int, form: Form, keeper: Any) -> Any:
    """Return the built-in function at an address, which keeps `keeper`, who has its machine code, alive."""
    definition = _Definition(b"compiled", address, _METH_FASTCALL, None)
    interface = array_interface() if form.has_arrays else None
    constants = (float, interface.kind, interface.new) if interface else (float,)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
    return new(ctypes.addressof(definition), constants, (definition, keeper))  # the last one, its module, it keeps
