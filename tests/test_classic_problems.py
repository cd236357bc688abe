"""Classic test functions, written as NumPy programs, keep their derivatives and compile to the same numbers.

The definitions and starting points are those of Moré, Garbow and Hillstrom, "Testing unconstrained optimization
software", ACM Transactions on Mathematical Software 7 (1981), and SciPy's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg

np = pytest.importorskip("numpy")

Function = Callable[..., Any]


def rosenbrock(x: Any) -> Any:
    fvec = np.zeros_like(x)
    fvec[0::2] = 10.0 * (x[1::2] - x[0::2] ** 2)
    fvec[1::2] = 1.0 - x[0::2]
    return fvec


def freudenstein_roth(x: Any) -> Any:
    fvec = np.empty(2, like=x)
    fvec[0] = -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1]
    fvec[1] = -29.0 + x[0] + ((1.0 + x[1]) * x[1] - 14.0) * x[1]
    return fvec


def powell_badly_scaled(x: Any) -> Any:
    return np.stack([1e4 * x[0] * x[1] - 1.0, np.sum(np.exp(-x)) - 1.0001])


def beale(x: Any) -> Any:
    fvec = mg.array(np.zeros(3))
    for i, y in enumerate((1.5, 2.25, 2.625), 1):
        fvec[i - 1] = y - x[0] * (1.0 - x[1] ** i)
    return fvec


def jennrich_sampson(x: Any) -> Any:
    i = np.arange(1.0, 11.0)
    return 2.0 + 2.0 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


def helical_valley(x: Any) -> Any:
    angle = np.arctan(x[1] / x[0]) / (2.0 * math.pi)
    theta = np.where(x[0] > 0.0, angle, angle + 0.5)
    return np.hstack([10.0 * (x[2] - 10.0 * theta), 10.0 * (np.hypot(x[0], x[1]) - 1.0), x[2]])


def bard(x: Any) -> Any:
    y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
    u = np.arange(1.0, 16.0)
    return y - (x[0] + u / ((16.0 - u) * x[1] + np.minimum(u, 16.0 - u) * x[2]))


def box(x: Any) -> Any:
    t = 0.1 * np.arange(1.0, 11.0)
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10.0 * t))


def powell_singular(x: Any) -> Any:
    parts = [x[0] + 10.0 * x[1], math.sqrt(5.0) * (x[2] - x[3]), (x[1] - 2.0 * x[2]) ** 2]
    return np.hstack([*parts, math.sqrt(10.0) * (x[0] - x[3]) ** 2])


def wood(x: Any) -> Any:
    fvec = np.full_like(x, 0.0, shape=6)
    fvec[:3] = 10.0 * (x[1] - x[0] ** 2), 1.0 - x[0], math.sqrt(90.0) * (x[3] - x[2] ** 2)
    fvec[3:] = 1.0 - x[2], math.sqrt(10.0) * (x[1] + x[3] - 2.0), (x[1] - x[3]) / math.sqrt(10.0)
    return fvec


def kowalik_osborne(x: Any) -> Any:
    y = np.array([0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
    u = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
    return y - x[0] * np.polyval([1.0, x[1], 0.0], u) / np.polyval(np.append(np.ones(1), x[2:]), u)


def variably_dimensioned(x: Any) -> Any:
    weighted = np.dot(np.arange(1.0, len(x) + 1), x - 1.0)
    return np.concatenate([x - 1.0, [weighted, weighted**2]])


def trigonometric(x: Any) -> Any:
    i = np.arange(1, len(x) + 1)
    return len(x) - np.cos(x).sum() + i * (1.0 - np.cos(x)) - np.sin(x)


def discrete_boundary_value(x: Any) -> Any:
    h = 1.0 / (len(x) + 1)
    padded = np.pad(x, 1)
    return 2.0 * x - padded[:-2] - padded[2:] + 0.5 * h**2 * (x + h * np.arange(1, len(x) + 1) + 1.0) ** 3


def broyden_banded(x: Any) -> Any:
    fvec = np.zeros_like(x)
    for i in range(len(x)):
        band = [j for j in range(max(0, i - 5), min(len(x), i + 2)) if j != i]
        fvec[i] = x[i] * (2.0 + 5.0 * x[i] ** 2) + 1.0 - np.sum(x[band] * (1.0 + x[band]))
    return fvec


def chebyquad(x: Any) -> Any:
    shifted = 2.0 * x - 1.0
    before, now = np.ones_like(x), shifted
    fvec = np.zeros_like(x)
    for i in range(len(x)):
        exact = 0.0 if i % 2 == 0 else -1.0 / ((i + 1) ** 2 - 1)
        fvec[i] = np.mean(now) - exact
        before, now = now, 2.0 * shifted * now - before
    return fvec


# The function, where to start, and the sum of squares there, where a known one is at hand.
PROBLEMS: list[tuple[Function, list[float], float | None]] = [
    (rosenbrock, [-1.2, 1.0], 24.2),
    (rosenbrock, [-1.2, 1.0, -1.2, 1.0], 48.4),
    (freudenstein_roth, [0.5, -2.0], 400.5),
    (powell_badly_scaled, [0.0, 1.0], None),
    (beale, [1.0, 1.0], 14.203125),
    (jennrich_sampson, [0.3, 0.4], None),
    (helical_valley, [-1.0, 0.0, 0.0], 2500.0),
    (bard, [1.0, 1.0, 1.0], None),
    (box, [0.0, 10.0, 20.0], None),
    (powell_singular, [3.0, -1.0, 0.0, 1.0], 215.0),
    (wood, [-3.0, -1.0, -3.0, -1.0], 19192.0),
    (kowalik_osborne, [0.25, 0.39, 0.415, 0.39], None),
    (variably_dimensioned, [0.75, 0.5, 0.25, 0.0], None),
    (trigonometric, [0.2, 0.2, 0.2, 0.2, 0.2], None),
    (discrete_boundary_value, [-0.1, -0.2, -0.2, -0.1], None),
    (broyden_banded, [-1.0] * 8, None),
    (chebyquad, [0.2, 0.4, 0.6, 0.8], None),
]
NAMES = [f"{function.__name__} of {len(start)}" for function, start, _ in PROBLEMS]


@pytest.mark.parametrize(("function", "start", "expected"), PROBLEMS, ids=NAMES)
def test_sums_of_squares_have_the_right_gradient_interpreted_and_compiled(
    function: Function, start: list[float], expected: float | None
) -> None:
    point = np.array(start)

    def total(x: Any) -> Any:
        return np.sum(function(x) ** 2)

    value, slope = mg.value_and_grad(total)(point)
    assert value == pytest.approx(float(total(point)), rel=1e-13)
    if expected is not None:
        assert value == pytest.approx(expected, rel=1e-13)
    residuals, matrix = function(point), mg.jacobian(function)(point)
    assert matrix.shape == (len(residuals), len(point))
    assert slope == pytest.approx(2.0 * matrix.T @ np.asarray(residuals, dtype=float), rel=1e-12, abs=1e-9)
    report = mg.check_gradient(function, point)
    assert report.ok, report
    pytest.importorskip("llvmlite")
    compiled = mg.jit(mg.value_and_grad(total))
    for _ in range(2):
        found = compiled(point)
        assert found[0] == value
        assert found[1] == pytest.approx(slope, rel=1e-13, abs=1e-13)


def test_least_squares_of_scipy_takes_our_jacobian() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    for function, start in ((rosenbrock, [-1.2, 1.0]), (broyden_banded, [-1.0] * 8), (wood, [-3.0, -1.0, -3.0, -1.0])):
        result = optimize.least_squares(function, np.array(start), jac=mg.jacobian(function), xtol=1e-12, gtol=1e-12)
        assert result.cost < 1e-15


def test_functions_of_scipy_have_the_derivatives_that_scipy_says() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    point = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    direction = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    assert mg.grad(optimize.rosen)(point) == pytest.approx(optimize.rosen_der(point), rel=1e-13)
    assert mg.hessian(optimize.rosen)(point) == pytest.approx(optimize.rosen_hess(point), rel=1e-13)
    assert mg.jacobian(optimize.rosen_der)(point) == pytest.approx(optimize.rosen_hess(point), rel=1e-13)
    product = optimize.rosen_hess_prod(point, direction)
    assert mg.hvp(optimize.rosen)(point, direction) == pytest.approx(product, rel=1e-12)
    pytest.importorskip("llvmlite")
    assert mg.jit(mg.grad(optimize.rosen))(point) == pytest.approx(optimize.rosen_der(point), rel=1e-13)
