"""The numeric derivative and the verdicts: bounds that hold, no false alarm, no miss, every break named."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from microgrady.checking import Estimate, Verdict, check_gradient, judge, numeric_derivative
from microgrady.checking.numeric.probe import EVALUATIONS
from tests.benchmarks.cases import BREAKS, smooth_cases
from tests.benchmarks.checkers import OURS, Tally, tally
from tests.benchmarks.hard_functions import FAMILIES as HARD_FAMILIES
from tests.benchmarks.hard_functions import Family as HardFamily
from tests.benchmarks.hard_functions import survey
from tests.benchmarks.random_functions import FAMILIES, Family, study


@pytest.fixture(scope="module")
def found() -> Tally:
    return tally(OURS, smooth_cases(), BREAKS)


def test_there_are_enough_cases(found: Tally) -> None:
    assert found.right >= 100
    assert found.wrong >= 600


def test_no_right_derivative_raises_an_alarm(found: Tally) -> None:
    assert found.alarms == 0


def test_no_wrong_derivative_matches(found: Tally) -> None:
    assert found.missed == 0


def test_few_verdicts_are_left_open(found: Tally) -> None:
    assert found.unsure <= 0.03 * found.right
    assert found.hidden <= 0.03 * found.wrong


def test_every_point_without_a_derivative_is_named(found: Tally) -> None:
    assert found.unnamed == []


def test_evaluations_are_few(found: Tally) -> None:
    assert max(found.calls) <= 60
    assert statistics.median(found.calls) < 25


def test_every_true_derivative_of_the_cases_is_within_the_bound() -> None:
    def holds(estimate: Estimate, truth: float) -> bool:
        return abs(estimate.value - truth) <= estimate.error

    cases = smooth_cases()
    assert [case.name for case in cases if not holds(numeric_derivative(case.function, case.point), case.truth)] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_bounds_hold_on_random_smooth_functions(family: Family) -> None:
    count = 1000
    found = study(family, 20_000, count)
    assert found.inside >= 0.998 * count
    assert statistics.median(found.bounds) <= 1000 * statistics.median(found.errors)
    assert found.missed == 0
    assert max(found.calls) <= 60
    assert statistics.median(found.calls) < 25


@pytest.mark.parametrize("claim", [0.0, 1.0, -1.0, math.inf, math.nan])
def test_no_claim_at_a_break_is_judged(claim: float) -> None:
    verdicts = {judge(claim, numeric_derivative(broken.function, broken.point)) for broken in BREAKS}
    assert verdicts == {Verdict.NOT_DIFFERENTIABLE}


def test_the_slopes_beside_a_kink_are_told() -> None:
    estimate = numeric_derivative(lambda x: x if x > 2.0 else 3.0 * x - 4.0, 2.0)
    assert estimate.kind == "kink"
    assert (estimate.left, estimate.right) == pytest.approx((3.0, 1.0))


def test_the_count_is_the_number_of_calls_and_none_is_repeated() -> None:
    calls: list[float] = []

    def function(x: float) -> float:
        calls.append(x)
        return math.sin(1e6 * x)

    assert numeric_derivative(function, 1.0).evaluations == len(calls) == len(set(calls)) <= EVALUATIONS


@pytest.mark.parametrize("size", [1e-300, 1e-20, 1.0, 1e20, 1e290])
@pytest.mark.parametrize("stretch", [1e-250, 1e-9, 1.0, 1e9, 1e250])
def test_scales_of_x_and_f_do_not_matter(size: float, stretch: float) -> None:
    estimate = numeric_derivative(lambda x: size * math.sin(x * stretch), 1.0 / stretch)
    exact = size * (math.cos(1.0) * stretch)
    if 1e-290 < exact < 1e290:  # or else the derivative itself leaves the normal floats
        assert judge(exact, estimate) is Verdict.MATCH
        assert judge(exact * 1.001, estimate) is Verdict.MISMATCH


@pytest.mark.parametrize("point", [5e-324, 1e-310, -1e-308, 1e308, -1.79e308])
def test_the_ends_of_the_number_line(point: float) -> None:
    estimate = numeric_derivative(lambda x: x, point)
    assert abs(estimate.value - 1.0) <= estimate.error


def give_text(x: float) -> object:
    return "3"


def give_one_number_in_a_list(x: float) -> object:
    return [x]


def fail_nearby(x: float) -> float:
    return x if x == 1.0 else 1 / 0


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (give_text, TypeError, r"f\(1.0\) must be a real number, not str: '3'"),
        (lambda x: 1j, TypeError, "complex"),
        (lambda x: None, TypeError, "NoneType"),
        (give_one_number_in_a_list, TypeError, "list"),
        (lambda x: math.nan, ValueError, r"f\(1.0\) is nan: the point lies outside the domain"),
        (lambda x: math.inf, ValueError, "inf"),
        (lambda x: 1 / 0, ValueError, "raised ZeroDivisionError"),
        (fail_nearby, ValueError, "none next to it"),
    ],
)
def test_bad_functions_are_refused(function: Callable[[float], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        numeric_derivative(function, 1.0)


@pytest.mark.parametrize("point", [math.inf, math.nan])
def test_points_that_are_not_finite_are_refused(point: float) -> None:
    with pytest.raises(ValueError, match="must be a finite number"):
        numeric_derivative(math.sin, point)


def test_a_point_that_is_text_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a real number, not str"):
        numeric_derivative(math.sin, "1")  # type: ignore[arg-type]


def test_noise_is_never_taken_for_a_match() -> None:
    generator = random.Random(1)
    estimate = numeric_derivative(lambda x: generator.random(), 1.0)
    for claim in (0.0, 1.0, estimate.value):
        assert judge(claim, estimate) is Verdict.INCONCLUSIVE


def test_a_wide_bound_never_makes_a_match() -> None:
    wide = Estimate(1.0, 0.01, 20, 1e-3, 0.1, scale=1.0)
    assert judge(1.0, wide) is Verdict.INCONCLUSIVE
    assert judge(1.005, wide) is Verdict.INCONCLUSIVE
    assert judge(1.02, wide) is Verdict.MISMATCH


def test_the_tolerance_can_be_given() -> None:
    estimate = Estimate(1.0, 1e-12, 20, 1e-16, 0.1, scale=1.0)
    assert judge(1.01, estimate, tolerance=0.02) is Verdict.MATCH
    assert judge(1 + 1e-6, estimate) is Verdict.MATCH
    assert judge(1 + 1e-6, estimate, tolerance=1e-9) is Verdict.MISMATCH


@pytest.mark.parametrize("claim", [math.nan, math.inf, -math.inf])
def test_a_finite_slope_contradicts_nan_and_inf(claim: float) -> None:
    assert judge(claim, numeric_derivative(math.exp, 1.0)) is Verdict.MISMATCH


@pytest.mark.parametrize(("function", "point"), [(math.cos, 0.0), (lambda x: 5.0, 1.0), (lambda x: max(x, 0.0), -1e-3)])
def test_zero_matches_zero_only(function: Callable[[float], float], point: float) -> None:
    estimate = numeric_derivative(function, point)
    assert judge(0.0, estimate) is Verdict.MATCH
    for claim in (1e-6, -1e-3, 1.0):
        assert judge(claim, estimate) is Verdict.MISMATCH


@pytest.mark.parametrize(
    ("value", "error", "text", "digits"),
    [
        (0.4099123456789, 2.1e-11, "0.4099123457 ± 2e-11", 10),
        (0.4099123456789, 2.1e-3, "0.41 ± 2e-03", 2),
        (0.1, 0.0, "0.1 ± 0e+00", 17),
        (1e-9, 1e-3, "1e-09 ± 1e-03", 0),
        (2.5, math.inf, "2 ± inf", 0),
    ],
)
def test_an_estimate_prints_the_digits_that_are_certain(value: float, error: float, text: str, digits: int) -> None:
    estimate = Estimate(value, error, 19, 1e-16, 0.01)
    assert str(estimate) == text
    assert estimate.digits == digits
    assert float(estimate) == value


def test_an_extremum_matches_zero_and_what_the_rounding_of_the_point_makes_of_it() -> None:
    estimate = numeric_derivative(math.sin, math.pi / 2)
    assert judge(math.cos(math.pi / 2), estimate) is Verdict.MATCH
    assert judge(0.0, estimate) is Verdict.MATCH
    assert judge(1e-14, estimate) is not Verdict.MATCH


def test_a_slope_too_small_to_be_seen_is_left_open_and_not_matched() -> None:
    estimate = numeric_derivative(math.tanh, -30.0)
    exact = 1.0 / math.cosh(30.0) ** 2
    for claimed in (exact, 2.0 * exact, -exact):
        assert judge(claimed, estimate) is Verdict.INCONCLUSIVE


def test_values_that_underflow_do_not_prove_a_slope_of_zero() -> None:
    estimate = numeric_derivative(lambda x: x * x, 1e-300)
    assert abs(estimate.value - 2e-300) <= estimate.error
    assert judge(2e-300, estimate) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("value", [0.0, 3.0, 1e300])
def test_a_constant_matches_zero_only(value: float) -> None:
    estimate = numeric_derivative(lambda x: value, 2.0)
    assert judge(0.0, estimate) is Verdict.MATCH
    assert judge(-0.0, estimate) is Verdict.MATCH
    assert judge(1e-3 * max(value, 1.0), estimate) is Verdict.MISMATCH


def in_single(value: float) -> float:
    return float(np.float32(value))


@pytest.mark.parametrize("rounded", [in_single, lambda value: round(value, 7)], ids=["float32", "seven decimals"])
def test_functions_that_round_their_values_are_judged_by_what_is_left(rounded: Callable[[float], float]) -> None:
    generator = random.Random(5)
    smooth = [(math.sin, math.cos), (math.exp, math.exp), (math.sqrt, lambda x: 0.5 / math.sqrt(x))]
    found = []
    for function, slope in smooth:
        for point in [1.0, 2.0, 3.0, *(generator.uniform(0.1, 5.0) for _ in range(20))]:
            estimate = numeric_derivative(lambda x, f=function: rounded(f(x)), point)  # type: ignore[misc]
            found.append(judge(slope(point), estimate))
            assert judge(1.01 * slope(point), estimate) is not Verdict.MATCH
    assert Verdict.MISMATCH not in found
    assert found.count(Verdict.MATCH) > 0.8 * len(found)


def test_sums_whose_parts_cancel_raise_no_alarm() -> None:
    point = np.linspace(-1.0, 1.0, 200)
    report = check_gradient(lambda x: float(np.sum(x**3)), point, gradient=lambda x: 3 * x * x)
    assert report.ok


def test_a_grain_that_is_known_widens_the_bound() -> None:
    assert numeric_derivative(math.sin, 1.0, grain=1e-6).error > 1e3 * numeric_derivative(math.sin, 1.0).error


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((3, 1.0), TypeError, r"takes a function, not int \(3\)"),
        ((math.sin, None), TypeError, "the point must be a real number, not NoneType"),
        ((math.sin, 1j), TypeError, "the point must be a real number, not complex"),
        ((math.sin, math.inf), ValueError, "the point must be a finite number, not inf"),
        ((math.sin, 1.0, -1.0), ValueError, "the grain must be a real number of at least 0"),
    ],
)
def test_bad_arguments_are_named(arguments: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        numeric_derivative(*arguments)


@pytest.mark.parametrize(("family", "count"), HARD_FAMILIES, ids=lambda part: getattr(part, "__name__", ""))
def test_hard_functions_raise_no_alarm_and_hide_no_error(family: HardFamily, count: int) -> None:
    found = survey(family, min(count, 1000))
    assert found.alarms == []
    assert found.misses == []
    assert max(found.calls) <= EVALUATIONS


def verdict(function: Callable[[float], float], point: float, claim: float) -> Verdict:
    return judge(claim, numeric_derivative(function, point))


def test_a_minimum_with_residual_zero_matches_zero_only() -> None:
    k = 1 + 2 * math.exp(0.075)
    for function, point in ((lambda x: (x**2 - 9) ** 2, 3.0), (lambda c: (1 + 2 * math.exp(c * 0.1) - k) ** 2, 0.75)):
        assert verdict(function, point, 0.0) is Verdict.MATCH
        assert verdict(function, point, 0.01) is Verdict.MISMATCH


@pytest.mark.parametrize("step", [math.floor, math.ceil, math.trunc])
@pytest.mark.parametrize("reach", [100.0, 1e3, 1e6])
def test_steps_between_whole_numbers_have_the_slope_zero(step: Callable[[float], int], reach: float) -> None:
    generator = random.Random(7)
    for _ in range(50):
        point = generator.uniform(-reach, reach)
        assert verdict(lambda x: float(step(x)), point, 0.0) is Verdict.MATCH
        assert verdict(lambda x: float(step(x)), point, 1.0) is Verdict.MISMATCH


def test_few_decimals_may_be_steps_or_rounding() -> None:
    def rounded(x: float) -> float:
        return round(math.sin(x), 7)

    assert verdict(rounded, 1.2, math.cos(1.2)) is Verdict.MATCH
    assert verdict(rounded, 1.2, 0.0) is Verdict.INCONCLUSIVE
    assert verdict(rounded, 1.2, 0.5) is Verdict.MISMATCH
    assert verdict(lambda x: round(x, 1), 15.7976, 0.0) is Verdict.MATCH


def test_a_slope_with_a_kink_at_the_point_is_found() -> None:
    def bent(y: float) -> float:
        return math.sqrt(16 + min(y, 0.0) ** 2)

    assert verdict(bent, 0.0, 0.0) is Verdict.MATCH
    assert verdict(lambda y: math.cos(max(y, 0.0)), 0.0, 0.0) is Verdict.MATCH
    assert verdict(bent, 0.0, 0.01) is Verdict.MISMATCH


def test_where_the_digits_are_gone_nothing_is_said() -> None:
    assert verdict(lambda x: 1e14 + math.sin(x), 0.2, math.cos(0.2)) is not Verdict.MISMATCH
    assert verdict(lambda x: 1e17 + math.sin(x), 0.2, math.cos(0.2)) is Verdict.INCONCLUSIVE


def test_an_even_function_that_is_rough_has_a_wide_bound() -> None:
    def weierstrass(x: float) -> float:
        return sum(0.5**n * math.cos(3.0**n * math.pi * x) for n in range(40))

    estimate = numeric_derivative(weierstrass, 0.0)
    assert estimate.kind != "smooth" or estimate.error > 1.0
    assert judge(1.0, estimate) is not Verdict.MATCH


def test_a_cusp_beside_the_point_is_seen() -> None:
    def cusp(x: float) -> float:
        return 1 + math.sqrt(abs(x - 1.000000001))

    right = -0.5 / math.sqrt(1.000000001 - 1.0)
    assert verdict(cusp, 1.0, right) is Verdict.MATCH
    assert verdict(cusp, 1.0, 0.0) is Verdict.MISMATCH


@pytest.mark.parametrize("point", [5e-324, -1e-323, 1e-320])
def test_squares_of_subnormal_numbers_raise_no_alarm(point: float) -> None:
    assert verdict(lambda x: x * x, point, 2 * point) is not Verdict.MISMATCH
    assert verdict(lambda x: x * x, point, 1.0) is Verdict.MISMATCH
    assert verdict(lambda x: 3 * x, point, 3.0) is Verdict.MATCH


@pytest.mark.parametrize("distance", [1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 5e-12])
@pytest.mark.parametrize("point", [1.0, -8.880552697, 3e4])
def test_a_cusp_nearer_than_the_smallest_usable_step_raises_no_alarm(point: float, distance: float) -> None:
    place = point + distance * abs(point) or math.nextafter(point, math.inf)

    def wave(x: float) -> float:
        return math.sin(math.pi * x / place)

    y = wave(point)
    if y == 0.0:
        return
    right = 0.01 + math.copysign(0.5 / math.sqrt(abs(y)), y) * math.pi / place * math.cos(math.pi * point / place)

    def function(x: float) -> float:
        return 0.01 * x + math.sqrt(abs(wave(x)))

    assert verdict(function, point, right) is not Verdict.MISMATCH
    for wrong in (0.01, 0.0, -right, 2 * right):
        assert verdict(function, point, wrong) is not Verdict.MATCH


def test_a_cusp_inside_a_function_of_two_numbers_raises_no_alarm() -> None:
    def function(p: list[float]) -> float:  # Mishra's fourth function, at its minimum
        return math.sqrt(abs(math.sin(math.sqrt(abs(p[0] ** 2 + p[1] ** 2))))) + 0.01 * (p[0] + p[1])

    report = check_gradient(function, [-8.88055269734, -8.89097599857], gradient=[252631.21208436397, 252927.7309])
    assert {str(entry.verdict) for entry in report.entries} <= {"inconclusive", "not differentiable"}


@pytest.mark.parametrize("function", [math.sin, math.cos, math.tan])
@pytest.mark.parametrize("point", [1e16, 1e17, 1e20, 1e25, 3e100, 1e308])
def test_waves_between_neighbouring_floats_are_left_open(function: Callable[[float], float], point: float) -> None:
    for claim in (0.0, 1.0, math.cos(point)):
        assert verdict(function, point, claim) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("function", "point", "right"),
    [
        (lambda x: round(x, 1), 334520.5021841414, 0.0),  # by chance all values are numbers of float32
        (lambda x: round(x, 2), 548845.000333431, 0.0),
        (lambda x: x // 0.1, 839011.99999, 0.0),
        (lambda x: x * math.floor(x), 345678.43, 345678.0),
        (lambda x: 1.0 + math.sin(2147528518.758713 * x), 1.0, 774660055.3482281),  # the product is rounded evenly
        (lambda x: -986582173743.4824 + math.tanh(x), 0.7851405097455544, 0.5701265757102428),
    ],
)
def test_roundings_that_look_like_a_slope_raise_no_alarm(
    function: Callable[[float], float], point: float, right: float
) -> None:
    assert verdict(function, point, right) is not Verdict.MISMATCH


def test_steps_between_whole_numbers_are_not_taken_for_rounding() -> None:
    assert verdict(lambda x: x // 0.1, 839011.99999, 10.0) is not Verdict.MATCH


@pytest.mark.parametrize("point", [0.0, 5e-324, 1.0, 1e300])
def test_nan_never_matches(point: float) -> None:
    for function in (lambda x: x, lambda x: x * min(x, 1.0), abs):
        assert verdict(function, point, math.nan) is not Verdict.MATCH
        report = check_gradient(function, point, gradient=math.nan)
        assert not report
        assert "nan" in str(report)


def test_numbers_beyond_the_largest_float_are_refused_in_words() -> None:
    words = "a number of type int is too large for a float"
    for call in (
        lambda: numeric_derivative(abs, 10**400),
        lambda: numeric_derivative(abs, 1.0, 10**400),
        lambda: check_gradient(abs, 10**400),
        lambda: check_gradient(sum, [1.0, 10**400]),
        lambda: check_gradient(abs, 1.0, tolerance=10**400),
    ):
        with pytest.raises(OverflowError, match=words):
            call()


@pytest.mark.parametrize("lift", [1e10, 1e12, 1e13, 1e14])
def test_a_right_claim_is_no_mismatch_where_cancellation_leaves_steps_of_a_fraction(lift: float) -> None:
    def lifted(x: float) -> float:
        return (math.sin(x) + lift) - lift

    points = [0.1 + 0.37 * turn for turn in range(8)]
    right = [str(check_gradient(lifted, x, gradient=math.cos(x)).entries[0].verdict) for x in points]
    assert "mismatch" not in right
    assert str(check_gradient(lifted, 1.0, gradient=5.0).entries[0].verdict) == "mismatch"
