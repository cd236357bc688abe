"""Plots of functions as arrows between two sets."""

from __future__ import annotations

import itertools
import math

import pytest
from matplotlib import pyplot
from matplotlib.patches import FancyArrowPatch

import microgrady as mg
from microgrady import plot_map
from tests.figures import dots, texts

pytestmark = pytest.mark.usefixtures("without_windows")


def test_arrows_lead_from_each_point_to_its_image() -> None:
    axes = plot_map(lambda x: x**2, [1, -2, 2, 0, -1])
    left, right = dots(axes)
    assert texts(axes) == ["domain", "codomain", "f", "−2", "−1", "0", "1", "2", "0", "1", "4"]
    heads = [tuple(arrow._posA_posB) for arrow in axes.patches if isinstance(arrow, FancyArrowPatch)]  # type: ignore[attr-defined]
    assert heads == [
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
    assert texts(axes)[3:] == ["1", "2", "3", "−3", "−2", "−1"]


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
    assert texts(plot_map(abs, [1, 1.0, -1, 0.0, -0.0]))[3:] == ["−1", "0", "1", "0", "1"]


def test_infinity_is_an_image() -> None:
    assert texts(plot_map(lambda x: 1 / x, [0, 0.25]))[3:] == ["0", "0.25", "4", "∞"]


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
