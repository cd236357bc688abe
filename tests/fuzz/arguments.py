"""Random nested arguments to compiled functions, call after call: numbers and structures as of interpreted ones."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

import microgrady as mg
from tests.fuzz.floats import ordinary, same_bits, same_number

KINDS = ("float", "float", "int", "numpy scalar", "vector", "matrix", "one", "nothing", "list", "tuple", "dict", "dict")


def tree_of(chance: random.Random, depth: int) -> Any:
    """A kind of argument, with the kinds of its parts."""
    kind = chance.choice(KINDS[:8] if depth == 0 else KINDS)
    parts: Any = [tree_of(chance, depth - 1) for _ in range(chance.randint(0, 3))] if kind in ("list", "tuple") else []
    if kind == "dict":
        parts = {chance.choice("abcdef"): tree_of(chance, depth - 1) for _ in range(chance.randint(0, 3))}
    return kind, parts


SHAPES = {"vector": (3,), "matrix": (2, 2), "one": (1,), "nothing": (0,)}


def filled(chance: random.Random, tree: Any) -> Any:
    """An argument of that kind, with random numbers."""
    kind, parts = tree
    if kind in SHAPES:
        count = math.prod(SHAPES[kind])
        return np.array([ordinary(chance) for _ in range(count)], dtype=float).reshape(SHAPES[kind])
    if kind == "dict":
        return {key: filled(chance, part) for key, part in parts.items()}
    if kind == "list":
        return [filled(chance, part) for part in parts]
    if kind == "tuple":
        return tuple(filled(chance, part) for part in parts)
    number = ordinary(chance)
    return {"float": number, "int": chance.randint(-3, 3), "numpy scalar": np.float64(number)}[kind]


def leaves_of(tree: Any) -> Iterator[Any]:
    """The numbers in an argument, from left to right."""
    if isinstance(tree, dict):
        for part in tree.values():
            yield from leaves_of(part)
    elif isinstance(tree, (list, tuple)):
        for part in tree:
            yield from leaves_of(part)
    elif isinstance(tree, np.ndarray):
        yield from tree.ravel()
    else:
        yield tree


def total(*arguments: Any) -> Any:
    """A function of all numbers in the arguments, with a branch."""
    found: Any = 1.0
    for place, leaf in enumerate(leaves_of(arguments)):
        found = found + mg.sin(leaf * (place + 1)) * leaf
    return found * 2.0 if found > 0.5 else found - 1.0


def require_same_tree(found: Any, wanted: Any) -> None:
    """Raise unless two results are of one structure and have the same numbers."""
    assert type(found) is type(wanted), f"{type(found).__name__} instead of {type(wanted).__name__}"
    if isinstance(wanted, dict):
        assert list(found) == list(wanted), f"keys {list(found)} instead of {list(wanted)}"
        for key, part in wanted.items():
            require_same_tree(found[key], part)
    elif isinstance(wanted, (list, tuple)):
        assert len(found) == len(wanted), f"{len(found)} parts instead of {len(wanted)}"
        for ours, theirs in zip(found, wanted, strict=True):
            require_same_tree(ours, theirs)
    elif isinstance(wanted, np.ndarray):
        assert found.shape == wanted.shape, f"shape {found.shape} instead of {wanted.shape}"
        assert all(map(same_number, found.ravel(), wanted.ravel())), f"{found} instead of {wanted}"
    else:
        assert same_number(found, wanted), f"{found} instead of {wanted}"


def case(chance: random.Random) -> None:
    """One compiled value and one compiled gradient, called several times, with other structures in between."""
    trees = [[tree_of(chance, 2) for _ in range(chance.randint(1, 3))] for _ in range(2)]
    fast = mg.jit(total)
    fast_gradient: dict[int, mg.Jitted[..., Any]] = {}
    for _ in range(chance.randint(3, 7)):
        tree = chance.choice(trees)
        arguments = [filled(chance, part) for part in tree]
        if not list(leaves_of(arguments)):
            continue
        both = mg.value_and_grad(total, tuple(range(len(arguments))))
        try:
            value, gradient = both(*arguments)
            found = fast(*arguments)
            assert same_bits(found, value), f"jit gives {found} instead of {value}"
            compiled = fast_gradient.setdefault(len(arguments), mg.jit(both))
            require_same_tree(compiled(*arguments), (value, gradient))
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}\nwith {arguments!r}") from error
