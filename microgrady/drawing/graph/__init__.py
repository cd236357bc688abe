"""Pictures of graphs."""

from microgrady.drawing.graph.graph import draw

__all__ = ["draw"]
