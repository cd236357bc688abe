"""Figures and files of plots: whose they are, written whole or not at all, the same each time."""

from __future__ import annotations

import importlib
import math
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
import pypdfium2
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes

import microgrady as mg
from microgrady import plot
from tests import processes
from tests.figures import CALLS, has_colour, legend, named_line, pixels

pytestmark = pytest.mark.usefixtures("without_windows")


@pytest.mark.parametrize("name", CALLS)
def test_draws_on_axes_that_are_given(name: str, tmp_path: Path) -> None:
    figure, (left, right) = pyplot.subplots(1, 2)
    assert CALLS[name](ax=left) is left
    assert left.has_data()
    assert not right.has_data()
    assert CALLS[name](ax=right, to=tmp_path / "both.png") is right
    image = matplotlib.image.imread(tmp_path / "both.png")
    assert (image[:, : image.shape[1] // 2, :3] < 0.5).any()
    assert pyplot.fignum_exists(figure.number), "a figure that was given stays open"


def test_axes_in_a_figure_inside_a_figure_are_written_with_the_outermost(tmp_path: Path) -> None:
    figure = pyplot.figure()
    parts: Any = figure.subfigures(1, 2)
    parts[1].subplots().plot([0, 1], color="#123456", linewidth=10)
    plot(mg.sin, (-3, 3), ax=parts[0].subplots(), to=tmp_path / "z.png")
    assert has_colour(matplotlib.image.imread(tmp_path / "z.png")[..., :3], "#123456")


def test_two_functions_share_axes() -> None:
    axes = plot(mg.sin, (-3, 3), panels=False)
    plot(lambda x: 10 * x, (-1, 4), derivatives=0, ax=axes)
    assert legend(axes) == ["sin(x)", "sin′(x)", "f(x)"]
    assert len({named_line(axes, label).get_color() for label in legend(axes)}) == 3
    assert axes.get_xlim() == (-3.0, 4.0)
    assert axes.get_ylim()[1] > 40.0
    assert axes.get_ylabel() == "", "not only sin(x) is drawn"
    axes.set_ylabel("height")
    assert plot(mg.cos, (-1, 4), ax=axes).get_ylabel() == "height"


@pytest.mark.parametrize("name", CALLS)
def test_a_new_figure_is_the_current_one_of_pyplot(name: str) -> None:
    axes = CALLS[name]()
    assert pyplot.gcf() is axes.figure


@pytest.mark.parametrize("name", CALLS)
def test_a_figure_that_was_written_is_closed_and_still_good(name: str, tmp_path: Path) -> None:
    axes = CALLS[name](to=tmp_path / "z.png")
    assert pyplot.get_fignums() == []
    assert pixels(axes).min() < 0.5


def test_in_an_interactive_session_a_figure_that_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyplot, "isinteractive", lambda: True)
    axes = plot(mg.sin, (-3, 3), to=tmp_path / "z.png")
    assert pyplot.gcf() is axes.figure


@pytest.mark.parametrize("name", CALLS)
def test_numbers_along_the_axes_can_be_copied(name: str) -> None:
    axes = CALLS[name]()
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    written = [text.get_text() for axis in (axes.xaxis, axes.yaxis) for text in axis.get_ticklabels()]
    assert all(math.isfinite(float(number)) for number in written if number)
    assert matplotlib.rcParams["axes.unicode_minus"] is True, "the user's settings stay"


def test_nothing_stays_open_when_drawing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Axes, "legend", None)
    with pytest.raises(TypeError):
        plot(mg.sin, (-3, 3), panels=False, to=tmp_path / "z.png")
    with pytest.raises(TypeError):
        plot(mg.sin, (-3, 3), panels=False)
    assert pyplot.get_fignums() == []


def test_importing_the_plots_imports_no_matplotlib_and_no_numpy() -> None:
    program = "import sys, microgrady.drawing.plotting; print('matplotlib' in sys.modules, 'numpy' in sys.modules)"
    result = processes.run([sys.executable, "-c", program])
    assert result.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("name", CALLS)
def test_without_matplotlib_the_error_names_the_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = importlib.import_module

    def fail(module: str) -> Any:
        if module.startswith("matplotlib"):
            raise ModuleNotFoundError(module)
        return original(module)

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match=re.escape('plots need matplotlib, which is not installed: pip install "')):
        CALLS[name](to=tmp_path / "z.png")
    assert list(tmp_path.iterdir()) == []


# Files


def texts_in(name: str) -> list[str]:
    return {
        "plot": ["sin′(x)", "tangent"],
        "secants": ["δ = 1: slope 3.068", "tangent: slope 2.54"],
        "plot_surface": ["bowl(x, y)", "start (1, 1)"],
        "plot_map": ["codomain", "-2"],
        "plot_errors": ["step δ", "∝ δ²"],
    }[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_writes_each_format_and_the_same_each_time(name: str, tmp_path: Path) -> None:
    starts = {"z.svg": b"<?xml", "z.PNG": b"\x89PNG", "z.pdf": b"%PDF"}
    for file in starts:
        CALLS[name](to=tmp_path / file)
        first = (tmp_path / file).read_bytes()
        CALLS[name](to=str(tmp_path / file))
        assert (tmp_path / file).read_bytes() == first
    assert {path.name: path.read_bytes()[: len(starts[path.name])] for path in tmp_path.iterdir()} == starts
    svg = (tmp_path / "z.svg").read_text(encoding="utf-8")
    page = pypdfium2.PdfDocument(tmp_path / "z.pdf")[0].get_textpage().get_text_range()
    for text in texts_in(name):
        assert f">{text}<" in svg
        assert text in page
    width = matplotlib.image.imread(tmp_path / "z.PNG").shape[1]
    assert width > 1200, "sharp on a projector"


def test_the_same_animation_has_the_same_bytes(tmp_path: Path) -> None:
    contents = set()
    for _ in range(2):
        CALLS["secants"](to=tmp_path / "z.gif")
        contents.add((tmp_path / "z.gif").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("where", ["savefig", "write_bytes", "replace"])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("plot", "z.png"),
        ("plot_surface", "z.svg"),
        ("plot_map", "z.pdf"),
        ("plot_errors", "z.png"),
        ("secants", "z.gif"),
    ],
)
def test_a_failed_or_interrupted_write_leaves_the_old_file(
    name: str, file: str, where: str, error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / file
    target.write_text("the old picture")

    def fail(path: Any, *_: object, **__: object) -> None:
        if where == "write_bytes":
            with path.open("wb") as half:
                half.write(b"half")
        raise error

    monkeypatch.setattr("matplotlib.figure.Figure.savefig" if where == "savefig" else f"pathlib.Path.{where}", fail)
    with pytest.raises(error):
        CALLS[name](to=target)
    monkeypatch.undo()
    assert target.read_text() == "the old picture"
    assert list(tmp_path.iterdir()) == [target]
    assert pyplot.get_fignums() == []
