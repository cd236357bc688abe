"""Values and derivatives where they are a matter of convention: kinks, ties, infinities, nan, ends of the domain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.value import primitives
from tests.derivatives import HUGE, INF, NAN, TINY, WAYS, Function, same

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
    and name not in {"less", "less_equal", "equal", "kept", "dropped"}
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
# A mask of zero lets nothing through; no comparison with nan holds; the second derivative of a square is 2 everywhere.
IGNORES_NAN = {"masked_product", "kept", "dropped", "less", "less_equal", "equal", "instead", "power_curve"}


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
