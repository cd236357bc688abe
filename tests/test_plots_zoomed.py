"""Curves from closer and closer: that they become their tangents, or stay bent."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import animate_zoom
from microgrady.drawing.plotting import films


def test_each_window_is_narrower_around_the_point_which_stays_where_it_is() -> None:
    film = animate_zoom(lambda x: x**2, (0, 3), 1, closer=10)
    assert film.widths[0] == 3.0
    assert film.widths[-1] == pytest.approx(0.3)
    assert all(0.49 < b / a * math.sqrt(0.5) <= 0.51 for a, b in zip(film.widths[:-2], film.widths[1:-1], strict=True))
    places = set()
    for number, width in enumerate(film.widths):
        axes = film.show(number)
        (low, high), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert high - low == pytest.approx(width)
        places.add((round((1 - low) / width, 9), round((1 - bottom) / (top - bottom), 9)))
        assert f"window is {width:.3g} wide" in axes.get_title() == film.titles[number]
    assert len(places) == 1


@given(st.floats(-2, 2), st.floats(0.1, 5))
@settings(max_examples=5)
def test_the_distance_from_the_tangent_of_a_parabola(x: float, bend: float) -> None:
    film = animate_zoom(lambda t: bend * t * t, (x - 1, x + 1), x, closer=8)
    for number, width in enumerate(film.widths):
        bottom, top = film.show(number).get_ylim()
        share = 100 * bend * (width / 2) ** 2 / (top - bottom)
        found = re.search(r"up to (.*)% of its height", film.titles[number])
        assert found is None or float(found[1]) == pytest.approx(share, rel=0.06)


@pytest.mark.parametrize(
    ("f", "x", "label"), [(mg.sin, 1, "tangent: slope 0.5403"), (mg.cbrt, 0, "tangent: slope ∞"), (mg.exp, 2, "7.389")]
)
def test_a_curve_becomes_its_tangent(f: Any, x: float, label: str) -> None:
    film = animate_zoom(f, (-1, 2), x)
    assert "differ by up to" in film.titles[0]
    assert all("cannot be told apart" not in title for title in film.titles[:-1])
    assert film.titles[-1].endswith("curve and tangent cannot be told apart")
    found = film.show(0).get_legend()
    assert found is not None
    assert label in found.get_texts()[1].get_text()


@pytest.mark.parametrize(("f", "kind"), [(lambda x: abs(x) + x * x, "kink"), (mg.floor, "jump")])
def test_a_kink_stays_a_kink_and_a_jump_a_jump(f: Any, kind: str) -> None:
    film = animate_zoom(f, (-1, 1), 0)
    assert film.titles[0] == f"the window is 2 wide\na {kind}, and no tangent"
    assert film.titles[-1] == f"1024 times closer: the window is 0.00195 wide\nstill a {kind}, and no tangent"


def test_the_first_window_of_an_upright_tangent_differs_by_all_of_its_width() -> None:
    film = mg.animate_zoom(mg.sqrt, (0, 2), 0, closer=2)
    assert film.titles[0].endswith("differ by up to 100% of its width")
    with pytest.raises(ValueError, match="the point must lie in the interval from"):
        mg.animate_zoom(mg.sqrt, (0, 2), 3)


def test_a_straight_line_is_its_own_tangent() -> None:
    assert len(animate_zoom(lambda x: 2 * x, (0, 1), 0.5).widths) == 1


def test_it_is_written_and_shown_in_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "PAGE_DOTS", 30)
    film = animate_zoom(mg.sin, (-1, 2), 1, closer=2, to=tmp_path / "z.gif")
    with PIL.Image.open(tmp_path / "z.gif") as gif:
        assert gif.n_frames == len(film.widths) == 3  # type: ignore[attr-defined]
    page = film.save(tmp_path / "z.html").read_text(encoding="utf-8")
    assert "<title>A curve from closer and closer</title>" in page
    assert page.count("2 times closer") == 1
    assert "prefers-color-scheme: dark" in page
    assert "white" not in page.split("<style>")[1].split("</style>")[0].replace("white-space", ""), "paper may be dark"
    assert set(film._repr_mimebundle_()) == {"text/html", "image/png"}


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"f": 3}, TypeError, "animate_zoom takes a function"),
        ({"interval": (1, 0)}, ValueError, "in ascending order"),
        ({"x": 3}, ValueError, "must lie in the interval from 0.0 to 2.0, and 3.0 does not"),
        ({"x": [1]}, TypeError, "the point must be a real number"),
        ({"closer": 1}, ValueError, "closer must be a number from 2 to 1.04858e+06, not 1"),
        ({"to": "z.png"}, ValueError, "ends in .html or .gif"),
        ({"f": mg.log, "x": 0}, ValueError, "log has no tangent at 0.0: its value there is -inf"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], error: type[Exception], sentence: str) -> None:
    arguments: dict[str, Any] = {"f": mg.sin, "interval": (0, 2), "x": 1} | change
    with pytest.raises(error, match=re.escape(sentence)):
        animate_zoom(**arguments)
