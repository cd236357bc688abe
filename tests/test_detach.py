"""Leaving derivatives out on purpose: structures of Values become structures of numbers."""

from __future__ import annotations

import collections
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

Pair = collections.namedtuple("Pair", "a b")


def test_values_become_floats_in_any_structure_and_all_else_stays() -> None:
    x = Value(2.0)
    other = object()
    tree: dict[str, Any] = {
        "a": [x, (x * x, 3)],
        "b": Pair(x + 1, "text"),
        "c": None,
        "d": other,
        "e": collections.OrderedDict(k=x),
    }
    found = mg.detach(tree)
    assert found == {"a": [2.0, (4.0, 3)], "b": Pair(3.0, "text"), "c": None, "d": other, "e": {"k": 2.0}}
    assert type(found["a"][1][1]) is int
    assert type(found["b"]) is Pair
    assert type(found["e"]) is collections.OrderedDict
    assert tree["a"][0] is x
    assert mg.detach(x) == 2.0
    assert type(mg.detach(x)) is float
    assert mg.detach(7) == 7


def test_arrays_of_values_become_arrays_of_floats() -> None:
    np = pytest.importorskip("numpy")
    x = Value(2.0)
    for array in (mg.array([[x, 1.0]]), np.array([[x, 1]], dtype=object)):
        found = mg.detach(array)
        assert type(found) is np.ndarray
        assert found.dtype == np.float64
        assert found.tolist() == [[2.0, 1.0]]
    assert mg.detach(np.array([x, "a"], dtype=object)).tolist() == [2.0, "a"]
    assert mg.detach(mg.array(x)).shape == ()
    integers = np.arange(3)
    assert mg.detach(integers) is integers


def test_it_is_the_way_out_of_grad_but_not_of_what_is_compiled() -> None:
    assert mg.grad(lambda p: mg.detach(p)[0] * p[0])([3.0]) == [3.0]
    pytest.importorskip("llvmlite")
    with pytest.raises(TypeError, match="constant"):
        mg.jit(lambda p: mg.detach(p)[0] * p[0])([3.0])
