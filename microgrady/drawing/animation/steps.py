"""The forward and the backward pass as steps: each with its formula in numbers, and what it changes in the picture."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from microgrady.drawing.style import NOT_FINITE, tint
from microgrady.formulas.grouping import followed_operands, formula_of, from_outside, grouped
from microgrady.formulas.names import short_names
from microgrady.formulas.paths import Arrow, Paths
from microgrady.formulas.writing import NUMBERS, TEXT, in_parentheses, local_derivative, number_text, total_derivative
from microgrady.selections import operands_of, order_of, still_follows
from microgrady.value import Value, topological_order

LISTED = 6
UNKNOWN = "?"


@dataclass(frozen=True)
class Step:
    """One step of an animation.

    Args:
        phase: "forward" or "backward".
        title: Which pass it belongs to, in words.
        formula: What is computed, in symbols and in numbers.
        note: What else there is to know, in words.
        marks: The parts of the picture that this step is about, by their id: "target" for what it
            computes and the way to it, "source" for what it computes that from.
        changes: What looks different from now on: by the id of a part of the picture, its new "value",
            "gradient", "fill", "pending" ("yes" until it is computed) or "finite" ("no" where a number of it is not).
    """

    phase: str
    title: str
    formula: str
    note: str
    marks: Mapping[str, str]
    changes: Mapping[str, Mapping[str, str]]


class Narrator:
    """What tells, step by step, how the engine computes a graph and differentiates it.

    The parts of the picture have these ids: `v3` is the box of the fourth Value, and `v0-v3` the arrow that leads to it
    from the first.

    Args:
        outputs: The outputs. One backward pass begins at each of them, in turn, with all `grad` zero before the first.
        precision: Significant digits.
        colour: Whether boxes are coloured by their gradients.
    """

    def __init__(self, outputs: Sequence[Value], precision: int, colour: bool) -> None:
        self.outputs, self.precision, self.colour = outputs, precision, colour
        order = order_of(*outputs)
        inside = grouped(order, outputs)
        self.inside, self.names = inside, short_names(order, inside)
        self.parts = {value: f"v{index}" for index, value in enumerate(order) if value not in inside}
        self.written: dict[Value, list[Value]] = {value: [] for value in self.parts}
        for value in order:
            self.written[inside.get(value, value)].append(value)
        self.operands = {
            value: [(operand, partial) for operand, partial in from_outside(written) if isinstance(operand, Value)]
            for value, written in self.written.items()
        }
        reached = set(topological_order(*outputs))
        self.left_out = set(order) - reached  # by a `where`
        followed = {
            value: followed_operands(written, reached if value in reached else self.left_out)
            for value, written in self.written.items()
        }
        self.followed = {  # without what a `where` has not selected
            value: [(operand, partial) for operand, partial in operands if operand in followed[value]]
            for value, operands in self.operands.items()
        }
        self.passes = [derivatives(output) for output in outputs]
        # One scale for all steps: a box changes its colour only when its own gradient changes.
        self.strongest = max(abs(d) for found in self.passes for d in found.values() if math.isfinite(d))
        self.gradients: dict[Value, float] = {}
        self.totals: dict[Value, float] = {}  # what the passes so far have added to the leaves
        self.longest = dict.fromkeys(order, 0.0)

    def narrate(self) -> list[Step]:
        """Return the steps of all passes."""
        steps = [self.start(), *(self.compute(value) for value in self.parts if value.op is not None)]
        for output, final in zip(self.outputs, self.passes, strict=True):
            boxes = [value for value in topological_order(output) if value in self.parts]
            steps += Pass(self, output, boxes, final).steps()
        return steps

    def start(self) -> Step:
        """Show what is known before the forward pass: the values of the leaves."""
        changes: dict[str, Mapping[str, str]] = {}
        for value, part in self.parts.items():
            is_leaf = value.op is None
            pending = "no" if is_leaf else "yes"
            changes |= {arrow: {"pending": pending} for arrow in self.arrows(value)}
            known = self.number(value.data) if is_leaf else UNKNOWN
            changes[part] = {"pending": pending, "value": f"value {known}"} | self.look(value, None, is_leaf)
        formula = listed(f"{self.names[leaf]} = {self.number(leaf.data)}" for leaf in reading_order(*self.outputs))
        note = "The leaves have their values; the rest is computed from them." if formula else "There are no leaves."
        return Step("forward", "Forward pass", formula, note, {}, changes)

    def compute(self, value: Value) -> Step:
        """Show how one result is computed."""
        formula, operands = self.formula(value), self.operands[value]
        if all(map(still_follows, self.written[value])):
            numbers = {operand: self.number(operand.data) for operand, _ in operands}
            in_numbers = formula_of(value, numbers, self.inside, NUMBERS, self.precision).text
            is_news = operands and in_numbers != self.number(value.data) and not formula.endswith(in_numbers)
            formula += f" = {in_numbers}" if is_news else ""
            followed = self.followed[value]
            local = listed(f"{self.local_derivative(value, operand)} = {self.number(d)}" for operand, d in followed)
            note = f"Local derivative{'s' if len(followed) > 1 else ''}: {local}" if local else "It depends on no leaf."
        else:
            leaves = [self.names[operand] for operand, _ in operands if operand.op is None]
            note = f"This was recorded before {' or '.join(leaves) or 'a leaf'} was changed."
        part, arrows = self.parts[value], self.arrows(value)
        known = self.number(value.data)
        changes: dict[str, Mapping[str, str]] = {arrow: {"pending": "no"} for arrow in arrows}
        changes[part] = {"pending": "no", "value": f"value {known}"} | self.look(value, None)
        marks = dict.fromkeys([part, *arrows], "target") | {self.parts[operand]: "source" for operand, _ in operands}
        return Step("forward", "Forward pass", f"{formula} = {known}", note, marks, changes)

    def formula(self, value: Value) -> str:
        """Write how a result is made, in the names of its operands."""
        return f"{self.names[value]} = {formula_of(value, self.names, self.inside, TEXT, self.precision).text}"

    def paths(self) -> dict[Value, list[str]]:
        """Say of each box by which paths its gradients come about."""
        found: dict[Value, list[str]] = {value: [] for value in self.parts}
        for output, gradients in zip(self.outputs, self.passes, strict=True):
            boxes = [value for value in topological_order(output) if value in self.parts]
            arrows = [
                Arrow(operand, result, partial, any(part.op is not None and part.op.piecewise for part in written))
                for result, written in self.written.items()
                for operand, partial in self.followed[result]
                if result in gradients
            ]
            paths = Paths(boxes, arrows, gradients, self.names, self.precision)
            for value in boxes:
                found[value] += paths.in_words(value)
        return found

    def all_arrows(self) -> list[str]:
        """Return the ids of all arrows."""
        return [arrow for value in self.parts for arrow in self.arrows(value)]

    def arrows(self, value: Value) -> list[str]:
        """Return the ids of the arrows to a box."""
        return [self.arrow(operand, value) for operand, _ in self.operands[value]]

    def arrow(self, operand: Value, result: Value) -> str:
        """Return the id of the arrow from one box to another."""
        return f"{self.parts[operand]}-{self.parts[result]}"

    def derivative(self, output: Value, value: Value) -> str:
        """Write the derivative of an output by a Value, along all paths."""
        return total_derivative(self.names[output], self.names[value])

    def local_derivative(self, result: Value, operand: Value) -> str:
        """Write the derivative of one operation by one of its operands."""
        return local_derivative(self.names[result], self.names[operand])

    def number(self, number: float) -> str:
        """Write a number."""
        return number_text(number, self.precision)

    def set_gradient(self, value: Value, gradient: float) -> dict[str, Mapping[str, str]]:
        """Note the gradient that a Value has from now on."""
        self.gradients[value] = gradient
        self.longest[value] = max(
            self.longest[value], gradient, key=lambda known: (len(self.number(known)), known != 0)
        )
        return {self.parts[value]: self.look(value, gradient)}

    def look(self, value: Value, gradient: float | None, is_known: bool = True) -> dict[str, str]:
        """Return what a box shows of a gradient, and how it looks with that."""
        known = UNKNOWN if gradient is None else self.number(gradient)
        finite = (
            not is_known or value in self.left_out or (math.isfinite(value.data) and math.isfinite(gradient or 0.0))
        )
        fill = "white"
        if not finite:
            fill = NOT_FINITE["fillcolor"]
        elif self.colour and gradient is not None:
            fill = tint(gradient, max(abs(gradient), self.strongest))
        return {"gradient": f"gradient {known}", "fill": fill, "finite": "yes" if finite else "no"}


class Pass:
    """One backward pass.

    Args:
        narrator: What tells of it.
        output: Where it begins.
        boxes: What it goes through, operands before results, without what is written within something else.
        final: The derivatives that the engine computes in it.
    """

    def __init__(self, narrator: Narrator, output: Value, boxes: Sequence[Value], final: Mapping[Value, float]) -> None:
        self.narrator, self.output, self.boxes, self.final = narrator, output, boxes, final
        self.title = "Backward pass"
        if len(narrator.outputs) > 1:
            self.title += f" from {narrator.names[output]}"
        self.waiting = Counter(operand for box in boxes for operand, _ in narrator.followed[box])

    def steps(self) -> list[Step]:
        """Return the steps, from the output to the leaves."""
        steps = [self.seed()]
        for result in reversed(self.boxes):
            if self.narrator.gradients[result] == 0.0 and self.narrator.followed[result]:
                steps.append(self.skip(result))
            else:
                steps += [self.contribute(result, *share) for share in self.shares(result)]
        return [*steps, self.finish()]

    def shares(self, result: Value) -> list[tuple[Value, float, float]]:
        """Return each operand of a result with the local derivative and what it gets in this pass."""
        written = self.narrator.written[result]
        found = dict(from_outside(written, self.narrator.gradients[result]))
        return [(operand, partial, found[operand]) for operand, partial in self.narrator.followed[result]]

    def step(self, formula: str, note: str, marks: Mapping[str, str], changes: Mapping[str, Mapping[str, str]]) -> Step:
        """Return a step of this pass."""
        return Step("backward", self.title, formula, note, marks, changes)

    def derivative(self, value: Value) -> str:
        """Write the derivative of the output of this pass."""
        return self.narrator.derivative(self.output, value)

    def seed(self) -> Step:
        """Show the beginning: nothing else is known yet."""
        narrator = self.narrator
        changes: dict[str, Mapping[str, str]] = {}
        for value in self.boxes:
            if value in narrator.gradients:  # from an earlier pass
                del narrator.gradients[value]
                changes[narrator.parts[value]] = narrator.look(value, None)
        changes |= narrator.set_gradient(self.output, 1.0)
        note = "The seed: the output changes exactly as much as itself."
        return self.step(f"{self.derivative(self.output)} = 1", note, {narrator.parts[self.output]: "target"}, changes)

    def contribute(self, result: Value, operand: Value, partial: float, share: float) -> Step:
        """Show what one operand of a result gets."""
        narrator = self.narrator
        adjoint, before = narrator.gradients[result], narrator.gradients.get(operand, 0.0)
        product = f"{narrator.number(adjoint)} · {in_parentheses(narrator.number(partial)).text}"
        after = self.after(operand, before + share)
        if math.isnan(adjoint * partial) and share == 0.0:
            formula = f"{self.derivative(operand)} += 0"
            note = f"What selects or rounds has a derivative of exactly 0, and {product} counts for nothing."
        else:
            symbols = f"{self.derivative(result)} · {narrator.local_derivative(result, operand)}"
            formula = f"{self.derivative(operand)} += {symbols} = {product} = {narrator.number(share)}"
            numbers = f"{narrator.number(before)} + {in_parentheses(narrator.number(share)).text}"
            note = f"{self.derivative(operand)} is now {numbers} = {narrator.number(after)}"
        way = [narrator.parts[operand], narrator.arrow(operand, result)]
        marks = {narrator.parts[result]: "source"} | dict.fromkeys(way, "target")
        return self.step(formula, note, marks, narrator.set_gradient(operand, after))

    def after(self, operand: Value, gradient: float) -> float:
        """Return a gradient after one more share; after the last one, as the engine rounds it."""
        self.waiting[operand] -= 1
        return gradient if self.waiting[operand] else self.final[operand]

    def skip(self, result: Value) -> Step:
        """Show a result that passes nothing on, since it has a gradient of zero."""
        narrator = self.narrator
        operands = [operand for operand, _ in narrator.followed[result]]
        changes: dict[str, Mapping[str, str]] = {}
        for operand in operands:
            changes |= narrator.set_gradient(operand, self.after(operand, narrator.gradients.get(operand, 0.0)))
        to = listed(narrator.names[operand] for operand in operands)
        note = f"A gradient of zero contributes zero: nothing is passed on to {to}."
        marks = {narrator.parts[result]: "source"} | dict.fromkeys(narrator.arrows(result), "target")
        return self.step(f"{self.derivative(result)} = 0", note, marks, changes)

    def finish(self) -> Step:
        """Show what came out, and what the leaves have of it."""
        narrator, number = self.narrator, self.narrator.number
        leaves = [leaf for leaf in reading_order(self.output) if leaf in self.final]
        if not leaves:
            return self.step("", "The gradient is complete; there are no leaves that it could be added to.", {}, {})
        formula = listed(f"{self.derivative(leaf)} = {number(self.final[leaf])}" for leaf in leaves)
        note = f"The gradient is complete; backward() adds {'these' if len(leaves) > 1 else 'this'} to the leaves' grad"
        changes: dict[str, Mapping[str, str]] = {}
        sums = []
        for leaf in leaves:
            before = narrator.totals.get(leaf)
            narrator.totals[leaf] = (before or 0.0) + self.final[leaf]
            if before is not None:
                share = in_parentheses(number(self.final[leaf])).text
                sums.append(f"{narrator.names[leaf]}: {number(before)} + {share} = {number(narrator.totals[leaf])}")
                changes |= narrator.set_gradient(leaf, narrator.totals[leaf])
        note += f", to what is there: {listed(sums)}" if sums else "."
        return self.step(formula, note, {narrator.parts[leaf]: "target" for leaf in leaves}, changes)


def derivatives(output: Value) -> dict[Value, float]:
    """Return the derivatives of an output as one backward pass computes them, and leave its graph without any."""
    order = topological_order(output)
    output.backward()
    found = {value: value.grad for value in order}
    for value in order:
        value.grad = 0.0
    return found


def reading_order(*outputs: Value) -> list[Value]:
    """Return the leaves of a graph in the order in which the formulas of its outputs, written out, first name them."""
    found: dict[Value, None] = {}
    pending = list(reversed(outputs))
    while pending:
        value = pending.pop()
        if value not in found:
            found[value] = None
            pending += [operand for operand in reversed(operands_of(value)) if isinstance(operand, Value)]
    return [value for value in found if value.op is None]


def listed(texts: Iterable[str]) -> str:
    """Join the first few."""
    shown = list(texts)
    return ", ".join(shown[:LISTED]) + (", …" if len(shown) > LISTED else "")
