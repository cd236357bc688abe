"""The weights that a neuron begins with: rules by name, and the generators that they draw from."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable
from typing import TypeAlias

from microgrady.inputs import describe, is_whole

# Draws one weight of a neuron with so many inputs, in a layer of so many neurons.
Rule: TypeAlias = Callable[[random.Random, int, int], float]


def _micrograd(generator: random.Random, nin: int, nout: int) -> float:
    return generator.uniform(-1, 1)


def _glorot_uniform(generator: random.Random, nin: int, nout: int) -> float:
    limit = math.sqrt(6 / (nin + nout))
    return generator.uniform(-limit, limit)


def _glorot_normal(generator: random.Random, nin: int, nout: int) -> float:
    return generator.gauss(0.0, math.sqrt(2 / (nin + nout)))


def _he_uniform(generator: random.Random, nin: int, nout: int) -> float:
    limit = math.sqrt(6 / nin)
    return generator.uniform(-limit, limit)


def _he_normal(generator: random.Random, nin: int, nout: int) -> float:
    return generator.gauss(0.0, math.sqrt(2 / nin))


# Glorot and Bengio (2010), for tanh and sigmoid; He et al. (2015), for relu.
INITIALISATIONS: dict[str, Rule] = {
    "micrograd": _micrograd,
    "glorot_uniform": _glorot_uniform,
    "glorot_normal": _glorot_normal,
    "he_uniform": _he_uniform,
    "he_normal": _he_normal,
}


_FOR_HALVES = {"relu", "leaky_relu", "silu", "gelu", "softplus"}  # activations that let one half of the numbers pass


def rule_of(initialisation: str | Rule | None, activation: object) -> Rule:
    """Return the rule that a name stands for; a function is a rule itself.

    Args:
        initialisation: The name or the function; None for the rule that fits the activation.
        activation: The activation of the neuron, by its name, or a function.

    Raises:
        ValueError: There is no such rule; the message says which there are.
        TypeError: It is neither a name nor a function.
    """
    if initialisation is None:
        return _he_uniform if isinstance(activation, str) and activation in _FOR_HALVES else _glorot_uniform
    if isinstance(initialisation, str):
        if initialisation in INITIALISATIONS:
            return INITIALISATIONS[initialisation]
        raise ValueError(f"there is no initialisation {initialisation!r}: take one of {', '.join(INITIALISATIONS)}")
    if not callable(initialisation):
        raise TypeError(
            f"initialisation must be one of {', '.join(INITIALISATIONS)}, or a function of a random.Random, nin and "
            f"nout, not {describe(initialisation)}"
        )
    return initialisation


def generator_of(seed: int | random.Random | None) -> random.Random:
    """Return a generator of its own for a seed. For None it begins anywhere; one that is given goes on.

    Raises:
        TypeError: `seed` is not an int.
        ValueError: It is negative.
    """
    if isinstance(seed, random.Random):
        return seed
    if seed is None:
        return random.Random()
    if not is_whole(seed):
        raise TypeError(f"seed must be an int, None or a random.Random, not {describe(seed)}")
    number = operator.index(seed)
    if number < 0:  # Python's generator takes it for the positive one
        raise ValueError(f"seed must not be negative, as {number} is")
    return random.Random(number)
