"""Where the numbers of a program with loops are in memory: its inputs, then its outputs, then what steps hand on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from microgrady.compiler.programs.alignment import Alignment
from microgrady.compiler.programs.looped import Element, LoopedProgram, Moving, Operand, Store
from microgrady.compiler.programs.nests import Found, Leaf, Nest, Outline, Waiting
from microgrady.compiler.programs.operands import Operands
from microgrady.compiler.programs.program import Place

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

COPIES = 64  # up to so many outputs are copied one by one, more in loops


class Storage:
    """What gives numbers their places in the memory of one program, and writes how they are reached.

    Attributes:
        looped: The program, whose tables are filled.
        copies: What goes out otherwise than where it is made: where it is copied, what, and to which cells.
        fills: What stands in memory before all else is done.
    """

    def __init__(self, outline: Outline, operands: Operands) -> None:
        self.looped = LoopedProgram(outline.program)
        self.copies: list[tuple[Nest, Found, Array]] = []
        self.fills: list[Store] = []
        self._outline = outline
        self._program = outline.program
        self._first = outline.first
        self._tables: dict[bytes, int] = {}
        self._copied: dict[tuple[Waiting, int], int] = {}  # where the copies of rows of an operand are
        self._constants: dict[Place, int] = {}
        self._size = self._first + len(self._program.outputs)
        self._place_outputs(operands)
        stored = [leaf for leaf in outline.leaves if leaf.is_stored and not self._is_at_outputs(leaf)]
        self._alignment = Alignment(outline, stored)
        for waiting in operands.waiting:
            self._alignment.align(waiting)
        for box in self._alignment.boxes():
            box.base = self._size
            self._size += box.size()
        self._alignment.place()
        for waiting in operands.waiting:
            self._copy_constants(waiting)
        self.looped.size = self._size

    # The outputs.

    def _place_outputs(self, operands: Operands) -> None:
        """Have results put at once where they go out, or copied at the end."""
        import numpy

        outputs = numpy.array(self._program.outputs, numpy.int64)
        numbers = numpy.array(sorted({place: number for number, place in enumerate(outputs.tolist())}.values()), int)
        copied = numpy.ones(len(outputs), bool)
        for leaf, at, rows in self._outline.by_maker(outputs[numbers]):
            leaf.output = self._output_of(leaf, at, numbers[rows])
            copied[numbers[rows]] = leaf.output is None
        if not copied.any():
            return
        root, to = self._outline.add_root(), numpy.flatnonzero(copied)
        if len(to) <= COPIES:
            for number in to.tolist():
                found = operands.find(outputs[number : number + 1], root)
                self.copies.append((root, found, numpy.array([self._first + number])))
            return
        for some in (to[outputs[to] < 0], to[outputs[to] >= 0]):
            if len(some):
                nest = Nest(root, numpy.array([len(some)]), root.piece)
                self.copies.append((nest, operands.find(outputs[some], nest), self._first + some))

    def _output_of(self, leaf: Leaf, at: Array, numbers: Array) -> tuple[int, Moving] | None:
        """Return where a leaf puts outputs, if it can: all turns of some loops have one, and these stand on a line."""
        import numpy

        level = leaf.nest.depth
        while level and leaf.nest.last[level - 1][at].all():
            level -= 1
        nest = leaf.nest.path[level - 1] if level else self._outline.roots[leaf.nest.piece]
        cells = numpy.empty(len(nest.times) if level else 1, numpy.int64)
        if len(numbers) != len(cells):
            return None
        cells[leaf.nest.within[level - 1][at] if level else slice(None)] = self._first + numbers
        moving = _on_a_line(cells, nest)
        return None if moving is None else (level, moving)

    def _is_at_outputs(self, leaf: Leaf) -> bool:
        """Return whether what is needed in memory of a leaf is among the outputs anyway, and tell the leaf so."""
        if leaf.output is None or leaf.level > leaf.output[0]:
            return False
        level, moving = leaf.output
        leaf.base, leaf.strides = moving.start, [*moving.steps, *[0] * (leaf.nest.depth - level)]
        leaf.is_stored = False
        return True

    # What steps hand on.

    def _copy_constants(self, waiting: Waiting) -> None:
        """Copy constants to where an operand finds them that also reads other numbers."""
        import numpy

        places = waiting.places
        for row, box, coordinates in self._alignment.copies.get(waiting, ()):
            moved = zip(box.strides(), coordinates, box.lows, strict=True)
            cell = box.base + sum(stride * (at - low) for stride, at, low in moved)
            self._copied[waiting, row] = cell
            self._fill(int(places[row]), cell)
        if places.max() < 0:
            return  # there is a table of them
        for place in numpy.unique(places[places < 0]).tolist():
            if place not in self._constants:
                self._constants[place] = self._size
                self._fill(place, self._size)
                self._size += 1

    def _fill(self, place: Place, cell: int) -> None:
        is_constant = place < 0
        number = self._program.constant(place) if is_constant else Element(Moving(place), is_input=True)
        self.fills.append(Store(number, Moving(cell)))

    # How it is reached.

    def operand(self, found: Found) -> Operand:
        """Return an operand as it is written."""
        return self.element(found) if isinstance(found, Waiting) else found

    def element(self, waiting: Waiting) -> Element:
        """Return where an operand is in memory, or in the table of constants."""
        import numpy

        places, nest = waiting.places, waiting.nest
        if places.max() < 0:
            constants = numpy.array(self._program.constants)[-1 - places]
            table, steps = _table(constants.view(numpy.int64), nest)
            return Element(Moving(self._put(self.looped.numbers, table.view(numpy.float64)), steps), True)
        cells = places.copy()
        for place in numpy.unique(places[places < 0]).tolist():
            cells[places == place] = self._constants.get(place, 0)
        for row, _, _ in self._alignment.copies.get(waiting, ()):
            cells[row] = self._copied[waiting, row]
        for leaf, at, rows in waiting.parts:
            cells[rows] = leaf.base + leaf.cells(at)
        return Element(self.moving(cells, nest), is_input=not waiting.parts and bool((cells == places).all()))

    def moving(self, numbers: Array, nest: Nest) -> Moving:
        """Return a whole number that is so in the turns of a nest."""
        moving = _on_a_line(numbers, nest)
        if moving is None:
            start = int(numbers.min())
            table, steps = _table(numbers - start, nest)
            moving = Moving(start, steps, self._put(self.looped.indices, table))
        return moving

    def _put(self, tables: list[Any], table: Array) -> int:
        """Return where a table stands, which may be there already."""
        key = table.dtype.char.encode() + table.tobytes()
        if key not in self._tables:
            self._tables[key] = len(tables)
            tables += table.tolist()
        return self._tables[key]


def _on_a_line(numbers: Array, nest: Nest) -> Moving | None:
    """Return whole numbers, one for each turn of a nest, if they grow by the same with each turn of a loop."""
    import numpy

    steps = []
    expected = numpy.full(len(numbers), numbers[0])
    for level, turns in enumerate(nest.turns):
        others = [column == 0 for inner, column in enumerate(nest.turns) if inner != level]
        second = numpy.flatnonzero(numpy.logical_and.reduce([turns == 1, *others]))
        step = int(numbers[second[0]] - numbers[0]) if len(second) else 0
        steps.append(step)
        expected += step * turns
    return Moving(int(numbers[0]), tuple(steps)) if (expected == numbers).all() else None


def _table(numbers: Array, nest: Nest) -> tuple[Array, tuple[int, ...]]:
    """Return a table of numbers that are so in the turns of a nest, and the steps that lead through it."""
    levels = list(range(nest.depth))
    table, steps = _rectangle(numbers, nest, levels)
    for level in range(nest.depth):
        fewer = [other for other in levels if other != level]
        smaller, shorter = _rectangle(numbers, nest, fewer)
        if (smaller[_position(nest, shorter)] == numbers).all():  # so it does not matter in which turn this loop is
            levels, table, steps = fewer, smaller, shorter
    return table, tuple(steps)


def _rectangle(numbers: Array, nest: Nest, levels: Sequence[int]) -> tuple[Array, list[int]]:
    import numpy

    steps, length = [0] * nest.depth, 1
    for level in reversed(levels):
        steps[level] = length
        length *= int(nest.path[level].counts.max())
    table = numpy.zeros(length, numbers.dtype)
    table[_position(nest, steps)] = numbers
    return table, steps


def _position(nest: Nest, steps: Sequence[int]) -> Array:
    columns = zip(nest.turns, steps, strict=True)
    found: Array = sum((step * turns for turns, step in columns), 0 * nest.times)
    return found
