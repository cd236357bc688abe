"""Plots of a function above its derivatives, and legends that cover nothing."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes

import microgrady as mg
from microgrady import plot
from microgrady.drawing.plotting.legends import BACKGROUND, covers
from tests.figures import curves, data, legend, named_line, texts

pytestmark = pytest.mark.usefixtures("without_windows")


def panels(axes: Axes) -> list[Axes]:
    return axes.figure.axes


# Panels


def test_the_function_stands_above_its_derivatives_on_one_horizontal_axis() -> None:
    axes = plot(lambda x: x**3 - x, (-1.5, 1), derivatives=2)
    assert axes is panels(axes)[0]
    assert [panel.get_ylabel() for panel in panels(axes)] == curves(axes) == ["f(x)", "f′(x)", "f″(x)"]
    assert [panel.get_xlim() for panel in panels(axes)] == [(-1.5, 1.0)] * 3
    assert [panel.get_xlabel() for panel in panels(axes)] == ["", "", "x"]
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    frames = [panel.get_window_extent() for panel in panels(axes)]
    assert all(upper.y0 > lower.y1 for upper, lower in itertools.pairwise(frames))
    assert {(round(frame.x0), round(frame.x1)) for frame in frames} == {(round(frames[0].x0), round(frames[0].x1))}
    assert all(panel.get_legend() is None for panel in panels(axes)), "the axes say what the curves are"


def test_each_panel_has_its_own_height() -> None:
    above, below = panels(plot(lambda x: mg.sin(100 * x), (-1, 1)))
    assert above.get_ylim()[1] < 1.2
    assert 100 < below.get_ylim()[1] < 120


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (lambda x: 3 * x, -1.0, 7.0),  # constant
        (lambda x: 7, -8.0, 8.0),
        (lambda x: mg.sin(x) ** 2 + mg.cos(x) ** 2, -1.0, 1.0),  # zero but for rounding
        (lambda x: 1 / x, -20.0, 1.0),  # a pole
        (lambda x: x**2 + 4 * x, -4.0, 12.0),  # zero is not far
    ],
)
def test_the_height_of_a_derivative(f: Any, low: float, high: float) -> None:
    _, below = panels(plot(f, (-3, 3)))
    found = below.get_ylim()
    assert low < found[0] < found[1] < high
    assert found[0] < 0.0 < found[1], "its sign is seen"


def test_the_slope_of_a_tangent_is_a_height_below() -> None:
    axes = plot(lambda x: x**2, (-3, 3), tangent_at=[-1, 2])
    _, below = panels(axes)
    dots = [line.get_xydata()[0].tolist() for line in below.lines if line.get_marker() == "o"]  # type: ignore[index, union-attr]
    assert dots == [[-1.0, -2.0], [2.0, 4.0]]
    for panel in panels(axes):
        assert sum(line.get_linestyle() == ":" for line in panel.lines) == 2
    assert legend(axes) == ["f(x)", "tangent"]


def test_a_kink_has_no_height_below() -> None:
    _, below = panels(plot(abs, (-2, 2), tangent_at=0))
    assert not [line for line in below.lines if line.get_marker() == "o"]


def test_a_slope_outside_of_the_panel_has_no_height_there() -> None:
    _, below = panels(plot(lambda x: 1 / x, (-1, 1), tangent_at=[0.001, 0.9]))
    dots = [np.asarray(line.get_ydata(), dtype=float) for line in below.lines if line.get_marker() == "o"]
    assert np.allclose(dots, [[-1 / 0.81]])


def test_axes_that_are_given_get_all_curves_and_several_are_panels() -> None:
    _, (left, right) = pyplot.subplots(1, 2)
    assert plot(mg.sin, (-3, 3), ax=left) is left
    assert legend(left) == ["sin(x)", "sin′(x)"]
    _, given = pyplot.subplots(2)
    assert plot(mg.sin, (-3, 3), ax=given) is given[0]
    assert [panel.get_ylabel() for panel in given] == ["sin(x)", "sin′(x)"]
    with pytest.raises(ValueError, match="sin with 1 derivative in panels needs 2 Axes, not 1"):
        plot(mg.sin, (-3, 3), ax=right, panels=True)
    with pytest.raises(ValueError, match="sin with 1 derivative needs 1 Axes, not 2"):
        plot(mg.sin, (-3, 3), ax=given, panels=False)


def test_without_derivatives_or_panels_there_is_one_picture() -> None:
    assert len(panels(plot(mg.sin, (-3, 3), derivatives=0, panels=True))) == 1
    axes = plot(mg.sin, (-3, 3), panels=False)
    assert len(panels(axes)) == 1
    assert legend(axes) == ["sin(x)", "sin′(x)"]


# Functions of plain numbers, and large ones


def test_a_function_of_plain_numbers() -> None:
    x, y = data(plot(math.sin, (-3, 3), derivatives=0), "sin(x)")
    assert np.allclose(y, np.sin(x), rtol=1e-15)
    between = np.linspace(-3, 3, 9999)
    assert np.abs(np.interp(between, x, y) - np.sin(between)).max() < 0.01


@pytest.mark.parametrize(
    ("f", "start"), [(math.log, 0.0), (math.sqrt, 0.0), (lambda x: math.exp(100 / x) * math.sqrt(x), 0.14)]
)
def test_where_a_function_of_plain_numbers_raises_its_curve_is_interrupted(f: Any, start: float) -> None:
    axes = plot(f, (-1, 3), derivatives=0)
    x, y = data(axes, curves(axes)[0])
    assert np.isnan(y[x < start]).all()
    assert np.isfinite(y[x > start + 0.1]).all()


def test_the_largest_numbers_are_drawn_or_said_to_be_missing() -> None:
    axes = plot(mg.exp, (690, 705), derivatives=0)
    assert axes.get_ylim()[1] > math.exp(705)
    assert texts(axes) == []
    assert texts(plot(mg.exp, (700, 709), derivatives=0)) == ["not drawn beyond 1e+307"]
    assert texts(plot(lambda x: 2 * x, (-1e307, 1e307))) == ["not drawn beyond 1e+307"]
    assert texts(plot(mg.exp, (0, 709))) == ["not drawn beyond 1e+307"], "growth is not a pole"
    above, below = panels(plot(lambda x: x * 1e308, (-1, 1), tangent_at=0.01))
    assert texts(above) == ["not drawn beyond 1e+307", "slope 1e+308"]
    assert texts(below) == ["not drawn beyond 1e+307"], "where nothing is drawn"
    assert np.isfinite(data(plot(mg.exp, (0, 709), derivatives=0, tangent_at=706), "tangent")).all()
    with pytest.raises(ValueError, match=re.escape("f has no value up to 1e+307 between -1.0 and 1.0")):
        plot(lambda x: x + 1e308, (-1, 1))
    assert texts(plot(lambda x: 1 / x**300, (-1, 1), derivatives=0)) == [], "the pole is cut off anyway"


def test_numbers_that_are_too_small_for_a_scale_are_said_to_be() -> None:
    above, below = panels(plot(lambda x: x * x, (-1e-150, 1e-150)))
    assert texts(above) == ["up to 1e-300: too small to be drawn"]
    assert texts(below) == []


@pytest.mark.filterwarnings("error")
def test_what_is_zero_everywhere_has_room_above_and_below() -> None:
    for panel in panels(plot(lambda x: 0 * x, (-3, 3))):
        assert np.allclose(panel.get_ylim(), (-1.1, 1.1))


def squares_of_what_is_positive(x: Any) -> Any:
    if x <= 0:
        raise ValueError("mine")
    return x * x


def test_where_a_function_raises_its_curves_are_interrupted() -> None:
    for label in curves(axes := plot(squares_of_what_is_positive, (-1, 3), tangent_at=0.01)):
        x, y = data(axes, label)
        assert np.isnan(y[x <= 0]).all()
        assert np.isfinite(y[x > 0]).all()


def test_what_is_added_to_the_numbers_along_an_axis_has_all_its_digits() -> None:
    axes = plot(lambda x: x, (1, 1 + 1e-12), derivatives=0)
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    for axis, high in ((axes.xaxis, axes.get_xlim()[1]), (axes.yaxis, axes.get_ylim()[1])):
        unit, offset = axis.get_major_formatter().get_offset().split("+")
        ticks = [
            (tick.get_text(), place) for tick, place in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
        ]
        read = [float(text) * float(unit) + float(offset) for text, _ in ticks]
        assert np.allclose(read, [place for _, place in ticks], rtol=0.0, atol=1e-15)
        assert high < 1 + 1.1e-12


def test_long_names_are_written_so_small_that_they_fit() -> None:
    def a_very_long_name_for_such_a_short_function(x: Any) -> Any:
        return x

    axes = plot(a_very_long_name_for_such_a_short_function, (-1, 1), derivatives=2)
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    names = [panel.yaxis.label.get_window_extent() for panel in panels(axes)]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(names, 2))
    assert all(axes.figure.bbox.contains(*corner) for name in names for corner in name.corners())


# Legends


HISTORY = {"loss": [1.0] * 9, "validation_loss": [0.0, 1.0] * 4 + [0.5], "accuracy": [0.0, 1.0] * 4 + [0.5]}
CROWDED: dict[str, Callable[[], Any]] = {
    "waves": lambda: plot(lambda x: mg.sin(20 * x), (-3, 3), derivatives=2, panels=False, tangent_at=1),
    "secants": lambda: plot(lambda x: mg.sin(20 * x), (-3, 3), tangent_at=1, secants=6),
    "a parabola": lambda: plot(lambda x: x**2, (-3, 3), panels=False),
    "given Axes": lambda: plot(lambda x: mg.sin(50 * x), (-3, 3), ax=pyplot.subplots()[1]),
    "errors": lambda: mg.plot_errors(lambda x: x**3, 2.0),
    "errors of a square": lambda: mg.plot_errors(lambda x: x * x, 1.0),
    "history": lambda: mg.plot_history(HISTORY)[0],
}


@pytest.mark.parametrize("name", CROWDED)
def test_legends_cover_no_line_and_no_text(name: str) -> None:
    axes = CROWDED[name]()
    axes.figure.draw_without_rendering()
    page = axes.figure.bbox
    for panel in panels(axes):
        found = panel.get_legend()
        if found is None:
            continue
        box = found.get_window_extent()
        assert all(page.contains(*corner) for corner in box.corners())
        written = [text for text in [*panel.texts, panel.title] if text.get_text()]
        assert not box.count_overlaps([text.get_window_extent() for text in written])
        lines = [line for line in panel.lines if line.get_label() != BACKGROUND]
        inside = panel.get_window_extent().overlaps(box.padded(-2))
        assert not inside or not any(covers(box, line, panel.figure.dpi / 72) for line in lines)


@pytest.mark.filterwarnings("error")
def test_plots_of_errors_have_room_beside_each_other() -> None:
    figure, both = pyplot.subplots(1, 2, layout="constrained")
    for axes in both:
        mg.plot_errors(mg.exp, 1.0, ax=axes)
    figure.draw_without_rendering()
    legends = [axes.get_legend().get_window_extent() for axes in both]
    assert not legends[0].overlaps(legends[1])
    assert all(axes.get_window_extent().width > 0.25 * figure.bbox.width for axes in both)


def test_a_title_stands_above_a_legend_that_is_above_the_axes() -> None:
    loss, _ = mg.plot_history(HISTORY | {"stopped": "no better for 5 epochs"})
    loss.figure.draw_without_rendering()  # type: ignore[union-attr]
    found = loss.get_legend()
    assert found is not None
    assert found.get_window_extent().y0 >= loss.get_window_extent().y1
    assert loss.title.get_window_extent().y0 >= found.get_window_extent().y1 - 1
    assert named_line(loss, "training")
