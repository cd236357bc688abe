"""Arrays by the built-in function: what it takes, what it leaves to others, and whose memory the results are."""

from __future__ import annotations

import gc
import math
import pickle
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, jit
from microgrady.compiler.backends import array_interface, fastcall
from tests.threads import run_in_threads

pytest.importorskip("llvmlite", reason="needs llvmlite")
np = pytest.importorskip("numpy", reason="needs NumPy")

SHAPES = [(), (0,), (1,), (3,), (2, 3), (3, 0, 2), (1, 2, 1, 3), (260,), (20, 30)]
LONG = 1500  # numbers that are too many for the stack


def opened(function: Any, *args: Any) -> Callable[..., Any]:
    """The fast call of a function that has been compiled for these arguments."""
    compiled = function if hasattr(function, "paths") else jit(function)
    compiled(*args)
    compiled(*args)
    found: Callable[..., Any] | None = compiled._fastcall
    assert found is not None
    return found


def ordinary(function: Any, *args: Any) -> Any:
    """What the function returns by way of Python."""
    compiled = jit(function)
    compiled(*args)
    (path,) = compiled.paths
    failed, found = path.run(args)
    assert not failed
    return found


def assert_same(found: Any, expected: Any) -> None:
    """Check that two results are of the same types and have the same bits."""
    assert type(found) is type(expected)
    if isinstance(found, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(found, float):
        assert np.float64(found).tobytes() == np.float64(expected).tobytes()
    else:
        assert type(found) is np.ndarray
        assert (found.dtype, found.shape, found.strides) == (np.dtype("f8"), expected.shape, expected.strides)
        assert found.tobytes() == expected.tobytes()


def assert_owned(found: Any) -> None:
    """Check that arrays own their memory."""
    if isinstance(found, (list, tuple)):
        for one in found:
            assert_owned(one)
    elif not isinstance(found, float):
        assert found.flags == np.zeros(found.shape).flags
        assert found.base is None


def valley(x: Any) -> Any:
    total = 0.0
    for k in range(len(x) - 1):
        total = total + 100.0 * (x[k + 1] - x[k] ** 2) ** 2 + (1.0 - x[k]) ** 2
    return total


def filled(shape: tuple[int, ...], start: float = 0.5) -> Any:
    return np.arange(start, start + math.prod(shape)).reshape(shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "function",
    [
        lambda a: a,
        lambda a: 2.0 * a + 1.0,
        lambda a: (mg.sum(a), a * a),
        lambda a: [a, (a - 1.0, [3.0, ()], a), []],
        lambda a: mg.sum(a),
        lambda a: [mg.sum(a) * float(k) for k in range(600)],
    ],
)
def test_it_gives_what_the_ordinary_way_gives(function: Any, shape: tuple[int, ...]) -> None:
    call = opened(function, filled(shape))
    for array in (filled(shape, -2.5), np.full(shape, -0.0), np.full(shape, math.nan), np.full(shape, 1e150)):
        kept = array.copy()
        assert_same(call(array), ordinary(function, array))
        assert_owned(call(array))
        assert array.tobytes() == kept.tobytes()


@pytest.mark.parametrize("length", [2, 40, 1000])
def test_a_value_and_a_gradient(length: int) -> None:
    function = mg.value_and_grad(valley)
    point = np.linspace(0.5, 1.5, length)
    call = opened(function, np.ones(length))
    assert_same(call(point), ordinary(function, point))
    assert_same(call(point), function(point))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_floats_and_arrays_in_any_order_and_nesting(data: st.DataObject) -> None:
    shapes = data.draw(st.lists(st.none() | st.sampled_from(SHAPES), min_size=1, max_size=4))
    leaf = st.integers(0, len(shapes) - 1)
    lists = st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple))
    plan = data.draw(lists)
    weight = Value(1.5)
    uses_leaf = data.draw(st.booleans())

    def result(plan: Any, args: tuple[Any, ...]) -> Any:
        if isinstance(plan, int):
            return args[plan] * weight if uses_leaf else args[plan] * 0.75
        return type(plan)(result(part, args) for part in plan)

    def function(*args: Any) -> Any:
        return result(plan, args)

    def arguments(start: float) -> list[Any]:
        return [start if shape is None else filled(shape, start) for shape in shapes]

    call = opened(function, *arguments(0.5))
    for start in (-3.0, 7.25):
        assert_same(call(*arguments(start)), ordinary(function, *arguments(start)))


def subclass_of(array: Any) -> Any:
    return array.view(type("Special", (np.ndarray,), {}))


GOOD = np.array([[0.5, -1.0, 2.0], [4.0, 0.25, -3.0]])
OTHERS: dict[str, Callable[[Any], Any]] = {
    "integers": lambda a: a.astype(np.int64),
    "booleans": lambda a: a > 0,
    "narrow floats": lambda a: a.astype(np.float32),
    "half floats": lambda a: a.astype(np.float16),
    "the other order of bytes": lambda a: a.astype(a.dtype.newbyteorder("S")),
    "columns": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "backward": lambda a: a[::-1, ::-1],
    "one row for all": lambda a: np.broadcast_to(a[0], (2, 3)),
    "overlapping": lambda a: np.lib.stride_tricks.as_strided(a.ravel(), (2, 3), (8, 8)),
    "a field of records": lambda a: np.rec.fromarrays([a, a], names="x,y")["x"],
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_arrays_are_left_to_the_ordinary_way(kind: str) -> None:
    def function(a: Any) -> Any:
        return mg.sum(a), 2.0 * a

    compiled = jit(function)
    call = opened(compiled, GOOD)
    array = OTHERS[kind](GOOD)
    if type(array) is not np.ndarray:
        array = np.asarray(array)
    assert call(array) is float
    assert_same(compiled(array), compiled(np.array(array, dtype=np.float64, order="C")))
    assert len(compiled.paths) == 1


@pytest.mark.parametrize(
    "argument",
    [
        filled((3,)),
        filled((3, 2)),
        filled((2, 3, 1)),
        filled((2, 4)),
        filled((1, 3)),
        filled(()),
        filled((0,)),
        filled((6,)),
        GOOD.tolist(),
        [1.0, 2.0, 3.0],
        1.0,
        np.float64(1.0),
        subclass_of(GOOD),
        np.ma.array(GOOD),
        GOOD.astype(object),
        GOOD.astype(np.longdouble),
        GOOD.astype(complex),
        mg.array(GOOD),
        "text",
        None,
    ],
    ids=repr,
)
def test_what_is_no_such_array_is_left_to_others(argument: Any) -> None:
    call = opened(lambda a: 2.0 * a, GOOD)
    assert call(argument) is float
    assert call(GOOD, argument) is float
    assert call(argument, GOOD) is float
    assert call() is float


def test_numbers_and_arrays_without_dimensions_are_told_apart() -> None:
    one, array = 2.0, np.array(3.0)
    call = opened(lambda x, a: (x, a), one, array)
    assert_same(call(one, array), (one, array))
    for args in ((one, one), (array, array), (array, one), (np.float64(2.0), array), (2, array), (one, array[()])):
        assert call(*args) is float


def test_arrays_that_are_merely_unusual_are_taken() -> None:
    call = opened(lambda a: 2.0 * a, GOOD)
    read_only = GOOD.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"x" + GOOD.tobytes(), np.float64, GOOD.size, 1).reshape(GOOD.shape)
    assert not unaligned.flags.aligned
    described = GOOD.astype(np.dtype("f8", metadata={"unit": "m"}))
    view = np.concatenate([GOOD, GOOD])[2:]
    for array in (read_only, unaligned, described, view, pickle.loads(pickle.dumps(GOOD))):
        assert_same(call(array), 2.0 * GOOD)


def test_shapes_in_turn() -> None:
    compiled = jit(mg.value_and_grad(valley))
    for length in (3, 5, 3, 3, 5, 5, 1000, 3, 1000):
        point = np.linspace(0.5, 1.5, length)
        assert_same(compiled(point), mg.value_and_grad(valley)(point))
    assert len(compiled.paths) == 3


@pytest.mark.parametrize("length", [3, LONG])
def test_results_share_memory_with_nothing(length: int) -> None:
    call = opened(lambda a: (a, [a, 2.0 * a]), np.ones(length))
    array = filled((length,))
    first, second = call(array), call(array)
    arrays = [array, first[0], *first[1], second[0], *second[1]]
    for place, one in enumerate(arrays):
        for other in arrays[:place]:
            assert not np.shares_memory(one, other)
    for changed in arrays[:4]:
        changed[...] = -7.0
    assert_same(second, (filled((length,)), [filled((length,)), 2.0 * filled((length,))]))
    assert_same(call(filled((length,))), second)


@pytest.mark.parametrize("length", [3, LONG])
def test_it_keeps_nothing_and_frees_nothing_that_it_should_not(length: int) -> None:
    call = opened(lambda a, x: (x * a, [x, (a,)]) if x > 0 else a, np.ones(length), 2.0)
    arguments = (filled((length,)), 4.5)
    other = np.ones(length + 1)
    gc.collect()  # what earlier tests have left
    watched = (float, np.ndarray, np.dtype(float), other, *arguments)
    before = [sys.getrefcount(thing) for thing in watched]
    tracemalloc.start()
    try:
        for _ in range(1000):
            call(*arguments)
            call(arguments[0], -1.0)
            call(other, 1.0)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 10_000
    finally:
        tracemalloc.stop()
    assert [sys.getrefcount(thing) for thing in watched] == before


@pytest.mark.parametrize("length", [3, LONG])
def test_without_memory_it_raises_and_keeps_nothing(length: int) -> None:
    testing = pytest.importorskip("_testcapi", reason="needs CPython's own tests")
    # Python keeps the memory of short tuples for others of that length.
    call = opened(lambda a, x: (x * a, [x, (a, *[x] * 30), [a]]), np.ones(length), 2.0)
    arguments = (filled((length,)), 4.5)
    expected = call(*arguments)

    def refusals() -> int:
        refused = 0
        for number in range(1, 30):
            testing.set_nomemory(number, number + 1)
            try:
                call(*arguments)
            except MemoryError:
                refused += 1
            finally:
                testing.remove_mem_hooks()
            assert_same(call(*arguments), expected)
        return refused

    assert refusals() > 3
    before = sys.getallocatedblocks()
    for _ in range(50):
        refusals()
    assert sys.getallocatedblocks() < before + 40


@pytest.mark.parametrize("length", [3, LONG])
def test_another_branch_is_left_to_others(length: int) -> None:
    compiled = jit(lambda a: a[0] * a if a[0] > 0 else -a)
    call = opened(compiled, np.ones(length))
    array = filled((length,))
    for start in (1.0, -1.0, math.nan, 2.0):
        array[0] = start
        assert (call(array) is float) == (not start > 0)
        assert_same(compiled(array), start * array if start > 0 else -array)


@pytest.mark.parametrize("length", [3, LONG])
@pytest.mark.parametrize("count", [1, 2, 700])
def test_leaves_are_read_at_each_call(length: int, count: int) -> None:
    leaves = [Value(float(k)) for k in range(count)]
    compiled = jit(lambda a, x: (sum(leaves, 0.0) * a, x * leaves[-1]))
    call = opened(compiled, np.ones(length), 1.0)
    array = filled((length,))
    for number in (1.0, -2.5):
        for leaf in leaves:
            leaf.data = number
        expected = (count * number * array, 3.0 * number)
        assert_same(call(array, 3.0), expected)
        assert_same(compiled(array, 3.0), expected)
    assert compiled(np.ones((length, 1)), 3.0)[0].shape == (length, 1)


@pytest.mark.parametrize(
    "function",
    [
        lambda a: {"a": a},  # only tuples and lists
        lambda a: mg.polygamma(1.0, mg.sum(a)) * a,  # Python is called back
    ],
)
def test_what_needs_python_has_no_fast_call(function: Any) -> None:
    compiled = jit(function)
    array = np.ones(2)
    compiled(array)
    compiled(array)
    assert compiled._fastcall is None


def test_exceptions_of_functions_in_python_come_out() -> None:
    def evaluate(x: float) -> float:
        if x > 5.0:
            raise ZeroDivisionError("too large")
        return x

    plain = mg.primitive("plain", evaluate, lambda y, x: 1.0)
    compiled = jit(lambda a: (plain(a[0]), a))
    for start in (1.0, 7.0, 2.0, 8.0):
        array = np.array([start, 3.0])
        if start > 5.0:
            with pytest.raises(ZeroDivisionError, match="too large"):
                compiled(array)
        else:
            assert_same(compiled(array), (start, array))


@pytest.mark.usefixtures("frequent_switches")
@pytest.mark.parametrize("length", [3, 400, LONG])
def test_threads_use_it_at_once(length: int) -> None:
    compiled = jit(mg.value_and_grad(valley))
    opened(compiled, np.ones(length))
    points = [np.linspace(0.5, 1.0 + index, length) for index in range(8)]
    expected = [compiled(point) for point in points]

    def work(index: int) -> None:
        for found in [compiled(points[index]) for _ in range(200)]:
            assert_same(found, expected[index])

    run_in_threads(work)


@pytest.mark.parametrize("length", [3, LONG])
def test_the_collector_may_call_it_in_the_middle(length: int) -> None:
    compiled = jit(lambda a: [(a, [2.0 * a]), ([a],)])
    opened(compiled, np.ones(length))
    inside: list[Any] = []

    def collected(phase: str, info: Any) -> None:
        if phase == "start" and len(inside) < 50:
            inside.append(None)  # at first, as this may come again
            inside[-1] = compiled(np.full(length, 5.0))[0][1][0][-1]

    array, thresholds = filled((length,)), gc.get_threshold()
    gc.callbacks.append(collected)
    gc.set_threshold(1)
    try:
        found = [compiled(array) for _ in range(20)]
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(collected)
    for one in found:
        assert_same(one, [(array, [2.0 * array]), ([array],)])
    assert set(inside) <= {10.0}


def test_keywords_and_methods_and_transforms_go_their_ways() -> None:
    class Scaled:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        @jit
        def times(self, a: Any) -> Any:
            return a * self.factor

    array = filled((4,))
    one, other = Scaled(2.0), Scaled(3.0)
    for _ in range(3):
        assert_same(one.times(array), 2.0 * array)
        assert_same(other.times(array), 3.0 * array)
    compiled = jit(lambda a: mg.sum(a * a))
    opened(compiled, array)
    assert compiled(a=array) == compiled(array)
    assert_same(mg.grad(compiled)(array), 2.0 * array)


def test_it_goes_on_after_pickling_and_from_the_cache(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle", reason="needs cloudpickle")
    array = filled((4,))
    for _ in range(2):
        compiled = jit(mg.value_and_grad(valley), cache=tmp_path)
        assert_same(opened(compiled, array)(array), mg.value_and_grad(valley)(array))
    assert len(list(tmp_path.iterdir())) == 1
    loaded = pickle.loads(pickle.dumps(jit(mg.value_and_grad(valley), cache=tmp_path)))
    assert_same(opened(loaded, array)(array), mg.value_and_grad(valley)(array))


def test_where_numpy_is_not_as_expected_arrays_go_the_ordinary_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastcall, "array_interface", lambda: None)
    compiled = jit(mg.value_and_grad(valley))
    array = filled((4,))
    for _ in range(3):
        assert_same(compiled(array), mg.value_and_grad(valley)(array))
    assert compiled._fastcall is None
    assert opened(lambda x: 2 * x, 1.0)(2.0) == 4.0


def test_what_is_looked_at_in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    find = array_interface.array_interface.__wrapped__
    if sys.implementation.name != "cpython":
        pytest.skip("of CPython's NumPy")
    assert find() == array_interface.array_interface()
    for name, other in (
        ("DATA", 48),
        ("DIMENSIONS", 48),
        ("SHAPE", 24),
        ("DTYPE", 0),
        ("FLAGS", 8),
        ("BYTE_ORDER", 8),
        ("TYPE_NUMBER", 4),
        ("FLAGS", 4000),
        ("TYPE_NUMBER", 4000),
        ("_VERSIONS", {0x03000000}),
        ("_MODULES", ("numpy.none_such",)),
        ("_MODULES", ("numpy",)),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(array_interface, name, other)
            assert find() is None, name
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "numpy", None)
        assert find() is None


def test_other_implementations_of_python_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.implementation, "name", "other")
    compiled = jit(lambda a: 2.0 * a)
    array = np.ones(2)
    for _ in range(3):
        assert_same(compiled(array), 2.0 * array)
    assert compiled._fastcall is None
