"""Comparisons of Values in a recording: `where` selects, and what asks for a bool decides."""

from __future__ import annotations

import copy
import itertools
import math
import operator
import pickle
import random
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady import tracing
from microgrady.comparisons import Comparison, Condition
from microgrady.compiler.jit import jit
from tests.compiled import AWKWARD, INF, NAN, Function, interpreted, same_bits
from tests.plain import plain

BESIDE_ZERO = [-INF, -2.0, -0.25, -5e-324, -0.0, 0.0, 5e-324, 0.25, 1.0, 2.0, INF, NAN]


def equal(found: Any, expected: Any) -> bool:
    """Equal to the last bit but for the sign of zero, which sums of derivatives do not keep."""
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(map(equal, found, expected))
    return bool(found == expected) or (math.isnan(found) and math.isnan(expected))


# One path.

SELECTING: dict[str, tuple[Function, int]] = {
    "the unselected one is nan": (lambda x: mg.where(x > 0, mg.sqrt(x), -x), 1),
    "the unselected one is infinite": (lambda x: mg.where(x != 0, 1 / x, 3 * x), 1),
    "numbers": (lambda x: mg.where(x < 0, -1.0, 2.0) * x, 1),
    "nan and inf as numbers": (lambda x: mg.where(x < 0, mg.nan, mg.where(x < 1, mg.inf, x)), 1),
    "equal": (lambda x, y: mg.where(x == y, x * y, x / y), 2),
    "not equal": (lambda x, y: mg.where(x != y, x * y, x / y), 2),
    "at most": (lambda x, y: mg.where(x <= y, mg.exp(x), mg.log(y)), 2),
    "at least": (lambda x, y: mg.where(x >= y, mg.exp(x), mg.log(y)), 2),
    "a number on the left": (lambda x: mg.where(1 > x, x * x, x), 1),  # noqa: SIM300
    "an int that is not a float": (lambda x: mg.where(x > 2**53 + 1, x, -x), 1),
    "a fraction": (lambda x: mg.where(x >= Fraction(1, 3), x, -x), 1),
    "a Value": (lambda x, y: mg.where(x, y / x, y), 2),
    "greater, which is nan at nan": (lambda x, y: mg.where(mg.greater(x, y), x * x, y), 2),
    "nested": (lambda x, y: mg.where(x > 0, mg.where(y > 0, x * y, mg.sqrt(x)), mg.where(y < x, y, x**3)), 2),
    "one comparison for two": (lambda x, y: (lambda c: mg.where(c, x, y) * mg.where(c, y * y, x * x))(x > y), 2),
    "and": (lambda x, y: mg.where((x > 0) & (y > 0), mg.sqrt(x * y), x - y), 2),
    "or": (lambda x, y: mg.where((x > 0) | (y > 0), x * y, x - y), 2),
    "either": (lambda x, y: mg.where((x > 0) ^ (y > 0), x * y, x - y), 2),
    "and True, or False": (lambda x, y: mg.where((x > 0) & True, x, y) + mg.where(False | (x > 1), x, y), 2),
    "and False, or True": (lambda x, y: mg.where((x > 0) & False, x, y) + mg.where(True | (x > 1), x, y), 2),
    "either, and a bool": (lambda x, y: mg.where((x > 0) ^ True, x, y) + mg.where(False ^ (x > 1), x, y), 2),
    "times a Value": (lambda x, y: (x > 0) * y + y * (x < -1), 2),
    "plus a Value": (lambda x, y: (x > 0) + y - (y > x) * x, 2),
    "an operand": (lambda x, y: mg.where(x > 0, y > 1, x), 2),
    "an operand of a function": (lambda x, y: mg.maximum(x > 0, y) + mg.sin(y > 1) * x, 2),
    "minimum, maximum": (lambda x, y: mg.minimum(x, y) * mg.maximum(x, 2 * y), 2),
    "clip": (lambda x, y: mg.clip(x, -1, 1) * mg.clip(y, None, x), 2),
    "abs, relu, sign": (lambda x, y: abs(x) * mg.relu(y) + mg.sign(x) * y + mg.copysign(y, x), 2),
    "isnan": (lambda x, y: mg.where(mg.isnan(x), y, x), 2),
    "isinf": (lambda x, y: mg.where(mg.isinf(x), y, x), 2),
    "isfinite": (lambda x, y: mg.where(mg.isfinite(x), x, y), 2),
    "isclose": (lambda x, y: mg.where(mg.isclose(x, y, abs_tol=0.5), x, y), 2),
    "modf": (lambda x, y: mg.modf(x)[0] * y, 2),
    "norm": (lambda x, y: mg.norm([x, y], math.inf), 2),
    "returned": (lambda x, y: [x > y, {"equal": x == y}], 2),
}

# At nan the derivatives of some others differ between what is recorded and what is not.
DIFFERENTIATED = [name for name in SELECTING if name not in ("returned", "clip", "abs, relu, sign")]


@pytest.mark.parametrize("name", SELECTING)
def test_what_selects_is_one_path(name: str) -> None:
    function, count = SELECTING[name]
    compiled = jit(function)
    for args in itertools.product(AWKWARD, repeat=count):
        assert plain_equal(compiled(*args), function(*map(Value, args))), args
    assert [path.guards for path in compiled.paths] == [()]


def plain_equal(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return all(plain_equal(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return all(map(plain_equal, found, expected))
    return same_bits(found, float(plain(expected)))


@pytest.mark.parametrize("name", DIFFERENTIATED)
@pytest.mark.parametrize("transform", [mg.grad, mg.hessian, mg.value_and_grad, mg.jacobian])
def test_derivatives_of_what_selects_are_one_path(name: str, transform: Any) -> None:
    function, count = SELECTING[name]
    derivative = transform(lambda p: function(*p))
    compiled = jit(derivative)
    for args in itertools.product(BESIDE_ZERO, repeat=count):
        assert equal(compiled(list(args)), derivative(list(args))), args
    assert [path.guards for path in compiled.paths] == [()]


@pytest.fixture
def deciding(monkeypatch: pytest.MonkeyPatch) -> Function:
    """What compiles a function for whose sake each comparison decides at once."""

    def comparison(*parts: Any) -> bool:
        return bool(Comparison(*parts))

    def compiled(function: Function, points: Any) -> list[Any]:
        with monkeypatch.context() as patch:
            patch.setattr(tracing, "Comparison", comparison)
            fast = jit(function, max_paths=1000)
            return [fast(point) for point in points]

    return compiled


# What is zero on one side of a comparison is then a zero that is recorded, of which a product with inf is nan.
@pytest.mark.parametrize("name", [name for name in SELECTING if name not in ("returned", "modf")])
@pytest.mark.parametrize("order", [1, 2])
def test_forward_derivatives_of_what_selects_are_one_path(name: str, order: int, deciding: Function) -> None:
    function, count = SELECTING[name]
    direction = [1.0, -3.0][:count]

    def along(p: list[Any]) -> Any:
        inner = mg.grad(lambda p: function(*p)) if order == 2 else lambda p: function(*p)
        return mg.jvp(inner)(p, direction)

    compiled = jit(along)
    points = [list(point) for point in itertools.product(BESIDE_ZERO, repeat=count)]
    for point, expected in zip(points, deciding(along, points), strict=True):
        assert equal(compiled(point), expected), point
    assert [path.guards for path in compiled.paths] == [()]


def test_nothing_comes_out_of_the_unselected_operand_at_any_order() -> None:
    function = mg.jit(mg.grad(mg.grad(mg.grad(lambda x: mg.where(x > 0, mg.log(x) * mg.sqrt(x), x**3)))))
    assert [function(x) for x in (-1.0, 0.0, -INF)] == [6.0, 6.0, 6.0]
    assert function(2.0) == pytest.approx(mg.grad(mg.grad(mg.grad(lambda x: mg.log(x) * mg.sqrt(x))))(2.0), rel=1e-15)
    assert len(function.paths) == 1


def test_a_kink_of_nan_that_is_not_selected_has_no_derivative() -> None:
    function = mg.jit(mg.hessian(lambda x: mg.where(x > 0, x**3, mg.maximum(mg.sqrt(-x), abs(-x) ** 0.5) * x)))
    assert [function(x) for x in (1.0, 2.0)] == [6.0, 12.0]


def test_an_adjoint_that_is_zero_at_one_point_has_a_derivative_beside_a_selection() -> None:
    function = mg.hessian(lambda p: mg.where(p[0] < 0.5, p[0], p[1]) * mg.minimum(p[1], 5 - p[0]))
    assert equal(mg.jit(function)([-1.0, 0.0]), function([-1.0, 0.0]))
    assert function([-1.0, 0.0]) == [[0.0, 1.0], [1.0, 0.0]]


def test_sparse_derivatives_of_what_selects_are_one_path() -> None:
    pytest.importorskip("scipy")

    def function(p: Any) -> Any:
        return mg.sum([mg.where(a > 0, mg.sqrt(a) * b, b**2) for a, b in itertools.pairwise(p)])

    dense, sparse = mg.hessian(function), jit(mg.hessian(function, sparse=True))
    for seed in range(20):
        generator = random.Random(seed)
        p = [generator.choice([-1.0, 0.0, 0.5, 2.0]) for _ in range(6)]
        assert equal(sparse(p).toarray().tolist(), [[float(entry) for entry in row] for row in dense(p)])
    assert len(sparse.paths) == 1


def test_backward_of_a_compiled_function_gives_the_unselected_leaf_nothing() -> None:
    a, b = Value(-1.0, "a"), Value(2.0, "b")
    compiled = jit(lambda x: mg.where(x > 0, mg.sqrt(a) * x, b * x))
    compiled.backward(-3.0)
    assert (a.grad, b.grad) == (0.0, -3.0)
    compiled.backward(3.0)
    assert math.isnan(a.grad)
    assert (b.grad, len(compiled.paths)) == (-3.0, 1)


# What decides.

DECIDING: dict[str, tuple[Function, int]] = {
    "if": (lambda x, y: x if x > y else y * 2, 2),
    "not": (lambda x, y: x if not x > y else y * 2, 2),
    "and, or": (lambda x, y: x if (x > 0 and y > 0) or x == y else y * 2, 2),
    "chained": (lambda x, y: x if 0 < x < y else y * 2, 2),
    "chained in where": (lambda x, y: mg.where(0 < x < y, x, y * 2), 2),
    "in": (lambda x, y: x if x in [y, 1.0] else y * 2, 2),
    "index": (lambda x, y: x * [y, 1.0, x].index(x), 2),
    "sorted": (lambda x, y: sorted([x, y])[0] * 2 + sorted([x, y, 0.5], reverse=True)[0], 2),
    "min, max": (lambda x, y: min(x, y) * 3 + max(x, y, 1.0), 2),
    "any, all": (lambda x, y: x if any([x > 3, y > 3]) or all([x < 0, y < 0]) else y * 2, 2),
    "assert": (lambda x, y: asserted(x > y, x, y), 2),
    "int": (lambda x, y: int(x > y) * x, 2),
    "index of a list": (lambda x, y: [x, y][x > y], 2),
    "key of a dict": (lambda x, y: {True: x, False: y}[x > y], 2),
    "==": (lambda x, y: x if (x > y) == (y > 0) else y * 2, 2),
    "== True": (lambda x, y: x if (x > y) == True else y * 2, 2),  # noqa: E712
    "!=": (lambda x, y: x if (x > y) != (y > 0) else y * 2, 2),
    "<": (lambda x, y: x if (x > y) < (y > 0) else y * 2, 2),
    "a sum of bools": (lambda x, y: x * sum([x > y, x > 0, y > 1]), 2),
    "times a number": (lambda x, y: x * (2 * (x > y) + 0.5 * (y > 0) - (x > 1) ** 2), 2),
    "a text": (lambda x, y: x if f"{x > y}" + str(x > 0) + repr(y > 0) == "TrueTrueTrue" else y * 2, 2),
    "a number": (lambda x, y: mg.where(float(x > y) + math.floor(x > 0) == 2.0, x, y), 2),
    "a range": (lambda x, y: mg.sum([x for _ in range(x > y)]) + y, 2),
    "while": (lambda x, y: shrunk(x, y), 2),
    "&, if": (lambda x, y: x if (x > 0) & (y > 0) else y * 2, 2),
    "|, if": (lambda x, y: x if (x > 0) | (y > 0) else y * 2, 2),
    "^, if": (lambda x, y: x if (x > 0) ^ (y > 0) else y * 2, 2),
    "~": (lambda x, y: x * ~(x > y) if (x > 0) & 3 else y * 2, 2),
    "decided, then selecting": (lambda x, y: (lambda c: mg.where(c, x, y) if c else mg.where(c, x, y * 2))(x > y), 2),
    "selecting, then decided": (lambda x, y: (lambda c: mg.where(c, x, y) + (x if c else y * 2))(x > y), 2),
    "kept in a list": (lambda x, y: mg.sum([x if c else y * 2 for c in [x > y, x > 0, y > 0]]), 2),
    "copied": (lambda x, y: x if copy.deepcopy([x > y])[0] and pickle.loads(pickle.dumps(x > 0)) else y * 2, 2),
    "an attribute of bool": (lambda x, y: x * (x > y).real + (y > 0).bit_length(), 2),
}


def asserted(condition: Any, x: Any, y: Any) -> Any:
    try:
        assert condition
    except AssertionError:
        return y * 2
    return x


def shrunk(x: Any, y: Any) -> Any:
    count = 0
    while (x > y) & (count < 3):
        x, count = x / 2 - 1, count + 1
    return x


@pytest.mark.parametrize("name", DECIDING)
def test_what_asks_for_a_bool_decides(name: str) -> None:
    function, count = DECIDING[name]
    compiled = jit(function, max_paths=1000)
    points = list(itertools.product([-1.0, -0.0, 0.0, 0.5, 1.0, 2.0, 5.0, NAN], repeat=count))
    random.Random(name).shuffle(points)
    for args in [*points, *points]:
        assert attempt(compiled, args) == attempt(lambda *args: interpreted(function, *args), args), args
    assert len(compiled.paths) > 1


def attempt(function: Function, args: tuple[float, ...]) -> str:
    """The result in words, or the name of the error."""
    try:
        return float(function(*args)).hex()
    except ValueError as error:
        return type(error).__name__


def test_a_comparison_that_nobody_asks_is_no_guard() -> None:
    def function(x: Any) -> Any:
        unused = [x > 0, x == 1]
        return x * len(unused)

    compiled = jit(function)
    assert [compiled(x) for x in (-1.0, 0.0, 1.0)] == [-2.0, 0.0, 2.0]
    assert [path.guards for path in compiled.paths] == [()]


def test_a_comparison_is_a_guard_once() -> None:
    def function(x: Any) -> Any:
        positive = x > 0
        return (x if positive else -x) * (2 if positive else 3) + int(positive)

    compiled = jit(function)
    assert [compiled(x) for x in (2.0, -2.0)] == [5.0, 6.0]
    assert [path.guards for path in compiled.paths] == [("x > 0",), ("not x > 0",)]


def test_guards_stand_in_the_order_in_which_they_were_asked() -> None:
    def function(x: Any, y: Any) -> Any:
        first, second = x > 0, y > 0
        return x if second and first else y

    compiled = jit(function)
    assert compiled(1.0, 2.0) == 1.0
    assert compiled.paths[0].guards == ("y > 0", "x > 0")


def test_guards_on_what_was_selected_can_be_read() -> None:
    compiled = jit(lambda x, y: x if mg.where(x > y, x, 2 * y) > 3 else y)
    assert compiled(4.0, 1.0) == 4.0
    assert compiled.paths[0].guards == ("where(y < x, x, 2 * y) > 3",)


def test_pictures_of_what_was_selected_can_be_read() -> None:
    compiled = jit(lambda x, y: mg.where(x > y, mg.sqrt(x), 2 * y))
    source = mg.draw(*compiled.graph(4.0, 1.0)).source
    assert r"where(y \< x, v1, v2)" in source.replace(r"\n", " ")


# Outside of recordings.


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
def test_outside_of_recordings_a_comparison_is_a_bool(compare: Callable[[Any, Any], Any]) -> None:
    for right in (1.0, 1, Value(2.0), Fraction(1, 3)):
        assert type(compare(Value(1.0), right)) is bool
    seen: list[type] = []
    mg.grad(lambda x: (seen.append(type(compare(x, 1.0))), x)[1])(3.0)  # type: ignore[func-returns-value]
    assert seen == [bool]
    result = mg.where(compare(Value(1.0), 2.0), Value(3.0), Value(4.0))
    assert result.op is not None
    assert result.op.name == "where"


def test_a_comparison_that_got_out_is_a_bool() -> None:
    kept: list[Any] = []

    def function(x: Any) -> Any:
        kept[:] = [x > 0, (x > 0) & (x < 5)]
        return x * 2

    compiled = jit(function)
    assert compiled(3.0) == 6.0
    for condition in kept:
        assert isinstance(condition, Condition)
        assert condition
        assert condition == True  # noqa: E712
        assert (hash(condition), repr(condition), condition + 1, condition * 2.5) == (1, "True", 2, 2.5)
        assert plain(condition * Value(3.0)) == 3.0
        assert plain(mg.where(condition, Value(1.0), 2.0)) == 1.0
    jit(function)(3.0)
    used = jit(lambda x: mg.where(kept[0], x, -x) + (x if kept[1] else 7.0))
    assert used(3.0) == 6.0
    assert used.paths[0].guards == ()
    assert compiled(-3.0) == -6.0
    assert len(compiled.paths) == 1


def test_comparisons_in_other_threads() -> None:
    def function(x: Any) -> Any:
        found: list[Any] = []
        worker = threading.Thread(target=lambda: found.extend([x > 0, x < 5]))
        worker.start()
        worker.join()
        return mg.where(found[0], mg.sqrt(x), -x) * (2 if found[1] else 3)

    compiled = jit(function)
    for x in (4.0, -4.0, 9.0):
        assert compiled(x) == interpreted(function, x)
    assert [path.guards for path in compiled.paths] == [("x < 5",), ("not x < 5",)]


def test_a_thread_that_has_nothing_to_do_with_a_recording_compares_to_bools() -> None:
    begun, ended = threading.Event(), threading.Event()
    kinds: list[type] = []

    def bystander() -> None:
        begun.wait(60)
        y = Value(1.0) * 2.0
        kinds.extend([type(y > 0), type(Value(2.0) == y)])
        ended.set()

    worker = threading.Thread(target=bystander)
    worker.start()

    def function(x: Any) -> Any:
        begun.set()
        ended.wait(60)
        return x * 2

    assert jit(function)(1.0) == 2.0
    worker.join()
    assert kinds == [bool, bool]


def test_a_compiled_function_inside_another_takes_comparisons() -> None:
    inner = jit(lambda c, x: c * x)
    outer = jit(lambda x: inner(x > 0, x) + x)
    assert [outer(x) for x in (2.0, -2.0)] == [4.0, -2.0]
    assert len(outer.paths) == 1


@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_what_selects_does_not_split_a_batch(name: str) -> None:
    numpy = pytest.importorskip("numpy")
    function, count = SELECTING[name]
    batch = mg.vmap(mg.value_and_grad(function, tuple(range(count))), exact=True)
    points = list(itertools.product(BESIDE_ZERO, repeat=count))
    found, slopes = batch(*numpy.array(points).T)
    for place, point in enumerate(points):
        value, gradient = mg.value_and_grad(function, tuple(range(count)))(*point)
        assert equal([found[place], *(slope[place] for slope in slopes)], [value, *gradient]), point
    assert [path.guards for path in batch.paths] == [()]


# Random programs.


def program(draw: Any) -> Function:
    """A random piecewise function of two numbers."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["where", "if", "minimum", "maximum", "clip", "abs", "mask", "mul", "sqrt", "div", "and"]
                ),
                st.integers(0, 9),
                st.integers(0, 9),
                st.sampled_from([operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]),
                st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
            ),
            min_size=1,
            max_size=8,
        )
    )

    def function(p: Any) -> Any:
        known = list(p)
        for kind, left, right, compare, number in steps:
            a, b = known[left % len(known)], known[right % len(known)]
            known.append(STEPS[kind](a, b, compare, number))
        return mg.sum(known)

    return function


STEPS: dict[str, Callable[[Any, Any, Any, float], Any]] = {
    "where": lambda a, b, compare, number: mg.where(compare(a, b), a * number, b),
    "if": lambda a, b, compare, number: a - b if compare(a, number) else a * b,
    "minimum": lambda a, b, compare, number: mg.minimum(a, b * number),
    "maximum": lambda a, b, compare, number: mg.maximum(a * number, b),
    "clip": lambda a, b, compare, number: mg.clip(a, number, b),
    "abs": lambda a, b, compare, number: abs(a - b),
    "mask": lambda a, b, compare, number: compare(a, number) * b,
    "mul": lambda a, b, compare, number: a * b,
    "sqrt": lambda a, b, compare, number: mg.where(compare(a, number), mg.sqrt(a), b),
    "div": lambda a, b, compare, number: mg.where(compare(b, number), b, a / b),
    "and": lambda a, b, compare, number: mg.where(compare(a, number) & compare(b, a), a + b, number),
}
NUMBERS = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 3.0, INF, -INF, NAN])


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_random_piecewise_programs_have_the_same_derivatives_compiled(data: Any) -> None:
    function = program(data.draw)
    derivative = mg.value_and_grad(function)
    compiled = jit(derivative, max_paths=1000, optimize=False)
    for point in data.draw(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=6)):
        assert equal(compiled(point), derivative(point)), point
