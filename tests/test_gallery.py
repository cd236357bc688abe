"""The script that makes the pictures of the README: that its comparison sees a difference."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import microgrady as mg
from tests import processes

SCRIPT = Path(__file__).parent.parent / "notebooks" / "gallery.py"


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    specification = importlib.util.spec_from_file_location("gallery", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_picture_in_the_readme_is_made_by_the_script_or_a_notebook(gallery: ModuleType) -> None:
    readme = (SCRIPT.parent.parent / "README.md").read_text(encoding="utf-8")
    for name in gallery.GALLERY:
        assert f"(notebooks/pictures/{name})" in readme
        assert (gallery.PICTURES / name).stat().st_size > 5000


def test_every_link_in_the_readme_leads_to_a_file() -> None:
    readme = (SCRIPT.parent.parent / "README.md").read_text(encoding="utf-8")
    links = re.findall(r'(?:\]\(|src=")([^)"#]+)', readme)
    assert len(links) > 20
    assert [link for link in links if not (SCRIPT.parent.parent / link).exists()] == []


def test_a_picture_looks_like_itself(gallery: ModuleType) -> None:
    for name in ("neuron.svg", "backward.gif"):
        assert gallery.difference(gallery.PICTURES / name, gallery.PICTURES / name) == ""


def test_other_pictures_are_told_apart(gallery: ModuleType, tmp_path: Path) -> None:
    saved = gallery.PICTURES / "secants.svg"
    mg.plot(lambda x: x * mg.sin(x), (-1, 4), derivatives=0, tangent_at=2, secants=4, to=tmp_path / "other.svg")
    assert "differs in" in gallery.difference(tmp_path / "other.svg", saved)
    w = mg.Value(-3.0, "w")
    mg.draw(w * 2, to=tmp_path / "neuron.svg")
    assert "does not say" in gallery.difference(tmp_path / "neuron.svg", gallery.PICTURES / "neuron.svg")
    mg.animate(w * 2, to=tmp_path / "backward.gif")
    assert "frames" in gallery.difference(tmp_path / "backward.gif", gallery.PICTURES / "backward.gif")
    assert gallery.difference(saved, tmp_path / "missing.svg") == "is not there"


def test_the_check_fails_on_a_changed_picture(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    script = tmp_path / "gallery.py"
    text = SCRIPT.read_text(encoding="utf-8")
    start, end = text.index("GALLERY: dict"), text.index("def frames")
    script.write_text(
        text[:start] + 'GALLERY: dict[str, Callable[[Path], None]] = {"neuron.svg": neuron}\n\n\n' + text[end:],
        encoding="utf-8",
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return processes.run([sys.executable, script, *arguments], seconds=240)

    assert "neuron.svg is not there" in run("--check").stderr
    assert run().returncode == 0
    assert run("--check").returncode == 0
    saved = tmp_path / "pictures" / "neuron.svg"
    saved.write_text(saved.read_text(encoding="utf-8").replace("6.88", "6.89"), encoding="utf-8")
    changed = run("--check")
    assert changed.returncode == 1
    assert "6.89" in changed.stderr
