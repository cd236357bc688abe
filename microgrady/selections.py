"""What `where` has not selected: formulas and pictures show it, and derivatives never meet it.

The result of a `where` whose condition is known refers to nothing but the operand that was selected. The condition and
both operands ride on its label, as scopes do, so that no other Value pays for them.
"""

from __future__ import annotations

from typing import Any

from microgrady import differentiation
from microgrady.scopes import Scope, ScopedLabel, path_of
from microgrady.value import Value, topological_order


class SelectingLabel(ScopedLabel):
    """The label of the result of a `where`, in a scope or not.

    Args:
        label: The label.
        path: The scopes that the result was made in, the outermost first.
        operands: The condition, a Value or else 1.0 or 0.0; what is the result where it holds; what is it where it does
            not.
    """

    __slots__ = ("_path", "operands")
    _path: tuple[Scope, ...]
    operands: tuple[Value | float, ...]

    def __new__(cls, label: str, path: tuple[Scope, ...], operands: tuple[Value | float, ...]) -> SelectingLabel:
        """Return a label, which is compared and written as any other str, with what the result was selected from."""
        selecting = str.__new__(cls, label)
        selecting._path, selecting.operands = path, operands
        return selecting

    @property
    def path(self) -> tuple[Scope, ...]:
        """The scopes, the outermost first."""
        return self._path

    def relabelled(self, label: str) -> SelectingLabel:
        """Return another label with the same scopes and operands."""
        return SelectingLabel(label, self.path, self.operands)

    def __reduce__(self) -> tuple[Any, ...]:
        return without_selection, (without_selection(self),)  # a graph of Values keeps it, see pickling


def note_selection(result: Value, condition: Any, first: Any, second: Any) -> Value:
    """Note what a result was selected from, and return it.

    Args:
        result: The result.
        condition: A Value, or a number that tells whether it holds.
        first: What is the result where it holds.
        second: What is the result where it does not.
    """
    operands = tuple(each if isinstance(each, Value) else float(each) for each in (condition, first, second))
    result._label = SelectingLabel(result._label, path_of(result._label), operands)
    return result


def without_selection(label: str) -> str:
    """Return a label that carries nothing but its scope."""
    if type(label) is not SelectingLabel:
        return label
    return ScopedLabel(label, label.path[-1]) if label.path else str(label)


def selects(value: Value) -> bool:
    """Return whether a Value is the result of a `where` that has noted what it was selected from."""
    return type(value._label) is SelectingLabel


def operands_of(value: Value) -> tuple[Value | float, ...]:
    """Return the operands of a Value; of a `where` its condition and both that it selects from."""
    label = value._label
    return label.operands if type(label) is SelectingLabel else value.operands


def partials_of(value: Value) -> tuple[float, ...]:
    """Return the local derivatives by what `operands_of` returns."""
    label = value._label
    if type(label) is not SelectingLabel:
        return value.partials
    selected = float(isinstance(value.operands[0], Value))
    return (0.0, selected, 0.0) if has_held(value) else (0.0, 0.0, selected)


def has_held(value: Value) -> bool:
    """Return whether the condition of a `where` held when it selected; of two numbers, this says nothing."""
    _, first, _ = operands_of(value)
    taken = value.operands[0]  # a condition that is a leaf may have been changed since
    return first is taken if isinstance(taken, Value) else not isinstance(first, Value)


def still_follows(value: Value) -> bool:
    """Return whether a result is what its operands give; that of a `where`, too, what its condition selects now."""
    if not selects(value) or not differentiation.still_follows(value):
        return differentiation.still_follows(value)
    condition, first, second = operands_of(value)
    now = first if (condition._number if isinstance(condition, Value) else condition) != 0.0 else second
    taken = value.operands[0]
    if isinstance(now, Value) or isinstance(taken, Value):
        return now is taken
    return now == taken or (now != now and taken != taken)


def has_known_condition(value: Value) -> bool:
    """Return whether a Value is the result of a `where` whose condition was not a Value, but true or false."""
    return selects(value) and isinstance(operands_of(value)[0], float)


def order_of(*outputs: Value) -> list[Value]:
    """Return all Values behind some, operands first, with those that a `where` has not selected."""
    order = topological_order(*outputs)
    if not any(map(selects, order)):
        return order
    leaves: dict[Value, None] = {}
    results: dict[Value, None] = {}
    seen: set[Value] = set()
    stack = list(reversed(outputs))
    while stack:
        value = stack[-1]
        if value.op is None:
            leaves[stack.pop()] = None
        elif value in seen:
            results[stack.pop()] = None
        else:
            seen.add(value)
            stack.extend(
                operand
                for operand in reversed(operands_of(value))
                if isinstance(operand, Value) and operand not in seen
            )
    return [*leaves, *results]
