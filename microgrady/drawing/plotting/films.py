"""Plots frame by frame: as a page with a slider, or as an animated GIF."""

from __future__ import annotations

import functools
import html
import io
import os
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microgrady.drawing.animation.pages import FORMATS, in_notebook, page_of
from microgrady.drawing.plotting.figures import animated, import_plotting, rendered
from microgrady.drawing.render import check_target, format_of
from microgrady.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE_DOTS = 120  # an inch
NOTEBOOK_HEIGHT = 640  # pixels, of a page


class PlotAnimation(ABC):
    """A figure that shows one frame after the other.

    Attributes:
        name: What the page is called.
        titles: What the frames say, one for each.
        durations: How long a GIF shows each of them, in milliseconds.
    """

    name: str
    titles: Sequence[str]
    durations: Sequence[int]

    @abstractmethod
    def show(self, number: int) -> Axes:
        """Make the figure show a frame.

        Args:
            number: Its place in `titles`.

        Returns:
            The first Axes of the figure.
        """

    def save(self, to: str | os.PathLike[str]) -> Path:
        """Write the animation, as a whole or not at all.

        Args:
            to: The file, a .html or a .gif.

        Returns:
            The path of the file.

        Raises:
            TypeError: `to` is not a path.
            ValueError: The format is unknown, or the folder does not exist.
        """
        target = check_target(to, FORMATS, "an animation")
        write_whole(target, self.gif() if format_of(target) == "gif" else self.page().encode())
        return target

    def gif(self) -> bytes:
        """Return the frames as a GIF that starts over and over."""
        frames = [functools.partial(self.show, number) for number in range(len(self.titles))]
        return animated(self.show(0), frames, self.durations)

    def page(self) -> str:
        """Return the page, which needs nothing else."""
        record = {"pictures": self._pictures, "titles": list(self.titles)}
        return page_of(__package__, "film.html", record, called=html.escape(self.name))

    @cached_property
    def _pictures(self) -> list[str]:
        return [self._picture(number) for number in range(len(self.titles))]

    def _picture(self, number: int) -> str:
        """Return a frame as a PNG of few colours, for a page."""
        pillow = import_plotting("PIL.Image")
        content = rendered(self.show(number), "png", PAGE_DOTS)
        image = pillow.open(io.BytesIO(content)).convert("RGB").quantize(dither=pillow.Dither.NONE)
        written = io.BytesIO()
        image.save(written, "PNG")
        return b64encode(written.getvalue()).decode()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the page for Jupyter, and the last frame as a picture for what shows no pages."""
        last = self._pictures[-1]
        alt = html.escape(self.titles[-1])
        return {"text/html": in_notebook(self.page(), last, alt, NOTEBOOK_HEIGHT), "image/png": last}
