"""minimize: SciPy's minimisers, of functions of nested arguments, against the same by hand."""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.optim import minimize
from microgrady.optim.variables import Variables

np = pytest.importorskip("numpy")
optimize = pytest.importorskip("scipy.optimize")

METHODS = [
    *("Nelder-Mead", "Powell", "COBYLA", "COBYQA", "CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"),
    *("trust-exact", "Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"),
]


def rosenbrock(x: Any) -> Any:
    return mg.sum(100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2 for a, b in itertools.pairwise(x))


def valley(p: Any) -> Any:
    return (1.0 - p["x"]) ** 2 + 100.0 * (p["y"] - p["x"] ** 2) ** 2


@pytest.mark.parametrize("method", [None, *METHODS[4:]])
def test_a_method_takes_the_steps_that_it_takes_by_hand(method: str | None) -> None:
    x0 = np.array([-1.2, 1.0])
    wanted: dict[str, Any] = {}
    if method == "trust-exact":
        wanted["hess"] = optimize.rosen_hess
    if method in METHODS[-4:]:
        wanted["hessp"] = optimize.rosen_hess_prod
    there = optimize.minimize(optimize.rosen, x0, method=method, jac=optimize.rosen_der, **wanted)
    here = minimize(rosenbrock, x0, method=method)
    assert here.success
    assert isinstance(here.x, np.ndarray)
    assert np.allclose(here.x, there.x, rtol=0, atol=1e-4)
    assert np.allclose(here.x, 1.0, rtol=0, atol=1e-3)
    assert abs(here.nit - there.nit) <= 4  # derivatives are rounded otherwise


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_least_of_a_nested_argument(method: str) -> None:
    def distance(p: Any) -> Any:
        return (p["a"] - 3.0) ** 2 + mg.sum(10.0 * (each - 1.0) ** 2 for each in p["b"]) + mg.sum(p["c"] ** 4)

    x0 = {"a": 0, "b": (2.0,), "c": np.full((1, 2), 0.25)}
    found = minimize(distance, x0, method=method.lower(), tol=1e-3 if method[:3] == "COB" else None)
    assert found.success
    assert list(found.x) == ["a", "b", "c"]
    assert type(found.x["a"]) is float
    assert type(found.x["b"]) is tuple
    assert found.x["c"].shape == (1, 2)
    assert found.x["c"].dtype == np.float64
    assert math.isclose(found.x["a"], 3.0, abs_tol=1e-2)
    assert np.allclose(found.x["b"], 1.0, atol=1e-2)
    slopes = found.grad if method == "trust-constr" else found.get("jac")
    if slopes is not None and method != "SLSQP":  # which gives those of the point before
        exact = mg.grad(distance)(found.x)
        assert math.isclose(slopes["a"], exact["a"], abs_tol=1e-9)
        assert np.allclose(slopes["c"], exact["c"], atol=1e-9)
    assert x0["a"] == 0


def test_a_hundred_dimensions_by_exact_second_derivatives() -> None:
    for method in ("trust-krylov", "trust-exact"):
        found = minimize(rosenbrock, np.full(100, 1.2), method=method, tol=1e-8)
        assert found.success
        assert np.abs(found.x - 1.0).max() < 1e-8


def test_dogleg_takes_the_hessian() -> None:
    found = minimize(lambda p: mg.cosh(p[0] - 1.0) + mg.exp(p[1]) - p[1], [0.5, 0.5], method="dogleg", tol=1e-8)
    assert found.success
    assert np.allclose(found.x, [1.0, 0.0], atol=1e-8)
    assert found.nhev > 0


@given(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0))
@settings(max_examples=5)
def test_a_number_and_a_pair_come_back_as_they_came(target: float, start: float) -> None:
    single = minimize(lambda x: (x - target) ** 2, start, tol=1e-8)
    assert type(single.x) is float
    assert math.isclose(single.x, target, abs_tol=1e-6)
    pair = minimize(lambda x: (x[0] - target) ** 2 + (x[1] + target) ** 2, (start, start), tol=1e-8)
    assert type(pair.x) is tuple
    assert math.isclose(pair.x[1], -target, abs_tol=1e-6)


@dataclasses.dataclass
class Line:
    """A nested argument of a class of its own."""

    slope: Any
    offset: Any
    unit: str = dataclasses.field(default="m", metadata={"static": True})


def test_a_dataclass_keeps_what_it_is_besides() -> None:
    xs = np.linspace(0.0, 1.0, 9)

    def misfit(line: Line) -> Any:
        return mg.mean((line.slope * x + line.offset - (2.0 * x - 1.0)) ** 2 for x in xs.tolist())

    found = minimize(misfit, Line(0.0, 0.0, "km"), method="Newton-CG", tol=1e-10, bounds=None)
    assert found.x.unit == "km"
    assert np.allclose([found.x.slope, found.x.offset], [2.0, -1.0], atol=1e-6)


def test_logistic_regression_is_that_of_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = mg.data.moons(60, noise=0.2)

    def loss(model: Any) -> Any:
        scores = X @ model["w"] + model["b"]
        return mg.sum(map(mg.softplus, (1 - 2 * y) * scores)) + 0.5 * mg.sum(model["w"] ** 2)

    there = linear.LogisticRegression(C=1.0, tol=1e-10).fit(X, y)
    found = minimize(loss, {"w": np.zeros(2), "b": 0.0}, method="trust-exact", tol=1e-10)
    assert np.allclose(found.x["w"], there.coef_[0], atol=1e-5)
    assert math.isclose(found.x["b"], there.intercept_[0], abs_tol=1e-5)


def test_least_squares_with_a_closed_form() -> None:
    table = mg.data.auto_mpg()
    X, _ = mg.data.standardise(table.X[:40])
    y = table.y[:40]

    def misfit(p: Any) -> Any:
        return mg.mean((X @ p["w"] + p["b"] - y) ** 2)

    exact = np.linalg.lstsq(np.column_stack([X, np.ones(40)]), y, rcond=None)[0]
    found = minimize(misfit, {"w": np.zeros(6), "b": 0.0}, method="trust-exact", tol=1e-10)
    assert np.allclose([*found.x["w"], found.x["b"]], exact, atol=1e-7)


def test_values_are_parameters_and_have_what_was_found() -> None:
    w, b = Value(0.0, "w"), Value(0.0, "b")
    w.grad = 5.0
    found = minimize(lambda p: (p["w"] - 3.0) ** 2 + (p["b"] + p["c"] - 1.0) ** 2, {"w": w, "b": b, "c": 1.0})
    assert type(found.x["w"]) is float
    assert (w.data, b.data) == (found.x["w"], found.x["b"])
    assert math.isclose(w.data, 3.0, abs_tol=1e-6)
    assert math.isclose(b.data + found.x["c"], 1.0, abs_tol=1e-6)
    assert w.grad == 5.0


def test_values_keep_their_numbers_where_nothing_is_found() -> None:
    w = Value(1.0)

    def lost(fun: Any, x0: Any, **unused: Any) -> Any:
        return optimize.OptimizeResult(x=np.array([math.nan]), fun=math.nan)

    assert math.isnan(minimize(lambda x: x * x, w, method=lost).x)
    with pytest.raises(ZeroDivisionError):
        minimize(lambda x: x * x, w, callback=lambda x: 1 / 0)
    assert w.data == 1.0


def test_a_value_that_stands_twice_is_one_variable() -> None:
    w = Value(1.0)
    found = minimize(lambda p: (p[0] + p[1] - 4.0) ** 2, [w, w], bounds=[(0.0, 3.0), (None, 1.5)])
    assert found.x == [1.5, 1.5]
    assert found.jac[0] == found.jac[1] == -4.0
    assert w.data == 1.5


def test_a_model_learns_and_only_its_parameters_do() -> None:
    class Curve(mg.nn.Module):
        def __init__(self) -> None:
            self.w = [Value(0.1), Value(0.2)]
            self.scale = 2.0  # a number, but not a parameter

        def __call__(self, x: float) -> Any:
            return self.scale * mg.tanh(self.w[0] * x + self.w[1])

    points = [(x / 5, 2.0 * math.tanh(1.5 * x / 5 - 0.5)) for x in range(-5, 6)]
    model = Curve()
    found = minimize(lambda model: mg.mean((model(x) - y) ** 2 for x, y in points), model, tol=1e-9)
    assert found.success
    assert [round(value.data, 5) for value in model.parameters()] == [1.5, -0.5]
    assert type(found.x) is Curve
    assert found.x.scale == model.scale == 2.0
    assert math.isclose(found.x(1.0), model(1.0).data)
    assert found.jac.scale == 0.0
    assert len(found.hess_inv) == 2


def test_values_from_outside_are_constants_that_are_read_anew() -> None:
    target = Value(2.0)
    assert math.isclose(minimize(lambda x: (x - target) ** 2, 0.0).x, 2.0, abs_tol=1e-6)

    def probe(fun: Any, x0: Any, jac: Any = None, **unused: Any) -> Any:
        before = fun(x0)
        target.data = 5.0
        return optimize.OptimizeResult(x=x0 + 1.0, fun=(before, fun(x0 + 1.0)), jac=jac(x0 + 1.0))

    found = minimize(lambda x: (x - target) ** 2, 0.0, method=probe)
    assert (found.x, found.fun, found.jac) == (1.0, (4.0, 16.0), -8.0)
    assert (target.data, target.grad) == (5.0, 0.0)


def test_further_arguments_are_constants() -> None:
    def misfit(p: Any, data: Any, power: int) -> Any:
        return mg.sum((p["m"] - x) ** power for x in data["x"])

    found = minimize(misfit, {"m": 0.0}, ({"x": [1.0, 2.0, 6.0]}, 2))
    assert math.isclose(found.x["m"], 3.0, abs_tol=1e-6)
    assert math.isclose(minimize(lambda x, a: (x - a) ** 2, 1.0, args=4.0).x, 4.0, abs_tol=1e-6)


BOUNDS = [
    {"x": (None, 0.5)},
    {"x": (None, 0.5), "y": None},
    {"y": (None, None), "x": [-math.inf, 0.5]},
    [(None, 0.5), (None, None)],
    [(None, 0.5), None],
    np.array([[-9.0, 0.5], [-9.0, 9.0]]),
]


@pytest.mark.parametrize("bounds", BOUNDS)
def test_bounds_in_the_structure_of_the_argument(bounds: Any) -> None:
    found = minimize(valley, {"x": 0.0, "y": 0.0}, bounds=bounds, tol=1e-10)
    assert found.x["x"] == 0.5
    assert math.isclose(found.x["y"], 0.25, abs_tol=1e-6)


TREES = st.recursive(
    st.floats(-9.0, 9.0),
    lambda inside: (
        st.lists(inside, min_size=1, max_size=3)
        | st.tuples(inside, inside)
        | st.dictionaries(st.sampled_from("abc"), inside, min_size=1)
    ),
    max_leaves=8,
)


@given(TREES)
def test_bounds_have_the_order_of_the_numbers(tree: Any) -> None:
    variables = Variables(tree)
    assert variables.filled(variables.start) == tree
    wanted = [(number - 1.0, number + 2.0) for number in variables.start]
    assert variables.bounds(variables.filled(wanted)) == wanted
    assert variables.bounds(wanted) == wanted
    assert variables.bounds((None, 3)) == [(-math.inf, 3.0)] * len(wanted)
    assert variables.bounds(None) == [(-math.inf, math.inf)] * len(wanted)


def test_scipys_bounds_and_those_for_parts() -> None:
    found = minimize(valley, {"x": 0.0, "y": 0.0}, bounds=optimize.Bounds([-1.0, -1.0], [0.5, 1.0]))
    assert found.x["x"] == 0.5
    x0 = (0.0, {"a": np.zeros((2, 2)), "b": [0.0, 0.0]})

    def distance(p: Any) -> Any:
        return (p[0] - 1.0) ** 2 + mg.sum((p[1]["a"] - 1.0) ** 2) + mg.sum((each - 1.0) ** 2 for each in p[1]["b"])

    found = minimize(distance, x0, bounds=((0, 0.5), {"a": (0, 0.25), "b": [(0, 0.125), None]}))
    assert found.x[0] == 0.5
    assert (found.x[1]["a"] == 0.25).all()
    assert found.x[1]["b"][0] == 0.125
    assert math.isclose(found.x[1]["b"][1], 1.0, abs_tol=1e-6)
    found = minimize(distance, x0, bounds=(None, {"a": [(0, 0.25), [(0, 0.5), None]], "b": (0, 0.125)}))
    assert np.allclose(found.x[1]["a"], [[0.25, 0.25], [0.5, 1.0]])
    assert found.x[1]["b"] == [0.125, 0.125]
    assert minimize(lambda x: (x - 2.0) ** 2, 0.0, bounds=(0, 1)).x == 1.0
    assert minimize(lambda x: (x - 2.0) ** 2, 0.0, bounds=[(0, 1)]).x == 1.0


def outside(p: Any, limit: float = 0.0) -> Any:
    return p["x"] ** 2 + p["y"] ** 2 - limit


@pytest.mark.parametrize("method", [None, "trust-constr", "COBYLA", "COBYQA"])
@pytest.mark.parametrize("form", ["dict", "nested"])
def test_constraints_are_functions_of_the_nested_argument(method: str | None, form: str) -> None:
    if form == "dict":
        constraints: Any = {"type": "ineq", "fun": lambda p, limit: -outside(p, limit), "args": (1.5,)}
    else:
        constraints = [optimize.NonlinearConstraint(lambda p: {"radius": [outside(p)]}, -np.inf, 1.5)]

    def distance(p: Any) -> Any:
        return (p["x"] - 2.0) ** 2 + (p["y"] - 2.0) ** 2

    found = minimize(distance, {"x": 0.5, "y": 1.0}, method=method, constraints=constraints, tol=1e-4)
    assert np.allclose([*found.x.values()], math.sqrt(0.75), atol=1e-3)


def test_a_linear_constraint_has_a_column_for_each_number() -> None:
    line = optimize.LinearConstraint([[1.0, 1.0]], 1.0, 1.0)
    for method in (None, "trust-constr"):
        found = minimize(valley, {"x": 0.9, "y": 1.0}, method=method, constraints=line)
        assert math.isclose(found.x["x"] + found.x["y"], 1.0, abs_tol=1e-6)


def test_equality_constraints_and_their_exact_derivatives() -> None:
    constraint = {"type": "eq", "fun": lambda p: {"product": p[0] * p[1] - 2.0, "rest": [p[2] - p[0] + p[1]]}}
    for method in ("SLSQP", "trust-constr"):
        found = minimize(lambda p: mg.dot(p, p), [1.5, 1.0, 1.0], method=method, constraints=constraint)
        assert found.success
        assert np.allclose(found.x, [math.sqrt(2.0), math.sqrt(2.0), 0.0], atol=1e-5)
        assert found.nfev < 30


def test_callbacks_get_points_in_the_structure_of_the_argument() -> None:
    points: list[Any] = []
    results: list[Any] = []
    minimize(valley, {"x": -1.2, "y": 1.0}, callback=points.append)
    assert set(points[0]) == {"x", "y"}
    assert math.isclose(points[-1]["x"], 1.0, abs_tol=1e-4)

    def look(intermediate_result: Any) -> None:
        results.append(intermediate_result)
        if len(results) == 3:
            raise StopIteration

    found = minimize(valley, {"x": -1.2, "y": 1.0}, callback=look)
    assert (len(results), found.nit) == (3, 3)
    assert results[-1].x == found.x
    assert results[-1].fun == found.fun

    def stop(point: Any, state: Any) -> bool:
        assert state.x == point
        assert set(state.grad) == {"x", "y"}
        return bool(state.nit >= 2)

    assert minimize(valley, {"x": -1.2, "y": 1.0}, method="trust-constr", callback=stop).nit == 2


def test_options_and_a_method_of_ones_own() -> None:
    assert minimize(valley, {"x": -1.2, "y": 1.0}, options={"maxiter": 2}).nit == 2

    def descent(fun: Any, x0: Any, args: Any = (), jac: Any = None, steps: int = 0, **unused: Any) -> Any:
        x = x0
        for _ in range(steps):
            x = x - 0.25 * jac(x)
        return optimize.OptimizeResult(x=x, fun=fun(x), jac=jac(x), success=True)

    found = minimize(lambda p: (p[0] - 1.0) ** 2, [0.0], method=descent, options={"steps": 2})
    assert found.x == [0.75]
    assert found.jac == [-0.5]


def test_functions_with_branches_and_compiled_ones() -> None:
    def huber(x: Any) -> Any:
        return x * x if abs(x) < 1 else 2 * abs(x) - 1

    for function in (huber, mg.jit(huber)):
        assert math.isclose(minimize(function, 7.0).x, 0.0, abs_tol=1e-5)


def test_without_llvmlite_it_is_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    target = Value(1.0)

    def function(p: Any) -> Any:
        return (target - p["x"]) ** 2 + (p["y"] - p["x"] ** 2) ** 2

    for method in ("BFGS", "trust-exact", "Newton-CG", "SLSQP", "Powell"):
        assert np.allclose([*minimize(function, {"x": 0.0, "y": 0.0}, method=method).x.values()], 1.0, atol=1e-2)


def test_without_scipy_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r'minimize needs SciPy: pip install "microgrady\[scipy\]"'):
        minimize(valley, {"x": 0.0, "y": 0.0})


START = {"x": 1.0, "y": 1.0}


@pytest.mark.parametrize(
    ("function", "x0", "kind", "message"),
    [
        (3.0, 1.0, TypeError, r"minimize takes a function, not float \(3\.0\)"),
        (
            lambda x: [x, x],
            1.0,
            TypeError,
            "minimize needs a function that returns one number, but <lambda> returned list",
        ),
        (
            lambda x: None,
            1.0,
            TypeError,
            "minimize needs a function that returns one number, but <lambda> returned None",
        ),
        (rosenbrock, {}, ValueError, r"x0 has no numbers that can be varied: it is dict \({}\)"),
        (rosenbrock, "here", TypeError, "x0 must be a real number, a Value, or a list"),
        (rosenbrock, [1.0, "here"], TypeError, r"x0\[1\] must be a real number"),
        (valley, {"x": 1.0, "y": math.nan}, ValueError, r"x0\['y'\] must be finite to start there, but is nan"),
        (rosenbrock, [1.0, math.inf], ValueError, r"x0\[1\] must be finite to start there, but is inf"),
        (mg.log, -1.0, ValueError, "log is nan at x0: start where it is a number"),
        (lambda p: mg.sqrt(p[0]) - mg.sqrt(p[0]), [0.0], ValueError, r"derivative of <lambda> by x0\[0\] is nan at x0"),
        (lambda x: math.sin(x), 1.0, TypeError, "write mg.sin"),
        (
            rosenbrock,
            [Value(1.0) * 2.0, 1.0],
            ValueError,
            r"x0\[0\] is the result of mul, which cannot be varied: start",
        ),
    ],
)
def test_what_cannot_be_minimised(function: Any, x0: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        minimize(function, x0)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"method": "Newton"},
            ValueError,
            "there is no method 'Newton'; there are Nelder-Mead, Powell, .*, trust-constr$",
        ),
        ({"callback": 3}, TypeError, r"callback must be a function or None, not int \(3\)"),
        ({"options": 3}, TypeError, r"options must be a dict or None, not int \(3\)"),
        ({"tol": "small"}, TypeError, r"tol must be a real number, not str \('small'\)"),
        ({"method": 3}, TypeError, r"method must be the name of a method, a function or None, not int \(3\)"),
        ({"bounds": {"z": (0, 1)}}, ValueError, "bounds: x0 has no 'z' there, but 'x', 'y'$"),
        (
            {"bounds": {"x": (2, 1)}},
            ValueError,
            r"the lower bound of x0\['x'\] must not be above the upper one, .* 2\.0 and 1\.0$",
        ),
        ({"bounds": {"x": (math.nan, 1)}}, ValueError, r"the lower bound of x0\['x'\] must not be above"),
        ({"bounds": {"x": 5}}, TypeError, r"bounds\['x'\] must be a pair \(low, high\) of numbers or None, not int"),
        (
            {"bounds": {"x": [(0, 1), (0, 1)]}},
            ValueError,
            r"bounds\['x'\] must be a pair .* which is number, but is list",
        ),
        ({"bounds": [(0, 1)] * 3}, ValueError, r"bounds must be a pair .* or have the structure of that part of x0"),
        (
            {"constraints": valley},
            TypeError,
            "a constraint must be a dict with type and fun, or SciPy's .*, not function",
        ),
        (
            {"constraints": {"type": "le", "fun": valley}},
            ValueError,
            "a constraint as a dict has 'type', which is 'eq'",
        ),
        ({"constraints": {"type": "eq", "fun": 1.0}}, ValueError, "a constraint as a dict has 'type', which is 'eq'"),
        (
            {"constraints": {"type": "eq", "fun": valley, "jac": valley}},
            ValueError,
            "leave jac out: minimize finds the derivatives of the constraint valley itself",
        ),
    ],
)
def test_arguments_that_cannot_be(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        minimize(valley, START, **arguments)


def test_parameters_must_be_reached_by_the_argument() -> None:
    w = Value(3.0, "w")

    def loss(parameters: Any) -> Any:
        return (w - 3.0) ** 2 + parameters[0]

    with pytest.raises(ValueError, match=r"loss refers to .* itself, which is x0\[0\]: it must use what"):
        minimize(loss, [w])
    assert w.data == 3.0


def test_inside_a_transform_nothing_is_detached_in_silence() -> None:
    with pytest.raises(
        TypeError, match="depends on a Value that is being differentiated by, and minimize gives floats"
    ):
        mg.grad(lambda a: minimize(lambda x: (x - a) ** 2, 0.0).fun)(1.0)
    assert mg.grad(lambda a: a * minimize(lambda x: (x - mg.detach(a)) ** 2, 0.0).x)(1.0) == pytest.approx(1.0)
