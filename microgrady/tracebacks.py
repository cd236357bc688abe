"""What tracebacks show of this package: nothing, where the mistake is its caller's.

Pytest and IPython leave out frames with a true local variable `__tracebackhide__` (IPython never the last one). It is
set here, once an error leaves the package or is shown, so that calls without one pay nothing, and frames of compiled
modules have it, too. `pytest --full-trace` shows them all.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from microgrady.introspection import is_code_of, parameters_of

F = TypeVar("F", bound=Callable[..., Any])
OURS = "microgrady"


def entrance(function: F) -> F:
    """Hide what is behind a public function from the tracebacks of errors that are its caller's."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if isinstance(error, TypeError) and error.__traceback__.tb_next is None:  # type: ignore[union-attr]
                _explain_call(error, function, args, kwargs)
            hide_ours(error)
            raise

    return call  # type: ignore[return-value]


def _explain_call(
    error: TypeError, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Add to the error of a call, which has not even begun, what the function takes."""
    from microgrady.suggestions import call_hint  # for an error: it is not needed to calculate

    by_position, only_by_name, any_other = parameters_of(function)
    if by_position[:1] == ["self"]:
        by_position, args = by_position[1:], args[1:]
    if not any_other:
        error.args = (f"{error}{call_hint(by_position, only_by_name, args, kwargs)}",)


def hide_ours(error: BaseException) -> None:
    """Hide the frames of this package in the traceback of an error, unless the error is a fault of the package.

    It is one if the last frame is of the package, but neither raises nor calls a function that was given to it with
    arguments that this does not take: then something has failed that nobody foresaw. The errors that it came of are
    treated alike.
    """
    for each in _chain(error):
        entries = list(_entries(each.__traceback__))
        if not entries or (is_code_of(entries[-1].tb_frame, OURS) and not _is_foreseen(each, entries[-1])):
            continue
        for entry in entries:
            if is_code_of(entry.tb_frame, OURS):
                entry.tb_frame.f_locals["__tracebackhide__"] = True


def hide_ours_in_ipython() -> None:
    """Hide them in each traceback of the running IPython from now on, as the plugin for pytest does there.

    What `entrance` cannot reach is hidden so, too: operators, and functions that would lose time by it.
    """
    from IPython.core.getipython import get_ipython  # it is running: this imports nothing

    shell: Any = get_ipython()
    show = getattr(shell, "showtraceback", None)
    if show is None or hasattr(show, "__wrapped__"):
        return

    @functools.wraps(show)
    def showtraceback(exc_tuple: Any = None, *args: Any, **kwargs: Any) -> Any:
        error = (exc_tuple or sys.exc_info())[1]
        if error is not None:
            hide_ours(error)
        return show(exc_tuple, *args, **kwargs)

    shell.showtraceback = showtraceback


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and those before it that are shown with it."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return found


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _is_foreseen(error: BaseException, last: TracebackType) -> bool:
    """Return whether an error was raised on purpose, or by a call of a function that was given to the package."""
    import linecache  # for an error: it is not needed to calculate
    import re

    line = linecache.getline(last.tb_frame.f_code.co_filename, last.tb_lineno).lstrip()
    does_not_fit = isinstance(error, TypeError) and re.search("positional arg|keyword arg|takes .*argument", str(error))
    return line.startswith("raise") or bool(does_not_fit and re.search(r"\b(function|f|loss|model)\(", line))
