"""What gives the same bits in less time, but is not what the user wrote: for machine code alone."""

from __future__ import annotations

import math

from microgrady.compiler.programs.build import Builder
from microgrady.compiler.programs.program import Program
from microgrady.compiler.programs.rows import Row, Table


def _has_exact_reciprocal(k: float) -> bool:
    """Return whether 1 / k is not rounded: k is a power of two, and neither too small nor too large."""
    return abs(math.frexp(k)[0]) == 0.5 and math.isfinite(1.0 / k)


# One operation for one operation: the places of all results stay, and so do the guards and their numbers.
ROWS = (
    Row(lambda x: x**2.0, lambda x: x * x, "the table computes the square as this product"),
    Row(
        lambda k, x: x / k,
        lambda k, x: x * (1.0 / k),
        "1 / k is exact, so both are the same real number, rounded once",
        _has_exact_reciprocal,
    ),
)

TABLE = Table(ROWS)


def lower(program: Program) -> Program:
    """Return a program with cheaper operations, and the same places, outputs and guards."""
    builder = None
    ops = TABLE.ops
    for index in [index for index, op in enumerate(program.ops) if op in ops]:
        cheaper = TABLE.find(program, program.ops[index], program.operands(index))
        if cheaper is None:
            continue
        if builder is None:
            program = program.copy()
            builder = Builder(program)
        term, found = cheaper
        assert isinstance(term, tuple)
        program.put(index, term[0], [builder.built(operand, found) for operand in term[1]])
    return program
