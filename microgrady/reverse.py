"""What transforms get from the reverse pass: gradients, jacobians, and products with these."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from microgrady.introspection import name_of
from microgrady.selection import Selection
from microgrady.sequences import dot
from microgrady.traced import Traced, as_value, one_number
from microgrady.trees import Structure, count, flatten, make_array
from microgrady.value import Value


def value_and_gradient(
    function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any]:
    """Return the number that a function gives, and its derivatives."""
    return _value_and_gradient("value_and_grad", function, selection, args, kwargs)


def _value_and_gradient(
    transform: str, function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any]:
    run = Traced("grad", function, selection, args, kwargs)
    output = one_number(run.output, run.name, transform, "; jacobian takes functions that return several")
    connected = run.is_connected(output)
    numbers = run.differentiate(output, connected)
    value = output if connected or not isinstance(output, Value) else output._number
    return run.with_aux(value), run.structure.rebuild(numbers)


def gradient(function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the derivatives of the number that a function gives."""
    value, slopes = _value_and_gradient("grad", function, selection, args, kwargs)
    return (slopes, value[1]) if selection.has_aux else slopes


def jacobian(function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the derivatives of all numbers that a function gives."""
    run = Traced("jacobian", function, selection, args, kwargs)
    outputs, rows = flatten(run.output, f"the result of {run.name}", none=run.structure.has_none)
    connected = run.is_connected(*outputs)
    matrix = [run.differentiate(output, connected) for output in outputs]
    return run.with_aux(_blocks(matrix, rows, run.structure))


def hessian_product(
    slope_of: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return the product of a function's hessian and the vector behind its arguments, from what gives its gradient."""
    name = name_of(slope_of.__wrapped__)  # type: ignore[attr-defined]
    if len(args) + len(kwargs) < 2 or not args:
        raise TypeError(f"hvp takes the arguments of {name} and then the vector")
    *point, vector = args
    selected = selection.pick(selection.places(slope_of, point, kwargs), point, kwargs)
    structure = flatten(selected, f"the argument of {name}")[1]
    direction = structure.numbers_of(vector, "the vector of hvp", "the argument")

    @functools.wraps(slope_of)
    def slope_along(*inner: Any, **named: Any) -> Any:
        slope = slope_of(*inner, **named)
        along = dot(flatten(slope[0] if selection.has_aux else slope, "the gradient")[0], direction)
        return (along, slope[1]) if selection.has_aux else along

    return gradient(slope_along, selection, tuple(point), kwargs)


def value_and_pullback(
    function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return what a function gives, and what takes a seed to derivatives of it."""
    run = Traced("vjp", function, selection, args, kwargs)
    outputs, rows = flatten(run.output, f"the result of {run.name}", none=run.structure.has_none)
    connected = run.is_connected(*outputs)
    return run.with_aux(run.value(outputs, rows, connected), Pullback(run, outputs, rows, connected))


class Pullback:
    """What takes a seed, a weight for each number that a function gave, to the derivatives of their weighted sum.

    Args:
        run: The run of the function.
        outputs: The numbers that it gave.
        rows: Their structure.
        connected: Whether they depend on Values from outside, so that the derivatives must be Values.
    """

    def __init__(self, run: Traced, outputs: list[Any], rows: Structure, connected: bool) -> None:
        self._run, self._outputs, self._rows, self._connected = run, outputs, rows, connected

    def __call__(self, seed: Any, /) -> Any:
        """Return the derivatives, which one reverse pass finds for all numbers together.

        Args:
            seed: The weights, in the structure of what the function returned.

        Raises:
            TypeError: Something in it is not a number.
            ValueError: It has another structure.
        """
        weights = self._rows.numbers_of(seed, f"the seed for {self._run.name}", "what the function returned")
        total: Any = 0.0
        for weight, output in zip(weights, self._outputs, strict=True):
            if isinstance(output, Value) and (isinstance(weight, Value) or weight != 0.0):
                total = weight * output + total
        recorded = self._connected or any(isinstance(weight, Value) for weight in weights)
        slopes = self._run.differentiate(total, recorded)
        return self._run.structure.rebuild([as_value(slope) for slope in slopes] if recorded else slopes)

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} holds the record of a run, which stays where it is: pickle vjp of the function")

    def __repr__(self) -> str:
        return f"<pullback of {self._run.name}>"


def _blocks(matrix: list[list[Any]], rows: Structure, columns: Structure) -> Any:
    """Return the structure of the outputs, each with the structure of the inputs, arrays joined to one."""
    parts = []
    top = 0
    for row_shape in rows.shapes:
        bottom = top + count(row_shape)
        blocks = []
        left = 0
        for column_shape in columns.shapes:
            right = left + count(column_shape)
            entries = [entry for row in matrix[top:bottom] for entry in row[left:right]]
            single = row_shape is None and column_shape is None
            blocks.append(entries[0] if single else make_array(entries, (row_shape or ()) + (column_shape or ())))
            left = right
        parts.append(columns.assemble(blocks))
        top = bottom
    return rows.assemble(parts)
