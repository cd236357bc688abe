"""Small batches by the built-in function: what it takes, what it leaves to others, and whose memory the results are."""

from __future__ import annotations

import ctypes
import gc
import itertools
import math
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrady.compiler.backends import batch_fastcall
from microgrady.compiler.backends.batch_fastcall import BatchArgument, BatchFastCall, BatchForm, Kernels
from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.llvm import Module
from microgrady.compiler.backends.simd import Access
from microgrady.compiler.fold import fold
from microgrady.trees import count, flatten
from tests.threads import join, run_in_threads, start

pytest.importorskip("llvmlite", reason="needs llvmlite")
np = pytest.importorskip("numpy", reason="needs NumPy")

WIDTH = 8
MEMORY = 200  # bytes
LEFT = -1000.0  # a point whose first number is less than this leaves the path
NUMBER, ROW, GAPS = (BatchArgument(None, access) for access in (Access.FIXED, Access.CONSECUTIVE, Access.STRIDED))


def kernel(name: str, batched: Sequence[bool], outputs: int) -> str:
    """A kernel whose output number k is the sum of the inputs, each times its number and plus k, that of the first one.

    It says that points left the path where it is not called as is agreed.
    """
    is_dense = name == "dense"
    columns = [place for place, is_batched in enumerate(batched) if is_batched]
    lines = [
        f"define i64 @{name}(ptr %table, ptr %fixed, ptr %memory, ptr %codes, {'i64' if is_dense else 'ptr'} %from, "
        "i64 %count) {",
        "entry:",
        "  %place = ptrtoint ptr %memory to i64",
        "  %off = and i64 %place, 63",
        f"  %rest = {'sub i64 0, 0' if is_dense else f'urem i64 %count, {WIDTH}'}",
        "  %wrong.some = or i64 %off, %rest",
        "  %wrong = icmp ne i64 %wrong.some, 0",
        f"  %few = icmp ult i64 %count, {WIDTH}",
        "  %bad = or i1 %wrong, %few",
        f"  %end = getelementptr i8, ptr %memory, i64 {MEMORY - 8}",
        "  store double 0x7FF8000000000000, ptr %end, align 8",
        "  br i1 %bad, label %refuse, label %loop",
        "refuse:",
        "  ret i64 1",
        "loop:",
        "  %k = phi i64 [ 0, %entry ], [ %k.next, %loop ]",
        "  %left = phi i64 [ 0, %entry ], [ %left.next, %loop ]",
        *(
            ["  %i = add i64 %from, %k"]
            if is_dense
            else ["  %i.p = getelementptr i64, ptr %from, i64 %k", "  %i = load i64, ptr %i.p"]
        ),
    ]

    def column(name: str, number: int) -> list[str]:
        return [
            f"  %{name}.b.p = getelementptr [16 x i8], ptr %table, i64 {number}",
            f"  %{name}.b = load ptr, ptr %{name}.b.p",
            f"  %{name}.s.p = getelementptr i8, ptr %{name}.b.p, i64 8",
            f"  %{name}.s = load i64, ptr %{name}.s.p",
            f"  %{name}.o = mul i64 %i, %{name}.s",
            f"  %{name}.p = getelementptr i8, ptr %{name}.b, i64 %{name}.o",
        ]

    for place, is_batched in enumerate(batched):
        if is_batched:
            lines += column(f"x{place}", columns.index(place))
        else:
            lines.append(f"  %x{place}.p = getelementptr double, ptr %fixed, i64 {place}")
        lines.append(f"  %x{place} = load double, ptr %x{place}.p")
        lines.append(f"  %t{place} = fmul double %x{place}, {float(place + 1)}")
        before = f"%a{place - 1}" if place else "0.0"
        lines.append(f"  %a{place} = fadd double {before}, %t{place}")
    for number in range(outputs):
        lines += column(f"y{number}", len(columns) + number)
        lines.append(f"  %y{number} = fadd double %a{len(batched) - 1}, {float(number)}")
        lines.append(f"  store double %y{number}, ptr %y{number}.p")
    lines += [
        f"  %is.left = fcmp olt double %x0, {LEFT}",
        "  %is.left.long = zext i1 %is.left to i64",
        "  %is.left.code = zext i1 %is.left to i32",
        "  %left.next = add i64 %left, %is.left.long",
        "  %code.p = getelementptr i32, ptr %codes, i64 %k",
        "  store i32 %is.left.code, ptr %code.p",
        "  %k.next = add i64 %k, 1",
        "  %done = icmp eq i64 %k.next, %count",
        "  br i1 %done, label %ready, label %loop",
        "ready:",
        "  ret i64 %left.next",
        "}",
    ]
    return "\n".join(lines)


def opened(
    arguments: Sequence[BatchArgument],
    result: Any,
    leaves: int = 0,
    most: int = 16_384,
    operations: int = 1,
    counter: Any = None,
    reduce: str | None = None,
    **others: int,
) -> Callable[..., Any]:
    """The fast call of a function of these arguments with a result like this one, whose numbers do not matter."""
    structure = flatten(result, "the result")[1]
    batched = [argument.access is not Access.FIXED for argument in arguments for _ in range(count(argument.shape))]
    batched += [False] * leaves
    source = "\n".join(kernel(name, batched, structure.count) for name in ("dense", "listed"))
    executable = Executable([Module(source, set())], ("dense", "listed"), 0)
    addresses = {**executable.addresses, **others}
    counter = ctypes.c_int64() if counter is None else counter
    kernels = Kernels(addresses["dense"], addresses["listed"], MEMORY, WIDTH, operations, counter, executable)
    form = BatchForm(tuple(arguments), leaves, structure, reduce)
    assert form.is_possible
    return BatchFastCall(form, kernels, most).function()


def expected(
    arguments: Sequence[BatchArgument],
    result: Any,
    args: Sequence[Any],
    leaves: Sequence[float] = (),
    reduce: str | None = None,
) -> Any:
    """What the fast call must return."""
    structure = flatten(result, "the result")[1]
    given = list(zip(args, arguments, strict=True))
    points = next(len(arg) for arg, argument in given if argument.access is not Access.FIXED)
    numbers: list[Any] = []
    for arg, argument in given:
        size, array = count(argument.shape), np.array(arg, float)
        rows = array.reshape(1, size) if argument.access is Access.FIXED else array.reshape(points, size)
        numbers += [rows[:, place] for place in range(size)]
    total = np.zeros(points)
    for place, number in enumerate([*numbers, *leaves], 1):
        total = total + place * number
    if reduce is not None:
        return structure.rebuild([fold((total + float(k)).tolist(), reduce) for k in range(structure.count)])
    outputs, parts = itertools.count(), []
    for shape in structure.shapes:
        columns = [total + next(outputs) for _ in range(count(shape))]
        parts.append(np.array(columns).reshape(count(shape), points).T.reshape(points, *(shape or ())))
    return structure.assemble(parts)


def assert_same(found: Any, wanted: Any) -> None:
    """Check that two results are of the same types and have the same bits."""
    assert type(found) is type(wanted)
    if isinstance(found, (list, tuple)):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_same(one, other)
    elif isinstance(found, float):
        assert np.float64(found).tobytes() == np.float64(wanted).tobytes()
    else:
        assert type(found) is np.ndarray
        assert found.flags == np.zeros(found.shape).flags
        assert found.base is None
        assert (found.dtype, found.shape) == (np.dtype("f8"), wanted.shape)
        assert found.tobytes() == wanted.tobytes()


def filled(*shape: int, start: float = 0.5) -> Any:
    return np.arange(start, start + math.prod(shape)).reshape(shape)


@pytest.mark.parametrize("points", [1, 2, 7, 8, 9, 10, 16, 513, 16_384])
@pytest.mark.parametrize("result", [1.0, (1.0, (1.0, 1.0)), [[1.0], (), (1.0, np.ones(3))], np.ones((2, 3)), ()])
def test_rows_of_numbers(points: int, result: Any) -> None:
    arguments = [ROW, ROW]
    args = [filled(points), filled(points, start=-7.25)]
    assert_same(opened(arguments, result)(*args), expected(arguments, result, args))


@pytest.mark.parametrize("points", [1, 2, 7, 8, 9, 10, 16, 513, 16_384])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize(
    "result", [1.0, (1.0, (1.0, 1.0)), [[1.0], (), (1.0, np.ones(3))], np.ones((2, 3)), np.ones(()), np.ones(0), ()]
)
def test_sums(points: int, reduce: str, result: Any) -> None:
    arguments = [ROW, NUMBER]
    args = [np.sin(filled(points)) / 3.0, 0.1]
    call = opened(arguments, result, reduce=reduce)
    assert_same(call(*args), expected(arguments, result, args, reduce=reduce))


def spaced(shape: tuple[int, ...], gap: int, start: float) -> Any:
    """An array of this shape with gaps between its numbers; turned around with a negative one."""
    whole = filled(*(length * abs(gap) for length in shape), start=start)
    return whole[tuple([slice(None, None, gap)] * len(shape))]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_arguments_in_any_order_and_nesting(data: st.DataObject) -> None:
    points = data.draw(st.integers(1, 40), "points")
    shapes = st.none() | st.sampled_from([(), (1,), (3,), (0,), (2, 3), (2, 0, 1), (1, 2, 2)])
    drawn = data.draw(st.lists(st.tuples(shapes, st.sampled_from(["fixed", "row", "gaps"])), min_size=1, max_size=5))
    drawn.append((None, "row"))  # a batch
    args: list[Any] = []
    arguments = []
    for place, (shape, way) in enumerate(drawn):
        if way == "fixed":
            args.append(0.25 + place if shape is None else filled(*shape, start=0.25 + place))
            arguments.append(BatchArgument(shape, Access.FIXED))
            continue
        gap = 1 if way == "row" else data.draw(st.sampled_from([2, 3, -1, -2]))
        arg = spaced((points, *(shape or ())), gap, 1.5 - place)
        if data.draw(st.booleans(), "columns"):
            arg = np.asfortranarray(arg)
        args.append(arg)
        arguments.append(BatchArgument(shape, Access.CONSECUTIVE if arg.strides[0] == 8 else Access.STRIDED))
    leaf = st.none() | st.sampled_from([(), (2,), (0,), (2, 2)])
    plan = data.draw(
        st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple))
    )
    leaves = data.draw(st.lists(st.floats(-10, 10), max_size=3))
    reduce = data.draw(st.sampled_from([None, "sum", "mean"]))

    def result(plan: Any) -> Any:
        if isinstance(plan, list) or (isinstance(plan, tuple) and not all(isinstance(part, int) for part in plan)):
            return type(plan)(map(result, plan))
        return 1.0 if plan is None else np.ones(plan)

    call = opened(arguments, result(plan), len(leaves), reduce=reduce)
    found = call(*args, *([leaves] if leaves else []))
    assert_same(found, expected(arguments, result(plan), args, leaves, reduce))


def subclass_of(array: Any) -> Any:
    return array.view(type("Special", (np.ndarray,), {}))


GOOD = filled(10)
OTHERS: dict[str, Callable[[], Any]] = {
    "integers": lambda: np.arange(10),
    "booleans": lambda: GOOD > 0,
    "narrow floats": lambda: GOOD.astype(np.float32),
    "wide floats": lambda: GOOD.astype(np.longdouble),
    "complex numbers": lambda: GOOD.astype(complex),
    "objects": lambda: GOOD.astype(object),
    "times": lambda: np.arange(10).astype("M8[s]"),
    "the other order of bytes": lambda: GOOD.astype(GOOD.dtype.newbyteorder("S")),
    "gaps": lambda: filled(20)[::2],
    "turned around": lambda: GOOD[::-1],
    "one number for all": lambda: np.broadcast_to(np.array(2.0), (10,)),
    "unaligned": lambda: np.frombuffer(b"x" + GOOD.tobytes(), np.float64, GOOD.size, 1),
    "a field of records": lambda: np.array([(1.0, 2)] * 10, [("x", "f8"), ("y", "i8")])["x"],
    "no axis": lambda: np.array(1.0),
    "two axes": lambda: GOOD[:, None],
    "no points": lambda: np.zeros(0),
    "too many points": lambda: np.zeros(101),
    "a subclass": lambda: subclass_of(GOOD),
    "a masked array": lambda: np.ma.array(GOOD),
    "a memory map": lambda: np.zeros(10).view(np.memmap),
    "a list": GOOD.tolist,
    "a number": lambda: 1.0,
    "a number of NumPy": lambda: np.float64(1.0),
    "a whole number": lambda: 1,
    "a text": lambda: "text",
    "none": lambda: None,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_anything_else_is_left_to_others(kind: str) -> None:
    other = OTHERS[kind]()
    if kind == "unaligned":
        assert not other.flags.aligned
    call = opened([ROW], 1.0, most=100)
    assert call(other) is float
    assert call(GOOD, other) is float
    assert call() is float
    pair = opened([ROW, ROW], 1.0, most=100)
    assert pair(GOOD, other) is pair(other, GOOD) is float
    assert_same(call(GOOD), expected([ROW], 1.0, [GOOD]))


def test_numbers_that_are_the_same_for_all_points_are_floats() -> None:
    call = opened([ROW, NUMBER], 1.0)
    assert_same(call(GOOD, 2.0), expected([ROW, NUMBER], 1.0, [GOOD, 2.0]))
    for other in (2, True, np.float64(2.0), np.array(2.0), GOOD, "2", None, math):
        assert call(GOOD, other) is float
    assert opened([NUMBER], 1.0)(2.0) is float  # nothing says how many points


def test_arrays_that_are_the_same_for_all_points_have_their_shape_and_no_gaps() -> None:
    arguments = [ROW, BatchArgument((2, 3), Access.FIXED)]
    call = opened(arguments, (1.0, np.ones(2)))
    array = filled(2, 3)
    assert_same(call(GOOD, array), expected(arguments, (1.0, np.ones(2)), [GOOD, array]))
    for other in (array.T, array.T.copy(), filled(2, 6)[:, ::2], filled(6), array.astype(int), 1.0, array.tolist()):
        assert call(GOOD, other) is float


@pytest.mark.parametrize("shape", [(4, 10, 3), (10, 3, 4), (10, 4), (10, 3, 1), (10,), (10, 0), (3, 10)])
def test_points_of_other_shapes_are_left_to_others(shape: tuple[int, ...]) -> None:
    call = opened([BatchArgument((3,), Access.STRIDED)], 1.0)
    assert call(np.ones(shape)) is float
    assert call(np.ones((10, 3))) is not float


def test_the_stride_is_that_of_the_kernel() -> None:
    gaps, row = filled(20)[::2], filled(10)
    assert opened([GAPS], 1.0)(row) is float
    assert opened([ROW], 1.0)(gaps) is float
    for arguments, args in (([GAPS, ROW], [gaps, row]), ([ROW, GAPS], [row, gaps]), ([GAPS], [row[::-1]])):
        assert_same(opened(arguments, 1.0)(*args), expected(arguments, 1.0, args))
    for one in (row[:1], gaps[:1]):  # there is no other point, so both do
        assert_same(opened([GAPS], 1.0)(one), expected([GAPS], 1.0, [one]))
        assert_same(opened([ROW], 1.0)(one), expected([ROW], 1.0, [one]))


def test_overlapping_and_repeated_points() -> None:
    base = filled(30)
    windows = np.lib.stride_tricks.as_strided(base, (20, 4), (8, 8))
    window = BatchArgument((4,), Access.CONSECUTIVE)
    assert_same(opened([window], 1.0)(windows), expected([window], 1.0, [windows]))
    repeated = np.broadcast_to(np.array(2.0), (10,))
    assert_same(opened([GAPS, GAPS], 1.0)(repeated, repeated), expected([GAPS, GAPS], 1.0, [repeated, repeated]))
    assert_same(opened([ROW, ROW], 1.0)(base, base), expected([ROW, ROW], 1.0, [base, base]))


def test_arrays_that_are_merely_unusual_are_taken() -> None:
    call = opened([ROW], 1.0)
    read_only = GOOD.copy()
    read_only.flags.writeable = False
    described = GOOD.astype(np.dtype("f8", metadata={"unit": "m"}))
    for array in (read_only, described, np.concatenate([GOOD, GOOD])[3:13], np.frombuffer(GOOD.tobytes())):
        assert_same(call(array), expected([ROW], 1.0, [array]))


def test_as_many_points_as_the_kernels_do() -> None:
    both, dense, listed = opened([ROW], 1.0), opened([ROW], 1.0, listed=0), opened([ROW], 1.0, dense=0)
    for points in (1, WIDTH - 1, WIDTH, WIDTH + 1):
        array = filled(points)
        wanted = expected([ROW], 1.0, [array])
        assert_same(both(array), wanted)
        for call, does in ((dense, points >= WIDTH), (listed, points < WIDTH)):
            if does:
                assert_same(call(array), wanted)
            else:
                assert call(array) is float


@pytest.mark.parametrize("points", [1, 5, 8, 20, 700])
@pytest.mark.parametrize("reduce", [None, "sum"])
def test_points_that_leave_the_path_are_left_to_others(points: int, reduce: str | None) -> None:
    counter = ctypes.c_int64()
    call = opened([ROW, GAPS], (1.0, 1.0), counter=counter, reduce=reduce)
    other = filled(2 * points)[::2]
    for place in {0, points // 2, points - 1}:
        array = filled(points)
        counter.value, array[place] = 0, 2 * LEFT
        assert call(array, other) is float
        assert counter.value == 0
        array[place] = LEFT
        assert_same(call(array, other), expected([ROW, GAPS], (1.0, 1.0), [array, other], reduce=reduce))
        assert counter.value == points


def test_results_share_memory_with_nothing() -> None:
    result = (1.0, [np.ones(2), 1.0])
    call = opened([ROW], result)
    array = filled(10)
    first, second = call(array), call(array)
    arrays = [array, first[0], *first[1], second[0], *second[1]]
    for one, other in itertools.combinations(arrays, 2):
        assert not np.shares_memory(one, other)
    for changed in arrays[1:4]:
        changed[...] = -7.0
    assert_same(second, expected([ROW], result, [array]))


@pytest.mark.parametrize("points", [3, 10, 1500])
@pytest.mark.parametrize("reduce", [None, "mean"])
def test_it_keeps_nothing_and_frees_nothing_that_it_should_not(points: int, reduce: str | None) -> None:
    call = opened([ROW, GAPS, NUMBER], (1.0, [1.0, (np.ones(2),)]), leaves=2, reduce=reduce)
    leaves = [1.25, 2.5]
    arguments = (filled(points), filled(2 * points)[::2], 4.5, leaves)
    left, other, longer = np.full(points, 2 * LEFT), np.ones(points, np.float32), np.ones(points + 1)
    gc.collect()  # what earlier tests have left
    watched = (float, np.ndarray, np.dtype(float), left, other, longer, *arguments, *leaves)
    before = [sys.getrefcount(thing) for thing in watched]
    tracemalloc.start()
    try:
        for _ in range(1000):
            assert call(*arguments) is not float
            assert call(left, *arguments[1:]) is float
            assert call(other, *arguments[1:]) is call(longer, *arguments[1:]) is call() is float
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 10_000
    finally:
        tracemalloc.stop()
    assert [sys.getrefcount(thing) for thing in watched] == before


@pytest.mark.parametrize("points", [3, 10, 1500])
@pytest.mark.parametrize("reduce", [None, "mean"])
def test_without_memory_it_raises_and_keeps_nothing(points: int, reduce: str | None) -> None:
    testing = pytest.importorskip("_testcapi", reason="needs CPython's own tests")
    # Python keeps the memory of short tuples for others of that length.
    result = (1.0, [1.0, tuple([1.0] * 30), np.ones(2)])
    call = opened([ROW, NUMBER], result, reduce=reduce)
    arguments = (filled(points), 4.5)
    wanted = expected([ROW, NUMBER], result, arguments, reduce=reduce)

    def refusals() -> int:
        refused = 0
        for number in range(1, 50):
            testing.set_nomemory(number, number + 1)
            try:
                call(*arguments)
            except MemoryError:
                refused += 1
            finally:
                testing.remove_mem_hooks()
            assert_same(call(*arguments), wanted)
        return refused

    assert refusals() > 2
    before = sys.getallocatedblocks()
    for _ in range(50):
        refusals()
    assert sys.getallocatedblocks() < before + 40


def test_more_points_than_there_is_memory_for() -> None:
    points = 2**58
    call = opened([GAPS], 1.0, most=points)
    with pytest.raises(MemoryError):
        call(np.broadcast_to(np.array(2.0), (points,)))


@pytest.mark.usefixtures("frequent_switches")
@pytest.mark.parametrize("operations", [1, 10_000])
def test_threads_use_it_at_once(operations: int) -> None:
    arguments, result = [ROW, NUMBER], (1.0, [np.ones(3)])
    call = opened(arguments, result, operations=operations)
    points = [filled(5 + 3 * index) for index in range(8)]
    wanted = [expected(arguments, result, [array, float(index)]) for index, array in enumerate(points)]

    def work(index: int) -> None:
        for _ in range(300):
            assert_same(call(points[index], float(index)), wanted[index])

    run_in_threads(work)


def test_the_collector_may_call_it_in_the_middle() -> None:
    arguments, result = [ROW], [(1.0, [1.0]), ([1.0],)]
    call = opened(arguments, result)
    array, other = filled(10), filled(20, start=-3.0)
    wanted, wanted_inside = (expected(arguments, result, [one]) for one in (array, other))
    inside: list[Any] = []

    def collected(phase: str, info: Any) -> None:
        if phase == "start" and len(inside) < 50:
            inside.append(None)  # at first, as this may come again
            inside[-1] = call(other)

    thresholds = gc.get_threshold()
    gc.callbacks.append(collected)
    gc.set_threshold(1)
    try:
        found = [call(array) for _ in range(20)]
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(collected)
    for one in found:
        assert_same(one, wanted)
    assert inside
    for one in inside:
        assert_same(one, wanted_inside)


WAITING = """
define i64 @dense(ptr %table, ptr %fixed, ptr %memory, ptr %codes, i64 %from, i64 %count) {
entry:
  %column = load ptr, ptr %table
  br label %loop
loop:
  %k = phi i64 [ 0, %entry ], [ %k.next, %loop ]
  %x = load volatile double, ptr %column
  %done = fcmp ogt double %x, 0.0
  %k.next = add i64 %k, 1
  %late = icmp eq i64 %k.next, 20000000000
  %stop = or i1 %done, %late
  br i1 %stop, label %ready, label %loop
ready:
  %found = zext i1 %late to i64
  ret i64 %found
}
"""


def test_other_threads_run_during_long_work() -> None:
    executable = Executable([Module(WAITING, set())], ("dense",), 0)
    kernels = Kernels(executable.addresses["dense"], 0, 0, 1, batch_fastcall.HELD, ctypes.c_int64(), executable)
    call = BatchFastCall(BatchForm((ROW,), 0, flatten((), "the result")[1]), kernels, 100).function()
    array = np.zeros(2)  # the kernel waits until its first number has changed
    found: list[Any] = []
    (thread,) = start(lambda: found.append(call(array)))
    array[0] = 1.0
    join([thread])
    assert found == [()]


def test_what_it_is_possible_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_possible(result: Any, *arguments: BatchArgument) -> bool:
        return BatchForm(arguments, 0, flatten(result, "the result")[1]).is_possible

    assert is_possible((1.0, [np.ones((2, 3))]), ROW)
    assert not is_possible({"a": 1.0}, ROW)  # only tuples and lists
    nested: Any = 1.0
    for _ in range(150):
        nested = [nested]
    assert not is_possible(nested, ROW)  # much of the stack
    most = (1,) * batch_fastcall.MOST_AXES
    assert is_possible(np.ones(most), BatchArgument(most, Access.STRIDED))
    assert not is_possible(1.0, BatchArgument((*most, 1), Access.FIXED))
    monkeypatch.setattr(batch_fastcall, "array_interface", lambda: None)
    assert not is_possible(1.0, ROW)
