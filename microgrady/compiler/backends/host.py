"""This computer, for which machine code is written, as LLVM knows it."""

from __future__ import annotations

import functools
from typing import Any


@functools.cache
def binding() -> Any:
    """Return llvmlite's binding, with this computer as the target.

    Raises:
        ImportError: llvmlite is not installed; the message says how to.
    """
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise ImportError('jit and vmap need llvmlite: pip install "microgrady[jit]"') from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@functools.cache
def features() -> frozenset[str]:
    """Return what the processor has, by LLVM's names, such as "avx2"."""
    return frozenset(name for name, has in binding().get_host_cpu_features().items() if has)


def has_fused_multiplication() -> bool:
    """Return whether an instruction multiplies and adds with one rounding."""
    return "fma" in features() or binding().get_process_triple().startswith(("aarch64", "arm64"))
