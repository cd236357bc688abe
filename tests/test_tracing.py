"""Runs: a Value never turns into a float by itself, in any thread."""

from __future__ import annotations

import array
import calendar
import cmath
import colorsys
import math
import operator
import random
import re
import statistics
import struct
import threading
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.tracing import recorders, runs
from tests.plain import plain
from tests.threads import join, start

Function = Callable[..., Any]

REFUSED: dict[str, Function] = {
    "float": lambda v: float(v),
    "complex": lambda v: complex(v),
    "math.exp": lambda v: math.exp(v) * v,
    "math.radians": lambda v: math.radians(v),
    "math.dist": lambda v: math.dist([v], [0.0]),
    "math.fsum": lambda v: math.fsum([v, 1.0]),
    "math.isnan": lambda v: math.isnan(v),
    "map": lambda v: list(map(math.sin, [v])),
    "cmath.exp": lambda v: cmath.exp(v),
    "statistics.mean": lambda v: statistics.mean([v, 1.0]),
    "statistics.fmean": lambda v: statistics.fmean([v, 1.0]),
    "Fraction": lambda v: Fraction(v),
    "Decimal": lambda v: Decimal(v),
    "struct.pack": lambda v: struct.pack("d", v),
    "array.array": lambda v: array.array("d", [v]),
    "operator.index": lambda v: operator.index(v),
    "range": lambda v: range(v),
    "an index": lambda v: [1.0, 2.0][v],
    "percent": lambda v: "%.2f" % v,  # noqa: UP031
    "random.expovariate": lambda v: random.seed(v) or random.Random().sample([1.0], v),
    "round to digits": lambda v: round(v, 2),
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_value_never_becomes_a_float_by_itself(way: str) -> None:
    x = Value(1.0)
    for value in (x, x * 1.0):
        with pytest.raises((TypeError, struct.error)):
            REFUSED[way](value)
    for transform in (mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian):
        with pytest.raises((TypeError, struct.error)):
            transform(lambda v: REFUSED[way](v) and v)(1.0)


def test_numpy_gets_no_float_of_a_value_by_itself() -> None:
    np = pytest.importorskip("numpy")

    def store(v: Any) -> Any:
        numbers = np.zeros(2)
        numbers[0] = v
        return numbers

    def fill(v: Any) -> Any:
        numbers = np.zeros(2)
        numbers[:] = [v, v]
        return numbers

    ways = (
        store,
        fill,
        lambda v: np.array([v], dtype=float),
        lambda v: np.array([v], dtype=np.float32),
        lambda v: np.array([v], dtype=complex),
        lambda v: np.array([v]).astype(float),
        lambda v: np.full(2, v, dtype=float),
        lambda v: np.float64(v),
        lambda v: np.float32(v),
    )
    for way in ways:
        for value in (Value(1.0), Value(1.0) * 2.0):
            with pytest.raises((TypeError, ValueError)):
                way(value)


def test_pandas_gets_no_float_of_a_value_by_itself() -> None:
    pandas: Any = pytest.importorskip("pandas")
    series = pandas.Series([Value(1.0), Value(3.0)])
    assert type(series.sum()) is Value
    ways: list[Function] = [series.mean, lambda: series.astype(float), lambda: pandas.Series([Value(1.0)], dtype=float)]
    for way in ways:
        try:
            found = way()
        except TypeError:
            continue
        assert isinstance(found, Value)


@pytest.mark.parametrize(
    ("way", "advice"),
    [
        (lambda v: math.exp(v), r"write mg\.exp\(\.\.\.\) for math\.exp\(\.\.\.\)"),
        (lambda v: 2.0 * (math.atan2(v, 1.0) + 1.0), r"write mg\.atan2\(\.\.\.\) for math\.atan2"),
        (lambda v: float(v), r"leave float\(\.\.\.\) out"),
        (lambda v: "%.3f" % v, r'f"\{v:.3g\}"'),  # noqa: UP031
        (lambda v: array.array("d", [v]), r"array\.array"),
        (lambda v: cmath.polar(v), r"mg\.sin\(v\), not math\.sin\(v\)"),
    ],
)
def test_the_refusal_names_what_to_write(way: Function, advice: str) -> None:
    with pytest.raises(TypeError, match=rf"^a Value must not become a float.*{advice}.*v\.data"):
        way(Value(1.0))
    with pytest.raises(TypeError, match=rf"^inside grad of <lambda> a Value must not become a float.*{advice}"):
        mg.grad(lambda v: way(v))(1.0)


def test_the_refusal_says_how_scipy_gets_floats() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    weight = Value(2.0)
    with pytest.raises((TypeError, ValueError)) as caught:
        optimize.minimize(mg.value_and_grad(lambda x: weight * (x[0] - 1.0) ** 2), [0.0], jac=True)
    # From 1.18 on SciPy raises an error of its own from it.
    refusal = caught.value if isinstance(caught.value, TypeError) else caught.value.__cause__
    assert re.search(r"SciPy takes floats: give it mg\.jit.*mg\.detach", str(refusal))
    assert optimize.brentq(lambda x: mg.detach(weight * x - 1.0), 0.0, 1.0) == 0.5


def test_the_refusal_has_advice_where_there_is_no_source() -> None:
    names: dict[str, Any] = {"exp": math.exp, "v": Value(1.0)}
    with pytest.raises(TypeError, match=r"mg\.sin\(v\), not math\.sin\(v\)"):
        exec("exp(v)", names)


def test_the_advice_names_no_function_that_does_something_else() -> None:
    library = types.SimpleNamespace(plot=float, Value=float, scope=float)
    for way in (
        lambda v: library.plot(v),
        lambda v: library.Value(v),
        lambda v: library.scope(v),
        lambda v: float.__new__(float, v),
    ):
        with pytest.raises(TypeError, match=r"use microgrady's functions \(mg\.sin"):
            way(Value(1.0))


def test_rounding_to_digits_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r'derivative 0: .*f"\{v:\.2f\}".*round\(v\.data, 2\).*mg\.round\(v, 2\)'):
        round(Value(1.234), 2)
    with pytest.raises(TypeError, match=r"number that you print, round\(v\.data, -1\), or write mg\.round\(v, -1\)"):
        round(Value(1.234), -1)
    with pytest.raises(TypeError, match="'str' object cannot be interpreted as an integer"):
        round(Value(1.234), "a")  # type: ignore[call-overload]


# A refusal that the function catches.


def swallowing(x: Any) -> Any:
    try:
        return math.exp(x)
    except Exception:
        return x * 0.0 + 1e308


TRANSFORMS: dict[str, Function] = {
    "grad": lambda f: mg.grad(f)(1.0),
    "value_and_grad": lambda f: mg.value_and_grad(f)(1.0),
    "jacobian": lambda f: mg.jacobian(f)(1.0),
    "hessian": lambda f: mg.hessian(f)(1.0),
    "hvp": lambda f: mg.hvp(f)(1.0, 1.0),
    "jit": lambda f: mg.jit(f)(1.0),
    "jit of grad": lambda f: mg.jit(mg.grad(f))(1.0),
    "grad of jit": lambda f: mg.grad(mg.jit(f))(1.0),
    "grad of grad": lambda f: mg.grad(mg.grad(f))(1.0),
    "backward of jit": lambda f: mg.jit(f).backward(Value(1.0)),
}


def in_threads(function: Function) -> Function:
    def spread(x: Any) -> Any:
        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(function, [x, 2.0 * x]))

    return spread


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("spread", [lambda f: f, in_threads], ids=["here", "in other threads"])
def test_a_refusal_that_the_function_catches_is_raised_when_it_ends(transform: str, spread: Function) -> None:
    with pytest.raises(TypeError, match="must not become a float"):
        TRANSFORMS[transform](spread(swallowing))
    assert runs == recorders == []


def test_a_refusal_of_a_value_that_the_function_made_itself_is_its_own_affair() -> None:
    def function(x: Any) -> Any:
        try:
            return x * math.exp(Value(1.0) * 2.0)
        except TypeError:
            return x * 3.0

    assert mg.grad(function)(2.0) == 3.0
    assert mg.jit(function)(2.0) == 6.0


def test_an_inner_gradient_is_refused_by_the_one_whose_input_was_lost() -> None:
    def outer(x: Any) -> Any:
        def inner(y: Any) -> Any:
            try:
                return y * math.exp(x)
            except TypeError:
                return y * 2.0

        return mg.grad(inner)(1.0)

    with pytest.raises(TypeError, match="inside grad of inner"):
        mg.grad(outer)(1.0)


# Threads.


def gains(x: Any) -> Any:
    return x * 2.0 if x > 1.0 else x * 3.0


WORK: dict[str, Function] = {
    "an if": gains,
    "max": lambda x: max(x, 1.0) * 2.0,
    "sorted": lambda x: sorted([x, x * x, 1.0])[1],
    "int": lambda x: x * int(x),
    "bool": lambda x: x if x else x + 5.0,
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("way", ["pool", "thread", "a pool that was there"])
def test_what_other_threads_compare_is_a_guard(work: str, way: str) -> None:
    waiting = ThreadPoolExecutor(2)
    waiting.submit(int).result()

    def function(x: Any) -> Any:
        results: list[Any] = []
        if way == "thread":
            thread = threading.Thread(target=lambda: results.append(WORK[work](x * 1.0)))
            thread.start()
            thread.join()
        elif way == "pool":
            with ThreadPoolExecutor(2) as pool:
                results.extend(pool.map(WORK[work], [x, x * 0.5]))
        else:
            results.extend(waiting.map(WORK[work], [x, x * 0.5]))
        return mg.sum(results)

    compiled, slope = mg.jit(function), mg.jit(mg.grad(function))
    for x in (0.3, 1.7, 0.4, 2.9, 5.2, 0.0, -1.5):
        for _ in range(2):
            assert compiled(x) == plain(function(Value(x)))
            assert slope(x) == mg.grad(function)(x)
    assert len(compiled.paths) > 1
    waiting.shutdown()


def test_a_parameter_that_a_thread_of_the_function_compares_is_a_guard() -> None:
    weight = Value(1.0, "w")

    def function(x: Any) -> Any:
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(2.0 if weight > 0.0 else 3.0))
        thread.start()
        thread.join()
        return x * results[0]

    compiled = mg.jit(function)
    assert compiled(1.0) == 2.0
    weight.data = -1.0
    assert compiled(1.0) == 3.0


def test_what_an_unrelated_thread_does_is_not_taken_for_the_function() -> None:
    inside, done = threading.Event(), threading.Event()
    mine = Value(2.0, "mine")
    found: list[Any] = []

    def function(x: Any) -> Any:
        inside.set()
        assert done.wait(30)
        return x * 2.0

    def unrelated() -> None:
        assert inside.wait(30)
        y = mine * 3.0
        for _ in range(50):
            y = y / 2.0 if y > 1.0 else y * 3.0
            found.append((int(y), y.data, len({y}), str(y), mine.data > 1.0))
            with pytest.raises(TypeError, match=r"^a Value must not"):
                math.exp(y)
        mine.data = 2.0
        y.backward()
        found.append(mg.gradients(mine * mine, mine).data)
        done.set()

    for transform in (mg.jit, mg.grad, lambda f: mg.jit(mg.grad(f))):
        inside.clear()
        done.clear()
        threads = start(unrelated)
        compiled = transform(function)
        assert compiled(3.0) in (6.0, 2.0)
        join(threads)
        assert found[-1] == 4.0
        if isinstance(compiled, mg.Jitted):
            assert [path.guards for path in compiled.paths] == [()]


def test_a_compiled_function_called_in_a_thread_of_a_run_is_differentiated() -> None:
    def function(x: Any) -> Any:
        tripled = mg.jit(lambda y: y * 3.0 + x)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(tripled, x).result() * pool.submit(tripled, 2.0).result()

    assert mg.grad(function)(2.0) == 4.0 * 8.0 + 8.0


def test_threads_of_a_recording_may_differentiate() -> None:
    def function(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            slope = pool.submit(lambda: mg.gradients(mg.exp(x) * x, x)).result()
            other = pool.submit(mg.grad(lambda y: y * y * x), x).result()
        return slope + other

    compiled = mg.jit(function)
    for x in (0.5, 1.5):
        assert compiled(x) == pytest.approx(math.exp(x) * (x + 1.0) + 2.0 * x * x, rel=1e-14)


# Whole numbers.


def table_lookup(x: Any) -> Any:
    table = [0.0, 1.0, 4.0, 9.0, 16.0, 25.0]
    i = min(max(int(x), 0), 4)
    return table[i] + (x - i) * (table[i + 1] - table[i])


def zone(longitude: Any) -> Any:
    """The easting's origin of a UTM zone."""
    number = int((longitude + 180.0) / 6.0) % 60 + 1
    return longitude - ((number - 1) * 6 - 180 + 3)


def days(time: Any) -> Any:
    """A date from a day count, whose fraction stays."""
    day = math.floor(time)
    year = 1970 + day // 365
    leap = sum(map(calendar.isleap, range(1970, year)))
    return (time - day) * 24.0 + (day - 365 * (year - 1970) - leap)


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        (
            lambda h: mg.sum(w * c for w, c in zip((1.0, 2.0, 4.0), colorsys.hsv_to_rgb(h, 0.4, 0.9), strict=True)),
            -1,
            2,
        ),
        (table_lookup, -1.0, 6.0),
        (zone, -180.0, 180.0),
        (days, 0.0, 3000.0),
        (lambda x: x * round(x), -4.0, 4.0),
        (lambda x: x * math.ceil(x) + math.trunc(x), -4.0, 4.0),
        (lambda x: mg.sum(x**k for k in range(math.floor(x))), 0.0, 6.0),
    ],
)
def test_whole_numbers_pick_branches_indices_and_ranges(function: Function, low: float, high: float) -> None:
    compiled, slope = mg.jit(function, max_paths=400), mg.jit(mg.grad(function), max_paths=400)
    generator = random.Random(1)
    points = [generator.uniform(low, high) for _ in range(40)]
    points += [float(k) for k in range(math.ceil(low), min(math.floor(high), 8))] + [0.5, 1.5, 2.5]
    for x in points:
        assert compiled(x) == plain(function(Value(x))), x
        assert slope(x) == mg.grad(function)(x), x
    assert 1 < len(compiled.paths) < len(points)


ROUNDINGS: list[Function] = [int, math.floor, math.ceil, math.trunc, round]


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([-1, 0, 1]), st.integers(0, 4))
def test_the_guards_of_a_rounding_hold_where_it_rounds_to_the_same(x: float, side: int, which: int) -> None:
    rounding = ROUNDINGS[which]
    whole = rounding(x)
    program = recorded(rounding, x)
    neighbours = (
        x,
        math.nextafter(x, side * math.inf) if side else x,
        float(whole),
        whole + 0.5,
        whole - 0.5,
        whole + 1.0,
    )
    for y in filter(math.isfinite, neighbours):
        assert isinstance(program.evaluate([y]), list) == (rounding(y) == whole)


def recorded(rounding: Function, x: float) -> Any:
    from microgrady.compiler.programs.recording import Recording

    return Recording(lambda inputs: inputs[0] * (rounding(inputs[0]) != 0), "rounding", [x]).program


def test_a_rounding_that_raises_is_a_guard_too() -> None:
    def function(x: Any) -> Any:
        try:
            return x * int(x)
        except (ValueError, OverflowError):
            return x * 0.5 + 7.0

    compiled = mg.jit(function)
    for x in (math.inf, math.nan, -math.inf, 2.5, math.inf, 3.5, math.nan):
        found, expected = compiled(x), plain(function(Value(x)))
        assert found == expected or (found != found and expected != expected)


# Comparisons with numbers of other kinds.


@pytest.mark.slow
@pytest.mark.parametrize("symbol", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_numbers_of_every_kind_compare_in_double_interpreted_and_compiled(symbol: str) -> None:
    np = pytest.importorskip("numpy")
    compare = getattr(operator, symbol)
    others: list[Any] = [2**53 + 1, 10**400, -(10**400), Fraction(1, 3), Decimal("0.1"), Decimal("Infinity"), True]
    others += [np.float32("inf"), np.float32(0.1), np.float16(0.1), np.float16("inf"), np.longdouble("0.1")]
    others += [np.float64(0.1), np.int64(2**53 + 1), np.uint8(3), np.bool_(True), np.float32("nan")]
    for other in others:
        exact = (
            float(other) if isinstance(other, np.floating) else int(other) if isinstance(other, np.integer) else other
        )
        if isinstance(exact, np.bool_):
            exact = bool(exact)
        if isinstance(exact, Decimal):  # which nan cannot be compared with
            exact = Fraction(exact) if exact.is_finite() else float(exact)
        compiled = mg.jit(lambda x, other=other: x * 0.0 + 1.0 if compare(x, other) else x * 0.0 + 2.0)
        for data in (1e300, -1e300, 0.1, 1.0, 3.0, 2.0**53, 1.0 / 3.0, math.inf, math.nan, float(np.float32(0.1))):
            expected = compare(data, exact)
            assert compare(Value(data), other) is expected, (data, other)
            assert bool(compare(other, Value(data))) is compare(exact, data), (data, other)
            assert compiled(0.3) == (1.0 if compare(0.3, exact) else 2.0)
            found = compiled(data)
            assert found != found or found == (1.0 if expected else 2.0), (data, other)


def test_numpy_scalars_calculate_in_double() -> None:
    np = pytest.importorskip("numpy")
    v = Value(2.5)
    for kind in (np.float16, np.float32, np.float64, np.longdouble):
        number = kind("1.1")
        for name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv"):
            operate = getattr(operator, name)
            for result, expected in (
                (operate(number, v), operate(float(number), 2.5)),
                (operate(v, number), operate(2.5, float(number))),
            ):
                assert type(result) is Value
                assert result.data == expected
