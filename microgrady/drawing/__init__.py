"""Pictures of graphs, of functions and of models that learn, which need no system package."""

from microgrady import later

_HOMES = {
    "microgrady.drawing.animation.player": "animate",
    "microgrady.drawing.graph.graph": "draw",
    "microgrady.drawing.learning.decisions": "plot_decision",
    "microgrady.drawing.learning.gradients": "plot_gradients",
    "microgrady.drawing.learning.histories": "plot_history",
    "microgrady.drawing.learning.training": "animate_training",
    "microgrady.drawing.learning.weights": "plot_weights",
    "microgrady.drawing.plotting.maps": "plot_map",
    "microgrady.drawing.plotting.plots": "plot",
    "microgrady.drawing.plotting.quotients": "plot_errors",
    "microgrady.drawing.plotting.surfaces": "plot_surface",
    "microgrady.drawing.plotting.zooms": "animate_zoom",
    "microgrady.drawing.render": "FORMATS",
}

__all__ = [
    "FORMATS",
    "animate",
    "animate_training",
    "animate_zoom",
    "draw",
    "plot",
    "plot_decision",
    "plot_errors",
    "plot_gradients",
    "plot_history",
    "plot_map",
    "plot_surface",
    "plot_weights",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.drawing.animation.player import animate
    from microgrady.drawing.graph.graph import draw
    from microgrady.drawing.learning.decisions import plot_decision
    from microgrady.drawing.learning.gradients import plot_gradients
    from microgrady.drawing.learning.histories import plot_history
    from microgrady.drawing.learning.training import animate_training
    from microgrady.drawing.learning.weights import plot_weights
    from microgrady.drawing.plotting.maps import plot_map
    from microgrady.drawing.plotting.plots import plot
    from microgrady.drawing.plotting.quotients import plot_errors
    from microgrady.drawing.plotting.surfaces import plot_surface
    from microgrady.drawing.plotting.zooms import animate_zoom
    from microgrady.drawing.render import FORMATS
else:
    __getattr__, __dir__ = later.offer("microgrady.drawing", _HOMES)
