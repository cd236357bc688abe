"""Small batches: which built-in functions do what calls did, for the next ones like them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from microgrady.compiler.axes import Axes
from microgrady.compiler.backends.batch_fastcall import BatchArgument, BatchForm
from microgrady.compiler.batches import BatchCall
from microgrady.compiler.options import Reduce

KINDS = 4  # of arguments whose built-in functions are tried, one after the other

Entry = tuple[tuple[BatchArgument, ...], Callable[..., Any]]  # what the arguments are, and the function


def is_one_of_many(call: BatchCall) -> bool:
    """Return whether a built-in function would pay for calls like one that has been done.

    It is for few points, and nothing is made ready for it at the first call, which should not take longer.
    """
    return 0 < call.batch.count <= call.few() and call.first.points > call.batch.count


def latest_fastcalls(
    known: tuple[Entry, ...], call: BatchCall, axes: Axes, reduce: Reduce, name: str
) -> tuple[Entry, ...]:
    """Return the built-in functions for arguments like those of the latest calls, the latest one first.

    There are some for floats and arrays by position that have their points, as the results do, along the first axis.
    Where points have left the path that all try there is none: it would have worked in vain.

    Args:
        known: Those for the calls before.
        call: The latest call.
        axes: Where the points are.
        reduce: Whether the results are added up.
        name: What messages call the function.
    """
    arguments = _arguments_of(call, axes, name)
    if arguments is None or (reduce is None and axes.outputs != 0):
        return known
    others = tuple(entry for entry in known if entry[0] != arguments)
    path = call.first
    if call.splits or not path.is_vectorized:
        return others
    form = BatchForm(arguments, len(path.leaves), path.structure, reduce)
    fastcall = path.fastcall_of(form, call.pattern(path, False), call.pattern(path, True), call.few())
    return others if fastcall is None else ((arguments, fastcall), *others[: KINDS - 1])


def _arguments_of(call: BatchCall, axes: Axes, name: str) -> tuple[BatchArgument, ...] | None:
    """Return what the arguments are for a built-in function; None if it does not take them."""
    batch = call.batch
    args = batch.arguments.args
    if batch.arguments.kwargs or len(args) != len(batch.columns):
        return None
    found = []
    for place, (arg, given) in enumerate(zip(args, call.inputs, strict=True)):
        axis = axes.of(place, len(args), name)
        if type(arg) is numpy.ndarray:
            is_first = axis is None or (type(axis) is int and axis in (0, -arg.ndim))
            if given.is_staged or not is_first:
                return None
        elif type(arg) is not float:
            return None
        found.append(BatchArgument(batch.shapes[place], given.access))
    return tuple(found)
