"""Numeric derivatives with error bounds, and verdicts on claimed ones."""

from microgrady import later

_HOMES = {
    "microgrady.anomaly": "Anomaly find_anomaly",
    "microgrady.checking.estimate": "Estimate Kind",
    "microgrady.checking.gradient": "check_gradient is_differentiable",
    "microgrady.checking.numeric.derivative": "numeric_derivative",
    "microgrady.checking.report": "Entry Report",
    "microgrady.checking.verdict": "Verdict judge",
}

__all__ = [
    "Anomaly",
    "Entry",
    "Estimate",
    "Kind",
    "Report",
    "Verdict",
    "check_gradient",
    "find_anomaly",
    "is_differentiable",
    "judge",
    "numeric_derivative",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.anomaly import Anomaly, find_anomaly
    from microgrady.checking.estimate import Estimate, Kind
    from microgrady.checking.gradient import check_gradient, is_differentiable
    from microgrady.checking.numeric.derivative import numeric_derivative
    from microgrady.checking.report import Entry, Report
    from microgrady.checking.verdict import Verdict, judge
else:
    __getattr__, __dir__ = later.offer("microgrady.checking", _HOMES)
