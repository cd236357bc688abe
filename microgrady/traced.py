"""One run of a function on Values, for a transform to differentiate it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microgrady.comparisons import is_condition
from microgrady.differentiation import differentiate, refers_back
from microgrady.functions import argument
from microgrady.inputs import as_number, describe, is_array
from microgrady.introspection import name_of
from microgrady.selection import Selection
from microgrady.tracing import Run
from microgrady.trees import Structure, detach, flatten, map_values
from microgrady.value import Value, fresh_marks, reverse_pass


class Traced:
    """One run of a function on Values, and what is needed to differentiate it.

    Attributes:
        output: What the function returned.
        structure: That of the arguments to differentiate by.
    """

    def __init__(
        self,
        transform: str,
        function: Callable[..., Any],
        selection: Selection,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.name = name_of(function)
        places = selection.places(function, args, kwargs)
        numbers, self.structure = flatten(selection.pick(places, args, kwargs), f"the argument of {self.name}")
        self.since = fresh_marks()
        # A Value gets a node of its own in front of it: it is this one that the function is
        # differentiated by, not the Value, which the function may also reach by another way.
        self.inputs = [argument(number) if isinstance(number, Value) else Value(number) for number in numbers]
        self.nested = any(isinstance(number, Value) for number in numbers)
        positional, named = selection.put(self.structure.rebuild(self.inputs), places, args, kwargs)
        self.output = Run(f"{transform} of {self.name}", self.inputs, self.since).call(function, *positional, **named)
        self.aux: list[Any] = []
        if selection.has_aux:
            self.output, *self.aux = _pair(self.output, self.name, transform)

    def with_aux(self, *results: Any) -> Any:
        """Return results and what the function returned besides, if anything, in floats if no Value is behind it."""
        if self.aux:
            found: list[Value] = []
            map_values(self.aux, found.append)
            results += (self.aux[0] if self.is_connected(*found) else detach(self.aux[0]),)
        return results if len(results) > 1 else results[0]

    def value(self, outputs: list[Any], structure: Structure, connected: bool) -> Any:
        """Return what the function returned, of these outputs: in Values if they are connected, else in floats."""
        if connected:
            return structure.rebuild(outputs)
        return structure.rebuild([output._number if isinstance(output, Value) else output for output in outputs])

    def is_connected(self, *outputs: Any) -> bool:
        """Return whether the outputs depend on Values made before the run."""
        return self.nested or refers_back([output for output in outputs if isinstance(output, Value)], self.since)

    def differentiate(self, output: Any, connected: bool) -> list[Any]:
        """Return the derivatives of an output by the inputs: Values if it is connected, else floats."""
        if not isinstance(output, Value):
            return [0.0] * len(self.inputs)
        if connected:
            return [as_value(derivative) for derivative in differentiate(output, self.inputs, self.since)]
        # One stand-in for each: no other thread has these leaves.
        adjoints = {stand_in._left: stand_in._grad for stand_in in reverse_pass(output, 1.0)}
        return [adjoints.get(value, 0.0) for value in self.inputs]


def as_value(number: Any) -> Value:
    """Return a number as a Value, which it may be."""
    return number if isinstance(number, Value) else Value(number)


def one_number(output: Any, name: str, needed_by: str, hint: str = "") -> Any:
    """Return what a function called `name` returned, a Value or a float.

    Raises:
        TypeError: It is not one number; the message says by what that is needed, and ends in the hint.
    """
    if is_array(output) and output.size == 1:  # of whatever shape: SciPy gives functions of one variable an array
        output = output.item()
    if is_condition(output):
        output = output.mask()
    number = output if isinstance(output, Value) else as_number(output)
    if number is None:
        if output is None:
            hint = ': is there a "return" in it?'
        raise TypeError(
            f"{needed_by} needs a function that returns one number, but {name} returned {describe(output)}{hint}"
        )
    return number


def _pair(returned: Any, name: str, transform: str) -> tuple[Any, Any]:
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise TypeError(
            f"with has_aux=True {transform} needs a function that returns a pair (value, aux), but {name} returned "
            f"{describe(returned)}"
        )
    return returned
