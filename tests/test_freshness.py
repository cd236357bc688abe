"""The compiled engine and its source: what was changed is not run as it was, and tracebacks name the source."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import microgrady as mg
from tests import processes

pytestmark = pytest.mark.skipif(mg.engine_kind() != "compiled", reason="the engine is not compiled")

PROGRAM = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import microgrady as mg
print(mg.__file__, mg.engine_kind(), mg.grad(mg.exp)(0.0), *[str(each.message) for each in caught], sep="|")
"""


def append(*names: str) -> Callable[[Path], None]:
    """Add a comment to files."""

    def change(folder: Path) -> None:
        for name in names:
            with (folder / name).open("a", encoding="utf-8") as file:
                file.write("\n# changed\n")

    return change


def remove_source(folder: Path) -> None:
    (folder / "value.py").unlink()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda folder: None, "compiled"),
        (append("functions.py", "transforms.py"), "compiled"),
        (append("value.py"), "python"),
        (append("arithmetic/floats.py"), "python"),
        (append("value.pxd"), "python"),
        (append("differentiation.py"), "python"),
        (append("arithmetic/floats.py", "value.py"), "python"),
        (remove_source, "compiled"),
    ],
)
def test_source_that_changed_since_it_was_compiled_runs_as_it_is_with_a_warning(
    change: Callable[[Path], None], kind: str, tmp_path: Path
) -> None:
    folder = tmp_path / "microgrady"
    shutil.copytree(Path(mg.__file__).parent, folder)
    change(folder)
    result = processes.run([sys.executable, "-c", PROGRAM], cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    where, engine, slope, *warned = result.stdout.strip().split("|")
    assert (where, engine, slope) == (str(folder / "__init__.py"), kind, "1.0")
    assert len(warned) == (kind == "python")
    if warned:
        assert "pip install -e . compiles it anew" in warned[0]


def test_the_traceback_of_compiled_code_names_the_source_and_its_line() -> None:
    with pytest.raises(TypeError) as caught:
        mg.Value("no number")
    files = {entry.frame.code.path for entry in caught.traceback}
    source = Path(mg.__file__).parent / "value.py"
    assert source in files
    assert all(Path(file).exists() for file in files)
    line = next(entry.lineno for entry in caught.traceback if entry.frame.code.path == source)
    assert "require_number" in source.read_text(encoding="utf-8").splitlines()[line]
