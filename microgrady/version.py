"""The version, which stands in pyproject.toml alone."""

from __future__ import annotations

from pathlib import Path


def version() -> str:
    """Return the version of this source, or of the installation that the package is a part of.

    Example:
        >>> import microgrady as mg
        >>> mg.__version__.split(".")[0].isdigit()
        True
    """
    import tomllib

    source = Path(__file__).parents[1] / "pyproject.toml"
    if source.is_file():
        project = tomllib.loads(source.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == "microgrady":
            return str(project["version"])
    import importlib.metadata  # which takes longer than the rest

    try:
        return importlib.metadata.version("microgrady")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


__version__ = version()
