"""The derivatives of several results of which most are zero: what is in between is eliminated from the graph.

A graph with the partial derivatives on its edges says how the results depend on the inputs. A vertex v between them is
eliminated when each of its operands p is joined to each vertex s that uses it, by an edge with the product of the two
partials, which adds to that of an edge that is there. In the end edges lead from inputs to results alone, and these are
the entries of the jacobian that are not zero by the structure of the graph (Griewank and Walther, "Evaluating
Derivatives", 2008, chapter 9).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

from microgrady.differentiation import share, through_origin
from microgrady.functions import fabs, greater, hypot, masked_product
from microgrady.masks import Masks, masked, masked_at, masks_behind, share_of_either_zero
from microgrady.tracing import recorders
from microgrady.value import Value, topological_order

# A hessian is the jacobian of the gradient. Two other ways to it were measured, by the operations that are left of what
# they record: sweeps along the gradient compressed by colouring (Curtis, Powell and Reid, 1974; star colouring for
# hessians), and edge pushing (Gower and Mello, "A new framework for the computation of Hessians", 2012).
#
#                                                elimination   edge pushing   colouring
#   Rosenbrock's function, 300 variables               3,886          3,886       4,633
#   a parameter 30 operations deep, for 300 terms      7,203         14,619       7,173
#   terms of five neighbours, 100 variables            9,783          9,208      11,286
#   springs between 100 points in a plane              4,354          3,562       5,843
#   20 small networks                                  2,242          1,748       2,451
#
# Edge pushing takes each edge through every operation of a long way, and serves hessians alone. For jacobians a forward
# sweep compressed by colouring does what an elimination from the inputs on does, and so takes long for a row that is
# full. Elimination was never far from the best one.

Vertex = int  # the identity of a node; from -1 downward the results, of which ~vertex is the number


class Elimination:
    """A graph whose vertices are eliminated until edges lead from inputs to results alone.

    Args:
        outputs: The results: Values and numbers.
        inputs: The Values to differentiate by.
        since: A mark. What was made before it is a constant.
        record: Whether the products are Values, recorded to be compiled, or floats.
        symmetric: Whether no entries are needed whose column is behind the number of the row.
    """

    def __init__(
        self, outputs: Sequence[Any], inputs: Sequence[Value], since: int, record: bool, symmetric: bool
    ) -> None:
        self._record, self._symmetric = record, symmetric
        self._column = {id(value): column for column, value in enumerate(inputs)}
        # For each vertex the vertices that use it, with the partial derivative of each of them by it.
        self._uses: dict[Vertex, dict[Vertex, Any]] = {}
        self._piecewise: set[Vertex] = set()  # those with an edge to them that may be zero all around
        for row, output in enumerate(outputs):
            if isinstance(output, Value):
                self._uses.setdefault(id(output), {})[~row] = 1.0
        order = topological_order(*(output for output in outputs if isinstance(output, Value)), since=since)
        self._masks: dict[Vertex, Masks] = masks_behind(order) if record and recorders else {}
        self._rest(self._sweep(order))

    def columns(self) -> Iterator[tuple[int, int, Any]]:
        """Yield the row, the column and the number of each entry that is not zero by structure, column by column."""
        for vertex, column in self._column.items():
            for use, partial in sorted(self._uses.get(vertex, {}).items(), reverse=True):
                yield ~use, column, partial

    def _active(self, order: list[Value]) -> set[Vertex]:
        """Return the inputs, and what depends on them."""
        active = set(self._column)
        for node in order:
            if (node._left is not None and id(node._left) in active and not _vanishes(node, 0)) or (
                node._right is not None and id(node._right) in active and not _vanishes(node, 1)
            ):
                active.add(id(node))
        return active

    def _sweep(self, order: list[Value]) -> list[Vertex]:
        """Eliminate what has one use, from the results on, which is the reverse pass; and return what has several."""
        active = self._active(order)
        kept: list[Vertex] = []
        for node in reversed(order):
            vertex = id(node)
            adjoints = self._uses.get(vertex)
            if adjoints is None or vertex not in active or vertex in self._column:
                continue
            # A hypot must meet the adjoints of which it is a factor, as what is recorded may be differentiated.
            if len(adjoints) > 1 and node._primitive is not hypot:
                kept.append(vertex)
                adjoints = {vertex: 1.0}
            else:
                del self._uses[vertex]
            if node._left is not None and id(node._left) in active:
                self._join(node, 0, node._left, adjoints)
            if node._right is not None and id(node._right) in active:
                self._join(node, 1, node._right, adjoints)
        return kept

    def _join(self, node: Value, position: int, operand: Value, adjoints: dict[Vertex, Any]) -> None:
        """Join an operand to what uses the node."""
        if _vanishes(node, position):
            return
        op = node._primitive
        assert op is not None
        if self._record:
            partial: Any = op.rules[position](node, *node.operands)
        else:
            partial = node._right_partial if position else node._left_partial
        if op.piecewise:
            self._piecewise.update(adjoints)
        for use, adjoint in adjoints.items():
            added = share(op, adjoint, partial)
            if self._record and op is hypot:
                added = through_origin(node, adjoint, operand, added)
            if self._masks:
                added = share_of_either_zero(op, adjoint, partial, added) if op.piecewise else added
                added = masked(added, self._masks, node)
            self._add(id(operand), use, added)

    def _add(self, vertex: Vertex, use: Vertex, partial: Any) -> None:
        """Add to the edge from a vertex to one that uses it."""
        if self._symmetric and use < 0 and self._column.get(vertex, -1) > ~use:
            return
        uses = self._uses.get(vertex)
        if uses is None:
            self._uses[vertex] = {use: partial}
        else:
            uses[use] = uses[use] + partial if use in uses else partial

    def _rest(self, kept: list[Vertex]) -> None:
        """Eliminate what has several uses, at each step what takes the fewest products (Markowitz's rule)."""
        uses, turn = self._uses, {vertex: position for position, vertex in enumerate(kept)}
        operands: dict[Vertex, dict[Vertex, None]] = {vertex: {} for vertex in kept}
        for vertex in (*kept, *self._column):
            for use in uses.get(vertex, ()):
                if use >= 0:
                    operands[use][vertex] = None
        waiting: list[tuple[int, int, Vertex]] = []
        changed: Sequence[Vertex] = kept
        while True:
            for vertex in changed:
                if vertex in operands:
                    heappush(waiting, (len(operands[vertex]) * len(uses[vertex]), turn[vertex], vertex))
            if not operands:
                return
            products, _, vertex = heappop(waiting)
            changed = ()
            if vertex in operands and products == len(operands[vertex]) * len(uses[vertex]):  # as it was when it came
                before, after = operands.pop(vertex), uses.pop(vertex)
                self._eliminate(vertex, before, after)
                for use in after:
                    if use >= 0:
                        del operands[use][vertex]
                        operands[use].update(before)
                changed = (*before, *after)

    def _eliminate(self, vertex: Vertex, before: dict[Vertex, None], after: dict[Vertex, Any]) -> None:
        """Join the operands of a vertex to what uses it."""
        for operand in before:
            partial = self._uses[operand].pop(vertex)
            for use, adjoint in after.items():
                product = self._product(vertex, adjoint, partial)
                if vertex in self._masks and isinstance(product, Value):
                    product = masked_at(product, self._masks, vertex)
                self._add(operand, use, product)
        if vertex in self._piecewise:
            self._piecewise.update(after)

    def _product(self, vertex: Vertex, adjoint: Any, partial: Any) -> Any:
        """Return adjoint * partial, where the partial is that of a vertex by what has become its operand.

        As in `differentiation.share`, an adjoint of zero contributes zero, and so does what is zero all around.
        """
        vanishing = vertex in self._piecewise
        if not isinstance(adjoint, Value) and not isinstance(partial, Value):
            zero = adjoint == 0.0 or (vanishing and partial == 0.0 and not math.isnan(adjoint))
            return 0.0 if zero else adjoint * partial
        if not isinstance(partial, Value) and (partial == 1.0 or math.isfinite(partial)):
            return adjoint if partial == 1.0 else adjoint * partial
        if not isinstance(adjoint, Value) and adjoint == 1.0:
            return partial
        product = masked_product(adjoint, partial)
        if vanishing:
            product = masked_product(masked_product(_is_not_zero(adjoint), _is_not_zero(partial)), product)
        return product


def _vanishes(node: Value, position: int) -> bool:
    """Return whether a partial is zero whatever the numbers are, such as that of floor."""
    op = node._primitive
    if op is None:  # a leaf, which has no operands
        return True
    if not op.piecewise or (node._right_partial if position else node._left_partial) != 0.0:
        return False
    return not isinstance(op.rules[position](node, *node.operands), Value)


def _is_not_zero(number: Any) -> Any:
    """Return 0 for zero, nan for nan, else 1."""
    return 1.0 - greater(math.ulp(0.0), fabs(number))
