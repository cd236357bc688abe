"""The optimisers: each one's options, and how it makes updates of gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from microgrady.optim.elementwise import Elementwise
from microgrady.optim.optimizer import Optimizer
from microgrady.optim.options import finite, flag, not_negative, share, two_decays
from microgrady.tracebacks import entrance

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Vector = NDArray[float64]


def _prepare(options: dict[str, Any], gradients: Vector, numbers: Vector, scratch: Vector) -> None:
    """Turn gradients around to maximise, and add the gradient of half the squares of the numbers to them."""
    import numpy

    if options["maximize"]:
        numpy.negative(gradients, out=gradients)
    if options["weight_decay"]:
        numpy.multiply(numbers, options["weight_decay"], out=scratch)
        gradients += scratch


def _vector(state: dict[str, Any], name: str, like: Vector) -> Vector:
    """Return a vector of the state, of zeros at first."""
    found: Vector | None = state.get(name)
    if found is None:
        import numpy

        found = state[name] = numpy.zeros_like(like)
    return found


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum.

    With m, the momentum, of 0 a step is x - lr * g. Else it is x - lr * b, where b = m * b + (1 - dampening) * g begins
    with g; and with Nesterov's it is x - lr * (g + m * b).

    Args:
        params: What it moves: a Module, leaf Values, groups, or None for nested arrays; see `Optimizer`.
        lr: The learning rate.
        momentum: How much of the last step goes on.
        dampening: By how much less than 1 the gradient counts in the momentum.
        weight_decay: What each gradient has of its number in addition, as with a term of half the squares in the loss.
        nesterov: Whether the gradient counts as it will be after the momentum.
        maximize: Whether steps go along gradients, upwards.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range, there are no parameters, or Nesterov's momentum is 0 or dampened.

    References:
        B. T. Polyak, Some methods of speeding up the convergence of iteration methods, 1964. I. Sutskever, J. Martens,
        G. Dahl and G. Hinton, On the importance of initialization and momentum in deep learning, 2013, for Nesterov's.
        As in PyTorch, the learning rate is not in b.

    Example:
        >>> import microgrady as mg
        >>> x = mg.Value(4.0)
        >>> optimizer = mg.optim.SGD([x], lr=0.25)
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     (x**2).backward()
        ...     optimizer.step()
        >>> x.data
        0.5
    """

    _checks: ClassVar = {
        "lr": not_negative,
        "momentum": not_negative,
        "dampening": finite,
        "weight_decay": not_negative,
        "nesterov": flag,
        "maximize": flag,
    }
    _extra_state = frozenset({"momentum_buffer"})

    @entrance
    def __init__(
        self,
        params: Any = None,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**options, "nesterov": nesterov, "maximize": maximize})

    @classmethod
    def _checked(cls, options: dict[str, Any]) -> dict[str, Any]:
        checked = super()._checked(options)
        if checked["nesterov"] and (not checked["momentum"] or checked["dampening"]):
            raise ValueError("Nesterov's momentum must be more than 0 and not dampened: momentum=0.9, dampening=0")
        return checked

    def _advance(
        self, options: dict[str, Any], state: dict[str, Any], gradients: Vector, numbers: Vector, updates: Vector
    ) -> None:
        import numpy

        _prepare(options, gradients, numbers, updates)
        momentum = options["momentum"]
        if momentum:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = gradients.copy()
            else:
                buffer *= momentum
                numpy.multiply(gradients, 1.0 - options["dampening"], out=updates)
                buffer += updates
            if options["nesterov"]:
                numpy.multiply(buffer, momentum, out=updates)
                gradients += updates
            else:
                gradients = buffer
        numpy.multiply(gradients, -options["lr"], out=updates)


def _means(gradient: Any, mean: Any, squares: Any, new: float, kept: float, other: float) -> tuple[Any, Any]:
    """Return the means of the gradients and of their squares, for numbers or vectors."""
    return mean + (gradient - mean) * new, squares * kept + gradient * gradient * other


def _update(mean: Any, squares: Any, eps: float, rate: float) -> Any:
    """Return what Adam adds to numbers."""
    import numpy

    return mean / (numpy.sqrt(squares) + eps) * rate


def _adam(
    gradient: Any, mean: Any, squares: Any, new: float, kept: float, other: float, eps: float, rate: float
) -> tuple[Any, Any, Any]:
    """Return the means and the update."""
    mean, squares = _means(gradient, mean, squares, new, kept, other)
    return mean, squares, _update(mean, squares, eps, rate)


_ADAM = Elementwise(_adam, 3)


def _amsgrad(gradients: Vector, mean: Vector, squares: Vector, highest: Vector, *rates: float) -> tuple[Vector, ...]:
    """Return the same where the highest squares so far count, and these."""
    import numpy

    mean, squares = _means(gradients, mean, squares, *rates[:3])
    highest = numpy.maximum(highest, squares)
    return mean, squares, highest, _update(mean, highest, *rates[3:])


class Adam(Optimizer):
    """Adam: steps of the mean of the last gradients, over the root of the mean of their squares.

    With the means m = beta1 * m + (1 - beta1) * g and v = beta2 * v + (1 - beta2) * g**2, which begin with 0, the t-th
    step is x - lr * M / (sqrt(V) + eps), where M = m / (1 - beta1**t) and V = v / (1 - beta2**t).

    Args:
        params: What it moves: a Module, leaf Values, groups, or None for nested arrays; see `Optimizer`.
        lr: The learning rate.
        betas: How much of the mean of the gradients, and of that of their squares, stays in a step.
        eps: What is added to the root.
        weight_decay: What each gradient has of its number in addition, as with a term of half the squares in the loss.
        amsgrad: Whether the largest v so far takes the place of v.
        maximize: Whether steps go along gradients, upwards.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range, or there are no parameters.

    References:
        D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, 2015, arXiv:1412.6980, algorithm 1.
        S. J. Reddi, S. Kale and S. Kumar, On the convergence of Adam and beyond, 2018, arXiv:1904.09237, for `amsgrad`.

    Example:
        >>> import microgrady as mg
        >>> x = mg.Value(4.0)
        >>> optimizer = mg.optim.Adam([x], lr=0.5)
        >>> (x**2).backward()
        >>> optimizer.step()
        >>> round(x.data, 6)
        3.5
    """

    _checks: ClassVar = {
        "lr": not_negative,
        "betas": two_decays,
        "eps": not_negative,
        "weight_decay": not_negative,
        "amsgrad": flag,
        "maximize": flag,
    }
    _state = frozenset({"step", "exp_avg", "exp_avg_sq"})
    _extra_state = frozenset({"max_exp_avg_sq"})
    _is_decoupled = False  # whether weight decay is a part of the step, and none of the gradient

    @entrance
    def __init__(
        self,
        params: Any = None,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, {**options, "maximize": maximize})

    def _advance(
        self, options: dict[str, Any], state: dict[str, Any], gradients: Vector, numbers: Vector, updates: Vector
    ) -> None:
        import numpy

        decay = options["weight_decay"] if self._is_decoupled else 0.0
        _prepare({**options, "weight_decay": 0.0} if decay else options, gradients, numbers, updates)
        lr, (beta1, beta2) = options["lr"], options["betas"]
        step = state["step"] = state.get("step", 0) + 1
        mean, squares = _vector(state, "exp_avg", gradients), _vector(state, "exp_avg_sq", gradients)
        # The corrections of both means are numbers, of which those of all parameters are multiplied once.
        root = math.sqrt(1.0 - beta2**step)
        rates = 1.0 - beta1, beta2, 1.0 - beta2, options["eps"] * root, -lr * root / (1.0 - beta1**step)
        if options["amsgrad"]:
            highest = _vector(state, "max_exp_avg_sq", gradients)
            mean, squares, highest, found = _amsgrad(gradients, mean, squares, highest, *rates)
            state["max_exp_avg_sq"] = highest
        else:
            mean, squares, found = _ADAM(gradients, mean, squares, *rates)
        state["exp_avg"], state["exp_avg_sq"] = mean, squares
        updates[:] = found
        if decay:
            numpy.multiply(numbers, -lr * decay, out=gradients)
            updates += gradients


class AdamW(Adam):
    """Adam with weight decay of its own: numbers shrink by the factor 1 - lr * weight_decay in each step.

    Args:
        params: What it moves: a Module, leaf Values, groups, or None for nested arrays; see `Optimizer`.
        lr: The learning rate.
        betas: How much of the mean of the gradients, and of that of their squares, stays in a step.
        eps: What is added to the root.
        weight_decay: How much numbers shrink, whatever their gradients.
        amsgrad: Whether the largest v so far takes the place of v.
        maximize: Whether steps go along gradients, upwards.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range, or there are no parameters.

    References:
        I. Loshchilov and F. Hutter, Decoupled weight decay regularization, 2019, arXiv:1711.05101, algorithm 2.

    Example:
        >>> import microgrady as mg
        >>> x = mg.Value(4.0)
        >>> mg.optim.AdamW([x], lr=0.5, weight_decay=0.5).step()
        >>> x.data
        3.0
    """

    _is_decoupled = True

    @entrance
    def __init__(
        self,
        params: Any = None,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


class RMSprop(Optimizer):
    """RMSprop: steps of the gradient over the root of the mean of the last squares.

    With the mean v = alpha * v + (1 - alpha) * g**2, which begins with 0, a step is x - lr * g / (sqrt(v) + eps).
    With momentum it is x - lr * b, where b = momentum * b + g / (sqrt(v) + eps). Centred, v has the square of the mean
    of the gradients taken off.

    Args:
        params: What it moves: a Module, leaf Values, groups, or None for nested arrays; see `Optimizer`.
        lr: The learning rate.
        alpha: How much of the mean of the squares stays in a step.
        eps: What is added to the root.
        weight_decay: What each gradient has of its number in addition, as with a term of half the squares in the loss.
        momentum: How much of the last step goes on.
        centered: Whether gradients are divided by their standard deviation.
        maximize: Whether steps go along gradients, upwards.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range, or there are no parameters.

    References:
        T. Tieleman and G. Hinton, Lecture 6.5: RMSprop, Neural networks for machine learning, 2012. A. Graves,
        Generating sequences with recurrent neural networks, 2013, arXiv:1308.0850, section 4.2, for `centered`.

    Example:
        >>> import microgrady as mg
        >>> x = mg.Value(4.0)
        >>> optimizer = mg.optim.RMSprop([x], lr=0.5, alpha=0.75)
        >>> (x**2).backward()
        >>> optimizer.step()
        >>> round(x.data, 6)
        3.0
    """

    _checks: ClassVar = {
        "lr": not_negative,
        "alpha": share,
        "eps": not_negative,
        "weight_decay": not_negative,
        "momentum": not_negative,
        "centered": flag,
        "maximize": flag,
    }
    _state = frozenset({"square_avg"})
    _extra_state = frozenset({"grad_avg", "momentum_buffer"})

    @entrance
    def __init__(
        self,
        params: Any = None,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, {**options, "centered": centered, "maximize": maximize})

    def _advance(
        self, options: dict[str, Any], state: dict[str, Any], gradients: Vector, numbers: Vector, updates: Vector
    ) -> None:
        import numpy

        _prepare(options, gradients, numbers, updates)
        alpha = options["alpha"]
        squares = _vector(state, "square_avg", gradients)
        squares *= alpha
        numpy.multiply(gradients, gradients, out=updates)
        updates *= 1.0 - alpha
        squares += updates
        if options["centered"]:
            mean = _vector(state, "grad_avg", gradients)
            numpy.subtract(gradients, mean, out=updates)
            updates *= 1.0 - alpha
            mean += updates
            numpy.multiply(mean, mean, out=updates)
            numpy.subtract(squares, updates, out=updates)
            numpy.sqrt(updates, out=updates)
        else:
            numpy.sqrt(squares, out=updates)
        updates += options["eps"]
        numpy.divide(gradients, updates, out=updates)
        if options["momentum"]:
            buffer = _vector(state, "momentum_buffer", gradients)
            buffer *= options["momentum"]
            buffer += updates
            updates[:] = buffer
        updates *= -options["lr"]
