"""Plots of functions: what they draw, how that looks, and that files are written whole or not at all."""

from __future__ import annotations

import importlib
import io
import itertools
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import PIL.Image
import pypdfium2
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.contour import QuadContourSet
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.quiver import Quiver

import microgrady as mg
from microgrady import Value, plot, plot_errors, plot_map, plot_surface
from microgrady.drawing.plotting import figures
from microgrady.drawing.plotting.figures import BLUE, COLOURS, LINE_STYLES, VERMILION


@pytest.fixture(autouse=True)
def without_windows() -> Iterator[None]:
    """Draws into memory, and forgets what a test has drawn."""
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


def parabola(x: Any) -> Any:
    return x**2 + mg.sin(x)


def bowl(x: Any, y: Any) -> Any:
    return x**2 + 3 * y**2


# One call of each function, each with all that it can draw.
CALLS: dict[str, Callable[..., Axes]] = {
    "plot": lambda **options: plot(mg.sin, (-3, 3), tangent_at=[-1, 2], **options),
    "secants": lambda **options: plot(parabola, (-3, 3), tangent_at=1, secants=3, **options),
    "plot_surface": lambda **options: plot_surface(bowl, (-2, 2), path=[(1, 1), (0, 0.5)], **options),
    "plot_map": lambda **options: plot_map(abs, [-2, -1, 0, 1], **options),
    "plot_errors": lambda **options: plot_errors(mg.exp, 1.0, **options),
}


def named_line(axes: Axes, label: str) -> Line2D:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return line


def data(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    line = named_line(axes, label)
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def pieces(axes: Axes, label: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The parts of a curve that are drawn without interruption; a lone point is not drawn."""
    x, y = data(axes, label)
    finite = np.isfinite(y)
    edges = np.flatnonzero(np.diff(finite.astype(int))) + 1
    parts = [(a, b) for a, b in zip(np.split(x, edges), np.split(y, edges), strict=True)]
    return [(a, b) for a, b in parts if len(a) > 1 and np.isfinite(b).all()]


def legend(axes: Axes) -> list[str]:
    found = axes.get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def pixels(axes: Axes) -> np.ndarray:
    content = io.BytesIO()
    axes.figure.figure.savefig(content, format="png")
    return matplotlib.image.imread(io.BytesIO(content.getvalue()), format="png")[..., :3]


def has_colour(image: np.ndarray, colour: str, least: int = 100) -> bool:
    return bool((np.abs(image - np.array(to_rgb(colour))).max(axis=-1) < 0.02).sum() > least)


# Curves


def test_curves_are_the_function_and_its_derivatives() -> None:
    axes = plot(lambda x: x**4 - mg.exp(x), (-2, 1.5), derivatives=4)
    closed: list[Callable[[Any], Any]] = [
        lambda x: x**4 - np.exp(x),
        lambda x: 4 * x**3 - np.exp(x),
        lambda x: 12 * x**2 - np.exp(x),
        lambda x: 24 * x - np.exp(x),
        lambda x: 24 - np.exp(x),
    ]
    assert legend(axes) == ["f(x)", "f′(x)", "f″(x)", "f‴(x)", "f⁗(x)"]
    for label, exact in zip(legend(axes), closed, strict=True):
        x, y = data(axes, label)
        assert (x[0], x[-1]) == (-2.0, 1.5)
        assert np.allclose(y, exact(x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("derivatives", range(5))
def test_as_many_derivatives_are_drawn_as_are_asked_for(derivatives: int) -> None:
    assert len(legend(plot(mg.sin, (-3, 3), derivatives=derivatives))) == derivatives + 1


@pytest.mark.parametrize("frequency", [50, 200])
def test_lines_between_the_points_stay_with_the_curve(frequency: float) -> None:
    x, y = data(plot(lambda x: mg.sin(frequency * x), (-3, 3), derivatives=0), "f(x)")
    between = np.linspace(-3, 3, 50_000)
    assert np.abs(np.interp(between, x, y) - np.sin(frequency * between)).max() < 0.02


@pytest.mark.parametrize("waves", [64, 128, 256, 512])
def test_waves_in_step_with_the_first_points_are_seen(waves: int) -> None:
    _, y = data(plot(lambda x: mg.sin(2 * math.pi * waves * x), (0, 1), derivatives=0), "f(x)")
    assert y.max() > 0.99
    assert y.min() < -0.99


def test_a_kink_between_the_points_is_sharp() -> None:
    x, y = data(plot(lambda x: abs(x - 0.3), (-1, 1)), "f(x)")
    between = np.linspace(-1, 1, 9999)
    assert np.abs(np.interp(between, x, y) - abs(between - 0.3)).max() < 1e-3
    assert [set(np.sign(y)) for _, y in pieces(plot(lambda x: abs(x - 0.3), (-1, 1)), "f′(x)")] == [{-1.0}, {1.0}]


def test_a_function_with_a_branch() -> None:
    def f(x: Value) -> Any:
        if x < 0:
            return -x
        return 2.0

    (left, right) = pieces(plot(f, (-3, 3)), "f(x)")
    assert np.array_equal(left[1], -left[0])
    assert set(right[1]) == {2.0}


def test_a_plain_number_is_a_constant_function() -> None:
    axes = plot(lambda x: 5, (-3, 3))
    assert set(data(axes, "f(x)")[1]) == {5.0}
    assert set(data(axes, "f′(x)")[1]) == {0.0}
    low, high = axes.get_ylim()
    assert low < 0.0 < 5.0 < high


@pytest.mark.parametrize("constant", [0.0, 1e-300, -7.0, 1e200])
def test_a_constant_has_room_above_and_below(constant: float) -> None:
    low, high = plot(lambda x: constant, (-3, 3), derivatives=0).get_ylim()
    assert low < constant < high


def test_the_jitter_of_rounding_does_not_fill_the_picture() -> None:
    low, high = plot(lambda x: mg.sin(x) ** 2 + mg.cos(x) ** 2, (-3, 3), derivatives=0).get_ylim()
    assert high - low > 0.5


@pytest.mark.parametrize("pole", [0.0, 0.3, -2.999])
@pytest.mark.parametrize("power", [1, 2, 3])
def test_no_line_is_drawn_through_a_pole(pole: float, power: int) -> None:
    axes = plot(lambda x: 1 / (x - pole) ** power, (-3, 3))
    low, high = axes.get_ylim()
    assert high - low < 100.0 * (1 if pole > -2 else 1e9)
    for label in legend(axes):
        x, y = data(axes, label)
        for left, right in itertools.pairwise(range(len(x))):
            if x[left] < pole < x[right]:
                # Both ends are out of the picture on the same side: nothing of the line is seen.
                assert min(y[left], y[right]) > high or max(y[left], y[right]) < low


def test_the_poles_of_the_tangent() -> None:
    axes = plot(mg.tan, (-3, 3))
    assert [round(x[-1] * 2 / math.pi, 2) for x, _ in pieces(axes, "tan(x)")][:2] == [-1.0, 1.0]
    low, high = axes.get_ylim()
    assert -20 < low < -2 < 2 < high < 50
    for x, y in pieces(axes, "tan(x)"):
        assert (np.diff(y) > 0.0).all(), "every branch of the tangent rises"
        assert np.allclose(y, np.tan(x), rtol=1e-9)


def test_a_narrow_peak_is_no_pole() -> None:
    axes = plot(lambda x: 1 / ((x - 0.3) ** 2 + 1e-4), (-1, 1), derivatives=0)
    assert 0.9e4 < axes.get_ylim()[1] < 1.2e4


def test_growth_is_no_pole() -> None:
    low, high = plot(mg.exp, (-10, 10), derivatives=0).get_ylim()
    assert low < 0.0 < math.exp(10) < high < 1.1 * math.exp(10)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: mg.sin(1 / x),
        lambda x: x * mg.sin(1 / x),
        lambda x: mg.sigmoid(1e6 * x),
        lambda x: 1 / ((x - 0.3) ** 2 + 1e-4),
    ],
)
@pytest.mark.parametrize("derivatives", [1, 2])
def test_steep_places_do_not_flatten_the_function(f: Any, derivatives: int) -> None:
    axes = plot(f, (-1, 1), derivatives=derivatives)
    low, high = axes.get_ylim()
    _, y = data(axes, "f(x)")
    assert low < np.nanmin(y) < np.nanmax(y) < high
    assert np.ptp(y[np.isfinite(y)]) > (0.03 if derivatives == 1 else 0.005) * (high - low)


def test_a_curve_that_oscillates_to_infinity_is_cut_off() -> None:
    low, high = plot(lambda x: mg.sin(1 / x) / x, (-1, 1), derivatives=0).get_ylim()
    assert -100 < low < -1 < 1 < high < 100


def test_a_derivative_that_is_large_everywhere_is_shown() -> None:
    assert plot(lambda x: mg.sin(100 * x), (-1, 1)).get_ylim()[1] > 100.0
    assert plot(lambda x: x, (0, 0.01)).get_ylim()[1] > 1.0


def test_outside_of_the_domain_nothing_is_drawn_not_even_a_derivative() -> None:
    axes = plot(mg.log, (-1, 3))
    for label in ("log(x)", "log′(x)"):
        x, y = data(axes, label)
        assert np.isnan(y[x <= 0.0]).all()
        assert np.isfinite(y[x > 0.01]).all()
    low, high = axes.get_ylim()
    assert -10 < low < high < 20


def test_an_infinite_slope_at_the_end_of_the_domain() -> None:
    axes = plot(mg.sqrt, (-1.1, 4))
    x, y = data(axes, "sqrt(x)")
    first = np.flatnonzero(np.isfinite(y))[0]
    assert 0.0 <= x[first] < 1e-6
    assert y[first] < 1e-3
    assert axes.get_ylim()[1] < 10.0


def test_jumps_are_not_connected() -> None:
    steps = pieces(plot(mg.floor, (-2.5, 2.2)), "floor(x)")
    assert [set(y) for _, y in steps] == [{-3.0}, {-2.0}, {-1.0}, {0.0}, {1.0}, {2.0}]


def test_a_steep_rise_is_connected() -> None:
    assert len(pieces(plot(lambda x: mg.tanh(1e6 * (x - 0.1)), (-3, 3), derivatives=0), "f(x)")) == 1


@pytest.mark.parametrize(
    ("f", "interval"),
    [
        (mg.exp, (0, 1000)),
        (lambda x: 1e300 * x, (-1, 1)),
        (lambda x: x * x, (1e-300, 2e-300)),
        (lambda x: (x - 1) ** 2, (1, 1 + 1e-14)),
        (lambda x: x, (-1e300, 1e300)),
        (lambda x: mg.sin(1e9 * x), (-1, 1)),
        (lambda x: mg.sin(1 / x), (-1, 1)),
        (lambda x: 1000 * x % 1, (-1, 1)),
    ],
)
def test_awkward_functions_are_drawn_without_a_warning(f: Any, interval: tuple[float, float]) -> None:
    assert pixels(plot(f, interval, derivatives=0)).min() < 0.9


def test_a_function_that_uses_a_value_from_outside() -> None:
    w = Value(3.0, "w")
    axes = plot(lambda x: w * x**2, (-1, 1), derivatives=2)
    x, y = data(axes, "f′(x)")
    assert np.allclose(y, 6 * x)
    assert set(data(axes, "f″(x)")[1]) == {6.0}
    assert w.grad == 0.0


def test_the_function_is_called_with_values_inside_the_interval() -> None:
    seen: list[Any] = []

    def f(x: Value) -> Value:
        seen.append(x)
        return x * x

    plot(f, (1, 2), derivatives=2)
    assert {type(x) for x in seen} == {Value}
    assert all(1.0 <= x.data <= 2.0 for x in seen)


def test_a_derivative_as_the_function() -> None:
    axes = plot(mg.grad(mg.sin), (-1, 1))
    assert legend(axes) == ["grad(sin)(x)", "grad(sin)′(x)"]
    x, y = data(axes, "grad(sin)′(x)")
    assert np.allclose(y, -np.sin(x))


# How curves look


def test_axes_are_labelled_and_zero_and_grid_are_drawn() -> None:
    axes = plot(mg.sin, (-3, 3))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "sin(x)")
    assert axes.get_xlim() == (-3.0, 3.0)
    zeros = [line for line in axes.lines if 0.0 in np.ptp(line.get_xydata(), axis=0)]
    assert len(zeros) == 2
    assert all(line.get_visible() for line in axes.get_xgridlines())


def test_curves_differ_in_colour_and_in_style() -> None:
    axes = plot(mg.sin, (-3, 3), derivatives=4)
    lines = [named_line(axes, label) for label in legend(axes)]
    assert [line.get_color() for line in lines] == list(COLOURS)
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == len(LINE_STYLES) == 5  # type: ignore[attr-defined]


def test_curves_are_in_the_pixels() -> None:
    image = pixels(plot(mg.sin, (-3, 3)))
    assert has_colour(image, BLUE, 500)
    assert has_colour(image, VERMILION, 500)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("cost", "cost"), ("<lambda>", "f"), ("_private", "private"), ("__", "f"), ("a$b$", r"a\$b\$")],
)
def test_names(name: str, shown: str) -> None:
    def f(x: Value) -> Value:
        return x

    f.__name__ = name
    axes = plot(f, (0, 1), derivatives=0)
    assert legend(axes) == [f"{shown}(x)"]
    assert pixels(axes).size


def test_a_callable_without_a_name() -> None:
    class Square:
        def __call__(self, x: Value) -> Value:
            return x * x

    assert legend(plot(Square(), (0, 1), derivatives=0)) == ["f(x)"]


# Tangents


def test_a_tangent_touches_the_curve_and_says_its_slope() -> None:
    axes = plot(lambda x: x * 3 + mg.sin(x) - x, (-3, 3), tangent_at=2)
    x, y = data(axes, "tangent")
    slope = 2 + math.cos(2)
    assert np.allclose(y, 4 + math.sin(2) + slope * (x - 2))
    assert texts(axes) == ["slope 1.584"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [(dot.get_xdata()[0], dot.get_ydata()[0]) for dot in dots] == [(2.0, 4 + math.sin(2))]  # type: ignore[index]


def test_several_tangents_share_a_line_of_the_legend() -> None:
    axes = plot(lambda x: x**2, (-3, 3), derivatives=0, tangent_at=np.array([-2.0, 0.0, 1.5]))
    assert texts(axes) == ["slope −4", "slope 0", "slope 3"]
    assert legend(axes) == ["f(x)", "tangent"]


@pytest.mark.parametrize("f", [lambda x: x**2, lambda x: -(x**2), lambda x: 5 * x, lambda x: x**3, mg.cbrt])
def test_the_slopes_are_written_inside_the_picture(f: Any) -> None:
    axes = plot(f, (-3, 3), tangent_at=[-3, 0, 3])
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    frame = axes.get_window_extent()
    for text in axes.texts:
        assert all(frame.contains(x, y) for x, y in text.get_window_extent().corners()), text


@pytest.mark.parametrize(("f", "x"), [(parabola, 2.0), (mg.tanh, 1.0), (lambda x: 1 / x, -2.0), (abs, 0.0)])
def test_the_slope_is_written_where_no_line_is(f: Any, x: float) -> None:
    axes = plot(f, (-3, 3), tangent_at=x)
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    (text,) = axes.texts
    labelled = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    assert len(labelled) >= 2
    for line in labelled:
        path = line.get_transform().transform_path(line.get_path())
        assert not path.intersects_bbox(text.get_window_extent(), filled=False), line


def test_a_kink_has_no_tangent() -> None:
    axes = plot(abs, (-1, 2), tangent_at=[0, 1])
    assert texts(axes) == ["no tangent: kink", "slope 1"]
    assert legend(axes) == ["abs(x)", "abs′(x)", "tangent"]
    x, y = data(axes, "tangent")
    assert np.allclose(y, x)


def test_a_jump_has_no_tangent() -> None:
    assert texts(plot(mg.floor, (-1.5, 1.5), tangent_at=1)) == ["no tangent: jump"]


def test_an_infinite_slope_has_an_upright_tangent() -> None:
    axes = plot(mg.cbrt, (-1, 2), tangent_at=0)
    assert texts(axes) == ["slope ∞"]
    assert [*data(axes, "tangent")[0]] == [0.0, 0.0]


# Secants


def secant_lines(axes: Axes) -> list[Line2D]:
    return [line for line in axes.lines if str(line.get_label()).startswith("h = ")]


def test_secants_close_in_on_the_tangent() -> None:
    axes = plot(lambda x: x**2, (-3, 3), derivatives=0, tangent_at=1, secants=4)
    assert legend(axes) == [
        "f(x)",
        "h = 2: slope 4",
        "h = 1: slope 3",
        "h = 0.5: slope 2.5",
        "h = 0.25: slope 2.25",
        "tangent: slope 2",
    ]
    for line, step in zip(secant_lines(axes), [2, 1, 0.5, 0.25], strict=True):
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        assert np.allclose(y, 1 + (2 + step) * (x - 1))


def test_secants_go_from_pale_to_strong() -> None:
    axes = plot(lambda x: x**2, (-3, 3), tangent_at=1, secants=6)
    lightness = [sum(to_rgb(line.get_color())) for line in secant_lines(axes)]
    assert lightness == sorted(lightness, reverse=True)
    assert lightness[0] - lightness[-1] > 0.8


def test_the_steps_of_secants_can_be_given() -> None:
    axes = plot(lambda x: x**2, (-3, 3), tangent_at=1, secants=[-3, 0.1, -0.1])
    assert legend(axes)[2:-1] == ["h = −3: slope −1", "h = 0.1: slope 2.1", "h = −0.1: slope 1.9"]


@pytest.mark.parametrize(("x", "first"), [(-3.0, "4"), (1.0, "2"), (2.0, "−4"), (3.0, "−4"), (1.6, "1")])
def test_the_first_step_fits_into_the_interval(x: float, first: str) -> None:
    axes = plot(lambda x: x**2, (-3, 3), tangent_at=x, secants=1)
    assert legend(axes)[2].startswith(f"h = {first}: ")


def test_the_ends_of_secants_are_in_the_picture() -> None:
    axes = plot(lambda x: 1 / x, (-3, 3), tangent_at=1, secants=[-0.99])
    assert axes.get_ylim()[1] > 100.0


def test_secants_at_a_kink_show_why_there_is_no_tangent() -> None:
    axes = plot(abs, (-2, 2), derivatives=0, tangent_at=0, secants=[-1, 1])
    assert legend(axes) == ["abs(x)", "h = −1: slope −1", "h = 1: slope 1", "no tangent: kink"]


def test_the_animation_has_a_frame_for_each_secant_and_the_tangent_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []
    original = figures.rendered

    def rendered(axes: Axes, *others: Any) -> bytes:
        titles.append(axes.get_title())
        return original(axes, *others)

    monkeypatch.setattr(figures, "rendered", rendered)
    axes = plot(lambda x: x**2, (-3, 3), tangent_at=1, secants=3, to=tmp_path / "secants.gif")
    assert titles == ["h = 2: slope 4", "h = 1: slope 3", "h = 0.5: slope 2.5", "tangent: slope 2"]
    assert axes.get_title() == "tangent: slope 2"
    with PIL.Image.open(tmp_path / "secants.gif") as image:
        frames, durations = [], []
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
        assert image.info["loop"] == 0
    assert len(frames) == 4
    assert durations[0] == durations[1] == durations[2] < durations[3]
    for one, other in itertools.combinations(frames, 2):
        assert (one != other).any(axis=-1).sum() > 500
    # Only the line, its title and its points change: the axes and the legend stay where they are.
    for one, other in itertools.pairwise(frames):
        assert (one != other).any(axis=-1).mean() < 0.05


def test_an_animation_may_have_more_secants_than_a_picture(tmp_path: Path) -> None:
    steps = np.linspace(2, 0.1, 11)
    plot(mg.exp, (-3, 3), derivatives=0, tangent_at=0, secants=steps, to=tmp_path / "secants.gif")
    with PIL.Image.open(tmp_path / "secants.gif") as image:
        assert image.n_frames == 12  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="1 to 10 secants here, not 11"):
        plot(mg.exp, (-3, 3), tangent_at=0, secants=steps, to=tmp_path / "secants.png")


# Surfaces


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
        (lambda x, y: -1e299, "−1e+299"),
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


# Maps


def dots(axes: Axes) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    left, right = ([(float(x), float(y)) for x, y in np.asarray(line.get_xydata())] for line in axes.lines)
    return left, right


def test_arrows_lead_from_each_point_to_its_image() -> None:
    axes = plot_map(lambda x: x**2, [1, -2, 2, 0, -1])
    left, right = dots(axes)
    assert texts(axes) == ["domain", "codomain", "f", "−2", "−1", "0", "1", "2", "0", "1", "4"]
    heads = [tuple(arrow._posA_posB) for arrow in axes.patches if isinstance(arrow, FancyArrowPatch)]  # type: ignore[attr-defined]
    assert heads == [
        (left[0], right[2]),
        (left[1], right[1]),
        (left[2], right[0]),
        (left[3], right[1]),
        (left[4], right[2]),
    ]


def test_numbers_ascend_in_both_ovals_and_stand_beside_their_dots() -> None:
    axes = plot_map(lambda x: -x, [3, 1, 2])
    for places, labels in zip(dots(axes), (axes.texts[3:6], axes.texts[6:]), strict=True):
        assert [y for _, y in places] == sorted(y for _, y in places)
        assert [text.xy for text in labels] == places  # type: ignore[attr-defined]
    assert texts(axes)[3:] == ["1", "2", "3", "−3", "−2", "−1"]


@pytest.mark.parametrize("width", [2.5, 6.4, 12.0])
def test_numbers_are_as_far_from_their_dots_on_small_axes_as_on_large(width: float) -> None:
    figure = pyplot.figure(figsize=(width, 3), layout="constrained")
    axes = plot_map(lambda x: -x, [1, 2, 3], ax=figure.subplots())
    figure.draw_without_rendering()
    left, right = dots(axes)
    for place, text in zip((*left, *right), axes.texts[3:], strict=True):
        box, x = text.get_window_extent(), axes.transData.transform(place)[0]
        points = min(abs(box.x0 - x), abs(box.x1 - x)) * 72 / figure.dpi
        assert 7 < points < 10


def test_images_that_differ_by_rounding_are_one() -> None:
    axes = plot_map(mg.sin, [0, math.pi / 2, math.pi])
    assert texts(axes)[6:] == ["0", "1"]
    assert texts(plot_map(lambda x: x, [1.0, 1.0 + 1e-9]))[3:] == ["1", "1.000000001"] * 2


def test_a_point_that_comes_twice_is_one() -> None:
    assert texts(plot_map(abs, [1, 1.0, -1, 0.0, -0.0]))[3:] == ["−1", "0", "1", "0", "1"]


def test_infinity_is_an_image() -> None:
    assert texts(plot_map(lambda x: 1 / x, [0, 0.25]))[3:] == ["0", "0.25", "4", "∞"]


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("scale", [1.0, -1.2345e-7])
def test_texts_lie_inside_the_ovals_and_apart(count: int, scale: float) -> None:
    axes = plot_map(lambda x: 1.2345e-9 * x, [scale * (index + 1 / 3) for index in range(count)])
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    boxes = [text.get_window_extent() for text in axes.texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    ovals = [patch for patch in axes.patches if not isinstance(patch, FancyArrowPatch)]
    assert len(ovals) == 2
    for index, box in enumerate(boxes[3:]):
        oval = ovals[index >= count]
        assert all(oval.contains_point(corner) for corner in box.corners())


def test_a_map_has_the_name_of_the_function() -> None:
    assert texts(plot_map(mg.floor, [0.5]))[:3] == ["domain", "codomain", "floor"]
    assert not plot_map(mg.floor, [0.5]).axison


# Errors of difference quotients


def test_the_errors_are_those_of_the_difference_quotients() -> None:
    axes = plot_errors(mg.exp, 1.0)
    forward, central = (line for line in axes.lines if "best" in str(line.get_label()))
    steps = np.asarray(forward.get_xdata(), dtype=float)
    assert (steps.max(), steps.min()) == (1.0, 1e-16)
    exact = [
        [abs((math.exp(1 + d) - math.e) / d - math.e) for d in steps],
        [abs((math.exp(1 + d) - math.exp(1 - d)) / (2 * d) - math.e) for d in steps],
    ]
    for line, errors in zip((forward, central), exact, strict=True):
        assert np.allclose(np.asarray(line.get_ydata(), dtype=float), errors, rtol=1e-12)
        at = int(np.argmin(errors))
        assert line.get_markevery() == [at]
        best = f"best δ = {steps[at]:.2g}, error {errors[at]:.2g}".replace("-", "−")
        assert str(line.get_label()).endswith(best)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "step δ"
    assert axes.get_title() == "exp′(1) = 2.718"


def test_thin_lines_follow_what_theory_says() -> None:
    axes = plot_errors(mg.exp, 1.0)
    assert texts(axes) == ["∝ δ", "∝ δ²", "∝ 1/δ"]
    guides = [np.asarray(line.get_xydata()) for line in axes.lines if str(line.get_label()).startswith("_")]
    powers = [np.log(y[1] / y[0]) / np.log(x[1] / x[0]) for x, y in (guide.T for guide in guides)]
    assert np.allclose(powers, [1, 2, -1])
    factors = [y[1] / x[1] ** power for (x, y), power in zip((guide.T for guide in guides), (1, 2, -1), strict=True)]
    assert np.allclose(factors, [math.e / 2, math.e / 6, 3 * math.e * 2**-53])
    # In the middle of its range, each quotient errs as the theory says.
    forward, central = (line for line in axes.lines if "best" in str(line.get_label()))
    for line, step, power, factor in ((forward, 1e-4, 1, math.e / 2), (central, 1e-2, 2, math.e / 6)):
        x, y = np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)
        assert y[np.abs(x / step - 1) < 1e-9] == pytest.approx(factor * step**power, rel=1e-3)


@pytest.mark.parametrize(
    ("f", "x"), [(mg.sqrt, 1e-6), (mg.sin, 1.0), (mg.exp, 1.0), (lambda x: x**3, 2.0), (mg.log, 0.5), (mg.tanh, 3.0)]
)
def test_each_thin_line_has_its_text_beside_it_and_away_from_all_others(f: Any, x: float) -> None:
    axes = plot_errors(f, x)
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    frame, covering = axes.get_window_extent(), axes.get_legend()
    assert covering is not None
    guides = [line for line in axes.lines if str(line.get_label()).startswith("_")]
    for guide, text in zip(guides, axes.texts, strict=True):
        box = text.get_window_extent()
        assert all(frame.contains(*corner) for corner in box.corners())
        assert not box.overlaps(covering.get_window_extent())
        for line in axes.lines:
            path = line.get_transform().transform_path(line.get_path())
            assert path.intersects_bbox(box.padded(8), filled=False) == (line is guide), (text, line)
            assert not path.intersects_bbox(box, filled=False)


def test_what_numeric_derivative_reaches_is_a_level() -> None:
    axes = plot_errors(mg.exp, 1.0)
    estimate = mg.numeric_derivative(lambda x: mg.exp(Value(x)).data, 1.0)
    bound, reached = (line for line in axes.lines if "numeric_derivative" in str(line.get_label()))
    assert set(bound.get_ydata()) == {estimate.error}  # type: ignore[arg-type]
    assert set(reached.get_ydata()) == {abs(estimate.value - math.e)}  # type: ignore[arg-type]
    low, high = axes.get_ylim()
    assert low < min(estimate.error, abs(estimate.value - math.e)) < high


def test_errors_of_zero_are_marked_at_the_bottom() -> None:
    axes = plot_errors(lambda x: 4, 1.0)
    assert "forward difference: error 0" in legend(axes)
    marks = [line for line in axes.lines if line.get_marker() == "v" and len(line.get_xdata()) == 193]  # type: ignore[arg-type]
    assert len(marks) == 2
    assert texts(axes) == ["∝ 1/δ"]


def test_a_kink_has_no_bound() -> None:
    assert "numeric_derivative: bound ∞ (kink)" in legend(plot_errors(abs, 0.0))


def test_steps_that_leave_the_domain_have_no_error() -> None:
    axes = plot_errors(mg.log, 0.5)
    central = next(line for line in axes.lines if str(line.get_label()).startswith("central"))
    x, y = np.asarray(central.get_xdata(), dtype=float), np.asarray(central.get_ydata(), dtype=float)
    assert np.isnan(y[x > 0.5]).all()
    assert np.isfinite(y[x < 0.4]).all()


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (mg.sin, 0.0),
        (mg.sin, 1e10),
        (lambda x: 1e-200 * mg.exp(x), 1.0),
        (lambda x: 1e200 * x**3, 1.0),
        (mg.exp, -700.0),
    ],
)
def test_errors_at_awkward_points_are_drawn_without_a_warning(f: Any, x: float) -> None:
    assert has_colour(pixels(plot_errors(f, x)), VERMILION)


# Figures


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
    axes = plot(mg.sin, (-3, 3))
    plot(lambda x: 10 * x, (-1, 4), derivatives=0, ax=axes)
    assert legend(axes) == ["sin(x)", "sin′(x)", "f(x)"]
    assert len({named_line(axes, label).get_color() for label in legend(axes)}) == 3
    assert axes.get_xlim() == (-3.0, 4.0)
    assert axes.get_ylim()[1] > 40.0


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


def test_nothing_stays_open_when_drawing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Axes, "legend", None)
    with pytest.raises(TypeError):
        plot(mg.sin, (-3, 3), to=tmp_path / "z.png")
    with pytest.raises(TypeError):
        plot(mg.sin, (-3, 3))
    assert pyplot.get_fignums() == []


def test_importing_the_plots_imports_no_matplotlib_and_no_numpy() -> None:
    program = "import sys, microgrady.drawing.plotting; print('matplotlib' in sys.modules, 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
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
        "secants": ["h = 1: slope 3.068", "tangent: slope 2.54"],
        "plot_surface": ["bowl(x, y)", "start (1, 1)"],
        "plot_map": ["codomain", "−2"],
        "plot_errors": ["step δ", "∝ δ²"],
    }[name]


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
        assert f"<!-- {text} -->" in svg
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


# What functions do wrong

OF_ONE: dict[str, Callable[..., Axes]] = {
    "plot": lambda f, **options: plot(f, (1, 3), **options),
    "tangent": lambda f, **options: plot(f, (1, 3), tangent_at=2, **options),
    "plot_surface": lambda f, **options: plot_surface(lambda x, y: f(x), (1, 3), **options),
    "plot_map": lambda f, **options: plot_map(f, [1, 2], **options),
    "plot_errors": lambda f, **options: plot_errors(f, 1.5, **options),
}


@pytest.mark.parametrize("error", [ZeroDivisionError, ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("name", OF_ONE)
def test_an_error_in_the_function_surfaces_as_it_is(name: str, error: type[BaseException], tmp_path: Path) -> None:
    raised = error("mine")

    def f(x: Value) -> Value:
        raise raised

    with pytest.raises(error) as caught:
        OF_ONE[name](f, to=tmp_path / "z.png")
    assert caught.value is raised
    assert list(tmp_path.iterdir()) == []
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("result", ["text", None, [1.0], 1j, np.zeros(2)], ids=repr)
@pytest.mark.parametrize("name", OF_ONE)
def test_a_function_that_returns_no_number_is_refused(name: str, result: Any) -> None:
    with pytest.raises(TypeError, match=f"returns one number, but f returned {type(result).__name__}"):
        OF_ONE[name](lambda x: result)


@pytest.mark.parametrize("name", ["plot", "tangent", "plot_errors"])
def test_a_function_that_loses_the_derivative_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=re.escape("write mg.sin(...) for math.sin(...)")):
        OF_ONE[name](lambda x: math.sin(x))


@pytest.mark.parametrize("result", [True, np.float64(2.0), np.array(2.0), np.int64(2)], ids=repr)
@pytest.mark.parametrize("name", OF_ONE)
def test_all_kinds_of_numbers_are_numbers(name: str, result: Any) -> None:
    assert OF_ONE[name](lambda x: result)
    assert OF_ONE[name](lambda x: x * result)


def test_a_function_that_is_finite_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("log has no finite value between -3.0 and -1.0")):
        plot(mg.log, (-3, -1))
    with pytest.raises(ValueError, match=re.escape("f has no finite value for x in (-3.0, -1.0) and y in (0.0, 1.0)")):
        plot_surface(lambda x, y: mg.log(x), (-3, -1), (0, 1))


# Bad input

NAN, INF = math.nan, math.inf
HALF = "0.5"
BAD: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "no function": (plot, (3, (0, 1)), {}, TypeError, "plot takes a function, not int (3)"),
    "no function of two": (plot_surface, (3, (0, 1)), {}, TypeError, "plot_surface takes a function, not int (3)"),
    "no function to map": (plot_map, ("sin", [1]), {}, TypeError, "plot_map takes a function, not str ('sin')"),
    "no function to err": (plot_errors, (None, 1), {}, TypeError, "plot_errors takes a function, not NoneType (None)"),
    "ends swapped": (plot, (abs, (3, -3)), {}, ValueError, "two finite numbers in ascending order, such as (-3, 3)"),
    "ends equal": (plot, (abs, (1, 1)), {}, ValueError, "ascending order, such as (-3, 3), not (1, 1)"),
    "three ends": (plot, (abs, (1, 2, 3)), {}, ValueError, "such as (-3, 3), not (1, 2, 3)"),
    "no ends": (plot, (abs, ()), {}, ValueError, "such as (-3, 3), not ()"),
    "an end is nan": (plot, (abs, (0, NAN)), {}, ValueError, "the two ends of the interval must be finite numbers"),
    "an end is inf": (plot, (abs, (0, INF)), {}, ValueError, "finite numbers, not tuple ((0, inf))"),
    "ends too large": (plot, (abs, (0, 1e305)), {}, ValueError, "not reach beyond 1e+300"),
    "an interval of text": (plot, (abs, "ab"), {}, TypeError, "real numbers in a sequence, not str ('ab')"),
    "an end of text": (plot, (abs, (0, "b")), {}, TypeError, "real numbers in a sequence, not tuple ((0, 'b'))"),
    "a number as interval": (plot, (abs, 3), {}, TypeError, "real numbers in a sequence, not int (3)"),
    "a set as interval": (plot, (abs, {0, 1}), {}, TypeError, "real numbers in a sequence, not set"),
    "an end is a Value": (plot, (abs, (0, Value(1.0))), {}, TypeError, "real numbers in a sequence"),
    "derivatives below 0": (plot, (abs, (0, 1)), {"derivatives": -1}, ValueError, "an int from 0 to 4, not -1"),
    "derivatives above 4": (plot, (abs, (0, 1)), {"derivatives": 5}, ValueError, "an int from 0 to 4, not 5"),
    "derivatives no int": (plot, (abs, (0, 1)), {"derivatives": 1.0}, ValueError, "an int from 0 to 4, not 1.0"),
    "derivatives None": (plot, (abs, (0, 1)), {"derivatives": None}, ValueError, "an int from 0 to 4, not None"),
    "tangent outside": (plot, (abs, (0, 1)), {"tangent_at": 2}, ValueError, "from 0.0 to 1.0, and 2.0 does not"),
    "one outside": (plot, (abs, (0, 1)), {"tangent_at": [0.5, -1]}, ValueError, "from 0.0 to 1.0, and -1.0 does not"),
    "tangent at nan": (plot, (abs, (0, 1)), {"tangent_at": NAN}, ValueError, "tangent_at must be finite numbers"),
    "tangent at text": (plot, (abs, (0, 1)), {"tangent_at": HALF}, TypeError, "tangent_at must be real numbers"),
    "tangents nowhere": (plot, (abs, (0, 1)), {"tangent_at": []}, ValueError, "a number or several, and none came"),
    "secants alone": (plot, (abs, (0, 1)), {"secants": 3}, ValueError, "secants need the one point"),
    "two points": (plot, (abs, (0, 1)), {"secants": 3, "tangent_at": [0, 1]}, ValueError, "tangent_at has 2"),
    "no secants": (plot, (abs, (0, 1)), {"secants": 0, "tangent_at": HALF}, TypeError, "tangent_at must be real"),
    "secants 0": (plot, (abs, (0, 1)), {"secants": 0, "tangent_at": 0.5}, ValueError, "1 to 10 secants here, not 0"),
    "secants below 0": (plot, (abs, (0, 1)), {"secants": -2, "tangent_at": 0.5}, ValueError, "secants here, not -2"),
    "too many secants": (plot, (abs, (0, 1)), {"secants": 11, "tangent_at": 0.5}, ValueError, "secants here, not 11"),
    "secants empty": (plot, (abs, (0, 1)), {"secants": [], "tangent_at": 0.5}, ValueError, "secants here, not 0"),
    "secants no int": (plot, (abs, (0, 1)), {"secants": 2.5, "tangent_at": 0.5}, TypeError, "an int, or a sequence"),
    "secants True": (plot, (abs, (0, 1)), {"secants": True, "tangent_at": 0.5}, TypeError, "an int, or a sequence"),
    "a step of 0": (plot, (abs, (0, 1)), {"secants": [0], "tangent_at": 0.5}, ValueError, "a secant needs two points"),
    "a tiny step": (plot, (abs, (0, 1)), {"secants": [1e-20], "tangent_at": 0.5}, ValueError, "there is but one"),
    "a wide step": (plot, (abs, (0, 1)), {"secants": [0.7], "tangent_at": 0.5}, ValueError, "with the step 0.7"),
    "a step of nan": (plot, (abs, (0, 1)), {"secants": [NAN], "tangent_at": 0.5}, ValueError, "must be finite numbers"),
    "a step of text": (plot, (abs, (0, 1)), {"secants": "ab", "tangent_at": 0.5}, TypeError, "steps of secants must"),
    "ax no Axes": (plot, (abs, (0, 1)), {"ax": 3}, TypeError, "ax must be matplotlib Axes or None, not int (3)"),
    "y swapped": (plot_surface, (bowl, (0, 1), (1, 0)), {}, ValueError, "y_interval must be two finite numbers"),
    "x swapped": (plot_surface, (bowl, (1, 0)), {}, ValueError, "x_interval must be two finite numbers"),
    "path empty": (plot_surface, (bowl, (0, 1)), {"path": []}, ValueError, "at least one point, and there is none"),
    "path a number": (plot_surface, (bowl, (0, 1)), {"path": 3}, TypeError, "a sequence of points (x, y), not int (3)"),
    "path of numbers": (plot_surface, (bowl, (0, 1)), {"path": [1, 2]}, TypeError, "two coordinates of a point"),
    "path of triples": (plot_surface, (bowl, (0, 1)), {"path": [(1, 2, 3)]}, ValueError, "[1.0, 2.0, 3.0] has 3"),
    "path to nan": (plot_surface, (bowl, (0, 1)), {"path": [(0, NAN)]}, ValueError, "must be finite numbers"),
    "path of text": (plot_surface, (bowl, (0, 1)), {"path": "ab"}, TypeError, "a sequence of points (x, y), not str"),
    "points empty": (plot_map, (abs, []), {}, ValueError, "a map shows 1 to 12 points, not none"),
    "points too many": (plot_map, (abs, range(13)), {}, ValueError, "a map shows 1 to 12 points, not 13"),
    "a point of nan": (plot_map, (abs, [NAN]), {}, ValueError, "the points must be finite numbers"),
    "a point of text": (plot_map, (abs, ["1"]), {}, TypeError, "the points must be real numbers in a sequence"),
    "points a number": (plot_map, (abs, 3), {}, TypeError, "must be real numbers in a sequence, not int (3)"),
    "the point nan": (plot_errors, (abs, NAN), {}, ValueError, "the point must be a finite number, not nan"),
    "the point inf": (plot_errors, (abs, INF), {}, ValueError, "the point must be a finite number, not inf"),
    "the point text": (plot_errors, (abs, "1"), {}, TypeError, "the point must be a real number, not str ('1')"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_any_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, args, options, error, sentence = BAD[name]
    for work in ("one_number", "value_at", "axes_to_draw_on"):
        monkeypatch.setattr(figures, work, None)
    called: list[Any] = []
    if callable(args[0]):
        args = (lambda *point: called.append(point), *args[1:])
    with pytest.raises(error, match=re.escape(sentence)):
        function(*args, **options)
    assert called == []
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("to", "error", "sentence"),
    [
        ("z.gif", ValueError, "a .gif shows secants one after the other, and 'z.gif' would have none"),
        ("z.bmp", ValueError, "ends in one of .svg, .png, .pdf, not 'z.bmp'"),
        ("z", ValueError, "not 'z'"),
        ("", ValueError, "not ''"),
        ("nowhere/z.svg", ValueError, "there is no folder 'nowhere' to write 'z.svg' into"),
        (3, TypeError, "path of a file, not int"),
        (b"z.svg", TypeError, "path of a file, not bytes"),
    ],
)
@pytest.mark.parametrize("name", OF_ONE)
def test_bad_targets_are_refused_before_any_work(
    name: str, to: Any, error: type[Exception], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    called: list[Any] = []
    with pytest.raises(error, match=re.escape(sentence)):
        OF_ONE[name](called.append, to=to)
    assert called == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("nowhere/z.gif", "there is no folder 'nowhere' to write 'z.gif' into"),
        ("z.bmp", "ends in one of .svg, .png, .pdf, .gif, not 'z.bmp'"),
        ("folder.gif", "'folder.gif' is a folder, not a file to write"),
    ],
)
def test_bad_targets_of_animations_are_refused(
    to: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(ValueError, match=re.escape(sentence)):
        CALLS["secants"](to=to)


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (lambda: plot(mg.log, (-1, 3), tangent_at=-0.5), "log has no tangent at -0.5: its value there is nan"),
        (lambda: plot(lambda x: 1 / x, (-1, 3), tangent_at=0), "f has no tangent at 0.0: its value there is inf"),
        (
            lambda: plot(mg.log, (-1, 3), tangent_at=1, secants=[-1.5]),
            "log has no secant from 1.0 to -0.5: its value there is nan",
        ),
        (lambda: plot_map(mg.log, [-1, 1]), "-1.0 is not in the domain of log: its value there is nan"),
        (lambda: plot_errors(mg.log, -1.0), "log and its derivative must be finite at -1.0, and are nan and"),
        (lambda: plot_errors(mg.sqrt, 0.0), "sqrt and its derivative must be finite at 0.0, and are 0.0 and inf"),
    ],
)
def test_points_outside_of_the_domain_are_refused(draw: Callable[[], Axes], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        draw()
    assert pyplot.get_fignums() == []
