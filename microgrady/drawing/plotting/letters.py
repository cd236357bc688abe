"""Letters of plots that matplotlib's usual font lacks."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from microgrady.drawing.extras import import_extra
from microgrady.drawing.fonts import has, letters_of, readable, warn_of_letters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

ADVICE = 'matplotlib.font_manager.fontManager.addfont("{}") before the plot'


def give_fonts(figure: Figure) -> set[str]:
    """Let the texts of a figure take letters from other fonts; return those that none of the fonts has."""
    return set().union(*map(give_font, texts(figure)))


def give_font(text: Text) -> set[str]:
    """Let a text take the letters that its font lacks from others that matplotlib knows.

    Returns:
        The letters that none of them has.
    """
    manager = import_extra("matplotlib.font_manager", "plots")
    needed = letters_of(text.get_text())
    fonts = [manager.FontProperties(family=[name]) for name in text.get_fontfamily()] if needed else []
    files = [Path(manager.findfont(font)) for font in fonts]
    missing = {letter for letter in needed if not any(has(file, letter) for file in files)}
    for entry in manager.fontManager.ttflist if missing else ():
        file = Path(entry.fname)
        found = {letter for letter in missing if has(file, letter)} if readable(file) else set()
        if found:
            text.set_fontfamily([*text.get_fontfamily(), entry.name])
            missing -= found
    return missing


def warn_of_missing(figure: Figure) -> None:
    """Warn of the letters of a figure that no font has, at the line of the user."""
    if missing := give_fonts(figure):
        warn_of_letters(missing, " ".join(text.get_text() for text in texts(figure)), ADVICE)


def texts(figure: Figure) -> list[Text]:
    """Return all texts of a figure."""
    return list(figure.findobj(import_extra("matplotlib.text", "plots").Text))


@contextlib.contextmanager
def without_warnings_of_glyphs() -> Iterator[None]:
    """Leave out what matplotlib says of each letter each time that it measures it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        yield
