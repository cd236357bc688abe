"""Plots as SVG for pages: text that can be selected, and colours for light and for dark pages."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from microgrady.drawing.fonts import WEB_FONTS
from microgrady.drawing.svg import ON_DARK_SCREENS, PAPER, make_ids_unique, parsed, written_for_pages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Pages that take style sheets out of pictures, and those within elements, leave attributes.
ATTRIBUTES = re.compile("fill|stroke|opacity|(fill|stroke)-[a-z]+|font-(size|family|style|weight)|text-anchor")
OWN_FAMILIES = "'DejaVu Sans', 'Bitstream Vera Sans',"  # the first of those that matplotlib names unless told otherwise
# The groups of axes whose colours say something, such as heights: there, dark pages show them on white as well.
FILLED = re.compile("(QuadMesh|QuadContourSet|FillBetween|TriContourSet|Poly\\w*|Quad\\w*|image|pane3d)_?\\d*")
COLOUR = re.compile("#[0-9a-f]{6}")
GREY, PALE = 0.1, 0.8  # the most chroma of what counts as grey, and the least lightness of what counts as pale
# Plots in space have walls, which dark pages show so light that what is drawn on them is seen.
SPACE, WALL = ("pane3d", "grid3d"), "#b9c0c7"
DARKEST, LIGHTEST, LEAST_LIGHT = 0.1, 0.93, 0.62  # lightness on dark pages: of white, of black, and of lines


def for_pages(svg: str, figure: Figure) -> str:
    """Make matplotlib's picture of a figure fit for pages, as those of graphs are."""
    picture = parsed(svg)
    for unwanted in ("metadata", "defs"):  # whose style sheet would be that of the whole page
        if (element := picture.find(unwanted)) is not None:
            picture.remove(element)
    picture.set("stroke-linejoin", "round")
    for element in picture.iter():
        move_style(element)
    picture.attrib.setdefault("fill", "#000000")
    for group in picture.iter("g"):
        if group.get("id", "").startswith("pane3d"):
            for path in group.iter("path"):
                path.set("class", "wall")
    adapting = list(adapting_elements(picture))
    for element in adapting:
        element.set("class", "adapts")
        if element.tag == "text":
            element.attrib.setdefault("fill", "#000000")
    make_ids_unique(picture, svg)
    return written_for_pages(picture, in_words(figure), dark_style(adapting))


def move_style(element: Element) -> None:
    """Write what an element's style says as attributes, where there are such."""
    kept = []
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if ATTRIBUTES.fullmatch(name):
            if name == "font-family":
                value = WEB_FONTS if value.startswith(OWN_FAMILIES) else f"{value}, {WEB_FONTS}"
            element.set(name, value)
        elif name:
            kept.append(f"{name}:{value}")
    if kept:
        element.set("style", ";".join(kept))


def adapting_elements(picture: Element) -> Iterator[Element]:
    """Yield the elements that have other colours on dark pages."""
    for group in picture.iter("g"):
        name = group.get("id", "")
        if name.startswith("figure_"):
            for part in group:
                if not part.get("id", "").startswith(("axes_", *SPACE)):
                    yield from part.iter()
        elif name.startswith("axes_"):
            if any(FILLED.fullmatch(part.get("id", "")) or part.tag == "image" for part in group.iter()):
                yield from around(group)
            else:
                yield from group.iter()


def around(axes: Element) -> Iterator[Element]:
    """Yield what stands around filled axes: their frame, and the text outside of it."""
    papers = [part for part in axes.findall("g/path") if part.get("fill") == "#ffffff"]
    inside = extent(papers[0]) if papers else None
    for group in axes:
        name = group.get("id", "")
        for part in group.iter():
            if part.tag == "text" and not name.startswith("legend"):
                if inside is None or not contains(inside, part):
                    yield part
            elif name.startswith("matplotlib.axis"):
                if part.get("clip-path") is None:  # unlike lines of the grid
                    yield part
            elif name.startswith("patch_") and part.get("fill") == "none":
                yield part


def extent(path: Element) -> tuple[float, float, float, float]:
    """Return the least and the largest coordinates of a path."""
    numbers = list(map(float, re.findall(r"-?\d[\d.]*", path.get("d", ""))))
    return min(numbers[::2]), max(numbers[::2]), min(numbers[1::2]), max(numbers[1::2])


def contains(frame: tuple[float, float, float, float], text: Element) -> bool:
    """Return whether a text begins inside a frame."""
    left, right, top, bottom = frame
    x, y = float(text.get("x", "nan")), float(text.get("y", "nan"))
    return left <= x <= right and top <= y <= bottom


def dark_style(elements: Iterable[Element]) -> str:
    """Write the style sheet that gives elements their colours on dark pages."""
    found = {
        (what, colour)
        for element in elements
        for what in ("fill", "stroke")
        if COLOUR.fullmatch(colour := element.get(what, ""))
    }
    rules = [f'.microgrady .adapts[{what}="{colour}"] {{ {what}: {dark(colour)} }}' for what, colour in sorted(found)]
    rules.append(f".microgrady .wall {{ fill: {WALL}; opacity: 1 }}")
    return "\n".join(["", f"{ON_DARK_SCREENS} {{", *rules, "}", ""])


def dark(colour: str) -> str:
    """Return what is seen as well on dark paper as a colour on white: its hue, and for lines enough light."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    if colour == "#ffffff":
        return PAPER
    if max(red, green, blue) - min(red, green, blue) < GREY or light > PALE:
        light = LIGHTEST - (LIGHTEST - DARKEST) * light
    else:
        light = max(light, LEAST_LIGHT)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colorsys.hls_to_rgb(hue, light, saturation))


def in_words(figure: Figure) -> str:
    """Say what a figure shows, in the words that stand in it."""
    return "; ".join(filter(None, map(axes_in_words, figure.axes)))


def axes_in_words(axes: Axes) -> str:
    """Say what Axes show: what they are labelled as, or what is drawn there and over what."""
    label, legend = str(axes.get_label()), axes.get_legend()
    if label:
        return "" if label.startswith("<") else label  # "<colorbar>"
    names = [text.get_text() for text in legend.get_texts()] if legend is not None else []
    drawn = list(dict.fromkeys(filter(None, [axes.get_title(), *names, axes.get_ylabel()])))
    over = f" over {axes.get_xlabel()}" if axes.get_xlabel() else ""
    return f"plot of {', '.join(drawn)}{over}".replace("\n", " ") if drawn else ""
