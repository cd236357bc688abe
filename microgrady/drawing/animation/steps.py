"""The forward and the backward pass as steps: each with its formula in numbers, and what it changes in the picture."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from microgrady.differentiation import still_follows
from microgrady.drawing.style import tint
from microgrady.formulas.writing import NOT_IN_XML, number_text
from microgrady.value import Value, stays_zero

NAME_WIDTH, EXPRESSION_WIDTH = 24, 24
LISTED = 6
UNKNOWN = "?"
# A name or a positive number, or a function of one flat list of them.
NEEDS_NO_PARENTHESES = re.compile(r"\w[\w.]*(e[-+]\d+|\([^()]*\))?")


@dataclass(frozen=True)
class Step:
    """One step of an animation.

    Args:
        phase: "forward" or "backward".
        formula: What is computed, in symbols and in numbers.
        note: What else there is to know, in words.
        marks: The parts of the picture that this step is about, by their id: "target" for what it
            computes and the way to it, "source" for what it computes that from.
        changes: What looks different from now on: by the id of a part of the picture, its new "value",
            "gradient", "fill" or "pending" ("yes" until it is computed).
    """

    phase: str
    formula: str
    note: str
    marks: Mapping[str, str]
    changes: Mapping[str, Mapping[str, str]]


class Narrator:
    """What tells, step by step, how the engine computes a graph and differentiates it.

    The parts of the picture have these ids: `v3` is the box of the fourth Value, `o3` the operation
    that made it, `o3e0` the arrow from its first operand, `o3n0` that operand if it is a number, and
    `o3r` the arrow to the result.

    Args:
        order: The Values, operands before results, as `topological_order` gives them. Their `grad` is
            that of one backward pass.
        precision: Significant digits.
        colour: Whether boxes are the darker, the larger their gradient.
    """

    def __init__(self, order: list[Value], precision: int, colour: bool) -> None:
        self.order, self.precision, self.colour = order, precision, colour
        self.output = order[-1]
        self.index = {value: index for index, value in enumerate(order)}
        self.names = short_names(order)
        # One scale for all steps: a box changes its colour only when its own gradient changes.
        self.strongest = max(abs(value.grad) for value in order if math.isfinite(value.grad))
        self.gradients: dict[Value, float] = {}
        self.longest = dict.fromkeys(order, 0.0)

    def narrate(self) -> list[Step]:
        """Return the steps of both passes."""
        results = [value for value in self.order if value.op is not None]
        steps = [self.start(), *map(self.compute, results), self.seed()]
        for result in reversed(results):
            if self.gradients[result] == 0.0:
                steps.append(self.skip(result))
            else:
                slots = (slot for slot, operand in enumerate(result.operands) if isinstance(operand, Value))
                steps.extend(self.contribute(result, slot) for slot in slots)
        return [*steps, self.finish()]

    def start(self) -> Step:
        """Show what is known before the forward pass: the values of the leaves."""
        changes: dict[str, Mapping[str, str]] = {}
        for value in self.order:
            pending = "no" if value.op is None else "yes"
            known = self.number(value.data) if value.op is None else UNKNOWN
            changes |= {part: {"pending": pending} for part in self.parts_of(value)}
            changes[f"v{self.index[value]}"] = {
                "pending": pending,
                "value": f"value {known}",
                "gradient": f"gradient {UNKNOWN}",
                "fill": "white",
            }
        formula = listed(f"{self.names[leaf]} = {self.number(leaf.data)}" for leaf in self.leaves())
        return Step("forward", formula, "The leaves have their values; the rest is computed from them.", {}, changes)

    def compute(self, value: Value) -> Step:
        """Show one operation of the forward pass."""
        formula = f"{self.names[value]} = {expression(value, self.names, self.precision)}"
        operands = [(slot, operand) for slot, operand in enumerate(value.operands) if isinstance(operand, Value)]
        if still_follows(value):
            formula += f" = {applied(symbol_of(value), list(map(self.number, numbers_of(value))))}"
            local = [
                f"{self.local_derivative(value, operand)} = {self.number(value.partials[slot])}{which(value, slot)}"
                for slot, operand in operands
            ]
            note = f"Local derivative{'s' if len(local) > 1 else ''}: {', '.join(local)}"
        else:
            leaves = dict.fromkeys(self.names[operand] for _, operand in operands if operand.op is None)
            note = f"This was recorded before {' or '.join(leaves) or value.op} was changed."
        value_now = self.number(value.data)
        parts, sources = self.parts_of(value), self.operand_parts(value)
        changes: dict[str, Mapping[str, str]] = {part: {"pending": "no"} for part in parts}
        changes[f"v{self.index[value]}"] = {"pending": "no", "value": f"value {value_now}"}
        marks = dict.fromkeys(parts, "target") | dict.fromkeys(sources, "source")
        return Step("forward", f"{formula} = {value_now}", note, marks, changes)

    def seed(self) -> Step:
        """Show the beginning of the backward pass."""
        note = "The seed: the output changes exactly as much as itself."
        part = f"v{self.index[self.output]}"
        changes = self.set_gradient(self.output, 1.0)
        return Step("backward", f"{self.derivative(self.output)} = 1", note, {part: "target"}, changes)

    def contribute(self, result: Value, slot: int) -> Step:
        """Show what one operand of an operation gets in the backward pass."""
        operand, partial = result.operands[slot], result.partials[slot]
        assert isinstance(operand, Value)
        assert result.op is not None
        adjoint, before = self.gradients[result], self.gradients.get(operand, 0.0)
        share = adjoint * partial
        product = f"{self.number(adjoint)} · {atom(self.number(partial))}"
        if math.isnan(share) and stays_zero(adjoint, partial, result.op):
            after = before
            formula = f"{self.derivative(operand)} += 0"
            note = f"{result.op.symbol} selects or rounds: its derivative 0 is exact, and {product} counts for nothing."
        else:
            after = before + share
            symbols = f"{self.derivative(result)} · {self.local_derivative(result, operand)}"
            formula = f"{self.derivative(operand)} += {symbols} = {product} = {self.number(share)}"
            numbers = f"{self.number(before)} + {atom(self.number(share))} = {self.number(after)}"
            note = f"{self.derivative(operand)} is now {numbers}{which(result, slot)}"
        index = self.index[result]
        way = [f"v{self.index[operand]}", f"o{index}e{slot}", f"o{index}", f"o{index}r"]
        marks = {f"v{index}": "source"} | dict.fromkeys(way, "target")
        return Step("backward", formula, note, marks, self.set_gradient(operand, after))

    def skip(self, result: Value) -> Step:
        """Show an operation that passes nothing on, since its result has a gradient of zero."""
        operands = list(dict.fromkeys(operand for operand in result.operands if isinstance(operand, Value)))
        to = " and ".join(self.names[operand] for operand in operands)
        note = f"A gradient of zero contributes zero: nothing is passed on to {to}."
        changes: dict[str, Mapping[str, str]] = {}
        for operand in operands:
            changes |= self.set_gradient(operand, self.gradients.get(operand, 0.0))
        index = self.index[result]
        marks = {f"v{index}": "source", f"o{index}": "target", f"o{index}r": "target"}
        return Step("backward", f"{self.derivative(result)} = 0", note, marks, changes)

    def finish(self) -> Step:
        """Show what came out: the gradient of the output."""
        leaves = self.leaves()
        formula = listed(f"{self.derivative(leaf)} = {self.number(self.gradients[leaf])}" for leaf in leaves)
        note = (
            f"The gradient is complete; backward() adds {'these' if len(leaves) > 1 else 'this'} to the leaves' grad."
        )
        return Step("backward", formula, note, {f"v{self.index[leaf]}": "target" for leaf in leaves}, {})

    def set_gradient(self, value: Value, gradient: float) -> dict[str, Mapping[str, str]]:
        """Note the gradient that a Value has from now on."""
        self.gradients[value] = gradient
        self.longest[value] = max(self.longest[value], gradient, key=lambda known: len(self.number(known)))
        fill = tint(gradient, max(abs(gradient), self.strongest)) if self.colour else "white"
        return {f"v{self.index[value]}": {"gradient": f"gradient {self.number(gradient)}", "fill": fill}}

    def leaves(self) -> list[Value]:
        """Return the Values that no operation made, as one reads the output's formula from left to right."""
        return [value for value in reading_order(self.output) if value.op is None]

    def parts_of(self, value: Value) -> list[str]:
        """Return the ids of the box of a Value and of the operation that made it, with its arrows and numbers."""
        box, operation = f"v{self.index[value]}", f"o{self.index[value]}"
        if value.op is None:
            return [box]
        arrows = [f"{operation}e{slot}" for slot in range(len(value.operands))]
        numbers = [part for part in self.operand_parts(value) if part.startswith(operation)]
        return [box, operation, f"{operation}r", *arrows, *numbers]

    def operand_parts(self, value: Value) -> list[str]:
        """Return the ids of the operands of a Value."""
        return [
            f"v{self.index[operand]}" if isinstance(operand, Value) else f"o{self.index[value]}n{slot}"
            for slot, operand in enumerate(value.operands)
        ]

    def derivative(self, value: Value) -> str:
        """Write the derivative of the output by a Value, along all paths."""
        return f"∂{atom(self.names[self.output])}/∂{atom(self.names[value])}"

    def local_derivative(self, result: Value, operand: Value) -> str:
        """Write the derivative of one operation by one of its operands."""
        return f"d{atom(self.names[result])}/d{atom(self.names[operand])}"

    def number(self, number: float) -> str:
        """Write a number."""
        return number_text(number, self.precision)


def reading_order(output: Value) -> list[Value]:
    """Return the Values of a graph in the order in which its formula, written out, first names them."""
    found: dict[Value, None] = {}
    pending = [output]
    while pending:
        value = pending.pop()
        if value not in found:
            found[value] = None
            pending += [operand for operand in reversed(value.operands) if isinstance(operand, Value)]
    return list(found)


def short_names(order: Iterable[Value]) -> dict[Value, str]:
    """Name each Value by its label, or else v1, v2, ... as the intermediate results of a computation are called.

    The notation is that of Griewank and Walther, Evaluating Derivatives, ch. 2.
    """
    labels = {value: shortened(value.label) for value in order}
    numbered = (f"v{number}" for number in count(1))
    free = (name for name in numbered if name not in set(labels.values()))
    return {value: label or next(free) for value, label in labels.items()}


def shortened(label: str) -> str:
    """Return a label on one line, cut where it is long."""
    line = NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", " ".join(label.split()))
    return line if len(line) <= NAME_WIDTH else line[: NAME_WIDTH - 1] + "…"


def expression(value: Value, names: Mapping[Value, str], precision: int) -> str:
    """Write how a Value was made, in the names of its operands."""
    operands = (names[o] if isinstance(o, Value) else f"{o:.{precision}g}" for o in value.operands)
    return applied(symbol_of(value), list(operands))


def symbol_of(value: Value) -> str:
    """Return the symbol of the operation that made a Value, with a dot for the product."""
    assert value.op is not None
    return "·" if value.op.symbol == "*" else value.op.symbol


def which(result: Value, slot: int) -> str:
    """Say which operand is meant, where both are the same Value."""
    if sum(operand is result.operands[slot] for operand in result.operands) == 1:
        return ""
    return f" ({('first', 'second')[slot]} operand)"


def listed(texts: Iterable[str]) -> str:
    """Join the first few."""
    first, *rest = texts
    shown = [first, *rest[: LISTED - 1]]
    return ", ".join(shown) + (", …" if len(rest) >= LISTED else "")


def numbers_of(value: Value) -> list[float]:
    """Return the operands of a Value as numbers."""
    return [operand.data if isinstance(operand, Value) else operand for operand in value.operands]


def applied(symbol: str, operands: Sequence[str]) -> str:
    """Write an operation with its operands, as a call or between them."""
    if symbol.isidentifier():
        return f"{symbol}({', '.join(operands)})"
    if len(operands) == 1:
        return symbol + atom(operands[0])
    left, right = operands
    # A minus in front binds less closely than a power alone.
    bare = symbol != "**" and NEEDS_NO_PARENTHESES.fullmatch(left.removeprefix("-"))
    return f"{left if bare else atom(left)} {symbol} {atom(right)}"


def atom(text: str) -> str:
    """Put parentheses around all but names, positive numbers and calls."""
    return text if NEEDS_NO_PARENTHESES.fullmatch(text) else f"({text})"
