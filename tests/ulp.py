"""The distance between floats and exact numbers, in units in the last place."""

from __future__ import annotations

import math
from typing import Any

import mpmath

LARGEST, SMALLEST = 1.7976931348623157e308, 5e-324


def ulps(found: float, exact: Any) -> float:
    """How far `found` is from `exact`, an mpmath number, in ulp of the float nearest to `exact`."""
    nearest = float(exact)
    if math.isnan(nearest):
        return 0.0 if math.isnan(found) else math.inf
    if math.isinf(nearest) or math.isinf(found) or math.isnan(found):
        # The last float and infinity are neighbours.
        largest = math.copysign(LARGEST, nearest)
        return 0.0 if found == nearest or {found, nearest} <= {largest, largest * 2} else math.inf
    return float(abs(mpmath.mpf(found) - exact) / mpmath.mpf(math.ulp(nearest)))


def is_alike(found: float, expected: float) -> bool:
    """Whether both are nan, infinite or zero with the same sign, but for neighbours at the ends of the range."""
    if math.isnan(found) or math.isnan(expected):
        return math.isnan(found) and math.isnan(expected)
    if math.isinf(found) or math.isinf(expected):
        return found * expected > 0.0 and min(abs(found), abs(expected)) > LARGEST * (1.0 - 1e-15)
    if found == 0.0 or expected == 0.0:
        return max(abs(found), abs(expected)) <= 4.0 * SMALLEST and math.copysign(1.0, found) == math.copysign(
            1.0, expected
        )
    return True
