"""Pictures of graphs, which need no system package."""

from microgrady.drawing.graph import draw

__all__ = ["draw"]
