"""Random programs with loops: nested and triangular ones, tables, numbers that go from turn to turn, and guards."""

from __future__ import annotations

import random
from collections.abc import Iterator

from microgrady.compiler.programs.looped import (
    Carried,
    Compute,
    Copy,
    Element,
    Loop,
    LoopedProgram,
    Moving,
    Operand,
    Register,
    Require,
    Step,
    Store,
)
from microgrady.compiler.programs.program import Guard, Program
from microgrady.value import primitives
from tests.fuzz.floats import any_float, ordinary

INPUTS, OUTPUTS = 12, 6
ARRAYS = 3, 8, 20  # how long the sequences in memory are behind the outputs
LIMIT = 1e6  # what guards allow
NUMBERS = 30  # of guards

OPERATIONS = """
add sub mul div neg add sub mul add sub sin exp tanh abs sqrt where maximum relu sigmoid pow floordiv mod copysign log1p
erfcx xlogy hypot cbrt
"""


class LoopMaker:
    """What makes a random program.

    Args:
        chance: Where chance comes from.
        crosses: Whether some indices lead from inputs to outputs and beyond.
    """

    def __init__(self, chance: random.Random, crosses: bool = False) -> None:
        self.chance = chance
        self.crosses = crosses
        program = Program(INPUTS)
        program.outputs = [0] * OUTPUTS
        program.guards = [(0, Guard("<", number, number, True)) for number in range(1, NUMBERS + 1)]
        self.looped = LoopedProgram(program)
        self.spans = [(0, INPUTS), (INPUTS, INPUTS + OUTPUTS)]
        for length in ARRAYS:
            self.spans.append((self.spans[-1][1], self.spans[-1][1] + length))
        self.looped.size = self.spans[-1][1]
        self.turns: list[int] = []  # the most that each loop around has
        self.registers: list[Register] = []  # what can be used
        self.count = 0

    def make(self) -> LoopedProgram:
        """Return the program."""
        for piece in range(self.chance.randint(1, 2)):
            self.registers = []
            steps = list(self.fill()) if piece == 0 else []
            for _ in range(self.chance.randint(1, 3)):
                steps += [*self.body(1), self.loop()]
            self.looped.pieces.append([*steps, *self.body(3)])
        return self.looped

    def fill(self) -> Iterator[Step]:
        """Yield loops that write all of the memory but the inputs."""
        for start, stop in self.spans[1:]:
            store = Store(ordinary(self.chance), Moving(start, (1,)))
            yield Loop(Moving(stop - start), 0, [], [store])

    def body(self, length: int) -> list[Step]:
        """Return some steps that are not loops."""
        return [self.step() for _ in range(self.chance.randint(1, length))]

    def step(self) -> Step:
        """Return a step that is not a loop."""
        kind = self.chance.random()
        if kind < 0.7:
            op = primitives[self.chance.choice(OPERATIONS.split())]
            operands = tuple(self.operand() for _ in op.rules)
            store = self.moving(self.target()) if self.chance.random() < 0.3 else None
            return Compute(self.fresh(), op, operands, store)
        if kind < 0.78:
            element = self.element()
            return Copy(self.fresh(), element)
        if kind < 0.92:
            return Store(self.operand(), self.moving(self.target()))
        return self.guard()

    def guard(self) -> Step:
        """Return a guard on an input: it holds unless that is very large, or nan."""
        element = Element(self.moving(self.spans[0]), is_input=True)
        number = self.moving((1, NUMBERS + 1))
        if self.chance.random() < 0.5:
            return Require(number, "<", (element, LIMIT), True)
        return Require(number, ">=", (element, LIMIT), False)

    def loop(self) -> Loop:
        """Return a loop, and perhaps loops in it."""
        depth = len(self.turns)
        most, count = self.turns_of_loop()
        loop = Loop(count, depth)
        firsts = [self.operand() for _ in range(self.chance.choice((0, 1, 1, 2, 3)))]
        outer = len(self.registers)
        carried = [self.fresh() for _ in firsts]
        self.turns.append(most)
        loop.body = self.body(4)
        if depth < 3 and self.chance.random() < 0.5:
            loop.body += [self.loop(), *self.body(3)]
        self.turns.pop()
        for register, first in zip(carried, firsts, strict=True):
            loop.carried.append(Carried(register, first, self.chance.choice(self.registers[outer:])))
        return loop

    def turns_of_loop(self) -> tuple[int, Moving]:
        """Return the most turns that a loop has, and how many it has."""
        kind = self.chance.random()
        if kind < 0.25 and self.turns:
            step = self.chance.choice((1, -1))
            last = self.turns[-1] - 1
            steps = (*[0] * (len(self.turns) - 1), step)
            least = self.chance.randint(1, 2)
            return least + last, Moving(least if step > 0 else least + last, steps)
        if kind < 0.4 and self.turns:
            return 4, self.table((1, 5))
        count = self.chance.randint(1, 5)
        return count, Moving(count)

    def fresh(self) -> Register:
        """Return a register that can be used from now on."""
        self.registers.append(self.count)
        self.count += 1
        return self.count - 1

    def operand(self) -> Operand:
        """Return something to calculate with."""
        kind = self.chance.random()
        if kind < 0.15:
            return any_float(self.chance)
        if kind < 0.6 and self.registers:
            near = self.chance.random() < 0.6
            return self.chance.choice(self.registers[-4:] if near else self.registers)
        return self.element()

    def element(self) -> Element:
        """Return a number in memory or in the table of constants."""
        kind = self.chance.random()
        if kind < 0.4:
            return Element(self.moving(self.spans[0]), is_input=True)
        if kind < 0.55:
            start = len(self.looped.numbers)
            self.looped.numbers += [any_float(self.chance) for _ in range(self.chance.choice((4, 30)))]
            return Element(self.moving((start, len(self.looped.numbers))), is_constant=True)
        if self.crosses and kind < 0.65:
            return Element(self.moving((0, self.looped.size)))
        return Element(self.moving(self.chance.choice(self.spans)))

    def target(self) -> tuple[int, int]:
        """Return where something may be written."""
        if self.crosses and self.chance.random() < 0.1:
            return INPUTS, self.looped.size
        return self.chance.choice(self.spans[1:])

    def moving(self, span: tuple[int, int]) -> Moving:
        """Return a whole number in a span."""
        if self.turns and self.chance.random() < 0.2:
            return self.table(span)
        steps = self.steps()
        lowest, highest = self.range_of(steps)
        if highest - lowest >= span[1] - span[0]:
            steps, lowest, highest = (0,) * len(self.turns), 0, 0
        return Moving(self.chance.randint(span[0] - lowest, span[1] - 1 - highest), steps)

    def table(self, span: tuple[int, int]) -> Moving:
        """Return a whole number in a span that a table tells."""
        steps = self.steps()
        lowest, highest = self.range_of(steps)
        base = self.chance.choice((0, span[0], 5))
        first = len(self.looped.indices)
        self.looped.indices += [self.chance.randrange(*span) - base for _ in range(highest - lowest + 1)]
        return Moving(base, steps, first - lowest)

    def steps(self) -> tuple[int, ...]:
        """Return how far the turns of the loops around lead."""
        return tuple(self.chance.choice((0, 1, 1, 2, 3, -1, -2)) for _ in self.turns)

    def range_of(self, steps: tuple[int, ...]) -> tuple[int, int]:
        """Return the lowest and the highest that steps lead to from 0."""
        ends = [step * (turns - 1) for step, turns in zip(steps, self.turns, strict=True)]
        return sum(min(0, end) for end in ends), sum(max(0, end) for end in ends)
