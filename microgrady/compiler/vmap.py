"""vmap: a function of one point, run at all points of a batch. The options, and how batched functions behave."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    overload,
)

from microgrady.compiler.axes import Axes
from microgrady.compiler.options import Reduce, checked, checked_for_batches, require_function, static_names
from microgrady.compiler.signature import Signature
from microgrady.compiler.vmapped import Vmapped
from microgrady.introspection import name_of
from microgrady.tracebacks import entrance
from microgrady.value import Value

if TYPE_CHECKING:
    from microgrady.transforms import Derivative
    from microgrady.typed import Array

P = ParamSpec("P")
R = TypeVar("R")


class Options(TypedDict, total=False):
    """The options of `vmap` that say nothing of types."""

    exact: bool
    threads: int | None
    progress: bool
    static_argnames: str | Iterable[str]
    max_paths: int
    optimize: bool | None
    cache: str | os.PathLike[str] | None


class Batching(Protocol):
    """What `vmap` is without a function: a decorator."""

    @overload
    def __call__(self, function: Derivative[P, float], /) -> Vmapped[..., Array]: ...
    @overload
    def __call__(self, function: Derivative[P, Any], /) -> Vmapped[..., Any]: ...
    @overload
    def __call__(self, function: Callable[..., float | Value], /) -> Vmapped[..., Array]: ...
    @overload
    def __call__(self, function: Callable[..., Any], /) -> Vmapped[..., Any]: ...


class Folding(Protocol):
    """The same, where the results are folded."""

    @overload
    def __call__(self, function: Derivative[P, R], /) -> Vmapped[..., R]: ...
    @overload
    def __call__(self, function: Callable[..., Value], /) -> Vmapped[..., float]: ...
    @overload
    def __call__(self, function: Callable[..., R], /) -> Vmapped[..., R]: ...


@overload
def vmap(
    function: Derivative[P, float],
    in_axes: Any = 0,
    out_axes: Any = 0,
    reduce: None = None,
    **options: Unpack[Options],
) -> Vmapped[..., Array]: ...
@overload
def vmap(
    function: Derivative[P, Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    reduce: None = None,
    **options: Unpack[Options],
) -> Vmapped[..., Any]: ...
@overload
def vmap(
    function: Callable[..., float | Value],
    in_axes: Any = 0,
    out_axes: Any = 0,
    reduce: None = None,
    **options: Unpack[Options],
) -> Vmapped[..., Array]: ...
@overload
def vmap(
    function: Derivative[P, R],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    reduce: Literal["sum", "mean"],
    **options: Unpack[Options],
) -> Vmapped[..., R]: ...
@overload
def vmap(
    function: Callable[..., Value],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    reduce: Literal["sum", "mean"],
    **options: Unpack[Options],
) -> Vmapped[..., float]: ...
@overload
def vmap(
    function: Callable[..., R],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    reduce: Literal["sum", "mean"],
    **options: Unpack[Options],
) -> Vmapped[..., R]: ...
@overload
def vmap(
    function: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    reduce: Reduce = None,
    **options: Unpack[Options],
) -> Vmapped[..., Any]: ...
@overload
def vmap(
    function: None = None,
    in_axes: Any = 0,
    out_axes: Any = 0,
    reduce: None = None,
    **options: Unpack[Options],
) -> Batching: ...
@overload
def vmap(
    function: None = None,
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    reduce: Literal["sum", "mean"],
    **options: Unpack[Options],
) -> Folding: ...
@entrance
def vmap(
    function: Callable[..., Any] | None = None,
    in_axes: Any = 0,
    out_axes: Any = 0,
    reduce: Reduce = None,
    *,
    exact: bool = False,
    threads: int | None = None,
    progress: bool = False,
    static_argnames: str | Iterable[str] = (),
    max_paths: int = 64,
    optimize: bool | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Any:
    """The function at many points at once, as machine code. `Vmapped` tells how it behaves.

    The function is written for one point: it sees floats, and arrays of the remaining shape. It runs for all points in
    vectors of several numbers and on all cores; `if`, `while` and `for` stay as they are.

    Args:
        function: A function such as `jit` takes. Without it, a decorator.
        in_axes: The axis along which the points are, in each array among the arguments; None for arguments that are
            the same for all points. One for all of the arguments that are given by position, or a tuple with one for
            each, which may be nested as the argument is. Arguments that are given by name have their points along
            axis 0.
        out_axes: The axis along which the points are to be in each array of the results; or nested as these are. None
            for what is the same for all points.
        reduce: "sum" or "mean" for the sum or the mean over all points, without an array of what is added; in an order
            that does not depend on the number of cores.
        exact: Whether results are to have the bits of the interpreted function. Else the C library's vector functions
            are used, whose results are within 4 units in the last place.
        threads: In how many threads it runs; None for as many as there are cores that the process may use, if there is
            enough to do. Results do not depend on it.
        progress: Whether a bar shows how far it is (with tqdm).
        static_argnames: As for `jit`. These have no points.
        max_paths: As for `jit`. Points that take another way are interpreted, with a warning.
        optimize: As for `jit`.
        cache: As for `jit`.

    Returns:
        A `Vmapped` function. Its arguments are arrays of numbers of any type that float64 holds, lists of numbers,
        pandas' Series and DataFrames, anything of which NumPy makes an array, and structures of these; it gives
        float64 arrays in the structure of the results. Called on Values, and inside `grad` or another `jit` or `vmap`,
        it runs the function point by point, and so is differentiable as it is. `backward` adds derivatives to leaves;
        `paths`, `llvm_ir`, `to_c` and `graph` show what was compiled.

    Raises:
        TypeError: `function` cannot be called, or an option has a wrong type.
        ValueError: An option has a value that is not allowed, `static_argnames` names no parameter, or `out_axes` is
            given together with `reduce`.
        PermissionError: As for `jit`.

    Example:
        >>> import microgrady as mg
        >>> import numpy as np
        >>> def halvings(x, limit):
        ...     count = 0
        ...     while x > limit:
        ...         x = x / 2
        ...         count += 1
        ...     return x + count
        >>> mg.vmap(halvings, in_axes=(0, None))(np.array([6.0, 100.0, 0.5]), 1.0).tolist()
        [3.75, 7.78125, 0.5]
        >>> slopes = mg.vmap(mg.grad(lambda p, t: p["a"] * mg.exp(p["b"] * t)), in_axes=(None, 0))
        >>> slopes({"a": 2.0, "b": 0.0}, [1.0, 2.0, 3.0])
        {'a': array([1., 1., 1.]), 'b': array([2., 4., 6.])}
        >>> mg.vmap(mg.grad(lambda w, x, y: (w * x - y) ** 2), in_axes=(None, 0, 0), reduce="mean")(1.0, [1, 2], [2, 4])
        -5.0
    """
    static = static_names(static_argnames)
    options = checked_for_batches(checked(max_paths, optimize, cache), reduce, exact, threads, progress)
    axes = Axes(in_axes, out_axes)
    if reduce is not None and axes.outputs != 0:
        raise ValueError(f"with reduce={reduce!r} results have no axis of points: leave out_axes={out_axes!r} out")
    if function is None:
        given = {"exact": exact, "threads": threads, "progress": progress, "static_argnames": static}
        compiling = {"max_paths": max_paths, "optimize": optimize, "cache": cache}
        return functools.partial(
            vmap,
            in_axes=in_axes,
            out_axes=out_axes,
            reduce=reduce,
            **given,
            **compiling,
        )
    require_function(function, static, "vmap")
    return Vmapped(function, Signature(function, name_of(function), static, "vmap"), options, axes)
