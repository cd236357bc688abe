"""The chain rule in numbers: `explain`."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, functions
from microgrady.value import topological_order
from tests.test_animation import graphs


def neuron() -> tuple[Value, Value]:
    w, x = Value(-3.0, "w"), Value(2.0, "x")
    y = mg.tanh(w * x + 6.88)
    y.label = "y"
    return y, x


def test_several_paths_are_added_up() -> None:
    x = Value(3.0, "x")
    y = x * x + mg.clip(x, 0.0, 1.0)
    y.label = "y"
    assert str(mg.explain(y, x)).splitlines() == [
        "∂y/∂x = 6 at x = 3: for a small change of x, y changes 6 times as much.",
        "",
        "The operations from x to y, with their local derivatives:",
        "    v1 = x · x = 3 · 3 = 9                    dv1/dx = 6",
        "    v2 = clip(x, 0, 1) = clip(3, 0, 1) = 1    dv2/dx = 0",
        "    y = v1 + v2 = 9 + 1 = 10                  dy/dv1 = 1, dy/dv2 = 1",
        "",
        "2 paths lead from x to y. ∂y/∂x is the sum of their products:",
        "    x → v1 → y    6 · 1 = 6",
        "    x → v2 → y    0 · 1 = 0",
        "    sum           6",
    ]


def test_many_paths_are_explained_step_by_step() -> None:
    x = Value(2.0, "x")
    y = x
    for _ in range(3):
        y = y * x + y
    lines = mg.explain(y, x).text.splitlines()
    start = "11 paths lead from x to v6. Step by step from the output back, "
    assert any(line.startswith(start) for line in lines)
    assert "    ∂v6/∂v6 = 1" in lines
    assert "    ∂v6/∂v4 = ∂v6/∂v6 · dv6/dv4 + ∂v6/∂v5 · dv5/dv4 = 1 · 1 + 1 · 2 = 3" in lines
    assert lines[-1].endswith("= 81")


@settings(max_examples=60)
@given(graphs(), st.integers(0, 30))
@example(mg.sqrt(Value(0.0)) * 0, 0)
@example(mg.sqrt(mg.relu(Value(0.0))), 0)
def test_the_derivative_is_that_of_backward_and_no_grad_changes(output: Value, place: int) -> None:
    order = topological_order(output)
    leaves = [value for value in order if value.op is None]
    leaf = leaves[place % len(leaves)]
    explanation = mg.explain(output, leaf, precision=17)
    assert [value.grad for value in order] == [0.0] * len(order)
    output.backward()
    expected, found = leaf.grad, explanation.derivative
    assert found == pytest.approx(expected, rel=1e-9, nan_ok=True)
    for value in order:
        value.grad = 0.0
    assert str(explanation) == explanation.text
    assert explanation.html.startswith("<div>")


def test_an_output_is_its_own_path() -> None:
    y, _ = neuron()
    explanation = mg.explain(y, y)
    assert (explanation.derivative, explanation.text) == (1.0, "∂y/∂y = 1: it is the derivative of y by itself.")


def test_what_has_no_influence_is_said_so() -> None:
    y, _ = neuron()
    explanation = mg.explain(y, Value(1.0, "z"))
    assert explanation.derivative == 0.0
    assert explanation.text == "The derivative of y by z is 0: y was not calculated from z."
    assert "another Value with the label x: was x made anew since?" in mg.explain(y, Value(2.0, "x")).text
    assert "the output was not calculated from this Value" in mg.explain(Value(1.0) + 1.0, Value(2.0)).text


def test_a_zero_contributes_zero() -> None:
    u = Value(0.0, "u")
    explanation = mg.explain(mg.sqrt(u) * 0.0, u)
    assert explanation.derivative == 0.0
    assert "inf · 0 = 0 (a zero contributes zero)" in explanation.text


@pytest.mark.parametrize(("number", "words"), [(0.0, "the slope of v1 is infinite there"), (-1.0, "has no derivative")])
def test_a_slope_that_is_not_finite_is_said_so(number: float, words: str) -> None:
    u = Value(number, "u")
    assert words in mg.explain(mg.sqrt(u), u).text


def test_a_leaf_that_was_changed_is_told_from_what_was_recorded() -> None:
    y, x = neuron()
    x.data = 5.0
    text = mg.explain(y, x).text
    assert "v1 = w · x (recorded before a leaf was changed) = -6" in text
    assert text.startswith("∂y/∂x = -1.503 recorded before a leaf was changed: for a small change")
    assert "at x = 5" not in text


def test_an_explanation_of_a_large_graph_is_short() -> None:
    a = Value(0.9, "a")
    y = a
    for _ in range(10_000):
        y = mg.sin(y) * a
    explanation = mg.explain(y, a)
    assert len(explanation.text) < 5_000
    assert "… 19,976 operations …" in explanation.text
    assert "10,001 paths lead from a to v20000." in explanation.text
    many = mg.sum([a * i for i in range(1000)])
    assert len(mg.explain(many, a).text) < 5_000


def test_notebooks_show_a_table_with_names_as_they_are() -> None:
    x = Value(2.0, "<b>")
    page = mg.explain(x * x, x)._repr_html_()
    assert page.count("<table>") == 2
    assert "∂v1/∂(&lt;b&gt;) = 4" in page
    assert "<b>" not in page


@pytest.mark.parametrize("given_instead", [2.0, "x", None])
def test_explain_takes_values(given_instead: Any) -> None:
    y, x = neuron()
    with pytest.raises(TypeError, match="explain takes an output and a Value to differentiate it by, not"):
        mg.explain(given_instead, x)
    with pytest.raises(TypeError, match="explain takes an output and a Value to differentiate it by, not"):
        mg.explain(y, given_instead)
    with pytest.raises(ValueError, match="precision is an int from 1 to 17, not 0"):
        mg.explain(y, x, precision=0)
    assert math.isclose(mg.explain(y, x, precision=17).derivative, -1.5029152305)


def test_negative_numbers_behind_an_operator_stand_in_parentheses_everywhere() -> None:
    x, w = Value(-2.0, "x"), Value(3.0, "w")
    y = w * x * x
    assert str(mg.explain(y, x)).splitlines()[3:] == [
        "    v1 = w · x = 3 · (-2) = -6      dv1/dx = 3",
        "    v2 = v1 · x = -6 · (-2) = 12    dv2/dv1 = -2, dv2/dx = -6",
        "",
        "2 paths lead from x to v2. ∂v2/∂x is the sum of their products:",
        "    x → v1 → v2    3 · (-2) = -6",
        "    x → v2         -6",
        "    sum            -12",
    ]
    z = y
    for _ in range(3):
        z = z * x - z
    assert "∂v8/∂v8 · dv8/dv7 + ∂v8/∂v6 · dv6/dv5" not in mg.explain(z, x).text
    assert "· -" not in mg.explain(z, x).text


def test_a_sum_of_many_terms_is_explained_in_linear_time() -> None:
    x, total = Value(0.5, "x"), Value(0.0, "s")
    for factor in range(20_000):
        total = total + x * float(factor)
    start = time.process_time()
    explanation = mg.explain(total, x)
    assert time.process_time() - start < 10  # it took minutes when each arrow looked at each term
    assert explanation.derivative == sum(range(20_000))
    assert "v20001 = sum of 20,001 terms = " in explanation.text


def test_what_stands_before_a_function_in_a_function_goes_by_its_operand() -> None:
    x = Value(0.5, "x")
    slope = mg.grad(lambda x: x**3)(x)
    assert "    v1 = x = 0.5 " in mg.explain(slope, x).text


def test_arguments_the_wrong_way_round_are_recognised() -> None:
    y, x = neuron()
    assert mg.explain(x, y).text == (
        "The derivative of x by y is 0: x was not calculated from y. "
        "The other way round, explain takes the result first: y was calculated from x."
    )


def test_values_with_one_label_are_told_apart() -> None:
    first, x, other = Value(3.0, "w"), Value(0.5, "x"), Value(2.0, "w")
    y = first * x
    y.label = "y"
    z = y * other + Value(1.0, "w_2")
    z.label = "y"
    assert str(mg.explain(z, other)).splitlines() == [
        "∂y/∂w = 1.5 at w = 2: for a small change of w, y changes 1.5 times as much.",
        "",
        "The operations from w to y, with their local derivatives:",
        "    v1 = y_2 · w = 1.5 · 2 = 3    dv1/dw = 1.5",
        "    y = v1 + w_2 = 3 + 1 = 4      dy/dv1 = 1",
        "",
        "One path leads from w to y. ∂y/∂w is its product:",
        "    w → v1 → y    1.5 · 1 = 1.5",
    ]
    text = mg.explain(y * other + z, x).text
    assert "    y = w · x = 3 · 0.5 = 1.5 " in text
    assert "    v1 = y · w_3 = 1.5 · 2 = 3 " in text
    assert "    y_2 = v2 + w_2 = 3 + 1 = 4 " in text


@pytest.mark.parametrize(
    ("factor", "amount"), [(1.0, "as much."), (-1.0, "as much, the other way."), (2.0, "2 times as much.")]
)
def test_how_much_the_output_changes(factor: float, amount: str) -> None:
    x = Value(3.0, "x")
    assert str(mg.explain(x * factor, x)).splitlines()[0].endswith(f"for a small change of x, v1 changes {amount}")


def test_a_long_sum_is_counted_and_a_name_that_looks_like_one_is_a_name() -> None:
    x, parts = Value(3.0, "x"), Value(2.0, "sum of parts")
    assert "    v1 = sum of 9 terms = 27    dv1/dx = 9\n" in mg.explain(sum([x] * 8, x), x).text
    assert "v1 = (sum of parts) · 2 = 2 · 2 = 4" in mg.explain(parts * 2, parts).text


def test_numbers_behind_a_plus_sign_stand_in_parentheses_if_they_are_negative() -> None:
    x = Value(1.0, "x")
    y = x
    for _ in range(6):
        y = (y + x) * -2.0
    assert "= -2 · 1 + 4 · 1 + (-8) · 1 + 16 · 1 + … (2 more) = " in mg.explain(y, x).text


def test_a_comparison_stands_in_parentheses_between_equals_signs() -> None:
    x = Value(2.0, "x")
    assert "v1 = (x > 1) = (2 > 1) = 1" in mg.explain(functions.greater(x, 1.0) * x, x).text
