"""What a program with loops has in memory and in tables, as arrays of C.

Whatever is read and written as one sequence is an array. Inputs and outputs are where the caller has them, unless some
index leads from one into the other or beyond: then both are copied from and to one array.
"""

from __future__ import annotations

import textwrap
from bisect import bisect_right
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from microgrady.compiler.backends.c_indices import Span, WholeNumbers
from microgrady.compiler.backends.c_statements import INDENT, WIDTH, number_text
from microgrady.compiler.programs.looped import Element, LoopedProgram, Moving


@dataclass(eq=False)
class CArray:
    """An array of C.

    Attributes:
        kind: What its name begins with.
        first: Which number of the memory or of a table is its first one.
        stop: Which is the first one behind it.
        name: What it is called, once it is used.
    """

    kind: str
    first: int
    stop: int
    name: str = ""

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.stop - self.first


class CMemory:
    """The arrays of a program.

    Attributes:
        copied_in: The statement that copies inputs at the beginning, if they are not read where they are.
        copied_out: The statement that copies outputs in the end, if they are not written where they go.
    """

    def __init__(self, looped: LoopedProgram) -> None:
        self._looped = looped
        self._whole = WholeNumbers(looped)
        self._used: list[CArray] = []  # those with a number in their names
        self.copied_in = self.copied_out = ""
        self._numbers = _apart("numbers", self._whole.spans["numbers"])
        self._memory = self._divided(self._whole.spans["memory"])

    def _divided(self, spans: set[Span]) -> list[CArray]:
        """Return the arrays that hold the memory."""
        first = self._looped.program.input_count
        behind = first + len(self._looped.program.outputs)
        bounds = [0, first, behind, self._looped.size]
        crossing = [span for span in spans if span[0] < first < span[1] or span[0] < behind < span[1]]
        arrays = [CArray("in", 0, first, "in"), CArray("out", first, behind, "out")]
        if crossing:
            low = max(bound for bound in bounds if bound <= min(crossing)[0])
            high = min(bound for bound in bounds if bound >= max(stop for _, stop in crossing))
            if low < first:
                self.copied_in = f"memcpy(memory, in, {first} * sizeof *in);"
            start = f"memory + {first - low}" if low < first else "memory"
            self.copied_out = f"memcpy(out, {start}, {behind - first} * sizeof *out);"
            self._used.append(CArray("memory", low, high, "memory"))
            arrays = [*(array for array in arrays if array.stop <= low), *self._used]
        return [*arrays, *_apart("work", {span for span in spans if span[0] >= arrays[-1].stop})]

    def element(self, element: Element, nest: int) -> str:
        """Return a number in memory or in a table of constants, in the body of a loop, whose `id` is given."""
        return self._element(element.at, nest, self._numbers if element.is_constant else self._memory)

    def place(self, at: Moving, nest: int) -> str:
        """Return a number in memory."""
        return self._element(at, nest, self._memory)

    def whole(self, moving: Moving, nest: int) -> str:
        """Return a whole number."""
        return self._whole.text(moving, nest)

    def tables(self, names: Container[str]) -> list[str]:
        """Return the declarations of tables that have some names."""
        lines: list[str] = []
        for array in self._numbers:
            if array.name in names:
                numbers = self._looped.numbers[array.first : array.stop]
                lines += _table("double", array.name, map(number_text, numbers))
        for name, indices in self._whole.tables.items():
            if name in names:
                lines += _table("int", name, map(str, indices))
        return lines

    def work(self, names: Container[str]) -> list[CArray]:
        """Return the arrays that have some names, in the order of their use, but for tables and the caller's own."""
        return [array for array in self._used if array.name in names and array.kind != "numbers"]

    def _element(self, at: Moving, nest: int, arrays: Sequence[CArray]) -> str:
        # In the first turns of all loops it is in the same array as in all others.
        array = _find(arrays, at.number((), self._looped.indices))
        if not array.name:
            self._used.append(array)
            array.name = f"{array.kind}_{len(self._used)}"
        return f"{array.name}[{self._whole.text(at, nest, array.first)}]"


def _find(arrays: Sequence[CArray], index: int) -> CArray:
    """Return the array that has a number of the memory or of a table."""
    return arrays[bisect_right(arrays, index, key=attrgetter("first")) - 1]


def _table(kind: str, name: str, numbers: Iterable[str]) -> list[str]:
    """Return the declaration of a table."""
    start, text = f"static const {kind} {name}[] = {{", ", ".join(numbers)
    if len(INDENT + start + text) + 2 <= WIDTH:
        return [f"{start}{text}}};"]
    return [start, *textwrap.wrap(text, WIDTH - len(INDENT), initial_indent=INDENT, subsequent_indent=INDENT), "};"]


def _apart(kind: str, spans: Iterable[Span]) -> list[CArray]:
    """Return arrays that have what is used, such that nothing leads from one into another."""
    arrays: list[CArray] = []
    for first, stop in sorted(spans):
        if arrays and first < arrays[-1].stop:
            arrays[-1].stop = max(arrays[-1].stop, stop)
        else:
            arrays.append(CArray(kind, first, stop))
    together: list[CArray] = []
    are_alone = False  # numbers that stand alone are not worth an array each
    for array in arrays:
        if are_alone and array.size == 1 and array.first == together[-1].stop:
            together[-1].stop += 1
        else:
            together.append(array)
        are_alone = array.size == 1
    return together
