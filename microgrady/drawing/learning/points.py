"""The points that a model learns from: their features and labels, and which classes the labels name."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.checking.evaluation import plain_number
from microgrady.data.arguments import transposed_hint
from microgrady.drawing.plotting.figures import LARGEST
from microgrady.inputs import describe, is_iterable
from microgrady.trees import detach
from microgrady.value import Value

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

MOST_CLASSES = 10  # there are so many markers that are told apart, and colours
LONGEST_NAME = 20  # letters of a class in a legend


@dataclass(frozen=True)
class Points:
    """Points with labels.

    Attributes:
        features: In rows, a column for each feature.
        labels: One for each row.
        names: Of the features.
    """

    features: Array
    labels: list[Hashable]
    names: list[str]


def check_points(X: Any, y: Any, what: str) -> Points:
    """Return features and labels, whatever they were held in.

    Args:
        X: Rows of two features or more.
        y: A label for each.
        what: What they are for, for messages.

    Raises:
        TypeError: A feature is not a number, or a label cannot be hashed.
        ValueError: There are no points, they have less than two features, a number is not finite, or there are not as
            many labels as points.
    """
    features = check_features(X, what)
    labels = check_labels(y)
    if len(labels) != len(features):
        raise ValueError(
            f"X and y must be as long as each other, and X has {len(features):,} points and y {len(labels):,} labels"
            f"{transposed_hint(features, labels)}"
        )
    columns = [str(column) for column in getattr(X, "columns", ())]
    names = columns if len(columns) == features.shape[1] else [f"x{place}" for place in range(features.shape[1])]
    return Points(features, labels, names)


def check_features(X: Any, what: str) -> Array:
    """Return the features of all points, in rows."""
    import numpy

    if isinstance(X, str | bytes | Mapping | Set) or not is_iterable(X):
        raise TypeError(f"X must be rows of numbers, one for each point, not {describe(X)}")
    try:
        features = numpy.array(detach(list(X) if not hasattr(X, "__array__") else numpy.asarray(X)), numpy.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"X must be rows of numbers, one for each point and all of the same length, not {describe(X)}"
        ) from None
    if not len(features):
        raise ValueError(f"{what} needs at least one point, and X has none")
    if features.ndim != 2 or features.shape[1] < 2:
        raise ValueError(f"{what} needs rows of two features or more, and X has the shape {features.shape}")
    for row in numpy.flatnonzero(~(abs(features) <= LARGEST).all(axis=1))[:1]:
        raise ValueError(
            f"X must have finite numbers up to {LARGEST:g}, and row {row} has {[float(x) for x in features[row]]}"
        )
    return features


def check_labels(y: Any) -> list[Hashable]:
    """Return a label for each point: whole numbers as ints, of whatever type they are."""
    if isinstance(y, str | bytes | Mapping | Set) or not is_iterable(y):
        raise TypeError(f"y must be a sequence of labels, one for each point, not {describe(y)}")
    if hasattr(y, "__array__"):
        import numpy

        array = numpy.asarray(y)
        y = (array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array).tolist()
    labels = [check_label(label, place) for place, label in enumerate(y)]
    kinds = {type(label) for label in labels}
    return [int(label) if kinds <= {bool, int} and kinds != {bool} else label for label in labels]  # type: ignore[call-overload]


def check_label(label: Any, place: int) -> Hashable:
    """Return one label."""
    number = plain_number(label) if isinstance(label, Value) or type(label).__module__ == "numpy" else label
    label = label if number is None else number
    if isinstance(label, float):
        if math.isnan(label):
            raise ValueError(f"y must have a label for each point, and that of point {place} is nan")
        return int(label) if label.is_integer() else label
    if not isinstance(label, Hashable):
        raise TypeError(
            f"a label must be hashable, as numbers and texts are, and that of point {place} is not: {label!r}"
        )
    try:
        hash(label)
    except TypeError:  # a tuple of lists, say
        raise TypeError(
            f"a label must be hashable, as numbers and texts are, and that of point {place} is not: {label!r}"
        ) from None
    return label


def classes_of(labels: Sequence[Hashable], outputs: int, model: str) -> list[Hashable]:
    """Return the classes that a model tells apart, in the order of its outputs.

    Args:
        labels: Those of the points.
        outputs: How many numbers the model gives; one tells two classes apart, by its sign.
        model: Its name, for messages.

    Raises:
        ValueError: The labels do not tell which they are, or there are too many.
    """
    count, found = max(outputs, 2), set(labels)
    if count > MOST_CLASSES:
        raise ValueError(f"a picture tells up to {MOST_CLASSES} classes apart, and {model} gives {outputs} numbers")
    if count == 2 and all(isinstance(label, bool) for label in found):
        return [False, True]
    if found <= set(range(count)):
        return list(range(count))
    if count == 2 and found <= {-1, 1}:
        return [-1, 1]
    if len(found) != count:
        how = "two classes apart, by the sign of its number" if outputs == 1 else f"{count} classes apart"
        raise ValueError(
            f"{model} tells {how}, and y has {len(found):,} different labels, {reprlib.repr(ordered(labels))}: they "
            f"must be as many, or of the integers from 0 to {count - 1}"
        )
    return ordered(labels)


def ordered(labels: Iterable[Hashable]) -> list[Hashable]:
    """Return the different labels in ascending order or, where they have none, in that of the points."""
    different = list(dict.fromkeys(labels))
    try:
        return sorted(different)  # type: ignore[type-var]
    except TypeError:
        return different


def class_name(label: Hashable) -> str:
    """Return how a class is called in a legend, in which matplotlib leaves out what begins with an underscore."""
    name = str(label)
    name = repr(label) if name.startswith("_") or not name.strip() else name
    name = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
    return name.replace("$", r"\$")
