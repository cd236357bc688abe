"""The arguments of a call: the numbers in them, how they are nested, and those that are not numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microgrady.containers import BUILT_IN, Misfit, kind_of, with_types
from microgrady.inputs import as_number, describe, is_array, is_number
from microgrady.introspection import parameters_of
from microgrady.trees import flatten
from microgrady.value import Value


class Signature:
    """The parameters of a function, of which some are static.

    Attributes:
        name: What messages call the function.
        parameters: The names of those that can be given by position.
        static: The names of those that are not numbers to calculate with.
    """

    def __init__(self, function: Callable[..., Any], name: str, static: tuple[str, ...]) -> None:
        self.name = name
        self.parameters = tuple(parameters_of(function).by_position)
        self.static = static

    @property
    def is_first_static(self) -> bool:
        """Whether the first parameter is static."""
        return self.parameters[:1] != () and self.parameters[0] in self.static

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments of one call.

        Raises:
            TypeError: One is not made of numbers, or a static one can change.
        """
        if not self.static:
            return self._flattened(Arguments(args, kwargs, args, kwargs, None))
        names = [*self.parameters[: len(args)], *[""] * (len(args) - len(self.parameters))]
        static = {name: value for name, value in zip(names, args, strict=True) if name in self.static}
        static.update((name, value) for name, value in kwargs.items() if name in self.static)
        places = [place for place, name in enumerate(names) if name not in self.static]
        others = {name: value for name, value in kwargs.items() if name not in self.static}
        arguments = Arguments(args, kwargs, tuple(args[place] for place in places), others, places)
        arguments.static = tuple((name, with_types(self._hashable(name, static[name]))) for name in sorted(static))
        return self._flattened(arguments)

    def _hashable(self, name: str, value: Any) -> Any:
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"the static argument {name} of {self.name} must be hashable, such as a tuple, not "
                f"{describe(value)}, which could change after the function was recorded"
            ) from None
        return value

    def _flattened(self, arguments: Arguments) -> Arguments:
        try:
            arguments.flatten()
        except NotANumberError:
            for name, argument in self._named(arguments):
                try:
                    flatten(argument, name)
                except TypeError as error:
                    raise TypeError(f"in jit of {self.name}, {error}{_cure(name, argument)}") from None
            raise
        return arguments

    def number_names(self, arguments: Arguments) -> list[str]:
        """What guards call the numbers, in order."""
        named = self._named(arguments)
        return [leaf for name, argument in named for leaf in flatten(argument, name)[1].leaf_names(name)]

    def _named(self, arguments: Arguments) -> list[tuple[str, Any]]:
        """The arguments that are not static, with the names of their parameters."""
        args, kwargs = arguments.tree
        parameters = [name for name in self.parameters if name not in self.static]
        positional = [*parameters[: len(args)], *(f"argument{k}" for k in range(len(parameters), len(args)))]
        return [*zip(positional, args, strict=True), *kwargs.items()]


def _cure(name: str, argument: Any) -> str:
    if isinstance(argument, (list, tuple, dict)) or is_array(argument):
        return "; what is not a number to calculate with goes into an argument of its own, named in static_argnames"
    return f"; name it in static_argnames={name!r} if it is not to be calculated with"


class NotANumberError(TypeError):
    """An argument is not made of numbers."""


class Arguments:
    """The arguments of one call.

    Args:
        args: All that were given by position.
        kwargs: All that were given by name.
        numeric_args: Those among `args` that are not static.
        numeric_kwargs: Those among `kwargs`.
        places: Where `numeric_args` are in `args`; None where all are numeric.

    Attributes:
        tree: The numeric ones, by position and by name.
        static: The static ones, hashable, with their names and types.
        parts: The numbers in order, in floats and arrays.
        shapes: Of each number (None) and array.
        values: The Values among the numbers, by their place.
        key: Equal for arguments of one structure, with the same static ones.
    """

    def __init__(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        numeric_args: tuple[Any, ...],
        numeric_kwargs: dict[str, Any],
        places: list[int] | None,
    ) -> None:
        self.args = args
        self.kwargs = kwargs
        self.tree = numeric_args, numeric_kwargs
        self.static: tuple[Any, ...] = ()
        self.parts: list[Any] = []
        self.shapes: list[tuple[int, ...] | None] = []
        self.values: dict[int, Value] = {}
        self._places = places
        self._count = 0

    def flatten(self) -> None:
        """Find the numbers.

        Raises:
            NotANumberError: Something is not made of numbers.
        """
        self.key: tuple[Any, ...] = (self._outline(self.tree), self.static)

    @property
    def is_flat(self) -> bool:
        """Whether they are floats and arrays, given by position, and nothing else."""
        args, kwargs = self.tree
        # A list of one array has one shape too, and an array of one object none, but both must be unpacked.
        return (
            self._places is None
            and not kwargs
            and len(args) == len(self.shapes)
            and all(
                type(arg) is float if shape is None else is_array(arg)
                for arg, shape in zip(args, self.shapes, strict=True)
            )
        )

    def numbers(self) -> list[float]:
        """All numbers one by one, those of Values too."""
        return [number._number if isinstance(number, Value) else number for number in flatten(self.tree, "them")[0]]

    def call(self, function: Callable[..., Any], inputs: list[Value]) -> Any:
        """What a function returns for others in the place of the numbers."""
        __tracebackhide__ = True
        args, kwargs = flatten(self.tree, "the arguments")[1].rebuild(inputs)
        if self._places is not None:
            numeric, args = args, list(self.args)
            for place, argument in zip(self._places, numeric, strict=True):
                args[place] = argument
            kwargs = {**self.kwargs, **kwargs}
        return function(*args, **kwargs)

    def _outline(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is float:
            return self._number(tree)
        if isinstance(tree, dict):
            return (
                _besides(tree),
                # 1 and True are one key of a dict, but the function may be given the one or the other.
                *(
                    (name if type(name) is str else with_types(name), self._outline(part))
                    for name, part in tree.items()
                ),
            )
        if isinstance(tree, (list, tuple)):
            return (_besides(tree), *map(self._outline, tree))
        if is_array(tree):
            _require_plain(tree)
            if is_numeric(tree):
                self.parts.append(tree)
                self.shapes.append(tree.shape)
                self._count += tree.size
                return tree.shape
        if kind is Value:
            self.values[self._count] = tree
            return self._number(tree._number)
        number = as_number(tree)
        if number is not None:
            return self._number(number)
        # An array of Values or a registered container, one number after the other; or what is refused with a sentence.
        try:
            numbers, structure = flatten(tree, "an argument of a compiled function")
        except TypeError as error:
            raise NotANumberError(*error.args) from None
        for number in numbers:
            self._outline(number)
        return (object, structure)

    def _number(self, number: float) -> None:
        self.parts.append(number)
        self.shapes.append(None)
        self._count += 1


def _besides(container: Any) -> Any:
    """What a list, tuple or dict is but for what is in it."""
    kind = type(container)
    how = kind_of(kind)
    if kind in BUILT_IN or how is None:
        return kind
    try:
        rest = how.rest(container)
    except Misfit:
        return kind  # which will be refused
    hash(rest)
    return (kind, rest)


def is_argument(thing: Any) -> bool:
    """Whether something is a number or a container that may have numbers in it."""
    return isinstance(thing, (list, tuple, dict, Value)) or is_array(thing) or is_number(thing)


def is_numeric(array: Any) -> bool:
    """Whether float64 holds the elements of a NumPy array, which are no objects."""
    return array.dtype.kind in "fiub" and array.dtype.itemsize <= 8


def _require_plain(array: Any) -> None:
    if type(array).__name__ not in ("ndarray", "memmap", "Array"):
        raise TypeError(
            f"compiled functions take plain NumPy arrays, not {type(array).__name__}, which calculates in its own way: "
            "pass numpy.asarray of it"
        )
    if array.dtype.kind == "f" and not is_numeric(array):
        raise TypeError(f"compiled functions calculate in float64, which {array.dtype} is too wide for")
