"""Gradient checkers side by side, at their defaults: false alarms, misses, evaluations of f, time.

Every checker is asked about correct derivatives, about wrong ones planted beside them, and (if it can
answer that) about points without a derivative.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from microgrady.checking import Verdict, judge, numeric_derivative
from tests.benchmarks.cases import BREAKS, Break, Case, Function, planted, smooth_cases

SCIPY_LIMIT = 1e-5
NUMDIFFTOOLS_LIMIT = 5e-4
PEER_NOTES = f"""\
Two peers give no verdict; what their reader would do is done here:
- scipy.optimize.check_grad gives the difference: a match is one below {SCIPY_LIMIT:g}, at its default step.
- numdifftools.Derivative gives a derivative: a match is a relative difference of at most {NUMDIFFTOOLS_LIMIT:g}.
An error that a peer raises is a mismatch. No peer names what is wrong at a break."""
NOTES = """\
Inconclusive are correct and planted derivatives. Own time is that of one check without the calls of f,
the best of {rounds} for each correct derivative."""


@dataclass(frozen=True)
class Checker:
    """A way to check a derivative.

    Attributes:
        name: As it is imported.
        verdict: What it says of (f, point, claimed derivative).
        kind: What it calls a point of f: "smooth", "kink", "jump", ...; None if it cannot say.
    """

    name: str
    verdict: Callable[[Function, float, float], Verdict]
    kind: Callable[[Function, float], str] | None = None


OURS = Checker(
    "microgrady.checking",
    lambda function, point, claim: judge(claim, numeric_derivative(function, point)),
    lambda function, point: numeric_derivative(function, point).kind,
)


def _torch() -> Checker:
    torch: Any = importlib.import_module("torch")

    def check(function: Function, point: float, claim: float) -> bool:
        class Claimed(torch.autograd.Function):  # type: ignore[misc]
            @staticmethod
            def forward(context: Any, x: Any) -> Any:
                return torch.tensor(function(float(x)), dtype=torch.float64)

            @staticmethod
            def backward(context: Any, seed: Any) -> Any:
                return seed * claim

        x = torch.tensor(point, dtype=torch.float64, requires_grad=True)
        return bool(torch.autograd.gradcheck(Claimed.apply, (x,)))

    return _peer("torch.autograd.gradcheck", check)


def _jax() -> Checker:
    jax: Any = importlib.import_module("jax")
    check_grads: Any = importlib.import_module("jax.test_util").check_grads
    jax.config.update("jax_enable_x64", True)

    def check(function: Function, point: float, claim: float) -> bool:
        def value(x: Any) -> Any:
            return jax.numpy.asarray(function(float(x)), dtype=jax.numpy.float64)

        def slope(primals: Any, tangents: Any) -> Any:
            return value(primals[0]), tangents[0] * claim

        claimed = jax.custom_jvp(value)
        claimed.defjvp(slope)
        check_grads(claimed, (jax.numpy.float64(point),), order=1, modes=["fwd"])
        return True

    return _peer("jax.test_util.check_grads", check)


def _autograd() -> Checker:
    numpy: Any = importlib.import_module("autograd.numpy")
    extend: Any = importlib.import_module("autograd.extend")
    check_grads: Any = importlib.import_module("autograd.test_util").check_grads
    numpy.random.seed(0)  # it checks along random directions

    def check(function: Function, point: float, claim: float) -> bool:
        claimed = extend.primitive(lambda x: numpy.float64(function(float(x))))
        extend.defvjp(claimed, lambda answer, x: lambda seed: seed * claim)
        check_grads(claimed, modes=["rev"], order=1)(numpy.float64(point))
        return True

    return _peer("autograd.test_util.check_grads", check)


def _scipy() -> Checker:
    check_grad: Any = importlib.import_module("scipy.optimize").check_grad

    def check(function: Function, point: float, claim: float) -> bool:
        difference = check_grad(lambda x: function(float(x[0])), lambda x: [claim], [point])
        return bool(difference < SCIPY_LIMIT)

    return _peer("scipy.optimize.check_grad", check)


def _numdifftools() -> Checker:
    derivative: Any = importlib.import_module("numdifftools").Derivative

    def check(function: Function, point: float, claim: float) -> bool:
        estimate = float(derivative(lambda x: function(float(x)))(point))
        return abs(estimate - claim) <= NUMDIFFTOOLS_LIMIT * abs(estimate)

    return _peer("numdifftools.Derivative", check)


PEERS = (_torch, _jax, _autograd, _scipy, _numdifftools)


def _peer(name: str, check: Callable[[Function, float, float], bool]) -> Checker:
    def verdict(function: Function, point: float, claim: float) -> Verdict:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Verdict.MATCH if check(function, point, claim) else Verdict.MISMATCH
        except Exception:
            return Verdict.MISMATCH

    return Checker(name, verdict)


@dataclass
class Tally:
    """What a checker said of all cases.

    Attributes:
        right: The number of correct derivatives, and
        alarms: those that were refused, and
        unsure: those of which nothing was said.
        wrong: The number of planted errors, and
        missed: those that matched, and
        hidden: those of which nothing was said.
        breaks: The number of points without a derivative, and
        unnamed: the names of those that were called otherwise; None if the checker gives no names.
        calls: How often f was called in each check.
        times: The checker's own time for each correct derivative, in seconds.
    """

    right: int = 0
    alarms: int = 0
    unsure: int = 0
    wrong: int = 0
    missed: int = 0
    hidden: int = 0
    breaks: int = 0
    unnamed: list[str] | None = None
    calls: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


class _Counted:
    """f, counting its calls."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, x: float) -> float:
        self.calls += 1
        return self.function(x)


def tally(checker: Checker, cases: Sequence[Case], breaks: Sequence[Break], rounds: int = 0) -> Tally:
    """Ask a checker about correct and planted derivatives, and about breaks.

    Args:
        checker: Whom to ask.
        cases: The correct derivatives.
        breaks: The points without one.
        rounds: How often each correct derivative is timed; 0 for no times.
    """
    found = Tally()
    for case in cases:
        counted = _Counted(case.function)
        verdict = checker.verdict(counted, case.point, case.truth)
        found.right += 1
        found.alarms += verdict in (Verdict.MISMATCH, Verdict.NOT_DIFFERENTIABLE)
        found.unsure += verdict is Verdict.INCONCLUSIVE
        found.calls.append(counted.calls)
        if rounds:
            found.times.append(_own_time(checker, case, counted.calls, rounds))
        for _, claim in planted(case):
            verdict = checker.verdict(case.function, case.point, claim)
            found.wrong += 1
            found.missed += verdict is Verdict.MATCH
            found.hidden += verdict is Verdict.INCONCLUSIVE
    if checker.kind is not None:
        found.unnamed = []
        for broken in breaks:
            counted = _Counted(broken.function)
            if checker.kind(counted, broken.point) != broken.kind:
                found.unnamed.append(broken.name)
            found.breaks += 1
            found.calls.append(counted.calls)
    return found


def _own_time(checker: Checker, case: Case, calls: int, rounds: int) -> float:
    """The time of a check without that of the calls of f."""
    whole, inner = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        checker.verdict(case.function, case.point, case.truth)
        whole.append(time.perf_counter() - start)
        start = time.perf_counter()
        for _ in range(calls):
            case.function(case.point)
        inner.append(time.perf_counter() - start)
    return max(0.0, min(whole) - min(inner))


COLUMNS = "{:30}  {:>13}  {:>11}  {:>12}  {:>8}  {:>10}  {:>14}"


def _row(name: str, found: Tally) -> str:
    named = "" if found.unnamed is None else f"{found.breaks - len(found.unnamed)} of {found.breaks}"
    return COLUMNS.format(
        name,
        f"{found.alarms} of {found.right}",
        f"{found.missed} of {found.wrong}",
        f"{found.unsure}, {found.hidden}",
        named or "-",
        f"{statistics.median(found.calls):g} / {max(found.calls)}",
        f"{statistics.median(found.times) * 1e6:.0f} / {max(found.times) * 1e6:.0f}",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--ours", action="store_true", help="microgrady's alone, without the peers")
    parser.add_argument("--rounds", type=int, default=3, help="how often each check is timed (default: 3)")


def run(options: argparse.Namespace) -> None:
    """Print the table, one line for each checker that is installed."""
    if options.rounds < 1:
        raise SystemExit(f"--rounds must be at least 1, not {options.rounds}")
    cases = smooth_cases()
    print(COLUMNS.format("", "false alarms", "misses", "inconclusive", "breaks", "calls of f", "own time in µs"))
    print(COLUMNS.format("checker", "", "", "right, wrong", "named", "median/max", "median/max"))
    missing = []
    for make in (lambda: OURS, *(() if options.ours else PEERS)):
        try:
            checker = make()
        except ImportError as error:
            missing.append(f"{make.__name__.removeprefix('_')} is not installed and left out ({error})")
            continue
        checker.verdict(abs, 1.0, 1.0)  # the first call of some loads a library
        print(_row(checker.name, tally(checker, cases, BREAKS, options.rounds)), flush=True)
    notes = [NOTES.format(rounds=options.rounds), *([] if options.ours else [PEER_NOTES])]
    print("\n".join(["", *missing, *notes]))
