"""Formulas of what stands in a program, in Python and in the terms of the user."""

from __future__ import annotations

from microgrady.compiler.programs.program import Guard, Place, Program
from microgrady.formulas.patterns import Reader, written
from microgrady.formulas.writing import PYTHON, Written
from microgrady.value import Primitive

DEPTH = 4  # operations within each other that are written out; what is deeper becomes dots
DIGITS = 6

_OPPOSITES = {"==": "!=", "!=": "=="}


def formula_of_guard(program: Program, guard: Guard, names: list[str]) -> str:
    """Write a guard as a condition that holds on the path of the program."""
    operands = [formula_of(program, place, names) for place in guard.operands]
    if guard.outcome:
        return PYTHON.logic(guard.symbol, operands).text
    if guard.symbol in _OPPOSITES:
        return PYTHON.logic(_OPPOSITES[guard.symbol], operands).text
    # With a nan the opposite of < need not hold.
    return PYTHON.logic("not", [PYTHON.logic(guard.symbol, operands)]).text


def formula_of(program: Program, place: Place, names: list[str]) -> Written:
    """Write what stands at a place as a formula of the inputs, which have such names."""
    first = program.input_count

    def number_or_place(place: Place) -> Place | float:
        return program.constant(place) if place < 0 else place

    def op_of(place: Place) -> Primitive | None:
        return program.ops[place - first] if place >= first else None

    def operands_of(place: Place) -> list[Place | float]:
        return [number_or_place(operand) for operand in program.operands(place - first)]

    def named(place: Place, is_condition: bool) -> Written | None:
        return PYTHON.name(names[place]) if place < first else None

    return written(number_or_place(place), Reader(op_of, operands_of), named, PYTHON, DIGITS, DEPTH)
