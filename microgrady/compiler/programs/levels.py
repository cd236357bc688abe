"""Programs in another order: first what depends on inputs alone, then what depends on that, and so on.

In the order in which a result is worked out, operand by operand, a grid whose cells look at their neighbours comes out
in triangles. Level by level it is rows again.
"""

from __future__ import annotations

from microgrady.compiler.programs.program import Guard, Program


def in_levels(program: Program) -> Program:
    """Return a program that does the same in the order of levels, in each of them in the order that it had.

    Guards stay in their order, as the first one that does not hold must be the first.
    """
    import numpy

    first = program.input_count
    places = [0] * (first + len(program.ops))  # the level of each result; constants count from the end of it
    places += [0] * len(program.constants)
    lefts, rights = program.columns()
    for index, (left, right) in enumerate(zip(lefts, rights, strict=True), first):
        one, other = places[left], places[right]
        places[index] = (one if one > other else other) + 1
    levels = numpy.array(places[first : first + len(program.ops)], numpy.int64)
    order = numpy.argsort(levels, kind="stable")
    moved = numpy.arange(-len(program.constants), first + len(program.ops))
    moved[len(program.constants) + first + order] = first + numpy.arange(len(order))
    moved = numpy.roll(moved, -len(program.constants))  # so that constants count from the end
    twin = Program(first)
    twin.constants, twin.recorded = program.constants, program.recorded
    twin.outputs = moved[program.outputs].tolist()
    ops = [program.ops[index] for index in order.tolist()]
    twin.fill(ops, moved[lefts][order].tolist(), moved[rights][order].tolist())
    ends = numpy.searchsorted(levels[order], numpy.arange(levels.max() + 2), "right")  # where each level ends
    reached = 0
    for _, guard in program.guards:
        reached = max(reached, *(places[place] for place in guard.operands))
        left, right = moved[list(guard.operands)].tolist()
        twin.guards.append((int(ends[reached]), Guard(guard.symbol, left, right, guard.outcome)))
    return twin
