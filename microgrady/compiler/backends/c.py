"""The backend that writes C99."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from microgrady.arithmetic.backend import Backend, Condition, Operand
from microgrady.arithmetic.library import Called
from microgrady.compiler.backends.reserved import MATHEMATICS

FORMS = {
    "neg": "-{}",
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "sqrt": "sqrt({})",
    "abs": "fabs({})",
    "floor": "floor({})",
    "ceil": "ceil({})",
    "trunc": "trunc({})",
    "rint": "rint({})",
    "fma": "fma({}, {}, {})",
    "copysign": "copysign({}, {})",
    "select": "{} ? {} : {}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "equal": "{} == {}",
    "negated": "!{}",
    "both": "{} && {}",
    "either": "{} || {}",
}

# Compilers know other ways to a few powers: pow(x, -1.0), pow(x, 0.5) and pow(10.0, x). They end in other bits.
HIDDEN = {"pow": "static double (*volatile library_pow)(double, double) = pow;"}


class CBackend(Backend):
    """A writer that appends statements to the body of one function.

    They have the bits of the interpreted operations if the compiler neither contracts (`-ffp-contract=off`)
    nor reorders. They need the lines of `preamble`, and `used` leaves out what a compiler would warn of.

    Args:
        lines: Where to append.
        prefix: What the names of variables begin with, before a number. Nothing else in the function
            may have such names.
    """

    def __init__(self, lines: list[str], prefix: str = "v") -> None:
        self.lines = lines
        self.prefix = prefix
        self.called: set[Called] = set()
        self._count = 0
        self._indent = "    "

    def emit(self, operation: str, *operands: Operand) -> str:
        """Write the declaration of a number."""
        return self._declare("double", FORMS[operation].format(*map(text, operands)))

    def emit_condition(self, operation: str, *operands: Operand) -> str:
        """Write the declaration of a condition, an int."""
        return self._declare("int", FORMS[operation].format(*map(text, operands)))

    def emit_call(self, name: str, *operands: Operand) -> str:
        """Write a call of a function of <math.h>."""
        self.called.add(Called(name, len(operands)))
        function = f"library_{name}" if name in HIDDEN else name
        return self._declare("double", f"{function}({', '.join(map(text, operands))})")

    def emit_choice(self, condition: str, then: Callable[[], Operand], otherwise: Callable[[], Operand]) -> str:
        """Write an if statement."""
        variable, outer = self.fresh(), self._indent
        self.lines.append(f"{outer}double {variable};")
        for opening, branch in ((f"if ({condition}) {{", then), ("} else {", otherwise)):
            self.lines.append(f"{outer}{opening}")
            self._indent = outer + "    "
            self.lines.append(f"{self._indent}{variable} = {text(branch())};")
            self._indent = outer
        self.lines.append(f"{outer}}}")
        return variable

    def fresh(self) -> str:
        """Return a name that was not used yet."""
        self._count += 1
        return f"{self.prefix}{self._count}"

    def _declare(self, kind: str, expression: str) -> str:
        variable = self.fresh()
        self.lines.append(f"{self._indent}const {kind} {variable} = {expression};")
        return variable


def text(operand: Operand | Condition) -> str:
    """Return a variable as it is, a constant as the hexadecimal form of the very float.

    Example:
        >>> text("v1"), text(2.5), text(-math.inf)
        ('v1', '0x1.4000000000000p+1', '(-INFINITY)')
    """
    if isinstance(operand, str):
        return operand
    if math.isnan(operand):
        return "NAN"
    number = "INFINITY" if math.isinf(operand) else abs(operand).hex()
    return f"(-{number})" if math.copysign(1.0, operand) < 0.0 else number


def preamble(called: Iterable[Called]) -> list[str]:
    """Return the lines in front of functions that call these functions of the C library."""
    lines = ["#include <math.h>"]
    for name, count, _ in sorted(called):
        if name in HIDDEN:
            lines.append(HIDDEN[name])
        elif name not in MATHEMATICS:
            lines.append(f"double {name}({', '.join(['double'] * count)});")
    return lines


def used(lines: list[str]) -> list[str]:
    """Return the body of a function without the declarations of numbers and conditions that nothing uses."""
    kept, mentioned = [], set()
    for line in reversed(lines):
        names = re.findall(r"\b[A-Za-z_]\w*", line)
        if names[:1] == ["const"] and names[2] not in mentioned:
            continue
        mentioned.update(names)
        kept.append(line)
    return kept[::-1]
