"""The arguments of a call: the numbers in them, how they are nested, and those that are not numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from microgrady.containers import Misfit, kind_of, with_types
from microgrady.inputs import as_number, describe, is_array, is_number
from microgrady.introspection import parameters_of
from microgrady.trees import NUMBER, Shape, Structure, array_of, read_numbers, separate
from microgrady.value import Value

Place = int | str  # of an argument: its position, or its name where it is given by name


class Signature:
    """The parameters of a function, of which some are static.

    Attributes:
        name: What messages call the function.
        parameters: The names of those that can be given by position.
        static: The names of those that are not numbers to calculate with.
        transform: What compiles the function, for messages.
    """

    def __init__(
        self, function: Callable[..., Any], name: str, static: tuple[str, ...], transform: str = "jit"
    ) -> None:
        self.name = name
        self.transform = transform
        self.parameters = tuple(parameters_of(function).by_position)
        self.static = static
        self._static_places = {*static, *(place for place, known in enumerate(self.parameters) if known in static)}

    @property
    def is_first_static(self) -> bool:
        """Whether the first parameter is static."""
        return 0 in self._static_places

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any], differentiate: bool = False) -> Arguments:
        """Take the arguments of one call apart.

        Args:
            args: Those that are given by position.
            kwargs: Those that are given by name.
            differentiate: Whether the derivatives by the Values among them are asked for, besides the value.

        Raises:
            TypeError: One is not made of numbers, or a static one can change.
        """
        arguments = Arguments(args, kwargs)
        given: list[tuple[Place, Any]] = [*enumerate(args), *kwargs.items()]
        for place, argument in given:
            if place in self._static_places:
                self.add_static(arguments, place, argument)
            elif type(argument) is float:
                arguments.add(place, [argument], NUMBER)
            elif type(argument) is int:
                arguments.add(place, [as_number(argument)], NUMBER)
            else:
                read = functools.partial(self.read, arguments.are_numeric, place, argument)
                arguments.add(place, *separate(argument, self.name_of(place), read))
        arguments.complete(differentiate)
        return arguments

    def is_static(self, place: Place) -> bool:
        """Return whether an argument is not a number to calculate with."""
        return place in self._static_places

    def add_static(self, arguments: Arguments, place: Place, argument: Any) -> None:
        """Add an argument that is static."""
        arguments.static[self.name_of(place)] = with_types(self._hashable(place, argument))

    def name_of(self, place: Place) -> str:
        """Return the name of the parameter that an argument is for."""
        if isinstance(place, str):
            return place
        return self.parameters[place] if place < len(self.parameters) else f"argument{place}"

    def numbers(self, arguments: Arguments) -> Numbers:
        """Return the numbers one by one, and how they were given."""
        parts, structures = arguments.parts, arguments.structures
        found: list[float] = []
        for part in parts:
            found += map(float, part.ravel().tolist()) if is_array(part) else [part]
        given = zip(arguments.places, structures, strict=True)
        return Numbers(
            found,
            [name for place, structure in given for name in structure.leaf_names(self.name_of(place))],
            tuple(part.shape if is_array(part) else None for part in parts),
            any(structure.has_none for structure in structures),
        )

    def read(self, are_numeric: list[bool], place: Place, argument: Any, thing: Any) -> tuple[list[Any], Structure]:
        """Read a number or an array that is an argument or stands in it, and note of an array whether it is numeric."""
        if is_array(thing):
            numeric = is_numeric(thing)
            _require_plain(thing, numeric)
            are_numeric.append(numeric)
            if numeric:
                return [thing], array_of(thing.shape)
        elif (number := as_number(thing)) is not None:
            return [number], NUMBER
        try:
            return read_numbers(thing)
        except Misfit as misfit:
            cure = _cure(self.name_of(place), argument)
            misfit.sentence = f"in {self.transform} of {self.name}, {misfit.sentence}{cure}"
            raise

    def _hashable(self, place: Place, value: Any) -> Any:
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"the static argument {self.name_of(place)} of {self.name} must be hashable, such as a tuple, not "
                f"{describe(value)}, which could change after the function was recorded"
            ) from None
        return value


def _cure(name: str, argument: Any) -> str:
    if is_array(argument) or (argument is not None and kind_of(type(argument)) is not None):
        return "; what is not a number to calculate with goes into an argument of its own, named in static_argnames"
    return f"; name it in static_argnames={name!r} if it is not to be calculated with"


class Numbers(NamedTuple):
    """The numbers in the arguments of one call, of which a program is recorded.

    Attributes:
        found: All of them, in order.
        names: What guards call them.
        shapes: Of each of the parts that they came in: None for a number.
        beside_none: Whether None was in a field beside them.
    """

    found: list[float]
    names: list[str]
    shapes: tuple[Shape, ...]
    beside_none: bool


class Arguments:
    """The arguments of one call, taken apart.

    Attributes:
        args: Those that were given by position.
        kwargs: Those that were given by name.
        static: The static ones among them, hashable and with their types, by their names.
        places: Where the others are.
        structures: How the numbers of each of these are nested.
        parts: All numbers in order, in floats and arrays.
        are_numeric: For each array whether it is one of the parts; else its elements are, one by one.
        values: The Values among the numbers, by their position.
        differentiated: The positions of the numbers by which to differentiate, for `backward`; None for a call.
        key: What is equal for arguments of one structure, with the same static ones.
    """

    __slots__ = (
        "are_numeric",
        "args",
        "differentiated",
        "key",
        "kwargs",
        "parts",
        "places",
        "static",
        "structures",
        "values",
    )
    differentiated: tuple[int, ...] | None
    key: tuple[Any, ...]

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs
        self.static: dict[str, Any] = {}
        self.places: list[Place] = []
        self.structures: list[Structure] = []
        self.parts: list[Any] = []
        self.are_numeric: list[bool] = []
        self.values: dict[int, Value] = {}

    def add(self, place: Place, parts: list[Any], structure: Structure) -> None:
        """Add an argument that is not static."""
        self.places.append(place)
        self.structures.append(structure)
        self.parts += parts

    def complete(self, differentiate: bool) -> None:
        """Put numbers for the Values among the parts, and make the key, when all have been added."""
        if Value in set(map(type, self.parts)):
            self._take_values_out()
        self.differentiated = tuple(self.values) if differentiate else None
        static = tuple(sorted(self.static.items())) if self.static else ()
        self.key = tuple(self.places), tuple(self.structures), tuple(self.are_numeric), static, self.differentiated

    def _take_values_out(self) -> None:
        position = 0
        for index, part in enumerate(self.parts):
            if type(part) is Value:
                self.values[position] = part
                self.parts[index] = part._number
            position += 1 if type(part) in (float, Value) else part.size

    def call(self, function: Callable[..., Any], inputs: list[Value]) -> Any:
        """Call a function with others in the place of the numbers."""
        __tracebackhide__ = True
        args, kwargs = self.with_numbers(inputs)
        return function(*args, **kwargs)

    def with_numbers(self, inputs: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments with others in the place of the numbers: those by position, and those by name."""
        args: list[Any] = [*self.args]
        kwargs = {**self.kwargs}
        start = 0
        for place, structure in zip(self.places, self.structures, strict=True):
            stop = start + structure.count
            argument = structure.rebuild(inputs[start:stop])
            if isinstance(place, int):
                args[place] = argument
            else:
                kwargs[place] = argument
            start = stop
        return args, kwargs


def is_argument(thing: Any) -> bool:
    """Return whether something is a number or made of numbers, and so not the object of a method."""
    return isinstance(thing, (list, tuple, dict, Value)) or is_array(thing) or is_number(thing)


def is_numeric(array: Any) -> bool:
    """Return whether float64 holds the elements of a NumPy array, which are not objects."""
    return array.dtype.kind in "fiub" and array.dtype.itemsize <= 8


def _require_plain(array: Any, numeric: bool) -> None:
    if type(array).__name__ not in ("ndarray", "memmap", "Array"):
        raise TypeError(
            f"compiled functions take plain NumPy arrays, not {type(array).__name__}, which calculates in its own way: "
            "pass numpy.asarray of it"
        )
    if not numeric and array.dtype.kind == "f":
        raise TypeError(f"compiled functions calculate in float64, which {array.dtype} is too wide for")
