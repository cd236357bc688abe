"""Programs: their steps, what is left out of them, and that it changes no bit."""

from __future__ import annotations

import copy
import itertools
import math
import operator
import pickle
import struct
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.compiler.programs.build import Builder
from microgrady.compiler.programs.program import Check, Guard, Operation, Program
from microgrady.compiler.programs.recording import Recording
from microgrady.primitives import user_primitives
from microgrady.value import primitives
from tests.plain import plain

INF, NAN = math.inf, math.nan
POINTS = [0.0, -0.0, 1.0, -1.0, 2.0, -0.3, 5e-324, -1e-310, 1e200, -1e308, INF, -INF, NAN]


def recorded(function: Callable[..., Any], *numbers: float) -> Program:
    return Recording(lambda inputs: function(*inputs), "function", list(numbers)).program


def bits(number: float) -> bytes:
    return b"nan" if number != number else struct.pack("<d", number)


def assert_same_numbers(program: Program, function: Callable[..., Any], count: int) -> None:
    for point in itertools.product(POINTS, repeat=count):
        results = function(*map(Value, point))
        outputs = program.evaluate(point)
        assert not isinstance(outputs, Guard)
        assert [bits(x) for x in outputs] == [bits(plain(result)) for result in results], point


SIMPLER: dict[str, tuple[Callable[..., Any], int]] = {
    "x * 1": (lambda x, y: [x * 1, 1.0 * y], 0),
    "x / 1": (lambda x, y: [x / 1], 0),
    "x - 0": (lambda x, y: [x - 0], 0),
    "x + -0.0": (lambda x, y: [x + -0.0, -0.0 + y], 0),
    "-(-x)": (lambda x, y: [operator.neg(-x)], 0),
    "x ** 1": (lambda x, y: [x**1], 0),
    "x ** 0": (lambda x, y: [x**0, y**-0.0], 0),
    "x ** 2": (lambda x, y: [x**2], 1),
    "x * -1": (lambda x, y: [x * -1, -1 * x], 1),
    "x + -y": (lambda x, y: [x + -y, x - y], 1),
    "-x + y": (lambda x, y: [-x + y, y - x], 1),
    "x - -y": (lambda x, y: [x - -y, x + y], 1),
    "-x * -y": (lambda x, y: [-x * -y, x * y], 1),
    "the same twice": (lambda x, y: [mg.sin(x * y), mg.sin(y * x), x + y, y + x], 3),
    "where": (lambda x, y: [mg.where(True, x, y), mg.where(0, x, y)], 0),
    "constants": (lambda x, y: [mg.sin(Value(2.0)) * 3 + x, mg.exp(Value(1.0)) / 3], 1),
}


@pytest.mark.parametrize("name", SIMPLER)
def test_simplification_saves_operations_and_no_bit(name: str) -> None:
    function, count = SIMPLER[name]
    program = recorded(function, 0.7, -1.3)
    assert len(program.ops) == count
    assert_same_numbers(program, function, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: [x + 0.0, 0.0 + x],
        lambda x, y: [x - x, x / x, x * 0],
        lambda x, y: [x - -0.0, 0.0 - x],
        lambda x, y: [(x + y) - y],
        lambda x, y: [(x * y) / y],
        lambda x, y: [x / 3, x * (1 / 3)],
        lambda x, y: [x - y, y - x],
        lambda x, y: [x / y, y / x],
        lambda x, y: [mg.maximum(x, y), mg.maximum(y, x)],
        lambda x, y: [1 / (1 / x)],
        lambda x, y: [x**0.5, x**-1, x**3],
        lambda x, y: [-x - y, -(x + y)],
        lambda x, y: [-x / -y],
    ],
)
def test_what_ieee_754_tells_apart_stays_apart(function: Callable[..., Any]) -> None:
    assert_same_numbers(recorded(function, 0.7, -1.3), function, 2)


def test_both_zeros_and_nan_are_constants_of_their_own() -> None:
    program = recorded(lambda x: [x * 0.0, x * -0.0, x * NAN, x + NAN], 1.0)
    assert sorted(map(str, program.constants)) == ["-0.0", "0.0", "nan"]


def test_what_nothing_needs_is_left_out() -> None:
    def function(x: Any) -> Any:
        mg.exp(x) * 3  # is computed in vain
        return x * 2 if mg.sin(x) > 0 else x

    program = recorded(function, 1.0)
    assert [op.name for op in program.ops] == ["sin", "mul"]
    assert [position for position, _ in program.guards] == [1]
    assert program.recorded == 2


def test_guards_stand_before_what_comes_after_them() -> None:
    def function(x: Any) -> Any:
        y = mg.sqrt(x)
        if x < 0:
            return x
        z = mg.log(y)
        return y if z > 0 else z

    program = recorded(function, 4.0)
    assert [op.name for op in program.ops] == ["sqrt", "log"]
    assert [(position, guard.symbol, guard.outcome) for position, guard in program.guards] == [
        (0, "<", False),
        (2, ">", True),
    ]


def test_steps_are_operations_and_the_guards_between_them() -> None:
    def function(x: Any) -> Any:
        y = mg.sqrt(x)
        if x < 0:
            return x
        z = mg.atan2(2.0, y)
        return y if z > 1 else z

    program = recorded(function, 4.0)
    root, angle = Operation(1, primitives["sqrt"], (0,)), Operation(2, primitives["atan2"], (-2, 1))
    first, second = (Check(number, guard) for number, (_, guard) in enumerate(program.guards, 1))
    assert list(program.steps()) == [first, root, angle, second]
    # In pieces: each step once, what comes last with the last operation.
    assert [list(program.steps(*piece)) for piece in ((0, 1), (1, 2))] == [[first, root], [angle, second]]
    assert list(program.steps(0, 0)) == list(program.steps(1, 1)) == []
    assert list(recorded(lambda x: x if x > 0 else 1.0, 2.0).steps()) == [Check(1, Guard(">", 0, -1, True))]
    assert [program.operands(index) for index in range(2)] == [(0,), (-2, 1)]
    assert (program.constant(-2), program.look_up((0, -2, 2), "xyz")) == (2.0, ["x", 2.0, "z"])


def test_what_is_read_is_what_the_operands_of_the_steps_are() -> None:
    def function(x: Any, y: Any) -> Any:
        while x < 9:
            x = x * 2 + mg.sin(y)
        return x if y > x else [x, 3.0]

    program = recorded(function, 1.5, 0.5)
    count = len(program.ops)
    for start, stop in itertools.combinations_with_replacement(range(count + 1), 2):
        operands = {place for step in program.steps(start, stop) for place in step.operands}
        assert set(program.reads(start, stop)) == operands
    pieces = [step for start in range(0, count, 3) for step in program.steps(start, min(start + 3, count))]
    assert pieces == list(program.steps())


def test_a_copy_is_changed_alone() -> None:
    program = recorded(lambda x: mg.sin(x) * 2 if x > 0 else x, 1.0)
    twin = program.copy()
    assert twin.__getstate__().keys() == program.__getstate__().keys()
    twin.put(0, primitives["cos"], (0,))
    twin.constants.append(5.0)
    assert (program.evaluate([0.0]), program.evaluate([1.0])) == (program.guards[0][1], [2 * math.sin(1.0)])
    assert twin.evaluate([1.0]) == [2 * math.cos(1.0)]
    assert len(program.constants) == len(twin.constants) - 1


def test_a_guard_is_asked_once_and_one_on_constants_not_at_all() -> None:
    def function(x: Any) -> Any:
        for _ in range(5):
            if x * 2 > 1 and Value(3.0) > 2:
                x = x * 1
        return x

    assert len(recorded(function, 4.0).guards) == 1


def test_evaluate_gives_the_first_guard_that_does_not_hold() -> None:
    program = recorded(lambda x, y: x if x > 0 and y != 2 else y, 1.0, 1.0)
    first, second = (guard for _, guard in program.guards)
    assert program.evaluate([1.0, 5.0]) == [1.0]
    assert program.evaluate([-1.0, 2.0]) is first
    assert program.evaluate([NAN, 2.0]) is first
    assert program.evaluate([1.0, 2.0]) is second
    assert program.evaluate([1.0, NAN]) == [1.0]


def test_the_gate_of_a_zero_adjoint_is_kept_where_it_can_matter() -> None:
    masked_product = primitives["masked_product"]

    def function(x: Any, y: Any) -> Any:
        return [masked_product(x, y), masked_product(x, INF), masked_product(x, NAN)]

    program = recorded(function, 1.0, 2.0)
    assert [op.name for op in program.ops] == ["masked_product"] * 3
    assert_same_numbers(program, function, 2)
    simpler = recorded(lambda x: [masked_product(Value(mask), x) for mask in (0.0, 2.0, NAN)], 1.0)
    assert [op.name for op in simpler.ops] == ["mul", "mul"]
    for x in POINTS:
        outputs = simpler.evaluate([x])
        assert not isinstance(outputs, Guard)
        assert outputs[0] == 0.0


def test_a_mask_that_is_zero_gives_zero_without_a_sign_whatever_it_meets() -> None:
    masked_product = primitives["masked_product"]

    def function(x: Any) -> Any:
        return [masked_product(x, factor) for factor in (3.0, -3.0, 1.0, 0.5, -0.5, 5e-324)]

    assert_same_numbers(recorded(function, 1.0), function, 1)
    for x in (0.0, -0.0):
        outputs = recorded(function, 1.0).evaluate([x])
        assert not isinstance(outputs, Guard)
        assert list(map(str, outputs)) == ["0.0"] * 6


def test_gradients_cost_no_more_operations_than_by_hand() -> None:
    slope = recorded(mg.grad(lambda x: x**2 * 3 + x), 2.0)
    assert len(slope.ops) <= 3
    assert slope.evaluate([5.0]) == [31.0]
    constant = recorded(mg.grad(lambda x: 4 * x + 1), 2.0)
    assert (constant.ops, constant.evaluate([7.0])) == ([], [4.0])


def test_programs_of_any_depth() -> None:
    def function(x: Any) -> Any:
        for _ in range(100_000):
            x = x * 0.5 + 1
        return x

    program = recorded(function, 1.0)
    assert program.recorded == len(program.ops) == 200_000
    assert program.evaluate([3.0]) == [2.0]


def test_programs_pickle_and_need_the_primitives_they_use() -> None:
    mg.primitive("program_local", lambda x: x + 2.0, lambda y, x: 1.0)
    program = recorded(lambda x: [x.program_local() * mg.sin(x), 0.5] if x > 0 else x, 1.0)
    for copied in (pickle.loads(pickle.dumps(program)), copy.deepcopy(program)):
        assert copied.evaluate([2.0]) == program.evaluate([2.0])
        assert copied.evaluate([-2.0]) == program.evaluate([-2.0])
        assert copied.ops == program.ops
    contents = pickle.dumps(program)
    entry = user_primitives.pop("program_local")
    try:
        with pytest.raises(LookupError, match="no primitive is called 'program_local' here"):
            pickle.loads(contents)
    finally:
        user_primitives["program_local"] = entry


def test_a_builder_knows_places_of_what_it_has() -> None:
    x = Value(3.0)
    builder = Builder(Program(1), [x])
    assert (builder.constant(2.0), builder.constant(-2.0), builder.constant(2.0)) == (-1, -2, -1)
    double = x * 2
    assert (builder.place(double), builder.place(x), builder.place(-2.0)) == (1, 0, -2)
    builder.guard("<", 1, -1, False)
    program = builder.finish([1, -2, 0])
    assert program.evaluate([4.0]) == [8.0, -2.0, 4.0]
    assert program.evaluate([0.5]) == Guard("<", 1, -1, False)


@pytest.mark.parametrize("symbol", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_evaluate_knows_every_comparison(symbol: str) -> None:
    compare = getattr(operator, symbol)
    for first in itertools.product(POINTS, repeat=2):
        program = recorded(lambda x, y: 1.0 if compare(x, y) else 2.0, *first)
        for point in itertools.product((-1.0, 0.0, NAN), repeat=2):
            followed = compare(*point) == compare(*first)
            assert isinstance(program.evaluate(point), Guard) is not followed
