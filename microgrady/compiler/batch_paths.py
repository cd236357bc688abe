"""The paths of a function of many points: how they are recorded, and how they are shown."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from microgrady.compiler.axes import Axes
from microgrady.compiler.backends.c_batch import batch_source
from microgrady.compiler.backends.host import binding
from microgrady.compiler.backends.worker import run_in_worker
from microgrady.compiler.batch_path import BatchPath
from microgrady.compiler.branches import ROOT, Branches, Fork
from microgrady.compiler.c_trees import tree_of
from microgrady.compiler.methods import BoundMethod
from microgrady.compiler.options import BatchOptions
from microgrady.compiler.points import Batch, batch_of
from microgrady.compiler.pointwise import note_point, require_like
from microgrady.compiler.programs.program import Guard
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.signature import Numbers, Signature
from microgrady.compiler.with_paths import WithPaths
from microgrady.tracing import is_input_elsewhere, runs
from microgrady.trees import Structure
from microgrady.value import Value

P = ParamSpec("P")
R = TypeVar("R")


class WithBatchPaths(WithPaths[P, R, BatchPath]):
    """A function of which paths are compiled for many points.

    Args:
        function: The function.
        signature: Its parameters.
        options: How to compile it.
        axes: Where the points are in its arguments and results.

    Attributes:
        points_interpreted: How many points were interpreted, in all calls, as no path was kept for them.
    """

    made_here = WithPaths.made_here | {"_known_leaves", "points_interpreted"}
    transform = "vmap"

    points_interpreted: int
    _options: BatchOptions
    _axes: Axes

    def __init__(
        self, function: Callable[P, R], signature: Signature, options: BatchOptions, axes: Axes | None = None
    ) -> None:
        self._axes = axes or Axes()
        super().__init__(function, signature, options)

    def _made_of(self, function: Callable[..., Any]) -> Any:
        name, static = self._signature.name, self._signature.static
        return type(self)(function, Signature(function, name, static, self.transform), self._options, self._axes)

    def _restore(self, parts: dict[str, Any]) -> None:
        super()._restore(parts)
        self.points_interpreted = 0
        # By the signature, those that `backward` adds to: in what is recorded later they come first.
        self._known_leaves: dict[Any, list[Value]] = {}

    def __repr__(self) -> str:
        if not self.points_interpreted:
            return super().__repr__()
        return f"{super().__repr__().removesuffix('>')}, {self.points_interpreted:,} points interpreted>"

    def to_c(self, name: str = "compiled") -> str:
        """Return the program as C99: a function over arrays.

        It gives the bits of `exact=True` when compiled by `cc -std=c99 -O2 -ffp-contract=off`, with `-lm`; with
        `-fopenmp` on all cores, and still the same bits. There is one function for each structure of the arguments
        with which this was called; from the second on, `_2` and so on are appended to the name:

            ptrdiff_t compiled(ptrdiff_t count, const double *const *in, const ptrdiff_t *in_strides,
                const double *fixed, double *const *out, const ptrdiff_t *out_strides, int *path)

        It does `count` points. Number `k` of point `i` is `in[k][i * in_strides[k]]`; `fixed` has the numbers that
        are the same for all points, and then the data of the leaves that the function refers to. Result `k` of point
        `i` goes to `out[k][i * out_strides[k]]`; with `reduce` there are `double *sums` (or `means`) instead of `out`
        and `out_strides`, and for what `backward` has compiled besides `out`. A comment says which number is what.
        Arrays that no number is in may be NULL.

        Which of `paths` each point took is put to `path`, counted from 1, unless that is NULL: 0 for those that take
        a way that has not been met yet. These have no results, nor are they in the sums. What comes back is how many
        they are; or -1 if there is no memory, and then nothing was done.

        Args:
            name: What to call the function.

        Raises:
            ValueError: `name` is not an identifier or is C's own, such as exp; or nothing has been compiled yet.
            NotImplementedError: An operation has no form in C: gamma and its relatives, and users' primitives.

        Example:
            >>> import microgrady as mg
            >>> size = mg.vmap(lambda x: x if x > 0 else -x)
            >>> size([3.0, -2.0]).tolist()
            [3.0, 2.0]
            >>> "out[0][i * out_strides[0]] = results[0];" in size.to_c("size")
            True
        """
        self._compiled()
        known = self._branches.items()
        return batch_source([tree_of(branches, key[-1], self._options.reduce) for key, branches in known], name)

    def graph(self, /, *args: Any, **kwargs: Any) -> list[Value]:
        """Return the simplified program at the first point as a graph of Values, for `draw`.

        Returns:
            The Values that the result of that point is made of, in order.

        Raises:
            ValueError: There are no points.
        """
        if args and self._is_method_of(args[0]):
            method: BoundMethod[..., Any] = BoundMethod(self, args[0])
            return method.graph(*args[1:], **kwargs)
        batch = batch_of(self._signature, self._axes, args, kwargs)
        if not batch.count:
            raise ValueError(f"vmap of {self._signature.name} has no point to show the graph of")
        numbers, fork = batch.numbers(0), ROOT
        while True:
            path = self._onward(batch, fork, 0)
            if path is None:
                raise RuntimeError(
                    f"vmap of {self._signature.name} interprets the first point: "
                    f"max_paths={self._options.max_paths} are compiled"
                )
            found = path.program.evaluate([*numbers, *(leaf._number for leaf in path.leaves)])
            if not isinstance(found, Guard):
                return path.graph(numbers)
            fork = Fork(path, 1 + [guard for _, guard in path.program.guards].index(found))

    def _onward(self, batch: Batch, fork: Fork, point: int) -> BatchPath | None:
        """Return the path that goes on from a fork, recorded at a point if there is none; None if none is kept."""
        key = self._key(batch)
        with self._lock.here():
            branches = self._branches.get(key) or Branches()
            found = branches.onward(fork)
            return found or self._keep(batch, branches, fork, self._record(batch, branches, False, point))

    def _key(self, batch: Batch) -> Any:
        return batch.arguments.key

    def _first(self, batch: Batch, differentiate: bool) -> tuple[Branches[BatchPath], Structure, int] | None:
        """Return the paths, what the first one returns and how many numbers that is; record it if there is none.

        Without points, nothing is kept.
        """
        __tracebackhide__ = True
        key = self._key(batch)
        branches = self._branches.get(key) or Branches()
        first = branches.first
        if first is None:
            with self._lock.here():
                branches = self._branches.get(key) or branches
                first = branches.first
                if first is None:
                    run_in_worker(binding)  # so that what is missing is said before the function runs
                    recording = self._record(batch, branches, differentiate, 0)
                    if runs and is_input_elsewhere(recording.leaves):
                        return None
                    if not batch.count:
                        return branches, recording.structure, len(recording.results)
                    first = self._keep(batch, branches, ROOT, recording)
                    assert first is not None  # as the first one always is
        return branches, first.structure, len(first.program.outputs)

    def _leaves_of(self, key: Any) -> list[Value]:
        """Return the leaves from outside by which paths of a signature are differentiated."""
        known = self._known_leaves.get(key)
        if known is None:
            paths = self._branches[key].paths if key in self._branches else []
            found = [path.leaves[: len(path.structure.children[1].children) - len(key[-1])] for path in paths]
            known = self._known_leaves[key] = max(found, key=len, default=[])
        return known

    def _record(
        self,
        batch: Batch,
        branches: Branches[BatchPath],
        differentiate: bool,
        point: int,
        decided: Sequence[bool] = (),
    ) -> Recording:
        """Run the function on Values at a point, and return what it did.

        How the first comparisons come out can be `decided`.
        """
        __tracebackhide__ = True
        name, key = self._signature.name, self._key(batch)
        function = functools.partial(batch.arguments.call, self._function)
        wanted = batch.arguments.differentiated if differentiate else None
        known = self._leaves_of(key) if differentiate else ()
        try:
            numbers = batch.numbers(point)
            recording = Recording(function, name, numbers, wanted, batch.has_none, "vmap", known, decided)
        except Exception as error:
            note_point(error, batch, point, name)
            raise
        if branches.first is not None:
            found, first = recording.structure, branches.first.structure
            if differentiate:  # by how many leaves depends on the path
                found, first = found.children[0], first.children[0]
            require_like(found, first, point, 0, name)
        if wanted is not None:
            slopes = len(recording.results) - 1 - len(wanted)
            if slopes > len(known):
                self._known_leaves[key] = recording.leaves[:slopes]
        return recording

    def _keep(self, batch: Batch, branches: Branches[BatchPath], fork: Fork, recording: Recording) -> BatchPath | None:
        """Compile what was recorded for the points that come to a fork; return None if there are too many paths."""
        if len(branches.paths) >= self._options.max_paths:
            return None
        numbers = Numbers(batch.numbers(0) if batch.count else [], batch.names, batch.shapes, batch.has_none)
        path = BatchPath(recording, numbers, self._options, batch.batched)
        self._branches.setdefault(self._key(batch), branches).add(fork, path)
        return path
