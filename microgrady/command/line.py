"""The command line: compute an expression, differentiate it, check the derivatives, draw the graph; or train."""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import keyword
import math
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from microgrady.checking import Entry, Report, check_gradient, find_anomaly
from microgrady.command.expressions import CONSTANTS, FUNCTIONS, Expression
from microgrady.command.options import (
    BAD_INPUT,
    CHECK_FAILED,
    INTERRUPTED,
    NARROWEST,
    OK,
    PIPE_CLOSED,
    WIDEST_PROSE,
    fill,
    option_span,
    refused_at,
    similar_option,
    width,
)
from microgrady.command.parsing import InputError, Span, normalise
from microgrady.drawing import draw
from microgrady.drawing.render import FORMATS, check_target, endings
from microgrady.drawing.style import DIGITS as DIGITS_IN_PICTURES
from microgrady.formulas.explaining import explain
from microgrady.formulas.expressions import latex
from microgrady.formulas.latex import LATEX
from microgrady.formulas.writing import PYTHON, number_text
from microgrady.inputs import FLOAT_DIGITS
from microgrady.transforms import hessian
from microgrady.value import Value
from microgrady.version import __version__

DIGITS = 10  # of the numbers, unless told otherwise
LONGEST_LABEL = 60  # characters of an expression in a picture

OPTIONS = ("--check", "--hessian", "--explain", "--latex", "--draw", "--precision", "--version", "--help")
SHORTEST_OPTION = 3  # letters that can be a misspelt one
WITH_A_VALUE = ("--explain", "--draw", "--precision")

USAGE = (
    "microgrady EXPRESSION [NAME=NUMBER ...] [--check] [--hessian] [--explain NAME] [--latex] [--precision DIGITS] "
    "[--draw PATH]"
)

DESCRIPTION = (
    "Compute an expression and its derivative by each name in it.",
    "The expression is made of numbers, names, + - * / // % **, comparisons, and, or, not, 'a if condition else b', "
    "and calls of the functions below. What a name stands for is a number or such an expression without names, as in "
    "x=pi/2. Both are parsed, but never run as Python: they cannot run any other code. All numbers are floats, which "
    "follow IEEE 754: 1 / 0 is inf, and log(-1) is nan. pi, e, tau, inf and nan are known unless they are given. An "
    "expression with spaces or parentheses needs quotes.",
    "'microgrady train' trains a network instead: 'microgrady train --help' tells how.",
)

STATUSES = (
    "0  done, and all derivatives match if they were checked",
    "1  a derivative does not match, or the check proved nothing",
    "2  bad input, or the output cannot be written",
)
EXAMPLE = 'python -m microgrady "tanh(w * x + b)" w=-3 x=2 b=6.88 --check --draw graph.svg'


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
        # Letters that the terminal lacks are not a reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    try:
        is_training = list(given[:1]) == ["train"]
        text, complaints, status = _train(given[1:]) if is_training else _answer(given)
        print(text, end="", flush=True)
        for complaint in complaints:
            print(complaint, file=sys.stderr)
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


def _answer(arguments: Sequence[str]) -> tuple[str, list[str], int]:
    """Return what to print, what to complain of below it, and the exit status.

    All input is read before anything is computed.
    """
    _require_known_options(arguments)
    parser = _parser()
    try:
        options = parser.parse_intermixed_args(_shield_minus(arguments))
        if options.expression is None:
            parser.error("the expression is missing")
    except SystemExit as done:  # argparse has printed the help, or what is wrong
        return "", [], BAD_INPUT if done.code else OK
    digits = DIGITS if options.precision is None else _digits(options.precision)
    _require_expression_first(options.expression)
    given = _given_numbers(options.numbers)
    constants = {name: number for name, number in CONSTANTS.items() if name not in given}
    expression = Expression(options.expression, constants)
    _require_same_names(expression, given)
    if options.explain is not None:
        _require_name(options.explain, expression)

    point = [given[name][0] for name in expression.names]
    with refused_at(Span(expression.source, 0, len(expression.source)), ValueError):
        leaves, output = _differentiate(expression, point)
        second = hessian(lambda numbers: expression(*numbers))(point) if options.hessian and point else None
    reports: list[Report] = []
    complaints: list[str] = []
    if options.check and point:
        reports, complaints = _checked(expression, output, point, orders=2 if options.hessian else 1)

    parts = [_heading(expression.source, output, digits)]
    if point:
        parts.append(_first_derivatives(leaves, reports[0] if reports else None, digits))
    if second is not None:
        parts.append(
            _second_derivatives(list(expression.names), second, reports[1] if len(reports) > 1 else None, digits)
        )
    pictured = DIGITS_IN_PICTURES if options.precision is None else digits
    with _called(output, expression):
        if options.explain is not None:
            leaf = leaves[list(expression.names).index(options.explain)]
            parts.append(f"\n{explain(output, leaf, precision=pictured).text}")
        if options.latex:
            parts.append(f"\n{latex(output, precision=digits) if point else LATEX.number(output.data, digits).text}")
    status = OK if not complaints and all(report.ok for report in reports) else CHECK_FAILED
    if options.draw is not None:
        try:
            _draw(output, options.draw, pictured)
        except InputError as error:
            complaints.append(str(error))
            status = BAD_INPUT
    return "".join(f"{part}\n" for part in parts), complaints, status


@contextlib.contextmanager
def _called(output: Value, expression: Expression) -> Iterator[None]:
    """Give the result a short name as long as a `with` lasts, unless that is one of the names in the expression."""
    label = output.label
    if label not in expression.names:
        output.label = next(name for name in ("y", "f", "result", "") if name not in expression.names)
    yield
    output.label = label


def _train(arguments: Sequence[str]) -> tuple[str, list[str], int]:
    """Return the same for what follows `microgrady train`, which alone needs what this imports."""
    from microgrady.command.train import answer

    return answer(arguments)


def _checked(expression: Expression, output: Value, point: list[float], orders: int) -> tuple[list[Report], list[str]]:
    """Return the derivatives of each order held against finite differences, and why some could not be."""
    if not math.isfinite(output.data):
        return [], [f"the derivatives are not checked: the result is {output.data}"]
    reports: list[Report] = []
    for order in range(1, orders + 1):
        try:
            report = check_gradient(expression, *point, order=order)
        except ValueError as error:
            return reports, [f"the {'second ' * (order > 1)}derivatives are not checked: {error}"]
        reports.append(report)
    return reports, []


def _draw(output: Value, path: str, digits: int) -> None:
    """Write the picture, or raise an error about its path."""
    with refused_at(option_span("--draw", path), ValueError, OSError, RuntimeError):
        check_target(path)
        draw(output, to=path, precision=digits)


def _parser() -> argparse.ArgumentParser:
    columns = min(width(), WIDEST_PROSE)
    functions = fill(" ".join(sorted(FUNCTIONS)), columns, initial_indent="  ", subsequent_indent="  ")
    statuses = "\n".join(fill(status, columns, initial_indent="  ", subsequent_indent=" " * 5) for status in STATUSES)
    example = (
        fill(EXAMPLE, columns - 2, subsequent_indent="    ").replace("\n", " \\\n")
        if len(EXAMPLE) > columns
        else EXAMPLE
    )
    parser = argparse.ArgumentParser(
        prog="microgrady",
        usage=fill(USAGE, columns, initial_indent="       ", subsequent_indent=" " * 18).strip(),
        description="\n\n".join(fill(paragraph, columns) for paragraph in DESCRIPTION),
        epilog=f"functions:\n{functions}\n\nexit status:\n{statuses}\n\nexample:\n{example}\n",
        formatter_class=functools.partial(argparse.RawDescriptionHelpFormatter, width=columns),
        allow_abbrev=False,
    )
    parser.add_argument("expression", nargs="?", metavar="EXPRESSION", help="what to compute, such as 'x * sin(y)'")
    parser.add_argument("numbers", nargs="*", metavar="NAME=NUMBER", help="what each name in it stands for")
    parser.add_argument("--check", action="store_true", help="hold the derivatives against finite differences")
    parser.add_argument("--hessian", action="store_true", help="print the second derivatives, too")
    parser.add_argument("--explain", metavar="NAME", help="say how the derivative by that name comes about")
    parser.add_argument("--latex", action="store_true", help="print the formula in LaTeX, too")
    parser.add_argument(
        "--precision",
        metavar="DIGITS",
        help=f"significant digits of all numbers, 1 to {FLOAT_DIGITS} (default: {DIGITS})",
    )
    parser.add_argument("--draw", metavar="PATH", help=f"draw the graph into a file named {endings(FORMATS)}")
    parser.add_argument("--version", action="version", version=f"microgrady {__version__}")
    return parser


def _require_known_options(arguments: Sequence[str]) -> None:
    """Refuse a misspelt option by itself, where argparse would refuse what follows it as well."""
    previous = ""
    for argument in arguments:
        if argument == "--":
            return
        name = argument.partition("=")[0]
        # Some programs turn two minus signs into a dash.
        dashes = re.match(r"-?[—–]|--(?=.)", name)
        single = f"-{name}" in OPTIONS
        if previous not in WITH_A_VALUE and (dashes or single) and name not in OPTIONS:
            wanted = f"-{name}" if single else f"--{name[dashes.end() if dashes else 0 :]}".lower()
            is_short = "=" in argument and len(wanted.lstrip("-")) < SHORTEST_OPTION  # rather a name in the expression
            similar = None if is_short else similar_option(wanted, OPTIONS)
            hint = f"did you mean {similar}?" if similar else f"there are {', '.join(OPTIONS)}"
            if not similar and "=" in argument and name.lstrip("-").isidentifier():
                hint = f"write {argument.lstrip('-')}"
            elif not similar and not previous:
                hint = "an expression that begins with -- goes behind -- and a space"
            raise InputError(f"{name} is not an option; {hint}", Span(argument, 0, len(name)))
        previous = argument


def _shield_minus(arguments: Sequence[str]) -> list[str]:
    """Put a space in front of an expression such as -x**2, which argparse would take for an option."""
    shielded: list[str] = []
    previous = ""
    for position, argument in enumerate(arguments):
        if argument == "--":
            return shielded + [f" {rest}" for rest in arguments[position + 1 :]]
        minus = argument.startswith("-") and not argument.startswith("--") and argument != "-h"
        shielded.append(f" {argument}" if minus and previous not in WITH_A_VALUE else argument)
        previous = argument
    return shielded


def _require_expression_first(source: str) -> None:
    if re.match(r"\s*\w+\s*=(?!=)", source):
        sentence = "the expression comes first, and then what each name in it stands for"
        raise InputError(sentence, Span(source, 0, len(source)))


def _digits(text: str) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,2}\s*", text) or not 1 <= int(text) <= FLOAT_DIGITS:
        sentence = f"--precision takes a whole number from 1 to {FLOAT_DIGITS}, not {text!r}"
        raise InputError(sentence, option_span("--precision", text))
    return int(text)


def _given_numbers(assignments: list[str]) -> dict[str, tuple[float, Span]]:
    """Return the number that each name stands for, and where the name is."""
    given: dict[str, tuple[float, Span]] = {}
    for assignment in assignments:
        text = " ".join(assignment.split())
        left, equals, right = text.partition("=")
        everything = Span(text, 0, len(text))
        if not equals or not left:
            raise InputError(
                "what follows the expression has the form NAME=NUMBER, without spaces; an expression with spaces "
                "needs quotes",
                everything,
            )
        if following := re.search(r"[,;]\s*\w+\s*=", right):
            start = len(text) - len(right) + following.start()
            sentence = "write a space between what names stand for, as in x=2 y=3"
            raise InputError(sentence, Span(text, start, start + 1))
        name, span = normalise(left.strip()), Span(text, 0, len(left.rstrip()))
        if not name.isidentifier() or keyword.iskeyword(name):
            raise InputError(
                f"{name!r} is not a name: one has letters, digits and _, and is not a keyword of Python", span
            )
        if name in FUNCTIONS:
            raise InputError(f"{name} is a function: choose another name", span)
        if name in given:
            raise InputError(f"{name} is given twice", everything)
        given[name] = _number(name, text, right), span
    return given


def _number(name: str, text: str, right: str) -> float:
    """Return what stands on the right of `name=`, the end of the text, computed."""
    before = len(text) - len(right.lstrip())
    if not right.strip():
        raise InputError(f"there is no number after {name}=", Span(text, before, before))
    with contextlib.suppress(ValueError):
        return float(right)
    if re.fullmatch(r"\s*[-+]?[\d.]+(e[-+]?\d+)?[ij]\s*", right, re.IGNORECASE):
        sentence = f"{name} stands for a real number, and {right.strip()} is imaginary"
        raise InputError(sentence, Span(text, before, len(text.rstrip())))
    try:
        expression = Expression(right)
    except InputError as error:
        _, start, stop = error.span
        raise InputError(error.sentence, Span(text, before + start, before + stop)) from None
    for other, span in expression.names.items():
        sentence = f"{other} is not a number: {name} stands for one, such as 2, -0.5, 1e-3, pi/2 or sqrt(2)"
        raise InputError(sentence, Span(text, before + span.start, before + span.stop))
    with refused_at(Span(text, before, len(text)), ValueError):
        return float(expression())


def _require_same_names(expression: Expression, given: dict[str, tuple[float, Span]]) -> None:
    """Raise unless the names given are those of the expression."""
    missing = [name for name in expression.names if name not in given]
    if missing:
        add = " ".join(f"{name}=..." for name in missing)
        sentence = f"{missing[0]} has no value: add {add} after the expression{_other_reading(missing[0], given)}"
        raise InputError(sentence, expression.names[missing[0]])
    for name, (_, span) in given.items():
        if name not in expression.names:
            there = ", ".join(expression.names) or "none"
            raise InputError(f"{name} is not in the expression; the names in it: {there}", span)


def _require_name(name: str, expression: Expression) -> None:
    """Raise unless the name that --explain is given is one of the expression."""
    if name not in expression.names:
        there = ", ".join(expression.names) or "none"
        raise InputError(f"{name} is not in the expression; the names in it: {there}", option_span("--explain", name))


def _other_reading(name: str, given: Iterable[str]) -> str:
    """Return what else a name may be meant for, if it is made of names that are given, numbers or a function."""
    names = sorted(given, key=len, reverse=True)
    factor = "|".join([*map(re.escape, names), "[0-9]+"])
    if re.fullmatch(f"(?:{factor}){{2,}}", name):
        return f", or write {' * '.join(re.findall(factor, name))}"
    other_case = [other for other in names if other.lower() == name.lower()]
    if other_case:
        return f", or write {other_case[0]}"
    calls = [function for function in FUNCTIONS if name.startswith(function) and name[len(function) :] in names]
    return f", or write {calls[0]}({name[len(calls[0]) :]})" if calls else ""


def _differentiate(expression: Expression, point: list[float]) -> tuple[list[Value], Value]:
    leaves = [Value(number, name) for name, number in zip(expression.names, point, strict=True)]
    result = expression(*leaves)
    # A result that depends on no name is a plain number.
    output = result if isinstance(result, Value) else Value(result)
    if not any(output is leaf for leaf in leaves):
        output.label = expression.source if len(expression.source) <= LONGEST_LABEL else "f"
    output.backward()
    return leaves, output


def _heading(source: str, output: Value, digits: int) -> str:
    """Return the expression and its value, and why that is not finite."""
    columns = width()
    lines = textwrap.wrap(source, max(NARROWEST, columns - 20), max_lines=4, placeholder=" ...", break_on_hyphens=False)
    lines[-1] += f" = {number_text(output.data, digits)}"
    anomaly = None if math.isfinite(output.data) else find_anomaly(output)
    if anomaly is not None:
        lines.append(fill(_because(anomaly.node, digits), columns))
    return "\n".join(lines)


def _because(node: Value, digits: int) -> str:
    """Return which operation made what is not finite, in the names that were typed."""
    written, where = [], []
    for operand in node.operands:
        number = operand.data if isinstance(operand, Value) else operand
        written.append(PYTHON.number(number, digits))
        if isinstance(operand, Value) and operand.op is None and operand.label:
            where.append(f"{operand.label} = {number_text(number, digits)}")
            written[-1] = PYTHON.name(operand.label)
    assert node.op is not None
    place = f" at {' and '.join(dict.fromkeys(where))}" if where else ""
    return f"because {PYTHON.apply(node.op, written).text} is {number_text(node.data, digits)}{place}"


def _first_derivatives(leaves: list[Value], report: Report | None, digits: int) -> str:
    columns = [
        _names("name", [leaf.label for leaf in leaves]),
        _numbers("value", [leaf.data for leaf in leaves], digits),
        _numbers("derivative", [leaf.grad for leaf in leaves], digits),
    ]
    return _table(columns + _verdicts([] if report is None else report.entries, digits))


def _second_derivatives(names: list[str], rows: list[list[float]], report: Report | None, digits: int) -> str:
    """Return the matrix, and below it what was found of each pair of names."""
    matrix = [_numbers(name, list(column), digits) for name, column in zip(names, zip(*rows, strict=True), strict=True)]
    text = "\nsecond derivatives" + _table([_names("by", names), *matrix])
    if report is None:
        return text
    count = len(names)
    pairs = [(row, column) for row in range(count) for column in range(row, count)]
    columns = [
        _names("by", [f"{names[row]}, {names[column]}" for row, column in pairs]),
        _numbers("derivative", [rows[row][column] for row, column in pairs], digits),
    ]
    return f"{text}\n" + _table(
        columns + _verdicts([report.entries[row * count + column] for row, column in pairs], digits)
    )


def _verdicts(entries: Sequence[Entry], digits: int) -> list[list[str]]:
    """Return the columns of a check; none where there was none."""
    if not entries:
        return []
    estimates = _numbers("numeric estimate", [entry.estimate.value for entry in entries], digits)
    return [estimates, _words("verdict", [entry.remark() for entry in entries])]


def _names(heading: str, names: list[str]) -> list[str]:
    """Return a column of names, none so long that there is no room beside it."""
    longest = max(NARROWEST, width() // 2) - 8
    return _words(heading, [name if len(name) <= longest else f"{name[: longest - 1]}…" for name in names])


def _words(heading: str, entries: list[str]) -> list[str]:
    """Return a column of a table: cells of one width, the heading first."""
    width = max(map(len, [heading, *entries]))
    return [cell.ljust(width) for cell in [heading, *entries]]


def _numbers(heading: str, numbers: list[float], digits: int) -> list[str]:
    """Return a column of numbers, their decimal points below each other."""
    cells = _aligned([number_text(number, digits) for number in numbers])
    width = max(len(heading), len(cells[0]))
    return [cell.rjust(width) for cell in [heading, *cells]]


def _aligned(texts: list[str]) -> list[str]:
    parts = [re.split("(?=[.e])", text, maxsplit=1) for text in texts]
    before = max(len(part[0]) for part in parts)
    after = max(len("".join(part[1:])) for part in parts)
    return [part[0].rjust(before) + "".join(part[1:]).ljust(after) for part in parts]


def _table(columns: list[list[str]]) -> str:
    """Return the columns side by side, each block below an empty line; what is too wide goes on in a further block."""
    first, *rest = columns
    lines = []
    while rest:
        block = [first, rest.pop(0)]
        while rest and sum(len(column[0]) + 2 for column in block) + len(rest[0][0]) <= width():
            block.append(rest.pop(0))
        lines += ["", *("  ".join(row).rstrip() for row in zip(*block, strict=True))]
    return "\n".join(lines)
