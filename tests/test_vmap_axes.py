"""Where the points of a batch are: axes of arguments and of results, as in JAX, and what is refused."""

from __future__ import annotations

import dataclasses
import functools
import platform
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="vmap needs llvmlite")
pytest.importorskip("numpy")

import numpy as np

import microgrady as mg
from microgrady.compiler.axes import Axes
from microgrady.compiler.points import batch_of
from microgrady.compiler.pointwise import pointwise
from microgrady.compiler.signature import Signature
from microgrady.trees import register
from tests.compiled import Pair

Function = Callable[..., Any]


def by_points(
    function: Function, in_axes: Any = 0, out_axes: Any = 0, reduce: Any = None, static_argnames: tuple[str, ...] = ()
) -> Function:
    """What `vmap` gives inside `grad`: the function runs point by point."""
    signature, axes = Signature(function, "f", static_argnames, "vmap"), Axes(in_axes, out_axes)

    def batched(*args: Any, **kwargs: Any) -> Any:
        return pointwise(function, batch_of(signature, axes, args, kwargs), axes.outputs, reduce, "f")

    return batched


ENGINES = pytest.mark.parametrize("vmap", [by_points, mg.vmap], ids=["points", "kernels"])


class Leaf(NamedTuple):
    """An array or a number among the arguments, and the axis of its points, if it has some."""

    array: Any
    axis: int | None

    def at(self, point: int) -> Any:
        """The leaf of a point."""
        return self.array if self.axis is None else np.asarray(np.take(self.array, point, self.axis), np.float64)[()]


def mapped(function: Function, tree: Any) -> Any:
    """A tree with something else in the place of each leaf."""
    if isinstance(tree, dict):
        return {key: mapped(function, thing) for key, thing in sorted(tree.items())}
    if type(tree) in (tuple, list):
        return type(tree)(mapped(function, thing) for thing in tree)
    return function(tree)


def leaves_in(tree: Any) -> list[Any]:
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def number_in(thing: Any) -> Any:
    return thing.sum() if getattr(thing, "ndim", 0) else thing


def weigh(*trees: Any) -> Any:
    """Something of each leaf, and of all together, that floats hold exactly."""
    total: Any = 0.0
    for place, leaf in enumerate(leaves_in(list(trees)), 1):
        total = total + place * number_in(leaf)
    return mapped(lambda leaf: leaf * 2.0 + total, list(trees)), total


TYPES = ["f8", ">f8", "f4", ">f4", "f2", "i1", "i2", ">i4", "i8", "u1", ">u2", "u8", "?"]


@st.composite
def arrays(draw: Any, count: int) -> Leaf:
    """Arrays of small whole numbers, of all types and strides; lists; and numbers and arrays for all points."""
    shape = draw(st.lists(st.integers(1, 3), max_size=2))
    axis = draw(st.one_of(st.none(), st.integers(-len(shape) - 1, len(shape))))
    if axis is not None:
        shape.insert(axis % (len(shape) + 1), count)
    numbers = [(7 * place) % 5 - (place % 3) for place in range(int(np.prod(shape, dtype=int)))]
    kind = draw(st.sampled_from(TYPES))
    array = np.array(numbers).reshape(shape)
    array = (abs(array) if kind[-2:][0] in "u?" else array).astype(kind)
    if axis is None and not shape:
        return Leaf(float(array), None)
    step = draw(st.sampled_from([1, 2, -1, -3]))
    wide = np.zeros([length * abs(step) for length in array.shape], kind, order=draw(st.sampled_from("CF")))
    view = wide[(slice(None, None, step),) * array.ndim]
    view[...] = array
    view.flags.writeable = draw(st.booleans())
    if draw(st.integers(0, 4)) == 0 and kind != "?" and axis is not None and (axis % array.ndim == 0 or count):
        return Leaf(view.tolist(), axis)
    return Leaf(view, axis)


@st.composite
def batches(draw: Any, largest: int = 4) -> tuple[int, list[Any]]:
    """How many points there are, and the arguments, with at least one array of points."""
    count = draw(st.integers(1, largest))
    leaf = arrays(count)
    nested = st.one_of(
        leaf,
        st.lists(leaf, min_size=1, max_size=2).map(tuple),
        st.fixed_dictionaries({"b": leaf, "a": st.tuples(leaf)}),
    )
    trees = draw(st.lists(nested, min_size=1, max_size=3))
    first = draw(leaf.filter(lambda leaf: leaf.axis is not None))
    return count, draw(st.permutations([*trees, first]))


def axes_of_results(draw: Any, trees: list[Any]) -> Any:
    """An axis for each result of `weigh`."""

    def axis(leaf: Leaf) -> int:
        rest = np.ndim(leaf.array) - (leaf.axis is not None)
        found: int = draw(st.integers(-rest - 1, rest))
        return found

    return [mapped(axis, tree) for tree in trees], draw(st.sampled_from([0, -1]))


def by_hand(function: Function, count: int, trees: list[Any], out_axes: Any) -> Any:
    """What NumPy makes of the results of the points."""
    results = [
        function(*(mapped(functools.partial(Leaf.at, point=point), tree) for tree in trees)) for point in range(count)
    ]
    columns = zip(*map(leaves_in, results), strict=True)
    parts = [np.stack(column, axis) for column, axis in zip(columns, leaves_in(out_axes), strict=True)]
    rest = iter(parts)
    return mapped(lambda _: next(rest), results[0])


def assert_same(found: Any, expected: Any) -> None:
    """Equal arrays in equal structures."""
    assert mapped(type, found) == mapped(lambda _: np.ndarray, expected)
    for one, other in zip(leaves_in(found), leaves_in(expected), strict=True):
        assert one.dtype == np.float64
        assert one.flags.c_contiguous
        np.testing.assert_array_equal(one, other, strict=True)


@ENGINES
@settings(max_examples=40)
@given(batches(), st.data())
def test_points_are_taken_from_their_axes_and_put_into_those_that_are_asked_for(
    vmap: Any, batch: tuple[int, list[Any]], data: st.DataObject
) -> None:
    count, trees = batch
    in_axes = tuple(mapped(lambda leaf: leaf.axis, tree) for tree in trees)
    out_axes = axes_of_results(data.draw, trees)
    found = vmap(weigh, in_axes, out_axes)(*(mapped(lambda leaf: leaf.array, tree) for tree in trees))
    assert_same(found, by_hand(weigh, count, trees, out_axes))


@ENGINES
@settings(max_examples=8)
@given(batches(2), st.data())
def test_jax_gives_the_same(vmap: Any, batch: tuple[int, list[Any]], data: st.DataObject) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[peers]'")
    _, trees = batch
    in_axes = tuple(mapped(lambda leaf: leaf.axis, tree) for tree in trees)
    out_axes = axes_of_results(data.draw, trees)
    args = [mapped(lambda leaf: leaf.array, tree) for tree in trees]
    with jax.enable_x64(True):
        floats = [mapped(lambda leaf: np.asarray(leaf.array, np.float64), tree) for tree in trees]
        expected = jax.vmap(weigh, in_axes, out_axes)(*floats)
        assert_same(vmap(weigh, in_axes, out_axes)(*args), mapped(np.asarray, expected))


A, B = np.arange(12.0).reshape(3, 4), np.arange(24.0).reshape(2, 3, 4)
V3, V4 = np.arange(3.0) + 1, np.arange(4.0) - 2


@ENGINES
@pytest.mark.parametrize(
    ("in_axes", "out_axes", "args"),
    [
        (0, 0, (V3, V3)),
        (0, -1, (A, A)),
        (-1, 0, (A, B)),
        ([0, None], 0, (A, A)),
        ((0, None), (0, None), (A, V4)),
        ((None, 1), (-1, 2), (A, B)),
        ((1, None), 1, (A, A.T)),
        ((None, 0), 0, (V3, V3)),
        (0, 0, ((A, V3), V3)),
        (((0, None), 0), 0, ((V3, A), V3)),
        (({"a": 1, "b": None}, 0), 0, ({"b": V3, "a": A}, V4)),
        (((0, {"c": -1}), None), 0, ((V4, {"c": A}), V3)),
        (0, (({"a": 1, "b": 0}, 0), 0), (({"b": A, "a": A}, A[:, 0]), V3)),
        ((None, 0), ((1, {"x": None}), -1), ((A, {"x": V4}), V3)),
    ],
)
def test_axes_mean_what_they_mean_in_jax(vmap: Any, in_axes: Any, out_axes: Any, args: Any) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[peers]'")

    def doubled(x: Any, y: Any) -> Any:
        return mapped(lambda leaf: leaf * 2.0, x), y * 3.0

    with jax.enable_x64(True):
        expected = mapped(np.asarray, jax.vmap(doubled, in_axes, out_axes)(*args))
        found = vmap(doubled, in_axes, out_axes)(*args)
    assert_same(mapped(np.asarray, found), expected)


@ENGINES
def test_arguments_by_name_have_their_points_along_axis_0(vmap: Any) -> None:
    compiled = vmap(lambda x, *, scale: x * scale, in_axes=1)
    np.testing.assert_array_equal(compiled(A, scale=V4), (A * V4).T)


@ENGINES
def test_static_arguments_have_no_points(vmap: Any) -> None:
    compiled = vmap(lambda x, kind, n=1: x**n if kind == "power" else x * n, static_argnames=("kind", "n"))
    assert compiled(V3, "power", n=2).tolist() == [1.0, 4.0, 9.0]
    assert compiled(V3, kind="product", n=3).tolist() == [3.0, 6.0, 9.0]
    nested = vmap(lambda x, n: x**n, in_axes=(0, None), static_argnames=("n",))
    assert nested(V3, 3).tolist() == [1.0, 8.0, 27.0]


@dataclasses.dataclass
class Model:
    """A dataclass with a field that is no number."""

    weight: Any
    bias: Any = None
    kind: str = dataclasses.field(default="linear", metadata={"static": True})


class Line:
    """A registered class."""

    def __init__(self, slope: Any, offset: Any) -> None:
        self.slope, self.offset = slope, offset


register(Line, lambda line: ([line.slope, line.offset], None), lambda _, inside: Line(*inside))


@ENGINES
def test_dataclasses_named_tuples_and_registered_classes_are_structures(vmap: Any) -> None:
    found = vmap(lambda model, x: Model(model.weight * x, model.bias, model.kind))(Model(V3, V3), V3)
    assert type(found) is Model
    assert (found.weight.tolist(), found.bias.tolist(), found.kind) == ([1.0, 4.0, 9.0], [1.0, 2.0, 3.0], "linear")
    mixed = vmap(lambda model, x: model.weight * x, in_axes=(Model(None, 0), 0))
    assert mixed(Model(2.0, V3), V3).tolist() == [2.0, 4.0, 6.0]
    assert mixed(Model(2.0), V3).tolist() == [2.0, 4.0, 6.0]
    lines = vmap(lambda line, x: Line(line.slope * x, line.offset), in_axes=(Line(0, None), 0), out_axes=Line(0, None))
    line = lines(Line(V3, 5.0), V3)
    assert (line.slope.tolist(), line.offset) == ([1.0, 4.0, 9.0], 5.0)
    pair = vmap(lambda pair: Pair(pair.b, pair.a))(Pair(V3, A))
    assert (type(pair), pair.b.tolist()) == (Pair, V3.tolist())
    ordered = vmap(lambda tree: tree["b"] - tree["a"], in_axes=(OrderedDict(a=0, b=None),))
    assert ordered(OrderedDict(b=1.0, a=V3)).tolist() == [0.0, -1.0, -2.0]


@ENGINES
def test_lists_are_arrays_where_they_hold_nothing_but_numbers(vmap: Any) -> None:
    assert vmap(mg.sum)([[1, 2.5], [True, Fraction(1, 2)]]).tolist() == [3.5, 1.5]
    assert vmap(lambda row: row[0] + 0.0, in_axes=1)([[1, 2, 3]]).tolist() == [1.0, 2.0, 3.0]
    assert vmap(lambda pair: pair[0] * pair[1])([V3, [1.0, 2.0, 3.0]]).tolist() == [1.0, 4.0, 9.0]
    assert vmap(lambda x, w: x * w[1], in_axes=(0, None))(V3, [1.0, 2.0]).tolist() == [2.0, 4.0, 6.0]
    assert vmap(lambda pair, x: pair[1] * x, in_axes=([0, None], 0))([[1, 2, 3], 2.0], V3).tolist() == [2.0, 4.0, 6.0]


@ENGINES
def test_whatever_numpy_makes_an_array_of_is_one(vmap: Any) -> None:
    pandas = pytest.importorskip("pandas")
    square = vmap(lambda x: x * x)
    assert square(pandas.Series([1, 2, 3], index=["a", "b", "c"])).tolist() == [1.0, 4.0, 9.0]
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    assert vmap(mg.sum)(frame).tolist() == [4.0, 6.0]
    assert vmap(mg.sum, in_axes=1)(frame).tolist() == [3.0, 7.0]
    assert square(mg.array([1.0, 2.0])).dtype == np.float64
    assert square(np.array([1, Fraction(1, 2)], dtype=object)).tolist() == [1.0, 0.25]
    torch = pytest.importorskip("torch")
    assert vmap(lambda x, w: mg.dot(x, w), in_axes=(0, None))(torch.ones(2, 3), torch.arange(3)).tolist() == [3.0, 3.0]


@ENGINES
def test_a_batch_without_points_has_results_without_points(vmap: Any) -> None:
    found = vmap(lambda x, y: (x @ y, {"x": 2 * x}), (0, None), (0, {"x": 1}))(np.zeros((0, 3)), V3)
    assert found[0].shape == (0,)
    assert found[1]["x"].shape == (3, 0)
    assert np.isnan(vmap(lambda x: (x, 3.0), out_axes=(0, None))([])[1])  # no point says what it is
    assert vmap(lambda x: x * x, reduce="sum")([]) == 0.0
    assert np.isnan(vmap(lambda x: x * x, reduce="mean")([]))


@ENGINES
def test_a_fold_has_the_structure_of_a_result(vmap: Any) -> None:
    found = vmap(lambda x, y: {"x": x * y, "y": [y]}, reduce="sum")(A, V3)
    np.testing.assert_array_equal(found["x"], V3 @ A)
    assert found["y"] == [6.0]
    assert vmap(lambda y: y, reduce="mean")(V3) == 2.0


@ENGINES
def test_memory_of_every_kind_is_read(vmap: Any, tmp_path: Path) -> None:
    doubled = vmap(lambda x: 2 * x)
    unaligned = np.frombuffer(b"\0" + V4.tobytes(), np.uint8)[1:].view("f8")
    assert not unaligned.flags.aligned
    mapped_file = np.memmap(tmp_path / "points", "f4", "w+", shape=(4,))
    mapped_file[:] = V4
    mapped_file.flags.writeable = False
    for points in (unaligned, mapped_file, V4[::-1], np.repeat(V4, 3)[1::3], V4.astype(">f8")):
        np.testing.assert_array_equal(doubled(points), 2.0 * np.asarray(points, np.float64))
    assert doubled(np.broadcast_to(2.0, 5)).tolist() == [4.0] * 5
    assert vmap(mg.sum)(np.zeros((3, 0))).tolist() == [0.0] * 3


def energy(p: Any, x: Any) -> Any:
    return p["a"] * x[0] ** 3 + p["b"] * x[0] * x[1] ** 2 - x[1] / p["a"]


@ENGINES
@pytest.mark.parametrize(
    ("transform", "arguments", "in_axes"),
    [
        ("grad", {}, (None, 0)),
        ("grad", {"argnums": 1}, ({"a": 0, "b": None}, 0)),
        ("value_and_grad", {"argnums": (0, 1)}, ({"a": None, "b": 0}, None)),
        ("jacobian", {"argnums": 1}, ({"a": 0, "b": 0}, 0)),
        ("hessian", {"argnums": 1}, (None, 0)),
        ("hessian", {}, ({"a": 0, "b": None}, None)),
    ],
)
def test_derivatives_are_those_of_jax(vmap: Any, transform: str, arguments: dict[str, Any], in_axes: Any) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[peers]'")
    points = np.array([[0.5, -1.0], [2.0, 0.25], [-1.5, 3.0]])
    spec = in_axes[0] or {"a": None, "b": None}
    p = {name: V3 + 1 if spec[name] == 0 else 1.5 for name in ("a", "b")}
    args = p, points if in_axes[1] == 0 else points[0]
    found = vmap(getattr(mg, transform)(energy, **arguments), in_axes)(*args)
    with jax.enable_x64(True):
        expected = jax.vmap(getattr(jax, transform)(energy, **arguments), in_axes)(*args)
        expected = mapped(np.asarray, expected)
    assert mapped(np.shape, found) == mapped(np.shape, expected)
    for one, other in zip(leaves_in(found), leaves_in(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13)


@ENGINES
def test_batches_of_batches_are_those_of_jax(vmap: Any) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[peers]'")

    def distances(vmap: Any) -> Any:
        return vmap(vmap(lambda x, y: ((x - y) ** 2).sum(), (None, 0)), (0, None), 1)

    rows, columns = B[0], B[1, :2]
    with jax.enable_x64(True):
        expected = np.asarray(distances(jax.vmap)(rows, columns))
    np.testing.assert_array_equal(distances(vmap)(rows, columns), expected)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is about glibc's memory")
def test_the_memory_of_results_that_are_gone_is_used_again() -> None:
    resource = pytest.importorskip("resource")
    points = np.linspace(0.0, 1.0, 300_000)
    squared = mg.vmap(mg.value_and_grad(lambda x: x * x), threads=1)
    squared(points)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        squared(points)
    # Of its own each call would have 1,170 pages.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1000
