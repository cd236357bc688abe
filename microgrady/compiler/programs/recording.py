"""Recording: a function runs once on Values, and what it did becomes a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from microgrady.comparisons import with_a_float
from microgrady.compiler.programs.build import Builder, leaves_from_outside
from microgrady.compiler.programs.program import Place, Program
from microgrady.traced import as_value, one_number
from microgrady.tracing import Recorder
from microgrady.transforms import gradients
from microgrady.trees import Structure, flatten
from microgrady.value import Value, fresh_marks

_TEXTS = ("format(v)", "str(v)")  # they may be for the message of an error that the function is about to raise


class _Comparison(NamedTuple):
    symbol: str
    operands: tuple[Any, Any]
    outcome: bool


class _GuardedRun(Recorder):
    """What notes the comparisons of one run, and refuses what would make a constant of a number."""

    def __init__(self, title: str, inputs: list[Value], since: int, decided: Sequence[bool]) -> None:
        super().__init__(title, inputs, since)
        self.comparisons: list[_Comparison] = []
        self._decided = decided

    def compared(self, symbol: str, left: Any, right: Any, outcome: bool) -> None:
        """Note a comparison: it becomes a guard."""
        if not isinstance(right, Value):
            symbol, right = with_a_float(symbol, right)
        self.comparisons.append(_Comparison(symbol, (left, right), outcome))

    def decided(self, symbol: str, left: Any, right: Any, outcome: bool) -> bool:
        """Note a comparison, and return how it comes out."""
        if len(self.comparisons) < len(self._decided):
            outcome = self._decided[len(self.comparisons)]
        return super().decided(symbol, left, right, outcome)

    def refuse(self, action: str) -> None:
        """Raise, now and when the function ends; if it is for a text, only then."""
        refuse = self._refuse_later if action in _TEXTS else self._refuse
        refuse(
            f"inside {self.title}, {action} would make a constant of a number that depends on the arguments: "
            "write mg.sin(v) for math.sin(v), and so on, collect Values in lists or object arrays, and name arguments "
            "that are not numbers to calculate with in static_argnames"
        )

    def refuse_change(self, action: str) -> None:
        """Raise, now and when the function ends."""
        self._refuse(f"inside {self.title}, {action} cannot be assigned: it would only be done while recording")

    def _refuse_later(self, message: str) -> None:
        self.refusal = self.refusal or TypeError(message)

    def _refuse(self, message: str) -> None:
        self._refuse_later(message)
        assert self.refusal is not None
        raise self.refusal


class Recording:
    """One run of a function.

    Args:
        function: What to run. It takes the inputs, as Values.
        name: What messages call it.
        numbers: The arguments' numbers.
        differentiate: The places of the numbers to differentiate by, besides the leaves from outside: what is recorded
            then gives the function's result and a list of derivatives. None for no derivatives.
        none: Whether None may stand among the numbers that the function returns.
        transform: What records it, for messages.
        known: Leaves that come first among `leaves`, also if the function does not refer to them: where derivatives by
            them are wanted, these are there.
        decided: How the first comparisons come out, whatever the numbers are.

    Attributes:
        program: Its inputs are the numbers, and then the data of `leaves`.
        leaves: The leaves that the function refers to from outside.
        structure: That of what it returned.
        results: What it returned: floats.

    Raises:
        TypeError: The function returned something that is not a number, or used a result from outside.
    """

    def __init__(
        self,
        function: Callable[[list[Value]], Any],
        name: str,
        numbers: list[float],
        differentiate: Sequence[int] | None = None,
        none: bool = False,
        transform: str = "jit",
        known: Sequence[Value] = (),
        decided: Sequence[bool] = (),
    ) -> None:
        __tracebackhide__ = True
        since = fresh_marks()
        inputs = [Value(number) for number in numbers]
        recorder = _GuardedRun(f"{transform} of {name}", inputs, since, decided)
        leaves, there = [*known], {id(leaf) for leaf in known}

        def differentiated(inputs: list[Value]) -> Any:
            __tracebackhide__ = True
            returned = function(inputs)
            if differentiate is None:
                return returned
            output = as_value(one_number(returned, name, "backward"))
            found = (leaf for leaf in leaves_from_outside([output], since, name) if id(leaf) not in there)
            leaves.extend(found)
            return output, gradients(output, [*(inputs[place] for place in differentiate), *leaves])

        returned = recorder.call(differentiated, inputs)
        outputs, self.structure = _flat(returned, name, none, transform)
        self.results = [output._number if isinstance(output, Value) else output for output in outputs]
        compared = [operand for comparison in recorder.comparisons for operand in comparison.operands]
        roots = [thing for thing in (*compared, *outputs) if isinstance(thing, Value)]
        self.leaves = leaves_from_outside(roots, since, name)
        if differentiate is not None:
            # Those that only a comparison uses come last, and have no derivative.
            self.leaves = list(dict.fromkeys([*leaves, *self.leaves]))
        self._known = [*inputs, *self.leaves]
        self._outputs = outputs
        builder = Builder(Program(len(self._known)), self._known)
        self._comparisons = recorder.comparisons
        self._guards = [  # the places of those that say something new
            place
            for place, comparison in enumerate(recorder.comparisons)
            if builder.guard(comparison.symbol, *_places(builder, comparison), comparison.outcome)
        ]
        self.program = builder.finish([builder.place(output) for output in outputs])
        self._has_coincidences = builder.coincidences > 0

    def outcomes(self, count: int) -> list[bool]:
        """Return how the first guards come out, or all if there are fewer."""
        return [guard.outcome for _, guard in self.program.guards[:count]]

    def decisions(self, guard: int) -> list[bool]:
        """Return how comparisons came out up to a guard, by its index, which is to come out otherwise."""
        *before, outcome = (comparison.outcome for comparison in self._comparisons[: self._guards[guard] + 1])
        return [*before, not outcome]

    def regular_program(self) -> Program:
        """Return a program that does the same in each turn of a loop over data, whatever numbers these are.

        It has the guards of `program`, and gives the same bits, but does more.
        """
        if not self._has_coincidences:
            return self.program
        builder = Builder(Program(len(self._known)), self._known, is_regular=True)
        for comparison in map(self._comparisons.__getitem__, self._guards):
            builder.add_guard(comparison.symbol, *_places(builder, comparison), comparison.outcome)
        return builder.finish([builder.place(output) for output in self._outputs])


def _places(builder: Builder, comparison: _Comparison) -> tuple[Place, Place]:
    left, right = comparison.operands
    return builder.place(left), builder.place(right)


def _flat(returned: Any, name: str, none: bool, transform: str) -> tuple[list[Any], Structure]:
    try:
        return flatten(returned, f"the result of {name}", none=none)
    except TypeError as error:
        raise TypeError(f"{transform} compiles functions that return numbers: {error}") from None
