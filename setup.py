"""Compiles the engine where there is a C compiler, and leaves it plain Python where there is none.

Everything else about the project stands in pyproject.toml.
"""

import os
import re
import runpy
import shutil
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

PACKAGE = Path("microgrady")
FRESHNESS = runpy.run_path(str(PACKAGE / "freshness.py"))  # the package itself needs what may not be installed yet
MODULES = FRESHNESS["MODULES"]

# Without -ffp-contract=off a compiler may round a * b + c once, where Python rounds twice.
ARGUMENTS = [] if os.name == "nt" else ["-g0", "-ffp-contract=off"]


def source_of(name: str) -> str:
    """What to compile. value.py, which is to know nothing of Cython, gets the one decorator that a .pxd cannot hold."""
    source = Path(FRESHNESS["source_of"](name, PACKAGE))
    text = source.read_text(encoding="utf-8")
    marked = re.sub(r"\n\n# No cycle of references .*\n", "\n@cython.no_gc\n@cython.cclass\n", text)
    if marked == text:
        return source.as_posix()
    copy = Path("build", "sources", source)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source.with_suffix(".pxd"), copy.parent)
    copy.write_text(marked.replace("import math\n", "import math, cython\n", 1), encoding="utf-8")
    return str(copy)


# For the beginning of a module: what it was made of, and where its source is, which tracebacks name.
SIGNATURE = """
  {{
    static char path[4096];
    PyObject *own = PyObject_GetAttrString(__pyx_m, "__file__");
    const char *text = own ? PyUnicode_AsUTF8(own) : NULL;
    const char *end = text ? strrchr(text, {separator}) : NULL;
    if (end && (size_t)(end - text) < sizeof path - sizeof "/{name}.py") {{
      memcpy(path, text, (size_t)(end - text));
      strcpy(path + (end - text), "/{name}.py");
      __pyx_f[0] = path;
    }}
    Py_XDECREF(own);
    PyErr_Clear();
    if (PyModule_AddStringConstant(__pyx_m, "FINGERPRINT", "{fingerprint}") < 0) return -1;
  }}
"""


def sign(name: str, source: Path) -> None:
    """Put the signature into the C source of a module, if C of this kind has a place for it, or renew it."""
    text = source.read_text(encoding="utf-8")
    fingerprint = FRESHNESS["fingerprint"](PACKAGE)
    if FRESHNESS["MARK"] in text:  # the other module's source changed, or nothing did
        signed = re.sub(FRESHNESS["MARK"] + "[0-9a-f]+", fingerprint, text)
        if signed != text:
            source.write_text(signed, encoding="utf-8")
        return
    begin = re.search(r"\n *__pyx_mstate->__pyx_d = PyModule_GetDict\(__pyx_m\);", text)
    table = "static const char* const __pyx_f[] ="
    if begin is None or table not in text:
        return
    separator = r"'\\'" if os.name == "nt" else "'/'"
    signature = SIGNATURE.format(name=name.rpartition(".")[2], fingerprint=fingerprint, separator=separator)
    text = text[: begin.start()] + signature + text[begin.start() :]
    source.write_text(text.replace(table, "static const char* __pyx_f[] ="), encoding="utf-8")


def extensions() -> list[Extension]:
    """What to compile. To fail at it is no error."""
    if os.environ.get("MICROGRADY_PURE") == "1":
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    directives = {
        "arithmetic.floats": {"language_level": 3, "annotation_typing": False},
        "value": {"language_level": 3, "auto_pickle": False, "cpow": True},
    }
    found = []
    for name in MODULES:
        module = Extension(f"{PACKAGE}.{name}", [source_of(name)], extra_compile_args=ARGUMENTS)
        found += cythonize([module], compiler_directives=directives[name], build_dir="build/cython", quiet=True)
    for name, module in zip(MODULES, found, strict=True):
        module.optional = True
        sign(name, Path(module.sources[0]))
    return found


def description() -> str:
    """Return the README without what leads into the repository: elsewhere its pictures and files are not there."""
    text = Path("README.md").read_text(encoding="utf-8")
    text = re.sub(r"!\[[^]]*\]\((?!https?:)[^)]*\)\n*|<img [^>]*>", "", text)
    return re.sub(r"\[([^]]*)\]\((?!https?:|#)[^)]*\)", r"\1", text)


class Sources(build_py):
    """For an editable installation: without what was compiled before, which would be imported instead of the .py."""

    def run(self) -> None:
        """Deletes, and goes on."""
        if self.editable_mode:
            for name in MODULES:
                PACKAGE.joinpath(self.get_finalized_command("build_ext").get_ext_filename(name)).unlink(missing_ok=True)
        super().run()


class Compiled(build_ext):
    """Never what an earlier compilation left, if this one fails."""

    def run(self) -> None:
        """Deletes, and goes on."""
        for module in self.extensions:
            Path(self.build_lib, self.get_ext_filename(module.name)).unlink(missing_ok=True)
        super().run()


setup(
    ext_modules=extensions(),
    cmdclass={"build_py": Sources, "build_ext": Compiled},
    long_description=description(),
    long_description_content_type="text/markdown",
)
