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
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name):
        raise ValueError(f"the name of a function in C must be an identifier, not {describe(name)}")
    if is_reserved(name):
        raise ValueError(f"a function in C cannot be called {name!r}, which C or its library keeps for itself")
    called: set[Called] = set()
    headers: set[str] = set()
    functions = []
    for number, program in enumerate(programs, 1):
        numbered = name if number == 1 else f"{name}_{number}"
        if isinstance(program, LoopedProgram):
            looped = LoopedFunction(program, numbered)
            functions.append(looped.source)
            called |= looped.called
            headers |= looped.headers
        else:
            functions.append(_function(program, numbered, called))
    first, *declarations = preamble(called)
    return "\n".join([first, *(f"#include <{header}>" for header in sorted(headers)), *declarations, *functions])


def _function(program: Program, name: str, called: set[Called]) -> str:
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
    return "\n".join(["", f"int {name}(const double *in, double *out)", "{", *unread, *body, "    return 0;", "}", ""])
