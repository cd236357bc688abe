"""Arrays of comparisons that are not decided yet, as `a > 0` gives one of an array of Values in a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy
from numpy.lib.mixins import NDArrayOperatorsMixin

from microgrady.comparisons import Undecided, is_condition, number_of
from microgrady.later import ask

_SHAPES = {"T", "reshape", "ravel", "flatten", "transpose", "squeeze", "swapaxes", "repeat", "take", "copy"}


class Conditions(Undecided, NDArrayOperatorsMixin):
    """An array of conditions and bools. NumPy takes it for an array of bools, which it becomes with that.

    Args:
        entries: The conditions and bools, an array of objects.
    """

    __slots__ = ("entries",)
    dtype = numpy.dtype(bool)

    def __init__(self, entries: Any) -> None:
        self.entries = entries

    @property
    def is_open(self) -> bool:
        """Whether one of them is."""
        return any(is_condition(entry) and entry.is_open for entry in self.entries.ravel().tolist())

    def mask(self) -> Any:
        """Return an array of 1 where a condition holds, else 0."""
        return self._numbers(lambda entry: entry.mask() if is_condition(entry) else float(entry))

    def number(self) -> Any:
        """Return the same, with a float where a condition is a bool by now."""
        return self._numbers(lambda entry: entry.number() if is_condition(entry) else float(entry))

    def _numbers(self, number_of_entry: Callable[[Any], Any]) -> Any:
        made = numpy.fromiter(map(number_of_entry, self.entries.ravel().tolist()), object, self.size)
        return ask("arrays").wrapped(made.reshape(self.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return tuple(self.entries.shape)

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many conditions there are."""
        return int(self.entries.size)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, place: Any) -> Any:
        found = self.entries[decided(place)]
        return Conditions(found) if isinstance(found, numpy.ndarray) else found

    def __setitem__(self, place: Any, value: Any) -> None:
        self.entries[decided(place)] = entries_of(value)

    def __bool__(self) -> bool:
        return bool(decided(self))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Return the array of bools: this decides."""
        return self.entries.astype(bool).astype(bool if dtype is None else dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in _SHAPES:
            return getattr(decided(self), name)
        found = getattr(self.entries, name)
        return Conditions(found) if name == "T" else lambda *args, **kwargs: Conditions(found(*args, **kwargs))

    def __repr__(self) -> str:
        return repr(decided(self))

    def __str__(self) -> str:
        return str(decided(self))

    def __reduce__(self) -> Any:
        return decided(self).__reduce__()

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the numbers 1 and 0 where floats are asked for; else what the array of bools gives."""
        if numpy.dtype(dtype) == numpy.float64:
            return numpy.multiply(self, 1.0)
        return decided(self).astype(dtype, *args, **kwargs)

    def sum(self, *args: Any, **kwargs: Any) -> Any:
        """Return how many hold, as a Value."""
        return numpy.sum(self, *args, **kwargs)

    def mean(self, *args: Any, **kwargs: Any) -> Any:
        """Return the share of those that hold, as a Value."""
        return numpy.mean(self, *args, **kwargs)


def truths(found: Any) -> Any:
    """Return an array of bools of what comparisons gave, or, if some are not decided, their conditions."""
    if not isinstance(found, numpy.ndarray):
        return found
    plain = found.view(numpy.ndarray)
    conditions = Conditions(plain)
    return conditions if plain.dtype == object and conditions.is_open else plain.astype(bool)


def entries_of(operand: Any) -> Any:
    """Return an array of conditions as an array of objects, anything else as it is."""
    return operand.entries if isinstance(operand, Conditions) else operand


def decided(thing: Any) -> Any:
    """Return conditions as bools, also those in tuples and lists, and anything else as it is."""
    if isinstance(thing, Conditions):
        return numpy.asarray(thing)
    if is_condition(thing):
        return bool(thing)
    if type(thing) in (list, tuple):
        return type(thing)(map(decided, thing))
    return thing


def counted(thing: Any) -> Any:
    """Return conditions as numbers, also those in tuples and lists, and anything else as it is."""
    if type(thing) in (list, tuple):
        return type(thing)(map(counted, thing))
    return number_of(thing)
