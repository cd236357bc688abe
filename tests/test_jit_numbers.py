"""The numbers of compiled functions: to the last bit those of Python, on random programs too."""

from __future__ import annotations

import functools
import math
import operator
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.backends.llvm_program import COPIES
from microgrady.compiler.backends.memory import PIECE
from microgrady.compiler.jit import jit
from microgrady.compiler.programs.program import Guard
from tests.compiled import AWKWARD, INF, Function, close, interpreted, same_bits
from tests.plain import plain


def test_a_zero_adjoint_stays_zero() -> None:
    functions: list[Function] = [
        lambda x: mg.where(x > 0, mg.sqrt(x), 0.0),
        lambda x: 0 * mg.sqrt(x),
        lambda x: mg.relu(-mg.sqrt(x)),
        lambda x: mg.maximum(mg.log(x), 1.0),
        lambda x: mg.minimum(1 / x, 1.0) if x >= 0 else x,
    ]
    for function in functions:
        compiled = jit(mg.grad(function))
        for x in (4.0, 0.0, 1.0, 0.0, 0.5, 0.0):
            assert compiled(x) == mg.grad(function)(x)
        assert compiled(0.0) == 0.0


SINGLE = [
    "sin", "cos", "tan", "tanh", "sinh", "cosh", "exp", "expm1", "exp2", "log", "log2", "log10", "log1p", "sqrt",
    "cbrt", "asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "gamma", "lgamma", "sigmoid",
    "softplus", "relu", "fabs", "floor", "ceil", "trunc",
]  # fmt: skip
DOUBLE = ["pow", "hypot", "atan2", "maximum", "minimum", "fmod", "copysign", "logaddexp", "greater"]
SYMBOLS = ["add", "sub", "mul", "truediv", "floordiv", "mod"]


@pytest.mark.parametrize("name", [*SINGLE, *DOUBLE, *SYMBOLS])
def test_values_are_equal_to_the_last_bit_and_derivatives_to_1e_14(name: str) -> None:
    count = 1 if name in SINGLE else 2
    function = getattr(operator if name in SYMBOLS else mg, name)
    value, slope = jit(function), jit(mg.grad(function, tuple(range(count))))
    generator = random.Random(name)
    for _ in range(150):
        point = [generator.choice((generator.choice(AWKWARD), generator.gauss(0.0, 2.0))) for _ in range(count)]
        found, expected = value(*point), interpreted(function, *point)
        assert same_bits(found, expected), point
        if not math.isnan(expected) and point != [0.0] * count:
            found, expected = slope(*point), mg.grad(function, tuple(range(count)))(*point)
            assert all(map(close, found, expected)), (point, found, expected)
            assert same_bits(slope(*point), found)


def test_constants_are_folded_to_the_numbers_that_python_gives() -> None:
    def function(x: Any) -> Any:
        c = Value(0.3)
        terms = [mg.sin(c) * x, x + mg.exp(c) ** 2.5, x * (Value(1.0) / 3), x**1.0, x**0.0, x**2, x**-1, 1 * x]
        terms += [-1 * x, x / 1, x - 0.0, x + 0.0, x + -0.0, 0.0 - x, x * 0, operator.neg(-x), x - -x, -x + x, -x * -x]
        return terms

    compiled = jit(function)
    for x in (0.7, *AWKWARD):
        expected = [plain(term) for term in function(Value(x))]
        assert same_bits(compiled(x), expected), x
        assert same_bits(compiled(x), expected), x
        assert same_bits(compiled.paths[0].program.evaluate([x]), expected), x


# Everything against everything.


UNARY = ["sin", "cos", "tanh", "exp", "sqrt", "log", "sigmoid", "softplus", "relu", "fabs", "atan", "erf"]
BINARY = ["add", "sub", "mul", "truediv", "maximum", "minimum", "hypot", "atan2", "pow"]
Step = tuple[Any, ...]


def run_steps(steps: list[Step], inputs: list[Any], library: Any = mg) -> Any:
    """A random program: each step makes a number of earlier ones, and some look at them first."""
    known = list(inputs)
    for kind, name, first, second, number in steps:
        a, b = known[first % len(known)], known[second % len(known)]
        if kind == "unary":
            known.append(getattr(library, name)(a))
        elif kind == "binary":
            known.append(getattr(operator if hasattr(operator, name) and name != "pow" else library, name)(a, b))
        elif kind == "number":
            known.append(getattr(operator, name)(a, number))
        elif kind == "branch":
            known.append(a * 2 if getattr(operator, name)(a, b) else b - number)
        elif kind == "loop":
            for _ in range(6):
                if not a > number:
                    break
                a = a * 0.5 + 0.125 * number
            known.append(a)
        else:
            known.append(library.where(getattr(operator, name)(a, number), a, b))
    return functools.reduce(operator.add, known[len(inputs) :], known[0])


PLACES = st.integers(0, 30)
NUMBERS = st.sampled_from([0.5, 1.0, -1.0, 2.0, 0.25, 3.0, 0.0])
COMPARED = st.sampled_from(["lt", "le", "gt", "ge", "eq", "ne"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("unary"), st.sampled_from(UNARY), PLACES, PLACES, NUMBERS),
        st.tuples(st.just("binary"), st.sampled_from(BINARY), PLACES, PLACES, NUMBERS),
        st.tuples(st.just("number"), st.sampled_from(["add", "sub", "mul", "truediv", "pow"]), PLACES, PLACES, NUMBERS),
        st.tuples(st.just("branch"), COMPARED, PLACES, PLACES, NUMBERS),
        st.tuples(st.just("loop"), st.just(""), PLACES, PLACES, NUMBERS),
        st.tuples(st.just("where"), COMPARED, PLACES, PLACES, NUMBERS),
    ),
    min_size=1,
    max_size=12,
)
POINTS = st.lists(st.lists(st.one_of(st.floats(-4, 4), st.sampled_from(AWKWARD)), min_size=3, max_size=3), min_size=2)


@pytest.mark.slow
@settings(max_examples=25)
@given(steps=STEPS, points=POINTS)
def test_random_programs_interpreted_compiled_and_evaluated_agree(steps: list[Step], points: list[list[float]]) -> None:
    def function(*inputs: Any) -> Any:
        return run_steps(steps, list(inputs))

    fast, slow = jit(function, max_paths=1000, optimize=True), jit(function, max_paths=1000, optimize=False)
    slope = jit(mg.value_and_grad(function, (0, 1, 2)), max_paths=1000)
    for point in (*points, *points):
        expected = interpreted(function, *point)
        assert same_bits(fast(*point), expected)
        assert same_bits(slow(*point), expected)
        evaluated = [path.program.evaluate(point) for path in slow.paths]
        taken = [numbers for numbers in evaluated if not isinstance(numbers, Guard)]
        assert len(taken) == 1  # guards exclude each other
        assert same_bits(taken[0], [expected])
        value, slopes = slope(*point)
        assert same_bits(value, expected)
        if math.isfinite(expected):
            reference = mg.grad(function, (0, 1, 2))(*point)
            if all(map(math.isfinite, reference)):
                scale = 1e-13 * max(map(abs, reference))  # what cancels keeps the rounding of what it came from
                assert all(
                    abs(found - known) <= max(scale, 1e-300) for found, known in zip(slopes, reference, strict=True)
                )


@pytest.mark.slow
@pytest.mark.parametrize(("peer", "examples"), [("torch", 20), ("jax", 8)])
def test_random_programs_agree_with_pytorch_and_jax(peer: str, examples: int) -> None:
    pytest.importorskip(peer)

    @settings(max_examples=examples, suppress_health_check=[HealthCheck.filter_too_much])
    @given(steps=STEPS, point=st.lists(st.floats(0.3, 3.0), min_size=3, max_size=3))
    def agree(steps: list[Step], point: list[float]) -> None:
        steps = [step for step in steps if step[1] != "pow"]  # of which they disagree themselves at nan
        assume(steps)
        value, slopes = jit(mg.value_and_grad(lambda *inputs: run_steps(steps, list(inputs)), (0, 1, 2)))(*point)
        assume(math.isfinite(value) and all(map(math.isfinite, slopes)))
        found = (_with_torch if peer == "torch" else _with_jax)(steps, point)
        assume(all(map(math.isfinite, found)))
        scale = 1e-9 * (1.0 + max(map(abs, (value, *slopes))))
        assert all(abs(a - b) <= scale for a, b in zip((value, *slopes), found, strict=True))

    agree()


class _Torch:
    """The table's functions that random programs use, by PyTorch's names."""

    def __getattr__(self, name: str) -> Any:
        import torch

        if name == "softplus":
            return lambda x: torch.nn.functional.softplus(x, threshold=800.0)
        return getattr(torch, {"fabs": "abs"}.get(name, name))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return a if condition else b


def _with_torch(steps: list[Step], point: list[float]) -> list[float]:
    import torch

    inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point]
    output = run_steps(steps, inputs, _Torch())
    output.backward()
    return [output.item(), *(0.0 if x.grad is None else x.grad.item() for x in inputs)]


class _Jax:
    """The same by JAX's names."""

    def __getattr__(self, name: str) -> Any:
        import jax

        if name in ("sigmoid", "softplus", "relu", "erf"):
            return getattr(jax.scipy.special if name == "erf" else jax.nn, name)
        return getattr(jax.numpy, {"atan": "arctan", "atan2": "arctan2"}.get(name, name))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return a if condition else b


def _with_jax(steps: list[Step], point: list[float]) -> list[float]:
    import jax

    with jax.enable_x64(True):
        slope = jax.value_and_grad(lambda *inputs: run_steps(steps, list(inputs), _Jax()), (0, 1, 2))
        value, slopes = slope(*map(jax.numpy.float64, point))
        return [float(value), *map(float, slopes)]


@pytest.mark.parametrize("modules", ["one", "several"])
@pytest.mark.parametrize("count", [1, COPIES - 1, COPIES, COPIES + 1, 5 * COPIES + 3])
def test_outputs_that_are_alike_are_all_there(count: int, modules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if modules == "several":
        monkeypatch.setattr("microgrady.compiler.backends.llvm_program.MODULE", 2 * COPIES)

    def function(x: Any, y: Any) -> Any:
        z = mg.sin(x) * y
        return [z, [x] * count, [z] * count, list(map(float, range(count))), [z + k for k in range(count)], z, y]

    compiled = jit(function)
    for x, y in ((0.5, 2.0), (-1.0, INF), (3.0, 0.25)):
        z = mg.sin(x) * y
        expected = [z, [x] * count, [z] * count, list(map(float, range(count))), [z + k for k in range(count)], z, y]
        assert all(map(same_bits, compiled(x, y), expected))
    stores = [piece.count("  store") for piece in compiled.llvm_ir().split("define")]
    assert max(stores) <= max(COPIES, PIECE)
