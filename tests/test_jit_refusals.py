"""What jit refuses: bad arguments, bad options, and what would go another way on Values than on floats."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

llvmlite = pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.backends.host import binding  # noqa: E402
from microgrady.compiler.jit import jit  # noqa: E402
from tests.compiled import Function  # noqa: E402


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
    assert failing._branches == {}


@pytest.mark.parametrize(
    ("show", "call"),
    [
        (lambda y, x: mg.draw(y), "mg.draw(v)"),
        (lambda y, x: mg.animate(y), "mg.animate(v)"),
        (mg.explain, "mg.explain(v, x)"),
    ],
)
def test_what_shows_numbers_is_refused_by_its_name(show: Any, call: str) -> None:
    def f(x: Value) -> Value:
        y = mg.sin(x) * x
        show(y, x)
        return y

    with pytest.raises(TypeError) as refused:
        mg.jit(f)(0.5)
    assert f", {call} would make a constant" in str(refused.value)
