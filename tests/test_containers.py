"""Lists, tuples and dicts of every kind go through transforms and compiled functions as what they are."""

from __future__ import annotations

import collections
import math
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.trees import flatten

Pair = collections.namedtuple("Pair", "a b")


class Triple(NamedTuple):
    """Three numbers, the last of which has a default."""

    a: float
    b: float
    c: float = 1.0


class Named(dict[str, Any]):
    """A dict with an attribute of its own."""

    title = ""


class Point(list[Any]):
    """A list with a constructor of its own."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__([x, y])
        self.unit = "m"


class Complete(tuple[Any, ...]):
    """A tuple that derives an attribute from what is in it."""

    total: Any

    def __new__(cls, numbers: Any) -> Complete:
        """A tuple of numbers."""
        made = super().__new__(cls, numbers)
        made.total = sum(made)
        return made


class Attributes(dict[str, Any]):
    """A dict whose items are attributes, too."""

    def __setitem__(self, name: str, thing: Any) -> None:
        super().__setitem__(name, thing)
        setattr(self, name, thing)


def titled() -> Named:
    named = Named(a=2.0, b=3.0)
    named.title = "both"
    return named


def with_attributes() -> Attributes:
    made = Attributes()
    made["a"], made["b"] = 2.0, 3.0
    return made


def default(factory: Callable[[], Any]) -> Any:
    return collections.defaultdict(factory, a=2.0, b=3.0)


DICTS: dict[str, Callable[[], Any]] = {
    "dict": lambda: {"a": 2.0, "b": 3.0},
    "OrderedDict": lambda: collections.OrderedDict(b=3.0, a=2.0),
    "defaultdict of float": lambda: default(float),
    "defaultdict of a lambda": lambda: default(lambda: 7.0),
    "Counter": lambda: collections.Counter({"a": 2.0, "b": 3.0}),
    "a class of one's own": titled,
    "items as attributes": with_attributes,
}


@pytest.mark.parametrize("name", DICTS)
@pytest.mark.parametrize("way", ["grad", "jit", "jit of grad"])
def test_dicts_keep_their_kind_their_order_and_their_default(name: str, way: str) -> None:
    seen: list[Any] = []

    def product(p: Any) -> Any:
        seen.append(p)
        return p["a"] ** 2 * p["b"]

    point = DICTS[name]()
    functions: dict[str, Callable[..., Any]] = {
        "grad": mg.grad(product),
        "jit": mg.jit(product),
        "jit of grad": mg.jit(mg.grad(product)),
    }
    function = functions[way]
    if way != "grad":
        pytest.importorskip("llvmlite")
    for _ in range(3):
        result = function(point)
        assert [(type(p), list(p)) for p in seen] == [(type(point), list(point))] * len(seen)
        if way == "jit":
            assert result == 12.0
        else:
            assert (type(result), list(result)) == (type(point), list(point))
            assert dict(result) == {"a": 12.0, "b": 4.0}
            assert getattr(result, "default_factory", None) is getattr(point, "default_factory", None)
    assert dict(point) == {"a": 2.0, "b": 3.0}


def test_a_default_is_used_by_the_function_that_is_differentiated_or_compiled() -> None:
    pytest.importorskip("llvmlite")

    def with_bias(p: Any) -> Any:
        return p["w"] * 2 + p["bias"]

    for number in (1.0, 5.0):  # two lambdas of one line, which differ in what they are closed over
        point = collections.defaultdict(lambda number=number: number, w=3.0)  # type: ignore[misc]
        assert mg.grad(with_bias)(point) == {"w": 2.0}
        compiled = mg.jit(with_bias)
        assert compiled(point) == compiled(point) == 6.0 + number
    compiled = mg.jit(with_bias)
    for number in (1.0, 5.0, 1.0, 5.0):
        assert compiled(collections.defaultdict(lambda number=number: number, w=3.0)) == 6.0 + number  # type: ignore[misc]
    assert len(compiled.paths) == 2


def test_items_that_are_attributes_too_have_derivatives_both_ways() -> None:
    slope = mg.grad(lambda p: p.a * p["b"] + p.b)(with_attributes())
    assert (slope.a, slope["b"], slope.b) == (3.0, 3.0, 3.0)


def test_attributes_stay_with_lists_tuples_and_dicts() -> None:
    slope = mg.grad(lambda p: p[0] * p[1] if p.unit == "m" else 0.0)(Point(2.0, 5.0))
    assert (type(slope), list(slope), slope.unit) == (Point, [5.0, 2.0], "m")
    assert mg.grad(lambda p: p["a"] * p["b"] if p.title == "both" else 0.0)(titled()).title == "both"
    whole = mg.grad(lambda p: p.total**2)(Complete([1.0, 2.0]))
    assert (type(whole), whole) == (Complete, (6.0, 6.0))


def test_named_tuples_keep_their_type_everywhere() -> None:
    slope = mg.grad(lambda t: t.a * t.b + t.c**2)(Triple(2.0, 3.0))
    assert (type(slope), slope) == (Triple, Triple(3.0, 2.0, 2.0))
    rows = mg.jacobian(lambda p: Pair(p.a * p.b, p.a))(Pair(2.0, 3.0))
    assert (type(rows), rows) == (Pair, Pair(Pair(3.0, 2.0), Pair(1.0, 0.0)))


class Rounded(dict[str, Any]):
    """A dict that keeps other things than it is given."""

    def __setitem__(self, name: str, thing: Any) -> None:
        super().__setitem__(name, [thing])


class TwoNumbers(tuple[Any, ...]):
    """A tuple whose constructor takes two things."""

    def __new__(cls, x: Any, y: Any) -> TwoNumbers:
        """Of two numbers."""
        return super().__new__(cls, (x, y))


@pytest.mark.parametrize("point", [Rounded(a=1.0), TwoNumbers(1.0, 2.0)], ids=["dict", "tuple"])
def test_a_kind_that_cannot_be_made_anew_is_refused(point: Any) -> None:
    plain = "dict" if isinstance(point, dict) else "tuple"
    with pytest.raises(TypeError, match=f"{type(point).__name__}, which cannot be made anew .* pass a plain {plain}"):
        mg.grad(lambda p: 1.0)(point)


def test_a_structure_holds_no_values_of_its_example() -> None:
    point = collections.OrderedDict(a=Value(1.0))
    _, structure = flatten(point, "the point")
    held = pickle.dumps(structure.assemble([0.0]))
    assert structure.assemble([2.0]) == {"a": 2.0}
    assert b"Value" not in held


def test_keys_that_are_equal_but_of_other_types_are_told_apart_by_compiled_functions() -> None:
    pytest.importorskip("llvmlite")
    kinds = mg.jit(lambda p: {key: number * (10.0 if key is True else 1.0) for key, number in p.items()})
    for _ in range(2):
        for key in (1, True, 1.0, 0, False, 0.0, -0.0, (1, 2), (True, 2), frozenset([1]), frozenset([True])):
            (found,) = kinds({key: 3.0}).items()
            assert found[1] == (30.0 if key is True else 3.0)
            assert (type(found[0]), repr(found[0])) == (type(key), repr(key))


def test_results_have_the_order_of_the_call() -> None:
    pytest.importorskip("llvmlite")
    slope = mg.jit(mg.grad(lambda p: p["a"] * p["b"]))
    for _ in range(2):
        assert list(slope({"a": 2.0, "b": 3.0}).items()) == [("a", 3.0), ("b", 2.0)]
        assert list(slope({"b": 3.0, "a": 2.0}).items()) == [("b", 2.0), ("a", 3.0)]


def test_attributes_decide_which_program_runs() -> None:
    pytest.importorskip("llvmlite")
    compiled = mg.jit(lambda p: p["a"] * (2.0 if p.title == "double" else 1.0))
    one, two = titled(), titled()
    two.title = "double"
    for _ in range(2):
        assert (compiled(one), compiled(two)) == (2.0, 4.0)
    two.title = [1.0]  # type: ignore[assignment]
    with pytest.raises(TypeError, match="Named has attributes, of which a compiled function could not tell"):
        compiled(two)
    attributes = mg.jit(lambda p: p.a * p["b"])
    made = with_attributes()
    assert attributes(made) == 6.0
    made["a"] = 5.0
    assert attributes(made) == 15.0
    assert len(attributes.paths) == 1


def test_static_sets_are_told_apart_by_the_types_of_their_elements() -> None:
    pytest.importorskip("llvmlite")
    compiled = mg.jit(lambda x, names: x * len(repr(min(names))), static_argnames="names")
    for _ in range(2):
        assert compiled(1.0, frozenset([1])) == 1.0
        assert compiled(1.0, frozenset([True])) == 4.0
    assert math.isclose(compiled(2.0, frozenset([1.5])), 6.0)
