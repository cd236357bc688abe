"""Where a nan or an infinity came from, and where a zero hid one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from microgrady import functions
from microgrady.formulas.writing import PYTHON, Level, Written
from microgrady.inputs import FLOAT_DIGITS, describe
from microgrady.tracebacks import entrance
from microgrady.value import Value, topological_order


@dataclass(frozen=True)
class Anomaly:
    """An operation that made a nan or an infinity out of finite operands, or whose infinite slope met a zero.

    Attributes:
        node: The result that is not finite, or has a local derivative that is not.
        message: Which operation it was, what it was given and what it made.
    """

    node: Value
    message: str

    def __str__(self) -> str:
        return self.message


@entrance
def find_anomaly(output: Value, partials: bool = False) -> Anomaly | None:
    """Return the first operation behind `output` that made a nan or an infinity out of finite operands.

    If there is none, return the first one whose infinite slope met a derivative of zero from above. Such a zero
    stays zero, which is right for `where(x > 0, sqrt(x), 0.0)`; but for `sqrt(x)**2` at 0 the limit is 1. A zero
    that is exact, from a constant factor 0 or from `floor`, does not count.

    Args:
        output: The result to explain. No `grad` behind it is read or written.
        partials: Whether to look for local derivatives that are not finite, too: those that make the
            gradient infinite or nan while all values are finite.

    Returns:
        The operation, in the order of computation; None if there is none. A leaf that is itself not
        finite is not an operation.

    Raises:
        TypeError: `output` is not a Value.

    Example:
        >>> import microgrady as mg
        >>> x = Value(0.0, "x")
        >>> print(mg.find_anomaly(mg.exp(mg.log(x)) + 1.0))
        log(x = 0) is -inf
        >>> print(mg.find_anomaly(mg.sqrt(x), partials=True))
        the derivative of sqrt(x = 0) by its operand is inf
        >>> print(mg.find_anomaly(mg.sqrt(x) ** 2))
        0 * inf counts as 0 where the slope of sqrt(x = 0) meets that of 0**2: the limit may differ
    """
    if not isinstance(output, Value):
        raise TypeError(f"find_anomaly takes a Value, not {describe(output)}")
    order = topological_order(output)
    for node in order:
        numbers = [_number(operand) for operand in node.operands]
        if node.op is None or not all(map(math.isfinite, numbers)):
            continue
        if not math.isfinite(node.data):
            return Anomaly(node, f"{_call(node)} is {node.data}")
        for position, partial in enumerate(node.partials):
            if partials and not math.isfinite(partial):
                which = "its operand" if len(numbers) == 1 else f"operand {position}"
                return Anomaly(node, f"the derivative of {_call(node)} by {which} is {partial}")
    return _hidden(output, order) if math.isfinite(output.data) else None


def _hidden(output: Value, order: list[Value]) -> Anomaly | None:
    """Return the first operation whose infinite slope was hidden by a zero from above."""
    adjoints = {output: 1.0}
    zeros: dict[Value, Value] = {}  # for what gets a zero, the operation that it comes from
    found = None
    for node in reversed(order):
        adjoint = adjoints.get(node)
        if adjoint is None:
            continue
        for operand, partial in zip(node.operands, node.partials, strict=True):
            if not isinstance(operand, Value):
                continue
            if partial == 0.0 and _is_constant(node):
                if not math.isfinite(adjoint) and _is_kink(node):
                    met = f"a kink of {_call(node)} has slope 0 and meets {adjoint}"
                    found = Anomaly(node, f"0 * {adjoint} counts as 0 where {met}: the limit may differ")
                continue
            share = adjoint * partial
            if adjoint == 0.0 and not math.isfinite(partial):
                above = f"meets that of {_call(zeros[node])}" if node in zeros else "meets derivatives that cancel"
                met = f"the slope of {_call(node)} {above}"
                found = Anomaly(node, f"0 * {partial} counts as 0 where {met}: the limit may differ")
                share = 0.0
            adjoints[operand] = adjoints.get(operand, 0.0) + share
            if share == 0.0:
                zeros[operand] = zeros.get(node, node) if adjoint == 0.0 else node
    return found


def _is_kink(node: Value) -> bool:
    """Return whether an operation of one operand has the slope zero at the point, but not beside it."""
    if node.op is None or len(node.operands) != 1:
        return False
    place = _number(node.operands[0])
    sides = [math.nextafter(place, end) for end in (-math.inf, math.inf)]
    return any(node.op.slope(node.op.evaluate(side), side) != 0.0 for side in sides)


def _is_constant(node: Value) -> bool:
    """Return whether a slope of zero holds around the point, too.

    So it does for a function of steps, and for a constant factor or exponent 0.
    """
    if node.op in (functions.mul, functions.div, functions.pow):
        return any(operand == 0.0 for operand in node.operands if not isinstance(operand, Value))
    return node.op is not None and node.op.piecewise


def _call(node: Value) -> str:
    assert node.op is not None
    return PYTHON.apply(node.op, list(map(_written, node.operands))).text


def _number(operand: Value | float) -> float:
    return operand.data if isinstance(operand, Value) else operand


def _written(operand: Value | float) -> Written:
    number = PYTHON.number(_number(operand), FLOAT_DIGITS)
    if isinstance(operand, Value) and operand.label:
        return Written(f"{operand.label} = {number.text}", Level.NOT)
    return number
