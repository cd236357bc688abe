"""What a pytest suite gets when microgrady is installed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from microgrady.checking import Report
from microgrady.testing import assert_gradient


@pytest.fixture(scope="session")
def gradcheck() -> Callable[..., Report]:
    """The function `microgrady.testing.assert_gradient`: fails unless a gradient is right."""
    return assert_gradient
