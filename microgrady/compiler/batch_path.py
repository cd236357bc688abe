"""One way through a function for many points: its kernels."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable, Iterable
from typing import Any

from microgrady.compiler.backends.batch_fastcall import BatchFastCall, BatchForm, Kernels
from microgrady.compiler.backends.cache import key_of
from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.llvm import Module
from microgrady.compiler.backends.memory import in_pieces
from microgrady.compiler.backends.simd import Access, Kernel, Pattern, lanes_of_host
from microgrady.compiler.options import BatchOptions
from microgrady.compiler.path import CompiledPath
from microgrady.compiler.programs.looped import LoopedProgram
from microgrady.compiler.programs.program import Operation
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.signature import Numbers
from microgrady.forks import LockOfOneProcess

SMALL = 2000  # operations up to which LLVM's passes are run
LARGE = 40_000  # beyond which it only writes what it is given
KERNELS = 128  # that a process keeps for copies of their functions
PATTERNS = 16  # for which kernels are kept; what callers have is rarely in more orders than these


class LoadedKernel:
    """A kernel in machine code.

    Args:
        kernel: What to compile.
        effort: What LLVM spends on it.
        options: How to compile.
        modules: Its LLVM IR, if that has been written.

    Attributes:
        run: Takes the addresses of the table, the fixed inputs, the memory, the codes, and then the first point or the
            address of the list, and the number of points; `Kernel.modules` tells more.
        address: Where it is.
        memory_size: How many bytes it works on.
        width: How many points a vector has.
        sum_places: For each output that is added up the number of its sums.
        sum_count: How many sums there is to be room for.
    """

    def __init__(
        self, kernel: Kernel, effort: int, options: BatchOptions, modules: Iterable[Module] | None = None
    ) -> None:
        self._executable = Executable(modules or kernel.modules(), ["kernel"], effort, options.cache)
        self.address = self._executable.addresses["kernel"]
        self.memory_size = kernel.memory_size
        self.width = kernel.element.width
        self.sum_places = [] if kernel.sums is None else kernel.sums.places
        self.sum_count = kernel.looped.size
        # Other threads run meanwhile.
        self.run: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 5, ctypes.c_int64)(
            self.address
        )


# What workers are sent comes as a new copy of the function each time, to be compiled once.
_latest: dict[str, LoadedKernel] = {}


def _loaded(kernel: Kernel, effort: int, options: BatchOptions) -> LoadedKernel:
    """Compile a kernel, or return the same one of another copy of its function."""
    if not effort:  # it is too large to be kept
        return LoadedKernel(kernel, effort, options)
    modules = list(kernel.modules())
    places = "" if kernel.sums is None else str(kernel.sums.places)  # which the code does not say
    key = key_of(*(module.source for module in modules), str(effort), str(options.cache), places)
    loaded = _latest.pop(key, None) or LoadedKernel(kernel, effort, options, modules)
    _latest[key] = loaded
    for oldest in list(_latest)[:-KERNELS]:
        _latest.pop(oldest, None)
    return loaded


class BatchPath(CompiledPath):
    """One way through a function, for many points.

    Attributes:
        batched: For each of the arguments' numbers whether each point has its own.
        points: How many points took it, in all calls.
    """

    def __init__(
        self, recording: Recording, numbers: Numbers, options: BatchOptions, batched: tuple[bool, ...]
    ) -> None:
        super().__init__(recording, numbers, options.optimize, options.cache)
        self.batched = batched
        self._options = options

    def _lay_out(self) -> None:
        super()._lay_out()
        self._kernels: dict[Pattern, LoadedKernel] = {}
        self._fastcalls: dict[Any, Callable[..., Any]] = {}
        self._counted = 0
        self._counting = LockOfOneProcess()
        self._counter = ctypes.c_int64()  # of fast calls

    @property
    def points(self) -> int:
        """How many points took it, in all calls."""
        return self._counted + self._counter.value

    def count(self, points: int) -> None:
        """Note that some more points took it."""
        with self._counting.here():
            self._counted += points

    @functools.cached_property
    def is_vectorized(self) -> bool:
        """Whether there are kernels; else Python must compute something, and the points run one by one."""
        return all(op.lower is not None for op in set(self.program.ops))

    @property
    def input_count(self) -> int:
        """How many numbers come in, those of leaves among them."""
        return self.program.input_count

    def dependent_outputs(self) -> list[bool]:
        """Return for each output whether it may differ from point to point, as some of the inputs do."""
        program = self.program
        differs = [*self.batched, *[False] * (program.input_count - len(self.batched))]
        for step in program.steps():
            if isinstance(step, Operation):
                differs.append(any(place >= 0 and differs[place] for place in step.operands))
        return [place >= 0 and differs[place] for place in program.outputs]

    def kernel(self, pattern: Pattern) -> LoadedKernel:
        """Return the kernel for a pattern; it is compiled once."""
        loaded = self._kernels.get(pattern)
        if loaded is None:
            with self._lock.here():
                loaded = self._kernels.get(pattern)
                if loaded is None:
                    if len(self._kernels) == PATTERNS:
                        del self._kernels[next(iter(self._kernels))]
                    loaded = self._kernels[pattern] = self._load(pattern)
        return loaded

    def fastcall_of(self, form: BatchForm, dense: Pattern, listed: Pattern, most: int) -> Callable[..., Any] | None:
        """Return the function that takes small batches and returns their results, or the type float.

        It returns the type where it has no result: other arguments are given, or points leave the path. It has the
        kernels that have been compiled so far.

        Args:
            form: What it takes and what it returns.
            dense: The pattern of the kernel for points in a row.
            listed: That of the one for listed points.
            most: How many points it takes at most.
        """
        with self._lock.here():
            kernels = self._kernels.get(dense), self._kernels.get(listed)
            if kernels == (None, None) or not form.is_possible:
                return None
            key = form.arguments, form.reduce, most, *kernels
            fastcall = self._fastcalls.get(key)
            if fastcall is None:
                if len(self._fastcalls) == PATTERNS:
                    del self._fastcalls[next(iter(self._fastcalls))]
                fastcall = self._fastcalls[key] = self._new_fastcall(form, kernels, most)
            return fastcall

    def _new_fastcall(
        self, form: BatchForm, kernels: tuple[LoadedKernel | None, LoadedKernel | None], most: int
    ) -> Callable[..., Any]:
        some = next(kernel for kernel in kernels if kernel is not None)
        dense, listed = (0 if kernel is None else kernel.address for kernel in kernels)
        given = Kernels(dense, listed, some.memory_size, some.width, len(self.program.ops), self._counter, kernels)
        return self._with_leaves(BatchFastCall(form, given, most).function())

    def _load(self, pattern: Pattern) -> LoadedKernel:
        start = time.perf_counter()
        kernel, effort = self._written(pattern)
        loaded = _loaded(kernel, effort, self._options)
        self.compile_seconds += time.perf_counter() - start
        return loaded

    def _written(self, pattern: Pattern) -> tuple[Kernel, int]:
        looped = self._with_pieces()
        kept = sum(1 for _ in looped.steps())
        effort = 3 if kept <= SMALL else 2 if kept <= LARGE or self._optimize else 0
        if self._optimize is False:
            effort = 0
        return Kernel(looped, pattern, pattern.vectors * lanes_of_host(), self._options.exact), effort

    def _with_pieces(self) -> LoopedProgram:
        program = self.lowered()
        self._note_loops(program)
        return program if isinstance(program, LoopedProgram) else in_pieces(program, 2)

    def llvm_ir(self) -> str:
        """Return what LLVM compiles, before it optimises: for columns without gaps, if it was not called yet."""
        if not self.is_vectorized:
            return super().llvm_ir()
        side_by_side = Pattern(
            (Access.CONSECUTIVE,) * self.input_count, (Access.CONSECUTIVE,) * len(self.program.outputs)
        )
        patterns = [*self._kernels] or [side_by_side]
        return "\n\n".join(module.source for each in patterns for module in self._written(each)[0].modules())

    def __repr__(self) -> str:
        points = "1 point" if self.points == 1 else f"{self.points:,} points"
        return f"{super().__repr__().removesuffix('>')}, taken by {points}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "batched": self.batched, "_options": self._options}
