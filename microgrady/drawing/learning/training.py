"""A training frame by frame: what the model decides, and its loss; as a page with a slider, or as an animated GIF."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady import nn
from microgrady.drawing.animation.pages import check_file
from microgrady.drawing.learning.decisions import (
    Plane,
    draw_boundary,
    draw_points,
    draw_regions,
    place_legend,
    plane_of,
    score,
    set_limits,
    shades,
)
from microgrady.drawing.learning.histories import SERIES, draw_series, name_epochs, read_history, scale_losses
from microgrady.drawing.learning.models import Model
from microgrady.drawing.learning.points import Points, check_points, classes_of
from microgrady.drawing.plotting import legends
from microgrady.drawing.plotting.arguments import check_function
from microgrady.drawing.plotting.figures import import_plotting, write_plain_minus
from microgrady.drawing.plotting.films import PlotAnimation
from microgrady.drawing.style import INK
from microgrady.inputs import describe, is_whole
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

STEPS = 120  # decisions to each side of a frame
MOST_FRAMES = 200
SIZE, WIDTHS = (10.0, 4.6), (3, 2)  # inches; of the decisions and the losses to each other
FIRST_FRAME, LAST_FRAME = 800, 2500  # milliseconds
ALL_FRAMES, SHORTEST, LONGEST = 10_000, 60, 400  # of all others, and of one


@entrance
def animate_training(
    model: Callable[..., Any],
    loss: Callable[..., Any],
    X: Any,
    y: Any,
    optimizer: Any = None,
    epochs: int = 10,
    batch_size: int = 32,
    *,
    features: Iterable[int] | None = None,
    frames: int = 60,
    to: str | os.PathLike[str] | None = None,
    **options: Any,
) -> TrainingAnimation:
    """Train a model with `nn.fit`, and show how its decisions and its loss change.

    There is a frame before the first epoch, one after the last, and others between them. If `fit` gives the model the
    weights of its best epoch in the end, the last frame shows these.

    Args:
        model: As for `nn.fit`. It is trained.
        loss: As for `nn.fit`.
        X: The points, as for `plot_decision`.
        y: Their labels, as the loss takes them.
        optimizer: As for `nn.fit`, and so are the next two.
        epochs: How many times to pass over the points.
        batch_size: How many of them there are to a step.
        features: As for `plot_decision`.
        frames: How many frames there are at most, 2 to 200.
        to: A file to write: a page (.html), which is one file that needs no network, with a slider, buttons and keys;
            or a .gif. It is written as a whole or not at all.
        **options: The other options of `nn.fit`, such as `validation`, `seed` and `progress`.

    Returns:
        The animation, which Jupyter displays. It has the `history` that `nn.fit` returns, and the `epochs` shown.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: X and y do not fit each other, the model or the picture, or `to` has an unknown format or folder.
        FloatingPointError: The loss became nan or infinite, as `nn.fit` says.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> X, y = mg.data.moons(40)
        >>> model = mg.nn.MLP(2, [4, 1], seed=0)
        >>> film = mg.animate_training(model, mg.nn.binary_cross_entropy, X, y, epochs=4, frames=3, progress=False)
        >>> film.epochs
        [0, 2, 4]
    """
    check_function(model, None, "animate_training")
    points = check_points(X, y, "animate_training")
    plane = plane_of(points, features)
    target = check_file(to)
    if not is_whole(frames) or not 2 <= frames <= MOST_FRAMES:
        raise ValueError(f"frames must be an int from 2 to {MOST_FRAMES}, not {describe(frames)}")
    import_plotting("PIL.Image")
    camera = Camera(model, points, plane, shown_epochs(epochs, int(frames)), options.pop("callback", None))
    history = nn.fit(model, loss, X, y, optimizer, epochs, batch_size, callback=camera, **options)
    camera.finish(history)
    animation = TrainingAnimation(points, plane, camera.classes, camera.frames, history)
    if target is not None:
        animation.save(target)
    return animation


def shown_epochs(epochs: Any, frames: int) -> set[int]:
    """Return which epochs are shown: the beginning, the end, and evenly spaced ones between them."""
    last = int(epochs) if is_whole(epochs) else 0  # what else it may be, fit refuses
    return {round(place * last / (frames - 1)) for place in range(frames)}


@dataclass(frozen=True)
class Frame:
    """What is shown of one moment.

    Attributes:
        epoch: How many epochs were done.
        outputs: What the model gave on the grid.
        title: How good it was.
    """

    epoch: int
    outputs: Array
    title: str


class Camera:
    """What looks at a model while it is trained, as a callback of `nn.fit`.

    Args:
        model: It.
        points: What it is trained on.
        plane: What is shown of them.
        shown: After which epochs it looks.
        callback: The user's own.
    """

    def __init__(self, model: Callable[..., Any], points: Points, plane: Plane, shown: set[int], callback: Any) -> None:
        self.model = Model(model, points.features.shape[1], "animate_training")
        self.points, self.shown, self.callback = points, shown, callback
        self.grid = plane.grid(STEPS)
        self.frames: list[Frame] = []
        outputs = self.model.outputs(points.features[:1]).shape[1]
        self.classes: list[Hashable] = classes_of(points.labels, outputs, self.model.name)

    def __call__(self, state: Any) -> Any:
        """Look at the model, if it is time to."""
        if state.epoch in self.shown:
            self.look(state.epoch)
        return None if self.callback is None else self.callback(state)

    def look(self, epoch: int, remark: str = "") -> None:
        """Keep what the model gives now."""
        answers = self.model.outputs(self.points.features)
        title = f"epoch {epoch}{remark}: {score(answers, self.points.labels, self.classes)}"
        self.frames.append(Frame(epoch, self.model.outputs(self.grid).astype("float32"), title))

    def finish(self, history: Any) -> None:
        """Look once more where the last frame does not show the model as it is in the end."""
        import numpy

        outputs = self.model.outputs(self.grid).astype("float32")
        if not self.frames or not numpy.array_equal(outputs, self.frames[-1].outputs, equal_nan=True):
            is_best = history.best_epoch < len(history.loss)
            self.look(history.best_epoch if is_best else len(history.loss), ", the best" if is_best else "")


class TrainingAnimation(PlotAnimation):
    """A training frame by frame. Made by `animate_training`.

    Args:
        points: What the model is trained on.
        plane: What is shown of them.
        classes: Those that the model tells apart.
        frames: The moments.
        history: What `nn.fit` returned.

    Attributes:
        history: The same.
        epochs: How many epochs were done at each frame.
    """

    name = "A training, epoch by epoch"

    def __init__(
        self, points: Points, plane: Plane, classes: Sequence[Hashable], frames: Sequence[Frame], history: Any
    ) -> None:
        self.history = history
        self.epochs = [frame.epoch for frame in frames]
        self.titles = [frame.title for frame in frames]
        between = min(LONGEST, max(SHORTEST, ALL_FRAMES // len(frames)))
        self.durations = [FIRST_FRAME, *[between] * (len(frames) - 2), LAST_FRAME][-len(frames) :]
        self._frames, self._plane = frames, plane
        figure = import_plotting("matplotlib.figure").Figure(figsize=SIZE, layout="constrained")
        axes: Sequence[Axes] = figure.subplots(1, 2, width_ratios=WIDTHS)
        write_plain_minus(axes)
        self._decisions, self._losses = axes
        self._image, self._boundary = draw_regions(self._decisions, plane, frames[-1].outputs)
        draw_points(self._decisions, plane, points, classes)
        set_limits(self._decisions, plane)
        self._decisions.set_title(max((frame.title for frame in frames), key=len), fontsize="medium")
        self._lines = self._draw_losses()
        place_legend(self._decisions, plane)
        # From now on everything stays where it is.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")

    def _draw_losses(self) -> list[tuple[Any, list[float]]]:
        """Draw the losses of the whole training, and return each line with its numbers."""
        import numpy

        axes, record = self._losses, read_history(self.history)
        draw_series(axes, record, "loss")
        scale_losses(axes, [number for name in SERIES[:2] for number in record.series.get(name, [])])
        axes.set_ylabel("loss")
        name_epochs([axes], record.count)
        axes.set_ylim(axes.get_ylim())
        legends.place_legend(axes)
        lines: list[tuple[Any, list[float]]] = [(line, numpy.asarray(line.get_ydata()).tolist()) for line in axes.lines]
        self._now = axes.axvline(0.0, color=INK, linewidth=1.0, linestyle=":", zorder=1.9)
        return lines

    def show(self, number: int) -> Axes:
        """Make the figure show a frame.

        Args:
            number: Its place in `epochs`.

        Returns:
            The Axes of the decisions; beside them in their figure are those of the loss.
        """
        frame = self._frames[number]
        steps = round(len(frame.outputs) ** 0.5)
        self._image.set_data(shades(frame.outputs).reshape(steps, steps, 3))
        for line in self._boundary:
            line.remove()
        self._boundary = draw_boundary(self._decisions, self._plane, frame.outputs)
        self._decisions.set_title(frame.title, fontsize="medium")
        for line, numbers in self._lines:
            line.set_data(range(1, frame.epoch + 1), numbers[: frame.epoch])
        self._now.set_xdata([frame.epoch] * 2)
        return self._decisions

    def __repr__(self) -> str:
        return f"<TrainingAnimation of {len(self.epochs)} frames, {self.epochs[-1]} epochs>"
