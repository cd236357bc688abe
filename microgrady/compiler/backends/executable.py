"""From a program to machine code, by LLVM."""

from __future__ import annotations

import ctypes
import functools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from microgrady.compiler.backends.cache import key_of, load, save
from microgrady.compiler.backends.fastcall import door_lines, interface_addresses, is_possible, open_door
from microgrady.compiler.backends.llvm import library_addresses
from microgrady.compiler.backends.llvm_program import Module, layout_of, modules_of
from microgrady.compiler.backends.worker import Held, run_in_worker
from microgrady.compiler.programs.program import Program

SMALL = 2000  # operations up to which the full effort costs less than a tenth of a second


def llvmlite_version() -> str:
    """Which llvmlite writes the machine code."""
    import llvmlite

    return str(llvmlite.__version__)


@functools.cache
def binding() -> Any:
    """llvmlite's binding, with this machine as the target.

    Raises:
        ImportError: llvmlite is not installed; the message says how to.
    """
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise ImportError('jit needs llvmlite: pip install "microgrady[jit]"') from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


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
        layout = layout_of(program, effort)
        self.size = layout.size
        self.calls_python = any(op.lower is None for op in program.ops)
        door: list[str] = []
        if tree is not None and not self.calls_python and is_possible(tree, layout.size):
            door = door_lines(program.input_count, layout.outputs, layout.size, tree)
        # The address of a function in Python is another one in another process.
        folder = None if self.calls_python else cache
        modules = modules_of(program, layout, door)
        loaded, not_kept = run_in_worker(lambda: _load(modules, effort, folder, bool(door)))
        self._engine = loaded.engine
        if not_kept:
            warnings.warn(f"machine code was not kept in {str(cache)!r}: {not_kept}", RuntimeWarning, stacklevel=2)
        self.door: Callable[..., Any] | None = open_door(loaded.call, loaded.engine) if door else None
        # Other threads may run while a long program does that leaves Python alone.
        is_long = len(program.ops) > SMALL and not self.calls_python
        kind = ctypes.CFUNCTYPE if is_long else ctypes.PYFUNCTYPE
        self.run: Callable[[int], int] = kind(ctypes.c_int, ctypes.c_void_p)(loaded.run)


class _Loaded(NamedTuple):
    """Machine code in memory: what it lives as long as, and the addresses of its functions."""

    engine: Held
    run: int
    call: int


def _load(modules: Iterator[Module], effort: int, cache: Path | None, has_door: bool) -> tuple[_Loaded, str]:
    """Compile, or take from `cache`, and load; and why it was not kept there, if it was not."""
    llvm = binding()
    called: set[tuple[str, int]] = set()
    objects, not_kept = _objects(llvm, modules, called, effort, cache)
    for name, address in library_addresses({name for name, _ in called}).items():
        llvm.add_symbol(f"mg.{name}", address)
    for name, address in interface_addresses().items():
        llvm.add_symbol(name, address)
    engine = llvm.create_mcjit_compiler(
        llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine()
    )
    for contents in objects:
        engine.add_object_file(llvm.ObjectFileRef.from_data(contents))
        engine.finalize_object()
    call = engine.get_function_address("call") if has_door else 0
    return _Loaded(Held(engine), engine.get_function_address("run"), call), not_kept


def _objects(
    llvm: Any, modules: Iterator[Module], called: set[tuple[str, int]], effort: int, cache: Path | None
) -> tuple[list[bytes], str]:
    """The files that a C compiler would write, one for each module, whose functions are added to `called`."""
    target = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    key, objects, not_kept = "", [], ""
    if cache is not None:
        written = list(modules)
        modules = iter(written)
        kind = (llvm.get_process_triple(), *target, str(effort), str(llvm.llvm_version_info), llvmlite_version())
        key = key_of(*(source for source, _ in written), *kind)
        called.update(*(calls for _, calls in written))
        objects = load(cache, key)
    if not objects:
        for source, calls in modules:
            called |= calls
            objects.append(_object(llvm, source, effort, *target))
        if cache is not None:
            try:
                save(cache, key, objects)
            except OSError as error:
                not_kept = str(error)
    return objects, not_kept


def _object(llvm: Any, source: str, effort: int, processor: str, features: str) -> bytes:
    target = llvm.Target.from_default_triple()
    # Position-independent code of several modules got wrong constants from MCJIT where it also calls functions.
    machine = target.create_target_machine(cpu=processor, features=features, opt=effort, reloc="static")
    with llvm.parse_assembly(source) as module:
        # LLVM's passes over the IR would take longer than all else and find nothing: programs are simplified already.
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        found: bytes = machine.emit_object(module)
    return found
