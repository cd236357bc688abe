"""A program in machine code, and the ways into it."""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.fastcall import FastCall, Form, fastcall_executable, fastcall_module
from microgrady.compiler.backends.llvm import Module
from microgrady.compiler.backends.llvm_loops import looped_modules_of
from microgrady.compiler.backends.llvm_program import modules_of
from microgrady.compiler.backends.memory import layout_of
from microgrady.compiler.programs.looped import LoopedProgram
from microgrady.compiler.programs.program import Program

SMALL = 2000  # operations up to which the full effort costs less than a tenth of a second


def llvm_modules(program: Program | LoopedProgram, effort: int) -> Iterator[Module]:
    """Yield the LLVM IR of a program, module by module."""
    if isinstance(program, LoopedProgram):
        return looped_modules_of(program)
    return modules_of(program, layout_of(program, effort))


def size_in_memory(program: Program | LoopedProgram, effort: int) -> int:
    """Return how many doubles a program works on."""
    return program.size if isinstance(program, LoopedProgram) else layout_of(program, effort).size


class CompiledProgram:
    """A program in machine code.

    Args:
        program: What to compile.
        form: What comes in and goes out.
        effort: What LLVM spends on it, as for `Executable`.
        cache: A folder to keep machine code in; None for none.

    Attributes:
        size: How many doubles it works on.
        run: Takes the address of the doubles; what it returns, `modules_of` says.
    """

    def __init__(self, program: Program | LoopedProgram, form: Form, effort: int, cache: Path | None = None) -> None:
        straight = program.program if isinstance(program, LoopedProgram) else program
        self.size = size_in_memory(program, effort)
        calls_python = any(op.lower is None for op in set(straight.ops))
        # Other threads may run while a long program does that leaves Python alone.
        is_long = len(straight.ops) > SMALL and not calls_python
        modules, entries = llvm_modules(program, effort), ["run"]
        if calls_python:
            cache = None  # the address of a function in Python is another one in another process
        elif cache is not None:  # in which a later process finds what later calls go by, too
            modules, entries = itertools.chain(modules, [fastcall_module()]), ["run", "call"]
        self._executable = Executable(modules, entries, effort, cache)
        kind = ctypes.CFUNCTYPE if is_long else ctypes.PYFUNCTYPE
        self.run: Callable[[int], int] = kind(ctypes.c_int, ctypes.c_void_p)(self._executable.addresses["run"])
        self._fastcall_parts = None if calls_python else (form, self.size, straight.input_count, is_long)

    @functools.cached_property
    def fastcall(self) -> Callable[..., Any] | None:
        """A built-in function of floats and arrays that returns the outputs in their structure.

        It returns the type float where it cannot. None if there is none, as the form or the program wants Python.
        """
        if self._fastcall_parts is None or not self._fastcall_parts[0].is_possible:
            return None
        instructions = self._executable if "call" in self._executable.addresses else fastcall_executable()
        return FastCall(*self._fastcall_parts).function(self._executable, instructions)
