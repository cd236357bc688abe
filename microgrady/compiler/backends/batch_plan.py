"""What the built-in functions for batches do, as data that their instructions read."""

from __future__ import annotations

import ctypes

from microgrady.compiler.backends.fastcall_parts import field_of

# Kinds of parts besides those of single calls: arrays of the batch, its axis in front, by what lies between two points.
CONSECUTIVE = 4  # eight bytes
STRIDED = 5  # anything else

PAIR = 16  # bytes of the table for one number of a point: where it is, and how far the next point's is from there


class BatchPlan(ctypes.Structure):
    """What one built-in function does.

    One block of memory serves a call. Places in it are in bytes, behind the memory of the kernel, which is in front.

    Attributes:
        dense: The address of the kernel for points in a row.
        listed: That of the kernel for listed points; 0 for none.
        add: That of what adds rows to lanes; 0 if results are not added up.
        divides: Whether sums are divided by the number of points.
        counter: Where the points are counted that the kernels did.
        count: How many arguments there are, but for the list of leaves.
        leaves: How many floats stand in that list, the last argument; 0 for no such argument.
        arguments: Where their `Part`s stand.
        results: Where the `Part`s of the result stand. The first length of an array, that of the batch, is left open,
            if there are no sums.
        outputs: How many outputs are added up.
        float: The type float.
        ndarray: The class of arrays.
        new: The address of the function that makes an array.
        width: How many points the kernels work on at once.
        least: For how many points it is, at least.
        most: At most.
        held: Up to how many points other threads do not run meanwhile.
        table: The place of the pairs of inputs and outputs.
        fixed: That of the inputs that are the same for all points, and of room for the others.
        lengths: That of the lengths of one array.
        indices: That of listed points.
        lanes: That of the sums in lanes, and then of the sums.
        rows: That of the rows that are added up.
        codes: That of what the kernel says of each point, four bytes, if there were no rows before.
        size: How many bytes there are, but for the rows and codes.
        row: How many bytes of rows there are for each point.
    """

    _fields_ = (
        ("dense", ctypes.c_void_p),
        ("listed", ctypes.c_void_p),
        ("add", ctypes.c_void_p),
        ("divides", ctypes.c_int64),
        ("counter", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("leaves", ctypes.c_int64),
        ("arguments", ctypes.c_void_p),
        ("results", ctypes.c_void_p),
        ("outputs", ctypes.c_int64),
        ("float", ctypes.c_void_p),
        ("ndarray", ctypes.c_void_p),
        ("new", ctypes.c_void_p),
        ("width", ctypes.c_int64),
        ("least", ctypes.c_int64),
        ("most", ctypes.c_int64),
        ("held", ctypes.c_int64),
        ("table", ctypes.c_int64),
        ("fixed", ctypes.c_int64),
        ("lengths", ctypes.c_int64),
        ("indices", ctypes.c_int64),
        ("lanes", ctypes.c_int64),
        ("rows", ctypes.c_int64),
        ("codes", ctypes.c_int64),
        ("size", ctypes.c_int64),
        ("row", ctypes.c_int64),
    )


def of_plan(name: str) -> str:
    """Return what loads a field of the plan at `%plan`."""
    return field_of(BatchPlan, name, "%plan")


def places(*names: str) -> str:
    """Return what computes the addresses of places in the memory of a call."""
    return "\n".join(f"  {of_plan(name)}\n  %at.{name} = getelementptr i8, ptr %memory, i64 %{name}" for name in names)
