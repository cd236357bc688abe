"""What can be said of a claimed derivative, given an estimated one."""

from __future__ import annotations

import enum
import math

from microgrady.checking.estimate import BREAKS, Estimate

USUAL_TOLERANCE = 1e-5  # relative, where the bound of the estimate allows it
WIDEST_TOLERANCE = 5e-4  # relative, by default: half of the 0.1% that is always to be found
BOUND_SHARE = 3.0  # a default tolerance is that many bounds, so that a right claim does not match narrowly
ZERO_LIMIT = 3e-6  # the bound on a zero derivative is below this part of the slopes around it, or proves nothing


class Verdict(enum.Enum):
    """What can be said of a claimed derivative.

    Example:
        >>> str(Verdict.NOT_DIFFERENTIABLE)
        'not differentiable'
    """

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_DIFFERENTIABLE = "not differentiable"
    INCONCLUSIVE = "inconclusive"

    def __str__(self) -> str:
        return self.value


def judge(claimed: float, estimate: Estimate, tolerance: float | None = None) -> Verdict:
    """Compare a claimed derivative with an estimated one.

    Args:
        claimed: The derivative in question.
        estimate: What finite differences say.
        tolerance: The relative deviation that is still a match; by default 1e-5, or as much as
            the bound of the estimate calls for, up to 5e-4.

    Returns:
        MATCH where deviation and bound together stay within the tolerance, MISMATCH where the
        deviation is outside both, NOT_DIFFERENTIABLE at a kink, a jump or an infinite slope, and
        INCONCLUSIVE otherwise.

    Example:
        >>> estimate = Estimate(value=1.0, error=1e-12, evaluations=20, noise=1e-16, step=0.01)
        >>> str(judge(1.0, estimate)), str(judge(1.001, estimate))
        ('match', 'mismatch')
    """
    if estimate.kind in BREAKS:
        return Verdict.NOT_DIFFERENTIABLE
    value, error = estimate.value, estimate.error
    if not error < math.inf:
        return Verdict.INCONCLUSIVE
    if not math.isfinite(claimed):
        return Verdict.MISMATCH
    difference = abs(claimed - value)
    size = abs(value)
    if tolerance is None:
        allowed = min(max(USUAL_TOLERANCE * size, BOUND_SHARE * error), WIDEST_TOLERANCE * size)
    else:
        allowed = tolerance * size
    if difference + error <= allowed:
        return Verdict.MATCH
    if difference > error and difference > allowed:
        steps_meant = abs(claimed - estimate.beside) <= WIDEST_TOLERANCE * abs(estimate.beside)
        return Verdict.INCONCLUSIVE if steps_meant else Verdict.MISMATCH
    # Zero has no relative size: it is judged against the slopes around it. What is not zero but too small
    # to be seen is left open, or wrong claims would match because they are small.
    seen_as_zero = size <= error and (error <= ZERO_LIMIT * estimate.scale or estimate.scale == 0.0)
    return Verdict.MATCH if seen_as_zero and abs(claimed) <= min(error, estimate.zero) else Verdict.INCONCLUSIVE
