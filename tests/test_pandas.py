"""Series and DataFrames of pandas: they keep Values, and are differentiated as what they are."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.trees import flatten

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


# Series and DataFrames as arguments.


def series() -> Any:
    return pandas.Series([2.0, 3.0, 5.0], index=["a", "b", "c"], name="weights")


def frame() -> Any:
    return pandas.DataFrame({"x": [1, 2], "y": [3.0, 4.0]}, index=["first", "second"])


def product(s: Any) -> Any:
    return s["a"] ** 2 * s["b"] + (s * s).sum()


def test_the_gradient_of_a_series_is_a_series() -> None:
    expected = pandas.Series([16.0, 10.0, 10.0], index=["a", "b", "c"], name="weights")
    pandas.testing.assert_series_equal(mg.grad(product)(series()), expected)
    value, slope = mg.value_and_grad(product)(series().astype(int))
    assert value == 50.0
    pandas.testing.assert_series_equal(slope, expected)
    along = mg.hvp(product)(series(), pandas.Series([1.0, 10.0, 0.0], index=["a", "b", "c"]))
    pandas.testing.assert_series_equal(along, pandas.Series([48.0, 24.0, 0.0], index=["a", "b", "c"], name="weights"))
    nested = mg.grad(lambda p: product(p["s"]) * p["t"][0])({"s": series(), "t": [2.0]})
    pandas.testing.assert_series_equal(nested["s"], expected * 2.0)


def test_vectors_are_matched_by_labels_where_both_have_some() -> None:
    vector = pandas.Series([1.0, 10.0, 0.0], index=["a", "b", "c"])
    hvp = mg.hvp(product)
    expected = hvp(series(), vector).tolist()
    assert hvp(series(), vector[::-1]).tolist() == expected
    assert hvp(series(), [1.0, 10.0, 0.0]).tolist() == expected
    assert hvp(series(), np.array([1.0, 10.0, 0.0])).tolist() == expected
    assert hvp({"s": series()}["s"], vector).tolist() == expected
    with pytest.raises(ValueError, match="the vector of hvp must have the structure of the argument"):
        hvp(series(), pandas.Series([1.0, 10.0, 0.0]))
    assert mg.check_gradient(product, series(), gradient=mg.grad(product)(series())[::-1]).ok


def test_the_gradient_of_a_frame_is_a_frame() -> None:
    slope = mg.grad(lambda d: (d["x"] ** 2 * d["y"]).sum())(frame())
    expected = pandas.DataFrame({"x": [6.0, 16.0], "y": [1.0, 4.0]}, index=["first", "second"])
    pandas.testing.assert_frame_equal(slope, expected)
    slope = mg.grad(lambda d: mg.sum(np.exp(d.to_numpy()) @ [1.0, 0.0]))(frame())
    pandas.testing.assert_frame_equal(slope, np.exp(frame()) * [1.0, 0.0])


def test_series_and_frames_count_as_arrays_in_what_has_more_axes() -> None:
    rows = mg.jacobian(lambda s: [s["a"] * s["b"], s["c"]])(series())
    assert [row.tolist() for row in rows] == [[3.0, 2.0, 0.0], [0.0, 0.0, 1.0]]
    assert all(row.index.equals(series().index) for row in rows)
    assert mg.jacobian(lambda s: s * 2.0)(series()).tolist() == (2.0 * np.eye(3)).tolist()
    assert mg.hessian(product)(series()).tolist() == [[8.0, 4.0, 0.0], [4.0, 2.0, 0.0], [0.0, 0.0, 2.0]]
    by_number = mg.jacobian(lambda x: series() * x**2)(3.0)
    pandas.testing.assert_series_equal(by_number, series() * 6.0)
    assert mg.hessian(lambda d: (d["x"] * d["y"]).sum())(frame()).shape == (2, 2, 2, 2)


def test_derivatives_by_series_and_frames_are_checked_by_their_labels() -> None:
    report = mg.check_gradient(product, series())
    assert report.ok
    assert [entry.name for entry in report.entries] == ["s['a']", "s['b']", "s['c']"]
    assert mg.check_gradient(product, series(), gradient=lambda s: np.array([16.0, 10.0, 10.0])).ok
    assert not mg.check_gradient(product, series(), gradient=lambda s: s).ok
    report = mg.check_gradient(lambda d: (d["x"] ** 2 * d["y"]).sum(), frame())
    assert report.ok
    assert [entry.name for entry in report.entries] == [
        f"d['{column}']['{row}']" for row in ("first", "second") for column in "xy"
    ]
    assert mg.check_gradient(lambda s: s * s, series()).ok
    assert mg.check_gradient(product, series(), order=2).ok


def test_labels_that_are_not_unique_give_way_to_positions() -> None:
    twice = pandas.Series([2.0, 3.0], index=["a", "a"])
    assert flatten(twice, "s")[1].leaf_names("s") == ["s[0]", "s[1]"]
    pandas.testing.assert_series_equal(mg.grad(lambda s: s.iloc[0] * s.iloc[1])(twice), twice[::-1])


def test_compiled_functions_take_and_give_series_and_frames() -> None:
    pytest.importorskip("llvmlite")
    slope = mg.jit(mg.grad(product))
    for scale in (1.0, 2.0, 3.0):
        pandas.testing.assert_series_equal(slope(series() * scale), mg.grad(product)(series() * scale))
    assert len(slope.paths) == 1
    other = series().rename(index={"c": "d"})
    assert slope(other).index.tolist() == ["a", "b", "d"]
    doubled = mg.jit(lambda d: d * 2.0)
    for _ in range(2):
        pandas.testing.assert_frame_equal(doubled(frame()), frame() * 2.0, check_dtype=False)


def test_what_is_not_a_number_in_a_series_or_frame_is_refused() -> None:
    for wrong in (
        pandas.Series(["text", 1.0]),
        pandas.Series([1.0, None], dtype=object),
        pandas.Series(pandas.to_datetime(["2020-01-01"])),
        pandas.DataFrame({"a": [1.0], "b": ["text"]}),
    ):
        with pytest.raises(TypeError, match=r"the argument of <lambda>.* must be a real number"):
            mg.grad(lambda s: 1.0)(wrong)


def test_numbers_leave_series_and_frames_without_their_graphs() -> None:
    made = mg.detach(
        {"s": pandas.Series(leaves(), index=[3, 2, 1]), "d": pandas.DataFrame({"a": leaves(), "b": "text"})}
    )
    pandas.testing.assert_series_equal(made["s"], pandas.Series([1.0, 4.0, 2.0], index=[3, 2, 1]))
    assert made["d"]["a"].dtype == np.float64
    words = pandas.Series(["one", "two"])
    assert mg.detach(words) is words


def test_structures_of_series_and_frames_are_data() -> None:
    structure = flatten([series(), frame()], "p")[1]
    assert structure == flatten([series() + 1.0, frame() * 2], "p")[1]
    assert hash(structure) == hash(pickle.loads(pickle.dumps(structure)))
    assert structure == pickle.loads(pickle.dumps(structure))
    others = [series().rename("other"), series()[::-1], series().rename(index={"a": 1}), series().astype(int)]
    assert [flatten(other, "s")[1] == flatten(series(), "s")[1] for other in others] == [False, False, False, True]


def test_pandas_is_not_imported_for_those_who_do_not_use_it() -> None:
    program = "import sys, microgrady as mg; mg.grad(lambda p: p[0] * p[1])([1.0, 2.0]); print('pandas' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "False\n"
