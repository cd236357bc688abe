"""Copying and pickling of graphs at any depth.

Left to themselves, `pickle` and `copy.deepcopy` recurse from a result to its operands and give up
at a depth of some hundreds. Here the results behind a result become one flat record. Of a primitive there is only the
name, with a fingerprint of what it does, if it can be found by that.
"""

from __future__ import annotations

import pickle
import weakref
from array import array
from typing import Any, ClassVar

from microgrady.inputs import describe
from microgrady.pickling.callables import pickler_by_value
from microgrady.pickling.fingerprint import Fingerprint
from microgrady.primitives import add_methods, is_built_in, user_primitives
from microgrady.selections import note_selection, operands_of, selects, without_selection
from microgrady.tracing import escaping
from microgrady.value import Primitive, Value, fresh_marks, make_node, primitives

_TABLE = "microgrady"  # the module of built-in primitives in a pickle; no user's function is of that one
_BLOCK = 1 << 16  # marks; a record has whole blocks of them, by which it is found


class _Record:
    """The results behind one result, as flat columns.

    A record lives as long as the pickler that has met it, and the results in it can find it through
    their marks. So when a result is met again, by itself or behind another one, the record is
    referred to, and results that share nodes still share them when they come back. (After a walk over
    the graph, such as a backward pass, they are recorded anew.)
    """

    _living: ClassVar[weakref.WeakValueDictionary[int, _Record]] = weakref.WeakValueDictionary()

    def __init__(self, output: Value) -> None:
        self.nodes = _unrecorded(output)
        blocks = len(self.nodes) // _BLOCK + 2
        self.mark = -(-fresh_marks(blocks * _BLOCK) // _BLOCK) * _BLOCK
        for index, node in enumerate(self.nodes):
            node._mark = self.mark + index
        for mark in range(self.mark, self.mark + len(self.nodes), _BLOCK):
            self._living[mark] = self
        # Other records that this one refers to, and how deeply they refer to others in turn.
        self.others = {
            other.mark: other
            for node in self.nodes
            for operand in _behind(node)
            if operand is not None and operand._primitive is not None
            if (other := self.holding(operand)) is not None and other is not self
        }
        self.depth: int = 1 + max((other.depth for other in self.others.values()), default=0)

    def all_others(self) -> list[_Record]:
        """Return all records behind this one, the oldest first, from which none depends on a later one."""
        found: dict[int, _Record] = {}
        pending = list(self.others.values())
        while pending:
            record = pending.pop()
            if record.mark not in found:
                found[record.mark] = record
                pending.extend(record.others.values())
        return [found[mark] for mark in sorted(found)]

    @classmethod
    def holding(cls, node: Value) -> _Record | None:
        """Return the living record that `node` is in."""
        record = cls._living.get(node._mark // _BLOCK * _BLOCK)
        if record is None:
            return None
        index = node._mark - record.mark
        return record if index < len(record.nodes) and record.nodes[index] is node else None

    def __reduce__(self) -> tuple[Any, ...]:
        ops: dict[Primitive, int] = {}
        others: list[Value | None] = [None]  # operands that are not in the record: leaves, nodes of other records
        places: dict[int, int] = {id(None): 0}
        columns: tuple[array[Any], ...] = tuple(array(code) for code in "qqqdddd")
        selections: dict[int, list[int | float]] = {}

        def code(operand: Value | None) -> int:
            if operand is not None and operand._primitive is not None and self.holding(operand) is self:
                return operand._mark - self.mark
            place = places.setdefault(id(operand), len(others))
            if place == len(others):
                others.append(operand)
            return -1 - place

        for index, node in enumerate(self.nodes):
            assert node._primitive is not None
            op = ops.setdefault(node._primitive, len(ops))
            codes = code(node._left), code(node._right)
            if selects(node):  # numbers are floats, Values are ints
                selections[index] = [each if isinstance(each, float) else code(each) for each in operands_of(node)]
            row = (op, *codes, node._number, node._left_partial, node._right_partial, node._grad)
            for column, entry in zip(columns, row, strict=True):
                column.append(entry)
        # A label is written where it changes: a scope gives all that is made in it the same one.
        labels: dict[int, str] = {}
        label = ""
        for index, node in enumerate(self.nodes):
            own = without_selection(node._label)
            if own is not label:
                labels[index] = label = own
        # Met in this order, a long chain of records does not recurse either.
        first = self.all_others() if self.depth % 50 == 0 else None
        return _load_record, (first, list(ops), others, columns, labels, selections)


def _behind(node: Value) -> list[Value | None]:
    """Return what a result refers to, with what it has not selected."""
    selection = operands_of(node) if selects(node) else ()
    return [node._left, node._right, *(operand for operand in selection if isinstance(operand, Value))]


def _unrecorded(output: Value) -> list[Value]:
    """Return the results that `output` depends on and that no living record holds, operands first."""
    mark = fresh_marks()
    order: list[Value] = []
    stack = [output]
    while stack:
        node = stack[-1]
        if node._mark < mark:
            node._mark = mark
            stack.extend(
                operand
                for operand in reversed(_behind(node))
                if operand is not None and operand._primitive is not None and _Record.holding(operand) is None
            )
        else:
            stack.pop()
            if node._mark == mark:
                node._mark = mark + 1
                order.append(node)
    return order


def _load_record(
    first: list[_Record] | None,
    ops: list[Primitive],
    others: list[Any],
    columns: tuple[array[Any], ...],
    labels: dict[int, str],
    selections: dict[int, list[int | float]],
) -> _Record:
    record = _Record.__new__(_Record)  # `first` has done its work: its records have come before this one
    nodes = record.nodes = []
    label = ""

    def known(code: int) -> Any:
        return nodes[code] if code >= 0 else others[-1 - code]

    for op, left, right, data, left_partial, right_partial, grad in zip(*columns, strict=True):
        left, right = known(left), known(right)
        node = make_node(data, ops[op], left, right, left_partial, right_partial)
        node._grad = grad
        node._label = label = labels.get(len(nodes), label)
        if len(nodes) in selections:
            note_selection(node, *(each if isinstance(each, float) else known(each) for each in selections[len(nodes)]))
        nodes.append(node)
    return record


def _load_node(record: _Record, index: int) -> Value:
    return record.nodes[index]


def _load_leaf(data: float, label: str, grad: float) -> Value:
    leaf = Value(data)
    leaf._label = label
    leaf._grad = grad
    return leaf


def reduce_value(value: Value) -> tuple[Any, ...]:
    """Return what pickles and copies of a Value are made of, as `__reduce__` does."""
    if value._primitive is None:
        escaping(value, "copying or pickling v")
        return _load_leaf, (value._number, value._label, value._grad)
    record = _Record.holding(value) or _Record(value)
    return _load_node, (record, value._mark - record.mark)


class _Foreign:
    """Primitives from pickles that nobody has defined here. They are kept, so that each is made only once."""

    known: ClassVar[dict[tuple[str, bytes | None], Primitive]] = {}


class PrimitiveInPickle:
    """A primitive that a pickle refers to, and that need not be there where it is loaded.

    Args:
        primitive: The primitive, or the sentence that says why there is none.
    """

    def __init__(self, primitive: Primitive | str) -> None:
        self._primitive = primitive

    def get(self) -> Primitive:
        """Return the primitive.

        Raises:
            LookupError: No primitive has the name, or another one has taken it.
        """
        if isinstance(self._primitive, str):
            raise LookupError(self._primitive)
        return self._primitive

    def __reduce__(self) -> tuple[Any, ...]:
        primitive = self.get()
        named = _named(primitive)
        return (PrimitiveInPickle, (primitive,)) if named is None else (_look_up, named)


def _named(primitive: Primitive) -> tuple[str, str, bytes | None] | None:
    """Return by what name and with what fingerprint a primitive is found again.

    None if it is not: then it is pickled with its parts.
    """
    if is_built_in(primitive):
        return primitive.name, _TABLE, None
    if user_primitives.get(primitive.name) is not primitive or pickler_by_value() is not None:
        return None
    return primitive.name, str(primitive.evaluate.__module__), _digest(primitive)


def _digest(primitive: Primitive) -> bytes | None:
    return Fingerprint(primitive, data=False).digest


def _look_up(name: str, module: str, digest: bytes | None) -> PrimitiveInPickle:
    found = (primitives if module == _TABLE else user_primitives).get(name)
    if found is None:
        return PrimitiveInPickle(
            f"no primitive is called {name!r} here: import the module that defines it first, which was {module}"
        )
    if digest is not None and _digest(found) != digest:
        return PrimitiveInPickle(
            f"the primitive that is called {name!r} here is another one than that which was pickled: it was defined "
            f"in {module}, and has changed since, or another one has taken its name"
        )
    return PrimitiveInPickle(found)


def _load_primitive(name: str, module: str, digest: bytes | None) -> Primitive:
    return _look_up(name, module, digest).get()


def _begin_primitive(name: str, digest: bytes | None) -> Primitive:
    """Return the primitive that is to get parts; it may have them already."""
    if not (isinstance(name, str) and name.isidentifier()):  # it goes into machine code and its messages
        raise ValueError(f"a primitive's name must be an identifier, not {describe(name)}")
    known = _Foreign.known.get((name, digest))
    if known is None:
        there = user_primitives.get(name)
        known = there if there is not None and digest is not None and _digest(there) == digest else Primitive(name)
        if digest is not None:
            _Foreign.known[name, digest] = known
    return known


def _complete_primitive(entry: Primitive, state: tuple[tuple[Any, ...], bytes | None]) -> None:
    if entry.rules:
        return
    parts, digest = state
    entry.symbol, entry.evaluate, entry.rules, entry.slope, entry.lower, entry.singular, entry.piecewise = parts
    if digest is not None and _digest(entry) != digest:  # the functions have been found by name
        raise LookupError(
            f"the functions that the primitive {entry.name!r} is made of have changed since it was pickled"
        )
    if entry.name.isidentifier() and entry.name not in user_primitives:
        user_primitives[entry.name] = entry
        add_methods(entry, (entry.name,))


def reduce_primitive(entry: Primitive) -> tuple[Any, ...]:
    """Return what pickles of a primitive are made of, as `__reduce__` does."""
    named = _named(entry)
    if named is not None:
        return _load_primitive, named
    parts = (entry.symbol, entry.evaluate, entry.rules, entry.slope, entry.lower, entry.singular, entry.piecewise)
    digest, by_value = _digest(entry), pickler_by_value() is not None
    if not by_value:
        try:
            pickle.dumps(parts)
        except Exception as error:
            raise pickle.PicklingError(
                f"another primitive has taken the name {entry.name!r}, and this one cannot be pickled by what it is "
                f"made of: {error}"
            ) from None
    state = parts, None if by_value else digest
    return _begin_primitive, (entry.name, digest), state, None, None, _complete_primitive
