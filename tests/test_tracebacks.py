"""Tracebacks of mistakes show the code that made them, and those of faults show where they are."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.checking import gradient
from microgrady.tracebacks import hide_ours, hide_ours_in_ipython

pytest_plugins = ["pytester"]
untyped: Any = mg
x = Value(2.0)
HERE = Path(__file__).name

MISTAKES: dict[str, Callable[[], Any]] = {
    "what grad takes": lambda: untyped.grad(lambda a: [a, a])(2.0),
    "an argument": lambda: untyped.grad(abs)("2"),
    "a place": lambda: mg.grad(abs, argnums=3)(2.0),
    "in a function": lambda: untyped.hessian(lambda a: untyped.grad(lambda b: b + "1")(a))(2.0),
    "an argument too few": lambda: untyped.grad(lambda a, b: a * b)(2.0),
    "an argument too many": lambda: untyped.jacobian(lambda a: a)(2.0, 3.0),
    "a point too short": lambda: untyped.check_gradient(lambda a, b: a * b, 2.0),
    "a claim": lambda: mg.check_gradient(lambda a, b: a * b, 2.0, 3.0, gradient=3.0),
    "a point": lambda: mg.numeric_derivative(mg.log, -1.0),
    "a picture": lambda: untyped.draw([x]),
    "a plot": lambda: untyped.plot(lambda a, b: a * b, (-1, 1)),
    "a function of a plot": lambda: untyped.plot(lambda a: a + "1", (-1, 1)),
}
OF_THE_ENGINE: dict[str, Callable[[], Any]] = {
    "an operator": lambda: untyped.sin(x) + "1",
    "a power": lambda: untyped.sin(x) ^ 2,
    "a function": lambda: untyped.sin([x]),
    "an attribute": lambda: untyped.sin(x).value,
    "a name": lambda: untyped.ln(x),
    "a sum": lambda: untyped.sum(x),
}


def shown(error: pytest.ExceptionInfo[BaseException]) -> set[str]:
    """The files whose code pytest shows."""
    return {Path(str(entry.path)).name for entry in error.traceback.filter(error)}


@pytest.mark.parametrize("mistake", [pytest.param(mistake, id=name) for name, mistake in MISTAKES.items()])
def test_public_functions_hide_what_is_behind_them(mistake: Callable[[], Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        mistake()
    hidden = [entry for entry in caught.traceback if entry.ishidden(caught)]
    assert hidden
    # The engine's operations cannot hide themselves.
    assert shown(caught) <= {HERE, "value.py", "inputs.py"}
    hide_ours(caught.value)  # as the plugin for pytest does with each error
    assert shown(caught) == {HERE}


@pytest.mark.parametrize("mistake", [pytest.param(mistake, id=name) for name, mistake in OF_THE_ENGINE.items()])
def test_the_plugin_hides_the_engine_compiled_or_not(mistake: Callable[[], Any]) -> None:
    with pytest.raises((TypeError, AttributeError)) as caught:
        mistake()
    hide_ours(caught.value)
    assert shown(caught) == {HERE}


def test_the_plugin_shows_the_line_of_the_test_last(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import microgrady as mg\n\ndef test_sum():\n    mg.Value(2.0) + '1'\n")
    lines = pytester.runpytest_inprocess().outlines
    assert ">       mg.Value(2.0) + '1'" in lines
    assert not any("inputs.py" in line for line in lines)


def test_a_fault_of_the_package_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient, "_judged", None)
    with pytest.raises(TypeError, match="not callable") as caught:
        mg.check_gradient(mg.sin, 1.0)
    hide_ours(caught.value)
    assert "gradient.py" in shown(caught)


def test_ipython_shows_one_frame_of_the_package() -> None:
    ultratb = pytest.importorskip("IPython.core.ultratb")
    with pytest.raises(TypeError) as caught:
        untyped.plot(lambda a: [a], (-1, 1))
    text = ultratb.VerboseTB(include_vars=False).text(caught.type, caught.value, caught.tb)
    assert "skipping hidden" in text
    assert text.count("/microgrady/") == 1


@pytest.mark.parametrize("mistake", [pytest.param(mistake, id=name) for name, mistake in OF_THE_ENGINE.items()])
def test_a_running_ipython_shows_the_last_frame_of_the_engine_alone(
    mistake: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ultratb = pytest.importorskip("IPython.core.ultratb")

    class Shell:
        def showtraceback(self, exc_tuple: Any = None) -> str:
            return str(ultratb.VerboseTB(include_vars=False).text(*(exc_tuple or sys.exc_info())))

    shell = Shell()
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    for _ in range(2):  # the second time there is nothing left to do
        hide_ours_in_ipython()
    show: Any = shell.showtraceback
    assert not hasattr(show.__wrapped__, "__wrapped__")
    try:
        mistake()
    except (TypeError, AttributeError):
        text = show()
    *shown_first, last = map(Path, re.findall(r"^File (.*?):\d", re.sub(r"\x1b\[[\d;]*m", "", text), re.MULTILINE))
    assert {file.name for file in shown_first} == {HERE}
    assert last.parent.name == "microgrady"


def test_outside_of_ipython_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: None)
    hide_ours_in_ipython()


def test_errors_that_others_came_of_are_hidden_with_them() -> None:
    with pytest.raises(TypeError) as caught:
        untyped.plot(lambda p: p[0], (-1, 1))
    cause = caught.value.__cause__
    assert cause is not None
    assert shown(pytest.ExceptionInfo.from_exception(cause)) == {HERE}
