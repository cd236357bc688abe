"""A function as a map: points on one side, their images on the other, and an arrow from each to its image."""

from __future__ import annotations

import enum
import math
import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microgrady import traced
from microgrady.checking.evaluation import OUTSIDE, evaluate
from microgrady.comparisons import is_condition
from microgrady.drawing.plotting.arguments import check_file, check_function
from microgrady.drawing.plotting.figures import (
    ROUNDING,
    axes_to_draw_on,
    name_in_labels,
    told_apart,
    write_figure,
    written,
)
from microgrady.drawing.plotting.ovals import draw_map
from microgrady.inputs import NUMPY_BOOLS, as_number, describe, is_array, is_iterable
from microgrady.introspection import name_of
from microgrady.tracebacks import entrance
from microgrady.value import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS, MOST_FUNCTIONS = 12, 4
MOST_LETTERS = 24  # of a word
NAMES = "fghpqrst"  # of functions without one


@dataclass(frozen=True)
class Word:
    """An element that is not a number: a word, a shape, a pair, a truth value."""

    thing: Hashable


Element = float | Word
# The elements of one oval, from bottom to top, each with what a function is called with.
Elements = dict[Element, Any]


@entrance
def plot_map(
    f: Callable[[Any], Any] | Sequence[Callable[[Any], Any]],
    points: Iterable[Any],
    *,
    codomain: Iterable[Any] | None = None,
    ax: Axes | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw a function as a map from its domain to its codomain.

    Each point is a dot in the left oval, each image a dot in the right one, and an arrow leads from each point to its
    image. Points with the same image share its dot; images that differ only by rounding count as the same. Points and
    images are numbers or anything else that can be the key of a dict, such as words, pairs and members of an enum.

    Numbers ascend from bottom to top. A line through the dots of the ovals is the number line: all these ovals have the
    same, so that doubling spreads the dots and a change of sign turns them over. Without a line, where the dots would
    lie upon each other or are not numbers, their distances mean nothing. Words are listed in the order in which they
    come.

    Args:
        f: The function, or a sequence of functions, of which each is applied to what the one before it gave: there is
            an oval more for each. Those without a name are called f, g, h and so on.
        points: The points, 1 to 12 different ones.
        codomain: The elements of the last oval, 1 to 12. Those at which no arrow arrives are hollow. By default these
            are the images.
        ax: Where to draw; by default a new figure.
        to: A file to write, in one of `microgrady.drawing.FORMATS`. Only notebooks then show the figure as well.

    Returns:
        The Axes that were drawn on. The same call writes the same file.

    Raises:
        TypeError: An argument has the wrong type, or a function returns neither a number nor anything hashable.
        ValueError: There are no points or too many, one is not finite or has no image, since the function is nan or
            infinite there, an image is not in the codomain, or `to` has an unknown format or folder.
        RuntimeError: Matplotlib is not installed.

    Example:
        >>> import microgrady as mg
        >>> axes = mg.plot_map(lambda x: x**2, [0, 1, 2], codomain=[0, 1, 2, 3, 4])
        >>> [text.get_text() for text in axes.texts]
        ['domain', 'codomain', 'f', '0', '1', '2', '0', '1', '2', '3', '4']
        >>> axes = mg.plot_map([len, lambda n: n % 2 == 0], ["a", "set", "of", "words"])
        >>> [text.get_text() for text in axes.texts]
        ['domain', 'codomain', 'len', 'f', 'words', 'of', 'set', 'a', '1', '2', '3', '5', 'True', 'False']
    """
    functions = check_functions(f, ax)
    names = names_in_chain(functions)
    ovals = [check_elements(points, "the points", "a map shows 1 to {} points, not {}")]
    last = None
    if codomain is not None:
        last = check_elements(codomain, "the elements of the codomain", "a codomain has 1 to {} elements here, not {}")
    target = check_file(to)
    arrows = []
    for number, (function, name) in enumerate(zip(functions, names, strict=True), 1):
        images = [image(function, name, point, thing) for point, thing in ovals[-1].items()]
        into = in_order(distinct(reversed(images))) if last is None or number < len(functions) else last
        arrows.append([find(y, into, name, x) for (y, _), x in zip(images, ovals[-1], strict=True)])
        ovals.append(into)
    with axes_to_draw_on(ax, target) as axes:
        numbers = [[x if isinstance(x, float) else None for x in oval] for oval in ovals]
        shown = [texts(oval) for oval in ovals]
        draw_map(axes, names, numbers, shown, arrows)
        axes.set_label(in_words(names, shown, arrows))
        write_figure(axes, target)
    return axes


# What is asked for


def check_functions(f: Any, ax: object) -> list[Callable[[Any], Any]]:
    """Return the functions of a chain, or the one that was given.

    Raises:
        TypeError: One of them cannot be called, or `ax` is not Axes.
        ValueError: There are none, or too many.
    """
    several = isinstance(f, Sequence) and not isinstance(f, str | bytes) and not callable(f)
    functions = list(f) if several else [f]
    for function in functions:
        check_function(function, ax, "plot_map")
    if not 1 <= len(functions) <= MOST_FUNCTIONS:
        raise ValueError(f"a map shows a chain of 1 to {MOST_FUNCTIONS} functions, not {len(functions) or 'none'}")
    return functions


def names_in_chain(functions: Sequence[Callable[[Any], Any]]) -> list[str]:
    """Return the names of functions; those without one are f, g, h and so on, but not what another is called."""
    names = [name_in_labels(function) for function in functions]
    nameless = dict.fromkeys(id(f) for f in functions if name_of(f, "<lambda>") == "<lambda>")  # each once
    taken = {name for name, function in zip(names, functions, strict=True) if id(function) not in nameless}
    letters = dict(zip(nameless, (letter for letter in NAMES if letter not in taken), strict=False))
    return [letters.get(id(function), name) for name, function in zip(names, functions, strict=True)]


def check_elements(things: Any, what: str, how_many: str) -> Elements:
    """Return different elements, in the order in which they are drawn.

    Raises:
        TypeError: They are not a sequence or a set of numbers and hashable things.
        ValueError: A number is not finite, there are none, or too many.
    """
    if isinstance(things, str | bytes | Mapping) or not is_iterable(things):
        raise TypeError(f"{what} must be a sequence, such as [1, 2, 3], not {describe(things)}")
    # A set has no order of its own: words in a set come in a different one in each process.
    given = sorted(things, key=text_of) if isinstance(things, Set) else list(things)
    found: Elements = {}
    for thing in given:
        element = None if isinstance(thing, Value) else element_of(thing)
        if element is None:
            raise TypeError(f"{what} must be real numbers or hashable things, such as words, not {describe(thing)}")
        if isinstance(element, float) and not math.isfinite(element):
            raise ValueError(f"{what} must be finite numbers, not {describe(things)}")
        found.setdefault(element, thing)
    if not 1 <= len(found) <= MOST_POINTS:
        raise ValueError(how_many.format(MOST_POINTS, len(found) or "none"))
    return in_order(found)


def element_of(thing: Any) -> Element | None:
    """Return a number as a float, and another thing as a word; None for what is not hashable."""
    if is_condition(thing) or isinstance(thing, bool) or (type(thing).__module__, type(thing).__name__) in NUMPY_BOOLS:
        return Word(bool(thing))
    if isinstance(thing, Value):
        return thing.data + 0.0
    if is_array(thing) and thing.size == 1:
        thing = thing.item()
    number = None if isinstance(thing, enum.Enum) else as_number(thing)
    if number is not None:
        return number + 0.0  # one zero for both signs
    try:
        hash(thing)
    except TypeError:
        return None
    return Word(thing)


def in_order(elements: Elements) -> Elements:
    """Return elements from bottom to top: numbers ascending, and over them words, of which the first comes on top."""
    numbers = sorted(element for element in elements if isinstance(element, float))
    words = [element for element in elements if isinstance(element, Word)]
    ordered: list[Element] = [*numbers, *reversed(words)]
    return {element: elements[element] for element in ordered}


# Points and images


def image(f: Callable[[Any], Any], name: str, point: Element, thing: Any) -> tuple[Element, Any]:
    """Return the image of a point, as an element and as what the function of this name returned.

    Raises:
        TypeError: The function returned neither a number nor anything hashable.
        ValueError: The point has no image.
    """

    def read(result: Any) -> tuple[Element, Any]:
        element = element_of(result)
        # Powers of negative numbers are complex in Python, and nan for Values.
        complex_number = isinstance(result, complex) and isinstance(point, float)
        if element is None or complex_number or result is None:
            hint = "; a word, a tuple or another hashable thing will do as well"
            return traced.one_number(result, name, "a map", hint), result
        return element, result.data if isinstance(result, Value) else result

    where = repr(point) if isinstance(point, float) else text_of(thing)
    try:
        found = evaluate(f, [thing], read) if isinstance(point, float) else read(f(thing))
    except (*OUTSIDE, LookupError) as error:
        error.add_note(f"{where} is not in the domain of {name}, and cannot be one of the points")
        raise
    if isinstance(found[0], float) and not math.isfinite(found[0]):
        raise ValueError(f"{where} is not in the domain of {name}: its value there is {found[0]!r}")
    return found


def distinct(images: Iterable[tuple[Element, Any]]) -> Elements:
    """Return the different images; of those that differ by rounding, the lowest."""
    elements = dict(images)
    numbers = sorted(element for element in elements if isinstance(element, float))
    kept = numbers[:1]
    for number in numbers[1:]:
        if number - kept[-1] > rounding_of(numbers):
            kept.append(number)
        else:
            del elements[number]
    return elements


def rounding_of(numbers: Sequence[float]) -> float:
    """Return the distance up to which numbers count as the same."""
    return ROUNDING * max(map(abs, numbers), default=0.0)


def find(y: Element, oval: Elements, name: str, x: Element) -> int:
    """Return which element of an oval an image is.

    Raises:
        ValueError: It is none of them.
    """
    elements = list(oval)
    if y in oval:
        return elements.index(y)
    numbers = [element for element in elements if isinstance(element, float)]
    if isinstance(y, float) and numbers:
        nearest = min(numbers, key=lambda number: abs(number - y))
        # Where the images are the oval, the nearest one is what is left of those that differ by rounding.
        if abs(nearest - y) <= MOST_POINTS * rounding_of([*numbers, y]):
            return elements.index(nearest)
    there, here = (repr(one) if isinstance(one, float) else text_of(one.thing) for one in (x, y))
    raise ValueError(f"{name} leads from {there} to {here}, which is not in the codomain")


# Words


def texts(elements: Elements) -> list[str]:
    """Return what stands beside the dots."""
    numbers = [element for element in elements if isinstance(element, float)]
    found = told_apart(numbers) if numbers else []
    for element in elements:
        if isinstance(element, Word):
            text = text_of(element.thing)
            found.append(repr(element.thing) if text in found or not text.strip() else text)
    return found


def in_words(names: Sequence[str], ovals: Sequence[Sequence[str]], arrows: Sequence[Sequence[int]]) -> str:
    """Say what a map shows, for those who do not see it."""
    said = []
    for name, before, after, ends in zip(names, ovals, ovals[1:], arrows, strict=False):
        pairs = ", ".join(f"{text} to {after[end]}" for text, end in zip(before, ends, strict=True))
        said.append(f"{name} maps {pairs}")
    return "; ".join(said)


def text_of(thing: Any) -> str:
    """Return a thing in a few letters on one line."""
    if isinstance(thing, tuple) and type(thing) is tuple:
        return f"({', '.join(map(text_of, thing))}{',' * (len(thing) == 1)})"
    if isinstance(thing, float):
        return written(thing)
    name = thing.name if isinstance(thing, enum.Enum) else getattr(thing, "__name__", None)
    text = " ".join(str(name or thing).split())
    # Matplotlib reads what is between dollars as TeX.
    return (text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…").replace("$", r"\$")
