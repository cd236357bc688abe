"""A ladder: difference quotients with steps that halve, extrapolated to the step zero.

The method is Richardson's (1911), with the error estimate of Ridders, "Accurate computation of F'(x) and
F'(x) F''(x)" (1982).
"""

from __future__ import annotations

import math

from microgrady.checking.probe import Probe
from microgrady.checking.window import CONFIDENCE, ROUNDING, Window

RUNGS = 9  # a table of more columns amplifies rounding faster than it removes curvature
IDLE = 2  # rungs without progress after which the ladder ends
PROGRESS = 2.0  # a rung that brings progress divides the error by that
WARM_UP = 3  # rungs before progress is expected
ENOUGH = 1e-11  # relative error at which the ladder ends: nobody needs more digits
ZERO_SHARE = 0.01  # of the slopes around: a derivative below is judged against that share of them
FIRST_JUMP = 8.0  # a step that is refused is divided by this, the next by twice as much, ...
LARGEST_JUMP = 2.0**12  # ... up to this

CAUTION = 3.0  # the error is that many times the disagreement of neighbours in the table
CHANCE = 0.01  # of the disagreement of the first column: three rungs may agree so well by chance
SURPRISE = 4.0  # a rung that disagrees by more than that many errors saw what the wider ones missed

# The first rung is refused if its quotient is farther from the window's slope than this part of the slopes
# on either side, or of the slope of the step refused before (up to so many times larger): f is far from linear.
NONLINEAR = 0.3
REFUSED_SHARE = 100.0

KINK_ERRORS = 10.0  # one-sided slopes differ by more than that many of their errors at a kink
SMALLEST_KINK = 1e-5  # relative to the slopes: a smaller one is within the tolerance of any verdict
KINK_SEEN = (0.5, 2.0)  # the window shows the same change of slope within these factors
KINK_GRAIN = 8.0  # or cannot show it: it is below that many roundings


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
        """One more rung, with a bound on the rounding error of its quotient."""
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
        best: The extrapolation of the (central, if f has two sides) quotients.
        top: The first step tried.
        refused: The narrowest step that was too wide.
        variation: How far f goes from its value at the point.
        scale: The steepest slope to one side.
    """

    __slots__ = (
        "best", "blur", "loud", "probe", "refused", "refused_size", "rungs", "scale", "side", "top", "variation",
    )  # fmt: skip

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.side = probe.side
        self.blur = (
            probe.blur * math.ulp(probe.point) * probe.coarseness
        )  # by how much the argument of f may be rounded
        self.loud = max(abs(probe.origin), probe.nearby, math.ulp(0.0))  # larger values are noisier
        self.best = Extrapolation(1 if self.side else 2)
        self.rungs: list[tuple[float, float, float, float]] = []  # step, forward, backward, rounding
        self.top = math.inf
        self.refused = math.inf
        self.refused_size = 0.0  # the slope over that step
        self.variation = 0.0
        self.scale = 0.0

    def climb_down(self, top: float, noise: float, anchor: Window | None) -> None:
        """Adds rungs until smaller steps bring no more.

        Args:
            top: The first step to try.
            noise: That of the values of f.
            anchor: A window whose slope the first rung is not to contradict.
        """
        step, jump, idle = top, FIRST_JUMP, 0
        best, steps = self.best, self.best.steps
        self.top = top
        while len(steps) < RUNGS and idle < IDLE:
            step = self.probe.exact(step)
            if not 0.0 < step < math.inf or (steps and step >= steps[-1]):
                return
            before = best.error
            if not self._add(step, noise, None if steps else anchor):
                self.refused = step
                step /= jump
                jump = min(jump * 2, LARGEST_JUMP)
                continue
            step /= 2
            if len(steps) >= WARM_UP:
                good = best.error <= ENOUGH * max(abs(best.value), ZERO_SHARE * self.scale)
                if good or self.scale == 0.0:
                    return
            if len(steps) > WARM_UP:
                idle = idle + 1 if best.error > before / PROGRESS else 0

    def _add(self, step: float, noise: float, anchor: Window | None) -> bool:
        """One rung; False where f has no value or is far from linear at this step."""
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
        self.rungs.append((step, forward, backward, 2 * rounding))
        self.best.add(step, middle, rounding)
        return True

    def one_sided(self) -> tuple[Extrapolation, Extrapolation]:
        """The derivatives from the left and from the right."""
        left, right = Extrapolation(1), Extrapolation(1)
        for step, forward, backward, rounding in self.rungs:
            if self.side <= 0:
                left.add(step, backward, rounding)
            if self.side >= 0:
                right.add(step, forward, rounding)
        return left, right


def is_kink(left: Extrapolation, right: Extrapolation, window: Window | None) -> bool:
    """The one-sided slopes disagree beyond their bounds, and the window does not contradict."""
    gap = abs(right.value - left.value)
    if not gap > KINK_ERRORS * (left.error + right.error):
        return False
    if gap < SMALLEST_KINK * max(abs(left.value), abs(right.value)):
        return False
    if window is None:
        return True
    near = abs(window.steps[3] - window.steps[2])
    low, high = KINK_SEEN
    return low < near / (gap * window.spacing) < high or gap * window.spacing < KINK_GRAIN * window.floor
