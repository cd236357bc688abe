"""Whether two pictures look the same.

Versions of the drawing libraries differ in a few pixels, so pictures are compared as they look, not byte by byte: from
afar, and, where one version has drawn both, from close by as well.
"""

from __future__ import annotations

import io
import re

import numpy as np
import resvg_py
from PIL import Image, ImageFilter, ImageSequence

from microgrady.drawing.fonts import font_file

# A picture may differ by so much in its width and height, and so many of its squares of 16 by 16 pixels may differ
# clearly in a colour, all as a share of the whole.
SIZE, CLEARLY, SQUARES = 0.05, 0.05, 0.01
# From close by, so many pixels may have a colour that is off by so much from all that the other picture has so near.
STRAYS, OFF, NEAR = 20, 0.15, 2


def difference(new: bytes, saved: bytes) -> str:
    """Say how two pictures differ, SVG, PNG or GIF, or nothing if they look the same."""
    if texts(new) != texts(saved):
        return f"does not say {', '.join(map(repr, sorted(texts(new) ^ texts(saved))))}, or does no longer"
    ours, theirs = frames(new), frames(saved)
    close = maker(new) == maker(saved) is not None
    if len(ours) != len(theirs):
        return f"has {len(theirs)} frames, not {len(ours)}"
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if any(abs(p - q) > SIZE * p for p, q in zip(a.size, b.size, strict=True)):
            return f"is {b.size} in size, not {a.size}"
        squares = max(1, a.width // 16), max(1, a.height // 16)
        levels = [np.asarray(image.resize(squares, Image.Resampling.BOX), dtype=np.float64) / 255 for image in (a, b)]
        off = float((np.abs(levels[0] - levels[1]).max(axis=2) > CLEARLY).mean())
        if off > SQUARES:
            return f"differs in {off:.0%} of frame {number}"
        if close and a.size == b.size and (count := max(strays(a, b), strays(b, a))) > STRAYS:
            return f"differs in {count} pixels of frame {number}"
    return ""


def strays(one: Image.Image, other: Image.Image) -> int:
    """Count the pixels whose colour is nowhere near their place in another picture: a dot more, a line elsewhere."""
    least, most = (
        np.asarray(other.filter(kind(2 * NEAR + 1)), dtype=np.float64) / 255
        for kind in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
    )
    levels = np.asarray(one, dtype=np.float64) / 255
    return int(((levels < least - OFF) | (levels > most + OFF)).any(axis=2).sum())


def maker(picture: bytes) -> str | None:
    """Return what has drawn the pixels of a picture, or None for a GIF, which does not say that."""
    if is_svg(picture):
        return ""  # both are drawn here
    with Image.open(io.BytesIO(picture)) as image:
        return None if image.format == "GIF" else str(image.info.get("Software", ""))


def is_svg(picture: bytes) -> bool:
    """Return whether a picture is an SVG."""
    return b"<svg" in picture[:1000]


def texts(picture: bytes) -> set[str]:
    """Return what is written in an SVG, as far as it is text."""
    return set(re.findall("<text[^>]*>([^<]*)</text>", picture.decode())) if is_svg(picture) else set()


def frames(picture: bytes) -> list[Image.Image]:
    """Return the frames of a picture, a single one but for a GIF, on white."""
    if is_svg(picture):
        svg = re.sub("<style.*?</style>", "", picture.decode(), flags=re.DOTALL)
        picture = bytes(resvg_py.svg_to_bytes(svg, dpi=96, font_files=[str(font_file())], background="white"))
    with Image.open(io.BytesIO(picture)) as image:
        return [on_white(frame) for frame in ImageSequence.Iterator(image)]


def on_white(frame: Image.Image) -> Image.Image:
    """Return a frame without its transparency."""
    paper = Image.new("RGBA", frame.size, "white")
    return Image.alpha_composite(paper, frame.convert("RGBA")).convert("RGB")
