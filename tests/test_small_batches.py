"""Small batches of a function by the built-in function: when they go there, and when they do not."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, vmap
from tests.threads import join, run_in_threads, start

pytest.importorskip("llvmlite", reason="needs llvmlite")
np = pytest.importorskip("numpy", reason="needs NumPy")


def price(spot: Any, strike: Any, years: Any, rate: Any, volatility: Any) -> Any:
    """The price of a European call by Black and Scholes."""
    spread = volatility * mg.sqrt(years)
    first = (mg.log(spot / strike) + (rate + 0.5 * volatility * volatility) * years) / spread

    def normal(x: Any) -> Any:
        return 0.5 * (1.0 + mg.erf(x / 2**0.5))

    return spot * normal(first) - strike * mg.exp(-rate * years) * normal(first - spread)


def market(count: int) -> list[Any]:
    ends = ((80.0, 120.0), (90.0, 110.0), (0.5, 2.0), (0.01, 0.05), (0.1, 0.4))
    return [np.linspace(low, high, count) for low, high in ends]


def opened(function: Any, *args: Any, **options: Any) -> Any:
    """A function for batches that has done these arguments, and so has a fast call for such."""
    mapped = function if isinstance(function, mg.Vmapped) else vmap(function, **options)
    mapped(*args)
    mapped(*args)
    assert mapped._fastcalls
    return mapped


def ordinary(mapped: Any, *args: Any, **kwargs: Any) -> Any:
    """What comes by way of Python."""
    kept, mapped._fastcalls = mapped._fastcalls, ()
    try:
        return mapped(*args, **kwargs)
    finally:
        mapped._fastcalls = kept


def is_fast(mapped: Any, *args: Any) -> bool:
    """Whether arguments go by a built-in function."""
    return any(fastcall(*args) is not float for _, fastcall in mapped._fastcalls)


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
        assert (type(found), found.dtype, found.shape) == (np.ndarray, wanted.dtype, wanted.shape)
        assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("reduce", [None, "sum", "mean"])
@pytest.mark.parametrize("count", [1, 3, 8, 10, 100, 2000])
def test_it_gives_what_the_ordinary_way_gives(count: int, reduce: Any) -> None:
    args = market(count)
    mapped = opened(mg.value_and_grad(price, argnums=(0, 1, 2, 3, 4)), *args, reduce=reduce)
    other = [array[::-1].copy() for array in args]
    for given_args in (args, other):
        assert is_fast(mapped, *given_args)
        assert_same(mapped(*given_args), ordinary(mapped, *given_args))


WEIGHT = Value(1.5)
FUNCTIONS: dict[str, Any] = {
    "a number for all": (lambda x, a: (x * a, a), (0, None)),
    "an array for all": (lambda x, a: mg.sum(a * x), (0, None)),
    "rows": (lambda x, a: [x, mg.sum(a)], (0, 0)),
    "rows and results": (lambda x, a: (a * x, (x,)), (0, 0)),
    "a leaf": (lambda x, a: WEIGHT * x + a, (0, 0)),
    "a constant": (lambda x, a: (2.0, x + a, a), (0, 0)),
    "nothing that is used": (lambda x, a: 1.0, (0, 0)),
    "no numbers": (lambda x, a: ((), []), (0, 0)),
    "loops": (lambda x, a: sum((mg.sin(x * float(k)) for k in range(40)), 0.0) * a, (0, 0)),
}
SECOND: dict[str, Any] = {
    "a number for all": lambda count: 2.5,
    "an array for all": lambda count: np.arange(6.0).reshape(2, 3),
    "rows": lambda count: np.arange(3.0 * count).reshape(count, 3),
    "rows and results": lambda count: np.arange(4.0 * count).reshape(2, 2, count).T,
}


@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("reduce", [None, "mean"])
def test_kinds_of_arguments(kind: str, exact: bool, reduce: Any) -> None:
    function, axes = FUNCTIONS[kind]
    second = SECOND.get(kind, lambda count: np.linspace(-1.0, 2.0, 2 * count)[::2])
    mapped = opened(function, np.linspace(0.5, 1.5, 10), second(10), in_axes=axes, exact=exact, reduce=reduce)
    for count in (10, 2, 10, 33):
        args = np.linspace(-0.5, 1.25, count), second(count)
        WEIGHT.data = float(count)
        assert_same(mapped(*args), ordinary(mapped, *args))
        assert is_fast(mapped, *args)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=40), st.integers(1, 3), st.sampled_from([None, "sum"]))
def test_guards_and_gaps(numbers: list[float], step: int, reduce: Any) -> None:
    def size(x: Any) -> Any:
        return x if x > 0 else -3.0 * x

    mapped: Any = vmap(size, reduce=reduce)
    array = np.repeat(np.array(numbers), step)[::step]
    wanted = vmap(size, reduce=reduce)(array)
    for _ in range(3):
        assert_same(mapped(array), wanted)


def test_points_that_leave_the_path_close_it_and_others_open_it() -> None:
    mapped: Any = vmap(lambda x: x if x > 0 else -x)
    positive, mixed = np.arange(1.0, 11.0), np.arange(-3.5, 6.5)
    mapped(positive)
    assert not mapped._fastcalls  # at the first call
    mapped(positive)
    assert mapped._fastcalls
    for _ in range(2):
        assert_same(mapped(mixed), abs(mixed))
        assert not mapped._fastcalls
    assert_same(mapped(positive), positive)
    assert mapped._fastcalls
    assert_same(mapped(positive), positive)
    assert sum(path.points for path in mapped.paths) == 6 * 10
    assert [path.points for path in mapped.paths] == [4 * 10 + 2 * 6, 2 * 4]


def square(x: Any) -> Any:
    return x * x


def test_points_are_counted() -> None:
    mapped = opened(square, np.ones(10))
    (path,) = mapped.paths
    assert path.points == 20
    for _ in range(5):
        mapped(np.ones(20))
    assert path.points == 120
    assert repr(path).endswith("taken by 120 points>")
    other = pickle.loads(pickle.dumps(mapped))
    assert not other._fastcalls
    assert_same(other(np.ones(3)), np.ones(3))
    assert other.paths[0].points == 3


@pytest.mark.parametrize(
    ("function", "options", "args"),
    [
        (lambda x: {"a": x}, {}, (np.ones(10),)),  # only tuples and lists
        (lambda x: x, {"out_axes": -1}, (np.ones((10, 2)),)),
        (lambda x: x, {"out_axes": 1}, (np.ones((10, 2)),)),
        (lambda x: x, {"in_axes": 1}, (np.ones((2, 10)),)),
        (lambda x: x[0] * x[1], {}, ((np.ones(10), np.ones(10)),)),
        (lambda x: x["a"], {}, ({"a": np.ones(10)},)),
        (lambda x: 2.0 * x, {}, (np.arange(10),)),
        (lambda x: 2.0 * x, {}, (np.ones(10, np.float32),)),
        (lambda x: 2.0 * x, {}, ([1.0] * 10,)),
        (lambda x: 2.0 * x, {}, (np.ones(0),)),
        (lambda x: 2.0 * x, {}, (np.ones(3_000_000),)),
        (lambda x, a: a * x, {"in_axes": (0, None)}, (np.ones(10), 2)),
        (lambda x, a: x if a else -x, {"static_argnames": "a"}, (np.ones(10), True)),
        (lambda x: mg.polygamma(1.0, x), {}, (np.ones(10),)),  # Python is called back
    ],
)
def test_other_calls_go_by_way_of_python(function: Any, options: Any, args: Any) -> None:
    mapped: Any = vmap(function, **options)
    for _ in range(2):
        mapped(*args)
    assert not mapped._fastcalls


def test_keywords_go_by_way_of_python() -> None:
    mapped: Any = vmap(lambda x, y: x * y)
    x, y = np.arange(10.0), np.arange(10.0, 20.0)
    for _ in range(2):
        assert_same(mapped(x, y=y), x * y)
    assert not mapped._fastcalls
    assert_same(mapped(x, y), x * y)
    assert_same(mapped(x, y=2.0 * y), 2.0 * x * y)


def test_other_arguments_than_before() -> None:
    mapped = opened(lambda x: 2.0 * x * x, np.ones((10, 3)))
    x = np.arange(40.0)
    for array in (x.reshape(10, 4), x, x.reshape(2, 20), x[::-1], x.reshape(10, 2, 2), x[:3], x.astype(int), x[:0]):
        for _ in range(2):
            assert_same(mapped(array), 2.0 * array * array)
    with pytest.raises(ValueError, match="x"):
        mapped(np.array(1.0))
    mapped = opened(lambda x, y: x * y, x, x)
    with pytest.raises(ValueError, match="points"):
        mapped(x, x[1:])


def test_leaves_are_read_at_each_call_and_backward_adds_to_them() -> None:
    weights = [Value(2.0), Value(-1.0)]
    x = np.arange(10.0)
    mapped = opened(lambda x: weights[0] * x + weights[1], x, reduce="mean")
    assert mapped(x) == 8.0
    weights[0].data = 3.0
    assert mapped(x) == 12.5
    assert mapped.backward(x) == 12.5
    assert [weight.grad for weight in weights] == [4.5, 1.0]
    assert mapped(x) == 12.5


def test_inside_a_transform_the_function_itself_runs() -> None:
    weight = Value(2.0)
    x = np.arange(4.0)
    mapped = opened(lambda x: weight * x * x, x, reduce="sum")
    assert mg.grad(lambda w: w * mapped(x))(3.0) == mapped(x) == 28.0
    outer = mg.jit(lambda w: w * mapped(x))
    assert [outer(w) for w in (1.0, 2.0)] == [28.0, 56.0]
    waiting, going = threading.Event(), threading.Event()

    def differentiate() -> None:
        def function(w: Any) -> Any:
            waiting.set()
            going.wait(60.0)
            return w * w

        assert mg.grad(function)(3.0) == 6.0

    (thread,) = start(differentiate)
    waiting.wait(60.0)
    assert mapped(x) == 28.0  # another thread's affair
    going.set()
    join([thread])


def test_methods_have_their_own() -> None:
    class Scaled:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        @vmap
        def times(self, x: Any) -> Any:
            return x * self.factor

    x = np.arange(10.0)
    one, other = Scaled(2.0), Scaled(3.0)
    for _ in range(3):
        assert_same(one.times(x), 2.0 * x)
        assert_same(other.times(x), 3.0 * x)


def test_few_points_and_more_in_turn() -> None:
    mapped: Any = vmap(lambda x: x * x)
    for count in (3, 3, 10, 10, 3, 10, 1, 9, 2):
        assert_same(mapped(np.arange(float(count))), np.arange(float(count)) ** 2)
    assert is_fast(mapped, np.ones(3))
    assert is_fast(mapped, np.ones(30))


def test_several_kinds_of_arguments_in_turn() -> None:
    mapped: Any = vmap(lambda x: 2.0 * x)
    x = np.arange(240.0)
    arrays = [x, x[::2], x.reshape(10, 24), x.reshape(8, 5, 6)]
    for array in arrays + arrays:
        mapped(array)
    assert len(mapped._fastcalls) == len(mapped.paths) + 1 == len(arrays)
    for array in arrays:
        assert is_fast(mapped, array)
        assert_same(mapped(array), 2.0 * array)
    for columns in (1, 2, 3, 4, 5):
        for _ in range(2):
            mapped(x.reshape(-1, columns))
    assert len(mapped._fastcalls) == len(arrays)
    assert not is_fast(mapped, x)
    assert_same(mapped(x), 2.0 * x)
    assert is_fast(mapped, x)


@pytest.mark.usefixtures("frequent_switches")
def test_threads_use_it_at_once() -> None:
    mapped: Any = vmap(mg.value_and_grad(price, argnums=(0, 4)))
    points = [market(5 + 3 * index) for index in range(8)]
    wanted = [mapped(*args) for args in points]

    def work(index: int) -> None:
        for _ in range(200):
            assert_same(mapped(*points[index]), wanted[index])

    run_in_threads(work)
    assert mapped.paths[0].points == sum(201 * (5 + 3 * index) for index in range(8))
