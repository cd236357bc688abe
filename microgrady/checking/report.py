"""What a check found: one entry for each derivative, printed as a table."""

from __future__ import annotations

import html
import math
import textwrap
from dataclasses import dataclass
from typing import Any

from microgrady.checking.estimate import Estimate
from microgrady.checking.verdict import Verdict

SHOWN = 30  # rows of a printed report, at most; what is left out is counted
WIDTH = 80  # of a sentence below it
FEW = 10  # derivatives that are all shown; among more, those that match would hide the others
# The worst come first.
SEVERITY = [Verdict.MISMATCH, Verdict.INCONCLUSIVE, Verdict.NOT_DIFFERENTIABLE, Verdict.MATCH]
HEADER = ("input", "claimed", "estimate", "bound", "relative error", "verdict")


@dataclass(frozen=True)
class Entry:
    """One derivative, as claimed and as estimated.

    Attributes:
        name: Which derivative: the input by which is differentiated, as in `w[0]`, and for a function
            of several results also which one, as in `result[1] by w[0]`.
        claimed: The derivative in question.
        estimate: What finite differences say.
        verdict: How the two compare.
        reason: Why nothing is proved, where that is not for the estimate to say.
    """

    name: str
    claimed: float
    estimate: Estimate
    verdict: Verdict
    reason: str = ""

    @property
    def relative_error(self) -> float:
        """The difference relative to the estimate; 0.0 if both are equal."""
        difference = abs(self.claimed - self.estimate.value)
        if difference == 0.0:
            return 0.0
        return difference / abs(self.estimate.value) if self.estimate.value else math.inf

    def row(self) -> tuple[str, ...]:
        """Return the columns of the report as text."""
        claimed, estimate = f"{self.claimed:.10g}", f"{self.estimate.value:.10g}"
        return (
            self.name,
            claimed,
            estimate,
            f"± {self.estimate.error:.1e}",
            f"{self.relative_error:.1e}",
            self.remark(),
        )

    def remark(self) -> str:
        """Return the verdict, and where it is open, why."""
        if self.verdict is Verdict.INCONCLUSIVE:
            return f"{self.verdict} ({self.reason or f'{self.estimate.digits} digits certain'})"
        if self.verdict is Verdict.NOT_DIFFERENTIABLE:
            return f"{self.verdict} ({self.estimate.kind})"
        return str(self.verdict)


@dataclass(frozen=True)
class Report:
    """What `check_gradient` found: true if all derivatives match.

    Attributes:
        entries: One for each derivative, in the order of the inputs (for several results: result by
            result).
        remarks: Sentences on what makes the whole check doubtful, such as a function that is random.
    """

    entries: tuple[Entry, ...]
    remarks: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every derivative matches."""
        return all(entry.verdict is Verdict.MATCH for entry in self.entries)

    def __bool__(self) -> bool:
        return self.ok

    def worst_first(self) -> list[Entry]:
        """Return the entries, those to look at before the others."""

        def severity(entry: Entry) -> tuple[int, float]:
            error = entry.relative_error
            return SEVERITY.index(entry.verdict), -error if error == error else -math.inf

        return sorted(self.entries, key=severity)

    def summary(self) -> str:
        """Say in one line how many derivatives match, and how many do not."""
        matching = [entry for entry in self.entries if entry.verdict is Verdict.MATCH]
        others = [entry for entry in self.entries if entry.verdict is not Verdict.MATCH]
        return "; ".join([f"{len(matching)} of {len(self.entries)} derivatives match", *counted(others)])

    def table(self, limit: int | None = None) -> str:
        """Return the derivatives as a table, the worst first, without the summary.

        Args:
            limit: How many derivatives it has. By default 30 at most; where there are more than 10, those that
                match are left out if others do not.

        Raises:
            ValueError: `limit` is not an int of at least 0.

        Example:
            >>> from microgrady import check_gradient
            >>> report = check_gradient(lambda x, y: x * y, 2.0, 3.0, gradient=(3.0, 2.5))
            >>> header, worst, note = report.table(limit=1).splitlines()
            >>> worst.split()[:3], note
            (['y', '2.5', '2'], '... and 1 match: report.entries has all')
        """
        shown, notes = self._shown(limit)
        rows = [HEADER, *(entry.row() for entry in shown)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
        lines = []
        for row in rows:
            numbers = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
            lines.append("  ".join([row[0].ljust(widths[0]), *numbers, row[-1]]))
        return "\n".join([*lines, *(textwrap.fill(note, WIDTH) for note in notes)])

    def to_dict(self) -> dict[str, Any]:
        """Return the report in plain numbers and strings, as for JSON."""
        return {
            "ok": self.ok,
            "summary": self.summary(),
            "entries": [
                {
                    "name": entry.name,
                    "claimed": entry.claimed,
                    "estimate": entry.estimate.value,
                    "bound": entry.estimate.error,
                    "relative_error": entry.relative_error,
                    "verdict": str(entry.verdict),
                    "remark": entry.remark(),
                }
                for entry in self.entries
            ],
            "remarks": list(self.remarks),
        }

    def __repr__(self) -> str:
        return f"<Report: {self.summary()}>"

    def __str__(self) -> str:
        return f"{self.table()}\n{self.summary()}"

    def _repr_html_(self) -> str:
        def cells(kind: str, row: tuple[str, ...]) -> str:
            return "<tr>" + "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in row) + "</tr>"

        shown, found = self._shown(None)
        body = "".join(cells("td", entry.row()) for entry in shown)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in [*found, self.summary()])
        return f"<table><thead>{cells('th', HEADER)}</thead><tbody>{body}</tbody></table>{notes}"

    def _shown(self, limit: int | None) -> tuple[list[Entry], list[str]]:
        """Return what a table has, and what stands below it."""
        if limit is not None and not (type(limit) is int and limit >= 0):
            raise ValueError(f"limit must be None or an int of at least 0, not {limit!r}")
        entries = self.worst_first()
        if limit is None:
            failing = sum(entry.verdict is not Verdict.MATCH for entry in entries)
            limit = min(failing, SHOWN) if failing and len(entries) > FEW else SHOWN
        shown, left_out = entries[:limit], entries[limit:]
        notes = list(self.remarks)
        if left_out:
            found = counted(left_out, "es")
            if shown and shown[-1].verdict is left_out[0].verdict:
                found[0] = found[0].replace(" ", " more ", 1)
            notes.insert(0, f"... and {' and '.join(found)}: report.entries has all")
        return shown, notes


def counted(entries: list[Entry], plural: str = "") -> list[str]:
    """Return how many entries have each verdict, the worst verdict first, as in "2 mismatch"."""
    counts = {verdict: sum(entry.verdict is verdict for entry in entries) for verdict in SEVERITY}
    ends = {verdict: plural if count > 1 else "" for verdict, count in counts.items()}
    ends |= dict.fromkeys((Verdict.INCONCLUSIVE, Verdict.NOT_DIFFERENTIABLE), "")
    return [f"{count} {verdict}{ends[verdict]}" for verdict, count in counts.items() if count]
