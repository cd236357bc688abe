"""The order of sums over a batch."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrady as mg
from microgrady.compiler.fold import LANES, PIECE, NeighbourSums, fold, over_lanes

NUMBERS = st.floats(-1e6, 1e6)


def by_levels(sums: list[float]) -> float:
    """The sum of pieces, level by level, as the definition says it."""
    while len(sums) > 1:
        pairs = [sums[place] + sums[place + 1] for place in range(0, len(sums) - 1, 2)]
        sums = pairs + sums[len(sums) // 2 * 2 :]
    return sums[0]


@given(st.lists(NUMBERS, min_size=1, max_size=40), st.randoms())
def test_pieces_are_added_by_neighbours_in_whatever_order_they_come(sums: list[float], chance: random.Random) -> None:
    found = NeighbourSums(len(sums))
    for place in chance.sample(range(len(sums)), len(sums)):
        assert found.total is None
        found.add(place, sums[place])
    assert found.total == by_levels(sums)


@given(st.lists(NUMBERS, max_size=60))
def test_a_piece_has_eight_sums_side_by_side(terms: list[float]) -> None:
    lanes = [0.0] * LANES
    for place, term in enumerate(terms):
        lanes[place % LANES] += term
    assert fold(terms, "sum") == over_lanes(lanes)
    assert fold(terms, "sum") == pytest.approx(math.fsum(terms), rel=1e-12, abs=1e-6)


def test_pieces_have_a_fixed_size() -> None:
    terms = [0.1 * place for place in range(2 * PIECE + 5)]
    pieces = [fold(terms[start : start + PIECE], "sum") for start in (0, PIECE, 2 * PIECE)]
    assert fold(terms, "sum") == (pieces[0] + pieces[1]) + pieces[2]
    assert fold(terms, "mean") == fold(terms, "sum") / len(terms)


def test_nothing_has_the_sum_zero_and_the_mean_nan() -> None:
    assert fold([], "sum") == 0.0
    assert math.isnan(fold([], "mean"))


def test_values_are_added_in_the_same_order_and_keep_their_derivatives() -> None:
    leaves = [mg.Value(0.1 * place) for place in range(19)]
    mean = fold(leaves, "mean")
    assert mean.data == fold([leaf.data for leaf in leaves], "mean")
    mean.backward()
    assert all(leaf.grad == 1 / 19 for leaf in leaves)
