"""What the windows and ladders of a search come to: the estimate, and how far it can be trusted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from microgrady.checking.estimate import Estimate, Kind
from microgrady.checking.numeric.ladder import ENOUGH, Ladder, kink_of, shows_kink
from microgrady.checking.numeric.probe import NEAREST, Probe
from microgrady.checking.numeric.survey import NARROWEST, Survey
from microgrady.checking.numeric.window import COARSE_LATTICE, QUIET, lattice_of
from microgrady.checking.verdict import WIDEST_TOLERANCE

FOR_WINDOW = 10  # evaluations that must be left for one more window
# f does nothing but jitter if it moves by less than this many noises, and a noise is more than this many units of the
# last place.
JITTER, LOUD_JITTER = 30.0, 8.0
VARIES = 4.0  # f varies where it moves by more than this many units of its rounding; else it is a constant
POINT_ROUNDINGS = 2.0  # units of the last place by which the point may miss the extremum that is meant
# A derivative below this part of the slopes around is that of an extremum, whose place the rounding in f moves by at
# most this many units of the last place.
EXTREMUM, EXTREMUM_ROUNDINGS = 1e-6, 256.0
SMALLEST_SLOPE = ENOUGH  # of the slopes around: what is smaller than such an error cannot be told from zero
# A window shows a kink that changes its steps by this many roundings. A kink that is too small for that is looked at in
# a window that is wider than needed by the second factor.
KINK_GRAIN, KINK_CLEAR = 8.0, 4.0
BETWEEN_FLOATS = 64.0  # roundings: f has structure between two floats if its values there differ by more
UNCONVERGED = 0.05  # of the slopes around: a larger error says that the steps do not resolve f at all
VAGUE_SIDES = 2.0  # the same of the slopes to either side
# Where f has steps of its own, distances grow by the first factor until it has moved by the second number of steps.
# Moves of fewer than the third say little of the slope that they follow, which may be more at the point by the last.
STRIDE, MANY_STEPS, FEW_STEPS, STEPS_MARGIN = 4.0, 16.0, 4.0, 1.5


class Findings:
    """What is known of a function around a point.

    Attributes:
        probe: The function.
        survey: What its windows show.
        result: The best ladder, if any.
    """

    def __init__(self, function: Callable[[float], object], point: float, grain: float) -> None:
        self.probe = Probe(function, point, grain)
        self.survey = Survey(self.probe)
        self.result: Ladder | None = None

    def is_only_noise(self) -> bool:
        """Return whether f does nothing around the point but jitter."""
        noise = self.survey.noise
        if self.result is None or noise <= LOUD_JITTER * self.probe.grain(self.probe.nearby):
            return False
        return self.result.variation < JITTER * noise

    def is_unresolved(self, ladder: Ladder) -> bool:
        """Return whether the steps do not resolve f.

        Central differences can seem to where they meet waves at one phase.
        """
        vague = ladder.side == 0 and ladder.apart > VAGUE_SIDES * ladder.scale
        return vague or ladder.error > UNCONVERGED * ladder.scale

    def estimate(self) -> Estimate:
        """Return what is known by now."""
        if self.survey.kind != Kind.SMOOTH:
            return self._estimate_of_break()
        found = self._estimate_from_window() if self.result is None else self._estimate_from_ladder(self.result)
        window = self.survey.window
        by_window = found.kind == Kind.SMOOTH and window is not None and found.value == window.slope
        if by_window and self._jumps_between_floats(max(abs(found.value), found.scale)):
            found = dataclasses.replace(found, kind=Kind.NOISY, error=math.inf)
        if found.value == 0.0 and window is not None and window.flat and found.error < math.inf:
            found = dataclasses.replace(found, error=found.error + self._slope_of_steps(window.spacing))
        return dataclasses.replace(found, evaluations=self.probe.count)

    def _slope_of_steps(self, step: float) -> float:
        """Return how steeply f climbs over many steps that can be those of a coarse rounding; 0 if it has none.

        Where large terms cancel they leave multiples of a fraction, a power of two. Nothing tells such steps from
        the function's own, so the slope 0 between them and the slope that they follow are both left open.
        """
        probe = self.probe
        values = [value for value in probe.known.values() if not math.isnan(value)]
        lattice = lattice_of(values)
        if not values or not COARSE_LATTICE * math.ulp(max(map(abs, values))) < lattice < 1.0:
            return 0.0
        while probe.allows(1) and step < probe.size:
            step *= STRIDE
            if probe.change(step) >= MANY_STEPS * lattice:
                break
        moves = [(abs(point - probe.point), abs(value - probe.origin)) for point, value in probe.known.items()]
        # Also where no evaluation was left for the search, f may have been seen to move by many steps.
        nearest = min((distance for distance, move in moves if move >= MANY_STEPS * lattice), default=math.inf)
        clear = [
            (move + lattice) / distance
            for distance, move in moves
            if move >= FEW_STEPS * lattice and distance <= nearest
        ]
        return STEPS_MARGIN * max(clear or [(move + lattice) / distance for distance, move in moves if move])

    def _jumps_between_floats(self, slope: float) -> bool:
        """Return whether f is finer than floats are.

        Then it moves from one float to the next by far more than the slopes around and its roundings explain.
        """
        probe = self.probe
        if not probe.size or not probe.allows(2):
            return False
        distance = math.ulp(probe.point)
        rounding = max(self.survey.noise, probe.grain(probe.nearby), slope * distance)
        return any(abs(probe.at(offset) - probe.origin) > BETWEEN_FLOATS * rounding for offset in (-distance, distance))

    def _estimate_from_ladder(self, ladder: Ladder) -> Estimate:
        window, noise, origin = self.survey.window, self.survey.noise, self.probe.origin
        left, right = ladder.left, ladder.right
        scale = self.survey.scale
        if ladder.variation <= VARIES * max(noise, self.probe.grain(origin), math.ulp(origin)):
            scale = abs(origin) / ladder.step  # a constant, up to its rounding
        kind = Kind.KINK if self._has_kink(ladder) else Kind.SMOOTH
        value, error, step = ladder.value, ladder.error, ladder.step
        if self.is_only_noise():
            # A constant and noise: how good a zero that makes is for the verdict to say.
            widest = ladder.steps[0]
            value, error, scale = 0.0, JITTER * noise / widest, abs(origin) / widest
            if self.probe.least == 0.0 or error > WIDEST_TOLERANCE * scale:
                kind, error = Kind.NOISY, math.inf
        elif window is not None and window.slope_error < error:
            value, error, step = window.slope, window.slope_error, window.spacing
        if math.isinf(value):  # beyond the largest float
            kind, error = Kind.INFINITE_SLOPE, math.inf
        elif not error < math.inf:
            kind, error = Kind.NOISY, math.inf
        error = max(self._honest_error(ladder, value, error), math.ulp(0.0) / step)
        beside, spread = self._other_reading(value, error)
        error = max(error, spread)
        zero = 0.0 if window is None else window.bend_within(POINT_ROUNDINGS * math.ulp(self.probe.point))
        return Estimate(value, error, self.probe.count, noise, step, left.value, right.value, kind, scale, zero, beside)

    def _has_kink(self, ladder: Ladder) -> bool:
        """Return whether the one-sided slopes disagree, and so do those close to the point."""
        window, probe = self.survey.window, self.probe
        gap = 0.0 if probe.side else kink_of(ladder.left, ladder.right, ladder.scale)
        if gap and window is not None:
            visible = KINK_GRAIN * max(window.floor, window.noise, self.survey.noise)
            if gap * window.spacing < visible and probe.allows(FOR_WINDOW):
                window = probe.window(KINK_CLEAR * visible / gap)
            return shows_kink(window, gap)
        return gap > 0.0

    def _other_reading(self, value: float, error: float) -> tuple[float, float]:
        """Return the slope right beside the point, where f may move in steps, and how much wider that makes the bound.

        Steps that could be those of a coarse rounding are taken for that, but a claim of the slope between two of
        them is left open. Where it is not even likely that they are, so are both claims.
        """
        window, doubtful, probe = self.survey.window, self.survey.doubtful, self.probe
        likely = window is not None and window.noise <= window.likely
        unlikely = not likely and probe.origin.is_integer()
        loud = self.survey.noise > QUIET * probe.grain(probe.nearby) and probe.coarseness == 1.0
        if (probe.decimal or loud) and probe.allows(2):
            spacing = probe.exact(NARROWEST * probe.size) or NEAREST
            if probe.at(spacing) == probe.origin == probe.at(-spacing):
                return 0.0, abs(value) if unlikely else 0.0
        if window is None or doubtful is None or probe.coarseness > 1.0:
            return math.nan, 0.0
        spread = abs(value - doubtful.slope)
        if spread <= error + doubtful.slope_error:
            return math.nan, 0.0
        return doubtful.slope, 0.0 if likely else spread + doubtful.slope_error

    def _honest_error(self, ladder: Ladder, value: float, error: float) -> float:
        """Return the error with what the formulas cannot know.

        That is steps that do not resolve f, and rounding inside of f.
        """
        window = self.survey.window
        if error > UNCONVERGED * ladder.scale or (value == ladder.value and self.is_unresolved(ladder)):
            error += ladder.scale
            if window is not None:
                error = max(error, abs(value - window.slope) + window.slope_error)
        if window is not None and abs(value) <= EXTREMUM * ladder.scale:
            error = max(error, window.bend_within(EXTREMUM_ROUNDINGS * math.ulp(self.probe.point)))
            if abs(value) <= SMALLEST_SLOPE * ladder.scale:
                error = max(error, SMALLEST_SLOPE * ladder.scale)
        return error

    def _estimate_from_window(self) -> Estimate:
        count, noise, scale = self.probe.count, self.survey.noise, self.survey.scale
        window = self.survey.window
        if window is None:
            return Estimate(math.nan, math.inf, count, noise, math.nan, kind=Kind.NOISY, scale=scale)
        value, error, kind = window.slope, window.slope_error, Kind.SMOOTH
        if not math.isfinite(error):  # the slope is beyond the largest float
            kind, error = Kind.INFINITE_SLOPE if math.isinf(value) else Kind.NOISY, math.inf
        scale = max(scale, window.variation / window.spacing)
        return Estimate(value, error, count, noise, window.spacing, kind=kind, scale=scale)

    def _estimate_of_break(self) -> Estimate:
        window, kind = self.survey.broken, self.survey.kind
        left = right = step = math.nan
        if window is not None:
            step = window.spacing
            left, right = window.steps[1] / step, window.steps[4] / step
            if kind == Kind.INFINITE_SLOPE:
                left, right = (math.copysign(math.inf, window.steps[index]) for index in (2, 3))
        value = (left + right) / 2
        return Estimate(value, math.inf, self.probe.count, self.survey.noise, step, left, right, kind, abs(value))
