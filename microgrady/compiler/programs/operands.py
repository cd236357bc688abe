"""How operands in loops are reached: in a register, from the turn before, or in memory.

A result stays in a register where only the same turn or the next one needs it, or only that of the last turn is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from microgrady.compiler.programs.looped import Register
from microgrady.compiler.programs.nests import CarriedOver, Found, Leaf, Nest, Outline, Waiting
from microgrady.compiler.programs.program import Place

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]


class Operands:
    """What finds the operands of one program, and notes which results are needed in memory.

    Attributes:
        waiting: Those that are there.
        known: Which registers are the same as another one of the same nest, or as a constant.
    """

    def __init__(self, outline: Outline) -> None:
        self.waiting: list[Waiting] = []
        self.known: dict[Register, float | Register] = {}
        self._outline = outline
        self._program = outline.program
        self._first = outline.first

    def find(self, places: Array, nest: Nest) -> Found:
        """Return what stands at places, one for each turn of a nest."""
        found = self._find(places, nest)
        return self.known.get(found, found) if isinstance(found, int) else found

    def _find(self, places: Array, nest: Nest) -> Found:
        if nest.depth == 0:
            return self._find_outside(int(places[0]), nest)
        if places[0] < 0 and (places == places[0]).all():
            return self._program.constant(int(places[0]))
        outside = places[nest.begins]
        if (outside[nest.times] == places).all() and not self._is_made_in(nest, outside):
            return self._hold(outside, nest)
        found = self._find_in_turn(places, nest)
        level = nest.depth
        while found is None and level:
            level -= 1
            found = self._find_carried(places, nest, level)
        return self._wait(places, nest) if found is None else found

    def _find_outside(self, place: Place, nest: Nest) -> Found:
        import numpy

        if place < 0:
            return self._program.constant(place)
        places = numpy.array([place])
        found = None if place < self._first else self._find_in_turn(places, nest)
        return self._wait(places, nest) if found is None else found

    def _is_made_in(self, nest: Nest, places: Array) -> bool:
        return any(nest in leaf.nest.path for leaf, _, _ in self._outline.by_maker(places))

    def _is_made_at(self, loop: Nest, places: Array) -> bool:
        """Return whether one of the results at places, one for each time that a loop is done, is made at that time."""
        parts = [part for part in self._outline.by_maker(places) if loop in part[0].nest.path]
        return any((loop.times[leaf.nest.within[loop.depth - 1][at]] == rows).any() for leaf, at, rows in parts)

    def _hold(self, places: Array, nest: Nest) -> Found:
        """Return what does not change in the turns of a loop, and is taken from memory before it."""
        assert nest.around is not None
        key = places.tobytes()
        if key in nest.held:
            return nest.held[key][0]
        found = self.find(places, nest.around)
        if isinstance(found, Waiting):
            nest.held[key] = self._outline.fresh_register(), found
            return nest.held[key][0]
        return found

    def _single_maker(self, places: Array) -> tuple[Leaf, Array] | None:
        """Return the one leaf that makes all results at places, and in which of its turns; None for several."""
        if places.min() < self._first:
            return None
        makers, turns = self._outline.makers(places)
        return (self._outline.leaves[makers[0]], turns) if (makers == makers[0]).all() else None

    def _find_in_turn(self, places: Array, nest: Nest) -> Found | None:
        """Return the register of what the same turn has made, or loops in it in their last turns."""
        made = self._single_maker(places)
        if made is None or made[0].nest.piece != nest.piece:
            return None
        leaf, at = made
        return None if _levels_apart(leaf, at, nest, slice(None)) else leaf.register

    def _find_carried(self, places: Array, nest: Nest, level: int) -> Found | None:
        """Return the register of what the turn before has made of the loop at a level of the path."""
        import numpy

        later = nest.turns[level] > 0
        made = self._single_maker(places[later]) if later.any() else None
        loop = nest.path[level]
        if made is None or loop not in made[0].nest.path:
            return None
        leaf, at = made
        for inner in range(leaf.nest.depth):
            if inner > level:
                holds = leaf.nest.last[inner][at]
            else:
                holds = leaf.nest.turns[inner][at] + (inner == level) == nest.turns[inner][later]
            if not holds.all():
                return None
        assert loop.around is not None
        times = loop.times[nest.within[level]][~later]
        first = numpy.empty(len(loop.counts), numpy.int64)
        first[times] = places[~later]
        if not (first[times] == places[~later]).all() or self._is_made_at(loop, first):
            return None
        key = (leaf.register, first.tobytes())
        if key not in loop.carried:
            register = self._outline.fresh_register()
            loop.carried[key] = CarriedOver(register, self.find(first, loop.around), leaf.register)
        return loop.carried[key].register

    def _wait(self, places: Array, nest: Nest) -> Waiting:
        """Return an operand that is read from memory, and note what is needed there."""
        waiting = Waiting(places, nest, self._outline.by_maker(places))
        for leaf, at, rows in waiting.parts:
            leaf.is_stored = True
            leaf.level = max(leaf.level, leaf.nest.shared(nest))
            for level in _levels_apart(leaf, at, nest, rows):
                leaf.kept[level] = True
                leaf.level = max(leaf.level, level + 1)
        self.waiting.append(waiting)
        return waiting


def _levels_apart(leaf: Leaf, at: Array, nest: Nest, rows: Array | slice) -> list[int]:
    """Return at which loops around a leaf some results are neither of the same turn as their use nor of the last turn.

    Args:
        leaf: What makes the results.
        at: In which of its turns.
        nest: Where they are used.
        rows: In which of its turns.
    """
    shared = leaf.nest.shared(nest)
    found = []
    for level in range(leaf.nest.depth):
        is_shared = level < shared
        holds = leaf.nest.turns[level][at] == nest.turns[level][rows] if is_shared else leaf.nest.last[level][at]
        if not holds.all():
            found.append(level)
    return found
