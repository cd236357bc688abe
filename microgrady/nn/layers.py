"""Neurons, layers of them, and networks of layers, with micrograd's names, attributes and numbers."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from microgrady.functions import erfc, relu, sigmoid, softplus, tanh
from microgrady.inputs import describe, is_array, is_dask_array, is_iterable, is_number, is_whole
from microgrady.nn.initialisation import Rule, generator_of, rule_of
from microgrady.nn.module import Module
from microgrady.scopes import scope
from microgrady.sequences import where
from microgrady.tracebacks import entrance
from microgrady.value import Primitive, Value

Activation = str | Callable[[Any], Any]


def _linear(x: Any) -> Any:
    return x


def _leaky_relu(x: Any) -> Any:
    return where(x > 0, x, 0.01 * x)


def _silu(x: Any) -> Any:
    return x * sigmoid(x)


def _gelu(x: Any) -> Any:
    return 0.5 * x * erfc(x * -(0.5**0.5))


# By name: what begins the name of a neuron that has it, and the function.
ACTIVATIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "relu": ("ReLU", relu),
    "leaky_relu": ("LeakyReLU", _leaky_relu),
    "tanh": ("Tanh", tanh),
    "sigmoid": ("Sigmoid", sigmoid),
    "softplus": ("Softplus", softplus),
    "silu": ("SiLU", _silu),
    "gelu": ("GELU", _gelu),
    "linear": ("Linear", _linear),
}


class Neuron(Module):
    """A weighted sum of inputs and a bias, and an activation of it.

    Args:
        nin: The number of inputs.
        nonlin: Whether there is an activation.
        activation: Its name: relu, leaky_relu, tanh, sigmoid, softplus, silu, gelu or linear; or a function of one
            number. None: relu, or linear if `nonlin` is False.
        initialisation: What the weights begin with: he_uniform or he_normal, glorot_uniform or glorot_normal,
            micrograd (uniform between -1 and 1); or a function that draws a weight, of a random.Random, of `nin` and of
            the number of neurons in the layer. None: he_uniform for relu and activations like it, glorot_uniform for
            others. The bias is 0.
        seed: An int, for the same weights each time: with `initialisation="micrograd"` those that micrograd has after
            `random.seed(seed)`. None for others each time; or a random.Random, to go on with.

    Raises:
        TypeError: An argument is not of these types.
        ValueError: `nin` is less than 1, the activation or the initialisation is unknown, or the seed is negative.

    Example:
        >>> neuron = Neuron(2, seed=0)
        >>> neuron
        ReLUNeuron(2)
        >>> [round(w.data, 3) for w in neuron.w], neuron.b.data
        ([1.193, 0.894], 0.0)
        >>> output = neuron([1.0, 2.0])
        >>> output.backward()
        >>> [w.grad for w in neuron.w], neuron.b.grad
        ([1.0, 2.0], 1.0)
    """

    @entrance
    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: Activation | None = None,
        initialisation: str | Rule | None = None,
        seed: int | random.Random | None = None,
    ) -> None:
        count = _size(nin, "nin, the number of inputs,")
        self.activation = _activation(activation, nonlin)
        rule, generator = rule_of(initialisation, self.activation), generator_of(seed)
        self.nonlin = self.activation != "linear"
        self.w = [Value(rule(generator, count, 1), f"w{place}") for place in range(count)]
        self.b = Value(0.0, "b")

    def __call__(self, x: Any) -> Any:
        """Return the output for the inputs: a list, a tuple or an array of numbers and Values."""
        total = self.b
        inputs = _row(x, self)
        if len(inputs) != len(self.w):
            raise ValueError(f"{self!r} takes {len(self.w)} input(s), but {len(inputs)} are given")
        for weight, number in zip(self.w, inputs, strict=True):
            total = total + weight * number
        if not self.nonlin:
            return total
        activation = self.activation
        return ACTIVATIONS[activation][1](total) if isinstance(activation, str) else activation(total)

    def __repr__(self) -> str:
        activation = self.activation if self.nonlin else "linear"
        if isinstance(activation, str):
            name = ACTIVATIONS[activation][0]
        else:
            name = getattr(activation, "__name__", type(activation).__name__)
        return f"{name}Neuron({len(self.w)})"


class Layer(Module):
    """Neurons side by side, each with all the inputs.

    Args:
        nin: The number of inputs.
        nout: The number of neurons, and so of outputs.
        nonlin: As for `Neuron`.
        activation: As for `Neuron`.
        initialisation: As for `Neuron`.
        seed: As for `Neuron`.

    Raises:
        TypeError: As for `Neuron`.
        ValueError: As for `Neuron`; or `nout` is less than 1.

    Example:
        >>> layer = Layer(2, 3, activation="tanh", initialisation="glorot_uniform", seed=0)
        >>> layer
        Layer of [TanhNeuron(2), TanhNeuron(2), TanhNeuron(2)]
        >>> [round(y.data, 3) for y in layer([1.0, 2.0])]
        [0.955, -0.843, -0.373]
    """

    @entrance
    def __init__(
        self,
        nin: int,
        nout: int,
        nonlin: bool = True,
        *,
        activation: Activation | None = None,
        initialisation: str | Rule | None = None,
        seed: int | random.Random | None = None,
    ) -> None:
        count = _size(nout, "nout, the number of neurons,")
        rule, generator = rule_of(initialisation, _activation(activation, nonlin)), generator_of(seed)
        self.neurons = [
            Neuron(
                nin,
                nonlin,
                activation=activation,
                initialisation=lambda generator, nin, _: rule(generator, nin, count),
                seed=generator,
            )
            for _ in range(count)
        ]

    def __call__(self, x: Any) -> Any:
        """Return the outputs for the inputs: a list of them, or the output itself if there is one neuron."""
        x = _row(x, self)
        out = []
        for place, neuron in enumerate(self.neurons):
            with scope(f"neuron {place}"):
                out.append(neuron(x))
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(neuron) for neuron in self.neurons)}]"


class MLP(Module):
    """A multi-layer perceptron: layers one after the other, the last one linear.

    Args:
        nin: The number of inputs.
        nouts: The number of neurons of each layer, such as [16, 16, 1].
        activation: That of all layers but the last; as for `Neuron`.
        initialisation: As for `Neuron`.
        seed: As for `Neuron`.

    Raises:
        TypeError: As for `Neuron`; or `nouts` is not a list of ints.
        ValueError: As for `Neuron`; or `nouts` is empty, or one of it less than 1.

    Example:
        >>> model = MLP(2, [3, 1], seed=0)
        >>> model
        MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(3)]]
        >>> len(model.parameters())
        13
        >>> round(model([1.0, 2.0]).data, 3)
        2.072
    """

    @entrance
    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        *,
        activation: Activation = "relu",
        initialisation: str | Rule | None = None,
        seed: int | random.Random | None = None,
    ) -> None:
        if isinstance(nouts, str) or not (isinstance(nouts, Sequence) or is_array(nouts)):
            raise TypeError(f"nouts must be a list of the sizes of layers, such as [16, 16, 1], not {describe(nouts)}")
        if not len(nouts):
            raise ValueError("nouts must have the size of at least one layer, such as [16, 16, 1], but is empty")
        hidden, generator = _activation(activation, True), generator_of(seed)
        sizes = [_size(size, f"nouts[{place}], a number of neurons,") for place, size in enumerate(nouts)]
        last = len(sizes) - 1
        self.layers = [
            Layer(
                sizes[place - 1] if place else nin,
                size,
                place != last,
                activation=hidden if place != last else None,
                initialisation=initialisation,
                seed=generator,
            )
            for place, size in enumerate(sizes)
        ]

    def __call__(self, x: Any) -> Any:
        """Return the outputs for the inputs, as the last `Layer` does."""
        for place, layer in enumerate(self.layers):
            with scope(f"layer {place}"):
                x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"


class Sequential(Module):
    """Modules and functions one after the other.

    Args:
        *layers: Them; a list of them is allowed, too. Operations of the table, such as `tanh`, are applied to each of
            the outputs of the layer before; other functions, such as `softmax`, to the list of them.

    Raises:
        TypeError: One cannot be called.
        ValueError: There are none.

    Example:
        >>> import microgrady as mg
        >>> model = Sequential(Layer(2, 4, False, seed=0), mg.tanh, Layer(4, 3, False, seed=1), mg.softmax)
        >>> round(sum(model([1.0, 2.0])).data, 12)
        1.0
    """

    @entrance
    def __init__(self, *layers: Any) -> None:
        self.layers = list(layers[0] if len(layers) == 1 and isinstance(layers[0], (list, tuple)) else layers)
        if not self.layers:
            raise ValueError("Sequential takes at least one layer")
        for layer in self.layers:
            if not callable(layer):
                raise TypeError(f"Sequential takes Modules and functions, not {describe(layer)}")

    def __call__(self, x: Any) -> Any:
        """Return what the last layer gives."""
        for place, layer in enumerate(self.layers):
            with scope(f"layer {place}"):
                x = [layer(each) for each in x] if type(layer) is Primitive and type(x) is list else layer(x)
        return x

    def __repr__(self) -> str:
        return f"Sequential of [{', '.join(getattr(layer, '__name__', repr(layer)) for layer in self.layers)}]"


def _size(count: Any, what: str) -> int:
    """Return the number of inputs or neurons."""
    if not is_whole(count):
        raise TypeError(f"{what} must be an int, not {describe(count)}")
    number = operator.index(count)
    if number < 1:
        raise ValueError(f"{what} must be at least 1, but is {number}")
    return number


def _activation(activation: Any, nonlin: Any) -> Activation:
    """Return the activation of a neuron, a name or a function."""
    if activation is None:
        return "relu" if nonlin else "linear"
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise ValueError(f"there is no activation {activation!r}: take one of {', '.join(ACTIVATIONS)}")
    elif not callable(activation):
        raise TypeError(
            f"activation must be one of {', '.join(ACTIVATIONS)}, or a function of one number, not "
            f"{describe(activation)}"
        )
    if not nonlin and activation != "linear":
        raise ValueError(f"nonlin=False means that there is no activation, but activation is {activation!r}")
    return activation  # type: ignore[no-any-return]


def _row(x: Any, taker: Module) -> list[Any]:
    """Return the inputs of a neuron or a layer one by one."""
    if type(x) is list:
        return x
    if is_array(x):
        if x.ndim > 1:
            raise ValueError(
                f"a {type(taker).__name__} takes the numbers of one sample, not an array with the shape {x.shape}: "
                "mg.vmap(model)(X) is for many"
            )
        return list(x.ravel().tolist())
    if isinstance(x, Value) or is_number(x):
        return [x]
    if is_dask_array(x):
        raise TypeError(
            f"a {type(taker).__name__} cannot calculate with an array of Dask's: mg.vmap(model)(X) takes those"
        )
    if not is_iterable(x) or isinstance(x, (str, bytes, Mapping, Set)):
        raise TypeError(f"a {type(taker).__name__} takes a list, a tuple or an array of numbers, not {describe(x)}")
    return list(x)
