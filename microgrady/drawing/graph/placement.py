"""The places of all that is in a picture, written into its DOT source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from microgrady.drawing.graph.labels import evenly_wrapped
from microgrady.drawing.graph.texts import text_size
from microgrady.drawing.layout.placing import Edge, Layout, Node, Rectangle, place
from microgrady.drawing.style import EDGE, FRAME

Path = tuple[str, ...]
LINE = re.compile(
    r"(?P<indent>\s*)(?:subgraph (?P<frame>\w+) \{|(?P<name>\w+)(?: -> (?P<head>\w+))?(?: \[(?P<rest>.*)\])?)\n?"
)
NOT_NODES = {"graph", "node", "edge"}
LABEL_MARGIN = 4.0  # at both sides of a label
LETTER, NARROWEST_CAPTION = 6.0, 24  # the width of a letter of the caption in points, about; letters in a line of it


class Placement:
    """What is in a picture, for which places are found as soon as its source is asked for.

    Args:
        direction: "LR" or "TB".

    Attributes:
        nodes: The nodes, by their names.
        edges: The names of the ends of each arrow, and its label.
        titles: Those of the frames.
        caption: What is said below the picture.
        is_folded: Whether a box can stand for several.
        in_lines: Whether a picture that is too wide is broken into lines.
        within: The width and the height in points that the picture should have at most; None where it may be larger.
    """

    def __init__(self, direction: str) -> None:
        self.direction = direction
        self.in_lines = direction == "LR"
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str, str]] = []
        self.titles: dict[Path, str] = {}
        self.caption: list[str] = []
        self.is_folded = False
        self.within: tuple[float, float] | None = None
        self._found: tuple[tuple[object, ...], list[str]] | None = None

    def lines(self, body: Sequence[str]) -> list[str]:
        """Return the lines of the DOT source with places, or as they are where they are about something else."""
        source = list(body), self.in_lines, self.within
        if self._found is None or self._found[0] != source:
            parsed = [match for line in body if (match := LINE.fullmatch(line))]
            nodes = {m["name"] for m in parsed if m["name"] and not m["head"] and m["name"] not in NOT_NODES}
            edges = [(m["name"], m["head"]) for m in parsed if m["head"]]
            known = [(tail, head) for tail, head, _ in self.edges]
            placed = list(self._placed(body)) if nodes == self.nodes.keys() and edges == known else list(body)
            self._found = source, placed
        return self._found[1]

    def layout(self) -> Layout:
        """Find the places."""
        index = {name: i for i, name in enumerate(self.nodes)}
        size = float(EDGE["fontsize"])
        edges = []
        for tail, head, label in self.edges:
            width, height = text_size(label, size)
            # Side by side, labels need more room between them than one above the other.
            beside = LABEL_MARGIN if label and self.direction == "TB" else 0.0
            edges.append(Edge(index[tail], index[head], (width + 2 * beside, height)))
        titles = {path: text_size(title, float(FRAME["fontsize"])) for path, title in self.titles.items()}
        return place(
            list(self.nodes.values()),
            edges,
            titles,
            down=self.direction == "TB",
            in_lines=self.in_lines,
            may_be_empty=self.is_folded,
            within=self.within,
        )

    def _placed(self, body: Sequence[str]) -> Iterator[str]:
        """Yield the lines with their places, which Graphviz measures from the bottom."""
        found = self.layout()
        height = found.height
        nodes = dict(zip(self.nodes, found.nodes, strict=True))
        frames = {path[-1]: path for path in found.frames}
        ways = iter(zip(self.edges, found.courses, strict=True))
        path: Path = ()
        # A caption that is wider than the boxes would leave the page empty beside them.
        letters = max(NARROWEST_CAPTION, int(found.width / LETTER))
        caption = r"\n".join(evenly_wrapped(line, letters) for line in self.caption)
        yield f'\tgraph [label="{caption}" layout=nop2]\n'
        for line in body:
            match = LINE.fullmatch(line)
            if match is None:
                yield line
            elif match["frame"]:
                path = frames[match["frame"]]
                yield line
            elif match["name"] == "graph":
                x, y = found.titles[path]
                yield with_places(match, f'bb="{corners(found.frames[path], height)}" lp="{x:.1f},{height - y:.1f}"')
            elif match["head"]:
                (_, _, label), way = next(ways)
                points = " ".join(f"{x:.1f},{height - y:.1f}" for x, y in way.points)
                places = f'pos="e,{way.tip[0]:.1f},{height - way.tip[1]:.1f} {points}"'
                if label:
                    places = f'lp="{way.label[0]:.1f},{height - way.label[1]:.1f}" {places}'
                yield with_places(match, places)
            elif match["name"] in NOT_NODES:
                yield line
            else:
                box = nodes[match["name"]]
                x, y = box.left + box.width / 2, height - box.top - box.height / 2
                size = f"height={box.height / 72:.4f} width={box.width / 72:.4f}"
                yield with_places(match, f'pos="{x:.1f},{y:.1f}" {size}')


def corners(frame: Rectangle, height: float) -> str:
    """Write the bounding box of a frame."""
    left, top = frame.left, height - frame.top
    return f"{left:.1f},{top - frame.height:.1f},{left + frame.width:.1f},{top:.1f}"


def with_places(match: re.Match[str], places: str) -> str:
    """Write a line of DOT anew with more attributes."""
    ends = f"{match['name']} -> {match['head']}" if match["head"] else match["name"]
    rest = f"{match['rest']} " if match["rest"] else ""
    return f"{match['indent']}{ends} [{rest}{places}]\n"
