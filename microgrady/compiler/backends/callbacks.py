"""Operations that have no machine form: machine code calls Python.

It does so by CPython's own interface, so that what the function raises, or a signal handler in it, ends the machine
code and comes out of the call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from microgrady.arithmetic.backend import Operand
from microgrady.compiler.backends.llvm import text
from microgrady.value import Primitive

RAISED = -1  # what `run` gives then


@functools.cache  # kept for ever, as machine code may call it at any time
def python_function(op: Primitive) -> Callable[..., float]:
    """What machine code calls for a primitive: the value, as a float."""

    def evaluate(*operands: float) -> float:
        return float(op.evaluate(*operands))

    return evaluate


# What is called, by its name in CPython's stable interface. The function of two operands is called with both.
INTERFACE = {
    "Py_DecRef": "void @Py_DecRef(ptr)",
    "PyFloat_AsDouble": "double @PyFloat_AsDouble(ptr)",
    "PyFloat_FromDouble": "ptr @PyFloat_FromDouble(double)",
    "PyObject_CallFunctionObjArgs": "ptr @PyObject_CallFunctionObjArgs(ptr, ...)",
}


def call_lines(op: Primitive, name: str, operands: list[Operand]) -> list[str]:
    """The LLVM IR that calls a primitive's value.

    Args:
        op: The primitive.
        name: What the names of variables and blocks begin with; `%name` is the result.
        operands: What to call it with.

    Returns:
        Lines that go on behind the call, or return `RAISED` from the function that they stand in.
    """
    lines = [
        f"  %{name}.o{place} = call ptr @PyFloat_FromDouble(double {text(operand)})"
        for place, operand in enumerate(operands)
    ]
    objects = "".join(f"ptr %{name}.o{place}, " for place in range(len(operands)))
    function = f"ptr inttoptr (i64 {id(python_function(op))} to ptr)"
    return [
        *lines,
        f"  %{name}.r = call ptr (ptr, ...) @PyObject_CallFunctionObjArgs({function}, {objects}ptr null)",
        *(f"  call void @Py_DecRef(ptr %{name}.o{place})" for place in range(len(operands))),
        f"  %{name}.f = icmp eq ptr %{name}.r, null",
        f"  br i1 %{name}.f, label %{name}.raised, label %{name}.came",
        f"{name}.raised:",
        f"  ret i32 {RAISED}",
        f"{name}.came:",
        f"  %{name} = call double @PyFloat_AsDouble(ptr %{name}.r)",
        f"  call void @Py_DecRef(ptr %{name}.r)",
    ]
