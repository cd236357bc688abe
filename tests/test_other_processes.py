"""Functions made of functions in other processes: recorded anew where anything has changed, whole in workers."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from tests import processes

ROOT = Path(__file__).parents[1]

needs_llvm = pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="jit needs llvmlite")


def run(code: str, folder: Path, *arguments: str, script: bool = False) -> str:
    """What Python prints that runs some code, with a folder to import from."""
    command = [sys.executable, "-c", code, *arguments]
    if script:
        (folder / "script.py").write_text(code)
        command = [sys.executable, str(folder / "script.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = processes.run(command, cwd=folder, env=environment)
    except processes.TooLateError as late:
        if not late.output.strip():
            raise
        # It has printed its answer: what hangs is how a library ends its workers.
        done = processes.run(command, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


BEFORE = """
import functools
import microgrady as mg
import helpers
from helpers import helper
FACTOR = 2.0
def plain(x): return x * 10.0
def nested(x): return (lambda y: y * 10.0)(x)
def with_constant(x): return x * FACTOR * 5.0
def with_default(x, factor=10.0): return x * factor
def with_helper(x): return helper(x)
def with_module(x): return helpers.helper(x)
def with_comparison(x): return x * 10.0 if x > 0 else x
class Model:
    gain = 10.0
    def __init__(self): self.w = mg.Value(1.0)
    def forward(self, x): return self.scaled(x)
    def scaled(self, x): return self.w * x * self.gain
def wrapping(f):
    @functools.wraps(f)
    def wrapper(x): return f(x) * 5.0
    return wrapper
@wrapping
def wrapped(x): return x * 2.0
ten = mg.primitive("pickled_ten", lambda x: 10.0 * x, lambda y, x: 10.0)
def with_primitive(x): return ten(x)
def with_method(x): return x.pickled_ten()
@mg.jit
def decorated(x): return x * 10.0
FUNCTIONS = ["plain", "nested", "with_constant", "with_default", "with_helper", "with_module", "with_comparison",
             "wrapped", "with_primitive", "with_method"]
def compiled():
    made = {name: mg.jit(globals()[name]) for name in FUNCTIONS}
    made["bound"] = mg.jit(Model().forward)
    made["partial"] = mg.jit(functools.partial(with_default, factor=FACTOR * 5.0))
    made["grad"] = mg.jit(mg.grad(lambda x: x) if False else mg.grad(plain))
    made["decorated"] = decorated
    return made
"""
HELPERS = "import other\ndef helper(x): return other.deeper(x) * 5.0\n"
OTHER = "def deeper(x): return x * 2.0\n"
CHANGES = {
    "plain": ("return x * 10.0", "return x * 11.0"),
    "nested": ("y * 10.0", "y * 11.0"),
    "with_constant": ("FACTOR = 2.0", "FACTOR = 2.2"),
    "with_default": ("factor=10.0", "factor=11.0"),
    "with_helper": ("x * 2.0\n", "x * 2.2\n"),
    "with_module": ("x * 2.0\n", "x * 2.2\n"),
    "with_comparison": ("if x > 0", "if x > 5"),
    "wrapped": ("return f(x) * 5.0", "return f(x) * 5.5"),
    "with_primitive": ("lambda x: 10.0 * x", "lambda x: 11.0 * x"),
    "with_method": ("lambda x: 10.0 * x", "lambda x: 11.0 * x"),
    "bound": ("return self.w * x * self.gain", "return self.w * x * 11.0"),
    "grad": ("return x * 10.0", "return x * 11.0"),
    "decorated": ("return x * 10.0", "return x * 11.0"),
}
SAVE = """
import pickle, sys, moved
made = moved.compiled()
assert all(function(1.0) == 10.0 for function in made.values()), {n: f(1.0) for n, f in made.items()}
for name, function in made.items():
    pickle.dump(function, open(name + ".pickle", "wb"))
"""
LOAD = """
import moved, pickle, sys
for name in sys.argv[1:]:
    function = pickle.load(open(name + ".pickle", "rb"))
    print(name, len(function.paths), function(1.0), function(1.0))
"""


def write(folder: Path, old: str = "", new: str = "") -> None:
    for name, text in {"moved": BEFORE, "helpers": HELPERS, "other": OTHER}.items():
        (folder / f"{name}.py").write_text(text.replace(old, new) if old else text)


@pytest.mark.slow
@needs_llvm
def test_a_function_of_which_anything_has_changed_is_recorded_anew_in_another_process(tmp_path: Path) -> None:
    write(tmp_path)
    run(SAVE, tmp_path)
    names = [*CHANGES, "partial"]
    unchanged = run(LOAD, tmp_path, *names).splitlines()
    assert unchanged == [f"{name} {int(name != 'decorated')} 10.0 10.0" for name in names]
    for name, (old, new) in CHANGES.items():
        write(tmp_path, old, new)
        _, paths, first, second = run(LOAD, tmp_path, name).split()
        expected = 1.0 if name == "with_comparison" else 11.0
        assert paths == "0", name
        assert float(first) == float(second) == pytest.approx(expected), name


SPAWN = """
import functools, multiprocessing, sys
import microgrady as mg
@mg.jit
def cube(x): return x ** 3
def square(x): return x ** 2
class Model:
    def __init__(self): self.w = mg.Value(3.0)
    @mg.jit
    def forward(self, x): return self.w * x
if __name__ == "__main__":
    model = Model()
    functions = [cube, mg.jit(square), mg.grad(square), mg.jit(mg.grad(square)), model.forward]
    before = [list(map(float, map(function, [1.0, 2.0]))) for function in functions]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        after = [list(map(float, pool.map(function, [1.0, 2.0]))) for function in functions]
    assert before == after, (before, after)
    print("same")
"""


@needs_llvm
def test_functions_of_a_script_run_in_spawned_processes(tmp_path: Path) -> None:
    assert run(SPAWN, tmp_path, script=True) == "same"


BY_VALUE = """
import functools
import microgrady as mg
def helper(x): return mg.exp(x)
bias = mg.Value(1.0)
tripled = mg.primitive("pickled_tripled", lambda x: 3.0 * x, lambda y, x: 3.0)
@mg.jit
def decorated(x): return helper(x) + bias
class Model:
    def __init__(self):
        self.w = mg.Value(3.0)
        self.fast = mg.jit(self.forward)
    def forward(self, x): return self.w * x + bias
    @mg.jit
    def method(self, x): return self.w * x
def make(weight):
    inner = lambda x: weight * x
    return mg.jit(lambda x: inner(x) * 2 if x > 1 else helper(x))
weight = mg.Value(2.0)
model = Model()
functions = [
    decorated, make(weight), make(5.0), mg.grad(lambda x: x ** 3), mg.jit(mg.grad(lambda x: helper(x) * weight)),
    mg.jit(functools.partial(lambda y, x: x * y, 2.0)), model.fast, model.method, mg.jit(lambda x: tripled(x) + 1),
    mg.jit(lambda x: x.pickled_tripled()), mg.jit(lambda x: model.fast(x)),
]
def apply(function, x):
    result = function(x)
    return result.data if isinstance(result, mg.Value) else result
points = [0.5, 2.0]
expected = [apply(function, points[0]) for function in functions]  # of the rest no path is known there
expected = [[apply(function, x) for x in points] for function in functions]
"""
JOBLIB = (
    BY_VALUE
    + """
import joblib
found = joblib.Parallel(n_jobs=2)(joblib.delayed(apply)(f, x) for f in functions for x in points)
assert found == [number for row in expected for number in row], (found, expected)
print("same")
"""
)
DASK = (
    BY_VALUE
    + """
if __name__ == "__main__":
    from dask.distributed import Client, LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            futures = [client.submit(apply, f, x, pure=False) for f in functions for x in points]
            found = client.gather(futures)
    assert found == [number for row in expected for number in row], (found, expected)
    print("same")
"""
)
CLOUDPICKLE = (
    BY_VALUE
    + """
import cloudpickle, pickle, subprocess, sys
code = "import pickle, sys; apply, functions, points = pickle.load(sys.stdin.buffer);"
code += "print([[apply(f, x) for x in points] for f in functions])"
sent = cloudpickle.dumps((apply, functions, points))
found = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, timeout=100)
assert eval(found.stdout) == expected, (found, expected)
print("same")
"""
)


@pytest.mark.slow
@needs_llvm
@pytest.mark.parametrize(
    ("library", "code"), [("cloudpickle", CLOUDPICKLE), ("joblib", JOBLIB), ("distributed", DASK)], ids=lambda x: x[:12]
)
def test_closures_of_a_script_run_in_workers(library: str, code: str, tmp_path: Path) -> None:
    pytest.importorskip(library)
    assert run(code, tmp_path, script=True) == "same"


FACTORY = """
import microgrady as mg
double = mg.primitive("pickled_double", lambda x: 2.0 * x, lambda y, x: 2.0)
def make(weight):
    return mg.jit(lambda x: double(x) * weight if x > 1 else x)
"""
DASK_FACTORY = """
import factory, microgrady as mg
if __name__ == "__main__":
    from dask.distributed import Client, LocalCluster
    weight = mg.Value(3.0)
    function = factory.make(weight)
    function(0.5)  # only one of its ways
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            print(client.submit(function, 2.0).result())
"""


@pytest.mark.slow
@needs_llvm
def test_closures_made_by_a_module_run_whole_in_workers(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "factory.py").write_text(FACTORY)
    assert run(DASK_FACTORY, tmp_path, script=True) == "12.0"
