"""What can be seen of a function of many points: its paths, how many points took them, and its program."""

from __future__ import annotations

import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("numpy")
pytest.importorskip("llvmlite", reason="vmap needs llvmlite")

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.compiler.fold import PIECE
from microgrady.compiler.vmap import vmap
from tests.compiled import halvings


def taken(vmapped: Any) -> int:
    """How many points took paths, or were interpreted."""
    return sum(points_of(vmapped).values()) + int(vmapped.points_interpreted)


def points_of(vmapped: Any) -> dict[tuple[str, ...], int]:
    """How many points took each path, by its guards."""
    return {path.guards: path.points for path in vmapped.paths}


def ways(x: Any) -> Any:
    if x > 1:
        return mg.sin(x)
    return x * 2 if x > -1 else x**3


def test_paths_tell_how_many_points_took_them() -> None:
    many = vmap(ways)
    assert many.paths == ()
    many(np.array([2.0, 0.0, 3.0, -5.0, 4.0]))
    assert points_of(many) == {("x > 1",): 3, ("not x > 1", "x > -1"): 1, ("not x > 1", "not x > -1"): 1}
    many(np.full(1000, -2.0))
    assert points_of(many)["not x > 1", "not x > -1"] == 1001
    assert taken(many) == 1005
    assert many.points_interpreted == 0


@settings(max_examples=40, deadline=None)
@given(
    calls=st.lists(st.lists(st.sampled_from([2.0, 0.0, -3.0, 40.0, float("nan")]), max_size=40), max_size=8),
    reduce=st.sampled_from([None, "sum"]),
    max_paths=st.sampled_from([1, 2, 64]),
    threads=st.sampled_from([1, 2]),
)
@pytest.mark.filterwarnings("ignore:vmap of .* has compiled max_paths")
def test_points_of_all_paths_add_up(calls: Any, reduce: Any, max_paths: int, threads: int) -> None:
    many = vmap(lambda x: halvings(x) if x > 0 else ways(x), reduce=reduce, max_paths=max_paths, threads=threads)
    for points in calls:
        many(np.array(points))
    assert taken(many) == sum(map(len, calls))
    assert max_paths > 2 or len(many.paths) <= max_paths


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9, PIECE - 1, PIECE + 1, 3 * PIECE + 7])
def test_no_point_counts_twice_in_overlapping_vectors_and_threads(count: int, threads: int) -> None:
    chance = np.random.default_rng(count)
    many = vmap(ways, threads=threads)
    for _ in range(4):  # the later ones by a built-in function, where there are few points
        x = chance.normal(0, 2, count)
        before = points_of(many)
        many(x)
        grown = {way: points - before.get(way, 0) for way, points in points_of(many).items()}
        expected = [np.sum(x > 1), np.sum((x <= 1) & (x > -1)), np.sum(x <= -1)]
        guards = [("x > 1",), ("not x > 1", "x > -1"), ("not x > 1", "not x > -1")]
        assert [grown.get(each, 0) for each in guards] == expected


def test_small_batches_count_their_points() -> None:
    many = vmap(lambda x, y: x * y)
    for count in range(1, 20):
        many(np.ones(count), np.ones(count))
    assert [path.points for path in many.paths] == [sum(range(1, 20))]


def test_threads_that_call_at_once_lose_no_points() -> None:
    many = vmap(ways)
    chance = np.random.default_rng(5)
    batches = [chance.normal(0, 2, count) for count in (3, 50, 1000, 20_000)]

    def call(_: int) -> None:
        for x in batches:
            for _ in range(20):
                many(x)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(4)))
    assert taken(many) == 4 * 20 * sum(map(len, batches))


def test_points_that_are_interpreted_are_counted() -> None:
    many = vmap(ways, max_paths=1)
    with pytest.warns(RuntimeWarning, match="has compiled max_paths=1 paths"):
        many(np.array([2.0, 0.0, 3.0, -5.0]))
    assert [path.points for path in many.paths] == [2]
    assert many.points_interpreted == 2
    assert re.fullmatch(r"<vmap of ways: 1 paths compiled, 2 points interpreted>", repr(many))


def test_points_of_backward_and_of_what_python_computes_are_counted() -> None:
    w = Value(0.5, "w")
    loss = vmap(lambda x: (w * x - 1) ** 2 if x > 0 else w * x, reduce="mean")
    loss.backward(np.array([1.0, -1.0, 2.0]))
    assert sorted(path.points for path in loss.paths) == [1, 2]
    cube = mg.primitive("cube_of_inside", lambda x: x**3, lambda y, x: 3 * x**2)
    many = vmap(lambda x: cube(x) if x > 0 else x)
    many(np.array([1.0, -1.0, 2.0]))
    assert sorted(path.points for path in many.paths) == [1, 2]


def test_a_call_that_fails_counts_no_points() -> None:
    def checked(x: Any) -> Any:
        if x < 0:
            raise ValueError("negative")
        return x * 2

    many = vmap(checked)
    many(np.ones(3))
    with pytest.raises(ValueError, match="negative"):
        many(np.where(np.arange(3 * PIECE) == 2 * PIECE + 5, -1.0, 1.0))
    assert taken(many) == 3


def test_a_pickle_begins_to_count_anew() -> None:
    many = vmap(mg.sin)
    many(np.ones(5))
    other = pickle.loads(pickle.dumps(many))
    assert [path.points for path in other.paths] == [0]
    other(np.ones(7))
    assert ([path.points for path in other.paths], [path.points for path in many.paths]) == ([7], [5])


def test_guards_call_the_numbers_of_a_point_what_the_function_calls_them() -> None:
    weight = Value(2.0, "weight")

    def function(x: Any, table: Any, *, options: Any) -> Any:
        if x[0] > weight and table["rate"][1] * x[1] <= options[0][2]:
            return x[0]
        return x[1]

    many = vmap(function, in_axes=(0, {"rate": None}))
    many(np.ones((3, 2)), {"rate": np.array([1.0, 2.0])}, options=[np.ones((3, 4))])
    assert many.paths[0].guards == ("not x[0] > weight",)
    many(np.full((3, 2), 3.0), {"rate": np.array([1.0, 0.1])}, options=[np.ones((3, 4))])
    assert many.paths[1].guards == ("x[0] > weight", "table['rate'][1] * x[1] <= options[0][2]")


def test_what_is_seen_of_a_path_tells_its_points() -> None:
    many = vmap(ways)
    assert repr(many) == "<vmap of ways: 0 paths compiled>"
    many(np.full(1234, 2.0))
    assert repr(many) == "<vmap of ways: 1 paths compiled>"
    assert re.fullmatch(
        r"<path x > 1: 1 operations recorded, 1 compiled in \S+ s, taken by 1,234 points>", repr(many.paths[0])
    )
    many(np.array([-2.0]))
    assert repr(many.paths[1]).endswith("taken by 1 point>")


def test_llvm_ir_is_that_of_vectors() -> None:
    many = vmap(lambda x: mg.sin(x) if x > 0 else x, exact=True)
    with pytest.raises(ValueError, match=r"vmap of .* has compiled nothing yet: call it first"):
        many.llvm_ir()
    many(np.array([1.0, -1.0]))
    text = many.llvm_ir()
    assert text.count("; <path ") == len(many.paths) == 2
    assert re.search(r"<[48] x double>", text)
    assert "define i64 @kernel(" in text


def test_llvm_ir_of_a_path_that_was_not_compiled_yet_is_that_of_columns_side_by_side() -> None:
    many = vmap(lambda x: x * 2)
    many.graph([1.0])  # which records
    assert "define i64 @kernel(" in many.llvm_ir()
    assert many.paths[0].points == 0


def test_a_graph_is_that_of_the_first_point() -> None:
    many = vmap(lambda x, w: [mg.sin(x) * w if x > 0 else w - x, x], in_axes=(0, None))
    first, second = many.graph(np.array([-2.0, 1.0]), 3.0)
    assert (first.data, second.data) == (5.0, -2.0)
    assert many.graph(np.array([2.0, 1.0]), 3.0)[0].data == np.sin(2.0) * 3.0
    assert len(many.paths) == 2
    assert sum(path.points for path in many.paths) == 0
    assert many(np.array([2.0, -2.0]), 3.0)[0].tolist() == [np.sin(2.0) * 3.0, 5.0]
    with pytest.raises(ValueError, match="has no point to show the graph of"):
        many.graph(np.array([]), 3.0)
    few = vmap(ways, max_paths=1)
    few(np.array([2.0]))
    with pytest.raises(RuntimeError, match="interprets the first point: max_paths=1 are compiled"):
        few.graph([-5.0])


def test_a_graph_can_be_drawn() -> None:
    slopes = vmap(mg.grad(lambda x, y: x * mg.exp(x * y)), in_axes=(0, None))
    picture = mg.draw(*slopes.graph(np.array([0.5, 2.0]), 3.0))
    source = picture.source
    assert re.search(r"\bx\b", source)
    assert re.search(r"\by\b", source)
    assert "exp" in source


def test_a_method_is_seen_through_its_object() -> None:
    class Model:
        def __init__(self) -> None:
            self.w = Value(2.0, "w")

        @mg.vmap
        def predict(self, x: Any) -> Any:
            return self.w * x if x > 0 else x

    model = Model()
    model.predict(np.array([1.0, -1.0, 3.0]))
    assert [output.data for output in model.predict.graph([1.5])] == [3.0]
