"""Compiles the engine where there is a C compiler, and leaves it plain Python where there is none.

Everything else about the project stands in pyproject.toml.
"""

import os
from pathlib import Path

from setuptools import Extension, setup

PACKAGE = Path("microgrady")

# Without -ffp-contract=off a compiler may round a * b + c once, where Python rounds twice.
ARGUMENTS = [] if os.name == "nt" else ["-g0", "-ffp-contract=off"]


def compiled(name: str, **directives: bool) -> list[Extension]:
    """A module that has a .pxd with C types beside its .py. To fail at compiling it is no error."""
    from Cython.Build import cythonize

    extension = Extension(f"microgrady.{name}", [f"microgrady/{name}.py"], extra_compile_args=ARGUMENTS)
    directives["language_level"] = 3
    found = cythonize([extension], compiler_directives=directives, build_dir="build/cython", quiet=True)
    for extension in found:
        extension.optional = True
    return found


def extensions() -> list[Extension]:
    """What to compile."""
    try:
        from Cython.Compiler.Options import get_directive_defaults
    except ImportError:
        return []
    ieee = compiled("ieee", annotation_typing=False)
    # A graph has no reference cycles, so the garbage collector need not know of Values. Only a decorator or
    # the defaults can say so, and value.py is to know nothing of Cython.
    get_directive_defaults()["no_gc"] = True
    return ieee + compiled("value", auto_pickle=False, cpow=True)


if os.environ.get("MICROGRADY_PURE") == "1":
    for old in (*PACKAGE.glob("*.so"), *PACKAGE.glob("*.pyd")):
        old.unlink()  # of an earlier editable install: it would be imported instead of the .py
    setup()
else:
    setup(ext_modules=extensions())
