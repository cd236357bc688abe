"""Weights in files: every bit comes back, nothing is written or loaded by halves, and no code is run."""

from __future__ import annotations

import json
import math
import pickle
import stat
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from microgrady import Value, nn

np = pytest.importorskip("numpy")

ENDINGS = ["npz", "json"]


class Numbers(nn.Module):
    """A model of any numbers."""

    def __init__(self, *numbers: float) -> None:
        self.row = [Value(number) for number in numbers]
        self.named = {"one": Value(numbers[0]), "more": (Value(numbers[-1]),)}


def bits(model: nn.Module) -> list[bytes]:
    return [struct.pack("d", value.data) for value in model.parameters()]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_network_comes_back(ending: str, tmp_path: Path) -> None:
    model, other = (nn.MLP(3, [4, 2], activation="tanh", seed=seed) for seed in (0, 1))
    leaves = other.parameters()
    leaves[0].grad = 5.0
    nn.save(model, tmp_path / f"net.{ending}")
    nn.load(other, str(tmp_path / f"net.{ending}"))
    assert bits(other) == bits(model)
    assert all(map(lambda a, b: a is b, other.parameters(), leaves))
    assert leaves[0].grad == 5.0
    assert [y.data for y in other([1.0, 2.0, 3.0])] == [y.data for y in model([1.0, 2.0, 3.0])]


@pytest.mark.parametrize("ending", ENDINGS)
@hypothesis.given(numbers=st.lists(st.floats(), min_size=1, max_size=5))
@hypothesis.example(numbers=[math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1])
@hypothesis.settings(max_examples=10, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_every_number_comes_back(ending: str, numbers: list[float], tmp_path: Path) -> None:
    model, other = Numbers(*numbers), Numbers(*[1.0] * len(numbers))
    nn.save(model, tmp_path / f"numbers.{ending}")
    nn.load(other, tmp_path / f"numbers.{ending}")
    for value, expected in zip(other.parameters(), model.parameters(), strict=True):
        if math.isnan(expected.data):
            assert math.isnan(value.data)
        else:
            assert struct.pack("d", value.data) == struct.pack("d", expected.data)


def test_files_have_the_names_of_parameters_in_them(tmp_path: Path) -> None:
    model = Numbers(1.0, math.nan, math.inf)
    nn.save(model, tmp_path / "numbers.json")
    text = (tmp_path / "numbers.json").read_text(encoding="utf-8")
    assert text == '{\n  "row": [1.0, "nan", "inf"],\n  "named.one": 1.0,\n  "named.more": ["inf"]\n}\n'
    nn.save(model, tmp_path / "numbers.npz")
    with np.load(tmp_path / "numbers.npz") as found:
        assert {name: found[name].shape for name in found} == {"row": (3,), "named.one": (), "named.more": (1,)}
        assert {found[name].dtype for name in found} == {np.dtype(np.float64)}


@pytest.mark.parametrize("ending", ENDINGS)
def test_equal_weights_are_equal_files(ending: str, tmp_path: Path) -> None:
    for name in "ab":
        nn.save(nn.MLP(2, [3, 1], seed=0), tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_numbers_that_others_wrote_are_read(tmp_path: Path) -> None:
    model = Numbers(1.0, 2.0)
    (tmp_path / "a.json").write_text('{"named.more": [3], "named.one": -1e2, "row": ["-inf", NaN]}', encoding="utf-8")
    nn.load(model, tmp_path / "a.json")
    assert [repr(value.data) for value in model.parameters()] == ["-inf", "nan", "-100.0", "3.0"]
    row = np.array([1, 2], dtype=np.int8)
    np.savez_compressed(tmp_path / "a.NPZ", row=row, **{"named.one": np.float32(0.5), "named.more": np.ones(1)})
    (tmp_path / "a.NPZ.npz").rename(tmp_path / "a.NPZ")
    nn.load(model, tmp_path / "a.NPZ")
    assert [value.data for value in model.parameters()] == [1.0, 2.0, 0.5, 1.0]


def test_tied_parameters_are_saved_once(tmp_path: Path) -> None:
    def tied(number: float) -> nn.Module:
        model = Numbers(number, 2.0, 3.0)
        model.named["one"] = model.row[1]
        model.named["more"] = (Value(7.0), model.row[0], Value(8.0))
        return model

    model, other = tied(1.0), tied(-1.0)
    nn.save(model, tmp_path / "tied.json")
    assert set(json.loads((tmp_path / "tied.json").read_bytes())) == {"row", "named.more", "named.more.2"}
    nn.load(other, tmp_path / "tied.json")
    assert bits(other) == bits(model)


def test_json_needs_no_numpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, other = nn.MLP(2, [1], seed=0), nn.MLP(2, [1], seed=1)
    nn.save(model, tmp_path / "net.npz")
    monkeypatch.setitem(sys.modules, "numpy", None)
    nn.save(model, tmp_path / "net.json")
    nn.load(other, tmp_path / "net.json")
    assert bits(other) == bits(model)
    for act in (nn.save, nn.load):
        with pytest.raises(ImportError, match=r"\.npz needs NumPy: pip install \"microgrady\[numpy\]\""):
            act(model, tmp_path / "net.npz")


# What does not fit.


def write(path: Path, entries: dict[str, Any]) -> None:
    if path.suffix == ".json":
        path.write_text(json.dumps(entries), encoding="utf-8")
    else:
        np.savez(path, **entries)


RIGHT = {"row": [1.0, 2.0], "named.one": 1.0, "named.more": [2.0]}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"named.one": None}, "does not fit the Numbers: it has no named.one$"),
        ({"other": 1.0}, "does not fit the Numbers: the Numbers has no other$"),
        (
            {"row": None, "named.one": None, "a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, "e": 1.0},
            "it has no row, named.one, and the Numbers has no a, b, c and 2 more$",
        ),
        ({"row": [1.0]}, "row is a row of 1 in the file, and a row of 2 in the model"),
        ({"row": 1.0}, "row is one number in the file, and a row of 2 in the model"),
        ({"named.one": [1.0]}, "named.one is a row of 1 in the file, and one number in the model"),
        ({"named.one": "1"}, "named.one in .* must be a number or"),
        ({"row": [[1.0], [2.0]]}, "row.* must be a number or a"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(
    ending: str, wrong: dict[str, Any], message: str, tmp_path: Path
) -> None:
    entries = {name: entry for name, entry in {**RIGHT, **wrong}.items() if entry is not None}
    write(tmp_path / f"a.{ending}", entries)
    model = Numbers(5.0, 6.0)
    with pytest.raises(ValueError, match=message):
        nn.load(model, tmp_path / f"a.{ending}")
    assert [value.data for value in model.parameters()] == [5.0, 6.0, 5.0, 6.0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{", "is not JSON"),
        ("a.json", b"\xff\xfe\x00", "is not JSON"),
        ("a.json", b"[" * 100_000, "is not JSON"),
        ("a.json", b"[1.0]", "must have the names of parameters with their numbers, not list"),
        ("a.json", b'{"row": [1' + b"0" * 400 + b', 2], "named.one": 1, "named.more": [2]}', r"row\.0 .* is too large"),
        ("a.json", b'{"row": [1, true], "named.one": 1, "named.more": [2]}', r"row\.1 .* a list of numbers, not bool"),
        ("a.npz", b"", r"is not an \.npz of numbers: it is not an archive of arrays$"),
        ("a.npz", b"PK\x03\x04 and so on", r"is not an \.npz of numbers"),
        ("a.npz", b"\x93NUMPY\x01\x00", r"is not an \.npz of numbers: it is not an archive of arrays$"),
        ("a.npz", pickle.dumps({"row": [1.0, 2.0]}), r"is not an \.npz of numbers: it is not an archive of arrays$"),
    ],
)
def test_other_files_are_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        nn.load(Numbers(1.0, 2.0), tmp_path / name)


class Code:
    """Something whose pickle runs code when it is loaded."""

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)

    def __init__(self, path: Path) -> None:
        self.path = path


def test_no_code_in_a_file_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    np.savez(tmp_path / "a.npz", row=np.array([Code(mark)], dtype=object), **{"named.one": 1.0, "named.more": [1.0]})
    with pytest.raises(ValueError, match=r"is not an \.npz of numbers: row has objects in it, which could run code$"):
        nn.load(Numbers(1.0, 2.0), tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Code(mark)))
    with pytest.raises(ValueError, match=r"is not an \.npz of numbers"):
        nn.load(Numbers(1.0, 2.0), tmp_path / "b.npz")
    assert not mark.exists()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_is_written_as_a_whole_or_not_at_all(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"net.{ending}"
    nn.save(nn.MLP(2, [1], seed=0), target)
    before = target.read_bytes()
    target.chmod(0o640)

    def fail(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", fail)
        with pytest.raises(OSError, match="No space left on device"):
            nn.save(nn.MLP(2, [1], seed=1), target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    nn.save(nn.MLP(2, [1], seed=1), target)
    assert target.read_bytes() != before
    assert stat.S_IMODE(target.stat().st_mode) in (0o640, 0o666)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    nn.save(model, tmp_path / "net.npz")
    content = bytearray((tmp_path / "net.npz").read_bytes())
    content[content.index(b"\x93NUMPY") + 130] ^= 1
    (tmp_path / "net.npz").write_bytes(content)
    before = bits(model)
    with pytest.raises(ValueError, match=r"is not an \.npz of numbers"):
        nn.load(model, tmp_path / "net.npz")
    assert bits(model) == before
    assert zipfile.is_zipfile(tmp_path / "net.npz")


def test_other_mistakes_get_a_sentence(tmp_path: Path) -> None:
    model: Any = Numbers(1.0, 2.0)
    for act in (nn.save, nn.load):
        with pytest.raises(ValueError, match=r"ends in \.npz or \.json, not as 'net.pickle' does"):
            act(model, tmp_path / "net.pickle")
        with pytest.raises(TypeError, match="weights are those of a Module, not of list"):
            act([Value(1.0)], tmp_path / "net.json")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="weights are those of a Module, not of str"):
            act(str(tmp_path / "net.json"), model)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="the Module has no parameters"):
            act(nn.Module(), tmp_path / "net.json")
    with pytest.raises(FileNotFoundError):
        nn.load(model, tmp_path / "net.json")
    nn.save(model, tmp_path / "net.json")
    model.row[1] = model.row[1] * 2
    with pytest.raises(ValueError, match=r"row\.1 of the Numbers is the result of mul, which cannot be given another"):
        nn.load(model, tmp_path / "net.json")
    model.named = {1: Value(1.0), "1": Value(2.0)}
    with pytest.raises(ValueError, match=r"two parameters of the Numbers are called named\.1"):
        nn.save(model, tmp_path / "net.json")
