"""Random right and wrong claims to the checker: no false alarm, no miss."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import microgrady as mg
from microgrady.checking import Verdict
from tests.benchmarks.random_functions import FAMILIES, INVISIBLE, plain, truth

Function = Callable[[float], float]
QUIET = (Verdict.MATCH, Verdict.INCONCLUSIVE)
WRONG_FACTORS = (1.001, 0.99, -1.0, 0.0, 2.0)


def require_right(f: Function, x: float, slope: float, what: str) -> None:
    """Raise if a right claim is an alarm: a mismatch, or not differentiable."""
    entry = mg.check_gradient(f, x, gradient=slope).entries[0]
    assert entry.verdict in QUIET, f"{what} at {x!r}: the true derivative {slope!r} is called {entry}"


def smooth(chance: random.Random) -> None:
    """A function of one of the families whose derivative is known: the right claim, and wrong ones."""
    formula, point = chance.choice(FAMILIES)(chance.randrange(10**9))
    f, exact = plain(formula), truth(formula, point)
    entry = mg.check_gradient(f, point, gradient=exact).entries[0]
    # Waves that are shorter than the steps that finite differences take look like a jump.
    spread = max(abs(f(point * (1.0 + part / 1000))) for part in range(-5, 6))
    allowed = (*QUIET, Verdict.NOT_DIFFERENTIABLE) if abs(exact * point) * 1e-8 > spread else QUIET
    assert entry.verdict in allowed, f"at {point!r} the true derivative {exact!r} is called {entry}"
    for factor in WRONG_FACTORS:
        wrong = mg.check_gradient(f, point, gradient=exact * factor).entries[0]
        hidden = abs(exact) <= INVISIBLE * wrong.estimate.scale
        assert hidden or wrong.verdict is not Verdict.MATCH, f"at {point!r}, {factor} times {exact!r} is called {wrong}"


def residual_of_zero(chance: random.Random) -> None:
    """The square of a function where that is 0: the derivative is exactly 0."""
    root, scale = float(chance.randint(-9, 9)), 10.0 ** chance.randint(-3, 3)
    power = chance.choice((1, 2, 3))
    require_right(lambda x: scale * (x**power - root**power) ** 2, root, 0.0, f"{scale} * (x**{power} - ...)**2")


def step(chance: random.Random) -> None:
    """A function of steps, between two of them: the derivative is 0."""
    name = chance.choice(("floor", "ceil", "trunc"))
    x = round(chance.uniform(-1000.0, 1000.0), chance.randint(1, 6))
    if 0.01 < x % 1.0 < 0.99:
        require_right(getattr(mg, name), x, 0.0, f"mg.{name}")


def bend(chance: random.Random) -> None:
    """A continuous derivative that bends, at the bend: it is there."""
    b, c = round(chance.uniform(-3.0, 3.0), 2), chance.uniform(0.5, 9.0)
    functions: list[Function] = [
        lambda y: mg.sqrt(c * c + min(y - b, 0.0) ** 2),
        lambda y: mg.cos(max(y - b, 0.0)),
        lambda y: max(y - b, 0.0) ** 2 + c,
    ]
    require_right(chance.choice(functions), b, 0.0, f"a bend at {b}, with {c}")


def kink(chance: random.Random) -> None:
    """A kink at the point or very near: no slope of either side matches at it, and none is a mismatch beside it."""
    b, slope = round(chance.uniform(-3.0, 3.0), 2), 10.0 ** chance.uniform(-2.0, 2.0)
    for claim in (slope, -slope):
        entry = mg.check_gradient(lambda x: slope * abs(x - b) + 1.0, b, gradient=claim).entries[0]
        assert entry.verdict is not Verdict.MATCH, f"{slope} * abs(x - {b}) + 1 at {b}: {claim} is called {entry}"
    far = b + chance.choice((-1.0, 1.0)) * 10.0 ** chance.uniform(-1.0, 1.0)
    claim = math.copysign(slope, far - b)
    require_right(lambda x: slope * abs(x - b) + 1.0, far, claim, f"{slope} * abs(x - {b}) + 1")


def second_order(chance: random.Random) -> None:
    """Second derivatives, some of them exactly 0."""
    a, b = chance.randint(1, 4), chance.randint(1, 4)
    point = [round(chance.uniform(0.1, 3.0), 1) for _ in range(2)]
    report = mg.check_gradient(lambda x, y: x**a + y**b, *point, order=2)
    wrong = [entry for entry in report.entries if entry.verdict not in QUIET]
    assert not wrong, f"order=2 of x**{a} + y**{b} at {point}: {wrong}"


def case(chance: random.Random) -> None:
    """A claim of one of these kinds."""
    chance.choice((smooth, smooth, smooth, residual_of_zero, step, bend, kink, second_order))(chance)
