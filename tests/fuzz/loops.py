"""Random programs full of loops: compiled with their loops, straight or in C, they give the bits of the interpreter."""

from __future__ import annotations

import ctypes
import math
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import microgrady as mg
from microgrady import Value
from microgrady.compiler.compiled import Jitted
from microgrady.compiler.path import CompiledPath
from microgrady.compiler.programs import loops
from microgrady.compiler.programs.program import Guard
from microgrady.value import primitives
from tests.fuzz.floats import any_float, ordinary, same_bits, same_number
from tests.fuzz.shapes import ShapedSource
from tests.plain import plain

Function = Callable[[Sequence[Any]], list[Any]]

ONE = ("mg.sin", "mg.tanh", "mg.exp", "mg.sqrt", "abs", "mg.relu", "-", "mg.log")
TWO = (" + ", " - ", " * ")
TWO_CALLED = ("mg.maximum", "mg.minimum", "mg.hypot", "mg.atan2", "div", "div")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
TURNS = 120  # of all innermost loops together
OPTIONS: tuple[bool | None, ...] = (None, True, False)
EFFORTS = {None: "by default", True: "optimized", False: "straight"}


class LoopSource:
    """A random function of a list of numbers, as Python text.

    Args:
        chance: What makes it.

    Attributes:
        count: How many numbers it takes.
        text: Its lines. It returns a list of numbers.
        data: What it closes over: lists of floats, by their names.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.count = chance.randint(6, 20)
        self.data = {name: self._constants() for name in "de"}
        self._lines = ["def function(x):", "    a, b, total, kept = x[0], 0.5, 0.0, [x[-1]]"]
        self._names: list[str] = []  # of temporaries that can be used
        self._indices: list[tuple[str, int]] = []  # of the loops around, with an upper bound of each
        for _ in range(chance.randint(1, 3)):
            self._loop(1, TURNS)
        self._lines.append("    return [total, a, b, *kept[:5], kept[-1]]")
        self.text = "\n".join(self._lines)

    def _constants(self) -> list[float]:
        """Return data as programs have it: of any kind, regular, repeated, of zeros and ones, with nan among it."""
        chance, count = self._chance, self._chance.randint(5, 40)
        match chance.randrange(6):
            case 0:
                return [any_float(chance) for _ in range(count)]
            case 1:
                return [0.5 * k - 3.0 for k in range(count)]
            case 2:
                return [float(chance.randint(-1, 2)) for _ in range(count)]
            case 3:
                return [chance.choice((0.0, 1.0))] * count
            case 4:
                numbers = [ordinary(chance) for _ in range(count)]
                numbers[chance.randrange(count)] = chance.choice((math.nan, math.inf, -math.inf, -0.0, 0.0, 1.0))
                return numbers
            case _:
                return [ordinary(chance) for _ in range(count)]

    def _write(self, depth: int, line: str) -> None:
        self._lines.append("    " * depth + line)

    def _loop(self, depth: int, turns: int) -> None:
        chance = self._chance
        index = "ijk"[len(self._indices)]
        if not self._indices and chance.random() < 0.1:
            self._while(depth, index)
            return
        most = min(turns, chance.choice((3, 8, 9, 12, 20, 40, 60)))
        bounds = [f"{most}", f"2, {most + 2}", f"{most}, 0, -1", f"0, {2 * most}, 2"]
        if self._indices:
            outer, bound = chance.choice(self._indices)
            if bound * most <= turns:  # triangles
                bounds += [outer, f"{outer} + 1, {bound + 1}", f"{bound} - {outer}", f"{outer}, {outer} + {most}"] * 2
                most = max(most, bound)
        self._write(depth, f"for {index} in range({chance.choice(bounds)}):")
        names = list(self._names)
        self._indices.append((index, 2 * most + 2))
        self._body(depth + 1, max(1, turns // most))
        self._indices.pop()
        self._names = names

    def _while(self, depth: int, index: str) -> None:
        """Write a loop that a number ends."""
        limit = ordinary(self._chance)
        self._write(depth, f"{index} = 0")
        self._write(depth, f"while {index} < {self._chance.randint(8, 30)} and a < {abs(limit)!r}:")
        names = list(self._names)
        self._indices.append((index, 30))
        self._body(depth + 1, 20)
        self._indices.pop()
        self._names = names
        self._write(depth + 1, f"{index} += 1")

    def _body(self, depth: int, turns: int) -> None:
        chance = self._chance
        statements = chance.randint(1, 3)
        for number in range(statements):
            kind = chance.random()
            if kind < 0.3 and len(self._indices) < 3 and turns >= 3:
                self._loop(depth, turns)
            elif kind < 0.38:
                self._guard(depth)
            elif kind < 0.42:  # turns that are not as the others
                index, bound = self._indices[-1]
                self._write(depth, f"if {index} {chance.choice(('>', '<', '=='))} {chance.choice((0, 1, bound // 3))}:")
                self._statement(depth + 1)
            elif kind < 0.65:
                name = f"t{len(self._names)}"
                self._write(depth, f"{name} = {self._expression(3)}")
                self._names.append(name)
            else:
                self._statement(depth, number == statements - 1)

    def _guard(self, depth: int) -> None:
        chance = self._chance
        if chance.random() < 0.7:  # in most turns it holds
            self._write(depth, f"if {self._operand()} {chance.choice(('< 50.0', '> -50.0', '!= 0.25'))}:")
        else:
            right = chance.choice((self._expression(1), repr(ordinary(chance))))
            self._write(depth, f"if {self._expression(1)} {chance.choice(COMPARISONS)} {right}:")
        self._statement(depth + 1)
        if chance.random() < 0.5:
            self._write(depth, "else:")
            self._statement(depth + 1)

    def _statement(self, depth: int, is_last: bool = False) -> None:
        chance = self._chance
        lines = [
            f"total = total + {self._expression(3)}",
            f"a = {self._expression(2)}",
            f"a = mg.tanh(a * {self._operand()} + {self._expression(1)})",
            f"a, b = b, mg.sin(a) + 0.5 * {self._operand()}",
            f"b = mg.where(mg.greater({self._operand()}, b), {self._expression(1)}, b)",
            f"kept.append({self._expression(2)})",
            f"kept[-1] = {self._expression(2)}",
            f"total = total * 0.5 - {self._expression(2)} * {self._operand()}",
        ]
        self._write(depth, lines[0] if is_last and chance.random() < 0.4 else chance.choice(lines))

    def _expression(self, depth: int) -> str:
        chance, kind = self._chance, self._chance.random()
        if depth == 0 or kind < 0.15:
            return self._operand()
        if kind < 0.35:
            return f"{chance.choice(ONE)}({self._expression(depth - 1)})"
        left, right = self._expression(depth - 1), self._operand()
        if kind < 0.45:
            return f"{chance.choice(TWO_CALLED)}({left}, {right})"
        if kind < 0.52:
            return f"power({left}, {chance.choice((2.0, 3.0, -1.0, 0.5))})"
        if chance.random() < 0.5:
            left, right = right, left
        return f"({left}{chance.choice(TWO)}{right})"

    def _operand(self) -> str:
        chance, kind = self._chance, self._chance.random()
        if kind < 0.35:
            return f"x[{self._index(self.count)}]"
        if kind < 0.55:
            name = chance.choice("de")
            return f"{name}[{self._index(len(self.data[name]))}]"
        if kind < 0.65:
            return f"kept[{chance.choice(('-1', self._index(0) + ' % len(kept)', '0'))}]"
        if kind < 0.75 and self._names:
            return chance.choice(self._names)
        if kind < 0.9:
            return chance.choice("ab")
        return repr(any_float(chance) if chance.random() < 0.2 else ordinary(chance))

    def _index(self, length: int) -> str:
        """Return an index that moves with the loops around, in any of the ways in which indices do."""
        chance = self._chance
        index, bound = chance.choice(self._indices) if self._indices else ("0", 0)
        shift = chance.choice((0, 0, 0, 1, 1, 2))
        forms = [(index, bound), (f"{index} + {shift}", bound + shift)] * 3
        forms += [(f"3 * {index} + {shift}", 3 * bound + shift), (f"{index} * {index}", bound * bound)]
        forms += [(f"-1 - {index}", bound), (str(shift), shift)]
        if len(self._indices) > 1:
            (first, most), (second, least) = self._indices[-2:]
            forms += [(f"{first} + {second}", most + least), (f"4 * {first} + {second}", 4 * most + least)] * 2
        form, largest = chance.choice(forms)
        if length == 0:
            return f"({form})"
        return form if largest < length else f"({form}) % {length}"

    def __str__(self) -> str:
        data = "\n".join(f"{name} = {numbers}" for name, numbers in self.data.items())
        return f"{data}\n{self.text}"

    def function(self) -> Function:
        """Return the function."""
        # Numbers of Python would raise where they are divided by zero.
        names: dict[str, Any] = {"mg": mg, "div": primitives["div"], "power": primitives["pow"]}
        names |= {"inf": math.inf, "nan": math.nan, **self.data}
        exec(self.text, names)
        made: Function = names["function"]
        return made


def points_of(chance: random.Random, count: int) -> list[list[float]]:
    """Return where a program is called: at a point, and where one of its numbers, or all, are others."""
    number = any_float if chance.random() < 0.3 else ordinary
    first = [number(chance) for _ in range(count)]
    points = [first]
    for place in (0, count // 2, count - 1):  # so that a guard may fail in the first turn, in a middle one, in the last
        point = list(first)
        point[place] = chance.choice((-point[place], 100.0, -100.0, 0.25, 0.0))
        points.append(point)
    return [*points, [ordinary(chance) for _ in range(count)]]


def require_same(
    function: Function, shown: object, points: Sequence[list[float]], with_gradient: bool, in_c: bool
) -> Jitted[..., Any]:
    """Raise if a function or its gradient has other bits when it is compiled.

    Args:
        function: It takes a list of numbers and returns one.
        shown: What to show of it.
        points: Where to call it.
        with_gradient: Whether to take the sum of its results, and the gradient.
        in_c: Whether to hold C to the same.

    Returns:
        It compiled by default.
    """

    def scalar(x: Sequence[Any]) -> Any:
        return mg.sum(function(x)) + x[0]

    measured: Callable[..., Any] = mg.value_and_grad(scalar) if with_gradient else function
    compiled = {optimize: mg.jit(measured, optimize=optimize) for optimize in OPTIONS}
    for point in points:
        with mock.patch.multiple(
            loops, KEPT_COST=0.0, LOOP_COST=0.0, EASY=0
        ):  # loops also where straight code is as good
            found = {optimize: _flat(each(point)) for optimize, each in compiled.items()}
        expected = _flat(measured(point) if with_gradient else map(plain, function([Value(x) for x in point])))
        for optimize, numbers in found.items():
            what = f"{EFFORTS[optimize]} {numbers}, interpreted {expected}, at {point}:\n{shown}"
            # The sign of a derivative that is zero may be another one.
            alike = same_bits(numbers[0], expected[0]) and all(map(same_number, numbers, expected))
            assert alike if with_gradient else all(map(same_bits, numbers, expected)), what
            assert all(map(same_bits, numbers, found[False])), what
    for optimize, each in compiled.items():
        if optimize is not False:
            _require_same_guards(shown, each, points)
    if in_c:
        _require_same_in_c(shown, compiled[None], points)
    return compiled[None]


def _flat(returned: Any) -> list[float]:
    numbers: list[float] = []
    for part in returned:
        numbers += part if isinstance(part, list) else [part]
    return numbers


def _expected(path: CompiledPath, point: list[float]) -> tuple[int, list[float]]:
    """Return the number of the guard that fails on a path, or 0, and what the program gives step by step."""
    outputs = path.program.evaluate(point)
    if isinstance(outputs, Guard):
        return 1 + [guard for _, guard in path.program.guards].index(outputs), []
    return 0, outputs


def _require_same_guards(shown: object, compiled: Jitted[..., Any], points: Sequence[list[float]]) -> None:
    for path in compiled.paths:
        for point in points:
            failed, expected = path.run(point)[0], _expected(path, point)[0]
            assert failed == expected, f"guard {failed} fails instead of {expected} at {point}:\n{shown}"


def _require_same_in_c(shown: object, compiled: Jitted[..., Any], points: Sequence[list[float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text, library = Path(folder, "loops.c"), Path(folder, "loops.so")
        text.write_text(compiled.to_c("loops"))
        options = ["-std=c99", "-O1", "-ffp-contract=off", "-shared", "-fPIC"]
        options += ["-pedantic", "-Wall", "-Wextra", "-Werror"]
        subprocess.run(["cc", *options, str(text), "-o", str(library), "-lm"], check=True, timeout=300)
        functions = ctypes.CDLL(str(library))
    for number, path in enumerate(compiled.paths, 1):
        run, count = functions["loops" if number == 1 else f"loops_{number}"], len(path.program.outputs)
        for point in points:
            out = (ctypes.c_double * count)()
            failed = run((ctypes.c_double * len(point))(*point), out)
            expected_guard, expected = _expected(path, point)
            assert failed == expected_guard, f"in C guard {failed} fails instead of {expected_guard}:\n{shown}"
            alike = failed or all(map(same_bits, out, expected))
            assert alike, f"in C {list(out)} instead of {expected} at {point}:\n{shown}"


def case(chance: random.Random) -> None:
    """One program at several points, its gradient or the function alone; now and then in C."""
    source = LoopSource(chance) if chance.random() < 0.5 else ShapedSource(chance)
    in_c = chance.random() < 0.3 and shutil.which("cc") is not None
    require_same(source.function(), source, points_of(chance, source.count), chance.random() < 0.5, in_c)
