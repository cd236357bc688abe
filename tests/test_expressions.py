"""Typed expressions: what they compute, what is not let through, and where an error points."""

from __future__ import annotations

import inspect
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.expressions import FUNCTIONS, Expression, InputError, arity_of
from microgrady.value import methods, primitives

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
    *(f"{name}({', '.join(['{}'] * arity_of(function))})" for name, function in FUNCTIONS.items()),
)


def same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


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
    assert same(expression(*(numbers[name] for name in expression.names)), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # SciPy's, of polygamma
@settings(deadline=None)  # SciPy takes its time to be imported
@given(ANYTHING, st.floats(), st.floats())
def test_every_expression_has_a_float_at_every_point_and_values_agree(source: str, x: float, y: float) -> None:
    expression = Expression(source)
    point = [{"x": x, "y": y}[name] for name in expression.names]
    result = expression(*point)
    assert type(result) is float
    on_values = expression(*map(Value, point))
    assert same(on_values.data if isinstance(on_values, Value) else on_values, result)


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
    public = {name for name in mg.__all__ if isinstance(getattr(mg, name), mg.Primitive)}
    assert public | {"where", "clip", "abs", "arcsin", "arctan2", "max", "min", "σ"} <= set(FUNCTIONS)
    assert FUNCTIONS["max"] is mg.maximum
    assert FUNCTIONS["where"] is mg.where
    internal = {name for name, entry in methods.items() if entry not in {getattr(mg, name) for name in public}}
    assert {"argument", "gated", "clip_low", "add"} <= internal
    assert not (internal - {"where"}) & set(FUNCTIONS)
    assert not {"grad", "draw", "sum", "mean", "primitive", "Value", "check_gradient"} & set(FUNCTIONS)


def test_a_call_reaches_the_function_with_its_operands_in_order() -> None:
    assert Expression("atan2(1, 2)")() == math.atan2(1.0, 2.0)
    assert Expression("where(x > 0, sqrt(x), -1)")(-4.0) == -1.0
    assert Expression("clip(x, 0, 1)")(7.0) == 1.0
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
    "gated(x, x)",
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
        ("2 * sin + 1", "sin", "sin is a function: call it, as in sin(...)"),
        ("sin(x=1)", "x=1", "sin takes its arguments by position, without a keyword"),
        ("1 + math.sin(x)", "math.sin", "only microgrady's functions can be called, each by its plain name"),
        ("x + y.data", "y.data", None),
        ("ßß + 'ñ' + 1", "'ñ'", None),
        ("(x) ^ (2)", "^", None),
        ("x < y is not z", "is not", None),
        ("x +\t* 2", "*", "this is no expression: invalid syntax"),
        ("2 * (x + 1", "(", "this is no expression: '(' was never closed"),
        ("w x", "x", "this is no expression: invalid syntax"),
        ("(1 +\n x.y)", "x.y", None),
        ("(x\n ^ 2)", "x", None),
    ],
)
def test_an_error_points_at_the_place(source: str, marked: str, sentence: str | None) -> None:
    error = refusal(source)
    assert error.place.line[error.place.start : error.place.stop] == marked
    assert sentence is None or error.sentence == sentence
    shown, marks, last = str(error).split("\n")
    start, stop = marks.index("^"), len(marks)
    assert shown[start:stop] == marked
    assert last == error.sentence


def test_a_refused_power_sign_names_the_right_one() -> None:
    assert refusal("x ^ 2").sentence.endswith("a power is written **")


@pytest.mark.parametrize("source", ["", "   ", "\n", "x +", "x + (", "# x"])
def test_an_expression_without_end_is_marked_behind_it(source: str) -> None:
    error = refusal(source)
    assert "^" in str(error)
    assert error.sentence


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    error = refusal(" + ".join(["first"] * 100 + ["y.z"] + ["last"] * 100))
    lines = str(error).split("\n")
    assert max(map(len, lines[:2])) < 80
    assert lines[0][lines[1].index("^") : len(lines[1])] == "y.z"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in str(refusal("'\x1b[31m' + x"))


def nested(opening: str, closing: str = "", depth: int = 10_000) -> str:
    return opening * depth + "x" + closing * depth


@pytest.mark.parametrize(
    "source",
    [
        nested("(", ")"),
        nested("-"),
        nested("not "),
        nested("2**"),
        nested("sin(", ")"),
        nested("x if x else "),
        nested("x + ", depth=1_000_000),
        "1" * 5000,
    ],
    ids=lambda source: source[:12],
)
def test_nesting_too_deep_for_the_parser_is_refused_in_a_sentence(source: str) -> None:
    error = refusal(source)
    assert error.sentence
    assert "\n" not in error.sentence


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="the parser of some releases of 3.12 refuses it")
def test_a_sum_of_five_thousand_terms_is_computed() -> None:
    x = Value(1.5)
    Expression("+".join(["x * 2"] * 5000))(x).backward()
    assert x.grad == 10_000.0


def test_the_recursion_limit_stays_as_it_was() -> None:
    before = sys.getrecursionlimit()
    Expression("x")
    refusal("x +")
    assert sys.getrecursionlimit() == before


def test_a_name_is_read_as_python_reads_it() -> None:
    names: Any = Expression("ﬁt * 2").names
    assert list(names) == ["fit"]
