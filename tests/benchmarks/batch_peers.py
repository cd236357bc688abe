"""Who computes batches, each in the way that its documentation shows. A batch is a tuple of arrays, one an argument."""

from __future__ import annotations

import functools
import importlib
import os
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy

import microgrady
from tests.benchmarks import batch_programs as programs
from tests.benchmarks.batch_programs import Array, Rows
from tests.benchmarks.timing import Engine

Batch = tuple[Array, ...]
Function = Callable[..., Any]

OURS, EXACT = "microgrady, vmap", "microgrady, vmap(exact=True)"
NUMBA, NUMBA_OUT = "numba, derivatives by hand", "numba, into arrays that are there"
HEYOKA, HEYOKA_OUT = "heyoka", "heyoka, into an array that is there"
AADC, JAX = "AADC, evaluate", "JAX, jit(vmap(value_and_grad))"
NUMPY = "NumPy, derivatives by hand"

LLVM = (
    "llvmlite.binding",
    "microgrady.compiler.vmap",
    "microgrady.compiler.batches",
    "microgrady.compiler.small_batches",
)


def rows_of(returned: Any) -> Rows:
    """Return the value and each derivative as rows."""
    value, slope = returned
    return numpy.stack([numpy.asarray(each) for each in (value, *slope)])


def _itself(returned: Any) -> Rows:
    return numpy.asarray(returned)


def ours(function: Function, derivatives: int, size: int, **options: Any) -> Function:
    """A vmapped value and gradient by the first arguments, on one thread unless the options say otherwise."""
    if derivatives:
        function = microgrady.value_and_grad(function, argnums=tuple(range(derivatives)))
    mapped = microgrady.vmap(function, **{"threads": 1, **options})
    return lambda batch: mapped(*batch)


def numba(by_hand: Function, rows: int, size: int, *, into: bool = False, threads: bool = False) -> Function:
    """Numba's compilation of the loop, without fastmath; a division by zero is no error, as in all others.

    Args:
        by_hand: Takes the arrays and the array of rows that it fills.
        rows: How many it fills.
        size: Of the batch.
        into: Fill the same array at each call; else a new one, as microgrady does.
        threads: On all cores.
    """
    library = importlib.import_module("numba")
    compiled = library.njit(by_hand, error_model="numpy")
    if threads:
        compiled = _in_chunks(library, compiled, library.get_num_threads())
    kept = numpy.empty((rows, size))

    def call(batch: Batch) -> Rows:
        found = kept if into else numpy.empty((rows, len(batch[0])))
        compiled(*batch, found)
        return found

    return call


def _in_chunks(library: Any, compiled: Any, count: int) -> Function:
    """Return Black-Scholes on slices of the points, one a thread."""

    def run(spot: Array, strike: Array, rate: Array, volatility: Array, time: Array, rows: Rows) -> None:
        for chunk in library.prange(count):
            low, high = chunk * len(spot) // count, (chunk + 1) * len(spot) // count
            market = spot[low:high], strike[low:high], rate[low:high], volatility[low:high], time[low:high]
            compiled(*market, rows[:, low:high])

    parallel: Function = library.njit(run, error_model="numpy", parallel=True)
    return parallel


def heyoka(function: Function, arguments: int, size: int, *, into: bool = False, threads: bool = False) -> Function:
    """Heyoka's expressions, compiled for the vectors that it chooses; they are the rows of one array, as it wants."""
    library = importlib.import_module("heyoka")
    variables = [library.make_vars(f"x{k}") for k in range(arguments)]
    price = function(library, *variables)
    slope = library.diff_tensors([price], variables, diff_order=1).gradient
    compiled = library.cfunc([price, *slope], variables)
    if threads:
        return lambda batch: compiled(batch[0].base, batch_parallel=True)
    if not into:
        return lambda batch: compiled(batch[0].base)
    kept = numpy.empty((arguments + 1, size))

    def call(batch: Batch) -> Rows:
        compiled(batch[0].base, outputs=kept)
        return kept

    return call


def aadc(function: Function, arguments: int, size: int) -> Function:
    """AADC's recorded kernel, compiled for the machine's vectors, evaluated over arrays on one thread."""
    library = importlib.import_module("aadc")
    kernel = library.Functions()
    kernel.start_recording()
    numbers = [library.idouble(number) for number in (100.0, 105.0, 0.03, 0.25, 1.5)[:arguments]]
    inputs = [number.mark_as_input() for number in numbers]
    result = function(library.math, *numbers).mark_as_output()
    kernel.stop_recording()
    kernel.compile("auto")
    workers = library.ThreadPool(1)

    def call(batch: Batch) -> tuple[Array, list[Array]]:
        values, slopes, *_ = library.evaluate(kernel, {result: inputs}, dict(zip(inputs, batch, strict=True)), workers)
        return values[result], [slopes[result][each] for each in inputs]

    return call


def _of_jax() -> tuple[Any, Any]:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    numbers = jax.numpy
    names = SimpleNamespace(
        exp=numbers.exp, log=numbers.log, sqrt=numbers.sqrt, sin=numbers.sin, erf=jax.scipy.special.erf
    )
    return jax, names


def _on_device(jax: Any, compiled: Function) -> Function:
    """Return a function of arrays of NumPy, which go to JAX at the first call only."""
    last: list[Any] = [None, ()]

    def call(batch: Batch) -> Any:
        if batch is not last[0]:
            last[:] = batch, tuple(map(jax.numpy.asarray, batch))
        return jax.block_until_ready(compiled(*last[1]))

    return call


def jax_vmap(function: Function, derivatives: int, size: int) -> Function:
    """JAX in double precision, of a function that takes a namespace and a point; its arrays are there already."""
    jax, names = _of_jax()
    bound = functools.partial(function, names)
    if derivatives:
        bound = jax.value_and_grad(bound, argnums=tuple(range(derivatives)))
    return _on_device(jax, jax.jit(jax.vmap(bound)))


def by_hand_of_arrays(function: Function, size: int) -> Function:
    """NumPy and SciPy, whole arrays."""
    return lambda batch: function(*batch)


def black_scholes_engines(threads: bool = False) -> dict[str, Engine]:
    """Return the ways to Black-Scholes and its five derivatives, by their names."""
    bound, function = functools.partial, programs.black_scholes
    mine, by_hand = bound(function, microgrady), programs.black_scholes_by_hand
    return {
        OURS: Engine(bound(ours, mine, 5), LLVM, read=rows_of),
        EXACT: Engine(bound(ours, mine, 5, exact=True), LLVM, read=rows_of),
        HEYOKA: Engine(bound(heyoka, function, 5), ("heyoka",), read=_itself),
        HEYOKA_OUT: Engine(bound(heyoka, function, 5, into=True), ("heyoka",), read=_itself),
        NUMBA: Engine(bound(numba, by_hand, 6), ("numba",), read=_itself),
        NUMBA_OUT: Engine(bound(numba, by_hand, 6, into=True), ("numba",), read=_itself),
        JAX: Engine(bound(jax_vmap, function, 5), ("jax",), read=rows_of),
        AADC: Engine(bound(aadc, function, 5), ("aadc",), read=rows_of),
        NUMPY: Engine(
            bound(by_hand_of_arrays, programs.black_scholes_of_arrays), ("scipy.special",), compiles=False, read=_itself
        ),
    }


# On several threads: time is on the clock.

ONE, TWO = "microgrady, one thread", "microgrady, two threads"
HEYOKA_THREADS, NUMBA_THREADS = "heyoka, parallel", "numba, prange"


def threaded_engines() -> dict[str, Engine]:
    """Return the ways to Black-Scholes and its five derivatives on several threads, and ours on one."""
    bound, clock = functools.partial, time.perf_counter
    mine = bound(programs.black_scholes, microgrady)
    parallel = bound(heyoka, programs.black_scholes, 5, threads=True)
    by_hand = bound(numba, programs.black_scholes_by_hand, 6, threads=True)
    return {
        TWO: Engine(bound(ours, mine, 5, threads=2), LLVM, clock, read=rows_of),
        ONE: Engine(bound(ours, mine, 5), LLVM, clock, read=rows_of),
        HEYOKA_THREADS: Engine(parallel, ("heyoka",), clock, read=_itself),
        NUMBA_THREADS: Engine(by_hand, ("numba",), clock, read=_itself),
        JAX: Engine(bound(jax_vmap, programs.black_scholes, 5), ("jax",), clock, read=rows_of),
    }


# Implied volatility.

JAX_FORWARD, JAX_STEP = "JAX, jacfwd through while_loop", "JAX, one step after while_loop"


def _newton_in_jax(jax: Any, names: Any, price: Any, strike: Any, time: Any, *, step: bool) -> Any:
    """Return implied volatility; with `step` the last step alone is differentiated, not the loop."""
    root, later = names.sqrt(time), strike * names.exp(-programs.RATE * time)
    depth = names.log(programs.SPOT / later)

    def error_and_slope(numbers: Any, volatility: Any) -> Any:
        root, later, depth, price = numbers
        spread = volatility * root
        upper = depth / spread + 0.5 * spread
        first, second = (0.5 + 0.5 * names.erf(x * programs.ROOT_HALF) for x in (upper, upper - spread))
        slope = programs.SPOT * programs.DENSITY * root * names.exp(-0.5 * upper * upper)
        return programs.SPOT * first - later * second - price, slope

    def turn(state: Any) -> Any:
        volatility, error, slope = state
        following = volatility - error / slope
        return following, *error_and_slope(held, following)

    numbers = root, later, depth, price
    held = jax.lax.stop_gradient(numbers) if step else numbers
    start = names.sqrt(2.0 * abs(held[2])) / held[0]
    state = start, *error_and_slope(held, start)
    volatility, error, slope = jax.lax.while_loop(lambda state: abs(state[1]) > programs.TOLERANCE, turn, state)
    if step:
        volatility, slope = jax.lax.stop_gradient((volatility, slope))
        error, _ = error_and_slope(numbers, volatility)
    return volatility - error / slope


def _implied_in_jax(step: bool, size: int) -> Function:
    jax, names = _of_jax()
    function = functools.partial(_newton_in_jax, jax, names, step=step)
    if step:
        both = jax.value_and_grad(function, argnums=(0, 1))
    else:  # JAX's loops have no reverse mode

        def both(price: Any, strike: Any, time: Any) -> Any:
            def twice(price: Any, strike: Any) -> Any:
                found = function(price, strike, time)
                return found, found

            slopes, value = jax.jacfwd(twice, argnums=(0, 1), has_aux=True)(price, strike)
            return value, slopes

    return _on_device(jax, jax.jit(jax.vmap(both)))


def implied_engines() -> dict[str, Engine]:
    """Return the ways to implied volatility and its derivatives by price and strike."""
    bound = functools.partial
    mine = bound(programs.implied_volatility, microgrady)
    return {
        OURS: Engine(bound(ours, mine, 2), LLVM, read=rows_of),
        EXACT: Engine(bound(ours, mine, 2, exact=True), LLVM, read=rows_of),
        NUMBA: Engine(bound(numba, programs.implied_volatility_by_hand, 3), ("numba",), read=_itself),
        JAX_FORWARD: Engine(bound(_implied_in_jax, False), ("jax",), read=rows_of),
        JAX_STEP: Engine(bound(_implied_in_jax, True), ("jax",), read=rows_of),
    }


# An `if` that splits the points.

WITHOUT, SELECTED = "microgrady, the same without the if", "microgrady, mg.where"


def _selected_huber(x: Any, y: Any) -> Any:
    apart = x - y
    return microgrady.where(abs(apart) <= 1.0, 0.5 * apart * apart, abs(apart) - 0.5)


def _calls_alone(spot: Any, strike: Any, rate: Any, volatility: Any, time: Any, kind: Any) -> Any:
    return programs.black_scholes(microgrady, spot, strike, rate, volatility, time)


def split_engines() -> dict[str, Engine]:
    """Return the ways to prices of calls and puts, and microgrady's to those of calls alone."""
    bound = functools.partial
    return {
        OURS: Engine(bound(ours, bound(programs.option, microgrady), 5), LLVM, read=rows_of),
        WITHOUT: Engine(bound(ours, _calls_alone, 5), LLVM, read=None),
        NUMBA: Engine(bound(numba, programs.option_by_hand, 6), ("numba",), read=_itself),
    }


def huber_engines() -> dict[str, Engine]:
    """Return the ways to Huber's loss, and microgrady's to a square."""
    bound = functools.partial
    return {
        OURS: Engine(bound(ours, programs.huber, 2), LLVM, read=rows_of),
        WITHOUT: Engine(bound(ours, programs.square, 2), LLVM, read=None),
        SELECTED: Engine(bound(ours, _selected_huber, 2), LLVM, read=rows_of),
        NUMBA: Engine(bound(numba, programs.huber_by_hand, 3), ("numba",), read=_itself),
    }


# The mean over a batch.

MEAN, JAX_MEAN = 'microgrady, vmap(reduce="mean")', "JAX, jit(value_and_grad of the mean)"


def _mean_of_ours(size: int) -> Function:
    def loss(weights: Any, features: Any, label: Any) -> Any:
        return microgrady.softplus(-label * microgrady.dot(weights, features))

    return ours(microgrady.value_and_grad(loss), 0, size, in_axes=(None, 0, 0), reduce="mean")


def _mean_in_numba(size: int) -> Function:
    compiled = importlib.import_module("numba").njit(programs.logistic_by_hand, error_model="numpy")
    return lambda batch: compiled(*batch)


def _mean_in_jax(size: int) -> Function:
    jax, _ = _of_jax()

    def loss(weights: Any, features: Any, label: Any) -> Any:
        return jax.nn.softplus(-label * (weights @ features))

    def mean(weights: Any, features: Any, labels: Any) -> Any:
        return jax.vmap(loss, (None, 0, 0))(weights, features, labels).mean()

    return _on_device(jax, jax.jit(jax.value_and_grad(mean)))


def _value_first(returned: Any) -> Array:
    value, slope = returned
    return numpy.concatenate(([float(value)], numpy.asarray(slope)))


def mean_engines() -> dict[str, Engine]:
    """Return the ways to the mean loss of a logistic regression and its derivatives."""
    of_arrays = functools.partial(by_hand_of_arrays, programs.logistic_of_arrays)
    return {
        MEAN: Engine(_mean_of_ours, LLVM, read=_value_first),
        NUMBA: Engine(_mean_in_numba, ("numba",), read=_itself),
        JAX_MEAN: Engine(_mean_in_jax, ("jax",), read=_value_first),
        NUMPY: Engine(of_arrays, compiles=False, read=_itself),
    }


# Next to nothing.


def wave_engines() -> dict[str, Engine]:
    """Return the ways to a small function."""
    bound, function = functools.partial, programs.wave
    return {
        OURS: Engine(bound(ours, bound(function, microgrady), 0), LLVM, read=lambda found: found[None]),
        NUMBA: Engine(bound(numba, programs.wave_by_hand, 1), ("numba",), read=_itself),
        HEYOKA: Engine(bound(_small_heyoka), ("heyoka",), read=_itself),
        JAX: Engine(bound(jax_vmap, function, 0), ("jax",), read=lambda found: numpy.asarray(found)[None]),
        NUMPY: Engine(bound(by_hand_of_arrays, programs.wave_of_arrays), compiles=False, read=_itself),
    }


def _small_heyoka(size: int) -> Function:
    library = importlib.import_module("heyoka")
    x, y = library.make_vars("x", "y")
    compiled = library.cfunc([programs.wave(library, x, y)], [x, y])
    return lambda batch: compiled(batch[0].base)


def on_one_core() -> None:
    """Have all threads of this process, those of libraries too, share one core, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
