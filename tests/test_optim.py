"""Optimisers: PyTorch's numbers on leaf Values and on nested arrays, their state, and what they refuse."""

from __future__ import annotations

import copy
import json
import math
import pickle
import random
import re
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

import microgrady as mg
from microgrady import Value
from microgrady.optim import SGD, Adam, AdamW, Optimizer, RMSprop, elementwise

STEPS = 100
CLASSES: list[type[Optimizer]] = [SGD, Adam, AdamW, RMSprop]

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"lr": 0.05, "maximize": True}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "betas": (0.0, 0.0), "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.0, "maximize": True}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.5, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.9, "maximize": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.1}),
]

WEIGHTS = [1.5, -2.0, 0.25, 3.0, -0.125]


def gradients_of(numbers: list[float], step: int) -> list[float]:
    """Gradients of something that is not a parabola, other ones at each step."""
    return [math.sin(3.0 * x + step) + 0.5 * x + 0.2 * math.cos(step * k) for k, x in enumerate(numbers)]


def torch_trace(name: str, options: dict[str, Any]) -> list[list[float]]:
    """What PyTorch makes of the weights, in two tensors, step by step."""
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(part, dtype=torch.float64) for part in (WEIGHTS[:3], WEIGHTS[3:])]
    optimizer = getattr(torch.optim, name)(tensors, foreach=False, **options)
    trace = []
    for step in range(STEPS):
        found = torch.tensor(gradients_of(torch.cat(tensors).tolist(), step), dtype=torch.float64)
        tensors[0].grad, tensors[1].grad = found[:3], found[3:]
        optimizer.step()
        trace.append(torch.cat(tensors).tolist())
    return trace


def give_gradients(leaves: list[Value], step: int) -> None:
    for leaf, gradient in zip(leaves, gradients_of([leaf.data for leaf in leaves], step), strict=True):
        leaf.grad = gradient


def trace_of(optimizer: Optimizer, steps: range = range(STEPS)) -> list[list[float]]:
    trace = []
    for step in steps:
        give_gradients(optimizer.parameters, step)
        optimizer.step()
        trace.append([leaf.data for leaf in optimizer.parameters])
    return trace


def nested_trace(optimizer: Optimizer, steps: int = STEPS) -> list[list[float]]:
    params: Any = {"w": np.array(WEIGHTS[:4]).reshape(2, 2), "b": WEIGHTS[4]}
    state = optimizer.init(params)
    trace = [WEIGHTS]
    for step in range(steps):
        found = gradients_of(trace[-1], step)
        gradients = {"w": np.array(found[:4]).reshape(2, 2), "b": found[4]}
        updates, state = optimizer.update(gradients, state, params)
        params = mg.optim.apply_updates(params, updates)
        trace.append([*params["w"].ravel().tolist(), params["b"]])
    return trace[1:]


def made(name: str, params: Any = None, **options: Any) -> Optimizer:
    optimizer: Optimizer = getattr(mg.optim, name)(params, **options)
    return optimizer


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_leaf_values_move_as_pytorchs_tensors_and_nested_arrays_with_the_same_bits(
    name: str, options: dict[str, Any]
) -> None:
    trace = trace_of(made(name, [Value(weight) for weight in WEIGHTS], **options))
    theirs = np.array(torch_trace(name, options))
    assert (abs(np.array(trace) - theirs) / np.maximum(abs(theirs), 1.0)).max() < 1e-12
    assert nested_trace(made(name, **options)) == trace


@pytest.mark.parametrize("kind", CLASSES)
def test_names_order_and_defaults_of_arguments_are_those_of_pytorch(kind: type[Optimizer]) -> None:
    import inspect

    torch = pytest.importorskip("torch")
    theirs = inspect.signature(getattr(torch.optim, kind.__name__)).parameters
    ours = inspect.signature(kind).parameters
    positional = [name for name, each in ours.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert positional == list(theirs)[: len(positional)]
    assert all(ours[name].default == theirs[name].default for name in ours if name != "params")


def test_groups_have_options_of_their_own_as_in_pytorch() -> None:
    torch = pytest.importorskip("torch")

    def groups(first: Any, second: Any) -> list[dict[str, Any]]:
        return [{"params": first, "lr": 0.01}, {"params": second, "momentum": 0.0, "weight_decay": 0.5}]

    leaves = [Value(weight) for weight in WEIGHTS]
    ours = SGD(groups(leaves[:3], leaves[3:]), lr=0.1, momentum=0.9)
    tensors = [torch.tensor(part, dtype=torch.float64) for part in (WEIGHTS[:3], WEIGHTS[3:])]
    theirs = torch.optim.SGD(groups(tensors[:1], tensors[1:]), lr=0.1, momentum=0.9)
    for step in range(20):
        found = gradients_of(torch.cat(tensors).tolist(), step)
        tensors[0].grad, tensors[1].grad = (torch.tensor(part, dtype=torch.float64) for part in (found[:3], found[3:]))
        theirs.step()
    assert trace_of(ours, range(20))[-1] == pytest.approx(torch.cat(tensors).tolist(), rel=0, abs=1e-12)
    assert [group["lr"] for group in ours.param_groups] == [0.01, 0.1]
    ours.lr = 0.5
    assert [group["lr"] for group in ours.param_groups] == [0.5, 0.5]


def test_options_that_are_assigned_between_steps_count() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(WEIGHTS, dtype=torch.float64)
    leaves = [Value(weight) for weight in WEIGHTS]
    ours, theirs = Adam(leaves, lr=0.1), torch.optim.Adam([tensor], lr=0.1)
    changes: list[dict[str, Any]] = [{}, {"betas": (0.5, 0.6)}, {"lr": 0.01}, {"weight_decay": 0.5, "maximize": True}]
    for step in range(20):
        for optimizer in (ours, theirs):
            optimizer.param_groups[0].update(changes[step // 5])
        tensor.grad = torch.tensor(gradients_of(tensor.tolist(), step), dtype=torch.float64)
        theirs.step()
        trace_of(ours, range(step, step + 1))
    assert [leaf.data for leaf in leaves] == pytest.approx(tensor.tolist(), rel=0, abs=1e-12)


def test_numbers_that_are_assigned_between_steps_count() -> None:
    x = Value(1.0)
    optimizer = SGD([x], lr=0.5, weight_decay=1.0)
    x.grad = 2.0
    optimizer.step()
    x.data = 100.0
    optimizer.zero_grad()
    assert x.grad == 0.0
    optimizer.step()
    assert x.data == 50.0


class Line:
    """A model as micrograd has them."""

    def __init__(self) -> None:
        self.slope, self.offset = Value(2.0, "slope"), Value(1.0, "offset")

    def parameters(self) -> list[Value]:  # noqa: D102
        return [self.slope, self.offset, self.slope]


def test_parameters_are_found_in_models_lists_and_nested_arguments_each_once() -> None:
    x, y = Value(1.0), Value(2.0)
    for params in ([x, y], (y, x), {"a": x, "b": [y, 3.0]}, iter([x, y]), [x, y, x], np.array([x, y]), [[x], {"p": y}]):
        assert {*map(id, Adam(params).parameters)} == {id(x), id(y)}
    line = Line()
    assert Adam(line).parameters == [line.slope, line.offset]
    assert Adam(x).parameters[0] is x


def test_modules_list_their_parameters_and_results_among_them_are_named() -> None:
    model = mg.nn.MLP(2, [3, 1], seed=0)
    assert [*map(id, Adam(model).parameters)] == [*map(id, model.parameters())]
    model.layers[1].neurons[0].b = model.layers[0].neurons[0].b * 2.0
    with pytest.raises(ValueError, match=re.escape("layers.1.neurons.0.b is a result, of mul")):
        Adam(model)


def test_networks_learn_by_each_optimiser() -> None:
    points = [((0.0, 1.0), 1.0), ((1.0, 0.0), -1.0), ((1.0, 1.0), 0.5)]
    for kind in CLASSES:
        model = mg.nn.MLP(2, [8, 1], activation="tanh", seed=1)
        optimizer = kind(model, lr=0.05)  # type: ignore[call-arg]
        losses = []
        for _ in range(60):
            optimizer.zero_grad()
            loss = mg.mean((model(x) - y) ** 2 for x, y in points)
            loss.backward()
            optimizer.step()
            losses.append(loss.data)
        assert losses[-1] < losses[0] / 10


def test_a_model_is_a_nested_argument() -> None:
    model = mg.nn.MLP(2, [2, 1], seed=1)
    optimizer = Adam(lr=0.1)
    slopes = mg.grad(lambda model: model([1.0, 2.0]) ** 2)(model)  # of Values, by which it could be differentiated
    with pytest.raises(TypeError, match=r"mg\.detach leaves derivatives out on purpose"):
        optimizer.update(slopes, {}, model)
    updates, _ = optimizer.update(mg.detach(slopes), optimizer.init(model), model)
    moved = mg.optim.apply_updates(model, updates)
    assert isinstance(moved, mg.nn.MLP)
    expected = Adam(model, lr=0.1)
    (model([1.0, 2.0]) ** 2).backward()
    expected.step()
    assert [leaf.data for leaf in moved.parameters()] == [leaf.data for leaf in model.parameters()]


def test_without_numpy_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match=r'optim\.Adam needs NumPy: pip install "microgrady\[numpy\]"'):
        Adam([Value(1.0)])


def test_a_tied_parameter_moves_once_in_a_step() -> None:
    x = Value(1.0)
    x.grad = 1.0
    SGD([x, x], lr=0.5).step()
    assert x.data == 0.5


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, "SGD needs parameters, which are leaf Values, but there are none"),
        ([1.0, 2.0], ValueError, "there are only numbers, such as 1.0: make Values of those that are to change"),
        (1e-3, TypeError, "SGD takes parameters first, which are leaf Values, not float (0.001): write lr=..."),
        ([Value(1.0), Value(2.0) * 3.0], ValueError, "params[1] is a result, of mul"),
        ({"w": "text"}, TypeError, "params['w'] must be a real number, a Value"),
        ([{"params": [Value(1.0)], "rate": 0.1}], ValueError, "SGD has no option 'rate'; its options are lr, momentum"),
        ([{"params": [Value(1.0)]}, {"lr": 0.1}], TypeError, 'a group of SGD must be a dict with "params", not dict'),
        ([{"params": []}], ValueError, "SGD needs parameters"),
        ([{"params": [same := Value(1.0, "w")]}, {"params": [same]}], ValueError, "is in more than one group of SGD"),
    ],
)
def test_parameters_that_cannot_be_moved_are_refused(params: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        SGD(params)


def test_a_model_that_lists_something_else_than_values_is_refused() -> None:
    class Odd:
        def parameters(self) -> list[Any]:
            return [Value(1.0), 2.0]

    with pytest.raises(
        TypeError, match=re.escape("Adam takes microgrady's Values, but parameters()[1] is float (2.0)")
    ):
        Adam(Odd())


BAD_OPTIONS: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("SGD", {"lr": -0.1}, ValueError, "lr must not be negative, but is -0.1"),
    ("Adam", {"lr": math.nan}, ValueError, "lr must be a finite number, not nan"),
    ("Adam", {"lr": "fast"}, TypeError, "lr must be a real number, not str ('fast')"),
    ("Adam", {"betas": (0.9, 1.0)}, ValueError, "betas[1] must be less than 1"),
    ("AdamW", {"betas": (-0.1, 0.9)}, ValueError, "betas[0] must be a number from 0 to 1, not -0.1"),
    ("Adam", {"betas": 0.9}, TypeError, "betas must be two numbers, such as (0.9, 0.999), not float (0.9)"),
    ("Adam", {"amsgrad": 1}, TypeError, "amsgrad must be True or False, not int (1)"),
    ("RMSprop", {"alpha": 1.5}, ValueError, "alpha must be a number from 0 to 1, not 1.5"),
    ("RMSprop", {"weight_decay": -1.0}, ValueError, "weight_decay must not be negative"),
    ("SGD", {"nesterov": True}, ValueError, "Nesterov's momentum must be more than 0 and not dampened"),
]


@pytest.mark.parametrize(("name", "options", "error", "message"), BAD_OPTIONS)
def test_options_out_of_range_are_refused_when_given_and_when_assigned(
    name: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        made(name, [Value(1.0)], **options)
    x = Value(1.0)
    optimizer = made(name, [x])
    optimizer.param_groups[0].update(options)
    x.grad = 1.0
    with pytest.raises(error, match=re.escape(message)):
        optimizer.step()
    assert x.data == 1.0
    assert not optimizer.state_dict()["state"][0]


def test_the_parameters_of_a_group_stay_and_more_groups_can_be_added() -> None:
    x, y = Value(1.0), Value(2.0)
    optimizer = Adam([x], lr=0.5)
    trace_of(optimizer, range(3))
    optimizer.add_param_group({"params": [y], "lr": 0.25})
    alone = Adam([Value(2.0)], lr=0.25)
    moved = trace_of(optimizer, range(5))
    for step, before in enumerate([2.0, *(row[1] for row in moved)][:5]):
        alone.parameters[0].grad = gradients_of([0.0, before], step)[1]
        alone.step()
    assert alone.parameters[0].data == y.data
    optimizer.param_groups[0]["params"] = (y,)
    with pytest.raises(ValueError, match="the parameters of a group stay what they are"):
        optimizer.step()


def test_an_optimiser_without_parameters_has_no_step() -> None:
    with pytest.raises(ValueError, match=r"this Adam has no parameters to move: give it some, Adam\(model\)"):
        Adam(lr=0.1).step()
    with pytest.raises(ValueError, match="this Adam is for nested arrays: give it its first parameters when it is"):
        Adam(lr=0.1).add_param_group({"params": [Value(1.0)]})


@pytest.mark.parametrize(("name", "options"), OPTIONS)
@pytest.mark.parametrize(
    "way", [lambda state: json.loads(json.dumps(state)), lambda state: pickle.loads(pickle.dumps(state))]
)
def test_state_that_is_saved_goes_on_with_the_same_bits(
    name: str, options: dict[str, Any], way: Callable[[Any], Any]
) -> None:
    first = made(name, [Value(weight) for weight in WEIGHTS], **options)
    trace_of(first, range(4))
    second = made(name, [Value(leaf.data) for leaf in first.parameters])
    second.load_state_dict(way(first.state_dict()))
    assert repr(first) == repr(second)
    assert trace_of(first, range(4, 8)) == trace_of(second, range(4, 8))


@pytest.mark.parametrize("way", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
def test_copies_of_an_optimiser_go_on_by_themselves(way: Callable[[Any], Any]) -> None:
    first = Adam([Value(weight) for weight in WEIGHTS], lr=0.1)
    trace_of(first, range(4))
    second = way(first)
    expected = trace_of(first, range(4, 8))
    assert trace_of(second, range(4, 8)) == expected


def change(state: dict[str, Any], *path: Any, to: Any) -> None:
    for step in path[:-1]:
        state = state[step]
    if to is None:
        del state[path[-1]]
    else:
        state[path[-1]] = to


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        (("optimizer",), "SGD", "this is the state of SGD, which Adam cannot go on from"),
        (("state",), None, "the state of an optimiser lacks 'state'"),
        (("more",), 1, "the state of an optimiser has unknown 'more'"),
        (("param_groups",), [], "the state has 0 groups of parameters, but this Adam 1"),
        (("param_groups",), 5, "param_groups in the state must be a list, not int (5)"),
        (("state",), "all", "state in the state must be a list, not str ('all')"),
        (("state", 0), 5, "state[0] must be a dict, not int (5)"),
        (("state", 0, "exp_avg"), ["x", "y"], "state[0]['exp_avg'] must be numbers, not list (['x', 'y'])"),
        (("state", 0, "exp_avg"), [[1.0], 2.0], "state[0]['exp_avg'] must be numbers, not list ([[1.0], 2.0])"),
        (("param_groups", 0, "params"), 3, "param_groups[0] is of 3 parameters, but here there are 2"),
        (("param_groups", 0, "eps"), None, "param_groups[0] lacks 'eps'"),
        (("param_groups", 0, "lr"), -1.0, "lr must not be negative"),
        (("state", 0, "velocity"), [0.0, 0.0], "state[0] has unknown 'velocity'"),
        (("state", 0, "exp_avg"), [0.0], "state[0]['exp_avg'] has the shape (1,), but there are 2 parameters"),
        (("state", 0), {"exp_avg": [0.0, 0.0]}, "state[0] lacks 'exp_avg_sq', 'step'"),
    ],
)
def test_state_that_does_not_fit_is_refused_and_changes_nothing(path: tuple[Any, ...], to: Any, message: str) -> None:
    optimizer = Adam([Value(1.0), Value(2.0)], lr=0.25)
    trace_of(optimizer, range(2))
    before = optimizer.state_dict()
    state = copy.deepcopy(before)
    change(state, *path, to=to)
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == before
    with pytest.raises(TypeError, match="the state of an optimiser must be a dict, not list"):
        optimizer.load_state_dict([])  # type: ignore[arg-type]


def test_update_leaves_its_arguments_as_they_are() -> None:
    optimizer = Adam(lr=0.1, weight_decay=0.1)
    params = [np.array([1.0, 2.0]), 3.0]
    gradients = [np.array([0.5, -0.5]), 1.0]
    first, state = optimizer.update(gradients, optimizer.init(params), params)
    kept = copy.deepcopy(state)
    second, _ = optimizer.update(gradients, state, params)
    again, _ = optimizer.update(gradients, state, params)
    assert repr(second) == repr(again) != repr(first)
    assert repr(state) == repr(kept)
    assert repr((params, gradients)) == repr(([np.array([1.0, 2.0]), 3.0], [np.array([0.5, -0.5]), 1.0]))


def test_structures_may_have_their_keys_in_another_order_and_none_in_them() -> None:
    params = {"a": 1.0, "b": [2.0, 3.0], "c": None}
    updates, _ = SGD(lr=1.0).update({"b": [0.25, 0.5], "a": 0.125, "c": None}, {}, params)
    assert mg.optim.apply_updates(params, updates) == {"a": 0.875, "b": [1.75, 2.5], "c": None}


def test_leaf_values_stand_for_their_numbers_in_nested_arguments() -> None:
    w = Value(2.0, "w")
    moved = mg.optim.apply_updates({"w": w, "b": [1.0]}, {"w": 0.5, "b": [0.25]})
    assert (moved["w"].data, moved["w"].label, moved["b"], w.data) == (2.5, "w", [1.25], 2.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SGD().update([1.0], {}, [1.0, 2.0]), ValueError, "the parameters must have the structure of the grad"),
        (lambda: Adam(weight_decay=0.1).update([1.0], {}), ValueError, "weight decay needs the parameters"),
        (
            lambda: Adam().update([1.0], {"step": 1, "exp_avg": [1.0, 2.0], "exp_avg_sq": [1.0]}),
            ValueError,
            "['exp_avg'] has the shape (2,)",
        ),
        (lambda: SGD().update([1.0], {"count": 1}), ValueError, "the state has unknown 'count'"),
        (lambda: SGD().update([Value(1.0)], {}), TypeError, "the gradients must be numbers, but there is"),
        (lambda: SGD().init([Value(1.0) * 2.0]), TypeError, "the parameters must be numbers, but there is"),
        (lambda: SGD().init({}), ValueError, "there are no numbers in the parameters"),
        (lambda: SGD().init("text"), TypeError, "the parameters must be a real number"),
        (
            lambda: mg.optim.apply_updates([1.0], 2.0),
            ValueError,
            "the updates must have the structure of the para",
        ),
        (
            lambda: SGD([{"params": [Value(1.0)]}, {"params": [Value(1.0)]}]).update([1.0], {}),
            ValueError,
            "this optimiser has groups with options of their own",
        ),
    ],
)
def test_nested_arguments_that_do_not_fit_are_refused(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


class Signs(Optimizer):
    """Steps of one length, whatever the gradient: what it takes to write an optimiser."""

    _checks: ClassVar = {"lr": lambda thing, what: float(thing)}

    def __init__(self, params: Any = None, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr})

    def _advance(self, options: Any, state: Any, gradients: Any, numbers: Any, updates: Any) -> None:
        np.multiply(np.sign(gradients), -options["lr"], out=updates)


def test_an_optimiser_of_ones_own_needs_its_options_and_its_step() -> None:
    leaves = [Value(1.0), Value(2.0)]
    optimizer = Signs(leaves, lr=0.25)
    leaves[0].grad, leaves[1].grad = 3.0, -0.5
    optimizer.step()
    assert [leaf.data for leaf in leaves] == [0.75, 2.25]
    assert Signs(lr=0.25).update({"w": [3.0, -0.5]}, {})[0] == {"w": [-0.25, 0.25]}
    again = Signs(leaves)
    again.load_state_dict(optimizer.state_dict())
    assert repr(again) == "Signs(2 parameters, lr=0.25)"


def test_numbers_that_overflow_are_infinite_without_a_warning() -> None:
    for kind in CLASSES:
        x, y = Value(1e308), Value(1.0)
        x.grad, y.grad = -1e308, math.nan
        kind([x, y], lr=1e308, weight_decay=0.0).step()  # type: ignore[call-arg]
        assert x.data > 1e307
        assert math.isnan(y.data)


def test_a_parabola_is_found_to_its_bottom_by_all() -> None:
    for kind in CLASSES:
        x = [Value(random.Random(k).uniform(-1.0, 1.0)) for k in range(3)]
        optimizer = kind(x, lr=0.05, weight_decay=0.0)  # type: ignore[call-arg]
        schedule = mg.optim.ExponentialLR(optimizer, 0.99)
        for _ in range(300):
            optimizer.zero_grad()
            mg.sum((each - k) ** 2 for k, each in enumerate(x)).backward()
            optimizer.step()
            schedule.step()
        assert [each.data for each in x] == pytest.approx([0.0, 1.0, 2.0], abs=0.02)


def test_compiled_formulas_give_the_bits_of_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    def steps() -> list[Any]:
        optimizer, chance = Adam(lr=0.01, weight_decay=0.1), np.random.default_rng(3)
        params = chance.normal(size=elementwise.LONG)
        state, found = optimizer.init(params), []
        for scale in (1.0, 1e-200, 1e200, 0.0):
            gradients = scale * chance.normal(size=elementwise.LONG)
            gradients[:3] = np.nan, np.inf, -0.0
            updates, state = optimizer.update(gradients, state, params)
            found += [updates, state["exp_avg"], state["exp_avg_sq"]]
        return found

    compiled = steps()
    monkeypatch.setattr(elementwise.Elementwise, "__call__", lambda self, *arguments: self._formula(*arguments))
    for ours, numpys in zip(compiled, steps(), strict=True):
        assert np.array_equal(ours, numpys, equal_nan=True)
        assert (np.signbit(ours) == np.signbit(numpys))[~np.isnan(ours)].all()
