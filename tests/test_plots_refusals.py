"""What plots refuse, and what the functions that they draw do wrong."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes

import microgrady as mg
from microgrady import Value, plot, plot_errors, plot_map, plot_surface
from microgrady.drawing.plotting import figures
from tests.figures import CALLS, bowl

pytestmark = pytest.mark.usefixtures("without_windows")

OF_ONE: dict[str, Callable[..., Axes]] = {
    "plot": lambda f, **options: plot(f, (1, 3), **options),
    "tangent": lambda f, **options: plot(f, (1, 3), tangent_at=2, **options),
    "plot_surface": lambda f, **options: plot_surface(lambda x, y: f(x), (1, 3), **options),
    "plot_map": lambda f, **options: plot_map(f, [1, 2], **options),
    "plot_errors": lambda f, **options: plot_errors(f, 1.5, **options),
}


@pytest.mark.parametrize("error", [ZeroDivisionError, ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("name", OF_ONE)
def test_an_error_in_the_function_surfaces_as_it_is(name: str, error: type[BaseException], tmp_path: Path) -> None:
    raised = error("mine")

    def f(x: Value) -> Value:
        raise raised

    with pytest.raises(error) as caught:
        OF_ONE[name](f, to=tmp_path / "z.png")
    assert caught.value is raised
    assert list(tmp_path.iterdir()) == []
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("name", "result"),
    [
        *itertools.product(OF_ONE, [None, [1.0], 1j, np.zeros(2)]),
        *((name, "text") for name in OF_ONE if name != "plot_map"),
    ],
)
def test_a_function_that_returns_no_number_is_refused(name: str, result: Any) -> None:
    with pytest.raises(TypeError, match=f"returns one number, but f returned {type(result).__name__}"):
        OF_ONE[name](lambda x: result)


@pytest.mark.parametrize("name", ["plot", "tangent", "plot_errors"])
def test_a_function_that_loses_the_derivative_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=re.escape("write mg.sin(...) for math.sin(...)")):
        OF_ONE[name](lambda x: math.sin(x))


@pytest.mark.parametrize("result", [True, np.float64(2.0), np.array(2.0), np.int64(2)], ids=repr)
@pytest.mark.parametrize("name", OF_ONE)
def test_all_kinds_of_numbers_are_numbers(name: str, result: Any) -> None:
    assert OF_ONE[name](lambda x: result)
    assert OF_ONE[name](lambda x: x * result)


def test_a_function_of_plain_numbers_can_be_drawn_without_derivatives_as_the_error_says() -> None:
    with pytest.raises(TypeError) as caught:
        plot(math.sin, (0, 1))
    assert caught.value.__notes__ == ["plot(..., derivatives=0) draws sin without its derivatives"]
    with pytest.raises(TypeError) as caught:
        plot(lambda x: "text", (0, 1))
    assert not hasattr(caught.value, "__notes__")


def test_a_function_that_is_finite_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("log has no finite value between -3.0 and -1.0")):
        plot(mg.log, (-3, -1))
    with pytest.raises(ValueError, match=re.escape("f has no finite value for x in (-3.0, -1.0) and y in (0.0, 1.0)")):
        plot_surface(lambda x, y: mg.log(x), (-3, -1), (0, 1))


# Bad input


NAN, INF = math.nan, math.inf
HALF = "0.5"
BAD: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "no function": (plot, (3, (0, 1)), {}, TypeError, "plot takes a function, not int (3)"),
    "no function of two": (plot_surface, (3, (0, 1)), {}, TypeError, "plot_surface takes a function, not int (3)"),
    "no function to map": (plot_map, ("sin", [1]), {}, TypeError, "plot_map takes a function, not str ('sin')"),
    "no function to err": (plot_errors, (None, 1), {}, TypeError, "plot_errors takes a function, not NoneType (None)"),
    "ends swapped": (plot, (abs, (3, -3)), {}, ValueError, "two finite numbers in ascending order, such as (-3, 3)"),
    "ends equal": (plot, (abs, (1, 1)), {}, ValueError, "ascending order, such as (-3, 3), not (1, 1)"),
    "three ends": (plot, (abs, (1, 2, 3)), {}, ValueError, "such as (-3, 3), not (1, 2, 3)"),
    "no ends": (plot, (abs, ()), {}, ValueError, "such as (-3, 3), not ()"),
    "an end is nan": (plot, (abs, (0, NAN)), {}, ValueError, "the two ends of the interval must be finite numbers"),
    "an end is inf": (plot, (abs, (0, INF)), {}, ValueError, "finite numbers, not tuple ((0, inf))"),
    "ends like a point": (plot, (abs, (0, 1e-320)), {}, ValueError, "the interval is too narrow"),
    "ends at a distance of rounding": (plot, (abs, (1, 1 + 1e-15)), {}, ValueError, "the interval is too narrow"),
    "nothing to come closer to": (mg.animate_zoom, (abs, (0, 1e-300), 0), {}, ValueError, "the interval is too narrow"),
    "ends too large": (plot, (abs, (0, 1e308)), {}, ValueError, "not reach beyond 1e+307"),
    "an interval of text": (plot, (abs, "ab"), {}, TypeError, "real numbers in a sequence, not str ('ab')"),
    "an end of text": (plot, (abs, (0, "b")), {}, TypeError, "real numbers in a sequence, not tuple ((0, 'b'))"),
    "a number as interval": (plot, (abs, 3), {}, TypeError, "real numbers in a sequence, not int (3)"),
    "a set as interval": (plot, (abs, {0, 1}), {}, TypeError, "real numbers in a sequence, not set"),
    "an end is a Value": (plot, (abs, (0, Value(1.0))), {}, TypeError, "real numbers in a sequence"),
    "derivatives below 0": (plot, (abs, (0, 1)), {"derivatives": -1}, ValueError, "an int from 0 to 4, not -1"),
    "derivatives above 4": (plot, (abs, (0, 1)), {"derivatives": 5}, ValueError, "an int from 0 to 4, not 5"),
    "derivatives no int": (plot, (abs, (0, 1)), {"derivatives": 1.0}, ValueError, "an int from 0 to 4, not 1.0"),
    "derivatives None": (plot, (abs, (0, 1)), {"derivatives": None}, ValueError, "an int from 0 to 4, not None"),
    "tangent outside": (plot, (abs, (0, 1)), {"tangent_at": 2}, ValueError, "from 0.0 to 1.0, and 2.0 does not"),
    "one outside": (plot, (abs, (0, 1)), {"tangent_at": [0.5, -1]}, ValueError, "from 0.0 to 1.0, and -1.0 does not"),
    "tangent at nan": (plot, (abs, (0, 1)), {"tangent_at": NAN}, ValueError, "tangent_at must be finite numbers"),
    "tangent at text": (plot, (abs, (0, 1)), {"tangent_at": HALF}, TypeError, "tangent_at must be real numbers"),
    "tangents nowhere": (plot, (abs, (0, 1)), {"tangent_at": []}, ValueError, "a number or several, and none came"),
    "secants alone": (plot, (abs, (0, 1)), {"secants": 3}, ValueError, "secants need the one point"),
    "two points": (plot, (abs, (0, 1)), {"secants": 3, "tangent_at": [0, 1]}, ValueError, "tangent_at has 2"),
    "no secants": (plot, (abs, (0, 1)), {"secants": 0, "tangent_at": HALF}, TypeError, "tangent_at must be real"),
    "secants 0": (plot, (abs, (0, 1)), {"secants": 0, "tangent_at": 0.5}, ValueError, "1 to 10 secants here, not 0"),
    "secants below 0": (plot, (abs, (0, 1)), {"secants": -2, "tangent_at": 0.5}, ValueError, "secants here, not -2"),
    "too many secants": (plot, (abs, (0, 1)), {"secants": 11, "tangent_at": 0.5}, ValueError, "secants here, not 11"),
    "secants empty": (plot, (abs, (0, 1)), {"secants": [], "tangent_at": 0.5}, ValueError, "secants here, not 0"),
    "secants no int": (plot, (abs, (0, 1)), {"secants": 2.5, "tangent_at": 0.5}, TypeError, "an int, or a sequence"),
    "secants True": (plot, (abs, (0, 1)), {"secants": True, "tangent_at": 0.5}, TypeError, "an int, or a sequence"),
    "a step of 0": (plot, (abs, (0, 1)), {"secants": [0], "tangent_at": 0.5}, ValueError, "a secant needs two points"),
    "a tiny step": (plot, (abs, (0, 1)), {"secants": [1e-20], "tangent_at": 0.5}, ValueError, "there is but one"),
    "a wide step": (plot, (abs, (0, 1)), {"secants": [0.7], "tangent_at": 0.5}, ValueError, "with the step 0.7"),
    "a step of nan": (plot, (abs, (0, 1)), {"secants": [NAN], "tangent_at": 0.5}, ValueError, "must be finite numbers"),
    "a step of text": (plot, (abs, (0, 1)), {"secants": "ab", "tangent_at": 0.5}, TypeError, "steps of secants must"),
    "ax no Axes": (plot, (abs, (0, 1)), {"ax": 3}, TypeError, "ax must be matplotlib Axes or None, not int (3)"),
    "panels no bool": (plot, (abs, (0, 1)), {"panels": 1}, TypeError, "panels is True or False, or None"),
    "Axes no Axes": (plot, (abs, (0, 1)), {"ax": [3, 4]}, TypeError, "ax must be matplotlib Axes, one for each panel"),
    "no Axes at all": (plot, (abs, (0, 1)), {"ax": []}, ValueError, "1 derivative in panels needs 2 Axes, not 0"),
    "y swapped": (plot_surface, (bowl, (0, 1), (1, 0)), {}, ValueError, "y_interval must be two finite numbers"),
    "x swapped": (plot_surface, (bowl, (1, 0)), {}, ValueError, "x_interval must be two finite numbers"),
    "x like a point": (plot_surface, (bowl, (1, 1 + 1e-15)), {}, ValueError, "x_interval is too narrow"),
    "y like a point": (plot_surface, (bowl, (0, 1), (0, 1e-300)), {}, ValueError, "y_interval is too narrow"),
    "path empty": (plot_surface, (bowl, (0, 1)), {"path": []}, ValueError, "at least one point, and there is none"),
    "path a number": (plot_surface, (bowl, (0, 1)), {"path": 3}, TypeError, "a sequence of points (x, y), not int (3)"),
    "path of numbers": (plot_surface, (bowl, (0, 1)), {"path": [1, 2]}, TypeError, "two coordinates of a point"),
    "path of triples": (plot_surface, (bowl, (0, 1)), {"path": [(1, 2, 3)]}, ValueError, "[1.0, 2.0, 3.0] has 3"),
    "path to nan": (plot_surface, (bowl, (0, 1)), {"path": [(0, NAN)]}, ValueError, "must be finite numbers"),
    "path of text": (plot_surface, (bowl, (0, 1)), {"path": "ab"}, TypeError, "a sequence of points (x, y), not str"),
    "an unknown kind": (plot_surface, (bowl, (0, 1)), {"kind": "3d"}, ValueError, "kind is 'contours' or 'surface'"),
    "unknown levels": (plot_surface, (bowl, (0, 1)), {"levels": 12}, ValueError, "levels is 'equal' or 'shares', not"),
    "a cut of no one": (plot_surface, (bowl, (0, 1)), {"cuts": {"z": 1}}, ValueError, "of f are 'x' and 'y'"),
    "a cut outside": (plot_surface, (bowl, (0, 1)), {"cuts": {"x": 2}}, ValueError, "x goes from 0.0 to 1.0, not 2.0"),
    "a cut at nan": (plot_surface, (bowl, (0, 1)), {"cuts": {"x": NAN}}, ValueError, "where x goes from 0.0 to 1.0"),
    "a cut at text": (plot_surface, (bowl, (0, 1)), {"cuts": {"x": "1"}}, TypeError, "number of the cut 'x' must be"),
    "cuts in a tuple": (plot_surface, (bowl, (0, 1)), {"cuts": (1, 0)}, TypeError, 'such as {"x": 0.5}, not tuple'),
    "no paths": (plot_surface, (bowl, (0, 1)), {"path": {}}, ValueError, "1 to 4 paths in a picture, not none"),
    "many paths": (plot_surface, (bowl, (0, 1)), {"path": [[(0, 0)]] * 5}, ValueError, "1 to 4 paths in a picture"),
    "an empty path": (plot_surface, (bowl, (0, 1)), {"path": {"a": []}}, ValueError, "at least one point"),
    "a path of digits": (plot_surface, (bowl, (0, 1)), {"path": {"a": "12"}}, TypeError, "a sequence of points (x, y)"),
    "points empty": (plot_map, (abs, []), {}, ValueError, "a map shows 1 to 12 points, not none"),
    "points too many": (plot_map, (abs, range(13)), {}, ValueError, "a map shows 1 to 12 points, not 13"),
    "a point of nan": (plot_map, (abs, [NAN]), {}, ValueError, "the points must be finite numbers"),
    "an infinite point": (plot_map, (abs, [INF]), {}, ValueError, "the points must be finite numbers"),
    "a point of lists": (plot_map, (abs, [[1]]), {}, TypeError, "real numbers or hashable things, such as words, not"),
    "a point a Value": (plot_map, (abs, [Value(1.0)]), {}, TypeError, "real numbers or hashable things, such as"),
    "points a number": (plot_map, (abs, 3), {}, TypeError, "the points must be a sequence, such as [1, 2, 3], not int"),
    "points of text": (plot_map, (abs, "abc"), {}, TypeError, "the points must be a sequence, such as [1, 2, 3], not"),
    "no codomain": (plot_map, (abs, [1]), {"codomain": []}, ValueError, "1 to 12 elements here, not none"),
    "a codomain of nan": (plot_map, (abs, [1]), {"codomain": [NAN]}, ValueError, "codomain must be finite numbers"),
    "an empty chain": (plot_map, ([], [1]), {}, ValueError, "a chain of 1 to 4 functions, not none"),
    "a long chain": (plot_map, ([abs] * 5, [1]), {}, ValueError, "a chain of 1 to 4 functions, not 5"),
    "a chain of text": (plot_map, (["sin"], [1]), {}, TypeError, "plot_map takes a function, not str ('sin')"),
    "the point nan": (plot_errors, (abs, NAN), {}, ValueError, "the point must be a finite number, not nan"),
    "the point inf": (plot_errors, (abs, INF), {}, ValueError, "the point must be a finite number, not inf"),
    "the point text": (plot_errors, (abs, "1"), {}, TypeError, "the point must be a real number, not str ('1')"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_any_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, args, options, error, sentence = BAD[name]
    for work in ("one_number", "value_at", "axes_to_draw_on"):
        monkeypatch.setattr(figures, work, None)
    called: list[Any] = []
    if callable(args[0]):
        args = (lambda x, y=0: called.append((x, y)), *args[1:])
    with pytest.raises(error, match=re.escape(sentence)):
        function(*args, **options)
    assert called == []
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("to", "error", "sentence"),
    [
        ("z.gif", ValueError, "'z.gif'"),
        ("z.bmp", ValueError, "ends in .svg, .png or .pdf, not 'z.bmp'"),
        ("z", ValueError, "not 'z'"),
        ("", ValueError, "not ''"),
        ("nowhere/z.svg", ValueError, "there is no folder 'nowhere' to write 'z.svg' into"),
        (3, TypeError, "path of a file, not int"),
        (b"z.svg", TypeError, "path of a file, not bytes"),
    ],
)
@pytest.mark.parametrize("name", OF_ONE)
def test_bad_targets_are_refused_before_any_work(
    name: str, to: Any, error: type[Exception], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    called: list[Any] = []
    with pytest.raises(error, match=re.escape(sentence)):
        OF_ONE[name](called.append, to=to)
    assert called == []
    assert list(tmp_path.iterdir()) == []


def test_a_gif_is_of_secants() -> None:
    with pytest.raises(ValueError, match=re.escape("a .gif shows secants one after the other, and 'z.gif' would have")):
        plot(abs, (0, 1), to="z.gif")
    with pytest.raises(ValueError, match=re.escape("ends in .svg, .png or .pdf, not 'z.gif'")):
        plot_surface(bowl, (0, 1), to="z.gif")


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("nowhere/z.gif", "there is no folder 'nowhere' to write 'z.gif' into"),
        ("z.bmp", "ends in .svg, .png, .pdf or .gif, not 'z.bmp'"),
        ("folder.gif", "'folder.gif' is a folder, not a file to write"),
    ],
)
def test_bad_targets_of_animations_are_refused(
    to: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(ValueError, match=re.escape(sentence)):
        CALLS["secants"](to=to)


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (lambda: plot(mg.log, (-1, 3), tangent_at=-0.5), "log has no tangent at -0.5: its value there is nan"),
        (lambda: plot(lambda x: 1 / x, (-1, 3), tangent_at=0), "f has no tangent at 0.0: its value there is inf"),
        (
            lambda: plot(mg.log, (-1, 3), tangent_at=1, secants=[-1.5]),
            "log has no secant from 1.0 to -0.5: its value there is nan",
        ),
        (lambda: plot_map(mg.log, [-1, 1]), "-1.0 is not in the domain of log: its value there is nan"),
        (lambda: plot_errors(mg.log, -1.0), "log and its derivative must be finite at -1.0, and are nan and"),
        (lambda: plot_errors(mg.sqrt, 0.0), "sqrt and its derivative must be finite at 0.0, and are 0.0 and inf"),
    ],
)
def test_points_outside_of_the_domain_are_refused(draw: Callable[[], Axes], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        draw()
    assert pyplot.get_fignums() == []
