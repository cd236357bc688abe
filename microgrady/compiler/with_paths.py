"""What jit and vmap make of functions have in common: a tree of paths for each structure of the arguments."""

from __future__ import annotations

import functools
import pickle
import uuid
from collections.abc import Callable
from typing import Any, ClassVar, Generic, ParamSpec, Self, TypeVar

from microgrady.compiler.branches import AnyPath, Branches
from microgrady.compiler.methods import Bindable
from microgrady.compiler.options import Options
from microgrady.compiler.signature import Signature
from microgrady.forks import LockOfOneProcess
from microgrady.pickling.callables import pickler_by_value
from microgrady.pickling.fingerprint import Fingerprint

P = ParamSpec("P")
R = TypeVar("R")

Key = tuple[Any, ...]  # of a signature: the structure of the arguments, the static ones, and by which to differentiate


class WithPaths(Bindable[P, R], Generic[P, R, AnyPath]):
    """A function of which paths are compiled. They go with it into pickles.

    Args:
        function: The function.
        signature: Its parameters.
        options: How to compile it.
    """

    # The attributes that are made of the others.
    made_here: ClassVar[frozenset[str]] = frozenset(
        {"__annotations__", "__type_params__", "_binds", "_branches", "_function", "_lock", "_methods", "_from_pickle"}
    )
    transform: ClassVar[str]  # the name of what makes it

    __name__: str
    _signature: Signature
    _options: Options
    _from_pickle: tuple[bytes | None, dict[Key, Branches[AnyPath]]] | None

    def __init__(self, function: Callable[P, R], signature: Signature, options: Options) -> None:
        self._signature = signature
        self._options = options
        wrapper: Any = self
        functools.update_wrapper(wrapper, function, updated=())
        self._restore(self.__dict__)

    def _made_of(self, function: Callable[..., Any]) -> Self:
        name, static = self._signature.name, self._signature.static
        return type(self)(function, Signature(function, name, static, self.transform), self._options)

    def _parts(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if name not in self.made_here}

    def _restore(self, parts: dict[str, Any]) -> None:
        super()._restore(parts)
        self._from_pickle = parts.get("_from_pickle")
        self._lock = LockOfOneProcess()

    @functools.cached_property
    def _branches(self) -> dict[Key, Branches[AnyPath]]:
        if self._from_pickle is None:
            return {}
        # Not asked before the first call, when all that came in the pickle is complete.
        (digest, branches), self._from_pickle = self._from_pickle, None
        if digest is None or digest != Fingerprint(self._function).digest:
            return {}  # recorded of another function than that of the name here
        return {key: tree for key, tree in branches.items() if not any(path.failure for path in tree.paths)}

    def __getstate__(self) -> dict[str, Any]:
        known = Fingerprint(self._function)
        # A Value that does not go with the function is that of the module where it is loaded, and not a copy.
        going = {
            key: branches
            for key, branches in self._branches.items()
            if all(id(leaf) in known.taken - known.left for path in branches.paths for leaf in path.leaves)
            and (pickler_by_value() is not None or _is_picklable(key, branches))
        }
        return {**super().__getstate__(), "_from_pickle": (known.digest, going)}

    def __dask_tokenize__(self) -> Any:
        """Return what Dask names results by: equal for functions that do the same, also in other processes."""
        known = Fingerprint(self)
        if known.digest is None:
            return uuid.uuid4().hex
        return type(self).__name__, known.digest.hex(), [value._number.hex() for value in known.values]

    @property
    def paths(self) -> tuple[AnyPath, ...]:
        """The ways through the function that have been compiled, in the order in which they were met."""
        return tuple(path for branches in self._branches.values() for path in branches.paths)

    def llvm_ir(self) -> str:
        """Return what LLVM compiles, path by path, before it optimises."""
        return "\n\n".join(f"; {path!r}\n{path.llvm_ir()}" for path in self._compiled())

    def __repr__(self) -> str:
        return f"<{self.transform} of {self._signature.name}: {len(self.paths)} paths compiled>"

    def _compiled(self) -> tuple[AnyPath, ...]:
        if not self.paths:
            raise ValueError(f"{self.transform} of {self._signature.name} has compiled nothing yet: call it first")
        return self.paths


def _is_picklable(key: Key, branches: Branches[Any]) -> bool:
    """Return whether any pickler can pickle the kinds of containers that go in and come out."""
    try:
        pickle.dumps((key, [path.structure for path in branches.paths]))
    except Exception:  # such as a class or a default that is local to a function
        return False
    return True
