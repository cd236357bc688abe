"""Whether the compiled engine was made from the source beside it: source that was changed since runs as it is."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import sys
import warnings
from pathlib import Path

MODULES = ("arithmetic.floats", "value")  # each has a .pxd with C types beside its .py
MARK = "microgrady source "


def fingerprint(folder: Path) -> str:
    """What stands in a compiled module for the source of all: other source, another fingerprint.

    Args:
        folder: That of the package.

    Raises:
        OSError: The source is not there.
    """
    digest = hashlib.sha256()
    for name in MODULES:
        for ending in (".py", ".pxd"):
            content = source_of(name, folder).with_suffix(ending).read_bytes()
            digest.update(b"%d\n" % len(content) + content)
    return MARK + digest.hexdigest()


def source_of(name: str, folder: Path) -> Path:
    """Where the source of a module is, in the folder of the package."""
    return folder.joinpath(*name.split(".")).with_suffix(".py")


def require_fresh(folder: Path, package: str = "microgrady") -> None:
    """Import the source of the engine where what was compiled of it is of other source, and warn of that.

    Args:
        folder: That of the package.
        package: Its name.
    """
    stale = []
    for name in MODULES:
        source = source_of(name, folder)
        spec = importlib.machinery.PathFinder.find_spec(f"{package}.{name}", [str(source.parent)])
        origin = Path(spec.origin) if spec is not None and spec.origin else source
        if origin.suffix != ".py" and _is_of_other_source(origin, folder):
            stale.append(name)
    if not stale:
        return
    changed = " and ".join(source_of(name, folder).name for name in stale)
    warnings.warn(
        f"{changed} of {package} changed after the engine was compiled, so plain Python runs, which is slower: "
        "pip install -e . compiles it anew",
        RuntimeWarning,
        stacklevel=2,
    )
    for name in MODULES:
        spec = importlib.util.spec_from_file_location(f"{package}.{name}", source_of(name, folder))
        assert spec is not None and spec.loader is not None  # noqa: PT018
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        parent, _, last = spec.name.rpartition(".")
        setattr(importlib.import_module(parent), last, module)


def _is_of_other_source(compiled: Path, folder: Path) -> bool:
    """Whether a compiled module has a mark, and not that of the source; where that is missing, it has not changed."""
    try:
        content = compiled.read_bytes()
        return MARK.encode() in content and fingerprint(folder).encode() not in content
    except OSError:
        return False


if __name__ == "microgrady.freshness":  # and not read by setup.py
    require_fresh(Path(__file__).parent)
