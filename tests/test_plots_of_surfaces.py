"""Plots of functions of two numbers: contours, arrows, paths."""

from __future__ import annotations

import functools
import math
import re
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.patches import FancyArrow
from matplotlib.quiver import Quiver

import microgrady as mg
from microgrady import plot_surface
from microgrady.drawing.plotting import contours as seen_from_above
from microgrady.drawing.plotting.contours import contour_levels
from microgrady.drawing.plotting.fields import names_of
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
    assert legend(axes) == ["gradient, size 1 to 2"]


@pytest.mark.parametrize("range_of_sizes", [1e3, 1e8, 1e14])
def test_gradients_of_very_different_sizes_have_arrows_to_be_seen(range_of_sizes: float) -> None:
    rate = math.log(range_of_sizes) / 4
    axes = plot_surface(lambda x, y: mg.exp(rate * x) + 0 * y, (-2, 2))
    lengths = np.hypot(arrows(axes).U, arrows(axes).V)
    assert (lengths > 0.15 * lengths.max()).mean() > 0.85
    assert lengths.max() < 4 / 15
    assert axes.get_title() == "f(x, y)"
    (sizes,) = [tuple(map(float, text.split()[2::2])) for text in legend(axes)]
    assert sizes[1] / sizes[0] > range_of_sizes**0.8


def test_arrows_of_a_flat_function_are_left_out() -> None:
    axes = plot_surface(lambda x, y: 4, (-3, 3))
    assert not [artist for artist in axes.collections if isinstance(artist, Quiver)]
    assert axes.get_legend() is None


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
    grid = np.linspace(-2, 2, 80)
    values = np.zeros((80, 80)) + f(grid[None, :], grid[:, None])
    levels = contour_levels(values, "shares")
    assert levels == sorted(set(levels))
    assert levels[0] <= values.min()
    assert values.max() <= levels[-1]
    shares = np.histogram(values, levels)[0] / values.size
    assert shares.max() < 0.45 or len(levels) == 2


@pytest.mark.parametrize(("low", "high"), [(0.0, 36.0), (-5.5, 1e7), (1e-300, 2e-300), (-1e299, 1e300), (1e9, 1e9 + 4)])
def test_levels_are_at_equal_distances_unless_told_otherwise(low: float, high: float) -> None:
    levels = np.array(contour_levels(np.array([[low, high], [low, np.nan]]), "equal"))
    assert np.allclose(np.diff(levels / levels[-1]) / np.diff(levels / levels[-1])[0], 1.0, atol=1e-5)
    assert 7 <= len(levels) <= 15
    assert levels[0] <= low < high <= levels[-1]


@pytest.mark.parametrize("levels", ["equal", "shares"])
def test_the_colour_bar_has_the_name_and_all_levels(levels: Any) -> None:
    axes = plot_surface(bowl, (-3, 3), levels=levels)
    (beside,) = axes.child_axes
    assert beside.get_ylabel() == "bowl(x, y)"
    assert [text.get_text() for text in beside.get_yticklabels()] == [f"{level:g}" for level in contours(axes).levels]
    assert axes.get_title() == "bowl(x, y)"


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
    assert legend(axes)[1:] == ["start (2.5, 2)", end]
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


@pytest.mark.usefixtures("coarse")
def test_axes_have_the_names_of_the_parameters() -> None:
    def loss(w: Any, b: Any) -> Any:
        return w * b

    axes = plot_surface(loss, (-1, 2))
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("loss(w, b)", "w", "b")
    assert names_of(lambda *both: 0) == names_of(max) == ("x", "y")
    three: Any = lambda a, w, b: 0  # noqa: E731
    assert names_of(functools.partial(three, 1)) == ("w", "b")
    with pytest.raises(ValueError, match=re.escape("f has no finite value for w in (-2.0, -1.0) and b in (0.0, 1.0)")):
        plot_surface(lambda w, b: mg.log(w), (-2, -1), (0, 1))


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask functions for few values, which takes less time."""
    monkeypatch.setattr(seen_from_above, "VALUES", 20)
    monkeypatch.setattr(seen_from_above, "ARROWS", 5)


# Several paths


def path_lines(axes: Axes, length: int) -> list[Any]:
    return [line for line in axes.lines if len(line.get_xdata()) == length]  # type: ignore[arg-type]


PATHS = [[(0, 0), (1, 1), (2, 0)], [(-1, 2), (1, 2), (-1, -1)]]


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (PATHS, ("path 1", "path 2")),
        (np.array(PATHS), ("path 1", "path 2")),
        (map(iter, PATHS), ("path 1", "path 2")),
        ({"plain": PATHS[0], "momentum": PATHS[1]}, ("plain", "momentum")),
    ],
)
def test_several_paths_have_their_own_lines_and_names(paths: Any, names: tuple[str, str]) -> None:
    axes = plot_surface(bowl, (-3, 3), path=paths)
    first, second = path_lines(axes, 3)
    assert np.array_equal([first.get_xydata(), second.get_xydata()], PATHS)
    assert first.get_color() != second.get_color()
    assert first.get_linestyle() != second.get_linestyle()
    assert legend(axes)[1:] == [f"{names[0]}: 2 steps to (2, 0)", f"{names[1]}: 2 steps to (-1, -1)"]


@pytest.mark.usefixtures("coarse")
def test_a_dict_of_one_path_is_one_path() -> None:
    assert legend(plot_surface(bowl, (-3, 3), path={"plain": PATHS[0]}))[1:] == ["start (0, 0)", "end (2, 0)"]


# The legend


@pytest.mark.usefixtures("coarse")
def test_the_legend_covers_nothing_and_has_an_arrow_for_the_arrows() -> None:
    axes = plot_surface(bowl, (-3, 3), path=PATHS, cuts={"x": 1, "y": 0})
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    found = axes.get_legend()
    assert found is not None
    box = found.get_window_extent()
    assert not box.overlaps(axes.get_window_extent())
    numbers = axes.xaxis.get_tightbbox()
    assert numbers is not None
    assert not box.overlaps(numbers)
    assert axes.figure.bbox.y0 <= box.y0
    assert isinstance(found.legend_handles[0], FancyArrow)


@pytest.mark.usefixtures("coarse")
def test_without_a_layout_that_makes_room_the_axes_make_it() -> None:
    figure, grid = pyplot.subplots(2, 2)
    for axes in grid.flat:
        plot_surface(bowl, (-3, 3), path=PATHS[0], ax=axes)
    figure.draw_without_rendering()
    legends = [axes.get_legend().get_window_extent() for axes in grid.flat]
    for box in legends:
        assert all(figure.bbox.contains(*corner) for corner in box.corners())
        assert not box.count_overlaps([axes.get_window_extent() for axes in grid.flat])
        assert box.count_overlaps(legends) == 1


# Cuts


@pytest.mark.usefixtures("coarse")
def test_the_legend_tells_the_partial_derivatives_where_cuts_meet() -> None:
    axes = plot_surface(bowl, (-3, 3), cuts={"y": -1, "x": 0.5})
    assert legend(axes)[1:] == ["x = 0.5: ∂bowl/∂y = -6 at y = -1", "y = -1: ∂bowl/∂x = 1 at x = 0.5"]
    assert np.array_equal(data(axes, legend(axes)[1])[0], [0.5, 0.5])
    assert np.array_equal(data(axes, legend(axes)[2])[1], [-1, -1])
    assert legend(plot_surface(bowl, (-3, 3), (0, 4), cuts={"x": 1}))[1:] == ["x = 1: ∂bowl/∂y = 12 at y = 2"]


@pytest.mark.usefixtures("coarse")
def test_a_kink_has_no_slope_and_a_steep_end_an_infinite_one() -> None:
    axes = plot_surface(lambda x, y: abs(x) + mg.sqrt(y), (-1, 1), (0, 1), cuts={"x": 0, "y": 0})
    assert legend(axes)[1:] == ["x = 0: ∂f/∂y = ∞ at y = 0", "y = 0: no ∂f/∂x at x = 0, a kink"]


@pytest.mark.usefixtures("coarse")
def test_the_slope_of_a_single_cut_is_in_the_middle_of_where_it_has_values() -> None:
    axes = plot_surface(lambda x, y: mg.log(x) + y, (-3, 3), cuts={"y": 1})
    assert legend(axes)[1:] == ["y = 1: ∂f/∂x = 0.6667 at x = 1.5"]


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("kind", ["contours", "surface"])
def test_what_a_function_raises_for_and_what_is_too_large_is_left_blank(kind: Any) -> None:
    def f(x: Any, y: Any) -> Any:
        return mg.log(x) + y if x > 0 else math.log(x.data)

    assert plot_surface(f, (-3, 3), kind=kind, cuts={"y": 1, "x": 2}).get_title() == "f(x, y)"
    title = "f(x, y), not drawn beyond 1e+300"
    assert plot_surface(lambda x, y: x * 1e301, (-1, 1), kind=kind).get_title() == title
    title = "f(x, y), up to 1e-300: too small to be drawn"
    assert plot_surface(lambda x, y: x * 1e-300, (-1, 1), kind=kind).get_title() == title
    with pytest.raises(ValueError, match=re.escape("f has no value up to 1e+300 for x in (-1.0, 1.0) and y in ")):
        plot_surface(lambda x, y: x + 1e305, (-1, 1), kind=kind)


@pytest.mark.usefixtures("coarse")
def test_a_cut_at_a_pole_is_refused() -> None:
    with pytest.raises(
        ValueError, match=re.escape("a tangent of a cut needs a value that can be drawn, and f at (0.0, ")
    ):
        plot_surface(lambda x, y: y / x, (-1, 3), cuts={"x": 0})
