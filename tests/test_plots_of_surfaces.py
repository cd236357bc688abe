"""Plots of functions of two numbers: contours, arrows, paths."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.quiver import Quiver

import microgrady as mg
from microgrady import Value, plot_surface
from microgrady.drawing.plotting.figures import VERMILION
from tests.figures import bowl, data, has_colour, legend, pixels

pytestmark = pytest.mark.usefixtures("without_windows")


def arrows(axes: Axes) -> Quiver:
    (quiver,) = [artist for artist in axes.collections if isinstance(artist, Quiver)]
    return quiver


def angles_to(quiver: Quiver, dx: Any, dy: Any) -> np.ndarray:
    """The angles between the arrows and a closed form."""
    u, v = np.asarray(quiver.U), np.asarray(quiver.V)
    return np.asarray(np.arctan2(u * dy - v * dx, u * dx + v * dy))


def test_arrows_have_the_direction_of_the_gradient() -> None:
    quiver = arrows(plot_surface(lambda x, y: mg.sin(x) * mg.exp(y), (-3, 3), (-1, 2)))
    x, y = np.asarray(quiver.X), np.asarray(quiver.Y)
    assert len(x) > 200
    assert np.abs(angles_to(quiver, np.cos(x) * np.exp(y), np.sin(x) * np.exp(y))).max() < 1e-9


def test_arrows_point_across_the_contours_on_the_page() -> None:
    axes = plot_surface(lambda x, y: 2 * x + y, (-3, 3), (-1, 1))
    assert axes.get_aspect() == 1.0
    quiver = arrows(axes)
    assert (quiver.angles, quiver.scale_units, quiver.scale) == ("xy", "xy", 1.0)
    assert set(np.round(np.asarray(quiver.V) / np.asarray(quiver.U), 12)) == {0.5}


def test_stretched_pictures_do_not_have_equal_scales() -> None:
    assert plot_surface(bowl, (-3, 3), (-300, 300)).get_aspect() == "auto"


def test_equal_gradients_have_equal_arrows_and_half_has_half() -> None:
    axes = plot_surface(lambda x, y: mg.where(x > 0, 2 * x, x) + y * 0, (-2, 2))
    lengths = np.hypot(arrows(axes).U, arrows(axes).V)
    x = np.asarray(arrows(axes).X)
    assert np.allclose(lengths[x < 0], lengths[x > 0].max() / 2)
    assert "proportion to |gradient|" in axes.get_title()
    assert "$" not in axes.get_title()


@pytest.mark.parametrize("range_of_sizes", [1e3, 1e8, 1e14])
def test_gradients_of_very_different_sizes_have_arrows_to_be_seen(range_of_sizes: float) -> None:
    rate = math.log(range_of_sizes) / 4
    axes = plot_surface(lambda x, y: mg.exp(rate * x) + 0 * y, (-2, 2))
    lengths = np.hypot(arrows(axes).U, arrows(axes).V)
    assert (lengths > 0.15 * lengths.max()).mean() > 0.85
    assert lengths.max() < 4 / 15
    assert re.search(r"\|gradient\|\$\^\{1/\d+\}\$", axes.get_title())


def test_arrows_of_a_flat_function_are_left_out() -> None:
    axes = plot_surface(lambda x, y: 4, (-3, 3))
    assert not [artist for artist in axes.collections if isinstance(artist, Quiver)]
    assert axes.get_title() == "f(x, y)"


@pytest.mark.parametrize("f", [lambda x, y: 1e200 * x * y * y, lambda x, y: 1e-300 * (x + y), lambda x, y: 1e300 * x])
def test_values_at_the_far_ends_are_drawn_without_a_warning(f: Any) -> None:
    assert pixels(plot_surface(f, (-2, 2))).min() < 0.5


def contours(axes: Axes) -> QuadContourSet:
    return next(artist for artist in axes.collections if isinstance(artist, QuadContourSet) and artist.filled)


def test_contours_are_where_the_function_has_their_level() -> None:
    axes = plot_surface(lambda x, y: x**2 + y**2, (-2, 2))
    _, lines = (artist for artist in axes.collections if isinstance(artist, QuadContourSet))
    inner = [
        (level, path)
        for level, path in zip(lines.levels, lines.get_paths(), strict=True)
        if np.size(path.vertices) and 0.0 < level < 4.0
    ]
    assert len(inner) >= 4
    for level, path in inner:
        assert np.allclose((np.asarray(path.vertices) ** 2).sum(axis=1), level, rtol=0.02)


@pytest.mark.parametrize(
    "f",
    [
        bowl,
        lambda x, y: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
        lambda x, y: x / y,
        lambda x, y: 1 / (x * x + y * y),
        lambda x, y: mg.exp(8 * x) + y,
        lambda x, y: -mg.exp(8 * x) + y,
        lambda x, y: 4,
        lambda x, y: 1e-300 * x,
        lambda x, y: 1e299 * x,
        lambda x, y: 1e9 + 1e-3 * x,
    ],
)
def test_levels_ascend_and_cover_all_values_in_fair_shares(f: Any) -> None:
    filled = contours(plot_surface(f, (-2, 2)))
    levels = [*filled.levels]
    assert levels == sorted(set(levels))
    grid = np.linspace(-2, 2, 80)
    values = np.array([float(getattr(v := f(Value(a), Value(b)), "data", v)) for a in grid for b in grid])
    assert levels[0] <= values.min()
    assert values.max() <= levels[-1]
    shares = np.histogram(values, levels)[0] / len(values)
    assert shares.max() < 0.45 or len(levels) == 2


def test_the_colour_bar_has_the_name_and_all_levels() -> None:
    axes = plot_surface(bowl, (-3, 3))
    (beside,) = axes.child_axes
    assert beside.get_ylabel() == "bowl(x, y)"
    assert [text.get_text() for text in beside.get_yticklabels()] == [f"{level:g}" for level in contours(axes).levels]
    assert axes.get_title().startswith("bowl(x, y)\n")


@pytest.mark.parametrize(
    ("f", "level"),
    [
        (lambda x, y: x * 0 + 1, "1"),
        (lambda x, y: 0, "0"),
        (lambda x, y: mg.sin(x) ** 2 + mg.cos(x) ** 2, "1"),
        (lambda x, y: -1e299, "-1e+299"),
    ],
)
def test_the_colour_bar_of_a_constant_has_that_one_level(f: Any, level: str) -> None:
    (beside,) = plot_surface(f, (-2, 2)).child_axes
    assert [text.get_text() for text in beside.get_yticklabels()] == [level]
    assert min(beside.get_ylim()) < beside.get_yticks()[0] < max(beside.get_ylim())


def test_what_is_not_finite_is_left_blank() -> None:
    axes = plot_surface(lambda x, y: mg.log(x) + mg.sqrt(y), (-2, 2))
    assert (np.asarray(arrows(axes).X) > 0.0).all()
    assert (np.asarray(arrows(axes).Y) > 0.0).all()
    image = pixels(axes)
    frame = axes.get_window_extent()
    across, down = (int(frame.x0), int(frame.x1)), (image.shape[0] - int(frame.y1), image.shape[0] - int(frame.y0))
    inside = image[down[0] : down[1], across[0] : across[1]]
    middle_row, middle_column = inside.shape[0] // 2, inside.shape[1] // 2
    blank = inside[middle_row + 5 : -5, 5:-5], inside[5:-5, 5 : middle_column - 5]
    assert all(part.min() == 1.0 for part in blank)
    assert (inside[5 : middle_row - 5, middle_column + 5 : -5].min(axis=-1) < 1.0).all()


def test_the_path_is_drawn_with_its_start_and_its_end() -> None:
    point, path = np.array([2.5, 2.0]), []
    for _ in range(10):
        path.append(point)
        point = point - 0.1 * np.array(mg.grad(bowl, (0, 1))(*point))
    axes = plot_surface(bowl, (-3, 3), path=path)
    line = next(line for line in axes.lines if len(line.get_xydata()) == 10)  # type: ignore[arg-type]
    assert np.array_equal(np.asarray(line.get_xydata()), np.array(path))
    end = f"end ({path[-1][0]:.4g}, {path[-1][1]:.4g})"
    assert legend(axes) == ["start (2.5, 2)", end]
    assert np.array_equal(data(axes, "start (2.5, 2)"), [[2.5], [2.0]])
    assert np.array_equal(data(axes, end), path[-1][:, None])
    assert has_colour(pixels(axes), VERMILION)


def test_a_path_does_not_widen_the_picture() -> None:
    axes = plot_surface(bowl, (0, 1), (0, 2), path=[(-1, -1), (5, 5)])
    assert (axes.get_xlim(), axes.get_ylim()) == ((0.0, 1.0), (0.0, 2.0))


def test_intervals_of_a_surface() -> None:
    axes = plot_surface(bowl, (-1, 2))
    assert axes.get_xlim() == axes.get_ylim() == (-1.0, 2.0)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
