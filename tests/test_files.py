"""Files that are written: whole or not at all, with the permissions and links that were there."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import microgrady as mg
from microgrady import Value
from tests.threads import join, start


def example() -> Value:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    z: Value = x * y + mg.sin(x)
    z.backward()
    return z


WRITERS: dict[str, Callable[[Path], object]] = {
    "z.svg": lambda to: mg.draw(example(), to=to),
    "z.pdf": lambda to: mg.draw(example(), to=to),
    "z.html": lambda to: mg.animate(example(), to=to),
    "z.gif": lambda to: mg.animate(-Value(1.0), to=to),  # of few frames
    "z.png": lambda to: mg.plot(mg.sin, (0, 1), to=to),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_there_keeps_its_permissions(name: str, mode: int, tmp_path: Path) -> None:
    target = tmp_path / name
    target.touch()
    target.chmod(mode)
    WRITERS[name](target)
    assert target.stat().st_size > 0
    assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_new_file_has_the_permissions_that_the_process_gives(umask: int, tmp_path: Path) -> None:
    previous = os.umask(umask)
    try:
        mg.draw(example(), to=tmp_path / "z.svg")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "z.svg").stat().st_mode) == 0o666 & ~umask


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only some users make links")
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", WRITERS)
def test_a_link_stays_and_what_it_leads_to_is_written(name: str, there: bool, tmp_path: Path) -> None:
    folder, final, link = tmp_path / "folder", tmp_path / "folder" / "final", tmp_path / name
    folder.mkdir()
    if there:
        final.write_text("old")
    (tmp_path / "between").symlink_to("folder/final")
    link.symlink_to("between")
    WRITERS[name](link)
    assert link.is_symlink()
    assert len(final.read_bytes()) > 3
    assert [path.name for path in folder.iterdir()] == ["final"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["between", "folder", name])


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only some users make links")
def test_a_link_to_itself_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "z.svg").symlink_to("z.svg")
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "z.svg"))):
        mg.draw(example(), to=tmp_path / "z.svg")


def refuse_to_make_files(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied", "/folder/.0123.tmp")


@pytest.mark.parametrize("name", WRITERS)
def test_where_nothing_can_be_written_the_error_names_file_and_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "touch", refuse_to_make_files)
    with pytest.raises(PermissionError) as caught:
        WRITERS[name](tmp_path / name)
    assert caught.value.filename == str(tmp_path / name)
    assert str(tmp_path) in str(caught.value.strerror)
    assert ".tmp" not in str(caught.value)


def test_a_file_that_must_not_be_written_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "z.svg").write_text("the old picture")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="the file is there and cannot be written to"):
        mg.draw(example(), to=tmp_path / "z.svg")
    assert (tmp_path / "z.svg").read_text() == "the old picture"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes among its files")
def test_a_named_pipe_is_written_into_and_stays(tmp_path: Path) -> None:
    pipe, read = tmp_path / "z.svg", list[bytes]()
    os.mkfifo(pipe)
    reader = start(lambda: read.append(pipe.read_bytes()))
    mg.draw(example(), to=pipe)
    join(reader)
    assert b"<svg" in read[0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
