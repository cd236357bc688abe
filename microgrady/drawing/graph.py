"""The graph of Values as a picture from which the chain rule can be read."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping

import graphviz

from microgrady.drawing.labels import box_label, quoted, titles
from microgrady.drawing.render import FONT, Picture, check_target, write_picture
from microgrady.value import Value, topological_order

DIRECTIONS = ("LR", "TB")
# With 17 significant digits a float is told from every other.
MOST_DIGITS = 17

INK, FAINT_INK = "#1a1a1a", "#5f5f5f"
# One hue, ordered by its lightness alone: for grey print and for every kind of colour vision.
# INK keeps a contrast of at least 7 to 1 on all of it.
PALEST, STRONGEST = (255, 244, 230), (253, 150, 70)

GRAPH = {
    "bgcolor": "white",
    "nodesep": "0.3",
    "ranksep": "0.35",
    "fontname": FONT,
    "fontsize": "11",
    "fontcolor": FAINT_INK,
}
# From this many Values on, layout is made simpler: bending the arrows around everything takes Graphviz
# minutes where a Value is used in many places.
LARGE = 60
LARGE_GRAPH = {"splines": "line", "nslimit": "1", "nslimit1": "1", "mclimit": "0.5"}
NODE = {"fontname": FONT, "fontsize": "14", "fontcolor": INK, "color": INK}
EDGE = NODE | {"fontsize": "12", "color": FAINT_INK, "arrowsize": "0.7"}
OPERATION = {
    "shape": "ellipse",
    "style": "filled",
    "fillcolor": "#37474f",
    "fontcolor": "white",
    "width": "0.45",
    "height": "0.45",
    "margin": "0.02",
}
NUMBER = {
    "shape": "box",
    "style": "dashed",
    "color": FAINT_INK,
    "width": "0.3",
    "height": "0.3",
    "margin": "0.1,0.05",
}


def draw(
    *outputs: Value,
    to: str | os.PathLike[str] | None = None,
    precision: int = 4,
    colour: bool = True,
    direction: str = "LR",
) -> graphviz.Digraph:
    """Draws the graph of one or more Values.

    Every Value is a box with its label (or the formula that made it), its value and its gradient:
    rounded for a leaf, with a thick frame for an output. Every operation is a small dark node,
    and a number is a dashed box. On an arrow stands the local derivative of the operation by that
    operand, so the product along a path to the output is that path's share of the gradient.

    Args:
        outputs: The Values to draw, with all that they were computed from.
        to: A file to write, named .svg, .png or .pdf; it is written as a whole or not at all.
        precision: Significant digits of the numbers, 1 to 17.
        colour: Whether boxes are the darker, the larger their gradient.
        direction: "LR" from left to right or "TB" from top to bottom.

    Returns:
        The picture, to be displayed by Jupyter or rendered to a file. It needs no `dot` program.
        The same graph gives the same DOT source.

    Raises:
        TypeError: An output is no Value, or `to` is no path.
        ValueError: There are no outputs, `to` has an unknown format or is in a folder that does
            not exist, or `precision` or `direction` is none of the allowed ones.
        RuntimeError: `to` is given and nothing that renders is installed.

    Example:
        >>> import microgrady as mg
        >>> from microgrady import Value
        >>> x, y = Value(2.0, "x"), Value(3.0, "y")
        >>> z = x * y
        >>> z.backward()
        >>> picture = mg.draw(z)
        >>> [line.strip() for line in picture.body if "->" in line]
        ['v0 -> o2 [label=" 3 "]', 'v1 -> o2 [label=" 2 "]', 'o2 -> v2']
    """
    check_arguments(outputs, precision, direction)
    target = None if to is None else check_target(to)
    order = topological_order(*outputs)
    gradients = computed_gradients(order, outputs)
    picture: Picture = Picture(
        graph_attr=GRAPH
        | {"rankdir": direction, "label": caption(gradients, colour)}
        | (LARGE_GRAPH if len(order) >= LARGE else {}),
        node_attr=NODE,
        edge_attr=EDGE,
    )
    strongest = max((abs(g) for g in gradients.values() if math.isfinite(g)), default=0.0)
    names = {value: f"v{index}" for index, value in enumerate(order)}
    for value, title in titles(order, precision).items():
        gradient = gradients.get(value)
        picture.node(
            names[value],
            box_label(title, value.data, gradient, precision, direction),
            shape="Mrecord" if value.op is None else "record",
            style="filled",
            fillcolor=tint(gradient, strongest) if colour else "white",
        )
        add_operation(picture, value, names, precision)
    for output in outputs:
        picture.node(names[output], penwidth="2.5")
    if target is not None:
        write_picture(picture, target)
    return picture


def check_arguments(outputs: tuple[object, ...], precision: object, direction: object) -> None:
    """Refuses what cannot be drawn, with a sentence that says what came and what is allowed."""
    if not outputs:
        raise ValueError("draw takes at least one Value, and none came")
    for output in outputs:
        if not isinstance(output, Value):
            raise TypeError(f"draw takes Values, not {type(output).__name__}")
    if not isinstance(precision, int) or not 1 <= precision <= MOST_DIGITS:
        raise ValueError(f"precision is an int from 1 to {MOST_DIGITS}, not {precision!r}")
    if direction not in DIRECTIONS:
        raise ValueError(f"direction is {' or '.join(map(repr, DIRECTIONS))}, not {direction!r}")


def computed_gradients(order: Iterable[Value], outputs: Iterable[Value]) -> dict[Value, float]:
    """Gives the gradients that backward passes have computed, and leaves out the others."""
    reached = set(topological_order(*(output for output in outputs if has_gradient(output))))
    return {value: value.grad for value in order if value in reached or value.grad != 0.0}


def has_gradient(output: Value) -> bool:
    """Tells whether a backward pass went through the graph of this output.

    Only results can tell, since another graph may have left its gradient in a leaf.
    """
    return output.grad != 0.0 or any(value.grad != 0.0 for value in topological_order(output) if value.op is not None)


def add_operation(picture: Picture, value: Value, names: Mapping[Value, str], precision: int) -> None:
    """Adds the operation that made a Value, with an arrow from each operand."""
    if value.op is None:
        return
    operation = names[value].replace("v", "o")
    picture.node(operation, quoted(value.op.symbol), **OPERATION)
    for index, (operand, partial) in enumerate(zip(value.operands, value.partials, strict=True)):
        if isinstance(operand, Value):
            # The spaces keep the label off its arrow.
            picture.edge(names[operand], operation, f" {partial:.{precision}g} ")
        else:
            number = f"{operation}n{index}"
            picture.node(number, f"{operand:.{precision}g}", **NUMBER)
            picture.edge(number, operation, style="dashed")
    picture.edge(operation, names[value])


def tint(gradient: float | None, strongest: float) -> str:
    """Gives the fill colour of a box: white where the gradient is zero or not known.

    The square root keeps a hundredth of the strongest gradient apart from zero.
    """
    if not gradient:
        return "white"
    share = math.sqrt(abs(gradient) / strongest) if math.isfinite(gradient) else 1.0
    mixed = (round(p + share * (s - p)) for p, s in zip(PALEST, STRONGEST, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def caption(gradients: Mapping[Value, float], colour: bool) -> str:
    """Says below the picture how to read it."""
    reading = "on each arrow: the local derivative"
    return f"{reading}; darker: a larger gradient" if colour and gradients else reading
