"""Random functions at many points at once: each point has what the function gives for it alone, however it comes."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import numpy as np

import microgrady as mg
from microgrady import Value
from microgrady.compiler import batch_path, batch_worker, batches, fold
from microgrady.compiler.backends.host import features
from microgrady.compiler.programs import loops
from microgrady.compiler.programs.program import Guard, Operation, Program
from microgrady.trees import flatten
from tests.fuzz.floats import any_float, ordinary, same_bits, same_number
from tests.fuzz.loops import LoopSource
from tests.fuzz.programs import OPERATIONS, Source
from tests.fuzz.shapes import ShapedSource
from tests.plain import plain
from tests.test_program import recorded

COUNTS = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 40, 100)
DTYPES = ("f8", "f8", "f8", "f8", "f4", "f2", ">f8", "i8", "i2", "u4", "?")
# What the same operands give to the last bit, however it is computed.
ROUNDED = """
add sub mul div neg abs sqrt where maximum minimum relu floor ceil trunc copysign greater greater_equal less less_equal
equal not_equal masked_product square sign fmod mod floordiv
"""
NUDGE = 2.0**-47  # 32 ulp: much more than what functions of vectors and of numbers differ by
NUDGED_RUNS = 6

Function = Callable[..., Any]
Numbers = list[float]


class Work:
    """A function of some numbers, which come one by one or in one array.

    Args:
        chance: What makes it.

    Attributes:
        count: How many numbers it takes.
        in_array: Whether it takes them in one array.
        function: It takes the numbers, and returns one number or a structure.
        derived: Whether what it returns holds derivatives, of which a zero may have another sign.
    """

    def __init__(self, chance: random.Random) -> None:
        self.in_array = chance.random() < 0.4
        if self.in_array:
            source: Any = LoopSource(chance) if chance.random() < 0.5 else ShapedSource(chance)
            function = source.function()

            def called(x: Any) -> Any:
                found = function(list(x))  # of which only the first few are there on all paths
                return [*found[:4], found[-1]]

            def scalar(x: Any) -> Any:
                return mg.sum(function(list(x))) + x[0]

        else:
            source = Source(chance, list(OPERATIONS), chance.choice((0.0, 0.15, 0.4)))
            called = scalar = source
        self.count = source.count
        argnums = 0 if self.in_array else tuple(range(self.count))
        kind = chance.choice(("itself", "itself", "value_and_grad", "grad", "hessian", "jacobian"))
        if kind == "hessian" and self.in_array:
            kind = "grad"
        self.derived = kind != "itself"
        self.kind = kind
        self.source = source
        match kind:
            case "itself":
                self.function: Function = called
            case "jacobian":
                self.function = mg.jacobian(lambda *x: mg.array([scalar(*x), 2.0 * scalar(*x)]), argnums)
            case _:
                self.function = getattr(mg, kind)(scalar, argnums)

    def __call__(self, numbers: Sequence[Any]) -> Any:
        """Return what it gives for the numbers of one point."""
        return self.function(np.array(numbers)) if self.in_array else self.function(*numbers)

    def expected(self, point: Sequence[float]) -> Numbers:
        """Return the numbers that it gives when it is interpreted, on Values if it takes no derivatives itself."""
        if self.kind == "jacobian":
            # In which order a matrix is made depends on the graph, and what is recorded has what was not selected, too.
            outputs = self.recorded(point).evaluate(point)
            assert not isinstance(outputs, Guard)
            return outputs
        if self.derived:
            return flatten(self(point), "the result")[0]
        values = [Value(number) for number in point]
        return [
            plain(entry) for entry in flatten(self.function(mg.array(values)) if self.in_array else self(values), "")[0]
        ]

    def recorded(self, point: Sequence[float]) -> Program:
        """Return the program of a point."""
        if self.in_array:
            return recorded(lambda *inputs: self.function(mg.array(inputs)), *point)
        return recorded(self.function, *point)

    def __str__(self) -> str:
        return f"{self.kind}{' of an array' if self.in_array else ''} of\n{self.source}"


def points_of(chance: random.Random, work: Work, dtypes: Sequence[str]) -> list[Numbers]:
    """Return some points, of numbers that stand in arrays of these types."""
    number = any_float if chance.random() < 0.5 else ordinary
    points = [[number(chance) for _ in range(work.count)]]
    for _ in range(chance.choice((0, 1, 2, 5, 9))):
        point = list(chance.choice(points)) if chance.random() < 0.5 else [number(chance) for _ in range(work.count)]
        point[chance.randrange(work.count)] = chance.choice((number(chance), 0.0, -0.0, 0.25))
        points.append(point)
    return [[rounded(number, dtype) for number, dtype in zip(point, dtypes, strict=True)] for point in points]


def rounded(number: float, dtype: str) -> float:
    """Return a number that an array of a type can hold."""
    kind = np.dtype(dtype)
    if kind.kind in "iub":
        if not math.isfinite(number):
            return 1.0
        low = 0 if kind.kind in "ub" else -50
        return float(max(low, min(1 if kind.kind == "b" else 50, round(number))))
    with np.errstate(all="ignore"):
        return float(np.array(number).astype(kind))


def laid_out(chance: random.Random, numbers: Any) -> Any:
    """Return an array of the same numbers that lies otherwise in memory.

    Args:
        chance: What chooses how.
        numbers: An array with the points along its first axis.
    """
    count = len(numbers)
    match chance.randrange(8):
        case 0:
            return numbers
        case 1:  # from the last one to the first one
            return np.ascontiguousarray(numbers[::-1])[::-1]
        case 2:  # every third
            room = np.full((3 * count, *numbers.shape[1:]), 1, numbers.dtype)
            room[1::3] = numbers
            return room[1::3]
        case 3:  # other axes run fastest
            return np.asfortranarray(numbers)
        case 4:  # at odd addresses
            raw = np.frombuffer(b"x" + numbers.tobytes(), np.uint8)[1:]
            return np.ndarray(numbers.shape, numbers.dtype, raw.data)
        case 5:
            numbers = numbers.copy()
            numbers.flags.writeable = False
            return numbers
        case 6:  # in records beside other things
            record = np.zeros(count, [("a", "i1"), ("b", numbers.dtype, numbers.shape[1:])])
            record["b"] = numbers
            return record["b"]
        case _:
            if count and numbers.tobytes() == np.repeat(numbers[:1], count, 0).tobytes():
                return np.broadcast_to(numbers[0], numbers.shape)
            return numbers


def arguments_of(chance: random.Random, work: Work, points: list[Numbers], dtypes: Sequence[str]) -> tuple[Any, Any]:
    """Return the arguments of a batch of these points, and its in_axes."""
    if work.in_array:
        table = laid_out(chance, np.array(points, dtypes[0]).reshape(len(points), work.count))
        return ([table], 0) if chance.random() < 0.6 else ([laid_out(chance, table).T], chance.choice((1, -1)))
    args: list[Any] = []
    axes: list[int | None] = []
    for place, dtype in enumerate(dtypes):
        column = [point[place] for point in points]
        if points and len({number.hex() for number in column}) == 1 and chance.random() < 0.5:
            args.append(column[0])
            axes.append(None)
        else:
            args.append(laid_out(chance, np.array(column, dtype)))
            axes.append(chance.choice((0, -1)))
    if all(axis is None for axis in axes):
        args[0], axes[0] = np.full(len(points), args[0]), 0
    return args, tuple(axes)


def columns_of(structured: Any, count: int) -> list[Numbers]:
    """Return the numbers that a batched function gives, point by point."""
    parts: list[Any] = []

    def collect(tree: Any) -> None:
        if isinstance(tree, (list, tuple)):
            for branch in tree:
                collect(branch)
        else:
            assert tree.shape[0] == count
            assert tree.dtype == np.float64
            parts.append(tree.reshape(count, math.prod(tree.shape[1:])))

    collect(structured)
    return np.concatenate(parts, axis=1).tolist() if parts else [[] for _ in range(count)]


def nudged(chance: random.Random, program: Program, point: Sequence[float]) -> Numbers | None:
    """Return what a program gives where functions are a little off; None if another way is taken."""
    known = [*point]
    exact = set(ROUNDED.split())
    for step in program.steps():
        operands = program.look_up(step.operands, known)
        if isinstance(step, Operation):
            number = float(step.op(*operands))
            known.append(number if step.op.name in exact else number * (1.0 + chance.uniform(-NUDGE, NUDGE)))
        elif _fails(step.guard, operands):
            return None
    return program.look_up(program.outputs, known)


def _fails(guard: Guard, operands: Sequence[float]) -> bool:
    from microgrady.compiler.programs.program import COMPARISONS

    return bool(COMPARISONS[guard.symbol](*operands)) is not guard.outcome


def require_close(chance: random.Random, work: Work, point: Numbers, found: Numbers, expected: Numbers) -> None:
    """Raise if numbers differ by more than the functions of vectors account for."""
    program = work.recorded(point)
    others = [nudged(chance, program, point) for _ in range(NUDGED_RUNS)]
    for number, right, *rest in zip(
        found, expected, *(expected if other is None else other for other in others), strict=True
    ):
        if same_number(number, right):
            continue
        if any(other is None for other in others) or not all(map(math.isfinite, [right, *rest])):
            continue  # so near to another way, or to the end of the range, that either is right
        spread = max(abs(other - right) for other in rest)
        bound = 2.0 * spread + 4.0 * math.ulp(right)
        assert abs(number - right) <= bound, f"{number} instead of {right} (bound {bound}) at {point}:\n{work}"


class Calls:
    """Calls of one function, for batches of any of some points.

    Args:
        chance: What makes them.

    Attributes:
        work: The function.
        options: Those of `vmap`.
        distinct: The points.
        expected: What the function gives for each of them alone.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.work = work = Work(chance)
        types = ("f8",) if chance.random() < 0.5 else DTYPES
        self._dtypes = [chance.choice(types) for _ in range(work.count)]
        if work.in_array:
            self._dtypes = self._dtypes[:1] * work.count
        self.distinct = points_of(chance, work, self._dtypes)
        self.expected = [work.expected(point) for point in self.distinct]
        self.options: dict[str, Any] = {
            "max_paths": chance.choice((64, 64, 1, 3)),
            "threads": chance.choice((None, 1, 2, 3)),
            "optimize": chance.choice((None, None, True, False)),
        }

    def _batch(self) -> tuple[list[int], list[Any], Any]:
        """Return some of the points by their numbers, and the arguments and in_axes for them."""
        order = [self._chance.randrange(len(self.distinct)) for _ in range(self._chance.choice(COUNTS))]
        points = [self.distinct[place] for place in order]
        return order, *arguments_of(self._chance, self.work, points, self._dtypes)

    def require_points(self) -> None:
        """Raise if a point has another result than alone."""
        exact = self._chance.random() < 0.6
        vmapped, previous = None, None
        for _ in range(2):
            order, args, axes = self._batch()
            if vmapped is None or previous != axes:
                vmapped, previous = mg.vmap(self.work.function, axes, exact=exact, **self.options), axes
            for _ in range(self._chance.choice((1, 1, 3))):
                found = columns_of(vmapped(*args), len(order))
            for place, numbers in zip(order, found, strict=True):
                right, point = self.expected[place], self.distinct[place]
                if not exact:
                    require_close(self._chance, self.work, point, numbers, right)
                    continue
                same = same_number if self.work.derived else same_bits
                among = [self.distinct[place] for place in order]
                shown = f"{numbers} instead of {right} at {point} among {among}, {self.options}:\n{self.work}"
                assert all(map(same, numbers, right)), shown

    def require_sums(self) -> None:
        """Raise if a sum or a mean has other bits than that of the results of points alone."""
        reduce: Any = self._chance.choice(("sum", "mean"))
        order, args, axes = self._batch()
        vmapped = mg.vmap(self.work.function, axes, reduce=reduce, exact=True, **self.options)
        columns = list(zip(*(self.expected[place] for place in order), strict=True)) or [()] * len(self.expected[0])
        expected = [fold.fold(column, reduce) for column in columns]
        for _ in range(self._chance.choice((1, 1, 3))):
            found = flatten(vmapped(*args), "the result")[0]
        among = [self.distinct[place] for place in order]
        shown = f"{reduce} {found} instead of {expected} of {among}, {self.options}:\n{self.work}"
        assert all(map(same_number, found, expected)), shown

    def require_backward(self) -> None:
        """Raise if leaves get another derivative than the sum of those that points have alone."""
        count = self._chance.randint(0, self.work.count - 1)
        leaves = [Value(number) for number in self.distinct[0][count:]]
        points = [[*point[:count], *self.distinct[0][count:]] for point in self.distinct]
        slopes = mg.grad(self.work.source, tuple(range(self.work.count)))
        alone = [flatten(slopes(*point), "the slopes")[0][count:] for point in points]
        vmapped = mg.vmap(lambda x: self.work.source(*x, *leaves), exact=True, **self.options)
        for _ in range(2):
            order, *_ = self._batch()
            rows = np.array([points[place][:count] for place in order]).reshape(len(order), count)
            for leaf in leaves:
                leaf.grad = 0.0
            vmapped.backward(rows)
            columns = list(zip(*(alone[place] for place in order), strict=True)) or [()] * len(leaves)
            expected = [fold.fold(column, "sum") for column in columns]
            found = [leaf.grad for leaf in leaves]
            among = [points[place] for place in order]
            shown = f"{found} instead of {expected} by the last inputs, of {among}, {self.options}:\n{self.work.source}"
            assert all(map(same_number, found, expected)), shown


def case(chance: random.Random) -> None:
    """One function at many points, in small pieces, on several threads, in several calls."""
    calls = Calls(chance)
    width = chance.choice((4, 8)) if "avx512f" in features() else 4
    piece = chance.choice((8, 24, 16_384))
    kind = chance.random()
    with (
        mock.patch.object(batches, "PIECE", piece),
        mock.patch.object(batch_worker, "PIECE", piece),
        mock.patch.object(fold, "PIECE", piece),
        mock.patch.object(batches, "OPERATIONS", chance.choice((1, 1 << 22))),
        mock.patch.object(batch_worker, "FEW", chance.choice((0, 1 << 20))),
        mock.patch.object(batch_worker, "GATHERING", chance.choice((0, 4, 1 << 20))),
        mock.patch.object(batch_worker, "lanes_of_host", return_value=width),
        mock.patch.object(batch_path, "lanes_of_host", return_value=width),
        mock.patch.multiple(loops, KEPT_COST=0.0, LOOP_COST=0.0, EASY=0),
        warnings.catch_warnings(),
    ):
        if calls.options["max_paths"] < 64:
            warnings.filterwarnings("ignore", ".*are interpreted", RuntimeWarning)
        if kind < 0.65:
            calls.require_points()
        elif kind < 0.85 or calls.work.in_array:
            calls.require_sums()
        else:
            calls.require_backward()
