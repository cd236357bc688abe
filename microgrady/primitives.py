"""Operations of users' own, beside those of the table, of which they may have the names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microgrady import functions
from microgrady.arithmetic.lowered import lowering
from microgrady.inputs import describe
from microgrady.tracebacks import entrance
from microgrady.value import Primitive, methods, primitives

user_primitives: dict[str, Primitive] = {}  # by name, the latest of each


@entrance
def primitive(
    name: str,
    evaluate: Callable[..., float],
    *rules: Callable[..., Any],
    symbol: str | None = None,
    singular: bool = False,
    piecewise: bool = False,
    slope: Callable[[float, float], float] | None = None,
    native: str | Callable[..., Any] | None = None,
    aliases: tuple[str, ...] = (),
) -> Primitive:
    """Add an operation: this one call makes it work on floats, Values and arrays, to any derivative.

    Args:
        name: What it is called in pictures, messages and pickles. A method of Values has it, too, unless it is that of
            a built-in operation, as it may well be.
        evaluate: The value: one or two floats in, a float out.
        *rules: One for each operand: the partial derivative by it, as a function of the result and
            the operands, `rule(y, x)` or `rule(y, a, b)`. Write it with microgrady's functions, so that
            it can be differentiated again.
        symbol: A shorter sign for pictures; the name if None.
        singular: A partial can be infinite or nan at finite operands. A derivative of zero that comes
            from above then stays zero.
        piecewise: The operation selects or rounds: a partial of zero is exact, and stays zero also
            against an infinite derivative from above.
        slope: The rule of an operation of one operand once more, for floats alone: the same float, sooner.
        native: How it is written as machine code, to the same bits: the name of a function of the C library, or a
            function of a `microgrady.arithmetic.backend.Backend` and the operands that writes with the
            backend's methods. None: compiled code calls `evaluate`.
        aliases: Further names, by which NumPy calls it as a method of an array's elements.

    Returns:
        The primitive: call it.

    Raises:
        TypeError: `evaluate` or a rule cannot be called, or `native` is neither a name nor a function.
        ValueError: there are not one or two rules, the name is not an identifier, or `native` cannot be the name of a
            function in C.

    Example:
        >>> import math
        >>> import microgrady as mg
        >>> bell = mg.primitive("bell", lambda x: math.exp(-x * x), lambda y, x: -2.0 * x * y)
        >>> mg.grad(bell)(2.0) == -4.0 * math.exp(-4.0)
        True
    """
    _require_primitive(name, evaluate, rules, symbol, slope, native)
    entry = user_primitives[str(name)] = Primitive(str(name))
    entry.evaluate, entry.slope = evaluate, slope or rules[0]
    entry.lower = lowering(native) if isinstance(native, str) else native
    entry.rules, entry.symbol = rules, str(symbol or name)
    entry.singular, entry.piecewise = bool(singular), bool(piecewise)
    add_methods(entry, (entry.name, *aliases))
    return entry


def _require_primitive(name: Any, evaluate: Any, rules: tuple[Any, ...], symbol: Any, slope: Any, native: Any) -> None:
    """Refuse what cannot be the parts of a primitive, which `primitive` explains."""
    if not all(callable(function) for function in (evaluate, *rules, *([] if slope is None else [slope]))):
        raise TypeError(f"the value, the rules and the slope of primitive {name!r} must be functions")
    if not isinstance(symbol, (str, type(None))):
        raise TypeError(f"the symbol of primitive {name!r} must be a str, not {describe(symbol)}")
    if slope is not None and len(rules) != 1:
        raise ValueError(f"primitive {name!r} has {len(rules)} rules, and slope stands for a single one")
    if not (native is None or isinstance(native, str) or callable(native)):
        raise TypeError(f"the native of primitive {name!r} must be a function or its name, not {describe(native)}")
    if isinstance(native, str) and not (native.isidentifier() and native.isascii()):
        raise ValueError(f"the native of primitive {name!r} must be the name of a function in C, not {native!r}")
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"a primitive's name must be an identifier, not {describe(name)}")
    if not 1 <= len(rules) <= 2:
        raise ValueError(f"primitive {name!r} needs 1 or 2 rules, not {len(rules)}")


def is_built_in(entry: object) -> bool:
    """Return whether something is an operation of the table, and not a user's that may have the same name."""
    return isinstance(entry, Primitive) and primitives.get(entry.name) is entry


def add_methods(entry: Primitive, names: tuple[str, ...]) -> None:
    """Make an operation of a user's a method of Values, by those of the names that the table leaves free."""
    methods.update(dict.fromkeys((name for name in names if not is_built_in(methods.get(name))), entry))


def offered() -> set[Primitive]:
    """Return the operations that the package offers."""
    import microgrady

    public = [getattr(functions, name) for name in microgrady._HOMES[functions.__name__].split()]
    return {entry for entry in public if isinstance(entry, Primitive)}


def public_methods() -> list[str]:
    """Return the methods of a Value that are for people: of functions that the package offers, and of users' own."""
    public = offered()
    return [name for name, entry in methods.items() if entry in public or not is_built_in(entry)]
