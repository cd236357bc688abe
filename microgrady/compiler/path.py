"""One way through a function: its program, its machine code, and how to call it."""

from __future__ import annotations

import ctypes
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from microgrady.compiler.backends.compiled_program import SMALL, CompiledProgram, llvm_modules
from microgrady.compiler.backends.fastcall import Form
from microgrady.compiler.programs.formulas import formula_of_guard
from microgrady.compiler.programs.looped import Compute, Loop, LoopedProgram
from microgrady.compiler.programs.loops import best_loops, with_loops
from microgrady.compiler.programs.lower import lower
from microgrady.compiler.programs.program import Operation, Program
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.signature import Numbers, is_numeric
from microgrady.forks import LockOfOneProcess
from microgrady.inputs import same_numbers
from microgrady.trees import Structure, count, flatten
from microgrady.value import Value


class CompiledPath:
    """One way through a function, compiled.

    Attributes:
        program: Its operations and guards.
        leaves: The Values from outside that it reads at each call.
        shapes: Of each argument's number (None) and array (its shape), in order.
        structure: That of what the function returns on it.
        compile_seconds: How long it took to find its loops and, once that is done, to compile it.
        loops: How many loops it has been compiled with.
        operations_kept: How many operations were compiled: those in a loop once, and not once for each turn.
        failure: Why it cannot run, if it came in a pickle and cannot.
    """

    def __init__(self, recording: Recording, numbers: Numbers, optimize: bool | None, cache: Path | None) -> None:
        self.program = recording.program
        self.leaves = recording.leaves
        self.shapes = numbers.shapes
        self.structure = recording.structure
        self.names = [*numbers.names, *(leaf.label or f"leaf{k}" for k, leaf in enumerate(recording.leaves, 1))]
        self.loops = 0
        self.operations_kept = len(self.program.ops)
        self.failure: LookupError | None = None
        self._optimize = optimize
        # The program with its loops, until it is compiled; and the program in which these were found, which may do the
        # same as `program` in another order.
        start = time.perf_counter()
        self._looped = None if optimize is False else best_loops(recording.program, recording.regular_program)
        self.compile_seconds = time.perf_counter() - start
        self._source = None if self._looped is None else self._looped.program
        self._cache = cache
        self._lay_out()

    def _lay_out(self) -> None:
        leaves, outputs = self.program.input_count - len(self.leaves), self.program.input_count
        self._arguments_in_memory = slice(0, leaves)
        self._leaves_in_memory = slice(leaves, outputs)
        self._outputs_in_memory = slice(outputs, outputs + len(self.program.outputs))
        self._arrays = [(place, shape) for place, shape in enumerate(self.shapes) if shape is not None]
        self._arrays_come = bool(self._arrays)
        self._arrays_go = any(shape is not None for shape in self.structure.shapes)
        self._assemble = _assembler(self.structure)
        self._code: CompiledProgram | None = None
        self._lock = LockOfOneProcess()
        self._memory: list[_Memory] = []  # of calls that have ended

    @property
    def guards(self) -> tuple[str, ...]:
        """The comparisons that decide for this path, as formulas."""
        return tuple(formula_of_guard(self.program, guard, self.names) for _, guard in self.program.guards)

    @property
    def operations_recorded(self) -> int:
        """How many operations the function did."""
        return self.program.recorded

    @property
    def operations(self) -> int:
        """How many of them are left after simplification."""
        return len(self.program.ops)

    def __repr__(self) -> str:
        way = " and ".join(self.guards) or "always"
        compiled = f"{self.operations:,} compiled"
        if self.loops:
            loops = "1 loop" if self.loops == 1 else f"{self.loops} loops"
            compiled = f"{loops}, {self.operations_kept:,} operations kept of {self.operations:,}, compiled"
        recorded = f"{self.operations_recorded:,} operations recorded"
        return f"<path {way}: {recorded}, {compiled} in {self.compile_seconds:.2g} s>"

    def llvm_ir(self) -> str:
        """Return what LLVM compiles, before it optimises."""
        program = self.lowered()
        return "\n\n".join(module.source for module in llvm_modules(program, self._effort(program)))

    def lowered(self) -> Program | LoopedProgram:
        """Return the program as it is compiled: with loops, and with cheaper operations than those that users wrote."""
        looped = None if self._source is None else self._looped or with_loops(self._source)
        return lower(self.program) if looped is None else looped

    def _note_loops(self, program: Program | LoopedProgram) -> None:
        """Note how many loops are compiled, and how many operations."""
        if isinstance(program, LoopedProgram):
            kinds = [type(step) for step in program.steps()]
            self.loops, self.operations_kept = kinds.count(Loop), kinds.count(Compute)

    def _effort(self, program: Program | LoopedProgram) -> int:
        """Return what LLVM spends on a program."""
        looped = isinstance(program, LoopedProgram)
        kept = sum(1 for _ in program.steps()) if looped else len(self.program.ops)
        if kept > SMALL:
            return 2 if self._optimize else 0
        return 0 if self._optimize is False else 3 if looped else 2

    def graph(self, numbers: Sequence[float]) -> list[Value]:
        """Return the outputs of the simplified program as Values, for pictures."""
        numbers = [*numbers, *(leaf._number for leaf in self.leaves)]
        known: list[Any] = [Value(number, name) for number, name in zip(numbers, self.names, strict=True)]
        for step in self.program.steps():
            if isinstance(step, Operation):
                known.append(step.op(*self.program.look_up(step.operands, known)))
        results = self.program.look_up(self.program.outputs, known)
        return [result if isinstance(result, Value) else Value(result) for result in results]

    def accepts(self, args: Sequence[Any]) -> bool:
        """Return whether arguments, floats and NumPy arrays in the right places, are such as it was recorded for."""
        for place, shape in self._arrays:
            array = args[place]
            if array.shape != shape or not is_numeric(array):
                return False
        return True

    def run(self, parts: Sequence[Any]) -> tuple[int, Any]:
        """Run the machine code.

        Args:
            parts: The arguments' numbers and arrays, as `shapes` has them.

        Returns:
            0 and what the function returns; or the number of the guard that does not hold, and None.
        """
        code = self._code or self.compile()
        try:
            memory = self._memory.pop()
        except IndexError:
            shapes = self.structure.shapes if self._arrays_go else ()
            memory = _Memory(code.size, self.shapes, shapes, self.program.input_count)
        numbers = memory.numbers
        if self._arrays_come:
            for (start, view), part in zip(memory.inputs, parts, strict=True):
                if view is None:
                    numbers[start] = part
                else:
                    view[...] = part
        else:
            numbers[self._arguments_in_memory] = parts
        if self.leaves:
            numbers[self._leaves_in_memory] = [leaf._number for leaf in self.leaves]
        failed = code.run(memory.address)
        result = None
        if not failed:
            if self._arrays_go:
                outputs = [numbers[start] if view is None else view.copy() for start, view in memory.outputs]
            else:
                outputs = numbers[self._outputs_in_memory]
            result = self._assemble(outputs)
        self._memory.append(memory)
        return failed, result

    def reproduces(self, parts: Sequence[Any], results: Sequence[float]) -> bool:
        """Compile, and return whether the machine code gives the very results that were recorded."""
        failed, result = self.run(parts)
        if failed:
            return False
        return same_numbers(flatten(result, "the result")[0], results)

    def compile(self) -> CompiledProgram:
        """Return the machine code; it is made once."""
        with self._lock.here():
            if self._code is None:
                start = time.perf_counter()
                program = self.lowered()
                self._note_loops(program)
                form = Form(self.shapes, len(self.leaves), self.structure)
                self._code = CompiledProgram(program, form, self._effort(program), self._cache)
                self._looped = None
                self.compile_seconds += time.perf_counter() - start
            return self._code

    def fastcall(self) -> Callable[..., Any] | None:
        """Return the function that takes floats and arrays and returns what `run` does, or the type float.

        It returns the type where it has no result: other arguments are given, or a guard does not hold. There is none
        of a path that needs more of Python than that.
        """
        fastcall = self.compile().fastcall
        if fastcall is None:
            return None
        self._memory.clear()  # `run` will rarely be needed from now on
        return self._with_leaves(fastcall)

    def _with_leaves(self, fastcall: Callable[..., Any]) -> Callable[..., Any]:
        """Return a fast call that is given the numbers of the leaves as well, if there are some."""
        leaves = self.leaves
        return (lambda *args: fastcall(*args, [leaf._number for leaf in leaves])) if leaves else fastcall

    def __getstate__(self) -> dict[str, Any]:
        # Machine code stays where it is.
        lasting = (
            "leaves",
            "shapes",
            "structure",
            "names",
            "failure",
            "loops",
            "operations_kept",
            "_optimize",
            "_cache",
        )
        state = {name: getattr(self, name) for name in lasting}
        source = self._source if self._source is None or self._source is self.program else self._source.__getstate__()
        program = self.program.__getstate__()
        return {**state, "compile_seconds": 0.0, "program": program, "_source": source, "_looped": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.program = Program.__new__(Program)
        try:
            self.program.__setstate__(state["program"])
            if isinstance(self._source, dict):
                source, self._source = self._source, Program.__new__(Program)
                self._source.__setstate__(source)
                self._source.require_like(self.program)
        except LookupError as error:  # a primitive is not there, or another one: the function must be recorded anew
            self.failure = error
        else:
            self._lay_out()


def _assembler(structure: Structure) -> Callable[[Sequence[Any]], Any]:
    """Return what puts numbers and arrays in their places: for tuples and lists an expression, which is fastest."""
    part = itertools.count()

    def place(node: Structure) -> str:
        if node.kind is None:
            return f"parts[{next(part)}]"
        if node.kind is tuple:
            return f"({''.join(f'{place(child)}, ' for child in node.children)})"
        if node.kind is list:
            return f"[{', '.join(map(place, node.children))}]"
        raise TypeError

    if len(structure.shapes) > 1000:  # for which to compile it would take longer
        return structure.assemble
    try:
        expression = place(structure)
        assemble: Callable[[Sequence[Any]], Any] = eval(f"lambda parts: {expression}", {})
    except (TypeError, RecursionError, SyntaxError, MemoryError):  # dicts, or nested too deeply for Python's parser
        return structure.assemble
    return assemble


class _Memory:
    """An array of doubles for one call at a time.

    Attributes:
        numbers: The array.
        address: Where it is.
        inputs: For each number that comes in its index and None; for each array that of its first element, and
            a view of its place for NumPy.
        outputs: The same of what goes out.
    """

    __slots__ = ("address", "inputs", "numbers", "outputs")

    numbers: Any

    def __init__(self, size: int, shapes_in: Sequence[Any], shapes_out: Sequence[Any], first_output: int) -> None:
        self.numbers = (ctypes.c_double * size)()
        self.address = ctypes.addressof(self.numbers)
        self.inputs = self._places(shapes_in, 0)
        self.outputs = self._places(shapes_out, first_output)

    def _places(self, shapes: Sequence[Any], start: int) -> list[tuple[int, Any]]:
        places = []
        for shape in shapes:
            view = None
            if shape is not None:
                import numpy

                view = numpy.frombuffer(self.numbers, numpy.float64, count(shape), 8 * start).reshape(shape)
            places.append((start, view))
            start += count(shape)
        return places
