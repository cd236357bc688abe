"""Functions and their derivatives as curves, contours, arrows and errors.

What is given as `to` is written as a whole or not at all, and the same call writes the same file. Outside of notebooks
a figure that has been written to a file is closed: `pyplot.show()` does not show it besides.
"""

from microgrady.drawing.plotting.maps import plot_map
from microgrady.drawing.plotting.plots import plot
from microgrady.drawing.plotting.quotients import plot_errors
from microgrady.drawing.plotting.surfaces import plot_surface

__all__ = ["plot", "plot_errors", "plot_map", "plot_surface"]
