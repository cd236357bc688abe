"""Modules: their parameters wherever they are, as nested arguments, copied and pickled, and what is refused."""

from __future__ import annotations

import collections
import copy
import dataclasses
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value, nn


class Line(nn.Module):
    """A straight line."""

    def __init__(self, slope: Any = 2.0, offset: Any = 1.0) -> None:
        self.slope, self.offset = Value(slope), Value(offset)

    def __call__(self, x: Any) -> Any:
        """The height at a place."""
        return self.slope * x + self.offset


class Mixed(nn.Module):
    """A model with everything in it that may be there."""

    def __init__(self) -> None:
        self.name = "mixed"
        self.sizes = [2, 3]
        self.rate = 0.5
        self.function = math.sin
        self.missing = None
        self.rows = [[Value(1.0), Value(2.0)], (Value(3.0),)]
        self.named = {"a": Value(4.0), 7: Value(5.0), "line": Line(6.0, 7.0)}


def numbers(model: nn.Module) -> list[float]:
    return [value.data for value in model.parameters()]


def test_parameters_are_found_wherever_they_are() -> None:
    model = Mixed()
    names = ["rows.0.0", "rows.0.1", "rows.1.0", "named.a", "named.7", "named.line.slope", "named.line.offset"]
    assert [name for name, _ in model.named_parameters()] == names
    assert numbers(model) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert [value for _, value in model.named_parameters()] == model.parameters()
    assert nn.Module().parameters() == []


def test_the_parameters_of_a_network_have_names() -> None:
    names = [name for name, _ in nn.MLP(2, [2, 1], seed=0).named_parameters()]
    assert names[:4] == ["layers.0.neurons.0.w.0", "layers.0.neurons.0.w.1", "layers.0.neurons.0.b", *names[3:4]]
    assert names[-1] == "layers.1.neurons.0.b"
    assert len(set(names)) == len(names) == 9


def test_arrays_have_parameters_in_them() -> None:
    np = pytest.importorskip("numpy")
    model = Line()
    shared = model.slope
    model.matrix = np.array([[Value(1.0), shared], [3.0, Value(4.0)]])  # type: ignore[attr-defined]
    model.constants = np.ones(3)  # type: ignore[attr-defined]
    assert [name for name, _ in model.named_parameters()] == ["slope", "offset", "matrix.0.0", "matrix.1.1"]
    assert numbers(model) == [2.0, 1.0, 1.0, 4.0]
    found = mg.grad(lambda m: np.sum(m.matrix * m.matrix) + np.sum(m.constants) * m.slope)(model)
    assert [[entry.data for entry in row] for row in found.matrix] == [[2.0, 4.0], [6.0, 8.0]]
    assert ([entry.data for entry in found.constants], found.slope.data) == ([2.0] * 3, 3.0)


def test_tied_parameters_are_listed_once_and_stay_tied() -> None:
    model = Line()
    model.again = [model.slope]  # type: ignore[attr-defined]
    assert len(model.parameters()) == 2
    seen = []

    def f(line: Any) -> Any:
        seen.append(line.slope is line.again[0])
        return line.slope * line.again[0]

    found: Any = mg.grad(f)(model)
    assert seen == [True]
    assert (found.slope.data, found.again[0].data) == (4.0, 4.0)


def test_a_part_that_is_in_a_model_twice_is_one_in_a_copy_of_it() -> None:
    line = Line()
    model = nn.Sequential(line, line)
    assert len(model.parameters()) == 2
    found = mg.detach(model)
    assert found.layers[0] is found.layers[1]
    assert (mg.grad(lambda m: m(3.0))(model).layers[0].slope.data, model(3.0).data) == (2.0 * 2 * 3 + 1, 15.0)


def test_zero_grad() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    model([1.0, 2.0]).backward()
    assert any(value.grad for value in model.parameters())
    model.zero_grad()
    assert not any(value.grad for value in model.parameters())


def test_a_class_may_say_itself_what_its_parameters_are() -> None:
    class Half(Line):
        def parameters(self) -> list[Value]:
            return [self.offset]

    line = Half()
    line(3.0).backward()
    line.zero_grad()
    assert (line.slope.grad, line.offset.grad) == (3.0, 0.0)


@pytest.mark.parametrize("transform", ["grad", "value_and_grad", "jit"])
def test_a_gradient_by_a_model_is_a_model(transform: str) -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    x = [0.5, -1.5]

    def loss(model: Any, x: Any) -> Any:
        return model(x) ** 2 + 0.1 * sum(p * p for p in model.parameters())

    loss(model, x).backward()
    if transform == "grad":
        found: Any = mg.grad(loss)(model, x)
    elif transform == "value_and_grad":
        value, found = mg.value_and_grad(loss)(model, x)
        assert value.data == loss(model, x).data
    else:
        pytest.importorskip("llvmlite")
        found = mg.jit(mg.grad(loss))(mg.detach(model), x)
    assert type(found) is nn.MLP
    assert repr(found) == repr(model)
    slopes = mg.detach(found)
    for layer, theirs in zip(model.layers, slopes.layers, strict=True):
        for neuron, slope in zip(layer.neurons, theirs.neurons, strict=True):
            assert slope.w == pytest.approx([w.grad for w in neuron.w], rel=1e-12)
            assert slope.b == pytest.approx(neuron.b.grad, rel=1e-12)
    for value, slope in zip(model.parameters(), mg.grad(loss)(model, x).parameters(), strict=True):
        assert slope.data == pytest.approx(value.grad, rel=1e-12)


def test_a_compiled_function_of_models_knows_those_that_differ_in_more_than_numbers() -> None:
    pytest.importorskip("llvmlite")
    compiled = mg.jit(lambda model, x: model(x))
    models = [
        nn.MLP(2, [2, 1], activation=name, seed=seed) for name, seed in (("tanh", 0), ("tanh", 1), ("sigmoid", 0))
    ]
    for model in models:
        assert compiled(mg.detach(model), [1.0, 2.0]) == model([1.0, 2.0]).data
    assert len(compiled.paths) == 2


def test_parameters_of_a_model_outside_of_a_compiled_function_are_live() -> None:
    pytest.importorskip("llvmlite")
    model = nn.MLP(2, [2, 1], seed=0)
    for compiled in (mg.jit(model), mg.jit(lambda x: model(x))):
        assert compiled([1.0, 2.0]) == model([1.0, 2.0]).data
        model.layers[-1].neurons[0].b.data += 1.0
        assert compiled([1.0, 2.0]) == model([1.0, 2.0]).data


def test_models_side_by_side_are_mapped_over() -> None:
    pytest.importorskip("llvmlite")
    np = pytest.importorskip("numpy")
    lines = mg.detach(Line())
    lines.slope, lines.offset = np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.5, 1.0])
    assert mg.vmap(lambda line, x: line(x), in_axes=(0, None))(lines, 2.0).tolist() == [2.0, 4.5, 7.0]


def test_a_model_is_an_argument_of_a_batch_and_the_same_for_all_points() -> None:
    pytest.importorskip("llvmlite")
    np = pytest.importorskip("numpy")
    model = nn.MLP(2, [3, 2], activation="tanh", seed=0)
    X, labels = np.array([[0.5, -1.0], [2.0, 0.25], [-1.5, 1.0]]), np.array([0, 1, 1])

    def loss(model: Any, x: Any, label: Any) -> Any:
        return nn.cross_entropy(model(x), label)

    losses, slopes = mg.vmap(mg.value_and_grad(loss), in_axes=(None, 0, 0))(mg.detach(model), X, labels)
    for point, (x, label) in enumerate(zip(X, labels, strict=True)):
        value, found = mg.value_and_grad(loss)(model, x, int(label))
        assert losses[point] == pytest.approx(value.data, rel=1e-14)
        for theirs, ours in zip(mg.detach(found).layers, slopes.layers, strict=True):
            for one, other in zip(theirs.neurons, ours.neurons, strict=True):
                assert [w[point] for w in other.w] == pytest.approx(one.w, rel=1e-12)
                assert other.b[point] == pytest.approx(one.b, rel=1e-12)


def test_second_derivatives_by_a_model() -> None:
    line = Line(2.0, 1.0)
    curvature = mg.detach(mg.hessian(lambda line: line.slope**2 * line(3.0))(line))
    assert (curvature.slope.slope, curvature.slope.offset) == (38.0, 4.0)  # of 3 s**3 + s**2 b
    assert (curvature.offset.slope, curvature.offset.offset) == (4.0, 0.0)
    product = mg.hvp(lambda line: line.slope**2 * line(3.0))(line, mg.detach(Line(1.0, 2.0)))
    assert (mg.detach(product).slope, mg.detach(product).offset) == (46.0, 4.0)


def test_derivatives_by_a_model_are_checked_as_all_others_are() -> None:
    model = mg.detach(nn.MLP(2, [2, 1], activation="tanh", seed=0))
    report = mg.check_gradient(lambda m: m([0.5, 1.5]) ** 2, model)
    assert report
    assert len(report.entries) == 9
    assert any("layers[1].neurons[0].w[1]" in str(entry) for entry in report.entries)


def test_floats_are_numbers_and_all_else_stays() -> None:
    model = Mixed()
    found = mg.grad(lambda m: m.rate * m.named["line"](2.0) * len(m.sizes))(model)
    assert (found.rate.data, found.named["line"].slope.data) == (38.0, 2.0)
    assert (found.name, found.sizes, found.function, found.missing) == ("mixed", [2, 3], math.sin, None)
    assert (model.rate, type(mg.detach(model).rows[1])) == (0.5, tuple)


def test_a_dataclass_is_a_module_with_static_fields() -> None:
    @dataclasses.dataclass(frozen=True)
    class Curve(nn.Module):
        height: Any
        width: float = dataclasses.field(default=2.0, metadata={"static": True})

        def __call__(self, x: Any) -> Any:
            assert type(self.width) is float
            return self.height * math.sqrt(self.width) * x

    model = Curve(Value(3.0))
    found = mg.grad(lambda curve: curve(2.0))(model)
    assert (found.height.data, found.width) == (2.0 * math.sqrt(2.0), 2.0)
    assert numbers(model) == [3.0]


def test_slots_have_parameters_in_them() -> None:
    class Narrow(nn.Module):
        __slots__ = ("bias", "other")

        def __init__(self) -> None:
            self.bias = Value(3.0)

    assert [name for name, _ in Narrow().named_parameters()] == ["bias"]
    assert mg.grad(lambda m: m.bias**2)(Narrow()).bias.data == 6.0


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_and_pickles_are_models_of_their_own(twin: Callable[[Any], Any]) -> None:
    model = nn.Sequential(nn.MLP(2, [3, 2], activation="tanh", seed=0), mg.exp, nn.Neuron(2, False, seed=1))
    model.tied = model.layers[0].layers[0].neurons[0].w  # type: ignore[attr-defined]
    again = twin(model)
    assert repr(again) == repr(model)
    assert again([1.0, 2.0]).data == model([1.0, 2.0]).data
    assert numbers(again) == numbers(model)
    assert [value.label for value in again.parameters()] == [value.label for value in model.parameters()]
    again.tied[0].data += 1.0
    assert again([1.0, 2.0]).data != model([1.0, 2.0]).data


# What is refused.


def test_a_part_that_holds_what_it_is_in_is_refused() -> None:
    model: Any = nn.MLP(2, [1], seed=0)
    model.layers[0].parent = model
    for use in (model.parameters, model.zero_grad):
        with pytest.raises(TypeError, match=r"MLP holds itself: \.layers\[0\]\.parent is a MLP that it is in"):
            use()
    with pytest.raises(TypeError, match=r"holds itself: \.layers\[0\]\.parent is a MLP that it is in"):
        mg.grad(lambda model: model([1.0, 2.0]))(model)
    model.layers[0].parent = None
    model.list = [1]
    model.list.append(model.list)
    with pytest.raises(TypeError, match=r"MLP holds itself: \.list\[1\] is a list that it is in"):
        model.parameters()


def test_parameters_that_cannot_be_trained_are_refused() -> None:
    model: Any = Line()
    model.slope = Value(0.1) * 3
    with pytest.raises(ValueError, match="slope of the Line is the result of mul, which cannot be trained"):
        model.zero_grad()


@pytest.mark.parametrize("kind", [set, frozenset, collections.deque])
def test_parameters_in_sets_are_refused(kind: Any) -> None:
    model: Any = Line()
    model.others = {"more": [kind([1, 2]), kind([Value(1.0)])]}
    with pytest.raises(TypeError, match=rf"Line has parameters in \.others\.more\[1\], a {kind.__name__}: keep"):
        model.parameters()


def test_a_module_is_not_a_list_too() -> None:
    with pytest.raises(TypeError, match="Layers is a Module and a list in one: keep the list in an attribute"):

        class Layers(nn.Module, list):  # type: ignore[type-arg]
            pass


def test_what_is_beside_the_numbers_must_be_hashable_for_compiled_functions() -> None:
    pytest.importorskip("llvmlite")
    model: Any = mg.detach(Line())
    model.seen = {1, 2}
    assert mg.grad(lambda line: line(3.0))(model).seen == {1, 2}
    with pytest.raises(TypeError, match="what a Line is besides its numbers must be hashable"):
        mg.jit(lambda line: line(3.0))(model)
