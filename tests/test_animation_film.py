"""Animations as GIFs and as still pictures: what the frames show, how large it is, and how long they take to make."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image, ImageChops

import microgrady as mg
from microgrady import Value
from microgrady.drawing.animation import film, player
from microgrady.drawing.animation.film import WIDTH, Film, is_seen_whole
from microgrady.drawing.animation.parts import COLOURS, size_of
from microgrady.drawing.animation.player import Animation
from tests.animations import image_of, network, neuron


@pytest.fixture(scope="module")
def animated() -> Animation:
    """A network that is wider than a frame."""
    return mg.animate(network(), direction="LR")


@pytest.fixture(scope="module")
def made(animated: Animation) -> Film:
    """Its film, one for all tests."""
    return animated._film(animated._picture)


@pytest.fixture(scope="module")
def gif(animated: Animation, made: Film) -> bytes:
    """Its GIF."""
    animated._film = lambda picture: made  # type: ignore[method-assign]
    return animated.gif()


@pytest.fixture(scope="module")
def frames(gif: bytes) -> list[Any]:
    image, found = image_of(gif), []
    for number in range(image.n_frames):
        image.seek(number)
        found.append(image.convert("RGB"))
    return found


def largest_difference(first: Any, second: Any) -> int:
    extrema: Any = ImageChops.difference(first, second).getextrema()
    return int(max(most for _, most in extrema))


def test_the_gif_of_a_network_is_small_enough_for_a_page(gif: bytes) -> None:
    assert len(gif) < 4_000_000


def test_the_gif_shows_each_step_long_enough(gif: bytes, made: Film) -> None:
    image = image_of(gif)
    assert image.n_frames == sum(map(len, made.views()))
    durations = []
    for frame in range(image.n_frames):
        image.seek(frame)
        durations.append(image.info["duration"])
    assert set(durations[:-1]) == {player.FRAME}
    assert durations[-1] == player.LAST_FRAME
    assert image.info["loop"] == 0


def test_texts_can_be_read_where_the_gif_is_600_pixels_wide(made: Film, frames: list[Any]) -> None:
    half = 600 / frames[0].width
    assert 14 * made.scale * half >= 11
    assert film.WIDTH / film.LETTERS_A_LINE * half >= 11
    assert {frame.size for frame in frames} == {(film.WIDTH, made.height)}


def test_what_a_step_computes_is_seen(animated: Animation, made: Film) -> None:
    views = made.views()
    for step, (view,) in zip(animated.steps[1:-1], views[1:-1], strict=True):
        assert view.size == made.window
        for part, mark in step.marks.items():
            if part.startswith("v") and mark == "target":
                assert view.around(made.areas[made.parts[part]]) == view
    cuts = sum(view != before for before, view in pairwise(views))
    assert cuts < len(animated.steps) / 2, "what is seen stays the same for some steps"


def test_the_first_and_the_last_step_show_all_leaves(animated: Animation, made: Film) -> None:
    first, *_, last = made.views()
    assert first == last[::-1]
    for leaf in animated.steps[-1].marks:
        assert any(view.around(made.areas[made.parts[leaf]]) == view for view in first)


@pytest.mark.parametrize("make", [network, lambda: mg.nn.MLP(2, [3, 1], seed=0)([0.5, -1.0])])
def test_a_network_goes_from_top_to_bottom_where_it_can_only_so_be_seen_whole(make: Callable[[], Value]) -> None:
    animated = mg.animate(make())
    film = animated._film(animated._for_frames())
    assert film.views() == [[film.whole]] * len(animated.steps)
    assert 14 * film.scale * 600 / WIDTH >= 9
    assert film.height * 600 / WIDTH < 800


def test_a_direction_that_was_asked_for_is_kept_in_lines_where_the_network_can_only_so_be_seen_whole() -> None:
    animated = mg.animate(network(), direction="LR")
    width, height = size_of(animated._picture)
    assert not is_seen_whole(width, height)
    in_lines = size_of(animated._for_frames())
    assert is_seen_whole(*in_lines)
    assert in_lines[0] < width
    assert in_lines[1] > height


def test_each_frame_is_the_whole_picture_rendered_anew(made: Film, frames: list[Any]) -> None:
    shown = [(number, view) for number, views in enumerate(made.views()) for view in views]
    for place in (len(frames) // 3, len(frames) - 2):
        number, view = shown[place]
        made.show(number)
        expected = made.palette.reduced(made.rendered(made.whole)).convert("RGB").crop(view)
        inside = (0, made.caption_height, expected.width, made.caption_height + expected.height)
        lines = (1, 1, expected.width - 1, expected.height - 1)  # without those that mark the ends of the picture
        difference = ImageChops.difference(frames[place].crop(inside).crop(lines), expected.crop(lines))
        assert sum(difference.convert("L").histogram()[40:]) < 0.001 * difference.width * difference.height


def test_the_gif_has_the_colours_of_the_steps(made: Film, frames: list[Any]) -> None:
    phases = [step.phase for step, views in zip(made.steps, made.views(), strict=True) for _ in views]
    for number in (0, len(frames) // 2, len(frames) - 1):
        colours = [colour for count, colour in frames[number].getcolors(1 << 24) if count > 20]
        for wanted in (COLOURS[phases[number]], "#ffffff"):
            channels = [int(wanted[i : i + 2], 16) for i in (1, 3, 5)]
            assert min(max(abs(a - b) for a, b in zip(channels, c, strict=True)) for c in colours) <= 3


def test_each_frame_of_the_gif_differs_from_the_one_before(frames: list[Any]) -> None:
    assert all(largest_difference(*pair) > 100 for pair in pairwise(frames))


def test_a_small_picture_is_shown_whole_and_a_box_in_the_colour_of_its_gradient() -> None:
    animated = mg.animate(Value(2.0, "x") * Value(-3.0, "y"))
    made = animated._film(animated._picture)
    *_, last = made.frames()
    assert made.views() == [[made.whole]] * len(animated.steps)
    colours = {colour for count, colour in last.convert("RGB").getcolors() if count > 1000}
    for part in animated.state(len(animated.steps) - 1).values():
        if "fill" in part:
            assert tuple(int(part["fill"][i : i + 2], 16) for i in (1, 3, 5)) in colours


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_long_formulas_stay_within_the_frame(direction: str) -> None:
    x, y = Value(2.0, "the learning rate of one"), Value(3.0, "W" * 24)
    animated = mg.animate(x * y, direction=direction)
    made = animated._film(animated._picture)
    for caption in (made.caption(3, film.WIDTH), image_of(made.still(3))):
        edge = caption.convert("L").crop((caption.width - 8, 0, caption.width, made.height_of(3, film.WIDTH)))
        assert edge.getextrema() == (255, 255)


def test_the_still_picture_is_the_last_step() -> None:
    animated = mg.animate(neuron())
    still = image_of(animated._film(animated._picture).still(len(animated.steps) - 1))
    assert still.format == "PNG"
    assert still.width == film.STILL_WIDTH
    assert largest_difference(still.convert("RGB"), Image.new("RGB", still.size, "white")) > 200
