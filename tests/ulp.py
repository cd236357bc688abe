"""The distance between floats and exact numbers, in units in the last place."""

from __future__ import annotations

import math
from typing import Any

import mpmath


def ulps(found: float, exact: Any) -> float:
    """How far `found` is from `exact`, an mpmath number, in ulp of the float nearest to `exact`."""
    nearest = float(exact)
    if math.isnan(nearest):
        return 0.0 if math.isnan(found) else math.inf
    if math.isinf(nearest) or math.isinf(found) or math.isnan(found):
        # The last float and infinity are neighbours.
        largest = math.copysign(1.7976931348623157e308, nearest)
        return 0.0 if found == nearest or {found, nearest} <= {largest, largest * 2} else math.inf
    return float(abs(mpmath.mpf(found) - exact) / mpmath.mpf(math.ulp(nearest)))
