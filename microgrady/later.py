"""What is imported later than it is named, so that a program loads no more of the package than it uses.

Packages offer names whose modules are imported when a name is first asked for. And lower modules have questions that
only a higher one can answer, which they do not import: NumPy comes to a Value with an array function, pickle with a
graph. The package says at its beginning who answers, and that module is imported with the first question.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # the typing module takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def offer(
    package: str, homes: Mapping[str, str], apart: tuple[str, ...] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package (PEP 562).

    Args:
        package: Its name.
        homes: The names that it offers, with spaces between them, by the module that has them. Its submodules can be
            asked for besides.
        apart: Those modules that import nothing of the engine, for which it need not be loaded.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}
    _offered[package] = home_of

    def find(name: str) -> Any:
        home = home_of.get(name)
        if home is not None and home not in apart:
            # These two import each other. All threads import them in one order, so that none waits for another.
            ask("value")
            ask("table")
        if home is not None and home != package:
            thing = getattr(_imported(home), name)
        elif not name.isidentifier() or name.startswith("_") or (thing := _submodule(f"{package}.{name}")) is None:
            raise _unknown(package, name)
        setattr(sys.modules[package], name, thing)  # so that it is found without this from now on
        return thing

    return find, lambda: sorted({*vars(sys.modules[package]), *home_of})


_offered: dict[str, Mapping[str, str]] = {}


def _unknown(package: str, name: str) -> Exception:
    """Return the error for a name that a package does not have, with what to write instead if something is like it."""
    sentence = f"module {package!r} has no attribute {name!r}"
    if name.startswith("_") or not name.isidentifier():  # what programs ask, and not people
        return AttributeError(sentence)
    rooms = ("microgrady", "microgrady.nn", "microgrady.optim", "microgrady.data")
    for room in rooms:
        _imported(room)
    packages = {one: _offered[one] for one in (package, *rooms)}
    hint = _imported("microgrady.suggestions").hint(package, name, packages)
    asking = sys._getframe(2)
    if hint and asking.f_code.co_code[asking.f_lasti] == _imported("opcode").opmap["IMPORT_FROM"]:
        # Of an AttributeError the import statement would say nothing but that there is no such name.
        return ImportError(f"cannot import name {name!r} from {package!r}{hint}", name=name)
    # Python itself would look for names that are spelt alike, and add another one.
    return AttributeError(sentence + hint, name=name, obj=None) if hint else AttributeError(sentence)


def _submodule(name: str) -> Any:
    try:
        return _imported(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


_answering: dict[str, str] = {}


def answer(**modules: str) -> None:
    """Say which modules answer the questions of lower ones, by what they are about."""
    _answering.update(modules)


def ask(subject: str) -> Any:
    """Return the module that answers questions about a subject, such as "arrays"."""
    return _imported(_answering[subject])


def is_running(program: str) -> bool:
    """Return whether a program that is itself a package has been imported."""
    return sys.modules.get(program) is not None


def _imported(name: str) -> Any:
    """Import a module as the import statement does, which takes one that waits for this thread as far as it is."""
    __import__(name)
    if name not in sys.modules:  # another thread has imported it meanwhile, and failed
        __import__(name)
    return sys.modules[name]
