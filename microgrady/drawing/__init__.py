"""Pictures of graphs and of functions, which need no system package."""

from microgrady.drawing.animation import animate
from microgrady.drawing.graph.graph import draw
from microgrady.drawing.plotting import plot, plot_errors, plot_map, plot_surface

__all__ = ["animate", "draw", "plot", "plot_errors", "plot_map", "plot_surface"]
