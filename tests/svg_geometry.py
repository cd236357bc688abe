"""What is where in a picture of a graph: its SVG read back as rectangles and lines."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from microgrady.drawing.graph.texts import text_width

Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
PIECES = 10  # lines in place of each curve


@dataclass
class Arrow:
    """An arrow as it is drawn.

    Args:
        tail: The node where it starts.
        head: The node where it ends.
        points: The corners of a line along it.
        labels: Where its label stands.
    """

    tail: str
    head: str
    points: list[Point]
    labels: list[Rectangle] = field(default_factory=list)


class Geometry:
    """The places in a picture.

    Args:
        svg: As Graphviz writes it, with the names of the nodes as titles.
    """

    def __init__(self, svg: str) -> None:
        root = ElementTree.fromstring(svg)
        self.width, self.height = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
        self.boxes: dict[str, Rectangle] = {}
        self.arrows: list[Arrow] = []
        self.titles: list[Rectangle] = []
        self.frames: list[Rectangle] = []
        for group in root.iter(f"{SVG}g"):
            name = group.findtext(f"{SVG}title", "")
            match group.get("class"):
                case "node":
                    self.boxes[name] = around(outline(group))
                case "edge":
                    tail, head = name.split("->")
                    self.arrows.append(Arrow(tail, head, flattened(outline(group)), list(texts(group))))
                case "cluster":
                    self.frames.append(around(outline(group)))
                    self.titles += texts(group)

    @property
    def density(self) -> float:
        """The part of the page that the boxes take."""
        area = sum((right - left) * (bottom - top) for left, top, right, bottom in self.boxes.values())
        return area / (self.width * self.height)

    def touched(self) -> list[tuple[str, str, str]]:
        """Return the arrows, and the boxes that they or their labels touch although they do not join them."""
        found = []
        for arrow in self.arrows:
            reach = around(arrow.points)
            for name, box in self.boxes.items():
                if name in {arrow.tail, arrow.head}:
                    continue
                touches = overlap(reach, box) and any(crosses(*ends, box) for ends in pairwise(arrow.points))
                if touches or any(overlap(label, box) for label in arrow.labels):
                    found.append((arrow.tail, arrow.head, name))
        return found

    def crossed_titles(self) -> list[tuple[str, str]]:
        """Return the arrows that cross the title of a frame."""
        return [
            (arrow.tail, arrow.head)
            for arrow in self.arrows
            for title in self.titles
            if any(crosses(*ends, title) for ends in pairwise(arrow.points))
        ]

    def crossed_labels(self) -> list[tuple[str, str]]:
        """Return the arrows whose labels are crossed by other arrows, or touch the labels of those."""
        reaches = [around(arrow.points) for arrow in self.arrows]
        return [
            (arrow.tail, arrow.head)
            for arrow in self.arrows
            for label in arrow.labels
            for other, reach in zip(self.arrows, reaches, strict=True)
            if other is not arrow
            and (
                any(overlap(label, another) for another in other.labels)
                or (overlap(reach, label) and any(crosses(*ends, label) for ends in pairwise(other.points)))
            )
        ]

    def overlapping(self) -> list[tuple[str, str]]:
        """Return the boxes that lie on each other."""
        names = list(self.boxes)
        return [
            (name, other)
            for place, name in enumerate(names)
            for other in names[:place]
            if overlap(self.boxes[name], self.boxes[other])
        ]


def points_of(text: str) -> list[Point]:
    """Read the coordinates of a path or a polygon."""
    numbers = [float(number) for number in NUMBER.findall(text)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def outline(group: ElementTree.Element) -> list[Point]:
    """Return the points of the first shape of a group."""
    for shape in group.iter():
        if shape.tag == f"{SVG}path":
            return points_of(shape.attrib["d"])
        if shape.tag == f"{SVG}polygon":
            return points_of(shape.attrib["points"])
        if shape.tag == f"{SVG}ellipse":
            x, y, right, down = (float(shape.attrib[name]) for name in ("cx", "cy", "rx", "ry"))
            return [(x - right, y - down), (x + right, y + down)]
    raise ValueError("a group without a shape")


def texts(group: ElementTree.Element) -> Iterator[Rectangle]:
    """Yield where the lines of text in a group are, without the room for letters that go up or down."""
    for text in group.iter(f"{SVG}text"):
        content = (text.text or "").strip()
        size, x, y = (float(text.attrib[name]) for name in ("font-size", "x", "y"))
        if content:
            half = text_width(content, size) / 2
            yield x - half, y - 0.7 * size, x + half, y


def flattened(points: list[Point]) -> list[Point]:
    """Return the corners of a line along Bézier curves in a row."""
    found = points[:1]
    for place in range(1, len(points) - 2, 3):
        curve = points[place - 1 : place + 3]
        for piece in range(1, PIECES + 1):
            t = piece / PIECES
            shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (sum(share * point[axis] for share, point in zip(shares, curve, strict=True)) for axis in (0, 1))
            found.append((x, y))
    return found


def around(points: list[Point]) -> Rectangle:
    """Return the least rectangle around some points."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def overlap(first: Rectangle, second: Rectangle) -> bool:
    """Return whether two rectangles have a point in common that is inside both."""
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def crosses(start: Point, end: Point, box: Rectangle) -> bool:
    """Return whether a line has a point inside a rectangle (Liang and Barsky)."""
    first, last = 0.0, 1.0
    for axis in (0, 1):
        step = end[axis] - start[axis]
        for direction, room in ((-step, start[axis] - box[axis]), (step, box[axis + 2] - start[axis])):
            if direction == 0.0:
                if room <= 0.0:
                    return False
            elif direction < 0.0:
                first = max(first, room / direction)
            else:
                last = min(last, room / direction)
    return first < last
