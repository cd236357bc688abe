"""What a model gives at many points: in one compiled batch where that can be, else point by point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from microgrady.checking.evaluation import evaluate, plain_number, without_warnings
from microgrady.drawing.plotting.figures import LARGEST, name_in_labels
from microgrady.inputs import describe, is_array
from microgrady.introspection import signature_of
from microgrady.later import ask
from microgrady.trees import array_of

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]


class Model:
    """A model to be asked at many points.

    Args:
        function: It takes a sequence of features, or each of them by itself.
        width: How many features there are.
        what: What asks it, for messages.

    Attributes:
        name: That of the function, for labels.
    """

    def __init__(self, function: Callable[..., Any], width: int, what: str) -> None:
        self.function = of_one_argument(function, width)
        self.name = name_in_labels(function)
        self.what = what
        self.row = array_of((width,))
        self.batch: Callable[..., Any] | None = self.compiled()

    @property
    def is_compiled(self) -> bool:
        """Whether it runs as machine code. Known from the first call."""
        return self.batch is not None

    def compiled(self) -> Callable[..., Any] | None:
        """Return the model as a function of a batch, if something can compile it."""
        try:
            batch: Callable[..., Any] = ask("batches").vmap(self.function)
        except Exception:
            return None
        return batch

    def outputs(self, points: Array) -> Array:
        """Return what the model gives at each point: a row of one number or several, none of them infinite.

        Raises:
            TypeError: It gives something else than a number or a list of numbers.
            ValueError: It does not give equally many for all points.
        """
        import numpy

        found = self.in_batch(points)
        if found is None:
            self.batch = None
            found = self.one_by_one(points)
        # Matplotlib multiplies what it draws.
        return numpy.clip(found, -LARGEST, LARGEST)

    def in_batch(self, points: Array) -> Array | None:
        """Return what the compiled model gives; None if that cannot be had."""
        import numpy

        if self.batch is None:
            return None
        try:
            result = self.batch(points)
        except Exception:  # whatever is wrong with the model is said where it runs by itself
            return None
        columns = result if isinstance(result, list | tuple) else [result]
        if not columns or not all(is_array(column) and column.shape == (len(points),) for column in columns):
            whole = is_array(result) and result.ndim == 2 and len(result) == len(points) and result.size
            return numpy.asarray(result, numpy.float64) if whole else None
        return numpy.stack(columns, axis=1).astype(numpy.float64)

    def one_by_one(self, points: Array) -> Array:
        """Return what the model gives when it is called with one point after the other."""
        import numpy

        with without_warnings():
            rows = [evaluate(self.function, row, self.read, self.arguments) for row in points.tolist()]
        if len(set(map(len, rows))) > 1:
            raise ValueError(
                f"{self.name} must give as many numbers for each point, and gives {sorted(set(map(len, rows)))}"
            )
        return numpy.array(rows, numpy.float64)

    def arguments(self, numbers: Sequence[Any]) -> tuple[Any, ...]:
        """Return the features of one point as a batch hands them over."""
        return (self.row.rebuild(numbers),)

    def read(self, output: Any) -> list[float]:
        """Return the numbers that the model gave for one point."""
        number = plain_number(output)
        if number is not None:
            return [number]
        listed = isinstance(output, list | tuple) or (is_array(output) and output.ndim == 1)
        numbers = [plain_number(entry) for entry in output] if listed else []
        known = [entry for entry in numbers if entry is not None]
        if not known or len(known) < len(numbers):
            raise TypeError(
                f"{self.what} needs a model that gives one number or a list of numbers, and {self.name} gave "
                f"{describe(output)}"
            )
        return known


def of_one_argument(function: Callable[..., Any], width: int) -> Callable[[Any], Any]:
    """Return a function of a sequence of features, which may be one that takes each by itself."""
    signature = signature_of(function)
    if signature is not None and not takes(signature, 1) and takes(signature, width):
        return lambda features: function(*features)
    return lambda features: function(features)


def takes(signature: Any, count: int) -> bool:
    """Return whether something with this signature can be called with so many arguments."""
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def margins(outputs: Array) -> Array:
    """Return for each class, in a column, how far its number is above the largest of the others.

    One number stands for two classes: it speaks for the second, and its negative for the first.
    """
    import numpy

    if outputs.shape[1] == 1:
        return numpy.concatenate([-outputs, outputs], axis=1)
    ranked = numpy.sort(outputs, axis=1)
    best, next_best = ranked[:, -1:], ranked[:, -2:-1]
    return outputs - numpy.where(outputs == best, next_best, best)


def decided(outputs: Array) -> NDArray[Any]:
    """Return which class the model decides for at each point: the first of those that are equal; -1 where it is nan."""
    import numpy

    scores = margins(outputs) if outputs.shape[1] == 1 else outputs
    # To argmax a nan is the largest, and so a row with one leads there.
    which = scores.argmax(axis=1)
    return numpy.where(numpy.isnan(scores[numpy.arange(len(scores)), which]), -1, which)


def certainty(outputs: Array) -> Array:
    """Return how sure a model is at each point: 0 if all classes are as probable, 1 if one has all of the probability.

    The probabilities are softmax's of the numbers, and sigmoid's of one number.
    """
    import numpy

    scores = numpy.concatenate([0.0 * outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs
    count = scores.shape[1]
    with without_warnings():
        powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        highest = 1.0 / powers.sum(axis=1)
    found: Array = (highest - 1.0 / count) / (1.0 - 1.0 / count)
    return found
