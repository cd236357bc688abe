"""A derivative found by finite differences, and how far it can be trusted."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from microgrady.inputs import FLOAT_DIGITS

FAITHFUL_DIGITS = 16  # that many are printed at most: one more shows how 0.1 is stored


class Kind(enum.StrEnum):
    """What a function does at a point. Each kind is also a str, such as "infinite slope".

    Example:
        >>> Kind.INFINITE_SLOPE == "infinite slope"
        True
    """

    SMOOTH = "smooth"
    KINK = "kink"  # the derivatives from the left and from the right differ
    JUMP = "jump"
    INFINITE_SLOPE = "infinite slope"
    NOISY = "noisy"  # what the function does is hidden by the noise in its values, or finer than all steps


BREAKS = frozenset({Kind.KINK, Kind.JUMP, Kind.INFINITE_SLOPE})  # where a function has no derivative


@dataclass(frozen=True)
class Estimate:
    """A derivative found by finite differences, and how far it can be trusted.

    Attributes:
        value: The estimated derivative.
        error: A bound on the distance between `value` and the true derivative.
        evaluations: How often the function was called.
        noise: The rounding noise measured in the function's values (absolute, one standard
            deviation).
        step: The smallest step that went into `value`.
        left: The derivative from the left, nan where it is not known.
        right: The derivative from the right, nan where it is not known.
        kind: What the function does at the point: "smooth", "kink", "jump", "infinite slope" or "noisy".
        scale: The size of the slopes around the point, against which a small derivative is judged.
        zero: A claim of up to this size is as good as 0. Near an extremum the rounding of the point alone
            changes the derivative by as much.
        beside: The slope between two steps of the function right beside the point, nan if there are none.
            The steps have been taken for rounding; if they are meant, this is the derivative.

    Example:
        >>> print(Estimate(0.40991, 2e-4, 19, 1e-16, 0.01))
        0.41 ± 2e-04
    """

    value: float
    error: float
    evaluations: int
    noise: float
    step: float
    left: float = math.nan
    right: float = math.nan
    kind: Kind = Kind.SMOOTH
    scale: float = 0.0
    zero: float = 0.0
    beside: float = math.nan

    @property
    def digits(self) -> int:
        """How many leading decimal digits of `value` are certain.

        Example:
            >>> Estimate(0.4099, 2e-11, 19, 1e-16, 0.01).digits
            10
        """
        if self.error == 0.0:
            return FLOAT_DIGITS
        if not self.error < abs(self.value):
            return 0
        return min(FLOAT_DIGITS, math.floor(math.log10(abs(self.value)) - math.log10(self.error)))

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        shown = min(max(self.digits, 1), FAITHFUL_DIGITS)
        return f"{self.value:.{shown}g} ± {self.error:.0e}"
