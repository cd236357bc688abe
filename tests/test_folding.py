"""Folding: large graphs in few boxes, with nothing lost and nothing claimed to be alike that is not."""

from __future__ import annotations

import contextlib
import html
import itertools
import re
from collections.abc import Callable
from typing import Any

import graphviz
import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.drawing.graph import folding
from microgrady.drawing.graph.folding import Likeness, Network, Part, blocks_of, colours, fold
from microgrady.drawing.graph.labels import common, spread
from microgrady.drawing.style import tint
from microgrady.formulas.grouping import grouped
from microgrady.value import topological_order


def network(sizes: tuple[int, ...] = (2, 16, 16, 1), points: int = 1, *, scopes: bool = False) -> Value:
    """The loss of a multilayer perceptron, summed over points."""
    weights = [
        [[Value(0.01 * (i - j), f"w{layer}_{j}_{i}") for i in range(m)] + [Value(0.1 * j, f"b{layer}_{j}")]
         for j in range(n)]
        for layer, (m, n) in enumerate(itertools.pairwise(sizes))
    ]  # fmt: skip
    losses = []
    for point in range(points):
        signals: list[Any] = [Value(0.1 * point + i, f"x{i}") for i in range(sizes[0])]
        for layer, neurons in enumerate(weights, 1):
            if scopes:
                with mg.scope(f"layer {layer}"):
                    signals = [scoped_neuron(j, neuron, signals) for j, neuron in enumerate(neurons, 1)]
            else:
                signals = [neuron_output(neuron, signals) for neuron in neurons]
        losses.append((signals[0] - 1.0) ** 2)
    loss: Value = mg.sum(losses)
    loss.backward()
    return loss


def neuron_output(neuron: list[Value], signals: list[Any]) -> Any:
    return mg.tanh(mg.dot(neuron[:-1], signals) + neuron[-1])


def scoped_neuron(number: int, neuron: list[Value], signals: list[Any]) -> Any:
    with mg.scope(f"neuron {number}"):
        return neuron_output(neuron, signals)


def loop(turns: int) -> Value:
    x: Any = Value(0.5, "x")
    a = Value(0.9, "a")
    for _ in range(turns):
        x = mg.sin(x * a)
    return x  # type: ignore[no-any-return]


def steps(turns: int) -> Value:
    x: Any = Value(0.5, "x")
    for turn in range(turns):
        with mg.scope(f"step {turn}"):
            x = mg.sin(x * 2.0) + 0.1
    return x  # type: ignore[no-any-return]


def rosenbrock(n: int) -> Value:
    x = [Value(0.1 * i % 1, f"x{i}") for i in range(n)]
    total: Any = 0.0
    for a, b in itertools.pairwise(x):
        total = total + 100 * (b - a * a) ** 2 + (1 - a) ** 2
    return total  # type: ignore[no-any-return]


def tangle(n: int) -> Value:
    """A graph whose arrows pass many boxes."""
    values: list[Any] = [Value(0.1 * i, f"x{i}") for i in range(n)]
    for i in range(n):
        values.append(values[i] * values[-1] * values[n - i - 1])
    return values[-1]  # type: ignore[no-any-return]


def fan(n: int) -> Value:
    x = Value(1.5, "x")
    return mg.sum([x * 2.0 for _ in range(n)])


def boxes(picture: graphviz.Digraph) -> list[str]:
    """The titles of the boxes, and how many each stands for."""
    found = [re.match(r'\s*v\d+ \[label="?([^|"]*)\|', line) for line in picture.body]
    return [match[1].replace(r"\n", " ") for match in found if match]


def words(picture: graphviz.Digraph) -> str:
    """The caption, on one line."""
    caption = re.search(r'label="([^"]*)" nodesep', picture.source)
    return caption[1].replace(r"\n", " ") if caption else ""


def frames(picture: graphviz.Digraph) -> list[str]:
    return re.findall(r'graph \[.*?label="?([^"=]*?)"? labeljust', picture.source)


def parts(output: Value, max_nodes: int | None = 200, depth: int | None = None) -> list[Part]:
    order = topological_order(output)
    return fold(order, [output], depth, max_nodes, grouped(order, [output]))


LARGE: dict[str, Callable[[], Value]] = {
    "network": network,
    "network of scopes": lambda: network(scopes=True),
    "many points": lambda: network((2, 8, 1), points=20, scopes=True),
    "loop": lambda: loop(3000),
    "steps": lambda: steps(1000),
    "rosenbrock": lambda: rosenbrock(500),
    "fan": lambda: fan(5000),
}


# What is shown


def test_a_graph_that_fits_is_shown_whole() -> None:
    assert all(len(part.blocks) == 1 for part in parts(network((2, 3, 1))))
    assert "boxes" not in mg.draw(network((2, 3, 1))).source


@pytest.mark.parametrize("style", ["boxes", "circles"])
@pytest.mark.parametrize("make", [lambda: loop(7), lambda: network((2, 3, 1)), lambda: tangle(12)])
def test_folding_starts_with_the_first_box_too_many(make: Callable[[], Value], style: str) -> None:
    picture = mg.draw(make(), max_nodes=None, style=style)
    count = len(boxes(picture)) + len([line for line in picture.body if re.match(r"\s*o\d+n\d+ \[", line)])
    assert mg.draw(make(), max_nodes=count, style=style).source == picture.source
    assert "alike" not in picture.source
    assert len(boxes(mg.draw(make(), max_nodes=count - 1, style=style))) < len(boxes(picture))


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("max_nodes", [200, 60, 20])
def test_boxes_are_at_most_so_many(name: str, max_nodes: int) -> None:
    assert 3 <= len(boxes(mg.draw(LARGE[name](), max_nodes=max_nodes))) <= max_nodes


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("max_nodes", [None, 200, 1])
def test_each_value_is_in_one_part(name: str, max_nodes: int | None) -> None:
    output = LARGE[name]()
    order = topological_order(output)
    found = [value for part in parts(output, max_nodes) for block in part.blocks for value in block.values]
    assert len(found) == len(order)
    assert set(map(id, found)) == set(map(id, order))


@pytest.mark.parametrize("name", LARGE)
def test_the_same_graph_folds_the_same_way(name: str) -> None:
    assert mg.draw(LARGE[name]()).source == mg.draw(LARGE[name]()).source


@pytest.mark.parametrize("name", LARGE)
def test_what_was_folded_is_said(name: str) -> None:
    output = LARGE[name]()
    order = topological_order(output)
    leaves = sum(value.op is None for value in order)
    picture = mg.draw(output)
    shown = len([line for line in picture.body if re.match(r"\s*v\d+ \[", line)])
    on = "1 leaf" if leaves == 1 else f"{leaves:,} leaves"
    assert f"{len(order) - leaves:,} operations on {on} in {shown} boxes" in words(picture)
    assert re.search(r"× ([\d,]+): \1 alike", words(picture))


def test_one_leaf_is_no_plural() -> None:
    assert "299 operations on 1 leaf in 3 boxes" in mg.draw(fan(150), max_nodes=100).source


def test_the_caption_explains_by_an_example_from_the_picture() -> None:
    x = [Value(i / 10, f"x{i}") for i in range(1, 49)]
    picture = mg.draw(mg.prod([mg.sin(v) for v in x]), max_nodes=60)
    assert "× 48: 48 alike, from 0.1 to 4.8" in words(picture)


def test_neurons_that_are_alike_are_one_box() -> None:
    picture = mg.draw(network())
    assert {"w0_…_… × 32", "w1_…_… × 256", "w2_0_… × 16", "b0_… × 16", "x… × 2", "v… = tanh(v…) × 16"} <= set(
        boxes(picture)
    )
    assert boxes(picture).count("v… = tanh(v…) × 16") == 2
    assert len([title for title in boxes(picture) if "tanh(v" in title]) == 3


@pytest.mark.parametrize(
    ("start", "least", "most"), [(-100, -200.0, 398.0), (-250, -500.0, 98.0), (0, 0.0, 598.0), (-299, -598.0, 0.0)]
)
def test_a_folded_box_with_gradients_of_both_signs_has_both_colours(start: int, least: float, most: float) -> None:
    x = [Value(float(start + i), f"x{i}") for i in range(300)]
    total = mg.sum([v * v for v in x])
    total.backward()
    (line,) = [line for line in mg.draw(total).body if "x…" in line and "v… = " not in line]
    strongest = max(-least, most)
    both = ":".join(tint(gradient, strongest) for gradient in (least, most) if gradient)
    assert f'fillcolor="{both}"' in line


def test_a_folded_box_gives_the_range_of_its_numbers() -> None:
    x = [Value(float(i), f"x{i}") for i in range(300)]
    total = mg.sum([v * v for v in x])
    total.backward()
    source = mg.draw(total).source
    assert r"x…\n× 300|value 0 … 299\lgradient 0 … 598\l" in source
    assert '[label=" 0 … 598 "' in source
    assert "= sum of 300 terms|value 8.955e+06" in source


def test_a_loop_leads_back_to_itself_between_its_first_and_last_turns() -> None:
    picture = mg.draw(loop(10_000))
    assert any(re.fullmatch(r"v… = v… · a × 9,99\d", title) for title in boxes(picture))
    assert re.fullmatch(r"loop of 9,99\d turns", frames(picture)[0])
    assert len(boxes(picture)) < 15
    assert "next turn: 0.9" in picture.source
    edges = [re.findall(r"v\d+", line)[:2] for line in picture.body if "->" in line]
    after: dict[str, set[str]] = {}
    for tail, head in edges:
        after.setdefault(tail, set()).add(head)

    def comes_back(start: str) -> bool:
        seen: set[str] = set()
        pending = [start]
        while pending:
            new = after.get(pending.pop(), set()) - seen
            seen |= new
            pending += new
        return start in seen

    assert any(map(comes_back, after))


def test_outputs_keep_a_box_of_their_own() -> None:
    x = [Value(float(i), f"x{i}") for i in range(400)]
    squares = [v * v for v in x]
    picture = mg.draw(squares[7], mg.sum(squares))
    thick = [line for line in picture.body if "penwidth" in line]
    assert len(thick) == 2
    assert "x7 · x7" in thick[0]


def test_names_decide_where_there_is_room_for_them() -> None:
    x = Value(2.0, "x")
    terms = [x * 3.0 for _ in range(150)] + [x * 4.0 for _ in range(150)]
    assert {"v… = x · 3 × 150", "v… = x · 4 × 150"} <= set(boxes(mg.draw(mg.sum(terms))))
    assert "v… = x · … × 300" in boxes(mg.draw(mg.sum(terms), max_nodes=3))


def test_a_term_that_comes_often_is_counted_on_its_arrow() -> None:
    x = Value(2.0, "x")
    total = mg.sum([x] * 300)
    total.backward()
    assert 'v0 -> v299 [label=" 300 "' in mg.draw(total).source
    assert 'v0 -> o299 [label=" 300 "' in mg.draw(total, style="circles").source
    terms = mg.sum([x * float(i) for i in range(5)] + [1.0, 2.0, 3.0])
    source = mg.draw(terms, max_nodes=6, style="circles").source
    assert 'label="1 … 3 × 3"' in source
    assert '[label=" 1 "' in source


def test_folded_circles_say_where_and_clip() -> None:
    def function(x: Value, *ps: Value) -> Any:
        return mg.sum([mg.where(x > float(i), mg.clip(p * x, 0.0, 1.0), p) for i, p in enumerate(ps)])

    (total,) = mg.jit(function).graph(Value(1.5), *[Value(float(i)) for i in range(60)])
    source = mg.draw(total, style="circles").source
    assert "[label=where fillcolor" in source
    assert "[label=clip fillcolor" in source


# Scopes


@pytest.mark.parametrize("style", ["boxes", "circles"])
def test_results_have_one_name_however_much_is_folded(style: str) -> None:
    u, v = Value(0.5, "u"), Value(0.25, "v")
    with mg.scope("layer"):
        y = mg.tanh(u - v - 1)
    y.label = "y"
    named = [re.findall(r"y = tanh\(v\d\)", mg.draw(y, depth=depth, style=style).source)[0] for depth in (None, 0)]
    assert named[0] == named[1]


@pytest.mark.parametrize("style", ["boxes", "circles"])
def test_a_sum_that_a_folded_scope_cuts_off_has_a_name(style: str) -> None:
    x = [Value(1.0, "x"), Value(2.0)]
    with mg.scope("layer"):
        z = x[0] * 3 + x[1] + 1
    picture = mg.draw(z + mg.tanh(x[0]), depth=0, style=style)
    assert re.search(r"v\d = layer|v\d = v\d \+ v\d", picture.source)
    y = mg.nn.MLP(2, [3, 1], seed=0)([Value(0.5), Value(0.6)])
    assert "layer 0" in mg.draw(y, depth=0, style=style).source


def test_scopes_are_frames() -> None:
    picture = mg.draw(network((2, 3, 1), scopes=True))
    # Two frames around the same boxes are one.
    assert sorted(frames(picture)) == ["layer 1", "layer 2, neuron 1", "neuron 1", "neuron 2", "neuron 3"]
    svg = picture.pipe("svg", encoding="utf-8")
    assert svg.count('class="cluster"') == 5


def test_scopes_that_are_alike_share_a_frame_and_others_do_not() -> None:
    picture = mg.draw(network((2, 16, 16, 1), points=10, scopes=True))
    assert frames(picture) == [
        "layer 1 × 10", "neuron … × 160", "layer 2 × 10", "neuron … × 160", "layer 3 × 10", "neuron 1 × 10",
    ]  # fmt: skip


def test_runs_that_have_nothing_alike_do_not_share_a_frame() -> None:
    x = Value(1.0, "x")
    with mg.scope("step"):
        a = mg.sin(x)
    with mg.scope("step"):
        b = mg.exp(x)
    assert frames(mg.draw(a + b + mg.mean([mg.tanh(x * float(i)) for i in range(300)]))) == ["step", "step"]


def test_each_run_is_in_one_frame() -> None:
    w, results = Value(1.0, "w"), []
    for i in range(300):
        with mg.scope(f"s {i}"):
            results.append(Value(float(i), f"x{i}") * 2.0)
            if i % 2 == 0:
                results.append(mg.sin(w) * 3.0)
    assert frames(mg.draw(mg.sum(results))) == ["s … × 300"]


def test_scopes_in_scopes_need_few_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []
    original = Network.refine

    def counted(self: Network, *arguments: Any) -> Any:
        searches.append(self)
        return original(self, *arguments)

    monkeypatch.setattr(Network, "refine", counted)
    x: Any = Value(0.5, "x")
    with contextlib.ExitStack() as stack:
        for level in range(100):
            stack.enter_context(mg.scope(f"level {level}"))
            for _ in range(10):
                x = mg.sin(x) * 1.1 if level % 3 else mg.exp(x) - 0.1
    assert 3 <= len(boxes(mg.draw(x))) <= 200
    assert len(searches) <= 2 * (2 + folding.DEEPEST.bit_length())


def test_many_scopes_in_each_other_are_drawn_without_a_limit_on_boxes() -> None:
    x: Any = Value(0.5, "x")
    with contextlib.ExitStack() as stack:
        for level in range(1500):
            stack.enter_context(mg.scope(f"level {level}"))
            x = mg.sin(x)
    picture = mg.draw(x, max_nodes=None)
    assert len(frames(picture)) == folding.DEEPEST
    assert "level 20|operations: 1479" in picture.source


def test_depth_folds_scopes_into_boxes_with_their_inputs_and_outputs() -> None:
    output = network((2, 3, 1), scopes=True)
    whole, layers, closed = (mg.draw(output, depth=depth) for depth in (2, 1, 0))
    assert whole.source == mg.draw(output).source
    assert sorted(frames(layers)) == ["layer 1", "layer 2"]
    neurons = sorted(title for title in boxes(layers) if "neuron" in title)
    assert neurons == ["neuron 1", "neuron 1", "neuron 2", "neuron 3"]
    assert frames(closed) == []
    assert [title for title in boxes(closed) if "layer" in title] == ["layer 1", "layer 2"]
    assert r"layer 1|operations: 15\l" in closed.source
    assert "grey: a folded scope" in closed.source
    names = {match[2]: match[1] for line in closed.body if (match := re.match(r'\s*(v\d+) \[label="?([\w ]+)', line))}
    arrows = {tuple(re.findall(r"v\d+", line)[:2]) for line in closed.body if "->" in line}
    for leaf in ("x0", "w0_0_0", "b0_2"):
        assert (names[leaf], names["layer 1"]) in arrows
    assert (names["layer 1"], names["layer 2"]) in arrows
    assert (names["x0"], names["layer 2"]) not in arrows


def test_a_depth_beyond_all_scopes_is_no_error() -> None:
    output = network((2, 3, 1), scopes=True)
    assert mg.draw(output, depth=99).source == mg.draw(output).source


def test_a_leaf_made_in_a_scope_is_folded_with_it() -> None:
    with mg.scope("layer"):
        y = Value(2.0, "w") * Value(3.0, "x")
    assert r"layer|operations: 1\lleaves: 2\l" in mg.draw(y + 1, depth=0).source


def test_an_output_made_in_a_folded_scope_is_still_shown() -> None:
    with mg.scope("layer"):
        y = mg.tanh(Value(2.0, "w") * Value(3.0, "x"))
    y.label = "y"
    picture = mg.draw(y, depth=0)
    assert boxes(picture) == ["layer", "y = tanh(v1)"]
    assert r"layer|operations: 1\lleaves: 2\l" in picture.source
    assert r"y = tanh(v1)|value 1\l" in picture.source


def test_repeated_scopes_fold_to_a_loop() -> None:
    picture = mg.draw(steps(3000))
    assert any(re.fullmatch(r"step … × 2,9\d\d", title) for title in boxes(picture))
    assert {"step 0", "step 2999"} <= set(boxes(picture))


def test_a_loop_in_a_scope_is_shown_as_a_loop() -> None:
    with mg.scope("training"):
        y = steps(3000)
    picture = mg.draw(y)
    assert any(re.fullmatch(r"step … × 2,9\d\d", title) for title in boxes(picture))
    assert frames(picture)[0] == "training"
    assert re.fullmatch(r"loop of 2,9\d\d turns", frames(picture)[1])
    assert "training" in boxes(mg.draw(y, depth=0))


def test_names_of_scopes_appear_as_they_are() -> None:
    with mg.scope('<b> & "q" {x|y} \\N'):
        y = Value(2.0) * 3
    svg = mg.draw(y).pipe("svg", encoding="utf-8")
    assert '<b> & "q" {x|y} \\N' in html.unescape(svg)


# The search for what is alike


@st.composite
def graphs(draw: st.DrawFn) -> list[Value]:
    """Random graphs of up to 30 operations, with repeated parts."""
    values: list[Any] = [Value(1.0, draw(st.sampled_from(["a", "b1", "b2"]))) for _ in range(draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(1, 30))):
        left, right = (draw(st.sampled_from(values[-8:])) for _ in range(2))
        values.append(draw(st.sampled_from([left + right, left * right, mg.sin(left), left * 2.0, left + 2.0])))
    return topological_order(values[-1])


def naive_classes(search: Network, first: list[int]) -> list[frozenset[int]]:
    """The coarsest stable partition, by signing every block anew until nothing changes."""
    classes: list[Any] = list(first)
    while True:
        signed = [(class_, search.signature(i, classes)) for i, class_ in enumerate(classes)]
        numbers = {signature: number for number, signature in enumerate(dict.fromkeys(signed))}
        refined = [numbers[signature] for signature in signed]
        if len(set(refined)) == len(set(classes)):
            return groups(refined)
        classes = refined


def groups(classes: list[int]) -> list[frozenset[int]]:
    return [frozenset(i for i, c in enumerate(classes) if c == class_) for class_ in dict.fromkeys(classes)]


@given(graphs(), st.booleans(), st.sampled_from(list(Likeness)))
def test_the_search_finds_the_coarsest_stable_partition(
    order: list[Value], join_sums: bool, likeness: Likeness
) -> None:
    kept = frozenset(order[-1:])
    blocks = blocks_of(order, kept, 0, grouped(order, kept) if join_sums else {})
    search = Network(blocks)
    first = colours(blocks, frozenset(order[-1:]), likeness, 1000)
    assert first is not None
    classes, settled = search.refine(first, 1000)
    assert settled
    assert set(groups(classes)) == set(naive_classes(search, first))


@given(graphs(), st.integers(1, 40))
def test_stopping_early_gives_a_coarser_partition_that_fits(order: list[Value], most: int) -> None:
    blocks = blocks_of(order, frozenset(order[-1:]), 0, {})
    search = Network(blocks)
    first = colours(blocks, frozenset(order[-1:]), Likeness.PATTERN, 1000)
    assert first is not None
    classes, settled = search.refine(first, most)
    end, _ = search.refine(first, 1000)
    assert settled == (search.box_count(end) <= most)
    assert search.box_count(classes) <= max(most, search.box_count(first))
    assert all(any(fine <= coarse for coarse in groups(classes)) for fine in groups(end))


@given(graphs(), st.integers(1, 60))
def test_any_random_graph_folds_into_few_boxes(order: list[Value], max_nodes: int) -> None:
    found = parts(order[-1], max_nodes)
    assert len(found) <= max(max_nodes, 7)
    assert sorted(id(v) for part in found for block in part.blocks for v in block.values) == sorted(map(id, order))


def test_only_unnamed_sums_that_nothing_else_uses_are_joined() -> None:
    x = Value(1.0, "x")
    named = x + 1
    named.label = "named"
    shared = named + 2
    total = (shared + 3) - 4 + shared
    groups = [part.blocks[0] for part in parts(total) if part.kind == "group"]
    assert [len(block.values) for block in groups] == [3]


# The words


def test_what_names_have_in_common() -> None:
    assert common(["w1_2", "w1_3"]) == "w1_…"
    assert common(["w1", "w1"]) == "w1"
    assert common(["x1 * w10", "x2 * w20"]) == "x… * w…"
    assert common(["a", "b"]) == common(["x", "x1"]) == ""


def test_ranges() -> None:
    nan, inf = float("nan"), float("inf")
    assert spread([1.0], 4) == spread([1.0, 1.0], 4) == "1"
    assert spread([3.0, -1.0, 2.0], 4) == "-1 … 3"
    assert spread([nan, 1.0, inf], 4) == "1 … inf, nan"
    assert spread([nan], 4) == "nan"


# Size and bad input


@pytest.mark.slow
def test_a_hundred_thousand_values_are_drawn() -> None:
    picture = mg.draw(loop(50_000))
    assert "49,9" in picture.source
    assert len(boxes(picture)) < 15
    assert "<svg" in picture.pipe("svg", encoding="utf-8")


def test_many_outputs_are_folded_too() -> None:
    x = Value(1.0, "x")
    assert boxes(mg.draw(*[x * 2.0 for _ in range(2000)])) == ["x", "v… = x · 2 × 2,000"]


@pytest.mark.parametrize("size", [0, -1, 2.5, "4", True])
def test_bad_max_nodes(size: Any) -> None:
    with pytest.raises(ValueError, match=f"max_nodes is an int from 1 up or None, not {size!r}"):
        mg.draw(Value(1.0), max_nodes=size)


@pytest.mark.parametrize("depth", [-1, 2.5, "4", True])
def test_bad_depth(depth: Any) -> None:
    with pytest.raises(ValueError, match=f"depth is an int from 0 up or None, not {depth!r}"):
        mg.draw(Value(1.0), depth=depth)
