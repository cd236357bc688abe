"""What to write for a name that there is not: other words for the same thing, and names that are spelt alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

# What else functions are called, and what to write: the first that is known where it is asked for, or is a formula.
FUNCTIONS: tuple[tuple[str, ...], ...] = (
    ("ln loge log_e logn logarithm", "log"),
    ("lg logten log_10", "log10"),
    ("ld lb log_2", "log2"),
    ("exp10", "10**x"),
    ("exponential", "exp"),
    ("sine sinus sen", "sin"),
    ("cosine cosinus", "cos"),
    ("tg tang tangent tangens", "tan"),
    ("cot ctg cotg cotan", "1 / tan(x)"),
    ("sec", "1 / cos(x)"),
    ("csc cosec", "1 / sin(x)"),
    ("arcsin arcsen asen", "asin"),
    ("arccos", "acos"),
    ("arctan arctg atg", "atan"),
    ("arctan2", "atan2"),
    ("acot arccot arcctg actg", "atan(1 / x)"),
    ("sh senh", "sinh"),
    ("ch", "cosh"),
    ("th tgh", "tanh"),
    ("coth cth", "1 / tanh(x)"),
    ("sech", "1 / cosh(x)"),
    ("csch", "1 / sinh(x)"),
    ("arcsinh arsinh arsh argsinh", "asinh"),
    ("arccosh arcosh arch argcosh", "acosh"),
    ("arctanh artanh arth argtanh", "atanh"),
    ("power pot", "x**y"),
    ("sqr square", "x**2"),
    ("cube", "x**3"),
    ("root squareroot", "sqrt"),
    ("rsqrt", "1 / sqrt(x)"),
    ("cuberoot", "cbrt"),
    ("reciprocal", "1 / x"),
    ("negative neg", "-x"),
    ("abs absolute modulus norm", "abs", "abs(x)"),
    ("max fmax", "maximum"),
    ("min fmin", "minimum"),
    ("sgn sign signum", "sign", "copysign(1, x)"),
    ("round rint nint", "round", "floor(x + 0.5)"),
    ("int integer fix", "trunc"),
    ("ceiling", "ceil"),
    ("mod modulo remainder", "a % b"),
    ("div divide true_divide", "a / b"),
    ("floor_divide floordiv", "a // b"),
    ("mul multiply times", "a * b"),
    ("add plus sum", "a + b"),
    ("sub subtract minus", "a - b"),
    ("mean average", "mean", "(a + b) / 2"),
    ("logistic expit", "sigmoid"),
    ("leaky_relu leakyrelu", "maximum(x, 0.01 * x)"),
    ("elu", "where(x > 0, x, expm1(x))"),
    ("silu swish", "x * sigmoid(x)"),
    ("gelu", "x * erfc(-x / 2**0.5) / 2"),
    ("log1pexp", "softplus"),
    ("clamp", "clip"),
    ("heaviside step", "x > 0"),
    ("factorial fact", "gamma(x + 1)"),
    ("gammaln loggamma lngamma", "lgamma"),
    ("psi", "digamma"),
    ("radians deg2rad rad", "radians", "x * pi / 180"),
    ("degrees rad2deg deg", "degrees", "x * 180 / pi"),
    ("iff ifelse iif cond", "where", "a if condition else b"),
)

# The same for what is not a function of numbers, in the words of micrograd, PyTorch, JAX, NumPy and scikit-learn.
OTHERS: tuple[tuple[str, ...], ...] = (
    ("tensor variable scalar node number parameter param", "Value"),
    ("derivative deriv diff differentiate gradient d partial partial_derivative", "grad"),
    ("jac jacrev jacfwd", "jacobian"),
    ("hess hessian_matrix", "hessian"),
    ("hessp hessian_vector_product", "hvp"),
    ("pushforward jacobian_vector_product", "jvp"),
    ("pullback vector_jacobian_product", "vjp"),
    ("backward backprop backpropagate", "y.backward()"),
    ("zero_grad", "x.grad = 0.0"),
    ("draw_dot make_dot draw_graph visualize visualise show graph render display", "draw"),
    ("animation gif movie video", "animate"),
    ("plot_function plot_derivative plot_tangent", "plot"),
    ("plot3d surface contour contours plot_contour plot_contours", "plot_surface"),
    ("expression expr to_string", "formula"),
    ("tex to_tex", "latex"),
    ("chain chain_rule explanation explain_gradient", "explain"),
    ("check_grad checkgrad gradcheck grad_check check_grads gradient_check", "check_gradient"),
    (
        "numeric_gradient numerical_gradient numerical_derivative numeric_grad finite_difference finite_differences "
        "approx_fprime",
        "numeric_derivative",
    ),
    ("stop_gradient no_grad", "detach"),
    ("vectorize vectorise", "vmap"),
    ("compile njit", "jit"),
    ("ndarray asarray", "array"),
    ("sort sorted", "sorted(values)"),
    ("matmul", "a @ b"),
    *(
        (name, f"np.{name}(...)")
        for name in ("arange", "concatenate", "cumsum", "einsum", "linspace", "outer", "stack")
    ),
    ("zeros", "mg.array(np.zeros(n))"),
    ("ones", "mg.array(np.ones(n))"),
    ("linear dense fullyconnected", "Layer"),
    ("perceptron", "Neuron"),
    ("model", "Module"),
    ("train", "fit"),
    ("network networks neural_network", "nn"),
    ("optimizer optimizers optimiser optimisers", "optim"),
    ("optimize optimise", "minimize"),
    ("dataset datasets", "data"),
    ("mse_loss mseloss mean_squared_error squared_error", "mse"),
    ("crossentropy crossentropyloss cross_entropy_loss nll_loss", "cross_entropy"),
    ("bce bceloss bcewithlogitsloss binary_crossentropy log_loss", "binary_cross_entropy"),
    ("make_moons", "moons"),
    ("make_circles circles", "rings"),
    ("make_spiral", "spiral"),
    ("load_digits mnist", "digits"),
    ("train_test_split", "split"),
    ("standardize normalise normalize scale standardscaler", "standardise"),
    ("dataloader minibatches", "batches"),
)

NETWORKS = (("relu tanh sigmoid", 'activation="relu" of a layer, or mg.relu(x)'),)


# What arguments are called elsewhere.
ARGUMENTS: tuple[tuple[str, ...], ...] = (
    ("learning_rate learningrate eta rate step_size", "lr"),
    ("beta beta1 beta2", "betas"),
    ("n_epochs iterations steps", "epochs"),
    ("filename file path output save", "to"),
    ("digits decimals", "precision"),
    ("orientation rankdir", "direction"),
    ("limit maximum", "max_nodes"),
    ("range xlim x_range domain x", "interval", "x_interval"),
    ("ylim y_range y", "y_interval"),
    ("tol rtol atol eps", "tolerance"),
    ("grad claimed", "gradient"),
    ("hidden layers sizes", "nouts"),
    ("inputs input_size n_inputs in_features", "nin"),
    ("out_features outputs output_size", "nout", "nouts"),
    ("static_argnums", "static_argnames"),
    ("test_size", "fraction"),
    ("samples n_samples count size", "n"),
)


def instead_of(name: str, known: Collection[str], *tables: Iterable[tuple[str, ...]]) -> str:
    """Return what to write in the place of an unknown name: one of those that are known, a formula, or nothing.

    Example:
        >>> instead_of("ln", {"log", "log2"}, FUNCTIONS), instead_of("cot", {"tan"}, FUNCTIONS)
        ('log', '1 / tan(x)')
        >>> instead_of("sigmiod", {"sigmoid", "sin"}), instead_of("nothing", {"sin"})
        ('sigmoid', '')
    """
    return _in_other_words(name, known, *tables) or _spelt_alike(name, known)


def _in_other_words(name: str, known: Collection[str], *tables: Iterable[tuple[str, ...]]) -> str:
    for table in tables:
        for words, *suggestions in table:
            if name.lower() in words.split():
                found = [text for text in suggestions if text in known or not text.isidentifier()]
                if found:
                    return found[0]
    return _in_other_case(name, known)


def _in_other_case(name: str, known: Iterable[str]) -> str:
    return next((one for one in known if one.lower() == name.lower()), "")


def _spelt_alike(name: str, known: Iterable[str]) -> str:
    import difflib  # for a message: it is not needed to calculate

    wanted, by_letters = name.lower(), {one.lower(): one for one in known}
    similar = difflib.get_close_matches(wanted, by_letters, cutoff=0.75)
    similar.sort(key=lambda found: sorted(found) != sorted(wanted))  # the same letters in another order come first
    return by_letters[similar[0]] if similar else ""


def hint(package: str, name: str, packages: Mapping[str, Collection[str]]) -> str:
    """Return what a message says after an unknown name of a package; empty if nothing is like it.

    Args:
        package: That which was asked for the name.
        name: It.
        packages: The names that packages offer, among them this one.
    """
    others = [other for other in packages if other != package]
    for find in (_in_other_case, _listed_for(package)):
        if found := find(name, packages[package]):
            return _written(package, found, packages[package])
    for find in (_in_other_case, _listed_for("")):
        for other in others:
            if (found := find(name, packages[other])) in packages[other]:
                return _written(other, found, packages[other])
    for other in (package, *others):
        if found := _spelt_alike(name, packages[other]):
            return _written(other, found, packages[other])
    return ""


def _listed_for(package: str) -> Callable[[str, Collection[str]], str]:
    """Return what finds other words for the names of a package: those for functions are of the package itself."""
    tables = {"microgrady": (FUNCTIONS, OTHERS), "microgrady.nn": (NETWORKS, OTHERS)}.get(package, (OTHERS,))
    return lambda name, known: _in_other_words(name, known, *tables)


def _written(package: str, found: str, known: Collection[str]) -> str:
    if found in known:
        return f"; did you mean {package.replace('microgrady', 'mg', 1)}.{found}?"
    return f"; write {_with_prefix(found)}"


def _with_prefix(formula: str) -> str:
    """Return a formula in which functions are called by the package's name."""
    import re

    return re.sub(r"(?<![.\w])(?!abs|sorted)(\w+\()", r"mg.\1", formula)


def call_hint(
    by_position: Sequence[str], only_by_name: Sequence[str], args: Sequence[Any], kwargs: Collection[str]
) -> str:
    """Return what a message says after a call with arguments that a function does not take.

    Args:
        by_position: The names of its parameters that have a position.
        only_by_name: Those of the others.
        args: What it was given by position.
        kwargs: The names of the arguments that it was given by name.

    Example:
        >>> call_hint(["f", "interval"], ["panels"], [abs, (-1, 1)], {"panel": True})
        '; did you mean panels?'
        >>> call_hint(["f", "interval"], ["panels"], [abs, -1, 1], {})
        '; an interval is one pair, (-1, 1)'
    """
    unknown = [name for name in kwargs if name not in (*by_position, *only_by_name)]
    if unknown:
        found = instead_of(unknown[0], (*by_position, *only_by_name), ARGUMENTS)
        return f"; did you mean {found}?" if found else f"; it takes {_listed((*by_position, *only_by_name))}"
    if len(args) <= len(by_position):
        return ""
    first = next((place for place, name in enumerate(by_position) if "interval" in name), len(args))
    ends = args[first : first + 2]
    if len(ends) == 2 and all(isinstance(end, (int, float)) for end in ends):
        return f"; an interval is one pair, ({ends[0]!r}, {ends[1]!r})"
    by_name = f", and by name {_listed(only_by_name)}" if only_by_name else ""
    return f"; it takes {_listed(by_position) or 'nothing'} by position{by_name}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


# What others call the attributes of a Value.
ATTRIBUTES = {
    **dict.fromkeys(
        ("value", "item", "numpy", "val", "number", "real", "float", "double", "tolist"), ": its number is data"
    ),
    **dict.fromkeys(("gradient", "derivative", "adjoint"), ": its derivative is grad"),
    **dict.fromkeys(("name", "title"), ": its name is label"),
    **dict.fromkeys(
        ("prev", "children", "child", "parents", "parent", "inputs", "args"),
        ": what it was calculated from is operands",
    ),
    **dict.fromkeys(("grad_fn", "operation", "operator", "func", "fn"), ": the operation that made it is op"),
    **dict.fromkeys(
        ("local", "local_grad", "local_grads", "local_derivative", "local_derivatives"),
        ": its derivatives by its operands are partials",
    ),
    **dict.fromkeys(("back", "backprop", "backpropagate"), "; did you mean backward?"),
    **dict.fromkeys(("draw", "show", "draw_dot", "graph", "render", "display"), "; write mg.draw(v)"),
    **{name: f"; write mg.{name}(v)" for name in ("animate", "formula", "latex")},
    "explain": "; write mg.explain(y, v) for the derivative of y by v",
    "plot": ": mg.draw(v) draws what it was calculated from, and mg.plot(f, interval) a function",
    "is_leaf": ": v.op is None for a leaf",
    **dict.fromkeys(("clone", "copy"), ": a leaf with the same number is Value(v.data)"),
    "step": ": write v.data -= rate * v.grad; mg.optim has steps for many of them",
    **dict.fromkeys(
        ("shape", "size", "ndim", "T", "dtype", "append", "reshape", "sum", "mean", "prod", "std", "var"),
        ": it is one number; several are a list, or mg.array([...]), which has a shape",
    ),
    "detach": ": its number without the derivative is data",
    "zero_grad": ": write v.grad = 0.0; models and optimizers have zero_grad()",
    **dict.fromkeys(("requires_grad", "requires_grad_"), ": a derivative by each Value can be asked for"),
    "retain_grad": ": each result keeps its grad",
    "_backward": ": how an operation is differentiated stands in the rules of its primitive, v.op.rules",
    "__dict__": ": it has no attributes of its own, keep them in a dict with Values as its keys",
}


# What others call the attributes of a model.
OF_MODELS = {
    **dict.fromkeys(("forward", "predict"), ": call the model itself, as in model(x)"),
    **dict.fromkeys(("params", "weights", "trainable_variables"), "; did you mean parameters()?"),
    "backward": ": a loss has backward(), as in nn.mse(model(x), y).backward()",
    **dict.fromkeys(("fit", "train"), ": mg.nn.fit(model, loss, X, y, optimizer, epochs) trains it"),
    "eval": ": a model is the same while it learns and after it",
    **dict.fromkeys(("state_dict", "save"), '; write mg.nn.save(model, "net.npz")'),
    **dict.fromkeys(("load_state_dict", "load"), '; write mg.nn.load(model, "net.npz")'),
    "summary": ": repr(model) shows the layers, and mg.plot_weights(model) the weights",
}


def attribute_hint(name: str, known: Collection[str]) -> str:
    """Return what a message says after an unknown attribute of a Value, which has those that are known."""
    if name in ATTRIBUTES or name.startswith("_"):
        return ATTRIBUTES.get(name, "")
    found = instead_of(name, known, FUNCTIONS)
    if not found:
        return ""
    return f"; did you mean {found}?" if found in known else f"; write {_with_prefix(found)}"
