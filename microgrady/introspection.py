"""What an operation says of itself: its documentation and its signature, each in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class OfEach:
    """An attribute that a class has and each of its instances has in its own way."""

    def __init__(self, compute: Callable[[Any], Any], of_class: Any = None) -> None:
        self.compute = compute
        self.of_class = of_class

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is not None:
            return self.compute(instance)
        if self.of_class is None:
            raise AttributeError
        return self.of_class


def documentation(entry: Any) -> str:
    """What `help` says of an operation."""
    operands = ", ".join(str(parameter) for parameter in signature(entry).parameters.values())
    sign = f"{entry.symbol}(x)" if entry.symbol.isidentifier() else f"{entry.symbol}x"
    written = sign if len(entry.rules) == 1 else f"a {entry.symbol} b"
    text = str(getattr(entry.evaluate, "__doc__", None) or f"{written}.").strip()
    return (
        f"{entry.name}({operands}): {text}\n\n"
        "It takes Values, real numbers and NumPy arrays, and gives a Value, a float or an array. Its derivatives are "
        "the functions in its `rules`."
    )


def signature(entry: Any) -> Any:
    """The `inspect.Signature` of an operation."""
    import inspect  # when it is asked for: help is not needed to calculate

    if entry.variadic is not None:
        return inspect.Signature([inspect.Parameter("operands", inspect.Parameter.VAR_POSITIONAL)])
    names = ["x"] if len(entry.rules) == 1 else ["a", "b"]
    try:
        own = list(inspect.signature(entry.evaluate).parameters)
    except (TypeError, ValueError):  # of a built-in function that does not say
        own = []
    if len(own) == len(names):
        names = own
    return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names])
