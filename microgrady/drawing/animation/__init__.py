"""The forward and the backward pass, step by step, as a page or a GIF."""

from microgrady import later

__all__ = ["FORMATS", "Animation", "animate"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.drawing.animation.pages import FORMATS
    from microgrady.drawing.animation.player import Animation, animate
else:
    __getattr__, __dir__ = later.offer(
        "microgrady.drawing.animation",
        {
            "microgrady.drawing.animation.pages": "FORMATS",
            "microgrady.drawing.animation.player": "Animation animate",
        },
    )
