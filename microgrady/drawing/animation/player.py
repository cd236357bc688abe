"""The forward and the backward pass, step by step: as a page with a slider, or as an animated GIF."""

from __future__ import annotations

import copy
import html
import io
import os
from base64 import b64encode
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from microgrady.drawing.animation.pages import in_notebook, page_of
from microgrady.drawing.animation.parts import COLOURS, show, to_text, with_parts
from microgrady.drawing.animation.paths import Paths
from microgrady.drawing.animation.steps import Narrator, Step
from microgrady.drawing.extras import import_extra
from microgrady.drawing.fonts import font_file
from microgrady.drawing.graph.graph import check_look, draw
from microgrady.drawing.render import check_target, format_of
from microgrady.drawing.style import DIGITS, FAINT_INK, FONT, INK
from microgrady.drawing.svg import PNG_ZOOM, png_from_svg
from microgrady.files import write_whole
from microgrady.tracebacks import entrance
from microgrady.value import Value, topological_order

FORMATS = ("html", "gif")  # of animations
# A page of more steps is too long to be followed, and a GIF too large to be shown.
MOST_VALUES = {"html": 200, "gif": 40}

# Milliseconds: time to read a formula.
FRAME, LAST_FRAME = 2500, 7500
# At most, in pixels.
FRAME_WIDTH, FRAME_HEIGHT = 1600, 1200
# Narrow pictures are widened, in points, to have room for a formula, whose letters are in proportion.
LEAST_POINTS, LETTERS_A_LINE, LINE = 640, 48, 1.4
# In a notebook, in pixels: what stands around the picture, and the most for the picture itself.
PAGE_HEIGHT, PICTURE_HEIGHT = 350, 500


@entrance
def animate(
    output: Value,
    to: str | os.PathLike[str] | None = None,
    *,
    precision: int = DIGITS,
    colour: bool = True,
    direction: str = "LR",
) -> Animation:
    """Show how a Value is computed and differentiated, one operation after the other.

    The forward pass goes from the leaves to the output: each result appears with its formula in
    numbers. The backward pass goes from the output to the leaves: for each operand of each
    operation it shows the product that the chain rule adds to the operand's gradient, and what that gradient
    then is. `dz/dx` is the local derivative, that of one operation by one operand, and `∂z/∂x` the total one, of the
    output along all paths. The steps are those that `output.backward()` takes on leaves whose grad is 0; the
    graph and its gradients stay as they are.

    Args:
        output: The Value to differentiate.
        to: A file to write, in one of `microgrady.drawing.animation.FORMATS`. It is written as a whole or not
            at all. The page is one file that needs no network: it has a slider, buttons and keys, and for
            each box under the mouse the paths to the output light up.
        precision: Significant digits of the numbers, 1 to 17.
        colour: Whether boxes are the darker, the larger their gradient.
        direction: "LR" from left to right or "TB" from top to bottom.

    Returns:
        The animation, which Jupyter displays.

    Raises:
        TypeError: `output` is not a Value, or `to` is not a path.
        ValueError: The graph has too many Values to be followed step by step, `to` has an unknown
            format or is in a folder that does not exist, or `precision` or `direction` is not
            one of those allowed.
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
    if not isinstance(output, Value):
        raise TypeError(f"animate takes one Value, not {type(output).__name__}")
    target = None if to is None else check_target(to, FORMATS, "an animation")
    check_look(precision, direction)
    check_size(len(topological_order(output)), "html" if target is None else format_of(target))
    animation = Animation(output, precision, colour, direction)
    if target is not None:
        animation.save(target)
    return animation


class Animation:
    """The steps of a forward and a backward pass, with the picture that they change. Made by `animate`.

    Args:
        output: The Value to differentiate.
        precision: Significant digits.
        colour: Whether boxes are the darker, the larger their gradient.
        direction: "LR" or "TB".
    """

    steps: tuple[Step, ...]

    def __init__(self, output: Value, precision: int, colour: bool, direction: str) -> None:
        output = copy.deepcopy(output)
        order = topological_order(output)
        for value in order:
            value.grad = 0.0
        output.backward()
        narrator = Narrator(order, precision, colour)
        self.steps = tuple(narrator.narrate())
        paths = Paths(order, narrator.names, precision)
        self._paths = {f"v{index}": paths.in_words(value) for index, value in enumerate(order)}
        self._names = {f"v{index}": narrator.names[value] for index, value in enumerate(order)}
        for value in order:
            value.grad = narrator.longest[value]  # leaves room in its box for every gradient on the way
        picture = draw(output, precision=precision, colour=colour, direction=direction, style="circles", max_nodes=None)
        self._picture = with_parts(picture.plain_svg(), order)
        show(self._picture, self.steps[-1], self.state(len(self.steps) - 1))

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
        check_size(len(self._names), format_of(target))
        write_whole(target, self.gif() if format_of(target) == "gif" else self.page().encode())
        return target

    def page(self) -> str:
        """Return the page, which needs nothing else."""
        record = {"steps": [asdict(step) for step in self.steps], "paths": self._paths, "names": self._names}
        title = html.escape(f"{self._names[f'v{len(self._names) - 1}']}: forward and backward pass")
        return page_of(
            "microgrady.drawing.animation", "player.html", record, title=title, picture=to_text(self._picture)
        )

    def gif(self) -> bytes:
        """Return the steps as the frames of a GIF that starts over and over."""
        frames = (self.frame(number) for number in range(len(self.steps)))
        durations = [FRAME] * (len(self.steps) - 1) + [LAST_FRAME]
        written = io.BytesIO()
        next(frames).save(written, "GIF", save_all=True, append_images=frames, duration=durations, loop=0)
        return written.getvalue()

    def frame(self, number: int) -> Any:
        """Draw a step, its formula above the picture.

        Args:
            number: Its place in `steps`.

        Returns:
            A Pillow image of 256 colours or less.
        """
        image = import_extra("PIL.Image")
        left, top, width, height = map(float, self._picture.get("viewBox", "").split())
        wide = max(width, height, LEAST_POINTS)
        letter = wide / LETTERS_A_LINE
        tall = height + letter * (LINE * max(map(len, self._captions)) + 1)
        left, top = left - (wide - width) / 2, top + height - tall
        scale = min(FRAME_WIDTH / wide, FRAME_HEIGHT / tall) / PNG_ZOOM

        picture = copy.deepcopy(self._picture)
        show(picture, self.steps[number], self.state(number))
        picture.attrib.update(width=f"{scale * wide:g}", height=f"{scale * tall:g}")
        picture.set("viewBox", f"{left:g} {top:g} {wide:g} {tall:g}")
        paper = Element("rect", x=f"{left:g}", y=f"{top:g}", width="100%", height="100%", fill="white")
        picture.insert(0, paper)
        for place, (line, fill) in enumerate(self._captions[number], start=1):
            corner = {"x": f"{left + letter / 2:g}", "y": f"{top + letter * LINE * place:g}"}
            text = SubElement(picture, "text", corner | {"font-family": FONT, "font-size": f"{letter:g}", "fill": fill})
            text.text = line
        drawn = image.open(io.BytesIO(png_from_svg(to_text(picture)))).convert("RGB")
        return drawn.quantize(method=image.Quantize.MEDIANCUT, dither=image.Dither.NONE)

    @cached_property
    def _captions(self) -> list[list[tuple[str, str]]]:
        count = len(self.steps)
        return [caption(step, f"step {n} of {count}", LETTERS_A_LINE - 1) for n, step in enumerate(self.steps, start=1)]

    def __repr__(self) -> str:
        return f"<Animation of {len(self.steps)} steps>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the page for Jupyter, and the last step as a picture for what shows no pages."""
        return {"text/html": self._repr_html_(), "image/png": self._last_step()}

    def _repr_html_(self) -> str:
        *_, tall = map(float, self._picture.get("viewBox", "").split())
        height = PAGE_HEIGHT + min(round(tall), PICTURE_HEIGHT)
        return in_notebook(self.page(), self._last_step(), html.escape(self.steps[-1].formula), height)

    def _last_step(self) -> str:
        written = io.BytesIO()
        self.frame(len(self.steps) - 1).save(written, "PNG", optimize=True)
        return b64encode(written.getvalue()).decode()


def check_size(count: int, format: str) -> None:
    """Refuse what would take too long to be followed."""
    if count > MOST_VALUES[format]:
        raise ValueError(
            f"an animation as .{format} has at most {MOST_VALUES[format]} Values, and this graph has {count:,}: "
            "animate a smaller one, or draw it, which folds large graphs"
        )


def caption(step: Step, place: str, width: float) -> list[tuple[str, str]]:
    """Return what a step says, on lines of at most this width in letters' sizes, each with its colour."""
    font = import_extra("PIL.ImageFont").truetype(font_file(), 100)
    texts = (f"{step.phase.capitalize()} pass, {place}", step.formula, step.note)
    lines: list[tuple[str, str]] = []
    for text, fill in zip(texts, (COLOURS[step.phase], INK, FAINT_INK), strict=True):
        line, *words = text.split(" ")
        for word in words:
            if font.getlength(f"{line} {word}") <= 100 * width:
                line = f"{line} {word}"
            else:
                lines.append((line, fill))
                line = word
        lines.append((line, fill))
    return lines
