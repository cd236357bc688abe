"""Lists, tuples and dicts of every kind go through transforms and compiled functions as what they are."""

from __future__ import annotations

import collections
import dataclasses
import fractions
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


def test_attributes_that_a_constructor_derives_of_the_numbers_need_no_recording_of_their_own() -> None:
    pytest.importorskip("llvmlite")
    compiled = mg.jit(lambda p: p.total * p[0])
    for first in (1.0, 2.0, 3.0):
        assert compiled(Complete([first, 2.0])) == (first + 2.0) * first
    assert len(compiled.paths) == 1


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


# Dataclasses.


@dataclasses.dataclass
class Model:
    """Weights and a bias, which may be missing."""

    w: Any
    b: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Fixed:
    """Two numbers, which cannot be assigned."""

    x: Any
    y: Any


@dataclasses.dataclass
class Scaled(Model):
    """A model with an option that is not a number, and a number that is none of the constructor's."""

    unit: str = dataclasses.field(default="m", metadata={"static": True})
    scale: Any = dataclasses.field(default=1.0, init=False)


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """A distribution that refuses what is not one, and knows its variance."""

    mean: Any
    deviation: Any
    variance: Any = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Refuse a deviation that is not positive."""
        if not self.deviation > 0.0:
            raise ValueError("a deviation is positive")
        object.__setattr__(self, "variance", self.deviation**2)


@dataclasses.dataclass(init=False)
class Bent:
    """A class with a constructor of its own, which changes what it is given."""

    x: Any

    def __init__(self, x: Any) -> None:
        self.x = x % 1.0
        self.half = self.x / 2.0


def negative_log(gaussian: Gaussian) -> Any:
    return (3.0 - gaussian.mean) ** 2 / (2.0 * gaussian.variance) + mg.log(gaussian.deviation)


def test_gradients_of_dataclasses_are_such() -> None:
    point = Model([1.0, 2.0], {"in": 3})
    assert mg.grad(lambda p: p.w[0] * p.w[1] * p.b["in"])(point) == Model([6.0, 3.0], {"in": 2.0})
    assert mg.grad(lambda p: p.w**2)(Model(3.0)) == Model(6.0, None)
    assert mg.value_and_grad(lambda p: p.x * p.y)(Fixed(2.0, 3.0)) == (6.0, Fixed(3.0, 2.0))
    assert mg.jacobian(lambda p: Model(p.x * p.y, [p.x]))(Fixed(2.0, 3.0)) == Model(Fixed(3.0, 2.0), [Fixed(1.0, 0.0)])
    assert mg.hessian(lambda p: p.x * p.y)(Fixed(2.0, 3.0)) == Fixed(Fixed(0.0, 1.0), Fixed(1.0, 0.0))
    assert mg.hvp(lambda p: p.x**2 * p.y)(Fixed(2.0, 3.0), Fixed(1.0, 10.0)) == Fixed(46.0, 4.0)
    x = Value(2.0)
    assert mg.gradients(x**3, Model([x])).w[0].data == 12.0
    assert mg.detach(Model([x * x], "text")) == Model([4.0], "text")


def test_derived_dataclasses_keep_options_and_numbers_that_no_constructor_takes() -> None:
    point = Scaled(2.0, unit="km")
    point.scale = 5.0
    slope = mg.grad(lambda p: p.w * p.scale if p.unit == "km" else 0.0)(point)
    assert (slope, slope.unit, slope.scale) == (mg.grad(lambda p: p.w * p.scale)(point), "km", 2.0)
    assert slope.w == 5.0
    assert type(slope) is Scaled


def test_what_a_constructor_derives_follows_the_numbers() -> None:
    point = Gaussian(1.0, 2.0)
    slope = mg.grad(negative_log)(point)
    assert (slope.mean, slope.deviation) == (-0.5, 0.0)
    report = mg.check_gradient(negative_log, Gaussian(1.0, 0.5))
    assert report.ok
    assert [entry.name for entry in report.entries] == ["gaussian.mean", "gaussian.deviation"]
    second = mg.hessian(negative_log)(Gaussian(1.0, 1.0))
    assert (second.mean.mean, second.mean.deviation) == (1.0, 4.0)
    assert (second.deviation.mean, second.deviation.deviation) == (4.0, 11.0)
    assert slope.variance is None  # of a deviation of zero the constructor wants to know nothing


def test_a_derived_field_that_the_constructor_would_make_another_is_refused() -> None:
    point = Gaussian(1.0, 2.0)
    object.__setattr__(point, "variance", 9.0)
    with pytest.raises(TypeError, match=r"\['p'\] is a Gaussian, whose constructor does not make its field variance"):
        mg.grad(lambda it: it["p"].variance)({"p": point})


def test_fields_hold_what_they_are_given_whatever_the_constructor_does() -> None:
    slope = mg.grad(lambda p: 5.0 * p.half)(Bent(0.5))
    assert slope.x == 2.5
    slope = mg.grad(lambda p: -5.0 * p.x)(Bent(0.5))
    assert slope.x == -5.0


@dataclasses.dataclass
class Dual:
    """A number of another library, which happens to be a dataclass."""

    value: float
    slope: float

    def __float__(self) -> float:
        """The value alone."""
        return self.value


@dataclasses.dataclass
class Neuron:
    """An object with a compiled method."""

    w: Any

    @mg.jit
    def output(self, x: Any) -> Any:
        """A weighted input."""
        return self.w * x


def test_a_dataclass_that_has_a_float_is_a_number() -> None:
    assert mg.check_gradient(lambda x: Dual(float(x) ** 2, 0.0), 3.0, gradient=6.0).ok
    with pytest.raises(TypeError, match=r"must be a real number, .* not Dual"):
        mg.grad(lambda x: x)(Dual(1.0, 2.0))


def test_the_object_of_a_method_may_be_differentiated_by_but_is_no_argument_of_the_compiled_one() -> None:
    pytest.importorskip("llvmlite")
    neuron = Neuron(Value(3.0))
    assert neuron.output(2.0) == neuron.output(2.0) == 6.0
    assert neuron.output.backward(2.0) == 6.0
    assert neuron.w.grad == 2.0
    assert mg.grad(lambda neuron, x: neuron.output(x) ** 2)(Neuron(3.0), 2.0) == Neuron(24.0)


def test_what_a_function_returns_besides_may_hold_itself() -> None:
    state = Model(1.0)
    state.b = state
    assert mg.grad(lambda x: (x**2, state), has_aux=True)(3.0)[1] is state
    assert mg.detach(state) is state


def test_text_in_a_dataclass_is_refused_by_its_name() -> None:
    with pytest.raises(TypeError, match=r"the argument of <lambda>\.b\[1\] must be .* not str \('text'\)"):
        mg.grad(lambda p: p.w)(Model(1.0, [2.0, "text"]))


def test_none_under_a_name_beside_numbers_stays() -> None:
    assert mg.grad(lambda p: p["w"] ** 2)({"w": 1.0, "b": None}) == {"w": 2.0, "b": None}
    assert mg.hessian(lambda p: p["w"] ** 2)({"w": 3.0, "b": None}) == {"w": {"w": 2.0, "b": None}, "b": None}
    assert mg.check_gradient(lambda p: p["w"] ** 2, {"w": 1.0, "b": None}).ok
    for argument in (None, [1.0, None], {"b": None}, {"w": 1.0, "b": [None]}):
        with pytest.raises(TypeError, match="must be a real number"):
            mg.grad(lambda p: 1.0)(argument)
    with pytest.raises(TypeError, match="must be a real number"):
        mg.jacobian(lambda x: {"a": x, "b": None})(1.0)
    pytest.importorskip("llvmlite")
    compiled = mg.jit(mg.grad(lambda p: p["w"] ** 2 if p["b"] is None else p["b"]))
    for _ in range(2):
        assert compiled({"w": 1.0, "b": None}) == {"w": 2.0, "b": None}
        assert compiled({"w": 1.0, "b": 2.0}) == {"w": 0.0, "b": 1.0}


# Classes of users.


class Line:
    """A slope and an offset, in a unit."""

    def __init__(self, slope: Any, offset: Any, unit: Any = "m") -> None:
        self.slope, self.offset, self.unit = slope, offset, unit


class Steep(Line):
    """A line of another class."""


class Track:
    """Points in order."""

    def __init__(self, points: list[Any]) -> None:
        self.points = points


mg.trees.register(
    Line,
    lambda line: ({"slope": line.slope, "offset": line.offset}, line.unit),
    lambda unit, inside: Line(inside["slope"], inside["offset"], unit),
)
mg.trees.register(Track, lambda track: (track.points, None), lambda _, points: Track(points))


def test_registered_classes_go_through_every_transform() -> None:
    def squared(line: Line, x: float) -> Any:
        return (line.slope * x + line.offset) ** 2

    found = mg.grad(squared)(Line(2.0, 1.0, "km"), 3.0)
    assert (type(found), found.slope, found.offset, found.unit) == (Line, 42.0, 14.0, "km")
    second = mg.hessian(squared)(Line(2.0, 1.0), 3.0)
    assert (second.slope.slope, second.slope.offset, second.offset.slope, second.offset.offset) == (18.0, 6.0, 6.0, 2.0)
    product = mg.hvp(squared)(Line(2.0, 1.0), 3.0, Line(1.0, 10.0))
    assert (product.slope, product.offset) == (78.0, 26.0)
    report = mg.check_gradient(squared, Line(2.0, 1.0), 3.0)
    assert report.ok
    assert [entry.name for entry in report.entries] == ["line.slope", "line.offset", "x"]
    assert mg.check_gradient(squared, Line(2.0, 1.0), 3.0, gradient=lambda line, x: (Line(42.0, 14.0), 28.0)).ok
    assert mg.detach(Line(Value(2.0), "text")).slope == 2.0


def test_registered_lists_are_written_by_position() -> None:
    track = Track([1.0, Line(2.0, 3.0)])
    assert flatten(track, "p")[1].leaf_names("p") == ["p[0]", "p[1].slope", "p[1].offset"]
    assert mg.grad(lambda p: p.points[0] * p.points[1].slope)(track).points[0] == 2.0


def test_a_class_derived_from_a_registered_one_is_registered_on_its_own() -> None:
    with pytest.raises(TypeError, match="not Steep"):
        mg.grad(lambda line: line.slope)(Steep(1.0, 2.0))


def test_a_registered_class_of_lists_or_dataclasses_is_taken_apart_as_registered() -> None:
    class Head(list[Any]):
        """A list of which only the first counts."""

    @dataclasses.dataclass
    class Text:
        words: str
        number: Any

    mg.trees.register(Head, lambda head: (head[:1], tuple(head[1:])), lambda rest, first: Head([*first, *rest]))
    mg.trees.register(Text, lambda text: ({"number": text.number}, text.words), lambda words, has: Text(words, **has))
    assert mg.grad(lambda head: head[0] ** 2 if head[1] == "text" else 0.0)(Head([3.0, "text"])) == [6.0, "text"]
    assert mg.grad(lambda text: text.number**2)(Text("it", 3.0)) == Text("it", 6.0)


def test_compiled_functions_tell_registered_objects_apart_by_what_they_are_besides() -> None:
    pytest.importorskip("llvmlite")
    compiled = mg.jit(lambda line: line.slope * (1000.0 if line.unit == "km" else 1.0))
    for _ in range(2):
        assert (compiled(Line(2.0, 1.0)), compiled(Line(2.0, 1.0, "km"))) == (2.0, 2000.0)
    with pytest.raises(
        TypeError, match=r"what a Line is besides its numbers must be hashable, .* not list \(\['km'\]\)"
    ):
        compiled(Line(2.0, 1.0, ["km"]))
    slope = mg.jit(mg.grad(lambda p: p["line"].slope * p["model"].w[0]))
    for _ in range(2):
        found = slope({"line": Line(2.0, 1.0, "km"), "model": Model([3.0])})
        assert (found["line"].slope, found["line"].unit, found["model"]) == (3.0, "km", Model([2.0]))
    assert slope.paths[0].guards == ()
    positive = mg.jit(lambda p: p.w if p.w > 1.0 else 1.0)
    assert positive(Model(2.0)) == 2.0
    assert positive.paths[0].guards == ("p.w > 1",)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((1, list, list), TypeError, r"register takes a class first, not int \(1\)"),
        ((Track, 1, list), TypeError, "parts of Track must be a function, not int"),
        ((Track, list, "make"), TypeError, "make of Track must be a function, not str"),
        ((list, list, list), ValueError, "a list is a container without being registered"),
        ((type(None), list, list), ValueError, "a NoneType is a container without being registered"),
        ((float, list, list), ValueError, "a float is a number or an array itself"),
        ((fractions.Fraction, list, list), ValueError, "a Fraction is a number or an array itself"),
        ((Value, list, list), ValueError, "a Value is a number or an array itself"),
    ],
)
def test_registrations_that_make_no_sense_are_refused(arguments: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        mg.trees.register(*arguments)


def test_functions_that_do_not_do_what_was_registered_are_told_so() -> None:
    class Odd:
        """A class whose parts are what they are."""

        def __init__(self, parts: Any) -> None:
            self.parts = parts

    mg.trees.register(Odd, lambda odd: odd.parts, lambda rest, inside: inside)
    for parts in (1.0, [1.0], ([1.0],), (1.0, None), ([1.0], None, None)):
        with pytest.raises(TypeError, match="the parts of a Odd must be a pair of a dict or a list"):
            mg.grad(lambda odd: 1.0)(Odd(parts))
    with pytest.raises(TypeError, match=r"\['a'\] is a Odd, and what makes a Odd anew must return one, not list"):
        mg.grad(lambda odd: 1.0)({"a": Odd(([1.0], None))})


@pytest.mark.parametrize(
    ("parts", "difference"),
    [([1.0, 2.0], "1 instead of 2"), ({"a": 1.0, "b": 2.0}, r"\['a'\] instead of \['a', 'b'\]")],
)
def test_parts_that_are_lost_are_noticed(parts: Any, difference: str) -> None:
    class Lossy:
        """A class whose registration forgets a part."""

        def __init__(self, inside: Any) -> None:
            self.inside = inside

    def forgetful(rest: None, inside: Any) -> Lossy:
        return Lossy({"a": inside["a"]} if isinstance(inside, dict) else inside[:1])

    mg.trees.register(Lossy, lambda lossy: (lossy.inside, None), forgetful)
    sentence = rf"\[1\] is a Lossy, which is another one when it is made anew of its parts: these are then {difference}"
    for transform in (mg.grad, mg.jit):
        with pytest.raises(TypeError, match=sentence):
            transform(lambda p: p[0])([1.0, Lossy(parts)])


@pytest.mark.parametrize("base", [list, dict])
def test_a_dataclass_that_is_a_list_or_a_dict_too_is_registered_or_refused(base: type) -> None:
    @dataclasses.dataclass
    class Both(base):  # type: ignore[misc]
        """A class with fields and items."""

        w: Any

    sentence = f"is a Both, a dataclass and a {base.__name__} in one: microgrady.trees.register says what is in it"
    for transform in (mg.grad, mg.jit):
        with pytest.raises(TypeError, match=sentence):
            transform(lambda p: p.w**2)(Both(3.0))
    mg.trees.register(Both, lambda both: ([both.w], None), lambda rest, inside: Both(inside[0]))
    assert mg.grad(lambda p: p.w**2)(Both(3.0)).w == 6.0


def test_classes_that_are_not_registered_are_told_how_they_could_be() -> None:
    class Unknown:
        """Nothing that anyone has registered."""

    with pytest.raises(
        TypeError, match=r"\['w'\].* not Unknown .*; microgrady.trees.register lets a Unknown stand there"
    ):
        mg.grad(lambda p: 1.0)({"w": Unknown()})


def test_what_holds_itself_is_refused_by_name() -> None:
    around: list[Any] = [1.0]
    around.append(around)
    with pytest.raises(RecursionError, match="the argument of <lambda> holds itself, or is nested too deep"):
        mg.grad(lambda p: 1.0)(around)


def test_structures_of_forgotten_classes_say_so() -> None:
    structure = dataclasses.replace(flatten([1.0], "p")[1], kind=bytes)
    with pytest.raises(LookupError, match="bytes is not registered"):
        structure.assemble([1.0])
