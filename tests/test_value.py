"""Value: the operators, their partials, what it tells about itself, and what it refuses."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.value import primitives

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def numbers() -> list[Any]:
    """One number of each kind that an operator takes."""
    found: list[Any] = [2, 2.5, True, Fraction(5, 4)]
    try:
        import numpy as np
    except ImportError:
        return found
    return [*found, np.float64(2.5), np.float32(0.75), np.int64(3), np.uint8(3), np.bool_(True), np.float16(0.5)]


NUMBERS = numbers()
KINDS = [type(number).__name__ for number in NUMBERS]


# Operators.


@pytest.mark.parametrize("number", NUMBERS, ids=KINDS)
@pytest.mark.parametrize("symbol", ARITHMETIC)
def test_operator_takes_every_kind_of_number_on_either_side(symbol: str, number: Any) -> None:
    operate = ARITHMETIC[symbol]
    x = Value(1.75)
    for left, right in ((x, number), (number, x)):
        result = operate(left, right)
        assert type(result) is Value
        assert result.data == operate(*(1.75 if operand is x else float(operand) for operand in (left, right)))
        assert type(result.data) is float
        plain = [operand for operand in result.operands if operand is not x]
        assert plain == [float(number)]
        assert type(plain[0]) is float
        twin = Value(float(number))
        again = operate(left if left is x else twin, right if right is x else twin)
        assert result.partials == tuple(
            partial if operand is x else 0.0 for operand, partial in zip(again.operands, again.partials, strict=True)
        )


@pytest.mark.parametrize("symbol", ARITHMETIC)
def test_operator_on_two_values_records_both(symbol: str) -> None:
    a, b = Value(7.5), Value(2.0)
    result = ARITHMETIC[symbol](a, b)
    assert result.data == ARITHMETIC[symbol](7.5, 2.0)
    assert result.operands == (a, b)
    assert result.operands[0] is a
    assert result.operands[1] is b
    assert result.op is not None
    assert result.op.symbol == symbol


@pytest.mark.parametrize("number", NUMBERS, ids=KINDS)
@pytest.mark.parametrize("symbol", COMPARISONS)
def test_comparison_looks_at_the_number_and_gives_a_bool(symbol: str, number: Any) -> None:
    compare = COMPARISONS[symbol]
    for data in (float(number), float(number) - 1.0, float(number) + 1.0):
        value = Value(data)
        assert compare(value, number) is compare(data, float(number))
        assert bool(compare(number, value)) is compare(float(number), data)
        assert compare(value, Value(float(number))) is compare(data, float(number))


def test_comparison_with_a_large_int_is_exact() -> None:
    assert Value(2.0**53) != 2**53 + 1
    assert Value(2.0**53) < 2**53 + 1
    assert Value(1.0) != 10**400
    assert Value(1.0) < 10**400
    assert 10**400 > Value(1e308)  # noqa: SIM300


def test_nan_equals_nothing() -> None:
    x = Value(math.nan)
    assert x != x
    assert not x < 1.0
    assert not x >= 1.0


@pytest.mark.parametrize("other", [None, "3.0", 3j, [3.0], (3.0,), {}, object()])
def test_equality_with_something_that_is_no_number_is_false(other: object) -> None:
    assert (Value(3.0) == other) is False
    assert (other == Value(3.0)) is False
    assert Value(3.0) != other


def test_hash_is_by_identity() -> None:
    a, b = Value(1.0), Value(1.0)
    assert a == b
    assert {a: "a", b: "b"} == {a: "a", b: "b"}
    assert len({a, b}) == 2
    assert hash(a) == hash(a)


@pytest.mark.parametrize("data", [2.5, -2.5, 0.0, -0.0, 3.0, 1e300, 0.125])
def test_conversions_give_what_a_float_gives(data: float) -> None:
    value = Value(data)
    assert int(value) == int(data)
    assert bool(value) is bool(data)
    assert round(value) == round(data)
    assert type(round(value)) is int
    assert math.floor(value) == math.floor(data)
    assert math.ceil(value) == math.ceil(data)
    assert math.trunc(value) == math.trunc(data)
    for found in (int(value), round(value), math.floor(value), math.ceil(value), math.trunc(value)):
        assert type(found) is int


def test_int_of_infinity_raises_as_for_a_float() -> None:
    with pytest.raises(OverflowError):
        int(Value(math.inf))
    with pytest.raises(ValueError, match="NaN"):
        round(Value(math.nan))


def test_bool_of_nan_is_true_as_for_a_float() -> None:
    assert bool(Value(math.nan)) is True


@pytest.mark.parametrize(("a", "b"), [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (-7.5, -2.0), (6.0, 2.0), (0.0, 3.0)])
def test_divmod_and_its_parts_agree_with_float_on_either_side(a: float, b: float) -> None:
    pairs: list[tuple[Any, Any]] = [(Value(a), b), (a, Value(b)), (Value(a), Value(b))]
    for x, y in pairs:
        quotient, remainder = divmod(x, y)
        assert (quotient.data, remainder.data) == divmod(a, b)


def test_floor_division_has_derivative_zero_and_modulo_one_and_minus_the_quotient() -> None:
    a, b = Value(7.5), Value(2.0)
    assert (a // b).partials == (0.0, 0.0)
    assert (a % b).partials == (1.0, -3.0)
    assert (-a % b).partials == (1.0, 4.0)


def test_unary_operators() -> None:
    x = Value(-2.0)
    assert (-x).data == 2.0
    assert (-x).partials == (-1.0,)
    assert (+x).data == -2.0
    assert abs(x).data == 2.0
    assert abs(x).partials == (-1.0,)
    (-x + +x * 3).backward()
    assert x.grad == 2.0


def test_division_by_zero_and_overflow_do_not_raise() -> None:
    assert (1 / Value(0.0)).data == math.inf
    assert (Value(1.0) / -0.0).data == -math.inf
    assert math.isnan((Value(0.0) / 0).data)
    assert (Value(10.0) ** 400).data == math.inf
    assert math.isnan((Value(-8.0) ** (1 / 3)).data)
    assert (Value(1.0) // 0).data == math.inf
    assert math.isnan((Value(1.0) % 0).data)


def test_an_augmented_assignment_makes_a_new_value() -> None:
    x = y = Value(3.0)
    y += 1
    y *= x
    y -= 2
    y /= 2
    y **= 2
    y.backward()
    assert (x.data, y.data) == (3.0, 25.0)
    assert x.grad == 35.0  # ((x**2 + x - 2) / 2)**2


# The inline partials of the commonest operators.


FLOATS = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)


def alike(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize(("symbol", "name"), [("+", "add"), ("-", "sub"), ("*", "mul"), ("/", "div")])
@given(a=FLOATS, b=FLOATS)
@example(a=1.0, b=0.0)
@example(a=-1.0, b=-0.0)
@example(a=0.0, b=0.0)
@example(a=5e-324, b=1.5)
@example(a=1.7976931348623157e308, b=5e-324)
@example(a=1e-300, b=1e-10)
@example(a=math.inf, b=math.inf)
def test_the_partials_in_the_operators_are_those_of_the_rules(symbol: str, name: str, a: float, b: float) -> None:
    operate, entry = ARITHMETIC[symbol], primitives[name]
    value = entry.evaluate(a, b)
    by_a, by_b = (float(rule(value, a, b)) for rule in entry.rules)
    x, y = Value(a), Value(b)
    for result, expected in (
        (operate(x, y), (by_a, by_b)),
        (operate(x, b), (by_a, 0.0)),
        (operate(a, y), (0.0, by_b)),
    ):
        assert alike(result.data, value)
        assert all(map(alike, result.partials, expected))
        assert result.op is entry


@given(a=FLOATS)
def test_the_partial_of_negation_is_that_of_its_rule(a: float) -> None:
    result = -Value(a)
    assert alike(result.data, -a)
    assert result.partials == (primitives["neg"].rules[0](-a, a),)


# What a Value tells about itself.


def test_a_leaf_has_its_data_its_label_and_nothing_behind_it() -> None:
    x = Value(3, "x")
    assert (x.data, x.grad, x.label, x.op, x.operands, x.partials) == (3.0, 0.0, "x", None, (), ())
    assert type(x.data) is float
    assert Value(True).data == 1.0
    assert Value(Fraction(1, 4)).data == 0.25
    assert Value(1.0).label == ""


def test_a_result_has_its_primitive_its_operands_and_the_local_derivatives() -> None:
    x = Value(3.0)
    y = 2 * x
    assert y.op is primitives["mul"]
    assert y.operands == (2.0, x)
    assert y.partials == (0.0, 2.0)
    z = mg.exp(y)
    assert z.operands == (y,)
    assert z.partials == (z.data,)
    y.label = "twice"
    assert y.label == "twice"


def test_numbers_in_an_expression_are_operands_and_no_nodes() -> None:
    y = Value(2.0) ** 3
    assert y.operands[1] == 3.0
    assert type(y.operands[1]) is float


def test_data_of_a_leaf_can_be_assigned_and_that_of_a_result_cannot() -> None:
    x = Value(1.0)
    x.data = 5
    assert x.data == 5.0
    assert type(x.data) is float
    y = x * 2
    with pytest.raises(AttributeError, match="result of mul"):
        y.data = 3.0
    assert y.data == 10.0


@pytest.mark.parametrize("attribute", ["op", "operands", "partials", "anything"])
def test_the_record_cannot_be_assigned(attribute: str) -> None:
    with pytest.raises(AttributeError):
        setattr(Value(1.0), attribute, None)


def test_an_unknown_attribute_is_named() -> None:
    with pytest.raises(AttributeError, match="'Value' object has no attribute 'shape'"):
        Value(1.0).shape  # noqa: B018


@pytest.mark.parametrize(("picture", "name"), [("value", "data"), ("gradient", "grad")])
def test_the_words_of_the_pictures_lead_to_the_attributes(picture: str, name: str) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{picture}': its .* is {name}$"):
        getattr(Value(1.0), picture)


def test_grad_can_be_assigned() -> None:
    x = Value(1.0)
    x.grad = 3
    assert x.grad == 3.0
    assert type(x.grad) is float
    (x * x).backward()
    assert x.grad == 5.0


def test_repr_shows_data_label_gradient_and_operation() -> None:
    x = Value(2.0, "x")
    y = x * 3
    assert repr(x) == "Value(2.0, 'x')"
    assert repr(y) == "Value(6.0, op=mul)"
    y.backward()
    assert repr(x) == "Value(2.0, 'x', grad=3.0)"
    assert repr(Value(-0.0)) == "Value(-0.0)"


def test_format_is_that_of_the_number() -> None:
    x = Value(2.5)
    assert f"{x:.3f}" == "2.500"
    assert f"{x}" == "2.5"
    assert f"{x:>8}" == "     2.5"
    assert format(Value(12345.678), ",.1f") == "12,345.7"
    assert f"{x}" == str(x) == f"{x!s}" == "2.5"
    with pytest.raises(ValueError, match="format"):
        f"{x:d}"


# Bad input.


NO_NUMBERS: list[Any] = ["3", 1j, None, [1.0], (1.0,), {}, b"3", Decimal(1), object()]
NO_NUMBER_KINDS = [type(thing).__name__ for thing in NO_NUMBERS]


@pytest.mark.parametrize("thing", NO_NUMBERS, ids=NO_NUMBER_KINDS)
def test_data_that_is_no_number_is_refused_with_its_type_and_what_is_allowed(thing: Any) -> None:
    message = rf"real number, not {type(thing).__name__}"
    with pytest.raises(TypeError, match=message):
        Value(thing)
    x = Value(1.0)
    with pytest.raises(TypeError, match=message):
        x.data = thing
    with pytest.raises(TypeError, match=message):
        x.grad = thing
    with pytest.raises(TypeError, match=message):
        x.backward(thing)
    with pytest.raises(TypeError, match=message):
        (x * 2).backward(thing)
    assert (x.data, x.grad) == (1.0, 0.0)


def test_a_value_as_data_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match=r"not Value .*\.data"):
        Value(Value(1.0))


def test_an_array_where_a_number_is_due_is_refused() -> None:
    np = pytest.importorskip("numpy")
    for array in (np.array([1.0]), np.array(1.0), np.array(["a"])):
        with pytest.raises(TypeError, match="real number, not ndarray"):
            Value(array)
        with pytest.raises(TypeError, match="real number, not ndarray"):
            Value(1.0).backward(array)


def test_a_label_that_is_no_str_is_refused() -> None:
    for label in (2, None, b"x"):
        with pytest.raises(TypeError, match=f"must be a str, not {type(label).__name__}"):
            Value(1.0, label)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=f"must be a str, not {type(label).__name__}"):
            Value(1.0).label = label  # type: ignore[assignment]


@pytest.mark.parametrize("symbol", ARITHMETIC)
@pytest.mark.parametrize(
    "thing", [thing for thing in NO_NUMBERS if type(thing) is not object], ids=NO_NUMBER_KINDS[:-1]
)
def test_an_operand_that_is_no_number_is_refused_on_either_side(symbol: str, thing: Any) -> None:
    operate = ARITHMETIC[symbol]
    with pytest.raises(TypeError, match=rf"takes Values and real numbers, not {type(thing).__name__}"):
        operate(Value(1.0), thing)
    if symbol == "%" and isinstance(thing, (str, bytes)):
        return  # it is the formatting of strings
    with pytest.raises(TypeError, match=rf"takes Values and real numbers, not {type(thing).__name__}"):
        operate(thing, Value(1.0))


@pytest.mark.parametrize("symbol", ARITHMETIC)
def test_an_operand_of_a_foreign_type_is_left_to_that_type(symbol: str) -> None:
    class Foreign:
        def answer(self, other: Any) -> str:
            return "foreign"

        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = answer

    class Mute:
        pass

    assert ARITHMETIC[symbol](Value(1.0), Foreign()) == "foreign"
    with pytest.raises(TypeError, match="Mute"):
        ARITHMETIC[symbol](Value(1.0), Mute())
    with pytest.raises(TypeError, match="Mute"):
        ARITHMETIC[symbol](Mute(), Value(1.0))


@pytest.mark.parametrize("symbol", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("thing", [None, "a", 1j, [1.0]])
def test_an_order_with_something_that_is_no_number_is_refused(symbol: str, thing: Any) -> None:
    with pytest.raises(TypeError, match=type(thing).__name__):
        COMPARISONS[symbol](Value(1.0), thing)
    with pytest.raises(TypeError, match=type(thing).__name__):
        COMPARISONS[symbol](thing, Value(1.0))


def test_complex_scalars_of_numpy_are_refused() -> None:
    np = pytest.importorskip("numpy")
    for symbol in ("+", "-", "*", "/", "**"):
        with pytest.raises(TypeError, match="complex"):
            ARITHMETIC[symbol](Value(1.0), np.complex128(1j))
        with pytest.raises(TypeError, match="complex"):
            ARITHMETIC[symbol](np.complex128(1j), Value(1.0))


def test_an_int_too_large_for_a_float_is_an_overflow_error() -> None:
    x = Value(1.0)
    for calculate in ARITHMETIC.values():
        for operands in ((x, 10**400), (-(10**400), x), (10**400, Value(0.0)), (x, Fraction(10**400))):
            with pytest.raises(OverflowError, match=r"type (int|Fraction) is too large for a float"):
                calculate(*operands)
    for work in (lambda: Value(10**400), lambda: divmod(x, 10**400), lambda: mg.sin(10**400)):
        with pytest.raises(OverflowError, match="too large for a float"):
            work()
    with pytest.raises(OverflowError):
        x.data = 10**400
    with pytest.raises(OverflowError):
        x.backward(10**400)


@pytest.mark.parametrize("thing", NO_NUMBERS, ids=NO_NUMBER_KINDS)
def test_a_function_of_the_table_refuses_what_is_no_number(thing: Any) -> None:
    for name, entry in primitives.items():
        if entry.evaluate.__module__.startswith("microgrady"):
            operands = [thing] + [Value(1.0)] * (len(entry.rules) - 1)
            with pytest.raises(TypeError, match=rf"{name} takes .*real numbers.* not {type(thing).__name__}"):
                entry(*operands)


def test_a_function_of_the_table_counts_its_operands() -> None:
    for operands in ((), (1.0, 2.0)):
        with pytest.raises(TypeError, match="sin takes 1 operand"):
            mg.sin(*operands)
    with pytest.raises(TypeError, match="atan2 takes 2 operand"):
        mg.atan2(1.0)


def test_a_power_with_a_modulus_is_refused() -> None:
    with pytest.raises(TypeError):
        pow(Value(2.0), 3, 5)
