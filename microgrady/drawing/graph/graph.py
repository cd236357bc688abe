"""The graph of Values as a picture from which the chain rule can be read."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping

from microgrady.drawing.fonts import check_font
from microgrady.drawing.graph.boxes import Box, boxes_of
from microgrady.drawing.graph.circles import STYLES
from microgrady.drawing.graph.folding import fold
from microgrady.drawing.graph.pictures import Look
from microgrady.drawing.render import Picture, check_target, write_picture
from microgrady.drawing.style import DIGITS
from microgrady.formulas.grouping import LONGEST_SUM, grouped
from microgrady.formulas.names import namesakes, short_names, told_apart
from microgrady.inputs import describe, require_precision
from microgrady.selections import order_of
from microgrady.tracebacks import entrance
from microgrady.tracing import escaping
from microgrady.value import Value, topological_order

DIRECTIONS = ("LR", "TB")


@entrance
def draw(
    *outputs: Value,
    to: str | os.PathLike[str] | None = None,
    precision: int = DIGITS,
    colour: bool = True,
    gradients: bool = True,
    direction: str = "LR",
    style: str = "boxes",
    depth: int | None = None,
    max_nodes: int | None = 200,
    font: str | os.PathLike[str] | None = None,
) -> Picture:
    """Draw the graph of one or more Values.

    Every leaf and every result is a box, headed by the formula that made it, in terms of its operands' labels: an
    unnamed result is called v3, say. Below are its value and its gradient. A leaf is rounded, an output has a thick
    frame. Plain numbers, the terms of a sum and the parts of a `where` stand in one formula. On an arrow stands the
    local derivative of the result by that operand, unless it is 1, so the product along a path to the output is that
    path's share of the gradient. Pale is what a `where` leaves out; white on black is what is not finite.

    What was made in a `microgrady.scope` is framed. A graph with more than `max_nodes` boxes is folded: parts that are
    alike become one box, "× 16", with the range of their numbers; a scope becomes one box; turns of a loop that are
    alike lead back to themselves. The picture says below what was folded.

    Args:
        outputs: The Values to draw, with all that they were computed from.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. It is written as a whole or not at all.
        precision: Significant digits of the numbers, 1 to 17.
        colour: Whether boxes are orange for a positive and blue for a negative gradient, the stronger the larger it is.
        gradients: Whether gradients and local derivatives are shown.
        direction: "LR" from left to right or "TB" from top to bottom.
        style: "boxes", or "circles" for operations as dark circles before their results, and numbers as dashed boxes.
        depth: How many scopes within each other are shown open, 0 for none and 100 at most; None for as many as fit.
        max_nodes: How many boxes there are at most, as far as leaves, results and outputs are told apart; None for any
            number.
        font: A font's file for letters that DejaVu Sans lacks, such as Chinese ones. The fonts of this machine are
            found without it.

    Returns:
        The picture, to be displayed by Jupyter or rendered to a file. It needs no `dot` program. The same graph gives
        the same DOT source. A script that does not use the picture prints how to see it.

    Raises:
        TypeError: An output is not a Value, or `to` or `font` is not a path.
        ValueError: There are no outputs, there is no such font, `to` has an unknown format or folder, or another
            argument is not one of those allowed.
        RuntimeError: `to` is given and nothing that renders is installed.

    Example:
        >>> import microgrady as mg
        >>> x, y = mg.Value(2.0, "x"), mg.Value(3.0, "y")
        >>> z = x * y
        >>> z.backward()
        >>> picture = mg.draw(z)
        >>> [line.strip() for line in picture.body if "->" in line]
        ['v0 -> v2 [label=" 3 "]', 'v1 -> v2 [label=" 2 "]']
    """
    check_outputs(outputs)
    check_look(precision, direction, colour=colour, gradients=gradients)
    if not isinstance(style, str) or style not in STYLES:
        raise ValueError(f"style is {' or '.join(map(repr, STYLES))}, not {style!r}")
    check_sizes(depth, max_nodes)
    target, font_given = None if to is None else check_target(to), check_font(font)
    order = order_of(*outputs)
    known = computed_gradients(order, outputs) if gradients else None
    strongest = max((abs(g) for g in (known or {}).values() if math.isfinite(g)), default=0.0) if colour else None
    inside = grouped(order, outputs)
    drawn, kept = STYLES[style], frozenset(outputs)
    boxes = boxes_of(
        fold(order, outputs, depth, max_nodes, inside, with_numbers=drawn.numbers_have_boxes),
        order,
        kept,
        by_slot=drawn.numbers_have_boxes,
    )
    written = written_inside(boxes, inside)
    skip = written if drawn.numbers_have_boxes else inside
    # A folded scope can cut off what would be written in a formula: its name is none of those of the open picture.
    names = names_for(boxes, short_names(order, skip, last=[value for value in skip if value not in written]))
    picture = drawn(boxes, Look(names, written, known, strongest, kept, precision, direction)).picture()
    picture.font = font_given
    if target is None:
        picture.remind()
    else:
        write_picture(picture, target)
    return picture


def written_inside(boxes: Iterable[Box], inside: Mapping[Value, Value]) -> dict[Value, Value]:
    """Return what of `inside` has no box of its own: with circles, that is only so where the graph is folded."""
    groups = (block for box in boxes for block in box.part.blocks if block.kind == "group")
    return {value: inside[value] for block in groups for value in block.values if value in inside}


def names_for(boxes: Iterable[Box], names: Mapping[Value, str]) -> dict[Value, str]:
    """Return names in which no formula has one for two Values; what is folded keeps what its names have in common."""
    blocks = (box.part.blocks[0] for box in boxes if len(box.part.blocks) == 1)
    formulas = (block.values for block in blocks if block.kind != "scope" and len(block.values) <= LONGEST_SUM)
    return told_apart(names, (value for formula in formulas for value in namesakes(formula, names)))


def check_outputs(outputs: tuple[object, ...], function: str = "draw") -> None:
    """Refuse what cannot be drawn, with a sentence that says what came and what is allowed."""
    if not outputs:
        raise ValueError(f"{function} takes at least one Value, and none came")
    for output in outputs:
        if not isinstance(output, Value):
            raise TypeError(
                f"{function} takes Values, such as the result of a function called with Values, not "
                f"{describe(output)}{advice(output, function)}"
            )
        escaping(output, f"mg.{function}(v)")


def advice(output: object, function: str) -> str:
    """Say what to write instead, as the end of a sentence, where that can be seen."""
    if isinstance(output, str | os.PathLike):
        return f": to write a file, name it by to={os.fspath(output)!r}"
    contents = "outputs"
    if isinstance(output, Mapping):
        output, contents = output.values(), "outputs.values()"
    elif getattr(output, "ndim", 1) != 1 and hasattr(output, "ravel"):
        output, contents = output.ravel(), "outputs.ravel()"
    if not isinstance(output, Iterable):
        return ""
    inside = list(output)
    if any(isinstance(item, Value) for item in inside):
        return f": for all that are in it, put a star before it, {function}(*{contents})"
    lists = [item for item in inside if isinstance(item, list | tuple)] if contents == "outputs" else []
    if any(isinstance(item, Value) for found in lists for item in found):
        return f": for all that are in it, put a star before each list in it, {function}(*outputs[0], *outputs[1])"
    return ""


def check_look(precision: object, direction: object, **flags: object) -> None:
    """Refuse a precision or a direction that there is not, and flags that are neither True nor False."""
    require_precision(precision)
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise ValueError(f"{name} is True or False, not {flag!r}")
    if not isinstance(direction, str) or direction not in DIRECTIONS:
        raise ValueError(f"direction is {' or '.join(map(repr, DIRECTIONS))}, not {direction!r}")


def check_sizes(depth: object, max_nodes: object) -> None:
    """Refuse what is neither None nor an int from the least one up."""
    for name, size, least in (("depth", depth, 0), ("max_nodes", max_nodes, 1)):
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < least):
            raise ValueError(f"{name} is an int from {least} up or None, not {size!r}")


def computed_gradients(order: Iterable[Value], outputs: Iterable[Value]) -> dict[Value, float]:
    """Return the gradients that backward passes have computed, and leave out the others.

    A zero, which is shown without a sign, counts as computed where a pass from one of the outputs has gone through.
    """
    reached = set(topological_order(*(output for output in outputs if output.grad != 0.0)))
    return {value: value.grad + 0.0 for value in order if value in reached or value.grad != 0.0}
