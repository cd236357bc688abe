"""The command line: what it prints, the exit status, and what it says about bad input."""

from __future__ import annotations

import functools
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgrady.checking import check_gradient
from microgrady.command import line as command
from microgrady.command.expressions import FUNCTIONS, Expression
from microgrady.command.line import main
from microgrady.formulas.writing import number_text
from microgrady.version import __version__
from tests import processes

COMMAND = [sys.executable, "-m", "microgrady"]
NEURON = ["tanh(w * x + b)", "w=-3", "x=2", "b=6.88"]
Capture = pytest.CaptureFixture[str]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return processes.run([*COMMAND, *arguments])


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
    assert output_of(capsys, "2 * log(x)", "x=-1").startswith(
        "2 * log(x) = nan\nbecause log(x) is nan at x = -1\n\nname"
    )


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
        (["x", "x=abc"], "abc", "abc is not a number: x stands for one, such as 2, -0.5, 1e-3, pi/2 or sqrt(2)"),
        (["x", "x=1/"], "^", "something is missing after /"),
        (["x", "x = 1 + 2 y"], "2 y", "write 2 * y"),
        (["x", "x=1,5"], ",", None),
        (["x", "x=ln(2)"], "ln", "there is no function called ln; did you mean log?"),
        (["x", "x=1j"], "1j", "x stands for a real number, and 1j is imaginary"),
        (["x", "x="], "^", "there is no number after x="),
        (["x", "x==1"], "=", None),
        (["x", "x", "=", "2"], "x", None),
        (["x=2", "x"], "x=2", "the expression comes first, and then what each name in it stands for"),
        (["x y", "x=2", "y=3"], "x y", "write x * y"),
        (["xy", "x=2", "y=3"], "xy", "xy has no value: add xy=... after the expression, or write x * y"),
        (["3 * x2", "x=2"], "x2", "x2 has no value: add x2=... after the expression, or write x * 2"),
        (["sinx", "x=2"], "sinx", "sinx has no value: add sinx=... after the expression, or write sin(x)"),
        (["x", "x=2", "--chek"], "--chek", "--chek is not an option; did you mean --check?"),
        (["x", "--hess", "x=2"], "--hess", "--hess is not an option; did you mean --hessian?"),
        (["--drwa=a.svg", "x", "x=2"], "--drwa", "--drwa is not an option; did you mean --draw?"),
        (["x", "x=2", "-check"], "-check", "-check is not an option; did you mean --check?"),
        (["x", "x=2", "—check"], "—check", "—check is not an option; did you mean --check?"),
        (["x", "--unknown"], "--unknown", None),
        (["x", "--x=2"], "--x", "--x is not an option; write x=2"),
        (["x + y", "x=2,y=3"], ",", "write a space between what names stand for, as in x=2 y=3"),
        (["x + y", "x=2; y=3"], ";", "write a space between what names stand for, as in x=2 y=3"),
        (["X", "x=2"], "X", "X has no value: add X=... after the expression, or write x"),
        (["x", "x=1", "--precision", "0"], "0", "--precision takes a whole number from 1 to 17, not '0'"),
        (["x", "x=1", "--precision", "ten"], "ten", "--precision takes a whole number from 1 to 17, not 'ten'"),
        (["x", "3x=1"], "3x", "'3x' is not a name: one has letters, digits and _, and is not a keyword of Python"),
        (["x", "if=1"], "if", "'if' is not a name: one has letters, digits and _, and is not a keyword of Python"),
        (["x", "sin=1"], "sin", "sin is a function: choose another name"),
        (["x", "*", "2"], "*", None),
        (["sine(x)", "x=1"], "sine", "there is no function called sine; did you mean sin?"),
        (["max(x)", "x=1"], "max(x)", "max takes 2 or more arguments, not 1"),
        (["log(x, 2, 3)", "x=1"], "log(x, 2, 3)", "log takes 1 to 2 arguments, not 3"),
        (["round(x, 0.5)", "x=1"], "round(x, 0.5)", "the decimal places of round are a whole number, not 0.5"),
        (["x + ", "x=1"], "^", "something is missing after +"),
        (["x.real", "x=1"], ".", None),
    ],
)
def test_bad_input_is_status_2_with_a_sentence_that_points_at_the_place(
    arguments: list[str], marked: str, sentence: str | None, capsys: Capture
) -> None:
    shown, marks, said = complaint_about(capsys, *arguments)
    assert marks.strip() == "^" * len(marked)
    assert marked == "^" or shown[marks.index("^") : len(marks)] == marked
    assert sentence is None or said == sentence


@pytest.mark.parametrize("arguments", [[], ["x", "x=1", "--draw"], ["--check"]])
def test_a_wrong_use_of_the_options_is_status_2(arguments: list[str], capsys: Capture) -> None:
    assert complaint_about(capsys, *arguments)[-1].startswith("microgrady: error: ")


def with_complaint(capsys: Capture, *arguments: str, status: int) -> tuple[str, list[str]]:
    """What is on stdout and, by lines, on stderr."""
    assert main(arguments) == status
    captured = capsys.readouterr()
    return captured.out, captured.err.splitlines()


@pytest.mark.parametrize("path", ["a.xyz", "missing_folder/a.svg", "."])
def test_a_picture_that_cannot_be_there_does_not_withhold_the_numbers(path: str, capsys: Capture) -> None:
    numbers, (shown, marks, said) = with_complaint(capsys, "x * y", "x=1", "y=2", "--check", "--draw", path, status=2)
    assert numbers == output_of(capsys, "x * y", "x=1", "y=2", "--check")
    assert shown[marks.index("^") : len(marks)] == path
    assert said


@pytest.mark.parametrize(
    "error", [RuntimeError("pip install it"), ValueError("pip install it"), OSError("pip install it")]
)
def test_a_picture_that_cannot_be_made_does_not_withhold_the_numbers(
    error: Exception, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(command, "draw", fail)
    numbers, complaint = with_complaint(capsys, "x", "x=1", "--draw", str(tmp_path / "a.svg"), status=2)
    assert numbers == output_of(capsys, "x", "x=1")
    assert complaint[-1] == "pip install it"


@pytest.mark.parametrize(
    ("source", "x", "said"),
    [
        ("log(x)", "-1", "nan"),
        ("1 / x", "0", "inf"),
        ("x", "inf", "inf"),
        ("-x", "inf", "-inf"),
        ("x - x", "inf", "nan"),
    ],
)
def test_a_check_of_what_is_not_finite_prints_the_numbers_and_says_why_there_is_no_verdict(
    source: str, x: str, said: str, capsys: Capture
) -> None:
    for options in (["--check"], ["--check", "--hessian"]):
        numbers, complaint = with_complaint(capsys, source, f"x={x}", *options, status=1)
        assert numbers == output_of(capsys, source, f"x={x}", *options[1:])
        assert complaint == [f"the derivatives are not checked: the result is {said}"]


def test_second_derivatives_are_checked_too(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    text = output_of(capsys, "x**2 * y", "x=2", "y=3.5", "--hessian", "--check")
    first, second, checked = text.split("\n\n")[1:]
    assert [row.split()[-1] for row in first.splitlines()[1:]] == ["match", "match"]
    assert second.splitlines() == ["second derivatives", "by  x  y", "x   7  4", "y   4  0"]
    rows = [row.split() for row in checked.splitlines()[1:]]
    assert [row[:3] + row[-1:] for row in rows] == [
        ["x,", "x", "7", "match"],
        ["x,", "y", "4", "match"],
        ["y,", "y", "0", "match"],
    ]

    def wrong(*arguments: Any, order: int) -> Any:
        return check_gradient(*arguments, order=order, gradient=[[7.0, 4.0], [5.0, 0.0]] if order == 2 else None)

    monkeypatch.setattr(command, "check_gradient", wrong)
    assert "match" in output_of(capsys, "x**2 * y", "x=2", "y=3.5", "--check")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("pi/2", math.pi / 2),
        ("1/3", 1 / 3),
        ("-2**3", -8.0),
        ("sqrt(2)", math.sqrt(2.0)),
        ("2 * e", 2 * math.e),
        ("tau", math.tau),
        ("-inf", -math.inf),
        ("1_000", 1000.0),
        ("1e400", math.inf),
        ("0xff", 255.0),
        ("(1 + 2) * 3", 9.0),
        ("1/0", math.inf),
        ("2 if 1 > 0 else 3", 2.0),
        ("10**-3", 0.001),
    ],
)
def test_what_a_name_stands_for_may_be_computed(text: str, number: float, capsys: Capture) -> None:
    assert output_of(capsys, "x", f"x={text}", "--precision", "17").startswith(f"x = {number_text(number, 17)}\n")


def test_all_digits_are_the_fewest_that_give_the_number_back(capsys: Capture) -> None:
    assert output_of(capsys, "x * 3", "x=0.1", "--precision", "17").startswith("x * 3 = 0.30000000000000004\n")
    assert output_of(capsys, "0.1", "--precision", "17") == "0.1 = 0.1\n"


@pytest.mark.parametrize("digits", [1, 3, 10, 17])
def test_all_numbers_have_the_digits_asked_for(digits: int, capsys: Capture, tmp_path: Path) -> None:
    picture = tmp_path / "a.svg"
    text = output_of(
        capsys, "x / y", "x=1", "y=3", "--hessian", "--check", "--precision", str(digits), "--draw", str(picture)
    )
    assert text.startswith(f"x / y = {number_text(1 / 3, digits)}\n")
    for number in (1 / 3, -1 / 9, 2 / 27):
        assert number_text(number, digits) in text
    assert f"value {number_text(1 / 3, digits)}" in picture.read_text(encoding="utf-8")
    longest = max(len(found.replace(".", "").lstrip("0")) for found in re.findall(r"[0-9]+\.[0-9]+", text))
    assert longest <= digits


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["1 / x", "x=0"], "because 1 / x is inf at x = 0"),
        (["x * y", "x=1e200", "y=1e200"], "because x * y is inf at x = 1e+200 and y = 1e+200"),
        (["(x + 1) / (x - 1)", "x=1"], "because 2 / 0 is inf"),
        (["x % y", "x=1", "y=0"], "because x % y is nan at x = 1 and y = 0"),
        (["x ** x", "x=1e3"], "because x**x is inf at x = 1000"),
        (["sqrt(x)", "x=-2"], "because sqrt(x) is nan at x = -2"),
        (["exp(-x)", "x=-1e3"], "because exp(1000) is inf"),
        (["log(x)", "x=-1/3", "--precision", "3"], "because log(x) is nan at x = -0.333"),
    ],
)
def test_what_is_not_finite_is_explained_as_it_was_typed(arguments: list[str], said: str, capsys: Capture) -> None:
    assert output_of(capsys, *arguments).splitlines()[1] == said


@pytest.mark.parametrize("columns", [30, 40, 57, 80, 132])
def test_tables_and_help_are_as_wide_as_the_terminal(
    columns: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    names = [f"x{i}" for i in range(6)]
    calls = [f"{name}={1 / 3 + i}" for i, name in enumerate(names)]
    texts = [
        output_of(capsys, " * ".join(names), *calls, "--check", "--hessian"),
        output_of(capsys, "1 / (x - x) + " + " + ".join(["x"] * 40), "x=3"),
    ]
    for text in texts:
        assert max(map(len, text.splitlines())) <= columns
    if columns >= 40:
        assert max(map(len, output_of(capsys, "--help").splitlines())) <= columns
    if columns == 132:
        matrix = next(line for line in texts[0].splitlines() if line.startswith("by"))
        assert matrix.split() == ["by", *names]


def test_a_place_is_shown_within_the_width_of_the_terminal(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown, marks, _ = complaint_about(capsys, " + ".join(["first"] * 30 + ["2x"] + ["last"] * 30))
    assert max(len(shown), len(marks)) <= 40
    assert shown[marks.index("^") : len(marks)] == "2x"


def test_ten_thousand_parentheses_are_computed() -> None:
    result = run("(" * 10_000 + "x" + ")" * 10_000, "x=1")
    assert (result.returncode, result.stderr) == (0, "")


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
    assert output_of(capsys, "--version") == f"microgrady {__version__}\n"


def test_an_interrupt_is_status_130_and_leaves_no_picture(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "draw", interrupt)
    assert output_of(capsys, "x", "x=1", "--draw", str(tmp_path / "a.svg"), status=130) == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_ctrl_c_ends_a_long_check_without_a_traceback_and_without_a_picture(tmp_path: Path) -> None:
    program = (
        # A shell lets what it starts in the background ignore the signal.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys; from microgrady.command import line as command; print('ready', flush=True)\n"
        f"sys.exit(command.main(['+'.join(['x * y'] * 2000), 'x=2', 'y=3', '--check', '--hessian', "
        f"'--draw', {str(tmp_path / 'graph.svg')!r}]))"
    )
    command = [sys.executable, "-c", program]
    with processes.started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
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


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.lists(st.floats(), min_size=5, max_size=5))
def test_numbers_line_up_and_no_line_is_wider_than_80_columns(names: list[str], numbers: list[float]) -> None:
    leaves, output = command._differentiate(Expression(" * ".join(names)), numbers[: len(names)])
    second = [[float(a) for a in numbers[: len(names)]] for _ in names]
    text = command._first_derivatives(leaves, None, 10) + "\n" + command._second_derivatives(names, second, None, 10)
    assert command._heading("x", output, 10)
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line]
        assert max(map(len, lines)) <= 80
        assert all(line.isascii() for line in lines)


@given(st.lists(st.floats(-1e308, 1e308) | st.sampled_from([math.inf, -math.inf, math.nan]), min_size=1, max_size=6))
def test_units_of_a_column_stand_below_each_other_with_ten_digits(numbers: list[float]) -> None:
    heading, *cells = command._numbers("value", numbers, 10)
    assert len({len(cell) for cell in [heading, *cells]}) == 1
    assert len({len(re.split("[.e]", cell)[0].rstrip()) for cell in cells}) == 1
    for cell, number in zip(cells, numbers, strict=True):
        assert math.isclose(float(cell), number, rel_tol=1e-9) or (number != number and cell.strip() == "nan")


@pytest.mark.parametrize(
    ("numbers", "cells"),
    [
        ([6.88, -3.0, 100.0], ["  6.88", " -3   ", "100   "]),
        ([1e300, -1e-300, 0.0], [" 1e+300", "-1e-300", " 0     "]),
        ([math.inf, -0.5, math.nan], ["inf  ", " -0.5", "nan  "]),
        ([1234567890.0, 0.0001234567891], ["1234567890              ", "         0.0001234567891"]),
    ],
)
def test_every_number_is_written_as_it_is_elsewhere(numbers: list[float], cells: list[str]) -> None:
    assert command._numbers("", numbers, 10)[1:] == cells
    assert [cell.strip() for cell in cells] == [f"{number:.10g}" for number in numbers]


def test_explain_says_how_a_derivative_comes_about(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, "tanh(w * x + b)", "w=-3", "x=2", "b=6.88", "--explain", "x")
    assert "\n\n∂y/∂x = -1.503 at x = 2: " in text
    assert "    x → v1 → v2 → y    -3 · 1 · 0.501 = -1.503\n" in text
    assert "∂f/∂y = 2 at y = 3: " in output_of(capsys, "x * y", "x=2", "y=3", "--explain", "y")
    assert "∂x/∂x = 1: it is the derivative of x by itself." in output_of(capsys, "x", "x=2", "--explain", "x")


def test_latex_of_a_number_is_the_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert output_of(capsys, "3 + 4", "--latex") == "3 + 4 = 7\n\n7\n"


@pytest.mark.parametrize(
    ("expression", "condition"),
    [
        ("where(x > y, x**2, y)", "x > y"),
        ("x**2 if 0 <= x != 1 and not y > 2 else y", r"x >= 0 & x != 1 & not y > 2"),
        ("x**2 if x > 5 or y < 0 else y", "x > 5 | y < 0"),
        ("x**2 if x else y", "x"),
    ],
)
def test_conditions_are_shown_with_both_branches(expression: str, condition: str, capsys: Capture) -> None:
    text = output_of(capsys, expression, "x=2", "y=-1", "--latex", "--explain", "x")
    assert text.startswith(
        f"{expression} = 4\n\nname  value  derivative\nx         2           4\ny        -1           0\n"
    )
    plain = {r"\geq": ">=", r"\neq": "!=", r"\wedge": "&", r"\vee": "|", r"\lnot": "not", r"\neg": "not"}
    written = text.splitlines()[-1]
    for sign, word in plain.items():
        written = written.replace(sign, word)
    written = re.sub(r"\\left\(|\\right\)", "", written)
    assert written == rf"\mathrm{{where}}{condition}, x^{{2}}, y"
    assert "One path leads from x to f" in text


def test_latex_writes_the_formula(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, "sqrt(x) / y", "x=2", "y=3", "--latex")
    assert text.endswith("\n\n\\frac{\\sqrt{x}}{y}\n")


def test_explain_takes_a_name_of_the_expression(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["x * y", "x=2", "y=3", "--explain", "z"]) == 2
    error = capsys.readouterr().err
    assert "z is not in the expression; the names in it: x, y" in error
    assert "--explain z" in error
