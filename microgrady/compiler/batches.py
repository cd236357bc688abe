"""One call of a function for many points: what all threads that do them have in common."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy

from microgrady.compiler.backends.simd import Access, Pattern
from microgrady.compiler.batch_inputs import Input
from microgrady.compiler.batch_path import BatchPath
from microgrady.compiler.branches import Branches, Fork
from microgrady.compiler.fold import LANES, PIECE, NeighbourSums, over_lanes
from microgrady.compiler.points import Batch
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.results import Results
from microgrady.leaves import read_numbers

Array = numpy.ndarray[Any, Any]
T = TypeVar("T")

# What one call of a kernel does at most, so that Ctrl-C need not wait long: operations and numbers that go through
# memory of this call's own.
OPERATIONS, NUMBERS = 1 << 22, 1 << 17
FEW = 1 << 20  # operations in all from which on other threads are worth while


class MoreLeavesError(Exception):
    """Derivatives by more leaves have turned out to be wanted than the sums have room for."""


class BatchCall:
    """One call.

    Args:
        batch: The arguments.
        branches: The paths that have been met.
        record: Runs the function on Values at a point, and returns what it did. As a second argument it takes how the
            first comparisons are to come out.
        keep: Compiles a recording for the points that come to a fork; returns None if there are too many paths.
        lock: Whoever records has it.
        results: Where the outputs go that are not added up.
        outputs: How many outputs there are. Those that come after these are added up.

    Attributes:
        interpreted: Whether there were points for which no path was kept.
        alone: How many points were done one by one as they were recorded, once all is done.
        splits: Whether points left the path that all tried.
        columns: The address and the stride of each output that is not added up, in order.
        sums: How many outputs are added up.
        inputs: The parts of the arguments.
        total: The sums, once all is done.
    """

    def __init__(
        self,
        batch: Batch,
        branches: Branches[BatchPath],
        record: Callable[..., Recording],
        keep: Callable[[Fork, Recording], BatchPath | None],
        lock: Any,
        results: Results,
        outputs: int,
    ) -> None:
        self.batch = batch
        self.branches = branches
        self.record, self.keep, self.lock = record, keep, lock
        self.results = results  # kept as long as a thread may write there
        self.columns = results.columns
        self.sums = outputs - len(self.columns)
        self.interpreted = self.splits = False
        self.alone = 0
        self._taken: dict[BatchPath, int] = {}
        self._fixed: dict[int, Array] = {}
        self._patterns: dict[tuple[int, int, bool, bool], Pattern] = {}
        self.inputs = [Input(part, column) for part, column in zip(batch.arguments.parts, batch.columns, strict=True)]
        self._accesses = tuple(each.access for each in self.inputs for _ in range(each.size))
        self._staged = sum(each.size for each in self.inputs if each.is_staged)
        self.piece_count = -(-batch.count // PIECE)
        self._sums = NeighbourSums(self.piece_count)
        self._results_lock = threading.Lock()

    @property
    def total(self) -> list[float]:
        """The sums of all points, in the order of the outputs."""
        found = self._sums.total
        return [0.0] * self.sums if found is None else list(map(float, found))

    @functools.cached_property
    def are_consecutive(self) -> bool:
        """Whether all outputs go to columns without gaps."""
        return all(stride == 8 for _, stride in self.columns)

    @property
    def first(self) -> BatchPath:
        """The path that all points try."""
        assert self.branches.first is not None
        return self.branches.first

    @property
    def cost(self) -> int:
        """How many operations a point takes, if it takes the first path."""
        return max(1, len(self.first.program.ops))

    def block_length(self) -> int:
        """Return how many points are done at once: a multiple of LANES."""
        numbers = self._staged + self.sums
        return min(length_for(self.first), max(LANES, NUMBERS // max(1, numbers) // LANES * LANES))

    def few(self) -> int:
        """Return up to how many points are so few that this thread calls one kernel for all of them."""
        return min(self.block_length(), FEW // self.cost)

    def pattern(self, path: BatchPath, listed: bool = False, masked: bool = False) -> Pattern:
        """Return how a path's kernel reaches its inputs and outputs."""
        outputs = len(path.program.outputs)
        key = path.input_count, outputs, listed, masked
        found = self._patterns.get(key)
        if found is None:
            leaves = path.input_count - len(self._accesses)
            direct = [Access.CONSECUTIVE if stride == 8 else Access.STRIDED for _, stride in self.columns]
            added = [Access.CONSECUTIVE] * (outputs - len(direct))
            inputs = (*self._accesses, *[Access.FIXED] * leaves)
            found = self._patterns[key] = Pattern(inputs, (*direct, *added), listed, masked)
        return found

    def fixed(self, path: BatchPath) -> Array:
        """Return the numbers that are the same for all points, as they are now, in the places of the inputs."""
        found = self._fixed.get(id(path))
        if found is None:
            numbers = [number for each in self.inputs for number in each.fixed]
            found = numpy.empty(len(numbers) + len(path.leaves))
            found[: len(numbers)] = numbers
            read_numbers(list(path.leaves), found[len(numbers) :])
            found = self._fixed.setdefault(id(path), found)
        return found

    def onward(self, fork: Fork) -> BatchPath | None:
        """Return the path that goes on from a fork, if there is one."""
        path = self.branches.onward(fork)
        return None if path is None else self._require_room(path, len(path.program.outputs))

    def record_onward(self, fork: Fork, point: int) -> BatchPath | Recording:
        """Return the path that goes on from a fork, recorded at a point that comes there if there is none.

        Returns:
            The path; or what was recorded, if it was not kept and is for this point alone.
        """
        with self.lock:
            path = self.onward(fork)
            if path is not None:
                return path
            recording = self.record(point)
            self._require_room(recording, len(recording.results))
            there = self._recorded_there(fork, recording, point)
            if there is None:
                return recording
            kept = self.keep(fork, there)
            self.interpreted = self.interpreted or kept is None
            return recording if kept is None else kept

    def _recorded_there(self, fork: Fork, recording: Recording, point: int) -> Recording | None:
        """Return a recording of the way that the kernel went at a point, and not Values; None if there is none.

        Vectors calculate otherwise in the last digits, so a comparison may come out otherwise. If the point were done
        alone then, its result would depend on whether other points have had that way recorded.
        """
        if fork.path is None:
            return recording
        path, program = fork.path, fork.path.program
        *kept, left = (guard for _, guard in program.guards[: fork.guard])
        wanted = [*(guard.outcome for guard in kept), not left.outcome]
        found = recording.outcomes(fork.guard)
        # The guards may be others, as those of `int` are for each whole number: so the path itself is asked.
        numbers = [*self.batch.numbers(point), *(leaf._number for leaf in path.leaves)]
        if found != wanted and program.evaluate(numbers) == left:
            return recording
        while found != wanted:
            others = [place for place, outcome in enumerate(found) if outcome != wanted[place]]
            if not others:
                return None
            try:
                recording = self.record(point, recording.decisions(others[0]))
            except Exception:  # what no point has ever done may not work
                return None
            self._require_room(recording, len(recording.results))
            found = recording.outcomes(fork.guard)
            if (
                found[: others[0] + 1] != wanted[: others[0] + 1]
            ):  # the way depends on more than how comparisons come out
                return None
        return recording

    def _require_room(self, found: T, outputs: int) -> T:
        """Return what has so many outputs, if there is room for them: another call may know of more leaves."""
        if outputs - len(self.columns) > self.sums:
            raise MoreLeavesError
        return found

    def add_sums(self, piece: int, lanes: Array) -> None:
        """Take the sums of a piece, lane by lane."""
        with self._results_lock, numpy.errstate(all="ignore"):
            self._sums.add(piece, over_lanes([lanes[:, lane] for lane in range(LANES)]))

    def count_points(self, points: dict[BatchPath, int], alone: int) -> None:
        """Note how many points took paths, and how many were done alone. It only counts if all are done."""
        with self._results_lock:
            self.alone += alone
            for path, some in points.items():
                self._taken[path] = self._taken.get(path, 0) + some

    def note_points(self) -> None:
        """Tell the paths how many points took them, when all have been done."""
        for path, points in self._taken.items():
            path.count(points)

    def tables(self, length: int) -> tuple[Array, list[tuple[Input, int]]]:
        """Return a table for a kernel in which what each thread has of its own is missing.

        Args:
            length: How many points a block has at most.

        Returns:
            The table; and the inputs that are copied for each block, each with its first row in the table.
        """
        rows: list[Any] = []
        staged = []
        for each in self.inputs:
            if each.is_staged:
                staged.append((each, len(rows)))
            rows.extend(each.columns())
        return numpy.array([*rows, *self.columns, *[(0, 8)] * self.sums], numpy.int64).reshape(-1, 2), staged


def length_for(path: BatchPath) -> int:
    """Return how many points the kernel of a path is called with: a multiple of LANES."""
    return max(LANES, min(PIECE, OPERATIONS // max(1, len(path.program.ops))) // LANES * LANES)
