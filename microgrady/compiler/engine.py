"""From a program to machine code, by LLVM."""

from __future__ import annotations

import ctypes
import functools
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from microgrady.compiler.cache import key_of, load, save
from microgrady.compiler.callbacks import callback_addresses
from microgrady.compiler.door import door_lines, interface_addresses, is_possible, open_door
from microgrady.compiler.llvm import library_addresses
from microgrady.compiler.pieces import Module, layout_of, modules_of
from microgrady.compiler.program import Program

SMALL = 2000  # operations up to which the full effort costs less than a tenth of a second


def _bind(llvm: Any, called: set[tuple[str, int]]) -> None:
    names = {name for name, _ in called}
    addresses = callback_addresses(names)
    for name, address in {**library_addresses(names - addresses.keys()), **addresses}.items():
        llvm.add_symbol(f"mg.{name}", address)


@functools.cache
def binding() -> Any:
    """llvmlite's binding, with this machine as the target.

    Raises:
        ImportError: llvmlite is not installed; the message says how to.
    """
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise ImportError("jit needs llvmlite: pip install 'microgrady[jit]'") from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


_lock = threading.Lock()  # LLVM's default context is one for all


class MachineCode:
    """A compiled program.

    Args:
        program: What to compile.
        tree: Nested tuples and lists of the outputs' numbers, for `door`; None for no door.
        effort: What LLVM spends on registers and the order of instructions: 0 for the shortest compilation, 2 for the
            shortest run.
        cache: A folder to keep machine code in; None for none.

    Attributes:
        size: How many doubles it works on.
        calls_python: Whether some operations are called back in Python.
        door: A built-in function of floats that gives the outputs as `tree` has them, or the type float where it
            cannot; None if there is none.
        run: Takes the address of the doubles; what it gives, `modules_of` says.
    """

    def __init__(self, program: Program, tree: Any, effort: int, cache: Path | None = None) -> None:
        llvm = binding()
        layout = layout_of(program, effort)
        self.size = layout.size
        self.calls_python = any(op.native is None for op in program.ops)
        door: list[str] = []
        if tree is not None and not self.calls_python and is_possible(tree, layout.size):
            door = door_lines(program.inputs, layout.outputs, layout.size, tree)
        with _lock:
            objects = self._objects(llvm, modules_of(program, layout, door), effort, cache)
            for name, address in interface_addresses().items() if door else ():
                llvm.add_symbol(name, address)
            machine = llvm.Target.from_default_triple().create_target_machine()
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            for contents in objects:
                self._engine.add_object_file(llvm.ObjectFileRef.from_data(contents))
                self._engine.finalize_object()
            address = self._engine.get_function_address("run")
            self.door: Callable[..., Any] | None = None
            if door:
                self.door = open_door(self._engine.get_function_address("call"), self._engine)
        # Other threads may run while a long program does.
        kind = ctypes.CFUNCTYPE if len(program.ops) > SMALL or self.calls_python else ctypes.PYFUNCTYPE
        self.run: Callable[[int], int] = kind(ctypes.c_int, ctypes.c_void_p)(address)

    def _objects(self, llvm: Any, modules: Iterator[Module], effort: int, cache: Path | None) -> list[bytes]:
        """The files that a C compiler would write, one for each module."""
        called: set[tuple[str, int]] = set()
        objects = []
        target = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        key = ""
        # The address of a function in Python is another one in another process.
        if cache is not None and not self.calls_python:
            written = list(modules)
            modules = iter(written)
            kind = (llvm.get_process_triple(), *target, str(effort), str(llvm.llvm_version_info))
            key = key_of(*(source for source, _ in written), *kind)
            called.update(*(calls for _, calls in written))
            objects = load(cache, key)
        if not objects:
            for source, calls in modules:
                called |= calls
                objects.append(_object(llvm, source, effort, *target))
            if key and cache is not None:
                try:
                    save(cache, key, objects)
                except OSError as error:
                    warnings.warn(f"machine code was not kept in {str(cache)!r}: {error}", RuntimeWarning, stacklevel=2)
        _bind(llvm, called)
        return objects


def _object(llvm: Any, source: str, effort: int, processor: str, features: str) -> bytes:
    target = llvm.Target.from_default_triple()
    # Position-independent code of several modules got wrong constants from MCJIT where it also calls functions.
    machine = target.create_target_machine(cpu=processor, features=features, opt=effort, reloc="static")
    with llvm.parse_assembly(source) as module:
        # LLVM's passes over the IR would take longer than all else and find nothing: programs are simplified already.
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        found: bytes = machine.emit_object(module)
    return found
