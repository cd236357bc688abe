"""Operations on vectors in machine code, run over columns of points."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microgrady.arithmetic.backend import Operand
from microgrady.arithmetic.library import Called
from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.llvm import ElementType, LLVMBackend, Module, declarations

Written = Callable[..., Operand]  # of a backend and its operands
Pattern = Sequence[float | None]  # which operands are constants


def _function(name: str, backend: LLVMBackend, write: Written, pattern: Pattern) -> list[str]:
    """A function that goes over blocks of memory, which have a vector for each operand and one for the result."""
    count, number = pattern.count(None), backend.element.number
    variables = iter([backend.load(place) for place in range(count)])
    backend.store(write(backend, *(next(variables) if fixed is None else fixed for fixed in pattern)), count)
    return [
        f"define void @{name}(ptr %all, i64 %count) nounwind {{",
        "entry:",
        "  br label %loop",
        "loop:",
        "  %number = phi i64 [ 0, %entry ], [ %next, %last ]",
        f"  %place = mul i64 %number, {count + 1}",
        f"  %memory = getelementptr {number}, ptr %all, i64 %place",
        *backend.lines,
        "  br label %last",
        "last:",
        "  %next = add i64 %number, 1",
        "  %goes_on = icmp ult i64 %next, %count",
        "  br i1 %goes_on, label %loop, label %end",
        "end:",
        "  ret void",
        "}",
    ]


class Lanes:
    """Functions on vectors, by the names that are given to them.

    Args:
        functions: For each name what writes it, and its pattern.
        width: How many lanes a vector has.
        exact: Whether the results have the bits of single numbers.
        effort: What LLVM spends.
        cache: Where to keep the machine code, if anywhere.
    """

    def __init__(
        self,
        functions: Mapping[str, tuple[Written, Pattern]],
        width: int,
        exact: bool,
        effort: int = 2,
        cache: Path | None = None,
    ) -> None:
        self.width = width
        self.called: set[Called] = set()
        by_lane: set[Called] = set()
        element, lines = ElementType(width), list[str]()
        for name, (write, pattern) in functions.items():
            backend = LLVMBackend([], element=element, exact=exact)
            lines += _function(name, backend, write, pattern)
            self.called |= backend.called
            by_lane |= backend.called_by_lane
        source = "\n".join([*declarations(self.called, element, by_lane), *lines])
        self._executable = Executable([Module(source, self.called)], tuple(functions), effort, cache)

    def __call__(self, name: str, points: Iterable[Sequence[float]]) -> list[float]:
        """What a function makes of points; the last ones are repeated to fill a vector."""
        columns: Any = np.array(list(points), dtype=float).T
        count = columns.shape[1]
        rest = -count % self.width
        columns = np.concatenate([columns, columns[:, count - 1 :].repeat(rest, axis=1)], axis=1)
        blocks = np.empty((columns.shape[1] // self.width, len(columns) + 1, self.width))
        blocks[:, :-1] = columns.reshape(len(columns), -1, self.width).swapaxes(0, 1)
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(self._executable.addresses[name])
        function(blocks.ctypes.data, len(blocks))
        found: list[float] = blocks[:, -1].reshape(-1)[:count].tolist()
        return found
