"""Plots of functions of two numbers as surfaces in space."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot

import microgrady as mg
from microgrady import plot_surface
from microgrady.drawing.plotting import solids
from microgrady.drawing.plotting.figures import VERMILION
from tests.figures import bowl, has_colour, legend, pixels

art3d: Any = importlib.import_module("mpl_toolkits.mplot3d.art3d")  # without types of its own

pytestmark = pytest.mark.usefixtures("without_windows", "few_faces")


@pytest.fixture
def few_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few of everything, which takes less time."""
    monkeypatch.setattr(solids, "VALUES", 12)
    monkeypatch.setattr(solids, "ARROWS", 4)
    monkeypatch.setattr(solids, "PIECES", 60)


def polygons(axes: Any) -> list[np.ndarray]:
    """The corners of all faces, of all arrows, and of what lies below each cut."""
    found = [artist for artist in axes.collections if isinstance(artist, art3d.Poly3DCollection)]
    return [np.asarray(artist._faces) for artist in sorted(found, key=lambda artist: -artist.zorder)]


def line_in_space(axes: Any, label: str) -> np.ndarray:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(line.get_data_3d())


def test_each_corner_lies_on_the_surface() -> None:
    axes: Any = plot_surface(bowl, (-3, 3), (-1, 2), kind="surface")
    faces, arrows = polygons(axes)
    assert faces.shape == (11 * 11, 4, 3)
    x, y, z = faces.transpose(2, 0, 1)
    assert np.allclose(z, bowl_of(x, y))
    assert (axes.get_xlim(), axes.get_ylim()) == ((-3, 3), (-1, 2))
    assert arrows.shape == (4 * 4, 7, 3)
    assert set(arrows[:, :, 2].ravel()) == {axes.get_zlim()[0]}
    assert axes.get_zlim()[0] < z.min() - 0.4 * np.ptp(z)
    assert legend(axes)[0].startswith("gradient, size ")
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("bowl(x, y)", "x", "y")
    assert min(axes.get_zticks()) > -1.0


def bowl_of(x: Any, y: Any) -> Any:
    return x**2 + 3 * y**2


def test_arrows_on_the_floor_have_the_direction_of_the_gradient() -> None:
    _, arrows = polygons(plot_surface(bowl, (-3, 3), (-30, 30), kind="surface"))
    tip, back = arrows[:, 3], (arrows[:, 0] + arrows[:, 6]) / 2
    middle, along = (tip + back) / 2, tip - back
    assert np.allclose(along[:, 0] * 6 * middle[:, 1] - along[:, 1] * 2 * middle[:, 0], 0)
    assert ((along * middle)[:, :2].sum(axis=1) > 0).all()


def test_cuts_lie_on_the_surface_with_their_tangents() -> None:
    axes: Any = plot_surface(bowl, (-3, 3), kind="surface", cuts={"x": 1, "y": -0.5})
    assert legend(axes)[1:] == ["x = 1: ∂bowl/∂y = -3 at y = -0.5", "y = -0.5: ∂bowl/∂x = 2 at x = 1"]
    for label, axis, constant, slope in ((legend(axes)[1], 0, 1.0, -3.0), (legend(axes)[2], 1, -0.5, 2.0)):
        x, y, z = line_in_space(axes, label)
        on_surface = ~np.isnan(z)
        assert on_surface.sum() > 200
        assert np.allclose(z[on_surface], bowl_of(x, y)[on_surface])
        assert set((x, y)[axis]) == {constant}
        tangent = next(
            np.asarray(line.get_data_3d())
            for line in axes.lines
            if line.is_dashed() and len(set(line.get_data_3d()[axis])) == 1
        )
        rise, run = np.ptp(tangent[2]), np.ptp(tangent[1 - axis])
        assert rise / run == pytest.approx(abs(slope))
        assert np.allclose(tangent.mean(axis=1), [1, -0.5, bowl_of(1, -0.5)])
    assert len(polygons(axes)) == 4


def test_a_path_lies_on_the_surface_also_between_its_points() -> None:
    path = [(2.0, 0.0), (-2.0, 0.0)]
    axes: Any = plot_surface(bowl, (-3, 3), kind="surface", path=path)
    assert legend(axes)[1:] == ["start (2, 0)", "end (-2, 0)"]
    on_surface, on_floor = [line.get_data_3d() for line in axes.lines if len(line.get_data_3d()[0]) == 61]
    assert np.allclose(on_surface[2], np.asarray(on_surface[0]) ** 2, atol=0.3), "as far as the faces are the surface"
    assert set(on_floor[2]) == {axes.get_zlim()[0]}
    assert has_colour(pixels(axes), VERMILION)


def test_a_path_ends_where_the_picture_ends() -> None:
    axes: Any = plot_surface(bowl, (0, 1), kind="surface", path={"out": [(0.5, 0.5), (9, 9)], "off": [(5, 5), (6, 6)]})
    for line in axes.lines:
        x, y, _ = np.asarray(line.get_data_3d())
        assert np.nanmax([*x, 0]) <= 1.0 >= np.nanmax([*y, 0])
    assert legend(axes)[1:] == ["out: 1 step to (9, 9)", "off: 1 step to (6, 6)"]
    assert pixels(axes).min() < 0.5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: mg.log(x) + mg.sqrt(y),
        lambda x, y: 4,
        lambda x, y: 1 / (x * x + y * y),
        lambda x, y: 1e299 * x,
        lambda x, y: 1e-300 * x,
        lambda x, y: 1e9 + 1e-3 * x,
    ],
)
def test_what_is_ugly_is_drawn_without_a_warning(f: Any) -> None:
    axes = plot_surface(f, (-2, 2), kind="surface", cuts={"x": 1.5}, path=[(-1, -1), (1, 1)])
    assert all(np.isfinite(shapes).all() for shapes in polygons(axes))
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]


def test_an_infinite_slope_is_upright_and_a_kink_has_no_tangent() -> None:
    axes: Any = plot_surface(lambda x, y: abs(x) + mg.sqrt(y), (-1, 1), (0, 1), kind="surface", cuts={"x": 0, "y": 0})
    (tangent,) = [np.asarray(line.get_data_3d()) for line in axes.lines if line.is_dashed()]
    assert (set(tangent[0]), set(tangent[1])) == ({0.0}, {0.0})
    assert tangent[2][1] > tangent[2][0]


def test_the_legend_covers_nothing() -> None:
    axes: Any = plot_surface(bowl, (-3, 3), kind="surface", cuts={"x": 1})
    axes.figure.draw_without_rendering()
    box = axes.get_legend().get_window_extent()
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        assert not box.overlaps(axis.get_tightbbox(axes.figure.canvas.get_renderer()))


@pytest.mark.filterwarnings("error")
def test_legends_leave_room_on_small_axes_beside_each_other() -> None:
    panels: Any = pyplot.subplots(1, 2, figsize=(5, 3), subplot_kw={"projection": "3d"}, layout="constrained")[1]
    for axes in panels:
        plot_surface(bowl, (-3, 3), (0, 100), kind="surface", cuts={"x": 1, "y": 0}, path={"a": [(0, 0)]}, ax=axes)
    axes.figure.draw_without_rendering()
    left, right = (axes.get_legend().get_window_extent() for axes in panels)
    assert not left.overlaps(right)
    assert min(axes.bbox.width for axes in panels) > 100


def test_draws_on_axes_in_space_and_on_no_others(tmp_path: Path) -> None:
    figure = pyplot.figure()
    flat, space = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2, projection="3d")
    assert plot_surface(bowl, (0, 1), kind="surface", ax=space, to=tmp_path / "z.png") is space
    sentence = "kind='surface' needs Axes made with projection=\"3d\", and these have the projection 'rectilinear'"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        plot_surface(bowl, (0, 1), kind="surface", ax=flat)
    sentence = "kind='contours' needs Axes made without projection=\"3d\", and these have the projection '3d'"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        plot_surface(bowl, (0, 1), ax=space)


def test_the_same_call_writes_the_same_file(tmp_path: Path) -> None:
    contents = set()
    for _ in range(2):
        plot_surface(bowl, (-1, 1), kind="surface", cuts={"x": 0}, path=[(1, 1)], to=tmp_path / "z.svg")
        contents.add((tmp_path / "z.svg").read_bytes())
    assert len(contents) == 1
    assert "\N{MINUS SIGN}" not in (tmp_path / "z.svg").read_text(encoding="utf-8")
    assert pyplot.get_fignums() == []
