"""The instructions that run a kernel over a batch, and add up what comes out: LLVM IR."""

from __future__ import annotations

from microgrady.compiler.backends.batch_plan import of_plan, places
from microgrady.compiler.fold import LANES


def runner() -> str:
    """Return a function that runs a kernel over all points, and returns how many left the path.

    If none did, the rows are added up.
    """
    return f"""
define internal i64 @run(ptr %plan, ptr %memory, i64 %points) {{
entry:
  {of_plan("dense")}
  {of_plan("listed")}
  {of_plan("width")}
  {of_plan("add")}
  {of_plan("row")}
{places("table", "fixed", "indices", "codes")}
  %rows.size = mul i64 %row, %points
  %to.codes = getelementptr i8, ptr %at.codes, i64 %rows.size
  %is.few = icmp ult i64 %points, %width
  br i1 %is.few, label %few, label %many
many:
  %many.left = call i64 %dense(ptr %at.table, ptr %at.fixed, ptr %memory, ptr %to.codes, i64 0, i64 %points)
  br label %ran
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
  %few.left = call i64 %listed(ptr %at.table, ptr %at.fixed, ptr %memory, ptr %to.codes, ptr %at.indices, i64 %width)
  br label %ran
ran:
  %left = phi i64 [ %many.left, %many ], [ %few.left, %start ]
  %is.fine = icmp eq i64 %left, 0
  %adds = icmp ne ptr %add, null
  %goes.on = and i1 %is.fine, %adds
  br i1 %goes.on, label %fold, label %done
fold:
  call void @fold(ptr %plan, ptr %memory, i64 %points)
  br label %done
done:
  ret i64 %left
}}"""


def folder() -> str:
    """Return a function that adds up rows, in the order that sums have everywhere."""
    return f"""
define internal void @fold(ptr %plan, ptr %memory, i64 %points) {{
entry:
  {of_plan("add")}
  {of_plan("divides")}
  {of_plan("outputs")}
{places("lanes", "rows")}
  %doubles = mul i64 %outputs, {LANES}
  %divisor = uitofp i64 %points to double
  %is.nothing = icmp eq i64 %outputs, 0
  br i1 %is.nothing, label %done, label %clear
clear:
  %cleared = phi i64 [ 0, %entry ], [ %cleared.next, %clear ]
  %double.p = getelementptr double, ptr %at.lanes, i64 %cleared
  store double 0.0, ptr %double.p
  %cleared.next = add i64 %cleared, 1
  %is.clear = icmp eq i64 %cleared.next, %doubles
  br i1 %is.clear, label %sum, label %clear
sum:
  %blocks = udiv i64 %points, {LANES}
  %rest = urem i64 %points, {LANES}
  call void %add(ptr %at.lanes, ptr %at.rows, i64 %outputs, i64 %points, i64 %blocks, i64 %rest)
  br label %one
one:
  %number = phi i64 [ 0, %sum ], [ %number.next, %one ]
  %eight.p = getelementptr <{LANES} x double>, ptr %at.lanes, i64 %number
  %eight = load <8 x double>, ptr %eight.p, align 8
  %low = shufflevector <8 x double> %eight, <8 x double> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %high = shufflevector <8 x double> %eight, <8 x double> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %four = fadd <4 x double> %low, %high
  %front = shufflevector <4 x double> %four, <4 x double> poison, <2 x i32> <i32 0, i32 1>
  %back = shufflevector <4 x double> %four, <4 x double> poison, <2 x i32> <i32 2, i32 3>
  %two = fadd <2 x double> %front, %back
  %even = extractelement <2 x double> %two, i64 0
  %odd = extractelement <2 x double> %two, i64 1
  %total = fadd double %even, %odd
  %mean = fdiv double %total, %divisor
  %is.mean = icmp ne i64 %divides, 0
  %found = select i1 %is.mean, double %mean, double %total
  %found.p = getelementptr double, ptr %at.lanes, i64 %number
  store double %found, ptr %found.p
  %number.next = add i64 %number, 1
  %is.last = icmp eq i64 %number.next, %outputs
  br i1 %is.last, label %done, label %one
done:
  ret void
}}"""
