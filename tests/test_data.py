"""Data to learn from: shapes, tables, and what is done with samples. Peer: scikit-learn."""

from __future__ import annotations

import hashlib
import importlib.resources
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import data

np = pytest.importorskip("numpy")

SHAPES = [data.moons, data.rings, data.spiral, data.xor]
Shape = Callable[..., Any]


@pytest.mark.parametrize("shape", SHAPES)
@given(n=st.integers(4, 60), noise=st.sampled_from([0, 0.0, 0.1, 2]), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_a_shape_has_n_points_of_classes_of_equal_size(shape: Shape, n: int, noise: float, seed: int) -> None:
    X, y = shape(n, noise, seed)
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((n, 2), np.float64, (n,), np.int64)
    sizes = np.bincount(y)
    assert sizes.max() - sizes.min() <= 1 + (shape is data.xor)
    again = shape(n=n, noise=noise, seed=seed)
    assert (again[0] == X).all()
    assert (y == again[1]).all()
    assert np.isfinite(X).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_seeds_make_the_difference(shape: Shape) -> None:
    X, _ = shape(50)
    assert (shape(50, seed=np.int64(0))[0] == X).all()
    assert not (shape(50, seed=1)[0] == X).all()
    assert not (shape(50, seed=None)[0] == shape(50, seed=None)[0]).all()
    before = np.random.get_state()[1].tolist()
    shape(50)
    assert np.random.get_state()[1].tolist() == before  # there is no global state


@pytest.mark.parametrize(
    ("shape", "digest"),
    [
        (data.moons, "f3ebc3948675768a"),
        (data.rings, "19c739ec24f4add2"),
        (data.spiral, "f00960eca6704059"),
        (data.xor, "1a40942027398693"),
    ],
)
def test_a_seed_gives_the_same_numbers_on_all_machines(shape: Shape, digest: str) -> None:
    X, y = shape(60, seed=7)
    text = " ".join(f"{number:.9f}" for number in X.ravel().tolist()) + " ".join(map(str, y.tolist()))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


@given(n=st.integers(2, 60), noise=st.sampled_from([0.0, 0.1]), seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_moons_and_rings_are_those_of_scikit_learn(n: int, noise: float, seed: int) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    noise_there = noise or None
    for (X, y), (X_there, y_there) in [
        (data.moons(n, noise, seed), datasets.make_moons(n, noise=noise_there, random_state=seed)),
        (
            data.rings(n, noise, seed, factor=0.3),
            datasets.make_circles(n, noise=noise_there, random_state=seed, factor=0.3),
        ),
    ]:
        assert np.abs(X - X_there).max() <= 0.6e-9
        assert (y == y_there).all()


def test_points_without_noise_lie_where_the_shapes_are() -> None:
    X, y = data.moons(200, noise=0.0)
    assert np.allclose(np.hypot(X[:, 0] - y, X[:, 1] - 0.5 * y), 1.0, atol=1e-8)
    assert (((X[:, 1] - 0.5 * y) * (1 - 2 * y)) > -1e-8).all()  # above the one centre, below the other
    X, y = data.rings(200, noise=0.0, factor=0.25)
    assert np.allclose(np.hypot(*X.T), np.where(y == 1, 0.25, 1.0), atol=1e-8)
    X, y = data.spiral(200, noise=0.0, classes=4, turns=0.5)
    radius, angle = np.hypot(*X.T), np.arctan2(X[:, 1], X[:, 0])
    turned = (angle / (2 * np.pi) - y / 4 - 0.5 * radius + 0.5) % 1.0 - 0.5
    assert np.abs(turned[radius > 0]).max() < 1e-7
    assert {*y.tolist()} == {0, 1, 2, 3}
    X, y = data.xor(40, noise=0.0)
    assert ((X[:, 0] != X[:, 1]) == y).all()
    assert {*map(tuple, X.tolist())} == {(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)}


def test_noise_is_normal_with_the_deviation_that_was_asked_for() -> None:
    X, _ = data.xor(20_000, noise=0.1)
    off = X - np.round(X)
    assert abs(off.mean()) < 0.003
    assert 0.098 < off.std() < 0.102


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"n": 1}, ValueError, r"n must be at least [234], one for each \w+, not 1$"),
        ({"n": -3}, ValueError, r"n must be at least [234], one for each \w+, not -3$"),
        ({"n": 10.0}, TypeError, r"n must be a whole number, not float \(10\.0\)$"),
        ({"n": True}, TypeError, r"n must be a whole number, not bool"),
        ({"noise": -0.1}, ValueError, r"noise must be at least 0 and finite, not -0\.1$"),
        ({"noise": float("nan")}, ValueError, "noise must be at least 0 and finite, not nan$"),
        ({"noise": float("inf")}, ValueError, "noise must be at least 0 and finite, not inf$"),
        ({"noise": None}, TypeError, "noise must be a number, not NoneType"),
        ({"seed": -1}, ValueError, r"seed must be a whole number from 0 to 2\*\*32 - 1, or None .*, not -1$"),
        ({"seed": 2**32}, ValueError, "seed must be a whole number from 0"),
        ({"seed": "0"}, TypeError, "seed must be a whole number from 0 .*, not '0'$"),
    ],
)
def test_a_shape_that_cannot_be(shape: Shape, arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        shape(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 1}, "classes must be at least 2, not 1$"),
        ({"n": 4, "classes": 5}, "n must be at least 5, one for each class, not 4$"),
        ({"turns": 0}, "turns must be positive, not 0$"),
    ],
)
def test_a_spiral_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.spiral(**arguments)


@pytest.mark.parametrize("factor", [0, 1, -0.5, 2.0, float("nan")])
def test_rings_of_an_impossible_radius(factor: float) -> None:
    with pytest.raises(ValueError, match="factor must be between 0 and 1, not"):
        data.rings(factor=factor)


def test_digits_are_those_of_scikit_learn() -> None:
    X, y = data.digits()
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((1797, 64), np.float64, (1797,), np.int64)
    assert (X.min(), X.max()) == (0.0, 1.0)
    there = pytest.importorskip("sklearn.datasets").load_digits()
    assert (there.data == 16.0 * X).all()
    assert (y == there.target).all()
    X[:] = 0.0
    assert data.digits()[0].any()  # what was read is the caller's own


def test_the_table_for_regression_has_names_units_and_a_licence() -> None:
    table = data.auto_mpg()
    X, y = table
    assert X is table.X
    assert y is table.y
    assert X.shape == (392, 6) == (len(table), len(table.names))
    assert len(table.units) == 6
    assert table.names[3] == "weight"
    assert table.units[3] == "lb"
    assert (table.target, table.target_unit, table.licence) == ("mpg", "miles per gallon", "CC BY 4.0")
    assert "392 samples: mpg (miles per gallon) by cylinders (count)" in repr(table)
    assert X[:, 5].min() == 70
    assert X[:, 5].max() == 82
    assert (y.min(), y.max()) == (9.0, 46.6)
    assert round(float(y.mean()), 6) == 23.445918  # as is published for these 392
    slopes = np.linalg.lstsq(np.column_stack([X, np.ones(392)]), y, rcond=None)[0]
    assert np.allclose(slopes[[3, 5]], [-0.006795, 0.753367], atol=1e-5)


@pytest.mark.parametrize("name", ["digits", "auto_mpg"])
def test_each_file_states_its_source_and_licence(name: str) -> None:
    text = importlib.resources.files("microgrady.data").joinpath(f"{name}.txt").read_text(encoding="ascii")
    assert "UCI Machine Learning\nRepository" in text or "UCI Machine Learning Repository" in text
    assert "CC BY 4.0" in text
    assert "https://doi.org/10.24432/" in text
    assert "https://doi.org/10.24432/" in str(getattr(data, name).__doc__)


def test_files_are_found_where_the_package_lies_in_an_archive(tmp_path: Path) -> None:
    package = Path(mg.__file__).parent
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for path in package.rglob("*"):
            if path.suffix in {".py", ".npz", ".csv"} and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(package.parent))
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'package.zip')!r})\n"
        "import microgrady as mg\n"
        "assert '.zip' in mg.__file__\n"
        "print(len(mg.data.digits()[1]), len(mg.data.auto_mpg()))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert result.stdout.split() == ["1797", "392"], result.stderr


def test_without_numpy_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    for use in (data.moons, data.digits, data.auto_mpg, lambda: data.split([1.0], [2.0])):
        with pytest.raises(ImportError, match=r'microgrady\.data needs NumPy: pip install "microgrady\[numpy\]"'):
            use()


@given(n=st.integers(2, 80), fraction=st.floats(0.01, 0.9), seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_a_split_is_that_of_scikit_learn(n: int, fraction: float, seed: int) -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    X, y = np.arange(2.0 * n).reshape(n, 2), np.arange(n)
    try:
        there = selection.train_test_split(X, y, test_size=fraction, random_state=seed)
    except ValueError:  # none are left to learn from
        with pytest.raises(ValueError, match="would be left to learn from"):
            data.split(X, y, fraction, seed)
        return
    here = data.split(X, y, fraction, seed)
    assert all((mine == other).all() and mine.dtype == other.dtype for mine, other in zip(here, there, strict=True))


@given(
    sizes=st.lists(st.integers(2, 30), min_size=1, max_size=5),
    fraction=st.floats(0.05, 0.8),
    seed=st.integers(0, 1000),
)
@settings(max_examples=30)
def test_a_stratified_split_keeps_shares_and_all_samples(sizes: list[int], fraction: float, seed: int) -> None:
    y = np.repeat(np.arange(len(sizes)), sizes)
    X = np.arange(len(y))
    if np.ceil(fraction * len(y)) == len(y):
        return
    X_train, X_test, y_train, y_test = data.split(X, y, fraction, seed, stratify=True)
    assert sorted([*X_train, *X_test]) == X.tolist()
    assert (y[X_train] == y_train).all()
    assert (y[X_test] == y_test).all()
    assert len(X_test) == np.ceil(fraction * len(y))
    share = len(X_test) / len(y)
    for label, size in enumerate(sizes):
        assert abs((y_test == label).sum() - share * size) < 1.0
    by_labels = data.split(X, y, fraction, seed, stratify=[f"class {label}" for label in y])
    assert (by_labels[1] == X_test).all()


def test_a_split_of_digits_is_not_the_same_for_another_seed() -> None:
    X, y = data.digits()
    X_train, X_test, y_train, y_test = data.split(X, y)
    assert (len(X_train), len(X_test), len(y_train), len(y_test)) == (1437, 360, 1437, 360)
    assert (data.split(X, y)[3] == y_test).all()
    assert not (data.split(X, y, seed=1)[3] == y_test).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (([1.0, 2.0], [1.0]), ValueError, "X has 2 samples and y has 1: each needs one of the other"),
        (([], []), ValueError, "X and y have no samples"),
        ((3.0, [1.0]), ValueError, r"X must be an array with one row a sample, not float \(3\.0\)"),
        (
            ([[1.0], [2.0, 3.0]], [0, 1]),
            ValueError,
            r"X must be an array, whose rows are of one length, not list \(\[\[",
        ),
        (([1.0, 2.0], [[0], [0, 1]]), ValueError, "y must be an array, whose rows are of one length, not list"),
        (([1.0], 2.0), ValueError, "y must be an array with one row a sample"),
        (([1.0, 2.0], [0, 1], 0), ValueError, "fraction must be between 0 and 1, not 0$"),
        (([1.0, 2.0], [0, 1], 1.0), ValueError, r"fraction must be between 0 and 1, not 1\.0$"),
        (([1.0, 2.0], [0, 1], "half"), TypeError, "fraction must be a number, not str"),
        (([1.0, 2.0], [0, 1], 0.9), ValueError, r"with fraction=0\.9 none of 2 samples would be left to learn from"),
        (([1.0, 2.0], [0, 1], 0.5, "x"), TypeError, "seed must be a whole number"),
        (([1.0, 2.0], [0, 1], 0.5, 0, True), ValueError, "class 0 of stratify has a single sample, which cannot be in"),
        (([1.0, 2.0], [0, 1], 0.5, 0, [1, 2, 3]), ValueError, "stratify must have one class for each of 2 samples"),
        (([1.0, 2.0], [0.0, float("nan")], 0.5, 0, True), ValueError, "the class of sample 1 in stratify is nan"),
    ],
)
def test_a_split_that_cannot_be(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        data.split(*arguments)


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 3), min_size=2, max_size=20))
def test_standardised_data_have_mean_0_and_deviation_1_and_come_back(rows: list[tuple[float, ...]]) -> None:
    X, scaling = data.standardise(rows)
    original = np.array(rows)
    size = 1e-9 * (1.0 + np.abs(original).max(axis=0))
    assert (np.abs(scaling.undo(X) - original) <= size).all()
    assert (scaling.apply(original) == X).all()
    varied = original.std(axis=0) > size
    assert np.allclose(X.mean(axis=0)[varied], 0.0, atol=1e-6)
    assert np.allclose(X.std(axis=0)[varied], 1.0, atol=1e-6)
    constant = (original == original[0]).all(axis=0)
    assert (X[:, constant] == 0.0).all()


def test_standardising_is_that_of_scikit_learn() -> None:
    scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler()
    X, _ = data.auto_mpg()
    mine, scaling = data.standardise(X[:300])
    assert np.allclose(mine, scaler.fit_transform(X[:300]), rtol=1e-12, atol=1e-12)
    assert np.allclose(scaling.apply(X[300:]), scaler.transform(X[300:]), rtol=1e-12, atol=1e-12)
    assert repr(data.standardise([1.0, 3.0])[1]) == "Standardiser(mean=2.0, scale=1.0)"


def test_numbers_to_be_predicted_are_standardised_as_well() -> None:
    y, scaling = data.standardise([10, 20, 30])
    assert abs(y.mean()) < 1e-15
    assert np.allclose(scaling.undo(y), [10.0, 20.0, 30.0])
    assert scaling.undo(0.0) == 20.0
    assert np.allclose(scaling.undo(np.zeros((2, 2))), 20.0)


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        ([[1.0], [float("nan")]], ValueError, r"X\[1, 0\] is nan, which has no place in a mean"),
        ([1.0, float("inf")], ValueError, r"X\[1\] is inf"),
        (["one"], TypeError, "X must be an array of numbers, not list"),
        (["1.0", "2.0"], TypeError, "X must be an array of numbers, not list"),
        ([1.0, 1j], TypeError, r"X must be an array of numbers, not list \(\[1.0, 1j\]\)"),
        ([10**400], TypeError, "X must be an array of numbers, not list"),
        ([[1.0], [1.0, 2.0]], TypeError, "X must be an array of numbers"),
        (5.0, ValueError, r"X must be an array \(samples, columns\) or \(samples,\), but has the shape \(\)"),
        ([], ValueError, r"but has the shape \(0,\)"),
        (np.zeros((2, 2, 2)), ValueError, r"but has the shape \(2, 2, 2\)"),
    ],
)
def test_what_cannot_be_standardised(X: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        data.standardise(X)


def test_data_of_other_columns_are_not_standardised_alike() -> None:
    _, scaling = data.standardise([[1.0, 2.0], [3.0, 4.0]])
    for use in (scaling.apply, scaling.undo):
        with pytest.raises(ValueError, match=r"X must have 2 columns, as the data had .*, but has the shape \(1, 3\)"):
            use([[1.0, 2.0, 3.0]])
        with pytest.raises(ValueError, match=r"X\[0, 1\] is nan"):
            use([[1.0, float("nan")]])


@given(n=st.integers(1, 40), size=st.integers(1, 50), seed=st.integers(0, 1000), shuffle=st.booleans())
@settings(max_examples=30)
def test_batches_have_each_sample_once(n: int, size: int, seed: int, shuffle: bool) -> None:
    X, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    parts = list(data.batches(X, y, size, seed, shuffle))
    assert [len(part) for part, _ in parts] == [min(size, n - start) for start in range(0, n, size)]
    order = np.concatenate([targets for _, targets in parts])
    assert sorted(order) == y.tolist()
    assert (np.concatenate([part for part, _ in parts]) == X[order]).all()
    assert shuffle or (order == y).all()
    again = np.concatenate([targets for _, targets in data.batches(X, y, size, seed=seed, shuffle=shuffle)])
    assert (order == again).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (([1.0], [1.0], 0), ValueError, "batch_size must be at least 1, not 0$"),
        (([1.0], [1.0], -2), ValueError, "batch_size must be at least 1, not -2$"),
        (([1.0], [1.0], 2.0), TypeError, "batch_size must be a whole number, not float"),
        (([1.0], [1.0, 2.0], 1), ValueError, "X has 1 samples and y has 2"),
        (([1.0], [1.0], 1, -1), ValueError, "seed must be a whole number from 0"),
        (([1.0], [1.0], 1, 0, 1), TypeError, "shuffle must be True or False, not int"),
    ],
)
def test_batches_that_cannot_be(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):  # at once, not when the first batch is asked for
        data.batches(*arguments)
