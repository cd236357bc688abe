"""How wide a text is in the font of the pictures, whose file need not be there where a graph is drawn."""

from __future__ import annotations

import math
import unicodedata

from microgrady.drawing.fonts import BEYOND_ASCII, BYTE_WIDTH

# Of the letters from the space to the tilde in DejaVu Sans, in 2048ths of its size.
WIDTHS = (
    651, 821, 942, 1716, 1303, 1946, 1597, 563, 799, 799, 1024, 1716, 651, 739, 651, 690, 1303, 1303, 1303, 1303, 1303,
    1303, 1303, 1303, 1303, 1303, 690, 690, 1716, 1716, 1716, 1087, 2048, 1401, 1405, 1430, 1577, 1294, 1178, 1587,
    1540, 604, 604, 1343, 1141, 1767, 1532, 1612, 1235, 1612, 1423, 1300, 1251, 1499, 1401, 2025, 1403, 1251, 1403, 799,
    690, 799, 1716, 1024, 1024, 1255, 1300, 1126, 1300, 1260, 721, 1300, 1298, 569, 569, 1186, 569, 1995, 1298, 1253,
    1300, 1300, 842, 1067, 803, 1298, 1212, 1675, 1212, 1212, 1075, 1303, 690, 1303, 1716,
)  # fmt: skip
LINE_HEIGHT = 1.2  # of its size
# Of other letters: as the embedded Graphviz takes each of their bytes to be, or wider. A run of them is padded with
# whole characters of such a width.
BYTE, USUAL, WIDE = math.ceil(2048 * BYTE_WIDTH), 1450, 2048
WIDER = {"·": 652, "…": 2048, "×": 1716}


def text_width(text: str, size: float) -> float:
    """Return the width of one line of text, in points."""
    total = 0
    for letter in text:
        place = ord(letter) - 32
        if 0 <= place < len(WIDTHS):
            total += WIDTHS[place]
        else:
            usual = WIDE if unicodedata.east_asian_width(letter) in "WF" else WIDER.get(letter, USUAL)
            total += max(usual, BYTE * len(letter.encode(errors="replace")))
    if not text.isascii():
        total += BYTE * len(BEYOND_ASCII.findall(text))
    return total * size / 2048


def text_size(text: str, size: float) -> tuple[float, float]:
    """Return the width and the height of some lines of text, in points; nothing for no text."""
    if not text:
        return 0.0, 0.0
    lines = text.split("\n")
    return max(text_width(line, size) for line in lines), LINE_HEIGHT * size * len(lines)
