"""How to compile, as `jit` and `vmap` are told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
