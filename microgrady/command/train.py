"""`microgrady train`: a network from nothing to a picture, in one line."""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microgrady import data, optim
from microgrady.command.options import (
    BAD_INPUT,
    CHECK_FAILED,
    INTERRUPTED,
    OK,
    WIDEST_PROSE,
    fill,
    option_span,
    refused_at,
    similar_option,
    width,
)
from microgrady.command.parsing import InputError, Span
from microgrady.drawing import FORMATS, plot_decision
from microgrady.drawing.render import check_target, endings
from microgrady.nn import MLP, History, binary_cross_entropy, cross_entropy, fit, save
from microgrady.nn.layers import ACTIVATIONS

DATA: dict[str, Callable[..., Any]] = {
    "moons": data.moons,
    "rings": data.rings,
    "spiral": data.spiral,
    "xor": data.xor,
    "digits": data.digits,
}
POINTS = 400  # of what is not a table
MOST = 200_000  # parameters
NOT_SEEN = 0.2  # of the samples are for the validation
HIDDEN = {"digits": ("32",)}
DEFAULT_HIDDEN = ("16", "16")

# With the learning rate to begin with.
OPTIMIZERS: dict[str, tuple[Callable[..., Any], float]] = {
    "adam": (optim.Adam, 0.01),
    "adamw": (optim.AdamW, 0.01),
    "rmsprop": (optim.RMSprop, 0.01),
    "sgd": (functools.partial(optim.SGD, momentum=0.9), 0.05),
}

WITH_A_VALUE = (
    *("--hidden", "--epochs", "--batch-size", "--lr", "--optimizer", "--seed", "--noise", "--activation"),
    *("--save", "--plot"),
)
OPTIONS = (*WITH_A_VALUE, "--help")
USAGE = "microgrady train DATA [--hidden SIZE ...] [--epochs COUNT] [--save PATH] [--plot PATH] [...]"
DESCRIPTION = (
    "Train a network on four fifths of the data, hold it against the last fifth, which it has not seen, and write its "
    "weights and a picture. The learning rate falls to zero on the way, along a cosine. Ctrl-C ends the training with "
    "the best weights so far."
)
STATUSES = (
    "0  done",
    "1  the loss became nan or infinite: a smaller learning rate may do",
    "2  bad input, or a file cannot be written",
)
EXAMPLE = "python -m microgrady train moons --hidden 16 16 --epochs 50 --save net.npz --plot boundary.png"


@dataclass(frozen=True)
class Order:
    """What is asked for, checked."""

    name: str
    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    lr: float
    optimizer: str
    seed: int
    noise: float | None
    activation: str
    save: Path | None
    plot: Path | None


def answer(arguments: Sequence[str]) -> tuple[str, list[str], int]:
    """Train as the options say.

    Args:
        arguments: What follows `microgrady train`.

    Returns:
        What to print, what to complain of below it, and the exit status.

    Raises:
        InputError: An option has a value that is not allowed; nothing has been done then.
    """
    _require_known_options(arguments)
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as done:  # argparse has printed the help, or what is wrong
        return "", [], BAD_INPUT if done.code else OK
    order = _checked(options)
    start = time.perf_counter()
    try:
        model, samples, history = _train(order)
    except (ImportError, ValueError) as error:  # of ValueErrors there is that noise can be beyond what floats hold
        return "", [str(error)], BAD_INPUT
    except FloatingPointError as error:
        return "", [str(error)], CHECK_FAILED
    status = INTERRUPTED if history.stopped == "interrupted" else OK
    if not len(history):
        return "", [], status
    written, complaints = _write(order, model, samples, history)
    text = _summary(order, model, samples, history, time.perf_counter() - start, written)
    return text, complaints, status if not complaints else BAD_INPUT


def _train(order: Order) -> tuple[MLP, Any, History]:
    """Return the model, the samples in four parts as `split` gives them, and what the training was like."""
    if order.name == "digits":
        X, y = data.digits()
    else:
        noise = {} if order.noise is None else {"noise": order.noise}
        X, y = DATA[order.name](POINTS, seed=order.seed, **noise)
    samples = data.split(X, y, NOT_SEEN, order.seed, stratify=True)
    X, X_test, y, y_test = samples
    classes = int(y.max()) + 1
    outputs, loss = (1, binary_cross_entropy) if classes == 2 else (classes, cross_entropy)
    _require_few_parameters([X.shape[1], *order.hidden, outputs])
    model = MLP(X.shape[1], [*order.hidden, outputs], activation=order.activation, seed=order.seed)
    optimizer = OPTIMIZERS[order.optimizer][0](model, lr=order.lr)
    history = fit(
        model,
        loss,
        X,
        y,
        optimizer,
        order.epochs,
        order.batch_size,
        validation=(X_test, y_test),
        seed=order.seed,
        schedule=optim.CosineAnnealingLR(optimizer, order.epochs),
        progress=sys.stderr.isatty(),
    )
    return model, samples, history


def _require_few_parameters(sizes: Sequence[int]) -> None:
    """Refuse a network whose recording would take minutes, or more memory than there is."""
    count = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))
    if count > MOST:
        hidden = " ".join(map(str, sizes[1:-1]))
        sentence = f"--hidden makes {count} parameters, each of which is a Value: {MOST} are the most"
        raise InputError(sentence, option_span("--hidden", hidden))


def _write(order: Order, model: MLP, samples: Any, history: History) -> tuple[list[str], list[str]]:
    """Write the files, and return which were written, and complaints about the others."""
    written, complaints = [], []
    for option, path, write in (
        ("--save", order.save, functools.partial(save, model)),
        ("--plot", order.plot, functools.partial(_plot, order, model, samples, history)),
    ):
        if path is None:
            continue
        try:
            with refused_at(option_span(option, str(path)), ValueError, OSError, RuntimeError, ImportError):
                write(path)
            written.append(str(path))
        except InputError as error:
            complaints.append(str(error))
    return written, complaints


def _plot(order: Order, model: MLP, samples: Any, history: History, path: Path) -> None:
    """Draw what a model decides of two features, with points that it has not seen; of more the history."""
    if order.name == "digits":
        history.plot(to=path)
    else:
        _, X, _, y = samples
        plot_decision(model, X, y, to=path)


def _summary(order: Order, model: MLP, samples: Any, history: History, seconds: float, written: list[str]) -> str:
    """Return what came of it, in a few lines."""
    X, X_test, _, _ = samples
    last = history.row(history.best_epoch - 1 if history.stopped else -1)
    shape = "-".join(map(str, [X.shape[1], *(len(layer.neurons) for layer in model.layers)]))
    epochs = f"{len(history)} epoch{'s' * (len(history) != 1)}{' (interrupted)' * bool(history.stopped)}"
    assert last.accuracy is not None
    assert last.validation_loss is not None
    assert last.validation_accuracy is not None
    lines = [
        f"{order.name}, MLP {shape}, {len(model.parameters())} parameters: {epochs} in {seconds:.2g} s",
        f"not seen: accuracy {last.validation_accuracy:.1%} of {len(X_test)}, loss {last.validation_loss:.4g}",
        f"seen: accuracy {last.accuracy:.1%} of {len(X)}, loss {last.loss:.4g}",
    ]
    if written:
        lines.append(f"written: {', '.join(written)}")
    return "".join(f"{line}\n" for line in lines)


# The options.


def _parser() -> argparse.ArgumentParser:
    columns = min(width(), WIDEST_PROSE)
    statuses = "\n".join(fill(status, columns, initial_indent="  ", subsequent_indent=" " * 5) for status in STATUSES)
    example = fill(EXAMPLE, columns - 2, subsequent_indent="    ").replace("\n", " \\\n")
    parser = argparse.ArgumentParser(
        prog="microgrady train",
        usage=fill(USAGE, columns, initial_indent="       ", subsequent_indent=" " * 24).strip(),
        description=fill(DESCRIPTION, columns),
        epilog=f"exit status:\n{statuses}\n\nexample:\n{example}\n",
        formatter_class=functools.partial(argparse.RawDescriptionHelpFormatter, width=columns),
        allow_abbrev=False,
    )
    rates = ", ".join(f"{rate:g} for {name}" for name, (_, rate) in OPTIMIZERS.items())
    sizes = f"{' '.join(DEFAULT_HIDDEN)}, for digits {' '.join(HIDDEN['digits'])}"
    parser.add_argument("data", nargs="?", metavar="DATA", help=f"what to learn: {', '.join(DATA)}")
    for option, metavar, text in (
        ("--epochs", "COUNT", "how many times to pass over the samples (default: 50)"),
        ("--batch-size", "COUNT", "how many samples there are to a step (default: 32)"),
        ("--lr", "RATE", f"the learning rate to begin with (default: {rates})"),
        ("--optimizer", "NAME", f"{', '.join(OPTIMIZERS)} (default: adam)"),
        ("--seed", "NUMBER", "decides the data, the weights and the order of the samples (default: 0)"),
        ("--noise", "SIZE", "the standard deviation of the noise in the data; not for digits"),
        ("--activation", "NAME", f"{', '.join(ACTIVATIONS)} (default: relu)"),
        ("--save", "PATH", "write the weights into a file named .npz or .json"),
        ("--plot", "PATH", f"draw what it decides, for digits the loss by epoch, into {endings(FORMATS)}"),
    ):
        parser.add_argument(option, metavar=metavar, help=text)
    parser.add_argument(
        "--hidden", nargs="*", metavar="SIZE", help=f"the neurons of each layer but the last (default: {sizes})"
    )
    return parser


def _require_known_options(arguments: Sequence[str]) -> None:
    """Refuse a misspelt option by itself."""
    for argument in arguments:
        name = argument.partition("=")[0]
        if re.match(r"-{1,2}[A-Za-z]|[—–]", name) and name not in (*OPTIONS, "-h"):
            similar = similar_option(f"--{name.lstrip('-—–')}".lower(), OPTIONS)
            hint = f"did you mean {similar}?" if similar else f"there are {', '.join(OPTIONS)}"
            raise InputError(f"{name} is not an option; {hint}", Span(argument, 0, len(name)))


def _checked(options: argparse.Namespace) -> Order:
    """Return what is asked for, or raise what is wrong with the first option that is."""
    name = options.data
    if name is None and options.hidden and options.hidden[-1] in DATA:  # behind the sizes, argparse takes it for one
        name = options.hidden.pop()
    if name not in DATA:
        known = ", ".join(DATA)
        if name is None:
            raise InputError(f"what to learn is missing: one of {known}", Span("train", 5, 5))
        similar = similar_option(name.lower(), tuple(DATA))
        hint = f"did you mean {similar}?" if similar else f"there are {known}"
        raise InputError(f"there are no data called {name}; {hint}", Span(name, 0, len(name)))
    if options.noise is not None and name == "digits":
        raise InputError("digits are as they are: --noise is for the other data", option_span("--noise", options.noise))
    optimizer = _name(options.optimizer, "--optimizer", OPTIMIZERS, "adam")
    hidden = HIDDEN.get(name, DEFAULT_HIDDEN) if options.hidden is None else options.hidden
    return Order(
        name=name,
        hidden=tuple(_count(text, "--hidden", 1) for text in hidden),
        epochs=_count("50" if options.epochs is None else options.epochs, "--epochs", 1),
        batch_size=_count("32" if options.batch_size is None else options.batch_size, "--batch-size", 1),
        lr=OPTIMIZERS[optimizer][1] if options.lr is None else _number(options.lr, "--lr", "above 0"),
        optimizer=optimizer,
        seed=_count("0" if options.seed is None else options.seed, "--seed", 0),
        noise=None if options.noise is None else _number(options.noise, "--noise", "0 or more"),
        activation=_name(options.activation, "--activation", ACTIVATIONS, "relu"),
        save=None if options.save is None else _path(options.save, "--save", ("npz", "json"), "a file with weights"),
        plot=None if options.plot is None else _path(options.plot, "--plot", FORMATS, "a picture"),
    )


def _count(text: str, option: str, least: int) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text) or int(text) < least:
        sizes = " for each layer" if option == "--hidden" else ""
        limit = "of at most 9 digits" if re.fullmatch(r"\s*[0-9]{10,}\s*", text) else f"from {least} on"
        sentence = f"{option} takes a whole number {limit}{sizes}, not {text!r}"
        raise InputError(sentence, option_span(option, text))
    return int(text)


def _number(text: str, option: str, allowed: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0 or (number == 0 and allowed == "above 0"):
        raise InputError(f"{option} takes a number {allowed}, not {text!r}", option_span(option, text))
    return number


def _name(text: str | None, option: str, known: dict[str, Any], default: str) -> str:
    name = default if text is None else text.lower()
    if name not in known:
        similar = similar_option(name, tuple(known))
        hint = f"did you mean {similar}?" if similar else f"there are {', '.join(known)}"
        raise InputError(f"{option} has no {text}; {hint}", option_span(option, str(text)))
    return name


def _path(text: str, option: str, formats: Any, what: str) -> Path:
    with refused_at(option_span(option, text), ValueError):
        return check_target(text, formats, what)
