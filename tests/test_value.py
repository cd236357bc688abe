"""Value: the operators, the record, the backward pass, what it refuses, and how it lives with NumPy and threads."""

from __future__ import annotations

import gc
import itertools
import linecache
import math
import operator
import signal
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.tracing import run_here
from microgrady.value import primitives
from tests.threads import run_in_threads, run_on_a_small_stack

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


# Backward.


def test_the_expression_of_the_readme_of_micrograd() -> None:
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + mg.relu(b + a)
    d += 3 * d + mg.relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert f"{g.data:.4f}" == "24.7041"
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_gradients_of_leaves_add_up_and_those_of_results_are_of_the_last_call() -> None:
    x = Value(3.0)
    y = x * x
    z = y * 2
    z.backward()
    assert (x.grad, y.grad, z.grad) == (12.0, 2.0, 1.0)
    z.backward()
    assert (x.grad, y.grad, z.grad) == (24.0, 2.0, 1.0)
    y.backward()
    assert (x.grad, y.grad) == (30.0, 1.0)
    x.grad = 0
    z.backward(seed=10)
    assert (x.grad, y.grad, z.grad) == (120.0, 20.0, 10.0)


def test_two_outputs_that_share_a_result_add_up_in_the_leaves() -> None:
    x = Value(2.0)
    shared = mg.exp(x)
    a, b = shared * 2, shared * 3
    a.backward()
    b.backward()
    assert x.grad == pytest.approx(5 * shared.data, rel=1e-15)
    assert shared.grad == 3.0


def test_backward_of_a_leaf_adds_the_seed_to_it() -> None:
    x = Value(3.0)
    x.backward()
    x.backward(2.5)
    assert x.grad == 3.5


def test_a_seed_of_zero_adds_nothing_also_through_infinite_derivatives() -> None:
    x = Value(0.0)
    mg.sqrt(x).backward(0.0)
    assert x.grad == 0.0


def test_a_value_used_as_both_operands_counts_twice() -> None:
    x = Value(3.0)
    for result, slope in ((x + x, 2.0), (x - x, 0.0), (x * x, 6.0), (x / x, 0.0)):
        x.grad = 0.0
        result.backward()
        assert x.grad == pytest.approx(slope, abs=1e-16)


def test_a_graph_with_two_to_the_sixty_paths_is_walked_node_by_node() -> None:
    x = y = Value(1.0)
    for _ in range(60):
        y = y + y
    y.backward()
    assert (y.data, x.grad) == (2.0**60, 2.0**60)
    assert mg.gradients(y, x).data == 2.0**60


def test_a_result_is_visited_after_all_that_use_it_whatever_the_order_of_the_operands() -> None:
    for shapes in itertools.product([0, 1], repeat=4):
        x = Value(2.0)
        first = x * 3
        second = first * 5
        third = first + second if shapes[0] else second + first
        fourth = third * first if shapes[1] else first * third
        fifth = fourth + second if shapes[2] else second + fourth
        output = fifth - x if shapes[3] else x - fifth
        output.backward()
        sign = 1.0 if shapes[3] else -1.0
        assert x.grad == sign * (6 * 3 * 3 * 2 * 2.0 + 15.0 - 1.0)
        assert mg.gradients(output, x).data == x.grad


STEPS: dict[str, Callable[[Value, Value], Value]] = {
    "left": lambda x, y: y + 1.0,
    "right": lambda x, y: 1.0 + y,
    "leaf": lambda x, y: y + x,
    "both": lambda x, y: y * 0.5 + y * 0.5,
}


def chain(length: int, kind: str) -> tuple[Value, Value]:
    x = y = Value(1.0)
    step = STEPS[kind]
    for _ in range(length):
        y = step(x, y)
    return x, y


@pytest.mark.parametrize(
    ("kind", "length", "slope"),
    [("left", 1_000_000, 1.0), ("right", 1_000_000, 1.0), ("leaf", 300_000, 300_001.0), ("both", 300_000, 1.0)],
)
def test_a_long_chain_is_differentiated_and_freed(kind: str, length: int, slope: float) -> None:
    x, y = chain(length, kind)
    y.backward()
    assert x.grad == slope
    del y
    gc.collect()


def test_a_deep_chain_is_differentiated_and_freed_on_a_small_stack() -> None:
    outcome: list[float] = []

    def work() -> None:
        for kind in ("left", "right", "leaf", "both"):
            x, y = chain(10_000, kind)
            y.backward()
            slope = mg.gradients(y, x)
            outcome.append(x.grad - slope.data)
            del y, slope

    run_on_a_small_stack(work)
    assert outcome == [0.0] * 4


def test_a_graph_holds_no_cycle_and_is_freed_with_its_output() -> None:
    gc.collect()
    gc.disable()
    try:
        before = sum(type(thing) is Value for thing in gc.get_objects())
        x, y = chain(1000, "both")
        y.backward()
        del x, y
        after = sum(type(thing) is Value for thing in gc.get_objects())
    finally:
        gc.enable()
    assert after == before


# The record.


def test_backward_differentiates_the_record_also_after_a_leaf_was_changed() -> None:
    x, y = Value(2.0), Value(5.0)
    z = x * y + mg.sin(x)
    x.data, y.data = 100.0, -3.0
    z.backward()
    assert x.grad == 5.0 + math.cos(2.0)
    assert y.grad == 2.0
    assert z.data == 10.0 + math.sin(2.0)


def test_gradients_refuses_a_record_that_no_longer_holds_and_names_the_leaf() -> None:
    x, y = Value(2.0, "width"), Value(5.0)
    z = x * x * y
    x.data = 3.0
    with pytest.raises(RuntimeError, match="width"):
        mg.gradients(z, x)


def test_gradients_notices_a_changed_leaf_where_only_the_partial_tells() -> None:
    x = Value(3.0, "width")
    square = x * x
    x.data = -3.0
    with pytest.raises(RuntimeError, match="width"):
        mg.gradients(square, x)
    y = Value(1.0, "height")
    zero = 0.0 * mg.exp(y * Value(0.0))
    y.data = 2.0
    with pytest.raises(RuntimeError, match="height"):
        mg.gradients(zero, y)


def test_gradients_goes_on_when_a_leaf_was_assigned_the_same_number() -> None:
    x = Value(2.0)
    z = x * x
    x.data = 2.0
    assert mg.gradients(z, x).data == 4.0
    nothing = Value(math.nan)
    z = nothing * 2
    nothing.data = math.nan
    assert mg.gradients(z, nothing).data == 2.0


# Interruption.


class Interruption(BaseException):
    """Raised by a tracer, as Ctrl-C is by a signal."""


def at_a_context_manager(frame: Any) -> bool:
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return "with " in line


def interrupt_after(events: int) -> Callable[..., Any]:
    remaining = [events]

    def trace(frame: Any, event: str, argument: Any) -> Any:
        # An exception between the last line of a `with` and its exit, which a tracer can raise but a
        # signal cannot, would defeat any `with` of Python.
        if event == "line" and "microgrady" in frame.f_code.co_filename and not at_a_context_manager(frame):
            remaining[0] -= 1
            if remaining[0] < 0:
                raise Interruption
        return trace

    return trace


@pytest.mark.parametrize("run", ["backward", "gradients", "grad"])
def test_an_interruption_at_any_line_leaves_the_graph_usable(run: str) -> None:
    x, w = Value(0.5), Value(2.0)
    shared = mg.exp(x * w)
    y = shared * shared + mg.sin(shared) * x
    y.backward()
    expected = (x.grad, w.grad)
    completed = False
    for events in range(0, 2000, 7):
        previous = sys.gettrace()
        sys.settrace(interrupt_after(events))
        try:
            if run == "backward":
                y.backward()
            elif run == "gradients":
                mg.gradients(y, [x, w])
            else:
                mg.grad(lambda factor: factor * y)(2.0)
            completed = True
        except Interruption:
            pass
        finally:
            sys.settrace(previous)
        x.grad = w.grad = 0.0
        y.backward()
        assert (x.grad, w.grad) == expected
        assert [slope.data for slope in mg.gradients(y, [x, w])] == pytest.approx(expected, rel=1e-15)
        assert run_here() is None
        if completed:
            return
    pytest.fail("no run came to its end")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_ctrl_c_during_backward_leaves_the_graph_usable() -> None:
    x, y = chain(30_000, "both")

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for delay in (0.002, 0.02, 0.06):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                y.backward()
            except KeyboardInterrupt:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            x.grad = 0.0
            y.backward()
            assert x.grad == 1.0
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_an_exception_in_a_rule_leaves_no_half_recorded_graph() -> None:
    def refuse(y: Any, x: Any) -> Any:
        raise ArithmeticError("no derivative today")

    broken = mg.primitive("broken_for_a_test", lambda x: x, refuse)
    x = Value(1.0)
    with pytest.raises(ArithmeticError):
        broken(x)
    with pytest.raises(ArithmeticError):
        mg.grad(broken)(1.0)
    assert run_here() is None
    (x * 3).backward()
    assert x.grad == 3.0


# Threads.


@pytest.mark.usefixtures("frequent_switches")
def test_threads_that_share_leaves_add_up_exactly() -> None:
    leaves = [Value(float(k)) for k in range(5)]

    def work(index: int) -> None:
        for _ in range(60):
            y = leaves[0] * 1.0
            for leaf in leaves[1:]:
                y = y + leaf * 2.0 + y * 0.0
            y.backward()

    run_in_threads(work)
    assert [leaf.grad for leaf in leaves] == [480.0] + [960.0] * 4


@pytest.mark.usefixtures("frequent_switches")
def test_threads_each_have_their_transform() -> None:
    def work(index: int) -> None:
        for k in range(40):
            if index % 2:
                assert mg.grad(mg.grad(lambda x: x**3))(float(k)) == 6.0 * k
            else:
                assert run_here() is None
                y = Value(float(k))
                mg.exp(y * y * 0.001).backward()

    run_in_threads(work)


# NumPy.


def test_numpy_scalars_times_a_value_are_values() -> None:
    np = pytest.importorskip("numpy")
    x = Value(3.0)
    for result, data, slope in (
        (np.float64(2) * x, 6.0, 2.0),
        (np.float64(2) + x, 5.0, 1.0),
        (np.float64(2) - x, -1.0, -1.0),
        (np.float64(6) / x, 2.0, -2 / 3),
        (np.float64(2) ** x, 8.0, 8 * math.log(2)),
        (np.int64(7) // x, 2.0, 0.0),
        (np.float32(7) % x, 1.0, -2.0),
        (np.array(2.0) * x, 6.0, 2.0),
        (x * np.array(2.0), 6.0, 2.0),
    ):
        assert type(result) is Value
        assert result.data == data
        x.grad = 0.0
        result.backward()
        assert x.grad == pytest.approx(slope, abs=1e-15)
    assert type(np.float64(2) < x) is bool


def test_an_array_and_a_value_give_an_array_of_values() -> None:
    np = pytest.importorskip("numpy")
    x = Value(3.0)
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    for result in (x * array, array * x):
        assert result.dtype == object
        assert result.shape == (2, 2)
        assert [entry.data for entry in result.flat] == [3.0, 6.0, 9.0, 12.0]
    assert [entry.data for entry in (array - x).flat] == [-2.0, -1.0, 0.0, 1.0]
    assert [entry.data for entry in (x - array).flat] == [2.0, 1.0, 0.0, -1.0]
    assert [entry.data for entry in (x / np.array([1, 2])).flat] == [3.0, 1.5]
    assert [entry.data for entry in (x ** np.array([1, 2])).flat] == [3.0, 9.0]
    assert (array == x).tolist() == [[False, False], [True, False]]
    assert (x > array).tolist() == [[True, True], [False, False]]
    np.sum(x * array).backward()
    assert x.grad == 10.0


def test_matrix_products_sums_and_moments_of_arrays_of_values() -> None:
    np = pytest.importorskip("numpy")
    data = np.array([1.0, -2.0, 4.0])
    matrix = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for function, expected in (
        (np.sum, np.ones(3)),
        (np.mean, np.full(3, 1 / 3)),
        (np.prod, np.array([-8.0, 4.0, -2.0])),
        (np.var, 2 * (data - data.mean()) / 3),
        (np.std, (data - data.mean()) / 3 / data.std()),
        (lambda v: v @ v, 2 * data),
        (lambda v: np.sum(matrix @ v), matrix.sum(axis=0)),
        (lambda v: (matrix @ v) @ (matrix @ v), 2 * matrix.T @ matrix @ data),
        (lambda v: np.linalg.norm(v), data / np.linalg.norm(data)),
        (lambda v: np.dot(v, data), data),
        (lambda v: np.cumsum(v)[-1], np.ones(3)),
        (lambda v: np.einsum("i,i", v, data), data),
    ):
        values = np.array([Value(x) for x in data])
        output = function(values)
        assert output.data == pytest.approx(function(data), rel=1e-14)
        output.backward()
        assert [value.grad for value in values] == pytest.approx(expected.tolist(), rel=1e-13)


@pytest.mark.parametrize(
    ("name", "entry", "x"),
    [
        *[(name, name, 0.5) for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt")],
        *[(name, name, 0.5) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "fabs")],
        *[("arc" + name[1:], name, 0.5) for name in ("asin", "acos", "atan", "asinh", "atanh")],
        ("arccosh", "acosh", 1.5),
        ("absolute", "abs", -0.5),
        ("negative", "neg", 0.5),
    ],
)
def test_universal_functions_of_numpy_call_the_table(name: str, entry: str, x: float) -> None:
    np = pytest.importorskip("numpy")
    value = Value(x)
    (result,) = getattr(np, name)(np.array([value]))
    assert type(result) is Value
    if entry == "neg":
        assert result.data == -x
    else:
        assert result.data == pytest.approx(float(getattr(np, name)(x)), rel=1e-15)
        assert result.data == primitives["abs" if entry == "fabs" else entry](x)
    assert type(getattr(np, name)(value)) is Value


@pytest.mark.parametrize(
    ("name", "entry"), [("arctan2", "atan2"), ("hypot", "hypot"), ("power", "pow"), ("fmod", "fmod")]
)
def test_universal_functions_of_two_arrays_call_the_table(name: str, entry: str) -> None:
    np = pytest.importorskip("numpy")
    a, b = Value(1.5), Value(0.5)
    (result,) = getattr(np, name)(np.array([a]), np.array([b]))
    assert result.op is primitives[entry]
    assert result.data == primitives[entry](1.5, 0.5)
    (result,) = getattr(np, name)(np.array([a]), 2.0)
    assert result.data == primitives[entry](1.5, 2.0)


def test_in_place_operations_on_arrays_of_values_rebind_the_elements() -> None:
    np = pytest.importorskip("numpy")
    x = Value(3.0)
    array = np.array([x, x * 2])
    array *= 2
    array += x
    array -= np.array([1.0, 2.0])
    assert [entry.data for entry in array] == [8.0, 13.0]
    np.sum(array).backward()
    assert x.grad == 8.0


def test_an_array_of_floats_does_not_take_values_in_place() -> None:
    np = pytest.importorskip("numpy")
    array = np.ones(2)
    with pytest.raises(TypeError):
        array += Value(1.0)
    assert array.tolist() == [1.0, 1.0]


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


# A primitive of one's own.


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


def test_a_primitive_of_ones_own_takes_no_name_of_a_built_in_one() -> None:
    for name in ("sin", "add", "abs", "where"):
        with pytest.raises(ValueError, match=f"cannot be called {name}: that is built in"):
            mg.primitive(name, lambda x: x, lambda y, x: 1.0)
    assert mg.sin(0.5) == math.sin(0.5)


@pytest.mark.parametrize("name", ["arcsin", "power", "absolute", "negative", "arctan2"])
def test_a_primitive_of_ones_own_takes_no_name_by_which_numpy_calls_a_built_in_one(name: str) -> None:
    before = getattr(Value(0.5), name)
    assert callable(before)
    from microgrady.value import methods

    entry = methods[name]
    try:
        with pytest.raises(ValueError, match=name):
            mg.primitive(name, lambda x: x, lambda y, x: 1.0)
    finally:
        methods[name] = entry
        primitives.pop(name, None)


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
    assert "bad_for_a_test" not in primitives
