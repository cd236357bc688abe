"""The transforms on random expressions and real problems: the laws of calculus, other libraries' results."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, grad, gradients, hessian, hvp, jacobian, value_and_grad

Function = Callable[..., Any]


# Laws, on random expressions.


SMOOTH: list[tuple[str, int]] = [
    *[
        (name, 1)
        for name in ("sin", "cos", "tanh", "exp", "atan", "asinh", "sigmoid", "softplus", "erf", "relu", "abs")
    ],
    *[(name, 2) for name in ("add", "sub", "mul", "hypot", "logaddexp", "maximum", "atan2")],
    *[("log1p(x*x)", 1), ("divided by 1 + y*y", 2), ("sqrt(1 + x*x)", 1), ("x**3", 1), ("2**tanh(x)", 1)],
]
Program = list[tuple[int, int, int]]
PROGRAMS = st.lists(
    st.tuples(st.integers(0, len(SMOOTH) - 1), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=9
)
POINT = st.tuples(*[st.floats(-2.0, 2.0).map(lambda x: round(x, 3) + 0.0007)] * 3)


def run(program: Program, point: Any, library: Any = mg) -> Any:
    """The value of a random program of operations at a point, bounded so that nothing overflows."""
    found = [point[0] * 1.0, point[1] * 1.0, point[2] * 1.0]
    for index, i, j in program:
        name, count = SMOOTH[index]
        x, y = found[i % len(found)], found[j % len(found)]
        found.append(step(name, x, y, library) if count == 2 else step(name, library.tanh(x) * 2.0, y, library))
    return found[-1] + 0.5 * found[-2] * found[0]


def step(name: str, x: Any, y: Any, library: Any) -> Any:
    special: dict[str, Function] = {
        "add": lambda: x + y,
        "sub": lambda: x - y,
        "mul": lambda: x * y,
        "abs": lambda: abs(x),
        "log1p(x*x)": lambda: library.log1p(x * x),
        "divided by 1 + y*y": lambda: x / (1.0 + y * y),
        "sqrt(1 + x*x)": lambda: library.sqrt(1.0 + x * x),
        "x**3": lambda: x**3,
        "2**tanh(x)": lambda: 2.0**x,
        # These two have no derivative at (0, 0), which a program may well reach.
        "hypot": lambda: library.hypot(x, y * y + 0.5),
        "atan2": lambda: library.atan2(x, y * y + 0.5),
    }
    return (
        special[name]() if name in special else getattr(library, name)(*((x, y) if dict(SMOOTH)[name] == 2 else (x,)))
    )


def close(found: Any, expected: Any, relative: float = 1e-9) -> bool:
    """Alike, relative to the largest derivative: the derivatives of one program have one scale."""
    scale = max(1.0, *(abs(x) for x in (*found, *expected)))
    return all(abs(a - b) <= relative * scale for a, b in zip(found, expected, strict=True))


@given(program=PROGRAMS, point=POINT)
def test_grad_equals_gradients_equals_backward(program: Program, point: tuple[float, float, float]) -> None:
    by_grad = grad(lambda p: run(program, p))(point)
    values = [Value(x) for x in point]
    output = run(program, values)
    by_gradients = tuple(slope.data for slope in gradients(output, values))
    output.backward()
    by_backward = tuple(value.grad for value in values)
    connected = tuple(
        slope.data if isinstance(slope, Value) else slope for slope in grad(lambda p: run(program, p))(tuple(values))
    )
    assert close(by_grad, by_backward, 1e-13)
    assert close(by_gradients, by_backward, 1e-13)
    assert close(connected, by_backward, 1e-13)
    assert value_and_grad(lambda p: run(program, p))(point) == (output.data, by_grad)


@given(f=PROGRAMS, g=PROGRAMS, point=POINT, a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_differentiation_is_linear(f: Program, g: Program, point: tuple[float, ...], a: float, b: float) -> None:
    together = grad(lambda p: a * run(f, p) + b * run(g, p))(point)
    apart = [
        a * x + b * y for x, y in zip(grad(lambda p: run(f, p))(point), grad(lambda p: run(g, p))(point), strict=True)
    ]
    assert close(together, apart, 1e-12)


@given(f=PROGRAMS, g=PROGRAMS, point=POINT)
def test_the_product_rule_and_the_quotient_rule_hold(f: Program, g: Program, point: tuple[float, ...]) -> None:
    u, by_u = value_and_grad(lambda p: run(f, p))(point)
    v, by_v = value_and_grad(lambda p: run(g, p))(point)
    product = grad(lambda p: run(f, p) * run(g, p))(point)
    assert close(product, [du * v + u * dv for du, dv in zip(by_u, by_v, strict=True)], 1e-12)
    w = v * v + 1.0
    quotient = grad(lambda p: run(f, p) / (run(g, p) ** 2 + 1.0))(point)
    assert close(quotient, [(du - u * 2 * v * dv / w) / w for du, dv in zip(by_u, by_v, strict=True)], 1e-12)


@given(f=PROGRAMS, g=PROGRAMS, h=PROGRAMS, point=POINT)
@settings(max_examples=50)
def test_the_chain_rule_holds(f: Program, g: Program, h: Program, point: tuple[float, ...]) -> None:
    def inner(p: Any) -> list[Any]:
        return [mg.tanh(run(g, p)), mg.sin(run(h, p)), p[2] * 1.0]

    middle = [part.data if isinstance(part, Value) else part for part in inner(point)]
    outer = grad(lambda p: run(f, p))(middle)
    matrix = jacobian(inner)(point)
    expected = [math.fsum(outer[k] * matrix[k][j] for k in range(3)) for j in range(3)]
    scale = max(1.0, *(abs(outer[k] * matrix[k][j]) for k in range(3) for j in range(3)))
    found = grad(lambda p: run(f, inner(p)))(point)
    assert all(abs(a - b) <= 1e-12 * scale for a, b in zip(found, expected, strict=True))


@given(program=PROGRAMS, point=POINT)
@settings(max_examples=40)
def test_the_hessian_is_symmetric_and_hvp_agrees_with_it(program: Program, point: tuple[float, ...]) -> None:
    rows = hessian(lambda p: run(program, p))(point)
    flat = [entry for row in rows for entry in row]
    assert close(flat, [rows[j][i] for i in range(3) for j in range(3)], 1e-10)
    vector = (0.5, -1.0, 2.0)
    products = [math.fsum(row[k] * vector[k] for k in range(3)) for row in rows]
    assert close(hvp(lambda p: run(program, p))(point, vector), products, 1e-10)


# Other libraries.


class TorchFunctions:
    """The functions of random programs, by PyTorch."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch

    def __getattr__(self, name: str) -> Any:
        if name == "softplus":
            return self.torch.nn.functional.softplus
        return getattr(self.torch, name)


class JaxFunctions:
    """The functions of random programs, by JAX."""

    def __init__(self, jax: Any) -> None:
        self.jax = jax

    def __getattr__(self, name: str) -> Any:
        if name in {"sigmoid", "softplus", "relu"}:
            return getattr(self.jax.nn, name)
        if name == "erf":
            return self.jax.scipy.special.erf
        return getattr(self.jax.numpy, {"atan2": "arctan2", "asinh": "arcsinh", "atan": "arctan"}.get(name, name))


def random_programs(count: int) -> list[tuple[Program, list[float]]]:
    import random

    generator = random.Random(7)
    return [
        (
            [(generator.randrange(len(SMOOTH)), generator.randrange(31), generator.randrange(31)) for _ in range(12)],
            [generator.uniform(-2.0, 2.0) for _ in range(3)],
        )
        for _ in range(count)
    ]


def test_gradients_and_hessians_of_random_expressions_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    library = TorchFunctions(torch)
    for program, point in random_programs(60):
        tensor = torch.tensor(point, dtype=torch.float64, requires_grad=True)
        output = run(program, tensor, library)
        (slope,) = torch.autograd.grad(output, tensor, create_graph=True)
        value, found = value_and_grad(lambda p, program=program: run(program, p))(point)
        assert value == pytest.approx(output.item(), rel=1e-11, abs=1e-11)
        assert close(found, slope.tolist(), 1e-11)
        rows = hessian(lambda p, program=program: run(program, p))(point)
        for row, entry in zip(rows, slope, strict=True):
            if not entry.requires_grad:
                assert row == [0.0, 0.0, 0.0]
                continue
            (expected,) = torch.autograd.grad(entry, tensor, retain_graph=True)
            assert close(row, expected.tolist(), 1e-9)


@pytest.mark.slow
def test_gradients_of_random_expressions_are_those_of_jax() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    library = JaxFunctions(jax)
    with jax.enable_x64(True):
        for program, point in random_programs(8):
            value, slope = jax.value_and_grad(lambda p, program=program: run(program, p, library))(
                jax.numpy.array(point)
            )
            found = value_and_grad(lambda p, program=program: run(program, p))(point)
            assert found[0] == pytest.approx(float(value), rel=1e-11, abs=1e-11)
            assert close(found[1], slope.tolist(), 1e-11)


def test_structures_and_positions_follow_jax() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    np = pytest.importorskip("numpy")

    def function(p: Any, k: Any) -> Any:
        return k * p["a"][0] * p["b"][1] ** 2 + p["a"][1]

    point, k = {"a": (2.0, 3.0), "b": np.array([4.0, 5.0])}, 0.5
    with jax.enable_x64(True):
        for argnums in (0, 1, (0, 1), (1, 0), (1,), -1):
            expected = jax.tree_util.tree_leaves(jax.grad(function, argnums)(point, k))
            found = grad(function, argnums)(point, k)
            assert jax.tree_util.tree_structure(found) == jax.tree_util.tree_structure(
                jax.grad(function, argnums)(point, k)
            )
            for a, b in zip(jax.tree_util.tree_leaves(found), expected, strict=True):
                assert np.asarray(a).tolist() == pytest.approx(np.asarray(b).tolist())
        by_jax = jax.jacobian(lambda p: {"s": p["a"] * p["b"], "t": p["b"]})({"a": 2.0, "b": 3.0})
        by_us = jacobian(lambda p: {"s": p["a"] * p["b"], "t": p["b"]})({"a": 2.0, "b": 3.0})
        assert by_us == jax.tree_util.tree_map(float, by_jax)


# Real problems.


def rosenbrock(p: Any) -> Any:
    return mg.sum([100 * (p[i + 1] - p[i] ** 2) ** 2 + (1 - p[i]) ** 2 for i in range(len(p) - 1)])


def test_scipy_minimises_rosenbrock_with_our_gradient_and_products() -> None:
    np = pytest.importorskip("numpy")
    optimize = pytest.importorskip("scipy.optimize")
    start = np.array([1.3, 0.7, 0.8, 1.9])
    result = optimize.minimize(value_and_grad(rosenbrock), start, jac=True, method="BFGS", options={"gtol": 1e-10})
    assert result.x == pytest.approx(np.ones(4), abs=1e-8)
    result = optimize.minimize(
        value_and_grad(rosenbrock), start, jac=True, hessp=hvp(rosenbrock), method="trust-ncg", options={"gtol": 1e-10}
    )
    assert result.x == pytest.approx(np.ones(4), abs=1e-8)
    result = optimize.minimize(
        value_and_grad(rosenbrock), start, jac=True, hess=hessian(rosenbrock), method="Newton-CG"
    )
    assert result.x == pytest.approx(np.ones(4), abs=1e-4)


def test_our_derivatives_of_rosenbrock_are_those_of_scipy() -> None:
    np = pytest.importorskip("numpy")
    optimize = pytest.importorskip("scipy.optimize")
    point = np.array([-1.2, 1.0, 0.5, -0.3])
    assert grad(rosenbrock)(point) == pytest.approx(optimize.rosen_der(point), rel=1e-13)
    assert hessian(rosenbrock)(point) == pytest.approx(optimize.rosen_hess(point), rel=1e-13)
    vector = np.array([1.0, -2.0, 3.0, 0.5])
    assert hvp(rosenbrock)(point, vector) == pytest.approx(optimize.rosen_hess_prod(point, vector), rel=1e-13)
    assert optimize.check_grad(rosenbrock, grad(rosenbrock), point) < 1e-4


def test_check_grad_of_scipy_finds_nothing_to_object_to() -> None:
    np = pytest.importorskip("numpy")
    optimize = pytest.importorskip("scipy.optimize")
    generator = np.random.default_rng(1)
    for program, point in random_programs(10):
        function = lambda p, program=program: run(program, p)  # noqa: E731
        slope = grad(function)
        error = optimize.check_grad(function, slope, np.array(point), direction="all")
        assert error < 1e-5 * max(1.0, float(np.abs(slope(np.array(point))).max()))
    assert optimize.check_grad(rosenbrock, lambda p: grad(rosenbrock)(p) * 1.01, generator.normal(size=3)) > 1e-2


def test_logistic_regression_on_the_breast_cancer_data_finds_the_optimum_of_scikit_learn() -> None:
    np = pytest.importorskip("numpy")
    optimize = pytest.importorskip("scipy.optimize")
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    data = datasets.load_breast_cancer()
    rows, columns = slice(0, None, 2), slice(0, 6)
    features = data.data[rows, columns]
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    signs = 2.0 * data.target[rows] - 1.0

    def loss(p: Any) -> Any:
        margins = signs * (features @ p[1:] + p[0])
        return mg.sum(mg.softplus(-margins)) + 0.5 * (p[1:] @ p[1:])

    result = optimize.minimize(
        value_and_grad(loss),
        np.zeros(features.shape[1] + 1),
        jac=True,
        method="L-BFGS-B",
        options={"gtol": 1e-7, "ftol": 1e-15},
    )
    reference = linear_model.LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(features, signs)
    assert result.x[1:] == pytest.approx(reference.coef_[0], abs=1e-5)
    assert result.x[0] == pytest.approx(reference.intercept_[0], abs=1e-5)
    assert grad(loss)(result.x) == pytest.approx(np.zeros(7), abs=1e-4)
