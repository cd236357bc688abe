"""How to compile, as `jit` and `vmap` are told, and what they refuse to be told."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from microgrady import inputs
from microgrady.compiler.backends.private import require_private
from microgrady.inputs import describe
from microgrady.introspection import parameters_of

Reduce = Literal["sum", "mean"] | None


@dataclass(frozen=True)
class Options:
    """How to compile. `jit` says what each of these is."""

    max_paths: int
    optimize: bool | None
    cache: Path | None


@dataclass(frozen=True)
class BatchOptions(Options):
    """How to compile a function for many points, and to run it. `vmap` says what each of these is."""

    reduce: Reduce
    exact: bool
    threads: int | None
    progress: bool


def checked(max_paths: Any, optimize: Any, cache: Any) -> Options:
    """Return how to compile, after a check."""
    if type(max_paths) is not int:
        raise TypeError(f"max_paths must be an int, not {describe(max_paths)}")
    if max_paths < 1:
        raise ValueError(f"max_paths must be at least 1, not {max_paths}")
    if not isinstance(optimize, (bool, type(None))):
        raise TypeError(f"optimize must be True, False or None, not {describe(optimize)}")
    if not isinstance(cache, (str, os.PathLike, type(None))):
        raise TypeError(f"cache must be the path of a folder or None, not {describe(cache)}")
    folder = None if cache is None else Path(cache)
    if folder is not None:
        require_private(folder)
    return Options(max_paths, optimize, folder)


def checked_for_batches(options: Options, reduce: Any, exact: Any, threads: Any, progress: Any) -> BatchOptions:
    """Return how to compile for many points, after a check."""
    if type(reduce) not in (str, type(None)) or reduce not in (None, "sum", "mean"):
        raise ValueError(f'reduce must be "sum", "mean" or None, not {describe(reduce)}')
    for name, flag in (("exact", exact), ("progress", progress)):
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be True or False, not {describe(flag)}")
    if threads is not None:
        if type(threads) is not int:
            raise TypeError(f"threads must be an int or None, not {describe(threads)}")
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
    return BatchOptions(**vars(options), reduce=reduce, exact=exact, threads=threads, progress=progress)


def static_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of static arguments, after a check."""
    found = [names] if isinstance(names, str) else names
    if not inputs.is_iterable(found) or not all(isinstance(name, str) for name in found):
        raise TypeError(f"static_argnames must be names of arguments, not {describe(names)}")
    return tuple(found)


def require_function(function: Any, static: tuple[str, ...], transform: str) -> None:
    """Refuse what is not a function, or has no such static arguments."""
    hint = f": write @classmethod above @mg.{transform}, not below" if isinstance(function, classmethod) else ""
    inputs.require_function(transform, function, hint)
    by_position, only_by_name, _ = parameters_of(function)
    parameters = [*by_position, *only_by_name]
    unknown = [name for name in static if name not in parameters]
    if unknown:
        raise ValueError(
            f"static_argnames has {unknown[0]!r}, but the parameters are {', '.join(parameters) or 'none'}"
        )
