"""The history of a training: loss and accuracy by epoch."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.checking.evaluation import plain_number
from microgrady.drawing.plotting.arguments import check_panels
from microgrady.drawing.plotting.figures import (
    BLUE,
    GRID,
    LARGEST,
    VERMILION,
    import_plotting,
    make_logarithmic,
    panels_to_draw_on,
    write_figure,
    written,
)
from microgrady.drawing.plotting.legends import place_legend
from microgrady.drawing.render import check_target
from microgrady.drawing.style import INK
from microgrady.inputs import describe, is_iterable
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = ("loss", "accuracy")
SERIES = ("loss", "validation_loss", "accuracy", "validation_accuracy")
BESIDES = ("learning_rate", "seconds", "best_epoch", "stopped")  # what a history has, too
TRAINING, VALIDATION = (BLUE, "-", "o"), (VERMILION, "--", "s")  # colour, line, and marker of single epochs
MOST_MARKED = 30  # epochs: of more the line alone is clearer
LOGARITHMIC = 20.0  # times the smallest loss: from that on a linear scale would show little of the small ones
HEADROOM = 0.04  # of the height of the accuracies, above them and below


@entrance
def plot_history(history: Any, *, axes: Any = None, to: str | os.PathLike[str] | None = None) -> tuple[Axes, ...]:
    """Draw the history of a training: the loss by epoch and, below it, the accuracy, if there is one.

    Epochs are counted from 1. The best one is marked: that with the lowest loss of the validation or, without one, of
    the training. The scale of the loss is logarithmic where losses are of different sizes and none is zero.

    Args:
        history: What `nn.fit` returned, or a dict of lists with a number for each epoch: loss and, if there are such,
            validation_loss, accuracy and validation_accuracy. What is not finite is left out of the lines.
        axes: Where to draw: as many Axes as there are panels, one or two; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on: that of the loss and, if there is one, that of the accuracy. The same call writes
        the same file.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: There are no epochs, the lists are of different lengths, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> loss, accuracy = mg.plot_history({"loss": [0.7, 0.4, 0.3], "accuracy": [0.6, 0.8, 0.9]})
        >>> [text.get_text() for text in loss.get_legend().get_texts()]
        ['training', 'best epoch: 3, loss 0.3']
    """
    record = read_history(history)
    panels = [panel for panel in PANELS if panel in record.series]
    given = check_panels(axes, len(panels), "axes", f"this history has {' and '.join(panels)}, and so needs")
    target = None if to is None else check_target(to)
    with panels_to_draw_on(given, len(panels), target) as drawn:
        for panel, each in zip(panels, drawn, strict=True):
            draw_series(each, record, panel)
            each.set_ylabel(panel)
            if panel == "loss":
                scale_losses(each, [number for name in SERIES[:2] for number in record.series.get(name, [])])
            else:
                scale_accuracies(each, [number for name in SERIES[2:] for number in record.series.get(name, [])])
            mark_best(each, record, panel)
        name_epochs(drawn, record.count)
        if record.stopped:
            drawn[0].set_title(f"stopped after {record.count} epochs: {record.stopped}", fontsize="medium")
        for each in drawn:
            place_legend(each)
        write_figure(drawn[0], target)
    return tuple(drawn)


# The history


@dataclass(frozen=True)
class Record:
    """What is drawn of a history.

    Attributes:
        series: The numbers by epoch, of those of `SERIES` that there are.
        best: The best epoch, counted from 1.
        stopped: Why the training ended early; an empty text if it did not.
    """

    series: dict[str, list[float]]
    best: int
    stopped: str

    @property
    def count(self) -> int:
        """How many epochs there were."""
        return len(self.series["loss"])


def read_history(history: Any) -> Record:
    """Return what is drawn of a history, which may be a dict of lists.

    Raises:
        TypeError: It has no losses, or a list is not one of numbers.
        ValueError: There are no epochs, or the lists are of different lengths.
    """
    if isinstance(history, Mapping):
        unknown = [name for name in history if name not in (*SERIES, *BESIDES)]
        if unknown:
            raise ValueError(f"a history has lists called {', '.join(SERIES)}, and {unknown[0]!r} is not one of them")
        found = {name: history[name] for name in SERIES if name in history}
        stopped = history.get("stopped")
    else:
        found = {name: getattr(history, name) for name in SERIES if hasattr(history, name)}
        stopped = getattr(history, "stopped", None)
    if "loss" not in found:
        raise TypeError(
            f"plot_history takes what fit returned or a dict with a list called loss, not {describe(history)}"
        )
    series = {name: read_numbers(numbers, name) for name, numbers in found.items()}
    if not series["loss"]:
        raise ValueError("the history has no epochs, so that there is nothing to plot")
    if all(map(math.isnan, series["loss"])):
        raise ValueError("no loss of the history is a finite number, so that there is nothing to plot")
    series = {name: numbers for name, numbers in series.items() if not all(map(math.isnan, numbers))}
    if "validation_accuracy" in series and "accuracy" not in series:
        series["accuracy"] = [math.nan] * len(series["loss"])
    for name, numbers in series.items():
        if len(numbers) != len(series["loss"]):
            raise ValueError(
                f"a history has a number for each epoch in each list, and loss has {len(series['loss'])} and {name} "
                f"{len(numbers)}"
            )
    return Record(series, best_epoch(series.get("validation_loss", series["loss"])), str(stopped or ""))


def read_numbers(numbers: Any, name: str) -> list[float]:
    """Return the numbers of a list, nan for what is missing or cannot be drawn."""
    entries = list(numbers) if is_iterable(numbers) and not isinstance(numbers, str | bytes | Mapping) else [""]
    found = [math.nan if entry is None else plain_number(entry) for entry in entries]
    known = [math.nan if abs(number) > LARGEST else number for number in found if number is not None]
    if len(known) < len(found):
        raise TypeError(f"{name} of a history must be a list of numbers, one for each epoch, not {describe(numbers)}")
    return known


def best_epoch(losses: Sequence[float]) -> int:
    """Return the epoch with the lowest loss, counted from 1; the first of several."""
    return losses.index(min(loss for loss in losses if loss == loss)) + 1


# Drawing


def draw_series(axes: Axes, record: Record, panel: str) -> None:
    """Draw the numbers of the training and, if there is one, of the validation."""
    epochs = range(1, record.count + 1)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for name, label, (colour, style, marker) in (
        (panel, "training", TRAINING),
        (f"validation_{panel}", "validation", VALIDATION),
    ):
        numbers = record.series.get(name, [])
        if not all(map(math.isnan, numbers)):
            axes.plot(
                epochs,
                numbers,
                color=colour,
                linestyle=style,
                linewidth=1.6,
                marker=marker if record.count <= MOST_MARKED else "",
                markersize=4,
                label=label,
            )


def mark_best(axes: Axes, record: Record, panel: str) -> None:
    """Mark the best epoch with a line through all panels, and its numbers."""
    axes.axvline(record.best, color=INK, linewidth=1.0, linestyle=":", zorder=1.9)
    found = [
        (name, record.series[name][record.best - 1]) for name in (f"validation_{panel}", panel) if name in record.series
    ]
    known = [(name, number) for name, number in found if number == number]
    if not known:
        return
    name, number = known[0]
    value = written(number) if panel == "loss" else percent(number)
    axes.plot(
        *([record.best], [number]),
        linestyle="none",
        marker="*",
        markersize=12,
        color=VERMILION if name.startswith("validation") else BLUE,
        markeredgecolor=INK,
        markeredgewidth=0.8,
        clip_on=False,
        zorder=4,
        label=f"best epoch: {record.best}, {name.replace('_', ' ')} {value}",
    )


def scale_losses(axes: Axes, losses: Sequence[float]) -> None:
    """Make the scale logarithmic where that shows more."""
    known = [loss for loss in losses if loss == loss]
    if known and min(known) > 0.0 and max(known) >= LOGARITHMIC * min(known):
        make_logarithmic(axes, min(known), max(known))


def scale_accuracies(axes: Axes, accuracies: Sequence[float]) -> None:
    """Write the accuracies in percent, without room for more than all."""
    ticker = import_plotting("matplotlib.ticker")
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda share, _: percent(share)))
    known = [number for number in accuracies if number == number]
    low, high = min(known), max(known)
    room = HEADROOM * (high - low or 1.0)
    axes.set_ylim(low - room, high + room)


def percent(share: float) -> str:
    """Return a share of all in percent, for a label."""
    return f"{100 * share:.4g}%"


def name_epochs(panels: Sequence[Axes], count: int) -> None:
    """Give all panels the same epochs, whole ones, and name them below the last."""
    ticker = import_plotting("matplotlib.ticker")
    for axes in panels:
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
        room = max(0.5, 0.02 * (count - 1)) if count < MOST_MARKED else 0.02 * (count - 1)
        axes.set_xlim(1 - room, count + room)
    panels[-1].set_xlabel("epoch")
