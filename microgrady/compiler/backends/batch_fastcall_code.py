"""The instructions of the built-in functions that take a batch of points to a kernel: LLVM IR, for all of them.

Arrays of the batch are not copied: a kernel gets, for each number of a point, the address of that of the first point
and how far it is to that of the next one. Results go to where they are returned, or to rows that are then added up.
"""

from __future__ import annotations

from microgrady.compiler.backends.array_interface import ALIGNED, C_CONTIGUOUS, DATA, SHAPE, STRIDES
from microgrady.compiler.backends.batch_plan import CONSECUTIVE, PAIR, BatchPlan, of_plan, places
from microgrady.compiler.backends.batch_run import folder, runner
from microgrady.compiler.backends.fastcall_parts import (
    ARRAY,
    COPY_ROW,
    HEAD,
    LIST,
    TUPLE,
    check,
    checks,
    copies,
    copying_leaf,
    declarations,
    field,
    maker,
    new_array,
    of_part,
    opening,
)


def batch_fastcall_source() -> str:
    """Return the LLVM IR of `call_batch`.

    It takes what METH_FASTCALL passes, the address of a plan as an int before it. It returns the type float where it
    has no result: other arguments were given, or a point left the path.
    """
    looks = check("is_like", C_CONTIGUOUS, 0), check("has_points_like", ALIGNED, 1), _is_batch()
    makers = maker("make", _leaf()), maker("make_of_sums", copying_leaf(BatchPlan))
    return "\n".join([*declarations(), *looks, _spread(), *makers, folder(), runner(), _call()])


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
  {of_plan("least")}
  {of_plan("most")}
  %points = load i64, ptr %points.p
  %is.enough = icmp uge i64 %points, %least
  %is.small = icmp ule i64 %points, %most
  %is.right = and i1 %is.enough, %is.small
  br i1 %is.right, label %take.memory, label %other
take.memory:
  {of_plan("size")}
  {of_plan("row")}
  %each = add i64 %row, 4
  %points.size = mul i64 %points, %each
  %bytes = add i64 %size, %points.size
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
{places("table", "fixed", "lengths", "lanes", "rows")}
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

# Makes arrays that the kernel fills, or pairs for rows and then sums of these; and gives the memory back.
_RUN = f"""\
run.ready:
  {of_plan("results")}
  {of_plan("held")}
  {of_plan("add")}
  {of_plan("outputs")}
  %pairs.out = load ptr, ptr %pairs.p
  store ptr %results, ptr %cursor
  %cursor.here = getelementptr ptr, ptr %cursor, i64 1
  %column.size = mul i64 %points, 8
  %adds = icmp ne ptr %add, null
  br i1 %adds, label %next.row, label %arrays
next.row:
  %output = phi i64 [ 0, %run.ready ], [ %output.next, %one.row ]
  %rows.done = icmp eq i64 %output, %outputs
  br i1 %rows.done, label %run, label %one.row
one.row:
  %row.offset = mul i64 %output, %column.size
  %row.start = getelementptr i8, ptr %at.rows, i64 %row.offset
  %row.pair = getelementptr [{PAIR} x i8], ptr %pairs.out, i64 %output
  store ptr %row.start, ptr %row.pair
  %row.step = getelementptr i8, ptr %row.pair, i64 8
  store i64 8, ptr %row.step
  %output.next = add i64 %output, 1
  br label %next.row
arrays:
  store ptr %pairs.out, ptr %cursor.here
  %cursor.lengths = getelementptr ptr, ptr %cursor, i64 2
  store ptr %at.lengths, ptr %cursor.lengths
  %cursor.points = getelementptr ptr, ptr %cursor, i64 3
  store i64 %points, ptr %cursor.points
  %made = call ptr @make(ptr %cursor, ptr %plan)
  %made.failed = icmp eq ptr %made, null
  br i1 %made.failed, label %leave, label %run
run:
  %arrays.made = phi ptr [ null, %next.row ], [ %made, %arrays ]
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
  {of_plan("counter")}
  %counted = load i64, ptr %counter
  %counted.next = add i64 %counted, %points
  store i64 %counted.next, ptr %counter
  br i1 %adds, label %sums, label %leave
sums:
  store ptr %at.lanes, ptr %cursor.here
  %sums.made = call ptr @make_of_sums(ptr %cursor, ptr %plan)
  br label %leave
leave:
  %result = phi ptr [ null, %arrays ], [ %arrays.made, %done ], [ %sums.made, %sums ]
  call void @PyMem_RawFree(ptr %block)
  ret ptr %result
drop:
  call void @PyMem_RawFree(ptr %block)
  br i1 %adds, label %other, label %drop.arrays
drop.arrays:
  call void @Py_DecRef(ptr %arrays.made)
  br label %other
other:
  call void @Py_IncRef(ptr %float)
  ret ptr %float"""
