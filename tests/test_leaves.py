"""The numbers and gradients of many leaves at once."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrady as mg
from microgrady import Value, leaves

COUNT = 5


def some() -> list[Value]:
    return [Value(float(k)) for k in range(COUNT)]


@pytest.mark.parametrize("buffer", [lambda: np.empty(COUNT), lambda: array("d", bytes(8 * COUNT))])
def test_numbers_and_gradients_come_in_order_into_any_buffer_of_float64(buffer: Callable[[], Any]) -> None:
    these = some()
    for k, leaf in enumerate(these):
        leaf.grad = 10.0 * k
    numbers, gradients = buffer(), buffer()
    leaves.read_numbers(these, numbers)
    leaves.read_gradients(these, gradients)
    assert list(numbers) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert list(gradients) == [0.0, 10.0, 20.0, 30.0, 40.0]


def test_numbers_that_are_written_are_the_data_of_the_leaves_with_all_bits() -> None:
    these = some()
    leaves.write_numbers(these, np.array([-0.0, np.nan, np.inf, 5e-324, 0.1]))
    assert str([leaf.data for leaf in these]) == "[-0.0, nan, inf, 5e-324, 0.1]"


def test_what_is_added_to_numbers_is_rounded_as_in_python() -> None:
    these = some()
    leaves.add_numbers(these, np.array([0.1, 0.2, -0.3, np.inf, 1e-17]))
    assert [leaf.data for leaf in these] == [0.0 + 0.1, 1.0 + 0.2, 2.0 - 0.3, np.inf, 4.0]


def test_gradients_are_added_replaced_and_cleared() -> None:
    these = some()
    leaves.add_gradients(these, np.arange(5.0))
    leaves.add_gradients(these, np.ones(5))
    assert [leaf.grad for leaf in these] == [1.0, 2.0, 3.0, 4.0, 5.0]
    read_only = np.full(5, 7.0)
    read_only.flags.writeable = False
    leaves.write_gradients(these, read_only)
    assert [leaf.grad for leaf in these] == [7.0] * 5
    leaves.clear_gradients(these)
    assert [leaf.grad for leaf in these] == [0.0] * 5


@pytest.mark.parametrize(
    "work",
    [leaves.read_numbers, leaves.write_numbers, leaves.add_numbers, leaves.read_gradients, leaves.write_gradients],
)
def test_another_number_of_leaves_is_refused(work: Callable[..., None]) -> None:
    with pytest.raises(ValueError, match="5 leaves need as many numbers, not 4"):
        work(some(), np.zeros(4))


def test_inside_compiled_functions_numbers_do_not_leave_silently() -> None:
    def detaching(x: Any) -> Any:
        leaves.read_numbers([x], numbers)
        return x * numbers[0]

    numbers = np.zeros(1)
    with pytest.raises(TypeError, match=r"v\.data"):
        mg.jit(detaching)(2.0)


def test_gradients_that_threads_add_all_count() -> None:
    these, ones = some(), np.ones(COUNT)

    def add() -> None:
        for _ in range(500):
            leaves.add_gradients(these, ones)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [leaf.grad for leaf in these] == [2000.0] * COUNT
