"""Sums of columns, added up lane by lane in an order that does not depend on the computer."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.llvm import Module
from microgrady.compiler.fold import LANES

# Row by row, the first LANES * blocks numbers are added to the sums of the row, block by block, and then the rest to
# the first of them.
_SOURCE = f"""
define void @add(ptr noalias %sums, ptr noalias readonly %rows, i64 %count, i64 %stride, i64 %blocks, i64 %rest) {{
entry:
  br label %row
row:
  %r = phi i64 [ 0, %entry ], [ %r.next, %row.end ]
  %r.offset = mul nsw i64 %r, %stride
  %numbers = getelementptr inbounds double, ptr %rows, i64 %r.offset
  %to = getelementptr inbounds <{LANES} x double>, ptr %sums, i64 %r
  %first = load <{LANES} x double>, ptr %to, align 8
  %any = icmp ne i64 %blocks, 0
  br i1 %any, label %block, label %tail
block:
  %b = phi i64 [ 0, %row ], [ %b.next, %block ]
  %sum = phi <{LANES} x double> [ %first, %row ], [ %more, %block ]
  %from = getelementptr inbounds <{LANES} x double>, ptr %numbers, i64 %b
  %some = load <{LANES} x double>, ptr %from, align 8
  %more = fadd <{LANES} x double> %sum, %some
  %b.next = add nuw i64 %b, 1
  %goes.on = icmp ult i64 %b.next, %blocks
  br i1 %goes.on, label %block, label %tail
tail:
  %all = phi <{LANES} x double> [ %first, %row ], [ %more, %block ]
  store <{LANES} x double> %all, ptr %to, align 8
  %has.rest = icmp ne i64 %rest, 0
  br i1 %has.rest, label %single, label %row.end
single:
  %s = phi i64 [ 0, %tail ], [ %s.next, %single ]
  %done = mul nuw i64 %blocks, {LANES}
  %at = add nuw i64 %done, %s
  %number.at = getelementptr inbounds double, ptr %numbers, i64 %at
  %number = load double, ptr %number.at, align 8
  %lane.at = getelementptr inbounds double, ptr %to, i64 %s
  %lane = load double, ptr %lane.at, align 8
  %lane.more = fadd double %lane, %number
  store double %lane.more, ptr %lane.at, align 8
  %s.next = add nuw i64 %s, 1
  %s.goes.on = icmp ult i64 %s.next, %rest
  br i1 %s.goes.on, label %single, label %row.end
row.end:
  %r.next = add nuw i64 %r, 1
  %r.goes.on = icmp ult i64 %r.next, %count
  br i1 %r.goes.on, label %row, label %end
end:
  ret void
}}

define void @total(ptr noalias %sums, ptr noalias readonly %places, ptr noalias %totals, i64 %count, double %divisor) {{
entry:
  br label %row
row:
  %r = phi i64 [ 0, %entry ], [ %r.next, %row ]
  %place.at = getelementptr inbounds i64, ptr %places, i64 %r
  %place = load i64, ptr %place.at, align 8
  %at = getelementptr inbounds <8 x double>, ptr %sums, i64 %place
  %lanes = load <8 x double>, ptr %at, align 8
  %low = shufflevector <8 x double> %lanes, <8 x double> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %high = shufflevector <8 x double> %lanes, <8 x double> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %four = fadd <4 x double> %low, %high
  %left = shufflevector <4 x double> %four, <4 x double> poison, <2 x i32> <i32 0, i32 1>
  %right = shufflevector <4 x double> %four, <4 x double> poison, <2 x i32> <i32 2, i32 3>
  %two = fadd <2 x double> %left, %right
  %even = extractelement <2 x double> %two, i64 0
  %odd = extractelement <2 x double> %two, i64 1
  %one = fadd double %even, %odd
  %total = fdiv double %one, %divisor
  %to = getelementptr inbounds double, ptr %totals, i64 %r
  store double %total, ptr %to, align 8
  %r.next = add nuw i64 %r, 1
  %goes.on = icmp ult i64 %r.next, %count
  br i1 %goes.on, label %row, label %clear
clear:
  %c = phi i64 [ 0, %row ], [ %c.next, %clear ]
  %cleared.at = getelementptr inbounds i64, ptr %places, i64 %c
  %cleared = load i64, ptr %cleared.at, align 8
  %lanes.at = getelementptr inbounds <8 x double>, ptr %sums, i64 %cleared
  store <8 x double> zeroinitializer, ptr %lanes.at, align 8
  %c.next = add nuw i64 %c, 1
  %c.goes.on = icmp ult i64 %c.next, %count
  br i1 %c.goes.on, label %clear, label %end
end:
  ret void
}}
"""


@functools.cache
def _compiled() -> tuple[Executable, Callable[..., None], Callable[..., None]]:
    executable = Executable([Module(_SOURCE, set())], ["add", "total"], 2)
    add = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 4)
    total = ctypes.PYFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_double)
    return executable, add(executable.addresses["add"]), total(executable.addresses["total"])


def lane_sums() -> Executable:
    """Return what `add` is in, for other machine code."""
    return _compiled()[0]


def add_to_lanes(sums: int, rows: int, count: int, stride: int, length: int) -> None:
    """Add the numbers of rows to sums of their own: the number at place k to sum k % LANES, in order.

    Args:
        sums: The address of LANES doubles for each row.
        rows: The address of the first row.
        count: How many rows there are: at least one.
        stride: How many doubles the beginnings of two rows are apart.
        length: How many numbers of each row are added.
    """
    _compiled()[1](sums, rows, count, stride, length // LANES, length % LANES)


def total_over_lanes(sums: int, places: int, totals: int, count: int, divisor: float) -> None:
    """Put together the sums of the lanes, as `fold.over_lanes` does, and set them to zero.

    Args:
        sums: The address from which on LANES doubles belong to each place.
        places: The address of the place of each total, an i64.
        totals: The address of the totals.
        count: How many there are: at least one.
        divisor: What they are divided by.
    """
    _compiled()[2](sums, places, totals, count, divisor)
