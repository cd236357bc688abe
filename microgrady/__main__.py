"""The command line: compute an expression, differentiate it, check the derivatives, draw the graph."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import keyword
import math
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence

from microgrady.checking import Report, check_gradient, find_anomaly
from microgrady.drawing import draw
from microgrady.drawing.render import check_target
from microgrady.expressions import CONSTANTS, FUNCTIONS, Expression, InputError, Place, normalise
from microgrady.transforms import hessian
from microgrady.value import Value

WIDTH = 80  # columns of the output
WIDEST_NUMBER = 17  # -1.234567890e-300
LONGEST_LABEL = 60  # characters of an expression in a picture

# Exit statuses. Those of a program that a signal ended are 128 and its number, as in shells.
OK, CHECK_FAILED, BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141

DESCRIPTION = """\
Compute an expression and its derivative by each name in it.

The expression is made of numbers, names, + - * / // % **, comparisons, and,
or, not, 'a if condition else b', and calls of the functions below. It is
parsed, but never run as Python: it cannot run any other code. All numbers in
it are floats, which follow IEEE 754: 1 / 0 is inf, and log(-1) is nan. pi and
e are known unless they are given. An expression with spaces or parentheses
needs quotes."""

EPILOG = f"""\
functions:
{textwrap.fill(" ".join(sorted(FUNCTIONS)), WIDTH - 2, initial_indent="  ", subsequent_indent="  ")}

exit status:
  0  done, and all derivatives match if they were checked
  1  a derivative does not match, or the check proved nothing
  2  bad input, or the output cannot be written

example:
python -m microgrady "tanh(w * x + b)" w=-3 x=2 b=6.88 --check --draw graph.svg
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Those of the command line; `sys.argv[1:]` if None.

    Returns:
        The exit status: 0, 1 for a failed check, 2 for bad input.

    Example:
        >>> main(["x * y", "x=2", "y=3.25"])
        x * y = 6.5
        <BLANKLINE>
        name  value  derivative
        x      2           3.25
        y      3.25        2
        0
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Letters that the terminal lacks are no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        text, status = _answer(sys.argv[1:] if arguments is None else arguments)
        print(text, end="", flush=True)
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        # Python writes the rest once more at its end: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has seen enough
            return PIPE_CLOSED
        print(f"the output cannot be written: {error.strerror}", file=sys.stderr)
        return BAD_INPUT
    return status


def _answer(arguments: Sequence[str]) -> tuple[str, int]:
    """What to print, and the exit status. Nothing is computed before all input is known to be good."""
    parser = _parser()
    try:
        options = parser.parse_intermixed_args(_shield_minus(arguments))
        if options.expression is None:
            parser.error("the expression is missing")
    except SystemExit as done:  # argparse has printed the help, or what is wrong
        return "", BAD_INPUT if done.code else OK
    given = _given_numbers(options.numbers)
    constants = {name: number for name, number in CONSTANTS.items() if name not in given}
    expression = Expression(options.expression, constants)
    _require_same_names(expression, given)
    if options.draw is not None:
        with _refused_at(_path_place(options.draw), ValueError):
            check_target(options.draw)

    everything = Place(expression.source, 0, len(expression.source))
    point = [given[name][0] for name in expression.names]
    with _refused_at(everything, ImportError, ValueError):
        leaves, output = _differentiate(expression, point)
        report = check_gradient(expression, *point) if options.check and point else None
        second = hessian(lambda numbers: expression(*numbers))(point) if options.hessian and point else None
    if options.draw is not None:
        with _refused_at(_path_place(options.draw), ValueError, OSError, RuntimeError):
            draw(output, to=options.draw)

    parts = [_heading(expression.source, output)]
    if point:
        parts.append(_first_derivatives(leaves, report))
    if second is not None:
        parts.append(_second_derivatives(list(expression.names), second))
    text = "".join(f"{part}\n" for part in parts)
    return text, OK if report is None or report.ok else CHECK_FAILED


def _parser() -> argparse.ArgumentParser:
    try:
        version = importlib.metadata.version("microgrady")
    except importlib.metadata.PackageNotFoundError:
        version = "(not installed)"
    parser = argparse.ArgumentParser(
        prog="microgrady",
        usage="microgrady EXPRESSION [NAME=NUMBER ...] [--check] [--hessian]\n                  [--draw PATH]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("expression", nargs="?", metavar="EXPRESSION", help="what to compute, such as 'x * sin(y)'")
    parser.add_argument("numbers", nargs="*", metavar="NAME=NUMBER", help="what each name in it stands for")
    parser.add_argument("--check", action="store_true", help="hold the derivatives against finite differences")
    parser.add_argument("--hessian", action="store_true", help="print the second derivatives, too")
    parser.add_argument("--draw", metavar="PATH", help="draw the graph into a file named .svg, .png or .pdf")
    parser.add_argument("--version", action="version", version=f"microgrady {version}")
    return parser


def _shield_minus(arguments: Sequence[str]) -> list[str]:
    """Put a space in front of an expression such as -x**2, which argparse would take for an option."""
    shielded: list[str] = []
    previous = ""
    for position, argument in enumerate(arguments):
        if argument == "--":
            return shielded + [f" {rest}" for rest in arguments[position + 1 :]]
        minus = argument.startswith("-") and not argument.startswith("--") and argument != "-h"
        shielded.append(f" {argument}" if minus and previous != "--draw" else argument)
        previous = argument
    return shielded


def _given_numbers(assignments: list[str]) -> dict[str, tuple[float, Place]]:
    """The number that each name stands for, and where the name is."""
    given: dict[str, tuple[float, Place]] = {}
    for assignment in assignments:
        text = assignment.strip()
        left, equals, right = text.partition("=")
        everything = Place(text, 0, len(text))
        if not equals:
            raise InputError(
                "what follows the expression has the form NAME=NUMBER; an expression with spaces needs quotes",
                everything,
            )
        name, place = normalise(left.strip()), Place(text, 0, len(left.rstrip()))
        if not name.isidentifier() or keyword.iskeyword(name):
            raise InputError(f"{name!r} is no name: one has letters, digits and _, and is no keyword of Python", place)
        if name in FUNCTIONS:
            raise InputError(f"{name} is a function: choose another name", place)
        if name in given:
            raise InputError(f"{name} is given twice", everything)
        try:
            given[name] = float(right), place
        except ValueError:
            sentence = f"{right.strip()!r} is no number such as 2, -0.5, 1e-3, inf or nan"
            raise InputError(sentence, Place(text, len(left) + 1, len(text))) from None
    return given


def _require_same_names(expression: Expression, given: dict[str, tuple[float, Place]]) -> None:
    """Raise unless the names given are those of the expression."""
    missing = [name for name in expression.names if name not in given]
    if missing:
        add = " ".join(f"{name}=..." for name in missing)
        raise InputError(f"{missing[0]} has no value: add {add} after the expression", expression.names[missing[0]])
    for name, (_, place) in given.items():
        if name not in expression.names:
            there = ", ".join(expression.names) or "none"
            raise InputError(f"{name} is not in the expression; the names in it: {there}", place)


@contextlib.contextmanager
def _refused_at(place: Place, *errors: type[Exception]) -> Iterator[None]:
    """Turn errors of the library, whose messages are sentences, into one about this place in the input."""
    try:
        yield
    except errors as error:
        # An OSError's own message names a temporary file.
        raise InputError(getattr(error, "strerror", None) or str(error), place) from None


def _path_place(path: str) -> Place:
    option = "--draw "
    return Place(option + path, len(option), len(option + path))


def _differentiate(expression: Expression, point: list[float]) -> tuple[list[Value], Value]:
    leaves = [Value(number, name) for name, number in zip(expression.names, point, strict=True)]
    result = expression(*leaves)
    # A result that depends on no name is a plain number.
    output = result if isinstance(result, Value) else Value(result)
    if not any(output is leaf for leaf in leaves):
        output.label = expression.source if len(expression.source) <= LONGEST_LABEL else "f"
    output.backward()
    return leaves, output


def _heading(source: str, output: Value) -> str:
    """The expression and its value, and why that is not finite."""
    lines = textwrap.wrap(source, WIDTH - 20, max_lines=4, placeholder=" ...", break_on_hyphens=False)
    lines[-1] += f" = {output:.10g}"
    anomaly = None if math.isfinite(output.data) else find_anomaly(output)
    return "\n".join([*lines, *([f"because {anomaly}"] if anomaly else [])])


def _first_derivatives(leaves: list[Value], report: Report | None) -> str:
    columns = [
        _words("name", [leaf.label for leaf in leaves]),
        _numbers("value", [leaf.data for leaf in leaves]),
        _numbers("derivative", [leaf.grad for leaf in leaves]),
    ]
    if report is not None:
        columns.append(_numbers("numeric estimate", [entry.estimate.value for entry in report.entries]))
        columns.append(_words("verdict", [entry.remark() for entry in report.entries]))
    return _table(columns)


def _second_derivatives(names: list[str], rows: list[list[float]]) -> str:
    derivatives = [_numbers(name, list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)]
    return "\nsecond derivatives" + _table([_words("by", names), *derivatives])


def _words(heading: str, entries: list[str]) -> list[str]:
    """A column of a table: cells of one width, the heading first."""
    width = max(map(len, [heading, *entries]))
    return [cell.ljust(width) for cell in [heading, *entries]]


def _numbers(heading: str, numbers: list[float]) -> list[str]:
    """A column of numbers with ten digits, their decimal points below each other."""
    cells = _aligned([f"{number:.10g}" for number in numbers])
    if any("e" in cell for cell in cells) or len(cells[0]) > WIDEST_NUMBER:
        cells = _aligned([f"{number:.9e}" if number else f"{number:g}" for number in numbers])
    width = max(len(heading), len(cells[0]))
    return [cell.rjust(width) for cell in [heading, *cells]]


def _aligned(texts: list[str]) -> list[str]:
    parts = [text.partition(".") for text in texts]
    before = max(len(whole) for whole, _, _ in parts)
    after = max(len(point + fraction) for _, point, fraction in parts)
    return [whole.rjust(before) + (point + fraction).ljust(after) for whole, point, fraction in parts]


def _table(columns: list[list[str]]) -> str:
    """The columns side by side, each block below an empty line; what is too wide goes on in a further block."""
    first, *rest = columns
    lines = []
    while rest:
        block = [first, rest.pop(0)]
        while rest and sum(len(column[0]) + 2 for column in block) + len(rest[0][0]) <= WIDTH:
            block.append(rest.pop(0))
        lines += ["", *("  ".join(row).rstrip() for row in zip(*block, strict=True))]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
