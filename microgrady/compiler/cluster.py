"""A batch in blocks that Dask computes: in threads, in other processes, or on the machines of a cluster.

Nothing is computed before Dask is asked to. Then there is one task for each block, which calls the function for the
points of the block, and with `reduce` a tree of sums: in the order of the blocks, whoever computes them and when. The
function goes to other processes in a pickle, with the numbers that its Values had when the arrays of results were made.
"""

from __future__ import annotations

import array
import contextlib
import copy
import dataclasses
import hashlib
import pickle
import sys
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from microgrady.compiler.batch_path import BatchPath
from microgrady.compiler.branches import Branches
from microgrady.compiler.fold import NeighbourSums, finished
from microgrady.compiler.points import Batch
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.results import Results
from microgrady.compiler.signature import Arguments, Numbers
from microgrady.forks import LockOfOneProcess
from microgrady.inputs import describe, is_dask_array
from microgrady.leaves import add_gradients
from microgrady.pickling.fingerprint import Fingerprint
from microgrady.tracing import run_here, runs
from microgrady.trees import Structure
from microgrady.trees import count as size_of
from microgrady.value import Value

if TYPE_CHECKING:
    from microgrady.compiler.vmapped import Computed, Vmapped

GROUP = 16  # sums that one task adds up: a power of 2, so that the tree is that of neighbours
KEPT = 32  # functions that a process keeps

Function = Any  # Vmapped[..., Any]
Chunks = tuple[tuple[int, ...], ...]


def call(function: Function, batch: Batch) -> Any:
    """Return what a function gives for all points, in arrays of Dask's that are not computed yet.

    Raises:
        TypeError: There are Values among the arguments, or as for a call with NumPy's arrays.
        ValueError: As for such a call; or Dask does not know how many points there are and the arrays have other
            numbers of blocks.
    """
    __tracebackhide__ = True
    if batch.values:
        raise _refusal(function, "arguments that are Values need arrays of NumPy's, or backward")
    plan = _Plan(function, batch)
    return plan.results.structure.assemble(plan.sums() if plan.reduce else plan.arrays())


def backward(function: Function, batch: Batch) -> Any:
    """Run a function and its backward pass for all points, and add derivatives to leaves.

    Returns:
        As `call`; but the sum or the mean as a float.

    Raises:
        TypeError: A Value among the arguments is not a leaf, or as for `call`.
    """
    __tracebackhide__ = True
    if any(value._primitive is not None for value in batch.values.values()):
        raise _refusal(function, "Values among the arguments must be leaves")
    plan = _Plan(function, batch, differentiate=True)
    total: _Total = plan.total().compute()
    numbers = [finished(number, total.count, plan.reduce or "sum") for number in total.numbers.tolist()]
    outputs = len(numbers) - len(batch.values)
    slopes = [finished(slope, total.count, plan.reduce or "sum") for slope in total.slopes.values()]
    leaves = [plan.work.shipped.values[place] for place in total.slopes]
    add_gradients([*batch.values.values(), *leaves], array.array("d", [*numbers[outputs:], *slopes]))
    if plan.reduce:
        return plan.results.assemble_reduced(numbers[:outputs])
    arguments = copy.copy(batch.arguments)
    arguments.complete(differentiate=False)
    lazily = _Plan(function, Batch(function._signature, arguments, batch.columns, batch.count))
    return lazily.results.structure.assemble(lazily.arrays())


def _refusal(function: Function, sentence: str) -> TypeError:
    return TypeError(f"vmap of {function._signature.name} is called with arrays of Dask's: {sentence}")


class _Plan:
    """What Dask is to do.

    Attributes:
        results: Those of no points, which show how the results are nested and which shapes they have.
        reduce: "sum" or "mean" if they are folded; None if not.
        work: What is done with each block.
        chunks: How many points each block has; nan where Dask does not know.
    """

    def __init__(self, function: Function, batch: Batch, differentiate: bool = False) -> None:
        __tracebackhide__ = True
        if runs and run_here():
            raise _refusal(function, "inside grad, jit or vmap it takes those of NumPy, whose numbers are known")
        if batch.holds_values:
            raise _refusal(function, "arrays of Values cannot be among them")
        self.name = function._signature.name
        self.reduce = function._options.reduce
        sample = _sample(function, batch)
        recording: Recording = function._record(sample, Branches(), differentiate, 0)
        structure = recording.structure.children[0] if differentiate else recording.structure
        self.results = Results(structure, function._axes.outputs, 0, self.reduce, self.name)
        if None in self.results.axes:
            self.results.require_independent(_dependence(function, sample, recording))
        self._given = _blocks(batch, self.name)
        self.chunks = self._given[0].array.chunks[0] if self._given else ()
        starts = None if numpy.isnan(self.chunks).any() else tuple(numpy.cumsum((0, *self.chunks)).tolist())
        inputs = tuple((given.part, given.is_column) for given in self._given)
        arguments = _bare(function, batch.arguments)
        self.work = Work(ship(function.with_its_object()), arguments, inputs, starts, structure, differentiate)

    def _done(self) -> Any:
        """Return what is computed block by block: an array of Dask's with an object for each block."""
        import dask
        import dask.array

        number = len(self.chunks)
        places = dask.array.map_blocks(
            _place, token="block", chunks=((1,) * number,), dtype=numpy.int64, meta=numpy.empty(0, numpy.int64)
        )
        pairs: list[Any] = []
        for given in self._given:
            inner = tuple(f"{given.part}.{axis}" for axis in range(given.array.ndim))
            pairs += [given.array, ("point", *inner[1:]) if given.is_column else inner]
        return dask.array.blockwise(
            do_block,
            ("point",),
            dask.delayed(self.work, pure=True),
            None,
            *pairs,
            places,
            ("point",),
            token=f"vmap-{self.name}",
            dtype=object,
            meta=numpy.empty(0, object),
            concatenate=True,
            align_arrays=False,
        )

    def arrays(self) -> list[Any]:
        """Return an array for each part of the results."""
        done = self._done()
        found = []
        chunks: Chunks
        for part, (result, axis) in enumerate(zip(self.results.arrays, self.results.axes, strict=True)):
            if axis is None:
                # It stands in any block that has a point.
                known = next((place for place, count in enumerate(self.chunks) if count), 0)
                one, chunks = _together(done.blocks[known]), tuple((length,) for length in result.shape[1:])
                found.append(_taken(one, self.name, chunks, None, _part, part))
            else:
                chunks = tuple(self.chunks if place == axis else (length,) for place, length in enumerate(result.shape))
                found.append(_taken(done, self.name, chunks, axis, _part, part))
        return found

    def total(self) -> Any:
        """Return the sums over all blocks: an array of Dask's with one object."""
        return _together(self._done())

    def sums(self) -> list[Any]:
        """Return an array for each part of the results, which are folded."""
        total, name = self.total(), f"{self.reduce}_of_{self.name}"
        found, start = [], 0
        for shape in self.results.structure.shapes:
            chunks = tuple((length,) for length in shape or ())
            found.append(_taken(total, name, chunks, None, _folded, start, shape or (), self.reduce))
            start += size_of(shape)
        return found


def _together(done: Any) -> Any:
    """Return an array without axes of what was computed for blocks, added up."""
    import dask.array

    return dask.array.reduction(
        done,
        chunk=_unchanged,
        aggregate=_added,
        axis=0,
        split_every=GROUP,
        concatenate=False,
        dtype=object,
        meta=numpy.empty((), object),
    )


def _taken(done: Any, name: str, chunks: Chunks, axis: int | None, take: Any, *how: Any) -> Any:
    """Return an array of what is taken out of each object that was computed.

    Args:
        done: An array of the objects.
        name: What to call it.
        chunks: Its chunks.
        axis: Which of its axes is that of the objects; None if there is only one of them.
        take: Takes a NumPy array out of an object.
        *how: Further arguments for that.
    """
    import dask.array

    return dask.array.map_blocks(
        take,
        done,
        *how,
        token=name,
        new_axis=[place for place in range(len(chunks)) if place != axis] or None,
        chunks=chunks,
        dtype=numpy.float64,
        meta=numpy.empty((0,) * len(chunks)),
    )


def _sample(function: Function, batch: Batch) -> Batch:
    """Return the batch without its points, and with ones in the place of numbers that Dask has yet to compute."""
    arguments = copy.copy(batch.arguments)
    arguments.parts = [numpy.ones(part.shape) if is_dask_array(part) else part for part in arguments.parts]
    columns = [None if column is None else numpy.empty((0, *column.shape[1:])) for column in batch.columns]
    return Batch(function._signature, arguments, columns, 0)


def _dependence(function: Function, sample: Batch, recording: Recording) -> Sequence[bool]:
    """Return for each number of a result whether it may differ from point to point, as what was recorded has it."""
    count = recording.structure.count
    if recording.program.guards:  # on another way it may be another number
        return [True] * count
    numbers = Numbers(sample.numbers(0), sample.names, sample.shapes, sample.has_none)
    return BatchPath(recording, numbers, function._options, sample.batched).dependent_outputs()[:count]


class _Given(NamedTuple):
    """An array of Dask's that blocks are given of.

    Attributes:
        array: It, with whole axes but for the points.
        part: For which part of the arguments it is.
        is_column: Whether it has points, along its first axis; else each block is given all of it.
    """

    array: Any
    part: int
    is_column: bool


def _blocks(batch: Batch, name: str) -> list[_Given]:
    """Return the arrays of a batch with the points in the same blocks, those first that have points."""
    import dask.array

    chunks = _chunks([column for column in batch.columns if is_dask_array(column)], batch, name)
    columns, fixed = [], []
    for place, (part, column) in enumerate(zip(batch.arguments.parts, batch.columns, strict=True)):
        if column is not None:
            whole = column.shape[1:]
            if is_dask_array(column):
                array = column.rechunk({0: chunks, **dict.fromkeys(range(1, column.ndim), -1)})
            else:
                array = dask.array.from_array(column, chunks=(chunks, *whole))
            columns.append(_Given(array, place, True))
        elif is_dask_array(part):
            fixed.append(_Given(part.rechunk(-1), place, False))
    return [*columns, *fixed]


def _chunks(columns: list[Any], batch: Batch, name: str) -> tuple[int, ...]:
    """Return in blocks of how many points arrays with different ones can be divided."""
    import dask.array

    found: list[tuple[int, ...]] = [column.chunks[0] for column in columns]
    if not found:
        shape, dtype = next((column.shape, column.dtype) for column in batch.columns if column is not None)
        chunks: tuple[int, ...] = dask.array.core.normalize_chunks(("auto", *shape[1:]), shape, dtype=dtype)[0]
        return chunks
    if batch.count != batch.count:
        if len({*map(len, found)}) > 1:
            counts = " and ".join(str(len(each)) for each in found)
            raise ValueError(
                f"in vmap of {name}, the arrays of Dask's have {counts} blocks, which cannot be divided alike, as the "
                "numbers of points in them are not known: call their compute_chunk_sizes() before"
            )
        return found[0]
    if len({*found}) == 1:
        return found[0]
    bounds = numpy.unique([bound for each in found for bound in numpy.cumsum((0, *each)).tolist()])
    return tuple(numpy.diff(bounds).tolist())


def _bare(function: Function, arguments: Arguments) -> Arguments:
    """Return the arguments of one point without what comes block by block."""
    bare = copy.copy(arguments)
    is_static = function._signature.is_static
    bare.args = tuple(arg if is_static(place) else None for place, arg in enumerate(arguments.args))
    bare.kwargs = {name: arg if is_static(name) else None for name, arg in arguments.kwargs.items()}
    bare.parts = [None if is_dask_array(part) else part for part in arguments.parts]
    return bare


# In the process that computes a block


class Work:
    """What is done with each block.

    Args:
        shipped: The function.
        arguments: The arguments of one point, without what comes block by block.
        inputs: What comes: for each array for which part it is, and whether it has points.
        starts: Which point of all is the first one of each block; None if that is not known.
        structure: That of what the function returned at ones.
        differentiate: Whether derivatives by leaves are asked for.
    """

    def __init__(
        self,
        shipped: Shipped,
        arguments: Arguments,
        inputs: tuple[tuple[int, bool], ...],
        starts: tuple[int, ...] | None,
        structure: Structure,
        differentiate: bool,
    ) -> None:
        self.shipped = shipped
        self.arguments = arguments
        self.structure = structure
        self.differentiate = differentiate
        self._inputs = inputs
        self._starts = starts

    def batch(self, function: Function, place: int, blocks: Sequence[Any]) -> Batch:
        """Return the points of a block.

        Raises:
            TypeError: Its arrays are not such as Dask was told.
            ValueError: They do not have as many points.
        """
        name = function._signature.name
        arguments = copy.copy(self.arguments)
        arguments.parts = [*arguments.parts]
        columns: list[Any] = [None] * len(arguments.parts)
        for (part, is_column), block in zip(self._inputs, blocks, strict=True):
            array = numpy.asarray(block) if numpy.isscalar(block) else block
            if type(array) is not numpy.ndarray or array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
                raise TypeError(f"vmap of {name} was given a block that is not an array of numbers: {describe(block)}")
            if is_column:
                columns[part] = array
            else:
                arguments.parts[part] = array
        counts = [len(column) for column in columns if column is not None]
        if len({*counts}) > 1:
            raise ValueError(
                f"in vmap of {name}, all arguments must have as many points, but in block {place} they have "
                f"{' and '.join(map(str, counts))}"
            )
        first = 0 if self._starts is None else self._starts[place]
        return Batch(function._signature, arguments, columns, counts[0], first)

    def __dask_tokenize__(self) -> Any:
        known = (self.arguments.places, self.arguments.structures, self.arguments.parts, self.arguments.static)
        pickled = _pickled((known, self._inputs, self._starts, self.structure, self.differentiate))
        return self.shipped.token, hashlib.blake2b(pickled).hexdigest()


def do_block(work: Work, *blocks: Any) -> Any:
    """Call the function for the points of a block.

    Args:
        work: What is to be done.
        *blocks: The arrays that it takes, and then one that holds the number of the block.

    Returns:
        The parts of the results; or a `_Total`.
    """
    *arrays, place = blocks
    loaded = work.shipped.load()
    function = loaded.function
    options = function._options
    batch = work.batch(function, int(place[0]), arrays)
    # Dask has a thread for each core already.
    computed: Computed = function._compute(
        batch, dataclasses.replace(options, threads=options.threads or 1, progress=False), work.differentiate
    )
    if computed.results.structure != work.structure:
        raise TypeError(
            f"in vmap of {function._signature.name}, all points must have results of one structure, but those of "
            f"block {int(place[0])} are {computed.results.structure!r}, and at ones they are {work.structure!r}"
        )
    if options.reduce is None and not work.differentiate:
        return computed.results.parts()
    return loaded.total(batch, computed)


class _Total:
    """Sums over points.

    Args:
        count: How many points.
        numbers: The sums of the results, if these are folded, and of derivatives by Values among the arguments.
        slopes: The sums of derivatives by leaves, by their places among the Values of the function.
    """

    def __init__(self, count: int, numbers: Any, slopes: dict[int, float]) -> None:
        self.count = count
        self.numbers = numbers
        self.slopes = slopes

    def __add__(self, other: _Total) -> _Total:
        slopes = dict(self.slopes)
        for place, slope in other.slopes.items():
            slopes[place] = slopes[place] + slope if place in slopes else slope
        return _Total(self.count + other.count, self.numbers + other.numbers, slopes)


def _place(block_id: tuple[int, ...]) -> Any:
    return numpy.array(block_id)


def _part(parts: list[Any], place: int) -> Any:
    return numpy.asarray(parts[place])


def _unchanged(block: Any, axis: Any, keepdims: bool) -> Any:
    return block


def _added(totals: list[Any], axis: Any, keepdims: bool) -> Any:
    sums = NeighbourSums(len(totals))
    for place, total in enumerate(totals):
        sums.add(place, total)
    return sums.total


def _folded(total: _Total, start: int, shape: tuple[int, ...], reduce: str) -> Any:
    numbers = total.numbers[start : start + size_of(shape)]
    return numpy.array([finished(number, total.count, reduce) for number in numbers.tolist()]).reshape(shape)


# Between processes


class Loaded(NamedTuple):
    """A function as a process has it.

    Attributes:
        function: It.
        values: The Values to which it refers, in the order in which they were shipped.
    """

    function: Function
    values: list[Value]

    def total(self, batch: Batch, computed: Computed) -> _Total:
        """Return the sums of a call, with the derivatives by the places of leaves, which are the same everywhere."""
        # Whether a leaf to which no point refers is known here depends on what was computed before: a zero is a zero.
        sums = numpy.array(computed.sums) + 0.0
        known = {id(value): place for place, value in enumerate(self.values)}
        missing = [leaf for leaf in computed.leaves if id(leaf) not in known]
        if missing:
            raise RuntimeError(
                f"vmap of {self.function._signature.name} refers to {describe(missing[0])}, of which nothing was known "
                "when it was sent here: give it as an argument"
            )
        places = [known[id(leaf)] for leaf in computed.leaves]
        folded = len(sums) - len(places)
        return _Total(batch.count, sums[:folded], dict(zip(places, sums[folded:].tolist(), strict=True)))


class Shipped:
    """A function in a pickle, which each process loads once, so that all blocks share what has been compiled of it.

    Attributes:
        token: What stands for the function and the numbers of its Values.
        values: The Values to which it refers, where it comes from; none of them in other processes.
    """

    def __init__(self, token: str, pickled: bytes, values: list[Value]) -> None:
        self.token = token
        self.values = values
        self._pickled = pickled

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "values": []}

    def load(self) -> Loaded:
        """Return the function, as this process has it."""
        with _lock.here():
            loaded = _loaded.pop(self.token, None)
            if loaded is None:
                loaded = Loaded(*pickle.loads(self._pickled))
            _loaded[self.token] = loaded  # as the latest one
            while len(_loaded) > KEPT:
                del _loaded[next(iter(_loaded))]
            return loaded


_lock = LockOfOneProcess()
_loaded: dict[str, Loaded] = {}
_shipped: weakref.WeakKeyDictionary[Vmapped[..., Any], Shipped] = weakref.WeakKeyDictionary()


def ship(function: Function) -> Shipped:
    """Pickle a function with the numbers that its Values have now.

    Raises:
        TypeError: It refers to Values that would not go along.
    """
    from dask.base import tokenize

    with _lock.here():
        token = tokenize(function)
        known = _shipped.get(function)
        if known is None or known.token != token:
            look = Fingerprint(function)
            # What belongs to a module would be another Value where that is imported.
            with _by_value(look.modules if look.left else set()):
                pickled = _pickled((function, look.values))
            known = _shipped[function] = Shipped(token, pickled, look.values)
            if look.left:
                _require_copies(known, function._signature.name)
        return known


def _pickled(thing: Any) -> bytes:
    import cloudpickle

    pickled: bytes = cloudpickle.dumps(thing)
    return pickled


@contextlib.contextmanager
def _by_value(names: set[str]) -> Iterator[None]:
    """Have functions and classes of modules pickled with all that they refer to, and not by their names."""
    import cloudpickle

    modules = [sys.modules[name] for name in names & sys.modules.keys() if name != "__main__"]
    modules = [module for module in modules if module.__name__ not in cloudpickle.list_registry_pickle_by_value()]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _require_copies(shipped: Shipped, name: str) -> None:
    """Raise if a function that was pickled still refers to Values of this process."""
    there = {id(value) for value in Fingerprint(pickle.loads(shipped._pickled)[0]).values}
    staying = [value for value in shipped.values if id(value) in there]
    if staying:
        raise TypeError(
            f"vmap of {name} refers to {describe(staying[0])} by a module, which has another one in other processes: "
            "give it as an argument, or let the function be a method of an object that has it"
        )
