"""A program with loops as a function in C99, written as a person would write it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from microgrady.arithmetic.backend import Operand as Written
from microgrady.compiler.backends.c_indices import counter
from microgrady.compiler.backends.c_memory import CArray, CMemory
from microgrady.compiler.backends.c_statements import COMPARED, INDENT, Statement, StatementBackend, array_of, lines_of
from microgrady.compiler.backends.c_variables import Variables
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

STACK = 4096  # numbers that may stand on the stack, of which a thread may have little

# A function whose numbers would be too many for the stack is called by one that has memory for them.
_ALLOCATING = """
int {name}(const double *in, double *out)
{{
    double *const {work} = malloc({size} * sizeof *{work});
    if ({work} == NULL) return -1;
    const int failed = {name}_with(in, out, {work});
    free({work});
    return failed;
}}
"""


class LoopedFunction:
    """A function in C that computes a program with loops.

    Args:
        looped: The program.
        name: What to call the function.
        is_inner: Whether it is for other functions of the file alone: these give it memory where it needs much.

    Attributes:
        source: The function; if it gets itself much memory, with another one before it that does the work.
        work: How many doubles of memory are to be given to it; 0 for none.
        called: The functions of the C library that it calls, each with its number of operands.
        headers: The headers that it needs.

    Raises:
        NotImplementedError: An operation of the program has no form in C.
    """

    def __init__(self, looped: LoopedProgram, name: str, is_inner: bool = False) -> None:
        writer = _Writer(looped)
        memory = writer.memory
        body = lines_of(writer.backend)
        body[:0] = [INDENT + memory.copied_in] if memory.copied_in else []
        body += [INDENT + line for line in (memory.copied_out, "return 0;") if line]
        words = set(_words(body))
        arrays = memory.work(words)
        is_large = sum(array.size for array in arrays) > STACK
        self.called = {each for each in writer.backend.called if {each.name, f"library_{each.name}"} & words}
        self.headers = {"string.h"} if "memcpy" in words else set()
        unread = [f"(void){array};" for array in ("in", "out") if array not in words]
        first = [INDENT + line for line in (*unread, *memory.tables(words), *_declared(arrays, is_large))]
        if first:
            first.append("")
        names = _numbered([*(array.name for array in arrays), *first, *body])
        text = _PATTERN.sub(lambda found: names.get(found[0], found[0]), "\n".join([*first, *body]))
        self.work = 0
        arguments = "const double *in, double *out"
        if not is_large:
            head = f"{'static ' if is_inner else ''}int {name}({arguments})"
            self.source = f"\n{head}\n{{\n{text}\n}}\n"
            return
        work, size = names.get(arrays[0].name, arrays[0].name), sum(array.size for array in arrays)
        head = f"static int {name if is_inner else f'{name}_with'}({arguments}, double *{work})"
        self.source = f"\n{head}\n{{\n{text}\n}}\n"
        if is_inner:
            self.work = size
        else:
            self.headers.add("stdlib.h")
            self.source += _ALLOCATING.format(name=name, work=work, size=size)


_PATTERN = re.compile(r"\b[A-Za-z_]\w*")


def _words(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for word in _PATTERN.findall(line)]


def _numbered(lines: Sequence[str]) -> dict[str, str]:
    """Return names for the variables and arrays that have numbers, in which there are no gaps."""
    kinds: dict[str, dict[str, None]] = {}
    for word in _words(lines):
        numbered = re.fullmatch(r"(v|(?:work|numbers|indices)_)\d+", word)
        if numbered:
            kinds.setdefault(numbered[1], {})[word] = None
    return {
        word: kind[:-1] if kind.endswith("_") and len(words) == 1 else f"{kind}{number}"
        for kind, words in kinds.items()
        for number, word in enumerate(words, 1)
    }


def _declared(arrays: Sequence[CArray], is_large: bool) -> list[str]:
    """Return the declarations of arrays; of large ones, the first is there, and the others are behind it."""
    if not is_large:
        return [f"double {array.name}[{array.size}];" for array in arrays]
    starts = itertools.accumulate(array.size for array in arrays)
    return [
        f"double *const {array.name} = {arrays[0].name} + {start};"
        for array, start in zip(arrays[1:], starts, strict=False)
    ]


class _Writer:
    """A writer of the statements of a program.

    Attributes:
        memory: The arrays of the program.
        backend: What has the statements.
    """

    def __init__(self, looped: LoopedProgram) -> None:
        self.memory = CMemory(looped)
        self.backend = StatementBackend()
        self._registers: dict[Register, Written] = {}
        self._nest = 0  # the `id` of the loop whose body is written
        for piece in looped.pieces:
            self._variables = Variables(piece)
            self._names: dict[int, str] = {}  # of the variables of this piece
            self._write(piece)

    def _write(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Compute):
                self._compute(step)
            elif isinstance(step, Copy):
                self._copy(step)
            elif isinstance(step, Store):
                self._store(self._operand(step.operand), step.to)
            elif isinstance(step, Require):
                self._require(step)
            else:
                self._loop(step)

    def _compute(self, step: Compute) -> None:
        if step.op.lower is None:
            raise NotImplementedError(f"{step.op.name} has no form in C: it is computed by Python")
        operands = map(self._operand, step.operands)
        self._keep(step.register, write_operation(step.op, self.backend, *operands))
        if step.store is not None:
            self._store(self._registers[step.register], step.store)

    def _copy(self, step: Copy) -> None:
        number = self._operand(step.operand)
        if step.register in self._variables.shared or number in self.backend.changing:
            self._keep(step.register, number)
        else:
            self._registers[step.register] = number  # which the loop can read where it is

    def _operand(self, operand: Operand) -> Written:
        if isinstance(operand, Element):
            text = self.memory.element(operand, self._nest)
            if not (operand.is_constant or text.startswith("in[")):
                self.backend.changing.add(text)
            return text
        return operand if isinstance(operand, float) else self._registers[operand]

    def _keep(self, register: Register, result: Written) -> None:
        """Have the number of a register in its variable, or in a constant."""
        variable = self._variables.shared.get(register)
        if variable is not None:
            self._registers[register] = self._assign(variable, result)
            return
        if isinstance(result, str) and result not in self.backend.made:
            result = self.backend.declare("double", "{}", [result])
        self._registers[register] = result

    def _assign(self, variable: int, result: Written) -> str:
        """Write what puts a number into a variable, which is declared with that if it is not yet."""
        name = self._names.get(variable)
        if name is None:
            name = self._names[variable] = self.backend.fresh()
            self.backend.changing.add(name)
            self.backend.assign(f"double {name}", result, name)
        else:
            self.backend.assign(name, result, name)
        return name

    def _keep_at_once(self, pairs: Iterable[tuple[Register, Written]]) -> None:
        """Have numbers in the variables of registers, as if all were read before any variable is changed."""
        shared = [(self._variables.shared[register], register, number) for register, number in pairs]
        pending = [(variable, number) for variable, _, number in shared if self._names.get(variable) != number]
        while pending:
            needed = [number for _, number in pending]
            ready = [pair for pair in pending if self._names.get(pair[0]) not in needed]
            if ready:
                self._assign(*ready[0])
                pending.remove(ready[0])
            else:
                name = self._names[pending[0][0]]
                saved = self.backend.declare("double", "{}", [name])
                pending = [(variable, saved if number == name else number) for variable, number in pending]
        self._registers.update((register, self._names[variable]) for variable, register, _ in shared)

    def _store(self, operand: Written, to: Moving) -> None:
        place = self.memory.place(to, self._nest)
        array = array_of(place)
        self.backend.assign(place, operand, array if array.startswith("work") else "")

    def _require(self, step: Require) -> None:
        comparison = f"{{}} {step.symbol} {{}}"
        form = f"!({comparison})" if step.outcome else comparison
        number = self.memory.whole(step.number, self._nest)
        operands = [self._operand(operand) for operand in step.operands]
        self.backend.block.append(Statement("if (", form, operands, COMPARED, f") return {number};"))

    def _loop(self, loop: Loop) -> None:
        variables, outer = self._variables, self.backend.block
        carried = [(variables.carriers.get(each.register, each.register), each) for each in loop.carried]
        self._keep_at_once((register, self._operand(each.first)) for register, each in carried)
        for variable in variables.before.get(id(loop), ()):
            self._assign(variable, 0.0)
        around, self._nest = self._nest, id(loop)
        self.backend.block = []
        handed_on = [(register, each.register) for register, each in carried if register != each.register]
        self._keep_at_once((to, self._registers[register]) for register, to in handed_on)
        self._write(loop.body)
        self._keep_at_once((register, self._registers[each.following]) for register, each in carried)
        body, self.backend.block, self._nest = self.backend.block, outer, around
        turn = counter(loop.depth)
        head = f"for (int {turn} = 0; {turn} < {self.memory.whole(loop.count, self._nest)}; {turn}++) {{"
        outer.append(Statement(head, levels=(), after="", changes=True, bodies=[body]))
