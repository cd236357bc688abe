"""What test suites use: assert_gradient, the fixture and the strategy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrady as mg
from microgrady.checking import Verdict
from microgrady.testing import assert_gradient, differentiable_points

pytest_plugins = ["pytester"]


def test_assert_gradient_fails_with_the_table_as_its_message() -> None:
    assert assert_gradient(lambda x: x**2, 3.0).ok
    with pytest.raises(AssertionError, match=r"0 of 1 derivatives match; 1 mismatch\ninput +claimed"):
        assert_gradient(lambda x: x**2, 3.0, gradient=5.0)


def test_assert_gradient_fails_where_nothing_was_proved_unless_that_is_allowed() -> None:
    with pytest.raises(AssertionError, match="not differentiable"):
        assert_gradient(mg.relu, 0.0)
    assert_gradient(mg.relu, 0.0, allow="not differentiable")
    assert_gradient(mg.relu, 0.0, allow=[Verdict.NOT_DIFFERENTIABLE])
    with pytest.raises(AssertionError, match="mismatch"):
        assert_gradient(lambda x: x**2, 3.0, gradient=5.0, allow=["inconclusive", "not differentiable"])
    with pytest.raises(ValueError, match="allow takes 'inconclusive' and 'not differentiable', not 'mismatch'"):
        assert_gradient(mg.relu, 0.0, allow=["mismatch"])


def test_the_fixture_is_there_without_any_configuration(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_right(gradcheck):
            gradcheck(lambda x: x**2, 3.0, gradient=lambda x: 2 * x)

        def test_wrong(gradcheck):
            gradcheck(lambda x: x**2, 3.0, gradient=lambda x: 3 * x)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: 0 of 1 derivatives match; 1 mismatch*"])


@given(differentiable_points(lambda x, y: mg.maximum(x, y[0]), st.integers(-2, 2), st.tuples(st.integers(-2, 2))))
def test_differentiable_points_are_never_at_a_kink(point: Any) -> None:
    x, (y,) = point
    assert x != y


@given(differentiable_points(mg.log, st.floats(-1.0, 1.0)))
def test_differentiable_points_are_inside_the_domain(point: Any) -> None:
    assert point[0] > 0.0
