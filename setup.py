"""Compiles the engine where there is a C compiler, and leaves it plain Python where there is none.

Everything else about the project stands in pyproject.toml.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

PACKAGE = Path("microgrady")
MODULES = ("ieee", "value")  # each has a .pxd with C types beside its .py

# Without -ffp-contract=off a compiler may round a * b + c once, where Python rounds twice.
ARGUMENTS = [] if os.name == "nt" else ["-g0", "-ffp-contract=off"]


def source_of(name: str) -> str:
    """What to compile. value.py, which is to know nothing of Cython, gets the one decorator that a .pxd cannot hold."""
    text = PACKAGE.joinpath(f"{name}.py").read_text(encoding="utf-8")
    marked = re.sub(r"\n\n# No cycle of references .*\n", "\n@cython.no_gc\n@cython.cclass\n", text)
    if marked == text:
        return f"{PACKAGE}/{name}.py"
    copy = Path("build", "sources", PACKAGE, f"{name}.py")
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(PACKAGE / f"{name}.pxd", copy.parent)
    copy.write_text(marked.replace("import math\n", "import math, cython\n", 1), encoding="utf-8")
    return str(copy)


def extensions() -> list[Extension]:
    """What to compile. To fail at it is no error."""
    if os.environ.get("MICROGRADY_PURE") == "1":
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    directives = {
        "ieee": {"language_level": 3, "annotation_typing": False},
        "value": {"language_level": 3, "auto_pickle": False, "cpow": True},
    }
    found = []
    for name in MODULES:
        module = Extension(f"{PACKAGE}.{name}", [source_of(name)], extra_compile_args=ARGUMENTS)
        found += cythonize([module], compiler_directives=directives[name], build_dir="build/cython", quiet=True)
    for module in found:
        module.optional = True
    return found


class Sources(build_py):
    """For an editable installation: without what was compiled before, which would be imported instead of the .py."""

    def run(self) -> None:
        """Deletes, and goes on."""
        if self.editable_mode:
            for name in MODULES:
                PACKAGE.joinpath(Path(self.get_finalized_command("build_ext").get_ext_filename(name))).unlink(
                    missing_ok=True
                )
        super().run()


class Compiled(build_ext):
    """Never what an earlier compilation left, if this one fails."""

    def run(self) -> None:
        """Deletes, and goes on."""
        for module in self.extensions:
            Path(self.build_lib, self.get_ext_filename(module.name)).unlink(missing_ok=True)
        super().run()


setup(ext_modules=extensions(), cmdclass={"build_py": Sources, "build_ext": Compiled})
