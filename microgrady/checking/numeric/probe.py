"""The function around one point: its values, each computed once, and the end of its domain."""

from __future__ import annotations

import decimal
import math
import reprlib
import struct
from collections.abc import Callable

from microgrady.checking.evaluation import evaluate, plain_number
from microgrady.checking.numeric.window import COARSEST_ROUNDING, Window, unit

EVALUATIONS = 60  # of f, at most
NEIGHBOURS = 2.0**-47  # of |x|: 32 times the distance of neighbouring floats, where the search for an edge begins
HARDLY_ANY_DIGITS = 2.0**-1050  # a float below has too few neighbours for a window: it is looked at as zero is
NEAREST = 1e-290  # the same around zero: far below every scale, and its squares are still no trouble
EDGE_TRIES = 8  # bisections in search of the end of the domain, which need not be known exactly
EDGE_RATIO = 8.0  # within this factor the end of the domain is known well enough
WINDOW_TRIES = 6  # windows, each narrower than the distance to the end of the domain that the last one met

# A float32 has 24 of the 53 binary digits of a float64. Three values that need no more are not chance, unless
# they are whole numbers, which says nothing.
SINGLE_COARSENESS = 2.0**29
TELLING_VALUES = 3
FEW_DIGITS = 9  # decimal digits: values that need no more have been rounded


class ExhaustedError(Exception):
    """The allowed number of evaluations is used up."""


class Probe:
    """The function around one point: every value is computed once, a failure is nan.

    Attributes:
        count: How often f was called.
        origin: The value at the point.
        size: That of the point; 0 where its neighbours are too far away to look at.
        nearby: The largest absolute value in the windows that were smooth.
        side: 0, or +1 or -1 where f is looked at to one side of the point only.
        edge: Steps go no farther: the domain ends soon after that.
        inside: The domain is known to reach that far.
        blur: How much of the rounding of its argument f may show, in roundings.
        coarseness: The rounding of f, in that of float64: more than 1 where f computes in float32.
        decimal: The values of f have few decimal digits, and so are coarse.
        typical: The median size of a few values.
        least: The least rounding that the values of f are known to have.
    """

    __slots__ = (
        "blur",
        "coarseness",
        "count",
        "decimal",
        "edge",
        "function",
        "inside",
        "known",
        "least",
        "nearby",
        "origin",
        "point",
        "side",
        "size",
        "typical",
    )

    def __init__(self, function: Callable[[float], object], point: float, least: float = 0.0) -> None:
        self.function = function
        self.least = least
        self.point = point
        self.size = abs(point) if abs(point) > HARDLY_ANY_DIGITS else 0.0
        self.known: dict[float, float] = {}
        self.count = 1
        self.origin = _value_at_point(function, point)
        self.nearby = abs(self.origin)
        self.side = 0
        self.edge = math.inf
        self.inside = 0.0
        self.blur = 1.0
        self.coarseness = 1.0
        self.decimal = False
        self.typical = 0.0

    def at(self, offset: float) -> float:
        """Return the value at `point + offset`, nan outside the domain."""
        point = self.point + offset
        if point == self.point:
            return self.origin
        value = self.known.get(point)
        if value is None:
            if self.count >= EVALUATIONS:
                raise ExhaustedError
            self.count += 1
            # Whatever happens away from the point only says that the domain of f ends before.
            try:
                value = evaluate(self.function, (point,), _number)
            except Exception:
                value = math.nan
            if not math.isfinite(value):
                value = math.nan
            self.known[point] = value
        return value

    def grain(self, value: float) -> float:
        """Return the unit in the last place of a value of f."""
        return max(unit(value) * self.coarseness, self.least)

    def recognise_rounding(self, step: float) -> None:
        """Look at a few values, as far apart as the step, whether they are float32 or have few decimal digits."""
        seen = [self.origin, *(self.at(offset) for offset in (-step, step, -step / 2, step / 2))]
        sizes = sorted(abs(value) for value in seen if not math.isnan(value))
        self.typical = sizes[len(sizes) // 2]
        values = {value for value in seen if not (math.isnan(value) or value.is_integer())}
        if len(values) < TELLING_VALUES:
            return
        decimals = [decimal.Decimal(repr(value)).normalize().as_tuple() for value in values]
        if all(len(written.digits) <= FEW_DIGITS for written in decimals):
            grain, largest = min(10.0 ** int(written.exponent) for written in decimals), max(map(abs, values))
            if grain <= COARSEST_ROUNDING * largest:
                self.coarseness = max(1.0, grain / math.ulp(largest))
                self.decimal = True
        elif all(map(_is_single, values)):
            self.coarseness = SINGLE_COARSENESS

    def exact(self, step: float) -> float:
        """Return the step next to `step` that separates floats around the point."""
        return (self.point + step) - self.point if step < abs(self.point) else step

    def inexactness(self, step: float) -> float:
        """Return by how much `point + step` and `point - step` miss the distance `step`."""
        point = self.point
        return max(abs((point + step) - point - step), abs(point - (point - step) - step))

    def allows(self, evaluations: int) -> bool:
        """Return whether so many evaluations are left."""
        return self.count + evaluations <= EVALUATIONS

    def change(self, offset: float) -> float:
        """Return how far f moves over `offset`, to the side that is looked at (the right, if both are)."""
        return abs(self.at(offset * (self.side or 1)) - self.origin)

    def window(self, spacing: float) -> Window:
        """Return the window of that spacing, or of as much as the domain has room for."""
        for _ in range(WINDOW_TRIES):
            side = self.side
            room = self.edge / (7 if side else 4)  # one spacing more than the window needs
            spacing = self.exact(min(spacing, room)) or math.ulp(self.point)
            offsets = range(-3, 4) if side == 0 else range(0, 7 * side, side)
            values = [self.at(count * spacing) for count in offsets]
            reach = spacing * (3 if side == 0 else 6)
            if not any(map(math.isnan, values)):
                window = Window(self.point, spacing, side, values, self.blur, self.coarseness, self.least, self.typical)
                self.inside = max(self.inside, reach)
                if window.good:
                    self.nearby = max(self.nearby, *map(abs, values))
                return window
            self._find_edge(reach)
        raise ExhaustedError  # the domain is a handful of floats

    def _find_edge(self, far: float) -> None:
        """Find out on which side and about where the domain of f ends, which it does nearer than `far`."""
        near = max(self.inside, self.size * NEIGHBOURS or NEAREST)
        if self.side == 0 and not self.inside:
            gone = math.isnan(self.at(-near)), math.isnan(self.at(near))
            if gone == (True, True):
                raise ValueError(f"f has a value at {self.point!r} but none next to it")
            if any(gone):
                self.side = 1 if gone[0] else -1
                return
        for _ in range(EDGE_TRIES):
            if far <= EDGE_RATIO * near:
                break
            middle = math.sqrt(near) * math.sqrt(far)
            if self._defined(middle):
                near = middle
            else:
                far = middle
        self.edge = min(self.edge, near)

    def _defined(self, distance: float) -> bool:
        sides = (-1, 1) if self.side == 0 else (self.side,)
        return not any(math.isnan(self.at(sign * distance)) for sign in sides)

    def face(self, far: float) -> bool:
        """Turn to the side on which f reaches `far`, if there is just one. Return whether there is."""
        ends = [sign for sign in (-1, 1) if math.isnan(self.at(sign * far))]
        if len(ends) != 1 or self.side:
            return False
        self.side, self.edge, self.inside = -ends[0], math.inf, 0.0
        return True


def _value_at_point(function: Callable[[float], object], point: float) -> float:

    def message(error: Exception) -> str:
        return f"f({point!r}) raised {type(error).__name__}"

    def read(result: object) -> float:
        try:
            return _number(result)
        except TypeError:
            raise TypeError(
                f"f({point!r}) must be a real number, not {type(result).__name__}: {reprlib.repr(result)}"
            ) from None

    value = evaluate(function, (point,), read, message=message)
    if not math.isfinite(value):
        raise ValueError(f"f({point!r}) is {value}: the point lies outside the domain of f")
    return value


def _number(result: object) -> float:
    number = plain_number(result)
    if number is None:
        raise TypeError
    return number


def _is_single(value: float) -> bool:
    try:
        return bool(struct.unpack("f", struct.pack("f", value))[0] == value)
    except OverflowError:
        return False
