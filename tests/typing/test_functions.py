# pyright: strict
"""What functions of Values and numbers return."""

from __future__ import annotations

import math
from typing import assert_type

import microgrady as mg
from microgrady import Value
from microgrady.checking import Verdict


def test_operations_of_one_operand() -> None:
    assert_type(mg.sin(Value(0.5)), Value)
    assert_type(mg.sin(0.5), float)
    assert_type(mg.sqrt(4), float)
    assert_type(mg.relu(Value(0.5)).data, float)


def test_operations_of_several_operands() -> None:
    v = Value(0.5)
    assert_type(mg.atan2(v, 1.0), Value)
    assert_type(mg.atan2(1.0, v), Value)
    assert_type(mg.atan2(1.0, 2), float)
    assert_type(mg.maximum(v, v), Value)
    assert_type(mg.maximum(0.0, 1.0, v), Value)
    assert_type(mg.hypot(3.0, 4.0, 12.0), float)
    assert_type(mg.log(v, 2.0), Value)
    assert_type(mg.round(v, 2), Value)


def twice(x: Value | float) -> Value | float:
    """What takes both and gives both."""
    assert_type(mg.exp(x), Value | float)
    assert_type(mg.pow(x, 2.0), Value | float)
    return 2.0 * x


def test_what_may_be_both_stays_so() -> None:
    assert_type(twice(1.0), Value | float)


def test_operators_with_numbers_on_either_side() -> None:
    v, n = Value(2.0), 3
    for result in (v + 1.0, 1.0 + v, v - n, n - v, v * v, 2.0 * v, v / 2.0, 2.0 / v, v**2, 2**v, v // 2, v % 2.0):
        assert_type(result, Value)
    assert_type(-v, Value)
    assert_type(abs(v), Value)
    assert_type(divmod(v, 2.0), tuple[Value, Value])
    assert_type(v < 1.0, bool)
    assert_type(v >= 1.0, bool)
    assert_type(v == 2.0, bool)
    assert_type(round(v), int)
    v += 1.0
    assert_type(v, Value)
    assert_type(v.grad, float)


def test_functions_of_sequences() -> None:
    v = Value(0.5)
    assert_type(mg.sum([1.0, 2]), float)
    assert_type(mg.sum([v, v]), Value)
    assert_type(mg.mean([v, 1.0]), Value)
    assert_type(mg.prod(x * x for x in (v, v)), Value)
    assert_type(mg.norm((3.0, 4.0)), float)
    assert_type(mg.dot([1.0, 2.0], [3.0, 4.0]), float)
    assert_type(mg.dot([v, v], [3.0, 4.0]), Value)
    assert_type(mg.softmax([v, v]), list[Value])
    assert_type(mg.logsumexp([1.0, 2.0]), float)
    assert_type(mg.log_softmax([1.0, 2.0]), list[float])
    assert_type(mg.nn.cross_entropy([v, v], 1), Value)
    assert_type(mg.nn.cross_entropy([1.0, 2.0], [0.5, 0.5]), float)
    assert_type(mg.nn.mse(v, 1.0), Value)
    assert_type(mg.nn.hinge([1.0], [-1]), float)


def test_what_follows_the_structure_of_an_argument() -> None:
    x, y = Value(2.0), Value(3.0)
    z = x * y
    assert_type(mg.gradients(z, x), Value)
    assert_type(mg.gradients(z, [x, y]), list[Value])
    assert_type(mg.gradients(z, (x, y)), tuple[Value, Value])
    assert_type(mg.gradients(z, {"x": x}), dict[str, Value])


@mg.scope("layer")
def layer(x: Value) -> Value:
    """A scope as a decorator."""
    with mg.scope("activation"):
        return mg.tanh(x)


def test_scopes_reports_and_names() -> None:
    assert_type(layer(Value(1.0)), Value)
    report = mg.check_gradient(mg.sin, 1.0)
    assert_type(report.entries[0].verdict, Verdict)
    assert_type(mg.testing.assert_gradient(mg.sin, 1.0).table(), str)
    assert_type(mg.numeric_derivative(math.sin, 1.0).value, float)
    assert_type(mg.__version__, str)
    assert_type(mg.engine_kind(), str)


def test_selections_and_tests() -> None:
    v = Value(0.5)
    assert_type(mg.where(v > 0.0, v, 0.0), Value)
    assert_type(mg.where(True, 1.0, 0.0), float)
    assert_type(mg.clip(v, 0.0, None), Value)
    assert_type(mg.clip(2.0, 0.0, 1.0), float)
    assert_type(mg.isnan(v), bool)
    assert_type(mg.frexp(v), tuple[Value, int])


def refused_by_type_checkers() -> None:
    """A checker that took these lines would complain of a comment that is not needed."""
    mg.sin("a")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    Value(1.0) + "a"  # type: ignore[call-overload]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    mg.sine  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018
