"""The parts of a graph's picture by name, and how they show a step."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from xml.etree.ElementTree import Element, SubElement

from microgrady.drawing.animation.steps import Step
from microgrady.drawing.style import INK, NOT_FINITE, PALE
from microgrady.drawing.svg import parsed, take_title

# What the states of the picture's parts look like, on the page and in the GIF. Blue and dark orange
# differ for every kind of colour vision, and both from the boxes in lightness.
COLOURS = {"forward": "#005a9c", "backward": "#a33b00"}
STYLE = f"""
[data-pending="yes"] {{ opacity: 0.25 }}
[data-pending="yes"] > .local {{ visibility: hidden }}
[data-finite="no"] > text {{ fill: {NOT_FINITE["fontcolor"]} }}
"""
MARKS = """
[data-phase="PHASE"] [data-mark="source"] > .shape { stroke: COLOUR; stroke-width: 2.5 }
[data-phase="PHASE"] [data-mark="target"] > .shape { stroke: COLOUR; stroke-width: 5 }
[data-phase="PHASE"] [data-mark="target"] > .line { stroke: COLOUR; stroke-width: 3.5 }
[data-phase="PHASE"] [data-mark="target"] > .head { stroke: COLOUR; stroke-width: 2.5; fill: COLOUR }
[data-phase="PHASE"] [data-mark="target"] > .local { fill: COLOUR }
"""


def with_parts(svg: str, parts: Collection[str]) -> Element:
    """Give the parts of Graphviz's SVG the ids that steps call them by, and classes.

    Args:
        svg: The picture of a graph.
        parts: The ids.

    Returns:
        The root of the picture, whose elements are in no namespace.
    """
    picture = parsed(svg)
    background = picture.find("g/polygon")
    if background is not None:
        picture[0].remove(background)  # a page has its own
    caption = SubElement(picture[0], "g", {"class": "caption"})
    for line in picture[0].findall("text"):
        picture[0].remove(line)
        caption.append(line)
    for group in picture.iter("g"):
        tail, _, head = take_title(group).partition("->")
        part = f"{tail}-{head}" if head else tail
        if part not in parts:
            continue
        group.set("id", part)
        if head:
            group.set("data-from", tail)
            group.set("data-to", head)
            for element in group:
                element.set("class", {"path": "line", "polygon": "head", "text": "local"}[element.tag])
        else:
            group[0].set("class", "shape")
            group[-2].set("class", "value")
            group[-1].set("class", "gradient")
            ink = PALE if group[0].get("fill") == PALE else INK
            for text in group.iter("text"):
                if text.get("fill") == NOT_FINITE["fontcolor"]:
                    text.set("fill", ink)  # steps say when a number is not finite
    style = SubElement(picture, "style")
    style.text = STYLE + "".join(
        MARKS.replace("PHASE", phase).replace("COLOUR", colour) for phase, colour in COLOURS.items()
    )
    return picture


def size_of(picture: Element) -> tuple[float, float]:
    """Return how wide and how high a picture is, in points."""
    _, _, width, height = map(float, picture.get("viewBox", "").split())
    return width, height


def show(picture: Element, step: Step, state: Mapping[str, Mapping[str, str]]) -> None:
    """Make a picture show a step, as the page does."""
    picture.set("data-phase", step.phase)
    for group in picture.iter("g"):
        part = group.get("id", "")
        group.set("data-mark", step.marks.get(part, ""))
        elements = {element.get("class"): element for element in group}
        for what, text in state.get(part, {}).items():
            if what in ("pending", "finite"):
                group.set(f"data-{what}", text)
            elif what == "fill":
                elements["shape"].set("fill", text)
            else:
                elements[what].text = text
