"""A derivative found by finite differences, and how far it can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOAT_DIGITS = 17  # that many decimal digits tell every float from every other
FAITHFUL_DIGITS = 16  # that many are printed at most: one more shows how 0.1 is stored


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
        kind: "smooth", "kink", "jump", "infinite slope" or "noisy".
        scale: The size of slope that the function has around the point: the size against
            which a zero derivative is zero.
        zero: How far the rounding of the point itself lets a derivative that is zero beside it
            differ from zero: so small a claim is as good as 0.

        beside: The slope between two steps of f right beside the point, nan if there are none. The steps have been
            taken for rounding; if they are meant, this is the derivative.

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
    kind: str = "smooth"
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
