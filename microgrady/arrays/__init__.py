"""Arrays of Values and numbers, on which NumPy's functions are microgrady's. NumPy is imported when one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microgrady.typed import Array


def array(values: Any) -> Array:
    """A NumPy array that can hold Values, plain numbers and both.

    It is of a subclass of `numpy.ndarray` with elements of type object. NumPy's functions of it are microgrady's,
    number by number, and keep derivatives: `np.exp`, `np.where`, `np.clip`, `np.linalg.solve`, ... Functions that
    `grad`, `jit` and so on call with an array get one of these.

    Args:
        values: A number, a Value, a nested list or an array of such. It is copied.

    Returns:
        The array. Its elements are floats and Values, which indexing gives.

    Raises:
        TypeError: Something in `values` is neither a real number nor a Value.
        ValueError: Rows differ in length.
        ImportError: NumPy is not installed.

    Example:
        >>> import math
        >>> import microgrady as mg
        >>> import numpy as np
        >>> x = mg.Value(2.0)
        >>> residuals = mg.array(np.zeros(2))
        >>> residuals[0] = 3 * x
        >>> np.sum(np.exp(residuals)).backward()
        >>> x.grad / 3 == math.exp(6.0)
        True
    """
    try:
        from microgrady.arrays.subclass import entries, wrapped
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise ImportError('mg.array needs NumPy: pip install "microgrady[numpy]"') from error
    made: Array = wrapped(entries(values, "mg.array"))
    return made
