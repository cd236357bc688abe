"""The benchmarks of batches and of training, at a few points: who is compared computes the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("numpy")
pytest.importorskip("scipy")
import numpy as np

from tests.benchmarks import batch_programs as programs
from tests.benchmarks import training, training_peers
from tests.benchmarks.batch import TABLES
from tests.benchmarks.timing import cost_of
from tests.benchmarks.training_tasks import TASKS

POINTS = 50
BY_HAND: dict[str, Callable[..., Any]] = {
    "black-scholes": programs.black_scholes_by_hand,
    "implied": programs.implied_volatility_by_hand,
    "split": programs.option_by_hand,
    "huber": programs.huber_by_hand,
    "wave": programs.wave_by_hand,
}
# Those that compile for seconds are left to the benchmark itself, and so are those that only it needs to be installed.
ENGINES = [
    (key, name)
    for key, table in TABLES.items()
    for name, engine in table.engines.items()
    if not {"numba", "jax", "heyoka", "aadc"} & set(engine.modules)
]


@pytest.mark.parametrize("key", BY_HAND)
def test_derivatives_by_hand_are_right(key: str) -> None:
    table = TABLES[key]
    expected = table.expected(POINTS)
    rows = np.empty(expected.shape)
    BY_HAND[key](*table.point(POINTS), rows)
    assert table.difference(rows, expected) < table.tolerance


def test_derivatives_of_the_mean_by_hand_are_right() -> None:
    table = TABLES["mean"]
    found = programs.logistic_by_hand(*table.point(POINTS))
    assert table.difference(found, table.expected(POINTS)) < table.tolerance


@pytest.mark.parametrize(("key", "name"), ENGINES)
def test_engines_agree(key: str, name: str) -> None:
    cost = cost_of(TABLES[key], name, POINTS, 1, ())
    assert cost.difference < TABLES[key].tolerance
    assert len(cost.calls) == 1


def test_every_aim_is_of_an_engine_that_is_measured() -> None:
    for table in TABLES.values():
        assert set(table.aims) <= set(table.engines)
        assert {table.default, table.reference} <= set(table.engines)


def test_implied_volatility_takes_few_turns_for_some_points_and_many_for_others() -> None:
    exponentials: list[int] = []

    def counted_exp(x: float) -> float:
        exponentials[-1] += 1
        return math.exp(x)

    library = SimpleNamespace(sqrt=math.sqrt, log=math.log, erf=math.erf, exp=counted_exp)
    for point in zip(*programs.quotes(1000)[:3], strict=True):
        exponentials.append(-1)  # one stands before the loop
        programs.implied_volatility(library, *point)
    assert min(exponentials) <= 3
    assert max(exponentials) >= 9


def test_half_of_the_points_go_either_way() -> None:
    x, y = programs.pairs(10_000)
    assert 0.45 < np.mean(abs(x - y) <= 1.0) < 0.55
    assert 0.45 < np.mean(programs.mixed_market(10_000)[-1] > 0.0) < 0.55


def test_the_rows_of_a_batch_are_those_of_one_array() -> None:
    for batch in (programs.market(POINTS), programs.pairs(POINTS)):
        assert all(row.base is batch[0].base for row in batch)
        assert np.array_equal(batch[0].base, np.stack(batch))


@pytest.mark.parametrize("kind", TASKS)
def test_who_trains_has_the_same_losses_and_comes_to_the_same_weights(kind: str) -> None:
    pytest.importorskip("llvmlite", reason="vmap needs llvmlite")
    # What compiles for seconds is left to the benchmark itself.
    left_out = {training_peers.FIT, training_peers.JAX, training_peers.COMPILED}
    names = [name for name in training_peers.PEERS[kind] if not training.reason_against(kind, name)]
    trainers = training.agreeing(TASKS[kind](8), [name for name in names if name not in left_out])
    assert training_peers.OURS in trainers


def test_every_aim_of_training_is_of_who_trains() -> None:
    for kind, _, _, aims in training.TABLES.values():
        assert set(aims) <= set(training_peers.PEERS[kind])


def test_batches_of_training_go_through_whole_batches_of_all_samples() -> None:
    task = TASKS["digits"](512)
    assert (len(task.X), task.steps) == (1024, 2)
    assert [task.rows(k) for k in range(3)] == [slice(0, 512), slice(512, 1024), slice(0, 512)]
