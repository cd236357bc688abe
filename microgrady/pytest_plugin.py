"""What a pytest suite gets when microgrady is installed.

It is loaded with every suite of the environment, so it imports nothing but pytest before it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from microgrady.checking import Report


@pytest.fixture(scope="session")
def gradcheck() -> Callable[..., Report]:
    """Return the function `microgrady.testing.assert_gradient`, which fails unless a gradient is right."""
    from microgrady.testing import assert_gradient

    return assert_gradient


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the tables of the checks that an assertion failed for, as in `assert check_gradient(f, 1.0)`.

    And of an error that is the caller's show no code of the package.
    """
    if call.excinfo is not None and "microgrady.value" in sys.modules:
        from microgrady.tracebacks import hide_ours

        hide_ours(call.excinfo.value)
    result = yield
    sections = getattr(result.longrepr, "addsection", None)  # tracebacks in other styles are text
    if call.excinfo is not None and call.excinfo.errisinstance(AssertionError) and sections is not None:
        for report in _failed_reports(call.excinfo):
            sections("check_gradient", report.table())
    return result


def _failed_reports(excinfo: pytest.ExceptionInfo[BaseException]) -> list[Report]:
    """Return the reports that the message of a failed assertion names; pytest keeps them in local variables."""
    module = sys.modules.get("microgrady.checking.report")
    if module is None:  # so there is no report
        return []
    message = str(excinfo.value)
    variables = [thing for entry in excinfo.traceback for thing in entry.frame.f_locals.values()]
    things = [part for thing in variables for part in (thing if isinstance(thing, (list, tuple)) else (thing,))]
    reports = {id(thing): thing for thing in things if isinstance(thing, module.Report) and repr(thing) in message}
    return list(reports.values())
