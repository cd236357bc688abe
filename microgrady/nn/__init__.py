"""Networks of neurons with micrograd's names: models, their layers, and their weights in files."""

from microgrady import later

_HOMES = {
    "microgrady.nn.layers": "Layer MLP Neuron Sequential",
    "microgrady.nn.module": "Module",
    "microgrady.nn.weights": "load save",
}

__all__ = [
    "MLP",
    "Layer",
    "Module",
    "Neuron",
    "Sequential",
    "load",
    "save",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.nn.layers import MLP, Layer, Neuron, Sequential
    from microgrady.nn.module import Module
    from microgrady.nn.weights import load, save
else:
    __getattr__, __dir__ = later.offer("microgrady.nn", _HOMES)
