"""Compile the engine where there is a C compiler, and leave it plain Python where there is none.

Everything else about the project stands in pyproject.toml, and its description in the README.
"""

import os
import re
import runpy
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

PACKAGE = Path("microgrady")
FRESHNESS = runpy.run_path(str(PACKAGE / "freshness.py"))  # the package itself needs what may not be installed yet
MODULES = FRESHNESS["MODULES"]

# Without -ffp-contract=off a compiler may round a * b + c once, where Python rounds twice. To clear the memory of a
# node, gcc by itself writes an instruction that takes as long for a few bytes as for many.
ARGUMENTS = [] if os.name == "nt" else ["-g0", "-ffp-contract=off", "-fno-builtin-memset"]


def extensions() -> list[Extension]:
    """Return what to compile. To fail at it is not an error."""
    if os.environ.get("MICROGRADY_PURE") == "1":
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    usual = {"language_level": 3, "annotation_typing": False, "auto_pickle": False}
    unchecked = {"boundscheck": False, "wraparound": False}  # they require room themselves
    directives = {"value": {"language_level": 3, "auto_pickle": False, "cpow": True}, "leaves": {**usual, **unchecked}}
    sources = {name: FRESHNESS["source_of"](name, PACKAGE) for name in MODULES}
    every = [str(Path(source).with_suffix(ending)) for source in sources.values() for ending in (".py", ".pxd")]
    fingerprint = FRESHNESS["fingerprint"](PACKAGE)
    found = []
    for name, source in sources.items():
        module = Extension(f"{PACKAGE}.{name}", [source], extra_compile_args=ARGUMENTS)
        strings = {"MICROGRADY_SOURCE": fingerprint, "MICROGRADY_MODULE": module.name}
        module.define_macros = [(macro, f'"{text}"') for macro, text in strings.items()]  # strings of C
        settings = directives.get(name, usual)
        found += cythonize([module], compiler_directives=settings, build_dir="build/cython", quiet=True)
    for module in found:
        module.depends = every  # the fingerprint is that of all
        module.optional = True
    return found


def description() -> str:
    """Return the README without what leads into the repository: elsewhere its pictures and files are not there."""
    text = Path("README.md").read_text(encoding="utf-8")
    text = re.sub(r"!\[[^]]*\]\((?!https?:)[^)]*\)\n*|<img [^>]*>", "", text)
    return re.sub(r"\[([^]]*)\]\((?!https?:|#)[^)]*\)", r"\1", text)


class Sources(build_py):
    """For an editable installation: without what was compiled before, which would be imported instead of the .py."""

    def run(self) -> None:
        """Delete, and go on."""
        if self.editable_mode:
            for name in MODULES:
                PACKAGE.joinpath(self.get_finalized_command("build_ext").get_ext_filename(name)).unlink(missing_ok=True)
        super().run()


class Compiled(build_ext):
    """Either all modules, which use each other's C types, or none; and never what an earlier compilation left."""

    def initialize_options(self) -> None:
        """Compile modules side by side unless something else is asked for."""
        super().initialize_options()
        self.parallel = True

    def run(self) -> None:
        """Delete, and go on."""
        self._delete()
        super().run()

    def build_extensions(self) -> None:
        """Compile, and delete if one failed."""
        super().build_extensions()
        if not all(path.exists() for path in self._paths()):
            self._delete()

    def _paths(self) -> list[Path]:
        return [Path(self.build_lib, self.get_ext_filename(module.name)) for module in self.extensions]

    def _delete(self) -> None:
        for path in self._paths():
            path.unlink(missing_ok=True)


setup(
    ext_modules=extensions(),
    cmdclass={"build_py": Sources, "build_ext": Compiled},
    long_description=description(),
    long_description_content_type="text/markdown",
)
