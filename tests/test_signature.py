"""The arguments of compiled functions: every structure, called again and again with other numbers."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="jit needs llvmlite")
pytest.importorskip("numpy")

import numpy as np

import microgrady as mg
from microgrady.compiler.jit import jit
from tests.compiled import Pair


def tree_sum(*trees: Any, **named: Any) -> Any:
    """A number that depends on each number in the trees, and on its place."""
    total: Any = 0.5
    for tree in (*trees, *named.values()):
        if isinstance(tree, dict):
            total = total * 1.5 + tree_sum(*(tree[key] for key in sorted(tree, key=str)))
        elif isinstance(tree, (list, tuple)):
            total = total * 1.25 + tree_sum(*tree)
        elif isinstance(tree, np.ndarray):
            total = total * 1.125 + tree_sum(*tree.ravel().tolist())
        else:
            total = total * 0.75 + (float(tree) if isinstance(tree, np.generic) else tree)
    return total


def structures() -> dict[str, Any]:
    a, b = np.array([1.0, -2.0, 3.5]), np.array([[0.25, 4.0], [-1.0, 2.0]])
    return {
        "a dict of one array": lambda k: ({"w": a * k},),
        "a list of one array": lambda k: ([a * k],),
        "a tuple of one array": lambda k: ((b - k,),),
        "a nest of one array": lambda k: ({"w": [({"v": (a + k,)},)]},),
        "a list of one array, and a number": lambda k: ([a * k], 2.0 + k),
        "a number, and a dict of one array": lambda k: (k, {"w": a * k}),
        "a list of two arrays beside an empty one": lambda k: ([a * k, b], []),
        "a dict without anything": lambda k: ({}, a * k),
        "an empty list": lambda k: ([], 1.0 * k),
        "nothing but an empty tuple": lambda k: ((),),
        "an array for each of two": lambda k: (a * k, b),
        "an array without dimensions": lambda k: (np.array(1.5 * k), k),
        "an array without elements": lambda k: (np.zeros((0, 3)), k),
        "an array of objects with one element": lambda k: (np.array([1.5 * k], dtype=object), 2.0),
        "a list of one number": lambda k: ([1.5 * k],),
        "a list of one number, and an array": lambda k: ([1.5 * k], a),
        "a named tuple of one array": lambda k: (Pair(a * k, []),),
        "shapes that change": lambda k: ([np.arange(1.0 + k % 3)],),
        "types that change": lambda k: ([a.astype(("f8", "f4", "i8", "u1")[k % 4] if k > 0 else "f8")],),
        "numbers of types that change": lambda k: ((float, int, np.float32, np.int64, bool)[k % 5](k),),
        "keys in another order": lambda k: (dict([("a", a), ("b", 2.0 * k)][:: 1 if k % 2 else -1]),),
        "from lists to arrays": lambda k: (a * k if k % 2 else (a * k).tolist(),),
        "from numbers to lists": lambda k: (1.0 * k, [1.0 * k], [[1.0 * k]])[k % 3 : k % 3 + 1],
        "arrays in C's and Fortran's order": lambda k: ([(b * k).T if k % 2 else b * k],),
    }


STRUCTURES = list(structures())


@pytest.mark.parametrize("structure", STRUCTURES)
def test_arguments_of_every_structure_are_taken_again_and_again(structure: str) -> None:
    make = structures()[structure]
    for function in (tree_sum, mg.value_and_grad(lambda *trees: tree_sum(*trees) ** 2)):
        compiled, named = jit(function), jit(function)
        for k in (1, 2, 3, 4, 5, 1, -3, 2):
            arguments = make(k)
            expected = function(*arguments)
            for _ in range(2):
                assert alike(compiled(*arguments), expected), (structure, k)
            if function is tree_sum:
                assert alike(named(**{f"p{place}": each for place, each in enumerate(arguments)}), expected)


def alike(found: Any, expected: Any) -> bool:
    """The same structure with numbers that are as near as another order of multiplications leaves them."""
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(alike(found[key], expected[key]) for key in expected)
    if isinstance(expected, (list, tuple)):
        return type(found) is type(expected) and len(found) == len(expected) and all(map(alike, found, expected))
    if hasattr(expected, "shape"):
        return found.shape == expected.shape and all(map(alike, found.ravel().tolist(), expected.ravel().tolist()))
    return math.isclose(found, expected, rel_tol=1e-13, abs_tol=1e-13)


@st.composite
def nested_arguments(draw: st.DrawFn) -> list[Any]:
    """Several sets of arguments for one function: of few structures, so that each comes again with other numbers."""
    numbers = st.one_of(
        st.floats(-4, 4),
        st.integers(-4, 4),
        st.booleans(),
        st.floats(-4, 4, width=32).map(np.float32),
        st.integers(-4, 4).map(np.int16),
    )

    def array(shape: tuple[int, ...]) -> Any:
        count = math.prod(shape)
        kinds = st.sampled_from(["f8", "f4", "i4", "bool"])
        return st.builds(
            lambda entries, kind: np.array(entries).reshape(shape).astype(kind),
            st.lists(st.integers(-4, 4), min_size=count, max_size=count),
            kinds,
        )

    leaves = st.sampled_from(["number", "number", (), (1,), (2,), (2, 2), (0,)])
    outlines = st.recursive(
        leaves.map(lambda leaf: ("leaf", leaf)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2).map(lambda found: ("list", found)),
            st.lists(inner, max_size=2).map(lambda found: ("tuple", found)),
            st.lists(inner, max_size=2).map(lambda found: ("dict", found)),
        ),
        max_leaves=4,
    )

    def fill(outline: Any) -> Any:
        kind, inside = outline
        if kind == "leaf":
            return draw(numbers if inside == "number" else array(inside))
        branches = [fill(branch) for branch in inside]
        if kind == "dict":
            names = draw(st.permutations("xy"))
            return dict(zip(names, branches, strict=False))
        return branches if kind == "list" else tuple(branches)

    chosen = draw(st.lists(st.lists(outlines, min_size=1, max_size=2), min_size=1, max_size=2))
    return [[fill(outline) for outline in draw(st.sampled_from(chosen))] for _ in range(5)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(nested_arguments())
def test_one_compiled_function_gives_the_function_s_numbers_for_random_nested_arguments(calls: list[Any]) -> None:
    compiled = jit(tree_sum)
    for arguments in [*calls, *calls]:
        assert alike(compiled(*arguments), float(tree_sum(*arguments)))


@dataclasses.dataclass
class Layer:
    """Weights and a bias, under a name."""

    weights: Any
    bias: Any
    name: str = dataclasses.field(default="", metadata={"static": True})


def test_objects_made_of_numbers_come_and_go_as_they_are() -> None:
    recorded: list[str] = []

    def doubled(layer: Layer) -> Layer:
        recorded.append(layer.name)
        return Layer(2.0 * layer.weights, layer.bias + 1.0, layer.name)

    compiled = jit(doubled)
    for k in range(3):
        for name in ("first", "second"):
            found = compiled(Layer(np.array([1.0, k]), k, name))
            assert (found.weights.tolist(), found.bias, found.name) == ([2.0, 2.0 * k], k + 1.0, name)
            assert type(found) is Layer
    assert recorded == ["first", "second"]
    for _ in range(2):
        assert compiled(Layer(np.array([1.0, 4], dtype=object), 2.0)).weights.tolist() == [2.0, 8.0]
    assert compiled.graph(Layer(np.array([1.0, 4.0]), 2.0))[-1].data == 3.0
    with pytest.raises(TypeError, match=r"in jit of doubled, layer\.bias must be .* goes into an argument of its own"):
        compiled(Layer(1.0, "text"))


def test_series_and_frames_come_and_go_as_they_are() -> None:
    pandas = pytest.importorskip("pandas")
    compiled = jit(mg.value_and_grad(lambda prices, rates: prices["a"] * prices["b"] * rates["x"][0]))
    for k in (1.0, 2.0, 3.0):
        prices = pandas.Series({"a": 2.0 * k, "b": 3.0})
        value, slope = compiled(prices, pandas.DataFrame({"x": [k, 1.0], "y": [0, 1]}))
        assert value == 6.0 * k**2
        pandas.testing.assert_series_equal(slope, pandas.Series({"a": 3.0 * k, "b": 2.0 * k**2}))
    assert len(compiled.paths) == 1
