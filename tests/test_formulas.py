"""Formulas as text: what is written, where parentheses stand, and what is written within something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.formulas.grouping import formula_of, grouped, terms_of
from microgrady.formulas.names import short_names
from microgrady.formulas.writing import NUMBERS, PYTHON, TEXT, Notation, number_text
from microgrady.value import topological_order


def boxes(output: Value, notation: Notation = TEXT, **options: Any) -> dict[str, str]:
    """What each box of a picture would say, by its name."""
    order = topological_order(output)
    inside = grouped(order, [output])
    names = short_names(order, skip=inside)
    results = [value for value in order if value.op is not None and value not in inside]
    return {names[value]: formula_of(value, names, inside, notation, **options).text for value in results}


a, b, c = Value(1.5, "a"), Value(2.5, "b"), Value(3.5, "c")


@pytest.mark.parametrize(
    ("function", "written"),
    [
        (lambda: a - b, "a - b"),
        (lambda: 2 - a, "2 - a"),
        (lambda: a * -2, "a · -2"),
        (lambda: a / b, "a / b"),
        (lambda: a**2, "a**2"),
        (lambda: 2**a, "2**a"),
        (lambda: (-2) ** a, "(-2)**a"),
        (lambda: a // 2, "a // 2"),
        (lambda: 7 % a, "7 % a"),
        (lambda: mg.atan2(a, b), "atan2(a, b)"),
        (lambda: mg.sqrt(a), "sqrt(a)"),
        (lambda: mg.sigmoid(a), "sigmoid(a)"),
        (lambda: mg.maximum(a, 0), "max(a, 0)"),
        (lambda: abs(a), "abs(a)"),
        (lambda: mg.clip(a, 0, 1), "clip(a, 0, 1)"),
        (lambda: mg.clip(a, 0, None), "clip(a, 0, None)"),
        (lambda: a - (b - c), "a - (b - c)"),
        (lambda: a - b - c + 1, "a - b - c + 1"),
        (lambda: sum([a] * 9, b), "sum of 10 terms"),
        (lambda: sum([a] * 9), "sum of 9 terms"),
        (lambda: sum([a] * 8, b * 0), {"v1": "b · 0", "v2": "sum of 9 terms"}),
        (lambda: sum([a, b, c]), "a + b + c"),
        (lambda: sum([a - b, c]), "a - b + c"),
        (lambda: sum([a, b]) - c, "a + b - c"),
        (lambda: c - sum([a, b]), "c - (a + b)"),
        (lambda: sum([a]), "0 + a"),
        (lambda: sum([sum([a]), b]), "a + b"),
        (lambda: sum([sum([sum([a, b])]), c]), "a + b + c"),
        (lambda: 0 - a + b, "0 - a + b"),
    ],
)
def test_a_box_says_how_its_result_was_made(function: Callable[[], Value], written: str | dict[str, str]) -> None:
    assert boxes(function()) == ({"v1": written} if isinstance(written, str) else written)


def test_python_reads_the_zero_that_a_sum_begins_with() -> None:
    assert boxes(sum([b, c], 0 + a), PYTHON) == {"v1": "0 + a + b + c"}
    assert boxes(sum([b, c], 0 + a), NUMBERS) == {"v1": "a + b + c"}


def test_a_condition_and_both_branches_are_written_in_one_box() -> None:
    def function(a: Value, b: Value) -> Any:
        return mg.where((a > 0) & (b < 2) | (a != b), a * 2, mg.where(a >= 1, b, 3.0))

    output = mg.jit(function).graph(a, b)[0]
    assert boxes(output) == {
        "v1": "a · 2",
        "v2": "where(a >= 1, b, 3)",
        "v3": "where((a > 0) & (b < 2) | (a != b), v1, v2)",
    }


def test_sums_of_sums_are_one_box_unless_somebody_else_needs_them() -> None:
    inner = a + b
    assert boxes((inner + c) * inner) == {"v1": "a + b", "v2": "v1 + c", "v3": "v2 · v1"}
    named = a + b
    named.label = "s"
    assert boxes(named - c) == {"s": "a + b", "v1": "s - c"}
    with mg.scope("inside"):
        scoped = a + b
    assert boxes(scoped + c) == {"v1": "a + b", "v2": "v1 + c"}


def test_a_long_sum_is_found_without_recursion() -> None:
    total = a * 1
    for _ in range(5000):
        total = total + b
    order = topological_order(total)
    inside = grouped(order, [total])
    assert len(inside) == 4999
    assert len(terms_of(total, inside)) == 5001
    assert grouped(order, [total], sums=False) == {}


def test_operations_of_users_are_called_by_their_names() -> None:
    cube = mg.primitive("würfel", lambda x: x**3, lambda y, x: 3 * x * x, symbol="+")
    assert boxes(cube(a)) == {"v1": "würfel(a)"}


def test_made_up_names_are_nobodys_label() -> None:
    first, second, third = Value(1.0, "v2"), Value(2.0), Value(3.0, "a rather long label of more than a line")
    names = short_names([first, second, third, first * second])
    assert list(names.values()) == ["v2", "v1", "a rather lon…than a line", "v3"]


@pytest.mark.parametrize(
    ("number", "precision", "text"),
    [(0.1, 17, "0.1"), (2.0, 17, "2"), (1 / 3, 4, "0.3333"), (1e22, 17, "1e+22"), (-0.0, 4, "-0"), (1e-5, 3, "1e-05")],
)
def test_numbers_are_short_and_exact_at_17_digits(number: float, precision: int, text: str) -> None:
    assert number_text(number, precision) == text
    assert float(number_text(number, 17)) == number


def test_python_reads_the_sign_of_a_zero() -> None:
    assert boxes(a + -0.0, PYTHON) == {"v1": "a + -0.0"}


@pytest.mark.parametrize(
    "label", ["w", "w[0]['learning-rate']", "p.w.0", "x′", "∂y", "🙂", "f(a, b)", "(a + b)", "größe"]
)
def test_a_name_needs_no_parentheses(label: str) -> None:
    assert boxes(Value(1.0, label) * a) == {"v1": f"{label} · a"}


@pytest.mark.parametrize(
    ("label", "written"),
    [("a + b", "(a + b)"), ("a·b", "(a·b)"), ("learning\nrate", "(learning rate)"), ("-x", "(-x)"), ("\x00:", "(�:)")],
)
def test_a_label_that_could_be_an_expression_stands_in_parentheses(label: str, written: str) -> None:
    assert boxes(Value(1.0, label) ** 2) == {"v1": f"{written}**2"}
    assert boxes(mg.sin(Value(1.0, label))) == {"v1": f"sin({written[1:-1]})"}
