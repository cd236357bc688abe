# pyright: strict
"""What transforms, `jit` and `vmap` make of functions, with results that follow from their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import pytest

import microgrady as mg
from microgrady import Value

if TYPE_CHECKING:
    from numpy import ndarray
    from scipy.sparse import csr_array

    Array = ndarray[Any, Any]
    Matrix = csr_array[Any, tuple[int, int]]
else:
    Array = Matrix = Any


def cubic(x: float) -> float:
    """Of one number."""
    return x**3


def scaled(point: list[float], factor: float, power: int = 2) -> float:
    """Of a list and numbers."""
    return factor * point[0] ** power


def with_aux(x: float) -> tuple[float, str]:
    """A number and something else."""
    return x**3, "cubic"


def several(x: float) -> list[float]:
    """Several numbers."""
    return [x, x * x]


def square(x: Value) -> Value:
    """Of a Value."""
    return x * x


def product(x: Value, y: Value) -> Value:
    """Of two."""
    return x * y


def test_functions_of_values_are_called_with_numbers() -> None:
    assert_type(mg.grad(square)(2.0), float)
    assert_type(mg.grad(product)(2.0, 3), float)
    assert_type(mg.jit(product)(2.0, 3.0), float)
    assert_type(mg.jit(product)(Value(2.0), Value(3.0)), Value)
    slopes: tuple[float, float] = mg.grad(product, argnums=(0, 1))(2.0, 3.0)
    assert slopes == (3.0, 2.0)


def test_grad() -> None:
    assert_type(mg.grad(cubic)(2), float)
    assert_type(mg.grad(cubic)(x=2.0), float)
    assert_type(mg.grad(scaled)([2.0], 3.0, power=3), list[float])
    assert_type(mg.grad(scaled, 1)([2.0], 3.0), float)
    assert_type(mg.grad(scaled, argnums=(0, 1))([2.0], 3.0), tuple[list[float], float])
    assert_type(mg.grad(with_aux, has_aux=True)(2.0), tuple[float, str])
    assert_type(mg.grad(mg.grad(cubic))(2.0), float)
    assert_type(mg.grad(square)(Value(2.0)), Value)
    assert_type(mg.grad(mg.sin)(0.5), float)


def test_value_and_grad() -> None:
    assert_type(mg.value_and_grad(cubic)(2.0), tuple[float, float])
    assert_type(mg.value_and_grad(scaled)([2.0], 3.0), tuple[float, list[float]])
    assert_type(mg.value_and_grad(scaled, argnums=(0, 1))([2.0], 3.0), tuple[float, tuple[list[float], float]])
    assert_type(mg.value_and_grad(with_aux, has_aux=True)(2.0), tuple[tuple[float, str], float])


def test_higher_derivatives() -> None:
    assert_type(mg.jacobian(several)(2.0), list[float])
    assert_type(mg.jacobian(cubic)(2.0), float)
    assert_type(mg.hvp(scaled)([2.0], 3.0, [1.0]), list[float])
    curvature: float = mg.hessian(cubic)(2.0)
    assert curvature == 12.0


def test_products_with_jacobians() -> None:
    assert_type(mg.jvp(cubic)(2.0, 1.0), tuple[float, float])
    assert_type(mg.jvp(several)(2.0, 1.0), tuple[list[float], list[float]])
    assert_type(mg.jvp(with_aux, has_aux=True)(2.0, 1.0), tuple[float, float, str])
    value, pullback = mg.vjp(several)(2.0)
    assert_type(value, list[float])
    assert_type(pullback([1.0, 0.0]), float)
    assert_type(mg.vjp(scaled)([2.0], 3.0, power=3)[1](1.0), list[float])
    assert_type(mg.vjp(with_aux, has_aux=True)(2.0)[2], str)


def test_sparse_matrices() -> None:
    pytest.importorskip("scipy")
    assert_type(mg.hessian(scaled, sparse=True)([2.0], 3.0, power=3), Matrix)
    assert_type(mg.jacobian(several, sparse=True)(2.0), Matrix)
    assert_type(mg.jacobian(with_aux, has_aux=True, sparse=True)(2.0), tuple[Matrix, str])
    assert_type(mg.jit(mg.hessian(cubic, sparse=True))(2.0), Matrix)
    assert_type(mg.jacobian(several)(2.0), list[float])
    assert mg.hessian(cubic, sparse=True)(2.0).toarray().tolist() == [[12.0]]


def test_jit() -> None:
    assert_type(mg.jit(cubic)(2.0), float)
    assert_type(mg.jit(cubic).backward(2.0), float)
    assert_type(mg.jit(static_argnames="power")(scaled)([2.0], 3.0, power=3), float)
    assert_type(mg.jit(mg.value_and_grad(cubic))(2.0), tuple[float, float])
    assert_type(mg.grad(mg.jit(cubic))(2.0), float)


def test_vmap() -> None:
    points = [1.0, 2.0]
    assert_type(mg.vmap(cubic)(points), Array)
    assert_type(mg.vmap(square, in_axes=0, out_axes=-1)(points), Array)
    assert_type(mg.vmap(mg.grad(cubic))(points), Array)
    assert_type(mg.vmap(cubic, reduce="sum")(points), float)
    assert_type(mg.vmap(square, reduce="mean")(points), float)
    assert_type(mg.vmap(mg.value_and_grad(cubic), reduce="mean")(points), tuple[float, float])
    assert_type(mg.vmap(mg.value_and_grad(cubic))(points), Any)
    assert_type(mg.vmap(several)(points), Any)
    assert_type(mg.vmap(scaled, (None, 0), static_argnames="power")([2.0], points), Array)
    assert_type(mg.vmap(in_axes=(None, 0))(scaled)([2.0], points), Array)
    assert_type(mg.vmap(reduce="sum")(cubic)(points), float)
    assert_type(mg.vmap(reduce="sum")(square)(points), float)
    assert_type(mg.vmap(mg.jit(cubic))(points), Array)
    assert_type(mg.vmap(mg.sin)(points), Array)


@mg.grad
def slope(x: float) -> float:
    """A derivative in the place of its function."""
    return x * x


@mg.jit
def fast(x: float, n: int = 2) -> float:
    """A compiled function."""
    return x**n


@mg.jit(max_paths=3)
@mg.value_and_grad
def both(point: list[float]) -> float:
    """Two decorators, one with options."""
    return point[0] * point[1]


class Model:
    """Its methods."""

    weight = 3.0

    @mg.jit
    def loss(self, x: float) -> float:
        """A compiled method."""
        return self.weight * x

    @mg.jit(static_argnames="n")
    def powers(self, x: Value, n: int = 2) -> Value:
        """A compiled method of Values."""
        return self.weight * x**n

    @mg.vmap
    def losses(self, x: float) -> float:
        """A method of points."""
        return self.weight * x

    @mg.vmap(reduce="mean")
    def mean_loss(self, x: float) -> float:
        """A method of all points."""
        return self.weight * x

    def plain(self, x: float) -> float:
        """A method."""
        return self.weight * x * x

    slope = mg.grad(plain, argnums=1)


def test_decorators_and_methods() -> None:
    assert_type(slope(2.0), float)
    assert_type(fast(2.0, n=3), float)
    assert_type(both([2.0, 3.0]), tuple[float, list[float]])
    assert_type(Model().loss(2.0), float)
    assert_type(Model.loss(Model(), 2.0), float)
    assert_type(Model().loss.backward(2.0), float)
    assert_type(Model().losses([1.0, 2.0]), Array)
    assert_type(Model().mean_loss([1.0, 2.0]), float)
    assert_type(Model().powers(Value(2.0)), Value)
    assert_type(Model().powers(2.0, n=3), float)
    assert_type(Model().slope(2.0), float)
    assert_type(mg.grad(Model().plain)(2.0), float)


def test_a_check_takes_any_function() -> None:
    assert_type(bool(mg.check_gradient(cubic, 2.0)), bool)
    untyped: Any = scaled
    assert mg.grad(untyped)([2.0], 3.0) == [12.0]


def refused_by_type_checkers() -> None:
    """A checker that took these lines would complain of a comment that is not needed."""
    mg.grad(cubic)("a")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    mg.grad(scaled)([2.0], "a")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    mg.jit(cubic)([2.0])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mg.vmap(cubic, reduce="max")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    mg.grad(3.0)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_those_are_refused_when_they_run_too() -> None:
    with pytest.raises(TypeError):
        refused_by_type_checkers()
