"""Who trains networks, each in the way that its documentation shows. All do the same steps from the same weights."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy

import microgrady
from microgrady import nn, optim
from tests.benchmarks.training_tasks import ALPHA, DIGITS, Array, Task, flat, moons_rate, split_digits

Step = Callable[[int], Any]

OURS, FIT = "microgrady, loop of one's own", "microgrady, nn.fit"
OURS_PENALTY = "microgrady, squares in the loss"
PYTORCH, FOREACH, FUSED = "PyTorch", "PyTorch, foreach=True", "PyTorch, fused=True"
PENALTY = "PyTorch, squares in the loss"
COMPILED = "PyTorch, torch.compile"
JAX, MICROGRAD = "JAX, jit of a whole step", "micrograd"

EAGER_PYTORCH = (PYTORCH, FOREACH, FUSED, PENALTY)  # the fastest of them is what we are held against


@dataclass(frozen=True)
class Trainer:
    """A network in training.

    Attributes:
        step: Does the k-th step, and returns the loss before it: a number, or what `float` makes a number of.
        weights: Returns all numbers, as `flat` has them.
        penalised: Whether the loss has the squares of the weights in it. Else the optimiser adds their derivatives.
    """

    step: Step
    weights: Callable[[], Array]
    penalised: bool = False


@dataclass(frozen=True)
class Peer:
    """A way to train.

    Attributes:
        make: Makes the network and what trains it.
        modules: What is imported before time is taken.
        slow: Whether a step takes so long that one must do for a sample.
        clock: Which time counts until the first step is done.
    """

    make: Callable[[Task], Trainer]
    modules: tuple[str, ...] = ()
    slow: bool = False
    clock: Callable[[], float] = time.process_time


# microgrady.


def our_network(task: Task, network: Callable[..., Any] = nn.MLP) -> Any:
    """Return a network of micrograd's classes, ours or its own, with the weights at the beginning."""
    model = network(task.widths[0], list(task.widths[1:]))
    for layer, (weights, biases) in zip(model.layers, task.layers, strict=True):
        for neuron, row, bias in zip(layer.neurons, weights.tolist(), biases.tolist(), strict=True):
            for w, number in zip(neuron.w, row, strict=True):
                w.data = number
            neuron.b.data = bias
    return model


def _numbers(model: Any) -> Array:
    return numpy.array([parameter.data for parameter in model.parameters()])


def squares(model: Any) -> Any:
    """Return what micrograd's demo adds to its loss."""
    return ALPHA * sum(p * p for p in model.parameters())


def our_digits(task: Task) -> Trainer:
    """The loop that the README shows."""
    model = our_network(task)
    kernel = microgrady.vmap(lambda x, t: nn.cross_entropy(model(x), t), reduce="mean", threads=1)
    optimizer = optim.Adam(model)
    samples, classes = numpy.asfortranarray(task.X), task.y.astype(float)

    def step(k: int) -> float:
        rows = task.rows(k)
        loss: float = kernel.backward(samples[rows], classes[rows])
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return Trainer(step, lambda: _numbers(model))


def our_moons(task: Task, penalised: bool = False) -> Trainer:
    """The same with the loss of micrograd's demo; the squares of the weights are the optimiser's unless `penalised`."""
    model = our_network(task)

    def loss_of(x: Any, t: Any) -> Any:
        loss = nn.hinge(model(x), t)
        return loss + squares(model) if penalised else loss

    kernel = microgrady.vmap(loss_of, reduce="mean", threads=1)
    optimizer = optim.SGD(model, weight_decay=0.0 if penalised else 2.0 * ALPHA)
    points, classes = numpy.asfortranarray(task.X), task.y.astype(float)

    def step(k: int) -> float:
        optimizer.lr = moons_rate(k)
        loss: float = kernel.backward(points, classes)
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return Trainer(step, lambda: _numbers(model), penalised)


# PyTorch.


def _torch_network(torch: Any, task: Task) -> Any:
    torch.set_num_threads(1)
    layers: list[Any] = []
    for width, height in itertools.pairwise(task.widths):
        layers += [torch.nn.Linear(width, height), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).double()
    with torch.no_grad():
        for layer, (weights, biases) in zip(model[::2], task.layers, strict=True):
            layer.weight.copy_(torch.from_numpy(weights))
            layer.bias.copy_(torch.from_numpy(biases))
    return model


def _torch_weights(model: Any) -> Array:
    return flat([(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in model[::2]])


def torch_digits(task: Task, compiles: bool = False, **options: Any) -> Trainer:
    """PyTorch's modules, loss and optimiser, on one thread. The options are the optimiser's."""
    torch = importlib.import_module("torch")
    model = _torch_network(torch, task)
    optimizer = torch.optim.Adam(model.parameters(), **options)
    samples, classes = torch.from_numpy(task.X), torch.from_numpy(task.y.astype(numpy.int64))

    def loss_of(x: Any, t: Any) -> Any:
        return torch.nn.functional.cross_entropy(model(x), t)

    if compiles:
        loss_of = torch.compile(loss_of)

    def step(k: int) -> Any:
        rows = task.rows(k)
        loss = loss_of(samples[rows], classes[rows])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    return Trainer(step, lambda: _torch_weights(model))


def torch_moons(task: Task, compiles: bool = False, penalised: bool = False, **options: Any) -> Trainer:
    """The same with the loss of micrograd's demo; the squares of the weights are the optimiser's unless `penalised`."""
    torch = importlib.import_module("torch")
    model = _torch_network(torch, task)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, weight_decay=0.0 if penalised else 2.0 * ALPHA, **options)
    points, classes = torch.from_numpy(task.X), torch.from_numpy(task.y.astype(float))

    def loss_of(x: Any, t: Any) -> Any:
        loss = torch.relu(1.0 - t * model(x).squeeze(1)).mean()
        return loss + ALPHA * sum(p.square().sum() for p in parameters) if penalised else loss

    if compiles:
        loss_of = torch.compile(loss_of)

    def step(k: int) -> Any:
        optimizer.param_groups[0]["lr"] = moons_rate(k)
        loss = loss_of(points, classes)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    return Trainer(step, lambda: _torch_weights(model), penalised)


# JAX, where a step is one compiled function: the batch, the loss, its gradient and the optimiser.


def _jax_outputs(jax: Any, layers: Any, x: Any) -> Any:
    *hidden, (weights, biases) = layers
    for rows, offsets in hidden:
        x = jax.nn.relu(x @ rows.T + offsets)
    return x @ weights.T + biases


def _jax_trainer(task: Task, jax: Any, state: Any, y: Array, updated: Callable[..., Any]) -> Trainer:
    """Return what steps by `updated`, which takes a state (the layers first), samples, their classes and the step."""
    everything = jax.numpy.asarray(task.X), jax.numpy.asarray(y)
    held = SimpleNamespace(state=state)

    @functools.partial(jax.jit, donate_argnums=0)
    def whole_step(state: Any, start: Any, k: Any) -> Any:
        x, t = (jax.lax.dynamic_slice_in_dim(each, start, task.batch) for each in everything)
        return updated(state, x, t, k)

    def step(k: int) -> Any:
        held.state, loss = whole_step(held.state, task.rows(k).start, k)
        return jax.block_until_ready(loss)

    return Trainer(step, lambda: flat([(numpy.asarray(w), numpy.asarray(b)) for w, b in held.state[0]]))


def jax_digits(task: Task) -> Trainer:
    """With Adam written by hand."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)

    def loss_of(layers: Any, x: Any, t: Any) -> Any:
        logits = jax.nn.log_softmax(_jax_outputs(jax, layers, x))
        return -jax.numpy.take_along_axis(logits, t[:, None], axis=1).mean()

    def updated(state: Any, x: Any, t: Any, k: Any) -> Any:
        layers, means, uncentered = state
        loss, slope = jax.value_and_grad(loss_of)(layers, x, t)
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, slope)
        uncentered = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, uncentered, slope)
        first, second = 1.0 - 0.9 ** (k + 1), jax.numpy.sqrt(1.0 - 0.999 ** (k + 1))
        layers = jax.tree.map(
            lambda p, m, v: p - 1e-3 / first * m / (jax.numpy.sqrt(v) / second + 1e-8), layers, means, uncentered
        )
        return (layers, means, uncentered), loss

    layers = jax.tree.map(jax.numpy.array, task.layers)
    means, uncentered = (jax.tree.map(jax.numpy.zeros_like, layers) for _ in range(2))
    return _jax_trainer(task, jax, (layers, means, uncentered), task.y, updated)


def jax_moons(task: Task) -> Trainer:
    """With the loss and the optimiser of micrograd's demo."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)

    def loss_of(layers: Any, x: Any, t: Any) -> Any:
        loss = jax.nn.relu(1.0 - t * _jax_outputs(jax, layers, x)[:, 0]).mean()
        return loss + ALPHA * sum((array * array).sum() for array in jax.tree.leaves(layers))

    def updated(state: Any, x: Any, t: Any, k: Any) -> Any:
        loss, slope = jax.value_and_grad(loss_of)(state[0], x, t)
        return (jax.tree.map(lambda p, g: p - moons_rate(k) * g, state[0], slope),), loss

    layers = jax.tree.map(jax.numpy.array, task.layers)
    trainer = _jax_trainer(task, jax, (layers,), task.y.astype(float), updated)
    return Trainer(trainer.step, trainer.weights, penalised=True)


# micrograd.


def micrograd_moons(task: Task) -> Trainer:
    """The loop of micrograd's demo."""
    model = our_network(task, importlib.import_module("micrograd.nn").MLP)
    value = importlib.import_module("micrograd.engine").Value
    sys.setrecursionlimit(1_000_000)
    classes = task.y.tolist()

    def step(k: int) -> float:
        inputs = [list(map(value, row)) for row in task.X.tolist()]
        scores = list(map(model, inputs))
        losses = [(1 + -t * score).relu() for t, score in zip(classes, scores, strict=True)]
        loss = sum(losses) * (1.0 / len(losses)) + squares(model)
        model.zero_grad()
        loss.backward()
        rate = moons_rate(k)
        for p in model.parameters():
            p.data -= rate * p.grad
        return float(loss.data)

    return Trainer(step, lambda: _numbers(model), penalised=True)


# nn.fit, which runs steps by itself, and what it learns.

EPOCHS, SMALL_BATCH, RATE = 20, 32, 0.01


def _fit(task: Task, epochs: int, **options: Any) -> None:
    model = our_network(task)
    loss: Any = nn.cross_entropy
    optimizer: Any = optim.Adam(model)
    if task.kind == "moons":
        loss, optimizer = nn.hinge, optim.SGD(model, lr=1.0, weight_decay=2.0 * ALPHA)
        options["schedule"] = optim.LambdaLR(optimizer, moons_rate)
    nn.fit(model, loss, task.X, task.y, optimizer, epochs, task.batch, progress=False, threads=1, **options)


def fit_trainer(task: Task) -> Trainer:
    """A whole call for the first batch alone, which is how long the first step takes."""

    def step(k: int) -> float:
        _fit(dataclasses.replace(task, X=task.X[: task.batch], y=task.y[: task.batch]), epochs=1)
        return 0.0

    return Trainer(step, lambda: numpy.empty(0))


def sampled_fit(task: Task, epochs: int, samples: int, meanwhile: Callable[[], None]) -> list[float]:
    """Return the seconds of a step in samples of some epochs, between which others have their turn."""
    found: list[float] = []
    held = SimpleNamespace(start=0.0)

    def after_epoch(state: Any) -> None:
        if state.epoch % epochs == 0:
            found.append((time.process_time() - held.start) / (epochs * task.steps))
            if len(found) > 1:  # what was compiled in the first one does not count
                meanwhile()
            held.start = time.process_time()

    _fit(task, epochs * (samples + 1), callback=after_epoch)
    return found[2:]


def our_accuracy(seed: int) -> float:
    """Return which part of the digits that were not seen the network tells right after training."""
    samples, unseen, classes, unseen_classes = split_digits()
    model = nn.MLP(DIGITS[0], list(DIGITS[1:]), seed=seed)
    optimizer = optim.Adam(model, lr=RATE)
    history = nn.fit(
        model,
        nn.cross_entropy,
        samples,
        classes,
        optimizer,
        EPOCHS,
        SMALL_BATCH,
        validation=(unseen, unseen_classes),
        seed=seed,
        schedule=optim.CosineAnnealingLR(optimizer, EPOCHS),
        progress=False,
        threads=1,
    )
    return float(history.validation_accuracy[-1])


def torch_accuracy(seed: int) -> float:
    """The same with PyTorch, from weights of its own."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    samples, unseen, classes, unseen_classes = map(torch.from_numpy, split_digits())
    layers = torch.nn.Linear(*DIGITS[:2]), torch.nn.ReLU(), torch.nn.Linear(*DIGITS[1:])
    model = torch.nn.Sequential(*layers).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(samples)).split(SMALL_BATCH):
            torch.nn.functional.cross_entropy(model(samples[rows]), classes[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
        schedule.step()
    with torch.no_grad():
        return float((model(unseen).argmax(1) == unseen_classes).double().mean())


LEARNERS = {FIT: our_accuracy, PYTORCH: torch_accuracy}

LLVM = ("llvmlite.binding", "microgrady.compiler.vmap", "microgrady.compiler.batches", "microgrady.nn.losses")
TORCH = ("torch",)
PEERS: dict[str, dict[str, Peer]] = {
    "digits": {
        OURS: Peer(our_digits, LLVM),
        FIT: Peer(fit_trainer, (*LLVM, "microgrady.nn.training")),
        PYTORCH: Peer(torch_digits, TORCH),
        FOREACH: Peer(functools.partial(torch_digits, foreach=True), TORCH),
        FUSED: Peer(functools.partial(torch_digits, fused=True), TORCH),
        COMPILED: Peer(functools.partial(torch_digits, compiles=True, fused=True), TORCH, clock=time.perf_counter),
        JAX: Peer(jax_digits, ("jax",)),
    },
    "moons": {
        OURS: Peer(our_moons, LLVM),
        FIT: Peer(fit_trainer, (*LLVM, "microgrady.nn.training")),
        OURS_PENALTY: Peer(functools.partial(our_moons, penalised=True), LLVM),
        PYTORCH: Peer(torch_moons, TORCH),
        FOREACH: Peer(functools.partial(torch_moons, foreach=True), TORCH),
        FUSED: Peer(functools.partial(torch_moons, fused=True), TORCH),
        PENALTY: Peer(functools.partial(torch_moons, penalised=True), TORCH),
        COMPILED: Peer(functools.partial(torch_moons, compiles=True, fused=True), TORCH, clock=time.perf_counter),
        JAX: Peer(jax_moons, ("jax",)),
        MICROGRAD: Peer(micrograd_moons, ("micrograd",), slow=True),
    },
}
