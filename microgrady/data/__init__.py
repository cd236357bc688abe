"""Data to learn from, as NumPy arrays, and what is done with data before and while a network learns. No downloads."""

from microgrady import later

_HOMES = {
    "microgrady.data.preparation": "Standardiser batches split standardise",
    "microgrady.data.shapes": "moons rings spiral xor",
    "microgrady.data.tables": "Table auto_mpg digits",
}

__all__ = [
    "Standardiser",
    "Table",
    "auto_mpg",
    "batches",
    "digits",
    "moons",
    "rings",
    "spiral",
    "split",
    "standardise",
    "xor",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microgrady.data.preparation import Standardiser, batches, split, standardise
    from microgrady.data.shapes import moons, rings, spiral, xor
    from microgrady.data.tables import Table, auto_mpg, digits
else:
    __getattr__, __dir__ = later.offer("microgrady.data", _HOMES, apart=tuple(_HOMES))
