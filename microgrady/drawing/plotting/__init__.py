"""Functions and their derivatives as curves, contours, arrows and errors."""

from microgrady.drawing.plotting.maps import plot_map
from microgrady.drawing.plotting.plots import plot
from microgrady.drawing.plotting.quotients import plot_errors
from microgrady.drawing.plotting.surfaces import plot_surface

__all__ = ["plot", "plot_errors", "plot_map", "plot_surface"]
