"""Control flow in batches: each point takes its own way, whatever the mix, and comes out right and in its place."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.compiler import batches
from microgrady.primitives import user_primitives
from tests.compiled import halvings
from tests.fuzz.floats import same_bits
from tests.plain import plain

pytest.importorskip("llvmlite", reason="vmap needs llvmlite")
np = pytest.importorskip("numpy", reason="vmap needs NumPy")

Function = Callable[..., Any]
AWKWARD = [-1.0, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 5e-324, math.inf, -math.inf, math.nan]


def three_ways(x: Any) -> Any:
    if x < 0:
        return -x
    return mg.sin(x) if x < 1 else x * x


def nested(x: Any, y: Any = 0.25) -> Any:
    """Some ways that come together and part again."""
    if x > y:
        x = x - y
    total = x * 2.0
    if total <= 1.0 or x == 1.5:
        total = total + (1.0 if x != x else y)
    for k in range(3):
        if abs(x) < k:
            return total * x
        x = x * 0.5
    return total - x


def collatz(n: Any) -> Any:
    turns = 0
    while n > 1:
        n = n / 2 if n % 2 == 0 else 3 * n + 1
        turns += 1
    return n + turns


def bisected(target: Any) -> Any:
    """Bisection until it is near: as many turns, and as many ways, as it needs."""
    low, high = 0.0 * target, 0.0 * target + 4.0
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (middle, high) if middle * middle < target else (low, middle)
    return (low + high) / 2


def recursive(x: Any, depth: int = 0) -> Any:
    return x if x < 1 or depth > 6 else 1.0 + recursive(x * 0.5, depth + 1) * 0.5


FUNCTIONS = [three_ways, nested, halvings, recursive]


def alone(function: Function, numbers: Any) -> list[float]:
    return [plain(function(Value(number))) for number in np.asarray(numbers, float).tolist()]


def require_same(found: Any, expected: list[float]) -> None:
    assert len(found) == len(expected)
    for number, right in zip(found.tolist(), expected, strict=True):
        assert same_bits(number, right), (found.tolist(), expected)


# All mixes.


@pytest.mark.parametrize("count", range(1, 6))
def test_all_mixes_of_three_ways(count: int) -> None:
    vmapped = mg.vmap(three_ways, exact=True)
    for signs in itertools.product([-2.0, 0.5, 3.0], repeat=count):
        x = np.array(signs) + np.arange(count) / 100
        require_same(vmapped(x), alone(three_ways, x))
    assert len(vmapped.paths) == 3


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: str(function.__name__))
def test_points_at_the_limits_of_comparisons(function: Function) -> None:
    numbers = [number for number in AWKWARD if math.isfinite(number) or function is not halvings]
    vmapped = mg.vmap(function, exact=True)
    for shift in range(len(numbers)):
        x = np.array(numbers[shift:] + numbers[:shift])
        require_same(vmapped(x), alone(function, x))
        require_same(vmapped(np.tile(x, 3)), alone(function, x) * 3)


@pytest.mark.parametrize("function", [*FUNCTIONS, bisected, collatz], ids=lambda function: str(function.__name__))
def test_the_order_of_the_points_changes_no_bit(function: Function) -> None:
    generator = np.random.default_rng(0)
    x = generator.integers(1, 9, 500).astype(float) if function is collatz else generator.uniform(0.0, 6.0, 500)
    vmapped = mg.vmap(function, max_paths=1000)
    first = vmapped(x)
    assert np.array_equal(vmapped(x), first)
    for _ in range(3):
        order = generator.permutation(500)
        assert np.array_equal(vmapped(x[order]), first[order])
        assert np.array_equal(mg.vmap(function, max_paths=1000)(x[order]), first[order])
    assert np.array_equal(np.concatenate([vmapped(x[k : k + 1]) for k in range(0, 500, 50)]), first[::50])
    assert np.allclose(first[:60], alone(function, x[:60]), rtol=1e-14)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(AWKWARD) | st.floats(-2.0, 8.0), max_size=40))
def test_any_mix(numbers: list[float]) -> None:
    require_same(NESTED(np.array(numbers)), alone(nested, numbers))


NESTED = mg.vmap(nested, exact=True)


def test_derivatives_follow_each_way() -> None:
    x = np.linspace(-2.0, 6.0, 97)
    for function in FUNCTIONS:
        both = mg.value_and_grad(function)
        value, slope = mg.vmap(both, exact=True)(x)
        assert list(zip(value.tolist(), slope.tolist(), strict=True)) == [both(number) for number in x.tolist()]


def test_a_number_of_turns_for_each_point_and_each_way_counted() -> None:
    x = np.array([0.5, 2.0, 3.0, 100.0, 0.1, 64.0, 1.0])
    vmapped = mg.vmap(halvings)
    vmapped(x)
    assert sorted(path.points for path in vmapped.paths) == [1, 1, 1, 1, 3]
    vmapped(x[:3])
    assert sum(path.points for path in vmapped.paths) == 10
    assert "taken by 4 points" in repr(vmapped.paths[0])


def test_what_selects_does_not_part_points() -> None:
    def function(x: Any, y: Any) -> Any:
        z = mg.where(x > y, mg.sqrt(abs(x)), mg.minimum(x, y)) + mg.clip(x, -0.5, 0.5) + abs(y) + mg.relu(x - y)
        return z + mg.where(mg.greater(x, 0.0), y, mg.maximum(y, 0.5))

    x, y = np.linspace(-1, 1, 41), np.cos(np.arange(41.0))
    vmapped = mg.vmap(mg.value_and_grad(function, (0, 1)), exact=True)
    value, slopes = vmapped(x, y)
    assert len(vmapped.paths) == 1
    for place in range(41):
        assert (value[place], (slopes[0][place], slopes[1][place])) == mg.value_and_grad(function, (0, 1))(
            x[place], y[place]
        )


def test_constants_on_some_ways() -> None:
    found = mg.vmap(lambda x: (1.0, x) if x > 0 else (x, 2.0))(np.array([1.0, -1.0, 3.0]))
    assert [each.tolist() for each in found] == [[1.0, -1.0, 1.0], [1.0, 2.0, 3.0]]


def test_results_without_points_on_several_ways() -> None:
    x = np.array([1.0, 2.0, -3.0])
    for order in (x, -x, x[:2], x[:0]):
        magnitudes, constant = mg.vmap(lambda x: (x if x > 0 else -x, 5.0), out_axes=(0, None))(order)
        assert magnitudes.tolist() == abs(order).tolist()
        assert constant == 5.0 if len(order) else math.isnan(constant)
    for function in (lambda x: (x, 1.0) if x > 0 else (x, 2.0), lambda x: (x, 1.0) if x > 0 else (x, x)):
        with pytest.raises(ValueError, match=r"out_axes is None for .*\[1\], which differs from point to point"):
            mg.vmap(function, out_axes=(0, None))(x)


def test_ways_of_arrays() -> None:
    def function(v: Any) -> Any:
        return [v[0] * k for k in range(3)] if v[0] > v[1] else [mg.sum(v), v[1], mg.array(v)[0]]

    table = np.random.default_rng(2).normal(size=(30, 2))
    found = np.stack(mg.vmap(function, exact=True)(table), 1)
    for row, numbers in zip(table, found, strict=True):
        assert numbers.tolist() == [plain(entry) for entry in function(mg.array([Value(number) for number in row]))]


# Vectors that decide otherwise.


def test_comparisons_that_come_out_otherwise_in_vectors() -> None:
    def function(x: Any) -> Any:
        return 1.0 if mg.exp(mg.log(x)) == x else 2.0

    x = np.linspace(0.5, 20.0, 300)
    for count in (1, 2, 9, 300):
        vmapped = mg.vmap(function)
        for _ in range(2):
            assert {*vmapped(x[:count]).tolist()} <= {1.0, 2.0}
        assert len(vmapped.paths) <= 2
    require_same(mg.vmap(function, exact=True)(x), alone(function, x))


def test_vectors_that_decide_otherwise_decide_at_each_call_alike() -> None:
    def function(x: Any) -> Any:
        if mg.exp(mg.log(x)) == x:
            return x if mg.sin(x) ** 2 + mg.cos(x) ** 2 == 1.0 else -x
        return 2.0 * x if mg.exp(mg.log(x * 3.0)) < x * 3.0 else 3.0 * x

    x = np.random.default_rng(8).uniform(0.5, 20.0, 400)
    together = mg.vmap(function)(x)
    assert len(mg.vmap(function, exact=True)(x)) == 400
    for start in range(0, 400, 50):  # whichever points come first, and are there
        order = np.arange(start, start + 50)
        fresh = mg.vmap(function)
        assert np.array_equal(fresh(x[order[::-1]]), together[order[::-1]])
        assert np.array_equal(fresh(x[order]), together[order])
        assert [mg.vmap(function)(x[k : k + 1])[0] for k in order[:4]] == together[order[:4]].tolist()


def test_an_iteration_until_nothing_changes() -> None:
    def logarithm(c: Any) -> Any:
        x, turns = 1.0, 0
        while abs(mg.exp(x) - c) > 2e-16 * c and turns < 30:
            x, turns = x - (mg.exp(x) - c) / mg.exp(x), turns + 1
        return x

    c = np.linspace(0.5, 20.0, 1000)
    assert np.allclose(mg.vmap(logarithm)(c), np.log(c), rtol=1e-13, atol=1e-15)
    require_same(mg.vmap(logarithm, exact=True)(c[::20]), alone(logarithm, c[::20]))


# More ways than are compiled.


@pytest.mark.parametrize("max_paths", [1, 2, 5])
def test_points_on_further_ways_are_interpreted(max_paths: int) -> None:
    x = np.random.default_rng(1).uniform(0.0, 60.0, 200)
    vmapped = mg.vmap(halvings, max_paths=max_paths)
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match=f"halvings has compiled max_paths={max_paths} paths") as warned:
            found = vmapped(x)
        assert warned[0].filename == __file__
        require_same(found, alone(halvings, x))
    assert len(vmapped.paths) == max_paths
    with pytest.warns(RuntimeWarning, match="max_paths"):
        total = mg.vmap(mg.value_and_grad(halvings), max_paths=max_paths, reduce="sum")(x)
    assert total == mg.vmap(mg.value_and_grad(halvings), reduce="sum")(x)


def test_points_on_compiled_ways_do_not_warn() -> None:
    vmapped = mg.vmap(three_ways, max_paths=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vmapped(np.array([-1.0, 0.5, 2.0]))


def test_leaves_of_interpreted_points_have_derivatives() -> None:
    weights = [Value(float(k)) for k in range(4)]

    def function(x: Any) -> Any:
        for k, weight in enumerate(weights):
            if x < k + 1:
                return weight * x
        return x

    vmapped = mg.vmap(function, max_paths=1, reduce="sum")
    with pytest.warns(RuntimeWarning, match="max_paths"):
        assert vmapped.backward([0.5, 1.5, 2.5, 3.5, 2.25]) == 0.0 * 0.5 + 1.5 + 2 * 2.5 + 3 * 3.5 + 2 * 2.25
    assert [weight.grad for weight in weights] == [0.5, 1.5, 4.75, 3.5]


# What cannot be.


def test_results_of_another_structure_on_another_way() -> None:
    def function(x: Any) -> Any:
        return x if x > 0 else (x, x)

    vmapped = mg.vmap(function)
    for _ in range(2):
        with pytest.raises(TypeError, match=r"all points must have results of one structure.*point 2"):
            vmapped([1.0, 2.0, -1.0])
    assert vmapped([1.0, 2.0]).tolist() == [1.0, 2.0]


def test_errors_on_some_ways_say_at_which_point_and_leave_the_others() -> None:
    def function(x: Any) -> Any:
        if x > 100:
            raise LookupError("too large")
        return x * 2

    vmapped = mg.vmap(function)
    x = np.arange(90.0)
    x[77] = 1e3
    for _ in range(2):
        with pytest.raises(LookupError, match="too large") as raised:
            vmapped(x)
        assert any("at point 77" in note for note in [*getattr(raised.value, "__notes__", ()), str(raised.value)])
    assert vmapped(x[:77]).tolist() == (x[:77] * 2).tolist()


def test_a_number_made_a_constant_on_some_ways_is_refused() -> None:
    vmapped = mg.vmap(lambda x: x if x > 0 else math.sin(x) + x)
    assert vmapped([1.0]).tolist() == [1.0]
    with pytest.raises(TypeError, match=r"mg\.sin"):
        vmapped([1.0, -1.0])


# Python in the middle.


@pytest.fixture
def python_only() -> Iterator[Any]:
    """A primitive that only Python computes."""
    entry = mg.primitive(
        "vmapped_by_hand", lambda x: math.floor(10 * x) / 7 if x == x else x, lambda y, x: 3.0 + 0.0 * x
    )
    yield entry
    user_primitives.pop("vmapped_by_hand", None)


def test_operations_that_python_computes(python_only: Any) -> None:
    def function(x: Any, m: Any) -> Any:
        y = python_only(x) * m[0, 1] if x > 0 else m[1, 0]
        return y + mg.sin(x)

    x = np.linspace(-1, 1, 40)
    m = np.arange(160.0).reshape(40, 2, 2)
    both = mg.value_and_grad(function)
    for dtype in ("f8", "f4", "i2", ">f8"):
        given = m.astype(dtype)[:, ::-1]
        value, slope = mg.vmap(both, exact=True, threads=2)(x, given)
        for place in range(40):
            assert (value[place], slope[place]) == both(x[place], given[place].astype(float))
    weight = Value(2.0)
    loss = mg.vmap(lambda x: python_only(x) * weight if x > 0 else x, reduce="sum")
    assert loss.backward(x) == pytest.approx(sum(2.0 * python_only(n) if n > 0 else n for n in x.tolist()))
    assert weight.grad == pytest.approx(sum(python_only(n) for n in x.tolist() if n > 0))


# In company.


def test_static_arguments_have_ways_of_their_own() -> None:
    def function(x: Any, power: int, flip: bool = False) -> Any:
        y = x**power if x > 0 else x
        return -y if flip else y

    vmapped = mg.vmap(function, static_argnames=("power", "flip"), exact=True)
    x = np.linspace(-1, 1, 20)
    for power, flip in itertools.product((2, 3), (False, True)):
        require_same(vmapped(x, power, flip=flip), alone(lambda n, p=power, f=flip: function(n, p, f), x))
    assert len(vmapped.paths) == 8


def test_inside_transforms_and_inside_itself() -> None:
    table = np.random.default_rng(3).uniform(-1, 3, (5, 7))
    expected = [alone(three_ways, row) for row in table]
    assert mg.vmap(mg.vmap(three_ways, exact=True), exact=True)(table).tolist() == expected
    assert mg.vmap(mg.jit(three_ways), exact=True)(table[0]).tolist() == expected[0]
    inner = mg.vmap(three_ways, exact=True)
    slopes = mg.grad(lambda x: mg.sum(inner(x)))(table[0])
    assert slopes.tolist() == [mg.grad(three_ways)(number) for number in table[0].tolist()]
    assert mg.jit(lambda x: mg.sum(inner(x)))(table[0]) == sum(expected[0])


class Model:
    """A class with a method for many points."""

    def __init__(self, weight: float) -> None:
        self.weight = Value(weight)

    @mg.vmap
    def predict(self, x: Any) -> Any:
        """Return the prediction for one point."""
        return self.weight * x if x > 0 else -x


def test_methods() -> None:
    first, second = Model(2.0), Model(5.0)
    x = np.array([1.0, -1.0, 2.0])
    assert first.predict(x).tolist() == [2.0, 1.0, 4.0]
    assert second.predict(x).tolist() == [5.0, 1.0, 10.0]
    first.weight.data = 3.0
    assert first.predict(x).tolist() == [3.0, 1.0, 6.0]
    assert np.asarray(first.predict.backward(x)).tolist() == [3.0, 1.0, 6.0]
    assert (first.weight.grad, second.weight.grad) == (3.0, 0.0)


def test_copies_and_pickles_keep_the_ways() -> None:
    vmapped = mg.vmap(three_ways, exact=True, reduce=None, max_paths=2)
    x = np.array([-1.0, 0.5, -2.0])
    expected = vmapped(x)
    for twin in (copy.copy(vmapped), copy.deepcopy(vmapped), pickle.loads(pickle.dumps(vmapped))):
        assert np.array_equal(twin(x), expected)
        assert len(twin.paths) == 2
        with pytest.warns(RuntimeWarning, match="max_paths=2"):
            require_same(twin(x + 3.0), alone(three_ways, x + 3.0))
    assert len(vmapped.paths) == 2
    loss = mg.vmap(nested, reduce="mean")
    value = loss(x)
    assert pickle.loads(pickle.dumps(loss))(x) == value


def test_blocks_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(5).uniform(0.0, 6.0, 333)
    expected = mg.vmap(nested, exact=True)(x)
    total = mg.vmap(nested, exact=True, reduce="sum")(x)
    for operations in (1, 200, 1000):
        monkeypatch.setattr(batches, "OPERATIONS", operations)
        assert np.array_equal(mg.vmap(nested, exact=True)(x), expected)
        assert np.array_equal(mg.vmap(nested, exact=True)(x.astype(np.longdouble).astype("f8")[::-1]), expected[::-1])
        assert mg.vmap(nested, exact=True, reduce="sum")(x) == total


def test_more_kinds_of_columns_than_kernels_are_kept_for() -> None:
    vmapped = mg.vmap(lambda a, b, c, d, e: a + b * c - d / e, exact=True)
    room = np.random.default_rng(6).uniform(1.0, 2.0, (5, 40))
    for kinds in itertools.product((1, 2), repeat=5):
        columns = [row[::step][:20] for row, step in zip(room, kinds, strict=True)]
        a, b, c, d, e = columns
        assert np.array_equal(vmapped(*columns), a + b * c - d / e)
    assert len(vmapped.paths) == 1


def test_each_whole_number_is_a_path_of_its_own() -> None:
    batched = mg.vmap(lambda x: x * int(x), exact=True)
    numbers = np.arange(-4.0, 5.0) + 0.5
    for _ in range(2):
        require_same(batched(numbers), [number * int(number) for number in numbers.tolist()])
    assert len(batched.paths) == 8  # -0.5 and 0.5 have one
    assert batched.points_interpreted == 0


def test_points_beyond_max_paths_of_whole_numbers_are_interpreted_with_a_warning() -> None:
    batched = mg.vmap(lambda x: x * int(x), max_paths=3)
    numbers = np.arange(6.0) + 0.5
    with pytest.warns(RuntimeWarning, match="max_paths=3"):
        require_same(batched(numbers), [number * int(number) for number in numbers.tolist()])
    assert len(batched.paths) == 3
    assert batched.points_interpreted == 3


@pytest.mark.parametrize("exact", [False, True])
def test_each_exponent_is_a_path_of_its_own(exact: bool) -> None:
    batched = mg.vmap(lambda x: mg.frexp(x)[0], exact=exact)
    numbers = [1.5, 3.0, 5.0, 9.0, 20.0, -40.0, 0.0, -0.0, 5e-324, math.inf, -math.inf, math.nan]
    for _ in range(2):
        require_same(batched(numbers), [math.frexp(number)[0] for number in numbers])
    assert batched.points_interpreted == 0


def test_comparisons_that_vectors_decide_otherwise_do_not_change_exponents() -> None:
    batched = mg.vmap(lambda x: mg.frexp(mg.exp(x))[0])
    whole = np.log(2.0 ** np.arange(-20.0, 20.0))
    numbers = np.concatenate([whole, np.nextafter(whole, 99.0), np.nextafter(whole, -99.0), whole + 0.3])
    batched(numbers)
    found = batched(numbers + 0.4)
    assert np.all((found >= 0.5) & (found < 1.0))
