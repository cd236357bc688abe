"""The parts of a graph's picture by name, and how they show a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from microgrady.drawing.animation.steps import Step
from microgrady.value import Value

NAMESPACE = "http://www.w3.org/2000/svg"

# What the states of the picture's parts look like, on the page and in the GIF. Blue and dark orange
# differ for every kind of colour vision, and both from the boxes in lightness.
COLOURS = {"forward": "#005a9c", "backward": "#a33b00"}
STYLE = """
[data-pending="yes"] { opacity: 0.25 }
[data-pending="yes"] > .local { visibility: hidden }
[data-phase="PHASE"] [data-mark="source"] > .shape { stroke: COLOUR; stroke-width: 2.5 }
[data-phase="PHASE"] [data-mark="target"] > .shape { stroke: COLOUR; stroke-width: 5 }
[data-phase="PHASE"] [data-mark="target"] > .line { stroke: COLOUR; stroke-width: 3.5 }
[data-phase="PHASE"] [data-mark="target"] > .head { stroke: COLOUR; stroke-width: 2.5; fill: COLOUR }
[data-phase="PHASE"] [data-mark="target"] > .local { fill: COLOUR }
"""


def with_parts(svg: str, order: list[Value]) -> Element:
    """Give the parts of Graphviz's SVG the ids that steps call them by, and classes.

    Args:
        svg: The picture of a graph.
        order: The Values of the graph, operands before results.

    Returns:
        The root of the picture, whose elements are in no namespace.
    """
    picture = ElementTree.fromstring(svg.replace(f' xmlns="{NAMESPACE}"', "", 1))
    background = picture.find("g/polygon")
    if background is not None:
        picture[0].remove(background)  # a page has its own
    groups: dict[str, list[Element]] = {}
    for group in picture.iter("g"):
        title = group.find("title")
        if title is not None:
            group.remove(title)  # browsers would show it beside the mouse
            groups.setdefault(title.text or "", []).append(group)
    for name, part in parts(order):
        group = groups[name].pop(0)
        group.set("id", part)
        tail, _, head = name.partition("->")
        if head:
            group.set("data-from", tail)
            group.set("data-to", head)
            for element in group:
                element.set("class", {"path": "line", "polygon": "head", "text": "local"}[element.tag])
        else:
            group[0].set("class", "shape")
            if part.startswith("v"):
                group[-2].set("class", "value")
                group[-1].set("class", "gradient")
    style = SubElement(picture, "style")
    style.text = "".join(STYLE.replace("PHASE", phase).replace("COLOUR", colour) for phase, colour in COLOURS.items())
    return picture


def parts(order: list[Value]) -> Iterator[tuple[str, str]]:
    """Yield the parts of a picture: how `draw` calls each, and its id, as `Narrator` explains it."""
    index = {value: number for number, value in enumerate(order)}
    for value, number in index.items():
        yield f"v{number}", f"v{number}"
        if value.op is None:
            continue
        operation = f"o{number}"
        yield operation, operation
        yield f"{operation}->v{number}", f"{operation}r"
        for slot, operand in enumerate(value.operands):
            if isinstance(operand, Value):
                tail = f"v{index[operand]}"
            else:
                tail = f"{operation}n{slot}"
                yield tail, tail
            yield f"{tail}->{operation}", f"{operation}e{slot}"


def show(picture: Element, step: Step, state: Mapping[str, Mapping[str, str]]) -> None:
    """Make a picture show a step, as the page does."""
    picture.set("data-phase", step.phase)
    for group in picture.iter("g"):
        part = group.get("id", "")
        group.set("data-mark", step.marks.get(part, ""))
        elements = {element.get("class"): element for element in group}
        for what, text in state.get(part, {}).items():
            if what == "pending":
                group.set("data-pending", text)
            elif what == "fill":
                elements["shape"].set("fill", text)
            else:
                elements[what].text = text


def to_text(picture: Element) -> str:
    """Write a picture as SVG."""
    picture.set("xmlns", NAMESPACE)
    return ElementTree.tostring(picture, encoding="unicode")
