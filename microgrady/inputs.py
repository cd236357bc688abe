"""What counts as a number or an array, and how messages describe what came instead."""

from __future__ import annotations

import numbers
import reprlib
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from microgrady.comparisons import Undecided, is_condition, number_of
from microgrady.later import ask

if TYPE_CHECKING:
    from types import ModuleType

FLOAT_DIGITS = 17  # significant decimal digits, which tell every float from every other

# For messages about Values that were to become floats.
FLOAT_ARRAY_HINT = (
    "write mg.array(np.zeros(n)), np.zeros(n, dtype=object) or np.zeros_like(x) for an array that is to hold Values, "
    "and mg.detach(...) for the floats of a Value, an array or a nested structure"
)


def describe(thing: object) -> str:
    """Return the type of `thing` and a short form of it, for a message."""
    return f"{type(thing).__name__} ({reprlib.repr(thing)})"


def require_function(caller: str, thing: object, hint: str = "") -> None:
    """Refuse what is not a function, such as the result of one."""
    if not callable(thing):
        if type(thing).__name__ == "Value":
            hint = ": a Value is what a function returns; give the function itself, such as lambda x: x * x"
        raise TypeError(f"{caller} takes a function, not {describe(thing)}{hint}")


def require_precision(precision: object) -> None:
    """Refuse what is not a number of significant digits, with which numbers can be written.

    Raises:
        ValueError: It is not an int from 1 to 17.
    """
    if not isinstance(precision, int) or isinstance(precision, bool) or not 1 <= precision <= FLOAT_DIGITS:
        raise ValueError(f"precision is an int from 1 to {FLOAT_DIGITS}, not {precision!r}")


def is_number(thing: object) -> bool:
    """Return whether `thing` is a real number of Python or NumPy. A Value is not one."""
    kind = type(thing)
    return kind is float or isinstance(thing, numbers.Real) or (kind.__module__, kind.__name__) in NUMPY_BOOLS


NUMPY_BOOLS = {("numpy", "bool"), ("numpy", "bool_")}  # NumPy's other scalars say themselves that they are Real


def is_whole(thing: object) -> bool:
    """Return whether `thing` is a whole number of Python or NumPy, such as a size. True and False are not."""
    return isinstance(thing, numbers.Integral) and not isinstance(thing, bool)


def as_number(thing: Any) -> float | None:
    """Return `thing` as a float if it is a real number of Python or NumPy, else None.

    Raises:
        OverflowError: it is a number beyond the largest float.
    """
    if not is_number(thing):
        return None
    try:
        return float(thing)
    except OverflowError:
        kind = type(thing).__name__
        raise OverflowError(f"a number of type {kind} is too large for a float, which ends at 1.8e308") from None


def same_numbers(these: Iterable[float], those: Iterable[float]) -> bool:
    """Return whether all numbers are equal, each to the one in its place; nan counts as equal to nan."""
    return all(a == b or (a != a and b != b) for a, b in zip(these, those, strict=True))


def comparable(thing: Any) -> Any:
    """Return a number with which Python compares a float exactly; None for what is not a real number.

    NumPy would compare a float in the other's precision: 1e300 and infinity are equal in float32.
    """
    kind = type(thing)
    if kind is float or kind is int:
        return thing
    if kind.__module__ == "numpy" and is_number(thing):
        return int(thing) if isinstance(thing, numbers.Integral) else float(thing)
    if (kind.__module__, kind.__name__) == ("decimal", "Decimal"):
        from fractions import Fraction

        return Fraction(thing) if thing.is_finite() else float(thing)  # else a comparison with nan would raise
    return thing if is_number(thing) else None


def require_number(thing: object, what: str) -> float:
    """Return `thing` as a float.

    Raises:
        TypeError: `thing` is not a real number; the message says that `what` must be one.
    """
    number = float(bool(thing)) if is_condition(thing) else as_number(thing)
    if number is None:
        hint = ": take its .data" if type(thing).__name__ == "Value" else ""
        raise TypeError(f"{what} must be a real number, not {describe(thing)}{hint}")
    return number


def require_numpy(what: str) -> ModuleType:
    """Return NumPy.

    Raises:
        ImportError: It is not installed; the message says that `what` needs it, and how it is installed.
    """
    try:
        import numpy
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise ImportError(f'{what} needs NumPy: pip install "microgrady[numpy]"') from None
    return numpy


def is_array(thing: object) -> bool:
    """Return whether `thing` is a NumPy array, one without dimensions included; NumPy's scalars are not arrays."""
    array = getattr(sys.modules.get("numpy"), "ndarray", None)  # no array exists before somebody has imported all of it
    return array is not None and isinstance(thing, array)


def is_iterable(thing: object) -> bool:
    """Return whether there are things in `thing`, as in a list: an array without dimensions is one number."""
    return isinstance(thing, Iterable) and getattr(thing, "shape", None) != ()


def is_dask_array(thing: object) -> bool:
    """Return whether `thing` is an array of Dask's, in blocks that are computed when they are asked for."""
    array = getattr(sys.modules.get("dask.array"), "Array", None)
    return array is not None and isinstance(thing, array)


def map_arrays(function: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """Apply `function` element by element, with broadcasting.

    Returns:
        A float64 array, or an array of Values if not all results are floats.
    """
    return ask("arrays").mapped(function, operands)


def on_arrays(entry: Any, operands: tuple[Any, ...], stranger: object) -> Any:
    """Apply an operation to operands of which some are arrays, or conditions.

    Raises:
        TypeError: None of them is, and `stranger` is not a number either.
    """
    if any(isinstance(operand, Undecided) for operand in operands):
        return entry(*map(number_of, operands))
    if any(map(is_array, operands)):
        return map_arrays(entry, operands)
    hint = f": write [mg.{entry.name}(v) for v in ...], or mg.array([...])" if type(stranger) in (list, tuple) else ""
    raise TypeError(f"{entry.name} takes Values, real numbers and NumPy arrays, not {describe(stranger)}{hint}")


def comparand(thing: Any, symbol: str) -> Any:
    """Return a number to compare with; None for a type that may know itself what to do with a Value."""
    number = comparable(thing)
    if number is None:
        require_foreign(thing, symbol)
    return number


def require_foreign(thing: object, symbol: str) -> None:
    """Raise for what is neither a number nor of a type that may know itself what to do with a Value.

    Raises:
        TypeError: `thing` is one of Python's own, and none of them takes a Value; `symbol` is the operator.
    """
    if type(thing).__module__ in ("builtins", "decimal"):
        raise TypeError(f"{symbol} takes Values and real numbers, not {describe(thing)}")
