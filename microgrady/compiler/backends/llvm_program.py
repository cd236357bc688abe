"""A program as LLVM IR, in pieces of bounded size.

A block of many thousand operations would cost LLVM's register allocation time that grows with its square.
Pieces that hand their results on in memory keep it linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from microgrady.compiler.backends.callbacks import INTERFACE, emit_callback
from microgrady.compiler.backends.llvm import LLVMBackend, declarations
from microgrady.compiler.programs.program import Check, Operation, Place, Program, Step, write

PIECE = 256  # operations of one function
QUICK_PIECE = 512  # with the least effort, which larger pieces do not slow down
COPIES = 64  # outputs that one function copies; LLVM's time grows with the cube of stores of one number in a row
MODULE = 1 << 14  # operations of one module, the IR of which is freed before the next one's is made


@dataclass
class Layout:
    """Where numbers stand in the one array of doubles that machine code works on.

    Attributes:
        outputs: The index of the first output; the inputs are at 0.
        slots: The index of each result that one piece hands on to another.
        size: The length of the array.
        piece_length: How many operations each piece has; the last one may have fewer.
        piece_count: How many pieces there are: at least one.
    """

    outputs: int
    slots: dict[Place, int]
    size: int
    piece_length: int
    piece_count: int

    def steps(self, program: Program, piece: int) -> Iterator[Step]:
        """Yield what a piece does."""
        start = piece * self.piece_length
        return program.steps(start, min(start + self.piece_length, len(program.ops)))


def layout_of(program: Program, effort: int) -> Layout:
    """Cut a program into pieces, and give each result that another piece uses than its own a place in memory."""
    first = program.input_count
    length = PIECE if effort else QUICK_PIECE
    count = max(1, -(-len(program.ops) // length))
    slots: dict[Place, int] = {}
    layout = Layout(first, slots, first + len(program.outputs), length, count)
    for piece in range(1, count):
        start = first + piece * length
        for step in layout.steps(program, piece):
            for place in step.operands:
                if first <= place < start and place not in slots:
                    slots[place] = layout.size
                    layout.size += 1
    return layout


Module = tuple[str, set[tuple[str, int]]]  # LLVM IR, and the functions that it calls


class _Piece:
    """Writes one function of LLVM IR, which finds results of other functions in `slots`."""

    def __init__(self, program: Program, layout: Layout, name: str, slots: dict[Place, int]) -> None:
        self.program = program
        self.layout = layout
        self.slots = slots
        self.lines: list[str] = [f"define i32 @{name}(ptr noalias %memory) noinline nounwind {{", "entry:"]
        self.backend = LLVMBackend(self.lines)
        self.known: dict[Place, str | float] = {}
        self.calls_python = False
        self.may_stop = False

    def operand(self, place: Place) -> str | float:
        if place < 0:
            return self.program.constant(place)
        found = self.known.get(place)
        if found is None:
            index = place if place < self.program.input_count else self.slots[place]
            found = self.known[place] = self.backend.load(index)
        return found

    def write(self, step: Step) -> None:
        operands = [self.operand(place) for place in step.operands]
        if isinstance(step, Operation):
            self.operation(step, operands)
        else:
            self.check(step, *operands)

    def operation(self, step: Operation, operands: list[str | float]) -> None:
        op, place = step.op, step.place
        if op.lower is not None:
            result = write(op, self.backend, *operands)
        else:
            result = emit_callback(self.backend, op, f"p{place}", operands)
            self.calls_python = self.may_stop = True
        self.known[place] = result
        slot = self.slots.get(place)
        if slot is not None:
            self.backend.store(result, slot)

    def check(self, step: Check, left: str | float, right: str | float) -> None:
        number, guard = step.number, step.guard
        self.may_stop = True
        holds, fails = f"holds{number}", f"fails{number}"
        yes, no = (holds, fails) if guard.outcome else (fails, holds)
        condition = self.backend.compare(guard.symbol, left, right)
        self.lines += [
            f"  br i1 {condition}, label %{yes}, label %{no}",
            f"{fails}:",
            f"  ret i32 {number}",
            f"{holds}:",
        ]

    def finish(self) -> list[str]:
        return [*self.lines, "  ret i32 0", "}"]


def _piece(program: Program, layout: Layout, number: int, outputs: dict[Place, int]) -> _Piece:
    piece = _Piece(program, layout, f"piece{number}", layout.slots)
    for step in layout.steps(program, number):
        piece.write(step)
        if isinstance(step, Operation) and step.place in outputs:
            piece.backend.store(piece.operand(step.place), outputs[step.place])
    return piece


def _copies(program: Program, layout: Layout) -> tuple[list[int], dict[Place, int]]:
    """The outputs that are constants, inputs or outputs once more, and the index of the output of each other place."""
    copies = []
    outputs: dict[Place, int] = {}
    for number, place in enumerate(program.outputs):
        if place < program.input_count or place in outputs:
            copies.append(number)
        else:
            outputs[place] = layout.outputs + number
    return copies, outputs


def _copy(writer: _Piece, numbers: Sequence[int]) -> None:
    for number in numbers:
        writer.backend.store(writer.operand(writer.program.outputs[number]), writer.layout.outputs + number)


def _copy_modules(program: Program, layout: Layout, copies: list[int], outputs: dict[Place, int]) -> Iterator[Module]:
    together = max(1, MODULE // COPIES) * COPIES
    for begin in range(0, len(copies), together):
        lines: list[str] = []
        for start in range(begin, min(begin + together, len(copies)), COPIES):
            writer = _Piece(program, layout, f"copy{start}", outputs)
            _copy(writer, copies[start : start + COPIES])
            lines += writer.finish()
        yield "\n".join(lines), set()


def modules_of(program: Program, layout: Layout, door: Sequence[str] = ()) -> Iterator[Module]:
    """The LLVM IR, module by module, each with the functions it calls; the last has `run`, which calls the others.

    `i32 run(double *memory)` computes the outputs from the inputs and gives 0, or the number of the first
    guard that does not hold, counted from 1, or `RAISED`. The lines of `door` follow it.
    """
    copies, outputs = _copies(program, layout)
    if len(copies) > COPIES:
        yield from _copy_modules(program, layout, copies, outputs)
    count, together = layout.piece_count, max(1, MODULE // layout.piece_length)
    stopping = set()  # the pieces after which there may be nothing to do
    for begin in range(0, count, together):
        end = min(begin + together, count)
        called: set[tuple[str, int]] = set()
        lines: list[str] = []
        calls_python = False
        for number in range(begin, end):
            piece = _piece(program, layout, number, outputs)
            lines += piece.finish()
            called |= piece.backend.called
            calls_python = calls_python or piece.calls_python
            if piece.may_stop:
                stopping.add(number)
        if calls_python:
            lines += [f"declare {declaration}" for declaration in INTERFACE.values()]
        if end == count:
            writer = _Piece(program, layout, "run", outputs)
            _drive(writer, stopping, copies)
            others = [f"declare i32 @piece{number}(ptr)" for number in range(begin)]
            lines += [*others, *writer.finish(), *door]
        yield "\n".join([*declarations(called), *lines]), called


def _drive(writer: _Piece, stopping: set[int], copies: list[int]) -> None:
    for number in range(writer.layout.piece_count):
        writer.lines.append(f"  %s{number} = call i32 @piece{number}(ptr %memory)")
        if number in stopping:
            writer.lines += [
                f"  %c{number} = icmp eq i32 %s{number}, 0",
                f"  br i1 %c{number}, label %next{number}, label %out{number}",
                f"out{number}:",
                f"  ret i32 %s{number}",
                f"next{number}:",
            ]
    if len(copies) <= COPIES:
        _copy(writer, copies)
        return
    for start in range(0, len(copies), COPIES):
        writer.lines.insert(0, f"declare i32 @copy{start}(ptr)")
        writer.lines.append(f"  call i32 @copy{start}(ptr %memory)")
