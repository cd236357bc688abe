"""Formulas of what stands in a program, in Python and in the terms of the user."""

from __future__ import annotations

from microgrady.compiler.programs.program import Guard, Place, Program
from microgrady.functions import add, dropped, kept, neg

DEPTH = 4  # operations within each other that are written out; what is deeper becomes dots

_OPPOSITES = {"==": "!=", "!=": "=="}


def formula_of_guard(program: Program, guard: Guard, names: list[str]) -> str:
    """Write a guard as a condition that holds on the path of the program."""
    left, right = (formula_of(program, place, names) for place in guard.operands)
    if guard.outcome:
        return f"{left} {guard.symbol} {right}"
    if guard.symbol in _OPPOSITES:
        return f"{left} {_OPPOSITES[guard.symbol]} {right}"
    return f"not {left} {guard.symbol} {right}"  # with a nan the opposite of < need not hold


def formula_of(program: Program, place: Place, names: list[str], depth: int = DEPTH) -> str:
    """Write what stands at a place as a formula of the inputs, which have such names."""
    if place < 0:
        number = format(program.constant(place), ".6g")
        return f"({number})" if number.startswith("-") and depth < DEPTH else number
    if place < program.input_count:
        return names[place]
    if depth == 0:
        return "..."
    index = place - program.input_count
    op = program.ops[index]
    places = _selected(program, index)
    if places is not None:
        return f"where({', '.join(formula_of(program, place, names, depth - 1) for place in places)})"
    operands = [formula_of(program, operand, names, depth - 1) for operand in program.operands(index)]
    if op is neg:
        return f"(-{operands[0]})"
    is_operator = op.symbol.isascii() and not op.symbol.isidentifier()
    if is_operator and len(operands) == 2:
        return f"({operands[0]} {op.symbol} {operands[1]})"
    return f"{op.name}({', '.join(operands)})"


def _selected(program: Program, index: int) -> tuple[Place, ...] | None:
    """Return the operands of the `where` that an operation is recorded for, if it is one."""
    indices = [place - program.input_count for place in program.operands(index)]
    if program.ops[index] is not add or min(indices) < 0 or [program.ops[k] for k in indices] != [kept, dropped]:
        return None
    (mask, first), (other, second) = map(program.operands, indices)
    return (mask, first, second) if mask == other else None
