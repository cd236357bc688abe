"""What plots are given: the checks of functions, Axes, numbers and files."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microgrady.drawing.plotting.figures import LARGEST, SMALLEST, Interval, import_plotting
from microgrady.drawing.render import FORMATS, check_target, endings, format_of
from microgrady.inputs import as_number, describe, is_iterable, require_function
from microgrady.introspection import name_of, signature_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# How many numbers the functions take that these draw.
INPUTS = {"plot": 1, "plot_errors": 1, "animate_zoom": 1, "plot_map": 1, "plot_surface": 2}

NARROWEST = 5e-15  # the width of an interval that matplotlib does not take for a point, as a share of its larger end


def check_function(f: Any, ax: object, what: str) -> None:
    """Refuse what is not a function or not Axes, and find out whether there is something to draw with.

    Raises:
        TypeError: `f` cannot be called, or `ax` is neither Axes nor None.
        RuntimeError: Matplotlib is not installed.
    """
    require_function(what, f)
    if what in INPUTS:
        check_inputs(f, what, INPUTS[what])
    axes = import_plotting("matplotlib.axes")
    if ax is not None and not isinstance(ax, axes.Axes):
        raise TypeError(f"ax must be matplotlib Axes or None, not {describe(ax)}")


def check_inputs(f: Callable[..., Any], what: str, count: int) -> None:
    """Refuse a function that cannot be called with so many numbers, or with the points of a map.

    Raises:
        TypeError: It takes more, or fewer.
    """
    signature = signature_of(f)
    if signature is None:
        return
    try:
        signature.bind(*[0.0] * count)
    except TypeError:
        names = [name for name, one in signature.parameters.items() if one.default is one.empty]
        kind = "one argument" if what == "plot_map" else ("one number", "two numbers")[count - 1]
        takes = f"{what} draws a function of {kind}, but {name_of(f)} takes"
        if count == 1 and len(names) == 2:
            raise TypeError(f"{takes} two, {' and '.join(names)}: {advice(what, names[0])}") from None
        hint = "; plot(f, ...) draws a function of one, and of a pair plot_surface(lambda x, y: f([x, y]), ...)"
        raise TypeError(
            f"{takes} {len(names) or 'none'}{': ' * bool(names)}{', '.join(names)}{hint * (count > len(names) > 0)}"
        ) from None


def advice(what: str, name: str) -> str:
    """Say how to draw a function of two, the first of which has this name."""
    if what == "plot_map":
        return "make the points pairs, as in plot_map(lambda pair: f(*pair), [(1, 2), (3, 4)])"
    fixed = f"{what}(lambda {name}: f({name}, 1.0), ...)"
    return f"fix one, as in {fixed}, or draw both by plot_surface(f, ...)"


def refuse_a_pair(f: Callable[..., Any], what: str, error: TypeError) -> None:
    """Refuse a function that takes one number for several in a sequence, which it is seen to be by its error.

    Raises:
        TypeError: It is one.
    """
    if re.search("subscriptable|iterable|unpack|has no len", str(error)) and "Value" in str(error):
        raise TypeError(
            f"{what} draws a function of one number, but {name_of(f)} takes several in a sequence: fix the others, as "
            f"in {what}(lambda x: f([x, 1.0]), ...), or draw two by plot_surface(lambda x, y: f([x, y]), ...)"
        ) from error


def check_panels(panels: Any, count: int, name: str, what: str) -> list[Axes] | None:
    """Return the Axes that were given for so many panels, as a list; None if none were.

    Args:
        panels: The Axes.
        count: How many there must be.
        name: Of the argument.
        what: What needs so many, with its verb, for the message.

    Raises:
        TypeError: They are not Axes.
        ValueError: There are more or fewer.
    """
    kind = import_plotting("matplotlib.axes").Axes
    if panels is None:
        return None
    given: list[Any] = [panels] if isinstance(panels, kind) else list(panels) if isinstance(panels, Iterable) else [0]
    if not all(isinstance(each, kind) for each in given):
        raise TypeError(f"{name} must be matplotlib Axes, one for each panel, or None, not {describe(panels)}")
    if len(given) != count:
        raise ValueError(f"{what} {count} Axes, not {len(given)}")
    return given


def check_numbers(numbers: Any, what: str) -> list[float]:
    """Return a sequence of finite numbers as floats.

    Raises:
        TypeError: It is not one.
        ValueError: A number is not finite.
    """
    readable = is_iterable(numbers) and not isinstance(numbers, str | bytes | Mapping | Set)
    found = [as_number(item) for item in numbers] if readable else [None]
    known = [number for number in found if number is not None]
    if len(known) < len(found):
        raise TypeError(f"{what} must be real numbers in a sequence, not {describe(numbers)}")
    if not all(map(math.isfinite, known)):
        raise ValueError(f"{what} must be finite numbers, not {describe(numbers)}")
    return known


def check_interval(interval: object, what: str, largest: float = LARGEST) -> Interval:
    """Return two finite numbers in ascending order, up to the largest that can be drawn, as floats.

    Raises:
        TypeError: They are not numbers in a sequence.
        ValueError: They are not two, not finite, not ascending, or too large or too near to each other to be drawn.
    """
    ends = check_numbers(interval, f"the two ends of {what}")
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError(f"{what} must be two finite numbers in ascending order, such as (-3, 3), not {interval!r}")
    if max(map(abs, ends)) > largest:
        raise ValueError(f"{what} must not reach beyond {largest:g} to be drawn, and {interval!r} does")
    if max(map(abs, ends)) < SMALLEST or ends[1] - ends[0] < NARROWEST * max(map(abs, ends)):
        raise ValueError(f"{what} is too narrow to be drawn: {interval!r}")
    return ends[0], ends[1]


def check_file(to: str | os.PathLike[str] | None, animated: bool | None = None) -> Path | None:
    """Check that a picture, or an animation, can be written there, before anything is drawn.

    Args:
        to: The file.
        animated: Whether there is an animation of secants; None where there never is.

    Raises:
        TypeError: `to` is not a path.
        ValueError: The name does not end in a known format, or the folder does not exist.
    """
    if to is None:
        return None
    if animated is False and isinstance(to, str | os.PathLike) and format_of(Path(to)) == "gif":
        raise ValueError(
            f"a .gif shows secants one after the other, and {os.fspath(to)!r} would have none: give secants, or name "
            f"the file {endings(FORMATS)}"
        )
    return check_target(to, (*FORMATS, "gif") if animated else FORMATS)
