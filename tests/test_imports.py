"""What is imported when: nothing before it is used, and always downward."""

from __future__ import annotations

import ast
import graphlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import microgrady as mg

PACKAGE = Path(mg.__file__).parent

# From the ground up. A module imports what stands above its own line in this list, and what is in its own folder.
LAYERS = """
    later freshness forks files version introspection typed uncompiled suggestions drawing.layout
    microgrady
    comparisons tracebacks
    inputs scopes arithmetic
    refusals selection data
    tracing
    protocols
    value
    functions containers leaves
    masks
    primitives differentiation
    selections
    elimination formulas
    sequences anomaly pickling
    arrays frames matrices
    trees
    nn optim
    traced optim.variables
    sparse reverse forward
    transforms
    checking
    compiler.large_arrays compiler.signature compiler.fold compiler.programs
    compiler.methods compiler.backends compiler.axes compiler.columns
    compiler.points compiler.results
    compiler.options compiler.pointwise
    compiler.path
    compiler.branches compiler.batch_path compiler.batch_inputs
    compiler.with_paths compiler.parallel compiler.cluster compiler.c_trees
    compiler.compiled compiler.batches compiler.batch_paths
    compiler.jit compiler.small_batches compiler.batch_worker compiler.summed
    compiler.vmapped
    compiler.vmap
    optim.minimisation
    drawing.style drawing.extras
    drawing.fonts
    drawing.svg
    drawing.render
    drawing.graph
    drawing.animation
    drawing.plotting
    drawing.learning
    compiler drawing testing
    nn.history
    nn.epochs
    nn.training
    command pytest_plugin
    __main__
"""
LAYER = {name: layer for layer, names in enumerate(LAYERS.strip().splitlines()) for name in names.split()}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(tree: ast.AST) -> Iterator[str]:
    """Everything that code imports anywhere, but for what only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imported(ast.Module(node.orelse, []))
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        yield from imported(node)


IMPORTS = {
    name: {each for each in imported(ast.parse(path.read_text(encoding="utf-8"))) if each in MODULES and each != name}
    for name, path in MODULES.items()
}


def room_of(module: str) -> str:
    """The longest part of a module's name that has a layer."""
    name = module.removeprefix("microgrady.")
    while name not in LAYER:
        name, dot, _ = name.rpartition(".")
        assert dot, f"{module} is in no layer"
    return name


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_what_is_below_it(module: str) -> None:
    room = room_of(module)
    for other in IMPORTS[module]:
        assert room_of(other) == room or LAYER[room_of(other)] < LAYER[room], f"{module} imports {other}"


def test_no_imports_go_in_circles() -> None:
    graphlib.TopologicalSorter(IMPORTS).prepare()  # raises if they do, and says how


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("compiler", ("drawing", "checking", "testing", "command")),
        ("drawing", ("compiler", "testing", "command")),
        ("checking", ("compiler", "drawing", "testing", "command")),
    ],
)
def test_a_room_has_nothing_to_do_with_some_others(room: str, others: tuple[str, ...]) -> None:
    unwanted = tuple(f"microgrady.{other}" for other in others)
    reached, pending = set[str](), [name for name in MODULES if name.startswith(f"microgrady.{room}")]
    while pending:
        module = pending.pop()
        if module not in reached:
            reached.add(module)
            pending.extend(IMPORTS[module])
    assert [module for module in sorted(reached) if module.startswith(unwanted)] == []


def loaded(program: str) -> set[str]:
    """The modules that a program has loaded when it ends, in a process of its own."""
    code = f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*sorted(set(sys.modules) - before))"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, timeout=120, check=True)
    return set(result.stdout.split())


HEAVY = {"graphviz", "numpy", "matplotlib", "llvmlite", "scipy", "decimal", "ctypes", "dataclasses", "inspect", "ast"}


def is_in(module: str, rooms: str) -> bool:
    return any(module == f"microgrady.{room}" or module.startswith(f"microgrady.{room}.") for room in rooms.split())


def test_the_package_alone_loads_next_to_nothing() -> None:
    modules = loaded("import microgrady")
    assert {name for name in modules if name.startswith("microgrady")} == {
        "microgrady",
        "microgrady.freshness",
        "microgrady.later",
    }
    assert not modules & (HEAVY | {"typing", "hashlib", "pathlib", "importlib.util", "contextlib"})


@pytest.mark.parametrize(
    ("program", "unused"),
    [
        ("x = mg.Value(2.0); (x * mg.sin(x)).backward()", "drawing compiler checking transforms pickling arrays"),
        ("mg.grad(lambda x: x**2 * mg.sin(x))(2.0)", "drawing compiler checking arrays"),
        ("mg.hessian(lambda p: mg.norm(p))([2.0, 3.0])", "drawing compiler checking arrays"),
        ("import copy; copy.deepcopy(mg.Value(2.0) * 3.0)", "drawing compiler checking arrays transforms"),
        ("mg.check_gradient(mg.sin, 1.0)", "drawing compiler arrays"),
        ("mg.testing.assert_gradient(mg.sin, 1.0)", "drawing compiler arrays"),
        ("mg.draw(mg.sin(mg.Value(2.0)))", "compiler checking arrays drawing.plotting drawing.animation"),
        ("mg.pi, mg.inf, mg.__version__", "value functions arithmetic drawing compiler checking arrays transforms"),
        ("mg.nn.MLP(2, [3, 1], seed=0)([1.0, 2.0]).backward()", "drawing compiler checking transforms nn.weights"),
        ("mg.jit", "drawing checking arrays"),
        ("mg.vmap", "drawing checking arrays"),
        ("mg.data.moons, mg.data.digits", "drawing compiler checking arrays trees"),
        ("mg.plot", "compiler arrays checking.gradient drawing.animation drawing.graph drawing.plotting.maps"),
        ("import microgrady.command.expressions", "drawing checking compiler.jit compiler.backends"),
    ],
)
def test_a_program_loads_what_it_uses(program: str, unused: str) -> None:
    modules = loaded(f"import microgrady as mg\n{program}")
    assert [module for module in sorted(modules) if is_in(module, unused)] == []
    assert not modules & {"numpy", "matplotlib", "scipy", "llvmlite.binding"}


def test_every_public_name_is_where_type_checkers_are_told_that_it_is() -> None:
    told: dict[str, Any] = {}
    for node in ast.walk(ast.parse(MODULES["microgrady"].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            told.update({alias.asname: node.module for alias in node.names if alias.asname})
    homes = {name: home for home, names in mg._HOMES.items() for name in names.split()}
    assert told == homes
    assert set(mg.__all__) == set(homes) - {"pow", "round", "sum"}
    assert set(homes) <= set(dir(mg))


@pytest.mark.parametrize("package", [mg.checking, mg.data, mg.drawing, mg.nn, mg.optim])
def test_packages_offer_their_names_where_type_checkers_are_told_that_they_are(package: Any) -> None:
    homes = {name: home for home, names in package._HOMES.items() for name in names.split()}
    assert set(package.__all__) == set(homes) <= set(dir(package))
    told: dict[str, Any] = {}
    for node in ast.walk(ast.parse(MODULES[package.__name__].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module != "microgrady":
            told.update({alias.name: node.module for alias in node.names})
    assert told == homes
    assert all(getattr(package, name) is getattr(sys.modules[home], name) for name, home in homes.items())


def test_submodules_are_attributes_whether_they_have_been_imported_or_not() -> None:
    modules = loaded("import microgrady as mg\nassert mg.drawing.style and mg.checking.numeric and mg.testing")
    assert "microgrady.drawing.style" in modules
    with pytest.raises(AttributeError, match="module 'microgrady' has no attribute 'nothing'"):
        getattr(mg, "nothing")  # noqa: B009
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from microgrady import nothing  # type: ignore[attr-defined]  # noqa: F401


def test_values_are_known_to_pickle_copy_and_numpy_at_once() -> None:
    program = (
        "import copy, pickle, numpy\n"
        "from microgrady import Value\n"
        "y = Value(2.0) * 3.0\n"
        "assert pickle.loads(pickle.dumps(y)).data == copy.deepcopy(y).data == 6.0\n"
        "assert (numpy.ones(2) * y)[1].data == numpy.add(y, 0.0).data == 6.0\n"
    )
    assert "microgrady.drawing" not in loaded(program)


@pytest.mark.parametrize("module", ["value", "functions", "scopes", "sequences", "pickling.graphs"])
def test_values_calculate_whichever_module_is_imported_first(module: str) -> None:
    program = (
        f"import microgrady.{module}\n"
        "from microgrady.value import Value, primitives\n"
        "x = Value(-2.0)\n"
        "assert abs(x).partials == (-1.0,)\n"
        "assert x.exp().op is primitives['exp']\n"
    )
    assert "microgrady.functions" in loaded(program)


def test_threads_may_ask_for_the_first_names_at_once() -> None:
    program = (
        "import sys, threading\n"
        "import microgrady as mg\n"
        "names = 'draw jit grad check_gradient array testing trees sin Value primitive norm Jitted'.split()\n"
        "barrier, found = threading.Barrier(len(names)), {}\n"
        "def ask(name):\n"
        "    barrier.wait(60)\n"
        "    found[name] = getattr(mg, name)\n"
        "sys.setswitchinterval(1e-5)\n"
        "threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in names]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join(60)\n"
        "assert sorted(found) == sorted(names)\n"
        "assert found['grad'](lambda x: found['sin'](x) * x)(0.0) == 0.0"
    )
    assert "microgrady.functions" in loaded(program)


def test_only_identifiers_are_looked_for_among_the_modules() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'drawing\.graph'"):
        getattr(mg, "drawing.graph")


def test_the_pytest_plugin_imports_nothing_of_the_package_before_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n"
        "def test_nothing():\n"
        "    ours = {name for name in sys.modules if name.partition('.')[0] == 'microgrady'}\n"
        "    assert ours == {'microgrady', 'microgrady.freshness', 'microgrady.later', 'microgrady.pytest_plugin'}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-p", "microgrady.pytest_plugin", "--rootdir", ".", str(tmp_path)]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(PACKAGE.parent)}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout
