"""Rectangles of a picture: where its parts are, and which of it a frame shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# How far lines reach beyond the points that they go through, and how wide letters are, in their heights, at most.
STROKE, LETTER_WIDTH = 5.0, 0.75


class Area(NamedTuple):
    """A rectangle, in points of the picture or in pixels."""

    left: Any
    top: Any
    right: Any
    bottom: Any

    @property
    def size(self) -> tuple[Any, Any]:
        """The width and the height."""
        return self.right - self.left, self.bottom - self.top

    def around(self, other: Area) -> Area:
        """Return the smallest rectangle around this one and another one."""
        return Area(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))

    def meets(self, other: Area) -> bool:
        """Return whether this one and another one have something in common."""
        (left, top, right, bottom), (start, upper, end, lower) = self, other
        return bool(left < end and start < right and top < lower and upper < bottom)

    def common(self, other: Area) -> Area:
        """Return what this one has in common with another one that it meets."""
        return Area(*map(max, self[:2], other[:2]), *map(min, self[2:], other[2:]))

    def seen_from(self, other: Area) -> Area:
        """Return where this one is within another one."""
        left, top, right, bottom = self
        return Area(left - other.left, top - other.top, right - other.left, bottom - other.top)

    def fits(self, width: int, height: int) -> bool:
        """Return whether this one is no larger than so much."""
        return bool(self.size[0] <= width and self.size[1] <= height)

    def window(self, width: int, height: int) -> Area:
        """Return the rectangle of this width and height around the same middle, in whole pixels."""
        left, top = (self.left + self.right - width) // 2, (self.top + self.bottom - height) // 2
        return Area(left, top, left + width, top + height)

    def within(self, whole: Area) -> Area:
        """Return this one moved so far that it lies within a larger one."""
        right = max(0, whole.left - self.left) - max(0, self.right - whole.right)
        down = max(0, whole.top - self.top) - max(0, self.bottom - whole.bottom)
        return Area(self.left + right, self.top + down, self.right + right, self.bottom + down)


def area_of(part: Element, transform: str) -> Area | None:
    """Find where a part of Graphviz's SVG is.

    Args:
        part: The group of a node, an arrow or a frame.
        transform: That of the whole picture, as Graphviz writes it: a scale, no rotation, and then a translation.

    Returns:
        A rectangle that no line or letter of the part reaches beyond; None of a part that has none of these.
    """
    zoom, right, down = 1.0, 0.0, 0.0
    for name, numbers in re.findall(r"(\w+)\(([^)]*)\)", transform):
        found = [float(number) for number in NUMBER.findall(numbers)]
        if name == "scale":
            zoom = found[0]
        elif name == "translate":
            right, down = found
    points = [point for element in part.iter() for point in points_of(element)]
    if not points:
        return None
    xs, ys = zip(*points, strict=True)
    corners = min(xs) - STROKE + right, min(ys) - STROKE + down, max(xs) + STROKE + right, max(ys) + STROKE + down
    return Area(*(zoom * corner for corner in corners))


def points_of(element: Element) -> list[tuple[float, float]]:
    """Return points between which all of a line, an ellipse or a text is."""
    x, y, across, down = (float(element.get(key, 0.0)) for key in ("cx", "cy", "rx", "ry"))
    if element.tag == "ellipse":
        return [(x - across, y - down), (x + across, y + down)]
    if element.tag == "text":
        x, y, size = (float(element.get(key, 0.0)) for key in ("x", "y", "font-size"))
        length = LETTER_WIDTH * size * len(element.text or "")
        start = x - {"middle": length / 2, "end": length}.get(element.get("text-anchor", ""), 0.0)
        return [(start, y - size), (start + length, y + size / 3)]
    numbers = [float(number) for number in NUMBER.findall(element.get("points") or element.get("d") or "")]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def merged(areas: Iterable[Area]) -> list[Area]:
    """Put together the rectangles of which that takes no more room."""
    found: list[Area] = []
    for area in areas:
        joined = area
        for other in tuple(found):
            both = joined.around(other)
            if extent(both) <= extent(joined) + extent(other):
                found.remove(other)
                joined = both
        found.append(joined)
    return found


def extent(area: Area) -> Any:
    """Return how much a rectangle covers."""
    width, height = area.size
    return width * height
