"""Sparse jacobians and hessians: the entries of the dense ones, in places that the structure of the graph says."""

from __future__ import annotations

import itertools
import math
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, grad, hessian, jacobian
from microgrady.elimination import Elimination
from microgrady.value import fresh_marks

np = pytest.importorskip("numpy")
sparse = pytest.importorskip("scipy.sparse")

Function = Callable[..., Any]


def compiled(function: Function, **options: Any) -> Any:
    pytest.importorskip("llvmlite", reason="jit needs llvmlite")
    return mg.jit(function, **options)


def places(matrix: Any) -> list[tuple[int, int]]:
    """Where a matrix has entries, also those that are 0."""
    rows, columns = matrix.tocoo().coords
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def rosenbrock(x: Sequence[Any]) -> Any:
    total: Any = 0.0
    for a, b in itertools.pairwise(x):
        total += 100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2
    return total


def tridiagonal(x: Sequence[Any]) -> list[Any]:
    """Broyden's tridiagonal function."""
    n = len(x)
    return [
        (3.0 - 2.0 * x[i]) * x[i] - (x[i - 1] if i else 0.0) - (2.0 * x[i + 1] if i + 1 < n else 0.0) + 1.0
        for i in range(n)
    ]


# What comes out.


def test_a_hessian_is_a_csr_array_with_the_entries_of_the_dense_one() -> None:
    x = np.linspace(0.1, 1.0, 6)
    found = hessian(rosenbrock, sparse=True)(x)
    assert type(found) is sparse.csr_array
    assert found.shape == (6, 6)
    assert found.data.dtype == np.float64
    assert found.has_canonical_format
    assert found.nnz == 3 * 6 - 2
    assert found.toarray().tolist() == hessian(rosenbrock)(x).tolist()


def test_a_jacobian_is_a_csr_array_with_the_entries_of_the_dense_one() -> None:
    x = np.linspace(0.1, 1.0, 5)
    found = jacobian(tridiagonal, sparse=True)(x)
    assert type(found) is sparse.csr_array
    assert places(found) == [(i, j) for i in range(5) for j in range(5) if abs(i - j) <= 1]
    assert found.toarray().tolist() == [row.tolist() for row in jacobian(tridiagonal)(x)]


def test_compiled_ones_are_the_same_to_the_last_bit() -> None:
    x = np.linspace(-1.0, 1.0, 7)
    for transform, function in ((hessian, rosenbrock), (jacobian, tridiagonal)):
        plain = transform(function, sparse=True)
        fast = compiled(plain)
        for point in (x, x + 0.5, 3.0 * x):
            found, expected = fast(point), plain(point)
            assert type(found) is sparse.csr_array
            assert (found.data == expected.data).all()
            assert places(found) == places(expected)
        assert len(fast.paths) == 1


@pytest.mark.parametrize(
    "point",
    [
        [1.0, 2.0, 3.0],
        (1.0, 2.0, 3.0),
        {"a": 1.0, "b": 2.0, "c": 3.0},
        [[1.0], (2.0, 3.0)],
        np.array([[1.0], [2.0], [3.0]]),
    ],
    ids=["list", "tuple", "dict", "nested", "matrix"],
)
def test_the_argument_may_be_of_any_structure_with_an_order(point: Any) -> None:
    def product(point: Any) -> Any:
        numbers: list[Any] = []
        mg.trees.map_values(point, lambda value: numbers.append(value) or value)  # type: ignore[func-returns-value]
        return numbers[0] * numbers[2] ** 2

    expected = [[0.0, 0.0, 6.0], [0.0, 0.0, 0.0], [6.0, 0.0, 2.0]]
    assert hessian(product, sparse=True)(point).toarray().tolist() == expected
    assert jacobian(product, sparse=True)(point).toarray().tolist() == [[9.0, 0.0, 6.0]]


def test_a_number_and_what_is_not_there() -> None:
    assert hessian(lambda x: x**3, sparse=True)(2.0).toarray().tolist() == [[12.0]]
    assert jacobian(lambda x: {"a": x * x, "b": [1.0, x]}, sparse=True)(3.0).toarray().tolist() == [[6.0], [0.0], [1.0]]
    for nothing in (hessian(lambda x: 1.0, sparse=True)([1.0, 2.0]), hessian(mg.sum, sparse=True)([1.0, 2.0])):
        assert (nothing.shape, nothing.nnz) == ((2, 2), 0)
    assert jacobian(lambda x: [], sparse=True)([1.0, 2.0]).shape == (0, 2)
    assert jacobian(lambda x: [3.0], sparse=True)([]).shape == (1, 0)


def test_a_series_is_an_array_with_labels() -> None:
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0], index=["a", "b"])
    curve = hessian(lambda s: s["a"] ** 3 + s["b"] ** 2, sparse=True)
    for function in (curve, compiled(curve)):
        assert function(series).toarray().tolist() == [[6.0, 0.0], [0.0, 2.0]]


def test_results_that_are_arguments_or_one_another() -> None:
    found = jacobian(lambda p: [p[1], p[0] * p[1], p[1], 2.0], sparse=True)([2.0, 3.0])
    assert found.toarray().tolist() == [[0.0, 1.0], [3.0, 2.0], [0.0, 1.0], [0.0, 0.0]]
    again = jacobian(lambda p: [y := p[0] * p[1], y, y * y], sparse=True)([2.0, 3.0])
    assert again.toarray().tolist() == [[3.0, 2.0], [3.0, 2.0], [36.0, 24.0]]


def test_arguments_are_selected_as_elsewhere() -> None:
    def model(data: Any, x: Any, *, power: Any) -> Any:
        return sum(d * a**power for d, a in zip(data, x, strict=True))

    point = [1.0, 2.0], [3.0, 4.0]
    assert hessian(model, 1, sparse=True)(*point, power=2).toarray().tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert hessian(model, argnames="power", sparse=True)(*point, power=2.0).shape == (1, 1)
    matrix, kept = jacobian(lambda x: ([x[0] ** 2], x[1]), has_aux=True, sparse=True)([3.0, 4.0])
    assert (matrix.toarray().tolist(), kept) == ([[6.0, 0.0]], 4.0)


def test_they_are_called_as_they_were_made() -> None:
    def product(x: Any) -> Any:
        return x[0] * x[1]

    assert repr(hessian(product, sparse=True)) == "<hessian(product, sparse=True)>"
    assert repr(compiled(jacobian(product, sparse=True))).startswith("<jit of jacobian(product, sparse=True):")


def test_a_method_and_a_decorator() -> None:
    class Problem:
        scale = 2.0

        @staticmethod
        def plain(x: Any) -> Any:
            return x[0] ** 2

        def curve(self, x: Any) -> Any:
            return self.scale * x[0] ** 2

        curvature = hessian(curve, argnums=1, sparse=True)

    assert Problem().curvature([3.0]).toarray().tolist() == [[4.0]]
    assert hessian(Problem().curve, sparse=True)([3.0]).toarray().tolist() == [[4.0]]


# The structure.


def test_an_entry_stays_where_its_number_happens_to_be_zero() -> None:
    found = hessian(lambda p: p[0] ** 3 + p[0] * p[1] ** 2, sparse=True)([0.0, 0.0])
    assert places(found) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found.data.tolist() == [0.0] * 4
    assert places(jacobian(lambda p: [p[0] * 0.0, p[1] - p[1]], sparse=True)([1.0, 2.0])) == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda p: mg.floor(p[0]) + p[1], [(0, 1)]),
        (lambda p: mg.relu(p[0]), [(0, 0)]),
        (lambda p: mg.maximum(p[0], p[1]), [(0, 0), (0, 1)]),
        (lambda p: p[0] % 2.0 + p[1] // 2.0, [(0, 0)]),
        (lambda p: mg.copysign(p[0], p[1]), [(0, 0)]),
    ],
    ids=["floor", "relu", "maximum", "mod", "copysign"],
)
@pytest.mark.parametrize("point", [[-3.5, 2.5], [3.5, -2.5]])
def test_what_steps_has_no_entry(function: Function, expected: list[tuple[int, int]], point: list[float]) -> None:
    found = jacobian(function, sparse=True)
    assert places(found(point)) == expected
    assert places(compiled(found)(point)) == expected
    assert hessian(function, sparse=True)(point).nnz == 0


def test_each_path_has_a_pattern_of_its_own() -> None:
    def forked(p: Any) -> Any:
        return p[0] ** 2 if p[0] > p[1] else p[0] * p[1] * p[2]

    fast, plain = compiled(hessian(forked, sparse=True)), hessian(forked, sparse=True)
    for _ in range(2):
        for point in ([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]):
            assert places(fast(point)) == places(plain(point))
            assert (fast(point) != plain(point)).nnz == 0
    assert len(fast.paths) == 2
    assert places(fast([3.0, 2.0, 1.0])) == [(0, 0)]


@pytest.mark.parametrize("library", ["plain", "compiled"])
def test_zero_adjoints_and_the_origin(library: str) -> None:
    def safe(p: Any) -> Any:
        return mg.where(p[0] > 0.0, mg.sqrt(p[0]) * p[1], 0.0) + mg.norm(p) ** 2

    curve = hessian(safe, sparse=True)
    found = (curve if library == "plain" else compiled(curve))([0.0, 0.0, 0.0])
    assert found.toarray().tolist() == hessian(safe)([0.0, 0.0, 0.0]) == np.diag([2.0, 2.0, 2.0]).tolist()


def test_infinite_partials_behind_a_result_that_is_used_twice() -> None:
    def shared(p: Any) -> list[Any]:
        y = mg.sqrt(mg.relu(p[0]) * p[1])
        return [y * p[2], y * p[3]]

    slopes = jacobian(shared, sparse=True)
    for point in ([0.0, 2.0, 0.0, 0.0], [0.0, 2.0, 1.0, 0.0], [4.0, 1.0, 1.0, 0.0], [-1.0, 2.0, 1.0, 1.0]):
        expected = jacobian(shared)(point)
        np.testing.assert_array_equal(slopes(point).toarray(), expected)
        np.testing.assert_array_equal(compiled(slopes)(point).toarray(), expected)
    general = compiled(slopes)
    general([4.0, 1.0, 1.0, 0.5])  # what it records holds at other points, too
    np.testing.assert_array_equal(general([0.0, 2.0, 0.0, 0.0]).toarray(), slopes([0.0, 2.0, 0.0, 0.0]).toarray())


# Random sparse programs.

UNARY = ("sin", "exp", "tanh", "relu", "sqrt(1 + x*x)", "x**2", "x**3", "floor", "2 * x", "neg")
BINARY = ("add", "sub", "mul", "div", "hypot", "maximum", "pow")
STEPS = st.lists(st.tuples(st.sampled_from(UNARY + BINARY), st.integers(0, 40), st.integers(1, 3)), max_size=25)


def steps_of(program: list[tuple[str, int, int]], point: Any) -> list[Any]:
    """The results of a random program, each of two that stand near each other."""
    known = [1.0 * x for x in point]
    for name, at, apart in program:
        x, y = known[at % len(known)], known[(at + apart) % len(known)]
        known.append(one_step(name, x, y))
    return known


def one_step(name: str, x: Any, y: Any) -> Any:
    special: dict[str, Callable[[], Any]] = {
        "sqrt(1 + x*x)": lambda: mg.sqrt(1.0 + x * x),
        "x**2": lambda: mg.tanh(x) ** 2,
        "x**3": lambda: mg.tanh(x) ** 3,
        "exp": lambda: mg.exp(mg.tanh(x)),
        "2 * x": lambda: 2.0 * x,
        "div": lambda: x / (1.0 + y * y),
        "hypot": lambda: mg.hypot(x, 1.0 + y * y),
        "pow": lambda: (1.5 + mg.sin(x)) ** mg.tanh(y),
        "mul": lambda: mg.tanh(x) * y,
    }
    if name in special:
        return special[name]()
    return getattr(mg.functions, name)(*((x, y) if name in BINARY else (x,)))


def assert_alike(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    scale = max(1.0, abs(expected).max(initial=0.0))
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-10, atol=1e-12 * scale)


@given(STEPS, st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=6))
def test_random_programs(program: list[tuple[str, int, int]], point: list[float]) -> None:
    x = np.array(point)

    def total(x: Any) -> Any:
        return mg.sum([mg.sin(y) for y in steps_of(program, x)[-4:]])

    assert_alike(
        jacobian(lambda x: steps_of(program, x), sparse=True)(x), jacobian(lambda x: mg.array(steps_of(program, x)))(x)
    )
    found = hessian(total, sparse=True)(x)
    assert_alike(found, hessian(total)(x))
    assert (found != found.T).nnz == 0


@settings(max_examples=25)
@given(STEPS, st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=5), st.floats(0.1, 1.0))
@example([*[("sin", 0, 1)] * 3, ("sin", 1, 1), ("floor", 3, 1)], [0.0, 0.0, 0.0], 1.0)
def test_random_programs_compiled(program: list[tuple[str, int, int]], point: list[float], shift: float) -> None:
    x = np.array(point)
    slopes = jacobian(lambda x: steps_of(program, x), sparse=True)
    curve = hessian(lambda x: mg.sum([mg.sin(y) for y in steps_of(program, x)[-4:]]), sparse=True)
    for plain in (slopes, curve):
        fast = compiled(plain)
        for at in (x, x + shift):
            found, expected = fast(at), plain(at)
            assert places(found) == places(expected)
            np.testing.assert_array_equal(found.data, expected.data)


# Size.


def test_ten_thousand_variables() -> None:
    x = np.linspace(0.0, 1.0, 10_000)
    found = hessian(rosenbrock, sparse=True)(x)
    assert found.nnz == 29_998
    expected = 1200.0 * x[1:-1] ** 2 - 400.0 * x[2:] + 202.0
    np.testing.assert_allclose(found.diagonal()[1:-1], expected, rtol=1e-13)
    np.testing.assert_allclose(found.diagonal(1), -400.0 * x[:-1], rtol=1e-13)
    assert jacobian(tridiagonal, sparse=True)(x).nnz == 29_998


def products(function: Function, size: int, transform: str) -> int:
    """How many operations are recorded for the derivatives besides those of the function."""
    since = fresh_marks()
    x = [Value(0.1 + 0.001 * i) for i in range(size)]
    outputs = function(x)
    if transform == "hessian":
        outputs = mg.gradients(outputs, x)
    before = {id(node) for node in mg.value.topological_order(*outputs, since=since)}
    entries = [entry for _, _, entry in Elimination(outputs, x, since, True, transform == "hessian").columns()]
    after = mg.value.topological_order(*(entry for entry in entries if isinstance(entry, Value)), since=since)
    return sum(id(node) not in before for node in after)


def shared_chain(x: Any) -> Any:
    """A long way to a number that all others are multiplied by."""
    scale = x[0]
    for _ in range(30):
        scale = mg.sin(scale) + 1.0
    return mg.sum([scale * mg.exp(-a * scale) for a in x[1:]])


@pytest.mark.parametrize(
    ("function", "transform"),
    [
        (rosenbrock, "hessian"),
        (shared_chain, "hessian"),
        (tridiagonal, "jacobian"),
        (lambda x: [mg.sum([a * a for a in x]), *(x[0] * a for a in x)], "jacobian"),
        (lambda x: [mg.sin(mg.exp(x[0])) * a for a in x], "jacobian"),
    ],
    ids=["neighbours", "shared parameter", "tridiagonal", "full row and column", "full column"],
)
def test_the_work_grows_with_the_entries(function: Function, transform: str) -> None:
    small, large = products(function, 50, transform), products(function, 500, transform)
    assert large < 11 * small
    assert large < 25 * 500


# Compiled.


def test_a_result_can_be_changed_without_changing_the_next() -> None:
    fast = compiled(hessian(rosenbrock, sparse=True))
    x = np.zeros(3)
    expected = fast(x).toarray().tolist()
    spoiled = fast(x)
    spoiled.data[:] = 7.0
    spoiled.indices[:] = 0
    spoiled.eliminate_zeros()
    assert fast(x).toarray().tolist() == expected


def test_leaves_from_outside_are_live_when_compiled() -> None:
    w = Value(2.0, "w")
    fast = compiled(hessian(lambda x: w * x[0] ** 2 * x[1], sparse=True))
    assert fast([1.0, 3.0]).toarray().tolist() == [[12.0, 4.0], [4.0, 0.0]]
    w.data = 3.0
    assert fast([1.0, 3.0]).toarray().tolist() == [[18.0, 6.0], [6.0, 0.0]]
    with pytest.raises(TypeError, match=r"Values from outside.*mg\.jit"):
        hessian(lambda x: w * x[0] ** 2, sparse=True)([1.0, 3.0])


def test_what_else_a_compiled_function_may_do_with_one() -> None:
    def newton_system(x: Any) -> Any:
        value, slope = mg.value_and_grad(rosenbrock)(x)
        return {"value": value, "slope": slope, "curvature": hessian(rosenbrock, sparse=True)(x)}

    x = np.linspace(0.0, 1.0, 4)
    fast = compiled(newton_system)
    for _ in range(2):
        found = fast(x)
        assert (found["curvature"] != hessian(rosenbrock, sparse=True)(x)).nnz == 0
        assert found["slope"].tolist() == grad(rosenbrock)(x).tolist()

    def trace(x: Any) -> Any:
        matrix = hessian(rosenbrock, sparse=True)(x)
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        return mg.sum([entry for entry, i, j in zip(matrix.data, rows, matrix.indices, strict=True) if i == j])

    assert compiled(trace)(x) == pytest.approx(hessian(rosenbrock)(x).trace(), rel=1e-14)
    constant = compiled(lambda x: (x, hessian(lambda y: y[0] ** 2, sparse=True)([1.0, 2.0])))
    assert constant(3.0)[1].toarray().tolist() == [[2.0, 0.0], [0.0, 0.0]]


def test_entries_have_derivatives_in_a_compiled_function() -> None:
    def slope(p: Any) -> Any:
        return jacobian(lambda q: [mg.norm(q) ** 2, mg.sin(q[0]) * q[1]], sparse=True)(p).data

    for point, expected in (([0.0, 0.0], [2.0, 0.0]), ([3.0, 4.0], [2.0, 0.0])):
        values = [Value(x) for x in point]
        compiled(lambda p: slope(p)[0]).backward(values)
        assert [value.grad for value in values] == pytest.approx(expected, abs=1e-15)
    values = [Value(0.5), Value(2.0)]
    compiled(lambda p: slope(p)[2]).backward(values)
    assert [value.grad for value in values] == [-math.sin(0.5) * 2.0, math.cos(0.5)]


@pytest.mark.parametrize(
    "use",
    [lambda m: m @ np.ones(2), lambda m: np.ones(2) @ m, lambda m: m.toarray(), lambda m: 2.0 * m, lambda m: m[0, 0]],
)
def test_what_a_compiled_function_cannot_do_with_one_is_said(use: Function) -> None:
    with pytest.raises(TypeError, match="return it as it is, or calculate with its data"):
        compiled(lambda x: use(hessian(rosenbrock, sparse=True)(x)))([1.0, 2.0])


def test_pickling() -> None:
    plain = pickle.loads(pickle.dumps(hessian(rosenbrock, sparse=True)))
    assert plain([1.0, 2.0]).nnz == 4
    fast = compiled(hessian(rosenbrock, sparse=True))
    expected = fast(np.ones(3))
    twin = pickle.loads(pickle.dumps(fast))
    assert len(twin.paths) == 1
    assert (twin(np.ones(3)) != expected).nnz == 0
    assert len(twin.paths) == 1


# Bad input.


def test_several_arguments_are_refused() -> None:
    for options in ({"argnums": (0, 1)}, {"argnames": ("x", "y")}, {"argnums": (0,)}):
        for transform in (hessian, jacobian):
            with pytest.raises(ValueError, match=r"one matrix.*arg(nums|names)=.*asks for a tuple.*join"):
                transform(lambda x, y: x * y, sparse=True, **options)


def test_several_arrays_are_refused() -> None:
    for point in ([np.ones(2), np.ones(3)], {"w": np.ones(2), "b": 1.0}):
        with pytest.raises(TypeError, match="the argument of <lambda> holds 2 numbers and arrays: join them"):
            hessian(lambda p: 1.0, sparse=True)(point)


def test_wrong_options_and_functions_are_refused() -> None:
    with pytest.raises(TypeError, match="sparse must be True or False, not str"):
        hessian(rosenbrock, sparse="yes")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="hessian needs a function that returns one number"):
        hessian(tridiagonal, sparse=True)([1.0, 2.0])
    with pytest.raises(TypeError, match="jacobian takes a function"):
        jacobian(3.0, sparse=True)  # type: ignore[call-overload]


def test_inside_other_transforms_it_is_refused() -> None:
    curve = hessian(lambda p: p[0] ** 3, sparse=True)
    with pytest.raises(TypeError, match=r"inside grad of .*holds floats: leave sparse=True out"):
        grad(lambda x: curve([x, 1.0]).data[0])(2.0)
    with pytest.raises(TypeError, match=r"depends on Values.*leave sparse=True out"):
        curve([Value(2.0), 1.0])
    with pytest.raises(TypeError, match=r"inside grad of .*leave sparse=True out"):
        compiled(grad(lambda x: curve([x, 1.0]).data[0]))(2.0)
    assert grad(lambda x: x * curve([2.0, 1.0]).data[0])(2.0) == 12.0


def test_a_csr_array_is_not_an_argument() -> None:
    with pytest.raises(TypeError, match="csr_array, which holds no Values: pass its data"):
        grad(lambda m: m.data[0])(sparse.csr_array(np.eye(2)))


def test_without_scipy_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    for transform in (hessian, jacobian):
        with pytest.raises(ImportError, match=r'needs SciPy: pip install "microgrady\[scipy\]"'):
            transform(lambda x: x[0] ** 2, sparse=True)([1.0])


# Peers.


def test_jax_has_the_same_hessian() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[peers]'")
    jax.config.update("jax_enable_x64", True)
    x = np.linspace(-1.0, 1.0, 8)

    def jax_rosenbrock(x: Any) -> Any:
        return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

    expected = np.asarray(jax.hessian(jax_rosenbrock)(x))
    np.testing.assert_allclose(hessian(rosenbrock, sparse=True)(x).toarray(), expected, rtol=1e-12, atol=1e-12)


def test_casadi_has_the_same_pattern_and_numbers() -> None:
    casadi = pytest.importorskip("casadi", reason="CasADi is not installed: pip install '.[peers]'")
    x = casadi.SX.sym("x", 8)
    total = sum(mg_free(x, i, casadi) for i in range(6))
    theirs = casadi.Function("h", [x], [casadi.hessian(total, x)[0]])(np.linspace(0.1, 1.0, 8)).sparse()

    def ours(x: Any) -> Any:
        return mg.sum([mg_free(x, i, mg) for i in range(6)])

    found = hessian(ours, sparse=True)(np.linspace(0.1, 1.0, 8))
    assert places(found) == sorted(places(theirs))
    np.testing.assert_allclose(found.toarray(), theirs.toarray(), rtol=1e-12)


def mg_free(x: Any, i: int, library: Any) -> Any:
    return library.sin(x[i] * x[i + 1]) * library.exp(-x[i + 2]) + x[i] ** 3


def test_the_numbers_are_not_nan() -> None:
    assert not any(map(math.isnan, hessian(rosenbrock, sparse=True)([0.0] * 5).data))
