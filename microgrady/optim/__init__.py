"""Optimisers, schedules of their learning rates, and clipping of gradients, with the names and numbers of PyTorch.

`minimize` is SciPy's, for functions of nested arguments.
"""

from microgrady import later

_HOMES = {
    "microgrady.optim.clipping": "clip_by_norm clip_by_value clip_grad_norm clip_grad_value",
    "microgrady.optim.minimisation": "minimize",
    "microgrady.optim.optimisers": "SGD Adam AdamW RMSprop",
    "microgrady.optim.optimizer": "Optimizer",
    "microgrady.optim.schedules": (
        "CosineAnnealingLR ExponentialLR LRScheduler LambdaLR LinearLR MultiStepLR ReduceLROnPlateau StepLR"
    ),
    "microgrady.optim.vectors": "apply_updates",
}

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "Optimizer",
    "RMSprop",
    "ReduceLROnPlateau",
    "StepLR",
    "apply_updates",
    "clip_by_norm",
    "clip_by_value",
    "clip_grad_norm",
    "clip_grad_value",
    "minimize",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.optim.clipping import clip_by_norm, clip_by_value, clip_grad_norm, clip_grad_value
    from microgrady.optim.minimisation import minimize
    from microgrady.optim.optimisers import SGD, Adam, AdamW, RMSprop
    from microgrady.optim.optimizer import Optimizer
    from microgrady.optim.schedules import (
        CosineAnnealingLR,
        ExponentialLR,
        LambdaLR,
        LinearLR,
        LRScheduler,
        MultiStepLR,
        ReduceLROnPlateau,
        StepLR,
    )
    from microgrady.optim.vectors import apply_updates
else:
    __getattr__, __dir__ = later.offer("microgrady.optim", _HOMES)
