"""Built-in functions of Python's that take floats and arrays straight to machine code and bring the results back.

Their own instructions take the numbers out of their objects and put the results into new ones, which takes less time
than a few operations in Python do. Besides NumPy's interface, only functions of CPython's stable one are called.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from microgrady.compiler.backends.array_interface import array_interface
from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.fastcall_code import ON_STACK, Plan, fastcall_source
from microgrady.compiler.backends.fastcall_parts import ARRAY, FLOAT, LIST, TUPLE, Part
from microgrady.compiler.backends.llvm import Module
from microgrady.trees import Shape, Structure, count

DEEPEST = 100  # what is nested deeper would need much of the stack
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
        """Whether there can be a fast call: only numbers and arrays, in tuples and lists that are not nested deeply."""
        return is_plain(self.structure) and (not self.has_arrays or array_interface() is not None)


def _inside(structure: Structure) -> Iterator[tuple[Structure, int]]:
    """Yield a structure and those in it, each before what is in it, and how deep they are."""
    pending = [(structure, 0)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        pending += [(child, depth + 1) for child in reversed(node.children)]


def is_plain(structure: Structure) -> bool:
    """Return whether a built-in function can make a result: in this Python, of tuples and lists, not nested deeply."""
    known = sys.implementation.name == "cpython" and sys.maxsize > 2**32
    return known and all(node.kind in (None, tuple, list) and depth <= DEEPEST for node, depth in _inside(structure))


def parts_of(structure: Structure, leaf: Callable[[Shape], Part]) -> ctypes.Array[Part]:
    """Return the parts of a result.

    Args:
        structure: Its structure.
        leaf: Returns the part of a number or an array by its shape.
    """
    parts = [
        leaf(node.shape)
        if node.kind is None
        else Part(kind=TUPLE if node.kind is tuple else LIST, count=len(node.children))
        for node, _ in _inside(structure)
    ]
    return (Part * len(parts))(*parts)


def array_part(kind: int, shape: tuple[int, ...], size: int, lengths: list[Any]) -> Part:
    """Return the part of an array.

    Args:
        kind: Of the part.
        shape: Of the array.
        size: Of the part.
        lengths: Where to add what must be kept as long as the part.
    """
    lengths.append((ctypes.c_int64 * len(shape))(*shape))
    return Part(kind=kind, count=len(shape), size=size, shape=ctypes.addressof(lengths[-1]))


def part_of(shape: Shape, lengths: list[Any]) -> Part:
    """Return the part of a number or an array by its shape; `array_part` says what `lengths` is for."""
    if shape is None:
        return Part(kind=FLOAT, size=8)
    return array_part(ARRAY, shape, 8 * count(shape), lengths)


class _Definition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


def built_in_function(address: int, plan: ctypes.Structure, kept: Any) -> Callable[..., Any]:
    """Return a built-in function of Python's.

    Args:
        address: Its instructions, which take what METH_FASTCALL passes, the address of the plan as an int before it.
        plan: What they do.
        kept: What is kept with it as long as the function.
    """
    definition = _Definition(b"compiled", address, _METH_FASTCALL, None)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
    module = definition, plan, kept  # which a function refers to
    function: Callable[..., Any] = new(ctypes.addressof(definition), ctypes.addressof(plan), module)
    return function


def fastcall_module() -> Module:
    """Return the instructions, which are `call`: the same for all, as what differs is data.

    They are compiled with the least effort: a million calls would not make up for more.
    """
    return Module(fastcall_source(), set(), 0)


@functools.cache
def fastcall_executable() -> Executable:
    """Return the instructions that serve all programs of this process."""
    return Executable([fastcall_module()], ("call",), 0)


class FastCall:
    """What a built-in function needs, which keeps it.

    Args:
        form: What it takes and what it returns.
        size: How many doubles the program works on.
        outputs: Where among them the outputs begin.
        is_long: Whether other threads may run meanwhile.
    """

    def __init__(self, form: Form, size: int, outputs: int, is_long: bool) -> None:
        self._lengths: list[Any] = []
        arguments = [part_of(shape, self._lengths) for shape in form.shapes]
        self._arguments = (Part * len(arguments))(*arguments)
        self._results = parts_of(form.structure, lambda shape: part_of(shape, self._lengths))
        self._memory = (ctypes.c_double * (size + 7 if size > ON_STACK else 0))()
        interface = array_interface() if form.has_arrays else None
        self._plan = Plan(
            memory=(ctypes.addressof(self._memory) + 63) & -64 if size > ON_STACK else None,  # a line of the cache
            is_long=is_long,
            count=len(arguments),
            leaves=form.leaves,
            arguments=ctypes.addressof(self._arguments),
            outputs=8 * outputs,
            results=ctypes.addressof(self._results),
            float=id(float),
            ndarray=id(interface.kind) if interface else None,
            new=interface.new if interface else None,
        )

    def function(self, program: Executable, instructions: Executable) -> Callable[..., Any]:
        """Return a function that takes floats and arrays and returns results; or the type float where it has none.

        It has none where other arguments are given, a guard does not hold, or another call works on the memory.

        Args:
            program: Where `run` is.
            instructions: Where `call` is.
        """
        self._plan.run = program.addresses["run"]
        return built_in_function(instructions.addresses["call"], self._plan, (self, program, instructions))
