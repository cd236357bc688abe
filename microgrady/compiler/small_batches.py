"""Small batches: which built-in function does what a call did, for the next ones like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from microgrady.compiler.axes import Axes
from microgrady.compiler.backends.batch_fastcall import BatchArgument, BatchForm
from microgrady.compiler.batches import BatchCall
from microgrady.compiler.options import Reduce


def is_small(call: BatchCall) -> bool:
    """Return whether there may be a built-in function for as many points as a call had."""
    return 0 < call.batch.count <= call.few()


def fastcall_of(call: BatchCall, axes: Axes, reduce: Reduce, name: str) -> Callable[..., Any] | None:
    """Return a built-in function for arguments like those of a call that has been done; None if there is none.

    There is one for floats and arrays by position that have their points, as the results do, along the first axis.

    Args:
        call: The call.
        axes: Where the points are.
        reduce: Whether the results are added up.
        name: What messages call the function.
    """
    path = call.first
    if call.splits or not path.is_vectorized or (reduce is None and axes.outputs != 0):
        return None
    arguments = _arguments_of(call, axes, name)
    if arguments is None:
        return None
    form = BatchForm(arguments, len(path.leaves), path.structure, reduce)
    return path.fastcall_of(form, call.pattern(path, False), call.pattern(path, True), call.few())


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
            if given.is_staged or (axis is not None and not _is_first(axis, arg.ndim)):
                return None
        elif type(arg) is not float:
            return None
        found.append(BatchArgument(batch.shapes[place], given.access))
    return tuple(found)


def _is_first(axis: Any, count: int) -> bool:
    """Return whether this is the first one of so many axes."""
    return type(axis) is int and axis in (0, -count)
