"""Learning rates that change from epoch to epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from microgrady.inputs import describe, is_iterable, require_number
from microgrady.optim.optimizer import Optimizer
from microgrady.optim.options import choice, finite, not_negative, require_names, whole


class LRScheduler:
    """A schedule of learning rates, which `step()` assigns to the groups of an optimiser.

    It begins with the first epoch's when it is made; `step()` is called after each epoch. Schedules multiply what is
    there, so that an optimiser can have two of them, such as one to warm up and one to decay.

    Args:
        optimizer: The optimiser.
        last_epoch: The epoch that was the last one; -1 before the first. Others need an optimiser whose state was
            loaded.

    Attributes:
        optimizer: The optimiser.
        base_lrs: The learning rates of its groups before any schedule.
        last_epoch: How often the schedule was asked since the first epoch.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = _require_optimizer(optimizer, type(self).__name__)
        last_epoch = whole(last_epoch, "last_epoch", -1)
        for place, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(
                    f"to go on after epoch {last_epoch}, {type(self).__name__} needs the first learning rate: load the "
                    f"optimiser's state first, or assign param_groups[{place}]['initial_lr']"
                )
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._assign(self._first_rate)

    def step(self) -> None:
        """Go to the next epoch, and give the optimiser its learning rates.

        Raises:
            ValueError: A learning rate would be negative or nan.
        """
        self.last_epoch += 1
        self._assign(self._rate)

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return what it takes to go on later, plain numbers, strings and lists; functions are not among it."""
        kept = vars(self).items()
        return {name: thing for name, thing in kept if name != "optimizer" and not name.startswith("_")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from where another schedule of its kind was. The optimiser has its learning rates in its own state.

        Args:
            state_dict: What `state_dict` returned.

        Raises:
            TypeError: It is not a dict.
            ValueError: It is that of another kind of schedule, or of another number of groups.
        """
        what = f"the state of {type(self).__name__}"
        require_names(state_dict, {*self.state_dict()}, what)
        rates = "min_lrs" if "min_lrs" in state_dict else "base_lrs"
        if not isinstance(state_dict[rates], (list, tuple)):
            raise TypeError(f"{rates} in {what} must be a list, not {describe(state_dict[rates])}")
        there, here = (len(rates) for rates in (state_dict[rates], getattr(self, rates)))
        if there != here:
            raise ValueError(f"{what} is of {there} groups of parameters, but its optimiser has {here}")
        vars(self).update(state_dict)

    def _assign(self, rate: Callable[[int, float, float], float]) -> None:
        what = f"the learning rate that {type(self).__name__} gives in epoch {self.last_epoch}"
        groups = self.optimizer.param_groups
        rates = [
            not_negative(rate(place, group["lr"], base), what)
            for place, (group, base) in enumerate(zip(groups, self.base_lrs, strict=True))
        ]
        for group, lr in zip(groups, rates, strict=True):
            group["lr"] = lr

    def _first_rate(self, place: int, lr: float, base: float) -> float:
        """Return the learning rate of a group when the schedule is made."""
        return lr

    def _rate(self, place: int, lr: float, base: float) -> float:
        """Return the learning rate of a group in the epoch that has come.

        Args:
            place: Which group it is.
            lr: The learning rate that it has.
            base: That before any schedule.
        """
        raise NotImplementedError


def _require_optimizer(optimizer: Any, whose: str) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{whose} takes an optimiser first, not {describe(optimizer)}")
    return optimizer


class StepLR(LRScheduler):
    """Learning rates that are multiplied by gamma every few epochs.

    Args:
        optimizer: The optimiser.
        step_size: How many epochs have one learning rate.
        gamma: The factor.
        last_epoch: See `LRScheduler`.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range.

    Example:
        >>> import microgrady as mg
        >>> optimizer = mg.optim.SGD([mg.Value(1.0)], lr=1.0)
        >>> schedule = mg.optim.StepLR(optimizer, step_size=2, gamma=0.5)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(optimizer.lr)
        ...     schedule.step()
        >>> rates
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = whole(step_size, "step_size", 1)
        self.gamma = not_negative(gamma, "gamma")
        super().__init__(optimizer, last_epoch)

    def _rate(self, place: int, lr: float, base: float) -> float:
        return lr if self.last_epoch == 0 or self.last_epoch % self.step_size else lr * self.gamma

    _first_rate = _rate


class MultiStepLR(LRScheduler):
    """Learning rates that are multiplied by gamma in given epochs.

    Args:
        optimizer: The optimiser.
        milestones: The epochs; in one that is met twice they are multiplied twice.
        gamma: The factor.
        last_epoch: See `LRScheduler`.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range.
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if isinstance(milestones, (str, bytes)) or not is_iterable(milestones):
            raise TypeError(f"milestones must be a list of epochs, such as [30, 80], not {describe(milestones)}")
        self.milestones = sorted(whole(epoch, "each of the milestones", 0) for epoch in milestones)
        self.gamma = not_negative(gamma, "gamma")
        super().__init__(optimizer, last_epoch)

    def _rate(self, place: int, lr: float, base: float) -> float:
        return lr * self.gamma ** self.milestones.count(self.last_epoch)

    _first_rate = _rate


class ExponentialLR(LRScheduler):
    """Learning rates that are multiplied by gamma in each epoch.

    Args:
        optimizer: The optimiser.
        gamma: The factor.
        last_epoch: See `LRScheduler`.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = not_negative(gamma, "gamma")
        super().__init__(optimizer, last_epoch)

    def _rate(self, place: int, lr: float, base: float) -> float:
        return lr * self.gamma


class CosineAnnealingLR(LRScheduler):
    """Learning rates that go down as half a wave of the cosine does, and up again after it.

    In epoch t it is eta_min + (base - eta_min) * (1 + cos(pi * t / T_max)) / 2, calculated from the one before.

    Args:
        optimizer: The optimiser.
        T_max: After how many epochs it is down.
        eta_min: The smallest learning rate.
        last_epoch: See `LRScheduler`.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range.

    References:
        I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, arXiv:1608.03983,
        equation 5, without restarts.

    Example:
        >>> import microgrady as mg
        >>> optimizer = mg.optim.SGD([mg.Value(1.0)], lr=1.0)
        >>> schedule = mg.optim.CosineAnnealingLR(optimizer, T_max=2)
        >>> schedule.step()
        >>> round(optimizer.lr, 12)
        0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:  # noqa: N803
        self.T_max = whole(T_max, "T_max", 1)
        self.eta_min = not_negative(eta_min, "eta_min")
        super().__init__(optimizer, last_epoch)

    def _rate(self, place: int, lr: float, base: float) -> float:
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # it is down, and the factor would be 0 / 0
            return lr + (base - self.eta_min) * (1.0 - math.cos(math.pi / self.T_max)) / 2.0
        new, old = (1.0 + math.cos(math.pi * epoch / self.T_max) for epoch in (self.last_epoch, self.last_epoch - 1))
        return new / old * (lr - self.eta_min) + self.eta_min


class LinearLR(LRScheduler):
    """Learning rates whose factor goes from one number to another along a line, as to warm up.

    Args:
        optimizer: The optimiser.
        start_factor: The factor in the first epoch.
        end_factor: That at the end, which stays.
        total_iters: After how many epochs that is.
        last_epoch: See `LRScheduler`.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range.

    References:
        P. Goyal and others, Accurate, large minibatch SGD: training ImageNet in 1 hour, 2017, arXiv:1706.02677,
        section 2.2.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = finite(start_factor, "start_factor")
        if not 0.0 < self.start_factor <= 1.0:
            raise ValueError(f"start_factor must be more than 0 and at most 1, not {start_factor!r}")
        self.end_factor = finite(end_factor, "end_factor")
        if not 0.0 <= self.end_factor <= 1.0:
            raise ValueError(f"end_factor must be from 0 to 1, not {end_factor!r}")
        self.total_iters = whole(total_iters, "total_iters", 1)
        super().__init__(optimizer, last_epoch)

    def _first_rate(self, place: int, lr: float, base: float) -> float:
        return lr * self.start_factor if self.last_epoch == 0 else lr

    def _rate(self, place: int, lr: float, base: float) -> float:
        if self.last_epoch > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        return lr * (1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))


class LambdaLR(LRScheduler):
    """Learning rates by a function of the epoch, which gives the factor of the first one.

    Args:
        optimizer: The optimiser.
        lr_lambda: The function, or a list of them, one for each group.
        last_epoch: See `LRScheduler`.

    Raises:
        TypeError: An argument is of another type.
        ValueError: There are not as many functions as groups.

    Example:
        >>> import microgrady as mg
        >>> optimizer = mg.optim.SGD([mg.Value(1.0)], lr=0.5)
        >>> schedule = mg.optim.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        >>> schedule.step()
        >>> optimizer.lr
        0.25
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        count = len(_require_optimizer(optimizer, "LambdaLR").param_groups)
        if not callable(lr_lambda) and not isinstance(lr_lambda, Sequence):
            raise TypeError(f"lr_lambda must be a function, or {count} of them, not {describe(lr_lambda)}")
        self._functions = [lr_lambda] * count if callable(lr_lambda) else list(lr_lambda)
        if len(self._functions) != count:
            raise ValueError(f"lr_lambda must be a function, or {count} of them, not {len(self._functions)}")
        for place, function in enumerate(self._functions):
            if not callable(function):
                raise TypeError(f"lr_lambda[{place}] must be a function, not {describe(function)}")
        super().__init__(optimizer, last_epoch)

    def _rate(self, place: int, lr: float, base: float) -> float:
        return base * require_number(self._functions[place](self.last_epoch), "what lr_lambda returns")

    _first_rate = _rate


class ReduceLROnPlateau(LRScheduler):
    """Learning rates that become smaller when a loss has not become better for some epochs.

    Args:
        optimizer: The optimiser.
        mode: "min" for a loss; "max" for what is to become larger, such as an accuracy.
        factor: What learning rates are multiplied by.
        patience: How many epochs in a row that are not better are let pass.
        threshold: By how much an epoch must be better than the best so far to count as better.
        threshold_mode: "rel" where that is a share of the best; "abs" where it is a difference.
        cooldown: How many epochs after that are not looked at.
        min_lr: The smallest learning rate, or a list of one for each group.
        eps: The smallest change of a learning rate that is made.

    Attributes:
        best: The best so far.
        num_bad_epochs: How many epochs in a row were not better.
        last_epoch: How many there were.

    Raises:
        TypeError: An argument is of another type.
        ValueError: One is out of its range.

    Example:
        >>> import microgrady as mg
        >>> optimizer = mg.optim.SGD([mg.Value(1.0)], lr=1.0)
        >>> schedule = mg.optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
        >>> for loss in [3.0, 2.0, 2.0, 2.0]:
        ...     schedule.step(loss)
        >>> optimizer.lr
        0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = _require_optimizer(optimizer, "ReduceLROnPlateau")
        self.mode = choice(mode, "mode", ("min", "max"))
        self.factor = not_negative(factor, "factor")
        if self.factor >= 1.0:
            raise ValueError(f"factor must be less than 1, not {factor!r}: learning rates would not become smaller")
        self.patience = whole(patience, "patience", 0)
        self.threshold = not_negative(threshold, "threshold")
        self.threshold_mode = choice(threshold_mode, "threshold_mode", ("rel", "abs"))
        self.cooldown = whole(cooldown, "cooldown", 0)
        count = len(optimizer.param_groups)
        lowest = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * count
        if len(lowest) != count:
            raise ValueError(f"min_lr must be a number, or {count} of them, not {len(lowest)}")
        self.min_lrs = [not_negative(lr, "min_lr") for lr in lowest]
        self.eps = not_negative(eps, "eps")
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def step(self, metrics: float) -> None:  # type: ignore[override]
        """Tell what an epoch has reached, and make learning rates smaller if it is time.

        Args:
            metrics: The loss, or what else is looked at. nan is not better than anything.

        Raises:
            TypeError: It is not a real number.
        """
        current = require_number(metrics, "metrics")
        self.last_epoch += 1
        if self._is_better(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lr = max(group["lr"] * self.factor, lowest)
                if group["lr"] - lr > self.eps:
                    group["lr"] = lr
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _is_better(self, current: float) -> bool:
        sign = 1.0 if self.mode == "min" else -1.0
        if self.threshold_mode == "rel":
            return sign * current < sign * (self.best * (1.0 - sign * self.threshold))
        return sign * current < sign * (self.best - sign * self.threshold)
