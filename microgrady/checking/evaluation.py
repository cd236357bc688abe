"""A function that somebody wrote, called on plain numbers, and on Values where it does not take those."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from microgrady.containers import Misfit
from microgrady.inputs import describe, is_array, is_number
from microgrady.protocols import is_refused_power
from microgrady.trees import NUMBER, Structure, array_of, collect, flatten
from microgrady.value import Value

Result = TypeVar("Result")
Message = Callable[[Exception], str]

# What Python's own numbers raise outside of the domain of a function. Anything else is a mistake in it.
OUTSIDE = (ValueError, ZeroDivisionError, OverflowError, FloatingPointError)


def evaluate(
    function: Callable[..., Any],
    numbers: Sequence[float],
    read: Callable[[Any], Result],
    build: Callable[[Sequence[Any]], tuple[Any, ...]] = tuple,
    message: Message | None = None,
) -> Result:
    """Return what `function` gives for plain numbers, or for Values if it raises for these or does not give a number.

    Plain numbers are fast, and the engine has no part in what they give. But where Values are inf or nan, Python's
    numbers raise or become complex, and they lack the methods of Values.

    Args:
        function: What to call.
        numbers: The point, in floats.
        read: Takes what the function returned, and raises if that will not do.
        build: Makes the arguments of the numbers, afresh for each call, since the function may change them.
        message: Returns a sentence that says which error the function raises, and where; None if nobody reads it.

    Returns:
        What `read` made of the result.

    Raises:
        ValueError: `function` raises what Python's numbers raise outside of a domain.
        Exception: whatever else `function` or `read` raises, for Values if the function is written for these,
            otherwise for plain numbers.
    """
    try:
        return read(_call(function, build(numbers), message))
    except Exception as for_numbers:
        try:
            return read(_call(function, build([Value(number) for number in numbers]), message))
        except Exception as for_values:
            if _is_written_for_values(for_numbers, for_values) or is_refused_power(for_values):
                raise for_values from for_values.__cause__
        raise


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], message: Message | None) -> Any:
    if message is None:
        return function(*arguments)
    try:
        return function(*arguments)
    except Exception as error:
        if type(error) in OUTSIDE:  # the name of a class of one's own would be lost
            raise ValueError(f"{message(error)}: {error}") from error
        error.add_note(message(error))
        raise


def _is_written_for_values(for_numbers: Exception, for_values: Exception) -> bool:
    """Return whether a function that raised both goes wrong at another place than where it needs Values."""
    if isinstance(for_numbers, AttributeError):
        return isinstance(for_numbers.obj, float) or is_array(for_numbers.obj)
    return isinstance(for_numbers, TypeError) and not isinstance(for_values, (TypeError, AttributeError))


def without_warnings() -> contextlib.AbstractContextManager[object]:
    """Silence NumPy's warnings of nan and inf, in a `with` that calls functions which may use it."""
    numpy = sys.modules.get("numpy")
    return contextlib.nullcontext() if numpy is None else numpy.errstate(all="ignore")


def plain_number(thing: Any) -> float | None:
    """Return `thing` as a float if it is a real number, of whatever library, or a Value; else None."""
    if type(thing) is float:
        return thing
    if isinstance(thing, Value):
        return thing.data
    if not is_number(thing):
        if hasattr(thing, "tolist"):  # an array, which is a number if it has no dimensions
            return plain_number(thing.tolist()) if getattr(thing, "shape", None) == () else None
        if not hasattr(type(thing), "__float__"):
            return None
    try:
        return float(thing)
    except OverflowError:  # an int or a fraction
        return math.inf if thing > 0 else -math.inf
    except Exception:  # an expression of symbols, say
        return None


def plain(tree: Any, what: str, none: bool = False) -> tuple[list[float], Structure]:
    """Return the numbers in a nested structure in floats, whatever library its numbers and arrays are of.

    Args:
        tree: What was returned or claimed.
        what: What it is, for the message.
        none: Whether None may stand among the numbers.

    Returns:
        The numbers, and the structure, which tells where they stand.

    Raises:
        TypeError: Something in it is not a real number.
    """
    numbers, structure = flatten(tree, what, _read, none)
    return [number.data if isinstance(number, Value) else number for number in numbers], structure


def _read(thing: Any) -> tuple[list[Any], Structure]:
    """Read a number, or those in an array, of whatever library."""
    number = plain_number(thing)
    if number is not None:
        return [number], NUMBER
    if not hasattr(thing, "tolist") or isinstance(thing, type):
        raise Misfit("{} must be a real number or a nested structure of real numbers, not " + describe(thing))
    numbers: list[Any] = []
    nested = collect(thing.tolist(), numbers, _read, anew=False)
    shape = tuple(getattr(thing, "shape", (len(numbers),)))
    return numbers, array_of(shape) if math.prod(shape) == len(numbers) else nested
