"""Colours, shapes and fonts of graph pictures, as Graphviz attributes."""

from __future__ import annotations

import math

# The embedded Graphviz knows the widths of this family, and matplotlib ships its file.
FONT = "DejaVu Sans"

DIGITS = 4  # significant, of numbers in pictures unless told otherwise

INK, FAINT_INK = "#1a1a1a", "#5f5f5f"
# Two hues, each ordered by its lightness: for grey print, and for every kind of colour vision.
# INK keeps a contrast of at least 7 to 1 on all of it.
PALEST, STRONGEST = (255, 244, 230), (253, 150, 70)
PALEST_NEGATIVE, STRONGEST_NEGATIVE = (234, 243, 251), (107, 174, 226)
# What is not finite stands out as nothing else does.
NOT_FINITE = {"fillcolor": INK, "fontcolor": "white", "color": "#8c8c8c"}
# What a `where` leaves out.
PALE = "#b4b4b4"

GRAPH = {
    "bgcolor": "white",
    "nodesep": "0.3",
    "ranksep": "0.35",
    "fontname": FONT,
    "fontsize": "11",
    "fontcolor": FAINT_INK,
}
NODE = {"fontname": FONT, "fontsize": "14", "fontcolor": INK, "color": INK}
EDGE = NODE | {"fontsize": "10", "color": FAINT_INK, "arrowsize": "0.7"}
NUMBER_ARROW = {"style": "dashed"}
LEFT_OUT = {"style": "dashed", "color": PALE, "fontcolor": PALE}
NEXT_TURN = {"style": "bold", "color": INK}
LEAF = {"shape": "Mrecord", "style": "filled"}
RESULT = {"shape": "record", "style": "filled"}
SCOPE = {"shape": "record", "style": "filled", "fillcolor": "#cfd8dc"}
OPERATION = {
    "shape": "ellipse",
    "style": "filled",
    "fillcolor": "#37474f",
    "fontcolor": "white",
    "width": "0.45",
    "height": "0.45",
    "margin": "0.02",
}
NUMBER = {
    "shape": "box",
    "style": "dashed",
    "color": FAINT_INK,
    "width": "0.3",
    "height": "0.3",
    "margin": "0.1,0.05",
}
FRAME = {
    "style": "rounded,filled",
    "color": "#90a4ae",
    "fillcolor": "#f4f6f7",
    "fontsize": "11",
    "fontcolor": INK,
    "labeljust": "l",
}
LOOP = FRAME | {"style": "rounded,dashed", "bgcolor": "transparent", "color": INK}


def tint(gradient: float | None, strongest: float) -> str:
    """Return the fill colour of a box: orange for a positive gradient, blue for a negative one, white for 0 or None.

    The square root keeps a hundredth of the strongest gradient apart from zero.
    """
    if not gradient or math.isnan(gradient):
        return "white"
    share = math.sqrt(abs(gradient) / strongest) if math.isfinite(gradient) else 1.0
    ends = (PALEST, STRONGEST) if gradient > 0 else (PALEST_NEGATIVE, STRONGEST_NEGATIVE)
    return mixed(*ends, share)


def mixed(palest: tuple[int, int, int], strongest: tuple[int, int, int], share: float) -> str:
    """Return the colour on the way from one to another, each with three channels from 0 to 255."""
    return "#" + "".join(f"{round(p + share * (s - p)):02x}" for p, s in zip(palest, strongest, strict=True))
