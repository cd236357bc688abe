"""The arguments of a batch as kernels reach them: columns of numbers."""

from __future__ import annotations

from typing import Any

import numpy

from microgrady.compiler.backends.simd import Access
from microgrady.trees import count as size_of


class Input:
    """A part of the arguments: a number or an array of each point.

    Attributes:
        size: How many numbers of each point it has.
        fixed: Those that are the same for all points; zeros in the places of others.
        is_staged: Whether its numbers are copied for each block, as they are of another type.
        access: How each of its numbers is reached.
    """

    def __init__(self, part: Any, column: Any) -> None:
        self.column = column
        self.is_staged = False
        if column is None:
            numbers = [part] if isinstance(part, float) else numpy.asarray(part, numpy.float64).ravel().tolist()
            self.fixed, self.size = numbers, len(numbers)
            self.access = Access.FIXED
            return
        self.size = size_of(column.shape[1:])
        self.fixed = [0.0] * self.size
        self.is_staged = column.dtype != numpy.float64 or not (column.dtype.isnative and column.flags.aligned)
        consecutive = self.is_staged or (len(column) > 0 and column.strides[0] == 8)
        self.access = Access.CONSECUTIVE if consecutive else Access.STRIDED

    def columns(self) -> Any:
        """Return the address and the stride of each of its numbers that is not fixed."""
        if self.column is None:
            return []
        if self.is_staged:
            return [(0, 8)] * self.size
        _, *strides = self.column.strides
        offsets = numpy.zeros(self.column.shape[1:], numpy.int64)
        for axis, stride in enumerate(strides):
            shape = [-1 if other == axis else 1 for other in range(len(strides))]
            offsets += (stride * numpy.arange(self.column.shape[axis + 1])).reshape(shape)
        addresses = self.column.ctypes.data + offsets.ravel()
        return numpy.stack([addresses, numpy.full(self.size, self.column.strides[0])], 1)
