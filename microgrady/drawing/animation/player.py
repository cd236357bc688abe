"""The forward and the backward pass, step by step: as a page with a slider, or as an animated GIF."""

from __future__ import annotations

import copy
import html
import io
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from microgrady.drawing.animation.film import MOST_SEEN, Film, is_seen_whole
from microgrady.drawing.animation.pages import FORMATS, check_file, in_notebook, page_of
from microgrady.drawing.animation.parts import COLOURS, show, size_of, with_parts
from microgrady.drawing.animation.steps import Narrator, Step, reading_order
from microgrady.drawing.fonts import check_font
from microgrady.drawing.graph.graph import DIRECTIONS, check_look, check_outputs, draw
from microgrady.drawing.render import check_target, format_of
from microgrady.drawing.style import DIGITS
from microgrady.drawing.svg import set_families, to_text
from microgrady.files import write_whole
from microgrady.formulas.names import short_names, told_apart
from microgrady.selections import order_of
from microgrady.tracebacks import entrance
from microgrady.value import Value

# A page of more steps is too long to be followed, and a GIF too large to be shown.
MOST_VALUES = {"html": 200, "gif": 40}

# Milliseconds: time to read a formula.
FRAME, LAST_FRAME = 2500, 7500
# In a notebook, in pixels: what stands around the picture, and the most for the picture itself.
PAGE_HEIGHT, PICTURE_HEIGHT = 350, 500


@entrance
def animate(
    *outputs: Value,
    to: str | os.PathLike[str] | None = None,
    precision: int = DIGITS,
    colour: bool = True,
    direction: str | None = None,
    font: str | os.PathLike[str] | None = None,
) -> Animation:
    """Show how one or more Values are computed and differentiated, one operation after the other.

    The forward pass shows each result with its formula in numbers. The backward pass goes back to the leaves: for each
    arrow it shows the product that the chain rule adds to an operand's gradient, and what that gradient then is.
    `dz/dx` is the local derivative, that of one operation, and `∂z/∂x` the total one, of the output along all paths.

    The steps are those that `output.backward()` takes on leaves whose grad is 0. Of several outputs they are those of
    `a.backward()` and then of `b.backward()`: one pass begins at each, in turn, and shows the derivatives of that
    output; at its end the leaves add them to what they have. The graph and its gradients stay as they are.

    Args:
        outputs: The Values to differentiate.
        to: A file to write, in one of `microgrady.drawing.animation.FORMATS`, as a whole or not at all. The page is one
            file that needs no network. It can be zoomed and moved, follows the steps of a large graph, and lights up
            the paths from a box under the mouse. A GIF shows of a large graph what each step is about.
        precision: Significant digits of the numbers, 1 to 17.
        colour: Whether boxes are coloured by their gradients.
        direction: "LR" from left to right or "TB" from top to bottom; by default "LR", and in a GIF "TB" of a graph
            that can only so be seen whole and read.
        font: A font's file for letters that DejaVu Sans lacks, as for `draw`.

    Returns:
        The animation, which Jupyter displays.

    Raises:
        TypeError: An output is not a Value, or `to` or `font` is not a path.
        ValueError: There are no outputs, the graph has too many Values to be followed step by step, there is no such
            font, `to` has an unknown format or is in a folder that does not exist, or `precision` or `direction` is
            not one of those allowed.
        RuntimeError: Something that renders is not installed.

    Example:
        >>> import microgrady as mg
        >>> from microgrady import Value
        >>> x, y = Value(2.0, "x"), Value(3.0, "y")
        >>> z = x * y
        >>> z.label = "z"
        >>> for step in mg.animate(z).steps:
        ...     print(step.formula)
        x = 2, y = 3
        z = x · y = 2 · 3 = 6
        ∂z/∂z = 1
        ∂z/∂x += ∂z/∂z · dz/dx = 1 · 3 = 3
        ∂z/∂y += ∂z/∂z · dz/dy = 1 · 2 = 2
        ∂z/∂x = 3, ∂z/∂y = 2
    """
    check_outputs(outputs, "animate")
    target = check_file(to)
    check_look(precision, "LR" if direction is None else direction, colour=colour)
    check_size(len(order_of(*outputs)), "html" if target is None else format_of(target))
    animation = Animation(outputs, precision, colour, direction, check_font(font))
    if target is not None:
        animation.save(target)
    return animation


class Animation:
    """The steps of a forward and a backward pass, with the picture that they change. Made by `animate`.

    Args:
        outputs: The Values to differentiate.
        precision: Significant digits.
        colour: Whether boxes are coloured by their gradients.
        direction: "LR" or "TB", or None for what suits.
        font: A font's file for letters that the usual font lacks.
    """

    steps: tuple[Step, ...]

    def __init__(
        self, outputs: Sequence[Value], precision: int, colour: bool, direction: str | None, font: Path | None
    ) -> None:
        self._font = font
        outputs = copy.deepcopy(tuple(dict.fromkeys(outputs)))
        order = order_of(*outputs)
        for value in order:
            value.grad = 0.0
        number_labels(outputs, order)
        narrator = Narrator(outputs, precision, colour)
        self.steps = tuple(narrator.narrate())
        self._size, self._outputs = len(order), [narrator.names[output] for output in outputs]
        self._names = {part: narrator.names[value] for value, part in narrator.parts.items()}
        self._paths = {narrator.parts[value]: lines for value, lines in narrator.paths().items()}
        for value, longest in narrator.longest.items():
            value.grad = longest  # leaves room in its box for every gradient on the way
        self._parts = [*self._names, *narrator.all_arrows()]
        self._look: dict[str, Any] = {"precision": precision, "colour": colour, "font": font, "max_nodes": None}
        self._values, self._direction = outputs, direction
        self._picture = self._drawn(direction or "LR")

    def _drawn(self, direction: str, within: tuple[float, float] | None = None) -> Element:
        """Draw the graph as the last step leaves it, within some width and height where that is possible."""
        drawn = draw(*self._values, direction=direction, **self._look)
        assert drawn.placement is not None
        drawn.placement.within = within
        picture = with_parts(drawn.plain_svg(), self._parts)
        width, height = size_of(picture)
        if within is None and (height > width or not is_seen_whole(width, height)):
            drawn.placement.in_lines = False  # a page can be moved and a film goes on to where something happens
            picture = with_parts(drawn.plain_svg(), self._parts)
        set_families(picture, self._font)
        show(picture, self.steps[-1], self.state(len(self.steps) - 1))
        return picture

    def state(self, step: int) -> dict[str, dict[str, str]]:
        """Return what each part of the picture looks like after a step.

        Args:
            step: Its place in `steps`.

        Returns:
            For each part, by its id, what `Step.changes` has last said of it.
        """
        state: dict[str, dict[str, str]] = {}
        for past in self.steps[: step + 1]:
            for part, change in past.changes.items():
                state.setdefault(part, {}).update(change)
        return state

    def save(self, to: str | os.PathLike[str]) -> Path:
        """Write the animation, as a whole or not at all.

        Args:
            to: The file, in one of `microgrady.drawing.animation.FORMATS`.

        Returns:
            The path of the file.

        Raises:
            TypeError: `to` is not a path.
            ValueError: The format is unknown, the folder does not exist, or the graph has too many
                Values for a GIF.
            RuntimeError: Something that renders is not installed.
        """
        target = check_target(to, FORMATS, "an animation")
        check_size(self._size, format_of(target))
        write_whole(target, self.gif() if format_of(target) == "gif" else self.page().encode())
        return target

    def page(self) -> str:
        """Return the page, which needs nothing else."""
        record = {"steps": [asdict(step) for step in self.steps], "paths": self._paths, "names": self._names}
        title = html.escape(f"{', '.join(self._outputs)}: forward and backward pass")
        return page_of(__package__, "player.html", record, title=title, picture=to_text(self._picture), **COLOURS)

    def gif(self) -> bytes:
        """Return the steps as the frames of a GIF that starts over and over."""
        film = self._film(self._for_frames())
        frames = film.frames()
        durations = [FRAME] * (sum(map(len, film.views())) - 1) + [LAST_FRAME]
        written = io.BytesIO()
        options = {"save_all": True, "append_images": frames, "duration": durations, "loop": 0, "optimize": False}
        next(frames).save(written, "GIF", **options)
        return written.getvalue()

    def _for_frames(self) -> Element:
        """Return the picture for a GIF, in which nobody can move it: one that can be seen whole, if there is one."""
        if not is_seen_whole(*size_of(self._picture)):
            for direction in [self._direction] if self._direction else DIRECTIONS[::-1]:
                picture = self._drawn(direction, MOST_SEEN)
                if is_seen_whole(*size_of(picture)):
                    return picture
        return self._picture

    def _film(self, picture: Element) -> Film:
        return Film(picture, self.steps, [self.state(number) for number in range(len(self.steps))], self._font)

    def __repr__(self) -> str:
        return f"<Animation of {len(self.steps)} steps>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the page for Jupyter, and the last step as a picture for what shows no pages."""
        return {"text/html": self._repr_html_(), "image/png": self._last_step()}

    def _repr_html_(self) -> str:
        height = PAGE_HEIGHT + min(round(size_of(self._picture)[1]), PICTURE_HEIGHT)
        return in_notebook(self.page(), self._last_step(), html.escape(self.steps[-1].formula), height)

    def _last_step(self) -> str:
        return b64encode(self._film(self._picture).still(len(self.steps) - 1)).decode()


def number_labels(outputs: Sequence[Value], order: Sequence[Value]) -> None:
    """Number the labels that several Values have, as parameters of layers do, so that formulas say which is meant."""
    names = short_names(order)
    for value, name in told_apart(names, [*reading_order(*outputs), *order]).items():
        if name != names[value]:
            value.label = name


def check_size(count: int, format: str) -> None:
    """Refuse what would take too long to be followed."""
    if count > MOST_VALUES[format]:
        raise ValueError(
            f"an animation as .{format} has at most {MOST_VALUES[format]} Values, and this graph has {count:,}: "
            "animate a smaller one, or draw it, which folds large graphs"
        )
