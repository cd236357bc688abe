"""Derivatives by finite differences, with a bound on their error.

A finite difference has two enemies. A step that is too large sees the curvature of the function, a
step that is too small sees the rounding of its values. Which steps are good depends on the scale on
which the function varies, and that scale is not known beforehand. It is found here in two looks:

1. *A window* (`window.py`, `survey.py`): seven equally spaced points, close together. Their
   differences show the rounding noise, the slope, and whether there is a kink or a jump.
2. *A ladder* (`ladder.py`): central differences with steps that halve, beginning at the scale on
   which the function varies, extrapolated to the step zero.

Both give the same slope by different steps. Where they contradict each other there is structure
between the two scales, and the ladder moves down until they agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from microgrady.checking.estimate import Estimate, Kind
from microgrady.checking.evaluation import without_warnings
from microgrady.checking.numeric.conclusion import VARIES, Findings
from microgrady.checking.numeric.ladder import ENOUGH, ENOUGH_AT_ZERO, Ladder
from microgrady.checking.numeric.probe import ExhaustedError
from microgrady.checking.numeric.survey import EXACT_BLUR, FIRST_SPACING
from microgrady.checking.numeric.trend import TINY_BREAK
from microgrady.checking.numeric.window import Window
from microgrady.checking.verdict import ZERO_LIMIT
from microgrady.inputs import describe, is_number, require_function, require_number
from microgrady.tracebacks import entrance

# Not a power of two: a periodic function would be met at the same phase again and again. And with many digits:
# values of a plain formula then have many digits, too, unless they are rounded.
FIRST_STEP = 0.31374159265358979  # the first rung of the ladder, in units of the scale
LADDERS = 5  # at most; each begins lower than the one before, until one agrees with the window
LOWER = 8.0  # a ladder begins by this factor below the last step of the one before
AGREEMENT = 2.0  # ladder and window agree if they differ by no more than this many of their bounds
LEFT_OUT = 2.0  # wider steps are believed if f moves more over them by at least this factor

# Evaluations that must be left: a ladder needs 8, a test of coarse rounding 14 for its two windows, as
# much as wider steps; a look to one side 16; a search for steps over which f varies is worth it with half of all.
FOR_LADDER, FOR_WINDOWS, FOR_SIDE, FOR_VARIATION = 8, 14, 16, 30

# A staircase is looked for at 32 spacings of the window that saw one of its steps, or at 8 of the steps that
# the ladder refused, but below a third of its top. Where f just begins to bend, the deviation from the
# window's slope grows with the square of the step: a hundredth of that is not a reason to think of a staircase.
COARSE_SPACINGS, COARSE_STEPS, COARSE_TOP, BENDING = 32.0, 8.0, 3.0, 0.01

# Where f is flat over the steps of the ladder, shorter ones are tried: from a 40th of the first down in tenths, as far
# as 4 spacings of the window.
VARIATION_FIRST, VARIATION_SHRINK, VARIATION_LAST = 40.0, 10.0, 4.0
VARIATION_SCALE = 4.0  # the scale of f where it is seen to vary, in units of that step

POOR = 1e-6  # relative error: a worse estimate may not tell right from wrong by the usual tolerance
FINE = 1e-8  # relative error at which wider steps are not worth their evaluations
WIDER = (8.0, 64.0, 4096.0)  # factors of the scale to try where rounding limits the result
HELPED = 2.0  # a wider scale that does not divide the error by this is the last
ROOM_BEYOND_EDGE = 100.0  # the other side is worth a look if f is defined there at this many distances to the edge
BEYOND_WINDOW = 8.0  # spacings, which is farther than the points of a window to one side
SMALL_SCALE = 0.25  # |x| below this says nothing on the scale of f: that is likely to be 1


class _Search(Findings):
    """A survey, the ladders that start from it, and the best of them."""

    def run(self) -> None:
        """Look at f until the result is good, or nothing is left to try."""
        survey = self.survey
        scale = self.probe.size or 1.0
        self.probe.recognise_rounding(FIRST_STEP * scale)
        self._explore(scale)
        if not survey.open:
            return
        if (self.result is None or self.is_unresolved(self.result)) and survey.is_aliased():
            self.result = None
            if survey.open:
                self._measure(scale)
        if self._is_poor() and survey.doubtful is not None:
            self._reconsider(survey.doubtful)
        if self._is_poor() and self.probe.edge < math.inf and not self.probe.side:
            self._turn_away(scale)
        if self._is_poor() and survey.is_exact():
            self.probe.blur, self.result = EXACT_BLUR, None
            self._measure(scale)

    def _explore(self, scale: float) -> None:
        self._look_and_measure(scale)
        if self.survey.open:
            if self.result is not None and self.result.scale == 0.0:
                scale = self._find_variation(scale)
            elif self.result is not None and self.result.top < FIRST_STEP * scale and self._is_unclear_zero():
                # Beside a zero of high order f grows too fast for the window to see how far it is smooth.
                self._measure(scale, math.inf)
            self._widen(scale)

    def _look_and_measure(self, scale: float) -> None:
        self.survey.look(scale)
        if self.survey.open:
            self._measure(scale)

    # Ladders

    def _measure(self, scale: float, trusted: float = 0.0) -> None:
        """Run the ladder, lower and lower until it agrees with the window.

        Args:
            scale: That on which f is likely to vary.
            trusted: A scale below which the window is not asked how far f is smooth.
        """
        survey, probe = self.survey, self.probe
        reach = scale if scale <= trusted else self._reach(scale)
        top = FIRST_STEP * min(reach, probe.edge / FIRST_STEP / 2)
        tested = False
        for _ in range(LADDERS):
            ladder = Ladder(probe)
            try:
                ladder.climb_down(top, survey.noise, survey.window)
            finally:
                self._keep(ladder)
            steps = ladder.steps
            if not probe.allows(FOR_LADDER):
                return
            agrees = bool(steps) and self._agrees(ladder)
            if agrees and ladder.refused == math.inf:
                return
            if not tested:
                tested = True
                if not agrees and survey.is_aliased():
                    self.result = None
                    if not survey.open:
                        return
                    continue
                if steps and self._is_staircase(ladder, agrees):
                    self.result = survey.broken = None
                    continue
            if agrees or not steps:
                return
            top = steps[-1] / LOWER

    def _reach(self, scale: float) -> float:
        """Return the widest step that promises anything."""
        window, broken = self.survey.window, self.survey.broken
        if window is None:
            return scale
        return window.reach(scale if broken is None else min(scale, broken.spacing))

    def _agrees(self, ladder: Ladder) -> bool:
        window = self.survey.window
        if window is None:
            return True
        slack = ENOUGH * abs(window.slope)
        return abs(ladder.value - window.slope) <= AGREEMENT * (ladder.error + window.slope_error) + slack

    def _keep(self, ladder: Ladder) -> None:
        if not ladder.error < math.inf or not self._agrees(ladder):
            return
        if self.result is None or _improves(ladder, self.result):
            self.result = ladder
        self.survey.scale = max(self.survey.scale, ladder.scale)

    def _is_staircase(self, ladder: Ladder, agrees: bool) -> bool:
        """Return whether the window was smooth because it saw a single step of a rounding that is coarser."""
        survey, probe = self.survey, self.probe
        window, broken = survey.window, survey.broken
        if window is None or probe.side or not probe.allows(FOR_WINDOWS):
            return False
        if broken is not None and broken.noise > TINY_BREAK * broken.largest:
            return False
        if not agrees:
            return survey.is_coarse(COARSE_SPACINGS * window.spacing)
        accepted, refused = ladder.steps[0], ladder.refused
        quotient = (probe.at(accepted) - probe.at(-accepted)) / (2 * accepted)
        deviation = abs(quotient - window.slope)
        if deviation > BENDING * abs(window.slope) * (accepted / refused) ** 2 + window.slope_error:
            return False
        return survey.is_coarse(min(COARSE_STEPS * refused, ladder.top / COARSE_TOP))

    # What else to try

    def _find_variation(self, scale: float) -> float:
        """Look for a step over which f varies, since it is the same at all points so far.

        Returns:
            The scale of f where it varies, or else that which was given.
        """
        window, probe = self.survey.window, self.probe
        if window is None:
            return scale
        step = FIRST_STEP * scale / VARIATION_FIRST
        while step > VARIATION_LAST * window.spacing and probe.allows(FOR_VARIATION):
            if probe.change(step) > VARIES * probe.grain(probe.nearby):
                self.result = None
                self._look_and_measure(VARIATION_SCALE * step)
                return VARIATION_SCALE * step
            step /= VARIATION_SHRINK
        return scale

    def _widen(self, scale: float) -> None:
        """Measure with wider steps as long as they help: they do where rounding limits the result."""
        error = math.inf
        for factor in WIDER:
            result = self.result
            if result is None or result.refused < math.inf or not self.probe.allows(FOR_WINDOWS):
                return
            if result.error <= FINE * abs(result.value) or not result.error < error / HELPED:
                return
            if abs(result.value) <= result.error <= ENOUGH_AT_ZERO * result.scale:
                return
            if result.scale == 0.0 and scale >= SMALL_SCALE:
                return
            if self.is_only_noise():
                return
            error = result.error
            if scale < SMALL_SCALE:
                if not self.probe.allows(FOR_VARIATION):
                    return
                scale = 1.0
                self.probe.face(BEYOND_WINDOW * FIRST_SPACING)
                self.survey.look(scale)
                if self.survey.kind != Kind.SMOOTH:
                    return
                self._measure(scale)
            else:
                self._measure(scale * factor)

    def _reconsider(self, window: Window) -> None:
        """Believe a doubtful window whose slope wide steps confirm: a step of rounding would have another one."""
        if self.result is None:
            return
        best = self.result
        if abs(window.slope - best.value) <= window.slope_error + best.error:
            self.survey.window = window

    def _turn_away(self, scale: float) -> None:
        """Look to one side only where the end of the domain leaves no room on the other."""
        window, probe = self.survey.window, self.probe
        curved = window is not None and window.curved
        if not curved and probe.allows(FOR_SIDE) and probe.face(ROOM_BEYOND_EDGE * probe.edge):
            self._explore(scale)

    def _is_poor(self) -> bool:
        result, window = self.result, self.survey.window
        error = min(result.error if result else math.inf, window.slope_error if window else math.inf)
        value = result.value if result else window.slope if window else math.nan
        return error > POOR * abs(value) and abs(value) > 0.0

    def doubt_window(self) -> None:
        """Doubt a window that no ladder has confirmed when evaluations run out: it may have met waves at one phase."""
        window = self.survey.window
        if self.result is None and window is not None and not window.quiet:
            window.truncation = math.inf

    def _is_unclear_zero(self) -> bool:
        result = self.result
        return result is not None and abs(result.value) <= result.error and result.error > ZERO_LIMIT * result.scale


def _improves(new: Ladder, old: Ladder) -> bool:
    if not new.error < old.error:
        return False
    if abs(new.value - old.value) > old.error:
        return False
    # f moves more over wider steps, or else the wide steps have left what happens at the point.
    return new.top <= old.top or new.variation >= LEFT_OUT * old.variation


@entrance
def numeric_derivative(f: Callable[[float], object], x: float, grain: float = 0.0) -> Estimate:
    """Estimate a derivative by finite differences, with a bound on the error.

    Args:
        f: A function of one real number. Exceptions, nan and inf away from `x` are taken as the
            end of its domain.
        x: The point, any finite number.
        grain: How coarse the values of f are at least, if that is known: what they are rounded to, or the
            error of the approximation that they come from. Rounding is measured in any case.

    Returns:
        The estimate; f is called at most 60 times.

    Raises:
        TypeError: f does not give a real number at `x`, or `x` is not one.
        ValueError: `x` is not finite, or f raises or gives nan or inf there, or is defined
            nowhere near it.

    The formulas are Richardson's extrapolation as in Ridders, "Accurate computation of F'(x) and
    F'(x) F''(x)" (1982), and the difference table of Moré and Wild, "Estimating computational
    noise" (2011).

    Example:
        >>> estimate = numeric_derivative(math.sin, 1.0)
        >>> abs(estimate.value - math.cos(1.0)) <= estimate.error < 1e-11
        True
    """
    require_function("numeric_derivative", f)
    point = require_number(x, "the point")
    if not (is_number(grain) and require_number(grain, "the grain") >= 0.0):
        raise ValueError(f"the grain must be a real number of at least 0, not {describe(grain)}")
    if not math.isfinite(point):
        raise ValueError(f"the point must be a finite number, not {x!r}")
    search = _Search(f, point, float(grain))
    with without_warnings():
        try:
            search.run()
        except ExhaustedError:
            search.doubt_window()
        return search.estimate()
