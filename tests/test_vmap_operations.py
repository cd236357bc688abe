"""Every operation of the table in a batch: its value and derivatives are those of single points."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="LLVM comes with llvmlite, which is not installed")
pytest.importorskip("numpy", reason="batches are arrays")

import numpy

import microgrady as mg
from microgrady.value import primitives
from tests.fuzz.floats import same_bits
from tests.test_lowered import LOWERED, PAIRS, SINGLES
from tests.ulp import is_alike

# Where terms cancel, an ulp of one of them is more of the result.
CANCELLING = {"logaddexp", "lgamma", "digamma", "gamma_slope", "power_mixed"}


def points_of(name: str) -> list[tuple[float, ...]]:
    chance = random.Random(name)
    if len(primitives[name].rules) == 1:
        return [(x,) for x in chance.sample(SINGLES, min(len(SINGLES), 500))]
    return chance.sample(PAIRS, min(len(PAIRS), 500))


def stopped(name: str) -> Callable[..., Any]:
    """The operation as what another derivative of zero comes to."""
    return lambda *operands: 0.0 * primitives[name](*operands)


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "quick"])
@pytest.mark.parametrize("name", LOWERED)
def test_values_and_derivatives_of_a_batch_are_those_of_its_points(name: str, exact: bool) -> None:
    operation, count = primitives[name], len(primitives[name].rules)
    points = points_of(name)
    columns = numpy.array(points).T
    for function in (lambda *operands: operation(*operands), stopped(name)):
        single = mg.value_and_grad(function, tuple(range(count)))
        alone = mg.jit(single)  # which may give a derivative of zero another sign than the interpreted one
        value, slopes = mg.vmap(single, exact=exact)(*columns)
        for number, point in enumerate(points):
            expected_value, expected_slopes = alone(*point)
            found = [float(value[number]), *(float(slope[number]) for slope in slopes)]
            for one, other in zip(found, [expected_value, *expected_slopes], strict=True):
                where = f"{name}{point}: {found}, not {[expected_value, *expected_slopes]}"
                if exact:
                    assert same_bits(one, other), where
                    continue
                assert is_alike(one, other) or (name in CANCELLING and abs(one - other) < 1e-12), where
                if name not in CANCELLING and math.isfinite(one) and math.isfinite(other):
                    assert abs(one - other) <= 16.0 * math.ulp(other), where
