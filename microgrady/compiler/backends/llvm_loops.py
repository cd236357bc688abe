"""A program with loops as LLVM IR."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from microgrady.compiler.backends.callbacks import INTERFACE, emit_callback
from microgrady.compiler.backends.llvm import DOUBLE, LLVMBackend, Module, declarations
from microgrady.compiler.backends.llvm_program import MODULE, run_lines
from microgrady.compiler.backends.operations import write_operation
from microgrady.compiler.programs.looped import (
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


def looped_modules_of(looped: LoopedProgram) -> Iterator[Module]:
    """Yield the LLVM IR, module by module, as `modules_of` does for a program without loops."""
    pieces, begin = looped.pieces, 0
    stopping: list[bool] = []  # whether there may be nothing to do after a piece
    while begin < len(pieces):
        writers: list[PieceWriter] = []
        while begin < len(pieces) and sum(writer.written for writer in writers) < MODULE:
            writers.append(PieceWriter(looped, begin))
            begin += 1
        stopping += [writer.may_stop for writer in writers]
        called = {function for writer in writers for function in writer.backend.called}
        lines = [line for writer in writers for line in writer.lines]
        if any(writer.calls_python for writer in writers):
            lines += [f"declare {declaration}" for declaration in INTERFACE.values()]
        if begin == len(pieces):
            others = [f"declare i32 @piece{number}(ptr)" for number in range(begin - len(writers))]
            run = ["define i32 @run(ptr noalias %memory) noinline nounwind {", "entry:", *run_lines(stopping)]
            lines += [*others, *run, "  ret i32 0", "}"]
        yield Module("\n".join([*declarations(called), *tables(looped), *lines]), called)


def tables(looped: LoopedProgram) -> list[str]:
    """Return the lines that define the tables of a program, and what marks a load from them."""
    numbers = ", ".join(f"double {DOUBLE.constant(number)}" for number in looped.numbers)
    indices = ", ".join(f"i32 {index}" for index in looped.indices)
    return [
        f"@numbers = internal constant [{len(looped.numbers)} x double] [{numbers}]",
        f"@indices = internal constant [{len(looped.indices)} x i32] [{indices}]",
        "!0 = !{}",
    ]


class PieceWriter:
    """A writer of one piece as a function of LLVM IR, which works on the memory of the program.

    Attributes:
        lines: The function.
        backend: What appends instructions to them.
        calls_python: Whether the function calls Python.
        may_stop: Whether it may return something else than 0.
        written: How many steps it has.
    """

    def __init__(self, looped: LoopedProgram, number: int) -> None:
        self.lines: list[str] = [self.head(number), "entry:"]
        self.backend = self.new_backend()
        self.calls_python = False
        self.may_stop = False
        self.written = 0
        self._registers: dict[Register, Operand | str] = {}
        self._turns: list[str] = []
        self._indices: dict[tuple[Moving, int], str] = {}
        self._write(looped.pieces[number])
        self.lines += ["  ret i32 0", "}"]

    def head(self, number: int) -> str:
        """Return the line that the function begins with."""
        return f"define i32 @piece{number}(ptr noalias %memory) noinline nounwind {{"

    def new_backend(self) -> LLVMBackend:
        """Return what appends to the lines."""
        return LLVMBackend(self.lines)

    def load(self, element: Element) -> str:
        """Write what takes a number from memory or from the table of constants, and return its variable."""
        array = "@numbers" if element.is_constant else "%memory"
        stays = ", !invariant.load !0" if element.is_constant or element.is_input else ""
        address = self.backend.assign(f"getelementptr inbounds double, ptr {array}, i64 {self.index(element.at)}")
        return self.backend.assign(f"load double, ptr {address}, align 8{stays}")

    def store(self, number: str | float, to: Moving) -> None:
        """Write what puts a number into memory."""
        address = self.backend.assign(f"getelementptr inbounds double, ptr %memory, i64 {self.index(to)}")
        self.lines.append(f"  store double {self.backend.text(number)}, ptr {address}, align 8")

    def fail(self, condition: str, step: Require) -> None:
        """Write what returns the number of a guard where it does not hold.

        Args:
            condition: The variable of what was compared.
            step: The guard.
        """
        name = self.backend.fresh()
        yes, no = (f"{name}.holds", f"{name}.fails") if step.outcome else (f"{name}.fails", f"{name}.holds")
        self.lines.append(f"  br i1 {condition}, label %{yes}, label %{no}")
        self.backend.begin(f"{name}.fails")
        self.lines.append(f"  ret i32 {self.narrow(self.index(step.number))}")
        self.backend.begin(f"{name}.holds")

    def leaves_out(self, step: Step) -> bool:
        """Return whether a step is not needed."""
        return False

    def narrow(self, number: str) -> str:
        """Return an i64 as an i32."""
        return self.backend.assign(f"trunc i64 {number} to i32") if number.startswith("%") else number

    def _write(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if self.leaves_out(step):
                continue
            self.written += 1
            if isinstance(step, Compute):
                self._compute(step)
            elif isinstance(step, Copy):
                self._registers[step.register] = self._operand(step.operand)
            elif isinstance(step, Store):
                self.store(self._operand(step.operand), step.to)
            elif isinstance(step, Require):
                self._require(step)
            else:
                self._loop(step)

    def _compute(self, step: Compute) -> None:
        operands = [self._operand(operand) for operand in step.operands]
        if step.op.lower is not None:
            result = write_operation(step.op, self.backend, *operands)
        else:
            result = emit_callback(self.backend, step.op, f"p{step.register}", operands)
            self.calls_python = self.may_stop = True
        self._registers[step.register] = result
        if step.store is not None:
            self.store(result, step.store)

    def _operand(self, operand: Operand) -> str | float:
        """Return the variable or the number that an operand is."""
        if isinstance(operand, float):
            return operand
        if isinstance(operand, int):
            found = self._registers[operand]
            assert isinstance(found, (str, float))
            return found
        return self.load(operand)

    def index(self, moving: Moving) -> str:
        """Return a whole number in the present turn, an i64."""
        assign = self.backend.assign
        terms = []
        for turn, step in zip(self._turns, moving.steps, strict=False):
            if step:
                terms.append(turn if step == 1 else assign(f"mul nsw i64 {turn}, {step}"))
        offset = moving.start if moving.table is None else moving.table
        moved = str(offset) if offset or not terms else terms.pop()
        for term in terms:
            moved = assign(f"add nsw i64 {term}, {moved}")
        if moving.table is None:
            return moved
        address = assign(f"getelementptr inbounds i32, ptr @indices, i64 {moved}")
        narrow = assign(f"load i32, ptr {address}, align 4, !invariant.load !0")
        wide = assign(f"sext i32 {narrow} to i64")
        return assign(f"add nsw i64 {wide}, {moving.start}") if moving.start else wide

    def _require(self, step: Require) -> None:
        self.may_stop = True
        left, right = (self._operand(operand) for operand in step.operands)
        self.fail(self.backend.compare(step.symbol, left, right), step)

    def _loop(self, loop: Loop) -> None:
        """Write a loop of four blocks: before it, a turn, what goes on to the next turn, and after it."""
        lines, backend = self.lines, self.backend
        name = backend.fresh()
        lines.append(f"  br label %{name}.before")
        backend.begin(f"{name}.before")
        count = self.index(loop.count)
        firsts = [backend.text(self._operand(carried.first)) for carried in loop.carried]
        lines.append(f"  br label %{name}.turn")
        backend.begin(f"{name}.turn")
        self._turns.append(f"%{name}.t")
        lines.append(f"  %{name}.t = phi i64 [ 0, %{name}.before ], [ %{name}.u, %{name}.next ]")
        first_phi = len(lines)
        for carried in loop.carried:
            self._registers[carried.register] = f"%{name}.c{carried.register}"
            lines.append("")  # for what follows is not known yet
        self._write(loop.body)
        for at, (carried, first) in enumerate(zip(loop.carried, firsts, strict=True), first_phi):
            following = backend.text(self._operand(carried.following))
            lines[at] = (
                f"  %{name}.c{carried.register} = phi {backend.element.number} "
                f"[ {first}, %{name}.before ], [ {following}, %{name}.next ]"
            )
        lines.append(f"  br label %{name}.next")
        backend.begin(f"{name}.next")
        lines += [
            f"  %{name}.u = add nuw nsw i64 %{name}.t, 1",
            f"  %{name}.m = icmp ult i64 %{name}.u, {count}",
            f"  br i1 %{name}.m, label %{name}.turn, label %{name}.after",
        ]
        backend.begin(f"{name}.after")
        self._turns.pop()
