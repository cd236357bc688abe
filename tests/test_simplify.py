"""The tables of what may stand for an operation: every row changes no bit, is found, and is found where it belongs."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.compiler.programs.lower import ROWS as LOWER_ROWS
from microgrady.compiler.programs.lower import lower
from microgrady.compiler.programs.program import Guard, Operation, Program
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.programs.rows import COMMUTATIVE, Row, Table
from microgrady.compiler.programs.simplify import ROWS
from microgrady.functions import add, div, mul, pow, sub
from tests.plain import plain

INF, NAN = math.inf, math.nan
SIZES = [0.0, 5e-324, 1e-310, 2.0**-1022, 2.0**-600, 1e-20, 0.3, 0.5, 1.0, 1 / 3, 2.0, 3.0, 1e16, 2.0**600, 2.0**1023]
LARGEST = [math.nextafter(INF, 0.0), INF]
SPECIAL = [sign * size for size in (*SIZES, *LARGEST) for sign in (1.0, -1.0)] + [NAN]

TABLES = {"simplify": ROWS, "lower": LOWER_ROWS}
EVERY_ROW = [
    pytest.param(row, id=f"{name}, row {number}") for name, rows in TABLES.items() for number, row in enumerate(rows, 1)
]
SIMPLER = [pytest.param(row, id=f"row {number}") for number, row in enumerate(ROWS, 1)]
CHEAPER = [pytest.param(row, id=f"row {number}") for number, row in enumerate(LOWER_ROWS, 1)]


def any_bits(chance: random.Random) -> float:
    """Any float at all: most are of a size that nobody thinks of."""
    (number,) = struct.unpack("<d", chance.randbytes(8))
    return number if number == number else NAN  # Python makes no signaling one, of which pow(x, 0) is nan


def parameters(row: Row) -> list[str]:
    return list(inspect.signature(row.pattern).parameters)


def points(row: Row) -> Iterator[tuple[float, ...]]:
    """Where a row is tried: at all special numbers, and at many that nobody chose."""
    count = len(parameters(row))
    chance = random.Random(13)
    chosen = [tuple(any_bits(chance) for _ in range(count)) for _ in range(2000)]
    exact = [2.0 ** chance.randint(-1074, 1023) * chance.choice((-1.0, 1.0)) for _ in range(300)]
    chosen += [(first, *(any_bits(chance) for _ in range(count - 1))) for first in exact]
    for point in (*itertools.product(SPECIAL, repeat=count), *chosen):
        if row.constant is None or row.constant(point[0]):
            yield point


def bits(number: Any) -> bytes:
    number = plain(number)
    return b"nan" if number != number else struct.pack("<d", number)


def recorded(function: Any, *numbers: float) -> Program:
    return Recording(lambda inputs: function(*inputs), "function", list(numbers)).program


@pytest.mark.parametrize("row", EVERY_ROW)
def test_a_row_changes_no_bit(row: Row) -> None:
    tried = 0
    for point in points(row):
        pattern, result = row.pattern(*map(Value, point)), row.result(*map(Value, point))
        assert bits(pattern) == bits(result), point
        tried += 1
    assert tried > 60


@pytest.mark.parametrize("row", EVERY_ROW)
def test_a_row_says_why(row: Row) -> None:
    assert len(row.why.split()) > 3
    assert parameters(row) == list(inspect.signature(row.result).parameters)


def with_inputs(row: Row, function: Callable[..., Any]) -> Callable[..., Any]:
    """One side of a row as a function of inputs, of which the first may give way to a constant."""
    if row.constant is None:
        return function
    return functools.partial(function, next(number for number in (4.0, 0.0) if row.constant(number)))


def both_programs(row: Row, change: Callable[[Value], Value] = lambda node: node) -> tuple[Program, Program]:
    """The pattern and the result of a row as programs; `change` gets the pattern's node."""
    numbers = [0.7, -1.3][: len(parameters(row)) - (row.constant is not None)]
    pattern = with_inputs(row, row.pattern)
    return (
        recorded(lambda *inputs: change(pattern(*inputs)), *numbers),
        recorded(with_inputs(row, row.result), *numbers),
    )


def outline(program: Program) -> list[Any]:
    """What a program does, with its constants as numbers."""
    names = [f"place {place}" for place in range(program.input_count + len(program.ops))]
    lines: list[Any] = []
    for step in program.steps():
        assert isinstance(step, Operation)
        operands = program.look_up(step.operands, names)
        lines.append((step.op, sorted(operands, key=str) if step.op in COMMUTATIVE else operands))
    return [*lines, program.look_up(program.outputs, names)]


@pytest.mark.parametrize("row", SIMPLER)
def test_a_program_has_the_result_where_the_pattern_was_recorded(row: Row) -> None:
    program, simpler = both_programs(row)
    assert outline(program) == outline(simpler)
    assert len(program.ops) <= program.recorded


@pytest.mark.parametrize("row", SIMPLER)
def test_sums_and_products_fit_in_both_orders(row: Row) -> None:
    def turned(node: Value) -> Any:
        assert node.op is not None
        return node.op(*node.operands[::-1]) if node.op in COMMUTATIVE else node

    program, simpler = both_programs(row, turned)
    assert outline(program) == outline(simpler)


@pytest.mark.parametrize("row", CHEAPER)
def test_the_user_sees_the_pattern_and_the_machine_the_result(row: Row) -> None:
    program, cheaper = both_programs(row)
    pattern = program.ops[:]
    found = lower(program)
    assert found.ops == cheaper.ops != pattern
    assert program.ops == pattern  # which is not changed
    assert (found.outputs, found.guards, found.input_count) == (program.outputs, program.guards, program.input_count)
    for x in SPECIAL:
        (as_written,), (as_lowered,) = values(program, x), values(found, x)
        assert bits(as_written) == bits(as_lowered), x


def values(program: Program, *point: float) -> list[float]:
    found = program.evaluate(point)
    assert not isinstance(found, Guard)
    return found


def test_a_constant_of_another_sign_or_size_does_not_fit() -> None:
    program = recorded(lambda x: [x + 0.0, x - -0.0, x * 2.0, x**3.0, x / -1.0], 0.7)
    assert [op.name for op in program.ops] == ["add", "sub", "mul", "pow", "div"]
    for k in (3.0, 0.0, -0.0, INF, NAN, 2.0**-1074, 2.0**-1024, 1.5, math.nextafter(2.0, 3.0)):
        program = recorded(lambda x, k=k: [x / k], 0.7)
        assert lower(program) is program, k


def test_guards_graphs_and_formulas_are_in_the_terms_of_the_user() -> None:
    pytest.importorskip("llvmlite")
    compiled = mg.jit(lambda x: x**2 / 8 if x / 2 > 1 and x**2 <= 100 else x)
    assert compiled(4.0) == 2.0
    (path,) = compiled.paths
    assert path.guards == ("x / 2 > 1", "x**2 <= 100")
    (node,) = compiled.graph(4.0)
    assert node.op is div
    assert [operand.op for operand in node.operands if isinstance(operand, Value)] == [pow]
    lowered = path.lowered()
    assert isinstance(lowered, Program)  # it has no loops
    assert [op.name for op in lowered.ops] == ["mul", "mul", "mul"]
    assert "fdiv" not in compiled.llvm_ir()
    assert "pow" not in compiled.llvm_ir()
    assert " / " not in compiled.to_c()
    # The guards are the same ones, in machine code and in C: the first fails at 1, the second at 20.
    assert [path.run([x])[0] for x in (1.0, 20.0, 4.0)] == [1, 2, 0]


def test_a_row_can_ask_for_one_number_twice_and_for_operations_within_operations() -> None:
    row = Row(lambda x, y: x * (y - x * x), lambda x, y: y, "an example, which is not true")
    table = Table([row])
    program = Program(2)
    square = program.append(mul, (0, 0))
    difference = program.append(sub, (1, square))
    for operands in ((0, difference), (difference, 0)):
        assert table.find(program, mul, operands) == ("y", {"x": 0, "y": 1})
    assert table.find(program, mul, (1, difference)) is None
    assert table.find(program, add, (0, difference)) is None
    assert table.ops == {mul}
