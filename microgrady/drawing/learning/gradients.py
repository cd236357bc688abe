"""The size of a model's gradients by layer and unit, with the units that no gradient reaches."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from microgrady.drawing.learning.layers import Layer, layers_of
from microgrady.drawing.plotting.figures import (
    BLUE,
    GRID,
    LARGEST,
    VERMILION,
    axes_to_draw_on,
    import_plotting,
    make_logarithmic,
    write_figure,
)
from microgrady.drawing.render import check_target
from microgrady.drawing.style import FAINT_INK, INK
from microgrady.inputs import describe
from microgrady.tracebacks import entrance
from microgrady.value import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = 0.86  # of the distance between two layers: what the units of one are spread over
SMALLEST = 1e-300  # of the sizes that have a place on the scale
ROOM = 3.0  # above the largest size, and below the smallest
AT_BOTTOM = 0.03  # of the height: where zeros are
MOST_LEVEL = 6  # layers: the names of more stand upright
MOST_NAMED = 5  # dead units of a layer
LEAST_AREA, MOST_AREA, DOTS_AREA = 5.0, 18.0, 4000.0  # square points, of a dot and of all


@entrance
def plot_gradients(model: Any, *, ax: Axes | None = None, to: str | os.PathLike[str] | None = None) -> Axes:
    """Draw the size of each parameter's gradient, layer by layer, on a logarithmic scale.

    Each unit of a layer, such as a neuron, is a column of dots, one for each of its parameters. A line is at the median
    of a layer. Gradients that are zero have no place on the scale: they are marked at the bottom, and counted below it.
    So are dead units: neurons all of whose gradients are zero, as those of a ReLU that no point makes positive.

    Args:
        model: A model, a layer, or something nested with Values in it, after a backward pass.
        ax: Where to draw; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: There are no parameters, all of their gradients are zero, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> model = mg.nn.MLP(2, [3, 1], seed=0)
        >>> model([1.0, -2.0]).backward()
        >>> axes = mg.plot_gradients(model)
        >>> print(axes.get_xticklabels()[0].get_text())
        layer 0
        3 of 9 are zero
        dead: 0
    """
    axes_kind = import_plotting("matplotlib.axes").Axes
    if ax is not None and not isinstance(ax, axes_kind):
        raise TypeError(f"ax must be matplotlib Axes or None, not {describe(ax)}")
    layers = layers_of(model, "plot_gradients")
    sizes = [gradient_sizes(layer) for layer in layers]
    check_sizes(sizes)
    target = None if to is None else check_target(to)
    with axes_to_draw_on(ax, target) as axes:
        prepare(axes, sizes)
        area = min(MOST_AREA, max(LEAST_AREA, DOTS_AREA / sum(len(unit) for layer in sizes for unit in layer)))
        for place, (layer, found) in enumerate(zip(layers, sizes, strict=True)):
            draw_layer(axes, layer, found, place, area)
        name_layers(axes, [summary(*pair) for pair in zip(layers, sizes, strict=True)])
        # Above the picture: it has no place in which dots could not be.
        count = len(axes.get_legend_handles_labels()[1])
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=count, fontsize="small", frameon=False)
        write_figure(axes, target)
    return axes


# The gradients


def gradient_sizes(layer: Layer) -> list[list[float]]:
    """Return the size of the gradient of each parameter, unit by unit; for one that is not finite, nan.

    Raises:
        TypeError: A parameter is not a Value.
    """
    return [[gradient_size(parameter) for parameter in layer.parameters(unit)] for unit in layer.units]


def gradient_size(parameter: Any) -> float:
    """Return the size of the gradient of a parameter."""
    if not isinstance(parameter, Value):
        raise TypeError(
            f"plot_gradients needs parameters that are Values, which have gradients, not {describe(parameter)}"
        )
    size = abs(parameter.grad)
    return size if size <= LARGEST else math.nan


def check_sizes(sizes: Sequence[Sequence[Sequence[float]]]) -> None:
    """Refuse gradients of which none can be drawn.

    Raises:
        ValueError: There are but zeros, or what is not finite.
    """
    every = [size for layer in sizes for unit in layer for size in unit]
    if not any(size > 0.0 for size in every):
        what = "zero" if all(size == 0.0 for size in every) else "zero or not finite"
        raise ValueError(
            f"the gradients of all {len(every):,} parameters are {what}: call backward() on a loss before this, and "
            "zero_grad() after it"
        )


def dead_units(layer: Layer, sizes: Sequence[Sequence[float]]) -> list[int]:
    """Return the neurons all of whose gradients are zero."""
    return [unit for unit, found in zip(layer.units, sizes, strict=True) if layer.has_neurons and not any(found)]


def summary(layer: Layer, sizes: Sequence[Sequence[float]]) -> str:
    """Return what is to be said of a layer, in lines."""
    every = [size for unit in sizes for size in unit]
    zeros, strange = every.count(0.0), sum(size != size for size in every)
    lines = [layer.name]
    if zeros:
        lines.append(f"{zeros:,} of {len(every):,} are zero")
    if strange:
        lines.append(f"{strange:,} of {len(every):,} not finite")
    dead = dead_units(layer, sizes)
    if dead:
        more = f" and {len(dead) - MOST_NAMED} more" if len(dead) > MOST_NAMED else ""
        lines.append(f"dead: {', '.join(map(str, dead[:MOST_NAMED]))}{more}")
    return "\n".join(lines)


# Drawing


def prepare(axes: Axes, sizes: Sequence[Sequence[Sequence[float]]]) -> None:
    """Set the scale, the limits and the grid."""
    shown = [size for layer in sizes for unit in layer for size in unit if size >= SMALLEST] or [SMALLEST]
    low, high = min(shown) / ROOM, max(shown) * ROOM
    # Room for the zeros: a share of the height, which is one of a logarithm.
    low /= (high / low) ** (3 * AT_BOTTOM)
    make_logarithmic(axes, low, high)
    axes.set(ylim=(low, high), xlim=(-0.5, len(sizes) - 0.5), ylabel="|gradient|")
    axes.grid(True, axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for place in range(1, len(sizes)):
        axes.axvline(place - 0.5, color=GRID, linewidth=0.8)


def column(place: int, unit: int, units: int) -> float:
    """Return where a unit of a layer stands."""
    return place + BAND * ((unit + 0.5) / units - 0.5)


def draw_layer(axes: Axes, layer: Layer, sizes: Sequence[Sequence[float]], place: int, area: float) -> None:
    """Draw the gradients of a layer: its weights, its biases, its zeros and its median."""
    weights: list[tuple[float, float]] = []
    biases: list[tuple[float, float]] = []
    zeros, dead = [], []
    lost = dead_units(layer, sizes)
    for number, (unit, found) in enumerate(zip(layer.units, sizes, strict=True)):
        x = column(place, number, len(sizes))
        for rank, size in enumerate(found):
            if size >= SMALLEST:
                (biases if rank >= len(layer.weights.get(unit, [])) else weights).append((x, size))
        if unit in lost:
            dead.append(x)
        elif 0.0 in found:
            zeros.append(x)
    draw_dots(axes, weights, "weight", s=area, marker="o", color=BLUE, alpha=0.6, linewidths=0)
    draw_dots(axes, biases, "bias", s=2 * area, marker="D", color=VERMILION, edgecolors=INK, linewidths=0.4)
    at_bottom: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    draw_dots(
        axes,
        [(x, AT_BOTTOM) for x in zeros],
        "some are zero",
        s=14,
        marker="o",
        facecolors="white",
        edgecolors=FAINT_INK,
        **at_bottom,
    )
    draw_dots(
        axes,
        [(x, AT_BOTTOM) for x in dead],
        "dead: all are zero",
        s=26,
        marker="X",
        color=INK,
        linewidths=0,
        **at_bottom,
    )
    known = [size for unit in sizes for size in unit if size == size]
    if known and median(known) >= SMALLEST:
        label = "" if "median" in axes.get_legend_handles_labels()[1] else "median"
        ends = [place - BAND / 2, place + BAND / 2]
        axes.plot(ends, [median(known)] * 2, color=INK, linewidth=1.4, zorder=4, label=label)


def draw_dots(axes: Axes, places: Sequence[tuple[float, float]], label: str, **look: Any) -> None:
    """Draw dots, and name them if there are none of their kind yet."""
    if places:
        known = label in axes.get_legend_handles_labels()[1]
        axes.scatter(*zip(*places, strict=True), label="" if known else label, zorder=3, **look)


def name_layers(axes: Axes, names: Sequence[str]) -> None:
    """Write below each layer what it is."""
    upright = len(names) > MOST_LEVEL
    axes.set_xticks(range(len(names)), names, rotation=90 if upright else 0, fontsize="small")
    axes.tick_params(axis="x", length=0)
