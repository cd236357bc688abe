"""Whether the compiled engine was made from the source beside it: source that was changed since runs as it is."""

from __future__ import annotations

import os
import zlib
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder

# Each has a .pxd with C types beside its .py.
MODULES = (
    "arithmetic.floats",
    "value",
    "leaves",
    "differentiation",
    "elimination",
    "forward",
    "compiler.programs.rows",
    "compiler.programs.build",
)
MARK = "microgrady source "


def fingerprint(folder: str) -> str:
    """Return what stands in a compiled module for the source of all: another fingerprint for other source.

    It is asked at each import of the package, and so made by a function that is there soon.

    Args:
        folder: That of the package.

    Raises:
        OSError: The source is not there.
    """
    check, length = 0, 0
    for name in MODULES:
        for ending in (".py", ".pxd"):
            content = _content(os.path.splitext(source_of(name, folder))[0] + ending)
            check, length = zlib.crc32(b"%d\n" % len(content) + content, check), length + len(content)
    return f"{MARK}{length:08x}{check:08x}"


def source_of(name: str, folder: str) -> str:
    """Return where the source of a module is, in the folder of the package."""
    return os.path.join(folder, *name.split(".")) + ".py"


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def require_fresh(folder: str, package: str = "microgrady") -> None:
    """See to it that source is imported where what was compiled of it is of other source, and warn of that.

    Args:
        folder: That of the package.
        package: Its name.
    """
    mark = _mark_of_source(folder)
    stale = []
    for name in MODULES:
        spec = PathFinder.find_spec(f"{package}.{name}", [os.path.dirname(source_of(name, folder))])
        found = "" if spec is None else str(spec.origin)
        if found.endswith(tuple(EXTENSION_SUFFIXES)) and _is_of_other_source(found, mark):
            stale.append(name)
    if stale:
        _warn_and_find_source(stale, folder, package)


def _mark_of_source(folder: str) -> bytes | None:
    """Return the fingerprint of the source; None if that is not there, and so has not changed."""
    try:
        return fingerprint(folder).encode()
    except OSError:
        return None


def _is_of_other_source(compiled: str, mark: bytes | None) -> bool:
    """Return whether a compiled module has a mark that is not its source's."""
    try:
        content = _content(compiled)
    except OSError:
        return False
    return mark is not None and MARK.encode() in content and mark not in content


def _warn_and_find_source(stale: list[str], folder: str, package: str) -> None:
    import sys
    import warnings

    changed = " and ".join(os.path.basename(source_of(name, folder)) for name in stale)
    warnings.warn(
        f"{changed} of {package} changed after the engine was compiled, so plain Python runs, which is slower: "
        "pip install -e . compiles it anew",
        RuntimeWarning,
        stacklevel=3,
    )
    sys.meta_path.insert(0, _Sources({f"{package}.{name}": source_of(name, folder) for name in MODULES}))


class _Sources:
    """What finds the source of modules, also where a compiled one lies beside it."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = sources

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return where the source of a module is; None for those of others."""
        from importlib.util import spec_from_file_location

        return spec_from_file_location(name, self._sources[name]) if name in self._sources else None


if __name__ == "microgrady.freshness":  # and not read by setup.py
    require_fresh(os.path.dirname(__file__))
