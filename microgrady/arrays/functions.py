"""NumPy's other functions on arrays of Values: where NumPy's own code would go wrong on objects, ours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from microgrady.arrays import linalg
from microgrady.arrays.conditions import counted, decided, entries_of
from microgrady.arrays.universal import as_objects, base, elementwise, quotient, require_double
from microgrady.comparisons import is_condition, number_of
from microgrady.functions import minimum, pow, sinc, sqrt
from microgrady.sequences import clip, isnan, norm, select, std, where
from microgrady.value import Value

IMPLEMENTATIONS: dict[Any, Callable[..., Any]] = {}

# Functions of eigenvalues and the like; what to write instead, where something can be said.
NORMAL_EQUATIONS = "write np.linalg.solve(a.T @ a, a.T @ b)"
REFUSED = {
    "lstsq": NORMAL_EQUATIONS,
    "pinv": "write np.linalg.solve(a.T @ a, a.T), or for more columns than rows np.linalg.solve(a @ a.T, a).T",
    "polyfit": "write np.linalg.solve(v.T @ v, v.T @ y) with v = np.vander(x, degree + 1)",
    **{
        name: f"it is linear: multiply by the real and the imaginary part of np.fft.{name}(np.eye(n))"
        for name in ("fft", "ifft", "rfft")
    },
    **dict.fromkeys(
        ("irfft", "hfft", "ihfft", "fft2", "ifft2", "fftn", "ifftn", "rfft2", "rfftn", "irfft2", "irfftn"),
        "it is linear: multiply by the real and the imaginary part of the matrix that it is, as np.fft.fft(np.eye(n)) "
        "is that of np.fft.fft",
    ),
}


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], boxed: Callable[[Any], Any]) -> Any:
    """Return what a function of NumPy gives.

    Args:
        function: The function.
        args: Its arguments.
        kwargs: Those given by name.
        boxed: Makes an array without dimensions of a Value, and leaves anything else as it is.

    Raises:
        TypeError: Neither NumPy's code nor ours can do it with Values; the message says what to write.
    """
    ours = IMPLEMENTATIONS.get(function)
    if ours is not None:
        return ours(*args, **kwargs)
    name = function.__name__
    if name in REFUSED:
        raise TypeError(f"{_full_name(function)} does not take Values: {REFUSED[name]}")
    theirs = getattr(function, "_implementation", None)
    args, kwargs = tuple(map(boxed, args)), {key: boxed(value) for key, value in kwargs.items()}
    try:
        if theirs is None:
            raise TypeError("it cannot be called with objects")
        try:
            return theirs(*args, **kwargs)
        except TypeError as error:
            if "has no callable" not in str(error):
                raise
            # NumPy has gone over to plain arrays, whose loops call methods of the elements: Values have them.
            return theirs(*map(_in_values, args), **{key: _in_values(value) for key, value in kwargs.items()})
    except (TypeError, AttributeError) as error:
        if "Value" in str(error) and "mg." in str(error):
            raise  # says already what to write
        raise TypeError(
            f"{_full_name(function)} does not take Values: write it with arithmetic and microgrady's functions, or "
            f"apply it to mg.detach(...) of them where no derivative is meant ({error})"
        ) from error


def _full_name(function: Any) -> str:
    module = str(function.__module__ or "numpy").replace("numpy", "np", 1)
    return f"{module}.{function.__name__}"


def _in_values(argument: Any) -> Any:
    if isinstance(argument, numpy.ndarray) and argument.dtype == object:
        return elementwise(lambda entry: entry if isinstance(entry, Value) else Value(entry), argument)
    if type(argument) in (list, tuple):
        return type(argument)(map(_in_values, argument))
    return argument


def _instead_of(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what is done instead of NumPy's functions of some names, as far as this NumPy has them."""

    def register(ours: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            home = numpy
            *modules, last = name.split(".")
            for module in modules:
                home = getattr(home, module)
            if hasattr(home, last):
                IMPLEMENTATIONS[getattr(home, last)] = ours
        return ours

    return register


# On conditions that are not decided yet.


def on_conditions(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what a function of NumPy gives for conditions: without deciding them, as long as that is possible."""
    if function is numpy.where and len(args) == 3:
        return elementwise(where, *map(entries_of, args))
    if function is numpy.select:
        return _select(*args, **kwargs)
    args = counted(args) if function in _COUNTING else decided(args)
    return function(*args, **{name: decided(value) for name, value in kwargs.items()})


_COUNTING = {
    numpy.sum,
    numpy.mean,
    numpy.average,
    numpy.cumsum,
    numpy.dot,
    numpy.inner,
    numpy.outer,
    numpy.var,
    numpy.std,
}


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    found = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        found = elementwise(where, entries_of(condition), choice, found)
    return found


# Making arrays.


def _filled(prototype: Any, fill: Any, dtype: Any, shape: Any) -> Any:
    if dtype is not None and numpy.dtype(dtype).kind in "bui":
        return numpy.full(numpy.shape(prototype) if shape is None else shape, fill, dtype)
    if dtype is not None:
        require_double(dtype)
    return numpy.full(numpy.shape(base(prototype)) if shape is None else shape, base(fill), object)


@_instead_of("zeros_like", "empty_like")
def _zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **_: Any) -> Any:
    return _filled(a, 0.0, dtype, shape)


@_instead_of("ones_like")
def _ones_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **_: Any) -> Any:
    return _filled(a, 1.0, dtype, shape)


@_instead_of("full_like")
def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **_: Any
) -> Any:
    return _filled(a, fill_value, dtype, shape)


def _made_like(function: Any) -> Callable[..., Any]:
    def make(*args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if dtype is not None and numpy.dtype(dtype).kind in "bui":
            return function(*args, dtype=dtype, **kwargs)
        if dtype is not None:
            require_double(dtype)
        made = function(*map(base, args), **kwargs)
        if made.dtype == object:
            return made
        return made.astype(numpy.float64).astype(object)

    return make


# They come here through like=.
for _creator in (
    numpy.array,
    numpy.asarray,
    numpy.asanyarray,
    numpy.zeros,
    numpy.ones,
    numpy.empty,
    numpy.full,
    numpy.eye,
    numpy.identity,
    numpy.arange,
):
    IMPLEMENTATIONS[_creator] = _made_like(_creator)


@_instead_of("linspace")
def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **_: Any,
) -> Any:
    if dtype is not None:
        require_double(dtype)
    start, stop = as_objects(start), as_objects(stop)
    parts = num - 1 if endpoint else num
    step = elementwise(quotient, stop - start, float(parts)) if parts > 0 else math.nan
    points = [elementwise(lambda a, b, k=k: a + k / max(parts, 1) * (b - a), start, stop) for k in range(num)]
    if endpoint and num > 1:
        points[-1] = stop + 0.0 * start
    result = numpy.stack([as_objects(point) for point in points], axis) if num else numpy.empty(0, object)
    return (result, step) if retstep else result


# Element by element.


@_instead_of("clip")
def _clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None, **_: Any
) -> Any:
    low = -math.inf if a_min is None and min is None else min if a_min is None else a_min
    high = math.inf if a_max is None and max is None else max if a_max is None else a_max
    return _into(out, elementwise(clip, a, low, high))


@_instead_of("nan_to_num")
def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    largest = float(numpy.finfo(float).max)

    def number(entry: Any) -> Any:
        finite = select(entry == -math.inf, -largest if neginf is None else neginf, entry)
        finite = select(entry == math.inf, largest if posinf is None else posinf, finite)
        return select(isnan(entry), nan, finite)

    result = elementwise(number, x)
    return result if copy else _into(x, result)


@_instead_of("round", "around")
def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    if decimals:
        raise TypeError(
            f"np.round to {decimals} decimals would make the derivative 0: round the numbers that you print, or "
            f"write np.round(p * 10**{decimals}) / 10**{decimals} if the steps are meant"
        )
    return _into(out, numpy.rint(a))


@_instead_of("sinc")
def _sinc(x: Any) -> Any:
    return elementwise(sinc, x)


@_instead_of("interp")
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if period is not None:
        raise TypeError("np.interp with period= does not take Values: take x % period yourself")
    places, heights = as_objects(xp).tolist(), as_objects(fp).tolist()
    if not places or len(places) != len(heights):
        raise ValueError(f"np.interp needs as many places as heights, at least one, not {len(places)}, {len(heights)}")
    below = heights[0] if left is None else left
    above = heights[-1] if right is None else right

    def height(at: Any) -> Any:
        last = len(places) - 1
        if is_condition(at == at):  # all stretches are recorded, from the last to the first
            found = stretch(at, last)
            for after in reversed(range(1, last)):
                found = select(at < places[after], stretch(at, after), found)
        else:
            found = stretch(at, next((k for k, place in enumerate(places) if place > at), last))
        found = select(at > places[-1], above, found)
        found = select(at < places[0], below, found)
        return select(isnan(at), at, found)

    def stretch(at: Any, after: int) -> Any:
        if after == 0:
            return heights[0]
        slope = quotient(heights[after] - heights[after - 1], places[after] - places[after - 1])
        return heights[after - 1] + slope * (at - places[after - 1])

    return elementwise(height, x)


def _into(out: Any, result: Any) -> Any:
    if out is None:
        return result
    out[...] = result
    return out


# Spread.


def _axes(axis: Any, dimensions: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(dimensions))
    return tuple(place % dimensions for place in (axis if isinstance(axis, tuple) else (axis,)))


def _along(function: Callable[[list[Any]], Any], array: Any, axis: Any, keepdims: bool) -> Any:
    """Apply a function of a list of numbers along one or several axes."""
    array = as_objects(array)
    axes = _axes(axis, array.ndim)
    kept = [place for place in range(array.ndim) if place not in axes]
    lines = array.transpose(*kept, *axes).reshape(*[array.shape[place] for place in kept], -1)
    result = numpy.empty(lines.shape[:-1], object)
    for place in numpy.ndindex(result.shape):
        result[place] = function(lines[place].tolist())
    if keepdims:
        return result.reshape([1 if place in axes else length for place, length in enumerate(array.shape)])
    return result[()]


@_instead_of("std")
def _std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    correction: Any = None,
    **options: Any,
) -> Any:
    if options.pop("where", None) is not None or options.pop("mean", None) is not None:
        raise TypeError("np.std with where= or mean= does not take Values: select the elements first")
    if dtype is not None:
        require_double(dtype)
    lost = ddof if correction is None else correction

    def spread(numbers: list[Any]) -> Any:
        return std(numbers, lost) if len(numbers) > lost else math.nan

    return _into(out, _along(spread, a, axis, bool(keepdims)))


@_instead_of("cov")
def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    if fweights is not None or aweights is not None:
        raise TypeError("np.cov with weights does not take Values: write it with np.average")
    rows = [part if rowvar or part.shape[0] == 1 else part.T for part in map(_in_rows, [m] if y is None else [m, y])]
    table = numpy.concatenate(rows)
    count = table.shape[1] - ((0 if bias else 1) if ddof is None else ddof)
    centred = table - table.sum(axis=1, keepdims=True) / float(table.shape[1])
    return numpy.squeeze(elementwise(quotient, centred @ centred.T, float(count)))[()]


def _in_rows(array: Any) -> Any:
    array = as_objects(array)
    return array[None] if array.ndim < 2 else array


@_instead_of("corrcoef")
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, **_: Any) -> Any:
    covariance = _cov(x, y, rowvar)
    if not isinstance(covariance, numpy.ndarray):
        return quotient(covariance, covariance)
    scale = elementwise(sqrt, numpy.diag(covariance))
    return elementwise(quotient, elementwise(quotient, covariance, scale[:, None]), scale)


@_instead_of("quantile")
def _quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    *_: Any,
    method: str = "linear",
    keepdims: bool = False,
    **__: Any,
) -> Any:
    if method != "linear":
        raise TypeError(f"np.quantile with method={method!r} does not take Values: 'linear' does")
    shares = numpy.asarray(q, dtype=float)

    def at(share: float) -> Callable[[list[Any]], Any]:
        def number(numbers: list[Any]) -> Any:
            if any(map(isnan, numbers)):
                return math.nan
            ordered = sorted(numbers)
            place = share * (len(ordered) - 1)
            below = min(int(place), max(len(ordered) - 2, 0))
            return ordered[below] + (ordered[min(below + 1, len(ordered) - 1)] - ordered[below]) * (place - below)

        return number

    found = [as_objects(_along(at(float(share)), a, axis, keepdims)) for share in shares.ravel()]
    return _into(out, numpy.stack(found).reshape(shares.shape + found[0].shape)[()])


@_instead_of("percentile")
def _percentile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
    return _quantile(a, numpy.asarray(q, dtype=float) / 100.0, *args, **kwargs)


@_instead_of("nanquantile")
def _nanquantile(a: Any, q: Any, axis: Any = None, out: Any = None, *args: Any, **kwargs: Any) -> Any:
    def known(numbers: list[Any]) -> Any:
        return _quantile([number for number in numbers if not isnan(number)] or [math.nan], q, **kwargs)

    keepdims = bool(kwargs.pop("keepdims", False))
    if numpy.ndim(q):
        raise TypeError("np.nanquantile and np.nanpercentile of several shares do not take Values: ask for one share")
    return _into(out, _along(known, a, axis, keepdims))


@_instead_of("nanpercentile")
def _nanpercentile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
    return _nanquantile(a, numpy.asarray(q, dtype=float) / 100.0, *args, **kwargs)


@_instead_of("bincount")
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = numpy.asarray(base(x)).astype(numpy.intp)
    if weights is None:
        return numpy.bincount(places, None, minlength)
    sums = numpy.full(max(minlength, int(places.max(initial=-1)) + 1), 0.0, object)
    numpy.add.at(sums, places, as_objects(weights))
    return sums


@_instead_of("result_type")
def _result_type(*things: Any) -> Any:
    return numpy.result_type(*map(base, things))


# Linear algebra.


def _vector_norm(order: Any) -> Callable[[list[Any]], Any]:
    def power_norm(numbers: list[Any]) -> Any:
        return pow(sum(pow(abs(number), float(order)) for number in numbers), 1.0 / order)

    def extreme(choose: Callable[..., Any]) -> Callable[[list[Any]], Any]:
        return lambda numbers: _chained(choose, [abs(number) for number in numbers])

    if order in (None, 2, "fro"):
        return norm
    if order == -math.inf:
        return extreme(minimum)
    if order == 0:
        return lambda numbers: sum((number_of(number != 0.0) for number in numbers), 0.0)
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order {order!r} for vectors")
    return power_norm if order < 1 else lambda numbers: norm(numbers, order)


def _chained(choose: Callable[..., Any], numbers: list[Any]) -> Any:
    result = numbers[0]
    for number in numbers[1:]:
        result = choose(result, number)
    return result


@_instead_of("linalg.norm")
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = as_objects(x)
    axes = _axes(axis, x.ndim)
    if ord is None or len(axes) == 1:
        return _along(_vector_norm(ord), x, axes, keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if ord == "fro":
        return _along(norm, x, axes, keepdims)
    if ord not in (1, -1, math.inf, -math.inf):
        raise TypeError(
            f"np.linalg.norm of matrices takes no ord={ord!r} with Values: 'fro', 1, -1, inf and -inf are left"
        )
    inner, outer = axes if abs(ord) == 1 else axes[::-1]
    sums = _along(_vector_norm(1), x, inner, True)
    return _along(_vector_norm(math.copysign(math.inf, ord)), sums, (inner, outer), keepdims)


def _square(a: Any) -> Any:
    a = as_objects(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise numpy.linalg.LinAlgError(f"the matrix must be square, but its shape is {a.shape}")
    return elementwise(lambda entry: entry if isinstance(entry, Value) else float(entry), a)


def _stacked(results: list[Any], shape: tuple[int, ...]) -> Any:
    flat = [entry for matrix in results for row in matrix for entry in row]
    return numpy.fromiter(flat, object, len(flat)).reshape(shape)


@_instead_of("linalg.det")
def _det(a: Any) -> Any:
    a = _square(a)
    found = linalg.on_matrices(linalg.det, a)
    return numpy.fromiter(found, object, len(found)).reshape(a.shape[:-2])[()]


@_instead_of("linalg.slogdet")
def _slogdet(a: Any) -> Any:
    a = _square(a)
    found = linalg.on_matrices(linalg.slogdet, a)
    signs, logarithms = ([pair[k] for pair in found] for k in range(2))
    lead = a.shape[:-2]
    kind: Any = type(numpy.linalg.slogdet(numpy.eye(1)))
    parts = numpy.array(signs).reshape(lead)[()], numpy.fromiter(logarithms, object, len(found)).reshape(lead)[()]
    return kind(*parts) if hasattr(kind, "_make") else parts


@_instead_of("linalg.solve")
def _solve(a: Any, b: Any) -> Any:
    a, b = _square(a), as_objects(b)
    vector = b.ndim == 1
    right = b[:, None] if vector else b
    if right.ndim < 2 or right.shape[-2] != a.shape[-1]:
        raise ValueError(
            f"np.linalg.solve cannot put matrices of shape {a.shape} and right sides of {b.shape} together"
        )
    lead = numpy.broadcast_shapes(a.shape[:-2], right.shape[:-2])
    found = _stacked(linalg.on_matrices(linalg.solve, a, right), lead + right.shape[-2:])
    return found[..., 0] if vector else found


@_instead_of("linalg.inv")
def _inv(a: Any) -> Any:
    a = _square(a)
    return _solve(a, numpy.eye(a.shape[-1]).astype(object))


@_instead_of("linalg.cholesky")
def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    a = _square(a)
    if upper:
        a = numpy.swapaxes(a, -1, -2)
    lower = _stacked(linalg.on_matrices(linalg.cholesky, a), a.shape)
    return numpy.swapaxes(lower, -1, -2) if upper else lower
