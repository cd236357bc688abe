"""The forward pass: along with the numbers of a record go their derivatives in one direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from microgrady.differentiation import FACTORS, divided
from microgrady.functions import add, div, fabs, hypot, instead, masked_product, mul, neg, sign, sub
from microgrady.introspection import name_of
from microgrady.masks import masked, masks_behind
from microgrady.selection import Selection
from microgrady.traced import Traced, as_value
from microgrady.tracing import recorders
from microgrady.trees import flatten
from microgrady.value import Primitive, Value, stays_zero, topological_order


def value_and_tangent(
    function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return what a function gives, and its derivative along the vector behind its arguments."""
    if len(args) + len(kwargs) < 2 or not args:
        raise TypeError(f"jvp takes the arguments of {name_of(function)} and then the vector")
    *point, vector = args
    run = Traced("jvp", function, selection, tuple(point), kwargs)
    direction = run.structure.numbers_of(vector, "the vector of jvp", "the argument")
    outputs, rows = flatten(run.output, f"the result of {run.name}", none=run.structure.has_none)
    connected = run.is_connected(*outputs)
    recorded = connected or any(isinstance(number, Value) for number in direction)
    order = topological_order(*(output for output in outputs if isinstance(output, Value)), since=run.since)
    tangents: dict[int, Any] = dict(zip(map(id, run.inputs), direction, strict=True))
    if recorded:
        _RecordedPass(tangents).run(order)
        found: list[Any] = [as_value(tangents.get(id(output), 0.0)) for output in outputs]
    else:
        _run(order, tangents)
        found = [_tangent(output, tangents) if isinstance(output, Value) else 0.0 for output in outputs]
    return run.with_aux(run.value(outputs, rows, connected), rows.rebuild(found))


def _run(order: list[Value], tangents: dict[int, Any]) -> None:
    """Give all results their tangents, as floats, in the place of gradients.

    Args:
        order: The results, operands first. Nobody else has them.
        tangents: Those of the inputs, by identity. Other leaves have none.
    """
    for node in order:
        if node._primitive is not None:
            tangent = 0.0
            if node._left is not None:
                tangent = _added(node, _tangent(node._left, tangents), node._left_partial)
            if node._right is not None:
                tangent += _added(node, _tangent(node._right, tangents), node._right_partial)
            node._grad = tangent


def _tangent(node: Value, tangents: dict[int, Any]) -> float:
    return node._grad if node._primitive is not None else tangents.get(id(node), 0.0)


def _added(node: Value, along: float, partial: float) -> float:
    """Return what the tangent of an operand adds to that of a result."""
    added = along * partial
    return 0.0 if added != added and _stays_zero(along, partial, node._primitive) else added


def _stays_zero(along: float, partial: float, op: Primitive | None) -> bool:
    """Return whether a product is zero also where the other factor is infinite.

    In the reverse pass it is the adjoint that may be zero where a partial is infinite. What would be an adjoint there
    is a partial here.
    """
    return stays_zero(along, partial, op) or (partial == 0.0 and not math.isnan(along))


def _share(op: Primitive, along: Any, partial: Any) -> Any:
    """Return the product of a tangent and a partial, recorded so that a zero stays zero as `_stays_zero` says."""
    sure_along, sure_partial = (math.nan if isinstance(number, Value) else number for number in (along, partial))
    if sure_along == 0.0 or (sure_partial == 0.0 and op.piecewise):
        return 0.0
    if sure_along == 1.0:
        return partial
    if sure_partial == 1.0 and op is not mul:  # as in `differentiation.share`
        return along
    if isinstance(along, Value) and isinstance(partial, Value) and op.singular:
        factors = masked_product(sign(along), sign(partial))  # 0 where one of them is
        return masked_product(fabs(factors), along * partial)
    return masked_product(partial, along)


class _RecordedPass:
    """A forward pass in Values: each share is recorded, so that it has derivatives of its own.

    Args:
        tangents: Those of the inputs, by identity. Those of the results are added.
    """

    def __init__(self, tangents: dict[int, Any]) -> None:
        self.tangents = tangents
        # By the identity of its tangent: a hypot, the tangent, and the product of both, without the quotient in it that
        # has no slope at the origin.
        self._hypots: dict[int, tuple[Value, Value, Any]] = {}

    def run(self, order: list[Value]) -> None:
        """Add the tangents of all results."""
        masks = masks_behind(order) if recorders else {}
        for node in order:
            op = node._primitive
            if op is None or id(node) in self.tangents:  # an input
                continue
            tangent = None
            for rule, _, along in self._along(node):
                partial = rule(node, *node.operands)
                added = _share(op, along, partial)
                smooth = self._through_origin(partial, along)
                added = added if smooth is None else instead(added, smooth)
                tangent = added if tangent is None else tangent + added
            if masks and op is masked_product:
                tangent = masked(tangent, masks, node)
            if tangent is not None:
                self.tangents[id(node)] = tangent
                if op is hypot and isinstance(tangent, Value):
                    self._hypots[id(tangent)] = node, tangent, self._moment(node)

    def _along(self, node: Value) -> Iterator[tuple[Callable[..., Any], Value, Any]]:
        """Yield the operands that have a tangent, with the rule for the partial before and the tangent behind."""
        assert node.op is not None
        for rule, operand in zip(node.op.rules, node.operands, strict=True):
            along = self.tangents.get(id(operand)) if isinstance(operand, Value) else None
            if isinstance(operand, Value) and along is not None:
                yield rule, operand, along

    def _moment(self, node: Value) -> Any:
        """Return the product of a hypot and its tangent."""
        total: Any = 0.0
        for _, operand, along in self._along(node):
            smooth = self._through_origin(operand, along)
            total = total + (masked_product(along, operand) if smooth is None else smooth)
        return total

    def _through_origin(self, factor: Any, tangent: Any) -> Any:
        """Return the product of two numbers where a hypot in one cancels against its tangent in the other; else None.

        The tangent of a hypot has no slope at the origin, but the product of both has one, as the square has.
        """
        if not self._hypots or not isinstance(factor, Value):
            return None
        for node, own, moment in self._hypots_behind(tangent, [FACTORS]):
            rest = divided(factor, node, [FACTORS])
            product = None if rest is None else _replaced(tangent, own, moment, node, [FACTORS])
            if product is not None:
                return rest * product
        return None

    def _hypots_behind(self, tangent: Any, left: list[int]) -> Iterator[tuple[Value, Value, Any]]:
        """Yield the hypots whose tangents are among the factors of the terms of a number."""
        left[0] -= 1
        if left[0] < 0 or not isinstance(tangent, Value):
            return
        if id(tangent) in self._hypots:
            yield self._hypots[id(tangent)]
        elif tangent.op is instead:
            yield from self._hypots_behind(tangent.operands[1], left)
        elif tangent.op in (*_PRODUCTS, *_SUMS):
            for operand in tangent.operands:
                yield from self._hypots_behind(operand, left)


_PRODUCTS, _SUMS = (mul, masked_product, div), (add, sub, neg)


def _replaced(tangent: Any, own: Value, moment: Any, node: Value, left: list[int]) -> Any:
    """Return the product of a hypot and a number that has its own tangent among its factors; None if it has not.

    Args:
        tangent: The number.
        own: The tangent of the hypot.
        moment: The product of the hypot and its own tangent.
        node: The hypot.
        left: How many operations may be looked at.
    """
    left[0] -= 1
    if tangent is own:
        return moment
    if left[0] < 0 or not isinstance(tangent, Value):
        return None
    op, operands = tangent.op, tangent.operands
    if op is instead:
        return _replaced(operands[1], own, moment, node, left)
    found = [_replaced(operand, own, moment, node, left) for operand in operands if op in (*_PRODUCTS, *_SUMS)]
    if all(each is None for each in found):
        return None
    if op in _SUMS:
        terms = [node * operand if each is None else each for each, operand in zip(found, operands, strict=True)]
        return op(*terms)
    if found[0] is None:
        return None if op is div else operands[0] * found[1]
    return found[0] / operands[1] if op is div else found[0] * operands[1]
