"""The numbers and gradients of many leaves at once, such as all parameters of a network.

They go to and from buffers of float64 without gaps: NumPy's arrays or `array.array("d")`. Compiled, it takes some two
nanoseconds a leaf.
"""

from __future__ import annotations

from typing import Any

from microgrady.tracing import changing, escaping, recorders
from microgrady.value import Value, leaf_lock

# Of float64, one for each leaf. Uncompiled, NumPy's arrays give scalars of their own, of which `float` makes floats.
Buffer = Any
Count = int


def read_numbers(leaves: list[Value], into: Buffer) -> None:
    """Copy the numbers of leaves, in order."""
    count: Count = _require_room(leaves, into)
    if recorders:
        for leaf in leaves:
            escaping(leaf, "v.data")
    for k in range(count):
        leaf = leaves[k]
        into[k] = leaf._number


def write_numbers(leaves: list[Value], numbers: Buffer) -> None:
    """Give numbers to leaves, in order. None of them may be a result."""
    count: Count = _require_room(leaves, numbers)
    if recorders:
        for leaf in leaves:
            changing(leaf, "the data of a Value")
    for k in range(count):
        leaf = leaves[k]
        leaf._number = float(numbers[k])


def add_numbers(leaves: list[Value], numbers: Buffer) -> None:
    """Add to the numbers of leaves, in order. None of them may be a result."""
    count: Count = _require_room(leaves, numbers)
    if recorders:
        for leaf in leaves:
            changing(leaf, "the data of a Value")
    for k in range(count):
        leaf = leaves[k]
        leaf._number += float(numbers[k])


def read_gradients(leaves: list[Value], into: Buffer) -> None:
    """Copy the gradients of leaves, in order."""
    count: Count = _require_room(leaves, into)
    if recorders:
        for leaf in leaves:
            escaping(leaf, "v.grad")
    for k in range(count):
        leaf = leaves[k]
        into[k] = leaf._grad


def write_gradients(leaves: list[Value], numbers: Buffer) -> None:
    """Give gradients to leaves, in order, in the place of those that they have."""
    count: Count = _require_room(leaves, numbers)
    with leaf_lock:
        for k in range(count):
            leaf = leaves[k]
            leaf._grad = float(numbers[k])


def add_gradients(leaves: list[Value], numbers: Buffer) -> None:
    """Add to the gradients of leaves, in order, which other threads may do at the same time."""
    count: Count = _require_room(leaves, numbers)
    with leaf_lock:
        for k in range(count):
            leaf = leaves[k]
            leaf._grad += float(numbers[k])


def clear_gradients(leaves: list[Value]) -> None:
    """Set the gradients of leaves to zero."""
    with leaf_lock:
        for leaf in leaves:
            leaf._grad = 0.0


def _require_room(leaves: list[Value], buffer: Buffer) -> Count:
    count = len(leaves)
    if len(buffer) != count:
        raise ValueError(f"{count} leaves need as many numbers, not {len(buffer)}")
    return count
