"""Values and NumPy: scalars, arrays, matrix products, universal functions."""

from __future__ import annotations

import math

import pytest

from microgrady import Value
from microgrady.value import primitives


def test_numpy_scalars_times_a_value_are_values() -> None:
    np = pytest.importorskip("numpy")
    x = Value(3.0)
    for result, data, slope in (
        (np.float64(2) * x, 6.0, 2.0),
        (np.float64(2) + x, 5.0, 1.0),
        (np.float64(2) - x, -1.0, -1.0),
        (np.float64(6) / x, 2.0, -2 / 3),
        (np.float64(2) ** x, 8.0, 8 * math.log(2)),
        (np.int64(7) // x, 2.0, 0.0),
        (np.float32(7) % x, 1.0, -2.0),
        (np.array(2.0) * x, 6.0, 2.0),
        (x * np.array(2.0), 6.0, 2.0),
    ):
        assert type(result) is Value
        assert result.data == data
        x.grad = 0.0
        result.backward()
        assert x.grad == pytest.approx(slope, abs=1e-15)
    assert type(np.float64(2) < x) is bool


def test_arrays_of_values_meet_nan_without_a_warning() -> None:
    np = pytest.importorskip("numpy")
    array = np.array([Value(2.0), Value(math.nan)], dtype=object)
    for _ in range(200):  # Python compares floats in another way once it has seen a function do it often
        for results in (array + math.nan, math.nan + array, array - math.nan, math.nan - array, array * math.nan):
            assert all(math.isnan(result.data) for result in results)
        assert all(math.isnan(result.data) for result in math.nan * array)


def test_an_array_and_a_value_give_an_array_of_values() -> None:
    np = pytest.importorskip("numpy")
    x = Value(3.0)
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    for result in (x * array, array * x):
        assert result.dtype == object
        assert result.shape == (2, 2)
        assert [entry.data for entry in result.flat] == [3.0, 6.0, 9.0, 12.0]
    assert [entry.data for entry in (array - x).flat] == [-2.0, -1.0, 0.0, 1.0]
    assert [entry.data for entry in (x - array).flat] == [2.0, 1.0, 0.0, -1.0]
    assert [entry.data for entry in (x / np.array([1, 2])).flat] == [3.0, 1.5]
    assert [entry.data for entry in (x ** np.array([1, 2])).flat] == [3.0, 9.0]
    assert (array == x).tolist() == [[False, False], [True, False]]
    assert (x > array).tolist() == [[True, True], [False, False]]
    np.sum(x * array).backward()
    assert x.grad == 10.0


def test_matrix_products_sums_and_moments_of_arrays_of_values() -> None:
    np = pytest.importorskip("numpy")
    data = np.array([1.0, -2.0, 4.0])
    matrix = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for function, expected in (
        (np.sum, np.ones(3)),
        (np.mean, np.full(3, 1 / 3)),
        (np.prod, np.array([-8.0, 4.0, -2.0])),
        (np.var, 2 * (data - data.mean()) / 3),
        (np.std, (data - data.mean()) / 3 / data.std()),
        (lambda v: v @ v, 2 * data),
        (lambda v: np.sum(matrix @ v), matrix.sum(axis=0)),
        (lambda v: (matrix @ v) @ (matrix @ v), 2 * matrix.T @ matrix @ data),
        (lambda v: np.linalg.norm(v), data / np.linalg.norm(data)),
        (lambda v: np.dot(v, data), data),
        (lambda v: np.cumsum(v)[-1], np.ones(3)),
        (lambda v: np.einsum("i,i", v, data), data),
    ):
        values = np.array([Value(x) for x in data])
        output = function(values)
        assert output.data == pytest.approx(function(data), rel=1e-14)
        output.backward()
        assert [value.grad for value in values] == pytest.approx(expected.tolist(), rel=1e-13)


@pytest.mark.parametrize(
    ("name", "entry", "x"),
    [
        *[(name, name, 0.5) for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt")],
        *[(name, name, 0.5) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "fabs")],
        *[("arc" + name[1:], name, 0.5) for name in ("asin", "acos", "atan", "asinh", "atanh")],
        ("arccosh", "acosh", 1.5),
        ("absolute", "abs", -0.5),
        ("negative", "neg", 0.5),
    ],
)
def test_universal_functions_of_numpy_call_the_table(name: str, entry: str, x: float) -> None:
    np = pytest.importorskip("numpy")
    value = Value(x)
    (result,) = getattr(np, name)(np.array([value]))
    assert type(result) is Value
    if entry == "neg":
        assert result.data == -x
    else:
        assert result.data == pytest.approx(float(getattr(np, name)(x)), rel=1e-15)
        assert result.data == primitives["abs" if entry == "fabs" else entry](x)
    assert type(getattr(np, name)(value)) is Value


@pytest.mark.parametrize(
    ("name", "entry"), [("arctan2", "atan2"), ("hypot", "hypot"), ("power", "pow"), ("fmod", "fmod")]
)
def test_universal_functions_of_two_arrays_call_the_table(name: str, entry: str) -> None:
    np = pytest.importorskip("numpy")
    a, b = Value(1.5), Value(0.5)
    (result,) = getattr(np, name)(np.array([a]), np.array([b]))
    assert result.op is primitives[entry]
    assert result.data == primitives[entry](1.5, 0.5)
    (result,) = getattr(np, name)(np.array([a]), 2.0)
    assert result.data == primitives[entry](1.5, 2.0)


def test_in_place_operations_on_arrays_of_values_rebind_the_elements() -> None:
    np = pytest.importorskip("numpy")
    x = Value(3.0)
    array = np.array([x, x * 2])
    array *= 2
    array += x
    array -= np.array([1.0, 2.0])
    assert [entry.data for entry in array] == [8.0, 13.0]
    np.sum(array).backward()
    assert x.grad == 8.0


def test_an_array_of_floats_does_not_take_values_in_place() -> None:
    np = pytest.importorskip("numpy")
    array = np.ones(2)
    with pytest.raises(TypeError):
        array += Value(1.0)
    assert array.tolist() == [1.0, 1.0]
