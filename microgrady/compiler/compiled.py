"""A function that runs as machine code: each call finds the path that it takes, or has it compiled."""

from __future__ import annotations

import functools
import operator
import warnings
from array import array
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from microgrady.compiler.backends.c_program import c_source
from microgrady.compiler.backends.host import binding
from microgrady.compiler.backends.worker import run_in_worker
from microgrady.compiler.branches import ROOT, Branches, Fork, Outcome
from microgrady.compiler.methods import BoundMethod
from microgrady.compiler.path import CompiledPath
from microgrady.compiler.programs.recording import Recording
from microgrady.compiler.signature import Arguments
from microgrady.compiler.with_paths import WithPaths
from microgrady.leaves import add_gradients
from microgrady.traced import as_value, one_number
from microgrady.tracing import is_input_elsewhere, run_here, runs
from microgrady.value import Value

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")


class Jitted(WithPaths[P, R, CompiledPath]):
    """A function that runs as machine code, as `jit` makes it.

    The first call runs the function on Values, and keeps the graph; it is simplified and compiled by LLVM.
    Comparisons on the way, `int(v)`, `math.floor(v)` and `round(v)` become guards: a call that goes another way is
    noticed, and what it does is recorded and compiled as well. So `if`, `while`, recursion, `min`, `sorted` and whole
    numbers as indices work as they are. It composes: `jit(grad(f))`, `jit(hessian(f))`; inside `grad` or another `jit`,
    and called on Values, the function itself runs.

    Values from outside that the function refers to, such as the parameters of a model, are read at each call;
    assign to their `data` (a new Value in a variable of that name is not noticed). Anything else from outside is
    what it was when the function was recorded; what the function changes outside of it, or prints, it does only then.
    Values of results equal the interpreted ones, those of the function on Values, to the last bit.

    On a method, there is one compiled function for each object, whose Values are live as all others; other attributes
    are what they were when it was recorded for this object.

    It pickles as far as the function does, with what has been compiled of it, unless the function or what it refers to
    has changed where it is loaded; as a decorator of a module's function by the name alone. A deep copy of an object
    that holds `jit(self.method)` has one that belongs to the copy.

    Example:
        >>> import microgrady as mg
        >>> size = mg.jit(lambda x: x if x > 0 else -x)
        >>> [size(x) for x in (3.0, -2.0, 1.0)]
        [3.0, 2.0, 1.0]
        >>> [path.guards for path in size.paths]
        [('x > 0',), ('not x > 0',)]
    """

    made_here = WithPaths.made_here | {"_fastcall", "_first_paths"}
    transform = "jit"

    def _restore(self, parts: dict[str, Any]) -> None:
        super()._restore(parts)
        # For floats and arrays that are given by position: the first paths, by the types of the arguments, which is
        # the fastest question.
        self._first_paths: dict[tuple[type, ...], CompiledPath] = {}
        self._fastcall: Callable[..., Any] | None = None  # the latest of those paths, without Python code

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload  # a function of Values is called with numbers
    def __call__(
        self: Jitted[Concatenate[Value, Q], Value], x: float, /, *args: Value | float, **kwargs: Any
    ) -> float: ...

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns, in floats; where Values come in, the function itself runs.

        Raises:
            TypeError: An argument is not a number, the function returns something else than numbers, or turns a Value
                into a plain number, which would become a constant.
            ImportError: llvmlite is not installed.
        """
        if runs and run_here():
            __tracebackhide__ = True
            return self._function(*args, **kwargs)  # which is differentiated or recorded there
        if not kwargs and (fastcall := self._fastcall) is not None:
            result = fastcall(*args)
            if result is not float:
                return result
        fork = ROOT
        path = None if kwargs else self._first_paths.get(tuple(map(type, args)))
        if path is not None and path.accepts(args):
            failed, result = path.run(args)
            if not failed:
                return result
            fork = Fork(path, failed)
        __tracebackhide__ = True  # here, where it costs compiled calls nothing
        if args and self._is_method_of(args[0]):
            return BoundMethod(self, args[0])(*args[1:], **kwargs)
        arguments = self._signature.arguments(args, kwargs)
        return self._function(*args, **kwargs) if arguments.values else self._run(arguments, fork).returned

    def backward(self, /, *args: P.args, **kwargs: P.kwargs) -> float:
        """Run the function and its backward pass as machine code.

        Args:
            *args: The function's arguments. Values are allowed among them.
            **kwargs: Those that are given by name.

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
            method: BoundMethod[..., R] = BoundMethod(self, args[0])
            return method.backward(*args[1:], **kwargs)
        arguments = self._signature.arguments(args, kwargs, differentiate=True)
        values = arguments.values
        if run_here() or any(value._primitive is not None for value in values.values()):
            # Their graphs go on beyond the arguments.
            output = as_value(one_number(self._function(*args, **kwargs), self._signature.name, "backward"))
            output.backward()
            return output._number
        outcome = self._run(arguments)
        value, slopes = outcome.returned
        leaves = [*values.values(), *outcome.leaves][: len(slopes)]  # those that nothing reached come last
        add_gradients(leaves, array("d", slopes))
        return float(value)

    def to_c(self, name: str = "compiled") -> str:
        """Return the program as C99.

        It gives the same numbers when compiled by `cc -std=c99 -O2 -ffp-contract=off`, with `-lm`. Where loops of the
        function were found again, it has them as `for` loops.

        Args:
            name: What to call the function.

        Returns:
            `int name(const double *in, double *out)` for each path; from the second on, `_2` and so on are
            appended to the name. `in` has the numbers of the arguments in order and then the data of the leaves that
            the function refers to, `out` those of the result. What comes back is 0, or the number of the first guard
            that does not hold, counted from 1; or -1 where loops need so much memory that it is allocated, and there
            is none. Functions may be called from several threads at once.

        Raises:
            ValueError: `name` is not an identifier or is C's own, such as exp; or nothing has been compiled yet.
            NotImplementedError: An operation has no form in C: gamma and its relatives, and users' primitives.
        """
        return c_source([path.lowered() for path in self._compiled()], name)

    def graph(self, /, *args: P.args, **kwargs: P.kwargs) -> list[Value]:
        """Return the simplified program as a graph of Values at some arguments, for `draw`.

        Returns:
            The Values that the result is made of, in order.

        Example:
            >>> import microgrady as mg
            >>> square = mg.jit(lambda x: x * x + x * x)
            >>> len(mg.draw(*square.graph(3.0)).body) < len(mg.draw(square(mg.Value(3.0))).body)
            True
        """
        if args and self._is_method_of(args[0]):
            method: BoundMethod[..., R] = BoundMethod(self, args[0])
            return method.graph(*args[1:], **kwargs)
        arguments = self._signature.arguments(args, kwargs)
        path = self._run(arguments).path
        if path is not None:
            return path.graph(self._signature.numbers(arguments).found)
        raise RuntimeError(
            f"jit of {self._signature.name} interprets these arguments: "
            f"max_paths={self._options.max_paths} are compiled"
        )

    def _run(self, arguments: Arguments, fork: Fork = ROOT) -> Outcome:
        """Run the path that these arguments take, and record and compile it if there is none.

        Args:
            arguments: Those of the call.
            fork: Where they have left the first path, if that has been tried.
        """
        __tracebackhide__ = True
        branches = self._branches.get(arguments.key) or Branches()
        found = branches.follow(arguments.parts, fork if fork.path is branches.first else ROOT)
        if isinstance(found, Fork):
            with self._lock.here():  # another thread may have recorded the same meanwhile
                branches = self._branches.get(arguments.key) or branches
                found = branches.follow(arguments.parts)
                if isinstance(found, Fork):
                    return self._record(arguments, branches, found)
        if found.path is not None and found.path is branches.first:
            self._remember(arguments, found.path)
        return found

    def _remember(self, arguments: Arguments, path: CompiledPath) -> None:
        """Let the next call with such arguments go to `path` at once, if they are floats and arrays by position."""
        args, parts = arguments.args, arguments.parts
        if arguments.kwargs or arguments.differentiated is not None or len(args) != len(parts):
            return
        if all(map(operator.is_, args, parts)):
            self._first_paths[tuple(map(type, args))] = path
            self._fastcall = path.fastcall()

    def _record(self, arguments: Arguments, branches: Branches[CompiledPath], fork: Fork) -> Outcome:
        """Run the function on Values, and compile what it does for the calls that come to this fork."""
        __tracebackhide__ = True
        run_in_worker(binding)
        name, options = self._signature.name, self._options
        numbers = self._signature.numbers(arguments)
        function = functools.partial(arguments.call, self._function)
        recording = Recording(function, name, numbers.found, arguments.differentiated, numbers.beside_none)
        if runs and arguments.differentiated is None and is_input_elsewhere(recording.leaves):
            # Another thread differentiates or records by what the function uses.
            return Outcome(self._function(*arguments.args, **arguments.kwargs), (), None)
        kept = None
        if len(branches.paths) >= options.max_paths:
            warnings.warn(
                f"jit of {name} has compiled max_paths={options.max_paths} paths; calls that take another one are "
                "interpreted",
                RuntimeWarning,
                stacklevel=4,
            )
        else:
            path = CompiledPath(recording, numbers, options.optimize, options.cache)
            if path.reproduces(arguments.parts, recording.results):
                self._branches.setdefault(arguments.key, branches).add(fork, path)
                kept = path
            else:
                warnings.warn(
                    f"the machine code for {name} does not give the numbers that were recorded, so they are "
                    "interpreted; a primitive may give another result each time",
                    RuntimeWarning,
                    stacklevel=4,
                )
        return Outcome(recording.structure.rebuild(recording.results), recording.leaves, kept)
