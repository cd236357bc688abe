"""Derivatives of functions: they take a function and give one, and nest to any depth."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, Self, TypeVar, overload

from microgrady import forward, reverse
from microgrady.differentiation import differentiate
from microgrady.inputs import describe, require_function
from microgrady.introspection import name_of, takes_unpacked
from microgrady.pickling.callables import Wrapper
from microgrady.selection import Argnames, Argnums, Selection
from microgrady.sparse import require_one, sparse_hessian, sparse_jacobian
from microgrady.tracebacks import entrance, hide_ours
from microgrady.traced import as_value
from microgrady.tracing import recorder_of
from microgrady.trees import flatten
from microgrady.value import Value

# What type checkers tell of the transforms. Where the first argument, the second or both are selected, they know what
# the gradient is, as it has the type of the argument; a bound of Any leaves the body of a lambda alone.
A = TypeVar("A")
G = TypeVar("G", covariant=True)
P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")
X = TypeVar("X", bound=Any)
Y = TypeVar("Y", bound=Any)
First = Literal[0] | None
Second = Literal[1]
Both = tuple[Literal[0], Literal[1]]
No = Literal[False]
Yes = Literal[True]

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Matrix = csr_array[Any, tuple[int, int]]


@entrance
def gradients(output: Value, inputs: X) -> X:
    """The derivative of `output` by each input, as Values that can be differentiated again.

    Args:
        output: The result to differentiate.
        inputs: A Value, or a list, tuple, dict or object array of Values: leaves or results on the
            way to `output`. No `grad` is read or written.

    Returns:
        The derivatives in the structure of `inputs`; exactly 0 for an input that `output` does not use.

    Raises:
        TypeError: `output` or an input is not a Value.
        RuntimeError: a leaf's `data` was assigned after the graph was recorded.

    Example:
        >>> import microgrady as mg
        >>> x = Value(2.0)
        >>> slope = gradients(x**3, x)
        >>> curvature = gradients(slope, x)
        >>> slope.data, curvature.data
        (12.0, 12.0)
    """
    if not isinstance(output, Value):
        raise TypeError(f"the output of gradients must be a Value, not {describe(output)}")
    values, structure = flatten(inputs, "inputs")
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(f"the inputs of gradients must be Values, not {describe(value)}")
    # What a recorded function has from outside must stay recognisable as such by its mark.
    recorder = recorder_of(output)
    since = 0 if recorder is None else recorder.since
    derivatives: X = structure.rebuild([as_value(derivative) for derivative in differentiate(output, values, since)])
    return derivatives


@overload
def grad(
    function: Callable[Concatenate[X, P], Any], argnums: First = None, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, P], X]: ...
@overload
def grad(
    function: Callable[Concatenate[X, Y, P], Any], argnums: Second, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, Y, P], Y]: ...
@overload
def grad(
    function: Callable[Concatenate[X, Y, P], Any], argnums: Both, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, Y, P], tuple[X, Y]]: ...
@overload
def grad(
    function: Callable[Concatenate[X, P], tuple[Any, A]], argnums: First = None, *, argnames: None = None, has_aux: Yes
) -> Derivative[Concatenate[X, P], tuple[X, A]]: ...
@overload
def grad(
    function: Callable[P, Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Derivative[P, Any]: ...
@entrance
def grad(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Any:
    """The function that gives the gradient of `function`, which must return one number.

    Args:
        function: A function of numbers, or of lists, tuples, dicts, NumPy arrays, dataclasses, Series and DataFrames of
            numbers, or of registered classes (`microgrady.trees.register`). It is called with Values in their place.
        argnums: The position of the argument to differentiate by, or a tuple of positions;
            negative ones count from the end of those given by position. None: the first.
        argnames: The name of the argument, or a tuple of names, in place of positions.
        has_aux: Whether `function` returns a pair of the number and something else, as in JAX.

    Returns:
        A function of the same arguments, given by position or by name. It gives the gradient in the structure of the
        argument (a tuple of such for a tuple of positions or names), in floats and float64 arrays. Where the gradient
        depends on a Value from outside, one among the arguments or one that `function` refers to, it
        is made of Values, and so can be differentiated by it; `detach` makes floats of them. With `has_aux` it gives
        a pair of the gradient and what the function returned besides, with floats for Values.

    Raises:
        TypeError: `function` cannot be called, an argument is not a number, `function` does not return
            one number, or it turns a Value into a float, which would lose the derivative, even if it catches the
            error.
        ValueError: a position is out of range, or a name is that of no argument.

    Example:
        >>> grad(lambda x: x**3)(2.0)
        12.0
        >>> grad(lambda x, rate: rate * x**3, argnames="rate")(2.0, rate=5.0)
        8.0
        >>> grad(lambda x: (x**3, x + 1), has_aux=True)(2.0)
        (12.0, 3.0)
        >>> grad(grad(lambda x: x**3))(2.0)
        12.0
        >>> grad(lambda point, scale: scale * (point["a"] + point["b"]**2))({"a": 1, "b": 2}, 10)
        {'a': 10.0, 'b': 40.0}
    """
    return _made("grad", function, argnums, argnames, has_aux)


@overload
def value_and_grad(
    function: Callable[Concatenate[X, P], R], argnums: First = None, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, P], tuple[R, X]]: ...
@overload
def value_and_grad(
    function: Callable[Concatenate[X, Y, P], R], argnums: Second, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, Y, P], tuple[R, Y]]: ...
@overload
def value_and_grad(
    function: Callable[Concatenate[X, Y, P], R], argnums: Both, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, Y, P], tuple[R, tuple[X, Y]]]: ...
@overload
def value_and_grad(
    function: Callable[Concatenate[X, P], tuple[R, A]], argnums: First = None, *, argnames: None = None, has_aux: Yes
) -> Derivative[Concatenate[X, P], tuple[tuple[R, A], X]]: ...
@overload
def value_and_grad(
    function: Callable[P, Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Derivative[P, tuple[Any, Any]]: ...
@entrance
def value_and_grad(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Any:
    """The function that gives the pair of `function`'s value and its gradient, as `grad` does.

    It is what `scipy.optimize.minimize(..., jac=True)` takes. With `has_aux` the value is a pair of the number and what
    the function returns besides.

    Example:
        >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
        (6.0, (3.0, 2.0))
    """
    return _made("value_and_grad", function, argnums, argnames, has_aux)


@overload
def jacobian(
    function: Callable[Concatenate[X, P], float | Value],
    argnums: First = None,
    *,
    argnames: None = None,
    has_aux: No = False,
    sparse: No = False,
) -> Derivative[Concatenate[X, P], X]: ...
@overload
def jacobian(
    function: Callable[Concatenate[X, P], list[R]],
    argnums: First = None,
    *,
    argnames: None = None,
    has_aux: No = False,
    sparse: No = False,
) -> Derivative[Concatenate[X, P], list[X]]: ...
@overload
def jacobian(
    function: Callable[Concatenate[X, P], tuple[float | Value, A]],
    argnums: First = None,
    *,
    argnames: None = None,
    has_aux: Yes,
    sparse: No = False,
) -> Derivative[Concatenate[X, P], tuple[X, A]]: ...
@overload
def jacobian(
    function: Callable[P, Any],
    argnums: int | None = None,
    *,
    argnames: str | None = None,
    has_aux: No = False,
    sparse: Yes,
) -> Derivative[P, Matrix]: ...
@overload
def jacobian(
    function: Callable[P, tuple[Any, A]],
    argnums: int | None = None,
    *,
    argnames: str | None = None,
    has_aux: Yes,
    sparse: Yes,
) -> Derivative[P, tuple[Matrix, A]]: ...
@overload
def jacobian(
    function: Callable[P, Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
    sparse: bool = False,
) -> Derivative[P, Any]: ...
@entrance
def jacobian(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
    sparse: bool = False,
) -> Any:
    """The function that gives the derivative of every number that `function` returns.

    Args:
        function: As for `grad`, but it may return any nested structure of numbers.
        argnums: As for `grad`.
        argnames: As for `grad`.
        has_aux: As for `grad`.
        sparse: Whether to make a sparse matrix, without ever making the dense one.

    Returns:
        A function of the same arguments. It gives the structure of the result with, in the place of
        each number, the structure of the argument. Where both are arrays, of shapes S and T, it is
        one array of shape S + T.

        With `sparse` it gives a `scipy.sparse.csr_array` with a row for each number of the result and a column for each
        number of the argument, both in their order. It has an entry where the operations make the result depend on the
        argument, also where the derivative happens to be 0; the places of the entries are the same for all arguments
        for which the function takes the same way.

    Raises:
        TypeError: as for `grad`; with `sparse`, the argument holds several arrays, or the function refers to Values
            from outside, by which the floats in the matrix would have no derivatives (inside `jit` it may).
        ValueError: a position is out of range; with `sparse`, there are several.
        ImportError: SciPy, which `sparse` needs, is not installed.

    Example:
        >>> jacobian(lambda p: [p[0] * p[1], p[0] + p[1]])([2.0, 3.0])
        [[3.0, 2.0], [1.0, 1.0]]
        >>> jacobian(lambda p: [x * x for x in p], sparse=True)([2.0, 3.0]).toarray().tolist()
        [[4.0, 0.0], [0.0, 6.0]]
    """
    return _made("jacobian", function, argnums, argnames, has_aux, sparse)


@overload
def hessian(
    function: Callable[P, Any],
    argnums: int | None = None,
    *,
    argnames: str | None = None,
    has_aux: No = False,
    sparse: Yes,
) -> Derivative[P, Matrix]: ...
@overload
def hessian(
    function: Callable[P, tuple[Any, A]],
    argnums: int | None = None,
    *,
    argnames: str | None = None,
    has_aux: Yes,
    sparse: Yes,
) -> Derivative[P, tuple[Matrix, A]]: ...
@overload
def hessian(
    function: Callable[P, Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
    sparse: bool = False,
) -> Derivative[P, Any]: ...
@entrance
def hessian(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
    sparse: bool = False,
) -> Any:
    """The function that gives all second derivatives of `function`: the jacobian of its gradient.

    With `sparse` it gives a `scipy.sparse.csr_array`, as `jacobian` does, and takes time and memory only for the
    entries that are not zero by structure. Its two halves are the same numbers.

    Example:
        >>> hessian(lambda p: p[0] ** 2 * p[1])([2.0, 3.0])
        [[6.0, 4.0], [4.0, 0.0]]
        >>> hessian(lambda p: p[0] ** 2 + p[1] ** 3, sparse=True)([2.0, 3.0]).data.tolist()
        [2.0, 18.0]
    """
    return _made("hessian", function, argnums, argnames, has_aux, sparse)


@overload
def hvp(
    function: Callable[Concatenate[X, P], Any], argnums: First = None, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, ...], X]: ...
@overload
def hvp(
    function: Callable[Concatenate[X, P], tuple[Any, A]], argnums: First = None, *, argnames: None = None, has_aux: Yes
) -> Derivative[Concatenate[X, ...], tuple[X, A]]: ...
@overload
def hvp(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Derivative[..., Any]: ...
@entrance
def hvp(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Any:
    """The function that gives the product of `function`'s hessian and a vector, without the hessian.

    It costs a few evaluations of `function`, whatever the size of the argument (Pearlmutter, "Fast
    exact multiplication by the Hessian", 1994, in its reverse-over-reverse form).

    Returns:
        A function of the arguments of `function` and, last of those given by position, the vector: the structure of the
        argument.

    Raises:
        ValueError: the vector has another structure than the argument.

    Example:
        >>> hvp(lambda p: p[0] ** 2 * p[1])([2.0, 3.0], [1.0, 10.0])
        [46.0, 4.0]
    """
    return _made("hvp", function, argnums, argnames, has_aux)


@overload
def jvp(
    function: Callable[Concatenate[X, P], R], argnums: First = None, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, ...], tuple[R, R]]: ...
@overload
def jvp(
    function: Callable[Concatenate[X, P], tuple[R, A]], argnums: First = None, *, argnames: None = None, has_aux: Yes
) -> Derivative[Concatenate[X, ...], tuple[R, R, A]]: ...
@overload
def jvp(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Derivative[..., Any]: ...
@entrance
def jvp(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Any:
    """The function that gives the pair of `function`'s value and its derivative along a vector.

    The derivative is the product of the jacobian and the vector. One pass along the record finds it, at about the cost
    of `function`, however many numbers that returns.

    Args:
        function: As for `jacobian`.
        argnums: As for `grad`.
        argnames: As for `grad`.
        has_aux: As for `grad`.

    Returns:
        A function of the arguments of `function` and, last of those given by position, the vector: the structure of the
        argument (a tuple of such for a tuple of positions or names). The derivative has the structure of the value.
        With `has_aux` what the function returned besides comes third.

    Raises:
        TypeError: as for `grad`.
        ValueError: a position is out of range, or the vector has another structure than the argument.

    Example:
        >>> jvp(lambda p: [p[0] * p[1], p[0] + p[1]])([2.0, 3.0], [1.0, 10.0])
        ([6.0, 5.0], [23.0, 11.0])
    """
    return _made("jvp", function, argnums, argnames, has_aux)


@overload
def vjp(
    function: Callable[Concatenate[X, P], R], argnums: First = None, *, argnames: None = None, has_aux: No = False
) -> Derivative[Concatenate[X, P], tuple[R, Callable[[R], X]]]: ...
@overload
def vjp(
    function: Callable[Concatenate[X, P], tuple[R, A]], argnums: First = None, *, argnames: None = None, has_aux: Yes
) -> Derivative[Concatenate[X, P], tuple[R, Callable[[R], X], A]]: ...
@overload
def vjp(
    function: Callable[P, Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Derivative[P, Any]: ...
@entrance
def vjp(
    function: Callable[..., Any],
    argnums: Argnums | None = None,
    *,
    argnames: Argnames | None = None,
    has_aux: bool = False,
) -> Any:
    """The function that gives the pair of `function`'s value and what takes a seed to derivatives of it.

    These are the product of the seed and the jacobian: the derivatives of the sum of all numbers in the value, each
    with its weight in the seed. One reverse pass finds them.

    Args:
        function: As for `jacobian`.
        argnums: As for `grad`.
        argnames: As for `grad`.
        has_aux: As for `grad`.

    Returns:
        A function of the same arguments. It gives the value and a function of the seed, which has the structure of the
        value; that one gives derivatives in the structure of the argument, as `grad` does, and can be called again.
        A compiled function can call it, though not return it: `jit(lambda x, seed: vjp(f)(x)[1](seed))`. With
        `has_aux` what the function returned besides comes third.

    Raises:
        TypeError: as for `grad`.
        ValueError: a position is out of range; from the function of the seed: it has another structure than the value.

    Example:
        >>> value, pullback = vjp(lambda p: [p[0] * p[1], p[0] + p[1]])([2.0, 3.0])
        >>> value, pullback([1.0, 10.0])
        ([6.0, 5.0], [13.0, 12.0])
    """
    return _made("vjp", function, argnums, argnames, has_aux)


class Derivative(Wrapper, Generic[P, G]):
    """A function that a transform has made of another one. As a function does, it binds as a method of a class.

    Args:
        transform: The name of the transform.
        function: What is differentiated.
        selection: By which of its arguments.
    """

    __name__: str
    _transform: str
    _selection: Selection
    _subject: Any

    def __init__(self, transform: str, function: Callable[..., Any], selection: Selection) -> None:
        functools.update_wrapper(self, function, assigned=("__module__", "__doc__"), updated=())
        name, sparse = transform.removeprefix("sparse_"), ", sparse=True" if transform.startswith("sparse_") else ""
        self.__name__ = self.__qualname__ = f"{name}({name_of(function)}{sparse})"
        self._restore({**self.__dict__, "_transform": transform, "_selection": selection})

    def _parts(self) -> dict[str, Any]:
        parts = super()._parts()
        del parts["_evaluate"], parts["_subject"]
        return parts

    def _restore(self, parts: dict[str, Any]) -> None:
        super()._restore(parts)
        self._evaluate, of_gradient = _TRANSFORMS[self._transform]
        self._subject = self.__wrapped__
        if of_gradient:
            self._subject = Derivative.__new__(Derivative)
            self._subject._restore(
                {**parts, "__name__": "grad" + self.__name__.removeprefix(self._transform), "_transform": "grad"}
            )

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> G: ...

    @overload
    def __call__(self, /, **kwargs: Any) -> G: ...  # the first argument, too, can be given by its name

    # A function of Values is called with numbers.
    @overload
    def __call__(
        self: Derivative[Concatenate[Value, Q], Value], x: float, /, *args: Value | float, **kwargs: Any
    ) -> float: ...

    @overload
    def __call__(
        self: Derivative[Concatenate[Value, Q], Any], x: Value | float, /, *args: Value | float, **kwargs: Any
    ) -> Any: ...

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Return what the transform says, at some arguments."""
        try:
            return self._evaluate(self._subject, self._selection, args, kwargs)
        except Exception as error:
            if isinstance(error, TypeError) and takes_unpacked(self.__wrapped__, args):
                error.args = (f"{error}; (*numbers) gives it the numbers in a sequence one by one",)
            hide_ours(error)
            raise

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(
        self: Derivative[Concatenate[S, Q], G], instance: S, owner: type[S] | None = None
    ) -> Callable[Q, G]: ...

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<{self.__name__}>"


def _made(
    transform: str,
    function: Callable[..., Any],
    argnums: Argnums | None,
    argnames: Argnames | None,
    has_aux: bool,
    sparse: bool = False,
) -> Any:
    require_function(transform, function)
    if not isinstance(sparse, bool):
        raise TypeError(f"sparse must be True or False, not {describe(sparse)}")
    selection = Selection(function, argnums, argnames, has_aux)
    if sparse:
        require_one(selection)
    return Derivative(f"sparse_{transform}" if sparse else transform, function, selection)


# How each is evaluated, and whether what it differentiates is the gradient of the function.
_TRANSFORMS: dict[str, tuple[Callable[..., Any], bool]] = {
    "grad": (reverse.gradient, False),
    "value_and_grad": (reverse.value_and_gradient, False),
    "jacobian": (reverse.jacobian, False),
    "hessian": (reverse.jacobian, True),
    "hvp": (reverse.hessian_product, True),
    "vjp": (reverse.value_and_pullback, False),
    "jvp": (forward.value_and_tangent, False),
    "sparse_jacobian": (sparse_jacobian, False),
    "sparse_hessian": (sparse_hessian, False),
}
