"""What stands in the boxes of a picture: titles, numbers, and their quoting for DOT."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence

from microgrady.value import Value, primitives

TITLE_WIDTH, TITLE_LINES = 24, 3
# A name or a positive number, or a function of one flat list of them.
NEEDS_NO_PARENTHESES = re.compile(r"\w[\w.]*(e[-+]\d+|\([^()]*\))?")
# https://www.w3.org/TR/xml/#charsets
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def box_label(title: str, lines: Sequence[str], direction: str) -> str:
    """Build a label of two fields, the title above the lines, for Graphviz's record shapes.

    Args:
        title: The text of the first field.
        lines: The lines of the second.
        direction: The direction of the graph, with which Graphviz turns the fields around.

    Returns:
        The label, quoted.
    """
    fields = wrapped(title, TITLE_WIDTH) + "|" + "".join(rf"{line}\l" for line in lines)
    return fields if direction == "LR" else f"{{{fields}}}"


def wrapped(title: str, width: int) -> str:
    """Break a title into a few lines and quote them; what is too long for those is left out."""
    return r"\n".join(map(quoted, textwrap.wrap(title, width, max_lines=TITLE_LINES, placeholder=" …")))


def spread(numbers: Collection[float], precision: int) -> str:
    """Write a number, or the least and the largest of several; nan, which has no place between them, is added."""
    ordered = sorted(number for number in numbers if not math.isnan(number))
    ends = [f"{number:.{precision}g}" for number in ordered[:1] + ordered[-1:]]
    text = " … ".join(dict.fromkeys(ends))
    return text if len(ordered) == len(numbers) else f"{text}, nan".removeprefix(", ")


def times(counts: Collection[int]) -> str:
    """Say how many something stands for, unless it is one; from the least to the most where that differs."""
    ends = [f"{count:,}" for count in sorted({min(counts), max(counts)})]
    return "" if ends == ["1"] else f" × {' … '.join(ends)}"


def common(names: Iterable[str]) -> str:
    """Return what names have in common, "…" for the numbers in them that differ; "" if more than numbers does."""
    parts = [re.split(r"(\d+)", name) for name in dict.fromkeys(names)]
    if len({tuple(split[::2]) for split in parts}) != 1:
        return ""
    alike = [set(texts) for texts in zip(*parts, strict=True)]
    return "".join(texts.pop() if len(texts) == 1 else "…" for texts in alike)


def titles(order: Iterable[Value], precision: int) -> dict[Value, str]:
    """Say what each Value is: its label, or its formula, or the operation that made it.

    Args:
        order: The Values, operands before results.
        precision: Significant digits of the numbers in formulas.

    Returns:
        The title of each Value.
    """
    names: dict[Value, str] = {}
    found: dict[Value, str] = {}
    for value in order:
        name = value.label.strip() or formula(value, names, precision)
        if name:
            names[value] = name
        found[value] = name or ("leaf" if value.op is None else value.op.name)
    return found


def formula(value: Value, names: Mapping[Value, str], precision: int) -> str:
    """Write how a Value was made, in the names of its operands.

    Returns:
        The formula, or "" for a leaf, for operands without a name, and where it would not fit
        on one line of a box.
    """
    if value.op is None:
        return ""
    selected = selected_operands(value)
    operands = [
        names.get(operand, "") if isinstance(operand, Value) else f"{operand:.{precision}g}"
        for operand in selected or value.operands
    ]
    written = applied("where" if selected else value.op.symbol, operands) if all(operands) else ""
    return written if len(written) <= TITLE_WIDTH else ""


def selected_operands(value: Value) -> tuple[Value | float, ...]:
    """Return the condition and both operands of the `where` that a sum is recorded for, if it is one."""
    parts = [operand for operand in value.operands if isinstance(operand, Value)]
    if value.op is not primitives["add"] or [part.op and part.op.name for part in parts] != ["kept", "dropped"]:
        return ()
    (mask, first), (other, second) = parts[0].operands, parts[1].operands
    return (mask, first, second) if mask is other else ()


def applied(symbol: str, operands: Sequence[str]) -> str:
    """Write an operation with its operands, as a call or between them."""
    if symbol.isidentifier():
        return f"{symbol}({', '.join(operands)})"
    if len(operands) == 1:
        return symbol + atom(operands[0])
    left, right = operands
    # A minus in front binds less closely than a power alone.
    bare = symbol != "**" and NEEDS_NO_PARENTHESES.fullmatch(left.removeprefix("-"))
    return f"{left if bare else atom(left)} {symbol} {atom(right)}"


def atom(text: str) -> str:
    """Put parentheses around all but names, positive numbers and calls."""
    return text if NEEDS_NO_PARENTHESES.fullmatch(text) else f"({text})"


def quoted(text: str) -> str:
    """Quote text so that it appears in a label as it is, but in one line: Graphviz can fail at a line break."""
    visible = NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    return re.sub(r"([\\{}|<>])", r"\\\1", visible).replace("&", "&amp;")
