"""The instructions of the built-in functions by which floats and arrays get to machine code: LLVM IR, for all of them.

What one of them takes and makes is data, a `Plan`, and not instructions, so that nothing is compiled for it.
"""

from __future__ import annotations

import ctypes

from microgrady.compiler.backends.array_interface import C_CONTIGUOUS
from microgrady.compiler.backends.fastcall_parts import (
    COPY_ROW,
    check,
    checks,
    copies,
    copying_leaf,
    declarations,
    field_of,
    maker,
    opening,
)

ON_STACK = 448  # doubles: with all else less than the page that compilers probe for


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


def fastcall_source() -> str:
    """Return the LLVM IR of `call`.

    It takes what METH_FASTCALL passes, the address of a plan as an int before it. It returns the type float where it
    has no result: other arguments were given, a guard does not hold, or another call works on the memory.
    """
    return "\n".join([*declarations(), check("is_like", C_CONTIGUOUS, 0), maker("make", copying_leaf(Plan)), _call()])


def _of_plan(name: str) -> str:
    return field_of(Plan, name, "%plan")


def _call() -> str:
    """Return the function that Python calls."""
    return f"""
define ptr @call(ptr %self, ptr %given, i64 %given.count) {{
entry:
  %cursor = alloca [2 x ptr]
  %stack = alloca [{ON_STACK} x double], align 64
{opening(Plan)}
{checks(_CHECK_ARRAY)}
{_TAKE}
{copies("%start", COPY_ROW)}
{_RUN}
}}"""


_CHECK_ARRAY = """\
  %array.right = call i1 @is_like(ptr %argument, ptr %part)
  br i1 %array.right, label %fits, label %other"""

# Takes the memory.
_TAKE = f"""\
take:
  {_of_plan("memory")}
  %on.stack = icmp eq ptr %memory, null
  br i1 %on.stack, label %copies, label %take.memory
take.memory:
  %used = getelementptr i8, ptr %plan, i64 {Plan.used.offset}
  %was.used = atomicrmw xchg ptr %used, i64 1 acquire
  %is.free = icmp eq i64 %was.used, 0
  br i1 %is.free, label %copies, label %other
copies:
  %start = select i1 %on.stack, ptr %stack, ptr %memory
  br label %copy.next"""


# Runs the program, makes objects of what comes out, and gives the memory back.
_RUN = f"""\
run.ready:
  {_of_plan("run")}
  {_of_plan("is_long")}
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
  %used.still = getelementptr i8, ptr %plan, i64 {Plan.used.offset}
  store atomic i64 0, ptr %used.still release, align 8
  br label %left
left:
  br i1 %is.fine, label %done, label %other
done:
  ret ptr %found
other:
  call void @Py_IncRef(ptr %float)
  ret ptr %float"""
