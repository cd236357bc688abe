"""What test suites use: assert_gradient, the fixture and the strategy."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

import microgrady as mg
from microgrady.checking import Verdict
from microgrady.testing import assert_gradient, differentiable_points

pytest_plugins = ["pytester"]


def test_assert_gradient_fails_with_the_table_as_its_message() -> None:
    assert assert_gradient(lambda x: x**2, 3.0).ok
    with pytest.raises(AssertionError, match=r"0 of 1 derivatives match; 1 mismatch\ninput +claimed"):
        assert_gradient(lambda x: x**2, 3.0, gradient=5.0)


def test_the_message_says_each_thing_once() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_gradient(lambda x, y: x * y, 3.0, 2.0, gradient=(2.0, 5.0))
    summary, header, worst, other = str(raised.value).splitlines()
    assert summary == "1 of 2 derivatives match; 1 mismatch"
    assert header.startswith("input  claimed")
    assert (worst.split()[0], other.split()[0]) == ("y", "x")


def test_assert_gradient_fails_where_nothing_was_proved_unless_that_is_allowed() -> None:
    with pytest.raises(AssertionError, match="not differentiable"):
        assert_gradient(mg.relu, 0.0)
    assert_gradient(mg.relu, 0.0, allow="not differentiable")
    assert_gradient(mg.relu, 0.0, allow=[Verdict.NOT_DIFFERENTIABLE])
    with pytest.raises(AssertionError, match="mismatch"):
        assert_gradient(lambda x: x**2, 3.0, gradient=5.0, allow=["inconclusive", "not differentiable"])
    with pytest.raises(ValueError, match="allow takes 'inconclusive' and 'not differentiable', not 'mismatch'"):
        assert_gradient(mg.relu, 0.0, allow=["mismatch"])
    with pytest.raises(TypeError, match=r"allow takes .*, or several of them, not int"):
        assert_gradient(mg.relu, 0.0, allow=3)  # type: ignore[arg-type]


def test_the_fixture_is_there_without_any_configuration(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(mg.__file__).parents[1]))
    pytester.makepyfile(
        """
        def test_right(gradcheck):
            gradcheck(lambda x: x**2, 3.0, gradient=lambda x: 2 * x)

        def test_wrong(gradcheck):
            gradcheck(lambda x: x**2, 3.0, gradient=lambda x: 3 * x)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: 0 of 1 derivatives match; 1 mismatch*"])


def failures(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *bodies: str) -> list[str]:
    """What pytest prints for tests with these bodies, all of which fail."""
    monkeypatch.setenv("PYTHONPATH", str(Path(mg.__file__).parents[1]))
    lines = ["import unittest", "import microgrady as mg", "from microgrady.testing import assert_gradient"]
    for number, body in enumerate(bodies):
        lines += [f"def test_{number}(gradcheck):", *(f"    {line}" for line in body.splitlines())]
    pytester.makepyfile("\n".join(lines))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120)
    result.assert_outcomes(failed=len(bodies))
    shown = result.stdout.str().partition("FAILURES")[2].partition("short test summary")[0]
    return re.split(r"\n_+ test_\d+ _+\n", shown)[1:]


def test_a_failing_check_shows_the_line_of_the_test_and_the_table_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [f"{check}(lambda x: x**2, 3.0, gradient=9.0)" for check in ("gradcheck", "assert_gradient")]
    for call, shown in zip(calls, failures(pytester, monkeypatch, *calls), strict=True):
        assert f">       {call}" in shown
        assert shown.count("0 of 1 derivatives match; 1 mismatch") == 1
        assert shown.count("E       x            9         6") == 1
        assert "microgrady/" not in shown


@pytest.mark.slow
def test_a_plain_assertion_shows_the_whole_table(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    check = "mg.check_gradient(sum, [1.0] * 30, gradient=[2.0] * 30)"
    bodies = [
        f"assert {check}",
        f"assert {check}.ok",
        f"report = {check}\nassert report, 'words'",
        f"assert all([{check}, True])",
        f"assert True and {check}",
        f"unittest.TestCase().assertTrue({check})",
    ]
    for body, shown in zip(bodies, failures(pytester, monkeypatch, *bodies), strict=True):
        assert shown.count("- check_gradient -") == 1, body
        assert shown.count("± ") == shown.count("1.0e+00  mismatch") == 30, body
    (shown,) = failures(pytester, monkeypatch, f"report = {check}\nassert not 1")
    assert "- check_gradient -" not in shown


def test_an_error_of_the_function_shows_the_test_and_the_function_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [
        "gradcheck(f, 1.0)",
        "assert mg.check_gradient(f, 1.0)",
        "assert mg.check_gradient(mg.sin, 1.0, gradient=f)",
        "mg.check_gradient(mg.sin, 1.0, gradient=mg.grad(f))",
        "mg.grad(f)(1.0)",
        "mg.value_and_grad(f)(1.0)",
        "mg.hessian(f)(1.0)",
        "mg.hvp(f)(1.0, 1.0)",
        "mg.jit(f)(1.0)",
        "mg.jit(lambda x, k: f(x), static_argnames='k')(1.0, 2)",
        "mg.numeric_derivative(f, 1.0)",
        "mg.jit(f).backward(1.0)",
        "mg.grad(mg.jit(f))(1.0)",
    ]
    bodies = [f"def f(x):\n    return x.tanh() * undefined\n{call}" for call in calls]
    for call, shown in zip(calls, failures(pytester, monkeypatch, *bodies), strict=True):
        assert f">       {call}" in shown
        assert ">       return x.tanh() * undefined" in shown
        assert "microgrady/" not in shown


def test_ipython_hides_the_frames_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    interactiveshell = pytest.importorskip(
        "IPython.core.interactiveshell", reason="IPython is not installed: pip install '.[notebooks]'"
    )
    shell = interactiveshell.InteractiveShell()
    shell.run_cell("import microgrady as mg")
    shell.run_cell("def f(x):\n    return x.tanh() * undefined\n")
    for call in ("mg.grad(f)(1.0)", "mg.check_gradient(f, 1.0)", "mg.testing.assert_gradient(f, 1.0)"):
        capsys.readouterr()
        shell.run_cell(call)
        shown = capsys.readouterr().out
        assert "skipping hidden" in shown
        assert "NameError" in shown
        assert "transforms.py" not in shown
        assert "checking" not in shown


@given(differentiable_points(lambda x, y: mg.maximum(x, y[0]), st.integers(-2, 2), st.tuples(st.integers(-2, 2))))
def test_differentiable_points_are_never_at_a_kink(point: Any) -> None:
    x, (y,) = point
    assert x != y


@given(differentiable_points(mg.log, st.floats(-1.0, 1.0)))
def test_differentiable_points_are_inside_the_domain(point: Any) -> None:
    assert point[0] > 0.0


@given(differentiable_points(lambda x: mg.exp(-x * x), st.floats()))
def test_differentiable_points_are_finite(point: Any) -> None:
    assert math.isfinite(point[0])


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((3, st.floats()), TypeError, r"takes a function, not int \(3\)"),
        ((mg.sin,), ValueError, "a strategy for each argument of the function, but none came"),
        ((mg.sin, (0.0, 1.0)), TypeError, r"takes strategies of hypothesis, .* not tuple \(\(0.0, 1.0\)\)"),
        ((mg.sin, 1.0), TypeError, "takes strategies of hypothesis"),
        ((mg.sin, st.floats), TypeError, "takes strategies of hypothesis"),
        ((mg.sin, st.floats(1.0, 0.0)), InvalidArgument, "max_value"),
        ((mg.sin, st.floats(math.nan, 1.0)), InvalidArgument, "min_value"),
        ((lambda x: x, st.lists(st.floats(), min_size=3, max_size=1)), InvalidArgument, "size"),
        ((lambda x, y: x * y, st.floats()), TypeError, r"1 strategy was given for \(x, y\): missing .*'y'"),
        ((lambda x: x, st.floats(), st.floats()), TypeError, r"2 strategies were given for \(x\): too many"),
        ((math.sin, st.floats(), st.floats()), TypeError, "2 strategies were given"),
    ],
)
def test_differentiable_points_refuses_wrong_arguments_at_the_call(
    arguments: Any, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        differentiable_points(*arguments)


def test_functions_of_any_number_of_arguments_take_any_number_of_strategies() -> None:
    differentiable_points(lambda *numbers: sum(numbers), st.floats(), st.floats(), st.floats())
    differentiable_points(lambda x, y=2.0: x * y, st.floats())
