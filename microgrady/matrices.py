"""Arrays of scipy.sparse among results: their entries are the numbers, and where these stand is always the same."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from microgrady.containers import Kind, Misfit, know


def require_scipy() -> Any:
    """Return scipy.sparse.

    Raises:
        ImportError: SciPy is not installed; the message says how to.
    """
    try:
        import scipy.sparse
    except ImportError as error:
        raise ImportError(
            'sparse=True gives arrays of scipy.sparse, which needs SciPy: pip install "microgrady[scipy]"'
        ) from error
    return scipy.sparse


class Pattern:
    """Where the entries of a sparse matrix stand: equal for matrices with entries in the same places.

    Attributes:
        indices: The columns of the entries, row by row: an array.
        indptr: Where each row begins among these, and where the last one ends: an array.
        shape: The number of rows and that of columns.
    """

    def __init__(self, indices: Any, indptr: Any, shape: tuple[int, int]) -> None:
        self.indices, self.indptr, self.shape = indices, indptr, shape
        self._made: Any = None  # one of those matrices, without entries

    def matrix(self, entries: Any) -> Any:
        """Return the matrix with these entries, a csr_array, which can be changed without changing the pattern."""
        if self._made is None:
            parts = (entries, self.indices, self.indptr)
            self._made = require_scipy().csr_array(parts, shape=self.shape)
            self._made.has_canonical_format = True  # which SciPy would else find out
            self._made.data = None
        made = copy.copy(self._made)  # SciPy would look at all parts again
        made.data, made.indices, made.indptr = entries, self.indices.copy(), self.indptr.copy()
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Pattern, (self.indices, self.indptr, self.shape)

    def _outline(self) -> tuple[Any, ...]:
        return self.shape, self.indices.tobytes(), self.indptr.tobytes()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Pattern) and self._outline() == other._outline())

    def __hash__(self) -> int:
        return hash(self._outline())


class RecordedMatrix:
    """A sparse matrix while a function is recorded to be compiled: what the compiled function returns as a csr_array.

    Attributes:
        data: Its entries, row by row: an array of Values.
        indices: The column of each entry.
        indptr: Where each row begins among the entries, and where the last one ends.
        shape: The number of rows and that of columns.
    """

    __array_ufunc__ = None  # NumPy leaves its operators to it

    def __init__(self, data: Any, pattern: Pattern) -> None:
        self.data, self.indices, self.indptr = data, pattern.indices, pattern.indptr
        self.shape, self._pattern = pattern.shape, pattern

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"'RecordedMatrix' object has no attribute {name!r}")
        self._refuse(f"no {name}")

    def _refuse(self, what: str) -> None:
        raise TypeError(
            f"while a function is compiled, a sparse matrix in it has {what}: return it as it is, or calculate with "
            "its data, whose places are in its indices and indptr"
        )

    def _operator(self, *operands: Any) -> Any:
        self._refuse("no operators")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = _operator
    __truediv__ = __rtruediv__ = __neg__ = __pos__ = __abs__ = __pow__ = __getitem__ = __iter__ = _operator


class _Matrices(Kind):
    """Those of scipy.sparse, and those of which jit makes such. What is in one is the array of its entries."""

    def open(self, container: Any) -> tuple[tuple[Any, ...] | None, Sequence[Any]]:
        return None, [container.data]

    def rest(self, container: Any) -> Any:
        if isinstance(container, RecordedMatrix):
            return container._pattern
        return Pattern(container.indices, container.indptr, container.shape)

    def make(self, kind: type, keys: Any, rest: Any, contents: list[Any]) -> Any:
        (entries,) = contents
        if entries.shape != rest.indices.shape:
            return entries  # a derivative of each entry
        if entries.dtype != object:
            return rest.matrix(entries)
        if kind is RecordedMatrix:
            return RecordedMatrix(entries, rest)
        raise Misfit(f"{{}} is a {kind.__name__}, which holds no Values: pass its data, an array, instead")

    def steps(self, keys: Any, count: int) -> list[str]:
        return [".data"]


MATRICES = _Matrices()
know(RecordedMatrix, MATRICES)
