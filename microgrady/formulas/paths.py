"""The chain rule in words: the paths from a Value to the output, with the products along them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from microgrady.formulas.writing import in_parentheses, number_text
from microgrady.value import Value

# What is listed of many paths, and of a long one at its beginning and at its end.
LISTED_PATHS, LISTED_ENDS = 3, 4
MANY = 1_000_000


class Arrow(NamedTuple):
    """What leads from an operand to a result.

    Attributes:
        operand: Where it starts.
        result: Where it ends.
        partial: The local derivative of the result by the operand.
        selects: Whether a partial of zero is exact, and zero all around, as that of what rounds or selects.
    """

    operand: Value
    result: Value
    partial: float
    selects: bool

    def stops(self, adjoint: float, share: float) -> bool:
        """Return whether nothing goes back along it, whatever is on the way: a zero contributes zero.

        Args:
            adjoint: The derivative of the output by the result.
            share: What comes to the result.
        """
        return adjoint == 0.0 or share == 0.0 or (self.partial == 0.0 and self.selects)


class Paths:
    """The paths from each Value of a graph to the output.

    Args:
        order: The Values, operands before results; the last one is the output.
        arrows: The arrows between them, in the order of what they lead to.
        adjoints: The derivative of the output by each of them.
        names: What they are called.
        precision: Significant digits.

    Attributes:
        counts: How many paths there are from each of them, at most one more than `MANY`.
    """

    def __init__(
        self,
        order: Sequence[Value],
        arrows: Iterable[Arrow],
        adjoints: Mapping[Value, float],
        names: Mapping[Value, str],
        precision: int,
    ) -> None:
        self.output, self.adjoints, self.names, self.precision = order[-1], adjoints, names, precision
        self.arrows: dict[Value, list[Arrow]] = {value: [] for value in order}
        for arrow in arrows:
            self.arrows[arrow.operand].append(arrow)
        self.counts = {self.output: 1}
        for value in reversed(order[:-1]):
            self.counts[value] = min(sum(self.counts[arrow.result] for arrow in self.arrows[value]), MANY + 1)

    def in_words(self, value: Value) -> list[str]:
        """Say how the gradient of a Value comes about.

        Args:
            value: A Value of the graph.

        Returns:
            Sentences: how many paths there are, the first few with their products, and the sum.
        """
        start, end, count = self.names[value], self.names[self.output], self.counts[value]
        if value is self.output:
            return [f"{start} is the output, and its gradient is the seed: 1"]
        opening = f"One path leads from {start} to {end}. Its product of local derivatives is"
        if count > 1:
            opening = f"{in_figures(count).capitalize()} paths lead from {start} to {end}. "
            opening += "The sum of their products of local derivatives is"
        paths = list(islice(self.from_value(value), LISTED_PATHS))
        lines = [": ".join(self.product(path)) for path in paths]
        if count > 1:
            left = count if count > MANY else count - len(paths)
            others = f"… and {in_figures(left)} more, " if left else ""
            lines.append(f"{others}sum: {self.number(self.adjoints[value])}")
        return [f"{opening} the gradient of {start}:", *lines]

    def from_value(self, value: Value) -> Iterator[list[Arrow]]:
        """Yield the paths from a Value to the output, one after the other."""
        pending: list[list[Arrow]] = [[arrow] for arrow in reversed(self.arrows[value])]
        while pending:
            path = pending.pop()
            if path[-1].result is self.output:
                yield path
            pending.extend([*path, arrow] for arrow in reversed(self.arrows[path[-1].result]))

    def product(self, path: Sequence[Arrow]) -> tuple[str, str]:
        """Write the Values along a path, and the product of the local derivatives."""
        stations = [self.names[path[0].operand], *(self.names[arrow.result] for arrow in path)]
        factors = [self.number(arrow.partial) for arrow in path]
        share, remark = 1.0, ""
        for arrow in reversed(path):
            stops = arrow.stops(self.adjoints[arrow.result], share)
            share *= arrow.partial
            if stops and not math.isfinite(share):
                share, remark = 0.0, " (a zero contributes zero)"
        signed = [factors[0], *(in_parentheses(factor).text for factor in factors[1:])]
        equation = " · ".join(ends(signed)) + " = " if len(path) > 1 or remark else ""
        return " → ".join(ends(stations)), f"{equation}{self.number(share)}{remark}"

    def number(self, number: float) -> str:
        """Write a derivative, a zero without a sign."""
        return number_text(number + 0.0, self.precision)


def ends(texts: list[str]) -> list[str]:
    """Leave out the middle of a long list."""
    return texts if len(texts) <= 2 * LISTED_ENDS + 1 else [*texts[:LISTED_ENDS], "…", *texts[-LISTED_ENDS:]]


def in_figures(count: int) -> str:
    """Write how many there are, which may be more than anybody can read."""
    return f"{count:,}" if count <= MANY else f"more than {MANY:,}"
