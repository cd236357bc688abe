# pyright: standard
"""NumPy's arrays among Values."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import microgrady as mg
from microgrady import Value


def total(x: npt.NDArray[np.float64]) -> float:
    """A function of an array."""
    return float(mg.detach(x).sum()) if x.dtype == float else x.sum()


def test_functions_and_operators_of_arrays() -> None:
    v, a = Value(2.0), np.ones(3)
    assert_type(mg.sin(a), np.ndarray[Any, Any])
    assert_type(mg.atan2(v, a), np.ndarray[Any, Any])
    assert_type(v * a, np.ndarray[Any, Any])
    assert_type(mg.array([v, 1.0]), np.ndarray[Any, Any])
    assert_type(np.float64(2.0) * v, Value)
    assert_type(v / np.float32(2.0), Value)


def test_transforms_of_functions_of_arrays() -> None:
    assert_type(mg.grad(total)(np.ones(3)), npt.NDArray[np.float64])
    assert mg.grad(total)(np.ones(3)).tolist() == [1.0, 1.0, 1.0]
