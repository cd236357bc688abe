"""Programs full of loops: compiled in any way, they give the bits of the interpreter, and the same guards fail."""

from __future__ import annotations

import inspect
import math
import pickle
import random
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.compiler import path
from microgrady.compiler.path import CompiledPath
from microgrady.compiler.programs import loops
from microgrady.compiler.programs.levels import in_levels
from microgrady.compiler.programs.looped import Compute, Loop, LoopedProgram
from microgrady.compiler.programs.loops import _written, best_loops, with_loops
from microgrady.compiler.programs.program import Guard, Program
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.programs.repeats import LEAST, Repeated, Steps, Straight, find_repeats
from tests import processes
from tests.compiled import INF, NAN
from tests.fuzz.floats import same_bits
from tests.fuzz.loops import Function, LoopSource, points_of, require_same
from tests.fuzz.shapes import ShapedSource
from tests.plain import plain

COUNT = 24
REGULAR = [0.25 * k - 2.0 for k in range(COUNT)]
NUMBERS = [math.sin(3.0 * k) for k in range(COUNT)]
FLAGS = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0] * 4
WHOLE = [2.0] * COUNT
AWKWARD = [NAN if k == 5 else INF if k == 11 else -0.0 if k == 17 else k - 7.5 for k in range(COUNT)]
ORDER = [(7 * k + 3) % COUNT for k in range(COUNT)]  # which does not move by a fixed step
WEIGHTS = [[math.cos(k * j + 1.0) for k in range(8)] for j in range(12)]

sources = st.randoms(use_true_random=False)


def plain_loop(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for k in range(COUNT):
        total = total + mg.sin(x[k]) * x[k]
    return [total]


def with_neighbours(x: Sequence[Any]) -> list[Any]:
    return [sum(100 * (x[k + 1] - x[k] ** 2) ** 2 + (1 - x[k]) ** 2 for k in range(COUNT - 1))]


def nested(x: Sequence[Any]) -> list[Any]:
    layer = [mg.tanh(sum(w * x[k] for k, w in enumerate(row))) for row in WEIGHTS]
    return [sum(signal * x[8 + k] for k, signal in enumerate(layer)), layer[3]]


def triangular(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for i in range(COUNT):
        for j in range(i + 1, COUNT):
            apart = x[i] - x[j]
            total = total + 1 / (1 + apart * apart)
    return [total]


def growing(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for i in range(COUNT):
        for j in range(i):
            total = total + x[j] * REGULAR[i] * x[i]
    return [total]


def irregular_ends(x: Sequence[Any]) -> list[Any]:
    sums: list[Any] = []
    for k in range(COUNT):
        here = x[k] * x[k]
        if k > 0:
            here = here + sums[k - 1] * 0.5
        if k == COUNT - 1:
            here = mg.exp(here)
        sums.append(here)
    return [mg.sum(sums), sums[0], sums[-1]]


def carried(x: Sequence[Any]) -> list[Any]:
    a, b = x[0], x[1]
    for k in range(100):
        a, b = b, mg.tanh(a + x[k % COUNT] * b) - 0.25 * a
    return [a, b]


def data(x: Sequence[Any]) -> list[Any]:
    results = []
    for numbers in (REGULAR, NUMBERS, FLAGS, WHOLE, AWKWARD):
        total = 0.0
        for k in range(COUNT):
            total = total + numbers[k] * x[k] + mg.maximum(x[k], numbers[k])
        results.append(total)
    return results


def through_a_table(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for k in range(COUNT):
        there = mg.sin(x[ORDER[k]]) * REGULAR[ORDER[k]]
        total = total * 0.5 + there * x[k] - there * there
    return [total]


def backwards(x: Sequence[Any]) -> list[Any]:
    value = 0.0
    for k in reversed(range(COUNT)):  # Horner's scheme
        value = value * 0.5 + x[k]
    total = 0.0
    for k in range(0, COUNT, 2):
        total = total + x[k] * x[-1 - k] * value
    return [value, total]


def guarded(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for k in range(COUNT):
        total = total + x[k] * NUMBERS[k] if x[k] < 50.0 else total - mg.log(x[k])
    return [total]


def guarded_triangle(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for i in range(COUNT):
        for j in range(i):
            if abs(x[i] - x[j]) < 50.0:
                total = total + x[i] * x[j]
    return [total]


def zero_adjoints(x: Sequence[Any]) -> list[Any]:
    total = 0.0
    for k in range(COUNT):
        total = total + NUMBERS[k] * mg.sqrt(mg.maximum(x[k], 0.0)) + 0.0 * mg.log(x[k] - POINT[k])
    return [total]


SHAPES: list[Function] = [
    plain_loop,
    with_neighbours,
    nested,
    triangular,
    growing,
    irregular_ends,
    carried,
    data,
    through_a_table,
    backwards,
    guarded,
    guarded_triangle,
    zero_adjoints,
]
POINT = [math.cos(2.0 * k) for k in range(COUNT)]
# The guards of the first turn, of one in the middle and of the last fail, and of several.
CHANGED: list[dict[int, float]] = [{}, {0: 60.0}, {11: 60.0}, {COUNT - 1: 60.0}, {5: NAN, 20: 60.0}, {3: 0.0, 9: -INF}]


def changed(numbers: dict[int, float]) -> list[float]:
    return [numbers.get(k, number) for k, number in enumerate(POINT)]


@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "gradient"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.__name__))
def test_loops_of_every_shape_are_found_and_give_the_same_bits(shape: Function, with_gradient: bool) -> None:
    points = list(map(changed, CHANGED))
    in_c = shutil.which("cc") is not None
    compiled = require_same(shape, inspect.getsource(shape), points, with_gradient, in_c)
    assert compiled.paths[0].loops


def law_of(examples: int, with_gradient: bool, in_c: bool) -> Callable[[], None]:
    @settings(max_examples=examples, deadline=None)
    @given(sources)
    def law(chance: random.Random) -> None:
        source = LoopSource(chance)
        require_same(source.function(), source, points_of(chance, source.count), with_gradient, in_c)

    return law


@pytest.mark.slow
@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "gradient"])
def test_compiled_loops_give_the_same_bits_and_the_same_guards(with_gradient: bool) -> None:
    law_of(6, with_gradient, in_c=False)()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "gradient"])
def test_loops_in_c_give_the_same_bits_and_the_same_guards(with_gradient: bool) -> None:
    law_of(2, with_gradient, in_c=True)()


# Programs with loops, step by step in plain Python.


def recorded(function: Function, point: list[float]) -> Program:
    return Recording(function, "a test", point).program


def evaluates_alike(looped: LoopedProgram | None, point: list[float]) -> bool:
    assert looped is not None
    found, expected = looped.evaluate(point), looped.program.evaluate(point)
    return found == expected if isinstance(expected, Guard) else isinstance(found, list) and same(found, expected)


def same(found: Sequence[float], expected: Sequence[float]) -> bool:
    return len(found) == len(expected) and all(map(same_bits, found, expected))


def with_gradient(function: Function) -> Function:
    """Return the function of the sum of what a function gives, and the gradient of it."""

    def measured(x: Sequence[Any]) -> list[Any]:
        value, gradient = mg.value_and_grad(lambda x: mg.sum(function(x)) + x[0])(x)
        return [value, *gradient]

    return measured


@settings(max_examples=30, deadline=None)
@given(sources, st.booleans())
def test_loops_that_people_write_evaluate_alike_in_any_order(chance: random.Random, derived: bool) -> None:
    source = ShapedSource(chance)
    points = points_of(chance, source.count)
    function = with_gradient(source.function()) if derived else source.function()
    recording = Recording(function, "a test", points[0])
    programs = [recording.program, recording.regular_program()]
    for program in [*programs, *map(in_levels, programs)] if programs[0].ops else programs:
        looped = with_loops(program)
        for point in points:
            assert looped is None or evaluates_alike(looped, point), str(source)


def test_a_register_is_not_taken_for_the_constant_that_equals_its_number() -> None:
    ones = [1.0] * COUNT
    recording = Recording(lambda x: [ones[k] * mg.cos(mg.exp(mg.sin(x[k]))) for k in range(COUNT)], "a test", POINT)
    assert evaluates_alike(with_loops(recording.regular_program()), POINT)
    recording = Recording(lambda x: [ones[k] * mg.cos(mg.sin(x[k])) + x[0] for k in range(COUNT)], "a test", POINT)
    assert evaluates_alike(with_loops(recording.regular_program()), POINT)


def test_a_number_that_the_first_turn_makes_itself_is_not_carried_into_the_loop() -> None:
    program = Program(COUNT)
    sines: list[int] = []
    for k in range(COUNT):
        sines.append(program.append(mg.sin, (k,)))
        program.outputs.append(program.append(mg.exp, (sines[max(0, k - 1)],)))
    steps = numpy.arange(2 * COUNT)
    loop = Repeated(numpy.array([COUNT]), [Straight(steps[::2]), Straight(steps[1::2])])
    assert evaluates_alike(_written(Steps(program), [loop]), POINT)


# What is kept.


def test_rosenbrock_of_a_thousand_numbers_is_two_loops_of_few_operations() -> None:
    def rosenbrock(x: Sequence[Any]) -> Any:
        return sum(100 * (x[k + 1] - x[k] ** 2) ** 2 + (1 - x[k]) ** 2 for k in range(999))

    compiled = mg.jit(mg.value_and_grad(rosenbrock))
    value, gradient = compiled([0.5 + 0.001 * k for k in range(1000)])
    path = compiled.paths[0]
    assert path.operations > 15_000
    assert path.operations_kept < 60
    assert path.loops == 2
    assert f"2 loops, {path.operations_kept:,} operations kept of {path.operations:,}, compiled in" in repr(path)
    assert (value, gradient) == mg.value_and_grad(rosenbrock)([0.5 + 0.001 * k for k in range(1000)])


def test_a_product_in_a_layer_in_a_network_over_points_is_loops_in_loops() -> None:
    points = [[math.sin(k + j) for j in range(3)] for k in range(30)]

    def loss(w: Sequence[Any]) -> list[Any]:
        total = 0.0
        for point in points:
            hidden = [mg.tanh(sum(w[3 * i + j] * point[j] for j in range(3))) for i in range(16)]
            total = total + sum(w[48 + i] * hidden[i] for i in range(16)) ** 2
        return [total]

    weights = [math.cos(k) for k in range(64)]
    looped = with_loops(recorded(loss, weights))
    assert evaluates_alike(looped, weights)
    assert looped is not None
    loops = [step for step in looped.steps() if isinstance(step, Loop)]
    assert max(loop.depth for loop in loops) > 0
    assert sum(isinstance(step, Compute) for step in looped.steps()) < len(looped.program.ops) / 10


@pytest.mark.parametrize("shape", [triangular, growing], ids=lambda shape: str(shape.__name__))
def test_the_memory_of_a_triangle_is_near_what_is_used(shape: Function) -> None:
    point = [0.1 * k for k in range(COUNT)]
    looped = with_loops(recorded(with_gradient(shape), point))
    assert evaluates_alike(looped, point)
    assert looped is not None
    assert looped.size < 2 * len(looped.program.ops)


def test_the_memory_of_ragged_rows_is_near_what_is_used() -> None:
    counts = [1 + (5 * k) % 7 if k % 9 else 60 for k in range(80)]

    def ragged(x: Sequence[Any]) -> list[Any]:
        return [mg.sum([mg.sin(x[(i + j) % COUNT]) * x[j % COUNT] for j in range(counts[i])]) for i in range(80)]

    point = [0.1 * k for k in range(COUNT)]
    looped = best_loops(recorded(with_gradient(ragged), point), lambda: recorded(with_gradient(ragged), point))
    assert looped is None or looped.size < 5 * len(looped.program.ops)
    assert looped is None or evaluates_alike(looped, point)


def test_without_optimizing_nothing_is_searched_and_code_is_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("loops were searched")

    monkeypatch.setattr(path, "best_loops", fail)
    monkeypatch.setattr(path, "with_loops", fail)
    compiled = mg.jit(carried, optimize=False)
    assert compiled(POINT) == list(map(plain, carried([Value(x) for x in POINT])))
    assert compiled.paths[0].loops == 0
    assert compiled.paths[0].operations_kept == compiled.paths[0].operations
    with pytest.raises(AssertionError, match="searched"):
        mg.jit(carried)(POINT)


def test_a_program_without_repetition_is_left_straight() -> None:
    chance = random.Random(0)
    functions: list[Any] = [mg.sin, mg.tanh, mg.exp, mg.relu, abs]

    def irregular(x: Sequence[Any]) -> list[Any]:
        numbers = list(x)
        for _ in range(2000):
            one, other = chance.choice(numbers), chance.choice(numbers)
            numbers.append(chance.choice(functions)(one * chance.random()) - other)
        return numbers[-3:]

    recording = Recording(irregular, "a test", POINT)
    assert best_loops(recording.program, recording.regular_program) is None


def test_many_short_loops_are_left_straight_and_a_few_long_ones_are_not() -> None:
    def layers(x: Sequence[Any]) -> list[Any]:
        signals = [mg.sin(x[k]) for k in range(16)]
        for layer in range(2):
            rows = [[x[(k * j + layer) % COUNT] for j in range(16)] for k in range(16)]
            signals = [mg.tanh(sum(w * signal for w, signal in zip(row, signals, strict=True))) for row in rows]
        return signals

    recording = Recording(with_gradient(layers), "a test", POINT)
    assert best_loops(recording.program, recording.regular_program) is None
    recording = Recording(with_gradient(with_neighbours), "a test", POINT)
    assert best_loops(recording.program, recording.regular_program) is not None


def test_a_program_shorter_than_the_least_is_not_searched() -> None:
    def short(x: Sequence[Any]) -> list[Any]:
        return [mg.sin(x[k]) for k in range(COUNT)]

    program = recorded(short, POINT)
    assert len(program.ops) < LEAST
    assert find_repeats(program) is None
    assert find_repeats(recorded(lambda x: [mg.sin(mg.cos(mg.exp(x[k]))) for k in range(COUNT)], POINT)) is not None


def test_a_hundred_thousand_outputs_in_any_order_are_few_steps() -> None:
    count = 100_000
    point = [1e-3 * k for k in range(1000)]
    looped = with_loops(recorded(lambda x: [x[k % 1000] * (0.5 * k) for k in range(count)][::-1], point))
    assert evaluates_alike(looped, point)
    assert looped is not None
    assert sum(1 for _ in looped.steps()) < 100


# What is seen, and what travels.


def test_what_is_shown_of_a_path_with_loops_is_that_of_its_program() -> None:
    compiled, straight = mg.jit(guarded), mg.jit(guarded, optimize=False)
    assert compiled(POINT) == straight(POINT)
    path, other = compiled.paths[0], straight.paths[0]
    assert path.loops
    assert path.guards == other.guards
    assert path.operations == other.operations > path.operations_kept
    assert mg.draw(*compiled.graph(POINT)).source == mg.draw(*straight.graph(POINT)).source
    assert [value.data for value in compiled.graph(POINT)] == compiled(POINT)


def test_leaves_from_outside_get_their_gradients_from_loops() -> None:
    leaves = [Value(math.sin(k)) for k in range(100)]

    def loss() -> Any:
        return sum((100 * (leaves[k + 1] - leaves[k] ** 2) ** 2 for k in range(99)), start=leaves[0] * 0.0)

    compiled = mg.jit(loss)
    compiled.backward()
    assert compiled.paths[0].loops
    found = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = 0.0
    loss().backward()
    assert same(found, [leaf.grad for leaf in leaves])


def grid(x: Sequence[Any]) -> list[Any]:
    """A grid whose cells look at those before them: its loops are those of another order."""
    rows = [[x[(12 * i + j) % COUNT] for j in range(12)] for i in range(12)]
    for _ in range(6):
        rows = [
            [mg.tanh(rows[i - 1][j] + rows[i][j - 1]) * rows[(i + 1) % 12][(j + 1) % 12] for j in range(12)]
            for i in range(12)
        ]
    return [number for row in rows for number in row]


@pytest.fixture
def _loops_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "EASY", 0)
    monkeypatch.setattr(loops, "KEPT_COST", 0.0)
    monkeypatch.setattr(loops, "LOOP_COST", 0.0)


@pytest.mark.usefixtures("_loops_wherever_they_are")
@pytest.mark.parametrize("function", [guarded, carried, grid], ids=lambda shape: str(shape.__name__))
def test_a_path_with_loops_travels_in_pickles(function: Function) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    compiled = mg.jit(function)
    expected = compiled(POINT)
    assert compiled.paths[0].loops
    for loaded in (pickle.loads(pickle.dumps(compiled.paths[0])), pickle.loads(cloudpickle.dumps(compiled.paths[0]))):
        found = loaded.run(POINT)
        assert found[0] == 0
        assert same(found[1], expected)
        assert (loaded.loops, loaded.operations_kept) == (compiled.paths[0].loops, compiled.paths[0].operations_kept)


@pytest.mark.usefixtures("_loops_wherever_they_are")
def test_a_pickled_path_that_is_kept_in_two_orders_which_disagree_is_refused() -> None:
    compiled = mg.jit(grid)
    compiled(POINT)
    path = compiled.paths[0]
    state = path.__getstate__()
    assert state["_source"] is not None, "the grid is no longer one whose loops are those of another order"
    state["_source"] = {**state["_source"], "outputs": state["_source"]["outputs"][1:]}
    with pytest.raises(ValueError, match="two orders, which do not agree"):
        CompiledPath.__new__(CompiledPath).__setstate__(state)


def test_without_numpy_loops_are_compiled_straight() -> None:
    program = "\n".join(
        [
            "import sys",
            "sys.modules['numpy'] = None",
            "import microgrady as mg",
            "def f(a, b):",
            "    for k in range(400):",
            "        a, b = b, mg.sin(a) + b * 0.25",
            "    return a * b",
            "compiled = mg.jit(mg.value_and_grad(f, argnums=(0, 1)))",
            "assert compiled(1.0, 2.0) == mg.value_and_grad(f, argnums=(0, 1))(1.0, 2.0)",
            "assert compiled.paths[0].loops == 0",
            "print('straight')",
        ]
    )
    done = processes.run([sys.executable, "-c", program])
    assert done.stdout == "straight\n", done.stderr
