"""Pictures as SVG: made fit for pages, light and dark, and turned into PNG and PDF."""

from __future__ import annotations

import hashlib
import html
import math
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from microgrady.drawing.extras import import_extra
from microgrady.drawing.fonts import WEB_FONTS, family, font_file, has
from microgrady.drawing.style import FAINT_INK, FONT, FRAME, INK, PALE
from microgrady.formulas.writing import NOT_IN_XML

REFERENCE = re.compile(r"url\(#([^)]*)\)")
NAMESPACE = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")

# Twice 96 pixels an inch: sharp on a projector. Larger pictures than so many pixels would take minutes and gigabytes.
PNG_ZOOM, MOST_PIXELS = 2, 20_000_000

# A picture within a page has the page's style sheets, and the page has the picture's: all that is said here is said of
# pictures of this kind alone, which & stands for. Boxes keep their colours, which say something, and dark letters.
PAPER, DARK_INK, DARK_FAINT_INK, DARK_PALE = "#15191e", "#e8eaed", "#aeb6bf", "#56616d"
DARK_FRAME = "#20262d"
DARK_RULES = f"""
& > .graph > polygon[fill="white"] {{ fill: {PAPER} }}
& > .graph > text, & .edge > text, & .cluster > text {{ fill: {DARK_INK} }}
& .cluster > [fill="{FRAME["fillcolor"]}"] {{ fill: {DARK_FRAME}; stroke: {DARK_PALE} }}
& .cluster > [stroke="{INK}"] {{ stroke: {DARK_FAINT_INK} }}
& .edge > [stroke="{FAINT_INK}"] {{ stroke: {DARK_FAINT_INK} }}
& .edge > [fill="{FAINT_INK}"] {{ fill: {DARK_FAINT_INK} }}
& .edge > [stroke="{INK}"] {{ stroke: {DARK_INK} }}
& .edge > polygon[fill="{INK}"] {{ fill: {DARK_INK} }}
& .edge > [stroke="{PALE}"] {{ stroke: {DARK_PALE} }}
& .edge > [fill="{PALE}"] {{ fill: {DARK_PALE} }}
& .node > :not(polyline):not(text) {{ stroke: {DARK_FAINT_INK} }}
& .node > [stroke-width]:not(polyline) {{ stroke: {DARK_INK} }}
& .node > [fill="white"]:not(text) {{ fill: #dfe3e6 }}
& .node > [fill="{INK}"]:not(text) {{ fill: black; stroke: {DARK_INK} }}
& .unfilled > text {{ fill: {DARK_INK} }}
"""
ON_DARK_SCREENS = "@media screen and (prefers-color-scheme: dark)"  # paper is white
DARK = f"\n{ON_DARK_SCREENS} {{{DARK_RULES.replace('&', '.microgrady')}}}\n"
# Notebooks have themes of their own, whatever the scheme of the system is: JupyterLab's and VS Code's pages say which.
THEMED = "[data-jp-theme-light], [data-vscode-theme-kind]"
DARK_THEMED = '[data-jp-theme-light="false"], [data-vscode-theme-kind$="dark"], [data-vscode-theme-kind$="contrast"]'
IN_NOTEBOOKS = (
    f"\nimg:has(+ div > .microgrady) {{ opacity: 0 }}"  # whose edge would be seen below
    f"\n{ON_DARK_SCREENS} {{{DARK_RULES.replace('&', f'.microgrady:not(:is({THEMED}) *)')}}}"
    f"{DARK_RULES.replace('&', f':is({DARK_THEMED}) .microgrady')}"
)


# Pages


def for_pages(
    svg: str,
    alternative: str,
    node_titles: Mapping[str, str],
    edge_titles: Mapping[str, Sequence[str]],
    font: Path | None = None,
) -> str:
    """Make Graphviz's picture of a graph fit for pages: as wide as there is room, light or dark, and said in words.

    Args:
        svg: What Graphviz has written.
        alternative: What the picture says.
        node_titles: What is shown beside the mouse on a node, by its name.
        edge_titles: The same for the arrows from one node to another.
        font: The font that the user has given.
    """
    picture = parsed(svg)
    remaining = {name: list(titles) for name, titles in edge_titles.items()}
    for group in picture.iter("g"):
        group.attrib.pop("id", None)
        name = take_title(group)
        kind = group.get("class")
        if kind == "node":
            set_title(group, node_titles.get(name, ""))
            if group.find("*[@fill='none']") is not None and group.find("polyline") is None:
                group.set("class", "node unfilled")
        elif kind == "edge":
            set_title(group, remaining[name].pop(0) if remaining.get(name) else "")
        if kind in ("node", "edge"):
            group.set("data-name", name)
    make_ids_unique(picture, svg)
    set_families(picture, font)
    return written_for_pages(picture, alternative, DARK)


def make_ids_unique(picture: Element, svg: str) -> None:
    """Put a mark behind each id, and where it is referred to: a page can have many pictures, and an id but once."""
    mark = hashlib.sha256(svg.encode()).hexdigest()[:8]
    for element in picture.iter():
        for name, value in element.attrib.items():
            if name == "id" or (name.endswith("href") and value.startswith("#")):
                element.set(name, f"{value}-{mark}")
            elif "url(#" in value:
                element.set(name, REFERENCE.sub(rf"url(#\1-{mark})", value))


def set_families(picture: Element, font: Path | None) -> None:
    """Name the fonts that browsers choose from."""
    families = WEB_FONTS if font is None else WEB_FONTS.replace(FONT, f"{FONT},'{family(font)}'", 1)
    for text in picture.iter("text"):
        if text.get("font-family") == FONT:
            text.set("font-family", families)


def parsed(svg: str) -> Element:
    """Return the root of a picture, whose elements are in no namespace."""
    return ElementTree.fromstring(svg.replace(f' xmlns="{NAMESPACE}"', "", 1))


def take_title(group: Element) -> str:
    """Take the title out of a group; in Graphviz's pictures it is a name."""
    title = group.find("title")
    if title is None:
        return ""
    group.remove(title)
    return title.text or ""


def set_title(group: Element, text: str) -> None:
    """Set what is shown beside the mouse; nothing for ""."""
    if text:
        title = Element("title")
        title.text = text
        title.tail = "\n"
        group.insert(0, title)


def written_for_pages(picture: Element, alternative: str, style: str) -> str:
    """Write a picture that is never wider than its column and is read aloud as its alternative text."""
    picture.set("class", "microgrady")
    picture.set("role", "img")
    picture.set("aria-label", alternative)
    picture.set("style", "max-width:100%;height:auto")
    sheet = Element("style")
    sheet.text = style
    sheet.tail = "\n"
    picture.insert(0, sheet)
    set_title(picture, alternative)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{to_text(picture)}\n'


def to_text(picture: Element) -> str:
    """Write a picture as SVG, with what labels may have and SVG may not replaced."""
    picture.set("xmlns", NAMESPACE)
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", ElementTree.tostring(picture, encoding="unicode"))


def in_notebook(svg: str, alternative: str) -> str:
    """Return the HTML that shows a picture in a notebook.

    The picture stands twice at the same place: in the page, where its letters can be selected and have titles, over an
    image for places that take pictures out of pages.
    """
    image = b64encode(svg.encode()).decode()
    _, _, within = svg.partition("\n")
    within = within.replace('role="img"', 'aria-hidden="true"', 1)
    within = within.replace(html.escape(DARK, quote=False), html.escape(IN_NOTEBOOKS, quote=False), 1)
    return (
        f'<div style="position:relative;display:inline-block"><img alt="{html.escape(alternative)}" '
        f'style="display:block;max-width:100%" src="data:image/svg+xml;base64,{image}">'
        f'<div style="position:absolute;inset:0">{within}</div></div>'
    )


# Other formats


def png_from_svg(svg: str, fonts: Sequence[Path], background: str | None = "white") -> bytes:
    """Turn Graphviz's SVG into PNG, transparent without a background; Graphviz gives sizes in points, hence the dpi."""
    resvg_py = import_extra("resvg_py")
    size = re.search(r'<svg[^>]*?\swidth="([\d.]+)pt"\s+height="([\d.]+)pt"', svg)
    pixels = float(size[1]) * float(size[2]) * (96 / 72) ** 2 if size else 0.0
    if len(fonts) > 1:
        picture = parsed(svg)
        split_texts(picture, fonts)
        for part in picture.iter("tspan"):  # what is of no font that it knows by its name, it would leave out
            part.set("font-family", f"'{part.get('font-family')}',{FONT}")
        svg = to_text(picture)
    zoom = min(PNG_ZOOM, math.sqrt(MOST_PIXELS / pixels)) if pixels else PNG_ZOOM
    font_files = list(map(str, fonts))
    return bytes(resvg_py.svg_to_bytes(svg, dpi=96, zoom=zoom, font_files=font_files, background=background))


def pdf_from_svg(svg: str, fonts: Sequence[Path], title: str) -> bytes:
    """Turn Graphviz's SVG into a PDF of one page with selectable text, and a title for those who do not see it."""
    fpdf = import_extra("fpdf")
    picture = parsed(svg)
    for group in picture.iter("g"):
        take_title(group)  # fpdf2 warns of every title
    split_texts(picture, fonts)
    drawing = fpdf.svg.SVGObject(to_text(picture))
    document = fpdf.FPDF(unit="pt", format=(drawing.width, drawing.height))
    for file in fonts:
        document.add_font(FONT if file == font_file() else family(file), fname=file)
    if title:
        document.set_title(NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", title))
    document.add_page()
    drawing.draw_to_page(document)
    return bytes(document.output())


def split_texts(picture: Element, fonts: Sequence[Path]) -> None:
    """Divide all texts of a picture where their letters are of different fonts."""
    for text in picture.iter("text"):
        split_by_font(text, fonts)


def split_by_font(text: Element, fonts: Sequence[Path]) -> None:
    """Divide a text where its letters are of different fonts, for programs that take all from one."""
    last: Element | None = None
    written, text.text = text.text or "", ""
    first, *others = fonts
    for letter in written:
        file = next((file for file in others if has(file, letter)), None) if not has(first, letter) else None
        if file is None and last is None:
            text.text += letter
        elif file is None and last is not None:
            last.tail = (last.tail or "") + letter
        elif file is not None:
            if last is None or last.tail or last.get("font-family") != family(file):
                last = ElementTree.SubElement(text, "tspan", {"font-family": family(file)})
                last.text = ""
            last.text = (last.text or "") + letter
