"""Primitives of one's own."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import microgrady as mg
from microgrady import Primitive, Value
from microgrady.arithmetic import special
from microgrady.pickling.fingerprint import Fingerprint
from microgrady.primitives import user_primitives
from microgrady.value import methods, primitives


def test_a_primitive_of_ones_own_has_derivatives_of_every_order_and_works_on_arrays() -> None:
    np = pytest.importorskip("numpy")
    cube = mg.primitive("cube_for_a_test", lambda x: x * x * x, lambda y, x: 3.0 * x * x)
    assert cube(2.0) == 8.0
    assert type(cube(2)) is float
    x = Value(2.0)
    cube(x).backward()
    assert x.grad == 12.0
    assert mg.grad(mg.grad(mg.grad(cube)))(2.0) == 6.0
    assert cube(np.array([1.0, 2.0])).tolist() == [1.0, 8.0]


# The name of a built-in operation, which is free to be another one's: a later version may add any name.


@pytest.fixture
def sinc() -> Iterator[Primitive]:
    """A sinc without the factor pi that mg.sinc has, as another field defines it."""
    own = mg.primitive(
        "sinc",
        lambda x: math.sin(x) / x if x else 1.0,
        lambda y, x: (mg.cos(x) - y) / x if x != 0.0 else 0.0,
    )
    yield own
    del user_primitives["sinc"]


@pytest.fixture
def add() -> Iterator[Primitive]:
    """A saturated sum of the name of an operation that the compiler simplifies and has an instruction for."""
    own = mg.primitive("add", lambda a, b: min(a + b, 1.0), *[lambda y, a, b: mg.greater(1.0, y)] * 2)
    yield own
    del user_primitives["add"]


def test_an_own_primitive_of_a_built_in_name_is_itself_and_leaves_the_built_in_one_alone(sinc: Primitive) -> None:
    assert (sinc(0.5), mg.sinc(0.5)) == (math.sin(0.5) / 0.5, special.sinc(0.5))
    x = Value(0.5)
    assert (sinc(x).op, mg.sinc(x).op, x.sinc().op) == (sinc, mg.sinc, mg.sinc)
    assert primitives["sinc"] is mg.sinc
    slope = (math.cos(0.5) - math.sin(0.5) / 0.5) / 0.5
    assert mg.grad(sinc)(0.5) == slope != mg.grad(mg.sinc)(0.5)
    assert mg.check_gradient(mg.grad(sinc), 0.5)
    assert str(sinc.__doc__).startswith("sinc(x)\n")


@pytest.mark.parametrize("name", ["arcsin", "power", "absolute", "negative", "arctan2", "exp"])
def test_the_methods_of_values_stay_the_built_in_ones(name: str) -> None:
    before = methods[name]
    own = mg.primitive(name, lambda x: 7.0, lambda y, x: 0.0, aliases=("sin", "own_alias_for_a_test"))
    try:
        assert (methods[name], methods["sin"], Value(0.5).own_alias_for_a_test().op) == (before, mg.sin, own)
    finally:
        del user_primitives[name]


def test_compiled_code_has_an_own_primitive_beside_the_built_in_one_of_its_name(sinc: Primitive) -> None:
    pytest.importorskip("llvmlite", reason="LLVM comes with llvmlite, which is not installed")

    def difference(x: Any) -> Any:
        return sinc(x) - mg.sinc(x)

    compiled = mg.jit(mg.value_and_grad(difference))
    for x in (0.5, 2.0, 0.0):
        assert compiled(x) == mg.value_and_grad(difference)(x)
    own, built_in = mg.jit(sinc), mg.jit(mg.sinc)
    assert (own(0.5), built_in(0.5)) == (sinc(0.5), mg.sinc(0.5))
    with pytest.raises(NotImplementedError, match="sinc has no form in C"):
        own.to_c("sinc")
    assert "sin(" in built_in.to_c("sinc")


def test_what_is_known_of_a_built_in_operation_is_not_said_of_an_own_one_of_its_name(add: Primitive) -> None:
    pytest.importorskip("llvmlite", reason="LLVM comes with llvmlite, which is not installed")

    def function(x: Any, y: Any) -> Any:
        return add(x, -0.0) * add(-x, y) + add(x + y, add(y, x))

    compiled = mg.jit(mg.grad(function, (0, 1)))
    for point in ((0.25, 0.5), (3.0, 0.5), (-2.0, 0.25)):
        assert compiled(*point) == mg.grad(function, (0, 1))(*point)
    assert mg.grad(lambda x: mg.norm([add(x, x), x]) ** 2)(0.25) == pytest.approx(2.5)  # by dividing a product


def test_an_own_native_may_have_the_name_of_a_built_in_operation() -> None:
    pytest.importorskip("llvmlite", reason="LLVM comes with llvmlite, which is not installed")
    own = mg.primitive("sin", math.cos, lambda y, x: -mg.sin(x), native="cos")
    try:
        both = mg.jit(lambda x: own(x) + mg.sin(x))
        assert both(0.5) == math.cos(0.5) + math.sin(0.5)
        code = both.to_c("both")
        assert "cos(" in code
        assert "sin(" in code
    finally:
        del user_primitives["sin"]


def test_pickles_tell_an_own_primitive_from_the_built_in_one_of_its_name(sinc: Primitive) -> None:
    x = Value(0.5)
    output: Any = sinc(x) * mg.sinc(x)
    for twin in (pickle.loads(pickle.dumps(output)), copy.deepcopy(output)):
        assert [operand.op for operand in twin.operands] == [sinc, mg.sinc]
        assert mg.gradients(twin, twin.operands[0]).data == output.operands[1].data
    saved = pickle.dumps(sinc), pickle.dumps(mg.sinc)
    assert [pickle.loads(contents) for contents in saved] == [sinc, mg.sinc]
    entry = user_primitives.pop("sinc")
    try:
        assert pickle.loads(saved[1]) is mg.sinc
        with pytest.raises(LookupError, match="no primitive is called 'sinc' here: import the module"):
            pickle.loads(saved[0])
    finally:
        user_primitives["sinc"] = entry


def test_an_own_primitive_of_a_built_in_name_travels_with_its_parts_where_another_has_taken_its_name() -> None:
    first = mg.primitive("relu", math.fabs, mg.sign)
    second = mg.primitive("relu", math.floor, mg.sign)
    try:
        assert pickle.loads(pickle.dumps(second)) is second
        assert pickle.loads(pickle.dumps(first))(-2.5) == 2.5
        assert pickle.loads(pickle.dumps(mg.relu)) is mg.relu
    finally:
        del user_primitives["relu"]


def test_an_own_primitive_of_a_built_in_name_has_another_fingerprint(sinc: Primitive) -> None:
    assert Fingerprint(sinc).digest != Fingerprint(mg.sinc).digest


def test_pictures_show_an_own_primitive_and_the_built_in_one_of_its_name(sinc: Primitive) -> None:
    pytest.importorskip("graphviz")
    x = Value(0.5, "x")
    source = mg.draw(sinc(x) + mg.sinc(x)).source
    assert all(shown in source for shown in ("sinc(x)", f"{sinc(0.5):.4g}", f"{mg.sinc(0.5):.4g}"))
    own = mg.primitive("neg", lambda x: -2.0 * x, lambda y, x: -2.0)
    try:
        assert "neg(x)" in mg.draw(own(x) * 2.0).source
    finally:
        del user_primitives["neg"]


def test_a_primitive_of_ones_own_with_bad_parts_is_refused() -> None:
    with pytest.raises(TypeError, match="functions"):
        mg.primitive("bad_for_a_test", 3.0, lambda y, x: 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="functions"):
        mg.primitive("bad_for_a_test", abs, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 or 2 rules, not 0"):
        mg.primitive("bad_for_a_test", abs)
    with pytest.raises(ValueError, match="1 or 2 rules, not 3"):
        mg.primitive("bad_for_a_test", max, *[lambda y, *operands: 1.0] * 3)
    with pytest.raises(ValueError, match="identifier"):
        mg.primitive("two words", abs, lambda y, x: 1.0)
    assert "bad_for_a_test" not in user_primitives


def test_help_writes_operators_between_their_operands_and_own_functions_as_calls() -> None:
    twice = mg.primitive("twice", lambda a, b: a * b, lambda y, a, b: b, lambda y, a, b: a)
    documented = [str(entry.__doc__).partition("\n")[0] for entry in (primitives["add"], primitives["neg"], twice)]
    assert documented == ["add(a, b): a + b.", "neg(x): -x.", "twice(a, b)"]
    del user_primitives["twice"]
