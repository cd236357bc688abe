"""The script that makes the pictures of the README: that its comparison sees a difference."""

from __future__ import annotations

import importlib
import io
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, PngImagePlugin

import microgrady as mg
from tests import processes

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "notebooks" / "gallery.py"


@pytest.fixture(autouse=True)
def scripts_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))


@pytest.fixture
def difference() -> Callable[[bytes, bytes], str]:
    found: Callable[[bytes, bytes], str] = importlib.import_module("comparison").difference
    return found


def saved(name: str) -> bytes:
    return (SCRIPT.parent / "pictures" / name).read_bytes()


def test_the_readme_shows_what_the_script_makes_and_nothing_else_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = set(re.findall(r'"([a-z_0-9]+\.(?:svg|gif))"', SCRIPT.read_text(encoding="utf-8")))
    assert set(re.findall(r"notebooks/pictures/([^)\"]+)", readme)) == made
    assert {path.name for path in (SCRIPT.parent / "pictures").iterdir()} == made
    assert min(len(saved(name)) for name in made) > 5000


def test_a_chapter_runs_alone() -> None:
    for path in SCRIPT.parent.glob("*.ipynb"):
        assert "pictures/" not in path.read_text(encoding="utf-8")


def test_every_link_in_the_readme_leads_to_a_file() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r'(?:\]\(|src=")([^)"#]+)', readme)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", ["neuron.svg", "backward.gif"])
def test_a_picture_looks_like_itself(difference: Callable[[bytes, bytes], str], name: str) -> None:
    assert difference(saved(name), saved(name)) == ""


def test_other_pictures_are_told_apart(difference: Callable[[bytes, bytes], str], tmp_path: Path) -> None:
    other, w = tmp_path / "other.svg", mg.Value(-3.0, "w")
    mg.plot(lambda x: x * mg.sin(x), (-1, 4), derivatives=0, tangent_at=2, secants=4, to=other)
    assert "does not say 'tangent: slope" in difference(other.read_bytes(), saved("secants.svg"))
    assert "differs in" in difference(saved("secants.svg").replace(b"#0072b2", b"#ffffff"), saved("secants.svg"))
    assert "does not say" in difference(mg.draw(w * 2).pipe("svg"), saved("neuron.svg"))
    assert "frames" in difference(mg.animate(w * 2).gif(), saved("backward.gif"))


def test_other_colours_are_told_apart(difference: Callable[[bytes, bytes], str]) -> None:
    """They may be equally light."""
    orange, blue = (png(colour) for colour in ("#d55e00", "#4b78c8"))
    assert difference(orange, orange) == ""
    assert "differs in 100%" in difference(orange, blue)
    assert difference(png("#00000000"), png("#ffffff")) == ""


def test_a_dot_more_is_seen(difference: Callable[[bytes, bytes], str]) -> None:
    """Where one version has drawn both pictures, and none where a line has moved by a pixel."""
    saved, dot, moved = (drawn(place, version="1") for place in ((), (100, 40, 106, 46), (0, 151, 639, 151)))
    assert difference(dot, saved) == "differs in 49 pixels of frame 0"
    assert difference(saved, dot) == "differs in 49 pixels of frame 0"
    assert difference(drawn((0, 150, 639, 150), version="1"), moved) == ""
    assert difference(drawn((100, 40, 106, 46), version="2"), saved) == ""


def drawn(rectangle: tuple[int, ...], version: str) -> bytes:
    image, told, content = Image.new("RGB", (640, 480), "white"), PngImagePlugin.PngInfo(), io.BytesIO()
    if rectangle:
        ImageDraw.Draw(image).rectangle(rectangle, "black")
    told.add_text("Software", version)
    image.save(content, "PNG", pnginfo=told)
    return content.getvalue()


def png(colour: str, kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.new("RGBA", (64, 64), colour).save(content, kind)
    return content.getvalue()


def test_the_pictures_of_a_chapter_are_compared(tmp_path: Path) -> None:
    v4 = pytest.importorskip("nbformat.v4", reason="Jupyter is not installed: pip install '.[notebooks]'")
    pytest.importorskip("nbclient", reason="Jupyter is not installed: pip install '.[notebooks]'")
    execute = importlib.import_module("execute")

    def chapter(*colours: str) -> Any:
        """Return a notebook with a picture in its first cell, of one colour after the other."""
        outputs = [
            v4.new_output("display_data", {"image/png": b64encode(png(colour)).decode(), "text/plain": "<Figure>"})
            for colour in colours
        ]
        return v4.new_notebook(cells=[v4.new_code_cell("mg.plot(f)", outputs=outputs)])

    assert execute.different_pictures(chapter("red", "blue"), chapter("red", "blue")) == []
    (line,) = execute.different_pictures(chapter("red", "blue"), chapter("red", "green"))
    assert line == "cell 1: the saved picture differs in 100% of frame 0"
    (line,) = execute.different_pictures(chapter("red"), chapter())
    assert line.startswith("there are pictures in")

    def film(colour: str) -> Any:
        gif = b64encode(png(colour, "GIF")).decode()
        output = v4.new_output("display_data", {"text/html": f"<img alt='a film' src='data:image/gif;base64,{gif}'>"})
        return v4.new_notebook(cells=[v4.new_markdown_cell("A film:"), v4.new_code_cell("HTML(...)", outputs=[output])])

    assert execute.different_pictures(film("red"), film("red")) == []
    (line,) = execute.different_pictures(film("red"), film("blue"))
    assert line == "cell 2: the saved picture differs in 100% of frame 0"


def test_the_check_fails_on_a_changed_picture(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    shutil.copy(SCRIPT.with_name("comparison.py"), tmp_path)
    script = tmp_path / "gallery.py"
    text = SCRIPT.read_text(encoding="utf-8")
    start, end = text.index("GALLERY: dict"), text.index("def check_readme")
    script.write_text(
        text[:start]
        + "GALLERY: dict[str, Callable[[Path], None]] = {"
        + '"neuron.svg": neuron, "other.svg": neuron, "same.svg": neuron}\n\n\n'
        + text[end:],
        encoding="utf-8",
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return processes.run([sys.executable, script, *arguments], seconds=240)

    assert run().returncode == 0
    picture = tmp_path / "pictures" / "neuron.svg"
    picture.write_text(picture.read_text(encoding="utf-8").replace("6.88", "6.89"), encoding="utf-8")
    (tmp_path / "pictures" / "other.svg").unlink()
    changed = run("--check", "--readme")
    assert changed.returncode == 1
    assert "1 of 3 pictures of the README look as saved" in changed.stdout
    assert "other.svg is not there" in changed.stderr
    assert "6.89" in changed.stderr
