"""jit: the same numbers as the function, whichever way it goes, whatever is thrown at it."""

from __future__ import annotations

import collections
import copy
import functools
import gc
import itertools
import math
import operator
import pickle
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value

llvmlite = pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler import jit  # noqa: E402
from microgrady.compiler.backends.executable import binding  # noqa: E402
from microgrady.compiler.backends.llvm_program import COPIES, PIECE  # noqa: E402
from microgrady.compiler.jit import Jitted  # noqa: E402
from microgrady.compiler.programs.program import Guard  # noqa: E402
from microgrady.tracing import recorders, runs  # noqa: E402
from tests.plain import plain  # noqa: E402
from tests.threads import run_in_threads  # noqa: E402

Function = Callable[..., Any]
Pair = collections.namedtuple("Pair", "a b")
INF, NAN = math.inf, math.nan
AWKWARD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-320, 1e-160, 1e160, -1e308, INF, -INF, NAN]


def interpreted(function: Function, *args: float) -> float:
    """What the function gives on Values, one by one."""
    result = function(*map(Value, args))
    return plain(result)


def same_bits(found: Any, expected: Any) -> bool:
    """Equal, the sign of zero included; every nan is like every other."""
    if isinstance(expected, float):
        if math.isnan(expected):
            return isinstance(found, float) and math.isnan(found)
        return isinstance(found, float) and found.hex() == expected.hex()
    return len(found) == len(expected) and all(map(same_bits, found, expected))


def close(found: float, expected: float, tolerance: float = 1e-14) -> bool:
    if not math.isfinite(expected):
        return same_bits(float(found), float(expected))
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=1e-300)


def halvings(x: Any) -> Any:
    """A loop whose length depends on the data."""
    count = 0
    while x > 1:
        x = x / 2
        count += 1
    return x + count


def logistic(x: Any, rate: Any = 3.7) -> Any:
    for _ in range(5):
        x = rate * x * (1 - x)
    return mg.sin(x) + mg.exp(-x) / (1 + x**2)


# Functions of this module, which pickles name.


@jit
def decorated(x: Any) -> Any:
    return mg.sin(x) * 3 if x > 0 else mg.cos(x) - 1


@jit(static_argnames="power", max_paths=3)  # type: ignore[untyped-decorator]
def with_options(x: Any, power: int) -> Any:
    return mg.exp(x) ** power


# Arguments, results and composition.


def test_the_first_call_and_all_later_ones_give_the_bits_of_the_function() -> None:
    compiled = jit(logistic)
    for x in (0.1, 0.1, 0.9, *AWKWARD):
        assert same_bits(compiled(x), interpreted(logistic, x))
        assert same_bits(compiled(x), interpreted(logistic, x))
    assert len(compiled.paths) == 1


def test_it_is_a_decorator_with_options_and_without() -> None:
    assert decorated(1.0) == math.sin(1.0) * 3
    assert decorated.__name__ == "decorated"
    assert with_options(0.5, 2) == with_options(0.5, power=2)
    assert same_bits(with_options(0.5, power=3), interpreted(lambda x: mg.exp(x) ** 3, 0.5))
    assert isinstance(decorated, Jitted)
    assert isinstance(with_options, Jitted)


def nested(tree: Any, *, bias: Any = 0.0) -> Any:
    return {"sum": tree["w"][0] * tree["w"][1][0] + bias, "rest": (tree["b"], [tree["w"][1][1] * 2])}


def test_lists_tuples_and_dicts_go_in_and_come_out() -> None:
    compiled = jit(nested)
    for scale in (1.0, 2.0, -0.5):
        tree = {"w": [scale, (3.0, 4)], "b": True}
        for _ in range(2):
            assert compiled(tree) == {"sum": 3.0 * scale, "rest": (1.0, [8.0])}
            assert compiled(tree, bias=1.5) == {"sum": 3.0 * scale + 1.5, "rest": (1.0, [8.0])}


def test_named_tuples_keep_their_type() -> None:
    compiled = jit(lambda pair: Pair(pair.b, pair.a * 2))
    for _ in range(2):
        assert compiled(Pair(1.0, 2.0)) == Pair(2.0, 2.0)
        assert type(compiled(Pair(1.0, 2.0))) is Pair


def test_arrays_go_in_and_come_out_as_new_float64_arrays() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda a, b: (a @ b + 1, mg.sum(a), np.exp(b)))
    matrix, vector = np.arange(6).reshape(2, 3), np.array([0.5, -1.0, 2.0])
    first = compiled(matrix, vector)
    kept = [np.array(part) for part in first]
    second = compiled(matrix[:, ::-1], np.float32(2.0) * vector.astype(np.float32))
    assert all(np.array_equal(part, old) for part, old in zip(first, kept, strict=True))
    assert np.array_equal(first[0], matrix @ vector + 1)
    assert np.array_equal(second[0], matrix[:, ::-1] @ (2 * vector) + 1)
    assert (second[0].dtype, second[0].shape, second[2].shape) == (np.float64, (2,), (3,))
    assert type(second[1]) is float
    assert len(compiled.paths) == 1


def test_an_array_changed_after_the_call_changes_no_result() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda a: a)
    point = np.array([1.0, 2.0])
    for _ in range(2):
        result = compiled(point)
        point[0] += 5.0
        assert result[0] == point[0] - 5.0


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0), (2, 1, 2)])
def test_arrays_of_any_shape(shape: tuple[int, ...]) -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda a: [a, mg.sum(a) * 2])
    for start in (1.0, 2.0):
        array = np.full(shape, start)
        result = compiled(array)
        assert result[0].shape == shape
        assert np.array_equal(result[0], array)
        assert result[1] == array.sum() * 2


def test_another_structure_is_recorded_anew() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda p: mg.sum(p))
    assert compiled([1.0, 2.0]) == compiled((1.0, 2.0)) == compiled(np.array([1.0, 2.0])) == 3.0
    assert compiled([1.0, 2.0, 4.0]) == compiled(np.array([1.0, 2.0, 4.0])) == 7.0
    assert compiled(np.array([[1.0, 2.0]])) == compiled(np.array([1, 2])) == 3.0
    assert len(compiled.paths) == 6
    assert compiled([5.0, 6.0]) == 11.0


def test_functions_of_nothing_and_results_of_nothing() -> None:
    for _ in range(2):
        assert jit(list)() == []
        assert jit(lambda x: {})(1.0) == {}
        assert jit(lambda: 2)() == 2.0
    constant = jit(lambda x: [3, x, x, 0.5])
    assert constant(1.0) == constant(1.0) == [3.0, 1.0, 1.0, 0.5]


def test_numbers_of_every_kind_are_floats() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda x: x / 3)
    for number in (2, 2.0, True, Fraction(1, 2), np.float32(0.1), np.int8(3), np.bool_(True)):
        assert compiled(number) == compiled(number) == float(number) / 3
    assert len(compiled.paths) == 1


def test_static_arguments_are_told_apart_by_value_and_type() -> None:
    def function(x: Any, kind: Any) -> Any:
        return x + 1 if kind is True else x * 2 if isinstance(kind, int) else x * 3 if kind == 1.0 else -x

    compiled = jit(function, static_argnames=["kind"])
    for _ in range(2):
        for kind in (1, True, 1.0, "one", None):
            assert compiled(5.0, kind) == compiled(5.0, kind=kind) == function(5.0, kind)


def test_static_arguments_in_any_position_and_with_defaults() -> None:
    def function(first: Any, x: Any, last: Any = 3) -> Any:
        return [x * k for k in range(last)] if first == "list" else x

    compiled = jit(function, static_argnames=("first", "last"))
    for _ in range(2):
        assert compiled("list", 2.0) == [0.0, 2.0, 4.0]
        assert compiled("list", 2.0, 2) == compiled(last=2, x=2.0, first="list") == [0.0, 2.0]
        assert compiled("other", 2.0) == 2.0


def test_static_arguments_behind_any_number_of_others() -> None:
    def function(*numbers: Any, scale: int) -> Any:
        return (numbers[0] * 10 + numbers[1]) * scale

    compiled = jit(function, static_argnames="scale")
    for first in (1.0, 5.0, -2.0):
        for scale in (2, 3):
            assert compiled(first, 2.0, scale=scale) == (first * 10 + 2.0) * scale


def test_keywords_and_defaults() -> None:
    def function(x: Any, *rest: Any, power: Any = 2, **more: Any) -> Any:
        return x**power + mg.sum(rest) + more.get("extra", 0)

    compiled = jit(function)
    for x in (2.0, 3.0):
        assert compiled(x) == x**2
        assert compiled(x, 1.0, 2.0, power=3) == x**3 + 3
        assert compiled(x, power=3.0, extra=4) == x**3 + 4


def rosenbrock(p: Any) -> Any:
    return mg.sum([100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(p)])


@pytest.mark.parametrize("transform", [mg.grad, mg.value_and_grad, mg.hessian, mg.jacobian])
def test_it_composes_with_every_transform(transform: Function) -> None:
    compiled = jit(transform(rosenbrock))
    for point in ([1.5, -0.5, 2.0], [0.0, 1.0, -1.0], [1e3, 2.0, 1e-3]):
        found, expected = compiled(point), transform(rosenbrock)(point)
        assert mg.jacobian(lambda x: [x])(0.0) == [1.0]  # nothing is left behind
        flat_found, flat_expected = leaves_of(found), leaves_of(expected)
        assert len(flat_found) == len(flat_expected)
        assert all(map(close, flat_found, flat_expected))
        assert same_bits(leaves_of(compiled(point)), flat_found)


def leaves_of(tree: Any) -> list[float]:
    return [tree] if isinstance(tree, float) else [leaf for branch in tree for leaf in leaves_of(branch)]


def test_hvp_and_argnums_and_arrays() -> None:
    np = pytest.importorskip("numpy")
    product = jit(mg.hvp(rosenbrock))
    point, vector = np.array([1.5, -0.5, 2.0]), np.array([1.0, 2.0, -1.0])
    for factor in (1.0, 2.0):
        found = product(point * factor, vector)
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, mg.hvp(rosenbrock)(point * factor, vector), rtol=1e-13)
    slope = jit(mg.grad(lambda x, y: x * y**2, argnums=(1, 0)))
    assert slope(2.0, 3.0) == slope(2.0, 3.0) == (12.0, 9.0)
    matrix = jit(mg.jacobian(lambda a: a @ np.array([[1.0, 2.0], [3.0, 4.0]])))
    assert matrix(np.zeros(2)).tolist() == matrix(np.ones(2)).tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_a_compiled_function_is_differentiated_as_the_function_is() -> None:
    compiled = jit(halvings)
    assert mg.grad(compiled)(6.0) == mg.grad(halvings)(6.0) == 0.125
    assert mg.hessian(jit(rosenbrock))([1.0, 2.0]) == mg.hessian(rosenbrock)([1.0, 2.0])
    x = Value(6.0)
    result = compiled(x)
    assert isinstance(result, Value)
    result.backward()
    assert (result.data, x.grad) == (halvings(6.0), 0.125)
    assert compiled.paths == ()  # it was the function itself that ran


def test_jit_in_jit_in_grad_in_jit() -> None:
    inner = jit(lambda x: x**3)
    outer = jit(lambda x: inner(x) + 1)
    both = jit(mg.grad(outer))
    for x in (1.0, 2.0, -3.0):
        assert outer(x) == x**3 + 1
        assert both(x) == 3 * x**2
        assert jit(jit(inner))(x) == x**3
    assert inner.paths == ()


def test_what_wraps_a_compiled_function_has_its_own_options() -> None:
    inner = jit(halvings, max_paths=1)
    outer = jit(inner, max_paths=8)
    assert [outer(x) for x in (1.0, 2.0, 4.0)] == [1.0, 2.0, 3.0]  # and warns of nothing
    assert len(outer.paths) == 3
    assert inner.paths == ()


def test_callable_objects_keep_their_attributes_to_themselves() -> None:
    class Doubled:
        def __init__(self, function: Function) -> None:
            self._function, self._name, self._static, self._signatures = function, 5, ("x",), 7

        def __call__(self, x: Any) -> Any:
            return 2 * self._function(x)

    compiled = jit(Doubled(lambda x: x * x))
    assert compiled(3.0) == compiled(3.0) == 18.0


def test_methods() -> None:
    class Model:
        def __init__(self, weight: float) -> None:
            self.weight = Value(weight)

        @jit(static_argnames="self")  # type: ignore[untyped-decorator]
        def predict(self, x: Any) -> Any:
            return self.weight * x

    one, two = Model(2.0), Model(5.0)
    for x in (1.0, 3.0):
        assert (one.predict(x), two.predict(x)) == (2.0 * x, 5.0 * x)
    one.weight.data = 7.0
    assert (one.predict(1.0), two.predict(1.0)) == (7.0, 5.0)
    bound = jit(Model(3.0).predict)
    assert bound(2.0) == bound(2.0) == 6.0
    assert one.predict.backward(3.0) == 21.0
    assert (one.weight.grad, two.weight.grad) == (3.0, 0.0)


def test_what_is_no_plain_function() -> None:
    assert jit(mg.sin)(1.0) == math.sin(1.0)
    assert jit(functools.partial(pow, 2.0))(3.0) == 8.0
    assert jit(operator.mul)(2.0, 3.0) == 6.0


# Which way a function goes.


def clamp(x: Any, low: Any, high: Any) -> Any:
    if x < low:
        return low * 2
    return high * 3 if x > high else x


def collatz(n: Any) -> Any:
    return n if n <= 1 else collatz(n / 2) + 1 if n % 2 == 0 else collatz(3 * n + 1) + 1


def newton(a: Any) -> Any:
    x = a
    while abs(x * x - a) > 1e-12 * a:
        x = (x + a / x) / 2
    return x


def partly_sorted(a: Any, b: Any, c: Any) -> Any:
    low, middle, high = sorted([a, b, c])
    return low + 10 * middle + 100 * high


BRANCHING: dict[str, tuple[Function, int]] = {
    "early returns": (clamp, 3),
    "while": (halvings, 1),
    "until it converges": (newton, 1),
    "sorted": (partly_sorted, 3),
    "min and max": (lambda a, b, c: min(a, b, c) * 3 + max(a, b * 2, c), 3),
    "where": (lambda a, b: mg.where(a > b, mg.sqrt(a - b), mg.where(a == b, 7.0, b)), 2),
    "clip": (lambda x, low: mg.clip(x, low, 1.0) * 2, 2),
    "abs": (lambda x: abs(x) + mg.fabs(x - 1), 1),
    "bool": (lambda x, y: 1.0 if x and not y else 2 * x, 2),
    "== and !=": (lambda x, y: x if x == y else y if x != 0 else 9.0, 2),
    "chained": (lambda x, y: x + 1 if 0 <= x < y else x - 1, 2),
    "in": (lambda x: x * 2 if x in (0, 1.0, -3) else x, 1),
    "reflected": (lambda x: x if 1 > x else -x if 2 <= x else 0.5 * x, 1),  # noqa: SIM300
    "by a number of Python": (lambda x: x if x > True else x + 3, 1),
}


@pytest.mark.parametrize("name", BRANCHING)
def test_every_way_gives_the_numbers_of_the_function(name: str) -> None:
    function, count = BRANCHING[name]
    compiled = jit(function, max_paths=1000)
    generator = random.Random(name)
    plain = [x for x in AWKWARD if 0.0 < x < 1e100] if name == "until it converges" else AWKWARD
    for number in range(250):
        args = [generator.choice(plain) if number % 3 else generator.uniform(0.01, 4.0) for _ in range(count)]
        if name == "while":
            args = [min(args[0], 1e9)]
        assert same_bits(compiled(*args), interpreted(function, *args)), args


def test_recursion_over_many_ways() -> None:
    compiled = jit(collatz, max_paths=200)
    for n in [*range(1, 40), *range(39, 0, -1)]:
        assert compiled(n) == interpreted(collatz, float(n))


@pytest.mark.parametrize("symbol", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_every_comparison_with_nan_and_both_zeros(symbol: str) -> None:
    compare = getattr(operator, symbol)

    points = [-1.0, -0.0, 0.0, 1.0, NAN]
    for start in range(5):
        compiled = jit(lambda x, y: 1.0 if compare(x, y) else 2.0)
        for k in range(25):
            x, y = points[(start + k) % 5], points[k // 5]
            assert compiled(x, y) == (1.0 if compare(x, y) else 2.0), (x, y)
        assert len(compiled.paths) == 2
    against_number = [jit(lambda x, y=y: 1.0 if compare(x, y) else 2.0) for y in points]
    for y, each in zip(points, against_number, strict=True):
        for x in (*points, *reversed(points)):
            assert each(x) == (1.0 if compare(x, y) else 2.0), (x, y)


BETWEEN_FLOATS: dict[str, Any] = {
    "a third": Fraction(1, 3),
    "two thirds": Fraction(2, 3),
    "an odd int above 2**53": 2**53 + 1,
    "a huge int": 10**400,
    "a huge negative int": -(10**400),
    "a huge fraction": Fraction(10**400, 3),
}


@pytest.mark.parametrize("limit", BETWEEN_FLOATS)
@pytest.mark.parametrize("symbol", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_comparisons_with_numbers_between_floats_are_exact(symbol: str, limit: str) -> None:
    compare, number = getattr(operator, symbol), BETWEEN_FLOATS[limit]
    near = [1 / 3, 2 / 3, 2.0**53]
    points = [x for middle in near for x in (math.nextafter(middle, -INF), middle, math.nextafter(middle, INF))]
    points += [0.5, -1.0, 1e20, 1e308, -1e308, INF, -INF]
    for first in points:
        compiled = jit(lambda x: 1.0 if compare(x, number) else 2.0)
        for x in (first, *points):
            assert compiled(x) == (1.0 if compare(x, number) else 2.0), (first, x)


def test_comparisons_of_what_depends_on_no_argument_are_no_guards() -> None:
    def function(x: Any) -> Any:
        three = Value(3.0)
        return x * 2 if three > 2 and three * three == 9 else x

    compiled = jit(function)
    assert compiled(5.0) == 10.0
    assert compiled.paths[0].guards == ()


def test_a_branch_on_a_derivative() -> None:
    def function(x: Any) -> Any:
        slope = mg.grad(lambda z: z**3 - z)(x)
        return slope if slope > 0 else -10 * slope

    compiled = jit(function)
    for x in (0.1, 1.0, 0.2, -2.0, 0.0, 0.1):
        assert close(compiled(x), function(x))
    assert len(compiled.paths) == 2


def test_an_exception_of_the_function_comes_each_time_and_leaves_nothing_behind() -> None:
    def function(x: Any) -> Any:
        if x < 0:
            raise ArithmeticError("negative")
        return x * 2

    compiled = jit(function)
    for x in (-1.0, 3.0, -1.0, 4.0, -2.0):
        if x < 0:
            with pytest.raises(ArithmeticError, match="negative"):
                compiled(x)
        else:
            assert compiled(x) == 2 * x
        assert recorders == runs == []
    assert len(compiled.paths) == 1


def test_beyond_max_paths_calls_are_interpreted_with_a_warning_that_points_at_the_call() -> None:
    compiled = jit(halvings, max_paths=2)
    assert [compiled(1.0), compiled(2.0)] == [1.0, 2.0]
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="max_paths=2") as caught:
            assert compiled(4.0) == 3.0
        assert caught[0].filename == __file__
    assert len(compiled.paths) == 2
    assert [compiled(0.5), compiled(1.5)] == [0.5, 1.75]


def test_max_paths_counts_for_each_structure() -> None:
    compiled = jit(lambda p: p[0], max_paths=1)
    assert compiled([1.0]) == compiled([1.0, 2.0]) == compiled((1.0,)) == 1.0


def test_guards_at_every_place_of_long_programs() -> None:
    # Operations are compiled in pieces: the guards before, at and after their ends.
    places = [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE - 1]

    def function(x: Any, *limits: Any) -> Any:
        y, found = x, 0
        for k in range(3 * PIECE):
            if k in places and y > limits[places.index(k)]:
                found += 2 ** places.index(k)
            y = y * 0.999 + x
        return [y, found, x]

    generator = random.Random(5)
    compiled = jit(function, max_paths=1000, optimize=False)
    for _ in range(25):
        args = [generator.uniform(0.5, 2.0), *(generator.choice((-1.0, 1e9)) for _ in places)]
        expected = [plain(part) for part in function(*map(Value, args))]
        assert same_bits(compiled(*args), expected)
        assert same_bits(compiled(*args), expected)


def test_programs_of_more_than_one_module() -> None:
    def function(x: Any) -> Any:
        y = x
        for _ in range(9000):
            y = mg.sin(y) + x
        return y if y > 0 else -y

    compiled = jit(function)
    for x in (0.3, 0.3, -0.7, 0.4):
        assert same_bits(compiled(x), interpreted(function, x))
    assert [path.operations > 16384 for path in compiled.paths] == [True, True]


LEAVING: dict[str, Function] = {
    "float": lambda v: float(v),
    "math.sin": lambda v: math.sin(v),
    "math.isnan": lambda v: math.isnan(v),
    "format": lambda v: float(format(v, ".3f")),
    "f-string": lambda v: len(f"{v}") * v,
    "percent": lambda v: float("%g" % v),  # noqa: UP031
    "data": lambda v: v.data,
    "grad": lambda v: v.grad,
    "partials": lambda v: (v * v).partials[0],
    "backward": lambda v: (v * v).backward(),
    "range": lambda v: sum(range(v)),
    "an index": lambda v: [1.0, 2.0, 3.0][v],
    "copy.copy": lambda v: copy.copy(v),
    "copy.deepcopy": lambda v: copy.deepcopy(v),
    "deepcopy of a result": lambda v: copy.deepcopy(v * v),
    "pickle": lambda v: pickle.loads(pickle.dumps(v * 2)),
    "complex": lambda v: complex(v).real,
}


@pytest.mark.parametrize("way", LEAVING)
def test_what_would_freeze_a_number_is_refused_with_what_to_write_instead(way: str) -> None:
    compiled = jit(lambda v: LEAVING[way](v))
    for _ in range(2):
        with pytest.raises(TypeError, match=r"inside jit of <lambda>.*(write |leave |collect |v\.data )"):
            compiled(2.0)
    assert compiled.paths == ()
    live = Value(2.0, "w")
    with pytest.raises(TypeError, match="inside jit"):
        jit(lambda: LEAVING[way](live))()
    assert (live.data, live.grad) == (2.0, 0.0)


def test_storing_into_a_float_array_is_refused() -> None:
    np = pytest.importorskip("numpy")

    def stored(v: Any) -> Any:
        array = np.zeros(2)
        array[0] = v
        return array

    for function in (stored, lambda v: np.asarray([v], dtype=float), np.float64):
        with pytest.raises(TypeError, match="inside jit of"):
            jit(function)(2.0)


def test_an_error_that_the_function_raises_comes_out_as_it_is_whatever_its_message_says() -> None:
    def function(x: Any, way: str) -> Any:
        if x < 0:
            message = {"f": f"{x} is negative", "str": str(x), "percent": "%s" % x, "format": format(x, ".2f")}[way]  # noqa: UP031
            raise ValueError(message)
        return x * 2

    compiled = jit(function, static_argnames="way")
    for way, message in (("f", "-1.0 is negative"), ("str", "-1.0"), ("percent", "-1.0"), ("format", "-1.00")):
        for _ in range(2):
            with pytest.raises(ValueError, match=message):
                compiled(-1.0, way)
            assert compiled(2.0, way) == 4.0
        with pytest.raises(ValueError, match=message):
            compiled.backward(-1.0, way)
    assert recorders == []
    with pytest.raises(TypeError, match=r"inside jit of <lambda>, format\(v\) would make a constant"):
        jit(lambda x: x if f"{x:.1f}" == "2.0" else -x)(2.0)


NAMES_OF_OURS = """
self args kwargs function instance tree arguments jitted arg
"""


@pytest.mark.parametrize("name", NAMES_OF_OURS.split())
def test_a_parameter_may_have_any_name(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def doubled({name}): return {name} * 2", namespace)
    compiled = jit(namespace["doubled"])
    for _ in range(3):
        assert compiled(**{name: 3.0}) == compiled(3.0) == 6.0
    assert compiled.backward(**{name: 3.0}) == 6.0
    assert compiled.graph(**{name: 3.0})[0].data == 6.0
    weighted = jit(lambda power, **named: named[name] ** power, static_argnames="power")
    assert weighted(2, **{name: 3.0}) == weighted(power=2, **{name: 3.0}) == 9.0


def test_leaves_that_the_function_makes_of_plain_numbers_give_them_back() -> None:
    def function(x: Any) -> Any:
        three = Value(3.0)
        return x * three.data * int(Value(2.5)) * round(Value(1.2))

    compiled = jit(function)
    assert compiled(2.0) == 12.0
    assert compiled(3.0) == 18.0


def test_numbers_can_leave_in_another_thread_and_after_the_recording() -> None:
    inside, told = threading.Event(), threading.Event()
    found = []

    def function(x: Any) -> Any:
        inside.set()
        assert told.wait(30)
        return x * 2

    thread = threading.Thread(target=lambda: found.append(jit(function)(3.0)))
    thread.start()
    assert inside.wait(30)
    y = Value(2.0)
    found += [(y * y).data, int(y), y.data, 1.0 if y > 1 else 0.0]
    (y * y).backward()
    told.set()
    thread.join()
    assert found == [4.0, 2, 2.0, 1.0, 6.0]
    assert y.grad == 4.0


# Live leaves.


def test_leaves_from_outside_are_read_at_each_call() -> None:
    weight, bias = Value(2.0, "w"), Value(1.0)
    compiled = jit(lambda x: weight * x + bias)
    assert compiled(3.0) == 7.0
    weight.data, bias.data = -1.0, 0.25
    assert compiled(3.0) == -2.75
    weight.data = 0
    assert compiled(3.0) == 0.25
    assert len(compiled.paths) == 1


def test_leaves_decide_the_way() -> None:
    switch = Value(1.0)
    compiled = jit(lambda x: x * 2 if switch > 0 else -x)
    for data, expected in ((1.0, 6.0), (-1.0, -3.0), (2.0, 6.0), (-2.0, -3.0), (NAN, -3.0)):
        switch.data = data
        assert compiled(3.0) == expected


def test_leaves_come_back_as_they_are() -> None:
    leaf = Value(2.0)
    for function in (lambda: leaf, lambda: [leaf, leaf * 1, 1.0]):
        compiled = jit(function)
        for data in (2.0, 5.0, 7.0):
            leaf.data = data
            found = compiled()
            assert found == (data if isinstance(found, float) else [data, data, 1.0])


def both_backwards(
    function: Function, make: Callable[[], tuple[list[Value], list[Any]]], times: int = 2
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Values and leaf gradients of compiled and interpreted backward passes, one after the other."""
    values: list[list[float]] = [[], []]
    slopes = []
    for kind in (0, 1):
        leaves, args = make()
        run = functools.partial(function, leaves)
        compiled = jit(run)
        for _ in range(times):
            if kind == 0:
                values[0].append(compiled.backward(*args))
            else:
                output = run(*(Value(arg) if isinstance(arg, float) else arg for arg in args))
                output.backward()
                values[1].append(plain(output))
        slopes.append([leaf.grad for leaf in (*leaves, *(arg for arg in args if isinstance(arg, Value)))])
    return values[0], values[1], slopes[0], slopes[1]


def shared_argument() -> tuple[list[Value], list[Any]]:
    leaf = Value(1.5)
    return [leaf, Value(0.5)], [leaf, leaf]


BACKWARD: dict[str, tuple[Function, Callable[[], tuple[list[Value], list[Any]]]]] = {
    "leaves": (lambda w, x: mg.tanh(w[0] * x + w[1]) ** 2, lambda: ([Value(0.3), Value(-1.0)], [2.0])),
    "Values among the arguments": (lambda w, x, y: w[0] * x**2 * y, lambda: ([Value(0.3)], [Value(2.0), 3.0])),
    "one Value twice, and a leaf too": (lambda w, x, y: w[0] * x * y + w[1] * y, shared_argument),
    "a leaf that is only compared": (
        lambda w, x: w[0] * x if w[1] > 0 else x,
        lambda: ([Value(2.0), Value(1.0)], [3.0]),
    ),
    "a leaf that is not used": (lambda w, x: w[1] * x, lambda: ([Value(2.0), Value(1.0)], [3.0])),
    "a result that is a leaf": (lambda w: w[0], lambda: ([Value(2.0)], [])),
    "a zero adjoint": (lambda w: mg.where(w[0] > 0, mg.sqrt(w[0]), 0.0) + 0 * mg.log(w[0]), lambda: ([Value(0.0)], [])),
    "infinite": (lambda w: mg.sqrt(w[0]) * 3, lambda: ([Value(0.0)], [])),
    "overflow": (lambda w, x: mg.exp(w[0] * x), lambda: ([Value(500.0)], [2.0])),
    "nan": (lambda w, x: mg.log(w[0]) * x, lambda: ([Value(-1.0)], [2.0])),
    "a constant": (lambda w, x: 3.0 + 0 * x, lambda: ([Value(1.0)], [2.0])),
    "ties": (lambda w, x: mg.maximum(w[0], x) + mg.relu(w[0] - x), lambda: ([Value(2.0)], [2.0])),
}


@pytest.mark.parametrize("name", BACKWARD)
def test_backward_adds_to_leaves_what_the_interpreted_one_adds(name: str) -> None:
    function, make = BACKWARD[name]
    values, expected_values, slopes, expected_slopes = both_backwards(function, make)
    assert same_bits(values, expected_values)
    assert all(map(close, slopes, expected_slopes)), (slopes, expected_slopes)


def test_backward_of_a_number_adds_nothing() -> None:
    leaf = Value(2.0)
    compiled = jit(lambda x: 3)
    assert compiled.backward(leaf) == compiled.backward(leaf) == 3.0
    assert leaf.grad == 0.0


def test_backward_finds_its_arguments_among_arrays_lists_and_keywords() -> None:
    np = pytest.importorskip("numpy")
    weight, other = Value(5.0), Value(2.0)
    compiled = jit(lambda a, p, *, k: mg.sum(a * p["w"] ** 2) + p["b"][0] * k)
    for times in (1, 2, 3):
        assert compiled.backward(np.array([1.0, 2.0, 4.0]), {"w": weight, "b": [1.5]}, k=other) == 178.0
        assert (weight.grad, other.grad) == (70.0 * times, 1.5 * times)
    objects = np.array([weight, other], dtype=object)
    weight.grad = other.grad = 0.0
    dot = jit(lambda a, v: a @ v)
    assert dot.backward(np.array([3.0, 4.0]), objects) == 23.0
    assert dot.backward(objects, np.array([3.0, 4.0])) == 23.0
    assert (weight.grad, other.grad) == (6.0, 8.0)


def test_backward_through_a_result_among_the_arguments_reaches_what_is_behind() -> None:
    weight, x = Value(2.0), Value(3.0)
    compiled = jit(lambda y: y * weight)
    for times in (1, 2):
        assert compiled.backward(x * x) == 18.0
        assert (weight.grad, x.grad) == (9.0 * times, 12.0 * times)


def test_backward_goes_another_way_when_a_leaf_says_so() -> None:
    weight = Value(2.0)
    compiled = jit(lambda x: weight**2 * x if weight > 0 else -weight * x)
    for data, slope in ((2.0, 12.0), (-3.0, -3.0), (1.0, 6.0), (-1.0, -3.0)):
        weight.data, weight.grad = data, 0.0
        compiled.backward(3.0)
        assert weight.grad == slope


def test_backward_and_calls_do_not_mix_up_what_they_compiled() -> None:
    weight, x = Value(2.0), Value(3.0)
    compiled = jit(lambda x, y: weight * x * y)
    for _ in range(2):
        assert compiled(3.0, 1.0) == 6.0
        assert compiled.backward(3.0, 1.0) == 6.0
        assert compiled.backward(x, 1.0) == compiled.backward(1.0, x) == 6.0
        assert compiled(3.0, 1.0) == 6.0
    assert (weight.grad, x.grad) == (18.0, 8.0)


def test_training_compiled_and_interpreted_takes_the_same_steps() -> None:
    def train(step: Callable[[list[Value], float, float], None]) -> list[float]:
        weights = [Value(0.1), Value(-0.2), Value(0.3)]
        for number in range(30):
            step(weights, number / 10, math.sin(number / 10))
            for weight in weights:
                weight.data -= 0.05 * weight.grad
                weight.grad = 0.0
        return [weight.data for weight in weights]

    def loss(weights: list[Value], x: Any, y: Any) -> Any:
        return (weights[0] + weights[1] * mg.tanh(weights[2] * x) - y) ** 2

    compiled: dict[int, Any] = {}

    def compiled_step(weights: list[Value], x: float, y: float) -> None:
        compiled.setdefault(0, jit(lambda x, y: loss(weights, x, y))).backward(x, y)

    expected = train(lambda weights, x, y: loss(weights, x, y).backward())
    assert all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(train(compiled_step), expected, strict=True))


def test_results_from_outside_are_refused() -> None:
    x = Value(2.0, "x")
    square = x * x
    for function in (
        lambda y: y * square,
        lambda y: y if y > square else -y,
        lambda y: square,
        lambda y: mg.grad(lambda z: z * square)(y),
        lambda y: mg.gradients(y * y * square, y),
    ):
        for run in (jit(function), jit(function).backward):
            with pytest.raises(TypeError, match="a result that was computed outside"):
                run(3.0)


def test_leaves_of_the_first_call_are_not_kept_for_the_second() -> None:
    kept: list[Any] = []

    def function(x: Any) -> Any:
        kept.append(x * x)
        return kept[0] + x if x > 0 else kept[0] - x

    compiled = jit(function)
    assert compiled(3.0) == 12.0
    with pytest.raises(TypeError, match="computed outside"):
        compiled(-1.0)


# The numbers.


def test_a_zero_adjoint_stays_zero() -> None:
    functions: list[Function] = [
        lambda x: mg.where(x > 0, mg.sqrt(x), 0.0),
        lambda x: 0 * mg.sqrt(x),
        lambda x: mg.relu(-mg.sqrt(x)),
        lambda x: mg.maximum(mg.log(x), 1.0),
        lambda x: mg.minimum(1 / x, 1.0) if x >= 0 else x,
    ]
    for function in functions:
        compiled = jit(mg.grad(function))
        for x in (4.0, 0.0, 1.0, 0.0, 0.5, 0.0):
            assert compiled(x) == mg.grad(function)(x)
        assert compiled(0.0) == 0.0


SINGLE = [
    "sin", "cos", "tan", "tanh", "sinh", "cosh", "exp", "expm1", "exp2", "log", "log2", "log10", "log1p", "sqrt",
    "cbrt", "asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "gamma", "lgamma", "sigmoid",
    "softplus", "relu", "fabs", "floor", "ceil", "trunc",
]  # fmt: skip
DOUBLE = ["pow", "hypot", "atan2", "maximum", "minimum", "fmod", "copysign", "logaddexp", "greater"]
SYMBOLS = ["add", "sub", "mul", "truediv", "floordiv", "mod"]


@pytest.mark.parametrize("name", [*SINGLE, *DOUBLE, *SYMBOLS])
def test_values_are_equal_to_the_last_bit_and_derivatives_to_1e_14(name: str) -> None:
    count = 1 if name in SINGLE else 2
    function = getattr(operator if name in SYMBOLS else mg, name)
    value, slope = jit(function), jit(mg.grad(function, tuple(range(count))))
    generator = random.Random(name)
    for _ in range(150):
        point = [generator.choice((generator.choice(AWKWARD), generator.gauss(0.0, 2.0))) for _ in range(count)]
        found, expected = value(*point), interpreted(function, *point)
        assert same_bits(found, expected), point
        if not math.isnan(expected) and point != [0.0] * count:
            found, expected = slope(*point), mg.grad(function, tuple(range(count)))(*point)
            assert all(map(close, found, expected)), (point, found, expected)
            assert same_bits(slope(*point), found)


def test_constants_are_folded_to_the_numbers_that_python_gives() -> None:
    def function(x: Any) -> Any:
        c = Value(0.3)
        terms = [mg.sin(c) * x, x + mg.exp(c) ** 2.5, x * (Value(1.0) / 3), x**1.0, x**0.0, x**2, x**-1, 1 * x]
        terms += [-1 * x, x / 1, x - 0.0, x + 0.0, x + -0.0, 0.0 - x, x * 0, operator.neg(-x), x - -x, -x + x, -x * -x]
        return terms

    compiled = jit(function)
    for x in (0.7, *AWKWARD):
        expected = [plain(term) for term in function(Value(x))]
        assert same_bits(compiled(x), expected), x
        assert same_bits(compiled(x), expected), x
        assert same_bits(compiled.paths[0].program.evaluate([x]), expected), x


# Pickles.


def test_a_function_of_a_module_travels_by_name_with_what_was_compiled() -> None:
    compiled: Any = decorated
    assert (compiled(2.0), compiled(-2.0)) == (math.sin(2.0) * 3, math.cos(-2.0) - 1)
    loaded = pickle.loads(pickle.dumps(compiled))
    assert len(loaded.paths) == len(compiled.paths)
    assert [loaded(x) for x in (2.0, -2.0)] == [compiled(2.0), compiled(-2.0)]
    assert loaded(Value(1.0)).data == math.sin(1.0) * 3
    fresh = pickle.loads(pickle.dumps(jit(halvings)))
    assert fresh(6.0) == halvings(6.0)


def test_a_lambda_travels_where_functions_travel_by_what_they_are_made_of() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    compiled = jit(lambda x: x * 2 if x > 0 else -x)
    compiled(1.0)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(compiled)  # as the lambda itself
    loaded = pickle.loads(cloudpickle.dumps(compiled))
    assert len(loaded.paths) == 1
    assert (loaded(4.0), loaded(-1.0), loaded(Value(1.0)).data, loaded.backward(3.0)) == (8.0, 1.0, 2.0, 6.0)
    assert pickle.loads(cloudpickle.dumps(loaded))(4.0) == 8.0


def test_pickles_take_live_leaves_structures_and_options_along() -> None:
    np = pytest.importorskip("numpy")
    cloudpickle = pytest.importorskip("cloudpickle")
    weight = Value(2.0, "w")
    compiled = jit(lambda a, p: Pair(a * weight, {"s": p["x"] * weight}), max_paths=1)
    point = np.array([1.0, 2.0]), {"x": 3.0}
    compiled(*point)
    loaded, leaf = pickle.loads(cloudpickle.dumps((compiled, weight)))
    assert loaded.paths[0].guards == compiled.paths[0].guards
    found = loaded(*point)
    assert type(found) is Pair
    assert (found.a.tolist(), found.b) == ([2.0, 4.0], {"s": 6.0})
    leaf.data = 5.0
    assert loaded(*point).b == {"s": 15.0}
    assert compiled(*point).b == {"s": 6.0}
    assert len(loaded.paths) == 1


def test_a_pickled_object_and_its_leaves_stay_together() -> None:
    model = Line(2.0)
    compiled = jit(model)
    assert compiled(3.0) == 6.0
    copies, copied = pickle.loads(pickle.dumps((compiled, model)))
    copied.weight.data = 5.0
    assert copies(3.0) == 15.0
    assert copies(-3.0) == 15.0
    assert copies.backward(3.0) == 15.0
    assert (copied.weight.grad, model.weight.grad) == (3.0, 0.0)


class Line:
    """A model that can be called."""

    def __init__(self, weight: float) -> None:
        self.weight = Value(weight)

    def __call__(self, x: Any) -> Any:
        """A line that is bent at 0."""
        return self.weight * x if x > 0 else -self.weight * x


def special(x: Any) -> Any:
    return mg.gamma(x) + mg.exp(x) * mg.erf(x) if x > 0 else x


OTHER_PROCESS = """
import pickle, sys
first, second, third = pickle.load(open(sys.argv[1], "rb"))
for x in (0.3, 1.7, 2.5, 6.0):
    print(first(x).hex(), second(x).hex(), *(slope.hex() for slope in third([x, -x])))
"""


def test_another_process_gets_the_same_bits(tmp_path: Path) -> None:
    slope = jit(mg.grad(rosenbrock))
    second = jit(special)
    rows = []
    for x in (0.3, 1.7, 2.5, 6.0):
        numbers = (decorated(x), second(x), *slope([x, -x]))
        rows.append(" ".join(number.hex() for number in numbers))
    (tmp_path / "compiled").write_bytes(pickle.dumps((decorated, second, slope)))
    command = [sys.executable, "-c", OTHER_PROCESS, str(tmp_path / "compiled")]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.stderr == ""
    assert done.stdout.split("\n")[:-1] == rows


# Looking inside.


def test_paths_tell_their_guards_in_words_and_their_size() -> None:
    weight = Value(2.0, "w")
    compiled = jit(lambda x, p: x * x + x * x if x > p[0] * weight else mg.sin(p[1]) if p[1] == 0 else p[0])
    assert compiled.paths == ()
    for x in (9.0, -9.0):
        compiled(x, [1.0, 0.0])
    first, second = compiled.paths
    assert first.guards == ("x > (p[0] * w)",)
    assert second.guards == ("not x > (p[0] * w)", "p[1] == 0")
    assert (first.operations_recorded, first.operations) == (4, 3)
    assert first.compile_seconds > 0.0
    assert "x > (p[0] * w)" in repr(first)
    assert "4 operations recorded, 3 compiled" in repr(first)
    assert "2 paths compiled" in repr(compiled)


def test_words_are_bracketed_as_python_reads_them() -> None:
    compiled = jit(lambda x, y: x if (-x) ** 4.0 > (x - y) - (x - 1) and -(x * y) < 5 else y)
    compiled(3.0, 2.0)
    first, second = compiled.paths[0].guards
    assert eval(first, {"x": 1.5, "y": -100.0}) is ((-1.5) ** 4 > (1.5 + 100.0) - 0.5)
    assert eval(first, {"x": 3.0, "y": 2.0}) is True
    assert eval(second, {"x": 3.0, "y": -2.0}) is False


def test_deep_formulas_are_shortened() -> None:
    def function(x: Any) -> Any:
        y = x
        for _ in range(50):
            y = mg.sin(y) * x
        return y if y > 0 else -y

    compiled = jit(function)
    compiled(0.5)
    assert "..." in compiled.paths[0].guards[0]
    assert len(compiled.paths[0].guards[0]) < 300


def test_llvm_ir_of_every_path_parses() -> None:
    compiled = jit(lambda x: mg.exp(x) if x > 0 else x * 2)
    with pytest.raises(ValueError, match="nothing yet"):
        compiled.llvm_ir()
    compiled(1.0)
    compiled(-1.0)
    text = compiled.llvm_ir()
    assert text.count("define i32 @run") == 2
    assert "@mg.exp" in text
    for path in compiled.paths:
        with binding().parse_assembly(path.llvm_ir()) as module:
            module.verify()


def test_the_graph_is_simplified_has_the_values_and_can_be_drawn() -> None:
    weight = Value(2.0, "w")
    compiled = jit(lambda x, y: [x * weight + x * weight, 5.0, y] if x > 0 else [y, y, y * 1])
    total, five, same = compiled.graph(3.0, Value(4.0))
    assert (total.data, five.data, same.data, same.label) == (12.0, 5.0, 4.0, "y")
    assert [node.data for node in compiled.graph(-3.0, 4)] == [4.0, 4.0, 4.0]
    assert "w" in mg.draw(total, five, same).source
    total.backward()
    assert weight.grad == 0.0  # the graph is a copy


# Everything against everything.

UNARY = ["sin", "cos", "tanh", "exp", "sqrt", "log", "sigmoid", "softplus", "relu", "fabs", "atan", "erf"]
BINARY = ["add", "sub", "mul", "truediv", "maximum", "minimum", "hypot", "atan2", "pow"]
Step = tuple[Any, ...]


def run_steps(steps: list[Step], inputs: list[Any], library: Any = mg) -> Any:
    """A random program: each step makes a number of earlier ones, and some look at them first."""
    known = list(inputs)
    for kind, name, first, second, number in steps:
        a, b = known[first % len(known)], known[second % len(known)]
        if kind == "unary":
            known.append(getattr(library, name)(a))
        elif kind == "binary":
            known.append(getattr(operator if hasattr(operator, name) and name != "pow" else library, name)(a, b))
        elif kind == "number":
            known.append(getattr(operator, name)(a, number))
        elif kind == "branch":
            known.append(a * 2 if getattr(operator, name)(a, b) else b - number)
        elif kind == "loop":
            for _ in range(6):
                if not a > number:
                    break
                a = a * 0.5 + 0.125 * number
            known.append(a)
        else:
            known.append(library.where(getattr(operator, name)(a, number), a, b))
    return functools.reduce(operator.add, known[len(inputs) :], known[0])


PLACES = st.integers(0, 30)
NUMBERS = st.sampled_from([0.5, 1.0, -1.0, 2.0, 0.25, 3.0, 0.0])
COMPARED = st.sampled_from(["lt", "le", "gt", "ge", "eq", "ne"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("unary"), st.sampled_from(UNARY), PLACES, PLACES, NUMBERS),
        st.tuples(st.just("binary"), st.sampled_from(BINARY), PLACES, PLACES, NUMBERS),
        st.tuples(st.just("number"), st.sampled_from(["add", "sub", "mul", "truediv", "pow"]), PLACES, PLACES, NUMBERS),
        st.tuples(st.just("branch"), COMPARED, PLACES, PLACES, NUMBERS),
        st.tuples(st.just("loop"), st.just(""), PLACES, PLACES, NUMBERS),
        st.tuples(st.just("where"), COMPARED, PLACES, PLACES, NUMBERS),
    ),
    min_size=1,
    max_size=12,
)
POINTS = st.lists(st.lists(st.one_of(st.floats(-4, 4), st.sampled_from(AWKWARD)), min_size=3, max_size=3), min_size=2)


@settings(max_examples=40)
@given(steps=STEPS, points=POINTS)
def test_random_programs_interpreted_compiled_and_evaluated_agree(steps: list[Step], points: list[list[float]]) -> None:
    def function(*inputs: Any) -> Any:
        return run_steps(steps, list(inputs))

    fast, slow = jit(function, max_paths=1000, optimize=True), jit(function, max_paths=1000, optimize=False)
    slope = jit(mg.value_and_grad(function, (0, 1, 2)), max_paths=1000)
    for point in (*points, *points):
        expected = interpreted(function, *point)
        assert same_bits(fast(*point), expected)
        assert same_bits(slow(*point), expected)
        evaluated = [path.program.evaluate(point) for path in slow.paths]
        taken = [numbers for numbers in evaluated if not isinstance(numbers, Guard)]
        assert len(taken) == 1  # guards exclude each other
        assert same_bits(taken[0], [expected])
        value, slopes = slope(*point)
        assert same_bits(value, expected)
        if math.isfinite(expected):
            reference = mg.grad(function, (0, 1, 2))(*point)
            if all(map(math.isfinite, reference)):
                scale = 1e-13 * max(map(abs, reference))  # what cancels keeps the rounding of what it came from
                assert all(
                    abs(found - known) <= max(scale, 1e-300) for found, known in zip(slopes, reference, strict=True)
                )


@pytest.mark.parametrize(("peer", "examples"), [("torch", 40), ("jax", 12)])
def test_random_programs_agree_with_pytorch_and_jax(peer: str, examples: int) -> None:
    pytest.importorskip(peer)

    @settings(max_examples=examples, suppress_health_check=[HealthCheck.filter_too_much])
    @given(steps=STEPS, point=st.lists(st.floats(0.3, 3.0), min_size=3, max_size=3))
    def agree(steps: list[Step], point: list[float]) -> None:
        steps = [step for step in steps if step[1] != "pow"]  # of which they disagree themselves at nan
        assume(steps)
        value, slopes = jit(mg.value_and_grad(lambda *inputs: run_steps(steps, list(inputs)), (0, 1, 2)))(*point)
        assume(math.isfinite(value) and all(map(math.isfinite, slopes)))
        found = (_with_torch if peer == "torch" else _with_jax)(steps, point)
        assume(all(map(math.isfinite, found)))
        scale = 1e-9 * (1.0 + max(map(abs, (value, *slopes))))
        assert all(abs(a - b) <= scale for a, b in zip((value, *slopes), found, strict=True))

    agree()


class _Torch:
    """The table's functions that random programs use, by PyTorch's names."""

    def __getattr__(self, name: str) -> Any:
        import torch

        if name == "softplus":
            return lambda x: torch.nn.functional.softplus(x, threshold=800.0)
        return getattr(torch, {"fabs": "abs"}.get(name, name))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return a if condition else b


def _with_torch(steps: list[Step], point: list[float]) -> list[float]:
    import torch

    inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point]
    output = run_steps(steps, inputs, _Torch())
    output.backward()
    return [output.item(), *(0.0 if x.grad is None else x.grad.item() for x in inputs)]


class _Jax:
    """Likewise for JAX."""

    def __getattr__(self, name: str) -> Any:
        import jax

        if name in ("sigmoid", "softplus", "relu", "erf"):
            return getattr(jax.scipy.special if name == "erf" else jax.nn, name)
        return getattr(jax.numpy, {"atan": "arctan", "atan2": "arctan2"}.get(name, name))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return a if condition else b


def _with_jax(steps: list[Step], point: list[float]) -> list[float]:
    import jax

    with jax.enable_x64(True):
        slope = jax.value_and_grad(lambda *inputs: run_steps(steps, list(inputs), _Jax()), (0, 1, 2))
        value, slopes = slope(*map(jax.numpy.float64, point))
        return [float(value), *map(float, slopes)]


def test_thousands_of_inputs_across_every_guard() -> None:
    def function(x: Any, y: Any) -> Any:
        total = x * 0.0
        for limit in (-1.0, 0.0, 0.5, 1.0):
            if x > limit:
                total = total + mg.sin(x * limit)
            if y * y < limit * x:
                total = total * y
            elif x == limit:
                total = total + 100
        return total

    compiled = jit(function, max_paths=300)
    generator = random.Random(9)
    grid = [-1.0, 0.0, 0.5, 1.0, NAN, INF]
    for _ in range(5000):
        x, y = (generator.choice(grid) if generator.random() < 0.3 else generator.gauss(0, 1) for _ in "xy")
        assert same_bits(compiled(x, y), interpreted(function, x, y))
    assert len(compiled.paths) > 10


# Users' primitives.


@pytest.mark.parametrize(
    "name", ["σ2", "größe", "main", "double", "exp2f", "sin_", "ret", "run", "piece0", "v1", "_", "名"]
)
def test_a_primitive_may_have_any_name(name: str) -> None:
    weight = Value(0.5)
    square = mg.primitive(name, lambda x: x * x, lambda y, x: 2.0 * x)
    product = mg.primitive(f"{name}_of_two", lambda a, b: a * b, lambda y, a, b: b, lambda y, a, b: a)

    def function(x: Any) -> Any:
        y = product(square(x), weight)
        return y + square(y) if y < 10 else square(product(y, x))

    for compiled in (jit(function), jit(mg.grad(function))):
        for x in (1.5, 20.0, -3.0, 1.0):
            expected = compiled.__wrapped__(x)
            assert same_bits(compiled(x), float(expected if isinstance(expected, float) else expected.data))
        assert name in compiled.paths[1].guards[0] or len(name) < 2
        assert "python" not in compiled.llvm_ir()
        with pytest.raises(NotImplementedError, match="has no form in C"):
            compiled.to_c()


def test_what_a_primitive_raises_ends_the_machine_code_and_comes_out() -> None:
    called = []

    def evaluate(x: float) -> float:
        called.append(x)
        if x == 2.0:
            raise ZeroDivisionError("two")
        return x if x != 3.0 else "three"  # type: ignore[return-value]

    moody = mg.primitive("moody", evaluate, lambda y, x: 1.0)
    compiled = jit(lambda x: moody(moody(x) + 1.0))
    assert compiled(5.0) == compiled(5.0) == 6.0
    called.clear()
    with pytest.raises(ZeroDivisionError, match="two"):
        compiled(2.0)
    assert called == [2.0]
    with pytest.raises(ValueError, match="could not convert"):
        compiled(3.0)
    assert compiled(7.0) == 8.0


@pytest.mark.parametrize("wrong", [None, 3, True, []])
def test_a_machine_form_that_gives_no_number_is_named(wrong: Any) -> None:
    odd = mg.primitive("odd", lambda x: x, lambda y, x: 1.0, native=lambda machine, x: wrong)
    with pytest.raises(TypeError, match=f"the native of primitive 'odd' must give .* not {type(wrong).__name__}"):
        jit(lambda x: odd(x))(1.5)


def test_a_function_that_c_lacks_is_named() -> None:
    missing = mg.primitive("missing", lambda x: x, lambda y, x: 1.0, native="no_such_function")
    with pytest.raises(AttributeError, match="no function 'no_such_function'"):
        jit(lambda x: missing(x))(1.5)
    for native in ("two words", "größe", "", "f(x)"):
        with pytest.raises(ValueError, match="must be the name of a function in C"):
            mg.primitive("odd", lambda x: x, lambda y, x: 1.0, native=native)


@pytest.mark.parametrize("modules", ["one", "several"])
@pytest.mark.parametrize("count", [1, COPIES - 1, COPIES, COPIES + 1, 5 * COPIES + 3])
def test_outputs_that_are_alike_are_all_there(count: int, modules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if modules == "several":
        monkeypatch.setattr("microgrady.compiler.backends.llvm_program.MODULE", 2 * COPIES)

    def function(x: Any, y: Any) -> Any:
        z = mg.sin(x) * y
        return [z, [x] * count, [z] * count, list(map(float, range(count))), [z + k for k in range(count)], z, y]

    compiled = jit(function)
    for x, y in ((0.5, 2.0), (-1.0, INF), (3.0, 0.25)):
        z = mg.sin(x) * y
        expected = [z, [x] * count, [z] * count, list(map(float, range(count))), [z + k for k in range(count)], z, y]
        assert all(map(same_bits, compiled(x, y), expected))
    stores = [piece.count("  store") for piece in compiled.llvm_ir().split("define")]
    assert max(stores) <= max(COPIES, PIECE)


# Threads and memory.


def test_threads_call_one_function_at_once() -> None:
    compiled = jit(mg.grad(logistic))
    expected = {number: compiled(number / 10) for number in range(8)}

    def work(number: int) -> None:
        for _ in range(2000):
            assert compiled(number / 10) == expected[number]

    run_in_threads(work)


def test_first_calls_of_threads_at_once_record_each_way_once() -> None:
    def function(x: Any) -> Any:
        y = x
        for _ in range(100):
            y = mg.sin(y) + x
        return y if x > 0 else -y

    compiled = jit(function, max_paths=2)

    def work(number: int) -> None:
        x = 0.5 if number % 2 else -0.5
        assert same_bits(compiled(x), interpreted(function, x))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_in_threads(work)
    assert len(compiled.paths) == 2


def test_threads_add_up_the_gradients_of_shared_leaves() -> None:
    weight = Value(2.0)
    compiled = jit(lambda x: weight * x)

    def work(number: int) -> None:
        for _ in range(500):
            compiled.backward(1.0)

    run_in_threads(work, 4)
    assert weight.grad == 2000.0


def resident() -> int:
    """The memory that this process occupies, in bytes."""
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("needs /proc")
    return int(status.read_text().split()[1]) * 4096


def test_small_compilations_do_not_pile_up_in_memory() -> None:
    def compile_one(number: int) -> None:
        compiled = jit(lambda x: mg.sin(x * number) + number if x > 0 else x)
        assert compiled(1.0) == math.sin(number) + number
        assert compiled(-1.0) == -1.0

    for number in range(30):
        compile_one(number)
    gc.collect()
    before = resident()
    for number in range(100):
        compile_one(number)
    gc.collect()
    assert resident() - before < 8e6


# Bad input.


def test_what_is_no_number_is_refused_at_each_call() -> None:
    np = pytest.importorskip("numpy")
    compiled = jit(lambda x: x)
    compiled(1.0)
    compiled(np.array([1.0]))
    bad = [None, "text", b"1", 1j, object(), {1.0}, [1.0, [None]], {"a": "b"}, iter([1.0])]
    bad += [np.array([1j]), np.array(["a"]), np.array([None]), np.array([object()], dtype=object)]
    for thing in bad:
        for run in (compiled, compiled.backward, compiled.graph):
            with pytest.raises(TypeError, match="must be a real number, a Value, or a list"):
                run(thing)
    assert compiled(2.0) == 2.0


@pytest.mark.parametrize("number", [10**400, -(10**400), Fraction(10**400)])
def test_a_number_too_large_for_a_float_is_refused_in_a_sentence(number: Any) -> None:
    compiled = jit(lambda x: mg.sum(x) if isinstance(x, (list, dict)) else x * 2)
    for _ in range(3):
        assert compiled(1.5) == 3.0
        for run in (compiled, compiled.backward, compiled.graph, jit(mg.grad(lambda x: x))):
            for argument in (number, [1.0, number], {"a": number}):
                with pytest.raises(OverflowError, match="is too large for a float"):
                    run(argument)
    with pytest.raises(OverflowError, match="is too large for a float"):
        jit(lambda x: x + number)(1.0)


def test_wrong_numbers_of_arguments_are_refused_as_by_the_function() -> None:
    compiled = jit(lambda x, y: x + y)
    compiled(1.0, 2.0)
    for args, kwargs in (((1.0,), {}), ((1.0, 2.0, 3.0), {}), ((1.0, 2.0), {"y": 1.0}), ((1.0,), {"z": 1.0}), ((), {})):
        for _ in range(2):
            with pytest.raises(TypeError, match="argument"):
                compiled(*args, **kwargs)
    assert compiled(1.0, y=2.0) == compiled(y=2.0, x=1.0) == 3.0
    limited = jit(lambda x, n: x * n, static_argnames="n")
    with pytest.raises(TypeError, match="argument"):
        limited(1.0, 2, 3)


@pytest.mark.parametrize("result", [None, "text", [1.0, None], {1.0}, 1j, {"a": object()}])
def test_functions_must_return_numbers(result: Any) -> None:
    compiled = jit(lambda x: result)
    for _ in range(2):
        with pytest.raises(TypeError, match="jit compiles functions that return numbers"):
            compiled(1.0)
    with pytest.raises(TypeError, match="backward needs a function that returns one number"):
        compiled.backward(1.0)


def test_backward_needs_one_number() -> None:
    for function in (lambda x: [x], lambda x: (x, x), lambda x: {"a": x}):
        with pytest.raises(TypeError, match="backward needs a function that returns one number"):
            jit(function).backward(1.0)


def test_wrong_options_are_refused_at_once() -> None:
    wrong: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (TypeError, "jit takes a function, not int", {"function": 5}),
        (ValueError, "max_paths must be at least 1", {"max_paths": 0}),
        (ValueError, "max_paths must be at least 1", {"max_paths": -1}),
        (TypeError, "max_paths", {"max_paths": "3"}),
        (TypeError, "max_paths", {"max_paths": 2.5}),
        (TypeError, "optimize must be True, False or None", {"optimize": 2}),
        (TypeError, "static_argnames must be names of arguments", {"static_argnames": 5}),
        (TypeError, "static_argnames must be names of arguments", {"static_argnames": [5]}),
        (ValueError, "static_argnames has 'y', but the parameters are x", {"static_argnames": "y"}),
        (TypeError, "cache must be", {"cache": 5}),
    ]
    for kind, message, options in wrong:
        with pytest.raises(kind, match=message):
            jit(**{"function": lambda x: x, **options})
        if "function" not in options and "but the parameters" not in message:
            with pytest.raises(kind, match=message):
                jit(**options)


def test_static_arguments_must_be_hashable() -> None:
    compiled = jit(lambda x, sizes: x * len(sizes), static_argnames="sizes")
    assert compiled(2.0, (1, 2)) == 4.0
    with pytest.raises(TypeError, match="argument sizes of <lambda> must be hashable, such as a tuple, not list"):
        compiled(2.0, [1, 2])


def test_without_llvmlite_the_first_call_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = jit(lambda x: x * 2)
    binding.cache_clear()
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(ImportError, match=r"microgrady\[jit\]"):
        compiled(1.0)
    assert compiled(Value(2.0)).data == 4.0  # the function itself needs nothing
    monkeypatch.undo()
    binding.cache_clear()
    assert compiled(1.0) == 2.0


# Users' primitives, which are called back in Python.


def test_a_primitive_of_the_user_is_called_back() -> None:
    cube = mg.primitive("jit_cube", lambda x: x * x * x, lambda y, x: 3.0 * x * x)
    mixed = mg.primitive("jit_mixed", lambda a, b: a * b + 1.0, lambda y, a, b: b, lambda y, a, b: a)
    function = lambda x, y: mg.sin(cube(x)) + mixed(x, y) * 2 if cube(x) > 0 else mixed(2.0, y)  # noqa: E731
    compiled, slope = jit(function), jit(mg.grad(function, (0, 1)))
    for point in ((1.0, 2.0), (0.5, 3.0), (-1.0, 2.0), (NAN, 1.0)):
        assert same_bits(compiled(*point), interpreted(function, *point))
        assert all(map(close, slope(*point), mg.grad(function, (0, 1))(*point)))


def test_what_a_primitive_raises_arrives_and_no_number() -> None:
    def evaluate(x: float) -> float:
        if x > 10.0:
            raise LookupError("too large for the table")
        return x * 2.0

    table = mg.primitive("jit_table", evaluate, lambda y, x: 2.0)
    compiled = jit(lambda x: table(x) + 1 if table(x) > 0 else 0 * x)
    for x in (1.0, 2.0):
        assert compiled(x) == 2 * x + 1
    for _ in range(3):
        with pytest.raises(LookupError, match="too large for the table"):
            compiled(11.0)
        assert compiled(3.0) == 7.0


def test_a_primitive_is_not_called_on_the_way_not_taken() -> None:
    calls: list[float] = []

    def evaluate(x: float) -> float:
        calls.append(x)
        return x

    noted = mg.primitive("jit_noted", evaluate, lambda y, x: 1.0)
    compiled = jit(lambda x: noted(x) * 2 if x > 0 else -x)
    assert (compiled(1.0), compiled(-1.0)) == (2.0, 1.0)
    calls.clear()
    assert [compiled(x) for x in (2.0, -2.0, 3.0)] == [4.0, 2.0, 6.0]
    assert calls == [2.0, 3.0]


def test_of_several_exceptions_the_first_arrives() -> None:
    def checked(name: str) -> Function:
        def evaluate(x: float) -> float:
            if not x < 5.0:
                raise LookupError(name)
            return x

        return mg.primitive(f"jit_{name}", evaluate, lambda y, x: 1.0)

    first, second = checked("first"), checked("second")
    compiled = jit(lambda x: second(first(x)))  # after the first has failed, the second gets nan
    assert compiled(1.0) == 1.0
    with pytest.raises(LookupError, match="first"):
        compiled(6.0)


def test_a_primitive_may_call_a_compiled_function_and_itself_change() -> None:
    inner = jit(lambda x: x * x)
    outer = mg.primitive("jit_outer", lambda x: inner(x) + 1.0, lambda y, x: 2.0 * x)
    compiled = jit(lambda x: outer(x) * outer(x + 1))
    assert compiled(2.0) == compiled(2.0) == 50.0
    again = mg.primitive("jit_outer", lambda x: x - 1.0, lambda y, x: 1.0)
    assert jit(lambda x: again(x))(2.0) == 1.0
    assert compiled(2.0) == 50.0


def test_primitives_of_users_travel_by_name() -> None:
    mg.primitive("jit_travelling", lambda x: x + 0.5, lambda y, x: 1.0)
    compiled = jit(by_a_method)
    compiled(1.0)
    loaded = pickle.loads(pickle.dumps(compiled))
    assert len(loaded.paths) == 1
    assert loaded(2.0) == 5.0


def by_a_method(x: Any) -> Any:
    return x.jit_travelling() * 2


# What would go another way on Values than on floats, without an error.


def caught(x: Any) -> Any:
    try:
        return x + math.exp(x)
    except TypeError:
        return x


@pytest.mark.parametrize(
    ("function", "action"),
    [
        (caught, "mg.exp"),
        (lambda x: 10.0 if x in {1.0, 2.0} else 20.0, "a set"),
        (lambda x: {1.0: 5.0}.get(x, 0.0) + x, "a dict"),
        (lambda x: float(len({x, x * 1})) * x, "a set"),
        (lambda x: {"1.0": 5.0}.get(str(x), 0.0) + x, "str"),
        (lambda x: x if x == 1 + 0j else -x, "complex"),
    ],
)
def test_what_takes_a_value_for_another_thing_than_its_number_is_refused(function: Function, action: str) -> None:
    with pytest.raises(TypeError, match=action):
        jit(function)(1.0)
    with pytest.raises(TypeError, match=action):
        jit(mg.grad(function))(1.0)
    assert (Value(1.0) in {Value(1.0)}, str(Value(1.0))) == (False, "1.0")  # outside it stays as it was


def test_data_cannot_be_assigned_inside() -> None:
    weight = Value(1.0)

    def function(x: Any) -> Any:
        weight.data = 2.0
        return x * weight

    with pytest.raises(TypeError, match="cannot be assigned"):
        jit(function)(3.0)
    assert weight.data == 1.0


def test_arrays_that_calculate_in_their_own_way_are_refused() -> None:
    np = pytest.importorskip("numpy")
    total = jit(lambda array: array.sum())
    assert total(np.array([1.0, 2.0, 3.0])) == 6.0
    for array in (np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), np.longdouble([1.0, 2.0, 3.0])):
        with pytest.raises(TypeError, match=r"MaskedArray|wide"):
            total(array)


def test_arrays_of_objects_and_of_floats_are_told_apart() -> None:
    np = pytest.importorskip("numpy")
    for kinds in ((float, object), (object, float)):
        double = jit(lambda array: array * 2)
        for kind in (*kinds, *kinds):
            assert list(double(np.array([1.0, 2.0], dtype=kind))) == [2.0, 4.0]


def test_static_floats_are_told_apart_by_their_bits() -> None:
    signed = jit(lambda x, n: x * math.copysign(1.0, n), static_argnames="n")
    assert (signed(1.0, 0.0), signed(1.0, -0.0), signed(1.0, 0.0)) == (1.0, -1.0, 1.0)
    for _ in range(3):
        signed(1.0, float("nan"))
    assert len(signed.paths) == 3


def test_backward_of_a_constant_and_of_several_numbers() -> None:
    result = Value(2.0) * 2
    assert jit(lambda x: 3.0).backward(result) == 3.0
    with pytest.raises(TypeError, match="one number"):
        jit(lambda x: [x]).backward(result)


def test_a_call_that_fails_leaves_nothing_behind() -> None:
    failing = jit(lambda x, n: math.exp(x), static_argnames="n")
    for n in range(5):
        with pytest.raises(TypeError, match=r"mg\.exp"):
            failing(1.0, n)
    assert failing._signatures == {}
