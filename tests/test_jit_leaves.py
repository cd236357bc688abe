"""jit and Values from outside: what may not leave a recording, leaves that live on, backward."""

from __future__ import annotations

import copy
import functools
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.jit import jit
from microgrady.tracing import recorders
from tests.compiled import NAN, Function, close, same_bits
from tests.plain import plain
from tests.threads import join, start

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

    threads = start(lambda: found.append(jit(function)(3.0)))
    assert inside.wait(30)
    y = Value(2.0)
    found += [(y * y).data, int(y), y.data, 1.0 if y > 1 else 0.0]
    (y * y).backward()
    told.set()
    join(threads)
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
