"""Machine code on disk: later processes take it from there, and nothing that happens to it makes a wrong number."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

import microgrady as mg
from microgrady.compiler import cache, engine, jit, pieces

ROOT = Path(__file__).parents[1]
PROCESS = """
import sys
import microgrady as mg
from microgrady.compiler import engine, jit

if "no compiler" in sys.argv:
    def refuse(*things):
        raise AssertionError("compiled although there is a file")
    engine._object = refuse
slope = jit(mg.grad(lambda x: mg.exp(x) * mg.sin(x) if x > 0 else mg.tanh(x) ** 3), cache=sys.argv[1])
print(*(slope(x).hex() for x in (0.5, -0.5, 2.0, -2.0)))
"""


def slope(folder: Path | None) -> list[float]:
    """What the process above prints, compiled here."""
    compiled = jit(mg.grad(lambda x: mg.exp(x) * mg.sin(x) if x > 0 else mg.tanh(x) ** 3), cache=folder)
    return [compiled(x) for x in (0.5, -0.5, 2.0, -2.0)]


def refuse(*things: Any) -> bytes:
    raise AssertionError("compiled although there is a file")


def process(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROCESS, str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def output(running: subprocess.Popen[str]) -> list[float]:
    out, errors = running.communicate(timeout=120)
    assert errors == ""
    return [float.fromhex(word) for word in out.split()]


def test_what_was_compiled_once_is_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some" / "folder"
    expected = slope(folder)
    files = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(files) == 2  # one for each way
    monkeypatch.setattr(engine, "_object", refuse)
    assert slope(folder) == expected
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == files
    with pytest.raises(AssertionError, match="although"):
        slope(None)


def test_another_process_compiles_nothing_and_gives_the_same_bits(tmp_path: Path) -> None:
    expected = slope(tmp_path)
    assert output(process(tmp_path, "no compiler")) == expected


def test_processes_that_write_at_once_all_give_the_same_bits(tmp_path: Path) -> None:
    running = [process(tmp_path), process(tmp_path)]
    expected = slope(tmp_path)
    assert [output(each) for each in running] == [expected, expected]
    assert {path.suffix for path in tmp_path.iterdir()} == {".bin"}
    assert len(list(tmp_path.iterdir())) == 2


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda contents: b"",
    "cut short in its head": lambda contents: contents[:20],
    "cut short in its checksum": lambda contents: contents[:40],
    "cut short": lambda contents: contents[:-1],
    "cut in half": lambda contents: contents[: len(contents) // 2],
    "one bit changed": lambda contents: contents[:300] + bytes([contents[300] ^ 1]) + contents[301:],
    "longer": lambda contents: contents + b"\0",
    "foreign": lambda contents: b"something else entirely" * 100,
    "of another version": lambda contents: contents.replace(b"code 1", b"code 0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_anew_and_replaced(damage: str, tmp_path: Path) -> None:
    expected = slope(tmp_path)
    whole = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path, contents in whole.items():
        path.write_bytes(DAMAGES[damage](contents))
    assert slope(tmp_path) == expected
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == whole


def test_a_file_of_nothing_with_the_right_checksum_is_no_machine_code(tmp_path: Path) -> None:
    cache.save(tmp_path, "key", [])
    assert cache.load(tmp_path, "key") == []
    assert cache.load(tmp_path, "other") == []
    assert cache.load(tmp_path / "nowhere", "key") == []


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    for objects in ([b"one"], [b"", b"two", bytes(1000)]):
        cache.save(tmp_path, "key", objects)
        assert cache.load(tmp_path, "key") == objects


def test_keys_tell_parts_apart() -> None:
    keys = [cache.key_of(*parts) for parts in ((), ("",), ("a", "b"), ("ab",), ("ab", ""), ("", "ab"), ("b", "a"))]
    assert len(set(keys)) == len(keys)


def test_other_options_have_other_files(tmp_path: Path) -> None:
    for optimize in (True, False):
        assert jit(lambda x: x * 3, cache=tmp_path, optimize=optimize)(2.0) == 6.0
    assert jit(lambda x: x * 4, cache=tmp_path)(2.0) == 8.0
    assert len(list(tmp_path.iterdir())) == 3


def test_leaves_and_programs_of_many_modules_come_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 8)
    monkeypatch.setattr(pieces, "MODULE", 16)
    weight = mg.Value(2.0)

    def function(x: Any) -> Any:
        for _ in range(20):
            x = mg.sin(x) * weight
        return x if x > 0 else -x

    expected = [jit(function, cache=tmp_path)(x) for x in (0.5, -0.5)]
    monkeypatch.setattr(engine, "_object", refuse)
    compiled = jit(function, cache=str(tmp_path))
    assert [compiled(x) for x in (0.5, -0.5)] == expected
    weight.data = 0.0
    assert compiled(0.5) == 0.0


def test_what_calls_python_back_is_not_kept(tmp_path: Path) -> None:
    twice = mg.primitive("cache_twice", lambda x: 2.0 * x, lambda y, x: 2.0)
    compiled = jit(lambda x: twice(x) + 1, cache=tmp_path)
    assert compiled(3.0) == compiled(3.0) == 7.0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    double = jit(lambda x: x * 2, cache=tmp_path / "file")
    with pytest.warns(RuntimeWarning, match=r"not kept in .*file"):
        assert double(1.0) == 2.0
    assert double(3.0) == 6.0
