"""What all optimisers share: parameters in groups, steps, updates of nested arrays, and state that is saved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from microgrady.inputs import describe, require_numpy
from microgrady.leaves import add_numbers, clear_gradients, read_gradients, read_numbers
from microgrady.optim.options import not_negative, require_names, whole
from microgrady.optim.parameters import leaves_of
from microgrady.optim.vectors import nested_of, vector_like, vector_of
from microgrady.value import Value

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Vector = NDArray[float64]


@dataclasses.dataclass
class _Part:
    """What an optimiser keeps of a group of parameters besides its options.

    Args:
        leaves: The parameters.
        state: What the steps so far have left: how many they were, and vectors with a number for each parameter.
        seen: The items of the group when they were last looked at.
        gradients: Room for the gradients; a piece of the optimiser's own.
        numbers: The same for the numbers.
        updates: The same for the updates.
    """

    leaves: tuple[Value, ...]
    state: dict[str, Any] = dataclasses.field(default_factory=dict)
    seen: list[Any] = dataclasses.field(default_factory=list)
    gradients: Any = None
    numbers: Any = None
    updates: Any = None


class Optimizer:
    """An optimiser: an object that moves parameters against their gradients.

    It is used in two ways. With parameters it is PyTorch's: after `backward`, `step()` moves the leaf Values, and
    `zero_grad()` clears their gradients. Without, it is optax's: `init`, `update` and `apply_updates` are functions of
    nested arrays, which stay as they are. Both calculate with the same numbers.

    Another one is a subclass that has `_checks`, its options, and `_advance`, its step; both uses follow from these.

    A gradient of 0.0 is a gradient: `zero_grad()` sets gradients to 0.0, as there is no None for a Value. So a
    parameter that nothing has reached still moves by its momentum and its weight decay.

    Args:
        params: A Module; or leaf Values, nested as one likes, where plain numbers stay what they are and a Value that
            is met twice counts once; or a list of groups, which are dicts with `params` and options that differ from
            the others'. None: for nested arrays.
        options: The options, by name.

    Attributes:
        parameters: The leaf Values, in order.
        param_groups: For each group a dict of its options, which may be assigned, and of its parameters.
        defaults: The options of groups that say nothing else.

    Raises:
        TypeError: There is something else than Values and numbers in `params`, or an option is of another type.
        ValueError: `params` has no Value in it, or results, or an option is out of its range.
    """

    # What checks an option, by its name; and what the state has in it after a step, always and with some options.
    _checks: ClassVar[dict[str, Callable[[Any, str], Any]]] = {}
    _state: ClassVar[frozenset[str]] = frozenset()
    _extra_state: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: Any, options: dict[str, Any]) -> None:
        require_numpy(f"optim.{type(self).__name__}")
        self.defaults = self._checked(options)
        self.parameters: list[Value] = []
        self.param_groups: list[dict[str, Any]] = []
        self._parts: list[_Part] = []
        if params is None:
            self.param_groups.append({"params": (), **self.defaults})
            return
        is_grouped = isinstance(params, (list, tuple)) and {*map(type, params)} == {dict}
        for group in params if is_grouped and any("params" in each for each in params) else [{"params": params}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Have more parameters moved, such as those of layers that were left as they are so far.

        Args:
            param_group: A dict with `params`, and with the options that are others than the optimiser's.

        Raises:
            TypeError: Something in it is of another type.
            ValueError: It has no parameters, unknown options, or a parameter of another group.
        """
        whose = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f'a group of {whose} must be a dict with "params", not {describe(param_group)}')
        if self.param_groups and not self._parts:
            raise ValueError(f"this {whose} is for nested arrays: give it its first parameters when it is made")
        options = {name: thing for name, thing in param_group.items() if name != "params"}
        unknown = options.keys() - self._checks.keys()
        if unknown:
            known = ", ".join(self._checks)
            raise ValueError(f"{whose} has no option {', '.join(map(repr, sorted(unknown)))}; its options are {known}")
        leaves = leaves_of(param_group["params"], whose)
        there = {*map(id, self.parameters)}
        for leaf in leaves:
            if id(leaf) in there:
                raise ValueError(f"{leaf!r} is in more than one group of {whose}, and would be moved twice in a step")
        group = {"params": tuple(leaves), **self._checked({**self.defaults, **options})}
        self.param_groups.append(group)
        self._parts.append(_Part(group["params"]))
        self.parameters += leaves
        self._allocate()

    def _allocate(self) -> None:
        """Make room for the numbers and gradients of all parameters, of which each group has a piece."""
        numpy = require_numpy("optim")
        self._gradients, self._numbers, self._updates = numpy.zeros((3, len(self.parameters)))
        start = 0
        for part in self._parts:
            piece = slice(start, start := start + len(part.leaves))
            part.gradients, part.numbers = self._gradients[piece], self._numbers[piece]
            part.updates = self._updates[piece]

    @property
    def lr(self) -> float:
        """The learning rate, that of the first group if there are more. To assign one is to give it to all groups."""
        return float(self.param_groups[0]["lr"])

    @lr.setter
    def lr(self, lr: float) -> None:
        lr = not_negative(lr, "lr")
        for group in self.param_groups:
            group["lr"] = lr

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0.0, from where `backward` adds to them."""
        clear_gradients(self.parameters)

    def step(self) -> None:
        """Move each parameter by its gradient.

        Numbers and gradients are read anew, so that they may be assigned between steps.

        Raises:
            ValueError: There are no parameters, or an option was assigned that is out of its range.
        """
        if not self._parts:
            name = type(self).__name__
            raise ValueError(f"this {name} has no parameters to move: give it some, {name}(model), or use update")
        import numpy

        for group, part in zip(self.param_groups, self._parts, strict=True):
            if part.seen != [*group.values()]:
                self._look_at(group, part)
        read_gradients(self.parameters, self._gradients)
        if any(group.get("weight_decay") for group in self.param_groups):  # nobody else asks for numbers
            read_numbers(self.parameters, self._numbers)
        with numpy.errstate(all="ignore"):
            for group, part in zip(self.param_groups, self._parts, strict=True):
                self._advance(group, part.state, part.gradients, part.numbers, part.updates)
        add_numbers(self.parameters, self._updates)

    def _look_at(self, group: dict[str, Any], part: _Part) -> None:
        """Check a group that was assigned to."""
        if group["params"] is not part.leaves:
            raise ValueError("the parameters of a group stay what they are: add_param_group takes others")
        group.update(self._checked({name: group[name] for name in self._checks}))
        part.seen = [*group.values()]

    @classmethod
    def _checked(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Return all options, each of its type and in its range."""
        return {name: check(options[name], name) for name, check in cls._checks.items()}

    def _advance(
        self, options: dict[str, Any], state: dict[str, Any], gradients: Vector, numbers: Vector, updates: Vector
    ) -> None:
        """Calculate what is to be added to numbers, the one place where an optimiser does it.

        Args:
            options: The options.
            state: What the calls so far have left, which is changed.
            gradients: The gradients, which are overwritten.
            numbers: The numbers, which stay; they count where there is weight decay.
            updates: Where the result goes.
        """
        raise NotImplementedError

    def init(self, params: Any) -> dict[str, Any]:
        """Return the state to begin with for nested arrays.

        Args:
            params: Numbers and arrays, nested in lists, tuples, dicts and registered classes, which `update` will be
                called for.

        Returns:
            A dict with a number for each step so far, and vectors, which `update` takes and makes anew.

        Raises:
            TypeError: Something in `params` is not a number.
            ValueError: There are no numbers in it.
        """
        vector_of(params, "the parameters", values=True)
        return {}

    def update(self, gradients: Any, state: dict[str, Any], params: Any = None) -> tuple[Any, dict[str, Any]]:
        """Return what is to be added to parameters, and the state for the next call.

        Args:
            gradients: Their gradients, nested as they are.
            state: What `init` or the last call has returned. It stays as it is.
            params: The parameters. They can be left out where there is no weight decay.

        Returns:
            The updates, nested as the gradients, which `apply_updates` adds; and the new state.

        Raises:
            TypeError: Something in the arguments is not a number.
            ValueError: They have different structures, or the optimiser has groups.

        Example:
            >>> import microgrady as mg
            >>> optimizer = mg.optim.SGD(lr=0.25)
            >>> params = {"w": [1.0, -2.0], "b": 0.5}
            >>> state = optimizer.init(params)
            >>> gradients = mg.grad(lambda p: p["w"][0] ** 2 + p["w"][1] ** 2 + p["b"])(params)
            >>> updates, state = optimizer.update(gradients, state)
            >>> mg.optim.apply_updates(params, updates)
            {'w': [0.5, -1.0], 'b': 0.25}
        """
        numpy = require_numpy("optim")
        if len(self.param_groups) > 1:
            raise ValueError("update needs one set of options, but this optimiser has groups with options of their own")
        options = self._checked({name: self.param_groups[0][name] for name in self._checks})
        vector, structure = vector_of(gradients, "the gradients")
        if params is not None:
            numbers = vector_like(params, structure, "the parameters", "the gradients", values=True)
        elif options.get("weight_decay"):
            raise ValueError("weight decay needs the parameters: update(gradients, state, params)")
        else:
            numbers = numpy.zeros_like(vector)
        updates = numpy.empty_like(vector)
        new = self._loaded(state, vector.size, "the state")
        with numpy.errstate(all="ignore"):
            self._advance(options, new, vector, numbers, updates)
        return nested_of(updates, structure), new

    def state_dict(self) -> dict[str, Any]:
        """Return what it takes to go on later: plain numbers, lists and dicts, which pickle and can be written as JSON.

        Returns:
            A dict with the name of the optimiser; for each group its options, with the number of its parameters, under
            "param_groups"; and the state of each, under "state".
        """
        states = [
            {name: thing if isinstance(thing, int) else thing.tolist() for name, thing in part.state.items()}
            for part in self._parts
        ]
        groups = [{**group, "params": len(group["params"])} for group in self.param_groups]
        return {"optimizer": type(self).__name__, "param_groups": groups, "state": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from where another optimiser of its kind, with as many parameters, was.

        Args:
            state_dict: What `state_dict` returned.

        Raises:
            TypeError: Something in it is of another type.
            ValueError: It is that of another kind of optimiser, or does not fit the groups; nothing is changed then.
        """
        require_names(state_dict, {"optimizer", "param_groups", "state"}, "the state of an optimiser")
        whose = type(self).__name__
        if state_dict["optimizer"] != whose:
            raise ValueError(f"this is the state of {state_dict['optimizer']}, which {whose} cannot go on from")
        groups, states = (_listed(state_dict[name], name) for name in ("param_groups", "state"))
        if len(groups) != len(self.param_groups) or len(states) != len(self._parts):
            raise ValueError(
                f"the state has {len(groups)} groups of parameters, but this {whose} {len(self.param_groups)}"
            )
        new_options = []
        for place, (new, old) in enumerate(zip(groups, self.param_groups, strict=True)):
            what = f"param_groups[{place}]"
            require_names(new, {"params", *self._checks}, what, {"initial_lr"})
            if new["params"] != len(old["params"]):
                raise ValueError(f"{what} is of {new['params']} parameters, but here there are {len(old['params'])}")
            new_options.append(self._checked(new))
            if "initial_lr" in new:
                new_options[-1]["initial_lr"] = not_negative(new["initial_lr"], "initial_lr")
        loaded = [
            self._loaded(state, len(part.leaves), f"state[{place}]")
            for place, (state, part) in enumerate(zip(states, self._parts, strict=True))
        ]
        for group, options in zip(self.param_groups, new_options, strict=True):
            group.update(options)
        for part, state in zip(self._parts, loaded, strict=True):
            part.state = state

    def _loaded(self, state: Any, size: int, what: str) -> dict[str, Any]:
        """Return a copy of the state of `size` numbers."""
        numpy = require_numpy("optim")
        if state != {}:
            require_names(state, self._state, what, self._extra_state)
        new: dict[str, Any] = {}
        for name, thing in state.items():
            if name == "step":
                new[name] = whole(thing, f"{what}['step']", 1)
                continue
            try:
                vector = new[name] = numpy.array(thing, dtype=numpy.float64)
            except (TypeError, ValueError) as error:
                raise TypeError(f"{what}[{name!r}] must be numbers, not {describe(thing)}") from error
            if vector.shape != (size,):
                raise ValueError(f"{what}[{name!r}] has the shape {vector.shape}, but there are {size} parameters")
        return new

    def __getstate__(self) -> dict[str, Any]:
        room = ("_gradients", "_numbers", "_updates")
        kept = {name: thing for name, thing in vars(self).items() if name not in room}
        return {**kept, "_parts": [_Part(part.leaves, part.state) for part in self._parts]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._allocate()

    def __repr__(self) -> str:
        groups = [", ".join(f"{name}={group[name]!r}" for name in self._checks) for group in self.param_groups]
        counts = [f"{len(part.leaves)} parameters, " if self._parts else "" for part in self._parts] or [""]
        inside = "; ".join(count + options for count, options in zip(counts, groups, strict=True))
        return f"{type(self).__name__}({inside})"


def _listed(thing: Any, name: str) -> list[Any]:
    if not isinstance(thing, (list, tuple)):
        raise TypeError(f"{name} in the state must be a list, not {describe(thing)}")
    return list(thing)
