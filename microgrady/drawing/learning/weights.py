"""The weights of a layer as images or of a model as heat maps, on one scale with zero in its middle."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from microgrady.checking.evaluation import plain_number
from microgrady.drawing.learning.layers import Layer, layers_of
from microgrady.drawing.plotting.contours import MOST_STRETCHED
from microgrady.drawing.plotting.figures import (
    BLUE,
    GRID,
    LARGEST,
    VERMILION,
    axes_to_draw_on,
    import_plotting,
    write_figure,
)
from microgrady.drawing.render import check_target
from microgrady.drawing.style import INK
from microgrady.inputs import describe, is_iterable
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

# From negative by way of zero to positive: told apart with every kind of colour vision.
SCALE = ("#00304f", BLUE, "#ffffff", VERMILION, "#6b2a00")
GAP = 0.18  # between images, in widths of one, with room for the number of the neuron
MOST_NUMBERED = 100  # images: of more the numbers would be too small
APART = 0.06  # between layers, in widths of all, and at least two cells


@entrance
def plot_weights(
    model: Any,
    shape: Iterable[int] | None = None,
    *,
    ax: Axes | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw the weights of a layer or a model.

    With a shape, the weights of each neuron are an image, numbered as the neurons are. Without one, each layer is a
    heat map with a column for each neuron and a row for each of its inputs, the biases below. White is zero, and the
    colours reach equally far to both sides of it. A weight that is not finite is black.

    Args:
        model: A layer, a neuron, a model, or something nested with parameters in it, such as a matrix.
        shape: The height and the width of the images, such as (8, 8): as many pixels as neurons have inputs. Of a model
            it draws the first layer whose neurons have so many.
        ax: Where to draw; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: There are no parameters, no layer has neurons with as many inputs as the shape has pixels, or `to`
            has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> axes = mg.plot_weights(mg.nn.MLP(4, [3, 1], seed=0), shape=(2, 2))
        >>> axes.get_title()
        'layer 0: 3 neurons with 2 × 2 weights'
    """
    axes_kind = import_plotting("matplotlib.axes").Axes
    if ax is not None and not isinstance(ax, axes_kind):
        raise TypeError(f"ax must be matplotlib Axes or None, not {describe(ax)}")
    layers = layers_of(model, "plot_weights")
    size = None if shape is None else check_shape(shape)
    chosen = layers if size is None else [first_of_width(layers, size)]
    target = None if to is None else check_target(to)
    with axes_to_draw_on(ax, target) as axes:
        norm, colours = scale([number for layer in chosen for number in numbers_of(layer, with_biases=size is None)])
        if size is None:
            draw_maps(axes, chosen, norm=norm, cmap=colours)
        else:
            draw_images(axes, chosen[0], size, norm=norm, cmap=colours)
        add_bar(axes)
        write_figure(axes, target)
    return axes


# What is drawn


def check_shape(shape: Any) -> tuple[int, int]:
    """Return the height and the width of images."""
    given = list(shape) if is_iterable(shape) else []
    sides = [int(side) for side in given if isinstance(side, Integral)]
    if len(given) != 2 or len(sides) != 2 or min(sides) < 1:
        raise ValueError(f"shape must be the height and the width of images in pixels, such as (8, 8), not {shape!r}")
    return sides[0], sides[1]


def first_of_width(layers: Sequence[Layer], size: tuple[int, int]) -> Layer:
    """Return the first layer whose units have as many weights as an image has pixels."""
    for layer in layers:
        if layer.width == size[0] * size[1]:
            return layer
    widths = ", ".join(f"{layer.width} in {layer.name}" for layer in layers)
    raise ValueError(
        f"images of {size[0]} × {size[1]} need {size[0] * size[1]} weights a neuron, and there are {widths}"
    )


def as_floats(parameters: Iterable[Any], count: int) -> list[float]:
    """Return parameters as floats, nan for what cannot be drawn and for those that there are less of."""
    found = [plain_number(parameter) for parameter in parameters]
    known = [math.nan if number is None or not abs(number) <= LARGEST else number for number in found]
    return known + [math.nan] * (count - len(known))


def numbers_of(layer: Layer, with_biases: bool) -> list[float]:
    """Return all weights of a layer."""
    weights = [parameter for unit in layer.weights.values() for parameter in unit]
    biases = list(layer.biases.values()) if with_biases else []
    return as_floats([*weights, *biases], 0)


def scale(numbers: Sequence[float]) -> tuple[Any, Any]:
    """Return the norm and the colours of numbers, with zero in the middle."""
    colors = import_plotting("matplotlib.colors")
    furthest = max((abs(number) for number in numbers if number == number), default=0.0) or 1.0
    colours = colors.LinearSegmentedColormap.from_list("negative to positive", SCALE)
    return colors.Normalize(-furthest, furthest), colours.with_extremes(bad=INK)


# Drawing


def draw_images(axes: Axes, layer: Layer, size: tuple[int, int], **colours: Any) -> None:
    """Draw an image for each unit, in rows, as many to a row as make the whole about as wide as high."""
    import numpy

    height, width = size
    units, gap = layer.units, GAP * max(size)
    across = min(len(units), math.ceil(math.sqrt(len(units) * (height + gap) / (width + gap))))
    for place, unit in enumerate(units):
        row, column = divmod(place, across)
        left, top = column * (width + gap), row * (height + gap)
        pixels = numpy.reshape(as_floats(layer.weights.get(unit, []), height * width), size)
        axes.imshow(pixels, extent=(left, left + width, top + height, top), interpolation="nearest", **colours)
        if len(units) <= MOST_NUMBERED:
            axes.text(left, top - 0.1 * gap, str(unit), fontsize="xx-small", color=INK, va="bottom", ha="left")
    rows = math.ceil(len(units) / across)
    axes.set(xlim=(-gap, across * (width + gap)), ylim=(rows * (height + gap), -gap), xticks=[], yticks=[])
    axes.set_facecolor(GRID)
    neurons = "neuron" if len(units) == 1 else "neurons"
    axes.set_title(f"{layer.name}: {len(units)} {neurons} with {height} × {width} weights", fontsize="medium")


def draw_maps(axes: Axes, layers: Sequence[Layer], **colours: Any) -> None:
    """Draw a heat map for each layer, one beside the other."""
    import numpy

    widths, heights = [len(layer.units) for layer in layers], [layer.width for layer in layers]
    highest = max(heights)
    apart, below = max(2.0, APART * sum(widths)), max(0.5, 0.03 * highest)
    left, middles = 0.0, []
    for layer, width, height in zip(layers, widths, heights, strict=True):
        columns = [as_floats(layer.weights.get(unit, []), height) for unit in layer.units]
        if height:
            draw_map(axes, numpy.transpose(columns), left, 0.0, **colours)
        if layer.biases:
            biases = as_floats([layer.biases.get(unit) for unit in layer.units], width)
            draw_map(axes, numpy.array([biases]), left, height + below * bool(height), **colours)
        middles.append(left + width / 2)
        left += width + apart
    wide, high = left - apart, highest + below + 1
    axes.set_aspect("equal" if 1 / MOST_STRETCHED <= wide / high <= MOST_STRETCHED else "auto")
    axes.set(xlim=(-0.5, wide + 0.5), ylim=(high + 0.5, -0.5), yticks=[])
    axes.set_xticks(middles, [f"{layer.name}\n{sizes(layer)}" for layer in layers])
    axes.tick_params(length=0)
    axes.set_facecolor(GRID)
    neurons = any(layer.has_neurons for layer in layers)
    axes.set_title(
        "a column for each neuron, its bias below" if neurons else "a column for each row of parameters",
        fontsize="medium",
    )


def draw_map(axes: Axes, cells: Array, left: float, top: float, **colours: Any) -> None:
    """Draw cells of one by one."""
    height, width = cells.shape
    extent = (left, left + width, top + height, top)
    axes.imshow(cells, extent=extent, interpolation="nearest", aspect="auto", **colours)


def sizes(layer: Layer) -> str:
    """Return how large a layer is, in words."""
    return (
        f"{layer.width} \N{RIGHTWARDS ARROW} {len(layer.units)}"
        if layer.has_neurons
        else f"{len(layer.units)} × {layer.width}"
    )


def add_bar(axes: Axes) -> None:
    """Add the bar that tells what the colours are, as high as the picture."""
    beside = axes.inset_axes((1.03, 0.0, 0.04, 1.0))
    axes.figure.colorbar(axes.images[-1], cax=beside)
