"""A program for many points at once as LLVM IR: each instruction works on a vector, which has one point in each lane.

A kernel goes over the points vector by vector. Inputs come from columns, one for each number, and outputs go to
columns. Points may leave the path: each lane has a code, 0 or the number of the first guard that does not hold for it.
Where all lanes have left, the rest of the program is left out for them.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from microgrady.compiler.backends.host import features
from microgrady.compiler.backends.llvm import ElementType, LLVMBackend, Module, declarations, lane_indices
from microgrady.compiler.backends.llvm_loops import PieceWriter, tables
from microgrady.compiler.backends.llvm_program import MODULE
from microgrady.compiler.backends.worker import run_in_worker
from microgrady.compiler.fold import LANES
from microgrady.compiler.programs.looped import Element, LoopedProgram, Moving, Require, Step, Store
from microgrady.compiler.programs.reach import Reach
from microgrady.compiler.programs.sums import Sums, sums_of

ALIGNMENT = 64  # of the memory that a kernel works on, in bytes
UNROLLED = 8  # columns that are gone through one by one; more are gone through in a loop


class Access(Enum):
    """How the number of each point is reached: not at all, as all have one; side by side; or anywhere.

    Outputs can also be added up at once, lane by lane.
    """

    FIXED = "fixed"
    CONSECUTIVE = "consecutive"
    STRIDED = "strided"
    ADDED = "added"

    __hash__ = object.__hash__  # patterns of thousands are looked up, and that of Enum is not in C


@dataclass(frozen=True)
class Pattern:
    """What a kernel is compiled for.

    Attributes:
        inputs: How each input is reached.
        outputs: How each output is reached. All of them are added up, or none.
        listed: Whether the points are those of a list, and else those that follow each other.
        masked: Of points that follow each other, whether some have a code already, and are passed over. Where outputs
            are added up it must be so, and the program has no guards, as points could leave when some of their numbers
            have been added.
        vectors: How many vectors of the computer are done at once.
    """

    inputs: tuple[Access, ...]
    outputs: tuple[Access, ...]
    listed: bool = False
    masked: bool = False
    vectors: int = 1

    @property
    def batched(self) -> list[int]:
        """The inputs that each point has its own of, which is the order of their columns."""
        return [place for place, access in enumerate(self.inputs) if access is not Access.FIXED]


class Kernel:
    """What is to be compiled for a pattern.

    Args:
        looped: The program.
        pattern: How its inputs and outputs are reached.
        width: How many lanes a vector has.
        exact: Whether the results must have the bits of the program for single points.

    Attributes:
        memory_size: How many bytes it works on.
        columns: The number of the column of each input that is not fixed, and of each output, by the index in memory;
            where outputs are added up it is this index.
        sums: Where they are added up, if they are.
        copied: The inputs that are put into memory before the program takes them from there.
        written_later: The outputs that go to their columns from memory, at the end.
        read_outputs: The outputs that the program takes from memory.
    """

    def __init__(self, looped: LoopedProgram, pattern: Pattern, width: int, exact: bool) -> None:
        self.looped = looped
        self.pattern = pattern
        self.element = ElementType(width)
        self.exact = exact
        # Vectors that are put on the stack and taken back take twice as long where they cross lines of the cache.
        self.attributes = f"nounwind alignstack({8 * width})"
        self.memory_size = 8 * width * looped.size + ALIGNMENT
        self.first_output = looped.program.input_count
        self.last_output = self.first_output + len(looped.program.outputs)
        batched = pattern.batched
        self.columns = {place: number for number, place in enumerate(batched)}
        self.sums: Sums | None = None
        shift = len(batched) - self.first_output
        if Access.ADDED in pattern.outputs:
            assert pattern.masked, "only a mask says which lanes are added up"
            self.sums, shift = sums_of(looped), 0
        self.columns.update((place, place + shift) for place in self._output_places())
        reach = Reach(looped, () if self.sums is None else self.sums.copies)
        self._reads, self._writes = reach.reads, reach.writes
        # What is read from memory otherwise than from the column of one input, or among outputs, must be there.
        kept = [some for element, some in reach.reads.items() if not (element.is_input and self.is_alone(element))]
        kept_places = {place for some in kept for place in some}
        kept_places |= self._several([place for place in batched if self.is_scattered(self.access(place))])
        self.copied = {place for place in kept_places if place < self.first_output}
        self.read_outputs = {place for place in self._output_places() if place in kept_places}
        self._read_places = kept_places
        scattered = [place for place in self._output_places() if self.is_scattered(self.access(place))]
        self.written_later = self._written_later() | self._several(scattered)

    def _output_places(self) -> range:
        return range(self.first_output, self.last_output)

    def _written_later(self) -> set[int]:
        """Return the outputs that go to their columns at the end, as it is known only then which they are."""
        if self.sums is not None:
            return {*self.sums.late}
        several = (some for to, some in self._writes.items() if len(some) > 1 or to.steps or to.table is not None)
        return {place for some in several for place in some} & set(self._output_places())

    def is_read(self, to: Moving) -> bool:
        """Return whether the program may take from memory what is put somewhere."""
        return not self._read_places.isdisjoint(self._writes[to])

    def is_scattered(self, access: Access) -> bool:
        """Return whether the numbers of the lanes are taken or put one by one, which are reached so."""
        return access is Access.STRIDED or (self.pattern.listed and access is Access.CONSECUTIVE)

    def _several(self, places: list[int]) -> set[int]:
        """Return them if they are many, as it is then shorter to do all of them in a loop."""
        return set(places) if len(places) > UNROLLED else set()

    def is_alone(self, element: Element) -> bool:
        """Return whether an input is read that is always the same one, or one that is the same for all points."""
        some = self._reads[element]
        return len(some) == 1 or all(self.pattern.inputs[place] is Access.FIXED for place in some)

    def only_place(self, element: Element) -> int | None:
        """Return the index of an input that is always the same one; None if it depends on the turn."""
        some = self._reads[element]
        return some[0] if len(some) == 1 else None

    def access(self, place: int) -> Access:
        """Return how an input or an output is reached, by its index in memory."""
        inputs = self.pattern.inputs
        return inputs[place] if place < self.first_output else self.pattern.outputs[place - self.first_output]

    def modules(self) -> Iterator[Module]:
        """Yield the LLVM IR, module by module; the last one has `kernel`.

        `i64 kernel(ptr table, ptr fixed, ptr memory, ptr codes, i64 start, i64 count)` does `count` points from `start`
        on, at least as many as a vector has lanes. If they are listed the numbers of the points are at `start`, and
        `count` is a multiple of that. The table has an address and a stride in bytes for the column of each input that
        is not fixed, and then of each output. Where outputs are added up there is one address instead, from which on
        LANES doubles belong to each index in memory: to those of `sums.places` the numbers of the points are added
        that have no code, by `point % LANES`; `count` is a multiple of the lanes then, too. `fixed` has the other
        inputs at their places; `memory` is aligned. The code of each point is put to `codes`; if they are masked those
        that have one there keep it. It returns how many points have left the path.
        """
        begin, pieces = 0, self.looped.pieces
        stopping: list[bool] = []
        while begin < len(pieces):
            writers: list[_LanesWriter] = []
            while begin < len(pieces) and sum(writer.written for writer in writers) < MODULE:
                writers.append(_LanesWriter(self, begin))
                begin += 1
            stopping += [writer.may_stop for writer in writers]
            lines = [line for writer in writers for line in writer.lines]
            called = {function for writer in writers for function in writer.backend.called}
            if begin == len(pieces):
                others = range(begin - len(writers))
                lines += [f"declare i32 @piece{number}({PARAMETERS})" for number in others]
                lines += _MainWriter(self, stopping).lines
            by_lane = {function for writer in writers for function in writer.backend.called_by_lane}
            head = [*declarations(called, self.element, by_lane), *self._scalar_declarations(), *tables(self.looped)]
            yield Module("\n".join([*head, *lines]), called)

    def _scalar_declarations(self) -> list[str]:
        width = self.element.width
        return [
            f"declare i{width} @llvm.ctpop.i{width}(i{width})",
            "declare i64 @llvm.umin.i64(i64, i64)",
        ]


PARAMETERS = (
    "ptr noalias readonly %table, ptr noalias readonly %fixed, ptr noalias %memory, ptr noalias %code, i64 %point, "
    "ptr readonly %list"
)
_ARGUMENTS = "ptr %table, ptr %fixed, ptr %memory, ptr %code, i64 %point, ptr %list"


class _Columns:
    """What writes how numbers of all lanes are taken from columns and put there.

    Args:
        kernel: What is compiled.
        backend: What appends instructions.
    """

    def __init__(self, kernel: Kernel, backend: LLVMBackend) -> None:
        self.kernel = kernel
        self.backend = backend
        self.number = kernel.element.number
        self.width = kernel.element.width

    def spread(self, scalar: str) -> str:
        """Write what puts a double into all lanes."""
        assign = self.backend.assign
        single = assign(f"insertelement {self.number} poison, double {scalar}, i64 0")
        return assign(
            f"shufflevector {self.number} {single}, {self.number} poison, <{self.width} x i32> zeroinitializer"
        )

    def load_fixed(self, index: str) -> str:
        """Write what puts an input that is the same for all points into all lanes."""
        assign = self.backend.assign
        address = assign(f"getelementptr inbounds double, ptr %fixed, i64 {index}")
        return self.spread(assign(f"load double, ptr {address}, align 8, !invariant.load !0"))

    def load(self, access: Access, place: str, column: str) -> str:
        """Write what takes an input to all lanes, by its index in memory and the number of its column.

        Both are numbers or variables.
        """
        assign = self.backend.assign
        if access is Access.FIXED:
            return self.load_fixed(place)
        if not self.kernel.is_scattered(access):
            return assign(f"load {self.number}, ptr {self._first(column)}, align 8")
        result = "poison"
        for lane, address in enumerate(self._lanes(access, column)):
            scalar = assign(f"load double, ptr {address}, align 8")
            result = assign(f"insertelement {self.number} {result}, double {scalar}, i64 {lane}")
        return result

    def store(self, number: str, access: Access, column: str) -> None:
        """Write what puts an output into its column, or adds it to its sums."""
        if access is Access.ADDED:
            self._add(number, column)
            return
        if not self.kernel.is_scattered(access):
            address = self._first(column)
            if self.kernel.pattern.masked:
                number = self._among_others(number, address)
            self.backend.lines.append(f"  store {self.number} {number}, ptr {address}, align 8")
            return
        assert not self.kernel.pattern.masked, "only columns without gaps are written for some of the lanes"
        for lane, address in enumerate(self._lanes(access, column)):
            scalar = self.backend.assign(f"extractelement {self.number} {number}, i64 {lane}")
            self.backend.lines.append(f"  store double {scalar}, ptr {address}, align 8")

    def _among_others(self, number: str, address: str) -> str:
        """Write what takes the numbers of lanes that have a code from where they are."""
        there = self.backend.assign(f"load {self.number}, ptr {address}, align 8")
        return self._where_here(number, there)

    def _where_here(self, number: str, other: str) -> str:
        """Write what takes other numbers for lanes that have a code."""
        assign, codes = self.backend.assign, f"<{self.width} x i32>"
        code = assign(f"load {codes}, ptr %code, align 4")
        here = assign(f"icmp eq {codes} {code}, zeroinitializer")
        return assign(f"select <{self.width} x i1> {here}, {self.number} {number}, {self.number} {other}")

    def _add(self, number: str, place: str) -> None:
        """Write what adds numbers to the sums of a place in memory, lane by lane and in the order of the points."""
        assign = self.backend.assign
        sums = self._entry(str(len(self.kernel.pattern.batched)), 0)
        at = assign(f"getelementptr [{LANES} x double], ptr {sums}, i64 {place}")
        if self.width < LANES:
            lane = assign(f"and i64 %point, {LANES - self.width}")
            at = assign(f"getelementptr inbounds double, ptr {at}, i64 {lane}")
        codes = f"<{self.width} x i32>"
        here = assign(f"icmp eq {codes} {assign(f'load {codes}, ptr %code, align 4')}, zeroinitializer")
        width = min(self.width, LANES)
        vector, flags, align = f"<{width} x double>", f"<{width} x i1>", 8 * width
        sums = assign(f"load {vector}, ptr {at}, align {align}")
        for part in range(0, self.width, width):  # in order
            taken = lane_indices(range(part, part + width))
            some = assign(f"shufflevector {self.number} {number}, {self.number} poison, {taken}")
            are_here = assign(f"shufflevector <{self.width} x i1> {here}, <{self.width} x i1> poison, {taken}")
            more = assign(f"fadd {vector} {sums}, {some}")
            sums = assign(f"select {flags} {are_here}, {vector} {more}, {vector} {sums}")
        self.backend.lines.append(f"  store {vector} {sums}, ptr {at}, align {align}")

    def _entry(self, column: str, part: int) -> str:
        """Write what takes the address of a column from the table (part 0), or its stride (part 1)."""
        assign = self.backend.assign
        pair = assign(f"getelementptr inbounds [2 x i64], ptr %table, i64 {column}, i64 {part}")
        return assign(f"load {'i64' if part else 'ptr'}, ptr {pair}, align 8, !invariant.load !0")

    def _first(self, column: str) -> str:
        """Return where the number of the first lane is, in a column without gaps."""
        return self.backend.assign(f"getelementptr inbounds double, ptr {self._entry(column, 0)}, i64 %point")

    def _lanes(self, access: Access, column: str) -> list[str]:
        """Return where the number of each lane is."""
        assign = self.backend.assign
        base = self._entry(column, 0)
        stride = "8" if access is Access.CONSECUTIVE else self._entry(column, 1)
        if self.kernel.pattern.listed:
            offsets = [assign(f"mul nsw i64 {point}, {stride}") for point in self._listed()]
            return [assign(f"getelementptr i8, ptr {base}, i64 {offset}") for offset in offsets]
        offset = assign(f"mul nsw i64 %point, {stride}")
        found = [assign(f"getelementptr i8, ptr {base}, i64 {offset}")]
        for _ in range(self.width - 1):
            found.append(assign(f"getelementptr i8, ptr {found[-1]}, i64 {stride}"))
        return found

    def _listed(self) -> list[str]:
        """Return the number of the point of each lane."""
        assign = self.backend.assign
        points = []
        for lane in range(self.width):
            at = assign(f"getelementptr inbounds i64, ptr %list, i64 {lane}")
            points.append(assign(f"load i64, ptr {at}, align 8, !invariant.load !0"))
        return points


class _LanesWriter(PieceWriter):
    """A writer of one piece, for the points in the lanes of a vector."""

    def __init__(self, kernel: Kernel, number: int) -> None:
        self.kernel = kernel
        self.is_only = len(kernel.looped.pieces) == 1
        super().__init__(kernel.looped, number)

    def head(self, number: int) -> str:
        """Return the line that the function begins with."""
        if self.is_only:
            return f"define internal i32 @piece{number}({PARAMETERS}) alwaysinline nounwind {{"
        return f"define i32 @piece{number}({PARAMETERS}) noinline {self.kernel.attributes} {{"

    def new_backend(self) -> LLVMBackend:
        """Return what appends to the lines."""
        backend = LLVMBackend(self.lines, element=self.kernel.element, exact=self.kernel.exact)
        self.columns = _Columns(self.kernel, backend)
        return backend

    def load(self, element: Element) -> str:
        """Write what takes numbers from columns, memory or the table of constants, and return their variable."""
        assign, number = self.backend.assign, self.kernel.element.number
        if element.is_constant:
            address = assign(f"getelementptr inbounds double, ptr @numbers, i64 {self.index(element.at)}")
            return self.columns.spread(assign(f"load double, ptr {address}, align 8, !invariant.load !0"))
        if element.is_input and self.kernel.is_alone(element):
            place = self.kernel.only_place(element)
            if place is None:
                return self.columns.load_fixed(self.index(element.at))
            if place not in self.kernel.copied:
                access = self.kernel.access(place)
                return self.columns.load(access, str(place), str(self.kernel.columns.get(place)))
        return assign(f"load {number}, ptr {self._address(element.at)}, align {8 * self.columns.width}")

    def leaves_out(self, step: Step) -> bool:
        """Return whether a step is not needed, as what it copies has been added up."""
        sums = self.kernel.sums
        return sums is not None and isinstance(step, Store) and step in sums.copies

    def store(self, number: str | float, to: Moving) -> None:
        """Write what puts numbers into memory, or into the column of an output."""
        kernel, text = self.kernel, self.backend.text(number)
        if kernel.sums is not None and to in kernel.sums.added:
            self.columns.store(text, Access.ADDED, self.index(to))
            if kernel.is_read(to):
                self._put(text, to)
            return
        place = None if to.steps or to.table is not None else to.start
        if (
            place is None
            or place >= kernel.last_output
            or place in kernel.written_later
            or place in kernel.read_outputs
        ):
            self._put(text, to)
        if place is not None and place < kernel.last_output and place not in kernel.written_later:
            self.columns.store(text, kernel.access(place), str(kernel.columns[place]))

    def _put(self, text: str, to: Moving) -> None:
        """Write what puts numbers into memory."""
        at = f"ptr {self._address(to)}, align {8 * self.columns.width}"
        self.lines.append(f"  store {self.kernel.element.number} {text}, {at}")

    def _address(self, at: Moving) -> str:
        number = self.kernel.element.number
        return self.backend.assign(f"getelementptr inbounds {number}, ptr %memory, i64 {self.index(at)}")

    def fail(self, condition: str, step: Require) -> None:
        """Write what gives a code to the lanes for which a guard does not hold, and returns 1 if all have one."""
        assign, width = self.backend.assign, self.columns.width
        codes, flags = f"<{width} x i32>", f"<{width} x i1>"
        if step.outcome:
            condition = assign(self.kernel.element.forms["negated"].format(condition))
        name = self.backend.fresh()
        fails = assign(f"call i1 @llvm.vector.reduce.or.v{width}i1({flags} {condition})")
        self.lines.append(f"  br i1 {fails}, label %{name}.some, label %{name}.holds")
        self.backend.begin(f"{name}.some")
        number = self.narrow(self.index(step.number))
        single = assign(f"insertelement {codes} poison, i32 {number}, i64 0")
        numbers = assign(f"shufflevector {codes} {single}, {codes} poison, <{width} x i32> zeroinitializer")
        before = assign(f"load {codes}, ptr %code, align 4")
        here = assign(f"icmp eq {codes} {before}, zeroinitializer")
        fresh = assign(f"and {flags} {here}, {condition}")
        after = assign(f"select {flags} {fresh}, {codes} {numbers}, {codes} {before}")
        self.lines.append(f"  store {codes} {after}, ptr %code, align 4")
        left = assign(f"icmp eq {codes} {after}, zeroinitializer")
        goes_on = assign(f"call i1 @llvm.vector.reduce.or.v{width}i1({flags} {left})")
        self.lines.append(f"  br i1 {goes_on}, label %{name}.holds, label %{name}.stop")
        self.backend.begin(f"{name}.stop")
        self.lines.append("  ret i32 1")
        self.backend.begin(f"{name}.holds")


class _MainWriter:
    """A writer of the function that goes over the points."""

    def __init__(self, kernel: Kernel, stopping: list[bool]) -> None:
        self.kernel = kernel
        width = kernel.element.width
        self.lines: list[str] = [
            "define i64 @kernel(ptr noalias readonly %table, ptr noalias readonly %fixed, ptr noalias %memory, "
            f"ptr noalias %codes, {'ptr' if kernel.pattern.listed else 'i64'} %start, i64 %count) "
            f"{kernel.attributes} {{",
            "entry:",
        ]
        self.backend = LLVMBackend(self.lines, "m", kernel.element)
        self.columns = _Columns(kernel, self.backend)
        self._copy_inputs(Access.FIXED)
        self.lines += [
            f"  %final = sub i64 %count, {width}",
            "  br label %ready",
            "ready:",
            "  br label %block",
            "block:",
            "  %at = phi i64 [ 0, %ready ], [ %following, %next ]",
            "  %left = phi i64 [ 0, %ready ], [ %leaving, %next ]",
            "  %code = getelementptr inbounds i32, ptr %codes, i64 %at",
        ]
        self._begin_codes()
        if kernel.pattern.listed:
            self.lines += ["  %list = getelementptr inbounds i64, ptr %start, i64 %at", "  %point = add i64 0, 0"]
        else:
            self.lines += ["  %list = getelementptr inbounds i64, ptr %codes, i64 0", "  %point = add i64 %start, %at"]
        self._copy_inputs(None)
        for number, may_stop in enumerate(stopping):
            self.lines.append(f"  %s{number} = call i32 @piece{number}({_ARGUMENTS})")
            if may_stop:
                self.lines += [
                    f"  %c{number} = icmp eq i32 %s{number}, 0",
                    f"  br i1 %c{number}, label %goes{number}, label %counting",
                    f"goes{number}:",
                ]
        self._copy_outputs()
        self.lines += ["  br label %counting", "counting:"]
        self._count(any(stopping))
        self.lines += [
            "  br label %next",
            "next:",
            "  %done = icmp uge i64 %at, %final",
            f"  %further = add i64 %at, {width}",
            "  %following = call i64 @llvm.umin.i64(i64 %further, i64 %final)",
            "  br i1 %done, label %end, label %block",
            "end:",
            "  ret i64 %leaving",
            "}",
        ]

    def _begin_codes(self) -> None:
        """Write what clears the codes of a block; or passes over it if all of its points have one."""
        codes = f"<{self.columns.width} x i32>"
        if not self.kernel.pattern.masked:
            self.lines.append(f"  store {codes} zeroinitializer, ptr %code, align 4")
            return
        flags = f"<{self.columns.width} x i1>"
        self.lines += [
            f"  %before = load {codes}, ptr %code, align 4",
            f"  %active = icmp eq {codes} %before, zeroinitializer",
            f"  %any = call i1 @llvm.vector.reduce.or.v{self.columns.width}i1({flags} %active)",
            "  br i1 %any, label %work, label %counting",
            "work:",
        ]

    def _copy_inputs(self, access: Access | None) -> None:
        """Write what puts inputs into memory that are read there: fixed ones once, others in each block."""
        is_fixed = access is Access.FIXED
        places = [place for place in self.kernel.copied if (self.kernel.access(place) is Access.FIXED) == is_fixed]
        self._for_each(sorted(places), self._copy_input)

    def _copy_input(self, access: Access, place: str, column: str) -> None:
        number = self.columns.load(access, place, column)
        self.lines.append(f"  store {self.columns.number} {number}, {self._in_memory(place)}")

    def _copy_outputs(self) -> None:
        self._for_each(sorted(self.kernel.written_later), self._copy_output)

    def _copy_output(self, access: Access, place: str, column: str) -> None:
        number = self.backend.assign(f"load {self.columns.number}, {self._in_memory(place)}")
        self.columns.store(number, access, column)

    def _in_memory(self, place: str) -> str:
        at = self.backend.assign(f"getelementptr inbounds {self.columns.number}, ptr %memory, i64 {place}")
        return f"ptr {at}, align {8 * self.columns.width}"

    def _for_each(self, places: list[int], write: Callable[[Access, str, str], None]) -> None:
        """Write something for each of some inputs or outputs: a loop for those that follow each other.

        Args:
            places: Their indices in memory, in order.
            write: Writes it for one, by how it is reached, its index, and the number of its column.
        """
        kernel, assign = self.kernel, self.backend.assign
        for _, run in itertools.groupby(
            enumerate(places), lambda entry: (entry[1] - entry[0], kernel.access(entry[1]))
        ):
            first, *others = (place for _, place in run)
            access, column = kernel.access(first), kernel.columns.get(first, 0)
            if len(others) < UNROLLED:
                for further in range(len(others) + 1):
                    write(access, str(first + further), str(column + further))
                continue
            name = self.backend.fresh()
            self.lines += [f"  br label %{name}.before", f"{name}.before:", f"  br label %{name}.turn"]
            self.backend.begin(f"{name}.turn")
            self.lines.append(f"  %{name}.t = phi i64 [ 0, %{name}.before ], [ %{name}.u, %{name}.turn ]")
            write(access, assign(f"add i64 %{name}.t, {first}"), assign(f"add i64 %{name}.t, {column}"))
            self.lines += [
                f"  %{name}.u = add nuw nsw i64 %{name}.t, 1",
                f"  %{name}.m = icmp ule i64 %{name}.u, {len(others)}",
                f"  br i1 %{name}.m, label %{name}.turn, label %{name}.after",
            ]
            self.backend.begin(f"{name}.after")

    def _count(self, may_stop: bool) -> None:
        width = self.columns.width
        if not may_stop:
            self.lines.append("  %leaving = add i64 %left, 0")
            return
        self.lines += [
            f"  %found = load <{width} x i32>, ptr %code, align 4",
            f"  %gone = icmp sgt <{width} x i32> %found, zeroinitializer",
            f"  %mask = bitcast <{width} x i1> %gone to i{width}",
            f"  %some = call i{width} @llvm.ctpop.i{width}(i{width} %mask)",
            f"  %more = zext i{width} %some to i64",
            "  %leaving = add i64 %left, %more",
        ]


@functools.cache
def lanes_of_host() -> int:
    """Return how many doubles the widest vectors of this computer have: 8 with AVX-512, else 4."""
    return 8 if "avx512f" in run_in_worker(features) else 4
