"""fit: train a model on samples. What it is given is checked here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from microgrady.data import split
from microgrady.data.arguments import random_numbers
from microgrady.inputs import as_number, describe, is_whole
from microgrady.nn.history import History
from microgrady.nn.losses import binary_cross_entropy, cross_entropy, hinge, mse, require_targets
from microgrady.tracebacks import entrance
from microgrady.value import Value, topological_order

if TYPE_CHECKING:
    from microgrady.nn.epochs import Settings, State, Task
    from microgrady.nn.samples import Samples


@entrance
def fit(
    model: Callable[..., Any],
    loss: Callable[..., Any],
    X: Any,
    y: Any,
    optimizer: Any = None,
    epochs: int = 10,
    batch_size: int = 32,
    validation: Any = None,
    *,
    seed: int | None = 0,
    patience: int | None = None,
    schedule: Any = None,
    clip_norm: float | None = None,
    progress: bool = True,
    threads: int | None = None,
    callback: Callable[[State], Any] | None = None,
) -> History:
    """Train a model on samples, in batches, by a compiled function of loss and gradient.

    In each epoch the samples are shuffled and all of them are used, those of an incomplete last batch, too. The loss of
    a batch is the mean over its samples. Losses and accuracies in the history are over all samples, with the weights
    after the epoch. The same seed gives the same history to the last bit, whatever the number of threads.

    Ctrl-C ends the training: the model gets the weights of its best epoch, by the loss of the validation, or by the
    loss if there is none; and those that it had before if no epoch was finished. The gradients of its parameters are
    zero afterwards.

    Args:
        model: A Module; or a function of one input, whose parameters are then those of the optimizer. It gets a row of
            X: an array, or a number if X has one dimension and the model takes numbers.
        loss: A function of what the model returns and of a target, which returns one number, such as `cross_entropy`.
        X: The inputs, one sample a row: an array, nested lists, a DataFrame, a Series.
        y: The targets, one a sample: classes as whole numbers from 0, numbers, or rows of several.
        optimizer: What moves the parameters; `Adam(model)` if None. Parameters that are not in it stay as they are.
        epochs: How many times to pass over the samples.
        batch_size: How many samples there are to a step.
        validation: Samples that are not trained on: a pair of inputs and targets, or the share of X and y to keep for
            it, between 0 and 1.
        seed: A whole number from 0 to 2**32 - 1, which decides the order of the samples; None for another one each
            time. In the first epoch the batches are those of `mg.data.batches(X, y, batch_size, seed)`, then those of
            the next seed, and so on. A share for the validation is what `mg.data.split` holds out for the seed.
        patience: How many epochs may follow the best one before it stops. The model then gets the weights of the best
            epoch at the end.
        schedule: A schedule of the optimizer's learning rate, to be moved on after each epoch.
        clip_norm: The largest norm of a gradient, to which larger ones are shortened.
        progress: Whether a bar shows how far it is, if there is tqdm.
        threads: As for `vmap`.
        callback: Called after each epoch, and before the first one, with a `State`, which has `epoch`, `history`,
            `model` and `optimizer`. If it returns True, the training ends.

    Returns:
        The history, with lists of losses and accuracies, one entry an epoch. It pickles, and `plot()` shows it.

    Raises:
        TypeError: An argument has a wrong type, X or y is not made of numbers, or the loss is not one number.
        ValueError: An argument has a value that is not allowed, X and y do not fit each other or the loss, have no
            samples or numbers that are not finite, the optimizer has no parameters or others than the model, or the
            loss does not depend on one of them.
        FloatingPointError: The loss became nan or infinite. The message says in which step, and what operation made it
            so; the model has the weights of the best epoch.
        ImportError: NumPy or llvmlite is not installed.

    Example:
        >>> import microgrady as mg
        >>> w, b = mg.Value(0.0), mg.Value(0.0)
        >>> def line(x):
        ...     return w * x + b
        >>> history = fit(line, mse, [0, 1, 2, 3], [1, 3, 5, 7], mg.optim.SGD([w, b], lr=0.1), 100, 4, progress=False)
        >>> print(f"{w.data:.2f} x + {b.data:.2f}")
        2.00 x + 1.00
        >>> len(history.loss), history.loss[-1] < 1e-6
        (100, True)
    """
    try:
        from microgrady.nn.epochs import Settings, Training
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise ImportError('fit needs NumPy and llvmlite: pip install "microgrady[jit]"') from error

    settings = Settings(epochs, batch_size, seed, patience, schedule, clip_norm, progress, threads, callback)
    _require_settings(settings)
    return Training(_task(model, loss, X, y, optimizer, validation, settings), settings).run()


# How to train.


def _require_settings(settings: Settings) -> None:
    """Refuse what does not say how to train."""
    _require_count(settings.epochs, "epochs")
    _require_count(settings.batch_size, "batch_size")
    random_numbers(settings.seed)  # which says what a seed is
    if settings.patience is not None:
        _require_count(settings.patience, "patience", otherwise=" or None")
    if settings.clip_norm is not None:
        limit = as_number(settings.clip_norm)
        if limit is None:
            raise TypeError(f"clip_norm must be a number or None, not {describe(settings.clip_norm)}")
        if not limit > 0:
            raise ValueError(f"clip_norm must be above 0, not {limit}")
    if not isinstance(settings.progress, bool):
        raise TypeError(f"progress must be True or False, not {describe(settings.progress)}")
    if settings.callback is not None and not callable(settings.callback):
        raise TypeError(f"callback must be a function of the state of the training, not {describe(settings.callback)}")
    if settings.schedule is not None and not callable(getattr(settings.schedule, "step", None)):
        raise TypeError(f"schedule must be a schedule with a step(), not {describe(settings.schedule)}")


def _require_count(number: Any, name: str, otherwise: str = "") -> None:
    if not is_whole(number):
        raise TypeError(f"{name} must be an int{otherwise}, not {describe(number)}")
    if number < 1:
        raise ValueError(f"{name} must be at least 1, not {number}")


# What to train on what.


def _task(
    model: Any,
    loss: Any,
    X: Any,
    y: Any,
    optimizer: Any,
    validation: Any,
    settings: Settings,
) -> Task:
    """Return what is to be learnt, after all checks."""
    from microgrady.nn.epochs import Task
    from microgrady.nn.samples import read_samples

    for name, thing in (("model", model), ("loss", loss)):
        if not callable(thing):
            raise TypeError(f"the {name} must be a function, not {describe(thing)}")
    if optimizer is None:
        optimizer = _default_optimizer(model, settings.schedule)
    _require_optimizer(optimizer, settings.schedule)
    parameters, names = _parameters(model, optimizer)
    samples, held_out = _with_validation(read_samples(X, y), validation, settings.seed)
    samples, held_out, prediction = _fitted_to(model, samples, held_out)
    outputs = _outputs(prediction)
    for each, of in ((samples, ""), (held_out, " of the validation")):
        if each is not None and outputs is not None:
            _require_targets(loss, each, outputs, of)
    found = _loss_of_first(loss, prediction, samples)
    leaves = {id(node): node for node in topological_order(found) if node.op is None} if found is not None else {}
    others = [leaf for key, leaf in leaves.items() if key not in names]
    has_classes = _has_classes(loss, outputs, samples)
    task = Task(model, loss, samples, held_out, has_classes, optimizer, parameters, others, names)
    _require_dependence(task, {*leaves})
    return task


def _default_optimizer(model: Any, schedule: Any) -> Any:
    from microgrady.optim import Adam

    if not callable(getattr(model, "parameters", None)):
        raise TypeError("a model without parameters(), which is not a Module, needs an optimizer with the parameters")
    if schedule is not None:
        raise ValueError("a schedule needs the optimizer that it is for: pass optimizer=, too")
    if not list(model.parameters()):
        raise ValueError("the model has no parameters to train")
    return Adam(model)


def _require_optimizer(optimizer: Any, schedule: Any) -> None:
    if isinstance(optimizer, type):
        raise TypeError(f"the optimizer is a class, of which one is to be made: {optimizer.__name__}(model)")
    missing = [name for name in ("step", "zero_grad", "parameters", "lr") if not hasattr(optimizer, name)]
    if missing:
        raise TypeError(
            f"the optimizer must be one of mg.optim, or have {missing[0]} as these do, not {describe(optimizer)}"
        )
    if not optimizer.parameters:
        raise ValueError("the optimizer has no parameters: make it with those of the model, as in Adam(model)")
    if schedule is not None and getattr(schedule, "optimizer", optimizer) is not optimizer:
        raise ValueError("the schedule is for another optimizer than the one that is passed")


def _parameters(model: Any, optimizer: Any) -> tuple[list[Value], dict[int, str]]:
    """Return all parameters, and what messages call them."""
    moved = list(optimizer.parameters)
    names = {id(value): value.label or f"parameter {place} of the optimizer" for place, value in enumerate(moved)}
    found = moved
    if callable(getattr(model, "parameters", None)):
        found = list(model.parameters())
        names |= {id(value): value.label or f"parameter {place} of the model" for place, value in enumerate(found)}
    if callable(getattr(model, "named_parameters", None)):
        names |= {id(value): name for name, value in model.named_parameters()}
    there = {id(value) for value in found}
    others = [value for value in moved if id(value) not in there]
    if others:
        raise ValueError(
            f"the optimizer has {len(others)} of {len(moved)} parameters that are not the model's, such as "
            f"{names[id(others[0])]}: make it with those of the model, as in Adam(model)"
        )
    for value in found:
        if not math.isfinite(value.data):
            raise ValueError(f"{names[id(value)]} of the model is {value.data} before the training")
    return found, names


def _with_validation(samples: Samples, validation: Any, seed: int | None) -> tuple[Samples, Samples | None]:
    """Return the samples to train on, and those to validate with."""
    from microgrady.nn.samples import Samples, read_samples

    if validation is None:
        return samples, None
    share = as_number(validation)
    if share is not None:
        if not 0 < share < 1:
            raise ValueError(f"validation must be a share between 0 and 1, or a pair of X and y, not {validation!r}")
        if math.ceil(share * len(samples)) == len(samples):
            raise ValueError(f"validation={validation!r} leaves none of {len(samples)} sample(s) to train on")
        inputs, held_inputs, targets, held_targets = split(samples.inputs, samples.targets, share, seed)
        return Samples(inputs, targets), Samples(held_inputs, held_targets)
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TypeError(
            f"validation must be a pair of X and y, a share between 0 and 1 or None, not {describe(validation)}"
        )
    held_out = read_samples(validation[0], validation[1], " of the validation")
    for name, ours, theirs in (
        ("X", samples.inputs, held_out.inputs),
        ("y", samples.targets, held_out.targets),
    ):
        if ours.shape[1:] != theirs.shape[1:]:
            raise ValueError(
                f"{name} of the validation has the shape {theirs.shape}, which does not go with {ours.shape} of {name}"
            )
    return samples, held_out


def _fitted_to(model: Any, samples: Samples, held_out: Samples | None) -> tuple[Samples, Samples | None, Any]:
    """Return the samples in the shapes that the model takes and returns, and what it makes of the first one."""
    x, _ = samples.at(0)
    try:
        prediction = model(x)
    except Exception as error:
        if samples.inputs.ndim > 1:
            error.add_note(f"X has the shape {samples.inputs.shape}: each row is a sample")
            raise
        try:
            prediction = model([x])
        except Exception:
            prediction = model(x)  # which raises what is to be told
        samples, held_out = samples.with_columns(), held_out and held_out.with_columns()
    if samples.targets.shape[1:] == (1,) and (isinstance(prediction, Value) or as_number(prediction) is not None):
        samples, held_out = samples.with_single_targets(), held_out and held_out.with_single_targets()
    return samples, held_out, prediction


def _outputs(prediction: Any) -> int | None:
    """Return how many numbers the model makes of an input; None if that is not numbers in a row."""
    if isinstance(prediction, Value) or as_number(prediction) is not None:
        return 1
    shape = getattr(prediction, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) == 1 else None
    if not isinstance(prediction, (list, tuple)):
        return None
    return len(prediction) if all(_outputs(entry) == 1 for entry in prediction) else None


def _require_targets(loss: Any, samples: Samples, outputs: int, of: str) -> None:
    shape = samples.targets.shape
    if loss in (mse, binary_cross_entropy, hinge) and math.prod(shape[1:]) != outputs:
        several = f"{outputs} output{'s' * (outputs != 1)}"
        raise ValueError(f"y{of} must have a number for each output of the model, which has {several}, and not {shape}")
    try:
        require_targets(loss, samples.targets, outputs)
    except ValueError as error:
        raise ValueError(f"{error}{' (this is y of the validation)' if of else ''}") from None


def _has_classes(loss: Any, outputs: int | None, samples: Samples) -> bool:
    """Return whether there are classes that the model may find."""
    targets = samples.targets
    if loss is mse or outputs is None:
        return False
    if targets.ndim > 1:
        return loss is cross_entropy
    if outputs > 1:
        return bool((targets == targets.round()).all() and targets.min() >= 0 and targets.max() < outputs)
    labels = {*targets.tolist()}
    return labels <= {-1.0, 1.0} or labels <= {0.0, 1.0}


def _loss_of_first(loss: Any, prediction: Any, samples: Samples) -> Value | None:
    """Return the loss of the first sample, where it depends on anything."""
    found = loss(prediction, samples.at(0)[1])
    if isinstance(found, Value):
        return found
    if as_number(found) is None:
        raise TypeError(f"the loss must be one number, such as the mean of several, not {describe(found)}")
    return None


def _require_dependence(task: Task, there: set[int]) -> None:
    """Refuse parameters that the optimizer moves and no loss depends on.

    Args:
        task: What is to be learnt.
        there: On what the loss of the first sample depends, by identity.
    """
    moved = task.optimizer.parameters
    if all(id(value) in there for value in moved):
        return
    # Others may depend on what the first one does not.
    from microgrady.compiler.vmap import vmap

    kernel = vmap(task.loss_of)
    kernel(task.samples.inputs, task.samples.targets)
    there = there | {id(leaf) for path in kernel.paths for leaf in path.leaves}
    missing = [task.names[id(value)] for value in moved if id(value) not in there]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f"the loss does not depend on {', '.join(missing[:3])}{more}: leave what is not used out of the optimizer"
        )
