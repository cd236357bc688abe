"""The loops that a program was before it was recorded, found again.

A recorded program is straight: a loop of a thousand turns is a thousand times the same operations. What repeats are
their shapes: what is done, and to operands of which kinds. Short runs of turns become loops first; then loops and what
is left between them are one sequence, in which runs become loops around loops, until nothing repeats. How each operand
moves from turn to turn is not asked here: that is found afterwards, whatever the loops are.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady.compiler.programs.program import Program
from microgrady.compiler.programs.runs import FEW_TURNS, NEAR, TURNS, Even, Found, find_runs, is_worth

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

LEAST = 64  # steps of a program that is worth a search
KEPT = 0.5  # the share of its steps that is left at most where loops pay
SPARSE = 4  # an array may have so many times the elements that are used


@dataclass
class Straight:
    """A step that each turn of the loops around it does once.

    Attributes:
        steps: Its numbers among the steps of the program, in the order in which it is done.
    """

    steps: Array


@dataclass
class Repeated:
    """A loop.

    Attributes:
        counts: How many turns it has, each time that it is done.
        body: What a turn does.
    """

    counts: Array
    body: list[Straight | Repeated]


Part = Straight | Repeated | range  # of steps of the program that are done once


class Steps:
    """The steps of a program, its operations and guards in the order in which they are done, in columns.

    Attributes:
        program: The program.
        codes: What is done: the same number for the same.
        lefts: The place of each left operand.
        rights: The place of each right operand; that of the left one again if there is but one.
        results: The place of each result; of a guard minus its number.
        makers: Which step makes each result, the first result first.
    """

    def __init__(self, program: Program) -> None:
        import numpy

        self.program = program
        numbers: dict[Hashable, int] = {}
        self.codes = numpy.fromiter(map(id, program.ops), numpy.int64, len(program.ops))
        self.lefts, self.rights = (numpy.array(places, numpy.int64) for places in program.columns())
        self.results = numpy.arange(program.input_count, program.input_count + len(program.ops))
        if program.guards:
            positions, guards = [position for position, _ in program.guards], [guard for _, guard in program.guards]
            # No id is as small as these numbers.
            kinds = [numbers.setdefault((guard.symbol, guard.outcome), len(numbers)) for guard in guards]
            self.codes = numpy.insert(self.codes, positions, kinds)
            self.lefts = numpy.insert(self.lefts, positions, [guard.left for guard in guards])
            self.rights = numpy.insert(self.rights, positions, [guard.right for guard in guards])
            self.results = numpy.insert(self.results, positions, range(-1, -1 - len(guards), -1))
        self.makers = numpy.flatnonzero(self.results >= 0)

    def __len__(self) -> int:
        return len(self.codes)

    def distances(self, places: Array, owners: Array) -> Array:
        """Return how far back in a sequence the results at places are made; -1 for an input, -2 for a constant.

        Args:
            places: An operand of each step.
            owners: Where each step is in the sequence.
        """
        import numpy

        first = self.program.input_count
        found = numpy.where(places < 0, -2, -1)
        made = numpy.flatnonzero(places >= first)
        found[made] = owners[made] - owners[self.makers[places[made] - first]]
        return found


def find_repeats(program: Program) -> tuple[Steps, list[Part]] | None:
    """Find what repeats in a program; the search takes time that is nearly linear in its length.

    Returns:
        The steps, and the parts that do them in order; None where loops would not pay.
    """
    total = len(program.ops) + len(program.guards)
    if total < LEAST or not has_numpy():
        return None
    steps = Steps(program)
    found, best = None, KEPT * total
    for moves_evenly in (True, False):
        parts = _search(steps, moves_evenly)
        if any(map(_is_triangular, parts)):
            parts = min(parts, _search(steps, moves_evenly, takes_short=True), key=_size_of_all)
        kept = _size_of_all(parts)
        if kept <= best:
            found, best = parts, kept / 4  # uneven operands cost more, and must leave so much less
        if kept <= total / 64:
            break
    return None if found is None else (steps, found)


def has_numpy() -> bool:
    """Return whether NumPy is there, without which nothing is searched."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        return False
    return True


def size_of(part: Part) -> int:
    """Return how many steps are left of a part when its loops stay loops."""
    if isinstance(part, Straight):
        return 1
    return len(part) if isinstance(part, range) else sum(map(size_of, part.body))


def loops_in(part: Part) -> int:
    """Return how many loops there are in a part, itself included."""
    return 1 + sum(map(loops_in, part.body)) if isinstance(part, Repeated) else 0


def _size_of_all(parts: Sequence[Part]) -> int:
    return sum(map(size_of, parts))


def _is_triangular(part: Part) -> bool:
    """Return whether a loop has another number of turns each time that it is done."""
    if not isinstance(part, Repeated):
        return False
    return bool((part.counts != part.counts[0]).any()) or any(map(_is_triangular, part.body))


def turns_of(counts: Array) -> Array:
    """Return the numbers of the turns of a loop, from 0 each time that it is done."""
    import numpy

    found: Array = numpy.arange(counts.sum()) - numpy.repeat(counts.cumsum() - counts, counts)
    return found


class _Run:
    """A loop of nothing but steps, while it is only done once."""

    __slots__ = ("count", "period", "start")

    def __init__(self, start: int, period: int, count: int) -> None:
        self.start = start
        self.period = period
        self.count = count


_Loop = _Run | Repeated  # which has been done once


class _Sequence:
    """Steps and loops, one after the other.

    Attributes:
        steps: All steps of the program.
        firsts: The first step of each.
        which: Of each loop its number among `loops`; -1 for a step.
        loops: The loops.
        lengths: How many steps each does.
    """

    def __init__(self, steps: Steps, firsts: Array, which: Array, loops: list[_Loop]) -> None:
        import numpy

        self.steps = steps
        self.firsts = firsts
        self.which = which
        self.loops = loops
        self.lengths = numpy.diff(firsts, append=len(steps))

    def with_loops(self, found: Sequence[tuple[Found, _Loop]]) -> _Sequence:
        """Return a sequence in which loops stand for runs."""
        import numpy

        kept = numpy.ones(len(self.firsts), bool)
        which, loops = self.which.copy(), [*self.loops]
        for (start, period, count), loop in found:
            kept[start + 1 : start + period * count] = False
            which[start] = len(loops)
            loops.append(loop)
        return _Sequence(self.steps, self.firsts[kept], which[kept], loops)

    def column(self, start: int, period: int, count: int) -> Array | list[_Loop]:
        """Return what is done at one place of all turns of a run: steps, or loops."""
        which = self.which[start : start + period * count : period]
        if which[0] < 0:
            return self.firsts[start : start + period * count : period]
        return [self.loops[number] for number in which.tolist()]

    def parts(self) -> list[Part]:
        """Return all in order."""
        import numpy

        found: list[Part] = []
        at = 0
        for index in numpy.flatnonzero(self.which >= 0).tolist():
            first = int(self.firsts[index])
            loop = self.loops[self.which[index]]
            if isinstance(loop, _Run) and not is_worth(loop.count, loop.period):
                continue  # nothing has come of it
            if at < first:
                found.append(range(at, first))
            merged = _merge([loop])
            assert isinstance(merged, Repeated)
            found.append(Repeated(merged.counts, _unrolled_body(merged)))
            at = first + int(self.lengths[index])
        if at < len(self.steps):
            found.append(range(at, len(self.steps)))
        return found


def _search(steps: Steps, moves_evenly: bool, takes_short: bool = False) -> list[Part]:
    """Find loops, and loops around them.

    Args:
        steps: What to look at.
        moves_evenly: Whether loops of steps must be such that each operand moves by a fixed step from turn to turn.
        takes_short: Whether what is a loop in one place is one in others, too, though it has few turns there, as at the
            tip of a triangle.
    """
    import numpy

    everything, single = numpy.arange(len(steps)), numpy.ones(len(steps), numpy.int64)
    tokens = _shapes_of(steps, everything, 1 if moves_evenly else NEAR)
    runs = find_runs(tokens, single, Even([steps.lefts, steps.rights]) if moves_evenly else None, takes_short)
    sequence = _Sequence(steps, everything, -single, [])
    sequence = sequence.with_loops([(run, _Run(*run)) for run in _rotated(steps, runs)])
    shapes = _Shapes()
    while sequence.loops:
        tokens, sizes = shapes.of(sequence)
        found = []
        for run in find_runs(tokens, sizes, None, takes_short):
            for start, period, count in _split(sequence, run, sizes):
                loop = _merged_turns(sequence, start, period, count)
                if loop is not None:
                    found.append(((start, period, count), loop))
                    shapes.remember(loop, tokens[start + period : start + 2 * period])
        if not found:
            break
        sequence = sequence.with_loops(found)
    return sequence.parts()


def _shapes_of(steps: Steps, owners: Array, near: int) -> Array:
    """Return for each step a number of its shape.

    Args:
        steps: The steps.
        owners: Where each is in the sequence in which distances are counted.
        near: From which distance on all are the same.
    """
    import numpy

    base = near + 3
    found = steps.codes * base * base
    for factor, places in ((base, steps.lefts), (1, steps.rights)):
        found += factor * (numpy.minimum(steps.distances(places, owners), near) + 2)
    return found


class _Shapes:
    """Numbers of shapes: the same number for the same shape. Those of loops are below 0."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._of_loops: dict[int, int] = {}  # by id of the loop

    def _number(self, shape: Hashable) -> int:
        return self._numbers.setdefault(shape, -1 - len(self._numbers))

    def remember(self, loop: Repeated, turn: Array) -> None:
        """Keep the shape of a loop, of which the shapes in one of its turns are given."""
        self._of_loops[id(loop)] = self._number(("loop", turn.tobytes()))

    def of(self, sequence: _Sequence) -> tuple[Array, Array]:
        """Return the shape and the size of each item of a sequence."""
        import numpy

        count = len(sequence.firsts)
        fine = _shapes_of(sequence.steps, numpy.repeat(numpy.arange(count), sequence.lengths), NEAR)
        tokens, sizes = fine[sequence.firsts], numpy.ones(count, numpy.int64)
        for index in numpy.flatnonzero(sequence.which >= 0).tolist():
            loop = sequence.loops[sequence.which[index]]
            if isinstance(loop, _Run):
                second = loop.start + loop.period
                tokens[index] = self._number(("run", fine[second : second + loop.period].tobytes()))
                sizes[index] = loop.period
            else:
                tokens[index], sizes[index] = self._of_loops[id(loop)], size_of(loop)
        return tokens, sizes


def _rotated(steps: Steps, runs: Sequence[Found]) -> Iterator[Found]:
    """Yield loops of steps so begun that few results go from turn to turn.

    A run begins with the first step that fits, which may be in the midst of what the user wrote as one turn.
    """
    import numpy

    owners = numpy.arange(len(steps))
    columns = [steps.distances(places, owners) for places in (steps.lefts, steps.rights)]
    known: dict[bytes, int] = {}
    for start, period, count in runs:
        shift = 0
        if period > 1 and count > 1:
            middle = slice(start + period, start + 2 * period)
            distances = [numpy.minimum(column[middle], period) for column in columns]
            key = b"".join([column.tobytes() for column in distances])
            if key not in known:
                known[key] = _best_start(distances, period)
            shift = known[key]
        yield start + shift, period, count - (shift > 0)


def _best_start(distances: Sequence[Array], period: int) -> int:
    """Return at which step of a turn the fewest results are between where they are made and where they are used."""
    import numpy

    crossing = numpy.zeros(2 * period + 1, numpy.int64)
    at = numpy.arange(period) + period
    for column in distances:
        inside = (column > 0) & (column < period)
        numpy.add.at(crossing, (at - column + 1)[inside], 1)
        numpy.add.at(crossing, (at + 1)[inside], -1)
    open_results = crossing.cumsum()
    return int(numpy.argmin(open_results[:period] + open_results[period : 2 * period]))


def _split(sequence: _Sequence, run: Found, sizes: Array) -> Iterator[Found]:
    """Yield the stretches of a run in which operands move evenly, or as the rows of a triangle do.

    So the neurons of a layer are not taken for some of the next one, which read other inputs. Where more than a few
    turns would be left over, it stays one run.
    """
    start, period, count = run
    bounds = {0, count}
    for index in range(period):
        for firsts in _first_steps(sequence.column(start + index, period, count)):
            bounds.update(_breaks(sequence.steps.lefts[firsts]))
            bounds.update(_breaks(sequence.steps.rights[firsts]))
    size = int(sizes[start : start + period].sum())
    stretches = [(begin, end) for begin, end in itertools.pairwise(sorted(bounds)) if is_worth(end - begin, size)]
    if count - sum(end - begin for begin, end in stretches) > min(FEW_TURNS, count // TURNS):
        stretches = [(0, count)]
    for begin, end in stretches:
        yield start + begin * period, period, end - begin


def _first_steps(column: Array | list[_Loop]) -> Iterator[Array]:
    """Yield, for each step of items that have one shape, which step it is in the first turns of each item."""
    import numpy

    if not isinstance(column, list):
        yield column
    elif isinstance(column[0], _Run):
        starts = numpy.array([run.start for run in column])  # type: ignore[union-attr]
        for index in range(column[0].period):
            yield starts + index
    else:
        yield from map(numpy.array, zip(*map(_firsts, column), strict=True))  # type: ignore[arg-type]


def _firsts(part: Straight | Repeated) -> Iterator[int]:
    if isinstance(part, Straight):
        yield int(part.steps[0])
    else:
        for inner in part.body:
            yield from _firsts(inner)


def _breaks(places: Array) -> list[int]:
    """Return the turns with which an operand begins to move otherwise; it may begin with the second one."""
    import numpy

    if places.min() < 0:
        return []
    bends = numpy.flatnonzero(numpy.diff(places, 3)) + 3
    first = bends[numpy.diff(bends, prepend=-9) > 1]  # a new beginning bends three in a row
    found: list[int] = first[first > 3].tolist()
    return found


def _merged_turns(sequence: _Sequence, start: int, period: int, count: int) -> Repeated | None:
    """Return the loop whose turns are such stretches; None if its loops would leave too much memory unused."""
    import numpy

    columns = [sequence.column(start + index, period, count) for index in range(period)]
    for column in columns:
        if isinstance(column, list):
            counts = [loop.count if isinstance(loop, _Run) else int(loop.counts.max()) for loop in column]
            if max(counts) * len(counts) > SPARSE * sum(counts):
                return None
    return Repeated(numpy.array([count]), [_merge(column) for column in columns])


def _unrolled(part: Straight | Repeated) -> list[Straight | Repeated]:
    """Return what does the same, without loops of always the same few turns.

    That comes last: while loops are still merged, what has the same shape has the same loops in it.
    """
    if isinstance(part, Straight):
        return [part]
    body, turns = _unrolled_body(part), int(part.counts[0])
    if (part.counts != turns).any() or is_worth(turns, len(body)) or any(isinstance(each, Repeated) for each in body):
        return [Repeated(part.counts, body)]
    return [Straight(each.steps[turn::turns]) for turn in range(turns) for each in body]  # type: ignore[union-attr]


def _unrolled_body(loop: Repeated) -> list[Straight | Repeated]:
    return [part for inner in loop.body for part in _unrolled(inner)]


def _merge(column: Array | list[_Loop]) -> Straight | Repeated:
    """Return what does one after the other, all of which have the same shape."""
    import numpy

    if not isinstance(column, list):
        return Straight(column)
    if isinstance(column[0], _Run):
        period = column[0].period
        starts = numpy.array([run.start for run in column])  # type: ignore[union-attr]
        counts = numpy.array([run.count for run in column])  # type: ignore[union-attr]
        begins = numpy.repeat(starts, counts) + period * turns_of(counts)
        return Repeated(counts, [Straight(begins + index) for index in range(period)])
    return _joined(column)  # type: ignore[arg-type]


def _joined(parts: Sequence[Straight | Repeated]) -> Straight | Repeated:
    import numpy

    if isinstance(parts[0], Straight):
        return Straight(numpy.concatenate([part.steps for part in parts]))  # type: ignore[union-attr]
    bodies = zip(*(part.body for part in parts), strict=True)  # type: ignore[union-attr]
    counts = numpy.concatenate([part.counts for part in parts])  # type: ignore[union-attr]
    return Repeated(counts, [_joined(column) for column in bodies])
