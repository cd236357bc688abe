"""to_c: C that every compiler takes without a warning, and that gives the same bits."""

from __future__ import annotations

import ctypes
import inspect
import itertools
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
from microgrady.compiler.backends.c_program import c_source
from microgrady.compiler.compiled import Jitted
from microgrady.compiler.jit import jit
from microgrady.compiler.programs.looped import Carried, Compute, Copy, Element, Loop, LoopedProgram, Moving, Store
from microgrady.compiler.programs.program import Guard, Program
from microgrady.value import primitives
from tests import looped_programs
from tests.compiled import AWKWARD, INF, NAN, rosenbrock, same_bits
from tests.fuzz.floats import any_float, ordinary

Function = Callable[..., Any]


def in_c(compiled: Jitted[..., Any], folder: Path, name: str = "compiled") -> Any:
    return library_of(compiled.to_c(name), folder / f"{name}.c")


def library_of(text: str, source: Path, *options: str, compiler: str = "cc") -> Any:
    found = shutil.which(compiler)
    if found is None:
        pytest.skip("no C compiler")
    source.write_text(text)
    library = source.with_suffix(".so")
    warnings_too = ["-pedantic", "-Wall", "-Wextra", "-Werror"]
    options = ("-std=c99", "-O2", "-ffp-contract=off", *warnings_too, "-shared", "-fPIC", *options)
    subprocess.run([found, *options, str(source), "-o", str(library), "-lm"], check=True, timeout=120)
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


# Programs with loops.


def assert_like_evaluate(run: Any, looped: LoopedProgram, numbers: list[float]) -> None:
    out = (ctypes.c_double * len(looped.program.outputs))()
    failed = run((ctypes.c_double * len(numbers))(*numbers), out)
    expected = looped.evaluate(numbers)
    if isinstance(expected, Guard):
        assert looped.program.guards[failed - 1][1] is expected
    else:
        assert failed == 0
        assert same_bits(list(out), expected)


@pytest.mark.parametrize("compiler", [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"])
@pytest.mark.parametrize("crosses", [False, True])
def test_c_of_random_programs_with_loops(crosses: bool, compiler: str, tmp_path: Path) -> None:
    chance = random.Random(5 + crosses)
    programs = [looped_programs.LoopMaker(chance, crosses).make() for _ in range(40)]
    # Else compilers compute a function of a constant by themselves, correctly rounded, which no library promises.
    library = library_of(c_source(programs, "f"), tmp_path / "f.c", "-fno-builtin", compiler=compiler)
    outcomes = set()
    for number, looped in enumerate(programs, 1):
        usual = [ordinary(chance) for _ in range(looped_programs.INPUTS)]
        points = [usual, *([any_float(chance) for _ in usual] for _ in range(3))]
        # One input that guards do not allow, and so guards that fail in the first, a middle and the last turn.
        points += [[*usual[:place], 1e9, *usual[place + 1 :]] for place in range(len(usual))]
        for point in points:
            assert_like_evaluate(library["f" if number == 1 else f"f_{number}"], looped, point)
            outcomes.add(type(looped.evaluate(point)))
    assert outcomes == {list, Guard}


def program_of(inputs: int, outputs: int) -> LoopedProgram:
    program = Program(inputs)
    program.outputs = [0] * outputs
    return LoopedProgram(program, size=inputs + outputs)


ADD, MULTIPLY, SINE = primitives["add"], primitives["mul"], primitives["sin"]


def fibonacci() -> LoopedProgram:
    looped = program_of(2, 1)
    body: list[Any] = [Compute(2, ADD, (0, 1), None)]
    loop = Loop(Moving(10), 0, [Carried(0, Element(Moving(0)), 1), Carried(1, Element(Moving(1)), 2)], body)
    looped.pieces = [[loop, Store(2, Moving(2))]]
    return looped


def pairs() -> LoopedProgram:
    """The sum of the sines of all products of two of five numbers, one sum for each, and of all."""
    looped = program_of(5, 5)
    product = Compute(2, MULTIPLY, (0, Element(Moving(1, (1, 1)))), None)
    terms: list[Any] = [product, Compute(3, SINE, (2,), None), Compute(4, ADD, (1, 3), None)]
    inner = Loop(Moving(4, (-1,)), 1, [Carried(1, 0.0, 4)], terms)
    body: list[Any] = [Copy(0, Element(Moving(0, (1,)))), inner, Store(4, Moving(5, (1,)))]
    looped.pieces = [[Loop(Moving(4), 0, [Carried(5, 0.0, 6)], [*body, Compute(6, ADD, (5, 4), Moving(9))])]]
    return looped


def gathered() -> LoopedProgram:
    """Inputs in another order, times numbers from a table."""
    looped = program_of(6, 6)
    looped.indices, looped.numbers = [5, 0, 3, 6, 1, 4], [0.1, -2.0]
    columns = Element(Moving(0, (3, 1), 0)), Element(Moving(0, (1,)), is_constant=True)
    looped.indices[3] = 2
    row = Compute(0, MULTIPLY, columns, Moving(6, (3, 1)))
    looped.pieces = [[Loop(Moving(2), 0, [], [Loop(Moving(3), 1, [], [row])])]]
    return looped


READ: list[tuple[Callable[[], LoopedProgram], str]] = [
    (
        fibonacci,
        """
    double v1 = in[0];
    double v2 = in[1];
    double v3 = 0.0;
    for (int i = 0; i < 10; i++) {
        v3 = v1 + v2;
        v1 = v2;
        v2 = v3;
    }
    out[0] = v3;
    return 0;
""",
    ),
    (
        pairs,
        """
    double v1 = 0.0;
    for (int i = 0; i < 4; i++) {
        double v2 = 0.0;
        for (int j = 0; j < 4 - i; j++) {
            v2 += sin(in[i] * in[i + j + 1]);
        }
        out[i] = v2;
        v1 += v2;
        out[4] = v1;
    }
    return 0;
""",
    ),
    (
        gathered,
        """
    static const double numbers[] = {0.1, -2.0};
    static const int indices[] = {5, 0, 3, 2, 1, 4};

    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            out[3 * i + j] = in[indices[3 * i + j]] * numbers[i];
        }
    }
    return 0;
""",
    ),
]


@pytest.mark.parametrize(("make", "body"), READ, ids=lambda value: getattr(value, "__name__", ""))
def test_c_of_loops_reads_as_if_written_by_hand(make: Any, body: str, tmp_path: Path) -> None:
    looped = make()
    text = c_source([looped], "f")
    assert text == f"#include <math.h>\n\nint f(const double *in, double *out)\n{{{body}}}\n"
    chance = random.Random(2)
    run = library_of(text, tmp_path / "f.c")["f"]
    for _ in range(20):
        assert_like_evaluate(run, looped, [any_float(chance) for _ in range(looped.program.input_count)])


def test_c_with_too_many_numbers_for_the_stack_has_them_elsewhere(tmp_path: Path) -> None:
    looped = program_of(1, 1)
    count = 1 << 17
    looped.size += 2 * count
    fill = [Compute(1, ADD, (0, 0.5), Moving(2, (1,))), Compute(2, MULTIPLY, (0, 0), Moving(2 + count, (1,)))]
    total = Compute(5, ADD, (4, Element(Moving(1 + count, (-1,)))), None)
    looped.pieces = [
        [Loop(Moving(count), 0, [Carried(0, Element(Moving(0)), 1)], [*fill])],
        [Loop(Moving(count), 0, [Carried(4, 0.0, 5)], [total]), Store(5, Moving(1))],
    ]
    products = Compute(6, ADD, (Element(Moving(1)), Element(Moving(2 + count))), Moving(1))
    looped.pieces.append([products])
    text = c_source([fibonacci(), looped], "f")
    assert "double *const work_1 = malloc(262144 * sizeof *work_1);" in text
    run = library_of(text, tmp_path / "f.c")["f_2"]
    assert_like_evaluate(run, looped, [0.25])


def test_c_of_a_recorded_loop_is_a_loop(tmp_path: Path) -> None:
    slope = jit(mg.value_and_grad(rosenbrock))
    generator = random.Random(4)
    points = [[generator.gauss(0, 1) for _ in range(300)] for _ in range(3)]
    slope(points[0])
    text = slope.to_c("rosenbrock")
    assert "    for (int i = 0; i < 29" in text
    assert len(text.splitlines()) < 80
    run = in_c(slope, tmp_path, "rosenbrock")["rosenbrock"]
    for point in points:
        out = (ctypes.c_double * 301)()
        assert run((ctypes.c_double * 300)(*point), out) == 0
        value, gradient = slope(point)
        assert same_bits(list(out), [value, *gradient])


def test_c_says_which_guard_of_a_loop_fails(tmp_path: Path) -> None:
    def lengths(p: Any) -> Any:
        return mg.sum([mg.sqrt(b - a) if b > a else 0.0 * a for a, b in itertools.pairwise(p)])

    compiled = jit(lengths, max_paths=1)
    rising = [float(number) for number in range(100)]
    compiled(rising)
    assert "for (int i" in compiled.to_c()
    run = in_c(compiled, tmp_path)["compiled"]
    out = (ctypes.c_double * 1)()
    assert run((ctypes.c_double * 100)(*rising), out) == 0
    assert same_bits(out[0], compiled(rising))
    for place in (1, 2, 50, 98, 99):
        numbers = [*rising[:place], -1.0, *rising[place + 1 :]]
        assert run((ctypes.c_double * 100)(*numbers), out) == place
