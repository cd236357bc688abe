"""SciPy's minimisers for functions of nested arguments, with compiled derivatives."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping
from typing import Any

from microgrady.arrays import array
from microgrady.compiler.jit import jit
from microgrady.inputs import describe, require_function, require_number
from microgrady.introspection import name_of, signature_of
from microgrady.optim.variables import Variables
from microgrady.sequences import dot
from microgrady.tracebacks import entrance
from microgrady.traced import one_number
from microgrady.transforms import hessian, hvp, jacobian, value_and_grad
from microgrady.trees import detach, flatten
from microgrady.value import Value, reverse_pass

# SciPy's methods by the derivatives that they want.
NONE = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")
GRADIENT = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP")
HESSIAN = ("dogleg", "trust-exact")
PRODUCT = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr")  # of the hessian and a vector
METHODS = {method.lower(): method for method in (*NONE, *GRADIENT, *HESSIAN, *PRODUCT)}


@entrance
def minimize(
    function: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | Callable[..., Any] | None = None,
    *,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Find where a function of a nested argument is smallest: `scipy.optimize.minimize`, with exact derivatives.

    The function and the derivatives that the method wants are compiled, as by `jit` (without llvmlite they are
    interpreted): gradients; for `dogleg` and `trust-exact` the hessian, for `Newton-CG`, `trust-ncg`, `trust-krylov`
    and `trust-constr` its product with a vector. Values from outside that the function refers to are constants.

    Args:
        function: A function of an argument like `x0`, and of `args`. It returns one number.
        x0: Where to start: a number, or a structure of numbers and Values such as `grad` takes. Leaf Values in it, as
            those of a Module, are assigned the numbers that are found. Other numbers in a Module are not varied.
        args: A tuple of constants, or one.
        method: The name of one of SciPy's methods, or a function such as SciPy takes. None: SciPy chooses BFGS,
            with bounds L-BFGS-B, with constraints SLSQP.
        bounds: A pair (low, high), with None for no bound, for each number, in the structure of `x0`; one pair, or
            None, for all numbers in a part of it. Keys of a dict can be left out. Or `scipy.optimize.Bounds`.
        constraints: As in SciPy, one or several. Their functions take an argument like `x0` and return a number or a
            structure of numbers, and their derivatives are compiled, too. `LinearConstraint` has columns for numbers.
        tol: As in SciPy.
        callback: As in SciPy: a function of a point, or of `intermediate_result`, in which the point is `x`.
        options: As in SciPy.

    Returns:
        SciPy's result. The point `x` and the gradient there, `jac` (`grad` of trust-constr), have the structure of
        `x0`, in floats and arrays of float64. All else has the numbers in order, as arrays.

    Raises:
        TypeError: `function` does not return one number, or an argument has another type.
        ValueError: There is no such method; `x0` has nothing to vary or is not finite; the function or a derivative is
            nan there; bounds do not fit `x0`; the function refers to a Value of `x0` not by its argument.
        ImportError: SciPy is not installed.

    Example:
        >>> found = minimize(lambda p: (p["x"] - 1.0) ** 2 + (p["y"] + 2.0) ** 2, {"x": 0.0, "y": 0.0})
        >>> {name: round(number, 6) for name, number in found.x.items()}
        {'x': 1.0, 'y': -2.0}
    """
    problem = Problem(function, x0, args)
    return problem.solve(method, bounds, constraints, tol=tol, callback=callback, options=options)


def _scipy() -> Any:
    try:
        import scipy.optimize
    except ImportError as error:
        raise ImportError('minimize needs SciPy: pip install "microgrady[scipy]"') from error
    return scipy.optimize


def _method(method: Any) -> Any:
    """Return the name of a method as SciPy writes it, or a function that takes its place."""
    if method is None or callable(method):
        return method
    if not isinstance(method, str):
        raise TypeError(f"method must be the name of a method, a function or None, not {describe(method)}")
    if method.lower() not in METHODS:
        raise ValueError(f"there is no method {method!r}; there are {', '.join(METHODS.values())}")
    return METHODS[method.lower()]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as machine code; without llvmlite, in floats."""
    if importlib.util.find_spec("llvmlite") is not None:
        return jit(function)
    return lambda *points: detach(function(*points))


class Problem:
    """A function of a nested argument as one of an array, with its derivatives.

    Args:
        function: The function.
        x0: The argument to start at.
        args: Further ones: a tuple, or one.
    """

    def __init__(self, function: Callable[..., Any], x0: Any, args: Any) -> None:
        require_function("minimize", function)
        further = args if isinstance(args, tuple) else (args,)
        self._name = name_of(function)
        self._variables = variables = Variables(x0)
        _require_by_argument(function, variables, further)

        def flat(point: Any) -> Any:
            return one_number(function(variables.argument(point), *further), self._name, "minimize")

        flat.__name__ = self._name  # which messages have
        self._flat = flat
        self._value = compiled(flat)
        self._both = compiled(value_and_grad(flat))
        self._is_checked = False

    def solve(self, method: Any, bounds: Any, constraints: Any, *, callback: Any, options: Any, tol: Any) -> Any:
        """Return SciPy's result, in the structure of the argument."""
        optimize = _scipy()
        chosen = _method(method)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be a function or None, not {describe(callback)}")
        if options is not None and not isinstance(options, Mapping):
            raise TypeError(f"options must be a dict or None, not {describe(options)}")
        if tol is not None:
            tol = require_number(tol, "tol")
        variables = self._variables
        found = optimize.minimize(
            self.value if chosen in NONE else self.value_and_gradient,
            variables.start,
            method=chosen,
            bounds=_bounds(bounds, variables, optimize),
            constraints=[_constraint(each, variables, chosen, optimize) for each in _listed(constraints, optimize)],
            tol=tol,
            callback=None if callback is None else _callback(callback, variables),
            options=None if options is None else dict(options),
            **self.derivatives(chosen),
        )
        variables.assign(found.x.ravel().tolist())
        return _in_structure(found, variables)

    def value(self, point: Any) -> float:
        """Return the value at a point."""
        value = self._value(point.reshape(-1))
        if not self._is_checked:
            self._check(value, [])
        return float(value)

    def value_and_gradient(self, point: Any) -> tuple[float, Any]:
        """Return the value at a point, and the derivatives."""
        value, slopes = self._both(point.reshape(-1))
        if not self._is_checked:
            self._check(value, slopes)
        return value, slopes

    def _check(self, value: Any, slopes: Any) -> None:
        """Raise if the first point is none to go on from."""
        if isinstance(value, Value):
            raise TypeError(
                f"{self._name} depends on a Value that is being differentiated by, and minimize gives floats: "
                "mg.detach(...) leaves the derivative out on purpose"
            )
        if math.isnan(value):
            raise ValueError(f"{self._name} is nan at x0: start where it is a number")
        for slope, name in zip(slopes, self._variables.names, strict=False):  # no slopes for methods without
            if math.isnan(slope):
                raise ValueError(f"the derivative of {self._name} by {name} is nan at x0: start where it is a number")
        self._is_checked = True

    def derivatives(self, method: Any) -> dict[str, Any]:
        """Return the arguments that tell SciPy of the derivatives."""
        if method in NONE:
            return {}
        if method in HESSIAN:
            return {"jac": True, "hess": compiled(hessian(self._flat))}
        if method in PRODUCT:
            product = compiled(hvp(self._flat))
            return {"jac": True, "hessp": lambda point, vector: product(point, vector.reshape(-1))}
        return {"jac": True}


def _require_by_argument(function: Callable[..., Any], variables: Variables, args: tuple[Any, ...]) -> None:
    """Raise if a function uses a Value that is varied otherwise than by its argument, which would be a constant."""
    if not any(leaf is not None for leaf in variables.leaves):
        return
    output = function(variables.filled([Value(number) for number in variables.start]), *args)
    if not isinstance(output, Value):
        return
    reached = {id(stand_in._left) for stand_in in reverse_pass(output, 1.0)}
    for leaf, name in zip(variables.leaves, variables.names, strict=True):
        if leaf is not None and id(leaf) in reached:
            raise ValueError(
                f"{name_of(function)} refers to {leaf!r} itself, which is {name}: it must use what its argument has "
                "in that place"
            )


def _bounds(bounds: Any, variables: Variables, optimize: Any) -> Any:
    if bounds is None or isinstance(bounds, optimize.Bounds):
        return bounds
    low, high = zip(*variables.bounds(bounds), strict=True)
    return optimize.Bounds(low, high)


def _listed(constraints: Any, optimize: Any) -> list[Any]:
    """Return constraints as a list, also one that stands alone."""
    single = (Mapping, optimize.NonlinearConstraint, optimize.LinearConstraint)
    if isinstance(constraints, single):
        return [constraints]
    try:
        found = list(constraints)
    except TypeError:
        found = [constraints]
    for each in found:
        if not isinstance(each, single):
            raise TypeError(
                "a constraint must be a dict with type and fun, or SciPy's NonlinearConstraint or LinearConstraint, "
                f"not {describe(each)}"
            )
    return found


def _constraint(constraint: Any, variables: Variables, method: Any, optimize: Any) -> Any:
    """Return a constraint as SciPy takes it: of an array, with its derivatives."""
    if isinstance(constraint, optimize.LinearConstraint):
        return constraint
    kind = None
    if isinstance(constraint, Mapping):
        kind, function, args = _checked(constraint)
        jac, bounds, keep = constraint.get("jac"), (0.0, 0.0 if kind == "eq" else math.inf), False
    else:
        function, args, jac = constraint.fun, (), constraint.jac
        bounds, keep = (constraint.lb, constraint.ub), constraint.keep_feasible
    name = name_of(function)
    if callable(jac):
        raise ValueError(f"leave jac out: minimize finds the derivatives of the constraint {name} itself")

    def flat(point: Any) -> Any:
        return array(flatten(function(variables.argument(point), *args), f"the result of {name}")[0])

    flat.__name__ = name
    result, slopes = compiled(flat), compiled(jacobian(flat))
    if kind is not None and method != "trust-constr":
        return {"type": kind, "fun": result, "jac": slopes}
    found = optimize.NonlinearConstraint(result, *bounds, jac=slopes, keep_feasible=keep)
    if method == "trust-constr":  # the others do not want it
        found.hess = compiled(hessian(lambda point, weights: dot(weights, flat(point))))
    return found


def _checked(constraint: Mapping[str, Any]) -> tuple[str, Callable[..., Any], tuple[Any, ...]]:
    """Return the type, the function and the further arguments of a constraint that is a dict."""
    kind, function, args = constraint.get("type"), constraint.get("fun"), constraint.get("args", ())
    if kind not in ("eq", "ineq") or not callable(function) or not constraint.keys() <= {"type", "fun", "jac", "args"}:
        raise ValueError(
            "a constraint as a dict has 'type', which is 'eq' or 'ineq', 'fun', a function, and perhaps 'args', "
            f"a tuple, but it is {dict(constraint)}"
        )
    return kind, function, args


def _callback(callback: Callable[..., Any], variables: Variables) -> Callable[..., Any]:
    """Return a callback of arrays, as SciPy takes it, for one of nested arguments."""
    signature = signature_of(callback)
    if signature is not None and set(signature.parameters) == {"intermediate_result"}:

        def with_result(intermediate_result: Any) -> Any:
            return callback(intermediate_result=_in_structure(intermediate_result, variables))

        return with_result

    def with_point(point: Any, *state: Any) -> Any:
        return callback(variables.filled(point.ravel().tolist()), *(_in_structure(each, variables) for each in state))

    return with_point


def _in_structure(found: Any, variables: Variables) -> Any:
    """Return one of SciPy's results with the point and the gradient in the structure of the argument."""
    made = type(found)(found)
    made.x = variables.filled(made.x.ravel().tolist())
    for name in ("jac", "grad"):
        slopes = made.get(name)
        if getattr(slopes, "shape", None) == (len(variables.start),):
            made[name] = variables.slopes(slopes)
    return made
