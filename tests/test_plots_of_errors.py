"""Plots of the error of difference quotients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import microgrady as mg
from microgrady import Value, plot_errors
from microgrady.drawing.plotting.figures import VERMILION
from tests.figures import data, has_colour, legend, pixels, texts

pytestmark = pytest.mark.usefixtures("without_windows")


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
        best = f"best δ = {steps[at]:.2g}, error {errors[at]:.2g}"
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
    assert legend(axes)[:2] == [f"{kind} difference: error 0 for every δ" for kind in ("forward", "central")]
    marks = [line for line in axes.lines if line.get_marker() == "v" and len(line.get_xdata()) == 193]  # type: ignore[arg-type]
    assert len(marks) == 2
    assert marks[0].get_ydata()[0] != marks[1].get_ydata()[0], "the ones do not hide the others"  # type: ignore[index]
    assert texts(axes) == [], "no error follows the theory"
    low, high = axes.get_ylim()
    assert high / low > 1e5, "a few errors of a kind do not fill the picture"


def test_some_errors_of_zero_are_counted() -> None:
    axes = plot_errors(lambda x: x / 2, 0.5)
    assert [text for text in legend(axes) if text.startswith("forward")] == [
        "forward difference: best δ = 1, error 0",
        "forward difference: error 0 for 3 of 193 δ",
    ]


@pytest.mark.parametrize(("f", "x", "found"), [(abs, 0.0, "abs has a kink at 0.0"), (mg.floor, 1.0, "a jump at 1.0")])
def test_a_point_without_a_derivative_is_refused(f: Any, x: float, found: str) -> None:
    with pytest.raises(ValueError, match=f"{found}, and no derivative from which errors are measured"):
        plot_errors(f, x)


def test_steps_for_which_the_function_raises_have_no_error() -> None:
    def f(x: Any) -> Any:
        return x * x if x > 0 else 1 / 0

    axes = plot_errors(f, 0.5)
    steps, errors = data(axes, next(name for name in legend(axes) if name.startswith("central")))
    assert np.isnan(errors[steps >= 0.5]).all()
    assert np.isfinite(errors[(steps < 0.49) & (steps > 1e-7)]).mean() > 0.8


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
