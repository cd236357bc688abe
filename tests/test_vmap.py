"""vmap: each point has what the function gives for it alone, wherever its numbers are, and sums are those of `fold`."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.compiler.fold import fold
from microgrady.trees import flatten
from tests.fuzz.floats import any_float, same_bits, same_number
from tests.plain import plain

pytest.importorskip("llvmlite", reason="vmap needs llvmlite")
np = pytest.importorskip("numpy", reason="vmap needs NumPy")

Function = Callable[..., Any]
COUNTS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 100]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 5e-324, -1e-310, 1e-160, 1e160, -1e308, math.inf, -math.inf, math.nan]


def smooth(x: Any, y: Any) -> Any:
    return mg.exp(-x * x) * mg.sin(y) + mg.log(x * x + 1.0) / (2.0 + mg.cos(x * y)) + mg.tanh(x - y)


def kinked(x: Any, y: Any) -> Any:
    return (
        mg.relu(x) * y
        + mg.maximum(x, y)
        - abs(x * y)
        + mg.where(mg.greater(x, 0.0), mg.sqrt(x), y)
        + mg.clip(y, -1.0, 1.0)
    )


def singular(x: Any, y: Any) -> Any:
    return x / y + mg.sqrt(x) * y + mg.log(y) * 0.0 + x**y + mg.hypot(x, y) + mg.atan2(y, x)


FUNCTIONS = [smooth, kinked, singular]
TRANSFORMS: dict[str, Function] = {
    "itself": lambda function: function,
    "grad": lambda function: mg.grad(function, (0, 1)),
    "value_and_grad": lambda function: mg.value_and_grad(function, 1),
    "jacobian": lambda function: mg.jacobian(lambda x, y: [function(x, y), x * y], (0, 1)),
    "hessian": lambda function: mg.hessian(function, (0, 1)),
}


def numbers_of(result: Any) -> list[float]:
    return [plain(entry) for entry in flatten(result, "the result")[0]]


def alone(function: Function, transform: str, point: tuple[Any, ...]) -> list[float]:
    """What a function gives for one point when it is interpreted."""
    transformed = TRANSFORMS[transform](function)
    return numbers_of(transformed(*map(Value, point)) if transform == "itself" else transformed(*point))


def by_points(results: Any, count: int) -> list[list[float]]:
    """The numbers of results, point by point."""
    arrays: list[Any] = []

    def collect(tree: Any) -> None:
        if isinstance(tree, np.ndarray):
            assert tree.shape[0] == count
            assert tree.dtype == np.float64
            arrays.append(tree.reshape(count, -1) if count else np.empty((0, 1)))
        else:
            for branch in tree.values() if isinstance(tree, dict) else tree:
                collect(branch)

    collect(results)
    rows: list[list[float]] = np.concatenate(arrays, axis=1).tolist()
    return rows


def require_same(found: list[list[float]], expected: list[list[float]], transform: str = "itself") -> None:
    same = same_bits if transform == "itself" else same_number
    assert len(found) == len(expected)
    for place, (numbers, right) in enumerate(zip(found, expected, strict=True)):
        assert len(numbers) == len(right)
        assert all(map(same, numbers, right)), (place, numbers, right)


def special_points(count: int, seed: int = 0) -> tuple[Any, Any]:
    chance = random.Random(seed)
    draw = [chance.choice(SPECIAL) if chance.random() < 0.5 else any_float(chance) for _ in range(2 * count)]
    return np.array(draw[:count]), np.array(draw[count:])


# The numbers.


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: str(function.__name__))
def test_exact_results_have_the_bits_of_single_points(function: Function, transform: str) -> None:
    x, y = special_points(260)
    vmapped = mg.vmap(TRANSFORMS[transform](function), exact=True)
    expected = [alone(function, transform, point) for point in zip(x.tolist(), y.tolist(), strict=True)]
    for count in COUNTS:
        start = 3 * count % (261 - count)
        stop = start + count
        require_same(by_points(vmapped(x[start:stop], y[start:stop]), count), expected[start:stop], transform)
    require_same(by_points(vmapped(x, y), 260), expected, transform)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: str(function.__name__))
def test_results_by_functions_of_vectors_are_as_good(function: Function, transform: str) -> None:
    generator = np.random.default_rng(1)
    x, y = generator.uniform(-3.0, 3.0, 200), generator.uniform(-3.0, 3.0, 200)
    x[:40], y[:40] = special_points(40, 1)
    found = by_points(mg.vmap(TRANSFORMS[transform](function))(x, y), 200)
    for numbers, point in zip(found, zip(x.tolist(), y.tolist(), strict=True), strict=True):
        right = alone(function, transform, point)
        scale = max([abs(number) for number in right if math.isfinite(number)], default=0.0)
        for number, expected in zip(numbers, right, strict=True):
            if not math.isfinite(expected):
                assert same_number(number, expected)
            else:
                assert abs(number - expected) <= 1e-12 * scale


@pytest.mark.parametrize("count", [16_383, 16_384, 16_385, 16_391, 16_400, 40_000])
def test_batches_of_more_than_one_piece(count: int) -> None:
    x = np.linspace(-3.0, 3.0, count)
    y = np.cos(7.0 * x)
    both = mg.vmap(mg.value_and_grad(smooth, (0, 1)), exact=True)
    value, (slope_x, slope_y) = both(x, y)
    places = [*range(0, count, 997), 16_382, count - 9, count - 8, count - 1]
    for place in places:
        right = mg.value_and_grad(smooth, (0, 1))(x[place], y[place])
        assert (value[place], (slope_x[place], slope_y[place])) == right
    # The others are as in batches that are cut elsewhere.
    for start in range(0, count, 5003):
        assert np.array_equal(both(x[start : start + 5003], y[start : start + 5003])[0], value[start : start + 5003])


# Where the numbers are.


def reversed_in_memory(numbers: Any) -> Any:
    return np.ascontiguousarray(numbers[::-1])[::-1]


def every_second(numbers: Any) -> Any:
    room = np.full((2 * len(numbers), *numbers.shape[1:]), 77, numbers.dtype)
    room[::2] = numbers
    return room[::2]


def at_odd_addresses(numbers: Any) -> Any:
    raw = np.frombuffer(b"x" + numbers.tobytes(), np.uint8)[1:]
    return np.ndarray(numbers.shape, numbers.dtype, raw.data)


def in_records(numbers: Any) -> Any:
    records = np.zeros(len(numbers), [("a", "i1"), ("b", numbers.dtype, numbers.shape[1:]), ("c", "f4")])
    records["b"] = numbers
    return records["b"]


def read_only(numbers: Any) -> Any:
    numbers = numbers.copy()
    numbers.flags.writeable = False
    return numbers


LAYOUTS = [
    np.ascontiguousarray,
    reversed_in_memory,
    every_second,
    at_odd_addresses,
    in_records,
    read_only,
    np.asfortranarray,
]
DTYPES = ["f8", "f4", "f2", ">f8", ">f4", "i1", "i4", "i8", "u2", "u8", ">i4", "?"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: str(layout.__name__))
def test_numbers_of_any_type_anywhere_in_memory(layout: Function, dtype: str) -> None:
    vmapped = mg.vmap(total_of_all, exact=True)
    for count in (1, 8, 19):
        vector, matrix = numbers_like(count, dtype)
        given = layout(vector), layout(matrix)
        assert given[0].dtype == dtype
        assert np.array_equal(given[1], matrix)
        expected = [[plain(total_of_all(float(v), m.astype(float)))] for v, m in zip(vector, matrix, strict=True)]
        require_same(by_points(vmapped(*given), count), expected)


def total_of_all(v: Any, m: Any) -> Any:
    return v * 0.5 + mg.sin(m[0, 0]) - m[0, 1] * m[1, 0] + m[1, 2] / (m[0, 2] ** 2 + 1.0) + m[1, 1]


def numbers_like(count: int, dtype: str) -> tuple[Any, Any]:
    numbers = np.random.default_rng(count).uniform(0.0, 9.0, (count, 7)).astype(dtype)
    return numbers[:, 0], numbers[:, 1:].reshape(count, 2, 3)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_points_along_any_axis(axis: int) -> None:
    vector, matrix = numbers_like(13, "f8")
    expected = mg.vmap(total_of_all)(vector, matrix)
    assert np.array_equal(mg.vmap(total_of_all, (0, axis))(vector, np.moveaxis(matrix, 0, axis)), expected)
    copied = np.ascontiguousarray(np.moveaxis(matrix, 0, axis))
    assert np.array_equal(mg.vmap(total_of_all, (-1, axis))(vector, copied), expected)
    assert np.array_equal(
        mg.vmap(total_of_all, (-1, axis))(vector, copied[::-1, ::-1, ::-1][::-1, ::-1, ::-1]), expected
    )


def test_one_number_for_all_points_by_a_stride_of_zero() -> None:
    x = np.broadcast_to(np.float64(0.3), 21)
    y = np.linspace(0, 1, 21)
    found = mg.vmap(smooth, exact=True)(x, y)
    assert np.array_equal(found, mg.vmap(smooth, (None, 0), exact=True)(0.3, y))
    assert found[4] == smooth(0.3, y[4])


def test_arrays_that_are_the_same_for_all_points() -> None:
    vector, matrix = numbers_like(11, "f8")
    found = mg.vmap(total_of_all, (0, None), exact=True)(vector, matrix[3])
    assert found.tolist() == [total_of_all(v, matrix[3]) for v in vector]
    assert mg.vmap(total_of_all, (None, 0), exact=True)(0.25, matrix).tolist() == [
        total_of_all(0.25, m) for m in matrix
    ]


def test_the_arguments_stay_as_they_are_and_results_are_new_each_time() -> None:
    x, y = np.linspace(0, 1, 50), np.linspace(1, 2, 50)
    before = x.copy(), y.copy()
    vmapped = mg.vmap(lambda x, y: (x, y, x + y))
    first = vmapped(x, y)
    second = vmapped(y, x)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])
    assert np.array_equal(first[0], x)
    assert np.array_equal(second[0], y)
    first[0][:] = 0.0
    assert np.array_equal(x, before[0])


# What the function does and returns.


def test_outputs_that_are_inputs_constants_and_the_same_twice() -> None:
    weight = Value(0.25)

    def function(x: Any, y: Any) -> Any:
        z = x * y
        return {"in": (x, [y, x]), "constant": 3.0, "zero": -0.0, "twice": [z, z], "leaf": weight, "next": z + 1.0}

    for count in (1, 9, 40):
        x, y = special_points(count)
        found = mg.vmap(function, exact=True)(x, y)
        expected = [numbers_of(function(Value(a), Value(b))) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        require_same(by_points(found, count), expected)


def test_leaves_are_read_at_each_call() -> None:
    weight, limit = Value(2.0), Value(0.5)
    vmapped = mg.vmap(lambda x: weight * x if x > limit else -x)
    x = np.linspace(0.0, 1.0, 20)
    for w, at in ((2.0, 0.5), (-3.0, 0.5), (7.0, 2.0), (7.0, -1.0)):
        weight.data, limit.data = w, at
        assert np.array_equal(vmapped(x), np.where(x > at, w * x, -x))
    assert len(vmapped.paths) == 2


def chain(values: Any) -> Any:
    """A recurrence, a sum of products, and a loop that depends on data, over some numbers."""
    state, total = 0.1, 0.0
    for k in range(len(values)):
        state = mg.tanh(state * values[k] + 0.1 * k)
        total = total + state * values[len(values) - 1 - k]
        if values[k] > 2.5:
            total = total * 0.5
    return total


@pytest.mark.parametrize("optimize", [None, False])
def test_loops_stay_loops(optimize: bool | None) -> None:
    table = np.random.default_rng(3).normal(size=(37, 50))
    table = np.minimum(table, 2.4)
    table[5, 20] = 2.75
    both = mg.value_and_grad(chain)
    vmapped = mg.vmap(both, exact=True, optimize=optimize)
    value, slope = vmapped(table)
    for place in (0, 4, 5, 6, 20, 36):
        right, slopes = both(table[place])
        assert value[place] == right
        assert np.array_equal(slope[place], slopes)
    turned = mg.vmap(both, 1, exact=True, optimize=optimize)(np.ascontiguousarray(table.T))
    assert np.array_equal(turned[0], value)
    assert np.array_equal(turned[1], slope)
    if optimize is not False:
        assert vmapped.paths[0].operations_kept < vmapped.paths[0].operations / 5


@pytest.mark.parametrize("operations", [700, 2500, 21_000])
def test_long_programs(operations: int) -> None:
    generator = random.Random(operations)
    steps = [
        (generator.randrange(3), generator.randrange(1000), generator.uniform(0.5, 1.5)) for _ in range(operations)
    ]

    def function(x: Any, y: Any) -> Any:
        known = [x, y]
        for kind, place, number in steps:
            left, right = known[-1], known[place % len(known)]
            known.append((left * number - right, left + right * 0.25, mg.maximum(left, right * 0.5))[kind] * 0.5)
        return known[-1] + known[len(known) // 2], known[-7]

    x, y = np.linspace(-1, 1, 21), np.linspace(2, 3, 21)
    found = by_points(mg.vmap(function)(x, y), 21)
    for place in (0, 3, 8, 15, 16, 20):
        assert found[place] == numbers_of(function(Value(x[place]), Value(y[place])))


@settings(max_examples=15)
@given(st.lists(st.sampled_from(SPECIAL), max_size=20), st.sampled_from(sorted(TRANSFORMS)))
def test_any_few_points(numbers: list[float], transform: str) -> None:
    found = TESTED[transform](np.array(numbers), np.array(numbers[::-1]))
    expected = [alone(kinked, transform, point) for point in zip(numbers, numbers[::-1], strict=True)]
    require_same(by_points(found, len(numbers)), expected, transform)


TESTED = {name: mg.vmap(transform(kinked), exact=True) for name, transform in TRANSFORMS.items()}


# Sums.


def two_ways(x: Any, y: Any) -> Any:
    return smooth(x, y) if x > 0.3 else (x - y) ** 2 if y > 0.0 else 0.1 * x


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 17, 1000, 16_384, 16_385, 33_000])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_sums_have_the_bits_of_fold(reduce: Any, count: int) -> None:
    generator = np.random.default_rng(count)
    x, y = generator.uniform(-1, 1, count), generator.uniform(-1, 1, count)
    both = mg.value_and_grad(two_ways, (0, 1))
    value, (slope_x, slope_y) = mg.vmap(both, exact=True)(x, y)
    found = mg.vmap(both, reduce=reduce, exact=True)(x, y)
    expected = [fold(each.tolist(), reduce) for each in (value, slope_x, slope_y)]
    assert numbers_of(found) == expected
    assert type(found[0]) is float
    inexact = mg.vmap(both)(x, y)
    assert numbers_of(mg.vmap(both, reduce=reduce)(x, y)) == [
        fold(each.tolist(), reduce) for each in (inexact[0], *inexact[1])
    ]


def test_sums_of_arrays_keep_their_shapes() -> None:
    _, matrix = numbers_like(30, "f4")
    found = mg.vmap(mg.grad(lambda m: total_of_all(1.0, m)), reduce="mean", exact=True)(matrix)
    assert found.shape == (2, 3)
    terms = mg.vmap(mg.grad(lambda m: total_of_all(1.0, m)), exact=True)(matrix).reshape(30, 6)
    assert found.ravel().tolist() == [fold(column, "mean") for column in terms.T.tolist()]


def test_sums_where_points_are_nan_or_overflow() -> None:
    assert mg.vmap(mg.exp, reduce="sum")([1000.0, 1.0]) == math.inf
    assert math.isnan(mg.vmap(mg.sqrt, reduce="sum")([-1.0, 1.0]))
    assert math.isnan(mg.vmap(lambda x: x, reduce="mean")([math.inf, -math.inf]))
    assert same_bits(mg.vmap(lambda x: x, reduce="sum")([-0.0, -0.0]), 0.0)


def test_no_points() -> None:
    nothing = np.empty(0)
    assert mg.vmap(smooth)(nothing, nothing).shape == (0,)
    value, slopes = mg.vmap(mg.value_and_grad(lambda m: mg.sum(m), 0))(np.empty((0, 3)))
    assert (value.shape, slopes.shape) == ((0,), (0, 3))
    assert mg.vmap(smooth, reduce="sum")(nothing, nothing) == 0.0
    assert math.isnan(mg.vmap(smooth, reduce="mean")(nothing, nothing))
    weight = Value(2.0)
    assert mg.vmap(lambda x: weight * x, reduce="sum").backward(nothing) == 0.0
    assert weight.grad == 0.0
    assert mg.vmap(lambda x: weight * x).backward(nothing).shape == (0,)
    assert weight.grad == 0.0


# Backward.


def derivatives(function: Function, leaves: list[Value], columns: list[Any], reduce: Any) -> list[float]:
    """The sums of the derivatives that points have alone, in the order of sums."""
    rows = []
    for point in zip(*[column.tolist() for column in columns], strict=True):
        for leaf in leaves:
            leaf.grad = 0.0
        output = function(*map(Value, point))
        if isinstance(output, Value):
            output.backward()
        rows.append([leaf.grad for leaf in leaves])
    for leaf in leaves:
        leaf.grad = 0.0
    return [fold(column, reduce or "sum") for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("reduce", [None, "sum", "mean"])
@pytest.mark.parametrize("count", [1, 9, 300])
def test_backward_adds_the_derivatives_of_all_points(count: int, reduce: Any) -> None:
    a, b, c, limit = Value(0.3), Value(-1.2), Value(2.0), Value(0.1)

    def function(x: Any, y: Any) -> Any:
        if x > limit:  # which only comparisons use
            return a * x + mg.sin(b * y)
        return c * y * y if y > 0 else x

    generator = np.random.default_rng(count)
    x, y = generator.uniform(-1, 1, count), generator.uniform(-1, 1, count)
    leaves = [a, b, c, limit]
    vmapped = mg.vmap(function, reduce=reduce, exact=True)
    expected = derivatives(function, leaves, [x, y], reduce)
    values = mg.vmap(function, exact=True)(x, y)
    for calls in (1, 2):
        found = vmapped.backward(x, y)
        assert np.array_equal(found, values if reduce is None else fold(values.tolist(), reduce))
        assert [leaf.grad for leaf in leaves] == [calls * slope for slope in expected]
    assert np.array_equal(vmapped(x, y), found)


def test_leaves_that_are_met_one_after_the_other() -> None:
    leaves = [Value(0.5 + k) for k in range(5)]

    def function(x: Any) -> Any:
        total = 0.0 * x
        for k in range(5):
            if x > k:
                total = total + leaves[4 - k] * x
        return total

    vmapped = mg.vmap(function, exact=True)
    for batch in ([-1.0, -2.0], [-1.0, 0.5], [4.5], [0.5, 1.5, -1.0], list(np.linspace(-1.0, 5.0, 40))):
        x = np.array(batch)
        expected = derivatives(function, leaves, [x], "sum")
        vmapped.backward(x)
        assert [leaf.grad for leaf in leaves] == expected
        for leaf in leaves:
            leaf.grad = 0.0


def test_backward_by_values_among_the_arguments() -> None:
    weight, bias = Value(0.5), Value(-0.25)
    loss = mg.vmap(lambda p, x, y: (p["w"] * x + p["b"] - y) ** 2, (None, 0, 0), reduce="mean", exact=True)
    x, y = np.linspace(0, 1, 33), np.linspace(1, 3, 33)
    parameters = {"w": weight, "b": bias}
    value = loss.backward(parameters, x, y)
    assert value == loss({"w": 0.5, "b": -0.25}, x, y)
    slopes = mg.vmap(mg.grad(lambda p, x, y: (p["w"] * x + p["b"] - y) ** 2), (None, 0, 0), reduce="mean", exact=True)
    assert {"w": weight.grad, "b": bias.grad} == slopes({"w": 0.5, "b": -0.25}, x, y)


def test_nothing_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x, y = special_points(64)
        mg.vmap(mg.value_and_grad(singular, (0, 1)))(x, y)
        mg.vmap(lambda x: x * 2)(np.array([1e300, np.inf], "f8"))
        mg.vmap(lambda x: x * 2)(np.array([np.inf, np.nan], "f2"))
