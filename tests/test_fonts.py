"""Letters that the usual font lacks: a warning that names their script, a font as a file, and room in the boxes."""

from __future__ import annotations

import io
import os
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import matplotlib.font_manager
import matplotlib.image
import numpy as np
import pypdfium2
import pytest
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]

import microgrady as mg
from microgrady import Value
from microgrady.drawing import fonts
from microgrady.drawing.graph import texts
from microgrady.drawing.render import Picture

LETTERS = "日本語かな한글"

pytestmark = pytest.mark.usefixtures("without_dot", "no_other_fonts")


@pytest.fixture
def no_other_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the fonts of this machine."""
    monkeypatch.setattr(fonts, "system_fonts", tuple)


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A font whose letters are black squares, as wide as they are high."""
    pen = TTGlyphPen(None)
    for number, corner in enumerate([(50, -100), (50, 800), (950, 800), (950, -100)]):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(letter): "square" for letter in LETTERS})
    builder.setupGlyf({".notdef": square, "square": square})
    builder.setupHorizontalMetrics({".notdef": (1000, 50), "square": (1000, 50)})
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": "Squares of Tests", "styleName": "Regular", "psName": "Squares-Regular"})
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120)
    builder.setupPost()
    file = tmp_path_factory.mktemp("fonts") / "squares.ttf"
    builder.save(file)
    return file


def picture_of(text: str, font: Path | None = None) -> Picture:
    picture = Picture(node_attr={"shape": "box", "fontname": "DejaVu Sans", "margin": "0.05"})
    picture.node("v0", label=text)
    picture.font = font
    return picture


def warned(picture: Picture, formats: Sequence[str]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for format in formats:
            picture.pipe(format)
    return caught


def test_pictures_and_animations_of_values_take_a_font(font: Path, tmp_path: Path) -> None:
    y = Value(2.0, LETTERS) * 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mg.draw(y, to=tmp_path / "y.png", font=str(font))
        mg.draw(y, to=tmp_path / "y.pdf", font=font)
        mg.animate(y, to=tmp_path / "y.gif", font=font)
    with pytest.warns(UserWarning, match="Japanese and Korean letters") as caught:
        mg.draw(y, to=tmp_path / "y.png")
    assert [warning.filename for warning in caught] == [__file__]
    for function in (mg.draw, mg.animate):
        with pytest.raises(ValueError, match=r"there is no file 'none\.otf'"):
            function(y, font="none.otf")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("漢字", ["Chinese"]),
        ("漢かな", ["Japanese"]),
        ("한글", ["Korean"]),
        ("ก", ["Thai"]),
        ("हिन्दी", ["Devanagari"]),
        ("\U0001f9a9", ["emoji"]),
        ("漢字한", ["Chinese", "Korean"]),
    ],
)
def test_the_warning_names_the_script_at_the_line_of_the_user(text: str, names: list[str]) -> None:
    assert fonts.scripts(fonts.letters_of(text)) == names
    (warning,) = warned(picture_of(text), ["png"])
    assert f"no font on this machine has the {' and '.join(names)} letters" in str(warning.message)
    assert "font=" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize("text", ["x", "∂λ/∂β ≤ √π · ²", "שלום", "مرحبا", "Ångström", "e\u0301 \u200d\ufe0f"])
def test_there_is_no_warning_of_letters_that_can_be_drawn(text: str) -> None:
    assert warned(picture_of(text), ["svg", "png", "pdf"]) == []


def test_the_dot_program_is_warned_of_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\ncat > /dev/null\nprintf picture\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for format in ("png", "pdf"):
        with pytest.warns(UserWarning, match="the Japanese and Korean letters") as caught:
            assert picture_of(LETTERS).pipe(format) == b"picture"
        assert [warning.filename for warning in caught] == [__file__]


def test_there_is_no_warning_of_svg_for_which_browsers_have_fonts() -> None:
    assert warned(picture_of(LETTERS), ["svg"]) == []


def test_a_font_as_a_file_draws_what_the_usual_one_lacks(font: Path) -> None:
    picture = picture_of(f"a{LETTERS}b", font)
    assert warned(picture, ["svg", "png", "pdf"]) == []
    with_squares = matplotlib.image.imread(io.BytesIO(picture.pipe("png")))[..., :3]
    blank = matplotlib.image.imread(io.BytesIO(picture_of("a b", font).pipe("png")))[..., :3]
    assert (with_squares < 0.5).all(axis=-1).sum() > 2 * (blank < 0.5).all(axis=-1).sum()
    page = pypdfium2.PdfDocument(picture.pipe("pdf"))[0]
    assert f"a{LETTERS}b" in page.get_textpage().get_text_range()
    assert (page.render(scale=2).to_numpy() < 100).mean() > 0.2
    assert "font-family=\"DejaVu Sans,'Squares of Tests',Verdana,sans-serif\"" in picture.pipe("svg", encoding="utf-8")


def test_a_letter_that_no_font_has_takes_no_other_with_it(font: Path) -> None:
    """The fallback of the renderer would take all letters of a text from one font."""
    inks = []
    for text in ("\U0001f9a9日本", "\U0001f9a9"):
        with pytest.warns(UserWarning, match='the emoji letters \U0001f9a9, .*font="NotoEmoji-Regular.ttf"'):
            picture = picture_of(text, font).pipe("png")
        inks.append((matplotlib.image.imread(io.BytesIO(picture))[..., :3] < 0.5).all(axis=-1).sum())
    assert inks[0] > 2 * inks[1]


def test_plots_take_letters_from_all_fonts_that_matplotlib_knows(
    font: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names: dict[str, str] = {"日本のx": "한글", "a": "\U0001f9a9"}
    manager = matplotlib.font_manager.fontManager
    for format in ("png", "pdf"):
        with pytest.warns(UserWarning, match="has the Japanese, Korean and emoji letters .*addfont") as caught:
            mg.plot_map(names.get, list(names), to=tmp_path / f"names.{format}")
        assert [warning.filename for warning in caught] == [__file__]
    monkeypatch.setattr(manager, "ttflist", list(manager.ttflist))
    manager.addfont(font)
    names["a"] = "b"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for format in ("svg", "png", "pdf"):
            axes = mg.plot_map(names.get, list(names), to=tmp_path / f"names.{format}")
    fonts_of = {text.get_text(): text.get_fontfamily() for text in axes.texts}
    assert fonts_of["한글"] == ["sans-serif", "Squares of Tests"]
    assert fonts_of["a"] == ["sans-serif"]
    assert "한글" in pypdfium2.PdfDocument(tmp_path / "names.pdf")[0].get_textpage().get_text_range()


def test_fonts_that_only_say_which_letters_are_missing_are_not_used() -> None:
    folder = fonts.font_file().parent
    last_resort = [file for file in folder.glob("*.ttf") if file.name.startswith("LastResort")]
    assert not any(map(fonts.readable, last_resort))
    assert fonts.readable(fonts.font_file())


def test_the_warning_names_each_script_of_a_text() -> None:
    (warning,) = warned(picture_of("学习率 重みの 한글한글한글 \U0001f9a9"), ["png"])
    assert "has the Chinese, Japanese, Korean and emoji letters 习学率" in str(warning.message)
    assert "\U0001f9a9" in str(warning.message)
    assert 'font="NotoSansCJK-Regular.ttc"' in str(warning.message)
    (warning,) = warned(picture_of("ก"), ["pdf"])
    assert 'font="NotoSansThai-Regular.ttf"' in str(warning.message)


def test_a_pdf_has_a_title(tmp_path: Path) -> None:
    mg.draw(mg.sin(Value(2.0, "x")), to=tmp_path / "y.pdf")
    assert (
        pypdfium2.PdfDocument(tmp_path / "y.pdf").get_metadata_dict()["Title"] == "the graph of v1 = sin(x), in 2 boxes"
    )


def test_fonts_of_the_machine_are_found(font: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "system_fonts", lambda: (font,))
    picture = picture_of(LETTERS)
    assert warned(picture, ["pdf"]) == []
    assert LETTERS in pypdfium2.PdfDocument(picture.pipe("pdf"))[0].get_textpage().get_text_range()


WIDE = ["日本語" * 8, "日" * 40, "مرحبا" * 6, "×" * 30, "\U0001f389" * 9, "a日b本c" * 5, "plain ASCII"]


@pytest.mark.parametrize("text", WIDE)
def test_boxes_have_room_for_wide_letters_and_not_much_more(text: str) -> None:
    svg = picture_of(text).pipe("svg", encoding="utf-8")
    corners = [float(x) for x in re.findall(r"(-?[\d.]+),", svg.partition('class="node')[2])]
    width = max(corners) - min(corners) - 2 * 0.05 * 72
    needed = 14 * sum(fonts.width(letter, None) for letter in text)
    assert needed - 7 < width, "a part of the margin may be taken"
    assert width < 1.3 * needed + 14
    assert fonts.PADDING not in svg
    assert text in svg


def test_the_width_of_a_letter_is_that_of_the_font_that_has_it(font: Path) -> None:
    assert fonts.width("日", font) == pytest.approx(1.0)
    assert fonts.width("日", None) == 1.0
    assert fonts.width("W", font) == pytest.approx(0.98877, abs=1e-4)
    assert fonts.width("\u0301", None) == pytest.approx(0.0, abs=0.6)


def test_boxes_are_as_wide_as_the_letters_of_the_font() -> None:
    for letter in map(chr, range(ord(" "), ord("~") + 1)):
        assert texts.text_width(letter, 14.0) == pytest.approx(14 * fonts.width(letter, None), abs=0.02), letter
    for letter in "·…×∂λ日\U0001f389":
        assert texts.text_width(letter, 14.0) >= 14 * fonts.width(letter, None) - 0.02, letter


def test_what_is_not_a_font_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="font is the path of a font's file, not int"):
        fonts.check_font(3)
    with pytest.raises(ValueError, match=r"there is no file 'Noto\.otf'"):
        fonts.check_font("Noto.otf")
    (tmp_path / "a.otf").write_text("not a font")
    with pytest.raises(ValueError, match="is not a font that can be read"):
        fonts.check_font(tmp_path / "a.otf")
    (tmp_path / "empty.otf").touch()
    with pytest.raises(ValueError, match="is not a font that can be read"):
        fonts.check_font(tmp_path / "empty.otf")
    with pytest.raises(ValueError, match="there is no file"):
        fonts.check_font(tmp_path)
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "matplotlib.ft2font", None)
        with pytest.raises(RuntimeError, match="need matplotlib, which is not installed"):
            fonts.check_font(fonts.font_file())
    assert fonts.check_font(None) is None
    assert fonts.check_font(str(fonts.font_file())) == fonts.font_file()
    assert np.isclose(fonts.width("a", None), 0.6128, atol=1e-3)
