"""A function that runs for many points at once, as machine code."""

from __future__ import annotations

import functools
import warnings
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Self, TypeVar, overload

from microgrady.compiler.batch_path import BatchPath
from microgrady.compiler.batch_paths import WithBatchPaths
from microgrady.compiler.branches import Branches
from microgrady.compiler.fold import finished, fold
from microgrady.compiler.methods import BoundMethod
from microgrady.compiler.options import BatchOptions
from microgrady.compiler.points import Batch, batch_of
from microgrady.compiler.pointwise import pointwise
from microgrady.compiler.results import Results
from microgrady.inputs import describe
from microgrady.leaves import add_gradients
from microgrady.traced import as_value
from microgrady.tracing import run_here, runs
from microgrady.trees import NUMBER, detach, flatten
from microgrady.value import Value

SUMMED = 4  # kinds of batches for whose sums memory is kept

P = ParamSpec("P")
R = TypeVar("R")

if TYPE_CHECKING:
    from microgrady.compiler.summed import SummedBatch

FastCalls = tuple[tuple[Any, Callable[..., Any]], ...]


class Computed(NamedTuple):
    """What came of a call.

    Attributes:
        results: The results that are not added up, in their places.
        sums: The sums of the others over all points; the last ones are derivatives, if these were asked for.
        leaves: The leaves from outside by which the last ones of the derivatives are.
    """

    results: Results
    sums: list[float]
    leaves: Sequence[Value]


class Vmapped(WithBatchPaths[P, R]):
    """A function that runs for many points at once, as `vmap` makes it.

    At the first call the function is recorded at the first point, as `jit` records it, and compiled for vectors of 4
    or 8 points. Comparisons on the way become guards that each point has for itself: those for which another way is
    taken are gathered, and what happens on it is recorded and compiled as well. So `if` and `while` work as they are.
    Each point has the result that the function has for it, whichever points are beside it; the functions of the C
    library, such as `exp`, may differ from the interpreted ones by 4 units in the last place, unless `exact` is asked
    for. Sums have the same bits whatever the number of threads.

    Values from outside, such as the parameters of a model, are read at each call. It composes: `vmap(grad(f))`,
    `vmap(vmap(f))`; inside `grad`, `jit` or another `vmap`, and called on Values, the function itself runs, point by
    point. It pickles as `jit` does.

    Arrays of Dask's among the arguments give arrays of Dask's, to be computed block by block, on a cluster if there is
    one. The function runs at ones first, which shows the shapes of its results; Values go along with the numbers that
    they have then. `backward` computes at once.

    Example:
        >>> import microgrady as mg
        >>> size = mg.vmap(lambda x: x if x > 0 else -x)
        >>> size([3.0, -2.0, 1.0]).tolist()
        [3.0, 2.0, 1.0]
        >>> [(path.guards, path.points) for path in size.paths]
        [(('x > 0',), 2), (('not x > 0',), 1)]
    """

    made_here = WithBatchPaths.made_here | {"_fastcalls", "_summed"}

    def _restore(self, parts: dict[str, Any]) -> None:
        super()._restore(parts)
        # For small batches like the latest ones, without Python code; each with what its arguments are.
        self._fastcalls: FastCalls = ()
        # For `backward` of batches like the latest ones.
        self._summed: tuple[SummedBatch, ...] = ()

    if TYPE_CHECKING:  # as a method, too, it takes points of whatever the function takes

        @overload  # type: ignore[override]
        def __get__(self, instance: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type | None = None) -> BoundMethod[..., R]: ...
        def __get__(self, instance: Any, owner: type | None = None) -> Any: ...

    def __call__(self, /, *args: Any, **kwargs: Any) -> R:
        """Return what the function returns for all points, in arrays.

        Raises:
            TypeError: An argument is not made of numbers, or the function returns something else than numbers, or
                turns a Value into a plain number, which would become a constant.
            ValueError: Arguments do not have the axes that are asked for, or not as many points.
            ImportError: llvmlite is not installed.
        """
        results: R
        if not kwargs and not (runs and run_here()):
            for _, fastcall in self._fastcalls:
                found = fastcall(*args)
                if found is not float:
                    results = found
                    return results
        __tracebackhide__ = True  # here, where it costs fast calls nothing
        if args and self._is_method_of(args[0]):
            method: BoundMethod[..., R] = BoundMethod(self, args[0])
            return method(*args[1:], **kwargs)
        batch = batch_of(self._signature, self._axes, args, kwargs)
        if batch.is_lazy:
            from microgrady.compiler import cluster

            lazily: R = cluster.call(self, batch)
            return lazily
        is_pointwise = (runs and run_here()) or batch.holds_values or batch.values
        results = self._pointwise(batch) if is_pointwise else self._run(batch)
        return results

    def backward(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the function and its backward pass for all points.

        Args:
            *args: The function's arguments. Values are allowed among those that are the same for all points.
            **kwargs: Those that are given by name.

        Returns:
            The values of all points; or their sum or mean, as `reduce` says. The derivatives of their sum, or of their
            mean, are added to the `grad` of the leaves that the function refers to and of the Values among the
            arguments.

        Raises:
            TypeError: The function does not return one number, or as for a call.

        Example:
            >>> import microgrady as mg
            >>> w = mg.Value(2.0)
            >>> loss = mg.vmap(lambda x, y: (w * x - y) ** 2, reduce="mean")
            >>> loss.backward([1.0, 2.0], [1.0, 1.0]), w.grad
            (5.0, 7.0)
        """
        if not kwargs and not runs:
            for summed in self._summed:
                total = summed.backward(args)
                if total is not None:
                    return total
        __tracebackhide__ = True
        if args and self._is_method_of(args[0]):
            method: BoundMethod[..., Any] = BoundMethod(self, args[0])
            return method.backward(*args[1:], **kwargs)
        batch = batch_of(self._signature, self._axes, args, kwargs, differentiate=True)
        if batch.is_lazy:
            from microgrady.compiler import cluster

            return cluster.backward(self, batch)
        values = [*batch.values.values()]
        if (runs and run_here()) or batch.holds_values or any(value._primitive is not None for value in values):
            return self._backward_pointwise(batch)
        return self._run(batch, differentiate=True)

    def _pointwise(self, batch: Batch) -> Any:
        __tracebackhide__ = True
        return pointwise(self._function, batch, self._axes.outputs, self._options.reduce, self._signature.name)

    def _backward_pointwise(self, batch: Batch) -> Any:
        """Run the function and its backward pass on Values, point by point."""
        __tracebackhide__ = True
        name, reduce = self._signature.name, self._options.reduce
        found = self._pointwise(batch)
        outputs, structure = flatten(found, f"the result of {name}")
        if structure is not NUMBER and (structure.kind is not None or len(structure.shape or ()) != 1):
            raise TypeError(
                f"backward needs a function that returns one number, but vmap of {name} gave {describe(found)}"
            )
        as_value(outputs[0] if reduce is not None else fold(outputs, "sum")).backward()
        return detach(found)

    def _run(self, batch: Batch, differentiate: bool = False) -> Any:
        """Run the function for all points, and put the results, or what they come to, in their structure."""
        __tracebackhide__ = True
        reduce = self._options.reduce
        if differentiate and reduce is not None:
            total = self._sum(batch)
            if total is not None:
                return total
        computed = self._compute(batch, self._options, differentiate)
        if computed is None:  # another thread differentiates or records by what the function uses
            self.points_interpreted += batch.count
            return self._backward_pointwise(batch) if differentiate else self._pointwise(batch)
        results, sums, leaves = computed
        if reduce is not None:
            sums = [finished(total, batch.count, reduce) for total in sums]
        if differentiate:
            leaves = [*batch.values.values(), *leaves]
            add_gradients(leaves, array("d", sums[len(sums) - len(leaves) :]))
        return results.assemble() if reduce is None else results.assemble_reduced(sums[: results.structure.count])

    def _sum(self, batch: Batch) -> float | None:
        """Run the function and its backward pass for a batch whose sum or mean is asked for.

        Returns:
            The sum or the mean; None if it must be found in another way.
        """
        __tracebackhide__ = True
        from microgrady.compiler.summed import SummedBatch, is_possible

        found = self._first(batch, differentiate=True) if batch.count else None
        if found is None:
            return None
        branches, structure, _ = found
        outputs = 1 + len(batch.values) + len(self._leaves_of(self._key(batch)))
        if structure.children[0] is not NUMBER or not is_possible(branches, outputs):
            return None
        first = branches.first
        assert first is not None
        for summed in self._summed:
            total = summed.backward_of(batch) if summed.path is first else None
            if total is not None:
                return total
        summed = SummedBatch(first, batch, self._axes, self._options)
        self._summed = (summed, *self._summed[: SUMMED - 1])
        return summed.backward_of(batch)

    def _compute(self, batch: Batch, options: BatchOptions, differentiate: bool = False) -> Computed | None:
        """Run the paths that the points take, and record and compile those that there are not yet.

        Returns:
            What came of it; None if other threads do with leaves what does not allow it.
        """
        __tracebackhide__ = True
        from microgrady.compiler.batches import MoreLeavesError  # it needs NumPy, which may not be installed

        while True:
            try:
                return self._compute_once(batch, options, differentiate)
            except MoreLeavesError:  # now there are more leaves that it knows of
                continue

    def _compute_once(self, batch: Batch, options: BatchOptions, differentiate: bool) -> Computed | None:
        """Do the same.

        Raises:
            MoreLeavesError: The function has turned out to refer to more leaves, by which to differentiate.
        """
        __tracebackhide__ = True
        from microgrady.compiler import batch_worker
        from microgrady.compiler.batches import BatchCall
        from microgrady.compiler.small_batches import is_one_of_many, latest_fastcalls

        name = self._signature.name
        found = self._first(batch, differentiate)
        if found is None:
            return None
        branches, structure, outputs = found
        leaves: Sequence[Value] = ()
        if differentiate:
            leaves = self._leaves_of(self._key(batch))
            structure, outputs = structure.children[0], 1 + len(batch.values) + len(leaves)
        results = Results(structure, self._axes.outputs, batch.count, options.reduce, name)
        call = BatchCall(
            batch,
            branches,
            functools.partial(self._record, batch, branches, differentiate),
            functools.partial(self._keep, batch, branches),
            self._lock.here(),
            results,
            outputs,
        )
        if batch.count:
            batch_worker.run(call, name, options.threads, options.progress)
            self.points_interpreted += call.alone
            if call.interpreted:
                warnings.warn(
                    f"vmap of {name} has compiled max_paths={options.max_paths} paths; points that take another one "
                    "are interpreted",
                    RuntimeWarning,
                    stacklevel=5,
                )
            if options is self._options and not differentiate and is_one_of_many(call):
                self._fastcalls = latest_fastcalls(self._fastcalls, call, self._axes, options.reduce, name)
        if results.has_fixed:
            results.require_independent(_dependence(branches, results))
        return Computed(results, call.total, leaves)


def _dependence(branches: Branches[BatchPath], results: Results) -> Sequence[bool]:
    """Return for each number of a result whether it differs from point to point, or may do so on one of the paths."""
    on_paths = [path.dependent_outputs()[: results.structure.count] for path in branches.paths]
    if len(on_paths) == 1:
        return on_paths[0]
    return [any(flags) for flags in zip(results.differences(), *on_paths, strict=True)]
