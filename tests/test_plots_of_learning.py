"""Pictures of models that learn: what they show is what the model gives, and files are whole or not there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.contour import QuadContourSet

import microgrady as mg
from microgrady import Value, animate_training, plot_decision, plot_gradients, plot_history, plot_weights
from microgrady.drawing.learning import models
from microgrady.drawing.learning.decisions import CLASS_COLOURS, MARKERS
from tests.figures import data, legend

pytestmark = pytest.mark.usefixtures("without_windows")

CORNERS, XOR = [(1, 1), (-1, -1), (1, -1), (-1, 1)], [1, 1, 0, 0]


def saddle(x: Any, y: Any) -> Any:
    return x * y


def sectors(count: int) -> Callable[[Any], list[Any]]:
    """As many numbers as there are classes; the largest is that of the direction which is nearest."""
    turns = [2 * math.pi * place / count for place in range(count)]
    return lambda p: [4 * (p[0] * math.cos(turn) + p[1] * math.sin(turn)) for turn in turns]


def around(count: int) -> np.ndarray:
    turns = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


def regions(axes: Axes) -> tuple[np.ndarray, np.ndarray]:
    """The colours of the regions, and where their middles are."""
    (image,) = axes.images
    colours = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    rows, columns, _ = colours.shape
    x = left + (right - left) * (np.arange(columns) + 0.5) / columns
    y = bottom + (top - bottom) * (np.arange(rows) + 0.5) / rows
    return colours.reshape(-1, 3), np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def class_of(colours: np.ndarray) -> np.ndarray:
    """Which class's colour each is a shade of; -1 for white."""
    tints = 1.0 - np.array([to_rgb(colour) for colour in CLASS_COLOURS])
    depth = 1.0 - colours
    size = np.linalg.norm(depth, axis=1, keepdims=True)
    cosines = depth @ (tints / np.linalg.norm(tints, axis=1, keepdims=True)).T / np.where(size > 0, size, 1.0)
    return np.where(size[:, 0] > 0, cosines.argmax(axis=1), -1)


def boundary(axes: Axes) -> np.ndarray:
    found = [
        path.vertices for each in axes.collections if isinstance(each, QuadContourSet) for path in each.get_paths()
    ]
    return np.concatenate([np.asarray(vertices) for vertices in found])


# Decisions


def test_regions_are_those_of_the_sign_and_the_boundary_is_where_the_model_is_zero() -> None:
    def model(p: Any) -> Any:
        return 3 * mg.tanh(p[0]) - p[1]

    axes = plot_decision(model, CORNERS, XOR)
    colours, places = regions(axes)
    assert np.array_equal(class_of(colours), np.tanh(places[:, 0]) * 3 > places[:, 1])
    line = boundary(axes)
    assert len(line) > 100
    assert np.abs(3 * np.tanh(line[:, 0]) - line[:, 1]).max() < 1e-3


@pytest.mark.parametrize("count", [2, 3, 10])
def test_regions_of_several_classes_are_those_of_the_largest(count: int) -> None:
    axes = plot_decision(sectors(count), around(count), range(count))
    colours, places = regions(axes)
    outputs = np.stack(sectors(count)(places.T), axis=1)
    apart = np.diff(np.sort(outputs, axis=1)[:, -2:]).ravel() > 1e-9
    assert np.array_equal(class_of(colours)[apart], outputs.argmax(axis=1)[apart])
    ranked = np.sort(np.stack(sectors(count)(boundary(axes).T), axis=1), axis=1)
    assert np.abs(ranked[:, -1] - ranked[:, -2]).max() < 0.15
    assert axes.get_title() == f"right about {count} of {count} points (100%)"


def test_colours_are_the_stronger_the_surer_the_model() -> None:
    colours, places = regions(plot_decision(lambda x, y: 4 * x, CORNERS, XOR))
    depth = np.linalg.norm(1.0 - colours, axis=1)
    right = places[:, 0] > 0
    order = np.argsort(places[right, 0])
    assert (np.diff(depth[right][order]) > -1e-12).all()
    assert depth[right].max() > 2 * depth[right].min() > 0.1


def test_a_model_that_is_not_compiled_decides_as_the_same_that_is() -> None:
    compiled = plot_decision(lambda x, y: mg.sinh(x) - y, CORNERS, XOR)
    by_itself = plot_decision(lambda x, y: math.sinh(x) - y, CORNERS, XOR)
    for axes in (compiled, by_itself):
        colours, places = regions(axes)
        assert np.array_equal(class_of(colours), np.sinh(places[:, 0]) > places[:, 1])
    assert len(regions(by_itself)[0]) < len(regions(compiled)[0])


def test_without_a_compiler_a_model_runs_point_by_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "ask", lambda subject: 1 / 0)
    colours, places = regions(plot_decision(saddle, CORNERS, XOR))
    assert np.array_equal(class_of(colours), places.prod(axis=1) > 0)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([1, 1, 0, 0], ["0", "1"]),
        ([1.0, 1.0, -1.0, -1.0], ["-1", "1"]),
        ([True, True, False, False], ["False", "True"]),
        (np.array([[1], [1], [0], [0]], dtype=np.uint8), ["0", "1"]),
        (["yes", "yes", "no", "no"], ["no", "yes"]),
        ([("b", 1), ("b", 1), ("a", 2), ("a", 2)], ["('a', 2)", "('b', 1)"]),
        ([Value(1.0), Value(1.0), Value(0.0), Value(0.0)], ["0", "1"]),
        ([1, 1, 1, 1], ["0", "1"]),
        (["$x$", "$x$", "_", "_"], [r"\$x\$", "'_'"]),
        ([7, 7, None, None], ["7", "None"]),
    ],
    ids=repr,
)
def test_labels_of_any_kind_name_two_classes(labels: Any, names: list[str]) -> None:
    axes = plot_decision(saddle, CORNERS, labels)
    assert legend(axes) == names


def markers(axes: Axes) -> list[Any]:
    return [each for each in axes.collections if not isinstance(each, QuadContourSet)]


def test_each_class_has_its_colour_and_its_marker() -> None:
    axes = plot_decision(sectors(10), around(10), range(10))
    shapes = {np.asarray(each.get_paths()[0].vertices).tobytes() for each in markers(axes)}
    colours = {tuple(face(each)) for each in markers(axes)}
    assert len(shapes) == len(colours) == len(MARKERS) == len(CLASS_COLOURS) == 10
    assert [each.get_offsets().tolist() for each in markers(axes)] == around(10)[:, None].tolist()


# How colours look to those who lack one kind of cone, from linear RGB to linear RGB: Machado, Oliveira and Fernandes,
# "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), severity 1.
VISIONS = {
    "all cones": np.eye(3),
    "no red": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "no green": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "no blue": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}


def cie_lab(linear: np.ndarray) -> np.ndarray:
    """Colours in CIE L*a*b*, in which 2 or so is the least distance that is seen."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.clip(xyz @ linear, 1e-3, None) / xyz.sum(axis=1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_of_classes_differ_for_every_kind_of_colour_vision(vision: str) -> None:
    rgb = np.array([to_rgb(colour) for colour in CLASS_COLOURS])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.array([cie_lab(VISIONS[vision] @ colour) for colour in linear])
    distances = np.linalg.norm(seen[:, None] - seen, axis=-1) + 1000 * np.eye(len(seen))
    assert distances.min() > 14
    assert distances[:4, :4].min() > 25


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("points", [CORNERS, np.stack(np.meshgrid(*[np.linspace(0, 1, 12)] * 2), -1).reshape(-1, 2)])
def test_the_legend_covers_no_point_and_is_in_the_figure(points: Any, layout: Any) -> None:
    figure, ax = pyplot.subplots(layout=layout)
    labels = [place % 2 for place in range(len(points))]
    axes = plot_decision(lambda p: p[0] - p[1], points, labels, ax=ax)
    assert axes is ax
    figure.draw_without_rendering()
    found = axes.get_legend()
    assert found is not None
    box = found.get_window_extent()
    assert box.count_contains(axes.transData.transform(points)) == 0
    assert figure.bbox.x1 >= box.x1
    assert figure.bbox.x0 <= box.x0


def test_two_of_many_features_are_drawn_and_the_others_are_at_their_mean() -> None:
    X = np.array([(1.0, 5.0, 1.0), (-1.0, 7.0, -1.0), (1.0, 9.0, -1.0), (-1.0, 3.0, 1.0)])
    axes = plot_decision(lambda p: p[0] * p[2] + p[1] - 6.0, X, XOR, features=(0, -1))
    colours, places = regions(axes)
    assert np.array_equal(class_of(colours), places.prod(axis=1) > 0)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x0", "x2")
    assert axes.get_title() == "right about 2 of 4 points (50%)"  # the points have features of their own


def test_the_columns_of_a_table_name_the_axes() -> None:
    pandas = pytest.importorskip("pandas")
    axes = plot_decision(saddle, pandas.DataFrame(CORNERS, columns=["width", "height"]), pandas.Series(XOR))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("width", "height")


def test_what_is_nan_is_white_and_not_right() -> None:
    axes = plot_decision(lambda x, y: mg.log(x) * y, CORNERS, XOR)
    colours, places = regions(axes)
    assert np.array_equal(class_of(colours) == -1, places[:, 0] < 0)
    assert axes.get_title().startswith("right about 1 of 4")


@pytest.mark.parametrize("score", [0.0, 1.0, math.inf, -1e-320, math.nan])
def test_a_model_that_knows_nothing_has_no_boundary(score: float) -> None:
    axes = plot_decision(lambda p: score, CORNERS, XOR)
    assert len(markers(axes)) == len(axes.collections)


NAN = math.nan
BAD: dict[str, tuple[Any, Any, Any, dict[str, Any], type[Exception], str]] = {
    "no model": (3, CORNERS, XOR, {}, TypeError, "plot_decision takes a function, not int (3)"),
    "lengths": (saddle, CORNERS, [0, 1], {}, ValueError, "X has 4 points and y 2 labels"),
    "one column": (saddle, [[1], [2]], [0, 1], {}, ValueError, "two features or more, and X has the shape (2, 1)"),
    "numbers": (saddle, [1, 2], [0, 1], {}, ValueError, "two features or more, and X has the shape (2,)"),
    "ragged": (saddle, [[1, 2], [2]], [0, 1], {}, TypeError, "all of the same length, not list"),
    "text": (saddle, "ab", [0, 1], {}, TypeError, "X must be rows of numbers, one for each point, not str ('ab')"),
    "texts": (saddle, [["a", "b"]], [0], {}, TypeError, "X must be rows of numbers"),
    "empty": (saddle, [], [], {}, ValueError, "at least one point, and X has none"),
    "nan": (saddle, [(0, 1), (NAN, 1)], [0, 1], {}, ValueError, "X must have finite numbers up to 1e+300, and row 1"),
    "nan label": (saddle, CORNERS, [0, 1, NAN, 1], {}, ValueError, "that of point 2 is nan"),
    "list label": (saddle, CORNERS, [0, 1, [], 1], {}, TypeError, "a label must be hashable"),
    "one label": (saddle, CORNERS, 1, {}, TypeError, "y must be a sequence of labels, one for each point, not int"),
    "three classes": (saddle, CORNERS, [0, 1, 2, 2], {}, ValueError, "apart, by the sign of its number, and y has 3"),
    "unknown class": (saddle, CORNERS, list("aaaa"), {}, ValueError, "and y has 1 different labels"),
    "more classes": (sectors(11), CORNERS, XOR, {}, ValueError, "up to 10 classes apart, and f gives 11 numbers"),
    "features": (lambda p: p[0], [(1, 2, 3)], [0], {}, ValueError, "X has 3 features, and a picture shows two: choose"),
    "same": (saddle, CORNERS, XOR, {"features": (1, -1)}, ValueError, "different columns of X, of 0 to 1, not (1, -1)"),
    "far": (saddle, CORNERS, XOR, {"features": (0, 2)}, ValueError, "two different columns of X"),
    "one": (saddle, CORNERS, XOR, {"features": 1}, TypeError, "features must be the numbers of two columns of X"),
    "no Axes": (saddle, CORNERS, XOR, {"ax": 3}, TypeError, "ax must be matplotlib Axes or None, not int (3)"),
    "ending": (saddle, CORNERS, XOR, {"to": "a.bmp"}, ValueError, "ends in .svg, .png or .pdf, not 'a.bmp'"),
    "gives text": (lambda p: "a", CORNERS, XOR, {}, TypeError, "one number or a list of numbers, and f gave str ('a')"),
    "gives None": (lambda p: None, CORNERS, XOR, {}, TypeError, "and f gave NoneType (None)"),
    "gives a dict": (lambda p: {"a": p[0]}, CORNERS, XOR, {}, TypeError, "and f gave dict"),
    "gives nothing": (lambda p: [], CORNERS, XOR, {}, TypeError, "and f gave list ([])"),
    "gives rows": (lambda p: [[p[0], p[1]]], CORNERS, XOR, {}, TypeError, "and f gave list"),
    "gives j": (lambda p: 1j, CORNERS, XOR, {}, TypeError, "and f gave complex (1j)"),
    "not alike": (lambda p: [1.0] * (2 + (p[0] > 0)), CORNERS, XOR, {}, ValueError, "as many numbers for each point"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_to_be_decided_about_is_refused(name: str) -> None:
    model, X, y, options, error, sentence = BAD[name]
    with pytest.raises(error, match=re.escape(sentence)):
        plot_decision(model, X, y, **options)
    assert pyplot.get_fignums() == []


# Histories


def falling(epochs: int) -> list[float]:
    return [2.0 ** (-12 * epoch / epochs) for epoch in range(epochs)]


@pytest.mark.parametrize("epochs", [1, 2, 200])
def test_loss_and_accuracy_are_drawn_by_epoch_counted_from_one(epochs: int) -> None:
    shares = [1 - loss / 2 for loss in falling(epochs)]
    loss, accuracy = plot_history({"loss": falling(epochs), "accuracy": shares})
    for axes, numbers in ((loss, falling(epochs)), (accuracy, shares)):
        x, y = data(axes, "training")
        assert x.tolist() == list(range(1, epochs + 1))
        assert y.tolist() == numbers
    assert loss.get_xlim() == accuracy.get_xlim()
    assert (loss.get_ylabel(), accuracy.get_ylabel(), accuracy.get_xlabel()) == ("loss", "accuracy", "epoch")
    accuracy.figure.figure.draw_without_rendering()
    ticks = [tick for tick in accuracy.get_xticks() if accuracy.get_xlim()[0] <= tick <= accuracy.get_xlim()[1]]
    assert ticks
    assert all(tick == round(tick) for tick in ticks)


def test_the_best_epoch_is_that_of_the_validation() -> None:
    history = {"loss": [4, 3, 2, 1], "validation_loss": [4, 2.5, 2.5, 6], "validation_accuracy": [0.5, 0.75, 0.7, 0.6]}
    loss, accuracy = plot_history(history)
    assert legend(loss) == ["training", "validation", "best epoch: 2, validation loss 2.5"]
    assert legend(accuracy) == ["validation", "best epoch: 2, validation accuracy 75%"]
    x, y = data(loss, legend(loss)[-1])
    assert (x.tolist(), y.tolist()) == ([2.0], [2.5])


class Recorded:
    """A history as `fit` returns it."""

    loss = (3.0, 2.0)
    accuracy = validation_loss = validation_accuracy = ()
    stopped = "patience"


def test_a_history_may_be_an_object_and_have_no_accuracy() -> None:
    (loss,) = plot_history(Recorded())
    assert legend(loss) == ["training", "best epoch: 2, loss 2"]
    assert loss.get_title() == "stopped after 2 epochs: patience"


@pytest.mark.parametrize(
    ("losses", "scale"), [([1, 0.01], "log"), ([1, 0.2], "linear"), ([1, 0.01, 0], "linear"), ([1, -5], "linear")]
)
def test_losses_of_different_sizes_have_a_logarithmic_scale(losses: list[float], scale: str) -> None:
    assert plot_history({"loss": losses})[0].get_yscale() == scale


def test_what_is_not_finite_is_left_out() -> None:
    (loss,) = plot_history({"loss": [3.0, math.nan, 2.0, math.inf], "accuracy": [None] * 4})
    assert legend(loss) == ["training", "best epoch: 3, loss 2"]
    assert np.isnan(data(loss, "training")[1]).tolist() == [False, True, False, True]


def test_a_history_is_drawn_on_the_axes_that_are_given() -> None:
    _, given = pyplot.subplots(1, 2)
    assert plot_history({"loss": [1], "accuracy": [1]}, axes=given) == tuple(given)
    assert plot_history({"loss": [1]}, axes=given[0]) == (given[0],)


BAD_HISTORIES: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "empty": ({"loss": []}, {}, ValueError, "the history has no epochs"),
    "no loss": ({"accuracy": [1]}, {}, TypeError, "a dict with a list called loss, not dict"),
    "a number": (3, {}, TypeError, "plot_history takes what fit returned or a dict with a list called loss, not int"),
    "unknown": ({"loss": [1], "val_loss": [1]}, {}, ValueError, "and 'val_loss' is not one of them"),
    "lengths": ({"loss": [1, 2], "accuracy": [1]}, {}, ValueError, "and loss has 2 and accuracy 1"),
    "texts": ({"loss": ["a"]}, {}, TypeError, "loss of a history must be a list of numbers"),
    "text": ({"loss": "12"}, {}, TypeError, "loss of a history must be a list of numbers"),
    "all nan": ({"loss": [NAN]}, {}, ValueError, "no loss of the history is a finite number"),
    "no Axes": ({"loss": [1]}, {"axes": 3}, TypeError, "axes must be matplotlib Axes, one for each panel, or None"),
    "ending": ({"loss": [1]}, {"to": "a.gif"}, ValueError, "ends in .svg, .png or .pdf, not 'a.gif'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_HISTORIES)
def test_what_is_not_a_history_is_refused(name: str) -> None:
    history, options, error, sentence = BAD_HISTORIES[name]
    with pytest.raises(error, match=re.escape(sentence)):
        plot_history(history, **options)
    assert pyplot.get_fignums() == []


def test_a_history_with_accuracy_needs_two_axes() -> None:
    with pytest.raises(ValueError, match="this history has loss and accuracy, and so needs 2 Axes, not 1"):
        plot_history({"loss": [1], "accuracy": [1]}, axes=pyplot.subplots()[1])


# Weights


def network(*sizes: int) -> Any:
    """A network whose weights are 1, -2, 3, -4, ... and whose biases are zero."""
    model = mg.nn.MLP(sizes[0], sizes[1:], seed=0)
    weights = [value for name, value in model.named_parameters() if not name.endswith("b")]
    for place, value in enumerate(weights, 1):
        value.data = float(place if place % 2 else -place)
    return model


def test_images_are_the_weights_of_each_neuron() -> None:
    model = network(6, 3, 2)
    axes = plot_weights(model, shape=(2, 3))
    found = [np.asarray(image.get_array()) for image in axes.images]
    assert [each.ravel().tolist() for each in found] == [[w.data for w in n.w] for n in model.layers[0].neurons]
    assert {each.shape for each in found} == {(2, 3)}
    assert [text.get_text() for text in axes.texts] == ["0", "1", "2"]
    assert axes.images[0].get_clim() == (-18.0, 18.0)


def test_a_model_is_a_heat_map_a_layer_with_the_biases_below() -> None:
    model = network(2, 3, 1)
    model.layers[1].neurons[0].b.data = 100.0
    axes = plot_weights(model)
    found = [np.asarray(image.get_array()).tolist() for image in axes.images]
    assert found == [[[1, 3, 5], [-2, -4, -6]], [[0, 0, 0]], [[7], [-8], [9]], [[100]]]
    assert {image.get_clim() for image in axes.images} == {(-100.0, 100.0)}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["layer 0\n2 → 3", "layer 1\n3 → 1"]


@pytest.mark.parametrize(
    ("thing", "cells"),
    [
        (mg.nn.Neuron(2, seed=1), [2, 1]),
        (mg.nn.Layer(2, 3, seed=1), [6, 3]),
        ({"W": np.eye(3), "b": [1.0, 2.0]}, [9, 2]),
        ([[Value(1.0), Value(math.nan)]], [2]),
    ],
    ids=["a neuron", "a layer", "a matrix and a vector", "a list"],
)
def test_whatever_has_parameters_has_a_heat_map(thing: Any, cells: list[int]) -> None:
    axes = plot_weights(thing)
    assert [np.size(np.asarray(image.get_array())) for image in axes.images] == cells
    low, high = axes.images[0].get_clim()
    assert low == -high < 0.0


BAD_WEIGHTS: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "a number": (3, {}, TypeError, "plot_weights takes a model, a layer, or something nested"),
    "text": ("ab", {}, TypeError, "plot_weights takes a model, a layer, or something nested"),
    "a class": (mg.nn.MLP, {}, TypeError, "plot_weights takes a model, a layer, or something nested"),
    "nothing": (mg.nn.Module(), {}, ValueError, "plot_weights needs parameters, and this Module has none"),
    "shape": (network(6, 3), {"shape": (8, 8)}, ValueError, "need 64 weights a neuron, and there are 6 in layer 0"),
    "one side": (network(6, 3), {"shape": 6}, ValueError, "shape must be the height and the width of images"),
    "no side": (network(6, 3), {"shape": (6, 0)}, ValueError, "such as (8, 8), not (6, 0)"),
    "no Axes": (network(6, 3), {"ax": "a"}, TypeError, "ax must be matplotlib Axes or None, not str ('a')"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_what_has_no_weights_is_refused(name: str) -> None:
    thing, options, error, sentence = BAD_WEIGHTS[name]
    with pytest.raises(error, match=re.escape(sentence)):
        plot_weights(thing, **options)
    assert pyplot.get_fignums() == []


# Gradients


def face(dots: Any) -> list[float]:
    found: list[float] = dots.get_facecolor()[0].tolist()
    return found


def heights(axes: Axes, label: str) -> list[float]:
    """The heights of the dots of the first layer, and of the others that the legend does not name again."""
    (kind,) = [face(each) for each in axes.collections if each.get_label() == label]
    alike = [np.asarray(each.get_offsets()) for each in axes.collections if face(each) == kind]
    return sorted(float(y) for each in alike for _, y in each.tolist())


def test_each_gradient_is_a_dot_and_zeros_are_named() -> None:
    model = network(2, 3, 1)
    for place, value in enumerate(model.parameters(), 1):
        value.grad = -float(place)
    for value in [*model.layers[0].neurons[1].parameters(), model.layers[0].neurons[2].w[0]]:
        value.grad = 0.0
    axes = plot_gradients(model)
    assert heights(axes, "weight") == [1.0, 2.0, 8.0, 10.0, 11.0, 12.0]
    assert heights(axes, "bias") == [3.0, 9.0, 13.0]
    assert legend(axes) == ["weight", "bias", "some are zero", "dead: all are zero", "median"]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["layer 0\n4 of 9 are zero\ndead: 1", "layer 1"]
    assert axes.get_yscale() == "log"


def test_gradients_of_anything_nested_have_no_dead_units() -> None:
    first, second, third = Value(1.0), Value(2.0), Value(3.0)
    first.grad, second.grad, third.grad = 1e-310, 3.0, math.inf
    axes = plot_gradients({"w": [first, second], "b": third})
    assert [label.get_text() for label in axes.get_xticklabels()] == ["w", "b\n1 of 1 not finite"]


def test_gradients_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("the gradients of all 13 parameters are zero: call backward()")):
        plot_gradients(network(2, 3, 1))
    with pytest.raises(
        TypeError, match="plot_gradients needs parameters that are Values, which have gradients, not float"
    ):
        plot_gradients([1.0, 2.0])
    assert pyplot.get_fignums() == []


# Trainings


def train(model: Any = None, **options: Any) -> Any:
    X, y = mg.data.xor(24, seed=1)
    model = mg.nn.MLP(2, [3, 1], seed=2) if model is None else model
    return animate_training(model, mg.nn.binary_cross_entropy, X, y, batch_size=8, **{"progress": False, **options})


def test_a_training_is_shown_frame_by_frame(tmp_path: Path) -> None:
    model, told = mg.nn.MLP(2, [3, 1], seed=2), []
    film = train(model, epochs=5, frames=3, to=tmp_path / "film.gif", callback=lambda state: told.append(state.epoch))
    assert film.epochs == [0, 2, 5]
    assert told == [0, 1, 2, 3, 4, 5]
    assert len(film.history.loss) == 5
    with PIL.Image.open(tmp_path / "film.gif") as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]
        assert image.info["loop"] == 0
    for number, epochs in enumerate(film.epochs):
        axes = film.show(number)
        decisions, losses = axes.figure.axes
        assert decisions is axes
        assert axes.get_title().startswith(f"epoch {epochs}: right about ")
        assert data(losses, "training")[1].tolist() == film.history.loss[:epochs]
    colours, places = regions(axes)
    assert np.array_equal(class_of(colours), [model(place).data > 0 for place in places.tolist()])


def test_the_page_of_a_training_needs_nothing_else(tmp_path: Path) -> None:
    film = train(epochs=2, frames=2)
    page = film.save(tmp_path / "film.html").read_text(encoding="utf-8")
    assert page == film.page()
    assert not re.search(r"(src|href)=\"?http|@import|url\(", page)
    found = re.search(r'<script type="application/json" id="record">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    record = json.loads(found[1])
    assert len(record["pictures"]) == len(record["titles"]) == 2
    assert record["titles"][1].startswith("epoch 2: right about")
    shown = film._repr_mimebundle_()
    assert "<iframe sandbox='allow-scripts'" in shown["text/html"]
    assert shown["image/png"] == record["pictures"][1]


def test_a_training_that_ends_early_is_shown_to_its_end() -> None:
    film = train(epochs=50, frames=3, callback=lambda state: state.epoch == 4)
    assert film.epochs == [0, 4]
    assert film.history.stopped == "callback"


BAD_TRAININGS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "ending": ({"to": "film.mp4"}, ValueError, "the name of an animation ends in .html or .gif, not 'film.mp4'"),
    "folder": ({"to": "nowhere/film.gif"}, ValueError, "there is no folder 'nowhere' to write 'film.gif' into"),
    "one frame": ({"frames": 1}, ValueError, "frames must be an int from 2 to 200, not int (1)"),
    "no frames": ({"frames": None}, ValueError, "frames must be an int from 2 to 200, not NoneType (None)"),
    "no model": ({"model": 3}, TypeError, "animate_training takes a function, not int (3)"),
    "epochs": ({"epochs": "a"}, TypeError, "epochs must be an int, not str"),
    "a text": ({"model": lambda p: "a"}, TypeError, "animate_training needs a model that gives one number"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_TRAININGS)
def test_what_is_not_a_training_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options, error, sentence = BAD_TRAININGS[name]
    with pytest.raises(error, match=re.escape(sentence)):
        train(**options)
    assert list(tmp_path.iterdir()) == []


# Files


PICTURES: dict[str, Callable[..., Any]] = {
    "decision": lambda **options: plot_decision(saddle, CORNERS, XOR, **options),
    "history": lambda **options: plot_history({"loss": [2, 1], "accuracy": [0, 1]}, **options),
    "weights": lambda **options: plot_weights(network(2, 3, 1), **options),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_written_as_a_whole_and_the_same_again(name: str, tmp_path: Path) -> None:
    once, again = tmp_path / "once.svg", tmp_path / "again.svg"
    PICTURES[name](to=once)
    PICTURES[name](to=again)
    assert once.read_bytes() == again.read_bytes()
    assert once.read_bytes().startswith(b"<?xml")
    assert sorted(tmp_path.iterdir()) == [again, once]
    assert pyplot.get_fignums() == []


def test_a_picture_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"before")

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="the disk is full"):
        PICTURES["history"](to=target)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_legend_beside_the_picture_is_in_it_as_a_whole() -> None:
    X, y = mg.data.spiral(300, classes=5)
    names = np.array(["an apple", "a banana with a long name", "kiwi", "plum", "pear"])
    axes = mg.plot_decision(lambda x: [x[0], x[1], x[0] + x[1], -x[0], -x[1]], X, names[y])
    axes.figure.figure.draw_without_rendering()
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_window_extent().x1 <= axes.figure.bbox.width
