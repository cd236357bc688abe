"""The reverse pass in Values: what it calculates is recorded, and so can be differentiated and compiled."""

from __future__ import annotations

import math
from typing import Any

from microgrady.functions import add, div, hypot, instead, masked_product, mul, neg, sub
from microgrady.inputs import same_numbers
from microgrady.tracing import recorders
from microgrady.value import Value, stays_zero, topological_order


def differentiate(output: Value, inputs: list[Value], since: int = 0) -> list[Any]:
    """Run the reverse pass in Values: each share is recorded, so that it has derivatives of its own."""
    order = topological_order(output, since=since)
    # By identity: to hash a Value takes long while a function is recorded.
    active = set(map(id, inputs))
    for node in order:
        if not active.isdisjoint(map(id, node.operands)):
            active.add(id(node))
    adjoints: dict[int, Any] = {id(output): 1.0} if id(output) in active else {}
    for node in reversed(order):
        adjoint = adjoints.get(id(node))
        if node.op is None or adjoint is None:
            continue
        _require_current(node)
        operands = node.operands
        for rule, operand in zip(node.op.rules, operands, strict=True):
            key = id(operand)
            if isinstance(operand, Value) and key in active:
                share = _share(node, adjoint, rule(node, *operands))
                if node.op is hypot:
                    share = _through_origin(node, adjoint, operand, share)
                adjoints[key] = adjoints[key] + share if key in adjoints else share
    return [adjoints.get(id(value), 0.0) for value in inputs]


def _share(node: Value, adjoint: Any, partial: Any) -> Any:
    """Return adjoint * partial, recorded so that a zero stays zero as it does in `reverse_pass`."""
    assert node.op is not None
    # What is not a Value is the same number whenever the record is evaluated; of a Value nothing is sure.
    sure_adjoint, sure_partial = (math.nan if isinstance(number, Value) else number for number in (adjoint, partial))
    if sure_partial == 1.0:
        return adjoint
    if stays_zero(sure_adjoint, sure_partial, node.op) or (sure_partial == 0.0 and math.isfinite(sure_adjoint)):
        return 0.0
    if sure_adjoint == 1.0:
        return partial
    if node.op.piecewise:
        return masked_product(partial, adjoint)
    # What is recorded must also hold for numbers that are not finite now.
    finite = not recorders and math.isfinite(partial._number) if isinstance(partial, Value) else math.isfinite(partial)
    return masked_product(adjoint, partial) if node.op.singular or not finite else adjoint * partial


def _through_origin(node: Value, adjoint: Any, operand: Value, share: Any) -> Any:
    """Return the share of an operand of hypot, with derivatives that hold at the origin, too.

    There `adjoint * operand / node` is 0 times an infinite slope. Where the node is a factor of its adjoint, as
    it is under a square, it can be taken out.
    """
    factor = _divided(adjoint, node, [_FACTORS])
    return share if factor is None else instead(share, factor * operand)


_FACTORS = 64  # how many operations may be looked at for a factor


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


def _divided(product: Any, node: Value, left: list[int]) -> Any:
    """Return product / node, if `node` is a factor of the product; else None."""
    if _same(product, node, left):
        return 1.0
    if left[0] < 0 or not isinstance(product, Value) or product.op is None:
        return None
    op, operands = product.op, product.operands
    if op is instead:
        return _divided(operands[1], node, left)
    if op in (mul, masked_product, div):
        for position in (1, 0) if op is not div else (0,):
            found = _divided(operands[position], node, left)
            if found is not None:
                other = operands[1 - position]
                return found / other if op is div else found * other
        return None
    found_all: list[Any] = [_divided(operand, node, left) for operand in operands] if op in (add, sub, neg) else [None]
    if any(found is None for found in found_all):
        return None
    return op(*found_all)


def still_follows(node: Value) -> bool:
    """Return whether a result and its partials are what its operands give, and not what a leaf gave before a change."""
    assert node.op is not None
    for operand in node.operands:
        if isinstance(operand, Value) and operand.op is None:
            break
    else:  # only leaves change
        return True
    numbers = [operand._number if isinstance(operand, Value) else operand for operand in node.operands]
    partials = (node._left_partial, node._right_partial)
    then = [node._number]
    try:
        now = [float(node.op.evaluate(*numbers))]
        for rule, operand, partial in zip(node.op.rules, node.operands, partials, strict=False):
            if isinstance(operand, Value):
                then.append(partial)
                now.append(float(rule(now[0], *numbers)))
    except (ArithmeticError, ValueError):  # an operation of a user's may raise for what the leaf is now
        return False
    return same_numbers(then, now)


def _require_current(node: Value) -> None:
    """Raise if the rules, which read the operands, would now see others than were recorded."""
    if still_follows(node):
        return
    leaves = [operand for operand in node.operands if isinstance(operand, Value) and operand.op is None]
    names = " or ".join(dict.fromkeys(repr(leaf.label) if leaf.label else repr(leaf) for leaf in leaves))
    raise RuntimeError(
        f"the data of leaf {names} was assigned after {node!r} was computed from it: compute the graph anew"
    )
