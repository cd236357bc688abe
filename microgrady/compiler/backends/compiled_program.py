"""A program in machine code, and the ways into it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.fastcall import Form, builtin_function, fastcall_lines
from microgrady.compiler.backends.llvm import Module
from microgrady.compiler.backends.llvm_loops import looped_modules_of
from microgrady.compiler.backends.llvm_program import modules_of
from microgrady.compiler.backends.memory import layout_of
from microgrady.compiler.programs.looped import LoopedProgram
from microgrady.compiler.programs.program import Program

SMALL = 2000  # operations up to which the full effort costs less than a tenth of a second


def llvm_modules(program: Program | LoopedProgram, effort: int, fastcall: Sequence[str] = ()) -> Iterator[Module]:
    """Yield the LLVM IR of a program, module by module, and of the lines of a fast call."""
    if isinstance(program, LoopedProgram):
        return looped_modules_of(program, fastcall)
    return modules_of(program, layout_of(program, effort), fastcall)


def size_in_memory(program: Program | LoopedProgram, effort: int) -> int:
    """Return how many doubles a program works on."""
    return program.size if isinstance(program, LoopedProgram) else layout_of(program, effort).size


class CompiledProgram:
    """A program in machine code.

    Args:
        program: What to compile.
        form: What `fastcall` takes and returns.
        effort: What LLVM spends on it, as for `Executable`.
        cache: A folder to keep machine code in; None for none.

    Attributes:
        size: How many doubles it works on.
        fastcall: A built-in function of floats and arrays that returns the outputs in their structure, or the type
            float where it cannot; None if there is none.
        run: Takes the address of the doubles; what it returns, `modules_of` says.
    """

    def __init__(self, program: Program | LoopedProgram, form: Form, effort: int, cache: Path | None = None) -> None:
        straight = program.program if isinstance(program, LoopedProgram) else program
        self.size = size_in_memory(program, effort)
        calls_python = any(op.lower is None for op in set(straight.ops))
        # Other threads may run while a long program does that leaves Python alone.
        is_long = len(straight.ops) > SMALL and not calls_python
        lines: list[str] = []
        if form.is_possible and not calls_python:
            lines = fastcall_lines(form, straight.input_count, self.size, is_long)
        self._executable = Executable(
            llvm_modules(program, effort, lines),
            ("run", "call") if lines else ("run",),
            effort,
            None if calls_python else cache,  # the address of a function in Python is another one in another process
        )
        addresses = self._executable.addresses
        self.fastcall: Callable[..., Any] | None = (
            builtin_function(addresses["call"], form, self._executable) if lines else None
        )
        kind = ctypes.CFUNCTYPE if is_long else ctypes.PYFUNCTYPE
        self.run: Callable[[int], int] = kind(ctypes.c_int, ctypes.c_void_p)(addresses["run"])
