"""Animations: that the steps are the engine's, what they say, and that the page and the GIF show them."""

from __future__ import annotations

import base64
import copy
import html
import io
import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

import microgrady as mg
from microgrady import Value
from microgrady.drawing.animation import player
from microgrady.drawing.animation.parts import COLOURS
from microgrady.drawing.animation.player import Animation
from microgrady.value import topological_order

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def neuron() -> Value:
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    y: Value = mg.tanh(w * x + b)
    y.label = "y"
    return y


def loss() -> Value:
    """Ten operations, three paths from each weight, and numbers among the operands."""
    w1, x1, w2, x2 = (Value(v, n) for v, n in [(-3, "w1"), (2, "x1"), (1, "w2"), (0.5, "x2")])
    y: Value = mg.tanh(x1 * w1 + x2 * w2 + Value(6.8813735870195432, "b"))
    result: Value = (y - 1) ** 2 + 0.01 * (w1 * w1 + w2 * w2)
    result.label = "L"
    return result


def formulas(output: Value) -> list[str]:
    return [step.formula for step in mg.animate(output).steps]


def notes(output: Value) -> list[str]:
    return [step.note for step in mg.animate(output).steps]


def last_state(animated: Animation) -> dict[str, dict[str, str]]:
    return animated.state(len(animated.steps) - 1)


def image_of(content: bytes) -> Any:
    return Image.open(io.BytesIO(content))


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
    state = last_state(mg.animate(output, precision=17))
    expected = copy.deepcopy(output)
    expected.backward()
    for index, value in enumerate(topological_order(expected)):
        assert state[f"v{index}"]["value"] == f"value {value.data:.17g}"
        assert state[f"v{index}"]["gradient"] == f"gradient {value.grad:.17g}"


def test_each_operation_has_its_steps_in_the_order_of_the_engine() -> None:
    assert formulas(neuron()) == [
        "b = 6.88, w = -3, x = 2",
        "v₁ = w · x = -3 · 2 = -6",
        "v₂ = v₁ + b = -6 + 6.88 = 0.88",
        "y = tanh(v₂) = tanh(0.88) = 0.7064",
        "∂y/∂y = 1",
        "∂y/∂v₂ += ∂y/∂y · ∂y/∂v₂ = 1 · 0.501 = 0.501",
        "∂y/∂v₁ += ∂y/∂v₂ · ∂v₂/∂v₁ = 0.501 · 1 = 0.501",
        "∂y/∂b += ∂y/∂v₂ · ∂v₂/∂b = 0.501 · 1 = 0.501",
        "∂y/∂w += ∂y/∂v₁ · ∂v₁/∂w = 0.501 · 2 = 1.002",
        "∂y/∂x += ∂y/∂v₁ · ∂v₁/∂x = 0.501 · (-3) = -1.503",
        "∂y/∂b = 0.501, ∂y/∂w = 1.002, ∂y/∂x = -1.503",
    ]
    assert [step.phase for step in mg.animate(neuron()).steps] == ["forward"] * 4 + ["backward"] * 7


def test_gradients_accumulate_from_zero() -> None:
    x = Value(3.0, "x")
    assert [note for note in notes(x * x) if "now" in note] == [
        "∂v₁/∂x is now 0 + 3 = 3 (first operand)",
        "∂v₁/∂x is now 3 + 3 = 6 (second operand)",
    ]


def test_a_note_says_which_operand_only_where_both_are_the_same_value() -> None:
    x, y = Value(3.0, "x"), Value(3.0, "y")
    assert not [note for note in notes(x * y) if "operand" in note]


def test_nothing_is_known_before_it_is_computed() -> None:
    animated = mg.animate(neuron())
    first, middle = animated.state(0), animated.state(1)
    assert first["v1"] == {"pending": "no", "value": "value -3", "gradient": "gradient ?", "fill": "white"}
    assert first["v3"]["value"] == first["v4"]["value"] == "value ?"
    assert first["o3"] == first["o3e0"] == first["o3r"] == {"pending": "yes"}
    assert middle["v3"]["value"] == "value -6"
    assert middle["o3"] == middle["o3e0"] == middle["o3r"] == {"pending": "no"}
    assert middle["v4"] == first["v4"]


def test_a_step_marks_what_it_computes_and_from_what() -> None:
    steps = mg.animate(neuron()).steps
    assert steps[1].marks == {
        "v1": "source", "v2": "source", "o3e0": "target", "o3e1": "target", "o3": "target", "o3r": "target",
        "v3": "target",
    }  # fmt: skip
    assert steps[8].marks == {"v3": "source", "o3r": "target", "o3": "target", "o3e0": "target", "v1": "target"}


def test_a_number_is_a_source_and_gets_no_gradient() -> None:
    animated = mg.animate(Value(3.0, "x") / 4)
    assert animated.steps[1].marks["o1n1"] == "source"
    assert animated.steps[1].formula == "v₁ = x / 4 = 3 / 4 = 0.75"
    assert len(animated.steps) == 5


def test_a_zero_adjoint_contributes_zero() -> None:
    output = mg.sqrt(Value(0.0, "x")) * 0
    assert formulas(output)[-2:] == ["∂v₂/∂v₁ = 0", "∂v₂/∂x = 0"]
    assert notes(output)[-2] == "A gradient of zero contributes zero: nothing is passed on to x."


def test_an_exact_zero_counts_for_nothing_against_infinity() -> None:
    output = mg.sqrt(mg.relu(Value(0.0, "x")))
    assert formulas(output)[-2:] == ["∂v₂/∂x += 0", "∂v₂/∂x = 0"]
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
    assert animated.steps[1].formula == "v₁ = x · x = 9"
    assert animated.steps[1].note == "This was recorded before x was changed."
    assert last_state(animated)["v0"]["gradient"] == "gradient 6"


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
        (lambda x, y: x - y, "v₁ = x - y = -2 - (-3) = 1"),
        (lambda x, y: -x, "v₁ = -x = -(-2) = 2"),
        (lambda x, y: x**2, "v₁ = x ** 2 = (-2) ** 2 = 4"),
        (lambda x, y: mg.maximum(x, y), "v₁ = max(x, y) = max(-2, -3) = -2"),
        (lambda x, y: mg.sqrt(x), "v₁ = √x = √(-2) = nan"),
        (lambda x, y: mg.clip(x, -1, 1), "v₁ = clip_low(x, -1) = clip_low(-2, -1) = -1"),
        (lambda x, y: x * 1e-12, "v₁ = x · 1e-12 = -2 · 1e-12 = -2e-12"),
        (lambda x, y: x / math.inf, "v₁ = x / inf = -2 / inf = -0"),
    ],
)
def test_formulas_are_written_as_arithmetic_is(make: Callable[[Value, Value], Value], formula: str) -> None:
    assert formulas(make(Value(-2.0, "x"), Value(-3.0, "y")))[1] == formula


def test_names_of_intermediate_results_are_free_ones() -> None:
    x = Value(2.0, "v₁")
    assert formulas(mg.sin(x * x))[1:3] == ["v₂ = v₁ · v₁ = 2 · 2 = 4", "v₃ = sin(v₂) = sin(4) = -0.7568"]


def test_long_labels_are_cut_and_set_in_parentheses() -> None:
    x = Value(2.0, "the learning rate\nof the first layer")
    assert formulas(x * 3)[1] == "v₁ = (the learning rate of th…) · 3 = 2 · 3 = 6"


def test_many_leaves_are_not_all_listed() -> None:
    output = mg.sum([Value(float(i), f"x{i}") for i in range(9)])
    assert formulas(output)[0].endswith(", …")
    assert formulas(output)[0].count("=") == 6


def test_precision() -> None:
    assert "value 0.333333333" in last_state(mg.animate(Value(1 / 3, "x"), precision=9))["v0"]["value"]


def paths(output: Value, index: int) -> list[str]:
    lines: list[str] = record_of(mg.animate(output).page())["paths"][f"v{index}"]
    return lines


def test_the_paths_are_told_with_their_products() -> None:
    assert paths(neuron(), 2) == [
        "One path leads from x to y. Its product of local derivatives is the gradient of x:",
        "x → v₁ → v₂ → y: -3 · 1 · 0.501 = -1.503",
    ]
    assert paths(neuron(), 5) == ["y is the output, and its gradient is the seed: 1"]
    x = Value(3.0, "x")
    assert paths(x * x + mg.exp(x) + 2 * x, 0) == [
        "4 paths lead from x to v₅. The sum of their products of local derivatives is the gradient of x:",
        "x → v₁ → v₃ → v₅: 3 · 1 · 1 = 3",
        "x → v₁ → v₃ → v₅: 3 · 1 · 1 = 3",
        "x → v₂ → v₃ → v₅: 20.09 · 1 · 1 = 20.09",
        "… and 1 more, sum: 28.09",
    ]


def test_two_to_the_hundredth_paths_are_counted_and_not_walked() -> None:
    y = x = Value(1.0, "x")
    for _ in range(100):
        y = y * y
    lines = paths(y, 0)
    assert lines[0].startswith("More than 1,000,000 paths lead from x to v₁₀₀.")
    assert lines[1].startswith("x → v₁ → v₂ → v₃ → … → v₉₇ → v₉₈ → v₉₉ → v₁₀₀: 1 · 1 · 1 · 1 · … · 1 · 1 · 1 · 1 = 1")
    assert lines[-1] == f"… and more than 1,000,000 more, sum: {2.0**100:.4g}"
    assert x.grad == 0.0


def test_a_path_through_a_zero_gives_zero_also_where_a_factor_is_infinite() -> None:
    x = Value(0.0, "x")
    assert paths(mg.sqrt(x) * 0 + x, 0)[1:] == [
        "x → v₁ → v₂ → v₃: inf · 0 · 1 = 0 (a zero contributes zero)",
        "x → v₃: 1",
        "sum: 1",
    ]
    u = mg.sqrt(x)
    assert paths(u - u, 0)[1:] == [
        "x → v₁ → v₂: inf · 1 = 0 (a zero contributes zero)",
        "x → v₁ → v₂: inf · (-1) = 0 (a zero contributes zero)",
        "sum: 0",
    ]


@given(graphs())
def test_the_products_of_all_paths_add_up_to_the_gradient(output: Value) -> None:
    told = record_of(mg.animate(output, precision=17).page())["paths"]
    expected = copy.deepcopy(output)
    expected.backward()
    for index, value in enumerate(topological_order(expected)):
        lines = told[f"v{index}"]
        shares = [float(re.sub(r".*[=:] | \(a zero.*", "", line)) for line in lines if "→" in line]
        if shares and "more, sum" not in lines[-1]:
            rounding = 1e-9 * max(map(abs, shares))
            assert sum(shares) == pytest.approx(value.grad, rel=1e-9, abs=rounding, nan_ok=True)


# The picture.


def test_every_part_of_the_picture_has_its_name() -> None:
    x = Value(3.0, "x")
    animated = mg.animate(x / x + x**x * 2)
    page = animated.page()
    for part in animated.state(0):
        assert page.count(f'id="{part}"') == 1
    order = topological_order(x / x + x**x * 2)
    for index, value in enumerate(order):
        for slot, operand in enumerate(value.operands):
            group = re.search(rf'<g id="o{index}e{slot}".*?</g>', page, re.DOTALL)
            assert group
            if isinstance(operand, Value):
                assert f"> {value.partials[slot]:.4g} <" in group[0]


def test_in_the_end_the_boxes_have_the_colours_that_draw_gives_them() -> None:
    output = loss()
    state = last_state(mg.animate(output))
    output.backward()
    source = mg.draw(output).source
    for index in range(len(topological_order(output))):
        colour = re.search(rf'\tv{index} \[label=.*? fillcolor="?([#\w]+)', source)
        assert colour
        assert state[f"v{index}"]["fill"] == colour[1]


def test_a_box_changes_its_colour_only_with_its_gradient() -> None:
    for step in mg.animate(loss()).steps[1:]:
        for change in step.changes.values():
            assert ("fill" in change) == ("gradient" in change)


def test_without_colour_all_boxes_are_white() -> None:
    fills = {part["fill"] for part in last_state(mg.animate(loss(), colour=False)).values() if "fill" in part}
    assert fills == {"white"}


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
    assert formulas(output)[1] == "v₁ = x · 2 = 1 · 2 = 2"


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


def test_the_largest_page_stays_below_a_megabyte() -> None:
    x = Value(1.01, "x")
    y = x
    for index in range((player.MOST_VALUES["html"] - 1) // 2):
        y = y * x + index
    assert len(mg.animate(y).page()) < 1_000_000


@pytest.fixture(scope="module")
def gif_bytes() -> bytes:
    return mg.animate(loss()).gif()


@pytest.fixture
def gif(gif_bytes: bytes) -> Any:
    return image_of(gif_bytes)


def test_the_gif_shows_each_step_long_enough(gif: Any) -> None:
    assert gif.n_frames == len(mg.animate(loss()).steps)
    durations = []
    for frame in range(gif.n_frames):
        gif.seek(frame)
        durations.append(gif.info["duration"])
    assert set(durations[:-1]) == {player.FRAME}
    assert durations[-1] == player.LAST_FRAME
    assert gif.info["loop"] == 0


def test_the_gif_has_the_colours_of_the_steps(gif: Any) -> None:
    animated = mg.animate(loss())
    for frame in (0, 6, 20, gif.n_frames - 1):
        gif.seek(frame)
        colours = [colour for count, colour in gif.convert("RGB").getcolors(1 << 24) if count > 50]
        state = animated.state(frame)
        fills = {part["fill"] for part in state.values() if part.get("fill", "white") != "white"}
        for wanted in {*fills, COLOURS[animated.steps[frame].phase], "#ffffff"}:
            channels = [int(wanted[i : i + 2], 16) for i in (1, 3, 5)]
            assert min(max(abs(a - b) for a, b in zip(channels, c, strict=True)) for c in colours) <= 3


def test_each_frame_of_the_gif_differs_from_the_one_before(gif: Any) -> None:
    before = b""
    for frame in range(gif.n_frames):
        gif.seek(frame)
        now = gif.convert("RGB").tobytes()
        assert now != before
        before = now


def test_the_gif_of_ten_operations_is_small_enough_to_be_shown(gif_bytes: bytes, gif: Any) -> None:
    assert len(gif_bytes) < 2_000_000
    assert gif.size[0] <= player.FRAME_WIDTH


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_long_formulas_stay_within_the_frame(direction: str) -> None:
    x, y = Value(2.0, "the learning rate of one"), Value(3.0, "W" * 24)
    frame = mg.animate(x * y, direction=direction).frame(3).convert("L")
    edge = frame.crop((frame.width - 8, 0, frame.width, frame.height // 2))
    assert edge.getextrema() == (255, 255)
    assert frame.width <= player.FRAME_WIDTH
    assert frame.height <= player.FRAME_HEIGHT


def test_jupyter_gets_the_page_and_a_picture_for_where_scripts_do_not_run() -> None:
    animated = mg.animate(loss())
    bundle = animated._repr_mimebundle_()
    frame = re.search(r"<iframe sandbox='allow-scripts' .*?srcdoc='([^']*)'", bundle["text/html"], re.DOTALL)
    assert frame
    assert html.unescape(frame[1]) == animated.page()
    picture = image_of(base64.b64decode(bundle["image/png"]))
    assert picture.convert("RGB").tobytes() == animated.frame(len(animated.steps) - 1).convert("RGB").tobytes()
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
        mg.animate(neuron(), to=target)
    monkeypatch.undo()
    assert target.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("to", "error", "sentence"),
    [
        ("z.svg", ValueError, "the name of an animation ends in one of .html, .gif, not 'z.svg'"),
        ("z", ValueError, "ends in one of .html, .gif, not 'z'"),
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
        ({"output": 3.0}, TypeError, "animate takes one Value, not float"),
        ({"output": [Value(1.0)]}, TypeError, "animate takes one Value, not list"),
        ({"precision": 0}, ValueError, "precision is an int from 1 to 17, not 0"),
        ({"direction": "RL"}, ValueError, "direction is 'LR' or 'TB', not 'RL'"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(
    arguments: dict[str, Any], error: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player, "Animation", None)
    with pytest.raises(error, match=re.escape(sentence)):
        mg.animate(**{"output": Value(1.0)} | arguments)


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


# The page in a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"there is no browser: none of {', '.join(BROWSERS)} is on the PATH")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of an animation; in the end it must have asked for nothing and complained of nothing."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def opened(animated: Animation, **options: Any) -> Any:
        target = animated.save(tmp_path / "a.html")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if request.url != target.as_uri() else None)
        page.goto(target.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def shown_state(page: Any) -> dict[str, dict[str, str]]:
    """What the picture shows, in the form of `Animation.state`."""
    state: dict[str, dict[str, str]] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("#picture g[data-mark]")].map((part) => {
            const state = { pending: part.dataset.pending };
            if (part.querySelector(".gradient")) {
              state.value = part.querySelector(".value").textContent;
              state.gradient = part.querySelector(".gradient").textContent;
              state.fill = part.querySelector(".shape").getAttribute("fill");
            }
            return [part.id, state];
        }))"""
    )
    state.pop("graph0", None)
    return {part: shown for part, shown in state.items() if re.fullmatch(r"v\d+|o\d+(r|[en]\d)?", part)}


def marks(page: Any) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('#picture g[data-mark]:not([data-mark=""])')]
               .map((part) => [part.id, part.dataset.mark]))"""
    )
    return found


def test_every_step_is_shown_as_it_was_recorded(open_page: Open) -> None:
    animated = mg.animate(loss())
    page = open_page(animated)
    count = len(animated.steps)
    for number, step in [*enumerate(animated.steps), *reversed(list(enumerate(animated.steps)))]:
        page.evaluate(f"go({number})")
        passing = f"{step.phase.capitalize()} pass, step {number + 1} of {count}"
        assert page.inner_text("#place") == passing
        assert page.inner_text("#formula") == step.formula
        assert page.inner_text("#note") == step.note
        assert page.locator("#slider").input_value() == str(number)
        assert page.get_attribute("#slider", "aria-valuetext") == passing
        assert shown_state(page) == animated.state(number)
        assert marks(page) == step.marks


def place(page: Any) -> int:
    return int(re.findall(r"\d+", page.inner_text("#place"))[0]) - 1


def test_keys(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    last = len(animated.steps) - 1
    places = []
    for key in ["ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home", "ArrowLeft", "Alt+ArrowRight"]:
        page.keyboard.press(key)
        places.append(place(page))
    assert places == [1, 2, 1, last, last, 0, 0, 0]


def test_the_slider_moves_by_one_step_for_one_key(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    assert place(page) == 1
    page.keyboard.press("ArrowUp")
    assert place(page) == 2
    page.locator("#slider").fill("5")
    assert place(page) == 5


def test_the_slider_shows_where_the_backward_pass_begins(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    image = image_of(page.locator("#slider").screenshot()).convert("RGB")
    row = [image.getpixel((x, image.height // 2)) for x in range(image.width)]
    blue = max(x for x, pixel in enumerate(row) if pixel == (0, 0x5A, 0x9C))
    orange = min(x for x, pixel in enumerate(row) if pixel == (0xA3, 0x3B, 0))
    centres = []
    for number in (3, 4):
        page.locator("#slider").fill(str(number))
        dark = image_of(page.locator("#slider").screenshot()).convert("L").crop((0, 0, image.width, 3))
        columns = [x for x in range(dark.width) if min(dark.getpixel((x, y)) for y in range(3)) < 100]
        centres.append(sum(columns) / len(columns))
    assert centres[0] < blue < orange < centres[1]


def test_buttons(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    last = len(animated.steps) - 1
    places = []
    for name in ["Next step", "Next step", "Previous step", "Last step", "First step"]:
        page.get_by_role("button", name=name).click()
        places.append(place(page))
    assert places == [1, 2, 1, last, 0]
    page.keyboard.press("Space")
    assert page.inner_text("#play") == "Play", "the space key presses the button that has the focus"


def test_play_goes_through_all_steps_and_stops(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    page.clock.install()
    page.reload()
    page.keyboard.press("Space")
    seen = [place(page)]
    assert page.inner_text("#play") == "Pause"
    for _ in range(len(animated.steps)):
        page.clock.run_for(2500)
        seen.append(place(page))
    last = len(animated.steps) - 1
    assert seen == [*range(1, last + 1), last, last]
    assert page.inner_text("#play") == "Play"
    page.get_by_role("button", name="Play").click()
    assert place(page) == 0, "after the last step it begins anew"


def test_pause_and_any_move_stop_it(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    page.clock.install()
    page.reload()
    for stop in ("#play", "#previous"):
        page.click("#play")
        page.click(stop)
        stopped = place(page)
        page.clock.run_for(10_000)
        assert place(page) == stopped
        assert page.inner_text("#play") == "Play"


def lit(page: Any) -> set[str]:
    return set(page.evaluate("() => [...document.querySelectorAll('.lit')].map((part) => part.id)"))


WAY_OF_W = {"v1", "o3e0", "o3", "o3r", "v3", "o4e0", "o4", "o4r", "v4", "o5e0", "o5", "o5r", "v5"}
PATHS_OF_W = [
    "One path leads from w to y. Its product of local derivatives is the gradient of w:",
    "w → v₁ → v₂ → y: 2 · 1 · 0.501 = 1.002",
]


def test_pointing_at_a_box_lights_up_its_paths(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    assert lit(page) == set()
    page.hover("#v1")
    assert lit(page) == WAY_OF_W
    assert page.locator("#paths p").all_inner_texts() == PATHS_OF_W
    assert page.evaluate("getComputedStyle(document.getElementById('v2')).opacity") == "0.15"
    assert page.evaluate("getComputedStyle(document.getElementById('v5')).opacity") == "1"
    page.hover("#o3")
    assert lit(page) == set()
    page.hover("#v5")
    assert lit(page) == {"v5"}
    page.hover("#formula")
    assert lit(page) == set()


def test_the_tab_key_does_what_the_mouse_does(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    page.keyboard.press("Tab")
    assert "v0" in lit(page)
    page.keyboard.press("Tab")
    assert lit(page) == WAY_OF_W
    assert page.locator("#paths p").all_inner_texts() == PATHS_OF_W
    page.keyboard.press("ArrowRight")
    assert place(page) == 1
    assert lit(page) == WAY_OF_W
    page.focus("#next")
    assert lit(page) == set()


def test_all_paths_light_up(open_page: Open) -> None:
    page = open_page(mg.animate(loss()))
    page.hover("#v1")
    order = topological_order(loss())
    squares = next(index for index, value in enumerate(order) if value.operands == (order[1], order[1]))
    assert order[1].label == "w1"
    assert {f"o{squares}e0", f"o{squares}e1", "o5e1", f"v{len(order) - 1}"} <= lit(page)
    assert page.inner_text("#paths").count("→ L:") == 3


def test_a_screen_reader_is_told(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    assert page.get_attribute("#step", "aria-live") == page.get_attribute("#paths", "aria-live") == "polite"
    assert page.get_by_role("slider", name="Step").count() == 1
    assert page.get_by_role("button").count() == 5
    assert page.get_by_role("img", name="w, value -3, gradient not known yet").count() == 1
    page.keyboard.press("End")
    assert page.get_by_role("img", name="w, value -3, gradient 1.002").count() == 1


@pytest.mark.parametrize("label", ["</script><script>throw 1", "<b>", "<!-- record -->", "a & b", "'\"`${x}\\"])
def test_labels_appear_as_they_are(label: str, open_page: Open) -> None:
    page = open_page(mg.animate(Value(2.0, label) * 1))
    name = label if len(label) <= 24 else label[:23] + "…"
    assert page.inner_text("#formula") == f"{name} = 2"
    assert page.title() == "v₁: forward and backward pass"
    assert page.locator("#v0").get_attribute("aria-label").startswith(f"{name}, value 2")
    assert page.locator("script").count() == 2
    page.hover("#v0")
    assert name in page.inner_text("#paths")


@pytest.mark.parametrize("label", ["a\0b", "a\ud800b", "\t", "日本語", "µ σ²"])
def test_labels_of_unusual_characters(label: str, open_page: Open) -> None:
    animated = mg.animate(Value(2.0, label) * 1)
    page = open_page(animated)
    assert page.inner_text("#formula") == animated.steps[0].formula
    assert len(animated.gif()) > 1000


def colours_of(png: bytes) -> dict[tuple[int, int, int], int]:
    image = image_of(png).convert("RGB")
    return {colour: count for count, colour in image.getcolors(1 << 24)}


def test_pixels(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()), reduced_motion="reduce")
    start = colours_of(page.screenshot())
    assert start[0, 0x5A, 0x9C] > 1000
    assert start[255, 255, 255] < 0.99 * 1280 * 800
    assert (0xFD, 0x96, 0x46) not in start
    page.keyboard.press("End")
    end = colours_of(page.screenshot())
    assert end[0xFD, 0x96, 0x46] > 1000
    assert end[0xA3, 0x3B, 0] > 1000


def test_reduced_motion_has_no_transitions(open_page: Open) -> None:
    duration = "getComputedStyle(document.querySelector('#v1 .shape')).transitionDuration"
    assert open_page(mg.animate(neuron())).evaluate(duration) != "0s"
    assert open_page(mg.animate(neuron()), reduced_motion="reduce").evaluate(duration) == "0s"


@pytest.mark.parametrize("width", [320, 400])
def test_in_a_narrow_window_nothing_is_cut_and_the_step_is_in_view(width: int, open_page: Open) -> None:
    page = open_page(mg.animate(neuron()), viewport={"width": width, "height": 720})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for key in ["Home", *["ArrowRight"] * 9]:
        page.keyboard.press(key)
        if target := [part for part, mark in marks(page).items() if mark == "target" and part.startswith("v")]:
            box = page.locator(f"#{target[0]}").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("width", [400, 1280])
def test_the_picture_stays_where_it_is_from_step_to_step(width: int, open_page: Open) -> None:
    animated = mg.animate(loss())
    page = open_page(animated, viewport={"width": width, "height": 800})
    tops = set()
    for _ in animated.steps:
        tops.add(page.locator("#picture").bounding_box()["y"])
        page.keyboard.press("ArrowRight")
    assert len(tops) == 1


def test_the_page_works_inside_a_notebook(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "notebook.html").write_text(mg.animate(neuron())._repr_html_(), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "notebook.html").as_uri())
    player = page.frame_locator("iframe")
    player.get_by_role("button", name="Last step").click()
    assert player.locator("#formula").inner_text() == mg.animate(neuron()).steps[-1].formula
    page.close()
