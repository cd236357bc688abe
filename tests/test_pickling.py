"""Copies and pickles of graphs: nothing is lost, nothing doubled, nothing stale, at any depth."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.primitives import user_primitives
from microgrady.value import primitives
from tests.threads import run_in_threads, run_on_a_small_stack

Route = Callable[[Any], Any]


def through_pickle(protocol: int) -> Route:
    return lambda thing: pickle.loads(pickle.dumps(thing, protocol))


def through_python_pickle(thing: Any) -> Any:
    stream = io.BytesIO()
    pickle._Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(thing)
    return pickle._loads(stream.getvalue())  # type: ignore[attr-defined]


ROUTES: dict[str, Route] = {
    **{f"protocol {protocol}": through_pickle(protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)},
    "pure Python": through_python_pickle,
    "deepcopy": copy.deepcopy,
}


def example() -> tuple[Value, Value, Value, Value]:
    """Two leaves, a result and an output, all with labels and gradients."""
    x, w = Value(0.5, "x"), Value(-2.0, "w")
    shared = mg.tanh(x * w + 1)
    shared.label = "shared"
    output = shared * shared + mg.atan2(3.0, shared)
    output.label = "output"
    output.backward(0.25)
    return x, w, shared, output


def nodes_behind(output: Value) -> list[Value]:
    """Every Value once, in the order of a walk."""
    found: dict[Value, None] = {}
    stack = [output]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack.extend(operand for operand in node.operands if isinstance(operand, Value))
    return list(found)


def assert_equal_graphs(copied: Value, original: Value) -> None:
    ours, theirs = nodes_behind(copied), nodes_behind(original)
    assert len(ours) == len(theirs)
    places = {node: place for place, node in enumerate(ours)}
    originals = {node: place for place, node in enumerate(theirs)}
    for a, b in zip(ours, theirs, strict=True):
        assert a is not b
        assert (a.data, a.grad, a.label, a.op, a.partials) == (b.data, b.grad, b.label, b.op, b.partials)
        for mine, other in zip(a.operands, b.operands, strict=True):
            assert type(mine) is type(other)
            if isinstance(mine, Value) and isinstance(other, Value):
                assert places[mine] == originals[other]
            else:
                assert mine == other


@pytest.mark.parametrize("route", ROUTES)
def test_a_graph_keeps_values_gradients_labels_and_its_shape(route: str) -> None:
    *_, output = example()
    assert_equal_graphs(ROUTES[route](output), output)


@pytest.mark.parametrize("route", ROUTES)
def test_a_copy_can_be_differentiated_and_leaves_the_original_alone(route: str) -> None:
    x, w, _, output = example()
    twin = ROUTES[route](output)
    before = (x.grad, w.grad)
    leaves = {node.label: node for node in nodes_behind(twin) if node.op is None}
    twin.backward(0.25)
    assert (leaves["x"].grad, leaves["w"].grad) == (2 * x.grad, 2 * w.grad)
    assert (x.grad, w.grad) == before
    slopes = mg.gradients(twin, [leaves["x"], leaves["w"]])
    assert [slope.data for slope in slopes] == [slope.data for slope in mg.gradients(output, [x, w])]


@pytest.mark.parametrize("route", ROUTES)
def test_a_leaf_keeps_everything(route: str) -> None:
    x = Value(1.5, "x")
    x.grad = -2.0
    twin = ROUTES[route](x)
    assert twin is not x
    assert (twin.data, twin.label, twin.grad, twin.op) == (1.5, "x", -2.0, None)
    twin.data = 3.0
    assert x.data == 1.5


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_roots_that_travel_together_share_what_they_shared_in_any_order(route: str, order: tuple[int, ...]) -> None:
    things = example()
    twins = dict(zip(order, ROUTES[route]([things[place] for place in order]), strict=True))
    x, w, shared, output = (twins[place] for place in range(4))
    assert {node.label: node for node in nodes_behind(output) if node.label} == {
        "x": x,
        "w": w,
        "shared": shared,
        "output": output,
    }
    assert output.operands[0].operands == (shared, shared)
    assert output.operands[0].operands[0] is shared
    assert_equal_graphs(output, things[3])


@pytest.mark.parametrize("route", ROUTES)
def test_two_outputs_over_one_result_share_it_and_its_leaves(route: str) -> None:
    x = Value(2.0)
    middle = mg.exp(x)
    first, second = middle + 1, middle * 2
    for roots in ((first, second), (second, first), (first, second, middle), (x, second, first)):
        twins = ROUTES[route](roots)
        a, b = twins[roots.index(first)], twins[roots.index(second)]
        assert a.operands[0] is b.operands[0]
        assert a.operands[0].operands[0] is b.operands[0].operands[0]
        if x is roots[0]:
            assert twins[0] is a.operands[0].operands[0]


@pytest.mark.parametrize("route", ROUTES)
def test_leaves_shared_by_graphs_stay_shared(route: str) -> None:
    x = Value(2.0, "x")
    twin = ROUTES[route]({"leaf": x, "double": x * 2, "triple": x * 3})
    assert twin["double"].operands[0] is twin["leaf"]
    assert twin["triple"].operands[0] is twin["leaf"]
    (twin["double"] + twin["triple"]).backward()
    assert twin["leaf"].grad == 5.0


@pytest.mark.parametrize("route", ["protocol 2", "protocol 5", "pure Python", "deepcopy"])
def test_a_graph_of_depth_two_hundred_thousand_travels(route: str) -> None:
    x = y = Value(1.0)
    for k in range(100_000):
        y = y + 1.0 if k % 2 else x - y
        y = y * -1.0
    twin = ROUTES[route](y)
    assert twin.data == y.data
    twin.backward()
    leaf = nodes_behind(twin)
    assert len(leaf) == 200_001
    y.backward()
    (end,) = (node for node in leaf if node.op is None)
    assert end.grad == x.grad


@pytest.mark.parametrize("route", ["protocol 5", "deepcopy"])
def test_a_deep_graph_travels_on_a_small_stack(route: str) -> None:
    outcome: list[float] = []

    def work() -> None:
        y = Value(1.0)
        for _ in range(20_000):
            y = y + 1.0
        outcome.append(ROUTES[route](y).data)

    run_on_a_small_stack(work)
    assert outcome == [20_001.0]


@pytest.mark.parametrize("route", ROUTES)
def test_many_roots_of_one_chain_travel_together_in_order_and_backwards(route: str) -> None:
    chain = [Value(0.0) + 1.0]
    for _ in range(2000):
        chain.append(chain[-1] + 1.0)
    for roots in (chain, chain[::-1], chain[::7] + chain):
        twins = ROUTES[route](roots)
        assert [twin.data for twin in twins] == [root.data for root in roots]
        assert len({node for twin in (twins[-1], twins[0]) for node in nodes_behind(twin)}) == 2002


def test_a_graph_whose_parts_another_pickler_holds_travels_at_any_depth() -> None:
    y = Value(0.0) + 1.0
    pickler = pickle.Pickler(io.BytesIO())
    for _ in range(3000):
        pickler.dump(y)
        y = y + 1.0
    pickler.dump(y)
    assert pickle.loads(pickle.dumps(y)).data == y.data
    assert copy.deepcopy(y).data == y.data


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_is_stale_after_changes_between_two_copies(route: str) -> None:
    x, w, shared, output = example()
    ROUTES[route](output)
    x.data, x.label, x.grad = 9.0, "renamed", 7.0
    shared.label = "relabelled"
    output.backward()
    more = output * w
    more.backward(3.0)
    assert_equal_graphs(ROUTES[route](output), output)
    assert_equal_graphs(ROUTES[route](more), more)
    twin = ROUTES[route](more)
    labels = {node.label for node in nodes_behind(twin)}
    assert {"renamed", "relabelled"} <= labels


@pytest.mark.parametrize("route", ROUTES)
def test_a_copied_graph_can_be_copied_again(route: str) -> None:
    *_, output = example()
    twin = ROUTES[route](ROUTES[route](output))
    assert_equal_graphs(twin, output)
    longer: Any = mg.sin(ROUTES[route](output)) * 2.0
    assert_equal_graphs(ROUTES[route](longer), longer)


@pytest.mark.parametrize("route", ROUTES)
def test_a_primitive_travels_by_name(route: str) -> None:
    assert ROUTES[route](mg.sin) is mg.sin
    assert ROUTES[route](primitives["add"]) is primitives["add"]
    double = mg.primitive("double_for_a_pickle", lambda x: 2.0 * x, lambda y, x: 2.0)
    twin = ROUTES[route](double(Value(3.0)))
    assert twin.op is double
    assert (twin.data, twin.partials) == (6.0, (2.0,))


def test_a_primitive_that_is_missing_when_loaded_is_named() -> None:
    absent = mg.primitive("absent_for_a_pickle", lambda x: x, lambda y, x: 1.0)
    saved = pickle.dumps(absent(Value(3.0)))
    entry = user_primitives.pop("absent_for_a_pickle")
    try:
        with pytest.raises(LookupError, match=r"'absent_for_a_pickle'.*import the module that defines it"):
            pickle.loads(saved)
    finally:
        user_primitives["absent_for_a_pickle"] = entry
    assert pickle.loads(saved).data == 3.0


def test_a_shallow_copy_has_the_same_operands() -> None:
    x, _, shared, output = example()
    twin = copy.copy(output)
    assert twin is not output
    assert (twin.data, twin.grad, twin.label, twin.op) == (output.data, output.grad, output.label, output.op)
    assert all(a is b for a, b in zip(twin.operands, output.operands, strict=True))
    assert twin.partials == output.partials
    leaf = copy.copy(x)
    leaf.data = 100.0
    assert (x.data, leaf.label, leaf.grad) == (0.5, "x", x.grad)
    x.grad = 0.0
    twin.backward(0.25)
    assert x.grad == leaf.grad
    assert shared.grad != 0.0


def test_infinities_nan_and_the_sign_of_zero_survive() -> None:
    x = Value(-0.0)
    for result in (1 / x, 0 / x, x * 1.0):
        twin = pickle.loads(pickle.dumps(result))
        assert repr(twin) == repr(result)
        assert repr(twin.partials) == repr(result.partials)
        assert repr(twin.operands) == repr(result.operands)


def test_arrays_of_values_travel() -> None:
    np = pytest.importorskip("numpy")
    x = Value(2.0)
    array = np.array([x, x * 2, 3 * x])
    for route in ROUTES.values():
        twin = route(array)
        assert [entry.data for entry in twin] == [2.0, 4.0, 6.0]
        assert twin[1].operands[0] is twin[0]
        assert twin[2].operands[1] is twin[0]


def test_copying_threads_do_not_disturb_each_other() -> None:
    def work(index: int) -> None:
        for k in range(30):
            y = Value(float(index))
            for _ in range(20 + k):
                y = y + mg.sin(y) * 0.0 + 1.0
            twin = pickle.loads(pickle.dumps([y, y * 2]))
            assert twin[0].data == index + 20.0 + k
            assert twin[1].operands[0] is twin[0]
            assert copy.deepcopy(y).data == y.data

    run_in_threads(work, 6)
