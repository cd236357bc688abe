"""Plots of functions: what they draw, how that looks, and that files are written whole or not at all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

import microgrady as mg
from microgrady import Value, plot
from microgrady.drawing.plotting import figures
from microgrady.drawing.plotting.figures import BLUE, COLOURS, LINE_STYLES, VERMILION, path_on_page
from microgrady.drawing.style import INK
from tests.figures import curves, data, has_colour, legend, named_line, parabola, pixels, texts

pytestmark = pytest.mark.usefixtures("without_windows")


def pieces(axes: Axes, label: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The parts of a curve that are drawn without interruption; a lone point is not drawn."""
    x, y = data(axes, label)
    finite = np.isfinite(y)
    edges = np.flatnonzero(np.diff(finite.astype(int))) + 1
    parts = [(a, b) for a, b in zip(np.split(x, edges), np.split(y, edges), strict=True)]
    return [(a, b) for a, b in parts if len(a) > 1 and np.isfinite(b).all()]


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
    assert curves(axes) == ["f(x)", "f′(x)", "f″(x)", "f‴(x)", "f⁗(x)"]
    for label, exact in zip(curves(axes), closed, strict=True):
        x, y = data(axes, label)
        assert (x[0], x[-1]) == (-2.0, 1.5)
        assert np.allclose(y, exact(x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("derivatives", range(5))
def test_as_many_derivatives_are_drawn_as_are_asked_for(derivatives: int) -> None:
    assert len(curves(plot(mg.sin, (-3, 3), derivatives=derivatives))) == derivatives + 1


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
    for label in curves(axes):
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
    assert plot(lambda x: mg.sin(100 * x), (-1, 1), panels=False).get_ylim()[1] > 100.0
    assert plot(lambda x: x, (0, 0.01), panels=False).get_ylim()[1] > 1.0


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
        (lambda x: x * x, (1e-270, 2e-270)),
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
    assert curves(axes) == ["grad(sin)(x)", "grad(sin)′(x)"]
    x, y = data(axes, "grad(sin)′(x)")
    assert np.allclose(y, -np.sin(x))


# How curves look


def test_axes_are_labelled_and_zero_and_grid_are_drawn() -> None:
    axes = plot(mg.sin, (-3, 3), panels=False)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "sin(x)")
    assert axes.get_xlim() == (-3.0, 3.0)
    zeros = [line for line in axes.lines if 0.0 in np.ptp(np.asarray(line.get_xydata()), axis=0)]
    assert len(zeros) == 2
    assert all(line.get_visible() for line in axes.get_xgridlines())


def test_curves_differ_in_colour_and_in_style() -> None:
    axes = plot(mg.sin, (-3, 3), derivatives=4, panels=False)
    lines = [named_line(axes, label) for label in curves(axes)]
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
    assert texts(axes) == ["slope -4", "slope 0", "slope 3"]
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
    assert labelled
    for line in labelled:
        path = line.get_transform().transform_path(line.get_path())
        assert not path.intersects_bbox(text.get_window_extent(), filled=False), line


@pytest.mark.parametrize(
    ("f", "points"), [(lambda x: x * mg.sin(x), 2.0), (parabola, -0.45), (mg.sin, [0, 1, 2, 3]), (mg.exp, [-1, 3])]
)
def test_the_slope_is_written_beside_its_tangent(f: Any, points: Any) -> None:
    axes = plot(f, (-1, 4), derivatives=0, tangent_at=points)
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    tangents = [line for line in axes.lines if line.get_color() == INK and line.get_marker() != "o"]
    assert len(tangents) == len(axes.texts)
    for text, line in zip(axes.texts, tangents, strict=True):
        box = text.get_window_extent().padded(19 * axes.figure.dpi / 72)
        assert path_on_page(line).intersects_bbox(box, filled=False)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_kink_has_no_tangent() -> None:
    axes = plot(abs, (-1, 2), tangent_at=[0, 1])
    assert texts(axes) == ["no tangent: kink", "slope 1"]
    assert legend(axes) == ["abs(x)", "tangent"]
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
    return [line for line in axes.lines if str(line.get_label()).startswith("δ = ")]


def test_secants_close_in_on_the_tangent() -> None:
    axes = plot(lambda x: x**2, (-3, 3), derivatives=0, tangent_at=1, secants=4)
    assert legend(axes) == [
        "f(x)",
        "δ = 2: slope 4",
        "δ = 1: slope 3",
        "δ = 0.5: slope 2.5",
        "δ = 0.25: slope 2.25",
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
    assert legend(axes)[1:-1] == ["δ = -3: slope -1", "δ = 0.1: slope 2.1", "δ = -0.1: slope 1.9"]


@pytest.mark.parametrize(("x", "first"), [(-3.0, "4"), (1.0, "2"), (2.0, "-4"), (3.0, "-4"), (1.6, "1")])
def test_the_first_step_fits_into_the_interval(x: float, first: str) -> None:
    axes = plot(lambda x: x**2, (-3, 3), tangent_at=x, secants=1)
    assert legend(axes)[1].startswith(f"δ = {first}: ")


def test_the_ends_of_secants_are_in_the_picture() -> None:
    axes = plot(lambda x: 1 / x, (-3, 3), tangent_at=1, secants=[-0.99])
    assert axes.get_ylim()[1] > 100.0


def test_secants_at_a_kink_show_why_there_is_no_tangent() -> None:
    axes = plot(abs, (-2, 2), derivatives=0, tangent_at=0, secants=[-1, 1])
    assert legend(axes) == ["abs(x)", "δ = -1: slope -1", "δ = 1: slope 1", "no tangent: kink"]


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
    assert titles == ["δ = 2: slope 4", "δ = 1: slope 3", "δ = 0.5: slope 2.5", "tangent: slope 2"]
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
