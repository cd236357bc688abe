"""What does the points of a batch: piece by piece, block by block, path by path.

The points are cut into pieces of fixed size, which threads do in any order. All points of a piece try the path that was
met first. Those that leave it are gathered by where they do, or the others are passed over, and they try the path that
goes on from there; where none does, the function is recorded at one of them. What points are gathered, and how many
threads there are, does not show in the results: each point has a place of its own, and sums are made when all points of
a block have their numbers.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy

from microgrady.compiler.backends.lane_sums import add_to_lanes
from microgrady.compiler.backends.simd import ALIGNMENT, lanes_of_host
from microgrady.compiler.batch_path import BatchPath, LoadedKernel
from microgrady.compiler.batches import FEW, BatchCall, length_for
from microgrady.compiler.branches import Fork
from microgrady.compiler.fold import LANES, PIECE
from microgrady.compiler.parallel import Caller, do_pieces, progress_bar, usable_cores
from microgrady.compiler.pointwise import note_point
from microgrady.compiler.programs.recording import Recording
from microgrady.trees import flatten

Array = numpy.ndarray[Any, Any]

GATHERING = 4  # to take a number from a column of gathered points, or put it there, takes as long as so many operations


def run(call: BatchCall, name: str, threads: int | None, progress: bool) -> None:
    """Do all points of a batch.

    Args:
        call: The call.
        name: What messages call the function.
        threads: In how many threads; None for as many as there are cores.
        progress: Whether a bar shows how far it is.
    """
    if threads is None:
        threads = usable_cores() if call.batch.count > FEW // call.cost else 1
    if not call.first.is_vectorized:
        threads = 1  # Python would let no two of them run

    def new_worker(caller: Caller) -> Callable[[int], None]:
        return _Worker(call, caller).do_piece

    with progress_bar(call.batch.count, name, progress) as advance:
        do_pieces(call.piece_count, threads, new_worker, lambda pieces: advance(pieces * PIECE))
    call.note_points()


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
        kernel, length = self._kernel(path, masked=True), length_for(path)
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
        kernel, length = self._kernel(path, listed=True), length_for(path)
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


def _others(here: Array) -> Iterator[int]:
    """Yield the places that are true, but for the first one; they are not asked for before that."""
    yield from numpy.flatnonzero(here)[1:].tolist()
