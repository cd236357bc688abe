"""Primitives of one's own."""

from __future__ import annotations

import math

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.value import primitives


def test_a_primitive_of_ones_own_has_derivatives_of_every_order_and_works_on_arrays() -> None:
    np = pytest.importorskip("numpy")
    cube = mg.primitive("cube_for_a_test", lambda x: x * x * x, lambda y, x: 3.0 * x * x)
    assert cube(2.0) == 8.0
    assert type(cube(2)) is float
    x = Value(2.0)
    cube(x).backward()
    assert x.grad == 12.0
    assert mg.grad(mg.grad(mg.grad(cube)))(2.0) == 6.0
    assert cube(np.array([1.0, 2.0])).tolist() == [1.0, 8.0]


def test_a_primitive_of_ones_own_takes_no_name_of_a_built_in_one() -> None:
    for name in ("sin", "add", "abs", "where"):
        with pytest.raises(ValueError, match=f"cannot be called {name}: that is built in"):
            mg.primitive(name, lambda x: x, lambda y, x: 1.0)
    assert mg.sin(0.5) == math.sin(0.5)


@pytest.mark.parametrize("name", ["arcsin", "power", "absolute", "negative", "arctan2"])
def test_a_primitive_of_ones_own_takes_no_name_by_which_numpy_calls_a_built_in_one(name: str) -> None:
    before = getattr(Value(0.5), name)
    assert callable(before)
    from microgrady.value import methods

    entry = methods[name]
    try:
        with pytest.raises(ValueError, match=name):
            mg.primitive(name, lambda x: x, lambda y, x: 1.0)
    finally:
        methods[name] = entry
        primitives.pop(name, None)


def test_a_primitive_of_ones_own_with_bad_parts_is_refused() -> None:
    with pytest.raises(TypeError, match="functions"):
        mg.primitive("bad_for_a_test", 3.0, lambda y, x: 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="functions"):
        mg.primitive("bad_for_a_test", abs, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 or 2 rules, not 0"):
        mg.primitive("bad_for_a_test", abs)
    with pytest.raises(ValueError, match="1 or 2 rules, not 3"):
        mg.primitive("bad_for_a_test", max, *[lambda y, *operands: 1.0] * 3)
    with pytest.raises(ValueError, match="identifier"):
        mg.primitive("two words", abs, lambda y, x: 1.0)
    assert "bad_for_a_test" not in primitives
