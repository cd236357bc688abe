"""Fonts of pictures: which letters they have, how wide these are, and what to do about those that they lack."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from microgrady.drawing.extras import import_extra
from microgrady.drawing.style import FONT

# A browser that lacks it takes Verdana, whose letters are as wide.
WEB_FONTS = f"{FONT},Verdana,sans-serif"

# Characters without a letter of their own: controls, marks on letters, joiners, spaces, and what has no meaning.
NOT_LETTERS = ("C", "M", "Z")
SCRIPTS = {
    "CJK": "Chinese",
    "IDEOGRAPHIC": "Chinese",
    "FULLWIDTH": "Chinese",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
}
# Free fonts that have them, of which there is one for most scripts.
CJK = "SansCJK-Regular.ttc"
NOTO_FONTS = {"Chinese": CJK, "Japanese": CJK, "Korean": CJK, "emoji": "Emoji-Regular.ttf"}
LAST_RESORT = re.compile(r"\.?last ?resort", re.IGNORECASE)
ADVICE = 'font="{}"'
WORDS = re.compile("[^\x00-\x7f]+")
FIRST_EMOJI = "\U0001f000"

# The embedded Graphviz takes each byte of a letter beyond ASCII to be so wide, in heights of the font. Where letters
# are wider it is given characters that nobody writes, which are taken out of its picture again.
BYTE_WIDTH = 0.318
PADDING = "\x9f"
BEYOND_ASCII = re.compile("[^\x00-\x7f]{2,}")
MEASURED_SIZE = 100.0


def font_file() -> Path:
    """Find the font that is on every machine where the pictures' extra is installed."""
    matplotlib = import_extra("matplotlib")
    return Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


def check_font(font: object) -> Path | None:
    """Return the path of a font, before anything is drawn with it.

    Raises:
        TypeError: It is not a path.
        ValueError: There is no such file, or it is not a font.
        RuntimeError: What reads fonts is not installed.
    """
    if font is None:
        return None
    if not isinstance(font, str | os.PathLike):
        raise TypeError(f"font is the path of a font's file, not {type(font).__name__}")
    file = Path(os.fsdecode(font))
    if not file.is_file():
        raise ValueError(f"there is no file {str(font)!r}: font is the path of a font, such as NotoSansCJK-Regular.ttc")
    import_extra("matplotlib.ft2font")
    try:
        opened(file)
    except (RuntimeError, OSError) as error:
        raise ValueError(
            f"{str(font)!r} is not a font that can be read: it must have outlines, as NotoEmoji-Regular.ttf has, and "
            "fonts of coloured emoji have not"
        ) from error
    return file


@cache
def opened(file: Path) -> Any:
    """Open a font.

    Raises:
        RuntimeError: It cannot be read.
    """
    font = import_extra("matplotlib.ft2font").FT2Font(str(file))
    font.set_size(MEASURED_SIZE, 72.0)
    return font


def family(file: Path) -> str:
    """Return the name of a font."""
    return str(opened(file).family_name)


def has(file: Path, letter: str) -> bool:
    """Return whether a font has a letter."""
    return bool(opened(file).get_char_index(ord(letter)))


def letters_of(text: str) -> set[str]:
    """Return the letters of a text that not every font has."""
    return {letter for letter in set(text) if letter > "\x7f" and unicodedata.category(letter)[0] not in NOT_LETTERS}


def fonts_for(text: str, font: Path | None = None) -> list[Path]:
    """Choose the fonts that a text needs, those of this machine among them, and warn of letters that no font has.

    Args:
        text: What is drawn.
        font: The font that the user has given.

    Returns:
        The files, of which each has letters that those before it lack.
    """
    chosen = [font_file()]
    missing = {letter for letter in letters_of(text) if not has(chosen[0], letter)}
    candidates: Iterable[Path] = [] if font is None else [font]
    for offered in (candidates, system_fonts() if missing else []):
        for file in offered:
            if found := {letter for letter in missing if has(file, letter)}:
                chosen.append(file)
                missing -= found
    if missing:
        warn_of_letters(missing, text)
    return chosen


@cache
def system_fonts() -> Sequence[Path]:
    """Return the fonts of this machine that can be read."""
    manager = import_extra("matplotlib.font_manager")
    return tuple(file for file in map(Path, sorted(manager.findSystemFonts())) if readable(file))


@cache
def readable(file: Path) -> bool:
    """Return whether a font can be read, and has letters rather than signs that say which ones are missing."""
    try:
        return not LAST_RESORT.match(family(file))
    except (RuntimeError, OSError):
        return False


def warn_of_letters(missing: set[str], text: str, advice: str = ADVICE) -> None:
    """Warn of letters of a text that no font has, at the line of the user.

    Args:
        missing: The letters.
        text: The text.
        advice: How to give a font, with {} for the name of its file.
    """
    kana = {letter for letter in text if script(letter) == "Japanese"}
    words = [word for word in map(set, WORDS.findall(text)) if missing & word]
    names = sorted({name for word in words for name in scripts((missing | kana) & word)})
    *others, last = names
    by_script = sorted(missing, key=lambda letter: (script(letter), letter))
    some = "".join("".join(list(group)[:3]) for _, group in groupby(by_script, script))
    example = f"Noto{NOTO_FONTS.get(names[0], f'Sans{names[0]}-Regular.ttf')}"
    warnings.warn(
        f"no font on this machine has the {', '.join(others)}{' and ' if others else ''}{last} letters {some}, which "
        f"will be missing in the picture: give the file of a font that has them, as in {advice.format(example)}, or "
        "write an .svg, for which browsers have fonts",
        UserWarning,
        stacklevel=users_level(),
    )


def users_level() -> int:
    """Return the `stacklevel` at which a warning of the caller names the line of the user."""
    level, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "microgrady":
        level, frame = level + 1, frame.f_back
    return level + 1


def scripts(letters: Iterable[str]) -> list[str]:
    """Return the names of the scripts that letters are from.

    Example:
        >>> scripts("한글ก")
        ['Korean', 'Thai']
    """
    found = sorted({script(letter) for letter in letters})
    # Japanese is written with Chinese letters, too.
    return [name for name in found if name != "Chinese" or "Japanese" not in found]


def script(letter: str) -> str:
    """Return the name of the script that a letter is from."""
    if letter >= FIRST_EMOJI and unicodedata.category(letter) == "So":
        return "emoji"
    word = unicodedata.name(letter, "unknown").split()[0]
    return SCRIPTS.get(word, word.capitalize())


def padded(source: str, font: Path | None = None) -> str:
    """Pad what is written in wide letters, so that the embedded Graphviz leaves room for it.

    Args:
        source: DOT source.
        font: The font that the user has given.
    """
    return BEYOND_ASCII.sub(lambda run: run[0] + PADDING * pads(run[0], font), source)


def pads(text: str, font: Path | None) -> int:
    """Return how many characters of padding letters need that are wider than they are taken to be."""
    estimated = BYTE_WIDTH * len(text.encode())
    needed = text_width(text, font) - estimated
    return max(0, round(needed / (BYTE_WIDTH * len(PADDING.encode()))))


def unpadded(svg: str) -> str:
    """Take the padding out again."""
    return svg.replace(PADDING, "")


def text_width(text: str, font: Path | None) -> float:
    """Return how wide a text is, in heights of the font."""
    return sum(width(letter, font) for letter in text)


@cache
def width(letter: str, font: Path | None) -> float:
    """Return how wide a letter is, in heights of the font; letters that no font here has, as browsers draw them."""
    for file in [font_file()] if font is None else [font_file(), font]:
        if has(file, letter):
            return float(opened(file).load_char(ord(letter)).linearHoriAdvance) / 65536 / MEASURED_SIZE
    if unicodedata.category(letter)[0] in NOT_LETTERS:
        return 0.0
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else BYTE_WIDTH * len(letter.encode())
