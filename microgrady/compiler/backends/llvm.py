"""The backend that writes the text of LLVM's intermediate representation."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from microgrady.arithmetic.backend import Backend, Condition, Operand
from microgrady.arithmetic.library import library_function

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
    "copysign": "call {number} @llvm.copysign.{suffix}({number} {0}, {number} {1})",
    "select": "select {condition} {0}, {number} {1}, {number} {2}",
    "less": "fcmp olt {number} {0}, {1}",
    "less_equal": "fcmp ole {number} {0}, {1}",
    "equal": "fcmp oeq {number} {0}, {1}",
    "negated": "xor {condition} {0}, {true}",
    "both": "and {condition} {0}, {1}",
    "either": "or {condition} {0}, {1}",
}

_INTRINSICS = {"sqrt": 1, "fabs": 1, "floor": 1, "ceil": 1, "trunc": 1, "copysign": 2}  # and their operands
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
        return [
            f"declare {self.number} @llvm.{name}.{self._suffix}({', '.join([self.number] * count)})"
            for name, count in _INTRINSICS.items()
        ]

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
        element: What each variable holds. Lanes of a vector have the bits of the same operations on doubles: where
            only some of them take a branch, all compute both branches, and functions of the C library are called
            for one lane after the other.
    """

    def __init__(self, lines: list[str], prefix: str = "v", element: ElementType = DOUBLE) -> None:
        self.lines = lines
        self.prefix = prefix
        self.element = element
        self.called: set[tuple[str, int]] = set()
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
        """Write a call of a function of the C library, or one for each lane."""
        if self.element.width == 1:
            return self._call(name, operands)
        number, result = self.element.number, "poison"
        for lane in range(self.element.width):
            scalars = [
                self.assign(f"extractelement {number} {operand}, i64 {lane}") if isinstance(operand, str) else operand
                for operand in operands
            ]
            found = self._call(name, scalars)
            result = self.assign(f"insertelement {number} {result}, double {found}, i64 {lane}")
        return result

    def emit_choice(self, condition: str, then: Callable[[], Operand], otherwise: Callable[[], Operand]) -> str:
        """Write two blocks, a third in which they meet, and the phi instruction there; for lanes both and a select."""
        if self.element.width > 1:
            return self.emit("select", condition, then(), otherwise())
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

    def _call(self, name: str, scalars: Iterable[Operand]) -> str:
        arguments = ", ".join(
            f"double {scalar if isinstance(scalar, str) else DOUBLE.constant(scalar)}" for scalar in scalars
        )
        return self.assign(f"call double @mg.{name}({arguments})")

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
        called: The functions of the C library that it calls, each with its number of operands.
        effort: What LLVM spends on it, if not the same as on the others.
    """

    source: str
    called: set[tuple[str, int]]
    effort: int | None = None


def declarations(called: Iterable[tuple[str, int]], element: ElementType = DOUBLE) -> list[str]:
    """Return the lines that a module needs which calls these functions of the C library, and the intrinsics."""
    library = (
        f"declare double @mg.{name}({', '.join(['double'] * count)}) nounwind willreturn memory(none)"
        for name, count in sorted(called)
    )
    return [*element.declarations(), *library]


def library_addresses(names: Iterable[str]) -> dict[str, int]:
    """Return the addresses of functions of the C library, for `llvmlite.binding.add_symbol("mg.exp", address)`.

    Raises:
        AttributeError: The C library lacks one.
    """
    return {name: ctypes.cast(library_function(name, 1), ctypes.c_void_p).value or 0 for name in names}
