"""What all tests share."""

import os
import sys
from collections.abc import Iterator

import pytest

# pytest takes the doctests of a compiled module from the .py beside it, and minds that `import` found another file.
os.environ["PY_IGNORE_IMPORTMISMATCH"] = "1"


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Lets threads take turns as often as possible."""
    previous = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(previous)
