"""What functions say of themselves, such as their names and parameters, and whose code is being executed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
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


def frame_outside(*packages: str) -> FrameType | None:
    """Return the nearest frame behind the caller's own that executes no code of these packages or modules."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and is_code_of(frame, *packages):
        frame = frame.f_back
    return frame


def is_code_of(frame: FrameType, *packages: str) -> bool:
    """Return whether a frame executes code of one of these packages or modules."""
    module = f"{frame.f_globals.get('__name__')}."
    return any(module.startswith(f"{package}.") for package in packages)


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


def takes_unpacked(function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Return whether a function takes what is in the sequence that it is given, and not the sequence."""
    signature = signature_of(function)
    if signature is None or len(args) != 1 or not isinstance(args[0], (list, tuple)):
        return False
    return not _fits(signature, args) and _fits(signature, args[0])


def _fits(signature: inspect.Signature, args: Sequence[Any]) -> bool:
    try:
        signature.bind(*args)
    except TypeError:
        return False
    return True


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


PRIMITIVE = """One operation: its name, its value, its derivative rules. Calling it applies it.

Made by `microgrady.primitive`, which explains the parts.
"""


def documentation(entry: Any) -> str:
    """Return what `help` says of an operation."""
    parameters = signature(entry).parameters
    call = f"{entry.name}({', '.join(map(str, parameters.values()))})"
    text = str(getattr(entry.evaluate, "__doc__", None) or "").strip()
    if not text and not entry.symbol.isidentifier():  # an operator
        *left, right = parameters
        text = " ".join([*left, f"{entry.symbol} {right}" if left else f"{entry.symbol}{right}"]) + "."
    return (
        f"{f'{call}: {text}' if text else call}\n\n"
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
