"""What the Values of a graph are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count

from microgrady.formulas.writing import visible
from microgrady.selections import operands_of
from microgrady.value import Value

LONGEST = 24


def short_names(order: Iterable[Value], skip: Collection[Value] = (), last: Iterable[Value] = ()) -> dict[Value, str]:
    """Name each Value by its label, or else v1, v2, ... as the intermediate results of a computation are called.

    The notation is that of Griewank and Walther, Evaluating Derivatives, ch. 2.

    Args:
        order: The Values, operands before results.
        skip: Those that take no number, as nobody refers to them; they have no name unless they have a label.
        last: Those of them that are referred to all the same, and get the last numbers.

    Returns:
        The names. One that is made up is nobody's label.
    """
    labels = {value: shortened(value.label) for value in order}
    taken = set(labels.values())
    free = (name for name in (f"v{number}" for number in count(1)) if name not in taken)
    names = {value: label or next(free) for value, label in labels.items() if label or value not in skip}
    return names | {value: next(free) for value in last if value not in names}


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
            taken.add(found[value])
        given.add(name)
    return found


def numbered(name: str, number: int) -> str:
    """Return a name with a number, no longer than names are."""
    ending = f"_{number}"
    room = LONGEST - len(ending)
    return (name if len(name) <= room else name[: room - 1] + "…") + ending


def namesakes(formula: Sequence[Value], names: Mapping[Value, str]) -> list[Value]:
    """Return those of the Values in one formula that have the name of another one there.

    Args:
        formula: What is written in the formula, operands before results, and its result last.
        names: What Values are called.
    """
    within = set(formula)
    operands = [operand for value in formula for operand in operands_of(value) if isinstance(operand, Value)]
    mentioned = [*dict.fromkeys(operand for operand in operands if operand not in within), formula[-1]]
    counts = Counter(names[value] for value in mentioned)
    return [value for value in mentioned if counts[names[value]] > 1]


def shortened(label: str) -> str:
    """Return a label on one line, without its middle where it is long: what tells labels apart is often at the end."""
    line = visible(label)
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]}…{line[len(line) - (LONGEST - 1) // 2 :]}"
