"""Random functions made of the loops that people write: layers, stencils, recurrences, pairs, graphs, attention."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import microgrady as mg
from microgrady.value import primitives
from tests.fuzz.floats import any_float, ordinary

Function = Callable[[Sequence[Any]], list[Any]]

MOST = 400  # turns of the innermost loops of one block
LENGTH = 40  # of a list
SMALL = (0.0, -0.0, 1.0, 1.0, -1.0, 2.0, 0.5, 3.0)


class _Text:
    """A function of a list of numbers that is being written.

    Attributes:
        count: How many numbers it takes.
        data: What it closes over, by names: lists of floats and of whole numbers.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.count = chance.randint(2, 24)
        self.data: dict[str, list[Any]] = {}
        self._lists = [("x", self.count)]  # with their lengths
        self._lines = ["def function(x):"]
        self._level = 1
        self._name = ""  # of the list that is being made

    def function(self) -> Function:
        """Return the function."""
        # Numbers of Python would raise where they are divided by zero.
        names: dict[str, Any] = {"mg": mg, "div": primitives["div"], "power": primitives["pow"]}
        names |= {"inf": math.inf, "nan": math.nan, **self.data}
        exec("\n".join(self._lines), names)
        made: Function = names["function"]
        return made

    def __str__(self) -> str:
        data = "\n".join(f"{name} = {numbers}" for name, numbers in self.data.items())
        return "\n".join([data, *self._lines])

    def _write(self, line: str) -> None:
        self._lines.append("    " * self._level + line)

    def _list(self) -> tuple[str, int]:
        return self._chance.choice(self._lists[-3:])

    def _numbers(self, count: int) -> str:
        """Return the name of data: of any kind, of zeros and ones, all the same, regular, or with nan among it."""
        chance, kind = self._chance, self._chance.randrange(7)
        if kind == 0:
            numbers = [any_float(chance) for _ in range(count)]
        elif kind == 1:
            numbers = [0.5 * k - 3.0 for k in range(count)]
        elif kind == 2:
            numbers = [chance.choice(SMALL) for _ in range(count)]
        elif kind == 3:
            numbers = [chance.choice(SMALL)] * count
        else:
            numbers = [ordinary(chance) for _ in range(count)]
        if kind == 4:
            numbers[chance.randrange(count)] = chance.choice((math.nan, math.inf, -math.inf, *SMALL))
        name = f"d{len(self.data)}"
        self.data[name] = numbers
        return name

    def _indices(self, count: int, below: int) -> str:
        name = f"i{len(self.data)}"
        self.data[name] = [self._chance.randrange(below) for _ in range(count)]
        return name

    def _one(self, number: str) -> str:
        """Return a function of a number."""
        forms = ["mg.sin({0})", "mg.tanh({0})", "abs({0})", "mg.relu({0})", "mg.exp(-{0} * {0})", "-{0}", "0.5 * {0}"]
        forms += ["power({0}, 2.0)", "power({0}, 3.0)", "div({0}, 4.0)", "div(1.0, {0})", "mg.log({0})", "{0}"]
        forms += ["mg.maximum({0}, 0.0)", "mg.where(mg.greater({0}, 0.5), {0} * 2.0, 0.25)", "({0} - 1.0) * {0}"]
        return self._chance.choice(forms).format(number)

    def _two(self, left: str, right: str) -> str:
        """Return a function of two numbers."""
        forms = ["{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} * {1} + {0}", "mg.hypot({0}, {1})", "mg.maximum({0}, {1})"]
        forms += ["({0} - {1}) * ({0} - {1})", "div({0}, {1})", "0.5 * {0} + {1}", "mg.minimum({0}, {1})", "{1} - {0}"]
        return "(" + self._chance.choice(forms).format(left, right) + ")"

    def _weights(self, count: int) -> tuple[str, str]:
        """Return numbers to multiply with, as an expression of an index `k` below `count`: data or variables."""
        name, length = self._list()
        if self._chance.random() < 0.4:
            return f"{name}[(", f") % {length}]"
        return f"{self._numbers(count)}[", "]"

    def _outputs(self) -> str:
        chance = self._chance
        parts = []
        for name, length in chance.sample(self._lists, chance.randint(1, len(self._lists))):
            order = self._indices(chance.choice((2, 10, 80)), length)
            forms = [name, f"{name}[::-1]", f"{name}[::2]", f"[{name}[k] for k in {order}]", f"{name}[1:]"]
            forms += [f"{name}[::3] * 3", f"[mg.sum({name})]"]
            parts.append("*" + chance.choice(forms))
        parts += chance.sample(("1.0", "x[0]", "-0.0", "*x", "*x[::-1]"), chance.randint(0, 2))
        return f"[{self._lists[-1][0]}[-1], {', '.join(parts)}]"


class ShapedSource(_Text):
    """A random function of a list of numbers, as Python text: blocks, each of which makes a list of earlier ones.

    Args:
        chance: What makes it.
    """

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        blocks = [name for name in vars(ShapedSource) if name.startswith("_block_")]
        for number in range(chance.randint(1, 4)):
            self._name = f"u{number}"
            length: int = getattr(self, chance.choice(blocks))()  # of the list that it makes
            self._lists.append((self._name, length))
        self._write(f"return {self._outputs()}")

    def _block_layer(self) -> int:
        name, length = self._list()
        rows = self._chance.randint(1, max(1, min(LENGTH, MOST // length)))
        before, after = self._weights(rows * length)
        start = self._chance.choice(("0.0", f"{name}[0]", f"{name}[i % {length}]"))
        self._write(f"{self._name} = []")
        self._write(f"for i in range({rows}):")
        self._write(f"    s = {start}")
        self._write(f"    for j in range({length}):")
        self._write(f"        s = s + {before}{length} * i + j{after} * {name}[j]")
        self._write(f"    {self._name}.append({self._one('s')})")
        return rows

    def _block_product(self) -> int:
        """Write a product of matrices: loops three deep."""
        rows, inner, columns = (self._chance.randint(1, 6) for _ in range(3))
        before, after = self._weights(rows * inner)
        name, length = self._list()
        self._write(f"{self._name} = []")
        self._write(f"for i in range({rows}):")
        self._write(f"    for j in range({columns}):")
        self._write("        s = 0.0")
        self._write(f"        for k in range({inner}):")
        self._write(f"            s = s + {before}{inner} * i + k{after} * {name}[({columns} * k + j) % {length}]")
        self._write(f"        {self._name}.append(s)")
        return rows * columns

    def _block_map(self) -> int:
        name, length = self._list()
        other, size = self._list()
        before, after = self._weights(length)
        term = self._two(f"{name}[k]", f"{other}[({self._chance.choice(('k', '2 * k', '-1 - k', 'k + 1'))}) % {size}]")
        self._write(f"{self._name} = [{self._one(term)} * {before}k{after} for k in range({length})]")
        return length

    def _block_convolution(self) -> int:
        name, length = self._list()
        width = self._chance.randint(1, min(5, length))
        before, after = self._weights(width)
        turns = length - width + 1
        self._write(f"{self._name} = []")
        self._write(f"for i in range({turns}):")
        self._write("    s = 0.0")
        self._write(f"    for j in range({width}):")
        self._write(f"        s = s + {before}j{after} * {name}[i + {self._chance.choice(('j', f'{width - 1} - j'))}]")
        self._write(f"    {self._name}.append(s)")
        return turns

    def _block_stencil(self) -> int:
        chance = self._chance
        name, length = self._list()
        rows, columns = chance.randint(2, 7), chance.randint(2, 7)
        inside = chance.choice(("clamped", "around", "kept"))
        self._write(f"g = [[{name}[({columns} * i + j) % {length}] for j in range({columns})] for i in range({rows})]")
        self._write(f"for turn in range({chance.randint(1, 5)}):")
        new = "g" if chance.random() < 0.3 else "n"  # in place, or of the turn before
        self._write(f"    {new} = [list(row) for row in g]")
        edge = 1 if inside == "kept" else 0
        self._write(f"    for i in range({edge}, {rows - edge}):")
        self._write(f"        for j in range({edge}, {columns - edge}):")

        def at(index: str, shift: int, count: int) -> str:
            if inside == "clamped":
                return f"min({count - 1}, max(0, {index} + {shift}))"
            return f"({index} + {shift}) % {count}"

        around = [f"g[{at('i', a, rows)}][{at('j', b, columns)}]" for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1))]
        chance.shuffle(around)
        some = " + ".join(around[: chance.randint(2, 4)])
        self._write(f"            {new}[i][j] = {self._two('g[i][j]', f'0.25 * ({some})')}")
        self._write(f"    g = {new}")
        self._write(f"{self._name} = [number for row in g for number in row]")
        return rows * columns

    def _block_recurrence(self) -> int:
        chance = self._chance
        name, length = self._list()
        other, _ = self._list()
        self._write(f"a, b, c = {name}[0], {chance.choice(('0.5', '0.0', f'{other}[-1]'))}, {other}[0]")
        self._write(f"{self._name} = [a]")
        turns = chance.choice((3, 7, 8, 9, 20, 50))
        self._write(f"for k in range({turns}):")
        here = f"{name}[k % {length}]" if chance.random() < 0.7 else f"{name}[{chance.randrange(length)}]"
        forms = [
            f"a, b = b, {self._two('a', here)}",
            f"a, b, c = b, c, {self._two(f'a * {here}', 'b')}",
            "a, b, c = c, a, b",
            f"a, b, c = mg.tanh(b), {self._two('a', here)}, a",
            f"a = {self._two('a', here)}; b = {self._two('b', 'a')}; c = {self._one('c')}",
            f"a, b, c = {self._two('b', 'c')}, a, {here}",
        ]
        for form in chance.sample(forms, chance.randint(1, 2)):
            self._write(f"    {form}")
        if chance.random() < 0.5:
            self._write(f"    {self._name}.append({chance.choice('abc')})")
        else:
            turns = 0
        self._write(f"{self._name} += [a, b, c]")
        return turns + 4

    def _block_history(self) -> int:
        chance = self._chance
        name, length = self._list()
        lag, turns = chance.randint(1, 4), chance.choice((4, 8, 12, 30))
        self._write(f"{self._name} = [{name}[k % {length}] for k in range({lag})]")
        self._write(f"for k in range({turns}):")
        back = f"{self._name}[-{lag}]"
        self._write(f"    {self._name}.append({self._two(self._one(f'{self._name}[-1]'), back)})")
        if chance.random() < 0.4:
            self._write(f"    if k > {chance.choice((0, 1, turns - 2))}:")
            self._write(f"        {self._name}[-1] = {self._two(f'{self._name}[-1]', f'{name}[k % {length}]')}")
        return lag + turns

    def _block_triangle(self) -> int:
        chance = self._chance
        name, length = self._list()
        count = min(length, chance.choice((4, 9, 12, 20)))
        bounds = chance.choice(("i", "i + 1", f"i, {count}", f"i + 1, {count}", f"{count} - i", "i, -1, -1"))
        total = chance.choice(("s", "row", "column"))
        self._write(f"s, {self._name} = 0.0, [0.0] * {count}")
        self._write(f"for i in range({count}):")
        self._write(f"    for j in range({bounds}):")
        self._write(f"        t = {self._one(self._two(f'{name}[i]', f'{name}[j]'))}")
        if chance.random() < 0.3:
            self._write(f"        t = t * {self._numbers(count)}[{chance.choice('ij')}]")
        if chance.random() < 0.2:
            self._write("        if t < 40.0:")
            self._level += 1
        if total == "s":
            self._write("        s = s + t")
        else:
            row = f"{self._name}[{'i' if total == 'row' else 'j'}]"
            self._write(f"        {row} = {row} {chance.choice('+-')} t")
        self._level = 1
        self._write(f"{self._name}.append(s)")
        return count + 1

    def _block_ragged(self) -> int:
        chance = self._chance
        name, length = self._list()
        rows = chance.choice((3, 8, 12, 20))
        counts = [chance.choice((0, 1, 2, 3, 9, 12)) for _ in range(rows)]
        self.data[f"i{len(self.data)}"] = counts
        chosen = f"i{len(self.data) - 1}"
        at = self._indices(max(1, sum(counts)), length)
        self._write(f"s, p, {self._name} = {name}[0], 0, []")
        self._write(f"for i in range({rows}):")
        if chance.random() < 0.6:
            self._write("    s = 0.0")
        self._write(f"    for j in range({chosen}[i]):")
        self._write(f"        s = {self._two('s', chance.choice((f'{name}[{at}[p]]', f'{name}[j % {length}]')))}")
        self._write("        p += 1")
        self._write(f"    {self._name}.append(s)")
        return rows

    def _block_edges(self) -> int:
        chance = self._chance
        name, length = self._list()
        edges = chance.choice((5, 20, 60))
        first, second = self._indices(edges, length), self._indices(edges, length)
        self._write(f"{self._name} = [0.0 * number for number in {name}]")
        self._write(f"for k in range({edges}):")
        self._write(f"    a, b = {first}[k], {second}[k]")
        self._write(f"    t = {self._one(self._two(f'{name}[a]', f'{name}[b]'))}")
        self._write(f"    {self._name}[a] = {self._name}[a] + t")
        if chance.random() < 0.6:
            self._write(f"    {self._name}[b] = {self._name}[b] - t * {self._numbers(edges)}[k]")
        return length

    def _block_network(self) -> int:
        """Write a recurrent network: a state of several numbers, a product with a matrix in each turn."""
        chance = self._chance
        name, length = self._list()
        states, turns = chance.randint(1, 5), chance.choice((3, 8, 12))
        before, after = self._weights(states * states)
        self._write(f"h, {self._name} = [{chance.choice(('0.0', f'{name}[0]', '0.5'))}] * {states}, []")
        self._write(f"for k in range({turns}):")
        self._write(f"    h = [mg.tanh(sum({before}{states} * i + j{after} * h[j] for j in range({states}))")
        self._write(f"        + {name}[(k + i) % {length}]) for i in range({states})]")
        self._write(f"    {self._name}.append(h[{chance.randrange(states)}])")
        self._write(f"{self._name} += h")
        return turns + states

    def _block_attention(self) -> int:
        chance = self._chance
        name, length = self._list()
        rows, columns = min(length, chance.choice((3, 8, 12))), chance.randint(1, 3)
        self._write(f"{self._name} = []")
        self._write(f"for i in range({rows}):")
        product = f"sum({name}[(i + k) % {length}] * {name}[(j + k) % {length}] for k in range({columns}))"
        self._write(f"    scores = [{product} for j in range({chance.choice((str(rows), 'i + 1'))})]")
        if chance.random() < 0.5:
            self._write("    top = scores[0]")
            self._write("    for score in scores[1:]:")
            self._write(f"        top = {chance.choice(('mg.maximum(top, score)', 'score if score > top else top'))}")
            self._write("    scores = [score - top for score in scores]")
        self._write("    shares = [mg.exp(score) for score in scores]")
        self._write("    total = sum(shares)")
        self._write(f"    {self._name}.append(sum(div(s, total) * {name}[j % {length}] for j, s in enumerate(shares)))")
        return rows

    def _block_gather(self) -> int:
        chance = self._chance
        name, length = self._list()
        order = self._indices(chance.choice((1, 3, 9, 30)), length)
        forms = [f"{name}[::-1]", f"{name}[::2]", f"[{name}[k] for k in {order}]", f"{name} + {name}"]
        forms += [f"[*{name}, 0.0, 1.0, *{name}]", f"{name}[1:] + {name}[:1]"]
        lengths = [length, (length + 1) // 2, len(self.data[order]), 2 * length, 2 * length + 2, length]
        which = chance.randrange(len(forms))
        self._write(f"{self._name} = {forms[which]}")
        return lengths[which]

    def _block_sums(self) -> int:
        """Write running sums, from the front or from the back, with a guard perhaps."""
        chance = self._chance
        name, length = self._list()
        self._write(f"s, {self._name} = {chance.choice(('0.0', '1.0', f'{name}[0]'))}, []")
        self._write(f"for number in {chance.choice((name, f'reversed({name})'))}:")
        if chance.random() < 0.5:
            limit = chance.choice(("50.0", "0.0", "s", repr(ordinary(chance))))
            self._write(f"    if number {chance.choice(('<', '>', '!=', '<='))} {limit}:")
            self._write(f"        s = {self._two('s', 'number')}")
            self._write(f"    {self._name}.append(s)")
        else:
            self._write(f"    s = {self._two('s', self._one('number'))}")
            self._write(f"    {self._name}.append({chance.choice(('s', 's * number', self._one('s')))})")
        return length

    def _block_windows(self) -> int:
        """Write loops three deep, the inner counts of which depend on the outer turns."""
        chance = self._chance
        name, length = self._list()
        first, second = chance.randint(2, 6), chance.randint(1, 5)
        inner = chance.choice(("i + 1", "j + 1", "i + j", f"{first} - i", "2", "1 + (i + j) % 3"))
        self._write(f"s, {self._name} = 0.0, []")
        self._write(f"for i in range({first}):")
        self._write(f"    for j in range({chance.choice((str(second), 'i + 1', 'i', f'{first} - i'))}):")
        self._write("        t = s" if chance.random() < 0.4 else "        t = 1.0")
        self._write(f"        for k in range({inner}):")
        self._write(f"            t = {self._two('t', f'{name}[({chance.choice((1, 2))} * i + j + k) % {length}]')}")
        self._write("        s = s + t")
        self._write(f"    {self._name}.append(s)")
        return first
