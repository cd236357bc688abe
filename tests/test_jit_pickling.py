"""Compiled functions in pickles and in other processes."""

from __future__ import annotations

import math
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.compiler.jit import jit
from tests import processes
from tests.compiled import Pair, decorated, halvings, rosenbrock


def test_a_function_of_a_module_travels_by_name_with_what_was_compiled() -> None:
    compiled: Any = decorated
    assert (compiled(2.0), compiled(-2.0)) == (math.sin(2.0) * 3, math.cos(-2.0) - 1)
    loaded = pickle.loads(pickle.dumps(compiled))
    assert len(loaded.paths) == len(compiled.paths)
    assert [loaded(x) for x in (2.0, -2.0)] == [compiled(2.0), compiled(-2.0)]
    assert loaded(Value(1.0)).data == math.sin(1.0) * 3
    fresh = pickle.loads(pickle.dumps(jit(halvings)))
    assert fresh(6.0) == halvings(6.0)


def test_a_lambda_travels_where_functions_travel_by_what_they_are_made_of() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    compiled = jit(lambda x: x * 2 if x > 0 else -x)
    compiled(1.0)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(compiled)  # as the lambda itself
    loaded = pickle.loads(cloudpickle.dumps(compiled))
    assert len(loaded.paths) == 1
    assert (loaded(4.0), loaded(-1.0), loaded(Value(1.0)).data, loaded.backward(3.0)) == (8.0, 1.0, 2.0, 6.0)
    assert pickle.loads(cloudpickle.dumps(loaded))(4.0) == 8.0


def test_pickles_take_live_leaves_structures_and_options_along() -> None:
    np = pytest.importorskip("numpy")
    cloudpickle = pytest.importorskip("cloudpickle")
    weight = Value(2.0, "w")
    compiled = jit(lambda a, p: Pair(a * weight, {"s": p["x"] * weight}), max_paths=1)
    point = np.array([1.0, 2.0]), {"x": 3.0}
    compiled(*point)
    loaded, leaf = pickle.loads(cloudpickle.dumps((compiled, weight)))
    assert loaded.paths[0].guards == compiled.paths[0].guards
    found = loaded(*point)
    assert type(found) is Pair
    assert (found.a.tolist(), found.b) == ([2.0, 4.0], {"s": 6.0})
    leaf.data = 5.0
    assert loaded(*point).b == {"s": 15.0}
    assert compiled(*point).b == {"s": 6.0}
    assert len(loaded.paths) == 1


def test_a_pickled_object_and_its_leaves_stay_together() -> None:
    model = Line(2.0)
    compiled = jit(model)
    assert compiled(3.0) == 6.0
    copies, copied = pickle.loads(pickle.dumps((compiled, model)))
    copied.weight.data = 5.0
    assert copies(3.0) == 15.0
    assert copies(-3.0) == 15.0
    assert copies.backward(3.0) == 15.0
    assert (copied.weight.grad, model.weight.grad) == (3.0, 0.0)


class Line:
    """A model that can be called."""

    def __init__(self, weight: float) -> None:
        self.weight = Value(weight)

    def __call__(self, x: Any) -> Any:
        """A line that is bent at 0."""
        return self.weight * x if x > 0 else -self.weight * x


def special(x: Any) -> Any:
    return mg.gamma(x) + mg.exp(x) * mg.erf(x) if x > 0 else x


OTHER_PROCESS = """
import pickle, sys
first, second, third = pickle.load(open(sys.argv[1], "rb"))
for x in (0.3, 1.7, 2.5, 6.0):
    print(first(x).hex(), second(x).hex(), *(slope.hex() for slope in third([x, -x])))
"""


def test_another_process_gets_the_same_bits(tmp_path: Path) -> None:
    slope = jit(mg.grad(rosenbrock))
    second = jit(special)
    rows = []
    for x in (0.3, 1.7, 2.5, 6.0):
        numbers = (decorated(x), second(x), *slope([x, -x]))
        rows.append(" ".join(number.hex() for number in numbers))
    (tmp_path / "compiled").write_bytes(pickle.dumps((decorated, second, slope)))
    command = [sys.executable, "-c", OTHER_PROCESS, str(tmp_path / "compiled")]
    root = Path(__file__).parents[1]
    done = processes.run(command, cwd=root)
    assert done.stderr == ""
    assert done.stdout.split("\n")[:-1] == rows
