"""Kernels: programs in vectors of points, each of which has what the program gives for it alone."""

from __future__ import annotations

import itertools
import random
import sys
from typing import Any

import pytest

from microgrady.compiler.backends.host import features
from microgrady.compiler.backends.memory import in_pieces
from microgrady.compiler.backends.simd import ALIGNMENT, Access, Kernel, Pattern, lanes_of_host
from microgrady.compiler.batch_path import LoadedKernel
from microgrady.compiler.fold import LANES
from microgrady.compiler.options import BatchOptions
from microgrady.compiler.programs.looped import LoopedProgram, _Evaluation
from microgrady.compiler.programs.program import COMPARISONS, Guard
from microgrady.compiler.programs.reach import Reach
from tests.fuzz.floats import any_float, same_bits
from tests.looped_programs import INPUTS, OUTPUTS, LoopMaker
from tests.processes import run
from tests.test_program import recorded

pytest.importorskip("llvmlite", reason="needs llvmlite")
np = pytest.importorskip("numpy", reason="needs NumPy")

FIXED, CONSECUTIVE, STRIDED = Access.FIXED, Access.CONSECUTIVE, Access.STRIDED
EXACT = BatchOptions(64, None, None, None, True, 1, False)
WIDTHS = sorted({4, lanes_of_host()})
BESIDE = -77.0  # what stands beside the numbers of points


class Run:
    """A kernel that was run at some points.

    Args:
        kernel: The kernel.
        points: The numbers of the points, an array with a row for each; in a fixed place all have that of the first.
        effort: What LLVM spends on it.
        order: Which points are done, and in which order; None for all of them as they stand.
        passed_over: Of points that are done as they stand, those that are not.

    Attributes:
        outputs: An array with a row for each point.
        codes: Those of the points that were done.
        left: How many it says have left the path.
    """

    def __init__(
        self,
        kernel: Kernel,
        points: Any,
        effort: int = 0,
        order: list[int] | None = None,
        passed_over: list[int] | None = None,
    ) -> None:
        count = len(points)
        self._columns = [_column(points[:, place], kernel.access(place)) for place in kernel.pattern.batched]
        out = [_column(np.full(count, BESIDE), access) for access in kernel.pattern.outputs]
        rows = [(column.ctypes.data, column.strides[0]) for column in [*self._columns, *out]]
        table = np.array(rows, np.int64).reshape(-1, 2)
        memory = np.full(kernel.memory_size // 8 + 8, BESIDE)
        shift = -memory.ctypes.data % ALIGNMENT // 8
        done = list(range(count)) if order is None else order
        listed = np.array(done, np.int64)
        self.codes = np.full(len(done) + 1, -5, np.int32)
        if passed_over is not None:
            self.codes[:-1] = 0
            self.codes[passed_over] = -1
        fixed = points[0].copy()
        loaded = LoadedKernel(kernel, effort, EXACT)
        start = listed.ctypes.data if kernel.pattern.listed else 0
        work = memory[shift:]
        self.left = loaded.run(*(each.ctypes.data for each in (table, fixed, work, self.codes)), start, len(done))
        assert self.codes[-1] == -5
        assert (work[(kernel.memory_size - ALIGNMENT) // 8 :] == BESIDE).all()
        assert all((each.base[1::2] == BESIDE).all() for each in out if each.strides[0] == 16)
        self.codes = self.codes[:-1]
        self.outputs = np.stack(out, 1)


def _column(numbers: Any, access: Access) -> Any:
    """Return numbers side by side, or with something between them."""
    if access is not STRIDED:
        return numbers.copy()
    room = np.full(2 * len(numbers), BESIDE)
    room[::2] = numbers
    return room[::2]


def require_right(looped: LoopedProgram, points: Any, found: Run, done: list[int]) -> None:
    """Raise if a point that was done has another result than the program alone gives, or left it elsewhere."""
    guards = [guard for _, guard in looped.program.guards]
    for point, code in zip(done, found.codes.tolist(), strict=True):
        expected = looped.evaluate(points[point].tolist())
        if isinstance(expected, Guard):
            assert guards[code - 1] is expected
            continue
        assert code == 0
        assert all(map(same_bits, found.outputs[point].tolist(), expected))
    assert bool(found.left) == bool(found.codes.any())


def random_points(chance: random.Random, count: int, inputs: int = INPUTS) -> Any:
    return np.array([[any_float(chance) for _ in range(inputs)] for _ in range(count)])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("crosses", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_loops_at_many_points_give_the_bits_of_single_ones(seed: int, crosses: bool, width: int) -> None:
    chance = random.Random(f"simd {seed} {crosses}")
    for _ in range(2):
        looped = LoopMaker(chance, crosses).make()
        accesses = tuple(chance.choice((FIXED, CONSECUTIVE, STRIDED)) for _ in range(INPUTS))
        outputs = tuple(chance.choice((CONSECUTIVE, STRIDED)) for _ in range(OUTPUTS))
        points = random_points(chance, chance.randint(width, 3 * width))
        for place in range(INPUTS):
            if accesses[place] is FIXED:
                points[:, place] = points[0, place]
        dense = Run(Kernel(looped, Pattern(accesses, outputs), width, True), points, chance.choice((0, 2)))
        require_right(looped, points, dense, list(range(len(points))))
        order = [chance.randrange(len(points)) for _ in range(width * chance.randint(1, 3))]
        listed = Run(Kernel(looped, Pattern(accesses, outputs, True), width, True), points, 0, order)
        require_right(looped, points, listed, order)
        untouched = sorted({*range(len(points))} - {*order})
        assert (listed.outputs[untouched] == BESIDE).all()


@pytest.mark.parametrize("width", WIDTHS)
def test_points_in_between_are_passed_over(width: int) -> None:
    chance = random.Random(f"masked {width}")
    for share in (0.1, 0.5, 0.9, 1.0):
        looped = LoopMaker(chance, True).make()
        points = random_points(chance, chance.randint(width, 4 * width))
        away = [place for place in range(len(points)) if chance.random() < share]
        here = sorted({*range(len(points))} - {*away})
        pattern = Pattern((STRIDED,) * INPUTS, (CONSECUTIVE,) * OUTPUTS, masked=True)
        found = Run(Kernel(looped, pattern, width, True), points, 2, passed_over=away)
        assert (found.codes[away] == -1).all()
        assert (found.outputs[away] == BESIDE).all()
        found.codes = found.codes[here]
        require_right(looped, points, found, here)


@pytest.mark.parametrize("width", [*WIDTHS, 2 * LANES])
def test_outputs_that_are_added_up_have_the_bits_of_fold(width: int) -> None:
    chance = random.Random(f"added {width}")
    done = soon = 0
    for _ in range(12):
        looped = LoopMaker(chance, True).make()
        points = np.array([[chance.uniform(-3.0, 3.0) for _ in range(INPUTS)] for _ in range(2 * max(width, LANES))])
        away = {place for place in range(len(points)) if chance.random() < 0.2}
        results = [looped.evaluate(point) for point in points.tolist()]
        if any(isinstance(result, Guard) for result in results):
            continue
        kernel = Kernel(looped, Pattern((STRIDED,) * INPUTS, (Access.ADDED,) * OUTPUTS, masked=True), width, True)
        columns = [_column(points[:, place], STRIDED) for place in range(INPUTS)]
        memory, sums = np.zeros(kernel.memory_size // 8), np.zeros((looped.size + 1, LANES))
        shift = -sums.ctypes.data % ALIGNMENT
        entries = [*((column.ctypes.data, 16) for column in columns), (sums.ctypes.data + shift, 8)]
        table = np.array(entries, np.int64)
        codes = np.array([-(place in away) for place in range(len(points))], np.int32)
        work = memory.ctypes.data + -memory.ctypes.data % ALIGNMENT
        loaded = LoadedKernel(kernel, 0, EXACT)
        loaded.run(table.ctypes.data, table.ctypes.data, work, codes.ctypes.data, 0, len(points))
        for place, terms in zip(loaded.sum_places, zip(*results, strict=True), strict=True):
            lanes = [0.0] * LANES
            for point, term in enumerate(terms):
                if point not in away:
                    lanes[point % LANES] += term
            found = sums.ravel()[shift // 8 :][LANES * place : LANES * (place + 1)].tolist()
            assert all(map(same_bits, found, lanes))
        done, soon = done + 1, soon + bool(kernel.sums and kernel.sums.added)
    assert done > 3
    assert soon > 1


def test_what_is_reached_holds_all_that_is_read_and_written() -> None:
    chance = random.Random("reach")
    for _ in range(60):
        looped = LoopMaker(chance, True).make()
        reach = Reach(looped)
        reads: set[int] = set()
        writes: set[int] = set()

        class Watched(list[float]):
            def __getitem__(self, index: Any, reads: set[int] = reads) -> Any:
                reads.add(index)
                return super().__getitem__(index)

            def __setitem__(self, index: Any, number: Any, writes: set[int] = writes) -> None:
                writes.add(index)
                super().__setitem__(index, number)

        memory = Watched([1.0] * looped.size)
        for piece in looped.pieces:
            _Evaluation(looped, memory).run(piece, ())
        assert reads <= {place for some in reach.reads.values() for place in some}
        assert writes <= {place for some in reach.writes.values() for place in some}


def outputs_of_all_kinds(x: Any, y: Any) -> Any:
    """A copy, a constant, the same twice, inputs as they are, and one that another piece uses."""
    total = x * y
    return [total, total, 3.0, x, y, x, total + 1.0, -0.0]


@pytest.mark.parametrize("access", [CONSECUTIVE, STRIDED, FIXED])
@pytest.mark.parametrize("width", WIDTHS)
def test_outputs_may_be_constants_and_inputs_and_the_same_more_than_once(width: int, access: Access) -> None:
    program = recorded(outputs_of_all_kinds, 1.0, 2.0)
    chance = random.Random(3)
    points = random_points(chance, 2 * width + 3, 2)
    if access is FIXED:
        points[:, 1] = points[0, 1]
    looped = in_pieces(program, 2)
    pattern = Pattern((CONSECUTIVE, access), (CONSECUTIVE, STRIDED) * 4)
    require_right(looped, points, Run(Kernel(looped, pattern, width, True), points), list(range(len(points))))


def long_chain(x: Any, y: Any) -> Any:
    """Some hundred operations, so that there are several pieces, with guards and outputs in all of them."""
    found = []
    for turn in range(260):
        x, y = y - x * 0.125, x + y * 0.25
        if turn % 60 == 7:
            found.append(x if x < 1e3 else y)
    return [*found, x, y]


@pytest.mark.parametrize("width", WIDTHS)
def test_pieces_hand_on_numbers_and_points_leave_in_any_of_them(width: int) -> None:
    program = recorded(long_chain, 0.5, 0.25)
    looped = in_pieces(program, 2)
    assert len(looped.pieces) > 2
    chance = random.Random(4)
    points = np.array([[chance.uniform(-1, 1) * 10.0 ** chance.randint(-3, 4) for _ in range(2)] for _ in range(61)])
    found = Run(Kernel(looped, Pattern((CONSECUTIVE,) * 2, (CONSECUTIVE,) * 7), width, True), points)
    require_right(looped, points, found, list(range(61)))
    assert len({*found.codes.tolist()}) > 3
    none_stay = np.full((width, 2), 1e9)
    require_right(
        looped,
        none_stay,
        Run(Kernel(looped, Pattern((FIXED,) * 2, (STRIDED,) * 7), width, True), none_stay),
        list(range(width)),
    )


@pytest.mark.parametrize("outcome", [True, False])
@pytest.mark.parametrize("symbol", COMPARISONS)
def test_each_lane_has_its_own_outcome_of_a_comparison(symbol: str, outcome: bool) -> None:
    numbers = [-np.inf, -1.0, -0.0, 0.0, 5e-324, 1.0, np.inf, np.nan]
    pairs = np.array(list(itertools.product(numbers, repeat=2)))
    first = next(pair for pair in pairs.tolist() if COMPARISONS[symbol](*pair) is outcome)
    program = recorded(lambda x, y: x if COMPARISONS[symbol](x, y) else y, *first)
    looped = in_pieces(program, 2)
    for width in WIDTHS:
        found = Run(Kernel(looped, Pattern((CONSECUTIVE,) * 2, (CONSECUTIVE,)), width, True), pairs)
        assert [code == 0 for code in found.codes.tolist()] == [
            COMPARISONS[symbol](*pair) is outcome for pair in pairs.tolist()
        ]
        require_right(looped, pairs, found, list(range(len(pairs))))


def test_the_widest_vectors_are_used() -> None:
    assert lanes_of_host() == (8 if "avx512f" in features() else 4)


@pytest.mark.skipif(sys.platform != "linux", reason="protects pages as Linux does")
def test_nothing_beside_the_arrays_is_read_or_written() -> None:
    ended = run([sys.executable, "-m", "tests.vmap_edges"])
    assert (ended.returncode, ended.stdout) == (0, "whole\n"), ended.stderr
    ended = run([sys.executable, "-m", "tests.vmap_edges", "one too many"])
    assert ended.returncode < 0, ended.stdout + ended.stderr
