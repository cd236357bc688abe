"""Trees of paths through a function of many points as they are written in C."""

from __future__ import annotations

from collections.abc import Sequence

from microgrady.compiler.backends.c_batch import Tree, TreePath
from microgrady.compiler.batch_path import BatchPath
from microgrady.compiler.branches import Branches
from microgrady.compiler.options import Reduce
from microgrady.value import Value


def tree_of(branches: Branches[BatchPath], differentiated: Sequence[int] | None, reduce: Reduce) -> Tree:
    """Return a tree of paths as it is written in C.

    Args:
        branches: The paths.
        differentiated: The places of the numbers by which they are differentiated, for `backward`; None for a call.
        reduce: How results are folded; None if they are not. Derivatives always are.
    """
    paths, forks = branches.paths, branches.forks
    positions = {id(path): position for position, path in enumerate(paths)}
    leaves: dict[int, Value] = {id(leaf): leaf for path in paths for leaf in path.leaves}
    numbers = {known: number for number, known in enumerate(leaves)}
    written = []
    for path in paths:
        fork = forks[path]
        before = None if fork.path is None else (positions[id(fork.path)], fork.guard)
        written.append(TreePath(path.lowered(), tuple(numbers[id(leaf)] for leaf in path.leaves), before))
    names = [*paths[0].names[: len(paths[0].batched)], *map(_name_of, range(len(leaves)), leaves.values())]
    if differentiated is None:
        results = paths[0].structure.leaf_names("result")
        columns = len(results)
    else:
        widest = max(paths, key=lambda path: len(path.program.outputs))
        places = [*differentiated, *(len(widest.batched) + numbers[id(leaf)] for leaf in widest.leaves)]
        slopes = [f"the derivative by {names[place]}" for place in places]
        results, columns = ["result", *slopes[: len(widest.program.outputs) - 1]], 1
    return Tree(written, paths[0].batched, names, results, 0 if reduce else columns, reduce)


def _name_of(number: int, leaf: Value) -> str:
    return leaf.label or f"leaf{number + 1}"
