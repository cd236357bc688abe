"""Which way a function goes through jit: guards, paths, and what is told about them."""

from __future__ import annotations

import math
import operator
import random
from fractions import Fraction
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.backends.host import binding
from microgrady.compiler.backends.memory import PIECE
from microgrady.compiler.jit import jit
from microgrady.tracing import recorders, runs
from tests.compiled import AWKWARD, INF, NAN, Function, close, halvings, interpreted, same_bits
from tests.plain import plain


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
    for first in {compare(x, number): x for x in points}.values():  # either way is recorded first
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


@pytest.mark.slow
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


@pytest.mark.slow
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


# Looking inside.


def test_paths_tell_their_guards_in_words_and_their_size() -> None:
    weight = Value(2.0, "w")
    compiled = jit(lambda x, p: x * x + x * x if x > p[0] * weight else mg.sin(p[1]) if p[1] == 0 else p[0])
    assert compiled.paths == ()
    for x in (9.0, -9.0):
        compiled(x, [1.0, 0.0])
    first, second = compiled.paths  # type: ignore[misc]
    assert first.guards == ("x > p[0] * w",)
    assert second.guards == ("not x > p[0] * w", "p[1] == 0")
    assert (first.operations_recorded, first.operations) == (4, 3)
    assert first.compile_seconds > 0.0
    assert "x > p[0] * w" in repr(first)
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
