"""Which results of a program with loops are constants of C, and which are variables that are changed.

A result that is used only where it is made, or in loops there, is a constant. What goes from turn to turn is a
variable, and so is what is used after the loop that makes it. What follows a number in the next turn has the same
variable where both are not needed at once: a sum is one variable, to which each turn adds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from microgrady.compiler.programs.looped import Carried, Compute, Copy, Loop, Operand, Register, Require, Step, Store

_Path = tuple[int, ...]  # the loops around, by their `id`, the outermost first


@dataclass
class _Life:
    """When a register is needed.

    Attributes:
        start: The position of the step that makes it.
        home: The loops around where it is made; of what goes from turn to turn, those around its own loop.
        inside: The same, and then its own loop.
        uses: Where it is used: the position, and the loops around.
        also: If it goes from turn to turn, where it is written for the next one.
    """

    start: int
    home: _Path
    inside: _Path
    uses: list[tuple[int, _Path]] = field(default_factory=list)
    also: int | None = None

    def is_used_outside(self) -> bool:
        """Return whether it is used after the loop in which it is made."""
        return any(path[: len(self.inside)] != self.inside for _, path in self.uses)


class Variables:
    """The variables of a piece of a program.

    Attributes:
        shared: The number of the variable of each register that is not a constant.
        carriers: For what goes from turn to turn and is used after its loop, the register that goes instead of it.
        before: The variables that are to be declared before a loop, by the `id` of that.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.shared: dict[Register, int] = {}
        self.carriers: dict[Register, Register] = {}
        self.before: dict[int, list[int]] = {}
        self._lives: dict[Register, _Life] = {}
        self._ends: dict[int, int] = {}  # of the loops, by their `id`
        self._carried: list[Carried] = []
        self._position = 0
        self._walk(steps, ())
        for carried in self._carried:
            self._separate(carried.register)
        self._groups = {register: [register] for register in self._lives}
        self._join()
        self._declare()

    def _walk(self, steps: Sequence[Step], path: _Path) -> None:
        """Note where registers are made and used."""
        for step in steps:
            self._position += 2
            if isinstance(step, Compute):
                self._use(step.operands, path)
            elif isinstance(step, Store):
                self._use([step.operand], path)
            elif isinstance(step, Require):
                self._use(step.operands, path)
            elif isinstance(step, Loop):
                self._walk_loop(step, path)
            if isinstance(step, Compute | Copy):
                self._lives[step.register] = _Life(self._position, path, path)

    def _walk_loop(self, loop: Loop, path: _Path) -> None:
        start, inside = self._position, (*path, id(loop))
        self._use([carried.first for carried in loop.carried], path)
        for carried in loop.carried:
            self._lives[carried.register] = _Life(start, path, inside)
        self._walk(loop.body, inside)
        self._position += 2
        self._use([carried.following for carried in loop.carried], inside)
        for carried in loop.carried:
            self._lives[carried.register].also = self._position
        self._ends[id(loop)] = self._position
        self._carried += loop.carried

    def _use(self, operands: Iterable[Operand], path: _Path) -> None:
        for operand in operands:
            if isinstance(operand, int):
                self._lives[operand].uses.append((self._position, path))

    def _separate(self, register: Register) -> None:
        """Have another register go from turn to turn if this one must stay what it was in the last turn."""
        life = self._lives[register]
        if life.is_used_outside():
            self.carriers[register] = -1 - register
            self._lives[-1 - register] = _Life(
                life.start, life.home, life.inside, [(life.start + 1, life.inside)], life.also
            )
            self._lives[register] = _Life(life.start + 1, life.inside, life.inside, life.uses)

    def _join(self) -> None:
        """Find what can have one variable."""
        pairs = [(self.carriers.get(carried.register, carried.register), carried) for carried in self._carried]
        for register, carried in pairs:
            life = self._lives[register]
            also, life.also = life.also, None  # if both are one variable, nothing is written
            if not self._try(register, carried.following):
                life.also = also
        for register, carried in pairs:
            if isinstance(carried.first, int):
                self._try(register, carried.first)

    def _try(self, a: Register, b: Register) -> bool:
        """Return whether two registers have one variable, which they get if they are not needed at once."""
        first, second = self._groups[a], self._groups[b]
        if first is second:
            return True
        spans = [[span for register in group for span in self._spans(register)] for group in (first, second)]
        if any(x[0] == y[0] or (x[0] < y[1] and y[0] < x[1]) for x, y in itertools.product(*spans)):
            return False
        first += second
        self._groups.update(dict.fromkeys(second, first))
        return True

    def _spans(self, register: Register) -> Iterator[tuple[int, int]]:
        """Yield from where to where a register is needed."""
        life = self._lives[register]
        stop = life.start
        for position, path in life.uses:
            shared = len(_common([life.inside, path]))
            # What a loop uses in each turn is needed until its end.
            stop = max(stop, self._ends[path[shared]] if shared < len(path) else position)
        yield life.start, stop
        if life.also is not None:
            yield life.also, life.also + 1

    def _declare(self) -> None:
        """Find where variables are declared."""
        groups = {id(group): group for group in self._groups.values()}
        moving = {self.carriers.get(carried.register, carried.register) for carried in self._carried}
        for number, group in enumerate(groups.values()):
            lives = [self._lives[register] for register in group]
            if moving.isdisjoint(group) and not any(life.is_used_outside() for life in lives):
                continue
            self.shared.update(dict.fromkeys(group, number))
            paths = [life.home for life in lives] + [path for life in lives for _, path in life.uses]
            around = _common(paths)
            made = min(lives, key=lambda life: life.start).home
            if len(made) > len(around):
                self.before.setdefault(made[len(around)], []).append(number)


def _common(paths: Sequence[_Path]) -> _Path:
    """Return the loops that all paths begin with."""
    shortest, longest = min(paths), max(paths)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(shortest, longest, strict=False))
    return tuple(loop for loop, _ in same)
