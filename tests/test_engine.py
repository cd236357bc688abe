"""The engine in both its kinds, compiled and plain: which runs, that they agree, depth, interruption, threads."""

from __future__ import annotations

import copy
import gc
import importlib
import math
import pickle
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, value
from microgrady.freshness import MODULES
from microgrady.value import primitives
from tests.benchmarks.eager import plain_python
from tests.threads import run_in_threads, run_on_a_small_stack
from tests.tracers import Interruption, interrupted

COMPILED = mg.engine_kind() == "compiled"
FLOATS = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)


def alike(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


# Which engine runs.


def test_engine_kind_says_what_was_imported() -> None:
    assert mg.engine_kind() == ("python" if str(value.__file__).endswith(".py") else "compiled")


def test_the_engine_is_as_new_as_its_source() -> None:
    for name in MODULES:
        found = Path(str(importlib.import_module(f"microgrady.{name}").__file__))
        assert (found.suffix == ".py") is not COMPILED
        source = found.with_name(found.name.partition(".")[0] + ".py")
        # Files of one installation may be seconds apart.
        assert found.stat().st_mtime > source.stat().st_mtime - 60, f"{source.name} was changed: install it again"


def test_a_node_of_the_compiled_engine_is_small_and_unknown_to_the_garbage_collector() -> None:
    node = Value(2.0) * 3.0
    assert gc.is_tracked(node) is not COMPILED
    assert sys.getsizeof(node) <= (96 if COMPILED else 120)


def test_primitives_which_their_rules_may_refer_to_are_known_to_the_garbage_collector() -> None:
    assert gc.is_tracked(mg.sin)


def test_sources_without_a_compiler_are_a_complete_package() -> None:
    package = plain_python()
    assert package.engine_kind() == "python"
    assert set(package.__all__) == set(mg.__all__)
    assert sys.modules["microgrady"] is mg


# Plain and compiled give the same bits.


PLAIN = plain_python()
AWKWARD = [0.0, -0.0, 1.0, -1.0, 2.0, 3.0, 0.5, 1e-300, 5e-324, 1e300, 1.7e308, 709.8, -745.2, math.inf, -math.inf]


def results_of(package: Any, a: float, b: float) -> list[str]:
    """Everything that two numbers can be made into, as text, which keeps signs of zeros and tells nan."""
    x, y = package.Value(a), package.Value(b)
    results = [x + y, x - y, x * y, x / y, x // y, x % y, x**y, -x, abs(x), x**2, y**3, x**2.0, x**0.5]
    results += [x + b, a + y, x - b, a - y, x * b, a * y, x / b, a / y, x // b, a % y, a**y, 2 * x, 1 - x, 1 / x, x / 2]
    for name in PLAIN.value.primitives:
        entry = package.value.primitives[name]
        if "gamma" not in name:
            results.append(entry(x) if len(entry.rules) == 1 else entry(x, y))
    described = [repr((result.op.name, result.data, result.operands, result.partials)) for result in results]
    for result in results:
        x.grad = y.grad = 0.0
        result.backward(1.5)
        described.append(repr((x.grad, y.grad, result.grad)))
    return described


def test_plain_and_present_engine_agree_at_awkward_numbers() -> None:
    for a in AWKWARD:
        for b in AWKWARD:
            assert results_of(PLAIN, a, b) == results_of(mg, a, b)


@given(a=FLOATS, b=FLOATS)
def test_plain_and_present_engine_agree(a: float, b: float) -> None:
    assert results_of(PLAIN, a, b) == results_of(mg, a, b)


def test_plain_and_present_engine_agree_on_a_program() -> None:
    def run(package: Any) -> list[float]:
        generator = random.Random(5)
        leaves = [package.Value(generator.gauss(0.0, 1.0)) for _ in range(20)]
        nodes = list(leaves)
        for _ in range(3000):
            a, b = generator.choice(nodes[-40:]), generator.choice(nodes[-40:] + leaves)
            step = generator.randrange(6)
            nodes.append(
                (a + b, a * b * 0.5, package.tanh(a - b), package.sin(a), 1 / (a * a + 1), package.relu(a) - b)[step]
            )
        package.tanh(package.mean(nodes)).backward()
        return [node.grad for node in nodes]

    assert run(PLAIN) == run(mg)


# What stands in the engine for speed is what the rules say.


@given(x=FLOATS)
@example(x=0.0)
@example(x=-0.0)
@example(x=709.9)
@example(x=1e-320)
def test_the_slope_of_a_unary_operation_is_its_rule(x: float) -> None:
    for entry in primitives.values():
        if len(entry.rules) == 1 and entry.slope is not entry.rules[0]:
            y = entry.evaluate(x)
            assert alike(float(entry.slope(y, x)), float(entry.rules[0](y, x))), entry


def test_the_commonest_functions_have_a_slope_of_their_own() -> None:
    for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu"):
        assert primitives[name].slope is not primitives[name].rules[0]


@given(a=FLOATS)
@example(a=1e-91)
@example(a=1e91)
@example(a=1.1)
def test_a_square_is_the_power_that_it_stands_for(a: float) -> None:
    entry = primitives["pow"]
    for square in (Value(a) ** 2, Value(a) ** 2.0):
        y = entry.evaluate(a, 2.0)
        assert alike(square.data, y)
        assert alike(square.partials[0], float(entry.rules[0](y, a, 2.0)))
        assert square.operands[1] == 2.0
        assert type(square.operands[1]) is float


# Depth.

STEPS: dict[str, Callable[[Value, Value], Value]] = {
    "left": lambda x, y: y + 1.0,
    "right": lambda x, y: 1.0 - y,
    "leaf": lambda x, y: y + x,
    "both": lambda x, y: y * 0.5 + y * 0.5,
    "unary": lambda x, y: mg.sin(y),
}


def chain(kind: str, length: int) -> tuple[Value, Value]:
    x = y = Value(1.0)
    for _ in range(length):
        y = STEPS[kind](x, y)
    return x, y


def differentiate_copy_and_free(kind: str, length: int) -> None:
    x, y = chain(kind, length)
    y.backward()
    twins = [copy.copy(y), copy.deepcopy(y), pickle.loads(pickle.dumps(y))]
    for twin in twins[1:]:
        assert (twin.data, twin.grad) == (y.data, y.grad)
    before = x.grad
    twins[0].backward()
    assert x.grad == 2 * before
    del y, twin
    twins.clear()


@pytest.mark.parametrize("kind", STEPS)
def test_a_deep_graph_is_differentiated_copied_pickled_and_freed(kind: str) -> None:
    differentiate_copy_and_free(kind, 50_000)


def test_a_deep_graph_lives_on_a_small_stack() -> None:
    def work() -> None:
        for kind in STEPS:
            differentiate_copy_and_free(kind, 10_000)

    run_on_a_small_stack(work)


def test_a_wide_graph_is_freed_in_any_order() -> None:
    x = Value(1.0)
    layer = [x * float(k) for k in range(100)]
    for _ in range(50):
        layer = [a + b for a, b in zip(layer, layer[1:] + layer[:1], strict=True)]
    random.Random(3).shuffle(layer)
    while layer:
        layer.pop()
    (x * 2).backward()
    assert x.grad == 2.0


def test_a_result_may_be_used_more_often_than_marks_were_drawn_for() -> None:
    x = Value(1.0)
    shared = x * 1.0
    total = shared
    for _ in range(70_000):
        total = total + shared
    for _ in range(2):
        x.grad = 0.0
        total.backward()
        assert (x.grad, shared.grad) == (70_001.0, 70_001.0)
    assert mg.gradients(total, x).data == 70_001.0


# Leaves.


@pytest.mark.parametrize("seed", [1.0, 0.0, -0.0, math.inf, -math.inf, math.nan])
def test_a_leaf_gets_the_seed_itself(seed: float) -> None:
    x = Value(3.0)
    x.backward(seed)
    assert alike(x.grad, seed)
    assert_clean(x)


def test_a_pass_may_run_inside_the_addition_of_another() -> None:
    """As when a signal handler differentiates."""
    x = Value(3.0)
    with value.leaf_lock:
        (x * x).backward()
    assert x.grad == 6.0


def assert_clean(*leaves: Value) -> None:
    for leaf in leaves:
        assert (leaf._left, leaf._right, leaf._primitive) == (None, None, None)
        assert copy.copy(leaf).operands == ()


def test_a_pass_leaves_nothing_behind_on_leaves() -> None:
    x, y = Value(2.0), Value(3.0)
    age = x._mark
    output = mg.exp(x * y) + x
    output.backward()
    mg.gradients(output, x)
    pickle.dumps(output)
    x.backward()
    assert_clean(x, y)
    assert x._mark == age


def test_an_interrupted_pass_leaves_nothing_behind_on_leaves() -> None:
    x, w = Value(0.5), Value(2.0)
    y = mg.exp(x * w) * x + w
    y.backward()
    expected = (x.grad, w.grad)
    for events in range(0, 200, 3):
        remaining = [events]

        def trace(frame: Any, event: str, argument: Any, remaining: list[int] = remaining) -> Any:
            # The tidying itself may be cut short; what it leaves then has a mark that nobody draws again.
            if event == "line" and frame.f_code.co_name in ("reverse_pass", "_count_uses"):
                remaining[0] -= 1
                if remaining[0] == 0:
                    raise Interruption
            return trace

        interrupted(y.backward, trace)
        x.grad = w.grad = 0.0
        y.backward()
        assert (x.grad, w.grad) == expected
        assert_clean(x, w)


# Threads.


@pytest.mark.usefixtures("frequent_switches")
def test_threads_that_share_leaves_lose_no_addition_and_leave_no_marks() -> None:
    leaves = [Value(k / 8.0) for k in range(1, 9)]
    age = [leaf._mark for leaf in leaves]
    rounds, count = 40, 6

    def work(index: int) -> None:
        for _ in range(rounds):
            total = leaves[0] * 0.0
            for leaf in leaves:
                total = total + leaf * leaf + mg.relu(leaf) * float(index)
            total.backward()
            alone = mg.grad(lambda p: sum(a * b for a, b in zip(p, leaves, strict=True)))([1.0] * len(leaves))
            assert [slope.data for slope in alone] == [leaf.data for leaf in leaves]

    run_in_threads(work, count)
    # Eighths and whole numbers: every sum is exact, in any order.
    for leaf in leaves:
        assert leaf.grad == rounds * sum(2 * leaf.data + index for index in range(count))
    assert_clean(*leaves)
    assert [leaf._mark for leaf in leaves] == age
