"""The ways through a function for arguments of one signature: a tree, which forks where a guard does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from microgrady.compiler.path import CompiledPath
from microgrady.value import Value

AnyPath = TypeVar("AnyPath", bound=CompiledPath)


class Outcome(NamedTuple):
    """What a call came to.

    Attributes:
        returned: What the function returns, in floats.
        leaves: The Values from outside that it referred to.
        path: What was run, or compiled for the next call; None if the function itself was run, and nothing was kept.
    """

    returned: Any
    leaves: Sequence[Value]
    path: CompiledPath | None


class Fork(NamedTuple):
    """Where a path is left: at the guard, counted from 1, that does not hold. `ROOT` is where all of them begin."""

    path: CompiledPath | None
    guard: int


ROOT = Fork(None, 0)


class Branches(Generic[AnyPath]):
    """The tree of paths.

    Attributes:
        paths: All of them, in the order in which they were met.
    """

    def __init__(self) -> None:
        self.paths: list[AnyPath] = []
        self._onward: dict[Fork, AnyPath] = {}

    @property
    def first(self) -> AnyPath | None:
        """The path that was met first."""
        return self._onward.get(ROOT)

    @property
    def forks(self) -> dict[AnyPath, Fork]:
        """For each path the fork from which it goes on."""
        return {path: fork for fork, path in self._onward.items()}

    def onward(self, fork: Fork) -> AnyPath | None:
        """Return the path that goes on from a fork, if there is one."""
        return self._onward.get(fork)

    def follow(self, parts: Sequence[Any], fork: Fork = ROOT) -> Outcome | Fork:
        """Run the path that these arguments take; or return the fork from which no path goes on for them.

        Args:
            parts: The arguments' numbers and arrays.
            fork: A fork that they come to.
        """
        while (path := self._onward.get(fork)) is not None:
            failed, returned = path.run(parts)
            if not failed:
                return Outcome(returned, path.leaves, path)
            fork = Fork(path, failed)
        return fork

    def add(self, fork: Fork, path: AnyPath) -> None:
        """Go on with a path from a fork, unless a signal handler has added one there meanwhile."""
        if self._onward.setdefault(fork, path) is path:
            self.paths.append(path)
