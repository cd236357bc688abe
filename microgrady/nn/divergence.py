"""Which operation, at which sample, made a loss or a gradient that is not finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy

from microgrady.anomaly import find_anomaly
from microgrady.leaves import clear_gradients, read_gradients
from microgrady.nn.samples import Samples
from microgrady.value import Value


def cause_in_losses(loss_of: Callable[..., Any], samples: Samples, rows: Iterable[int], of: str = "") -> str:
    """Return where the first loss of some samples that is not finite came from, in words.

    Args:
        loss_of: The loss of one sample.
        samples: The samples.
        rows: Which of them to look at.
        of: What to say behind X.

    Returns:
        The operation and the row; an empty text if all losses are finite.
    """
    for row in map(int, rows):
        loss = loss_of(*samples.at(row))
        if isinstance(loss, Value) and not math.isfinite(loss.data):
            anomaly = find_anomaly(loss)
            return f"{f'it is {loss.data}' if anomaly is None else anomaly} at row {row} of X{of}"
    return ""


def cause_in_gradients(
    loss_of: Callable[..., Any], samples: Samples, rows: Iterable[int], parameters: list[Value]
) -> str:
    """Return where the first gradient of some samples that is not finite came from, in words, behind a colon.

    The gradients of the parameters are zero afterwards.
    """
    gradients = numpy.empty(len(parameters))
    for row in map(int, rows):
        loss = loss_of(*samples.at(row))
        if not isinstance(loss, Value):
            continue
        clear_gradients(parameters)
        loss.backward()
        read_gradients(parameters, gradients)
        clear_gradients(parameters)
        if not numpy.isfinite(gradients).all():
            anomaly = find_anomaly(loss, partials=True)
            return f": {'derivatives overflow' if anomaly is None else anomaly} at row {row} of X"
    return ""
