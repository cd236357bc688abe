"""By which arguments transforms differentiate, what a function returns besides, and arrays of one element."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value, grad, hessian, hvp, jacobian, value_and_grad

Function = Callable[..., Any]
TRANSFORMS: list[Function] = [grad, value_and_grad, jacobian, hessian, hvp]


def product(x: Any, y: Any, power: Any = 2.0, *, scale: Any = 1.0) -> Any:
    return scale * x**power * y


# Names.


def test_argnames_select_arguments_given_by_name_or_by_position() -> None:
    assert grad(product, argnames="y")(3.0, 2.0) == 9.0
    assert grad(product, argnames="y")(3.0, y=2.0) == 9.0
    assert grad(product, argnames="scale")(3.0, 2.0, scale=5.0) == 18.0
    assert grad(product, argnames=("scale", "x"))(3.0, y=2.0, scale=5.0) == (18.0, 60.0)
    assert grad(product, argnames=("x",))(y=2.0, x=3.0) == (12.0,)
    assert value_and_grad(product, argnames="y")(3.0, y=2.0) == (18.0, 9.0)
    assert jacobian(lambda x, k: [k * x[0], x[1]], argnames="k")([2.0, 3.0], k=5.0) == [2.0, 0.0]
    assert hessian(product, argnames=("x", "y"))(3.0, y=2.0) == ((4.0, 6.0), (6.0, 0.0))
    assert hvp(product, argnames="x")(3.0, 10.0, y=2.0) == 40.0
    assert hvp(product, argnames=("x", "y"))(3.0, (1.0, 10.0), y=2.0) == (64.0, 6.0)


def test_argnums_find_arguments_that_are_given_by_name() -> None:
    assert grad(product)(x=3.0, y=2.0) == 12.0
    assert grad(product, 1)(3.0, y=2.0) == 9.0
    assert grad(product, (0, 1))(3.0, y=2.0) == (12.0, 9.0)
    assert grad(product, (1, 0))(y=2.0, x=3.0) == (9.0, 12.0)
    assert hessian(product)(x=3.0, y=2.0) == 4.0
    assert jacobian(product, 1)(3.0, y=2.0) == 9.0
    assert hvp(product)(10.0, x=3.0, y=2.0) == 40.0
    assert grad(product, -1)(3.0, 2.0) == 9.0


def test_keyword_arguments_pass_through_and_may_be_structures() -> None:
    def function(**parameters: Any) -> Any:
        return parameters["w"][0] * parameters["b"]

    assert grad(function, argnames="w")(w=[2.0, 3.0], b=5.0) == [5.0, 0.0]
    assert grad(grad(lambda x, k: k * x**3), argnames="x")(2.0, k=10.0) == 120.0
    assert grad(lambda x, k: grad(lambda z: z * x * k)(1.0), argnames="k")(2.0, k=3.0) == 2.0


def test_names_are_found_through_transforms_and_compiled_functions() -> None:
    assert grad(grad(product), argnames="x")(3.0, y=2.0) == 4.0
    pytest.importorskip("llvmlite")
    compiled = mg.jit(grad(product, argnames="y"))
    assert compiled(3.0, y=2.0) == compiled(3.0, y=2.0) == 9.0
    assert grad(mg.jit(product), argnames="y")(3.0, y=2.0) == 9.0


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_selections_that_make_no_sense_are_refused(transform: Function) -> None:
    for names in (1, ("x", 1), (), None.__class__, ["x"], 1.0):
        with pytest.raises(TypeError, match="argnames must be a str or a tuple of strs"):
            transform(product, argnames=names)
    with pytest.raises(ValueError, match="argnames has 'z', but the parameters are x, y, power, scale"):
        transform(product, argnames=("x", "z"))
    with pytest.raises(ValueError, match="both given"):
        transform(product, 0, argnames="x")
    with pytest.raises(TypeError, match="has_aux must be True or False, not int"):
        transform(product, has_aux=1)


def test_arguments_that_are_not_given_are_named() -> None:
    with pytest.raises(ValueError, match="'scale', which was not among the arguments"):
        grad(product, argnames="scale")(3.0, 2.0)
    with pytest.raises(ValueError, match="twice"):
        grad(product, argnames=("x", "x"))(3.0, 2.0)
    with pytest.raises(ValueError, match="out of range"):
        grad(product, 1)(3.0)
    with pytest.raises(ValueError, match="out of range"):
        grad(lambda **all: all["x"])(x=1.0)


# What the function returns besides.


def with_aux(x: Any, y: Any = 1.0) -> Any:
    square = x * x
    return square * y, {"square": square, "text": "as it is", "list": [y, None]}


def test_has_aux_gives_back_what_the_function_returns_besides_as_floats() -> None:
    aux = {"square": 9.0, "text": "as it is", "list": [1.0, None]}
    assert grad(with_aux, has_aux=True)(3.0) == (6.0, aux)
    assert value_and_grad(with_aux, has_aux=True)(3.0) == ((9.0, aux), 6.0)
    assert jacobian(with_aux, has_aux=True)(3.0) == (6.0, aux)
    assert hessian(with_aux, has_aux=True)(3.0) == (2.0, aux)
    assert hvp(with_aux, has_aux=True)(3.0, 10.0) == (20.0, aux)
    found = grad(with_aux, has_aux=True)(3.0)[1]
    assert type(found["square"]) is float
    assert grad(with_aux, (0, 1), has_aux=True)(3.0, 2.0)[0] == (12.0, 9.0)


def test_aux_that_depends_on_a_value_from_outside_stays_a_value() -> None:
    w = Value(2.0)
    slope, aux = grad(lambda x: (x * x, x * w), has_aux=True)(3.0)
    assert slope == 6.0
    assert isinstance(aux, Value)
    aux.backward()
    assert w.grad == 3.0
    inner = grad(lambda x: (x**3, x * x), has_aux=True)
    assert grad(lambda x: inner(x)[1] + inner(x)[0])(2.0) == 16.0


def test_arrays_among_aux_become_arrays_of_floats() -> None:
    np = pytest.importorskip("numpy")
    _, aux = grad(lambda p: (np.sum(p * p), (np.exp(p), p > 0)), has_aux=True)(np.array([0.0, 1.0]))
    assert aux[0].dtype == np.float64
    assert aux[0].tolist() == [1.0, math.e]
    assert aux[1].tolist() == [False, True]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("returned", [1.0, (1.0,), (1.0, 2.0, 3.0), [1.0, 2.0]])
def test_has_aux_needs_a_pair(transform: Function, returned: Any) -> None:
    point = (1.0, 1.0) if transform is hvp else (1.0,)
    with pytest.raises(TypeError, match=r"has_aux=True .* pair \(value, aux\), but <lambda> returned"):
        transform(lambda x: returned, has_aux=True)(*point)


def test_has_aux_and_argnames_follow_jax() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    with jax.enable_x64(True):
        for transform, theirs in ((grad, jax.grad), (value_and_grad, jax.value_and_grad), (hessian, jax.hessian)):
            found = transform(lambda x: (x**3, x * 2), has_aux=True)(2.0)
            expected = theirs(lambda x: (x**3, x * 2), has_aux=True)(2.0)
            assert found == jax.tree_util.tree_map(float, expected)


# One element.


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_arrays_of_one_element_have_gradients_of_their_shape_and_may_be_returned(shape: tuple[int, ...]) -> None:
    np = pytest.importorskip("numpy")
    point = np.full(shape, 3.0)
    functions: list[Function] = [
        lambda x: x**2,
        np.square,
        lambda x: np.reshape(x * x, (1, 1, 1)),
        lambda x: np.sum(x * x),
    ]
    for function in functions:
        value, slope = value_and_grad(function)(point)
        assert type(value) is float
        assert value == 9.0
        assert isinstance(slope, np.ndarray)
        assert (slope.shape, slope.dtype) == (shape, np.float64)
        assert slope.item() == 6.0
        curvature = hessian(function)(point)
        assert curvature.shape == shape + shape
        assert curvature.item() == 2.0
        assert hvp(function)(point, np.full(shape, 10.0)).item() == 20.0
    assert mg.check_gradient(lambda x: x**2, point).ok


def test_results_of_several_elements_are_still_refused() -> None:
    np = pytest.importorskip("numpy")
    for scale in (np.ones(0), np.ones(2)):
        with pytest.raises(TypeError, match=r"one number, but .*jacobian"):
            grad(lambda x, scale: x * scale)(1.0, scale)
    with pytest.raises(TypeError, match="one number"):
        grad(lambda x: [x])(1.0)


def test_scipy_minimises_functions_of_one_variable_that_return_an_array() -> None:
    np = pytest.importorskip("numpy")
    optimize = pytest.importorskip("scipy.optimize")
    result = optimize.minimize(value_and_grad(lambda x: (x - 3.0) ** 2 + 1.0), np.zeros(1), jac=True)
    assert result.x == pytest.approx([3.0])
    pytest.importorskip("llvmlite")
    result = optimize.minimize(mg.jit(value_and_grad(lambda x: (x - 3.0) ** 2 + 1.0)), [0.0], jac=True)
    assert result.x == pytest.approx([3.0])


# Functions of SciPy that refer to the Values of a model.


def test_scipy_minimises_what_depends_on_a_model_compiled_or_detached() -> None:
    np = pytest.importorskip("numpy")
    optimize = pytest.importorskip("scipy.optimize")
    target = Value(3.0)
    gradient = value_and_grad(lambda x: mg.sum((x - target) ** 2))
    value, slope = gradient(np.zeros(2))
    assert isinstance(value, Value)
    assert all(isinstance(entry, Value) for entry in slope)
    result = optimize.minimize(lambda x: mg.detach(gradient(x)), np.zeros(2), jac=True)
    assert result.x == pytest.approx([3.0, 3.0])
    pytest.importorskip("llvmlite")
    fast = mg.jit(gradient)
    for goal in (3.0, -1.0):
        target.data = goal
        value, slope = fast(np.zeros(2))
        assert type(value) is float
        assert slope.dtype == np.float64
        assert optimize.minimize(fast, np.zeros(2), jac=True).x == pytest.approx([goal, goal])
