"""Methods that jit compiles: one compiled function for each object."""

from __future__ import annotations

import abc
import collections
import copy
import dataclasses
import functools
import gc
import inspect
import pickle
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import microgrady as mg
from microgrady import Value
from tests.threads import run_in_threads

pytest.importorskip("llvmlite", reason="jit needs llvmlite")


class Layer:
    """A model with compiled methods of every kind."""

    made = 0.0

    def __init__(self, weight: float) -> None:
        self.weight = Value(weight)
        self.factor = 2.0

    @mg.jit
    def forward(self, x: Any) -> Any:
        """The weight times x."""
        return self.weight * x * self.factor

    @mg.jit(static_argnames="power")
    def raised(self, x: Any, power: int = 2) -> Any:
        """A power of the weight times x."""
        return (self.weight * x) ** power

    @staticmethod
    @mg.jit
    def outer_static(x: Any) -> Any:
        """Twice x."""
        return 2 * x

    @mg.jit
    @staticmethod
    def inner_static(x: Any) -> Any:
        """Three times x."""
        return 3 * x

    @classmethod
    @mg.jit
    def of_class(cls, x: Any) -> Any:
        """x and what the class says."""
        return x + cls.made

    @property
    @mg.jit
    def loss(self) -> Any:
        """The weight squared."""
        return self.weight**2

    slope = mg.jit(mg.grad(lambda self, x: self.weight * x**2, argnums=1))
    sine = mg.jit(mg.sin)


class Deeper(Layer):
    """A model that adds to what its base does."""

    made = 1.0

    @mg.jit
    def forward(self, x: Any) -> Any:
        """One more than the base gives."""
        return super().forward(x) + 1


def test_each_object_has_a_compiled_function_whose_values_are_live() -> None:
    one, two = Layer(3.0), Layer(5.0)
    for _ in range(3):
        assert (one.forward(2.0), two.forward(2.0)) == (12.0, 20.0)
    assert (len(one.forward.paths), len(two.forward.paths), Layer.forward.paths) == (1, 1, ())
    one.weight.data = 7.0
    assert (one.forward(2.0), two.forward(2.0)) == (28.0, 20.0)
    assert one.forward.backward(2.0) == 28.0
    assert (one.weight.grad, two.weight.grad) == (4.0, 0.0)
    one.factor = 100.0  # is what it was when it was recorded
    assert one.forward(2.0) == 28.0
    assert Layer(7.0).forward(2.0) == 28.0
    assert [node.data for node in one.forward.graph(1.0)] == [14.0]
    assert one.forward == one.forward != two.forward
    assert hash(one.forward) == hash(one.forward)


def test_every_way_to_call_a_method() -> None:
    one, deeper = Layer(3.0), Deeper(3.0)
    for _ in range(2):
        assert Layer.forward(one, 2.0) == one.forward(x=2.0) == one.forward(Value(2.0)).data == 12.0
        assert (deeper.forward(2.0), Layer.forward(deeper, 2.0), super(Deeper, deeper).forward(2.0)) == (
            13.0,
            12.0,
            12.0,
        )
        assert (one.raised(2.0), one.raised(2.0, power=3), Layer.raised(one, 2.0, 3)) == (36.0, 216.0, 216.0)
        untyped: Any = one  # types do not tell whether the first argument is the object
        assert (untyped.outer_static(2.0), Layer.outer_static(2.0)) == (4.0, 4.0)
        assert (untyped.inner_static(2.0), Layer.inner_static(2.0)) == (6.0, 6.0)
        of_classes: list[Any] = [Layer, deeper]
        assert [thing.of_class(2.0) for thing in of_classes] == [2.0, 3.0]
        assert (one.loss, untyped.slope(3.0), untyped.sine(0.0)) == (9.0, 18.0, 0.0)
    assert Layer.forward.backward(one, 2.0) == 12.0
    assert len(Layer.forward.graph(one, 2.0)) == 1
    assert mg.grad(one.forward)(2.0).data == 6.0
    again = mg.jit(one.forward)
    assert again(2.0) == again(2.0) == mg.jit(mg.value_and_grad(one.forward))(2.0)[0] == 12.0
    assert functools.partial(one.forward)(2.0) == 12.0
    assert list(map(one.forward, [1.0, 2.0])) == [6.0, 12.0]


class Unnamed:
    """A model whose methods call it by another name than self."""

    def __init__(this, weight: float) -> None:  # noqa: N805
        this.weight = Value(weight)

    @mg.jit
    def forward(this, x: Any) -> Any:  # noqa: N805
        """The weight times x."""
        return this.weight * x


class Renamed(Unnamed):
    """A model that has the method of its base."""


def test_a_method_is_called_with_its_object_whatever_it_calls_it() -> None:
    for one in (Unnamed(3.0), Renamed(3.0)):
        for _ in range(2):
            assert Unnamed.forward(one, 2.0) == one.forward(2.0) == 6.0
            assert [node.data for node in Unnamed.forward.graph(one, 2.0)] == [6.0]
        assert Unnamed.forward.backward(one, 2.0) == 6.0
        assert one.weight.grad == 2.0
    with pytest.raises(TypeError, match="this must be a real number"):
        Unnamed.forward(Layer(3.0), 2.0)  # type: ignore[call-overload]


class Called:
    """An object that is called, with values that are computed once and methods of which a part is given."""

    def __init__(self) -> None:
        self.weight = Value(2.0)

    @mg.jit
    def __call__(self, x: Any) -> Any:
        """The weight times x."""
        return self.weight * x

    @functools.cached_property
    @mg.jit
    def once(self) -> Any:
        """The weight times 3."""
        return self.weight * 3

    half = functools.partialmethod(mg.jit(lambda self, y, x: self.weight * x * y), 0.5)


def test_special_methods_cached_properties_and_partial_methods() -> None:
    called = Called()
    assert [called(2.0), called(2.0), called.once, called.half(3.0), mg.jit(called)(3.0)] == [4.0, 4.0, 6.0, 3.0, 6.0]
    assert mg.grad(called)(2.0).data == 2.0
    twin = copy.deepcopy(mg.jit(called))
    called.weight.data = 7.0
    assert (twin(3.0), called(3.0)) == (6.0, 21.0)


def test_a_compiled_method_tells_what_it_is() -> None:
    one = Layer(3.0)
    assert (one.forward.__name__, one.forward.__self__, one.forward.__func__) == ("forward", one, Layer.forward)
    assert list(inspect.signature(one.forward).parameters) == ["x"]
    assert "jit of forward" in repr(one.forward)
    assert Layer.forward.__doc__ == "The weight times x."
    with pytest.raises(AttributeError, match="no_such"):
        one.forward.no_such  # noqa: B018


@dataclasses.dataclass
class Unhashable:
    """An object that is equal to others."""

    weight: Value

    @mg.jit
    def forward(self, x: Any) -> Any:
        """The weight times x."""
        return self.weight * x


class Slotted:
    """An object of slots alone."""

    __slots__ = ("weight",)

    def __init__(self, weight: Value) -> None:
        self.weight = weight

    @mg.jit
    def forward(self, x: Any) -> Any:
        """The weight times x."""
        return self.weight * x


@dataclasses.dataclass(slots=True, frozen=True)
class Frozen:
    """An object of slots that does not change."""

    weight: Value

    @mg.jit
    def forward(self, x: Any) -> Any:
        """The weight times x."""
        return self.weight * x


class Abstract(abc.ABC):
    """A class that leaves something out."""

    weight: Value

    @abc.abstractmethod
    def part(self, x: Any) -> Any:
        """What is left out."""

    @mg.jit
    def forward(self, x: Any) -> Any:
        """The part."""
        return self.part(x)


class Complete(Abstract):
    """A class that has it."""

    def __init__(self, weight: Value) -> None:
        self.weight = weight

    def part(self, x: Any) -> Any:
        """The weight times x."""
        return self.weight * x


@pytest.mark.parametrize("kind", [Unhashable, Slotted, Frozen, Complete])
def test_objects_of_every_kind(kind: Any) -> None:
    objects = [kind(Value(float(number))) for number in range(140)]  # more than are known at a time
    for _ in range(2):
        assert [thing.forward(2.0) for thing in objects[:3]] == [0.0, 2.0, 4.0]
    for number, thing in enumerate(objects):
        assert thing.forward(2.0) == 2.0 * number
    del objects
    gc.collect()
    assert len(kind.forward._methods._known) <= 128
    assert kind(Value(5.0)).forward(2.0) == 10.0


class Point(NamedTuple):
    """A tuple of numbers with a compiled method."""

    x: Any
    y: Any

    @mg.jit
    def norm(self) -> Any:
        """Its length."""
        return mg.sqrt(self.x**2 + self.y**2)


class Weights(dict[str, Any]):
    """A dict of numbers with a compiled method."""

    @mg.jit
    def at(self, x: Any) -> Any:
        """A line."""
        return self["a"] * x + self["b"]


def test_an_object_that_is_made_of_numbers_is_an_argument() -> None:
    assert [Point(3.0, 4.0).norm(), Point(6.0, 8.0).norm(), Point.norm(Point(5.0, 12.0))] == [5.0, 10.0, 13.0]
    assert len(Point.norm.paths) == 1
    assert [Weights(a=2.0, b=1.0).at(3.0), Weights(a=3.0, b=1.0).at(3.0)] == [7.0, 10.0]
    assert len(Weights.at.paths) == 1
    assert mg.jit(lambda self, x: self * x)(2.0, x=3.0) == 6.0


def test_static_self_is_told_apart_by_what_it_is_equal_to() -> None:
    @dataclasses.dataclass(frozen=True)
    class Setting:
        factor: float

        @mg.jit(static_argnames="self")
        def scaled(self, x: Any) -> Any:
            return self.factor * x

    assert [Setting(2.0).scaled(1.0), Setting(3.0).scaled(1.0), Setting(2.0).scaled(5.0)] == [2.0, 3.0, 10.0]
    assert len(Setting.scaled.paths) == 2


def test_copies_and_pickles_of_objects_with_compiled_methods() -> None:
    one = Layer(3.0)
    assert one.forward(2.0) == 12.0
    shallow = copy.copy(one)
    shallow.weight = Value(4.0)
    routes: list[Callable[[Any], Any]] = [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]
    for route in routes:
        twin, bound, alone = route((one, one.forward, one.slope))
        assert bound.__self__ is twin
        twin.weight.data = 5.0
        assert (twin.forward(2.0), bound(2.0), one.forward(2.0), alone(1.0)) == (20.0, 20.0, 12.0, 10.0)
    assert shallow.forward(2.0) == 16.0
    one.held = one.forward  # type: ignore[attr-defined]
    for route in routes:
        twin = route(one)
        twin.weight.data = 5.0
        assert (twin.held(2.0), twin.forward(2.0), one.held(2.0)) == (20.0, 20.0, 12.0)  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(Layer.forward)) is Layer.forward
    assert copy.deepcopy(Layer.forward) is Layer.forward


def test_objects_in_several_threads() -> None:
    layers = [Layer(float(number)) for number in range(8)]
    found: dict[int, list[float]] = collections.defaultdict(list)

    def work(start: int) -> None:
        for number in range(8):
            layer = layers[(start + number) % 8]
            found[start].append(layer.forward(1.0) - layer.weight.data * 2)

    run_in_threads(work, 4)
    assert all(numbers == [0.0] * 8 for numbers in found.values())
    assert len(found) == 4


def test_nothing_compiled_for_an_object_keeps_it_alive() -> None:
    layer = Layer(2.0)
    assert layer.forward(3.0) == layer.forward(3.0) == 12.0
    alive, kept = weakref.ref(layer), layer.forward
    del layer
    gc.collect()
    assert kept(2.0) == 8.0
    assert alive() is not None
    del kept
    gc.collect()
    assert alive() is None


def test_a_class_method_below_jit_is_told_where_it_goes() -> None:
    with pytest.raises(TypeError, match=r"write @classmethod above @mg\.jit"):
        mg.jit(classmethod(lambda cls, x: x))  # type: ignore[call-overload]


# Arguments that are no numbers.


class Thing:
    """Something that is not a number."""


@pytest.mark.parametrize("thing", ["relu", None, Thing(), b"x", {1.0}, len, 1j, [None][0], range(3)])
def test_an_argument_that_is_not_a_number_is_named_with_what_to_write(thing: Any) -> None:
    compiled = mg.jit(lambda x, mode: x)
    calls: list[Callable[[], Any]] = [lambda: compiled(1.0, thing), lambda: compiled(1.0, mode=thing)]
    for call in calls:
        with pytest.raises(TypeError, match=r"in jit of <lambda>, mode must be .*static_argnames='mode'"):
            call()


def test_one_inside_a_container_is_named_by_its_place() -> None:
    compiled = mg.jit(lambda x, options: x)
    for options, place in (({"mode": "a", "n": 1}, r"options\['mode'\]"), ([1.0, None], r"options\[1\]")):
        with pytest.raises(TypeError, match=rf"{place} must be .* goes into an argument of its own"):
            compiled(1.0, options)
    with pytest.raises(TypeError, match=r"argument1 must be"):
        mg.jit(lambda x, *rest: x)(1.0, "a")


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1}, ([1],), bytearray(b"x")])
def test_static_arguments_that_can_change_are_refused(value: Any) -> None:
    compiled = mg.jit(lambda x, n: x, static_argnames="n")
    with pytest.raises(TypeError, match=r"argument n of <lambda> must be hashable, such as a tuple.*could change"):
        compiled(1.0, value)


def test_bools_are_numbers_unless_they_are_static() -> None:
    assert [mg.jit(lambda x, flag: x if flag else -x)(2.0, flag) for flag in (True, False)] == [2.0, -2.0]
    static = mg.jit(lambda x, flag: x if flag is True else -x, static_argnames="flag")
    assert [static(2.0, flag) for flag in (True, False, 1)] == [2.0, -2.0, -2.0]
