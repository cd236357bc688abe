"""LLVM IR as functions in memory, by LLVM or from a folder that keeps what LLVM made of it before."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from microgrady.arithmetic.library import Called
from microgrady.compiler.backends.cache import key_of, load, save
from microgrady.compiler.backends.fastcall_parts import interface_addresses
from microgrady.compiler.backends.host import binding
from microgrady.compiler.backends.llvm import Module, library_addresses
from microgrady.compiler.backends.worker import Held, run_in_worker

WITHOUT_PASSES = 2  # the highest effort at which LLVM's passes over the IR are left out


def llvmlite_version() -> str:
    """Return which llvmlite writes the machine code."""
    import llvmlite

    return str(llvmlite.__version__)


class Executable:
    """Functions in machine code, which are in memory as long as this is.

    Args:
        modules: The LLVM IR. A module may call the functions of those before it.
        entries: The functions that are called from outside.
        effort: What LLVM spends: 0 for the shortest compilation, 2 for the shortest run of straight code, 3 for that of
            loops, with LLVM's passes over the IR. In straight code, which is simplified already, these would find
            nothing and take longer than all else.
        cache: A folder to keep machine code in; None for none.

    Attributes:
        addresses: Where each entry is, by its name.
    """

    def __init__(
        self, modules: Iterable[Module], entries: Sequence[str], effort: int, cache: Path | None = None
    ) -> None:
        self._code, self.addresses, not_kept = run_in_worker(lambda: _load(modules, entries, effort, cache))
        if not_kept:
            warnings.warn(f"machine code was not kept in {str(cache)!r}: {not_kept}", RuntimeWarning, stacklevel=3)


def _load(
    modules: Iterable[Module], entries: Sequence[str], effort: int, cache: Path | None
) -> tuple[Held, dict[str, int], str]:
    """Compile, or take from `cache`, and put into memory.

    Returns:
        What keeps the machine code there, the addresses of the entries, and why it was not kept in `cache`, if so.
    """
    llvm = binding()
    called: set[Called] = set()
    objects, not_kept = _objects(llvm, modules, called, effort, cache)
    for name, address in {**library_addresses(called), **interface_addresses()}.items():
        llvm.add_symbol(name, address)
    linker = llvm.create_mcjit_compiler(
        llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine()
    )
    for contents in objects:
        linker.add_object_file(llvm.ObjectFileRef.from_data(contents))
        linker.finalize_object()
    return Held(linker), {name: linker.get_function_address(name) for name in entries}, not_kept


def _objects(
    llvm: Any, modules: Iterable[Module], called: set[Called], effort: int, cache: Path | None
) -> tuple[list[bytes], str]:
    """Return the files that a C compiler would write, one for each module, whose calls are added to `called`."""
    processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    key, objects, not_kept = "", [], ""
    if cache is not None:
        modules = list(modules)
        kind = (llvm.get_process_triple(), *processor, str(effort), str(llvm.llvm_version_info), llvmlite_version())
        key = key_of(*(module.source for module in modules), *kind)
        called.update(*(module.called for module in modules))
        objects = load(cache, key)
    if not objects:
        for module in modules:
            called |= module.called
            spent = effort if module.effort is None else module.effort
            objects.append(_object(llvm, module.source, spent, *processor))
        if cache is not None:
            try:
                save(cache, key, objects)
            except OSError as error:
                not_kept = str(error)
    return objects, not_kept


def _object(llvm: Any, source: str, effort: int, processor: str, features: str) -> bytes:
    target = llvm.Target.from_default_triple()
    # Position-independent code of several modules got wrong constants from MCJIT where it also calls functions.
    writer = target.create_target_machine(
        cpu=processor, features=features, opt=min(effort, WITHOUT_PASSES), reloc="static"
    )
    with llvm.parse_assembly(source) as module:
        module.triple, module.data_layout = writer.triple, str(writer.target_data)
        if effort > WITHOUT_PASSES:
            options = llvm.create_pipeline_tuning_options(speed_level=2)
            options.loop_vectorization = options.slp_vectorization = True
            options.loop_unrolling = False  # it makes code longer, and hardly faster
            passes = llvm.create_pass_builder(writer, options)
            passes.getModulePassManager().run(module, passes)
        found: bytes = writer.emit_object(module)
    return found
