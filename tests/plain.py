"""The plain number of a result."""

from __future__ import annotations

from typing import Any

from microgrady import Value


def plain(result: Any) -> float:
    """What is in a Value, or a number itself, as a float."""
    return float(result.data if isinstance(result, Value) else result)
