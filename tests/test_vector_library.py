"""Functions of vectors: those of the C library, and operations of the table that need not have the very bits."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mpmath
import pytest
from mpmath import mp, mpf

pytest.importorskip("llvmlite", reason="LLVM comes with llvmlite, which is not installed")
pytest.importorskip("numpy", reason="points are in arrays")

from microgrady.arithmetic.backend import Backend, Operand
from microgrady.arithmetic.library import Called, library_function
from microgrady.compiler.backends import host, vector_library
from microgrady.compiler.backends.llvm import ElementType, LLVMBackend, declarations
from microgrady.compiler.backends.vector_library import MEASURED, vector_function
from microgrady.value import primitives
from tests.fuzz.floats import same_bits
from tests.lanes import Lanes, Pattern
from tests.test_functions import MANY_DIGITS, SLOW, TABLE
from tests.test_lowered import AWKWARD, LOWERED, PAIRS, SINGLES, patterns, vector_patterns
from tests.ulp import is_alike, ulps

TWO = {"atan2", "hypot", "pow"}
WIDTHS = [width for width in (8, 4) if vector_function(Called("exp", 1, width))]
MISSING = "there is no libmvec, or the processor has no instructions for it"
needs_vectors = pytest.mark.skipif(not WIDTHS, reason=MISSING)


def operand_count(name: str) -> int:
    return 2 if name in TWO else 1


# The functions of the library as they are.


def call(name: str) -> Any:
    return lambda backend, *operands: backend.call(name, *operands)


@pytest.fixture(scope="module", params=WIDTHS or [0])
def library(request: pytest.FixtureRequest) -> Lanes:
    if not WIDTHS:
        pytest.skip(MISSING)
    functions = {name: (call(name), [None] * operand_count(name)) for name in MEASURED}
    return Lanes(functions, request.param, exact=False)


def sample(name: str) -> list[tuple[float, ...]]:
    """Points at random, of all sizes and where most functions bend."""
    chance = random.Random(name)
    if name in TWO:
        points = chance.sample(PAIRS, 200)
        return [
            *points,
            *((a, a * (1.0 + chance.uniform(-1.0, 1.0) * 10.0 ** chance.uniform(-16, 0))) for a, _ in points),
        ]
    kinds = [lambda: chance.uniform(-1, 1), lambda: chance.uniform(-30, 30), lambda: chance.uniform(-750, 750)]
    kinds.append(lambda: chance.choice((1.0, -1.0)) * 10.0 ** chance.uniform(-320, 308))
    kinds.append(lambda: chance.choice(AWKWARD) * (1.0 + chance.uniform(-1.0, 1.0) * 10.0 ** chance.uniform(-16, 0)))
    return [*((x,) for x in SINGLES), *((chance.choice(kinds)(),) for _ in range(600))]


@pytest.mark.parametrize("name", MEASURED)
def test_functions_of_vectors_are_within_4_ulp_and_treat_awkward_numbers_as_those_of_single_numbers(
    name: str, library: Lanes
) -> None:
    assert Called(name, operand_count(name), library.width) in library.called
    points = sample(name)
    single = library_function(name, operand_count(name))
    exact: Any = TABLE[name].value if name in TABLE else lambda x: mpf(10) ** x
    for point, found in zip(points, library(name, points), strict=True):
        expected = float(single(*point))
        assert is_alike(found, expected), f"{name}{point}: {found}, not {expected}"
        if math.isfinite(expected) and expected != found and expected != 0.0:
            with mp.workdps(400 if name in MANY_DIGITS or abs(point[0]) > 1e30 else 60):
                error = ulps(found, exact(*map(mpf, point)))
            assert error <= 4.0, f"{name}{point}: {found}, not {expected}"


@pytest.mark.parametrize("name", MEASURED)
def test_lanes_do_not_depend_on_each_other(name: str, library: Lanes) -> None:
    points = sample(name)[:64]
    together = library(name, points)
    apart = [library(name, [point])[0] for point in points]
    assert all(map(same_bits, together, apart))


@needs_vectors
def test_functions_of_vectors_are_taken_only_where_the_processor_and_the_library_have_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = vector_function.__wrapped__
    assert find(Called("exp", 1, WIDTHS[0]))
    assert not find(Called("gamma", 1, WIDTHS[0]))
    assert not find(Called("exp", 1, 16))
    assert not find(Called("exp", 2, WIDTHS[0]))
    with monkeypatch.context() as patch:
        patch.setattr(vector_library, "features", lambda: frozenset({"sse2"}))
        assert not find(Called("exp", 1, WIDTHS[0]))
    with monkeypatch.context() as patch:
        patch.setattr(vector_library, "_libmvec", lambda: None)
        assert not find(Called("exp", 1, WIDTHS[0]))


def calls(exact: bool, name: str = "exp", width: int = 4) -> list[Called]:
    backend = LLVMBackend([], element=ElementType(width), exact=exact)
    backend.call(name, "%x")
    return sorted(backend.called)


def test_vectors_are_called_lane_by_lane_where_bits_must_be_the_same_or_there_is_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert calls(exact=True) == [Called("exp", 1)]
    assert calls(exact=False, name="tgamma") == [Called("tgamma", 1)]
    if 4 in WIDTHS:
        assert calls(exact=False) == [Called("exp", 1, 4)]
    monkeypatch.setattr("microgrady.compiler.backends.llvm.vector_function", lambda function: 0)
    assert calls(exact=False) == [Called("exp", 1)]


def test_without_an_instruction_for_fused_multiplication_all_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrady.compiler.backends.llvm.has_fused_multiplication", lambda: False)
    assert LLVMBackend([], exact=False).exact
    assert calls(exact=False) == [Called("exp", 1)]


def test_the_host_has_fused_multiplication_by_its_features_or_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "features", lambda: frozenset({"sse2", "fma"}))
    assert host.has_fused_multiplication()
    monkeypatch.setattr(host, "features", lambda: frozenset({"sse2"}))
    assert host.has_fused_multiplication() == host.binding().get_process_triple().startswith(("aarch64", "arm64"))


@needs_vectors
@pytest.mark.parametrize(
    ("width", "processor", "register"),
    [(8, "skylake-avx512", "zmm"), (8, "sapphirerapids", "zmm"), (8, "znver4", "zmm"), (4, "haswell", "ymm")],
)
def test_a_vector_is_handed_over_in_one_register(width: int, processor: str, register: str) -> None:
    """Also where the compiler itself would rather use shorter ones; and no function puts it into memory."""
    element, llvm = ElementType(width), host.binding()
    backend = LLVMBackend([], element=element, exact=False)
    backend.called = {Called("pow", 2, width)}
    backend.store(
        backend.assign(f"call {element.number} @mg.pow.v{width}({element.number} %x, {element.number} %y)"), 2
    )
    body = [f"  %{name} = load {element.number}, ptr %{name}.at" for name in ("x", "y")] + backend.lines
    head = ["define void @f(ptr %x.at, ptr %y.at, ptr %memory) nounwind {"]
    target = llvm.Target.from_default_triple().create_target_machine(cpu=processor, opt=2)
    module = llvm.parse_assembly("\n".join([*declarations(backend.called, element), *head, *body, "  ret void", "}"]))
    module.triple, module.data_layout = target.triple, str(target.target_data)
    moves = [line.split() for line in target.emit_assembly(module).splitlines() if "vmov" in line]
    assert [words[-1] for words in moves[:2]] == [f"%{register}0", f"%{register}1"]
    assert moves[2][1] == f"%{register}0,"
    assert len(moves) == 3


@needs_vectors
def test_what_is_kept_finds_the_functions_of_vectors_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOCALAPPDATA", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "state"))
    functions = {name: (call(name), [None] * operand_count(name)) for name in ("exp", "pow")}
    points = [(0.5, 3.5), (2.0, -1.0)]
    first, second = (Lanes(functions, WIDTHS[0], False, cache=tmp_path / "kept")("pow", points) for _ in range(2))
    assert len(list((tmp_path / "kept").iterdir())) == 1
    assert first == second == pytest.approx([a**b for a, b in points])


# Operations of the table, where lanes need not have the bits of single numbers.


def names_of(name: str) -> list[tuple[str, Pattern]]:
    chosen: list[Pattern] = [pattern for pattern in vector_patterns(LOWERED[name]) if None in pattern]
    if name.startswith("pow"):  # whose exponents are constants more often than not
        chosen += [(None, exponent) for exponent in (-2.0, -1.0, -0.5, 0.1, 0.5, 1.0, 1.5, 3.0, 4.0, 2.5)]
    return [(f"{name}_{number}", pattern) for number, pattern in enumerate(chosen)]


@pytest.fixture(scope="module", params=[8, 4])
def operations(request: pytest.FixtureRequest) -> Lanes:
    functions: Any = {key: (primitives[name].lower, pattern) for name in LOWERED for key, pattern in names_of(name)}
    return Lanes(functions, request.param, exact=False)


def filled(pattern: Pattern, point: Sequence[float]) -> list[float]:
    rest = iter(point)
    return [next(rest) if fixed is None else fixed for fixed in pattern]


@pytest.mark.parametrize("name", LOWERED)
def test_nan_infinities_and_zeros_are_those_of_single_numbers(name: str, operations: Lanes) -> None:
    for key, pattern in names_of(name):
        points = [(x,) for x in SINGLES] if pattern.count(None) == 1 else random.Random(2).sample(PAIRS, 1500)
        for point, found in zip(points, operations(key, points), strict=True):
            operands = filled(pattern, point)
            expected = float(primitives[name].evaluate(*operands))
            assert is_alike(found, expected), f"{name}{tuple(operands)} as {pattern}: {found}, not {expected}"


# Where sums cancel, or single numbers are as far off.
LOOSE = {"power_mixed": 20.0, "digamma": 8.0, "gamma_slope": 20.0, "erfcx": 8.0, "erfc_hazard": 8.0, "gamma": 5.0}


@pytest.mark.parametrize("name", [name for name in LOWERED if name not in SLOW])
def test_operations_are_within_4_ulp_of_the_exact_result(name: str, operations: Lanes) -> None:
    entry = TABLE[name]
    for key, pattern in names_of(name):
        chance = random.Random(key)
        points = chance.sample(entry.points, min(len(entry.points), 60))
        if None not in pattern[1:] and len(pattern) > 1:
            points = [(point[0], pattern[1]) for point in points]
        elif pattern[0] is not None:
            points = [(pattern[0], point[1]) for point in points]
        free = [[x for x, fixed in zip(point, pattern, strict=True) if fixed is None] for point in points]
        for point, found in zip(points, operations(key, free), strict=True):
            if math.isnan(float(primitives[name].evaluate(*point))):
                continue
            with mp.workdps(700 if name in MANY_DIGITS else 60):
                exact = entry.value(*map(mpf, point))
                if not isinstance(exact, mpf) or mpmath.isnan(exact):
                    continue
                near = math.isfinite(found) and abs(mpf(found) - exact) <= entry.absolute
                where = f"{name}{tuple(point)} as {pattern}: {found}, exactly {mpmath.nstr(exact, 20)}"
                assert near or ulps(found, exact) <= LOOSE.get(name, 4.0), where


def test_one_exponential_is_enough_for_that_of_a_square() -> None:
    lines: list[str] = []
    backend = LLVMBackend(lines, exact=False)
    if backend.exact:
        pytest.skip("the processor has no fused multiplication")
    assert primitives["exp_minus_square"].lower is not None
    primitives["exp_minus_square"].lower(backend, "%x")
    assert sum("@mg.exp" in line for line in lines) == 1


def test_common_powers_are_products_and_roots() -> None:
    for exponent in (-2.0, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0):
        backend = LLVMBackend([], exact=False)
        if backend.exact:
            pytest.skip("the processor has no fused multiplication")
        assert primitives["pow"].lower is not None
        primitives["pow"].lower(backend, "%x", exponent)
        assert backend.called == set()


# Programs of several operations, and branches.


def random_program(chance: random.Random) -> tuple[Any, Any]:
    """Some operations, each on results of those before or numbers: what writes them, and what computes them."""
    steps = []
    for number in range(10):
        entry = primitives[chance.choice([*LOWERED])]
        places = [chance.choice([0, 1, *range(2, number + 2), number + 1]) for _ in entry.rules]
        steps.append((entry, places))

    def write(backend: Backend, *operands: Operand) -> Operand:
        known = [*operands]
        for entry, places in steps:
            assert entry.lower is not None
            known.append(entry.lower(backend, *(known[place] for place in places)))
        return known[-1]

    def evaluate(*numbers: float) -> float:
        known = [*numbers]
        for entry, places in steps:
            known.append(float(entry.evaluate(*(known[place] for place in places))))
        return known[-1]

    return write, evaluate


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("seed", range(6))
def test_exact_programs_have_the_bits_of_single_numbers(seed: int, width: int) -> None:
    chance = random.Random(seed)
    programs = [random_program(chance) for _ in range(10)]
    functions: Any = {f"program{number}": (write, (None, None)) for number, (write, _) in enumerate(programs)}
    lanes = Lanes(functions, width, exact=True, effort=2 + seed % 2)
    points = [*chance.sample(PAIRS, 200), *((chance.gauss(0.0, 2.0), chance.gauss(0.0, 2.0)) for _ in range(100))]
    for number, (_, evaluate) in enumerate(programs):
        for point, found in zip(points, lanes(f"program{number}", points), strict=True):
            expected = evaluate(*point)
            assert same_bits(found, expected), f"program {number} of {seed} at {point}: {found}, not {expected}"


def nested(backend: Backend, a: Operand, b: Operand) -> Operand:
    """Branches in both branches, of which some are over soon, and some call functions."""
    return backend.choose(
        backend.less(a, 0.0),
        lambda: backend.choose(
            backend.less(b, 0.0), lambda: backend.call("sin", a), lambda: backend.div(backend.call("exp", b), a)
        ),
        lambda: backend.choose(
            backend.less(b, -1.0),
            lambda: backend.choose(backend.less(1.0, a), lambda: 5.0, lambda: backend.sqrt(a)),
            lambda: backend.choose(backend.equal(a, b), lambda: a, lambda: backend.call("cos", b)),
        ),
    )


def nested_on_floats(a: float, b: float) -> float:
    if a < 0.0:
        return math.sin(a) if b < 0.0 else math.exp(b) / a
    if b < -1.0:
        return 5.0 if a > 1.0 else math.sqrt(a)
    return a if a == b else math.cos(b)


@pytest.mark.parametrize("effort", [0, 2, 3])
@pytest.mark.parametrize("width", [2, 4, 8])
def test_branches_in_branches_have_the_bits_of_single_numbers(width: int, effort: int) -> None:
    lanes = Lanes({"nested": (nested, (None, None))}, width, exact=True, effort=effort)
    chance = random.Random(8)
    mixed = [(chance.gauss(0.0, 2.0), chance.gauss(0.0, 2.0)) for _ in range(40 * width)]
    mixed += [(x, x) for x, _ in mixed[: 4 * width]]
    for points in (mixed, sorted(mixed), sorted(mixed, key=lambda point: (point[0] < 0.0, point[1]))):
        assert lanes("nested", points) == [nested_on_floats(*point) for point in points]


def test_what_takes_long_is_passed_by_where_no_lane_wants_it() -> None:
    lines: list[str] = []
    backend = LLVMBackend(lines, element=ElementType(2))
    backend.choose(backend.less("%x", 0.0), lambda: backend.sqrt("%x"), lambda: backend.neg("%x"))
    assert lines[1:] == [
        "  %v3 = call i1 @llvm.vector.reduce.or.v2i1(<2 x i1> %v1)",
        "  br i1 %v3, label %v2.some, label %v2.none",
        "v2.some:",
        "  %v4 = call <2 x double> @llvm.sqrt.v2f64(<2 x double> %x)",
        "  br label %v2.end",
        "v2.none:",
        "  br label %v2.end",
        "v2.end:",
        "  %v5 = phi <2 x double> [ %v4, %v2.some ], [ poison, %v2.none ]",
        "  %v6 = xor <2 x i1> %v1, <i1 true, i1 true>",
        "  %v9 = fneg <2 x double> %x",
        "  %v10 = select <2 x i1> %v1, <2 x double> %v5, <2 x double> %v9",
    ]


def test_patterns_leave_an_operand_open() -> None:
    assert all(None in pattern for name in LOWERED for _, pattern in names_of(name))
    assert len(patterns(LOWERED["pow"])) > 30
