"""What functions say of themselves, and whose code is being executed."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady.inputs import same_numbers
from microgrady.introspection import Parameters, frame_outside, is_code_of, name_of, parameters_of, signature_of


class Adder:
    """An object that can be called, and has a name that is not a str."""

    name = 3

    def __call__(self, x: float, /, y: float = 1.0, *, scale: float = 1.0) -> float:
        """Add, and scale."""
        return (x + y) * scale


def with_options(a: float, *rest: float, **options: float) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (math.sin, "sin"),
        (mg.sin, "sin"),
        (with_options, "with_options"),
        (lambda x: x, "<lambda>"),
        (functools.partial(math.pow, 2.0), "partial"),
        (Adder(), "Adder"),
    ],
)
def test_a_function_without_a_name_has_that_of_its_class(function: Callable[..., Any], name: str) -> None:
    assert name_of(function) == name


def test_the_default_stands_in_for_no_name_but_not_for_a_name() -> None:
    assert name_of(functools.partial(math.pow, 2.0), "f") == "f"
    assert name_of(math.sin, "f") == "sin"


def test_parameters_are_told_by_how_they_can_be_given() -> None:
    assert parameters_of(Adder()) == Parameters(["x", "y"], ["scale"], False)
    assert parameters_of(with_options) == Parameters(["a"], [], True)
    assert parameters_of(mg.atan2) == Parameters(["y", "x"], [], False)


@pytest.mark.parametrize("function", [operator.itemgetter, max, 3])
def test_what_tells_no_parameters_may_take_any(function: Any) -> None:
    if signature_of(function) is None:
        assert parameters_of(function) == Parameters([], [], True)


def test_the_code_outside_of_a_package_is_that_of_its_caller() -> None:
    def asked() -> Any:
        return frame_outside("tests.no_such_module", "test_introspection", __name__)

    frame = asked()
    assert frame is not None
    assert not is_code_of(frame, __name__)
    assert is_code_of(frame, "_pytest")
    assert not is_code_of(frame, "_pyte")


def test_numbers_are_the_same_in_their_places_and_nan_as_nan() -> None:
    assert same_numbers([1.0, math.nan, 0.0], [1.0, math.nan, -0.0])
    assert not same_numbers([1.0, math.nan], [math.nan, 1.0])
    with pytest.raises(ValueError, match="zip"):
        same_numbers([1.0], [1.0, 2.0])
