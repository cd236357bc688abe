"""The instructions of the built-in functions that take a batch of points to a kernel: LLVM IR, for all of them.

Arrays of the batch are not copied: a kernel gets, for each number of a point, the address of that of the first point
and how far it is to that of the next one.
"""

from __future__ import annotations

import ctypes

from microgrady.compiler.backends.array_interface import ALIGNED, C_CONTIGUOUS, DATA, SHAPE, STRIDES
from microgrady.compiler.backends.fastcall_parts import (
    ARRAY,
    COPY_ROW,
    HEAD,
    LIST,
    TUPLE,
    check,
    checks,
    copies,
    declarations,
    field,
    field_of,
    maker,
    new_array,
    of_part,
    opening,
)

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
        counter: Where the points are counted that the kernels did.
        count: How many arguments there are, but for the list of leaves.
        leaves: How many floats stand in that list, the last argument; 0 for no such argument.
        arguments: Where their `Part`s stand.
        results: Where the `Part`s of the result stand. The first length of an array, that of the batch, is left open.
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
        codes: That of what the kernel says of each point, four bytes.
        size: How many bytes there are, but for the codes.
    """

    _fields_ = (
        ("dense", ctypes.c_void_p),
        ("listed", ctypes.c_void_p),
        ("counter", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("leaves", ctypes.c_int64),
        ("arguments", ctypes.c_void_p),
        ("results", ctypes.c_void_p),
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
        ("codes", ctypes.c_int64),
        ("size", ctypes.c_int64),
    )


def batch_fastcall_source() -> str:
    """Return the LLVM IR of `call_batch`.

    It takes what METH_FASTCALL passes, the address of a plan as an int before it. It returns the type float where it
    has no result: other arguments were given, or a point left the path.
    """
    looks = check("is_like", C_CONTIGUOUS, 0), check("has_points_like", ALIGNED, 1), _is_batch()
    return "\n".join([*declarations(), *looks, _spread(), maker(_leaf()), _run(), _call()])


def _of_plan(name: str) -> str:
    return field_of(BatchPlan, name, "%plan")


def _is_batch() -> str:
    """Return a function that says whether an array is such a batch as a part says, of as many points as others."""
    return f"""
define internal i1 @is_batch(ptr %array, ptr %part, ptr %points) {{
entry:
  %is.like = call i1 @has_points_like(ptr %array, ptr %part)
  br i1 %is.like, label %batch, label %unlike
batch:
  {of_part("kind")}
  {field("shape", "ptr", "%array", HEAD + SHAPE)}
  {field("strides", "ptr", "%array", HEAD + STRIDES)}
  %length = load i64, ptr %shape
  %stride = load i64, ptr %strides
  %is.row = icmp eq i64 %stride, 8
  %wants.row = icmp eq i64 %kind, {CONSECUTIVE}
  %stride.same = icmp eq i1 %is.row, %wants.row
  %is.one = icmp eq i64 %length, 1
  %stride.right = or i1 %stride.same, %is.one
  %before = load i64, ptr %points
  %is.first = icmp slt i64 %before, 0
  %length.same = icmp eq i64 %length, %before
  %length.right = or i1 %is.first, %length.same
  %right = and i1 %stride.right, %length.right
  store i64 %length, ptr %points
  ret i1 %right
unlike:
  ret i1 false
}}"""


def _spread() -> str:
    """Return a function that writes the pairs of a batch's numbers, and returns where the next ones go.

    Axis by axis the addresses so far are spread over the places along the axis, from the last one to the first, so that
    none is overwritten before.
    """
    return f"""
define internal ptr @spread(ptr %array, ptr %part, ptr %pairs) {{
entry:
  {of_part("count")}
  {of_part("size")}
  {field("data", "ptr", "%array", HEAD + DATA)}
  {field("shape", "ptr", "%array", HEAD + SHAPE)}
  {field("strides", "ptr", "%array", HEAD + STRIDES)}
  %step = load i64, ptr %strides
  %numbers = udiv i64 %size, 8
  %is.nothing = icmp eq i64 %size, 0
  br i1 %is.nothing, label %done, label %first
first:
  store ptr %data, ptr %pairs
  br label %axes
{_AXES}
steps:
  %number = phi i64 [ 0, %axes ], [ %number.next, %steps ]
  %pair = getelementptr [{PAIR} x i8], ptr %pairs, i64 %number
  %step.p = getelementptr i8, ptr %pair, i64 8
  store i64 %step, ptr %step.p
  %number.next = add i64 %number, 1
  %is.end = icmp eq i64 %number.next, %numbers
  br i1 %is.end, label %done, label %steps
done:
  %next = getelementptr [{PAIR} x i8], ptr %pairs, i64 %numbers
  ret ptr %next
}}"""


_AXES = f"""\
axes:
  %axis = phi i64 [ 1, %first ], [ %axis.next, %axis.done ]
  %known = phi i64 [ 1, %first ], [ %known.next, %axis.done ]
  %is.last = icmp eq i64 %axis, %count
  br i1 %is.last, label %steps, label %one
one:
  %length.p = getelementptr i64, ptr %shape, i64 %axis
  %length = load i64, ptr %length.p
  %stride.p = getelementptr i64, ptr %strides, i64 %axis
  %stride = load i64, ptr %stride.p
  %known.next = mul i64 %known, %length
  br label %sources
sources:
  %sources.left = phi i64 [ %known, %one ], [ %source, %source.done ]
  %source = sub i64 %sources.left, 1
  %source.p = getelementptr [{PAIR} x i8], ptr %pairs, i64 %source
  %base = load ptr, ptr %source.p
  %begin = mul i64 %source, %length
  br label %targets
targets:
  %targets.left = phi i64 [ %length, %sources ], [ %target, %targets ]
  %target = sub i64 %targets.left, 1
  %distance = mul i64 %target, %stride
  %address = getelementptr i8, ptr %base, i64 %distance
  %place = add i64 %begin, %target
  %place.p = getelementptr [{PAIR} x i8], ptr %pairs, i64 %place
  store ptr %address, ptr %place.p
  %is.begin = icmp eq i64 %target, 0
  br i1 %is.begin, label %source.done, label %targets
source.done:
  %sources.done = icmp eq i64 %source, 0
  br i1 %sources.done, label %axis.done, label %sources
axis.done:
  %axis.next = add i64 %axis, 1
  br label %axes"""


def _leaf() -> str:
    """Return the blocks that make an array of the numbers of all points, and write the pairs for them.

    Behind the address of the next pair, the cursor has that of room for lengths, and how many points there are.
    """
    return f"""\
  switch i64 %kind, label %array [ i64 {TUPLE}, label %tuple  i64 {LIST}, label %list ]
array:
  {of_part("shape")}
  {field("lengths", "ptr", "%cursor", 16)}
  {field("points", "i64", "%cursor", 24)}
  %lengths.size = mul i64 %count, 8
  call ptr @mg.memmove(ptr %lengths, ptr %shape, i64 %lengths.size)
  store i64 %points, ptr %lengths
{new_array(BatchPlan, "%lengths")}
  br label %numbers
numbers:
  %place = phi i64 [ 0, %fill ], [ %place.next, %pair ]
  %pair.p = phi ptr [ %here, %fill ], [ %pair.next, %pair ]
  %numbers.done = icmp eq i64 %place, %size
  br i1 %numbers.done, label %on, label %pair
pair:
  %address = getelementptr i8, ptr %data, i64 %place
  store ptr %address, ptr %pair.p
  %step.p = getelementptr i8, ptr %pair.p, i64 8
  store i64 %size, ptr %step.p
  %place.next = add i64 %place, 8
  %pair.next = getelementptr i8, ptr %pair.p, i64 {PAIR}
  br label %numbers
on:
  store ptr %pair.p, ptr %here.p
  ret ptr %made"""


def _run() -> str:
    """Return a function that runs a kernel over all points, and returns how many left the path."""
    return f"""
define internal i64 @run(ptr %plan, ptr %memory, i64 %points) {{
entry:
  {_of_plan("dense")}
  {_of_plan("listed")}
  {_of_plan("width")}
{_places("table", "fixed", "indices", "codes")}
  %is.few = icmp ult i64 %points, %width
  br i1 %is.few, label %few, label %many
many:
  %many.left = call i64 %dense(ptr %at.table, ptr %at.fixed, ptr %memory, ptr %at.codes, i64 0, i64 %points)
  ret i64 %many.left
few:
  %last = sub i64 %points, 1
  br label %list
list:
  %listed.count = phi i64 [ 0, %few ], [ %listed.next, %list ]
  %is.point = icmp ult i64 %listed.count, %last
  %point = select i1 %is.point, i64 %listed.count, i64 %last
  %index.p = getelementptr i64, ptr %at.indices, i64 %listed.count
  store i64 %point, ptr %index.p
  %listed.next = add i64 %listed.count, 1
  %is.full = icmp eq i64 %listed.next, %width
  br i1 %is.full, label %start, label %list
start:
  %few.left = call i64 %listed(ptr %at.table, ptr %at.fixed, ptr %memory, ptr %at.codes, ptr %at.indices, i64 %width)
  ret i64 %few.left
}}"""


def _places(*names: str) -> str:
    """Return what computes the addresses of places in the memory of a call."""
    return "\n".join(f"  {_of_plan(name)}\n  %at.{name} = getelementptr i8, ptr %memory, i64 %{name}" for name in names)


def _call() -> str:
    """Return the function that Python calls."""
    return f"""
define ptr @call_batch(ptr %self, ptr %given, i64 %given.count) {{
entry:
  %points.p = alloca i64
  %pairs.p = alloca ptr
  %cursor = alloca [4 x ptr]
  store i64 -1, ptr %points.p
{opening(BatchPlan)}
{checks(_CHECK_ARRAY)}
{_TAKE}
{copies("%at.fixed", _COPY_ARRAY)}
{_RUN}
}}"""


_CHECK_ARRAY = f"""\
  %is.fixed = icmp eq i64 %kind, {ARRAY}
  br i1 %is.fixed, label %check.fixed, label %check.batch
check.fixed:
  %fixed.right = call i1 @is_like(ptr %argument, ptr %part)
  br i1 %fixed.right, label %fits, label %other
check.batch:
  %batch.right = call i1 @is_batch(ptr %argument, ptr %part, ptr %points.p)
  br i1 %batch.right, label %fits, label %other"""

# Takes memory. Without an array of the batch, the number of points is above any other.
_TAKE = f"""\
take:
  {_of_plan("least")}
  {_of_plan("most")}
  %points = load i64, ptr %points.p
  %is.enough = icmp uge i64 %points, %least
  %is.small = icmp ule i64 %points, %most
  %is.right = and i1 %is.enough, %is.small
  br i1 %is.right, label %take.memory, label %other
take.memory:
  {_of_plan("size")}
  %codes.size = mul i64 %points, 4
  %bytes = add i64 %size, %codes.size
  %block = call ptr @PyMem_RawMalloc(i64 %bytes)
  %is.none = icmp eq ptr %block, null
  br i1 %is.none, label %no.memory, label %copies
no.memory:
  %nothing = call ptr @PyErr_NoMemory()
  ret ptr null
copies:
  %block.start = ptrtoint ptr %block to i64
  %line.end = add i64 %block.start, 63
  %line = and i64 %line.end, -64
  %memory = inttoptr i64 %line to ptr
{_places("table", "fixed", "lengths")}
  store ptr %at.table, ptr %pairs.p
  br label %copy.next"""

_COPY_ARRAY = f"""\
  %is.row = icmp eq i64 %source.kind, {ARRAY}
  br i1 %is.row, label %copy.row, label %copy.batch
copy.batch:
  %pairs = load ptr, ptr %pairs.p
  %pairs.next = call ptr @spread(ptr %source, ptr %source.part, ptr %pairs)
  store ptr %pairs.next, ptr %pairs.p
  br label %copy.done
copy.row:
{COPY_ROW}"""

# Makes the result, has the kernel fill it, and gives the memory back.
_RUN = f"""\
run.ready:
  {_of_plan("results")}
  {_of_plan("held")}
  %pairs.out = load ptr, ptr %pairs.p
  store ptr %results, ptr %cursor
  %cursor.pairs = getelementptr ptr, ptr %cursor, i64 1
  store ptr %pairs.out, ptr %cursor.pairs
  %cursor.lengths = getelementptr ptr, ptr %cursor, i64 2
  store ptr %at.lengths, ptr %cursor.lengths
  %cursor.points = getelementptr ptr, ptr %cursor, i64 3
  store i64 %points, ptr %cursor.points
  %made = call ptr @make(ptr %cursor, ptr %plan)
  %made.failed = icmp eq ptr %made, null
  br i1 %made.failed, label %leave, label %run
run:
  %frees.others = icmp ugt i64 %points, %held
  br i1 %frees.others, label %run.long, label %run.short
run.short:
  %short.left = call i64 @run(ptr %plan, ptr %memory, i64 %points)
  br label %ran
run.long:
  %thread = call ptr @PyEval_SaveThread()
  %long.left = call i64 @run(ptr %plan, ptr %memory, i64 %points)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %ran
ran:
  %left = phi i64 [ %short.left, %run.short ], [ %long.left, %run.long ]
  %is.fine = icmp eq i64 %left, 0
  br i1 %is.fine, label %done, label %drop
done:
  {_of_plan("counter")}
  %counted = load i64, ptr %counter
  %counted.next = add i64 %counted, %points
  store i64 %counted.next, ptr %counter
  br label %leave
leave:
  call void @PyMem_RawFree(ptr %block)
  ret ptr %made
drop:
  call void @PyMem_RawFree(ptr %block)
  call void @Py_DecRef(ptr %made)
  br label %other
other:
  call void @Py_IncRef(ptr %float)
  ret ptr %float"""
