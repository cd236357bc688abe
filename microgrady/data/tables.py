"""Tables that come with the package. A text beside each says what it is, where it is from, and its licence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.data.arguments import numpy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BRIGHTEST = 16.0  # of a pixel of `digits`


@dataclass(frozen=True, eq=False)
class Table:
    """What is known of samples, and a number to be predicted. It unpacks: `X, y = table`.

    Args:
        X: An array (samples, columns) of float64.
        y: An array (samples,) of float64: what is to be predicted.
        names: What the columns of X are.
        units: In what they are measured, in the same order.
        target: What y is.
        target_unit: In what it is measured.
        source: Where the numbers are from.
        licence: What may be done with them.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    names: tuple[str, ...]
    units: tuple[str, ...]
    target: str
    target_unit: str
    source: str
    licence: str

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        return iter((self.X, self.y))

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        columns = ", ".join(f"{name} ({unit})" for name, unit in zip(self.names, self.units, strict=True))
        return f"<table of {len(self)} samples: {self.target} ({self.target_unit}) by {columns}>"


def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Handwritten digits, 1,797 images of 8x8 pixels, as scikit-learn's `load_digits` has them, in its order.

    They are from E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository (1998), https://doi.org/10.24432/C50P49, under the licence CC BY 4.0.

    Returns:
        The images, an array (1797, 64) of float64 from 0 to 1, row by row (`X.reshape(-1, 8, 8)` has them as pictures),
        and the digits, an array (1797,) of whole numbers from 0 to 9. They may be changed: each call reads them anew.

    Raises:
        ImportError: NumPy is not installed.

    Example:
        >>> X, y = digits()
        >>> X.shape, y[:10].tolist()
        ((1797, 64), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        >>> for row in X[0].reshape(8, 8):
        ...     print("".join("-:o#"[int(3 * pixel)] for pixel in row))
        ---o:---
        --oo:o--
        --o--o:-
        --o--::-
        --:--::-
        --o--o:-
        --o-:o--
        --:o:---
    """
    np = numpy()
    with _file("digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return arrays["pixels"] / BRIGHTEST, arrays["digits"].astype(np.int64)


def auto_mpg() -> Table:
    """How far 392 cars of the years 1970 to 1982 go with a gallon of petrol: a table for regression.

    The numbers are from R. Quinlan, "Auto MPG", UCI Machine Learning Repository (1993),
    https://doi.org/10.24432/C5859H, under the licence CC BY 4.0, without the 6 cars whose power is not known.

    Returns:
        A `Table`: `X` (392, 6) and `y` (392,), the names of the columns and their units.

    Raises:
        ImportError: NumPy is not installed.

    Example:
        >>> table = auto_mpg()
        >>> table
        <table of 392 samples: mpg (miles per gallon) by cylinders (count), displacement (cubic inches), \
horsepower (hp), weight (lb), acceleration (s from 0 to 60 mph), year (since 1900)>
        >>> X, y = table
        >>> X[0].tolist(), float(y[0])
        ([8.0, 307.0, 130.0, 3504.0, 12.0, 70.0], 18.0)
    """
    rows = _file("auto_mpg.csv").read_text(encoding="ascii").splitlines()
    *names, target = rows[0].split(",")
    numbers = numpy().array([[float(number) for number in row.split(",")] for row in rows[1:]])
    return Table(
        X=numbers[:, :-1].copy(),
        y=numbers[:, -1].copy(),
        names=tuple(names),
        units=("count", "cubic inches", "hp", "lb", "s from 0 to 60 mph", "since 1900"),
        target=target,
        target_unit="miles per gallon",
        source='R. Quinlan, "Auto MPG", UCI Machine Learning Repository (1993), https://doi.org/10.24432/C5859H',
        licence="CC BY 4.0",
    )


def _file(name: str) -> Any:
    """Return a file of this package, which need not lie in a folder."""
    from importlib.resources import files

    return files("microgrady.data").joinpath(name)
