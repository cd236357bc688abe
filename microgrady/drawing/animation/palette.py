"""The few colours that all frames of a GIF have."""

from __future__ import annotations

from collections.abc import Sequence
from operator import sub
from typing import Any

from microgrady.drawing.animation.parts import COLOURS
from microgrady.drawing.animation.steps import Step
from microgrady.drawing.extras import import_extra
from microgrady.drawing.style import FAINT_INK, INK

# How many there are, and how many of them are set aside for boxes, whose colours say what their gradients are.
MOST_COLOURS, MOST_FILLS, LEAST_DIFFERENCE = 128, 60, 8


class Palette:
    """The colours of the boxes and of the marks, and the commonest in some samples.

    Args:
        steps: What is shown.
        samples: Some frames, or what is in them.

    Attributes:
        index: The numbers of those that were chosen beforehand.
    """

    def __init__(self, steps: Sequence[Step], samples: Sequence[Any]) -> None:
        image = self.image = import_extra("PIL.Image")
        fills = {change["fill"] for step in steps for change in step.changes.values() if "fill" in change}
        chosen = ["#ffffff", INK, FAINT_INK, *COLOURS.values(), *sorted(fills - {"white"})[:MOST_FILLS]]
        self.index = {colour: number for number, colour in enumerate(chosen)}
        sample = image.new("RGB", (max(s.width for s in samples), sum(s.height for s in samples)), "white")
        top = 0
        for each in samples:
            sample.paste(each, (0, top))
            top += each.height
        common = sample.quantize(MOST_COLOURS - len(chosen), image.Quantize.MEDIANCUT).getpalette()
        colours = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in chosen]
        for start in range(0, len(common), 3):
            colour = common[start : start + 3]
            # What is nearly a colour that was chosen would be taken in its place.
            near = any(max(map(abs, map(sub, colour, other))) < LEAST_DIFFERENCE for other in colours[: len(chosen)])
            colours.append(colours[0] if near else colour)
        self.carrier = image.new("P", (1, 1))
        self.carrier.putpalette([channel for colour in colours for channel in colour])

    def reduced(self, image: Any) -> Any:
        """Return an image in these colours."""
        return image.quantize(palette=self.carrier, dither=self.image.Dither.NONE)
