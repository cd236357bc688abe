"""One node of the graph, the operators that make nodes, and the backward pass."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

from microgrady.ieee import divide
from microgrady.inputs import as_number, describe, is_array, is_number, map_arrays, require_number
from microgrady.scopes import open_scopes, relabelled, unlabelled

Operand = Any  # a Value or a float; a third kind, None, only fills the unused slot of a unary node

# Results are marked instead of collected in sets. Each walk over a graph draws a fresh multiple of
# 2**32 and writes only marks from there up, so marks of earlier walks, interrupted ones too, read as
# "not seen yet". A new node carries the draw that was the newest when it was made: its age.
# Leaves, which threads may share, are never marked.
_marks = itertools.count(1)
_newest = 0
_leaf_lock = threading.Lock()


def fresh_mark() -> int:
    """A mark above all marks that exist."""
    global _newest
    with _leaf_lock:
        _newest = next(_marks) << 32
        return _newest


class _Tracing(threading.local):
    """Whether this thread is inside a transform, and which one: it decides what float() may do."""

    transform = ""


tracing = _Tracing()


@dataclass(eq=False, repr=False)
class Primitive:
    """One operation: its name, its value, its derivative rules. Calling it applies it.

    Made by `microgrady.primitive`, which explains the parts.
    """

    name: str
    symbol: str = ""
    evaluate: Callable[..., float] = float
    rules: tuple[Callable[..., Any], ...] = ()
    singular: bool = False
    piecewise: bool = False

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __call__(self, *operands: Any) -> Any:
        """The result for Values, real numbers or arrays: a Value, a float or an array."""
        if len(operands) != len(self.rules):
            raise TypeError(f"{self.name} takes {len(self.rules)} operand(s), {len(operands)} given")
        if len(operands) == 1 and type(operands[0]) is Value:
            x: Value = operands[0]
            y = float(self.evaluate(x._data))
            return make_node(y, self, x, None, float(self.rules[0](y, x._data)), 0.0)
        kept: list[Operand] = []
        for operand in operands:
            number = operand if isinstance(operand, Value) else as_number(operand)
            if number is None:
                if any(is_array(operand) for operand in operands):
                    return map_arrays(self, operands)
                raise TypeError(f"{self.name} takes Values, real numbers and NumPy arrays, not {describe(operand)}")
            kept.append(number)
        return self._apply(*kept)

    def _apply(self, left: Operand, right: Operand = None) -> Any:
        operands = (left,) if right is None else (left, right)
        floats = [operand._data if isinstance(operand, Value) else operand for operand in operands]
        y = float(self.evaluate(*floats))
        partials = [
            float(rule(y, *floats)) if isinstance(operand, Value) else 0.0
            for rule, operand in zip(self.rules, operands, strict=True)
        ]
        if not any(isinstance(operand, Value) for operand in operands):
            return y
        return make_node(y, self, left, right, partials[0], partials[-1] if right is not None else 0.0)


# Filled by the table, functions.py: every primitive by name, and every function under each of the
# names by which NumPy calls it as a method of an element.
primitives: dict[str, Primitive] = {}
methods: dict[str, Callable[..., Any]] = {}


def _entry(name: str) -> Primitive:
    """An operator's entry. The table, which this module must not know, fills in the rest."""
    return primitives.setdefault(name, Primitive(name))


NEG, ADD, SUB, MUL, DIV = _entry("neg"), _entry("add"), _entry("sub"), _entry("mul"), _entry("div")
FLOORDIV, MOD, POW, ABS = _entry("floordiv"), _entry("mod"), _entry("pow"), _entry("abs")


def divide_by(y: Any, a: Any, b: Any) -> Any:
    """The derivative of y = a / b by b, -a / b**2. It is the rule of the table, needed here for `/`."""
    if 0.0 < abs(y._data if type(y) is Value else y) < 1e-290:
        # A quotient near the smallest floats has lost digits, which dividing by b again would bring up.
        return -(a * DIV(2.0**60, b)) * DIV(2.0**-60, b)
    return -DIV(y, b)


@final
class Value:
    """A number that remembers how it was computed.

    Arithmetic on Values gives Values; `backward()` on a result finds its derivative by every
    Value that went into it, and adds it to their `grad`.

    Args:
        data: The number: an int, a float or any other real number.
        label: A name, for pictures and messages.

    Raises:
        TypeError: `data` is no real number or `label` is no str.
        OverflowError: `data` is an int too large for a float.

    Example:
        >>> x, y = Value(2.0, "x"), Value(3.0, "y")
        >>> z = x * y + x
        >>> z.backward()
        >>> z.data, x.grad, y.grad
        (8.0, 4.0, 2.0)
    """

    __slots__ = ("_data", "_grad", "_label", "_left", "_left_partial", "_mark", "_op", "_right", "_right_partial")
    _data: float
    _grad: float
    _label: str
    _op: Primitive | None
    _left: Operand
    _right: Operand
    _left_partial: float
    _right_partial: float
    _mark: int

    def __init__(self, data: Any, label: str = "") -> None:
        self._data = require_number(data, "the data of a Value")
        self._grad = 0.0
        self._label = unlabelled() if open_scopes else ""
        self.label = label
        self._op = None
        self._left = self._right = None
        self._left_partial = self._right_partial = 0.0
        self._mark = _newest

    @property
    def data(self) -> float:
        """The number. That of a leaf can be assigned; that of a result follows from its operands."""
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        if self._op is not None:
            raise AttributeError(
                f"the data of a result cannot be assigned, and this Value is a result of {self._op.name}: "
                "assign the data of a leaf and compute anew"
            )
        self._data = require_number(data, "the data of a Value")

    @property
    def grad(self) -> float:
        """The derivative of an output by this Value, as `backward` left it."""
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        self._grad = require_number(grad, "the grad of a Value")

    @property
    def label(self) -> str:
        """A name, for pictures and messages."""
        return str(self._label)

    @label.setter
    def label(self, label: str) -> None:
        if not isinstance(label, str):
            raise TypeError(f"the label of a Value must be a str, not {describe(label)}")
        self._label = relabelled(self._label, label)

    @property
    def op(self) -> Primitive | None:
        """The primitive that made this Value; None for a leaf."""
        return self._op

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """What the primitive was applied to: Values, and the plain numbers among them as floats."""
        return (() if self._op is None else (self._left,)) + (() if self._right is None else (self._right,))

    @property
    def partials(self) -> tuple[float, ...]:
        """The local derivative by each operand, 0.0 for a plain number."""
        return (self._left_partial, self._right_partial)[: len(self.operands)]

    def backward(self, seed: float = 1.0) -> None:
        """Add the derivative of this Value by each leaf to that leaf's `grad`.

        The graph is walked once, from this Value to the leaves, by the chain rule. Leaves
        accumulate over calls until their `grad` is set to 0; every result on the way gets the
        derivative of this call.

        Args:
            seed: What the derivative of this Value by itself counts for.

        Raises:
            TypeError: `seed` is no real number.

        Example:
            >>> x = Value(3.0)
            >>> (x * x).backward()
            >>> x.grad
            6.0
        """
        seed = require_number(seed, "the seed of backward")
        adjoints = reverse_pass(topological_order(self), seed)
        with _leaf_lock:
            for leaf, adjoint in adjoints.items():
                leaf._grad += adjoint

    # Arithmetic. The partials of the four commonest operations stand here, for speed; a test
    # holds them to their rules in the table.

    def __neg__(self) -> Value:
        return make_node(-self._data, NEG, self, None, -1.0, 0.0)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return _apply_operator(ABS, self)

    def __add__(self, other: Any) -> Value:
        if type(other) is Value:
            return make_node(self._data + other._data, ADD, self, other, 1.0, 1.0)
        number = _other_operand(other, "+")
        return NotImplemented if number is None else make_node(self._data + number, ADD, self, number, 1.0, 0.0)

    def __radd__(self, other: Any) -> Value:
        number = _other_operand(other, "+")
        return NotImplemented if number is None else make_node(number + self._data, ADD, number, self, 0.0, 1.0)

    def __sub__(self, other: Any) -> Value:
        if type(other) is Value:
            return make_node(self._data - other._data, SUB, self, other, 1.0, -1.0)
        number = _other_operand(other, "-")
        return NotImplemented if number is None else make_node(self._data - number, SUB, self, number, 1.0, 0.0)

    def __rsub__(self, other: Any) -> Value:
        number = _other_operand(other, "-")
        return NotImplemented if number is None else make_node(number - self._data, SUB, number, self, 0.0, -1.0)

    def __mul__(self, other: Any) -> Value:
        if type(other) is Value:
            return make_node(self._data * other._data, MUL, self, other, other._data, self._data)
        number = _other_operand(other, "*")
        return NotImplemented if number is None else make_node(self._data * number, MUL, self, number, number, 0.0)

    def __rmul__(self, other: Any) -> Value:
        number = _other_operand(other, "*")
        return NotImplemented if number is None else make_node(number * self._data, MUL, number, self, 0.0, number)

    def __truediv__(self, other: Any) -> Value:
        if type(other) is Value:
            a, b = self._data, other._data
            y = divide(a, b)
            return make_node(y, DIV, self, other, divide(1.0, b), divide_by(y, a, b))
        number = _other_operand(other, "/")
        if number is None:
            return NotImplemented
        return make_node(divide(self._data, number), DIV, self, number, divide(1.0, number), 0.0)

    def __rtruediv__(self, other: Any) -> Value:
        return _apply_operator(DIV, other, self)

    def __floordiv__(self, other: Any) -> Value:
        return _apply_operator(FLOORDIV, self, other)

    def __rfloordiv__(self, other: Any) -> Value:
        return _apply_operator(FLOORDIV, other, self)

    def __mod__(self, other: Any) -> Value:
        return _apply_operator(MOD, self, other)

    def __rmod__(self, other: Any) -> Value:
        return _apply_operator(MOD, other, self)

    def __divmod__(self, other: Any) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Value, Value]:
        return other // self, other % self

    def __pow__(self, other: Any) -> Value:
        return _apply_operator(POW, self, other)

    def __rpow__(self, other: Any) -> Value:
        return _apply_operator(POW, other, self)

    # Comparisons and conversions look at the number alone, and give plain Python things.

    def __eq__(self, other: object) -> bool:
        number = other._data if isinstance(other, Value) else other
        return bool(self._data == number) if is_number(number) else NotImplemented

    __hash__ = object.__hash__  # by identity: two parameters that happen to be equal are still two

    def __lt__(self, other: Any) -> bool:
        number = _comparable(other, "<")
        return NotImplemented if number is None else bool(self._data < number)

    def __le__(self, other: Any) -> bool:
        number = _comparable(other, "<=")
        return NotImplemented if number is None else bool(self._data <= number)

    def __gt__(self, other: Any) -> bool:
        number = _comparable(other, ">")
        return NotImplemented if number is None else bool(self._data > number)

    def __ge__(self, other: Any) -> bool:
        number = _comparable(other, ">=")
        return NotImplemented if number is None else bool(self._data >= number)

    def __bool__(self) -> bool:
        return self._data != 0.0

    def __float__(self) -> float:
        if tracing.transform:
            raise TypeError(
                f"inside {tracing.transform} a Value must not become a float, or its derivative would be lost: use "
                "microgrady's functions (mg.sin(v), not math.sin(v)), object arrays for float arrays, "
                "or v.data to leave the derivative out on purpose"
            )
        return self._data

    def __int__(self) -> int:
        return int(self._data)

    def __round__(self, digits: int | None = None) -> float:
        return round(self._data, digits)

    def __floor__(self) -> int:
        return math.floor(self._data)

    def __ceil__(self) -> int:
        return math.ceil(self._data)

    def __trunc__(self) -> int:
        return math.trunc(self._data)

    def __format__(self, specification: str) -> str:
        return format(self._data, specification)

    def __repr__(self) -> str:
        parts = [repr(self._data)]
        if self._label:
            parts.append(repr(self.label))
        if self._grad:
            parts.append(f"grad={self._grad!r}")
        if self._op is not None:
            parts.append(f"op={self._op.name}")
        return f"Value({', '.join(parts)})"

    def __copy__(self) -> Value:
        twin = make_node(self._data, self._op, self._left, self._right, self._left_partial, self._right_partial)
        twin._label, twin._grad = self._label, self._grad
        return twin

    def conjugate(self) -> Value:
        """This Value, which is real: NumPy's var, std and vdot ask."""
        return self

    def __getattr__(self, name: str) -> Any:
        # np.exp on an object array calls element.exp().
        function = methods.get(name)
        if function is None:
            hint = {"value": ": its number is data", "gradient": ": its derivative is grad"}.get(name, "")
            raise AttributeError(f"'Value' object has no attribute {name!r}{hint}")
        return lambda *others: function(self, *others)


def make_node(
    data: float, op: Primitive | None, left: Operand, right: Operand, left_partial: float, right_partial: float
) -> Value:
    """The one place where results come into being; `right` is None for a unary operation."""
    node = _new(Value)
    node._data = data
    node._grad = 0.0
    node._label = unlabelled() if open_scopes else ""
    node._op = op
    node._left = left
    node._right = right
    node._left_partial = left_partial
    node._right_partial = right_partial
    node._mark = _newest
    return node


_new = Value.__new__


def _comparable(other: Any, symbol: str) -> Any:
    """The number in the other operand; None for a type that may know itself what to do with a Value."""
    if type(other) is Value:
        return other._data
    if is_number(other):
        return other
    if type(other).__module__ in ("builtins", "decimal"):
        raise TypeError(f"{symbol} takes Values and real numbers, not {describe(other)}")
    return None


def _other_operand(other: Any, symbol: str) -> float | None:
    number = _comparable(other, symbol)
    return None if number is None else float(number)


def _apply_operator(primitive: Primitive, *operands: Any) -> Value:
    known = [other if type(other) is Value else _other_operand(other, primitive.symbol) for other in operands]
    return NotImplemented if any(other is None for other in known) else primitive._apply(*known)


def topological_order(*outputs: Value, since: int = 0) -> list[Value]:
    """Every node that `outputs` depend on, leaves first, operands before results, at any depth.

    Args:
        outputs: Where to begin.
        since: A mark. Nodes made before it was drawn are left out, with all that is behind them.
    """
    mark = fresh_mark()
    leaves: dict[Value, None] = {}
    order: list[Value] = []
    stack: list[Value] = []
    for output in outputs:
        if output._op is None:
            leaves[output] = None
        elif since <= output._mark < mark:
            output._mark = mark
            stack.append(output)
    ends = stack[:]
    while stack:  # count in the mark of each result how many other results use it
        node = stack.pop()
        for operand in (node._left, node._right):
            if type(operand) is not Value or operand._mark < since:
                continue
            if operand._op is None:
                leaves[operand] = None
            elif operand._mark < mark:
                operand._mark = mark + 1
                stack.append(operand)
            else:
                operand._mark += 1
    stack = [end for end in ends if end._mark == mark]
    while stack:  # take a result when all that use it have been taken
        node = stack.pop()
        order.append(node)
        for operand in (node._left, node._right):
            if type(operand) is Value and operand._mark > mark:
                operand._mark -= 1
                if operand._mark == mark:
                    stack.append(operand)
    order.extend(reversed(leaves))
    order.reverse()
    return order


def reverse_pass(order: list[Value], seed: float) -> dict[Value, float]:
    """The derivative of the last node of `order`, times `seed`, by each leaf; results get theirs in `grad`."""
    adjoints = dict.fromkeys(itertools.takewhile(lambda node: node._op is None, order), 0.0)
    results = order[len(adjoints) :]
    if not results:
        return {order[-1]: seed}
    for node in results:
        node._grad = 0.0
    results[-1]._grad = seed
    for node in reversed(results):
        adjoint = node._grad
        if adjoint == 0.0:
            continue  # it contributes zero also where a partial is infinite or nan
        for operand, partial in ((node._left, node._left_partial), (node._right, node._right_partial)):
            if type(operand) is Value:
                share = adjoint * partial
                if share != share and partial == 0.0 and node._op.piecewise:  # type: ignore[union-attr]
                    continue
                if operand._op is None:
                    adjoints[operand] += share
                else:
                    operand._grad += share
    return adjoints
