"""Networks: micrograd's numbers, activations, initialisation, scopes, loops, and what is refused."""

from __future__ import annotations

import contextlib
import inspect
import math
import random
from collections.abc import Callable
from typing import Any

import hypothesis
import hypothesis.strategies as st
import mpmath
import pytest

import microgrady as mg
from microgrady import Value, nn
from microgrady.scopes import path_of


def numbers(model: nn.Module) -> list[float]:
    return [value.data for value in model.parameters()]


# What micrograd does.


def micrograd_with(model: Any, ours: nn.Module) -> Any:
    """Give a model of micrograd's the numbers of one of ours."""
    for theirs, value in zip(model.parameters(), ours.parameters(), strict=True):
        theirs.data = value.data
    return model


@hypothesis.given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    seed=st.integers(0, 1000),
    x=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
)
@hypothesis.settings(max_examples=25)
def test_a_network_gives_the_numbers_that_micrograd_gives(sizes: list[int], seed: int, x: list[float]) -> None:
    theirs = pytest.importorskip("micrograd.nn", reason="needs micrograd")
    nin, nouts = sizes[0], sizes[1:]
    if 1 in nouts[:-1]:
        nouts = [size + 1 for size in nouts[:-1]] + nouts[-1:]  # micrograd's layer of one gives no list
    ours = nn.MLP(nin, nouts, seed=seed, initialisation="micrograd")
    random.seed(seed)
    peer = theirs.MLP(nin, nouts)
    assert repr(ours) == repr(peer)
    assert numbers(ours) == [value.data for value in peer.parameters()]
    outputs, expected = ours(x[:nin]), peer(x[:nin])
    assert isinstance(outputs, list) is isinstance(expected, list)
    listed = outputs if isinstance(outputs, list) else [outputs]
    wanted = expected if isinstance(expected, list) else [expected]
    assert [value.data for value in listed] == [value.data for value in wanted]
    (sum(value * value for value in listed) * 0.5).backward()
    (sum(value * value for value in wanted) * 0.5).backward()
    for value, theirs_ in zip(ours.parameters(), peer.parameters(), strict=True):
        assert value.grad == pytest.approx(theirs_.grad, rel=1e-12, abs=1e-12)


def demo(value: Any, model: Any, steps: int, samples: int) -> list[tuple[float, float]]:
    """The demo of micrograd, as its notebook has it."""
    np = pytest.importorskip("numpy")
    datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn")
    np.random.seed(1337)
    X, y = datasets.make_moons(n_samples=100, noise=0.1)
    y = y * 2 - 1

    def loss() -> tuple[Any, float]:
        Xb, yb = X[:samples], y[:samples]  # noqa: N806
        inputs = [list(map(value, xrow)) for xrow in Xb]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(yb, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(yb, scores, strict=True)]
        return total_loss, sum(accuracy) / len(accuracy)

    found = []
    for k in range(steps):
        total_loss, acc = loss()
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        found.append((float(total_loss.data), float(acc)))
    return found


def test_the_demo_of_micrograd_gives_the_numbers_that_its_notebook_shows() -> None:
    model = nn.MLP(2, [16, 16, 1], seed=1337, initialisation="micrograd")
    assert len(model.parameters()) == 337
    found = demo(Value, model, 2, 100)
    expected = [(0.8958441028683222, 0.5), (1.7235905336972022, 0.81)]
    assert [loss for loss, _ in found] == pytest.approx([loss for loss, _ in expected], rel=1e-14)
    assert [accuracy for _, accuracy in found] == [accuracy for _, accuracy in expected]


def test_the_demo_of_micrograd_gives_the_numbers_that_micrograd_gives() -> None:
    engine = pytest.importorskip("micrograd.engine", reason="needs micrograd")
    theirs = pytest.importorskip("micrograd.nn", reason="needs micrograd")
    ours = nn.MLP(2, [4, 4, 1], seed=5)
    peer = micrograd_with(theirs.MLP(2, [4, 4, 1]), ours)
    found, expected = demo(Value, ours, 8, 10), demo(engine.Value, peer, 8, 10)
    assert found[0] == expected[0]
    for loss, accuracy in zip(found, expected, strict=True):
        assert loss == pytest.approx(accuracy, rel=1e-12)


def sanity_check(value: Any) -> list[float]:
    x = value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    return [y.data, x.grad]


def more_ops(value: Any) -> list[float]:
    a, b = value(-4.0), value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    return [g.data, a.grad, b.grad]


@pytest.mark.parametrize(
    ("program", "expected"),
    [(sanity_check, [-20.0, 46.0]), (more_ops, [24.70408163265306, 138.83381924198252, 645.5772594752186])],
)
def test_the_tests_of_micrograd(program: Callable[[Any], list[float]], expected: list[float]) -> None:
    engine = pytest.importorskip("micrograd.engine", reason="needs micrograd")
    assert program(Value) == pytest.approx(expected, rel=1e-15)
    assert program(Value) == pytest.approx(program(engine.Value), rel=1e-14)


@pytest.mark.parametrize("name", ["Neuron", "Layer", "MLP", "Module"])
def test_signatures_and_attributes_are_those_of_micrograd(name: str) -> None:
    theirs = pytest.importorskip("micrograd.nn", reason="needs micrograd")
    peer, ours = getattr(theirs, name), getattr(nn, name)
    for given, wanted in zip(
        inspect.signature(ours).parameters.values(), inspect.signature(peer).parameters.values(), strict=False
    ):
        if wanted.kind is wanted.POSITIONAL_OR_KEYWORD:
            assert (given.name, given.kind, given.default) == (wanted.name, wanted.kind, wanted.default)
    if name != "Module":
        arguments = {"Neuron": (2,), "Layer": (2, 3), "MLP": (2, [3, 1])}[name]
        assert set(vars(peer(*arguments))) <= set(vars(ours(*arguments)))
    assert {entry for entry in vars(peer) if not entry.startswith("__")} <= set(dir(ours))


def test_layers_of_one_follow_each_other() -> None:
    model = nn.MLP(1, [1, 1, 2], seed=0)
    assert [value.data for value in model(3.0)] == [value.data for value in model([3.0])]


def test_neurons_can_be_exchanged_and_changed() -> None:
    layer = nn.Layer(2, 2, seed=0)
    layer.neurons[0].nonlin = False
    layer.neurons[1] = lambda x: x[0] * 10  # type: ignore[call-overload]
    first, second = layer([-1.0, -2.0])
    assert (first.data, second) == (layer.neurons[0].w[0].data * -1 + layer.neurons[0].w[1].data * -2, -10.0)
    assert repr(layer.neurons[0]) == "LinearNeuron(2)"


@pytest.mark.parametrize("kind", ["tuple", "range", "array", "objects", "values", "iterator"])
def test_inputs_may_be_of_any_kind(kind: str) -> None:
    np = pytest.importorskip("numpy")
    model = nn.MLP(3, [2, 1], seed=0)
    inputs: Any = {
        "tuple": (0.0, 1.0, 2.0),
        "range": range(3),
        "array": np.arange(3),
        "objects": np.array([Value(0.0), 1.0, Value(2.0)]),
        "values": [Value(0.0), Value(1.0), 2],
        "iterator": iter([0.0, 1.0, 2.0]),
    }[kind]
    output = model(inputs)
    assert type(output) is Value
    assert output.data == model([0.0, 1.0, 2.0]).data


# Activations and initialisation.


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "linear": lambda x: x,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_the_exact_numbers_and_derivatives(name: str) -> None:
    neuron = nn.Neuron(1, activation=name, initialisation=lambda generator, nin, nout: 1.0)
    for number in (-30.0, -3.0, -0.5, -1e-9, 1e-3, 2.0, 30.0):
        x = Value(number)
        y = neuron([x])
        y.backward()
        with mpmath.workdps(40):
            exact = ACTIVATIONS[name](mpmath.mpf(number))
            slope = mpmath.diff(ACTIVATIONS[name], number, h=mpmath.mpf(10) ** -15)
        assert y.data == pytest.approx(float(exact), rel=1e-13)
        assert x.grad == pytest.approx(float(slope), rel=1e-12)


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.01)])
def test_activations_have_the_derivatives_of_pytorch_at_kinks(name: str, slope: float) -> None:
    x = Value(0.0)
    nn.Neuron(1, activation=name, initialisation=lambda generator, nin, nout: 1.0)([x]).backward()
    assert x.grad == slope


def test_an_activation_may_be_any_function() -> None:
    def cube(x: Any) -> Any:
        return x**3

    layer = nn.Layer(1, 2, activation=cube, seed=0)
    assert repr(layer) == "Layer of [cubeNeuron(1), cubeNeuron(1)]"
    assert [y.data for y in layer([2.0])] == [(2.0 * neuron.w[0].data) ** 3 for neuron in layer.neurons]
    model = nn.MLP(1, [2, 1], activation=mg.sin, seed=0)
    assert repr(model) == "MLP of [Layer of [sinNeuron(1), sinNeuron(1)], Layer of [LinearNeuron(2)]]"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("tanh", "Tanh"), ("leaky_relu", "LeakyReLU"), ("linear", "Linear"), ("silu", "SiLU"), ("sigmoid", "Sigmoid")],
)
def test_activations_stand_in_the_name_of_a_neuron(name: str, shown: str) -> None:
    assert repr(nn.Neuron(3, activation=name)) == f"{shown}Neuron(3)"
    assert nn.Neuron(3, activation=name).nonlin is (name != "linear")
    hidden, last = nn.MLP(3, [2, 1], activation=name).layers
    assert (repr(hidden.neurons[0]), repr(last.neurons[0])) == (f"{shown}Neuron(3)", "LinearNeuron(2)")


@pytest.mark.parametrize(
    ("name", "deviation", "limit"),
    [
        ("micrograd", 1 / math.sqrt(3), 1.0),
        ("glorot_uniform", math.sqrt(2 / 70), math.sqrt(6 / 70)),
        ("glorot_normal", math.sqrt(2 / 70), math.inf),
        ("he_uniform", math.sqrt(2 / 40), math.sqrt(6 / 40)),
        ("he_normal", math.sqrt(2 / 40), math.inf),
    ],
)
def test_weights_begin_as_widely_as_their_initialisation_says(name: str, deviation: float, limit: float) -> None:
    layer = nn.Layer(40, 30, initialisation=name, seed=0)
    weights = [weight.data for neuron in layer.neurons for weight in neuron.w]
    assert math.sqrt(sum(weight**2 for weight in weights) / 1200) == pytest.approx(deviation, rel=0.05)
    assert abs(sum(weights) / 1200) < 0.1 * deviation
    assert max(map(abs, weights)) <= limit
    assert max(map(abs, weights)) > min(0.99 * limit, 2.5 * deviation)
    assert all(neuron.b.data == 0.0 for neuron in layer.neurons)


def test_an_initialisation_may_be_a_function() -> None:
    asked = []

    def rule(generator: random.Random, nin: int, nout: int) -> float:
        asked.append((nin, nout))
        return 0.25

    assert set(numbers(nn.MLP(2, [3, 1], initialisation=rule))) == {0.25, 0.0}
    assert asked == [(2, 3)] * 6 + [(3, 1)] * 3


def test_a_seed_gives_the_same_weights_and_touches_no_other_generator() -> None:
    before = random.getstate()
    first = numbers(nn.MLP(2, [3, 1], seed=7))
    assert first == numbers(nn.MLP(2, [3, 1], seed=7)) != numbers(nn.MLP(2, [3, 1], seed=8))
    assert numbers(nn.MLP(2, [3, 1])) != numbers(nn.MLP(2, [3, 1]))
    assert random.getstate() == before
    weights = [w.data for neuron in nn.MLP(2, [3, 3, 1], seed=7).layers[1].neurons for w in neuron.w]
    assert len(set(weights)) == 9
    generator = random.Random(7)
    pair = [nn.Layer(2, 3, seed=generator), nn.Layer(3, 1, nonlin=False, seed=generator)]
    assert [number for layer in pair for number in numbers(layer)] == first


# Sequential.


def test_a_sequence_of_modules_and_functions() -> None:
    first, last = nn.Layer(2, 3, nonlin=False, seed=0), nn.Layer(3, 2, nonlin=False, seed=1)
    model = nn.Sequential(first, mg.tanh, last, mg.softmax, lambda ys: ys[0])
    x = [1.0, 2.0]
    assert model(x).data == mg.softmax(last([mg.tanh(y) for y in first(x)]))[0].data
    assert model.parameters() == first.parameters() + last.parameters()
    assert repr(nn.Sequential([first, mg.tanh])) == f"Sequential of [{first!r}, tanh]"
    one = nn.Sequential(nn.Layer(2, 1, nonlin=False, seed=0), mg.tanh)
    assert one(x).data == math.tanh(one.layers[0](x).data)


# Pictures and programs.


def test_what_a_network_computes_is_in_scopes_of_its_layers_and_neurons() -> None:
    output = nn.MLP(2, [3, 1], seed=0)([Value(1.0), Value(2.0)])
    assert [scope.name for scope in path_of(output._label)] == ["layer 1", "neuron 0"]
    hidden = nn.MLP(2, [3], seed=0)([1.0, 2.0])
    assert [[scope.name for scope in path_of(y._label)] for y in hidden] == [
        ["layer 0", f"neuron {place}"] for place in range(3)
    ]
    assert [value.label for value in nn.Neuron(2, seed=0).parameters()] == ["w0", "w1", "b"]


def test_a_picture_of_a_network_is_folded_by_its_layers() -> None:
    model = nn.MLP(2, [16, 16, 1], seed=0)
    source = mg.draw(model([Value(0.5, "x0"), Value(-1.0, "x1")])).source
    for text in ("layer 0", "layer 1", "layer 2", "neuron … × 16", r"relu(v…)\n× 16", r"w…\n× 256", "640 operations"):
        assert text in source
    assert len(mg.draw(model([Value(0.5, "x0"), Value(-1.0, "x1")])).body) < 100


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_loops_of_a_network_are_found_again(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    np = pytest.importorskip("numpy")
    model = nn.MLP(16, [16, 4], activation=activation, seed=0)
    samples = np.random.default_rng(0).normal(size=(8, 16))
    found = []
    for scope in (None, lambda name: contextlib.nullcontext()):
        if scope:
            monkeypatch.setattr("microgrady.nn.layers.scope", scope)
        model.zero_grad()
        compiled = mg.vmap(lambda x: sum(y * y for y in model(x)), reduce="mean")
        value = compiled.backward(samples)
        (path,) = compiled.paths
        found.append((value, [p.grad for p in model.parameters()], path.loops))
    assert found[0] == found[1]
    assert found[0][2] >= 8
    model.zero_grad()
    eager: Any = sum(sum(y * y for y in model(x)) for x in samples.tolist()) * (1 / 8)
    eager.backward()
    assert found[0][0] == pytest.approx(eager.data, rel=1e-12)
    assert found[0][1] == pytest.approx([p.grad for p in model.parameters()], rel=1e-10, abs=1e-14)


# What is refused.


UNTYPED: Any = nn  # which type checkers say nothing of


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Neuron(0), ValueError, "nin, the number of inputs, must be at least 1, but is 0"),
        (lambda: nn.Neuron(-2), ValueError, "nin, the number of inputs, must be at least 1, but is -2"),
        (lambda: UNTYPED.Neuron(2.0), TypeError, r"nin, the number of inputs, must be an int, not float \(2.0\)"),
        (lambda: nn.Layer(2, 0), ValueError, "nout, the number of neurons, must be at least 1, but is 0"),
        (lambda: nn.Layer(2, True), TypeError, "nout, the number of neurons, must be an int, not bool"),
        (lambda: nn.MLP(2, [4, 0, 1]), ValueError, r"nouts\[1\], a number of neurons, must be at least 1, but is 0"),
        (lambda: nn.MLP(0, [4, 1]), ValueError, "nin, the number of inputs, must be at least 1, but is 0"),
        (lambda: nn.MLP(2, []), ValueError, "nouts must have the size of at least one layer"),
        (
            lambda: UNTYPED.MLP(2, 4),
            TypeError,
            r"nouts must be a list of the sizes .*, not int \(4\)",
        ),
        (lambda: UNTYPED.MLP(2, "4"), TypeError, "nouts must be a list of the sizes of layers"),
        (
            lambda: nn.Neuron(2, activation="rleu"),
            ValueError,
            "there is no activation 'rleu': take one of relu, l",
        ),
        (
            lambda: UNTYPED.Neuron(2, activation=3),
            TypeError,
            "activation must be one of .*, or a function of",
        ),
        (lambda: nn.Neuron(2, False, activation="tanh"), ValueError, "nonlin=False means that there is no activation"),
        (lambda: nn.MLP(2, [1], initialisation="hee"), ValueError, "no initialisation 'hee': take one of micrograd, "),
        (lambda: UNTYPED.MLP(2, [1], initialisation=1), TypeError, "initialisation must be one of micrograd, "),
        (lambda: nn.MLP(2, [1], seed=-1), ValueError, "seed must not be negative, as -1 is"),
        (lambda: UNTYPED.MLP(2, [1], seed=1.0), TypeError, "seed must be an int, None or a random.Random, not float"),
        (lambda: nn.MLP(2, [1], seed=True), TypeError, "seed must be an int, None or a random.Random, not bool"),
        (lambda: nn.Sequential(), ValueError, "Sequential takes at least one layer"),
        (lambda: nn.Sequential(nn.Layer(2, 2), 3), TypeError, r"Sequential takes Modules and functions, not int \(3\)"),
        (lambda: nn.Neuron(2)([1.0]), ValueError, r"ReLUNeuron\(2\) takes 2 input\(s\), but 1 are given"),
        (lambda: nn.MLP(2, [3, 1])([1.0] * 3), ValueError, r"ReLUNeuron\(2\) takes 2 input\(s\), but 3 are given"),
        (lambda: nn.MLP(2, [1])(None), TypeError, "a Layer takes a list, a tuple or an array of numbers, not NoneType"),
        (
            lambda: nn.MLP(2, [1])("ab"),
            TypeError,
            r"a Layer takes a list, a tuple or an array of numbers, not str \('ab'",
        ),
        (lambda: nn.Neuron(2)({0: 1.0, 1: 2.0}), TypeError, "a Neuron takes a list, .* of numbers, not dict"),
        (lambda: nn.Neuron(2)({1.0, 2.0}), TypeError, "a Neuron takes a list, .* of numbers, not set"),
    ],
)
def test_bad_input_gets_a_sentence(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_blocks_of_an_array_that_are_not_there_yet_are_refused() -> None:
    blocks = pytest.importorskip("dask.array").zeros((3, 2))
    with pytest.raises(TypeError, match=r"cannot calculate with an array of Dask's: mg.vmap\(model\)\(X\) takes those"):
        nn.MLP(2, [1])(blocks[0])


def test_an_activation_need_not_be_hashable() -> None:
    class Square(list[float]):  # as a list is, and all that has an __eq__ of its own
        def __call__(self, x: Any) -> Any:
            return x * x

    layer = nn.Layer(1, 2, activation=Square(), initialisation=lambda generator, nin, nout: 3.0)
    assert [output.data for output in layer([1.0])] == [9.0, 9.0]
    assert mg.grad(lambda x: layer([x])[0])(1.0) == mg.jit(mg.grad(lambda x: layer([x])[0]))(1.0) == 18.0


def test_many_samples_at_once_are_refused() -> None:
    np = pytest.importorskip("numpy")
    with pytest.raises(ValueError, match=r"one sample, not an array with the shape \(5, 2\): mg.vmap\(model\)\(X\)"):
        nn.MLP(2, [1])(np.zeros((5, 2)))


def test_weights_begin_by_the_rule_that_fits_the_activation() -> None:
    def rule(model: Any) -> float:
        return float(max(abs(w.data) for neuron in model.neurons for w in neuron.w))

    he, glorot = (6 / 40) ** 0.5, (6 / 70) ** 0.5
    for activation in ("relu", "leaky_relu", "gelu"):
        assert 0.9 * he < rule(nn.Layer(40, 30, activation=activation, seed=0)) <= he
    for activation in ("tanh", "sigmoid", "linear"):
        assert 0.9 * glorot < rule(nn.Layer(40, 30, activation=activation, seed=0)) <= glorot
