"""What a function depends on: a fingerprint of its code and of all that it refers to, and the Values among that.

Two processes that give a function the same fingerprint would record the same program of it.
"""

from __future__ import annotations

import array
import dis
import functools
import hashlib
import sys
import types
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from microgrady.inputs import is_array
from microgrady.pickling.wrapped import Wrapped, is_global
from microgrady.primitives import is_built_in
from microgrady.value import Primitive, Value

LARGEST = 100_000  # things to look at; what refers to more has no fingerprint

_SIMPLE = (type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis))
_CONTAINERS = (list, tuple, dict, set, frozenset)
_PARTS: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__func__", "__self__"),
    functools.partial: ("func", "args", "keywords"),
    functools.partialmethod: ("func", "args", "keywords"),
    functools.cached_property: ("func",),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    type(functools.lru_cache(int)): ("__wrapped__",),
}
# What a class has besides what was written in it, or what changes with its place in the file.
_CLASS_NOISE = {"__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__", "__static_attributes__"}

Child = tuple[Any, bool]  # a thing, and whether what refers to it would take it along into a pickle


class Fingerprint:
    """A look at all that a function refers to, in whatever module, unless that is installed.

    Args:
        thing: A function or a primitive.
        data: Whether to look into lists, dicts, arrays and objects, which may change at any time, too.

    Attributes:
        digest: Equal where all of that is equal; None where it is too much.
        taken: The ids of the Values that go into a pickle with the function.
        left: The ids of those that belong to a module, which has its own where the pickle is loaded.
        values: All of these Values, in the order in which they were met.
        modules: The names of the modules of functions and classes that are not installed.
    """

    def __init__(self, thing: Any, data: bool = True) -> None:
        self.digest: bytes | None = None
        self.taken: set[int] = set()
        self.left: set[int] = set()
        self.values: list[Value] = []
        self.modules: set[str] = set()
        self._into_data = data
        self._hash = hashlib.blake2b(digest_size=16)
        self._seen: dict[Any, int] = {}
        self._kept: list[Any] = []  # so that nothing else gets one of their ids
        top = _top(getattr(thing, "__module__", None))
        self._home = "" if top in sys.stdlib_module_names else top
        self._say(sys.implementation.cache_tag, getattr(sys.modules.get("microgrady"), "__version__", ""))
        stack: list[Child] = [(thing, True)]
        while stack:
            if len(self._seen) > LARGEST:
                return
            stack.extend(reversed(list(self._visit(*stack.pop()))))
        self.digest = self._hash.digest()

    def leaves_behind(self, copied: Container[int]) -> bool:
        """Return whether the function refers by a module to originals of which there are copies.

        Args:
            copied: The ids of the originals.
        """
        things = (key for key, taken in self._seen if taken is False)
        return bool(self.left) and any(key in copied for key in (*self.left, *things))

    def _say(self, *words: object) -> None:
        for word in words:
            said = word if isinstance(word, bytes) else repr(word).encode("utf-8", "backslashreplace")
            self._hash.update(b"%d:" % len(said) + said)

    def _visit(self, thing: Any, taken: bool) -> Iterable[Child]:
        kind = type(thing)
        if kind in _SIMPLE:
            self._say(kind.__name__, thing.hex() if kind is float else thing)
            return ()
        if kind is Value:
            if id(thing) not in self.taken and id(thing) not in self.left:
                self.values.append(thing)
            (self.taken if taken else self.left).add(id(thing))
            self._say("Value")
            return ()
        if (number := self._seen.get((id(thing), taken))) is not None:
            self._say("again", number)
            return ()
        self._seen[id(thing), taken] = len(self._seen)
        self._kept.append(thing)
        return self._inside(thing, kind, taken)

    def _inside(self, thing: Any, kind: type, taken: bool) -> Iterable[Child]:
        if kind is types.FunctionType:
            return self._of_function(thing, taken)
        if kind is Primitive:
            return self._of_primitive(thing)
        if isinstance(thing, type):
            return self._of_class(thing)
        if kind is types.ModuleType:
            self._say("module", thing.__name__)
            return ()
        if isinstance(thing, Wrapped):
            self._say(kind.__name__)
            parts = thing._parts()
            return [
                (part, taken)
                for name, part in sorted(parts.items())
                if not name.startswith("__") or name == "__wrapped__"
            ]
        parts_of_kind = _PARTS.get(kind) or (("__func__", "__self__") if hasattr(kind, "__func__") else ())
        if parts_of_kind:
            self._say(kind.__name__)
            return [(getattr(thing, name), taken) for name in parts_of_kind]
        return self._of_data(thing, kind, taken)

    def _of_data(self, thing: Any, kind: type, taken: bool) -> Iterable[Child]:
        self._say(kind.__qualname__)
        if callable(thing) and self._is_foreign(kind.__module__):
            self._say(str(getattr(thing, "__qualname__", "")))
        immutable = isinstance(thing, (tuple, frozenset))
        if not (self._into_data or immutable):
            return [(kind, False)]
        if is_array(thing):
            self._say(str(thing.dtype), thing.shape)
            if thing.dtype.hasobject:
                return [(entry, taken) for entry in thing.ravel().tolist()]
            self._say(thing.tobytes())
            return ()
        inside: list[Any] = [kind]
        if self._is_foreign(kind.__module__) and not (hasattr(thing, "__dict__") or isinstance(thing, _CONTAINERS)):
            # A function of C, a path, a pattern, a lock: its repr says what it is. (A repr with an address makes it
            # another thing in another process.)
            self._say("" if kind is object else repr(thing))
        else:
            inside += _attributes(thing)
        if isinstance(thing, dict):
            inside += [part for item in thing.items() for part in item]
        elif isinstance(thing, (set, frozenset)):
            inside += sorted(thing, key=_order)
        elif isinstance(thing, (list, tuple)):
            if all(type(entry) is float for entry in thing):
                self._say(array.array("d", thing).tobytes())
            else:
                inside += thing
        return [(part, taken) for part in inside]

    def _of_function(self, function: Any, taken: bool) -> Iterator[Child]:
        taken = taken and not is_global(function)
        self._say("function", function.__qualname__)
        for thing in (function.__defaults__, function.__kwdefaults__, *_contents(function.__closure__)):
            yield thing, taken
        yield from ((thing, taken) for _, thing in sorted(function.__dict__.items()))
        if self._is_foreign(function.__module__):
            self._say(function.__module__, _version(function.__module__))
            return
        self.modules.add(str(function.__module__))
        for code in _codes(function.__code__):
            self._say(code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
            self._say(code.co_flags, code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount)
            self._say(getattr(code, "co_exceptiontable", b""))
            yield from ((constant, False) for constant in code.co_consts if type(constant) is not types.CodeType)
            yield from self._of_names(code, function.__globals__)

    def _of_names(self, code: types.CodeType, names: dict[str, Any]) -> Iterator[Child]:
        for name in sorted(_globals_of(code) & names.keys()):
            self._say(name)
            thing = names[name]
            yield thing, False
            modules = [thing] if type(thing) is types.ModuleType else []
            while modules:  # what the code takes out of a module is not known, but that it has one of these names
                module = modules.pop()
                if self._is_foreign(module.__name__):
                    continue
                for attribute in code.co_names:
                    found = vars(module).get(attribute)
                    if type(found) is types.ModuleType and found is not module and (id(found), code) not in self._seen:
                        self._seen[id(found), code] = len(self._seen)
                        modules.append(found)
                    elif attribute in vars(module):
                        self._say(attribute)
                        yield found, False

    def _of_primitive(self, primitive: Primitive) -> Iterator[Child]:
        self._say("primitive", primitive.name)
        if not is_built_in(primitive):  # which is the same everywhere
            self._say(primitive.symbol, len(primitive.rules), bool(primitive.singular), bool(primitive.piecewise))
            for function in (primitive.evaluate, *primitive.rules, primitive.slope, primitive.lower):
                yield function, True

    def _of_class(self, kind: type) -> Iterator[Child]:
        for base in kind.__mro__:
            self._say("class", base.__qualname__)
            if self._is_foreign(base.__module__):
                self._say(base.__module__, _version(base.__module__))
                continue
            self.modules.add(base.__module__)
            for name, thing in sorted(vars(base).items()):
                if name not in _CLASS_NOISE and not name.startswith(("__annot", "__dataclass", "_abc_", "__slotnames")):
                    self._say(name)
                    yield thing, False

    def _is_foreign(self, module: Any) -> bool:
        """Return whether a module is Python's or installed, and so known by its version."""
        top = _top(module)
        if top == self._home != "microgrady":
            return False
        file = str(getattr(sys.modules.get(top), "__file__", None) or "")
        return top in sys.stdlib_module_names or top == "microgrady" or "-packages" in file


def _top(module: Any) -> str:
    return str(module or "").partition(".")[0]


def _version(module: Any) -> str:
    return str(getattr(sys.modules.get(_top(module)), "__version__", ""))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            yield from _codes(constant)


def _globals_of(code: types.CodeType) -> set[str]:
    """Return the names that code reads from its module, which it might also use for attributes."""
    return {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}


def _contents(cells: tuple[types.CellType, ...] | None) -> Iterator[Any]:
    for cell in cells or ():
        try:
            yield cell.cell_contents
        except ValueError:
            yield Ellipsis


def _attributes(thing: Any) -> list[Any]:
    found = dict(getattr(thing, "__dict__", {}))
    for base in type(thing).__mro__:
        for name in (slots,) if isinstance(slots := base.__dict__.get("__slots__", ()), str) else slots:
            if hasattr(thing, name):
                found[name] = getattr(thing, name)
    default: Callable[[], Any] | None = getattr(thing, "default_factory", None)
    return [*([] if default is None else [default]), *(part for _, part in sorted(found.items()))]


def _order(thing: Any) -> str:
    return f"{type(thing).__qualname__} {thing!r}" if type(thing) in _SIMPLE else type(thing).__qualname__
