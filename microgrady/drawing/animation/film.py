"""The frames of a GIF, put together from the parts of the picture, each of which is rendered once a look.

Where the picture is too large to be read in a frame, frames show what a run of steps is about, and a small map of the
whole below. The first and the last step, which are about all leaves, then have a frame for each region with leaves.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from microgrady.drawing.animation.areas import Area, area_of, merged
from microgrady.drawing.animation.palette import Palette
from microgrady.drawing.animation.parts import COLOURS, show
from microgrady.drawing.animation.steps import Step
from microgrady.drawing.extras import import_extra
from microgrady.drawing.fonts import fonts_for, text_width
from microgrady.drawing.style import FAINT_INK, FONT, INK
from microgrady.drawing.svg import PNG_ZOOM, png_from_svg, to_text

# Pixels. Frames are often shown at half their width, where texts of 14 points are then 11 pixels high, and 9 at least.
WIDTH, STILL_WIDTH, STILL_HEIGHT = 1200, 1800, 900
HEIGHT, MOST_HEIGHT = 800, 1440  # of what is seen of a picture, and where it can only so be seen whole
SMALLEST, LEGIBLE, CLOSEST = 18 / 14, 22 / 14, 2.5  # pixels a point
MAP_WIDTH, MAP_HEIGHT, MARGIN = 480, 100, 12
MOST_SEEN = (WIDTH - 2 * MARGIN) / SMALLEST, MOST_HEIGHT / SMALLEST  # points of a picture that can be read as a whole
# Captions: how many letters, as wide as high, a line has, and its height in such letters.
LETTERS_A_LINE, LINE = 48, 1.4


class Film:
    """The frames of an animation.

    Args:
        picture: The picture, with the ids of its parts.
        steps: The steps.
        states: What the parts look like after each step.
        font: A font's file for letters that the usual font lacks.
    """

    def __init__(
        self,
        picture: Element,
        steps: Sequence[Step],
        states: Sequence[Mapping[str, Mapping[str, str]]],
        font: Path | None = None,
    ) -> None:
        said = "".join(text for step in steps for text in (step.formula, step.note))
        self.font, self.fonts = font, fonts_for(said + "".join(picture.itertext()), font)
        self.image = import_extra("PIL.Image")
        self.made: dict[str, Any] = {}  # what was rendered: a box often looks again as it did before
        self.looks: dict[Element, Any] = {}  # of the parts, now
        self.picture, self.steps, self.states = copy.deepcopy(picture), steps, states
        left, top, width, height = map(float, picture.get("viewBox", "").split())
        self.points = Area(left, top, left + width, top + height)
        self.scale = scale_of(width, height) or LEGIBLE  # pixels a point
        # From here on all is measured in pixels of the whole picture at that scale.
        self.whole = Area(0, 0, round(width * self.scale), round(height * self.scale))
        most_height = MOST_HEIGHT if is_seen_whole(width, height) else HEIGHT
        self.window = min(self.whole.right, WIDTH), min(self.whole.bottom, most_height)
        self.drawing = next(part for part in self.picture if part.tag == "g")
        self.areas = {part: self.area_of(part) for part in self.drawing if part.tag == "g"}
        self.parts = {part.get("id", ""): part for part in self.areas}

    def frames(self) -> Iterator[Any]:
        """Yield the frames of each step: Pillow images of the same few colours."""
        self.show(len(self.steps) - 1)
        last = self.rendered(self.whole, 0.4)
        self.show(0)
        self.look_at(self.areas)
        canvas = self.composed(self.whole)
        self.palette = Palette(self.steps, (canvas.reduce(2), last))
        canvas, overview = self.palette.reduced(canvas), self.overview(last)
        for number, views in enumerate(self.views()):
            for area in self.changed(number):
                canvas.paste(self.palette.reduced(self.composed(area)), area[:2])
            for view in views:
                frame = self.palette.reduced(self.paper(self.caption(number, WIDTH), WIDTH, self.height))
                frame.paste(canvas.crop(view), ((WIDTH - self.window[0]) // 2, self.caption_height))
                if view != self.whole:
                    self.add_map(frame, overview, view, COLOURS[self.steps[number].phase])
                yield frame

    def still(self, number: int) -> bytes:
        """Return a step as a PNG: the whole picture, with what the step says above."""
        self.show(number)
        wide, high = self.whole.size
        zoom = min((STILL_WIDTH - 2 * MARGIN) / wide, STILL_HEIGHT / high, CLOSEST / self.scale)
        caption, drawn = self.caption(number, STILL_WIDTH), self.rendered(self.whole, zoom)
        page = self.paper(caption, STILL_WIDTH, caption.height + drawn.height)
        page.paste(drawn, ((STILL_WIDTH - drawn.width) // 2, caption.height))
        written = io.BytesIO()
        page.quantize(method=self.image.Quantize.MEDIANCUT, dither=self.image.Dither.NONE).save(written, "PNG")
        return written.getvalue()

    # The picture and its parts.

    def area_of(self, part: Element) -> Area:
        """Return where a part of the picture is."""
        left, top, right, bottom = area_of(part, self.drawing.get("transform", "")) or self.points
        corners = (left, top, right, bottom)
        pixels = [self.scale * (here - start) for here, start in zip(corners, self.points[:2] * 2, strict=True)]
        return Area(
            max(0, int(pixels[0])),
            max(0, int(pixels[1])),
            min(self.whole.right, int(pixels[2]) + 1),
            min(self.whole.bottom, int(pixels[3]) + 1),
        )

    def show(self, number: int) -> None:
        """Make the picture show a step."""
        show(self.picture, self.steps[number], self.states[number])

    def changed(self, number: int) -> list[Area]:
        """Make the picture show a step after the one before it, and return where that differs."""
        if number == 0:
            return []
        self.show(number)
        before, now = self.steps[number - 1], self.steps[number]
        parts = [self.parts[part] for part in dict.fromkeys([*before.marks, *now.marks, *now.changes])]
        self.look_at(parts)
        return merged(map(self.areas.__getitem__, parts))

    def look_at(self, parts: Iterable[Element]) -> None:
        """Render some parts as they look now, each by itself on nothing."""
        for part in parts:
            self.looks[part] = self.drawn([part], self.areas[part], 1.0, None)

    def composed(self, area: Area) -> Any:
        """Put a rectangle of the picture together from its parts."""
        paper = self.image.new("RGBA", area.size, "white")
        for part, place in self.areas.items():
            if part in self.looks and place.meets(area):
                both = place.common(area)
                to, source = both.seen_from(area), both.seen_from(place)
                paper.alpha_composite(self.looks[part], to[:2], source)
        return paper.convert("RGB")

    def rendered(self, area: Area, zoom: float = 1.0) -> Any:
        """Render a rectangle of the picture, with all that reaches into it."""
        return self.drawn([part for part, place in self.areas.items() if place.meets(area)], area, zoom, "white")

    def drawn(self, parts: Iterable[Element], area: Area, zoom: float, background: str | None) -> Any:
        """Render a rectangle of the picture with some of its parts."""
        root = Element("svg")
        drawing = SubElement(root, "g", self.drawing.attrib)
        drawing.extend(parts)
        if any(part.get("data-mark") for part in drawing):
            root.set("data-phase", self.picture.get("data-phase", ""))
        root.extend(part for part in self.picture if part.tag == "style")
        left, top = (start + pixel / self.scale for start, pixel in zip(self.points, area[:2], strict=False))
        width, height = area.size
        root.set("viewBox", f"{left!r} {top!r} {width / self.scale!r} {height / self.scale!r}")
        return self.rasterised(root, round(width * zoom), round(height * zoom), background)

    def rasterised(self, root: Element, width: int, height: int, background: str | None) -> Any:
        """Render an SVG of so many pixels."""
        size = {"width": f"{width / PNG_ZOOM:g}", "height": f"{height / PNG_ZOOM:g}", "preserveAspectRatio": "none"}
        root.attrib.update(size)
        svg = to_text(root)
        if svg not in self.made:
            image = self.image.open(io.BytesIO(png_from_svg(svg, self.fonts, background)))
            self.made[svg] = image.convert("RGB" if background else "RGBA")
        return self.made[svg]

    # What frames show of it.

    def views(self) -> list[list[Area]]:
        """Return the rectangles of the picture in which each step is shown, one after the other."""
        if self.whole.fits(*self.window):
            return [[self.whole]] * len(self.steps)
        wide, high = self.whole.size
        leaves = [self.areas[self.parts[part]] for part in self.steps[-1].marks]
        leaves.sort(key=lambda area: area[:2] if wide > high else area[1::-1])
        tour = list(dict.fromkeys(self.followed(leaves or [self.whole])))
        return [tour, *([view] for view in self.followed(map(self.subject, self.steps[1:-1]))), tour[::-1]]

    def followed(self, subjects: Iterable[Area]) -> list[Area]:
        """Return a rectangle around each of some subjects, which stays where it is as long as that is possible."""
        runs: list[tuple[Area, int]] = []
        for area in subjects:
            if runs and (both := runs[-1][0].around(area)).fits(*self.window):
                runs[-1] = both, runs[-1][1] + 1
            else:
                runs.append((area, 1))
        return [self.view(area) for area, count in runs for _ in range(count)]

    def subject(self, step: Step) -> Area:
        """Return the rectangle around the boxes that a step is about, or else those that it computes."""
        for marks in ({"source", "target"}, {"target"}):
            boxes = [
                self.areas[self.parts[part]]
                for part, mark in step.marks.items()
                if mark in marks and part.startswith("v")
            ]
            area = boxes[0] if boxes else self.whole
            for box in boxes[1:]:
                area = area.around(box)
            if area.fits(*self.window):
                break
        return area

    def view(self, subject: Area) -> Area:
        """Return the rectangle that a frame shows, with a subject in its middle."""
        return subject.window(*self.window).within(self.whole)

    def overview(self, last: Any) -> Any:
        """Return the map: the whole picture, small and pale."""
        share = min(MAP_WIDTH / last.width, MAP_HEIGHT / last.height)
        small = last.resize((round(share * last.width), round(share * last.height)), self.image.Resampling.LANCZOS)
        return self.palette.reduced(self.image.blend(self.image.new("RGB", small.size, "white"), small, 0.6))

    def add_map(self, frame: Any, overview: Any, view: Area, colour: str) -> None:
        """Add the map to a frame, and in it a rectangle around what the frame shows between two lines."""
        draw = import_extra("PIL.ImageDraw").Draw(frame)
        for y in (self.caption_height, self.caption_height + self.window[1]):
            draw.line((0, y, WIDTH, y), fill=self.palette.index[FAINT_INK])
        left, top = (WIDTH - overview.width) // 2, self.height - MARGIN - overview.height
        frame.paste(overview, (left, top))
        share = overview.width / self.whole.right
        corners = [start + share * pixel for start, pixel in zip((left, top) * 2, view, strict=True)]
        draw.rectangle(corners, outline=self.palette.index[colour], width=3)

    # What is said above.

    @cached_property
    def lines(self) -> list[list[tuple[str, str]]]:
        """What each step says, on lines that fit, each with its colour."""
        count = len(self.steps)
        return [
            lines_of(step, f"step {n} of {count}", LETTERS_A_LINE - 1, self.font)
            for n, step in enumerate(self.steps, start=1)
        ]

    @property
    def caption_height(self) -> int:
        """Room for the longest caption."""
        return self.height_of(max(map(len, self.lines)), WIDTH)

    @property
    def height(self) -> int:
        """The height of a frame."""
        is_whole = self.whole.fits(*self.window)
        return self.caption_height + int(self.window[1]) + (0 if is_whole else MAP_HEIGHT + 2 * MARGIN)

    def height_of(self, lines: int, width: int) -> int:
        """Return how high so many lines are."""
        return round(width / LETTERS_A_LINE * (LINE * lines + 0.6))

    def caption(self, number: int, width: int) -> Any:
        """Render what a step says."""
        lines = self.lines[number]
        letter, height = width / LETTERS_A_LINE, self.height_of(len(lines), width)
        longest = max(text_width(line, self.font) for line, _ in lines)
        width = min(width, round(letter * (longest + 1)))
        root = Element("svg", {"viewBox": f"0 0 {width} {height}", "font-family": FONT, "font-size": f"{letter:g}"})
        for place, (line, fill) in enumerate(lines, start=1):
            corner = {"x": f"{letter / 2:g}", "y": f"{letter * LINE * place:g}"}
            SubElement(root, "text", corner | {"fill": fill}).text = line
        return self.rasterised(root, width, height, "white")

    def paper(self, caption: Any, width: int, height: int) -> Any:
        """Return a white page that begins with a caption."""
        page = self.image.new("RGB", (width, height), "white")
        page.paste(caption, (0, 0))
        return page


def scale_of(width: float, height: float) -> float | None:
    """Return how many pixels a point has in a frame that shows all of a picture; None if it could not be read.

    Args:
        width: That of the picture, in points.
        height: Its height.
    """
    across, down, most_down = (WIDTH - 2 * MARGIN) / width, HEIGHT / height, MOST_HEIGHT / height
    scale = min(across, CLOSEST, max(down, min(most_down, LEGIBLE)))
    return scale if scale >= SMALLEST else None


def is_seen_whole(width: float, height: float) -> bool:
    """Return whether a picture of this size, in points, can be read where a frame shows all of it."""
    return scale_of(width, height) is not None


def lines_of(step: Step, place: str, width: float, font: Path | None) -> list[tuple[str, str]]:
    """Return what a step says, on lines of at most this width in letters' sizes, each with its colour."""
    texts = (f"{step.title}, {place}", step.formula, step.note)
    lines: list[tuple[str, str]] = []
    for text, fill in zip(texts, (COLOURS[step.phase], INK, FAINT_INK), strict=True):
        line, *words = text.split(" ")
        for word in words:
            if text_width(f"{line} {word}", font) <= width:
                line = f"{line} {word}"
            else:
                lines.append((line, fill))
                line = word
        lines.append((line, fill))
    return lines
