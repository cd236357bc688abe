"""The gamma and error functions on floats, and what their derivatives of every order need.

A plain Python float for every float, as in `floats`. Orders are whole numbers from 0 on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from microgrady.arithmetic import floats
from microgrady.arithmetic.library import library_function

ROOT_PI = math.sqrt(math.pi)
MOST = 300.0  # the highest order

# digamma on [1, 2] is (x - its zero) times 0.995... and a ratio of polynomials in x - 1 (Boost, digamma.hpp); the
# zero is the sum of three numbers.
DIGAMMA_ZERO = (1569415565.0 / 2.0**30, 381566830.0 / 2.0**60, 0.9016312093258695918615325266959189453125e-19)
DIGAMMA_SCALE = 0.99558162689208984
DIGAMMA_OVER = (
    *(0.25479851061131551, -0.32555031186804491, -0.65031853770896507, -0.28919126444774784),
    *(-0.045251321448739056, -0.0020713321167745952),
)
DIGAMMA_UNDER = (
    *(1.0, 2.0767117023730469, 1.4606242909763515, 0.43593529692665969, 0.054151797245674225, 0.0021284987017821144),
    -0.55789841321675513e-6,
)
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
# digamma(x) = log(x) - 1 / (2 * x) - z * (a polynomial in z = 1 / x**2), from 10 on (DLMF 5.11.2).
DIGAMMA_FAR = tuple(number / (2 * k) for k, number in enumerate(BERNOULLI[:8], 1))

# erfcx(x) as ratios of polynomials: in x up to 4, in 1 / x**2 beyond, and erf in x**2 below 0.46875 (Cody, "Rational
# Chebyshev approximation for the error function", 1969).
ERF_OVER = (
    *(3.20937758913846947e03, 3.77485237685302021e02, 1.13864154151050156e02, 3.16112374387056560e00),
    1.85777706184603153e-1,
)
ERF_UNDER = (2.84423683343917062e03, 1.28261652607737228e03, 2.44024637934444173e02, 2.36012909523441209e01, 1.0)
ERFCX_OVER = (
    *(1.23033935479799725e03, 2.05107837782607147e03, 1.71204761263407058e03, 8.81952221241769090e02),
    *(2.98635138197400131e02, 6.61191906371416295e01, 8.88314979438837594e00, 5.64188496988670089e-1),
    2.15311535474403846e-8,
)
ERFCX_UNDER = (
    *(1.23033935480374942e03, 3.43936767414372164e03, 4.36261909014324716e03, 3.29079923573345963e03),
    *(1.62138957456669019e03, 5.37181101862009858e02, 1.17693950891312499e02, 1.57449261107098347e01, 1.0),
)
FAR_OVER = (
    *(6.58749161529837803e-4, 1.60837851487422766e-2, 1.25781726111229246e-1, 3.60344899949804439e-1),
    *(3.05326634961232344e-1, 1.63153871373020978e-2),
)
FAR_UNDER = (
    *(2.33520497626869185e-3, 6.05183413124413191e-2, 5.27905102951428412e-1, 1.87295284992346725e00),
    *(2.56852019228982242e00, 1.0),
)


def polynomial(coefficients: Sequence[float], x: float) -> float:
    """The sum of coefficients[k] * x**k."""
    result = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        result = result * x + coefficient
    return result


def gamma(x: float) -> float:
    """The gamma function, of the C library; Python's own is up to 6 ulp off."""
    return float(library_function("tgamma", 1)(x))


def lgamma(x: float) -> float:
    """log(abs(gamma(x))), of the C library; Python's own keeps no digits near 1, 2 and the negative zeros."""
    return float(library_function("lgamma", 1)(x))


def _fraction(x: float) -> float:
    """Return what is left of x, exactly, when the nearest whole number is taken away; nan for an infinity."""
    return x - floats.floor(x + 0.5)


def digamma(x: float) -> float:
    """The derivative of log(gamma(x)); nan at the poles, but for 0, where it is infinite with the sign of -x."""
    if x <= 0.0:
        if x == 0.0:
            return -math.copysign(math.inf, x)
        rest = _fraction(x)
        if rest == 0.0 or rest != rest:
            return math.nan
        return _positive_digamma(1.0 - x) - math.pi / math.tan(math.pi * rest)
    return _positive_digamma(x)


def _positive_digamma(x: float) -> float:
    if x >= 10.0:
        z = 1.0 / x * (1.0 / x)
        return math.log(x) - 0.5 / x - z * polynomial(DIGAMMA_FAR, z)
    shift = 0.0
    while x > 2.0:
        x -= 1.0
        shift += 1.0 / x
    if x < 1.0:
        shift = -1.0 / x
        x += 1.0
    distance = x - DIGAMMA_ZERO[0] - DIGAMMA_ZERO[1] - DIGAMMA_ZERO[2]
    ratio = polynomial(DIGAMMA_OVER, x - 1.0) / polynomial(DIGAMMA_UNDER, x - 1.0)
    return shift + (distance * DIGAMMA_SCALE + distance * ratio)


def gamma_slope(x: float) -> float:
    """gamma(x) * digamma(x), also beside the poles where gamma(x) is so small that it has lost digits."""
    slope = digamma(x)
    if not -192.0 < x < -150.0:
        return gamma(x) * slope
    slope *= gamma(x + 24.0)
    for k in range(23, -1, -1):
        slope /= x + k
    return slope


def polygamma(n: float, x: float) -> float:
    """The derivative of order n of digamma; nan at the poles, but for 0, and for an n that is not an order.

    By the Euler-Maclaurin sum for the zeta function of Hurwitz (DLMF 25.11.5), and by reflection for a negative x.
    """
    if not 0.0 <= n <= MOST or n != math.floor(n) or x != x:
        return math.nan
    if n == 0.0:
        return digamma(x)
    order = int(n)
    odd = order % 2 == 1
    if x > 0.0:
        return _positive_polygamma(order, x) if odd else -_positive_polygamma(order, x)
    if x == 0.0:
        return math.inf if odd else -math.copysign(math.inf, x)
    rest = _fraction(x)
    if rest == 0.0 or rest != rest:
        return math.nan
    cotangent = 1.0 / math.tan(math.pi * rest)
    reflected = polynomial(_cotangent_derivative(order), cotangent) * math.pi ** (order + 1)
    return -_positive_polygamma(order, 1.0 - x) - reflected


def _cotangent_derivative(order: int) -> list[float]:
    """Return the derivative of cot as a polynomial in cot, of which the derivative is -(1 + cot**2)."""
    coefficients = [0.0, 1.0]
    for _ in range(order):
        slope = [k * coefficient for k, coefficient in enumerate(coefficients)][1:]
        coefficients = [-a - b for a, b in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope], strict=True)]
    return coefficients


def _positive_polygamma(order: int, x: float) -> float:
    """Return n! times the sum of 1 / (x + k)**(n + 1) over k, for a positive x."""
    if x == math.inf:
        return 0.0
    total = 0.0
    while x < order + 12.0:
        total += _falling(order - 1, x) * (order / x)
        x += 1.0
    lower = _falling(order - 1, x)
    tail, factor = 0.5, 1.0 / x
    for k, number in enumerate(BERNOULLI, 1):
        factor *= (order + 2 * k - 1) / (2 * k)
        tail += number * factor
        factor *= (order + 2 * k) / (2 * k + 1) / x / x
    return total + (lower + lower * (order / x) * tail)


def _falling(order: int, x: float) -> float:
    """Return n! / x**(n + 1), of which the factors are in range longer than their product."""
    product = 1.0 / x
    for k in range(1, order + 1):
        product *= k / x
    return product


def erfcx(x: float) -> float:
    """exp(x**2) * erfc(x)."""
    if abs(x) < 0.46875:
        z = x * x
        return math.exp(z) * (1.0 - x * (polynomial(ERF_OVER, z) / polynomial(ERF_UNDER, z)))
    size = abs(x)
    if size <= 4.0:
        result = polynomial(ERFCX_OVER, size) / polynomial(ERFCX_UNDER, size)
    else:
        z = 1.0 / size * (1.0 / size)
        result = (1.0 / ROOT_PI - z * (polynomial(FAR_OVER, z) / polynomial(FAR_UNDER, z))) / size
    if x >= 0.0:
        return result
    return 2.0 * floats.exp_of_square(x, 1.0) - result


def erfcx_slope(n: float, x: float) -> float:
    """The derivative of order n of erfcx: (-2)**n * n! times exp(x**2) and an iterated integral of erfc (DLMF 7.18)."""
    if not 0.0 <= n <= MOST or n != math.floor(n) or x != x:
        return math.nan
    order = int(n)
    if x < 0.5:  # by recurrence from below, which is stable here
        before, result = -1.0 / ROOT_PI, erfcx(x)
        for k in range(order):
            before, result = result, 2.0 * (x * result + (k or 1) * before)
        return result
    ratio, result = 0.0, 2.0 / ROOT_PI
    for k in range(order + 20 + int(200.0 / (x * x)), -1, -1):  # and by a continued fraction
        ratio = 0.5 / (x + (k + 1) * ratio)
        if k <= order:
            result *= -2.0 * k * ratio if k else ratio
    return result


def erfc_hazard(x: float) -> float:
    """exp(-x**2) / erfc(x)."""
    return floats.exp_minus_square(x) / math.erfc(x) if x < -5.0 else floats.div(1.0, erfcx(x))


def log_erfc(x: float) -> float:
    """log(erfc(x))."""
    return math.log1p(-math.erf(x)) if x < 0.5 else floats.log(erfcx(x)) - x * x


def sine_of_half_turns(x: float) -> float:
    """sin(pi * x), of which the zeros are exact."""
    rest = x - 2.0 * floats.floor(0.5 * x + 0.5)
    if abs(rest) > 0.5:
        rest = math.copysign(1.0, rest) - rest
    return floats.sin(math.pi * rest)


def sinc(x: float) -> float:
    """sin(pi * x) / (pi * x); 1 at 0."""
    return 1.0 if x == 0.0 else sine_of_half_turns(x) / (math.pi * x)


def sinc_slope(n: float, x: float) -> float:
    """What (1 / u * d/du), applied n times, makes of sin(u) / u, at u = pi * x.

    It is (-1)**n * j(u) / u**n with the spherical Bessel function of order n (DLMF 10.51.3), and has no pole.
    """
    if not 0.0 <= n <= MOST or n != math.floor(n) or x != x:
        return math.nan
    order, square = int(n), math.pi * x * (math.pi * x)
    if square < 4.0 * order + 6.0 or square < n * n:  # its series
        term = 1.0
        for k in range(1, order + 1):
            term /= -(2.0 * k + 1.0)
        total, k = 0.0, 0
        while total + term != total:
            total += term
            k += 1
            term *= -square / (2.0 * k * (2.0 * (order + k) + 1.0))
        return total
    before, result = -floats.sin(math.pi * _quarter_turned(x)), sinc(x)
    for k in range(order):
        before, result = result, -((2.0 * k + 1.0) * result + before) / square
    return result


def _quarter_turned(x: float) -> float:
    """Return a number of half turns whose sine is cos(pi * x)."""
    rest = x - 2.0 * floats.floor(0.5 * x + 0.5)
    return 0.5 - abs(rest)
