"""The backward pass of small batches, whose sums are made by the kernel itself."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrady as mg
from microgrady import Value
from microgrady.compiler import batch_path, summed, vmapped
from microgrady.compiler.backends import array_interface
from microgrady.compiler.fold import PIECE, fold
from tests.threads import join, start

Function = Callable[..., Any]
RANDOM = np.random.default_rng(5)
WEIGHTS = [Value(float(number)) for number in RANDOM.normal(size=12)]
LEFT_OUT = Value(3.0)


def network(x: Any, y: Any) -> Any:
    hidden = [mg.tanh(mg.dot(WEIGHTS[k : k + 3], x) + WEIGHTS[9]) for k in (0, 3, 6)]
    return (mg.sum(hidden) * WEIGHTS[10] - y) ** 2


def with_constant_derivatives(x: Any, y: Any) -> Any:
    return WEIGHTS[0] + WEIGHTS[1] + x[0] * y + 0.0 * WEIGHTS[2] + 2.0 * WEIGHTS[3]


def whose_derivatives_are_inputs_and_each_other(x: Any, y: Any) -> Any:
    return (WEIGHTS[0] + WEIGHTS[1]) * x[0] + WEIGHTS[2] * x[2] + WEIGHTS[3] * y


def with_derivatives_that_others_go_on_from(x: Any, y: Any) -> Any:
    total = WEIGHTS[0] * x[0]
    for weight in WEIGHTS[1:]:
        total = mg.sin(total * weight) + y
    return total


def of_leaves_alone(x: Any, y: Any) -> Any:
    return mg.sum([weight**2 for weight in WEIGHTS]) + 0.0 * x[0] * y


FUNCTIONS = [
    network,
    with_constant_derivatives,
    whose_derivatives_are_inputs_and_each_other,
    with_derivatives_that_others_go_on_from,
    of_leaves_alone,
]


def points(count: int) -> tuple[Any, Any]:
    chance = np.random.default_rng(count)
    return chance.normal(size=(count, 3)), chance.normal(size=count)


def gradients() -> list[float]:
    found = [weight.grad for weight in WEIGHTS]
    for weight in WEIGHTS:
        weight.grad = 0.0
    return found


def interpreted(function: Function, x: Any, y: Any, reduce: str) -> tuple[float, list[float]]:
    values, rows = [], []
    for row, target in zip(x, y, strict=True):
        output = function([*row.tolist()], float(target))
        output.backward()
        values.append(output.data)
        rows.append(gradients())
    return fold(values, reduce), [fold(terms, reduce) for terms in zip(*rows, strict=True)]


@pytest.fixture(params=[8, 4])
def lanes(request: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many lanes vectors have, also those that this computer could be without."""
    monkeypatch.setattr(batch_path, "lanes_of_host", lambda: request.param)
    return int(request.param)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("counts", [(19, 1, 7, 8, 9, 16, 33), (3, 8, 16, 21)])  # of many points, and of few
def test_sums_have_the_bits_of_fold(function: Function, reduce: Any, counts: tuple[int, ...], lanes: int) -> None:
    many = mg.vmap(function, reduce=reduce, exact=True)
    for count in counts:
        x, y = points(count)
        found = many.backward(x, y), gradients()
        assert found == interpreted(function, x, y, reduce), count
    assert len(many._summed) == 1
    assert many.paths[0].points == sum(counts)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda x: np.stack([x, x])[0],
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x[:, ::-1].copy()[:, ::-1],
        lambda x: x.astype(">f8"),
        lambda x: np.array(x, copy=True, subok=False)[...],
    ],
)
def test_points_are_found_anywhere_in_memory(layout: Function) -> None:
    many = mg.vmap(network, reduce="mean", exact=True)
    for count in (13, 8, 21):
        x, y = points(count)
        for _ in range(2):
            found = many.backward(layout(x), y.tolist() if count == 8 else y)
            assert (found, gradients()) == interpreted(network, x, y, "mean")


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.bool_, np.uint8])
def test_numbers_of_other_types_are_converted(dtype: Any) -> None:
    many = mg.vmap(network, reduce="sum", exact=True)
    for count in (5, 12):
        x, y = points(count)
        x, y = (4 * x).astype(dtype), (4 * y).astype(dtype)
        for _ in range(2):
            found = many.backward(x, y), gradients()
            assert found == interpreted(network, x.astype(float), y.astype(float), "sum")


def test_blocks_of_large_programs_and_whole_pieces_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = points(1003)
    wanted = mg.vmap(network, reduce="mean").backward(x, y), gradients()
    monkeypatch.setattr(summed, "length_for", lambda path: 16)
    assert (mg.vmap(network, reduce="mean").backward(x, y), gradients()) == wanted


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_pieces_are_added_as_fold_does_whatever_the_number_of_threads(threads: int, dtype: Any) -> None:
    x = np.random.default_rng(1).normal(size=2 * PIECE + 5).astype(dtype)
    w = Value(0.75)
    many = mg.vmap(lambda x: w * x, reduce="mean", threads=threads)
    assert many.backward(x) == fold((0.75 * x.astype(float)).tolist(), "mean")
    assert w.grad == fold(x.astype(float).tolist(), "mean")
    assert len(many._summed) == 1


def test_what_is_the_same_for_all_points_and_values_among_it() -> None:
    def function(w: Any, scale: Any, x: Any) -> Any:
        return (w[0] * x[0] + w[1] * x[1] * WEIGHTS[0]) * scale

    many = mg.vmap(function, in_axes=(None, None, 0), reduce="mean")
    x, _ = points(11)
    for w in ([Value(2.0), Value(3.0)], [Value(-1.0), Value(0.5)]):
        for scale in (1.0, 3.0):
            for value in w:
                value.grad = 0.0
            total = many.backward(w, scale, x)
            weight = WEIGHTS[0].data
            means = x.mean(axis=0)
            assert total == pytest.approx(scale * (w[0].data * means[0] + w[1].data * weight * means[1]))
            assert [value.grad for value in w] == pytest.approx([scale * means[0], scale * means[1] * weight])
            assert gradients()[0] == pytest.approx(scale * w[1].data * means[1])
    assert len(many._summed) == 1


def test_points_along_another_axis() -> None:
    many = mg.vmap(network, in_axes=(1, 0), reduce="mean", exact=True)
    x, y = points(3)  # a square, in which axes could be taken for each other
    for _ in range(2):
        assert (many.backward(x.T, y), gradients()) == interpreted(network, x, y, "mean")


def test_arguments_by_name() -> None:
    many = mg.vmap(network, reduce="mean", exact=True)
    x, y = points(9)
    for _ in range(2):
        assert (many.backward(y=y, x=x), gradients()) == interpreted(network, x, y, "mean")


def test_changed_numbers_of_leaves_count_at_the_next_call() -> None:
    w = Value(2.0)
    many = mg.vmap(lambda x: w * x, reduce="sum")
    x = np.arange(10.0)
    assert many.backward(x) == 90.0
    w.data = 3.0
    assert many.backward(x) == 135.0
    assert w.grad == 90.0


def test_another_branch_is_taken_as_ever() -> None:
    many = mg.vmap(lambda x: WEIGHTS[0] * x if x > 0 else WEIGHTS[1] * x, reduce="sum")
    for _ in range(2):
        assert many.backward(np.array([1.0, 2.0])) == 3.0 * WEIGHTS[0].data
        assert many.backward(np.array([1.0, -2.0])) == WEIGHTS[0].data - 2.0 * WEIGHTS[1].data
        assert gradients()[:2] == [4.0, -2.0]


def test_bad_arguments_are_refused_after_good_ones() -> None:
    many = mg.vmap(network, reduce="mean")
    x, y = points(6)
    many.backward(x, y)
    with pytest.raises(ValueError, match="as many points"):
        many.backward(x, y[:5])
    with pytest.raises(TypeError):
        many.backward(x.astype(complex), y)
    with pytest.raises((TypeError, IndexError, ValueError)):
        many.backward(x[:, :2], y)
    gradients()


def test_an_interrupted_call_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = points(10)
    many = mg.vmap(network, reduce="mean")
    wanted = many.backward(x, y), gradients()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(summed, "total_over_lanes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            many.backward(x, y)
    assert gradients() == [0.0] * len(WEIGHTS)
    assert (many.backward(x, y), gradients()) == wanted


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_the_memory_held_before_counts_for_nothing(function: Function) -> None:
    many = mg.vmap(function, reduce="mean")
    x, y = points(27)
    wanted = many.backward(x, y), gradients()
    many._summed[0]._adder._memory[:] = 255  # nan in all places
    assert (many.backward(x, y), gradients()) == wanted


def test_threads_that_call_at_the_same_time_each_get_their_own() -> None:
    many = mg.vmap(lambda x, y: (WEIGHTS[0] * x - y) ** 2, reduce="mean")
    batches = [points(count) for count in (300, 301, 302, 303)]
    wanted = [many.backward(x[:, 0], y) for x, y in batches]
    found: list[list[float]] = [[] for _ in batches]

    def call(number: int) -> None:
        x, y = batches[number]
        for _ in range(50):
            found[number].append(many.backward(x[:, 0], y))

    join(start(*(functools.partial(call, number) for number in range(4))))
    gradients()
    assert [set(each) for each in found] == [{number} for number in wanted]


def test_memory_is_kept_for_few_kinds_of_batches() -> None:
    many = mg.vmap(lambda x: mg.sum(x) * WEIGHTS[0], reduce="mean")
    for size in range(1, 9):
        assert many.backward(np.ones((3, size))) == pytest.approx(size * WEIGHTS[0].data)
    gradients()
    assert len(many._summed) == vmapped.SUMMED


def test_inside_a_transform_points_are_differentiated_through() -> None:
    w = Value(3.0)
    many = mg.vmap(lambda x, a: w * a * x, in_axes=(0, None), reduce="sum")
    x = np.array([1.0, 2.0])
    assert many.backward(x, 2.0) == 18.0
    assert mg.grad(lambda a: many(x, a))(2.0) == 9.0


def test_addresses_are_found_with_and_without_numpys_interface_for_c(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(12.0).reshape(3, 4)
    arrays = [x, x[1:], x[:, ::-2], x[::-1]]
    wanted = [array.__array_interface__["data"][0] for array in arrays]
    assert [*map(array_interface.address_reader(), arrays)] == wanted
    monkeypatch.setattr(array_interface, "array_interface", lambda: None)
    assert [*map(array_interface.address_reader.__wrapped__(), arrays)] == wanted
