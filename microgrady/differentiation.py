"""The reverse pass in Values: what it calculates is recorded, and so can be differentiated and compiled."""

from __future__ import annotations

import math as libm  # where this module is compiled, the C library itself (see differentiation.pxd)
from typing import Any

from microgrady.functions import add, div, hypot, instead, masked_product, mul, neg, sub
from microgrady.masks import masked, masks_behind, share_of_either_zero
from microgrady.tracing import recorders
from microgrady.value import Primitive, Value, stays_zero, topological_order

_NAN = float("nan")
_NOTHING = float("0")  # the adjoint of what a rule lets nothing through to, which no number of a user's is
_SEED = 1.0  # the adjoint of the output, and of what is added up to it


def differentiate(output: Value, inputs: list[Value], since: int = 0) -> list[Any]:
    """Run the reverse pass in Values: each share is recorded, so that it has derivatives of its own."""
    order = topological_order(output, since=since)
    active = _active(order, inputs)
    adjoints: dict[int, Any] = {id(output): _SEED} if id(output) in active else {}
    masks = masks_behind(order) if recorders else {}
    for node in reversed(order):
        if node._primitive is None:  # leaves come first
            break
        adjoint = adjoints.get(id(node))
        if adjoint is None:
            continue
        if not still_follows(node):
            raise _outdated(node)
        if masks and node._primitive is masked_product:
            adjoint = masked(adjoint, masks, node)
        if node._left is not None and id(node._left) in active:
            _add_share(adjoints, node, adjoint, node._left, 0, bool(masks))
        if node._right is not None and id(node._right) in active:
            _add_share(adjoints, node, adjoint, node._right, 1, bool(masks))
    return [adjoints.get(id(value), 0.0) for value in inputs]


def refers_back(outputs: list[Value], since: int) -> bool:
    """Return whether results depend on Values that were made before a mark was drawn."""
    for node in (*outputs, *topological_order(*outputs, since=since)):
        left, right = node._left, node._right
        if (
            node._mark < since
            or (left is not None and left._mark < since)
            or (right is not None and right._mark < since)
        ):
            return True
    return False


def _active(order: list[Value], inputs: list[Value]) -> set[int]:
    """Return the inputs and what depends on them, by identity: to hash a Value takes long in a recording."""
    active = {id(value) for value in inputs}
    for node in order:
        if (node._left is not None and id(node._left) in active) or (
            node._right is not None and id(node._right) in active
        ):
            active.add(id(node))
    return active


def _add_share(
    adjoints: dict[int, Any], node: Value, adjoint: Any, operand: Value, position: int, has_masks: bool
) -> None:
    """Add to the adjoint of an operand what it gets of a result's adjoint."""
    op = node._primitive
    assert op is not None
    left = node._left_partial if node._left is None else node._left
    if len(op.rules) == 1:
        partial = op.rules[0](node, left)
    else:
        partial = op.rules[position](node, left, node._right_partial if node._right is None else node._right)
    added = share(op, adjoint, partial)
    if op is hypot:
        added = through_origin(node, adjoint, operand, added)
    elif has_masks and op.piecewise:
        added = share_of_either_zero(op, adjoint, partial, added)
    before = adjoints.get(id(operand))
    adjoints[id(operand)] = added if before is None or before is added is _NOTHING else before + added


def share(op: Primitive, adjoint: Any, partial: Any) -> Any:
    """Return adjoint * partial, recorded so that a zero stays zero as it does in `reverse_pass`."""
    # What is not a Value is the same number whenever the record is evaluated; of a Value nothing is sure.
    sure_adjoint = _NAN if type(adjoint) is Value else adjoint
    sure_partial = _NAN if type(partial) is Value else partial
    if adjoint is _NOTHING or (sure_partial == 0.0 and op.piecewise):
        return _NOTHING
    # Data to multiply by may be 0 or 1 in one turn of a loop and not in the next: these are recorded alike.
    is_alike = bool(recorders) and (type(adjoint) is Value or type(partial) is Value)
    if sure_partial == 1.0 and op is not mul:
        return adjoint
    if adjoint is _SEED or (sure_adjoint == 1.0 and not is_alike):
        return partial
    is_zero = stays_zero(sure_adjoint, sure_partial, op) or (sure_partial == 0.0 and libm.isfinite(sure_adjoint))
    if is_zero and (op.piecewise or not is_alike):
        return 0.0
    if op.piecewise:
        return masked_product(partial, adjoint)
    # What is recorded must also hold for numbers that are not finite now.
    finite = not recorders and libm.isfinite(partial._number) if type(partial) is Value else libm.isfinite(partial)
    return masked_product(adjoint, partial) if op.singular or not finite else adjoint * partial


def through_origin(node: Value, adjoint: Any, operand: Value, share: Any) -> Any:
    """Return the share of an operand of hypot, with derivatives that hold at the origin, too.

    There `adjoint * operand / node` is 0 times an infinite slope. Where the node is a factor of its adjoint, as
    it is under a square, it can be taken out.
    """
    factor = divided(adjoint, node, [FACTORS])
    return share if factor is None else instead(share, factor * operand)


FACTORS = 64  # how many operations may be looked at for a factor


def _same(a: Any, b: Any, left: list[int]) -> bool:
    """Return whether two operands are one, or results of the same operations on the same operands."""
    left[0] -= 1
    if a is b or left[0] < 0:
        return a is b
    if not (isinstance(a, Value) and isinstance(b, Value)):
        return isinstance(a, float) and isinstance(b, float) and a == b
    if a.op is None or a.op is not b.op:
        return False
    return all(_same(first, second, left) for first, second in zip(a.operands, b.operands, strict=True))


def divided(product: Any, node: Value, left: list[int]) -> Any:
    """Return product / node, if `node` is a factor of the product; else None."""
    if _same(product, node, left):
        return 1.0
    if left[0] < 0 or not isinstance(product, Value) or product.op is None:
        return None
    op, operands = product.op, product.operands
    if op is instead:
        return divided(operands[1], node, left)
    if op in (mul, masked_product, div):
        for position in reversed(range(1 if op is div else 2)):
            found = divided(operands[position], node, left)
            if found is not None:
                other = operands[1 - position]
                return found / other if op is div else found * other
        return None
    found_all: list[Any] = [divided(operand, node, left) for operand in operands] if op in (add, sub, neg) else [None]
    if any(found is None for found in found_all):
        return None
    return op(*found_all)


def still_follows(node: Value) -> bool:
    """Return whether a result and its partials are what its operands give, and not what a leaf gave before a change."""
    left, right = node._left, node._right
    if (left is None or left._primitive is not None) and (right is None or right._primitive is not None):
        return True  # only leaves change
    op = node._primitive
    assert op is not None
    a = node._left_partial if left is None else left._number
    b = node._right_partial if right is None else right._number
    numbers = (a, b)[: len(op.rules)]
    try:
        y = float(op.evaluate(*numbers))
        return (
            _is_same_number(y, node._number)
            and (left is None or _is_same_number(float(op.rules[0](y, *numbers)), node._left_partial))
            and (right is None or _is_same_number(float(op.rules[1](y, *numbers)), node._right_partial))
        )
    except (ArithmeticError, ValueError):  # an operation of a user's may raise for what the leaf is now
        return False


def _is_same_number(a: float, b: float) -> bool:
    """Return whether two numbers are equal; nan counts as equal to nan."""
    return a == b or (a != a and b != b)


def _outdated(node: Value) -> RuntimeError:
    """Return the error for a result whose rules, which read the operands, would now see others than were recorded."""
    leaves = [operand for operand in (node._left, node._right) if operand is not None and operand._primitive is None]
    names = " or ".join(dict.fromkeys(repr(leaf.label) if leaf.label else repr(leaf) for leaf in leaves))
    return RuntimeError(
        f"the data of leaf {names} was assigned after {node!r} was computed from it: compute the graph anew"
    )
