"""One node of the graph, the operators that make nodes, and the backward pass."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import MethodType
from typing import Any

from microgrady import protocols, typed
from microgrady.forks import free_after_fork
from microgrady.inputs import as_number, comparable, comparand, describe, on_arrays, require_foreign, require_number
from microgrady.introspection import PRIMITIVE, OfEach, documentation, signature
from microgrady.later import ask
from microgrady.scopes import open_scopes, relabelled, unlabelled
from microgrady.tracing import changing, comparison, escaping, hashing, recorders, refusal

if False:  # what the compiler of this module reads, and nobody else; value.pxd has the types for it
    import cython  # type: ignore[import, unused-ignore]
else:
    from microgrady import uncompiled as cython

Mark = int
Number = float  # by another name a compiler leaves it to us to check what comes from outside
Text = str

# Nodes are marked where others collect them in sets. A walk over a graph draws fresh marks, above all that exist, so
# older marks say "not seen yet", also those of a walk that was interrupted. A new node gets the newest mark there is:
# it tells which of two are older. Leaves, which threads may share, keep theirs.
_newest = 0
leaf_lock = free_after_fork(threading.RLock())  # a signal handler may run a pass while its thread has it
_KEPT = 24  # entries that the stacks below keep: a list that gets empty again and again is allocated again and again
_freeing = False  # the compiled class alone frees results, of which some may wait for it
_to_free: list[Value | None] = [None] * _KEPT


def fresh_marks(count: Mark = 1 << 16) -> Mark:
    """Return a mark above all that exist; the `count` - 1 marks that follow it are fresh, too."""
    global _newest
    with leaf_lock:
        _newest += count
        return _newest - count + 1


def _compared(symbol: Text, left: Any, right: Any, outcome: bool) -> bool:
    return comparison(symbol, left, right, outcome) if recorders else outcome


class Primitive:  # noqa: D101  (its documentation is PRIMITIVE)
    __doc__ = OfEach(documentation, PRIMITIVE)
    __name__ = OfEach(lambda entry: entry.name, "Primitive")
    __module__ = "microgrady.value"
    __signature__ = OfEach(signature)
    __copy__ = __deepcopy__ = protocols.itself  # as functions do
    __reduce__ = protocols.reduced_primitive
    __slots__ = ("evaluate", "lower", "name", "piecewise", "rules", "singular", "slope", "symbol", "variadic")
    name: str
    symbol: str
    evaluate: Callable[..., float]
    rules: tuple[Callable[..., Any], ...]
    slope: Callable[..., Any]  # the rule of a unary operation, or what gives the same on floats sooner
    lower: Callable[..., Any] | None  # how it is written as machine code; None: Python is called back
    singular: bool
    piecewise: bool
    variadic: Callable[..., Any] | None  # what other numbers of operands mean, if anything

    def __init__(self, name: Text) -> None:
        self.name = self.symbol = name
        self.evaluate = self.slope = float
        self.rules = ()
        self.lower = self.variadic = None
        self.singular = self.piecewise = False

    def __getattr__(self, name: str) -> str:
        if name == "__qualname__":  # which no class can have for its instances in the way of the others
            return self.name
        raise AttributeError(f"'Primitive' object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    @typed.operation
    def __call__(self, *operands: Any) -> Any:
        """The result for Values, real numbers or arrays: a Value, a float or an array."""
        if len(operands) == 1 and type(operands[0]) is Value and len(self.rules) == 1:
            return apply_unary(self, operands[0])
        if len(operands) != len(self.rules):
            if self.variadic is not None:
                return self.variadic(*operands)
            raise TypeError(protocols.wrong_count(self.name, len(self.rules), len(operands)))
        left, right = _known(operands[0]), _known(operands[-1])
        if left is None or right is None:
            return on_arrays(self, operands, operands[0] if left is None else operands[1])
        return apply_unary(self, left) if len(operands) == 1 else apply_binary(self, left, right)


# Filled by functions.py: the table's operations by name. And, users' own among them, by each name by which they are
# methods of a Value, which NumPy calls for the elements of an array.
primitives: dict[str, Primitive] = {}
methods: dict[str, Callable[..., Any]] = {}


# The operators' entries are begun here. The table, which this module must not know, fills in the rest.
NEG, ADD, SUB, MUL, DIV, FLOORDIV, MOD, POW, ABS = (
    primitives.setdefault(name, Primitive(name))
    for name in ["neg", "add", "sub", "mul", "div", "floordiv", "mod", "pow", "abs"]
)


@cython.no_gc  # a result refers to its operands alone, which are older, so no cycle of references runs through Values
@cython.freelist(16384)  # the memory of so many that were freed, 1.5 MB, is kept for the next: caches hold it
@cython.cclass
class Value:
    """A number that remembers how it was computed.

    Arithmetic on Values gives Values; `backward()` on a result finds its derivative by every
    Value that went into it, and adds it to their `grad`.

    Values compare by their numbers, as floats do, so that `list.index` and `list.remove` find the first one with an
    equal number; sets and dicts tell them apart. A Value never turns into a float by itself: its number is `data`.
    It has no attributes beside its own: keep what belongs to it in a dict with Values as its keys.

    Args:
        data: The number: an int, a float or any other real number.
        label: A name, for pictures and messages.

    Raises:
        TypeError: `data` is not a real number or `label` is not a str.
        OverflowError: `data` is an int too large for a float.

    Example:
        >>> x, y = Value(2.0, "x"), Value(3.0, "y")
        >>> z = x * y + x
        >>> z.backward()
        >>> z.data, x.grad, y.grad
        (8.0, 4.0, 2.0)
    """

    # Not `_data`, by which numpy.ma would take the float out of a Value.
    __slots__ = (
        "_grad", "_label", "_left", "_left_partial", "_mark", "_number", "_primitive", "_right", "_right_partial"
    )  # fmt: skip
    _number: float
    _grad: float
    _label: str
    _primitive: Primitive | None
    _left: Value | None
    _right: Value | None
    _left_partial: float
    _right_partial: float
    _mark: Mark

    def __init__(self, data: Any, label: Text = "") -> None:
        self._number = data if type(data) is float else require_number(data, "the data of a Value")
        self._grad = 0.0
        self._label = unlabelled() if open_scopes else ""
        if type(label) is not str or label:  # most have none, and the setter takes its time
            self.label = label
        self._primitive = self._left = self._right = None
        self._left_partial = self._right_partial = 0.0
        self._mark = _newest

    @property
    def data(self) -> float:
        """The number. That of a leaf can be assigned; that of a result follows from its operands."""
        if recorders:
            escaping(self, "v.data")
        return self._number

    @data.setter
    def data(self, data: Any) -> None:
        if self._primitive is not None:
            raise protocols.result_cannot_be_assigned(self._primitive.name)
        if recorders:
            changing(self, "the data of a Value")
        self._number = require_number(data, "the data of a Value")

    @property
    def grad(self) -> float:
        """The derivative of an output by this Value, as `backward` left it."""
        if recorders:
            escaping(self, "v.grad")
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        self._grad = require_number(grad, "the grad of a Value")

    @property
    def label(self) -> str:
        """A name, for pictures and messages."""
        return str(self._label or "")

    @label.setter
    def label(self, label: Text) -> None:
        if not isinstance(label, str):
            raise TypeError(f"the label of a Value must be a str, not {describe(label)}")
        self._label = relabelled(self._label, label)

    @property
    def op(self) -> Primitive | None:
        """The primitive that made this Value; None for a leaf."""
        return self._primitive

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """What the primitive was applied to: Values, and the plain numbers among them as floats."""
        if self._primitive is None:
            return ()
        left = self._left_partial if self._left is None else self._left
        right = self._right_partial if self._right is None else self._right
        return (left, right)[: len(self._primitive.rules)]

    @property
    def partials(self) -> tuple[float, ...]:
        """The local derivative by each operand, 0.0 for a plain number."""
        if recorders:
            escaping(self, "v.partials")
        if self._primitive is None:
            return ()
        left = 0.0 if self._left is None else self._left_partial
        right = 0.0 if self._right is None else self._right_partial
        return (left, right)[: len(self._primitive.rules)]

    def backward(self, seed: Number = 1.0) -> None:
        """Add the derivative of this Value by each leaf to that leaf's `grad`.

        The graph is walked once, from this Value to the leaves, by the chain rule. Leaves
        accumulate over calls until their `grad` is set to 0; every result on the way gets the
        derivative of this call.

        Args:
            seed: What the derivative of this Value by itself counts for.

        Raises:
            TypeError: `seed` is not a real number.

        Example:
            >>> x = Value(3.0)
            >>> (x * x).backward()
            >>> x.grad
            6.0
        """
        if recorders:
            escaping(self, "v.backward()")
        stand_ins = reverse_pass(self, require_number(seed, "the seed of backward"))
        with leaf_lock:
            for stand_in in stand_ins:
                stand_in._left._grad += stand_in._grad  # type: ignore[union-attr]

    # What else Python, NumPy and micrograd's users ask of a number, plain functions.
    __trunc__, __floor__, __ceil__, __round__ = protocols.trunc, protocols.floor, protocols.ceil, protocols.nearest
    __format__, __dir__, __copy__ = protocols.formatted, protocols.names, protocols.twin
    __reduce__ = protocols.reduced_value
    __array_ufunc__, __array_function__ = protocols.array_ufunc, protocols.array_function
    _repr_latex_ = protocols.notebook_latex
    conjugate, _prev, _op = protocols.conjugate, property(protocols.previous), property(protocols.operation)

    # Arithmetic. The commonest partials stand here, for speed; a test holds them to their rules in the table.

    def __neg__(self) -> Value:
        return make_node(-self._number, NEG, self, None, -1.0, 0.0)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return apply_unary(ABS, self)  # type: ignore[no-any-return]

    @typed.operator
    def __add__(self, other: Any) -> Value:
        if type(other) is Value:
            right: Value = other
            return make_node(self._number + right._number, ADD, self, right, 1.0, 1.0)
        b: float = other if type(other) is float else _as_float(other, "+")
        return NotImplemented if not b and _foreign(other) else make_node(self._number + b, ADD, self, None, 1.0, b)

    @typed.operator
    def __radd__(self, other: Any) -> Value:
        a: float = other if type(other) is float else _as_float(other, "+")
        return NotImplemented if not a and _foreign(other) else make_node(a + self._number, ADD, None, self, a, 1.0)

    @typed.operator
    def __sub__(self, other: Any) -> Value:
        if type(other) is Value:
            right: Value = other
            return make_node(self._number - right._number, SUB, self, right, 1.0, -1.0)
        b: float = other if type(other) is float else _as_float(other, "-")
        return NotImplemented if not b and _foreign(other) else make_node(self._number - b, SUB, self, None, 1.0, b)

    @typed.operator
    def __rsub__(self, other: Any) -> Value:
        a: float = other if type(other) is float else _as_float(other, "-")
        return NotImplemented if not a and _foreign(other) else make_node(a - self._number, SUB, None, self, a, -1.0)

    @typed.operator
    def __mul__(self, other: Any) -> Value:
        if type(other) is Value:
            right: Value = other
            return make_node(self._number * right._number, MUL, self, right, right._number, self._number)
        b: float = other if type(other) is float else _as_float(other, "*")
        return NotImplemented if not b and _foreign(other) else make_node(self._number * b, MUL, self, None, b, b)

    @typed.operator
    def __rmul__(self, other: Any) -> Value:
        a: float = other if type(other) is float else _as_float(other, "*")
        return NotImplemented if not a and _foreign(other) else make_node(a * self._number, MUL, None, self, a, a)

    @typed.operator
    def __truediv__(self, other: Any) -> Value:
        if type(other) is Value:
            right: Value = other
            if right._number != 0.0:
                y: float = self._number / right._number
                if not 0.0 < abs(y) < 1e-290:  # else see floats.div_square
                    return make_node(y, DIV, self, right, 1.0 / right._number, -(y / right._number))
        elif type(other) is float and other != 0.0:
            b: float = other
            return make_node(self._number / b, DIV, self, None, 1.0 / b, b)
        return _apply_operator(DIV, self, other)

    @typed.operator
    def __rtruediv__(self, other: Any) -> Value:
        a: float = other if type(other) is float else _as_float(other, "/")
        if self._number != 0.0 and a:
            y: float = a / self._number
            if not 0.0 < abs(y) < 1e-290:
                return make_node(y, DIV, None, self, a, -(y / self._number))
        return _apply_operator(DIV, other, self)

    @typed.operator
    def __floordiv__(self, other: Any) -> Value:
        return _apply_operator(FLOORDIV, self, other)

    @typed.operator
    def __rfloordiv__(self, other: Any) -> Value:
        return _apply_operator(FLOORDIV, other, self)

    @typed.operator
    def __mod__(self, other: Any) -> Value:
        return _apply_operator(MOD, self, other)

    @typed.operator
    def __rmod__(self, other: Any) -> Value:
        return _apply_operator(MOD, other, self)

    def __divmod__(self, other: Any) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Value, Value]:
        return other // self, other % self

    def __pow__(self, other: Any, modulus: Any = None) -> Value:
        if modulus is not None:
            return NotImplemented
        if (type(other) is int or type(other) is float) and other == 2:
            return make_node(self._number * self._number, POW, self, None, 2.0 * self._number, 2.0)
        return _apply_operator(POW, self, other)

    def __rpow__(self, other: Any, modulus: Any = None) -> Value:
        return NotImplemented if modulus is not None else _apply_operator(POW, other, self)

    def __xor__(self, other: Any) -> Any:
        return protocols.no_power(self, other)

    def __rxor__(self, other: Any) -> Any:
        return protocols.no_power(other, self)

    # Comparisons and conversions look at the number alone, and give plain Python things.

    def __eq__(self, other: object) -> bool:
        return _equality("==", self, other)

    def __ne__(self, other: object) -> bool:
        return _equality("!=", self, other)

    def __hash__(self) -> int:
        if recorders:
            hashing(self)
        return id(self) >> 4  # by identity: two parameters that happen to be equal are still two

    def __lt__(self, other: Any) -> bool:
        if type(other) is Value:
            value: Value = other
            return _compared("<", self, other, self._number < value._number)
        number = _comparable(other, "<")
        return NotImplemented if number is None else _compared("<", self, number, bool(self._number < number))

    def __le__(self, other: Any) -> bool:
        if type(other) is Value:
            value: Value = other
            return _compared("<=", self, other, self._number <= value._number)
        number = _comparable(other, "<=")
        return NotImplemented if number is None else _compared("<=", self, number, bool(self._number <= number))

    def __gt__(self, other: Any) -> bool:
        if type(other) is Value:
            value: Value = other
            return _compared(">", self, other, self._number > value._number)
        number = _comparable(other, ">")
        return NotImplemented if number is None else _compared(">", self, number, bool(self._number > number))

    def __ge__(self, other: Any) -> bool:
        if type(other) is Value:
            value: Value = other
            return _compared(">=", self, other, self._number >= value._number)
        number = _comparable(other, ">=")
        return NotImplemented if number is None else _compared(">=", self, number, bool(self._number >= number))

    def __bool__(self) -> bool:
        return bool(_compared("!=", self, 0.0, self._number != 0.0))

    def __float__(self) -> float:
        raise refusal(self)

    def __int__(self) -> int:
        return protocols.trunc(self)

    def __index__(self) -> int:
        protocols.index(self)

    def __str__(self) -> str:
        return protocols.text(self)

    def __repr__(self) -> str:
        return protocols.representation(self)

    def __dealloc__(self) -> None:
        # Called by the compiled class alone. To free a long chain must not recurse along it, and to
        # free a result before its operands gives the next graph its memory in the order of this one.
        global _freeing
        if self._left is not None and self._left._primitive is not None:
            _to_free.append(self._left)
        if self._right is not None and self._right._primitive is not None:
            _to_free.append(self._right)
        if not _freeing:
            _freeing = True
            self._left = self._right = None
            while len(_to_free) > _KEPT:
                _to_free.pop()
            _freeing = False

    def __getattr__(self, name: str) -> Any:
        # np.exp on an object array calls element.exp().
        function = methods.get(name)
        if function is None:
            raise protocols.no_attribute(name)
        return MethodType(function, self)


def make_node(
    y: float, op: Primitive | None, left: Value | None, right: Value | None, left_partial: float, right_partial: float
) -> Value:
    """Return a new result. An operand is None for a number, which takes the place of its partial, or for none."""
    node = Value.__new__(Value)
    node._number = y
    node._grad = 0.0
    node._label = unlabelled() if open_scopes else ""
    node._primitive = op
    node._left = left
    node._right = right
    node._left_partial = left_partial
    node._right_partial = right_partial
    node._mark = _newest
    return node


def apply_unary(op: Primitive, operand: Any) -> Any:
    """Return the result of a primitive of one operand, a Value or a float."""
    if type(operand) is not Value:
        return float(op.evaluate(operand))
    x: Value = operand
    a: Any = x._number
    y = op.evaluate(a)
    return make_node(float(y), op, x, None, float(op.slope(y, a)), 0.0)


def apply_binary(op: Primitive, left: Any, right: Any) -> Any:
    """Return the result of a primitive of two operands, Values or floats."""
    x: Value | None = left if type(left) is Value else None
    y: Value | None = right if type(right) is Value else None
    a: Any = left if x is None else x._number
    b: Any = right if y is None else y._number
    result = op.evaluate(a, b)
    if x is None and y is None:
        return float(result)
    left_partial = float(a if x is None else op.rules[0](result, a, b))
    right_partial = float(b if y is None else op.rules[1](result, a, b))
    return make_node(float(result), op, x, y, left_partial, right_partial)


def _known(operand: Any) -> Any:
    """Return an operand as a Value or a float; None for what is neither nor a number."""
    if type(operand) is int:
        return _as_float(operand, "")
    return operand if type(operand) is Value or type(operand) is float else as_number(operand)


def _as_float(other: Any, symbol: Text) -> float:
    """Return the other operand as a float; 0.0, which no comparison need ask for, if it is `_foreign`."""
    if type(other) is int:
        try:
            return float(other)
        except OverflowError:
            pass  # as_number raises it with a sentence
    number: Any = as_number(other)
    if number is None:
        require_foreign(other, symbol)
    return 0.0 if number is None else number


def _foreign(other: Any) -> bool:
    """Return whether a type may know itself what to do with a Value."""
    return _known(other) is None


def _apply_operator(op: Primitive, left: Any, right: Any) -> Value:
    a, b = _known(left), _known(right)
    if a is None or b is None:
        require_foreign(right if b is None else left, op.symbol)
        return NotImplemented  # type: ignore[no-any-return]
    return apply_binary(op, a, b)  # type: ignore[no-any-return]


def _comparable(other: Any, symbol: Text) -> Any:
    """Return a number to compare with; None for a type that may know itself what to do with a Value."""
    return other if type(other) is float or type(other) is int else comparand(other, symbol)


def _equality(symbol: Text, value: Value, other: Any) -> bool:
    number = other._number if isinstance(other, Value) else comparable(other)
    if number is None:
        return protocols.never_equal(value, symbol, other)  # type: ignore[no-any-return]
    outcome = bool(value._number == number) is (symbol == "==")
    return _compared(symbol, value, other if isinstance(other, Value) else number, outcome)


def topological_order(*outputs: Value, since: Mark = 0) -> list[Value]:
    """Return all nodes behind `outputs` that were made since a mark was drawn, operands first, at any depth."""
    mark = _count_uses(list(outputs), since, False)
    distinct = {id(output): output for output in outputs}  # by identity: to hash a Value takes long in a recording
    leaves = {key: output for key, output in distinct.items() if output._primitive is None and output._mark >= since}
    stack = [output for output in distinct.values() if output._primitive is not None and output._mark == mark]
    order = []
    operand: Value | None
    while stack:  # take a result when all that use it have been taken
        node: Value = stack.pop()
        order.append(node)
        for operand in (node._left, node._right):
            if operand is not None and operand._primitive is None and operand._mark >= since:
                leaves[id(operand)] = operand
            elif operand is not None and operand._primitive is not None and operand._mark > mark:
                operand._mark -= 1
                if operand._mark == mark:
                    stack.append(operand)
    return [*leaves.values(), *reversed(order)]


def _count_uses(outputs: list[Value], since: Mark, reset: bool, count: Mark = 1 << 16) -> Mark:
    """Add to a fresh mark, in each result behind `outputs`, how many others of them use it.

    With `reset` their gradients become 0. Returns the mark, which results that nobody uses have. This walk and that of
    `reverse_pass` are most of what a gradient costs: they go on with an operand rather than over the stack.
    """
    mark = fresh_marks(count)
    once, limit = mark + 1, mark + count - 1
    stack: list[Value | None] = [None] * _KEPT
    for output in outputs:
        if output._primitive is not None and since <= output._mark < mark:
            output._mark = mark
            stack.append(output)
    node = stack.pop()
    while node is not None:
        if reset:
            node._grad = 0.0
        following = None
        operand, is_last = node._left, node._right is None
        while True:
            if operand is not None and operand._primitive is not None:
                uses = operand._mark
                if uses >= mark:
                    operand._mark = uses + 1
                    if uses == limit:
                        return _count_uses(outputs, since, reset, count << 16)
                elif uses >= since:
                    operand._mark = once
                    if following is not None:
                        stack.append(following)
                    following = operand
            if is_last:
                break
            operand, is_last = node._right, True
        node = stack.pop() if following is None else following
    return mark


def stays_zero(adjoint: float, partial: float, op: Primitive | None) -> bool:
    """Return whether an adjoint times a partial is zero also where the other factor is infinite or nan.

    So is what does not matter, having an adjoint of zero; and so is a partial of zero of a piecewise operation, which
    has it all around.
    """
    return adjoint == 0.0 or (partial == 0.0 and op is not None and op.piecewise)


def reverse_pass(output: Value, seed: float) -> list[Value]:
    """Give every result behind `output` its derivative, and return stand-ins of the leaves that have theirs.

    Threads may share leaves, so a pass adds up a leaf's derivative in a Value of its own. The leaf refers to it in the
    unused slot of its right operand for as long as the pass lasts; its left operand is the leaf.
    """
    root = make_node(output._number, NEG, output, None, seed, 0.0)  # so that an output may be a leaf, too
    mark = _count_uses([root], 0, True)
    once = mark + 1
    root._grad = 1.0
    node: Value | None = root
    stand_ins: list[Value] = []
    stack: list[Value | None] = [None] * _KEPT
    try:
        while node is not None:  # all results that use it have been here
            adjoint = node._grad
            following = None
            operand, partial, is_last = node._left, node._left_partial, node._right is None
            while True:  # once for the left operand, once for the right one
                if operand is not None:
                    share = adjoint * partial
                    if share != share and stays_zero(adjoint, partial, node._primitive):
                        share = 0.0
                    if operand._primitive is None:
                        stand_in = operand._right
                        if stand_in is None or stand_in._mark != mark:
                            stand_in = Value.__new__(Value)
                            stand_in._left, stand_in._grad, stand_in._mark = operand, 0.0, mark
                            stand_ins.append(stand_in)
                            operand._right = stand_in
                        stand_in._grad += share
                    else:
                        operand._grad += share
                        uses = operand._mark
                        if uses == once:
                            if following is not None:
                                stack.append(following)
                            following = operand
                        else:
                            operand._mark = uses - 1
                if is_last:
                    break
                operand, partial, is_last = node._right, node._right_partial, True
            node = stack.pop() if following is None else following
    finally:
        for made in stand_ins:
            made._left._right = None  # type: ignore[union-attr]
    return stand_ins


def engine_kind() -> str:
    """Return which engine runs: "compiled", or "python" where no C compiler was there when microgrady was installed."""
    return "compiled" if cython.compiled else "python"


ask("table")  # fills in the operators: whoever imports this module gets Values that calculate
