"""to_c: C that every compiler takes without a warning, and that gives the same bits."""

from __future__ import annotations

import ctypes
import inspect
import random
import shutil
import subprocess
from collections.abc import Callable
from operator import neg
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

import microgrady as mg
from microgrady import Value
from microgrady.arithmetic.library import library_function
from microgrady.compiler.compiled import Jitted
from microgrady.compiler.jit import jit
from microgrady.compiler.programs.program import Guard
from tests.compiled import AWKWARD, INF, NAN, rosenbrock, same_bits

Function = Callable[..., Any]


def in_c(compiled: Jitted[..., Any], folder: Path, name: str = "compiled") -> Any:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    source = folder / f"{name}.c"
    source.write_text(compiled.to_c(name))
    library = folder / f"{name}.so"
    warnings_too = ["-pedantic", "-Wall", "-Wextra", "-Werror"]
    options = ["-std=c99", "-O2", "-ffp-contract=off", *warnings_too, "-shared", "-fPIC"]
    subprocess.run([compiler, *options, str(source), "-o", str(library), "-lm"], check=True, timeout=120)
    return ctypes.CDLL(str(library))


def test_c_gives_the_same_bits_and_the_same_guards(tmp_path: Path) -> None:
    weight = Value(1.5)

    def function(x: Any, y: Any) -> Any:
        if x > y:
            return [x**y + weight, mg.hypot(x, y) % 3, 1.0]
        z = mg.atan2(x, y) * weight
        if z != weight and not x * y <= 0.5:
            return [mg.logaddexp(x, z), mg.cbrt(y), x]
        return [mg.sigmoid(x) // 0.3, mg.exp(Value(3.3)) - y, y**-1.5]

    compiled = jit(function)
    generator = random.Random(3)
    points = [[generator.choice((generator.choice(AWKWARD), generator.gauss(0, 2))) for _ in "xy"] for _ in range(300)]
    for point in points:
        compiled(*point)
    library = in_c(compiled, tmp_path)
    assert len(compiled.paths) >= 3
    for number, path in enumerate(compiled.paths, 1):
        run = library["compiled" if number == 1 else f"compiled_{number}"]
        guards = [guard for _, guard in path.program.guards]
        for point in points:
            numbers = [*point, weight.data]
            out = (ctypes.c_double * 3)()
            failed = run((ctypes.c_double * 3)(*numbers), out)
            expected = path.program.evaluate(numbers)
            assert failed == path.run(point)[0]
            if isinstance(expected, Guard):
                assert guards[failed - 1] == expected
            else:
                assert failed == 0
                assert same_bits(list(out), expected)


def test_c_of_gradients_and_of_programs_without_inputs(tmp_path: Path) -> None:
    slope = jit(mg.grad(rosenbrock))
    slope([1.5, -0.5, 2.0])
    run = in_c(slope, tmp_path, "slope")["slope"]
    out = (ctypes.c_double * 3)()
    assert run((ctypes.c_double * 3)(0.1, 0.2, 0.3), out) == 0
    assert same_bits(list(out), slope([0.1, 0.2, 0.3]))
    constant = jit(lambda: [1.5, INF, -INF, NAN, -0.0])
    constant()
    out = (ctypes.c_double * 5)()
    assert in_c(constant, tmp_path, "constant")["constant"](None, out) == 0
    assert same_bits(list(out), constant())


def test_c_refuses_what_it_cannot_say() -> None:
    compiled = jit(lambda x: mg.polygamma(2.0, x))
    with pytest.raises(ValueError, match="nothing yet"):
        compiled.to_c()
    compiled(1.0)
    with pytest.raises(NotImplementedError, match="polygamma has no form in C"):
        compiled.to_c()
    double = jit(lambda x: x * 2)
    double(1.0)
    for name in ("two words", "", "1st", "größe", 5, "name\n"):
        with pytest.raises(ValueError, match="must be an identifier"):
            double.to_c(name)  # type: ignore[arg-type]


OWN_NAMES = """
double int inline bool typeof exp sin j0 exp2f floorl isnan INFINITY NAN HUGE_VAL main abs printf malloc
memcpy strlen exit creal errno _ __loss _Bool library_pow
"""


@pytest.mark.parametrize("name", OWN_NAMES.split())
def test_c_refuses_names_that_are_its_own(name: str) -> None:
    double = jit(lambda x: x * 2)
    double(1.0)
    with pytest.raises(ValueError, match=f"cannot be called '{name}', which C"):
        double.to_c(name)


OTHER_NAMES = """
compiled in out v1 x memory x_2 exponential loss F is_it function class new
"""


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_c_takes_any_other_name(name: str, tmp_path: Path) -> None:
    power = jit(lambda x: x**1.7 + mg.exp(x) if x > 0 else x)
    power(2.0), power(-1.0)
    run = in_c(power, tmp_path, name)[name]
    out = (ctypes.c_double * 1)()
    assert run((ctypes.c_double * 1)(2.0), out) == 0
    assert same_bits(out[0], power(2.0))


def unused(x: Any) -> Any:
    kept = mg.sin(x)
    mg.exp(x) ** 2.5
    return kept


def nothing() -> Any:
    return []


def nothing_after_a_guard(x: Any) -> Any:
    return [y for y in (x,) if y < 0]


ODD: dict[str, Function] = {
    "no outputs": lambda x: [],
    "no outputs, a guard": nothing_after_a_guard,
    "no inputs and no outputs": nothing,
    "no inputs": lambda: [1.5, -0.0],
    "constants": lambda x: [INF, -INF, NAN, -NAN, 0.0, -0.0, 5e-324, 1e308],
    "an unused input": lambda x, y: y,
    "an input as it is": lambda x: x,
    "one output often": lambda x: [mg.sin(x)] * 3,
    "operations that nothing uses": unused,
    "operations on constants that are not finite": lambda x: [x * INF, x + NAN, -INF - x, x / 0.0, x**NAN, 0 * x],
    "comparisons with what is not finite": lambda x: x if x < INF and x != NAN and x > -INF else -x,
    "a comparison with itself": lambda x: x if x == x else 0.0,
    "operations with one operand twice": lambda x: [x * x, x - x, x / x, mg.maximum(x, x), mg.atan2(x, x), x**x],
    "negative signs in a row": lambda x: neg(neg(neg(mg.sin(x)))) - neg(x) - (-3.0) * x,
    "every kind of choice": lambda x: [mg.relu(x), mg.sigmoid(x), mg.softplus(x), x // 0.3, x % -0.7, mg.cbrt(x)],
}


@pytest.mark.parametrize("program", ODD)
def test_c_of_odd_programs_compiles_without_a_warning_and_gives_the_same_bits(program: str, tmp_path: Path) -> None:
    compiled = jit(ODD[program])
    numbers = [2.5, -1.5][: len(inspect.signature(ODD[program]).parameters)]
    expected = compiled(*numbers)
    run = in_c(compiled, tmp_path)["compiled"]
    outputs = expected if isinstance(expected, list) else [expected]
    out = (ctypes.c_double * max(1, len(outputs)))()
    assert run((ctypes.c_double * 2)(*numbers), out) == 0
    assert same_bits(list(out)[: len(outputs)], outputs)


def test_c_declares_functions_that_are_not_in_math_h(tmp_path: Path) -> None:
    try:
        bessel = mg.primitive("bessel_of_c", library_function("j0", 1), lambda y, x: 0.0, native="j0")
    except AttributeError:
        pytest.skip("this C library has no j0")
    compiled = jit(lambda x: bessel(x) + 1)
    expected = compiled(0.7)
    out = (ctypes.c_double * 1)()
    assert in_c(compiled, tmp_path)["compiled"]((ctypes.c_double * 1)(0.7), out) == 0
    assert same_bits(out[0], expected)
