"""Scopes: which Values carry which, across threads, tasks, relabelling, copies and pickles."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value, scopes
from microgrady.scopes import open_scopes, path_of
from tests.threads import join, start


def names(value: Value) -> list[str]:
    return [scope.name for scope in path_of(value._label)]


def test_what_is_made_in_a_scope_carries_it() -> None:
    x = Value(2.0, "x")
    with mg.scope("layer"):
        w = Value(3.0, "w")
        y = w * x
        z = mg.tanh(y)
    after = z + 1
    assert [names(value) for value in (x, w, y, z, after)] == [[], ["layer"], ["layer"], ["layer"], []]


def test_scopes_nest() -> None:
    with mg.scope("outer"):
        a = Value(1.0)
        with mg.scope("inner"):
            b = a * 2
        c = b * 2
    assert [names(value) for value in (a, b, c)] == [["outer"], ["outer", "inner"], ["outer"]]


def test_each_run_is_a_scope_of_its_own() -> None:
    made = []
    for _ in range(2):
        with mg.scope("step"):
            made.append(Value(1.0) * 2)
    first, second = (path_of(value._label) for value in made)
    assert first != second
    assert names(made[0]) == names(made[1])


def test_labels_are_plain_strings_and_can_change() -> None:
    with mg.scope("layer"):
        x = Value(2.0, "x")
        y = x * x
    assert (type(x.label), x.label, type(y.label), y.label) == (str, "x", str, "")
    y.label = "y"
    assert (y.label, names(y)) == ("y", ["layer"])
    assert repr(x) == "Value(2.0, 'x')"


def test_a_label_from_a_scope_does_not_carry_it_elsewhere() -> None:
    with mg.scope("layer"):
        x = Value(2.0, "x")
    y = Value(1.0, x._label)
    assert (y.label, names(y)) == ("x", [])


def test_derivatives_made_in_a_scope_carry_it() -> None:
    x = Value(2.0, "x")
    y = x * x * x
    with mg.scope("slope"):
        (slope,) = mg.gradients(y, [x])
    assert names(slope) == ["slope"]


def test_a_scope_decorates() -> None:
    @mg.scope("activation")
    def activation(x: Any) -> Any:
        return mg.tanh(x)

    assert names(activation(Value(1.0))) == names(activation(Value(2.0))) == ["activation"]


def test_a_scope_ends_with_an_error() -> None:
    with pytest.raises(ZeroDivisionError), mg.scope("layer"):
        raise ZeroDivisionError
    assert names(Value(1.0) * 2) == []
    assert open_scopes == []


def test_threads_have_scopes_of_their_own() -> None:
    inside, done = threading.Event(), threading.Event()
    found: list[list[str]] = []

    def other() -> None:
        with mg.scope("other"):
            inside.set()
            assert done.wait(30)
            found.append(names(Value(1.0) * 2))

    threads = start(other)
    assert inside.wait(30)
    found.append(names(Value(1.0) * 2))
    with mg.scope("mine"):
        found.append(names(Value(1.0) * 2))
    done.set()
    join(threads)
    assert found == [[], ["mine"], ["other"]]


def test_tasks_have_scopes_of_their_own() -> None:
    async def task(name: str) -> list[str]:
        with mg.scope(name):
            await asyncio.sleep(0)
            return names(Value(1.0) * 2)

    async def both() -> list[list[str]]:
        return list(await asyncio.gather(task("a"), task("b")))

    assert asyncio.run(both()) == [["a"], ["b"]]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_and_pickles_keep_scopes_and_which_share_one(twin: Any) -> None:
    total: Any = Value(0.0, "start")
    for index in range(3):
        with mg.scope("step"), mg.scope("inner"):
            total = total + Value(1.0, f"x{index}")
            total = total * 2
            total.label = f"t{index}"
    again: Any = twin(total * 1)
    last, before = again.operands[0], again.operands[0].operands[0]
    assert (again.label, names(again)) == ("", [])
    assert (last.label, names(last), names(before)) == ("t2", ["step", "inner"], ["step", "inner"])
    assert path_of(last._label)[0] is path_of(before._label)[0]
    assert path_of(last._label)[0] is not path_of(before.operands[0]._label)[0]
    leaf = before.operands[1]
    assert (leaf.label, names(leaf)) == ("x2", ["step", "inner"])
    assert mg.draw(again).source == mg.draw(total * 1).source


def test_loading_inside_a_scope_does_not_add_it() -> None:
    pickled = pickle.dumps(mg.sin(Value(1.0, "x") * 2))
    with mg.scope("layer"):
        loaded = pickle.loads(pickled)
    assert names(loaded) == names(loaded.operands[0]) == names(loaded.operands[0].operands[0]) == []


def test_a_shallow_copy_keeps_its_scope() -> None:
    with mg.scope("layer"):
        y = Value(2.0) * 3
    assert names(copy.copy(y)) == ["layer"]


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        (3, TypeError, "the name of a scope is a str, not int"),
        (None, TypeError, "not NoneType"),
        ("", ValueError, "not empty, as '' is"),
        (" ", ValueError, "not empty"),
    ],
)
def test_bad_names_are_refused_at_the_call(name: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        mg.scope(name)


def test_an_interrupt_on_the_way_into_a_scope_leaves_it_closed_also_while_somebody_has_the_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Interrupted(list[scopes.Scope]):
        def append(self, opened: scopes.Scope) -> None:
            super().append(opened)
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(scopes, "open_scopes", Interrupted())
        with pytest.raises(KeyboardInterrupt) as caught, mg.scope("interrupted"):
            pytest.fail("it was interrupted on the way in")
        assert scopes.unlabelled() == ""
        assert not scopes.open_scopes
    assert caught.value.__traceback__ is not None
    assert path_of(mg.sin(Value(1.0))._label) == ()
