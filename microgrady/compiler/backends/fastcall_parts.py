"""What the instructions of built-in functions have in common: how they look at arguments and make results.

It is LLVM IR, of which each kind of built-in function has blocks of its own. What an argument or a result is stands in
`Part`s, as data.
"""

from __future__ import annotations

import ctypes

from microgrady.compiler.backends.array_interface import (
    BYTE_ORDER,
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

# What they call of CPython's stable interface, and of C.
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
    "PyMem_RawMalloc": "ptr @PyMem_RawMalloc(i64)",
    "PyMem_RawFree": "void @PyMem_RawFree(ptr)",
    "PyErr_NoMemory": "ptr @PyErr_NoMemory()",
    "mg.memmove": "ptr @mg.memmove(ptr, ptr, i64)",
}

FLOAT, ARRAY, TUPLE, LIST = range(4)  # kinds of parts
HEAD = object.__basicsize__  # bytes of an object that come before its own fields


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


def interface_addresses() -> dict[str, int]:
    """Return where the functions of CPython and of C are that machine code calls."""
    functions = {
        name: ctypes.memmove if name == "mg.memmove" else getattr(ctypes.pythonapi, name)
        for name in {**CALLBACKS, **INTERFACE}
    }
    return {name: ctypes.cast(function, ctypes.c_void_p).value or 0 for name, function in functions.items()}


def declarations() -> list[str]:
    """Return the lines that declare what is called of CPython and of C."""
    return [f"declare {declaration}" for declaration in INTERFACE.values()]


def field(name: str, kind: str, thing: str, place: int) -> str:
    """Return what loads a variable from so many bytes behind an address."""
    return f"%{name}.p = getelementptr i8, ptr {thing}, i64 {place}\n  %{name} = load {kind}, ptr %{name}.p"


def field_of(structure: type[ctypes.Structure], name: str, thing: str) -> str:
    """Return what loads a field of a structure whose address is known into a variable of that name."""
    kind = "ptr" if (name, ctypes.c_void_p) in structure._fields_ else "i64"
    return field(name, kind, thing, getattr(structure, name).offset)


def of_part(name: str) -> str:
    """Return what loads a field of the part at `%part`."""
    return field_of(Part, name, "%part")


def check(name: str, flag: int, first: int) -> str:
    """Return a function that says whether an array holds doubles and has the shape of a part.

    Args:
        name: What to call it.
        flag: A flag that the array must have.
        first: The first of the axes that must have the right lengths.
    """
    return f"""
define internal i1 @{name}(ptr %array, ptr %part) {{
entry:
  {of_part("count")}
  {of_part("shape")}
  {field("dimensions", "i32", "%array", HEAD + DIMENSIONS)}
  %dimensions.long = zext i32 %dimensions to i64
  %dimensions.right = icmp eq i64 %dimensions.long, %count
  {field("flags", "i32", "%array", HEAD + FLAGS)}
  %flag = and i32 %flags, {flag}
  %flag.right = icmp ne i32 %flag, 0
  {field("dtype", "ptr", "%array", HEAD + DTYPE)}
  {field("type", "i32", "%dtype", HEAD + TYPE_NUMBER)}
  %type.right = icmp eq i32 %type, {DOUBLE}
  {field("order", "i8", "%dtype", HEAD + BYTE_ORDER)}
  %order.right = icmp eq i8 %order, {ord(NATIVE)}
  %some = and i1 %dimensions.right, %flag.right
  %more = and i1 %some, %type.right
  %all = and i1 %more, %order.right
  {field("lengths", "ptr", "%array", HEAD + SHAPE)}
  br i1 %all, label %axes, label %unlike
axes:
  %axis = phi i64 [ {first}, %entry ], [ %next, %same ]
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


def maker(name: str, leaf: str) -> str:
    """Return a function that makes an object, with all that is in it, or returns null with the error set.

    Its cursor has the address of the next part, and another one.

    Args:
        name: What to call it.
        leaf: The blocks that make a number or an array and go on to the next ones. Before the first label stands the
            end of a block, which goes to `tuple` or `list` for a part of these kinds. `%here` is the other address in
            the cursor, which stands at `%here.p`, and where nothing can be made, there is `failed` to go to.
    """
    return f"""
define internal ptr @{name}(ptr %cursor, ptr %plan) {{
entry:
  %part = load ptr, ptr %cursor
  %part.next = getelementptr i8, ptr %part, i64 {ctypes.sizeof(Part)}
  store ptr %part.next, ptr %cursor
  %here.p = getelementptr ptr, ptr %cursor, i64 1
  %here = load ptr, ptr %here.p
  {of_part("kind")}
  {of_part("count")}
  {of_part("size")}
{leaf}
{_container(name)}
}}"""


def new_array(plan: type[ctypes.Structure], shape: str) -> str:
    """Return the instructions of such a leaf that make an array, `%made`, and then go to `fill`.

    Args:
        plan: The class of what stands at `%plan`.
        shape: Where the lengths of the array stand; there are `%count`.
    """
    own = "ptr null, ptr null, i32 0, i32 0, ptr null"  # neither strides nor data nor flags of another array
    return f"""\
  {field_of(plan, "ndarray", "%plan")}
  {field_of(plan, "new", "%plan")}
  %dimensions = trunc i64 %count to i32
  %made = call ptr %new(ptr %ndarray, i32 %dimensions, ptr {shape}, i32 {DOUBLE}, {own})
  %made.failed = icmp eq ptr %made, null
  br i1 %made.failed, label %failed, label %fill
fill:
  {field("data", "ptr", "%made", HEAD + DATA)}"""


def _container(name: str) -> str:
    """Return the blocks that make a tuple or a list, and then one after the other what is in it.

    Args:
        name: That of the function.
    """
    return f"""\
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
  %item = call ptr @{name}(ptr %cursor, ptr %plan)
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


def copying_leaf(plan: type[ctypes.Structure]) -> str:
    """Return the blocks that make a float, or an array with copies of doubles, the next of which is at `%here`.

    Args:
        plan: The class of what stands at `%plan`.
    """
    return f"""\
  switch i64 %kind, label %float [ i64 {ARRAY}, label %array  i64 {TUPLE}, label %tuple  i64 {LIST}, label %list ]
float:
  %double = load double, ptr %here
  %number = call ptr @PyFloat_FromDouble(double %double)
  br label %on
array:
  {of_part("shape")}
{new_array(plan, "%shape")}
  call ptr @mg.memmove(ptr %data, ptr %here, i64 %size)
  br label %on
on:
  %object = phi ptr [ %number, %float ], [ %made, %fill ]
  %here.next = getelementptr i8, ptr %here, i64 %size
  store ptr %here.next, ptr %here.p
  ret ptr %object"""


def opening(plan: type[ctypes.Structure]) -> str:
    """Return the instructions that load what a call begins with, and go to `checks` or, if the count differs, `other`.

    Args:
        plan: The class of what stands at the address that `%self` has as an int.
    """
    names = "float", "ndarray", "count", "leaves", "arguments"
    loads = "\n  ".join(field_of(plan, name, "%plan") for name in names)
    return f"""\
  %plan = call ptr @PyLong_AsVoidPtr(ptr %self)
  {loads}
  %has.leaves = icmp ne i64 %leaves, 0
  %list.count = zext i1 %has.leaves to i64
  %expected.count = add i64 %count, %list.count
  %count.right = icmp eq i64 %given.count, %expected.count
  br i1 %count.right, label %checks, label %other"""


def checks(check_array: str) -> str:
    """Return the blocks that look at each argument, from `checks`, which `entry` goes to, to `take` or `other`.

    Args:
        check_array: What looks at the array `%argument`, of which `%part` with its `%kind` says what it must be, and
            goes to `fits` or `other`.
    """
    return f"""\
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
  {of_part("kind")}
  %wants.float = icmp eq i64 %kind, {FLOAT}
  %type.expected = select i1 %wants.float, ptr %float, ptr %ndarray
  %type.right = icmp eq ptr %type, %type.expected
  br i1 %type.right, label %check.shape, label %other
check.shape:
  br i1 %wants.float, label %fits, label %check.array
check.array:
{check_array}
fits:
  %checked.next = add i64 %checked, 1
  br label %checks"""


def copies(start: str, copy_array: str) -> str:
    """Return the blocks that copy the numbers of the arguments, and then those of the list of leaves.

    A block `copies` goes to their first one, `copy.next`; they go to `run.ready`.

    Args:
        start: The address to copy them to.
        copy_array: What copies the array `%source` to `%to`, of which `%source.part` with its `%source.kind` says what
            it is, and goes to `copy.done`.
    """
    return f"""\
copy.next:
  %copied = phi i64 [ 0, %copies ], [ %copied.next, %copy.done ]
  %to = phi ptr [ {start}, %copies ], [ %to.next, %copy.done ]
  %copies.done = icmp eq i64 %copied, %count
  br i1 %copies.done, label %copied.all, label %copy
copy:
  %source.p = getelementptr ptr, ptr %given, i64 %copied
  %source = load ptr, ptr %source.p
  %source.part = getelementptr [{ctypes.sizeof(Part)} x i8], ptr %arguments, i64 %copied
  {field("source.kind", "i64", "%source.part", Part.kind.offset)}
  {field("source.size", "i64", "%source.part", Part.size.offset)}
  %is.float = icmp eq i64 %source.kind, {FLOAT}
  br i1 %is.float, label %copy.float, label %copy.array
copy.float:
  %double = call double @PyFloat_AsDouble(ptr %source)
  store double %double, ptr %to
  br label %copy.done
copy.array:
{copy_array}
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


# Copies an array whose doubles stand in a row.
COPY_ROW = f"""\
  {field("data", "ptr", "%source", HEAD + DATA)}
  call ptr @mg.memmove(ptr %to, ptr %data, i64 %source.size)
  br label %copy.done"""
