"""Sums over batches, with everything that can be kept from one call to the next.

This is what training does: the same function for other points and other numbers in the leaves, thousands of times. The
kernel adds up each result as it comes, lane by lane, in the order that `fold` describes. It is for functions that have
one path: where points could leave it, they would leave when some of their numbers have been added.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from microgrady.compiler.axes import Axes
from microgrady.compiler.backends.array_interface import address_reader
from microgrady.compiler.backends.lane_sums import total_over_lanes
from microgrady.compiler.backends.simd import ALIGNMENT, Access, Pattern
from microgrady.compiler.batch_path import BatchPath, LoadedKernel
from microgrady.compiler.batches import length_for
from microgrady.compiler.branches import Branches
from microgrady.compiler.fold import LANES, PIECE, NeighbourSums
from microgrady.compiler.options import BatchOptions
from microgrady.compiler.parallel import Caller, do_pieces, progress_bar, usable_cores
from microgrady.compiler.points import Batch
from microgrady.leaves import add_gradients, read_numbers
from microgrady.trees import count as size_of
from microgrady.value import Value

Array = numpy.ndarray[Any, Any]


def is_possible(branches: Branches[BatchPath], outputs: int) -> bool:
    """Return whether there is one path, which no point can leave, and which has so many outputs."""
    first = branches.first
    if first is None or len(branches.paths) > 1 or not first.is_vectorized:
        return False
    return not first.program.guards and len(first.program.outputs) == outputs


class SummedBatch:
    """The backward pass of a function of one path, for batches whose sum or mean is asked for.

    Args:
        path: The path. It returns one number, and its derivatives.
        batch: A batch like those that it is for.
        axes: Where the points are.
        options: How they are done.
    """

    def __init__(self, path: BatchPath, batch: Batch, axes: Axes, options: BatchOptions) -> None:
        self.path, self._options = path, options
        self._name = batch.function_name
        self._shapes = [numpy.shape(part) for part in batch.arguments.parts]
        self._accesses = [_access(column) for column in batch.columns]
        self._is_direct = _are_columns(batch, axes)
        given = list(zip(self._accesses, self._shapes, strict=True))
        inputs = [access for access, shape in given for _ in range(size_of(shape))]
        leaves = slice(len(inputs), len(inputs) + len(path.leaves))
        inputs += [Access.FIXED] * len(path.leaves)
        outputs = len(path.program.outputs)
        vectors = 2 if batch.count >= 2 * LANES else 1
        kernel = path.kernel(Pattern((*inputs,), (Access.ADDED,) * outputs, masked=True, vectors=vectors))
        self._leaves = list(path.leaves)
        self._added = self._leaves[: outputs - 1 - len(batch.values)]
        self._fixed = numpy.zeros(len(inputs) + 1)
        self._fixed_leaves = self._fixed[leaves]
        self._new_adder = functools.partial(_Adder, kernel, given, self._fixed, outputs, length_for(path))
        self._adder = self._new_adder()
        self._lock = threading.Lock()  # who finds it taken goes another way

    def backward(self, args: tuple[Any, ...]) -> float | None:
        """Do what `Vmapped.backward` does for the arguments of a call; None if they are not like those before."""
        if not self._is_direct or len(args) != len(self._shapes):
            return None
        count = len(args[0]) if type(args[0]) is numpy.ndarray and args[0].ndim else 0
        for arg, shape, access in zip(args, self._shapes, self._accesses, strict=True):
            if type(arg) is not numpy.ndarray or arg.shape != (count, *shape) or arg.dtype.kind not in "fiub":
                return None
            if _access(arg) is not access:
                return None
        return self._run(args, count, (), self._added) if count else None

    def backward_of(self, batch: Batch) -> float | None:
        """Do the same for a batch with the same structure as the first one."""
        if [_access(column) for column in batch.columns] != self._accesses:
            return None
        leaves = [*batch.values.values(), *self._added]
        return self._run(batch.columns, batch.count, batch.arguments.parts, leaves)

    def _run(self, columns: Sequence[Any], count: int, fixed: Sequence[Any], leaves: list[Value]) -> float | None:
        """Run the kernel for all points, and add the derivatives to leaves.

        Args:
            columns: For each part of the arguments its numbers at all points; None if it is the same for all of them.
            count: How many points there are: at least one.
            fixed: The parts of the arguments, if one is the same for all points.
            leaves: In the order of the outputs.

        Returns:
            The sum or the mean of the values; None if another thread is at it.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            self._read(fixed)
            divisor = float(count) if self._options.reduce == "mean" else 1.0
            totals = self._adder.totals(columns, count, divisor) if count <= PIECE else None
            if totals is None:
                totals = self._totals_of_pieces(columns, count) / divisor
            add_gradients(leaves, totals[1:])
            total = float(totals[0])
        finally:
            self._lock.release()
        self.path.count(count)
        return total

    def _totals_of_pieces(self, columns: Sequence[Any], count: int) -> Array:
        """Return the totals of more points than a piece has, which threads do piece by piece."""
        pieces = -(-count // PIECE)
        sums, taking = NeighbourSums(pieces), threading.Lock()

        def new_worker(caller: Caller) -> Callable[[int], None]:
            adder = self._new_adder()  # a thread that is left behind by Ctrl-C may go on for a while

            def do_piece(piece: int) -> None:
                start, stop = piece * PIECE, min(count, (piece + 1) * PIECE)
                some = [None if column is None else column[start:stop] for column in columns]
                totals = adder.totals(some, stop - start, 1.0, caller.require).copy()
                with taking, numpy.errstate(all="ignore"):
                    sums.add(piece, totals)

            return do_piece

        threads = self._options.threads or usable_cores()
        with progress_bar(count, self._name, self._options.progress) as advance:
            do_pieces(pieces, threads, new_worker, lambda done: advance(done * PIECE))
        total: Array = sums.total
        return total

    def _read(self, parts: Sequence[Any]) -> None:
        """Copy what is the same for all points: some of the arguments, and the leaves."""
        read_numbers(self._leaves, self._fixed_leaves)
        start = 0
        for part, shape, access in zip(parts, self._shapes, self._accesses, strict=False):
            stop = start + size_of(shape)
            if access is Access.FIXED:
                self._fixed[start:stop] = numpy.ravel(part)
            start = stop


class _Adder:
    """What adds up the outputs for points, in memory of its own.

    Args:
        kernel: The kernel.
        parts: How each part of the arguments is reached, and its shape.
        fixed: The numbers that are the same for all points.
        outputs: How many outputs there are.
        length: How many points are done before another thread is listened to.
    """

    def __init__(
        self,
        kernel: LoadedKernel,
        parts: Sequence[tuple[Access, tuple[int, ...]]],
        fixed: Array,
        outputs: int,
        length: int,
    ) -> None:
        self._kernel, self._fixed = kernel, fixed
        self._width = width = max(LANES, kernel.width)  # so many points are done at once, or fewer
        self._length = max(width, length // width * width)
        self._memory = numpy.empty(kernel.memory_size, numpy.uint8)
        self._lanes = numpy.zeros(LANES * (kernel.sum_count + 1))  # from the first address that is aligned
        self._sum_places = numpy.array(kernel.sum_places, numpy.int64)
        self._is_clear = True
        self._totals = numpy.zeros(outputs)
        # Codes say which points there are: all of them, or the first of those that are staged.
        self._codes, self._rest_codes = numpy.zeros(self._length, numpy.int32), numpy.zeros(width, numpy.int32)
        sums = _aligned(self._lanes)
        self._table, self._rest_table = (_Table(parts, sums) for _ in range(2))
        self._staged = [None if access is Access.FIXED else _rows(width, shape, access) for access, shape in parts]
        self._rest_table.take(self._staged)
        places = fixed.ctypes.data, _aligned(self._memory)
        self._places = self._table.address, *places, self._codes.ctypes.data
        self._rest_places = self._rest_table.address, *places, self._rest_codes.ctypes.data
        self._total_places = sums, self._sum_places.ctypes.data, self._totals.ctypes.data, outputs

    def totals(
        self, columns: Sequence[Any], count: int, divisor: float, require: Callable[[], None] | None = None
    ) -> Array:
        """Return the sums of at most a piece of points, in an array that the next call fills anew.

        Args:
            columns: For each part of the arguments its numbers at these points; None if it is the same for all.
            count: How many points there are: at least one.
            divisor: What the sums are divided by.
            require: Called now and then; raises if nobody waits for the sums any more.
        """
        columns = [None if column is None else _as_doubles(column) for column in columns]
        if not self._is_clear:  # a call was interrupted
            self._lanes[:] = 0.0
        self._is_clear = False
        whole = count // self._width * self._width
        if whole:
            self._table.take(columns)
        for start in range(0, whole, self._length):
            self._kernel.run(*self._places, start, min(self._length, whole - start))
            if require is not None:
                require()
        if whole < count:
            self._stage(columns, whole)
            self._kernel.run(*self._rest_places, 0, self._width)
        total_over_lanes(*self._total_places, divisor)
        self._is_clear = True
        return self._totals

    def _stage(self, columns: Sequence[Any], start: int) -> None:
        """Copy the last points, which are fewer than are done at once, and repeat the last one of them."""
        for column, staged in zip(columns, self._staged, strict=True):
            if staged is not None:
                rest = len(column) - start
                staged[:rest], staged[rest:] = column[start:], column[-1]
                self._rest_codes[:rest], self._rest_codes[rest:] = 0, -1


class _Table:
    """The table of a kernel: the address and the stride of each column, and at the end the address of the sums."""

    def __init__(self, parts: Sequence[tuple[Access, tuple[int, ...]]], sums: int) -> None:
        sizes = [0 if access is Access.FIXED else size_of(shape) for access, shape in parts]
        self._entries = numpy.zeros((sum(sizes) + 1, 2), numpy.int64)
        self._entries[-1] = sums, 8
        ends = numpy.cumsum(sizes).tolist()
        self._parts = [self._entries[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        self._layouts: list[tuple[int, ...]] = [()] * len(sizes)
        self._offsets = [numpy.zeros(size, numpy.int64) for size in sizes]
        self._addresses = [part[:, 0] for part in self._parts]
        self.address = self._entries.ctypes.data
        self._address_of = address_reader()

    def take(self, columns: Sequence[Any]) -> None:
        """Note where columns are."""
        for number, column in enumerate(columns):
            if column is None:
                continue
            part = self._parts[number]
            if column.strides != self._layouts[number]:
                self._layouts[number] = column.strides
                self._offsets[number] = _offsets(column)
                part[:, 1] = column.strides[0]
            numpy.add(self._offsets[number], self._address_of(column), out=self._addresses[number])


def _are_columns(batch: Batch, axes: Axes) -> bool:
    """Return whether the arguments are themselves the columns, as in most calls."""
    args, name = batch.arguments.args, batch.function_name
    if batch.arguments.kwargs or len(args) != len(batch.columns):
        return False
    return all(type(arg) is numpy.ndarray and axes.of(place, len(args), name) == 0 for place, arg in enumerate(args))


def _offsets(column: Array) -> Array:
    """Return how far the numbers of a point are from its first one, in bytes."""
    offsets = numpy.zeros((), numpy.int64)
    for length, stride in zip(column.shape[1:], column.strides[1:], strict=True):
        offsets = numpy.add.outer(offsets, stride * numpy.arange(length))
    return offsets.ravel()


def _is_direct(column: Array) -> bool:
    """Return whether kernels take the numbers of a column from where they are."""
    return column.dtype == numpy.float64 and column.dtype.isnative and column.flags.aligned


def _as_doubles(column: Array) -> Array:
    """Return a column as kernels take it."""
    return column if _is_direct(column) else numpy.array(column, numpy.float64, order="F")


def _access(column: Array | None) -> Access:
    """Return how a column is reached, when it is one of doubles."""
    if column is None:
        return Access.FIXED
    return Access.CONSECUTIVE if column.strides[0] == 8 or not _is_direct(column) else Access.STRIDED


def _rows(count: int, shape: tuple[int, ...], access: Access) -> Array:
    """Return room for some points, as they are reached."""
    if access is Access.STRIDED:
        return numpy.zeros((count, *shape)) if size_of(shape) > 1 else numpy.zeros((count, 2, *shape))[:, 0]
    return numpy.moveaxis(numpy.zeros((*shape, count)), -1, 0)


def _aligned(memory: Array) -> int:
    return -(-int(memory.ctypes.data) // ALIGNMENT) * ALIGNMENT
