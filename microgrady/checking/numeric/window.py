"""A window: seven equally spaced values of a function, close together, and what they tell.

The table of their differences (Hamming, 1973; Moré and Wild, "Estimating computational noise", 2011)
shows the rounding noise, the slope, and whether the function has a kink or a jump there.
"""

from __future__ import annotations

import math
import operator
from itertools import pairwise

from microgrady.checking.estimate import Kind
from microgrady.checking.verdict import USUAL_TOLERANCE

# Times sqrt((k!)^2 / (2k)!) the k-th differences of white noise have the standard deviation of the noise.
NOISE_FACTORS = (1.0, 2**-0.5, 6**-0.5, 20**-0.5, 70**-0.5, 252**-0.5, 924**-0.5)
CONFIDENCE = 4.0  # rounding errors of f are taken to stay below this many standard deviations
ROUNDING = 2.0  # a bound on one ordinary rounding, in units of the last place
EVEN_ROUNDING = 6.0  # the same for the slope of a window, whose seven roundings may all grow evenly
QUIET = 64.0  # irregularity in units of the last place that counts as ordinary rounding
VISIBLE = 10.0  # a difference above this many times the noise is the function's own
OUTER_ROUNDING = 8.0  # rounding in the one-sided formula, in roundings of the central one: its weights are larger

# The spacing resolves a function whose fifth and sixth differences are smaller than the second and third by the first
# factor, and the sixth smaller than the fourth by the second. With the points to one side, a power of the distance to
# the end of the domain looks half smooth: then the third factor is asked for.
CONVERGENCE = 50.0
LATE_CONVERGENCE = 2.0
OUTER_CONVERGENCE = 1e6

BEND = 0.1  # second differences below this part of the largest one are curvature, not a break
CLEAN_BEND = 0.01  # the same where chance must not have a part in it
GRAIN = 4.0  # units of the last place by which rounding can move a second difference

# A jump is larger than the steps beside it by this many times their curvature, and by this many grains.
JUMP_BEND = 20.0
JUMP_GRAIN = 10.0
# A kink changes the slope by this many times the curvature beside it. The slopes in the middle lie between those
# beside it, or outside by no more than this part of the change.
KINK_BEND = 10.0
KINK_OUTSIDE = 0.1

STEEPENING = 2.0  # how many times farther a step may go than to where the differences say that the function bends
CURVATURE_SHARE = 64.0  # curvature alone divides the widest step by no more than this

# Values whose last binary digits are all zero have been rounded more coarsely than floats of their size: they are
# float32, or what is left where large terms have cancelled. If all are multiples of this many units of the last place,
# that is not chance.
COARSE_LATTICE = 64.0
LOUDEST_NOISE = 1e-3  # irregularity above this part of the values is the function's own, not noise
COARSEST_ROUNDING = 1e-5  # the same of values that do not look rounded: irregularity above is the function's own
LIKELY_ROUNDING = 1e-8  # of the values: a rounding where cancellation has left half of the digits, as it often does
# Values that are all whole are the steps of a function and not rounded, unless they are so large that floats are hardly
# finer. In float32 they can be rounded from where on it has no digits behind the point, if they are as close to each
# other as four of its roundings.
LARGEST_WHOLE = 2.0**45
SINGLE_WHOLE = 2.0**23
SINGLE_ROUNDING = 2.0**-21
LATTICE_NOISE = 12**-0.5  # the standard deviation of rounding to a lattice

# Relative to the slopes. Any derivative between the one-sided ones of a smaller kink is a match.
SMALLEST_KINK = USUAL_TOLERANCE
STRAIGHT = 2e-3  # of the steps of a straight line: irregularity below is not a feature of it

SMOOTH_DECAY = 0.1  # of the third differences: fourth ones below are those of a smooth function

CURVATURE_SEEN = 30.0  # a second difference above this many times the noise is curvature of f


def unit(value: float) -> float:
    """Return the unit in the last place; zeros are taken to be exact."""
    return math.ulp(value) if value else 0.0


def lattice_of(values: list[float]) -> float:
    """Return the largest power of two that all values are multiples of; 0 if they are too few to tell."""
    numbers = {value for value in values if value}
    if len(numbers) < 3:
        return 0.0
    exponents = []
    for value in numbers:
        mantissa, exponent = math.frexp(value)
        digits = int(mantissa * 2.0**53)
        exponents.append(exponent - 53 + (digits & -digits).bit_length() - 1)
    return math.ldexp(1.0, min(exponents))


def _loudest_rounding(values: list[float], steps: list[float], coarseness: float, typical: float) -> float:
    """Return the largest irregularity that can come from rounding. What is louder is the function's own.

    Whole numbers that float32 would not need to be are the function's own steps, however small they are beside it.
    """
    largest = max(typical, *map(abs, values))
    if coarseness > 1.0:
        return LOUDEST_NOISE * largest
    heights = [abs(step) for step in steps if step]
    whole = largest < LARGEST_WHOLE and all(map(float.is_integer, values))
    if whole and heights and (largest < SINGLE_WHOLE or min(heights) > SINGLE_ROUNDING * largest):
        return 0.0
    return COARSEST_ROUNDING * largest


class Window:
    """Seven equally spaced points, in the middle of them (or at one end) the point itself.

    Args:
        point: Where the derivative is wanted.
        spacing: The distance of neighbours.
        side: 0 with the point in the middle, +1 and -1 with the points to one side of it.
        values: The seven values of f, from left to right (for side -1 from right to left, so that
            the point itself comes first).
        blur: How much of the rounding of its argument f may show, in roundings.
        coarseness: The rounding of f, in that of float64.
        least: The least rounding that the values are known to have.
        typical: The size of values farther away: they can be much larger than those beside a zero.

    Attributes:
        steps: The first differences.
        levels: What the differences of each order would be as noise, one standard deviation.
        noise: The irregularity of the values.
        loudest: Irregularity above is the function's own, not rounding.
        likely: Irregularity below is most likely rounding.
        floor: The noise that there may be although these values do not show it.
        unit: The unit in the last place of the largest value.
        slope: The derivative at the point.
        truncation: How much the order of the formula changes the slope.
        break_kind: KINK or JUMP where the middle breaks a straight line, else None.
    """

    __slots__ = (
        "break_kind", "floor", "levels", "likely", "loudest", "noise", "side", "slope", "spacing", "steps",
        "truncation", "unit", "values",
    )  # fmt: skip

    def __init__(
        self,
        point: float,
        spacing: float,
        side: int,
        values: list[float],
        blur: float,
        coarseness: float = 1.0,
        least: float = 0.0,
        typical: float = 0.0,
    ) -> None:
        self.spacing = spacing
        self.side = side
        self.values = values
        self.unit = max(unit(max(map(abs, values))) * coarseness, least)
        row = values
        rows = [row]
        self.levels = [0.0]
        for factor in NOISE_FACTORS[1:]:
            row = list(map(operator.sub, row[1:], row))
            rows.append(row)
            self.levels.append(math.hypot(*row) / math.sqrt(len(row)) * factor)
        self.steps = rows[1]
        lattice = lattice_of(values)
        self.loudest = _loudest_rounding(values, self.steps, coarseness, typical)
        self.likely = min(self.loudest, LIKELY_ROUNDING * max(self.largest, typical))
        if coarseness > 1.0:
            self.likely = self.loudest
        coarse = COARSE_LATTICE * self.unit < lattice <= self.loudest
        self.unit = lattice if coarse else self.unit
        grain = max(self.unit, lattice) if coarseness > 1.0 else self.unit
        self.break_kind = None if side else self._break_kind(grain)
        self.noise = max(self.levels[5], self.levels[6], LATTICE_NOISE * lattice if coarse else 0.0)
        # Seven points in a row can miss how f rounds its argument: that is not left to measurement. At an
        # extremum the slope vanishes in the middle only.
        slope = max(map(abs, self.steps)) / spacing
        self.floor = max(self.unit, blur * slope * math.ulp(point) * coarseness)
        if side == 0:
            self._central_slope()
        else:
            self._outer_slope(rows)

    def _central_slope(self) -> None:
        """Use the central formulas of the orders four and six."""
        f = self.values
        near, middle, far = f[4] - f[2], f[5] - f[1], f[6] - f[0]
        fourth = (8 * near - middle) / (12 * self.spacing)
        sixth = (45 * near - 9 * middle + far) / (60 * self.spacing)
        self.slope, self.truncation = sixth, max(abs(sixth - fourth), self._jump_of_bend() / self.spacing)

    def _jump_of_bend(self) -> float:
        """Return the largest third difference where the second derivative jumps, else 0.

        A slope with a kink has no Taylor series: formulas of higher orders agree far better than they are right.
        """
        third = [after - before for before, after in pairwise(self._bends()[1])]
        largest = max(map(abs, third))
        fourth = max(abs(after - before) for before, after in pairwise(third))
        visible = largest > max(VISIBLE * self.noise, GRAIN * self.unit)
        return largest if visible and fourth > SMOOTH_DECAY * largest else 0.0

    def _outer_slope(self, rows: list[list[float]]) -> None:
        """Use Newton's forward formula: f' h = D - D^2 / 2 + D^3 / 3 - ..."""
        terms = [row[0] / order * (-1) ** (order + 1) for order, row in enumerate(rows) if order]
        scale = self.spacing * self.side
        self.slope = sum(terms[:4]) / scale
        self.truncation = 2 * abs(terms[3] / scale)

    def _break_kind(self, grain: float) -> Kind | None:
        steps = self.steps
        left, right = steps[1], steps[4]
        bend = max(abs(steps[1] - steps[0]), abs(steps[5] - steps[4]))
        grain *= GRAIN
        inner = (steps[2], steps[3])
        low, high = min(left, right), max(left, right)
        outside = max(max(inner) - high, low - min(inner))
        # A jump that is small beside the slope is left to a narrower window to see.
        if outside > JUMP_BEND * (bend + abs(right - left)) + abs(right + left) + JUMP_GRAIN * grain:
            return Kind.JUMP
        if high - low < SMALLEST_KINK * max(abs(low), abs(high)):
            return None
        if high - low > KINK_BEND * (bend + grain) and outside <= KINK_OUTSIDE * (high - low) + grain:
            return Kind.KINK
        return None

    @property
    def slope_error(self) -> float:
        """A bound on the error of the slope, if the function is smooth here."""
        rounding = max(CONFIDENCE * self.noise, EVEN_ROUNDING * self.floor) / self.spacing
        return self.truncation + (OUTER_ROUNDING * rounding if self.side else rounding)

    def bend_within(self, distance: float) -> float:
        """Return by how much the slope changes within a distance, where that stands out of the noise, else 0."""
        f = self.values
        bend = abs(f[0] - 2 * f[3] + f[6])
        visible = self.side == 0 and bend > CURVATURE_SEEN * max(self.noise, self.unit)
        return bend / (3 * self.spacing) * (distance / (3 * self.spacing)) if visible else 0.0

    @property
    def flat(self) -> bool:
        """Whether all values are the same."""
        return not any(self.steps)

    @property
    def stepwise(self) -> bool:
        """Whether f steps between whole numbers. A step from each point to the next would look like a straight line."""
        return self.loudest == 0.0 and not self.flat

    @property
    def quiet(self) -> bool:
        """Whether the values are smooth but for ordinary rounding."""
        return not self.stepwise and self.noise <= max(QUIET * self.unit, self.floor)

    @property
    def straight(self) -> bool:
        """Whether the values are on a straight line, but for irregularities far below its steps."""
        return self.side == 0 and not self.break_kind and self.noise <= STRAIGHT * min(map(abs, self.steps))

    @property
    def convergent(self) -> bool:
        """Whether the high differences die away: then the spacing resolves the function."""
        if self.stepwise:
            return False
        two, three, four, five, six = self.levels[2:7]
        if self.side:
            return OUTER_CONVERGENCE * max(five, six) <= self.levels[1]
        return CONVERGENCE * max(five, six) <= max(two, three) and LATE_CONVERGENCE * six <= four

    @property
    def good(self) -> bool:
        """Whether the function is smooth, as far as these points can tell."""
        return not self.break_kind and (self.flat or self.quiet or self.convergent)

    @property
    def curved(self) -> bool:
        """Whether curvature can be seen, as on no flank of a staircase."""
        return self.levels[2] > VISIBLE * max(self.noise, self.unit)

    @property
    def isolated(self) -> bool:
        """Whether there is at most one kink or jump in the window, as far as the second differences show."""
        where, _ = self._bends()
        return where[-1] - where[0] <= 1 if where else True

    @property
    def interrupted(self) -> bool:
        """Whether the values are smooth but for a single kink or jump that is not rounding.

        Where values are flat on both sides of it, as beside a step of rounding, it must be larger.
        """
        where, _ = self._bends(CLEAN_BEND)
        single = bool(where) and where[-1] - where[0] <= 1
        flat = sum(step == 0.0 for step in self.steps) > 1
        return single and self.noise > (self.loudest if flat else self.likely)

    @property
    def bent(self) -> bool:
        """Whether there is a single kink between two straight parts. A rounded straight line never looks so."""
        where, bends = self._bends()
        if not where or where[-1] - where[0] > 1 or where in ([0], [4]):
            return False
        return bends[where[0]] * bends[where[-1]] > 0.0

    def _bends(self, share: float = BEND) -> tuple[list[int], list[float]]:
        """Return which second differences are large, and all of them."""
        bends = [after - before for before, after in pairwise(self.steps)]
        largest = max(map(abs, bends))
        return [index for index, bend in enumerate(bends) if abs(bend) > share * largest], bends

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return max(map(abs, self.values))

    @property
    def variation(self) -> float:
        """How far the values go from that at the point."""
        origin = self.values[3] if self.side == 0 else self.values[0]
        return max(abs(value - origin) for value in self.values)

    @property
    def break_size(self) -> float:
        """The change of the differences at the break."""
        return max(self.steps[1:5]) - min(self.steps[1:5])

    def agrees(self, other: Window) -> bool:
        """Return whether the slopes are the same within their bounds."""
        return abs(self.slope - other.slope) <= self.slope_error + other.slope_error

    def reach(self, scale: float) -> float:
        """Return the widest step, up to `scale`, that promises anything, judged by the higher differences."""
        spacing = self.spacing
        sizes = [
            abs(level / factor) / math.factorial(order)
            for order, (level, factor) in enumerate(zip(self.levels, NOISE_FACTORS, strict=True))
        ]
        floor = VISIBLE * max(self.noise, self.floor)
        curved = self.levels[2] > floor
        first = abs(self.slope * spacing)
        lead = max(first, sizes[2] if curved else 0.0)
        for order in (3, 5):
            if self.levels[order] > floor and lead > 0.0:
                scale = min(scale, spacing * (lead / sizes[order]) ** (1 / (order - 1)) * STEEPENING)
        if curved and first > sizes[2]:
            scale = min(scale, max(spacing * first / sizes[2] * STEEPENING, scale / CURVATURE_SHARE))
        return scale
