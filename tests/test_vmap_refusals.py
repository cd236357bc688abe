"""vmap: what it refuses, in a sentence that names the argument."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="vmap needs llvmlite")
pytest.importorskip("numpy")

import numpy as np

import microgrady as mg
from microgrady import Value
from microgrady.primitives import user_primitives
from tests.compiled import Pair

A, V3, V4 = np.arange(12.0).reshape(3, 4), np.arange(3.0), np.arange(4.0)


def f(x: Any, y: Any = 1.0, *, scale: Any = 1.0, n: int = 1) -> Any:
    """A function of whatever can be multiplied."""
    return x * y * scale * n


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"in_axes": True}, TypeError, "in_axes must be an int, None, or a tuple or list of these, not bool (True)"),
        ({"in_axes": 0.0}, TypeError, "in_axes must be an int, None, or a tuple or list of these, not float (0.0)"),
        ({"in_axes": "0"}, TypeError, "in_axes must be an int, None, or a tuple or list of these, not str ('0')"),
        ({"in_axes": {"x": 0}}, TypeError, "in_axes must be an int, None, or a tuple or list of these, not dict"),
        ({"in_axes": np.array([0])}, TypeError, "in_axes must be an int, None, or a tuple or list of these"),
        ({"in_axes": (0, False)}, TypeError, "in_axes[1] must be an int, None, or a container of these, not bool"),
        ({"in_axes": (0, {"w": 1.5})}, TypeError, "in_axes[1]['w'] must be an int, None, or a container of these"),
        ({"out_axes": "x"}, TypeError, "out_axes must be an int, None, or a container of these, not str ('x')"),
        ({"out_axes": (0, True)}, TypeError, "out_axes[1] must be an int, None, or a container of these, not bool"),
        ({"reduce": "max"}, ValueError, 'reduce must be "sum", "mean" or None, not str (\'max\')'),
        ({"reduce": np.sum}, ValueError, 'reduce must be "sum", "mean" or None, not '),
        ({"reduce": "sum", "out_axes": 1}, ValueError, "with reduce='sum' results have no axis of points: leave out_"),
        ({"reduce": "mean", "out_axes": None}, ValueError, "with reduce='mean' results have no axis of points"),
        ({"exact": 1}, TypeError, "exact must be True or False, not int (1)"),
        ({"progress": None}, TypeError, "progress must be True or False, not NoneType (None)"),
        ({"threads": 0}, ValueError, "threads must be at least 1, not 0"),
        ({"threads": -2}, ValueError, "threads must be at least 1, not -2"),
        ({"threads": 2.0}, TypeError, "threads must be an int or None, not float (2.0)"),
        ({"threads": True}, TypeError, "threads must be an int or None, not bool (True)"),
        ({"static_argnames": 3}, TypeError, "static_argnames must be names of arguments, not int (3)"),
        ({"static_argnames": "m"}, ValueError, "static_argnames has 'm', but the parameters are x, y, scale, n"),
        ({"max_paths": 0}, ValueError, "max_paths must be at least 1, not 0"),
        ({"max_paths": 2.0}, TypeError, "max_paths must be an int, not float (2.0)"),
        ({"optimize": 2}, TypeError, "optimize must be True, False or None, not int (2)"),
        ({"cache": 3}, TypeError, "cache must be the path of a folder or None, not int (3)"),
    ],
)
def test_options_are_checked_at_once(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        mg.vmap(f, **options)
    if "m" not in options.values():
        with pytest.raises(error, match=re.escape(message)):
            mg.vmap(**options)


def test_only_functions_are_taken() -> None:
    with pytest.raises(TypeError, match=r"^vmap takes a function, not int \(3\)$"):
        mg.vmap(3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"write @classmethod above @mg[.]vmap, not below"):
        mg.vmap(classmethod(f))  # type: ignore[call-overload]


NUMBERS = "an array, a list of numbers or a structure of these"


@pytest.mark.parametrize(
    ("in_axes", "args", "error", "message"),
    [
        # Numbers of points
        (0, (V3, V4), ValueError, "all arguments must have as many points, but x has 3 along axis 0 and y has 4 along"),
        ((0, 1), (A, A), ValueError, "but x has 3 along axis 0 and y has 4 along axis 1"),
        (0, ({"a": V3, "b": [A, V4]},), ValueError, "but x['a'] has 3 along axis 0 and x['b'][1] has 4 along axis 0"),
        (0, ([1.0, 2.0], V3), ValueError, "but x has 2 along axis 0 and y has 3 along axis 0"),
        # Axes
        (1, (V3, V3), ValueError, "x has no axis 1, as its shape is (3,)"),
        (-3, (A, A), ValueError, "x has no axis -3, as its shape is (3, 4)"),
        ((0, 2), (A, A), ValueError, "y has no axis 2, as its shape is (3, 4)"),
        (0, (V3, 2.0), ValueError, "y is one number, float (2.0), which has no axis 0: None in in_axes makes it the"),
        (0, (V3, np.float64(2.0)), ValueError, "y is one number, float64 (np.float64(2.0)), which has no axis 0"),
        (0, (V3, np.array(2.0)), ValueError, "y is one number, float (2.0), which has no axis 0"),
        (0, (V3, Value(2.0)), ValueError, "y is one number, Value (Value(2.0)), which has no axis 0"),
        (0, (V3, (1.0, 2.0)), ValueError, "y[0] is one number, float (1.0), which has no axis 0"),
        (0, (V3, Pair(V3, 2)), ValueError, "y[1] is one number, int (2), which has no axis 0"),
        # No points
        (None, (V3, V3), ValueError, "no argument has an axis with points: in_axes is None for all of them"),
        ((None, None), (V3, 2.0), ValueError, "no argument has an axis with points: in_axes is None for all of them"),
        (0, (), ValueError, "there is no argument with points"),
        (0, ({},), ValueError, "there is no argument with points"),
        # Structures
        ((0,), (V3, V3), ValueError, "in_axes has 1 entry, but 2 arguments are given by position; those"),
        ((0, 0), (V3,), ValueError, "in_axes has 2 entries, but 1 argument is given by position"),
        (((0, 0), 0), ([V3, V3], V3), ValueError, "in_axes for x is a tuple of 2, but x is another structure: list"),
        (([0], 0), ([V3, V3], V3), ValueError, "in_axes for x is a list of 1, but x is another structure: list"),
        (({"a": 0}, 0), ({"b": V3}, V3), ValueError, "in_axes for x is a dict of 1, but x is another structure: dict"),
        (((0,), 0), (A, A), ValueError, "in_axes for x is a tuple of 1, but x is another structure: ndarray"),
        (({"a": [0]}, 0), ({"a": (V3,)}, V3), ValueError, "in_axes for x['a'] is a list of 1, but x['a'] is another"),
        # What is not made of numbers
        (0, ("abc",), TypeError, f"x must be {NUMBERS}, not str ('abc')"),
        (0, (None,), TypeError, "x must be a real number, a Value, or a list, tuple, dict or NumPy array"),
        (0, (range(3),), TypeError, f"x must be {NUMBERS}, not range (range(0, 3))"),
        (0, ({"w": [V3, "b"]},), TypeError, f"x['w'][1] must be {NUMBERS}, not str ('b')"),
        (0, ([V3, None],), TypeError, "x[1] must be a real number, a Value, or a list, tuple, dict or NumPy array"),
        (0, (V3 + 1j,), TypeError, "x must be an array of real numbers, not of complex128"),
        (0, ([1.0, 2j],), TypeError, "x[1] must be an array, a list of numbers or a structure of these, not complex"),
        (0, (np.array(["a", "b"]),), TypeError, "x must be an array of real numbers, not of <U1"),
        (0, (np.array(["2020-01-01"], "M8[D]"),), TypeError, "x must be an array of real numbers, not of datetime"),
        (0, (np.array([1], "m8[s]"),), TypeError, "x must be an array of real numbers, not of timedelta64[s]"),
        (0, (np.zeros(2, [("a", "f8")]),), TypeError, "x must be an array of real numbers, not of [('a', '<f8')]"),
        (0, (np.array([1.0, "a"], dtype=object),), TypeError, "of real numbers or Values, but x.flat[1] is str"),
        (0, (V3, np.array([1.0, None, 2.0])), TypeError, "but y.flat[1] is NoneType (None)"),
        (0, (np.ma.array(V3),), TypeError, "x must be a plain NumPy array, not a MaskedArray, which calculates in its"),
        (0, ([[1.0, 2.0], [3.0]],), ValueError, "x is a list of numbers whose rows differ in length"),
        (0, ([1.0, [2.0]],), ValueError, "x is a list of numbers whose rows differ in length"),
        (0, ([[Value(1.0)], [2.0, 3.0]],), ValueError, "x is a list of numbers whose rows differ in length"),
        (0, ([1.0, 10**400],), OverflowError, "x holds a number that is too large for a float"),
        ((0, None), (V3, "b"), TypeError, "y must be a real number, a Value, or a list, tuple, dict or NumPy array"),
        ((0, None), (V3, [1.0, "b"]), TypeError, "y[1] must be a real number, a Value, or a list, tuple, dict or"),
    ],
)
def test_arguments_are_refused_by_name(in_axes: Any, args: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^in vmap of f, .*{re.escape(message)}"):
        mg.vmap(f, in_axes)(*args)


def test_arguments_by_name_are_refused_as_well() -> None:
    with pytest.raises(ValueError, match=r"scale is one number, .*: give scale by position, with None in in_axes"):
        mg.vmap(f)(V3, scale=2.0)
    with pytest.raises(ValueError, match="but x has 3 along axis 0 and scale has 4 along axis 0"):
        mg.vmap(f, in_axes=(0,))(V3, scale=V4)
    with pytest.raises(TypeError, match=r"the static argument n of f must be hashable, .* not list"):
        mg.vmap(f, static_argnames="n")(V3, V3, n=[1])
    with pytest.raises(ValueError, match="no argument has an axis with points"):
        mg.vmap(f, static_argnames="n")(n=1)


def test_numbers_wider_than_float64_are_refused() -> None:
    if np.dtype(np.longdouble).itemsize > 8:
        with pytest.raises(TypeError, match=r"x must be an array of real numbers, not of \w+, which is wider"):
            mg.vmap(f)(V3.astype(np.longdouble))


def test_what_makes_no_array_says_why() -> None:
    class Broken:
        """It says that it is an array."""

        def __array__(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("it is elsewhere")

    for in_axes in (0, (0, None)):
        with pytest.raises(TypeError, match=r"no array can be made of [xy].*, a Broken: it is elsewhere"):
            mg.vmap(f, in_axes)(*([Broken(), V3] if in_axes == 0 else [V3, Broken()]))


def test_sparse_matrices_have_no_axes() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="x is a sparse matrix, which has no axis of points: pass toarray"):
        mg.vmap(f)(sparse.csr_array(A))
    with pytest.raises(TypeError, match=r"sparse matrices of all points into one array: let the result of .* be dense"):
        mg.vmap(mg.jacobian(lambda x: x * x, sparse=True))(A)


@pytest.mark.parametrize(
    ("out_axes", "message"),
    [
        (1, "out_axes asks for axis 1 of the result of g['y'], which has 1 axis with that of the points"),
        (-2, "out_axes asks for axis -2 of the result of g['y'], which has 1 axis with that of the points"),
        ({"x": 2, "y": 0}, "out_axes asks for axis 2 of the result of g['x'], which has 2 axes with"),
        ({"x": 0}, "out_axes for the result of g is a dict of 1, but that is another structure"),
        ((0, 0), "out_axes for the result of g is a tuple of 2, but that is another structure"),
        ({"x": 0, "y": (0,)}, "out_axes for the result of g['y'] is a tuple of 1, but that is another structure"),
        (None, "out_axes is None for the result of g['x'][0], which differs from point to point"),
        ({"x": 0, "y": None}, "out_axes is None for the result of g['y'], which differs from point to point"),
    ],
)
def test_axes_of_results_are_refused_by_name(out_axes: Any, message: str) -> None:
    def g(x: Any) -> Any:
        return {"x": x, "y": x[0]}

    with pytest.raises(ValueError, match=re.escape(f"in vmap of g, {message}")):
        mg.vmap(g, out_axes=out_axes)(A)


def nothing(x: Any) -> None:
    """Forgets to return something."""
    x * x


def text(x: Any) -> str:
    """Returns something else than numbers."""
    return f"{1}"


def ragged(x: Any) -> Any:
    """Has as many results as its argument says."""
    return [x] * (1 if x < 1 else 2)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (nothing, "nothing.* must be a real number.* not NoneType"),
        (text, "text.* must be a real number.* not str"),
        (ragged, "in vmap of ragged, all points must have results of one structure, but that of point 1 is <list"),
    ],
)
@pytest.mark.parametrize("values", [False, True])
def test_results_are_refused(function: Callable[..., Any], message: str, values: bool) -> None:
    points = [Value(0.0), Value(1.0), Value(2.0)] if values else V3
    with pytest.raises(TypeError, match=message):
        mg.vmap(function)(points)


def test_a_call_without_numpy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    vmapped = mg.vmap(f)
    monkeypatch.setitem(sys.modules, "numpy", None)
    for call in (vmapped, vmapped.backward, vmapped.graph):
        with pytest.raises(ImportError, match=r'vmap needs NumPy: pip install "microgrady\[jit\]"'):
            call([1.0, 2.0])


def test_static_arguments_alone_have_no_points() -> None:
    with pytest.raises(ValueError, match="no argument has an axis with points: all of them are static"):
        mg.vmap(lambda n: 1.0 * n, static_argnames="n")(3)


def test_what_a_primitive_raises_says_at_which_point() -> None:
    def inverse(x: float) -> float:
        if x == 2.0:
            raise ArithmeticError("of two")
        return 1 / x

    try:
        vmapped = mg.vmap(mg.primitive("inverse_but_of_two", inverse, lambda x, y: -y * y))
        with pytest.raises(ArithmeticError, match=r"of two \(at point 2\)"):
            vmapped([1.0, 3.0, 2.0])
    finally:
        user_primitives.pop("inverse_but_of_two", None)
