"""Several threads at once: each gets what it would get alone."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable

import microgrady as mg
from microgrady import Value
from microgrady.command.expressions import Expression
from tests.fuzz.interrupts import function
from tests.threads import run_in_threads

SHARED = mg.jit(mg.value_and_grad(function, (0, 1)))


def in_a_scope(x: float, y: float) -> object:
    with mg.scope(f"scope {x}"):
        z = function(Value(x, "x"), Value(y, "y"))
    return mg.draw(z).source


def with_a_fresh_compiled_function(x: float, y: float) -> object:
    return mg.jit(lambda x, y: mg.sin(x) * y if x > 0 else y)(x, y)


def nested_expression(x: float, y: float) -> object:
    return Expression("-" * 2900 + "x + " * 500 + "y")(*[x, y])


WORK: list[Callable[[float, float], object]] = [
    mg.value_and_grad(function, (0, 1)),
    mg.hessian(lambda x, y: function(x, y), (0, 1)),
    lambda x, y: SHARED(x, y),
    in_a_scope,
    with_a_fresh_compiled_function,
    nested_expression,
    lambda x, y: str(mg.check_gradient(function, x, y)),
]


def case(chance: random.Random) -> None:
    """Random work in four threads, and one leaf that all share."""
    jobs = [[(chance.choice(WORK), chance.uniform(-2, 2), chance.uniform(-2, 2)) for _ in range(5)] for _ in range(4)]
    alone = [[work(x, y) for work, x, y in job] for job in jobs]
    limit, interval = sys.getrecursionlimit(), sys.getswitchinterval()
    leaf, found = Value(2.0), [list[object]() for _ in jobs]

    def run(index: int) -> None:
        for work, x, y in jobs[index]:
            found[index].append(work(x, y))
            (leaf * leaf).backward()

    sys.setswitchinterval(1e-5)
    stack = threading.stack_size(256 * 1024 if chance.random() < 0.3 else 0)
    try:
        run_in_threads(run, len(jobs))
    finally:
        threading.stack_size(stack)
        sys.setswitchinterval(interval)
    assert found == alone, f"{found}\ninstead of\n{alone}"
    assert leaf.grad == 4.0 * sum(map(len, jobs)), f"the shared leaf has {leaf.grad}"
    assert sys.getrecursionlimit() == limit, f"the recursion limit is {sys.getrecursionlimit()}"
