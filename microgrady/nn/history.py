"""What a training was like, epoch by epoch."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Stopped = Literal["patience", "interrupted", "callback"] | None


class Epoch(NamedTuple):
    """What is known of one epoch.

    Attributes:
        loss: The mean over the samples that are trained on, after the epoch.
        accuracy: The share of them whose class is found; None where there are no classes.
        validation_loss: The mean over the samples of the validation; None without one.
        validation_accuracy: The share of these whose class is found.
        learning_rate: That of the optimizer in the epoch.
        seconds: How long it took, with the validation.
    """

    loss: float
    accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float

    @property
    def watched(self) -> float:
        """The loss by which epochs are compared: that of the validation, if there is one."""
        return self.loss if self.validation_loss is None else self.validation_loss

    @property
    def short(self) -> str:
        """The losses and accuracies, for a bar."""
        validated = "" if self.validation_loss is None else f", validation {_short(*self[2:4])}"
        return f"loss {_short(*self[:2])}{validated}"

    def remarks(self) -> list[str]:
        """Return the losses and accuracies in words."""
        found = [f"loss {self.loss:.4g}"]
        if self.accuracy is not None:
            found.append(f"accuracy {self.accuracy:.1%}")
        if self.validation_loss is not None:
            found.append(f"validation loss {self.validation_loss:.4g}")
        if self.validation_accuracy is not None:
            found.append(f"validation accuracy {self.validation_accuracy:.1%}")
        return found


def _short(loss: float | None, accuracy: float | None) -> str:
    return f"{loss:.3g}{'' if accuracy is None else f' {accuracy:.1%}'}"


class History:
    """What a training was like, epoch by epoch, as `fit` returns it.

    Epochs are counted from 1, so the numbers of the first one stand at the beginning of each list. Losses and
    accuracies are means over all samples with the weights that the model had after the epoch.

    Attributes:
        stopped: Why there are fewer epochs than asked for: "patience", "interrupted" (Ctrl-C) or "callback"; else None.

    Example:
        >>> history = History()
        >>> history.add(Epoch(0.5, 0.9, None, None, 0.001, 0.1))
        >>> history.add(Epoch(0.25, 0.95, None, None, 0.001, 0.1))
        >>> history.loss, history.best_epoch
        ([0.5, 0.25], 2)
        >>> history
        History(2 epochs, loss 0.25, accuracy 95.0%)
    """

    def __init__(self) -> None:
        # One list of rows: an interruption leaves an epoch in all columns or in none.
        self._epochs: list[Epoch] = []
        self._best = 0, 0  # the best epoch of so many
        self.stopped: Stopped = None

    def add(self, epoch: Epoch) -> None:
        """Add what is known of the next epoch."""
        self._epochs.append(epoch)

    def row(self, position: int) -> Epoch:
        """Return what is known of an epoch, by its position in the lists."""
        return self._epochs[position]

    def __len__(self) -> int:
        """Return how many epochs there were."""
        return len(self._epochs)

    @property
    def loss(self) -> list[float]:
        """The mean loss of the samples that are trained on."""
        return [epoch.loss for epoch in self._epochs]

    @property
    def accuracy(self) -> list[float]:
        """The share of them whose class is found, from 0 to 1; an empty list where there are no classes."""
        return [epoch.accuracy for epoch in self._epochs if epoch.accuracy is not None]

    @property
    def validation_loss(self) -> list[float]:
        """The mean loss of the samples of the validation; an empty list without one."""
        return [epoch.validation_loss for epoch in self._epochs if epoch.validation_loss is not None]

    @property
    def validation_accuracy(self) -> list[float]:
        """The share of these whose class is found; an empty list without classes or validation."""
        return [epoch.validation_accuracy for epoch in self._epochs if epoch.validation_accuracy is not None]

    @property
    def learning_rate(self) -> list[float]:
        """The learning rate of the optimizer."""
        return [epoch.learning_rate for epoch in self._epochs]

    @property
    def seconds(self) -> list[float]:
        """How long each epoch took, with the validation."""
        return [epoch.seconds for epoch in self._epochs]

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation loss, counted from 1, or of the lowest loss without a validation.

        Of several such epochs it is the first. Before the end of the first epoch it is 0.
        """
        best, known = self._best
        for number in range(known + 1, len(self) + 1):
            if not best or self.row(number - 1).watched < self.row(best - 1).watched:
                best = number
        self._best = best, len(self)
        return best

    def plot(self, **options: Any) -> Any:
        """Plot losses and accuracies by epoch. The options are those of `plot_history`.

        Returns:
            What `plot_history` returns.

        Raises:
            ImportError: Matplotlib is not installed.
        """
        from microgrady.drawing import plot_history

        return plot_history(self, **options)

    def __repr__(self) -> str:
        if not self._epochs:
            parts = ["no epochs"]
        else:
            last, count = self._epochs[-1], len(self)
            parts = ["1 epoch" if count == 1 else f"{count} epochs", *last.remarks()]
            if self.best_epoch != count:
                parts.append(f"best epoch {self.best_epoch}")
        return f"History({', '.join(parts)}{'' if self.stopped is None else f', stopped={self.stopped!r}'})"
