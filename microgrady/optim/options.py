"""What the options of optimisers and schedules may be."""

from __future__ import annotations

import math
from collections.abc import Set
from typing import Any

from microgrady.inputs import describe, require_number


def finite(thing: Any, what: str) -> float:
    """Return a finite number.

    Raises:
        TypeError: It is not a real number; the message says that `what` must be one.
        ValueError: It is not finite.
    """
    number = require_number(thing, what)
    if not math.isfinite(number):
        raise ValueError(f"{what} must be a finite number, not {number!r}")
    return number


def not_negative(thing: Any, what: str) -> float:
    """Return a finite number of 0 or more."""
    number = finite(thing, what)
    if number < 0.0:
        raise ValueError(f"{what} must not be negative, but is {number!r}")
    return number


def share(thing: Any, what: str) -> float:
    """Return a number from 0 to 1."""
    number = finite(thing, what)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{what} must be a number from 0 to 1, not {number!r}")
    return number


def two_decays(thing: Any, what: str) -> tuple[float, float]:
    """Return two numbers from 0 on, less than 1."""
    if not isinstance(thing, (tuple, list)) or len(thing) != 2:
        raise TypeError(f"{what} must be two numbers, such as (0.9, 0.999), not {describe(thing)}")
    first, second = (share(each, f"{what}[{place}]") for place, each in enumerate(thing))
    for place, number in enumerate((first, second)):
        if number == 1.0:
            raise ValueError(f"{what}[{place}] must be less than 1: with 1.0 no gradient would ever count")
    return first, second


def flag(thing: Any, what: str) -> bool:
    """Return True or False."""
    if not isinstance(thing, bool):
        raise TypeError(f"{what} must be True or False, not {describe(thing)}")
    return thing


def whole(thing: Any, what: str, least: int) -> int:
    """Return a whole number."""
    number = finite(thing, what)
    if number != int(number) or number < least:
        raise ValueError(f"{what} must be a whole number of at least {least}, not {thing!r}")
    return int(number)


def choice(thing: Any, what: str, choices: tuple[str, ...]) -> str:
    """Return one of a few words."""
    if thing not in choices:
        raise ValueError(f"{what} must be {' or '.join(map(repr, choices))}, not {describe(thing)}")
    return str(thing)


def require_names(found: Any, wanted: Set[str], what: str, optional: Set[str] = frozenset()) -> None:
    """Raise if a dict of a saved state has not the wanted names, and the optional ones at most.

    Raises:
        TypeError: It is not a dict.
        ValueError: Names are unknown or missing; the message says which.
    """
    if not isinstance(found, dict):
        raise TypeError(f"{what} must be a dict, not {describe(found)}")
    for names, reproach in ((found.keys() - wanted - optional, "has unknown"), (wanted - found.keys(), "lacks")):
        if names:
            raise ValueError(f"{what} {reproach} {', '.join(sorted(map(repr, names)))}")
