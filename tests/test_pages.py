"""Pictures on pages: as wide as there is room, light and dark, with words for those who do not see them."""

from __future__ import annotations

import base64
import html
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.drawing import svg
from microgrady.drawing.plotting import pages
from microgrady.drawing.render import Picture
from microgrady.drawing.style import FRAME, INK
from tests.processes import run
from tests.test_drawing import luminance

SVG = f"{{{svg.NAMESPACE}}}"

pytestmark = pytest.mark.usefixtures("without_dot", "without_windows")


def example() -> Picture:
    x = Value(1 / 3, "x")
    with mg.scope("inner"):
        y = mg.sin(x) * x
    y.label = "y & <z>"
    picture = mg.draw(y)
    picture.node_titles = {"v0": "x = 0.3333333333333333", "v2": 'y & <z> = "0.1"'}
    picture.edge_titles = {"v0->v1": ["once"]}
    picture.alternative = 'the graph of y & <z> = "sin(x)" * x'
    return picture


def two_arrows() -> Picture:
    picture = Picture()
    picture.node("a", label="日本", shape="box")
    picture.node("b", label="<>&", shape="box", style="dashed")
    picture.edges([("a", "b"), ("a", "b"), ("b", "a")])
    picture.edge_titles = {"a->b": ["first", "second"]}
    return picture


def parsed(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.pipe("svg"))


def titles(root: ElementTree.Element, kind: str) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for group in root.iter(f"{SVG}g"):
        if group.get("class", "").split()[0] == kind:
            found.setdefault(group.get("data-name", ""), []).append(group.findtext(f"{SVG}title"))
    return found


# Graphs


def test_a_picture_fits_its_column_and_is_said_in_words() -> None:
    root = parsed(example())
    assert len(root.get("viewBox", "").split()) == 4
    assert "max-width:100%" in root.get("style", "")
    assert "height:auto" in root.get("style", "")
    assert root.get("role") == "img"
    assert root.get("aria-label") == root[0].text == example().alternative
    assert root[0].tag == f"{SVG}title"


def test_boxes_and_arrows_have_the_titles_that_they_were_given_and_no_others() -> None:
    found = titles(parsed(example()), "node")
    assert found["v0"] == ["x = 0.3333333333333333"]
    assert found["v2"] == ['y & <z> = "0.1"']
    assert all(texts == [None] for name, texts in found.items() if name not in ("v0", "v2"))
    root = parsed(two_arrows())
    assert titles(root, "edge") == {"a->b": ["first", "second"], "b->a": [None]}
    assert "cluster" not in {element.text for element in parsed(example()).iter(f"{SVG}title")}


def test_the_alternative_text_says_the_expression() -> None:
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    y = mg.tanh(w * x + b)
    assert mg.draw(y).alternative == "the graph of v3 = tanh(w * x + b), in 6 boxes"
    y.label = "y"
    assert mg.draw(y, style="circles").alternative == "the graph of y = tanh(w * x + b), in 6 boxes"
    assert mg.draw(x).alternative == "the graph of x, in 1 box"
    assert mg.draw(x * 3, x**2).alternative == "the graph of v1 = x * 3 and v2 = x**2, in 3 boxes"
    shared = mg.sin(x)
    assert mg.draw(shared * shared).alternative == "the graph of v1 = sin(x), v2 = v1 · v1, in 3 boxes"
    many = mg.sum(Value(1.0) ** 2 for _ in range(90))
    assert mg.draw(many).alternative == "the graph of v181 = sum of 90 terms, in 181 boxes"
    assert mg.draw(many, max_nodes=10).alternative == "the graph of v181 = sum of 90 terms, in 3 boxes"


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("style", ["boxes", "circles"])
@pytest.mark.parametrize("max_nodes", [4, 200])
def test_every_node_has_a_title_with_all_digits(style: str, direction: str, max_nodes: int) -> None:
    x = Value(1 / 3, "x")
    with mg.scope("inner"):
        y = mg.sin(x * (2 / 3)) * x
    y.backward()
    picture = mg.draw(y, style=style, direction=direction, max_nodes=max_nodes)
    found = [text for texts in titles(parsed(picture), "node").values() for text in texts]
    assert len(found) >= 3
    assert all(found)
    assert {f"x, value {1 / 3}, gradient {x.grad}", f"v3 = v2 · x, value {y.data}, gradient 1"} <= set(found)
    if max_nodes == 200:
        assert any(f"v1 = x · {2 / 3}" in str(text) for text in found)
        assert (str(2 / 3) in found) is (style == "circles")


def test_a_copy_has_the_same_titles_and_is_independent() -> None:
    picture = example()
    copied = picture.copy()
    assert copied.pipe("svg") == picture.pipe("svg")
    copied.node_titles["v0"], copied.alternative = "other", "other"
    assert parsed(picture).get("aria-label") == example().alternative


def test_what_a_picture_says_in_a_page_is_said_of_no_other_part_of_the_page() -> None:
    root = parsed(example())
    sheet = root.findtext(f"{SVG}style") or ""
    selectors = [part for rule in re.findall(r"([^{}]+){[^{}]*}", sheet) for part in rule.split(",")]
    assert len(selectors) > 5
    assert all(selector.strip().startswith(".microgrady ") for selector in selectors)
    assert [element for element in root.iter() if "id" in element.attrib] == []


def test_boxes_of_two_colours_on_one_page_have_ids_of_their_own() -> None:
    """A box with gradients of both signs refers to its colours by an id."""
    seen: set[str] = set()
    for factor in (1.0, 2.0):
        x = [Value(float(i - 100), f"x{i}") for i in range(300)]
        total = mg.sum([factor * v * v for v in x])
        total.backward()
        written = mg.draw(total, max_nodes=20).pipe("svg").decode()
        found = re.findall(r'id="([^"]*)"', written)
        assert set(re.findall(r"url\(#([^)]*)\)", written)) == set(found)
        assert len(found) == len(set(found)) > 0
        assert seen.isdisjoint(found)
        seen.update(found)


def test_png_and_pdf_stay_light() -> None:
    picture = example()
    assert "prefers-color-scheme" in picture.pipe("svg", encoding="utf-8")
    assert "prefers-color-scheme" not in picture.plain_svg()
    assert "<title>v0</title>" in picture.plain_svg()


def test_dark_pages_keep_the_contrast_of_letters() -> None:
    paper = luminance(svg.PAPER)
    for ink in (svg.DARK_INK, svg.DARK_FAINT_INK):
        for behind in (svg.PAPER, svg.DARK_FRAME):
            assert (luminance(ink) + 0.05) / (luminance(behind) + 0.05) > 7
    for colour in ("#000000", INK, "#5f5f5f", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"):
        assert (luminance(pages.dark(colour)) + 0.05) / (paper + 0.05) > 5, colour
    assert pages.dark("#ffffff") == svg.PAPER
    assert paper < luminance(pages.dark("#d9d9d9")) < luminance(pages.dark("#5f5f5f"))


def test_frames_have_the_colour_of_dark_pages() -> None:
    x = Value(1.0, "x")
    for _ in range(100):
        x = mg.sin(x * 0.5)
    pictures = [mg.draw(x, max_nodes=20), example()]
    groups = [group for picture in pictures for group in parsed(picture).iter(f"{SVG}g")]
    fills = {group[0].get("fill") for group in groups if group.get("class") == "cluster"}
    assert fills == {"none", FRAME["fillcolor"]}, "a white loop would hide the light letters and arrows inside"


def test_notebooks_show_the_picture_itself_over_an_image() -> None:
    bundle = example()._repr_mimebundle_()
    within = str(bundle["text/html"])
    (image,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', within)
    assert base64.b64decode(image).decode() == bundle["image/svg+xml"]
    assert f'alt="{html.escape(example().alternative)}"' in within
    assert within.count("<svg") == 1
    assert "<?xml" not in within
    assert 'role="img"' not in within, "the image says it already"
    assert example()._repr_mimebundle_(include=["image/png"]).keys() == {"image/png"}
    assert example()._repr_mimebundle_(exclude=["image/svg+xml"]) == {}


def test_notebooks_with_a_theme_of_their_own_decide_whether_pictures_are_dark() -> None:
    within = html.unescape(str(example()._repr_mimebundle_()["text/html"]))
    assert within.count(svg.PAPER) == 2
    (scheme,) = re.findall(r"@media screen and \(prefers-color-scheme: dark\) {(.*?)\n}", within, re.DOTALL)
    selectors = [part for rule in re.findall(r"([^{}]+){[^{}]*}", scheme) for part in rule.split(", &")]
    assert all(".microgrady:not(:is([data-jp-theme-light], " in selector for selector in selectors)
    assert f':is({svg.DARK_THEMED}) .microgrady > .graph > polygon[fill="white"] {{ fill: {svg.PAPER} }}' in within
    assert svg.DARK_THEMED.startswith('[data-jp-theme-light="false"], ')


def test_paper_is_white(tmp_path: Path) -> None:
    sheets = [parsed(example()).findtext(f"{SVG}style")]
    sheets.append(plotted(tmp_path, lambda to: mg.plot(mg.sin, (-1, 2), to=to)).findtext(f"{SVG}style"))
    assert all("@media screen and (prefers-color-scheme: dark)" in str(sheet) for sheet in sheets)


def test_show_opens_a_file_in_the_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: not opened.append(address))  # type: ignore[func-returns-value]
    example().show()
    (file,) = tmp_path.iterdir()
    assert opened == [file.as_uri()]
    assert file.read_bytes() == example().pipe("svg")
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    with pytest.raises(RuntimeError, match=r"no browser could be opened here: the picture is in .*\.svg"):
        example().show()


def test_a_script_that_does_not_look_at_a_picture_is_told_how_to(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import microgrady as mg
x = mg.Value(2.0, "x")
print(mg.draw(x))
for _ in range(2): mg.draw(x * 3)
mg.draw(x).pipe("svg"); mg.draw(x).source; mg.draw(x).copy(); mg.draw(x)._repr_mimebundle_()
mg.draw(x, to={str(tmp_path / "x.svg")!r}); mg.animate(x * 3, to={str(tmp_path / "x.html")!r})
kept = mg.draw(x)
"""
    )
    printed = run([sys.executable, script])
    assert printed.stderr == ""
    seen, *told = printed.stdout.splitlines()
    assert seen == '<Picture of 1 box: notebooks show it, .show() opens it, and draw(..., to="graph.svg") writes it>'
    how = 'draw(...).show() opens it in a browser, and draw(..., to="graph.svg") writes it'
    assert told == [
        f"{script}:5: nobody has seen this picture of 2 boxes: {how}",
        f"{script}:8: nobody has seen this picture of 1 box: {how}",
    ]


# Plots


def plotted(tmp_path: Path, draw: Any) -> ElementTree.Element:
    draw(tmp_path / "plot.svg")
    return ElementTree.parse(tmp_path / "plot.svg").getroot()


def texts_that_adapt(root: ElementTree.Element) -> set[str | None]:
    return {text.text for text in root.iter(f"{SVG}text") if text.get("class") == "adapts"}


def test_a_plot_fits_its_column_and_is_said_in_words(tmp_path: Path) -> None:
    root = plotted(tmp_path, lambda to: mg.plot(mg.sin, (-1, 2), tangent_at=1, to=to))
    assert len(root.get("viewBox", "").split()) == 4
    assert "max-width:100%" in root.get("style", "")
    words = root.get("aria-label", "")
    assert "sin(x)" in words
    assert "tangent" in words
    assert words.endswith("over x")


def test_plots_on_one_page_have_ids_of_their_own(tmp_path: Path) -> None:
    seen: set[str] = set()
    for function in (mg.sin, mg.cos):
        root = plotted(tmp_path, lambda to, function=function: mg.plot(function, (-1, 2), to=to))
        ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids)) > 10
        assert seen.isdisjoint(ids)
        seen.update(ids)
        written = (tmp_path / "plot.svg").read_text()
        referred = {name for pair in re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', written) for name in pair if name}
        assert len(referred) > 1
        assert referred <= set(ids)


def test_maps_and_surfaces_are_said_in_words(tmp_path: Path) -> None:
    root = plotted(tmp_path, lambda to: mg.plot_map([len, lambda n: n > 2], ["a", "set"], to=to))
    assert root.get("aria-label") == "len maps set to 3, a to 1; f maps 1 to False, 3 to True"
    root = plotted(tmp_path, lambda to: mg.plot_surface(lambda x, y: x * y, (0, 1), (0, 1), to=to))
    assert re.fullmatch(r"plot of f\(x, y\), .*, y over x", root.get("aria-label", ""))


def test_a_plot_needs_no_style_sheet_to_be_seen(tmp_path: Path) -> None:
    root = plotted(tmp_path, lambda to: mg.plot(mg.sin, (-1, 2), to=to))
    for element in list(root.iter())[1:]:
        assert not re.search("fill|stroke|font", element.get("style", ""))
    assert root.get("stroke-linejoin") == "round"
    (sheet,) = root.iter(f"{SVG}style")
    assert all(rule.startswith((".microgrady ", "@media", "}")) for rule in (sheet.text or "").split("\n") if rule)
    papers = {path.get("fill") for path in root.iter(f"{SVG}path")} & {"#ffffff", svg.PAPER}
    assert papers == {"#ffffff"}
    assert f'fill="#ffffff"] {{ fill: {svg.PAPER}' in (sheet.text or "")
    assert len(texts_that_adapt(root)) > 8


def test_the_inside_of_a_map_of_heights_stays_as_it_is(tmp_path: Path) -> None:
    root = plotted(tmp_path, lambda to: mg.plot_surface(lambda x, y: x * y, (0, 1), (0, 1), to=to))
    assert {"x", "y"} <= texts_that_adapt(root)
    heights = [group for group in root.iter(f"{SVG}g") if group.get("id", "").startswith("QuadContourSet")]
    assert heights
    assert {path.get("class") for group in heights for path in group.iter(f"{SVG}path")} == {None}


def test_walls_of_plots_in_space_are_light_enough_for_what_is_drawn_on_them(tmp_path: Path) -> None:
    options: dict[str, Any] = {"kind": "surface"}
    root = plotted(tmp_path, lambda to: mg.plot_surface(lambda x, y: x * y, (0, 1), (0, 1), to=to, **options))
    walls = [path for path in root.iter(f"{SVG}path") if path.get("class") == "wall"]
    assert len(walls) == 3
    assert (luminance(pages.WALL) + 0.05) / (luminance(INK) + 0.05) > 7
