"""What to write for a name that there is not: other words for the same thing, and names that are spelt alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

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
    ("cuberoot", "cbrt"),
    ("reciprocal", "1 / x"),
    ("negative neg", "-x"),
    ("abs absolute modulus norm", "abs", "abs(x)"),
    ("max", "maximum"),
    ("min", "minimum"),
    ("sgn sign signum", "sign", "copysign(1, x)"),
    ("round rint nint", "round", "floor(x + 0.5)"),
    ("int integer fix", "trunc"),
    ("ceiling", "ceil"),
    ("mod modulo remainder", "a % b"),
    ("div divide true_divide", "a / b"),
    ("mul multiply times", "a * b"),
    ("add plus sum", "a + b"),
    ("sub subtract minus", "a - b"),
    ("mean average", "mean", "(a + b) / 2"),
    ("logistic expit", "sigmoid"),
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
    ("tensor variable scalar node number", "Value"),
    ("derivative deriv diff differentiate gradient d", "grad"),
    ("backward backprop backpropagate", "y.backward()"),
    ("zero_grad", "x.grad = 0.0"),
    ("draw_dot make_dot draw_graph visualize visualise show graph", "draw"),
    ("check_grad checkgrad gradcheck grad_check check_grads", "check_gradient"),
    ("stop_gradient no_grad", "detach"),
    ("vectorize vectorise", "vmap"),
    ("compile njit", "jit"),
    ("ndarray asarray", "array"),
    ("zeros", "mg.array(np.zeros(n))"),
    ("ones", "mg.array(np.ones(n))"),
    ("linear dense fullyconnected", "Layer"),
    ("perceptron", "Neuron"),
    ("model", "Module"),
    ("train", "fit"),
    ("mse_loss mseloss mean_squared_error squared_error", "mse"),
    ("crossentropy crossentropyloss cross_entropy_loss nll_loss", "cross_entropy"),
    ("bce bceloss bcewithlogitsloss binary_crossentropy", "binary_cross_entropy"),
    ("make_moons", "moons"),
    ("make_circles circles", "rings"),
    ("make_spiral", "spiral"),
    ("load_digits mnist", "digits"),
    ("train_test_split", "split"),
    ("standardize normalise normalize scale standardscaler", "standardise"),
    ("dataloader minibatches", "batches"),
)

NETWORKS = (("relu tanh sigmoid", 'activation="relu" of a layer, or mg.relu(x)'),)


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

    return re.sub(r"(?<![.\w])(?!abs)(\w+\()", r"mg.\1", formula)


# What others call the attributes of a Value.
ATTRIBUTES = {
    **dict.fromkeys(("value", "item", "numpy", "val", "number"), ": its number is data"),
    **dict.fromkeys(("gradient", "derivative", "adjoint"), ": its derivative is grad"),
    **dict.fromkeys(("name", "title"), ": its name is label"),
    **dict.fromkeys(("prev", "children", "parents", "inputs"), ": what it was calculated from is operands"),
    **dict.fromkeys(
        ("shape", "size", "ndim", "T", "dtype", "append"),
        ": it is one number; several are a list, or mg.array([...]), which has a shape",
    ),
    "detach": ": its number without the derivative is data",
    "zero_grad": ": write v.grad = 0.0; models and optimizers have zero_grad()",
    "requires_grad": ": a derivative by each Value can be asked for",
    "retain_grad": ": each result keeps its grad",
    "_backward": ": how an operation is differentiated stands in the rules of its primitive, v.op.rules",
    "__dict__": ": it has no attributes of its own, keep them in a dict with Values as its keys",
}


def attribute_hint(name: str, known: Collection[str]) -> str:
    """Return what a message says after an unknown attribute of a Value, which has those that are known."""
    if name in ATTRIBUTES or name.startswith("_"):
        return ATTRIBUTES.get(name, "")
    found = instead_of(name, known, FUNCTIONS)
    if not found:
        return ""
    return f"; did you mean {found}?" if found in known else f"; write {_with_prefix(found)}"
