"""What a `where` has not selected: formulas and pictures show it, derivatives and gradients are as without it."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.drawing import style
from microgrady.scopes import path_of
from microgrady.selections import still_follows
from microgrady.value import topological_order


def selected(condition: Callable[[Value], Any]) -> tuple[Value, Value, Value]:
    x, z = Value(2.0, "x"), Value(-1.0, "z")
    y = mg.where(condition(x), x * x, mg.sqrt(z) * 3)
    y.label = "y"
    return x, z, y


def boxes(*outputs: Value, **options: Any) -> list[str]:
    """Return the titles of the boxes that are drawn, those of pale boxes in parentheses."""
    lines = [line for line in mg.draw(*outputs, **options).body if 'label="' in line and "->" not in line]
    heads = [line.partition('label="')[2].partition("|")[0] for line in lines if "|" in line]
    names = [head.replace("\\n", " ").replace("\\", "") for head in heads]
    titles = zip(names, [style.PALE in line for line in lines if "|" in line], strict=True)
    return [f"({title})" if is_pale else title for title, is_pale in titles]


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        (lambda x: x > 0, "where(True, v1, v3)"),
        (lambda x: mg.greater(x, 0), "where(x > 0, v1, v3)"),
        (lambda x: x, "where(x, v1, v3)"),
    ],
)
def test_a_picture_shows_the_condition_and_both_branches_and_pales_the_one_left_out(
    condition: Callable[[Value], Any], written: str
) -> None:
    _, _, y = selected(condition)
    assert boxes(y) == ["x", "(z)", "v1 = x · x", "(v2 = sqrt(z))", "(v3 = v2 · 3)", f"y = {written}"]


def test_what_is_left_out_has_no_gradient_and_waits_for_none() -> None:
    _, _, y = selected(lambda x: x > 0)
    y.backward()
    picture = mg.draw(y)
    assert picture.source.count("no gradient\\l") == 3
    assert "no gradient yet" not in picture.source
    assert "z, value -1, no gradient" in picture.node_titles.values()


def test_with_circles_what_is_left_out_is_pale_with_its_operations() -> None:
    _, _, y = selected(lambda x: x > 0)
    picture = mg.draw(y, style="circles")
    pale = [line.split()[0] for line in picture.body if style.PALE in line and "->" not in line]
    assert pale == ["v1", "v3", "o3", "v4", "o4"]
    assert not any(line.strip().startswith("o5n0") for line in picture.body)  # True is no number


def test_a_number_that_is_left_out_stands_in_the_formula() -> None:
    x = Value(2.0, "x")
    assert boxes(mg.where(x > 3, 1.5, x)) == ["x", "v1 = where(False, 1.5, x)"]
    assert boxes(mg.where(x > 1, 1.5, x)) == ["(x)", "v1 = where(True, 1.5, x)"]


@pytest.mark.parametrize("condition", [lambda x: x > 0, lambda x: x < 0, lambda x: mg.greater(x, 3)])
def test_python_computes_the_same_from_the_formula(condition: Callable[[Value], Any]) -> None:
    x, z, y = selected(condition)
    text = mg.formula(y)
    names = vars(mg) | {"x": x, "z": z}
    assert text.startswith("where(")
    assert "x * x" in text
    assert "sqrt(z) * 3" in text
    assert eval(text, names).data == pytest.approx(y.data, nan_ok=True)
    assert "where" in mg.latex(y)


def test_the_chain_rule_goes_through_what_was_selected_alone() -> None:
    x, z, y = selected(lambda x: x > 0)
    explained = str(mg.explain(y, x))
    assert "y = where(True, v1, v3) = where(True, 4, nan) = 4    dy/dv1 = 1" in explained
    assert "x → v1 → y    4 · 1 = 4" in explained
    assert str(mg.explain(y, z)) == (
        "The derivative of y by z is 0: only the condition of a where, or what it has left out, was calculated from z."
    )
    same = mg.where(x > 0, x * 2, x)
    assert "One path leads" in str(mg.explain(same, x))
    formulas = [step.formula for step in mg.animate(y).steps]
    assert "y = where(True, v1, v3) = where(True, 4, nan) = 4" in formulas
    assert formulas[-1] == "∂y/∂x = 4"


def test_the_engine_knows_nothing_of_what_was_left_out() -> None:
    x, z, y = selected(lambda x: x > 0)
    assert len(topological_order(y)) == 3
    assert (y.operands, y.partials) == ((y.operands[0],), (1.0,))
    y.backward()
    assert (x.grad, z.grad) == (4.0, 0.0)
    assert mg.find_anomaly(y) is None


def test_a_label_and_a_scope_stay_beside_it() -> None:
    x = Value(2.0, "x")
    with mg.scope("part"):
        y = mg.where(x > 0, x, -x)
    y.label = "first"
    y.label = "second"
    assert (y.label, [scope.name for scope in path_of(y._label)]) == ("second", ["part"])
    assert mg.formula(y) == "where(True, x, -x)"
    assert pickle.loads(pickle.dumps(y.label)) == "second"


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_and_pickles_draw_the_same_picture(twin: Callable[[Any], Any]) -> None:
    _, _, y = selected(lambda x: mg.greater(x, 0))
    with mg.scope("part"):
        outer = mg.where(y > 100, y, mg.where(y > 0, y * 2, 0.5))
    again = twin(outer)
    assert mg.formula(again) == mg.formula(outer)
    assert mg.draw(again).source == mg.draw(outer).source
    assert again.operands[0].operands[0].operands[0].label == "y"


def test_a_long_chain_of_selections_is_drawn_copied_and_freed() -> None:
    best = Value(0.0)
    for number in range(5_000):
        value = Value(float(number % 7)) * 1.5
        best = mg.where(value > best, value, best)
    again = pickle.loads(pickle.dumps(copy.deepcopy(best)))
    assert again.data == best.data
    assert len(mg.formula(again, max_lines=5).splitlines()) == 5
    assert len(boxes(again, max_nodes=20)) <= 20


def test_a_long_condition_is_written_in_little_time() -> None:
    """Each part is looked at once: else this would take minutes."""
    x = Value(1.0, "x")
    condition = mg.greater(x, 0)
    for number in range(10_000):
        condition = condition * mg.greater(x, -number)
    assert mg.formula(mg.where(condition, x, 2.0)).count("&") == 10_000


def test_nothing_is_noted_while_a_function_is_recorded() -> None:
    function = mg.jit(lambda x, flag: mg.where(flag, x * 2, x * 3), static_argnames="flag")
    assert function(1.5, True) == 3.0
    (output,) = function.graph(1.5, True)
    assert mg.formula(output) == "x * 2"


def test_it_is_noted_while_another_thread_records_a_function() -> None:
    recording, done = threading.Event(), threading.Event()

    def function(x: Any) -> Any:
        recording.set()
        assert done.wait(60)
        return x * 2

    thread = threading.Thread(target=lambda: mg.jit(function)(1.0))
    thread.start()
    assert recording.wait(60)
    x = Value(2.0, "x")
    try:
        y = mg.where(True, x * 3, x)
    finally:
        done.set()
        thread.join()
    assert mg.formula(y) == "where(True, x * 3, x)"


def test_arrays_of_conditions_select_element_by_element() -> None:
    x = mg.array([Value(1.0, "a"), Value(-2.0, "b")])
    found = mg.where(x > 0, x, 0.1 * x)
    assert [mg.formula(value) for value in found] == ["where(True, a, 0.1 * a)", "where(False, b, 0.1 * b)"]


def test_a_where_inside_of_another_one_is_explained_with_its_condition() -> None:
    x, z = Value(2.0, "x"), Value(-1.0, "z")
    inner = mg.where(mg.greater(0, z), x * z, x + z)
    outer = mg.where(mg.greater(x, 0), inner, mg.where(x > 3, z, x))
    text = str(mg.explain(outer, x))
    assert "v3 = where(z < 0, v1, v2) = where(-1 < 0, -2, 1) = -2    dv3/dv1 = 1" in text
    assert "v5 = where(x > 0, v3, v4) = where(2 > 0, -2, 2) = -2     dv5/dv3 = 1" in text
    assert "One path leads from x to v5" in text  # none through the conditions
    notes = [step.note for step in mg.animate(outer).steps if step.formula.startswith(("v2 =", "v5 ="))]
    assert notes == ["Local derivatives: dv2/dx = 1, dv2/dz = 1", "Local derivative: dv5/dv3 = 1"]


def test_a_condition_that_was_changed_since_does_not_change_what_was_selected() -> None:
    condition, x, z = Value(1.0, "c"), Value(2.0, "x"), Value(-1.0, "z")
    y = mg.where(condition, x * 2, z * 3)
    before = boxes(y)
    condition.data = 0.0
    assert boxes(y) == before == ["c", "x", "(z)", "v1 = x · 2", "(v2 = z · 3)", "v3 = where(c, v1, v2)"]
    explained = mg.explain(y, x)
    assert explained.derivative == 2.0
    assert "v3 = where(c, v1, v2) (recorded before a leaf was changed) = 4    dv3/dv1 = 1" in str(explained)
    steps = mg.animate(y).steps
    assert "This was recorded before c was changed." in [step.note for step in steps]
    assert steps[-1].formula == "∂v3/∂x = 2"


@pytest.mark.parametrize(("first", "second", "follows"), [(1.5, 2.5, False), (1.5, 1.5, True), (math.nan, 1.5, False)])
def test_a_result_follows_while_its_condition_selects_the_same_number(
    first: float, second: float, follows: bool
) -> None:
    condition = Value(1.0, "c")
    y = mg.where(condition, first, second)
    assert still_follows(y)
    condition.data = 0.0
    assert still_follows(y) is follows


@pytest.mark.parametrize("style", ["boxes", "circles"])
def test_beside_the_mouse_all_digits_of_a_number_that_is_left_out_are_shown(style: str) -> None:
    picture = mg.draw(mg.where(True, Value(2.0, "x"), 1.23456789012345), style=style)
    assert "v1 = where(True, x, 1.23456789012345), value 2" in picture.node_titles.values()


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        (lambda x, z: mg.greater(x, 0) * mg.greater(3, x), "where((x > 0) & (x < 3), x, z)"),
        (lambda x, z: (x * z) * (z + x), "where(x * z * (z + x), x, z)"),  # which are no conditions by themselves
        (lambda x, z: mg.maximum(x * x, mg.greater(x, 0)), "where(maximum(x * x, greater(x, 0)), x, z)"),
        (lambda x, z: 1 - x * z, "where(1 - x * z, x, z)"),
    ],
)
def test_a_condition_is_written_as_one_if_it_is_made_of_comparisons(
    condition: Callable[[Value, Value], Value], written: str
) -> None:
    x, z = Value(2.0, "x"), Value(-1.0, "z")
    y = mg.where(condition(x, z), x, z)
    assert mg.formula(y) == written
    assert eval(written, vars(mg) | {"x": 2.0, "z": -1.0}) == y.data


def test_in_an_animation_a_nan_that_is_left_out_is_as_pale_as_the_rest() -> None:
    x, z = Value(2.0, "x"), Value(-1.0, "z")
    picture = mg.animate(mg.where(True, x, mg.sqrt(z) * 3))._picture
    letters = {group.get("id"): {text.get("fill") for text in group.iter("text")} for group in picture.iter("g")}
    assert [letters[f"v{place}"] for place in range(4)] == [{style.INK}, {style.PALE}, {style.PALE}, {style.PALE}]
