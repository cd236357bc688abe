"""The samples that a model is trained on: read, checked, and in the order in which kernels like them."""

from __future__ import annotations

from typing import Any

import numpy

from microgrady.data.arguments import transposed_hint
from microgrady.inputs import as_number, describe

Array = numpy.ndarray[Any, Any]


class Samples:
    """Inputs and targets of a model.

    Both are float64, and the numbers of all samples in one place of an input stand side by side in memory. So a
    kernel reads vectors of samples, and a slice of samples is a view.

    Args:
        inputs: An array with the samples along the first axis.
        targets: One with theirs, in the same order.

    Attributes:
        inputs: The inputs, in that order.
        targets: The targets, in that order.
    """

    def __init__(self, inputs: Array, targets: Array) -> None:
        self.inputs = numpy.asfortranarray(inputs, numpy.float64)
        self.targets = numpy.asfortranarray(targets, numpy.float64)

    def __len__(self) -> int:
        """Return how many samples there are."""
        return len(self.inputs)

    def at(self, sample: int) -> tuple[Any, Any]:
        """Return the input and the target of one sample: floats, or arrays."""
        return _entry(self.inputs, sample), _entry(self.targets, sample)

    def take(self, order: Array) -> Samples:
        """Return samples in an order."""
        return Samples(self.inputs[order], self.targets[order])

    def copy_into(self, other: Samples, order: Array) -> None:
        """Write the samples into as many others, in an order."""
        for source, target in ((self.inputs, other.inputs), (self.targets, other.targets)):
            # In this shape both are C-contiguous, which NumPy copies row by row.
            numpy.take(source.T, order, axis=-1, out=target.T, mode="clip")

    def with_columns(self) -> Samples:
        """Return the samples with inputs that are arrays of one number where they are numbers."""
        return Samples(self.inputs.reshape(-1, 1), self.targets)

    def with_single_targets(self) -> Samples:
        """Return the samples with targets that are numbers where they are arrays of one."""
        return Samples(self.inputs, self.targets.reshape(-1))


def _entry(array: Array, sample: int) -> Any:
    return float(array[sample]) if array.ndim == 1 else numpy.ascontiguousarray(array[sample])


def read_samples(X: Any, y: Any, of: str = "") -> Samples:
    """Return the samples in arrays, lists, Series or DataFrames.

    Args:
        X: The inputs, one sample a row.
        y: The targets, one sample a row.
        of: What messages say behind these names, such as " of the validation".

    Raises:
        TypeError: One of them is not made of real numbers.
        ValueError: They differ in length, there are no samples, rows differ in length, or a number is not finite.
    """
    inputs, targets = _numbers(X, f"X{of}"), _numbers(y, f"y{of}")
    if len(inputs) != len(targets):
        raise ValueError(
            f"X{of} has {_counted(len(inputs))} and y{of} {_counted(len(targets))}: they belong together"
            f"{transposed_hint(inputs, targets)}"
        )
    if not len(inputs):
        raise ValueError(f"X{of} has no samples")
    if not inputs.size:
        raise ValueError(f"X{of} has samples without numbers in them: its shape is {inputs.shape}")
    _require_finite(inputs, X, f"X{of}")
    _require_finite(targets, y, f"y{of}")
    return Samples(inputs, targets)


def _counted(samples: int) -> str:
    return "1 sample" if samples == 1 else f"{samples} samples"


def _numbers(given: Any, name: str) -> Array:
    """Return an array of floats, with the samples along its first axis."""
    if numpy.ma.isMaskedArray(given):
        raise TypeError(
            f"{name} is a masked array, whose mask nobody would ask for: leave such samples out, or fill it"
        )
    try:
        array = numpy.asarray(given)
    except ValueError:
        raise ValueError(f"the rows of {name} differ in length") from None
    except Exception as error:
        raise TypeError(f"no array can be made of {name}, a {type(given).__name__}: {error}") from error
    if not array.ndim:
        raise TypeError(f"{name} must be an array, a list or a DataFrame with one sample a row, not {describe(given)}")
    if array.dtype == object:
        entries = [_number(entry, position, array, given, name) for position, entry in enumerate(array.flat)]
        return numpy.array(entries, numpy.float64).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        hint = "; number the classes 0, 1, 2, ..." if name.startswith("y") else ""
        raise TypeError(f"{name} must be made of real numbers, not of {array.dtype}{hint}")
    return array.astype(numpy.float64, copy=False)


def _number(entry: Any, position: int, array: Array, given: Any, name: str) -> float:
    try:
        number = as_number(entry)
    except OverflowError as error:
        raise OverflowError(f"{name} has {_place(position, array, given)} {error}") from None
    if number is None:
        what = describe(entry) if entry is not None else "None"
        raise TypeError(f"{name} must be made of real numbers, and has {what} {_place(position, array, given)}")
    return number


def _require_finite(array: Array, given: Any, name: str) -> None:
    """Refuse a nan or an infinity, and say where the first one is."""
    strange = ~numpy.isfinite(array)
    if strange.any():
        position = int(strange.argmax())
        number = array.flat[position]
        raise ValueError(f"{name} has {number:g} {_place(position, array, given)}: leave such samples out, or fill it")


def _place(position: int, array: Array, given: Any) -> str:
    """Return where an entry is, in words."""
    row, *others = map(int, numpy.unravel_index(position, array.shape))
    if not others:
        return f"in row {row}"
    columns = getattr(given, "columns", None)
    if len(others) > 1:
        return f"in row {row}, at {tuple(others)}"
    return f"in row {row}, column {others[0] if columns is None else repr(columns[others[0]])}"
