"""Which derivatives are zero as `where` has not selected what they are of: nothing comes of them, at any order.

A product of derivatives is recorded as zero where one factor is zero that comes from above. Its own derivative by the
other factor is that zero again, but nan may come from above. If it is a zero only at this point, nan is right. It is
not if the zero comes of a mask, and so is one all around.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microgrady.functions import (
    add,
    argument,
    dropped,
    equal,
    instead,
    kept,
    less,
    less_equal,
    masked_product,
    maximum,
    mul,
    neg,
    selected,
    sub,
)
from microgrady.value import Primitive, Value

# Masks, each with whether a number is zero where the mask is, or else where it is 1.
Masks = tuple[tuple[Value, bool], ...]

_COMPARISONS = {less, less_equal, equal}
_LIKE_THE_FIRST = {neg, selected, argument, instead, masked_product}
_MOST = 8  # masks of one number that are looked at


def masks_behind(order: Sequence[Value]) -> dict[int, Masks]:
    """Return for the results that are zero where masks are which masks these are, by identity.

    Args:
        order: The results, operands first.
    """
    found: dict[int, Masks] = {}
    masks: set[int] = set()
    if not any(node._primitive in _COMPARISONS for node in order):
        return found
    for node in order:
        op, left, right = node._primitive, node._left, node._right
        if op in _COMPARISONS or (op in (mul, maximum) and id(left) in masks and id(right) in masks):
            masks.add(id(node))
            found[id(node)] = ((node, True),)
        elif op is sub and left is None and node._left_partial == 1.0 and id(right) in masks:
            assert right is not None
            masks.add(id(node))
            is_plain = found[id(right)][0][0] is right  # and not the opposite of a mask, too
            found[id(node)] = ((right, False),) if is_plain else ((node, True),)
        elif op in (kept, dropped) and left is not None:
            found[id(node)] = _joined(((left, op is kept),), found.get(id(right), ()))
        elif op is masked_product and id(left) in masks:  # and so not infinite
            found[id(node)] = _joined(found[id(left)], found.get(id(right), ()))
        elif op in _LIKE_THE_FIRST or (op is mul and right is None):
            _note(found, node, found.get(id(left), ()))
        elif op is mul and left is None:
            _note(found, node, found.get(id(right), ()))
        elif op in (add, sub):
            _note(found, node, _common(found, node))
    return found


def _note(found: dict[int, Masks], node: Value, masks: Masks) -> None:
    if masks:
        found[id(node)] = masks


def _joined(these: Masks, those: Masks) -> Masks:
    known = [(id(mask), outcome) for mask, outcome in these]
    return (*these, *(pair for pair in those if (id(pair[0]), pair[1]) not in known))[:_MOST]


def _common(found: dict[int, Masks], node: Value) -> Masks:
    """Return the masks of both terms, of which a number may be one if it is 0."""
    if node._left is None or node._right is None:
        number, term = (node._left_partial, node._right) if node._left is None else (node._right_partial, node._left)
        return found.get(id(term), ()) if number == 0.0 else ()
    first, second = found.get(id(node._left), ()), found.get(id(node._right), ())
    known = [(id(mask), outcome) for mask, outcome in second]
    return tuple(pair for pair in first if (id(pair[0]), pair[1]) in known)


def masked(number: Any, masks: dict[int, Masks], node: Value) -> Any:
    """Return what comes from above to a result, or along with it, as zero where a mask makes the result zero."""
    return masked_at(number, masks, id(node)) if isinstance(number, Value) else number


def masked_at(number: Value, masks: dict[int, Masks], identity: int) -> Value:
    """Return the same for a result of which the identity is given."""
    for mask, outcome in masks.get(identity, ()):
        number = (kept if outcome else dropped)(mask, number)
    return number


def share_of_either_zero(op: Primitive, adjoint: Any, partial: Any, share: Any) -> Any:
    """Return the share of a piecewise operation's operand so that a zero, of adjoint or partial, stays zero beside nan.

    Where a number has not been selected its adjoint is zero, and the number may be nan, and so the partial.
    """
    if op in (kept, dropped) or not (isinstance(adjoint, Value) and isinstance(partial, Value)):
        return share
    return dropped(equal(partial, 0.0), masked_product(adjoint, partial))
