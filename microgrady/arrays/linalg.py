"""Linear algebra by elimination, on matrices whose elements are Values and floats: differentiable to any order."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy

from microgrady.arrays.universal import quotient
from microgrady.functions import log, sqrt

Matrix = list[list[Any]]


def solve(a: Matrix, b: Matrix) -> Matrix:
    """Return x of a @ x = b, by elimination with partial pivoting (Golub and Van Loan, *Matrix Computations*, 3.4).

    Raises:
        LinAlgError: A pivot is 0.
    """
    size, width = len(a), len(b[0]) if b else 0
    rows = [[*left, *right] for left, right in zip(a, b, strict=True)]
    for step in range(size):
        pivot = _largest(rows, step, step)
        if rows[pivot][step] == 0.0:
            raise numpy.linalg.LinAlgError("Singular matrix")
        rows[step], rows[pivot] = rows[pivot], rows[step]
        _clear_below(rows, step)
    found: Matrix = [[] for _ in range(size)]
    for row in reversed(range(size)):
        for column in range(size, size + width):
            known = [rows[row][k] * found[k][column - size] for k in range(row + 1, size)]
            rest = functools.reduce(operator.sub, known, rows[row][column])
            found[row].append(quotient(rest, rows[row][row]))
    return found


def pivots(a: Matrix) -> tuple[float, list[Any], Matrix]:
    """Return the factors of the determinant: a sign, pivots that are not 0, and a matrix of zeros that is left."""
    rows = [list(row) for row in a]
    size = len(rows)
    sign = 1.0
    found: list[Any] = []
    for step in range(size):
        place = next(
            (
                (row, column)
                for column in range(step, size)
                for row in [_largest(rows, step, column)]
                if rows[row][column] != 0.0
            ),
            None,
        )
        if place is None:
            return sign, found, [row[step:] for row in rows[step:]]
        row, column = place
        sign *= (-1.0 if row != step else 1.0) * (-1.0 if column != step else 1.0)
        rows[step], rows[row] = rows[row], rows[step]
        for line in rows:
            line[step], line[column] = line[column], line[step]
        found.append(rows[step][step])
        _clear_below(rows, step)
    return sign, found, []


def det(a: Matrix) -> Any:
    """Return the determinant. Its derivatives, the cofactors, are right for singular matrices, too."""
    sign, factors, rest = pivots(a)
    if rest:
        factors = [*factors, _without_division(rest)]
    return functools.reduce(operator.mul, factors, sign)


def slogdet(a: Matrix) -> tuple[float, Any]:
    """Return the sign of the determinant and the logarithm of its absolute value."""
    sign, factors, rest = pivots(a)
    if rest:
        return 0.0, -math.inf
    for factor in factors:
        sign = -sign if factor < 0.0 else sign
    return sign, functools.reduce(operator.add, [log(abs(factor)) for factor in factors], 0.0)


def cholesky(a: Matrix) -> Matrix:
    """Return the lower triangular L with L @ L.T = a, of which the lower half is read.

    Raises:
        LinAlgError: The matrix is not positive definite.
    """
    size = len(a)
    lower: Matrix = [[0.0] * size for _ in range(size)]
    for column in range(size):
        for row in range(column, size):
            products = [lower[row][k] * lower[column][k] for k in range(column)]
            rest = functools.reduce(operator.sub, products, a[row][column])
            if row > column:
                lower[row][column] = quotient(rest, lower[column][column])
            elif rest > 0.0:
                lower[row][column] = sqrt(rest)
            else:
                raise numpy.linalg.LinAlgError("Matrix is not positive definite")
    return lower


def on_matrices(function: Callable[..., Any], *stacks: Any) -> list[Any]:
    """Apply a function of matrices to each of a stack of them: arrays of shape (..., rows, columns), broadcast."""
    lead = numpy.broadcast_shapes(*[stack.shape[:-2] for stack in stacks])
    full = [numpy.broadcast_to(stack, lead + stack.shape[-2:]) for stack in stacks]
    return [function(*[stack[place].tolist() for stack in full]) for place in numpy.ndindex(lead)]


def _largest(rows: Matrix, step: int, column: int) -> int:
    """Return the row, from `step` on, that has the largest element of a column."""
    return max(range(step, len(rows)), key=lambda row: abs(rows[row][column]))


def _clear_below(rows: Matrix, step: int) -> None:
    top = rows[step]
    for row in rows[step + 1 :]:
        if type(row[step]) is float and row[step] == 0.0:
            continue
        factor = quotient(row[step], top[step])
        for column in range(step + 1, len(row)):
            row[column] = row[column] - factor * top[column]


def _without_division(a: Matrix) -> Any:
    """Return the determinant of a matrix that has no pivots (Bird, "A simple division-free algorithm", 2011)."""
    size = len(a)
    power = a
    for _ in range(size - 1):
        diagonal = [0.0] * size
        for row in reversed(range(size - 1)):
            diagonal[row] = diagonal[row + 1] - power[row + 1][row + 1]
        upper = [[0.0] * row + [diagonal[row]] + power[row][row + 1 :] for row in range(size)]
        power = [
            [
                functools.reduce(operator.add, [upper[row][k] * a[k][column] for k in range(row, size)])
                for column in range(size)
            ]
            for row in range(size)
        ]
    return power[0][0] if size % 2 else -power[0][0]
