"""Functions of many operands or of a whole sequence, and those of Python's `math` that are made of the table's."""

from __future__ import annotations

import functools
import math
import numbers
import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from microgrady.arithmetic.library import library_function
from microgrady.comparisons import Undecided, is_condition, number_of
from microgrady.functions import (
    add,
    clip_high,
    clip_low,
    copysign,
    div,
    dropped,
    equal,
    exp,
    exp2,
    fabs,
    floor,
    fmod,
    greater,
    hypot,
    instead,
    kept,
    less_equal,
    log,
    log2,
    logaddexp,
    masked_product,
    maximum,
    minimum,
    mul,
    round_to,
    selected,
    trunc,
)
from microgrady.functions import round as nearest
from microgrady.inputs import describe, is_array, map_arrays, require_number
from microgrady.later import ask
from microgrady.selections import note_selection
from microgrady.tracing import compare, recorder_of
from microgrady.value import Value, make_node

if TYPE_CHECKING:
    from microgrady.typed import Array

    # A sequence that may have Values in it is taken for one that has: then the result is a Value.
    Numbers: TypeAlias = Iterable[float | numbers.Real]
    Values: TypeAlias = Iterable[Value | float | numbers.Real]


@overload
def where(condition: float, a: float, b: float) -> float: ...
@overload
def where(condition: Value, a: Value | float, b: Value | float) -> Value: ...
@overload
def where(condition: float, a: Value, b: Value | float) -> Value: ...
@overload
def where(condition: float, a: float, b: Value) -> Value: ...
@overload
def where(condition: Any, a: Any, b: Any) -> Any: ...
def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`; the one that is not selected gets no derivative.

    In functions that are compiled both are recorded, and a comparison of Values selects one at each call. Pictures and
    formulas show the condition, which is True or False where it was a bool, and the one that is not selected, too: the
    result keeps both in memory.

    Args:
        condition: A comparison, a bool, a number or a Value (true if not 0), or a NumPy array of these.
        a: A Value, a number or an array.
        b: A Value, a number or an array.

    Returns:
        A Value if any argument is one, else a float; an array if any argument is an array.

    Raises:
        TypeError: an argument is not one of these.

    Example:
        >>> from microgrady import Value, sqrt
        >>> x = Value(0.0)
        >>> y = where(x > 0, sqrt(x), 0.0)
        >>> y.backward()
        >>> y.data, x.grad
        (0.0, 0.0)
    """
    a, b = number_of(a), number_of(b)
    if isinstance(condition, Undecided) and not is_condition(condition):
        condition = condition.entries  # type: ignore[attr-defined]
    if any(is_array(argument) for argument in (condition, a, b)):
        return map_arrays(where, (condition, a, b))
    for operand in (a, b):
        if not isinstance(operand, Value):
            require_number(operand, "an operand of where")
    holds = condition != 0.0 if isinstance(condition, Value) else condition
    if is_condition(holds) and holds.is_open:
        return kept(holds.mask(), a) + dropped(holds.mask(), b)
    is_first = bool(require_number(holds, "the condition of where"))
    taken = a if is_first else b
    if not any(isinstance(argument, Value) for argument in (condition, a, b)):
        return selected(taken)
    if isinstance(taken, Value):
        result = selected(taken)
    else:  # a result all the same, so that backward() can be called whichever way the condition went
        result = make_node(float(taken), selected, None, None, float(taken), 0.0)
    if recorder_of(result):
        return result
    return note_selection(result, condition if isinstance(condition, Value) else is_first, a, b)


@overload
def clip(x: float, low: float | None, high: float | None) -> float: ...
@overload
def clip(x: Value, low: Value | float | None, high: Value | float | None) -> Value: ...
@overload
def clip(x: Any, low: Any, high: Any) -> Any: ...
def clip(x: Any, low: Any, high: Any) -> Any:
    """`x` kept between `low` and `high`, either of which may be None; the derivative is 1 at the bounds.

    Example:
        >>> clip(5.0, -1.0, 1.0)
        1.0
    """
    try:
        return clip_high(clip_low(x, -math.inf if low is None else low), math.inf if high is None else high)
    except TypeError as error:
        error.args = (str(error).replace("clip_low", "clip").replace("clip_high", "clip"),)
        raise


def select(condition: Any, a: Any, b: Any) -> Any:
    """Return `where` of what is not decided, else the very operand."""
    return where(condition, a, b) if is_condition(condition) else a if condition else b


def read_terms(values: Any, what: str) -> list[Any]:
    """Return the Values and floats of a sequence, or of all elements of an array.

    Raises:
        TypeError: It is not one, or an element is neither a Value nor a real number.
    """
    values = number_of(values)
    if isinstance(values, (Value, str)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{what} takes a sequence of Values and real numbers, not {describe(values)}")
    flat = values.ravel() if is_array(values) else values
    terms = map(number_of, flat)
    return [term if isinstance(term, Value) else require_number(term, f"each term of {what}") for term in terms]


def read_some_terms(values: Any, what: str) -> list[Any]:
    """Return the same, if there are any.

    Raises:
        ValueError: There are none.
    """
    terms = read_terms(values, what)
    if not terms:
        raise ValueError(f"{what} takes at least one number, not none")
    return terms


@overload
def sum(values: Numbers, start: float = 0) -> float: ...
@overload
def sum(values: Values, start: Value | float = 0) -> Value: ...
def sum(values: Any, start: Any = 0) -> Any:
    """The sum of a sequence of Values and numbers, or of all elements of an array; `start` if there are none.

    Example:
        >>> sum([1, 2.5])
        3.5
    """
    return _accumulated(operator.add, read_terms(values, "sum"), start, 0.0, "the start of sum")


@overload
def prod(values: Numbers, *, start: float = 1) -> float: ...
@overload
def prod(values: Values, *, start: Value | float = 1) -> Value: ...
def prod(values: Any, *, start: Any = 1) -> Any:
    """The product of a sequence of Values and numbers; `start` if there are none.

    Example:
        >>> prod([2, 2.5])
        5.0
    """
    return _accumulated(operator.mul, read_terms(values, "prod"), start, 1.0, "the start of prod")


def _accumulated(operation: Any, terms: list[Any], start: Any, neutral: float, what: str) -> Any:
    if not isinstance(start, Value):
        start = require_number(start, what)
        if terms and start == neutral:  # no operation for it
            return functools.reduce(operation, terms)
    return functools.reduce(operation, terms, start)


@overload
def mean(values: Numbers) -> float: ...
@overload
def mean(values: Values) -> Value: ...
def mean(values: Any) -> Any:
    """The arithmetic mean of a sequence of Values and numbers.

    Raises:
        ValueError: there are none.

    Example:
        >>> mean([1, 2.5])
        1.75
    """
    terms = read_some_terms(values, "mean")
    return sum(terms) / len(terms)


@overload
def dot(a: Numbers, b: Numbers) -> float: ...
@overload
def dot(a: Values, b: Values) -> Value: ...
def dot(a: Any, b: Any) -> Any:
    """The sum of the products of two sequences of the same length.

    Raises:
        ValueError: their lengths differ.

    Example:
        >>> dot([1, 2], [3, 4])
        11.0
    """
    return sum([x * y for x, y in _pairs(a, b, "dot")])


@overload
def sumprod(p: Numbers, q: Numbers) -> float: ...
@overload
def sumprod(p: Values, q: Values) -> Value: ...
def sumprod(p: Any, q: Any) -> Any:
    """What `dot` is called in Python's `math`.

    Example:
        >>> sumprod([1, 2], [3, 4])
        11.0
    """
    return sum([x * y for x, y in _pairs(p, q, "sumprod")])


def _pairs(a: Any, b: Any, what: str) -> list[tuple[Any, Any]]:
    left, right = read_terms(a, what), read_terms(b, what)
    if len(left) != len(right):
        raise ValueError(f"{what} takes two sequences of the same length, not of {len(left)} and {len(right)}")
    return list(zip(left, right, strict=True))


@overload
def fsum(values: Numbers) -> float: ...
@overload
def fsum(values: Values) -> Value: ...
def fsum(values: Any) -> Any:
    """The sum of a sequence, computed with about twice the digits and then rounded.

    What each addition loses is added up on its own (Ogita, Rump and Oishi, "Accurate sum and dot product", 2005).

    Example:
        >>> fsum([0.1] * 10), fsum([1e100, 1.0, -1e100])
        (1.0, 1.0)
    """
    total: Any = 0.0
    lost: Any = 0.0
    for term in read_terms(values, "fsum"):
        larger = total + term
        back = larger - total
        lost = lost + ((total - (larger - back)) + (term - back))
        total = larger
    return total + masked_product(greater(math.inf, fabs(total)), lost)


@overload
def norm(values: Numbers, ord: float = 2) -> float: ...
@overload
def norm(values: Values, ord: float = 2) -> Value: ...
def norm(values: Any, ord: Any = 2) -> Any:
    """The length of a vector: a sequence of Values and numbers, or all elements of an array.

    It neither over- nor underflows on the way. Its derivative at the origin is 0, and the second
    derivatives of `norm(p) ** 2` are right there.

    Args:
        values: The elements.
        ord: 2 for the root of the sum of squares, 1 for the sum of magnitudes, `inf` for the largest magnitude,
            another number p from 1 on for the p-th root of the sum of the p-th powers.

    Raises:
        TypeError: an element or `ord` is not a number.
        ValueError: `ord` is below 1.

    Example:
        >>> norm([3.0, 4.0]), norm([3.0, -4.0], 1), norm([3.0, -4.0], math.inf)
        (5.0, 7.0, 4.0)
    """
    order = require_number(ord, "the order of norm")
    if not order >= 1.0:
        raise ValueError(f"the order of norm must be 1 or more, not {describe(ord)}")
    terms = read_terms(values, "norm")
    if order == 2.0:
        return _length(terms)
    sizes = [fabs(term) for term in terms]
    if order == 1.0 or not sizes:
        return sum(sizes)
    largest = _in_pairs(maximum, sizes)
    if order == math.inf:
        return largest
    # A power of two, which has no derivative and takes no digits.
    scale = exp2(floor(log2(clip(largest, 1e-300, 1e300))))
    return scale * sum([(size / scale) ** order for size in sizes]) ** (1.0 / order)


def _length(terms: list[Any]) -> Any:
    return _in_pairs(hypot, terms) if len(terms) > 1 else fabs(terms[0]) if terms else 0.0


def _in_pairs(operation: Any, terms: list[Any]) -> Any:
    """Apply an associative operation to neighbours, then to their results: errors grow with log(length) only."""
    while len(terms) > 1:
        paired = [operation(a, b) for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = [*paired, *terms[2 * len(paired) :]]
    return terms[0]


@overload
def dist(p: Numbers, q: Numbers) -> float: ...
@overload
def dist(p: Values, q: Values) -> Value: ...
def dist(p: Any, q: Any) -> Any:
    """The distance of two points: sequences of the same length.

    Raises:
        ValueError: their lengths differ.

    Example:
        >>> dist([1.0, 1.0], [4.0, 5.0])
        5.0
    """
    return _length([x - y for x, y in _pairs(p, q, "dist")])


def _deviations(values: Any, ddof: Any, what: str) -> tuple[list[Any], float]:
    """Return how far each term is from the mean, exactly 0 for terms that are equal, and by what to divide."""
    terms = read_terms(values, what)
    count = len(terms) - require_number(ddof, f"the ddof of {what}")
    if count <= 0.0:
        raise ValueError(f"{what} takes more numbers than ddof, not {len(terms)}")
    shifted = [term - terms[0] for term in terms]
    middle = mean(shifted)
    return [term - middle for term in shifted], count


@overload
def var(values: Numbers, ddof: float = 0) -> float: ...
@overload
def var(values: Values, ddof: float = 0) -> Value: ...
def var(values: Any, ddof: Any = 0) -> Any:
    """The variance of a sequence: the sum of the squared deviations from the mean, by its length less `ddof`.

    Raises:
        ValueError: there are not more numbers than `ddof`.

    Example:
        >>> var([1.0, 3.0])
        1.0
    """
    deviations, count = _deviations(values, ddof, "var")
    return sum([deviation**2 for deviation in deviations]) / count


@overload
def std(values: Numbers, ddof: float = 0) -> float: ...
@overload
def std(values: Values, ddof: float = 0) -> Value: ...
def std(values: Any, ddof: Any = 0) -> Any:
    """The standard deviation of a sequence, the root of `var`; its derivative is 0 where all numbers are equal.

    Example:
        >>> std([1.0, 3.0])
        1.0
    """
    deviations, count = _deviations(values, ddof, "std")
    return _length(deviations) / math.sqrt(count)


@overload
def logsumexp(values: Numbers) -> float: ...
@overload
def logsumexp(values: Values) -> Value: ...
def logsumexp(values: Any) -> Any:
    """The logarithm of the sum of the exponentials of a sequence, or of all elements of an array.

    Raises:
        ValueError: there are none.

    Example:
        >>> logsumexp([1000.0, 1000.0]) == 1000.0 + math.log(2.0)
        True
    """
    terms = read_some_terms(values, "logsumexp")
    return _in_pairs(logaddexp, terms) if len(terms) > 1 else selected(terms[0])


@overload
def softmax(values: Array) -> Array: ...
@overload
def softmax(values: Numbers) -> list[float]: ...
@overload
def softmax(values: Values) -> list[Value]: ...
def softmax(values: Any) -> Any:
    """The exponentials of a sequence, or of all elements of an array, divided by their sum.

    Their derivatives are as good as the rounding of 1, not each as good as its own size. One infinite number takes
    it all; of several, or of none but `-inf`, the shares are nan.

    Returns:
        A list, or an array of the same shape.

    Raises:
        ValueError: there are none.

    Example:
        >>> softmax([1000.0, 1000.0])
        [0.5, 0.5]
    """
    shifted, total = shifted_exponents(read_some_terms(values, "softmax"))
    return _in_shape_of(values, [exp(exponent) / total for exponent in shifted])


@overload
def log_softmax(values: Array) -> Array: ...
@overload
def log_softmax(values: Numbers) -> list[float]: ...
@overload
def log_softmax(values: Values) -> list[Value]: ...
def log_softmax(values: Any) -> Any:
    """The logarithms of `softmax`, which are right also where a share is too small for a float.

    Returns:
        A list, or an array of the same shape.

    Raises:
        ValueError: there are none.

    Example:
        >>> log_softmax([1000.0, 0.0])
        [0.0, -1000.0]
    """
    shifted, total = shifted_exponents(read_some_terms(values, "log_softmax"))
    scale = log(total)
    return _in_shape_of(values, [exponent - scale for exponent in shifted])


def shifted_exponents(terms: list[Any]) -> tuple[list[Any], Any]:
    """Subtract the largest term from all, and add up the exponentials of what comes out.

    Returns:
        The differences, and the sum: nan where several terms are infinite and the largest, as their shares of it are
        then not determined.
    """
    largest = _largest(terms)
    shifted = [_difference(term, largest) for term in terms]
    total = sum([exp(exponent) for exponent in shifted])
    if type(largest) is float and math.isfinite(largest):
        return shifted, total
    # Equal ones each add 1. What is added here is 0, or nan for infinities.
    return shifted, total + masked_product(less_equal(2.0, total), largest - largest)


def _largest(terms: list[Any]) -> Any:
    """Return the largest term without its derivative: a float, unless it can be another one at the next call."""
    if any(isinstance(term, Value) and recorder_of(term) for term in terms):
        return instead(_in_pairs(maximum, terms), 0.0)
    return _in_pairs(maximum, [term._number if isinstance(term, Value) else term for term in terms])


def _difference(term: Any, largest: Any) -> Any:
    """Return a term less the largest, 0 for that one also if it is infinite, with the derivative of the term."""
    if type(largest) is float and math.isfinite(largest):
        return term - largest
    # + 0.0 makes 0.0 of -0.0, as it is where both are finite.
    return instead(dropped(equal(term, largest), term - largest) + 0.0, term)


def _in_shape_of(values: Any, results: list[Any]) -> Any:
    """Return as many results as there are values: as a list, or as an array if those are one."""
    if not is_array(values):
        return results
    shaped = values.astype(object)
    for index, result in enumerate(results):
        shaped.flat[index] = result
    return shaped if any(isinstance(result, Value) for result in results) else shaped.astype(float)


# What else `math` has.


@overload
def isnan(x: Value | float) -> bool: ...
@overload
def isnan(x: Any) -> Any: ...
def isnan(x: Any) -> Any:
    """Whether `x` is nan: a bool, also of a Value; an array of bools of an array."""
    return _found(lambda number: number != number, x, "isnan")


@overload
def isinf(x: Value | float) -> bool: ...
@overload
def isinf(x: Any) -> Any: ...
def isinf(x: Any) -> Any:
    """Whether `x` is infinite."""
    return _found(lambda number: (number == math.inf) | (number == -math.inf), x, "isinf")


@overload
def isfinite(x: Value | float) -> bool: ...
@overload
def isfinite(x: Any) -> Any: ...
def isfinite(x: Any) -> Any:
    """Whether `x` is neither infinite nor nan."""
    return _found(lambda number: (number > -math.inf) & (number < math.inf), x, "isfinite")


def _found(predicate: Any, x: Any, what: str) -> Any:
    """Find out by comparisons, which a compiled function notices."""
    if is_array(x):
        return ask("arrays").truths(map_arrays(lambda entry: _found(predicate, entry, what), (x,)))
    return predicate(x if isinstance(x, Value) else require_number(x, f"the operand of {what}"))


def isclose(a: Any, b: Any, *, rel_tol: float = 1e-9, abs_tol: float = 0.0) -> bool:
    """Whether two Values or numbers are nearly equal, as in Python's `math`.

    Raises:
        ValueError: a tolerance is negative.

    Example:
        >>> isclose(1.0, 1.0 + 1e-10)
        True
    """
    for number, what in ((rel_tol, "rel_tol"), (abs_tol, "abs_tol")):
        if require_number(number, f"the {what} of isclose") < 0.0:
            raise ValueError(f"the {what} of isclose must not be negative, but is {describe(number)}")
    for number in (a, b):
        if not isinstance(number, Value):
            require_number(number, "an operand of isclose")
    difference = fabs(b - a)
    near = (difference <= fabs(rel_tol * b)) | (difference <= fabs(rel_tol * a)) | (difference <= abs_tol)
    found: bool = (a == b) | (near & isfinite(a) & isfinite(b))
    return found


@overload
def modf(x: float) -> tuple[float, float]: ...
@overload
def modf(x: Value) -> tuple[Value, Value]: ...
@overload
def modf(x: Any) -> tuple[Any, Any]: ...
def modf(x: Any) -> tuple[Any, Any]:
    """The fraction of `x` and the rest, a whole number, both with its sign.

    Example:
        >>> modf(-2.5)
        (-0.5, -2.0)
    """
    whole = trunc(x)
    if is_array(x):
        return map_arrays(lambda entry: modf(entry)[0], (x,)), whole
    return where(isinf(x), copysign(0.0, x), fmod(x, 1.0)), whole


@overload
def frexp(x: float) -> tuple[float, int]: ...
@overload
def frexp(x: Value) -> tuple[Value, int]: ...
def frexp(x: Any) -> tuple[Any, int]:
    """A number from 0.5 on below 1, of the sign of `x`, and the exponent of the power of two that makes `x` of it.

    Example:
        >>> frexp(-6.0)
        (-0.75, 3)
    """
    number = x._number if isinstance(x, Value) else require_number(x, "the operand of frexp")
    exponent = math.frexp(number)[1]
    if not isinstance(x, Value):
        return math.frexp(number)
    # A compiled function notes between which numbers x lies. These hold the exponent fast.
    if number == 0.0 or not math.isfinite(number):
        is_nan = math.isnan(number)
        compare("==", x, x if is_nan else number, not is_nan)
        return selected(x), exponent
    size = abs(x)
    compare(">=", size, math.ldexp(0.5, exponent), True)
    compare("<", size, math.ldexp(1.0, exponent) if exponent < 1024 else math.inf, True)
    return ldexp(x, -exponent), exponent


@overload
def ldexp(x: float, i: int) -> float: ...
@overload
def ldexp(x: Value, i: int) -> Value: ...
@overload
def ldexp(x: Any, i: Any) -> Any: ...
def ldexp(x: Any, i: Any) -> Any:
    """x * 2**i, for an int `i`.

    Raises:
        TypeError: `i` is not an int.

    Example:
        >>> ldexp(0.75, 3)
        6.0
    """
    if not isinstance(i, numbers.Integral):
        raise TypeError(f"the exponent of ldexp must be an int, not {describe(i)}")
    exponent = min(max(int(i), -2200), 2200)  # beyond, every float gives 0 or inf
    if abs(exponent) < 1000:
        return mul(x, 2.0**exponent)
    third = exponent // 3  # half of the largest is not a float either
    return mul(mul(mul(x, 2.0**third), 2.0**third), 2.0 ** (exponent - 2 * third))


@overload
def fma(x: float, y: float, z: float) -> float: ...
@overload
def fma(x: Value | float, y: Value | float, z: Value | float) -> Value: ...
@overload
def fma(x: Any, y: Any, z: Any) -> Any: ...
def fma(x: Any, y: Any, z: Any) -> Any:
    """x * y + z, of numbers rounded once; with a Value among them the product is rounded, too.

    Example:
        >>> fma(2.0, 3.0, 4.0)
        10.0
    """
    operands = (x, y, z)
    exact = [operand for operand in operands if not (isinstance(operand, Value) or is_array(operand))]
    numbers = [require_number(operand, "an operand of fma") for operand in exact]
    return add(mul(x, y), z) if len(numbers) < 3 else float(library_function("fma", 3)(*numbers))


# Other numbers of operands than the table's.


def _log(*operands: Any) -> Any:
    if len(operands) != 2:
        raise TypeError(f"log takes a number and, if need be, a base, but {len(operands)} operands were given")
    return div(log(operands[0]), log(operands[1]))


def _round(*operands: Any) -> Any:
    if len(operands) != 2:
        raise TypeError(f"round takes a number and, if need be, the decimal places, but {len(operands)} were given")
    x, digits = operands
    if digits is None:
        return nearest(x)
    if not isinstance(digits, numbers.Integral):
        raise TypeError(f"the decimal places of round must be an int, not {describe(digits)}")
    return round_to(x, float(digits))


def _hypot(*operands: Any) -> Any:
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        raise TypeError("hypot takes numbers, not a list or a tuple of them: write norm(values)")
    return _length(list(operands))


def _extremum(operation: Any) -> Any:
    def variadic(*operands: Any) -> Any:
        if len(operands) < 2:
            hint = f": write {operation.name}(*values)" if operands and isinstance(operands[0], (list, tuple)) else ""
            raise TypeError(f"{operation.name} takes 2 operands or more, but {len(operands)} were given{hint}")
        return functools.reduce(operation, operands)

    return variadic


log.variadic, nearest.variadic, hypot.variadic = _log, _round, _hypot
maximum.variadic, minimum.variadic = _extremum(maximum), _extremum(minimum)
