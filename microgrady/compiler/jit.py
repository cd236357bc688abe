"""jit: machine code for functions of numbers. The options, and how compiled functions behave."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar, overload

from microgrady.compiler.compiled import Jitted
from microgrady.compiler.options import checked, require_function, static_names
from microgrady.compiler.signature import Signature
from microgrady.introspection import name_of
from microgrady.tracebacks import entrance

P = ParamSpec("P")
R = TypeVar("R")


@overload
def jit(
    function: Callable[P, R],
    *,
    static_argnames: str | Iterable[str] = (),
    max_paths: int = 64,
    optimize: bool | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Jitted[P, R]: ...


@overload
def jit(
    function: None = None,
    *,
    static_argnames: str | Iterable[str] = (),
    max_paths: int = 64,
    optimize: bool | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Callable[[Callable[P, R]], Jitted[P, R]]: ...


@entrance
def jit(
    function: Callable[..., Any] | None = None,
    *,
    static_argnames: str | Iterable[str] = (),
    max_paths: int = 64,
    optimize: bool | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Any:
    """The function as machine code: the same arguments, the same numbers. `Jitted` tells how it behaves.

    Args:
        function: A function of numbers, or of such structures of them as `grad` takes, that returns the same. Without
            it, a decorator.
        static_argnames: The names of arguments that are not numbers to calculate with: sizes, options. They must be
            hashable, and the function is recorded anew for each value.
        max_paths: How many ways through the function are compiled, for each structure of the arguments; others are
            interpreted, with a warning.
        optimize: Whether LLVM's full effort is spent; None: for up to 2,000 operations, of which those in a loop count
            once. False: all is compiled as it was recorded, without a search for loops.
        cache: A folder that keeps machine code for later processes; None for none. It must be the user's own, and no
            others may write to it, as its files are run. They are signed with a key that `jit` makes for the user
            (`~/.local/state/microgrady/key`); what is not is compiled anew.

    Returns:
        A `Jitted` function. `backward` adds derivatives to leaves; `paths`, `llvm_ir`, `to_c` and `graph` show
        what was compiled.

    Raises:
        TypeError: `function` cannot be called or an option has a wrong type.
        ValueError: `static_argnames` names no parameter, or `max_paths` is below 1.
        PermissionError: The folder `cache` belongs to another user, or others can write to it.

    Example:
        >>> import microgrady as mg
        >>> @mg.jit
        ... def halvings(x):
        ...     count = 0
        ...     while x > 1:
        ...         x = x / 2
        ...         count += 1
        ...     return x + count
        >>> halvings(6.0), halvings(100.0)
        (3.75, 7.78125)
        >>> squares = mg.jit(lambda x: sum(k * x[k] ** 2 for k in range(len(x))))
        >>> squares([1.0] * 100), squares.paths[0].loops, squares.paths[0].operations > squares.paths[0].operations_kept
        (4950.0, 1, True)
        >>> mg.jit(mg.grad(lambda p: p[0] ** 2 * p[1]))([2.0, 3.0])
        [12.0, 4.0]
    """
    static = static_names(static_argnames)
    options = checked(max_paths, optimize, cache)
    if function is None:
        return functools.partial(jit, static_argnames=static, max_paths=max_paths, optimize=optimize, cache=cache)
    require_function(function, static, "jit")
    return Jitted(function, Signature(function, name_of(function), static), options)
