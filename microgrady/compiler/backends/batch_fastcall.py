"""Built-in functions of Python's that take a small batch straight to a kernel and bring the results back.

They do for arrays of points what those for single calls do: nothing in Python. Arguments are read where they are, and
the kernel writes into the arrays that are returned.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from microgrady.compiler.backends.array_interface import array_interface
from microgrady.compiler.backends.batch_fastcall_code import batch_fastcall_source
from microgrady.compiler.backends.batch_plan import CONSECUTIVE, PAIR, STRIDED, BatchPlan
from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.fastcall import array_part, built_in_function, is_plain, part_of, parts_of
from microgrady.compiler.backends.fastcall_parts import ARRAY, Part
from microgrady.compiler.backends.lane_sums import lane_sums
from microgrady.compiler.backends.llvm import Module
from microgrady.compiler.backends.simd import Access
from microgrady.compiler.fold import LANES
from microgrady.trees import Shape, Structure, count

MOST_AXES = 31  # of the points' arrays: with that of the batch as many as arrays have in NumPy 1
HELD = 2000  # operations that are done while other threads wait


@dataclass(frozen=True)
class BatchArgument:
    """What an argument of a fast call is.

    Attributes:
        shape: At one point: None for a float, the shape of an array.
        access: How its numbers are reached. What is not fixed is an array with the points along its first axis.
    """

    shape: Shape
    access: Access


@dataclass(frozen=True)
class BatchForm:
    """What a fast call takes and what it returns.

    Attributes:
        arguments: Of the function.
        leaves: How many floats stand in a list that is one more argument; 0 for no such argument.
        structure: That of the result at one point.
        reduce: "sum" or "mean" if results are added up; None if not.
    """

    arguments: tuple[BatchArgument, ...]
    leaves: int
    structure: Structure
    reduce: str | None = None

    @property
    def is_possible(self) -> bool:
        """Whether there can be a fast call: NumPy is as expected, and tuples and lists are not nested deeply."""
        shapes = (*(argument.shape for argument in self.arguments), *self.structure.shapes)
        few_axes = all(shape is None or len(shape) <= MOST_AXES for shape in shapes)
        return few_axes and is_plain(self.structure) and array_interface() is not None


@dataclass(frozen=True)
class Kernels:
    """The kernels of a path, for one pattern of its numbers.

    Attributes:
        dense: The address of that for points in a row, at least as many as its width; 0 for none.
        listed: The address of that for listed points, which does fewer; 0 for none.
        memory: How many bytes they work on.
        width: How many points they work on at once.
        operations: How many operations they do for a point.
        counter: Where the points are counted that they did in fast calls.
        kept: What keeps them in memory.
    """

    dense: int
    listed: int
    memory: int
    width: int
    operations: int
    counter: ctypes.c_int64
    kept: Any


def batch_fastcall_module() -> Module:
    """Return the instructions, which are `call_batch`: the same for all, as what differs is data."""
    return Module(batch_fastcall_source(), set(), 0)


@functools.cache
def batch_fastcall_executable() -> Executable:
    """Return the instructions that serve all kernels of this process."""
    return Executable([batch_fastcall_module()], ("call_batch",), 0)


class BatchFastCall:
    """What a built-in function needs, which keeps it.

    Args:
        form: What it takes and what it returns.
        kernels: What it runs.
        most: How many points it takes at most.
    """

    def __init__(self, form: BatchForm, kernels: Kernels, most: int) -> None:
        self._lengths: list[Any] = []
        self._arguments = (Part * len(form.arguments))(*map(self._argument, form.arguments))
        self._results = parts_of(form.structure, functools.partial(self._result, form.reduce is not None))
        self._kernels = kernels
        self._adding = None if form.reduce is None else lane_sums()
        interface = array_interface()
        assert interface is not None  # as `is_possible` says
        self._plan = BatchPlan(
            dense=kernels.dense,
            listed=kernels.listed,
            add=self._adding.addresses["add"] if self._adding else 0,
            divides=form.reduce == "mean",
            counter=ctypes.addressof(kernels.counter),
            count=len(form.arguments),
            leaves=form.leaves,
            arguments=ctypes.addressof(self._arguments),
            results=ctypes.addressof(self._results),
            outputs=form.structure.count,
            float=id(float),
            ndarray=id(interface.kind),
            new=interface.new,
            width=kernels.width,
            least=1 if kernels.listed else kernels.width,
            most=most if kernels.dense else kernels.width - 1,
            held=HELD * kernels.width // max(1, kernels.operations),
        )
        self._lay_out(form)

    def _lay_out(self, form: BatchForm) -> None:
        """Say where in the memory of a call what stands."""
        numbers = [(count(argument.shape), argument.access) for argument in form.arguments]
        columns = sum(number for number, access in numbers if access is not Access.FIXED) + form.structure.count
        room = {
            "table": PAIR * columns,
            "fixed": 8 * (sum(number for number, _ in numbers) + form.leaves),
            "lengths": 8 * (MOST_AXES + 1),
            "indices": 8 * self._kernels.width,
            "lanes": 8 * LANES * form.structure.count,
            "rows": 0,
            "codes": 4 * self._kernels.width,  # even for less points
        }
        place = -(-self._kernels.memory // 64) * 64
        for name, size in room.items():
            setattr(self._plan, name, place)
            place += size
        self._plan.size = place + 63  # as memory begins at a line of the cache
        self._plan.row = 0 if form.reduce is None else 8 * form.structure.count

    def function(self) -> Callable[..., Any]:
        """Return a function that takes arrays and floats and returns arrays; or the type float where it has none.

        It has none where other arguments are given, or a point leaves the path.
        """
        instructions = batch_fastcall_executable()
        return built_in_function(instructions.addresses["call_batch"], self._plan, (self, instructions))

    def _argument(self, argument: BatchArgument) -> Part:
        if argument.access is Access.FIXED:
            return part_of(argument.shape, self._lengths)
        kind = CONSECUTIVE if argument.access is Access.CONSECUTIVE else STRIDED
        return array_part(kind, (0, *(argument.shape or ())), 8 * count(argument.shape), self._lengths)

    def _result(self, is_sum: bool, shape: Shape) -> Part:
        if is_sum:
            return part_of(shape, self._lengths)
        return array_part(ARRAY, (0, *(shape or ())), 8 * count(shape), self._lengths)
