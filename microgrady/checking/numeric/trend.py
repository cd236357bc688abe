"""What windows of decreasing spacing tell together: noise, or a slope that grows without end."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from microgrady.checking.estimate import Kind
from microgrady.checking.numeric.window import LOUDEST_NOISE, Window

TINY_BREAK = 1e-6  # a single jump below this part of the values can be the rounding of float32
SAME_NOISE = 4.0  # irregularity that changes by less from window to window does not shrink with the spacing
AGREED_NOISE = 16.0  # the same where both show one slope, as no cusp does
LOUD_GRAIN = 64.0  # the same where the wider window is straight but for it: chance can hide most of a coarse grain
SAME_LINE = 10.0  # a straight line has the same slope in both, within this many of the bounds
SAME_JUMP = 0.2  # relative: two windows whose noise differs by less saw the same jump
NOISE_STEP = 20.0  # a step of noise is not higher than this many standard deviations
MOVING = 16.0  # a power is measured where the function moves by more than this many units of its rounding
SAME_POWER = 0.1  # powers measured in neighbouring windows differ by less, or there is no power that fits
GROWTH = 1.1  # a slope that grows without end grows at least by this factor from window to window
SHRINKING = 16.0  # irregularity shrinks with the spacing if a narrower window divides it by more than this
# Where the slope is infinite, the irregularity shrinks by a power of the spacing between the first two: rounding has
# the power 0, a kink 1. Or the variation does by one between the last two, while the slope grows.
IRREGULAR_POWERS = (0.12, 0.95)
VARIATION_POWERS = (0.03, 1.0)


def is_noise(wide: Window, narrow: Window) -> bool:
    """Return whether irregularity is small and does not shrink with the spacing."""
    if narrow.noise == 0.0 or narrow.loudest == 0.0 or wide.interrupted or narrow.interrupted:
        return False
    ratio = max(wide.noise, narrow.noise) / min(wide.noise, narrow.noise) if wide.noise else math.inf
    difference = abs(wide.slope - narrow.slope)
    error = wide.slope_error + narrow.slope_error
    if wide.straight and difference <= SAME_LINE * error and wide.noise < LOUDEST_NOISE * wide.largest:
        return ratio <= LOUD_GRAIN
    small = narrow.noise < LOUDEST_NOISE * narrow.largest and not narrow.break_kind
    return small and ratio <= (AGREED_NOISE if difference <= error and narrow.noise <= narrow.likely else SAME_NOISE)


def is_step_of_noise(windows: list[Window]) -> bool:
    """Return whether the last window shows a jump that is no larger than the irregularity seen in the first one."""
    first, last = windows[0], windows[-1]
    if len(windows) == 1 or first.break_kind or last.break_kind != Kind.JUMP:
        return False
    if first.isolated and abs(first.noise - last.noise) < SAME_JUMP * last.noise:
        return False  # the same jump
    return last.variation < last.likely and last.variation <= NOISE_STEP * first.noise


def is_rough(windows: list[Window]) -> bool:
    """Return whether irregularity shrinks with the spacing, but no faster: the slope is as irregular as before."""
    if len(windows) < 2:
        return False
    wide, narrow = windows[0], windows[-1]
    shrinks = wide.noise > SHRINKING * narrow.noise
    return shrinks and wide.noise / wide.spacing < SHRINKING * narrow.noise / narrow.spacing


def power(windows: list[Window], measure: Callable[[Window], float]) -> float:
    """Return the power of the spacing by which something shrinks, nan if there is no such power."""
    moving = [window for window in windows if measure(window) > MOVING * max(window.unit, window.floor)]
    powers = [
        math.log(measure(wide) / measure(narrow)) / math.log(wide.spacing / narrow.spacing)
        for wide, narrow in pairwise(moving)
    ]
    if len(powers) < 2 or max(powers[-3:]) - min(powers[-3:]) > SAME_POWER:
        return math.nan
    return powers[-1]


def power_of_variation(windows: list[Window]) -> float:
    """Return the power of the spacing by which the function varies, nan if there is no such power."""
    return power(windows, lambda window: window.variation)


def diverges(windows: list[Window]) -> bool:
    """Return whether the slope grows from window to window, by a power (or, slowly, by a logarithm)."""
    moving = [window for window in windows if not window.flat]
    if any(window.break_kind or window.convergent for window in moving[-2:]):
        return False
    low, high = IRREGULAR_POWERS
    if low < power(windows, lambda window: window.noise) < high:
        return True
    low, high = VARIATION_POWERS
    slopes = [window.variation / window.spacing for window in windows[-3:]]
    grows = all(GROWTH * wide < narrow for wide, narrow in pairwise(slopes))
    return len(windows) > 2 and grows and low < power_of_variation(windows) < high and not windows[-1].good
