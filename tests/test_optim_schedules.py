"""Schedules of learning rates and clipping of gradients: PyTorch's numbers, state, and what is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, optim

EPOCHS = 100


def decay(epoch: int) -> float:
    return 1.0 / (1.0 + 0.1 * epoch)


SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 30}),
    ("StepLR", {"step_size": 7, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [30, 80]}),
    ("MultiStepLR", {"milestones": [0, 5, 20, 20, 99], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.95}),
    ("CosineAnnealingLR", {"T_max": 100}),
    ("CosineAnnealingLR", {"T_max": 13, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.25, "end_factor": 0.75, "total_iters": 40}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
    ("LambdaLR", {"lr_lambda": decay}),
    ("LambdaLR", {"lr_lambda": [decay, lambda epoch: 0.99**epoch]}),
]

PLATEAUS: list[dict[str, Any]] = [
    {},
    {"factor": 0.5, "patience": 2},
    {"factor": 0.5, "patience": 0, "min_lr": [0.01, 0.0], "eps": 1e-4},
    {"mode": "max", "factor": 0.8, "patience": 3, "cooldown": 4},
    {"mode": "max", "threshold_mode": "abs", "threshold": 0.05, "factor": 0.9, "patience": 1, "min_lr": 0.02},
    {"threshold_mode": "abs", "threshold": 0.5, "factor": 0.9, "patience": 1},
]

# A loss that goes down, stays, jumps and is once nan.
LOSSES = [
    math.nan if epoch == 50 else 1.0 / (1 + epoch // 9) + 0.01 * (-1) ** epoch + (epoch in (30, 31)) * 5.0
    for epoch in range(EPOCHS)
]


def ours_and_theirs() -> tuple[Any, Any, Any]:
    """An optimiser of two groups, the same of PyTorch's, and PyTorch."""
    torch = pytest.importorskip("torch")
    groups = [{"lr": 0.1}, {"lr": 0.03}]
    ours = optim.SGD([{"params": [Value(1.0)], **group} for group in groups])
    return ours, torch.optim.SGD([{"params": [torch.zeros(1)], **group} for group in groups]), torch


def rates_of(optimizer: Any) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


def compare(ours: Any, theirs: Any, *schedules: Any, losses: list[float] | None = None) -> None:
    """Hold the learning rates of two optimisers together, epoch by epoch; one of them is changed by hand in between."""
    for epoch in range(EPOCHS):
        assert rates_of(ours) == pytest.approx(rates_of(theirs), rel=1e-12, abs=1e-15), epoch
        if epoch == 42:
            ours.param_groups[0]["lr"] = theirs.param_groups[0]["lr"] = 0.07
        theirs.step()  # PyTorch warns where it is not called
        for schedule in schedules:
            schedule.step(*([] if losses is None else [losses[epoch]]))


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_learning_rates_are_pytorchs(name: str, options: dict[str, Any]) -> None:
    ours, theirs, torch = ours_and_theirs()
    schedules = getattr(optim, name)(ours, **options), getattr(torch.optim.lr_scheduler, name)(theirs, **options)
    compare(ours, theirs, *schedules)
    assert schedules[0].get_last_lr() == rates_of(ours)
    assert schedules[0].last_epoch == EPOCHS


@pytest.mark.parametrize("options", PLATEAUS)
def test_learning_rates_on_a_plateau_are_pytorchs(options: dict[str, Any]) -> None:
    ours, theirs, torch = ours_and_theirs()
    schedules = optim.ReduceLROnPlateau(ours, **options), torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    compare(ours, theirs, *schedules, losses=LOSSES)
    assert rates_of(ours) != [0.1, 0.03]
    assert schedules[0].get_last_lr() == rates_of(ours)


def test_two_schedules_of_one_optimiser_multiply_as_in_pytorch() -> None:
    ours, theirs, torch = ours_and_theirs()
    both = [
        make(optimizer, **options)
        for module, optimizer in ((optim, ours), (torch.optim.lr_scheduler, theirs))
        for make, options in ((module.LinearLR, {"total_iters": 10}), (module.ExponentialLR, {"gamma": 0.9}))
    ]
    compare(ours, theirs, *both)


@pytest.mark.parametrize(
    "name", ["StepLR", "MultiStepLR", "ExponentialLR", "CosineAnnealingLR", "LinearLR", "LambdaLR"]
)
def test_names_order_and_defaults_of_arguments_are_those_of_pytorch(name: str) -> None:
    import inspect

    schedulers = pytest.importorskip("torch.optim.lr_scheduler")
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (optim, schedulers))
    assert [(each.name, each.default) for each in ours.values()] == [(e.name, e.default) for e in theirs.values()]


def test_arguments_on_a_plateau_are_those_of_pytorch() -> None:
    test_names_order_and_defaults_of_arguments_are_those_of_pytorch("ReduceLROnPlateau")


@pytest.mark.parametrize(("name", "options"), [*SCHEDULES, *(("ReduceLROnPlateau", each) for each in PLATEAUS[:2])])
def test_state_that_is_saved_goes_on_with_the_same_learning_rates(name: str, options: dict[str, Any]) -> None:
    def made() -> tuple[optim.Optimizer, Any]:
        optimizer = optim.SGD([{"params": [Value(1.0)]}, {"params": [Value(1.0)], "lr": 0.03}], lr=0.1)
        return optimizer, getattr(optim, name)(optimizer, **options)

    def rates(optimizer: optim.Optimizer, schedule: Any, losses: list[float]) -> list[list[float]]:
        found = []
        for loss in losses:
            schedule.step(*([loss] if name == "ReduceLROnPlateau" else []))
            found.append(rates_of(optimizer))
        return found

    first, second = made(), made()
    rates(*first, LOSSES[:20])
    for old, new in zip(first, second, strict=True):
        new.load_state_dict(json.loads(json.dumps(old.state_dict())))
    assert rates(*first, LOSSES[20:]) == rates(*second, LOSSES[20:])


def test_a_schedule_goes_on_after_an_epoch_as_pytorchs_does() -> None:
    ours, theirs, torch = ours_and_theirs()
    for optimizer in (ours, theirs):
        for group in optimizer.param_groups:
            group["initial_lr"] = 2.0 * group["lr"]
    schedules = [
        module.LinearLR(each, last_epoch=2) for module, each in ((optim, ours), (torch.optim.lr_scheduler, theirs))
    ]
    compare(ours, theirs, *schedules)


def test_schedules_change_the_learning_rate_of_nested_arrays_too() -> None:
    optimizer = optim.SGD(lr=1.0)
    schedule = optim.ExponentialLR(optimizer, 0.5)
    schedule.step()
    assert optimizer.update([1.0], optimizer.init([0.0]))[0] == [-0.5]


def sgd() -> optim.Optimizer:
    return optim.SGD([Value(1.0)], lr=0.1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.StepLR(None, 3), TypeError, "StepLR takes an optimiser first, not NoneType (None)"),  # type: ignore[arg-type]
        (lambda: optim.LambdaLR([], decay), TypeError, "LambdaLR takes an optimiser first, not list"),  # type: ignore[arg-type]
        (lambda: optim.StepLR(sgd(), 0), ValueError, "step_size must be a whole number of at least 1, not 0"),
        (lambda: optim.StepLR(sgd(), 3, -1.0), ValueError, "gamma must not be negative, but is -1.0"),
        (lambda: optim.MultiStepLR(sgd(), [-1]), ValueError, "each of the milestones must be a whole number of at"),
        (
            lambda: optim.MultiStepLR(sgd(), 3),  # type: ignore[arg-type]
            TypeError,
            "milestones must be a list of epochs, such as [30, 80], not int (3)",
        ),
        (lambda: optim.LambdaLR(sgd(), 0.9), TypeError, "lr_lambda must be a function, or 1 of them, not float (0.9)"),  # type: ignore[arg-type]
        (lambda: optim.LambdaLR(sgd(), [0.9]), TypeError, "lr_lambda[0] must be a function, not float (0.9)"),  # type: ignore[list-item]
        (
            lambda: optim.StepLR(sgd(), 3).load_state_dict({**optim.StepLR(sgd(), 3).state_dict(), "base_lrs": 0.1}),
            TypeError,
            "base_lrs in the state of StepLR must be a list, not float (0.1)",
        ),
        (lambda: optim.CosineAnnealingLR(sgd(), 0), ValueError, "T_max must be a whole number of at least 1, not 0"),
        (lambda: optim.LinearLR(sgd(), 0.0), ValueError, "start_factor must be more than 0 and at most 1, not 0.0"),
        (lambda: optim.LinearLR(sgd(), 1.0, 2.0), ValueError, "end_factor must be from 0 to 1, not 2.0"),
        (
            lambda: optim.LambdaLR(sgd(), [decay, decay]),
            ValueError,
            "lr_lambda must be a function, or 1 of them, not 2",
        ),
        (lambda: optim.LambdaLR(sgd(), lambda _: -1.0), ValueError, "LambdaLR gives in epoch 0 must not be negative"),
        (lambda: optim.LambdaLR(sgd(), lambda _: math.nan), ValueError, "must be a finite number, not nan"),
        (lambda: optim.ReduceLROnPlateau(sgd(), "least"), ValueError, "mode must be 'min' or 'max', not str ('least')"),
        (lambda: optim.ReduceLROnPlateau(sgd(), factor=1.0), ValueError, "factor must be less than 1, not 1.0"),
        (
            lambda: optim.ReduceLROnPlateau(sgd(), min_lr=[0.1, 0.2]),
            ValueError,
            "min_lr must be a number, or 1 of them",
        ),
        (lambda: optim.ReduceLROnPlateau(sgd()).step("low"), TypeError, "metrics must be a real number, not str"),  # type: ignore[arg-type]
        (lambda: optim.StepLR(sgd(), 3, last_epoch=4), ValueError, "to go on after epoch 4, StepLR needs the first"),
        (
            lambda: optim.StepLR(sgd(), 3).load_state_dict({}),
            ValueError,
            "the state of StepLR lacks 'base_lrs', 'gamma'",
        ),
    ],
)
def test_schedules_that_cannot_be_are_refused(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make()


GRADIENTS = [3.0, -4.0, 0.5, 12.0]


def leaves_with(gradients: list[float]) -> list[Value]:
    leaves = [Value(1.0) for _ in gradients]
    for leaf, gradient in zip(leaves, gradients, strict=True):
        leaf.grad = gradient
    return leaves


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, 0.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.7, 5.0, 1e3])
@pytest.mark.parametrize("gradients", [GRADIENTS, [0.0, 0.0], [1.0, math.inf], [math.nan, 1.0]])
def test_norms_and_what_is_clipped_by_them_are_pytorchs(
    gradients: list[float], max_norm: float, norm_type: float
) -> None:
    torch = pytest.importorskip("torch")
    tensors = [torch.zeros(1, dtype=torch.float64) for _ in gradients]
    for tensor, gradient in zip(tensors, gradients, strict=True):
        tensor.grad = torch.tensor([gradient], dtype=torch.float64)
    theirs = float(torch.nn.utils.clip_grad_norm_(tensors, max_norm, norm_type))
    expected = pytest.approx([float(tensor.grad) for tensor in tensors], rel=1e-12, nan_ok=True)
    leaves = leaves_with(gradients)
    assert optim.clip_grad_norm(leaves, max_norm, norm_type) == pytest.approx(theirs, rel=1e-12, nan_ok=True)
    assert [leaf.grad for leaf in leaves] == expected
    assert optim.clip_by_norm(gradients, max_norm, norm_type) == expected


@given(st.lists(st.floats(-1e300, 1e300, allow_subnormal=False), min_size=1), st.floats(1e-3, 1e3))
def test_no_norm_is_larger_than_allowed_and_directions_stay(gradients: list[float], max_norm: float) -> None:
    leaves = leaves_with(gradients)
    norm = optim.clip_grad_norm(leaves, max_norm)
    assert norm == pytest.approx(math.hypot(*gradients), rel=1e-12)
    clipped = [leaf.grad for leaf in leaves]
    assert math.hypot(*clipped) <= max_norm * (1 + 1e-12)
    if norm + 1e-6 <= max_norm:
        assert clipped == gradients
    else:
        factor = max_norm / (norm + 1e-6)
        assert clipped == pytest.approx([gradient * factor for gradient in gradients], rel=1e-12)


def test_gradients_are_clipped_by_value_of_leaves_and_in_nested_arrays() -> None:
    leaves = leaves_with([3.0, -4.0, 0.5, math.nan, -math.inf])
    optim.clip_grad_value({"w": leaves[:2], "b": leaves[2:]}, 1.0)
    assert str([leaf.grad for leaf in leaves]) == "[1.0, -1.0, 0.5, nan, -1.0]"
    clipped = optim.clip_by_value({"w": np.array([[3.0], [-4.0]]), "b": 0.5}, 1)
    assert (clipped["w"].tolist(), clipped["b"]) == ([[1.0], [-1.0]], 0.5)


@pytest.mark.parametrize(
    "wrapped", [list, mg.nn.Sequential, lambda leaves: optim.SGD(leaves), lambda leaves: {"w": leaves}]
)
def test_gradients_are_clipped_of_whatever_has_parameters(wrapped: Callable[[list[Value]], Any]) -> None:
    if wrapped is mg.nn.Sequential:
        model = mg.nn.Sequential(mg.nn.Neuron(2))
        leaves, params = model.parameters(), model
    else:
        leaves = [Value(1.0), Value(2.0)]
        params = wrapped(leaves)
    leaves[0].grad, leaves[1].grad = 3.0, -4.0
    assert optim.clip_grad_norm(params, 2.5) == 5.0
    assert [leaf.grad for leaf in leaves[:2]] == pytest.approx([1.5, -2.0], rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optim.clip_grad_norm([], 1.0), ValueError, "clip_grad_norm needs parameters, which are leaf Values"),
        (lambda: optim.clip_grad_norm([Value(1.0)], -1.0), ValueError, "max_norm must not be negative, but is -1.0"),
        (lambda: optim.clip_grad_norm([Value(1.0)], math.nan), ValueError, "max_norm must be a finite number, not nan"),
        (lambda: optim.clip_grad_norm([Value(1.0)], 1.0, 0.0), ValueError, "norm_type must be a positive number, such"),
        (
            lambda: optim.clip_grad_norm(optim.SGD(), 1.0),
            ValueError,
            "this SGD has no parameters to clip the gradients of",
        ),
        (lambda: optim.clip_grad_value([Value(1.0)], -1.0), ValueError, "clip_value must not be negative"),
        (lambda: optim.clip_by_norm([Value(1.0)], 1.0), TypeError, "the gradients must be numbers, but there is"),
        (
            lambda: optim.clip_grad_norm(leaves_with([math.inf]), 1.0, error_if_nonfinite=True),
            RuntimeError,
            "the norm of the gradients is inf, to which they cannot be clipped",
        ),
    ],
)
def test_what_cannot_be_clipped_is_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()
