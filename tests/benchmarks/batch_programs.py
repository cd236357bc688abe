"""What batches are measured with: functions of one point, and values with derivatives of all points by hand."""

from __future__ import annotations

import functools
import importlib
import math
from typing import Any

import numpy

Array = Any  # of NumPy
Rows = Any  # an array of two dimensions: the value, then each derivative, of all points

ROOT_HALF, DENSITY = math.sqrt(0.5), 1.0 / math.sqrt(2.0 * math.pi)
SPOT, RATE = 100.0, 0.02  # of what implied volatility is asked for
TOLERANCE = 1e-11  # of the price, at which Newton's iteration ends
WEIGHTS = 10


def _normal(library: Any, x: Any) -> Any:
    return 0.5 + 0.5 * library.erf(x * ROOT_HALF)


# The price of a call, by everything.


def black_scholes(library: Any, spot: Any, strike: Any, rate: Any, volatility: Any, time: Any) -> Any:
    """Price of a call by Black and Scholes."""
    spread = volatility * library.sqrt(time)
    upper = (library.log(spot / strike) + (rate + 0.5 * volatility * volatility) * time) / spread
    lower = upper - spread
    return spot * _normal(library, upper) - strike * library.exp(-rate * time) * _normal(library, lower)


def black_scholes_by_hand(spot: Array, strike: Array, rate: Array, volatility: Array, time: Array, rows: Rows) -> None:
    """Write the price and its five derivatives, point by point: for numba."""
    for i in range(len(spot)):
        s, k, r, v, t = spot[i], strike[i], rate[i], volatility[i], time[i]
        root = math.sqrt(t)
        spread = v * root
        upper = (math.log(s / k) + (r + 0.5 * v * v) * t) / spread
        lower = upper - spread
        discount = math.exp(-r * t)
        first, second = 0.5 + 0.5 * math.erf(upper * ROOT_HALF), 0.5 + 0.5 * math.erf(lower * ROOT_HALF)
        later, dense = k * discount * second, s * DENSITY * math.exp(-0.5 * upper * upper)
        rows[0, i] = s * first - later
        rows[1, i] = first
        rows[2, i] = -discount * second
        rows[3, i] = t * later
        rows[4, i] = dense * root
        rows[5, i] = 0.5 * v * dense / root + r * later


def black_scholes_of_arrays(spot: Array, strike: Array, rate: Array, volatility: Array, time: Array) -> Rows:
    """Return the price and its five derivatives, from whole arrays."""
    erf = importlib.import_module("scipy.special").erf
    root = numpy.sqrt(time)
    spread = volatility * root
    upper = (numpy.log(spot / strike) + (rate + 0.5 * volatility * volatility) * time) / spread
    lower = upper - spread
    discount = numpy.exp(-rate * time)
    first, second = 0.5 + 0.5 * erf(upper * ROOT_HALF), 0.5 + 0.5 * erf(lower * ROOT_HALF)
    later, dense = strike * discount * second, spot * DENSITY * numpy.exp(-0.5 * upper * upper)
    by_time = 0.5 * volatility * dense / root + rate * later
    return numpy.stack((spot * first - later, first, -discount * second, time * later, dense * root, by_time))


@functools.lru_cache(1)
def market(points: int) -> tuple[Array, ...]:
    """Return spots, strikes, rates, volatilities and times: the rows of one array, which is the `base` of each."""
    generator = numpy.random.default_rng(1)
    bounds = ((50.0, 150.0), (50.0, 150.0), (0.0, 0.08), (0.1, 0.6), (0.1, 3.0))
    return tuple(numpy.stack([generator.uniform(*each, points) for each in bounds]))


# A call or a put, as an `if` decides.


def option(library: Any, spot: Any, strike: Any, rate: Any, volatility: Any, time: Any, kind: Any) -> Any:
    """Price of a call where `kind` is positive, of a put elsewhere."""
    spread = volatility * library.sqrt(time)
    upper = (library.log(spot / strike) + (rate + 0.5 * volatility * volatility) * time) / spread
    lower = upper - spread
    later = strike * library.exp(-rate * time)
    if kind > 0.0:
        return spot * _normal(library, upper) - later * _normal(library, lower)
    return later * _normal(library, -lower) - spot * _normal(library, -upper)


def option_by_hand(
    spot: Array, strike: Array, rate: Array, volatility: Array, time: Array, kind: Array, rows: Rows
) -> None:
    """Write the price of a call or a put and its five derivatives, point by point: for numba."""
    for i in range(len(spot)):
        s, k, r, v, t = spot[i], strike[i], rate[i], volatility[i], time[i]
        root = math.sqrt(t)
        spread = v * root
        upper = (math.log(s / k) + (r + 0.5 * v * v) * t) / spread
        lower = upper - spread
        discount = math.exp(-r * t)
        if kind[i] > 0.0:
            first, second = 0.5 + 0.5 * math.erf(upper * ROOT_HALF), 0.5 + 0.5 * math.erf(lower * ROOT_HALF)
        else:
            first, second = -0.5 + 0.5 * math.erf(upper * ROOT_HALF), -0.5 + 0.5 * math.erf(lower * ROOT_HALF)
        later, dense = k * discount * second, s * DENSITY * math.exp(-0.5 * upper * upper)
        rows[0, i] = s * first - later
        rows[1, i] = first
        rows[2, i] = -discount * second
        rows[3, i] = t * later
        rows[4, i] = dense * root
        rows[5, i] = 0.5 * v * dense / root + r * later


@functools.lru_cache(1)
def mixed_market(points: int) -> tuple[Array, ...]:
    """Return the market, with calls and puts at random."""
    return (*market(points), numpy.random.default_rng(2).choice((-1.0, 1.0), points))


# An `if` around next to nothing.


def huber(x: Any, y: Any) -> Any:
    """Huber's loss of a difference."""
    apart = x - y
    if abs(apart) <= 1.0:
        return 0.5 * apart * apart
    return abs(apart) - 0.5


def square(x: Any, y: Any) -> Any:
    """The same without the `if`."""
    apart = x - y
    return 0.5 * apart * apart


def huber_by_hand(x: Array, y: Array, rows: Rows) -> None:
    """Write Huber's loss and its two derivatives, point by point: for numba."""
    for i in range(len(x)):
        apart = x[i] - y[i]
        if abs(apart) <= 1.0:
            value, slope = 0.5 * apart * apart, apart
        else:
            value, slope = abs(apart) - 0.5, math.copysign(1.0, apart)
        rows[0, i] = value
        rows[1, i] = slope
        rows[2, i] = -slope


@functools.lru_cache(1)
def pairs(points: int) -> tuple[Array, ...]:
    """Return pairs of numbers, half of which are within 1 of each other, as the rows of one array."""
    generator = numpy.random.default_rng(3)
    x = generator.uniform(-5.0, 5.0, points)
    return tuple(numpy.stack((x, x + generator.uniform(-2.0, 2.0, points))))


# Implied volatility: a `while` with another number of turns for each point.


def implied_volatility(library: Any, price: Any, strike: Any, time: Any) -> Any:
    """Volatility at which a call has a price, by Newton's iteration from where the price is steepest.

    The step that follows the last test costs next to nothing: without it, derivatives would lag behind the value.
    """
    root, later = library.sqrt(time), strike * library.exp(-RATE * time)
    depth = library.log(SPOT / later)
    volatility = library.sqrt(2.0 * abs(depth)) / root
    while True:
        spread = volatility * root
        upper = depth / spread + 0.5 * spread
        error = SPOT * _normal(library, upper) - later * _normal(library, upper - spread) - price
        following = volatility - error / (SPOT * DENSITY * root * library.exp(-0.5 * upper * upper))
        if abs(error) <= TOLERANCE:
            return following
        volatility = following


def implied_volatility_by_hand(price: Array, strike: Array, time: Array, rows: Rows) -> None:
    """Write implied volatility and its derivatives by price and strike, point by point: for numba.

    The iteration carries numbers alone. Its derivatives are those of the function that it inverts, once it has ended:
    one by the volatility for that by the price, and that by the strike times it, with its sign changed.
    """
    for i in range(len(price)):
        root, discount = math.sqrt(time[i]), math.exp(-RATE * time[i])
        later = strike[i] * discount
        depth = math.log(SPOT / later)
        volatility = math.sqrt(2.0 * abs(depth)) / root
        scale = SPOT * DENSITY * root
        while True:
            spread = volatility * root
            upper = depth / spread + 0.5 * spread
            second = 0.5 + 0.5 * math.erf((upper - spread) * ROOT_HALF)
            error = SPOT * (0.5 + 0.5 * math.erf(upper * ROOT_HALF)) - later * second - price[i]
            by_volatility = scale * math.exp(-0.5 * upper * upper)
            if abs(error) <= TOLERANCE:
                break
            volatility -= error / by_volatility
        rows[0, i] = volatility - error / by_volatility
        rows[1, i] = 1.0 / by_volatility
        rows[2, i] = discount * second / by_volatility


@functools.lru_cache(1)
def quotes(points: int) -> tuple[Array, ...]:
    """Return prices, strikes and times of calls with a time value of at least a cent, and their volatilities."""
    generator = numpy.random.default_rng(4)
    found: list[Array] = []
    while sum(rows.shape[1] for rows in found) < points:
        strike, time = SPOT / generator.uniform(0.6, 1.6, points), generator.uniform(0.04, 3.0, points)
        volatility = generator.uniform(0.05, 0.9, points)
        rows = black_scholes_of_arrays(SPOT, strike, RATE, volatility, time)
        worth = rows[0] - numpy.maximum(SPOT - strike * numpy.exp(-RATE * time), 0.0) > 0.01
        found.append(numpy.stack((rows[0], strike, time, volatility))[:, worth])
    return tuple(numpy.ascontiguousarray(numpy.concatenate(found, axis=1)[:, :points]))


def implied_volatility_expected(points: int) -> Rows:
    """Return the volatilities that the prices were made of, and the derivatives of the inverse function."""
    _, strike, time, volatility = quotes(points)
    _, _, by_strike, _, by_volatility, _ = black_scholes_of_arrays(SPOT, strike, RATE, volatility, time)
    return numpy.stack((volatility, 1.0 / by_volatility, -by_strike / by_volatility))


# The mean loss of a logistic regression, by its weights.


def logistic_by_hand(weights: Array, features: Array, labels: Array) -> Array:
    """Return the mean loss and its derivatives by the weights, in one loop: for numba."""
    found = numpy.zeros(len(weights) + 1)
    for i in range(len(labels)):
        score = 0.0
        for k in range(len(weights)):
            score += weights[k] * features[i, k]
        margin = labels[i] * score
        small = math.exp(-abs(margin))
        found[0] += math.log1p(small) + max(-margin, 0.0)
        slope = -labels[i] * (small if margin >= 0.0 else 1.0) / (1.0 + small)
        for k in range(len(weights)):
            found[k + 1] += slope * features[i, k]
    return found / len(labels)


def logistic_of_arrays(weights: Array, features: Array, labels: Array) -> Array:
    """Return the mean loss and its derivatives by the weights, from whole arrays."""
    margins = labels * (features @ weights)
    losses = numpy.logaddexp(0.0, -margins)
    slopes = -labels * numpy.exp(-margins - losses)
    return numpy.array([losses.mean(), *(slopes @ features / len(labels))])


@functools.lru_cache(1)
def samples(points: int) -> tuple[Array, ...]:
    """Return weights, features and labels, which are made in place so that no memory but theirs is ever taken."""
    generator = numpy.random.default_rng(5)
    weights, features, labels = generator.normal(size=WEIGHTS), numpy.empty((points, WEIGHTS)), numpy.empty(points)
    for start in range(0, points, 10_000):
        rows = slice(start, min(start + 10_000, points))
        generator.standard_normal(out=features[rows])
        noise = generator.logistic(size=len(labels[rows]))
        labels[rows] = numpy.where(features[rows] @ weights + noise > 0.0, 1.0, -1.0)
    return weights, features, labels


def logistic_expected(points: int) -> Array:
    """Return the mean loss and its derivatives, block by block."""
    weights, features, labels = samples(points)
    total = numpy.zeros(WEIGHTS + 1)
    for start in range(0, points, 100_000):
        rows = slice(start, min(start + 100_000, points))
        total += logistic_of_arrays(weights, features[rows], labels[rows]) * len(labels[rows])
    return total / points


# A function so small that what a call costs is all of it.


def wave(library: Any, x: Any, y: Any) -> Any:
    """Three operations."""
    return library.sin(x) * y + x


def wave_by_hand(x: Array, y: Array, rows: Rows) -> None:
    """Write them, point by point: for numba."""
    for i in range(len(x)):
        rows[0, i] = math.sin(x[i]) * y[i] + x[i]


def wave_of_arrays(x: Array, y: Array) -> Rows:
    """Return them, from whole arrays."""
    return (numpy.sin(x) * y + x)[None]
