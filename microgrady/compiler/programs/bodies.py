"""The steps of loops, simplified: once for all turns, where in all of them the same holds.

What depends on which numbers constants are is left to here: in data, some may be 1, or equal, by coincidence.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from microgrady.compiler.programs import lower, simplify
from microgrady.compiler.programs.looped import Register
from microgrady.compiler.programs.nests import Found, Leaf, Nest, Outline, Waiting
from microgrady.compiler.programs.operands import Operands
from microgrady.compiler.programs.program import Program
from microgrady.compiler.programs.rows import COMMUTATIVE, Table, Term
from microgrady.value import Primitive


def fill_in(outline: Outline, operands: Operands) -> None:
    """Find what each step of an outline is done to, and simplify it."""
    shared: dict[tuple[Any, ...], Leaf] = {}
    steps = outline.steps
    for leaf in outline.leaves:
        result = int(steps.results[leaf.steps[0]])
        leaf.is_guard = result < 0
        leaf.op = None if leaf.is_guard else outline.program.ops[result - outline.first]
        is_binary = leaf.op is None or len(leaf.op.rules) == 2
        columns = [steps.lefts, steps.rights] if is_binary else [steps.lefts]
        leaf.operands = [operands.find(column[leaf.steps], leaf.nest) for column in columns]
        if leaf.is_guard:
            continue
        _simplify(leaf)
        if leaf.op is not None:
            like = shared.setdefault(_key(leaf), leaf)
            if like is leaf:
                continue
            leaf.op, leaf.operands = None, [like.register]
        copied = leaf.operands[0]
        if _is_there(copied, leaf, outline):
            operands.known[leaf.register] = copied


def _is_there(copied: Found, leaf: Leaf, outline: Outline) -> TypeGuard[float | Register]:
    """Return whether a number can be used for its copy: constants can, and results of the same turns."""
    if isinstance(copied, int):
        return copied < len(outline.leaves) and outline.leaves[copied].nest is leaf.nest
    return isinstance(copied, float)


def _key(leaf: Leaf) -> tuple[Any, ...]:
    """Return what two steps have in common that give the same."""
    parts = [_bits(operand) for operand in leaf.operands]
    if leaf.op in COMMUTATIVE:
        parts.sort()
    return (leaf.nest, leaf.op, *parts)


def _bits(operand: Found) -> bytes:
    if isinstance(operand, Waiting):
        return b"memory" + operand.places.tobytes()
    return struct.pack("d", operand) if isinstance(operand, float) else b"register%d" % operand


def _simplify(leaf: Leaf) -> None:
    """Put an operation that is as good in the place of another, or only its operand if that is as good."""
    for table in (simplify.TABLE, lower.TABLE):
        while leaf.op is not None:
            found = _rewritten(table, leaf.op, leaf.operands)
            if found is None:
                break
            leaf.op, leaf.operands = found


def _rewritten(table: Table, op: Primitive, operands: list[Found]) -> tuple[Primitive | None, list[Found]] | None:
    """Return what a row of a table gives for an operation: another one, or none and a number; None if none fits.

    Of the operands it is asked which numbers they are, if they are constants, and nothing else.
    """
    constants = [operand for operand in operands if isinstance(operand, float)]
    if op not in table.ops:
        return None
    program = Program(len(operands))
    program.constants = constants
    kinds = [(type(operand), operand) for operand in operands]  # as register 1 equals the constant 1.0
    places = [
        -1 - next(index for index, constant in enumerate(constants) if constant is operand)
        if isinstance(operand, float)
        else kinds.index((type(operand), operand))
        for operand in operands
    ]
    found = table.find(program, op, tuple(places))
    if found is None:
        return None
    term, parameters = found
    try:
        if isinstance(term, tuple):
            return term[0], [_operand(inner, parameters, program, operands) for inner in term[1]]
        return None, [_operand(term, parameters, program, operands)]
    except LookupError:
        return None


def _operand(term: Term, parameters: Mapping[str, int], program: Program, operands: Sequence[Found]) -> Found:
    """Return what a term is; raise LookupError if it is an operation on something else than constants."""
    if isinstance(term, tuple):
        numbers = [_operand(inner, parameters, program, operands) for inner in term[1]]
        if not all(isinstance(number, float) for number in numbers):
            raise LookupError
        return float(term[0].evaluate(*numbers))
    if isinstance(term, float):
        return term
    place = parameters[term]
    return program.constant(place) if place < 0 else operands[place]


def needed_registers(outline: Outline, extra: Iterable[Found]) -> set[int]:
    """Return the registers that something in the end needs: memory, an output or a guard.

    Args:
        outline: The steps.
        extra: What is needed besides.
    """
    carried = {each.register: each for nest in _nests(outline.roots) for each in nest.carried.values()}
    waiting = [operand for operand in extra if isinstance(operand, int)]
    for leaf in outline.leaves:
        if leaf.is_guard:
            waiting += [operand for operand in leaf.operands if isinstance(operand, int)]
        elif leaf.is_stored or leaf.output is not None:
            waiting.append(leaf.register)
    needed: set[int] = set()
    while waiting:
        register = waiting.pop()
        if register in needed:
            continue
        needed.add(register)
        operands: Sequence[Found] = ()
        if register in carried:
            operands = carried[register].first, carried[register].following
        elif register < len(outline.leaves):
            operands = outline.leaves[register].operands
        waiting += [operand for operand in operands if isinstance(operand, int)]
    return needed


def _nests(roots: Iterable[Nest]) -> Iterator[Nest]:
    for root in roots:
        yield root
        yield from _nests([entry for entry in root.entries if isinstance(entry, Nest)])
