"""The survey: windows of decreasing spacing, until one shows what the function is like at the point.

Where a window is neither smooth nor plain noise, a narrower one is taken. What they show is put
together here: a smooth function and its slope, a kink, a jump, an infinite slope, or noise.
"""

from __future__ import annotations

import math

from microgrady.checking.estimate import Kind
from microgrady.checking.numeric.probe import Probe
from microgrady.checking.numeric.trend import (
    SAME_NOISE,
    SHRINKING,
    TINY_BREAK,
    diverges,
    is_noise,
    is_rough,
    is_step_of_noise,
    power_of_variation,
)
from microgrady.checking.numeric.window import CONFIDENCE, GRAIN, QUIET, Window
from microgrady.checking.verdict import WIDEST_TOLERANCE

# The factors 1.2371 and 0.618... keep steps off powers of two: a periodic function would be met at the same
# phase again and again.
FIRST_SPACING = 2.0**-20 * 1.2371  # in units of the scale
OTHER_PHASE = 0.6180339887  # of the spacing: another window of the same kind
SHRINK = 2.0**-10  # from one window to the next
WINDOWS = 5  # before the narrowest one
NARROWEST = 2.0**-46  # spacing in units of |x|: 64 times the distance of neighbouring floats
NARROWEST_AT_ZERO = 1e-100  # the same at x = 0
DISTINCT = 1.01  # a window that is wider than the narrowest one by a smaller factor counts as that one
FAR_SCALE = 4.0  # above this many |x| a scale leaves so much room below that windows shrink ever faster

CONFIRMATION = 23.0  # a window that confirms another one is narrower by this factor, not a power of two either
RESERVE = 20  # evaluations that must be left for the ladder before a window is confirmed
FOR_ALIAS = 8  # the same before aliasing is looked for
PHASE_RESERVE = 10  # the same before one is compared with another of the same kind
CLEAR = 1e-3  # of the slopes in the wider window: a slope that is known this well is clear in spite of noise
VAGUE = 0.1  # of the slopes in a window: a slope that is known less well says nothing
SAME_SLOPE = 2.0  # a confirmed slope differs by no more than this many of the bounds
WILDER = 8.0  # a break does not explain a narrower window with more noise than the break divided by this

MIDDLE_TRIES = 10  # bisections between a wild window and a flat one
MIDDLE_RATIO = 2000.0  # it is worth a look if the wild one is wider by this factor
LITTLE = 16.0  # the function moves a little where it moves by less than in the wild window divided by this

BELOW_BREAK = (4.0, 32.0, 256.0)  # divisors of the spacing of a broken window, to find the widest smooth one
BREAK_SHARE = 0.5  # of the widest tolerance: how well the slope beside a break has to be known
BESIDE_BREAK = 0.05  # the same that shows at least that the break is not at the point
BESIDE_POLE = 0.2  # the same beside a pole
STEEPER = 2.0  # by this factor a function is steeper at the point than on the scale of the break, if that is a pole
HIDDEN = 0.1  # of the slopes on a wider scale: less is not part of a cusp
BESIDE = 0.3  # of the spacing: a window in which a single break off the middle lies elsewhere

FLAT_POWER = 1.2  # a variation that shrinks by a higher power of the spacing has the slope zero
STEP_TRUNCATION = 4.0  # a wide window that stands in for a step of rounding has so many times its own error

# Noise that a window did not see is louder than its own by the first factor, and equally strong on two scales within
# the second, by which the scales also differ.
LOUDER = 32.0
TWO_SCALES = 5.0
ROUNDING_LOUDER = 2.0  # the same for ordinary rounding, where both windows are quiet
# A function computes with its argument as it is if its noise is this many times below the rounding of the argument. It
# may still show this part of that rounding: one that grows evenly to a whole rounding shows in no window.
EXACT = 64.0
EXACT_BLUR = 1 / 18


class Survey:
    """What windows show of the function around the point.

    Attributes:
        probe: The function.
        noise: The rounding noise in its values.
        kind: SMOOTH, KINK, JUMP or INFINITE_SLOPE.
        window: The window that is believed to show a smooth function, if any.
        broken: The window that shows a kink or a jump, at the point or near it.
        doubtful: A window that is smooth, unless it is one step of rounding.
        scale: The steepest slope seen so far, as far as it matters (ladders add theirs).
        settled: The window says it all.
        structured: Irregularity shrinks with the spacing: it is not rounding.
        rough: It shrinks no faster than the spacing: no window shows a slope.
    """

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.noise = 0.0
        self.kind = Kind.SMOOTH
        self.window: Window | None = None
        self.broken: Window | None = None
        self.doubtful: Window | None = None
        self.scale = 0.0
        self.settled = False
        self.structured = False
        self.rough = False

    @property
    def open(self) -> bool:
        """Whether the function may be smooth, with a slope that is not known yet."""
        return self.kind == Kind.SMOOTH and not self.settled

    def look(self, scale: float) -> None:
        """Find a window in which the function is smooth, or learn why there is none."""
        windows: list[Window] = []
        for spacing in self._spacings(scale):
            if windows and spacing >= windows[-1].spacing:
                continue  # the end of the domain has forced a narrower one already
            window = self.probe.window(spacing)
            windows.append(window)
            noisy = len(windows) > 1 and is_noise(windows[-2], window)
            if is_step_of_noise(windows) or (noisy and window.noise <= window.likely):
                break
            if window.break_kind:
                continue
            if window.flat or window.quiet or (window.convergent and self._confirm(windows)):
                break
        if windows[-1].flat and len(windows) > 1 and not windows[-2].break_kind:
            self._look_between(windows)
        wild = [window for window in windows if not window.good]
        self.structured = len(wild) > 1 and wild[0].noise > SHRINKING * wild[-1].noise
        self.rough = is_rough(wild)
        self._conclude(windows)
        if self.rough and self.window is None:
            self.settled = True  # no wide step knows of what goes on nearer than all windows

    def _spacings(self, scale: float) -> list[float]:
        point, coarseness = self.probe.size, self.probe.coarseness
        spacing = min(scale * FIRST_SPACING * math.cbrt(coarseness), self.probe.edge / 4)
        narrowest = self._narrowest()
        spacings: list[float] = []
        shrink = SHRINK
        while spacing > narrowest * DISTINCT and len(spacings) < WINDOWS:
            spacings.append(spacing)
            spacing *= shrink
            if not point or scale > FAR_SCALE * point:
                shrink *= shrink
        return [*spacings, narrowest]

    def _narrowest(self) -> float:
        point = self.probe.size
        return point * NARROWEST * self.probe.coarseness if point else NARROWEST_AT_ZERO

    def _confirm(self, windows: list[Window]) -> bool:
        """Return whether a narrower window confirms the last one, which resolves the function but shows no noise yet.

        It also shows whether the function was met at similar phases of several oscillations.
        """
        window = windows[-1]
        if not self.probe.allows(RESERVE):
            return True
        narrow = self.probe.window(window.spacing / CONFIRMATION)
        if not narrow.good:
            # Noise that shrinks toward the point hides no slope: it comes from a residual that vanishes there.
            clear = narrow.slope_error <= CLEAR * window.variation / window.spacing
            return clear and narrow.agrees(window)
        same = narrow.quiet or narrow.noise <= SAME_NOISE * window.noise
        if same and abs(narrow.slope - window.slope) <= SAME_SLOPE * (narrow.slope_error + window.slope_error):
            window.noise = min(window.noise, narrow.noise)
            if narrow.slope_error < window.slope_error:
                windows.append(narrow)
            return True
        windows.append(narrow)
        return narrow.quiet or self._confirm(windows)

    def _look_between(self, windows: list[Window]) -> None:
        """Look between a wild and a flat window for the spacing over which f moves a little."""
        wide, flat = windows[-2], windows[-1]
        far, near = wide.spacing, flat.spacing
        if far < MIDDLE_RATIO * near:
            return
        for _ in range(MIDDLE_TRIES):
            middle = math.sqrt(far) * math.sqrt(near)
            change = self.probe.change(middle)
            if change <= QUIET * flat.unit:
                near = middle
            elif change < wide.variation / LITTLE:
                windows[-1] = self.probe.window(middle / 4)
                return
            else:
                far = middle

    def _conclude(self, windows: list[Window]) -> None:
        """Decide what the windows show, from the widest to the narrowest."""
        last = windows[-1]
        broken = [window for window in windows if window.break_kind]
        noisy = is_step_of_noise(windows) or (len(windows) > 1 and is_noise(windows[-2], last))
        self.broken = broken[-1] if broken and not noisy else None
        wild = not (last.good or last.break_kind or last.interrupted)
        if wild and self.broken is not None and last.noise > self.broken.break_size / WILDER:
            self.broken = None  # wilder still on the narrower scale
        self.kind = Kind.SMOOTH
        self.window = self.doubtful = None
        if diverges(windows):
            self._has_infinite_slope(last)
            return
        if last.good:
            self.window = last if len(windows) == 1 else self._believe(windows[:-1], last)
        if self.window is not None:
            self.noise = max(self.noise, self.window.noise)
        elif self.kind == Kind.SMOOTH:
            self._conclude_without_window(windows)

    def _conclude_without_window(self, windows: list[Window]) -> None:
        last = windows[-1]
        if self.broken is not None:
            size = self.broken.break_size / self.broken.spacing
            narrower = windows[windows.index(self.broken) + 1 :]
            self.settled = any(window.slope_error <= BESIDE_BREAK * size for window in narrower)
            if self.settled:
                return  # the break is not at the point
            self.kind = self.broken.break_kind or self.kind
        elif len(windows) > 2 and power_of_variation(windows) > FLAT_POWER:
            # Like the power 3/2 of the distance: no Taylor series, but a slope of zero.
            self.window = last
            last.slope, last.truncation = 0.0, last.variation / last.spacing
            self.scale = windows[0].variation / windows[0].spacing
            self.noise = max(self.noise, last.unit)
            self.settled = True
            return
        self.noise = max(self.noise, *(window.noise for window in windows[-2:]))
        if last.good:
            self.doubtful = last
        if len(windows) > 1 and not self.rough and (last.good or is_noise(windows[-2], last)):
            self.window = windows[-2]
            self.window.noise = self.noise
            self.window.truncation *= STEP_TRUNCATION

    def _has_infinite_slope(self, window: Window) -> None:
        self.broken = window
        self.kind = Kind.INFINITE_SLOPE

    def _believe(self, wider: list[Window], narrow: Window) -> Window | None:
        """Return the narrow window, if its smoothness is the function's and not a step of its rounding."""
        wide = wider[-1]
        if wide.break_kind:
            # Beside a pole f is much steeper at the point than on the scale of the break.
            steep = abs(narrow.slope) > STEEPER * max(map(abs, wide.steps)) / wide.spacing
            size = abs(narrow.slope) if steep else wide.break_size / wide.spacing
            for divisor in (None, *BELOW_BREAK):
                window = narrow if divisor is None else self.probe.window(wide.spacing / divisor)
                if window.good and window.slope_error <= BREAK_SHARE * WIDEST_TOLERANCE * size:
                    return window
            return narrow if narrow.slope_error <= (BESIDE_POLE if steep else BESIDE_BREAK) * size else None
        if wide.stepwise or wide.noise > wide.loudest or narrow.curved:
            # A cusp is steeper on narrower scales, if roundings do not hide it.
            hidden = self.rough and narrow.variation / narrow.spacing < HIDDEN * wide.variation / wide.spacing
            return None if hidden else narrow
        between = self.probe.window(math.sqrt(wide.spacing) * math.sqrt(narrow.spacing))
        if between.curved:
            return narrow
        if diverges([*wider, between]):
            if narrow.flat or not narrow.straight:
                self._has_infinite_slope(narrow)
            return None
        # With one wider window `all` asks nothing.
        if wide.isolated and (all(window.break_kind for window in wider[:-1]) or wider[-2].interrupted):
            return self._look_beside(wide, between, narrow)
        self.rough = self.rough or (between.noise > GRAIN * between.unit and is_rough([wide, between]))
        return None

    def _look_beside(self, wide: Window, between: Window, narrow: Window) -> Window | None:
        """Return a window beside a single kink or jump that is off the middle, if there is one.

        Narrower windows leave such a break behind.
        """
        if not (between.good and between.agrees(narrow)):
            return None
        if wide.bent or wide.noise > TINY_BREAK * wide.largest:
            self.broken = wide
            return between
        beside = self.probe.window(wide.spacing * BESIDE)
        return between if beside.good and beside.agrees(between) else None

    def is_coarse(self, spacing: float) -> bool:
        """Return whether there is noise that the window missed, equally strong on two scales.

        It is believed from now on.
        """
        wide, narrow = self.probe.window(spacing), self.probe.window(spacing / TWO_SCALES)
        if wide.quiet and narrow.quiet and not (wide.break_kind or narrow.break_kind):
            return self._is_louder(max(wide.noise, narrow.noise))
        # Irregularity that shrinks, or a kink on both scales, is not rounding.
        if self.structured or wide.break_kind == narrow.break_kind == Kind.KINK:
            return False
        for seen in (wide, narrow):
            if seen.convergent or not LOUDER * self.noise < seen.noise < wide.loudest:
                return False
            # One jump can be the function's. Very small ones are taken for its rounding.
            if seen.isolated and seen.noise > TINY_BREAK * wide.largest:
                return False
        if wide.noise > TWO_SCALES * narrow.noise or narrow.noise > TWO_SCALES * wide.noise:
            return False
        self.noise = wide.noise = max(wide.noise, narrow.noise)
        self.window, self.doubtful = wide, self.window
        return True

    def _is_louder(self, noise: float) -> bool:
        """Return whether there is more of the ordinary rounding than the window happened to show; note it."""
        if noise <= ROUNDING_LOUDER * self.noise or self.window is None:
            return False
        self.noise = self.window.noise = noise
        return True

    def is_aliased(self) -> bool:
        """Return whether the window met a periodic function at similar phases: another spacing shows another slope.

        Then the function is looked at anew, closer to the point.
        """
        window = self.window
        if window is None or window.flat or not self.probe.allows(FOR_ALIAS):
            return False
        other = self.probe.window(window.spacing * OTHER_PHASE)
        clear = other.good or other.slope_error <= VAGUE * other.variation / other.spacing
        if clear and abs(other.slope - window.slope) <= SAME_SLOPE * (other.slope_error + window.slope_error):
            self.noise = window.noise = max(window.noise, other.noise)
            return False
        self.window = None
        if window.spacing > self._narrowest() * DISTINCT:
            self.look(window.spacing * OTHER_PHASE * SHRINK / FIRST_SPACING)
            if self.window is not None and self.window.flat:
                self.window, self.settled = None, True  # between two roundings
        else:
            self.noise = max(self.noise, window.variation, other.variation)
            self.settled = self.rough or self.noise > window.loudest
        return True

    def is_exact(self) -> bool:
        """Return whether f computes with its argument as it is: two windows show no trace of its rounding."""
        window = self.window
        if window is None or not self.probe.allows(PHASE_RESERVE) or window.floor <= window.unit:
            return False
        other = self.probe.window(window.spacing * OTHER_PHASE)
        if EXACT * max(window.noise, other.noise) >= window.floor:
            return False
        # Roundings can also grow evenly from value to value, which changes the slope.
        rounding = CONFIDENCE * max(window.noise, window.unit) * (1 / window.spacing + 1 / other.spacing)
        if abs(window.slope - other.slope) > window.truncation + other.truncation + rounding:
            return False
        window.noise = max(window.noise, other.noise)
        window.floor = max(window.unit, EXACT_BLUR * window.floor)
        return True
