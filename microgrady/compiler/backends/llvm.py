"""The machine that writes the text of LLVM's intermediate representation."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterable

from microgrady.arithmetic.backend import Backend, Condition, Operand
from microgrady.arithmetic.library import library_function

FORMS = {
    "neg": "fneg double {}",
    "add": "fadd double {}, {}",
    "sub": "fsub double {}, {}",
    "mul": "fmul double {}, {}",
    "div": "fdiv double {}, {}",
    "sqrt": "call double @llvm.sqrt.f64(double {})",
    "abs": "call double @llvm.fabs.f64(double {})",
    "floor": "call double @llvm.floor.f64(double {})",
    "ceil": "call double @llvm.ceil.f64(double {})",
    "trunc": "call double @llvm.trunc.f64(double {})",
    "copysign": "call double @llvm.copysign.f64(double {}, double {})",
    "select": "select i1 {}, double {}, double {}",
    "less": "fcmp olt double {}, {}",
    "less_equal": "fcmp ole double {}, {}",
    "equal": "fcmp oeq double {}, {}",
    "negated": "xor i1 {}, true",
    "both": "and i1 {}, {}",
    "either": "or i1 {}, {}",
}

INTRINSICS = tuple(
    f"declare double @llvm.{name}.f64({', '.join(['double'] * count)})"
    for name, count in (("sqrt", 1), ("fabs", 1), ("floor", 1), ("ceil", 1), ("trunc", 1), ("copysign", 2))
)


class LLVMBackend(Backend):
    """Appends instructions to the lines of one function.

    The functions of the C library are called as `@mg.exp` and so on: under their own names LLVM
    would rewrite calls of them, which gives other bits.

    Args:
        lines: Where to append.
        prefix: What the names of variables and blocks begin with, before a number. Nothing else in
            the function may have such names.
    """

    def __init__(self, lines: list[str], prefix: str = "v") -> None:
        self.lines = lines
        self.prefix = prefix
        self.called: set[tuple[str, int]] = set()
        self._count = 0
        self._block = ""

    def fresh(self) -> str:
        """A name that was not used yet, without its %."""
        self._count += 1
        return f"{self.prefix}{self._count}"

    def emit(self, operation: str, *operands: Operand) -> str:
        """Write an instruction."""
        return self._assign(FORMS[operation].format(*map(text, operands)))

    emit_condition = emit

    def emit_call(self, name: str, *operands: Operand) -> str:
        """Write a call of a function of the C library."""
        arguments = ", ".join(f"double {text(operand)}" for operand in operands)
        return self._assign(f"call double @mg.{name}({arguments})")

    def emit_choice(self, condition: str, then: Callable[[], Operand], otherwise: Callable[[], Operand]) -> str:
        """Write two blocks, a third in which they meet, and the phi instruction there."""
        name = self.fresh()
        self.lines.append(f"  br i1 {condition}, label %{name}.then, label %{name}.else")
        arrivals = []
        for block, branch in ((f"{name}.then", then), (f"{name}.else", otherwise)):
            self._begin(block)
            result = text(branch())
            arrivals.append(f"[ {result}, %{self._block} ]")  # the block in which the branch ended
            self.lines.append(f"  br label %{name}.end")
        self._begin(f"{name}.end")
        return self._assign(f"phi double {', '.join(arrivals)}")

    def _begin(self, block: str) -> None:
        self.lines.append(f"{block}:")
        self._block = block

    def _assign(self, instruction: str) -> str:
        self._count += 1
        variable = f"%{self.prefix}{self._count}"
        self.lines.append(f"  {variable} = {instruction}")
        return variable


def text(operand: Operand | Condition) -> str:
    """A variable as it is, a constant by its bits.

    Example:
        >>> text("%v1"), text(-2.0)
        ('%v1', '0xC000000000000000')
    """
    return operand if isinstance(operand, str) else f"0x{struct.unpack('<Q', struct.pack('<d', operand))[0]:016X}"


def declarations(called: Iterable[tuple[str, int]]) -> list[str]:
    """The lines that a module needs which calls these functions of the C library, and the intrinsics."""
    library = (
        f"declare double @mg.{name}({', '.join(['double'] * count)}) nounwind willreturn memory(none)"
        for name, count in sorted(called)
    )
    return [*INTRINSICS, *library]


def library_addresses(names: Iterable[str]) -> dict[str, int]:
    """The addresses of functions of the C library, for `llvmlite.binding.add_symbol("mg.exp", address)`.

    Raises:
        AttributeError: the C library lacks one.
    """
    return {name: ctypes.cast(library_function(name, 1), ctypes.c_void_p).value or 0 for name in names}
