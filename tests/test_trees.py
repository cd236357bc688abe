"""The structure of nested arguments: what it came from it takes back, and it is equal, hashed and pickled as data."""

from __future__ import annotations

import collections
import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.containers import Misfit
from microgrady.trees import Structure, array_of, collect, flatten, separate

np = pytest.importorskip("numpy")

Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Layer:
    """Weights, and what is not a number."""

    w: Any
    b: Any
    name: str = dataclasses.field(default="first", metadata={"static": True})


class Box:
    """A class of a user's own."""

    def __init__(self, inside: Any, label: str) -> None:
        self.inside = inside
        self.label = label

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Box) and same(self.inside, other.inside) and self.label == other.label

    __hash__ = None  # type: ignore[assignment]


mg.trees.register(Box, lambda box: ({"inside": box.inside}, box.label), lambda label, has: Box(has["inside"], label))


def same(one: Any, other: Any) -> bool:
    """Whether two trees are of the same kinds, with the same keys in the same order and the same numbers."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        keys = list(map(repr, one)) == list(map(repr, other))
        return keys and same(list(one.values()), list(other.values()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return bool(one.shape == other.shape and (one == other).all())
    if isinstance(one, Layer):
        return same([one.w, one.b, one.name], [other.w, other.b, other.name])
    return bool(one == other)


def whole(thing: Any) -> tuple[list[Any], Structure]:
    """Read an array as it is."""
    return [thing], array_of(thing.shape)


def nested(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.text(max_size=2), st.integers(-1, 2), st.booleans(), st.tuples(st.integers(0, 1)))
    named = st.one_of(inside, inside, st.none())
    dicts = st.dictionaries(keys, named, max_size=3)
    return st.one_of(
        st.lists(inside, max_size=3),
        st.lists(inside, max_size=3).map(tuple),
        dicts,
        dicts.map(collections.OrderedDict),
        dicts.map(lambda items: collections.defaultdict(float, items)),
        st.builds(Pair, named, named),
        st.builds(Layer, named, named, st.sampled_from(["first", "second"])),
        st.builds(Box, named, st.sampled_from(["one", "other"])),
    )


shapes = st.lists(st.integers(0, 3), max_size=3)
numbers = st.floats(-100.0, 100.0)
leaves = st.one_of(numbers, shapes.map(lambda shape: np.arange(1.0, 1.0 + np.prod(shape, dtype=int)).reshape(shape)))
trees = st.recursive(leaves, nested, max_leaves=12).filter(
    lambda tree: bool(collect(tree, [], lambda thing: flatten(thing, "it"), anew=True).shapes)
)


@given(trees)
def test_a_structure_takes_back_what_it_came_from(tree: Any) -> None:
    found, structure = flatten(tree, "p")
    assert all(type(number) is float for number in found)
    assert structure.count == len(found)
    assert same(structure.rebuild(found), tree)
    parts, again = separate(tree, "p", whole)
    assert again == structure
    assert [getattr(part, "shape", None) for part in parts] == list(structure.shapes)
    assert same(structure.assemble(parts), tree)


@given(trees)
def test_names_are_python_for_the_numbers(tree: Any) -> None:
    found, structure = flatten(tree, "p")
    names = structure.leaf_names("p")
    assert [float(eval(name, {"p": tree})) for name in names] == found
    assert len(structure.places()) == len(found)
    assert structure.leaf_names() == [name[1:] for name in names]


@given(trees)
def test_structures_are_equal_hashed_and_pickled_by_what_they_say(tree: Any) -> None:
    found, structure = flatten(tree, "p")
    other = flatten(structure.rebuild([number + 1.0 for number in found]), "another")[1]
    for equal in (other, pickle.loads(pickle.dumps(structure)), copy.deepcopy(structure)):
        assert structure == equal
        assert hash(structure) == hash(equal)
        assert structure.leaf_names() == equal.leaf_names()
        assert same(equal.rebuild(found), tree)
    assert structure.numbers_of(tree, "it", "it") == found
    deeper = flatten([tree], "p")[1]
    assert structure != deeper
    assert deeper.children == (structure,)


@settings(max_examples=50)
@given(trees, trees)
def test_structures_differ_where_trees_do(one: Any, other: Any) -> None:
    ones, others = flatten(one, "one"), flatten(other, "other")
    alike = len(ones[0]) == len(others[0]) and same(ones[1].rebuild(others[0]), other)
    assert (ones[1] == others[1]) is alike


class Titled(dict[str, Any]):
    """A dict with an attribute."""

    title = ""


def titled(title: Any) -> Titled:
    made = Titled(a=1.0)
    made.title = title
    return made


ALL_DIFFERENT: list[Callable[[], Any]] = [
    lambda: 1.0,
    *(lambda shape=shape: np.ones(shape) for shape in ((), (1,), (2,), (1, 1), (0,), (0, 1))),
    lambda: [1.0],
    lambda: (1.0,),
    lambda: [[1.0]],
    lambda: {"a": 1.0, "b": None},
    lambda: [1.0, []],
    lambda: [1.0, 1.0],
    *(lambda key=key: {key: 1.0} for key in ("a", 1, True, 1.0, 0, False, 0.0, -0.0, (1,), (True,), frozenset([1]))),
    lambda: {"a": 1.0, "b": 1.0},
    lambda: {"b": 1.0, "a": 1.0},
    lambda: collections.OrderedDict(a=1.0),
    lambda: collections.Counter({"a": 1.0}),
    lambda: collections.defaultdict(float, a=1.0),
    lambda: collections.defaultdict(int, a=1.0),
    lambda: titled("one"),
    lambda: titled(1),
    lambda: titled(True),
    lambda: Pair(1.0, 1.0),
    lambda: Layer(1.0, 1.0),
    lambda: Layer(1.0, None),
    lambda: Layer(1.0, 1.0, "second"),
    lambda: Box(1.0, "one"),
    lambda: Box([1.0], "one"),
    lambda: Box(1.0, "other"),
]


def test_no_two_of_many_structures_are_equal() -> None:
    structures = [flatten(make(), "p")[1] for make in ALL_DIFFERENT]
    for place, structure in enumerate(structures):
        assert [other for other in range(len(structures)) if structures[other] == structure] == [place]
    assert len(set(structures)) == len(structures)
    again = [flatten(make(), "p")[1] for make in ALL_DIFFERENT]
    assert again == structures
    assert list(map(hash, again)) == list(map(hash, structures))
    assert structures[0] != "a structure"


def test_a_structure_cannot_be_changed() -> None:
    structure = flatten([1.0, {"a": 2.0}], "p")[1]
    with pytest.raises(dataclasses.FrozenInstanceError):
        structure.keys = None  # type: ignore[misc]


def test_a_structure_reads_as_what_it_is() -> None:
    tree = ({"w": 1.0, "b": None}, [np.ones((2, 3)), Layer(1.0, ())])
    assert repr(flatten(tree, "p")[1]) == (
        "<tuple [0]: <dict ['w']: number, ['b']: <NoneType>>, [1]: <list [0]: array[2, 3], "
        "[1]: <Layer .w: number, .b: <tuple>>>>"
    )
    assert flatten(tree, "p")[1].leaf_names("p")[:3] == ["p[0]['w']", "p[1][0][0, 0]", "p[1][0][0, 1]"]


def test_what_is_not_a_number_is_refused_where_it_stands() -> None:
    for tree, where in (
        ("text", "p"),
        (None, "p"),
        ([None], r"p\[0\]"),
        ([1.0, None], r"p\[1\]"),
        ({"a": None}, r"p\['a'\]"),
        ({"a": 1.0, "b": [None]}, r"p\['b'\]\[0\]"),
        ([1.0, {"a": "text"}], r"p\[1\]\['a'\]"),
        (Pair(1.0, {1j}), r"p\[1\]"),
        ({True: [Layer(1.0, "text")]}, r"p\[True\]\[0\]\.b"),
        (Box((2.0, object()), "one"), r"p\.inside\[1\]"),
        ([np.array([1.0, "text"], dtype=object)], r"p\[0\]\.flat\[1\]"),
        (np.array(["2020-01-01"], "datetime64[ns]"), "p"),
    ):
        with pytest.raises(TypeError, match=rf"^{where} must be a real number, a Value, or a list, tuple, dict"):
            flatten(tree, "p")
    with pytest.raises(TypeError, match=r"^the result\['b'\] must be .* not NoneType"):
        flatten({"a": 1.0, "b": None}, "the result", none=False)


def test_a_reader_of_ones_own_takes_other_things() -> None:
    def read(thing: Any) -> tuple[list[Any], Structure]:
        if not isinstance(thing, str):
            raise Misfit("{} is not a word")
        return [float(len(thing))], flatten(1.0, "a number")[1]

    assert flatten([{"a": "two"}, "three"], "words", read)[0] == [3.0, 5.0]
    with pytest.raises(TypeError, match=r"^words\[0\]\['a'\] is not a word$"):
        flatten([{"a": b"two"}], "words", read)


def test_numbers_of_something_alike_come_in_the_order_of_the_structure() -> None:
    structure = flatten({"a": [1.0, 2.0], "b": np.zeros((1, 2))}, "the point")[1]
    alike = {"b": [[3.0, 4.0]], "a": (1, np.float32(2))}
    assert structure.numbers_of(alike, "the vector", "the point") == [1.0, 2.0, 3.0, 4.0]
    for other in ({"a": [1.0, 2.0]}, {"a": [1.0, 2.0], "b": [[3.0]]}, [1.0], {"a": [1.0, 2.0], "b": [3.0, 4.0]}):
        with pytest.raises(ValueError, match="the vector must have the structure of the point, but is"):
            structure.numbers_of(other, "the vector", "the point")


def test_values_and_large_numbers_go_through() -> None:
    x = Value(2.0)
    assert flatten([x, {"a": x}], "p")[0] == [x, x]
    found, structure = flatten([x, 1, True, np.float32(0.5)], "p")
    assert found[0] is x
    assert (found[1:], [type(number) for number in found[1:]]) == ([1.0, 1.0, 0.5], [float] * 3)
    assert structure == flatten([1.0] * 4, "p")[1]
    with pytest.raises(OverflowError, match="too large for a float"):
        flatten([10**400], "p")


def test_long_and_deep_trees_are_as_good_as_short_ones() -> None:
    long = [float(k) for k in range(5000)]
    found, structure = flatten(long, "p")
    assert structure.rebuild(found) == long
    assert structure == pickle.loads(pickle.dumps(structure))
    assert hash(structure) == hash(flatten(long, "p")[1])
    deep: Any = 1.0
    for _ in range(100):
        deep = [deep]
    found, structure = flatten(deep, "p")
    assert structure.rebuild(found) == deep
    assert structure.leaf_names("p") == ["p" + "[0]" * 100]
