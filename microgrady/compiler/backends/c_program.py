"""Programs as C99: what `to_c` returns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from microgrady.arithmetic.backend import Operand
from microgrady.arithmetic.library import Called
from microgrady.compiler.backends.c import CBackend, preamble, text, used
from microgrady.compiler.backends.c_loops import LoopedFunction
from microgrady.compiler.backends.operations import write_operation
from microgrady.compiler.backends.reserved import is_reserved
from microgrady.compiler.programs.looped import LoopedProgram
from microgrady.compiler.programs.program import Operation, Program
from microgrady.inputs import describe

OPENMP = "omp.h"  # which is only there where it is compiled for


def c_source(programs: Sequence[Program | LoopedProgram], name: str) -> str:
    """Return C99 functions that compute programs.

    Args:
        programs: What to write.
        name: What to call the function; from the second on, `_2` and so on are appended.

    Returns:
        `int name(const double *in, double *out)` for each, which returns 0, or the number of the first guard that does
        not hold, counted from 1; then `out` is not written completely. A function whose loops need much memory returns
        -1 if there is none.

    Raises:
        NotImplementedError: An operation of a program has no form in C.
        ValueError: `name` is not an identifier of C, or is one that C keeps for itself.
    """
    require_name(name)
    file = SourceFile()
    for number, program in enumerate(programs, 1):
        file.add_program(program, numbered(name, number))
    return file.text


def require_name(name: object) -> None:
    """Refuse what cannot be the name of a function in C.

    Raises:
        ValueError: It is not an identifier of C, or is one that C keeps for itself.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name):
        raise ValueError(f"the name of a function in C must be an identifier, not {describe(name)}")
    if is_reserved(name):
        raise ValueError(f"a function in C cannot be called {name!r}, which C or its library keeps for itself")


def numbered(name: str, number: int) -> str:
    """Return the name of a function, counted from 1: the first has no number in it."""
    return name if number == 1 else f"{name}_{number}"


class SourceFile:
    """A file in C, to which functions are added.

    Attributes:
        headers: The headers that it needs, but for that of mathematics.
    """

    def __init__(self) -> None:
        self.headers: set[str] = set()
        self._called: set[Called] = set()
        self._functions: list[str] = []

    @property
    def text(self) -> str:
        """What stands in it."""
        first, *declarations = preamble(self._called)
        headers = [f"#include <{header}>" for header in sorted(self.headers - {OPENMP})]
        if OPENMP in self.headers:
            headers += ["#ifdef _OPENMP", f"#include <{OPENMP}>", "#endif"]
        return "\n".join([first, *headers, *declarations, *self._functions])

    def add(self, function: str) -> None:
        """Add a function, which ends with a line of its own."""
        self._functions.append(f"\n{function}")

    def add_program(self, program: Program | LoopedProgram, name: str, is_inner: bool = False) -> int:
        """Add a function that computes a program.

        Args:
            program: The program.
            name: What to call the function.
            is_inner: Whether it is for other functions of the file alone: these give it memory where it needs much.

        Returns:
            How many doubles of memory are to be given to it, as an argument behind `in` and `out`; 0 for no such
            argument.
        """
        if isinstance(program, LoopedProgram):
            looped = LoopedFunction(program, name, is_inner)
            self._functions.append(looped.source)
            self._called |= looped.called
            self.headers |= looped.headers
            return looped.work
        self._functions.append(_function(program, f"static int {name}" if is_inner else f"int {name}", self._called))
        return 0


def _function(program: Program, declared: str, called: set[Called]) -> str:
    lines: list[str] = []
    backend = CBackend(lines)
    known: list[Operand] = [f"in[{place}]" for place in range(program.input_count)]
    for step in program.steps():
        operands = program.look_up(step.operands, known)
        if isinstance(step, Operation):
            if step.op.lower is None:
                raise NotImplementedError(f"{step.op.name} has no form in C: it is computed by Python")
            known.append(write_operation(step.op, backend, *operands))
        else:
            comparison = f" {step.guard.symbol} ".join(map(text, operands))
            condition = f"!({comparison})" if step.guard.outcome else comparison
            lines.append(f"    if ({condition}) return {step.number};")
    outputs = program.look_up(program.outputs, known)
    lines += [f"    out[{number}] = {text(operand)};" for number, operand in enumerate(outputs)]
    body = used(lines)
    mentioned = set(re.findall(r"\b[A-Za-z_]\w*", "\n".join(body)))
    called |= {each for each in backend.called if {each.name, f"library_{each.name}"} & mentioned}
    unread = [f"    (void){array};" for array in ("in", "out") if array not in mentioned]
    return "\n".join(["", f"{declared}(const double *in, double *out)", "{", *unread, *body, "    return 0;", "}", ""])
