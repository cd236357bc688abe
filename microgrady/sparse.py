"""Jacobians and hessians as sparse matrices, of which the zeros are never made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microgrady.differentiation import differentiate
from microgrady.elimination import Elimination
from microgrady.matrices import Pattern, RecordedMatrix, require_scipy
from microgrady.selection import Selection
from microgrady.traced import Traced, one_number
from microgrady.tracing import Recorder, recorder_of, run_here
from microgrady.trees import flatten, make_array
from microgrady.value import Value


def sparse_jacobian(
    function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return the derivatives of all numbers that a function returns, as a sparse matrix."""
    run = _traced("jacobian", function, selection, args, kwargs)
    outputs = flatten(run.output, f"the result of {run.name}", none=run.structure.has_none)[0]
    return run.with_aux(_matrix("jacobian", run, outputs, _is_recorded("jacobian", run, outputs)))


def sparse_hessian(
    function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return the second derivatives of a function of which one number comes out, as a sparse matrix."""
    run = _traced("hessian", function, selection, args, kwargs)
    output = one_number(run.output, run.name, "hessian", "; jacobian takes functions that return several")
    recorded = _is_recorded("hessian", run, [output])
    slopes = differentiate(output, run.inputs, run.since) if isinstance(output, Value) else [0.0] * len(run.inputs)
    return run.with_aux(_matrix("hessian", run, slopes, recorded))


def require_one(selection: Selection) -> None:
    """Raise if derivatives by more than one argument are asked for.

    Raises:
        ValueError: They are.
    """
    if not selection.single:
        raise ValueError(
            f"sparse=True gives one matrix, the derivatives by one argument, but {selection.option}="
            f"{selection.wanted!r} asks for a tuple: join the arguments to one array, or leave sparse=True out"
        )


def _traced(
    transform: str, function: Callable[..., Any], selection: Selection, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Traced:
    """Run a function whose derivatives are to be a matrix, which SciPy and the form of the argument must allow."""
    require_scipy()
    run = Traced(transform, function, selection, args, kwargs)
    shapes = run.structure.shapes
    if len(shapes) > 1 and shapes.count(None) < len(shapes):
        raise TypeError(
            "sparse=True gives one matrix, with a column for each number of one array or list, but the argument of "
            f"{run.name} holds {len(shapes)} numbers and arrays: join them to one array, or leave sparse=True out"
        )
    return run


def _is_recorded(transform: str, run: Traced, outputs: list[Any]) -> bool:
    """Return whether the entries are to be Values, as the matrix is recorded to be compiled."""
    if not run.is_connected(*outputs):
        return False
    found = [output for output in outputs if isinstance(output, Value)]
    around = run_here() or next(filter(None, map(recorder_of, found)), None)
    if isinstance(around, Recorder):
        return True
    if around is None and not run.nested:
        raise TypeError(
            f"{run.name} refers to Values from outside, by which floats have no derivatives, and a sparse matrix holds "
            f"floats: compile it, as in mg.jit(mg.{transform}({run.name}, sparse=True)), which reads these Values at "
            "each call, or leave sparse=True out"
        )
    inside = "" if around is None else f"inside {around.title}, "
    raise TypeError(
        f"{inside}{transform} of {run.name} depends on Values, by which floats have no derivatives, and a sparse "
        "matrix holds floats: leave sparse=True out"
    )


def _matrix(transform: str, run: Traced, outputs: list[Any], recorded: bool) -> Any:
    """Return the matrix of the derivatives of the outputs: those of the gradient for a hessian."""
    import numpy

    symmetric = transform == "hessian"
    rows: list[list[int]] = [[] for _ in outputs]
    entries: list[list[Any]] = [[] for _ in outputs]
    for row, column, entry in Elimination(outputs, run.inputs, run.since, recorded, symmetric).columns():
        rows[row].append(column)
        entries[row].append(entry)
        if symmetric and row != column:  # then the row comes later than all entries that stand before this one
            rows[column].append(row)
            entries[column].append(entry)
    lengths = numpy.fromiter(map(len, rows), numpy.int32, len(rows))
    pattern = Pattern(
        numpy.fromiter((column for row in rows for column in row), numpy.int32, int(lengths.sum())),
        numpy.concatenate([numpy.zeros(1, numpy.int32), numpy.cumsum(lengths, dtype=numpy.int32)]),
        (len(outputs), len(run.inputs)),
    )
    data = make_array([entry for row in entries for entry in row], pattern.indices.shape)
    return RecordedMatrix(data, pattern) if recorded else pattern.matrix(data)
