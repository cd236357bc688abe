"""Functions made of functions, in copies and pickles: never another's, never stale."""

from __future__ import annotations

import copy
import functools
import importlib
import io
import os
import pickle
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.functions import mul
from microgrady.pickling.fingerprint import Fingerprint
from microgrady.primitives import user_primitives

needs_llvm = pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="jit needs llvmlite")


class Term:
    """A callable object over a model."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, x: Any) -> Any:
        """The model's weight times x."""
        return self.model.weight * x


def twice(function: Any) -> Any:
    return lambda x: 2 * function(x)


class Model:
    """A model that holds functions of itself, made in one of several ways."""

    def __init__(self, make: Callable[[Model], Any]) -> None:
        self.weight = Value(3.0)
        self.function = make(self)

    def forward(self, x: Any, factor: Any = 1.0) -> Any:
        """The weight times x."""
        return self.weight * x * factor


WAYS: dict[str, Callable[[Any], Any]] = {
    "bound": lambda model: model.forward,
    "grad of bound": lambda model: mg.grad(model.forward),
    "value_and_grad": lambda model: mg.value_and_grad(model.forward),
    "hessian": lambda model: mg.hessian(lambda x: model.weight * x**2),
    "hvp": lambda model: lambda x: mg.hvp(lambda y: model.weight * y**2)(x, 1.0),
    "partial": lambda model: functools.partial(model.forward, factor=2.0),
    "lambda": lambda model: lambda x: model.weight * x,
    "default": lambda model: lambda x, w=model.weight: w * x,
    "lambda over a lambda": lambda model: (lambda inner: lambda x: inner(x) * 2)(lambda x: model.weight * x),
    "lambda over a list of lambdas": lambda model: (lambda inner: lambda x: inner[0](x))([lambda x: model.weight * x]),
    "decorated": lambda model: twice(functools.wraps(model.forward)(lambda x: model.forward(x))),
    "callable object": Term,
    "partial of a lambda": lambda model: functools.partial(lambda y, x: model.weight * x * y, 2.0),
}


def as_number(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return [as_number(part) for part in result]
    return result.data if isinstance(result, Value) else result


@needs_llvm
@pytest.mark.parametrize("called", [False, True], ids=["fresh", "recorded"])
@pytest.mark.parametrize("way", WAYS)
def test_a_deep_copy_of_a_model_has_a_compiled_function_of_its_own(way: str, called: bool) -> None:
    model = Model(lambda model: mg.jit(WAYS[way](model)))
    expected = as_number(model.function(2.0)) if called else None
    twin = copy.deepcopy(model)
    twin.weight.data = 5.0
    for _ in range(2):
        assert as_number(twin.function(2.0)) == as_number(WAYS[way](twin)(2.0))
    model.weight.data = 3.0
    assert as_number(model.function(2.0)) == as_number(WAYS[way](model)(2.0))
    assert expected is None or as_number(model.function(2.0)) == expected
    if way != "value_and_grad":
        twin.function.backward(2.0)
        assert model.weight.grad == 0.0
        assert twin.weight.grad != 0.0


@pytest.mark.parametrize("way", WAYS)
def test_a_deep_copy_of_a_model_has_a_derivative_of_its_own(way: str) -> None:
    model = Model(lambda model: mg.jacobian(WAYS[way](model)))
    twin = copy.deepcopy(model)
    twin.weight.data = 5.0
    assert as_number(twin.function(2.0)) == as_number(mg.jacobian(WAYS[way](twin))(2.0))
    assert as_number(model.function(2.0)) == as_number(mg.jacobian(WAYS[way](model))(2.0))


@needs_llvm
def test_deep_copies_share_what_they_shared_and_functions_of_modules() -> None:
    weight = Value(2.0)
    one, two, leaf = copy.deepcopy((mg.jit(lambda x: weight * x), mg.grad(lambda x: weight * x), weight))
    leaf.data = 7.0
    assert (one(1.0), two(1.0).data) == (7.0, 7.0)
    assert (weight.data, leaf is weight) == (2.0, False)
    for shared in (mg.jit(square), mg.grad(square), mg.grad(mg.jit(square)), mg.jit(lambda x: x), decorated):
        assert copy.deepcopy(shared) is shared
        assert copy.copy(shared) is shared


@needs_llvm
def test_a_deep_copy_of_functions_that_refer_to_each_other_and_to_themselves() -> None:
    def family(weight: Any) -> Any:
        def power(x: Any, n: int) -> Any:
            return weight if n == 0 else x * power(x, n - 1)

        return mg.jit(lambda x: power(x, 2))

    weight = Value(2.0)
    function, leaf = copy.deepcopy((family(weight), weight))
    leaf.data = 3.0
    assert function(2.0) == 12.0
    model: dict[str, Any] = {"weight": weight}
    model["function"] = mg.jit(lambda x: model["weight"] * x if x < 10 else model["function"](x / 2))
    twin = copy.deepcopy(model)
    twin["weight"].data = 5.0
    assert (twin["function"](1.0), twin["function"](16.0), model["function"](1.0)) == (5.0, 40.0, 2.0)
    started_inside = copy.deepcopy(model["function"])
    assert started_inside(1.0) == 2.0


@needs_llvm
def test_what_cannot_be_copied_is_said() -> None:
    with open(os.devnull) as file, pytest.raises(TypeError, match=r"<lambda> cannot be copied, as its file cannot be"):
        copy.deepcopy(mg.jit(lambda x: x * len(file.name)))
    assert copy.deepcopy(mg.jit((lambda module: lambda x: module.sin(x))(mg)))(0.0) == 0.0


def of_the_module(x: Any) -> Any:
    return GLOBAL_MODEL["weight"] * x


GLOBAL_MODEL: dict[str, Any] = {"weight": Value(3.0), "function": None}


@needs_llvm
@pytest.mark.parametrize("function", [of_the_module, lambda x: of_the_module(x) * 2], ids=["function", "lambda"])
@pytest.mark.parametrize("make", [mg.jit, mg.grad])
def test_a_copy_that_uses_the_originals_values_says_so(make: Any, function: Any) -> None:
    GLOBAL_MODEL["function"] = make(function)
    with pytest.warns(RuntimeWarning, match=r"the copy of .* uses the Values of the original"):
        twin = copy.deepcopy(GLOBAL_MODEL)
    twin["weight"].data = 5.0
    assert as_number(twin["function"](1.0)) == as_number(GLOBAL_MODEL["function"](1.0))
    assert copy.deepcopy({"weight": Value(1.0), "function": make(function)})["weight"].data == 1.0


# Pickles.


def square(x: Any) -> Any:
    """x squared."""
    return x**2


def scaled(p: Any, factor: Any = 3.0) -> Any:
    return p[0] ** 2 * p[1] * factor


def with_more(a: Any, b: Any) -> Any:
    return a**2 * b, "more"


@mg.jit
def decorated(x: Any) -> Any:
    return x * 3


@mg.grad
def slope_of_cube(x: Any) -> Any:
    return x**3


@mg.jit
@mg.grad
def compiled_slope(x: Any) -> Any:
    return x**4


MADE: dict[str, tuple[Callable[[], Any], tuple[Any, ...]]] = {
    "grad": (lambda: mg.grad(scaled, argnums=(0, 1)), ([2.0, 3.0], 2.0)),
    "value_and_grad": (lambda: mg.value_and_grad(scaled), ([2.0, 3.0],)),
    "jacobian": (lambda: mg.jacobian(scaled), ([2.0, 3.0],)),
    "hessian": (lambda: mg.hessian(scaled), ([2.0, 3.0],)),
    "hvp": (lambda: mg.hvp(scaled), ([2.0, 3.0], [1.0, 1.0])),
    "grad of grad": (lambda: mg.grad(mg.grad(square)), (2.0,)),
    "jit of grad": (lambda: mg.jit(mg.grad(scaled)), ([2.0, 3.0],)),
    "grad of jit": (lambda: mg.grad(mg.jit(scaled)), ([2.0, 3.0],)),
    "jit of a partial": (lambda: mg.jit(functools.partial(scaled, factor=5.0)), ([2.0, 3.0],)),
    "grad of a primitive": (lambda: mg.grad(mg.sin), (2.0,)),
    "by name, with more": (lambda: mg.grad(with_more, argnames=("a", "b"), has_aux=True), (2.0, 3.0)),
    "grad of decorated": (lambda: mg.grad(decorated), (2.0,)),
    "decorated by jit": (lambda: decorated, (2.0,)),
    "decorated by grad": (lambda: slope_of_cube, (2.0,)),
    "decorated by both": (lambda: compiled_slope, (2.0,)),
}


@needs_llvm
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", MADE)
def test_what_is_made_of_functions_of_modules_pickles(name: str, protocol: int) -> None:
    make, arguments = MADE[name]
    made = make()
    expected = made(*arguments)
    loaded = pickle.loads(pickle.dumps(made, protocol))
    assert loaded(*arguments) == expected
    assert (repr(loaded), loaded.__doc__, loaded.__module__) == (repr(made), made.__doc__, made.__module__)
    assert type(loaded.__wrapped__) is type(made.__wrapped__)
    if name.startswith("decorated"):
        assert loaded is made
    if name in ("jit of grad", "jit of a partial"):
        assert len(loaded.paths) == 1


@needs_llvm
def test_models_that_hold_functions_of_themselves_pickle_from_every_end() -> None:
    for way in ("bound", "grad of bound", "partial", "callable object"):
        model = Model(lambda model, way=way: mg.jit(WAYS[way](model)))  # type: ignore[misc]
        expected = as_number(model.function(2.0))
        for twin in (pickle.loads(pickle.dumps(model)), pickle.loads(pickle.dumps([model.function, model]))[1]):
            assert as_number(twin.function(2.0)) == expected
            assert len(twin.function.paths) == 1
            twin.weight.data = 7.0
            assert as_number(twin.function(2.0)) == as_number(WAYS[way](twin)(2.0))
            assert as_number(model.function(2.0)) == expected


class Shadowed:
    """A model whose compiled method has the name of the method."""

    def __init__(self) -> None:
        self.weight = Value(3.0)
        self.forward = mg.jit(self.forward)  # type: ignore[method-assign]

    def forward(self, x: Any) -> Any:
        """The weight times x."""
        return self.weight * x


@needs_llvm
def test_a_compiled_method_under_its_own_name_pickles_from_every_end() -> None:
    model = Shadowed()
    assert model.forward(2.0) == 6.0
    for twin in (pickle.loads(pickle.dumps(model)), pickle.loads(pickle.dumps(model.forward)).__wrapped__.__self__):
        twin.weight.data = 5.0
        assert (twin.forward(2.0), model.forward(2.0)) == (10.0, 6.0)


BIAS = Value(10.0)


class Biased(Model):
    """A model that uses a Value of the module."""

    def forward(self, x: Any, factor: Any = 1.0) -> Any:
        """The weight times x, and the bias."""
        return self.weight * x + BIAS


@needs_llvm
def test_values_of_a_module_stay_those_of_the_module() -> None:
    model = Biased(lambda model: mg.jit(model.forward))
    assert model.function(2.0) == 16.0
    twin = pickle.loads(pickle.dumps(model))
    try:
        BIAS.data = 20.0
        twin.weight.data = 1.0
        assert (twin.function(2.0), model.function(2.0)) == (22.0, 26.0)
    finally:
        BIAS.data = 10.0


# What a pickle may do.


class OnlyOurs(pickle.Unpickler):
    """An unpickler that lets only microgrady's names through."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.asked: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> Any:
        """What has the name."""
        self.asked.append((module, name))
        if module.partition(".")[0] == "microgrady" and "." not in name:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


@needs_llvm
@pytest.mark.parametrize("function", [os.system, os.getcwd, square], ids=["system", "getcwd", "ours"])
@pytest.mark.parametrize(
    "make", [mg.jit, mg.grad, lambda f: mg.jit(mg.grad(f)), lambda f: mg.jit(functools.partial(f))]
)
def test_an_unpickler_is_asked_for_every_function(make: Any, function: Any) -> None:
    contents = pickle.dumps(make(function))
    unpickler = OnlyOurs(io.BytesIO(contents))
    with pytest.raises(pickle.UnpicklingError, match=f"{function.__module__}.{function.__name__} is not allowed"):
        unpickler.load()


def test_no_function_that_a_pickle_can_call_imports_what_it_says() -> None:
    for module, name in [("render", "import_extra"), ("plotting.figures", "import_plotting")]:
        imported = getattr(importlib.import_module(f"microgrady.drawing.{module}"), name)
        with pytest.raises(ValueError, match="need no module called antigravity"):
            imported("antigravity")


def test_a_damaged_program_is_refused() -> None:
    program = pytest.importorskip("microgrady.compiler.programs.program")
    good = program.Program(1)
    good.constants, good.outputs = [2.0], [good.append(mul, (0, -1))]
    guard = program.Guard("<", 0, 0, True)
    wrong: list[tuple[str, Any]] = [
        ("_lefts", [10**6]),
        ("_lefts", ["0"]),
        ("_lefts", [1]),
        ("_rights", [-5]),
        ("outputs", [7]),
        ("ops", ([], [])),
        ("constants", ["0.0 ret i32 0"]),
        ("guards", [(5, guard)]),
        ("guards", [(1, guard), (0, guard)]),
        ("guards", [(0, program.Guard("<", 1, 0, True))]),
        ("guards", [(0, program.Guard("x", 0, 0, True))]),
        ("input_count", 1.0),
        ("input_count", -1),
    ]
    for name, part in wrong:
        state = {**good.__getstate__(), name: part}
        with pytest.raises(ValueError, match="its operations do not follow"):
            program.Program.__new__(program.Program).__setstate__(state)


# Primitives.


def value_of_first(x: float) -> float:
    return 2.0 * x


def rule_of_first(y: Any, x: Any) -> Any:
    return 2.0


@needs_llvm
def test_two_primitives_of_one_name_stay_two() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    first = mg.primitive("pickled_twice", value_of_first, rule_of_first)
    second = mg.primitive("pickled_twice", lambda x: 5.0 * x, lambda y, x: 5.0)
    function = mg.jit((lambda a, b: lambda x: a(x) + b(x))(first, second))
    assert function(1.0) == 7.0
    graph: Any = first(Value(1.0)) + second(Value(1.0))
    for loaded in (pickle.loads(cloudpickle.dumps(function)), copy.deepcopy(function)):
        assert (loaded(1.0), loaded(2.0), mg.grad(loaded)(1.0)) == (7.0, 14.0, 7.0)
    for twin in (pickle.loads(pickle.dumps(graph)), copy.deepcopy(graph), pickle.loads(cloudpickle.dumps(graph))):
        assert sorted(node.op.evaluate(1.0) for node in twin.operands) == [2.0, 5.0]
        assert mg.gradients(twin, list(twin.operands[0].operands))[0].data in (2.0, 5.0)
    assert pickle.loads(pickle.dumps(first))(1.0) == 2.0
    assert copy.deepcopy(first) is first


def test_a_primitive_whose_name_another_one_has_is_refused_where_it_cannot_be_pickled_whole() -> None:
    first = mg.primitive("pickled_lost", lambda x: 2.0 * x, lambda y, x: 2.0)
    mg.primitive("pickled_lost", lambda x: 3.0 * x, lambda y, x: 3.0)
    with pytest.raises(pickle.PicklingError, match="another primitive has taken the name 'pickled_lost'"):
        pickle.dumps(first(Value(1.0)))


def test_a_primitive_that_was_defined_anew_is_not_taken_for_the_pickled_one() -> None:
    first = mg.primitive("pickled_changed", lambda x: 2.0 * x, lambda y, x: 2.0)
    contents = pickle.dumps(first(Value(1.0)))
    mg.primitive("pickled_changed", lambda x: 3.0 * x, lambda y, x: 3.0)
    with pytest.raises(LookupError, match="'pickled_changed' here is another one"):
        pickle.loads(contents)
    again = mg.primitive("pickled_changed", lambda x: 2.0 * x, lambda y, x: 2.0)
    assert pickle.loads(contents).op is again


def test_a_rule_that_refers_to_its_primitive_and_to_constants_is_known_again() -> None:
    state = [0.0]

    def make(factor: float) -> Any:
        own = mg.primitive("pickled_own", lambda x: factor * x + 0 * len(state), lambda y, x: factor + 0 * own(x))
        return own

    contents = pickle.dumps(make(2.0)(Value(1.0)))
    state.append(1.0)  # what may change at any time says nothing
    make(2.0)
    assert pickle.loads(contents).data == 2.0
    make(3.0)
    with pytest.raises(LookupError, match="another one"):
        pickle.loads(contents)
    del user_primitives["pickled_own"]
    with pytest.raises(LookupError, match="no primitive is called 'pickled_own' here"):
        pickle.loads(contents)


# Fingerprints.


def test_fingerprints_look_at_code_and_not_at_where_it_stands() -> None:
    def made(text: str) -> bytes | None:
        names: dict[str, Any] = {"__name__": "somewhere"}
        exec(textwrap.dedent(text), names)
        return Fingerprint(names["f"]).digest

    base = made("def f(x): return x * 2")
    assert base is not None
    assert base == made("\n\n# a comment\ndef f(x):\n    return x * 2")
    for other in ("def f(x): return x * 3", "def f(x): return x + 2", "def f(x, y=1): return x * 2"):
        assert made(other) != base
    looped = made("def g(x): return f(x)\ndef f(x): return g(x)")
    assert looped == made("def g(x): return f(x)\ndef f(x): return g(x)")
    assert looped != made("def g(x): return f(x) + 1\ndef f(x): return g(x)")
    assert made("s = {'a', 'b', 'c'}\ndef f(x): return x in s or x in {'p', 'q', 'r'}") is not None
    itself = made("s = []\ns.append(s)\ndef f(x): return s")
    assert itself == made("s = []\ns.append(s)\ndef f(x): return s")


def test_fingerprints_know_the_options_of_transforms_and_of_jit() -> None:
    made: list[Any] = [
        mg.grad(scaled),
        mg.grad(scaled, 1),
        mg.grad(scaled, (0, 1)),
        mg.hessian(scaled),
        mg.jacobian(scaled),
    ]
    made += [mg.jit(scaled), mg.jit(scaled, static_argnames="factor"), mg.grad(scaled, argnames="factor")]
    digests = [Fingerprint(function).digest for function in made]
    assert len(set(digests)) == len(made)
    assert None not in digests
    assert digests[2] == Fingerprint(mg.grad(scaled, argnums=(0, 1))).digest


@pytest.mark.slow
def test_what_refers_to_too_much_has_no_fingerprint() -> None:
    much = [[k] for k in range(200_000)]
    assert Fingerprint(lambda x: x * len(much)).digest is None
