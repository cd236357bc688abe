"""The compilers, and what else gives a value and a gradient, each in the way that its documentation shows."""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy

import microgrady
from microgrady.compiler.jit import jit
from tests.benchmarks import eager
from tests.benchmarks.programs import Array, Both, Program, valley_hessian_by_hand
from tests.benchmarks.timing import DEFAULT, Engine

BothCall = Callable[[Array], Both]

OPTIMIZED, STRAIGHT = "microgrady, jit(optimize=True)", "microgrady, jit(optimize=False)"
INTERPRETED = "microgrady, interpreted"
NUMBA, NUMBA_HESSIAN = "numba, gradient written by hand", "numba, entries written by hand"
CASADI, CASADI_PLAIN = "CasADi SX, buffers", "CasADi SX, plain call"
AADC, AADC_CALL = "AADC, forward and reverse alone", "AADC, numbers in and out"
HEYOKA = "heyoka, compact mode"
JAX, LOOP = "JAX, jit of whole arrays", "JAX, jit of the same loop"
PYTORCH, NUMPY = "PyTorch, whole arrays", "NumPy, gradient written by hand"
FLOATS = "Python floats, the value alone"


def _jitted(program: Program, optimize: bool | None, size: int) -> BothCall:
    return jit(microgrady.value_and_grad(program.closed(microgrady, size)), optimize=optimize)


def _interpreted(program: Program, size: int) -> BothCall:
    return microgrady.value_and_grad(program.closed(microgrady, size))


def numba_by_hand(program: Program, size: int) -> BothCall:
    """Numba's compilation of the loop written by hand, without fastmath."""
    compiled: BothCall = importlib.import_module("numba").njit(program.by_hand)
    _, *data = program.inputs(size)
    return (lambda x: compiled(x, *data)) if data else compiled


def _casadi_function(program: Program, size: int) -> Any:
    casadi = importlib.import_module("casadi")
    variables = len(program.inputs(size)[0])
    x = casadi.SX.sym("x", variables)
    total = program.closed(casadi, size)([x[i] for i in range(variables)])
    return casadi.Function("program", [x], [total, casadi.gradient(total, x)])


def casadi_buffers(program: Program, size: int) -> BothCall:
    """CasADi's SX, called through memory that it shares."""
    results = _through_buffers(_casadi_function(program, size))

    def call(x: Array) -> Both:
        value, slope = results(x)
        return float(value[0]), slope

    return call


def _through_buffers(function: Any) -> Callable[[Array], list[Array]]:
    """Return what copies an array into CasADi's function, and the entries of its results out."""
    buffer, trigger = function.buffer()
    point = numpy.zeros(function.nnz_in(0))
    buffer.set_arg(0, point.data)
    results = [numpy.zeros(function.nnz_out(k)) for k in range(function.n_out())]
    for k, result in enumerate(results):
        buffer.set_res(k, result.data)
    held = buffer, trigger  # the trigger alone would not keep the buffer

    def call(x: Array) -> list[Array]:
        point[:] = x
        held[1]()
        return [result.copy() for result in results]

    return call


def casadi_call(program: Program, size: int) -> BothCall:
    """CasADi's SX, called as its documentation does."""
    function = _casadi_function(program, size)

    def call(x: Array) -> Both:
        value, slope = function(x)
        return float(value), slope.full().ravel()

    return call


class Recorded:
    """A program recorded and compiled by AADC.

    Args:
        program: What to record.
        size: Of its inputs.
    """

    def __init__(self, program: Program, size: int) -> None:
        aadc = importlib.import_module("aadc")
        kernel = aadc.Functions()
        kernel.start_recording()
        inputs = [aadc.idouble(number) for number in program.inputs(size)[0].tolist()]
        self._arguments = [each.mark_as_input() for each in inputs]
        self._result = program.closed(aadc.math, size)(inputs).mark_as_output()
        kernel.stop_recording()
        kernel.compile()
        self._kernel, self._workspace = kernel, kernel.create_workspace()
        self._point: Array = None
        self._both: Any = None

    def __call__(self, x: Array) -> Both:
        """Put the numbers in one by one, run, and take them out one by one: there is no other way from Python."""
        workspace = self._workspace
        for argument, number in zip(self._arguments, x.tolist(), strict=True):
            workspace.set_val(argument, number)
        self._run()
        slope = numpy.array([workspace.diff(argument) for argument in self._arguments])
        return workspace.val(self._result), slope

    def _run(self) -> None:
        self._workspace.forward()
        self._workspace.set_diff(self._result, 1.0)
        self._workspace.reverse()

    def run_alone(self, x: Array) -> Both:
        """Run at a point, whose numbers go in and out at the first call only."""
        if x is self._point:
            self._run()
        else:
            self._both, self._point = self(x), x
        both: Both = self._both
        return both


def heyoka(program: Program, size: int) -> BothCall:
    """Heyoka's expressions, compiled in its compact mode: else a thousand variables take ten seconds."""
    library = importlib.import_module("heyoka")
    variables = [library.make_vars(f"x{i}") for i in range(len(program.inputs(size)[0]))]
    total = program.closed(library, size)(variables)
    tensors = library.diff_tensors([total], variables, diff_order=1)
    function = library.cfunc([total, *tensors.gradient], variables, compact_mode=True)

    def call(x: Array) -> Both:
        found = function(x)
        return float(found[0]), found[1:]

    return call


def jax_jit(function: Callable[..., Any], program: Program, size: int) -> BothCall:
    """JAX in double precision, of a function that takes a namespace, the variables and the data."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    _, *data = program.inputs(size)
    compiled = jax.jit(jax.value_and_grad(lambda x: function(jax.numpy, x, *data)))

    def call(x: Array) -> Both:
        value, slope = compiled(x)
        slope.block_until_ready()
        return float(value), numpy.asarray(slope)

    return call


def pytorch(program: Program, size: int) -> BothCall:
    """PyTorch on whole arrays, on one thread."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    _, *data = map(torch.from_numpy, program.inputs(size))
    assert program.of_arrays is not None
    function = program.of_arrays

    def call(x: Array) -> Both:
        leaf = torch.tensor(x, requires_grad=True)
        value = function(torch, leaf, *data)
        value.backward()
        return value.item(), leaf.grad.numpy()

    return call


def _floats(program: Program, size: int) -> Callable[[Array], float]:
    function = program.closed(eager.FLOATS, size)
    return lambda x: function(x.tolist())


def engines_of(program: Program, leaving_out: Sequence[str] = ()) -> dict[str, Engine]:
    """Return the ways to the value and the gradient of a program, by their names, but for those left out."""
    bound = functools.partial
    llvm = ("llvmlite.binding",)
    engines = {
        DEFAULT: Engine(bound(_jitted, program, None), llvm),
        OPTIMIZED: Engine(bound(_jitted, program, True), llvm, largest=(10_000, 100_000)),
        STRAIGHT: Engine(bound(_jitted, program, False), llvm),
        INTERPRETED: Engine(bound(_interpreted, program), compiles=False),
        NUMBA: Engine(bound(numba_by_hand, program), ("numba",)),
        CASADI: Engine(bound(casadi_buffers, program), ("casadi",)),
        CASADI_PLAIN: Engine(bound(casadi_call, program), ("casadi",)),
        AADC: Engine(lambda size: Recorded(program, size).run_alone, ("aadc",)),
        AADC_CALL: Engine(bound(Recorded, program), ("aadc",)),
        HEYOKA: Engine(bound(heyoka, program), ("heyoka",), largest=(1000, 10_000)),
        LOOP: Engine(bound(jax_jit, program.function, program), ("jax",), time.perf_counter, largest=(0, 1000)),
        FLOATS: Engine(bound(_floats, program), compiles=False, read=None),
    }
    if program.of_arrays is not None:
        engines[JAX] = Engine(bound(jax_jit, program.of_arrays, program), ("jax",), time.perf_counter)
        engines[PYTORCH] = Engine(bound(pytorch, program), ("torch",), compiles=False)
    if program.of_arrays_by_hand is not None:
        by_hand = program.of_arrays_by_hand
        engines[NUMPY] = Engine(lambda _: by_hand, compiles=False)
    return {name: engine for name, engine in engines.items() if name not in leaving_out}


# The sparse Hessian of Rosenbrock's function.


def _sparse_hessian() -> Callable[[Array], Any]:
    made: Callable[[Array], Any] = microgrady.hessian(functools.partial(eager.rosenbrock, None), sparse=True)
    return made


def _casadi_hessian(variables: int) -> Any:
    casadi = importlib.import_module("casadi")
    x = casadi.SX.sym("x", variables)
    total = eager.rosenbrock(None, [x[i] for i in range(variables)])
    return casadi.Function("hessian", [x], [casadi.hessian(total, x)[0]])


def _numba_hessian(variables: int) -> Callable[[Array], Array]:
    compiled: Callable[[Array], Array] = importlib.import_module("numba").njit(valley_hessian_by_hand)
    return compiled


def _entries(matrix: Any) -> Array:
    ordered = matrix.tocsr()
    ordered.sort_indices()
    return ordered.data


def hessian_engines() -> dict[str, Engine]:
    """Return the ways to the sparse Hessian of Rosenbrock's function, by their names."""
    return {
        DEFAULT: Engine(lambda _: jit(_sparse_hessian()), ("llvmlite.binding", "scipy.sparse"), read=_entries),
        INTERPRETED: Engine(lambda _: _sparse_hessian(), ("scipy.sparse",), compiles=False, read=_entries),
        CASADI: Engine(
            lambda variables: _through_buffers(_casadi_hessian(variables)), ("casadi",), read=lambda found: found[0]
        ),
        CASADI_PLAIN: Engine(
            lambda variables: _casadi_hessian(variables), ("casadi",), read=lambda found: _entries(found.sparse())
        ),
        NUMBA_HESSIAN: Engine(_numba_hessian, ("numba",), read=lambda found: found),
    }
