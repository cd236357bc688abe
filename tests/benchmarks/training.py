"""What steps of training cost against PyTorch, JAX and micrograd, the first step, and how well digits are learnt."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import shutil
import statistics
import time
from collections.abc import Sequence

import numpy

from tests.benchmarks import training_peers as peers
from tests.benchmarks.batch_peers import on_one_core
from tests.benchmarks.timing import SAMPLE, STARTS, fresh, quartiles_in_brackets, seconds_in_words
from tests.benchmarks.training_peers import PEERS, Trainer
from tests.benchmarks.training_tasks import TASKS, Task

ROW = "{:<38}{:>12}{:>12}{:>22}{:>22}  {}"
CHECKED = 2  # steps after which all must have the same weights
SLOW_SAMPLES = 3  # of who is slow
TOLERANCE = 1e-9

# kind of task, batch, title, what is aimed at; that of PyTorch is for the fastest of its eager ways
TABLES: dict[str, tuple[str, int, str, dict[str, str]]] = {
    "digits-8": ("digits", 8, "Digits 64-32-10, batch 8", {peers.PYTORCH: "at least 5x ours"}),
    "digits-64": ("digits", 64, "Digits 64-32-10, batch 64", {peers.PYTORCH: "at least 1.3x ours"}),
    "digits-512": ("digits", 512, "Digits 64-32-10, batch 512", {peers.PYTORCH: "at least 0.67x ours"}),
    "moons": (
        "moons",
        100,
        "Moons 2-16-16-1, all 100",
        {peers.PYTORCH: "at least 8x ours", peers.MICROGRAD: "at least 1000x ours"},
    ),
}
FIRST, ACCURACY = "first", "accuracy"
SEEDS = 5

NOTES = f"""
A step: the batch is a slice of the data; forward, backward, the optimiser's step, gradients set to 0; the median of all
samples. A sample takes the same number of steps of each engine, one engine after the other; of micrograd a single
step, {SLOW_SAMPLES} times. Then how many times the step of another engine it takes, with the quartiles of that ratio in
brackets; PyTorch's is the fastest of its eager ways, marked with a star. nn.fit also shuffles, and finds the loss and
the accuracy over all samples after each epoch. Before, all others have had the same losses and come to the same weights
in {CHECKED} steps. Digits: cross-entropy and Adam. Moons: the loss of micrograd's demo, with its learning rates; the
squares of the weights are in it where the name says so, in JAX's and in micrograd's, and else the optimiser's
(weight_decay). First step: with making the network, recording and compiling, but not the imports: the median of
{STARTS} fresh processes. Accuracy: of 360 digits that are not seen, always the same, after {peers.EPOCHS} epochs of
batches of {peers.SMALL_BATCH} with Adam (lr={peers.RATE}) and CosineAnnealingLR; the seed is that of the weights and of
the order. All threads of an engine share one core, all numbers are float64,
and time is that of the processor."""


def agreeing(task: Task, names: Sequence[str]) -> dict[str, Trainer]:
    """Return who trains, after a few steps, in which they had the same losses and came to the same weights.

    Raises:
        ArithmeticError: One computes something else.
    """
    losses_of: dict[bool, list[float]] = {}
    trainers, weights = {}, None
    for name in names:
        trainers[name] = trainer = PEERS[task.kind][name].make(task)
        losses = [float(trainer.step(k)) for k in range(CHECKED)]
        expected = losses_of.setdefault(trainer.penalised, losses)
        if not numpy.allclose(losses, expected, rtol=TOLERANCE, atol=0.0):
            raise ArithmeticError(f"{name} has other losses: {losses}, not {expected}")
        found = trainer.weights()
        weights = found if weights is None else weights
        if not numpy.allclose(found, weights, rtol=TOLERANCE, atol=TOLERANCE):
            raise ArithmeticError(f"{name} comes to other weights: by {numpy.max(abs(found - weights)):.1g}")
    return trainers


def _seconds(step: peers.Step, count: int) -> float:
    """Return the seconds of a step, from `count` of them."""
    start = time.process_time()
    for k in range(count):
        step(k)
    return (time.process_time() - start) / count


def measured(key: str, names: Sequence[str], samples: int) -> dict[str, list[float]]:
    """Return seconds of a step by engine and sample. To be called in a fresh process."""
    on_one_core()
    kind, batch, *_ = TABLES[key]
    task = TASKS[kind](batch)
    trainers = agreeing(task, [name for name in names if name != peers.FIT])
    # Whole epochs, as nn.fit has them.
    epochs = math.ceil(SAMPLE / (_seconds(trainers[peers.OURS].step, task.steps) * task.steps))
    found: dict[str, list[float]] = {name: [] for name in names}

    def sample() -> None:
        for name, trainer in trainers.items():
            if not PEERS[kind][name].slow:
                found[name].append(_seconds(trainer.step, epochs * task.steps))
            elif len(found[name]) < SLOW_SAMPLES:
                found[name].append(_seconds(trainer.step, 1))

    if peers.FIT in names:
        found[peers.FIT] = peers.sampled_fit(task, epochs, samples, sample)
    else:
        for _ in range(samples):
            sample()
    return found


def reason_against(kind: str, name: str) -> str:
    """Return why an engine cannot be measured here; nothing if it can."""
    for module in PEERS[kind][name].modules:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            return f"not installed ({module})"
    if name == peers.COMPILED and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        return "there is no C++ compiler"
    return ""


def _installed(kind: str, ours: bool) -> list[str]:
    """Return who can be measured, and print who cannot."""
    names = [name for name in PEERS[kind] if name.startswith("microgrady") or not ours]
    for name in names:
        if reason := reason_against(kind, name):
            print(f"{name:<38}  {reason}")
    return [name for name in names if not reason_against(kind, name)]


def print_steps(key: str, ours: bool, samples: int) -> None:
    """Print what a step costs, a line for each engine."""
    kind, batch, title, aims = TABLES[key]
    print(ROW.format(title, "a step", "a sample", "to ours", "to PyTorch's", ""))
    names = _installed(kind, ours)
    found = fresh(measured, key, names, samples)
    medians = {name: statistics.median(seconds) for name, seconds in found.items()}
    fastest = min(filter(medians.__contains__, peers.EAGER_PYTORCH), key=medians.__getitem__, default="")
    for name, seconds in medians.items():
        cells = []
        for other in (peers.OURS, fastest):
            ratios = [mine / base for mine, base in zip(found[name], found.get(other, ()), strict=False)]
            cells.append("1x" if other == name else quartiles_in_brackets(ratios) if ratios else "-")
        if name == fastest:
            shown, aim = f"{name} *", aims[peers.PYTORCH]
        else:
            shown, aim = name, "" if name == peers.PYTORCH else aims.get(name, "")
        cells = [seconds_in_words(seconds), seconds_in_words(seconds / batch), *cells]
        print(ROW.format(shown, *cells, aim).rstrip(), flush=True)
    print()


def first_step(kind: str, batch: int, name: str) -> float:
    """Return the seconds until the first step is done. To be called in a fresh process."""
    on_one_core()
    peer, task = PEERS[kind][name], TASKS[kind](batch)
    for module in peer.modules:
        importlib.import_module(module)
    start = peer.clock()
    float(peer.make(task).step(0))
    return peer.clock() - start


def print_first(ours: bool) -> None:
    """Print how long it takes until the first step is done."""
    print(ROW.format("Digits 64-32-10, batch 64", "first step", "", "", "", ""))
    for name in _installed("digits", ours):
        seconds = [fresh(first_step, "digits", 64, name) for _ in range(STARTS)]
        aim = "under 0.7 s" if name == peers.OURS else ""
        print(ROW.format(name, f"{statistics.median(seconds):.3g} s", "", "", "", aim).rstrip(), flush=True)
    print()


def print_accuracy(ours: bool, seeds: int) -> None:
    """Print how many of the digits that were not seen are told right, by seed."""
    print(f"{'Digits not seen':<38}" + "".join(f"{f'seed {seed}':>10}" for seed in range(seeds)))
    for name, learn in peers.LEARNERS.items():
        if (ours and name != peers.FIT) or reason_against("digits", name):
            continue
        cells = [f"{fresh(learn, seed):.1%}" for seed in range(seeds)]
        aim = "  97% or more" if name == peers.FIT else ""
        print(f"{name:<38}" + "".join(f"{cell:>10}" for cell in cells) + aim, flush=True)
    print()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--ours", action="store_true", help="microgrady's alone, without the peers")
    parser.add_argument("--samples", type=int, default=15, help="how often each is measured (default: 15)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how often digits are learnt (default: {SEEDS})")
    names = [*TABLES, FIRST, ACCURACY]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="TABLE", help=", ".join(names))


def run(options: argparse.Namespace) -> None:
    """Print the tables."""
    if options.samples < 1 or options.seeds < 1:
        raise SystemExit("--samples and --seeds must be at least 1")
    if importlib.util.find_spec("llvmlite") is None:
        raise SystemExit('vmap needs llvmlite: pip install "microgrady[jit]"')
    for key in TABLES:
        if key in options.only:
            print_steps(key, options.ours, options.samples)
    if FIRST in options.only:
        print_first(options.ours)
    if ACCURACY in options.only:
        print_accuracy(options.ours, options.seeds)
    print(NOTES)
