"""A ladder: difference quotients with steps that halve, extrapolated to the step zero.

The method is Richardson's (1911), with the error estimate of Ridders, "Accurate computation of F'(x) and
F'(x) F''(x)" (1982).
"""

from __future__ import annotations

import math
from itertools import pairwise

from microgrady.checking.numeric.probe import Probe
from microgrady.checking.numeric.window import CONFIDENCE, ROUNDING, SMALLEST_KINK, Window

RUNGS = 9  # a table of more columns amplifies rounding faster than it removes curvature
IDLE = 2  # rungs without progress after which the ladder ends
PROGRESS = 2.0  # a rung brings progress if it divides the error by at least this
WARM_UP = 3  # rungs before progress is expected
ENOUGH = 1e-11  # relative: an error as small as that is enough for any purpose, and difference quotients reach it
ZERO_SHARE = 0.01  # of the slopes around: the error of a derivative below is judged against this share of them
ENOUGH_AT_ZERO = 1e-9  # the same of the slopes around, where the derivative may be zero
# A step that is refused is divided by the first, the next by twice as much, and so on, up to the last.
FIRST_JUMP, LARGEST_JUMP = 8.0, 2.0**12

CAUTION = 3.0  # the error is this many times the disagreement of neighbours in the table
CHANCE = 0.01  # of the disagreement of the first column: three rungs may by chance agree this well
SURPRISE = 4.0  # a rung that disagrees by more than this many errors saw what the wider ones missed

# The first rung is refused, as f is far from linear, if its quotient is farther from the window's slope than this part
# of the slopes on either side, or of the slope of the step refused before, which counts up to this many times theirs.
NONLINEAR = 0.3
REFUSED_SHARE = 100.0

EVEN = 1e-6  # relative: a function is even if forward and backward quotients cancel up to this
KINK_ERRORS = 10.0  # at a kink the one-sided slopes differ by more than this many of their errors
KINK_BESIDE = 0.25  # of the change of slope at a kink: beside it the slope changes by less
KINK_SEEN = (0.5, 2.0)  # the window shows the same change of slope as the ladder, within these factors


class Extrapolation:
    """Neville's table for difference quotients: their value at the step zero, and its error.

    Args:
        power: 2 where the error of a quotient is a series in the square of the step (central
            differences), 1 where it is a series in the step.

    Attributes:
        steps: Those of the rungs so far.
        value: The best value in the table so far, and
        error: a bound on its error, and
        step: the smallest step that went into it.
    """

    __slots__ = ("error", "power", "row", "step", "steps", "value")

    def __init__(self, power: int) -> None:
        self.power = power
        self.steps: list[float] = []
        self.row: list[float] = []
        self.value = math.nan
        self.error = math.inf
        self.step = math.nan

    def add(self, step: float, quotient: float, rounding: float) -> None:
        """Add a rung, with a bound on the rounding error of its quotient."""
        best, best_error = math.nan, math.inf
        steps, central = self.steps, self.power == 2
        rungs = len(steps)
        row, current = [quotient], quotient
        for wider, before in zip(reversed(steps), self.row, strict=True):
            ratio = wider / step
            weight = 1 / (ratio * ratio - 1 if central else ratio - 1)
            value = current + (current - before) * weight
            rounding *= 1 + 2 * weight
            row.append(value)
            # Two rungs agree by chance too easily; and no error is smaller than the rounding in it.
            if rungs > 1 and rounding < best_error:
                along, across = abs(value - current), abs(value - before)
                error = CAUTION * (across if across > along else along) + rounding
                if rungs == 2:  # three do so now and then
                    error += CHANCE * abs(row[1] - quotient)
                if error < best_error:
                    best, best_error = value, error
            current = value
        self.row = row
        steps.append(step)
        if best_error < self.error or best_error > SURPRISE * (self.error + rounding):
            self.value, self.error, self.step = best, best_error, step


class Ladder:
    """Difference quotients with steps that halve.

    Attributes:
        left: The extrapolation of the quotients to the left, and
        right: that to the right.
        even: The quotients to both sides are the same but for their sign.
        best: The extrapolation of the (central, if f has two sides) quotients.
        steps: Those of the rungs.
        top: The first step tried.
        refused: The narrowest step that was too wide.
        variation: How far f goes from its value at the point.
        scale: The steepest slope to one side.
    """

    __slots__ = (
        "best", "blur", "even", "left", "loud", "probe", "refused", "refused_size", "right", "scale", "side", "steps",
        "top", "variation",
    )  # fmt: skip

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.side = probe.side
        self.blur = (
            probe.blur * math.ulp(probe.point) * probe.coarseness
        )  # by how much the argument of f may be rounded
        self.loud = max(abs(probe.origin), probe.nearby, math.ulp(0.0))  # larger values are noisier
        self.best = Extrapolation(1 if self.side else 2)
        self.steps = self.best.steps
        self.left, self.right = Extrapolation(1), Extrapolation(1)
        self.even = not self.side
        self.top = math.inf
        self.refused = math.inf
        self.refused_size = 0.0  # the slope over that step
        self.variation = 0.0
        self.scale = 0.0

    def climb_down(self, top: float, noise: float, anchor: Window | None) -> None:
        """Add rungs until smaller steps bring no more.

        Args:
            top: The first step to try.
            noise: That of the values of f.
            anchor: A window whose slope the first rung is not to contradict.
        """
        step, jump, idle = top, FIRST_JUMP, 0
        steps = self.steps
        self.top = top
        while len(steps) < RUNGS and idle < IDLE:
            step = self.probe.exact(step)
            if not 0.0 < step < math.inf or (steps and step >= steps[-1]):
                return
            before = self.error
            if not self._add(step, noise, None if steps else anchor):
                self.refused = step
                step /= jump
                jump = min(jump * 2, LARGEST_JUMP)
                continue
            step /= 2
            if len(steps) >= WARM_UP:
                enough = (
                    ENOUGH_AT_ZERO * self.scale if self.even else ENOUGH * max(abs(self.value), ZERO_SHARE * self.scale)
                )
                good = self.error <= enough
                if good or self.scale == 0.0:
                    return
            if len(steps) > WARM_UP:
                idle = idle + 1 if self.error > before / PROGRESS else 0

    def _add(self, step: float, noise: float, anchor: Window | None) -> bool:
        """Add a rung. Return False where f has no value or is far from linear at this step."""
        probe, side = self.probe, self.side
        origin = probe.origin
        after = probe.at(step) if side >= 0 else origin
        before = probe.at(-step) if side <= 0 else origin
        if after != after or before != before:
            return False
        forward, backward = (after - origin) / step, (origin - before) / step
        size = max(abs(forward), abs(backward))
        middle = forward + backward if side else (after - before) / (2 * step)
        if anchor is not None:
            near = max(size, abs(anchor.slope), min(self.refused_size, REFUSED_SHARE * size))
            if abs(middle - anchor.slope) > anchor.slope_error + NONLINEAR * near:
                self.refused_size = size
                return False
        largest = max(abs(after), abs(before), abs(origin))
        # x + step itself is rounded where the step is wider than x.
        blur = self.blur + probe.inexactness(step)
        loudness = largest / self.loud if largest > self.loud else 1.0
        grain = ROUNDING * (probe.grain(largest) + size * blur)
        rounding = max(CONFIDENCE * noise * loudness, grain) / step * (2 if side else 1)
        self.variation = max(self.variation, size * step)
        self.scale = max(self.scale, size)
        self.best.add(step, middle, rounding)
        if side <= 0:
            self.left.add(step, backward, rounding * (1 if side else 2))
        if side >= 0:
            self.right.add(step, forward, rounding * (1 if side else 2))
        self.even = self.even and abs(forward + backward) <= EVEN * size
        return True

    @property
    def apart(self) -> float:
        """A bound on the error of the mean of the one-sided derivatives, inf with a single side."""
        if self.side:
            return math.inf
        left, right = self.left, self.right
        error = left.error + right.error
        return abs(left.value - right.value) + error if error < math.inf else math.inf

    @property
    def by_sides(self) -> bool:
        """Whether the one-sided derivatives tell more than the central one.

        Central differences of an even function say nothing, and a slope with a kink at the point has a Taylor series
        to either side only.
        """
        return self.even or self.apart < self.best.error

    @property
    def value(self) -> float:
        """The derivative."""
        return (self.left.value + self.right.value) / 2 if self.by_sides else self.best.value

    @property
    def error(self) -> float:
        """A bound on its error."""
        return self.apart if self.by_sides else self.best.error

    @property
    def step(self) -> float:
        """The smallest step that went into it."""
        return max(self.left.step, self.right.step) if self.by_sides else self.best.step


def kink_of(left: Extrapolation, right: Extrapolation, scale: float) -> float:
    """Return by how much the one-sided slopes disagree beyond their bounds; 0 if they do not.

    Args:
        left: The derivative from the left.
        right: The derivative from the right.
        scale: The size of slopes around.
    """
    gap = abs(right.value - left.value)
    if not gap > KINK_ERRORS * (left.error + right.error):
        return 0.0
    return gap if gap >= SMALLEST_KINK * max(abs(left.value), abs(right.value), scale) else 0.0


def shows_kink(window: Window, gap: float) -> bool:
    """Return whether the slope changes by about the gap in the middle of the window, and by far less beside it."""
    bends = [abs(after - before) for before, after in pairwise(window.steps)]
    low, high = KINK_SEEN
    beside = max(bends[0], bends[4], min(bends[1], bends[3]))
    return low < bends[2] / (gap * window.spacing) < high and beside <= KINK_BESIDE * bends[2]
