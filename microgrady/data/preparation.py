"""What is done with samples before a network learns from them, and while it does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.data.arguments import as_samples, numpy, random_numbers, require_count, require_within
from microgrady.inputs import describe
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import RandomState
    from numpy.typing import NDArray

    Array = NDArray[Any]


@entrance
def split(
    X: Any,
    y: Any,
    fraction: float = 0.2,
    seed: int | None = 0,
    stratify: Any = None,
) -> tuple[Array, Array, Array, Array]:
    """Divide samples at random into those to learn from and those to test with, in scikit-learn's order.

    Args:
        X: Samples, an array with one row each.
        y: What is to be predicted, an array with one row for each sample.
        fraction: The part of the samples to test with, between 0 and 1; what is not whole is rounded up.
        seed: The same whole number divides them the same way; None does it in another way each time. Without
            `stratify` it is the way of scikit-learn's `train_test_split(X, y, test_size=fraction, random_state=seed)`.
        stratify: Classes, one for each sample, that are to have the same share in both parts, as far as they can be
            divided; True for those in `y`. None: as it comes.

    Returns:
        X to learn from, X to test with, y to learn from, y to test with.

    Raises:
        TypeError: An argument is of another type.
        ValueError: X and y have different lengths, `fraction` is not between 0 and 1, or a part would be empty;
            a class of `stratify` is nan, or has a single sample.
        ImportError: NumPy is not installed.

    Example:
        >>> import microgrady as mg
        >>> X, y = mg.data.moons(100)
        >>> X_train, X_test, y_train, y_test = split(X, y, fraction=0.3, stratify=True)
        >>> X_train.shape, X_test.shape, int(y_train.sum()), int(y_test.sum())
        ((70, 2), (30, 2), 35, 15)
    """
    samples, targets = as_samples(X, y)
    fraction = require_within(fraction, "fraction", 0.0, 1.0, "between 0 and 1")
    n = len(samples)
    held_out = math.ceil(fraction * n)
    if held_out == n:
        raise ValueError(f"with fraction={fraction} none of {n} samples would be left to learn from")
    random = random_numbers(seed)
    if stratify is None or stratify is False:
        order = random.permutation(n)
        test, train = order[:held_out], order[held_out:]
    else:
        test, train = _stratified(targets if stratify is True else numpy().asarray(stratify), n, held_out, random)
    return samples[train], samples[test], targets[train], targets[test]


def _stratified(classes: Array, n: int, held_out: int, random: RandomState) -> tuple[Array, Array]:
    """Return which samples to test with and which to learn from, so that classes have the same shares in both."""
    np = numpy()
    if classes.shape != (n,):
        raise ValueError(f"stratify must have one class for each of {n} samples, but has the shape {classes.shape}")
    if classes.dtype.kind == "f" and np.isnan(classes).any():
        raise ValueError(f"the class of sample {int(np.isnan(classes).argmax())} in stratify is nan")
    labels, which, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    if sizes.min() < 2:
        raise ValueError(
            f"class {labels[sizes.argmin()]} of stratify has a single sample, which cannot be in both parts"
        )
    # Each class gives the whole part of its share, and those with the largest rest give one more.
    shares = sizes * held_out / n
    given = np.floor(shares).astype(int)
    order = np.argsort(given - shares, kind="stable")
    given[order[: held_out - given.sum()]] += 1
    members = [random.permutation(np.flatnonzero(which == label)) for label in range(len(labels))]
    test = np.concatenate([own[:count] for own, count in zip(members, given, strict=True)])
    train = np.concatenate([own[count:] for own, count in zip(members, given, strict=True)])
    return random.permutation(test), random.permutation(train)


@dataclass(frozen=True, eq=False, repr=False)
class Standardiser:
    """How data were standardised, so that the same can be done with others, and undone.

    Args:
        mean: What was subtracted: an array with a number for each column, or one number where the data had no columns.
        scale: By what the rest was divided: the standard deviation, or 1 for a column whose numbers are all the same.
    """

    mean: Any
    scale: Any

    def apply(self, X: Any) -> NDArray[np.float64]:
        """Return data of the same columns, standardised as the first ones were.

        Raises:
            TypeError: They are not numbers.
            ValueError: They have another number of columns, nan or an infinity.
        """
        result: NDArray[np.float64] = (self._checked(X) - self.mean) / self.scale
        return result

    def undo(self, X: Any) -> NDArray[np.float64]:
        """Return what the data were before they were standardised.

        Raises:
            TypeError: They are not numbers.
            ValueError: They have another number of columns, nan or an infinity.
        """
        result: NDArray[np.float64] = self._checked(X) * self.scale + self.mean
        return result

    def _checked(self, X: Any) -> Array:
        data = _finite(X)
        columns = self.mean.shape
        if columns and data.shape[-1:] != columns:
            raise ValueError(
                f"X must have {columns[0]} columns, as the data had that were standardised first, "
                f"but has the shape {data.shape}"
            )
        return data

    def __repr__(self) -> str:
        return f"Standardiser(mean={self.mean}, scale={self.scale})"


@entrance
def standardise(X: Any) -> tuple[NDArray[np.float64], Standardiser]:
    """Give each column the mean 0 and the standard deviation 1.

    Data to test with are to be treated as those to learn from were, whose mean alone is known: by `apply`.

    Args:
        X: An array (samples, columns), or (samples,), such as numbers to be predicted.

    Returns:
        The same in float64, standardised, and the `Standardiser` that did it: its `apply` does the same with other
        data, and its `undo` brings the original numbers back. A column whose numbers are all the same becomes 0.

    Raises:
        TypeError: X has something else than numbers.
        ValueError: X has no samples, nan or an infinity, or more than two dimensions.
        ImportError: NumPy is not installed.

    Example:
        >>> X, scaling = standardise([[1.0, 10.0], [3.0, 30.0]])
        >>> X.tolist(), scaling.apply([[2.0, 40.0]]).tolist(), scaling.undo([[1.0, 1.0]]).tolist()
        ([[-1.0, -1.0], [1.0, 1.0]], [[0.0, 2.0]], [[3.0, 30.0]])
    """
    np = numpy()
    data = _finite(X)
    if data.ndim not in (1, 2) or len(data) == 0:
        raise ValueError(f"X must be an array (samples, columns) or (samples,), but has the shape {data.shape}")
    same = data.max(axis=0) == data.min(axis=0)
    mean = np.where(same, data[0], data.mean(axis=0))  # rounded, the mean of equal numbers can be another one
    largest = np.where(same, 1.0, np.abs(data - mean).max(axis=0))
    deviation = largest * np.sqrt((((data - mean) / largest) ** 2).mean(axis=0))  # squares neither overflow nor vanish
    scale = np.where(same, 1.0, deviation)
    standardiser = Standardiser(mean, scale)
    return standardiser.apply(data), standardiser


def _finite(X: Any) -> Array:
    """Return an array of float64, in which there is neither nan nor an infinity."""
    np = numpy()
    try:
        given = np.asarray(X)
        data = given.astype(np.float64, copy=False) if given.dtype.kind in "biufO" else None
    except (OverflowError, TypeError, ValueError) as error:
        raise TypeError(f"X must be an array of numbers, not {describe(X)}") from error
    if data is None:  # of text, or of complex numbers, which NumPy makes floats of
        raise TypeError(f"X must be an array of numbers, not {describe(X)}")
    bad = np.argwhere(~np.isfinite(data))
    if len(bad):
        place = tuple(bad[0].tolist())
        raise ValueError(f"X{list(place) if place else ''} is {data[place]}, which has no place in a mean")
    return data  # type: ignore[no-any-return]


@entrance
def batches(
    X: Any,
    y: Any,
    batch_size: int,
    seed: int | None = 0,
    shuffle: bool = True,
) -> Iterator[tuple[Array, Array]]:
    """Divide samples into batches, for one pass over them.

    Args:
        X: Samples, an array with one row each.
        y: What is to be predicted, an array with one row for each sample.
        batch_size: How many samples are in a batch; the last one has what is left.
        seed: The same whole number gives the same order; None gives another one each time. Give each epoch its own.
        shuffle: Whether samples are put in random order; else they stay in the order that they have.

    Returns:
        An iterator over pairs of a part of X and the same part of y.

    Raises:
        TypeError: An argument is of another type.
        ValueError: X and y have different lengths, or `batch_size` is below 1.
        ImportError: NumPy is not installed.

    Example:
        >>> [y.tolist() for X, y in batches([[1.0], [2.0], [3.0]], [1, 2, 3], 2, shuffle=False)]
        [[1, 2], [3]]
        >>> [y.tolist() for epoch in range(2) for X, y in batches([[1.0], [2.0], [3.0]], [1, 2, 3], 2, seed=epoch)]
        [[3, 2], [1], [1, 3], [2]]
    """
    samples, targets = as_samples(X, y)
    size = require_count(batch_size, 1, "batch_size")
    if not isinstance(shuffle, bool):
        raise TypeError(f"shuffle must be True or False, not {describe(shuffle)}")
    random = random_numbers(seed)
    if shuffle:
        order = random.permutation(len(samples))
        samples, targets = samples[order], targets[order]
    starts = range(0, len(samples), size)
    return ((samples[start : start + size], targets[start : start + size]) for start in starts)
