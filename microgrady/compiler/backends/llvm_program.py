"""A program as LLVM IR: a function for each of its pieces, and one that calls them in order.

A block of many thousand operations would cost LLVM's register allocation time that grows with its square.
Pieces that hand their results on in memory keep it linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from microgrady.arithmetic.library import Called
from microgrady.compiler.backends.callbacks import INTERFACE, emit_callback
from microgrady.compiler.backends.llvm import LLVMBackend, Module, declarations
from microgrady.compiler.backends.memory import Layout
from microgrady.compiler.backends.operations import write_operation
from microgrady.compiler.programs.program import Check, Operation, Place, Program, Step

COPIES = 64  # outputs that one function copies; LLVM's time grows with the cube of stores of one number in a row
MODULE = 1 << 14  # operations of one module, the IR of which is freed before the next one's is made


def modules_of(program: Program, layout: Layout) -> Iterator[Module]:
    """Yield the LLVM IR, module by module; the last one has `run`, which calls the functions of all.

    `i32 run(double *memory)` computes the outputs from the inputs and returns 0, or the number of the first
    guard that does not hold, counted from 1, or `RAISED`.
    """
    # Outputs that are constants, inputs, or results that another output is, too.
    copies = [
        number for number, place in enumerate(program.outputs) if layout.slots.get(place) != layout.outputs + number
    ]
    if len(copies) > COPIES:
        yield from _copy_modules(program, layout, copies)
    count, together = layout.piece_count, max(1, MODULE // layout.piece_length)
    stopping: set[int] = set()  # the pieces after which there may be nothing to do
    for begin in range(0, count, together):
        end = min(begin + together, count)
        called: set[Called] = set()
        lines: list[str] = []
        calls_python = False
        for number in range(begin, end):
            writer = _write_piece(program, layout, number)
            lines += writer.finish()
            called |= writer.backend.called
            calls_python = calls_python or writer.calls_python
            if writer.may_stop:
                stopping.add(number)
        if calls_python:
            lines += [f"declare {declaration}" for declaration in INTERFACE.values()]
        if end == count:
            others = [f"declare i32 @piece{number}(ptr)" for number in range(begin)]
            lines += [*others, *_write_run(program, layout, stopping, copies)]
        yield Module("\n".join([*declarations(called), *lines]), called)


class _FunctionWriter:
    """A writer of one function of LLVM IR, which works on the array of a program, one number at a time.

    Args:
        program: What the function does a part of.
        layout: Where its numbers stand.
        name: What to call the function.

    Attributes:
        lines: The function as far as it is written.
        backend: What appends instructions to them.
        calls_python: Whether the function calls Python.
        may_stop: Whether it may return something else than 0.
    """

    def __init__(self, program: Program, layout: Layout, name: str) -> None:
        self.program = program
        self.layout = layout
        self.lines: list[str] = [f"define i32 @{name}(ptr noalias %memory) noinline nounwind {{", "entry:"]
        self.backend = LLVMBackend(self.lines)
        self.calls_python = False
        self.may_stop = False
        self._slots = layout.slots
        self._known: dict[Place, str | float] = {}

    def operand(self, place: Place) -> str | float:
        """Return the variable or the number at a place."""
        if place < 0:
            return self.program.constant(place)
        operand = self._known.get(place)
        if operand is None:
            index = place if place < self.program.input_count else self._slots[place]
            operand = self._known[place] = self.backend.load(index)
        return operand

    def write(self, step: Step) -> None:
        """Write a step, and keep its result where other functions find it."""
        known = self._known
        operands = [known[place] if place in known else self.operand(place) for place in step.operands]
        if not isinstance(step, Operation):
            self._check(step, *operands)
            return
        op, place = step.op, step.place
        if op.lower is not None:
            result = write_operation(op, self.backend, *operands)
        else:
            result = emit_callback(self.backend, op, f"p{place}", operands)
            self.calls_python = self.may_stop = True
        known[place] = result
        if place in self._slots:
            self.backend.store(result, self._slots[place])

    def copy_outputs(self, numbers: Sequence[int]) -> None:
        """Write what puts outputs into their places."""
        for number in numbers:
            self.backend.store(self.operand(self.program.outputs[number]), self.layout.outputs + number)

    def finish(self) -> list[str]:
        """Return the lines of the whole function."""
        return [*self.lines, "  ret i32 0", "}"]

    def _check(self, step: Check, left: str | float, right: str | float) -> None:
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


def _write_piece(program: Program, layout: Layout, number: int) -> _FunctionWriter:
    writer = _FunctionWriter(program, layout, f"piece{number}")
    for step in program.steps(*layout.piece(program, number)):
        writer.write(step)
    return writer


def run_lines(stopping: Sequence[bool]) -> list[str]:
    """Return the lines of `run` that call the functions of pieces in order.

    Args:
        stopping: For each piece, whether there may be nothing to do after it.
    """
    lines = []
    for number, may_stop in enumerate(stopping):
        lines.append(f"  %s{number} = call i32 @piece{number}(ptr %memory)")
        if may_stop:
            lines += [
                f"  %c{number} = icmp eq i32 %s{number}, 0",
                f"  br i1 %c{number}, label %next{number}, label %out{number}",
                f"out{number}:",
                f"  ret i32 %s{number}",
                f"next{number}:",
            ]
    return lines


def _write_run(program: Program, layout: Layout, stopping: set[int], copies: list[int]) -> list[str]:
    """Write `run`, and declare what it calls of the copying functions."""
    writer = _FunctionWriter(program, layout, "run")
    writer.lines += run_lines([number in stopping for number in range(layout.piece_count)])
    if len(copies) <= COPIES:
        writer.copy_outputs(copies)
        return writer.finish()
    starts = range(0, len(copies), COPIES)
    writer.lines += [f"  call i32 @copy{start}(ptr %memory)" for start in starts]
    return [*(f"declare i32 @copy{start}(ptr)" for start in starts), *writer.finish()]


def _copy_modules(program: Program, layout: Layout, copies: list[int]) -> Iterator[Module]:
    """Yield modules of functions that copy outputs, each a number of them."""
    together = max(1, MODULE // COPIES) * COPIES
    for begin in range(0, len(copies), together):
        lines: list[str] = []
        for start in range(begin, min(begin + together, len(copies)), COPIES):
            writer = _FunctionWriter(program, layout, f"copy{start}")
            writer.copy_outputs(copies[start : start + COPIES])
            lines += writer.finish()
        yield Module("\n".join(lines), set())
