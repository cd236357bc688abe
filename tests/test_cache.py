"""Machine code on disk: later processes take it from there, and nothing that happens to it makes a wrong number."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

import microgrady as mg
from microgrady.compiler.backends import cache, executable, llvm_program, memory
from microgrady.compiler.backends.private import read_private, user_key, write_private
from microgrady.compiler.jit import jit
from tests import processes

ROOT = Path(__file__).parents[1]
PROCESS = """
import sys
import microgrady as mg
from microgrady.compiler.jit import jit
from microgrady.compiler.backends import executable

if "no compiler" in sys.argv:
    def refuse(*things):
        raise AssertionError("compiled although there is a file")
    executable._object = refuse
slope = jit(mg.grad(lambda x: mg.exp(x) * mg.sin(x) if x > 0 else mg.tanh(x) ** 3), cache=sys.argv[1])
print(*(slope(x).hex() for x in (0.5, -0.5, 2.0, -2.0)))
"""


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's key is, for these tests alone."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME", str(folder))
    return folder / "microgrady"


posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs owners and permissions")
superuser = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")


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
    monkeypatch.setattr(executable, "_object", refuse)
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
    "of another version": lambda contents: contents.replace(cache._HEAD, cache._HEAD.swapcase()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_anew_and_replaced(damage: str, tmp_path: Path) -> None:
    expected = slope(tmp_path)
    whole = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path, contents in whole.items():
        path.write_bytes(DAMAGES[damage](contents))
        assert path.read_bytes() != contents
    assert slope(tmp_path) == expected
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == whole


def test_a_file_of_nothing_with_the_right_checksum_is_not_machine_code(tmp_path: Path) -> None:
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
    monkeypatch.setattr(memory, "PIECE", 8)
    monkeypatch.setattr(llvm_program, "MODULE", 16)
    weight = mg.Value(2.0)

    def function(x: Any) -> Any:
        for _ in range(20):
            x = mg.sin(x) * weight
        return x if x > 0 else -x

    expected = [jit(function, cache=tmp_path)(x) for x in (0.5, -0.5)]
    monkeypatch.setattr(executable, "_object", refuse)
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


# Whose machine code is run.


def only_file(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def one(folder: Path) -> float:
    """A number that a single file of machine code gives."""
    found: float = jit(lambda x, y: x * y, cache=folder)(3.0, 5.0)
    return found


def test_the_machine_code_of_another_function_is_not_taken(tmp_path: Path) -> None:
    product, total = tmp_path / "product", tmp_path / "total"
    assert one(product) == 15.0
    assert jit(lambda x, y: x + y, cache=total)(3.0, 5.0) == 8.0
    whole = only_file(product).read_bytes()
    only_file(product).write_bytes(only_file(total).read_bytes())
    assert one(product) == 15.0
    assert only_file(product).read_bytes() == whole


def test_the_machine_code_of_another_user_is_not_taken(tmp_path: Path, state: Path) -> None:
    one(tmp_path)
    contents = only_file(tmp_path).read_bytes()
    (state / "key").unlink()
    assert one(tmp_path) == 15.0
    assert only_file(tmp_path).read_bytes() != contents


def test_a_checksum_is_not_a_signature(tmp_path: Path) -> None:
    one(tmp_path)
    file = only_file(tmp_path)
    head, body = file.read_bytes()[: len(cache._HEAD)], file.read_bytes()[len(cache._HEAD) + 32 :]
    for forged in (b"\0" * 32, hashlib.sha256(body).digest(), hashlib.sha256(head + body).digest()):
        file.write_bytes(head + forged + body[:100] + b"\xcc" * (len(body) - 100))
        assert one(tmp_path) == 15.0
        file.write_bytes(head + forged + (1 << 62).to_bytes(8, "little") + body)
        assert one(tmp_path) == 15.0
        file.write_bytes(head + forged + (-8).to_bytes(8, "little", signed=True) + body)
        assert one(tmp_path) == 15.0


def test_what_is_made_is_for_the_user_alone(tmp_path: Path, state: Path) -> None:
    before = os.umask(0)
    try:
        one(tmp_path / "new" / "folder")
    finally:
        os.umask(before)
    if hasattr(os, "geteuid"):
        places = [
            tmp_path / "new",
            tmp_path / "new" / "folder",
            only_file(tmp_path / "new" / "folder"),
            state,
            only_file(state),
        ]
        assert [stat.S_IMODE(place.stat().st_mode) for place in places] == [0o700, 0o700, 0o600, 0o700, 0o600]


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777, 0o720])
def test_a_folder_that_others_can_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    compiled = jit(lambda x, y: x + y, cache=folder)
    one(folder)
    folder.chmod(mode)
    for given in ([lambda x: x], []):  # a decorator with options as well
        with pytest.raises(PermissionError, match=r"others can write to the folder .*folder'.*chmod go-w"):
            jit(*given, cache=str(folder))
    with pytest.warns(RuntimeWarning, match=r"was not kept in .*folder': others can write"):
        assert compiled(3.0, 5.0) == 8.0
    assert len(list(folder.iterdir())) == 1


@posix
def test_a_folder_that_others_can_take_away_is_refused_but_not_where_they_cannot(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    for name in ("there", "not there yet"):
        parent.mkdir(exist_ok=True)
        (parent / "there").mkdir(exist_ok=True)
        parent.chmod(0o777)
        with pytest.raises(PermissionError, match=r"others can write to the folder .*parent'"):
            one(parent / name)
        parent.chmod(0o1777)
        assert one(parent / name) == 15.0


@superuser
def test_what_belongs_to_another_user_is_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    one(folder)
    contents = only_file(folder).read_bytes()
    os.chown(only_file(folder), 12345, -1)
    assert one(folder) == 15.0
    assert (only_file(folder).read_bytes(), only_file(folder).stat().st_uid) == (contents, 0)
    os.chown(folder, 12345, -1)
    with pytest.raises(PermissionError, match="folder' belongs to another user"):
        one(folder)


@posix
def test_files_that_others_can_write_to_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one(tmp_path)
    for mode in (0o620, 0o602, 0o666):
        only_file(tmp_path).chmod(mode)
        assert one(tmp_path) == 15.0
        assert stat.S_IMODE(only_file(tmp_path).stat().st_mode) == 0o600
    only_file(tmp_path).chmod(0o644)  # others may read it
    monkeypatch.setattr(executable, "_object", refuse)
    assert one(tmp_path) == 15.0


@posix
def test_links_are_not_followed_and_nothing_else_than_a_file_is_opened(tmp_path: Path) -> None:
    folder, aside = tmp_path / "folder", tmp_path / "aside"
    one(folder)
    file = only_file(folder)
    contents = file.read_bytes()
    file.rename(aside)
    file.symlink_to(aside)
    assert read_private(file) is None
    assert one(folder) == 15.0
    assert not file.is_symlink()
    assert file.read_bytes() == aside.read_bytes() == contents
    file.unlink()
    os.mkfifo(file)
    assert one(folder) == 15.0
    assert file.read_bytes() == contents
    file.unlink()
    file.mkdir()
    with pytest.warns(RuntimeWarning, match="was not kept"):
        assert one(folder) == 15.0


@posix
def test_a_key_that_others_could_have_seen_or_made_is_replaced(state: Path, tmp_path: Path) -> None:
    file = state / "key"
    keys = {user_key(), user_key()}
    assert len(keys) == 1

    def link() -> None:
        file.rename(tmp_path / "key")
        file.symlink_to(tmp_path / "key")

    spoils: list[Callable[[], Any]] = [
        lambda: file.chmod(0o640),
        lambda: file.write_bytes(b"short"),
        link,
        lambda: file.unlink(),
    ]
    for spoil in spoils:
        spoil()
        keys.add(user_key())
        keys.add(user_key())
        assert stat.S_IMODE(file.lstat().st_mode) == 0o600
    assert len(keys) == 5
    state.chmod(0o777)
    file.unlink()
    with pytest.raises(PermissionError, match="others can write"):
        user_key()


def test_without_a_place_for_the_key_nothing_is_kept(state: Path, tmp_path: Path) -> None:
    state.write_text("no folder")
    with pytest.warns(RuntimeWarning, match="was not kept"):
        assert one(tmp_path / "folder") == 15.0
    assert list((tmp_path / "folder").iterdir()) == []


def test_processes_that_make_the_key_at_once_agree_on_one(tmp_path: Path, state: Path) -> None:
    source = (
        "import sys; from microgrady.compiler.backends.private import user_key; "
        "sys.stdin.readline(); print(user_key().hex())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", source], stdin=-1, stdout=-1, text=True, cwd=ROOT) for _ in range(4)
    ]
    found = {each.communicate("\n", timeout=120)[0] for each in running}
    assert found == {user_key().hex() + "\n"}
    assert [path.name for path in state.iterdir()] == ["key"]


def test_a_file_is_replaced_only_where_it_may_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_private(file, b"one", replace=False)
    with pytest.raises(FileExistsError):
        write_private(file, b"two", replace=False)
    assert read_private(file, secret=True) == b"one"
    write_private(file, b"three")
    assert only_file(tmp_path).read_bytes() == b"three"


@posix
def test_a_writer_that_is_killed_leaves_nothing_that_is_taken(tmp_path: Path) -> None:
    for moment in ("replace", "write"):
        kill = f"""
import os, signal, sys
import microgrady as mg
from pathlib import Path
from microgrady.compiler.backends import private
kill = lambda *things: os.kill(os.getpid(), signal.SIGKILL)
if {moment!r} == "replace":
    Path.replace = kill
else:
    private.open = lambda file, mode, **_: open(file, mode, **_) if mode == "rb" else os.write(file, b"half") and kill()
mg.jit(lambda x, y: x * y, cache={str(tmp_path)!r})(3.0, 5.0)
"""
        assert processes.run([sys.executable, "-c", kill], cwd=ROOT).returncode == -signal.SIGKILL
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".bin"]
    assert one(tmp_path) == 15.0
