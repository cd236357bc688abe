"""Animations: that the steps are the engine's, what they say, and that the picture, the page and the GIF show them."""

from __future__ import annotations

import base64
import copy
import html
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.drawing.animation import player
from microgrady.drawing.animation.steps import Narrator
from microgrady.drawing.style import NOT_FINITE
from microgrady.formulas.writing import number_text
from microgrady.selections import order_of
from microgrady.value import topological_order
from tests.animations import loss, network, neuron


def narrator_of(*outputs: Value, precision: int = 4) -> Narrator:
    return Narrator(copy.deepcopy(outputs), precision, colour=True)


def formulas(output: Value) -> list[str]:
    return [step.formula for step in narrator_of(output).narrate()]


def test_a_formula_in_numbers_that_is_the_result_stands_there_once() -> None:
    assert formulas(-Value(2.0, "x"))[1] == "v1 = -x = -2"


def notes(output: Value) -> list[str]:
    return [step.note for step in narrator_of(output).narrate()]


def last_state(*outputs: Value, precision: int = 4) -> dict[str, dict[str, str]]:
    """What a picture of the steps, which is not drawn, would look like in the end."""
    state: dict[str, dict[str, str]] = {}
    for step in narrator_of(*outputs, precision=precision).narrate():
        for part, change in step.changes.items():
            state.setdefault(part, {}).update(change)
    return state


def record_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="record">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


# The steps are the engine's.


UNARY: list[Callable[[Any], Any]] = [
    mg.sin, mg.sqrt, mg.log, mg.relu, mg.exp, mg.tanh, mg.floor, abs, lambda x: -x, lambda x: 2 / x, lambda x: x * 0,
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a**b,
    mg.maximum, mg.minimum, mg.hypot, lambda a, b: mg.where(a > b, a, b),
]  # fmt: skip
FUNCTIONS: list[Callable[..., Any]] = [*UNARY, *BINARY]
OPERATIONS = st.tuples(st.sampled_from(FUNCTIONS), st.integers(0, 30), st.integers(0, 30))


@st.composite
def graphs(draw: st.DrawFn) -> Value:
    """Graphs of any shape, in which infinite derivatives, zeros and nan are not rare."""
    numbers = st.sampled_from([0.0, -0.0, 1.0, -2.5, 0.3, 1e200, math.inf]) | st.floats(-3, 3)
    values = [Value(number, label) for number, label in zip(draw(st.tuples(numbers, numbers)), "ab", strict=True)]
    for operation, left, right in draw(st.lists(OPERATIONS, max_size=12)):
        operands = (values[-1 - left % len(values)], values[-1 - right % len(values)])
        values.append(operation(*operands) if operation in BINARY else operation(operands[0]))
    return values[-1]


@given(graphs())
@example(mg.sqrt(Value(0.0)) * 0)
@example(mg.sqrt(mg.relu(Value(0.0))))
def test_the_numbers_are_those_of_backward(output: Value) -> None:
    state = last_state(output, precision=17)
    expected = copy.deepcopy(output)
    expected.backward()
    reached = set(topological_order(expected))
    for index, value in enumerate(order_of(expected)):
        if f"v{index}" not in state:  # a partial sum
            continue
        assert state[f"v{index}"]["value"] == f"value {number_text(value.data, 17)}"
        gradient = number_text(value.grad, 17) if value in reached else "?"  # what a `where` leaves out has none
        assert state[f"v{index}"]["gradient"] == f"gradient {gradient}"


def test_a_result_without_leaves_says_so() -> None:
    output = mg.where(Value(1.0) > 0, 3.0, Value(2.0))
    assert notes(output) == [
        "The leaves have their values; the rest is computed from them.",
        "It depends on no leaf.",
        "The seed: the output changes exactly as much as itself.",
        "The gradient is complete; there are no leaves that it could be added to.",
    ]


def test_each_operation_has_its_steps_in_the_order_of_the_engine() -> None:
    assert formulas(neuron()) == [
        "w = -3, x = 2, b = 6.88",
        "v1 = w · x = -3 · 2 = -6",
        "v2 = v1 + b = -6 + 6.88 = 0.88",
        "y = tanh(v2) = tanh(0.88) = 0.7064",
        "∂y/∂y = 1",
        "∂y/∂v2 += ∂y/∂y · dy/dv2 = 1 · 0.501 = 0.501",
        "∂y/∂v1 += ∂y/∂v2 · dv2/dv1 = 0.501 · 1 = 0.501",
        "∂y/∂b += ∂y/∂v2 · dv2/db = 0.501 · 1 = 0.501",
        "∂y/∂w += ∂y/∂v1 · dv1/dw = 0.501 · 2 = 1.002",
        "∂y/∂x += ∂y/∂v1 · dv1/dx = 0.501 · (-3) = -1.503",
        "∂y/∂w = 1.002, ∂y/∂x = -1.503, ∂y/∂b = 0.501",
    ]
    assert [step.phase for step in mg.animate(neuron()).steps] == ["forward"] * 4 + ["backward"] * 7


def test_gradients_accumulate_from_zero() -> None:
    x = Value(3.0, "x")
    assert [note for note in notes(x * 2 + x) if "x is now" in note] == [
        "∂v2/∂x is now 0 + 1 = 1",
        "∂v2/∂x is now 1 + 2 = 3",
    ]


def test_an_operand_that_is_used_twice_has_one_arrow() -> None:
    x = Value(3.0, "x")
    assert formulas(x * x)[3] == "∂v1/∂x += ∂v1/∂v1 · dv1/dx = 1 · 6 = 6"


def test_a_sum_of_several_terms_is_one_step_and_has_a_contribution_for_each() -> None:
    output = Value(0.5, "b") + 2 * Value(-3.0, "x") + Value(1.0, "c") - Value(-4.0, "d")
    output.label = "y"
    assert formulas(output)[1:7] == [
        "v1 = 2 · x = 2 · (-3) = -6",
        "y = b + v1 + c - d = 0.5 + (-6) + 1 - (-4) = -0.5",
        "∂y/∂y = 1",
        "∂y/∂b += ∂y/∂y · dy/db = 1 · 1 = 1",
        "∂y/∂v1 += ∂y/∂y · dy/dv1 = 1 · 1 = 1",
        "∂y/∂c += ∂y/∂y · dy/dc = 1 · 1 = 1",
    ]
    assert "∂y/∂d += ∂y/∂y · dy/dd = 1 · (-1) = -1" in formulas(output)


def test_operands_come_in_the_order_of_the_formula() -> None:
    a, b, c, d = (Value(1.0, label) for label in "abcd")
    output = a * 1 - (b + (c + d + 1))
    assert formulas(output)[2].startswith("v2 = v1 - (b + (c + d + 1)) = ")
    assert notes(output)[2] == "Local derivatives: dv2/dv1 = 1, dv2/db = -1, dv2/dc = -1, dv2/dd = -1"
    assert [formula[:6] for formula in formulas(output)[4:8]] == ["∂v2/∂v", "∂v2/∂b", "∂v2/∂c", "∂v2/∂d"]


def test_values_with_one_label_are_told_apart_in_formulas_and_boxes() -> None:
    with mg.scope("hidden"):
        hidden = Value(2.0, "w") * Value(3.0, "x") + Value(0.5, "b")
        hidden.label = "y"
    with mg.scope("output"):
        output = Value(-1.0, "w") * hidden + Value(0.25, "b")
        output.label = "y"
    animated = mg.animate(output)
    assert animated.steps[0].formula == "w = -1, w_2 = 2, x = 3, b = 0.5, b_2 = 0.25"
    assert animated.steps[-1].formula == "∂y_2/∂w = 6.5, ∂y_2/∂w_2 = -3, ∂y_2/∂x = -2, ∂y_2/∂b = -1, ∂y_2/∂b_2 = 1"
    boxes = {animated._picture.find(f".//g[@id='{part}']/text").text for part in animated._names}  # type: ignore[union-attr]
    assert boxes == {"w", "w_2", "x", "b", "b_2", "v1 = w_2 · x", "y = v1 + b", "v2 = w · y", "y_2 = v2 + b_2"}
    assert [value.label for value in topological_order(output) if value.label[:1] == "w"] == ["w", "w"]


@pytest.mark.parametrize("length", [22, 23, 24, 40])
def test_long_labels_are_told_apart_where_they_are_cut(length: int) -> None:
    x, y = (Value(2.0, "x" * length + end + "x" * length) for end in "12")
    names = [formula.split(" = ")[0] for formula in mg.animate(x * y).steps[0].formula.split(", ")]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 24


def test_each_step_adds_what_it_says() -> None:
    for output in (loss(), network()):
        gradients: dict[str, float] = {}
        for step in narrator_of(output, precision=17).narrate():
            if found := re.match(r"(∂\w+/∂\w+) is now (.*) \+ (.*) = (.*)$", step.note):
                before, share, after = (float(number.strip("()")) for number in found.groups()[1:])
                assert before == gradients.get(found[1], 0.0)
                assert after == pytest.approx(before + share, rel=1e-15)
                gradients[found[1]] = after


# Several outputs.


def test_each_output_has_a_backward_pass_of_its_own() -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    a, b = x * y, x + 1
    a.label, b.label = "a", "b"
    animated = mg.animate(a, b)
    assert [(step.title, step.formula) for step in animated.steps] == [
        ("Forward pass", "x = 2, y = 3"),
        ("Forward pass", "a = x · y = 2 · 3 = 6"),
        ("Forward pass", "b = x + 1 = 2 + 1 = 3"),
        ("Backward pass from a", "∂a/∂a = 1"),
        ("Backward pass from a", "∂a/∂x += ∂a/∂a · da/dx = 1 · 3 = 3"),
        ("Backward pass from a", "∂a/∂y += ∂a/∂a · da/dy = 1 · 2 = 2"),
        ("Backward pass from a", "∂a/∂x = 3, ∂a/∂y = 2"),
        ("Backward pass from b", "∂b/∂b = 1"),
        ("Backward pass from b", "∂b/∂x += ∂b/∂b · db/dx = 1 · 1 = 1"),
        ("Backward pass from b", "∂b/∂x = 1"),
    ]
    assert animated.steps[-1].note == (
        "The gradient is complete; backward() adds this to the leaves' grad, to what is there: x: 3 + 1 = 4"
    )
    assert record_of(animated.page())["paths"]["v0"] == [
        "One path leads from x to a. Its product of local derivatives is the gradient of x:",
        "x → a: 3",
        "One path leads from x to b. Its product of local derivatives is the gradient of x:",
        "x → b: 1",
    ]


@given(graphs(), graphs())
def test_the_numbers_are_those_of_one_backward_after_the_other(first: Value, second: Value) -> None:
    outputs = (first, first * 2 + second, second)
    state = last_state(*outputs, precision=17)
    expected = copy.deepcopy(outputs)
    for output in expected:
        output.backward()
    reached = set(topological_order(*expected))
    for index, value in enumerate(order_of(*expected)):
        if f"v{index}" in state and value in reached:
            assert state[f"v{index}"]["gradient"] == f"gradient {number_text(value.grad, 17)}"


def test_what_the_next_pass_computes_is_not_known_before_it() -> None:
    x = Value(2.0, "x")
    animated = mg.animate(mg.exp(x), mg.sin(x))
    assert animated.steps[6].formula == "∂v2/∂v2 = 1"
    assert animated.state(5)["v0"]["gradient"] == "gradient 7.389"
    assert animated.state(6)["v0"]["gradient"] == "gradient ?"
    assert animated.state(6)["v1"]["gradient"] == "gradient 1", "no step of this pass is about it"


# States and marks.


def test_nothing_is_known_before_it_is_computed() -> None:
    animated = mg.animate(neuron())
    first, middle = animated.state(0), animated.state(1)
    assert first["v1"] == {
        "pending": "no", "value": "value -3", "gradient": "gradient ?", "fill": "white", "finite": "yes"
    }  # fmt: skip
    assert first["v3"]["value"] == first["v4"]["value"] == "value ?"
    assert first["v1-v3"] == first["v3-v4"] == {"pending": "yes"}
    assert middle["v3"]["value"] == "value -6"
    assert middle["v1-v3"] == middle["v2-v3"] == {"pending": "no"}
    assert middle["v4"] == first["v4"]


def test_a_step_marks_what_it_computes_and_from_what() -> None:
    steps = mg.animate(neuron()).steps
    assert steps[1].marks == {
        "v1": "source", "v2": "source", "v1-v3": "target", "v2-v3": "target", "v3": "target"
    }  # fmt: skip
    assert steps[8].marks == {"v3": "source", "v1-v3": "target", "v1": "target"}


def test_a_number_gets_no_gradient() -> None:
    animated = mg.animate(Value(3.0, "x") / 4)
    assert animated.steps[1].formula == "v1 = x / 4 = 3 / 4 = 0.75"
    assert len(animated.steps) == 5


def test_a_zero_adjoint_contributes_zero() -> None:
    output = mg.sqrt(Value(0.0, "x")) * 0
    assert formulas(output)[-2:] == ["∂v2/∂v1 = 0", "∂v2/∂x = 0"]
    assert notes(output)[-2] == "A gradient of zero contributes zero: nothing is passed on to x."


def test_an_exact_zero_counts_for_nothing_against_infinity() -> None:
    output = mg.sqrt(mg.relu(Value(0.0, "x")))
    assert formulas(output)[-2:] == ["∂v2/∂x += 0", "∂v2/∂x = 0"]
    assert "inf · 0 counts for nothing" in notes(output)[-2]


def test_an_output_that_is_a_leaf() -> None:
    assert formulas(Value(3.0, "x")) == ["x = 3", "∂x/∂x = 1", "∂x/∂x = 1"]


@pytest.mark.parametrize("data", [-3.0, 4.0])
def test_a_leaf_that_was_changed_does_not_change_the_record(data: float) -> None:
    x = Value(3.0, "x")
    output = x * x
    x.data = data
    animated = mg.animate(output)
    assert animated.steps[0].formula == f"x = {data:g}"
    assert animated.steps[1].formula == "v1 = x · x = 9"
    assert animated.steps[1].note == "This was recorded before x was changed."
    assert last_state(output)["v0"]["gradient"] == "gradient 6"


def test_the_graph_stays_as_it_is() -> None:
    output = neuron()
    output.backward()
    before = [(value.data, value.grad, value.label) for value in topological_order(output)]
    picture = mg.draw(output).source
    mg.animate(output)
    assert [(value.data, value.grad, value.label) for value in topological_order(output)] == before
    assert mg.draw(output).source == picture


# What the steps say.


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda x, y: x - y, "v1 = x - y = -2 - (-3) = 1"),
        (lambda x, y: -x, "v1 = -x = -(-2) = 2"),
        (lambda x, y: x**2, "v1 = x**2 = (-2)**2 = 4"),
        (lambda x, y: mg.maximum(x, y), "v1 = max(x, y) = max(-2, -3) = -2"),
        (lambda x, y: mg.sqrt(x), "v1 = sqrt(x) = sqrt(-2) = nan"),
        (lambda x, y: mg.clip(x, -1, 1), "v1 = clip(x, -1, 1) = clip(-2, -1, 1) = -1"),
        (lambda x, y: x * 1e-12, "v1 = x · 1e-12 = -2 · 1e-12 = -2e-12"),
        (lambda x, y: x / math.inf, "v1 = x / inf = -2 / inf = -0"),
        (lambda x, y: x - (y + 1), "v1 = x - (y + 1) = -2 - (-3 + 1) = 0"),
        (lambda x, y: 1 - (2 - (x + y)), "v1 = 1 - (2 - (x + y)) = 1 - (2 - (-2 + (-3))) = -6"),
    ],
)
def test_formulas_are_written_as_arithmetic_is(make: Callable[[Value, Value], Value], formula: str) -> None:
    assert formulas(make(Value(-2.0, "x"), Value(-3.0, "y")))[1] == formula


SMALL = st.integers(-9, 9).map(float)
TERMS: Any = st.recursive(
    SMALL | st.builds(Value, SMALL, st.sampled_from("ab")),
    lambda terms: st.builds(
        lambda left, right, sign: left + right if sign else left - right, terms, terms, st.booleans()
    ),
    max_leaves=3,
)


@given(TERMS, TERMS)
def test_a_formula_in_numbers_gives_its_result(left: Any, right: Any) -> None:
    output = Value(2.0, "x") - (left - right)
    for formula in formulas(output)[1:]:
        if formula.startswith("∂"):
            break
        *_, in_numbers, result = formula.split(" = ")
        assert eval(in_numbers) == float(result)


def test_names_of_intermediate_results_are_free_ones() -> None:
    x = Value(2.0, "v1")
    assert formulas(mg.sin(x * x))[1:3] == ["v2 = v1 · v1 = 2 · 2 = 4", "v3 = sin(v2) = sin(4) = -0.7568"]


def test_long_labels_are_cut_and_set_in_parentheses() -> None:
    x = Value(2.0, "the learning rate\nof the first layer")
    assert formulas(x * 3)[1] == "v1 = (the learning…first layer) · 3 = 2 · 3 = 6"


def test_many_leaves_are_not_all_listed() -> None:
    output = mg.sum([Value(float(i), f"x{i}") for i in range(9)])
    assert formulas(output)[0].endswith(", …")
    assert formulas(output)[0].count("=") == 6


def test_precision() -> None:
    assert "value 0.333333333" in last_state(Value(1 / 3, "x"), precision=9)["v0"]["value"]


def paths(output: Value, index: int) -> list[str]:
    narrator = narrator_of(output)
    return next(lines for value, lines in narrator.paths().items() if narrator.parts[value] == f"v{index}")


def test_the_paths_are_told_with_their_products() -> None:
    assert paths(neuron(), 2) == [
        "One path leads from x to y. Its product of local derivatives is the gradient of x:",
        "x → v1 → v2 → y: -3 · 1 · 0.501 = -1.503",
    ]
    assert paths(neuron(), 5) == ["y is the output, and its gradient is the seed: 1"]
    x = Value(3.0, "x")
    assert paths(x * x + mg.exp(x) + 2 * x + mg.log(x), 0) == [
        "4 paths lead from x to v5. The sum of their products of local derivatives is the gradient of x:",
        "x → v1 → v5: 6 · 1 = 6",
        "x → v2 → v5: 20.09 · 1 = 20.09",
        "x → v3 → v5: 2 · 1 = 2",
        "… and 1 more, sum: 28.42",
    ]


def test_two_to_the_hundredth_paths_are_counted_and_not_walked() -> None:
    y = x = Value(1.0, "x")
    for _ in range(100):
        y = mg.relu(y) * y
    lines = paths(y, 0)
    assert lines[0].startswith("More than 1,000,000 paths lead from x to v200.")
    assert lines[1].startswith(
        "x → v1 → v2 → v3 → … → v197 → v198 → v199 → v200: 1 · 1 · 1 · 1 · … · 1 · 1 · 1 · 1 = 1"
    )
    assert lines[-1] == f"… and more than 1,000,000 more, sum: {2.0**100:.4g}"
    assert x.grad == 0.0


def test_a_path_through_a_zero_gives_zero_also_where_a_factor_is_infinite() -> None:
    x = Value(0.0, "x")
    assert paths(mg.sqrt(x) * 0 + x, 0)[1:] == [
        "x → v1 → v2 → v3: inf · 0 · 1 = 0 (a zero contributes zero)",
        "x → v3: 1",
        "sum: 1",
    ]
    u = mg.sqrt(x)
    assert paths(u - u, 0)[1:] == ["x → v1 → v2: inf · 0 = 0 (a zero contributes zero)"]


@given(graphs())
def test_the_products_of_all_paths_add_up_to_the_gradient(output: Value) -> None:
    narrator = narrator_of(output, precision=17)
    told = {narrator.parts[value]: lines for value, lines in narrator.paths().items()}
    expected = copy.deepcopy(output)
    expected.backward()
    for index, value in enumerate(order_of(expected)):
        lines = told.get(f"v{index}", [])
        shares = [float(re.sub(r".*[=:] | \(a zero.*", "", line)) for line in lines if "→" in line]
        if shares and "more, sum" not in lines[-1] and all(map(math.isfinite, shares)):
            rounding = 1e-9 * max(map(abs, shares))
            assert sum(shares) == pytest.approx(value.grad, rel=1e-9, abs=rounding, nan_ok=True)


# The picture.


def test_every_part_of_the_picture_has_its_name() -> None:
    x = Value(3.0, "x")
    animated = mg.animate(x / x + x**x * 2)
    page = animated.page()
    for part in animated.state(0):
        assert page.count(f'id="{part}"') == 1
    assert {"v0-v1", "v0-v2", "v2-v3", "v1-v4", "v3-v4"} < set(animated.state(0))
    arrow = re.search(r'<g id="v0-v2".*?</g>', page, re.DOTALL)
    assert arrow
    assert "> 56.66 <" in arrow[0]


def test_boxes_with_numbers_that_are_not_finite_stand_out_when_they_are_known() -> None:
    x = Value(0.0, "x")
    output = mg.sqrt(x) + mg.log(x)
    animated = mg.animate(output)
    assert [animated.state(step)["v2"]["finite"] for step in range(3)] == ["yes", "yes", "no"]
    assert last_state(output)["v0"]["finite"] == "no"
    assert last_state(output)["v0"]["fill"] == NOT_FINITE["fillcolor"]


def test_in_the_end_the_boxes_have_the_colours_that_draw_gives_them() -> None:
    output = loss()
    state = last_state(output)
    output.backward()
    source = mg.draw(output).source
    for index in range(len(topological_order(output))):
        if f"v{index}" not in state:
            continue
        colour = re.search(rf'\tv{index} \[label=.*? fillcolor="?([#\w]+)', source)
        assert colour
        assert state[f"v{index}"]["fill"] == colour[1]


def test_a_box_changes_its_colour_only_with_its_gradient() -> None:
    for step in mg.animate(loss()).steps[1:]:
        for change in step.changes.values():
            assert ("fill" in change) == ("gradient" in change)


def test_without_colour_all_boxes_are_white() -> None:
    animated = mg.animate(loss(), colour=False)
    fills = {part["fill"] for part in animated.state(len(animated.steps) - 1).values() if "fill" in part}
    assert fills == {"white"}


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x * 3, lambda x: x * 0, mg.floor])
def test_values_and_gradients_have_lines_of_their_own_however_short_they_are(make: Callable[[Value], Value]) -> None:
    output = make(Value(2.0, "x"))
    animated = mg.animate(output)
    for index in range(len(topological_order(output))):
        box = animated._picture.find(f".//g[@id='v{index}']")
        assert box is not None
        lines = [box.find(f"text[@class='{line}']") for line in ("value", "gradient")]
        heights = [float(line.get("y", "")) for line in lines if line is not None]
        assert heights[0] < heights[1]
    assert "no gradients yet" not in animated.page()


def test_boxes_have_room_for_every_gradient_on_the_way() -> None:
    x = Value(1.0, "x")
    output = x / 3 - x / 3 + 0.1 * x - 0.1 * x
    gradients = [
        step.changes["v0"]["gradient"] for step in mg.animate(output, precision=17).steps if "v0" in step.changes
    ]
    box = re.search(r'<g id="v0".*?d="([^"]*)".*?</g>', mg.animate(output, precision=17).page(), re.DOTALL)
    assert box
    corners = [float(corner) for corner in re.findall(r"(-?[\d.]+),", box[1])]
    assert max(corners) - min(corners) > 8.5 * max(map(len, gradients))


def test_directions() -> None:
    page = mg.animate(neuron(), direction="TB").page()
    width, height = re.findall(r'viewBox="0.00 0.00 ([\d.]+) ([\d.]+)"', page)[0]
    assert float(height) > float(width)


def test_a_graph_with_scopes() -> None:
    with mg.scope("layer"):
        output = mg.tanh(Value(1.0, "x") * 2)
    assert formulas(output)[1] == "v1 = x · 2 = 1 · 2 = 2"


# The page and the GIF.


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    mg.animate(neuron(), to=tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href|url|import)\b\s*[=(]", page)
    assert "default-src 'none'" in page
    assert set(re.findall(r"https?://[^\"' ]*", page)) == {"http://www.w3.org/2000/svg"}


def test_the_page_has_the_steps() -> None:
    animated = mg.animate(loss())
    record = record_of(animated.page())
    assert record["steps"] == [vars(step) for step in animated.steps]


def test_the_same_graph_gives_the_same_bytes() -> None:
    assert mg.animate(loss()).page() == mg.animate(loss()).page()
    x = Value(2.0, "x")
    assert mg.animate(mg.sin(x)).gif() == mg.animate(mg.sin(x)).gif()


@pytest.mark.slow
def test_the_largest_page_stays_below_a_megabyte() -> None:
    x = Value(1.01, "x")
    y = x
    for index in range((player.MOST_VALUES["html"] - 1) // 2):
        y = y * x + index
    assert len(mg.animate(y).page()) < 1_000_000


def test_jupyter_gets_the_page_and_a_picture_for_where_scripts_do_not_run() -> None:
    animated = mg.animate(loss())
    bundle = animated._repr_mimebundle_()
    frame = re.search(r"<iframe sandbox='allow-scripts' .*?srcdoc='([^']*)'", bundle["text/html"], re.DOTALL)
    assert frame
    assert html.unescape(frame[1]) == animated.page()
    assert base64.b64decode(bundle["image/png"]) == animated._film(animated._picture).still(len(animated.steps) - 1)
    assert sum(map(len, bundle.values())) < 300_000


# Files and bad input.


@pytest.mark.parametrize("name", ["a.html", "a.gif", "A.HTML"])
def test_files_are_written(tmp_path: Path, name: str) -> None:
    animated = mg.animate(mg.sin(Value(2.0, "x")), to=tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert content[:6] == b"GIF89a" or content.decode() == animated.page()
    assert animated.save(str(tmp_path / name)) == tmp_path / name
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("ending", ["html", "gif"])
def test_a_file_is_written_as_a_whole_or_not_at_all(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"a.{ending}"
    target.write_text("the old one")

    def fail(path: Path, content: bytes) -> None:
        path.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(KeyboardInterrupt):
        mg.animate(-Value(1.0), to=target)
    monkeypatch.undo()
    assert target.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("to", "error", "sentence"),
    [
        ("z.svg", ValueError, "the name of an animation ends in .html or .gif, not 'z.svg'"),
        ("z", ValueError, "ends in .html or .gif, not 'z'"),
        ("nowhere/z.html", ValueError, "there is no folder 'nowhere' to write 'z.html' into"),
        (3, TypeError, "path of a file, not int"),
    ],
)
def test_bad_targets_are_refused_before_any_work(
    to: Any, error: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(player, "Animation", None)
    with pytest.raises(error, match=re.escape(sentence)):
        mg.animate(neuron(), to=to)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"precision": 0}, ValueError, "precision is an int from 1 to 17, not 0"),
        ({"direction": "RL"}, ValueError, "direction is 'LR' or 'TB', not 'RL'"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(
    arguments: dict[str, Any], error: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player, "Animation", None)
    with pytest.raises(error, match=re.escape(sentence)):
        mg.animate(Value(1.0), **arguments)


@pytest.mark.parametrize(
    ("outputs", "error", "sentence"),
    [
        ([], ValueError, "animate takes at least one Value, and none came"),
        (
            [3.0],
            TypeError,
            "animate takes Values, such as the result of a function called with Values, not float (3.0)",
        ),
    ],
)
def test_outputs_that_cannot_be_animated_are_refused(outputs: list[Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=re.escape(sentence)):
        mg.animate(*outputs)


@pytest.mark.parametrize(("ending", "most"), player.MOST_VALUES.items())
def test_a_graph_too_large_to_be_followed_is_refused(
    ending: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    y = Value(1.0, "x")
    for _ in range(most):
        y = mg.sin(y)
    monkeypatch.setattr(player, "Animation", None)
    with pytest.raises(
        ValueError, match=rf"\.{ending} has at most {most} Values, and this graph has {most + 1}: .*draw"
    ):
        mg.animate(y, to=tmp_path / f"a.{ending}")
    assert list(tmp_path.iterdir()) == []
