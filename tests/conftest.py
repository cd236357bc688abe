"""What all tests share."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# How long an example takes says something of the machine, and nothing of what is tested.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# pytest takes the doctests of a compiled module from the .py beside it, and minds that `import` found another file.
os.environ["PY_IGNORE_IMPORTMISMATCH"] = "1"


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Let threads take turns as often as possible."""
    previous = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(previous)


@pytest.fixture
def without_collections() -> Iterator[None]:
    """Collect no garbage: an interrupt that comes while hypothesis is told of a collection is lost."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def without_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Empty the PATH, so that the embedded Graphviz renders."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.fixture
def without_windows() -> Iterator[None]:
    """Draw into memory, and forget what a test has drawn."""
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")
