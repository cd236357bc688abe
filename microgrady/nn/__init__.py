"""Networks of neurons with micrograd's names: models, their layers, their losses, and their weights in files."""

from microgrady import later

_HOMES = {
    "microgrady.nn.history": "History",
    "microgrady.nn.layers": "Layer MLP Neuron Sequential",
    "microgrady.nn.losses": "accuracy binary_cross_entropy cross_entropy hinge mse",
    "microgrady.nn.module": "Module",
    "microgrady.nn.training": "fit",
    "microgrady.nn.weights": "load save",
    "microgrady.sequences": "log_softmax logsumexp softmax",
}

__all__ = [
    "MLP",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "Sequential",
    "accuracy",
    "binary_cross_entropy",
    "cross_entropy",
    "fit",
    "hinge",
    "load",
    "log_softmax",
    "logsumexp",
    "mse",
    "save",
    "softmax",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.nn.history import History
    from microgrady.nn.layers import MLP, Layer, Neuron, Sequential
    from microgrady.nn.losses import accuracy, binary_cross_entropy, cross_entropy, hinge, mse
    from microgrady.nn.module import Module
    from microgrady.nn.training import fit
    from microgrady.nn.weights import load, save
    from microgrady.sequences import log_softmax, logsumexp, softmax
else:
    __getattr__, __dir__ = later.offer("microgrady.nn", _HOMES)
