"""Where a nan or an infinity came from."""

from __future__ import annotations

import math
from dataclasses import dataclass

from microgrady.inputs import describe
from microgrady.value import Value, topological_order


@dataclass(frozen=True)
class Anomaly:
    """An operation that made a nan or an infinity out of finite operands.

    Attributes:
        node: The result that is not finite, or has a local derivative that is not.
        message: Which operation it was, what it was given and what it made.
    """

    node: Value
    message: str

    def __str__(self) -> str:
        return self.message


def find_anomaly(output: Value, partials: bool = False) -> Anomaly | None:
    """The first operation behind `output` that made a nan or an infinity out of finite operands.

    Args:
        output: The result to explain.
        partials: Whether to look for local derivatives that are not finite, too: those that make the
            gradient infinite or nan while all values are finite.

    Returns:
        The operation, in the order of computation; None if there is none. A leaf that is itself not
        finite is no operation.

    Raises:
        TypeError: `output` is no Value.

    Example:
        >>> import microgrady as mg
        >>> x = Value(0.0, "x")
        >>> print(mg.find_anomaly(mg.exp(mg.log(x)) + 1.0))
        log(x = 0.0) is -inf
        >>> print(mg.find_anomaly(mg.sqrt(x), partials=True))
        the derivative of sqrt(x = 0.0) by its operand is inf
    """
    if not isinstance(output, Value):
        raise TypeError(f"find_anomaly takes a Value, not {describe(output)}")
    for node in topological_order(output):
        if node.op is None:
            continue
        operands = [operand.data if isinstance(operand, Value) else operand for operand in node.operands]
        if not all(map(math.isfinite, operands)):
            continue
        call = f"{node.op.name}({', '.join(map(_written, node.operands))})"
        if not math.isfinite(node.data):
            return Anomaly(node, f"{call} is {node.data}")
        for position, partial in enumerate(node.partials):
            if partials and not math.isfinite(partial):
                which = "its operand" if len(operands) == 1 else f"operand {position}"
                return Anomaly(node, f"the derivative of {call} by {which} is {partial}")
    return None


def _written(operand: Value | float) -> str:
    if isinstance(operand, Value):
        return f"{operand.label} = {operand.data!r}" if operand.label else repr(operand.data)
    return repr(operand)
