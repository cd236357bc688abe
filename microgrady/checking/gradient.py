"""Hold a claimed gradient against finite differences."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import itertools
import math
import random
import re
from collections.abc import Callable, Iterable
from typing import Any

from microgrady.checking.estimate import Estimate, Kind
from microgrady.checking.evaluation import evaluate, plain, without_warnings
from microgrady.checking.numeric.derivative import numeric_derivative
from microgrady.checking.report import Entry, Report
from microgrady.checking.verdict import Verdict, judge
from microgrady.inputs import as_number, describe, require_function
from microgrady.introspection import name_of, parameters_of, takes_unpacked
from microgrady.tracebacks import entrance
from microgrady.transforms import jacobian
from microgrady.trees import Structure, flatten
from microgrady.value import Value

MANY = 300  # estimates from which on a progress bar is shown
TWO_VALUES, TWO_CLAIMS = "two values at one point", "two claims at one point"
UNKNOWN = Estimate(math.nan, math.inf, 0, math.nan, math.nan, kind=Kind.NOISY)


@entrance
def check_gradient(
    f: Callable[..., Any],
    *point: Any,
    gradient: Any = None,
    order: int = 1,
    directions: int | None = None,
    tolerance: float | None = None,
) -> Report:
    """Check the derivatives of `f` at a point: microgrady's own, or anybody's.

    Each derivative is estimated by finite differences with a bound on the error, and the claim is judged by that: it
    can match, mismatch, or be left open where the estimate proves nothing.

    Args:
        f: A function of numbers, or of such structures of them as `grad` takes. It is called with floats and float64
            arrays, and with Values where it raises for these or does not give a real number. Its result is a number or
            any such structure of numbers; tensors and arrays of other libraries will do.
        *point: Where to check, one for each argument of `f`.
        gradient: The claim: a function of the same arguments, or the numbers themselves, in the structure of the
            argument (a tuple for several arguments); for an `f` of several results that structure in the place of each
            result. microgrady's derivative if None.
        order: 1 for first derivatives, 2 for all second derivatives.
        directions: Check the slope along that many random directions, not that by each input. For points with so many
            inputs that each alone would take too long.
        tolerance: The relative difference that still matches. By default 1e-5, or what the bound of the estimate calls
            for, at most 5e-4.

    Returns:
        The report: true if all derivatives match; printed, a table. Where `f` or the claim gives two values at the
            point, since it is random or keeps state, it says so and nothing is proved.

    Raises:
        TypeError: `f` cannot be called, or it or the point gives something else than numbers.
        ValueError: the point lies outside the domain of `f`, the claim has another structure than the derivative, or
            `order` or `directions` is not one of those allowed.
        Exception: what `f` or the claim raises at the point, where that does not mean the end of a domain.

    Example:
        >>> import microgrady as mg
        >>> print(check_gradient(lambda x, y: x * mg.sin(y), 2.0, 1.0).summary())
        2 of 2 derivatives match
        >>> bool(check_gradient(lambda x: x**3, 2.0, gradient=lambda x: 3 * x))
        False
    """
    _require_function("check_gradient", f, point)
    _require_options(order, directions, tolerance)
    with without_warnings():
        first = _Function(f, point)
        if not first.numbers or not first.results:
            raise ValueError("there is nothing to check: the point or the result of the function has no numbers")
        first.look_again()
        function = _Slopes(first) if order == 2 else first
        claims = _Derivative(function, f, order, len(point)) if gradient is None else _Claims(function, gradient)
        lines = function.axes() if directions is None else function.random_lines(directions)
        rows = _judged(function, claims, lines, tolerance)
        function.look_again()
        claims.look_again()
    return Report(tuple(_doubted(function, claims, rows)), (*function.remarks(), *claims.remarks()))


def _judged(function: _Function, claims: _Claims, lines: list[_Line], tolerance: float | None) -> list[list[Entry]]:
    """Return a row of entries for each result, in the order of the lines."""
    rows: list[list[Entry]] = [[] for _ in function.results]
    for line in _with_progress(lines, len(function.results)):
        for position, (result, row) in enumerate(zip(function.results, rows, strict=True)):
            claim, estimate = claims.along(line, position), function.estimate(line, position)
            row.append(Entry(result + line.name, claim, estimate, judge(claim, estimate, tolerance)))
    return rows


def _doubted(function: _Function, claims: _Claims, rows: list[list[Entry]]) -> Iterable[Entry]:
    """Yield the entries, without a verdict where the function or the claim is not the same each time."""
    for position, row in enumerate(rows):
        reason = function.doubt(position) or claims.doubt(position)
        for entry in row:
            yield dataclasses.replace(entry, verdict=Verdict.INCONCLUSIVE, reason=reason) if reason else entry


@entrance
def is_differentiable(f: Callable[..., Any], *point: Any) -> bool:
    """Return whether `f` is defined at a point and has a derivative by each input, as finite differences see it.

    Example:
        >>> is_differentiable(abs, 1.0), is_differentiable(abs, 0.0)
        (True, False)
    """
    _require_function("is_differentiable", f, point)
    try:
        function = _Function(f, point)
        return all(
            numeric_derivative(line.component(position), line.start).kind == Kind.SMOOTH
            for line in function.axes()
            for position in range(len(function.results))
        )
    except (ValueError, ArithmeticError):  # outside the domain
        return False


def _require_function(caller: str, f: object, point: tuple[Any, ...]) -> None:
    require_function(caller, f)
    if not point:
        raise ValueError(f"{caller} takes the point to check at after the function, but none came")
    if takes_unpacked(f, point):  # type: ignore[arg-type]
        raise TypeError(
            f"{caller} gives {name_of(f)} the point as it is, one argument, and it takes {len(point[0])}: write "
            f"{caller}(f, *point) for the numbers in a sequence"
        )


def _require_options(order: Any, directions: Any, tolerance: Any) -> None:
    if type(order) is not int or order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, not {order!r}")
    allowed = as_number(tolerance)
    if tolerance is not None and not (allowed is not None and 0.0 <= allowed < math.inf):
        raise ValueError(f"tolerance must be a real number of at least 0, not {describe(tolerance)}")
    if directions is not None and not (type(directions) is int and directions >= 1 and order == 1):
        raise ValueError(f"directions must be an int of at least 1, for first derivatives, not {directions!r}")


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
        """Return one of the results as a function, which is nan where it raises.

        All are kept: the steps that are taken for one result are mostly those for the others, too.
        """

        def evaluate(place: float) -> float:
            if place not in self.known:
                self.known[place] = None
                with contextlib.suppress(Exception):
                    self.known[place] = self.values(place)
            values = self.known[place]
            return math.nan if values is None else values[position]

        return evaluate


class _Steady:
    """What is called at the point more than once, and should give the same each time.

    Attributes:
        what: How a sentence names it.
        places: Where each number stands in what it gives, for such a sentence.
        seen: What the first call gave.
        changes: For each number that was another one later, both.
    """

    def __init__(self, what: str, places: list[str], seen: list[float]) -> None:
        self.what = what
        self.places = places
        self.seen = seen
        self.changes: dict[int, str] = {}

    def call(self) -> list[float]:
        """Return the numbers, anew."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Call once more, and remember what has changed."""
        try:
            now = self.call()
            later = [repr(number) for number in now]
            if len(now) != len(self.seen):
                later = [f"{len(now)} numbers instead of {len(self.seen)}"] * len(self.seen)
        except Exception as error:
            later = [f"an error, {type(error).__name__}"] * len(self.seen)
        for place, (number, text) in enumerate(zip(self.seen, later, strict=True)):
            if text != repr(number) and not (number == 0.0 and text in ("0.0", "-0.0")):
                self.changes.setdefault(place, f"{number!r} and then {text}")

    def remarks(self) -> list[str]:
        """Return a sentence on what has changed, if anything has."""
        if not self.changes:
            return []
        first = min(self.changes)
        where = f" at {self.places[first]}" if self.places[first] else ""
        others = f" ({len(self.changes)} numbers differ)" if len(self.changes) > 1 else ""
        return [
            f"{self.what} gave two values at one point: {self.changes[first]}{where}{others}. "
            "It is random or keeps state, so nothing is proved of its derivatives."
        ]


class _Function(_Steady):
    """A function of nested arguments as a function from a list of floats to a list of floats.

    Attributes:
        numbers: The point.
        inputs: How to write each input.
        input_structure: That of the argument, or of all if there are several.
        input_places: Where each input stands in its argument.
        results: How to write each result, as the beginning of an entry's name.
        result_places: Where each result stands in what the function returns.
    """

    def __init__(self, function: Callable[..., Any], point: tuple[Any, ...]) -> None:
        self.function = function
        numbers, self.structure = flatten(point, "the point")
        self.numbers = [number.data if isinstance(number, Value) else number for number in numbers]
        names = _argument_names(function, len(point))
        arguments = zip(self.structure.children, names, strict=True)
        self.inputs = [leaf for argument, name in arguments for leaf in argument.leaf_names(name)]
        self.input_structure = self.structure.children[0] if len(point) == 1 else self.structure
        self.input_places = self.input_structure.places()
        pairs = [f"{name} = {number!r}" for name, number in zip(self.inputs, self.numbers, strict=True)]
        for pair, number in zip(pairs, self.numbers, strict=True):
            if not math.isfinite(number):
                raise ValueError(f"the point must be finite numbers, not {pair}")
        where = "at " + ", ".join(pairs[:5] + ["..."] * (len(pairs) > 5))

        def read(result: Any) -> tuple[list[float], Structure]:
            return plain(result, f"the result of the function {where}", self.structure.has_none)

        def message(error: Exception) -> str:
            return f"the function raises {type(error).__name__} {where}"

        values, results = evaluate(function, self.numbers, read, self.structure.rebuild, message)
        self.result_places = results.places()
        written = ["".join(place) for place in self.result_places]
        self.results = [f"result{place} by " if place else "" for place in written]
        for place, value in zip(written, values, strict=True):
            if not math.isfinite(value):
                raise ValueError(f"the function is not defined {where}: the result{place} is {value}")
        super().__init__("the function", [place and f"result{place}" for place in written], values)

    def __call__(self, numbers: list[float]) -> list[float]:
        def read(result: Any) -> list[float]:
            return plain(result, "the result", self.structure.has_none)[0]

        return evaluate(self.function, numbers, read, self.structure.rebuild)

    def call(self) -> list[float]:
        return self(self.numbers)

    def doubt(self, position: int) -> str:
        """Return why nothing can be said of the derivatives of a result; empty if nothing speaks against it."""
        return TWO_VALUES if position in self.changes else ""

    def estimate(self, line: _Line, position: int) -> Estimate:
        """Return the slope of one result along a line.

        Raises:
            ValueError: the function is defined at the point but nowhere near it.
        """
        try:
            return numeric_derivative(line.component(position), line.start, self.grain(position))
        except ValueError:  # so looks a function that gives nothing from the second call on
            self.look_again()
            if self.doubt(position):
                return UNKNOWN
            raise

    def grain(self, position: int) -> float:
        """Return how coarse a result is known to be."""
        return 0.0

    def axes(self) -> list[_Line]:
        """Return the lines along which one input changes."""

        def axis(index: int) -> _Line:
            def values(place: float) -> list[float]:
                return self([*self.numbers[:index], place, *self.numbers[index + 1 :]])

            return _Line(self.inputs[index], self.numbers[index], values, {index: 1.0})

        return [axis(index) for index in range(len(self.numbers))]

    def random_lines(self, count: int) -> list[_Line]:
        """Return lines in random directions, always the same ones; every input changes on its own scale."""
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
        self.structure, self.input_structure = first.structure, first.input_structure
        self.numbers, self.inputs, self.input_places = first.numbers, first.inputs, first.input_places
        self.results = [f"{result}{name}, " for result in first.results for name in first.inputs]
        self.result_places = [_joined(place, by) for place in first.result_places for by in first.input_places]
        self.slopes = self.estimates(self.numbers)
        self.bounds: dict[tuple[float, ...], list[float]] = {}

    def __call__(self, numbers: list[float]) -> list[float]:
        slopes = self.estimates(numbers)
        self.bounds[tuple(numbers)] = [slope.error for slope in slopes]
        return [slope.value for slope in slopes]

    def estimate(self, line: _Line, position: int) -> Estimate:
        """Return the slope of a first derivative: zero where it stays the same, as far as it is known anywhere."""
        found = super().estimate(line, position)
        error = self._flat_within(line, position)
        if not abs(found.value) <= error < math.inf:
            return found
        slope = self.slopes[position]
        scale = max(abs(slope.value), slope.scale) / (abs(line.start) or 1.0)
        return Estimate(0.0, error, found.evaluations, found.noise, found.step, 0.0, 0.0, scale=scale)

    def _flat_within(self, line: _Line, position: int) -> float:
        """Return a bound on the slope of a first derivative, inf if it is not the same at all places.

        The same is what lies within the bounds on both errors.
        """
        (index,) = line.weights
        origin, widest, error = self.slopes[position], 0.0, math.inf
        for place, values in line.known.items():
            if values is None or math.isnan(values[position]):
                continue
            bound = origin.error + self.bounds[(*self.numbers[:index], place, *self.numbers[index + 1 :])][position]
            if not abs(values[position] - origin.value) <= bound:
                return math.inf
            distance = abs(place - line.start)
            if widest < distance <= (abs(line.start) or 1.0):
                widest, error = distance, bound / distance
        return error

    def look_again(self) -> None:
        self.first.look_again()

    def remarks(self) -> list[str]:
        return self.first.remarks()

    def doubt(self, position: int) -> str:
        return self.first.doubt(position // len(self.inputs))

    def grain(self, position: int) -> float:
        """Return the bound on the error of a first derivative."""
        grain = self.slopes[position].error
        return grain if math.isfinite(grain) else 0.0

    def estimates(self, numbers: list[float]) -> list[Estimate]:
        """Return the first derivatives, for each result by each input."""
        moved = copy.copy(self.first)
        moved.numbers = numbers
        axes = moved.axes()
        found = []
        for position in range(len(self.first.results)):
            for axis in axes:
                try:
                    found.append(numeric_derivative(axis.component(position), axis.start))
                except ValueError:
                    if not self.doubt(len(found)):
                        raise
                    found.append(UNKNOWN)
        return found


class _Claims(_Steady):
    """The claimed derivatives, a row for each result.

    Args:
        function: What they are the derivatives of.
        gradient: A function of the point, or the numbers.
    """

    def __init__(self, function: _Function, gradient: Any, what: str = "the claimed gradient") -> None:
        self.function, self.gradient, self.what = function, gradient, what
        expected = [["".join(_joined(place, by)) for by in function.input_places] for place in function.result_places]
        self.places = [place for row in expected for place in row]
        super().__init__(what, self.places, self.call())

    def call(self) -> list[float]:
        numbers, claimed = self.claimed()
        missing = set(self.places) ^ set(numbers)
        if missing:
            raise ValueError(self._misfit(list(numbers), min(missing), claimed))
        return [numbers[place] for place in self.places]

    def _misfit(self, places: list[str], wrong: str, claimed: Any) -> str:
        """Say how the claimed numbers do not fit what they are to be: by their shapes, or by one place that is wrong.

        Args:
            places: Where the numbers stand.
            wrong: One place where a number is missing, or belongs to no input.
            claimed: What the numbers stand in.
        """
        each = " of each result" if len(self.function.result_places) > 1 else ""
        wish = f"must have a number for each input{each}"
        given, wanted = _shape_of(places), _shape_of(self.places)
        names = self.function.inputs
        inputs = f" ({', '.join(names)})" if 1 < len(names) < 5 and not each else ""
        if given == () and wanted is None:
            inputs = inputs or f" ({names[0]})" * (len(names) == 1)
            return f"{self.what} is one number, but {wish}: {_written_shape((len(self.places),))}{inputs}"
        if given is None or wanted is None:
            for part, theirs, ours in _parts_along(wrong, places, self.places):
                if theirs is not None and ours is not None and theirs != ours:
                    shapes = f"{_written_shape(theirs)} at {part}, and not {_written_shape(ours)}"
                    return f"{self.what} {wish}, but is {shapes}"
            problem = "has one, which belongs to no input," if wrong in places else "has none"
            return f"{self.what} {wish}, but {problem} at {wrong or 'its top'}: it is {describe(claimed)}"
        hint = "; transpose it" if len(given) > 1 and given == wanted[::-1] else ""
        return f"{self.what} is {_written_shape(given)}, but {wish}: {_written_shape(wanted)}{inputs}{hint}"

    def claimed(self) -> tuple[dict[str, float], Any]:
        """Return the numbers that are claimed, by where they stand, and the claim as it was given."""
        gradient, function = self.gradient, self.function

        def message(error: Exception) -> str:
            return f"{self.what} raises {type(error).__name__} at the point"

        def read(claimed: Any) -> tuple[dict[str, float], Any]:
            numbers, structure = plain(claimed, self.what, function.structure.has_none)
            order = function.input_structure.order_in(structure) if function.result_places == [("", "")] else None
            if order is not None:  # also where labels of pandas come in another order
                return dict(zip(self.places, [numbers[place] for place in order], strict=True)), claimed
            return dict(zip(map("".join, structure.places()), numbers, strict=True)), claimed

        if not callable(gradient):
            return read(gradient)
        return evaluate(gradient, function.numbers, read, function.structure.rebuild, message)

    def row(self, position: int) -> range:
        """Return which of the numbers belong to a result."""
        inputs = len(self.function.input_places)
        return range(position * inputs, (position + 1) * inputs)

    def along(self, line: _Line, position: int) -> float:
        """Return the claimed slope of a result along a line."""
        row = self.row(position)
        return math.fsum(self.seen[row[index]] * weight for index, weight in line.weights.items())

    def doubt(self, position: int) -> str:
        """Return why no verdict on the derivatives of a result can be given; empty if nothing speaks against it."""
        return TWO_CLAIMS if self.changes.keys() & set(self.row(position)) else ""


class _Derivative(_Claims):
    """What microgrady says itself, which is the same each time if the function is."""

    def __init__(self, function: _Function, f: Callable[..., Any], order: int, arguments: int) -> None:
        argnums = 0 if arguments == 1 else tuple(range(arguments))
        derivative = functools.reduce(lambda derivative, _: jacobian(derivative, argnums), range(order), f)
        try:
            super().__init__(function, derivative, "microgrady's derivative of the function")
        except Exception as error:
            function.look_again()
            for remark in function.remarks():
                error.add_note(remark)
            raise

    def look_again(self) -> None:
        """Do nothing: it is the function itself that is called again."""


def _joined(place: tuple[str, str], by: tuple[str, str]) -> tuple[str, str]:
    """Return where the derivative of a number at one place by a number at another stands, as in `jacobian`'s result."""
    return place[0] + by[0], place[1] + by[1]


def _shape_of(places: list[str]) -> tuple[int, ...] | None:
    """Return the shape of the array whose numbers stand at these places; None if no array has them."""
    indices = [tuple(map(int, re.findall(r"\[(\d+)\]", place))) for place in places]
    shape = tuple(map(max, zip(*indices, strict=False)))
    shape = tuple(largest + 1 for largest in shape)
    every = ("".join(f"[{index}]" for index in one) for one in itertools.product(*map(range, shape)))
    return shape if set(every) == set(places) else None


def _parts_along(
    place: str, given: list[str], wanted: list[str]
) -> Iterable[tuple[str, tuple[int, ...] | None, tuple[int, ...] | None]]:
    """Yield the parts in which a place is, the largest first, with the shapes that are given and wanted."""
    steps = re.findall(r"\[(?:'[^']*'|\d+)\]", place)
    for count in range(1, len(steps) + 1):
        part = "".join(steps[:count])
        inside = [[each[len(part) :] for each in places if each.startswith(part)] for places in (given, wanted)]
        yield part, _shape_of(inside[0]), _shape_of(inside[1])


def _written_shape(shape: tuple[int, ...]) -> str:
    if not shape:
        return "one number"
    return f"{shape[0]} numbers" if len(shape) == 1 and shape[0] > 1 else f"an array of shape {shape}"


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return the names of the positional parameters; x0, x1, ... where they have none of their own."""
    names = parameters_of(function).by_position[:count]
    return names + [f"x{position}" for position in range(len(names), count)]


def _with_progress(lines: list[_Line], results: int) -> Iterable[_Line]:
    if len(lines) * results <= MANY:
        return lines
    try:
        from tqdm import tqdm
    except ImportError:  # it is a comfort, not a need
        return lines
    return iter(tqdm(lines, desc="check_gradient", unit="input", leave=False))
