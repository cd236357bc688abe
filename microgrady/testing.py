"""Gradient checks for test suites.

With pytest, `assert_gradient` is there as the fixture `gradcheck`, too, once microgrady is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from microgrady.checking import Report, Verdict, check_gradient, is_differentiable

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def assert_gradient(
    f: Callable[..., Any],
    *point: Any,
    gradient: Any = None,
    allow: Iterable[Verdict | str] = (),
    **options: Any,
) -> Report:
    """Fail unless the derivatives of `f` at a point are right.

    A check that proved nothing does not pass: "inconclusive" and "not differentiable" fail too, unless
    they are allowed.

    Args:
        f: As for `check_gradient`.
        *point: As for `check_gradient`.
        gradient: As for `check_gradient`: a function or numbers; microgrady's derivative if None.
        allow: Verdicts that may stand, such as "not differentiable".
        **options: `order`, `directions` and `tolerance`, as for `check_gradient`.

    Returns:
        The report.

    Raises:
        AssertionError: a derivative does not match; the message is the report's table.
        ValueError: something else than "inconclusive" or "not differentiable" is to be allowed.

    Example:
        >>> report = assert_gradient(lambda x: x**3, 2.0)
        >>> assert_gradient(lambda x: x**3, 2.0, gradient=lambda x: x**2)
        Traceback (most recent call last):
        ...
        AssertionError: 0 of 1 derivatives match; 1 mismatch
        ...
    """
    open_verdicts = {str(verdict): verdict for verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_DIFFERENTIABLE)}
    given = [allow] if isinstance(allow, (str, Verdict)) else list(allow)
    for verdict in given:
        if str(verdict) not in open_verdicts:
            raise ValueError(f"allow takes {' and '.join(map(repr, open_verdicts))}, not {str(verdict)!r}")
    allowed = {Verdict.MATCH, *(open_verdicts[str(verdict)] for verdict in given)}
    report = check_gradient(f, *point, gradient=gradient, **options)
    if not all(entry.verdict in allowed for entry in report.entries):
        raise AssertionError(f"{report.summary()}\n{report}")
    return report


def differentiable_points(f: Callable[..., Any], *strategies: SearchStrategy[Any]) -> SearchStrategy[tuple[Any, ...]]:
    """A hypothesis strategy: points where `f` is defined and has a derivative, as finite differences see it.

    Kinks, jumps, infinite slopes and points outside the domain are left out, so that a property test
    of a gradient does not fail where there is none.

    Args:
        f: As for `check_gradient`.
        *strategies: One for each argument of `f`.

    Returns:
        A strategy for tuples of arguments.

    Raises:
        ImportError: hypothesis is not installed.

    Example:
        >>> from hypothesis import given, strategies as st
        >>> @given(differentiable_points(abs, st.integers(-3, 3)))
        ... def test_the_slope_of_abs_is_its_sign(point):
        ...     assert_gradient(abs, *point, gradient=lambda x: 1.0 if x > 0 else -1.0)
        >>> test_the_slope_of_abs_is_its_sign()
    """
    try:
        from hypothesis import strategies as st
    except ImportError:
        raise ImportError("differentiable_points needs hypothesis: pip install hypothesis") from None
    return st.tuples(*strategies).filter(lambda point: is_differentiable(f, *point))
