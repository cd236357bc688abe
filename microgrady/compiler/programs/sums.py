"""Where a program makes what goes to its outputs, so that whoever adds outputs up can do so there.

A program often makes its outputs in one order, as a backward pass goes, and has them in another: then it puts them into
memory, and copies all of them at the end. To add them up where they are made saves these ways.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from microgrady.compiler.programs.looped import Compute, Element, Loop, LoopedProgram, Moving, Step, Store

LARGE = 2_000_000  # operations of a program that it would take long to follow


class Sums(NamedTuple):
    """Where to add up.

    Attributes:
        places: For each output the index in memory of the number that goes there.
        added: Where steps put numbers all of which are to be added up.
        copies: The steps that are not needed then.
        late: The outputs that must be added up at the end, when they are in memory, by their indices there.
    """

    places: list[int]
    added: frozenset[Moving]
    copies: frozenset[Store]
    late: frozenset[int]


def sums_of(looped: LoopedProgram) -> Sums:
    """Return where to add up the outputs of a program: if nothing is better, where they are at the end."""
    first = looped.program.input_count
    outputs = range(first, first + len(looped.program.outputs))
    if len(looped.program.ops) > LARGE:
        return Sums([*outputs], frozenset(), frozenset(), frozenset(outputs))
    puts = _Puts(looped)
    times = Counter(place for places in puts.places.values() for place in places)
    copies = {
        step: pairs
        for step, pairs in puts.copies.items()
        if all(times[source] == 1 and to in outputs and times[to] == 1 for source, to in pairs)
    }
    while True:
        addable = {place for place in outputs if times[place] == 1}
        addable.update(source for pairs in copies.values() for source, _ in pairs)
        # A step that puts numbers there and elsewhere cannot add all of them up.
        mixed = [places for places in puts.places.values() if not addable.issuperset(places)]
        unfit = addable.intersection(place for places in mixed for place in places)
        kept = {step: pairs for step, pairs in copies.items() if all(source not in unfit for source, _ in pairs)}
        if len(kept) == len(copies):
            break
        copies = kept
    home = {to: source for pairs in copies.values() for source, to in pairs}
    added = {to: places for to, places in puts.places.items() if addable.issuperset(places)}
    soon = {place for places in added.values() for place in places}
    places = [_origin(home, place) for place in outputs]
    late = (place for place in places if place not in soon)
    return Sums(places, frozenset(added), frozenset(copies), frozenset(late))


def _origin(home: dict[int, int], place: int) -> int:
    """Return where a number comes from that is copied, perhaps more than once."""
    while place in home:
        place = home[place]
    return place


class _Puts:
    """What a program puts into memory, number by number.

    Args:
        looped: The program.

    Attributes:
        places: Where steps put numbers, with the indices of all of these.
        copies: The steps that copy within memory, with the indices of all that they copy: from where, and where to.
    """

    def __init__(self, looped: LoopedProgram) -> None:
        self.places: dict[Moving, list[int]] = {}
        self.copies: dict[Store, list[tuple[int, int]]] = {}
        self._indices = looped.indices
        for piece in looped.pieces:
            self._follow(piece, (), None)

    def _follow(self, steps: Sequence[Step], outer: tuple[int, ...], inner: range | None) -> None:
        """Note what steps put, in one turn of each of the outer loops around them and in all turns of the inner one."""
        for step in steps:
            to = None if isinstance(step, Loop) else _put(step)
            if to is not None:
                numbers = self._numbers(to, outer, inner)
                self.places.setdefault(to, []).extend(numbers)
                source = step.operand if isinstance(step, Store) else None
                if isinstance(step, Store) and isinstance(source, Element) and not source.is_constant:
                    pairs = zip(self._numbers(source.at, outer, inner), numbers, strict=True)
                    self.copies.setdefault(step, []).extend(pairs)
            elif isinstance(step, Loop) and _puts_anything(step):
                around = [outer] if inner is None else [(*outer, turn) for turn in inner]
                for turns in around:
                    self._follow(step.body, turns, range(step.count.number(turns, self._indices)))

    def _numbers(self, moving: Moving, outer: tuple[int, ...], inner: range | None) -> Sequence[int]:
        """Return a whole number in one turn of the outer loops and all turns of the inner one, if there is one."""
        turns = range(1) if inner is None else inner
        step = 0 if inner is None else (*moving.steps, *[0] * (len(outer) + 1))[len(outer)]
        moved = sum(step * turn for step, turn in zip(moving.steps, outer, strict=False))
        if moving.table is None:
            first = moving.start + moved
            return range(first, first + step * len(turns), step) if step else [first] * len(turns)
        return [moving.start + self._indices[moving.table + moved + step * turn] for turn in turns]


def _put(step: Step) -> Moving | None:
    """Return where a step puts a number; None if it does not."""
    return step.store if isinstance(step, Compute) else step.to if isinstance(step, Store) else None


def _puts_anything(loop: Loop) -> bool:
    return any(_puts_anything(step) if isinstance(step, Loop) else _put(step) is not None for step in loop.body)
