"""Executables: functions of LLVM IR in memory."""

from __future__ import annotations

import ctypes
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from microgrady.arithmetic.library import Called
from microgrady.compiler.backends.executable import Executable
from microgrady.compiler.backends.llvm import LLVMBackend, Module, declarations


def module(name: str, lines: list[str], result: str, called: set[Called]) -> Module:
    function = [f"define double @{name}(double %x) {{", *lines, f"  ret double {result}", "}"]
    return Module("\n".join([*declarations(called), *function]), called)


def sine_of_root() -> list[Module]:
    """Two modules, of which the second calls the first and the C library."""
    lines: list[str] = []
    root = module("root", lines, str(LLVMBackend(lines).sqrt("%x")), set())
    lines = ["  %r = call double @root(double %x)"]
    backend = LLVMBackend(lines)
    second = module("sine", lines, str(backend.call("sin", "%r")), backend.called)
    return [root, Module(f"declare double @root(double)\n{second.source}", second.called)]


def function(executable: Executable, name: str) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(executable.addresses[name])


def test_entries_of_several_modules_are_called_at_their_addresses() -> None:
    executable = Executable(iter(sine_of_root()), ("root", "sine"), 2)
    assert executable.addresses.keys() == {"root", "sine"}
    assert function(executable, "root")(2.0) == math.sqrt(2.0)
    assert function(executable, "sine")(2.0) == math.sin(math.sqrt(2.0))


def test_what_is_kept_has_the_same_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOCALAPPDATA", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "state"))
    for _ in range(2):
        executable = Executable(iter(sine_of_root()), ("sine",), 0, tmp_path / "kept")
        assert function(executable, "sine")(2.0) == math.sin(math.sqrt(2.0))
    assert len(list((tmp_path / "kept").iterdir())) == 1
