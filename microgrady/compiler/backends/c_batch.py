"""Programs for many points as C99: for each path a function of one point, and one over arrays that goes by these."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from microgrady.compiler.backends.c_loops import STACK
from microgrady.compiler.backends.c_program import OPENMP, SourceFile, numbered, require_name
from microgrady.compiler.fold import LANES, PIECE
from microgrady.compiler.programs.looped import LoopedProgram
from microgrady.compiler.programs.program import Program

MOST_LINES = 8  # numbers that are copied one by one; more of them by a loop
MOST_NAMES = 8  # of one argument, in a comment
_FAST = "\N{NO-BREAK SPACE}"  # between words that stay on one line of a comment
LINE = 8  # doubles in a line of the cache, which two threads had better not write to at once


@dataclass(frozen=True)
class TreePath:
    """A path of a tree.

    Attributes:
        program: What it computes: of the arguments' numbers, and then of leaves.
        leaves: Which of the tree's leaves these are.
        before: The path that leads to it, counted from 0, and the guard at which that is left, counted from 1; None
            for the first path, where all points begin.
    """

    program: Program | LoopedProgram
    leaves: tuple[int, ...]
    before: tuple[int, int] | None = None

    @property
    def outputs(self) -> int:
        """How many numbers come out."""
        program = self.program.program if isinstance(self.program, LoopedProgram) else self.program
        return len(program.outputs)


@dataclass(frozen=True)
class Tree:
    """What a function over arrays computes.

    Attributes:
        paths: The ways through it, each after the one that leads to it. One that gives less numbers than another gives
            zeros for the rest.
        batched: For each of the arguments' numbers whether each point has its own.
        names: What comments call the arguments' numbers, and then the leaves.
        results: What they call the numbers that come out.
        columns: How many of these each point has its own of; the others, which come after them, are folded.
        reduce: "sum" or "mean", if all are folded; None if not.
    """

    paths: Sequence[TreePath]
    batched: Sequence[bool]
    names: Sequence[str]
    results: Sequence[str]
    columns: int
    reduce: str | None = None

    @property
    def folded(self) -> int:
        """How many numbers are folded."""
        return len(self.results) - self.columns

    @property
    def fold(self) -> str:
        """What the array of what is folded is called."""
        return f"{self.reduce or 'sum'}s"


def batch_source(trees: Sequence[Tree], name: str) -> str:
    """Return C99 functions over arrays, as `Vmapped.to_c` says.

    Args:
        trees: What to compute.
        name: What to call the function; from the second on, `_2` and so on are appended.

    Raises:
        NotImplementedError: An operation of a program has no form in C.
        ValueError: `name` is not an identifier of C, or is one that C keeps for itself.
    """
    require_name(name)
    file = SourceFile()
    file.headers.add("stddef.h")
    first = 1
    for number, tree in enumerate(trees, 1):
        function = numbered(name, number)
        names = [f"{name}_path_{first + place}" for place in range(len(tree.paths))]
        works = [
            file.add_program(path.program, each, is_inner=True) for path, each in zip(tree.paths, names, strict=True)
        ]
        point = _PointFunction(tree, f"{function}_point", names, works, first)
        file.add(point.source)
        arrays = _ArrayFunction(tree, function, point, max(works))
        file.add(arrays.source)
        file.headers |= arrays.headers
        first += len(tree.paths)
    return file.text


class _PointFunction:
    """The function that goes by the paths of a tree for one point.

    Args:
        tree: The tree.
        name: What to call the function.
        paths: The functions for its paths.
        works: How much memory each of these is to be given.
        first: The number of the first path.

    Attributes:
        inputs: How many numbers there are in `in`: those of the arguments, and then of leaves.
        copies: Where which of the fixed numbers stand there for all paths.
    """

    def __init__(self, tree: Tree, name: str, paths: Sequence[str], works: Sequence[int], first: int) -> None:
        self._tree, self._name, self._paths, self._works, self._first = tree, name, paths, works, first
        slots = max(len(path.leaves) for path in tree.paths)
        fixed = [place for place, batched in enumerate(tree.batched) if not batched]
        self.inputs = len(tree.batched) + slots
        self._leaves_in_fixed = len(fixed)
        there = [{path.leaves[slot] for path in tree.paths if slot < len(path.leaves)} for slot in range(slots)]
        self._changing = {slot for slot, leaves in enumerate(there) if len(leaves) > 1}
        self.copies = [(place, number) for number, place in enumerate(fixed)]
        self.copies += [self._copy(slot, min(there[slot])) for slot in range(slots) if slot not in self._changing]
        self._body = [line for number in range(len(paths)) for line in self._path(number)]
        words = _words(self._body)
        self._arguments = {
            "in": "double *in" if self._changing else "const double *in",
            **({"fixed": "const double *fixed"} if "fixed" in words else {}),
            "out": "double *out",
            **({"work": "double *work"} if "work" in words else {}),
        }

    @property
    def source(self) -> str:
        """The function."""
        comment = "/* Returns which path a point takes; 0 if none of them. */"
        head = f"static int {self._name}({', '.join(self._arguments.values())})"
        return "\n".join([comment, head, "{", *self._body, "}", ""])

    @property
    def call(self) -> str:
        """How it is called."""
        names = {"in": "numbers", "out": "results"}
        return f"{self._name}({', '.join(names.get(argument, argument) for argument in self._arguments)})"

    def _copy(self, slot: int, leaf: int) -> tuple[int, int]:
        return len(self._tree.batched) + slot, self._leaves_in_fixed + leaf

    def _path(self, number: int) -> Iterator[str]:
        """Yield the lines for a path: what it needs, and where it leads."""
        path, tree = self._tree.paths[number], self._tree
        if path.before is not None:
            yield f"path_{self._first + number}:"
        before = () if path.before is None else tree.paths[path.before[0]].leaves
        changing = (slot for slot in range(len(path.leaves)) if slot in self._changing)
        moved = [slot for slot in changing if before[slot : slot + 1] != path.leaves[slot : slot + 1]]
        yield from _copies("in[{0}] = fixed[{1}];", [self._copy(slot, path.leaves[slot]) for slot in moved])
        missing = range(path.outputs, len(tree.results))
        yield from _copies("out[{0}] = 0.0;", [(place, place) for place in missing])
        call = f"{self._paths[number]}(in, out{', work' if self._works[number] else ''})"
        following = [(each.before, self._first + other) for other, each in enumerate(tree.paths)]
        onward = [(before[1], other) for before, other in following if before and before[0] == number]
        cases = [f"case {guard}: goto path_{other};" for guard, other in onward]
        if not cases:
            yield f"    return {call} == 0 ? {self._first + number} : 0;"
            return
        lines = [f"switch ({call}) {{", f"case 0: return {self._first + number};", *cases, "default: return 0;", "}"]
        yield from (f"    {line}" for line in lines)


class _ArrayFunction:
    """The function over arrays.

    Args:
        tree: What to compute.
        name: What to call it.
        point: The function that it calls for each point.
        work: How much memory that is to be given.

    Attributes:
        headers: The headers that it needs.
    """

    def __init__(self, tree: Tree, name: str, point: _PointFunction, work: int) -> None:
        self._tree, self._name, self._point, self._work = tree, name, point, work
        self._in = [place for place, batched in enumerate(tree.batched) if batched]
        room = point.inputs + len(tree.results) + LANES * tree.folded
        # What a thread works on is on its stack, if that is not too small.
        self._size = 0 if room <= STACK and not work else (room + work) // LINE * LINE + 2 * LINE
        self.headers = {"stdlib.h"} if self._size or tree.folded else set()
        self.headers |= {OPENMP} if self._size else set()

    @property
    def source(self) -> str:
        """The function."""
        tree = self._tree
        body = [*self._beginning(), "    ptrdiff_t missing = 0;"]
        body += [*_openmp("parallel reduction(+ : missing)"), "    {", *self._numbers(), *self._loop(), "    }"]
        body += [*(_FOLDED.format(**self._words).splitlines() if tree.folded else ())]
        body += ["    free(memory);"] if self.headers else []
        body.append("    return missing;")
        second = [] if tree.reduce else ["double *const *out", "const ptrdiff_t *out_strides"]
        second += [f"double *{tree.fold}"] if tree.reduce or tree.folded else []
        first = ["ptrdiff_t count", "const double *const *in", "const ptrdiff_t *in_strides", "const double *fixed"]
        words = _words(body)
        names = [argument.rpartition(" ")[2].lstrip("*") for argument in (*first, *second)]
        unread = [f"    (void){argument};" for argument in names if argument not in words]
        head = f"ptrdiff_t {self._name}({', '.join(first)},\n    {', '.join([*second, 'int *path'])})"
        return "\n".join([*self._comment(), head, "{", *unread, *body, "}", ""])

    @property
    def _words(self) -> dict[str, object]:
        """What stands for what in the text that is the same for all functions."""
        tree = self._tree
        mean = " / (double)count" if tree.reduce == "mean" else ""
        a, b, c, d, e, f, g, h = (f"a[{lane * tree.folded}]" for lane in range(LANES))
        over_lanes = f"(({a} + {e}) + ({c} + {g})) + (({b} + {f}) + ({d} + {h}))"
        words = {"fold": tree.fold, "mean": mean, "over_lanes": over_lanes}
        return {"piece": PIECE, "lanes": LANES, "folded": tree.folded, **words}

    def _comment(self) -> Iterator[str]:
        """Yield a comment that says which number is what."""
        tree = self._tree
        known, leaves = tree.names[: len(tree.batched)], tree.names[len(tree.batched) :]
        arguments = list(zip(known, tree.batched, strict=True))
        arrays = {
            "in": [name for name, batched in arguments if batched],
            "fixed": [*(name for name, batched in arguments if not batched), *leaves],
            "out": tree.results[: tree.columns],
            tree.fold: tree.results[tree.columns :],
        }
        yield "/*"
        for array, names in arrays.items():
            if names:
                entries = (entry.replace(" ", _FAST) for entry in _told(array, names))
                text = textwrap.fill(f"{', '.join(entries)}.", 120, initial_indent=" * ", subsequent_indent=" *     ")
                yield text.replace(_FAST, " ")
        yield " */"

    def _beginning(self) -> Iterator[str]:
        """Yield what gets memory: for what pieces come to, and for the threads."""
        folded, sizes = self._tree.folded, []
        if folded:
            yield f"    const ptrdiff_t pieces = count > 0 ? (count - 1) / {PIECE} + 1 : 1;"
            sizes.append(f"pieces * {folded}")
        if self._size:
            declared = "    const ptrdiff_t threads = "
            yield from _openmp("", f"{declared}omp_get_max_threads();", f"{declared}1;")
            sizes.append(f"threads * {self._size}")
        if sizes:
            yield f"    double *const memory = malloc((size_t)({' + '.join(sizes)}) * sizeof *memory);"
            yield "    if (memory == NULL) return -1;"

    def _numbers(self) -> Iterator[str]:
        """Yield what declares the numbers that a thread works on, with those that stay the same."""
        tree, inputs, outputs = self._tree, self._point.inputs, len(self._tree.results)
        if not self._size:
            lanes = f", lanes[{LANES * tree.folded}]" if tree.folded else ""
            yield f"        double numbers[{max(1, inputs)}] = {{0.0}}, results[{max(1, outputs)}] = {{0.0}}{lanes};"
        else:
            start = f"memory + pieces * {tree.folded}" if tree.folded else "memory"
            declared = "        double *const numbers = "
            mine = f"{declared}{start} + omp_get_thread_num() * (ptrdiff_t){self._size};"
            yield from _openmp("", mine, f"{declared}{start};")
            yield f"        double *const results = numbers + {inputs};"
            if tree.folded:
                yield f"        double *const lanes = results + {outputs};"
            if self._work:
                yield f"        double *const work = results + {outputs + LANES * tree.folded};"
        yield from _indented(_copies("numbers[{0}] = fixed[{1}];", self._point.copies), 1)

    def _loop(self) -> Iterator[str]:
        """Yield the loop over the points, piece by piece where they are folded."""
        if not self._tree.folded:
            yield from _openmp("for schedule(guided)")
            yield "        for (ptrdiff_t i = 0; i < count; i++) {"
            yield from _indented(self._at_point(), 2)
            yield "        }"
            return
        before, after = _PIECE.format(**self._words).split("AT EACH POINT\n")
        yield from _openmp("for schedule(dynamic)")
        yield from before.splitlines()
        yield from _indented(self._at_point(), 3)
        yield from after.splitlines()

    def _at_point(self) -> Iterator[str]:
        """Yield what is done at a point."""
        tree = self._tree
        yield from _copies("numbers[{0}] = in[{1}][i * in_strides[{1}]];", [(at, k) for k, at in enumerate(self._in)])
        yield f"    const int taken = {self._point.call};"
        yield "    if (path != NULL) path[i] = taken;"
        yield "    if (taken == 0) {"
        yield "        missing++;"
        yield "        continue;"
        yield "    }"
        yield from _copies("out[{0}][i * out_strides[{0}]] = results[{0}];", [(k, k) for k in range(tree.columns)])
        lanes = [(k, tree.columns + k) for k in range(tree.folded)]
        yield from _copies(f"lanes[i % {LANES} * {tree.folded} + {{0}}] += results[{{1}}];", lanes)


# In the order of `fold`.
_PIECE = """\
        for (ptrdiff_t piece = 0; piece < pieces; piece++) {{
            const ptrdiff_t stop = piece < pieces - 1 ? (piece + 1) * {piece} : count;
            for (int k = 0; k < {lanes} * {folded}; k++) lanes[k] = 0.0;
            for (ptrdiff_t i = piece * {piece}; i < stop; i++) {{
AT EACH POINT
            }}
            for (int k = 0; k < {folded}; k++) {{
                const double *const a = lanes + k;
                memory[piece * {folded} + k] = {over_lanes};
            }}
        }}
"""
_FOLDED = """\
    for (ptrdiff_t step = 1; step < pieces; step *= 2) {{
        for (ptrdiff_t piece = 0; piece + step < pieces; piece += 2 * step) {{
            for (int k = 0; k < {folded}; k++) memory[piece * {folded} + k] += memory[(piece + step) * {folded} + k];
        }}
    }}
    for (int k = 0; k < {folded}; k++) {fold}[k] = memory[k]{mean};
"""


def _openmp(pragma: str, line: str = "", otherwise: str = "") -> list[str]:
    """Return lines for OpenMP, and what stands there without it."""
    lines = [line or f"#pragma omp {pragma}"]
    return ["#ifdef _OPENMP", *lines, *(["#else", otherwise] if otherwise else []), "#endif"]


def _copies(form: str, pairs: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yield statements for pairs of indices: loops where many of them follow each other."""
    for _, run in itertools.groupby(enumerate(pairs), lambda entry: (entry[1][0] - entry[0], entry[1][1] - entry[0])):
        some = [pair for _, pair in run]
        if len(some) <= MOST_LINES:
            yield from (f"    {form.format(*pair)}" for pair in some)
        else:
            moving = (f"k + {start}" if start else "k" for start in some[0])
            yield f"    for (int k = 0; k < {len(some)}; k++) {form.format(*moving)}"


def _indented(lines: Iterable[str], levels: int) -> Iterator[str]:
    return (f"{'    ' * levels}{line}" for line in lines)


def _told(array: str, names: Sequence[str]) -> Iterator[str]:
    """Yield which number of an array is what: of many numbers of one argument only the first and the last."""
    for _, run in itertools.groupby(enumerate(names), lambda entry: re.split(r"\W", entry[1])[0]):
        some = [(place, _plain(name)) for place, name in run]
        if len(some) <= MOST_NAMES:
            yield from (f"{array}[{place}] is {name}" for place, name in some)
        else:
            (first, start), (last, stop) = some[0], some[-1]
            yield f"{array}[{first}] to {array}[{last}] are {start} to {stop}"


def _plain(name: str) -> str:
    """Return a name, which may be any text, as it can stand in a comment."""
    return re.sub(r"[^\w\[\]'\" .,+-]", "_", name[:60], flags=re.ASCII)


def _words(lines: Iterable[str]) -> set[str]:
    return {word for line in lines for word in re.findall(r"\b[A-Za-z_]\w*", line)}
