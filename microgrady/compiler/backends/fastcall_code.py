"""The instructions of the built-in functions by which floats and arrays get to machine code: LLVM IR, for all of them.

What one of them takes and makes is data, a `Plan`, and not instructions, so that nothing is compiled for it.
"""

from __future__ import annotations

import ctypes

from microgrady.compiler.backends.array_interface import (
    BYTE_ORDER,
    C_CONTIGUOUS,
    DATA,
    DIMENSIONS,
    DOUBLE,
    DTYPE,
    FLAGS,
    NATIVE,
    SHAPE,
    TYPE_NUMBER,
)
from microgrady.compiler.backends.callbacks import INTERFACE as CALLBACKS

# What they call in CPython's stable interface, and in C's.
INTERFACE = {
    "Py_DecRef": "void @Py_DecRef(ptr)",
    "Py_IncRef": "void @Py_IncRef(ptr)",
    "PyObject_Type": "ptr @PyObject_Type(ptr)",
    "PyFloat_AsDouble": "double @PyFloat_AsDouble(ptr)",
    "PyFloat_FromDouble": "ptr @PyFloat_FromDouble(double)",
    "PyLong_AsVoidPtr": "ptr @PyLong_AsVoidPtr(ptr)",
    "PyTuple_New": "ptr @PyTuple_New(i64)",
    "PyTuple_SetItem": "i32 @PyTuple_SetItem(ptr, i64, ptr)",
    "PyList_New": "ptr @PyList_New(i64)",
    "PyList_GetItem": "ptr @PyList_GetItem(ptr, i64)",
    "PyList_SetItem": "i32 @PyList_SetItem(ptr, i64, ptr)",
    "PyEval_SaveThread": "ptr @PyEval_SaveThread()",
    "PyEval_RestoreThread": "void @PyEval_RestoreThread(ptr)",
    "mg.memmove": "ptr @mg.memmove(ptr, ptr, i64)",
}

ON_STACK = 448  # doubles: with all else less than the page that compilers probe for
FLOAT, ARRAY, TUPLE, LIST = range(4)  # kinds of parts


class Part(ctypes.Structure):
    """An argument or an object of the result; of these a tuple or a list stands before what is in it.

    Attributes:
        kind: FLOAT, ARRAY, TUPLE or LIST.
        count: How many dimensions an array has, or objects a tuple or a list.
        size: How many bytes its doubles take.
        shape: Where the lengths of an array stand.
    """

    _fields_ = (
        ("kind", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("size", ctypes.c_int64),
        ("shape", ctypes.c_void_p),
    )


class Plan(ctypes.Structure):
    """What one built-in function does.

    Attributes:
        run: The address of the program.
        memory: That of the doubles it works on; 0 for the stack.
        used: Whether a call is working on these.
        is_long: Whether other threads may run meanwhile.
        count: How many arguments there are, but for the list of leaves.
        leaves: How many floats stand in that list, the last argument; 0 for no such argument.
        arguments: Where their `Part`s stand.
        outputs: Where in the doubles the outputs begin, in bytes.
        results: Where the `Part`s of the result stand.
        float: The type float.
        ndarray: The class of arrays.
        new: The address of the function that makes an array.
    """

    _fields_ = (
        ("run", ctypes.c_void_p),
        ("memory", ctypes.c_void_p),
        ("used", ctypes.c_int64),
        ("is_long", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("leaves", ctypes.c_int64),
        ("arguments", ctypes.c_void_p),
        ("outputs", ctypes.c_int64),
        ("results", ctypes.c_void_p),
        ("float", ctypes.c_void_p),
        ("ndarray", ctypes.c_void_p),
        ("new", ctypes.c_void_p),
    )


def interface_addresses() -> dict[str, int]:
    """Return where the functions of CPython and of C are that machine code calls."""
    functions = {
        name: ctypes.memmove if name == "mg.memmove" else getattr(ctypes.pythonapi, name)
        for name in {**CALLBACKS, **INTERFACE}
    }
    return {name: ctypes.cast(function, ctypes.c_void_p).value or 0 for name, function in functions.items()}


def fastcall_source() -> str:
    """Return the LLVM IR of `call`.

    It takes what METH_FASTCALL passes, the address of a plan as an int before it. It returns the type float where it
    has no result: other arguments were given, a guard does not hold, or another call works on the memory.
    """
    declarations = [f"declare {declaration}" for declaration in INTERFACE.values()]
    head = object.__basicsize__  # bytes of an object that come before its own fields
    return "\n".join([*declarations, _check(head), _make(head), _call(head)])


def _field(name: str, kind: str, thing: str, place: int) -> str:
    """Return what loads a variable from so many bytes behind an address."""
    return f"%{name}.p = getelementptr i8, ptr {thing}, i64 {place}\n  %{name} = load {kind}, ptr %{name}.p"


def _of_plan(name: str) -> str:
    kind = "ptr" if dict(Plan._fields_)[name] is ctypes.c_void_p else "i64"
    return _field(name, kind, "%plan", getattr(Plan, name).offset)


def _of_part(name: str, part: str = "%part") -> str:
    kind = "ptr" if dict(Part._fields_)[name] is ctypes.c_void_p else "i64"
    return _field(name, kind, part, getattr(Part, name).offset)


def _check(head: int) -> str:
    """Return a function that says whether an array holds doubles in a row and has the shape of a part."""
    return f"""
define internal i1 @is_like(ptr %array, ptr %part) {{
entry:
  {_of_part("count")}
  {_of_part("shape")}
  {_field("dimensions", "i32", "%array", head + DIMENSIONS)}
  %dimensions.long = zext i32 %dimensions to i64
  %dimensions.right = icmp eq i64 %dimensions.long, %count
  {_field("flags", "i32", "%array", head + FLAGS)}
  %row = and i32 %flags, {C_CONTIGUOUS}
  %row.right = icmp ne i32 %row, 0
  {_field("dtype", "ptr", "%array", head + DTYPE)}
  {_field("type", "i32", "%dtype", head + TYPE_NUMBER)}
  %type.right = icmp eq i32 %type, {DOUBLE}
  {_field("order", "i8", "%dtype", head + BYTE_ORDER)}
  %order.right = icmp eq i8 %order, {ord(NATIVE)}
  %some = and i1 %dimensions.right, %row.right
  %more = and i1 %some, %type.right
  %all = and i1 %more, %order.right
  {_field("lengths", "ptr", "%array", head + SHAPE)}
  br i1 %all, label %axes, label %unlike
axes:
  %axis = phi i64 [ 0, %entry ], [ %next, %same ]
  %is.last = icmp eq i64 %axis, %count
  br i1 %is.last, label %like, label %one
one:
  %length.p = getelementptr i64, ptr %lengths, i64 %axis
  %length = load i64, ptr %length.p
  %expected.p = getelementptr i64, ptr %shape, i64 %axis
  %expected = load i64, ptr %expected.p
  %length.right = icmp eq i64 %length, %expected
  br i1 %length.right, label %same, label %unlike
same:
  %next = add i64 %axis, 1
  br label %axes
like:
  ret i1 true
unlike:
  ret i1 false
}}"""


def _make(head: int) -> str:
    """Return a function that makes an object, with all that is in it, or returns null with the error set.

    Its cursor has the addresses of the next part and of the next double.
    """
    own = "ptr null, ptr null, i32 0, i32 0, ptr null"  # neither strides nor data nor flags of another array
    return f"""
define internal ptr @make(ptr %cursor, ptr %plan) {{
entry:
  %part = load ptr, ptr %cursor
  %part.next = getelementptr i8, ptr %part, i64 {ctypes.sizeof(Part)}
  store ptr %part.next, ptr %cursor
  %place = getelementptr ptr, ptr %cursor, i64 1
  %doubles = load ptr, ptr %place
  {_of_part("kind")}
  {_of_part("count")}
  {_of_part("size")}
  switch i64 %kind, label %float [ i64 {ARRAY}, label %array  i64 {TUPLE}, label %tuple  i64 {LIST}, label %list ]
float:
  %double = load double, ptr %doubles
  %number = call ptr @PyFloat_FromDouble(double %double)
  br label %on
array:
  {_of_part("shape")}
  {_of_plan("ndarray")}
  {_of_plan("new")}
  %dimensions = trunc i64 %count to i32
  %made = call ptr %new(ptr %ndarray, i32 %dimensions, ptr %shape, i32 {DOUBLE}, {own})
  %made.failed = icmp eq ptr %made, null
  br i1 %made.failed, label %failed, label %fill
fill:
  {_field("data", "ptr", "%made", head + DATA)}
  call ptr @mg.memmove(ptr %data, ptr %doubles, i64 %size)
  br label %on
on:
  %object = phi ptr [ %number, %float ], [ %made, %fill ]
  %doubles.next = getelementptr i8, ptr %doubles, i64 %size
  store ptr %doubles.next, ptr %place
  ret ptr %object
{_CONTAINER}
}}"""


# Makes a tuple or a list, and then one after the other what is in it.
_CONTAINER = """\
tuple:
  %tuple.new = call ptr @PyTuple_New(i64 %count)
  br label %container
list:
  %list.new = call ptr @PyList_New(i64 %count)
  br label %container
container:
  %whole = phi ptr [ %tuple.new, %tuple ], [ %list.new, %list ]
  %put = phi ptr [ @PyTuple_SetItem, %tuple ], [ @PyList_SetItem, %list ]
  %whole.failed = icmp eq ptr %whole, null
  br i1 %whole.failed, label %failed, label %items
items:
  %index = phi i64 [ 0, %container ], [ %index.next, %item.made ]
  %is.last = icmp eq i64 %index, %count
  br i1 %is.last, label %complete, label %one
one:
  %item = call ptr @make(ptr %cursor, ptr %plan)
  %item.failed = icmp eq ptr %item, null
  br i1 %item.failed, label %incomplete, label %item.made
item.made:
  call i32 %put(ptr %whole, i64 %index, ptr %item)
  %index.next = add i64 %index, 1
  br label %items
complete:
  ret ptr %whole
incomplete:
  call void @Py_DecRef(ptr %whole)
  ret ptr null
failed:
  ret ptr null"""


def _call(head: int) -> str:
    """Return the function that Python calls."""
    return f"""
define ptr @call(ptr %self, ptr %given, i64 %given.count) {{
entry:
  %cursor = alloca [2 x ptr]
  %stack = alloca [{ON_STACK} x double], align 64
  %plan = call ptr @PyLong_AsVoidPtr(ptr %self)
  {_of_plan("float")}
  {_of_plan("ndarray")}
  {_of_plan("count")}
  {_of_plan("leaves")}
  {_of_plan("arguments")}
  {_of_plan("memory")}
  {_of_plan("is_long")}
  %used = getelementptr i8, ptr %plan, i64 {Plan.used.offset}
  %has.leaves = icmp ne i64 %leaves, 0
  %list.count = zext i1 %has.leaves to i64
  %expected.count = add i64 %count, %list.count
  %count.right = icmp eq i64 %given.count, %expected.count
  br i1 %count.right, label %checks, label %other
{_CHECKS}
{_copies(head)}
{_RUN}
}}"""


# Looks at each argument, and then takes the memory.
_CHECKS = f"""\
checks:
  %checked = phi i64 [ 0, %entry ], [ %checked.next, %fits ]
  %checks.done = icmp eq i64 %checked, %count
  br i1 %checks.done, label %take, label %check
check:
  %argument.p = getelementptr ptr, ptr %given, i64 %checked
  %argument = load ptr, ptr %argument.p
  %type = call ptr @PyObject_Type(ptr %argument)
  call void @Py_DecRef(ptr %type)
  %part = getelementptr [{ctypes.sizeof(Part)} x i8], ptr %arguments, i64 %checked
  {_of_part("kind")}
  %wants.float = icmp eq i64 %kind, {FLOAT}
  %type.expected = select i1 %wants.float, ptr %float, ptr %ndarray
  %type.right = icmp eq ptr %type, %type.expected
  br i1 %type.right, label %check.shape, label %other
check.shape:
  br i1 %wants.float, label %fits, label %check.array
check.array:
  %array.right = call i1 @is_like(ptr %argument, ptr %part)
  br i1 %array.right, label %fits, label %other
fits:
  %checked.next = add i64 %checked, 1
  br label %checks
take:
  %on.stack = icmp eq ptr %memory, null
  br i1 %on.stack, label %copies, label %take.memory
take.memory:
  %was.used = atomicrmw xchg ptr %used, i64 1 acquire
  %is.free = icmp eq i64 %was.used, 0
  br i1 %is.free, label %copies, label %other"""


def _copies(head: int) -> str:
    """Return what copies the numbers of the arguments, and then of the list of leaves."""
    return f"""\
copies:
  %start = select i1 %on.stack, ptr %stack, ptr %memory
  br label %copy.next
copy.next:
  %copied = phi i64 [ 0, %copies ], [ %copied.next, %copy.done ]
  %to = phi ptr [ %start, %copies ], [ %to.next, %copy.done ]
  %copies.done = icmp eq i64 %copied, %count
  br i1 %copies.done, label %copied.all, label %copy
copy:
  %source.p = getelementptr ptr, ptr %given, i64 %copied
  %source = load ptr, ptr %source.p
  %source.part = getelementptr [{ctypes.sizeof(Part)} x i8], ptr %arguments, i64 %copied
  {_field("source.kind", "i64", "%source.part", Part.kind.offset)}
  {_field("source.size", "i64", "%source.part", Part.size.offset)}
  %is.float = icmp eq i64 %source.kind, {FLOAT}
  br i1 %is.float, label %copy.float, label %copy.array
copy.float:
  %double = call double @PyFloat_AsDouble(ptr %source)
  store double %double, ptr %to
  br label %copy.done
copy.array:
  {_field("data", "ptr", "%source", head + DATA)}
  call ptr @mg.memmove(ptr %to, ptr %data, i64 %source.size)
  br label %copy.done
copy.done:
  %copied.next = add i64 %copied, 1
  %to.next = getelementptr i8, ptr %to, i64 %source.size
  br label %copy.next
copied.all:
  br i1 %has.leaves, label %leaves.list, label %run.ready
leaves.list:
  %list.p = getelementptr ptr, ptr %given, i64 %count
  %list = load ptr, ptr %list.p
  br label %leaf
leaf:
  %leaf.number = phi i64 [ 0, %leaves.list ], [ %leaf.next, %leaf ]
  %leaf.object = call ptr @PyList_GetItem(ptr %list, i64 %leaf.number)
  %leaf.double = call double @PyFloat_AsDouble(ptr %leaf.object)
  %leaf.to = getelementptr double, ptr %to, i64 %leaf.number
  store double %leaf.double, ptr %leaf.to
  %leaf.next = add i64 %leaf.number, 1
  %leaves.done = icmp eq i64 %leaf.next, %leaves
  br i1 %leaves.done, label %run.ready, label %leaf"""


# Runs the program, makes objects of what comes out, and gives the memory back.
_RUN = f"""\
run.ready:
  {_of_plan("run")}
  %frees.others = icmp ne i64 %is_long, 0
  br i1 %frees.others, label %run.long, label %run.short
run.short:
  %short.failed = call i32 %run(ptr %start)
  br label %ran
run.long:
  %thread = call ptr @PyEval_SaveThread()
  %long.failed = call i32 %run(ptr %start)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %ran
ran:
  %failed = phi i32 [ %short.failed, %run.short ], [ %long.failed, %run.long ]
  %is.fine = icmp eq i32 %failed, 0
  br i1 %is.fine, label %collect, label %leave
collect:
  {_of_plan("results")}
  {_of_plan("outputs")}
  store ptr %results, ptr %cursor
  %place = getelementptr ptr, ptr %cursor, i64 1
  %doubles = getelementptr i8, ptr %start, i64 %outputs
  store ptr %doubles, ptr %place
  %made = call ptr @make(ptr %cursor, ptr %plan)
  br label %leave
leave:
  %found = phi ptr [ %float, %ran ], [ %made, %collect ]
  br i1 %on.stack, label %left, label %leave.memory
leave.memory:
  store atomic i64 0, ptr %used release, align 8
  br label %left
left:
  br i1 %is.fine, label %done, label %other
done:
  ret ptr %found
other:
  call void @Py_IncRef(ptr %float)
  ret ptr %float"""
