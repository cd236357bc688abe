"""Random programs over the whole table: all ways to their values and derivatives give the same bits, and right ones."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath

import microgrady as mg
from microgrady import Value
from microgrady.checking import Verdict
from microgrady.compiler.programs.program import COMPARISONS, Guard
from microgrady.value import primitives, topological_order
from tests.fuzz.floats import any_float, ordinary, same_bits, same_number
from tests.test_functions import TABLE
from tests.test_program import recorded
from tests.ulp import ulps

# All of the table, whatever will be in it.
OPERATIONS = {name: entry for name, entry in primitives.items() if name in TABLE}
SMOOTH = [name for name, entry in OPERATIONS.items() if not (entry.piecewise or entry.singular)]
# Exact where nothing but the operands' own range limits them, so that they can be held against at any point.
EXACT = {
    name: entry
    for name, entry in TABLE.items()
    if name in OPERATIONS and not entry.absolute and (len(entry.partials) == 1 or name in ("add", "sub", "mul", "div"))
}

Operand = int | float  # the place of an earlier number, or a number


class Statement(NamedTuple):
    """One line: an operation of the table, or a choice by a comparison.

    Attributes:
        name: The operation, or the comparison.
        operands: What it is applied to; of a choice the two compared and the two to choose from.
    """

    name: str
    operands: tuple[Operand, ...]


class Source:
    """A random program.

    Args:
        chance: What makes it.
        names: The operations to take.
        branches: How often a line is a choice.
    """

    def __init__(self, chance: random.Random, names: Sequence[str], branches: float) -> None:
        self.count = chance.randint(1, 4)
        self.lines: list[Statement] = []
        for place in range(self.count, self.count + chance.randint(1, 12)):
            branch = chance.random() < branches
            name = chance.choice(list(COMPARISONS)) if branch else chance.choice(names)
            arity = 4 if branch else len(OPERATIONS[name].rules)
            operands = [self._operand(chance, place) for _ in range(arity)]
            if not any(isinstance(operand, int) for operand in operands):
                operands[0] = chance.randrange(place)
            self.lines.append(Statement(name, tuple(operands)))

    def _operand(self, chance: random.Random, place: int) -> Operand:
        if chance.random() < 0.15:
            return any_float(chance)
        return place - 1 if chance.random() < 0.4 else chance.randrange(place)

    def __call__(self, *numbers: Any) -> Any:
        """The last number."""
        known = list(numbers)
        for name, operands in self.lines:
            taken = [known[operand] if isinstance(operand, int) else operand for operand in operands]
            if name in COMPARISONS:
                known.append(taken[2] if COMPARISONS[name](taken[0], taken[1]) else taken[3])
            else:
                known.append(OPERATIONS[name](*taken))
        return known[-1]

    def __str__(self) -> str:
        lines = []
        for place, (name, operands) in enumerate(self.lines, self.count):
            taken = [f"v{operand}" if isinstance(operand, int) else repr(operand) for operand in operands]
            if name in COMPARISONS:
                lines.append(f"v{place} = {taken[2]} if {taken[0]} {name} {taken[1]} else {taken[3]}")
            else:
                lines.append(f"v{place} = {name}({', '.join(taken)})")
        return "\n    ".join(lines)


Numbers = tuple[float, list[float]]  # the value, and the derivative by each input


def _after_backward(leaves: list[Value], output: Value) -> Numbers:
    for leaf in leaves:
        leaf.grad = 0.0
    output.backward()
    return output.data, [leaf.grad for leaf in leaves]


def ways(source: Source, point: list[float]) -> dict[str, Numbers]:
    """The value and the gradient of a program in every way that there is."""
    leaves = list(map(Value, point))
    output = source(*leaves)
    assert isinstance(output, Value)
    found = {"backward": _after_backward(leaves, output)}
    both = mg.value_and_grad(source, tuple(range(len(point))))
    value, gradient = both(*point)
    found["value_and_grad"] = value, list(gradient)
    found["gradients"] = output.data, [slope.data for slope in mg.gradients(output, leaves)]
    their_leaves, their_output = pickle.loads(pickle.dumps((leaves, output)))
    found["pickled"] = _after_backward(their_leaves, their_output)
    their_leaves, their_output = copy.deepcopy((leaves, output))
    found["deepcopy"] = _after_backward(their_leaves, their_output)
    fast = mg.jit(both)
    for turn in ("first", "second"):
        value, gradient = fast(*point)
        found[f"jit(value_and_grad), {turn} call"] = value, list(gradient)
    found["jit"] = mg.jit(source)(*point), found["backward"][1]
    parameters = list(map(Value, point))
    live = mg.jit(lambda: source(*parameters))
    found["jit.backward"] = live.backward(), [leaf.grad for leaf in parameters]
    outputs = recorded(both, *point).evaluate(point)
    assert not isinstance(outputs, Guard), f"the guard {outputs} does not hold where it was recorded"
    found["Program.evaluate"] = outputs[0], outputs[1:]
    return found


def require_same(source: Source, point: list[float]) -> None:
    """Raise if two ways to the numbers differ in a bit, but for the sign of a derivative of zero."""
    found = ways(source, point)
    value, gradient = found["backward"]
    for way, (other, slopes) in found.items():
        alike = same_bits(value, other) and all(map(same_number, gradient, slopes))
        assert alike, f"{way} gives {(other, slopes)}, backward {(value, gradient)}, at {point}:\n    {source}"


def require_exact(source: Source, point: list[float]) -> None:
    """Raise if an operation is further from its exact value or derivative than the table's tests allow."""
    output = source(*map(Value, point))
    for node in topological_order(output):
        entry = None if node.op is None else EXACT.get(node.op.name)
        operands = [operand.data if isinstance(operand, Value) else operand for operand in node.operands]
        if entry is None or not all(1e-200 < abs(x) < 1e6 for x in [*operands, node.data]):
            continue
        # To a plain number there is no derivative.
        rules = [rule for rule, by in zip(entry.partials, node.operands, strict=True) if isinstance(by, Value)]
        found = [slope for slope, by in zip(node.partials, node.operands, strict=True) if isinstance(by, Value)]
        bounds = [2 * entry.value_ulps, *[2 * entry.partial_ulps] * len(rules)]
        for number, exact, bound in zip([node.data, *found], [entry.value, *rules], bounds, strict=True):
            true = _exactly(exact, operands)
            assert true is None or ulps(number, true) <= bound, f"{node.op}{operands} gives {number}, exact {true}"


def _exactly(function: Callable[..., Any], operands: list[float]) -> Any:
    """What a function is to sixty digits; None where it is not a real number of ordinary size."""
    with mpmath.workdps(60):
        try:
            true = function(*map(mpmath.mpf, operands))
        except (ZeroDivisionError, ValueError):
            return None
        real = mpmath.im(true) == 0 and mpmath.isfinite(true) and 1e-300 < abs(true) < 1e300
        return true if real else None


def require_checked(source: Source, point: list[float]) -> None:
    """Raise if finite differences say that a derivative is wrong."""
    report = mg.check_gradient(source, *point)
    wrong = [entry for entry in report.entries if entry.verdict is Verdict.MISMATCH]
    assert not wrong, f"{report}\nat {point}:\n    {source}"


def case(chance: random.Random) -> None:
    """One program at a point of any kind in all ways; now and then a smooth one against finite differences."""
    if chance.random() < 0.15:
        source = Source(chance, SMOOTH, 0.0)
        point = [ordinary(chance) for _ in range(source.count)]
        output = source(*map(Value, point))
        if all(abs(node.data) < 1e100 for node in topological_order(output)):
            require_checked(source, point)
        return
    source = Source(chance, list(OPERATIONS), 0.15)
    number = any_float if chance.random() < 0.5 else ordinary
    point = [number(chance) for _ in range(source.count)]
    if isinstance(source(*map(Value, point)), Value):
        require_same(source, point)
        require_exact(source, point)
