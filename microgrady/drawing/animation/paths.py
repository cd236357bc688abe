"""The chain rule in words: the paths from a Value to the output, with the products along them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from microgrady.value import Value, stays_zero

# What is listed of many paths, and of a long one at its beginning and at its end.
LISTED_PATHS, LISTED_ENDS = 3, 4
MANY = 1_000_000


@dataclass(frozen=True)
class Arrow:
    """An arrow of the picture from an operand to a result, with the local derivative."""

    result: Value
    partial: float


class Paths:
    """The paths from each Value of a graph to the output.

    Args:
        order: The Values, operands before results, with `grad` as one backward pass has left it.
        names: What they are called.
        precision: Significant digits.
    """

    def __init__(self, order: list[Value], names: Mapping[Value, str], precision: int) -> None:
        self.output, self.names, self.precision = order[-1], names, precision
        self.arrows: dict[Value, list[Arrow]] = {value: [] for value in order}
        for result in order:
            for operand, partial in zip(result.operands, result.partials, strict=True):
                if isinstance(operand, Value):
                    self.arrows[operand].append(Arrow(result, partial))
        self.counts = {self.output: 1}
        for value in reversed(order[:-1]):
            self.counts[value] = sum(self.counts[arrow.result] for arrow in self.arrows[value])

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
        lines = [self.product(value, path) for path in paths]
        if count > 1:
            others = f"… and {in_figures(count - len(paths))} more, " if count > len(paths) else ""
            lines.append(f"{others}sum: {value.grad:.{self.precision}g}")
        return [f"{opening} the gradient of {start}:", *lines]

    def from_value(self, value: Value) -> Iterator[list[Arrow]]:
        """Yield the paths from a Value to the output, one after the other."""
        pending: list[list[Arrow]] = [[arrow] for arrow in reversed(self.arrows[value])]
        while pending:
            path = pending.pop()
            if path[-1].result is self.output:
                yield path
            pending.extend([*path, arrow] for arrow in reversed(self.arrows[path[-1].result]))

    def product(self, value: Value, path: list[Arrow]) -> str:
        """Write the product of the local derivatives along a path."""
        stations = [self.names[value], *(self.names[arrow.result] for arrow in path)]
        factors = [f"{arrow.partial:.{self.precision}g}" for arrow in path]
        signed = [factors[0], *(f"({factor})" if factor.startswith("-") else factor for factor in factors[1:])]
        share, remark = 1.0, ""
        for arrow in reversed(path):
            stops = arrow.result.grad == 0.0 or stays_zero(share, arrow.partial, arrow.result.op)
            share *= arrow.partial
            if stops and not math.isfinite(share):
                share, remark = 0.0, " (a zero contributes zero)"
        equation = " · ".join(ends(signed)) + " = " if len(path) > 1 or remark else ""
        return f"{' → '.join(ends(stations))}: {equation}{share:.{self.precision}g}{remark}"


def ends(texts: list[str]) -> list[str]:
    """Leave out the middle of a long list."""
    return texts if len(texts) <= 2 * LISTED_ENDS + 1 else [*texts[:LISTED_ENDS], "…", *texts[-LISTED_ENDS:]]


def in_figures(count: int) -> str:
    """Write how many paths there are, which may be more than anybody can read."""
    return f"{count:,}" if count <= MANY else f"more than {MANY:,}"
