"""By which of its arguments a function is differentiated, by position or by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from microgrady.inputs import describe
from microgrady.introspection import name_of, parameters_of

Argnums = int | tuple[int, ...]
Argnames = str | tuple[str, ...]


class Selection:
    """What a transform is asked for.

    Args:
        function: What is to be differentiated. Names must be names of its parameters, if it tells them.
        argnums: A position or a tuple of positions; None where names are given, or else the first.
        argnames: A name or a tuple of names, of arguments that are given by name or by position.
        has_aux: Whether the function returns a pair, of which only the first part is differentiated.

    Raises:
        TypeError: An option has a wrong type.
        ValueError: Positions and names are given, or a name is that of no parameter.
    """

    def __init__(
        self, function: Callable[..., Any], argnums: Argnums | None, argnames: Argnames | None, has_aux: bool
    ) -> None:
        if argnums is not None and argnames is not None:
            raise ValueError(f"argnums={argnums!r} and argnames={argnames!r} are both given: one says all")
        self.wanted: Any = argnames if argnums is None else argnums
        if self.wanted is None:
            self.wanted = 0
        self.option = "argnums" if argnames is None else "argnames"
        self.single = not isinstance(self.wanted, tuple)
        self.has_aux = has_aux
        kind: type = int if argnames is None else str
        if not self._each or not all(isinstance(one, kind) for one in self._each):
            allowed = "an int or a tuple of ints" if kind is int else "a str or a tuple of strs"
            raise TypeError(f"{self.option} must be {allowed}, not {describe(self.wanted)}")
        if not isinstance(has_aux, bool):
            raise TypeError(f"has_aux must be True or False, not {describe(has_aux)}")
        if argnames is not None:
            _require_parameters(function, self._each)

    @property
    def _each(self) -> tuple[Any, ...]:
        return (self.wanted,) if self.single else self.wanted

    def places(self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> list[int | str]:
        """Return where the arguments stand in a call: at a position, or under a name.

        Raises:
            ValueError: One of them is not given, or is asked for twice.
        """
        find = self._position if self.option == "argnums" else self._named
        places = [find(function, one, args, kwargs) for one in self._each]
        if len(set(places)) < len(places):
            raise ValueError(f"{self.option}={self.wanted!r} names the same argument twice")
        return places

    def pick(self, places: list[int | str], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Return the arguments at some places: one, or a tuple of several."""
        found = tuple(args[place] if isinstance(place, int) else kwargs[place] for place in places)
        return found[0] if self.single else found

    def put(
        self, chosen: Any, places: list[int | str], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments with others at some places, as `pick` gives them."""
        positional, named = list(args), dict(kwargs)
        for place, argument in zip(places, (chosen,) if self.single else chosen, strict=True):
            if isinstance(place, int):
                positional[place] = argument
            else:
                named[place] = argument
        return positional, named

    def _position(
        self, function: Callable[..., Any], position: int, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> int | str:
        if -len(args) <= position < len(args):
            return position % len(args)
        names = parameters_of(function).by_position if kwargs else []
        if (not args or position >= 0) and -len(names) <= position < len(names) and names[position] in kwargs:
            return names[position]
        if not args and not kwargs:
            raise TypeError(f"there is nothing to differentiate {name_of(function)} by: the call has no arguments")
        count = f"{len(args)} positional argument{'s were' if len(args) != 1 else ' was'} given"
        raise ValueError(f"argnums={self.wanted!r} is out of range: {count}")

    def _named(self, function: Callable[..., Any], name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> int | str:
        if name in kwargs:
            return name
        names = parameters_of(function).by_position
        if name in names and names.index(name) < len(args):
            return names.index(name)
        raise ValueError(f"argnames={self.wanted!r} asks for {name!r}, which was not among the arguments of the call")


def _require_parameters(function: Callable[..., Any], names: tuple[str, ...]) -> None:
    by_position, only_by_name, any_other = parameters_of(function)
    known = [*by_position, *only_by_name]
    unknown = [name for name in names if name not in known]
    if unknown and not any_other:
        raise ValueError(f"argnames has {unknown[0]!r}, but the parameters are {', '.join(known) or 'none'}")
