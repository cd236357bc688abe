"""Values and derivatives where they are a matter of convention: kinks, ties, infinities, nan, ends of the domain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
from mpmath import mp, mpf

import microgrady as mg
from microgrady import Value
from microgrady.value import primitives
from tests.ulp import ulps

Function = Callable[..., Any]
INF, NAN, HUGE, TINY = math.inf, math.nan, 1.7976931348623157e308, 5e-324


def same(found: float, expected: float, relative: float = 1e-12, absolute: float = 0.0) -> bool:
    if math.isnan(expected) or math.isinf(expected):
        return found == expected or (math.isnan(found) and math.isnan(expected))
    return found == expected or math.isclose(found, expected, rel_tol=relative, abs_tol=absolute)


def by_backward(function: Function, *point: float) -> list[float]:
    values = [Value(x) for x in point]
    function(*values).backward()
    return [value.grad for value in values]


def by_gradients(function: Function, *point: float) -> list[float]:
    values = [Value(x) for x in point]
    return [slope.data for slope in mg.gradients(function(*values), values)]


def by_grad(function: Function, *point: float) -> list[float]:
    return list(mg.grad(function, tuple(range(len(point))))(*point))


def by_grad_of_values(function: Function, *point: float) -> list[float]:
    """As inside another transform, where derivatives are Values."""
    slopes = mg.grad(function, tuple(range(len(point))))(*map(Value, point))
    return [slope.data if isinstance(slope, Value) else slope for slope in slopes]


WAYS: list[Callable[..., list[float]]] = [by_backward, by_gradients, by_grad, by_grad_of_values]


def hessian(function: Function, *point: float) -> list[float]:
    """All second derivatives, row by row."""
    rows = mg.hessian(lambda p: function(*p))(list(point))
    return [entry for row in rows for entry in row]


# The conventions that the design states, and what follows from IEEE 754 and the limits: operation, operands,
# value, derivatives.
CONVENTIONS: list[tuple[str, tuple[float, ...], float, tuple[float, ...]]] = [
    # Kinks.
    ("abs", (0.0,), 0.0, (0.0,)),
    ("abs", (-0.0,), 0.0, (0.0,)),
    ("abs", (-TINY,), TINY, (-1.0,)),
    ("abs", (-INF,), INF, (-1.0,)),
    ("relu", (0.0,), 0.0, (0.0,)),
    ("relu", (-0.0,), 0.0, (0.0,)),
    ("relu", (TINY,), TINY, (1.0,)),
    ("relu", (-TINY,), 0.0, (0.0,)),
    ("relu", (INF,), INF, (1.0,)),
    ("relu", (-INF,), 0.0, (0.0,)),
    ("maximum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("minimum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("maximum", (0.0, -0.0), 0.0, (0.5, 0.5)),
    ("minimum", (-0.0, 0.0), 0.0, (0.5, 0.5)),
    ("maximum", (INF, INF), INF, (0.5, 0.5)),
    ("maximum", (INF, 1.0), INF, (1.0, 0.0)),
    ("maximum", (-INF, 1.0), 1.0, (0.0, 1.0)),
    ("minimum", (INF, 1.0), 1.0, (0.0, 1.0)),
    ("minimum", (-INF, 1.0), -INF, (1.0, 0.0)),
    ("floor", (2.0,), 2.0, (0.0,)),
    ("floor", (INF,), INF, (0.0,)),
    ("floor", (-0.5,), -1.0, (0.0,)),
    ("ceil", (-INF,), -INF, (0.0,)),
    ("ceil", (0.5,), 1.0, (0.0,)),
    ("trunc", (-2.5,), -2.0, (0.0,)),
    ("trunc", (1e300,), 1e300, (0.0,)),
    ("copysign", (-3.0, 1.0), 3.0, (-1.0, 0.0)),
    ("copysign", (3.0, -0.0), -3.0, (-1.0, 0.0)),
    ("copysign", (0.0, 1.0), 0.0, (0.0, 0.0)),
    # Powers.
    ("pow", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("pow", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("pow", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("pow", (0.0, 0.5), 0.0, (INF, 0.0)),
    ("pow", (3.0, 0.0), 1.0, (0.0, math.log(3.0))),
    ("pow", (-2.0, 2.0), 4.0, (-4.0, NAN)),
    ("pow", (-2.0, 3.0), -8.0, (12.0, NAN)),
    ("pow", (-2.0, -1.0), -0.5, (-0.25, NAN)),
    ("pow", (0.0, -1.0), INF, (-INF, -INF)),
    ("pow", (-0.0, -1.0), -INF, (-INF, NAN)),
    ("pow", (0.0, -2.0), INF, (-INF, -INF)),
    ("pow", (INF, 2.0), INF, (INF, INF)),
    ("pow", (INF, 0.0), 1.0, (0.0, INF)),
    ("pow", (INF, 1.0), INF, (1.0, INF)),
    ("pow", (-INF, 1.0), -INF, (1.0, NAN)),
    ("pow", (1e200, 2.0), INF, (2e200, INF)),
    ("pow", (1.0, 5.0), 1.0, (5.0, 0.0)),
    # Division.
    ("div", (1.0, 0.0), INF, (INF, -INF)),
    ("div", (1.0, -0.0), -INF, (-INF, -INF)),
    ("div", (-1.0, 0.0), -INF, (INF, INF)),
    ("div", (1.0, INF), 0.0, (0.0, 0.0)),
    ("div", (INF, 2.0), INF, (0.5, -INF)),
    ("div", (0.0, 3.0), 0.0, (1 / 3, 0.0)),
    ("div", (1e-300, 1e300), 0.0, (1e-300, 0.0)),
    ("div", (1e300, 1e-300), INF, (1e300, -INF)),
    ("floordiv", (7.0, 2.0), 3.0, (0.0, 0.0)),
    ("floordiv", (-7.0, 2.0), -4.0, (0.0, 0.0)),
    ("floordiv", (1.0, 0.0), INF, (0.0, 0.0)),
    ("mod", (7.0, 2.0), 1.0, (1.0, -3.0)),
    ("mod", (-7.0, 2.0), 1.0, (1.0, 4.0)),
    ("mod", (7.0, -2.0), -1.0, (1.0, 4.0)),
    ("mod", (6.0, 2.0), 0.0, (1.0, -3.0)),
    ("mod", (5.0, INF), 5.0, (1.0, 0.0)),
    ("mod", (-5.0, INF), INF, (1.0, 1.0)),
    ("fmod", (-7.0, 2.0), -1.0, (1.0, 3.0)),
    ("fmod", (7.0, -2.0), 1.0, (1.0, 3.0)),
    ("fmod", (5.0, INF), 5.0, (1.0, 0.0)),
    # Poles and the ends of the domain.
    ("sqrt", (0.0,), 0.0, (INF,)),
    ("sqrt", (INF,), INF, (0.0,)),
    ("cbrt", (0.0,), 0.0, (INF,)),
    ("cbrt", (-0.0,), 0.0, (INF,)),
    ("cbrt", (-8.0,), -2.0, (1 / 12,)),
    ("cbrt", (-INF,), -INF, (0.0,)),
    ("log", (0.0,), -INF, (INF,)),
    ("log", (INF,), INF, (0.0,)),
    ("log2", (0.0,), -INF, (INF,)),
    ("log10", (0.0,), -INF, (INF,)),
    ("log1p", (-1.0,), -INF, (INF,)),
    ("asin", (1.0,), math.pi / 2, (INF,)),
    ("asin", (-1.0,), -math.pi / 2, (INF,)),
    ("acos", (1.0,), 0.0, (-INF,)),
    ("acos", (-1.0,), math.pi, (-INF,)),
    ("acosh", (1.0,), 0.0, (INF,)),
    ("acosh", (INF,), INF, (0.0,)),
    ("atanh", (1.0,), INF, (INF,)),
    ("atanh", (-1.0,), -INF, (INF,)),
    ("gamma", (INF,), INF, (INF,)),
    ("lgamma", (0.0,), INF, (-INF,)),
    ("lgamma", (INF,), INF, (INF,)),
    ("hypot", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("hypot", (-0.0, 0.0), 0.0, (0.0, 0.0)),
    ("logaddexp", (-INF, -INF), -INF, (0.0, 0.0)),
    ("xlogy", (0.0, 0.0), 0.0, (-INF, 0.0)),
    ("xlogy", (0.0, 3.0), 0.0, (math.log(3.0), 0.0)),
    ("xlogy", (2.0, 0.0), -INF, (-INF, INF)),
    ("xlog1py", (0.0, -1.0), 0.0, (-INF, 0.0)),
    ("sinc", (0.0,), 1.0, (0.0,)),
    ("sinc", (3.0,), 0.0, (-1 / 3,)),
    ("sign", (0.0,), 0.0, (0.0,)),
    ("sign", (-INF,), -1.0, (0.0,)),
    ("round", (2.5,), 2.0, (0.0,)),
    ("round", (-INF,), -INF, (0.0,)),
    ("remainder", (7.0, 2.0), -1.0, (1.0, -4.0)),
    ("remainder", (5.0, INF), 5.0, (1.0, 0.0)),
    ("digamma", (0.0,), -INF, (INF,)),
    ("digamma", (-0.0,), INF, (INF,)),
    ("log_erfc", (-INF,), math.log(2.0), (0.0,)),
    ("log_erfc", (INF,), -INF, (-INF,)),
    ("erfcx", (INF,), 0.0, (-0.0,)),
    ("log_sigmoid", (-INF,), -INF, (1.0,)),
    ("log_sigmoid", (INF,), 0.0, (0.0,)),
    # Saturation and overflow.
    ("exp", (-INF,), 0.0, (0.0,)),
    ("exp", (INF,), INF, (INF,)),
    ("exp", (710.0,), INF, (INF,)),
    ("exp", (-746.0,), 0.0, (0.0,)),
    ("exp2", (1024.0,), INF, (1.2460659279417838e308,)),  # the value overflows before its derivative
    ("exp2", (1024.6,), INF, (INF,)),
    ("expm1", (-INF,), -1.0, (0.0,)),
    ("sinh", (-711.0,), -INF, (INF,)),
    ("cosh", (-711.0,), INF, (-INF,)),
    ("tanh", (INF,), 1.0, (0.0,)),
    ("tanh", (-INF,), -1.0, (0.0,)),
    ("tanh", (-0.0,), -0.0, (1.0,)),
    ("atan", (INF,), math.pi / 2, (0.0,)),
    ("atan", (-INF,), -math.pi / 2, (0.0,)),
    ("asinh", (-INF,), -INF, (0.0,)),
    ("erf", (INF,), 1.0, (0.0,)),
    ("erf", (-INF,), -1.0, (0.0,)),
    ("erfc", (-INF,), 2.0, (0.0,)),
    ("sigmoid", (INF,), 1.0, (0.0,)),
    ("sigmoid", (-INF,), 0.0, (0.0,)),
    ("sigmoid", (-1000.0,), 0.0, (0.0,)),
    ("softplus", (INF,), INF, (1.0,)),
    ("softplus", (-INF,), 0.0, (0.0,)),
    ("softplus", (1000.0,), 1000.0, (1.0,)),
    ("logaddexp", (-INF, 2.0), 2.0, (0.0, 1.0)),
    ("logaddexp", (INF, 2.0), INF, (1.0, 0.0)),
    ("logaddexp", (1000.0, 1000.0), 1000.0 + math.log(2.0), (0.5, 0.5)),
    ("hypot", (INF, 1.0), INF, (NAN, 0.0)),
    ("hypot", (3e200, -4e200), 5e200, (0.6, -0.8)),
    ("hypot", (0.0, -2.0), 2.0, (0.0, -1.0)),
    ("atan2", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("atan2", (0.0, -1.0), math.pi, (-1.0, 0.0)),
    ("atan2", (-0.0, -1.0), -math.pi, (-1.0, 0.0)),
    ("atan2", (1.0, 0.0), math.pi / 2, (0.0, -1.0)),
    ("atan2", (1.0, 1e200), 1e-200, (1e-200, 0.0)),
    ("atan2", (1.0, INF), 0.0, (NAN, 0.0)),
    ("atan2", (INF, 1.0), math.pi / 2, (0.0, NAN)),
    # Sums and products.
    ("add", (INF, 1.0), INF, (1.0, 1.0)),
    ("sub", (1.0, INF), -INF, (1.0, -1.0)),
    ("mul", (INF, 2.0), INF, (2.0, INF)),
    ("mul", (1e200, -1e200), -INF, (-1e200, 1e200)),
    ("neg", (-INF,), INF, (-1.0,)),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "point", "value", "slopes"), CONVENTIONS)
def test_stated_convention_holds(
    name: str, point: tuple[float, ...], value: float, slopes: tuple[float, ...], way: Callable[..., list[float]]
) -> None:
    primitive = primitives[name]
    for operands in (point, tuple(Value(x) for x in point)):
        result = primitive(*operands)
        found = result.data if isinstance(result, Value) else result
        assert same(found, value)
    for position, (found, slope) in enumerate(zip(way(primitive, *point), slopes, strict=True)):
        # What is nan in the table is not specified: the slope of hypot at infinity, of (-2)**y by y.
        assert math.isnan(slope) or same(found, slope), f"the derivative by operand {position} is {found}, not {slope}"


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [
        ("sin", (-0.0,), -0.0),
        ("tan", (-0.0,), -0.0),
        ("asin", (-0.0,), -0.0),
        ("atan", (-0.0,), -0.0),
        ("sinh", (-0.0,), -0.0),
        ("tanh", (-0.0,), -0.0),
        ("asinh", (-0.0,), -0.0),
        ("atanh", (-0.0,), -0.0),
        ("expm1", (-0.0,), -0.0),
        ("log1p", (-0.0,), -0.0),
        ("sqrt", (-0.0,), -0.0),
        ("cbrt", (-0.0,), -0.0),
        ("erf", (-0.0,), -0.0),
        ("neg", (0.0,), -0.0),
        ("abs", (-0.0,), 0.0),
        ("floor", (-0.0,), -0.0),
        ("ceil", (-0.5,), -0.0),
        ("trunc", (-0.5,), -0.0),
        ("mul", (-0.0, 1.0), -0.0),
        ("div", (1.0, -INF), -0.0),
        ("atan2", (-0.0, 1.0), -0.0),
        ("fmod", (-4.0, 2.0), -0.0),
        ("mod", (-4.0, 2.0), 0.0),
        ("copysign", (0.0, -1.0), -0.0),
        ("pow", (-0.0, 3.0), -0.0),
        ("pow", (-0.0, 2.0), 0.0),
    ],
)
def test_zero_has_the_sign_of_ieee_754(name: str, point: tuple[float, ...], value: float) -> None:
    found = primitives[name](*map(Value, point)).data
    assert found == 0.0
    assert math.copysign(1.0, found) == math.copysign(1.0, value)


OFF_DOMAIN: list[tuple[str, tuple[float, ...]]] = [
    *[(name, (-1.0,)) for name in ("log", "log2", "log10", "sqrt", "gamma", "digamma")],
    *[(name, (-2.0,)) for name in ("log1p", "asin", "acos", "acosh", "atanh")],
    *[(name, (2.0,)) for name in ("asin", "acos", "atanh")],
    *[(name, (INF,)) for name in ("sin", "cos", "tan", "asin", "acos", "atanh")],
    *[(name, (-INF,)) for name in ("sin", "cos", "tan", "log", "sqrt", "acosh", "gamma")],
    ("acosh", (0.5,)),
    ("pow", (-8.0, 1 / 3)),
    ("div", (0.0, 0.0)),
    ("div", (INF, INF)),
    ("floordiv", (0.0, 0.0)),
    ("mod", (1.0, 0.0)),
    ("mod", (INF, 1.0)),
    ("fmod", (1.0, 0.0)),
    ("fmod", (INF, 1.0)),
    ("add", (INF, -INF)),
    ("sub", (INF, INF)),
    ("mul", (0.0, INF)),
    *[("pow", (-8.0, b)) for b in (1e-20, -1e-20, 0.5, 1.0 + 2**-52, -2.5)],
    *[(name, (1.0, 0.0)) for name in ("remainder",)],
    *[(name, (2.0, -3.0)) for name in ("xlogy", "xlog1py")],
    ("remainder", (INF, 1.0)),
    ("gamma", (-3.0,)),
    ("digamma", (-3.0,)),
    ("digamma", (-INF,)),
    ("atanh", (INF,)),
    ("log1p", (-INF,)),
    ("sinc", (INF,)),
]
# What Python calls for + - * / // has the slopes of arithmetic: that of a sum is 1, whatever it adds up.
ARITHMETIC = {"add", "sub", "mul", "div", "floordiv"}


@pytest.mark.parametrize(("name", "point"), OFF_DOMAIN)
def test_off_the_domain_the_value_is_nan_and_nothing_raises(name: str, point: tuple[float, ...]) -> None:
    result = primitives[name](*map(Value, point))
    result.backward()
    assert math.isnan(result.data)
    assert math.isnan(primitives[name](*point))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "point"), [(name, point) for name, point in OFF_DOMAIN if name not in ARITHMETIC])
def test_where_the_value_is_nan_the_derivatives_are_nan(
    name: str, point: tuple[float, ...], way: Callable[..., list[float]]
) -> None:
    slopes = way(primitives[name], *point)
    assert all(map(math.isnan, slopes)) or (name.startswith("xlog") and math.isnan(slopes[1]))


@pytest.mark.parametrize("name", sorted({name for name, _ in OFF_DOMAIN} - ARITHMETIC))
def test_where_the_value_is_nan_a_compiled_derivative_is_nan(name: str) -> None:
    pytest.importorskip("llvmlite", reason="LLVM comes with llvmlite, which is not installed")
    count = len(primitives[name].rules)
    slopes = mg.jit(mg.grad(lambda *operands: primitives[name](*operands), tuple(range(count))))
    for point in [point for other, point in OFF_DOMAIN if other == name]:
        assert math.isnan(slopes(*point)[-1])


SMOOTH_OR_KINKED = [
    name
    for name, entry in primitives.items()
    if name not in {*ARITHMETIC, "neg", "radians", "degrees", "where", "argument", "instead", "greater"}
    and name not in {"floor", "ceil", "trunc", "round", "round_to", "sign", "power_curve", "one_minus_square"}
    and name not in {"polygamma", "erfcx_slope", "sinc_slope", "masked_product"}
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SMOOTH_OR_KINKED)
def test_at_nan_the_derivative_is_nan(name: str, way: Callable[..., list[float]]) -> None:
    count = len(primitives[name].rules)
    assert math.isnan(way(primitives[name], *[NAN] * count)[0])
    assert any(map(math.isnan, way(primitives[name], *[NAN, 2.0][:count])))


ONE_OPERAND = [name for name, entry in primitives.items() if len(entry.rules) == 1]
TWO_OPERANDS = [name for name, entry in primitives.items() if len(entry.rules) == 2]
# A gate of zero lets nothing through; the second derivative of a square is 2 everywhere.
IGNORES_NAN = {"masked_product", "instead", "power_curve"}


@pytest.mark.parametrize("name", [name for name in ONE_OPERAND + TWO_OPERANDS if name not in IGNORES_NAN])
def test_nan_in_gives_nan_out(name: str) -> None:
    if primitives[name].evaluate.__module__.startswith("microgrady"):
        count = len(primitives[name].rules)
        for position in range(count):
            point = [2.0] * count
            point[position] = NAN
            if name == "polygamma" and position == 0:
                continue  # its order is a whole number
            if name == "copysign" and position == 1:
                continue  # a nan has a sign too
            assert math.isnan(primitives[name](*point)), f"{name}{tuple(point)}"


def test_powers_with_an_exponent_of_zero_or_a_base_of_one_are_one_also_at_nan() -> None:
    assert (Value(NAN) ** 0.0).data == 1.0
    assert (1.0 ** Value(NAN)).data == 1.0


# PyTorch's float64, which the design takes as the reference at kinks and infinities.

POINTS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 8.0, 100.0, 800.0, 1e16, 1e300, HUGE, 1e-200, 1e-310, TINY, INF]
POINTS = [*POINTS, *(-x for x in POINTS), NAN]
UNARY_OF_TORCH = [
    *["abs", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos"],
    *["atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "lgamma", "digamma", "sigmoid"],
    *["relu", "floor", "ceil", "trunc", "neg", "softplus"],
]
BINARY_OF_TORCH = {
    **{name: name for name in ("add", "sub", "mul", "div", "pow", "hypot", "atan2", "logaddexp", "maximum", "minimum")},
    "fmod": "fmod",
    "copysign": "copysign",
    "mod": "remainder",
    "floordiv": "floor_divide",
}


def torch_is_no_reference(name: str, *point: float) -> bool:
    """Where torch's own intermediate results overflow or underflow, or the derivative is not specified."""
    sizes = [abs(x) for x in point]
    if name == "atan2":  # it squares the operands
        return max(sizes) < 1e-150 or any(1e150 < size < INF for size in sizes)
    if name == "hypot":
        return max(sizes) < 1e-300 or min(sizes) == HUGE
    if name == "logaddexp":  # the share of a zero in no sum at all
        return point == (-INF, -INF)
    if name == "copysign":  # its rule divides by the first operand
        return math.isinf(point[0])
    if name == "pow":  # it computes b - 1, which is -1 for a tiny b
        return 0.0 < sizes[0] < 1e-300 and 0.0 < sizes[1] < 1e-100
    if name in {"mod", "fmod", "floordiv"}:  # it rounds the quotient
        return 0.0 < sizes[1] * 1e15 < sizes[0] < INF
    return False


def assert_as_torch(name: str, torch_function: Function, points: list[tuple[float, ...]]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the reference for kinks and infinities")
    points = [point for point in points if not torch_is_no_reference(name, *point)]
    tensors = [torch.tensor(column, dtype=torch.float64, requires_grad=True) for column in zip(*points, strict=True)]
    outputs = torch_function(*tensors)
    if name != "floordiv":  # which torch does not differentiate
        outputs.backward(torch.ones_like(outputs))
    references = [tensor.grad.tolist() if tensor.grad is not None else [0.0] * len(points) for tensor in tensors]
    for index, (point, expected) in enumerate(zip(points, outputs.tolist(), strict=True)):
        values = [Value(x) for x in point]
        result = primitives[name](*values)
        result.backward()
        # The absolute part covers torch's derivatives like 1 - y**2, which lose all digits far out.
        assert same(result.data, expected, 1e-9, 1e-12), f"{name}{point} = {result.data}, torch: {expected}"
        for value, reference in zip(values, references, strict=True):
            found = f"the derivative of {name}{point} is {value.grad}, torch: {reference[index]}"
            assert math.isnan(result.data) or same(value.grad, reference[index], 1e-9, 1e-12), found


@pytest.mark.parametrize("name", UNARY_OF_TORCH)
def test_values_and_derivatives_at_special_points_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the reference for kinks and infinities")
    function = torch.nn.functional.softplus if name == "softplus" else getattr(torch, name)
    assert_as_torch(name, function, [(x,) for x in POINTS])


@pytest.mark.parametrize("name", BINARY_OF_TORCH)
def test_values_and_derivatives_at_special_pairs_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the reference for kinks and infinities")
    assert_as_torch(name, getattr(torch, BINARY_OF_TORCH[name]), list(itertools.product(POINTS, POINTS)))


@pytest.mark.parametrize("x", [-3.0, -1.0, 0.0, 1.0, 3.0, INF, -INF])
def test_clip_is_that_of_torch(x: float) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the reference for kinks and infinities")
    for low, high in ((-1.0, 1.0), (None, 1.0), (-1.0, None), (1.0, 1.0)):
        tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        expected = torch.clamp(tensor, low, high)
        expected.backward()
        value = Value(x)
        result = mg.clip(value, low, high)
        result.backward()
        assert (result.data, value.grad) == (expected.item(), tensor.grad.item())


def test_the_derivative_of_clip_is_one_at_its_bounds_and_zero_beyond() -> None:
    slope = mg.grad(lambda x: mg.clip(x, -1.0, 1.0))
    assert [slope(x) for x in (-1.5, -1.0, 0.0, 1.0, 1.5)] == [0.0, 1.0, 1.0, 1.0, 0.0]


# A zero adjoint contributes zero.

ZEROED: dict[str, tuple[Function, tuple[float, ...]]] = {
    "where, sqrt": (lambda x: mg.where(x > 0, mg.sqrt(x), 0.0), (0.0,)),
    "where, log": (lambda x: mg.where(x > 0, mg.log(x), 0.0), (0.0,)),
    "where, x log x": (lambda x: mg.where(x > 0, x * mg.log(x), 0.0), (0.0,)),
    "where, 1 / x": (lambda x: mg.where(x != 0, 1 / x, 0.0), (0.0,)),
    "where, sqrt of a negative number": (lambda x: mg.where(x > 0, mg.sqrt(x), 0.0), (-1.0,)),
    "where, an unselected power": (lambda x: mg.where(x > 0, x**0.5, x * 0.0), (0.0,)),
    "0 * sqrt": (lambda x: 0 * mg.sqrt(x), (0.0,)),
    "sqrt * 0": (lambda x: mg.sqrt(x) * 0.0, (0.0,)),
    "0 * cbrt": (lambda x: 0 * mg.cbrt(x), (0.0,)),
    "0 * log": (lambda x: 0 * mg.log(x), (0.0,)),
    "0 * log of a negative number": (lambda x: 0 * mg.log(x), (-1.0,)),
    "0 * log2": (lambda x: 0 * mg.log2(x), (0.0,)),
    "0 * log10": (lambda x: 0 * mg.log10(x), (0.0,)),
    "0 * log1p": (lambda x: 0 * mg.log1p(x), (-1.0,)),
    "0 * (1 / x)": (lambda x: 0 * (1 / x), (0.0,)),
    "(x / y) * 0": (lambda x, y: (x / y) * 0, (1.0, 0.0)),
    "0 * x**-1": (lambda x: 0 * x**-1, (0.0,)),
    "0 * x**0.5": (lambda x: 0 * x**0.5, (0.0,)),
    "0 * x**y": (lambda x, y: 0 * x**y, (0.0, -1.0)),
    "0 * (-1)**y": (lambda y: 0 * (-1.0) ** y, (1.0,)),
    "0 * x % y": (lambda x, y: 0 * (x % y), (1.0, 0.0)),
    "0 * fmod": (lambda x, y: 0 * mg.fmod(x, y), (1.0, 0.0)),
    "0 * asin": (lambda x: 0 * mg.asin(x), (1.0,)),
    "0 * acos": (lambda x: 0 * mg.acos(x), (-1.0,)),
    "0 * acosh": (lambda x: 0 * mg.acosh(x), (1.0,)),
    "0 * atanh": (lambda x: 0 * mg.atanh(x), (1.0,)),
    "0 * atan2": (lambda x, y: 0 * mg.atan2(x, y), (0.0, 0.0)),
    "0 * hypot": (lambda x, y: 0 * mg.hypot(x, y), (0.0, 0.0)),
    "0 * exp": (lambda x: 0 * mg.exp(x), (800.0,)),
    "0 * sinh": (lambda x: 0 * mg.sinh(x), (800.0,)),
    "0 * cosh": (lambda x: 0 * mg.cosh(x), (-800.0,)),
    "0 * tan": (lambda x: 0 * mg.tan(x), (INF,)),
    "0 * sin": (lambda x: 0 * mg.sin(x), (INF,)),
    "0 * (inf * x)": (lambda x: 0 * (INF * x), (1.0,)),
    "0 * (x * y)": (lambda x, y: 0 * (x * y), (INF, NAN)),
    "0 * sqrt(x) through a chain": (lambda x: 0 * (3 * mg.sin(mg.sqrt(x)) + 1), (0.0,)),
    "maximum(sqrt, 1)": (lambda x: mg.maximum(mg.sqrt(x), 1.0), (0.0,)),
    "minimum(1 / x, 1)": (lambda x: mg.minimum(1 / x, 1.0), (0.0,)),
    "clip(log)": (lambda x: mg.clip(mg.log(x), -1.0, 1.0), (0.0,)),
    "relu(log)": (lambda x: mg.relu(mg.log(x)), (0.0,)),
    "floor(sqrt)": (lambda x: mg.floor(mg.sqrt(x)), (0.0,)),
    "sqrt // 2": (lambda x: mg.sqrt(x) // 2, (0.0,)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ZEROED)
def test_a_zero_adjoint_contributes_zero(name: str, way: Callable[..., list[float]]) -> None:
    function, point = ZEROED[name]
    assert way(function, *point) == [0.0] * len(point)


@pytest.mark.parametrize("name", ZEROED)
def test_a_zero_adjoint_contributes_zero_to_second_derivatives(name: str) -> None:
    function, point = ZEROED[name]
    assert hessian(function, *point) == [0.0] * len(point) ** 2


@pytest.mark.parametrize("name", ["0 * sqrt", "0 * lgamma"])
def test_a_zero_adjoint_contributes_zero_to_third_derivatives(name: str) -> None:
    function: Function = (lambda x: 0 * mg.sqrt(x)) if name == "0 * sqrt" else (lambda x: 0 * mg.lgamma(x))
    assert mg.grad(function)(0.0) == 0.0
    assert mg.grad(mg.grad(function))(0.0) == 0.0
    assert mg.grad(mg.grad(mg.grad(function)))(0.0) == 0.0


@pytest.mark.parametrize("way", WAYS)
def test_a_factor_that_is_a_variable_at_zero_blocks_an_infinite_derivative_too(
    way: Callable[..., list[float]],
) -> None:
    assert way(lambda z, x: z * mg.sqrt(x), 0.0, 0.0) == [0.0, 0.0]
    assert way(lambda z, x: z * mg.log(x), 0.0, 0.0) == [-INF, 0.0]
    assert way(lambda x: x * mg.sqrt(x), 0.0) == [0.0]


def test_the_mixed_derivative_through_a_variable_at_zero_is_not_lost() -> None:
    assert hessian(lambda z, x: z * mg.sqrt(x), 0.0, 0.0) == [0.0, INF, INF, 0.0]
    assert hessian(lambda z, x: z * mg.sqrt(x), 0.0, 4.0) == [0.0, 0.25, 0.25, 0.0]
    assert hessian(lambda z, x: z * mg.log(x), 0.0, 4.0) == [0.0, 0.25, 0.25, 0.0]
    assert hessian(lambda z, x: z / x, 0.0, 2.0) == [0.0, -0.25, -0.25, 0.0]
    assert hessian(lambda z, x: z * mg.exp(x), 0.0, 0.0) == [0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("way", WAYS)
def test_an_adjoint_that_is_not_zero_lets_infinite_derivatives_through(way: Callable[..., list[float]]) -> None:
    assert way(lambda x: 3 * mg.sqrt(x), 0.0) == [INF]
    assert way(lambda x: mg.where(x >= 0, mg.sqrt(x), 0.0), 0.0) == [INF]
    assert way(lambda x: -mg.log(x), 0.0) == [-INF]


# An operand that is not selected has no derivative, whatever comes from above.

UNSELECTED: dict[str, tuple[Function, tuple[float, ...], int]] = {
    "where": (lambda x, y: mg.where(x < 0, x, y), (1.0, 0.0), 0),
    "where, the second": (lambda x, y: mg.where(x >= 0, x, y), (0.0, 1.0), 1),
    "maximum": (mg.maximum, (-1.0, 0.0), 0),
    "maximum, the second": (mg.maximum, (0.0, -1.0), 1),
    "minimum": (mg.minimum, (1.0, 0.0), 0),
    "minimum, the second": (mg.minimum, (0.0, 1.0), 1),
    "clip from below": (lambda x, low: mg.clip(x, low, None), (-1.0, 0.0), 0),
    "clip from above": (lambda x, high: mg.clip(x, None, high), (1.0, 0.0), 0),
    "the low bound of clip": (lambda x, low: mg.clip(x, low, 1.0), (0.0, -1.0), 1),
    "the high bound of clip": (lambda x, high: mg.clip(x, -1.0, high), (0.0, 1.0), 1),
    "relu": (lambda x, y: mg.relu(x) + y, (-1.0, 0.0), 0),
    "floor": (lambda x, y: mg.floor(x) + y, (0.5, 0.0), 0),
    "floor division": (lambda x, y: x // 1 + y, (0.5, 0.0), 0),
}
ABOVE: dict[str, Function] = {
    "sqrt": mg.sqrt,
    "log": mg.log,
    "inverse": lambda y: 1 / y,
    "times inf": lambda y: y * INF,
    "times nan": lambda y: y * NAN,
    "plus and times nan": lambda y: NAN * (y + 1.0),
    "root of a square": lambda y: mg.sqrt(y * y),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("name", UNSELECTED)
def test_an_unselected_operand_gets_no_derivative_from_infinite_and_nan_adjoints(
    name: str, above: str, way: Callable[..., list[float]]
) -> None:
    function, point, unselected = UNSELECTED[name]
    slopes = way(lambda *operands: ABOVE[above](function(*operands)), *point)
    assert slopes[unselected] == 0.0
    other = slopes[1 - unselected]
    assert not math.isfinite(other), "the adjoint was to be infinite or nan"


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("name", UNSELECTED)
def test_an_unselected_operand_gets_no_second_derivative_either(name: str, above: str) -> None:
    function, point, unselected = UNSELECTED[name]
    second = hessian(lambda *operands: ABOVE[above](function(*operands)), *point)
    other = 1 - unselected
    assert second[3 * unselected] == 0.0
    assert second[2 * unselected + other] == 0.0
    assert second[2 * other + unselected] == 0.0


def test_a_tie_shares_second_derivatives_as_it_shares_first_ones() -> None:
    assert hessian(lambda x, y: mg.maximum(x, y) ** 2, 3.0, 3.0) == [0.5, 0.5, 0.5, 0.5]


# Second derivatives.

PI = mpmath.pi


def logistic(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def sech(x: Any) -> Any:
    return 2 / (mpmath.exp(x) + mpmath.exp(-x))


ORDINARY = [1e-3, 0.1, 0.3, 0.5, 0.77, 1.0, 1.5, 2.0, 3.7, 6.0, 10.0]
FAR = [20.0, 26.0, 37.0, 50.0, 300.0, 355.0, 360.0, 400.0, 709.5, 745.0, 800.0, 1e5, 1e16, 1e77, 1e103, 1e154, 1e160]
FAR += [1e200, 1e300, HUGE]
NEAR = [TINY, 1e-310, 1e-200, 1e-100, 1e-20, 1e-8]
POSITIVE = [*NEAR, *ORDINARY, *FAR]
EVERYWHERE = [0.0, *POSITIVE, *(-x for x in POSITIVE)]
INSIDE = [x for x in EVERYWHERE if abs(x) < 1.0]
INSIDE = [*INSIDE, 0.999, -0.999, 1 - 1e-10, 1 - 2**-53]

SECOND: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "exp": (mpmath.exp, EVERYWHERE),
    "exp2": (lambda x: mpf(2) ** x * mpmath.log(2) ** 2, EVERYWHERE),
    "expm1": (mpmath.exp, EVERYWHERE),
    "log": (lambda x: -1 / x**2, POSITIVE),
    "log2": (lambda x: -1 / x**2 / mpmath.log(2), POSITIVE),
    "log10": (lambda x: -1 / x**2 / mpmath.log(10), POSITIVE),
    "log1p": (lambda x: -1 / (1 + x) ** 2, [*POSITIVE, *(-abs(x) for x in INSIDE)]),
    "sqrt": (lambda x: -1 / (4 * x * mpmath.sqrt(x)), POSITIVE),
    "cbrt": (lambda x: -2 / (9 * x * mpmath.cbrt(abs(x)) ** 2), [x for x in EVERYWHERE if x]),
    "sin": (lambda x: -mpmath.sin(x), EVERYWHERE),
    "cos": (lambda x: -mpmath.cos(x), EVERYWHERE),
    "tan": (lambda x: 2 * mpmath.tan(x) / mpmath.cos(x) ** 2, EVERYWHERE),
    "asin": (lambda x: x / mpmath.sqrt(1 - x * x) ** 3, INSIDE),
    "acos": (lambda x: -x / mpmath.sqrt(1 - x * x) ** 3, INSIDE),
    "atan": (lambda x: -2 * x / (1 + x * x) ** 2, EVERYWHERE),
    "sinh": (mpmath.sinh, EVERYWHERE),
    "cosh": (mpmath.cosh, EVERYWHERE),
    "tanh": (lambda x: -2 * mpmath.tanh(x) * sech(x) ** 2, EVERYWHERE),
    "asinh": (lambda x: -x / mpmath.sqrt(1 + x * x) ** 3, EVERYWHERE),
    "acosh": (lambda x: -x / mpmath.sqrt(x * x - 1) ** 3, [1 + 2**-52, 1 + 1e-10, *(x for x in POSITIVE if x > 1.0)]),
    "atanh": (lambda x: 2 * x / (1 - x * x) ** 2, INSIDE),
    "erf": (lambda x: -4 * x / mpmath.sqrt(PI) * mpmath.exp(-x * x), EVERYWHERE),
    "erfc": (lambda x: 4 * x / mpmath.sqrt(PI) * mpmath.exp(-x * x), EVERYWHERE),
    "sigmoid": (lambda x: -logistic(x) * logistic(-x) * mpmath.tanh(x / 2), EVERYWHERE),
    "softplus": (lambda x: logistic(x) * logistic(-x), EVERYWHERE),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivative_agrees_with_mpmath_also_at_the_far_ends(name: str) -> None:
    exact, points = SECOND[name]
    second = mg.grad(mg.grad(primitives[name]))
    for x in points:
        with mp.workdps(750):
            reference = exact(mpf(x))
            found = second(x)
            # Near zero the second derivative of an odd function is the difference of two products of order 1.
            absolute = 1e-15 if abs(x) < 1.0 else 0.0
            near = math.isfinite(found) and abs(mpf(found) - reference) <= absolute
            assert near or ulps(found, reference) <= 100.0, (
                f"{name}''({x}) is {found}, not {mpmath.nstr(reference, 17)}"
            )


@pytest.mark.parametrize("name", ["asin", "tanh", "atanh", "sigmoid"])
def test_second_derivative_of_an_odd_function_keeps_its_digits_near_zero(name: str) -> None:
    exact = SECOND[name][0]
    second = mg.grad(mg.grad(primitives[name]))
    for x in (1e-3, 1e-8, 1e-20, -1e-200):
        with mp.workdps(750):
            assert ulps(second(x), exact(mpf(x))) <= 100.0, f"{name}''({x}) is {second(x)}"


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (mg.tanh, 800.0, 0.0),
        (mg.tanh, -INF, 0.0),
        (mg.sigmoid, 800.0, 0.0),
        (mg.sigmoid, -800.0, 0.0),
        (mg.softplus, 800.0, 0.0),
        (mg.softplus, -800.0, 0.0),
        (mg.erf, 50.0, 0.0),
        (mg.erfc, 50.0, 0.0),
        (mg.erf, INF, 0.0),
        (mg.atan, 1e300, 0.0),
        (mg.exp, -800.0, 0.0),
        (mg.relu, 0.0, 0.0),
        (abs, 0.0, 0.0),
        (lambda x: x**2, 0.0, 2.0),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: x**1, 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x**1.5, 0.0, INF),
        (lambda x: x**-1, 0.0, INF),
        (lambda x: x**3, -2.0, -12.0),
        (lambda x: 1 / x, 0.0, INF),
        (lambda x: x * x, INF, 2.0),
    ],
)
def test_second_derivative_at_a_limit_is_no_nan(function: Function, x: float, expected: float) -> None:
    assert mg.grad(mg.grad(function))(x) == expected


def hypot_second(a: Any, b: Any) -> list[Any]:
    r = mpmath.hypot(a, b)
    return [b * b / r**3, -a * b / r**3, -a * b / r**3, a * a / r**3]


def atan2_second(a: Any, b: Any) -> list[Any]:
    q = (a * a + b * b) ** 2
    return [-2 * a * b / q, (a * a - b * b) / q, (a * a - b * b) / q, 2 * a * b / q]


def logaddexp_second(a: Any, b: Any) -> list[Any]:
    s = logistic(a - b) * logistic(b - a)
    return [s, -s, -s, s]


def pow_second(a: Any, b: Any) -> list[Any]:
    mixed = a ** (b - 1) * (1 + b * mpmath.log(a))
    return [b * (b - 1) * a ** (b - 2), mixed, mixed, a**b * mpmath.log(a) ** 2]


SECOND_OF_TWO: dict[str, Callable[[Any, Any], list[Any]]] = {
    "mul": lambda a, b: [mpf(0), mpf(1), mpf(1), mpf(0)],
    "div": lambda a, b: [mpf(0), -1 / b**2, -1 / b**2, 2 * a / b**3],
    "hypot": hypot_second,
    "atan2": atan2_second,
    "logaddexp": logaddexp_second,
    "pow": pow_second,
}
SIZES = [0.1, 0.5, 1.0, 1.5, 2.0, 3.7]


@pytest.mark.parametrize("name", SECOND_OF_TWO)
def test_second_derivatives_by_two_operands_agree_with_mpmath_at_ordinary_points(name: str) -> None:
    for a, b in itertools.product(SIZES, [*SIZES, *(-x for x in SIZES)]):
        with mp.workdps(60):
            reference = SECOND_OF_TWO[name](mpf(a), mpf(b))
        scale = max(abs(float(entry)) for entry in reference)
        for found, exact in zip(hessian(primitives[name], a, b), reference, strict=True):
            assert abs(found - float(exact)) <= 1e-13 * scale, f"{name}({a}, {b}): {found}, not {exact}"


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("pow", (1e-150, 3.0)),  # the value underflows, its derivatives do not
        ("pow", (1e-200, 1.7)),
        ("pow", (1e-150, 2.5)),
        ("pow", (HUGE, 1.5)),  # the value overflows, its derivatives do not
        ("pow", (1e150, 2.5)),
        ("pow", (1e-310, 0.999)),
        ("pow", (1e100, -2.0)),
        ("pow", (1e-80, 4.0)),
        ("div", (1e-150, 1e150)),
        ("div", (1e-100, 1e100)),
        ("div", (3.0, 1e100)),
        ("atan2", (1e80, 300.0)),
        ("atan2", (3.0, 1e100)),
        ("atan2", (3e100, 1e100)),
        ("atan2", (1e-80, 3e-80)),
        ("hypot", (3e200, 4e200)),
        ("hypot", (3e-200, 4e-200)),
        ("logaddexp", (700.0, -30.0)),
        ("logaddexp", (1e300, 1e300)),
    ],
)
def test_second_derivatives_by_two_operands_agree_with_mpmath_at_the_far_ends(
    name: str, point: tuple[float, float]
) -> None:
    with mp.workdps(750):
        reference = [float(entry) for entry in SECOND_OF_TWO[name](*map(mpf, point))]
    for found, exact in zip(hessian(primitives[name], *point), reference, strict=True):
        assert same(found, exact, 1e-9, 1e-322), f"{found}, not {exact}"


# The origin of a length.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_length_of_nothing_has_no_slope(count: int, way: Callable[..., list[float]]) -> None:
    point = [0.0] * count
    for order in (2, 1, 3, 2.5, INF):
        assert way(lambda *p, order=order: mg.norm(p, order), *point) == point
    assert way(lambda *p: mg.dist(p, point), *point) == point
    assert way(lambda *p: mg.hypot(*p), *point) == point


SQUARES: dict[str, tuple[Function, float]] = {
    "norm": (lambda *p: mg.norm(p) ** 2, 2.0),
    "half of it": (lambda *p: mg.norm(p) ** 2 / 2, 1.0),
    "hypot": (lambda *p: 3.0 * mg.pow(mg.hypot(*p), 2), 6.0),
    "dist": (lambda *p: mg.dist(p, [0.0] * len(p)) ** 2.0, 2.0),
    "a product": (lambda *p: mg.norm(p) * mg.norm(p), 2.0),
    "a product of one": (lambda *p: (lambda length: -(length * length))(mg.norm(p)), -2.0),
    "a sum": (lambda *p: (lambda length: length**2 + 4 * length**2)(mg.norm(p)), 10.0),
    "a bell": (lambda *p: mg.exp(-(mg.norm(p) ** 2)), -2.0),
    "a cube": (lambda *p: mg.norm(p) ** 3, 0.0),
    "a fourth power": (lambda *p: mg.norm(p) ** 4, 0.0),
}


@pytest.mark.parametrize("name", SQUARES)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_second_derivatives_of_the_square_of_a_length_are_right_at_the_origin(name: str, count: int) -> None:
    function, diagonal = SQUARES[name]
    expected = [diagonal if i == j else 0.0 for i in range(count) for j in range(count)]
    assert hessian(function, *[0.0] * count) == expected
    direction = [1.0, -2.0, 3.0, 0.5, 4.0][:count]
    product = mg.hvp(lambda p: function(*p))([0.0] * count, direction)
    assert product == [diagonal * x for x in direction]


@pytest.mark.parametrize("name", SQUARES)
def test_second_derivatives_of_the_square_of_a_length_are_right_elsewhere(name: str) -> None:
    function = SQUARES[name][0]
    point = [0.3, -0.2, 0.4]
    direct: dict[str, Function] = {
        "norm": lambda s: s,
        "half of it": lambda s: s / 2,
        "hypot": lambda s: 3.0 * s,
        "dist": lambda s: s,
        "a product": lambda s: s,
        "a product of one": lambda s: -s,
        "a sum": lambda s: 5.0 * s,
        "a bell": lambda s: mg.exp(-s),
        "a cube": lambda s: s**1.5,
        "a fourth power": lambda s: s**2,
    }
    exact = hessian(lambda *p: direct[name](mg.sum([x * x for x in p])), *point)
    assert hessian(function, *point) == pytest.approx(exact, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [0.0, 0.1, -1e300, 1e-300, 1 / 3])
def test_the_spread_of_equal_numbers_has_no_slope(number: float, way: Callable[..., list[float]]) -> None:
    point = [number] * 3
    assert way(lambda *p: mg.std(p), *point) == [0.0] * 3
    assert way(lambda *p: mg.var(p), *point) == [0.0] * 3


def test_what_a_zero_that_stays_zero_costs() -> None:
    assert mg.grad(lambda x: mg.sqrt(x) ** 2)(0.0) == 0.0
    assert mg.grad(lambda x: mg.sqrt(x) ** 2)(1e-300) == pytest.approx(1.0)
