"""Typed expressions: what they compute, what is not let through, and where an error points."""

from __future__ import annotations

import inspect
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.command.expressions import CONSTANTS, FUNCTIONS, Expression, arities_of, hint_for
from microgrady.command.parsing import InputError
from microgrady.value import methods, primitives
from tests.fuzz.floats import same_number
from tests.threads import run_in_threads, run_on_a_small_stack

FLOATS = st.floats(-1e3, 1e3) | st.sampled_from([0.0, -0.0, 1.0, 2.0, 1e-300, 1e300])


def combined(*templates: str) -> st.SearchStrategy[str]:
    """Expressions in x and y, nested in all ways, mostly without parentheses."""
    leaves = st.sampled_from(["x", "y"]) | FLOATS.map(abs).map(repr)

    def extend(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(lambda template, *inner: template.format(*inner), st.sampled_from(templates), *[parts] * 3)

    return st.recursive(leaves, extend, max_leaves=12)


# A power of a negative number is complex in Python, unless the exponent is whole.
PYTHON = combined(
    *("{} + {}", "{} - {}", "{} * {}", "{} / {}", "{} // {}", "{} % {}", "-{}", "+{}", "({})", "({}) * ({})"),
    *("{} ** 2.0", "2.0 ** {}", "({}) ** 3.0", "{} ** -1.0", "({} if {} else {})", "({} < {} <= {})", "({} == {})"),
    *("({} != {} > {})", "({} >= {})", "({} and {} and {})", "({} or {} or {})", "(not {})"),
)
ANYTHING = combined(
    *("({} + {})", "({} / {})", "({} // {})", "({} % {})", "{} ** {}", "-{}", "({} if {} else {})", "({} < {})"),
    *(f"{name}({', '.join(['{}'] * arities_of(function)[0])})" for name, function in FUNCTIONS.items()),
)


def refusal(source: str) -> InputError:
    with pytest.raises(InputError) as caught:
        Expression(source)
    return caught.value


@given(PYTHON, FLOATS, FLOATS)
def test_arithmetic_computes_what_python_computes_on_floats(source: str, x: float, y: float) -> None:
    try:
        expected = eval(source, {"x": x, "y": y})
    except (ZeroDivisionError, OverflowError):
        assume(False)
    expression = Expression(source)
    numbers = {"x": x, "y": y}
    assert same_number(expression(*(numbers[name] for name in expression.names)), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # SciPy's, of polygamma
@given(ANYTHING, st.floats(), st.floats())
def test_every_expression_has_a_float_at_every_point_and_values_agree(source: str, x: float, y: float) -> None:
    expression = Expression(source)
    point = [{"x": x, "y": y}[name] for name in expression.names]
    result = expression(*point)
    assert type(result) is float
    on_values = expression(*map(Value, point))
    assert same_number(on_values.data if isinstance(on_values, Value) else on_values, result)


def test_whole_numbers_are_floats_so_that_towers_of_powers_end() -> None:
    assert Expression("9**9**9")() == math.inf
    assert Expression("7 // 2 * 2**0.5")() == 3.0 * 2.0**0.5
    assert type(Expression("3")()) is float
    assert Expression("9" * 400)() == math.inf == Expression("1e400")()
    assert Expression("0xff + 1_000")() == 1255.0


def test_division_by_zero_follows_ieee() -> None:
    assert Expression("1 / 0")() == math.inf
    assert math.isnan(Expression("0 / 0 + log(-1)")())


def test_names_come_in_the_order_of_their_first_appearance_without_constants() -> None:
    expression = Expression("  b * pi + a * b + e ** c ")
    assert list(expression.names) == ["b", "a", "c"]
    assert list(inspect.signature(expression).parameters) == ["b", "a", "c"]
    assert expression.source == "b * pi + a * b + e ** c"
    assert expression(1.0, 2.0, 3.0) == math.pi + 2.0 + math.e**3.0


def test_constants_can_be_names() -> None:
    assert Expression("pi * e", {"pi": 3.0})(2.0) == 6.0


def test_it_can_be_differentiated_and_drawn_as_a_graph() -> None:
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.0, "b")
    output = Expression("tanh(w * x + b)")(w, x, b)
    output.backward()
    assert (w.grad, x.grad, b.grad) == (2.0, -3.0, 1.0)
    assert output.op is primitives["tanh"]
    assert mg.grad(Expression("x**3"))(2.0) == 12.0


def test_a_point_of_another_length_is_refused() -> None:
    with pytest.raises(TypeError, match=r"2 name\(s\), 1 number\(s\) given"):
        Expression("x + y")(1.0)


def test_the_functions_are_the_public_part_of_the_table_and_its_other_names() -> None:
    public = {name for name in dir(mg) if isinstance(getattr(mg, name), mg.Primitive)}
    assert public | {"where", "clip", "abs", "arcsin", "arctan2", "max", "min", "σ"} <= set(FUNCTIONS)
    assert FUNCTIONS["max"] is mg.maximum
    assert FUNCTIONS["where"] is mg.where
    internal = {name for name, entry in methods.items() if entry not in {getattr(mg, name) for name in public}}
    assert {"argument", "masked_product", "clip_low", "add"} <= internal
    assert not (internal - {"where"}) & set(FUNCTIONS)
    assert not {"grad", "draw", "sum", "mean", "primitive", "Value", "check_gradient"} & set(FUNCTIONS)


@pytest.mark.parametrize("source", ["0 or -0", "0 or x", "x or 0", "x and 1", "x and x", "not x"])
def test_zeros_keep_their_signs_in_conditions(source: str) -> None:
    for x in (0.0, -0.0):
        expression = Expression(source)
        found = [expression(*numbers) for numbers in ([x], [Value(x)])] if expression.names else [expression()]
        expected = float(eval(source.replace("-0", "-0.0"), {"x": x}))
        for result in found:
            number = result.data if isinstance(result, Value) else result
            assert (number, math.copysign(1.0, number)) == (expected, math.copysign(1.0, expected))


def test_a_call_reaches_the_function_with_its_operands_in_order() -> None:
    assert Expression("atan2(1, 2)")() == math.atan2(1.0, 2.0)
    assert Expression("where(x > 0, sqrt(x), -1)")(-4.0) == -1.0
    assert Expression("clip(x, 0, 1)")(7.0) == 1.0
    assert Expression("log(8, 2) + max(1, x, 3, 2) + min(4, 3, x) + hypot(2, 3, 6)")(2.0) == 15.0
    assert Expression("round(x, 1) + round(x)")(1.26) == 2.3
    assert Expression("10 * isnan(x) + isinf(x) + 2 * isfinite(x)")(math.inf) == 1.0
    assert Expression("min(3, abs(x)) + max(1, 2)")(-2.5) == 4.5


ATTACKS = [
    "__import__('pathlib').Path('{path}').touch()",
    "__import__('os')",
    "open('{path}', 'w')",
    "eval('1')",
    "().__class__",
    "().__class__.__bases__[0].__subclasses__()",
    "x.__class__",
    "x.data",
    "sin.evaluate(1)",
    "mg.sin(x)",
    "(lambda: 1)()",
    "lambda: 1",
    "[x for x in (1, 2)]",
    "{x for x in (1, 2)}",
    "{x: x for x in (1, 2)}",
    "(x for x in (1, 2))",
    "sin(x for x in (1, 2))",
    "f'{x}'",
    'f\'{open("{path}", "w")}\'',
    "(y := 2)",
    "x[0]",
    "x[0:1]",
    "sin(x=1)",
    "sin(*x)",
    "sin(*(1,))",
    "sin(**x)",
    "'text'",
    "b'bytes'",
    "2j",
    "1 + 2j",
    "True",
    "None",
    "...",
    "(1, 2)",
    "[1, 2]",
    "{1}",
    "{}",
    "x, y",
    "*x,",
    "x @ y",
    "x << 1000000000",
    "x & y",
    "x | y",
    "x ^ y",
    "~x",
    "x is y",
    "x in y",
    "x not in y",
    "await x",
    "(yield x)",
    "(yield from x)",
    "import os",
    "x = 1",
    "x; y",
    "x\ny",
    "argument(x)",
    "masked_product(x, x)",
    "add(x, x)",
    "grad(x)",
    "draw(x)",
    "sin(sin)",
    "where.__globals__",
    "x(2)",
    "2(x)",
    "sin(x)(x)",
    "(sin)(x) + (sin)",
    "pi(2)",
    "\x00",
    "x\ud800",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_but_arithmetic_is_let_through_wherever_it_stands(attack: str, tmp_path: Path) -> None:
    source = attack.replace("{path}", str(tmp_path / "made"))
    for place in ("{}", "1 + ({})", "tanh({})", "1 if {} else 2", "0 and ({})", "1 < ({})", "-({})"):
        error = refusal(place.replace("{}", source))
        assert error.sentence
        assert "\n" not in error.sentence
    assert not list(tmp_path.iterdir())


# What people write who know how mathematics is written, or another language: source, marked part, what is said.
SLIPS = [
    ("1 + 2x", "2x", "write 2 * x"),
    ("2 x", "2 x", "write 2 * x"),
    ("2(x + 1)", "2(", "write 2 * (x + 1)"),
    ("x y", "x y", "write x * y"),
    ("x 2", "x 2", "write x * 2"),
    ("x(y + 1)", "x(", "x is not a function: write x * (y + 1)"),
    ("alpha * 2 + alpha(x)", "alpha(", "alpha is not a function: write alpha * (x)"),
    ("(x + 1)(x - 1)", ")(", "write (x + 1) * (x - 1)"),
    ("(x + 1)y", ")y", "write (x + 1) * y"),
    ("2 sin(x)", "2 sin", "write 2 * sin(x)"),
    ("sin(x) cos(x)", ") cos", "write sin(x) * cos(x)"),
    ("sin x", "sin x", "sin is a function: write sin(x)"),
    ("sin 2x", "sin 2", "sin is a function: write sin(2)"),
    ("sin^2(x + 1)", "^", "a power is written **: write sin(x + 1)**2"),
    ("sin^2 x", "^", "a power is written **: write sin(x)**2"),
    ("pi x", "pi x", "write pi * x"),
    ("pi(x)", "pi", "pi is a number and not a function: write pi * (...)"),
    ("x^2", "^", "a power is written **: write x**2"),
    ("exp^x", "^", "exp is a function: write exp(x)"),
    ("5 mod 3", "mod", "mod is written %"),
    ("1e", "1e", "write 1 * e, or for a power of ten its exponent, as in 1e3"),
    ("e^(x + 1)", "^", "^ is not let through: a power is written **"),
    ("x²", "²", "² is not let through: a square is written x**2"),
    ("x × y", "×", "× is not let through: write *"),
    ("x ≤ y", "≤", "≤ is not let through: write <="),
    ("x =< y", "=<", "=< is not let through: write <="),
    ("x <> y", "<>", "<> is not let through: write !="),
    ("x && y", "&&", "&& is not let through: write and"),
    ("|x|", "|", None),
    ("x!", "!", None),
    ("√x", "√", "√ is not let through: write sqrt(x)"),
    ("x = 1", "=", None),
    ("[x + 1] * 2", "[", "[ is not let through: write parentheses, ( and )"),
    ("1,5 * x", ",", "a comma stands between the arguments of a function; a decimal point is written ."),
    ("1.2.3", "1.2.3", "1.2.3 is not a number"),
    ("1__0", "1__0", "1__0 is not a number"),
    ("1 2", "1 2", "an operator is missing between 1 and 2"),
    (")(", ")", "there is no ( for this )"),
    ("x) + 1", ")", "there is no ( for this )"),
    ("2 * ()", ")", "something is missing between ( and )"),
    ("* x", "*", "something is missing before *"),
    ("sin()", "sin()", "sin takes 1 argument, not 0"),
    ("sin(x, )", ")", "something is missing between , and )"),
    ("x if y", "if", "this if needs an else: a if condition else b"),
    ("(x if y)", "if", "this if needs an else: a if condition else b"),
    ("clip(x if y, 0, 1)", ",", None),
    ("x else y", "else", "this else has no if before it: a if condition else b"),
    ("1 + not x", "not", "put parentheses around what not applies to, and around not itself"),
    ("ln(x)", "ln", "there is no function called ln; did you mean log?"),
    ("Sin(x)", "Sin", "there is no function called Sin; did you mean sin?"),
    ("tnah(x)", "tnah", "there is no function called tnah; did you mean tanh?"),
    ("tahn(x)", "tahn", "there is no function called tahn; did you mean tanh?"),
]


def test_functions_of_other_names_are_told_what_to_write() -> None:
    for word, hint in {
        "lg": "did you mean log10?",
        "tg": "did you mean tan?",
        "ctg": "write 1 / tan(x)",
        "arctg": "did you mean atan?",
        "exp10": "write 10**x",
        "Sqr": "write x**2",
        "int": "did you mean trunc?",
        "logistic": "did you mean sigmoid?",
        "frobnicate": "--help lists those that there are",
    }.items():
        assert hint_for(word) == hint
    assert "trunc" not in hint_for("round")
    assert {"arctan", "arcsin", "power", "abs", "fabs", "max", "min"} <= set(FUNCTIONS)


def test_every_constant_of_math_is_known() -> None:
    assert Expression("pi + π - 2 * pi + e - e")() == 0.0
    assert Expression("tau")() == math.tau
    assert Expression("inf")() == math.inf
    assert math.isnan(Expression("nan")())
    assert not set(CONSTANTS) & set(FUNCTIONS)


@pytest.mark.parametrize(
    ("source", "marked", "sentence"),
    [
        ("tanh(w * x + sine(b))", "sine", "there is no function called sine; did you mean sin?"),
        (
            "1 + frobnicate(x)",
            "frobnicate",
            "there is no function called frobnicate; --help lists those that there are",
        ),
        ("1 + tanh(x, 2)", "tanh(x, 2)", "tanh takes 1 argument, not 2"),
        ("atan2(x)", "atan2(x)", "atan2 takes 2 arguments, not 1"),
        ("2 * sin + 1", "sin", "sin is a function: call it, as in sin(x)"),
        ("sin(x=1)", "=", None),
        ("1 + math.sin(x)", ".", "functions have plain names: write sin without math."),
        ("1 + x.tanh()", ".", "functions have plain names: write tanh(x)"),
        ("x + y.data", ".", None),
        ("ßß + 'ñ' + 1", "'", None),
        ("(x) ^ (2)", "^", None),
        ("x < y is not z", "is", "is is a word of Python that is not let through here; equality is written =="),
        ("x +\t* 2", "*", "something is missing between + and *"),
        ("2 * (x + 1", "(", "this ( is not closed"),
        ("(1 +\n x.y)", ".", None),
        ("(x\n ^ 2)", "^", "a power is written **: write x**2"),
        *SLIPS,
    ],
)
def test_an_error_points_at_the_place(source: str, marked: str, sentence: str | None) -> None:
    error = refusal(source)
    assert error.span.line[error.span.start : error.span.stop] == marked
    assert sentence is None or error.sentence == sentence
    shown, marks, last = str(error).split("\n")
    start, stop = marks.index("^"), len(marks)
    assert shown[start:stop] == marked
    assert last == error.sentence


def test_a_refused_power_sign_names_the_right_one() -> None:
    assert refusal("x ^ 2").sentence.endswith("a power is written **: write x**2")


@pytest.mark.parametrize("source", ["", "   ", "\n", "x +", "x + (", "# x"])
def test_an_expression_without_end_is_marked_behind_it(source: str) -> None:
    error = refusal(source)
    assert "^" in str(error)
    assert error.sentence


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    error = refusal(" + ".join(["first"] * 100 + ["2x"] + ["last"] * 100))
    lines = str(error).split("\n")
    assert max(map(len, lines[:2])) < 80
    assert lines[0][lines[1].index("^") : len(lines[1])] == "2x"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in str(refusal("'\x1b[31m' + x"))


def nested(opening: str, closing: str = "", depth: int = 10_000) -> str:
    return opening * depth + "x" + closing * depth


NESTED = {
    nested("(", ")"): 1.5,
    nested("-"): 1.5,
    nested("not "): 1.0,
    nested("1**"): 1.0,
    nested("abs(", ")"): 1.5,
    nested("x if x else "): 1.5,
    nested("(x if x else ", ")"): 1.5,
    nested("x + ", depth=100_000): 150_001.5,
    nested("(x + ", ")", depth=100_000): 150_001.5,
    nested("x < "): 0.0,
    "1" * 5000: math.inf,
}


@pytest.mark.parametrize("source", NESTED, ids=lambda source: source[:12])
def test_no_nesting_is_too_deep_and_a_small_stack_is_enough(source: str) -> None:
    results: list[float] = []

    def compute() -> None:
        expression = Expression(source)
        results.append(expression(*[1.5] * len(expression.names)))

    run_on_a_small_stack(compute)
    assert results == [NESTED[source]]


@pytest.mark.parametrize("depth", [2_900, 100_000])
@pytest.mark.parametrize("source", ["-" * 100_000, "(" * 100_000, "2**" * 30_000, "sin(" * 30_000, "not " * 30_000])
def test_what_is_deep_and_wrong_is_refused_in_a_sentence_on_a_small_stack(source: str, depth: int) -> None:
    def check() -> None:
        assert refusal(source[:depth]).sentence

    run_on_a_small_stack(check)


def test_a_sum_of_five_thousand_terms_is_computed() -> None:
    x = Value(1.5)
    Expression("+".join(["x * 2"] * 5000))(x).backward()
    assert x.grad == 10_000.0


def test_threads_that_parse_leave_the_recursion_limit_alone(frequent_switches: None) -> None:
    before, seen = sys.getrecursionlimit(), set[int]()

    def parse_many(index: int) -> None:
        for _ in range(200):
            Expression("-" * 100 + "x")
            seen.add(sys.getrecursionlimit())

    run_in_threads(parse_many, 4)
    assert seen == {before} == {sys.getrecursionlimit()}


def test_a_name_is_read_as_python_reads_it() -> None:
    names: Any = Expression("ﬁt * 2").names
    assert list(names) == ["fit"]
