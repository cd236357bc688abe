"""What the tests of plots share: functions to draw, and what stands in the axes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import matplotlib.image
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

import microgrady as mg
from microgrady import plot, plot_errors, plot_map, plot_surface


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
    """The line with this label, in one of the panels if it is not in the first."""
    for panel in (axes, *axes.figure.axes):
        for line in panel.lines:
            if line.get_label() == label:
                return line
    raise AssertionError(f"there is no line {label!r}")


def curves(axes: Axes) -> list[str]:
    """The labels of the curves in all panels, without those of tangents and secants."""
    labels = [str(line.get_label()) for panel in axes.figure.axes for line in panel.lines]
    return [label for label in labels if label.endswith("(x)")]


def data(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    line = named_line(axes, label)
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


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


def dots(axes: Axes) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    left, right = ([(float(x), float(y)) for x, y in np.asarray(line.get_xydata())] for line in axes.lines)
    return left, right
