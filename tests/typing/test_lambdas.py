# pyright: standard
"""Lambdas, whose arguments have no types: checkers leave them alone."""

from __future__ import annotations

from typing import assert_type

import microgrady as mg
from microgrady import Value


def test_transforms_of_lambdas() -> None:
    assert mg.grad(lambda x: x**3)(2.0) == 12.0
    assert mg.grad(lambda p: p[0] * p[1])([2.0, 3.0]) == [3.0, 2.0]
    assert mg.grad(lambda x, rate: mg.sin(x) * rate, 1)(0.0, 5.0) == 0.0
    assert mg.grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0) == (3.0, 2.0)
    assert mg.grad(mg.grad(lambda x: x**3))(2.0) == 12.0
    assert mg.value_and_grad(lambda x: (x * x, "aux"), has_aux=True)(3.0) == ((9.0, "aux"), 6.0)
    assert mg.jacobian(lambda p: [p[0] * p[1], p[0] + p[1]])([2.0, 3.0]) == [[3.0, 2.0], [1.0, 1.0]]
    assert mg.hessian(lambda p: p[0] ** 2 * p[1])([2.0, 3.0]) == [[6.0, 4.0], [4.0, 0.0]]
    assert mg.hvp(lambda p: p[0] ** 2 * p[1])([2.0, 3.0], [1.0, 10.0]) == [46.0, 4.0]
    assert mg.jit(lambda x: x * x)(3.0) == 9.0
    assert mg.check_gradient(lambda x: x**3, 2.0)


def test_own_operations() -> None:
    bell = mg.primitive("bell_for_type_checkers", lambda x: float(mg.exp(-x * x)), lambda y, x: -2.0 * x * y)
    assert_type(bell(1.0), float)
    assert_type(bell(Value(1.0)), Value)
