"""jit: records a function, compiles what was recorded, and notices when a call goes another way."""

from __future__ import annotations

import functools
import os
import pickle
import types
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from microgrady.compiler.backends.c import c_source
from microgrady.compiler.backends.executable import binding
from microgrady.compiler.backends.private import require_private
from microgrady.compiler.backends.worker import run_in_worker
from microgrady.compiler.branches import CompiledPath
from microgrady.compiler.methods import BoundMethod, Methods
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.signature import Arguments, NotANumberError, is_argument
from microgrady.containers import with_types
from microgrady.forks import LockOfOneProcess
from microgrady.inputs import describe, is_array
from microgrady.introspection import name_of, parameters_of
from microgrady.pickling.callables import Wrapper, pickler_by_value
from microgrady.pickling.fingerprint import Fingerprint
from microgrady.tracing import is_input_elsewhere, run_here, runs
from microgrady.transforms import as_value, one_number
from microgrady.trees import flatten, paths
from microgrady.value import Value, add_to_leaves

# What an object of `Jitted` makes of its other attributes.
_MADE_HERE = {
    "__annotations__",
    "__type_params__",
    "_binds",
    "_door",
    "_function",
    "_lock",
    "_methods",
    "_quick",
    "_signatures",
    "_travelled",
}


class _Signature:
    """What was recorded for arguments of one structure."""

    def __init__(self) -> None:
        self.first: CompiledPath | None = None
        self.paths: list[CompiledPath] = []


class Jitted(Wrapper):
    """A function that runs as machine code. Made by `jit`, which tells how it behaves."""

    __name__: str
    _name: str
    _static: tuple[str, ...]
    _max_paths: int
    _optimize: bool | None
    _cache: Path | None
    _parameters: tuple[str, ...]
    _travelled: tuple[bytes | None, dict[Any, _Signature]] | None

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        static_argnames: tuple[str, ...],
        max_paths: int,
        optimize: bool | None,
        cache: Path | None,
    ) -> None:
        self._name = name
        self._static = static_argnames
        self._max_paths = max_paths
        self._optimize = optimize
        self._cache = cache
        # By position, by which names are found for arguments that are given without one.
        self._parameters = tuple(parameters_of(function).by_position)
        functools.update_wrapper(self, function, updated=())
        self._restore(self.__dict__)

    def _parts(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if name not in _MADE_HERE}

    def _restore(self, parts: dict[str, Any]) -> None:
        super()._restore(parts)
        self._function = self.__wrapped__
        self._travelled = parts.get("_travelled")
        self._lock = LockOfOneProcess()
        # The first paths for floats and arrays, by the types of the arguments, which is the fastest question.
        self._quick: dict[tuple[type, ...], CompiledPath] = {}
        self._door: Callable[..., Any] | None = None  # the machine code itself, for the latest such path of floats
        self._methods = Methods()

    @functools.cached_property
    def _signatures(self) -> dict[Any, _Signature]:
        if self._travelled is None:
            return {}
        # Not asked before the first call, when all that came in the pickle is complete.
        (digest, signatures), self._travelled = self._travelled, None
        if digest is None or digest != Fingerprint(self._function).digest:
            return {}  # recorded of another function than that of the name here
        return {
            key: signature for key, signature in signatures.items() if not any(path.failure for path in signature.paths)
        }

    def __getstate__(self) -> dict[str, Any]:
        known = Fingerprint(self._function)
        # A Value that does not go with the function is that of the module where it is loaded, and not a copy.
        going = {
            key: signature
            for key, signature in self._signatures.items()
            if all(id(leaf) in known.taken - known.left for path in signature.paths for leaf in path.leaves)
            and (pickler_by_value() is not None or _is_plain(key, signature))
        }
        return {**super().__getstate__(), "_travelled": (known.digest, going)}

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """What the function gives, as floats; where Values come in, the function itself runs."""
        if runs and run_here():
            __tracebackhide__ = True
            return self._function(*args, **kwargs)  # which is differentiated or recorded there
        if not kwargs:
            if self._door is not None:
                result = self._door(*args)
                if result is not float:
                    return result
            path = self._quick.get(tuple(map(type, args)))
            if path is not None and path.takes(args):
                failed, result = path.run(args)
                if not failed:
                    return result
        __tracebackhide__ = True  # here, where it costs compiled calls nothing
        if args and self._is_method_of(args[0]):
            return BoundMethod(self, args[0])(*args[1:], **kwargs)
        arguments = self._arguments(args, kwargs)
        if arguments.values:
            return self._function(*args, **kwargs)
        return self._run(arguments, False)

    def backward(self, /, *args: Any, **kwargs: Any) -> float:
        """Run the function and its backward pass as machine code.

        Args:
            *args: The function's arguments. Values are allowed among them.
            **kwargs: Likewise.

        Returns:
            The value. Its derivatives are added to the `grad` of the leaves that the function refers to and of the
            Values among the arguments, as the interpreted `backward()` adds them.

        Raises:
            TypeError: The function does not return one number, or as for a call.

        Example:
            >>> import microgrady as mg
            >>> w = mg.Value(2.0)
            >>> loss = mg.jit(lambda x: (w * x - 1.0) ** 2)
            >>> loss.backward(3.0), w.grad
            (25.0, 30.0)
        """
        __tracebackhide__ = True
        if args and self._is_method_of(args[0]):
            return BoundMethod(self, args[0]).backward(*args[1:], **kwargs)
        arguments = self._arguments(args, kwargs)
        if run_here() or any(value._primitive is not None for value in arguments.values.values()):
            # Their graphs go on beyond the arguments.
            output = as_value(one_number(self._function(*args, **kwargs), self._name, "backward"))
            output.backward()
            return output._number
        arguments.key = (*arguments.key, tuple(arguments.values))
        value, leaves, slopes = self._run(arguments, True)
        add_to_leaves([*arguments.values.values(), *leaves], slopes)
        return float(value)

    @property
    def paths(self) -> tuple[CompiledPath, ...]:
        """The ways through the function that have been compiled, in the order in which they were met."""
        return tuple(path for signature in self._signatures.values() for path in signature.paths)

    def llvm_ir(self) -> str:
        """What LLVM compiles, path by path, before it optimises."""
        return "\n\n".join(f"; {path!r}\n{path.llvm_ir()}" for path in self._compiled())

    def to_c(self, name: str = "compiled") -> str:
        """The program as C99.

        It gives the same numbers when compiled by `cc -std=c99 -O2 -ffp-contract=off`, with `-lm`.

        Args:
            name: What to call the function.

        Returns:
            `int name(const double *in, double *out)` for each path; from the second on, `_2` and so on are
            appended to the name. `in` has the numbers of the arguments in order and then the data of the leaves that
            the function refers to, `out` those of the result. What comes back is 0, or the number of the first guard
            that does not hold, counted from 1.

        Raises:
            ValueError: `name` is not an identifier or is C's own, such as exp; or nothing has been compiled yet.
            NotImplementedError: An operation has no form in C: gamma and its relatives, and users' primitives.
        """
        return c_source([path.program for path in self._compiled()], name)

    def graph(self, /, *args: Any, **kwargs: Any) -> list[Value]:
        """The simplified program as a graph of Values at some arguments, for `draw`.

        Returns:
            The Values that the result is made of, in order.

        Example:
            >>> import microgrady as mg
            >>> square = mg.jit(lambda x: x * x + x * x)
            >>> len(mg.draw(*square.graph(3.0)).body) < len(mg.draw(square(mg.Value(3.0))).body)
            True
        """
        if args and self._is_method_of(args[0]):
            return BoundMethod(self, args[0]).graph(*args[1:], **kwargs)
        arguments = self._arguments(args, kwargs)
        self._run(arguments, False)
        path, _, _, _ = _follow(self._signatures.get(arguments.key) or _Signature(), arguments)
        if path is not None:
            return path.graph(arguments.numbers()[0])
        raise RuntimeError(f"jit of {self._name} interprets these arguments: max_paths={self._max_paths} are compiled")

    def __repr__(self) -> str:
        return f"<jit of {self._name}: {len(self.paths)} paths compiled>"

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None or not self._binds else BoundMethod(self, instance)

    @functools.cached_property
    def _binds(self) -> bool:
        """Whether the function takes an object of which it is a method, as those of builtins do not."""
        kind = type(self._function)
        return hasattr(kind, "__get__") and not issubclass(kind, (types.MethodType, staticmethod))

    def _is_method_of(self, first: Any) -> bool:
        """Whether a first argument is the object that the function is a method of, and not to be calculated with."""
        kinds = type(first).__mro__
        named = self._parameters[:1] in (("self",), ("cls",)) or any(
            vars(kind).get(self._name) is self for kind in kinds
        )
        return named and self._binds and self._is_apart(first)

    def _is_apart(self, instance: Any) -> bool:
        return not set(self._parameters[:1]) & set(self._static) and not is_argument(instance)

    def _compiled_for(self, instance: Any) -> tuple[Jitted, tuple[Any, ...]]:
        """What is compiled of the method for one object, and the arguments that it takes before the others."""
        jitted = self._methods.of(instance)
        if jitted is None:
            if not self._is_apart(instance):
                return self, (instance,)
            bound = types.MethodType(self._function, instance)
            jitted = Jitted(bound, self._name, self._static, self._max_paths, self._optimize, self._cache)
            instance_of = self._methods.keep(instance, jitted)
            # What is compiled for an object must not keep it alive.
            jitted._function = jitted.__wrapped__ = functools.partial(_call_method, self._function, instance_of)
        return jitted, ()

    def _compiled(self) -> tuple[CompiledPath, ...]:
        if not self.paths:
            raise ValueError(f"jit of {self._name} has compiled nothing yet: call it first")
        return self.paths

    def _run(self, arguments: Arguments, backward: bool) -> Any:
        __tracebackhide__ = True
        signature = self._signatures.get(arguments.key) or _Signature()
        path, result, _, _ = _follow(signature, arguments)
        if path is None:
            with self._lock.here():  # another thread may have recorded the same meanwhile
                signature = self._signatures.get(arguments.key) or signature
                path, result, previous, failed = _follow(signature, arguments)
                if path is None:
                    return self._record(arguments, backward, signature, previous, failed)
        if path is signature.first and not backward:
            self._remember(arguments.tree, path)
        return (result[0], path.leaves, result[1]) if backward else result

    def _remember(self, tree: Any, path: CompiledPath) -> None:
        """Let the next call with such arguments go to `path` at once."""
        args, kwargs = tree
        # A list of one array has one shape too, and an array of one object none, but both must be unpacked.
        plain = len(args) == len(path.shapes) and all(
            type(arg) is float if shape is None else is_array(arg) for arg, shape in zip(args, path.shapes, strict=True)
        )
        if plain and not kwargs and not self._static:
            self._quick[tuple(map(type, args))] = path
            if all(type(arg) is float for arg in args):
                self._door = path.compile().door

    def _record(
        self,
        arguments: Arguments,
        backward: bool,
        signature: _Signature,
        previous: CompiledPath | None,
        failed: int,
    ) -> Any:
        __tracebackhide__ = True
        run_in_worker(binding)
        numbers, structure = arguments.numbers()

        def call(inputs: list[Value]) -> Any:
            __tracebackhide__ = True
            return arguments.call(structure.rebuild(inputs))

        recording = Recording(
            call,
            self._name,
            numbers,
            list(arguments.values) if backward else None,
        )
        if runs and not backward and is_input_elsewhere(recording.leaves):
            return arguments.call(arguments.tree)  # another thread differentiates or records by what the function uses
        kept = False
        if len(signature.paths) < self._max_paths:
            names = [*self._names(arguments.tree), *_names_of(recording.leaves)]
            path = CompiledPath(
                recording.program,
                recording.leaves,
                tuple(arguments.shapes),
                recording.structure,
                names,
                self._optimize,
                self._cache,
            )
            kept = path.gives(arguments.parts, recording.results)
            if not kept:
                warnings.warn(
                    f"the machine code for {self._name} does not give the numbers that were recorded, so they are "
                    "interpreted; a primitive may give another result each time",
                    RuntimeWarning,
                    stacklevel=4,
                )
        if kept:
            self._keep(path, arguments.key, previous, failed)
        elif len(signature.paths) >= self._max_paths:
            warnings.warn(
                f"jit of {self._name} has compiled max_paths={self._max_paths} paths; calls that take another one "
                "are interpreted",
                RuntimeWarning,
                stacklevel=4,
            )
        result = recording.structure.rebuild(recording.results)
        return (result[0], recording.leaves, result[1]) if backward else result

    def _keep(self, path: CompiledPath, key: Any, previous: CompiledPath | None, failed: int) -> None:
        """Let calls find a path, unless a signal handler has recorded the same meanwhile."""
        signature = self._signatures.setdefault(key, _Signature())
        if previous is None:
            signature.first = found = signature.first or path
        else:
            found = previous.add_other(failed, path)
        if found is path:
            signature.paths.append(path)

    def _names(self, tree: Any) -> list[str]:
        return [path for name, argument in self._named(tree) for path in paths(argument, name)]

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments that are numbers apart from the static ones."""
        if not self._static:

            def call_with(tree: Any) -> Any:
                __tracebackhide__ = True
                return self._function(*tree[0], **tree[1])

            return self._checked((args, kwargs), (), call_with)
        names = [*self._parameters[: len(args)], *[""] * (len(args) - len(self._parameters))]
        static = {name: value for name, value in zip(names, args, strict=True) if name in self._static}
        static.update((name, value) for name, value in kwargs.items() if name in self._static)
        for name, value in static.items():
            try:
                hash(value)
            except TypeError:
                raise TypeError(
                    f"the static argument {name} of {self._name} must be hashable, such as a tuple, not "
                    f"{describe(value)}, which could change after the function was recorded"
                ) from None
        places = [place for place, name in enumerate(names) if name not in self._static]
        numbers = tuple(args[place] for place in places)
        others = {name: value for name, value in kwargs.items() if name not in self._static}

        def call(tree: Any) -> Any:
            __tracebackhide__ = True
            complete = list(args)
            for place, value in zip(places, tree[0], strict=True):
                complete[place] = value
            return self._function(*complete, **{**kwargs, **tree[1]})

        key = tuple((name, with_types(static[name])) for name in sorted(static))
        return self._checked((numbers, others), key, call)

    def _checked(self, tree: Any, static: Any, call: Callable[[Any], Any]) -> Arguments:
        try:
            return Arguments(tree, static, call)
        except NotANumberError:
            for name, argument in self._named(tree):
                try:
                    flatten(argument, name)
                except TypeError as error:
                    raise TypeError(f"in jit of {self._name}, {error}{_cure(name, argument)}") from None
            raise

    def _named(self, tree: Any) -> list[tuple[str, Any]]:
        """The arguments that are not static, with the names of their parameters."""
        args, kwargs = tree
        parameters = [name for name in self._parameters if name not in self._static]
        positional = [*parameters[: len(args)], *(f"argument{k}" for k in range(len(parameters), len(args)))]
        return [*zip(positional, args, strict=True), *kwargs.items()]


def _cure(name: str, argument: Any) -> str:
    if isinstance(argument, (list, tuple, dict)) or is_array(argument):
        return "; what is not a number to calculate with goes into an argument of its own, named in static_argnames"
    return f"; name it in static_argnames={name!r} if it is not to be calculated with"


def jit(
    function: Callable[..., Any] | None = None,
    *,
    static_argnames: str | Iterable[str] = (),
    max_paths: int = 64,
    optimize: bool | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Any:
    """The function as machine code: the same arguments, the same numbers.

    The first call runs `function` on Values, and keeps the graph; it is simplified and compiled by LLVM.
    Comparisons on the way, `int(v)`, `math.floor(v)` and `round(v)` become guards: a call that goes another way is
    noticed, and what it does is recorded and compiled as well. So `if`, `while`, recursion, `min`, `sorted` and whole
    numbers as indices work as they are. It composes: `jit(grad(f))`, `jit(hessian(f))`; inside `grad` or another `jit`,
    and called on Values, the function itself runs.

    Values from outside that the function refers to, such as the parameters of a model, are read at each call;
    assign to their `data` (a new Value in a variable of that name is not noticed). Anything else from outside is
    what it was when the function was recorded; what the function changes outside of it, or prints, it does only then.
    Values of results equal the interpreted ones, those of `function` on Values, to the last bit.

    On a method, there is one compiled function for each object, whose Values are live as all others; other attributes
    are what they were when it was recorded for this object.

    It pickles as far as the function does, with what has been compiled of it, unless the function or what it refers to
    has changed where it is loaded; as a decorator of a module's function by the name alone. A deep copy of an object
    that holds `jit(self.method)` has one that belongs to the copy.

    Args:
        function: A function of numbers, or of lists, tuples, dicts and NumPy arrays of numbers, that
            returns the same. Without it, a decorator.
        static_argnames: The names of arguments that are no numbers to calculate with: sizes, options. They must be
            hashable, and the function is recorded anew for each value.
        max_paths: How many ways through the function are compiled, for each structure of the arguments; others are
            interpreted, with a warning.
        optimize: Whether LLVM's full effort is spent; None: for up to 2,000 operations.
        cache: A folder that keeps machine code for later processes; None for none. It must be the user's own, and no
            others may write to it, as its files are run. They are signed with a key that `jit` makes for the user
            (`~/.local/state/microgrady/key`); what is not is compiled anew.

    Returns:
        A `Jitted` function. `backward` adds derivatives to leaves; `paths`, `llvm_ir`, `to_c` and `graph` show
        what was compiled.

    Raises:
        TypeError: `function` cannot be called or an option has a wrong type. At a call: an argument is no
            number, the function returns something else than numbers, or turns a Value into a plain number, which would
            become a constant.
        ValueError: `static_argnames` names no parameter, or `max_paths` is below 1.
        PermissionError: The folder `cache` belongs to another user, or others can write to it.
        ImportError: llvmlite is not installed.

    Example:
        >>> import microgrady as mg
        >>> @mg.jit
        ... def halvings(x):
        ...     count = 0
        ...     while x > 1:
        ...         x = x / 2
        ...         count += 1
        ...     return x + count
        >>> halvings(6.0), halvings(100.0)
        (3.75, 7.78125)
        >>> [path.guards[-1] for path in halvings.paths][0]
        'not (((x / 2) / 2) / 2) > 1'
        >>> mg.jit(mg.grad(lambda p: p[0] ** 2 * p[1]))([2.0, 3.0])
        [12.0, 4.0]
    """
    names = [static_argnames] if isinstance(static_argnames, str) else static_argnames
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"static_argnames must be names of arguments, not {describe(static_argnames)}")
    static = tuple(names)
    if type(max_paths) is not int:
        raise TypeError(f"max_paths must be an int, not {describe(max_paths)}")
    if max_paths < 1:
        raise ValueError(f"max_paths must be at least 1, not {max_paths}")
    if not isinstance(optimize, (bool, type(None))):
        raise TypeError(f"optimize must be True, False or None, not {describe(optimize)}")
    if not isinstance(cache, (str, os.PathLike, type(None))):
        raise TypeError(f"cache must be the path of a folder or None, not {describe(cache)}")
    folder = None if cache is None else Path(cache)
    if folder is not None:
        require_private(folder)
    if function is None:
        return functools.partial(jit, static_argnames=static, max_paths=max_paths, optimize=optimize, cache=cache)
    if not callable(function):
        hint = ": write @classmethod above @mg.jit, not below" if isinstance(function, classmethod) else ""
        raise TypeError(f"jit takes a function, not {describe(function)}{hint}")
    by_position, only_by_name, _ = parameters_of(function)
    parameters = [*by_position, *only_by_name]
    unknown = [name for name in static if name not in parameters]
    if unknown:
        raise ValueError(
            f"static_argnames has {unknown[0]!r}, but the parameters are {', '.join(parameters) or 'none'}"
        )
    return Jitted(function, name_of(function), static, max_paths, optimize, folder)


def _follow(signature: _Signature, arguments: Arguments) -> tuple[CompiledPath | None, Any, CompiledPath | None, int]:
    """The path of these arguments, and the result; or None, None, and after which guard of which path to go on."""
    path = signature.first
    previous, failed = None, 0
    while path is not None:
        failed, result = path.run(arguments.parts)
        if not failed:
            return path, result, None, 0
        previous, path = path, path.other(failed)
    return None, None, previous, failed


def _names_of(leaves: list[Value]) -> list[str]:
    return [leaf.label or f"leaf{number}" for number, leaf in enumerate(leaves, 1)]


def _call_method(function: Callable[..., Any], instance_of: Callable[[], Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(instance_of(), *args, **kwargs)


def _is_plain(key: Any, signature: _Signature) -> bool:
    """Whether any pickler can pickle the kinds of containers that go in and come out."""
    try:
        pickle.dumps((key, [path.structure for path in signature.paths]))
    except Exception:  # such as a class or a default that is local to a function
        return False
    return True
