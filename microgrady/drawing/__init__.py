"""Pictures of graphs and of functions, which need no system package."""

from microgrady import later

_HOMES = {
    "microgrady.drawing.animation": "animate",
    "microgrady.drawing.graph": "draw",
    "microgrady.drawing.plotting": "plot plot_errors plot_map plot_surface",
    "microgrady.drawing.render": "FORMATS",
}

__all__ = ["FORMATS", "animate", "draw", "plot", "plot_errors", "plot_map", "plot_surface"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.drawing.animation import animate
    from microgrady.drawing.graph import draw
    from microgrady.drawing.plotting import plot, plot_errors, plot_map, plot_surface
    from microgrady.drawing.render import FORMATS
else:
    __getattr__, __dir__ = later.offer("microgrady.drawing", _HOMES)
