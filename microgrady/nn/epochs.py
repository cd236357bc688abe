"""A training, epoch by epoch: what `fit` does after it has checked what it was given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy

from microgrady.compiler.vmap import vmap
from microgrady.data.arguments import random_numbers
from microgrady.leaves import clear_gradients, read_gradients, read_numbers, write_gradients, write_numbers
from microgrady.nn.divergence import cause_in_gradients, cause_in_losses
from microgrady.nn.history import Epoch, History
from microgrady.nn.losses import accuracy
from microgrady.nn.samples import Samples
from microgrady.optim import Optimizer, ReduceLROnPlateau, clip_grad_norm
from microgrady.value import Value

Array = numpy.ndarray[Any, Any]

SEEDS = 2**32  # that there are
FORMAT = "{desc}|{bar}| {remaining}{postfix}"  # of a bar: room for losses
PATIENCE_OF_EYES = 0.1  # seconds after which a bar moves on


@dataclass(frozen=True)
class State:
    """What a callback is told.

    Attributes:
        epoch: How many epochs are done: 0 before the first one.
        history: What they were like.
        model: The model, with the weights that it has then.
        optimizer: What moves them.
    """

    epoch: int
    history: History
    model: Any
    optimizer: Any


@dataclass(frozen=True)
class Task:
    """What is to be learnt by what.

    Attributes:
        model: What makes a prediction of an input.
        loss: What makes a number of a prediction and a target.
        samples: What is trained on.
        validation: What is not.
        has_classes: Whether there is an accuracy.
        optimizer: What moves the parameters.
        parameters: All of the model, or those that the optimizer moves where the model does not tell.
        others: Leaves that the loss depends on besides.
        names: What messages call the parameters, by identity.
    """

    model: Callable[..., Any]
    loss: Callable[..., Any]
    samples: Samples
    validation: Samples | None
    has_classes: bool
    optimizer: Any
    parameters: list[Value]
    others: list[Value]
    names: dict[int, str]

    def loss_of(self, x: Any, target: Any) -> Any:
        """Return the loss of one sample."""
        return self.loss(self.model(x), target)

    def loss_and_prediction(self, x: Any, target: Any) -> tuple[Any, Any]:
        """Return the loss of one sample, and what the model makes of it."""
        prediction = self.model(x)
        return self.loss(prediction, target), prediction


@dataclass(frozen=True)
class Settings:
    """How to train. `fit` says what each of these is."""

    epochs: int
    batch_size: int
    seed: int | None
    patience: int | None
    schedule: Any
    clip_norm: float | None
    progress: bool
    threads: int | None
    callback: Callable[[State], Any] | None


class Training:
    """One training.

    Attributes:
        history: What it has been like.
    """

    def __init__(self, task: Task, settings: Settings) -> None:
        self.history = History()
        self._task, self._settings = task, settings
        self._shuffled = Samples(numpy.empty_like(task.samples.inputs), numpy.empty_like(task.samples.targets))
        self._order = numpy.arange(len(task.samples))
        self._random = random_numbers(None)
        self._kernel = vmap(task.loss_of, reduce="mean", threads=settings.threads)
        self._measuring = vmap(task.loss_and_prediction, threads=settings.threads)
        # By epoch. The one of the best epoch is always among them.
        self._weights = {0: self._read_weights()}
        self._beginning: tuple[Array, Any] | None = None  # of the epoch: the weights, and what the optimizer remembers

    def run(self) -> History:
        """Train, and return what it was like.

        Raises:
            FloatingPointError: The loss became nan or infinite. The model has the weights of the best epoch then.
        """
        others = self._task.others
        gradients = numpy.empty(len(others))
        read_gradients(others, gradients)
        try:
            self._run()
        except KeyboardInterrupt:
            self.history.stopped = "interrupted"
            self._restore_best()
        except FloatingPointError:
            self._restore_best()
            raise
        finally:
            clear_gradients(self._task.parameters)
            write_gradients(others, gradients)  # which only those who train them ask for
        return self.history

    def _run(self) -> None:
        settings, history = self._settings, self.history
        clear_gradients(self._task.parameters)
        if self._is_stopped_by_callback(0):
            return
        with Bar(settings.epochs, self._batch_count, settings.progress) as bar:
            for epoch in range(1, settings.epochs + 1):
                self._train(epoch, bar)
                bar.tell(history.row(-1).short)
                if self._is_stopped_by_callback(epoch):
                    break
                if settings.patience is not None and epoch - history.best_epoch >= settings.patience:
                    history.stopped = "patience" if epoch < settings.epochs else None
                    break
        if settings.patience is not None:
            self._restore_best()

    def _is_stopped_by_callback(self, epoch: int) -> bool:
        callback = self._settings.callback
        if callback is None:
            return False
        answer = callback(State(epoch, self.history, self._task.model, self._task.optimizer))
        if not isinstance(answer, (bool, numpy.bool_)) or not answer:
            return False
        self.history.stopped = "callback"
        return True

    # An epoch.

    @property
    def _batch_count(self) -> int:
        return -(-len(self._task.samples) // self._settings.batch_size)

    def _order_of(self, epoch: int) -> Array:
        """Return the order of the samples, which is that of `batches` in mg.data."""
        if self._settings.seed is not None:
            self._random.seed((self._settings.seed + epoch - 1) % SEEDS)
        return self._random.permutation(len(self._task.samples))

    def _train(self, epoch: int, bar: Bar) -> None:
        """Train for one epoch, and note what came of it."""
        optimizer, schedule = self._task.optimizer, self._settings.schedule
        start, rate = time.perf_counter(), float(optimizer.lr)
        self._order = self._order_of(epoch)
        self._task.samples.copy_into(self._shuffled, self._order)
        remembered = optimizer.state_dict() if hasattr(optimizer, "state_dict") else None
        self._beginning = self._read_weights(), remembered
        bar.begin(epoch)
        for batch, loss in enumerate(self._steps(), 1):
            if not math.isfinite(loss):
                raise self._divergence(loss, epoch, batch)
            bar.advance()
        loss, share = self._measured(self._task.samples, epoch, "")
        validation_loss = validation_share = None
        if self._task.validation is not None:
            validation_loss, validation_share = self._measured(self._task.validation, epoch, " of the validation")
        row = Epoch(loss, share, validation_loss, validation_share, rate, time.perf_counter() - start)
        self._note(epoch, row)
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(row.watched)
        elif schedule is not None:
            schedule.step()

    def _steps(self) -> Iterator[float]:
        """Yield the loss of each batch after its backward pass, and then make the step."""
        size, count = self._settings.batch_size, len(self._task.samples)
        inputs, targets = self._shuffled.inputs, self._shuffled.targets
        backward, limit = self._kernel.backward, self._settings.clip_norm
        optimizer = self._task.optimizer
        step, forget = optimizer.step, optimizer.zero_grad
        clipped = optimizer if isinstance(optimizer, Optimizer) else optimizer.parameters  # the former takes less time
        for first in range(0, count, size):
            yield backward(inputs[first : first + size], targets[first : first + size])
            if limit is not None:
                clip_grad_norm(clipped, limit)
            step()
            forget()

    def _measured(self, samples: Samples, epoch: int, of: str) -> tuple[float, float | None]:
        """Return the mean loss of samples, and of how many of them the class is found."""
        losses, predictions = self._measuring(samples.inputs, samples.targets)
        loss = float(losses.mean())
        if not math.isfinite(loss):
            raise self._divergence_after(loss, losses, epoch, of)
        if not self._task.has_classes:
            return loss, None
        table = numpy.stack(predictions, axis=-1) if isinstance(predictions, (list, tuple)) else predictions
        targets = samples.targets if samples.targets.ndim == 1 else samples.targets.argmax(axis=1)
        return loss, accuracy(table, targets)

    def _note(self, epoch: int, row: Epoch) -> None:
        """Add an epoch to the history; first of all keep the weights if it is the best one."""
        best = self.history.best_epoch
        if not best or row.watched < self.history.row(best - 1).watched:
            self._weights[epoch] = self._read_weights()
        self.history.add(row)
        self._weights = {each: self._weights[each] for each in (self.history.best_epoch,)}

    # The weights.

    def _read_weights(self) -> Array:
        weights = numpy.empty(len(self._task.parameters))
        read_numbers(self._task.parameters, weights)
        return weights

    def _restore_best(self) -> None:
        write_numbers(self._task.parameters, self._weights[self.history.best_epoch])

    # What to say of a loss that is not finite.

    def _divergence(self, loss: float, epoch: int, batch: int) -> FloatingPointError:
        """Return the error about the loss of a batch."""
        where = f"in step {self._place(epoch, batch)}"
        first = (batch - 1) * self._settings.batch_size
        rows = self._order[first : first + self._settings.batch_size]
        return self._error(loss, where, epoch, lambda: cause_in_losses(self._task.loss_of, self._task.samples, rows))

    def _divergence_after(self, loss: float, losses: Array, epoch: int, of: str) -> FloatingPointError:
        """Return the error about the loss of all samples after an epoch."""
        samples = self._task.validation if of else self._task.samples
        assert samples is not None
        rows = numpy.flatnonzero(~numpy.isfinite(losses))
        where = f"of all samples{of} after step {self._place(epoch, self._batch_count)}"
        return self._error(loss, where, epoch, lambda: cause_in_losses(self._task.loss_of, samples, rows, of))

    def _place(self, epoch: int, batch: int) -> str:
        return f"{(epoch - 1) * self._batch_count + batch} (epoch {epoch}, batch {batch})"

    def _error(self, loss: float, where: str, epoch: int, cause: Callable[[], str]) -> FloatingPointError:
        found = cause() if numpy.isfinite(self._read_weights()).all() else self._cause_in_steps(epoch)
        best = self.history.best_epoch
        weights = f"of epoch {best}, the best one" if best else "that it had before"
        reason = f": {found}" if found else ""
        return FloatingPointError(f"the loss {where} is {loss}{reason}; the model has the weights {weights}")

    def _cause_in_steps(self, epoch: int) -> str:
        """Make the steps of an epoch once more, and say what the one did that made a parameter nan or infinite."""
        assert self._beginning is not None
        weights, remembered = self._beginning
        optimizer, size = self._task.optimizer, self._settings.batch_size
        if not numpy.isfinite(weights).all():  # somebody else made it so, between the epochs
            write_numbers(self._task.parameters, weights)
            return f"{self._strange_parameter()} since before epoch {epoch}"
        if remembered is None:
            return self._strange_parameter()
        write_numbers(self._task.parameters, weights)
        optimizer.load_state_dict(remembered)
        clear_gradients(self._task.parameters)
        gradients = numpy.empty(len(optimizer.parameters))
        for batch, _ in enumerate(self._steps(), 1):
            if batch > 1 and not numpy.isfinite(self._read_weights()).all():
                return f"{self._strange_parameter()} since step {self._place(epoch, batch - 1)}"
            read_gradients(optimizer.parameters, gradients)
            if not numpy.isfinite(gradients).all():
                rows = self._order[(batch - 1) * size : batch * size]
                cause = cause_in_gradients(self._task.loss_of, self._task.samples, rows, optimizer.parameters)
                return f"in step {self._place(epoch, batch)} a gradient was not finite{cause}"
        return self._strange_parameter()

    def _strange_parameter(self) -> str:
        """Return which parameter is nan or infinite; an empty text if none is."""
        for parameter in self._task.parameters:
            if not math.isfinite(parameter.data):
                return f"{self._task.names[id(parameter)]} is {parameter.data}"
        return ""


class Bar:
    """A bar that shows how far a training is, if there is tqdm to draw it.

    Args:
        epochs: How many epochs there will be.
        batches: How many steps each one has.
        is_shown: Whether to draw it.
    """

    def __init__(self, epochs: int, batches: int, is_shown: bool) -> None:
        self._epochs, self._is_shown = epochs, is_shown
        self._total = epochs * batches
        self._steps, self._next = 0, math.inf
        self._drawn: Any = None

    def __enter__(self) -> Bar:
        if self._is_shown:
            try:
                from tqdm import tqdm
            except ImportError:  # it is a comfort, not a need
                return self
            self._drawn = tqdm(total=self._total, unit=" steps", bar_format=FORMAT)
            self._next = time.perf_counter() + PATIENCE_OF_EYES
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn is not None:
            self._drawn.close()

    def begin(self, epoch: int) -> None:
        """Say which epoch begins."""
        if self._drawn is not None:
            self._drawn.set_description(f"epoch {epoch}/{self._epochs}", refresh=False)

    def advance(self) -> None:
        """Count a step."""
        self._steps += 1
        if time.perf_counter() > self._next:
            self._draw()

    def tell(self, remark: str) -> None:
        """Say what came of an epoch."""
        if self._drawn is not None:
            self._drawn.set_postfix_str(remark, refresh=False)
            self._draw()

    def _draw(self) -> None:
        self._drawn.update(self._steps)
        self._steps = 0
        self._next = time.perf_counter() + PATIENCE_OF_EYES
