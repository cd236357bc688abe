"""One call of a function for many points: block by block, path by path.

The points are cut into pieces of fixed size, which threads do in any order. All points of a piece try the path that was
met first. Those that leave it are gathered by where they do, and try the path that goes on from there; where none does,
the function is recorded at the first of them. What points are gathered, and how many threads there are, does not show
in the results: each point has a place of its own, and sums are made when all points of a block have their numbers.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy

from microgrady.compiler.backends.lane_sums import add_to_lanes
from microgrady.compiler.backends.simd import ALIGNMENT, Access, Pattern, lanes_of_host
from microgrady.compiler.batch_path import BatchPath, LoadedKernel
from microgrady.compiler.branches import Branches, Fork
from microgrady.compiler.fold import LANES, PIECE, NeighbourSums, over_lanes
from microgrady.compiler.parallel import Caller, do_pieces, progress_bar, usable_cores
from microgrady.compiler.points import Batch
from microgrady.compiler.pointwise import note_point
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.results import Results
from microgrady.trees import count as size_of
from microgrady.trees import flatten

Array = numpy.ndarray[Any, Any]
T = TypeVar("T")

# What one call of a kernel does at most, so that Ctrl-C need not wait long: operations and numbers that go through
# memory of this call's own.
OPERATIONS, NUMBERS = 1 << 22, 1 << 17
GATHERING = 4  # to take a number from a column of gathered points, or put it there, takes as long as so many operations
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
        self.inputs = [_Input(part, column) for part, column in zip(batch.arguments.parts, batch.columns, strict=True)]
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

    def run(self, name: str, threads: int | None, progress: bool) -> None:
        """Do all points.

        Args:
            name: What messages call the function.
            threads: In how many threads; None for as many as there are cores.
            progress: Whether a bar shows how far it is.
        """
        if threads is None:
            threads = usable_cores() if self.batch.count > FEW // self._cost() else 1
        if not self.first.is_vectorized:
            threads = 1  # Python would let no two of them run
        with progress_bar(self.batch.count, name, progress) as advance:
            do_pieces(self.piece_count, threads, self._worker, lambda pieces: advance(pieces * PIECE))
        for path, points in self._taken.items():
            path.count(points)

    def _worker(self, caller: Caller) -> Callable[[int], None]:
        return _Worker(self, caller).do_piece

    def _cost(self) -> int:
        return max(1, len(self.first.program.ops))

    def block_length(self) -> int:
        """Return how many points are done at once: a multiple of LANES."""
        numbers = self._staged + self.sums
        return min(_length_for(self.first), max(LANES, NUMBERS // max(1, numbers) // LANES * LANES))

    def few(self) -> int:
        """Return up to how many points are so few that this thread calls one kernel for all of them."""
        return min(self.block_length(), FEW // self._cost())

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
            found = numpy.array([*numbers, *(leaf._number for leaf in path.leaves)], numpy.float64)
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

    def tables(self, length: int) -> tuple[Array, list[tuple[_Input, int]]]:
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


def _others(here: Array) -> Iterator[int]:
    """Yield the places that are true, but for the first one; they are not asked for before that."""
    yield from numpy.flatnonzero(here)[1:].tolist()


def _length_for(path: BatchPath) -> int:
    """Return how many points the kernel of a path is called with: a multiple of LANES."""
    return max(LANES, min(PIECE, OPERATIONS // max(1, len(path.program.ops))) // LANES * LANES)


class _Input:
    """A part of the arguments: a number or an array of each point.

    Attributes:
        size: How many numbers of each point it has.
        fixed: Those that are the same for all points; zeros in the places of others.
        is_staged: Whether its numbers are copied for each block, as they are of another type.
        access: How each of its numbers is reached.
    """

    def __init__(self, part: Any, column: Any) -> None:
        self.column = column
        self.is_staged = False
        if column is None:
            numbers = [part] if isinstance(part, float) else numpy.asarray(part, numpy.float64).ravel().tolist()
            self.fixed, self.size = numbers, len(numbers)
            self.access = Access.FIXED
            return
        self.size = size_of(column.shape[1:])
        self.fixed = [0.0] * self.size
        self.is_staged = column.dtype != numpy.float64 or not (column.dtype.isnative and column.flags.aligned)
        consecutive = self.is_staged or (len(column) > 0 and column.strides[0] == 8)
        self.access = Access.CONSECUTIVE if consecutive else Access.STRIDED

    def columns(self) -> Any:
        """Return the address and the stride of each of its numbers that is not fixed."""
        if self.column is None:
            return []
        if self.is_staged:
            return [(0, 8)] * self.size
        _, *strides = self.column.strides
        offsets = numpy.zeros(self.column.shape[1:], numpy.int64)
        for axis, stride in enumerate(strides):
            shape = [-1 if other == axis else 1 for other in range(len(strides))]
            offsets += (stride * numpy.arange(self.column.shape[axis + 1])).reshape(shape)
        addresses = self.column.ctypes.data + offsets.ravel()
        return numpy.stack([addresses, numpy.full(self.size, self.column.strides[0])], 1)


class _Tried(NamedTuple):
    """Points that tried a path, and what came of it.

    Attributes:
        path: The path.
        points: The points; or the number of the first one, if they follow each other.
        codes: Where they left the path, if above 0. Of points that follow each other those did not try it that have -1.
        number: How many tried it.
        left: How many left it, or some more; 0 if none.
    """

    path: BatchPath
    points: Any
    codes: Array
    number: int
    left: int


class _Worker:
    """What does pieces in one thread, with memory of its own."""

    def __init__(self, call: BatchCall, caller: Caller) -> None:
        self._call = call
        self._caller = caller
        self._batch = call.batch
        self._width = lanes_of_host()
        self._length = min(call.block_length(), -(-max(1, call.batch.count) // LANES) * LANES)
        room = self._length + LANES  # as the last block may take a few points more
        self._table, self._staged = call.tables(room)
        self._buffers = [numpy.empty((each.size, room)) for each, _ in self._staged]
        self._rows = numpy.empty((call.sums, room))
        self._lanes = numpy.zeros((call.sums, LANES))
        self._kernels: dict[tuple[BatchPath, bool, bool], LoadedKernel] = {}
        self._memory: dict[LoadedKernel, Array] = {}
        self._places: dict[tuple[BatchPath, LoadedKernel], tuple[int, int, int]] = {}
        self._codes = numpy.empty(room, numpy.int32)
        self._taken: dict[BatchPath, int] = {}
        self._alone = 0

    def do_piece(self, piece: int) -> None:
        """Do the points of a piece."""
        start, stop = piece * PIECE, min(self._batch.count, (piece + 1) * PIECE)
        self._lanes[:] = 0.0
        low = start
        while low < stop:
            self._caller.require()
            high = min(low + self._length, stop)
            if stop - high < self._width:
                high = stop
            self._do_block(low, high)
            low = high
        if self._call.sums:
            self._call.add_sums(piece, self._lanes)
        self._call.count_points(self._taken, self._alone)
        self._taken.clear()
        self._alone = 0

    def _do_block(self, low: int, high: int) -> None:
        first, sums = self._call.first, self._call.sums
        self._stage(low, high)
        if sums:
            rows = self._rows
            unused = len(first.program.outputs) - len(self._call.columns)
            rows[unused:] = 0.0
            self._table[-sums:, 0] = rows.ctypes.data + 8 * (rows.shape[1] * numpy.arange(sums) - low)
        codes = self._codes[: high - low]
        waiting = [self._run_dense(first, low, codes)]
        while waiting:
            waiting += self._follow(waiting.pop())
        if sums:
            add_to_lanes(self._lanes.ctypes.data, rows.ctypes.data, sums, rows.shape[1], high - low)

    def _stage(self, low: int, high: int) -> None:
        """Copy the numbers of a block that are not float64 as kernels take it."""
        for (each, row), buffer in zip(self._staged, self._buffers, strict=True):
            column = each.column[low:high]
            target = buffer[:, : high - low].reshape(*column.shape[1:], high - low)
            target[...] = numpy.moveaxis(column, 0, -1)
            buffer[:, : high - low] = target.reshape(each.size, high - low)
            addresses = buffer.ctypes.data + 8 * (buffer.shape[1] * numpy.arange(each.size) - low)
            self._table[row : row + each.size, 0] = addresses

    def _fits(self, path: BatchPath, codes: Array) -> bool:
        return path.is_vectorized and len(codes) >= self._width

    def _follow(self, tried: _Tried) -> list[_Tried]:
        """Have the points that left a path go on, and return on which paths they did, with what came of it."""
        path, points, codes = tried.path, tried.points, tried.codes
        left = codes > 0 if tried.left else None
        stayed = tried.number - (0 if left is None else int(numpy.count_nonzero(left)))
        self._taken[path] = self._taken.get(path, 0) + stayed
        if left is None:
            return []
        self._call.splits = True
        last = int(codes.max())
        if len(path.program.guards) == 1 or int(codes.min(where=left, initial=last)) == last:
            found = [self._go_on(Fork(path, last), points, left)]
        else:
            guards = numpy.flatnonzero(numpy.bincount(codes[left])).tolist()
            found = [self._go_on(Fork(path, guard), points, codes == guard) for guard in guards]
        return [step for step in found if step is not None]

    def _go_on(self, fork: Fork, points: Any, here: Array) -> _Tried | None:
        """Have points go on from a fork; return on which path they did, and what came of it.

        Args:
            fork: The fork.
            points: Points, as `_Tried` has them.
            here: Which of them come there.
        """
        alone: list[tuple[int, Sequence[float]]] = []
        for at in itertools.chain([int(numpy.argmax(here))], _others(here)):
            point = at + points if isinstance(points, int) else int(points[at])
            onward = self._onward(fork, point)
            if isinstance(onward, BatchPath):
                if isinstance(points, int) and self._are_many(onward, here):
                    return self._run_masked(onward, points, here)
                return self._run_listed(
                    onward, numpy.flatnonzero(here) + points if isinstance(points, int) else points[here]
                )
            alone.append((point, onward.results))
        for point, results in alone:
            self._put(results, point)
        self._alone += len(alone)
        return None

    def _are_many(self, path: BatchPath, here: Array) -> bool:
        """Return whether it takes less to pass over the other points than to gather these."""
        if not (self._call.are_consecutive and self._fits(path, here)):
            return False
        work = len(path.program.ops)
        gathering = GATHERING * (len(path.program.outputs) + sum(each.size for each in self._call.inputs))
        return len(here) * work <= int(numpy.count_nonzero(here)) * (work + gathering)

    def _run_masked(self, path: BatchPath, low: int, here: Array) -> _Tried:
        """Run some of the points that follow each other."""
        kernel, length = self._kernel(path, masked=True), _length_for(path)
        codes = numpy.subtract(here.view(numpy.int8), 1, dtype=numpy.int32)
        addresses = self._addresses(path, kernel)
        start = left = 0
        while start < len(codes):
            self._caller.require()
            stop = start + length if len(codes) - start >= length + self._width else len(codes)
            left += kernel.run(*addresses, codes[start:].ctypes.data, low + start, stop - start)
            start = stop
        return _Tried(path, low, codes, int(numpy.count_nonzero(here)), left)

    def _onward(self, fork: Fork, point: int) -> BatchPath | Recording:
        """Return what goes on from a fork. What is not there yet is recorded in the calling thread."""
        there = self._call.onward(fork)
        return there or self._caller.ask(lambda: self._call.record_onward(fork, point))

    def _run_dense(self, path: BatchPath, low: int, codes: Array) -> _Tried:
        """Run points that follow each other, in as many as there are codes."""
        if not self._fits(path, codes):
            return self._run_listed(path, numpy.arange(low, low + len(codes)))
        kernel = self._kernel(path)
        left = kernel.run(*self._addresses(path, kernel), codes.ctypes.data, low, len(codes))
        return _Tried(path, low, codes, len(codes), left)

    def _run_listed(self, path: BatchPath, points: Array) -> _Tried:
        """Run some points."""
        if not path.is_vectorized:
            return self._run_singly(path, points)
        kernel, length = self._kernel(path, listed=True), _length_for(path)
        count = -(-len(points) // kernel.width) * kernel.width
        padded = numpy.full(count, points[-1], numpy.int64)
        padded[: len(points)] = points
        codes = numpy.empty(count, numpy.int32)
        addresses, left = self._addresses(path, kernel), 0
        for low in range(0, count, length):
            self._caller.require()
            some = padded[low : low + length]
            left += kernel.run(*addresses, codes[low:].ctypes.data, some.ctypes.data, len(some))
        return _Tried(path, points, codes[: len(points)], len(points), left)

    def _kernel(self, path: BatchPath, listed: bool = False, masked: bool = False) -> LoadedKernel:
        """Return a kernel of a path; it is asked for but once, as a pattern is not found in no time."""
        kernel = self._kernels.get((path, listed, masked))
        if kernel is None:
            kernel = self._kernels[path, listed, masked] = path.kernel(self._call.pattern(path, listed, masked))
        return kernel

    def _addresses(self, path: BatchPath, kernel: LoadedKernel) -> tuple[int, int, int]:
        """Return where a kernel finds its table, the fixed inputs and its memory."""
        found = self._places.get((path, kernel))
        if found is None:
            memory = self._memory.setdefault(kernel, numpy.empty(kernel.memory_size, numpy.uint8))
            aligned = -(-memory.ctypes.data // ALIGNMENT) * ALIGNMENT
            found = self._table.ctypes.data, self._call.fixed(path).ctypes.data, aligned
            self._places[path, kernel] = found
        return found

    def _run_singly(self, path: BatchPath, points: Array) -> _Tried:
        """Run points one by one, as Python computes something of each."""
        codes = numpy.zeros(len(points), numpy.int32)
        for at, point in enumerate(points.tolist()):
            self._caller.require()
            try:
                codes[at], result = path.run(self._parts(point))
            except Exception as error:
                note_point(error, self._batch, point, self._batch.function_name)
                raise
            if not codes[at]:
                self._put(flatten(result, "the result")[0], point)
        return _Tried(path, points, codes, len(points), int(numpy.count_nonzero(codes)))

    def _parts(self, point: int) -> list[Any]:
        """Return the numbers and arrays of a point."""
        given = zip(self._batch.arguments.parts, self._batch.columns, strict=True)
        there = (part if column is None else column[point] for part, column in given)
        return [float(part) if numpy.ndim(part) == 0 else part for part in there]

    def _put(self, results: Sequence[float], point: int) -> None:
        """Put the results of a point to where kernels put them."""
        outputs = self._table[-len(self._call.columns) - self._call.sums :].tolist()
        for number, (address, stride) in zip(results, outputs, strict=False):
            ctypes.c_double.from_address(address + point * stride).value = number
