"""Runs: where a sequence of shapes repeats, and with which period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

TURNS = 8  # so many make a loop
FEW_TURNS = 3  # so many make one if its body is so long that SAVED steps are saved
SAVED = 128
NEAR = 16  # up to so many steps back, how far away an operand is belongs to the shape of a step
WINDOWS = (2, 16, 128)  # how many steps in a row are looked for again, to find periods
PERIODS = 64  # so many at most are tried in one sequence

Found = tuple[int, int, int]  # a run: start, period, count


class Even:
    """Whether operands move by a fixed step.

    Args:
        columns: For each operand its place in each step.
    """

    def __init__(self, columns: Sequence[Array]) -> None:
        import numpy

        # Constants can stand in a table in any order.
        self._columns = [numpy.where(places < 0, 0, places) for places in columns]

    def __call__(self, period: int) -> Array:
        """Return for each step whether its operands a period and two periods later lie on one line with its own."""
        import numpy

        count = max(0, len(self._columns[0]) - 2 * period)
        holds = numpy.ones(count, bool)
        for column in self._columns:
            twice = column[period : period + count] * 2
            holds &= column[:count] + column[2 * period :] == twice
        return holds


def find_runs(tokens: Array, sizes: Array, even: Even | None, takes_short: bool) -> list[Found]:
    """Find where a sequence repeats, the shortest periods first.

    Args:
        tokens: The shapes.
        sizes: The size of each.
        even: What else must hold.
        takes_short: Whether runs of few turns are found as well that are like longer ones.
    """
    import numpy

    free = numpy.ones(len(tokens), bool)
    found: list[Found] = []
    for period in _periods(tokens):
        count = len(tokens) - period * (1 if even is None else 2)
        if count <= 0:
            continue
        good = (tokens[:-period] == tokens[period:]) & free[:-period] & free[period:]
        span = period
        if even is not None:
            good = good[:count] & good[period:] & even(period)
            span = 2 * period
        if not good.any():
            continue
        end = 0
        edges = numpy.flatnonzero(numpy.diff(numpy.concatenate(([False], good, [False])).view(numpy.int8)))
        starts, stops = edges[::2], edges[1::2] + span
        long = stops - starts >= FEW_TURNS * period
        for start, stop in zip(starts[long].tolist(), stops[long].tolist(), strict=True):
            start = max(start, end)
            count = (stop - start) // period
            if count < FEW_TURNS or not is_worth(count, int(sizes[start : start + period].sum())):
                continue
            found.append((start, period, count))
            end = start + count * period
            free[start:end] = False
    if takes_short:
        found += _short_runs(tokens, free, found, even)
    return sorted(found)


def _short_runs(tokens: Array, free: Array, found: Sequence[Found], even: Even | None) -> list[Found]:
    """Find runs of at least two turns like those that were found."""
    import numpy

    short: list[Found] = []
    for body in {(period, tokens[start : start + period].tobytes()) for start, period, _ in found if period <= NEAR}:
        period, turn = body[0], numpy.frombuffer(body[1], tokens.dtype)
        count = len(tokens) - period + 1
        fits = numpy.ones(count, bool)
        for index, token in enumerate(turn.tolist()):
            fits &= (tokens[index : index + count] == token) & free[index : index + count]
        bends = numpy.zeros(count, bool)  # where the turns after this one go another way
        if even is not None and count > 2 * period:
            straight = even(period)
            for index in range(period):
                bends[: len(straight) - period + 1] |= ~straight[index : len(straight) - period + 1 + index]
        end = 0
        for start in numpy.flatnonzero(fits).tolist():
            if start < end:
                continue
            turns = 1
            while start + turns * period < count and fits[start + turns * period]:
                turns += 1
                if turns > 2 and bends[start + (turns - 3) * period]:
                    turns -= 1
                    break
            if turns > 1:
                short.append((start, period, turns))
                end = start + turns * period
                free[start:end] = False
    return short


def _periods(tokens: Array) -> list[int]:
    """Return the distances at which stretches of a sequence come again most often, the shortest first."""
    import numpy

    total = len(tokens)
    times = numpy.zeros(total // FEW_TURNS + 1, numpy.int64)
    hashes = tokens.astype(numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
    length = 1
    for window in WINDOWS:
        if window > total // 2:
            break
        while length < window:
            hashes = hashes[:-length] * numpy.uint64(0xD6E8FEB86659FD93 + 2 * length) + hashes[length:]
            hashes ^= hashes >> numpy.uint64(29)
            length *= 2
        # Sixteen bits are sorted in linear time; if two stretches share them, a period is tried in vain.
        digest = (hashes * numpy.uint64(0x9E3779B97F4A7C15) >> numpy.uint64(48)).astype(numpy.uint16)
        order = numpy.argsort(digest, kind="stable")
        again = numpy.diff(order)[digest[order[1:]] == digest[order[:-1]]]
        seen = numpy.bincount(again[again < len(times)], minlength=len(times))
        numpy.maximum(times, seen, out=times)
    likely = numpy.flatnonzero(times >= numpy.maximum(numpy.arange(len(times)), FEW_TURNS - 1))
    likely = likely[likely > 0]
    if len(likely) > PERIODS:
        likely = likely[numpy.argsort(-times[likely], kind="stable")[:PERIODS]]
    found: list[int] = numpy.sort(likely).tolist()
    return found


def is_worth(count: int, size: int) -> bool:
    """Return whether so many turns of such a size save enough to be a loop."""
    return count >= TURNS or (count >= FEW_TURNS and (count - 1) * size >= SAVED)
