"""Operations that machine code leaves to Python.

It calls them by CPython's own interface, so that what the function raises, or a signal handler in it, ends the machine
code and comes out of the call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from microgrady.arithmetic.backend import Operand
from microgrady.compiler.backends.llvm import LLVMBackend
from microgrady.value import Primitive

RAISED = -1  # what `run` returns then


@functools.cache  # kept for ever, as machine code may call it at any time
def python_function(op: Primitive) -> Callable[..., float]:
    """Return what machine code calls for a primitive: its value, as a float."""

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


def emit_callback(backend: LLVMBackend, op: Primitive, name: str, operands: Sequence[Operand]) -> str:
    """Write the LLVM IR that calls a primitive's value, or else returns `RAISED` from the function that it stands in.

    Args:
        backend: Where to append.
        op: The primitive.
        name: What the names of variables and blocks begin with; `%name` is the result.
        operands: What to call it with.

    Returns:
        The variable of the result.

    Raises:
        NotImplementedError: The backend works on vectors, which Python's functions do not take.
    """
    if backend.element.width > 1:
        raise NotImplementedError(f"{op.name} is computed by Python, which takes one number at a time")
    objects = "".join(f"ptr %{name}.o{place}, " for place in range(len(operands)))
    function = f"ptr inttoptr (i64 {id(python_function(op))} to ptr)"
    backend.lines += [
        *(
            f"  %{name}.o{place} = call ptr @PyFloat_FromDouble(double {backend.text(operand)})"
            for place, operand in enumerate(operands)
        ),
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
    return f"%{name}"
