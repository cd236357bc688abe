"""The command line: what it prints, the exit status, and what it says about bad input."""

from __future__ import annotations

import functools
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady.__main__ as command
from microgrady.__main__ import main
from microgrady.checking import check_gradient
from microgrady.expressions import FUNCTIONS, Expression

COMMAND = [sys.executable, "-m", "microgrady"]
NEURON = ["tanh(w * x + b)", "w=-3", "x=2", "b=6.88"]
Capture = pytest.CaptureFixture[str]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, encoding="utf-8", timeout=120, check=False)


def output_of(capsys: Capture, *arguments: str, status: int = 0) -> str:
    assert main(arguments) == status
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def complaint_about(capsys: Capture, *arguments: str) -> list[str]:
    """The lines on stderr, after exit status 2 with nothing on stdout."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_the_main_job_prints_value_and_table_and_writes_the_picture(tmp_path: Path) -> None:
    picture = tmp_path / "graph.svg"
    result = run(*NEURON, "--check", "--draw", str(picture))
    assert result.stderr == ""
    assert result.returncode == 0
    assert result.stdout == (
        "tanh(w * x + b) = 0.7064193204\n"
        "\n"
        "name  value     derivative  numeric estimate  verdict\n"
        "w     -3      1.001943488       1.001943488   match\n"
        "x      2     -1.502915231      -1.502915231   match\n"
        "b      6.88   0.5009717438      0.5009717438  match\n"
    )
    drawn = picture.read_text(encoding="utf-8")
    assert "<svg" in drawn
    assert "tanh(w * x + b)" in drawn.replace("&#45;", "-")
    assert [path.name for path in tmp_path.iterdir()] == ["graph.svg"]


def test_it_prints_the_second_derivatives(capsys: Capture) -> None:
    text = output_of(capsys, "x**2 * y", "x=2", "y=3.5", "--hessian")
    assert text.endswith("\nsecond derivatives\nby  x  y\nx   7  4\ny   4  0\n")


def test_the_options_may_stand_anywhere(capsys: Capture) -> None:
    after = output_of(capsys, *NEURON, "--check", "--hessian")
    assert output_of(capsys, "--check", NEURON[0], "--hessian", *NEURON[1:]) == after
    assert output_of(capsys, *NEURON[:2], "--hessian", *NEURON[2:], "--check") == after


@pytest.mark.parametrize("expression", ["-x**2", "-x", "- x", "-(x)", "-hypot(x, x)", "-3*x"])
def test_an_expression_may_begin_with_a_minus(expression: str, capsys: Capture) -> None:
    assert f"{expression} = -" in output_of(capsys, expression, "x=1")


def test_behind_two_minus_signs_nothing_is_an_option(capsys: Capture) -> None:
    assert "--x = 3\n" in output_of(capsys, "--", "--x", "x=3")


@pytest.mark.parametrize("options", [[], ["--check"], ["--hessian"], ["--check", "--hessian"]])
def test_without_names_there_is_only_the_value(options: list[str], capsys: Capture) -> None:
    assert output_of(capsys, "2 * pi", *options) == "2 * pi = 6.283185307\n"
    assert output_of(capsys, "9**9**9", *options) == "9**9**9 = inf\n"


def test_constants_give_way_to_names(capsys: Capture) -> None:
    assert output_of(capsys, "pi * e", "e=2").startswith("pi * e = 6.283185307\n\nname")


@pytest.mark.parametrize(
    ("number", "shown"),
    [("-3", "-3"), ("+3", "3"), ("1e-3", "0.001"), (".5", "0.5"), ("inf", "inf"), ("-inf", "-inf"), ("nan", "nan")],
)
def test_a_number_is_any_float(number: str, shown: str, capsys: Capture) -> None:
    assert output_of(capsys, "x", f"x={number}").startswith(f"x = {shown}\n")
    assert output_of(capsys, "x", f" x = {number} ").startswith(f"x = {shown}\n")


def test_a_value_that_is_not_finite_is_printed_and_explained(capsys: Capture) -> None:
    assert output_of(capsys, "2 * log(x)", "x=-1").startswith("2 * log(x) = nan\nbecause log(x = -1.0) is nan\n\nname")


def test_a_result_without_derivative_has_the_derivative_zero(capsys: Capture) -> None:
    assert output_of(capsys, "1 < x <= 3", "x=2", "--check") == (
        "1 < x <= 3 = 1\n\n"
        "name  value  derivative  numeric estimate  verdict\n"
        "x         2           0                 0  match\n"
    )


def test_a_mismatch_is_status_1(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = functools.partial(check_gradient, gradient=lambda x, y: (y, 2 * x))
    monkeypatch.setattr(command, "check_gradient", wrong)
    rows = output_of(capsys, "x * y", "x=2", "y=3", "--check", status=1).splitlines()[-2:]
    assert [row.split()[-1] for row in rows] == ["match", "mismatch"]


def test_a_kink_is_status_1_and_named(capsys: Capture) -> None:
    assert "not differentiable" in output_of(capsys, "abs(x)", "x=0", "--check", status=1)


@pytest.mark.parametrize(
    ("arguments", "marked", "sentence"),
    [
        (["tanh(w * x + b)", "w=1", "x=2"], "b", "b has no value: add b=... after the expression"),
        (["y * x"], "y", "y has no value: add y=... x=... after the expression"),
        (["x", "x=1", "y=2"], "y", "y is not in the expression; the names in it: x"),
        (["1 + 1", "y=2"], "y", "y is not in the expression; the names in it: none"),
        (["x", "x=1", "x=2"], "x=2", "x is given twice"),
        (["x", "x=abc"], "abc", "'abc' is no number such as 2, -0.5, 1e-3, inf or nan"),
        (["x", "x=1/3"], "1/3", "'1/3' is no number such as 2, -0.5, 1e-3, inf or nan"),
        (["x", "x="], "^", "'' is no number such as 2, -0.5, 1e-3, inf or nan"),
        (["x", "x==1"], "=1", "'=1' is no number such as 2, -0.5, 1e-3, inf or nan"),
        (["x", "3x=1"], "3x", "'3x' is no name: one has letters, digits and _, and is no keyword of Python"),
        (["x", "if=1"], "if", "'if' is no name: one has letters, digits and _, and is no keyword of Python"),
        (["x", "sin=1"], "sin", "sin is a function: choose another name"),
        (["x", "*", "2"], "*", None),
        (["sine(x)", "x=1"], "sine", "there is no function called sine; did you mean sin?"),
        (["x + ", "x=1"], "^", "this is no expression: invalid syntax"),
        (["x.real", "x=1"], "x.real", None),
        (["log(x)", "x=-1", "--check"], "log(x)", "the function is not defined at x = -1.0: the result is nan"),
        (["x", "x=1", "--draw", "a.xyz"], "a.xyz", None),
        (["x", "x=1", "--draw", "missing_folder/a.svg"], "missing_folder/a.svg", None),
    ],
)
def test_bad_input_is_status_2_with_a_sentence_that_points_at_the_place(
    arguments: list[str], marked: str, sentence: str | None, capsys: Capture
) -> None:
    shown, marks, said = complaint_about(capsys, *arguments)
    assert marks.strip() == "^" * len(marked)
    assert marked == "^" or shown[marks.index("^") : len(marks)] == marked
    assert sentence is None or said == sentence


@pytest.mark.parametrize("arguments", [[], ["x", "--unknown"], ["x", "x=1", "--draw"], ["--check"]])
def test_a_wrong_use_of_the_options_is_status_2(arguments: list[str], capsys: Capture) -> None:
    assert complaint_about(capsys, *arguments)[-1].startswith("microgrady: error: ")


def test_the_picture_is_refused_before_anything_is_computed(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_differentiate", lambda *arguments: pytest.fail("computed"))
    complaint_about(capsys, "x", "x=1", "--draw", "missing_folder/a.svg")


@pytest.mark.parametrize(
    "error", [RuntimeError("pip install it"), ValueError("pip install it"), OSError("pip install it")]
)
def test_a_picture_that_cannot_be_made_is_status_2(
    error: Exception, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*arguments: object, to: str) -> None:
        raise error

    monkeypatch.setattr(command, "draw", fail)
    assert complaint_about(capsys, "x", "x=1", "--draw", str(tmp_path / "a.svg"))[-1] == "pip install it"


def test_a_function_whose_library_is_missing_is_status_2(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert "SciPy" in complaint_about(capsys, "gamma(x)", "x=1.5")[-1]


def test_a_sum_too_long_to_be_parsed_is_status_2(capsys: Capture) -> None:
    assert complaint_about(capsys, "x + " * 100_000 + "x", "x=1")[-1] == "the expression is nested too deeply"


def test_ten_thousand_parentheses_are_status_2_without_a_traceback() -> None:
    result = run("(" * 10_000 + "x" + ")" * 10_000, "x=1")
    assert (result.returncode, result.stdout) == (2, "")
    assert "too many nested parentheses" in result.stderr
    assert "Traceback" not in result.stderr


def test_nothing_typed_is_run(tmp_path: Path) -> None:
    result = run(f"__import__('pathlib').Path({str(tmp_path / 'made')!r}).touch()")
    assert (result.returncode, result.stdout) == (2, "")
    assert not list(tmp_path.iterdir())


def test_the_help_has_an_example_and_every_function_and_says_that_no_code_is_run(capsys: Capture) -> None:
    text = output_of(capsys, "--help")
    assert 'python -m microgrady "tanh(w * x + b)" w=-3 x=2 b=6.88 --check --draw graph.svg' in text
    assert "cannot run any other code" in text
    assert set(FUNCTIONS) <= set(text.split())
    assert all(f"  {status}  " in text for status in (0, 1, 2))
    assert max(map(len, text.splitlines())) <= 80


def test_the_version_is_that_of_the_package(capsys: Capture) -> None:
    assert output_of(capsys, "--version").startswith("microgrady ")


def test_an_interrupt_is_status_130_and_leaves_no_picture(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*arguments: object, to: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "draw", interrupt)
    assert output_of(capsys, "x", "x=1", "--draw", str(tmp_path / "a.svg"), status=130) == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_ctrl_c_ends_a_long_check_without_a_traceback_and_without_a_picture(tmp_path: Path) -> None:
    program = (
        # A shell lets what it starts in the background ignore the signal.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys, microgrady.__main__ as command; print('ready', flush=True)\n"
        f"sys.exit(command.main(['+'.join(['x * y'] * 2000), 'x=2', 'y=3', '--check', '--hessian', "
        f"'--draw', {str(tmp_path / 'graph.svg')!r}]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize("arguments", [NEURON, ["--help"]])
def test_a_closed_pipe_ends_it_silently(arguments: list[str]) -> None:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    reader, writer = os.pipe()
    os.close(reader)
    try:
        line = [*COMMAND, *arguments]
        result = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, env=buffered, timeout=60, check=False)
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_output_that_cannot_be_written_is_told() -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run([*COMMAND, *NEURON], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith(b"the output cannot be written: ")
    assert result.stderr.count(b"\n") == 1


def test_letters_that_the_terminal_lacks_are_escaped() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run([*COMMAND, "σ(x)", "x=0"], env=environment, capture_output=True, timeout=60, check=False)
    assert result.returncode == 0
    assert result.stdout.startswith(b"\\u03c3(x) = 0.5\n")


def test_a_long_expression_is_wrapped_and_cut(capsys: Capture) -> None:
    heading, rest = output_of(capsys, " + ".join(["x"] * 200), "x=1").split("\n\n")
    assert heading.endswith("... = 200")
    assert max(map(len, heading.splitlines())) <= 80
    assert rest.startswith("name")


NAMES = st.text("abcdefgh_", min_size=1, max_size=30).filter(lambda name: name not in FUNCTIONS and name != "e")


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.lists(st.floats(), min_size=5, max_size=5))
def test_numbers_line_up_and_no_line_is_wider_than_80_columns(names: list[str], numbers: list[float]) -> None:
    leaves, output = command._differentiate(Expression(" * ".join(names)), numbers[: len(names)])
    second = [[float(a) for a in numbers[: len(names)]] for _ in names]
    text = command._first_derivatives(leaves, None) + "\n" + command._second_derivatives(names, second)
    assert command._heading("x", output)
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line]
        assert max(map(len, lines)) <= 80
        assert all(line.isascii() for line in lines)


@given(st.lists(st.floats(-1e308, 1e308) | st.sampled_from([math.inf, -math.inf, math.nan]), min_size=1, max_size=6))
def test_units_of_a_column_stand_below_each_other_with_ten_digits(numbers: list[float]) -> None:
    heading, *cells = command._numbers("value", numbers)
    assert len({len(cell) for cell in [heading, *cells]}) == 1
    ends = {len(cell.split(".")[0].rstrip()) for cell in cells}
    assert len(ends) == 1
    for cell, number in zip(cells, numbers, strict=True):
        assert math.isclose(float(cell), number, rel_tol=1e-9) or (number != number and cell.strip() == "nan")


@pytest.mark.parametrize(
    ("numbers", "cells"),
    [
        ([6.88, -3.0, 100.0], ["  6.88", " -3   ", "100   "]),
        ([1e300, -1e-300, 0.0], [" 1.000000000e+300", "-1.000000000e-300", " 0               "]),
        ([math.inf, -0.5, math.nan], ["inf  ", " -0.5", "nan  "]),
        ([1234567890.0, 0.0001234567891], ["1.234567890e+09", "1.234567891e-04"]),
    ],
)
def test_a_column_is_plain_where_it_can_be_and_in_powers_of_ten_where_not(
    numbers: list[float], cells: list[str]
) -> None:
    assert command._numbers("", numbers)[1:] == cells
