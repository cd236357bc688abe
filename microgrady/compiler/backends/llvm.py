"""The backend that writes the text of LLVM's intermediate representation."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from microgrady.arithmetic.backend import Backend, Condition, Operand
from microgrady.arithmetic.library import Called, library_function
from microgrady.compiler.backends.host import has_fused_multiplication
from microgrady.compiler.backends.vector_library import vector_function

# The instruction of each operation: {number} and {condition} are types, {suffix} is the end of an intrinsic's name.
FORMS = {
    "neg": "fneg {number} {0}",
    "add": "fadd {number} {0}, {1}",
    "sub": "fsub {number} {0}, {1}",
    "mul": "fmul {number} {0}, {1}",
    "div": "fdiv {number} {0}, {1}",
    "sqrt": "call {number} @llvm.sqrt.{suffix}({number} {0})",
    "abs": "call {number} @llvm.fabs.{suffix}({number} {0})",
    "floor": "call {number} @llvm.floor.{suffix}({number} {0})",
    "ceil": "call {number} @llvm.ceil.{suffix}({number} {0})",
    "trunc": "call {number} @llvm.trunc.{suffix}({number} {0})",
    "rint": "call {number} @llvm.rint.{suffix}({number} {0})",
    "fma": "call {number} @llvm.fma.{suffix}({number} {0}, {number} {1}, {number} {2})",
    "copysign": "call {number} @llvm.copysign.{suffix}({number} {0}, {number} {1})",
    "select": "select {condition} {0}, {number} {1}, {number} {2}",
    "less": "fcmp olt {number} {0}, {1}",
    "less_equal": "fcmp ole {number} {0}, {1}",
    "equal": "fcmp oeq {number} {0}, {1}",
    "negated": "xor {condition} {0}, {true}",
    "both": "and {condition} {0}, {1}",
    "either": "or {condition} {0}, {1}",
}

_INTRINSICS = {"sqrt": 1, "fabs": 1, "floor": 1, "ceil": 1, "trunc": 1, "rint": 1, "fma": 3, "copysign": 2}  # operands
_DEAR = (" @mg.", " @llvm.sqrt", " fdiv ", "  br ")  # what is in lines that take long
_COMPARISONS = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}


class ElementType:
    """What a variable of LLVM IR holds: a double, or a vector of doubles that instructions treat lane by lane.

    Args:
        width: How many doubles.

    Attributes:
        width: How many doubles.
        number: The type of numbers.
        condition: The type of what comparisons result in.
        forms: The instruction of each operation, with its operands left open.

    Example:
        >>> ElementType(1).forms["sqrt"], ElementType(8).forms["sqrt"]
        ('call double @llvm.sqrt.f64(double {0})', 'call <8 x double> @llvm.sqrt.v8f64(<8 x double> {0})')
        >>> ElementType(1).constant(-2.0), ElementType(2).constant(-2.0)
        ('0xC000000000000000', '<double 0xC000000000000000, double 0xC000000000000000>')
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.number = self._repeated_type("double")
        self.condition = self._repeated_type("i1")
        self._suffix = "f64" if width == 1 else f"v{width}f64"
        types = {"number": self.number, "condition": self.condition, "suffix": self._suffix}
        true = self._repeated("i1", "true")
        self.forms = {name: form.format("{0}", "{1}", "{2}", true=true, **types) for name, form in FORMS.items()}

    def constant(self, number: float) -> str:
        """Return the text of a number, in every lane, by its bits."""
        return self._repeated("double", f"0x{struct.pack('>d', number).hex().upper()}")

    def declarations(self) -> list[str]:
        """Return the lines that declare the intrinsics that the forms call."""
        lines = [
            f"declare {self.number} @llvm.{name}.{self._suffix}({', '.join([self.number] * count)})"
            for name, count in _INTRINSICS.items()
        ]
        if self.width > 1:
            lines.append(f"declare i1 @llvm.vector.reduce.or.v{self.width}i1({self.condition})")
        return lines

    def _repeated_type(self, scalar: str) -> str:
        return scalar if self.width == 1 else f"<{self.width} x {scalar}>"

    def _repeated(self, scalar: str, constant: str) -> str:
        return constant if self.width == 1 else f"<{', '.join([f'{scalar} {constant}'] * self.width)}>"


DOUBLE = ElementType(1)


class LLVMBackend(Backend):
    """A writer that appends instructions to the lines of one function.

    The functions of the C library are called as `@mg.exp` and so on: under their own names LLVM
    would rewrite calls of them, which leads to other bits.

    Args:
        lines: Where to append.
        prefix: What the names of variables and blocks begin with, before a number. Nothing else in
            the function may have such names.
        element: What each variable holds.
        exact: Whether lanes of a vector must have the bits of the same operations on doubles. Functions of the C
            library are then called for one lane after the other; else there are functions of vectors for most.

    Attributes:
        called_by_lane: The functions that are called for one lane after the other, which are among those called.
    """

    def __init__(self, lines: list[str], prefix: str = "v", element: ElementType = DOUBLE, exact: bool = True) -> None:
        self.lines = lines
        self.prefix = prefix
        self.element = element
        self.exact = exact or not has_fused_multiplication()
        self.called: set[Called] = set()
        self.called_by_lane: set[Called] = set()
        self._forms = element.forms
        self._count = 0
        self._block = ""

    def fresh(self) -> str:
        """Return a name that was not used yet, without its %."""
        self._count += 1
        return f"{self.prefix}{self._count}"

    def text(self, operand: Operand | Condition) -> str:
        """Return a variable as it is, a constant by its bits."""
        return operand if isinstance(operand, str) else self.element.constant(operand)

    def emit(self, operation: str, *operands: Operand) -> str:
        """Write an instruction."""
        constant = self.element.constant
        texts = [operand if isinstance(operand, str) else constant(operand) for operand in operands]
        return self.assign(self._forms[operation].format(*texts))

    emit_condition = emit

    def emit_call(self, name: str, *operands: Operand) -> str:
        """Write a call of a function of the C library, one for each half of the lanes, or one for each lane."""
        together = Called(name, len(operands), self.element.width)
        half = together._replace(width=together.width // 2)
        if half.width > 1 and not self.exact and not vector_function(together) and vector_function(half):
            return self._call_for_halves(half, operands)
        if together.width == 1 or (not self.exact and vector_function(together)):
            self.called.add(together)
            return self._call(_symbol(together), self.element, operands)
        single = together._replace(width=1)
        self.called.add(single)
        self.called_by_lane.add(single)
        return self._call(f"mg.{name}.lanes", self.element, operands)

    def _call_for_halves(self, half: Called, operands: Sequence[Operand]) -> str:
        """Write two calls of a function that takes half of the lanes at once."""
        self.called.add(half)
        element, whole = ElementType(half.width), self.element.number
        lanes = [range(half.width), range(half.width, 2 * half.width)]
        results = []
        for some in lanes:
            part = [
                self.assign(f"shufflevector {whole} {self.text(operand)}, {whole} poison, {lane_indices(some)}")
                for operand in operands
            ]
            results.append(self._call(_symbol(half), element, part))
        both = f"{element.number} {results[0]}, {element.number} {results[1]}"
        return self.assign(f"shufflevector {both}, {lane_indices(range(2 * half.width))}")

    def emit_choice(self, condition: str, then: Callable[[], Operand], otherwise: Callable[[], Operand]) -> str:
        """Write two blocks, a third in which they meet, and the phi instruction there.

        For lanes write what selects from both results, where each branch is passed by that no lane takes.
        """
        if self.element.width > 1:
            first = self._for_some(condition, then)
            return self.emit("select", condition, first, self._for_some(self.emit("negated", condition), otherwise))
        name = self.fresh()
        self.lines.append(f"  br i1 {condition}, label %{name}.then, label %{name}.else")
        arrivals = []
        for block, branch in ((f"{name}.then", then), (f"{name}.else", otherwise)):
            self.begin(block)
            result = self.text(branch())
            arrivals.append(f"[ {result}, %{self._block} ]")  # the block in which the branch ended
            self.lines.append(f"  br label %{name}.end")
        self.begin(f"{name}.end")
        return self.assign(f"phi {self.element.number} {', '.join(arrivals)}")

    def _for_some(self, wanted: str, branch: Callable[[], Operand]) -> Operand:
        """Write a branch that is passed by where no lane wants it, if it takes long enough to ask."""
        name, before, start = self.fresh(), self._block, len(self.lines)
        some = self.assign(f"call i1 @llvm.vector.reduce.or.v{self.element.width}i1({self.element.condition} {wanted})")
        self.lines.append(f"  br i1 {some}, label %{name}.some, label %{name}.none")
        self.begin(f"{name}.some")
        head = len(self.lines)
        result = branch()
        if not any(dear in line for line in self.lines[head:] for dear in _DEAR):
            del self.lines[start:head]
            self._block = before
            return result
        arrivals = f"[ {self.text(result)}, %{self._block} ], [ poison, %{name}.none ]"
        self.lines.append(f"  br label %{name}.end")
        self.begin(f"{name}.none")
        self.lines.append(f"  br label %{name}.end")
        self.begin(f"{name}.end")
        return self.assign(f"phi {self.element.number} {arrivals}")

    def compare(self, symbol: str, left: Operand, right: Operand) -> str:
        """Write a comparison by its symbol in Python, and return its condition."""
        operands = f"{self.text(left)}, {self.text(right)}"
        return self.assign(f"fcmp {_COMPARISONS[symbol]} {self.element.number} {operands}")

    def load(self, index: int) -> str:
        """Write what takes an element from the array at `%memory`, and return its variable."""
        return self.assign(f"load {self.element.number}, ptr {self._address(index)}, align 8")

    def store(self, operand: Operand, index: int) -> None:
        """Write what puts an element into the array at `%memory`."""
        self.lines.append(f"  store {self.element.number} {self.text(operand)}, ptr {self._address(index)}, align 8")

    def _address(self, index: int) -> str:
        return self.assign(f"getelementptr inbounds {self.element.number}, ptr %memory, i64 {index}")

    def _call(self, symbol: str, element: ElementType, operands: Iterable[Operand]) -> str:
        arguments = ", ".join(
            f"{element.number} {operand if isinstance(operand, str) else element.constant(operand)}"
            for operand in operands
        )
        return self.assign(f"call {element.number} @{symbol}({arguments})")

    def begin(self, block: str) -> None:
        """Write the label of a block, to which what follows belongs."""
        self.lines.append(f"{block}:")
        self._block = block

    def assign(self, instruction: str) -> str:
        """Write an instruction, and return the variable of its result."""
        self._count += 1
        variable = f"%{self.prefix}{self._count}"
        self.lines.append(f"  {variable} = {instruction}")
        return variable


class Module(NamedTuple):
    """A text that LLVM compiles as a whole.

    Attributes:
        source: The LLVM IR.
        called: The functions of the C library that it calls.
        effort: What LLVM spends on it, if not the same as on the others.
    """

    source: str
    called: set[Called]
    effort: int | None = None


def declarations(
    called: Iterable[Called], element: ElementType = DOUBLE, called_by_lane: Iterable[Called] = ()
) -> list[str]:
    """Return the lines that a module needs which calls these functions of the C library, and the intrinsics."""
    library = []
    for function in sorted(called):
        number = ElementType(function.width).number
        operands = ", ".join([number] * function.operand_count)
        library.append(f"declare {number} @{_symbol(function)}({operands}) nounwind willreturn memory(none)")
    by_lane = (line for function in sorted(called_by_lane) for line in _lane_by_lane(function, element))
    return [*element.declarations(), *library, *by_lane]


def _lane_by_lane(called: Called, element: ElementType) -> list[str]:
    """Write a function of vectors that calls one of numbers.

    It is a loop over memory: for calls in a line, all vectors around them would be saved and restored at each.
    """
    number, count = element.number, range(called.operand_count)
    parameters = ", ".join(f"{number} %a{k}" for k in count)
    return [
        f"define internal {number} @mg.{called.name}.lanes({parameters}) noinline nounwind willreturn memory(none) {{",
        "entry:",
        f"  %out = alloca {number}",
        *(f"  %in{k} = alloca {number}" for k in count),
        *(f"  store {number} %a{k}, ptr %in{k}" for k in count),
        "  br label %lane",
        "lane:",
        "  %l = phi i64 [ 0, %entry ], [ %next, %lane ]",
        *(f"  %p{k} = getelementptr inbounds double, ptr %in{k}, i64 %l" for k in count),
        *(f"  %x{k} = load double, ptr %p{k}" for k in count),
        f"  %y = call double @{_symbol(called)}({', '.join(f'double %x{k}' for k in count)})",
        "  %q = getelementptr inbounds double, ptr %out, i64 %l",
        "  store double %y, ptr %q",
        "  %next = add nuw nsw i64 %l, 1",
        f"  %more = icmp ult i64 %next, {element.width}",
        "  br i1 %more, label %lane, label %end",
        "end:",
        f"  %result = load {number}, ptr %out",
        f"  ret {number} %result",
        "}",
    ]


def lane_indices(lanes: Iterable[int]) -> str:
    """Return which lanes a shufflevector takes."""
    indices = [f"i32 {lane}" for lane in lanes]
    return f"<{len(indices)} x i32> <{', '.join(indices)}>"


def _symbol(function: Called) -> str:
    return f"mg.{function.name}" if function.width == 1 else f"mg.{function.name}.v{function.width}"


def library_addresses(called: Iterable[Called]) -> dict[str, int]:
    """Return the addresses of functions of the C library, for `llvmlite.binding.add_symbol("mg.exp", address)`.

    Raises:
        AttributeError: The C library lacks one.
    """
    return {_symbol(function): _address(function) for function in called}


def _address(function: Called) -> int:
    if function.width > 1:
        return vector_function(function)
    return ctypes.cast(library_function(function.name, 1), ctypes.c_void_p).value or 0
