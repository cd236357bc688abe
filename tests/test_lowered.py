"""The lowered forms of the table: LLVM's and C's machine code give the bits of the interpreted operations."""

from __future__ import annotations

import ctypes
import inspect
import itertools
import math
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value, functions
from microgrady.arithmetic.backend import Backend, Operand
from microgrady.arithmetic.library import Called, library_function
from microgrady.compiler.backends import c, llvm
from microgrady.compiler.backends.callbacks import emit_callback
from microgrady.primitives import user_primitives
from microgrady.tracing import Recorder, recorders
from microgrady.value import Primitive, primitives
from tests.fuzz.floats import same_bits

ORDERED = {"polygamma", "erfcx_slope", "sinc_slope"}  # the first operand is the order, a whole number
CALLED_BACK = {*ORDERED, "round_to"}
LOWERED = {name: entry for name, entry in primitives.items() if entry.lower is not None}

INF, NAN, TINY, HUGE = math.inf, math.nan, 5e-324, 1.7976931348623157e308
KINKS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 10.0, math.pi, 30.0, 2.0**52, 2.0**53]
ENDS = [TINY, 1e-310, 2.2250738585072014e-308, 1e-290, 1e-150, 709.78, 710.5, 745.2, 1e150, 1e154, 1e308, HUGE, INF]
POINTS = [
    *(x for kink in KINKS for x in (math.nextafter(kink, -INF), kink, math.nextafter(kink, INF))),
    *ENDS,
]
AWKWARD = [*POINTS, *(-x for x in POINTS), NAN]
CONSTANTS = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 1 / 3, -0.3, 3.0, 1e-20, 1e200, TINY, HUGE, INF, -INF, NAN]


def any_float(generator: random.Random) -> float:
    """Of any size, or near where most functions bend."""
    bits: float = struct.unpack("<d", struct.pack("<Q", generator.getrandbits(64)))[0]
    kinds = [bits, generator.gauss(0.0, 1.0), generator.gauss(0.0, 300.0), generator.choice(AWKWARD)]
    kinds += [float(generator.randrange(-6, 7)), generator.choice((1.0, -1.0)) * 10.0 ** generator.uniform(-320, 308)]
    return generator.choice(kinds)


GENERATOR = random.Random(11)
SINGLES: list[float] = [*AWKWARD, *(any_float(GENERATOR) for _ in range(300))]
PAIRS: list[tuple[float, ...]] = [
    *itertools.product(AWKWARD, AWKWARD),
    *((any_float(GENERATOR), any_float(GENERATOR)) for _ in range(1000)),
]
PAIRS += [(a, math.nextafter(a, toward)) for a in SINGLES[-300:] for toward in (-INF, INF)]

# A pattern says which operands of an entry are constants: (None, 2.0) is a function of the first.
Pattern = tuple[float | None, ...]


def patterns(entry: Primitive) -> list[Pattern]:
    if len(entry.rules) == 1:
        return [(None,)]
    return [(None, None), *(pattern for constant in CONSTANTS for pattern in ((None, constant), (constant, None)))]


def points(pattern: Pattern) -> list[tuple[float, ...]]:
    return [(x,) for x in SINGLES] if pattern.count(None) == 1 else PAIRS


def symbol(name: str, number: int) -> str:
    return f"run_{name}_{number}"


def written(backend: Backend, entry: Primitive, pattern: Pattern, variables: str) -> Operand:
    names = iter(f"{variables}{position}" for position in range(len(pattern)))
    assert entry.lower is not None
    operand: Operand = entry.lower(backend, *(next(names) if fixed is None else fixed for fixed in pattern))
    return operand


def assert_same_bits(name: str, function_of: Callable[[str, int], Any]) -> None:
    entry = LOWERED[name]
    for number, pattern in enumerate(patterns(entry)):
        function = function_of(symbol(name, number), pattern.count(None))
        for point in points(pattern):
            rest = iter(point)
            operands = [next(rest) if fixed is None else fixed for fixed in pattern]
            found, expected = function(*point), float(entry.evaluate(*operands))
            assert same_bits(found, expected), f"{name}{tuple(operands)} as {pattern}: {found!r}, not {expected!r}"


# LLVM.


Module = tuple[str, set[Called]]  # LLVM IR, and the functions of the C library that it calls


def llvm_module() -> Module:
    text: list[str] = []
    called: set[Called] = set()
    for name, entry in LOWERED.items():
        for number, pattern in enumerate(patterns(entry)):
            lines: list[str] = []
            backend = llvm.LLVMBackend(lines)
            result = written(backend, entry, pattern, "%x")
            parameters = ", ".join(f"double %x{position}" for position in range(pattern.count(None)))
            text += [f"define double @{symbol(name, number)}({parameters}) {{", "entry:", *lines]
            text += [f"  ret double {backend.text(result)}", "}"]
            called |= backend.called
    return "\n".join([*llvm.declarations(called), *text]), called


def loaded(module: Module, effort: int) -> Any:
    """What keeps the functions of a module in memory, and finds them."""
    binding = pytest.importorskip("llvmlite.binding", reason="LLVM comes with llvmlite, which is not installed")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    text, called = module
    for name, address in llvm.library_addresses(called).items():
        binding.add_symbol(name, address)
    target = binding.Target.from_default_triple().create_target_machine(opt=effort)
    parsed = binding.parse_assembly(text)
    parsed.verify()
    tuning = binding.create_pipeline_tuning_options(speed_level=effort)
    builder = binding.create_pass_builder(target, tuning)
    builder.getModulePassManager().run(parsed, builder)
    linker = binding.create_mcjit_compiler(parsed, target)
    linker.finalize_object()
    return linker


@pytest.fixture(scope="module", params=[0, 2], ids=["unoptimised", "optimised"])
def llvm_function(request: pytest.FixtureRequest) -> Any:
    linker = loaded(llvm_module(), request.param)

    def function(name: str, count: int) -> Any:
        kind = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * count)
        return kind(linker.get_function_address(name))

    yield function
    linker.close()


@pytest.mark.parametrize("name", LOWERED)
def test_llvm_gives_the_bits_of_the_interpreted_operation(name: str, llvm_function: Any) -> None:
    assert_same_bits(name, llvm_function)


# Vectors of LLVM.


def vector_patterns(entry: Primitive) -> list[Pattern]:
    """Fewer than of doubles: what constants make of an operation is the same for every width."""
    return [pattern for pattern in patterns(entry) if None in pattern and set(pattern) <= {None, 2.0, -0.3}]


def vector_module(width: int) -> Module:
    element = llvm.ElementType(width)
    text: list[str] = []
    called: set[Called] = set()
    by_lane: set[Called] = set()
    for name, entry in LOWERED.items():
        for number, pattern in enumerate(vector_patterns(entry)):
            lines: list[str] = []
            backend = llvm.LLVMBackend(lines, element=element)
            variables = iter([backend.load(place) for place in range(pattern.count(None))])
            assert entry.lower is not None
            result = entry.lower(backend, *(next(variables) if fixed is None else fixed for fixed in pattern))
            backend.store(result, pattern.count(None))
            text += [f"define void @{symbol(name, number)}(ptr %memory) {{", "entry:", *lines, "  ret void", "}"]
            called |= backend.called
            by_lane |= backend.called_by_lane
    return "\n".join([*llvm.declarations(called, element, by_lane), *text]), called


@pytest.fixture(scope="module", params=[(4, 0), (4, 2), (8, 2)], ids=["4 unoptimised", "4 optimised", "8 optimised"])
def vector_function(request: pytest.FixtureRequest) -> Any:
    width, effort = request.param
    linker = loaded(vector_module(width), effort)

    def evaluate(name: str, columns: list[tuple[float, ...]]) -> list[float]:
        """What a function makes of `width` points, each of which is in one lane; the operands are the columns."""
        numbers = [number for column in columns for number in column]
        memory = (ctypes.c_double * (len(numbers) + width))(*numbers)
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(linker.get_function_address(name))(ctypes.addressof(memory))
        found: list[float] = memory[len(numbers) :]
        return found

    yield width, evaluate
    linker.close()


@pytest.mark.parametrize("name", LOWERED)
def test_every_lane_of_a_vector_has_the_bits_of_the_interpreted_operation(name: str, vector_function: Any) -> None:
    width, evaluate = vector_function
    entry = LOWERED[name]
    chance = random.Random(5)
    for number, pattern in enumerate(vector_patterns(entry)):
        sample = points(pattern)
        sample = chance.sample(sample, width * (min(len(sample), 2000) // width))  # neighbours take other branches
        sample += sorted(sample, key=str)  # and here mostly the same
        for start in range(0, len(sample), width):
            together = sample[start : start + width]
            found = evaluate(symbol(name, number), list(zip(*together, strict=True)))
            for point, lane in zip(together, found, strict=True):
                rest = iter(point)
                operands = [next(rest) if fixed is None else fixed for fixed in pattern]
                expected = float(entry.evaluate(*operands))
                assert same_bits(lane, expected), f"{name}{tuple(operands)} as {pattern}: {lane!r}, not {expected!r}"


def test_a_vector_is_written_in_types_of_its_own() -> None:
    lines: list[str] = []
    backend = llvm.LLVMBackend(lines, element=llvm.ElementType(2))
    backend.select(backend.negated(backend.less("%x", 0.5)), backend.sqrt("%x"), backend.call("exp", "%x"))
    assert lines == [
        "  %v1 = fcmp olt <2 x double> %x, <double 0x3FE0000000000000, double 0x3FE0000000000000>",
        "  %v2 = xor <2 x i1> %v1, <i1 true, i1 true>",
        "  %v3 = call <2 x double> @llvm.sqrt.v2f64(<2 x double> %x)",
        "  %v4 = call <2 x double> @mg.exp.lanes(<2 x double> %x)",
        "  %v5 = select <2 x i1> %v2, <2 x double> %v3, <2 x double> %v4",
    ]


def test_an_operation_that_python_computes_is_not_written_for_vectors() -> None:
    backend = llvm.LLVMBackend([], element=llvm.ElementType(4))
    with pytest.raises(NotImplementedError, match="polygamma is computed by Python"):
        emit_callback(backend, primitives["polygamma"], "p", ["%x", "%y"])


# C.


def c_source() -> str:
    text: list[str] = []
    called: set[Called] = set()
    for name, entry in LOWERED.items():
        for number, pattern in enumerate(patterns(entry)):
            lines: list[str] = []
            backend = c.CBackend(lines)
            result = written(backend, entry, pattern, "x")
            parameters = ", ".join(f"double x{position}" for position in range(pattern.count(None))) or "void"
            text += [f"double {symbol(name, number)}({parameters});"]
            text += [f"double {symbol(name, number)}({parameters}) {{"]
            text += [*c.used([*lines, f"    return {c.text(result)};"]), "}"]
            called |= backend.called
    return "\n".join([*c.preamble(called), *text, ""])


@pytest.fixture(scope="module")
def c_function(tmp_path_factory: pytest.TempPathFactory) -> Any:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    folder: Path = tmp_path_factory.mktemp("lowered")
    source, target = folder / "lowered.c", folder / "lowered.so"
    source.write_text(c_source())
    flags = ["-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", str(target), str(source), "-lm"], check=True, timeout=120)
    library = ctypes.CDLL(str(target))

    def function(name: str, count: int) -> Any:
        found = library[name]
        found.restype, found.argtypes = ctypes.c_double, [ctypes.c_double] * count
        return found

    return function


@pytest.mark.parametrize("name", LOWERED)
def test_c_gives_the_bits_of_the_interpreted_operation(name: str, c_function: Any) -> None:
    assert_same_bits(name, c_function)


# What the lowered forms are.


def test_every_operation_has_a_lowered_form_but_derivatives_of_any_order_and_decimal_rounding() -> None:
    assert primitives.keys() - LOWERED.keys() == CALLED_BACK


@pytest.mark.parametrize("name", LOWERED)
def test_an_operation_on_constants_is_a_constant(name: str) -> None:
    entry = LOWERED[name]
    for constants in itertools.product(AWKWARD, repeat=len(entry.rules)):
        lines: list[str] = []
        result = written(c.CBackend(lines), entry, constants, "x")
        assert lines == []
        assert isinstance(result, float)
        assert same_bits(result, float(entry.evaluate(*constants))), constants


@pytest.mark.parametrize("name", ["masked_product", "power_slope", "pow", "relu", "exp_share", "power_log", "mod"])
def test_a_branch_in_a_branch_is_well_formed(name: str) -> None:
    lines: list[str] = []
    backend = c.CBackend(lines)
    condition = backend.less("x0", "x1")
    pattern = (None,) * len(LOWERED[name].rules)
    nested = backend.choose(
        condition,
        lambda: backend.choose(
            backend.equal("x0", 1.0), lambda: 3.0, lambda: written(backend, LOWERED[name], pattern, "x")
        ),
        lambda: "x1",
    )
    text = c.used([*lines, f"    return {nested};"])
    assert sum(line.count("{") for line in text) == sum(line.count("}") for line in text) >= 4
    depth = 1
    for line in text:
        depth -= line.lstrip().startswith("}")
        assert len(line) - len(line.lstrip()) == 4 * depth
        depth += line.endswith("{")


def lines_of(name: str, *pattern: float | None) -> list[str]:
    lines: list[str] = []
    written(llvm.LLVMBackend(lines), LOWERED[name], pattern, "%x")
    return lines


def test_a_square_is_one_multiplication_and_another_constant_power_one_call() -> None:
    assert lines_of("pow", None, 2.0) == ["  %v1 = fmul double %x0, %x0"]
    assert lines_of("pow", None, 3.0) == ["  %v1 = call double @mg.pow(double %x0, double 0x4008000000000000)"]


def test_what_depends_on_constants_alone_is_not_computed_by_the_machine_code() -> None:
    assert len(lines_of("relu", None)) == 2
    assert len(lines_of("clip_low", None, -1.0)) == 2
    assert not any("mg.log" in line or " br " in line for line in lines_of("power_slope", None, 0.0))
    assert not any("mg.log" in line for line in lines_of("power_slope", None, 3.0))
    assert any("mg.log" in line for line in lines_of("power_slope", None, 0.1))


def test_two_backends_with_prefixes_of_their_own_write_into_one_function() -> None:
    lines: list[str] = []
    first, second = llvm.LLVMBackend(lines, "a"), llvm.LLVMBackend(lines, "b")
    result = second.add(first.add("%x", 1.0), first.mul("%x", 2.0))
    assert result == "%b1"
    assert len({line.split(" = ")[0] for line in lines}) == 3


def test_a_function_that_the_c_library_lacks_is_named() -> None:
    with pytest.raises(AttributeError, match="no_such_function"):
        library_function("no_such_function", 1)


def test_a_native_that_is_neither_a_function_nor_a_name_is_refused() -> None:
    with pytest.raises(TypeError, match=r"native of primitive 'f' .* not int \(3\)"):
        mg.primitive("f", math.sin, lambda y, x: mg.cos(x), native=3)  # type: ignore[arg-type]


def test_a_primitive_of_ones_own_is_written_by_the_name_of_a_library_function() -> None:
    cosine = mg.primitive("my_cosine", math.cos, lambda y, x: -mg.sin(x), native="cos")
    try:
        lines: list[str] = []
        assert written(c.CBackend(lines), cosine, (None,), "x") == "v1"
        assert lines == ["    const double v1 = cos(x0);"]
    finally:
        del user_primitives["my_cosine"]


# What lets a recorded graph stand for all numbers: rules look at none.


class Refusing(Recorder):
    """A recorder that lets nothing be read or compared."""

    goes_on = is_here = True

    def compared(self, symbol: str, left: Any, right: Any, outcome: bool) -> None:
        """A comparison."""
        raise AssertionError(f"a rule compares: {left!r} {symbol} {right!r}")

    def refuse(self, action: str) -> None:
        """A number that gets out."""
        raise AssertionError(f"a rule reads a Value by {action}")

    def refuse_change(self, action: str) -> None:
        """A Value that is changed."""
        raise AssertionError(f"a rule changes {action}")


@pytest.fixture
def refusing() -> Any:
    recorder = Refusing("a test", [], sys.maxsize)
    recorders.append(recorder)
    yield
    recorders.remove(recorder)


SOME = [0.0, -0.0, 1.0, 2.0, -2.0, 0.3, -0.3, 3.0, 1e-200, 1e200, TINY, -HUGE, INF, -INF, NAN]


def rules_on_values(name: str) -> Any:
    """Every rule of an entry with its operands as Values or as floats, one at least a Value."""
    entry = primitives[name]
    count = len(entry.rules)
    for numbers in itertools.product(SOME, repeat=count):
        if name in ORDERED and not 0.0 <= numbers[0] < 10.0:
            continue
        y = float(entry.evaluate(*numbers))
        for kinds in itertools.product((Value, float), repeat=count):
            if Value in kinds and (name not in ORDERED or kinds[0] is float):
                operands = [kind(number) for kind, number in zip(kinds, numbers, strict=True)]
                for rule in entry.rules:
                    yield rule, Value(y), y, operands, numbers


def test_the_refusing_recorder_refuses(refusing: Any) -> None:
    with pytest.raises(AssertionError, match="reads"):
        Value(1.0).data  # noqa: B018
    with pytest.raises(AssertionError, match="compares"):
        bool(Value(1.0) > 2.0)


@pytest.mark.parametrize("name", primitives)
def test_no_rule_looks_at_the_numbers_in_values(name: str, refusing: Any) -> None:
    for rule, y, _, operands, _ in rules_on_values(name):
        rule(y, *operands)


@pytest.mark.parametrize("name", primitives)
def test_a_rule_gives_the_same_bits_on_values_and_on_floats(name: str) -> None:
    for rule, result, y, operands, numbers in rules_on_values(name):
        found = rule(result, *operands)
        expected = rule(y, *numbers)
        assert same_bits(found.data if isinstance(found, Value) else found, float(expected)), (operands, found)


def test_the_table_knows_nothing_of_the_inside_of_a_value() -> None:
    assert "_number" not in inspect.getsource(functions)
    assert ".data" not in inspect.getsource(functions)
