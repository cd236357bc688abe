"""Random hostile names: each is drawn, and what is written is well-formed."""

from __future__ import annotations

import contextlib
import logging
import random
import re
import warnings
import xml.etree.ElementTree
from typing import Any

import microgrady as mg
from microgrady import Value
from tests.test_hostile_names import HOSTILE

# Of letters that the font lacks.
logging.getLogger("fpdf").setLevel(logging.ERROR)


def name_of(chance: random.Random) -> str:
    """Some of what DOT, XML or a terminal gives a meaning to, and now and then any letters at all."""
    if chance.random() < 0.3:
        return "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0x11000)))) for _ in range(12))
    return "".join(chance.choices(HOSTILE, k=chance.randint(1, 8)))


def case(chance: random.Random) -> None:
    """A graph whose names are all hostile, as a picture or as an animation."""
    names = [name_of(chance) for _ in range(5)]
    x, y = Value(2.0, names[0]), Value(3.0, names[1])
    with contextlib.ExitStack() as stack:
        for name in names[2:4]:
            if name.strip():
                stack.enter_context(mg.scope(name))
        z = mg.tanh(x * y) + 1.0
        z.label = names[4]
    try:
        if chance.random() < 0.2:
            page = mg.animate(z).page()
            for drawing in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)[:1]:
                xml.etree.ElementTree.fromstring(drawing)
            return
        options: dict[str, Any] = {"direction": chance.choice(["LR", "TB"]), "depth": chance.choice([None, 0, 1])}
        if chance.random() < 0.3:
            options["max_nodes"] = chance.randint(1, 4)
        picture = mg.draw(z, **options)
        format = chance.choice(["svg"] * 8 + ["png", "pdf"])
        with warnings.catch_warnings():  # of letters that no font of this machine has
            warnings.filterwarnings("ignore", "no font", UserWarning)
            content = picture.pipe(format)
        if format == "svg":
            xml.etree.ElementTree.fromstring(content)
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}\nwith the names {names!a}") from error
