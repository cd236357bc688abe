"""`microgrady train`: what it prints and writes, the exit status, and what it says about bad input."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

import microgrady as mg
from microgrady.command.line import main
from microgrady.nn import MLP, load
from tests import processes

pytest.importorskip("llvmlite", reason="fit needs llvmlite")
pytest.importorskip("numpy", reason="fit needs NumPy")

Capture = pytest.CaptureFixture[str]
SHORT = ("--hidden", "2", "--epochs", "2", "--batch-size", "64")


def output_of(capsys: Capture, *arguments: str, status: int = 0) -> list[str]:
    """The lines on stdout, without a complaint."""
    assert main(["train", *arguments]) == status
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def complaint_about(capsys: Capture, *arguments: str, status: int = 2) -> list[str]:
    """The lines on stderr, with nothing on stdout."""
    assert main(["train", *arguments]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_the_main_job_learns_moons_and_writes_weights_and_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="draws")
    weights, picture = tmp_path / "net.json", tmp_path / "boundary.svg"
    command = [sys.executable, "-m", "microgrady", "train", "moons", "--hidden", "8", "8", "--lr", "0.03"]
    result = processes.run([*command, "--epochs", "30", "--save", str(weights), "--plot", str(picture)])
    assert (result.returncode, result.stderr) == (0, "")
    first, not_seen, seen, written = result.stdout.splitlines()
    assert first.startswith("moons, MLP 2-8-8-1, 105 parameters: 30 epochs in ")
    assert float(not_seen.removeprefix("not seen: accuracy ").partition("%")[0]) >= 97
    assert not_seen.partition("%")[2].startswith(" of 80, loss 0.")
    assert seen.startswith("seen: accuracy ")
    assert written == f"written: {weights}, {picture}"
    assert "<svg" in picture.read_text(encoding="utf-8")
    model = MLP(2, [8, 8, 1])
    load(model, weights)
    X, y = mg.data.moons(200, seed=7)
    assert sum((model(x).data > 0) == (t > 0) for x, t in zip(X.tolist(), y.tolist(), strict=True)) >= 190


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (["spiral", "--hidden"], "spiral, MLP 2-3, 9 parameters: 1 epoch in "),
        (["rings", "--hidden", "2", "3", "--optimizer", "SGD", "--noise", "0.3"], "rings, MLP 2-2-3-1, 19 parameters"),
        (["--hidden", "2", "--seed", "3", "--activation", "tanh", "--optimizer=rmsprop", "xor"], None),
        (["--hidden", "2", "3", "rings"], "rings, MLP 2-2-3-1, 19 parameters"),
        (["xor", "--hidden", "2", "--optimizer", "adamw", "--lr", "1e-3"], "xor, MLP 2-2-1, 9 parameters"),
    ],
)
def test_options_say_what_is_trained(arguments: list[str], first: str | None, capsys: Capture) -> None:
    lines = output_of(capsys, *arguments, "--epochs", "1", "--batch-size", "64")
    assert len(lines) == 3
    assert lines[0].startswith(first or "xor, MLP 2-2-1")


def test_the_same_seed_gives_the_same_network(capsys: Capture, tmp_path: Path) -> None:
    found = []
    for seed in ("1", "1", "2"):
        path = tmp_path / "net.json"
        output_of(capsys, "moons", *SHORT, "--seed", seed, "--save", str(path))
        found.append(path.read_bytes())
    assert found[0] == found[1] != found[2]


def test_of_digits_it_draws_the_history(capsys: Capture, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="draws")
    picture = tmp_path / "history.svg"
    lines = output_of(capsys, "digits", "--hidden", "1", "--epochs", "2", "--batch-size", "512", "--plot", str(picture))
    assert lines[0].startswith("digits, MLP 64-1-10, 85 parameters: 2 epochs in ")
    assert lines[1].startswith("not seen: accuracy ")
    assert "accuracy" in picture.read_text(encoding="utf-8")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
@pytest.mark.usefixtures("without_collections")
def test_ctrl_c_ends_it_with_what_was_learnt(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 2.0)
        lines = output_of(capsys, "xor", "--hidden", "--epochs", "99999999", "--save", str(path), status=130)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert " (interrupted) in " in lines[0]
    assert lines[-1] == f"written: {path}"
    load(MLP(2, [1]), path)


def test_a_loss_that_overflows_is_status_1(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    (line,) = complaint_about(capsys, "moons", *SHORT, "--lr", "1e300", "--save", str(path), status=1)
    assert line.startswith("the loss ")
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "marked", "sentence"),
    [
        ([], "^", "what to learn is missing: one of moons, rings, spiral, xor, digits"),
        (["moon"], "moon", "there are no data called moon; did you mean moons?"),
        (["cats"], "cats", "there are no data called cats; there are moons, rings, spiral, xor, digits"),
        (["moons", "--epoch", "3"], "--epoch", "--epoch is not an option; did you mean --epochs?"),
        (["moons", "--unknown"], "--unknown", None),
        (["moons", "-lr", "3"], "-lr", "-lr is not an option; did you mean --lr?"),
        (["moons", "--epochs", "0"], "0", "--epochs takes a whole number from 1 on, not '0'"),
        (["moons", "--batch-size", "2.5"], "2.5", "--batch-size takes a whole number from 1 on, not '2.5'"),
        (
            ["moons", "--hidden", "16,16"],
            "16,16",
            "--hidden takes a whole number from 1 on for each layer, not '16,16'",
        ),
        (["moons", "--epochs", ""], "^", "--epochs takes a whole number from 1 on, not ''"),
        (["moons", "--seed", "9" * 10], "9" * 10, f"--seed takes a whole number of at most 9 digits, not '{'9' * 10}'"),
        (
            ["moons", "--hidden", "1000", "1000"],
            "1000 1000",
            "--hidden makes 1005001 parameters, each of which is a Value: 200000 are the most",
        ),
        (["moons", "--lr", "0"], "0", "--lr takes a number above 0, not '0'"),
        (["moons", "--lr", "nan"], "nan", "--lr takes a number above 0, not 'nan'"),
        (["moons", "--noise", "-1"], "-1", "--noise takes a number 0 or more, not '-1'"),
        (["digits", "--noise", "1"], "1", "digits are as they are: --noise is for the other data"),
        (["moons", "--optimizer", "adan"], "adan", "--optimizer has no adan; did you mean adam?"),
        (["moons", "--activation", "x"], "x", None),
        (
            ["moons", "--save", "net.txt"],
            "net.txt",
            "the name of a file with weights ends in .npz or .json, not 'net.txt'",
        ),
        (["moons", "--plot", "nowhere/a.png"], "nowhere/a.png", None),
    ],
)
def test_bad_input_is_status_2_with_a_sentence_that_points_at_the_place(
    arguments: list[str], marked: str, sentence: str | None, capsys: Capture
) -> None:
    shown, marks, said = complaint_about(capsys, *arguments)
    assert marks.strip() == "^" * len(marked)
    assert marked == "^" or shown[marks.index("^") : len(marks)] == marked
    assert sentence is None or said == sentence


def test_noise_beyond_what_floats_hold_is_status_2(capsys: Capture) -> None:
    assert main(["train", "moons", "--noise", "1e308", *SHORT]) == 2
    assert "X has" in capsys.readouterr().err


def test_a_wrong_use_of_the_options_is_status_2(capsys: Capture) -> None:
    assert complaint_about(capsys, "moons", "--lr")[-1].startswith("microgrady train: error: ")
    assert complaint_about(capsys, "moons", "rings")[-1].startswith("microgrady train: error: ")


@pytest.mark.parametrize("columns", [60, 80, 132])
def test_the_help_is_as_wide_as_the_terminal(columns: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = output_of(capsys, "--help")
    assert max(map(len, lines)) <= columns
    assert " ".join(" ".join(lines).replace("\\", "").split()).endswith(
        "example: python -m microgrady train moons --hidden 16 16 --epochs 50 --save net.npz --plot boundary.png"
    )


def test_a_name_called_train_is_still_a_name(capsys: Capture) -> None:
    assert main(["train * 2", "train=3"]) == 0
    assert capsys.readouterr().out.startswith("train * 2 = 6\n")
