"""The page of an animation in a browser: keys, buttons, paths, and how it looks."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.drawing.animation.player import Animation
from microgrady.value import topological_order
from tests.animations import image_of, loss, neuron

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


# The page in a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"there is no browser: none of {', '.join(BROWSERS)} is on the PATH")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open the page of an animation; in the end it must have asked for nothing and complained of nothing."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def opened(animated: Animation, **options: Any) -> Any:
        target = animated.save(tmp_path / "a.html")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if request.url != target.as_uri() else None)
        page.goto(target.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def shown_state(page: Any) -> dict[str, dict[str, str]]:
    """What the picture shows, in the form of `Animation.state`."""
    state: dict[str, dict[str, str]] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("#picture g[data-mark]")].map((part) => {
            const state = { pending: part.dataset.pending };
            if (part.querySelector(".gradient")) {
              state.value = part.querySelector(".value").textContent;
              state.gradient = part.querySelector(".gradient").textContent;
              state.fill = part.querySelector(".shape").getAttribute("fill");
              state.finite = part.dataset.finite;
            }
            return [part.id, state];
        }))"""
    )
    state.pop("graph0", None)
    return {part: shown for part, shown in state.items() if re.fullmatch(r"v\d+(-v\d+)?", part)}


def marks(page: Any) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('#picture g[data-mark]:not([data-mark=""])')]
               .map((part) => [part.id, part.dataset.mark]))"""
    )
    return found


def test_every_step_is_shown_as_it_was_recorded(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    count = len(animated.steps)
    for number, step in [*enumerate(animated.steps), *reversed(list(enumerate(animated.steps)))]:
        page.evaluate(f"go({number})")
        passing = f"{step.phase.capitalize()} pass, step {number + 1} of {count}"
        assert page.inner_text("#place") == passing
        assert page.inner_text("#formula") == step.formula
        assert page.inner_text("#note") == step.note
        assert page.locator("#slider").input_value() == str(number)
        assert page.get_attribute("#slider", "aria-valuetext") == passing
        assert shown_state(page) == animated.state(number)
        assert marks(page) == step.marks


def place(page: Any) -> int:
    return int(re.findall(r"\d+", page.inner_text("#place"))[0]) - 1


def test_keys(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    last = len(animated.steps) - 1
    places = []
    for key in ["ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home", "ArrowLeft", "Alt+ArrowRight"]:
        page.keyboard.press(key)
        places.append(place(page))
    assert places == [1, 2, 1, last, last, 0, 0, 0]


def test_the_slider_moves_by_one_step_for_one_key(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    assert place(page) == 1
    page.keyboard.press("ArrowUp")
    assert place(page) == 2
    page.locator("#slider").fill("5")
    assert place(page) == 5


def test_the_slider_shows_where_the_backward_pass_begins(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    image = image_of(page.locator("#slider").screenshot()).convert("RGB")
    row = [image.getpixel((x, image.height // 2)) for x in range(image.width)]
    blue = max(x for x, pixel in enumerate(row) if pixel == (0, 0x5A, 0x9C))
    orange = min(x for x, pixel in enumerate(row) if pixel == (0xA3, 0x3B, 0))
    centres = []
    for number in (3, 4):
        page.locator("#slider").fill(str(number))
        dark = image_of(page.locator("#slider").screenshot()).convert("L").crop((0, 0, image.width, 3))
        columns = [x for x in range(dark.width) if min(dark.getpixel((x, y)) for y in range(3)) < 100]
        centres.append(sum(columns) / len(columns))
    assert centres[0] < blue < orange < centres[1]


def test_buttons(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    last = len(animated.steps) - 1
    places = []
    for name in ["Next step", "Next step", "Previous step", "Last step", "First step"]:
        page.get_by_role("button", name=name).click()
        places.append(place(page))
    assert places == [1, 2, 1, last, 0]
    page.keyboard.press("Space")
    assert page.inner_text("#play") == "Play", "the space key presses the button that has the focus"


def test_play_goes_through_all_steps_and_stops(open_page: Open) -> None:
    animated = mg.animate(neuron())
    page = open_page(animated)
    page.clock.install()
    page.reload()
    page.keyboard.press("Space")
    seen = [place(page)]
    assert page.inner_text("#play") == "Pause"
    for _ in range(len(animated.steps)):
        page.clock.run_for(2500)
        seen.append(place(page))
    last = len(animated.steps) - 1
    assert seen == [*range(1, last + 1), last, last]
    assert page.inner_text("#play") == "Play"
    page.get_by_role("button", name="Play").click()
    assert place(page) == 0, "after the last step it begins anew"


def test_pause_and_any_move_stop_it(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    page.clock.install()
    page.reload()
    for stop in ("#play", "#previous"):
        page.click("#play")
        page.click(stop)
        stopped = place(page)
        page.clock.run_for(10_000)
        assert place(page) == stopped
        assert page.inner_text("#play") == "Play"


def seen(page: Any) -> tuple[float, float, float]:
    """Where the middle of what is seen lies, and how large a point is."""
    page.wait_for_function("view === target || (view.x === target.x && view.scale === target.scale)")
    x, y, scale = page.evaluate("[view.x, view.y, view.scale]")
    return x, y, scale


def point_under(page: Any, x: float, y: float) -> tuple[float, float]:
    """The point of the picture at a place of the window."""
    box = page.locator("#picture").bounding_box()
    middle_x, middle_y, scale = seen(page)
    return (
        middle_x + (x - box["x"] - box["width"] / 2) / scale,
        middle_y + (y - box["y"] - box["height"] / 2) / scale,
    )


def is_whole(page: Any) -> bool:
    return not page.get_by_role("button", name="Whole picture").is_enabled()


def test_the_wheel_zooms_at_the_mouse(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    assert is_whole(page)
    box = page.locator("#v3").bounding_box()
    x, y = box["x"] + 5, box["y"] + 5
    before = point_under(page, x, y)
    page.mouse.move(x, y)
    for _ in range(3):
        page.mouse.wheel(0, -100)
    page.wait_for_function("!seesWhole")
    assert point_under(page, x, y)[0] == pytest.approx(before[0], abs=0.5)
    for _ in range(9):
        page.mouse.wheel(0, 200)
    page.wait_for_function("seesWhole")


def test_a_drag_moves_what_is_seen_and_no_further_than_the_picture(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()), reduced_motion="reduce")
    page.locator("#v3").dblclick()
    x, _, scale = seen(page)
    assert scale == pytest.approx(2 * page.evaluate("wholeScale()"))
    box = page.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 250, box["y"] + 110, steps=3)
    assert seen(page)[0] == pytest.approx(x + 50 / scale, abs=1)
    page.mouse.move(box["x"] - 9000, box["y"], steps=3)
    page.mouse.up()
    assert seen(page)[0] == pytest.approx(page.evaluate("left + width") - box["width"] / scale / 2, abs=1)
    page.keyboard.press("0")
    assert is_whole(page)


def test_two_fingers_zoom(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()), has_touch=True, viewport={"width": 400, "height": 720})
    box = page.locator("#picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = point_under(page, x, y)
    touch = page.context.new_cdp_session(page)
    for kind, apart in (
        ("touchStart", 40),
        ("touchMove", 60),
        ("touchMove", 80),
        ("touchMove", 120),
        ("touchEnd", None),
    ):
        points = [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert seen(page)[2] == pytest.approx(3 * page.evaluate("wholeScale()"), rel=0.2)
    assert point_under(page, x, y) == pytest.approx(before, abs=5)


def test_buttons_and_keys_of_the_view(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()), reduced_motion="reduce")
    start = seen(page)
    page.get_by_role("button", name="Zoom in").click()
    close = seen(page)
    assert close[2] > start[2]
    page.keyboard.press("+")
    page.keyboard.press("-")
    assert seen(page) == pytest.approx(close)
    page.keyboard.press("Shift+ArrowRight")
    assert seen(page)[0] > close[0]
    assert place(page) == 0, "with the Shift key an arrow moves the view, not the step"
    page.get_by_role("button", name="Whole picture").click()
    assert seen(page) == pytest.approx(start)


def test_a_large_picture_follows_the_step_until_it_is_moved_by_hand(open_page: Open) -> None:
    output = mg.sin(Value(1.0, "x"))
    for _ in range(40):
        output = mg.sin(output)
    page = open_page(mg.animate(output), reduced_motion="reduce", viewport={"width": 600, "height": 720})
    following = page.get_by_role("button", name="Follow the step")
    assert following.get_attribute("aria-pressed") == "true"
    assert is_whole(page)
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        assert seen(page)[2] >= page.evaluate("LEGIBLE")
        boxes = [page.locator(f"#{part}").bounding_box() for part in marks(page) if part.startswith("v")]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 600 for box in boxes)
    page.keyboard.press("End")
    assert is_whole(page)
    page.keyboard.press("+")
    assert following.get_attribute("aria-pressed") == "false"
    by_hand = seen(page)
    page.keyboard.press("ArrowLeft")
    assert seen(page) == by_hand
    page.keyboard.press("f")
    assert following.get_attribute("aria-pressed") == "true"
    assert seen(page) != by_hand


def lit(page: Any) -> set[str]:
    return set(page.evaluate("() => [...document.querySelectorAll('.lit')].map((part) => part.id)"))


WAY_OF_W = {"v1", "v1-v3", "v3", "v3-v4", "v4", "v4-v5", "v5"}
PATHS_OF_W = [
    "One path leads from w to y. Its product of local derivatives is the gradient of w:",
    "w → v1 → v2 → y: 2 · 1 · 0.501 = 1.002",
]


def test_pointing_at_a_box_lights_up_its_paths(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    assert lit(page) == set()
    page.hover("#v1")
    assert lit(page) == WAY_OF_W
    assert page.locator("#paths p").all_inner_texts() == PATHS_OF_W
    assert page.evaluate("getComputedStyle(document.getElementById('v2')).opacity") == "0.15"
    assert page.evaluate("getComputedStyle(document.getElementById('v5')).opacity") == "1"
    page.mouse.move(*page.evaluate("[stage.getBoundingClientRect().left + 2, stage.getBoundingClientRect().top + 2]"))
    assert lit(page) == set()
    page.hover("#v5")
    assert lit(page) == {"v5"}
    page.hover("#formula")
    assert lit(page) == set()


def test_the_tab_key_does_what_the_mouse_does(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "v1":
            break
        assert page.evaluate("document.activeElement.id") in lit(page)
    assert lit(page) == WAY_OF_W
    assert page.locator("#paths p").all_inner_texts() == PATHS_OF_W
    page.keyboard.press("ArrowRight")
    assert place(page) == 1
    assert lit(page) == WAY_OF_W
    page.focus("#next")
    assert lit(page) == set()


def test_a_touch_does_what_the_mouse_does(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()), has_touch=True, viewport={"width": 400, "height": 720})
    page.locator("#v1").tap()
    assert lit(page) == WAY_OF_W
    page.locator("#formula").tap()
    assert lit(page) == set()


def test_all_paths_light_up(open_page: Open) -> None:
    page = open_page(mg.animate(loss()))
    page.hover("#v1")
    order = topological_order(loss())
    squares = next(index for index, value in enumerate(order) if value.operands == (order[1], order[1]))
    assert order[1].label == "w1"
    assert {f"v1-v{squares}", f"v{squares}", f"v{len(order) - 1}"} <= lit(page)
    assert page.inner_text("#paths").count("→ L:") == 2


def test_a_screen_reader_is_told(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()))
    assert page.get_attribute("#step", "aria-live") == page.get_attribute("#paths", "aria-live") == "polite"
    assert page.get_by_role("slider", name="Step").count() == 1
    assert page.get_by_role("group", name="Steps").get_by_role("button").count() == 5
    assert page.get_by_role("group", name="View").get_by_role("button").count() == 4
    assert page.get_by_role("img", name="w, value -3, gradient not known yet").count() == 1
    page.keyboard.press("End")
    assert page.get_by_role("img", name="w, value -3, gradient 1.002").count() == 1


@pytest.mark.parametrize("label", ["</script><script>throw 1", "<b>", "<!-- record -->", "a & b", "'\"`${x}\\"])
def test_labels_appear_as_they_are(label: str, open_page: Open) -> None:
    page = open_page(mg.animate(Value(2.0, label) * 1))
    name = label if len(label) <= 24 else label[:23] + "…"
    assert page.inner_text("#formula") == f"{name} = 2"
    assert page.title() == "v1: forward and backward pass"
    assert page.locator("#v0").get_attribute("aria-label").startswith(f"{name}, value 2")
    assert page.locator("script").count() == 2
    page.hover("#v0")
    assert name in page.inner_text("#paths")


@pytest.mark.filterwarnings("ignore:no font on this machine")
@pytest.mark.parametrize("label", ["a\0b", "a\ud800b", "\t", "日本語", "µ σ²"])
def test_labels_of_unusual_characters(label: str, open_page: Open) -> None:
    animated = mg.animate(Value(2.0, label) * 1)
    page = open_page(animated)
    assert page.inner_text("#formula") == animated.steps[0].formula
    assert len(animated.gif()) > 1000


def colours_of(png: bytes) -> dict[tuple[int, int, int], int]:
    image = image_of(png).convert("RGB")
    return {colour: count for count, colour in image.getcolors(1 << 24)}


def test_pixels(open_page: Open) -> None:
    page = open_page(mg.animate(neuron()), reduced_motion="reduce")
    start = colours_of(page.screenshot())
    assert start[0, 0x5A, 0x9C] > 1000
    assert start[255, 255, 255] < 0.99 * 1280 * 800
    assert (0x6B, 0xAE, 0xE2) not in start
    page.keyboard.press("End")
    end = colours_of(page.screenshot())
    assert end[0x6B, 0xAE, 0xE2] > 1000, "the colour of the largest gradient, which is negative"
    assert end[0xA3, 0x3B, 0] > 1000


def test_reduced_motion_has_no_transitions(open_page: Open) -> None:
    duration = "getComputedStyle(document.querySelector('#v1 .shape')).transitionDuration"
    assert open_page(mg.animate(neuron())).evaluate(duration) != "0s"
    assert open_page(mg.animate(neuron()), reduced_motion="reduce").evaluate(duration) == "0s"


@pytest.mark.parametrize("width", [320, 400])
def test_in_a_narrow_window_nothing_is_cut_and_the_step_is_in_view(width: int, open_page: Open) -> None:
    page = open_page(mg.animate(neuron()), viewport={"width": width, "height": 720}, reduced_motion="reduce")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for key in ["Home", *["ArrowRight"] * 9]:
        page.keyboard.press(key)
        if target := [part for part, mark in marks(page).items() if mark == "target" and part.startswith("v")]:
            box = page.locator(f"#{target[0]}").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("width", [400, 1280])
def test_the_picture_stays_where_it_is_from_step_to_step(width: int, open_page: Open) -> None:
    animated = mg.animate(loss())
    page = open_page(animated, viewport={"width": width, "height": 800})
    tops = set()
    for _ in animated.steps:
        tops.add(page.evaluate("stage.getBoundingClientRect().top"))
        page.evaluate("go(position + 1)")
    assert len(tops) == 1


@pytest.mark.parametrize(("width", "height"), [(400, 720), (700, 400)])
def test_a_page_of_plots_has_no_gap_below_the_picture(width: int, height: int, browser: Any, tmp_path: Path) -> None:
    mg.animate_zoom(lambda x: x**2, (0, 2), 1, closer=2, to=tmp_path / "zoom.html")
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto((tmp_path / "zoom.html").as_uri())
    page.wait_for_function("byId('picture').complete")
    picture, title = (page.locator(part).bounding_box() for part in ("#picture", "#title"))
    assert title["y"] - picture["y"] - picture["height"] < 20
    assert picture["height"] <= 0.76 * width
    assert page.inner_text("#title").count("\n") == 1
    assert page.evaluate("document.documentElement.scrollHeight") <= height
    page.close()


def test_the_page_works_inside_a_notebook(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "notebook.html").write_text(mg.animate(neuron())._repr_html_(), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "notebook.html").as_uri())
    player = page.frame_locator("iframe")
    player.get_by_role("button", name="Last step").click()
    assert player.locator("#formula").inner_text() == mg.animate(neuron()).steps[-1].formula
    page.close()


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
@pytest.mark.parametrize("around", ["", "<style>:root { color-scheme: dark; background: black }</style>"])
def test_in_a_notebook_the_still_picture_is_seen_until_there_is_a_step(
    around: str, colour_scheme: str, browser: Any
) -> None:
    shown = mg.animate(neuron())._repr_html_()
    never_ready = shown.replace("documentElement.classList.add", "documentElement.matches")
    still = re.sub("<iframe.*</iframe>", "", shown, flags=re.DOTALL)
    context = browser.new_context(color_scheme=colour_scheme)
    page = context.new_page()
    pictures = []
    for content in (never_ready, still, shown):
        page.set_content(around + content)
        page.wait_for_function("document.querySelector('img').complete")
        page.frame_locator("iframe").locator("#formula").wait_for(state="attached") if content is not still else None
        pictures.append(page.locator("img").screenshot())
    context.close()
    assert pictures[0] == pictures[1] != pictures[2]
