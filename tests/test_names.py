"""What a user meets at a prompt: names, documentation, completion, the version, and where errors point."""

from __future__ import annotations

import builtins
import functools
import inspect
import math
import pydoc
import re
import tomllib
import traceback
from pathlib import Path
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.value import primitives

PLAIN: Any = pydoc.plaintext  # type: ignore[attr-defined]


def test_a_star_import_hides_no_built_in_function() -> None:
    assert not set(mg.__all__) & set(dir(builtins))
    assert mg.sum([1.0, 2.0]) == 3.0
    assert mg.pow(2.0, 3.0) == 8.0


def test_the_readme_names_everything_that_is_public() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert [name for name in mg.__all__ if not re.search(rf"`(microgrady\.)?{name}`", readme)] == []


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert mg.__version__ == project["project"]["version"]
    with pytest.raises(AttributeError, match="nothing_like_this"):
        mg.nothing_like_this  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", sorted(primitives))
def test_an_operation_introduces_itself(name: str) -> None:
    entry = primitives[name]
    assert (entry.__name__, entry.__qualname__, entry.__module__) == (name, name, "microgrady.value")
    parameters = inspect.signature(entry).parameters.values()
    assert str(entry.__doc__).startswith(f"{name}({', '.join(map(str, parameters))}): ")
    assert entry.variadic or len(parameters) == len(entry.rules)
    assert str(entry.__doc__).splitlines()[0] in pydoc.render_doc(entry, renderer=PLAIN)

    @functools.wraps(entry)
    def wrapped(*operands: Any) -> Any:
        return entry(*operands)

    assert (wrapped.__name__, wrapped.__doc__) == (name, entry.__doc__)


def test_the_class_of_operations_has_documentation_of_its_own() -> None:
    assert str(mg.Primitive.__doc__).startswith("One operation")
    assert (mg.Primitive.__name__, mg.Primitive.__qualname__, mg.Primitive.__module__) == (
        "Primitive",
        "Primitive",
        "microgrady.value",
    )
    assert "One operation" in pydoc.render_doc(mg.Primitive, renderer=PLAIN)


def test_a_users_operation_is_introduced_by_its_function() -> None:
    def cube(x: float) -> float:
        """The third power."""
        return x**3

    entry = mg.primitive("cube_for_a_test", cube, lambda y, x: 3.0 * x * x)
    assert str(entry.__doc__).startswith("cube_for_a_test(x): The third power.")


@pytest.mark.parametrize("name", sorted(name for name in dir(mg) if isinstance(getattr(mg, name), mg.Primitive)))
def test_the_first_line_of_help_says_what_a_public_function_is(name: str) -> None:
    line = str(getattr(mg, name).__doc__).splitlines()[0]
    assert not re.search(r"likewise|Integral|Any", line)
    assert not re.fullmatch(r"(\w+)\(.*\): \1(\(x\)|x)\.", line)


def test_help_names_the_operands_as_the_formula_does() -> None:
    starts = {mg.xlogy: "xlogy(x, y): x * log(y)", mg.hypot: "hypot(*operands): sqrt(", mg.pow: "pow(a, b): a**b"}
    for function, start in starts.items():
        assert str(function.__doc__).startswith(start)


def test_completion_offers_what_the_package_offers_and_a_users_own_operations() -> None:
    mine = mg.primitive("offered_in_a_test", math.exp, lambda y, x: y)
    offered = set(dir(Value(1.0)))
    assert {mine.name, "sin", "arcsin", "xlogy"} <= offered
    assert not {"masked_product", "div_square", "exp_share_slope", "argument", "clip_low"} & offered


def test_completion_finds_the_methods() -> None:
    x = Value(1.0)
    assert {"exp", "tanh", "relu", "backward", "data", "grad", "conjugate"} <= set(dir(x))
    assert all(hasattr(x, name) for name in dir(x))
    assert x.exp().data == math.e
    assert (x.exp.__name__, x.atan2(2.0).data) == ("exp", math.atan2(1.0, 2.0))
    assert str(x.exp.__doc__).startswith("exp(x): ")


def test_an_error_points_at_a_file_that_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong: Any = "a"
    for action in (lambda: Value(wrong), lambda: mg.sin(wrong), lambda: Value(1.0) + wrong, lambda: Value(1.0) < wrong):
        with pytest.raises(TypeError) as caught:
            action()
        places = traceback.extract_tb(caught.value.__traceback__)
        assert all(Path(place.filename).is_file() for place in places)
        last = [place for place in places if Path(place.filename).name == "value.py"][-1]
        assert str(last.line) in Path(last.filename).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Value(), TypeError),  # type: ignore[call-arg]
        (lambda: Value(1.0, "a", 2), TypeError),  # type: ignore[call-arg]
        (lambda: Value(1.0, nothing=2), TypeError),  # type: ignore[call-arg]
        (lambda: Value(1.0, 2), TypeError),  # type: ignore[arg-type]
        (lambda: Value("1"), TypeError),
        (lambda: setattr(Value(1.0), "mine", 2), AttributeError),
        (lambda: setattr(Value(1.0), "data", "a"), TypeError),
        (lambda: setattr(Value(1.0), "op", None), AttributeError),
        (lambda: mg.sin(), TypeError),
        (lambda: mg.sin(1.0, 2.0), TypeError),
        (lambda: mg.sin(x=1.0), TypeError),  # type: ignore[call-overload]
        (lambda: Value(1.0).backward(1.0, 2.0), TypeError),  # type: ignore[call-arg]
        (lambda: Value(1.0).backward("a"), TypeError),  # type: ignore[arg-type]
        (lambda: Value(1.0).exp(2.0), TypeError),
    ],
)
def test_wrong_calls_are_refused_alike_by_both_engines(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_what_microgradys_values_know_of_micrograd() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    assert (a._prev, a._op) == (set(), "")
    for result, symbol in ((a + b, "+"), (a * b, "*"), (a - b, "-"), (a / b, "/")):
        assert (result._prev, result._op) == ({a, b}, symbol)
    assert ((a**3)._op, (a**-0.5)._op, (2.0 * a)._prev, (a * a)._prev) == ("**3", "**-0.5", {a}, {a})
    seen: set[Value] = set()

    def trace(value: Value) -> None:
        if value not in seen:
            seen.add(value)
            for child in value._prev:
                trace(child)

    trace((a * b + a).tanh())
    assert sorted(value._op for value in seen) == ["", "", "*", "+", "tanh"]
    with pytest.raises(AttributeError, match=r"_backward.*rules of its primitive"):
        a._backward()


def test_lists_find_values_by_their_numbers_and_sets_by_themselves() -> None:
    a, b = Value(1.0), Value(1.0)
    assert [a, b].index(b) == 0
    assert len({a, b}) == 2
