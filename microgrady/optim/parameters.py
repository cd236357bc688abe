"""Which leaf Values an optimiser, or who clips gradients, is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from microgrady.inputs import describe
from microgrady.trees import flatten
from microgrady.value import Value


def leaves_of(params: Any, whose: str) -> list[Value]:
    """Return the leaf Values in `params`, each once, in the order in which they come.

    Args:
        params: A Module, or anything with a method `parameters` as one; or Values nested in lists, tuples, dicts,
            arrays and registered classes.
        whose: Who asks, for the message.

    Raises:
        TypeError: There is something else in it.
        ValueError: There is no Value in it, or one that is a result.
    """
    found, names = _numbers_in(params, whose)
    values = [thing for thing in found if isinstance(thing, Value)]
    leaves = list(dict(zip(map(id, values), values, strict=True)).values())
    for value in leaves:
        if value.op is not None:
            place = next(position for position, thing in enumerate(found) if thing is value)
            raise ValueError(
                f"{whose} takes leaves, but {names(place)} is a result, of {value.op.name}, and follows from its "
                "operands: give the leaves that it is calculated from"
            )
    if not leaves:
        there = f"only numbers, such as {found[0]!r}: make Values of those that are to change" if found else "none"
        raise ValueError(f"{whose} needs parameters, which are leaf Values, but there are {there}")
    return leaves


def _numbers_in(params: Any, whose: str) -> tuple[list[Any], Callable[[int], str]]:
    """Return what stands where parameters may stand, and a function that names one of them by its position."""
    listed = _listed_by(params)
    if listed is not None:
        for name, thing in listed:
            if not isinstance(thing, Value):
                raise TypeError(f"{whose} takes microgrady's Values, but {name} is {describe(thing)}")
        return [thing for _, thing in listed], lambda position: listed[position][0]
    if isinstance(params, Iterator):
        params = list(params)
    if type(params) in (int, float):
        raise TypeError(
            f"{whose} takes parameters first, which are leaf Values, not {describe(params)}: "
            "write lr=... where it is the learning rate"
        )
    found, structure = flatten(params, "params")
    return found, lambda position: structure.leaf_names("params")[position]


def _listed_by(model: Any) -> list[tuple[str, Any]] | None:
    """Return what a model lists as its parameters, with their names; None for something else than a model."""
    for name in ("named_parameters", "parameters"):
        method = getattr(model, name, None)
        if callable(method):
            found = list(method())
            return (
                found if name == "named_parameters" else [(f"parameters()[{k}]", each) for k, each in enumerate(found)]
            )
    return None
