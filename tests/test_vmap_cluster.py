"""Batches in blocks: by Dask's threads, in processes of which one is killed, and by joblib."""

from __future__ import annotations

import math
import os
import pickle
import re
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgrady as mg
from microgrady import Value
from microgrady.compiler import batch_path, cluster, parallel
from tests import processes

pytest.importorskip("llvmlite", reason="vmap needs llvmlite")
dask = pytest.importorskip("dask", reason="batches in blocks need microgrady[dask]")
da = pytest.importorskip("dask.array", reason="batches in blocks need microgrady[dask]")

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(15)
README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(autouse=True)
def in_threads() -> Iterator[None]:
    with dask.config.set(scheduler="threads", num_workers=3):
        yield


def same_bits(found: Any, expected: Any) -> bool:
    """Return whether two arrays have the same shape and bits."""
    found, expected = np.asarray(found), np.asarray(expected)
    return bool(found.shape == expected.shape) and found.tobytes() == expected.tobytes()


def same_structure_and_bits(found: Any, expected: Any) -> bool:
    """Return whether nested tuples and lists of arrays have the same bits."""
    if isinstance(found, (tuple, list)):
        return len(found) == len(expected) and all(map(same_structure_and_bits, found, expected))
    return same_bits(found, expected)


def halvings(x: Any, limit: Any) -> Any:
    turns = 0
    while x > limit:
        x = x * 0.5 + 0.1
        turns += 1
    return mg.exp(-x) + turns


# Results and their shapes


def test_a_dask_array_goes_in_and_one_comes_out_that_is_not_computed_yet() -> None:
    x = RNG.uniform(0.0, 100.0, 5_000)
    many = mg.vmap(halvings, in_axes=(0, None))
    lazily = many(da.from_array(x, chunks=1_300), 2.0)
    assert not many.paths
    assert isinstance(lazily, da.Array)
    assert (lazily.shape, lazily.dtype, lazily.chunks) == ((5_000,), np.float64, ((1_300, 1_300, 1_300, 1_100),))
    assert type(lazily._meta) is np.ndarray
    assert lazily._meta.shape == (0,)
    assert same_bits(lazily, many(x, 2.0))
    assert same_bits((lazily + 1.0)[1_200:2_000:3], many(x, 2.0)[1_200:2_000:3] + 1.0)


@dataclass
class Pair:
    """Two results."""

    low: Any
    high: Any


def nested(p: Any, row: Any, k: Any) -> Any:
    pair = Pair(row[0] * k, mg.sin(row) * p["w"])
    return {"pair": pair, "all": [p["w"] + k, np.array([[row[0], row[1]], [k, k * k]])]}


def parts_of(tree: Any) -> list[Any]:
    return [tree["pair"].low, tree["pair"].high, *tree["all"]]


def test_nested_results_are_arrays_of_the_shapes_that_numpy_arrays_would_have() -> None:
    w, rows, k = RNG.normal(size=30), RNG.normal(size=(2, 30)), RNG.integers(-5, 5, 30).astype(np.int16)
    axes = [Pair(0, 1), 0]
    out = {"pair": axes[0], "all": [0, 2]}
    many = mg.vmap(nested, in_axes=({"w": 0}, 1, 0), out_axes=out)
    expected = parts_of(many({"w": w}, rows, k))
    given = {"w": da.from_array(w, chunks=7)}, da.from_array(rows, chunks=(1, 11)), da.from_array(k, chunks=30)
    for first in (given[0], {"w": w}):
        found = parts_of(many(first, *given[1:]))
        assert (
            [array.shape for array in found]
            == [array.shape for array in expected]
            == [
                (30,),
                (2, 30),
                (30,),
                (2, 2, 30),
            ]
        )
        assert all(array.dtype == np.float64 for array in found)
        assert all(same_bits(*each) for each in zip(dask.compute(*found), expected, strict=True))
        for array in found:
            for block in map(array.blocks.__getitem__, np.ndindex(array.numblocks)):
                assert block.compute().shape == block.shape
    assert parts_of(many(*given))[3].chunks == ((2,), (2,), (7, 4, 3, 7, 1, 6, 2))


def test_one_task_computes_a_block_for_all_results(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(work: Any, *blocks: Any) -> Any:
        calls.append(work)
        return do_block(work, *blocks)

    do_block = cluster.do_block
    monkeypatch.setattr(cluster, "do_block", counted)
    found = mg.vmap(lambda x: (x, x * x, {"cube": x**3}))(da.from_array(np.arange(40.0), chunks=10))
    dask.compute(found)
    assert len(calls) == 4
    assert len({*map(id, calls)}) == 1


def test_what_is_the_same_for_all_points_may_come_from_dask_too() -> None:
    x, weights = RNG.normal(size=23), RNG.normal(size=(3, 4))
    many = mg.vmap(lambda x, w: mg.sin(x * w).sum(), in_axes=(0, None))
    expected = many(x, weights)
    assert same_bits(many(da.from_array(x, chunks=5), da.from_array(weights, chunks=2)), expected)
    assert same_bits(many(x, da.from_array(weights, chunks=2)), expected)
    assert same_bits(mg.vmap(lambda x, s: x * s, in_axes=(0, None))(x, da.from_array(x, chunks=23).sum()), x * x.sum())


def test_keyword_and_static_arguments() -> None:
    x, y = RNG.normal(size=(2, 20))
    many = mg.vmap(lambda x, y, kind="sum": x + y if kind == "sum" else x - y, static_argnames="kind")
    for kind in ("sum", "difference"):
        found = many(da.from_array(x, chunks=6), y=da.from_array(y, chunks=9), kind=kind)
        assert same_bits(found, many(x, y=y, kind=kind))


def test_numbers_of_points_that_dask_does_not_know() -> None:
    x = RNG.normal(size=50)
    lazily = da.from_array(x, chunks=8)
    some = lazily[lazily > 0]
    squares = mg.vmap(lambda x, y: (x * x, mg.exp(y)))
    found = squares(some, some + 1.0)
    assert all(math.isnan(size) for size in found[0].shape)
    assert same_bits(found[0], x[x > 0] ** 2)
    mean = mg.vmap(lambda x: x, reduce="mean")(some)
    assert mean.shape == ()
    assert float(mean) == pytest.approx(x[x > 0].mean())
    with pytest.raises(ValueError, match=r"x has an unknown number \(call its compute_chunk_sizes\(\) before\)"):
        squares(some, x[x > 0])
    with pytest.raises(ValueError, match="must know the shape of y at a point"):
        mg.vmap(lambda x, y: x, in_axes=(0, None))(some, some)
    with pytest.raises(ValueError, match="7 and 10 blocks, which cannot be divided alike"):
        squares(some, da.from_array(x, chunks=5)[da.from_array(x, chunks=5) > 0])
    with pytest.raises(ValueError, match=r"but in block \d they have"):
        squares(some, lazily[lazily < 0])[0].compute()


def test_where_a_point_goes_does_not_depend_on_those_before() -> None:
    def parity(x: Any) -> Any:  # of the last bit, in which vectors may calculate otherwise
        e = mg.exp(x)
        return e if mg.floor(e * 2.0**51) == e * 2.0**51 else -e

    def is_even(e: Any) -> Any:
        return np.floor(e * 2.0**51) == e * 2.0**51

    x = RNG.uniform(0.0, 0.69, 5_000)
    single, vector = is_even(np.array([math.exp(number) for number in x])), is_even(mg.vmap(mg.exp)(x))
    even, odd = x[single & vector], x[~single & ~vector]
    for torn in x[single & ~vector][:3]:
        alone = mg.vmap(parity)(np.append(even[:20], torn))[-1]
        assert alone == mg.vmap(parity)(np.append(np.append(even[:20], odd[:5]), torn))[-1] < 0.0


def test_no_points_and_blocks_without_points() -> None:
    many = mg.vmap(lambda x: (x, np.array([x, x])))
    found = many(da.zeros((0,), chunks=4))
    assert [array.compute().shape for array in found] == [(0,), (0, 2)]
    x = da.concatenate([da.zeros(0), da.arange(4.0), da.zeros(0)])
    assert same_bits(many(x)[0], np.arange(4.0))
    assert float(mg.vmap(lambda x: x, reduce="mean")(x)) == 1.5
    assert math.isnan(float(mg.vmap(lambda x: x, reduce="mean")(da.zeros((0,), chunks=4))))


def test_results_that_are_asked_for_once() -> None:
    x = da.arange(10.0, chunks=4)
    many = mg.vmap(lambda x, w: (x * w, 2.0 * w, np.array([w, w])), in_axes=(0, None), out_axes=(0, None, None))
    found = many(x, 3.0)
    assert [array.shape for array in found] == [(10,), (), (2,)]
    assert [np.asarray(array).tolist() for array in found[1:]] == [6.0, [3.0, 3.0]]
    with pytest.raises(ValueError, match="out_axes is None for the result of <lambda>, which differs"):
        mg.vmap(lambda x: x * 2.0, out_axes=None)(x)
    with pytest.raises(ValueError, match="which differs from point to point"):
        mg.vmap(lambda x: 1.0 if x > 3 else 2.0, out_axes=None)(x)


# Sums


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_sums_are_lazy_numbers_that_depend_on_the_blocks_alone(reduce: Any) -> None:
    x, y = RNG.normal(size=(2, 150_000))
    loss = mg.vmap(lambda w, x, y: ((w * x - y) ** 2, np.array([x, w])), in_axes=(None, 0, 0), reduce=reduce)
    expected = loss(0.5, x, y)
    found = loss(0.5, da.from_array(x, chunks=3_000), y)
    assert [(array.shape, array.dtype) for array in found] == [((), np.float64), ((2,), np.float64)]
    first = dask.compute(*found)
    assert np.allclose(first[0], expected[0], rtol=1e-14)
    assert np.allclose(first[1], expected[1], rtol=1e-12)
    for workers in (1, 2, 5):
        again = dask.compute(*loss(0.5, da.from_array(x, chunks=3_000), y), num_workers=workers)
        assert all(same_bits(*each) for each in zip(again, first, strict=True))
    # Blocks of a power of 2 pieces are added up as the pieces of one batch are.
    same = loss(0.5, da.from_array(x, chunks=16_384), y)
    assert all(same_bits(*each) for each in zip(dask.compute(*same), expected, strict=True))


def test_sums_of_gradients_go_into_the_leaves() -> None:
    w, b = Value(0.5), Value(-0.25)
    x, y = RNG.normal(size=(2, 40_000))
    for reduce in ("mean", "sum", None):
        loss = mg.vmap(lambda v, x, y: (w * x + (b if x > 0.0 else v) - y) ** 2, in_axes=(None, 0, 0), reduce=reduce)
        v = Value(2.0)
        expected = loss.backward(v, x, y), w.grad, b.grad, v.grad
        w.grad = b.grad = v.grad = 0.0
        found = loss.backward(v, da.from_array(x, chunks=16_384), y), w.grad, b.grad, v.grad
        assert all(same_bits(*each) for each in zip(found, expected, strict=True)), reduce
        assert type(found[0]) is (da.Array if reduce is None else float)
        w.grad = b.grad = 0.0


def test_a_loop_that_learns_in_blocks() -> None:
    w = Value(0.0)
    x = da.from_array(np.linspace(-1.0, 1.0, 1_000), chunks=300)
    loss = mg.vmap(lambda x: (w * x - 3.0 * x) ** 2, reduce="mean")
    for _ in range(30):
        w.grad = 0.0
        loss.backward(x)
        w.data -= 1.0 * w.grad
    assert w.data == pytest.approx(3.0)


# Values from outside


def test_values_go_along_with_the_numbers_that_they_have_when_the_arrays_are_made() -> None:
    w = Value(2.0)
    many = mg.vmap(lambda x: w * x)
    before = many(da.arange(6.0, chunks=2))
    w.data = 3.0
    after = many(da.arange(6.0, chunks=2))
    assert before.name != after.name
    assert same_bits(before, 2.0 * np.arange(6.0))
    assert same_bits(after, 3.0 * np.arange(6.0))


SCALE = Value(2.0)


@mg.vmap
def scaled(x: Any) -> Any:
    return SCALE * x


def test_values_of_a_module_go_along_as_well() -> None:
    x = da.arange(6.0, chunks=2)
    SCALE.data = 5.0
    try:
        lazily = scaled(x)
        SCALE.data = 2.0
        assert same_bits(lazily, 5.0 * np.arange(6.0))
        SCALE.grad = 0.0
        scaled.backward(x)
        assert SCALE.grad == 15.0
    finally:
        SCALE.data, SCALE.grad = 2.0, 0.0


class Model:
    """One neuron."""

    def __init__(self, w: float) -> None:
        self.w = Value(w)

    @mg.vmap
    def forward(self, x: Any) -> Any:
        """Return what the neuron gives."""
        return mg.tanh(self.w * x)


def test_methods() -> None:
    x = np.linspace(-1.0, 1.0, 20)
    model = Model(0.7)
    expected = model.forward(x)
    assert same_bits(model.forward(da.from_array(x, chunks=6)), expected)
    model.forward.backward(x)
    slope, model.w.grad = model.w.grad, 0.0
    model.forward.backward(da.from_array(x, chunks=20))
    assert model.w.grad == slope


# Names


def test_names_of_results_are_those_of_what_is_computed() -> None:
    def make(scale: float, **options: Any) -> Any:
        weight = Value(1.0)
        return mg.vmap(lambda x: scale * weight * x if x > 0 else x, **options)

    x = da.arange(6.0, chunks=2)
    many = make(2.0)
    name = many(x).name
    assert name == many(x).name == make(2.0)(x).name
    many(np.arange(-3.0, 3.0))  # which compiles two ways
    assert many(x).name == name
    assert dask.base.tokenize(many) == dask.base.tokenize(make(2.0))
    others = [make(3.0), make(2.0, exact=True), make(2.0, reduce="sum"), make(2.0, out_axes=-1)]
    assert len({other(x).name for other in others} | {name, many(x + 1.0).name, many(x[::-1]).name}) == 7


# Errors


def test_bad_input_is_refused_at_the_call() -> None:
    x = da.arange(6.0, chunks=2)
    many = mg.vmap(lambda x, y: x + y)
    with pytest.raises(ValueError, match="x has 6 along axis 0 and y has 5 along axis 0"):
        many(x, np.arange(5.0))
    with pytest.raises(ValueError, match="y has no axis 0, as its shape is"):
        many(x, x.sum())
    with pytest.raises(TypeError, match="y must be an array of real numbers, not of complex128"):
        many(x, x + 1j)
    with pytest.raises(TypeError, match="y must be an array of real numbers, not of object"):
        many(x, x.astype(object))
    with pytest.raises(TypeError, match="the blocks of y must be plain NumPy arrays, not MaskedArray"):
        many(x, da.ma.masked_array(x, x > 1.0))
    with pytest.raises(TypeError, match="arguments that are Values need arrays of NumPy's, or backward"):
        mg.vmap(lambda x, y: x + y, in_axes=(0, None))(x, Value(1.0))
    with pytest.raises(TypeError, match="arrays of Values cannot be among them"):
        many(x, [Value(1.0)] * 6)
    with pytest.raises(TypeError, match="must be leaves"):
        mg.vmap(lambda x, y: x + y, in_axes=(0, None)).backward(x, Value(1.0) * 2.0)
    with pytest.raises(TypeError, match="inside grad, jit or vmap it takes those of NumPy"):
        mg.grad(lambda w: mg.vmap(lambda x: x)(x).sum() * w)(1.0)
    with pytest.raises(TypeError, match="compiles functions that return numbers"):
        mg.vmap(lambda x: None)(x)
    with pytest.raises(TypeError, match="backward needs a function that returns one number"):
        mg.vmap(lambda x: (x, x)).backward(x)


def test_an_error_says_at_which_point_of_all_it_came_up() -> None:
    def picky(x: Any) -> Any:
        if x == 8.0:
            raise ArithmeticError("8 is not allowed")
        return x

    lazily = mg.vmap(picky)(da.arange(10.0, chunks=3))
    with pytest.raises(ArithmeticError, match="8 is not") as caught:
        lazily.compute()
    assert caught.value.__notes__ == ["in vmap of picky, at point 8: x = 8.0"]
    with pytest.raises(ZeroDivisionError) as caught_at_ones:
        mg.vmap(lambda x: 1 // 0)(da.arange(10.0, chunks=3))
    assert caught_at_ones.value.__notes__ == ["in vmap of <lambda>, at ones, to know what it returns: x = 1.0"]


def test_results_that_are_nested_otherwise_than_at_ones_are_refused() -> None:
    with pytest.raises(TypeError, match="all points must have results of one structure"):
        mg.vmap(lambda x: (x, x) if x > 3.5 else x)(da.arange(8.0, chunks=4)).compute()


# Pickles


@mg.vmap(in_axes=(0, None))
def decorated(x: Any, limit: Any) -> Any:
    return halvings(x, limit)


def test_decorated_functions_pickle_and_share_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    x = RNG.uniform(0.0, 9.0, 100)
    expected = decorated(x, 1.0)
    for pickler in (pickle, cloudpickle):
        assert pickle.loads(pickler.dumps(decorated)) is decorated
    closure = mg.vmap(lambda x: halvings(x, 1.0))
    assert same_bits(closure(x), expected)
    copy = pickle.loads(cloudpickle.dumps(closure))
    monkeypatch.setattr(batch_path.LoadedKernel, "__init__", None)  # all that it needs has been compiled
    assert len(copy.paths) == len(closure.paths) > 1
    assert same_bits(copy(x), expected)
    assert len(copy.paths) == len(closure.paths)


# Processes


def slowly(block: Array) -> Array:
    time.sleep(0.03)
    return block


def process_of(block: Array) -> Array:
    return np.array([os.getpid()])


def anomaly(e: Any, m: Any) -> Any:
    """Kepler's equation, solved for the eccentric anomaly."""
    found, step = m, 1.0
    while abs(step) > 1e-9:
        step = (found - e * mg.sin(found) - m) / (1.0 - e * mg.cos(found))
        found = found - step
    return found


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="a cluster needs microgrady[dask]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, silence_logs=50
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


def kill_one_worker(client: Any, results: Any, done: int) -> None:
    """Wait until some blocks are done, and kill the process of a worker."""
    from distributed import futures_of

    futures = futures_of(results)
    stop = time.monotonic() + 60.0
    while sum(future.done() for future in futures) < done:
        assert time.monotonic() < stop
        time.sleep(0.005)
    assert not all(future.done() for future in futures)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


@pytest.mark.slow
def test_futures_take_compiled_functions(client: Any) -> None:
    x = RNG.uniform(0.0, 9.0, 4_000)
    many = mg.vmap(lambda x: halvings(x, 1.0))
    futures = client.map(many, np.array_split(x, 8))
    assert same_bits(np.concatenate(client.gather(futures)), many(x))


@pytest.mark.slow
def test_sums_of_gradients_come_back_from_other_processes(client: Any) -> None:
    w, x = Value(0.9), da.from_array(RNG.uniform(0.0, 60.0, 9_000), chunks=1_000)
    loss = mg.vmap(lambda x: (w * x - 1.0) ** 2 if x > w else w * x, reduce="mean")
    expected = loss.backward(x), w.grad
    w.grad = 0.0
    with dask.config.set(scheduler=client):
        assert (loss.backward(x), w.grad) == expected


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_cluster_of_which_a_process_is_killed_gives_what_one_core_gives(client: Any) -> None:
    e, m, w = RNG.uniform(0.0, 0.6, 60_000), RNG.uniform(0.1, 3.0, 60_000), Value(2.0)
    found = mg.value_and_grad(anomaly, argnums=(0, 1))
    every = mg.vmap(found, exact=True, threads=1)
    mean = mg.vmap(lambda e, m: (w * e, *found(e, m)), exact=True, reduce="mean")
    expected = every(e, m)
    assert len(every.paths) > 2
    means = dask.compute(mean(da.from_array(e, chunks=1_500), m), scheduler="threads", num_workers=3)
    lazily = da.from_array(e, chunks=1_500).map_blocks(slowly, meta=np.empty(0))
    with dask.config.set(scheduler=client):
        assert len({*lazily.map_blocks(process_of, chunks=(1,), dtype=int).compute()}) == 2
        kept = dask.persist(every(lazily, m), mean(lazily, m))
        kill_one_worker(client, kept, 8)
        again = dask.compute(*kept)
    assert same_structure_and_bits(again, (expected, *means))


def readme_programs() -> list[str]:
    """The programs in the README's section on clusters."""
    section = README.read_text(encoding="utf-8").partition("## On a cluster")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def run_program(program: str, folder: Path) -> str:
    """What a program prints that runs in a process of its own."""
    (folder / "program.py").write_text(program, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(README.parent), "PYTHONWARNINGS": "ignore"}
    done = processes.run([sys.executable, folder / "program.py"], cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_program_in_the_readme_runs_also_on_a_cluster_that_is_there(client: Any, tmp_path: Path) -> None:
    program = readme_programs()[0]
    address = client.scheduler.address
    assert program.count("Client()") == 1
    assert 'Client("tcp://first:8786")' in readme_programs()[1]
    printed = run_program(program.replace("Client()", f"Client({address!r})"), tmp_path)
    assert len(printed.split()) == 4


@pytest.mark.slow
def test_joblib_runs_parts_in_processes_and_in_threads(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    program = readme_programs()[2]
    for how in ("n_jobs=2", "n_jobs=2, backend='threading'"):
        check = "\n    assert (squares == np.arange(1_000_000.0) ** 2).all()\n    print('same')\n"
        assert run_program(program.replace("n_jobs=2", how) + check, tmp_path).strip() == "same"


@pytest.mark.parametrize(("share", "cores"), [("1", 1), ("2,1", 2), ("1000", None), ("", None), ("many", None)])
def test_processes_have_as_many_threads_as_their_share_of_the_cores(
    share: str, cores: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    most = parallel.usable_cores()
    monkeypatch.setenv("OMP_NUM_THREADS", share)
    assert parallel.usable_cores() == (most if cores is None else min(cores, most))
