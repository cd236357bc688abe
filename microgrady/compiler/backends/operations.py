"""Operations in the instructions of a backend."""

from __future__ import annotations

from microgrady.arithmetic.backend import Backend, Operand
from microgrady.inputs import describe
from microgrady.value import Primitive


def write_operation(op: Primitive, backend: Backend, *operands: Operand) -> Operand:
    """Write an operation that has a lowered form.

    Raises:
        TypeError: The form gives something else than an operand of the backend.
    """
    assert op.lower is not None
    result = op.lower(backend, *operands)
    if not isinstance(result, (str, float)):
        raise TypeError(
            f"the native of primitive {op.name!r} must give what a method of the backend gives, or a float, "
            f"not {describe(result)}"
        )
    return result
