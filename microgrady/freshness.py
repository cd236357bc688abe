"""Whether the compiled engine was made from the source beside it: source that was changed since runs as it is."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import sys
import warnings
from pathlib import Path

MODULES = ("ieee", "value")  # each has a .pxd with C types beside its .py
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
        for ending in ("py", "pxd"):
            content = (folder / f"{name}.{ending}").read_bytes()
            digest.update(b"%d\n" % len(content) + content)
    return MARK + digest.hexdigest()


def require_fresh(folder: Path, package: str = "microgrady") -> None:
    """Import the source of the engine where what was compiled of it is of other source, and warn of that.

    Args:
        folder: That of the package.
        package: Its name.
    """
    stale = []
    for name in MODULES:
        spec = importlib.machinery.PathFinder.find_spec(f"{package}.{name}", [str(folder)])
        origin = Path(spec.origin) if spec is not None and spec.origin else folder / f"{name}.py"
        if origin.suffix != ".py" and _is_of_other_source(origin, folder):
            stale.append(name)
    if not stale:
        return
    warnings.warn(
        f"{' and '.join(f'{name}.py' for name in stale)} of {package} changed after the engine was compiled, so plain "
        "Python runs, which is slower: pip install -e . compiles it anew",
        RuntimeWarning,
        stacklevel=2,
    )
    for name in MODULES:
        spec = importlib.util.spec_from_file_location(f"{package}.{name}", folder / f"{name}.py")
        assert spec is not None and spec.loader is not None  # noqa: PT018
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        setattr(sys.modules[package], name, module)


def _is_of_other_source(compiled: Path, folder: Path) -> bool:
    """Whether a compiled module has a mark, and not that of the source; where that is missing, it has not changed."""
    try:
        content = compiled.read_bytes()
        return MARK.encode() in content and fingerprint(folder).encode() not in content
    except OSError:
        return False


if __name__ == "microgrady.freshness":  # and not read by setup.py
    require_fresh(Path(__file__).parent)
