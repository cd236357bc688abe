"""Gradients that are made smaller where they are too large, of leaf Values and in nested arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from microgrady.inputs import require_number, require_numpy
from microgrady.leaves import read_gradients, write_gradients
from microgrady.optim.optimizer import Optimizer
from microgrady.optim.options import not_negative
from microgrady.optim.parameters import leaves_of
from microgrady.optim.vectors import nested_of, vector_of
from microgrady.value import Value

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Vector = NDArray[float64]


def clip_grad_norm(params: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> float:
    """Make the gradients of all parameters smaller, by one factor, where their norm is larger than allowed.

    Args:
        params: A Module or leaf Values, nested as one likes; or an optimiser, which takes the least time.
        max_norm: The largest norm that is allowed.
        norm_type: Which norm of all gradients together: p for the p-th root of the sum of their p-th powers; `math.inf`
            for the largest.
        error_if_nonfinite: Whether gradients are refused that are nan or infinite.

    Returns:
        The norm that they had. Where it is larger, they are multiplied by max_norm / (norm + 1e-6), as in PyTorch.

    Raises:
        TypeError: An argument is of another type.
        ValueError: `max_norm` is negative, `norm_type` is not positive, or there are no parameters.
        RuntimeError: The norm is not finite, and that is refused.

    References:
        R. Pascanu, T. Mikolov and Y. Bengio, On the difficulty of training recurrent neural networks, 2013,
        algorithm 1.

    Example:
        >>> import microgrady as mg
        >>> x, y = mg.Value(1.0), mg.Value(1.0)
        >>> (3 * x + 4 * y).backward()
        >>> mg.optim.clip_grad_norm([x, y], 1.0)
        5.0
        >>> round(x.grad, 4), round(y.grad, 4)
        (0.6, 0.8)
    """
    leaves, gradients = _gradients_of(params, "clip_grad_norm")
    norm, is_larger = _clip_norm(gradients, max_norm, norm_type, error_if_nonfinite)
    if is_larger:
        write_gradients(leaves, gradients)
    return norm


def clip_grad_value(params: Any, clip_value: float) -> None:
    """Bring the gradient of each parameter between two bounds.

    Args:
        params: A Module or leaf Values, nested as one likes; or an optimiser, which takes the least time.
        clip_value: The upper bound; the lower one is the opposite.

    Raises:
        TypeError: An argument is of another type.
        ValueError: `clip_value` is negative, or there are no parameters.

    Example:
        >>> import microgrady as mg
        >>> x, y = mg.Value(1.0), mg.Value(1.0)
        >>> (3 * x - 0.5 * y).backward()
        >>> mg.optim.clip_grad_value([x, y], 1.0)
        >>> x.grad, y.grad
        (1.0, -0.5)
    """
    leaves, gradients = _gradients_of(params, "clip_grad_value")
    _clip_value(gradients, clip_value)
    write_gradients(leaves, gradients)


def clip_by_norm(gradients: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Any:
    """Return nested gradients, made smaller by one factor where their norm is larger than allowed.

    Args:
        gradients: Numbers and arrays, nested in lists, tuples, dicts and registered classes.
        max_norm: As for `clip_grad_norm`.
        norm_type: The same.
        error_if_nonfinite: The same.

    Returns:
        New gradients in the same structure.

    Raises:
        TypeError: An argument is of another type.
        ValueError: `max_norm` is negative, `norm_type` is not positive, or there are no numbers.
        RuntimeError: The norm is not finite, and that is refused.

    Example:
        >>> import microgrady as mg
        >>> mg.optim.clip_by_norm({"w": [0.0, 3.0], "b": 4.0}, 10.0)
        {'w': [0.0, 3.0], 'b': 4.0}
    """
    vector, structure = vector_of(gradients, "the gradients")
    _clip_norm(vector, max_norm, norm_type, error_if_nonfinite)
    return nested_of(vector, structure)


def clip_by_value(gradients: Any, clip_value: float) -> Any:
    """Return nested gradients, each number brought between two bounds.

    Args:
        gradients: Numbers and arrays, nested in lists, tuples, dicts and registered classes.
        clip_value: The upper bound; the lower one is the opposite.

    Returns:
        New gradients in the same structure.

    Raises:
        TypeError: An argument is of another type.
        ValueError: `clip_value` is negative, or there are no numbers.

    Example:
        >>> import microgrady as mg
        >>> mg.optim.clip_by_value({"w": [0.0, 3.0], "b": -4.0}, 1.0)
        {'w': [0.0, 1.0], 'b': -1.0}
    """
    vector, structure = vector_of(gradients, "the gradients")
    _clip_value(vector, clip_value)
    return nested_of(vector, structure)


def _gradients_of(params: Any, whose: str) -> tuple[list[Value], Vector]:
    numpy = require_numpy(f"optim.{whose}")
    leaves = params.parameters if isinstance(params, Optimizer) else leaves_of(params, whose)
    if not leaves:
        raise ValueError(f"this {type(params).__name__} has no parameters to clip the gradients of: take clip_by_norm")
    gradients = numpy.empty(len(leaves))
    read_gradients(leaves, gradients)
    return leaves, gradients


def _clip_norm(gradients: Vector, max_norm: float, norm_type: float, error_if_nonfinite: bool) -> tuple[float, bool]:
    """Clip a vector in its place, and return the norm that it had and whether that was too large."""
    max_norm = _limit(max_norm, "max_norm")
    kind = require_number(norm_type, "norm_type")
    if not kind > 0.0:
        raise ValueError(f"norm_type must be a positive number, such as 2.0 or math.inf, not {kind!r}")
    norm = _norm(gradients, kind)
    if error_if_nonfinite and not math.isfinite(norm):
        raise RuntimeError(f"the norm of the gradients is {norm!r}, to which they cannot be clipped")
    if norm + 1e-6 <= max_norm:
        return norm, False
    import numpy

    with numpy.errstate(all="ignore"):
        gradients *= max_norm / (norm + 1e-6)
    return norm, True


def _norm(vector: Vector, kind: float) -> float:
    """Return a norm, without powers that overflow or underflow where it does not itself."""
    import numpy

    with numpy.errstate(all="ignore"):
        if kind == 2.0:
            norm: float = math.sqrt(numpy.square(vector).sum())
            if 1e-140 < norm < 1e150:
                return norm
        largest = float(abs(vector).max(initial=0.0))
        if kind == math.inf or largest == 0.0 or not math.isfinite(largest):
            return largest
        return float(largest * ((abs(vector) / largest) ** kind).sum() ** (1.0 / kind))


def _clip_value(gradients: Vector, clip_value: float) -> None:
    import numpy

    limit = _limit(clip_value, "clip_value")
    numpy.clip(gradients, -limit, limit, out=gradients)


def _limit(thing: Any, what: str) -> float:
    number = require_number(thing, what)
    return number if number == math.inf else not_negative(number, what)
