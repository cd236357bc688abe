"""Formulas for vectors, element by element: compiled where something can, by NumPy elsewhere, with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from microgrady.later import ask

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Vector = NDArray[float64]

LONG = 1000  # elements from which on it is worth while to compile


class Elementwise:
    """A formula that is applied to vectors.

    Args:
        formula: A function of numbers or vectors, made of arithmetic and of `numpy.sqrt` alone, which IEEE 754 leaves
            no choice in.
        vectors: How many of its arguments are vectors; the others, which come after them, are the same for all
            elements.
    """

    def __init__(self, formula: Callable[..., tuple[Any, ...]], vectors: int) -> None:
        self._formula, self._vectors = formula, vectors
        self._compiled: Callable[..., tuple[Any, ...]] | None = None
        self._can_compile = True

    def __call__(self, *arguments: Any) -> tuple[Vector, ...]:
        """Return new vectors of what the formula makes of each element."""
        if self._can_compile and len(arguments[0]) >= LONG:
            try:
                return (self._compiled or self._compile(len(arguments)))(*arguments)
            except ImportError:
                self._can_compile = False
        return self._formula(*arguments)

    def _compile(self, count: int) -> Callable[..., tuple[Any, ...]]:
        axes = [0] * self._vectors + [None] * (count - self._vectors)
        self._compiled = ask("batches").vmap(self._formula, in_axes=axes, threads=1)
        assert self._compiled is not None
        return self._compiled
