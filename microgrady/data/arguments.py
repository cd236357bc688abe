"""What the functions of this package ask of their arguments, and where they get random numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from microgrady.inputs import as_number, describe, is_whole, require_numpy

if TYPE_CHECKING:
    from numpy.random import RandomState
    from numpy.typing import NDArray


def numpy() -> Any:
    """Return the module.

    Raises:
        ImportError: It is not installed.
    """
    return require_numpy("microgrady.data")


def random_numbers(seed: int | None) -> RandomState:
    """Return NumPy's older generator: of the newer one, another version may give other numbers for a seed."""
    if seed is not None and not (is_whole(seed) and 0 <= seed < 2**32):
        kind = ValueError if is_whole(seed) else TypeError
        raise kind(f"seed must be a whole number from 0 to 2**32 - 1, or None for another one each time, not {seed!r}")
    state: RandomState = numpy().random.RandomState(seed)
    return state


def require_count(number: object, least: int, what: str) -> int:
    """Return a whole number that is at least `least`; `what` says in messages what it is, and why not less."""
    if not is_whole(number):
        raise TypeError(f"{what.partition(':')[0]} must be a whole number, not {describe(number)}")
    if number < least:  # type: ignore[operator]
        name, _, why = what.partition(":")
        raise ValueError(f"{name} must be at least {least}{',' * bool(why)}{why}, not {number}")
    return int(number)  # type: ignore[call-overload, no-any-return]


def require_within(number: object, name: str, low: float, high: float, allowed: str) -> float:
    """Return a number from `low` to `high`, as a float; a bound belongs to it if `allowed` begins with its bracket."""
    found = as_number(number)
    if found is None:
        raise TypeError(f"{name} must be a number, not {describe(number)}")
    closed = allowed.startswith("at least")
    if not ((low <= found if closed else low < found) and found < high and math.isfinite(found)):
        raise ValueError(f"{name} must be {allowed}, not {number}")
    return found


def as_samples(X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both as arrays with one row a sample.

    Raises:
        ValueError: They are single numbers, of different lengths, or empty; or rows of one are of different lengths.
    """
    samples, targets = _rows(X, "X"), _rows(y, "y")
    if len(samples) != len(targets):
        raise ValueError(
            f"X has {len(samples)} samples and y has {len(targets)}: each needs one of the other"
            f"{transposed_hint(samples, targets)}"
        )
    if len(samples) == 0:
        raise ValueError("X and y have no samples")
    return samples, targets


def transposed_hint(samples: Any, targets: Any) -> str:
    """Return what a message says of an array that has as many samples as there are targets if it is transposed."""
    if samples.ndim != 2 or samples.shape[1] != len(targets):
        return ""
    return f"; X has the shape {samples.shape}, and transposed, X.T, as many samples as y"


def _rows(thing: Any, name: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = numpy().asarray(thing)
    except ValueError as error:
        raise ValueError(f"{name} must be an array, whose rows are of one length, not {describe(thing)}") from error
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array with one row a sample, not {describe(thing)}")
    return array
