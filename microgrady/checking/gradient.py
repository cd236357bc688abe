"""Hold a claimed gradient against finite differences."""

from __future__ import annotations

import copy
import functools
import inspect
import math
import random
from collections.abc import Callable, Iterable
from typing import Any

from microgrady.checking.estimate import Estimate
from microgrady.checking.numeric import numeric_derivative
from microgrady.checking.report import Entry, Report
from microgrady.checking.verdict import judge
from microgrady.inputs import as_number, describe, is_number
from microgrady.transforms import jacobian
from microgrady.trees import flatten, paths
from microgrady.value import Value

MANY = 300  # estimates from which on a progress bar is shown


def check_gradient(
    f: Callable[..., Any],
    *point: Any,
    gradient: Any = None,
    order: int = 1,
    directions: int | None = None,
    tolerance: float | None = None,
) -> Report:
    """Check the derivatives of `f` at a point: microgrady's own, or anybody's.

    Each derivative is estimated by finite differences with a bound on the error, and the claim is
    judged by that: it can match, mismatch, or be left open where the estimate proves nothing.

    Args:
        f: A function of numbers, or of lists, tuples, dicts and arrays of numbers. It is called with
            floats and float64 arrays. Its result is a number or any such structure of numbers;
            tensors and arrays of other libraries will do.
        *point: Where to check, one for each argument of `f`.
        gradient: The claim: a function of the same arguments, or the numbers themselves, in the
            structure of the argument (a tuple for several arguments); for an `f` of several results
            that structure in the place of each result. microgrady's derivative if None.
        order: 1 for first derivatives, 2 for all second derivatives.
        directions: Check the slope along that many random directions, not that by each input. For
            points with so many inputs that each alone would take too long.
        tolerance: The relative difference that still matches. By default 1e-5, or what the bound of
            the estimate calls for, at most 5e-4.

    Returns:
        The report: true if all derivatives match; printed, a table.

    Raises:
        TypeError: `f` cannot be called, or it or the point gives something else than numbers.
        ValueError: the point lies outside the domain of `f`, the claim has another structure than
            the derivative, or `order` or `directions` is none of the allowed ones.

    Example:
        >>> import microgrady as mg
        >>> print(check_gradient(lambda x, y: x * mg.sin(y), 2.0, 1.0).summary())
        2 of 2 derivatives match
        >>> bool(check_gradient(lambda x: x**3, 2.0, gradient=lambda x: 3 * x))
        False
    """
    if not callable(f):
        raise TypeError(f"check_gradient takes a function, not {describe(f)}")
    if not point:
        raise ValueError("check_gradient takes the point to check at after the function, but none came")
    if type(order) is not int or order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, not {order!r}")
    if tolerance is not None and not (is_number(tolerance) and 0.0 <= tolerance < math.inf):
        raise ValueError(f"tolerance must be a real number of at least 0, not {describe(tolerance)}")
    if directions is not None and not (type(directions) is int and directions >= 1 and order == 1):
        raise ValueError(f"directions must be an int of at least 1, for first derivatives, not {directions!r}")
    function = _Function(f, point)
    if not function.numbers or not function.results:
        raise ValueError("there is nothing to check: the point or the result of the function has no numbers")
    floats = function.structure.rebuild(function.numbers)
    if order == 2:
        function = _Slopes(function)
    if gradient is None:
        argnums = 0 if len(point) == 1 else tuple(range(len(point)))
        gradient = functools.reduce(lambda derivative, _: jacobian(derivative, argnums), range(order), f)
    claims = _claims(function, gradient, floats)
    lines = function.axes() if directions is None else function.random_lines(directions)
    entries: list[list[Entry]] = [[] for _ in function.results]
    for line in _with_progress(lines, len(function.results)):
        for position, (result, claimed, row) in enumerate(zip(function.results, claims, entries, strict=True)):
            claim = math.fsum(claimed[index] * weight for index, weight in line.weights.items())
            estimate = numeric_derivative(line.component(position), line.start, function.grain(position))
            row.append(Entry(result + line.name, claim, estimate, judge(claim, estimate, tolerance)))
    return Report(tuple(entry for row in entries for entry in row))


def is_differentiable(f: Callable[..., Any], *point: Any) -> bool:
    """Whether `f` is defined at a point and has a derivative by each input, as finite differences see it.

    Example:
        >>> is_differentiable(abs, 1.0), is_differentiable(abs, 0.0)
        (True, False)
    """
    try:
        function = _Function(f, point)
        return all(
            numeric_derivative(line.component(position), line.start).kind == "smooth"
            for line in function.axes()
            for position in range(len(function.results))
        )
    except ValueError:  # outside the domain
        return False


class _Line:
    """A straight line through the point: a function of one number with a list of results.

    Args:
        name: That of the input, or of the direction.
        start: Where the point is on it.
        values: The results at a place on it.
        weights: How much each input changes along it.
    """

    def __init__(
        self, name: str, start: float, values: Callable[[float], list[float]], weights: dict[int, float]
    ) -> None:
        self.name = name
        self.start = start
        self.values = values
        self.weights = weights
        self.known: dict[float, list[float] | None] = {}

    def component(self, position: int) -> Callable[[float], float]:
        """One of the results as a function. The steps for one are mostly those for the others."""

        def evaluate(place: float) -> float:
            if place not in self.known:
                self.known[place] = None
                self.known[place] = self.values(place)
            values = self.known[place]
            return math.nan if values is None else values[position]

        return evaluate


class _Function:
    """A function of nested arguments as a function from a list of floats to a list of floats.

    Attributes:
        numbers: The point.
        inputs: How to write each input.
        input_places: Where each input stands in its argument.
        results: How to write each result, as the beginning of an entry's name.
        result_places: Where each result stands in what the function returns.
    """

    def __init__(self, function: Callable[..., Any], point: tuple[Any, ...]) -> None:
        self.function = function
        numbers, self.structure = flatten(point, "the point")
        self.numbers = [number.data if isinstance(number, Value) else number for number in numbers]
        names = _argument_names(function, len(point))
        self.inputs = [path for name, part in zip(names, point, strict=True) for path in paths(part, name)]
        self.input_places = _places(point[0] if len(point) == 1 else point)
        pairs = [f"{name} = {number!r}" for name, number in zip(self.inputs, self.numbers, strict=True)]
        where = "at " + ", ".join(pairs[:5] + ["..."] * (len(pairs) > 5))
        try:
            result = function(*self.structure.rebuild(self.numbers))
        except Exception as error:
            raise ValueError(f"the function raises {type(error).__name__} {where}: {error}") from error
        values = flatten(_plain(result, f"the result of the function {where}"), "the result")[0]
        self.result_places = _places(result)
        written = ["".join(place) for place in self.result_places]
        self.results = [f"result{path} by " if path else "" for path in written]
        for path, value in zip(written, values, strict=True):
            if not math.isfinite(value):
                raise ValueError(f"the function is not defined {where}: the result{path} is {value}")

    def __call__(self, numbers: list[float]) -> list[float]:
        return flatten(_plain(self.function(*self.structure.rebuild(numbers)), "the result"), "the result")[0]

    def grain(self, position: int) -> float:
        """How coarse a result is known to be."""
        return 0.0

    def axes(self) -> list[_Line]:
        """The lines along which one input changes."""

        def axis(index: int) -> _Line:
            def values(place: float) -> list[float]:
                return self([*self.numbers[:index], place, *self.numbers[index + 1 :]])

            return _Line(self.inputs[index], self.numbers[index], values, {index: 1.0})

        return [axis(index) for index in range(len(self.numbers))]

    def random_lines(self, count: int) -> list[_Line]:
        """Lines in random directions, always the same ones; every input changes on its own scale."""
        generator = random.Random(count)

        def line(number: int) -> _Line:
            direction = [generator.gauss() * (abs(x) or 1.0) for x in self.numbers]

            def values(place: float) -> list[float]:
                return self([x + place * change for x, change in zip(self.numbers, direction, strict=True)])

            return _Line(f"direction {number}", 0.0, values, dict(enumerate(direction)))

        return [line(number) for number in range(1, count + 1)]


class _Slopes(_Function):
    """The first derivatives of a function, themselves estimated: second derivatives are checked against them."""

    def __init__(self, first: _Function) -> None:
        self.first = first
        self.numbers, self.inputs, self.input_places = first.numbers, first.inputs, first.input_places
        self.results = [f"{result}{name}, " for result in first.results for name in first.inputs]
        self.result_places = [_joined(place, by) for place in first.result_places for by in first.input_places]

        self.grains = [estimate.error for estimate in self.estimates(self.numbers)]

    def __call__(self, numbers: list[float]) -> list[float]:
        return [estimate.value for estimate in self.estimates(numbers)]

    def grain(self, position: int) -> float:
        """The bound on the error of a first derivative."""
        grain = self.grains[position]
        return grain if math.isfinite(grain) else 0.0

    def estimates(self, numbers: list[float]) -> list[Estimate]:
        """The first derivatives, for each result by each input."""
        moved = copy.copy(self.first)
        moved.numbers = numbers
        axes = moved.axes()
        return [
            numeric_derivative(axis.component(position), axis.start)
            for position in range(len(self.first.results))
            for axis in axes
        ]


def _claims(function: _Function, gradient: Any, point: tuple[Any, ...]) -> list[list[float]]:
    """The claimed derivatives, a row for each result."""
    try:
        claimed = gradient(*point) if callable(gradient) else gradient
    except TypeError:  # says already what is wrong, if it is microgrady's
        raise
    except Exception as error:
        raise ValueError(f"the claimed gradient raises {type(error).__name__} at the point: {error}") from error
    claimed = _plain(claimed, "the claimed gradient")
    numbers = dict(zip(paths(claimed), flatten(claimed, "the claimed gradient")[0], strict=True))
    expected = [["".join(_joined(place, by)) for by in function.input_places] for place in function.result_places]
    missing = {path for row in expected for path in row} ^ set(numbers)
    if missing:
        path = min(missing)
        problem = "has none" if path not in numbers else "has one, which belongs to no input,"
        raise ValueError(
            f"the claimed gradient must have a number for each input{' of each result' if len(expected) > 1 else ''}, "
            f"but {problem} at {path or 'its top'}: it is {describe(claimed)}"
        )
    return [[numbers[path] for path in row] for row in expected]


def _places(tree: Any) -> list[tuple[str, str]]:
    """For each number the way through lists and dicts, and that through the array at its end."""
    if isinstance(tree, dict):
        branches = [(f"[{key!r}]", branch) for key, branch in tree.items()]
    elif isinstance(tree, (list, tuple)):
        branches = [(f"[{place}]", branch) for place, branch in enumerate(tree)]
    else:
        return [("", path) for path in paths(_plain(tree, "the tree"))]
    return [(step + outer, inner) for step, branch in branches for outer, inner in _places(branch)]


def _joined(place: tuple[str, str], by: tuple[str, str]) -> tuple[str, str]:
    """Where the derivative of a number at one place by a number at another stands, as in `jacobian`'s result."""
    return place[0] + by[0], place[1] + by[1]


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the positional parameters; x0, x1, ... where they have none of their own."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in positional][:count]
    return names + [f"x{position}" for position in range(len(names), count)]


def _plain(tree: Any, what: str) -> Any:
    """`tree` in floats, lists and dicts, whatever library its arrays are of."""
    if isinstance(tree, Value):
        return tree.data
    number = as_number(tree)
    if number is not None:
        return number
    if isinstance(tree, dict):
        return {key: _plain(branch, f"{what}[{key!r}]") for key, branch in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_plain(branch, f"{what}[{place}]") for place, branch in enumerate(tree)]
    if hasattr(tree, "tolist") and not isinstance(tree, type):
        return _plain(tree.tolist(), what)
    raise TypeError(f"{what} must be a real number or a nested structure of real numbers, not {describe(tree)}")


def _with_progress(lines: list[_Line], results: int) -> Iterable[_Line]:
    if len(lines) * results <= MANY:
        return lines
    try:
        from tqdm import tqdm
    except ImportError:  # it is a comfort, not a need
        return lines
    return iter(tqdm(lines, desc="check_gradient", unit="input", leave=False))
