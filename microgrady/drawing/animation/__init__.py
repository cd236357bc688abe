"""The forward and the backward pass, step by step, as a page or a GIF."""

from microgrady.drawing.animation.player import FORMATS, Animation, animate

__all__ = ["FORMATS", "Animation", "animate"]
