"""What a check found: one entry for each derivative, printed as a table."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

from microgrady.checking.estimate import Estimate
from microgrady.checking.verdict import Verdict

SHOWN = 30  # rows of a printed report; what is left out is counted
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
    """

    name: str
    claimed: float
    estimate: Estimate
    verdict: Verdict

    @property
    def relative_error(self) -> float:
        """The difference relative to the estimate; 0.0 if both are equal."""
        difference = abs(self.claimed - self.estimate.value)
        if difference == 0.0:
            return 0.0
        return difference / abs(self.estimate.value) if self.estimate.value else math.inf

    def row(self) -> tuple[str, ...]:
        """The columns of the report as text."""
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
        """The verdict, and where it is open, why."""
        if self.verdict is Verdict.INCONCLUSIVE:
            return f"{self.verdict} ({self.estimate.digits} digits certain)"
        if self.verdict is Verdict.NOT_DIFFERENTIABLE:
            return f"{self.verdict} ({self.estimate.kind})"
        return str(self.verdict)


@dataclass(frozen=True)
class Report:
    """What `check_gradient` found: true if all derivatives match.

    Attributes:
        entries: One for each derivative, in the order of the inputs (for several results: result by
            result).
    """

    entries: tuple[Entry, ...]

    @property
    def ok(self) -> bool:
        """Whether every derivative matches."""
        return all(entry.verdict is Verdict.MATCH for entry in self.entries)

    def __bool__(self) -> bool:
        return self.ok

    def worst_first(self) -> list[Entry]:
        """The entries, those to look at before the others."""

        def severity(entry: Entry) -> tuple[int, float]:
            error = entry.relative_error
            return SEVERITY.index(entry.verdict), -error if error == error else -math.inf

        return sorted(self.entries, key=severity)

    def summary(self) -> str:
        """One line: how many derivatives match, and how many do not."""
        counts = {verdict: sum(entry.verdict is verdict for entry in self.entries) for verdict in SEVERITY}
        total = len(self.entries)
        found = f"{counts[Verdict.MATCH]} of {total} derivatives match"
        rest = [f"{count} {verdict}" for verdict, count in counts.items() if count and verdict is not Verdict.MATCH]
        return "; ".join([found, *rest])

    def to_dict(self) -> dict[str, Any]:
        """The report in plain numbers and strings, as for JSON."""
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
                }
                for entry in self.entries
            ],
        }

    def __repr__(self) -> str:
        return f"<Report: {self.summary()}>"

    def __str__(self) -> str:
        shown, left_out = self._shown()
        rows = [HEADER, *(entry.row() for entry in shown)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
        lines = []
        for row in rows:
            numbers = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
            lines.append("  ".join([row[0].ljust(widths[0]), *numbers, row[-1]]))
        return "\n".join([*lines, *left_out, self.summary()])

    def _repr_html_(self) -> str:
        def cells(kind: str, row: tuple[str, ...]) -> str:
            return "<tr>" + "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in row) + "</tr>"

        shown, left_out = self._shown()
        body = "".join(cells("td", entry.row()) for entry in shown)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in [*left_out, self.summary()])
        return f"<table><thead>{cells('th', HEADER)}</thead><tbody>{body}</tbody></table>{notes}"

    def _shown(self) -> tuple[list[Entry], list[str]]:
        entries = self.worst_first()
        hidden = len(entries) - SHOWN
        return entries[:SHOWN], [f"... and {hidden} more, none worse than these"] if hidden > 0 else []
