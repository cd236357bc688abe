"""Plots of functions as arrows between two sets."""

from __future__ import annotations

import enum
import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import FancyArrowPatch

import microgrady as mg
from microgrady import plot_map
from microgrady.drawing.plotting.ovals import apart
from tests.figures import dots, texts

pytestmark = pytest.mark.usefixtures("without_windows")


def arrows(axes: Axes) -> list[Any]:
    return [tuple(arrow._posA_posB) for arrow in axes.patches if isinstance(arrow, FancyArrowPatch)]  # type: ignore[attr-defined]


def is_on_scale(axes: Axes) -> bool:
    """Whether there are number lines through the dots."""
    return any(isinstance(artist, LineCollection) for artist in axes.collections)


def test_arrows_lead_from_each_point_to_its_image() -> None:
    axes = plot_map(lambda x: x**2, [1, -2, 2, 0, -1])
    left, right = dots(axes)
    assert texts(axes) == ["domain", "codomain", "f", "-2", "-1", "0", "1", "2", "0", "1", "4"]
    assert arrows(axes) == [
        (left[0], right[2]),
        (left[1], right[1]),
        (left[2], right[0]),
        (left[3], right[1]),
        (left[4], right[2]),
    ]


def test_numbers_ascend_in_both_ovals_and_stand_beside_their_dots() -> None:
    axes = plot_map(lambda x: -x, [3, 1, 2])
    for places, labels in zip(dots(axes), (axes.texts[3:6], axes.texts[6:]), strict=True):
        assert [y for _, y in places] == sorted(y for _, y in places)
        assert [text.xy for text in labels] == places  # type: ignore[attr-defined]
    assert texts(axes)[3:] == ["1", "2", "3", "-3", "-2", "-1"]


@pytest.mark.parametrize("width", [2.5, 6.4, 12.0])
def test_numbers_are_as_far_from_their_dots_on_small_axes_as_on_large(width: float) -> None:
    figure = pyplot.figure(figsize=(width, 3), layout="constrained")
    axes = plot_map(lambda x: -x, [1, 2, 3], ax=figure.subplots())
    figure.draw_without_rendering()
    left, right = dots(axes)
    for place, text in zip((*left, *right), axes.texts[3:], strict=True):
        box, x = text.get_window_extent(), axes.transData.transform(place)[0]
        points = min(abs(box.x0 - x), abs(box.x1 - x)) * 72 / figure.dpi
        assert 7 < points < 10


def test_images_that_differ_by_rounding_are_one() -> None:
    axes = plot_map(mg.sin, [0, math.pi / 2, math.pi])
    assert texts(axes)[6:] == ["0", "1"]
    assert texts(plot_map(lambda x: x, [1.0, 1.0 + 1e-9]))[3:] == ["1", "1.000000001"] * 2


def test_a_point_that_comes_twice_is_one() -> None:
    assert texts(plot_map(abs, [1, 1.0, -1, 0.0, -0.0]))[3:] == ["-1", "0", "1", "0", "1"]


@pytest.mark.parametrize(("f", "value"), [(lambda x: 1 / x, "inf"), (lambda x: -1 / x, "-inf"), (mg.log, "-inf")])
def test_a_point_with_an_infinite_value_is_not_in_the_domain(f: Any, value: str) -> None:
    with pytest.raises(ValueError, match=rf"0.0 is not in the domain of (f|log): its value there is {value}"):
        plot_map(f, [1, 0])


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("scale", [1.0, -1.2345e-7])
def test_texts_lie_inside_the_ovals_and_apart(count: int, scale: float) -> None:
    axes = plot_map(lambda x: 1.2345e-9 * x, [scale * (index + 1 / 3) for index in range(count)])
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    boxes = [text.get_window_extent() for text in axes.texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    ovals = [patch for patch in axes.patches if not isinstance(patch, FancyArrowPatch)]
    assert len(ovals) == 2
    for index, box in enumerate(boxes[3:]):
        oval = ovals[index >= count]
        assert all(oval.contains_point(corner) for corner in box.corners())


def test_a_map_has_the_name_of_the_function() -> None:
    assert texts(plot_map(mg.floor, [0.5]))[:3] == ["domain", "codomain", "floor"]
    assert not plot_map(mg.floor, [0.5]).axison


# The number line


def heights(axes: Axes) -> list[np.ndarray]:
    return [np.array([y for _, y in places]) for places in dots(axes)]


@pytest.mark.parametrize("unit", [1.0, 1e-300, 1e300])
def test_numbers_of_both_ovals_stand_on_one_number_line(unit: float) -> None:
    axes = plot_map(lambda x: 2 * x, [-2 * unit, 0.0, 2 * unit])
    left, right = heights(axes)
    assert is_on_scale(axes)
    assert np.allclose(right - right[1], 2 * (left - left[1]))
    assert left[1] == right[1]
    left, right = heights(plot_map(lambda x: -x, [-1, 2]))
    assert np.allclose(left + right[::-1], 2 * left.mean() + 2 * (right.mean() - left.mean()) / 2)
    assert left[0] > right[0]


def test_differences_beyond_the_largest_float_are_on_scale() -> None:
    left, right = heights(plot_map(lambda x: x, [-1.7e308, 0, 1.7e308]))
    assert np.allclose(left, right)
    assert np.allclose(np.diff(left), 0.33)


@pytest.mark.parametrize("f", [mg.exp, lambda x: x / 1000, lambda x: x + 1e6])
def test_numbers_whose_dots_would_touch_are_listed_evenly(f: Any) -> None:
    axes = plot_map(f, range(6))
    assert not is_on_scale(axes)
    for places in heights(axes):
        assert np.allclose(np.diff(places), np.diff(places)[0])


@given(st.lists(st.floats(-10, 10), max_size=12).map(sorted), st.floats(0.01, 3))
def test_texts_are_moved_apart_and_no_farther_than_needed(wanted: list[float], distance: float) -> None:
    found = apart(wanted, distance)
    gaps = np.diff(found)
    assert (gaps >= distance * (1 - 1e-9) - 1e-9).all()
    start = 0
    for end in [*(np.flatnonzero(gaps > distance + 1e-9) + 1), len(found)]:
        if end > start:  # what touches has moved as one, and evenly to both sides
            assert sum(found[start:end]) == pytest.approx(sum(wanted[start:end]), abs=1e-6)
        start = end


# Words


class Suit(enum.Enum):
    """An enum to draw."""

    HEARTS = 1
    SPADES = 2


def test_words_are_listed_in_their_order_from_the_top() -> None:
    axes = plot_map({"▲": 3, "■": 4, "●": 0}.get, ["▲", "■", "●"])
    assert texts(axes)[3:] == ["●", "■", "▲", "0", "3", "4"]
    assert not is_on_scale(axes)
    left, right = dots(axes)
    assert arrows(axes) == [(left[0], right[0]), (left[1], right[2]), (left[2], right[1])]


def test_anything_hashable_is_an_element() -> None:
    axes = plot_map(lambda suit: (suit.name[0], 0.1 + 0.2), Suit)
    assert texts(axes)[3:] == ["SPADES", "HEARTS", "(S, 0.3)", "(H, 0.3)"]
    axes = plot_map(lambda thing: thing is None, [None, (1,), abs, frozenset()])
    assert texts(axes)[3:] == ["frozenset()", "abs", "(1,)", "None", "False", "True"]
    assert texts(plot_map(lambda x: x > 0, [-1, 1]))[3:] == ["-1", "1", "False", "True"]
    assert texts(plot_map(lambda x: mg.sin(x) > 0, [-1, 1]))[5:] == ["False", "True"]


def test_words_that_look_alike_are_told_apart() -> None:
    axes = plot_map(lambda x: x, [1, "1", "", " ", True, "a $b$\n" + 30 * "c"])
    assert texts(axes)[3:9] == ["1", r"a \$b\$ " + 17 * "c" + "…", "True", "' '", "''", "'1'"]
    assert len(set(texts(axes)[3:9])) == 6


def test_numbers_come_to_the_function_as_they_were_given() -> None:
    assert texts(plot_map(math.factorial, [0, 3]))[3:] == ["0", "3", "1", "6"]
    assert texts(plot_map([lambda n: n + 1, math.factorial], [0, 3]))[6:] == ["1", "4", "1", "24"]


def test_a_set_has_the_order_of_its_texts() -> None:
    assert texts(plot_map(str, {"b", "a", "c"}))[3:] == ["c", "b", "a"] * 2
    assert texts(plot_map(abs, {2, 1}))[3:] == ["1", "2"] * 2


# Codomain and chains


def test_elements_of_the_codomain_that_are_not_hit_are_hollow() -> None:
    axes = plot_map(lambda x: x**2, [-1, 0, 1], codomain=[4, 3, 2, 1, 0, -1])
    assert texts(axes)[6:] == ["-1", "0", "1", "2", "3", "4"]
    _, full, hollow = axes.lines
    assert (len(full.get_xdata()), len(hollow.get_xdata())) == (2, 4)  # type: ignore[arg-type]
    assert hollow.get_markerfacecolor() == "white"
    assert len(plot_map(abs, [-1, 0], codomain=[1, 0]).lines) == 2
    assert texts(plot_map(mg.sin, [math.pi, 0], codomain=[0, 1]))[5:] == ["0", "1"]
    assert texts(plot_map(lambda x: "odd", [1], codomain=["even", "odd"]))[4:] == ["odd", "even"]


def test_an_image_outside_of_the_codomain_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("f leads from 2.0 to 4.0, which is not in the codomain")):
        plot_map(lambda x: x**2, [1, 2], codomain=[1, 2, 3])
    with pytest.raises(ValueError, match=re.escape("f leads from b to B, which is not in the codomain")):
        plot_map(lambda x: x.upper(), ["a", "b"], codomain=["A", 1])


def test_a_chain_has_an_oval_more_for_each_function() -> None:
    axes = plot_map([lambda x: x + 1, abs, mg.sqrt], [-5, -1, 3])
    assert texts(axes)[:5] == ["domain", "codomain", "f", "abs", "sqrt"]
    assert texts(axes)[5:] == ["-5", "-1", "3", "-4", "0", "4", "0", "4", "0", "2"]
    first, second, third, last = ([*map(tuple, line.get_xydata())] for line in axes.lines)  # type: ignore[arg-type]
    assert [start for start, _ in arrows(axes)] == [*first, *second, *third]
    assert [end for _, end in arrows(axes)][-2:] == last
    for (_, end), dot in zip(arrows(axes)[:3], second, strict=True):
        assert end[0] < dot[0], "an arrow ends at the number, which stands before the dot"
        assert end[1] == pytest.approx(dot[1])
    assert is_on_scale(axes)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("width", [3.2, 8.0])
def test_titles_and_numbers_of_a_chain_lie_apart(count: int, width: float) -> None:
    def reciprocal(x: float) -> float:
        return 1 / x

    figure = pyplot.figure(figsize=(width, 2.4), layout="constrained")
    axes = plot_map([reciprocal] * count, [-4, -2, 1, 2, 3], ax=figure.subplots())
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


def test_what_a_chain_refuses_names_its_function() -> None:
    with pytest.raises(ValueError, match=re.escape("0.0 is not in the domain of log: its value there is -inf")):
        plot_map([abs, mg.log], [-1, 0])


def test_functions_without_a_name_are_told_apart_in_a_chain() -> None:
    def g(x: Any) -> Any:
        return x

    def names(*chain: Callable[[Any], Any]) -> list[str]:
        return texts(plot_map(chain, [1, 2]))[2 : 2 + len(chain)]

    assert names(lambda x: x, lambda x: x, g, lambda x: x) == ["f", "h", "g", "p"]
    double = lambda x: 2 * x  # noqa: E731
    assert names(double, abs, double) == ["f", "abs", "f"]
    with pytest.raises(ValueError, match=re.escape("0.0 is not in the domain of g: its value there is inf")):
        plot_map([lambda x: x - 1, lambda x: 1 / x], [1, 2])


def test_only_the_last_of_equal_functions_leads_into_the_codomain() -> None:
    axes = plot_map([abs, abs], [-1, 2], codomain=[1, 2, 3])
    assert texts(axes)[4:] == ["-1", "2", "1", "2", "1", "2", "3"]


@pytest.mark.parametrize(("f", "point"), [(math.log, 0), ({"a": 1}.__getitem__, "b")])
def test_where_a_function_raises_it_says_which_point_is_not_in_its_domain(f: Any, point: Any) -> None:
    with pytest.raises((ValueError, KeyError)) as caught:
        plot_map(f, [point])
    assert re.match(r"(0\.0|b) is not in the domain of (log|getitem__)", caught.value.__notes__[0])


def test_long_words_in_narrow_ovals_are_shortened_and_numbers_are_not() -> None:
    _, narrow = pyplot.subplots(figsize=(4.0, 3.0))
    axes = plot_map([str.upper, str.lower, len], ["a long sentence", "word"], ax=narrow)
    words = [text for text in axes.texts if "…" in text.get_text()]
    assert len(words) == 3
    assert all(float(text.get_fontsize()) > 6.0 for text in words)
    assert "0.001235" in texts(plot_map([lambda x: x / 810] * 4, [1]))


@pytest.mark.parametrize("result", [None, [1.0], {}, np.zeros(2)], ids=repr)
def test_what_is_not_hashable_or_forgotten_is_not_an_image(result: Any) -> None:
    with pytest.raises(TypeError, match="a map needs a function that returns one number, but f returned"):
        plot_map(lambda word: result, ["a"])
