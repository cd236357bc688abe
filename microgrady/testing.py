"""Gradient checks for test suites.

With pytest, `assert_gradient` is there as the fixture `gradcheck`, too, once microgrady is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from microgrady.checking import Report, Verdict, check_gradient, is_differentiable
from microgrady.inputs import describe, is_iterable, require_function
from microgrady.introspection import signature_of

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
        AssertionError: a derivative does not match; the message is the report's summary and table.
        TypeError: `allow` is not a verdict or several.
        ValueError: something else than "inconclusive" or "not differentiable" is to be allowed.
        Exception: as for `check_gradient`.

    Example:
        >>> report = assert_gradient(lambda x: x**3, 2.0)
        >>> assert_gradient(lambda x: x**3, 2.0, gradient=lambda x: x**2)
        Traceback (most recent call last):
        ...
        AssertionError: 0 of 1 derivatives match; 1 mismatch
        ...
    """
    __tracebackhide__ = True
    allowed = {Verdict.MATCH, *_allowed(allow)}
    report = check_gradient(f, *point, gradient=gradient, **options)
    if not all(entry.verdict in allowed for entry in report.entries):
        raise AssertionError(f"{report.summary()}\n{report.table()}")
    return report


def _allowed(allow: Any) -> list[Verdict]:
    """Return the verdicts that may stand besides a match."""
    __tracebackhide__ = True
    choices = {str(verdict): verdict for verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_DIFFERENTIABLE)}
    allowed = " and ".join(map(repr, choices))
    if isinstance(allow, (str, Verdict)):
        allow = [allow]
    elif not is_iterable(allow):
        raise TypeError(f"allow takes {allowed}, or several of them, not {describe(allow)}")
    given = [str(verdict) for verdict in allow]
    for verdict in given:
        if verdict not in choices:
            raise ValueError(f"allow takes {allowed}, not {verdict!r}")
    return [choices[verdict] for verdict in given]


def differentiable_points(f: Callable[..., Any], *strategies: SearchStrategy[Any]) -> SearchStrategy[tuple[Any, ...]]:
    """Return a hypothesis strategy: points where `f` is defined and has a derivative, as finite differences see it.

    Kinks, jumps, infinite slopes and points outside the domain are left out, so that a property test
    of a gradient does not fail where there is none.

    Args:
        f: As for `check_gradient`.
        *strategies: One for each argument of `f`. Infinities and nan that they give are left out, too.

    Returns:
        A strategy for tuples of arguments.

    Raises:
        TypeError: `f` cannot be called, or not with so many arguments, or a strategy is something else.
        ValueError: there are no strategies.
        ImportError: hypothesis is not installed.
        hypothesis.errors.InvalidArgument: a strategy can give nothing, such as `floats(1, 0)`.

    Example:
        >>> from hypothesis import given, strategies as st
        >>> @given(differentiable_points(abs, st.integers(-3, 3)))
        ... def test_the_slope_of_abs_is_its_sign(point):
        ...     assert_gradient(abs, *point, gradient=lambda x: 1.0 if x > 0 else -1.0)
        >>> test_the_slope_of_abs_is_its_sign()
    """
    __tracebackhide__ = True
    try:
        from hypothesis import strategies as st
    except ImportError:
        raise ImportError("differentiable_points needs hypothesis: pip install hypothesis") from None
    require_function("differentiable_points", f)
    if not strategies:
        raise ValueError("differentiable_points takes a strategy for each argument of the function, but none came")
    for strategy in strategies:
        if not isinstance(strategy, st.SearchStrategy):
            raise TypeError(
                "differentiable_points takes strategies of hypothesis, such as strategies.floats(-1.0, 1.0), "
                f"not {describe(strategy)}"
            )
        strategy.validate()  # now, and not when the first point is drawn
    _require_arguments(f, len(strategies))
    return st.tuples(*strategies).filter(lambda point: is_differentiable(f, *point))


def _require_arguments(f: Callable[..., Any], count: int) -> None:
    __tracebackhide__ = True
    signature = signature_of(f)
    if signature is None:
        return
    try:
        signature.bind(*range(count))
    except TypeError as error:
        given = "1 strategy was" if count == 1 else f"{count} strategies were"
        raise TypeError(
            f"differentiable_points takes a strategy for each argument of the function, but {given} given "
            f"for {signature}: {error}"
        ) from None
