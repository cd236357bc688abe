"""Where the numbers of a program stand in memory, and which pieces of the program hand them on there."""

from __future__ import annotations

from dataclasses import dataclass

from microgrady.compiler.programs.looped import (
    Compute,
    Copy,
    Element,
    LoopedProgram,
    Moving,
    Operand,
    Require,
    Step,
    Store,
)
from microgrady.compiler.programs.program import Check, Place, Program

PIECE = 256  # operations of one function
QUICK_PIECE = 512  # with the least effort, which larger pieces do not slow down


@dataclass
class Layout:
    """How a program is cut into pieces, and where numbers stand in the one array of doubles that they work on.

    Attributes:
        outputs: The index of the first output; the inputs are at 0.
        slots: The index of each result that is an output, or that one piece hands on to another.
        size: The length of the array.
        piece_length: How many operations each piece has; the last one may have fewer.
        piece_count: How many pieces there are: at least one.
    """

    outputs: int
    slots: dict[Place, int]
    size: int
    piece_length: int
    piece_count: int

    def piece(self, program: Program, number: int) -> tuple[int, int]:
        """Return the index of the first operation of a piece, and that behind the last one."""
        start = number * self.piece_length
        return start, min(start + self.piece_length, len(program.ops))


def layout_of(program: Program, effort: int) -> Layout:
    """Cut a program into pieces, and give each result that is used outside of its own piece a place in memory."""
    first = program.input_count
    length = PIECE if effort else QUICK_PIECE
    count = max(1, -(-len(program.ops) // length))
    # Of a result that is an output more than once the last one counts; the others are copies.
    slots = {place: first + number for number, place in enumerate(program.outputs) if place >= first}
    layout = Layout(first, slots, first + len(program.outputs), length, count)
    for number in range(1, count):
        start, stop = layout.piece(program, number)
        for place in program.reads(start, stop):
            if first <= place < first + start and place not in slots:
                slots[place] = layout.size
                layout.size += 1
    return layout


def in_pieces(program: Program, effort: int) -> LoopedProgram:
    """Return a program as one with loops that has none: the same steps, cut as `layout_of` cuts them."""
    layout = layout_of(program, effort)
    looped = LoopedProgram(program, layout.size)
    for number in range(layout.piece_count):
        steps: list[Step] = []
        there: set[Place] = set()  # what has a register in this piece

        def operand(place: Place, steps: list[Step] = steps, there: set[Place] = there) -> Operand:
            if place < 0:
                return program.constant(place)
            if place not in there:
                there.add(place)
                is_input = place < program.input_count
                at = Moving(place if is_input else layout.slots[place])
                steps.append(Copy(place, Element(at, is_input=is_input)))
            return place

        for step in program.steps(*layout.piece(program, number)):
            operands = tuple(map(operand, step.operands))
            if isinstance(step, Check):
                guard = step.guard
                steps.append(Require(Moving(step.number), guard.symbol, operands, guard.outcome))
                continue
            there.add(step.place)
            slot = layout.slots.get(step.place)
            steps.append(Compute(step.place, step.op, operands, None if slot is None else Moving(slot)))
        if number == layout.piece_count - 1:
            for output, place in enumerate(program.outputs, layout.outputs):
                if layout.slots.get(place) != output:  # a constant, an input, or what is another output, too
                    steps.append(Store(operand(place), Moving(output)))
        looped.pieces.append(steps)
    return looped
