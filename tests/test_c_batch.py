"""to_c of functions of many points: C over arrays that gives the same bits, on as many cores as there are."""

from __future__ import annotations

import ctypes
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy")
pytest.importorskip("llvmlite", reason="vmap needs llvmlite")

import numpy as np

import microgrady as mg
from microgrady import Value
from microgrady.compiler.backends.c_batch import Tree, TreePath, batch_source
from microgrady.compiler.fold import PIECE, fold
from microgrady.compiler.programs.program import Guard
from microgrady.compiler.vmap import vmap
from tests import looped_programs
from tests.compiled import AWKWARD, same_bits
from tests.fuzz.floats import ordinary

Function = Callable[..., Any]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"]
WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror"]


def has_openmp(compiler: str, folder: Path) -> bool:
    source = folder / "openmp.c"
    source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
    command = [compiler, "-fopenmp", str(source), "-o", str(source.with_suffix(""))]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def library_of(text: str, folder: Path, compiler: str = "cc", openmp: bool = False, *more: str) -> Any:
    found = shutil.which(compiler)
    if found is None:
        pytest.skip("no C compiler")
    if openmp and not has_openmp(found, folder):
        pytest.skip("the C compiler has no OpenMP")
    source = folder / f"{len(list(folder.iterdir()))}.c"  # another library each time
    source.write_text(text)
    library = source.with_suffix(".so")
    options = ["-std=c99", "-O2", "-ffp-contract=off", *WARNINGS, "-shared", "-fPIC", *["-fopenmp"] * openmp, *more]
    subprocess.run([found, *options, str(source), "-o", str(library), "-lm"], check=True, timeout=120)
    return ctypes.CDLL(str(library))


def columns_of(array: Any) -> list[tuple[int, int]]:
    """The address and the stride, in doubles, of each number of a point; points are along the first axis."""
    flat = [array[(slice(None), *place)] for place in np.ndindex(array.shape[1:])]
    return [(column.__array_interface__["data"][0], column.strides[0] // 8) for column in flat]


def pointers(columns: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
    """Two arrays of C: the addresses, and the strides."""
    count = len(columns)
    return (ctypes.c_void_p * count)(*[at for at, _ in columns]), (ctypes.c_ssize_t * count)(*[by for _, by in columns])


def call(
    function: Any,
    count: int,
    arrays: Sequence[Any],
    fixed: Sequence[float] = (),
    results: int | None = 1,
    sums: int | None = None,
) -> tuple[int, Any, list[float], list[int]]:
    """Call a function of C: how many points have no result, the results of all, what is folded, and the paths."""
    function.restype = ctypes.c_ssize_t
    inputs = [column for array in arrays for column in columns_of(array)]
    out, folded = np.full((count, results or 0), 99.0), (ctypes.c_double * max(1, sums or 0))()
    path = (ctypes.c_int * max(1, count))()
    arguments = [ctypes.c_ssize_t(count), *pointers(inputs), (ctypes.c_double * max(1, len(fixed)))(*fixed)]
    if results is not None:
        arguments += pointers(columns_of(out))
    if sums is not None:
        arguments.append(folded)
    missing = function(*arguments, path)
    return missing, out, list(folded)[: sums or 0], list(path)[:count]


def folding(x: Any, y: Any, limit: Any) -> Any:
    """A loop whose length depends on the data, and branches."""
    count = 0
    while x > limit and count < 6:
        x = x / 2 - mg.sin(y) * 0.125
        count += 1
    if y < 0:
        return [mg.hypot(x, y) * count, y**3]
    return [mg.exp(-(x**2)) + count, mg.atan2(x, y)]


def awkward(chance: random.Random, count: int) -> Any:
    return np.array([chance.choice((chance.choice(AWKWARD), chance.gauss(0, 20))) for _ in range(count)])


@pytest.mark.parametrize("openmp", [False, True])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_c_over_arrays_has_the_same_bits_on_all_paths(compiler: str, openmp: bool, tmp_path: Path) -> None:
    chance = random.Random(7)
    many = vmap(folding, in_axes=(0, 0, None), exact=True)
    x, y = (awkward(chance, 2000) for _ in "xy")
    expected = np.stack(many(x, y, 0.75), 1)
    assert len(many.paths) >= 8
    function = library_of(many.to_c("f"), tmp_path, compiler, openmp)["f"]
    missing, out, _, taken = call(function, 2000, [x, y], [0.75], 2)
    assert missing == 0
    assert same_bits(out.ravel().tolist(), expected.ravel().tolist())
    assert [taken.count(number) for number in range(1, len(many.paths) + 1)] == [path.points for path in many.paths]


@pytest.mark.parametrize("openmp", [False, True])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_c_adds_up_in_the_same_order(reduce: Any, openmp: bool, tmp_path: Path) -> None:
    chance = random.Random(8)

    def function(p: Any, x: Any) -> Any:
        return mg.sum([mg.sin(w * x) if x > 0 else w for w in p])

    many = vmap(mg.value_and_grad(function), (None, 0), 0, reduce, exact=True)
    parameters = [0.25, -3.0, 1e3]
    counts = [0, 1, 7, 8, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 3, 8 * PIECE]
    x = np.array([chance.gauss(0, 1e3) for _ in range(max(counts))])
    many(parameters, x)
    compiled = library_of(many.to_c("f"), tmp_path, openmp=openmp)["f"]
    for count in counts:
        value, slopes = many(parameters, x[:count])
        missing, _, folded, taken = call(compiled, count, [x[:count]], parameters, None, 4)
        assert missing == 0
        assert same_bits(folded, [value, *slopes])
        assert set(taken) <= {1, 2}


def test_c_takes_any_strides_and_writes_only_where_points_have_their_results(tmp_path: Path) -> None:
    chance = random.Random(9)
    many = vmap(lambda p, x: [p["a"] @ x, x[0] * p["b"]], in_axes=({"a": None, "b": 0}, 1), exact=True)
    whole = np.array([[chance.gauss(0, 1) for _ in range(60)] for _ in range(3)])
    factors = np.array([chance.gauss(0, 1) for _ in range(200)])
    for step, copied in ((1, np.ascontiguousarray), (2, np.asfortranarray), (-3, np.ascontiguousarray)):
        x, b = copied(whole)[:, ::step], factors[::step]
        b = b[: x.shape[1]]
        expected = many({"a": np.array([1.0, -2.0, 0.5]), "b": b}, x)
        function = library_of(many.to_c("f"), tmp_path)["f"]
        missing, out, _, _ = call(function, len(b), [b, x.T], [1.0, -2.0, 0.5], 2)
        assert missing == 0
        assert same_bits(out.T.tolist(), [each.tolist() for each in expected])
    missing, out, _, _ = call(function, 0, [b, x.T], [1.0, -2.0, 0.5], 2)
    assert (missing, len(out)) == (0, 0)


def test_c_tells_the_points_that_take_no_path_that_it_knows(tmp_path: Path) -> None:
    many = vmap(lambda x: x if x > 0 else -x, exact=True)
    many([1.0])
    function = library_of(many.to_c("f"), tmp_path)["f"]
    x = np.array([3.0, -1.0, 0.0, 2.0, np.nan])
    missing, out, _, taken = call(function, 5, [x])
    assert (missing, taken) == (3, [1, 0, 0, 1, 0])
    assert out.ravel().tolist() == [3.0, 99.0, 99.0, 2.0, 99.0]  # what has no result is not written
    folded = vmap(lambda x: x if x > 0 else -x, reduce="sum")
    folded([1.0])
    function = library_of(folded.to_c("g"), tmp_path, COMPILERS[0])["g"]
    missing, _, sums, taken = call(function, 5, [x], results=None, sums=1)
    assert (missing, taken, sums) == (3, [1, 0, 0, 1, 0], [5.0])


def test_c_needs_no_array_that_nothing_is_in(tmp_path: Path) -> None:
    many = vmap(lambda x: 2 * x, exact=True)
    many([1.0])
    function = library_of(many.to_c("f"), tmp_path)["f"]
    x, out = np.arange(5.0), np.zeros(5)
    where, to = pointers(columns_of(x)), pointers(columns_of(out))
    assert function(ctypes.c_ssize_t(5), *where, None, *to, None) == 0
    assert out.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("openmp", [False, True])
def test_c_with_leaves_that_differ_from_path_to_path(openmp: bool, tmp_path: Path) -> None:
    chance = random.Random(10)
    leaves = [Value(chance.gauss(0, 1), f"w{k}") for k in range(30)]

    def chosen(x: Any) -> Any:
        if x < -1:
            return leaves[2] * x + leaves[0]
        if x < 0:
            return mg.sum([x * leaf for leaf in leaves[:20]])
        if x < 1:
            return mg.sum([x * leaf for leaf in reversed(leaves)])
        return leaves[0] - x

    for reduce in (None, "sum"):
        many = vmap(chosen, reduce=reduce, exact=True)
        x = np.array([chance.gauss(0, 1) for _ in range(3000)])
        expected = many(x)
        text = many.to_c("f")
        assert len(many.paths) == 4
        names = re.findall(r"fixed\[\d+\] is (w\d+)", text)
        if len(names) < len(leaves):
            names = [leaf.label for leaf in dict.fromkeys(leaf for path in many.paths for leaf in path.leaves)]
        fixed = [next(leaf.data for leaf in leaves if leaf.label == name) for name in names]
        function = library_of(text, tmp_path, openmp=openmp)["f"]
        missing, out, sums, _ = call(function, 3000, [x], fixed, None if reduce else 1, 1 if reduce else None)
        assert missing == 0
        assert same_bits(sums if reduce else out.ravel().tolist(), [expected] if reduce else expected.tolist())


@pytest.mark.parametrize("reduce", [None, "mean"])
def test_c_of_what_backward_has_compiled(reduce: Any, tmp_path: Path) -> None:
    chance = random.Random(11)
    a, b, w = Value(0.5, "a"), Value(-2.0, "b"), Value(1.5, "w")
    loss = vmap(lambda w, x: (w * x - a) ** 2 if x > 0 else mg.sin(w * b) * x, (None, 0), reduce=reduce, exact=True)
    x = np.array([chance.gauss(0, 1) for _ in range(PIECE + 5)])
    for leaf in (a, b, w):
        leaf.grad = 0.0
    values = loss.backward(w, x)
    text = loss.to_c("f")
    named = re.findall(r"(?:sums|means)\[\d+\] is the derivative by (\w+)", text)
    fixed = [{"a": a, "b": b, "w": w}[name].data for name in re.findall(r"fixed\[\d+\] is (\w+)", text)]
    assert sorted(named) == ["a", "b", "w"]
    function = library_of(text, tmp_path)["f"]
    missing, out, folded, _ = call(function, len(x), [x], fixed, None if reduce else 1, 4 if reduce else 3)
    assert missing == 0
    if reduce:
        assert same_bits(folded[0], values)
    else:
        assert same_bits(out.ravel().tolist(), values.tolist())
    assert same_bits(folded[-3:], [{"a": a, "b": b, "w": w}[name].grad for name in named])


@pytest.mark.parametrize("openmp", [False, True])
@pytest.mark.parametrize("reduce", [None, "sum"])
def test_c_of_loops_with_much_memory_gives_it_to_each_thread(reduce: Any, openmp: bool, tmp_path: Path) -> None:
    chance = random.Random(12)

    def steps(x: Any, w: Any) -> Any:
        for _ in range(3000):
            x = mg.sin(x * w) + 0.25 * mg.exp(-x)
        return x

    many = vmap(mg.value_and_grad(steps, (0, 1)), reduce=reduce, exact=True)
    x, w = (np.array([chance.gauss(0, 1) for _ in range(100)]) for _ in "xw")
    value, slopes = many(x, w)
    text = many.to_c("f")
    assert "omp_get_thread_num()" in text
    function = library_of(text, tmp_path, openmp=openmp)["f"]
    missing, out, folded, _ = call(function, 100, [x, w], (), None if reduce else 3, 3 if reduce else None)
    assert missing == 0
    assert same_bits(folded if reduce else out.T.tolist(), [value, *slopes] if reduce else np.array([value, *slopes]))


@pytest.mark.parametrize("openmp", [False, True])
@pytest.mark.parametrize("folded", [0, 2])
def test_c_of_random_programs_with_loops(folded: int, openmp: bool, tmp_path: Path) -> None:
    chance = random.Random(13)
    programs = [looped_programs.LoopMaker(chance, False).make() for _ in range(10)]
    trees = []
    for looped in programs:
        inputs, outputs = looped.program.input_count, len(looped.program.outputs)
        batched = [chance.random() < 0.7 for _ in range(inputs)]
        names = [f"x{k}" for k in range(inputs)]
        results = [f"y{k}" for k in range(outputs)]
        trees.append(Tree([TreePath(looped, ())], batched, names, results, max(0, outputs - folded)))
    # Else compilers compute a function of a constant by themselves, correctly rounded, which no library promises.
    library = library_of(batch_source(trees, "f"), tmp_path, COMPILERS[0], openmp, "-fno-builtin")
    for number, (looped, tree) in enumerate(zip(programs, trees, strict=True), 1):
        usual = np.array([ordinary(chance) for _ in tree.batched])
        there = np.array(tree.batched, bool)
        points = np.where(there, [[ordinary(chance) for _ in usual] for _ in range(40)], usual)
        expected = [looped.evaluate(point) for point in points.tolist()]
        columns, sums = tree.columns, tree.folded or None
        function, fixed = library["f" if number == 1 else f"f_{number}"], usual[~there].tolist()
        missing, out, found, taken = call(function, 40, [points[:, there]], fixed, columns, sums)
        known = [result for result in expected if not isinstance(result, Guard)]
        assert missing == len(expected) - len(known)
        assert [path == 0 for path in taken] == [isinstance(result, Guard) for result in expected]
        assert same_bits(out[np.array(taken) > 0].tolist(), [result[:columns] for result in known])
        if len(known) == len(expected):
            assert same_bits(found, [fold(column, "sum") for column in zip(*expected, strict=True)][columns:])


def test_c_of_several_structures_has_a_function_for_each(tmp_path: Path) -> None:
    many = vmap(lambda p: mg.sum([x * x for x in p]) if p[0] > 0 else 1.0, exact=True)
    many([np.array([1.0, -1.0]), np.array([2.0, 2.0])])
    many(np.array([[1.0, 2.0, 3.0]]))
    library = library_of(many.to_c("f"), tmp_path)
    x = np.array([[1.0, 2.0, 3.0], [-1.0, 2.0, 3.0], [2.0, 0.0, 0.5]])
    missing, out, _, taken = call(library["f"], 3, [x[:, :2]])
    assert (missing, out.ravel().tolist(), taken) == (0, [5.0, 1.0, 4.0], [1, 2, 1])
    missing, out, _, taken = call(library["f_2"], 3, [x])
    assert (missing, out.ravel().tolist(), taken) == (1, [14.0, 99.0, 4.25], [3, 0, 3])


ODD: dict[str, Function] = {
    "no results": lambda x: [],
    "constants": lambda x: [1.5, -0.0],
    "an argument that is not used": lambda x, y: y,
    "the argument itself": lambda x: x,
    "no results, a guard": lambda x: [y for y in (x,) if y < 0],
    "an array": lambda x: np.array([x, 2 * x]),
}


@pytest.mark.parametrize("reduce", [None, "sum"])
@pytest.mark.parametrize("program", ODD)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_c_of_odd_programs_compiles_without_a_warning(program: str, compiler: str, reduce: Any, tmp_path: Path) -> None:
    many = vmap(ODD[program], reduce=reduce, exact=True)
    arrays = [np.array([2.5, 1.5]), np.array([0.5, -3.0])][: ODD[program].__code__.co_argcount]
    found = np.array(many(*arrays))
    function = library_of(many.to_c("f"), tmp_path, compiler)["f"]
    count = many.paths[0].structure.count
    missing, out, folded, _ = call(function, 2, arrays, (), None if reduce else count, count if reduce else None)
    assert missing == 0
    points_last = out if program == "an array" else out.T
    assert same_bits(folded if reduce else points_last.ravel().tolist(), found.ravel().tolist())


def test_c_says_which_number_is_what_whatever_names_there_are(tmp_path: Path) -> None:
    weight = Value(2.0, "*/ int x = 5; /* \\ ??/\n größe")
    many = vmap(lambda spot, rates, table: [spot * weight + rates[0], table[11]], in_axes=(0, None, 0))
    many([1.0, 2.0], (3.0, 4.0), np.ones((2, 12)))
    text = many.to_c("price")
    library_of(text, tmp_path)
    lines = text[text.rindex("/*") :].splitlines()
    assert lines[:5] == [
        "/*",
        " * in[0] is spot, in[1] to in[12] are table[0] to table[11].",
        " * fixed[0] is rates[0], fixed[1] is rates[1], fixed[2] is __ int x _ 5_ __ _ ____ gr__e.",
        " * out[0] is result[0], out[1] is result[1].",
        " */",
    ]


def test_c_refuses_what_it_cannot_say() -> None:
    many = vmap(lambda x: mg.polygamma(2.0, x))
    with pytest.raises(ValueError, match=r"vmap of .* has compiled nothing yet"):
        many.to_c()
    many([1.0])
    with pytest.raises(NotImplementedError, match="polygamma has no form in C"):
        many.to_c()
    double = vmap(lambda x: x * 2)
    double([1.0])
    with pytest.raises(ValueError, match="must be an identifier"):
        double.to_c("two words")
    for name in ("exp", "omp_get_max_threads"):
        with pytest.raises(ValueError, match=f"cannot be called '{name}'"):
            double.to_c(name)
