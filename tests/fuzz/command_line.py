"""Random things typed behind the command: an answer or a sentence, never a traceback."""

from __future__ import annotations

import contextlib
import io
import random

from microgrady.command import line as command
from microgrady.command.expressions import FUNCTIONS

WORDS = [
    *("x", "y", "pi", "e", "2", "3.5", "1e3", ".5", "0xff", "1_0", "x", "y", "inf", "nan"),
    *("+", "-", "*", "/", "//", "%", "**", "^", "<", "<=", "==", "!=", ">=", "=", "(", ")", "(", ")", ","),
    *("if", "else", "and", "or", "not", "is", "in", "lambda", "import", "None", "True", ".", "..", "sin", "tanh"),
    *("sin(", "max(", "where(", "clip(", "foo(", "x(", "ln(", "'", '"', "[", "]", "{", "}", "@", "!", "&&", "|", "~"),
    *(
        "²",
        "π",
        "√",
        "−",
        "é",
        "漢",
        "\\",
        "#",
        "$",
        ";",
        ":",
        "\n",
        "\t",
        " ",
        "\x00",
        "\x1b[31m",
        "\ud800",
        "x" * 500,
    ),
]
OPTIONS = [
    "--check",
    "--hessian",
    "--precision",
    "--draw",
    "--chek",
    "--",
    "-h",
    "--version",
    "-x",
    "—check",
    "--draw=",
]
TEMPLATES = ["({} + {})", "{} * {}", "-{}", "{} ** {}", "({} if {} else {})", "{} / {}", "{} < {}", "not {}"]


def typed(chance: random.Random, depth: int = 3) -> str:
    """Something like an expression, mostly a good one."""
    if depth == 0 or chance.random() < 0.2:
        return chance.choice(["x", "y", "2", "0.5", "pi", "1e-3"])
    if chance.random() < 0.3:
        return f"{chance.choice(list(FUNCTIONS))}({typed(chance, depth - 1)})"
    template = chance.choice(TEMPLATES)
    return template.format(*(typed(chance, depth - 1) for _ in range(3)))


def with_slips(chance: random.Random, text: str) -> str:
    """The same with letters or words put in, left out or changed."""
    letters = list(text)
    for _ in range(chance.randint(0, 3)):
        place = chance.randrange(len(letters) + 1)
        letters[place : place + chance.randint(0, 2)] = chance.choice([[], [chance.choice(WORDS)]])
    return "".join(letters)


def case(chance: random.Random) -> None:
    """One command."""
    source = typed(chance) if chance.random() < 0.7 else " ".join(chance.choices(WORDS, k=chance.randint(0, 12)))
    arguments = [with_slips(chance, source)]
    for name in ("x", "y")[: chance.choice((2, 2, 2, 1, 0))]:
        arguments += [f"{name}={with_slips(chance, chance.choice(['1', '-2.5', 'pi/2', 'sqrt(2)', 'inf']))}"]
    for _ in range(chance.randint(0, 2)):
        # No picture is written: the words behind --draw do not end as those of pictures do.
        arguments.insert(chance.randrange(len(arguments) + 1), chance.choice([*OPTIONS, *WORDS]))
    out, errors = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = command.main(arguments)
    except BaseException as error:
        raise AssertionError(f"{type(error).__name__}: {error}\nfor {arguments!a}") from error
    assert status in (0, 1, 2), f"status {status} for {arguments!a}"
    assert (status == 0) == (errors.getvalue() == "") or status == 1, f"{errors.getvalue()!r} for {arguments!a}"
    assert out.getvalue() or errors.getvalue(), f"nothing is printed for {arguments!a}"
