"""Users' primitives in compiled functions: called back, named, raising."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.jit import jit
from tests.compiled import NAN, Function, close, interpreted, same_bits


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
def test_a_native_that_gives_no_number_is_named(wrong: Any) -> None:
    odd = mg.primitive("odd", lambda x: x, lambda y, x: 1.0, native=lambda backend, x: wrong)
    with pytest.raises(TypeError, match=f"the native of primitive 'odd' must give .* not {type(wrong).__name__}"):
        jit(lambda x: odd(x))(1.5)


def test_a_function_that_c_lacks_is_named() -> None:
    missing = mg.primitive("missing", lambda x: x, lambda y, x: 1.0, native="no_such_function")
    with pytest.raises(AttributeError, match="no function 'no_such_function'"):
        jit(lambda x: missing(x))(1.5)
    for native in ("two words", "größe", "", "f(x)"):
        with pytest.raises(ValueError, match="must be the name of a function in C"):
            mg.primitive("odd", lambda x: x, lambda y, x: 1.0, native=native)


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
