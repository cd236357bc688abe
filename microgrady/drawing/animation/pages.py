"""Pages that show one step after the other: made, and inside of a notebook."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from microgrady.drawing.render import check_target

FORMATS = ("html", "gif")  # of animations
SCRIPTS = ("controls", "view")  # what pages have in common


def page_of(package: str, name: str, record: Any, **parts: str) -> str:
    """Return a page that needs nothing else.

    Args:
        package: The package that has the page in it, with places for what belongs there, such as <!-- record -->.
        name: The name of the file.
        record: What the page shows, which becomes JSON.
        **parts: What goes to other places, by their names.
    """
    page = files(package).joinpath(name).read_text(encoding="utf-8")
    scripts = {name: files(__package__).joinpath(f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS}
    # No text of the record can end the script that it stands in.
    safe = json.dumps(record, separators=(",", ":")).replace("<", r"\u003c")
    for place, content in {**parts, **scripts, "record": safe}.items():
        page = page.replace(f"<!-- {place} -->", content)
    return page


def check_file(to: str | os.PathLike[str] | None) -> Path | None:
    """Check that an animation can be written there, before it is made; arguments and errors as for `check_target`."""
    return None if to is None else check_target(to, FORMATS, "an animation")


def in_notebook(page: str, picture: str, alt: str, height: int) -> str:
    """Return the HTML that shows a page in a notebook, or a picture where pages are left out.

    Args:
        page: The page.
        picture: A PNG in base64.
        alt: What both show, in words that are safe in HTML.
        height: That of the page, in pixels.
    """
    safe = page.replace("&", "&amp;").replace("'", "&#39;")
    # The page lies on the picture, and is transparent until it has a step to show, which it would not be in a page of
    # another colour scheme. Without scripts it stays so, or is left out.
    return (
        "<div style='display: grid'>"
        f"<img alt='{alt}' style='grid-area: 1 / 1; max-width: 100%' src='data:image/png;base64,{picture}'>"
        f"<iframe sandbox='allow-scripts' title='{alt}' srcdoc='{safe}' style='grid-area: 1 / 1; width: 100%; "
        f"height: 100%; min-height: {height}px; border: 0; color-scheme: light'></iframe></div>"
    )
