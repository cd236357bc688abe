"""Points in the plane, of classes that no straight line divides.

Each of them gives the same numbers on all machines: points are rounded to nine decimals, as the cosines and logarithms
of two C libraries can differ in the last bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from microgrady.data.arguments import numpy, random_numbers, require_count, require_within
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Points = tuple[NDArray[np.float64], NDArray[np.int64]]

DECIMALS = 9


@entrance
def moons(n: int = 100, noise: float = 0.1, seed: int | None = 0) -> Points:
    """Two half circles that reach into each other: scikit-learn's `make_moons(n, noise=noise, random_state=seed)`.

    Args:
        n: How many points, at least 2.
        noise: The standard deviation of the normal noise in each coordinate; 0 for none.
        seed: The same whole number gives the same points; None gives others each time.

    Returns:
        The points, an array (n, 2) of float64, and their classes, an array (n,) of 0 and 1. They are shuffled.

    Raises:
        TypeError: An argument is of another type.
        ValueError: n is too small, noise negative, or seed not from 0 to 2**32 - 1.
        ImportError: NumPy is not installed.

    Example:
        >>> X, y = moons(4, noise=0.0)
        >>> X.tolist(), y.tolist()
        ([[0.0, 0.5], [2.0, 0.5], [-1.0, 0.0], [1.0, 0.0]], [1, 1, 0, 0])
    """
    n = require_count(n, 2, "n: one for each moon")
    np = numpy()
    first = np.linspace(0.0, math.pi, n // 2)
    second = np.linspace(0.0, math.pi, n - n // 2)
    upper = np.column_stack([np.cos(first), np.sin(first)])
    lower = np.column_stack([1.0 - np.cos(second), 0.5 - np.sin(second)])
    return _shuffled([upper, lower], noise, seed)


@entrance
def rings(n: int = 100, noise: float = 0.05, seed: int | None = 0, *, factor: float = 0.5) -> Points:
    """A ring around a smaller one: scikit-learn's `make_circles(n, noise=noise, random_state=seed, factor=factor)`.

    Args:
        n: How many points, at least 2.
        noise: As for `moons`.
        seed: As for `moons`.
        factor: The radius of the inner ring, between 0 and 1; that of the outer one is 1.

    Returns:
        The points (n, 2), and their classes (n,): 0 in the outer ring, 1 in the inner one.

    Raises:
        TypeError: As for `moons`.
        ValueError: As for `moons`, or factor is not between 0 and 1.
        ImportError: NumPy is not installed.

    Example:
        >>> X, y = rings(200, noise=0.0)
        >>> sorted({float(round(radius, 6)) for radius in (X**2).sum(axis=1) ** 0.5})
        [0.5, 1.0]
    """
    n = require_count(n, 2, "n: one for each ring")
    factor = require_within(factor, "factor", 0.0, 1.0, "between 0 and 1")
    return _shuffled([_circle(n // 2), _circle(n - n // 2) * factor], noise, seed)


@entrance
def spiral(n: int = 300, noise: float = 0.05, seed: int | None = 0, *, classes: int = 3, turns: float = 0.75) -> Points:
    """Arms that wind out from the origin, a class each.

    Args:
        n: How many points, at least one for each class. Where they cannot be divided, the first arms have one more.
        noise: As for `moons`.
        seed: As for `moons`.
        classes: How many arms, at least 2.
        turns: How many times an arm goes round, from the origin to its end at radius 1.

    Returns:
        The points (n, 2), and their classes (n,): 0, 1, and so on.

    Raises:
        TypeError: As for `moons`.
        ValueError: As for `moons`, there are fewer than 2 classes, or turns is not positive.
        ImportError: NumPy is not installed.

    Example:
        >>> X, y = spiral(10, classes=3)
        >>> X.shape, sorted(y.tolist())
        ((10, 2), [0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    """
    classes = require_count(classes, 2, "classes")
    n = require_count(n, classes, "n: one for each class")
    turns = require_within(turns, "turns", 0.0, math.inf, "positive")
    np = numpy()
    arms = []
    for arm in range(classes):
        radius = np.linspace(0.0, 1.0, n // classes + (arm < n % classes))
        angle = 2.0 * math.pi * (arm / classes + turns * radius)
        arms.append(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    return _shuffled(arms, noise, seed)


@entrance
def xor(n: int = 100, noise: float = 0.1, seed: int | None = 0) -> Points:
    """Points at the corners of the unit square, whose class is 1 where one coordinate is 1 and the other is not.

    Args:
        n: How many points, at least one for each of the 4 corners.
        noise: As for `moons`.
        seed: As for `moons`.

    Returns:
        The points (n, 2), and their classes (n,): 0 at (0, 0) and (1, 1), 1 at (0, 1) and (1, 0).

    Raises:
        TypeError: As for `moons`.
        ValueError: As for `moons`.
        ImportError: NumPy is not installed.

    Example:
        >>> X, y = xor(4, noise=0.0)
        >>> sorted(zip(X.tolist(), y.tolist()))
        [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)]
    """
    n = require_count(n, 4, "n: one for each corner")
    np = numpy()
    corner = np.arange(n) % 4
    points = np.column_stack([corner // 2, corner % 2]).astype(np.float64)
    different = points[:, 0] != points[:, 1]
    return _shuffled([points[~different], points[different]], noise, seed)


def _circle(n: int) -> Any:
    """Return points on the unit circle, at equal distances."""
    np = numpy()
    angle = np.linspace(0.0, 2.0 * math.pi, n, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _shuffled(classes: list[Any], noise: float, seed: int | None) -> Points:
    """Return the points of all classes in random order, with noise, and which class each is of."""
    np = numpy()
    noise = require_within(noise, "noise", 0.0, math.inf, "at least 0 and finite")
    random = random_numbers(seed)
    points = np.concatenate(classes)
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(each) for each in classes])
    order = np.arange(len(points))
    random.shuffle(order)
    points, labels = points[order], labels[order]
    if noise:
        points += random.normal(scale=noise, size=points.shape)
    with np.errstate(over="ignore", invalid="ignore"):  # where the noise is beyond all reason
        points = np.round(points, DECIMALS)
    return points + 0.0, labels  # + 0.0: a zero has no sign
