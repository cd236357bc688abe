"""What the Values of a graph are called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import count

from microgrady.formulas.writing import visible
from microgrady.value import Value

LONGEST = 24


def short_names(order: Iterable[Value], skip: Collection[Value] = ()) -> dict[Value, str]:
    """Name each Value by its label, or else v1, v2, ... as the intermediate results of a computation are called.

    The notation is that of Griewank and Walther, Evaluating Derivatives, ch. 2.

    Args:
        order: The Values, operands before results.
        skip: Those that take no number, as nobody refers to them; they have no name unless they have a label.

    Returns:
        The names. One that is made up is nobody's label.
    """
    labels = {value: shortened(value.label) for value in order}
    taken = set(labels.values())
    free = (name for name in (f"v{number}" for number in count(1)) if name not in taken)
    return {value: label or next(free) for value, label in labels.items() if label or value not in skip}


def told_apart(names: Mapping[Value, str], values: Iterable[Value]) -> dict[Value, str]:
    """Return names in which no two of some Values have the same one: all but the first are numbered.

    Args:
        names: What Values are called.
        values: Those to tell apart.
    """
    found, taken, given = dict(names), set(names.values()), set()
    numbers: dict[str, Iterator[int]] = {}
    for value in dict.fromkeys(values):
        name = names[value]
        if name in given:
            others = (numbered(name, number) for number in numbers.setdefault(name, count(2)))
            found[value] = next(other for other in others if other not in taken)
        given.add(name)
    return found


def numbered(name: str, number: int) -> str:
    """Return a name with a number, no longer than names are."""
    ending = f"_{number}"
    room = LONGEST - len(ending)
    return (name if len(name) <= room else name[: room - 1] + "…") + ending


def shortened(label: str) -> str:
    """Return a label on one line, cut where it is long."""
    line = visible(label)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
