"""Losses: one number that says how far what a model gives for a sample is from what it should give.

Their derivatives are right where those of the obvious formulas overflow or cancel. What depends on a target is selected
and not branched on, so that a compiled function has one path for all targets.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from microgrady.comparisons import number_of
from microgrady.functions import (
    clip_high,
    dropped,
    equal,
    fabs,
    greater,
    instead,
    kept,
    less_equal,
    log,
    masked_product,
    pow,
    relu,
    softplus,
)
from microgrady.inputs import describe, is_array, is_iterable, require_number
from microgrady.sequences import mean, read_some_terms, read_terms, shifted_exponents, sum
from microgrady.value import Value

if TYPE_CHECKING:
    from microgrady.sequences import Numbers, Values


@overload
def cross_entropy(logits: Numbers, target: float | Numbers) -> float: ...
@overload
def cross_entropy(logits: Values, target: Value | float | Values) -> Value: ...
def cross_entropy(logits: Any, target: Any) -> Any:
    """The cross-entropy of the softmax of the outputs for one sample and its class, in natural units.

    Its derivative by the logits is their softmax less the target. As in PyTorch, the shares of a distribution are
    taken as they are: they need not sum to 1. A share of 0 adds 0, also where the softmax is 0.

    Args:
        logits: A sequence or a flat array of Values and numbers, one for each class.
        target: The class, a whole number from 0 on, or a distribution: a share for each class. In a batch and in
            other compiled functions a class is a Value; the loss is nan where it is not a class.

    Returns:
        A Value if there is one in the arguments, else a float.

    Raises:
        TypeError: An argument is of another type.
        ValueError: There are no logits, or those of several samples; the target is a number that is not a class, or a
            distribution over another number of classes.

    Example:
        >>> cross_entropy([1000.0, 0.0, 0.0], 0), cross_entropy([1000.0, 0.0, 0.0], [0.5, 0.5, 0.0])
        (0.0, 500.0)
    """
    if is_array(logits) and logits.ndim != 1:
        raise ValueError(
            f"cross_entropy takes the logits of one sample, not an array of shape {logits.shape}: "
            "mean([cross_entropy(row, target) for row, target in zip(logits, targets)]) is that of many"
        )
    shifted, total = shifted_exponents(read_some_terms(logits, "cross_entropy"))
    target = _bare(target)
    if isinstance(target, Value):
        masks = [equal(target, float(index)) for index in range(len(shifted))]
        chosen = sum([kept(mask, exponent) for mask, exponent in zip(masks, shifted, strict=True)])
        return log(total + dropped(sum(masks), math.nan)) - chosen
    if not _is_sequence(target):
        return log(total) - shifted[_class_of(target, len(shifted), "the target of cross_entropy")]
    shares = read_terms(target, "cross_entropy")
    _require_length(shares, len(shifted), "the distribution")
    scale = log(total)
    return sum([masked_product(share, scale - exponent) for share, exponent in zip(shares, shifted, strict=True)])


@overload
def binary_cross_entropy(logit: float, target: float) -> float: ...
@overload
def binary_cross_entropy(logit: Value, target: Value | float) -> Value: ...
@overload
def binary_cross_entropy(logit: float, target: Value) -> Value: ...
@overload
def binary_cross_entropy(logit: Numbers, target: Numbers) -> float: ...
@overload
def binary_cross_entropy(logit: Values, target: Values) -> Value: ...
def binary_cross_entropy(logit: Any, target: Any) -> Any:
    """The cross-entropy of the sigmoid of an output and how likely it should be, or the mean over two sequences.

    Its derivative by the logit is the sigmoid less the target, with all its digits for targets of 0 and 1.

    Args:
        logit: A Value or a number, or a sequence of them.
        target: 0 or 1, or a probability in between; or as many of them. For a Value that is none the loss is nan.

    Raises:
        TypeError: An argument is of another type, or only one is a sequence.
        ValueError: A target is a number that is not from 0 to 1, or the lengths differ.

    Example:
        >>> binary_cross_entropy(-1000.0, 1), binary_cross_entropy(1000.0, 1)
        (1000.0, 0.0)
    """
    return _mean_of_pairs(_binary_cross_entropy, logit, target, "binary_cross_entropy")


def _binary_cross_entropy(logit: Any, target: Any) -> Any:
    """Compute softplus(x) - share * x, for x away from the nearer of 0 and 1, and the share that the other has."""
    if isinstance(target, Value):
        upper = greater(target, 0.5)
        sign = 1.0 - 2.0 * upper
        away = sign * logit
        share = upper + sign * target
        share = share + dropped(less_equal(0.0, share), math.nan)
    else:
        _require_probability(target, "the target")
        away, share = (-logit, 1.0 - target) if target > 0.5 else (logit, target)
        if share == 0.0:
            return softplus(away)
    # Bounded, so that an infinite x is not taken from itself; the derivative is that of x.
    return softplus(away) - masked_product(share, instead(clip_high(away, sys.float_info.max), away))


@overload
def mse(prediction: float, target: float) -> float: ...
@overload
def mse(prediction: Value, target: Value | float) -> Value: ...
@overload
def mse(prediction: float, target: Value) -> Value: ...
@overload
def mse(prediction: Numbers, target: Numbers) -> float: ...
@overload
def mse(prediction: Values, target: Values) -> Value: ...
def mse(prediction: Any, target: Any) -> Any:
    """The square of what a prediction is off, or the mean over two sequences.

    Args:
        prediction: A Value or a number, or a sequence of them.
        target: What it should be, or as many of them.

    Raises:
        TypeError: An argument is of another type, or only one is a sequence.
        ValueError: The lengths differ.

    Example:
        >>> mse(3.0, 1.0), mse([3.0, 1.0], [1.0, 1.0])
        (4.0, 2.0)
    """
    return _mean_of_pairs(_squared_error, prediction, target, "mse")


def _squared_error(prediction: Any, target: Any) -> Any:
    difference = prediction - target
    return difference**2 if isinstance(difference, Value) else pow(difference, 2.0)  # `**` of floats may raise


@overload
def hinge(score: float, target: float) -> float: ...
@overload
def hinge(score: Value, target: Value | float) -> Value: ...
@overload
def hinge(score: float, target: Value) -> Value: ...
@overload
def hinge(score: Numbers, target: Numbers) -> float: ...
@overload
def hinge(score: Values, target: Values) -> Value: ...
def hinge(score: Any, target: Any) -> Any:
    """By how much a score fails to be 1 or more on its target's side of 0, or the mean over two sequences.

    Its derivative at a margin of exactly 1 is 0, as that of `relu` at 0.

    Args:
        score: A Value or a number, or a sequence of them.
        target: -1 or 1, or as many of them. For a Value that is neither the loss is nan.

    Raises:
        TypeError: An argument is of another type, or only one is a sequence.
        ValueError: A target is a number that is neither -1 nor 1, or the lengths differ.

    Example:
        >>> hinge(0.25, 1), hinge(0.25, -1), hinge(3.0, 1)
        (0.75, 1.25, 0.0)
    """
    return _mean_of_pairs(_hinge, score, target, "hinge")


def _hinge(score: Any, target: Any) -> Any:
    if isinstance(target, Value):
        return relu(1.0 - target * score + dropped(equal(fabs(target), 1.0), math.nan))
    _require_sign(target, "the target")
    return relu(1.0 - score if target > 0.0 else 1.0 + score)


def accuracy(predictions: Any, targets: Any) -> float:
    """The part of the samples for which a model is right: a number from 0 to 1, without a derivative.

    Where several outputs are the largest, the first of them counts. A sample with nan among its outputs is wrong.

    Args:
        predictions: One score for each sample, which says yes if it is over 0; or for each a sequence of outputs, one
            for each class. Lists or an array.
        targets: For scores the labels 0 and 1, or -1 and 1. Else classes, or for each sample a distribution, whose
            largest share counts.

    Raises:
        TypeError: An argument is of another type.
        ValueError: There are no samples, the lengths differ, or a target is not a label or a class.

    Example:
        >>> accuracy([0.5, -2.0, 1.0, 3.0], [1, 0, 0, 1]), accuracy([[0.1, 2.0], [3.0, -1.0]], [1, 0])
        (0.75, 1.0)
    """
    count = _count_in_arrays(predictions, targets)
    if count is not None:
        return count / len(predictions)
    outputs, wanted = _samples(predictions, "the predictions"), _samples(targets, "the targets")
    if not outputs:
        raise ValueError("accuracy takes at least one sample, not none")
    if len(outputs) != len(wanted):
        columns = all(is_array(output) and output.shape == (len(wanted),) for output in outputs)
        hint = ": np.stack(predictions, axis=1) makes rows of an array for each output, as vmap gives them"
        raise ValueError(
            f"accuracy takes as many targets as predictions, not {len(wanted)} and {len(outputs)}{hint * columns}"
        )
    right = [_is_right(*pair, f"targets[{index}]") for index, pair in enumerate(zip(outputs, wanted, strict=True))]
    return right.count(True) / len(right)


def _samples(things: Any, what: str) -> list[Any]:
    if not _is_sequence(things):
        raise TypeError(f"{what} of accuracy must be a sequence with an entry for each sample, not {describe(things)}")
    return things.tolist() if is_array(things) else list(things)


def _is_right(output: Any, target: Any, what: str) -> bool:
    """Compare, and so let a compiled function notice on what the outcome depends."""
    target = _bare(target)
    if not _is_sequence(output) or len(output) == 1:
        score = _number(output[0] if _is_sequence(output) else output, "a score")
        label = _number(target[0] if _is_sequence(target) else target, what)
        if not (label == 0.0 or label == 1.0 or label == -1.0):
            raise ValueError(f"{what} must be a label, 0 or 1, or else -1 or 1, for scores, not {describe(target)}")
        return bool(score > 0.0 if label > 0.0 else score <= 0.0)
    outputs = read_some_terms(output, "accuracy")
    if _is_sequence(target):
        _require_length(target, len(outputs), what)
        wanted = _first_largest(read_terms(target, "accuracy"))
    else:
        wanted = _class_of(target, len(outputs), what)
    return not any(each != each for each in outputs) and _first_largest(outputs) == wanted


def _first_largest(numbers: list[Any]) -> int:
    best = 0
    for index, number in enumerate(numbers):
        if number > numbers[best]:
            best = index
    return best


def _count_in_arrays(outputs: Any, targets: Any) -> int | None:
    """Return for how many samples `_is_right`, sooner; None where it has to look at each sample, or to refuse it."""
    if not (is_array(outputs) and is_array(targets) and outputs.dtype.kind in "fiub" and targets.dtype.kind in "fiub"):
        return None
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        outputs = outputs[:, 0]
    if not outputs.size or outputs.ndim not in (1, 2) or targets.shape != outputs.shape[:1]:
        return None
    if outputs.ndim == 1:
        known = (targets == 0) | (targets == 1) | (targets == -1)
        right = ((outputs > 0) == (targets > 0)) & (outputs == outputs)
    else:
        known = (targets >= 0) & (targets < outputs.shape[1]) & (targets % 1 == 0)
        right = (outputs.argmax(axis=1) == targets) & (outputs == outputs).all(axis=1)
    return int(right.sum()) if known.all() else None


def require_targets(loss: Callable[..., Any], y: Any, outputs: int) -> None:
    """Refuse targets that a loss of this module does not take, which inside a compiled function only give nan.

    Args:
        loss: The loss. Another one than these may take whatever it likes.
        y: The targets, one for each sample.
        outputs: How many outputs the model has.

    Raises:
        ValueError: A target is not one for this loss; the message says which and what is.
    """
    if loss is cross_entropy and outputs < 2:
        raise ValueError(
            f"cross_entropy takes the outputs of a model with one for each class, 2 or more, not {outputs}: "
            "for two classes and one output there are binary_cross_entropy and hinge"
        )
    for index, target in enumerate(y.tolist() if is_array(y) else y):
        what = f"y[{index}]"
        if loss is cross_entropy:
            if _is_sequence(target):
                _require_length(target, outputs, what)
            else:
                _class_of(target, outputs, what)
        elif loss in (binary_cross_entropy, hinge):
            require = _require_sign if loss is hinge else _require_probability
            for each in target if _is_sequence(target) else [target]:
                require(each, what)


def _class_of(target: Any, count: int, what: str) -> int:
    number = _number(target, what)
    index: int | None
    if isinstance(number, Value):  # compared, as the score of a label is
        index = next((each for each in range(count) if number == each), None)
    else:
        index = int(number) if number % 1.0 == 0.0 and 0.0 <= number < count else None
    if index is None:
        raise ValueError(
            f"{what} must be a class, a whole number from 0 to {count - 1} for {count} outputs, "
            f"or a share for each of them, not {describe(target)}"
        )
    return index


def _require_probability(target: Any, what: str) -> None:
    number = require_number(target, what)
    if not 0.0 <= number <= 1.0:
        hint = ": (y + 1) / 2 makes them of -1 and 1" if number == -1.0 else ""
        raise ValueError(f"{what} must be 0, 1 or in between for binary_cross_entropy, not {describe(target)}{hint}")


def _require_sign(target: Any, what: str) -> None:
    number = require_number(target, what)
    if abs(number) != 1.0:
        hint = ": 2 * y - 1 makes them of 0 and 1" if number == 0.0 else ""
        raise ValueError(f"{what} must be -1 or 1 for hinge, not {describe(target)}{hint}")


def _require_length(things: Any, count: int, what: str) -> None:
    if len(things) != count:
        raise ValueError(f"{what} must have {count} entries, as there are {count} outputs, not {len(things)}")


def _mean_of_pairs(loss: Callable[[Any, Any], Any], output: Any, target: Any, what: str) -> Any:
    """Return the loss of one output, or the mean of the losses of several."""
    output, target = _bare(output), _bare(target)
    if not _is_sequence(output) and not _is_sequence(target):
        return loss(_number(output, f"the output of {what}"), _number(target, f"the target of {what}"))
    if not _is_sequence(output) or not _is_sequence(target):
        raise TypeError(f"{what} takes two numbers or two sequences, not {describe(output)} and {describe(target)}")
    if is_array(output) and is_array(target) and _axes(output) != _axes(target):
        raise ValueError(f"{what} takes as many targets as outputs, not shapes {target.shape} and {output.shape}")
    outputs, targets = read_some_terms(output, what), read_terms(target, what)
    if len(outputs) != len(targets):
        raise ValueError(f"{what} takes as many targets as outputs, not {len(targets)} and {len(outputs)}")
    return mean([loss(*pair) for pair in zip(outputs, targets, strict=True)])


def _axes(array: Any) -> list[int]:
    """Return the shape of an array but for axes along which there is one number."""
    return [length for length in array.shape if length != 1]


def _bare(thing: Any) -> Any:
    """Return what stands in an array without dimensions, and of a comparison the number; anything else as it is."""
    thing = number_of(thing)
    return thing[()] if is_array(thing) and thing.ndim == 0 else thing


def _is_sequence(thing: Any) -> bool:
    return is_iterable(thing) and not isinstance(thing, (Value, str))


def _number(thing: Any, what: str) -> Any:
    return thing if isinstance(thing, Value) else require_number(thing, what)
