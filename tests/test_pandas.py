"""A pandas Series of Values never turns them into floats without a word."""

from __future__ import annotations

from typing import Any

import pytest

from microgrady import Value

np = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")

METHODS = [
    *("sum", "mean", "prod", "std", "var", "sem", "skew", "kurt", "median", "max", "min", "cumsum", "cumprod"),
    *("cummax", "abs", "diff", "pct_change", "mode", "quantile", "to_numpy", "tolist", "copy"),
]


def leaves() -> list[Value]:
    return [Value(1.0), Value(4.0), Value(2.0)]


def connected(thing: Any) -> bool:
    """Whether no float is among the results."""
    if isinstance(thing, Value):
        return True
    if isinstance(thing, (pandas.Series, np.ndarray, list)):
        return all(map(connected, thing))
    return isinstance(thing, (int, np.integer)) or thing is None or thing != thing


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_a_series_of_values_give_values_or_raise(name: str) -> None:
    try:
        result = getattr(pandas.Series(leaves()), name)()
    except (TypeError, ValueError, AttributeError):
        return
    assert connected(result), result


def test_sums_products_and_arithmetic_of_series_keep_derivatives() -> None:
    values = leaves()
    series = pandas.Series(values)
    scaled = pandas.Series([1.0, 2.0, 3.0]) * values[0]
    output = (series * 2.0 + np.array([1.0, 2.0, 3.0])).sum() + series.prod() + scaled.sum()
    output.backward()
    assert [value.grad for value in values] == [2.0 + 8.0 + 6.0, 2.0 + 2.0, 2.0 + 4.0]


def test_a_series_of_floats_takes_no_values() -> None:
    with pytest.raises(TypeError):
        pandas.Series(leaves()).astype(float)
    with pytest.raises(TypeError):
        pandas.Series(leaves(), dtype=float)
    with pytest.raises((TypeError, ValueError)):
        pandas.to_numeric(pandas.Series(leaves()))


def test_universal_functions_of_series_are_the_tables() -> None:
    values = leaves()
    np.exp(pandas.Series(values)).sum().backward()
    assert [value.grad for value in values] == pytest.approx(np.exp([1.0, 4.0, 2.0]).tolist(), rel=1e-15)
    for value in values:
        value.grad = 0.0
    np.multiply(pandas.Series([3.0]), values[1])[0].backward()
    assert values[1].grad == 3.0
