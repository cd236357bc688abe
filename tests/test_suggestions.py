"""What is said of names that there are not, and of other mistakes of people who learn."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from math import cos
from typing import Any

import numpy as np
import pytest

import microgrady as mg
from microgrady import Value, suggestions

untyped: Any = mg  # as type checkers refuse most of the mistakes
x, y = Value(2.0, "x"), Value(3.0, "y")


@pytest.mark.parametrize(
    ("package", "name", "hint"),
    [
        ("microgrady", "ln", "did you mean mg.log?"),
        ("microgrady", "arcsin", "did you mean mg.asin?"),
        ("microgrady", "tg", "did you mean mg.tan?"),
        ("microgrady", "sen", "did you mean mg.sin?"),
        ("microgrady", "sigmiod", "did you mean mg.sigmoid?"),
        ("microgrady", "ReLU", "did you mean mg.relu?"),
        ("microgrady", "power", "write x**y"),
        ("microgrady", "cot", "write 1 / mg.tan(x)"),
        ("microgrady", "abs", "write abs(x)"),
        ("microgrady", "leaky_relu", "write mg.maximum(x, 0.01 * x)"),
        ("microgrady", "sort", "write sorted(values)"),
        ("microgrady", "linspace", "write np.linspace(...)"),
        ("microgrady", "numerical_gradient", "did you mean mg.numeric_derivative?"),
        ("microgrady", "Parameter", "did you mean mg.Value?"),
        ("microgrady", "plot3d", "did you mean mg.plot_surface?"),
        ("microgrady", "optimizer", "did you mean mg.optim?"),
        ("microgrady", "Tensor", "did you mean mg.Value?"),
        ("microgrady", "gradient", "did you mean mg.grad?"),
        ("microgrady", "draw_dot", "did you mean mg.draw?"),
        ("microgrady", "MLP", "did you mean mg.nn.MLP?"),
        ("microgrady", "adam", "did you mean mg.optim.Adam?"),
        ("microgrady", "make_moons", "did you mean mg.data.moons?"),
        ("microgrady.nn", "Linear", "did you mean mg.nn.Layer?"),
        ("microgrady.nn", "mse_loss", "did you mean mg.nn.mse?"),
        ("microgrady.nn", "ReLU", 'write activation="relu" of a layer, or mg.relu(x)'),
        ("microgrady.optim", "adam", "did you mean mg.optim.Adam?"),
        ("microgrady.optim", "sigmoid", "did you mean mg.sigmoid?"),
        ("microgrady.data", "mnist", "did you mean mg.data.digits?"),
    ],
)
def test_a_name_that_there_is_not_leads_to_the_one_that_is_meant(package: str, name: str, hint: str) -> None:
    module = importlib.import_module(package)
    with pytest.raises(AttributeError) as caught:
        getattr(module, name)
    assert str(caught.value) == f"module {package!r} has no attribute {name!r}; {hint}"
    with pytest.raises(ImportError) as imported:
        exec(f"from {package} import {name}")
    assert str(imported.value) == f"cannot import name {name!r} from {package!r}; {hint}"
    assert imported.value.name == name


@pytest.mark.parametrize("name", ["nothing_like_it", "_private", "__wrapped__"])
def test_a_name_that_nothing_is_like_gets_no_hint(name: str) -> None:
    assert not hasattr(mg, name)
    with pytest.raises(AttributeError, match=rf"^module 'microgrady' has no attribute '{name}'$"):
        getattr(mg, name)


def test_what_is_suggested_is_there_or_is_a_formula_that_calculates() -> None:
    a, b, condition = 0.5, 0.25, True
    for words, *found in (*suggestions.FUNCTIONS, *suggestions.OTHERS):
        for text in found:
            if text.isidentifier():
                assert text == "abs" or any(hasattr(room, text) for room in (mg, mg.nn, mg.optim, mg.data)), words
    for words, *found in suggestions.FUNCTIONS:
        for text in found:
            if not text.isidentifier():
                functions = {**vars(mg.functions), **vars(mg.sequences), **vars(math)}
                names = {**functions, "x": a, "y": b, "a": a, "b": b, "condition": condition}
                assert math.isfinite(eval(text, names)), words


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("value", ": its number is data"),
        ("detach", ": its number without the derivative is data"),
        ("name", ": its name is label"),
        ("ln", "; did you mean log?"),
        ("Backward", "; did you mean backward?"),
        ("backprop", "; did you mean backward?"),
        ("draw", "; write mg.draw(v)"),
        ("real", ": its number is data"),
        ("backwards", "; did you mean backward?"),
        ("cot", "; write 1 / mg.tan(x)"),
        ("nothing_like_it", ""),
    ],
)
def test_attributes_of_other_libraries_lead_to_those_of_a_value(name: str, hint: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(x, name)
    assert str(caught.value) == f"'Value' object has no attribute {name!r}{hint}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("forward", ": call the model itself, as in model(x)"),
        ("params", "; did you mean parameters()?"),
        ("state_dict", '; write mg.nn.save(model, "net.npz")'),
        ("nothing_like_it", ""),
    ],
)
def test_attributes_of_other_models_lead_to_those_of_a_module(name: str, hint: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(mg.nn.MLP(2, [1]), name)
    assert str(caught.value) == f"'MLP' object has no attribute {name!r}{hint}"


def test_what_a_property_of_a_model_raises_is_told() -> None:
    class Model(mg.nn.Module):
        @property
        def forward(self) -> Any:
            return untyped.ln(2.0)

    with pytest.raises(AttributeError, match=r"did you mean mg\.log"):
        Model().forward  # noqa: B018


def test_a_power_is_written_with_two_stars() -> None:
    with pytest.raises(TypeError, match=r"^\^ is not a power in Python: write x \*\* 2$"):
        x ^ 2
    with pytest.raises(TypeError, match=r"write 3 \* x \*\* 2 \+ 1$"):
        3 * x ^ 2 + 1  # what Python reads as (3 * x) ^ (2 + 1)
    with pytest.raises(TypeError, match=r"write 2\.0 \*\* x$"):
        2.0 ^ x
    with pytest.raises(TypeError, match=r"write x\*\*2 for x\^2$"):
        eval("x ^ 2")
    with pytest.raises(TypeError, match="unsupported operand"):
        x ^ "2"
    for call in (lambda: mg.array([x, y]) ^ 2, lambda: np.ones(2) ^ x, lambda: x ^ np.ones(2)):
        with pytest.raises(TypeError, match=r"^\^ is not a power in Python: write .* \*\* "):
            call()


@pytest.mark.parametrize(
    "check",
    [
        lambda: untyped.check_gradient(lambda a: a ^ 2, 2.0),
        lambda: untyped.check_gradient(lambda a: a ^ 2, np.ones(2)),
        lambda: untyped.numeric_derivative(lambda a: a ^ 2, 2.0),
        lambda: untyped.plot(lambda a: a ^ 2, (-1, 1), derivatives=0),
    ],
)
def test_a_power_of_plain_numbers_is_written_with_two_stars(check: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"^\^ is not a power in Python: write . \*\* 2"):
        check()


@pytest.mark.parametrize(
    ("differentiate", "name"),
    [
        (lambda: untyped.grad(math.atan2)(1.0, 2.0), "give mg.atan2 for math.atan2, which takes floats alone"),
        (lambda: untyped.plot(cos, (-1, 1)), "give mg.cos for cos, which takes floats alone"),
        (lambda: list(map(math.cos, [x])), "give mg.cos for math.cos, which takes floats alone"),
        (lambda: mg.grad(lambda a: math.sin(a))(1.0), "write mg.sin(...) for math.sin(...)"),
    ],
)
def test_a_function_of_floats_that_is_handed_over_leads_to_the_one_of_values(
    differentiate: Callable[[], Any], name: str
) -> None:
    with pytest.raises(TypeError) as caught:
        differentiate()
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: untyped.draw(x, precison=3), "'precison'; did you mean precision?"),
        (lambda: untyped.draw(x, gradient=False), "'gradient'; did you mean gradients?"),
        (lambda: untyped.plot(mg.sin, (-1, 1), axis=3), "; it takes f, interval, derivatives, tangent_at, secants, "),
        (lambda: untyped.plot(mg.sin, -1, 1), "; an interval is one pair, (-1, 1)"),
        (lambda: untyped.plot(mg.sin, (-1, 1), 3), "; it takes f and interval by position, and by name derivatives, "),
        (lambda: untyped.grad(mg.sin, argnum=0), "'argnum'; did you mean argnums?"),
        (lambda: untyped.formula(x, y), "; it takes output by position, and by name precision and max_lines"),
        (lambda: untyped.vmap(mg.sin, in_axis=0), "'in_axis'; did you mean in_axes?"),
        (lambda: untyped.nn.MLP(2, [1], activaton="relu"), "'activaton'; did you mean activation?"),
        (lambda: untyped.optim.SGD([x], learning_rate=1), "'learning_rate'; did you mean lr?"),
        (lambda: untyped.plot(), "plot() missing 2 required positional arguments: 'f' and 'interval'"),
    ],
)
def test_a_call_that_does_not_fit_is_told_what_the_function_takes(call: Callable[[], Any], hint: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert hint in str(caught.value)


def forgets_to_return(a: Any) -> None:
    a * a


def fitted(inputs: Any, targets: Any) -> Any:
    model = mg.nn.MLP(2, [1])
    return mg.nn.fit(model, mg.nn.mse, inputs, targets, mg.optim.SGD(model, lr=0.1), 1, progress=False)


REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "two numbers for a function of one": (lambda: untyped.sin(x, 2), "sin takes 1 operand, not 2"),
    "one number for a function of two": (lambda: untyped.atan2(x), "atan2 takes 2 operands, not 1"),
    "a list": (lambda: untyped.sin([1.0]), r"write [mg.sin(v) for v in ...], or mg.array([...])"),
    "no return": (lambda: untyped.grad(forgets_to_return)(2.0), 'returned NoneType (None): is there a "return" in it?'),
    "no arguments": (lambda: untyped.grad(abs)(), "nothing to differentiate abs by: the call has no arguments"),
    "a result": (lambda: untyped.grad(x * x), "a Value is what a function returns; give the function itself"),
    "a list for two numbers": (
        lambda: untyped.grad(lambda a, b: a * b)([2.0, 3.0]),
        "missing 1 required positional argument: 'b'; (*numbers) gives it the numbers in a sequence one by one",
    ),
    "a point in a list": (
        lambda: untyped.check_gradient(lambda a, b: a * b, [2.0, 3.0]),
        "one argument, and it takes 2: write check_gradient(f, *point) for the numbers in a sequence",
    ),
    "one claim for two inputs": (
        lambda: untyped.check_gradient(lambda a, b: a * b, 2.0, 3.0, gradient=3.0),
        "the claimed gradient is one number, but must have a number for each input: 2 numbers (a, b)",
    ),
    "a claim that is transposed": (
        lambda: untyped.check_gradient(lambda p: p.sum(), np.ones((2, 3)), gradient=np.ones((3, 2))),
        "is an array of shape (3, 2), but must have a number for each input: an array of shape (2, 3); transpose it",
    ),
    "a claim with other names": (
        lambda: untyped.check_gradient(lambda p: p["a"], {"a": 1.0}, gradient={"b": 1.0}),
        "must have a number for each input, but has none at ['a']: it is dict ({'b': 1.0})",
    ),
    "a vector that is too short": (
        lambda: untyped.hvp(lambda p: p[0])([1.0, 2.0], [1.0]),
        "must have the structure of the argument, but is list ([1.0]): it has 1 of 2 numbers",
    ),
    "a vector of another shape": (
        lambda: untyped.hvp(lambda p: p.sum())(np.ones((2, 3)), np.ones((3, 2))),
        ": its shape is (3, 2), not (2, 3)",
    ),
    "matrices that do not fit": (
        lambda: untyped.array(np.ones((3, 2))) @ mg.array(np.ones(3)),
        "not shapes (3, 2) and (3,): the first, transposed, would be (2, 3)",
    ),
    "a plot of two inputs": (
        lambda: untyped.plot(lambda a, b: a * b, (-1, 1)),
        "takes two, a and b: fix one, as in plot(lambda a: f(a, 1.0), ...), or draw both by plot_surface(f, ...)",
    ),
    "errors of two inputs": (lambda: untyped.plot_errors(mg.atan2, 1.0), "atan2 takes two, y and x: fix one"),
    "a map of two inputs": (
        lambda: untyped.plot_map(lambda a, b: a, [1]),
        "takes two, a and b: make the points pairs, as in plot_map(lambda pair: f(*pair), [(1, 2), (3, 4)])",
    ),
    "a zoom into two inputs": (lambda: untyped.animate_zoom(mg.atan2, (0, 1), 0), "as in animate_zoom(lambda y: f(y,"),
    "a surface of one input": (
        lambda: untyped.plot_surface(mg.sin, (-1, 1), (-1, 1)),
        "plot_surface draws a function of two numbers, but sin takes 1: x; plot(f, ...) draws a function of one",
    ),
    "a plot of a pair": (
        lambda: untyped.plot(lambda p: p[0] * p[1], (-1, 1)),
        "takes several in a sequence: fix the others, as in plot(lambda x: f([x, 1.0]), ...), or draw two by",
    ),
    "a zoom of two inputs": (
        lambda: untyped.animate_zoom(lambda a, b: a * b, (-1, 1), 0),
        "animate_zoom draws a function of one number, but <lambda> takes two, a and b: fix one",
    ),
    "a claim with a part that is transposed": (
        lambda: untyped.check_gradient(lambda p, q: p.sum() * q, np.ones((2, 3)), 1.0, gradient=(np.ones((3, 2)), 6.0)),
        "for each input, but is an array of shape (3, 2) at [0], and not an array of shape (2, 3)",
    ),
    "one claim for a dict": (
        lambda: untyped.check_gradient(lambda p: p["a"] * p["b"], {"a": 1.0, "b": 2.0}, gradient=1.0),
        "is one number, but must have a number for each input: 2 numbers (p['a'], p['b'])",
    ),
    "losses of matrices": (
        lambda: mg.nn.mse(np.ones((2, 3)), np.ones((3, 2))),
        "mse takes as many targets as outputs, not shapes (3, 2) and (2, 3)",
    ),
    "samples in columns": (
        lambda: mg.data.split(np.ones((2, 5)), np.ones(5)),
        "each needs one of the other; X has the shape (2, 5), and transposed, X.T, as many samples as y",
    ),
    "a target too many": (
        lambda: fitted(np.ones((5, 2)), np.ones((5, 3))),
        "y must have a number for each output of the model, which has 1 output, and not (5, 3)",
    ),
    "samples that are too long": (
        lambda: fitted(np.ones((5, 3)), np.ones(5)),
        "LinearNeuron(2) takes 2 input(s), but 3 are given",
    ),
    "an array without dimensions for an interval": (
        lambda: untyped.plot(mg.sin, np.array(2.0)),
        "the two ends of the interval must be real numbers in a sequence, not ndarray (array(2.))",
    ),
    "an array without dimensions for points": (
        lambda: untyped.plot_map(mg.sin, np.array(2.0)),
        "the points must be a sequence, such as [1, 2, 3], not ndarray (array(2.))",
    ),
    "an array for a direction": (lambda: untyped.draw(x, direction=np.ones(2)), "direction is 'LR' or 'TB', not array"),
    "a bound that is not a number": (lambda: untyped.clip(x, "0", 1), "clip takes Values, real numbers and NumPy"),
    "gradients of several numbers": (
        lambda: untyped.value_and_grad(lambda a: [a, a])(2.0),
        "value_and_grad needs a function that returns one number",
    ),
}


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in REFUSALS.items()])
def test_a_mistake_is_answered_with_what_to_write(call: tuple[Callable[[], Any], str]) -> None:
    mistake, sentence = call
    with pytest.raises((TypeError, ValueError)) as caught:
        mistake()
    assert sentence in str(caught.value)
