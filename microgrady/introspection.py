"""What functions say of themselves: their names and parameters, and how an operation documents itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import inspect


class Parameters(NamedTuple):
    """The names of a function's parameters.

    Attributes:
        by_position: Of those that have a position.
        only_by_name: Of those that have none.
        any_other: Whether it may take other names: it has a `**`, or does not tell its parameters.
    """

    by_position: list[str]
    only_by_name: list[str]
    any_other: bool


def name_of(function: object, default: str | None = None) -> str:
    """Return the name of a function, or else the default or, without one, that of its class."""
    names = (getattr(function, "__name__", None), getattr(function, "name", None), default)
    return next((name for name in names if name and isinstance(name, str)), type(function).__name__)


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return the signature of a function; None if it has none to tell, as some built-in ones."""
    import inspect  # when a signature is asked for: it is not needed to calculate

    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """Return the names of the parameters of a function: none if it does not tell them."""
    signature = signature_of(function)
    if signature is None:
        return Parameters([], [], True)
    found = signature.parameters.values()
    return Parameters(
        [one.name for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)],
        [one.name for one in found if one.kind is one.KEYWORD_ONLY],
        any(one.kind is one.VAR_KEYWORD for one in found),
    )


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
    """Return what `help` says of an operation."""
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
    """Return the `inspect.Signature` of an operation."""
    import inspect

    if entry.variadic is not None:
        return inspect.Signature([inspect.Parameter("operands", inspect.Parameter.VAR_POSITIONAL)])
    names = ["x"] if len(entry.rules) == 1 else ["a", "b"]
    own = signature_of(entry.evaluate)
    if own is not None and len(own.parameters) == len(names):
        names = list(own.parameters)
    return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names])
