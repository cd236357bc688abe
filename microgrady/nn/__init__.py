"""Networks of neurons with micrograd's names: models, their layers, and their weights in files."""

from microgrady import later

_HOMES = {
    "microgrady.nn.layers": "Layer MLP Neuron Sequential",
    "microgrady.nn.module": "Module",
}

__all__ = [
    "MLP",
    "Layer",
    "Module",
    "Neuron",
    "Sequential",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.nn.layers import MLP, Layer, Neuron, Sequential
    from microgrady.nn.module import Module
else:
    __getattr__, __dir__ = later.offer("microgrady.nn", _HOMES)
